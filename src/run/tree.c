/* tree.c — unpacking. Contents are written by several threads, each with its part of a layer, from the first byte to the last; directories get their owner, mode and time when
 * nothing is made in them any more. As an ordinary user all of it is first the user's own, who is root in there, and what belongs to others changes hands in a child that may do so. */
#include "run/tree.h"
#include "base/progress.h"
#include "base/thread.h"
#include "run/inner.h"
#include "store/load.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PART_MIN (16 * MiB)    /* of a layer that can be sought: less is not worth a thread's own stream */
#define DIRS_OPEN 32u          /* that a thread keeps */
#define PIECE ((size_t)3500)   /* of a path, a call */

struct kept {
	struct run_tree tree;
	struct stage stage;
	struct buf path;
	struct run_ids ids;
};

struct content { /* a regular file to be written */
	node_id node;
	u32 layer, entry;
};
struct part { /* of one layer, ascending: one thread's, in one go */
	u32 first, n;
};
struct unpack {
	const struct image *img;
	const struct rootfs *r;
	const struct run_ids *ids;
	int root;
	struct content *files;
	u32 n_files, cap_files;
	struct part *parts;
	u32 n_parts, cap_parts;
	node_id *first; /* of each inode: the name that its bytes are written to */
	atomic_bool failed;
	pthread_mutex_t lock;
	struct error err; /* the first */
};

/* --- directories --- */
struct dirs {
	node_id node[DIRS_OPEN];
	int fd[DIRS_OPEN];
	u32 turn;
};

static int open_beneath(int at, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}

/* A directory of the tree by its path, piece by piece where that is longer than the kernel takes. */
static int open_path(int root, struct str path)
{
	char piece[PIECE + 1];
	int fd = root;
	while (path.n && path.p[0] == '/')
		path = str_from(path, 1);
	if (!path.n)
		return open_beneath(root, ".");
	while (path.n) {
		size_t n = MIN(path.n, PIECE);
		while (n < path.n && n && path.p[n] != '/')
			n--;
		if (!n) {
			errno = ENAMETOOLONG;
			n = 0;
		}
		memcpy(piece, path.p, n);
		piece[n] = '\0';
		int next = n ? open_beneath(fd, piece) : -1;
		int e = errno;
		if (fd != root)
			close(fd);
		errno = e;
		if (next < 0)
			return -1;
		fd = next;
		path = str_from(path, n);
		while (path.n && path.p[0] == '/')
			path = str_from(path, 1);
	}
	return fd;
}

static void dirs_close(struct dirs *d)
{
	for (u32 i = 0; i < DIRS_OPEN; i++)
		if (d->node[i])
			close(d->fd[i]);
	*d = (struct dirs){ 0 };
}

/* Stays open until DIRS_OPEN others were asked for. */
static int dir_of(struct unpack *u, struct dirs *d, node_id id)
{
	for (u32 i = 0; i < DIRS_OPEN; i++)
		if (d->node[i] == id)
			return d->fd[i];
	struct buf path = BUF(0);
	int fd = open_path(u->root, rootfs_path(u->r, id, &path));
	buf_free(&path);
	if (fd < 0)
		return -1;
	u32 at = d->turn++ % DIRS_OPEN;
	if (d->node[at])
		close(d->fd[at]);
	d->node[at] = id;
	d->fd[at] = fd;
	return fd;
}

static void name_of(const struct unpack *u, node_id id, char out[256])
{
	const struct node *n = rootfs_node(u->r, id);
	snprintf(out, 256, "%.*s", (int)MIN(n->length, 255), n->name);
}

static int cannot(struct unpack *u, node_id id, const char *what, struct error *err)
{
	struct buf path = BUF(0);
	int e = errno;
	rootfs_path(u->r, id, &path);
	errno = e;
	error_errno(err, "%s %.300s", what, buf_str(&path).p);
	buf_free(&path);
	return -1;
}

/* --- metadata --- */
/* What overlay file systems read as orders to them, and what belongs to this machine's own security modules, is no image's to set. */
static bool may_set(struct str name)
{
	return (str_starts(name, STR("user.")) && !str_starts(name, STR("user.overlay."))) || str_is(name, "security.capability") || str_starts(name, STR("system.posix_acl_"));
}

static void set_xattrs(const struct facts *f, const struct fact_entry *e, int fd, bool caps)
{
	struct str rest = facts_xattrs(f, e), name, value;
	while (tar_xattr_next(&rest, &name, &value)) {
		char text[256];
		if (name.n >= sizeof text || !may_set(name) || str_is(name, "security.capability") != caps)
			continue;
		memcpy(text, name.p, name.n);
		text[name.n] = '\0';
		if (fsetxattr(fd, text, value.p, value.n, 0) < 0) { /* the file system has none: engines go on, too */
		}
	}
}

static bool has_caps(const struct facts *f, const struct fact_entry *e)
{
	struct str rest = facts_xattrs(f, e), name, value;
	while (tar_xattr_next(&rest, &name, &value))
		if (str_is(name, "security.capability"))
			return true;
	return false;
}

static const struct timespec *times_of(const struct fact_entry *e, struct timespec ts[2])
{
	ts[0] = ts[1] = e ? (struct timespec){ (time_t)e->mtime, (long)MIN(e->mtime_ns, 999999999u) } : (struct timespec){ 0 };
	return ts;
}

/* Owner before mode and capabilities: a change of owner takes set-id bits and capabilities away. */
static int set_all(struct unpack *u, node_id id, int fd, bool owner, struct error *err)
{
	const struct fact_entry *e = rootfs_entry(u->r, id);
	struct timespec ts[2];
	if (owner && e && !u->ids->single && ids_mapped(u->ids, e->uid, e->gid) && fchown(fd, e->uid, e->gid) < 0)
		return cannot(u, id, "owner of", err);
	if (fchmod(fd, e ? (mode_t)e->mode : 0755) < 0)
		return cannot(u, id, "mode of", err);
	if (e && e->xattrs) {
		set_xattrs(rootfs_facts(u->r, id), e, fd, false);
		set_xattrs(rootfs_facts(u->r, id), e, fd, true);
	}
	return futimens(fd, times_of(e, ts)) < 0 ? cannot(u, id, "time of", err) : 0;
}

/* --- contents --- */
struct reader {
	struct stream *s;
	struct str view; /* read and not used yet */
	u64 at;          /* where it begins */
};

static int read_to(struct reader *rd, u64 to, struct error *err)
{
	while (rd->at < to) {
		u64 n = MIN(to - rd->at, (u64)rd->view.n);
		rd->view = str_from(rd->view, (size_t)n);
		rd->at += n;
		if (rd->at == to)
			break;
		if (stream_can_seek(rd->s)) {
			if (stream_skip(rd->s, to - rd->at, err) < 0)
				return -1;
			rd->at = to;
		} else if (stream_next(rd->s, &rd->view, err) < 0) {
			return -1;
		} else if (!rd->view.n) {
			return error_set(err, ERR_INPUT, "ends early");
		}
	}
	return 0;
}

static int write_content(struct reader *rd, u64 size, int fd, struct error *err)
{
	while (size) {
		if (!rd->view.n && (stream_next(rd->s, &rd->view, err) < 0 || !rd->view.n))
			return err->kind ? -1 : error_set(err, ERR_INPUT, "ends early");
		size_t n = (size_t)MIN((u64)rd->view.n, size);
		if (file_write_all(fd, rd->view.p, n) < 0)
			return error_errno(err, "writing");
		rd->view = str_from(rd->view, n);
		rd->at += n;
		size -= n;
	}
	return 0;
}

/* What stands in the layer are its pieces: the map in front of them says where they belong. */
static int write_sparse(struct unpack *u, const struct content *c, const struct fact_entry *e, int fd, struct error *err)
{
	struct stream *s = NULL;
	struct reader rd = { 0 };
	struct tar_entry te;
	if (image_open_layer(u->img, c->layer, &s, err) < 0)
		return -1;
	rd.s = s;
	int r = read_to(&rd, e->start, err);
	struct stream *rest = r < 0 ? NULL : stream_concat(rd.view, s); /* takes s */
	struct tar *t = r < 0 ? NULL : tar_open(rest);
	if (t)
		tar_want_pieces(t);
	r = r < 0 ? r : tar_next(t, &te, err);
	if (r >= 0)
		r = r == 1 && te.sparse && te.stored == fact_stored(e) ? 0 : error_set(err, ERR_INPUT, "sparse file: its map is not where it was");
	const struct tar_piece *map = NULL;
	u32 n = r < 0 ? 0 : tar_pieces(t, &map);
	struct str view = { "", 0 };
	for (u32 i = 0; r == 0 && i < n; i++) {
		u64 left = map[i].size, at = map[i].offset;
		while (r == 0 && left) {
			if (!view.n && (tar_content(t, &view, err) < 0 || !view.n)) {
				r = err->kind ? -1 : error_set(err, ERR_INPUT, "ends early");
				break;
			}
			size_t k = (size_t)MIN((u64)view.n, left);
			ssize_t w = pwrite(fd, view.p, k, (off_t)at);
			if (w <= 0) {
				r = error_errno(err, "writing");
				break;
			}
			view = str_from(view, (size_t)w);
			at += (u64)w;
			left -= (u64)w;
		}
	}
	if (r == 0 && ftruncate(fd, (off_t)e->size) < 0)
		r = error_errno(err, "writing");
	tar_close(t);
	stream_close(rest ? rest : s);
	return r;
}

static int write_file(struct unpack *u, struct dirs *d, struct reader *rd, const struct content *c, struct error *err)
{
	const struct fact_entry *e = facts_entry(u->img->layers[c->layer].facts, c->entry);
	char name[256];
	name_of(u, c->node, name);
	int dir = dir_of(u, d, rootfs_node(u->r, c->node)->parent);
	autofd int fd = dir < 0 ? -1 : openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cannot(u, c->node, "making", err);
	u64 size = fact_stored(e);
	int r = 0;
	if (e->flags & FACT_SPARSE)
		r = write_sparse(u, c, e, fd, err);
	else if (size && (!rd->s && image_open_layer(u->img, c->layer, &rd->s, err) < 0))
		r = -1;
	else if (size)
		r = read_to(rd, e->start + e->head, err) < 0 ? -1 : write_content(rd, size, fd, err);
	if (r < 0) {
		struct buf path = BUF(0);
		rootfs_path(u->r, c->node, &path);
		error_wrap(err, "unpacking %.300s", buf_str(&path).p);
		buf_free(&path);
		return -1;
	}
	progress_add(size);
	return set_all(u, c->node, fd, !u->ids->rootless && (e->uid || e->gid), err);
}

static void fail(struct unpack *u, const struct error *err)
{
	pthread_mutex_lock(&u->lock);
	if (!u->err.kind)
		u->err = *err;
	pthread_mutex_unlock(&u->lock);
	atomic_store(&u->failed, true);
}

static void do_part(u32 i, void *ctx)
{
	struct unpack *u = ctx;
	struct dirs d = { 0 };
	struct reader rd = { 0 };
	struct error err = { 0 };
	const struct part *p = &u->parts[i];
	for (u32 k = 0; k < p->n && !atomic_load(&u->failed); k++)
		if (write_file(u, &d, &rd, &u->files[p->first + k], &err) < 0) {
			fail(u, &err);
			break;
		}
	stream_close(rd.s);
	dirs_close(&d);
}

static int by_place(const void *a, const void *b)
{
	const struct content *x = a, *y = b;
	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Layers that can be sought are cut into parts of about the same bytes. */
static void cut_parts(struct unpack *u, u64 bytes)
{
	u64 most = MAX(bytes / (2 * thread_count()) + 1, (u64)PART_MIN), have = 0;
	for (u32 i = 0; i < u->n_files; i++) {
		const struct content *c = &u->files[i];
		bool next = i && c->layer != u->files[i - 1].layer;
		if (!i || next || (have > most && u->img->layers[c->layer].compression == COMP_NONE)) {
			struct part p = { i, 0 };
			VEC_PUSH(u->parts, u->n_parts, u->cap_parts, p);
			have = 0;
		}
		u->parts[u->n_parts - 1].n++;
		have += fact_stored(facts_entry(u->img->layers[c->layer].facts, c->entry)) + 4096;
	}
}

/* --- the rest --- */
static int make_dirs(struct unpack *u, struct error *err)
{
	struct dirs d = { 0 };
	int r = 0;
	for (node_id id = rootfs_next(u->r, ROOTFS_ROOT); id && r == 0; id = rootfs_next(u->r, id)) {
		const struct node *n = rootfs_node(u->r, id);
		if (n->type == TAR_FILE && !u->first[n->inode]) {
			const struct inode *in = rootfs_inode(u->r, n->inode);
			struct content c = { id, in->layer, in->entry };
			VEC_PUSH(u->files, u->n_files, u->cap_files, c);
			u->first[n->inode] = id;
		}
		char name[256];
		name_of(u, id, name);
		int dir = n->type == TAR_DIR || n->length > 255 ? dir_of(u, &d, n->parent) : -1;
		if (n->length > 255) {
			errno = ENAMETOOLONG;
			r = cannot(u, id, "making", err);
		} else if (n->type == TAR_DIR && (dir < 0 || mkdirat(dir, name, 0700) < 0)) {
			r = cannot(u, id, "making", err);
		}
	}
	dirs_close(&d);
	return r;
}

static int make_link(struct unpack *u, struct dirs *d, node_id id, int dir, const char *name, struct error *err)
{
	const struct node *n = rootfs_node(u->r, id);
	const struct fact_entry *e = rootfs_entry(u->r, id);
	struct timespec ts[2];
	node_id first = u->first[n->inode];
	if (first && first != id) {
		char from[256];
		name_of(u, first, from);
		int at = dir_of(u, d, rootfs_node(u->r, first)->parent);
		return at < 0 || linkat(at, from, dir, name, 0) < 0 ? cannot(u, id, "linking", err) : 0;
	}
	u->first[n->inode] = id;
	int r = 0;
	if (n->type == TAR_SYMLINK) {
		const char *to = e ? facts_string(rootfs_facts(u->r, id), e->link) : "";
		r = symlinkat(to[0] ? to : ".", dir, name);
	} else {
		r = mkfifoat(dir, name, 0600);
		r = r < 0 ? r : fchmodat(dir, name, e ? (mode_t)e->mode : 0644, 0);
	}
	if (r == 0 && e && !u->ids->rootless && (e->uid || e->gid))
		r = fchownat(dir, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW);
	r = r < 0 ? r : utimensat(dir, name, times_of(e, ts), AT_SYMLINK_NOFOLLOW);
	return r < 0 ? cannot(u, id, "making", err) : 0;
}

/* Symbolic links, fifos, further names. Device nodes are left out. */
static int make_links(struct unpack *u, struct error *err)
{
	struct dirs d = { 0 };
	int r = 0;
	for (node_id id = rootfs_next(u->r, ROOTFS_ROOT); id && r == 0; id = rootfs_next(u->r, id)) {
		const struct node *n = rootfs_node(u->r, id);
		char name[256];
		if (n->type != TAR_SYMLINK && n->type != TAR_FIFO && (n->type != TAR_FILE || u->first[n->inode] == id))
			continue;
		name_of(u, id, name);
		int dir = dir_of(u, &d, n->parent);
		r = dir < 0 ? cannot(u, id, "making", err) : make_link(u, &d, id, dir, name, err);
	}
	dirs_close(&d);
	return r;
}

/* A file or link that is another's, or has capabilities: as an ordinary user only the child may do that. */
static int finish_file(struct unpack *u, struct dirs *d, node_id id, struct error *err)
{
	const struct node *n = rootfs_node(u->r, id);
	const struct fact_entry *e = rootfs_entry(u->r, id);
	char name[256];
	if (!e || u->first[n->inode] != id || (!e->uid && !e->gid && !(n->type == TAR_FILE && e->xattrs && has_caps(rootfs_facts(u->r, id), e))))
		return 0;
	name_of(u, id, name);
	int dir = dir_of(u, d, n->parent);
	if (dir < 0)
		return cannot(u, id, "owner of", err);
	if (n->type == TAR_FILE) {
		autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? cannot(u, id, "owner of", err) : set_all(u, id, fd, true, err);
	}
	if (ids_mapped(u->ids, e->uid, e->gid) && fchownat(dir, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return cannot(u, id, "owner of", err);
	return 0;
}

static int finish(void *ctx, struct error *err)
{
	struct unpack *u = ctx;
	struct dirs d = { 0 };
	int r = 0;
	if (u->ids->rootless && !u->ids->single)
		for (node_id id = rootfs_next(u->r, ROOTFS_ROOT); id && r == 0; id = rootfs_next(u->r, id))
			if (rootfs_type(u->r, id) == TAR_FILE || rootfs_type(u->r, id) == TAR_SYMLINK || rootfs_type(u->r, id) == TAR_FIFO)
				r = finish_file(u, &d, id, err);
	for (node_id id = u->r->nodes.n; id-- > ROOTFS_ROOT && r == 0;) /* what is in a directory comes behind it */
		if (rootfs_node(u->r, id)->state == NODE_LIVE && rootfs_type(u->r, id) == TAR_DIR) {
			int fd = dir_of(u, &d, id);
			r = fd < 0 ? cannot(u, id, "mode of", err) : set_all(u, id, fd, true, err);
		}
	dirs_close(&d);
	return r;
}

/* --- all of it --- */
static int unpack(struct unpack *u, u64 bytes, struct error *err)
{
	u->first = xcalloc(u->r->inodes.n ? u->r->inodes.n : 1, sizeof *u->first);
	int r = make_dirs(u, err);
	if (r == 0) {
		if (u->n_files)
			qsort(u->files, u->n_files, sizeof *u->files, by_place);
		cut_parts(u, bytes);
		progress_begin("Unpacking", bytes);
		thread_each(u->n_parts, do_part, u);
		progress_end();
		if (u->err.kind)
			r = error_set(err, u->err.kind, "%s", u->err.text);
	}
	r = r < 0 ? r : make_links(u, err);
	if (r == 0)
		r = u->ids->rootless && !u->ids->single ? ids_do(u->ids, finish, u, err) : finish(u, err);
	free(u->first);
	free(u->files);
	free(u->parts);
	return r;
}

static int room_for(const char *dir, u64 bytes, u64 files, struct error *err)
{
	struct statvfs v;
	if (statvfs(dir, &v) < 0)
		return error_errno(err, "%s", dir);
	u64 block = v.f_frsize ? v.f_frsize : 4096, free_bytes = v.f_bavail * block, want = bytes + files * block;
	if (v.f_files && v.f_favail < files)
		return error_set(err, ERR_ENV, "%s: the image's tree has %llu files, and the file system has room for %llu", dir, (unsigned long long)files, (unsigned long long)v.f_favail);
	if (free_bytes < want)
		return error_set(err, ERR_ENV, "%s: the image's tree takes %llu MB in %llu files, and there is room for %llu MB", dir, (unsigned long long)(want / 1000000), (unsigned long long)files,
				 (unsigned long long)(free_bytes / 1000000));
	return 0;
}

int run_tree_write(const struct image *img, const struct rootfs *r, const struct run_ids *ids, const char *path, struct error *err)
{
	struct run_ids own = ids ? *ids : (struct run_ids){ 0 };
	struct unpack u = { .img = img, .r = r, .ids = &own, .root = -1 };
	if (room_for(path, r->visible, r->files + r->dirs + r->links + r->others, err) < 0)
		return -1;
	if ((u.root = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return error_errno(err, "%s", path);
	pthread_mutex_init(&u.lock, NULL);
	int ok = unpack(&u, r->visible, err);
	pthread_mutex_destroy(&u.lock);
	close(u.root);
	return ok;
}

int run_tree_open(const struct image *img, const struct rootfs *r, const char *store, const struct run_ids *ids, struct run_tree **ret, struct error *err)
{
	struct arena a = { 0 };
	struct kept *k = xcalloc(1, sizeof *k);
	k->stage.fd = -1;
	if (ids)
		k->ids = *ids;
	k->tree = (struct run_tree){ .bytes = r->visible, .files = r->files + r->dirs + r->links + r->others, .keep = k };
	const char *dir = run_dir(&a, store, &k->ids, err);
	int ok = !dir ? -1 : stage_make(&k->stage, arena_printf(&a, "%s/" RUN_TREE, dir), err);
	if (ok == 0) {
		buf_printf(&k->path, "%s/root", k->stage.path);
		k->tree.path = k->path.p;
		ok = mkdir(k->path.p, 0700) < 0 ? error_errno(err, "%s", k->path.p) : run_tree_write(img, r, &k->ids, k->path.p, err);
	}
	arena_free(&a);
	if (ok < 0) {
		run_tree_close(&k->tree);
		return -1;
	}
	*ret = &k->tree;
	return 0;
}

void run_tree_close(struct run_tree *t)
{
	if (!t)
		return;
	struct kept *k = t->keep;
	if (k->stage.path)
		clean_dir(k->stage.path, &k->ids);
	stage_remove(&k->stage);
	buf_free(&k->path);
	free(k);
}
