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

void progress_skip(u64 bytes)
{
	if (enabled && running)
		atomic_fetch_sub(&all, bytes);
}

/* "7 s left", "1:05:09 left". */
static const char *left(double seconds, char out[40])
{
	u64 s = seconds > 0 && seconds < 1e9 ? (u64)(seconds + 0.5) : 0;
	if (s < 60)
		snprintf(out, 40, "%llu s left", (unsigned long long)s);
	else if (s < 3600)
		snprintf(out, 40, "%llu:%02llu left", (unsigned long long)(s / 60), (unsigned long long)(s % 60));
	else
		snprintf(out, 40, "%llu:%02llu:%02llu left", (unsigned long long)(s / 3600), (unsigned long long)(s / 60 % 60), (unsigned long long)(s % 60));
	return out;
}

void progress_add(u64 bytes)
{
	if (!enabled || !running)
		return;
	u64 d = atomic_fetch_add(&done, bytes) + bytes, total = atomic_load(&all);
	double t = now();
	if (t - started < 0.4 || t - shown < 0.1 || pthread_mutex_trylock(&lock) != 0)
		return;
	shown = t;
	double rate = (double)d / (t - started);
	char line[160], wait[40];
	int n;
	if (total && d <= total)
		n = snprintf(line, sizeof line, "\r\033[K%s  %llu %%  %s of %s  %s/s  %s", title, (unsigned long long)(d * 100 / total), TEXT_SIZE(d), TEXT_SIZE(total),
			     TEXT_SIZE((u64)rate), left(rate > 0 ? (double)(total - d) / rate : 0, wait));
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
