/* build/lean.h: layers without package managers' caches, which stand beside what must stay. */
#include "build/lean.h"
#include "build/diff_in.h"
#include "layer/tarout.h"
#include "run/box.h"
#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

static char place[64];
static struct store *store;
static struct arena arena;
static struct buf listing;

static int setup(void **state)
{
	(void)state;
	struct error err = { 0 };
	snprintf(place, sizeof place, "/var/tmp/pare-test-XXXXXX");
	assert_non_null(mkdtemp(place));
	assert_int_equal(store_open(place, true, &store, &err), 0);
	return 0;
}

static int teardown(void **state)
{
	struct run_ids ids = { 0 };
	(void)state;
	store_close(store);
	run_tree_remove(place, &ids);
	arena_free(&arena);
	buf_free(&listing);
	return 0;
}

/* A layer of entries: "DIR/", "FILE=CONTENT", "LINK>TARGET" (symbolic), "LINK&TARGET" (hard). */
static struct build_layer layer(const char *const *entries)
{
	struct pack *p = pack_new(store);
	struct build_layer ret;
	struct error err = { 0 };
	static const char zeros[TAR_TRAILER];

	for (; *entries; entries++) {
		struct str path = str_of(*entries), rest;
		size_t n = strcspn(*entries, "=>&");
		struct tarout_entry e = { .type = TAR_FILE, .mode = 0644, .uid = 3, .mtime = 77 };
		struct buf head = { 0 };

		rest = str_from(path, n + 1);
		char kind = n < path.n ? path.p[n] : '/';
		path.n = n;
		e.path = path;
		if (kind == '/') {
			e.type = TAR_DIR;
			e.path.n--;
		} else if (kind == '=') {
			e.size = rest.n;
		} else {
			e.type = kind == '>' ? TAR_SYMLINK : TAR_HARDLINK;
			e.link = rest;
		}
		assert_int_equal(tarout_header(&e, &head, &err), 0);
		assert_int_equal(pack_add(p, buf_str(&head), &err), 0);
		buf_free(&head);
		if (kind == '=' && rest.n) {
			assert_int_equal(pack_add(p, rest, &err), 0);
			assert_int_equal(pack_add(p, str_n(zeros, tarout_padding(rest.n)), &err), 0);
		}
	}
	assert_int_equal(pack_add(p, str_n(zeros, sizeof zeros), &err), 0);
	assert_int_equal(pack_finish(p, &ret, &err), 0);
	pack_free(p);
	return ret;
}
#define LAYER(...) layer((const char *const[]){ __VA_ARGS__, NULL })

/* What a layer holds, in the same form, blanks between. */
static const char *listed(const struct build_layer *l)
{
	struct stream *stored, *plain;
	enum compression kind;
	u64 size;
	struct error err = { 0 };
	struct tar_entry e;

	buf_clear(&listing);
	assert_int_equal(store_blob(store, &l->digest, 0, &stored, &size, &err), 0);
	assert_int_equal(stream_inflate(stored, &plain, &kind, &err), 0);
	struct tar *t = tar_open(plain);
	while (tar_next(t, &e, &err) == 1) {
		struct str view = { 0 };
		assert_int_equal(e.uid, 3);
		assert_int_equal(e.mtime, 77);
		buf_printf(&listing, "%s%.*s", listing.n ? " " : "", STR_FMT(e.path));
		if (e.type == TAR_FILE) {
			buf_putc(&listing, '=');
			while (tar_content(t, &view, &err) == 0 && view.n)
				buf_add(&listing, view);
		} else if (e.type != TAR_DIR) {
			buf_printf(&listing, "%c%.*s", e.type == TAR_SYMLINK ? '>' : '&', STR_FMT(e.link));
		}
	}
	tar_close(t);
	stream_close(plain);
	return listing.p ? listing.p : "";
}

static struct lean_layer told;
static u32 n_left;

/* One layer of a RUN of an image of which `config` is the configuration: what is in it then. */
static const char *without(const char *config, const struct build_layer *l)
{
	struct stage_image im;
	struct platform p = { "linux", "amd64", "" };
	struct error err = { 0 };
	struct build_layer own = *l;
	struct chain none = { 0 }, c, ret;
	struct buf doc = { 0 };

	buf_printf(&doc, "{\"config\":%s}", config);
	assert_int_equal(stage_image_begin(&arena, buf_str(&doc), &p, &im, &err), 0);
	stage_image_history(&im, "RUN x", false, 0);
	own.run = "RUN x";
	c = chain_add(&arena, &none, &own);
	if (lean_chain(store, NULL, &arena, &im, &c, &told, &ret, &err) < 0)
		fail_msg("%s", err.text);
	n_left = ret.n;
	assert_int_equal(json_is_true(json_object_get(json_array_get(json_object_get(im.doc, "history"), 0), "empty_layer")), ret.n == 0);
	stage_image_free(&im);
	buf_free(&doc);
	return ret.n ? listed(&ret.v[0]) : "";
}

static void kept_out(void **state)
{
	(void)state;
	struct build_layer l = LAYER("root/", "root/.cache/", "root/.cache/pip/", "root/.cache/pip/http/", "root/.cache/pip/http/a=12345", "root/.npm/", "root/.npm/_cacache/", "root/.npm/_cacache/x=1", "root/.npm/y=2",
		"usr/bin/p=prog", "var/cache/apt/", "var/cache/apt/archives/", "var/cache/apt/archives/a.deb=123", "var/cache/apt/archives/lock=", "var/cache/apt/archives/partial/", "var/cache/apt/pkgcache.bin=99",
		"var/lib/apt/lists/", "var/lib/apt/lists/.wh.old=", "var/lib/apt/lists/a_InRelease=abcd", "var/lib/apt/lists/partial/", "var/lib/dpkg/status=s");
	assert_string_equal(without("{}", &l), "root/ root/.cache/ root/.cache/pip/ root/.npm/ root/.npm/_cacache/ root/.npm/y=2 usr/bin/p=prog var/cache/apt/ var/cache/apt/archives/ var/cache/apt/archives/lock= "
		"var/cache/apt/archives/partial/ var/lib/apt/lists/ var/lib/apt/lists/.wh.old= var/lib/apt/lists/partial/ var/lib/dpkg/status=s");
	assert_int_equal(told.now.kept_out, 5 + 1 + 3 + 2 + 4);
	assert_true(told.now.kept_of == (1u << CACHE_APT | 1u << CACHE_APT_LISTS | 1u << CACHE_PIP | 1u << CACHE_NPM));
	struct buf text = { 0 };
	lean_text(&told, &text);
	assert_string_equal(text.p, "15 B of apt's lists, pip's cache, npm's cache and apt's archives");
	buf_free(&text);
	/* Nothing to take out: the same layer. */
	struct build_layer plain = LAYER("etc/x=1");
	assert_string_equal(without("{}", &plain), "etc/x=1");
	assert_int_equal(told.now.kept_out, 0);
	/* Nothing left: no layer, and its history is of none. */
	struct build_layer all = LAYER("var/lib/apt/lists/a=1");
	without("{}", &all);
	assert_true(told.gone && n_left == 0);
	/* Not a RUN's: as it is. */
	struct stage_image im;
	struct platform p = { "linux", "amd64", "" };
	struct error err = { 0 };
	struct chain none = { 0 }, c = chain_add(&arena, &none, &all), ret;
	struct lean_layer copy;
	assert_int_equal(stage_image_begin(&arena, (struct str){ 0 }, &p, &im, &err), 0);
	assert_int_equal(lean_chain(store, NULL, &arena, &im, &c, &copy, &ret, &err), 0);
	assert_true(digest_eq(&ret.id, &c.id));
	stage_image_free(&im);
}

static void stays(void **state)
{
	(void)state;
	struct build_layer l = LAYER("go/pkg/mod/cache/download/m.zip=z", "root/.cache/go-build/x=1", "root/.cache/pip/y=2");
	static const char all[] = "go/pkg/mod/cache/download/m.zip=z root/.cache/go-build/x=1 root/.cache/pip/y=2";
	assert_string_equal(without("{}", &l), "");
	assert_string_equal(without("{\"Cmd\":[\"/usr/local/go/bin/go\",\"run\",\".\"]}", &l), "go/pkg/mod/cache/download/m.zip=z root/.cache/go-build/x=1");
	assert_string_equal(without("{\"Entrypoint\":[\"/bin/sh\",\"-c\",\"cd /x && go run . || pip3 x\"]}", &l), all);
	assert_string_equal(without("{\"Volumes\":{\"/root\":{}}}", &l), "root/.cache/go-build/x=1 root/.cache/pip/y=2");
	assert_string_equal(without("{\"Env\":[\"P=/usr/bin:/root/.cache/pip\",\"HOME=/root\",\"R=/\"]}", &l), "root/.cache/pip/y=2");
	assert_string_equal(without("{\"Cmd\":[\"/root/.cache/pip/y\"],\"WorkingDir\":\"/root\"}", &l), "root/.cache/pip/y=2");
	assert_string_equal(without("{\"WorkingDir\":\"/root/.cache/go-build\"}", &l), "root/.cache/go-build/x=1");
	struct build_layer java = LAYER("root/.gradle/caches/modules-2/g.jar=g", "root/.m2/repository/a/m.jar=m", "root/.m2/settings.xml=s");
	assert_string_equal(without("{\"Cmd\":[\"java\",\"-jar\",\"/app.jar\"]}", &java), "root/.m2/settings.xml=s");
	assert_string_equal(without("{\"Cmd\":[\"./mvnw\",\"exec:java\"]}", &java), "root/.m2/repository/a/m.jar=m root/.m2/settings.xml=s");
	assert_string_equal(without("{\"Entrypoint\":[\"/usr/bin/java\",\"-cp\",\"/root/.m2/repository/a/m.jar\",\"Main\"]}", &java), "root/.m2/repository/a/m.jar=m root/.m2/settings.xml=s");
}

static void links(void **state)
{
	(void)state;
	/* Content that has a name outside stays under that name; others follow it. */
	struct build_layer l = LAYER("opt/conda/pkgs/a=content", "opt/conda/pkgs/b=gone", "opt/conda/x&opt/conda/pkgs/a", "opt/conda/y&opt/conda/pkgs/a", "opt/conda/pkgs/z&opt/conda/pkgs/a", "usr/p=1", "usr/q&usr/p");
	assert_string_equal(without("{}", &l), "opt/conda/x=content opt/conda/y&opt/conda/x usr/p=1 usr/q&usr/p");
	assert_int_equal(told.now.kept_out, 4); /* "gone" */
	/* Links to links, and to what is not there: nobody of ours writes them; the layer is left as it is. */
	struct build_layer chain = LAYER("opt/conda/pkgs/a=content", "opt/conda/pkgs/b&opt/conda/pkgs/a", "opt/conda/x&opt/conda/pkgs/b");
	assert_string_equal(without("{}", &chain), "opt/conda/pkgs/a=content opt/conda/pkgs/b&opt/conda/pkgs/a opt/conda/x&opt/conda/pkgs/b");
	assert_int_equal(told.now.kept_out, 0);
	struct build_layer lost = LAYER("opt/conda/pkgs/a=content", "opt/conda/x&opt/conda/pkgs/lost");
	assert_string_equal(without("{}", &lost), "opt/conda/pkgs/a=content opt/conda/x&opt/conda/pkgs/lost");
	/* Paths as nobody writes them. */
	struct build_layer odd = LAYER("./", "/root/.cache/../.cache/pip/x=1", "root//.cache/pip/y=2", "../../root/.cache/pip/z=3", "f=4");
	assert_string_equal(without("{}", &odd), "./ f=4");
	/* What a symbolic link needs stays, whatever stands before it. */
	struct build_layer s = LAYER("root/.cache/uv/a=1", "root/.cache/pip/b=2", "usr/lib/m>../../root/.cache/uv/a");
	assert_string_equal(without("{}", &s), "root/.cache/uv/a=1 usr/lib/m>../../root/.cache/uv/a");
	struct build_layer d = LAYER("root/.cache/uv/a=1", "usr/lib/m>/root/.cache/uv");
	assert_string_equal(without("{}", &d), "root/.cache/uv/a=1 usr/lib/m>/root/.cache/uv");
	struct build_layer inside = LAYER("root/.cache/uv/a=1", "root/.cache/uv/l>a");
	assert_string_equal(without("{}", &inside), "");
}

/* What is added to a step: "VARIABLE=VALUE" and mounts. */
static const char *shared(const char *command, const char *user, const char *file, const char *extra)
{
	static const char doc[] = "{\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[\"sha256:aa\"]}}";
	const char *const argv[] = { "/bin/sh", "-c", command, NULL }, *const env[] = { "PATH=/bin", extra, NULL };
	const struct run_mount own = { .type = MOUNT_TMPFS, .target = "/own" };
	struct run_step step = { .argv = argv, .env = env, .user = user, .cwd = "/", .mounts = &own, .n_mounts = 1 }, ret;
	struct stage_image im;
	struct platform p = { "linux", "amd64", "" };
	struct error err = { 0 };

	buf_clear(&listing);
	assert_int_equal(stage_image_begin(&arena, STR(doc), &p, &im, &err), 0);
	lean_share(&arena, &step, &im, "/ctx", str_of(file), &ret);
	assert_string_equal(ret.mounts[0].target, "/own"); /* its own stay where they are */
	for (u32 i = extra ? 2 : 1; ret.env[i]; i++)
		buf_printf(&listing, "%s ", ret.env[i]);
	for (u32 i = 1; i < ret.n_mounts; i++)
		buf_printf(&listing, "%s%s ", ret.mounts[i].target, ret.mounts[i].type == MOUNT_TEXT ? "=" : "");
	for (u32 i = 1; i < ret.n_mounts; i++) /* this context's, and not to be named by a Dockerfile, whose sources begin with '/' */
		assert_true(ret.mounts[i].type != MOUNT_CACHE || (str_ends(str_of(ret.mounts[i].id), STR(" /ctx")) && ret.mounts[i].source[0] != '/'));
	stage_image_free(&im);
	return listing.p ? listing.p : "";
}

static void shares(void **state)
{
	(void)state;
	static const char apt[] = "APT_CONFIG=/dev/pare/apt.conf /dev/pare/apt /dev/pare/apt.conf= ";
	assert_string_equal(shared("apt-get update && apt-get install -y x", "", "FROM x", NULL), apt);
	assert_string_equal(shared("if true; then DEBIAN_FRONTEND=x /usr/bin/apt-get install y; fi", "root", "FROM x", "A=1"), apt);
	assert_string_equal(shared("npm ci && composer install", "0", "FROM x", NULL), "npm_config_cache=/dev/pare/npm COMPOSER_CACHE_DIR=/dev/pare/composer /dev/pare/npm /dev/pare/composer ");
	assert_string_equal(shared("echo apt-get; pip install x", "", "FROM x", NULL), "");
	assert_string_equal(shared("apt-get install x", "app", "FROM x", NULL), "");         /* not root's to write */
	assert_string_equal(shared("npm ci && su app -c true", "", "FROM x", NULL), "");    /* nor for whom it becomes */
	assert_string_equal(shared("npm ci", "", "RUN cp -r ~/.npm /x", NULL), "");          /* somebody wants it where it is */
	assert_string_equal(shared("npm ci", "", "FROM x", "npm_config_cache=/c"), "");
	assert_string_equal(shared("apt-get install x; npm ci", "", "RUN rm -f /etc/apt/apt.conf.d/docker-clean", NULL), "npm_config_cache=/dev/pare/npm /dev/pare/npm ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kept_out, setup, teardown), cmocka_unit_test_setup_teardown(stays, setup, teardown), cmocka_unit_test_setup_teardown(links, setup, teardown), cmocka_unit_test_setup_teardown(shares, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
