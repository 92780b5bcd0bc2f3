#include "transport/storeconf.h"
#include "base/buf.h"
#include "base/file.h"
#include <pwd.h>
#include <unistd.h>

#define CONF_MAX ((size_t)MiB)

/* --- TOML, as far as storage.conf goes --- */

struct toml {
	struct arena *a;
	struct str rest;
	const char *name;
	u32 line;
	void (*found)(void *ctx, const char *key, const char *value);
	void *ctx;
};

static int bad(const struct toml *t, const char *why, struct error *err) { return error_set(err, ERR_USAGE, "%s: line %u: %s", t->name, t->line, why); }

static void step(struct toml *t, size_t n)
{
	for (size_t i = 0; i < n && i < t->rest.n; i++)
		t->line += t->rest.p[i] == '\n';
	t->rest = str_from(t->rest, n);
}

static void to_line_end(struct toml *t)
{
	const char *nl = t->rest.n ? memchr(t->rest.p, '\n', t->rest.n) : NULL;
	step(t, nl ? (size_t)(nl - t->rest.p) : t->rest.n);
}

/* Passes over blanks; with `lines` over newlines and comments too. */
static void blanks(struct toml *t, bool lines)
{
	while (t->rest.n) {
		char c = t->rest.p[0];
		if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n'))
			step(t, 1);
		else if (lines && c == '#')
			to_line_end(t);
		else
			return;
	}
}

static bool at(const struct toml *t, char c) { return t->rest.n && t->rest.p[0] == c; }

static int quoted(struct toml *t, const char **ret, struct error *err)
{
	char quote = t->rest.p[0];
	struct str triple = str_n((char[]){ quote, quote, quote }, 3);
	bool multi = str_starts(t->rest, triple);
	struct buf out = BUF(0);
	step(t, multi ? 3 : 1);
	for (;;) {
		if (!t->rest.n || (!multi && at(t, '\n'))) {
			buf_free(&out);
			return bad(t, "a string without its end", err);
		}
		if (multi ? str_starts(t->rest, triple) : at(t, quote))
			break;
		if (quote == '"' && at(t, '\\') && t->rest.n > 1) {
			char c = t->rest.p[1];
			buf_putc(&out, c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
			step(t, 2);
			continue;
		}
		buf_putc(&out, t->rest.p[0]);
		step(t, 1);
	}
	step(t, multi ? 3 : 1);
	*ret = arena_strdup(t->a, buf_str(&out));
	buf_free(&out);
	return 0;
}

static bool bare(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

/* a.b."c d" — joined by dots. */
static int dotted(struct toml *t, const char **ret, struct error *err)
{
	const char *key = "";
	for (;;) {
		const char *part = NULL;
		blanks(t, false);
		if (at(t, '"') || at(t, '\'')) {
			if (quoted(t, &part, err) < 0)
				return -1;
		} else {
			size_t n = 0;
			while (n < t->rest.n && bare(t->rest.p[n]))
				n++;
			if (n == 0)
				return bad(t, "a name is missing", err);
			part = arena_strdup(t->a, str_head(t->rest, n));
			step(t, n);
		}
		if (strlen(key) + strlen(part) > 1000)
			return bad(t, "a name of more than 1000 characters", err);
		key = arena_printf(t->a, "%s%s%s", key, key[0] ? "." : "", part);
		blanks(t, false);
		if (!at(t, '.'))
			break;
		step(t, 1);
	}
	*ret = key;
	return 0;
}

static int value(struct toml *t, const char *key, struct error *err)
{
	const char *text;
	blanks(t, false);
	bool array = at(t, '[');
	if (array)
		step(t, 1);
	for (;;) {
		blanks(t, array);
		if (array && at(t, ']')) {
			step(t, 1);
			return 0;
		}
		if (!t->rest.n)
			return bad(t, "a value is missing", err);
		if (at(t, '"') || at(t, '\'')) {
			if (quoted(t, &text, err) < 0)
				return -1;
			t->found(t->ctx, key, text);
		} else if (array) { /* numbers, tables, arrays in arrays: nothing that is wanted */
			while (t->rest.n && !at(t, ',') && !at(t, ']') && !at(t, '\n'))
				step(t, 1);
		} else {
			to_line_end(t);
		}
		if (!array)
			return 0;
		blanks(t, true);
		if (at(t, ','))
			step(t, 1);
		else if (!at(t, ']'))
			return bad(t, "an array without its end", err);
	}
}

int storeconf_toml(struct arena *a, struct str text, const char *name, void (*found)(void *, const char *, const char *), void *ctx, struct error *err)
{
	struct toml t = { .a = a, .rest = text, .name = name, .line = 1, .found = found, .ctx = ctx };
	const char *table = "", *key = "";
	for (;;) {
		blanks(&t, true);
		if (!t.rest.n)
			return 0;
		bool header = at(&t, '[');
		if (header)
			step(&t, 1);
		if (header && at(&t, '['))
			step(&t, 1);
		if (dotted(&t, &key, err) < 0)
			return -1;
		if (header) {
			if (!at(&t, ']'))
				return bad(&t, "a table's name without ]", err);
			table = key;
			step(&t, 1);
			if (at(&t, ']'))
				step(&t, 1);
		} else {
			if (!at(&t, '='))
				return bad(&t, "want NAME = VALUE", err);
			step(&t, 1);
			if (value(&t, arena_printf(a, "%s%s%s", table, table[0] ? "." : "", key), err) < 0)
				return -1;
		}
		blanks(&t, false);
		if (at(&t, '#'))
			to_line_end(&t);
		else if (t.rest.n && !at(&t, '\n'))
			return bad(&t, "more than one thing on a line", err);
	}
}

/* --- whose store --- */

struct user {
	bool root;
	const char *uid, *name, *home, *data, *config; /* "" when not known */
};

static struct user who(struct arena *a)
{
	struct user u = { .home = getenv("HOME"), .data = getenv("XDG_DATA_HOME"), .config = getenv("XDG_CONFIG_HOME"), .name = getenv("USER") };
	/* Inside `podman unshare` everybody is root, but the store is still the user's. */
	const char *outside = getenv("_CONTAINERS_ROOTLESS_UID");
	u.uid = outside && outside[0] ? outside : arena_printf(a, "%u", (unsigned)geteuid());
	u.root = strcmp(u.uid, "0") == 0;
	struct passwd pw, *found = NULL;
	char room[4096];
	if ((!u.home || !u.home[0]) && getpwuid_r(geteuid(), &pw, room, sizeof room, &found) == 0 && found)
		u.home = arena_strdup(a, str_of(pw.pw_dir));
	u.home = u.home ? u.home : "";
	u.name = u.name ? u.name : "";
	u.data = u.data && u.data[0] ? u.data : arena_printf(a, "%s/.local/share", u.home);
	u.config = u.config && u.config[0] ? u.config : arena_printf(a, "%s/.config", u.home);
	return u;
}

/* $NAME and ${NAME}; $UID and $USER are the user's, whatever the environment has. */
static const char *expand(struct arena *a, const struct user *u, const char *text)
{
	struct buf out = BUF(0);
	for (const char *s = text; *s;) {
		if (*s != '$') {
			buf_putc(&out, *s++);
			continue;
		}
		bool brace = s[1] == '{';
		const char *from = s + 1 + brace;
		size_t n = 0;
		while (bare(from[n]) && from[n] != '-')
			n++;
		if (n == 0 || (brace && from[n] != '}')) {
			buf_putc(&out, *s++);
			continue;
		}
		const char *name = arena_strdup(a, str_n(from, n));
		const char *v = strcmp(name, "UID") == 0 ? u->uid : strcmp(name, "USER") == 0 ? u->name : strcmp(name, "HOME") == 0 ? u->home : getenv(name);
		buf_puts(&out, v ? v : "");
		s = from + n + brace;
	}
	const char *r = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return r;
}

struct settings {
	struct arena *a;
	struct user user;
	const char *driver, *graphroot, *rootless, *imagestore;
	struct storeconf more; /* additional stores */
};

static void add_root(struct storeconf *c, const char *path)
{
	for (u32 i = 0; i < c->n; i++)
		if (strcmp(c->roots[i], path) == 0)
			return;
	if (path[0] == '/' && c->n < STORECONF_ROOTS_MAX)
		c->roots[c->n++] = path;
}

static void setting(void *ctx, const char *key, const char *text)
{
	struct settings *s = ctx;
	if (strcmp(key, "storage.driver") == 0)
		s->driver = text;
	else if (strcmp(key, "storage.graphroot") == 0)
		s->graphroot = expand(s->a, &s->user, text);
	else if (strcmp(key, "storage.rootless_storage_path") == 0)
		s->rootless = expand(s->a, &s->user, text);
	else if (strcmp(key, "storage.imagestore") == 0)
		s->imagestore = expand(s->a, &s->user, text);
	else if (strcmp(key, "storage.options.additionalimagestores") == 0)
		add_root(&s->more, expand(s->a, &s->user, text));
}

/* "overlay.imagestore=/srv/images,overlay.mountopt=nodev": of the drivers' options only the image stores matter here. */
static void options(struct settings *s, struct str list)
{
	while (list.p) {
		struct str text = str_trim(str_cut(&list, ',')), name = str_cut(&text, '=');
		if (text.p && (str_ends(name, STR(".imagestore")) || str_is(name, "imagestore") || str_ends(name, STR(".additionalimagestores")) || str_is(name, "additionalimagestores")))
			add_root(&s->more, arena_strdup(s->a, text));
	}
}

static int read_conf(struct settings *s, const char *path, struct error *err)
{
	struct buf text = BUF(0);
	int r = file_read(path, CONF_MAX, &text, err);
	if (r == 0)
		r = storeconf_toml(s->a, buf_str(&text), path, setting, s, err);
	buf_free(&text);
	return r;
}

static int read_all(struct settings *s, struct error *err)
{
	const char *asked = getenv("CONTAINERS_STORAGE_CONF"), *etc = "/etc/containers/storage.conf", *usr = "/usr/share/containers/storage.conf";
	if (asked && asked[0])
		return read_conf(s, asked, err);
	const char *host = access(etc, R_OK) == 0 ? etc : access(usr, R_OK) == 0 ? usr : NULL;
	if (host && read_conf(s, host, err) < 0)
		return -1;
	if (s->user.root)
		return 0;
	/* Of the host's file only the driver and rootless_storage_path concern a user; the user's own file may say the rest. */
	s->graphroot = s->imagestore = "";
	const char *own = arena_printf(s->a, "%s/containers/storage.conf", s->user.config);
	return access(own, R_OK) == 0 ? read_conf(s, own, err) : 0;
}

/* [driver@]root[+runroot][:options] */
static void specified(struct settings *s, struct str spec)
{
	struct str opts = spec, place = str_cut(&opts, ':'), root = place, driver = str_cut(&root, '@');
	if (root.p)
		s->driver = arena_strdup(s->a, driver);
	else
		root = place;
	root = str_cut(&root, '+');
	if (root.n)
		s->graphroot = arena_strdup(s->a, root);
	options(s, opts);
}

int storeconf_find(struct arena *a, struct str specifier, struct storeconf *ret, struct error *err)
{
	struct settings s = { .a = a, .user = who(a), .driver = "", .graphroot = "", .rootless = "", .imagestore = "" };
	const char *env;
	if (read_all(&s, err) < 0)
		return -1;
	if ((env = getenv("STORAGE_DRIVER")) && env[0])
		s.driver = env;
	if ((env = getenv("STORAGE_OPTS")) && env[0])
		options(&s, str_of(env));
	if (!s.graphroot[0] && s.user.root)
		s.graphroot = "/var/lib/containers/storage";
	else if (!s.graphroot[0])
		s.graphroot = s.rootless[0] ? s.rootless : arena_printf(a, "%s/containers/storage", s.user.data);
	if (specifier.p) {
		s.imagestore = "";
		specified(&s, specifier);
		if (s.graphroot[0] != '/')
			return error_set(err, ERR_USAGE, "'%.200s' in the brackets is no absolute path", s.graphroot);
	}
	if (strcmp(s.driver, "overlay2") == 0)
		s.driver = "overlay";
	if (s.driver[0] && strcmp(s.driver, "overlay") != 0 && strcmp(s.driver, "vfs") != 0)
		return error_set(err, ERR_ENV, "driver '%.60s': only overlay and vfs keep files that can be read", s.driver);
	struct storeconf c = { .driver = arena_strdup(a, str_of(s.driver)) };
	if (s.imagestore[0])
		add_root(&c, s.imagestore);
	add_root(&c, s.graphroot);
	for (u32 i = 0; i < s.more.n; i++)
		add_root(&c, s.more.roots[i]);
	*ret = c;
	return 0;
}
