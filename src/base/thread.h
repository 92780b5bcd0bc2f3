/* thread.h — the two ways the project uses more than one core: a bounded hand-over between two threads, and the same
 * work on many items. */
#ifndef PARE_BASE_THREAD_H
#define PARE_BASE_THREAD_H
#include "base/common.h"
#include <pthread.h>

/* How many threads are worth starting: the cores this process may use, at least 1, at most 64; PARE_THREADS overrides. */
u32 thread_count(void);

/* Starts a thread with a small stack (256 KiB) and all signals blocked; aborts the program when the system refuses. */
pthread_t thread_start(void *(*run)(void *), void *arg);

/* run(i, ctx) for i in 0..n-1 on up to thread_count() threads (the caller's among them), items taken in order; returns
 * when all have run. */
void thread_each(u32 n, void (*run)(u32 i, void *ctx), void *ctx);
/* How many threads are at work at the moment: those of thread_each(), and those another room says it keeps at work. */
u32 thread_busy(void);
void thread_busy_add(int n);

/* A hand-over of fixed-size items, first in first out, at most `cap` (<= QUEUE_CAP) waiting or being worked on: the
 * producer blocks in queue_put until the consumer has *finished* (queue_done) enough of them. So an item may point
 * into memory that the producer reuses after `cap` more items. */
#define QUEUE_CAP 16
struct queue_item {
	const void *p;
	size_t n;
	void *tag;
};
struct queue {
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct queue_item v[QUEUE_CAP];
	u64 put, taken, done;
	u32 cap;
	bool closed;
};
void queue_init(struct queue *q, u32 cap);
void queue_put(struct queue *q, struct queue_item item);
bool queue_take(struct queue *q, struct queue_item *item); /* false: closed and empty */
void queue_done(struct queue *q);                          /* the item last taken is finished */
void queue_close(struct queue *q);
void queue_drain(struct queue *q);                         /* waits until everything put is finished */
void queue_destroy(struct queue *q);
#endif
