#include "slim/database.h"
#include "layer/tarout.h"
#include "slim/database_parts.h"
#include "slim/prove.h"
#include "store/load.h"

#define INFO "/var/lib/dpkg/info"

int dbs_read(struct databases *w, node_id id, struct buf *out, struct error *err)
{
	const struct inode *in = rootfs_inode(w->r, rootfs_node(w->r, id)->inode);
	struct stream *s;
	*out = BUF(DATABASE_MAX);
	if (image_open_file(w->r->image, in->layer, in->entry, &s, err) < 0)
		return -1;
	struct str view = STR("x");
	int r = 0;
	while (r == 0 && view.n && !out->over) {
		r = stream_next(s, &view, err);
		if (r == 0)
			buf_add(out, view);
	}
	stream_close(s);
	if (r == 0 && out->over)
		r = error_set(err, ERR_INPUT, "over %s", "64 MB");
	return r < 0 ? error_wrap(err, "%s", rootfs_path(w->r, id, &w->path).p) : 0;
}

static s64 time_of(const struct rootfs *r, node_id id)
{
	const struct fact_entry *e = rootfs_entry(r, id);
	return e ? e->mtime : 0;
}

void dbs_goes(struct databases *w, node_id id)
{
	if (id)
		w->c->litter->kind[id] = LITTER_DATABASE;
}

static void goes_below(struct databases *w, node_id dir)
{
	for (node_id id = dir; id; id = rootfs_next(w->r, id)) { /* whoever lies below it comes after it */
		node_id up = id;
		while (up && up != dir && up != ROOTFS_ROOT)
			up = rootfs_node(w->r, up)->parent;
		if (up == dir && (id != dir || rootfs_type(w->r, id) != TAR_DIR) && !w->c->graph->use[id])
			dbs_goes(w, id);
	}
}

/* A directory, or a file, and the directories above it stay. */
void dbs_keeps(struct databases *w, node_id id)
{
	for (; id && id != ROOTFS_ROOT && w->c->litter->kind[id]; id = rootfs_node(w->r, id)->parent)
		w->c->litter->kind[id] = LITTER_NONE;
}

static void find_left(struct databases *w)
{
	w->x->left = xcalloc(w->p->n + 1u, sizeof *w->x->left);
	for (node_id id = rootfs_next(w->r, ROOTFS_ROOT); id; id = rootfs_next(w->r, id)) {
		u32 o = id < w->p->n_owner ? w->p->owner[id] : 0;
		if (!o || !dbs_stays(w, id) || rootfs_type(w->r, id) == TAR_DIR || w->p->v[o - 1].database == id || w->x->left[o - 1])
			continue;
		struct str path = rootfs_path(w->r, id, &w->path);
		node_id to = rootfs_type(w->r, id) == TAR_SYMLINK ? rootfs_find(w->r, path, true) : 0;
		if (to && rootfs_type(w->r, to) == TAR_DIR) /* /bin, /lib: everybody's */
			continue;
		bool terms = (str_starts(path, STR("/usr/share/doc/")) && str_ends(path, STR("/copyright"))) || str_starts(path, STR("/usr/share/licenses/"));
		w->x->left[o - 1] = !terms && !str_starts(path, STR(INFO));
	}
}

static int by_path(const void *a, const void *b) { return strcmp(((const struct addition *)a)->path, ((const struct addition *)b)->path); }

bool dbs_asked(const struct databases *w, node_id id)
{
	return id && (w->c->wanted[id] || (w->c->graph->use[id] && w->c->graph->use[id] != USE_PACKAGE && w->c->graph->use[id] != USE_SYSTEM));
}

static void put(struct additions *x, struct addition n)
{
	n.path = arena_strdup(&x->a, str_of(n.path));
	n.content = str_n(arena_bytes(&x->a, n.content), n.content.n);
	VEC_PUSH(x->v, x->n, x->cap, n);
	qsort(x->v, x->n, sizeof *x->v, by_path);
}

static bool has(const struct additions *x, struct str path)
{
	for (u32 i = 0; i < x->n; i++)
		if (str_is(path, x->v[i].path))
			return true;
	return false;
}

bool dbs_whole(struct databases *w, node_id id, const char *of)
{
	if (!w->c->keep_databases || !dbs_asked(w, id))
		return false;
	dbs_keeps(w, id);
	problem_add(&w->x->doubts, "%s: %s is kept as it is, since the program tells what it says, and lists packages that are gone", of, rootfs_path(w->r, id, &w->path).p);
	return true;
}

void dbs_replace(struct databases *w, node_id id, struct str content)
{
	const struct fact_entry *e = rootfs_entry(w->r, id);
	struct addition n = { .path = str_from(rootfs_path(w->r, id, &w->path), 1).p, .content = content, .mode = e ? e->mode & 07777 : 0644, .mtime = time_of(w->r, id) };
	if (e) {
		n.uid = e->uid;
		n.gid = e->gid;
	}
	put(w->x, n);
	w->x->in_use |= dbs_asked(w, id);
	dbs_goes(w, id);
}

/* --- dpkg --- */
static const struct package *package_named(const struct databases *w, const char *type, struct str name, struct str arch, u32 *at)
{
	for (u32 i = 0; i < w->p->n; i++) {
		const struct package *k = &w->p->v[i];
		if (k->origin == ORIGIN_DATABASE && strcmp(k->type, type) == 0 && str_is(name, k->name) && (!arch.n || str_is(arch, k->arch))) {
			*at = i;
			return k;
		}
	}
	return NULL;
}

static struct str field(struct str stanza, const char *name)
{
	while (stanza.p) {
		struct str line = str_cut(&stanza, '\n'), value = line;
		struct str key = str_cut(&value, ':');
		if (value.p && str_ieq(key, str_of(name)))
			return str_trim(value);
	}
	return STR("");
}

/* Up to the next empty line. */
static struct str stanza_of(struct str *rest)
{
	struct str all = *rest;
	size_t n = 0;
	while (rest->p) {
		struct str line = str_cut(rest, '\n');
		if (!str_trim(line).n)
			break;
		n = (size_t)(line.p - all.p) + line.n;
	}
	return str_head(all, n);
}

/* NAME.md5sums, or NAME:ARCH.md5sums; 0: there is none. */
static node_id info_file(struct databases *w, const struct package *k, const char *what)
{
	struct buf path = BUF(0);
	buf_printf(&path, INFO "/%s:%s.%s", k->name, k->arch, what);
	node_id id = rootfs_find(w->r, buf_str(&path), true);
	buf_clear(&path);
	buf_printf(&path, INFO "/%s.%s", k->name, what);
	id = id ? id : rootfs_find(w->r, buf_str(&path), true);
	buf_free(&path);
	return id && rootfs_type(w->r, id) == TAR_FILE ? id : 0;
}

/* Beside a status that stays at its place: which files are the package's, without those that went. */
static int list(struct databases *w, const struct package *k, struct error *err)
{
	struct buf text = BUF(0), out = BUF(0);
	node_id id = info_file(w, k, "list");
	int r = id ? dbs_read(w, id, &text, err) : 0;
	for (struct str rest = buf_str(&text); r == 0 && rest.p && rest.n;) {
		struct str line = str_cut(&rest, '\n');
		node_id file = line.n && line.n <= TAR_PATH_MAX ? rootfs_find(w->r, line, false) : 0;
		if (!file || !dbs_stays(w, file))
			continue;
		buf_add(&out, line);
		buf_putc(&out, '\n');
	}
	if (r == 0 && id && (out.n == text.n || (w->c->keep_databases && dbs_asked(w, id))))
		dbs_keeps(w, id);
	else if (r == 0 && id)
		dbs_replace(w, id, buf_str(&out));
	buf_free(&text);
	buf_free(&out);
	return r;
}

/* That, without the files that went. */
static int md5sums(struct databases *w, const struct package *k, struct buf *out, struct error *err)
{
	struct buf path = BUF(0), text = BUF(0);
	node_id id = info_file(w, k, "md5sums");
	int r = id ? dbs_read(w, id, &text, err) : 0;
	for (struct str rest = buf_str(&text); r == 0 && rest.p && rest.n;) {
		struct str line = str_cut(&rest, '\n');
		if (line.n < 35)
			continue;
		buf_clear(&path);
		buf_putc(&path, '/');
		buf_add(&path, str_from(line, 34));
		node_id file = path.n <= TAR_PATH_MAX ? rootfs_find(w->r, buf_str(&path), false) : 0;
		if (!file || !dbs_stays(w, file) || file >= w->p->n_owner || w->p->owner[file] != (u32)(k - w->p->v) + 1) /* a diversion puts another's there */
			continue;
		buf_add(out, line);
		buf_putc(out, '\n');
	}
	buf_free(&path);
	buf_free(&text);
	return r;
}

/* Whether it can be the name of a file of its own: no "..", no whiteout. */
static bool plain(const char *z) { return *z != '.' && strlen(z) <= 200; }

static int dpkg_single(struct databases *w, const struct package *k, struct str stanza, s64 mtime, struct error *err)
{
	struct buf path = BUF(0), text = BUF(0);
	u32 same = 0;
	for (u32 i = 0; i < w->p->n; i++) /* the same name for two architectures */
		same += w->x->left[i] && strcmp(w->p->v[i].type, "deb") == 0 && strcmp(w->p->v[i].name, k->name) == 0;
	buf_printf(&path, "var/lib/dpkg/status.d/%s%s%s", k->name, same > 1 ? ":" : "", same > 1 ? k->arch : "");
	if (!plain(k->name) || !plain(k->arch) || has(w->x, buf_str(&path))) {
		problem_add(&w->x->doubts, "dpkg: %.100s is not described: its name is no package's, or stands there twice", k->name);
		buf_free(&path);
		return 0;
	}
	buf_add(&text, stanza);
	buf_putc(&text, '\n');
	additions_add(w->x, path.p, buf_str(&text), mtime);
	buf_clear(&text);
	int r = md5sums(w, k, &text, err);
	buf_puts(&path, ".md5sums");
	if (r == 0 && text.n && !has(w->x, buf_str(&path)))
		additions_add(w->x, path.p, buf_str(&text), mtime);
	buf_free(&path);
	buf_free(&text);
	return r;
}

static int dpkg(struct databases *w, struct error *err)
{
	node_id status = rootfs_find(w->r, STR("/var/lib/dpkg/status"), true), dir = rootfs_find(w->r, STR("/var/lib/dpkg"), true);
	struct buf text, kept = BUF(0);
	if (!status || rootfs_type(w->r, status) != TAR_FILE)
		return 0;
	bool in_place = dbs_asked(w, status), whole = dbs_whole(w, status, "dpkg");
	if (dbs_read(w, status, &text, err) < 0)
		return -1;
	int r = 0;
	for (struct str rest = buf_str(&text); r == 0 && rest.p;) {
		struct str stanza = stanza_of(&rest);
		u32 at;
		const struct package *k = package_named(w, "deb", field(stanza, "Package"), field(stanza, "Architecture"), &at);
		if (!k || !w->x->left[at])
			continue;
		if (in_place) {
			buf_add(&kept, stanza);
			buf_puts(&kept, "\n\n");
			r = list(w, k, err);
		} else {
			r = dpkg_single(w, k, stanza, time_of(w->r, status), err);
		}
	}
	if (r == 0 && in_place)
		dbs_keeps(w, rootfs_find(w->r, STR("/var/lib/dpkg/diversions"), false));
	if (r == 0 && in_place && !whole)
		dbs_replace(w, status, buf_str(&kept));
	else if (r == 0 && !in_place)
		goes_below(w, dir);
	buf_free(&text);
	buf_free(&kept);
	return r;
}

/* Images without a dpkg have a file a package already: with its checksums it goes or stays. */
static void dpkg_singles(struct databases *w)
{
	node_id dir = rootfs_find(w->r, STR("/var/lib/dpkg/status.d"), true);
	for (node_id id = 0; (id = rootfs_next_child(w->r, dir, id));) {
		struct str name = dbs_name(w, id);
		if (str_ends(name, STR(".md5sums")))
			continue;
		bool left = false;
		for (u32 i = 0; i < w->p->n && !left; i++)
			left = w->p->v[i].database == id && w->x->left[i];
		struct buf sums = BUF(0);
		buf_add(&sums, name);
		buf_puts(&sums, ".md5sums");
		node_id with = rootfs_child(w->r, dir, buf_str(&sums));
		buf_free(&sums);
		if (left) {
			dbs_keeps(w, id);
			dbs_keeps(w, with);
		} else {
			dbs_goes(w, id);
			dbs_goes(w, with);
		}
	}
}

/* --- apk --- */
/* One package of the database without the files that went: lines "F:dir", then "R:file" and what is said of it. */
static void apk_stanza(struct databases *w, struct str stanza, struct buf *out)
{
	struct buf dir = BUF(0), path = BUF(0);
	bool drop = false;
	while (stanza.p) {
		struct str line = str_cut(&stanza, '\n');
		char kind = line.n > 1 && line.p[1] == ':' ? line.p[0] : 0;
		if (kind == 'F') {
			buf_clear(&dir);
			buf_putc(&dir, '/');
			buf_add(&dir, str_from(line, 2));
			node_id id = rootfs_find(w->r, buf_str(&dir), false);
			drop = !id || !dbs_stays(w, id);
		} else if (kind == 'R') {
			buf_clear(&path);
			buf_printf(&path, "%s/%.*s", dir.p ? dir.p : "", STR_FMT(str_from(line, 2)));
			node_id id = rootfs_find(w->r, buf_str(&path), false);
			drop = !id || !dbs_stays(w, id);
		} else if (kind != 'a' && kind != 'Z' && kind != 'M') {
			drop = false;
		}
		if (!drop && line.n) {
			buf_add(out, line);
			buf_putc(out, '\n');
		}
	}
	buf_putc(out, '\n');
	buf_free(&dir);
	buf_free(&path);
}

static int apk(struct databases *w, struct error *err)
{
	static const char *const places[] = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed" };
	for (size_t i = 0; i < countof(places); i++) {
		node_id id = rootfs_find(w->r, str_of(places[i]), true);
		struct buf text, kept = BUF(0);
		if (!id || rootfs_type(w->r, id) != TAR_FILE || !dbs_stays(w, id))
			dbs_keeps(w, id ? rootfs_node(w->r, id)->parent : 0);
		if (!id || rootfs_type(w->r, id) != TAR_FILE || w->c->litter->kind[id] == LITTER_DATABASE || dbs_whole(w, id, "apk"))
			continue;
		if (dbs_read(w, id, &text, err) < 0)
			return -1;
		for (struct str rest = buf_str(&text); rest.p;) {
			struct str stanza = stanza_of(&rest);
			u32 at;
			const struct package *k = stanza.n ? package_named(w, "apk", field(stanza, "P"), STR(""), &at) : NULL;
			if (k && w->x->left[at])
				apk_stanza(w, stanza, &kept);
		}
		if (kept.n)
			dbs_replace(w, id, buf_str(&kept));
		dbs_goes(w, id);
		buf_free(&text);
		buf_free(&kept);
	}
	dbs_keeps(w, rootfs_find(w->r, STR("/etc/apk/repositories"), false)); /* which release it is, for advisories */
	return 0;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* What is installed in several places is gone when it is in none of them. */
static void find_gone(struct databases *w)
{
	struct additions *x = w->x;
	const char **left = xcalloc(w->p->n + 1u, sizeof *left);
	u32 n = 0;
	x->gone = xcalloc(w->p->n + 1u, sizeof *x->gone);
	for (u32 i = 0; i < w->p->n; i++)
		if (x->left[i])
			left[n++] = w->p->v[i].purl;
	if (n)
		qsort(left, n, sizeof *left, by_text);
	for (u32 i = 0; i < w->p->n; i++) {
		const struct package *k = &w->p->v[i];
		bool had = k->files || k->origin == ORIGIN_INSTALLED || k->origin == ORIGIN_BINARY;
		if (!x->left[i] && had && !(n && bsearch(&k->purl, left, n, sizeof *left, by_text)))
			x->gone[x->n_gone++] = k->purl;
	}
	free(left);
}

int database_rewrite(struct choice *c, struct additions *ret, struct error *err)
{
	*ret = (struct additions){ 0 };
	struct databases w = { .c = c, .r = c->r, .p = c->pkgs, .x = ret };
	find_left(&w);
	int r = dbs_languages(&w, err);
	if (r == 0) {
		dpkg_singles(&w);
		dbs_rpm(&w);
		r = dpkg(&w, err);
	}
	if (r == 0)
		r = apk(&w, err);
	if (r == 0)
		r = dbs_chisel(&w, err);
	if (r == 0)
		find_gone(&w);
	buf_free(&w.path);
	if (r < 0)
		additions_free(ret);
	return r;
}

void packages_left(const struct choice *c, const struct additions *x, struct packages *ret)
{
	const struct packages *p = c->pkgs;
	u32 *to = xcalloc(p->n + 1u, sizeof *to);
	*ret = *p;
	ret->arena = (struct arena){ 0 };
	ret->problems = (struct problems){ 0 };
	ret->unidentified = NULL;
	ret->n_unidentified = ret->n = 0;
	ret->bytes = 0;
	ret->v = xcalloc(p->n + 1u, sizeof *ret->v);
	ret->owner = xcalloc(p->n_owner + 1u, sizeof *ret->owner);
	for (u32 i = 0; i < p->n; i++) {
		if (!x->left[i])
			continue;
		to[i + 1] = ret->n + 1;
		ret->v[ret->n] = p->v[i];
		ret->v[ret->n].bytes = ret->v[ret->n].files = 0;
		ret->v[ret->n++].within = 0;
	}
	for (node_id id = rootfs_next(c->r, ROOTFS_ROOT); id && id < p->n_owner; id = rootfs_next(c->r, id)) {
		u32 k = c->litter->kind[id] ? 0 : to[p->owner[id]];
		ret->owner[id] = k;
		if (!k || rootfs_type(c->r, id) == TAR_DIR)
			continue;
		ret->v[k - 1].files++;
		ret->v[k - 1].bytes += rootfs_size(c->r, id);
		ret->bytes += rootfs_size(c->r, id);
	}
	free(to);
}

void packages_left_free(struct packages *p)
{
	free(p->v);
	free(p->owner);
	*p = (struct packages){ 0 };
}

/* --- the layer --- */
void additions_add(struct additions *x, const char *path, struct str content, s64 mtime) { put(x, (struct addition){ .path = path, .content = content, .mode = 0644, .mtime = mtime }); }

void additions_free(struct additions *x)
{
	arena_free(&x->a);
	free(x->v);
	free(x->gone);
	free(x->left);
	problems_free(&x->doubts);
	*x = (struct additions){ 0 };
}

struct tree_writer {
	const struct plan *p;
	struct buf *out;
	struct buf before; /* the entry before, for which directories were made */
	s64 mtime;
};

/* Directories above it that nothing of the result has, and that no entry before it made. */
static int directories(struct tree_writer *t, struct str path, struct error *err)
{
	const struct rootfs *r = t->p->trace->tree;
	size_t same = 0;
	while (same < t->before.n && same < path.n && t->before.p[same] == path.p[same])
		same++;
	for (size_t i = 1; i < path.n; i++) {
		struct str dir = str_head(path, i);
		if (path.p[i] != '/' || i < same)
			continue;
		node_id id = rootfs_find(r, dir, true);
		if (id && !plan_removes(t->p, id))
			continue;
		struct tarout_entry e = { .path = dir, .type = TAR_DIR, .mode = 0755, .mtime = t->mtime };
		if (tarout_header(&e, t->out, err) < 0)
			return -1;
	}
	buf_clear(&t->before);
	buf_add(&t->before, path);
	return 0;
}

static int write_entry(struct tree_writer *t, struct str path, const struct addition *x, struct error *err)
{
	static const char zero[TAR_BLOCK_SIZE];
	struct tarout_entry e = { .path = path, .type = TAR_FILE, .mode = x->mode, .uid = x->uid, .gid = x->gid, .mtime = t->mtime, .size = x->content.n };
	if (directories(t, path, err) < 0 || tarout_header(&e, t->out, err) < 0)
		return error_wrap(err, "/%.*s", STR_FMT(str_head(path, 200)));
	buf_add(t->out, x->content);
	buf_add(t->out, str_n(zero, tarout_padding(x->content.n)));
	return 0;
}

/* Of databases in layers that are kept whole. */
static int whiteouts(struct tree_writer *t, const struct additions *x, struct error *err)
{
	const struct rootfs *r = t->p->trace->tree;
	struct buf path = BUF(0), mark = BUF(0);
	int bad = 0;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id && bad == 0; id = rootfs_next(r, id)) {
		if (t->p->litter->kind[id] != LITTER_DATABASE || rootfs_type(r, id) == TAR_DIR || plan_removes(t->p, id))
			continue;
		struct str at = str_from(rootfs_path(r, id, &path), 1), name = str_base(at);
		if (has(x, at))
			continue;
		buf_clear(&mark);
		buf_add(&mark, str_head(at, at.n - name.n));
		buf_puts(&mark, ".wh.");
		buf_add(&mark, name);
		bad = write_entry(t, buf_str(&mark), &(struct addition){ .content = STR(""), .mode = 0644 }, err);
	}
	buf_free(&path);
	buf_free(&mark);
	return bad;
}

int additions_tar(const struct additions *x, const struct plan *p, struct buf *out, struct error *err)
{
	static const char zero[TAR_TRAILER];
	struct tree_writer t = { .p = p, .out = out, .mtime = x->n ? x->v[0].mtime : 0 };
	int r = whiteouts(&t, x, err);
	for (u32 i = 0; i < x->n && r == 0; i++) {
		t.mtime = x->v[i].mtime;
		r = write_entry(&t, str_of(x->v[i].path), &x->v[i], err);
	}
	buf_add(out, str_n(zero, sizeof zero));
	buf_free(&t.before);
	return r;
}
