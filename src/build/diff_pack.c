/* diff_pack.c — a layer's plain tar into our store: its digest, compression, the digest of that, a file that the store takes as it is. */
#include "base/thread.h"
#include "build/diff_in.h"
#include "layer/deflate.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define RING 6u
#define PIECE ((size_t)(256 * KiB))
#define BIG (2 * MiB) /* from here on a thread for digests pays */

struct pack {
	struct store *s;
	struct deflate *deflate; /* NULL: nothing came yet */
	struct digester *plain, *stored;
	u64 n_plain, n_stored;
	int fd;
	char *ring;
	u32 at;
	struct queue queue;
	pthread_t thread;
	bool running;
};

struct pack *pack_new(struct store *s)
{
	struct pack *p = xcalloc(1, sizeof *p);
	*p = (struct pack){ .s = s, .fd = -1 };
	return p;
}

static int write_out(void *ctx, struct str bytes, struct error *err)
{
	struct pack *p = ctx;
	digester_add(p->stored, bytes);
	p->n_stored += bytes.n;
	return file_write_all(p->fd, bytes.p, bytes.n) < 0 ? error_errno(err, "%s", store_images_dir(p->s)) : 0;
}

static void *hash_thread(void *arg)
{
	struct pack *p = arg;
	struct queue_item item;
	while (queue_take(&p->queue, &item)) {
		digester_add(p->plain, str_n(item.p, item.n));
		queue_done(&p->queue);
	}
	return NULL;
}

static void stop(struct pack *p)
{
	if (!p->running)
		return;
	queue_close(&p->queue);
	pthread_join(p->thread, NULL);
	queue_destroy(&p->queue);
	p->running = false;
}

static int begin(struct pack *p, struct error *err)
{
	p->fd = file_nameless(store_images_dir(p->s));
	if (p->fd < 0)
		return error_errno(err, "%s", store_images_dir(p->s));
	p->plain = digester_new(DIGEST_SHA256);
	p->stored = digester_new(DIGEST_SHA256);
	p->deflate = deflate_new(COMP_GZIP, DEFLATE_FAST, write_out, p);
	return 0;
}

/* `bytes` stay as they are for the next RING - 2 calls. */
static int add(struct pack *p, struct str bytes, bool stays, struct error *err)
{
	if (!p->deflate && begin(p, err) < 0)
		return -1;
	if (stays && !p->running && p->n_plain >= BIG && thread_count() > 1) {
		queue_init(&p->queue, RING - 2);
		p->running = true;
		p->thread = thread_start(hash_thread, p);
	}
	p->n_plain += bytes.n;
	if (p->running)
		queue_put(&p->queue, (struct queue_item){ bytes.p, bytes.n, NULL });
	else
		digester_add(p->plain, bytes);
	return deflate_write(p->deflate, bytes, err);
}

int pack_add(struct pack *p, struct str bytes, struct error *err) { return bytes.n ? add(p, bytes, false, err) : 0; }

int pack_from(struct pack *p, int pipe, struct error *err)
{
	int r = 0;
	p->ring = xmalloc(RING * PIECE);
	if (fcntl(pipe, F_SETPIPE_SZ, (int)MiB) < 0) { /* a small one does */
	}
	while (r == 0) {
		char *at = p->ring + (p->at++ % RING) * PIECE;
		ssize_t n = read(pipe, at, PIECE);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? error_errno(err, "pipe") : add(p, str_n(at, (size_t)n), true, err);
	}
	stop(p);
	return r;
}

static int open_spool(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	struct pack *p = ctx;
	int fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return error_errno(err, "%s", store_images_dir(p->s));
	*ret = stream_file(fd, true, from, p->n_stored - from, 0);
	return 0;
}

int pack_finish(struct pack *p, struct build_layer *ret, struct error *err)
{
	stop(p);
	if (!p->deflate)
		return 1;
	if (deflate_finish(p->deflate, err) < 0)
		return -1;
	struct build_layer l = { .diff_id = digester_finish(p->plain), .digest = digester_finish(p->stored), .size = p->n_stored, .plain = p->n_plain, .compression = COMP_GZIP };
	p->plain = p->stored = NULL;
	int r = store_has(p->s, &l.digest, err);
	if (r == 0)
		r = store_take_blob_soon(p->s, &l.digest, l.size, p->fd, open_spool, p, err);
	if (r < 0)
		return -1;
	*ret = l;
	return 0;
}

void pack_free(struct pack *p)
{
	if (!p)
		return;
	stop(p);
	deflate_free(p->deflate);
	if (p->plain)
		(void)digester_finish(p->plain);
	if (p->stored)
		(void)digester_finish(p->stored);
	if (p->fd >= 0)
		close(p->fd);
	free(p->ring);
	free(p);
}
