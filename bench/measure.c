/* measure.c — runs a program and says what it took: one line "WALL_S CPU_S MAXRSS_KB STATUS" on descriptor 3.
 *
 * A program of its own because a child's ru_maxrss begins with the resident size of whoever forked it: started from an interpreter
 * a small program would never measure below the interpreter. This one is smaller than anything it measures. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	pid_t pid = vfork();
	if (pid < 0)
		return 4;
	if (pid == 0) {
		close(3);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	int status = 0;
	struct rusage u;
	while (wait4(pid, &status, 0, &u) < 0)
		if (errno != EINTR)
			return 4;
	clock_gettime(CLOCK_MONOTONIC, &b);
	double wall = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	dprintf(3, "%.6f %.6f %ld %d\n", wall, cpu, u.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
