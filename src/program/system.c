#include "program/system.h"

/* --- directories that belong to everybody --- */

/* Patterns of whole paths. What lies directly in one of these may belong to anybody; what is said to be in it is named by itself. */
static const char *const shared[] = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/dev", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/srv", "/sys", "/tmp", "/usr", "/var",
	"/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/libexec", "/usr/share", "/usr/include", "/usr/include/**", "/usr/src", "/usr/src/**", "/usr/games", "/usr/local",
	"/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/lib64", "/usr/local/share", "/usr/local/etc", "/usr/local/include", "/usr/local/include/**", "/usr/local/libexec", "/usr/local/src", "/usr/local/man",
	"/usr/lib/*-linux-*", "/lib/*-linux-*", "/usr/*-linux-*", "/usr/*-linux-*/**", "/usr/share/doc", "/usr/share/doc/**", "/usr/share/man", "/usr/share/man/**", "/usr/share/info", "/usr/share/info/**", "/usr/share/locale",
	"/usr/share/locale/**", "/usr/share/locale-langpack", "/usr/share/i18n", "/usr/share/i18n/**", "/usr/share/zoneinfo", "/usr/share/zoneinfo/**", "/usr/lib/locale", "/usr/lib/locale/**", "/usr/share/icons",
	"/usr/share/icons/**", "/usr/share/pixmaps", "/usr/share/themes", "/usr/share/fonts", "/usr/share/fonts/**", "/usr/share/applications", "/usr/share/mime", "/usr/share/misc", "/usr/share/terminfo",
	"/usr/share/terminfo/**", "/usr/lib/terminfo", "/lib/terminfo", "/usr/share/X11", "/usr/share/perl5", "/usr/share/perl5/**", "/usr/share/perl", "/usr/share/perl/**", "/usr/lib/*/perl*", "/usr/lib/*/perl*/**", "/usr/lib/python*",
	"/usr/lib/python*/**", "/usr/local/lib/python*", "/usr/local/lib/python*/**", "/usr/share/python*", "/usr/share/nodejs", "/usr/share/nodejs/**", "/usr/lib/node_modules", "/usr/lib/node_modules/**",
	"/usr/local/lib/node_modules", "/usr/local/lib/node_modules/**", "/usr/share/php", "/usr/share/java", "/usr/share/ruby*", "/usr/share/rubygems*", "/usr/share/rubygems*/**", "/usr/lib/ruby", "/usr/lib/ruby/**",
	"/var/lib/gems", "/var/lib/gems/**", "/usr/lib/jvm", "/usr/lib/jvm/**", "/usr/lib/go", "/usr/lib/go-*", "/usr/lib/go*/**", "/usr/share/go*", "/usr/share/go*/**", "/usr/local/go", "/usr/local/go/**", "/go", "/root/go", "/root/go/**", "/go/pkg", "/go/pkg/**", "/go/src", "/root/.cargo", "/root/.cargo/**",
	"/usr/local/cargo", "/usr/local/cargo/**", "/usr/local/rustup", "/usr/local/rustup/**", "/root/.rustup", "/root/.rustup/**", "/root/.cache", "/root/.cache/**", "/usr/lib/llvm*", "/usr/lib/llvm*/**", "/usr/lib/gcc", "/usr/lib/gcc/**", "/usr/libexec/gcc", "/usr/libexec/gcc/**", "/usr/lib/debug", "/usr/lib/debug/**", "/usr/lib/systemd", "/usr/lib/systemd/**",
	"/lib/systemd", "/lib/systemd/**", "/usr/lib/udev", "/usr/lib/udev/**", "/usr/lib/*/gconv", "/usr/lib/gconv", "/usr/lib64/gconv", "/etc/init.d", "/etc/rc?.d", "/etc/alternatives", "/etc/apt", "/etc/apt/**", "/etc/dpkg", "/etc/dpkg/**",
	"/etc/default", "/etc/profile.d", "/etc/cron*", "/etc/logrotate.d", "/etc/systemd", "/etc/systemd/**", "/etc/skel", "/etc/opt", "/etc/xdg", "/etc/X11", "/etc/conf.d", "/etc/sysconfig", "/etc/pam.d", "/etc/security", "/etc/ssl",
	"/etc/ld.so.conf.d", "/var/cache", "/var/cache/**", "/var/lib", "/var/lib/dpkg", "/var/lib/dpkg/**", "/var/lib/apt", "/var/lib/apt/**", "/var/lib/rpm", "/var/lib/rpm/**", "/lib/apk", "/lib/apk/**", "/etc/apk", "/etc/apk/**",
	"/var/lib/systemd", "/var/lib/systemd/**", "/var/log", "/var/mail", "/var/local", "/var/opt", "/var/run", "/var/lock", "/var/spool", "/var/spool/cron", "/var/spool/cron/**", "/var/tmp", "/var/backups", "/run/lock",
	"/usr/share/common-licenses", "/usr/share/lintian", "/usr/share/lintian/**", "/usr/share/bash-completion", "/usr/share/bash-completion/**", "/usr/share/base-files", "/usr/share/dpkg", "/usr/share/dpkg/**",
	"/usr/share/apport", "/usr/share/gdb", "/usr/share/gdb/**", "/usr/share/aclocal*", "/usr/share/pkgconfig", "/usr/lib/*/pkgconfig", "/usr/lib/pkgconfig", "/usr/lib/*/cmake", "/usr/lib/*/cmake/**", "/usr/share/cmake*", "/usr/share/cmake*/**",
	"/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/usr/lib/modules", "/lib/modules", "/lib/modules/**", "/usr/lib/firmware", "/lib/firmware", "/usr/share/icu", "/usr/share/xml", "/usr/share/sgml", "/usr/share/games" };

bool graph_is_own(const struct graph *g, node_id dir)
{
	struct buf path = BUF(0);
	bool own = dir && dir != ROOTFS_ROOT && rootfs_type(g->r, dir) == TAR_DIR;
	struct str s = own ? rootfs_path(g->r, dir, &path) : STR("");
	for (size_t i = 0; own && i < countof(shared); i++)
		own = !str_glob(str_of(shared[i]), s);
	buf_free(&path);
	return own;
}

/* --- what is there for everybody --- */
static const char *const directories[] = { "/bin", "/sbin", "/lib", "/lib64", "/boot", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/etc", "/home", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/run/lock", "/srv", "/sys", "/tmp",
	"/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/share", "/usr/local", "/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/usr/local/share", "/usr/local/etc", "/var", "/var/cache", "/var/empty", "/var/lib", "/var/lock", "/var/log",
	"/var/mail", "/var/opt", "/var/run", "/var/spool", "/var/tmp", "/etc/opt", "/var/lib/misc" };
static const char *const files[] = { "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf", "/etc/resolv.conf", "/etc/hostname", "/etc/os-release", "/usr/lib/os-release", "/etc/debian_version",
	"/etc/alpine-release", "/etc/redhat-release", "/etc/system-release", "/etc/issue", "/etc/issue.net", "/etc/machine-id", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.preload", "/etc/localtime", "/etc/timezone", "/etc/services",
	"/etc/protocols", "/etc/networks", "/etc/rpc", "/etc/ethers", "/etc/environment", "/etc/default/locale", "/etc/locale.conf", "/etc/login.defs", "/etc/mtab", "/etc/shells", "/etc/subuid", "/etc/subgid", "/etc/adjtime",
	"/var/run", "/var/lock", "/.dockerenv", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd" };
static const char *const patterns[][2] = { { "/etc/ld.so.conf.d", "*.conf" }, { "/etc", "ld-musl-*.path" } };

static void begin(struct graph *g)
{
	for (size_t i = 0; i < countof(directories); i++)
		graph_reach_path(g, 0, str_of(directories[i]), USE_SYSTEM, GRAPH_START);
	for (size_t i = 0; i < countof(files); i++)
		graph_reach_path(g, 0, str_of(files[i]), USE_SYSTEM, GRAPH_START);
	for (size_t i = 0; i < countof(patterns); i++) {
		node_id dir = graph_find_path(g, 0, str_of(patterns[i][0]));
		for (node_id at = 0; (at = rootfs_next_child(g->r, dir, at));)
			if (str_glob(str_of(patterns[i][1]), graph_name(g, at)))
				graph_reach(g, at, USE_SYSTEM, GRAPH_START);
	}
}

/* Where languages and tools look for what is installed: their own knowledge says what of it is needed. */
static bool is_search_path(struct str variable)
{
	static const char *const variables[] = { "*PATH", "*HOME", "*ROOT", "*PREFIX", "*CACHE*", "TMP*", "TEMP*", "PWD", "VIRTUAL_ENV", "CONDA*", "NVM_*", "GEM_*", "BUNDLE_*", "CARGO_*", "RUSTUP_*",
		"NPM_*", "npm_*", "PNPM_*", "YARN_*", "PIP_*", "UV_*", "POETRY_*", "PYENV_*", "RBENV_*", "COMPOSER_*", "GO*", "JAVA_*", "JDK_*", "PYTHON*", "NODE_*", "RUBY*", "PERL*", "PHP_*", "R_*", "LD_*" };
	for (size_t i = 0; i < countof(variables); i++)
		if (str_glob(str_of(variables[i]), variable))
			return true;
	return false;
}

void system_configuration(struct graph *g)
{
	const struct config *c = &g->img->config;
	if (c->workdir && *c->workdir)
		graph_reach_path(g, 0, str_of(c->workdir), USE_SYSTEM, GRAPH_START);
	for (const char **v = c->volumes; v && *v; v++) {
		node_id id = graph_reach_path(g, 0, str_of(*v), USE_SYSTEM, GRAPH_START);
		if (id) /* an engine fills a new volume with what lies there */
			graph_reach_below(g, id, USE_SYSTEM, GRAPH_START);
	}
	for (const char **e = c->env; e && *e; e++) {
		struct str list = str_of(*e), variable = str_cut(&list, '=');
		while (list.p) {
			struct str path = str_cut(&list, ':');
			node_id id = path.n > 1 && path.p[0] == '/' ? graph_find_path(g, 0, path) : 0;
			if (id)
				graph_reach_path(g, 0, path, USE_NAMED, GRAPH_START);
			if (graph_is_own(g, rootfs_follow(g->r, id)) && !is_search_path(variable)) /* a directory of plugins, of data */
				graph_application(g, rootfs_follow(g->r, id), GRAPH_START);
		}
	}
}

/* --- what only matters once something near it does --- */

/* Links into what an engine mounts lead nowhere in the image: /var/log/nginx/access.log -> /dev/stdout. */
static bool dangling(struct graph *g)
{
	static const char *const mounted[] = { "/proc/", "/dev/", "/sys/", "/run/", "/var/run/", "/tmp/", "../proc/", "../dev/", "../run/", "../../dev/", "../../run/", "../../proc/", "../../../dev/", "../../../proc/", "../../../run/" };
	u32 n;
	bool any = false;
	const node_id *links = graph_links(g, 0, &n);
	for (u32 i = 0; i < n; i++) {
		if (graph_reached(g, links[i]) || !graph_reached(g, rootfs_node(g->r, links[i])->parent))
			continue;
		const struct facts *f = rootfs_facts(g->r, links[i]);
		struct str target = f ? str_of(facts_string(f, rootfs_entry(g->r, links[i])->link)) : STR("");
		for (size_t k = 0; k < countof(mounted); k++)
			if (str_starts(target, str_of(mounted[k]))) {
				graph_reach(g, links[i], USE_SYSTEM, rootfs_node(g->r, links[i])->parent);
				any = true;
				break;
			}
	}
	return any;
}

/* Directories that somebody made for a program to write to: not root's, or writable for others than root; and empty ones beside what is needed. */
static bool writable(struct graph *g)
{
	bool any = false;
	for (node_id id = rootfs_next(g->r, ROOTFS_ROOT); id; id = rootfs_next(g->r, id)) {
		const struct fact_entry *e = rootfs_type(g->r, id) == TAR_DIR && !graph_reached(g, id) ? rootfs_entry(g->r, id) : NULL;
		bool given = e && (e->uid || e->mode & 02 || (e->gid && e->mode & 020)), empty = e && !rootfs_next_child(g->r, id, 0);
		if ((!given && !empty) || graph_is_documentation(g, id))
			continue;
		node_id parent = rootfs_node(g->r, id)->parent;
		const struct fact_entry *above = rootfs_entry(g->r, parent);
		bool alike = above && above->uid == e->uid && above->gid == e->gid && above->mode == e->mode; /* a whole tree was given away: its top matters */
		if (graph_reached(g, parent) ? alike && !empty : alike || !given)
			continue;
		graph_reach(g, id, USE_SYSTEM, parent == ROOTFS_ROOT ? GRAPH_START : parent);
		any = true;
	}
	return any;
}

static bool settle(struct graph *g)
{
	bool any = dangling(g);
	return writable(g) || any;
}

const struct graph_kind graph_system = { .name = "system", .begin = begin, .settle = settle };
