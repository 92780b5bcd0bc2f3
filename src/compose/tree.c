#include "compose/tree.h"
#include "base/file.h"
#include "base/hash.h"
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

void ctree_open(struct ctree *t, int spool)
{
	*t = (struct ctree){ .spool = spool };
	hashtab_open(&t->table, 1024);
	VEC_PUSH(t->v, t->n, t->cap, ((struct ctree_entry){ .gone = true }));
}

void ctree_free(struct ctree *t)
{
	hashtab_free(&t->table);
	free(t->v);
	arena_free(&t->arena);
	cleanup_fd(&t->spool);
}

size_t ctree_real(struct str path, char *out)
{
	static const struct { const char *at, *real; } merged[] = {
		{ "bin", "usr/bin" }, { "sbin", "usr/sbin" }, { "lib", "usr/lib" }, { "lib32", "usr/lib32" }, { "lib64", "usr/lib64" }, { "libx32", "usr/libx32" }, { "libo32", "usr/libo32" },
		{ "var/run", "run" }, { "var/lock", "run/lock" },
	};
	for (u32 i = 0; i < countof(merged); i++) {
		struct str at = str_of(merged[i].at);
		size_t n = strlen(merged[i].real);
		if (str_starts(path, at) && (path.n == at.n || path.p[at.n] == '/') && path.n + n < TAR_PATH_MAX) {
			memmove(out + n, path.p + at.n, path.n - at.n);
			memcpy(out, merged[i].real, n);
			return n + path.n - at.n;
		}
	}
	memmove(out, path.p, path.n);
	return path.n;
}

const char *ctree_path(struct arena *a, const char *absolute)
{
	autofree char *out = xmalloc(TAR_PATH_MAX * 2);
	ssize_t n = absolute && absolute[0] == '/' && strlen(absolute) < TREE_PATH_MAX ? tar_clean(str_of(absolute), out) : -1;
	return n > 0 ? arena_strdup(a, str_n(out, ctree_real(str_n(out, (size_t)n), out))) : NULL;
}

static u32 hash_of(struct str path) { return (u32)hash64(path, hash_seed); }

static u32 find_any(const struct ctree *t, struct str path)
{
	u32 h = hash_of(path);
	for (u32 at = h, id; (id = hashtab_next(&t->table, h, &at));)
		if (str_eq(t->v[id].path, path))
			return id;
	return 0;
}

u32 ctree_find(const struct ctree *t, struct str path)
{
	u32 id = find_any(t, path);
	return t->v[id].gone ? 0 : id;
}

u32 ctree_add(struct ctree *t, const struct ctree_entry *e)
{
	u32 id = find_any(t, e->path);
	struct ctree_entry v = *e;
	v.path = id ? t->v[id].path : str_n(arena_bytes(&t->arena, e->path), e->path.n);
	v.link = e->link.n ? str_n(arena_bytes(&t->arena, e->link), e->link.n) : STR("");
	v.xattrs = e->xattrs.n ? str_n(arena_bytes(&t->arena, e->xattrs), e->xattrs.n) : STR("");
	if (id) {
		t->v[id] = v;
		return id;
	}
	VEC_PUSH(t->v, t->n, t->cap, v);
	hashtab_add(&t->table, hash_of(v.path), t->n - 1);
	return t->n - 1;
}

u64 ctree_room(struct ctree *t, u64 size) { return atomic_fetch_add(&t->spooled, size); }

int ctree_write(struct ctree *t, u64 at, struct str bytes, struct error *err)
{
	while (bytes.n) {
		ssize_t n = pwrite(t->spool, bytes.p, bytes.n, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, "the files of packages on their way");
		bytes = str_from(bytes, (size_t)n);
		at += (u64)n;
	}
	return 0;
}

/* Where a link leads, from the directory that it is in. */
static bool target_of(const struct ctree_entry *e, char *out, size_t *n)
{
	struct buf b = BUF(TAR_PATH_MAX);
	struct str base = str_base(e->path);
	if (!e->link.n || e->link.p[0] != '/')
		buf_add(&b, str_head(e->path, e->path.n - base.n));
	buf_add(&b, e->link);
	ssize_t len = b.over ? -1 : tar_clean(buf_str(&b), out);
	buf_free(&b);
	if (len < 0)
		return false;
	*n = ctree_real(str_n(out, (size_t)len), out);
	return true;
}

u32 ctree_follow(const struct ctree *t, struct str path)
{
	autofree char *name = xmalloc(TAR_PATH_MAX * 2);
	u32 id = ctree_find(t, path);
	for (u32 i = 0; id && i < 16; i++) {
		const struct ctree_entry *e = &t->v[id];
		size_t n;
		if (e->type == TAR_HARDLINK)
			id = ctree_find(t, e->link);
		else if (e->type != TAR_SYMLINK)
			return id;
		else
			id = target_of(e, name, &n) ? ctree_find(t, str_n(name, n)) : 0;
	}
	return 0;
}

int ctree_read(const struct ctree *t, struct str path, size_t limit, struct buf *out, struct error *err)
{
	u32 id = ctree_follow(t, path);
	const struct ctree_entry *e = &t->v[id];
	if (!id || e->type != TAR_FILE)
		return error_set(err, ERR_INPUT, "%.*s: no file", STR_FMT(path));
	if (e->size > limit)
		return error_set(err, ERR_INPUT, "%.*s: %llu bytes: over the budget", STR_FMT(path), (unsigned long long)e->size);
	buf_reserve(out, (size_t)e->size + 1);
	if (e->size && file_pread(t->spool, out->p + out->n, (size_t)e->size, e->at) != (ssize_t)e->size)
		return error_errno(err, "%.*s", STR_FMT(path));
	out->n += (size_t)e->size;
	if (out->p)
		out->p[out->n] = '\0';
	return 0;
}

/* --- made here --- */

/* False: something above it is there and is no directory. */
static bool parents(struct ctree *t, struct str path)
{
	for (size_t i = 1; i < path.n; i++) {
		struct str dir = str_head(path, i);
		u32 id = path.p[i] == '/' ? ctree_find(t, dir) : 0;
		if (id && t->v[id].type != TAR_DIR)
			return false;
		if (path.p[i] == '/' && !id)
			ctree_add(t, &(struct ctree_entry){ .path = dir, .type = TAR_DIR, .mode = 0755, .mtime = t->time, .package = TREE_MADE });
	}
	return true;
}

int ctree_replace_file(struct ctree *t, const char *path, u32 mode, struct str content, struct error *err)
{
	struct ctree_entry e = { .path = str_of(path), .type = TAR_FILE, .mode = mode, .size = content.n, .mtime = t->time, .package = TREE_MADE };
	e.at = ctree_room(t, content.n);
	if (ctree_write(t, e.at, content, err) < 0)
		return -1;
	if (!parents(t, e.path))
		return error_set(err, ERR_INPUT, "%s: it cannot be made: something above it is no directory", path);
	u32 was = ctree_find(t, e.path);
	if (was && t->v[was].type == TAR_DIR)
		return error_set(err, ERR_INPUT, "%s: it cannot be made: a directory is there", path);
	if (was && t->v[was].package != TREE_MADE && t->v[was].type == TAR_FILE) { /* what a package has keeps its owner */
		e.mode = t->v[was].mode;
		e.uid = t->v[was].uid;
		e.gid = t->v[was].gid;
	}
	ctree_add(t, &e);
	return 0;
}

int ctree_make_file(struct ctree *t, const char *path, u32 mode, struct str content, struct error *err) { return ctree_find(t, str_of(path)) ? 0 : ctree_replace_file(t, path, mode, content, err); }

int ctree_append_file(struct ctree *t, const char *path, struct str content, struct error *err)
{
	struct buf b = BUF(16 * MiB);
	u32 id = ctree_find(t, str_of(path)), mode = id ? t->v[id].mode : 0644;
	int r = id ? ctree_read(t, str_of(path), 16 * MiB, &b, err) : 0;
	buf_add(&b, content);
	r = r < 0 ? r : ctree_replace_file(t, path, mode, buf_str(&b), err);
	buf_free(&b);
	return r;
}

void ctree_make_copy(struct ctree *t, const char *path, u32 mode, u32 of)
{
	if (ctree_find(t, str_of(path)) || !parents(t, str_of(path)))
		return;
	ctree_add(t, &(struct ctree_entry){ .path = str_of(path), .type = TAR_FILE, .mode = mode, .size = t->v[of].size, .at = t->v[of].at, .mtime = t->time, .package = TREE_MADE });
}

void ctree_make_link(struct ctree *t, const char *path, const char *target)
{
	if (ctree_find(t, str_of(path)) || !parents(t, str_of(path)))
		return;
	ctree_add(t, &(struct ctree_entry){ .path = str_of(path), .link = str_of(target), .type = TAR_SYMLINK, .mode = 0777, .mtime = t->time, .package = TREE_MADE });
}

void ctree_make_dir(struct ctree *t, const char *path, u32 mode, u32 uid, u32 gid)
{
	if (ctree_find(t, str_of(path)) || !parents(t, str_of(path)))
		return;
	ctree_add(t, &(struct ctree_entry){ .path = str_of(path), .type = TAR_DIR, .mode = mode, .uid = uid, .gid = gid, .mtime = t->time, .package = TREE_MADE });
}

static int by_path(const void *x, const void *y, void *ctx)
{
	const struct ctree *t = ctx;
	return str_cmp(t->v[*(const u32 *)x].path, t->v[*(const u32 *)y].path);
}

u32 *ctree_sorted(const struct ctree *t, u32 *n)
{
	u32 *v = xmalloc(t->n * sizeof *v), k = 0;
	for (u32 i = 1; i < t->n; i++)
		if (!t->v[i].gone)
			v[k++] = i;
	qsort_r(v, k, sizeof *v, by_path, (void *)(uintptr_t)t);
	*n = k;
	return v;
}
