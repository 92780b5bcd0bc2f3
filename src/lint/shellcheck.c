#include "lint/shellcheck.h"

/* --- findings --- */

struct diagnostic *sc_add(struct sc *c, enum sc_id id, u32 at, u32 end, const char *message, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, message);
	vsnprintf(text, sizeof text, message, ap);
	va_end(ap);
	const struct sh_word place = { .at = at, .end = end };
	if (c->off[id / 64] >> (id % 64) & 1) {
		c->nowhere = (struct diagnostic){ 0 };
		return &c->nowhere;
	}
	c->l->rule = &rules_shellcheck[id];
	return lint_add_word(c->l, c->s, &place, "%s", text);
}

void sc_fix(struct sc *c, struct diagnostic *d, enum fix_safety safety, const char *title, u32 at, u32 end, struct str with)
{
	if (d->rule)
		lint_fix(c->l, d, safety, title, lint_span(c->s, at, end), with);
}

void sc_fix_more(struct sc *c, struct diagnostic *d, u32 at, u32 end, struct str with)
{
	if (d->rule)
		lint_fix_add(c->l, d, lint_span(c->s, at, end), with);
}

/* --- what commands and words are --- */

struct str sc_name(const struct sh_node *n)
{
	static const char *const through[] = { "command", "builtin", "exec", "busybox", NULL };
	if (n->kind != SH_SIMPLE || !n->n_words || !n->words[0].literal)
		return STR("");
	u32 i = 0;
	if (n->n_words > 1 && str_listed(n->words[0].text, through)) {
		bool value = false;
		for (i = 1; i < n->n_words && (value || (n->words[i].text.n > 1 && n->words[i].text.p[0] == '-')); i++)
			value = !value && str_is(n->words[i].text, "-a");
		if (i == n->n_words || (i > 1 && !str_is(n->words[0].text, "exec")))
			i = 0;
	}
	return n->words[i].literal ? str_base(n->words[i].text) : STR("");
}

const struct sh_node *sc_only_command(const struct sh_node *list) { return list && list->kind == SH_SIMPLE ? list : NULL; }

bool sc_is_condition(const struct sh_node *n)
{
	for (; n; n = n->parent) {
		if (n->condition)
			return true;
		if (!n->substituted && n->parent && n->parent->kind == SH_ANDOR && n->next)
			return true;
	}
	return false;
}

bool sc_is_redirected(const struct sh_node *n)
{
	for (; n; n = n->parent)
		if (n->n_redirects || n->substituted || (n->parent && n->parent->kind == SH_PIPELINE))
			return true;
	return false;
}

static void add_literal(struct sc *c, const struct sh_part *v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (v[i].kind == SH_DOUBLE || v[i].kind == SH_DOLLAR_DOUBLE)
			add_literal(c, v[i].parts, v[i].n_parts);
		else if (v[i].kind <= SH_DOLLAR_SINGLE)
			buf_add(&c->text, v[i].text);
}

struct str sc_literal(struct sc *c, const struct sh_word *w)
{
	if (w->literal)
		return w->text;
	buf_clear(&c->text);
	add_literal(c, w->parts, w->n_parts);
	return buf_str(&c->text);
}

bool sc_has_glob(const struct sh_word *w)
{
	for (u32 i = 0; i < w->n_parts; i++)
		if (w->parts[i].kind == SH_GLOB)
			return true;
	return false;
}

bool sc_is_array(const struct sh_part *p)
{
	return p->kind == SH_PARAM && !str_is(p->op, "#len") && (str_is(p->name, "@") || str_is(p->index, "@"));
}

static bool splits(const struct sh_part *v, u32 n, bool quoted)
{
	for (u32 i = 0; i < n; i++) {
		enum sh_part_kind k = v[i].kind;
		if (sc_is_array(&v[i]) || (k == SH_PARAM && str_is(v[i].op, "!")))
			return true;
		if (k == SH_DOUBLE || k == SH_DOLLAR_DOUBLE) {
			if (splits(v[i].parts, v[i].n_parts, true))
				return true;
		} else if (!quoted && (k == SH_PARAM || k == SH_COMMAND || k == SH_GLOB || k == SH_BRACE)) {
			return true;
		}
	}
	return false;
}

bool sc_may_split(const struct sh_word *w) { return splits(w->parts, w->n_parts, false); }

/* --- the walk --- */

struct place {
	struct sc *c;
	const struct sh_node *n;
	const struct sh_word *w;
	enum sc_place place;
};

/* Not split: quotes, operands of ${}, arithmetic. */
static void each_part(const struct place *at, const struct sh_part *v, u32 n, bool free, bool quoted)
{
	for (u32 i = 0; i < n; i++) {
		const struct sh_part *p = &v[i];
		sc_word_part(at->c, at->n, at->w, p, at->place, free, quoted);
		sc_dialect_part(at->c, p, at->place, quoted);
		bool in_quotes = quoted || p->kind == SH_DOUBLE || p->kind == SH_DOLLAR_DOUBLE;
		bool keeps = free || in_quotes || p->kind == SH_PARAM || p->kind == SH_ARITHMETIC || p->kind == SH_ARRAY;
		if (p->n_parts)
			each_part(at, p->parts, p->n_parts, keeps, in_quotes);
	}
}

/* NAME=… given to export and its like: sh splits it, others take it as an assignment. */
static bool declared(const struct sc *c, const struct sh_node *n, const struct sh_word *w)
{
	static const char *const names[] = { "export", "readonly", "local", "declare", "typeset", "alias", NULL };
	if ((c->hado && c->shell == SC_SH) || !n->n_words || !str_listed(n->words[0].text, names) || !w->n_parts || w->parts[0].kind != SH_LITERAL)
		return false;
	const char *eq = str_chr(w->parts[0].text, '=');
	return eq && eq > w->parts[0].text.p;
}

static void word(struct sc *c, const struct sh_node *n, const struct sh_word *w, enum sc_place place)
{
	struct place at = { c, n, w, place };
	bool free = place != SC_ARG && place != SC_REDIRECT && place != SC_NAME;
	if (place == SC_ARG)
		free = declared(c, n, w);
	sc_word(c, n, w, place);
	each_part(&at, w->parts, w->n_parts, free, place == SC_BODY);
}

static enum sc_place place_of(const struct sh_node *n, u32 i)
{
	switch (n->kind) {
	case SH_SIMPLE:
		return i ? SC_ARG : SC_NAME;
	case SH_FOR:
	case SH_SELECT:
		return SC_LOOP;
	case SH_CASE:
		return SC_SUBJECT;
	case SH_CASE_ITEM:
		return SC_PATTERN;
	case SH_COND:
		return SC_TEST;
	default:
		return SC_SUM;
	}
}

static void visit(void *ctx, const struct sh_node *n)
{
	struct sc *c = ctx;
	sc_flow_node(c, n);
	sc_dialect_node(c, n);
	sc_var_node(c, n);
	if (n->kind == SH_SIMPLE && n->n_words)
		sc_command_node(c, n);
	for (u32 i = 0; i < n->n_assigns; i++) {
		for (u32 k = 0; k < n->assigns[i].n_items; k++)
			word(c, n, &n->assigns[i].items[k], SC_VALUE);
		word(c, n, &n->assigns[i].value, SC_VALUE);
	}
	for (u32 i = 0; i < n->n_words; i++)
		word(c, n, &n->words[i], place_of(n, i));
	for (u32 i = 0; i < n->n_redirects; i++) {
		word(c, n, &n->redirects[i].target, SC_REDIRECT);
		if (n->redirects[i].expanded)
			word(c, n, n->redirects[i].expanded, SC_BODY);
	}
}

/* --- what is known of the script --- */

/* The image at the bottom of a stage. */
static struct str image_of(const struct lint *l, u32 stage)
{
	for (u32 k = 0; stage != DF_NONE && k <= l->graph.n_stages; k++) {
		const struct df_stage *s = &l->graph.stages[stage];
		if (s->base == DF_NONE)
			return s->image_expanded.p ? s->image_expanded : s->image;
		stage = s->base;
	}
	return STR("");
}

/* What /bin/sh is in an image, by its name; false: it could be anything. Official images are Debian's unless they say otherwise. */
static bool sh_of_image(struct str image, enum sc_shell *ret)
{
	static const char *const busybox[] = { "docker", "registry", "traefik", "caddy", "composer", "consul", "vault", NULL };
	static const char *const others[] = { "fedora", "centos", "almalinux", "rockylinux", "amazonlinux", "oraclelinux", "archlinux", "photon", "clearlinux", "mageia", "openjdk", "mysql",
		"amazoncorretto", "sapmachine", "clefos", "sl", "elasticsearch", "kibana", "logstash", "neo4j", "couchbase", "swift", "ibmjava", "kong", NULL };
	if (str_starts(image, STR("docker.io/")))
		image = str_from(image, 10);
	if (str_starts(image, STR("library/")))
		image = str_from(image, 8);
	if (!image.n || str_chr(image, '/') || str_chr(image, '$') || str_contains(image, STR("-ubi")) || str_contains(image, STR("oracle")) || str_contains(image, STR("-al2")))
		return false;
	struct str rest = image, tag = str_cut(&rest, '@'), name = str_cut(&tag, ':');
	*ret = str_listed(name, busybox) || str_contains(image, STR("alpine")) || str_contains(image, STR("busybox")) ? SC_BUSYBOX : SC_DASH;
	return !str_listed(name, others);
}

static enum sc_shell shell_of(const struct sc *c, bool *unsure)
{
	struct str name = c->s->shell;
	if (c->s->dialect == SH_BASH)
		return SC_BASH;
	if (str_is(name, "dash") || str_is(name, "ash"))
		return c->hado || str_is(name, "dash") ? SC_DASH : SC_BUSYBOX;
	if (str_is(name, "busybox"))
		return SC_BUSYBOX;
	if (c->hado)
		return SC_SH;
	enum sc_shell shell = SC_DASH;
	*unsure = !sh_of_image(image_of(c->l, c->s->stage), &shell);
	return shell;
}

static bool sets_e(struct str word) { return word.n > 1 && word.p[0] == '-' && word.p[1] != '-' && str_chr(word, 'e'); }

static void find_set(void *ctx, const struct sh_node *n)
{
	struct sc *c = ctx;
	struct str name = sc_name(n);
	static const char *const others[] = { ".", "source", "eval", NULL };
	c->reads_others |= str_listed(name, others);
	if (!str_is(name, "set"))
		return;
	for (u32 i = 1; i < n->n_words; i++)
		c->set_e |= sets_e(n->words[i].text) || (i > 1 && str_is(n->words[i].text, "errexit"));
}

/* `# shellcheck disable=SC2086,SC2046`: where it stands is not asked, it holds for the whole script. */
static void directives(struct sc *c)
{
	struct str rest = c->s->text.s;
	for (const char *p; (p = str_find(rest, STR("shellcheck disable="))); ) {
		rest = str_from(rest, (size_t)(p - rest.p) + 19);
		struct str line = rest, codes = str_cut(&line, '\n');
		codes = str_cut(&codes, ' ');
		while (codes.p) {
			struct str code = str_trim(str_cut(&codes, ','));
			if (str_starts(code, STR("SC")))
				code = str_from(code, 2);
			for (u32 k = 0; k < SC_RULES; k++)
				if (str_is(code, "all") || str_is(code, rules_shellcheck[k].meta.hadolint + 2))
					c->off[k / 64] |= (u64)1 << (k % 64);
		}
	}
}

static void script(struct lint *l, const struct lint_script *s)
{
	struct sc c = { .l = l, .s = s, .hado = l->codes == LINT_HADOLINT, .text = BUF(SH_BYTES) };
	directives(&c);
	if (s->tree.n_errors) {
		const struct sh_error *e = &s->tree.errors[0];
		sc_add(&c, SC1072, e->at, e->at + 1, "the shell cannot read this: %s", e->message);
		return;
	}
	if (!s->tree.root)
		return;
	c.shell = shell_of(&c, &c.unsure_shell);
	const struct df_state *state = l->graph.state ? l->graph.state[s->outer->index] : NULL;
	for (u32 i = 1; !c.hado && !s->heredoc && state && i < state->n_shell; i++)
		c.set_e |= sets_e(state->shell[i]);
	sh_each(s->tree.root, find_set, &c);
	sc_vars(&c);
	sh_each(s->tree.root, visit, &c);
	sc_vars_judge(&c);
	free(c.vars);
	buf_free(&c.text);
}

void sc_check(struct lint *l);
void sc_check(struct lint *l)
{
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s))
		if (s->posix && !(s->json && l->codes == LINT_HADOLINT) && !(s->in->n_heredocs && s->heredoc == NULL && l->codes == LINT_HADOLINT))
			script(l, s);
}
