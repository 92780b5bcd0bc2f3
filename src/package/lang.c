#include "package/lang.h"

u32 lang_load(struct packages *p, const struct rootfs *r, node_id file, enum collector_id id, const char *type)
{
	u32 first = p->n, n = packages_load(p, r, file, id, type, true);
	for (u32 i = first; i < first + n; i++)
		p->v[i].origin = ORIGIN_INSTALLED;
	return n;
}

void lang_private(const struct packages *p, const struct rootfs *r, node_id file, enum collector_id id, u32 first, void (*tell)(void *ctx, u32 package, u8 tag, struct str bytes), void *ctx)
{
	struct note_reader n = { .rest = packages_note(r, file, id) };
	struct str s;
	u8 tag;
	u32 count = 0;
	while (note_next(&n, &tag, &s)) {
		count += tag == NOTE_PACKAGE;
		if (tag >= NOTE_PRIVATE && count && first + count <= p->n)
			tell(ctx, first + count - 1, tag, s);
	}
	note_close(&n);
}

void lang_own_listed(struct packages *p, const struct rootfs *r, u32 i, node_id list, enum collector_id id)
{
	struct note_reader n = { .rest = packages_note(r, list, id) };
	struct str s;
	u8 tag;
	while (note_next(&n, &tag, &s)) {
		if (tag == NOTE_PATH)
			packages_own(p, r, i, s);
		else if (tag == NOTE_DAMAGE)
			packages_problem(p, r, list, s);
	}
	note_close(&n);
}

node_id lang_dir(const struct rootfs *r, struct str path)
{
	node_id at = ROOTFS_ROOT;
	while (at && path.p) {
		struct str name = str_cut(&path, '/');
		if (name.n)
			at = rootfs_child(r, at, name);
		if (at && rootfs_type(r, at) != TAR_DIR)
			at = 0;
	}
	return at;
}

void lang_own(struct packages *p, node_id file, u32 i)
{
	if (!p->owner[file])
		p->owner[file] = i + 1;
}

void claim(struct claims *c, node_id dir, u32 package)
{
	if (dir <= ROOTFS_ROOT)
		return; /* nobody's own */
	if (!c->of)
		c->of = xcalloc(c->r->nodes.n, sizeof *c->of);
	if (!c->of[dir])
		c->of[dir] = package + 1;
}

void claims_settle(struct claims *c, struct packages *p, const char *stop)
{
	for (node_id id = c->of ? rootfs_next(c->r, ROOTFS_ROOT) : 0; id; id = rootfs_next(c->r, id)) {
		u32 of = c->of[rootfs_node(c->r, id)->parent];
		if (rootfs_type(c->r, id) != TAR_DIR) {
			if (of)
				lang_own(p, id, of - 1);
		} else if (!c->of[id] && of && !(stop && str_is(lang_name(c->r, id), stop))) {
			c->of[id] = of;
		}
	}
	free(c->of);
	c->of = NULL;
}

bool lang_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((u8)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n && s.n <= KiB;
}

bool lang_iends(struct str s, struct str suffix) { return s.n >= suffix.n && str_ieq(str_from(s, s.n - suffix.n), suffix); }

struct str lang_join(struct str dir, struct str path, struct buf *out)
{
	struct str part[2] = { dir, path };
	buf_clear(out);
	for (int i = path.n && path.p[0] == '/' ? 1 : 0; i < 2; i++) {
		while (part[i].p) {
			struct str name = str_cut(&part[i], '/');
			if (name.n == 0 || str_is(name, "."))
				continue;
			if (!str_is(name, "..")) {
				if (out->n)
					buf_putc(out, '/');
				buf_add(out, name);
				continue;
			}
			const char *slash = out->n ? memrchr(out->p, '/', out->n) : NULL;
			out->n = slash ? (size_t)(slash - out->p) : 0;
		}
	}
	return buf_str(out);
}

void lang_list(struct buf *b, const char *sep, struct str s)
{
	s = str_trim(s);
	if (!s.n)
		return;
	if (b->n)
		buf_puts(b, sep);
	buf_add(b, s);
}

void lang_keys(struct buf *b, const json_t *obj)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)obj, key, v)
		lang_list(b, ", ", str_of(key));
}
