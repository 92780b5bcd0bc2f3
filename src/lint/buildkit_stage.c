#include "lint/buildkit_walk.h"
#include "base/buf.h"
#include "lint/baseenv.h"

/* One stage as its instructions are carried out. */
struct run {
	struct bk *k;
	const struct df_stage *st;
	const struct df_state *s;          /* before the instruction */
	const struct df_instruction *at;   /* what is spoken of: the instruction, or the FROM that triggers it */
	bool triggered;                    /* an ONBUILD's, in the stage that is built on it */
	bool onbuild;                      /* an ONBUILD's, where it stands */
	bool bare;                         /* what isn't set is not set: no base image could set it */
	const struct df_instruction *cmd, *entrypoint, *healthcheck;
};

static const char *keyword(const struct df_instruction *in) { return df_keyword_text[in->keyword]; }

/* --- variables --- */
static void undefined(struct run *r, struct df_span span, struct str word, const struct bk_expansion *x)
{
	struct bk *k = r->k;

	for (u32 i = 0; i < x->n; i++) {
		const struct bk_use *u = &x->v[i];
		if (u->set || df_state_var(r->s, u->name) || str_is(u->name, "BUILDKIT_SBOM_SCAN_CONTEXT") || str_is(u->name, "BUILDKIT_SBOM_SCAN_STAGE"))
			continue;
		if (!k->exact && (u->provided || r->onbuild || u->name.n == 1))
			continue;
		struct str near = bk_similar(k, r->s, u->name);
		/* The base image may set it. Only what is a slip of a name that is set is worth saying. */
		if (!r->bare && (!near.n || u->name.n < 4 || baseenv_is_common(u->name)))
			continue;
		bool plain = !r->triggered && bk_plain(k->l, span, word);
		struct df_span where = r->triggered ? r->at->word.span : plain ? (struct df_span){ span.at + u->at, span.at + u->at + (u32)u->name.n + 1 } : span;
		struct diagnostic *d = bk_say(k, BK_UNDEFINED_VAR, r->at, where, "nothing sets '$%.*s' before it is used here%s%.*s%s", STR_FMT(u->name), near.n ? " (did you mean $" : "",
			STR_FMT(near), near.n ? "?)" : "");
		if (plain && near.n)
			bk_fix_variable(k->l, d, span.at + u->at, u->name, near);
	}
}

/* Expands a word, speaks of what is not set; an empty string where BuildKit would stop. */
static struct str word(struct run *r, struct df_span span, struct str s)
{
	struct word_options opt = { .escape = r->k->l->file.escape };
	struct bk_expansion x;

	if (!s.p || r->k->stopped)
		return STR("");
	bool ok = bk_expand(r->k, r->s, s, &opt, &x);
	undefined(r, span, s, &x);
	if (!ok)
		bk_stop(r->k);
	free(x.v);
	return ok ? x.result : STR("");
}

/* Whether what a word comes to is known. */
static bool known(const struct run *r, struct str s)
{
	struct word_options opt = { .escape = r->k->l->file.escape };
	struct bk_expansion x;
	bool ret = bk_expand(r->k, r->s, s, &opt, &x) && !x.unmatched;

	for (u32 i = 0; i < x.n && ret; i++) {
		const struct df_var *v = df_state_var(r->s, x.v[i].name);
		ret = v && v->known;
	}
	free(x.v);
	return ret;
}

static void flag(struct run *r, const struct df_instruction *in, const char *name)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(in, name, f));) {
		u32 n = MIN((u32)f->value.n, f->span.end - f->span.at);
		word(r, (struct df_span){ f->span.end - n, f->span.end }, f->value);
	}
}

static void mounts(struct run *r, const struct df_instruction *in)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(in, "mount", f));) {
		struct str rest = f->value;
		u32 base = f->span.end - MIN((u32)f->value.n, f->span.end - f->span.at);
		while (rest.p) {
			struct str value = str_cut(&rest, ',');
			str_cut(&value, '=');
			if (value.p) {
				u32 at = base + (u32)(value.p - f->value.p);
				word(r, (struct df_span){ at, at + (u32)value.n }, value);
			}
		}
	}
}

/* --- COPY and ADD --- */
static bool is_heredoc(const struct df_instruction *in, const struct df_word *w)
{
	for (u32 i = 0; i < in->n_heredocs; i++)
		if (in->heredocs[i].marker.at >= w->span.at && in->heredocs[i].marker.end <= w->span.end)
			return true;
	return false;
}

static bool is_remote(struct str s)
{
	return str_starts(s, STR("http://")) || str_starts(s, STR("https://")) || str_starts(s, STR("git@")) || str_starts(s, STR("git://")) || str_starts(s, STR("ssh://"));
}

static void ignored(struct run *r, const struct df_instruction *in, const struct df_word *w, struct str src)
{
	struct dockerignore *d = &r->k->ignore;

	/* With exceptions, what a directory still holds cannot be told. */
	if (!r->k->has_ignore || d->exceptions || !d->n || is_remote(src))
		return;
	src = dockerignore_clean(&r->k->tmp, src);
	if ((str_is(src, ".") || str_is(src, "/")) && !dockerignore_everything(d))
		return;
	struct str path = !r->k->exact && src.n > 1 && src.p[0] == '/' ? str_from(src, 1) : src;
	if (dockerignore_matches(d, path))
		bk_say(r->k, BK_COPY_IGNORED, r->at, r->triggered ? r->at->word.span : w->span, "%s takes \"%.*s\", which .dockerignore keeps out of the build context", keyword(in), STR_FMT(src));
}

static void copy(struct run *r, const struct df_instruction *in)
{
	const struct df_flag *from = in->keyword == DF_COPY ? df_flag(in, "from") : NULL;
	struct str *src = arena_array(&r->k->tmp, struct str, in->n_args + 1);

	flag(r, in, "chown");
	flag(r, in, "chmod");
	flag(r, in, "checksum");
	for (u32 i = 0; i < in->n_args; i++)
		if (!is_heredoc(in, &in->args[i]))
			src[i] = word(r, in->args[i].span, in->args[i].s);
	flag(r, in, "exclude");
	for (u32 i = 0; i < in->n_heredocs && !r->k->stopped; i++) {
		const struct df_heredoc *h = &in->heredocs[i];
		struct word_options opt = { .escape = '\\', .skip_quotes = true };
		struct bk_expansion x;
		if (!h->expand)
			continue;
		bool ok = bk_expand(r->k, r->s, h->content, &opt, &x);
		undefined(r, h->body, h->content, &x);
		if (!ok)
			bk_stop(r->k);
		free(x.v);
	}
	if (from && from->value.n) {
		if (df_graph_stage(&r->k->l->graph, from->value, r->st->index) == DF_NONE && df_graph_stage(&r->k->l->graph, from->value, r->k->l->graph.n_stages) != DF_NONE)
			bk_stop(r->k);
		return;
	}
	for (u32 i = 0; i + 1 < in->n_args && !r->k->stopped; i++) {
		if (src[i].p && in->keyword == DF_COPY && is_remote(src[i]))
			bk_stop(r->k); /* only ADD fetches */
		else if (src[i].p)
			ignored(r, in, &in->args[i], src[i]);
	}
}

/* --- EXPOSE --- */
static bool port_number(struct str s, u64 *ret) { return str_to_u64(s, ret) && *ret <= 65535; }

static bool port_range(struct str s, u64 *first, u64 *last)
{
	struct str end = s, start = str_cut(&end, '-');

	if (!port_number(start, first))
		return false;
	*last = *first;
	return !end.p || str_eq(start, end) || (port_number(end, last) && *last >= *first);
}

static bool is_address(struct str s)
{
	bool six = str_chr(s, ':') != NULL;
	u32 parts = 0;

	if (s.n && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = str_n(s.p + 1, s.n - 2);
	for (struct str rest = s; rest.p && !six; parts++) {
		u64 n;
		struct str part = str_cut(&rest, '.');
		if (!str_to_u64(part, &n) || n > 255 || part.n > 3)
			return false;
	}
	for (size_t i = 0; i < s.n && six; i++)
		if (!strchr("0123456789abcdefABCDEF:.", s.p[i]))
			return false;
	return six || parts == 4;
}

/* [ip:][host port:]port[/protocol]; false: BuildKit refuses it. */
static bool port(struct run *r, const struct df_word *w, struct str spec)
{
	struct str rest = spec, host = { 0 }, ip = { 0 }, protocol, number;
	struct df_span where = r->triggered ? r->at->word.span : w->span;
	u64 first, last, host_first, host_last;

	for (size_t i = spec.n, cuts = 0; i-- > 0 && cuts < 2;)
		if (spec.p[i] == ':') {
			if (!cuts++) {
				rest = str_from(spec, i + 1);
				host = str_head(spec, i);
			} else {
				ip = str_head(spec, i);
				host = str_n(spec.p + i + 1, host.n - i - 1);
			}
		}
	protocol = rest;
	number = str_cut(&protocol, '/');
	if (!number.n || (protocol.n && !str_ieq(protocol, STR("tcp")) && !str_ieq(protocol, STR("udp")) && !str_ieq(protocol, STR("sctp"))))
		return false;
	for (size_t i = 0; i < protocol.n; i++)
		if (protocol.p[i] >= 'A' && protocol.p[i] <= 'Z') {
			struct diagnostic *d = bk_say(r->k, BK_EXPOSE_CASING, r->at, where, "the protocol of '%.*s' should be in lower case", STR_FMT(spec));
			if (!r->triggered && str_eq(w->s, spec))
				bk_fix_protocol(r->k->l, d, w);
			break;
		}
	if (ip.n || host.n)
		bk_say(r->k, BK_EXPOSE_FORMAT, r->at, where, "'%.*s' binds a port of the host: EXPOSE only names the container's", STR_FMT(spec));
	if ((ip.n && !is_address(ip)) || !port_range(number, &first, &last))
		return false;
	return !host.n || (port_range(host, &host_first, &host_last) && (last - first == host_last - host_first || first == last));
}

static void expose(struct run *r, const struct df_instruction *in)
{
	struct df_state none = *r->s;
	struct word_env env = df_state_env(&none);
	struct word_options opt = { .escape = r->k->l->file.escape };

	for (u32 i = 0; i < in->n_args && !r->k->stopped; i++) {
		struct str *words = NULL;
		u32 n = 0;
		if (in->args[i].s.n > r->k->budget)
			return;
		if (word_split(&r->k->tmp, in->args[i].s, &opt, &env, &words, &n, NULL) < 0) {
			r->k->budget -= MIN(r->k->budget, in->args[i].s.n > 4096 ? WORD_BYTES : in->args[i].s.n);
			bk_stop(r->k);
		}
		for (u32 k = 0; k < n && !r->k->stopped; k++) {
			r->k->budget -= MIN(r->k->budget, words[k].n);
			if (!port(r, &in->args[i], words[k]))
				bk_stop(r->k);
		}
	}
}

/* --- names of secrets --- */
static bool any_part(struct str name, const char *const *words)
{
	while (name.p) {
		struct str part = str_cut(&name, '_');
		for (const char *const *w = words; *w; w++)
			if (str_ieq(part, str_of(*w)))
				return true;
	}
	return false;
}

/* Values that give nothing away: a path; identifiers and fingerprints of public keys. Not BuildKit's thought. */
static bool harmless(struct str name, struct str value)
{
	static const char *const pgp[] = { "gpg", "pgp", NULL };
	u32 keys = 0;

	value = str_trim(value);
	if (value.n >= 2 && value.p[0] == '"')
		value = str_n(value.p + 1, value.n - 2);
	if (value.n && value.p[0] == '/')
		return true;
	while (value.p) {
		struct str key = str_cut(&value, ' ');
		size_t hex = 0;
		if (str_starts(key, STR("0x")))
			key = str_from(key, 2);
		while (hex < key.n && strchr("0123456789ABCDEFabcdef", key.p[hex]))
			hex++;
		if (hex < key.n || (key.n && key.n != 40 && (!any_part(name, pgp) || key.n < 8)))
			return false;
		keys += key.n > 0;
	}
	return keys > 0;
}

static void secret_name(struct run *r, const struct df_instruction *in, struct df_span span, struct str name, struct str value)
{
	static const char *const secret[] = { "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token", NULL };
	static const char *const fine[] = { "public", "file", "version", NULL };

	if (!any_part(name, secret) || any_part(name, fine) || (!r->k->exact && value.p && harmless(name, value)))
		return;
	bk_say(r->k, BK_SECRETS, r->at, r->triggered ? r->at->word.span : span, "%s \"%.*s\": what is secret can be read in the image, or in its history", keyword(in), STR_FMT(name));
}

/* --- instructions --- */
static void pairs(struct run *r, const struct df_instruction *in)
{
	struct str *names = arena_array(&r->k->tmp, struct str, in->n_pairs + 1), *values = arena_array(&r->k->tmp, struct str, in->n_pairs + 1);

	for (u32 i = 0; i < in->n_pairs && !r->k->stopped; i++) {
		const struct df_pair *p = &in->pairs[i];
		names[i] = word(r, p->name.span, p->name.s);
		values[i] = word(r, p->value.span, p->value.s);
	}
	for (u32 i = 0; i < in->n_pairs && !r->k->stopped; i++) {
		const struct df_pair *p = &in->pairs[i];
		if (!p->eq) {
			struct diagnostic *d = bk_say(r->k, BK_LEGACY_KEY_VALUE, r->at, r->triggered ? r->at->word.span : p->span, "%s has a blank between name and value: write %s %.*s=…", keyword(in),
				keyword(in), STR_FMT(p->name.s));
			if (!r->triggered)
				bk_fix_key_value(r->k->l, d, in, p);
		}
		if (in->keyword == DF_ENV)
			secret_name(r, in, p->name.span, names[i], values[i]);
	}
}

static bool from_command_line(const struct run *r, struct str name)
{
	const struct lint_options *o = r->k->l->opt;

	for (u32 i = 0; i < o->n_build_args; i++)
		if (str_starts(o->build_args[i], name) && o->build_args[i].n > name.n && o->build_args[i].p[name.n] == '=')
			return true;
	return false;
}

static void arg(struct run *r, const struct df_instruction *in)
{
	for (u32 i = 0; i < in->n_pairs && !r->k->stopped; i++) {
		const struct df_pair *p = &in->pairs[i];
		secret_name(r, in, p->name.span, p->name.s, p->value.s);
		if (!p->value.s.p || from_command_line(r, p->name.s))
			continue;
		struct word_options opt = { .escape = r->k->l->file.escape };
		struct bk_expansion x;
		bool ok = bk_expand(r->k, r->s, p->value.s, &opt, &x);
		/* An argument sees those before it in the same ARG. */
		for (u32 a = 0; a < x.n; a++)
			for (u32 b = 0; b < i && b < 1000; b++)
				x.v[a].set |= str_eq(in->pairs[b].name.s, x.v[a].name);
		undefined(r, p->value.span, p->value.s, &x);
		if (!ok)
			bk_stop(r->k);
		free(x.v);
	}
}

static void once(struct run *r, const struct df_instruction *in, const struct df_instruction **last)
{
	const struct df_instruction *at = r->at;

	if (*last && !r->onbuild) {
		/* BuildKit names the one that has no effect; hadolint the one that takes its place, and with both that is where it is said. */
		const struct df_instruction *where = r->k->exact ? *last : at;
		bk_say(r->k, BK_MULTIPLE_INSTRUCTIONS, where, where->word.span, "only the last %s of a stage has an effect", keyword(in));
	}
	if (!r->onbuild)
		*last = at;
}

static void command(struct run *r, const struct df_instruction *in, const struct df_instruction **last)
{
	once(r, in, last);
	if (!r->k->exact && str_starts(in->rest.s, STR("exec "))) /* the shell gives its place to the program */
		return;
	if (!in->json && (!r->s->shell || !r->s->n_shell))
		bk_say(r->k, BK_JSON_ARGS, r->at, r->at->word.span, "%s in shell form runs under a shell that passes no signals on: use the JSON form", keyword(in));
}

static void workdir(struct run *r, const struct df_instruction *in)
{
	if (!in->n_args)
		return;
	struct str path = word(r, in->args[0].span, in->args[0].s);
	bool absolute = path.n && (path.p[0] == '/' || ((r->st->windows || !r->k->exact) && (path.p[0] == '\\' || (path.n > 1 && path.p[1] == ':'))));

	if (r->k->stopped || r->s->workdir_set || absolute || (!r->k->exact && (r->onbuild || !path.n)) || (!(r->k->exact && r->bare) && !known(r, in->args[0].s)))
		return;
	struct diagnostic *d = bk_say(r->k, BK_WORKDIR_RELATIVE, r->at, r->triggered ? r->at->word.span : in->args[0].span,
		"WORKDIR \"%.*s\" is relative to the base image's working directory, which may change", STR_FMT(path));
	if (!r->triggered)
		bk_fix_workdir(r->k->l, d, &in->args[0], r->st->scratch);
}

static void volumes(struct run *r, const struct df_instruction *in)
{
	for (u32 i = 0; i < in->n_args; i++)
		if (!word(r, in->args[i].span, in->args[i].s).n && r->bare)
			bk_stop(r->k);
}

static void instruction(struct run *r, const struct df_instruction *in)
{
	switch (in->keyword) {
	case DF_ADD:
	case DF_COPY: copy(r, in); break;
	case DF_ARG: arg(r, in); break;
	case DF_ENV:
	case DF_LABEL: pairs(r, in); break;
	case DF_CMD: command(r, in, &r->cmd); break;
	case DF_ENTRYPOINT: command(r, in, &r->entrypoint); break;
	case DF_HEALTHCHECK: once(r, in, &r->healthcheck); break;
	case DF_EXPOSE: expose(r, in); break;
	case DF_RUN: mounts(r, in); break;
	case DF_WORKDIR: workdir(r, in); break;
	case DF_STOPSIGNAL:
		if (in->n_args && !df_is_signal(word(r, in->args[0].span, in->args[0].s)) && r->bare)
			bk_stop(r->k);
		break;
	case DF_USER:
		if (in->n_args)
			word(r, in->args[0].span, in->args[0].s);
		break;
	case DF_VOLUME: volumes(r, in); break;
	default: break;
	}
	arena_free(&r->k->tmp);
}

/* Whether no base image could set variables that nobody here sees; of earlier stages it is known. */
static bool is_bare(const struct df_stage *st, const bool *bare)
{
	return st->base != DF_NONE ? bare[st->base] : st->scratch || (st->from != DF_NONE && baseenv_is_bare(st->image_expanded));
}

static void stage(struct bk *k, const struct df_stage *st, bool bare, u32 *triggers)
{
	const struct df_file *f = &k->l->file;
	struct run r = { .k = k, .st = st };
	u32 i = st->from == DF_NONE ? st->first : st->first + 1;

	if (k->exact && st->base != DF_NONE && i < st->end) {
		const struct df_stage *base = &k->l->graph.stages[st->base];
		for (u32 b = base->first; base->n_onbuild && b < base->end && *triggers && !k->stopped; b++, --*triggers) {
			const struct df_instruction *in = &f->instructions[b];
			if (in->keyword != DF_ONBUILD || !in->trigger)
				continue;
			r.at = &f->instructions[st->from];
			r.triggered = true;
			r.s = k->l->graph.state[i];
			r.bare = bare || r.s->env_known;
			instruction(&r, in->trigger);
		}
	}
	r.triggered = false;
	for (; i < st->end && !k->stopped; i++) {
		const struct df_instruction *in = &f->instructions[i];
		if (in->bad)
			continue;
		r.at = in;
		r.s = k->l->graph.state[i];
		r.bare = bare || r.s->env_known;
		r.onbuild = in->keyword == DF_ONBUILD;
		if (!r.onbuild)
			instruction(&r, in);
		else if (!k->exact && in->trigger && !in->trigger->bad)
			instruction(&r, in->trigger);
	}
}

void bk_dispatch(struct bk *k)
{
	const struct df_graph *g = &k->l->graph;
	u32 triggers = DF_INSTRUCTIONS;
	bool *bare = xcalloc(g->n_stages + 1, sizeof *bare);

	for (u32 i = 0; i < g->n_stages && !k->stopped; i++) {
		bare[i] = is_bare(&g->stages[i], bare);
		if (!k->exact || !k->l->opt->target.n || g->stages[i].needed)
			stage(k, &g->stages[i], bare[i], &triggers);
	}
	free(bare);
	/* An argument of the whole file is no instruction of a stage to BuildKit; a secret in it is one all the same. */
	for (u32 i = 0; i < k->l->file.n_instructions && !k->exact && g->stage_of[i] == DF_NONE; i++) {
		const struct df_instruction *in = &k->l->file.instructions[i];
		struct run r = { .k = k, .at = in, .s = g->global_state };
		for (u32 p = 0; p < in->n_pairs && !in->bad; p++)
			secret_name(&r, in, in->pairs[p].name.span, in->pairs[p].name.s, in->pairs[p].value.s);
	}
}
