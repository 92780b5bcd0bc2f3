#include "report/bom_hash.h"
#include "base/crypto.h"
#include "store/load.h"

struct wanted {
	u64 at, n; /* where its content is in the layer, and how much of it */
	u32 layer;
	inode_id inode;
};

static int by_place(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	if (x->layer != y->layer)
		return x->layer < y->layer ? -1 : 1;
	return x->at != y->at ? (x->at < y->at ? -1 : 1) : (x->inode > y->inode) - (x->inode < y->inode);
}

/* A sparse file is stored without its holes: what is stored is not what it holds. */
static u32 list(const struct rootfs *r, struct wanted **ret)
{
	autofree u8 *seen = xcalloc(r->inodes.n, 1);
	struct wanted *v = NULL;
	u32 n = 0, cap = 0;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id)) {
		inode_id inode = rootfs_node(r, id)->inode;
		const struct fact_entry *e = inode && rootfs_type(r, id) == TAR_FILE ? rootfs_entry(r, id) : NULL;
		if (!e || seen[inode] || (e->flags & (FACT_SPARSE | FACT_GNU_SPARSE)))
			continue;
		seen[inode] = 1;
		struct wanted w = { e->start + e->head, e->size, rootfs_inode(r, inode)->layer, inode };
		VEC_PUSH(v, n, cap, w);
	}
	if (n)
		qsort(v, n, sizeof *v, by_place);
	*ret = v;
	return n;
}

struct reading {
	struct stream *s;
	struct str view;
	u64 at;
};

/* The next bytes, at most n; false: no more. */
static bool take(struct reading *r, u64 n, struct str *ret)
{
	if (r->view.n == 0 && (stream_next(r->s, &r->view, NULL) < 0 || r->view.n == 0))
		return false;
	*ret = str_head(r->view, (size_t)MIN(n, (u64)r->view.n));
	r->view = str_from(r->view, ret->n);
	r->at += ret->n;
	return true;
}

static bool move_to(struct reading *r, u64 at)
{
	struct str piece;
	if (at < r->at)
		return false;
	if (stream_can_seek(r->s) && at - r->at > r->view.n) {
		u64 skip = at - r->at - r->view.n;
		r->view = STR("");
		if (stream_skip(r->s, skip, NULL) < 0)
			return false;
		r->at = at;
	}
	while (r->at < at)
		if (!take(r, at - r->at, &piece))
			return false;
	return true;
}

static bool hash_one(struct reading *r, const struct wanted *w, struct sha1 *ret)
{
	EVP_MD_CTX *ctx = crypto()->md_ctx_new();
	unsigned n = 0;
	bool ok = ctx && crypto()->digest_init(ctx, crypto()->sha1(), NULL) == 1 && move_to(r, w->at);
	for (u64 left = w->n; ok && left;) {
		struct str piece;
		ok = take(r, left, &piece) && crypto()->digest_update(ctx, piece.p, piece.n) == 1;
		left -= ok ? piece.n : 0;
	}
	ret->known = ok && crypto()->digest_final(ctx, ret->bytes, &n) == 1;
	crypto()->md_ctx_free(ctx);
	return ok;
}

struct sha1 *bom_hash_files(const struct subject *s)
{
	struct sha1 *ret = xcalloc(s->rootfs->inodes.n + 1u, sizeof *ret);
	autofree struct wanted *v = NULL;
	u32 n = list(s->rootfs, &v);
	for (u32 i = 0, j; i < n; i = j) {
		struct source *source = image_source(s->image);
		struct stream *blob;
		struct reading r = { 0 };
		for (j = i; j < n && v[j].layer == v[i].layer;)
			j++;
		if (source->ops->open_layer(source, v[i].layer, &blob, NULL) < 0 || stream_inflate(blob, &r.s, NULL, NULL) < 0)
			continue;
		while (i < j && hash_one(&r, &v[i], &ret[v[i].inode]))
			i++;
		stream_close(r.s);
	}
	return ret;
}

struct sha1 sha1_of(struct str bytes)
{
	struct sha1 h = { .known = false };
	h.known = crypto()->digest(bytes.n ? bytes.p : "", bytes.n, h.bytes, NULL, crypto()->sha1(), NULL) == 1;
	return h;
}
