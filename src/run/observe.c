#include "run/observe.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "base/thread.h"

struct set { /* behind `keep`; paths come in any order here, sorted ones are a copy of these */
	struct observed o;
	pthread_mutex_t lock;
	struct arena arena;
	struct hashtab paths, programs; /* indices + 1 of these: */
	struct observed_path *v;
	const char **by;
	u32 n, cap, n_by, cap_by, cap_ports;
	u64 bytes;
	bool settled;
};

struct observed *observed_new(const struct digest *config)
{
	struct set *s = xcalloc(1, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	hashtab_open(&s->paths, 0);
	hashtab_open(&s->programs, 0);
	if (config)
		s->o.config = *config;
	s->o.keep = s;
	return &s->o;
}

void observed_free(struct observed *o)
{
	if (!o)
		return;
	struct set *s = o->keep;
	pthread_mutex_destroy(&s->lock);
	hashtab_free(&s->paths);
	hashtab_free(&s->programs);
	arena_free(&s->arena);
	free(s->v);
	free(s->by);
	free((void *)(uintptr_t)o->paths);
	free(o->ports);
	free(s);
}

/* "/a/b": nothing empty, no "." and "..", no NUL. */
static bool clean(struct str path)
{
	if (path.n == 0 || path.n > OBSERVED_PATH || path.p[0] != '/' || str_chr(path, '\0'))
		return false;
	if (path.n == 1)
		return true;
	for (struct str rest = str_from(path, 1); rest.p;) {
		struct str name = str_cut(&rest, '/');
		if (name.n == 0 || str_is(name, ".") || str_is(name, ".."))
			return false;
	}
	return true;
}

static bool kept(struct str path)
{
	static const struct str not[] = { { "/proc", 5 }, { "/sys", 4 }, { "/dev", 4 } };
	for (size_t i = 0; i < countof(not); i++)
		if (str_starts(path, not[i]) && (path.n == not[i].n || path.p[not[i].n] == '/'))
			return false;
	return true;
}

static const char *program(struct set *s, struct str by)
{
	if (!clean(by))
		return "";
	u32 h = (u32)hash64(by, hash_seed);
	for (u32 at = h, id; (id = hashtab_next(&s->programs, h, &at));)
		if (str_is(by, s->by[id - 1]))
			return s->by[id - 1];
	if (s->n_by == OBSERVED_PATHS || s->bytes + by.n > OBSERVED_BYTES)
		return "";
	const char *name = arena_bytes(&s->arena, by);
	s->bytes += by.n;
	VEC_PUSH(s->by, s->n_by, s->cap_by, name);
	hashtab_add(&s->programs, h, s->n_by);
	return name;
}

static struct observed_path *place(struct set *s, struct str path)
{
	u32 h = (u32)hash64(path, hash_seed);
	for (u32 at = h, id; (id = hashtab_next(&s->paths, h, &at));)
		if (str_is(path, s->v[id - 1].path))
			return &s->v[id - 1];
	if (s->n == OBSERVED_PATHS || s->bytes + path.n > OBSERVED_BYTES) {
		s->o.full = true;
		return NULL;
	}
	struct observed_path p = { .path = arena_bytes(&s->arena, path), .by = "" };
	s->bytes += path.n;
	VEC_PUSH(s->v, s->n, s->cap, p);
	hashtab_add(&s->paths, h, s->n);
	return &s->v[s->n - 1];
}

void observed_add(struct observed *o, struct str path, u8 what, struct str by, bool start)
{
	struct set *s = o->keep;
	if (!what || !clean(path) || !kept(path))
		return;
	pthread_mutex_lock(&s->lock);
	struct observed_path *p = place(s, path);
	if (p) {
		const char *who = program(s, by);
		p->what |= what;
		p->start |= start;
		if (*who && (!*p->by || strcmp(who, p->by) < 0))
			p->by = who;
		s->settled = false;
	}
	pthread_mutex_unlock(&s->lock);
}

void observed_call(struct observed *o, u32 number, bool start)
{
	struct set *s = o->keep;
	if (number >= OBSERVED_CALLS)
		return;
	pthread_mutex_lock(&s->lock);
	(start ? o->calls_start : o->calls_steady)[number / 64] |= (u64)1 << number % 64;
	pthread_mutex_unlock(&s->lock);
}

void observed_port(struct observed *o, u16 port)
{
	struct set *s = o->keep;
	u32 at = 0;
	pthread_mutex_lock(&s->lock);
	while (at < o->n_ports && o->ports[at] < port)
		at++;
	if (at == o->n_ports || o->ports[at] != port) {
		VEC_PUSH(o->ports, o->n_ports, s->cap_ports, port);
		memmove(o->ports + at + 1, o->ports + at, (o->n_ports - 1 - at) * sizeof *o->ports);
		o->ports[at] = port;
	}
	pthread_mutex_unlock(&s->lock);
}

static void add_runs(struct observed *o, u32 n)
{
	struct set *s = o->keep;
	pthread_mutex_lock(&s->lock);
	o->runs = MIN(OBSERVED_RUNS, o->runs + MIN(OBSERVED_RUNS, n));
	pthread_mutex_unlock(&s->lock);
}

void observed_run(struct observed *o) { add_runs(o, 1); }

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct observed_path *)a)->path, ((const struct observed_path *)b)->path);
}

void observed_settle(struct observed *o)
{
	struct set *s = o->keep;
	pthread_mutex_lock(&s->lock);
	if (!s->settled && s->n) {
		free((void *)(uintptr_t)o->paths);
		struct observed_path *sorted = xmalloc(s->n * sizeof *sorted);
		memcpy(sorted, s->v, s->n * sizeof *sorted);
		qsort(sorted, s->n, sizeof *sorted, by_path);
		o->paths = sorted;
		o->n_paths = s->n;
	}
	s->settled = true;
	pthread_mutex_unlock(&s->lock);
}

void observed_merge(struct observed *to, const struct observed *from)
{
	const struct set *s = from->keep;
	for (u32 i = 0; i < s->n; i++)
		observed_add(to, str_of(s->v[i].path), s->v[i].what, str_of(s->v[i].by), s->v[i].start);
	for (u32 i = 0; i < OBSERVED_CALLS; i++)
		for (int start = 0; start < 2; start++)
			if ((start ? from->calls_start : from->calls_steady)[i / 64] >> i % 64 & 1)
				observed_call(to, i, start);
	for (u32 i = 0; i < from->n_ports; i++)
		observed_port(to, from->ports[i]);
	add_runs(to, from->runs);
	to->full |= from->full;
}

const struct observed_path *observed_find(const struct observed *o, struct str path)
{
	u32 from = 0, to = o->n_paths;
	while (from < to) {
		u32 mid = from + (to - from) / 2;
		int c = str_cmp(str_of(o->paths[mid].path), path);
		if (c == 0)
			return &o->paths[mid];
		if (c < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return NULL;
}
