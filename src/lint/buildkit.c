#include "lint/buildkit.h"
#include "lint/buildkit_walk.h"
#include "base/buf.h"
#include "oci/platform.h"
#include "oci/reference.h"

/* --- speaking --- */
struct diagnostic *bk_say(struct bk *k, enum bk_rule rule, const struct df_instruction *in, struct df_span where, const char *message, ...)
{
	char text[1024];
	va_list ap;

	k->l->rule = &rules_buildkit[rule];
	va_start(ap, message);
	vsnprintf(text, sizeof text, message, ap);
	va_end(ap);
	return lint_add_at(k->l, in, where, "%s", text);
}

/* The walk goes on where nobody counts lines. */
void bk_stop(struct bk *k) { k->stopped |= k->exact; }

static struct df_span whole(const struct df_instruction *in) { return in->word.span; }

/* --- words --- */
static bool lookup(void *ctx, struct str name, struct str *ret)
{
	const struct df_var *v = df_state_var(((struct bk_expansion *)ctx)->s, name);

	if (!v || !v->value.p)
		return false;
	*ret = v->value;
	return true;
}

static void used(void *ctx, struct str name, u32 at, bool set, bool provided)
{
	struct bk_expansion *x = ctx;
	struct bk_use u = { name, at, set, provided };

	for (u32 i = 0; i < x->n; i++)
		if (str_eq(x->v[i].name, name)) {
			x->v[i].provided &= provided;
			return;
		}
	if (x->n >= 1000) /* different names in one word */
		return;
	VEC_PUSH(x->v, x->n, x->cap, u);
	*(set ? &x->matched : &x->unmatched) += 1;
}

bool bk_expand(struct bk *k, const struct df_state *s, struct str word, const struct word_options *opt, struct bk_expansion *ret)
{
	struct word_env env = { .lookup = lookup, .used = used, .ctx = ret };

	*ret = (struct bk_expansion){ .k = k, .s = s };
	if (!word.p || word.n > k->budget)
		return false;
	if (!str_chr(word, '$') && !str_chr(word, '"') && !str_chr(word, '\'') && !str_chr(word, opt->escape)) {
		ret->result = word;
		return true;
	}
	if (word_expand(&k->tmp, word, opt, &env, &ret->result, NULL) < 0) {
		k->budget -= MIN(k->budget, word.n + (word.n > 4096 ? WORD_BYTES : 0));
		return false;
	}
	k->budget -= MIN(k->budget, word.n + ret->result.n);
	return true;
}

/* Edits that make b of a, when they are fewer than three: Levenshtein's distance in a band. */
static u32 distance(struct str a, struct str b)
{
	u32 row[2][6], best = 3;

	if (a.n > b.n + 2 || b.n > a.n + 2)
		return 3;
	/* row[.][d]: distance of a's first i bytes to b's first i + d - 2 */
	for (u32 d = 0; d < 5; d++)
		row[0][d] = d < 2 ? 3 : d - 2;
	for (size_t i = 1; i <= a.n; i++) {
		u32 *was = row[(i - 1) % 2], *now = row[i % 2];
		best = 3;
		for (u32 d = 0; d < 5; d++) {
			now[d] = 3;
			if (i + d < 2 || i + d - 2 > b.n)
				continue;
			size_t j = i + d - 2;
			u32 same = j ? was[d] + (a.p[i - 1] != b.p[j - 1]) : 3, less = d + 1 < 5 ? was[d + 1] + 1 : 3, more = d && j ? now[d - 1] + 1 : 3;
			now[d] = MIN(MIN(same, less), MIN(more, 3));
			if (!j)
				now[d] = (u32)MIN(i, 3);
			best = MIN(best, now[d]);
		}
		if (best >= 3)
			return 3;
	}
	size_t d = b.n + 2 - a.n;
	return d < 5 ? MIN(row[a.n % 2][d], 3) : 3;
}

struct str bk_similar(struct bk *k, const struct df_state *s, struct str name)
{
	struct str best = { 0 };
	u32 least = 3;

	for (const struct df_var *v = s->vars; v && k->suggest > name.n + 8; v = v->shadow) {
		u32 d = distance(name, v->name);
		k->suggest -= name.n + 8;
		if (d <= least && d < 3 && (v->value.p || !k->exact)) { /* the oldest of those as near: the list goes backwards */
			least = d;
			best = v->name;
		}
	}
	return best;
}

struct str bk_lower(struct arena *a, struct str s)
{
	char *p = arena_strdup(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
	return str_n(p, s.n);
}

static bool is_lower(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return false;
	return true;
}

static bool is_upper(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'a' && s.p[i] <= 'z')
			return false;
	return true;
}

/* --- while the file is read --- */
static void empty_continuations(struct bk *k)
{
	for (u32 i = 0; i < k->l->file.n_instructions; i++) {
		const struct df_instruction *in = &k->l->file.instructions[i];
		if (!in->blank_inside)
			continue;
		/* BuildKit names the line where the continuation ends, not the one where it is empty. */
		struct df_span where = { k->l->file.lines[in->head_end - 1], k->l->file.lines[in->head_end - 1] };
		if (!k->exact)
			where = in->word.span;
		struct diagnostic *d = bk_say(k, BK_NO_EMPTY_CONTINUATION, k->exact ? NULL : in, where, "an empty line inside a continued %s will end it in a future release",
			in->keyword ? df_keyword_text[in->keyword] : "instruction");
		d->instruction = i;
		if (!in->bad && !k->l->refused)
			bk_fix_empty_lines(k->l, d, in);
	}
}

/* The last comment of those right above an instruction: a description, if it begins with the name of what is described. */
static struct str description(const struct bk *k, const struct df_instruction *in)
{
	const struct df_file *f = &k->l->file;
	u32 low = 0, high = f->n_comments;

	while (low < high) { /* the first comment at or behind the instruction's line */
		u32 mid = (low + high) / 2;
		if (f->comments[mid].line < in->line)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low || f->comments[low - 1].line + 1 != in->line || f->comments[low - 1].inside)
		return (struct str){ 0 };
	const struct df_comment *c = &f->comments[low - 1];
	for (u32 i = 0; i < f->n_directives; i++)
		if (f->directives[i].line == c->line)
			return (struct str){ 0 };
	return str_trim(str_n(f->text.p + c->span.at + 1, c->span.end - c->span.at - 1));
}

static void definition_description(struct bk *k, const struct df_instruction *in)
{
	struct str comment = description(k, in), rest = comment, first, example = { 0 };
	u32 n = 0;

	if (!comment.n)
		return;
	first = str_cut(&rest, ' ');
	if (in->keyword == DF_FROM) {
		if (in->n_args != 3)
			return;
		example = bk_lower(&k->tmp, in->args[2].s);
		if (str_eq(first, example))
			return;
		n = 1;
	}
	for (u32 i = 0; i < in->n_pairs; i++, n++) {
		if (str_eq(first, in->pairs[i].name.s))
			return;
		example = in->pairs[i].name.s;
	}
	if (n > 1)
		example = STR("<name>");
	if (n)
		bk_say(k, BK_DEFINITION_DESCRIPTION, in, whole(in), "the comment right above this %s is taken for its description, but doesn't begin with its name: `# %.*s …`",
			df_keyword_text[in->keyword], STR_FMT(example));
}

static void from_words(struct bk *k, const struct df_instruction *in)
{
	struct diagnostic *d;

	if (in->n_args == 3 && !is_lower(in->args[2].s)) {
		d = bk_say(k, BK_STAGE_NAME_CASING, in, in->args[2].span, "the name of stage '%.*s' should be in lower case", STR_FMT(in->args[2].s));
		u32 st = k->l->graph.stage_of[in->index];
		if (st != DF_NONE)
			bk_fix_stage_name(k->l, d, &k->l->graph.stages[st]);
	}
	if (in->n_args < 3)
		return;
	bool lower = is_lower(in->word.s);
	if ((lower && !is_lower(in->args[1].s)) || (!lower && is_upper(in->word.s) && !is_upper(in->args[1].s))) {
		d = bk_say(k, BK_FROM_AS_CASING, in, in->args[1].span, "'%.*s' and '%.*s' are not in the same case", STR_FMT(in->args[1].s), STR_FMT(in->word.s));
		bk_fix_word_case(k->l, d, &in->args[1], lower, "Write AS in the case of FROM");
	}
}

/* Where BuildKit stops reading: nowhere, at an instruction, or before it said anything. */
static bool read_until(struct bk *k)
{
	const struct df_file *f = &k->l->file;
	u32 line = UINT32_MAX;

	k->seen = f->n_instructions;
	for (u32 i = 0; i < f->n_errors; i++) {
		const struct df_error *e = &f->errors[i];
		if (e->fatal && !e->late && k->exact)
			return false;
		if (e->fatal || e->order)
			line = MIN(line, e->line);
	}
	if (line == UINT32_MAX)
		return true;
	for (u32 i = 0; k->exact && i < f->n_instructions; i++)
		if (f->instructions[i].line >= line) {
			k->seen = i;
			break;
		}
	bk_stop(k);
	return true;
}

static void reading(struct bk *k)
{
	empty_continuations(k);
	for (u32 i = 0; i < k->l->file.n_instructions && (i < k->seen + k->exact || !k->exact); i++) {
		const struct df_instruction *in = &k->l->file.instructions[i];
		bool last = k->exact && i == k->seen; /* the one that is refused: what is asked before it is parsed */

		if (in->bad && !last)
			continue;
		if (in->keyword == DF_FROM)
			from_words(k, in);
		if (!last && (in->keyword == DF_FROM || in->keyword == DF_ARG))
			definition_description(k, in);
		arena_free(&k->tmp);
	}
}

/* --- the stages as a whole --- */
static void stage_names(struct bk *k)
{
	const struct df_graph *g = &k->l->graph;

	for (u32 i = 0; i < g->n_stages; i++) {
		const struct df_stage *st = &g->stages[i];
		if (!st->name.n || st->from == DF_NONE)
			continue;
		const struct df_instruction *in = &k->l->file.instructions[st->from];
		if (str_ieq(st->name, STR("scratch")) || str_ieq(st->name, STR("context")))
			bk_say(k, BK_RESERVED_STAGE_NAME, in, in->args[2].span, "a stage should not be called '%.*s': the name is reserved", STR_FMT(st->name));
		if (df_graph_named(g, st->name, i) != DF_NONE)
			bk_say(k, BK_DUPLICATE_STAGE_NAME, in, in->args[2].span, "there is a stage called '%.*s' already", STR_FMT(st->name));
	}
}

static void instruction_casing(struct bk *k)
{
	const struct df_file *f = &k->l->file;
	u32 lower = 0, upper = 0;

	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < f->n_instructions; i++) {
			const struct df_instruction *in = &f->instructions[i];
			bool low = is_lower(in->word.s), up = is_upper(in->word.s), wanted = lower > upper;

			if (in->keyword == DF_UNKNOWN || (k->exact && k->l->graph.stage_of[i] == DF_NONE)) /* BuildKit looks at stages only */
				continue;
			if (!pass) {
				lower += low;
				upper += up && !low;
			} else if (wanted ? !low : !up) {
				struct diagnostic *d = bk_say(k, BK_INSTRUCTION_CASING, in, in->word.span, "'%.*s' should be in %s case, as most instructions of this file are",
					STR_FMT(in->word.s), wanted ? "lower" : "upper");
				bk_fix_word_case(k->l, d, &in->word, wanted, "Write all instructions in the same case");
			}
		}
}

/* --- FROM --- */
static bool is_reference(struct str s)
{
	struct arena a = { 0 };
	struct reference r;
	bool ok = s.n < 4096 && reference_parse(&a, s, &r, NULL) == 0;

	arena_free(&a);
	return ok;
}

/* Whether the defaults alone give an image; build arguments don't count. */
static void default_arguments(struct bk *k)
{
	struct df_graph plain = { 0 };
	const struct df_graph *g = &k->l->graph;
	struct word_options opt = { .escape = k->l->file.escape };

	if (k->l->opt->n_build_args) {
		df_graph_build(&k->l->file, NULL, &plain);
		g = &plain;
	}
	for (u32 i = 0; i < g->n_stages; i++) {
		const struct df_stage *st = &g->stages[i];
		struct bk_expansion x;

		if (st->from == DF_NONE || k->l->file.instructions[st->from].bad)
			continue;
		bool ok = bk_expand(k, g->global_state, st->image, &opt, &x);
		if (ok && !is_reference(x.result))
			bk_say(k, BK_INVALID_DEFAULT_ARG, &k->l->file.instructions[st->from], k->l->file.instructions[st->from].args[0].span,
				"without build arguments %.*s gives no valid image name", STR_FMT(st->image));
		free(x.v);
		arena_free(&k->tmp);
		if (!ok)
			break;
	}
	df_graph_free(&plain);
}

/* The arguments in front of the first FROM: when one cannot be expanded BuildKit ends here. */
static void global_arguments(struct bk *k)
{
	const struct df_graph *g = &k->l->graph;
	struct word_options opt = { .escape = k->l->file.escape };
	bool ok = true;

	for (u32 i = 0; k->exact && ok && i < k->l->file.n_instructions && g->stage_of[i] == DF_NONE; i++) {
		const struct df_instruction *in = &k->l->file.instructions[i];
		for (u32 p = 0; p < in->n_pairs && ok; p++) {
			struct bk_expansion x = { 0 };
			ok = !in->pairs[p].value.s.p || bk_expand(k, g->state[i], in->pairs[p].value.s, &opt, &x);
			free(x.v);
		}
		arena_free(&k->tmp);
	}
	if (!ok)
		bk_stop(k);
	else
		default_arguments(k);
}

static bool declared(const struct bk *k, struct str name) { return df_state_var(k->l->graph.global_state, name) != NULL; }

static void undeclared(struct bk *k, const struct df_instruction *in, struct df_span span, struct str word, const struct bk_expansion *x)
{
	for (u32 i = 0; i < x->n; i++) {
		const struct bk_use *u = &x->v[i];
		if (u->set || declared(k, u->name) || (u->provided && !k->exact))
			continue;
		struct str near = bk_similar(k, k->l->graph.global_state, u->name);
		bool plain = bk_plain(k->l, span, word);
		struct df_span where = plain ? (struct df_span){ span.at + u->at, span.at + u->at + (u32)u->name.n + 1 } : span;
		struct diagnostic *d = bk_say(k, BK_UNDEFINED_ARG_IN_FROM, in, where, "no ARG before the first FROM declares '%.*s'%s%.*s%s", STR_FMT(u->name), near.n ? " (did you mean " : "",
			STR_FMT(near), near.n ? "?)" : "");
		if (plain && near.n)
			bk_fix_variable(k->l, d, span.at + u->at, u->name, near);
	}
}

static void platform(struct bk *k, const struct df_stage *st, const struct df_instruction *in)
{
	const struct df_state *s = k->l->graph.global_state;
	const struct df_flag *f = df_flag(in, "platform");
	struct word_options opt = { .escape = k->l->file.escape };
	struct bk_expansion x;
	struct platform p;
	struct str target = { 0 };
	struct df_span value = { f->span.end - MIN((u32)f->value.n, f->span.end - f->span.at), f->span.end };

	bool ok = bk_expand(k, s, f->value, &opt, &x);
	undeclared(k, in, value, f->value, &x);
	const struct df_var *v = df_state_var(s, STR("TARGETPLATFORM"));
	if (v)
		target = v->value;
	if (ok && x.matched == 1 && !x.unmatched && str_is(x.v[0].name, "TARGETPLATFORM") && str_eq(x.result, target)) {
		struct diagnostic *d = bk_say(k, BK_REDUNDANT_TARGET_PLATFORM, in, f->span, "--platform=%.*s says what holds anyway", STR_FMT(f->value));
		bk_fix_platform(k->l, d, in, f);
	}
	bool valid = ok && platform_parse(x.result, &p, NULL) == 0;
	if (valid && !x.n) {
		struct str name = st->name.n ? bk_lower(&k->tmp, st->name) : STR("");
		if (!str_contains(name, str_of(p.os)) && !str_contains(name, str_of(p.arch)))
			bk_say(k, BK_PLATFORM_CONST, in, f->span, "--platform has the constant value \"%.*s\": the stage can be built for no other platform", STR_FMT(x.result));
	}
	if (!valid)
		bk_stop(k);
	free(x.v);
}

static void from(struct bk *k, const struct df_stage *st)
{
	const struct df_instruction *in = &k->l->file.instructions[st->from];
	struct word_options opt = { .escape = k->l->file.escape };
	struct bk_expansion x;

	if (in->bad || !in->n_args)
		return;
	bool ok = bk_expand(k, k->l->graph.global_state, st->image, &opt, &x);
	undeclared(k, in, in->args[0].span, st->image, &x);
	if (!ok || !x.result.n)
		bk_stop(k);
	free(x.v);
	if (!k->stopped && st->platform.n)
		platform(k, st, in);
	arena_free(&k->tmp);
}

/* What is found when sources and images are looked up, before any instruction is judged. */
static void resolve(struct bk *k)
{
	const struct df_graph *g = &k->l->graph;
	const struct df_file *f = &k->l->file;
	struct word_options opt = { .escape = f->escape };

	for (u32 i = 0; i < f->n_instructions && !k->stopped; i++) {
		const struct df_flag *from = f->instructions[i].keyword == DF_COPY ? df_flag(&f->instructions[i], "from") : NULL;
		struct df_state none = { 0 };
		struct bk_expansion x;
		u64 index;
		if (!from || !from->value.n)
			continue;
		if (!bk_expand(k, &none, from->value, &opt, &x) || !str_eq(x.result, from->value) || (str_to_u64(from->value, &index) && index >= g->n_stages) ||
		    df_graph_stage(g, from->value, g->n_stages) == g->stage_of[i])
			bk_stop(k);
		free(x.v);
		arena_free(&k->tmp);
	}
	for (u32 i = 0; i < g->n_stages && !k->stopped; i++) {
		const struct df_stage *st = &g->stages[i];
		struct bk_expansion x;
		if (st->base != DF_NONE || st->scratch || st->from == DF_NONE)
			continue;
		if (bk_expand(k, g->global_state, st->image, &opt, &x) && !is_reference(x.result))
			bk_stop(k);
		free(x.v);
		arena_free(&k->tmp);
	}
}

static void base_platforms(struct bk *k)
{
	const struct df_graph *g = &k->l->graph;

	for (u32 i = 0; i < g->n_stages; i++) {
		const struct df_stage *st = &g->stages[i];
		struct word_options opt = { .escape = k->l->file.escape };
		struct bk_expansion x;
		struct platform p = { 0 };
		if (!st->base_os.n || st->from == DF_NONE)
			continue;
		if (bk_expand(k, g->global_state, st->platform.n ? st->platform : STR("$TARGETPLATFORM"), &opt, &x) && platform_parse(x.result, &p, NULL) == 0 &&
		    (!str_is(st->base_os, p.os) || !str_is(st->base_arch, p.arch)))
			bk_say(k, BK_BASE_IMAGE_PLATFORM, &k->l->file.instructions[st->from], k->l->file.instructions[st->from].args[0].span, "%.*s is made for %.*s/%.*s, the build is for %s/%s",
				STR_FMT(st->image), STR_FMT(st->base_os), STR_FMT(st->base_arch), p.os, p.arch);
		free(x.v);
	}
	arena_free(&k->tmp);
}

void buildkit_check(struct lint *l)
{
	struct bk k = { .l = l, .exact = l->codes == LINT_BUILDKIT, .budget = BK_EXPANDED, .suggest = BK_SUGGEST, .has_ignore = l->opt->ignored_files.p != NULL };
	struct arena patterns = { 0 };

	if (!read_until(&k))
		return;
	reading(&k);
	if (k.stopped || !l->graph.n_stages)
		return;
	stage_names(&k);
	instruction_casing(&k);
	global_arguments(&k);
	for (u32 i = 0; i < l->graph.n_stages && !k.stopped; i++)
		if (l->graph.stages[i].from != DF_NONE)
			from(&k, &l->graph.stages[i]);
	if (!k.stopped)
		resolve(&k);
	if (!k.stopped) {
		base_platforms(&k);
		if (k.has_ignore)
			dockerignore_read(&patterns, l->opt->ignored_files, &k.ignore);
		bk_dispatch(&k);
	}
	arena_free(&patterns);
	arena_free(&k.tmp);
}
