#include "compose/script.h"
#include "base/buf.h"
#include "compose/deb822.h"

#define VARIABLES 256u
#define VALUE_MAX 4096u
#define FUNCTIONS 256u
#define AROUND 16u         /* conditions around a command that are looked at */
#define CONDITION ((size_t)300) /* bytes of one */

struct variable {
	struct str name;
	const struct sh_word *value;
	bool twice;
};
struct script {
	struct arena *a;
	struct str text;
	struct variable v[VARIABLES];
	u32 n;
	struct loop {                  /* around the command, the inner first */
		const struct sh_node *node;
		const char **v;        /* its words; NULL: one that is not known */
		u32 n, at;
	} loop[2];
	/* Functions are told where they are called, with the arguments that they are called with. */
	const struct sh_commands *commands;
	const struct sh_node **of;      /* of each command: the function that it is in */
	const struct sh_node *functions[FUNCTIONS];
	u32 n_functions, told;
	const struct sh_node *function; /* that is told at the moment; NULL: none */
	const char *const *args;        /* of it: $1 is args[0]; NULL: not known */
	u32 n_args, depth, calls;
	bool late;                      /* it is called where `fresh` does not hold */
	script_visit *f;
	void *ctx;
};

static bool conditional(const struct sh_node *n)
{
	for (; n; n = n->parent)
		if (n->kind == SH_IF)
			return true;
	return false;
}

/* A variable that is set again counts for nothing, unless that is only computed where some condition holds: then it is what it was first. */
static void assigned(void *ctx, const struct sh_node *n)
{
	struct script *s = ctx;
	if (n->kind == SH_FUNCTION && s->n_functions < FUNCTIONS)
		s->functions[s->n_functions++] = n;
	for (u32 i = 0; n->kind == SH_SIMPLE && i < n->n_assigns; i++) {
		u32 k = 0;
		while (k < s->n && !str_eq(s->v[k].name, n->assigns[i].name))
			k++;
		if (k < s->n)
			s->v[k].twice |= n->assigns[i].value.literal || !conditional(n);
		else if (s->n < VARIABLES)
			s->v[s->n++] = (struct variable){ n->assigns[i].name, n->assigns[i].array || n->assigns[i].append ? NULL : &n->assigns[i].value, n->n_words > 0 };
	}
}

static bool expand(const struct script *s, const struct sh_part *parts, u32 n, u32 depth, struct buf *out);

static bool parameter(const struct script *s, struct str name, u32 depth, struct buf *out)
{
	for (u32 i = 0; i < 2; i++)
		if (s->loop[i].node && str_eq(s->loop[i].node->name, name)) {
			const char *v = s->loop[i].at < s->loop[i].n ? s->loop[i].v[s->loop[i].at] : NULL;
			if (v)
				buf_puts(out, v);
			return v;
		}
	if (name.n == 1 && name.p[0] >= '1' && name.p[0] <= '9') {
		u32 i = (u32)(name.p[0] - '1');
		bool known = s->function && i < s->n_args && s->args[i];
		if (known)
			buf_puts(out, s->args[i]);
		return known;
	}
	if (str_is(name, "DPKG_ROOT")) /* empty, but where another root is installed to */
		return true;
	for (u32 i = 0; i < s->n; i++)
		if (str_eq(s->v[i].name, name))
			return !s->v[i].twice && s->v[i].value && expand(s, s->v[i].value->parts, s->v[i].value->n_parts, depth + 1, out);
	return false;
}

static bool expand(const struct script *s, const struct sh_part *parts, u32 n, u32 depth, struct buf *out)
{
	for (u32 i = 0; i < n; i++) {
		const struct sh_part *p = &parts[i];
		if (depth > 8 || out->n > VALUE_MAX)
			return false;
		switch (p->kind) {
		case SH_LITERAL:
		case SH_QUOTED_CHAR:
		case SH_SINGLE:
		case SH_DOLLAR_SINGLE:
			buf_add(out, p->text);
			break;
		case SH_DOUBLE:
			if (!expand(s, p->parts, p->n_parts, depth + 1, out))
				return false;
			break;
		case SH_PARAM:
			if (p->op.n || p->index.p || !parameter(s, p->name, depth, out))
				return false;
			break;
		default:
			return false;
		}
	}
	return true;
}

static const char *word_of(const struct script *s, const struct sh_word *w)
{
	struct buf b = BUF(2 * VALUE_MAX);
	const char *ret = expand(s, w->parts, w->n_parts, 0, &b) && !b.over && !str_chr(buf_str(&b), '\0') ? arena_strdup(s->a, buf_str(&b)) : NULL;
	buf_free(&b);
	return ret;
}

/* --- when it runs --- */

static struct str text_of(const struct script *s, const struct sh_node *n) { return n->end > n->at && n->end <= s->text.n ? str_n(s->text.p + n->at, MIN((size_t)(n->end - n->at), CONDITION)) : STR(""); }

/* Conditions that do not hold when a package is new: $2 is the version that was there before, and files with such endings are of it. */
static bool older(struct str cond)
{
	static const char *const marks[] = { ".dpkg-new", ".dpkg-old", ".dpkg-bak", "-nl ", "-n \"$2\"", "-n \"${2", "-n $2", "\"x$2\" != ", "x$2 != ", "\"$2\" != \"\"", "-n \"$OLD", "-n \"$oldversion", "-n \"$PREV", "-n \"$preversion" };
	static const char *const other[] = { "triggered", "abort-", "purge", "\"upgrade\"", " upgrade" };
	for (u32 i = 0; i < countof(marks); i++)
		if (str_contains(cond, str_of(marks[i])))
			return true;
	for (u32 i = 0; i < countof(other); i++)
		if (str_contains(cond, str_of(other[i])) && !str_contains(cond, STR("configure")) && !str_contains(cond, STR("install")))
			return true;
	return false;
}

/* One that always holds then, and nothing else: what stands under its else is for an older version. */
static bool newer(struct str cond)
{
	static const char *const marks[] = { "-z \"$2", "-z \"${2", "-z $2", "\"$2\" = \"\"", "\"x$2\" = \"x\"" };
	for (u32 i = 0; i < countof(marks); i++)
		if (str_contains(cond, str_of(marks[i])))
			return !str_contains(cond, STR("&&")) && !str_contains(cond, STR(" -a ")) && !str_contains(cond, STR("!"));
	return false;
}

/* The conditions of an if that did not hold before `child`, which is an else-part or behind one. */
static bool behind_newer(const struct script *s, const struct sh_node *parent, const struct sh_node *child)
{
	const struct sh_node *before = NULL;
	for (const struct sh_node *n = parent->child; n && n != child; before = n, n = n->next)
		if (before && before->condition && !n->condition && newer(text_of(s, before)))
			return true; /* before and n were condition and then-part */
	return false;
}

/* The part of an if that `child` is: its condition, when it is a then-part. */
static const struct sh_node *condition_of(const struct sh_node *parent, const struct sh_node *child)
{
	const struct sh_node *before = NULL;
	for (const struct sh_node *n = parent->child; n && n != child; n = n->next)
		before = n;
	return child->condition || !before || !before->condition ? NULL : before;
}

static bool fresh(const struct script *s, const struct sh_node *n)
{
	u32 around = 0;
	for (const struct sh_node *p = n->parent; p && around < AROUND; n = p, p = p->parent) {
		around += p->kind == SH_IF || p->kind == SH_ANDOR || p->kind == SH_CASE_ITEM;
		if (p->kind == SH_IF) {
			const struct sh_node *cond = condition_of(p, n);
			if ((cond && older(text_of(s, cond))) || behind_newer(s, p, n))
				return false;
		} else if (p->kind == SH_ANDOR) {
			u32 i = 0;
			for (const struct sh_node *k = p->child; k && k != n && i < AROUND; k = k->next, i++)
				if (k->next && ((k->next->op == SH_OP_AND && older(text_of(s, k))) || (k->next->op == SH_OP_OR && newer(text_of(s, k)))))
					return false;
		} else if (p->kind == SH_CASE_ITEM && p->parent && p->parent->n_words && (str_is(p->parent->words[0].text, "$1") || str_is(p->parent->words[0].text, "${1}"))) {
			bool ours = false;
			for (u32 i = 0; i < p->n_words; i++)
				ours |= str_is(p->words[i].text, "configure") || str_is(p->words[i].text, "install");
			if (!ours)
				return false;
		}
	}
	return true;
}

static const struct sh_node *function_of(const struct sh_node *n)
{
	for (n = n->parent; n; n = n->parent)
		if (n->kind == SH_FUNCTION)
			return n;
	return NULL;
}

static void each_command(struct script *s);

/* A call of a function of this script: what it does, with these arguments. */
static void call(struct script *s, const struct script_command *t)
{
	u32 i = s->n_functions;
	while (i > 0 && !(t->v[0] && str_is(s->functions[i - 1]->name, t->v[0])))
		i--;
	if (!i || s->functions[i - 1] == s->function || s->depth >= SCRIPT_DEPTH || s->calls >= SCRIPT_CALLS)
		return;
	struct script before = *s;
	s->calls++;
	s->depth++;
	s->function = s->functions[i - 1];
	s->args = t->v + 1;
	s->n_args = t->n - 1;
	s->late = !t->fresh;
	each_command(s);
	before.calls = s->calls;
	before.told = s->told;
	*s = before;
}

static void tell(struct script *s, const struct sh_command *c)
{
	if (s->told++ >= SCRIPT_TOLD)
		return;
	struct script_command t = { .command = c, .n = 1, .fresh = !s->late && fresh(s, c->node) };
	const char *name = word_of(s, c->word), *slash = name ? strrchr(name, '/') : NULL;
	t.v[0] = slash ? slash + 1 : name;
	for (u32 i = 0; i < c->n_args && t.n < SCRIPT_WORDS; i++)
		t.v[t.n++] = word_of(s, &c->args[i]);
	s->f(s->ctx, &t);
	if (!slash && !c->wrapped)
		call(s, &t);
}

/* The words of a for: what a variable holds is split at its blanks, unless it is quoted. */
static void words_of(struct script *s, struct loop *l, const struct sh_node *n)
{
	*l = (struct loop){ .node = n };
	u32 cap = 0;
	for (u32 i = 0; i < n->n_words && l->n < SCRIPT_LOOPS; i++) {
		const struct sh_word *w = &n->words[i];
		const char *text = word_of(s, w);
		struct str rest = str_of(text ? text : ""), word;
		if (w->quoted || w->literal || !text)
			VEC_PUSH(l->v, l->n, cap, text);
		while (text && !w->quoted && !w->literal && l->n < SCRIPT_LOOPS && deb822_word(&rest, &word))
			VEC_PUSH(l->v, l->n, cap, arena_strdup(s->a, word));
	}
}

static void each_loop(struct script *s, const struct sh_command *c)
{
	const struct sh_node *nodes[2] = { NULL, NULL };
	u32 times = 0, depth = 0;
	s->loop[0] = s->loop[1] = (struct loop){ 0 };
	for (const struct sh_node *p = c->node->parent; p && depth < 2; p = p->parent)
		if (p->kind == SH_FOR && p->n_words)
			nodes[depth++] = p;
	for (u32 i = 2; i-- > 0;) /* the outer first: the inner may stand on its word, of which the first counts */
		if (nodes[i])
			words_of(s, &s->loop[i], nodes[i]);
	struct loop *inner = &s->loop[0], *outer = &s->loop[1];
	for (outer->at = 0; outer->at < MAX(outer->n, outer->node ? 0 : 1u); outer->at++)
		for (inner->at = 0; inner->at < MAX(inner->n, inner->node ? 0 : 1u) && times < SCRIPT_LOOPS; inner->at++, times++)
			tell(s, c);
	free(inner->v);
	free(outer->v);
}

static void each_command(struct script *s)
{
	for (u32 i = 0; i < s->commands->n && s->told < SCRIPT_TOLD; i++)
		if (s->of[i] == s->function)
			each_loop(s, &s->commands->v[i]);
}

bool script_each(struct str text, struct arena *a, script_visit *f, void *ctx)
{
	struct str rest = text, first = str_cut(&rest, '\n');
	struct sh_tree tree;
	struct sh_commands commands;
	struct script *s = xcalloc(1, sizeof *s);
	bool shell = str_starts(first, STR("#!")) && (str_ends(str_trim(first), STR("sh")) || str_contains(first, STR("sh ")));
	if (shell) {
		s->a = a;
		s->text = text;
		sh_parse(text, &tree);
		if (tree.root)
			sh_each(tree.root, assigned, s);
		sh_commands_of(&tree, &commands);
		s->commands = &commands;
		s->of = xcalloc(commands.n + 1u, sizeof *s->of);
		for (u32 i = 0; i < commands.n; i++)
			s->of[i] = function_of(commands.v[i].node);
		s->f = f;
		s->ctx = ctx;
		each_command(s);
		free(s->of);
		sh_commands_free(&commands);
		sh_free(&tree);
	}
	free(s);
	return shell;
}
