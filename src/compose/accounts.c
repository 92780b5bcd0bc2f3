/* Accounts: those that every Debian system has and something here is of, what sysusers.d(5) and the scripts of packages ask for, and what SPEC says. */
#include "compose/effect.h"
#include "compose/deb822.h"
#include "compose/script.h"

#define FIRST_SYSTEM 100u /* of those that are given out: Debian Policy, section 9.2.2 */
#define LAST_SYSTEM 999u
#define ACCOUNTS_MAX 4096u
#define CONFIGURATION_MAX ((size_t)(256 * KiB)) /* of a file that is looked at for accounts */

struct user {
	const char *name, *gecos, *home, *shell;
	u32 uid, gid;
};
struct members {
	const char *name;
	u32 gid;
	const char *users; /* "a,b" */
};
struct accounts {
	struct composition *c;
	struct user *u;
	u32 n_users, cap_users;
	struct members *g;
	u32 n_groups, cap_groups;
};

/* Debian's fixed accounts (base-passwd), which file lists of packages rely on. */
static const struct user fixed_users[] = {
	{ "root", "root", "/root", "/bin/bash", 0, 0 },
	{ "daemon", "daemon", "/usr/sbin", "/usr/sbin/nologin", 1, 1 },
	{ "bin", "bin", "/bin", "/usr/sbin/nologin", 2, 2 },
	{ "sys", "sys", "/dev", "/usr/sbin/nologin", 3, 3 },
	{ "sync", "sync", "/bin", "/bin/sync", 4, 65534 },
	{ "games", "games", "/usr/games", "/usr/sbin/nologin", 5, 60 },
	{ "man", "man", "/var/cache/man", "/usr/sbin/nologin", 6, 12 },
	{ "lp", "lp", "/var/spool/lpd", "/usr/sbin/nologin", 7, 7 },
	{ "mail", "mail", "/var/mail", "/usr/sbin/nologin", 8, 8 },
	{ "news", "news", "/var/spool/news", "/usr/sbin/nologin", 9, 9 },
	{ "uucp", "uucp", "/var/spool/uucp", "/usr/sbin/nologin", 10, 10 },
	{ "proxy", "proxy", "/bin", "/usr/sbin/nologin", 13, 13 },
	{ "www-data", "www-data", "/var/www", "/usr/sbin/nologin", 33, 33 },
	{ "backup", "backup", "/var/backups", "/usr/sbin/nologin", 34, 34 },
	{ "list", "Mailing List Manager", "/var/list", "/usr/sbin/nologin", 38, 38 },
	{ "irc", "ircd", "/run/ircd", "/usr/sbin/nologin", 39, 39 },
	{ "nobody", "nobody", "/nonexistent", "/usr/sbin/nologin", 65534, 65534 },
};
static const struct members fixed_groups[] = {
	{ "root", 0, "" },     { "daemon", 1, "" },    { "bin", 2, "" },      { "sys", 3, "" },     { "adm", 4, "" },     { "tty", 5, "" },       { "disk", 6, "" },    { "lp", 7, "" },
	{ "mail", 8, "" },     { "news", 9, "" },      { "uucp", 10, "" },    { "man", 12, "" },    { "proxy", 13, "" },  { "kmem", 15, "" },     { "dialout", 20, "" }, { "fax", 21, "" },
	{ "voice", 22, "" },   { "cdrom", 24, "" },    { "floppy", 25, "" },  { "tape", 26, "" },   { "sudo", 27, "" },   { "audio", 29, "" },    { "dip", 30, "" },    { "www-data", 33, "" },
	{ "backup", 34, "" },  { "operator", 37, "" }, { "list", 38, "" },    { "irc", 39, "" },    { "src", 40, "" },    { "shadow", 42, "" },   { "utmp", 43, "" },   { "video", 44, "" },
	{ "sasl", 45, "" },    { "plugdev", 46, "" },  { "staff", 50, "" },   { "games", 60, "" },  { "users", 100, "" }, { "nogroup", 65534, "" },
};

static struct user *user_named(const struct accounts *a, const char *name)
{
	for (u32 i = 0; i < a->n_users; i++)
		if (strcmp(a->u[i].name, name) == 0)
			return &a->u[i];
	return NULL;
}
static struct members *group_named(const struct accounts *a, const char *name)
{
	for (u32 i = 0; i < a->n_groups; i++)
		if (strcmp(a->g[i].name, name) == 0)
			return &a->g[i];
	return NULL;
}
static bool uid_taken(const struct accounts *a, u32 uid)
{
	for (u32 i = 0; i < a->n_users; i++)
		if (a->u[i].uid == uid)
			return true;
	for (u32 i = 0; i < a->c->recipe->n_users; i++)
		if (a->c->recipe->users[i].uid == uid)
			return true;
	return false;
}
static bool gid_taken(const struct accounts *a, u32 gid)
{
	for (u32 i = 0; i < a->n_groups; i++)
		if (a->g[i].gid == gid)
			return true;
	for (u32 i = 0; i < a->c->recipe->n_users; i++)
		if (a->c->recipe->users[i].gid == gid)
			return true;
	return gid == 100; /* users */
}

static bool name_ok(const char *s)
{
	size_t n = s ? strlen(s) : 0;
	return n && n <= 32 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n && s[0] != '-' && s[0] != '.' && !(s[0] >= '0' && s[0] <= '9');
}
static bool field_ok(const char *s) { return !strpbrk(s, ":\n\r"); }

static bool add_fixed(struct accounts *a, const char *name);

static struct members *add_group(struct accounts *a, const char *name, s64 gid)
{
	struct members *g;
	if (!name_ok(name) || a->n_groups >= ACCOUNTS_MAX)
		return NULL;
	if ((g = group_named(a, name)) || (add_fixed(a, name) && (g = group_named(a, name))))
		return g;
	u32 id = gid < 0 ? FIRST_SYSTEM : (u32)gid;
	while (gid < 0 && id < LAST_SYSTEM && gid_taken(a, id))
		id++;
	VEC_PUSH(a->g, a->n_groups, a->cap_groups, ((struct members){ name, id, "" }));
	return &a->g[a->n_groups - 1];
}

/* A fixed user or group of that name, with the group of the user; false: there is none. */
static bool add_fixed(struct accounts *a, const char *name)
{
	bool any = false;
	for (u32 i = 0; i < countof(fixed_groups); i++)
		if (strcmp(fixed_groups[i].name, name) == 0) {
			any = true;
			if (!group_named(a, name))
				VEC_PUSH(a->g, a->n_groups, a->cap_groups, fixed_groups[i]);
		}
	for (u32 i = 0; i < countof(fixed_users); i++) {
		if (strcmp(fixed_users[i].name, name) != 0)
			continue;
		any = true;
		if (!user_named(a, name))
			VEC_PUSH(a->u, a->n_users, a->cap_users, fixed_users[i]);
		for (u32 k = 0; k < countof(fixed_groups); k++)
			if (fixed_groups[k].gid == fixed_users[i].gid && !group_named(a, fixed_groups[k].name))
				VEC_PUSH(a->g, a->n_groups, a->cap_groups, fixed_groups[k]);
	}
	return any;
}

/* gid -1: a group of its own name. */
static struct user *add_user(struct accounts *a, const char *name, s64 uid, s64 gid, const char *gecos, const char *home, const char *shell)
{
	struct user *u;
	if (!name_ok(name) || !field_ok(gecos) || !field_ok(home) || !field_ok(shell) || a->n_users >= ACCOUNTS_MAX)
		return NULL;
	if ((u = user_named(a, name)) || (add_fixed(a, name) && (u = user_named(a, name))))
		return u;
	u32 id = uid < 0 ? FIRST_SYSTEM : (u32)uid;
	while (uid < 0 && id < LAST_SYSTEM && uid_taken(a, id))
		id++;
	struct members *g = NULL;
	for (u32 i = 0; gid >= 0 && i < a->n_groups && !g; i++)
		g = a->g[i].gid == (u32)gid ? &a->g[i] : NULL;
	if (!g)
		g = add_group(a, name, gid >= 0 ? gid : !gid_taken(a, id) ? (s64)id : -1);
	VEC_PUSH(a->u, a->n_users, a->cap_users, ((struct user){ name, gecos, home, shell, id, g ? g->gid : id }));
	return &a->u[a->n_users - 1];
}

static void add_member(struct accounts *a, const char *user, const char *group)
{
	struct members *g = add_group(a, group, -1);
	if (!g || !name_ok(user))
		return;
	for (struct str rest = str_of(g->users); rest.p;)
		if (str_is(str_cut(&rest, ','), user))
			return;
	g->users = arena_printf(&a->c->arena, "%s%s%s", g->users, *g->users ? "," : "", user);
}

/* --- sysusers.d --- */

/* The next word of a line: quoted by "…", or up to a blank; "-" is nothing. */
static const char *field(struct accounts *a, struct str *line)
{
	struct str s = str_trim(*line), word;
	if (s.n && (s.p[0] == '"' || s.p[0] == '\'')) {
		char quote = s.p[0];
		s = str_from(s, 1);
		word = str_cut(&s, quote);
		*line = s.p ? s : STR("");
	} else {
		bool any = deb822_word(&s, &word);
		*line = s;
		if (!any)
			return "";
	}
	return str_is(word, "-") ? "" : arena_strdup(&a->c->arena, word);
}

static void sysusers_line(void *ctx, struct str line)
{
	struct accounts *a = ctx;
	const char *type = field(a, &line), *name = field(a, &line), *id = field(a, &line), *gecos = field(a, &line), *home = field(a, &line), *shell = field(a, &line);
	struct str gid = str_of(id), uid = str_cut(&gid, ':');
	u64 v;
	s64 u = str_to_u64(uid, &v) && v < UINT32_MAX ? (s64)v : -1, g = gid.p && str_to_u64(gid, &v) && v < UINT32_MAX ? (s64)v : -1;
	if (strcmp(type, "g") == 0) {
		add_group(a, name, u);
	} else if (strcmp(type, "m") == 0) {
		add_member(a, name, id);
	} else if (strcmp(type, "u") == 0 || strcmp(type, "u!") == 0) {
		if (gid.p && g < 0) {
			struct members *m = add_group(a, arena_strdup(&a->c->arena, gid), -1);
			g = m ? (s64)m->gid : -1;
		}
		add_user(a, name, u, g, gecos, *home ? home : "/", *shell ? shell : "/usr/sbin/nologin");
	}
}

/* --- scripts --- */

static const char *option(const struct script_command *c, const char *name)
{
	size_t n = strlen(name);
	for (u32 i = 1; i < c->n; i++) {
		if (!c->v[i] || strncmp(c->v[i], name, n) != 0)
			continue;
		if (c->v[i][n] == '=')
			return c->v[i] + n + 1;
		if (!c->v[i][n] && i + 1 < c->n)
			return c->v[i + 1];
	}
	return NULL;
}
static bool has(const struct script_command *c, const char *name)
{
	for (u32 i = 1; i < c->n; i++)
		if (c->v[i] && strcmp(c->v[i], name) == 0)
			return true;
	return false;
}

/* Operands: what is no option and no value of one. */
static u32 operands(const struct script_command *c, const char *valued, const char *v[2])
{
	u32 n = 0;
	for (u32 i = 1; i < c->n; i++) {
		if (!c->v[i])
			return 0;
		if (c->v[i][0] == '-') {
			i += str_among(str_of(c->v[i]), valued) ? 1 : 0;
			continue;
		}
		if (n < 2)
			v[n] = c->v[i];
		n++;
	}
	return n;
}

static s64 number(const char *s)
{
	u64 v;
	return s && str_to_u64(str_of(s), &v) && v < UINT32_MAX ? (s64)v : -1;
}

static s64 group_id(struct accounts *a, const char *name)
{
	struct members *g = name ? number(name) >= 0 ? NULL : add_group(a, name, -1) : NULL;
	return g ? (s64)g->gid : number(name);
}

static void adduser(struct accounts *a, const struct script_command *c)
{
	const char *v[2], *home = option(c, "--home"), *shell = option(c, "--shell"), *gecos = option(c, "--gecos"), *group = option(c, "--ingroup");
	u32 n = operands(c, "--home --shell --gecos --comment --ingroup --uid --gid --firstuid --lastuid --conf", v);
	if (n == 2) {
		add_member(a, v[0], v[1]);
	} else if (n == 1) {
		s64 gid = group ? group_id(a, group) : option(c, "--gid") ? number(option(c, "--gid")) : has(c, "--group") ? -1 : 65534;
		bool there = user_named(a, v[0]) != NULL;
		struct user *u = add_user(a, v[0], number(option(c, "--uid")), gid, gecos ? gecos : "", home ? home : "/nonexistent", shell ? shell : "/usr/sbin/nologin");
		const char *dir = u && !there && !has(c, "--no-create-home") ? ctree_path(&a->c->arena, home) : NULL;
		if (dir && !str_starts(str_of(dir), STR("nonexistent")))
			ctree_make_dir(&a->c->tree, dir, 0755, u->uid, u->gid);
	}
}

static void useradd(struct accounts *a, const struct script_command *c)
{
	const char *v[2], *home = option(c, "-d"), *shell = option(c, "-s"), *gecos = option(c, "-c"), *group = option(c, "-g");
	home = home ? home : option(c, "--home-dir");
	shell = shell ? shell : option(c, "--shell");
	gecos = gecos ? gecos : option(c, "--comment");
	group = group ? group : option(c, "--gid");
	if (operands(c, "-d --home-dir --home -s --shell -c --comment -g --gid -G --groups -u --uid -K -e -f -p -b -k", v) == 1)
		add_user(a, v[0], number(option(c, "-u") ? option(c, "-u") : option(c, "--uid")), group ? group_id(a, group) : -1, gecos ? gecos : "", home ? home : "/nonexistent", shell ? shell : "/usr/sbin/nologin");
}

static void command(void *ctx, const struct script_command *c)
{
	struct accounts *a = ctx;
	const char *v[2];
	if (!c->fresh || !c->v[0])
		return;
	for (u32 i = 1; i < c->n && str_among(str_of(c->v[0]), "chown chgrp install dpkg-statoverride"); i++) { /* a fixed account that something is given to */
		struct str group = str_of(c->v[i]), user = c->v[i] ? str_cut(&group, strchr(c->v[i], ':') ? ':' : '.') : STR("");
		if (user.n && user.n < 33)
			add_fixed(a, arena_strdup(&a->c->arena, user));
		if (c->v[i] && group.n && group.n < 33)
			add_fixed(a, arena_strdup(&a->c->arena, group));
	}
	if (strcmp(c->v[0], "adduser") == 0 && has(c, "--group") && !has(c, "--system"))
		(void)(operands(c, "--gid", v) == 1 && add_group(a, v[0], number(option(c, "--gid"))));
	else if (strcmp(c->v[0], "adduser") == 0)
		adduser(a, c);
	else if (strcmp(c->v[0], "useradd") == 0)
		useradd(a, c);
	else if ((strcmp(c->v[0], "addgroup") == 0 || strcmp(c->v[0], "groupadd") == 0) && operands(c, "--gid -g -K --conf", v) == 1)
		add_group(a, v[0], number(option(c, "--gid") ? option(c, "--gid") : option(c, "-g")));
}

/* --- all of them, and the files --- */

/* Whoever something in the image is of, and www-data where a configuration names it: servers do not start without. */
static void owners(struct accounts *a)
{
	for (u32 i = 1; i < a->c->tree.n && !user_named(a, "www-data"); i++) {
		const struct ctree_entry *e = &a->c->tree.v[i];
		struct buf b = BUF(CONFIGURATION_MAX);
		if (!e->gone && e->type == TAR_FILE && str_starts(e->path, STR("etc/")) && e->size < CONFIGURATION_MAX && ctree_read(&a->c->tree, e->path, CONFIGURATION_MAX, &b, &(struct error){ 0 }) == 0 && str_contains(buf_str(&b), STR("www-data")))
			add_fixed(a, "www-data");
		buf_free(&b);
	}
	for (u32 i = 1; i < a->c->tree.n; i++) {
		const struct ctree_entry *e = &a->c->tree.v[i];
		for (u32 k = 0; !e->gone && e->uid && k < countof(fixed_users); k++)
			if (fixed_users[k].uid == e->uid)
				add_fixed(a, fixed_users[k].name);
		for (u32 k = 0; !e->gone && e->gid && k < countof(fixed_groups); k++)
			if (fixed_groups[k].gid == e->gid)
				add_group(a, fixed_groups[k].name, e->gid);
	}
}

static int by_uid(const void *x, const void *y)
{
	const struct user *a = x, *b = y;
	return a->uid < b->uid ? -1 : a->uid > b->uid ? 1 : strcmp(a->name, b->name);
}
static int by_gid(const void *x, const void *y)
{
	const struct members *a = x, *b = y;
	return a->gid < b->gid ? -1 : a->gid > b->gid ? 1 : strcmp(a->name, b->name);
}

static int write_files(struct accounts *a, struct error *err)
{
	struct buf passwd = BUF(0), group = BUF(0), shadow = BUF(0), gshadow = BUF(0);
	struct ctree *t = &a->c->tree;
	bool shell = compose_shell(a->c);
	qsort(a->u, a->n_users, sizeof *a->u, by_uid);
	qsort(a->g, a->n_groups, sizeof *a->g, by_gid);
	for (u32 i = 0; i < a->n_users; i++) {
		const struct user *u = &a->u[i];
		const char *login = !shell && strcmp(u->name, "root") == 0 ? "/usr/sbin/nologin" : u->shell;
		buf_printf(&passwd, "%s:x:%u:%u:%s:%s:%s\n", u->name, u->uid, u->gid, u->gecos, u->home, login);
		buf_printf(&shadow, "%s:%s:::::::\n", u->name, strcmp(u->name, "root") == 0 || u->uid < FIRST_SYSTEM || u->uid == 65534 ? "*" : "!");
	}
	for (u32 i = 0; i < a->n_groups; i++) {
		buf_printf(&group, "%s:x:%u:%s\n", a->g[i].name, a->g[i].gid, a->g[i].users);
		buf_printf(&gshadow, "%s:*::%s\n", a->g[i].name, a->g[i].users);
	}
	int r = ctree_replace_file(t, "etc/passwd", 0644, buf_str(&passwd), err);
	r = r < 0 ? r : ctree_replace_file(t, "etc/group", 0644, buf_str(&group), err);
	r = r < 0 ? r : ctree_replace_file(t, "etc/shadow", 0640, buf_str(&shadow), err);
	r = r < 0 ? r : ctree_replace_file(t, "etc/gshadow", 0640, buf_str(&gshadow), err);
	buf_free(&passwd);
	buf_free(&group);
	buf_free(&shadow);
	buf_free(&gshadow);
	return r;
}

/* SPEC's users, with or without a number. */
static int own_users(struct accounts *a, bool numbered, struct error *err)
{
	const struct recipe *p = a->c->recipe;
	for (u32 i = 0; i < p->n_users; i++) {
		const struct recipe_user *u = &p->users[i];
		if ((u->uid >= 0) != numbered)
			continue;
		const struct user *is = add_user(a, u->name, u->uid, u->gid, u->gecos, u->home, u->shell);
		if (is && u->uid >= 0 && is->uid != (u32)u->uid)
			return error_set(err, ERR_USAGE, "users: %s is %u on every system, not %lld", u->name, is->uid, (long long)u->uid);
	}
	return 0;
}

/* Who runs it has to be there: a container does not start as somebody it does not know. */
static int runs_as(struct accounts *a, struct error *err)
{
	struct str group = str_of(a->c->recipe->user ? a->c->recipe->user : ""), user = str_cut(&group, ':');
	u64 id;
	if (user.n && !str_to_u64(user, &id) && !user_named(a, arena_strdup(&a->c->arena, user)))
		return error_set(err, ERR_USAGE, "user: nobody makes %.*s; name it in users:, too", STR_FMT(str_head(user, 100)));
	if (group.n && !str_to_u64(group, &id) && !group_named(a, arena_strdup(&a->c->arena, group)))
		return error_set(err, ERR_USAGE, "user: nobody makes the group %.*s", STR_FMT(str_head(group, 100)));
	return 0;
}

int effect_accounts(struct composition *c, struct error *err)
{
	struct accounts a = { .c = c };
	const struct recipe *p = c->recipe;
	bool all = effect_package(c, "base-passwd");
	add_fixed(&a, "root");
	add_fixed(&a, "nobody");
	add_group(&a, "shadow", 42);
	for (u32 i = 0; all && i < countof(fixed_groups); i++)
		add_fixed(&a, fixed_groups[i].name);
	for (u32 i = 0; all && i < countof(fixed_users); i++)
		add_fixed(&a, fixed_users[i].name);
	owners(&a);
	if (p->user) { /* one that every Debian system has, and "nonroot", which images without a shell are known for */
		struct str rest = str_of(p->user), user = str_cut(&rest, ':');
		bool said = false;
		for (u32 i = 0; i < p->n_users; i++)
			said |= str_is(user, p->users[i].name);
		if (str_is(user, "nonroot") && !said)
			add_user(&a, "nonroot", 65532, 65532, "nonroot", "/home/nonroot", "/usr/sbin/nologin");
		else if (!said)
			add_fixed(&a, arena_strdup(&c->arena, user));
	}
	int r = own_users(&a, true, err); /* whose numbers are said: before scripts give others to the same names */
	r = r < 0 ? r : effect_lines(c, STR("usr/lib/sysusers.d/"), sysusers_line, &a, err);
	for (u32 i = 0; r == 0 && i < c->n; i++)
		if (c->v[i].control.postinst.n && !script_each(c->v[i].control.postinst, &c->arena, command, &a))
			problem_add(&c->notes, "%.*s: its postinst is no shell script: what it does is not done here", STR_FMT(c->v[i].name));
	r = r < 0 ? r : own_users(&a, false, err);
	r = r < 0 ? r : runs_as(&a, err);
	for (u32 i = 0; r == 0 && i < a.n_users; i++) {
		const struct user *u = &a.u[i];
		const char *dir = ctree_path(&c->arena, u->home);
		if (u->uid >= FIRST_SYSTEM && u->uid != 65534 && dir && str_starts(str_of(dir), STR("home/")))
			ctree_make_dir(&c->tree, dir, 0700, u->uid, u->gid);
	}
	r = r < 0 ? r : write_files(&a, err);
	if (r == 0)
		for (u32 i = 1; i < c->tree.n; i++) /* as the passwd package has them */
			if (str_is(c->tree.v[i].path, "etc/shadow") || str_is(c->tree.v[i].path, "etc/gshadow"))
				c->tree.v[i].gid = 42;
	free(a.u);
	free(a.g);
	return r;
}
