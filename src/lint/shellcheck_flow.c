/* Lists, pipelines and loops: what runs when, and what a loop runs over. */
#include "lint/shellcheck.h"

/* --- 2015: A && B || C --- */

static bool harmless(const struct sc *c, const struct sh_node *n)
{
	static const char *const names[] = { "echo", "exit", "return", "printf", NULL }, *const ours[] = { "true", ":", "false", NULL };
	if (n->kind != SH_SIMPLE)
		return false;
	if (!n->n_words)
		return n->n_assigns > 0;
	struct str name = sc_name(n);
	return str_listed(name, names) || (!c->hado && str_listed(name, ours));
}

static bool is_test(const struct sh_node *n) { return n->kind == SH_COND || str_is(sc_name(n), "[") || str_is(sc_name(n), "test"); }

static void and_or(struct sc *c, const struct sh_node *n)
{
	const struct sh_node *before = NULL, *b = NULL, *x = n->child;
	for (; x->next; x = x->next)
		before = x;
	if (x->op != SH_OP_OR || before->op != SH_OP_AND || harmless(c, x) || sc_is_condition(n))
		return;
	b = before;
	if (is_test(b) || (!c->hado && b->kind == SH_SIMPLE && !b->n_words))
		return;
	/* Ours: `A && B && C || exit-like` is how a failing chain is caught: only the form of an if, A a test, is one by mistake. */
	if (!c->hado && !(n->child->next == before && is_test(n->child)))
		return;
	sc_add(c, SC2015, n->child->at, x->end, "A && B || C is no if: C runs too when B fails");
}

/* --- 2164: cd that may fail --- */

static bool safe_directory(const struct sh_node *n)
{
	if (n->n_words != 2)
		return false;
	struct str s = n->words[1].text;
	size_t i = 0;
	while (i < s.n && s.p[i] == '/')
		i++;
	while (i < s.n && s.p[i] == '.') {
		size_t k = i + 1;
		if (k < s.n && s.p[k] == '.')
			k++;
		if (k < s.n && s.p[k] != '/')
			return false;
		while (k < s.n && s.p[k] == '/')
			k++;
		i = k;
	}
	return i == s.n;
}

/* Whether anything runs in the same shell after it, its failure notwithstanding. */
static bool goes_on(const struct sh_node *n)
{
	for (; n && n->parent && !n->substituted; n = n->parent) {
		enum sh_kind k = n->parent->kind;
		if (k == SH_LIST && n->next)
			return true;
		if (k == SH_FOR || k == SH_WHILE || k == SH_UNTIL || k == SH_ARITH_FOR || k == SH_SELECT)
			return true;
		if (k == SH_SUBSHELL || k == SH_PIPELINE || k == SH_FUNCTION)
			return false;
	}
	return false;
}

static void change_directory(struct sc *c, const struct sh_node *n, struct str name)
{
	if (c->set_e || safe_directory(n) || sc_is_condition(n))
		return;
	if (!c->hado && (!goes_on(n) || str_is(name, "popd")))
		return;
	struct diagnostic *d = sc_add(c, SC2164, n->at, n->end, "when this %.*s fails, what follows runs in the wrong directory", STR_FMT(name));
	sc_fix(c, d, FIX_SUGGESTED, "Stop when it fails", n->end, n->end, STR(" || exit 1"));
}

/* --- 2251 --- */

static void negated(struct sc *c, const struct sh_node *n)
{
	if (!c->set_e || !n->negated || sc_is_condition(n) || !goes_on(n))
		return;
	sc_add(c, SC2251, n->at, n->end, "a command behind ! never stops the script, set -e or not: `&& exit 1` does");
}

/* --- loops over words --- */

static const struct sh_part *only_part(const struct sh_word *w) { return w->n_parts == 1 ? w->parts : NULL; }

static bool line_based(const struct sh_node *n)
{
	static const char *const names[] = { "grep", "fgrep", "egrep", "sed", "cat", "awk", "cut", "sort", NULL };
	return n->kind == SH_SIMPLE && str_listed(sc_name(n), names);
}

static void loop_over_output(struct sc *c, const struct sh_part *p)
{
	const struct sh_node *only = sc_only_command(p->child);
	bool lines = p->child != NULL;
	if (only && only->n_words && only->words[0].literal) {
		if (str_is(only->words[0].text, "ls"))
			sc_add(c, SC2045, p->at, p->end, "names with blanks break a loop over the output of ls: loop over a pattern");
		else if (str_is(only->words[0].text, "find"))
			sc_add(c, SC2044, p->at, p->end, "names with blanks break a loop over the output of find: -exec, or a while read loop, keep them whole");
	}
	if (lines && p->child->kind == SH_PIPELINE)
		for (const struct sh_node *n = p->child->child; n; n = n->next)
			lines &= line_based(n);
	else
		lines = only && line_based(only);
	if (lines)
		sc_add(c, SC2013, p->at, p->end, "this loops over words; a while read loop takes lines");
}

static bool expands(const struct sh_part *v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		if (v[i].kind == SH_PARAM || v[i].kind == SH_COMMAND)
			return true;
	return false;
}

static void loop(struct sc *c, const struct sh_node *n)
{
	if (n->n_words != 1)
		return;
	const struct sh_word *w = n->words;
	const struct sh_part *p = only_part(w);
	if (p && p->kind == SH_COMMAND)
		loop_over_output(c, p);
	if (p && p->kind == SH_DOUBLE && !sc_may_split(w) && (expands(p->parts, p->n_parts) || strpbrk(arena_strdup(c->l->arena, sc_literal(c, w)), "*?"))) {
		sc_add(c, SC2066, w->at, w->end, "in quotes this is one word: the loop runs once");
	} else if (p && p->kind == SH_SINGLE) {
		sc_add(c, SC2041, w->at, w->end, "this is one word, not a command: the loop runs once");
	} else if (!sc_may_split(w) && !str_chr(w->text, ',') && c->hado) {
		/* A list that happens to have one entry is a list all the same. */
		sc_add(c, SC2043, w->at, w->end, "this loop runs once");
	}
}

/* --- 2103 --- */

static bool goes_up(const struct sh_node *n)
{
	return n->kind == SH_SIMPLE && n->n_words == 2 && str_is(n->words[0].text, "cd") && str_is(n->words[1].text, "..");
}

static void back_again(struct sc *c, const struct sh_node *loop)
{
	const struct sh_node *list = loop->child, *first = NULL;
	if (c->set_e || !list || list->kind != SH_LIST)
		return;
	for (const struct sh_node *n = list->child; n; n = n->next) {
		bool cd = n->kind == SH_SIMPLE && n->n_words == 2 && str_is(n->words[0].text, "cd");
		if (first && goes_up(n))
			sc_add(c, SC2103, n->at, n->end, "a subshell, ( cd … ), needs no way back");
		if (cd && !first && !goes_up(n))
			first = n;
	}
}

void sc_flow_node(struct sc *c, const struct sh_node *n)
{
	negated(c, n);
	switch (n->kind) {
	case SH_ANDOR:
		and_or(c, n);
		break;
	case SH_SIMPLE: {
		struct str name = sc_name(n);
		if (n->n_words && (str_is(name, "cd") || str_is(name, "pushd") || str_is(name, "popd")))
			change_directory(c, n, name);
		break;
	}
	case SH_FOR:
		loop(c, n);
		back_again(c, n);
		break;
	default:
		break;
	}
}
