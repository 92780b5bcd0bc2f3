#include "command/terminal.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before, raw;
static volatile sig_atomic_t taken;
static int outer, inner_fd;
static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGUSR1, SIGUSR2, SIGALRM, SIGXCPU, SIGXFSZ };
static struct sigaction was[countof(ending)];

void terminal_size(int fd, u16 *rows, u16 *columns)
{
	struct winsize w = { 0 };
	bool known = ioctl(fd, TIOCGWINSZ, &w) == 0;
	*rows = known ? w.ws_row : 0;
	*columns = known ? w.ws_col : 0;
}

static void pass_size(void)
{
	struct winsize w;
	if (ioctl(outer, TIOCGWINSZ, &w) == 0 && w.ws_row && w.ws_col && ioctl(inner_fd, TIOCSWINSZ, &w) < 0) { /* the program has just ended */
	}
}

static void put_back(void)
{
	if (!taken)
		return;
	taken = 0;
	if (tcsetattr(outer, TCSADRAIN, &before) < 0) { /* nobody is there any more */
	}
}

static void changed(int signal)
{
	int e = errno;
	if (taken && signal == SIGCONT && tcsetattr(outer, TCSADRAIN, &raw) < 0) { /* likewise */
	}
	if (taken)
		pass_size();
	errno = e;
}

/* What the signal did before it does then. */
static void end(int number)
{
	put_back();
	for (size_t i = 0; i < countof(ending); i++)
		if (ending[i] == number)
			sigaction(number, &was[i], NULL);
	raise(number);
}

int terminal_take_over(int fd, int inner, struct error *err)
{
	struct sigaction a = { .sa_handler = changed, .sa_flags = SA_RESTART };
	static bool once;
	if (tcgetattr(fd, &before) < 0)
		return error_errno(err, "the terminal");
	raw = before;
	cfmakeraw(&raw);
	outer = fd;
	inner_fd = inner;
	sigemptyset(&a.sa_mask);
	sigaction(SIGWINCH, &a, NULL);
	sigaction(SIGCONT, &a, NULL);
	a.sa_handler = end;
	for (size_t i = 0; i < countof(ending); i++)
		if (sigaction(ending[i], NULL, &was[i]) == 0 && was[i].sa_handler != SIG_IGN)
			sigaction(ending[i], &a, NULL);
	if (!once && atexit(put_back) != 0) { /* the signals are enough, mostly */
	}
	once = true;
	taken = 1;
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
		taken = 0;
		return error_errno(err, "the terminal");
	}
	pass_size();
	return 0;
}

void terminal_give_back(void)
{
	put_back();
	for (size_t i = 0; i < countof(ending); i++)
		sigaction(ending[i], &was[i], NULL);
	signal(SIGWINCH, SIG_DFL);
	signal(SIGCONT, SIG_DFL);
}
