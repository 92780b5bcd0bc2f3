#include "package/package.h"
#include "base/buf.h"
#include "base/hash.h"
#include "package/license.h"
#include "package/note.h"
#include "package/osrelease.h"
#include "package/purl.h"
#include "package/release.h"

const char *const package_origin_text[] = { "database", "installed", "binary", "document" };

#define PACKAGES_MAX (1u << 20) /* of all ecosystems together */

/* A new ecosystem: one line. Those of the system first: what they own is theirs. */
#define ECOSYSTEMS(X) \
	X(dpkg)       \
	X(copyright)  \
	X(apk)        \
	X(rpm)        \
	X(pacman)     \
	X(npm)        \
	X(python)     \
	X(gem)        \
	X(java)       \
	X(composer)   \
	X(nuget)      \
	X(conda)      \
	X(binary)     \
	X(document)

#define DECLARE(name) extern const struct ecosystem name##_ecosystem;
#define LIST(name) &name##_ecosystem,
ECOSYSTEMS(DECLARE)
const struct ecosystem *const ecosystems[] = { ECOSYSTEMS(LIST) NULL };

extern const struct collector dpkg_collector, apk_collector, rpm_collector, pacman_collector;
const struct collector *const package_collectors[] = { &dpkg_collector, &apk_collector, &rpm_collector, &pacman_collector, &osrelease_collector, NULL };

u32 packages_add(struct packages *p, const char *type)
{
	static const char *const system[] = { "deb", "apk", "rpm", "alpm", NULL };
	struct package k = { .type = type, .purl = "", .path = "", .module = "", .vendor = "", .name = "", .version = "", .arch = "", .source_name = "", .source_version = "", .license = "", .summary = "", .section = "", .depends = "", .provides = "" };
	k.origin = str_listed(str_of(type), system) ? ORIGIN_DATABASE : ORIGIN_INSTALLED;
	VEC_PUSH(p->v, p->n, p->cap, k);
	return p->n - 1;
}

/* Lists of files name the same directories again and again, through the same links. Where the directories are is kept by hash of their path, the
 * newest of each slot; where a link leads is looked up once in the whole reading, so that lists which go through links of a
 * hostile image cost no more than they are long. */
#define NEAR_SLOTS 1024u
struct noted {
	node_id node;
	const struct note *v; /* of its entry, whoever left them */
	u32 n;
};
struct packages_near {
	struct {
		struct buf path;
		node_id dir;
	} slot[NEAR_SLOTS];
	node_id *links; /* by node_id: where it leads, NOWHERE, 0 not known yet */
	struct noted *noted;
	u32 n_noted, cap_noted;
	bool looked;
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
	if (p->near) {
		free(p->near->links);
		free(p->near->noted);
	}
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

/* By entry of a layer: 1 + index of its first note. */
static u32 *first_notes(const struct facts *f)
{
	u32 *first = f && f->n_notes ? xcalloc((size_t)f->entries.n + 1, sizeof *first) : NULL;
	for (u32 i = 0; first && i < f->n_notes; i++)
		if (f->notes[i].entry < f->entries.n && !first[f->notes[i].entry])
			first[f->notes[i].entry] = i + 1;
	return first;
}

/* One walk for all ecosystems. */
static void look_for_notes(struct packages_near *near, const struct rootfs *r)
{
	u32 layers = r->image->n_layers;
	autofree u32 **first = xcalloc((size_t)layers + 1, sizeof *first);
	for (u32 i = 0; i < layers; i++)
		first[i] = first_notes(r->image->layers[i].facts);
	for (node_id at = rootfs_next(r, ROOTFS_ROOT); at; at = rootfs_next(r, at)) {
		inode_id inode = rootfs_type(r, at) == TAR_FILE ? rootfs_node(r, at)->inode : 0;
		const struct inode *x = inode ? rootfs_inode(r, inode) : NULL;
		u32 k = x && first[x->layer] ? first[x->layer][x->entry] : 0;
		if (!k)
			continue;
		const struct facts *f = r->image->layers[x->layer].facts;
		struct noted n = { .node = at, .v = &f->notes[k - 1] };
		while (k - 1 + n.n < f->n_notes && n.v[n.n].entry == x->entry)
			n.n++;
		VEC_PUSH(near->noted, near->n_noted, near->cap_noted, n);
	}
	for (u32 i = 0; i < layers; i++)
		free(first[i]);
	near->looked = true;
}

u32 packages_noted(struct packages *p, const struct rootfs *r, enum collector_id id, node_id **ret)
{
	u32 n = 0, cap = 0;
	node_id *v = NULL;
	if (!p->near->looked)
		look_for_notes(p->near, r);
	for (u32 i = 0; i < p->near->n_noted; i++)
		for (u32 k = 0; k < p->near->noted[i].n; k++)
			if (p->near->noted[i].v[k].collector == (u32)id && p->near->noted[i].v[k].bytes.n) {
				VEC_PUSH(v, n, cap, p->near->noted[i].node);
				break;
			}
	*ret = v;
	return n;
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
	case NOTE_PROVIDES: at = &k->provides; break;
	case NOTE_MODULE: at = &k->module; break;
	case NOTE_VENDOR: at = &k->vendor; break;
	case NOTE_TYPE: at = &k->type; break;
	case NOTE_INSIDE: at = &k->path; break;
	case NOTE_PURL: at = &k->purl; break;
	case NOTE_SIZE: return note_leb(&s, &k->installed_size);
	case NOTE_ESSENTIAL: return k->essential = true;
	case NOTE_AUTOMATIC: return k->automatic = true;
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

/* What the file is called that tells of the package, and where in it: "/app/x.war:WEB-INF/lib/y.jar". */
static void set_paths(struct packages *p, const struct rootfs *r)
{
	struct buf path = BUF(0);
	node_id last = 0;
	const char *z = "";
	for (u32 i = 0; i < p->n; i++) {
		struct package *k = &p->v[i];
		if (!k->database || k->path[0] == '/')
			continue;
		if (k->database != last)
			z = arena_bytes(&p->arena, rootfs_path(r, last = k->database, &path));
		k->path = *k->path ? arena_printf(&p->arena, "%s:%s", z, k->path) : z;
	}
	buf_free(&path);
}

static int by_name(const struct package *x, const struct package *y)
{
	int c = strcmp(x->type, y->type);
	c = c ? c : strcmp(x->name, y->name);
	return c ? c : strcmp(x->version, y->version);
}

/* Of one name and version: first what others than SBOMs say. */
static int by_place(const void *a, const void *b, void *ctx)
{
	const struct package *v = ctx, *x = &v[*(const u32 *)a], *y = &v[*(const u32 *)b];
	int c = by_name(x, y);
	c = c ? c : (x->origin == ORIGIN_DOCUMENT) - (y->origin == ORIGIN_DOCUMENT);
	c = c ? c : strcmp(x->arch, y->arch);
	c = c ? c : (int)(x->origin != ORIGIN_DATABASE) - (int)(y->origin != ORIGIN_DATABASE);
	if (!c && x->origin != ORIGIN_DATABASE)
		c = strcmp(x->path, y->path);
	return c ? c : *(const u32 *)a < *(const u32 *)b ? -1 : 1;
}

static int by_all(const void *a, const void *b, void *ctx)
{
	const struct package *v = ctx, *x = &v[*(const u32 *)a], *y = &v[*(const u32 *)b];
	int c = by_name(x, y);
	c = c ? c : strcmp(x->arch, y->arch);
	c = c ? c : strcmp(x->path, y->path);
	return c ? c : *(const u32 *)a < *(const u32 *)b ? -1 : 1;
}

/* Whether y, which comes behind x by_place(), is told of already by x. */
static bool same(const struct package *x, const struct package *y)
{
	if (by_name(x, y))
		return false;
	if (y->origin == ORIGIN_DOCUMENT && x->origin != ORIGIN_DOCUMENT)
		return true;
	return strcmp(x->arch, y->arch) == 0 && (x->origin == ORIGIN_DATABASE) == (y->origin == ORIGIN_DATABASE) &&
	       (x->origin == ORIGIN_DATABASE || strcmp(x->path, y->path) == 0);
}

/* What an OS package owns is not counted again as a language's: marked, and unless `all` left out. */
static void mark_within(struct packages *p)
{
	for (u32 i = 0; i < p->n; i++) {
		struct package *k = &p->v[i];
		u32 owner = k->database ? p->owner[k->database] : 0;
		if (k->origin != ORIGIN_DATABASE && owner && p->v[owner - 1].origin == ORIGIN_DATABASE)
			k->within = owner;
	}
}

/* Sorts, and leaves out what is told twice; owners follow. */
static void sort(struct packages *p, bool all)
{
	if (!p->n)
		return;
	autofree u32 *order = xcalloc(p->n, sizeof *order), *where = xcalloc(p->n, sizeof *where); /* where[i]: 1 + new index, 0 left out */
	autofree u32 *as = xcalloc(p->n, sizeof *as);                                             /* the one that stands for it */
	struct package *v = xcalloc(p->n, sizeof *v);
	u32 n = 0;
	for (u32 i = 0; i < p->n; i++)
		order[i] = i;
	qsort_r(order, p->n, sizeof *order, by_place, p->v);
	for (u32 i = 0, last = 0; i < p->n; i++) {
		if (!i || !same(&p->v[last], &p->v[order[i]]))
			last = order[i];
		as[order[i]] = last;
	}
	for (u32 i = 0; i < p->n; i++)
		if (as[i] == i && (all || !p->v[i].within))
			order[n++] = i;
	qsort_r(order, n, sizeof *order, by_all, p->v);
	for (u32 i = 0; i < n; i++) {
		v[i] = p->v[order[i]];
		where[order[i]] = i + 1;
	}
	for (u32 i = 0; i < n; i++)
		if (v[i].within)
			v[i].within = where[as[v[i].within - 1]];
	for (u32 i = 0; i < p->n_owner; i++)
		if (p->owner[i])
			p->owner[i] = where[as[p->owner[i] - 1]];
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

/* --- how much of what can be run is known --- */
#define UNIDENTIFIED_MAX 1000u
enum { CODE = 1, KNOWN = 2 };

struct unknown {
	u64 size;
	node_id node;
};

static int larger_first(const void *a, const void *b)
{
	const struct unknown *x = a, *y = b;
	return x->size != y->size ? (x->size < y->size ? 1 : -1) : (x->node > y->node) - (x->node < y->node);
}

/* Programs and libraries are what the collector of programs left a note on. One that a package owns, or in which something was found, is known: before
 * packages are left out. Of several names of one file any will do. */
static void cover(struct packages *p, const struct rootfs *r)
{
	autofree u8 *state = xcalloc(r->inodes.n, 1);
	struct unknown *v = NULL;
	u32 n = 0, cap = 0;
	for (u32 i = 0; i < p->n; i++)
		if (p->v[i].database)
			state[rootfs_node(r, p->v[i].database)->inode] |= KNOWN;
	for (node_id id = ROOTFS_ROOT; id < r->nodes.n; id++)
		if (p->owner[id])
			state[rootfs_node(r, id)->inode] |= KNOWN;
	node_id *files;
	u32 n_files = packages_noted(p, r, COLLECT_BINARY, &files);
	for (u32 i = 0; i < n_files; i++) {
		node_id id = files[i];
		inode_id inode = rootfs_node(r, id)->inode;
		if (state[inode] & CODE)
			continue;
		u64 size = rootfs_size(r, id);
		state[inode] |= CODE;
		p->executable_bytes += size;
		struct unknown u = { size, id };
		if (state[inode] & KNOWN)
			p->identified_bytes += size;
		else
			VEC_PUSH(v, n, cap, u);
	}
	if (n)
		qsort(v, n, sizeof *v, larger_first);
	p->n_unidentified = MIN(n, UNIDENTIFIED_MAX);
	p->unidentified = arena_array(&p->arena, node_id, p->n_unidentified + 1);
	for (u32 i = 0; i < p->n_unidentified; i++)
		p->unidentified[i] = v[i].node;
	free(v);
	free(files);
}

/* Most packages of an image have one of a few licences: each way of writing one is read once. */
#define LICENSES_NEAR 256u
struct near_license {
	const char *raw, *expression;
};

static const char *expression_of(struct arena *a, struct near_license *near, const char *raw)
{
	struct near_license *n = &near[hash64(str_of(raw), hash_seed) & (LICENSES_NEAR - 1)];
	if (!n->raw || strcmp(n->raw, raw) != 0) {
		struct buf b = BUF(0);
		license_expression(&b, str_of(raw));
		*n = (struct near_license){ raw, arena_bytes(a, buf_str(&b)) };
		buf_free(&b);
	}
	return n->expression;
}

static void complete(struct packages *p)
{
	autofree struct near_license *near = xcalloc(LICENSES_NEAR, sizeof *near);
	for (u32 i = 0; i < p->n; i++) {
		struct package *k = &p->v[i];
		if (*k->license)
			k->license = expression_of(&p->arena, near, k->license);
		if (!*k->source_name)
			k->source_name = k->name;
		if (!*k->source_version)
			k->source_version = k->version;
		if (!*k->purl)
			k->purl = purl_make(&p->arena, k, p->os_id, p->os_version);
	}
}

struct packages *packages_new(void)
{
	struct packages *p = xcalloc(1, sizeof *p);
	p->os_id = p->os_version = p->os_pretty = p->os_codename = p->os_branch = p->os_content_sets = "";
	return p;
}

struct packages *packages_read(const struct rootfs *r, bool all) { return packages_read_set(r, COLLECT_ALL, all); }

struct packages *packages_read_set(const struct rootfs *r, enum collector_set set, bool all)
{
	struct packages *p = packages_new();
	p->owner = xcalloc(r->nodes.n, sizeof *p->owner);
	p->n_owner = r->nodes.n;
	p->near = xcalloc(1, sizeof *p->near);
	p->near->links = xcalloc(r->nodes.n, sizeof *p->near->links);
	osrelease_read(r, p);
	release_read(r, p);
	for (u32 i = 0; ecosystems[i]; i++)
		if (ecosystems[i]->set <= set)
			ecosystems[i]->read(r, p);
	set_paths(p, r);
	if (set >= COLLECT_PACKAGES)
		cover(p, r);
	near_free(p);
	mark_within(p);
	sort(p, all);
	complete(p);
	measure(p, r);
	return p;
}

void packages_finish(struct packages *p)
{
	sort(p, true);
	complete(p);
}

void packages_keep(struct packages *p, const char *const *types)
{
	autofree u32 *where = xcalloc((size_t)p->n + 1, sizeof *where);
	u32 n = 0;
	for (u32 i = 0; i < p->n; i++) {
		if (!str_listed(str_of(p->v[i].type), types))
			continue;
		p->v[n] = p->v[i];
		where[i + 1] = ++n;
	}
	for (u32 i = 0; i < n; i++)
		p->v[i].within = where[p->v[i].within];
	for (u32 i = 0; i < p->n_owner; i++)
		p->owner[i] = where[p->owner[i]];
	p->n = n;
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
