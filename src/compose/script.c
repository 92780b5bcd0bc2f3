#include "compose/script.h"
#include "base/buf.h"

#define VARIABLES 256u
#define VALUE_MAX 4096u

struct variable {
	struct str name;
	const struct sh_word *value;
	bool twice;
};
struct script {
	struct arena *a;
	struct variable v[VARIABLES];
	u32 n;
	const struct sh_node *loop[2]; /* around the command, the inner first */
	u32 at[2];                     /* the word of each that counts at the moment */
};

static void assigned(void *ctx, const struct sh_node *n)
{
	struct script *s = ctx;
	for (u32 i = 0; n->kind == SH_SIMPLE && i < n->n_assigns; i++) {
		u32 k = 0;
		while (k < s->n && !str_eq(s->v[k].name, n->assigns[i].name))
			k++;
		if (k < s->n)
			s->v[k].twice = true;
		else if (s->n < VARIABLES)
			s->v[s->n++] = (struct variable){ n->assigns[i].name, n->assigns[i].array || n->assigns[i].append ? NULL : &n->assigns[i].value, n->n_words > 0 };
	}
}

static bool expand(const struct script *s, const struct sh_part *parts, u32 n, u32 depth, struct buf *out);

static bool parameter(const struct script *s, struct str name, u32 depth, struct buf *out)
{
	for (u32 i = 0; i < 2; i++)
		if (s->loop[i] && str_eq(s->loop[i]->name, name)) {
			const struct sh_word *w = &s->loop[i]->words[s->at[i]];
			return expand(s, w->parts, w->n_parts, depth + 1, out);
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

static void tell(struct script *s, const struct sh_command *c, script_visit *f, void *ctx)
{
	struct script_command t = { .command = c, .n = 1 };
	const char *name = word_of(s, c->word), *slash = name ? strrchr(name, '/') : NULL;
	t.v[0] = slash ? slash + 1 : name;
	for (u32 i = 0; i < c->n_args && t.n < SCRIPT_WORDS; i++)
		t.v[t.n++] = word_of(s, &c->args[i]);
	f(ctx, &t);
}

static void each_loop(struct script *s, const struct sh_command *c, script_visit *f, void *ctx)
{
	u32 times = 0, n[2];
	s->loop[0] = s->loop[1] = NULL;
	u32 depth = 0;
	for (const struct sh_node *p = c->node->parent; p && depth < 2; p = p->parent)
		if (p->kind == SH_FOR && p->n_words)
			s->loop[depth++] = p;
	for (u32 i = 0; i < 2; i++)
		n[i] = s->loop[i] ? s->loop[i]->n_words : 1;
	for (s->at[1] = 0; s->at[1] < n[1]; s->at[1]++)
		for (s->at[0] = 0; s->at[0] < n[0] && times < SCRIPT_LOOPS; s->at[0]++, times++)
			tell(s, c, f, ctx);
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
		sh_parse(text, &tree);
		if (tree.root)
			sh_each(tree.root, assigned, s);
		sh_commands_of(&tree, &commands);
		for (u32 i = 0; i < commands.n; i++)
			each_loop(s, &commands.v[i], f, ctx);
		sh_commands_free(&commands);
		sh_free(&tree);
	}
	free(s);
	return shell;
}
