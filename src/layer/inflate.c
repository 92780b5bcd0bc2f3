#include "base/buf.h"
#include "layer/stream.h"
#include <bzlib.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <zstd.h>

const char *compression_name(enum compression c)
{
	static const char *const names[] = { "none", "gzip", "zstd", "xz", "bzip2" };
	return names[c];
}

enum compression compression_sniff(struct str h)
{
	const u8 *p = (const u8 *)h.p;
	if (h.n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
		return COMP_GZIP;
	if (h.n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd)
		return COMP_ZSTD;
	if (h.n >= 4 && (p[0] & 0xf0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18)
		return COMP_ZSTD; /* a skippable frame first */
	if (h.n >= 6 && memcmp(p, "\xfd" "7zXZ\0", 6) == 0)
		return COMP_XZ;
	if (h.n >= 4 && memcmp(p, "BZh", 3) == 0 && p[3] >= '1' && p[3] <= '9')
		return COMP_BZIP2;
	return COMP_NONE;
}

/* A codec turns bytes of `in` into at most `room` bytes at `out`. It advances *in, returns what it made, or -1. It says `member_end` when a
 * member (gzip), frame (zstd) or stream (xz, bzip2) is complete; the bytes left in *in are then the next one's. */
struct codec {
	void *(*open)(void);
	ssize_t (*run)(void *state, struct str *in, char *out, size_t room, bool *member_end, struct error *err);
	void (*again)(void *state); /* another member begins */
	void (*close)(void *state);
};

/* A member's header (RFC 1952 section 2.3) is read here: isa-l forgets its flags where it is cut between two buffers. */
enum gzip_stage { GZIP_FIXED, GZIP_EXTRA_SIZE, GZIP_EXTRA, GZIP_NAME, GZIP_COMMENT, GZIP_CHECK, GZIP_BODY };

struct gzip_state {
	struct inflate_state z;
	enum gzip_stage stage;
	u32 flags, count, extra, check, crc; /* count: bytes of this stage */
};

static void gzip_again(void *state)
{
	struct gzip_state *g = state;
	isal_inflate_reset(&g->z);
	g->z.crc_flag = ISAL_GZIP_NO_HDR_VER;
	g->stage = GZIP_FIXED;
	g->count = g->extra = g->check = g->crc = 0;
}

static void *gzip_open(void)
{
	struct gzip_state *g = aligned_alloc(64, (sizeof *g + 63) & ~(size_t)63);
	if (!g)
		abort();
	memset(g, 0, sizeof *g);
	isal_inflate_init(&g->z);
	gzip_again(g);
	return g;
}

static void gzip_stage_done(struct gzip_state *g)
{
	static const u8 flag[] = { [GZIP_EXTRA_SIZE] = 4, [GZIP_EXTRA] = 4, [GZIP_NAME] = 8, [GZIP_COMMENT] = 16, [GZIP_CHECK] = 2 };
	g->count = 0;
	do
		g->stage++;
	while (g->stage < GZIP_BODY && (!(g->flags & flag[g->stage]) || (g->stage == GZIP_EXTRA && g->extra == 0)));
}

/* One byte of the header. */
static int gzip_header(struct gzip_state *g, u8 c, struct error *err)
{
	static const u8 magic[] = { 0x1f, 0x8b, 8 };
	u32 at = g->count++;
	if (g->stage != GZIP_CHECK)
		g->crc = crc32_gzip_refl(g->crc, &c, 1);
	switch (g->stage) {
	case GZIP_FIXED:
		if ((at < 3 && c != magic[at]) || (at == 3 && c & 0xe0)) /* reserved flags: the format after this one */
			return error_set(err, ERR_INPUT, "gzip: bad header");
		if (at == 3)
			g->flags = c;
		if (at == 9)
			gzip_stage_done(g);
		return 0;
	case GZIP_EXTRA_SIZE:
		g->extra |= (u32)c << 8 * at;
		if (at == 1)
			gzip_stage_done(g);
		return 0;
	case GZIP_EXTRA:
		if (g->count == g->extra)
			gzip_stage_done(g);
		return 0;
	case GZIP_NAME:
	case GZIP_COMMENT:
		if (c == '\0')
			gzip_stage_done(g);
		return 0;
	default:
		g->check |= (u32)c << 8 * at;
		if (at == 1 && g->check != (g->crc & 0xffff))
			return error_set(err, ERR_INPUT, "gzip: wrong checksum of a header");
		if (at == 1)
			gzip_stage_done(g);
		return 0;
	}
}

static const char *gzip_error(int r)
{
	switch (r) {
	case ISAL_INVALID_BLOCK: return "invalid block";
	case ISAL_INVALID_SYMBOL: return "invalid symbol";
	case ISAL_INVALID_LOOKBACK: return "distance reaches before the start";
	case ISAL_INVALID_WRAPPER: return "bad header";
	case ISAL_UNSUPPORTED_METHOD: return "unknown method";
	case ISAL_INCORRECT_CHECKSUM: return "wrong checksum";
	default: return "damaged";
	}
}

static ssize_t gzip_run(void *state, struct str *in, char *out, size_t room, bool *member_end, struct error *err)
{
	struct gzip_state *g = state;
	struct inflate_state *z = &g->z;
	for (; g->stage != GZIP_BODY; *in = str_from(*in, 1)) {
		if (in->n == 0)
			return 0;
		if (gzip_header(g, (u8)in->p[0], err) < 0)
			return -1;
	}
	z->next_in = (u8 *)(uintptr_t)in->p;
	z->avail_in = (u32)in->n;
	z->next_out = (u8 *)out;
	z->avail_out = (u32)room;
	int r = isal_inflate(z);
	if (r < 0)
		return error_set(err, ERR_INPUT, "gzip: %s", gzip_error(r));
	*in = str_from(*in, in->n - z->avail_in);
	*member_end = z->block_state == ISAL_BLOCK_FINISH && z->tmp_out_processed >= z->tmp_out_valid;
	return (ssize_t)(room - z->avail_out);
}

struct zstd_state {
	ZSTD_DCtx *ctx;
};

static void *zstd_open(void)
{
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	if (!ctx)
		abort();
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, 27);
	return ctx;
}

static ssize_t zstd_run(void *state, struct str *in, char *out, size_t room, bool *member_end, struct error *err)
{
	ZSTD_inBuffer src = { in->p, in->n, 0 };
	ZSTD_outBuffer dst = { out, room, 0 };
	size_t r = ZSTD_decompressStream(state, &dst, &src);
	if (ZSTD_isError(r))
		return error_set(err, ERR_INPUT, "zstd: %s", ZSTD_getErrorName(r));
	*in = str_from(*in, src.pos);
	*member_end = r == 0;
	return (ssize_t)dst.pos;
}

static void zstd_again(void *state) { ZSTD_DCtx_reset(state, ZSTD_reset_session_only); }
static void zstd_close(void *state) { ZSTD_freeDCtx(state); }

static void xz_begin(lzma_stream *z)
{
	if (lzma_stream_decoder(z, INFLATE_MEMORY, 0) != LZMA_OK)
		abort();
}

static void *xz_open(void)
{
	lzma_stream *z = xmalloc(sizeof *z);
	*z = (lzma_stream)LZMA_STREAM_INIT;
	xz_begin(z);
	return z;
}

static ssize_t xz_run(void *state, struct str *in, char *out, size_t room, bool *member_end, struct error *err)
{
	lzma_stream *z = state;
	z->next_in = (const u8 *)in->p;
	z->avail_in = in->n;
	z->next_out = (u8 *)out;
	z->avail_out = room;
	lzma_ret r = lzma_code(z, LZMA_RUN);
	if (r != LZMA_OK && r != LZMA_STREAM_END && r != LZMA_BUF_ERROR)
		return error_set(err, ERR_INPUT, "xz: %s", r == LZMA_MEMLIMIT_ERROR ? "wants too much memory" : r == LZMA_DATA_ERROR ? "damaged" : "unsupported or damaged");
	*in = str_from(*in, in->n - z->avail_in);
	*member_end = r == LZMA_STREAM_END;
	return (ssize_t)(room - z->avail_out);
}

static void xz_again(void *state) { xz_begin(state); }

static void xz_close(void *state)
{
	lzma_end(state);
	free(state);
}

static void bzip2_begin(bz_stream *z)
{
	memset(z, 0, sizeof *z);
	if (BZ2_bzDecompressInit(z, 0, 0) != BZ_OK)
		abort();
}

static void *bzip2_open(void)
{
	bz_stream *z = xmalloc(sizeof *z);
	bzip2_begin(z);
	return z;
}

static ssize_t bzip2_run(void *state, struct str *in, char *out, size_t room, bool *member_end, struct error *err)
{
	bz_stream *z = state;
	z->next_in = (char *)(uintptr_t)in->p;
	z->avail_in = (unsigned)in->n;
	z->next_out = out;
	z->avail_out = (unsigned)room;
	int r = BZ2_bzDecompress(z);
	if (r != BZ_OK && r != BZ_STREAM_END)
		return error_set(err, ERR_INPUT, "bzip2: damaged");
	*in = str_from(*in, in->n - z->avail_in);
	*member_end = r == BZ_STREAM_END;
	return (ssize_t)(room - z->avail_out);
}

static void bzip2_again(void *state)
{
	BZ2_bzDecompressEnd(state);
	bzip2_begin(state);
}

static void bzip2_close(void *state)
{
	BZ2_bzDecompressEnd(state);
	free(state);
}

static const struct codec codecs[] = {
	[COMP_GZIP] = { gzip_open, gzip_run, gzip_again, free },
	[COMP_ZSTD] = { zstd_open, zstd_run, zstd_again, zstd_close },
	[COMP_XZ] = { xz_open, xz_run, xz_again, xz_close },
	[COMP_BZIP2] = { bzip2_open, bzip2_run, bzip2_again, bzip2_close },
};

struct inflate_stream {
	struct stream base;
	struct stream *inner;
	const struct codec *codec;
	enum compression kind;
	void *state;
	struct str in;   /* of the inner stream, not used up */
	u64 taken, made; /* bytes in and out */
	bool between;    /* no member is open */
	struct error late; /* found behind bytes that were given out first */
	bool eof;        /* the inner stream has ended */
	char *ring;
	u32 turn;
};

/* More input when there is none. */
static int refill(struct inflate_stream *z, struct error *err)
{
	if (z->in.n || z->eof)
		return 0;
	if (stream_next(z->inner, &z->in, err) < 0)
		return -1;
	z->taken += z->in.n;
	z->eof = z->in.n == 0;
	return 0;
}

/* Between members: zeros are padding; 1 when a member begins, 0 at the end. */
static int next_member(struct inflate_stream *z, struct error *err)
{
	for (;;) {
		if (refill(z, err) < 0)
			return -1;
		if (z->eof)
			return 0;
		while (z->in.n && z->in.p[0] == '\0')
			z->in = str_from(z->in, 1);
		if (z->in.n)
			break;
	}
	z->codec->again(z->state);
	z->between = false;
	return 1;
}

static int check_budget(struct inflate_stream *z, struct error *err)
{
	if (z->made > INFLATE_MAX || (z->made > INFLATE_FREE && z->made / INFLATE_RATIO > z->taken))
		return error_set(err, ERR_INPUT, "%s: grows from %llu to more than %llu bytes: over the budget", compression_name(z->kind), (unsigned long long)z->taken, (unsigned long long)z->made);
	return 0;
}

/* Fills `out` up to STREAM_CHUNK; *have is right in any case. */
static int fill(struct inflate_stream *z, char *out, size_t *have, struct error *err)
{
	while (*have < STREAM_CHUNK) {
		if (z->between) {
			int r = next_member(z, err);
			if (r <= 0)
				return r;
		}
		if (refill(z, err) < 0)
			return -1;
		size_t before = z->in.n;
		bool end = false;
		ssize_t n = z->codec->run(z->state, &z->in, out + *have, STREAM_CHUNK - *have, &end, err);
		if (n < 0)
			return -1;
		*have += (size_t)n;
		z->between = end;
		if (n == 0 && !end && before == z->in.n && (z->eof || before))
			return error_set(err, ERR_INPUT, z->eof ? "%s: ends early" : "%s: damaged", compression_name(z->kind));
	}
	return 0;
}

static int inflate_next(struct stream *s, struct str *view, struct error *err)
{
	struct inflate_stream *z = (struct inflate_stream *)s;
	char *out = z->ring + (size_t)(z->turn++ % STREAM_RING) * STREAM_CHUNK;
	size_t have = 0;
	/* What came before the damage is given out before it is told: the entries in it can be read. */
	if (z->late.kind == ERR_NONE && fill(z, out, &have, &z->late) == 0) {
		z->made += have;
		if (check_budget(z, &z->late) == 0) {
			*view = str_n(out, have);
			return 0;
		}
		have = 0;
	}
	if (have == 0) {
		if (err)
			*err = z->late;
		return -1;
	}
	z->made += have;
	*view = str_n(out, have);
	return 0;
}

static void inflate_close(struct stream *s)
{
	struct inflate_stream *z = (struct inflate_stream *)s;
	z->codec->close(z->state);
	stream_close(z->inner);
	free(z->ring);
	free(z);
}

static const struct stream_ops inflate_ops = { inflate_next, NULL, inflate_close };

int stream_inflate(struct stream *inner, struct stream **ret, enum compression *ret_kind, struct error *err)
{
	/* Six bytes tell; a pipe may give fewer at a time. What was read goes back in front. */
	struct buf seen = BUF(0);
	struct str view;
	do {
		if (stream_next(inner, &view, err) < 0) {
			buf_free(&seen);
			stream_close(inner);
			return -1;
		}
		buf_add(&seen, view);
	} while (view.n && seen.n < 6);
	enum compression kind = compression_sniff(buf_str(&seen));
	struct stream *joined = stream_concat(buf_str(&seen), inner);
	buf_free(&seen);
	if (ret_kind)
		*ret_kind = kind;
	if (kind == COMP_NONE) {
		*ret = joined;
		return 0;
	}
	struct inflate_stream *z = xcalloc(1, sizeof *z);
	z->base.ops = &inflate_ops;
	z->inner = joined;
	z->kind = kind;
	z->codec = &codecs[kind];
	z->state = z->codec->open();
	z->ring = xmalloc(STREAM_RING * STREAM_CHUNK);
	*ret = &z->base;
	return 0;
}
