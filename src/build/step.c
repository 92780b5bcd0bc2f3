#include "build/copy_inner.h"
#include "build/diff.h"
#include "build/failed.h"
#include "build/lean.h"
#include "build/leak.h"
#include "build/plan.h"
#include <errno.h>
#include <time.h>
#include <unistd.h>

#define KEEP_MAX (512 * MiB)   /* bytes of files that are kept of a step that failed: nobody waits long for that */

struct step_done {
	struct step_done *next;
	struct digest key;
	bool ready, changed, unknown; /* unknown: of a dry run, which does not do it */
	struct build_layer layer;
};

struct step {
	struct worker *w;
	struct build_stage *s;
	const struct df_instruction *in;
	const struct action *act;
	struct cache_key key;
	const char *name, *identity; /* "[build 2/5] RUN make", "build 2/5 RUN make" */
	u32 number;
	struct plan_from from;       /* of a COPY */
	struct plan_from *mounts;    /* of a RUN */
	struct digest *seen;         /* of contexts that it mounts, as the key has them */
	u32 n_files;                 /* of those */
	struct copy_fetched *fetched;
	double began;
	struct exec_told told;
	struct leak *leak;           /* of a RUN that has secrets */
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void tell(const struct step *st, struct build_event e)
{
	e.step = st->number;
	e.name = st->name;
	e.digest = st->key.digest.alg ? DIGEST_STR(&st->key.digest) : NULL;
	build_tell(st->w->b, &e);
}

/* --- the key --- */
static void add(struct step *st, const char *name, const char *value) { cache_key_add(&st->key, name, str_of(value)); }
static void add_number(struct step *st, const char *name, u64 v) { cache_key_add(&st->key, name, str_of(arena_printf(&st->s->a, "%llu", (unsigned long long)v))); }

static int file_input(void *ctx, struct str path, const struct digest *d, struct error *err)
{
	struct step *st = ctx;
	(void)err;
	if (st->n_files++ < COPY_KEY_FILES)
		cache_key_add(&st->key, arena_printf(&st->s->a, "file %.*s", STR_FMT(path)), str_of(arena_strdup(&st->s->a, str_of(DIGEST_STR(d)))));
	return 0;
}

static int context_seen(struct context *c, const char *source, int (*f)(void *ctx, struct str path, const struct digest *d, struct error *err), void *ctx, struct digest *ret, struct error *err)
{
	int r = context_digest(c, str_of(source), f, ctx, ret, err);
	return r == 1 ? error_set(err, ERR_INPUT, "%s: not found in the build context", source) : r;
}

static const char *id_of(struct arena *a, const struct digest *d) { return d->alg ? arena_strdup(a, str_of(DIGEST_STR(d))) : "nothing"; }

/* What a mount's content is, where it has some from before the step. */
static int mount_key(struct step *st, u32 i, struct error *err)
{
	const struct run_mount *m = &st->act->run.mounts[i];
	struct plan_from *f = &st->mounts[i];
	struct arena *a = &st->s->a;
	static const char *const types[] = { "bind", "cache", "tmpfs", "secret", "ssh", "text" };
	const struct {
		const char *name, *value;
	} texts[] = { { "mount", types[m->type] }, { "mount target", m->target }, { "mount id", m->id }, { "mount from", m->from }, { "mount source", m->source }, { "mount env", m->env } };
	for (size_t t = 0; t < countof(texts); t++)
		if (texts[t].value)
			add(st, texts[t].name, texts[t].value);
	add(st, "mount rw", m->writable ? "true" : "false");
	add(st, "mount mode", arena_printf(a, "%o", m->mode));
	add(st, "mount owner", arena_printf(a, "%u:%u", m->uid, m->gid));
	add_number(st, "mount size", m->size);
	add(st, "mount sharing", (const char *[]){ "shared", "private", "locked" }[m->sharing]);
	if (m->type == MOUNT_TEXT)
		cache_key_add(&st->key, "here-document", m->text);
	if (m->type != MOUNT_BIND && !(m->type == MOUNT_CACHE && m->from))
		return 0;
	if (plan_from(st->s, m->from, f, err) < 0)
		return -1;
	if (f->context) {
		if (context_seen(f->context, m->source ? m->source : "", file_input, st, &st->seen[i], err) < 0)
			return -1;
		add(st, "context of mount", id_of(a, &st->seen[i]));
		return 0;
	}
	add(st, arena_printf(a, "tree of %s", m->from), id_of(a, f->stage ? &f->stage->chain.id : &f->image->chain.id));
	return 0;
}

static int run_key(struct step *st, struct error *err)
{
	const struct run_step *r = &st->act->run;
	struct arena *a = &st->s->a;
	for (const char *const *v = r->argv; *v; v++)
		add(st, "command", *v);
	for (const char *const *v = r->env; *v; v++) {
		struct str value = str_of(*v), name = str_cut(&value, '=');
		if (!str_listed(name, r->secret_env))
			cache_key_add(&st->key, arena_printf(a, "variable %.*s", STR_FMT(name)), value);
	}
	add(st, "user", r->user ? r->user : "");
	add(st, "directory", r->cwd);
	const struct exec_options *x = &st->w->b->opt->exec;
	add(st, "network", (r->network == STEP_DEFAULT ? x->network : r->network) == STEP_NONE ? "none" : "host");
	add(st, "security", r->insecure ? "insecure" : "sandbox");
	for (const char *const *v = x->hosts; v && *v; v++)
		add(st, "--add-host", *v);
	for (const char *const *v = x->ulimits; v && *v; v++)
		add(st, "--ulimit", *v);
	if (x->shm)
		add_number(st, "--shm-size", x->shm);
	st->mounts = arena_array(a, struct plan_from, r->n_mounts + 1u);
	st->seen = arena_array(a, struct digest, r->n_mounts + 1u);
	int k = 0;
	for (u32 i = 0; k == 0 && i < r->n_mounts; i++)
		k = mount_key(st, i, err);
	return k;
}

static struct copy_from copy_source(const struct step *st, const struct snapshot *tree)
{
	const struct plan_from *f = &st->from;
	struct copy_from from = { .context = f->context, .tree = tree, .secrets = exec_secrets(st->w->b->exec) };
	if (f->stage || f->image)
		from.tree_id = f->stage ? &f->stage->chain.id : &f->image->chain.id;
	return from;
}

/* What ADD takes from elsewhere is told by provenance. */
static void note_origin(struct step *st, u32 item)
{
	struct build *b = st->w->b;
	struct arena *a = &st->s->a;
	struct build_origin o;
	if (!copy_origin(st->fetched, item, &o.uri, &o.digest))
		return;
	o = (struct build_origin){ arena_strdup(a, str_of(o.uri)), arena_strdup(a, str_of(o.digest)) };
	pthread_mutex_lock(&b->lock);
	VEC_PUSH(b->origins, b->n_origins, b->cap_origins, o);
	pthread_mutex_unlock(&b->lock);
}

static bool takes_files(const struct copy_spec *c)
{
	for (u32 i = 0; i < c->n; i++)
		if (c->items[i].kind == COPY_FILES)
			return true;
	return false;
}

static int make_key(struct step *st, struct error *err)
{
	const struct action *act = st->act;
	struct build *b = st->w->b;
	struct arena *a = &st->s->a;
	st->key = (struct cache_key){ .a = a };
	bool link = act->kind == ACTION_COPY && act->copy.link;
	add(st, "below", link ? "linked" : id_of(a, &st->s->chain.id));
	add(st, "platform", st->s->platform_text);
	add(st, "SOURCE_DATE_EPOCH", b->opt->epoch >= 0 ? arena_printf(a, "%lld", (long long)b->opt->epoch) : "");
	add_number(st, "kind", act->kind);
	int r = 0;
	if (act->kind == ACTION_RUN) {
		r = run_key(st, err);
	} else if (act->kind == ACTION_WORKDIR) {
		add(st, "directory", act->workdir);
		add(st, "user", act->owner ? act->owner : "");
	} else {
		if (takes_files(&act->copy))
			r = plan_from(st->s, act->copy_from, &st->from, err);
		struct copy_from from = copy_source(st, NULL);
		r = r < 0 ? r : copy_key(&act->copy, &from, b->scratch.path, &st->key, &st->fetched, err);
		for (u32 i = 0; r == 0 && i < act->copy.n; i++)
			note_origin(st, i);
	}
	if (r == 0)
		cache_key_end(&st->key);
	return r;
}

/* --- doing it --- */
static int snapshot_of(struct build *b, const struct plan_from *f, struct snapshot *ret, struct error *err)
{
	return snapshot_get(b->snapshots, f->stage ? &f->stage->chain : &f->image->chain, ret, err);
}

/* Files of a context, as root's and at the time of the build, in a tree of their own: as they were `seen`. */
static int context_tree(struct step *st, struct context *c, const char *source, const struct digest *seen, struct snapshot *ret, struct error *err)
{
	struct build *b = st->w->b;
	struct digest now;
	struct cache_key k = { .a = &st->s->a };
	struct str path = str_of(source);
	cache_key_add(&k, "context", str_of(DIGEST_STR(seen)));
	cache_key_add(&k, "path", path);
	cache_key_add(&k, "time", str_n(&b->time, sizeof b->time));
	cache_key_end(&k);
	int r = snapshot_find(b->snapshots, &k.digest, ret, err);
	if (r <= 0)
		return r;
	struct upper u;
	struct snapshot none = { 0 };
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	const struct copy_item item = { .kind = COPY_FILES, .source = path.n ? path : STR(".") };
	struct copy_spec spec = { .items = &item, .n = 1, .dest = str_of(arena_printf(&st->s->a, "/%.*s", STR_FMT(path))), .workdir = "/", .literal = true, .unpack = -1, .time = b->time, .epoch = b->opt->epoch };
	struct copy_from from = { .context = c };
	if (upper_make(b->snapshots, &u, err) < 0)
		return -1;
	r = copy_do(&spec, &from, NULL, &b->ids, &none, &u, err);
	r = r < 0 ? r : context_seen(c, source, NULL, NULL, &now, err);
	if (r == 0 && !digest_eq(&now, seen))
		r = error_set(err, ERR_INPUT, "%s: it changed while it was being copied", *source ? source : "the build context");
	r = r < 0 ? r : upper_keep_as(b->snapshots, &u, &k.digest, err);
	upper_drop(&u);
	r = r < 0 ? r : snapshot_find(b->snapshots, &k.digest, ret, err);
	return r == 1 ? error_set(err, ERR_ENV, "the tree of the build context is gone") : r;
}

static void output(void *ctx, int stream, struct str bytes)
{
	struct step *st = ctx;
	struct buf masked = BUF(0);
	if (st->leak)
		leak_mask(st->leak, stream, bytes, !bytes.p, &masked);
	struct str text = st->leak ? buf_str(&masked) : bytes;
	if (text.n)
		tell(st, (struct build_event){ .kind = BUILD_OUTPUT, .stream = stream, .text = text });
	buf_free(&masked);
}

static void tell_cleaned(const struct step *st)
{
	for (struct str rest = str_of(st->told.cleaned ? st->told.cleaned : ""); rest.n;) {
		struct str path = str_cut(&rest, '\n');
		tell(st, (struct build_event){ .kind = BUILD_NOTE, .text = str_of(arena_printf(&st->s->a, "%s: removed from a cache mount, since the value of a secret was in it: %.*s", st->name, STR_FMT(path))) });
	}
}

static int do_run(struct step *st, const struct snapshot *below, const struct upper *u, struct error *err)
{
	struct build *b = st->w->b;
	struct arena *a = &st->s->a;
	struct run_step shared = st->act->run;
	const struct str *values;
	u32 n_values = exec_secret_values(b->exec, &st->act->run, &values);
	st->leak = leak_new(values, n_values);
	const struct run_step *run = &shared;
	u32 own = shared.n_mounts;
	const char *whose = context_name(b->contexts[0].open);
	if (b->opt->lean && strcmp(whose, "-") != 0) /* what comes on standard input may be anybody's */
		lean_share(a, &st->act->run, &st->s->image, whose, buf_str(&b->dockerfile), &shared);
	struct snapshot *trees = arena_array(a, struct snapshot, run->n_mounts + 1u);
	const struct snapshot **sources = arena_array(a, const struct snapshot *, run->n_mounts + 1u);
	int r = 0;
	for (u32 i = 0; r == 0 && i < own; i++) {
		const struct plan_from *f = &st->mounts[i];
		if (!f->context && !f->stage && !f->image)
			continue;
		r = f->context ? context_tree(st, f->context, run->mounts[i].source ? run->mounts[i].source : "", &st->seen[i], &trees[i], err) : snapshot_of(b, f, &trees[i], err);
		sources[i] = &trees[i];
	}
	const struct exec_job job = { .step = run, .arch = st->s->platform.arch, .below = below, .upper = u, .sources = sources, .stop = &b->stop, .output = output, .ctx = st, .leak = st->leak };
	r = r < 0 ? r : exec_run(b->exec, a, &job, &st->told, err);
	for (int stream = 1; stream <= 2; stream++) /* what waited */
		output(st, stream, (struct str){ 0 });
	tell_cleaned(st);
	for (u32 i = 0; i < own; i++)
		snapshot_release(&trees[i]);
	if (r < 0 || (!st->told.status && !st->told.over))
		return r;
	if (st->told.over)
		error_set(err, ERR_INPUT, "ended: %s", st->told.over);
	else if (st->told.status > 128)
		error_set(err, ERR_INPUT, "exit status %d: killed by signal %d", st->told.status, st->told.status - 128);
	else
		error_set(err, ERR_INPUT, "exit status %d", st->told.status);
	return -2;
}

static int do_copy(struct step *st, const struct snapshot *below, const struct upper *u, struct error *err)
{
	struct build *b = st->w->b;
	struct snapshot tree = { 0 };
	bool other = st->from.stage || st->from.image;
	int r = other ? snapshot_of(b, &st->from, &tree, err) : 0;
	struct copy_from from = copy_source(st, other ? &tree : NULL);
	r = r < 0 ? r : copy_do(&st->act->copy, &from, st->fetched, &b->ids, below, u, err);
	snapshot_release(&tree);
	return r;
}

struct making {
	const struct action *act;
	s64 time;
};

static int make_directory(void *ctx, const int *fds, int out, struct error *err)
{
	struct making *m = ctx;
	struct copy_owner owner;
	(void)out;
	if (copy_owner_find(m->act->owner ? str_of(m->act->owner) : (struct str){ 0 }, fds[0], false, &owner, err) < 0)
		return -1;
	autofd int fd = root_make(fds[0], m->act->workdir, 0755, owner.set ? owner.uid : (u32)-1, owner.set ? owner.gid : (u32)-1, m->time);
	int r = fd < 0 ? error_errno(err, "%s", m->act->workdir) : 0;
	if (r < 0 && (errno == ENOTDIR || errno == ELOOP || errno == EEXIST))
		err->kind = ERR_INPUT;
	return r;
}

static int do_workdir(struct step *st, const struct snapshot *below, const struct upper *u, struct error *err)
{
	struct build *b = st->w->b;
	struct making m = { st->act, b->time };
	const struct run_root root = { .lowers = below->dirs, .n_lowers = below->n, .upper = u->upper, .work = u->work };
	const struct root_job job = { .roots = &root, .n = 1, .dir = u->root, .f = make_directory, .ctx = &m };
	return root_do(&b->ids, &job, err);
}

/* --- what was written --- */
struct search {
	struct leak *leak; /* NULL: no secret is looked for */
	u64 room;          /* bytes that there may be in all */
};

static int look(void *ctx, struct str path, struct str bytes, struct error *err)
{
	struct search *s = ctx;
	if (bytes.n > s->room)
		return error_set(err, ERR_INPUT, "more than is kept");
	s->room -= bytes.n;
	if (s->leak && !bytes.n) {
		leak_begin(s->leak);
		if (leak_in(s->leak, path))
			return error_set(err, ERR_INPUT, "the value of a secret is in the name of a file, which would be in the image");
	} else if (s->leak && leak_on(s->leak, bytes)) {
		return error_set(err, ERR_INPUT, "the value of a secret is in /%.*s, which would be in the image", STR_FMT(path));
	}
	return 0;
}

static int take(struct step *st, const struct snapshot *below, const struct upper *u, u64 room, bool *changed, struct build_layer *ret, u64 *bytes, struct error *err)
{
	struct build *b = st->w->b;
	struct diff_told told = { 0 };
	struct search s = { st->leak, room };
	struct diff_options o = { .epoch = b->opt->epoch, .forget = (const char *const *)st->told.forget };
	if (s.leak || room != UINT64_MAX) {
		o.content = look;
		o.ctx = &s;
	}
	int r = diff_take(st->w->store, &b->ids, u, below, &o, ret, &told, err);
	*changed = told.entries > 0;
	*bytes = told.bytes;
	return r;
}

/* What a step that ended with a status has left, for people to look at; of several at once the first, whose failure is then the build's. That it cannot be kept says nobody. */
static void keep(struct step *st, const struct snapshot *below, const struct upper *u)
{
	struct build *b = st->w->b;
	struct build_layer layer;
	struct error err = { 0 };
	bool changed = false;
	u64 bytes = 0;
	if (!b->opt->keep_failed || b->opt->nothing || atomic_load(&b->stop))
		return;
	if (atomic_exchange(&b->kept, true)) {
		pthread_mutex_lock(&b->lock);
		while (!atomic_load(&b->stop))
			pthread_cond_wait(&b->change, &b->lock);
		pthread_mutex_unlock(&b->lock);
		return;
	}
	if (st->told.status && !st->told.over && snapshots_bytes(u->upper) <= KEEP_MAX && take(st, below, u, KEEP_MAX, &changed, &layer, &bytes, &err) == 0)
		st->s->look = failed_keep(st->w, &(struct failed_step){ .stage = st->s, .act = st->act, .layer = changed ? &layer : NULL, .below = below, .upper = u, .status = st->told.status });
}

static int perform(struct step *st, bool *changed, struct build_layer *ret, struct error *err)
{
	struct build *b = st->w->b;
	struct build_stage *s = st->s;
	struct snapshot below = { 0 };
	struct upper u = { 0 };
	u64 bytes = 0;
	bool link = st->act->kind == ACTION_COPY && st->act->copy.link;
	int r = link ? 0 : snapshot_get(b->snapshots, &s->chain, &below, err);
	r = r < 0 ? r : upper_make(b->snapshots, &u, err);
	if (r == 0)
		r = st->act->kind == ACTION_RUN ? do_run(st, &below, &u, err) : st->act->kind == ACTION_COPY ? do_copy(st, &below, &u, err) : do_workdir(st, &below, &u, err);
	if (r == -2)
		keep(st, &below, &u);
	if (r == 0)
		r = take(st, &below, &u, UINT64_MAX, changed, ret, &bytes, err);
	if (r == 0 && *changed) {
		struct chain c = chain_add(&s->a, &s->chain, ret);
		r = upper_keep(b->snapshots, &u, &c, err);
	}
	upper_drop(&u);
	snapshot_release(&below);
	r = r < 0 ? r : cache_put(b->cache, &st->key, st->identity, *changed ? ret : NULL, err);
	if (r == 0)
		tell(st, (struct build_event){ .kind = BUILD_DONE, .bytes = bytes, .seconds = now() - st->began });
	return r;
}

/* --- once a build --- */
/* The step of that key: ours to do (*mine), or done by another stage, which is waited for. NULL: it was stopped. */
static struct step_done *claim(struct step *st, bool *mine)
{
	struct build *b = st->w->b;
	pthread_mutex_lock(&b->lock);
	struct step_done *d = b->steps;
	while (d && !digest_eq(&d->key, &st->key.digest))
		d = d->next;
	*mine = !d;
	if (!d) {
		d = xcalloc(1, sizeof *d);
		d->key = st->key.digest;
		d->next = b->steps;
		b->steps = d;
	}
	while (!*mine && !d->ready && !atomic_load(&b->stop))
		pthread_cond_wait(&b->change, &b->lock);
	bool ready = *mine || d->ready;
	pthread_mutex_unlock(&b->lock);
	return ready ? d : NULL;
}

static void done(struct build *b, struct step_done *d, bool changed, const struct build_layer *l)
{
	pthread_mutex_lock(&b->lock);
	d->changed = changed;
	if (changed)
		d->layer = *l;
	d->ready = true;
	pthread_cond_broadcast(&b->change);
	pthread_mutex_unlock(&b->lock);
}

void steps_free(struct build *b)
{
	while (b->steps) {
		struct step_done *next = b->steps->next;
		free(b->steps);
		b->steps = next;
	}
}

/* What a step stands on that is the first to make something of its stage; NULL: another step. */
static const char *stands_on(const struct step *st)
{
	const struct build_stage *s = st->s;
	if (s->on)
		return s->chain.n == s->on->chain.n ? "the stage that it is built on" : NULL;
	return s->chain.n == s->base_layers ? "the base image" : NULL;
}

static void started(struct step *st)
{
	struct build *b = st->w->b;
	struct buf why = BUF(64 * KiB);
	if (b->opt->explain && st->s->no_cache)
		buf_puts(&why, b->opt->no_cache ? "it was not asked: --no-cache" : "it was not asked: --no-cache-filter");
	else if (b->opt->explain)
		cache_explain(b->cache, &st->key, st->identity, stands_on(st), &why);
	tell(st, (struct build_event){ .kind = BUILD_STARTED, .text = why.n ? buf_str(&why) : (struct str){ 0 } });
	buf_free(&why);
	st->began = now();
}

static void note_trace(struct step *st, bool cached, bool changed, const struct build_layer *l)
{
	struct build *b = st->w->b;
	struct build_trace one = { .place = plan_place(&st->s->a, st->s->target, st->in), .name = st->name, .key = st->key.digest, .cached = cached, .ran = !cached && st->act->kind == ACTION_RUN };
	if (changed) {
		one.diff_id = l->diff_id;
		one.layer = l->digest;
	}
	pthread_mutex_lock(&b->lock);
	VEC_PUSH(b->trace, b->n_trace, b->cap_trace, one);
	pthread_mutex_unlock(&b->lock);
}

static void waits(void *ctx, pid_t process)
{
	const struct step *st = ctx;
	tell(st, (struct build_event){ .kind = BUILD_NOTE, .text = str_of(arena_printf(&st->s->a, "%s: another build is doing it (process %d): it is waited for", st->name, (int)process)) });
}

/* 1: it is in the cache, and since when is no matter. 0: it is to be done, and *claimed: let go of afterwards. */
static int find(struct step *st, bool *claimed, bool *changed, struct build_layer *layer, struct error *err)
{
	struct build *b = st->w->b;
	if (st->s->no_cache)
		return 0;
	int hit = cache_find(b->cache, &st->key, st->identity, changed, layer, err);
	if (hit != 0 || b->opt->dry_run)
		return hit;
	if (cache_claim(b->cache, &st->key, b->opt->exec.seconds, &b->stop, waits, st) != 0)
		return error_set(err, ERR_ENV, "stopped");
	*claimed = true;
	return cache_find(b->cache, &st->key, st->identity, changed, layer, err);
}

static int find_or_do(struct step *st, bool *changed, struct build_layer *layer, struct error *err)
{
	struct build *b = st->w->b;
	bool mine, claimed = false;
	struct step_done *d = claim(st, &mine);
	if (!d)
		return error_set(err, ERR_ENV, "stopped");
	int hit = 1;
	if (!mine) {
		*changed = d->changed;
		*layer = d->layer;
		hit = !d->unknown;
	} else {
		hit = find(st, &claimed, changed, layer, err);
	}
	if (claimed && hit)
		cache_let_go(b->cache, &st->key);
	if (hit < 0)
		return -1;
	pthread_mutex_lock(&b->lock);
	b->n_steps++;
	b->n_cached += hit == 1;
	pthread_mutex_unlock(&b->lock);
	if (hit) {
		tell(st, (struct build_event){ .kind = BUILD_CACHED });
	} else {
		started(st);
		if (b->opt->dry_run) {
			st->s->unknown = true;
			*changed = false;
			if (mine) {
				d->unknown = true;
				done(b, d, false, layer);
			}
			return 0;
		}
		int r = perform(st, changed, layer, err);
		if (claimed)
			cache_let_go(b->cache, &st->key);
		if (r < 0) {
			tell(st, (struct build_event){ .kind = BUILD_FAILED, .text = str_of(err->text) });
			return r;
		}
	}
	if (mine)
		done(b, d, *changed, layer);
	note_trace(st, hit == 1, *changed, layer);
	if (st->s->ships)
		cache_of_target(b->cache, &st->key);
	return 0;
}

static void name_step(struct step *st)
{
	struct build_stage *s = st->s;
	struct build *b = st->w->b;
	const struct df_stage *is = s->is;
	struct arena *a = &s->a;
	const char *stage = is->name.p ? arena_strdup(a, is->name) : s->target->graph.n_stages > 1 ? arena_printf(a, "stage-%u", s->index) : "";
	const char *where = arena_printf(a, "%s%s%s%s%u/%u", b->n_targets > 1 ? s->target->platform_text : "", b->n_targets > 1 && (*stage || 1) ? " " : "", stage, *stage ? " " : "", s->step, s->n_steps);
	st->name = arena_printf(a, "[%s] %s", where, st->act->name);
	st->identity = arena_printf(a, "%s %s", where, st->act->name);
}

int step_do(struct worker *w, struct build_stage *s, const struct df_instruction *in, const struct action *act, bool *changed, struct error *err)
{
	struct step st = { .w = w, .s = s, .in = in, .act = act };
	struct build_layer layer = { 0 };
	static atomic_uint numbers;
	st.number = atomic_fetch_add(&numbers, 1) + 1;
	name_step(&st);
	*changed = false;
	if (s->unknown) { /* a dry run: what it stands on would be made first */
		tell(&st, (struct build_event){ .kind = BUILD_STARTED, .text = STR("a step before it runs") });
		return 0;
	}
	int r = make_key(&st, err);
	r = r < 0 ? r : find_or_do(&st, changed, &layer, err);
	copy_fetched_free(st.fetched);
	leak_free(st.leak);
	layer.run = act->kind == ACTION_RUN ? st.name : NULL;
	if (r == 0 && *changed)
		s->chain = chain_add(&s->a, &s->chain, &layer);
	return r < 0 ? error_wrap(err, "%s", act->name), r : 0;
}
