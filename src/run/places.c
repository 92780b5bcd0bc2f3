/* places.c — what a build's step has mounted, made ready in the keeper: every mount has a clean path of its own that the runtime takes it from, whatever its name is where it comes from. */
#include "base/process.h"
#include "run/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct run_root *places_root(struct arena *a, const json_t *spec)
{
	const json_t *j = json_obj(spec, "root");
	json_t *v = json_arr(j, "lowers"), *item;
	size_t i;
	if (!j)
		return NULL;
	struct run_root *r = arena_new(a, struct run_root);
	const char **lowers = arena_array(a, const char *, json_array_size(v) + 1);
	json_array_foreach(v, i, item)
		lowers[r->n_lowers++] = json_string_value(item);
	r->lowers = lowers;
	r->upper = json_text(j, "upper");
	r->work = json_text(j, "work");
	return r;
}

int places_open(struct keeper *k, struct process *c, struct error *err)
{
	char path[4096];
	snprintf(path, sizeof path, PLACES, k->dir, c->id);
	if (c->places)
		return 0;
	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || mount("tmpfs", path, "tmpfs", MS_NODEV, "mode=700") < 0)
		return error_errno(err, "%s", path);
	c->places = true;
	return 0;
}

bool places_close(struct keeper *k, struct process *c)
{
	char path[4096];
	if (c->init > 0)
		kill(c->init, SIGKILL);
	c->init = 0;
	for (u32 i = 0; i < c->n_relays; i++)
		if (c->relays[i] > 0)
			kill(c->relays[i], SIGKILL);
	c->n_relays = 0;
	snprintf(path, sizeof path, PLACES, k->dir, c->id);
	if (c->places && umount2(path, MNT_DETACH) < 0)
		return false;
	c->places = false;
	snprintf(path, sizeof path, "%s/mem/c%u", k->dir, c->id);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && clean_below(fd) == 0)
		rmdir(path);
	if (fd >= 0)
		close(fd);
	return true;
}

void places_note(const struct keeper *k, struct process *c, const char *where)
{
	char real[4096];
	size_t there;
	autofd int root = overlay_open(k, c->id, "/", O_PATH | O_DIRECTORY, NULL);
	if (root < 0 || root_missing(root, where, real, &there) < 0)
		return; /* the runtime will say why it cannot be mounted on */
	for (size_t at = there; real[at];) {
		at += 1 + strcspn(real + at + 1, "/");
		char was = real[at];
		real[at] = '\0';
		bool have = false;
		for (u32 i = 0; i < c->n_made && !have; i++)
			have = strcmp(c->made[i], real) == 0;
		if (!have)
			VEC_PUSH(c->made, c->n_made, c->cap_made, xstrdup(real));
		real[at] = was;
	}
}

int places_under(const struct keeper *k, const struct process *c, const char *cwd, struct error *err)
{
	char place[4096], real[4096];
	size_t i, there, most = 0;
	json_t *m;
	u32 which = 0;
	autofd int root = overlay_open(k, c->id, "/", O_PATH | O_DIRECTORY, NULL);
	json_array_foreach(json_arr(json_obj(c->spec, "build"), "mounts"), i, m) {
		size_t n = root < 0 || root_missing(root, json_text(m, "target"), real, &there) < 0 ? 0 : strlen(real);
		if (n && n >= most && strncmp(cwd, real, n) == 0 && cwd[n] == '/') {
			most = n;
			which = (u32)i;
		}
	}
	if (!most)
		return 0;
	snprintf(place, sizeof place, PLACES "/%u", k->dir, c->id, which);
	autofd int top = open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	autofd int fd = top < 0 ? -1 : (int)syscall(SYS_openat2, top, cwd + most + 1, &how, sizeof how);
	if (fd < 0 && errno != ENOENT) /* what is not there is no link either */
		return error_set(err, ERR_INPUT, "%.300s: not a directory to work in", cwd);
	return 0;
}

/* --- one mount --- */
/* Something to mount on that is of the same sort. */
static int bind_to(int fd, const char *place, bool read_only)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -1;
	int made = S_ISDIR(st.st_mode) ? mkdir(place, 0700) : open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (made < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		close(made);
	return root_bind(fd, place, read_only);
}

/* A directory of the container's, which goes with it. */
static const char *own_dir(struct arena *a, const struct keeper *k, const struct process *c, const char *what, u32 i)
{
	const char *path = arena_printf(a, "%s/c%u/%s%u", k->dir, c->id, what, i);
	return mkdir(path, 0700) < 0 ? NULL : path;
}

/* The tree is mounted beside, what is wanted of it taken to its place, and the rest is let go. */
static int mount_tree(const struct keeper *k, const struct process *c, const json_t *m, u32 i, const char *place, struct arena *a, struct error *err)
{
	const struct run_root *root = places_root(a, m);
	struct run_root writable = root ? *root : (struct run_root){ 0 };
	const char *at = own_dir(a, k, c, "tree", i), *source = json_text(m, "source");
	bool changes = json_is_true(json_object_get(m, "writable"));
	if (changes) {
		writable.upper = own_dir(a, k, c, "upper", i);
		writable.work = own_dir(a, k, c, "work", i);
	}
	if (!at || (changes && (!writable.upper || !writable.work)))
		return error_errno(err, "%s", k->dir);
	if (root_mount(&writable, at, err) < 0)
		return -1;
	autofd int top = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = top < 0 ? -1 : root_open(top, source ? source : "/", O_PATH);
	int r = 0;
	if (fd < 0) {
		error_errno(err, "%.300s", source ? source : "/");
		err->kind = ERR_INPUT;
		r = -1;
	} else if (bind_to(fd, place, !changes) < 0) {
		r = error_errno(err, "%.300s", source ? source : "/");
	}
	if (umount2(at, MNT_DETACH) < 0 && r == 0)
		r = error_errno(err, "%s", at);
	return r;
}

static int mount_file(const struct process *c, const json_t *m, const char *place, u32 mode, u32 uid, u32 gid, struct error *err)
{
	u64 at = 0, n = 0;
	char piece[32 * KiB];
	autofd int fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || !json_u64(m, "at", &at) || !json_u64(m, "length", &n))
		return error_errno(err, "a file in memory");
	while (n) {
		ssize_t got = file_pread(c->content, piece, (size_t)MIN(n, (u64)sizeof piece), at);
		if (got <= 0 || file_write_all(fd, piece, (size_t)got) < 0)
			return error_errno(err, "a file in memory");
		at += (u64)got;
		n -= (u64)got;
	}
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode & 07777) < 0 || root_bind(fd, place, true) < 0)
		return error_errno(err, "a file in memory");
	return 0;
}

/* What it is mounted with here, said again: crun mounts anew with what it is told, and would make it writable; and what a user namespace may not take off has to be said there, too. */
static int bind_options(const char *place, char options[256], struct error *err)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} flags[] = { { ST_RDONLY, ",ro" }, { ST_NOSUID, ",nosuid" }, { ST_NODEV, ",nodev" }, { ST_NOEXEC, ",noexec" } };
	struct statvfs v;
	int n = snprintf(options, 256, "bind");
	if (statvfs(place, &v) < 0)
		return error_errno(err, "%s", place);
	for (size_t i = 0; i < countof(flags); i++)
		if (v.f_flag & flags[i].flag)
			n += snprintf(options + n, 256 - (size_t)n, "%s", flags[i].name);
	return 0;
}

int places_mount(struct keeper *k, struct process *c, const json_t *m, u32 i, char options[256], struct error *err)
{
	char place[4096];
	struct arena a = { 0 };
	u64 mode = 0, uid = 0, gid = 0, size = 0;
	struct str kind = json_view(m, "kind");
	const char *source = json_text(m, "source");
	bool known = json_u64(m, "mode", &mode) & json_u64(m, "uid", &uid) & json_u64(m, "gid", &gid) & json_u64(m, "size", &size);
	int r = 0;
	snprintf(place, sizeof place, PLACES "/%u", k->dir, c->id, i);
	if (!known || !json_text(m, "target"))
		return error_set(err, ERR_ENV, "keeper: a mount that is none");
	if (!ids_mapped(k->ids, (u32)uid, (u32)gid))
		return error_set(err, ERR_ENV, "mount %s: /etc/subuid and /etc/subgid give no IDs for %llu:%llu here", json_text(m, "target"), (unsigned long long)uid, (unsigned long long)gid);
	if (str_is(kind, "tree")) {
		r = mount_tree(k, c, m, i, place, &a, err);
	} else if (str_is(kind, "host")) {
		autofd int fd = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || bind_to(fd, place, !json_is_true(json_object_get(m, "writable"))) < 0)
			r = error_errno(err, "%s", source);
	} else if (str_is(kind, "file")) {
		r = mount_file(c, m, place, (u32)mode, (u32)uid, (u32)gid, err);
	} else if (str_is(kind, "socket") && c->n_relays < KEEPER_RELAYS) {
		r = relay_start(source, place, (u32)mode, (u32)uid, (u32)gid, &c->relays[c->n_relays], err);
		c->n_relays += r == 0;
	} else if (str_is(kind, "memory")) {
		int n = snprintf(options, 256, "nosuid%s,mode=%llo", json_is_true(json_object_get(m, "writable")) ? "" : ",ro", (unsigned long long)(mode & 07777));
		if (size)
			snprintf(options + n, 256 - (size_t)n, ",size=%llu", (unsigned long long)size);
	} else {
		r = error_set(err, ERR_INPUT, "mount %s: too many agents", json_text(m, "target"));
	}
	if (r == 0 && !str_is(kind, "memory"))
		r = bind_options(place, options, err);
	arena_free(&a);
	return r < 0 ? error_wrap(err, "mount %s", json_text(m, "target")) : 0;
}

/* --- namespaces --- */
static int give_file(const char *place, const char *from)
{
	int fd = open(place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	close(fd);
	return mount(from, place, NULL, MS_BIND, NULL);
}

/* What this program was called with is nobody's business in there. */
static void hide_arguments(void)
{
	char text[2048];
	autofd int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	text[MAX(n, 0)] = '\0';
	char *end = strrchr(text, ')'); /* its name may hold anything */
	u64 from = 0, to = 0;
	struct str rest = str_of(end ? end + 2 : "");
	for (u32 i = 3; i <= 49 && rest.p; i++) {
		struct str f = str_cut(&rest, ' ');
		if (i >= 48 && !str_to_u64(f, i == 48 ? &from : &to))
			return;
	}
	if (from && to > from)
		explicit_bzero((void *)(uintptr_t)from, (size_t)(to - from));
}

/* Nothing can be seen by way of it, whatever rights the step has: it is in an empty directory, and nobody may look into it. */
static int hide_self(const char *place)
{
	hide_arguments();
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || unshare(CLONE_NEWNS) < 0 || mount("tmpfs", place, "tmpfs", MS_RDONLY, "size=4k") < 0 || chdir(place) < 0)
		return -1;
	return syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ? -1 : 0;
}

struct init {
	const char *place;
	bool alone;
	int ready;
};

static int be_init(void *ctx)
{
	const struct init *is = ctx;
	char path[4200];
	struct error err = { 0 };
	sigset_t all;
	prctl(PR_SET_NAME, "init");
	if (is->alone && (unshare(CLONE_NEWNET) < 0 || keeper_loopback(&err) < 0))
		return 1;
	snprintf(path, sizeof path, "%s/net", is->place);
	if (is->alone && give_file(path, "/proc/self/ns/net") < 0)
		return 1;
	snprintf(path, sizeof path, "%s/pid", is->place);
	if (give_file(path, "/proc/self/ns/pid") < 0 || hide_self(is->place) < 0 || write(is->ready, "", 1) != 1)
		return 1;
	syscall(SYS_close_range, 0u, ~0u, 0u);
	signal(SIGCHLD, SIG_IGN); /* which buries them */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (;;)
		pause();
}

int places_init(const struct keeper *k, struct process *c, bool alone, struct error *err)
{
	char place[4096], go;
	int ends[2];
	snprintf(place, sizeof place, PLACES, k->dir, c->id);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "pipe");
	struct init is = { place, alone, ends[1] };
	pid_t pid = process_fork_apart(CLONE_NEWPID, be_init, &is);
	close(ends[1]);
	bool ready = pid > 0 && read(ends[0], &go, 1) == 1;
	close(ends[0]);
	c->init = MAX(pid, 0);
	return ready ? 0 : error_set(err, ERR_ENV, "namespaces of a step's own cannot be made here");
}
