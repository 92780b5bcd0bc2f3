#include "run/disorder.h"
#include "base/file.h"
#include "base/thread.h"
#include "run/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define WATCHED 1000u            /* steps at once */
#define LISTING ((size_t)MiB)    /* bytes of one answer; who has room for more is given less */

struct disorder {
	struct stage stage;
	char path[108];
	int listener, close[2];
	pthread_t thread;
	struct pollfd v[WATCHED + 2]; /* close, listener, then one of each step's */
	u32 n;
	_Alignas(u64) char was[LISTING];
	_Alignas(u64) char is[LISTING];
};

struct record { /* getdents64(2) */
	u64 inode, offset;
	u16 length;
	u8 type;
	char name[];
};

static bool is_dots(const struct record *e) { return strcmp(e->name, ".") == 0 || strcmp(e->name, "..") == 0; }

/* Each place keeps its offset: who goes on from there misses nothing. */
static void turn_around(struct disorder *d, size_t n)
{
	u32 *from = xcalloc(n / sizeof(struct record) + 1, sizeof *from), count = 0;
	for (size_t at = 0; at < n; at += ((const struct record *)(const void *)(d->was + at))->length)
		if (!is_dots((const struct record *)(const void *)(d->was + at)))
			from[count++] = (u32)at;
	for (size_t at = 0, to = 0; at < n;) {
		const struct record *place = (const void *)(d->was + at), *e = is_dots(place) ? place : (const void *)(d->was + from[--count]);
		struct record *out = (void *)(d->is + to);
		memcpy(out, e, e->length);
		out->offset = place->offset;
		at += place->length;
		to += e->length;
	}
	free(from);
}

/* A thread's process. */
static pid_t process_of(u32 tid)
{
	char path[40];
	struct buf text = BUF(16 * KiB);
	u64 pid = 0;
	snprintf(path, sizeof path, "/proc/%u/status", tid);
	if (file_read(path, 16 * KiB, &text, NULL) == 0)
		for (struct str rest = buf_str(&text); rest.p;) {
			struct str line = str_cut(&rest, '\n');
			if (str_starts(line, STR("Tgid:")) && !str_to_u64(str_trim(str_from(line, 5)), &pid))
				pid = 0;
		}
	buf_free(&text);
	return (pid_t)pid;
}

/* What the call comes to: bytes, or -errno. */
static s64 list(struct disorder *d, int notify, struct seccomp_notif *n)
{
	autofd int process = (int)syscall(SYS_pidfd_open, process_of(n->pid), 0);
	autofd int fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, (int)n->data.args[0], 0); /* the same opened directory: it goes on where the program does */
	if (fd < 0)
		return errno == EBADF ? -EBADF : -EPERM;
	ssize_t got = syscall(SYS_getdents64, fd, d->was, MIN((size_t)(u32)n->data.args[2], LISTING));
	if (got <= 0)
		return got < 0 ? -errno : 0;
	turn_around(d, (size_t)got);
	struct iovec mine = { d->is, (size_t)got }, its = { (void *)(uintptr_t)n->data.args[1], (size_t)got };
	if (ioctl(notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &n->id) < 0)
		return -EINTR;
	return process_vm_writev((pid_t)n->pid, &mine, 1, &its, 1, 0) == got ? got : -EFAULT;
}

/* false: it is over with that one. */
static bool answer(struct disorder *d, int fd)
{
	union {
		struct seccomp_notif n;
		char room[1024];
	} in = { .room = { 0 } };
	union {
		struct seccomp_notif_resp r;
		char room[1024];
	} out = { .room = { 0 } };
	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &in.n) < 0)
		return errno == EINTR || errno == ENOENT;
	s64 came = list(d, fd, &in.n);
	out.r.id = in.n.id;
	out.r.val = MAX(came, 0);
	out.r.error = came < 0 ? (s32)came : 0;
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &out.r) == 0 || errno == ENOENT || errno == EINTR;
}

static void take(struct disorder *d)
{
	int s = accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
	struct pollfd sent = { .fd = s, .events = POLLIN };
	int fd = s < 0 || poll(&sent, 1, 10000) != 1 ? -1 : message_descriptor(s);
	if (s >= 0)
		close(s);
	if (fd >= 0 && d->n < countof(d->v))
		d->v[d->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	else if (fd >= 0)
		close(fd);
}

static void *serve(void *arg)
{
	struct disorder *d = arg;
	for (;;) {
		if (poll(d->v, d->n, -1) < 0 && errno != EINTR)
			return NULL;
		if (d->v[0].revents)
			return NULL;
		for (u32 i = d->n; i-- > 2;) {
			short is = d->v[i].revents;
			if (!is || (is & POLLIN && answer(d, d->v[i].fd)))
				continue;
			close(d->v[i].fd);
			d->v[i] = d->v[--d->n];
		}
		if (d->v[1].revents)
			take(d);
	}
}

int disorder_open(struct disorder **ret, struct error *err)
{
	struct disorder *d = xcalloc(1, sizeof *d);
	d->listener = d->close[0] = d->close[1] = -1;
	if (pipe2(d->close, O_CLOEXEC) < 0 || (d->listener = message_listen(&d->stage, d->path, err)) < 0) {
		int r = d->close[0] < 0 ? error_errno(err, "pipe") : -1;
		disorder_close(d);
		return r;
	}
	d->v[0] = (struct pollfd){ .fd = d->close[0], .events = POLLIN };
	d->v[1] = (struct pollfd){ .fd = d->listener, .events = POLLIN };
	d->n = 2;
	d->thread = thread_start(serve, d);
	*ret = d;
	return 0;
}

const char *disorder_path(const struct disorder *d) { return d ? d->path : NULL; }

void disorder_close(struct disorder *d)
{
	if (!d)
		return;
	if (d->close[1] >= 0)
		close(d->close[1]);
	if (d->thread)
		pthread_join(d->thread, NULL);
	for (u32 i = 2; i < d->n; i++)
		close(d->v[i].fd);
	if (d->close[0] >= 0)
		close(d->close[0]);
	if (d->listener >= 0)
		close(d->listener);
	stage_remove(&d->stage);
	free(d);
}
