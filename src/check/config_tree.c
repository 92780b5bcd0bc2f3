/* What the tree tells: one walk over all of it, and a few names that are looked up. */
#include "check/config.h"
#include "secret/secret.h"

struct walk {
	struct config_asking *a;
	u32 user;       /* that it runs as; 0: root, or nobody knows */
	u8 *dirs;       /* by node, of directories: DIR_… */
	u32 privileged; /* files that the distribution ships with privileges */
	node_id privileged_first[3];
};
enum { DIR_SYSTEM = 1, DIR_USR = 2, DIR_FOREIGN = 4 };

/* What a directory is follows from its name and the one above, which came before it. The system's: /bin, /sbin, /lib…, /etc, /boot, /usr but for local, src and share.
 * Somebody else's: what the application has of libraries. */
static void directory(struct walk *w, node_id id)
{
	static const char *const tops[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "boot", NULL }, *const not[] = { "local", "src", "share", NULL };
	static const char *const foreign[] = { "node_modules", "site-packages", "dist-packages", "gems", "testdata", "doc", "vendor", "bower_components", NULL };
	const struct node *n = rootfs_node(w->a->r, id);
	struct str name = str_n(n->name, n->length);
	u8 up = n->parent > ROOTFS_ROOT ? w->dirs[n->parent] : 0, of = up & (DIR_SYSTEM | DIR_FOREIGN);
	if (n->parent == ROOTFS_ROOT)
		of = str_is(name, "usr") ? DIR_USR | DIR_SYSTEM : str_listed(name, tops) ? DIR_SYSTEM : 0;
	else if (up & DIR_USR && str_listed(name, not))
		of = 0;
	w->dirs[id] = of | (str_listed(name, foreign) ? DIR_FOREIGN : 0);
}

static u8 dir_of(const struct walk *w, node_id id)
{
	const struct node *n = rootfs_node(w->a->r, id);
	return w->dirs[n->type == TAR_DIR ? id : n->parent];
}
static bool is_system(const struct walk *w, node_id id) { return dir_of(w, id) & DIR_SYSTEM; }

/* Whether a file is of a package of the system, or of a library. */
static bool is_foreign(const struct walk *w, node_id id)
{
	const struct packages *p = w->a->p;
	return (p && id < p->n_owner && p->owner[id] && p->v[p->owner[id] - 1].origin == ORIGIN_DATABASE) || dir_of(w, id) & DIR_FOREIGN;
}

static bool has_capabilities(const struct facts *f, const struct fact_entry *e)
{
	struct str rest = facts_xattrs(f, e), name, value;
	while (tar_xattr_next(&rest, &name, &value))
		if (str_is(name, "security.capability"))
			return true;
	return false;
}

/* Programs that distributions ship with privileges because they need them. */
static bool is_known(struct walk *w, node_id node)
{
	static const char *const known[] = { "arping", "bbsuid", "bsd-write", "chage", "chfn", "chsh", "clockdiff", "crontab", "dbus-daemon-launch-helper", "dotlockfile", "expiry", "fping", "fusermount", "fusermount3", "gpasswd",
		"locate", "lockfile", "mount", "mount.cifs", "mount.nfs", "mtr-packet", "newgidmap", "newgrp", "newuidmap", "pam_extrausers_chkpwd", "pam_timestamp_check", "passwd", "ping", "ping6", "plocate",
		"polkit-agent-helper-1", "postdrop", "postqueue", "sg", "ssh-agent", "ssh-keysign", "su", "systemd-detect-virt", "traceroute6.iputils", "umount", "unix2_chkpwd", "unix_chkpwd", "unix_update", "userhelper", "usernetctl",
		"utempter", "wall", "write", "write.ul", NULL };
	const struct packages *p = w->a->p;
	if (!p || node >= p->n_owner || !p->owner[node] || p->v[p->owner[node] - 1].origin != ORIGIN_DATABASE || !str_listed(str_of(rootfs_node(w->a->r, node)->name), known))
		return false;
	if (w->privileged < countof(w->privileged_first))
		w->privileged_first[w->privileged] = node;
	w->privileged++;
	return true;
}

static void file_mode(struct walk *w, node_id id, const struct fact_entry *e)
{
	struct config_asking *a = w->a;
	bool capable = e->xattrs && has_capabilities(rootfs_facts(a->r, id), e), uid = e->mode & 04000, gid = (e->mode & 02010) == 02010;
	if ((uid || gid || capable) && !is_known(w, id)) {
		if (uid || gid)
			config_tell_node(a, uid ? C_SETUID : C_SETGID, id, NULL);
		if (capable)
			config_tell_node(a, C_CAPABILITIES, id, NULL);
	}
	if (e->mode & 2)
		config_tell_node(a, is_system(w, id) ? C_SYSTEM_PATH : C_WRITABLE_FILE, id, NULL);
}

static void mode(struct walk *w, node_id id, u8 type)
{
	const struct rootfs *r = w->a->r;
	const struct fact_entry *e = rootfs_entry(r, id);
	if (!e)
		return;
	if (type == TAR_FILE && (e->mode & 06002 || e->xattrs))
		file_mode(w, id, e);
	else if (type == TAR_DIR && (e->mode & 01002) == 2)
		config_tell_node(w->a, is_system(w, id) ? C_SYSTEM_PATH : C_WRITABLE_DIR, id, NULL);
	if (w->user && e->uid == w->user && e->mode & 0200 && is_system(w, id)) {
		const struct fact_entry *up = rootfs_entry(r, rootfs_node(r, id)->parent);
		if (!up || up->uid != w->user) /* told of the directory already */
			config_tell_node(w->a, C_OWN_SYSTEM_PATH, id, NULL);
	}
}

static bool secret_there(const struct scan *s, const char *path)
{
	for (u32 i = 0; i < s->n; i++)
		if (s->v[i].kind == KIND_SECRET && strcmp(s->v[i].path, path) == 0)
			return true;
	return false;
}

static void secret_file_there(struct walk *w, node_id id, const char *name, const char *dir)
{
	static const char *const histories[] = { ".bash_history", ".ash_history", ".zsh_history", ".python_history", ".psql_history", ".mysql_history", ".sh_history", NULL };
	struct config_asking *a = w->a;
	const char *what = secret_file(str_of(dir), str_of(name));
	enum config_id check = str_listed(str_of(name), histories) ? C_SHELL_HISTORY : !what ? CONFIG_CHECKS : strstr(what, "private key") ? C_PRIVATE_KEY : strstr(what, "environment") ? C_ENV_FILE : C_CREDENTIALS;
	if (check == CONFIG_CHECKS || is_foreign(w, id))
		return;
	if (a->told[check] < CONFIG_PLACES && secret_there(a->out, rootfs_path(a->r, id, &a->path).p))
		return;
	config_tell_node(a, check, id, NULL);
}

static void build_file(struct walk *w, node_id id, const char *name)
{
	static const char *const files[] = { "Dockerfile", "Containerfile", "docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", ".dockerignore", ".gitlab-ci.yml", "Jenkinsfile", "Vagrantfile", ".travis.yml", NULL };
	struct str s = str_of(name);
	if ((str_listed(s, files) || str_starts(s, STR("Dockerfile."))) && !is_foreign(w, id) && !is_system(w, id))
		config_tell_node(w->a, C_BUILD_FILE, id, NULL);
}

static void by_name(struct walk *w, node_id id, u8 type)
{
	static const u8 first[256] = { ['.'] = 3, ['i'] = 1, ['k'] = 1, ['p'] = 1, ['s'] = 1, ['w'] = 1, ['t'] = 1, ['m'] = 1, ['c'] = 3, ['D'] = 2, ['C'] = 2, ['d'] = 2, ['J'] = 2, ['V'] = 2 }; /* most names begin otherwise */
	const struct rootfs *r = w->a->r;
	const struct node *n = rootfs_node(r, id);
	u8 may = first[(u8)n->name[0]];
	if (type == TAR_DIR) {
		if (strcmp(n->name, ".git") == 0 && rootfs_child(r, id, STR("objects")))
			config_tell_node(w->a, C_GIT, id, NULL);
	} else if (may && type == TAR_FILE && rootfs_size(r, id)) {
		if (may & 1)
			secret_file_there(w, id, n->name, rootfs_node(r, n->parent)->name);
		if (may & 2)
			build_file(w, id, n->name);
	}
}

/* --- names that are looked up --- */
static node_id program(const struct rootfs *r, const char *name, struct buf *b)
{
	static const char *const dirs[] = { "usr/bin/", "bin/", "usr/sbin/", "sbin/" };
	for (size_t i = 0; i < countof(dirs); i++) {
		buf_clear(b);
		buf_printf(b, "%s%s", dirs[i], name);
		node_id id = rootfs_find(r, buf_str(b), true);
		if (id && rootfs_type(r, id) == TAR_FILE)
			return id;
	}
	return 0;
}

/* One finding that names those of the programs which are there. */
static void programs(struct config_asking *a, enum config_id check, const char *title, const char *const *names)
{
	struct buf text = BUF(1000), path = BUF(1000);
	node_id first = 0;
	u32 n = 0;
	buf_puts(&text, title);
	for (; *names; names++) {
		node_id id = program(a->r, *names, &path);
		if (!id)
			continue;
		buf_printf(&text, "%s%s", n++ ? ", " : "", *names);
		first = first ? first : id;
	}
	struct scan_finding *f = n ? config_tell_node(a, check, first, buf_str(&text).p) : NULL;
	if (f)
		f->count = n;
	buf_free(&text);
	buf_free(&path);
}

static void caches(struct config_asking *a)
{
	static const struct {
		const char *dir, *title;
	} dirs[] = { { "var/lib/apt/lists", "package lists of apt are kept" }, { "var/cache/apt/archives", "packages that apt fetched are kept" }, { "var/cache/apk", "package lists of apk are kept" },
		{ "var/cache/yum", "package lists of yum are kept" }, { "var/cache/dnf", "package lists of dnf are kept" } };
	for (size_t i = 0; i < countof(dirs); i++) {
		node_id dir = rootfs_find(a->r, str_of(dirs[i].dir), false), *ids;
		if (!dir || rootfs_type(a->r, dir) != TAR_DIR)
			continue;
		u32 n = rootfs_children(a->r, dir, &ids), k = 0;
		while (k < n && !(rootfs_type(a->r, ids[k]) == TAR_DIR ? i > 2 : rootfs_size(a->r, ids[k]) > 0 && strcmp(rootfs_node(a->r, ids[k])->name, "lock") != 0))
			k++;
		if (k < n)
			config_tell_node(a, C_CACHE, ids[k], dirs[i].title);
		free(ids);
	}
}

static void privileged(struct walk *w)
{
	struct buf text = BUF(2000);
	struct config_asking *a = w->a;
	if (!w->privileged)
		return;
	buf_printf(&text, "%u setuid, setgid or capable file%s as the distribution ships %s: ", w->privileged, w->privileged == 1 ? "" : "s", w->privileged == 1 ? "it" : "them");
	for (u32 i = 0; i < MIN(w->privileged, (u32)countof(w->privileged_first)); i++)
		buf_printf(&text, "%s%s", i ? ", " : "", rootfs_node(a->r, w->privileged_first[i])->name);
	if (w->privileged > countof(w->privileged_first))
		buf_puts(&text, ", …");
	struct scan_finding *f = config_tell_node(a, C_PRIVILEGED, w->privileged_first[0], buf_str(&text).p);
	if (f)
		f->count = w->privileged;
	buf_free(&text);
}

void config_tree(struct config_asking *a)
{
	static const char *const managers[] = { "apt-get", "dpkg", "apk", "dnf", "microdnf", "tdnf", "yum", "zypper", "rpm", "pacman", "pip", "pip3", "npm", "yarn", "gem", "composer", "cargo", NULL };
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "zsh", "busybox", "pwsh", NULL }, *const ssh[] = { "sshd", "dropbear", NULL };
	struct walk w = { .a = a, .dirs = xcalloc(a->r->nodes.n + 1, 1) };
	if (!config_user(a, &w.user))
		w.user = 0;
	for (node_id id = rootfs_next(a->r, ROOTFS_ROOT); id; id = rootfs_next(a->r, id)) {
		u8 type = rootfs_type(a->r, id);
		if (type == TAR_DIR)
			directory(&w, id);
		by_name(&w, id, type);
		if (type == TAR_FILE || type == TAR_DIR)
			mode(&w, id, type);
	}
	free(w.dirs);
	privileged(&w);
	programs(a, C_PACKAGE_MANAGER, "package managers are left in: ", managers);
	programs(a, C_SHELL, "shells are left in: ", shells);
	programs(a, C_SSH_SERVER, "an SSH server is in it: ", ssh);
	caches(a);
}
