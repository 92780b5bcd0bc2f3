#include "base/text.h"
#include "build/plan.h"

#define SOURCE_LINES 20u  /* of an instruction that failed, as it is shown */
#define SOURCE_WIDTH 400u /* bytes of one */

static int begin(struct build_stage *s, struct error *err)
{
	s->at = 1;
	s->step = 1;
	if (s->on) {
		stage_image_copy(&s->a, &s->on->image, atomic_load(&s->on->users) == 1, &s->image);
		if (atomic_fetch_sub(&s->on->users, 1) == 1)
			stage_image_free(&s->on->image);
		s->chain = s->on->chain;
		s->chain.room = 0;
		s->unknown = s->on->unknown;
		s->base_layers = s->on->base_layers;
		return 0;
	}
	if (s->base)
		s->chain = s->base->chain;
	s->chain.room = 0;
	s->base_layers = s->chain.n;
	return stage_image_begin(&s->a, s->base ? s->base->config : (struct str){ 0 }, &s->platform, &s->image, err);
}

/* FROM of a directory: its files are the first layer. */
static int begin_with_files(struct worker *w, struct build_stage *s, struct error *err)
{
	static const struct copy_item all = { .kind = COPY_FILES, .source = { ".", 1 } };
	struct build *b = w->b;
	struct action act = { .kind = ACTION_COPY, .copy_from = s->files, .name = arena_printf(&s->a, "FROM %s", s->files), .created_by = "COPY . / # files of a build context" };
	bool changed = false;
	act.copy = (struct copy_spec){ .items = &all, .n = 1, .dest = STR("/"), .workdir = "/", .unpack = -1, .time = b->time, .epoch = b->opt->epoch };
	int r = step_do(w, s, &s->target->file.instructions[s->is->from], &act, &changed, err);
	if (r == 0 && changed)
		stage_image_history(&s->image, act.created_by, false, b->time);
	return r;
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
	else if (from.stage)
		s->unknown |= from.stage->unknown;
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

/* What `at` means: *in, its state. 0: the end. -1: a trigger that cannot be read. */
static int next(const struct build_stage *s, const struct df_instruction **in, const struct df_state **state, struct error *err)
{
	const struct df_stage *is = s->is;
	u32 k = s->at - 1;
	if (k < is->n_triggers) {
		*in = is->triggers[k].instruction;
		*state = is->triggers[k].state;
		return *in ? 1 : error_set(err, ERR_INPUT, "ONBUILD %.*s: %s", STR_FMT(str_head(is->triggers[k].text, 200)), is->triggers[k].why);
	}
	k = k - is->n_triggers + is->first + (is->from != DF_NONE);
	if (k >= is->end)
		return 0;
	*in = &s->target->file.instructions[k];
	*state = s->target->graph.state[k];
	return 1;
}

static bool names_frontend(const struct df_file *f)
{
	for (u32 i = 0; i < f->n_directives; i++)
		if (str_is(f->directives[i].name, "syntax"))
			return true;
	return false;
}

static int one(struct worker *w, struct build_stage *s, const struct df_instruction *in, const struct df_state *state, struct error *err)
{
	struct build_target *t = s->target;
	struct build *b = t->b;
	const struct instruction_options o = { .time = b->time, .epoch = b->opt->epoch, .text_mode = names_frontend(&t->file) ? 0644 : 0, .build_args = t->args, .n_build_args = t->n_args, .globals = t->graph.global_state };
	bool changed = false;
	if (!s->has_act && instruction_apply(&s->image, in, state, t->file.escape, &o, &s->act, err) < 0)
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

/* The instruction with the lines around it, as BuildKit shows them; of one that is long its first lines. */
static const char *source(struct build_stage *s, const struct df_instruction *in)
{
	const struct build *b = s->target->b;
	struct buf out = { 0 };
	u32 first = MAX(in->line, 1u), last = MAX(in->end_line, first), around = first == last ? 2 : 1, n = 0;
	buf_printf(&out, "%s:%u\n--------------------\n", b->dockerfile_name, first);
	for (struct str rest = buf_str(&b->dockerfile); rest.p && n < last + around;) {
		struct str line = str_cut(&rest, '\n');
		n++;
		if (n + around < first || (!rest.p && !line.n && n > last)) /* behind the last end of line there is nothing */
			continue;
		if (n >= first + SOURCE_LINES && n <= last) {
			if (n == last)
				buf_printf(&out, "     | ... %u more lines\n", last - first + 1 - SOURCE_LINES);
			continue;
		}
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_printf(&out, " %3u | %s ", n, n >= first && n <= last ? ">>>" : "   ");
		text_hide_passwords(&out, str_head(line, SOURCE_WIDTH));
		buf_puts(&out, line.n > SOURCE_WIDTH ? "...\n" : "\n");
	}
	buf_puts(&out, "--------------------\n");
	const char *ret = arena_strdup(&s->a, buf_str(&out));
	buf_free(&out);
	return ret;
}

/* "Dockerfile:3"; of a trigger the place of FROM. */
static int place(struct build_stage *s, const struct df_instruction *in, struct error *err)
{
	struct arena a = { 0 };
	const struct df_file *f = &s->target->file;
	bool own = in && in >= f->instructions && in < f->instructions + f->n_instructions;
	in = own ? in : &f->instructions[s->is->from == DF_NONE ? s->is->first : s->is->from];
	s->source = source(s, in);
	error_wrap(err, "%s", plan_place(&a, s->target, in));
	arena_free(&a);
	return -1;
}

int stage_advance(struct worker *w, struct build_stage *s, struct error *err)
{
	int begun = s->at ? 0 : begin(s, err);
	if (!begun && s->at == 1 && s->files) {
		begun = begin_with_files(w, s, err);
		s->files = NULL;
	}
	if (begun < 0) {
		place(s, NULL, err);
		return begun;
	}
	for (;;) {
		const struct df_instruction *in = NULL;
		const struct df_state *state;
		int r = next(s, &in, &state, err);
		if (r == 0)
			return 1;
		if (atomic_load(&w->b->stop))
			return error_set(err, ERR_ENV, "stopped");
		r = r < 0 ? r : one(w, s, in, state, err);
		if (r < 0)
			place(s, in, err);
		if (r <= 0)
			return r;
		s->at++;
	}
}
