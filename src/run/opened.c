#include "run/opened.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <unistd.h>

#define EVENTS (64 * KiB)

struct opened {
	struct observed *o;
	const atomic_bool *steady;
	int fd, close[2];
	pthread_t thread;
	s32 pid; /* whose name is in `by` */
	char by[4096], path[4096];
};

static int begin(void)
{
	return fanotify_init(FAN_CLOEXEC | FAN_CLASS_NOTIF | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE | O_CLOEXEC);
}

bool opened_possible(void)
{
	int fd = begin();
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static struct str link_of(const char *what, char *to, size_t room)
{
	ssize_t n = readlink(what, to, room - 1);
	return n > 0 && to[0] == '/' && n < (ssize_t)room - 1 ? str_n(to, (size_t)n) : STR("");
}

static void take(struct opened *w, const struct fanotify_event_metadata *e)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", e->fd);
	struct str path = link_of(name, w->path, sizeof w->path);
	if (w->pid != e->pid) {
		snprintf(name, sizeof name, "/proc/%d/exe", e->pid);
		w->by[link_of(name, w->by, sizeof w->by).n] = '\0';
		w->pid = e->pid;
	}
	if (!str_ends(path, STR(" (deleted)")))
		observed_add(w->o, path, SEEN_OPENED, str_of(w->by), !atomic_load_explicit(w->steady, memory_order_relaxed));
	/* Once is enough; a file that was changed is the same file. */
	snprintf(name, sizeof name, "/proc/self/fd/%d", e->fd);
	if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_OPEN, AT_FDCWD, name) < 0)
		return; /* then it is told again */
}

/* False: there is nothing more at the moment. */
static bool take_all(struct opened *w, struct fanotify_event_metadata *room)
{
	ssize_t n = read(w->fd, room, EVENTS);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	for (const struct fanotify_event_metadata *e = room; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n)) {
		if (e->vers != FANOTIFY_METADATA_VERSION)
			return false;
		if (e->mask & FAN_Q_OVERFLOW)
			w->o->full = true;
		if (e->fd >= 0) {
			take(w, e);
			close(e->fd);
		}
	}
	return true;
}

static void *run(void *arg)
{
	struct opened *w = arg;
	struct pollfd p[2] = { { .fd = w->fd, .events = POLLIN }, { .fd = w->close[0], .events = POLLIN } };
	autofree struct fanotify_event_metadata *room = xmalloc(EVENTS);
	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return NULL;
		while (take_all(w, room))
			;
		if (p[1].revents)
			return NULL;
	}
}

struct opened *opened_watch(int root, struct observed *o, const atomic_bool *steady)
{
	struct opened *w = xcalloc(1, sizeof *w);
	w->o = o;
	w->steady = steady;
	w->fd = begin();
	if (w->fd < 0 || pipe2(w->close, O_CLOEXEC) < 0) {
		if (w->fd >= 0)
			close(w->fd);
		free(w);
		return NULL;
	}
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", root);
	if (fanotify_mark(w->fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, path) < 0) {
		close(w->fd);
		close(w->close[0]);
		close(w->close[1]);
		free(w);
		return NULL;
	}
	w->thread = thread_start(run, w);
	return w;
}

void opened_end(struct opened *w)
{
	if (!w)
		return;
	close(w->close[1]);
	pthread_join(w->thread, NULL);
	close(w->close[0]);
	close(w->fd);
	free(w);
}
