/* A Dockerfile's stages and what flows between them hold together, whatever the file; BuildKit's checks end, and the edits they offer are inside of it.
 * What stands in front of the first NUL is a build argument. */
#include "lint/lint.h"

static void check_graph(const struct df_file *f, const struct df_graph *g)
{
	for (u32 i = 0; i < g->n_stages; i++) {
		const struct df_stage *st = &g->stages[i];
		if (st->index != i || st->first >= st->end || st->end > f->n_instructions || (st->base != DF_NONE && st->base >= i))
			abort();
		if ((st->ships && !st->needed) || (st->scratch && st->base != DF_NONE))
			abort();
		for (u32 k = 0; k < st->n_uses; k++)
			if (st->uses[k] >= i || (st->needed && !g->stages[st->uses[k]].needed))
				abort();
		if (st->base != DF_NONE && st->ships && !g->stages[st->base].ships)
			abort();
		if (st->name.n && df_graph_named(g, st->name, i + 1) != i)
			abort();
	}
	for (u32 i = 0; i < f->n_instructions; i++) {
		const struct df_state *s = g->state[i];
		if (!s || (g->stage_of[i] != DF_NONE && g->stage_of[i] >= g->n_stages))
			abort();
		if (s->vars && !df_state_var(s, s->vars->name))
			abort();
	}
	if (g->n_stages && g->target >= g->n_stages)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size), arg = { 0 };
	struct df_file f;
	struct df_graph g;
	struct diagnostics d = { 0 };
	struct lint_options o = { .codes = LINT_BUILDKIT, .ignored_files = STR("*.a\n**/b\n") };
	const char *nul = memchr(data, 0, size);
	bool refused;

	if (nul) {
		arg = str_head(text, (size_t)(nul - text.p));
		text = str_from(text, arg.n + 1);
		o.build_args = &arg;
		o.n_build_args = 1;
	}
	if (df_parse(text, &f, NULL) < 0)
		return 0;
	df_graph_build(&f, &(struct df_graph_options){ .build_args = o.build_args, .n_build_args = o.n_build_args }, &g);
	check_graph(&f, &g);
	df_graph_free(&g);
	df_free(&f);
	if (lint_run(text, &o, &d, &refused, NULL) == 0)
		for (u32 i = 0; i < d.n; i++)
			for (u32 k = 0; d.v[i].fix && k < d.v[i].fix->n_edits; k++) {
				const struct edit *e = &d.v[i].fix->edits[k];
				if (e->at > e->end || e->end > text.n || (k && e->at < e[-1].end))
					abort();
			}
	diagnostics_free(&d);
	return 0;
}
