#include "base/thread.h"
#include "base/str.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_uint busy;

u32 thread_busy(void) { return atomic_load_explicit(&busy, memory_order_relaxed); }
void thread_busy_add(int n) { atomic_fetch_add(&busy, (u32)n); }

static u32 count_threads(void)
{
	const char *env = getenv("PARE_THREADS");
	u64 n;
	if (env && str_to_u64(str_of(env), &n) && n >= 1)
		return (u32)MIN(n, 64u);
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	return (u32)MIN(MAX(CPU_COUNT(&set), 1), 64);
}

pthread_t thread_start(void *(*run)(void *), void *arg)
{
	pthread_t t;
	pthread_attr_t attr;
	sigset_t all, old;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * KiB);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&t, &attr, run, arg) != 0) {
		fputs("pare: threads: the system starts no more\n", stderr);
		_Exit(4);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return t;
}

static u32 counted;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void count_once(void) { counted = count_threads(); }

u32 thread_count(void)
{
	pthread_once(&once, count_once);
	return counted;
}

struct each {
	void (*run)(u32, void *);
	void *ctx;
	u32 n;
	atomic_uint next;
};

static void *each_thread(void *arg)
{
	struct each *e = arg;
	atomic_fetch_add(&busy, 1);
	for (u32 i; (i = atomic_fetch_add(&e->next, 1)) < e->n;)
		e->run(i, e->ctx);
	atomic_fetch_sub(&busy, 1);
	return NULL;
}

void thread_each(u32 n, void (*run)(u32, void *), void *ctx)
{
	struct each e = { .run = run, .ctx = ctx, .n = n };
	pthread_t t[64];
	u32 k = MIN(thread_count(), n);
	for (u32 i = 1; i < k; i++)
		t[i] = thread_start(each_thread, &e);
	each_thread(&e);
	for (u32 i = 1; i < k; i++)
		pthread_join(t[i], NULL);
}

void queue_init(struct queue *q, u32 cap)
{
	memset(q, 0, sizeof *q);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	pthread_cond_init(&q->room, NULL);
	q->cap = MIN(cap, (u32)QUEUE_CAP);
}

void queue_put(struct queue *q, struct queue_item item)
{
	pthread_mutex_lock(&q->lock);
	while (q->put - q->done >= q->cap)
		pthread_cond_wait(&q->room, &q->lock);
	q->v[q->put++ % QUEUE_CAP] = item;
	pthread_cond_signal(&q->more);
	pthread_mutex_unlock(&q->lock);
}

bool queue_take(struct queue *q, struct queue_item *item)
{
	pthread_mutex_lock(&q->lock);
	while (q->taken == q->put && !q->closed)
		pthread_cond_wait(&q->more, &q->lock);
	bool got = q->taken < q->put;
	if (got)
		*item = q->v[q->taken++ % QUEUE_CAP];
	pthread_mutex_unlock(&q->lock);
	return got;
}

void queue_done(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->done++;
	pthread_cond_signal(&q->room);
	pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->more);
	pthread_mutex_unlock(&q->lock);
}

void queue_drain(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (q->done < q->put)
		pthread_cond_wait(&q->room, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

void queue_destroy(struct queue *q)
{
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->more);
	pthread_cond_destroy(&q->room);
}
