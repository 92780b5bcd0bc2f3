/* differs.c — two builds of the same: which step came to something else, and what of it is not the same. */
#include "build/build.h"
#include "build/leak.h"
#include "layer/tar.h"
#include "store/store.h"
#include <time.h>

struct side {
	struct stream *s;
	struct tar *t;
	struct tar_entry e;
	char path[TAR_PATH_MAX + 1];
	size_t n;
	int state; /* of tar_next() */
};

static int next(struct side *v, struct error *err)
{
	v->state = tar_next(v->t, &v->e, err);
	if (v->state == 1) {
		ssize_t n = tar_clean(v->e.path, v->path);
		v->n = n < 0 ? 0 : (size_t)n;
	}
	return v->state;
}

static int open_side(struct store *s, const struct digest *layer, struct side *v, struct error *err)
{
	*v = (struct side){ 0 };
	if (layer_open(s, layer, &v->s, NULL, err) < 0)
		return -1;
	v->t = tar_open(v->s);
	return 0;
}

static void close_side(struct side *v)
{
	if (v->t)
		tar_close(v->t);
	stream_close(v->s);
}

/* The first byte in which the contents differ; UINT64_MAX: none. */
static int first_byte(struct side *a, struct side *b, u64 *ret, struct error *err)
{
	struct str x = { 0 }, y = { 0 };
	u64 at = 0;
	for (;;) {
		if ((!x.n && tar_content(a->t, &x, err) < 0) || (!y.n && tar_content(b->t, &y, err) < 0))
			return -1;
		if (!x.n && !y.n)
			break;
		size_t n = MIN(x.n, y.n), same = str_same(x, y);
		if (!n || same < n) {
			*ret = at + (n ? same : 0);
			return 0;
		}
		at += n;
		x = str_from(x, n);
		y = str_from(y, n);
	}
	*ret = UINT64_MAX;
	return 0;
}

/* 1: said what differs. */
static int entry_differs(struct side *a, struct side *b, struct buf *out, struct error *err)
{
	const struct tar_entry *x = &a->e, *y = &b->e;
	u64 at;
	size_t was = out->n;
	if (x->type != y->type)
		buf_printf(out, "is of another kind");
	else if (x->mode != y->mode)
		buf_printf(out, "mode %04o, then %04o", x->mode, y->mode);
	else if (x->uid != y->uid || x->gid != y->gid)
		buf_printf(out, "owner %u:%u, then %u:%u", x->uid, x->gid, y->uid, y->gid);
	else if (!str_eq(x->link, y->link))
		buf_printf(out, "leads elsewhere");
	else if (x->mtime != y->mtime || x->mtime_ns != y->mtime_ns)
		buf_printf(out, "its time differs: the step sets it");
	else if (!str_eq(x->xattrs, y->xattrs))
		buf_printf(out, "its extended attributes differ");
	else if (x->type == TAR_FILE) {
		u64 m = x->size, n = y->size;
		if (first_byte(a, b, &at, err) < 0)
			return -1;
		if (at != UINT64_MAX)
			buf_printf(out, "its content differs from byte %llu on (%llu bytes, then %llu)", (unsigned long long)at, (unsigned long long)m, (unsigned long long)n);
	}
	return out->n > was;
}

static int layers_differ(struct store *s, const struct digest *one, const struct digest *two, struct buf *out, struct error *err)
{
	struct side *v = xcalloc(2, sizeof *v);
	int r = open_side(s, one, &v[0], err);
	r = r < 0 ? r : open_side(s, two, &v[1], err);
	while (r == 0 && (r = next(&v[0], err)) >= 0 && (r = next(&v[1], err)) >= 0) {
		struct str x = str_n(v[0].path, v[0].n), y = str_n(v[1].path, v[1].n);
		r = 0;
		if (v[0].state != 1 && v[1].state != 1)
			break;
		bool only_a = v[1].state != 1 || (v[0].state == 1 && str_cmp(x, y) < 0), only_b = v[0].state != 1 || (v[1].state == 1 && str_cmp(y, x) < 0);
		size_t at = out->n;
		buf_printf(out, "/%.*s: ", STR_FMT(only_b ? y : x));
		if (only_a || only_b)
			buf_printf(out, "was only there the %s time", only_a ? "first" : "second");
		else
			r = entry_differs(&v[0], &v[1], out, err);
		if (r < 0 || r == 1 || only_a || only_b)
			break;
		out->n = at;
	}
	close_side(&v[0]);
	close_side(&v[1]);
	free(v);
	return r < 0 ? r : 0;
}

/* --- what another day would make of it --- */
static void say_step(const struct build_trace *x, struct buf *out)
{
	struct str rest = str_of(x->name);
	str_cut(&rest, ']');
	buf_printf(out, "%s:%.*s: ", x->place, STR_FMT(rest));
}

/* The day as programs write it. */
static struct leak *names_of_day(s64 now)
{
	static const char *const forms[] = { "%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%b %e %Y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y" };
	char text[countof(forms)][40];
	struct str v[countof(forms)];
	time_t t = (time_t)now;
	struct tm tm;
	gmtime_r(&t, &tm);
	for (size_t i = 0; i < countof(forms); i++)
		v[i] = str_n(text[i], strftime(text[i], sizeof text[i], forms[i], &tm));
	return leak_new(v, countof(forms));
}

/* 1: *v is at the first file of the layer that has one of them in it. */
static int find_in_layer(struct leak *names, struct side *v, struct error *err)
{
	int r;
	while ((r = next(v, err)) == 1) {
		struct str piece;
		leak_begin(names);
		while (v->e.type == TAR_FILE && (r = tar_content(v->t, &piece, err)) >= 0 && piece.n)
			if (leak_on(names, piece))
				return 1;
		if (r < 0)
			return -1;
	}
	return r;
}

int build_days(const char *store, const struct build_result *is, s64 now, struct buf *out, struct error *err)
{
	struct store *s;
	struct leak *names = names_of_day(now);
	struct side *v = xcalloc(1, sizeof *v);
	int r = store_open(store, false, &s, err) < 0 ? -1 : 0;
	bool opened = r == 0;
	for (u32 i = 0; i < is->n_trace && r == 0; i++) {
		const struct build_trace *x = &is->trace[i];
		if (!x->ran || !x->diff_id.alg)
			continue;
		int found = open_side(s, &x->layer, v, err) < 0 ? -1 : find_in_layer(names, v, err);
		if (found == 1) {
			say_step(x, out);
			buf_printf(out, "/%.*s names the day of this build\n", (int)v->n, v->path);
		}
		close_side(v);
		r = found < 0 ? -1 : 0;
	}
	if (opened)
		store_close(s);
	free(v);
	leak_free(names);
	return r;
}

int build_differs(const char *store, const struct build_result *a, const struct build_result *b, struct buf *out, struct error *err)
{
	const struct build_trace *x = NULL, *y = NULL;
	struct store *s;
	for (u32 i = 0; i < a->n_trace && !y; i++)
		for (u32 k = 0; k < b->n_trace && !y; k++) {
			x = &a->trace[i];
			if (digest_eq(&x->key, &b->trace[k].key) && !digest_eq(&x->diff_id, &b->trace[k].diff_id))
				y = &b->trace[k];
		}
	if (!y) {
		if (!digest_eq(&a->digest, &b->digest))
			buf_puts(out, "the configurations differ");
		return 0;
	}
	say_step(x, out);
	if (!x->diff_id.alg || !y->diff_id.alg) {
		buf_puts(out, "changed something only one time");
		return 0;
	}
	if (store_open(store, false, &s, err) < 0)
		return -1;
	int r = layers_differ(s, &x->layer, &y->layer, out, err);
	store_close(s);
	return r;
}
