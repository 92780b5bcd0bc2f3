#include "compose/effect.h"
#include "compose/deb822.h"

struct compose_package *effect_package(struct composition *c, const char *name)
{
	for (u32 i = 0; i < c->n; i++)
		if (str_is(c->v[i].name, name))
			return &c->v[i];
	return NULL;
}

int effect_lines(struct composition *c, struct str dir, void (*f)(void *ctx, struct str line), void *ctx, struct error *err)
{
	u32 n;
	u32 *sorted = ctree_sorted(&c->tree, &n);
	int r = 0;
	for (u32 i = 0; r == 0 && i < n; i++) {
		const struct ctree_entry *e = &c->tree.v[sorted[i]];
		struct buf b = BUF(MiB + 1);
		if (e->type != TAR_FILE || !str_starts(e->path, dir) || !str_ends(e->path, STR(".conf")))
			continue;
		r = ctree_read(&c->tree, e->path, MiB, &b, err);
		for (struct str rest = buf_str(&b); r == 0 && rest.p;) {
			struct str line = str_trim(str_cut(&rest, '\n'));
			if (line.n && line.p[0] != '#')
				f(ctx, line);
		}
		buf_free(&b);
	}
	free(sorted);
	return r;
}

/* The merged /usr, and the directories that base-files makes when it is configured. */
static void directories(struct composition *c)
{
	static const char *const merged[] = { "lib32", "lib64", "libx32", "libo32" };
	static const struct { const char *path; u32 mode, gid; } dirs[] = {
		{ "tmp", 01777, 0 },          { "var/tmp", 01777, 0 },      { "run", 0755, 0 },           { "run/lock", 01777, 0 },     { "root", 0700, 0 },           { "home", 0755, 0 },
		{ "dev", 0755, 0 },           { "proc", 0755, 0 },          { "sys", 0755, 0 },           { "etc/opt", 0755, 0 },       { "media", 0755, 0 },          { "mnt", 0755, 0 },
		{ "opt", 0755, 0 },           { "srv", 0755, 0 },           { "var/opt", 0755, 0 },       { "var/mail", 02775, 8 },     { "usr/local/bin", 0755, 0 },  { "usr/local/etc", 0755, 0 },
		{ "usr/local/games", 0755, 0 }, { "usr/local/include", 0755, 0 }, { "usr/local/lib", 0755, 0 }, { "usr/local/sbin", 0755, 0 }, { "usr/local/share/man", 0755, 0 }, { "usr/local/src", 0755, 0 },
	};
	struct ctree *t = &c->tree;
	ctree_make_link(t, "bin", "usr/bin");
	ctree_make_link(t, "sbin", "usr/sbin");
	ctree_make_link(t, "lib", "usr/lib");
	for (u32 i = 0; i < countof(merged); i++)
		if (ctree_find(t, str_of(arena_printf(&c->arena, "usr/%s", merged[i]))))
			ctree_make_link(t, merged[i], arena_printf(&c->arena, "usr/%s", merged[i]));
	for (u32 i = 0; i < countof(dirs); i++)
		ctree_make_dir(t, dirs[i].path, dirs[i].mode, 0, dirs[i].gid);
	ctree_make_link(t, "var/run", "/run");
	ctree_make_link(t, "var/lock", "/run/lock");
	ctree_make_link(t, "var/spool/mail", "../mail");
	ctree_make_link(t, "usr/local/man", "share/man");
	if (ctree_find(t, STR("etc/dpkg/origins/debian")))
		ctree_make_link(t, "etc/dpkg/origins/default", "debian");
}

static int time_zone(struct composition *c, struct error *err)
{
	const char *zone = c->recipe->timezone ? c->recipe->timezone : "Etc/UTC";
	if (!effect_package(c, "tzdata"))
		return c->recipe->timezone ? error_set(err, ERR_USAGE, "timezone: it needs the package tzdata") : 0;
	const char *path = arena_printf(&c->arena, "usr/share/zoneinfo/%s", zone);
	u32 id = strstr(zone, "..") ? 0 : ctree_follow(&c->tree, str_of(path));
	if (!id || c->tree.v[id].type != TAR_FILE)
		return error_set(err, ERR_USAGE, "timezone: tzdata has no %s", zone);
	ctree_make_link(&c->tree, "etc/localtime", arena_printf(&c->arena, "/%s", path));
	return ctree_make_file(&c->tree, "etc/timezone", 0644, str_of(arena_printf(&c->arena, "%s\n", zone)), err);
}

static int name_service(struct composition *c, struct error *err)
{
	static const char *const defaults[] = { "usr/share/libc-bin/nsswitch.conf", "usr/share/base-files/nsswitch.conf" };
	struct buf b = BUF(MiB);
	int r = 0;
	for (u32 i = 0; i < countof(defaults) && !b.n; i++)
		if (ctree_find(&c->tree, str_of(defaults[i])))
			r = ctree_read(&c->tree, str_of(defaults[i]), MiB, &b, err);
	if (!b.n)
		buf_puts(&b, "passwd:         files\ngroup:          files\nshadow:         files\ngshadow:        files\n\nhosts:          files dns\nnetworks:       files\n\n"
			     "protocols:      db files\nservices:       db files\nethers:         db files\nrpc:            db files\n\nnetgroup:       nis\n");
	r = r < 0 ? r : ctree_make_file(&c->tree, "etc/nsswitch.conf", 0644, buf_str(&b), err);
	buf_free(&b);
	return r;
}

/* libssl looks for certificates below /usr/lib/ssl, which only the package openssl has: without the program its links are made here. */
static void openssl(struct composition *c)
{
	struct ctree *t = &c->tree;
	bool library = false;
	for (u32 i = 0; i < c->n; i++)
		library |= str_starts(c->v[i].name, STR("libssl"));
	if (!library || ctree_find(t, STR("usr/lib/ssl")) || !ctree_find(t, STR("etc/ssl/certs/ca-certificates.crt")))
		return;
	ctree_make_link(t, "usr/lib/ssl/certs", "/etc/ssl/certs");
	ctree_make_link(t, "usr/lib/ssl/cert.pem", "/etc/ssl/certs/ca-certificates.crt");
	ctree_make_link(t, "usr/lib/ssl/private", "/etc/ssl/private");
	ctree_make_dir(t, "etc/ssl/private", 0700, 0, 0);
}

/* python3's site-packages of the administrator, which python adds to its path only when it is there. */
static void python(struct composition *c)
{
	for (u32 i = 0; i < c->n; i++) {
		struct str name = c->v[i].name, rest = name;
		if (str_starts(name, STR("python3.")) && str_ends(name, STR("-minimal"))) {
			struct str version = str_cut(&rest, '-');
			ctree_make_dir(&c->tree, arena_printf(&c->arena, "usr/local/lib/%.*s/dist-packages", STR_FMT(version)), 0755, 0, 0);
		}
	}
}

/* --- what scanners read --- */

/* Of "HEX  PATH" lines those whose file is in the image. */
static void sums(struct composition *c, struct str text, struct buf *out)
{
	autofree char *real = xmalloc(TAR_PATH_MAX * 2);
	for (struct str rest = text; rest.p;) {
		struct str line = str_cut(&rest, '\n'), path = line.n > 34 ? str_from(line, 34) : STR("");
		if (path.n && path.n < TAR_PATH_MAX && ctree_find(&c->tree, str_n(real, ctree_real(path, real)))) {
			buf_add(out, line);
			buf_putc(out, '\n');
		}
	}
}

static int status_file(struct composition *c, u32 i, const char *path, struct str content, struct error *err)
{
	struct ctree *t = &c->tree;
	for (size_t k = 1; path[k]; k++) /* directories of the same layer */
		if (path[k] == '/' && !ctree_find(t, str_head(str_of(path), k)))
			ctree_add(t, &(struct ctree_entry){ .path = str_head(str_of(path), k), .type = TAR_DIR, .mode = 0755, .mtime = c->time, .package = i });
	if (ctree_replace_file(t, path, 0644, content, err) < 0)
		return -1;
	struct ctree_entry *e = &t->v[ctree_find(t, str_of(path))];
	e->package = i;
	e->mtime = c->epoch >= 0 ? MIN(c->v[i].newest, c->epoch) : c->v[i].newest;
	return 0;
}

/* var/lib/dpkg/status.d: a package a file, as images without dpkg have it. */
static int status(struct composition *c, struct error *err)
{
	int r = 0;
	for (u32 i = 0; r == 0 && i < c->n; i++) {
		struct buf b = BUF(0);
		const struct compose_package *p = &c->v[i];
		struct str control = str_trim(p->control.control);
		buf_printf(&b, "%.*s\n", (int)MIN(control.n, (size_t)INT32_MAX), control.p);
		r = status_file(c, i, arena_printf(&c->arena, "var/lib/dpkg/status.d/%.*s", STR_FMT(p->name)), buf_str(&b), err);
		buf_clear(&b);
		sums(c, p->control.md5sums, &b);
		if (r == 0 && b.n)
			r = status_file(c, i, arena_printf(&c->arena, "var/lib/dpkg/status.d/%.*s.md5sums", STR_FMT(p->name)), buf_str(&b), err);
		buf_free(&b);
	}
	return r;
}

/* Names that are there but lead nowhere are the packages' own; what is made here has to lead somewhere. */
int compose_effects(struct composition *c, struct error *err)
{
	directories(c);
	if (time_zone(c, err) < 0 || name_service(c, err) < 0 || effect_certificates(c, err) < 0)
		return -1;
	openssl(c);
	python(c);
	effect_alternatives(c);
	if (effect_accounts(c, err) < 0 || effect_loader(c, err) < 0)
		return -1;
	effect_notes(c);
	effect_php(c);
	if (effect_tmpfiles(c, err) < 0)
		return -1;
	for (u32 i = 1; i < c->tree.n; i++) /* SPEC has the last word on what is made here, too */
		if (c->tree.v[i].package == TREE_MADE && !c->tree.v[i].gone && compose_dropped(c->recipe, c->tree.v[i].path))
			c->tree.v[i].gone = true;
	return status(c, err);
}
