/* copy_place.c — a source into the step's tree: in the child in which that is mounted (copy.c).
 *
 * fsutil's copy, with its ways: a directory's content goes into what is there, its subdirectories become what the source's are, a file takes the place of any file or link, but of no directory, and a directory that of nothing. */
#include "build/context_inner.h"
#include "build/copy_inner.h"
#include "build/unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define ROOM (256 * KiB)
#define SMALL (64 * KiB)
#define DEPTH 512u
#define ATTRIBUTES (64 * KiB)

struct frame { /* a directory on the way to what is placed; made when something below it is */
	struct frame *up;
	int from, to;  /* to: -1: not there yet */
	const char *name;
	struct stat st;
	bool has, stamp;
	u32 depth;
};
struct names_of { /* of files with several names: the first that was placed */
	u64 dev, ino;
	char *path;
};
struct placing {
	struct copying *c;
	const struct copy_origin *o;
	const struct copy_source *s;
	char from[WITHIN_PATH]; /* below the source, for patterns */
	char at[WITHIN_PATH];   /* clean, in the step's tree */
	struct names_of *links;
	u32 n_links, cap_links;
	struct hashtab by_inode;
};

static int failed(const char *path, struct error *err)
{
	char shown[WITHIN_PATH];
	snprintf(shown, sizeof shown, "/%.300s", path);
	return within_error(err, shown);
}

/* --- owners, modes, times --- */
static struct timespec time_of(const struct placing *p, const struct stat *st)
{
	const struct copy_spec *s = p->c->spec;
	if (p->o->ours)
		return (struct timespec){ s->time, 0 };
	return s->epoch >= 0 && st->st_mtim.tv_sec >= s->epoch ? (struct timespec){ s->epoch, 0 } : st->st_mtim;
}

static void ids_of(const struct placing *p, const struct stat *st, u32 *uid, u32 *gid)
{
	*uid = p->c->owner.set ? p->c->owner.uid : p->o->ours ? 0 : st->st_uid;
	*gid = p->c->owner.set ? p->c->owner.gid : p->o->ours ? 0 : st->st_gid;
}

static int attributes(int from, int to)
{
	autofree char *names = xmalloc(2 * ATTRIBUTES);
	char *value = names + ATTRIBUTES;
	ssize_t n = flistxattr(from, names, ATTRIBUTES);
	if (n < 0)
		return errno == ENOTSUP ? 0 : -1;
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		if (!within_attribute(str_of(names + i)))
			continue;
		ssize_t k = fgetxattr(from, names + i, value, ATTRIBUTES);
		if (k >= 0 && fsetxattr(to, names + i, value, (size_t)k, 0) < 0 && errno != ENOTSUP && errno != EPERM)
			return -1;
	}
	return 0;
}

/* All of it but the time of a directory, which comes when it is full. `made_as`: the mode that it was made with; its owner is 0:0, if its directory hands on none. */
static int about(const struct placing *p, const struct stat *st, int from, int to, bool plain_group, u32 made_as)
{
	u32 uid, gid, mode = copy_mode_of(&p->c->mode, st->st_mode, S_ISDIR(st->st_mode));
	ids_of(p, st, &uid, &gid);
	bool own = uid || gid || !plain_group;
	if (own && within_chown(to, "", uid, gid) < 0)
		return -1;
	if ((own || made_as != mode) && fchmod(to, mode) < 0)
		return -1;
	if (!p->o->ours && attributes(from, to) < 0)
		return -1;
	struct timespec t = time_of(p, st);
	return S_ISDIR(st->st_mode) ? 0 : futimens(to, (const struct timespec[2]){ t, t });
}

/* --- directories on the way --- */
/* Where nobody says whose they are, a setgid directory hands its group on, and that bit in any case. */
static int make_way(struct copying *c, const char *clean, struct error *err)
{
	char path[WITHIN_PATH];
	snprintf(path, sizeof path, "%s", clean);
	int dir = within_open(c->to, "", O_RDONLY | O_DIRECTORY);
	int r = dir < 0 ? failed("", err) : 0;
	for (char *at = path; *at && r == 0;) {
		char *end = at + strcspn(at, "/"), was = *end;
		*end = '\0';
		bool made = mkdirat(dir, at, 0755) == 0;
		int next = !made && errno != EEXIST ? -1 : openat(dir, at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 || (made && c->owner.set && within_chown(next, "", c->owner.uid, c->owner.gid) < 0))
			r = failed(path, err);
		if (made && r == 0)
			VEC_PUSH(c->made, c->n_made, c->cap_made, xstrdup(path));
		close(dir);
		dir = next;
		*end = was;
		at = was ? end + 1 : end;
	}
	if (dir >= 0)
		close(dir);
	return r;
}

int copy_finish(struct copying *c, struct error *err)
{
	const struct timespec t = { c->spec->time, 0 };
	int r = 0;
	for (u32 i = 0; i < c->n_made; i++) {
		autofd int fd = r < 0 ? -1 : within_open(c->to, c->made[i], O_RDONLY | O_DIRECTORY);
		if (fd >= 0 && futimens(fd, (const struct timespec[2]){ t, t }) < 0)
			r = failed(c->made[i], err);
		free(c->made[i]);
	}
	free(c->made);
	free(c->room);
	c->made = NULL;
	c->room = NULL;
	c->n_made = c->cap_made = 0;
	return r;
}

static int ready(struct placing *p, struct frame *f, struct error *err)
{
	if (f->to >= 0)
		return 0;
	if (ready(p, f->up, err) < 0)
		return -1;
	bool made = mkdirat(f->up->to, f->name, 0700) == 0;
	if (!made && errno != EEXIST)
		return failed(p->at, err);
	if ((f->to = openat(f->up->to, f->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return errno == ENOTDIR || errno == ELOOP ? error_set(err, ERR_INPUT, "/%.300s: a directory cannot be copied over what is none", p->at) : failed(p->at, err);
	f->stamp = made || (f->has && !p->c->spec->parents);
	int r = f->stamp ? about(p, &f->st, f->from, f->to, false, UINT32_MAX) : fchmod(f->to, f->st.st_mode & 07777u);
	return r < 0 ? failed(p->at, err) : 0;
}

/* --- files --- */
static int write_range(struct placing *p, int in, int out, u64 from, u64 end, struct error *err)
{
	bool kernel = end - from > SMALL;
	off_t at = (off_t)from;
	if (!p->c->room)
		p->c->room = xmalloc(ROOM);
	while ((u64)at < end) {
		size_t want = (size_t)MIN(end - (u64)at, kernel ? 64 * MiB : ROOM);
		ssize_t n;
		if (kernel) {
			off_t to = at;
			n = copy_file_range(in, &at, out, &to, want, 0);
			if (n < 0 && errno != ENOSPC && errno != EINTR && errno != EIO && errno != EDQUOT) {
				kernel = false;
				continue;
			}
		} else if ((n = pread(in, p->c->room, want, at)) > 0) {
			n = pwrite(out, p->c->room, (size_t)n, at);
			at += MAX(n, 0);
		}
		if (n < 0 && errno != EINTR)
			return failed(p->at, err);
		if (n == 0)
			break; /* it is shorter now: who checked it sees that */
	}
	return 0;
}

static int content(struct placing *p, int in, int out, const struct stat *st, struct error *err)
{
	u64 size = (u64)st->st_size;
	if ((u64)st->st_blocks * 512 >= size || size <= SMALL)
		return write_range(p, in, out, 0, size, err);
	for (off_t from = 0, to; (u64)from < size; from = to) { /* with holes */
		from = lseek(in, from, SEEK_DATA);
		if (from < 0 && errno == ENXIO)
			break;
		to = from < 0 ? -1 : lseek(in, from, SEEK_HOLE);
		if (to < 0)
			return write_range(p, in, out, 0, size, err);
		if (write_range(p, in, out, (u64)from, MIN((u64)to, size), err) < 0)
			return -1;
	}
	return ftruncate(out, (off_t)size) < 0 ? failed(p->at, err) : 0;
}

/* Whether it is as it was when the step's key was made. */
static int as_seen(const struct placing *p, const struct stat *st, struct error *err)
{
	const struct copy_fetched *f = p->c->fetched;
	u32 hash = copy_inode_hash(st->st_dev, st->st_ino);
	if (!p->o->checked || !f)
		return 0;
	for (u32 at = hash, id; f->n_seen && (id = hashtab_next(&f->by_inode, hash, &at));) {
		const struct context_entry *e = &f->seen[id - 1];
		if (e->dev == st->st_dev && e->ino == st->st_ino && e->size == (u64)st->st_size && e->mode == st->st_mode && e->mtime == (s64)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec &&
		    e->ctime == (s64)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec)
			return 0;
	}
	return error_set(err, ERR_INPUT, "%.200s%s%.200s: it changed while it was being copied", p->s->path, *p->s->path && *p->from ? "/" : "", p->from);
}

/* Its first name, if it has several and one is there: 1 linked. */
static int linked(struct placing *p, const struct stat *st, int dir, const char *name, struct error *err)
{
	u32 hash = copy_inode_hash(st->st_dev, st->st_ino);
	if (st->st_nlink < 2)
		return 0;
	if (!p->by_inode.v)
		hashtab_open(&p->by_inode, 64);
	for (u32 at = hash, id; (id = hashtab_next(&p->by_inode, hash, &at));) {
		const struct names_of *l = &p->links[id - 1];
		if (l->dev != st->st_dev || l->ino != st->st_ino)
			continue;
		struct str base = str_base(str_of(l->path));
		char up[WITHIN_PATH];
		snprintf(up, sizeof up, "%.*s", (int)(strlen(l->path) - base.n), l->path);
		if (*up)
			up[strlen(up) - 1] = '\0';
		autofd int first = within_open(p->c->to, up, O_PATH | O_DIRECTORY);
		return first < 0 || linkat(first, base.p, dir, name, 0) < 0 ? failed(p->at, err) : 1;
	}
	struct names_of l = { st->st_dev, st->st_ino, xstrdup(p->at) };
	VEC_PUSH(p->links, p->n_links, p->cap_links, l);
	hashtab_add(&p->by_inode, hash, p->n_links);
	return 0;
}

/* Nothing may be at its place but what a file takes the place of. */
static int clear(struct placing *p, int dir, const char *name, struct error *err)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : failed(p->at, err);
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERR_INPUT, "/%.300s: a file cannot be copied over a directory", p->at);
	return unlinkat(dir, name, 0) < 0 ? failed(p->at, err) : 0;
}

static int put_file(struct placing *p, int fd, const struct stat *st, int dir, const char *name, struct error *err)
{
	struct stat after, up;
	int r = linked(p, st, dir, name, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	u32 mode = copy_mode_of(&p->c->mode, st->st_mode, false) & 0777u;
	autofd int out = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (out < 0 || fstat(dir, &up) < 0)
		return failed(p->at, err);
	if (content(p, fd, out, st, err) < 0)
		return -1;
	if (about(p, st, fd, out, !(up.st_mode & S_ISGID), mode) < 0)
		return failed(p->at, err);
	return p->o->checked && (fstat(fd, &after) < 0 || as_seen(p, &after, err) < 0) ? -1 : 0;
}

/* Links and pipes: all about them by name. */
static int put_other(struct placing *p, int from, const char *own, const struct stat *st, int dir, const char *name, struct error *err)
{
	char to[WITHIN_PATH];
	u32 uid, gid;
	struct timespec t = time_of(p, st);
	ids_of(p, st, &uid, &gid);
	if (S_ISLNK(st->st_mode)) {
		ssize_t n = readlinkat(from, own, to, sizeof to - 1);
		if (n < 0)
			return failed(p->at, err);
		to[n] = '\0';
		if (symlinkat(to, dir, name) < 0)
			return failed(p->at, err);
	} else if (mkfifoat(dir, name, 0600) < 0) {
		return failed(p->at, err);
	}
	if (within_chown(dir, name, uid, gid) < 0 || (!S_ISLNK(st->st_mode) && fchmodat(dir, name, copy_mode_of(&p->c->mode, st->st_mode, false), 0) < 0) ||
	    utimensat(dir, name, (const struct timespec[2]){ t, t }, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(p->at, err);
	return 0;
}

static int place_in(struct placing *p, struct frame *f, struct error *err);

/* One name of a directory. */
static int place_one(struct placing *p, struct frame *f, const char *name, struct error *err)
{
	struct stat st;
	bool has = pick_has(&p->s->pick, p->from);
	if (!has && !pick_below(&p->s->pick, p->from))
		return 0;
	if (fstatat(f->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return within_changed(err, p->from);
	if (S_ISSOCK(st.st_mode) || (!has && !S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) /* of another tree: left out, as everywhere that trees are made */
		return !p->o->ours ? 0 : error_set(err, ERR_INPUT, "%.300s: a device: those cannot be copied", p->from);
	if (S_ISDIR(st.st_mode)) {
		struct frame below = { .up = f, .from = openat(f->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), .to = -1, .name = name, .st = st, .has = has, .depth = f->depth + 1 };
		if (below.from < 0)
			return within_changed(err, p->from);
		int r = below.depth > DEPTH ? error_set(err, ERR_INPUT, "%.200s: more than %u directories deep", p->from, DEPTH) : place_in(p, &below, err);
		close(below.from);
		if (below.to >= 0)
			close(below.to);
		return r;
	}
	if (ready(p, f, err) < 0 || clear(p, f->to, name, err) < 0)
		return -1;
	if (!S_ISREG(st.st_mode))
		return put_other(p, f->from, name, &st, f->to, name, err);
	autofd int fd = openat(f->from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return within_changed(err, p->from);
	return as_seen(p, &st, err) < 0 ? -1 : put_file(p, fd, &st, f->to, name, err);
}

static int place_in(struct placing *p, struct frame *f, struct error *err)
{
	struct within_names names;
	size_t from = strlen(p->from), at = strlen(p->at);
	int r = f->has ? ready(p, f, err) : 0;
	if (r < 0)
		return -1;
	if (within_names(f->from, CONTEXT_FILES, &names, err) < 0)
		return error_wrap(err, "%.300s", *p->from ? p->from : ".");
	for (u32 i = 0; i < names.n && r == 0; i++) {
		struct str name = str_of(names.v[i]);
		if (within_join(str_n(p->from, from), name, p->from) < 0 || within_join(str_n(p->at, at), name, p->at) < 0)
			r = error_set(err, ERR_INPUT, "/%.200s: a name that is too long", p->at);
		else
			r = place_one(p, f, names.v[i], err);
		p->from[from] = p->at[at] = '\0';
	}
	within_names_free(&names);
	const struct timespec t = time_of(p, &f->st);
	if (r == 0 && f->stamp && f->to >= 0 && futimens(f->to, (const struct timespec[2]){ t, t }) < 0)
		r = failed(p->at, err);
	return r;
}

/* --- destinations --- */
const char *copy_dest(struct arena *a, const struct copy_spec *c, bool *slash)
{
	struct str d = c->dest;
	bool absolute = d.n && d.p[0] == '/';
	*slash = str_is(d, ".") || str_ends(d, STR("/")) || str_ends(d, STR("/."));
	const char *whole = absolute ? arena_printf(a, "/%.*s", STR_FMT(d)) : arena_printf(a, "/%s/%.*s", c->workdir ? c->workdir : "/", STR_FMT(d));
	return arena_strdup(a, dockerignore_clean(a, str_of(whole)));
}

static int unresolved(const struct copying *c, struct error *err) { return failed(c->dest + 1, err); }

/* The directory that the destination is or lies in, and where it leads; is it a directory? */
static int destination(struct placing *p, bool source_directory, const char *name, bool *made, struct error *err)
{
	struct copying *c = p->c;
	struct stat st;
	struct str dest = str_of(c->dest), base = str_base(dest), up = c->slash ? dest : str_head(dest, dest.n - base.n);
	char way[WITHIN_PATH];
	if (within_resolve(c->to, up, true, true, way) < 0)
		return unresolved(c, err);
	if (make_way(c, way, err) < 0)
		return -1;
	if (within_resolve(c->to, dest, true, true, p->at) < 0)
		return unresolved(c, err);
	int there = within_stat(c->to, p->at, &st);
	if (there < 0 && errno != ENOENT)
		return unresolved(c, err);
	if (there == 0 && !source_directory && S_ISDIR(st.st_mode) && within_join(str_of(p->at), str_of(name), p->at) < 0)
		return error_set(err, ERR_INPUT, "%.300s: a name that is too long", c->dest);
	if (there == 0 && source_directory && !S_ISDIR(st.st_mode))
		return error_set(err, ERR_INPUT, "%.300s: a directory cannot be copied over what is none", c->dest);
	*made = there < 0;
	base = str_base(str_of(p->at));
	snprintf(way, sizeof way, "%.*s", (int)(strlen(p->at) - base.n), p->at);
	return make_way(c, source_directory ? p->at : way, err);
}

/* The directory of p->at, and its last name. */
static int open_up(const struct placing *p, const char **name)
{
	char up[WITHIN_PATH];
	struct str base = str_base(str_of(p->at));
	snprintf(up, sizeof up, "%.*s", (int)(strlen(p->at) - base.n), p->at);
	if (*up)
		up[strlen(up) - 1] = '\0';
	*name = base.p;
	return within_open(p->c->to, up, O_RDONLY | O_DIRECTORY);
}

static int place_file(struct placing *p, int fd, const struct stat *st, struct error *err)
{
	const char *name;
	bool made;
	if (destination(p, false, p->s->name, &made, err) < 0)
		return -1;
	autofd int dir = open_up(p, &name);
	if (dir < 0)
		return failed(p->at, err);
	if (!*name)
		return error_set(err, ERR_INPUT, "%.300s: a file needs a name", p->c->dest);
	if (clear(p, dir, name, err) < 0)
		return -1;
	return S_ISREG(st->st_mode) ? put_file(p, fd, st, dir, name, err) : put_other(p, -1, NULL, st, dir, name, err);
}

static int place_archive(struct placing *p, int fd, struct error *err)
{
	const struct unpack_options opt = { .name = *p->s->path ? p->s->path : p->s->name, .about = true, .epoch = p->c->spec->epoch };
	struct stream *plain;
	enum compression kind;
	if (within_resolve(p->c->to, str_of(p->c->dest), true, true, p->at) < 0)
		return unresolved(p->c, err);
	if (make_way(p->c, p->at, err) < 0)
		return -1;
	autofd int dir = within_open(p->c->to, p->at, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return failed(p->at, err);
	if (stream_inflate(stream_file(fd, false, 0, UINT64_MAX, 0), &plain, &kind, err) < 0)
		return error_wrap(err, "%.300s", opt.name);
	int r = unpack(dir, plain, &opt, err);
	stream_close(plain);
	return r;
}

static int place_tree(struct placing *p, struct error *err)
{
	bool made;
	struct frame top = { .has = true, .from = -1, .to = -1 };
	if (destination(p, true, "", &made, err) < 0)
		return -1;
	top.from = within_open(p->o->root, p->s->path, O_RDONLY | O_DIRECTORY);
	if (top.from < 0)
		return within_changed(err, p->s->path);
	top.to = within_open(p->c->to, p->at, O_RDONLY | O_DIRECTORY);
	int r = top.to < 0 ? failed(p->at, err) : place_in(p, &top, err);
	close(top.from);
	if (top.to >= 0)
		close(top.to);
	return r;
}

int copy_place(struct copying *c, const struct copy_origin *o, const struct copy_source *s, struct error *err)
{
	struct placing p = { .c = c, .o = o, .s = s };
	struct stat st;
	int r;
	if (S_ISDIR(s->mode)) {
		r = place_tree(&p, err);
	} else if (S_ISREG(s->mode)) {
		autofd int fd = within_open(o->root, s->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
		r = fd < 0 || fstat(fd, &st) < 0 ? within_changed(err, s->path) : as_seen(&p, &st, err);
		if (r == 0)
			r = o->unpack && unpack_is_archive(fd) ? place_archive(&p, fd, err) : place_file(&p, fd, &st, err);
	} else {
		r = within_stat(o->root, s->path, &st) < 0 ? within_changed(err, s->path) : place_file(&p, -1, &st, err);
	}
	if (r == 0 && o->context && context_over(o->context))
		r = error_set(err, ERR_INPUT, ".dockerignore: too many patterns for that many files");
	for (u32 i = 0; i < p.n_links; i++)
		free(p.links[i].path);
	free(p.links);
	if (p.by_inode.v)
		hashtab_free(&p.by_inode);
	return r;
}

int copy_place_text(struct copying *c, struct str name, struct str text, struct error *err)
{
	const struct copy_origin o = { .root = -1, .ours = true };
	char own[256];
	struct str base = str_base(name);
	struct stat up, st = { .st_mode = S_IFREG | (c->spec->text_mode ? c->spec->text_mode : 0664), .st_size = (off_t)text.n };
	const char *last;
	bool made;
	if (!base.n || base.n >= sizeof own || str_is(base, ".") || str_is(base, ".."))
		return error_set(err, ERR_INPUT, "<<%.*s: no name of a file", STR_FMT(name));
	snprintf(own, sizeof own, "%.*s", (int)base.n, base.p);
	const struct copy_source s = { .path = own, .name = own, .mode = st.st_mode };
	struct placing p = { .c = c, .o = &o, .s = &s };
	if (destination(&p, false, own, &made, err) < 0)
		return -1;
	autofd int dir = open_up(&p, &last);
	if (dir < 0 || fstat(dir, &up) < 0)
		return failed(p.at, err);
	if (!*last)
		return error_set(err, ERR_INPUT, "%.300s: a file needs a name", c->dest);
	if (clear(&p, dir, last, err) < 0)
		return -1;
	u32 mode = copy_mode_of(&c->mode, st.st_mode, false) & 0777u;
	autofd int out = openat(dir, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return out < 0 || file_write_all(out, text.p ? text.p : "", text.n) < 0 || about(&p, &st, -1, out, !(up.st_mode & S_ISGID), mode) < 0 ? failed(p.at, err) : 0;
}
