/* Differences of trees, configurations, layers and packages; images are made of facts in memory. */
#include "package/changes.h"
#include "rootfs/diff.h"
#include <setjmp.h>
#include <cmocka.h>

#define LAYERS 3

struct world {
	struct image img;
	struct image_layer layers[LAYERS];
	struct facts *facts[LAYERS];
	struct rootfs *r;
};

static struct world before, after;

static void begin(struct world *w)
{
	static const char *none[] = { NULL };
	*w = (struct world){ 0 };
	for (u32 i = 0; i < LAYERS; i++) {
		w->facts[i] = facts_new();
		w->layers[i] = (struct image_layer){ .index = i, .facts = w->facts[i], .size = 1000 * (i + 1), .compressed_size = 100 * (i + 1), .command = "", .media_type = "", .place = "" };
	}
	w->img = (struct image){ .layers = w->layers, .n_layers = LAYERS, .reference = "x" };
	struct config *c = &w->img.config;
	c->env = c->entrypoint = c->cmd = c->shell = c->volumes = c->ports = c->onbuild = c->label_keys = c->label_values = none;
}

static void end(struct world *w)
{
	rootfs_free(w->r);
	for (u32 i = 0; i < LAYERS; i++)
		facts_free(w->facts[i]);
	json_decref(w->img.config_doc);
}

static int both(void **state)
{
	(void)state;
	begin(&before);
	begin(&after);
	return 0;
}

static int none(void **state)
{
	(void)state;
	end(&before);
	end(&after);
	return 0;
}

static struct fact_entry *put(struct world *w, u32 layer, enum tar_type type, const char *path, const char *link, const char *content)
{
	struct tar_entry e = { .path = str_of(path), .link = str_of(link ? link : ""), .type = type, .mode = 0755, .size = strlen(content), .stored = strlen(content), .mtime = 1000 };
	u32 at;
	assert_int_equal(facts_add(w->facts[layer], &e, e.path, &at, NULL), 0);
	struct fact_entry *x = SEG_AT(&w->facts[layer]->entries, at);
	if (type == TAR_FILE && e.size) {
		x->hash = hash_bytes(str_of(content));
		x->flags &= (u8)~FACT_UNHASHED;
	}
	return x;
}

static struct fact_entry *file(struct world *w, u32 layer, const char *path, const char *content) { return put(w, layer, TAR_FILE, path, NULL, content); }

/* What was told, one line a change: "+ /path", "~ /path mode,owner"; and of whole directories "+/ /path bytes names". */
struct told {
	struct buf text;
	u64 bytes_a, bytes_b;
	u32 n;
	bool dirs;
};

static int tell(void *ctx, const struct diff_change *c)
{
	struct told *t = ctx;
	t->n++;
	t->bytes_a += c->bytes_a;
	t->bytes_b += c->bytes_b;
	assert_true((c->what != 0) == (c->kind == DIFF_CHANGED));
	if (c->kind == DIFF_SAME)
		return 0;
	buf_printf(&t->text, "%c%s %.*s", " +-~"[c->kind], c->below ? "." : "", STR_FMT(c->path));
	for (u32 i = 0; i < DIFF_WHATS; i++)
		if (c->what >> i & 1)
			buf_printf(&t->text, " %s", diff_what_text[i]);
	buf_putc(&t->text, '\n');
	return 0;
}

static int tell_dir(void *ctx, const struct diff_dir *d)
{
	struct told *t = ctx;
	if (t->dirs && d->whole)
		buf_printf(&t->text, "%c/ %.*s %u %u\n", d->b ? '+' : '-', STR_FMT(d->path), (u32)(d->bytes_a + d->bytes_b), d->added + d->removed);
	if (d->depth == 0) {
		assert_true(str_is(d->path, "/"));
		assert_int_equal(d->bytes_a, t->bytes_a);
		assert_int_equal(d->bytes_b, t->bytes_b);
	}
	return 0;
}

static void trees(void)
{
	rootfs_free(before.r);
	rootfs_free(after.r);
	before.r = rootfs_build(&before.img, NULL);
	after.r = rootfs_build(&after.img, NULL);
}

static void expect(const struct diff_options *opt, bool dirs, const char *want)
{
	struct told t = { .dirs = dirs };
	struct diff_visitor v = { &t, tell, tell_dir };
	trees();
	assert_int_equal(rootfs_diff(before.r, after.r, opt, &v, NULL), 0);
	assert_string_equal(t.text.p ? t.text.p : "", want);
	if (!opt->path.n) {
		assert_int_equal(t.bytes_a, before.r->visible);
		assert_int_equal(t.bytes_b, after.r->visible);
	}
	buf_free(&t.text);
}

static const struct diff_options semantic, strict = { .strict = true };

static void nothing(void **state)
{
	(void)state;
	file(&before, 0, "etc/motd", "hello");
	file(&before, 1, "etc/gone", "x");
	file(&before, 2, "etc/.wh.gone", "");
	file(&after, 0, "etc/x", "y");
	file(&after, 1, "etc/.wh.x", "");
	file(&after, 2, "etc/motd", "hello")->mtime = 5;
	expect(&semantic, false, "");
	expect(&strict, false, "~ /etc/motd mtime layer\n");
}

static void everything(void **state)
{
	(void)state;
	file(&before, 0, "a/content", "one");
	file(&after, 0, "a/content", "two");
	file(&before, 0, "a/longer", "one");
	file(&after, 0, "a/longer", "three");
	file(&before, 0, "a/mode", "x");
	file(&after, 0, "a/mode", "x")->mode = 04755;
	file(&before, 0, "a/owner", "x");
	file(&after, 0, "a/owner", "x")->gid = 7;
	file(&before, 0, "a/removed", "x");
	file(&after, 0, "a/added", "x");
	put(&before, 0, TAR_SYMLINK, "a/target", "x", "");
	put(&after, 0, TAR_SYMLINK, "a/target", "y", "")->mode = 0700;
	put(&before, 0, TAR_CHAR, "a/device", NULL, "")->rdev = 5;
	put(&after, 0, TAR_CHAR, "a/device", NULL, "")->rdev = 6;
	file(&before, 0, "a/type", "x");
	put(&after, 0, TAR_DIR, "a/type", NULL, "");
	file(&after, 0, "a/type/below", "x");
	static const u8 attr[] = { 6, 0, 0, 0, 1, 0, 0, 0, 'u', 's', 'e', 'r', '.', 'a', '1' };
	struct tar_entry e = { .path = STR("a/xattr"), .type = TAR_FILE, .mode = 0755, .xattrs = str_n(attr, sizeof attr), .mtime = 1000 };
	u32 at;
	assert_int_equal(facts_add(after.facts[0], &e, e.path, &at, NULL), 0);
	file(&before, 0, "a/xattr", "");
	expect(&semantic, false,
	       "+ /a/added\n~ /a/content content\n~ /a/device device\n~ /a/longer content\n~ /a/mode mode\n~ /a/owner owner\n- /a/removed\n~ /a/target target\n"
	       "~ /a/type type\n+. /a/type/below\n~ /a/xattr xattrs\n");
}

static void implied_directories(void **state)
{
	(void)state;
	file(&before, 0, "a/b/c", "x");
	file(&after, 0, "a/b/c", "x");
	put(&after, 0, TAR_DIR, "a", NULL, "");
	expect(&semantic, false, "");
	put(&after, 0, TAR_DIR, "a/b", NULL, "")->uid = 1;
	expect(&semantic, false, "~ /a/b owner\n");
	expect(&strict, false, "~ /a mtime\n~ /a/b owner mtime\n");
}

static void the_root(void **state)
{
	(void)state;
	put(&after, 0, TAR_DIR, "", NULL, "")->mode = 0700;
	expect(&semantic, false, "~ / mode\n");
}

static void whole_directories(void **state)
{
	(void)state;
	file(&before, 0, "a-b", "1");
	file(&before, 0, "a/x/y/z", "22");
	file(&before, 0, "a/x/w", "333");
	file(&before, 0, "keep", "k");
	file(&after, 0, "keep", "k");
	put(&after, 0, TAR_DIR, "new", NULL, "");
	/* A directory's insides come where its name and a slash sort, and its sum behind them. */
	expect(&semantic, true, "- /a\n- /a-b\n-. /a/x\n-. /a/x/w\n-. /a/x/y\n-. /a/x/y/z\n-/ /a 5 4\n+ /new\n+/ /new 0 0\n");
}

static void hard_links(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct world *w = i ? &after : &before;
		file(w, 0, "b", "12345");
		put(w, 0, TAR_HARDLINK, "c", "b", "");
		if (i == 0)
			put(w, 0, TAR_HARDLINK, "d", "b", "");
		else
			file(w, 0, "d", "12345");
	}
	expect(&semantic, false, ""); /* the sums are checked in expect(): once an inode */
	expect(&strict, false, "~ /d links\n");
	file(&after, 1, ".wh.b", "");
	expect(&semantic, false, "- /b\n");
}

static void patterns(void **state)
{
	(void)state;
	file(&before, 0, "etc/a.conf", "1");
	file(&before, 0, "usr/a.conf", "22");
	file(&before, 0, "usr/b", "333");
	struct diff_options opt = { .path = STR("*.conf") };
	expect(&opt, true, "-. /etc/a.conf\n-/ /etc 1 1\n-. /usr/a.conf\n-/ /usr 2 1\n");
	opt.path = STR("/usr/**");
	expect(&opt, false, "-. /usr/a.conf\n-. /usr/b\n");
}

static void unread_content(void **state)
{
	(void)state;
	file(&before, 0, "a", "xyz");
	file(&after, 0, "a", "abc")->flags |= FACT_UNHASHED;
	struct told t = { 0 };
	struct diff_visitor v = { &t, tell, NULL };
	struct problems p = { 0 };
	trees();
	assert_int_equal(rootfs_diff(before.r, after.r, &semantic, &v, &p), 0);
	assert_int_equal(p.n, 1);
	assert_non_null(strstr(p.v[0], "/a: "));
	problems_free(&p);
	buf_free(&t.text);
}

static int stop_at_two(void *ctx, const struct diff_change *c)
{
	(void)c;
	return ++*(int *)ctx == 2 ? 77 : 0;
}

static void stopping(void **state)
{
	(void)state;
	file(&before, 0, "a/b/c", "x");
	file(&before, 0, "a/b/d", "x");
	int n = 0;
	struct diff_visitor v = { &n, stop_at_two, NULL };
	trees();
	assert_int_equal(rootfs_diff(before.r, after.r, &semantic, &v, NULL), 77);
	assert_int_equal(n, 2);
}

/* --- against the plain way: both walks as lists, merged --- */

struct list {
	const struct rootfs *r;
	char **v;
	u32 n, cap;
};

static int list_add(void *ctx, node_id id)
{
	struct list *l = ctx;
	struct buf path = BUF(0);
	rootfs_path(l->r, id, &path);
	VEC_PUSH(l->v, l->n, l->cap, path.p);
	return 0;
}

struct merged {
	struct list a, b;
	u32 i, j;
};

static int check_order(void *ctx, const struct diff_change *c)
{
	struct merged *m = ctx;
	if (str_is(c->path, "/"))
		return 0;
	if (c->a)
		assert_true(m->i < m->a.n && str_is(c->path, m->a.v[m->i++]));
	if (c->b)
		assert_true(m->j < m->b.n && str_is(c->path, m->b.v[m->j++]));
	return 0;
}

static u32 dice(u64 *seed, u32 n)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (u32)(*seed >> 33) % n;
}

static void random_trees(void **state)
{
	(void)state;
	static const char *const names[] = { "a", "a-", "a--", "a-b", "a.b", "aa", "b", "a+", "\xff", " " };
	none(NULL);
	for (u64 round = 1; round <= 60; round++) {
		u64 seed = round;
		both(NULL);
		for (int i = 0; i < 120; i++) {
			struct buf path = BUF(0);
			for (u32 depth = 1 + dice(&seed, 4); depth; depth--)
				buf_printf(&path, "%s%s", names[dice(&seed, countof(names))], depth > 1 ? "/" : "");
			u32 layer = dice(&seed, LAYERS), which = dice(&seed, 3);
			for (int side = 0; side < 2; side++)
				if (which == 2 || which == (u32)side)
					put(side ? &after : &before, layer, dice(&seed, 6) ? TAR_FILE : TAR_DIR, path.p, NULL, path.p);
			buf_free(&path);
		}
		trees();
		struct merged m = { .a = { .r = before.r }, .b = { .r = after.r } };
		rootfs_walk(before.r, ROOTFS_ROOT, list_add, &m.a);
		rootfs_walk(after.r, ROOTFS_ROOT, list_add, &m.b);
		struct diff_visitor v = { &m, check_order, NULL };
		assert_int_equal(rootfs_diff(before.r, after.r, &semantic, &v, NULL), 0);
		assert_int_equal(m.i, m.a.n);
		assert_int_equal(m.j, m.b.n);
		struct told t = { 0 };
		struct diff_visitor same = { &t, tell, tell_dir };
		assert_int_equal(rootfs_diff(before.r, before.r, &strict, &same, NULL), 0);
		assert_int_equal(t.text.n, 0);
		for (u32 i = 0; i < m.a.n; i++)
			free(m.a.v[i]);
		for (u32 i = 0; i < m.b.n; i++)
			free(m.b.v[i]);
		free(m.a.v);
		free(m.b.v);
		none(NULL);
	}
	both(NULL);
}

/* A chain of directories as deep as a tree can be: no recursion, no square of the depth. */
static void deep(void **state)
{
	(void)state;
	struct buf path = BUF(0);
	for (u32 i = 0; i < ROOTFS_DEPTH_MAX - 1; i++)
		buf_puts(&path, "d/");
	buf_puts(&path, "f");
	file(&after, 0, path.p, "xy");
	buf_free(&path);
	struct told t = { 0 };
	struct diff_visitor v = { &t, tell, tell_dir };
	trees();
	assert_int_equal(rootfs_diff(before.r, after.r, &semantic, &v, NULL), 0);
	assert_int_equal(t.n, ROOTFS_DEPTH_MAX + 1);
	assert_int_equal(t.bytes_b, 2);
	buf_free(&t.text);
}

/* --- configurations and layers --- */

static void expect_config(bool strictly, const char *want)
{
	struct image_diff *d = image_compare(&before.img, &after.img, strictly);
	struct buf text = { 0 };
	buf_puts(&text, "");
	for (u32 i = 0; i < d->n_config; i++) {
		const struct config_change *c = &d->config[i];
		buf_printf(&text, "%s %s %s %s\n", c->field, c->key ? c->key : ".", c->list_a ? "[]" : c->a ? c->a : ".", c->list_b ? "[]" : c->b ? c->b : ".");
	}
	assert_string_equal(text.p ? text.p : "", want);
	buf_free(&text);
	image_diff_free(d);
}

static void configuration(void **state)
{
	(void)state;
	const char *env_a[] = { "A=1", "B=2", "C", "A=3", NULL }, *env_b[] = { "B=2", "A=3", "D=", NULL };
	const char *cmd[] = { "sh", "-c", NULL }, *keys_a[] = { "x", "y", NULL }, *values_a[] = { "1", "2", NULL };
	const char *keys_b[] = { "y", "x", NULL }, *values_b[] = { "2", "9", NULL }, *ports[] = { "80/tcp", NULL };
	struct config *a = &before.img.config, *b = &after.img.config;
	a->env = env_a;
	b->env = env_b;
	a->cmd = cmd;
	a->user = "";
	b->user = "app";
	b->ports = ports;
	a->label_keys = keys_a;
	a->label_values = values_a;
	b->label_keys = keys_b;
	b->label_values = values_b;
	a->workdir = NULL;
	b->workdir = "";
	a->created = "2020";
	snprintf(a->platform.os, sizeof a->platform.os, "linux");
	snprintf(a->platform.arch, sizeof a->platform.arch, "amd64");
	before.img.config_doc = json_pack("{s:{s:{s:i},s:i},s:s}", "config", "Healthcheck", "Interval", 5, "Tty", 1, "parent", "p");
	after.img.config_doc = json_pack("{s:{s:{s:i}}}", "config", "Healthcheck", "Interval", 6);
#define SEMANTIC                                                                                                                     \
	"platform . linux/amd64 .\ncmd . [] []\nuser . . app\nenv C  .\nenv D . \nports 80/tcp . 80/tcp\nhealthcheck . {\"Interval\":5} {\"Interval\":6}\n" \
	"labels x 1 9\n"
	expect_config(false, SEMANTIC);
	expect_config(true, SEMANTIC "created . 2020 .\nenv_order . [] []\nconfig Tty 1 .\ndocument parent p .\n");
}

static void shared_layers(void **state)
{
	(void)state;
	for (u32 i = 0; i < LAYERS; i++) {
		before.layers[i].diff_id = digest_bytes(DIGEST_SHA256, str_n(&"abc"[i], 1));
		after.layers[i].diff_id = digest_bytes(DIGEST_SHA256, str_n(&"cab"[i], 1));
	}
	struct image_diff *d = image_compare(&before.img, &after.img, true);
	assert_int_equal(d->n_shared, 3);
	assert_true(d->shared[0].a == 2 && d->shared[0].b == 0 && d->shared[2].a == 1 && d->shared[2].b == 2);
	assert_int_equal(d->shared_size, 6000);
	assert_int_equal(d->shared_compressed, 600);
	assert_false(d->layers_equal);
	image_diff_free(d);

	/* What was read counts more than what a configuration claims; a digest that is not known equals nothing. */
	after.facts[0]->diff_id = digest_bytes(DIGEST_SHA256, STR("other"));
	after.layers[1].diff_id = (struct digest){ 0 };
	before.layers[1].diff_id = (struct digest){ 0 };
	d = image_compare(&before.img, &after.img, true);
	assert_int_equal(d->n_shared, 0);
	assert_false(d->layers_equal);
	image_diff_free(d);
	d = image_compare(&before.img, &before.img, true);
	assert_int_equal(d->n_shared, 2);
	assert_false(d->layers_equal);
	image_diff_free(d);
}

/* --- packages --- */

static const struct {
	const char *type, *low, *high;
} versions[] = {
	/* deb-version(7) and Debian policy 5.6.12 */
	{ "deb", "1.0~rc1", "1.0" }, { "deb", "1.0", "1.0a" }, { "deb", "1.0a", "1.0+1" }, { "deb", "9", "10" }, { "deb", "1.2-1", "1.2-1.1" },
	{ "deb", "1:0.1", "2:0.0" }, { "deb", "99", "1:1" }, { "deb", "1.0-1~deb12u1", "1.0-1" }, { "deb", "1.0-1", "1.0-1+deb12u1" }, { "deb", "0.9", "0.10" },
	{ "deb", "1.0~~", "1.0~~a" }, { "deb", "1.0~~a", "1.0~" }, { "deb", "18446744073709551616", "18446744073709551617" },
	/* rpm-version(7) */
	{ "rpm", "1.0~rc1", "1.0" }, { "rpm", "1.0", "1.0^git1" }, { "rpm", "1.0^git1", "1.0.1" }, { "rpm", "1.0", "1.0.1" }, { "rpm", "1.0a", "1.0.1" },
	{ "rpm", "2.9-1", "2.10-1" }, { "rpm", "5.8-1.el8", "5.8-2.el8" }, { "rpm", "7.0", "1:0.1" }, { "rpm", "a", "1" }, { "rpm", "1.0~rc1^git1", "1.0" },
	/* apk */
	{ "apk", "1.0_rc1", "1.0" }, { "apk", "1.0_alpha", "1.0_beta" }, { "apk", "1.0", "1.0_p1" }, { "apk", "1.2.3-r0", "1.2.3-r1" }, { "apk", "1.2.3", "1.2.10" },
	{ "apk", "1.2.3-r9", "1.2.3-r10" }, { "apk", "1.2", "1.2a" }, { "apk", "1.2a", "1.2b" }, { "apk", "1.2", "1.2.1" }, { "apk", "1.2-r5", "1.2.0-r0" },
	{ "apk", "1.1", "1.1-r1" }, { "apk", "1.0_git20200101", "1.0_git20210101" },
};

static const struct {
	const char *type, *a, *b;
} equal_versions[] = {
	{ "deb", "0:1.0", "1.0" }, { "deb", "1.0-0", "1.0" }, { "deb", "1.00", "1.0" }, { "rpm", "1.0", "1_0" }, { "rpm", "1.05", "1.5" }, { "rpm", "0:1", "1" }, { "apk", "1.2-r01", "1.2-r1" },
	{ "deb", "", "" }, { "rpm", "", "" }, { "apk", "", "" },
};

static int sign(int c) { return (c > 0) - (c < 0); }

static void version_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(versions); i++) {
		int c = package_version_cmp(versions[i].type, versions[i].low, versions[i].high), back = package_version_cmp(versions[i].type, versions[i].high, versions[i].low);
		if (sign(c) != -1 || sign(back) != 1)
			fail_msg("%s: %s < %s gave %d, back %d", versions[i].type, versions[i].low, versions[i].high, c, back);
	}
	for (size_t i = 0; i < countof(equal_versions); i++)
		if (package_version_cmp(equal_versions[i].type, equal_versions[i].a, equal_versions[i].b) != 0)
			fail_msg("%s: %s = %s", equal_versions[i].type, equal_versions[i].a, equal_versions[i].b);
}

static struct package package(const char *type, const char *name, const char *version, const char *arch, u64 bytes)
{
	return (struct package){ .type = type, .name = name, .version = version, .arch = arch, .bytes = bytes };
}

static void package_join(void **state)
{
	(void)state;
	struct package a[] = { package("apk", "x", "1-r0", "amd64", 10), package("deb", "gone", "1", "amd64", 70), package("deb", "libc", "2", "amd64", 100), package("deb", "libc", "2", "i386", 90),
			       package("deb", "same", "1", "all", 5),    package("deb", "tool", "3", "amd64", 20), package("rpm", "kernel", "1-1", "x", 30), package("rpm", "kernel", "2-1", "x", 30) };
	struct package b[] = { package("deb", "libc", "2", "amd64", 101), package("deb", "libc", "3", "i386", 95), package("deb", "new", "1", "all", 60), package("deb", "same", "1", "all", 5),
			       package("deb", "tool", "2", "amd64", 20),  package("deb", "x", "1-r0", "amd64", 10), package("rpm", "kernel", "2-1", "x", 30), package("rpm", "kernel", "3-1", "x", 30) };
	struct packages pa = { .v = a, .n = countof(a) }, pb = { .v = b, .n = countof(b) };
	struct package_changes c;
	packages_compare(&pa, &pb, &c);
	struct buf text = BUF(0);
	for (u32 i = 0; i < c.n; i++) {
		const struct package *any = c.v[i].b ? c.v[i].b : c.v[i].a;
		buf_printf(&text, "%s %s %s %s %s\n", package_change_text[c.v[i].kind], any->type, any->name, c.v[i].a ? c.v[i].a->version : ".", c.v[i].b ? c.v[i].b->version : ".");
	}
	assert_string_equal(text.p, "upgraded deb libc 2 3\nremoved deb gone 1 .\nadded deb new . 1\nupgraded rpm kernel 1-1 3-1\ndowngraded deb tool 3 2\n"
				    "removed apk x 1-r0 .\nadded deb x . 1-r0\nresized deb libc 2 2\n");
	assert_true(c.count[PACKAGE_ADDED] == 2 && c.count[PACKAGE_REMOVED] == 2 && c.count[PACKAGE_UPGRADED] == 2 && c.count[PACKAGE_DOWNGRADED] == 1 && c.count[PACKAGE_RESIZED] == 1);
	buf_free(&text);
	package_changes_free(&c);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, both, none)
	const struct CMUnitTest tests[] = {
		T(nothing),  T(everything), T(implied_directories), T(the_root), T(whole_directories), T(hard_links),
		T(patterns), T(unread_content), T(stopping), T(random_trees), T(deep), T(configuration),
		T(shared_layers), cmocka_unit_test(version_order), cmocka_unit_test(package_join),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
