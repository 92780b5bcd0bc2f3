#include "build/mounts.h"
#include "run/inner.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 20 /* between two tries for a lock */
#define TRIES 100u /* somebody may remove it each time */

/* "…/trees/IDS/full-HEX/tree" → HEX */
static struct str tree_name(const struct snapshot *from)
{
	struct str path = str_of(from->dirs[0]), name = str_base(path);
	if (str_is(name, "tree"))
		name = str_base(str_head(path, (size_t)(name.p - path.p) - 1));
	const char *dash = str_chr(name, '-');
	return dash ? str_from(name, (size_t)(dash - name.p) + 1) : name;
}

static void add(struct digester *d, struct str s)
{
	u64 n = s.n;
	digester_add(d, str_n(&n, sizeof n));
	digester_add(d, s);
}

/* What says which one it is, on any machine. */
struct what {
	struct str id, source, from; /* from: the name of the tree that it begins as; p NULL: none */
	u32 mode, uid, gid;
};

static struct what what_of(const struct run_mount *m, const struct snapshot *from)
{
	struct what w = { .id = str_of(m->id), .source = str_of(m->source), .mode = m->mode & 07777, .uid = m->uid, .gid = m->gid };
	if (from)
		w.from = from->n ? tree_name(from) : STR("scratch");
	return w;
}

static const char *name_of(struct arena *a, const struct run_ids *ids, const struct what *w)
{
	struct digester *d = digester_new(DIGEST_SHA256);
	char text[128];
	if (ids->rootless)
		snprintf(text, sizeof text, "%u %u+%u %u %u+%u", ids->uid, ids->uid_first, ids->uid_count, ids->gid, ids->gid_first, ids->gid_count);
	else
		snprintf(text, sizeof text, "root");
	add(d, str_of(text));
	add(d, w->id);
	snprintf(text, sizeof text, "%o %u %u", w->mode, w->uid, w->gid);
	add(d, str_of(text));
	add(d, w->source);
	if (w->from.p)
		add(d, w->from);
	struct digest is = digester_finish(d);
	const char *whole = DIGEST_STR(&is);
	return arena_strdup(a, str_of(strchr(whole, ':') + 1));
}

const char *mount_cache_name(struct arena *a, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from)
{
	struct what w = what_of(m, from);
	return name_of(a, ids, &w);
}

static json_t *text_json(struct str s)
{
	json_t *j = s.p ? json_stringn(s.p, s.n) : NULL;
	return j ? j : json_null();
}

static json_t *what_json(const struct what *w)
{
	json_t *j = json_object();
	json_object_set_new(j, "id", text_json(w->id));
	json_object_set_new(j, "source", text_json(w->source));
	json_object_set_new(j, "from", text_json(w->from));
	json_object_set_new(j, "mode", json_integer(w->mode));
	json_object_set_new(j, "uid", json_integer(w->uid));
	json_object_set_new(j, "gid", json_integer(w->gid));
	return j;
}

const char *mount_cache_named(struct arena *a, const struct run_ids *ids, const json_t *what)
{
	struct what w = { .id = json_view(what, "id"), .source = json_view(what, "source"), .from = json_view(what, "from") };
	u64 mode, uid, gid;
	if (!w.id.p || !json_u64(what, "mode", &mode) || !json_u64(what, "uid", &uid) || !json_u64(what, "gid", &gid) || mode > 07777 || uid > UINT32_MAX || gid > UINT32_MAX)
		return NULL;
	w.mode = (u32)mode;
	w.uid = (u32)uid;
	w.gid = (u32)gid;
	return name_of(a, ids, &w);
}

/* --- locks --- */
static int lock(int fd, int how, const struct mount_wait *wait, struct error *err)
{
	for (u64 waited = 0; flock(fd, how | LOCK_NB) < 0; waited += WAIT_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, "a cache's lock");
		if (wait && ((wait->stop && atomic_load(wait->stop)) || (wait->seconds && waited >= wait->seconds * 1000ull)))
			return 1;
		nanosleep(&(struct timespec){ 0, WAIT_MS * 1000000L }, NULL);
	}
	return 0;
}

static void let_go(int *fd)
{
	if (*fd < 0)
		return;
	flock(*fd, LOCK_UN); /* a child of another thread may have it open still */
	close(*fd);
	*fd = -1;
}

/* Nobody removed it while we waited. */
static bool is_there(int fd, const char *path)
{
	struct stat is, at;
	return fstat(fd, &is) == 0 && lstat(path, &at) == 0 && is.st_ino == at.st_ino && is.st_dev == at.st_dev;
}

/* --- the first time --- */
struct beginning {
	int dir;
	const struct run_mount *m;
	const struct snapshot *from;
};

static int settle(void *ctx, struct error *err)
{
	const struct beginning *b = ctx;
	if (mkdirat(b->dir, "data.new", 0700) < 0 && errno != EEXIST)
		return error_errno(err, "a cache's directory");
	autofd int fd = openat(b->dir, "data.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool own = !b->from || b->m->mode_set || b->m->uid || b->m->gid;
	if (fd < 0 || (own && (fchown(fd, b->m->uid, b->m->gid) < 0 || fchmod(fd, b->m->mode & 07777) < 0)) || renameat(b->dir, "data.new", b->dir, "data") < 0)
		return error_errno(err, "a cache's directory");
	return 0;
}

/* What it begins as: a copy, since what is done to it is done to it alone. */
static int fill(struct arena *a, const char *path, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from, struct error *err)
{
	const char *names[] = { "data.new", "work.new" };
	const char *dirs[2];
	for (size_t i = 0; i < countof(names); i++) {
		dirs[i] = arena_printf(a, "%s/%s", path, names[i]);
		clean_dir(dirs[i], ids); /* of one who did not come to the end */
		if (mkdir(dirs[i], 0700) < 0)
			return error_errno(err, "%s", dirs[i]);
	}
	struct copy_item item = { .kind = COPY_FILES, .source = str_of(m->source ? m->source : "/") };
	struct copy_spec c = { .items = &item, .n = 1, .dest = STR("/"), .workdir = "/", .literal = true, .unpack = -1, .epoch = -1 };
	struct copy_from what = { .tree = from };
	struct snapshot nothing = { 0 };
	struct upper u = { .stage = { .fd = -1 }, .upper = dirs[0], .work = dirs[1], .root = dirs[1] };
	int r = copy_do(&c, &what, NULL, ids, &nothing, &u, err);
	clean_dir(dirs[1], ids);
	return r;
}

static int begin(struct arena *a, const char *path, int fd, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from, struct error *err)
{
	struct beginning b = { fd, m, from };
	struct what w = what_of(m, from);
	json_t *j = what_json(&w);
	autofree char *text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	autofd int about = openat(fd, "id", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600), what = openat(fd, "what", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (about < 0 || what < 0 || !text || file_write_all(about, m->id, strlen(m->id)) < 0 || file_write_all(what, text, strlen(text)) < 0)
		return error_errno(err, "%s", path);
	if (from && fill(a, path, ids, m, from, err) < 0)
		return -1;
	return ids_do(ids, settle, &b, err);
}

/* --- */
/* One of them: 0, or 1 when it was to stop, or (`busy` not NULL) when somebody has it, which is told there. */
static int take_one(struct arena *a, const char *path, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from, const struct mount_wait *wait, bool *busy, struct cache_mount *ret,
		    struct error *err)
{
	int how = m->sharing == SHARING_SHARED ? LOCK_SH : LOCK_EX, fd = -1;
	for (u32 i = 0; i < TRIES; i++) {
		let_go(&fd);
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "%s", path);
		if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
			if (errno == ENOENT)
				continue;
			return error_errno(err, "%s", path);
		}
		bool new = faccessat(fd, "data", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
		int r = 0;
		if (busy && flock(fd, LOCK_EX | LOCK_NB) < 0) {
			*busy = true;
			r = 1;
		} else if (!busy) {
			r = lock(fd, new ? LOCK_EX : how, wait, err);
		}
		if (r == 0 && !is_there(fd, path))
			continue;
		bool still = r == 0 && faccessat(fd, "data", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
		if (still && !new && how == LOCK_SH)
			continue;
		if (still)
			r = begin(a, path, fd, ids, m, from, err);
		if (r == 0 && new && how == LOCK_SH && (r = lock(fd, LOCK_SH, wait, err)) == 0 && !is_there(fd, path))
			continue;
		if (r != 0) {
			let_go(&fd);
			return r;
		}
		if (futimens(fd, NULL) < 0) { /* then it looks as if nobody had used it */
		}
		*ret = (struct cache_mount){ .data = arena_printf(a, "%s/data", path), .fd = fd };
		return 0;
	}
	let_go(&fd);
	return error_set(err, ERR_ENV, "%s: removed again and again", path);
}

int mount_cache_take(struct arena *a, const char *dir, const char *name, const struct run_ids *ids, const struct run_mount *m, const struct snapshot *from, const struct mount_wait *wait, struct cache_mount *ret,
		     struct error *err)
{
	*ret = (struct cache_mount){ .fd = -1 };
	if (file_mkdirs(dir, err) < 0)
		return -1;
	int r = 1;
	if (m->sharing != SHARING_PRIVATE)
		r = take_one(a, arena_printf(a, "%s/%s", dir, name), ids, m, from, wait, NULL, ret, err);
	else
		for (u32 i = 0; i < MOUNTS_PRIVATE && r == 1; i++) {
			bool busy = false;
			r = take_one(a, i ? arena_printf(a, "%s/%s-%u", dir, name, i) : arena_printf(a, "%s/%s", dir, name), ids, m, from, wait, &busy, ret, err);
			if (r == 1 && i == MOUNTS_PRIVATE - 1)
				r = error_set(err, ERR_ENV, "cache %.200s: in use %u times", m->id, MOUNTS_PRIVATE);
		}
	if (r == 0)
		ret->name = name;
	return r < 0 ? error_wrap(err, "cache %.200s", m->id) : r;
}

void mount_cache_release(struct cache_mount *c)
{
	if (c->fd >= 0 && futimens(c->fd, NULL) < 0) { /* as above */
	}
	let_go(&c->fd);
}
