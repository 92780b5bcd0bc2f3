#include "build/plan.h"
#include "store/load.h"
#include "store/store.h"

const char *plan_place(struct arena *a, const struct build_target *t, const struct df_instruction *i)
{
	return arena_printf(a, "%s:%u", t->b->dockerfile_name, MAX(i->line, 1u));
}

/* --- what is known of images --- */
static bool tell_base(void *ctx, const struct df_stage *stage, struct df_base *ret)
{
	struct build_target *t = ctx;
	const struct base *b = t->stages ? t->stages[stage->index].base : NULL; /* stages stay what they are from graph to graph */
	struct error ignored = { 0 };
	return b && stage_image_base(&t->b->a, b->config, ret, &ignored) == 0;
}

static bool replaced(void *ctx, struct str name) { return base_context(((struct build_target *)ctx)->b->opt->contexts, name) != NULL; }

static int read_file(struct build_target *t, struct error *err)
{
	struct build *b = t->b;
	if (df_parse(buf_str(&b->dockerfile), &t->file, err) < 0)
		return error_wrap(err, "%s", b->dockerfile_name);
	for (u32 i = 0; i < t->file.n_errors; i++) {
		const struct df_error *e = &t->file.errors[i];
		if (e->fatal || e->order)
			return error_set(err, ERR_INPUT, "%s:%u: %s", b->dockerfile_name, e->line, e->message);
	}
	return 0;
}

/* What stands before the first FROM, and FROM itself: what cannot be expanded is refused. */
static int check(struct build_target *t, u32 i, struct error *err)
{
	const struct instruction_options o = { .epoch = -1, .build_args = t->args, .n_build_args = t->n_args, .globals = t->graph.global_state };
	struct action none;
	if (instruction_apply(NULL, &t->file.instructions[i], t->graph.state[i], t->file.escape, &o, &none, err) < 0)
		return error_wrap(err, "%s", plan_place(&t->b->a, t, &t->file.instructions[i]));
	return 0;
}

static int make_graph(struct build_target *t, struct error *err)
{
	const struct build_options *o = t->b->opt;
	struct df_graph_options g = { .build_args = t->args, .n_build_args = t->n_args, .target = o->target ? str_of(o->target) : (struct str){ 0 }, .base = tell_base, .replaced = replaced, .ctx = t };
	struct df_graph made, before = t->graph;
	struct platform host = platform_host();
	instruction_platforms(&t->b->a, &host, &t->platform, &g);
	df_graph_build(&t->file, &g, &made); /* asks for the bases of stages as they were before */
	df_graph_free(&before);
	t->graph = made;
	if (t->graph.over)
		return error_set(err, ERR_INPUT, "%s: its arguments and variables are too many, or too long", t->b->dockerfile_name);
	if (t->graph.target == DF_NONE && o->target && *o->target)
		return error_set(err, ERR_USAGE, "--target %s: %s has no such stage", o->target, t->b->dockerfile_name);
	if (t->graph.target == DF_NONE)
		return error_set(err, ERR_INPUT, "%s: has no FROM: no stage to build", t->b->dockerfile_name);
	int r = 0;
	for (u32 i = 0; r == 0 && i < t->file.n_instructions && t->graph.stage_of[i] == DF_NONE; i++)
		r = check(t, i, err);
	return r;
}

/* --- stages --- */
static int platform_of(struct build_target *t, const struct df_stage *is, struct platform *ret, struct error *err)
{
	*ret = t->platform;
	if (!is->platform.p)
		return 0;
	struct str text;
	struct word_options w = { .escape = t->file.escape };
	struct word_env env = df_state_env(t->graph.global_state);
	if (word_expand(&t->b->a, is->platform, &w, &env, &text, err) < 0)
		return -1;
	return text.n ? platform_parse(text, ret, err) : 0;
}

static int base_of(struct build_stage *s, struct error *err)
{
	struct build_target *t = s->target;
	const struct df_stage *is = s->is;
	if (is->base != DF_NONE || is->scratch)
		return 0;
	const char *where = is->image_expanded.n ? base_context(t->b->opt->contexts, is->image_expanded) : NULL;
	if (!is->image_expanded.n || (!is->image_known && str_chr(is->image_expanded, '$')))
		return error_set(err, ERR_INPUT, "FROM %.*s: names no image: an argument in it has no value", STR_FMT(is->image));
	if (where && !base_is_image(where)) {
		s->files = arena_strdup(&t->b->a, is->image_expanded);
		return 0;
	}
	return base_get(&t->b->bases, arena_strdup(&t->b->a, is->image_expanded), &s->platform, &s->base, err);
}

static bool counted(enum df_keyword k) { return k == DF_RUN || k == DF_COPY || k == DF_ADD || k == DF_WORKDIR || k == DF_FROM; }

/* Every needed stage and what it stands on. */
static int fill_stages(struct build_target *t, struct error *err)
{
	struct build_stage *v = arena_array(&t->b->a, struct build_stage, t->graph.n_stages + 1u);
	struct build_stage *old = t->stages;
	for (u32 i = 0; i < t->graph.n_stages; i++) {
		struct build_stage *s = &v[i];
		const struct df_stage *is = &t->graph.stages[i];
		*s = (struct build_stage){ .target = t, .index = i, .is = is, .ships = is->ships };
		if (old)
			s->base = old[i].base;
		if (!is->needed)
			continue;
		if (is->from != DF_NONE && check(t, is->from, err) < 0)
			return -1;
		int r = platform_of(t, is, &s->platform, err);
		platform_text(&s->platform, s->platform_text);
		bool known = s->base != NULL;
		if (r == 0 && !known)
			r = base_of(s, err);
		t->n_bases += r == 0 && !known && s->base;
		if (r < 0)
			return error_wrap(err, "%s", plan_place(&t->b->a, t, &t->file.instructions[is->from == DF_NONE ? is->first : is->from]));
		s->on = is->base == DF_NONE ? NULL : &v[is->base];
		if (s->on)
			s->on->users++;
		for (u32 k = is->first; k < is->end; k++)
			s->n_steps += counted(t->file.instructions[k].keyword);
		for (u32 k = 0; k < is->n_triggers; k++)
			s->n_steps += is->triggers[k].instruction && counted(is->triggers[k].instruction->keyword);
		s->no_cache = t->b->opt->no_cache || (is->name.p && str_listed(is->name, t->b->opt->no_cache_filter));
	}
	t->stages = v;
	t->last = &v[t->graph.target];
	t->last->users++;
	return 0;
}

/* What is in no stage: ARGs in front, and every FROM. */
static int check_globals(struct build_target *t, struct error *err)
{
	const struct instruction_options o = { .build_args = t->args, .n_build_args = t->n_args, .globals = t->graph.global_state };
	struct action act;
	for (u32 i = 0; i < t->file.n_instructions; i++) {
		const struct df_instruction *in = &t->file.instructions[i];
		if ((t->graph.stage_of[i] == DF_NONE || in->keyword == DF_FROM) && instruction_apply(NULL, in, t->graph.global_state, t->file.escape, &o, &act, err) < 0)
			return error_wrap(err, "%s", plan_place(&t->b->a, t, in));
	}
	return 0;
}

/* What a graph says of the stages depends on what their bases say (ONBUILD), and which bases are needed on the graph: until nothing is new. */
static int make_target(struct build_target *t, struct error *err)
{
	int r = read_file(t, err);
	r = r < 0 ? r : make_graph(t, err);
	for (u32 round = 0, had = UINT32_MAX; r == 0 && t->n_bases != had; round++) {
		if (round == BUILD_ROUNDS)
			return error_set(err, ERR_INPUT, "%s: triggers need images whose triggers need images, more than %u times", t->b->dockerfile_name, BUILD_ROUNDS);
		had = t->n_bases;
		r = fill_stages(t, err);
		r = r < 0 ? r : make_graph(t, err);
		r = r < 0 ? r : fill_stages(t, err);
	}
	return r < 0 ? r : check_globals(t, err);
}

/* --- arguments --- */
static void add_arg(struct build_target *t, struct str **v, u32 *n, u32 *cap, const char *name, const char *value)
{
	struct str one = str_of(arena_printf(&t->b->a, "%s=%s", name, value));
	VEC_PUSH(*v, *n, *cap, one);
}

static void make_args(struct build_target *t)
{
	const struct build_options *o = t->b->opt;
	struct str *v = NULL;
	u32 n = 0, cap = 0;
	if (o->epoch >= 0)
		add_arg(t, &v, &n, &cap, "SOURCE_DATE_EPOCH", arena_printf(&t->b->a, "%lld", (long long)o->epoch));
	for (const char *const *w = o->build_args; w && *w; w++) {
		const char *have = strchr(*w, '=') ? NULL : getenv(*w); /* NAME alone: the caller's */
		if (strchr(*w, '='))
			VEC_PUSH(v, n, cap, str_of(*w));
		else if (have)
			add_arg(t, &v, &n, &cap, *w, have);
	}
	t->args = v;
	t->n_args = n;
}

/* --- contexts --- */
static int open_named(struct build *b, const char *where, struct context **ret, struct error *err)
{
	int r = 0;
	pthread_mutex_lock(&b->context_lock);
	struct build_context *c = &b->contexts[0];
	while (c->where != where)
		c++;
	if (!c->open) {
		struct context_options o = { .store = b->store_path, .dir = b->scratch.path, .named = true, .secrets = exec_secrets(b->exec) };
		r = context_open(c->where, &o, &c->open, err);
		if (r < 0)
			error_wrap(err, "--build-context %s", c->name);
	}
	*ret = c->open;
	pthread_mutex_unlock(&b->context_lock);
	return r;
}

static void list_contexts(struct build *b)
{
	u32 n = 1;
	for (const char *const *w = b->opt->contexts; w && *w; w++)
		n++;
	b->contexts = arena_array(&b->a, struct build_context, n);
	b->n_contexts = 1;
	b->contexts[0] = (struct build_context){ .where = b->opt->context };
	for (const char *const *w = b->opt->contexts; w && *w; w++) {
		struct str rest = str_of(*w), name = str_cut(&rest, '=');
		if (rest.p && !base_is_image(rest.p))
			b->contexts[b->n_contexts++] = (struct build_context){ .name = arena_strdup(&b->a, name), .where = rest.p };
	}
}

int plan_from(struct build_stage *s, const char *name, struct plan_from *ret, struct error *err)
{
	struct build_target *t = s->target;
	struct build *b = t->b;
	*ret = (struct plan_from){ 0 };
	if (!name)
		return open_named(b, b->opt->context, &ret->context, err);
	const char *where = base_context(b->opt->contexts, str_of(name));
	u32 at = where ? DF_NONE : df_graph_stage(&t->graph, str_of(name), s->index);
	if (at != DF_NONE) {
		ret->stage = &t->stages[at];
		return 0;
	}
	if (where && !base_is_image(where))
		return open_named(b, where, &ret->context, err);
	u64 number;
	if (!where && df_graph_stage(&t->graph, str_of(name), t->graph.n_stages) != DF_NONE)
		return error_set(err, ERR_INPUT, "cannot take from stage %s: it has to be defined before this one", name);
	if (!where && str_to_u64(str_of(name), &number))
		return error_set(err, ERR_INPUT, "invalid stage index %s", name);
	static const struct base scratch = { .name = "scratch" };
	if (strcmp(name, scratch.name) == 0) {
		ret->image = &scratch;
		return 0;
	}
	struct platform p = s->platform;
	return base_get(&b->bases, name, &p, &ret->image, err);
}

/* --- all of it --- */
static int open_context(struct build *b, struct error *err)
{
	const struct build_options *o = b->opt;
	struct context_options c = { .store = b->store_path, .dir = b->scratch.path, .dockerfile = o->dockerfile, .secrets = exec_secrets(b->exec) };
	for (const char *const *w = o->build_args; w && *w; w++)
		c.keep_git |= strcmp(*w, "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1") == 0;
	list_contexts(b);
	if (context_open(o->context, &c, &b->contexts[0].open, err) < 0)
		return -1;
	return context_dockerfile(b->contexts[0].open, &b->dockerfile, &b->dockerfile_name, err);
}

int plan_build(struct build *b, struct error *err)
{
	const struct build_options *o = b->opt;
	u32 n = 0;
	if (open_context(b, err) < 0)
		return -1;
	while (o->platforms && o->platforms[n])
		n++;
	b->targets = arena_array(&b->a, struct build_target, MAX(n, 1u));
	b->n_targets = MAX(n, 1u);
	for (u32 i = 0; i < b->n_targets; i++) {
		struct build_target *t = &b->targets[i];
		t->b = b;
		t->platform = platform_host();
		if (n && platform_parse(str_of(o->platforms[i]), &t->platform, err) < 0)
			return error_wrap(err, "--platform %s", o->platforms[i]);
		platform_text(&t->platform, t->platform_text);
		make_args(t);
		if (make_target(t, err) < 0)
			return -1;
	}
	return 0;
}

void plan_close(struct build *b)
{
	for (u32 i = 0; i < b->n_targets; i++) {
		struct build_target *t = &b->targets[i];
		for (u32 k = 0; t->stages && k < t->graph.n_stages; k++) {
			stage_image_free(&t->stages[k].image);
			arena_free(&t->stages[k].a);
		}
		df_graph_free(&t->graph);
		df_free(&t->file);
		free(t->args);
	}
	for (u32 i = 0; i < b->n_contexts; i++)
		context_close(b->contexts[i].open);
	buf_free(&b->dockerfile);
}
