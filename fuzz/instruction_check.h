/* instruction_check.h — every instruction of a Dockerfile applied, as a build does it: stage by stage, the triggers of their bases first. For the fuzzer and for the unit tests. */
#ifndef FUZZ_INSTRUCTION_CHECK_H
#define FUZZ_INSTRUCTION_CHECK_H
#include "build/instruction.h"
#include "dockerfile_check.h"

struct walked {
	struct df_file file;
	struct df_graph graph;
	struct arena arena;
	struct stage_image *images; /* by stage; n of them were begun */
	u32 n;
	struct str base;            /* the configuration of every image that is no stage */
};

static inline bool walked_base(void *ctx, const struct df_stage *stage, struct df_base *ret)
{
	struct walked *w = ctx;
	(void)stage;
	return w->base.n && stage_image_base(&w->arena, w->base, ret, NULL) == 0;
}

static inline int walked_one(struct walked *w, struct stage_image *im, const struct df_instruction *i, const struct df_state *state, const struct instruction_options *io,
	void (*each)(void *ctx, u32 stage, const struct action *a), void *ctx, u32 stage, struct error *err)
{
	struct action a;
	if (instruction_apply(im, i, state, w->file.escape, io, &a, err) < 0)
		return -1;
	if (im && a.created_by)
		stage_image_history(im, a.created_by, !a.layer, 0);
	if (im && each)
		each(ctx, stage, &a);
	return 0;
}

static inline int walked_stage(struct walked *w, u32 s, const struct instruction_options *io, void (*each)(void *ctx, u32 stage, const struct action *a), void *ctx, struct error *err)
{
	const struct df_stage *st = &w->graph.stages[s];
	struct stage_image *im = &w->images[s];
	struct platform p = { "linux", "amd64", "" };

	if (st->from != DF_NONE && walked_one(w, NULL, &w->file.instructions[st->from], w->graph.state[st->from], io, NULL, NULL, 0, err) < 0)
		return -1;
	w->n = s + 1;
	if (st->base != DF_NONE)
		stage_image_copy(&w->arena, &w->images[st->base], false, im);
	else if (stage_image_begin(&w->arena, st->scratch ? (struct str){ 0 } : w->base, &p, im, err) < 0)
		return -1;
	for (u32 i = 0; i < st->n_triggers; i++) {
		if (!st->triggers[i].instruction)
			return error_set(err, ERR_INPUT, "%.*s: %s", STR_FMT(st->triggers[i].text), st->triggers[i].why);
		if (walked_one(w, im, st->triggers[i].instruction, st->triggers[i].state, io, each, ctx, s, err) < 0)
			return -1;
	}
	for (u32 i = st->from == DF_NONE ? st->first : st->first + 1; i < st->end; i++)
		if (walked_one(w, im, &w->file.instructions[i], w->graph.state[i], io, each, ctx, s, err) < 0)
			return -1;
	return 0;
}

/* What of it is needed for the last stage. The caller's end() follows whatever comes of it. */
static inline int walked_begin(struct walked *w, struct str text, struct str base, const struct str *args, u32 n_args, void (*each)(void *ctx, u32 stage, const struct action *a), void *ctx, struct error *err)
{
	struct df_graph_options opt = { .build_args = args, .n_build_args = n_args, .base = walked_base, .ctx = w };
	struct platform p = { "linux", "amd64", "" };

	*w = (struct walked){ .base = base };
	if (df_parse(text, &w->file, err) < 0)
		return -1;
	for (u32 i = 0; i < w->file.n_errors; i++)
		if (w->file.errors[i].fatal || w->file.errors[i].order)
			return error_set(err, ERR_INPUT, "%s", w->file.errors[i].message);
	instruction_platforms(&w->arena, &p, &p, &opt);
	df_graph_build(&w->file, &opt, &w->graph);
	struct instruction_options io = { .epoch = -1, .build_args = args, .n_build_args = n_args, .globals = w->graph.global_state };
	if (w->graph.over)
		return error_set(err, ERR_INPUT, "too much");
	w->images = xcalloc(w->graph.n_stages + 1, sizeof *w->images);
	for (u32 i = 0; i < w->file.n_instructions && w->graph.stage_of[i] == DF_NONE; i++)
		if (walked_one(w, NULL, &w->file.instructions[i], w->graph.state[i], &io, NULL, NULL, 0, err) < 0)
			return -1;
	for (u32 s = 0; s < w->graph.n_stages; s++)
		if (w->graph.stages[s].needed && walked_stage(w, s, &io, each, ctx, err) < 0)
			return -1;
	return 0;
}

static inline void walked_end(struct walked *w)
{
	for (u32 i = 0; i < w->n; i++)
		if (w->images[i].doc)
			stage_image_free(&w->images[i]);
	free(w->images);
	df_graph_free(&w->graph);
	df_free(&w->file);
	arena_free(&w->arena);
}
#endif
