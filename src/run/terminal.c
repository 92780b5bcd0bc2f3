/* terminal.c — a container's own terminal: the runtime opens one of the container's /dev/pts, gives it to the program and sends its other end over a socket that it is told of. */
#include "run/keeper.h"
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int terminal_listen(const struct keeper *k, char path[TERMINAL_PATH], struct error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (unlinkat(k->stage, "terminal", 0) < 0) { /* there was none */
	}
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/terminal", k->stage); /* an address is shorter than a path may be */
	if (listener < 0 || bind(listener, (const struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 4) < 0) {
		error_errno(err, "a socket for the terminal");
		if (listener >= 0)
			close(listener);
		return -1;
	}
	if ((size_t)snprintf(path, TERMINAL_PATH, "%s/terminal", k->dir) >= TERMINAL_PATH)
		snprintf(path, TERMINAL_PATH, "/proc/1/fd/%d/terminal", k->stage); /* which is this process */
	return listener;
}

/* It is there when the runtime has ended: nobody is waited for. */
int terminal_take(int listener, const json_t *spec)
{
	autofd int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int fd = s < 0 ? -1 : message_descriptor(s);
	u64 rows = 0, columns = 0;
	if (fd >= 0 && json_u64(spec, "rows", &rows) && json_u64(spec, "columns", &columns) && rows && columns) {
		struct winsize w = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
		if (ioctl(fd, TIOCSWINSZ, &w) < 0) { /* then it is of no size until the next change */
		}
	}
	return fd;
}
