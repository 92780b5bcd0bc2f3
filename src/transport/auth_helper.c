/* Credential helpers: programs docker-credential-NAME that keep passwords elsewhere. */
#include "transport/auth.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static bool name_ok(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= '0' && name[i] <= '9') || ((name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z') || strchr("-_.", name[i])))
			return false;
	return n && n < 64 && name[0] != '.';
}

static s64 now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (s64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Its end: the status of waitpid(2), or -1 when it had to be killed. */
static int end_of(pid_t pid, s64 until)
{
	int status = -1;
	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			return got == pid ? status : -1;
		if (now_ms() >= until)
			break;
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return -1;
}

/* false: too much or too late. */
static bool listen_to(int fd, s64 until, struct buf *out)
{
	char piece[4096];
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		s64 left = until - now_ms();
		int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		ssize_t n = recv(fd, piece, sizeof piece, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		buf_add(out, str_n(piece, (size_t)n));
		if (out->over)
			return false;
	}
}

int auth_helper(const char *name, const char *verb, struct str input, struct buf *out, struct error *err)
{
	char program[96], arg[16];
	char *argv[] = { program, arg, NULL };
	int ends[2];
	pid_t pid;
	posix_spawn_file_actions_t files;
	if (!name_ok(name))
		return error_set(err, ERR_USAGE, "credential helper \"%.60s\": a name has letters, digits, '-', '_' and '.'", name);
	snprintf(program, sizeof program, "docker-credential-%s", name);
	snprintf(arg, sizeof arg, "%s", verb);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) /* no pipe: writing to one that is closed would be a signal */
		return error_errno(err, "%s", program);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[1], 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	int e = posix_spawnp(&pid, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	if (e) {
		close(ends[0]);
		errno = e;
		return error_errno(err, "%s", program);
	}
	s64 until = now_ms() + AUTH_HELPER_SECONDS * 1000;
	out->max = out->max ? out->max : AUTH_FILE_MAX;
	(void)!send(ends[0], input.p, input.n, MSG_NOSIGNAL);
	shutdown(ends[0], SHUT_WR);
	bool whole = listen_to(ends[0], until, out);
	close(ends[0]);
	int status = end_of(pid, whole ? until : 0);
	if (!whole || status == -1)
		return error_set(err, ERR_ENV, "%s: it took over %d seconds, or said too much", program, AUTH_HELPER_SECONDS);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		struct str why = str_trim(buf_str(out)); /* helpers say on standard output why they fail */
		return error_set(err, ERR_ENV, "%s %s: %.*s", program, verb, why.n ? (int)MIN(why.n, (size_t)200) : 9, why.n ? why.p : "it failed");
	}
	return 0;
}
