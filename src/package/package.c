#include "package/package.h"
#include "base/buf.h"
#include "base/hash.h"
#include "package/note.h"
#include "package/osrelease.h"
#include "package/release.h"

const char *const package_origin_text[] = { "database", "installed", "binary", "document" };

#define PACKAGES_MAX (1u << 20) /* of all ecosystems together */

extern const struct ecosystem dpkg_ecosystem, apk_ecosystem, rpm_ecosystem;
extern const struct collector dpkg_collector, apk_collector, rpm_collector;

const struct ecosystem *const ecosystems[] = { &dpkg_ecosystem, &apk_ecosystem, &rpm_ecosystem, NULL };
const struct collector *const package_collectors[] = { &dpkg_collector, &apk_collector, &rpm_collector, &osrelease_collector, NULL };

u32 packages_add(struct packages *p, const char *type)
{
	struct package k = { .type = type, .purl = "", .path = "", .module = "", .vendor = "", .name = "", .version = "", .arch = "", .source_name = "", .source_version = "", .license = "", .summary = "", .section = "", .depends = "" };
	VEC_PUSH(p->v, p->n, p->cap, k);
	return p->n - 1;
}

/* Lists of files name the same directories again and again, through the same links. Where the directories are is kept by hash of their path, the
 * newest of each slot; where a link leads is looked up once in the whole reading, so that lists which go through links of a
 * hostile image cost no more than they are long. */
#define NEAR_SLOTS 1024u
struct packages_near {
	struct {
		struct buf path;
		node_id dir;
	} slot[NEAR_SLOTS];
	node_id *links; /* by node_id: where it leads, NOWHERE, 0 not known yet */
};
#define NOWHERE UINT32_MAX

static u32 near_slot(struct str path) { return (u32)hash64(path, hash_seed) & (NEAR_SLOTS - 1); }

static void near_put(struct packages *p, struct str path, node_id dir)
{
	u32 i = near_slot(path);
	buf_clear(&p->near->slot[i].path);
	buf_add(&p->near->slot[i].path, path);
	p->near->slot[i].dir = dir;
}

static void near_free(struct packages *p)
{
	for (u32 i = 0; p->near && i < NEAR_SLOTS; i++)
		buf_free(&p->near->slot[i].path);
	if (p->near)
		free(p->near->links);
	free(p->near);
	p->near = NULL;
}

static node_id follow(struct packages *p, const struct rootfs *r, node_id link)
{
	node_id *to = &p->near->links[link];
	if (!*to) {
		struct buf path = BUF(0);
		*to = rootfs_find(r, rootfs_path(r, link, &path), true);
		buf_free(&path);
		if (!*to)
			*to = NOWHERE;
	}
	return *to == NOWHERE ? 0 : *to;
}

/* No package manager writes "..", and what it means behind a link depends on whom one asks: such paths are nobody's. */
static node_id directory(struct packages *p, const struct rootfs *r, struct str path)
{
	u32 i = near_slot(path);
	if (p->near->slot[i].dir && str_eq(buf_str(&p->near->slot[i].path), path))
		return p->near->slot[i].dir;
	node_id at = ROOTFS_ROOT;
	for (struct str rest = path; at && rest.p;) {
		struct str name = str_cut(&rest, '/');
		if (name.n == 0 || str_is(name, "."))
			continue;
		at = str_is(name, "..") ? 0 : rootfs_child(r, at, name);
		if (at && rootfs_type(r, at) == TAR_SYMLINK)
			at = follow(p, r, at);
		if (at && rootfs_type(r, at) != TAR_DIR)
			at = 0;
	}
	if (at)
		near_put(p, path, at);
	return at;
}

void packages_own(struct packages *p, const struct rootfs *r, u32 i, struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	struct str dir = str_n(path.p, slash ? (size_t)(slash - path.p) : 0), name = slash ? str_from(path, dir.n + 1) : path;
	if (name.n == 0 || str_is(name, ".") || str_is(name, ".."))
		return;
	node_id at = directory(p, r, dir), id = at ? rootfs_child(r, at, name) : 0;
	/* Directories are shared by all who have files in them: nobody's. */
	if (id && rootfs_type(r, id) == TAR_DIR)
		near_put(p, path, id);
	else if (id && !p->owner[id])
		p->owner[id] = i + 1;
}

struct str packages_note(const struct rootfs *r, node_id node, enum collector_id id)
{
	inode_id inode = rootfs_node(r, node)->inode;
	const struct facts *f = rootfs_facts(r, node);
	return inode && f ? facts_get_note(f, rootfs_inode(r, inode)->entry, id) : (struct str){ NULL, 0 };
}

void packages_problem(struct packages *p, const struct rootfs *r, node_id node, struct str what)
{
	struct buf path = BUF(0);
	rootfs_path(r, node, &path);
	problem_add(&p->problems, "%s: %.*s", path.p, STR_FMT(what));
	buf_free(&path);
}

bool packages_open(struct packages *p, const struct rootfs *r, node_id file, enum collector_id id, bool may_be_empty, struct note_reader *n)
{
	struct str note = packages_note(r, file, id);
	if (!note.p) {
		bool empty = rootfs_type(r, file) == TAR_FILE && rootfs_size(r, file) == 0;
		if (!empty || !may_be_empty)
			packages_problem(p, r, file, empty ? STR("is empty") : rootfs_type(r, file) == TAR_FILE ? STR("its content was not taken") : STR("is no regular file"));
		return false;
	}
	*n = (struct note_reader){ .rest = note };
	return true;
}

static bool set_field(struct packages *p, struct package *k, u8 tag, struct str s)
{
	const char **at;
	switch (tag) {
	case NOTE_NAME: at = &k->name; break;
	case NOTE_VERSION: at = &k->version; break;
	case NOTE_ARCH: at = &k->arch; break;
	case NOTE_SOURCE_NAME: at = &k->source_name; break;
	case NOTE_SOURCE_VERSION: at = &k->source_version; break;
	case NOTE_LICENSE: at = &k->license; break;
	case NOTE_SUMMARY: at = &k->summary; break;
	case NOTE_SECTION: at = &k->section; break;
	case NOTE_DEPENDS: at = &k->depends; break;
	case NOTE_SIZE: return note_leb(&s, &k->installed_size);
	case NOTE_ESSENTIAL: return k->essential = true;
	default: return tag >= NOTE_PRIVATE;
	}
	*at = arena_bytes(&p->arena, s);
	return true;
}

u32 packages_load(struct packages *p, const struct rootfs *r, node_id db, enum collector_id id, const char *type, bool may_be_empty)
{
	struct note_reader n;
	struct str s;
	u8 tag;
	u32 first = p->n;
	bool any = false, bad = false;
	if (!packages_open(p, r, db, id, may_be_empty, &n))
		return 0;
	while (!bad && note_next(&n, &tag, &s)) {
		if (tag == NOTE_DAMAGE) {
			packages_problem(p, r, db, s);
		} else if (tag == NOTE_PACKAGE) {
			if (p->n >= PACKAGES_MAX) {
				packages_problem(p, r, db, STR("over a million packages: the rest is left out"));
				break;
			}
			u32 i = packages_add(p, type);
			p->v[i].database = db;
			any = true;
		} else if (tag == NOTE_PATH && any) {
			packages_own(p, r, p->n - 1, s);
		} else if (tag < NOTE_PRIVATE) {
			bad = !any || !set_field(p, &p->v[p->n - 1], tag, s);
		}
	}
	if (bad || n.bad)
		packages_problem(p, r, db, STR("its kept facts are damaged"));
	note_close(&n);
	return p->n - first;
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct package *v = ctx, *x = &v[*(const u32 *)a], *y = &v[*(const u32 *)b];
	int c = strcmp(x->type, y->type);
	if (!c)
		c = strcmp(x->name, y->name);
	if (!c)
		c = strcmp(x->version, y->version);
	return c ? c : strcmp(x->arch, y->arch);
}

static int by_name_then_index(const void *a, const void *b, void *ctx)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	int c = by_name(a, b, ctx);
	return c ? c : (x > y) - (x < y);
}

/* Sorts, and makes one of what two databases tell of alike (a copy of a database elsewhere); owners follow. */
static void sort(struct packages *p, const struct rootfs *r)
{
	if (!p->n)
		return;
	autofree u32 *order = xcalloc(p->n, sizeof *order), *where = xcalloc(p->n, sizeof *where);
	struct package *v = xcalloc(p->n, sizeof *v);
	u32 n = 0;
	for (u32 i = 0; i < p->n; i++)
		order[i] = i;
	qsort_r(order, p->n, sizeof *order, by_name_then_index, p->v);
	for (u32 i = 0; i < p->n; i++) {
		if (i == 0 || by_name(&order[i - 1], &order[i], p->v))
			v[n++] = p->v[order[i]];
		where[order[i]] = n; /* 1 + index, as in owner[] */
	}
	for (u32 i = 0; i < r->nodes.n; i++)
		if (p->owner[i])
			p->owner[i] = where[p->owner[i] - 1];
	free(p->v);
	p->v = v;
	p->cap = p->n;
	p->n = n;
}

struct share { /* what one file gives to its package's layer */
	u32 package, layer;
	u64 weight;
};

static int by_package_layer(const void *a, const void *b)
{
	const struct share *x = a, *y = b;
	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	return (x->layer > y->layer) - (x->layer < y->layer);
}

/* The layer with most bytes, each file counting for one more so that links weigh something; the lowest of equals. */
static void choose_layers(struct packages *p, struct share *v, size_t n)
{
	u64 best = 0;
	if (n)
		qsort(v, n, sizeof *v, by_package_layer);
	for (size_t i = 0, j; i < n; i = j) {
		u64 sum = 0;
		for (j = i; j < n && !by_package_layer(&v[i], &v[j]); j++)
			sum += v[j].weight;
		if (i == 0 || v[i].package != v[i - 1].package)
			best = 0;
		if (sum > best) {
			best = sum;
			p->v[v[i].package].layer = v[i].layer;
		}
	}
}

static void measure(struct packages *p, const struct rootfs *r)
{
	autofree u8 *seen = xcalloc(r->inodes.n, 1);
	struct share *v = NULL;
	size_t n = 0, cap = 0;
	for (u32 i = 0; i < p->n; i++)
		p->v[i].layer = rootfs_node(r, p->v[i].database)->layer;
	for (node_id id = 1; id < r->nodes.n; id++) {
		if (!p->owner[id])
			continue;
		u32 own = p->owner[id] - 1;
		inode_id inode = rootfs_node(r, id)->inode;
		p->v[own].files++;
		if (!inode || seen[inode])
			continue;
		seen[inode] = 1;
		u64 size = rootfs_size(r, id);
		p->v[own].bytes += size;
		p->bytes += size;
		struct share s = { own, rootfs_inode(r, inode)->layer, size + 1 };
		VEC_PUSH(v, n, cap, s);
	}
	choose_layers(p, v, n);
	free(v);
}

struct packages *packages_read(const struct rootfs *r, bool all) { return packages_read_set(r, COLLECT_ALL, all); }

struct packages *packages_read_set(const struct rootfs *r, enum collector_set set, bool all)
{
	(void)all;
	struct packages *p = xcalloc(1, sizeof *p);
	p->owner = xcalloc(r->nodes.n, sizeof *p->owner);
	p->near = xcalloc(1, sizeof *p->near);
	p->near->links = xcalloc(r->nodes.n, sizeof *p->near->links);
	p->os_id = p->os_version = p->os_pretty = p->os_codename = p->os_branch = p->os_content_sets = "";
	osrelease_read(r, p);
	release_read(r, p);
	for (u32 i = 0; ecosystems[i]; i++)
		if (ecosystems[i]->set <= set)
			ecosystems[i]->read(r, p);
	for (u32 i = 0; i < p->n; i++) {
		struct package *k = &p->v[i];
		if (!*k->source_name)
			k->source_name = k->name;
		if (!*k->source_version)
			k->source_version = k->version;
	}
	near_free(p);
	sort(p, r);
	measure(p, r);
	return p;
}

void packages_free(struct packages *p)
{
	if (!p)
		return;
	near_free(p);
	free(p->v);
	free(p->owner);
	problems_free(&p->problems);
	arena_free(&p->arena);
	free(p);
}
