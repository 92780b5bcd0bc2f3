/* keeper.c — the first process of a box's PID namespace: sets the box up, starts what is asked for, ends what goes beyond its budget, and everything when nobody listens any more. */
#include "run/keeper.h"
#include "base/process.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK 100        /* ms between two looks at the budgets */
#define RUNTIME_MS 60000 /* that the runtime itself may take */
#define TOLD 4096        /* bytes of what it says */

u64 keeper_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

/* --- processes --- */
static struct process *container(struct keeper *k, u32 id)
{
	for (u32 i = 0; i < k->n; i++)
		if (!k->v[i].gone && !k->v[i].exec && k->v[i].id == id)
			return &k->v[i];
	return NULL;
}

static struct process *new_process(struct keeper *k)
{
	u32 i = 0;
	while (i < k->n && !k->v[i].gone)
		i++;
	if (i == k->n) {
		struct process none = { 0 };
		VEC_PUSH(k->v, k->n, k->cap, none);
	}
	k->v[i] = (struct process){ .tell = -1, .terminal = -1 };
	return &k->v[i];
}

static void tell(struct process *p, int status)
{
	struct ended e = { .status = status };
	memcpy(e.over, p->over, sizeof e.over);
	if (p->tell >= 0 && file_write_all(p->tell, &e, sizeof e) < 0) { /* nobody wants to know */
	}
	if (p->tell >= 0)
		close(p->tell);
	p->tell = -1;
	p->runs = false;
	if (p->exec)
		p->gone = true;
}

void process_over(struct process *p, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!p->over[0])
		vsnprintf(p->over, sizeof p->over, fmt, ap);
	va_end(ap);
	if (p->pid > 0)
		kill(p->pid, SIGKILL);
}

static void ended(struct keeper *k, struct process *p, int status)
{
	if (status == 128 + SIGXFSZ && k->limits.written != UINT64_MAX) /* else it is a limit of its own */
		process_over(p, "%llu bytes written", (unsigned long long)k->limits.written);
	if (p->init > 0) /* with which everything ends that it left behind */
		kill(p->init, SIGKILL);
	p->init = 0;
	tell(p, status);
}

/* Takes the status of whatever ended; *status of `wanted` (0: nobody), true when it was among them. */
static bool reap(struct keeper *k, pid_t wanted, int *status)
{
	bool found = false;
	int s;
	pid_t pid;
	while ((pid = waitpid(-1, &s, WNOHANG)) > 0) {
		int st = WIFEXITED(s) ? WEXITSTATUS(s) : 128 + WTERMSIG(s);
		if (pid == wanted) {
			*status = st;
			found = true;
			continue;
		}
		bool known = false;
		for (u32 i = 0; i < k->n && !known; i++)
			if (k->v[i].runs && k->v[i].pid == pid) {
				ended(k, &k->v[i], st);
				known = true;
			}
		if (!known) {
			u32 at = k->n_reaped++ % countof(k->reaped);
			k->reaped[at].pid = pid;
			k->reaped[at].status = st;
		}
	}
	return found;
}

static bool anything_runs(const struct keeper *k)
{
	for (u32 i = 0; i < k->n; i++)
		if (k->v[i].runs && !k->v[i].gone)
			return true;
	return false;
}

/* Waits for something to happen; false: the other side is gone. `listen`: a message counts as something. */
static bool wait_some(struct keeper *k, bool listen, int ms, bool *message)
{
	struct pollfd p[2] = { { .fd = k->sock, .events = (short)(listen ? POLLIN : 0) | POLLRDHUP }, { .fd = k->signals, .events = POLLIN } };
	int r = poll(p, 2, ms);
	struct signalfd_siginfo si[8];
	if (r > 0 && (p[1].revents & POLLIN) && read(k->signals, si, sizeof si) < 0) { /* what matters is that it woke us */
	}
	if (message)
		*message = r > 0 && (p[0].revents & POLLIN);
	return r <= 0 || !(p[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) || (p[0].revents & POLLIN && listen);
}

/* --- the end --- */
/* Everything else in the namespace is killed, the mounts go, the directory too. What cannot go now goes with the next run, which has no mounts in it. */
static int finish(struct keeper *k)
{
	char path[4096];
	bool mounted = false;
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0) {
	}
	for (u32 i = 0; i < k->n; i++)
		if (!k->v[i].exec && !k->v[i].gone && k->v[i].mounted) {
			snprintf(path, sizeof path, "%s/c%u/root", k->dir, k->v[i].id);
			mounted |= umount2(path, MNT_DETACH) < 0;
		}
	snprintf(path, sizeof path, "%s/mem", k->dir);
	mounted |= umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT; /* EINVAL: it never was */
	if (!mounted && k->stage >= 0 && clean_below(k->stage) == 0)
		rmdir(k->dir);
	return 0;
}

/* --- the runtime --- */
/* crun looks at cgroups even where it is told to make none, and refuses those of both versions at once. */
static int for_crun(const struct keeper *k, struct error *err)
{
	if (k->is_crun[k->at] && access("/sys/fs/cgroup/unified", F_OK) == 0 && mount("none", "/sys/fs/cgroup", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k") < 0)
		return error_errno(err, "/sys/fs/cgroup");
	return 0;
}

/* Runs it to its end; what it says on its standard error into `told`. in, out, err: what the program gets, or -1. */
static int runtime(struct keeper *k, const char *const *argv, const int io[3], bool *lost, struct buf *told)
{
	int said[2], status = -1;
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	*lost = false;
	if (null < 0 || pipe2(said, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	/* The runtime's own complaints go where its log goes: the program's standard error is the program's. */
	pid_t pid = process_spawn(argv[0], argv, NULL, (const int[3]){ io && io[0] >= 0 ? io[0] : null, io && io[1] >= 0 ? io[1] : null, io && io[2] >= 0 ? io[2] : said[1] });
	close(said[1]);
	u64 until = keeper_now() + RUNTIME_MS;
	while (pid > 0 && !reap(k, pid, &status)) {
		if (!wait_some(k, false, TICK, NULL)) {
			*lost = true;
			break;
		}
		budget_look(k);
		if (keeper_now() > until) {
			kill(pid, SIGKILL);
			buf_puts(told, "it does not answer");
			until = UINT64_MAX;
		}
	}
	char text[TOLD];
	ssize_t n;
	while ((n = read(said[0], text, sizeof text)) > 0)
		buf_add(told, str_n(text, (size_t)n));
	close(said[0]);
	return pid < 0 ? -1 : status;
}

/* The last line of the runtime's log, or what it said, without its decoration. */
static int complain(const struct keeper *k, const char *log, struct buf *told, struct error *err)
{
	struct buf text = BUF(MiB);
	if (file_read(log, MiB, &text, NULL) == 0 && text.n) {
		struct str rest = buf_str(&text), line = { 0 };
		while (rest.p) {
			struct str l = str_trim(str_cut(&rest, '\n'));
			if (str_contains(l, STR("\"error\"")) || !line.n)
				line = l.n ? l : line;
		}
		struct error none = { 0 };
		autojson json_t *j = json_read(line, "log", &none);
		struct str msg = j ? json_view(j, "msg") : line;
		if (msg.n) {
			buf_clear(told);
			buf_add(told, msg);
		}
	}
	buf_free(&text);
	/* That the program cannot be started is what it does, as in a shell, and accounts that nobody can read are the image's: no failure of ours. */
	static const char *const theirs[] = { "unable to start container process: exec: ", "executable", "unable to find user ", "unable to find groups " };
	bool program = false;
	for (size_t i = 0; i < countof(theirs); i++)
		program |= str_contains(buf_str(told), str_of(theirs[i]));
	if (!told->n)
		buf_puts(told, "gives no reason");
	return error_set(err, program ? ERR_INPUT : ERR_ENV, "%.100s: %.700s", str_base(str_of(k->runtime[k->at])).p, buf_str(told).p);
}

struct call {
	char log[4096], pid_file[4096], state[4096];
	const char *argv[24];
	u32 n;
};

static void call_begin(const struct keeper *k, struct call *c, const char *what)
{
	snprintf(c->log, sizeof c->log, "%s/mem/log", k->dir);
	snprintf(c->pid_file, sizeof c->pid_file, "%s/mem/pid", k->dir);
	snprintf(c->state, sizeof c->state, "%s/mem/state", k->dir);
	unlink(c->log);
	unlink(c->pid_file);
	const char *const base[] = { k->runtime[k->at], "--root", c->state, "--log", c->log, "--log-format", "json" };
	memcpy(c->argv, base, sizeof base);
	c->n = countof(base);
	c->argv[c->n++] = k->is_crun[k->at] ? "--cgroup-manager=disabled" : "--rootless=true"; /* no cgroups: what cannot be made is not missed */
	c->argv[c->n++] = what;
}

static int read_pid(const char *path, pid_t *ret)
{
	struct buf text = BUF(64);
	u64 v = 0;
	int r = file_read(path, 64, &text, NULL) == 0 && str_to_u64(str_trim(buf_str(&text)), &v) && v ? 0 : -1;
	buf_free(&text);
	*ret = (pid_t)v;
	return r;
}

/* It runs, unless it ended while we were not looking. */
static void runs(struct keeper *k, struct process *p, pid_t pid)
{
	p->pid = pid;
	p->runs = true;
	for (u32 i = 0; i < MIN(k->n_reaped, (u32)countof(k->reaped)); i++)
		if (k->reaped[i].pid == pid) {
			ended(k, p, k->reaped[i].status);
			return;
		}
}

static int create(struct keeper *k, struct process *p, const int io[3], bool *lost, struct error *err)
{
	char bundle[4096], at[TERMINAL_PATH];
	struct call c;
	struct buf told = BUF(TOLD);
	pid_t pid = 0;
	snprintf(bundle, sizeof bundle, "%s/mem/c%u", k->dir, p->id);
	snprintf(p->name, sizeof p->name, "pare%u", k->bundles++);
	call_begin(k, &c, p->build ? "run" : "create");
	if (p->build)
		c.argv[c.n++] = "--detach"; /* at once: half a start is for those who look at what is to start */
	bool terminal = json_is_true(json_object_get(p->spec, "terminal"));
	autofd int listener = terminal ? terminal_listen(k, at, err) : -1;
	if (terminal && listener < 0)
		return -1;
	if (terminal) {
		c.argv[c.n++] = "--console-socket";
		c.argv[c.n++] = at;
	}
	const char *const rest[] = { "--bundle", bundle, "--pid-file", c.pid_file, p->name, NULL };
	memcpy(&c.argv[c.n], rest, sizeof rest);
	k->n_reaped = 0;
	int status = runtime(k, c.argv, io, lost, &told);
	int r = status != 0 || read_pid(c.pid_file, &pid) < 0 ? complain(k, c.log, &told, err) : 0;
	if (r == 0 && terminal && (p->terminal = terminal_take(listener, p->spec)) < 0) {
		kill(pid, SIGKILL);
		r = error_set(err, ERR_ENV, "%.100s: it made no terminal", str_base(str_of(k->runtime[k->at])).p);
	}
	if (r == 0 && !*lost) {
		u64 now = keeper_now();
		p->deadline = now + (u64)k->limits.seconds * 1000;
		p->next_look = now + 250;
		runs(k, p, pid);
	}
	if (r == 0 && !*lost && !p->build) {
		call_begin(k, &c, "start");
		c.argv[c.n++] = p->name;
		c.argv[c.n] = NULL;
		buf_clear(&told);
		status = runtime(k, c.argv, NULL, lost, &told);
		if (status != 0 && !p->over[0]) { /* the program cannot be started: its status is what a shell's would be, which the runtime told before */
			r = complain(k, c.log, &told, err);
			kill(pid, SIGKILL);
		}
	}
	buf_free(&told);
	return r;
}

/* While nothing was ever started here, what one runtime cannot do another may. */
static int start(struct keeper *k, struct process *p, const int io[3], bool *lost, struct error *err)
{
	struct arena a = { 0 };
	const char *arch = json_text(json_obj(p->spec, "build"), "arch");
	if (arch && emulate(k, arch, err) < 0)
		return -1;
	if (!p->build && k->config && emulate(k, k->config->platform.arch, &(struct error){ 0 }) < 0) { /* what an image says of itself need not be true: the runtime will tell */
	}
	if (!p->mounted && overlay_mount(k, p->id, places_root(&a, json_obj(p->spec, "build")), err) < 0) {
		arena_free(&a);
		return -1;
	}
	arena_free(&a);
	p->mounted = true;
	if (bundle_write(k, p, err) < 0)
		return -1;
	int r = create(k, p, io, lost, err);
	if (r < 0 && p->build && !k->no_seccomp && !*lost && !p->runs && strstr(err->text, "seccomp") && bundle_without_seccomp(k, p) == 0) {
		k->no_seccomp = true;
		r = create(k, p, io, lost, err);
	}
	if (r < 0 && err->kind == ERR_ENV && !k->proved && !*lost && k->runtime[1 - k->at]) {
		struct error first = *err, second = { 0 };
		if (p->runs)
			kill(p->pid, SIGKILL);
		k->at = 1 - k->at;
		r = for_crun(k, &second);
		r = r < 0 ? r : create(k, p, io, lost, &second);
		if (r < 0 && second.kind == ERR_ENV)
			error_set(err, ERR_ENV, "%.480s; %.480s", first.text, second.text);
		else if (r < 0)
			*err = second;
	}
	k->proved |= r == 0 || err->kind == ERR_INPUT;
	return r;
}

static int execute(struct keeper *k, struct process *p, const struct process *in, const int io[3], bool *lost, struct error *err)
{
	char path[4096];
	struct call c;
	struct buf told = BUF(TOLD);
	pid_t pid = 0;
	json_t *j = bundle_process(k, p->id, p->spec, in->spec, err);
	if (!j)
		return -1;
	snprintf(path, sizeof path, "%s/mem/process.json", k->dir);
	int r = json_dump_file(j, path, JSON_COMPACT) < 0 ? error_errno(err, "%s", path) : 0;
	json_decref(j);
	call_begin(k, &c, "exec");
	const char *const rest[] = { "--detach", "--process", path, "--pid-file", c.pid_file, in->name, NULL };
	memcpy(&c.argv[c.n], rest, sizeof rest);
	k->n_reaped = 0;
	int status = r < 0 ? 0 : runtime(k, c.argv, io, lost, &told);
	if (r == 0 && (status != 0 || read_pid(c.pid_file, &pid) < 0))
		r = complain(k, c.log, &told, err);
	if (r == 0) {
		p->deadline = keeper_now() + (u64)k->limits.seconds * 1000;
		runs(k, p, pid);
	}
	buf_free(&told);
	return r;
}

static void forget_state(struct keeper *k, const struct process *p)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/mem/state/%s", k->dir, p->name);
	int fd = p->name[0] ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	if (clean_below(fd) == 0)
		rmdir(path);
	close(fd);
}

/* Kills it and waits for its end: with its first process goes all of its namespace. */
static bool stop(struct keeper *k, struct process *p)
{
	while (p->runs) {
		kill(p->pid, SIGKILL);
		int none;
		reap(k, 0, &none);
		if (p->runs && !wait_some(k, false, TICK, NULL))
			return false;
	}
	return true;
}

/* --- requests --- */
/* The image has no such program, or no such user: it ends as in a shell, 127 or 126, with the reason on its standard error. */
static void cannot_start(struct process *p, int fd, const struct error *err)
{
	bool said = strstr(err->text, "exec") != NULL, found = !said || strcasestr(err->text, "permission denied") || strstr(err->text, "format error");
	if (!said && (file_write_all(fd, err->text, strlen(err->text)) < 0 || file_write_all(fd, "\n", 1) < 0)) { /* nobody wants to know */
	}
	tell(p, found ? 126 : 127);
}

static int on_start(struct keeper *k, const json_t *j, int *fds, u32 n, json_t *reply, int give[2], bool *lost, struct error *err)
{
	u64 id = 0;
	bool exec = str_is(json_view(j, "op"), "exec"), again = json_is_true(json_object_get(j, "again"));
	if (!json_u64(j, "id", &id) || n < 4)
		return error_set(err, ERR_ENV, "keeper: a request that is none");
	u32 at = 0; /* pointers move when there are more */
	struct process *c = container(k, (u32)id), *p;
	if ((exec || again) && !c)
		return error_set(err, ERR_ENV, "the container is gone");
	if (exec ? !c->runs : again && c->runs)
		return error_set(err, ERR_ENV, exec ? "the container has ended" : "the container runs still");
	if (again) {
		forget_state(k, c);
		p = c;
		p->over[0] = '\0';
	} else {
		p = new_process(k);
		p->id = (u32)id;
		p->exec = exec;
		p->spec = json_deep_copy(json_obj(j, "spec"));
		p->build = !exec && json_obj(p->spec, "build");
	}
	if (!exec && !p->build && !k->tree)
		return error_set(err, ERR_ENV, "keeper: a container without a tree");
	p->content = n > 4 ? fds[4] : -1;
	at = (u32)(p - k->v);
	p->tell = fds[3];
	int r = exec ? execute(k, p, container(k, (u32)id), fds, lost, err) : start(k, p, fds, lost, err);
	p = &k->v[at];
	give[1] = p->terminal;
	p->terminal = -1;
	if (r < 0) {
		if (give[1] >= 0)
			close(give[1]);
		give[1] = -1;
		if (p->tell < 0) /* closed already */
			fds[3] = -1;
		else if (err->kind == ERR_INPUT && !p->refused) {
			cannot_start(p, fds[2], err);
			fds[3] = -1;
			return 0;
		}
		p->tell = -1;
		if (p->runs)
			stop(k, p);
		p->gone |= exec;
		return -1;
	}
	fds[3] = -1; /* tell() closes it */
	if (!exec && p->runs)
		give[0] = (int)syscall(SYS_pidfd_open, p->pid, 0);
	json_object_set_new(reply, "terminal", json_boolean(give[1] >= 0));
	json_object_set_new(reply, "runtime", json_integer(k->at));
	json_object_set_new(reply, "pid", json_integer(p->pid));
	if (p->build) {
		json_t *made = json_array();
		for (u32 i = 0; i < p->n_made; i++)
			json_array_append_new(made, json_string(p->made[i]));
		json_object_set_new(reply, "made", made);
	}
	return 0;
}

static int on_request(struct keeper *k, const json_t *j, int *fds, u32 n, json_t *reply, int give[2], bool *lost, struct error *err)
{
	struct str op = json_view(j, "op");
	u64 id = 0, a = 0, b = 0;
	if (str_is(op, "start") || str_is(op, "exec"))
		return on_start(k, j, fds, n, reply, give, lost, err);
	if (str_is(op, "ports")) {
		ports_tell(k, reply);
		return 0;
	}
	if (str_is(op, "socket")) {
		if (!json_u64(j, "domain", &a) || !json_u64(j, "type", &b) || (give[0] = socket((int)a, (int)b | SOCK_CLOEXEC, 0)) < 0)
			return error_errno(err, "socket");
		return 0;
	}
	struct process *c = json_u64(j, "id", &id) ? container(k, (u32)id) : NULL;
	if (!c)
		return error_set(err, ERR_ENV, "the container is gone");
	if (str_is(op, "signal")) {
		if (!json_u64(j, "signal", &a) || !c->runs || kill(c->pid, (int)a) < 0)
			return c->runs ? error_errno(err, "signal") : error_set(err, ERR_ENV, "the container has ended");
	} else if (str_is(op, "busy")) {
		struct counted sum = { 0 };
		if (c->runs)
			budget_count(c->pid, &sum);
		json_object_set_new(reply, "us", json_integer((json_int_t)sum.us));
		json_object_set_new(reply, "processes", json_integer(sum.processes));
	} else if (str_is(op, "written")) {
		if ((give[0] = memfd_create("written", MFD_CLOEXEC)) < 0)
			return error_errno(err, "what was written");
		return overlay_written(k, c, give[0], err);
	} else if (str_is(op, "remove")) {
		*lost = !stop(k, c);
		for (u32 i = 0; i < k->n; i++)
			if (k->v[i].exec && !k->v[i].gone && k->v[i].id == c->id)
				*lost |= !stop(k, &k->v[i]);
		forget_state(k, c);
		if (places_close(k, c))
			overlay_remove(k, c->id);
		for (u32 i = 0; i < c->n_made; i++)
			free(c->made[i]);
		free(c->made);
		json_decref(c->spec);
		*c = (struct process){ .gone = true, .tell = -1, .terminal = -1 };
	} else {
		return error_set(err, ERR_ENV, "keeper: a request that is none");
	}
	return 0;
}

static int answer(struct keeper *k, int r, json_t *reply, const int give[2], const struct error *err)
{
	int fds[2];
	u32 n = 0;
	for (u32 i = 0; give && i < 2; i++)
		if (give[i] >= 0)
			fds[n++] = give[i];
	if (r < 0) {
		json_object_clear(reply);
		struct str text = str_of(err->text);
		json_t *t = json_stringn(text.p, text.n);
		json_object_set_new(reply, "error", t ? t : json_string("an error that is no text"));
		json_object_set_new(reply, "kind", json_integer(err->kind));
	}
	int sent = keeper_send(k->sock, reply, fds, r == 0 ? n : 0);
	for (u32 i = 0; i < n; i++)
		close(fds[i]);
	json_decref(reply);
	return sent;
}

static int serve(struct keeper *k)
{
	bool lost = false;
	while (!lost) {
		bool message = false;
		int none;
		if (!wait_some(k, true, anything_runs(k) ? TICK : -1, &message))
			break;
		reap(k, 0, &none);
		budget_look(k);
		if (!message)
			continue;
		struct error err = { 0 };
		json_t *j = NULL;
		int fds[MESSAGE_FDS] = { -1, -1, -1, -1, -1 }, give[2] = { -1, -1 };
		u32 n = 0;
		if (keeper_receive(k->sock, &j, fds, &n, &err) <= 0)
			break;
		json_t *reply = json_object();
		int r = on_request(k, j, fds, n, reply, give, &lost, &err);
		for (u32 i = 0; i < n; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		json_decref(j);
		if (answer(k, r, reply, give, &err) < 0)
			break;
	}
	return finish(k);
}

/* --- setting up --- */
/* Whoever finds a way out of a container (by something that a runtime has left open) finds a machine that he cannot write to, but for the store. */
static int only_store(const struct keeper *k, struct error *err)
{
	char store[4096];
	struct {
		u64 set, clear, propagation, userns;
	} set = { 1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0 }, clear = { 0, 1, 0, 0 };
	snprintf(store, sizeof store, "%s", k->dir); /* STORE/run/box-… */
	for (u32 i = 0; i < 2 && strrchr(store, '/'); i++)
		*strrchr(store, '/') = '\0';
	if (mount(store, store, NULL, MS_BIND | MS_REC, NULL) < 0 || syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &set, sizeof set) < 0)
		return error_errno(err, "%s", store);
	if (syscall(SYS_mount_setattr, AT_FDCWD, store, AT_RECURSIVE, &clear, sizeof clear) < 0 && syscall(SYS_mount_setattr, AT_FDCWD, store, 0, &clear, sizeof clear) < 0)
		return error_errno(err, "%s", store); /* something below it may be read-only for good */
	return 0;
}

static int mounts(const struct keeper *k, struct error *err)
{
	if (mounts_private(err) < 0 || only_store(k, err) < 0)
		return -1;
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return error_errno(err, "/proc cannot be mounted here (in a container it takes an engine's --privileged, or its unmasked /proc)");
	/* Read-only, so that no cgroup is made by anybody in here. */
	struct {
		u64 set, clear, propagation, userns;
	} attr = { 1 /* MOUNT_ATTR_RDONLY */, 0, 0, 0 };
	if (mount("/sys", "/sys", NULL, MS_BIND | MS_REC, NULL) < 0 || syscall(SYS_mount_setattr, AT_FDCWD, "/sys", AT_RECURSIVE, &attr, sizeof attr) < 0)
		return error_errno(err, "/sys");
	return for_crun(k, err);
}

int keeper_loopback(struct error *err)
{
	autofd int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	return s < 0 || ioctl(s, SIOCSIFFLAGS, &r) < 0 ? error_errno(err, "loopback") : 0;
}

/* Nothing of the caller's but these two. */
static void keep_only(int a, int b)
{
	process_close_others(a, b);
	int null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
}

/* A namespace has its own highest PID since Linux 6.14; before, it is the machine's, which is not for us to change. Root is held by no limit on processes: then only by the looks at them. */
static void limit_pids(u32 n)
{
	struct utsname u;
	unsigned major = 0, minor = 0;
	char text[16];
	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2 || major < 6 || (major == 6 && minor < 14))
		return;
	snprintf(text, sizeof text, "%u", MAX(n, 400u) + 100); /* the first 300 are passed over after the first turn */
	autofd int fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && file_write_all(fd, text, strlen(text)) < 0) { /* then without */
	}
}

/* The first process of the PID namespace. */
static int inside(void *ctx)
{
	struct keeper *k = ctx;
	struct error err = { 0 };
	sigset_t set;
	struct rlimit files;
	char path[4096];
	prctl(PR_SET_NAME, "pare-keeper");
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would wait for the end of what is in here */
	umask(022);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	int r = (k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0 ? error_errno(&err, "signals") : 0;
	if (r == 0 && unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (k->host_network ? 0 : CLONE_NEWNET)) < 0)
		r = error_errno(&err, "namespaces");
	r = r < 0 ? r : mounts(k, &err);
	if (r == 0 && k->limits.processes != UINT32_MAX)
		limit_pids(k->limits.processes + 300);
	r = r < 0 || k->host_network ? r : keeper_loopback(&err);
	snprintf(path, sizeof path, "%s/mem", k->dir);
	if (r == 0 && (mkdir(path, 0700) < 0 || mount("tmpfs", path, "tmpfs", MS_NODEV | MS_NOSUID, "mode=700") < 0))
		r = error_errno(&err, "%s", path);
	snprintf(path, sizeof path, "%s/mem/state", k->dir);
	if (r == 0 && mkdir(path, 0700) < 0)
		r = error_errno(&err, "%s", path);
	r = r < 0 || !k->n_hide ? r : overlay_hide(k, &err);
	if (answer(k, r, json_object(), NULL, &err) < 0 || r < 0)
		return finish(k);
	return serve(k);
}

/* Of what this process starts; where there are no such namespaces they stay. The time of day is no namespace's. */
static void shift_clocks(void)
{
	static const char later[] = "monotonic 8640123 456789012\nboottime 8640123 456789012\n";
	if (unshare(CLONE_NEWTIME) < 0)
		return;
	autofd int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, later, sizeof later - 1) < 0) { /* then they are in one that is as the first */
	}
}

/* Its parent, who only waits: with the first process gone the kernel has ended all the others when that returns. */
int keeper_run(void *ctx)
{
	struct keeper *k = ctx;
	char text[64];
	struct error err = { 0 };
	setsid();
	keep_only(k->sock, k->stage);
	ssize_t n = readlink("/proc/self/ns/user", text, sizeof text - 1);
	text[MAX(n, 0)] = '\0';
	k->userns = strcmp(text, k->user_ns) != 0;
	if (k->later)
		shift_clocks();
	unsetenv("NOTIFY_SOCKET"); /* which runtimes would hand on */
	unsetenv("LISTEN_FDS");
	pid_t pid = unshare(CLONE_NEWPID) < 0 ? -1 : process_fork(inside, k);
	if (pid < 0) {
		error_errno(&err, "PID namespace");
		if (answer(k, -1, json_object(), NULL, &err) < 0) { /* nobody is there */
		}
		return 1;
	}
	close(k->sock);
	return process_wait(pid) == 0 ? 0 : 1;
}
