#include "store/room.h"
#include "base/buf.h"
#include <errno.h>
#include <fts.h>
#include <sys/stat.h>

static const struct { const char *name, *what; } known[] = {
	{ "images/blobs", "layers, configurations and manifests of images" },
	{ "images/ingest", "transfers that broke off or are under way" },
	{ "images", "the index of images" },
	{ "facts", "what layers were read to be; safe to delete" },
	{ "run", "trees of images that run" },
	{ "build/trees", "trees that steps of builds stand on; made again from layers" },
	{ "build/mounts", "cache mounts of builds (RUN --mount=type=cache, --lean)" },
	{ "build/contexts", "digests of files of build contexts; safe to delete" },
	{ "build/last", "what the last build of each target was made of; safe to delete" },
	{ "leases", "what running processes use" },
	{ "advisories.db", "the advisory database" },
	{ "compose", "indexes and packages of distributions; safe to delete" },
	{ "feeds", "feeds of advisories as they were fetched" },
};

/* The room of a path below the store: its first component, of images/ and build/ two. */
static struct str room_of(struct str path)
{
	struct str rest = path, first = str_cut(&rest, '/');
	bool build = str_is(first, "build");
	if ((!str_is(first, "images") && !build) || !rest.p)
		return first;
	struct str second = str_cut(&rest, '/');
	return build || str_is(second, "blobs") || str_is(second, "ingest") ? str_n(path.p, first.n + 1 + second.n) : first;
}

struct rooms {
	struct arena *a;
	struct store_room *v;
	u32 n, cap;
};

static struct store_room *find(struct rooms *r, struct str name)
{
	/* "x.db-wal" and "x.db-shm" belong to "x.db". */
	if (str_ends(name, STR(".db-wal")) || str_ends(name, STR(".db-shm")))
		name.n -= 4;
	for (u32 i = 0; i < r->n; i++)
		if (str_is(name, r->v[i].name))
			return &r->v[i];
	struct store_room new = { .name = arena_strdup(r->a, name), .what = "" };
	for (size_t k = 0; k < countof(known); k++)
		if (strcmp(known[k].name, new.name) == 0)
			new.what = known[k].what;
	VEC_PUSH(r->v, r->n, r->cap, new);
	return &r->v[r->n - 1];
}

static int by_name(const void *a, const void *b) { return strcmp(((const struct store_room *)a)->name, ((const struct store_room *)b)->name); }

int store_rooms(const char *dir, struct arena *a, struct store_room **ret, u32 *n, struct error *err)
{
	struct rooms r = { .a = a };
	size_t prefix = strlen(dir);
	char *paths[] = { (char *)(uintptr_t)dir, NULL };
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return error_errno(err, "%s", dir);
	int status = 0;
	for (FTSENT *e; (e = fts_read(walk));) {
		bool tree = strncmp(e->fts_path + MIN(prefix + 1, (size_t)e->fts_pathlen), "build/", 6) == 0; /* may be of IDs that an ordinary user is not */
		if ((e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS) && e->fts_errno != ENOENT && !(tree && e->fts_errno == EACCES)) {
			errno = e->fts_errno;
			status = error_errno(err, "%s", e->fts_path);
			break;
		}
		if (e->fts_level == 0 || e->fts_info == FTS_DP || e->fts_info == FTS_NS || e->fts_info == FTS_DNR || e->fts_info == FTS_ERR)
			continue;
		struct str path = str_n(e->fts_path, e->fts_pathlen);
		path = str_from(path, prefix);
		while (path.n && path.p[0] == '/')
			path = str_from(path, 1);
		struct store_room *room = find(&r, room_of(path));
		u64 names = tree && e->fts_info != FTS_D ? MAX(e->fts_statp->st_nlink, 1u) : 1; /* in trees files are linked: all names together are one file's bytes */
		room->disk += (u64)e->fts_statp->st_blocks * 512 / names;
		if (e->fts_info != FTS_D) {
			room->files++;
			room->bytes += (u64)e->fts_statp->st_size / names;
		}
	}
	fts_close(walk);
	if (r.n)
		qsort(r.v, r.n, sizeof *r.v, by_name);
	*ret = arena_array(a, struct store_room, r.n + 1);
	if (r.n)
		memcpy(*ret, r.v, r.n * sizeof *r.v);
	*n = r.n;
	free(r.v);
	return status;
}
