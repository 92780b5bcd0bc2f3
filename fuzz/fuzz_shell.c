/* The bytes are a shell script. Spans nest and are in order, words lie inside their commands, parts inside their words; every node is visited once, and
 * knows its parent; commands point into the tree. */
#include "shell/command.h"

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool inside(const char *p, size_t n, struct str whole) { return n == 0 || (p >= whole.p && p + n <= whole.p + whole.n); }

static void check_parts(const struct sh_part *v, u32 n, u32 at, u32 end, u32 depth)
{
	require(depth < 4 * SH_DEPTH);
	for (u32 i = 0; i < n; i++) {
		require(v[i].at >= at && v[i].at <= v[i].end && v[i].end <= end);
		at = v[i].end;
		if (v[i].kind != SH_ARRAY) /* the parts of its words, blanks left out */
			check_parts(v[i].parts, v[i].n_parts, v[i].at, v[i].end, depth + 1);
		if (v[i].child)
			require(v[i].child->at >= v[i].at && v[i].child->end <= v[i].end && v[i].child->substituted);
	}
}

struct check {
	const struct sh_tree *t;
	u32 nodes, simple;
};

static void check_word(void *ctx, const struct sh_node *n, const struct sh_word *w)
{
	const struct check *c = ctx;
	(void)n;
	require(w->at <= w->end && w->end <= c->t->text.n);
	check_parts(w->parts, w->n_parts, w->at, w->end, 0);
	require(!w->literal || w->text.n <= 2 * w->source.n);
}

static void check_node(void *ctx, const struct sh_node *n)
{
	struct check *c = ctx;
	c->nodes++;
	require(n->at <= n->end && n->end <= c->t->text.n);
	u32 at = n->at;
	for (const struct sh_node *k = n->child; k; k = k->next) {
		require(k->parent == n && k->at >= at && k->end <= n->end && !k->substituted);
		at = k->end;
	}
	require(n->kind != SH_ANDOR || (n->child && n->child->next));
	require(n->kind != SH_PIPELINE || (n->child && n->child->next));
	for (u32 i = 0; i < n->n_words; i++)
		require(n->words[i].at >= n->at && n->words[i].end <= n->end);
	for (u32 i = 0; i < n->n_assigns; i++)
		require(n->assigns[i].at >= n->at && n->assigns[i].end <= n->end && n->assigns[i].name.n);
	for (u32 i = 0; i < n->n_redirects; i++)
		require(n->redirects[i].at >= n->at && n->redirects[i].end <= n->end && n->redirects[i].op.n);
	sh_each_word(n, check_word, c);
	c->simple += n->kind == SH_SIMPLE && n->n_words;
}

static void check_commands(const struct sh_tree *t, u32 simple)
{
	static const char *const valued[] = { "o", "x", NULL };
	struct sh_commands l;
	u32 own = 0;
	sh_commands_of(t, &l);
	for (u32 i = 0; i < l.n; i++) {
		const struct sh_command *c = &l.v[i];
		const struct sh_word *words = c->node->words;
		require(c->index == i && c->word >= words && c->args + c->n_args == words + c->node->n_words && c->args == c->word + 1);
		require(inside(c->base.p, c->base.n, c->name));
		require(!c->wraps || (c->wraps == c + 1 && c->wraps->wrapped));
		own += !c->wrapped;
		u32 n = 0;
		for (const struct sh_word *w = NULL; n < 16 && (w = sh_next_operand(c, w, valued)); n++)
			require(w >= c->args && w < c->args + c->n_args);
		require(n == 16 || n == sh_count_operands(c, valued));
		sh_flag_value(c, "o");
		bool last;
		sh_pipeline_of(c, &last);
	}
	require(own == simple);
	sh_commands_free(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_tree t;
	if (size > 64 * KiB)
		return 0;
	sh_parse(str_n(data, size), &t);
	struct check c = { .t = &t };
	sh_each(t.root, check_node, &c);
	require(c.nodes <= SH_NODES + 1 && t.n_errors <= 64);
	for (u32 i = 0; i < t.n_errors; i++)
		require(t.errors[i].at <= size && t.errors[i].message);
	check_commands(&t, c.simple);
	sh_free(&t);
	return 0;
}
