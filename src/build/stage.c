#include "build/plan.h"

static int begin(struct build_stage *s, struct error *err)
{
	s->at = s->is->from == DF_NONE ? s->is->first : s->is->first + 1;
	s->step = 1;
	if (s->on) {
		stage_image_copy(&s->a, &s->on->image, &s->image);
		s->chain = s->on->chain;
		s->unknown = s->on->unknown;
		s->base_layers = s->on->base_layers;
		return 0;
	}
	if (s->base)
		s->chain = s->base->chain;
	s->base_layers = s->chain.n;
	return stage_image_begin(&s->a, s->base ? s->base->config : (struct str){ 0 }, &s->platform, &s->image, err);
}

/* A stage that the action takes from and that is not done yet. */
static int find_wait(struct build_stage *s, const char *name, struct error *err)
{
	struct plan_from from;
	if (s->waits || !name)
		return 0;
	if (plan_from(s, name, &from, err) < 0)
		return -1;
	struct build *b = s->target->b;
	pthread_mutex_lock(&b->lock);
	if (from.stage && from.stage->state != STAGE_DONE)
		s->waits = from.stage;
	s->unknown |= from.stage && from.stage->unknown;
	pthread_mutex_unlock(&b->lock);
	return 0;
}

static int find_waits(struct build_stage *s, struct error *err)
{
	const struct action *act = &s->act;
	int r = 0;
	if (act->kind == ACTION_COPY)
		r = find_wait(s, act->copy_from, err);
	for (u32 i = 0; r == 0 && act->kind == ACTION_RUN && i < act->run.n_mounts; i++)
		r = find_wait(s, act->run.mounts[i].from, err);
	return r;
}

static int one(struct worker *w, struct build_stage *s, const struct df_instruction *in, struct error *err)
{
	struct build_target *t = s->target;
	struct build *b = t->b;
	const struct instruction_options o = { .time = b->time, .epoch = b->opt->epoch, .platform = s->platform_text };
	bool changed = false;
	if (!s->has_act && instruction_apply(&s->image, in, t->graph.state[in->index], t->file.escape, &o, &s->act, err) < 0)
		return -1;
	s->has_act = true;
	s->waits = NULL;
	if (find_waits(s, err) < 0)
		return -1;
	if (s->waits)
		return 0;
	if (s->act.kind != ACTION_NONE) {
		s->step++;
		int r = step_do(w, s, in, &s->act, &changed, err);
		if (r < 0)
			return r;
	}
	if (s->act.created_by)
		stage_image_history(&s->image, s->act.created_by, !changed, b->time);
	s->has_act = false;
	return 1;
}

int stage_advance(struct worker *w, struct build_stage *s, struct error *err)
{
	struct build *b = w->b;
	if (!s->at && begin(s, err) < 0)
		return -1;
	while (s->at < s->is->end) {
		const struct df_instruction *in = &s->target->file.instructions[s->at];
		if (atomic_load(&b->stop))
			return error_set(err, ERR_ENV, "stopped");
		int r = one(w, s, in, err);
		if (r < 0) {
			struct arena a = { 0 };
			error_wrap(err, "%s", plan_place(&a, s->target, in));
			arena_free(&a);
		}
		if (r <= 0)
			return r;
		s->at++;
	}
	return 1;
}
