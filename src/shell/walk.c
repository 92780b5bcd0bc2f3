/* Going through a tree: its nodes, their words, the words' parts. Depth is bounded by SH_DEPTH, as reading was. */
#include "shell/shell.h"

static void each_sub(const struct sh_part *v, u32 n, sh_visit *visit, void *ctx)
{
	for (u32 i = 0; i < n; i++) {
		each_sub(v[i].parts, v[i].n_parts, visit, ctx);
		if (v[i].child)
			sh_each(v[i].child, visit, ctx);
	}
}

struct each {
	sh_visit *visit;
	void *ctx;
};

static void each_word_sub(void *ctx, const struct sh_node *n, const struct sh_word *w)
{
	const struct each *e = ctx;
	(void)n;
	each_sub(w->parts, w->n_parts, e->visit, e->ctx);
}

void sh_each(const struct sh_node *root, sh_visit *visit, void *ctx)
{
	if (!root)
		return;
	visit(ctx, root);
	struct each e = { visit, ctx };
	sh_each_word(root, each_word_sub, &e);
	for (const struct sh_node *c = root->child; c; c = c->next)
		sh_each(c, visit, ctx);
}

void sh_each_word(const struct sh_node *n, sh_visit_word *visit, void *ctx)
{
	for (u32 i = 0; i < n->n_assigns; i++) {
		const struct sh_assign *a = &n->assigns[i];
		for (u32 k = 0; k < a->n_items; k++)
			visit(ctx, n, &a->items[k]);
		if (!a->array)
			visit(ctx, n, &a->value);
	}
	for (u32 i = 0; i < n->n_words; i++)
		visit(ctx, n, &n->words[i]);
	for (u32 i = 0; i < n->n_redirects; i++) {
		visit(ctx, n, &n->redirects[i].target);
		if (n->redirects[i].expanded)
			visit(ctx, n, n->redirects[i].expanded);
	}
}

static void each_part(const struct sh_word *w, const struct sh_part *v, u32 n, bool quoted, sh_visit_part *visit, void *ctx)
{
	for (u32 i = 0; i < n; i++) {
		bool q = quoted || (v[i].kind >= SH_QUOTED_CHAR && v[i].kind <= SH_DOLLAR_DOUBLE);
		visit(ctx, w, &v[i], q);
		each_part(w, v[i].parts, v[i].n_parts, q, visit, ctx);
	}
}

void sh_each_part(const struct sh_word *w, sh_visit_part *visit, void *ctx)
{
	each_part(w, w->parts, w->n_parts, false, visit, ctx);
}
