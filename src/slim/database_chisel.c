#include "base/json.h"
#include "layer/deflate.h"
#include "package/chisel.h"
#include "slim/database_parts.h"

struct wall {
	struct databases *w;
	node_id file;
	struct buf lines; /* those that stay, behind the first */
	u64 gone;
};

static bool has_package(const struct wall *m, struct str name)
{
	for (u32 i = 0; i < m->w->p->n; i++)
		if (m->w->p->v[i].database == m->file && m->w->x->left[i] && str_is(name, m->w->p->v[i].name))
			return true;
	return false;
}

static bool has_path(const struct wall *m, struct str path)
{
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	node_id id = path.n && path.n <= TAR_PATH_MAX ? rootfs_find(m->w->r, path, false) : 0;
	return id && dbs_stays(m->w, id);
}

/* "libc6_libs" is of libc6; of what kind a line is unknown, it stays. */
static bool line_stays(const struct wall *m, const json_t *o)
{
	struct str kind = json_view(o, "kind"), path = json_view(o, "path"), slice = json_view(o, str_is(kind, "slice") ? "name" : "slice"), of = str_cut(&slice, '_');
	if (str_is(kind, "package"))
		return has_package(m, json_view(o, "name"));
	if (str_is(kind, "slice"))
		return has_package(m, of);
	return str_is(kind, "content") ? has_package(m, of) && has_path(m, path) : str_is(kind, "path") ? has_path(m, path) : true;
}

static void filter(struct wall *m, struct str rest)
{
	while (rest.p && rest.n) {
		struct str l = str_cut(&rest, '\n');
		struct error ignored = { 0 };
		json_t *o autojson = l.n <= CHISEL_LINE && l.n ? json_read(l, "line", &ignored) : NULL;
		if (!o || !line_stays(m, o)) {
			m->gone += l.n != 0;
			continue;
		}
		buf_add(&m->lines, l);
		buf_putc(&m->lines, '\n');
	}
}

static int collect(void *ctx, struct str bytes, struct error *err)
{
	(void)err;
	buf_add(ctx, bytes);
	return 0;
}

/* {"jsonwall":"1.0","schema":"1.0","count":N}: N is so many less. */
static int put(struct wall *m, struct str first, struct error *err)
{
	json_t *head autojson = json_read(first, "manifest.wall", err);
	u64 count = 0;
	if (!head)
		return -1;
	if (json_u64(head, "count", &count))
		json_object_set_new(head, "count", json_integer((json_int_t)(count - MIN(m->gone, count))));
	char *z = json_dumps(head, JSON_COMPACT);
	struct buf out = BUF(0);
	struct deflate *d = deflate_new(COMP_ZSTD, 0, collect, &out);
	int r = z ? 0 : error_set(err, ERR_ENV, "no memory");
	if (r < 0 || deflate_write(d, str_of(z), err) < 0 || deflate_write(d, STR("\n"), err) < 0 || deflate_write(d, buf_str(&m->lines), err) < 0 || deflate_finish(d, err) < 0)
		r = -1;
	deflate_free(d);
	free(z);
	if (r == 0)
		dbs_replace(m->w, m->file, buf_str(&out));
	buf_free(&out);
	return r;
}

static int inflate(struct str packed, struct buf *out, struct error *err)
{
	struct stream *plain;
	struct str view = STR("x");
	if (stream_inflate(stream_memory(packed), &plain, NULL, err) < 0)
		return -1;
	int r = 0;
	while (r == 0 && view.n && !out->over) {
		r = stream_next(plain, &view, err);
		if (r == 0)
			buf_add(out, view);
	}
	stream_close(plain);
	return r == 0 && out->over ? error_set(err, ERR_INPUT, "manifest.wall: over %llu MiB", (unsigned long long)(CHISEL_PLAIN / MiB)) : r;
}

int dbs_chisel(struct databases *w, struct error *err)
{
	struct wall m = { .w = w, .file = rootfs_find(w->r, STR("/var/lib/chisel/manifest.wall"), true), .lines = BUF(CHISEL_PLAIN) };
	struct buf packed = BUF(0), plain = BUF(CHISEL_PLAIN);
	bool left = false;
	for (u32 i = 0; i < w->p->n && m.file; i++)
		left |= w->p->v[i].database == m.file && w->x->left[i];
	if (!m.file || rootfs_type(w->r, m.file) != TAR_FILE)
		return 0;
	if (dbs_whole(w, m.file, "chisel"))
		return 0;
	if (!left) {
		dbs_goes(w, m.file);
		return 0;
	}
	dbs_keeps(w, m.file);
	int r = dbs_read(w, m.file, &packed, err) < 0 || inflate(buf_str(&packed), &plain, err) < 0 ? -1 : 0;
	struct str rest = buf_str(&plain), first = str_cut(&rest, '\n');
	if (r == 0)
		filter(&m, rest);
	if (r == 0 && m.gone)
		r = put(&m, first, err);
	buf_free(&packed);
	buf_free(&plain);
	buf_free(&m.lines);
	return r < 0 ? error_wrap(err, "/var/lib/chisel/manifest.wall") : 0;
}
