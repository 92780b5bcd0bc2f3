/* relay.c — a socket of the container's own that leads to one of this machine (an ssh agent's), in a process of its own: its owner and rights are what the step asks for, whoever the other one belongs to. */
#include "base/process.h"
#include "run/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLERS 32u /* at once */

struct relay {
	int listener, to; /* to: the socket's file, O_PATH */
	int caller;
};

/* A path that may be longer than an address: by its descriptor. */
static struct sockaddr_un address(int fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d%s%s", fd, name[0] ? "/" : "", name);
	return a;
}

static bool pass(int from, int to)
{
	char piece[16 * KiB];
	ssize_t n = read(from, piece, sizeof piece);
	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && file_write_all(to, piece, (size_t)n) == 0;
}

static int serve_one(void *ctx)
{
	const struct relay *r = ctx;
	struct sockaddr_un a = address(r->to, "");
	close(r->listener);
	int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (agent < 0 || connect(agent, (const struct sockaddr *)&a, sizeof a) < 0)
		return 1;
	for (;;) {
		struct pollfd p[2] = { { .fd = r->caller, .events = POLLIN }, { .fd = agent, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 1;
		if ((p[0].revents && !pass(r->caller, agent)) || (p[1].revents && !pass(agent, r->caller)))
			return 0;
	}
}

static int serve(void *ctx)
{
	struct relay *r = ctx;
	u32 n = 0;
	process_close_others(r->listener, r->to);
	for (;;) {
		while (n && waitpid(-1, NULL, n == CALLERS ? 0 : WNOHANG) > 0)
			n--;
		r->caller = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
		if (r->caller < 0 && errno != EINTR && errno != ECONNABORTED)
			return 1;
		n += r->caller >= 0 && process_fork(serve_one, r) > 0;
		if (r->caller >= 0)
			close(r->caller);
	}
}

int relay_start(const char *to, const char *at, u32 mode, u32 uid, u32 gid, pid_t *ret, struct error *err)
{
	char up[4096];
	struct stat st;
	snprintf(up, sizeof up, "%.*s", (int)(strrchr(at, '/') - at), at);
	autofd int dir = open(up, O_PATH | O_DIRECTORY | O_CLOEXEC), target = open(to, O_PATH | O_CLOEXEC), listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (dir < 0 || listener < 0)
		return error_errno(err, "%s", at);
	if (target < 0 || fstat(target, &st) < 0)
		return error_errno(err, "%.300s", to);
	if (!S_ISSOCK(st.st_mode))
		return error_set(err, ERR_USAGE, "%.300s: no socket", to);
	struct sockaddr_un a = address(dir, strrchr(at, '/') + 1);
	if (bind(listener, (const struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 64) < 0 || chown(at, uid, gid) < 0 || chmod(at, mode & 07777) < 0)
		return error_errno(err, "a socket for %.300s", to);
	struct relay r = { listener, target, -1 };
	pid_t pid = process_fork(serve, &r);
	if (pid < 0)
		return error_errno(err, "fork");
	*ret = pid;
	return 0;
}
