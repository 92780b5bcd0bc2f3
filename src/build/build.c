#include "build/build.h"
#include "build/plan.h"
#include "build/diff.h"
#include "build/failed.h"
#include "build/room.h"
#include "build/snapshot.h"
#include "store/load.h"
#include "store/store.h"
#include <signal.h>
#include <stdlib.h>

void build_tell(struct build *b, const struct build_event *e)
{
	if (!b->opt->event)
		return;
	pthread_mutex_lock(&b->event_lock);
	b->opt->event(b->opt->ctx, e);
	pthread_mutex_unlock(&b->event_lock);
}

/* --- who runs what --- */
/* Under the lock: everything that waits for nothing any more. */
static void wake(struct build *b)
{
	for (u32 i = 0; i < b->n_targets; i++) {
		struct build_target *t = &b->targets[i];
		for (u32 k = 0; k < t->graph.n_stages; k++) {
			struct build_stage *s = &t->stages[k];
			if (!s->is->needed || s->state != STAGE_WAITING)
				continue;
			if (s->at ? (s->waits && s->waits->state != STAGE_DONE) : (s->on && s->on->state != STAGE_DONE))
				continue;
			s->state = STAGE_READY;
			s->next = b->ready;
			b->ready = s;
		}
	}
	pthread_cond_broadcast(&b->change);
}

static void ended(struct build *b, struct build_stage *s, int r, const struct error *err)
{
	b->running--;
	if (r < 0) {
		if (!b->failed) {
			b->failed = r;
			b->err = *err;
			b->source = s->source;
			b->look = s->look;
		}
		atomic_store(&b->stop, true);
		s->state = STAGE_DONE;
	} else if (r == 1) {
		s->state = STAGE_DONE;
		b->left--;
	} else {
		s->state = STAGE_WAITING;
	}
	wake(b);
}

static void *work(void *arg)
{
	struct worker w = { .b = arg };
	struct build *b = arg;
	struct error err = { 0 };
	int opened = store_open(b->store_path, true, &w.store, &err);
	pthread_mutex_lock(&b->lock);
	if (opened < 0 && !b->failed) {
		b->failed = -1;
		b->err = err;
		atomic_store(&b->stop, true);
		pthread_cond_broadcast(&b->change);
	}
	while (!b->failed && b->left) {
		struct build_stage *s = b->ready;
		if (!s) {
			pthread_cond_wait(&b->change, &b->lock);
			continue;
		}
		b->ready = s->next;
		s->state = STAGE_RUNNING;
		b->running++;
		pthread_mutex_unlock(&b->lock);
		struct error said = { 0 };
		int r = stage_advance(&w, s, &said);
		pthread_mutex_lock(&b->lock);
		ended(b, s, r, &said);
	}
	pthread_mutex_unlock(&b->lock);
	return w.store; /* what it leased is needed until the image is made */
}

static int run_stages(struct build *b, struct error *err)
{
	pthread_t threads[BUILD_WORKERS];
	void *stores[BUILD_WORKERS + 1] = { 0 };
	u32 n = 0;
	for (u32 i = 0; i < b->n_targets; i++)
		for (u32 k = 0; k < b->targets[i].graph.n_stages; k++)
			b->left += b->targets[i].stages[k].is->needed;
	u32 most = MIN(b->left, BUILD_WORKERS);
	pthread_mutex_lock(&b->lock);
	wake(b);
	pthread_mutex_unlock(&b->lock);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (n + 1 < most && pthread_create(&threads[n], NULL, work, b) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	stores[n] = work(b);
	for (u32 i = 0; i < n; i++)
		pthread_join(threads[i], &stores[i]);
	int r = b->failed;
	if (r < 0)
		*err = b->err;
	b->leases = n + 1;
	memcpy(b->worker_stores, stores, sizeof stores);
	return r;
}

/* --- all of it --- */
static int open_all(struct build *b, struct error *err)
{
	const struct build_options *o = b->opt;
	b->store_path = store_dir(&b->a, o->store, err);
	if (!b->store_path || store_open(b->store_path, true, &b->store, err) < 0 || run_ids_find(&b->ids, err) < 0)
		return -1;
	if (snapshots_open(b->store_path, &b->ids, &b->snapshots, err) < 0 || stage_make(&b->scratch, arena_printf(&b->a, "%s/new-", snapshots_dir(b->snapshots)), err) < 0)
		return -1;
	b->bases = (struct bases){ .store = b->store, .dir = b->store_path, .repo = &o->repo, .contexts = o->contexts, .pull = o->pull, .found = o->found, .allowed = o->allowed, .ctx = o->ctx };
	pthread_mutex_init(&b->bases.lock, NULL);
	struct exec_options x = o->exec;
	x.ids = &b->ids;
	x.store = b->store_path;
	return exec_open(&x, &b->exec, err);
}

static int open_cache(struct build *b, struct error *err)
{
	const struct build_options *o = b->opt;
	struct buf scope = BUF(64 * KiB), note = BUF(64 * KiB);
	buf_printf(&scope, "%s\n%s\n%s", context_name(b->contexts[0].open), b->dockerfile_name, o->target ? o->target : "");
	for (const char *const *p = o->platforms; p && *p; p++)
		buf_printf(&scope, "\n%s", *p);
	int r = cache_open(b->store_path, b->store, scope.p, &b->cache, err);
	if (r == 0)
		cache_registries(b->cache, &o->repo);
	for (const char *const *v = o->cache_from; r == 0 && v && *v; v++) {
		buf_clear(&note);
		r = cache_import(b->cache, *v, &note, err);
		if (r == 0 && note.n)
			build_tell(b, &(struct build_event){ .kind = BUILD_NOTE, .text = buf_str(&note) });
	}
	buf_free(&scope);
	buf_free(&note);
	return r;
}

static void close_all(struct build *b)
{
	exec_close(b->exec);
	cache_close(b->cache);
	plan_close(b);
	bases_free(&b->bases);
	snapshots_close(b->snapshots);
	stage_remove(&b->scratch);
	for (u32 i = 0; i < b->leases; i++)
		store_close(b->worker_stores[i]);
	store_close(b->store);
	if (b->n_steps > b->n_cached && !b->opt->dry_run)
		build_room_keep(b->store_path, ROOM_BUDGET);
	steps_free(b);
	free(b->trace);
	free(b->origins);
	pthread_mutex_destroy(&b->context_lock);
	pthread_mutex_destroy(&b->event_lock);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->change);
	arena_free(&b->a);
}

static int by_place(const void *a, const void *b)
{
	const struct build_trace *x = a, *y = b;
	struct str p = str_of(x->place), q = str_of(y->place);
	u64 m = 0, n = 0;
	if (!str_to_u64(str_from(p, (size_t)(strrchr(x->place, ':') - x->place) + 1), &m) || !str_to_u64(str_from(q, (size_t)(strrchr(y->place, ':') - y->place) + 1), &n) || m == n)
		return strcmp(x->name, y->name);
	return m < n ? -1 : 1;
}

/* The steps, for the caller. */
static void keep_trace(struct build *b, struct arena *a, struct build_result *res)
{
	struct build_trace *v = arena_array(a, struct build_trace, b->n_trace + 1u);
	for (u32 i = 0; i < b->n_trace; i++) {
		v[i] = b->trace[i];
		v[i].place = arena_strdup(a, str_of(v[i].place));
		v[i].name = arena_strdup(a, str_of(v[i].name));
	}
	qsort(v, b->n_trace, sizeof *v, by_place);
	res->trace = v;
	res->n_trace = b->n_trace;
}

int build_run(const struct build_options *opt, struct arena *a, struct build_result *ret, struct error *err)
{
	struct build b = { .opt = opt, .dockerfile = BUF(DF_BYTES), .time = opt->epoch >= 0 ? opt->epoch : DIFF_TIME };
	struct build_result res = { 0 };
	pthread_mutex_init(&b.context_lock, NULL);
	pthread_mutex_init(&b.event_lock, NULL);
	pthread_mutex_init(&b.lock, NULL);
	pthread_cond_init(&b.change, NULL);
	int r = export_check(&b.a, opt, err);
	for (const char *const *v = opt->cache_to; r == 0 && v && *v; v++)
		r = cache_check(*v, true, err);
	for (const char *const *v = opt->cache_from; r == 0 && v && *v; v++)
		r = cache_check(*v, false, err);
	r = r < 0 ? r : open_all(&b, err);
	r = r < 0 ? r : plan_build(&b, err);
	r = r < 0 ? r : open_cache(&b, err);
	r = r < 0 ? r : run_stages(&b, err);
	if (r < 0 && b.source)
		build_tell(&b, &(struct build_event){ .kind = BUILD_SOURCE, .text = str_of(b.source), .look = b.look });
	res.steps = b.n_steps;
	res.cached = b.n_cached;
	res.kept_out = b.kept_out;
	if (r == 0 && !opt->dry_run)
		r = export_build(&b, a, &res, err);
	for (const char *const *v = opt->cache_to; r == 0 && !opt->dry_run && v && *v; v++)
		r = cache_export(b.cache, *v, err);
	if (r == 0 && !opt->dry_run)
		failed_forget(&b, b.store);
	keep_trace(&b, a, &res);
	close_all(&b);
	if (r == 0)
		*ret = res;
	return r == -2 ? 1 : r;
}
