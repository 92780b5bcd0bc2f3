#include "base/process.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void plain_signals(void)
{
	sigset_t none;
	for (int s = 1; s < NSIG; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* While it forks no signal may run the parent's handlers in the child: they would remove the parent's files. */
static pid_t quiet_fork(int namespaces)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = namespaces ? (pid_t)syscall(SYS_clone, (unsigned long)namespaces | SIGCHLD, 0, 0, 0, 0) : fork();
	int e = errno;
	if (pid == 0)
		plain_signals();
	else
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = e;
	return pid;
}

pid_t process_fork_apart(int namespaces, int (*run)(void *ctx), void *ctx)
{
	pid_t pid = quiet_fork(namespaces);
	if (pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		_exit(run(ctx));
	}
	return pid;
}

pid_t process_fork(int (*run)(void *ctx), void *ctx) { return process_fork_apart(0, run, ctx); }

static bool among(const char *pair, const char *const *v)
{
	size_t n = strcspn(pair, "=") + 1;
	while (v && *v && strncmp(*v, pair, n) != 0)
		v++;
	return v && *v;
}

/* This process's environment, `more` in front of it. */
static const char **environment(const char *const *more)
{
	size_t n = 0, k = 0;
	for (char **e = environ; e && *e; e++)
		n++;
	for (const char *const *e = more; e && *e; e++)
		n++;
	const char **all = xcalloc(n + 1, sizeof *all);
	for (const char *const *e = more; e && *e; e++)
		all[k++] = *e;
	for (char **e = environ; e && *e; e++)
		if (!among(*e, more))
			all[k++] = *e;
	return all;
}

pid_t process_spawn(const char *path, const char *const *argv, const char *const *env, const int fds[3])
{
	const char **all = environment(env);
	pid_t parent = getpid(), pid = quiet_fork(0);
	if (pid != 0) {
		free(all);
		return pid;
	}
	int own[3];
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(127);
	if (getpriority(PRIO_PROCESS, 0) < 0)
		setpriority(PRIO_PROCESS, 0, 0);
	for (int i = 0; i < 3; i++)
		if ((own[i] = fcntl(fds[i], F_DUPFD, 3)) < 0)
			_exit(127);
	for (int i = 0; i < 3; i++)
		if (dup2(own[i], i) < 0)
			_exit(127);
	if (syscall(SYS_close_range, 3u, ~0u, 0u) < 0)
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
	execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)all);
	_exit(127);
}

void process_close_others(int a, int b)
{
	int low = MIN(a, b), high = MAX(a, b);
	if (low > 3)
		syscall(SYS_close_range, 3u, (unsigned)low - 1, 0u);
	if (high > low + 1)
		syscall(SYS_close_range, (unsigned)low + 1, (unsigned)high - 1, 0u);
	syscall(SYS_close_range, (unsigned)high + 1, ~0u, 0u);
}

int process_wait(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool there(struct buf *out, struct str dir, const char *name)
{
	buf_clear(out);
	buf_add(out, dir);
	buf_printf(out, "/%s", name);
	return dir.n && access(buf_str(out).p, X_OK) == 0;
}

bool process_find(const char *name, struct buf *out)
{
	const char *path = getenv("PATH");
	buf_clear(out);
	if (strchr(name, '/')) {
		buf_puts(out, name);
		return access(name, X_OK) == 0;
	}
	for (struct str rest = str_of(path ? path : ""); rest.p;)
		if (there(out, str_cut(&rest, ':'), name))
			return true;
	for (struct str rest = STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"); rest.p;)
		if (there(out, str_cut(&rest, ':'), name))
			return true;
	return false;
}

int process_run(const char *const *argv, struct buf *out, struct error *err) { return process_run_with(argv, NULL, out, err); }

int process_run_with(const char *const *argv, const char *const *env, struct buf *out, struct error *err)
{
	struct buf path = BUF(0);
	int ends[2];
	if (!process_find(argv[0], &path)) {
		buf_free(&path);
		return error_set(err, ERR_ENV, "%s: no such program here", argv[0]);
	}
	autofd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		buf_free(&path);
		return error_errno(err, "%s", argv[0]);
	}
	pid_t pid = process_spawn(path.p, argv, env, (const int[3]){ null, ends[1], ends[1] });
	close(ends[1]);
	buf_free(&path);
	char piece[4096];
	ssize_t n;
	while (pid > 0 && ((n = read(ends[0], piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0 && out)
			buf_add(out, str_n(piece, (size_t)n));
	close(ends[0]);
	int status = pid < 0 ? -1 : process_wait(pid);
	return status < 0 ? error_errno(err, "%s", argv[0]) : status;
}
