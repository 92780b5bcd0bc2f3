#include "dockerfile/graph.h"
#include "base/buf.h"
#include "base/hash.h"

/* What BuildKit itself sets: proxies in every RUN, the platforms where FROM is expanded and where a stage declares them. */
const char *const df_predefined_args[] = {
	"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy",
	"BUILDPLATFORM", "BUILDOS", "BUILDOSVERSION", "BUILDARCH", "BUILDVARIANT",
	"TARGETPLATFORM", "TARGETOS", "TARGETOSVERSION", "TARGETARCH", "TARGETVARIANT", "TARGETSTAGE", NULL
};

/* The newest variable of each name: a binary tree ordered by seeded hash, so that it is as balanced as a random one, whose paths are copied when it
 * changes; older states keep theirs. What no state has yet (made in this epoch) is changed in place. */
struct df_scope {
	const struct df_scope *less, *more;
	const struct df_var *var;
	u64 hash;
	u32 epoch;
};

struct build {
	struct df_graph *g;
	const struct df_file *f;
	const struct df_graph_options *opt;
	size_t budget;              /* bytes that expansion may still make */
	u32 n_vars, epoch;          /* epoch: a new one with each state that is handed out */
	u32 triggers;               /* ONBUILD instructions that may still be looked at */
	u64 looks;                  /* variables that env_again() may still look at */
	struct df_state now;        /* of the stage that is built */
	bool from;                  /* a FROM is expanded */
	const struct df_state *shared; /* `now` as last handed out; NULL once it changed */
	u32 *uses;                  /* of the stage that is built */
	u32 n_uses, cap_uses;
	u32 *used_by;               /* by stage: the last one that uses it, plus one */
	struct df_stage *stages;    /* g->stages */
};

/* ---- variables ---- */

static int compare(u64 hash, struct str name, const struct df_scope *s)
{
	return hash != s->hash ? (hash < s->hash ? -1 : 1) : str_cmp(name, s->var->name);
}

static const struct df_scope *scope_add(struct arena *a, const struct df_scope *root, const struct df_var *v, u32 epoch)
{
	u64 hash = hash64(v->name, hash_seed);
	const struct df_scope *ret = NULL, **place = &ret;

	while (root) {
		struct df_scope *own = (struct df_scope *)(uintptr_t)root;
		int c = compare(hash, v->name, root);

		if (root->epoch != epoch) {
			own = arena_new(a, struct df_scope);
			*own = *root;
			own->epoch = epoch;
		}
		*place = own;
		if (!c) {
			own->var = v;
			return ret;
		}
		place = c < 0 ? &own->less : &own->more;
		root = *place;
	}
	struct df_scope *leaf = arena_new(a, struct df_scope);
	*leaf = (struct df_scope){ .var = v, .hash = hash, .epoch = epoch };
	*place = leaf;
	return ret;
}

const struct df_var *df_state_var(const struct df_state *s, struct str name)
{
	u64 hash = hash64(name, hash_seed);

	for (const struct df_scope *n = s->scope; n;) {
		int c = compare(hash, name, n);
		if (!c)
			return n->var;
		n = c < 0 ? n->less : n->more;
	}
	return NULL;
}

static bool state_lookup(void *ctx, struct str name, struct str *ret)
{
	const struct df_var *v = df_state_var(ctx, name);

	if (!v || !v->value.p)
		return false;
	*ret = v->value;
	return true;
}

struct word_env df_state_env(const struct df_state *s)
{
	return (struct word_env){ .lookup = state_lookup, .ctx = (void *)(uintptr_t)s };
}

static void set(struct build *b, struct df_var v)
{
	struct df_var *n;

	b->shared = NULL;
	if (b->n_vars++ >= DF_VARS) {
		b->now.env_known = false;
		b->g->over = true;
		return;
	}
	if (!v.env && !b->now.arg_over_env) {
		const struct df_var *old = df_state_var(&b->now, v.name);
		b->now.arg_over_env = old && old->env;
	}
	n = arena_new(&b->g->arena, struct df_var);
	*n = v;
	n->shadow = b->now.vars;
	b->now.vars = n;
	b->now.scope = scope_add(&b->g->arena, b->now.scope, n, b->epoch);
}

/* ---- expansion ---- */

struct look {
	const struct df_state *s;
	bool from;    /* FROM: what has no value is not known, even where it is known not to be set */
	bool unknown; /* a variable was used that nobody knows the value of */
};

static bool look(void *ctx, struct str name, struct str *ret) { return state_lookup((void *)(uintptr_t)((struct look *)ctx)->s, name, ret); }

/* `${X:-default}` is the default unless somebody sets X. */
static void used(void *ctx, struct str name, u32 at, bool is_set, bool provided)
{
	struct look *l = ctx;
	const struct df_var *v = df_state_var(l->s, name);

	(void)at;
	if (v ? !v->known && (is_set || !provided) : l->from ? !provided : !l->s->env_known)
		l->unknown = true;
}

/* False when it cannot be expanded, or the budget is used up. *known: no variable of unknown value had a part in it. */
static bool expand(struct build *b, struct str word, bool skip_unset, struct str *ret, bool *known)
{
	struct look l = { .s = &b->now, .from = b->from };
	struct word_env env = { .lookup = look, .used = used, .ctx = &l };
	struct word_options o = { .escape = b->f->escape ? b->f->escape : '\\', .skip_unset = skip_unset };

	if (word.p && word.n > b->budget)
		b->g->over = true;
	if (!word.p || word.n > b->budget)
		return false;
	if (word_expand(&b->g->arena, word, &o, &env, ret, NULL) < 0) {
		b->budget -= MIN(b->budget, WORD_BYTES);
		return false;
	}
	b->budget -= MIN(b->budget, ret->n);
	*known = !l.unknown || (b->opt && b->opt->exact);
	return true;
}

/* The last value that NAME=VALUE pairs give; p NULL: none. */
static struct str value_of(const struct str *pairs, u32 n, struct str name)
{
	for (u32 i = n; i-- > 0;) {
		struct str value = pairs[i], key = str_cut(&value, '=');
		if (str_eq(key, name) && value.p)
			return value;
	}
	return (struct str){ 0 };
}

static struct str build_arg(const struct build *b, struct str name) { return b->opt ? value_of(b->opt->build_args, b->opt->n_build_args, name) : (struct str){ 0 }; }

/* ---- instructions ---- */

static void arg(struct build *b, const struct df_instruction *in, bool global)
{
	for (u32 i = 0; i < in->n_pairs; i++) {
		struct str name = in->pairs[i].name.s;
		bool known = false;

		if (!global && (!expand(b, name, false, &name, &known) || !name.n))
			continue;
		struct df_var v = { .name = name, .value = build_arg(b, name), .known = true, .instruction = in->index };
		const struct df_var *up = global ? NULL : df_state_var(b->g->global_state, v.name);

		if (up)
			v.predefined = up->predefined;
		if (!v.value.p && in->pairs[i].value.s.p) {
			if (!expand(b, in->pairs[i].value.s, false, &v.value, &known))
				v.value = (struct str){ 0 };
			v.known = known;
		} else if (!v.value.p && up && up->value.p) {
			v.value = up->value;
			v.known = up->known;
		} else if (!v.value.p) {
			/* Declared only: what was set before under that name stays. */
			const struct df_var *old = df_state_var(&b->now, v.name);
			if (old && old->value.p)
				continue;
			v.known = false;
		}
		set(b, v);
	}
}

/* All of an ENV is expanded before any of it holds. */
static void env(struct build *b, const struct df_instruction *in)
{
	struct build before = *b;

	b->epoch++;
	for (u32 i = 0; i < in->n_pairs; i++) {
		struct df_var v = { .env = true, .instruction = in->index };
		bool known = false, name_known = false;

		if (!expand(&before, in->pairs[i].name.s, false, &v.name, &name_known) || !v.name.n)
			continue;
		if (!expand(&before, in->pairs[i].value.s, false, &v.value, &known))
			v.value = (struct str){ 0 };
		v.known = known;
		b->budget = before.budget;
		set(b, v);
	}
}

/* A drive's letter means Windows, whatever the image is called. */
static bool absolute(struct str path, bool windows)
{
	return path.n && (path.p[0] == '/' || (windows && path.p[0] == '\\') || (path.n > 2 && path.p[1] == ':' && (path.p[2] == '\\' || path.p[2] == '/')));
}

struct str df_path_join(struct arena *a, struct str base, struct str path)
{
	char *out = arena_alloc(a, base.n + path.n + 2);
	size_t n = 0;
	bool abs = base.n && base.p[0] == '/';
	struct str parts[2] = { base, path };

	for (u32 i = 0; i < 2; i++)
		for (struct str rest = parts[i], part; rest.p;) {
			part = str_cut(&rest, '/');
			if (!part.n || str_is(part, "."))
				continue;
			if (str_is(part, "..")) {
				while (n && out[--n] != '/')
					;
				continue;
			}
			if (abs || n)
				out[n++] = '/';
			memcpy(out + n, part.p, part.n);
			n += part.n;
		}
	if (!n)
		out[n++] = abs ? '/' : '.';
	return str_n(out, n);
}

#define WORKDIR_BYTES 1024 /* of a path that is put together from relative ones */

static void workdir(struct build *b, const struct df_stage *st, const struct df_instruction *in)
{
	struct str path = { 0 };
	bool known = false;

	if (!in->n_args || !expand(b, in->args[0].s, false, &path, &known))
		return;
	b->now.workdir_set = true;
	b->now.workdir_at = in->index;
	b->shared = NULL;
	if (b->now.workdir.n + path.n > WORKDIR_BYTES && !absolute(path, st->windows))
		return; /* nobody's: it would only grow with each line */
	if (absolute(path, st->windows))
		b->now.workdir = path.p[0] == '/' ? df_path_join(&b->g->arena, STR("/"), path) : path;
	else
		b->now.workdir = df_path_join(&b->g->arena, b->now.workdir.p ? b->now.workdir : st->scratch ? STR("/") : STR(""), path);
}

static void shell(struct build *b, const struct df_instruction *in)
{
	struct str *words = arena_array(&b->g->arena, struct str, in->n_args + 1);

	if (!in->json)
		return;
	for (u32 i = 0; i < in->n_args; i++)
		words[i] = in->args[i].s;
	b->now.shell = words;
	b->now.n_shell = in->n_args;
	b->now.shell_at = in->index;
	b->shared = NULL;
}

static void user(struct build *b, const struct df_instruction *in)
{
	struct str name = { 0 };
	bool known = false;

	if (!in->n_args)
		return;
	if (!expand(b, in->args[0].s, false, &name, &known) || !known)
		if (!name.n)
			name = in->args[0].s; /* as written says more than nothing */
	b->now.user = name;
	b->now.user_at = in->index;
	b->shared = NULL;
}

static void use(struct build *b, u32 by, u32 stage)
{
	if (stage == DF_NONE || b->used_by[stage] == by + 1)
		return;
	b->used_by[stage] = by + 1;
	VEC_PUSH(b->uses, b->n_uses, b->cap_uses, stage);
}

/* The value of `key` in a mount, `type=cache,from=build,target=/x`. */
static struct str mount_value(struct str mount, const char *key)
{
	struct str ret = { 0 };

	while (mount.p) {
		struct str value = str_cut(&mount, ','), k = str_cut(&value, '=');
		if (str_ieq(str_trim(k), str_of(key)) && value.p)
			ret = value;
	}
	return ret;
}

static void use_all(struct build *b, u32 by, const struct df_instruction *in)
{
	const struct df_flag *m = NULL;

	if (in->keyword == DF_COPY || in->keyword == DF_ADD) {
		const struct df_flag *from = df_flag(in, "from");
		if (from && from->value.p)
			use(b, by, df_graph_stage(b->g, from->value, by));
	} else if (in->keyword == DF_RUN) {
		while ((m = df_flags_next(in, "mount", m))) {
			struct str from = m->value.p ? mount_value(m->value, "from") : (struct str){ 0 };
			if (from.n)
				use(b, by, df_graph_stage(b->g, from, by));
		}
	}
}

static void apply(struct build *b, const struct df_stage *st, const struct df_instruction *in)
{
	if (in->bad)
		return;
	use_all(b, st->index, in);
	switch (in->keyword) {
	case DF_ARG: arg(b, in, false); break;
	case DF_ENV: env(b, in); break;
	case DF_WORKDIR: workdir(b, st, in); break;
	case DF_SHELL: shell(b, in); break;
	case DF_USER: user(b, in); break;
	default: break;
	}
}

/* ---- stages ---- */

static int name_cmp(struct str a, struct str b)
{
	for (size_t i = 0; i < MIN(a.n, b.n); i++) {
		int x = a.p[i] >= 'A' && a.p[i] <= 'Z' ? a.p[i] + 32 : a.p[i], y = b.p[i] >= 'A' && b.p[i] <= 'Z' ? b.p[i] + 32 : b.p[i];
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

static int by_name(const void *a, const void *b, void *stages)
{
	const struct df_stage *x = (const struct df_stage *)stages + *(const u32 *)a, *y = (const struct df_stage *)stages + *(const u32 *)b;
	int c = name_cmp(x->name, y->name);

	return c ? c : x->index < y->index ? -1 : x->index > y->index;
}

/* The last stage of that name before `before`. */
u32 df_graph_named(const struct df_graph *g, struct str name, u32 before)
{
	u32 low = 0, high = g->n_stages;

	if (!name.n)
		return DF_NONE;
	while (low < high) { /* the first entry at or behind (name, before) */
		u32 mid = low + (high - low) / 2, i = g->by_name[mid];
		int c = name_cmp(g->stages[i].name, name);
		if (c < 0 || (!c && i < before))
			low = mid + 1;
		else
			high = mid;
	}
	return low && !name_cmp(g->stages[g->by_name[low - 1]].name, name) ? g->by_name[low - 1] : DF_NONE;
}

u32 df_graph_stage(const struct df_graph *g, struct str name, u32 before)
{
	u64 number;

	if (str_to_u64(name, &number))
		return number < MIN(before, g->n_stages) ? (u32)number : DF_NONE;
	return df_graph_named(g, name, before);
}

static bool lower(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return false;
	return true;
}

static bool contains_any(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_contains(s, str_of(*words)))
			return true;
	return false;
}

static bool is_windows(struct str image, struct str platform)
{
	static const char *const images[] = { "windows", "nanoserver", "servercore", "dotnet/framework", NULL };

	return contains_any(image, images) || str_starts(platform, STR("windows"));
}

/* Which instructions make which stage; names. Expansion is not needed for that. */
static void cut(struct build *b)
{
	struct df_graph *g = b->g;
	const struct df_file *f = b->f;
	u32 *stage_of = arena_array(&g->arena, u32, f->n_instructions + 1), *order, n = 0;
	struct df_stage *st = NULL;

	for (u32 i = 0; i < f->n_instructions; i++)
		n += f->instructions[i].keyword == DF_FROM;
	b->stages = g->stages = arena_array(&g->arena, struct df_stage, n + 1); /* one more: of what stands before the first FROM */
	for (u32 i = 0; i < f->n_instructions; i++) {
		const struct df_instruction *in = &f->instructions[i];
		bool from = in->keyword == DF_FROM;

		if (from || (!st && in->keyword != DF_ARG)) {
			st = &g->stages[g->n_stages];
			*st = (struct df_stage){ .index = g->n_stages++, .from = from ? i : DF_NONE, .first = i, .base = DF_NONE };
			if (from && in->n_args)
				st->image = in->args[0].s;
			if (from && in->n_args > 2 && str_ieq(in->args[1].s, STR("as")))
				st->name = in->args[2].s;
			st->replaced = st->name.n && b->opt && b->opt->replaced && b->opt->replaced(b->opt->ctx, st->name);
			const struct df_flag *platform = from ? df_flag(in, "platform") : NULL;
			if (platform)
				st->platform = platform->value;
		}
		stage_of[i] = st ? st->index : DF_NONE;
		if (st && (from || !st->replaced)) {
			st->end = i + 1;
			st->n_onbuild += in->keyword == DF_ONBUILD;
		}
	}
	g->stage_of = stage_of;
	order = arena_array(&g->arena, u32, g->n_stages + 1);
	for (u32 i = 0; i < g->n_stages; i++)
		order[i] = i;
	qsort_r(order, g->n_stages, sizeof *order, by_name, g->stages);
	g->by_name = order;
}

/* The platform arguments, then the ARGs in front of the first FROM. */
static void globals(struct build *b)
{
	static const char *const platform[][2] = {
		{ "BUILDPLATFORM", "linux/amd64" }, { "BUILDOS", "linux" }, { "BUILDOSVERSION", "" }, { "BUILDARCH", "amd64" }, { "BUILDVARIANT", "" },
		{ "TARGETPLATFORM", "linux/amd64" }, { "TARGETOS", "linux" }, { "TARGETOSVERSION", "" }, { "TARGETARCH", "amd64" },
		{ "TARGETVARIANT", "" }, { "TARGETSTAGE", "default" },
	};
	struct df_graph *g = b->g;

	b->now = (struct df_state){ .user_at = DF_NONE, .workdir_at = DF_NONE, .shell_at = DF_NONE, .env_known = true };
	for (u32 i = 0; i < countof(platform); i++) {
		struct df_var v = { .name = str_of(platform[i][0]), .known = true, .predefined = true, .instruction = DF_NONE };
		struct str named_value = build_arg(b, v.name);

		struct str given = b->opt ? value_of(b->opt->platform, b->opt->n_platform, v.name) : (struct str){ 0 };
		v.value = named_value.p ? named_value : given.p ? given : str_of(platform[i][1]);
		if (i + 1 == countof(platform) && g->n_stages && !named_value.p && g->stages[g->n_stages - 1].name.n)
			v.value = b->opt && b->opt->target.n ? b->opt->target : g->stages[g->n_stages - 1].name;
		set(b, v);
	}
	for (u32 i = 0; i < b->f->n_instructions && g->stage_of[i] == DF_NONE; i++) {
		struct df_state *s = arena_new(&g->arena, struct df_state);
		*s = b->now;
		b->epoch++;
		g->state[i] = s;
		if (!b->f->instructions[i].bad)
			arg(b, &b->f->instructions[i], true);
	}
	struct df_state *s = arena_new(&g->arena, struct df_state);
	*s = b->now;
	b->epoch++;
	g->global_state = s;
	g->globals = s->vars;
}

/* What FROM names: an earlier stage, scratch, or an image. BuildKit compares the expanded name with the stages' names in lower case. */
static void resolve(struct build *b, struct df_stage *st)
{
	struct str real = { 0 };
	bool known = false;

	if (st->replaced) {
		st->image_known = true;
		st->image_expanded = st->name;
		return;
	}
	b->now = *b->g->global_state;
	b->from = true;
	if (!expand(b, st->image, false, &real, &known))
		real = st->image;
	st->image_known = known;
	st->image_expanded = real;
	if (!known && !expand(b, st->image, true, &st->image_expanded, &known))
		st->image_expanded = st->image;
	b->from = false;
	if (lower(real))
		st->base = df_graph_named(b->g, real, st->index);
	st->scratch = st->base == DF_NONE && str_is(real, "scratch");
	st->windows = (st->base == DF_NONE && is_windows(st->image_expanded, st->platform)) || (st->base != DF_NONE && b->stages[st->base].windows);
}

static const struct df_state *share(struct build *b)
{
	if (!b->shared) {
		struct df_state *s = arena_new(&b->g->arena, struct df_state);
		*s = b->now;
		b->shared = s;
		b->epoch++;
	}
	return b->shared;
}

static void apply_image(struct build *b, struct df_stage *st, const struct df_base *base)
{
	struct df_graph *g = b->g;

	for (u32 i = 0; i < base->n_env; i++) {
		struct df_var v = { .known = true, .env = true, .instruction = DF_NONE, .value = base->env[i] };
		v.name = str_cut(&v.value, '=');
		if (!v.value.p)
			v.value = STR("");
		set(b, v);
	}
	st->base_os = base->os;
	st->base_arch = base->arch;
	b->now.user = base->user;
	b->now.workdir = base->workdir;
	b->now.shell = base->n_shell ? base->shell : NULL;
	b->now.n_shell = base->n_shell;
	g->onbuild = xrealloc(g->onbuild, (g->n_onbuild + base->n_onbuild + 1) * sizeof *g->onbuild);
	struct df_trigger *t = arena_array(&g->arena, struct df_trigger, base->n_onbuild + 1);
	st->triggers = t;
	for (u32 i = 0; i < base->n_onbuild; i++, t++) {
		struct df_file *f = &g->onbuild[g->n_onbuild];
		*t = (struct df_trigger){ .why = "it is too long", .text = base->onbuild[i], .state = share(b) };
		st->n_triggers++;
		if (df_parse(base->onbuild[i], f, NULL) < 0)
			continue;
		g->n_onbuild++;
		t->why = f->n_errors ? f->errors[0].message : "it is not one instruction";
		if (f->n_instructions == 1 && !f->refused && !f->instructions[0].bad) {
			t->instruction = &f->instructions[0];
			apply(b, st, t->instruction);
		}
	}
}

/* The triggers of a stage of the same file. */
static void apply_triggers(struct build *b, struct df_stage *st, const struct df_stage *base)
{
	struct df_trigger *t = arena_array(&b->g->arena, struct df_trigger, base->n_onbuild + 1);

	st->triggers = t;
	for (u32 i = base->first; base->n_onbuild && i < base->end; i++) {
		const struct df_instruction *in = &b->f->instructions[i];

		if (!b->triggers) {
			b->g->over = true;
			return;
		}
		b->triggers--;
		if (in->keyword != DF_ONBUILD || !in->trigger)
			continue;
		*t = (struct df_trigger){ .why = "it is no instruction that can be triggered", .text = in->rest.s, .state = share(b) };
		bool bad = in->bad || in->trigger->bad;
		for (u32 k = 0; bad && k < b->f->n_errors; k++)
			if (b->f->errors[k].line == in->line)
				t->why = b->f->errors[k].message;
		if (!bad)
			t->instruction = in->trigger;
		t++;
		st->n_triggers++;
		apply(b, st, in->trigger);
	}
}

/* A stage that is built on another begins with what is in that one's configuration: an ENV counts again that an ARG hid. */
static void env_again(struct build *b)
{
	u32 n = 0;

	for (const struct df_var *v = b->now.vars; v; v = v->shadow, b->looks -= b->looks > 0)
		n += !v->env;
	if (!b->looks) {
		b->g->over = true;
		return;
	}
	const struct df_var **hid = arena_array(&b->g->arena, const struct df_var *, n + 1);
	n = 0;
	for (const struct df_var *v = b->now.vars; v; v = v->shadow)
		if (!v->env && df_state_var(&b->now, v->name) == v)
			hid[n++] = v;
	b->now.arg_over_env = false;
	while (n-- > 0)
		for (const struct df_var *v = hid[n]->shadow; v && b->looks; v = v->shadow, b->looks--)
			if (v->env && str_eq(v->name, hid[n]->name)) {
				set(b, *v);
				break;
			}
}

/* The state a stage begins with: its base's last, or its image's. */
static void begin(struct build *b, struct df_stage *st, const struct df_state *base)
{
	struct df_base image = { 0 };
	const struct df_var *path;

	if (base) {
		const struct df_stage *bs = &b->stages[st->base];
		b->now = *base;
		b->shared = base;
		if (base->arg_over_env)
			env_again(b);
		apply_triggers(b, st, bs);
		return;
	}
	b->now = (struct df_state){ .user_at = DF_NONE, .workdir_at = DF_NONE, .shell_at = DF_NONE, .env_known = st->scratch };
	b->shared = NULL;
	if (st->windows)
		return;
	/* BuildKit sees to it that there always is a PATH. */
	set(b, (struct df_var){ .name = STR("PATH"), .value = STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), .known = st->scratch, .env = true,
		.predefined = true, .instruction = DF_NONE });
	if (!st->scratch && st->image_known && b->opt && b->opt->base && b->opt->base(b->opt->ctx, st, &image)) {
		b->now.env_known = true;
		apply_image(b, st, &image);
	}
	path = df_state_var(&b->now, STR("PATH"));
	if (b->now.env_known && path && !path->known) { /* an image without one */
		struct df_var v = *path;
		v.known = true;
		set(b, v);
	}
}

static void walk(struct build *b)
{
	struct df_graph *g = b->g;
	const struct df_state **last = xcalloc(g->n_stages + 1, sizeof *last);

	b->used_by = xcalloc(g->n_stages + 1, sizeof *b->used_by);
	for (u32 s = 0; s < g->n_stages; s++) {
		struct df_stage *st = &b->stages[s];

		b->n_uses = 0;
		if (st->from != DF_NONE) {
			resolve(b, st);
			g->state[st->from] = g->global_state;
		}
		begin(b, st, st->base == DF_NONE ? NULL : last[st->base]);
		for (u32 i = st->from == DF_NONE ? st->first : st->first + 1; i < st->end; i++) {
			g->state[i] = share(b);
			apply(b, st, &b->f->instructions[i]);
		}
		last[s] = share(b);
		u32 *uses = arena_array(&g->arena, u32, b->n_uses + 1);
		if (b->n_uses)
			memcpy(uses, b->uses, b->n_uses * sizeof *uses);
		st->uses = uses;
		st->n_uses = b->n_uses;
	}
	free(last);
	free(b->used_by);
	free(b->uses);
}

/* From the target backwards: bases and sources always stand before the stage that takes them. */
static void reach(struct df_graph *g, const struct df_graph_options *opt)
{
	g->target = g->n_stages ? g->n_stages - 1 : DF_NONE;
	if (opt && opt->target.n)
		g->target = df_graph_stage(g, opt->target, g->n_stages);
	if (g->target == DF_NONE)
		return;
	struct df_stage *t = &g->stages[g->target];
	t->target = t->ships = t->needed = true;
	for (u32 i = g->target + 1; i-- > 0;) {
		const struct df_stage *st = &g->stages[i];
		if (!st->needed)
			continue;
		if (st->base != DF_NONE) {
			g->stages[st->base].needed = true;
			g->stages[st->base].ships |= st->ships;
		}
		for (u32 k = 0; k < st->n_uses; k++)
			g->stages[st->uses[k]].needed = true;
	}
}

void df_graph_build(const struct df_file *f, const struct df_graph_options *opt, struct df_graph *ret)
{
	struct build b = { .g = ret, .f = f, .opt = opt, .budget = DF_VALUES, .triggers = DF_INSTRUCTIONS, .looks = 16 * MiB };

	*ret = (struct df_graph){ .file = f, .target = DF_NONE };
	ret->state = arena_array(&ret->arena, const struct df_state *, f->n_instructions + 1);
	cut(&b);
	globals(&b);
	walk(&b);
	reach(ret, opt);
}

void df_graph_free(struct df_graph *g)
{
	for (u32 i = 0; i < g->n_onbuild; i++)
		df_free(&g->onbuild[i]);
	free(g->onbuild);
	arena_free(&g->arena);
	*g = (struct df_graph){ 0 };
}
