/* Credential helpers: programs docker-credential-NAME that keep passwords elsewhere. */
#include "base/json.h"
#include "base/text.h"
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

#define COMPLAINT_MAX ((size_t)240) /* of its standard error */
#define WORD_MAX 24u                /* longer ones may be tokens */

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

/* false: too much or too late. Of `complaints` what has room is kept, the rest is read and dropped. */
static bool listen_to(int answers, int complaints, s64 until, struct buf *out, struct buf *said)
{
	struct pollfd p[2] = { { .fd = answers, .events = POLLIN }, { .fd = complaints, .events = POLLIN } };
	struct buf *to[2] = { out, said };
	char piece[4096];
	while (p[0].fd >= 0) { /* what it started may keep its standard error open for ever */
		s64 left = until - now_ms();
		int ready = left > 0 ? poll(p, 2, (int)left) : 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		for (int i = 0; i < 2; i++) {
			ssize_t n = p[i].fd >= 0 && p[i].revents ? recv(p[i].fd, piece, sizeof piece, 0) : -1;
			if (n > 0)
				buf_add(to[i], str_n(piece, i ? MIN((size_t)n, COMPLAINT_MAX - MIN(said->n, COMPLAINT_MAX)) : (size_t)n));
			else if (p[i].revents && !(n < 0 && errno == EINTR))
				p[i].fd = -1; /* poll() passes over it */
		}
		if (out->over)
			return false;
	}
	return true;
}

/* The first line of its standard error, fit to be shown. "": there is none, or it may hold what it was given or what it keeps: a document, the secret, a word as long as a token. */
static void complaint(struct str said, struct str input, struct buf *out)
{
	autojson json_t *given = json_read_limit(input, AUTH_FILE_MAX, "", NULL);
	struct str secret = json_view(given, "Secret"), line = str_cut(&said, '\n');
	line = str_trim(line);
	bool bad = str_chr(line, '{') || (secret.n && str_find(line, secret));
	for (size_t i = 0, run = 0; i < line.n; i++) {
		run = (line.p[i] >= '0' && line.p[i] <= '9') || ((line.p[i] | 0x20) >= 'a' && (line.p[i] | 0x20) <= 'z') || strchr("+=_-", line.p[i]) ? run + 1 : 0;
		bad = bad || run > WORD_MAX;
	}
	if (!bad && line.n)
		text_safe(out, line);
}

int auth_helper(const char *name, const char *verb, struct str input, struct buf *out, struct error *err)
{
	char program[96], arg[16];
	char *argv[] = { program, arg, NULL };
	int ends[2], errs[2];
	pid_t pid;
	posix_spawn_file_actions_t files;
	if (!name_ok(name))
		return error_set(err, ERR_USAGE, "credential helper \"%.60s\": a name has letters, digits, '-', '_' and '.'", name);
	snprintf(program, sizeof program, "docker-credential-%s", name);
	snprintf(arg, sizeof arg, "%s", verb);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) /* no pipe: writing to one that is closed would be a signal */
		return error_errno(err, "%s", program);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, errs) < 0) {
		error_errno(err, "%s", program);
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, ends[1], 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], 1);
	posix_spawn_file_actions_adddup2(&files, errs[1], 2);
	int e = posix_spawnp(&pid, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	close(errs[1]);
	if (e) {
		close(ends[0]);
		close(errs[0]);
		errno = e;
		return error_errno(err, "%s", program);
	}
	s64 until = now_ms() + AUTH_HELPER_SECONDS * 1000;
	out->max = out->max ? out->max : AUTH_FILE_MAX;
	(void)!send(ends[0], input.p, input.n, MSG_NOSIGNAL);
	shutdown(ends[0], SHUT_WR);
	struct buf said = BUF(COMPLAINT_MAX + 1), why = BUF(0);
	bool whole = listen_to(ends[0], errs[0], until, out, &said);
	close(ends[0]);
	close(errs[0]);
	int status = end_of(pid, whole ? until : 0), r = 0;
	complaint(buf_str(&said), input, &why); /* of its standard output, where it answers with secrets, nothing is ever quoted */
	if (!whole || status == -1)
		r = error_set(err, ERR_ENV, "%s %s: it took over %d seconds, or said too much", program, verb, AUTH_HELPER_SECONDS);
	else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		r = error_set(err, ERR_ENV, "%s %s: it ended with %s %d%s%s", program, verb, WIFEXITED(status) ? "status" : "signal", WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
			      why.n ? ": " : "", why.n ? why.p : "");
	buf_free(&said);
	buf_free(&why);
	return r;
}
