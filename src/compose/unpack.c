#include "base/hash.h"
#include "base/progress.h"
#include "base/thread.h"
#include "compose/compose.h"
#include "compose/deb822.h"
#include "compose/relation.h"
#include "compose/script.h"
#include "transport/places.h"
#include <unistd.h>

#define DIVERSIONS_MAX 1024u
#define LINKS_MAX 16u /* that a path goes through */
#define CONTROL_MAX ((size_t)MiB) /* of the file control */
#define TIME_MAX 253402300799 /* the end of the year 9999: what texts of times have room for */
#define MERGED "bin sbin lib lib32 lib64 libx32 libo32 var/run var/lock"

struct unpacked {     /* of one package, before it goes into the tree */
	struct arena arena;
	struct ctree_entry *v;
	u32 n, cap;
	struct error err;
};
struct job {
	struct composition *c;
	struct mirror_want *files;
	struct unpacked *out;
};

/* What is for people at a terminal, or for the tools of packages. */
static bool for_people(const struct recipe *r, struct str path)
{
	static const char *const always[] = { "usr/share/lintian", "usr/share/linda", "usr/share/bug", "usr/share/doc-base", "usr/share/omf", "usr/share/bash-completion", "usr/share/zsh", "usr/share/fish", "usr/share/menu", "usr/share/reportbug" };
	static const char *const manuals[] = { "usr/share/man", "usr/share/info", "usr/share/groff", "usr/share/gtk-doc", "usr/share/gnome/help", "usr/share/help" };
	static const char *const locales[] = { "usr/share/locale" };
	const struct { const char *const *v; u32 n; bool kept; } sets[] = { { always, countof(always), false }, { manuals, countof(manuals), r->manuals }, { locales, countof(locales), r->locales } };
	for (u32 i = 0; i < countof(sets); i++)
		for (u32 k = 0; k < sets[i].n && !sets[i].kept; k++) {
			struct str at = str_of(sets[i].v[k]);
			if (str_starts(path, at) && (path.n == at.n || path.p[at.n] == '/'))
				return true;
		}
	return false;
}

/* usr/share/doc/NAME/…: the licence stays, and the directory or link that leads to it. */
static bool documentation(struct str path, enum tar_type type)
{
	if (!str_starts(path, STR("usr/share/doc/")))
		return false;
	struct str rest = str_from(path, 14);
	str_cut(&rest, '/');
	if (!rest.p)
		return type == TAR_FILE;
	struct str base = str_base(path);
	bool licence = str_starts(base, STR("copyright")) || str_starts(base, STR("LICENSE")) || str_starts(base, STR("NOTICE"));
	return !(licence && (type == TAR_FILE || type == TAR_SYMLINK || type == TAR_HARDLINK));
}

static bool matches(const char *const *patterns, struct str path)
{
	for (; patterns && *patterns; patterns++) {
		struct str p = str_of(*patterns);
		if (p.n && p.p[0] == '/')
			p = str_from(p, 1);
		if (str_glob(p, path) || (str_starts(path, p) && path.n > p.n && path.p[p.n] == '/'))
			return true;
	}
	return false;
}

bool compose_kept(const struct recipe *r, struct str path) { return matches(r->keep, path); }
bool compose_dropped(const struct recipe *r, struct str path) { return matches(r->drop, path) && !matches(r->keep, path); }

bool compose_keeps(const struct recipe *r, struct str path, enum tar_type type)
{
	if (matches(r->keep, path))
		return true;
	if (matches(r->drop, path))
		return false;
	return !for_people(r, path) && (r->docs || !documentation(path, type));
}

static int spool_file(struct ctree *t, struct tar *content, struct ctree_entry *e, struct error *err)
{
	struct str view;
	u64 at = e->at = ctree_room(t, e->size);
	if (at > TREE_BYTES_MAX)
		return error_set(err, ERR_INPUT, "more than %llu bytes in all packages: over the budget", (unsigned long long)TREE_BYTES_MAX);
	do {
		if (tar_content(content, &view, err) < 0)
			return -1;
		if (at + view.n > e->at + e->size)
			return error_set(err, ERR_INPUT, "%.*s: longer than it says", STR_FMT(e->path));
		if (ctree_write(t, at, view, err) < 0)
			return -1;
		at += view.n;
	} while (view.n);
	return at == e->at + e->size ? 0 : error_set(err, ERR_INPUT, "%.*s: shorter than it says", STR_FMT(e->path));
}

struct unpacking {
	struct composition *c;
	struct compose_package *p;
	struct unpacked *u;
};

static int take_entry(void *ctx, const struct tar_entry *e, struct str path, struct tar *content, struct error *err)
{
	struct unpacking *x = ctx;
	struct arena *a = &x->u->arena;
	autofree char *real = xmalloc(TAR_PATH_MAX * 2);
	struct str at = str_n(real, ctree_real(path, real));
	bool moved = !str_eq(at, path);
	if (!path.n || (e->type == TAR_DIR && (str_is(path, "var/run") || str_is(path, "var/lock"))) || (moved && e->type == TAR_SYMLINK && str_among(path, MERGED)))
		return 0; /* the root; what are links to /run once base-files is configured; the links of the merged /usr, where a package has them */
	struct ctree_entry v = { .path = str_n(arena_bytes(a, at), at.n), .type = e->type, .mode = e->mode, .uid = e->uid, .gid = e->gid, .major = e->major, .minor = e->minor, .size = e->size, .mtime = MIN(MAX(e->mtime, 0), TIME_MAX) };
	if (e->type == TAR_SYMLINK) {
		v.link = str_n(arena_bytes(a, e->link), e->link.n);
	} else if (e->type == TAR_HARDLINK) {
		ssize_t n = tar_clean(e->link, real);
		if (n <= 0)
			return error_set(err, ERR_INPUT, "%.*s: a link to nothing", STR_FMT(at));
		at = str_n(real, ctree_real(str_n(real, (size_t)n), real));
		v.link = str_n(arena_bytes(a, at), at.n);
	}
	v.xattrs = e->xattrs.n ? str_n(arena_bytes(a, e->xattrs), e->xattrs.n) : STR("");
	if (e->type == TAR_FILE) {
		x->p->files++;
		x->p->bytes += e->size;
		if (spool_file(&x->c->tree, content, &v, err) < 0)
			return -1;
	}
	x->p->newest = MAX(x->p->newest, v.mtime);
	VEC_PUSH(x->u->v, x->u->n, x->u->cap, v);
	return 0;
}

/* What the package says it is has to be what the index, or the lock file, says; of the control file only that paragraph is kept. */
static int check_control(struct compose_package *p, struct error *err)
{
	enum { PACKAGE, VERSION, ARCH, REPLACES, FIELDS };
	static const char *const names[] = { "Package", "Version", "Architecture", "Replaces" };
	struct str v[FIELDS], rest = p->control.control;
	if (rest.n > CONTROL_MAX)
		return error_set(err, ERR_INPUT, "a control file of %zu bytes: over the budget", rest.n);
	if (!deb822_next(&rest, &p->control.control) || deb822_fields(p->control.control, names, v, FIELDS, err) < 0)
		return error_wrap(err, "control");
	if (!str_eq(v[PACKAGE], p->name) || !str_eq(v[VERSION], p->version) || !str_eq(v[ARCH], p->arch))
		return error_set(err, ERR_INPUT, "it is %.*s %.*s for %.*s, not %.*s for %.*s", STR_FMT(str_head(v[PACKAGE], 100)), STR_FMT(str_head(v[VERSION], 100)), STR_FMT(str_head(v[ARCH], 40)), STR_FMT(p->version), STR_FMT(p->arch));
	p->replaces = v[REPLACES];
	return 0;
}

static void unpack_one(u32 i, void *ctx)
{
	struct job *j = ctx;
	struct compose_package *p = &j->c->v[i];
	struct unpacked *u = &j->out[i];
	struct unpacking x = { j->c, p, u };
	struct deb d;
	if (deb_open(j->files[i].fd, &d, &u->err) < 0 || deb_read_control(&d, &u->arena, &p->control, &u->err) < 0 || check_control(p, &u->err) < 0 || deb_each(&d, take_entry, &x, &u->err) < 0)
		error_wrap(&u->err, "%.*s", STR_FMT(p->name));
	progress_add(p->size);
}

/* --- into the tree --- */

/* Whether `p` may have a file that `o` has, too (Debian Policy, section 7.6.1). */
static bool replaces(const struct compose_package *p, const struct compose_package *o)
{
	struct str field = p->replaces, group;
	struct relation r;
	while (relation_group(&field, &group))
		while (relation_next(&group, NULL, &r))
			if (str_eq(r.name, o->name) && relation_holds(&r, o->version))
				return true;
	return false;
}

/* dpkg-divert(1), as preinst scripts call it: what all others have at one path goes to another. */
struct diversion {
	u32 package;
	const char *from, *to; /* clean */
};
struct diversions {
	struct composition *c;
	u32 package;
	struct diversion *v;
	u32 n, cap;
};

static u32 package_named(const struct composition *c, const char *name)
{
	u32 i = 0;
	while (i < c->n && !str_is(c->v[i].name, name))
		i++;
	return i;
}

/* Those that only keep dpkg from removing what the merged /usr stands on ("/.lib64.usr-is-merged") move nothing. */
static bool protects(const char *from, const char *to) { return (to && strstr(to, ".usr-is-merged")) || (from && from[0] == '/' && str_among(str_of(from + 1), MERGED)); }

static void diverted(void *ctx, const struct script_command *s)
{
	struct diversions *d = ctx;
	const char *from = NULL, *to = NULL;
	bool unknown = false;
	u32 owner = d->package;
	if (!s->fresh || !s->v[0] || strcmp(s->v[0], "dpkg-divert") != 0)
		return;
	for (u32 i = 1; i < s->n; i++) {
		const char *w = s->v[i], *next = i + 1 < s->n ? s->v[i + 1] : NULL;
		if (w && (strcmp(w, "--remove") == 0 || strcmp(w, "--list") == 0 || strcmp(w, "--truename") == 0))
			return;
		if (w && strcmp(w, "--package") == 0) {
			owner = next ? package_named(d->c, next) : owner;
			i++;
		} else if (w && strcmp(w, "--divert") == 0) {
			to = next;
			unknown |= !next;
			i++;
		} else if (w && strncmp(w, "--divert=", 9) == 0) {
			to = w + 9;
		} else if (w && w[0] == '/') {
			from = w;
		} else if (!w) {
			unknown = true;
		}
	}
	struct arena *a = &d->c->arena;
	if (protects(from, to))
		return;
	to = from && !to ? arena_printf(a, "%s.distrib", from) : to;
	from = ctree_path(a, from);
	to = ctree_path(a, to);
	if (!unknown && from && to && d->n < DIVERSIONS_MAX)
		VEC_PUSH(d->v, d->n, d->cap, ((struct diversion){ owner, from, to }));
	else
		problem_add(&d->c->notes, "%.*s: a diversion that cannot be read from its script is not made", STR_FMT(d->c->v[d->package].name));
}

static struct str diverted_path(const struct diversions *d, u32 package, struct str path)
{
	for (u32 i = 0; i < d->n; i++)
		if (d->v[i].package != package && str_is(path, d->v[i].from))
			return str_of(d->v[i].to);
	return path;
}

static struct str parent_of(struct str path) { return str_head(path, path.n - MIN(str_base(path).n + 1, path.n)); }

/* Those that are not there yet: above the first that is all are. */
static void parents_of(struct composition *c, struct str path, u32 package)
{
	struct ctree *t = &c->tree;
	for (struct str dir = parent_of(path); dir.n && !ctree_find(t, dir); dir = parent_of(dir))
		ctree_add(t, &(struct ctree_entry){ .path = dir, .type = TAR_DIR, .mode = 0755, .mtime = c->epoch >= 0 ? MIN(c->v[package].newest, c->epoch) : c->v[package].newest, .package = package });
}

/* A path below what is a link in the tree is where the link leads: into `out` of 2 * TAR_PATH_MAX bytes. ERR_INPUT: below a file, or links without end. */
static int through_links(const struct ctree *t, struct str path, char *out, struct str *ret, struct error *err)
{
	*ret = path;
	for (u32 links = 0;;) {
		struct str dir = parent_of(*ret); /* the nearest that is there: above it all is as it should be */
		u32 id;
		while (!(id = ctree_find(t, dir)) && dir.n)
			dir = parent_of(dir);
		const struct ctree_entry *e = &t->v[id];
		if (!id || e->type == TAR_DIR)
			return 0;
		if (e->type != TAR_SYMLINK || ++links > LINKS_MAX)
			return error_set(err, ERR_INPUT, "%.*s: %.*s is no directory", STR_FMT(path), STR_FMT(e->path));
		struct buf b = BUF(TAR_PATH_MAX);
		if (e->link.n && e->link.p[0] != '/')
			buf_add(&b, str_head(e->path, e->path.n - str_base(e->path).n));
		buf_add(&b, e->link);
		buf_add(&b, str_from(*ret, dir.n));
		ssize_t n = b.over ? -1 : tar_clean(buf_str(&b), out);
		buf_free(&b);
		if (n <= 0)
			return error_set(err, ERR_INPUT, "%.*s: %.*s leads nowhere", STR_FMT(path), STR_FMT(e->path));
		*ret = str_n(out, ctree_real(str_n(out, (size_t)n), out));
	}
}

static int put(struct composition *c, u32 i, const struct ctree_entry *v0, const struct diversions *d, struct error *err)
{
	struct ctree *t = &c->tree;
	struct ctree_entry v = *v0, *e = &v;
	v.path = e->type == TAR_DIR ? v.path : diverted_path(d, i, v.path);
	v.link = e->type == TAR_HARDLINK ? diverted_path(d, i, v.link) : v.link;
	autofree char *room = xmalloc(4 * TAR_PATH_MAX);
	if (through_links(t, v.path, room, &v.path, err) < 0 || (e->type == TAR_HARDLINK && through_links(t, v.link, room + 2 * TAR_PATH_MAX, &v.link, err) < 0))
		return -1;
	u32 was = ctree_find(t, v.path);
	v.package = i;
	if (c->epoch >= 0)
		v.mtime = MIN(v.mtime, c->epoch);
	if (t->n >= TREE_ENTRIES_MAX)
		return error_set(err, ERR_INPUT, "more files than fit: over the budget");
	if (was && t->v[was].type == TAR_DIR && (e->type == TAR_DIR || e->type == TAR_SYMLINK))
		return 0; /* a directory is everybody's; dpkg does not put a link in its place */
	if (was && t->v[was].type == TAR_DIR)
		return error_set(err, ERR_INPUT, "%.*s: a directory is there, of %.*s", STR_FMT(e->path), STR_FMT(c->v[t->v[was].package].name));
	if (was && t->v[was].type == TAR_SYMLINK && e->type == TAR_DIR)
		return 0;
	if (was && t->v[was].package != i) {
		const struct compose_package *o = &c->v[t->v[was].package];
		if (replaces(o, &c->v[i]))
			return 0;
		if (!replaces(&c->v[i], o))
			return error_set(err, ERR_INPUT, "%.*s has %.*s, too", STR_FMT(o->name), STR_FMT(e->path));
	}
	parents_of(c, e->path, i);
	ctree_add(t, &v);
	return 0;
}

/* Of links to what does not go into the image the first becomes the file, and the others lead to it. */
static void relink(struct unpacked *u, const bool *kept)
{
	struct hashtab names;
	hashtab_open(&names, u->n);
	for (u32 i = 0; i < u->n; i++)
		if (u->v[i].type == TAR_FILE)
			hashtab_add(&names, (u32)hash64(u->v[i].path, hash_seed), i + 1);
	for (u32 i = 0; i < u->n; i++) {
		struct ctree_entry *e = &u->v[i];
		u32 h = (u32)hash64(e->link, hash_seed);
		if (!kept[i] || e->type != TAR_HARDLINK)
			continue;
		for (u32 at = h, id; (id = hashtab_next(&names, h, &at));) {
			struct ctree_entry *to = &u->v[id - 1];
			if (!str_eq(to->path, e->link))
				continue;
			if (!kept[id - 1] && to->link.n) {
				e->link = to->link;
			} else if (!kept[id - 1]) {
				to->link = e->path;
				e->type = TAR_FILE;
				e->size = to->size;
				e->at = to->at;
				e->link = STR("");
			}
			break;
		}
	}
	hashtab_free(&names);
}

static int put_all(struct composition *c, u32 i, struct unpacked *u, const struct diversions *d, struct error *err)
{
	bool *kept = xcalloc(u->n + 1u, sizeof *kept);
	int r = 0;
	for (u32 k = 0; k < u->n; k++)
		kept[k] = compose_keeps(c->recipe, u->v[k].path, u->v[k].type);
	relink(u, kept);
	for (u32 k = 0; r == 0 && k < u->n; k++)
		if (kept[k])
			r = put(c, i, &u->v[k], d, err);
	free(kept);
	return r < 0 ? error_wrap(err, "%.*s", STR_FMT(c->v[i].name)) : 0;
}

/* A link whose file another package took over, or that leads out of what there is. */
static int check_links(const struct composition *c, struct error *err)
{
	for (u32 i = 1; i < c->tree.n; i++) {
		const struct ctree_entry *e = &c->tree.v[i];
		u32 to = e->gone || e->type != TAR_HARDLINK ? 0 : ctree_find(&c->tree, e->link);
		if (!e->gone && e->type == TAR_HARDLINK && (!to || c->tree.v[to].type != TAR_FILE || c->tree.v[to].package != e->package))
			return error_set(err, ERR_INPUT, "%.*s: %.*s: a link to %.*s, which is no file of its package", STR_FMT(c->v[e->package].name), STR_FMT(e->path), STR_FMT(e->link));
	}
	return 0;
}

int compose_unpack(struct composition *c, struct mirror *m, const char *spool_dir, struct error *err)
{
	struct job j = { .c = c, .files = xcalloc(c->n + 1u, sizeof *j.files), .out = xcalloc(c->n + 1u, sizeof *j.out) };
	u64 total = 0;
	for (u32 i = 0; i < c->n; i++) {
		j.files[i] = (struct mirror_want){ .url = c->v[i].url, .sha256 = c->v[i].sha256, .size = c->v[i].size, .fd = -1 };
		total += c->v[i].size;
	}
	int r = mirror_get(m, j.files, c->n, "packages", err), spool = r < 0 ? -1 : archive_spool_file(spool_dir, err);
	if (spool < 0)
		r = -1;
	if (r == 0) {
		ctree_open(&c->tree, spool);
		progress_begin("unpacking", total);
		thread_each(c->n, unpack_one, &j);
		progress_end();
	}
	for (u32 i = 0; r == 0 && i < c->n; i++) {
		c->time = MAX(c->time, c->v[i].newest);
		if (j.out[i].err.kind) {
			*err = j.out[i].err;
			r = -1;
		}
	}
	if (r == 0 && c->epoch >= 0)
		c->time = MIN(c->time, c->epoch);
	c->tree.time = c->time;
	struct diversions d = { .c = c };
	for (d.package = 0; r == 0 && d.package < c->n; d.package++)
		(void)!script_each(c->v[d.package].control.preinst, &c->arena, diverted, &d);
	for (u32 i = 0; r == 0 && i < c->n; i++)
		r = put_all(c, i, &j.out[i], &d, err);
	free(d.v);
	if (r == 0)
		r = check_links(c, err);
	for (u32 i = 0; i < c->n; i++) {
		struct deb_control *k = &c->v[i].control;
		struct str *texts[] = { &k->control, &k->md5sums, &k->preinst, &k->postinst };
		for (u32 t = 0; t < countof(texts); t++) /* they outlive the package's own arena */
			*texts[t] = texts[t]->n ? str_n(arena_bytes(&c->arena, *texts[t]), texts[t]->n) : STR("");
		c->v[i].replaces = STR("");
		cleanup_fd(&j.files[i].fd);
		arena_free(&j.out[i].arena);
		free(j.out[i].v);
	}
	free(j.files);
	free(j.out);
	return r;
}
