#include "build/leak.h"
#include "base/crypto.h"
#include "base/file.h"
#include "run/inner.h"
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEAK_MIN 4u    /* bytes of a value */
#define BASE64_MIN 12u /* of one that is looked for in base64, too */
#define TOLD (64 * KiB)

struct leak {
	struct str *v;
	u32 n;
	size_t most;        /* bytes of the longest */
	bool first[256];    /* what one begins with */
	struct buf window;  /* the end of what passed, and what comes */
	struct buf wait[2]; /* by stream: what may be the beginning of one */
};

static void add(struct leak *l, struct str v)
{
	char *copy = xmalloc(v.n);
	memcpy(copy, v.p, v.n);
	l->v[l->n++] = str_n(copy, v.n);
	l->most = MAX(l->most, v.n);
	l->first[(u8)v.p[0]] = true;
}

/* Wherever it stands in what was encoded: the letters that are its own alone. */
static void add_base64(struct leak *l, struct str v)
{
	for (size_t skip = 0; skip < 3; skip++) {
		struct str whole = str_head(str_from(v, skip), (v.n - skip) / 3 * 3);
		autofree char *text = xmalloc(whole.n / 3 * 4 + 1);
		int n = crypto()->base64_encode((u8 *)text, (const u8 *)whole.p, (int)whole.n);
		add(l, str_n(text, (size_t)n));
	}
}

struct leak *leak_new(const struct str *values, u32 n)
{
	struct leak *l = xcalloc(1, sizeof *l);
	l->v = xcalloc(4 * (size_t)n + 1, sizeof *l->v);
	l->window = l->wait[0] = l->wait[1] = (struct buf)BUF(0);
	for (u32 i = 0; i < n; i++) {
		struct str v = str_trim(values[i]);
		if (v.n >= LEAK_MIN)
			add(l, v);
		if (v.n >= BASE64_MIN && v.n < GiB)
			add_base64(l, v);
	}
	if (l->n)
		return l;
	leak_free(l);
	return NULL;
}

void leak_free(struct leak *l)
{
	if (!l)
		return;
	for (u32 i = 0; i < l->n; i++)
		free((char *)(uintptr_t)l->v[i].p);
	free(l->v);
	buf_free(&l->window);
	buf_free(&l->wait[0]);
	buf_free(&l->wait[1]);
	free(l);
}

bool leak_in(const struct leak *l, struct str text)
{
	for (u32 i = 0; i < l->n; i++)
		if (str_contains(text, l->v[i]))
			return true;
	return false;
}

void leak_begin(struct leak *l) { buf_clear(&l->window); }

bool leak_on(struct leak *l, struct str bytes)
{
	buf_add(&l->window, bytes);
	bool is = leak_in(l, buf_str(&l->window));
	size_t keep = MIN(l->window.n, l->most);
	memmove(l->window.p, l->window.p + l->window.n - keep, keep);
	l->window.n = keep;
	return is;
}

/* Bytes of the longest value that stands here; *maybe: more has to come. */
static size_t stands_here(const struct leak *l, struct str rest, bool *maybe)
{
	size_t ret = 0;
	for (u32 i = 0; i < l->n; i++)
		if (str_starts(rest, l->v[i]))
			ret = MAX(ret, l->v[i].n);
		else if (str_starts(l->v[i], rest))
			*maybe = true;
	return ret;
}

void leak_mask(struct leak *l, int stream, struct str bytes, bool last, struct buf *out)
{
	struct buf *w = &l->wait[stream == 2];
	size_t at = 0;
	buf_add(w, bytes);
	while (at < w->n) {
		size_t from = at;
		while (at < w->n && !l->first[(u8)w->p[at]])
			at++;
		buf_add(out, str_n(w->p + from, at - from));
		if (at == w->n)
			break;
		bool maybe = false;
		size_t is = stands_here(l, str_n(w->p + at, w->n - at), &maybe);
		if (maybe && !last)
			break;
		buf_add(out, is ? STR("***") : str_n(w->p + at, 1));
		at += MAX(is, 1u);
	}
	memmove(w->p, w->p + at, w->n - at);
	w->n -= at;
}

/* --- cache mounts --- */
struct cleaning {
	struct leak *l;
	int dir;
	const char *name;
	s64 since;
	struct buf *out;
};

static bool file_has(struct leak *l, const char *path)
{
	char piece[64 * KiB];
	autofd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	leak_begin(l);
	for (ssize_t n; fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0;)
		if (leak_on(l, str_n(piece, (size_t)n)))
			return true;
	return false;
}

static int clean(void *ctx, int out, struct error *err)
{
	struct cleaning *c = ctx;
	autofd int fd = openat(c->dir, c->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	FTS *all = fd < 0 || fchdir(fd) < 0 ? NULL : fts_open((char *const[]){ (char *)(uintptr_t)".", NULL }, FTS_PHYSICAL | FTS_XDEV, NULL);
	if (!all)
		return error_errno(err, "a cache mount");
	for (FTSENT *e; (e = fts_read(all));) {
		bool goes = e->fts_level > 0 && (e->fts_parent->fts_number || leak_in(c->l, str_of(e->fts_name))), told = goes && !e->fts_parent->fts_number;
		e->fts_number = goes;
		if (e->fts_info == FTS_D || e->fts_level == 0)
			continue;
		if (!goes && e->fts_info == FTS_F && e->fts_statp->st_ctim.tv_sec >= c->since)
			goes = told = file_has(c->l, e->fts_accpath);
		if (goes && unlinkat(AT_FDCWD, e->fts_accpath, e->fts_info == FTS_DP ? AT_REMOVEDIR : 0) < 0 && errno != ENOENT) {
			error_errno(err, "a file of a cache mount that has the value of a secret");
			fts_close(all);
			return -1;
		}
		const char *path = leak_in(c->l, str_of(e->fts_path)) ? "./***" : e->fts_path;
		if (told && (file_write_all(out, path + 1, strlen(path + 1)) < 0 || file_write_all(out, "\n", 1) < 0))
			break; /* enough was told */
	}
	fts_close(all);
	return 0;
}

static int take(void *ctx, int in, struct error *err)
{
	struct cleaning *c = ctx;
	char piece[4096];
	(void)err;
	for (ssize_t n; (n = read(in, piece, sizeof piece)) > 0;)
		if (c->out->n < TOLD)
			buf_add(c->out, str_n(piece, (size_t)n));
	return 0;
}

int leak_clean(struct leak *l, const struct run_ids *ids, int dir, const char *name, s64 since, struct buf *out, struct error *err)
{
	struct cleaning c = { l, dir, name, since, out };
	return ids_do_with(ids, clean, take, &c, err);
}
