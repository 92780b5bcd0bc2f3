/* message.c — between this program and a keeper. */
#include "run/keeper.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int send_all(int sock, const char *p, size_t n, const int *fds, u32 n_fds)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	} control;
	while (n) {
		struct iovec io = { .iov_base = (char *)(uintptr_t)p, .iov_len = n };
		struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
		if (n_fds) {
			memset(&control, 0, sizeof control);
			m.msg_control = control.room;
			m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
			struct cmsghdr *c = CMSG_FIRSTHDR(&m);
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
			memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
		}
		ssize_t k = sendmsg(sock, &m, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		n_fds = 0;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int keeper_send(int sock, const json_t *j, const int *fds, u32 n)
{
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	u32 length = text ? (u32)strlen(text) : 0;
	int r = text && length <= MESSAGE_MAX && n <= MESSAGE_FDS && send_all(sock, (const char *)&length, sizeof length, fds, n) == 0 && send_all(sock, text, length, NULL, 0) == 0 ? 0 : -1;
	free(text);
	return r;
}

static void take_fds(struct msghdr *m, int *fds, u32 *n)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (*n < MESSAGE_FDS)
				fds[(*n)++] = fd;
			else
				close(fd);
		}
	}
}

static int receive_all(int sock, char *p, size_t n, int *fds, u32 *n_fds)
{
	size_t have = 0;
	while (have < n) {
		union {
			struct cmsghdr h;
			char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
		} control;
		struct iovec io = { .iov_base = p + have, .iov_len = n - have };
		struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
		ssize_t k = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return 0;
		take_fds(&m, fds, n_fds);
		have += (size_t)k;
	}
	return 1;
}

int keeper_receive(int sock, json_t **ret, int *fds, u32 *n, struct error *err)
{
	u32 length = 0;
	*n = 0;
	int r = receive_all(sock, (char *)&length, sizeof length, fds, n);
	if (r > 0 && length > MESSAGE_MAX)
		r = error_set(err, ERR_ENV, "a message that is too long");
	char *text = r > 0 ? xmalloc(length + 1) : NULL;
	if (r > 0)
		r = receive_all(sock, text, length, fds, n);
	if (r > 0 && !(*ret = json_read_limit(str_n(text, length), MESSAGE_MAX, "message", err)))
		r = -1;
	free(text);
	for (u32 i = 0; r <= 0 && i < *n; i++)
		close(fds[i]);
	if (r <= 0)
		*n = 0;
	return r;
}

int message_listen(struct stage *stage, char path[108], struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *dir = getenv("TMPDIR");
	char prefix[80];
	if (!dir || strlen(dir) > 60)
		dir = "/tmp";
	snprintf(prefix, sizeof prefix, "%s/pare-trace.", dir);
	file_sweep(dir, "pare-trace.", "pare-trace.");
	if (stage_make(stage, prefix, err) < 0)
		return -1;
	snprintf(path, 108, "%s/s", stage->path);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0) {
		error_errno(err, "%s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

int message_descriptor(int sock)
{
	char text[16 * KiB];
	int fds[MESSAGE_FDS];
	u32 n = 0;
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
	} control;
	struct iovec io = { text, sizeof text };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) > 0)
		take_fds(&m, fds, &n);
	for (u32 i = 1; i < n; i++)
		close(fds[i]);
	return n ? fds[0] : -1;
}
