#include "layer/deflate.h"
#include "base/progress.h"
#include "base/thread.h"
#include <isa-l.h>
#include <libdeflate.h>
#include <zstd.h>

#define WORKERS_MAX 16u

enum slot_state { SLOT_FREE, SLOT_READY, SLOT_BUSY, SLOT_DONE };
struct slot {
	char *in, *out;
	size_t n_in, n_out;
	enum slot_state state;
};

struct deflate {
	enum compression kind;
	int level;
	u32 threads, busy; /* at most; told to thread.h */
	deflate_out *out;
	void *ctx;
	/* gzip: a ring of slots, filled at `put`, compressed from `take` by any worker, written at `get` */
	pthread_mutex_t lock;
	pthread_cond_t ready, done;
	struct slot *slots;
	pthread_t workers[WORKERS_MAX];
	u32 n_slots, n_workers, idle;
	u64 put, take, get;
	bool stop;
	/* zstd */
	ZSTD_CCtx *z;
	char *zout;
	u64 taken, given;
};

bool deflate_can(enum compression kind, int level)
{
	int most = kind == COMP_GZIP ? 12 : kind == COMP_ZSTD ? 19 : 0;
	return (kind == COMP_NONE || most) && level >= (kind == COMP_GZIP ? DEFLATE_FAST : 0) && level <= most;
}

/* isa-l's level 3 is smaller, but finds other matches where vectors are wider: other bytes on other processors. Room for few tokens means Huffman codes that follow the content:
 * 1.5 to 2 % smaller than with all the room it takes, for a twentieth of the time. */
#define FAST_LEVEL 2
#define FAST_ROOM (ISAL_DEF_LVL2_REQ + 16 * ISAL_DEF_LVL2_TOKEN_SIZE * IGZIP_K)
struct compressor { /* of one worker */
	struct libdeflate_compressor *c, *store; /* store: NULL: not asked for */
	struct isal_zstream *fast; /* NULL: not asked for */
	u8 *fast_room;
};

/* A member whose first bytes are a stored block, and what isa-l then takes for a dictionary: without one it computes the third hash of a stream from the address of `z` (2.30: other
 * bytes on each run, once in some ten thousand blocks). 0: it did not fit. */
#define FAST_STORED 16u
#define FAST_LEAST 4096u /* less is for libdeflate */
static size_t compress_fast(struct compressor *k, const struct slot *s, size_t room)
{
	static const u8 head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, /* RFC 1952 section 2.3 */ 0, FAST_STORED, 0, 0xff ^ FAST_STORED, 0xff }; /* RFC 1951 section 3.2.4 */
	struct isal_zstream *z = k->fast;
	u8 *in = (u8 *)s->in, *out = (u8 *)s->out;
	if (s->n_in < FAST_LEAST || room < sizeof head + FAST_STORED + 8)
		return 0;
	memcpy(out, head, sizeof head);
	memcpy(out + sizeof head, in, FAST_STORED);
	isal_deflate_init(z);
	z->level = FAST_LEVEL;
	z->level_buf = k->fast_room;
	z->level_buf_size = FAST_ROOM;
	z->end_of_stream = 1;
	if (isal_deflate_set_dict(z, in, FAST_STORED) != COMP_OK)
		return 0;
	z->next_in = in + FAST_STORED;
	z->avail_in = (u32)(s->n_in - FAST_STORED);
	z->next_out = out + sizeof head + FAST_STORED;
	z->avail_out = (u32)(room - sizeof head - FAST_STORED - 8);
	if (isal_deflate(z) != COMP_OK || z->internal_state.state != ZSTATE_END)
		return 0;
	u32 crc = libdeflate_crc32(0, in, s->n_in);
	for (u32 i = 0; i < 4; i++) {
		z->next_out[i] = (u8)(crc >> 8 * i);
		z->next_out[4 + i] = (u8)(s->n_in >> 8 * i);
	}
	return (size_t)(z->next_out - out) + 8;
}

/* Compressed already, most of it: in a sample every value is about as frequent as every other, so that a twentieth is to be had at best (chi-squared; of even chances it is 255, of
 * programs and text tens of thousands). */
#define SAMPLE_EVERY 251u /* a prime: no record's length */
#define SAMPLE_EVEN 600u
static bool dense(const struct slot *s)
{
	u32 count[256] = { 0 }, n = 0;
	u64 squares = 0;
	for (size_t i = 0; i < s->n_in; i += SAMPLE_EVERY, n++)
		count[(u8)s->in[i]]++;
	for (u32 i = 0; i < 256; i++)
		squares += (u64)count[i] * count[i];
	return n > DEFLATE_BLOCK / SAMPLE_EVERY / 2 && 256 * squares < (u64)n * (n + SAMPLE_EVEN);
}

static void compress(struct compressor *k, struct slot *s)
{
	size_t room = libdeflate_gzip_compress_bound(k->c, DEFLATE_BLOCK);
	if (!s->out)
		s->out = xmalloc(room);
	s->n_out = 0;
	if (k->fast)
		s->n_out = dense(s) ? libdeflate_gzip_compress(k->store, s->in, s->n_in, s->out, room) : compress_fast(k, s, room);
	if (!s->n_out)
		s->n_out = libdeflate_gzip_compress(k->c, s->in, s->n_in, s->out, room);
}

static void *work(void *arg)
{
	struct deflate *d = arg;
	struct compressor k = { .c = libdeflate_alloc_compressor(d->level == DEFLATE_FAST ? 1 : d->level ? d->level : DEFLATE_GZIP_LEVEL) };
	if (d->level == DEFLATE_FAST) {
		k.store = libdeflate_alloc_compressor(0);
		k.fast = xmalloc(sizeof *k.fast);
		k.fast_room = xmalloc(FAST_ROOM);
	}
	if (!k.c || (k.fast && !k.store))
		abort();
	pthread_mutex_lock(&d->lock);
	for (;;) {
		d->idle++;
		while (!d->stop && d->take == d->put)
			pthread_cond_wait(&d->ready, &d->lock);
		d->idle--;
		if (d->take == d->put)
			break;
		struct slot *s = &d->slots[d->take++ % d->n_slots];
		s->state = SLOT_BUSY;
		pthread_mutex_unlock(&d->lock);
		compress(&k, s);
		pthread_mutex_lock(&d->lock);
		s->state = SLOT_DONE;
		pthread_cond_signal(&d->done);
	}
	pthread_mutex_unlock(&d->lock);
	libdeflate_free_compressor(k.c);
	libdeflate_free_compressor(k.store);
	free(k.fast);
	free(k.fast_room);
	return NULL;
}

struct deflate *deflate_new(enum compression kind, int level, deflate_out *out, void *ctx)
{
	struct deflate *d = xcalloc(1, sizeof *d);
	u32 threads = MIN(thread_count(), WORKERS_MAX);
	*d = (struct deflate){ .kind = kind, .level = level, .threads = threads, .out = out, .ctx = ctx };
	if (kind == COMP_ZSTD) {
		d->z = ZSTD_createCCtx();
		if (!d->z)
			abort();
		ZSTD_CCtx_setParameter(d->z, ZSTD_c_compressionLevel, level ? level : DEFLATE_ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(d->z, ZSTD_c_checksumFlag, 1);
		/* One worker or many give the same bytes; none (the library's other path) would not. */
		ZSTD_CCtx_setParameter(d->z, ZSTD_c_nbWorkers, (int)threads);
		d->zout = xmalloc(ZSTD_CStreamOutSize());
		d->busy = threads;
		thread_busy_add((int)threads);
	} else if (kind == COMP_GZIP) {
		pthread_mutex_init(&d->lock, NULL);
		pthread_cond_init(&d->ready, NULL);
		pthread_cond_init(&d->done, NULL);
		d->n_slots = threads + 2;
		d->slots = xcalloc(d->n_slots, sizeof *d->slots);
	}
	return d;
}

static void add_worker(struct deflate *d)
{
	d->workers[d->n_workers++] = thread_start(work, d);
	d->busy++;
	thread_busy_add(1);
}

/* Waits for the oldest block, writes it. */
static int write_oldest(struct deflate *d, struct error *err)
{
	struct slot *s = &d->slots[d->get % d->n_slots];
	pthread_mutex_lock(&d->lock);
	while (s->state != SLOT_DONE)
		pthread_cond_wait(&d->done, &d->lock);
	pthread_mutex_unlock(&d->lock);
	if (s->n_out == 0)
		return error_set(err, ERR_ENV, "gzip: a block could not be compressed");
	if (d->out(d->ctx, str_n(s->out, s->n_out), err) < 0)
		return -1;
	s->state = SLOT_FREE;
	s->n_in = 0;
	d->get++;
	return 0;
}

static void hand_over(struct deflate *d, struct slot *s)
{
	pthread_mutex_lock(&d->lock);
	s->state = SLOT_READY;
	d->put++;
	bool waits = d->put - d->take > d->idle;
	pthread_cond_signal(&d->ready);
	pthread_mutex_unlock(&d->lock);
	if (waits && d->n_workers < d->threads)
		add_worker(d);
}

static int gzip_write(struct deflate *d, struct str bytes, struct error *err)
{
	while (bytes.n) {
		if (d->put - d->get == d->n_slots && write_oldest(d, err) < 0)
			return -1;
		struct slot *s = &d->slots[d->put % d->n_slots];
		if (!s->in)
			s->in = xmalloc(DEFLATE_BLOCK);
		size_t k = MIN(bytes.n, DEFLATE_BLOCK - s->n_in);
		memcpy(s->in + s->n_in, bytes.p, k);
		s->n_in += k;
		bytes = str_from(bytes, k);
		if (s->n_in == DEFLATE_BLOCK)
			hand_over(d, s);
	}
	return 0;
}

static int gzip_finish(struct deflate *d, struct error *err)
{
	if (d->put - d->get == d->n_slots && write_oldest(d, err) < 0)
		return -1;
	struct slot *s = &d->slots[d->put % d->n_slots];
	if (s->n_in || d->put == 0) { /* no bytes at all still make one member */
		if (!s->in)
			s->in = xmalloc(DEFLATE_BLOCK);
		hand_over(d, s);
	}
	while (d->get < d->put)
		if (write_oldest(d, err) < 0)
			return -1;
	return 0;
}

static int zstd_write(struct deflate *d, struct str bytes, ZSTD_EndDirective end, struct error *err)
{
	ZSTD_inBuffer in = { bytes.p, bytes.n, 0 };
	d->taken += bytes.n;
	for (;;) {
		ZSTD_outBuffer out = { d->zout, ZSTD_CStreamOutSize(), 0 };
		size_t left = ZSTD_compressStream2(d->z, &out, &in, end);
		if (ZSTD_isError(left))
			return error_set(err, ERR_ENV, "zstd: %s", ZSTD_getErrorName(left));
		d->given += out.pos;
		if (out.pos && d->taken > INFLATE_FREE && d->taken / INFLATE_RATIO > d->given)
			return error_set(err, ERR_INPUT, "zstd: %llu bytes become %llu: over the budget that they are read with; gzip is not", (unsigned long long)d->taken, (unsigned long long)d->given);
		if (out.pos && d->out(d->ctx, str_n(d->zout, out.pos), err) < 0)
			return -1;
		if (end == ZSTD_e_end ? left == 0 : in.pos == in.size)
			return 0;
	}
}

int deflate_write(struct deflate *d, struct str bytes, struct error *err)
{
	if (bytes.n == 0)
		return 0;
	if (d->kind == COMP_GZIP)
		return gzip_write(d, bytes, err);
	if (d->kind == COMP_ZSTD)
		return zstd_write(d, bytes, ZSTD_e_continue, err);
	return d->out(d->ctx, bytes, err);
}

int deflate_finish(struct deflate *d, struct error *err)
{
	if (d->kind == COMP_GZIP)
		return gzip_finish(d, err);
	if (d->kind == COMP_ZSTD)
		return zstd_write(d, STR(""), ZSTD_e_end, err);
	return 0;
}

void deflate_free(struct deflate *d)
{
	if (!d)
		return;
	if (d->slots) {
		pthread_mutex_lock(&d->lock);
		d->stop = true;
		pthread_cond_broadcast(&d->ready);
		pthread_mutex_unlock(&d->lock);
		for (u32 i = 0; i < d->n_workers; i++)
			pthread_join(d->workers[i], NULL);
		for (u32 i = 0; i < d->n_slots; i++) {
			free(d->slots[i].in);
			free(d->slots[i].out);
		}
		free(d->slots);
		pthread_mutex_destroy(&d->lock);
		pthread_cond_destroy(&d->ready);
		pthread_cond_destroy(&d->done);
	}
	thread_busy_add(-(int)d->busy);
	ZSTD_freeCCtx(d->z);
	free(d->zout);
	free(d);
}

int deflate_all(struct deflate *d, struct stream *from, struct error *err)
{
	for (;;) {
		struct str view;
		if (stream_next(from, &view, err) < 0)
			return -1;
		if (view.n == 0)
			return deflate_finish(d, err);
		if (deflate_write(d, view, err) < 0)
			return -1;
		progress_add(view.n);
	}
}
