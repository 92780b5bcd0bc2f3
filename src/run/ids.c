/* ids.c — how the IDs of an image are IDs of this machine. */
#include "base/process.h"
#include "run/inner.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANGES_MAX (4 * MiB) /* of /etc/subuid */
#define MAP_LINES 340        /* that the kernel takes */

/* The largest range of "name:first:count" lines that are the user's, by name or number. */
static void find_range(const char *path, const char *name, u32 uid, u32 *first, u32 *count)
{
	struct buf text = BUF(RANGES_MAX);
	char number[16];
	snprintf(number, sizeof number, "%u", uid);
	if (file_read(path, RANGES_MAX, &text, NULL) < 0) {
		buf_free(&text);
		return;
	}
	for (struct str rest = buf_str(&text); rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n')), who = str_cut(&line, ':'), from = str_cut(&line, ':');
		u64 a, n;
		if (!(name && str_is(who, name)) && !str_is(who, number))
			continue;
		if (from.p && line.p && str_to_u64(from, &a) && str_to_u64(line, &n) && a < UINT32_MAX && n <= UINT32_MAX - a && n > *count) {
			*first = (u32)a;
			*count = (u32)n;
		}
	}
	buf_free(&text);
}

/* IDs of this process's own namespace as ranges; false: that one is none of them. */
static bool next_range(struct str *rest, u64 *first, u64 *count)
{
	while (rest->p && rest->n) {
		struct str line = str_trim(str_cut(rest, '\n')), inside = str_cut(&line, ' ');
		line = str_trim(line);
		while (str_chr(line, ' '))
			line = str_trim(str_from(line, (size_t)(str_chr(line, ' ') - line.p)));
		if (str_to_u64(inside, first) && str_to_u64(line, count) && *count)
			return true;
	}
	return false;
}

/* What of a range there is here: in a container /etc/subuid may promise IDs that it has not. */
static void clip(const char *map, u32 *first, u32 *count)
{
	struct buf own = BUF(MiB);
	u64 from, n, at = *first, end = at + *count, best = 0, best_at = 0;
	if (file_read(map, MiB, &own, NULL) == 0)
		for (struct str rest = buf_str(&own); next_range(&rest, &from, &n);) {
			u64 low = MAX(from, at), high = MIN(from + n, end);
			if (high > low && high - low > best) {
				best = high - low;
				best_at = low;
			}
		}
	*first = (u32)best_at;
	*count = (u32)best;
	buf_free(&own);
}

/* Root of a user namespace that knows nobody else (`unshare -r`). */
static bool alone(void)
{
	struct buf own = BUF(MiB);
	u64 first, count;
	bool is = file_read("/proc/self/gid_map", MiB, &own, NULL) == 0;
	struct str rest = buf_str(&own);
	is = is && next_range(&rest, &first, &count) && !first && count == 1 && !next_range(&rest, &first, &count);
	buf_free(&own);
	return is;
}

int run_ids_find(struct run_ids *ret, struct error *err)
{
	(void)err;
	*ret = (struct run_ids){ .uid = geteuid(), .gid = getegid() };
	ret->single = ret->uid == 0 && alone();
	ret->rootless = ret->uid != 0 || ret->single;
	if (!ret->rootless || ret->single)
		return 0;
	char room[4096];
	struct passwd pw, *found = NULL;
	const char *name = getpwuid_r(ret->uid, &pw, room, sizeof room, &found) == 0 && found ? pw.pw_name : NULL;
	struct buf path = BUF(0);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 && process_find("newuidmap", &path) && process_find("newgidmap", &path)) {
		find_range("/etc/subuid", name, ret->uid, &ret->uid_first, &ret->uid_count);
		find_range("/etc/subgid", name, ret->uid, &ret->gid_first, &ret->gid_count);
		clip("/proc/self/uid_map", &ret->uid_first, &ret->uid_count);
		clip("/proc/self/gid_map", &ret->gid_first, &ret->gid_count);
	}
	buf_free(&path);
	ret->single = !ret->uid_count || !ret->gid_count;
	if (ret->single)
		ret->uid_first = ret->gid_first = ret->uid_count = ret->gid_count = 0;
	return 0;
}

static int write_file(const char *path, struct str text)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -1 : file_write_all(fd, text.p, text.n);
}

/* Every ID that this process has is itself. In two lines where one would do: one line is what the first namespace of a machine looks like, and runtimes take it for that. */
static int map_as_is(pid_t pid, const char *what)
{
	char path[64];
	struct buf own = BUF(MiB), map = BUF(0);
	snprintf(path, sizeof path, "/proc/self/%s", what);
	int r = file_read(path, MiB, &own, NULL), lines = 0;
	u64 from, n;
	for (struct str rest = buf_str(&own); r == 0 && lines < MAP_LINES - 1 && next_range(&rest, &from, &n);) {
		if (!lines++ && n > 1) {
			buf_printf(&map, "%llu %llu 1\n", (unsigned long long)from, (unsigned long long)from);
			from++;
			n--;
		}
		buf_printf(&map, "%llu %llu %llu\n", (unsigned long long)from, (unsigned long long)from, (unsigned long long)n);
	}
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
	r = r < 0 ? r : write_file(path, buf_str(&map));
	buf_free(&own);
	buf_free(&map);
	return r;
}

static int map_by_helper(const char *program, pid_t pid, u32 own, u32 first, u32 count, struct error *err)
{
	char text[5][16];
	struct buf out = BUF(4096);
	snprintf(text[0], 16, "%d", (int)pid);
	snprintf(text[1], 16, "%u", own);
	snprintf(text[2], 16, "%u", first);
	snprintf(text[3], 16, "%u", count);
	const char *argv[] = { program, text[0], "0", text[1], "1", "1", text[2], text[3], NULL };
	int r = process_run(argv, &out, err);
	if (r > 0)
		r = error_set(err, ERR_ENV, "%s: %.*s", program, STR_FMT(str_trim(buf_str(&out))));
	buf_free(&out);
	return r;
}

static int map_one(pid_t pid, const struct run_ids *ids)
{
	char path[64], text[64];
	snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
	int r = write_file(path, STR("deny"));
	snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
	snprintf(text, sizeof text, "0 %u 1", ids->uid);
	r = r < 0 ? r : write_file(path, str_of(text));
	snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
	snprintf(text, sizeof text, "0 %u 1", ids->gid);
	return r < 0 ? r : write_file(path, str_of(text));
}

struct entered {
	int up[2], down[2];
	const struct run_ids *ids;
	int (*run)(void *ctx);
	void *ctx;
};

static int enter(void *ctx)
{
	struct entered *e = ctx;
	if (!e->ids->rootless && setpriority(PRIO_PROCESS, 0, -20) < 0) { /* who watches a fork bomb should get a turn; otherwise it takes longer */
	}
	int failed = unshare(CLONE_NEWUSER) < 0 ? errno : 0;
	char go = 0;
	close(e->up[0]);
	close(e->down[1]);
	if (write(e->up[1], &failed, sizeof failed) != (ssize_t)sizeof failed)
		return 1;
	if (read(e->down[0], &go, 1) != 1) /* the parent gave up */
		return 1;
	close(e->up[1]);
	close(e->down[0]);
	if (!failed && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return 1;
	return e->run(e->ctx);
}

static int map(pid_t pid, const struct run_ids *ids, struct error *err)
{
	if (!ids->rootless)
		return map_as_is(pid, "uid_map") < 0 || map_as_is(pid, "gid_map") < 0 ? error_errno(err, "user namespace") : 0;
	if (ids->single)
		return map_one(pid, ids) < 0 ? error_errno(err, "user namespace") : 0;
	if (map_by_helper("newuidmap", pid, ids->uid, ids->uid_first, ids->uid_count, err) < 0)
		return -1;
	return map_by_helper("newgidmap", pid, ids->gid, ids->gid_first, ids->gid_count, err);
}

int ids_fork(const struct run_ids *ids, int (*run)(void *ctx), void *ctx, pid_t *ret, struct error *err)
{
	struct entered e = { .ids = ids, .run = run, .ctx = ctx };
	int failed = 0;
	if (pipe2(e.up, O_CLOEXEC) < 0)
		return error_errno(err, "pipe");
	if (pipe2(e.down, O_CLOEXEC) < 0) {
		close(e.up[0]);
		close(e.up[1]);
		return error_errno(err, "pipe");
	}
	pid_t pid = process_fork(enter, &e);
	close(e.up[1]);
	close(e.down[0]);
	int r = pid < 0 ? error_errno(err, "fork") : 0;
	ssize_t n = -1;
	while (r == 0 && (n = read(e.up[0], &failed, sizeof failed)) < 0 && errno == EINTR) {
	}
	if (r == 0 && n != (ssize_t)sizeof failed)
		r = error_set(err, ERR_ENV, "a child ended unexpectedly");
	if (r == 0 && failed && ids->rootless) {
		errno = failed;
		r = error_errno(err, "no user namespace can be made here (kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns); "
				     "running as root works without that permission");
	}
	if (r == 0 && !failed)
		r = map(pid, ids, err);
	if (r == 0 && write(e.down[1], "g", 1) != 1)
		r = error_errno(err, "a child ended unexpectedly");
	close(e.up[0]);
	close(e.down[1]);
	if (r < 0 && pid > 0)
		process_wait(pid);
	else
		*ret = pid;
	return r;
}

struct done {
	int (*run)(void *ctx, int out, struct error *err);
	void *ctx;
	int fd, out;
	pid_t parent;
};

/* What other threads had open when this one forked: the end of somebody's pipe or socket, who would wait for us to close it. */
static void close_others(const struct done *d)
{
	struct stat st;
	DIR *all = opendir("/proc/self/fd");
	for (struct dirent *e; all && (e = readdir(all));) {
		u64 fd;
		if (str_to_u64(str_of(e->d_name), &fd) && fd > 2 && (int)fd != d->fd && (int)fd != d->out && fstat((int)fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
			close((int)fd);
	}
	if (all)
		closedir(all);
}

static int do_it(void *ctx)
{
	struct done *d = ctx;
	struct error err = { 0 };
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != d->parent) /* who asked is gone */
		return 1;
	close_others(d);
	if (d->run(d->ctx, d->out, &err) == 0)
		return 0;
	return file_write_all(d->fd, &err, sizeof err) < 0 ? 2 : 1;
}

/* What is read from its output by `take`. -1: that failed, and not because the other side ended first. */
static int take_all(int in, int (*take)(void *ctx, int in, struct error *err), void *ctx, struct error *err)
{
	if (take(ctx, in, err) == 0)
		return 0;
	struct pollfd p = { .fd = in };
	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP) ? 1 : -1;
}

int ids_do_with(const struct run_ids *ids, int (*run)(void *ctx, int out, struct error *err), int (*take)(void *ctx, int in, struct error *err), void *ctx, struct error *err)
{
	int ends[2], data[2] = { -1, -1 };
	pid_t pid;
	struct error told = { 0 }, taken = { 0 };
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, "pipe");
	if (take && pipe2(data, O_CLOEXEC) < 0) {
		close(ends[0]);
		close(ends[1]);
		return error_errno(err, "pipe");
	}
	struct done d = { run, ctx, ends[1], data[1], getpid() };
	int r = ids_fork(ids, do_it, &d, &pid, err), took = 0;
	close(ends[1]);
	if (take) {
		close(data[1]);
		took = r == 0 ? take_all(data[0], take, ctx, &taken) : 0;
		close(data[0]);
	}
	size_t have = 0;
	ssize_t n = 0;
	while (r == 0 && have < sizeof told && ((n = read(ends[0], (char *)&told + have, sizeof told - have)) > 0 || (n < 0 && errno == EINTR)))
		have += n > 0 ? (size_t)n : 0;
	close(ends[0]);
	if (r < 0)
		return -1;
	int status = process_wait(pid);
	if (took < 0 || (took > 0 && status == 0)) {
		*err = taken;
		return -1;
	}
	if (status == 0)
		return 0;
	told.text[sizeof told.text - 1] = '\0';
	return have == sizeof told ? error_set(err, told.kind, "%s", told.text) : error_set(err, ERR_ENV, "a child ended unexpectedly");
}

struct simple {
	int (*run)(void *ctx, struct error *err);
	void *ctx;
};

static int do_simple(void *ctx, int out, struct error *err)
{
	const struct simple *s = ctx;
	(void)out;
	return s->run(s->ctx, err);
}

int ids_do(const struct run_ids *ids, int (*run)(void *ctx, struct error *err), void *ctx, struct error *err)
{
	struct simple s = { run, ctx };
	return ids_do_with(ids, do_simple, NULL, &s, err);
}
