#include "program/loader.h"
#include "base/hash.h"
#include "program/script.h"

#define DIRS 64u
#define CONF_DEPTH 4u
#define NO_LOADER UINT32_MAX

struct object {
	node_id name, file; /* as it was found; what that leads to */
	u32 loader;         /* who loaded it first */
	const node_id *dirs; /* of its RUNPATH, or its RPATH when it has none */
	u32 n_dirs;
	struct elf_facts f;
};

struct loader {
	const struct rootfs *r;
	struct loader_options o;
	node_id conf[DIRS]; /* of ld.so.conf */
	u32 n_conf;
	u64 steps;
	bool over;
	/* the program that is being loaded */
	struct arena a;
	struct object *v;
	u32 n, cap;
	struct hashtab names;
	struct str *loaded;
	u32 n_loaded, cap_loaded;
	u64 plugins; /* rows that have been followed */
	bool musl, plugin;
	node_id path[DIRS], env[DIRS]; /* that need no configuration; LD_LIBRARY_PATH's */
	u32 n_path, n_env;
};

static bool step(struct loader *l)
{
	if (++l->steps <= LOADER_STEPS)
		return true;
	if (!l->over)
		l->o.doubt(l->o.ctx, "over a budget: too many libraries to look for", STR(""));
	l->over = true;
	return false;
}

/* --- directories --- */
static node_id directory(struct loader *l, struct str path)
{
	node_id id = path.n && path.p[0] == '/' && path.n <= TAR_PATH_MAX && step(l) ? rootfs_find(l->r, path, true) : 0;
	return rootfs_is_dir(l->r, id) ? id : 0;
}

static void add_dir(node_id *v, u32 *n, node_id id)
{
	for (u32 i = 0; i < *n; i++)
		if (v[i] == id)
			return;
	if (id && *n < DIRS)
		v[(*n)++] = id;
}

static struct str note_of(const struct rootfs *r, node_id id)
{
	const struct facts *f = id ? rootfs_facts(r, id) : NULL;
	return f ? facts_get_note(f, rootfs_inode(r, rootfs_node(r, id)->inode)->entry, COLLECT_PROGRAM) : (struct str){ NULL, 0 };
}

static struct str name_of(const struct rootfs *r, node_id id) { return str_n(rootfs_node(r, id)->name, rootfs_node(r, id)->length); }

static int by_name(const void *a, const void *b, void *r)
{
	return str_cmp(name_of(r, *(const node_id *)a), name_of(r, *(const node_id *)b));
}

static void read_conf(struct loader *l, node_id file, u32 depth);

/* "include /etc/ld.so.conf.d/\*.conf": a pattern in the last component. */
static void include(struct loader *l, struct str pattern, u32 depth)
{
	char full[512];
	struct str base = str_base(pattern);
	if (pattern.n && pattern.p[0] != '/' && pattern.n < 400) {
		snprintf(full, sizeof full, "/etc/%.*s", STR_FMT(pattern));
		pattern = str_of(full);
	}
	node_id dir = directory(l, str_head(pattern, pattern.n - base.n)), found[256];
	u32 n = 0;
	for (node_id at = 0; (at = rootfs_next_child(l->r, dir, at)) && step(l) && n < countof(found);)
		if (str_glob(base, name_of(l->r, at)))
			found[n++] = at;
	if (n)
		qsort_r(found, n, sizeof *found, by_name, (void *)(uintptr_t)l->r);
	for (u32 i = 0; i < n; i++)
		read_conf(l, found[i], depth + 1);
}

static void read_conf(struct loader *l, node_id file, u32 depth)
{
	struct buf path = BUF(0);
	if (file && rootfs_type(l->r, file) == TAR_SYMLINK)
		file = rootfs_find(l->r, rootfs_path(l->r, file, &path), true);
	buf_free(&path);
	for (struct str text = note_of(l->r, file), line; text.p && depth < CONF_DEPTH && step(l);) {
		line = str_cut(&text, '\n');
		line = str_trim(str_cut(&line, '#'));
		if (str_starts(line, STR("include")) && line.n > 7 && (line.p[7] == ' ' || line.p[7] == '\t'))
			include(l, str_trim(str_from(line, 7)), depth);
		else
			add_dir(l->conf, &l->n_conf, directory(l, line));
	}
}

/* --- one program's objects --- */
static bool is_loaded(const struct loader *l, struct str name)
{
	u32 h = (u32)hash64(name, hash_seed);
	for (u32 at = h, id; (id = hashtab_next(&l->names, h, &at));)
		if (str_eq(l->loaded[id - 1], name))
			return true;
	return false;
}

static void set_loaded(struct loader *l, struct str name)
{
	if (!name.n || is_loaded(l, name))
		return;
	struct str copy = { arena_bytes(&l->a, name), name.n };
	VEC_PUSH(l->loaded, l->n_loaded, l->cap_loaded, copy);
	hashtab_add(&l->names, (u32)hash64(name, hash_seed), l->n_loaded);
}

static node_id target(const struct loader *l, node_id name)
{
	node_id id = rootfs_follow(l->r, name);
	return rootfs_is_file(l->r, id) ? id : 0;
}

/* "$ORIGIN/../lib:/opt/lib": $ORIGIN is where the object lies that says so. */
static bool expand(const struct loader *l, const struct object *o, struct str dir, node_id origin, struct buf *out)
{
	struct buf where = BUF(0);
	buf_clear(out);
	bool good = true;
	while (dir.n && good) {
		static const struct { char word[10]; char what; } words[] = { { "${ORIGIN}", 'o' }, { "$ORIGIN", 'o' }, { "${LIB}", 'l' }, { "$LIB", 'l' } };
		size_t k = 0;
		while (k < countof(words) && !str_starts(dir, str_of(words[k].word)))
			k++;
		if (k == countof(words)) {
			good = dir.p[0] != '$';
			buf_putc(out, dir.p[0]);
			dir = str_from(dir, 1);
			continue;
		}
		buf_add(out, words[k].what == 'o' ? rootfs_path(l->r, rootfs_node(l->r, origin)->parent, &where) : o->f.class == ELF_64 ? STR("lib64") : STR("lib"));
		dir = str_from(dir, strlen(words[k].word));
	}
	buf_free(&where);
	return good && out->n <= TAR_PATH_MAX;
}

/* The directories of a list; of $ORIGIN both where the object's name lies and where its file does. */
static u32 dirs_of(struct loader *l, struct str list, const struct object *o, node_id *v)
{
	struct buf path = BUF(0);
	u32 n = 0;
	while (list.p && step(l)) {
		struct str dir = list;
		size_t i = 0;
		while (i < dir.n && dir.p[i] != ':' && dir.p[i] != ';')
			i++;
		list = i < dir.n ? str_from(dir, i + 1) : (struct str){ NULL, 0 };
		dir = str_head(dir, i);
		if (expand(l, o, dir, o->file, &path))
			add_dir(v, &n, directory(l, buf_str(&path)));
		if (o->name != o->file && str_chr(dir, '$') && expand(l, o, dir, o->name, &path))
			add_dir(v, &n, directory(l, buf_str(&path)));
	}
	buf_free(&path);
	return n;
}

static void own_dirs(struct loader *l, struct object *o)
{
	node_id v[DIRS];
	o->n_dirs = dirs_of(l, o->f.runpath.p ? o->f.runpath : o->f.rpath, o, v);
	node_id *copy = arena_array(&l->a, node_id, o->n_dirs + 1);
	memcpy(copy, v, o->n_dirs * sizeof *v);
	o->dirs = copy;
}

/* Takes the file at `name` when it is a library of the program's kind. */
static bool take(struct loader *l, node_id name, u32 by, struct str wanted)
{
	struct object o = { .name = name, .file = target(l, name), .loader = by };
	const struct elf_facts *program = &l->v[0].f;
	if (!o.file || !l->o.elf(l->r, o.file, &l->a, &o.f) || o.f.class != program->class || o.f.data != program->data || o.f.machine != program->machine)
		return false;
	if (l->plugin && l->o.spare && l->o.spare[o.file])
		return false;
	l->o.reach(l->o.ctx, o.name, o.file, l->v[by].file, l->plugin);
	set_loaded(l, wanted);
	set_loaded(l, o.f.soname);
	own_dirs(l, &o);
	if (l->n < LOADER_OBJECTS)
		VEC_PUSH(l->v, l->n, l->cap, o);
	else
		l->steps = LOADER_STEPS, step(l);
	return true;
}

/* In a directory, its variants for better processors included. */
static bool in_dir(struct loader *l, node_id dir, struct str name, u32 by)
{
	bool found = false;
	if (!dir || !step(l))
		return false;
	node_id caps = l->musl ? 0 : rootfs_child(l->r, dir, STR("glibc-hwcaps"));
	if (rootfs_is_dir(l->r, caps))
		for (node_id at = 0; (at = rootfs_next_child(l->r, caps, at)) && step(l);) {
			node_id id = rootfs_type(l->r, at) == TAR_DIR ? rootfs_child(l->r, at, name) : 0;
			found |= id && take(l, id, by, name);
		}
	node_id id = rootfs_child(l->r, dir, name);
	return (id && take(l, id, by, name)) || found;
}

static bool in_dirs(struct loader *l, const node_id *v, u32 n, struct str name, u32 by)
{
	for (u32 i = 0; i < n; i++)
		if (in_dir(l, v[i], name, by))
			return true;
	return false;
}

/* By machine (EM_…): Debian's directory of it. */
static const struct { u16 machine; char triplet[30]; } triplets[] = { { 62, "x86_64-linux-gnu" }, { 62, "x86_64-linux-gnux32" }, { 3, "i386-linux-gnu" }, { 183, "aarch64-linux-gnu" }, { 40, "arm-linux-gnueabihf" },
	{ 40, "arm-linux-gnueabi" }, { 21, "powerpc64le-linux-gnu" }, { 22, "s390x-linux-gnu" }, { 243, "riscv64-linux-gnu" }, { 258, "loongarch64-linux-gnu" }, { 8, "mips64el-linux-gnuabi64" }, { 8, "mipsel-linux-gnu" } };

/* The directories that need no configuration; returns how many. */
static u32 usual(struct loader *l, node_id *v)
{
	char path[64];
	u32 n = 0;
	for (size_t i = 0; i < countof(triplets); i++)
		for (u32 usr = 0; usr < 2 && l->v[0].f.machine == triplets[i].machine; usr++) {
			snprintf(path, sizeof path, "%s/lib/%s", usr ? "/usr" : "", triplets[i].triplet);
			add_dir(v, &n, directory(l, str_of(path)));
		}
	static const char *const others[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib32", "/usr/lib32" };
	for (size_t i = 0; i < countof(others); i++)
		add_dir(v, &n, directory(l, str_of(others[i])));
	return n;
}

static bool find_musl(struct loader *l, u32 by, struct str name)
{
	static const char *const own[] = { "libc", "libpthread", "librt", "libm", "libdl", "libutil", "libxnet", NULL };
	struct str stem = name;
	if (str_listed(str_cut(&stem, '.'), own))
		return true; /* the loader itself */
	if (in_dirs(l, l->env, l->n_env, name, by))
		return true;
	for (u32 i = by; i != NO_LOADER && step(l); i = l->v[i].loader)
		if (in_dirs(l, l->v[i].dirs, l->v[i].n_dirs, name, by))
			return true;
	return in_dirs(l, l->path, l->n_path, name, by);
}

static bool find(struct loader *l, u32 by, struct str name)
{
	struct buf path = BUF(0);
	if (str_chr(name, '/')) {
		node_id id = expand(l, &l->v[by], name, l->v[by].file, &path) && step(l) ? rootfs_find(l->r, buf_str(&path), false) : 0;
		buf_free(&path);
		return id && take(l, id, by, name);
	}
	if (l->musl)
		return find_musl(l, by, name);
	for (u32 i = by; !l->v[by].f.runpath.p && i != NO_LOADER && step(l); i = l->v[i].loader)
		if (!l->v[i].f.runpath.p && in_dirs(l, l->v[i].dirs, l->v[i].n_dirs, name, by))
			return true;
	return in_dirs(l, l->env, l->n_env, name, by) || (l->v[by].f.runpath.p && in_dirs(l, l->v[by].dirs, l->v[by].n_dirs, name, by)) || in_dirs(l, l->conf, l->n_conf, name, by) || in_dirs(l, l->path, l->n_path, name, by);
}

/* --- what is loaded by custom --- */
static const struct plugin {
	char of[20], in[34], name[14]; /* who loads; below the directory of that, and the usual ones ("/…": from the root); '*' is any name */
} plugins[] = {
	{ "libc.so*", "", "libnss_*.so*" }, { "libc.so*", "", "libgcc_s.so.1" }, { "libc.so*", "gconv", "*.so" },
	{ "libcrypto.so*", "ossl-modules", "*.so" }, { "libcrypto.so*", "engines-*", "*.so" }, { "libcrypto.so*", "openssl/engines", "*.so" },
	{ "libkrb5.so*", "krb5/plugins/*", "*.so" }, { "libgssapi_krb5.so*", "gss", "*.so" }, { "libsasl2.so*", "sasl2", "*.so*" }, { "libpam.so*", "security", "*.so" },
	{ "libp11-kit.so*", "pkcs11", "*.so" }, { "libgio-2.0.so*", "gio/modules", "*.so" }, { "libgdk_pixbuf*", "gdk-pixbuf-2.0/*/loaders", "*.so" }, { "libMagickCore*", "ImageMagick-*/modules-*/*", "*.so" },
	{ "libgstreamer-*", "gstreamer-1.0", "*.so" }, { "libvips.so*", "vips-modules-*", "*.so" }, { "libQt5Core.so*", "qt5/plugins/*", "*.so" }, { "libQt6Core.so*", "qt6/plugins/*", "*.so" },
	{ "libaprutil-1.so*", "apr-util-1", "*.so" }, { "libnss3.so", "", "lib*3.so" }, { "libnss3.so", "", "libnssckbi.so" }, { "libnss3.so", "nss", "*.so" }, { "libldap*.so*", "ldap", "*.so*" },
	{ "libsystemd.so*", "", "liblz4.so.1" }, { "libjli.so*", "server", "*.so" }, { "libjli.so*", "../server", "*.so" },
	{ "nginx", "/usr/lib/nginx/modules", "*.so" }, { "nginx", "/usr/lib64/nginx/modules", "*.so" }, { "nginx", "/etc/nginx/modules", "*.so" }, { "apache2", "/usr/lib/apache2/modules", "*.so" },
	{ "httpd", "/usr/lib64/httpd/modules", "*.so" }, { "httpd", "/usr/local/apache2/modules", "*.so" }, { "httpd", "/usr/lib/apache2", "*.so" }, 
	{ "postgres", "/usr/local/lib/postgresql", "*.so" }, { "postgres", "/usr/lib64/pgsql", "*.so" }, { "mysqld", "/usr/lib*/mysql/plugin", "*.so" }, { "mariadbd", "/usr/lib*/mysql/plugin", "*.so" },
	{ "squid", "/usr/lib/squid", "*" }, { "exim4", "/usr/lib/exim4/lookups", "*.so" }, { "postfix", "/usr/lib/postfix", "*.so*" }, { "dovecot", "/usr/lib/dovecot", "*.so*" }, { "freeradius", "/usr/lib/freeradius", "*.so" },
	{ "haproxy", "/usr/lib/haproxy", "*.so" }, { "slapd", "/usr/lib/ldap", "*.so*" }, { "named", "bind", "*.so" }, { "varnishd", "varnish/vmods", "*.so" },
};
_Static_assert(countof(plugins) <= 64, "bits of loader.plugins");

static void follow(struct loader *l, node_id dir, struct str in, const char *name, u32 by)
{
	if (!rootfs_is_dir(l->r, dir) || !step(l))
		return;
	if (!in.n) {
		for (node_id at = 0; (at = rootfs_next_child(l->r, dir, at)) && step(l);)
			if (str_glob(str_of(name), name_of(l->r, at)) && !(l->o.narrow && str_starts(name_of(l->r, at), STR("llvmjit")))) /* an accelerator, done without when it is not there */
				take(l, at, by, (struct str){ NULL, 0 });
		return;
	}
	/* Depth is that of the table's words. */
	struct str word = str_cut(&in, '/');
	if (str_is(word, "..")) {
		follow(l, rootfs_node(l->r, dir)->parent, in.p ? in : STR(""), name, by);
		return;
	}
	for (node_id at = 0; str_chr(word, '*') && (at = rootfs_next_child(l->r, dir, at)) && step(l);)
		if (str_glob(word, name_of(l->r, at)))
			follow(l, at, in.p ? in : STR(""), name, by);
	if (!str_chr(word, '*'))
		follow(l, rootfs_child(l->r, dir, word), in.p ? in : STR(""), name, by);
}

static void load_plugins(struct loader *l, u32 by)
{
	l->plugin = true;
	for (u32 i = 0; i < countof(plugins); i++) {
		const struct plugin *p = &plugins[i];
		if (l->plugins >> i & 1 || (l->o.narrow && strcmp(p->in, "gconv") == 0) || !(str_glob(str_of(p->of), name_of(l->r, l->v[by].file)) || str_glob(str_of(p->of), name_of(l->r, l->v[by].name))))
			continue;
		l->plugins |= (u64)1 << i;
		if (p->in[0] == '/') {
			follow(l, ROOTFS_ROOT, str_from(str_of(p->in), 1), p->name, by);
			continue;
		}
		node_id own = rootfs_node(l->r, l->v[by].file)->parent;
		follow(l, own, str_of(p->in), p->name, by);
		for (u32 k = 0; k < l->n_path && !str_starts(str_of(p->in), STR("..")); k++)
			if (l->path[k] != own)
				follow(l, l->path[k], str_of(p->in), p->name, by);
	}
	l->plugin = false;
}

/* musl's loader tells of itself by its name: ld-musl-x86_64.so.1 has /etc/ld-musl-x86_64.path. */
static void paths(struct loader *l)
{
	const struct elf_facts *f = &l->v[0].f;
	struct str name = str_base(f->interpreter);
	char conf[100];
	l->n_path = 0;
	l->musl = str_starts(name, STR("ld-musl-"));
	name = str_from(name, 8);
	for (u32 i = 0; i < f->n_needed && !f->interpreter.n && !l->musl; i++) /* a library that is loaded by name says whose it is */
		if ((l->musl = str_starts(f->needed[i], STR("libc.musl-"))))
			name = str_from(f->needed[i], 10);
	if (!l->musl) {
		l->n_path = usual(l, l->path);
		return;
	}
	name = str_cut(&name, '.');
	snprintf(conf, sizeof conf, "/etc/ld-musl-%.*s.path", (int)MIN(name.n, (size_t)60), name.p);
	node_id file = rootfs_find(l->r, str_of(conf), true);
	struct str text = note_of(l->r, file);
	if (!text.p)
		text = STR("/lib:/usr/local/lib:/usr/lib");
	while (text.p) {
		size_t i = 0;
		while (i < text.n && text.p[i] != ':' && text.p[i] != '\n')
			i++;
		add_dir(l->path, &l->n_path, directory(l, str_trim(str_head(text, i))));
		text = i < text.n ? str_from(text, i + 1) : (struct str){ NULL, 0 };
	}
}

/* A list of libraries that every program loads first. */
static void preload(struct loader *l, struct str list)
{
	while (list.n) {
		size_t i = 0;
		while (i < list.n && list.p[i] != ':' && list.p[i] != ' ' && list.p[i] != '\n')
			i++;
		if (i && !is_loaded(l, str_head(list, i)))
			(void)!find(l, 0, str_head(list, i)); /* the loader goes on without it */
		list = str_from(list, i + 1);
	}
}

static void load_from(struct loader *l, u32 first)
{
	for (u32 i = first; i < l->n && !l->over; i++) {
		if (l->v[i].f.cut)
			l->o.doubt(l->o.ctx, "not all of the libraries that it needs are known", name_of(l->r, l->v[i].file));
		for (u32 k = 0; k < l->v[i].f.n_needed; k++) {
			struct str name = l->v[i].f.needed[k];
			if (is_loaded(l, name) || find(l, i, name))
				continue;
			set_loaded(l, name); /* said once */
			if (l->v[i].loader == NO_LOADER || l->v[i].f.soname.p)
				l->o.doubt(l->o.ctx, "a library that is needed was not found", name);
		}
		load_plugins(l, i);
	}
}

static void load(struct loader *l)
{
	struct str interpreter = l->v[0].f.interpreter;
	node_id at = interpreter.n && interpreter.n <= TAR_PATH_MAX ? rootfs_find(l->r, interpreter, false) : 0;
	if (interpreter.n && !(at && take(l, at, 0, (struct str){ NULL, 0 })))
		l->o.doubt(l->o.ctx, "its loader is not there", interpreter);
	preload(l, l->o.preload);
	preload(l, note_of(l->r, rootfs_find(l->r, STR("/etc/ld.so.preload"), true)));
	load_from(l, 0);
}

struct loader *loader_new(const struct rootfs *r, const struct loader_options *opt)
{
	struct loader *l = xcalloc(1, sizeof *l);
	l->r = r;
	l->o = *opt;
	read_conf(l, rootfs_find(r, STR("/etc/ld.so.conf"), true), 0);
	return l;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	free(l->v);
	free(l->loaded);
	arena_free(&l->a);
	free(l);
}

static bool open_program(struct loader *l, node_id program)
{
	struct object o = { .name = program, .file = program, .loader = NO_LOADER };
	l->n = l->n_loaded = 0;
	l->plugins = 0;
	if (!l->o.elf(l->r, program, &l->a, &o.f))
		return false;
	own_dirs(l, &o);
	VEC_PUSH(l->v, l->n, l->cap, o);
	l->n_env = dirs_of(l, l->o.library_path, &o, l->env);
	hashtab_open(&l->names, 64);
	return true;
}

static void close_program(struct loader *l)
{
	hashtab_free(&l->names);
	arena_free(&l->a);
}

void loader_run(struct loader *l, node_id program)
{
	if (!open_program(l, program))
		return;
	if (!l->v[0].f.is_static || l->v[0].f.cut) {
		paths(l);
		load(l);
	}
	close_program(l);
}

void loader_name(struct loader *l, node_id file, struct str name)
{
	if (!open_program(l, file))
		return;
	paths(l);
	set_loaded(l, l->v[0].f.soname);
	l->plugin = true;
	bool found = !is_loaded(l, name) && find(l, 0, name);
	l->plugin = false;
	if (found)
		load_from(l, 1);
	close_program(l);
}
