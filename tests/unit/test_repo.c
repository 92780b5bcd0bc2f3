/* Places that keep content under its digest, as OCI layouts have it: what is put there comes out again, and damage is an error. */
#include "base/file.h"
#include "base/json.h"
#include "transport/layout.h"
#include "transport/repo.h"
#include <pthread.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[64];

static const char *in_top(const char *name)
{
	static _Thread_local char path[8][400];
	static _Thread_local u32 turn;
	char *p = path[turn++ % 8];
	snprintf(p, sizeof path[0], "%s/%s", top, name);
	return p;
}

static struct repo *open_repo(const char *name, bool write)
{
	char location[500];
	struct repo *r = NULL;
	struct error err = { 0 };
	snprintf(location, sizeof location, "oci:%s", in_top(name));
	if (repo_open(location, &(struct repo_options){ .write = write }, &r, &err) != 0)
		fail_msg("%s: %s", location, err.text);
	return r;
}

static struct descriptor desc(struct str bytes) { return (struct descriptor){ .media_type = MT_LAYER, .digest = digest_bytes(DIGEST_SHA256, bytes), .size = bytes.n }; }

static int open_text(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	(void)err;
	*ret = stream_memory(str_from(*(struct str *)ctx, (size_t)from));
	return 0;
}

static int put(struct repo *r, const struct descriptor *d, struct str bytes, enum put *how, struct error *err)
{
	return repo_put_blob(r, d, &(struct blob_from){ .open = open_text, .ctx = &bytes }, how, err);
}

static void put_text(struct repo *r, struct str bytes)
{
	struct descriptor d = desc(bytes);
	enum put how;
	assert_int_equal(put(r, &d, bytes, &how, NULL), 0);
}

/* A manifest of one layer, "config" its configuration. Freed by the caller. */
static char *manifest(const char *layer, const char *more)
{
	struct descriptor c = desc(STR("config")), l = desc(str_of(layer));
	struct buf b = BUF(0);
	buf_printf(&b, "{\"schemaVersion\":2,\"mediaType\":\"" MT_MANIFEST "\",\"config\":{\"mediaType\":\"" MT_CONFIG "\",\"digest\":\"%s\",\"size\":%llu}", DIGEST_STR(&c.digest), (unsigned long long)c.size);
	buf_printf(&b, ",\"layers\":[{\"mediaType\":\"" MT_LAYER "\",\"digest\":\"%s\",\"size\":%llu}]%s}", DIGEST_STR(&l.digest), (unsigned long long)l.size, more);
	return b.p;
}

static struct digest put_image(struct repo *r, const char *tag, const char *layer, const char *more)
{
	struct digest d;
	struct error err = { 0 };
	autofree char *text = manifest(layer, more);
	put_text(r, STR("config"));
	put_text(r, str_of(layer));
	if (repo_put_document(r, tag, MT_MANIFEST, str_of(text), &d, &err) < 0)
		fail_msg("%s", err.text);
	return d;
}

static int join(void *ctx, const char *tag, struct error *err)
{
	(void)err;
	buf_printf(ctx, "%s ", tag);
	return 0;
}

static void expect_tags(struct repo *r, const char *want)
{
	struct buf b = BUF(0);
	assert_int_equal(repo_tags(r, join, &b, NULL), 0);
	assert_string_equal(b.p ? b.p : "", want);
	buf_free(&b);
}

static void expect_document(struct repo *r, const char *which, const struct digest *want)
{
	struct document d;
	assert_int_equal(repo_document(r, which, &d, NULL), 0);
	assert_true(digest_eq(&d.digest, want));
	assert_string_equal(d.type, MT_MANIFEST);
	document_free(&d);
}

static void round_trip(void **state)
{
	(void)state;
	struct repo *r = open_repo("a:one", true);
	struct descriptor l = desc(STR("layer"));
	enum put how;
	assert_int_equal(repo_has(r, &l, NULL), 0);
	assert_int_equal(put(r, &l, STR("layer"), &how, NULL), 0);
	assert_int_equal(how, PUT_SENT);
	assert_int_equal(put(r, &l, STR("layer"), &how, NULL), 0);
	assert_int_equal(how, PUT_THERE);
	struct digest one = put_image(r, NULL, "layer", ""), two = put_image(r, "two", "other", ""), alone = put_image(r, "", "third", "");
	expect_document(r, NULL, &one);
	expect_document(r, "two", &two);
	expect_document(r, DIGEST_STR(&alone), &alone);
	expect_tags(r, "one two ");
	struct document d;
	assert_int_equal(repo_document(r, "three", &d, NULL), 1);
	put_image(r, "two", "layer", ""); /* in place of the other */
	expect_document(r, "two", &one);
	for (u64 from = 0; from <= l.size; from++) {
		struct stream *s;
		struct str view, want = str_from(STR("layer"), (size_t)from);
		struct buf got = BUF(0);
		assert_int_equal(repo_blob(r, &l, from, &s, NULL), 0);
		do {
			assert_int_equal(stream_next(s, &view, NULL), 0);
			buf_add(&got, view);
		} while (view.n);
		assert_true(str_eq(buf_str(&got), want));
		stream_close(s);
		buf_free(&got);
	}
	repo_close(r);
	r = open_repo("a", false);
	expect_tags(r, "one two ");
	struct error err = { 0 };
	assert_int_equal(put(r, &l, STR("layer"), &how, &err), -1); /* opened to read */
	repo_close(r);
}

static void without_tag(void **state)
{
	(void)state;
	struct repo *r = open_repo("untagged", true);
	struct digest one = put_image(r, NULL, "layer", "");
	put_image(r, NULL, "layer", "");
	repo_close(r);
	r = open_repo("untagged", false);
	expect_document(r, NULL, &one);
	expect_tags(r, "");
	repo_close(r);
	r = open_repo("untagged", true);
	put_image(r, NULL, "second", "");
	struct document d;
	struct error err = { 0 };
	assert_int_equal(repo_document(r, NULL, &d, &err), -1); /* which of the two? */
	assert_int_equal(err.kind, ERR_USAGE);
	repo_close(r);
}

static void deleting(void **state)
{
	(void)state;
	struct repo *r = open_repo("delete", true);
	struct digest one = put_image(r, "x", "layer", "");
	put_image(r, "y", "layer", "");
	assert_int_equal(repo_delete(r, "x", NULL), 0);
	assert_int_equal(repo_delete(r, "x", NULL), 1);
	expect_tags(r, "y ");
	expect_document(r, DIGEST_STR(&one), &one);
	assert_int_equal(repo_delete(r, DIGEST_STR(&one), NULL), 0);
	expect_tags(r, "");
	struct document d;
	assert_int_equal(repo_document(r, DIGEST_STR(&one), &d, NULL), 1);
	repo_close(r);
}

static void referring(void **state)
{
	(void)state;
	struct repo *r = open_repo("refer:a", true);
	struct digest one = put_image(r, NULL, "layer", ""), other = put_image(r, "other", "other", "");
	struct buf more = BUF(0);
	buf_printf(&more, ",\"artifactType\":\"application/x-sig\",\"annotations\":{\"k\":\"v\"},\"subject\":{\"mediaType\":\"" MT_MANIFEST "\",\"digest\":\"%s\",\"size\":7}", DIGEST_STR(&one));
	struct digest sig = put_image(r, "", "signature", more.p);
	buf_free(&more);
	autojson json_t *list = repo_referrers(r, &one, NULL, NULL), *typed = repo_referrers(r, &one, "application/x-sbom", NULL), *none = repo_referrers(r, &other, NULL, NULL);
	assert_int_equal(json_array_size(json_arr(list, "manifests")), 1);
	const json_t *j = json_array_get(json_arr(list, "manifests"), 0);
	assert_string_equal(json_text(j, "digest"), DIGEST_STR(&sig));
	assert_string_equal(json_text(j, "artifactType"), "application/x-sig");
	assert_string_equal(json_text(json_obj(j, "annotations"), "k"), "v");
	assert_int_equal(json_array_size(json_arr(typed, "manifests")), 0);
	assert_int_equal(json_array_size(json_arr(none, "manifests")), 0);
	expect_tags(r, "a other ");
	repo_close(r);
}

static void *write_tags(void *ctx)
{
	char tag[32];
	struct repo *r = open_repo("two-writers", true);
	for (int i = 0; i < 20; i++) {
		snprintf(tag, sizeof tag, "%s%02d", (const char *)ctx, i);
		put_image(r, tag, ctx, "");
	}
	repo_close(r);
	return NULL;
}

static void two_writers(void **state)
{
	(void)state;
	pthread_t t[2];
	char first[] = "first", second[] = "second";
	assert_int_equal(mkdir(in_top("two-writers"), 0700), 0);
	pthread_create(&t[0], NULL, write_tags, first);
	pthread_create(&t[1], NULL, write_tags, second);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	struct repo *r = open_repo("two-writers", false);
	struct buf b = BUF(0);
	assert_int_equal(repo_tags(r, join, &b, NULL), 0);
	assert_int_equal(b.n, 20 * (sizeof "first00") + 20 * (sizeof "second00"));
	buf_free(&b);
	repo_close(r);
}

/* What was brought to a layout that was there goes when the rest of it fails; not when somebody else writes there, or has named something since. */
static void given_up(void **state)
{
	(void)state;
	static const char *const layers[] = { "alone", "beside a writer", "a writer came and named it", "named by itself" };
	struct error err = { 0 };
	struct descriptor old = desc(STR("there before"));
	struct repo *r = open_repo("given-up", true);
	put_image(r, "old", "there before", "");
	repo_close(r);
	for (u32 i = 0; i < countof(layers); i++) {
		struct descriptor d = desc(str_of(layers[i]));
		struct repo *other = i == 1 || i == 2 ? open_repo("given-up", true) : NULL;
		r = open_repo("given-up", true);
		put_text(r, str_of(layers[i]));
		if (i == 2 || i == 3)
			put_image(i == 2 ? other : r, "new", layers[i], "");
		if (i == 2)
			repo_close(other);
		repo_give_up(r);
		repo_close(r);
		if (i == 1)
			repo_close(other);
		r = open_repo("given-up", false);
		assert_int_equal(repo_has(r, &d, &err), i > 0);
		assert_int_equal(repo_has(r, &old, &err), 1);
		repo_close(r);
	}
	repo_give_up(NULL);
}

static void refused(void **state)
{
	(void)state;
	struct repo *r = open_repo("refuse", true);
	struct descriptor l = desc(STR("layer")), more = l;
	enum put how;
	struct error err = { 0 };
	more.size++;
	assert_int_equal(put(r, &l, STR("LAYER"), &how, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(put(r, &more, STR("layer"), &how, &err), -1);
	assert_int_equal(put(r, &l, STR("layers"), &how, &err), -1);
	assert_int_equal(put(r, &l, STR("laye"), &how, &err), -1);
	assert_int_equal(repo_has(r, &l, NULL), 0);
	autofree char *text = manifest("not there", "");
	put_text(r, STR("config"));
	memset(&err, 0, sizeof err);
	assert_int_equal(repo_put_document(r, "x", MT_MANIFEST, str_of(text), NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(repo_put_document(r, "x", MT_MANIFEST, STR("{"), NULL, &err), -1);
	expect_tags(r, "");
	repo_close(r);
}

static void overwrite(const char *name, struct str text)
{
	struct error err = { 0 };
	if (layout_file(in_top(name), text, &err) < 0)
		fail_msg("%s", err.text);
}

static int read_all(struct repo *r, const struct descriptor *d, struct error *err)
{
	struct stream *s;
	if (repo_blob(r, d, 0, &s, err) < 0)
		return -1;
	int status = stream_drain(s, err);
	stream_close(s);
	return status;
}

static void damaged(void **state)
{
	(void)state;
	static const char *const shapes[] = { "{}", "[]", "{\"manifests\":{}}", "{\"manifests\":[3]}", "{\"manifests\":[{\"digest\":\"sha256:../../x\",\"size\":1}]}", "", "nul", NULL };
	struct repo *r = open_repo("damage:x", true);
	struct digest one = put_image(r, NULL, "layer", "");
	struct descriptor l = desc(STR("layer")), missing = desc(STR("missing"));
	char name[200];
	struct document d;
	struct error err = { 0 };
	snprintf(name, sizeof name, "damage/%s", digest_path(&l.digest, (char[DIGEST_TEXT + 8]){ 0 }));
	overwrite(name, STR("LAYER"));
	assert_int_equal(read_all(r, &l, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(read_all(r, &missing, &err), -1);
	overwrite(name, STR("short"));
	assert_int_equal(read_all(r, &l, &err), -1);
	snprintf(name, sizeof name, "damage/%s", digest_path(&one, (char[DIGEST_TEXT + 8]){ 0 }));
	overwrite(name, STR("{}"));
	assert_int_equal(repo_document(r, NULL, &d, &err), -1);
	assert_int_equal(unlink(in_top(name)), 0);
	memset(&err, 0, sizeof err);
	assert_int_equal(repo_document(r, NULL, &d, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	for (size_t i = 0; shapes[i]; i++) {
		overwrite("damage/index.json", str_of(shapes[i]));
		int status = repo_document(r, "x", &d, &err);
		assert_true(status != 0);
		if (i < 2) { /* it is not replaced by one that says less */
			put_text(r, STR("layer"));
			autofree char *text = manifest("layer", "");
			assert_int_equal(repo_put_document(r, "z", MT_MANIFEST, str_of(text), NULL, &err), -1);
		}
	}
	repo_close(r);
	struct repo *none = NULL;
	char location[500];
	snprintf(location, sizeof location, "oci:%s", in_top("nothing"));
	memset(&err, 0, sizeof err);
	assert_int_equal(repo_open(location, &(struct repo_options){ 0 }, &none, &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	assert_int_equal(mkdir(in_top("taken"), 0700), 0);
	overwrite("taken/file", STR("x"));
	snprintf(location, sizeof location, "oci:%s", in_top("taken"));
	assert_int_equal(repo_open(location, &(struct repo_options){ .write = true }, &none, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static int make_top(void **state)
{
	(void)state;
	snprintf(top, sizeof top, "/tmp/pare-test-XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

static int drop_top(void **state)
{
	(void)state;
	char *const argv[] = { (char[]){ "rm" }, (char[]){ "-rf" }, top, NULL };
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(1);
	}
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip), cmocka_unit_test(without_tag), cmocka_unit_test(deleting), cmocka_unit_test(referring),
		cmocka_unit_test(two_writers), cmocka_unit_test(given_up), cmocka_unit_test(refused), cmocka_unit_test(damaged),
	};
	return cmocka_run_group_tests(tests, make_top, drop_top);
}
