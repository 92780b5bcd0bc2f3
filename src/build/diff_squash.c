/* diff_squash.c — several layers as one: what they add up to beside what lies below them. Whiteouts first, then directories, files as they come in their layers (each is read once), then links and the
 * rest; in each of these by path. */
#include "build/diff_in.h"
#include "layer/image.h"
#include "layer/tarout.h"
#include "rootfs/rootfs.h"
#include "store/load.h"

struct wish { /* content of an entry, for the node */
	u64 start;
	u32 layer;
	node_id node;
};
struct squashing {
	struct image *img;
	struct rootfs *all, *low; /* low: NULL, when nothing is below */
	u32 from;
	struct pack *pack;
	struct buf block, path, link;
	node_id *low_of, *all_of; /* of a node of one the node of the other of that name */
	node_id *anchor;          /* of an inode: the name that others are links to */
	struct wish *wishes;
	u32 n_wishes, cap_wishes;
};

static struct str path_of(const struct rootfs *r, node_id id, struct buf *out)
{
	struct str path = rootfs_path(r, id, out);
	return path.n && path.p[0] == '/' ? str_from(path, 1) : path;
}

static int flush(struct squashing *q, size_t most, struct error *err)
{
	if (q->block.n <= most)
		return 0;
	int r = pack_add(q->pack, buf_str(&q->block), err);
	buf_clear(&q->block);
	return r;
}

static bool is_changed(const struct squashing *q, node_id id) { return !q->low || rootfs_node(q->all, id)->layer >= q->from || !q->low_of[id]; }

/* --- what is where --- */
static void match(struct squashing *q)
{
	q->low_of = xcalloc(q->all->nodes.n + 1, sizeof *q->low_of);
	q->all_of = xcalloc((q->low ? q->low->nodes.n : 0) + 1, sizeof *q->all_of);
	if (!q->low)
		return;
	q->low_of[ROOTFS_ROOT] = q->all_of[ROOTFS_ROOT] = ROOTFS_ROOT;
	for (node_id id = rootfs_next(q->all, ROOTFS_ROOT); id; id = rootfs_next(q->all, id)) {
		const struct node *n = rootfs_node(q->all, id);
		node_id above = q->low_of[n->parent];
		node_id low = above && rootfs_is_dir(q->low, above) ? rootfs_child(q->low, above, str_n(n->name, n->length)) : 0;
		q->low_of[id] = low;
		if (low)
			q->all_of[low] = id;
	}
}

static int choose_anchor(void *ctx, node_id id)
{
	struct squashing *q = ctx;
	const struct node *n = rootfs_node(q->all, id);
	node_id *a = &q->anchor[n->inode];
	if (n->type == TAR_FILE && (!*a || (is_changed(q, *a) && !is_changed(q, id))))
		*a = id;
	return 0;
}

/* --- entries --- */
static int header(struct squashing *q, node_id id, struct str link, u64 size, struct error *err)
{
	const struct fact_entry *e = rootfs_entry(q->all, id);
	const struct facts *f = rootfs_facts(q->all, id);
	u8 type = link.p ? TAR_HARDLINK : rootfs_type(q->all, id);
	struct tarout_entry o = { .path = path_of(q->all, id, &q->path), .type = (enum tar_type)type, .link = link, .mode = e->mode, .uid = e->uid, .gid = e->gid, .size = size, .mtime = e->mtime, .mtime_ns = e->mtime_ns };
	if (type == TAR_FILE || type == TAR_DIR)
		o.xattrs = facts_xattrs(f, e);
	if (type == TAR_SYMLINK)
		o.link = str_of(facts_string(f, e->link));
	if (!o.link.p)
		o.link = STR("");
	if (type == TAR_CHAR || type == TAR_BLOCK) {
		o.major = e->rdev >> 20;
		o.minor = e->rdev & 0xfffff;
	}
	return tarout_header(&o, &q->block, err) < 0 ? -1 : flush(q, MiB, err);
}

static int whiteout(struct squashing *q, node_id low, struct error *err)
{
	const struct node *n = rootfs_node(q->low, low);
	struct str dir = path_of(q->low, n->parent, &q->path);
	buf_clear(&q->link);
	buf_printf(&q->link, "%.*s%s.wh.%.*s", (int)dir.n, dir.p, dir.n ? "/" : "", (int)n->length, n->name);
	struct tarout_entry o = { .path = buf_str(&q->link), .type = TAR_FILE, .link = STR(""), .xattrs = STR(""), .mtime = DIFF_TIME };
	return tarout_header(&o, &q->block, err) < 0 ? -1 : flush(q, MiB, err);
}

struct visiting {
	struct squashing *q;
	struct error *err;
};

static int visit_gone(void *ctx, node_id low)
{
	struct visiting *v = ctx;
	node_id above = v->q->all_of[rootfs_node(v->q->low, low)->parent];
	return !v->q->all_of[low] && above && rootfs_is_dir(v->q->all, above) ? whiteout(v->q, low, v->err) : 0;
}

static bool same_about(const struct squashing *q, node_id id)
{
	node_id low = q->low ? q->low_of[id] : 0;
	const struct fact_entry *a = rootfs_entry(q->all, id), *b = low && rootfs_is_dir(q->low, low) ? rootfs_entry(q->low, low) : NULL;
	return b && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && str_eq(facts_xattrs(rootfs_facts(q->all, id), a), facts_xattrs(rootfs_facts(q->low, low), b));
}

static int visit_dir(void *ctx, node_id id)
{
	struct visiting *v = ctx;
	struct squashing *q = v->q;
	const struct node *n = rootfs_node(q->all, id);
	if (!is_changed(q, id))
		return 0;
	if (n->type == TAR_DIR)
		return rootfs_entry(q->all, id) && !same_about(q, id) ? header(q, id, (struct str){ 0 }, 0, v->err) : 0;
	if (n->type == TAR_FILE && q->anchor[n->inode] == id) {
		const struct inode *in = rootfs_inode(q->all, n->inode);
		struct wish w = { facts_entry(q->img->layers[in->layer].facts, in->entry)->start, in->layer, id };
		VEC_PUSH(q->wishes, q->n_wishes, q->cap_wishes, w);
	}
	return 0;
}

static int visit_rest(void *ctx, node_id id)
{
	struct visiting *v = ctx;
	struct squashing *q = v->q;
	const struct node *n = rootfs_node(q->all, id);
	if (!is_changed(q, id) || n->type == TAR_DIR || (n->type == TAR_FILE && q->anchor[n->inode] == id))
		return 0;
	return header(q, id, n->type == TAR_FILE ? path_of(q->all, q->anchor[n->inode], &q->link) : (struct str){ 0 }, 0, v->err);
}

/* --- contents --- */
static int zeros(struct squashing *q, u64 n, struct error *err)
{
	static const char none[4096];
	for (u64 k; n; n -= k) {
		k = MIN(n, (u64)sizeof none);
		buf_add(&q->block, str_n(none, (size_t)k));
		if (flush(q, MiB, err) < 0)
			return -1;
	}
	return 0;
}

/* `n` bytes of the entry's content. */
static int pass(struct squashing *q, struct tar *t, struct str *view, u64 n, struct error *err)
{
	while (n) {
		if (!view->n && (tar_content(t, view, err) < 0 || !view->n))
			return err->kind ? -1 : error_set(err, ERR_INPUT, "ends early");
		size_t k = (size_t)MIN((u64)view->n, n);
		buf_add(&q->block, str_head(*view, k));
		*view = str_from(*view, k);
		n -= k;
		if (flush(q, MiB, err) < 0)
			return -1;
	}
	return 0;
}

/* A sparse file becomes a plain one. */
static int write_file(struct squashing *q, struct tar *t, const struct tar_entry *e, node_id id, struct error *err)
{
	const struct tar_piece *map = NULL;
	struct str view = { "", 0 };
	u32 n = e->sparse ? tar_pieces(t, &map) : 0;
	u64 at = 0;
	if (header(q, id, (struct str){ 0 }, e->size, err) < 0)
		return -1;
	for (u32 i = 0; i < n; i++) {
		if (map[i].offset < at || map[i].size > e->size || map[i].offset > e->size - map[i].size)
			return error_set(err, ERR_INPUT, "sparse file: its pieces overlap");
		if (zeros(q, map[i].offset - at, err) < 0 || pass(q, t, &view, map[i].size, err) < 0)
			return -1;
		at = map[i].offset + map[i].size;
	}
	if (e->sparse ? zeros(q, e->size - at, err) < 0 : pass(q, t, &view, e->size, err) < 0)
		return -1;
	return zeros(q, tarout_padding(e->size), err);
}

static int by_place(const void *a, const void *b)
{
	const struct wish *x = a, *y = b;
	return x->layer != y->layer ? (x->layer < y->layer ? -1 : 1) : x->start < y->start ? -1 : x->start > y->start;
}

static int write_layer(struct squashing *q, const struct wish *v, u32 n, struct error *err)
{
	struct stream *s;
	struct tar_entry e;
	if (image_open_layer(q->img, v[0].layer, &s, err) < 0)
		return -1;
	struct tar *t = tar_open(s);
	tar_want_pieces(t);
	int r = 0;
	for (u32 i = 0; i < n && r == 0;) {
		r = tar_next(t, &e, err);
		r = r == 1 ? 0 : r < 0 ? -1 : error_set(err, ERR_INPUT, "ends early");
		for (; r == 0 && i < n && e.start > v[i].start;)
			r = error_set(err, ERR_INPUT, "its entries are not where they were");
		if (r == 0 && e.start == v[i].start)
			r = write_file(q, t, &e, v[i++].node, err);
	}
	tar_close(t);
	stream_close(s);
	return r < 0 ? error_wrap(err, "layer %u", v[0].layer) : 0;
}

static int write_all(struct squashing *q, struct error *err)
{
	struct visiting v = { q, err };
	match(q);
	q->anchor = xcalloc(q->all->inodes.n + 1, sizeof *q->anchor);
	int r = rootfs_walk(q->all, ROOTFS_ROOT, choose_anchor, q);
	if (q->low)
		r = rootfs_walk(q->low, ROOTFS_ROOT, visit_gone, &v);
	r = r < 0 ? r : rootfs_walk(q->all, ROOTFS_ROOT, visit_dir, &v);
	if (r == 0 && q->n_wishes)
		qsort(q->wishes, q->n_wishes, sizeof *q->wishes, by_place);
	for (u32 i = 0, n; r == 0 && i < q->n_wishes; i += n) {
		for (n = 1; i + n < q->n_wishes && q->wishes[i + n].layer == q->wishes[i].layer;)
			n++;
		r = write_layer(q, q->wishes + i, n, err);
	}
	r = r < 0 ? r : rootfs_walk(q->all, ROOTFS_ROOT, visit_rest, &v);
	r = r < 0 ? r : zeros(q, TAR_TRAILER, err);
	return r < 0 ? -1 : flush(q, 0, err);
}

int diff_squash(struct store *s, const struct chain *c, u32 from, struct build_layer *ret, struct error *err)
{
	struct squashing q = { .from = from };
	if (chain_load(s, c, &q.img, err) < 0)
		return -1;
	q.all = rootfs_build(q.img, &(struct rootfs_options){ 0 });
	q.low = from ? rootfs_build(q.img, &(struct rootfs_options){ .layers = from }) : NULL;
	q.pack = pack_new(s);
	int r = q.all->problems.n ? error_set(err, ERR_INPUT, "%s", q.all->problems.v[0]) : write_all(&q, err);
	r = r < 0 ? r : pack_finish(q.pack, ret, err);
	pack_free(q.pack);
	rootfs_free(q.low);
	rootfs_free(q.all);
	image_close(q.img);
	buf_free(&q.block);
	buf_free(&q.path);
	buf_free(&q.link);
	free(q.low_of);
	free(q.all_of);
	free(q.anchor);
	free(q.wishes);
	return r < 0 ? -1 : 0;
}
