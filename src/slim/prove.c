#include "slim/prove.h"
#include "base/hash.h"

struct simulated_layer {
	struct facts facts; /* entries and notes of its own; strings borrowed up to `own` */
	u32 own;
};
struct simulated {
	struct image img;
	struct image_layer *layers;
	struct simulated_layer *v;
};

static u32 add_string(struct simulated_layer *l, struct str s)
{
	struct facts *f = &l->facts;
	if (f->strings.n == l->own || f->strings.at + s.n + 1 > FACTS_STRING_SEG) {
		f->strings.seg = xrealloc(f->strings.seg, (f->strings.n + 1) * sizeof *f->strings.seg);
		f->strings.seg[f->strings.n++] = xmalloc(FACTS_STRING_SEG);
		f->strings.at = 0;
	}
	char *to = f->strings.seg[f->strings.n - 1] + f->strings.at;
	u32 off = (f->strings.n - 1) << 20 | f->strings.at;
	memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	f->strings.at += (u32)s.n + 1;
	return off;
}

static struct fact_entry changed(const struct plan *p, const struct change *c, struct simulated_layer *l)
{
	struct fact_entry e = *trace_entry(p->trace, c->entry);
	if (c->kind == CHANGE_RENAME) {
		const struct fact_entry *name = trace_entry(p->trace, c->other); /* of the same layer: the same strings */
		e.dir = name->dir;
		e.name = name->name;
	} else {
		struct buf path = BUF(0);
		e.link = add_string(l, str_from(trace_path(p->trace, c->other, &path), 1));
		buf_free(&path);
	}
	return e;
}

static void simulate_layer(const struct plan *p, u32 layer, struct simulated_layer *l)
{
	const struct facts *from = p->trace->img->layers[layer].facts;
	struct facts *f = &l->facts;
	f->strings.n = l->own = from->strings.n;
	f->strings.seg = xmalloc(MAX(l->own, 1u) * sizeof *f->strings.seg);
	memcpy(f->strings.seg, from->strings.seg, l->own * sizeof *f->strings.seg);
	f->notes = xmalloc(MAX(from->n_notes, 1u) * sizeof *f->notes);
	f->diff_id = from->diff_id;
	u32 note = 0;
	for (u32 i = 0; i < from->entries.n; i++) {
		u32 g = p->trace->base[layer] + i;
		const struct change *c = plan_change(p, g);
		bool stays = c ? c->kind != CHANGE_MOVED : p->need[g] != NEED_NOT;
		for (; note < from->n_notes && from->notes[note].entry <= i; note++) {
			if (!stays || from->notes[note].entry != i)
				continue;
			f->notes[f->n_notes] = from->notes[note];
			f->notes[f->n_notes++].entry = f->entries.n;
		}
		if (stays)
			*SEG_PUSH(&f->entries) = c ? changed(p, c, l) : *facts_entry(from, i);
	}
}

struct simulated *simulate(const struct plan *p)
{
	const struct image *img = p->trace->img;
	struct simulated *s = xcalloc(1, sizeof *s);
	s->layers = xcalloc(MAX(img->n_layers, 1u), sizeof *s->layers);
	s->v = xcalloc(MAX(img->n_layers, 1u), sizeof *s->v);
	s->img = *img;
	s->img.layers = s->layers;
	s->img.n_layers = 0;
	s->img.size = 0;
	s->img.problems = (struct problems){ 0 };
	for (u32 i = 0; i < img->n_layers; i++) {
		if (p->layers[i].fate == LAYER_DROPPED)
			continue;
		u32 n = s->img.n_layers++;
		s->layers[n] = img->layers[i];
		s->layers[n].index = n;
		simulate_layer(p, i, &s->v[n]);
		s->layers[n].facts = &s->v[n].facts;
		for (u32 k = 0; k < s->v[n].facts.entries.n; k++)
			s->img.size += facts_entry(&s->v[n].facts, k)->size;
	}
	return s;
}

const struct image *simulated_image(const struct simulated *s) { return &s->img; }

void simulated_free(struct simulated *s)
{
	if (!s)
		return;
	for (u32 i = 0; i < s->img.n_layers; i++) {
		struct facts *f = &s->v[i].facts;
		for (u32 k = s->v[i].own; k < f->strings.n; k++)
			free(f->strings.seg[k]);
		free(f->strings.seg);
		free(f->notes);
		SEG_FREE(&f->entries);
	}
	free(s->layers);
	free(s->v);
	free(s);
}

bool plan_removes(const struct plan *p, node_id id)
{
	u32 g = p->litter->kind[id] ? trace_maker(p->trace, id) : TRACE_NONE;
	return g != TRACE_NONE && !p->need[g];
}

struct names {
	node_id *v;
	u32 n, cap;
	const struct plan *skip; /* leave out what it removes; NULL: nothing */
	bool databases;          /* and what was written anew */
};

static int take(void *ctx, node_id id)
{
	struct names *l = ctx;
	bool anew = l->databases && l->skip->litter->kind[id] == LITTER_DATABASE && rootfs_type(l->skip->trace->tree, id) != TAR_DIR;
	if (!l->skip || !(anew || plan_removes(l->skip, id)))
		VEC_PUSH(l->v, l->n, l->cap, id);
	return 0;
}

struct comparison {
	const struct rootfs *a, *b;
	struct proof *p;
	u32 *a_to_b, *b_to_a; /* inodes */
	struct buf path_a, path_b;
};

static void differs(struct comparison *c, u32 *count, struct str path, const char *what)
{
	(*count)++;
	if (!c->p->first[0])
		snprintf(c->p->first, sizeof c->p->first, "%.*s: %s", STR_FMT(str_head(path, 400)), what);
}

/* A directory that no layer lists is what any engine makes of it, and may be listed as that. */
static bool as_implied(const struct fact_entry *e) { return e->type == TAR_DIR && e->mode == 0755 && !e->uid && !e->gid && !e->mtime && !e->mtime_ns && !e->xattrs; }

static bool same_metadata(const struct rootfs *a, node_id x, const struct rootfs *b, node_id y)
{
	const struct fact_entry *e = rootfs_entry(a, x), *f = rootfs_entry(b, y);
	if (!e || !f)
		return (!e && !f) || (!e && as_implied(f));
	if (e->type != f->type || e->mode != f->mode || e->uid != f->uid || e->gid != f->gid || e->mtime != f->mtime || e->mtime_ns != f->mtime_ns || e->rdev != f->rdev)
		return false;
	const struct facts *fe = rootfs_facts(a, x), *ff = rootfs_facts(b, y);
	if (!str_eq(facts_xattrs(fe, e), facts_xattrs(ff, f)))
		return false;
	return e->type != TAR_SYMLINK || strcmp(facts_string(fe, e->link), facts_string(ff, f->link)) == 0;
}

static bool same_content(const struct rootfs *a, node_id x, const struct rootfs *b, node_id y)
{
	const struct fact_entry *e = rootfs_entry(a, x), *f = rootfs_entry(b, y);
	if (!e || !f || e->type != TAR_FILE)
		return true;
	if (e->size != f->size || fact_stored(e) != fact_stored(f) || (e->flags ^ f->flags) & FACT_SPARSE)
		return false;
	return fact_stored(e) == 0 || (!((e->flags | f->flags) & FACT_UNHASHED) && hash_eq(e->hash, f->hash));
}

/* Names of one inode before are names of one inode after, and no others. */
static bool same_inode(struct comparison *c, node_id x, node_id y)
{
	inode_id i = rootfs_node(c->a, x)->inode, k = rootfs_node(c->b, y)->inode;
	if (!i || !k)
		return !i;
	if (!c->a_to_b[i] && !c->b_to_a[k]) {
		c->a_to_b[i] = k;
		c->b_to_a[k] = i;
	}
	return c->a_to_b[i] == k && c->b_to_a[k] == i;
}

static void compare(struct comparison *c, node_id x, node_id y)
{
	c->p->names++;
	if (!same_metadata(c->a, x, c->b, y))
		differs(c, &c->p->metadata, buf_str(&c->path_a), "is something else afterwards");
	if (!same_content(c->a, x, c->b, y))
		differs(c, &c->p->content, buf_str(&c->path_a), "has other content afterwards");
	if (!same_inode(c, x, y))
		differs(c, &c->p->links, buf_str(&c->path_a), "is linked to other names afterwards");
}

/* A name that only the result has: a file that was added, as it was meant, or a directory above one. */
static bool was_added(const struct additions *added, const struct rootfs *after, node_id id, struct str path, u32 *found)
{
	path = str_from(path, 1);
	for (u32 i = 0; added && i < added->n; i++) {
		const struct addition *v = &added->v[i];
		struct str name = str_of(v->path);
		if (rootfs_type(after, id) == TAR_DIR && str_starts(name, path) && name.n > path.n && name.p[path.n] == '/')
			return true;
		if (!str_eq(name, path))
			continue;
		const struct fact_entry *e = rootfs_entry(after, id);
		struct hasher *h = hasher_new();
		hasher_add(h, v->content);
		bool same = e && e->type == TAR_FILE && e->size == v->content.n && (!e->size || (!(e->flags & FACT_UNHASHED) && hash_eq(e->hash, hasher_value(h))));
		hasher_free(h);
		*found += same;
		return same;
	}
	return false;
}

bool prove(const struct plan *p, const struct additions *added, const struct rootfs *after, struct proof *ret)
{
	*ret = (struct proof){ 0 };
	const struct rootfs *before = p->trace->tree;
	struct names x = { .skip = p, .databases = added != NULL }, y = { 0 };
	u32 found = 0;
	struct comparison c = { .a = before, .b = after, .p = ret, .a_to_b = xcalloc(before->inodes.n, sizeof(u32)), .b_to_a = xcalloc(after->inodes.n, sizeof(u32)) };
	rootfs_walk(before, ROOTFS_ROOT, take, &x);
	rootfs_walk(after, ROOTFS_ROOT, take, &y);
	buf_puts(&c.path_a, "/");
	compare(&c, ROOTFS_ROOT, ROOTFS_ROOT);
	for (u32 i = 0, k = 0; i < x.n || k < y.n;) {
		struct str a = i < x.n ? rootfs_path(before, x.v[i], &c.path_a) : (struct str){ NULL, 0 };
		struct str b = k < y.n ? rootfs_path(after, y.v[k], &c.path_b) : (struct str){ NULL, 0 };
		int order = !a.p ? 1 : !b.p ? -1 : str_cmp(a, b);
		if (order < 0) {
			differs(&c, &ret->missing, a, "is missing afterwards");
			i++;
		} else if (order > 0) {
			if (!was_added(added, after, y.v[k], b, &found))
				differs(&c, &ret->extra, b, "was not there before");
			k++;
		} else {
			compare(&c, x.v[i++], y.v[k++]);
		}
	}
	if (added && found != added->n)
		differs(&c, &ret->missing, STR("a database"), "was written anew and is not there");
	if (after->problems.n)
		differs(&c, &ret->missing, str_of(after->problems.v[0]), "");
	buf_free(&c.path_a);
	buf_free(&c.path_b);
	free(c.a_to_b);
	free(c.b_to_a);
	free(x.v);
	free(y.v);
	return !ret->missing && !ret->extra && !ret->metadata && !ret->content && !ret->links;
}
