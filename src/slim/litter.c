#include "slim/litter.h"
#include "base/caches.h"
#include "slim/protect.h"

const char *const litter_name[] = {
	"", "package-lists", "package-cache", "package-backup", "language-cache", "log", "temporary", "bytecode", "system-cache", "docs", "man", "locales", "unneeded", "package-database",
};
const char *const litter_title[] = {
	"", "package lists", "package manager caches", "package database backups", "language package caches", "logs", "temporary files", "byte code without source",
	"rebuildable caches", "documentation", "manual pages", "translations", "not needed", "package database, written anew",
};
const char *const litter_because[] = {
	"", "named by the start command", "named by an environment variable", "the working directory", "below a volume", "below a directory of PATH", "a package owns it",
	"a symbolic link leads to it", "the start command uses its tool", "its owner could not make it again", "asked for with --keep", "named by a start script",
	"its directory is listed by no layer",
};

enum { DEEP = CACHE_DEEP, TREE = CACHE_TREE, LINKS = 4 }; /* caches.h; symbolic links go too */

static const struct rule {
	enum litter_kind kind;
	const char *dir;  /* pattern (str_glob) of the directory's path; its last component is plain */
	const char *file; /* pattern of the file's name */
	u8 flags;
	const char *tool; /* not when the start command calls it */
} own[] = { /* besides caches.h */
	{ LITTER_BACKUP, "/var/cache/debconf", "*-old", 0, NULL },
	{ LITTER_BACKUP, "/var/lib/dpkg", "*-old", 0, NULL },
	{ LITTER_SYSTEM, "/var/cache/man", "*", DEEP, NULL },
	{ LITTER_SYSTEM, "/var/cache/ldconfig", "aux-cache", 0, NULL },
	{ LITTER_LOG, "/var/log", "*", DEEP, NULL },
	{ LITTER_TMP, "/tmp", "*", DEEP, NULL },
	{ LITTER_TMP, "/var/tmp", "*", DEEP, NULL },
	{ LITTER_DOCS, "/usr/share/doc", "*", DEEP, NULL },
	{ LITTER_DOCS, "/usr/share/info", "*", DEEP | LINKS, NULL },
	{ LITTER_DOCS, "/usr/share/gtk-doc", "*", DEEP, NULL },
	{ LITTER_DOCS, "/usr/local/share/doc", "*", DEEP, NULL },
	{ LITTER_DOCS, "/usr/local/share/info", "*", DEEP | LINKS, NULL },
	{ LITTER_MAN, "/usr/share/man", "*", DEEP | LINKS, NULL },
	{ LITTER_MAN, "/usr/local/share/man", "*", DEEP | LINKS, NULL },
	{ LITTER_MAN, "/usr/local/man", "*", DEEP | LINKS, NULL },
	{ LITTER_LOCALES, "/usr/share/locale", "*", DEEP, NULL },
};
enum { RULES = 1 + CACHE_PLACES + countof(own) }; /* 0: none */
_Static_assert(RULES < 256, "a zone is one byte");

static struct rule rule_of(u8 i)
{
	if (i == 0)
		return (struct rule){ LITTER_NONE, "", "", 0, NULL };
	if (i > CACHE_PLACES)
		return own[i - 1 - CACHE_PLACES];
	const struct cache_place *c = &package_caches[i - 1];
	bool lists = c->of == CACHE_APT_LISTS || str_is(STR("/var/lib/pacman/sync"), c->dir);
	bool language = c->of >= CACHE_PIP && c->of < CACHE_APT;
	return (struct rule){ lists ? LITTER_LISTS : language ? LITTER_LANGUAGE : LITTER_CACHE, c->dir, c->file, c->flags, c->tool };
}

struct search {
	const struct rootfs *r;
	const struct packages *pkgs;
	const struct litter_options *opt;
	struct litter *l;
	struct protect protect;
	u8 *zone;       /* by node: the rule of the directory it is or lies below, 0 none */
	u8 *guard;      /* by node: why it, and what is below it, stays */
	struct buf path;
	bool off[RULES];
	struct str last[RULES]; /* the last component of each rule's directory */
};

static bool requested(const struct litter_options *o, enum litter_kind k)
{
	return k == LITTER_DOCS ? o->docs : k == LITTER_MAN ? o->man : k == LITTER_LOCALES ? o->locales : true;
}

static struct str last_component(struct str path)
{
	const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;
	return slash ? str_from(path, (size_t)(slash - path.p) + 1) : path;
}

/* Paths are made of the few directories whose names fit. */
static u8 zone_of(struct search *s, node_id id)
{
	const struct node *n = rootfs_node(s->r, id);
	struct str name = str_n(n->name, n->length);
	for (u8 i = 1; i < RULES; i++)
		if (str_eq(s->last[i], name) && !s->off[i] && str_glob(str_of(rule_of(i).dir), rootfs_path(s->r, id, &s->path)))
			return i;
	return 0;
}

static u8 asked(const struct search *s, struct str path)
{
	for (u32 i = 0; i < s->opt->n_keep; i++)
		if (str_glob(str_of(s->opt->keep[i]), path))
			return WHY_ASKED;
	return WHY_NOTHING;
}

static void visit(struct search *s, node_id id)
{
	bool dir = rootfs_type(s->r, id) == TAR_DIR;
	struct str path = s->opt->n_keep ? rootfs_path(s->r, id, &s->path) : STR(""); /* made only where it is asked for: there are many */
	node_id parent = rootfs_node(s->r, id)->parent;
	u8 up = s->zone[parent];
	if (!s->guard[id])
		s->guard[id] = s->guard[parent];
	if (!s->guard[id])
		s->guard[id] = asked(s, path);
	if (dir) {
		s->zone[id] = zone_of(s, id);
		const char *tool = rule_of(s->zone[id]).tool; /* "pkgs" is conda's where conda keeps its records beside it */
		if (tool && strcmp(tool, "conda") == 0 && !rootfs_child(s->r, parent, STR("conda-meta")))
			s->zone[id] = 0;
		if (!s->zone[id] && up && rule_of(up).flags & DEEP)
			s->zone[id] = up;
	}
}

/* "fr" keeps fr, fr_CA, fr@euro; what lies directly in usr/share/locale (locale.alias) is no language. */
static bool language_kept(struct search *s, node_id id)
{
	const char *base = "/usr/share/locale/";
	struct str rest = str_from(rootfs_path(s->r, id, &s->path), strlen(base)), lang = str_cut(&rest, '/');
	if (!rest.p)
		return true;
	for (struct str list = str_of(s->opt->keep_locales ? s->opt->keep_locales : ""); list.p && list.n;) {
		struct str k = str_trim(str_cut(&list, ','));
		if (k.n && str_starts(lang, k) && (lang.n == k.n || lang.p[k.n] == '_' || lang.p[k.n] == '@' || lang.p[k.n] == '.'))
			return true;
	}
	return false;
}

static bool licence(struct str name)
{
	static const char *const kept[] = { "copyright*", "COPYRIGHT*", "LICENSE*", "LICENCE*", "license*", "licence*", "COPYING*", "NOTICE*" };
	for (size_t i = 0; i < countof(kept); i++)
		if (str_glob(str_of(kept[i]), name))
			return true;
	return false;
}

/* X of "X.cpython-311.pyc", "X.cpython-311.opt-1.pyc", "X.pypy39.pyc"; empty when the name says no such thing. */
static struct str source_of(struct str name)
{
	if (!str_ends(name, STR(".pyc")))
		return str_n(name.p, 0);
	name = str_head(name, name.n - 4);
	for (size_t i = name.n; i-- > 1;) {
		struct str tag = str_from(name, i);
		if (tag.p[0] == '.' && (str_starts(tag, STR(".cpython-")) || str_starts(tag, STR(".pypy"))))
			return str_head(name, i);
	}
	return str_n(name.p, 0);
}

/* Byte code in __pycache__ is read only in place of the source one directory up. */
static bool orphan(const struct search *s, node_id id)
{
	const struct node *n = rootfs_node(s->r, id), *dir = rootfs_node(s->r, n->parent);
	struct str x = n->parent != ROOTFS_ROOT && str_is(str_n(dir->name, dir->length), "__pycache__") ? source_of(str_n(n->name, n->length)) : str_n("", 0);
	if (x.n == 0)
		return false;
	struct buf py = BUF(0);
	buf_add(&py, x);
	buf_puts(&py, ".py");
	bool gone = rootfs_child(s->r, dir->parent, buf_str(&py)) == 0;
	buf_free(&py);
	return gone;
}

/* The file can be made again by its owner or by root. Accounting files are only written when they exist. */
static bool log_refills(const struct search *s, node_id id)
{
	static const char *const kept[] = { "wtmp", "btmp", "utmp" };
	const struct node *n = rootfs_node(s->r, id);
	const struct fact_entry *e = rootfs_entry(s->r, id), *d = rootfs_entry(s->r, n->parent);
	for (size_t i = 0; i < countof(kept); i++)
		if (strcmp(n->name, kept[i]) == 0)
			return false;
	if (!e || (e->mode & 0002 && !(d && d->mode & 0002)))
		return false;
	return e->uid == 0 || (d && (d->uid == e->uid || d->mode & 0002));
}

static enum litter_kind kind_of(struct search *s, node_id id, u8 *why)
{
	u8 type = rootfs_type(s->r, id);
	const struct node *n = rootfs_node(s->r, id);
	const struct rule rule = rule_of(s->zone[n->parent]);
	enum litter_kind kind = LITTER_NONE;
	if (rule.kind && str_glob(str_of(rule.file), str_of(n->name))) {
		bool plain = type == TAR_FILE && rootfs_size(s->r, id) > 0;
		if (plain || (rule.flags & TREE) == TREE || (rule.flags & LINKS && type == TAR_SYMLINK))
			kind = rule.kind;
		if (kind == LITTER_DOCS && licence(str_of(n->name)))
			kind = LITTER_NONE;
		if (kind == LITTER_LOCALES && language_kept(s, id))
			kind = LITTER_NONE;
		if (kind == LITTER_LOG && !log_refills(s, id))
			*why = WHY_REFILL;
	}
	if (!kind && type == TAR_FILE && rootfs_size(s->r, id) && orphan(s, id))
		kind = LITTER_BYTECODE;
	return kind;
}

static bool by_request(enum litter_kind k) { return k >= LITTER_DOCS && k <= LITTER_LOCALES; }

static void judge_file(struct search *s, node_id id)
{
	struct litter *l = s->l;
	u8 why = WHY_NOTHING;
	enum litter_kind kind = kind_of(s, id, &why);
	if (!kind)
		return;
	if (!why && s->pkgs && s->pkgs->owner[id] && !by_request(kind))
		why = WHY_PACKAGE;
	if (!why && !rootfs_node(s->r, rootfs_node(s->r, id)->parent)->inode && rootfs_node(s->r, id)->parent != ROOTFS_ROOT)
		why = WHY_IMPLIED;
	if (s->guard[id])
		why = s->guard[id];
	l->was[id] = (u8)kind;
	l->why[id] = why;
	l->kind[id] = why ? LITTER_NONE : (u8)kind;
}

/* A directory inside a cache that is a tree goes when all in it does; `full` counts, by node, the children that stay. */
static void judge_dir(struct search *s, node_id id, const bool *full)
{
	node_id parent = rootfs_node(s->r, id)->parent;
	u8 zone = s->zone[parent];
	if (!zone || (rule_of(zone).flags & TREE) != TREE || s->zone[id] != zone || full[id] || s->guard[id] || !rootfs_node(s->r, id)->inode)
		return;
	s->l->kind[id] = s->l->was[id] = (u8)rule_of(zone).kind;
}

static void judge(struct search *s)
{
	bool *full = xcalloc(s->l->n, sizeof *full);
	for (node_id id = s->l->n; --id > ROOTFS_ROOT;) { /* backwards: children before their directory */
		if (rootfs_node(s->r, id)->state != NODE_LIVE)
			continue;
		if (rootfs_type(s->r, id) == TAR_DIR)
			judge_dir(s, id, full);
		else
			judge_file(s, id);
		if (!s->l->kind[id])
			full[rootfs_node(s->r, id)->parent] = true;
	}
	free(full);
}

/* What links from outside lead to stays. A link to a directory that litter lies in says nothing of the litter itself, unless it is a
 * directory of its own below /tmp or inside a cache. */
static void guard_targets(struct search *s)
{
	for (node_id id = rootfs_next(s->r, ROOTFS_ROOT); id; id = rootfs_next(s->r, id)) {
		node_id parent = rootfs_node(s->r, id)->parent;
		if (rootfs_type(s->r, id) != TAR_SYMLINK || (s->zone[parent] && (rule_of(s->zone[parent]).flags & TREE) == TREE))
			continue;
		node_id to = rootfs_find(s->r, rootfs_path(s->r, id, &s->path), true);
		if (!to || to == ROOTFS_ROOT || s->guard[to])
			continue;
		bool dir = rootfs_type(s->r, to) == TAR_DIR;
		u8 zone = s->zone[rootfs_node(s->r, to)->parent];
		if (zone && by_request(rule_of(zone).kind))
			continue;
		if (!dir || (zone && s->zone[to] == zone && ((rule_of(zone).flags & TREE) == TREE || rule_of(zone).kind == LITTER_TMP)))
			s->guard[to] = WHY_LINKED;
	}
	for (node_id id = rootfs_next(s->r, ROOTFS_ROOT); id; id = rootfs_next(s->r, id)) { /* parents come first */
		if (!s->guard[id] && s->guard[rootfs_node(s->r, id)->parent] == WHY_LINKED)
			s->guard[id] = WHY_LINKED;
	}
}

void litter_find(const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct litter_options *opt, struct litter *ret)
{
	u32 n = r->nodes.n;
	*ret = (struct litter){ .n = n, .kind = xcalloc(n, 1), .was = xcalloc(n, 1), .why = xcalloc(n, 1) };
	struct search s = { .r = r, .pkgs = pkgs, .opt = opt, .l = ret, .zone = xcalloc(n, 1), .guard = xcalloc(n, 1) };
	protect_read(&s.protect, img, r, s.guard, &ret->problems);
	for (u8 i = 1; i < RULES; i++)
		s.last[i] = last_component(str_of(rule_of(i).dir));
	for (u8 i = 1; i < RULES; i++)
		s.off[i] = !requested(opt, rule_of(i).kind) || (rule_of(i).tool && protect_calls(&s.protect, rule_of(i).tool));
	if (s.guard[ROOTFS_ROOT])
		s.guard[ROOTFS_ROOT] = WHY_NOTHING;
	for (node_id id = rootfs_next(r, ROOTFS_ROOT); id; id = rootfs_next(r, id))
		visit(&s, id);
	guard_targets(&s);
	judge(&s);
	protect_free(&s.protect);
	buf_free(&s.path);
	free(s.zone);
	free(s.guard);
}

void litter_free(struct litter *l)
{
	free(l->kind);
	free(l->was);
	free(l->why);
	problems_free(&l->problems);
	*l = (struct litter){ 0 };
}
