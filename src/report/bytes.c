#include "report/bytes.h"
#include "base/hash.h"

const char *const byte_group_id[] = { "hidden", "base", "caches", "logs", "docs", "build-tools", "deb", "apk", "rpm", "packages",
				      "npm",	"pypi", "gem",	  "golang", "cargo", "composer",   "duplicates", "app" };
const char *const byte_group_title[] = { "hidden by later layers", "base image", "caches and lists", "logs, temporary files", "docs and translations", "build tools", "Debian packages", "Alpine packages",
					 "RPM packages", "other packages", "npm packages", "Python packages", "Ruby gems", "Go modules", "Rust crates", "Composer packages", "duplicates", "application" };
_Static_assert(countof(byte_group_id) == BYTES_GROUPS && countof(byte_group_title) == BYTES_GROUPS, "one name a group");

bool bytes_build_tool(const struct package *p)
{
	static const char *const names[] = { "make", "cmake", "ninja-build", "meson", "build-essential", "build-base", "alpine-sdk", "dpkg-dev", "autoconf", "automake", "libtool", "pkg-config", "pkgconf", "pkgconf-bin",
					     "bison", "flex", "gdb", "valgrind", "strace", "rustc", "cargo", "go", "patch", "m4", "libc-dev-bin", "rpcsvc-proto", "javac", "gcc", "g++", "cpp", "binutils", "kernel-headers",
					     "glibc-headers", "libstdc++-devel", "bzip2-devel" };
	static const char *const starts[] = { "gcc-", "g++-", "cpp-", "binutils-", "golang-", "clang-", "llvm-", "libgcc-", "libstdc++-" };
	static const char *const ends[] = { "-dev", "-devel", "-headers", "-jdk-headless", "-jdk", "-dbg", "-dbgsym", "-debuginfo" };
	struct str n = str_of(p->name);
	for (size_t i = 0; i < countof(names); i++)
		if (str_is(n, names[i]))
			return true;
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(n, str_of(ends[i])))
			return true;
	if (str_is(str_of(p->section), "devel") || str_is(str_of(p->section), "libdevel"))
		return !str_starts(n, STR("dpkg")) || str_is(n, "dpkg-dev");
	for (size_t i = 0; i < countof(starts); i++)
		if (str_starts(n, str_of(starts[i])))
			/* gcc-12-base and libgcc-s1 are run-time parts */
			return !str_ends(n, STR("-base")) && !str_starts(n, STR("libgcc-s")) && !(str_starts(n, STR("libstdc++")) && !str_contains(n, STR("dev")));
	return false;
}

struct search {
	const struct rootfs *r;
	const struct packages *p;
	struct bytes *b;
	u8 *seen;      /* a bit an inode */
	u8 *language;  /* by node: group of the directory that holds packages of a language, 0 none */
	u8 *records;   /* by node: group of the package manager whose records it lies among, 0 none */
	node_id *part; /* by node: the package's own directory in it */
	u64 *sums;     /* by node: bytes of the part that begins there */
	u64 *package;  /* by package: bytes that it has in its own group */
	u64 *contents; /* open addressing: a fingerprint of each content seen */
	u32 slots, used;
	struct buf path;
};

/* Whether this content was seen before. 64 bits of hash and size: equal by chance once in 10^8 images of 600,000 files. */
static bool copy_of_another(struct search *s, const struct fact_entry *e)
{
	if (e->flags & FACT_UNHASHED || e->size < 4096)
		return false;
	if (s->used * 2 >= s->slots) {
		u32 old = s->slots, n = old ? old * 4 : 4096;
		u64 *was = s->contents;
		s->contents = xcalloc(n, sizeof *s->contents);
		s->slots = n;
		for (u32 i = 0; i < old; i++)
			if (was[i]) {
				u32 at = (u32)(was[i] >> 1) & (n - 1);
				while (s->contents[at])
					at = (at + 1) & (n - 1);
				s->contents[at] = was[i];
			}
		free(was);
	}
	u64 print = (e->hash.lo ^ e->size * 0x9e3779b97f4a7c15u) | 1;
	u32 at = (u32)(print >> 1) & (s->slots - 1);
	for (; s->contents[at]; at = (at + 1) & (s->slots - 1))
		if (s->contents[at] == print)
			return true;
	s->contents[at] = print;
	s->used++;
	return false;
}

static u8 language_of(const struct rootfs *r, node_id id)
{
	const struct node *n = rootfs_node(r, id), *up = rootfs_node(r, n->parent);
	struct str name = str_n(n->name, n->length), parent = str_n(up->name, up->length);
	if (str_is(name, "node_modules"))
		return BYTES_NPM;
	if (str_is(name, "site-packages") || str_is(name, "dist-packages"))
		return BYTES_PYTHON;
	if (str_is(name, "gems") && up->name[0] >= '0' && up->name[0] <= '9')
		return BYTES_GEM;
	if (str_is(name, "mod") && str_is(parent, "pkg"))
		return BYTES_GO;
	if (str_is(name, "src") && str_is(parent, "registry"))
		return BYTES_CARGO;
	if (str_is(name, "vendor") && rootfs_child(r, id, STR("composer")) && rootfs_child(r, id, STR("autoload.php")))
		return BYTES_COMPOSER;
	return 0;
}

/* The language a name belongs to comes down from its parents; the part is the first directory below (two for scopes and vendors). */
static void inherit(struct search *s, node_id id)
{
	const struct node *n = rootfs_node(s->r, id);
	node_id up = n->parent;
	if (rootfs_type(s->r, id) == TAR_DIR) {
		u8 l = language_of(s->r, id);
		if (l) {
			s->language[id] = s->language[up] ? s->language[up] : l;
			s->part[id] = s->part[up];
			return;
		}
	}
	s->language[id] = s->language[up];
	if (!s->language[up])
		return;
	bool scope = s->part[up] && s->part[up] == up && (rootfs_node(s->r, up)->name[0] == '@' || s->language[up] == BYTES_COMPOSER) && s->part[rootfs_node(s->r, up)->parent] == 0;
	s->part[id] = s->part[up] && !scope ? s->part[up] : id;
}

static u8 litter_group(u8 kind)
{
	switch (kind) {
	case LITTER_LOG:
	case LITTER_TMP:
	case LITTER_BYTECODE: return BYTES_LOGS;
	case LITTER_DOCS:
	case LITTER_MAN:
	case LITTER_LOCALES: return BYTES_DOCS;
	default: return BYTES_CACHES;
	}
}

/* What a package manager keeps for itself counts with its packages. Paths are made of the few directories whose names fit. */
static u8 records_group(struct search *s, node_id id)
{
	static const struct {
		struct str dir;
		u8 group;
	} places[] = { { STR("/var/lib/dpkg"), BYTES_DEB }, { STR("/var/cache/debconf"), BYTES_DEB }, { STR("/var/lib/apt"), BYTES_DEB }, { STR("/lib/apk"), BYTES_APK }, { STR("/usr/lib/apk"), BYTES_APK },
		       { STR("/var/lib/rpm"), BYTES_RPM }, { STR("/usr/lib/sysimage/rpm"), BYTES_RPM }, { STR("/var/lib/dnf"), BYTES_RPM } };
	const struct node *n = rootfs_node(s->r, id);
	for (size_t i = 0; i < countof(places); i++)
		if (str_ends(places[i].dir, str_n(n->name, n->length)) && str_eq(rootfs_path(s->r, id, &s->path), places[i].dir))
			return places[i].group;
	return 0;
}

static u8 package_group(const struct package *p)
{
	if (bytes_build_tool(p))
		return BYTES_BUILD;
	return strcmp(p->type, "deb") == 0 ? BYTES_DEB : strcmp(p->type, "apk") == 0 ? BYTES_APK : strcmp(p->type, "rpm") == 0 ? BYTES_RPM : BYTES_OTHER_PACKAGES;
}

static void top(struct bytes *b, int group, const char *name, u64 bytes, bool copy)
{
	struct byte_part *t = b->group[group].top;
	if (bytes == 0 || (t[BYTES_TOP - 1].name && t[BYTES_TOP - 1].bytes >= bytes))
		return;
	u32 i = BYTES_TOP - 1;
	for (; i > 0 && (!t[i - 1].name || t[i - 1].bytes < bytes); i--)
		t[i] = t[i - 1];
	t[i] = (struct byte_part){ copy ? arena_strdup(&b->arena, str_of(name)) : name, bytes };
}

static void top_file(struct search *s, int group, node_id id, u64 bytes)
{
	const struct byte_part *last = &s->b->group[group].top[BYTES_TOP - 1];
	if (!last->name || last->bytes < bytes) /* paths are made of the few that count */
		top(s->b, group, rootfs_path(s->r, id, &s->path).p, bytes, true);
}

static void visit(struct search *s, node_id id)
{
	inherit(s, id);
	s->records[id] = s->records[rootfs_node(s->r, id)->parent];
	if (rootfs_type(s->r, id) == TAR_DIR && !s->records[id])
		s->records[id] = records_group(s, id);
	if (rootfs_type(s->r, id) != TAR_FILE)
		return;
	const struct fact_entry *e = rootfs_entry(s->r, id);
	inode_id in = rootfs_node(s->r, id)->inode;
	if (s->seen[in / 8] & 1 << in % 8)
		return;
	s->seen[in / 8] |= (u8)(1 << in % 8);
	u32 owner = s->p ? s->p->owner[id] : 0;
	u8 litter = s->b->litter.kind[id], g;
	if (rootfs_inode(s->r, in)->layer < s->b->base_layers)
		g = BYTES_BASE;
	else if (litter)
		g = litter_group(litter);
	else if (owner)
		g = package_group(&s->p->v[owner - 1]);
	else if (s->language[id])
		g = s->language[id];
	else if (s->records[id])
		g = s->records[id];
	else
		g = copy_of_another(s, e) ? BYTES_DUPLICATES : BYTES_APP;
	if (g == BYTES_BASE || litter || owner)
		(void)copy_of_another(s, e); /* a copy of it elsewhere is one */
	s->b->of[in] = g;
	s->b->group[g].bytes += e->size;
	s->b->group[g].files++;
	if (owner && (g == package_group(&s->p->v[owner - 1]) || g == BYTES_BASE))
		s->package[owner - 1] += e->size;
	else if (s->language[id] == g && s->part[id])
		s->sums[s->part[id]] += e->size;
	else
		top_file(s, g, id, e->size);
}

static void tops(struct search *s)
{
	for (u32 i = 0; s->p && i < s->p->n; i++) {
		const struct package *p = &s->p->v[i];
		if (p->layer < s->b->base_layers)
			top(s->b, BYTES_BASE, p->name, s->package[i], false);
		else
			top(s->b, package_group(p), p->name, s->package[i], false);
	}
	for (node_id id = 2; id < s->r->nodes.n; id++)
		if (s->sums[id])
			top(s->b, s->language[id], rootfs_node(s->r, id)->name, s->sums[id], false);
	for (u32 i = 0; i < s->r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&s->r->waste, i);
		top(s->b, BYTES_HIDDEN, rootfs_waste_path(s->r, w, &s->path).p, w->bytes, true);
		s->b->group[BYTES_HIDDEN].files += w->bytes > 0;
	}
}

void bytes_find(const struct image *img, const struct rootfs *r, const struct packages *p, struct bytes *ret)
{
	*ret = (struct bytes){ .total = r->stored, .base_layers = image_base_layers(img), .of = xcalloc(r->inodes.n, 1) };
	struct litter_options all = { .docs = true, .man = true, .locales = true };
	litter_find(img, r, p, &all, &ret->litter);
	struct search s = { .r = r, .p = p, .b = ret, .seen = xcalloc(r->inodes.n / 8 + 1, 1), .language = xcalloc(r->nodes.n, 1), .records = xcalloc(r->nodes.n, 1), .part = xcalloc(r->nodes.n, sizeof(node_id)),
			    .sums = xcalloc(r->nodes.n, sizeof(u64)), .package = xcalloc(p ? p->n : 0, sizeof(u64)) };
	ret->group[BYTES_HIDDEN].bytes = r->wasted;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id))
		visit(&s, id);
	tops(&s);
	free(s.seen);
	free(s.language);
	free(s.records);
	free(s.part);
	free(s.sums);
	free(s.package);
	free(s.contents);
	buf_free(&s.path);
}

void bytes_free(struct bytes *b)
{
	litter_free(&b->litter);
	free(b->of);
	arena_free(&b->arena);
}
