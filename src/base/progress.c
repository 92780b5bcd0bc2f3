#include "base/progress.h"
#include "base/text.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static bool enabled;
static atomic_bool running;
static _Atomic u64 done, all;
static const char *title;
static double started;
static _Atomic double shown;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void progress_enable(bool on) { enabled = on; }

void progress_begin(const char *what, u64 total)
{
	if (!enabled)
		return;
	title = what;
	done = 0;
	all = total;
	started = now();
	shown = 0;
	running = true;
}

void progress_add(u64 bytes)
{
	if (!enabled || !running)
		return;
	u64 d = atomic_fetch_add(&done, bytes) + bytes;
	double t = now();
	if (t - started < 0.4 || t - shown < 0.1 || pthread_mutex_trylock(&lock) != 0)
		return;
	shown = t;
	double rate = (double)d / (t - started);
	char line[160];
	int n;
	if (all && d <= all)
		n = snprintf(line, sizeof line, "\r\033[K%s  %llu %%  %s of %s  %s/s  %.0f s left", title, (unsigned long long)(d * 100 / all), TEXT_SIZE(d), TEXT_SIZE(all),
			     TEXT_SIZE((u64)rate), rate > 0 ? (double)(all - d) / rate : 0);
	else
		n = snprintf(line, sizeof line, "\r\033[K%s  %s  %s/s", title, TEXT_SIZE(d), TEXT_SIZE((u64)rate));
	if (n > 0 && write(STDERR_FILENO, line, MIN((size_t)n, sizeof line - 1)) < 0)
		enabled = false;
	pthread_mutex_unlock(&lock);
}

void progress_end(void)
{
	if (!enabled || !running)
		return;
	running = false;
	if (shown > 0 && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		enabled = false;
}
