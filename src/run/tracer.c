#include "run/tracer.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/thread.h"
#include "run/keeper.h"
#include "run/opened.h"
#include "run/resolve.h"
#include "run/watch.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6: hands the processor over to who is woken */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1UL
#endif

#define WATCHED 4096u        /* listeners at once: one a process that a runtime starts */
#define PROGRAM_SLOTS 1024u
#define INTERPRETERS 4       /* a script's, that one's, … */
#define HEAD 4096u

struct tracer {
	struct tracer_options opt;
	struct observed *o;
	struct watch_table table;
	struct stage stage;
	char *filter;
	char path[108];
	int listener, close[2];
	atomic_bool steady;
	bool fanotify; /* opening that the filter lets pass is told by it */
	pthread_t accepting;
	pthread_mutex_t lock;
	pthread_cond_t less;
	u32 n; /* threads that watch */
};

struct program { /* who a thread is, until it executes something else */
	u32 pid;
	const char *path;
	u64 hash;
};

struct watched { /* one listener: a container's processes, or those of one more process that was started in it */
	struct tracer *t;
	int fd;
	struct opened *opened;
	bool roots; /* some process has a root directory of its own */
	bool started, noted_calls[OBSERVED_CALLS][2];
	struct resolver r;
	struct seen_set seen;
	struct program programs[PROGRAM_SLOTS];
	struct arena arena;
	/* of the call that is looked at: */
	u32 pid;
	u8 what;
	bool denied, fresh;
	char name[RESOLVE_ROOM], base[RESOLVE_ROOM], root[RESOLVE_ROOM];
};

/* --- reading of a process --- */
static size_t read_memory(u32 pid, u64 at, void *to, size_t n)
{
	struct iovec mine = { to, n }, its = { (void *)(uintptr_t)at, n };
	ssize_t got = process_vm_readv((pid_t)pid, &mine, 1, &its, 1, 0);
	return got > 0 ? (size_t)got : 0;
}

/* A string: page by page, since what lies behind it need not be there. */
static bool read_name(struct watched *w, u64 at)
{
	size_t n = 0;
	while (at && n < sizeof w->name) {
		size_t part = MIN(sizeof w->name - n, 256 - (at + n) % 256); /* most names are short */
		size_t got = read_memory(w->pid, at + n, w->name + n, part);
		if (!got)
			return false;
		if (memchr(w->name + n, '\0', got))
			return true;
		n += got;
	}
	return false;
}

static bool read_link(u32 pid, const char *what, char *to)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%u/%s", pid, what);
	ssize_t n = readlink(path, to, RESOLVE_ROOM - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	return to[0] == '/';
}

static const struct program *program_of(struct watched *w)
{
	struct program *p = &w->programs[w->pid % PROGRAM_SLOTS];
	if (p->pid != w->pid) {
		char exe[RESOLVE_ROOM];
		p->pid = w->pid;
		p->path = "";
		if (read_link(w->pid, "exe", exe) && exe[1] && !str_ends(str_of(exe), STR(" (deleted)"))) { /* the runtime itself is neither */
			struct program *q = &w->programs[(w->pid - 1) % PROGRAM_SLOTS]; /* most likely of its parent, or of another thread */
			p->path = q->path && strcmp(q->path, exe) == 0 ? q->path : arena_bytes(&w->arena, str_of(exe));
		}
		p->hash = hash64(str_of(p->path), hash_seed);
	}
	return p;
}

/* Where a relative name begins. */
static bool read_base(struct watched *w, s32 dirfd)
{
	char what[24] = "cwd";
	if (dirfd != AT_FDCWD)
		snprintf(what, sizeof what, "fd/%d", dirfd);
	return read_link(w->pid, what, w->base);
}

/* --- what is found --- */
static void note(struct watched *w, struct str path, u8 what)
{
	observed_add(w->t->o, path, what, str_of(program_of(w)->path), !atomic_load_explicit(&w->t->steady, memory_order_relaxed));
}

static bool meet(void *ctx, struct str path, bool last)
{
	struct watched *w = ctx;
	(void)last;
	if (w->t->opt.deny && !w->fresh && w->t->opt.deny(w->t->opt.ctx, path)) {
		note(w, path, SEEN_MISSING);
		w->denied = true;
		return false;
	}
	u8 what = w->what & (SEEN_OPENED | SEEN_EXECUTED | SEEN_LOOKED_AT);
	note(w, path, what ? what : SEEN_LOOKED_AT); /* a link; of what is there itself more is said below */
	return true;
}

static void note_parent(struct watched *w)
{
	struct str at = str_n(w->r.at, w->r.n);
	while (at.n && at.p[at.n - 1] != '/')
		at.n--;
	note(w, at.n > 1 ? str_head(at, at.n - 1) : STR("/"), SEEN_LOOKED_AT);
}

static enum resolved find(struct watched *w, const char *name, bool follow)
{
	struct str root = w->root[1] ? str_of(w->root) : STR("");
	return resolve(&w->r, root, str_of(w->base), str_of(name), follow);
}

/* A number of an ELF file of this machine; 0: behind what was read. */
static u64 number(struct str h, u64 at, size_t size)
{
	u16 half = 0;
	u32 word = 0;
	u64 wide = 0;
	if (at <= h.n && h.n - at >= size)
		memcpy(size == 2 ? (void *)&half : size == 4 ? (void *)&word : (void *)&wide, h.p + at, size);
	return size == 2 ? half : size == 4 ? word : wide;
}

#define NUMBER(type, at, field) number(h, (at) + offsetof(type, field), sizeof(((type *)0)->field))
/* What PT_INTERP names. */
static struct str loader_of(struct str h, bool wide)
{
	u64 at = wide ? NUMBER(Elf64_Ehdr, 0, e_phoff) : NUMBER(Elf32_Ehdr, 0, e_phoff), size = wide ? NUMBER(Elf64_Ehdr, 0, e_phentsize) : NUMBER(Elf32_Ehdr, 0, e_phentsize);
	u64 n = wide ? NUMBER(Elf64_Ehdr, 0, e_phnum) : NUMBER(Elf32_Ehdr, 0, e_phnum);
	for (u64 k = 0; k < n && k < 64 && at < h.n; k++, at += size) {
		u64 from = wide ? NUMBER(Elf64_Phdr, at, p_offset) : NUMBER(Elf32_Phdr, at, p_offset), length = wide ? NUMBER(Elf64_Phdr, at, p_filesz) : NUMBER(Elf32_Phdr, at, p_filesz);
		if (number(h, at, 4) == PT_INTERP && from < h.n && length && length <= h.n - from) { /* p_type comes first in both */
			struct str path = str_n(h.p + from, length);
			return str_cut(&path, '\0');
		}
	}
	return (struct str){ NULL, 0 };
}

/* The kernel opens these by itself: what "#!" names, the loader that an ELF file names. */
static void interpreters(struct watched *w)
{
	char head[HEAD + 1], name[RESOLVE_ROOM];
	for (int i = 0; i < INTERPRETERS && w->r.is_file; i++) {
		int fd = resolved_open(&w->r);
		ssize_t got = fd < 0 ? -1 : pread(fd, head, HEAD, 0);
		if (fd >= 0)
			close(fd);
		if (got < 4)
			return;
		struct str h = str_n(head, (size_t)got), is = { NULL, 0 };
		if (str_starts(h, STR("#!"))) {
			struct str line = str_from(h, 2);
			line = str_trim(str_cut(&line, '\n'));
			is = line.n ? str_cut(&line, ' ') : line;
			is = is.n ? str_cut(&is, '\t') : is;
		} else if (str_starts(h, STR("\177ELF")) && h.n > EI_CLASS)
			is = loader_of(h, h.p[EI_CLASS] == ELFCLASS64);
		if (!is.n || is.n >= sizeof name)
			return;
		memcpy(name, is.p, is.n);
		name[is.n] = '\0';
		if (find(w, name, true) != RESOLVED_FOUND)
			return;
		note(w, str_n(w->r.at, w->r.n), SEEN_EXECUTED | SEEN_OPENED);
	}
}

static const u8 what_of[] = {
	[WATCH_LOOK] = SEEN_LOOKED_AT, [WATCH_LLOOK] = SEEN_LOOKED_AT, [WATCH_OPEN] = SEEN_OPENED, [WATCH_OPENAT2] = SEEN_OPENED, [WATCH_EXEC] = SEEN_EXECUTED,
	[WATCH_CHANGE] = SEEN_LOOKED_AT | SEEN_WRITTEN, [WATCH_LCHANGE] = SEEN_LOOKED_AT | SEEN_WRITTEN, [WATCH_MAKE] = SEEN_MADE, [WATCH_DELETE] = SEEN_DELETED, [WATCH_BIND] = SEEN_MADE,
};

static u8 what_opening(u64 flags)
{
	if (flags & O_PATH)
		return SEEN_LOOKED_AT;
	u8 what = SEEN_OPENED;
	if ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC)
		what |= SEEN_WRITTEN;
	return what;
}

struct call { /* one name of a call */
	u8 kind;
	s32 dirfd;
	u64 flags; /* of opening, or AT_… */
	bool follow;
};

/* Looks a name up, notes it. True: it is denied. */
static bool examine(struct watched *w, const struct call *c)
{
	bool opening = c->kind == WATCH_OPEN || c->kind == WATCH_OPENAT2;
	bool makes = c->kind == WATCH_MAKE || c->kind == WATCH_BIND || (opening && c->flags & O_CREAT);
	w->what = opening ? what_opening(c->flags) : what_of[c->kind];
	/* What is made anew needs nothing that was there, and what is overwritten whole neither. */
	w->fresh = c->kind == WATCH_MAKE || c->kind == WATCH_BIND || (opening && (c->flags & (O_CREAT | O_TRUNC)) == (O_CREAT | O_TRUNC));
	w->denied = false;
	if (!read_link(w->pid, "root", w->root))
		return false;
	w->base[0] = '\0';
	if (w->name[0] != '/' && !read_base(w, c->dirfd))
		return false;
	enum resolved found = find(w, w->name, c->follow);
	struct str at = str_n(w->r.at, w->r.n);
	if (found == RESOLVED_FOUND) {
		note(w, at, (u8)(w->what | (opening && w->r.is_dir && w->what & SEEN_OPENED ? SEEN_LISTED : 0)));
		if (makes)
			note_parent(w);
		if (c->kind == WATCH_EXEC)
			interpreters(w);
	} else if (found == RESOLVED_MISSING) {
		note(w, at, makes ? (u8)(SEEN_MADE | (opening ? SEEN_WRITTEN : 0)) : SEEN_MISSING);
		if (makes)
			note_parent(w);
	}
	return w->denied;
}

static bool one_name(struct watched *w, const struct seccomp_data *d, u8 kind, int8_t dir, int8_t path, int8_t flags)
{
	struct call c = { .kind = kind, .dirfd = dir >= 0 ? (s32)d->args[dir] : AT_FDCWD, .flags = flags >= 0 ? d->args[flags] : 0, .follow = true };
	u64 at = d->args[path];
	if (kind == WATCH_BIND) {
		struct sockaddr_un a = { 0 };
		if (read_memory(w->pid, at, &a, MIN((size_t)c.flags, sizeof a - 1)) < 3 || a.sun_family != AF_UNIX || !a.sun_path[0])
			return false;
		snprintf(w->name, sizeof w->name, "%.*s", (int)sizeof a.sun_path - 1, a.sun_path);
	} else if (!read_name(w, at)) {
		return false;
	}
	if (kind == WATCH_OPENAT2) {
		struct open_how how;
		c.flags = read_memory(w->pid, c.flags, &how, sizeof how) == sizeof how ? how.flags : 0;
	}
	if (kind == WATCH_OPEN && flags < 0)
		c.flags = O_CREAT | O_TRUNC | O_WRONLY; /* creat */
	bool opening = kind == WATCH_OPEN || kind == WATCH_OPENAT2;
	if (!w->name[0]) /* about a descriptor, or an error */
		return false;
	if (opening)
		c.follow = !(c.flags & O_NOFOLLOW) && (c.flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	else if (kind == WATCH_LLOOK || kind == WATCH_LCHANGE || kind == WATCH_MAKE || kind == WATCH_DELETE || kind == WATCH_BIND)
		c.follow = false;
	else if (flags >= 0 && kind != WATCH_EXEC)
		c.follow = !(c.flags & AT_SYMLINK_NOFOLLOW);
	/* Seen before from the same program, in the same phase: nothing new. Relative names depend on where it is. */
	u64 key[4] = { w->roots ? w->pid : program_of(w)->hash, (u64)kind << 32 | (u32)c.dirfd, c.flags, atomic_load_explicit(&w->t->steady, memory_order_relaxed) };
	bool absolute = w->name[0] == '/';
	u64 h = hash64(str_of(w->name), hash64(str_n((const char *)key, sizeof key), hash_seed));
	if (absolute && seen_has(&w->seen, h))
		return false;
	bool denied = examine(w, &c);
	bool settled = w->r.n && !denied && absolute && (w->r.is_dir || w->r.is_file) && kind != WATCH_DELETE && kind != WATCH_MAKE && kind != WATCH_EXEC;
	if (settled)
		seen_add(&w->seen, h);
	return denied;
}

/* True: it is to answer ENOENT. */
static bool handle(struct watched *w, const struct seccomp_notif *n)
{
	struct tracer *t = w->t;
	const struct seccomp_data *d = &n->data;
	u32 nr = (u32)d->nr, arch = d->arch == t->table.arch[0] ? 0 : 1;
	bool steady = atomic_load_explicit(&t->steady, memory_order_relaxed);
	w->pid = n->pid;
	if (nr >= OBSERVED_CALLS || d->arch != t->table.arch[arch])
		return false;
	const struct watch_call *c = t->table.index[arch][nr] ? &watch_calls[t->table.index[arch][nr] - 1] : NULL;
	if (!w->started) { /* what the runtime does in there before it becomes the program */
		if (!c || c->kind != WATCH_EXEC)
			return false;
		w->started = true;
	}
	if (t->opt.calls && !arch && !w->noted_calls[nr][steady]) {
		w->noted_calls[nr][steady] = true;
		observed_call(t->o, nr, !steady);
	}
	if (!c)
		return false;
	bool denied = one_name(w, d, c->kind, c->dir, c->path, c->flags);
	if (c->kind == WATCH_EXEC)
		w->programs[w->pid % PROGRAM_SLOTS].pid = 0; /* it is somebody else from here on */
	if (!denied && c->other.path >= 0 && c->other.kind)
		denied = one_name(w, d, c->other.kind, c->other.dir, c->other.path, -1);
	if (strcmp(c->name, "chroot") == 0 || strcmp(c->name, "pivot_root") == 0) {
		w->roots = true;
		seen_forget(&w->seen);
	}
	return denied;
}

/* --- threads --- */
static void open_root(struct watched *w, u32 pid)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/%u/root", pid);
	w->r.root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!w->t->fanotify)
		return;
	w->opened = w->r.root < 0 ? NULL : opened_watch(w->r.root, w->t->o, &w->t->steady);
	if (!w->opened) /* then something is not seen: nothing may go that a run might have touched */
		w->t->o->full = true;
}

static void answer_all(struct watched *w, struct seccomp_notif *n, size_t room, struct seccomp_notif_resp *r)
{
	struct pollfd p[2] = { { .fd = w->fd, .events = POLLIN }, { .fd = w->t->close[0], .events = POLLIN } };
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents || (p[0].revents && !(p[0].revents & POLLIN)))
			return;
		if (!(p[0].revents & POLLIN))
			continue;
		memset(n, 0, room);
		if (ioctl(w->fd, SECCOMP_IOCTL_NOTIF_RECV, n) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			return;
		}
		if (w->r.root < 0)
			open_root(w, n->pid);
		bool deny = handle(w, n);
		*r = (struct seccomp_notif_resp){ .id = n->id, .error = deny ? -ENOENT : 0, .flags = deny ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE };
		if (ioctl(w->fd, SECCOMP_IOCTL_NOTIF_SEND, r) < 0 && errno != ENOENT && errno != EINTR)
			return;
	}
}

static void *watch(void *arg)
{
	struct watched *w = arg;
	struct tracer *t = w->t;
	struct seccomp_notif_sizes sizes = { .seccomp_notif = sizeof(struct seccomp_notif), .seccomp_notif_resp = sizeof(struct seccomp_notif_resp) };
	syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes);
	size_t room = MAX((size_t)sizes.seccomp_notif, sizeof(struct seccomp_notif)), room_r = MAX((size_t)sizes.seccomp_notif_resp, sizeof(struct seccomp_notif_resp));
	autofree struct seccomp_notif *n = xcalloc(1, room);
	autofree struct seccomp_notif_resp *r = xcalloc(1, room_r);
	ioctl(w->fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	(void)!setpriority(PRIO_PROCESS, (id_t)gettid(), -15); /* somebody waits for it each time; who may not, goes without */
	answer_all(w, n, room, r);
	close(w->fd);
	opened_end(w->opened);
	if (w->r.root >= 0)
		close(w->r.root);
	seen_forget(&w->seen);
	seen_forget(&w->r.dirs);
	arena_free(&w->arena);
	free(w);
	pthread_mutex_lock(&t->lock);
	t->n--;
	pthread_cond_broadcast(&t->less);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct tracer *t = arg;
	struct pollfd p[2] = { { .fd = t->listener, .events = POLLIN }, { .fd = t->close[0], .events = POLLIN } };
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return NULL;
		if (p[1].revents)
			return NULL;
		int s = p[0].revents ? accept4(t->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
		struct pollfd sent = { .fd = s, .events = POLLIN };
		int fd = s < 0 || poll(&sent, 1, 10000) != 1 ? -1 : message_descriptor(s);
		if (s >= 0)
			close(s);
		if (fd < 0)
			continue;
		struct watched *w = xcalloc(1, sizeof *w);
		w->t = t;
		w->fd = fd;
		w->r.root = -1;
		w->r.meet = meet;
		w->r.ctx = w;
		pthread_mutex_lock(&t->lock);
		while (t->n >= WATCHED)
			pthread_cond_wait(&t->less, &t->lock);
		t->n++;
		pthread_mutex_unlock(&t->lock);
		pthread_detach(thread_start(watch, w));
	}
}

int tracer_open(struct run_box *b, const struct tracer_options *opt, struct observed *o, struct run_spec *spec, struct tracer **ret, struct error *err)
{
	struct tracer *t = xcalloc(1, sizeof *t);
	(void)b;
	t->opt = opt ? *opt : (struct tracer_options){ 0 };
	t->o = o;
	t->listener = t->close[0] = t->close[1] = -1;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->less, NULL);
	watch_table_make(&t->table);
	t->fanotify = !t->opt.calls && !t->opt.deny && opened_possible();
	t->filter = watch_filter(t->opt.calls, t->fanotify, t->opt.deny != NULL);
	if (pipe2(t->close, O_CLOEXEC) < 0 || (t->listener = message_listen(&t->stage, t->path, err)) < 0) {
		int r = t->close[0] < 0 ? error_errno(err, "pipe") : -1;
		tracer_close(t);
		return r;
	}
	t->accepting = thread_start(accept_all, t);
	spec->seccomp = t->filter;
	spec->listener = t->listener;
	spec->listener_path = t->path;
	*ret = t;
	return 0;
}

void tracer_ready(struct tracer *t) { atomic_store(&t->steady, true); }

void tracer_close(struct tracer *t)
{
	if (!t)
		return;
	if (t->close[1] >= 0)
		close(t->close[1]);
	if (t->accepting)
		pthread_join(t->accepting, NULL);
	pthread_mutex_lock(&t->lock);
	while (t->n)
		pthread_cond_wait(&t->less, &t->lock);
	pthread_mutex_unlock(&t->lock);
	if (t->close[0] >= 0)
		close(t->close[0]);
	if (t->listener >= 0)
		close(t->listener);
	stage_remove(&t->stage);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->less);
	free(t->filter);
	free(t);
}
