/* store/: content in and out, references, leases of the living and the dead, sweeping, checking, index.json for others; and repo_store.c over it. */
#include "base/file.h"
#include "base/json.h"
#include "store/store.h"
#include "transport/repo.h"
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];
static struct error err;

static int forget(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/pare-store-XXXXXX");
	err = (struct error){ 0 };
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, forget, 16, FTW_DEPTH | FTW_PHYS);
}

#define OK(call)                                                     \
	do {                                                         \
		int ok_ = (call);                                    \
		if (ok_ != 0)                                        \
			print_error("%s: %d %s\n", #call, ok_, err.text); \
		assert_int_equal(ok_, 0);                            \
	} while (0)

static struct store *open_store(void)
{
	struct store *s = NULL;
	OK(store_open(dir, true, &s, &err));
	return s;
}

static struct digest blob(struct store *s, const char *text)
{
	struct digest d = digest_bytes(DIGEST_SHA256, str_of(text));
	OK(store_add_blob(s, &d, strlen(text), 0, stream_memory(str_of(text)), &err));
	return d;
}

static const char *part(const char *type, const struct digest *d, size_t size)
{
	static char text[4][400];
	static int turn;
	char *to = text[turn++ % 4];
	snprintf(to, sizeof text[0], "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}", type, DIGEST_STR(d), size);
	return to;
}

/* An image of one layer. */
static struct digest image(struct store *s, const char *layer, struct digest *ret_layer)
{
	static const char config[] = "{\"created\":\"2020-01-02T03:04:05Z\",\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
	struct digest c = blob(s, config), l = blob(s, layer), m;
	char text[2000];
	snprintf(text, sizeof text, "{\"schemaVersion\":2,\"mediaType\":\"" MT_MANIFEST "\",\"config\":%s,\"layers\":[%s]}", part(MT_CONFIG, &c, strlen(config)), part(MT_LAYER, &l, strlen(layer)));
	OK(store_add_document(s, MT_MANIFEST, str_of(text), &m, &err));
	if (ret_layer)
		*ret_layer = l;
	return m;
}

static void path_of(const struct digest *d, char out[300])
{
	char rel[DIGEST_TEXT + 8];
	snprintf(out, 300, "%s/images/%s", dir, digest_path(d, rel));
}

static int count_refs(void *ctx, const struct store_ref *ref, struct error *e)
{
	(void)e;
	++*(int *)ctx;
	(void)ref;
	return 0;
}

static int refs(struct store *s)
{
	int n = 0;
	OK(store_each_ref(s, count_refs, &n, &err));
	return n;
}

static void content(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct digest d = blob(s, "content"), none = digest_bytes(DIGEST_SHA256, STR("none"));
	assert_int_equal(store_has(s, &d, &err), 1);
	assert_int_equal(store_has(s, &none, &err), 0);
	struct stream *bytes;
	struct str view;
	u64 size;
	OK(store_blob(s, &d, 0, &bytes, &size, &err));
	assert_int_equal(size, 7);
	OK(stream_next(bytes, &view, &err));
	assert_true(str_is(view, "content"));
	OK(stream_next(bytes, &view, &err));
	assert_int_equal(view.n, 0);
	stream_close(bytes);
	OK(store_blob(s, &d, 3, &bytes, &size, &err));
	OK(stream_next(bytes, &view, &err));
	assert_true(str_is(view, "tent"));
	stream_close(bytes);
	assert_int_equal(store_blob(s, &none, 0, &bytes, &size, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	/* Wrong digest, wrong length: nothing of it stays. */
	assert_int_equal(store_add_blob(s, &none, 5, 0, stream_memory(STR("other")), &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(store_add_blob(s, &none, 3, 0, stream_memory(STR("none")), &err), -1);
	assert_int_equal(store_add_blob(s, &none, 5, 0, stream_memory(STR("none")), &err), -1);
	assert_int_equal(store_has(s, &none, &err), 0);
	struct store_swept swept;
	OK(store_sweep(s, true, &swept, &err));
	assert_int_equal(swept.partials, 0);
	store_close(s);
}

static void references(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct arena a = { 0 };
	struct store_ref ref;
	struct digest one = image(s, "one", NULL), two = image(s, "two", NULL);
	char text[DIGEST_TEXT];
	assert_int_equal(store_resolve(s, "alpine", &ref, &a, &err), 1);
	OK(store_set_ref(s, "alpine", &one, &err));
	OK(store_resolve(s, "docker.io/library/alpine:latest", &ref, &a, &err));
	assert_string_equal(ref.name, "docker.io/library/alpine:latest");
	assert_string_equal(ref.type, MT_MANIFEST);
	assert_int_equal(ref.created, 1577934245);
	assert_true(digest_eq(&ref.digest, &one));
	/* Another takes the name: the old one stays without. */
	OK(store_set_ref(s, "alpine", &two, &err));
	assert_int_equal(refs(s), 2);
	OK(store_resolve(s, digest_text(&one, text), &ref, &a, &err));
	assert_string_equal(ref.name, "");
	text[7 + 8] = '\0';
	OK(store_resolve(s, text + 7, &ref, &a, &err));
	assert_true(digest_eq(&ref.digest, &one));
	/* A name for it: it is not nameless any more. */
	OK(store_set_ref(s, "quay.io/app:1", &one, &err));
	assert_int_equal(refs(s), 2);
	/* A second name of the same: replacing one of them leaves nothing nameless. */
	OK(store_set_ref(s, "quay.io/app:2", &one, &err));
	OK(store_set_ref(s, "quay.io/app:2", &two, &err));
	assert_int_equal(refs(s), 3);
	OK(store_drop_ref(s, "quay.io/app:2", &err));
	assert_int_equal(store_drop_ref(s, "quay.io/app:2", &err), 1);
	assert_int_equal(store_set_ref(s, "Not/A Name", &one, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	struct digest none = digest_bytes(DIGEST_SHA256, STR("none"));
	assert_int_equal(store_set_ref(s, "alpine", &none, &err), -1);
	struct store_usage u;
	OK(store_resolve(s, "alpine", &ref, &a, &err));
	OK(store_usage(s, &ref, &u, &err));
	assert_int_equal(u.blobs, 3);
	assert_true(u.unique < u.bytes); /* the configuration is the other's, too */
	store_close(s);
	arena_free(&a);
}

static void documents(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct digest none = digest_bytes(DIGEST_SHA256, STR("none")), m = image(s, "layer", NULL), c = blob(s, "{}"), x;
	char text[2000];
	snprintf(text, sizeof text, "{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s]}", part(MT_CONFIG, &c, 2), part(MT_LAYER, &none, 4));
	assert_int_equal(store_add_document(s, MT_MANIFEST, str_of(text), &x, &err), -1);
	assert_non_null(strstr(err.text, "not in the store"));
	assert_int_equal(store_add_document(s, MT_MANIFEST, STR("{\"a\":"), &x, &err), -1);
	assert_int_equal(store_add_document(s, MT_MANIFEST, STR("{}"), &x, &err), -1);
	/* An index may lack what was not asked for. */
	snprintf(text, sizeof text, "{\"schemaVersion\":2,\"manifests\":[%s,%s]}", part(MT_MANIFEST, &m, 1), part(MT_MANIFEST, &none, 4));
	OK(store_add_document(s, MT_INDEX, str_of(text), &x, &err));
	OK(store_set_ref(s, "multi", &x, &err));
	/* What refers to it is kept with it. */
	struct digest r;
	snprintf(text, sizeof text, "{\"schemaVersion\":2,\"artifactType\":\"text/x\",\"config\":%s,\"layers\":[],\"subject\":%s}", part("application/vnd.oci.empty.v1+json", &c, 2), part(MT_MANIFEST, &m, 1));
	OK(store_add_document(s, MT_MANIFEST, str_of(text), &r, &err));
	json_t *list = store_referrers(s, &m, &err);
	assert_int_equal(json_array_size(json_arr(list, "manifests")), 1);
	assert_string_equal(json_text(json_array_get(json_arr(list, "manifests"), 0), "artifactType"), "text/x");
	json_decref(list);
	store_close(s);
	s = open_store();
	struct store_swept swept;
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 0);
	struct store_check check;
	OK(store_check(s, false, NULL, NULL, &check, &err));
	assert_int_equal(check.missing + check.bad + check.stray, 0);
	OK(store_drop_ref(s, "multi", &err));
	struct store_swept dry;
	OK(store_sweep(s, true, &dry, &err));
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 6);
	assert_int_equal(dry.blobs, swept.blobs);
	assert_int_equal(dry.bytes, swept.bytes);
	assert_true(swept.bytes > 0);
	store_close(s);
}

/* A child that leases, tells, and waits to be killed. */
static pid_t holder(const struct digest *d)
{
	int pipes[2];
	char c;
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct store *s;
		close(pipes[0]);
		if (store_open(dir, true, &s, &err) < 0 || store_has(s, d, &err) != 1 || write(pipes[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &c, 1), 1);
	close(pipes[0]);
	return pid;
}

static void leases(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct digest d = blob(s, "leased by another"), mine = blob(s, "mine");
	struct store_swept swept;
	store_close(s);
	pid_t pid = holder(&d);
	s = open_store();
	OK(store_lease(s, &mine, &err));
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 0);
	assert_int_equal(store_has(s, &mine, &err), 1);
	store_close(s);
	s = open_store();
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 1);
	assert_int_equal(swept.leases, 1);
	assert_int_equal(store_has(s, &d, &err), 0);
	store_close(s);
}

static const char *broken_text;
static int broken(void *ctx, struct str *view, struct error *e)
{
	if (!broken_text)
		return error_set(e, ERR_ENV, "the connection broke");
	(void)ctx;
	*view = str_of(broken_text);
	broken_text = NULL;
	return 0;
}

static u64 asked_from;
static int rest(void *ctx, u64 from, struct stream **ret, struct error *e)
{
	(void)e;
	asked_from = from;
	*ret = stream_memory(str_from(str_of(ctx), from));
	return 0;
}

static void partials(void **state)
{
	(void)state;
	struct store *s = open_store(), *other = open_store();
	struct digest d = digest_bytes(DIGEST_SHA256, STR("first part, second part"));
	broken_text = "first part, ";
	assert_int_equal(store_add_blob(s, &d, 23, 0, stream_callback(broken, NULL, NULL), &err), -1);
	assert_int_equal(err.kind, ERR_ENV);
	assert_int_equal(store_partial(s, &d), 12);
	assert_int_equal(store_has(s, &d, &err), 0);
	OK(store_take_blob(other, &d, 23, 0, rest, (char[]){ "first part, second part" }, &err));
	assert_int_equal(asked_from, 12);
	assert_int_equal(store_has(s, &d, &err), 1);
	assert_int_equal(store_partial(s, &d), 0);
	/* The same by hand; a part that is wrong ends it, and is not kept. */
	struct digest e = digest_bytes(DIGEST_SHA256, STR("abcdef"));
	broken_text = "abX";
	assert_int_equal(store_add_blob(s, &e, 6, 0, stream_callback(broken, NULL, NULL), &err), -1);
	assert_int_equal(store_add_blob(s, &e, 6, 3, stream_memory(STR("def")), &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(store_partial(s, &e), 0);
	/* What is left goes with a sweep. */
	broken_text = "abc";
	assert_int_equal(store_add_blob(s, &e, 6, 0, stream_callback(broken, NULL, NULL), &err), -1);
	struct store_swept swept;
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.partials, 1);
	assert_int_equal(swept.bytes, 3);
	store_close(s);
	store_close(other);
}

static int never(void *ctx, u64 from, struct stream **ret, struct error *e)
{
	(void)ctx, (void)from, (void)ret;
	return error_set(e, ERR_ENV, "its bytes were asked for");
}

/* A file without a name becomes the blob; names that others have are left alone. */
static void taken(void **state)
{
	(void)state;
	static const char text[] = "made beside its place";
	struct store *s = open_store();
	struct digest d = digest_bytes(DIGEST_SHA256, STR("made beside its place"));
	struct stat is, was;
	char path[300];
	int fd = open(store_images_dir(s), O_TMPFILE | O_RDWR, 0644), others[30];
	if (fd < 0) { /* this file system has none */
		store_close(s);
		skip();
	}
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof path, "%s/ingest/sha256-%s.%ld-%d.part", store_images_dir(s), strchr(DIGEST_STR(&d), ':') + 1, (long)getpid(), i);
		others[i] = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
		assert_true(others[i] >= 0);
	}
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	OK(fstat(fd, &was));
	OK(store_take_blob(s, &d, sizeof text - 1, fd, never, NULL, &err));
	path_of(&d, path);
	OK(stat(path, &is));
	assert_int_equal(is.st_ino, was.st_ino);
	assert_int_equal(store_has(s, &d, &err), 1);
	for (int i = 0; i < 30; i++) {
		OK(fstat(others[i], &is));
		assert_int_equal(is.st_nlink, 1);
		close(others[i]);
	}
	/* What has another length is no such file, and is not even looked at. */
	struct digest e = digest_bytes(DIGEST_SHA256, STR("other"));
	assert_int_equal(store_take_blob(s, &e, 5, fd, never, NULL, &err), -1);
	OK(store_take_blob(s, &e, 5, fd, rest, (char[]){ "other" }, &err));
	close(fd);
	store_close(s);
}

/* Who reads an image keeps it: it may lose its name and a sweep may come while its layers are on their way. */
static void reader(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct digest l, m = image(s, "a layer that is read", &l);
	struct descriptor layer = { .media_type = MT_LAYER, .digest = l, .size = strlen("a layer that is read") };
	struct repo_options opt = { .store = dir };
	struct document doc;
	struct store_swept swept;
	struct stream *bytes;
	struct str view;
	struct repo *r;
	OK(store_set_ref(s, "alpine", &m, &err));
	store_close(s);
	OK(repo_open("pare:alpine", &opt, &r, &err));
	OK(repo_document(r, NULL, &doc, &err));
	document_free(&doc);
	s = open_store();
	OK(store_drop_ref(s, "alpine", &err));
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 0);
	OK(repo_blob(r, &layer, 0, &bytes, &err));
	OK(stream_next(bytes, &view, &err));
	assert_int_equal(view.n, layer.size);
	stream_close(bytes);
	repo_close(r);
	OK(store_sweep(s, false, &swept, &err));
	assert_int_equal(swept.blobs, 3);
	store_close(s);
}

static void add_line(void *ctx, const char *line)
{
	buf_puts(ctx, line);
	buf_putc(ctx, '\n');
}

static void checking(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct digest layer, lost, good = image(s, "good layer", NULL), bad = image(s, "bad layer", &layer), gone = image(s, "gone layer", &lost);
	struct store_check c;
	char path[300];
	OK(store_set_ref(s, "good", &good, &err));
	OK(store_set_ref(s, "bad", &bad, &err));
	OK(store_set_ref(s, "gone", &gone, &err));
	OK(store_check(s, false, NULL, NULL, &c, &err));
	assert_int_equal(c.refs, 3);
	assert_int_equal(c.blobs, 7);
	assert_int_equal(c.bad + c.missing + c.stray, 0);
	path_of(&layer, path);
	int fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, "c", 1, 0), 1);
	close(fd);
	path_of(&lost, path);
	assert_int_equal(unlink(path), 0);
	struct digest d = digest_bytes(DIGEST_SHA256, STR("stray"));
	path_of(&d, path);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	assert_int_equal(write(fd, "stray", 5), 5);
	close(fd);
	struct buf lines = BUF(0);
	OK(store_check(s, true, add_line, &lines, &c, &err));
	assert_int_equal(c.bad, 1);
	assert_int_equal(c.missing, 1);
	assert_int_equal(c.stray, 1);
	assert_int_equal(c.dropped, 2);
	assert_non_null(strstr(lines.p, "bad: "));
	assert_non_null(strstr(lines.p, "missing: "));
	assert_non_null(strstr(lines.p, "stray: "));
	buf_free(&lines);
	OK(store_check(s, false, NULL, NULL, &c, &err));
	assert_int_equal(c.refs, 1);
	assert_int_equal(c.bad + c.missing, 0);
	assert_int_equal(store_has(s, &good, &err), 1);
	assert_int_equal(store_has(s, &layer, &err), 0);
	store_close(s);
	/* What the bad ones stood on goes with the next sweep, and all is well. */
	s = open_store();
	struct store_swept swept;
	OK(store_sweep(s, false, &swept, &err));
	OK(store_check(s, false, NULL, NULL, &c, &err));
	assert_int_equal(c.bad + c.missing + c.stray, 0);
	assert_int_equal(c.blobs, 3);
	store_close(s);
}

static void index_json(void **state)
{
	(void)state;
	struct store *s = open_store();
	struct digest m = image(s, "layer", NULL);
	char location[200];
	OK(store_set_ref(s, "alpine", &m, &err));
	snprintf(location, sizeof location, "oci:%s/images:docker.io/library/alpine:latest", dir);
	struct repo_options opt = { .store = dir, .write = true };
	struct repo *r;
	struct document doc;
	if (repo_open(location, &(struct repo_options){ 0 }, &r, &err) == 0) {
		OK(repo_document(r, NULL, &doc, &err));
		assert_true(digest_eq(&doc.digest, &m));
		document_free(&doc);
		repo_close(r);
	}
	/* Lost: made anew by the next who opens it. */
	snprintf(location, sizeof location, "%s/images/index.json", dir);
	struct buf text = BUF(0);
	OK(unlink(location));
	store_close(s);
	s = open_store();
	OK(file_read(location, MiB, &text, &err));
	assert_non_null(strstr(text.p, "\"org.opencontainers.image.ref.name\": \"docker.io/library/alpine:latest\""));
	buf_free(&text);
	store_close(s);
	/* As a place. */
	OK(repo_open("pare:alpine", &opt, &r, &err));
	OK(repo_document(r, NULL, &doc, &err));
	assert_true(digest_eq(&doc.digest, &m));
	assert_int_equal(repo_document(r, "none", &doc, &err), 1);
	struct digest again;
	OK(repo_put_document(r, "2", MT_MANIFEST, buf_str(&doc.bytes), &again, &err));
	assert_true(digest_eq(&again, &m));
	OK(repo_delete(r, "latest", &err));
	assert_int_equal(repo_document(r, NULL, &doc, &err), 1);
	OK(repo_delete(r, DIGEST_STR(&m), &err));
	assert_int_equal(repo_delete(r, DIGEST_STR(&m), &err), 1);
	document_free(&doc);
	repo_close(r);
}

static void absent(void **state)
{
	(void)state;
	struct store *s;
	struct arena a = { 0 };
	struct store_ref ref;
	struct store_check c;
	OK(store_open(dir, false, &s, &err));
	assert_int_equal(store_resolve(s, "alpine", &ref, &a, &err), 1);
	assert_int_equal(refs(s), 0);
	OK(store_check(s, false, NULL, NULL, &c, &err));
	store_close(s);
	char path[100];
	snprintf(path, sizeof path, "%s/images", dir);
	assert_int_equal(access(path, F_OK), -1);
	/* A database that is none. */
	OK(mkdir(path, 0755));
	snprintf(path, sizeof path, "%s/images/store.db", dir);
	int fd = open(path, O_RDWR | O_CREAT, 0644);
	for (int i = 0; i < 200; i++)
		assert_int_equal(write(fd, "no database at all, whatever\n", 29), 29);
	close(fd);
	assert_int_equal(store_open(dir, true, &s, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(store_open(dir, false, &s, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(content, setup, teardown),  cmocka_unit_test_setup_teardown(references, setup, teardown),
		cmocka_unit_test_setup_teardown(documents, setup, teardown), cmocka_unit_test_setup_teardown(leases, setup, teardown),
		cmocka_unit_test_setup_teardown(partials, setup, teardown), cmocka_unit_test_setup_teardown(checking, setup, teardown),
		cmocka_unit_test_setup_teardown(index_json, setup, teardown), cmocka_unit_test_setup_teardown(absent, setup, teardown),
		cmocka_unit_test_setup_teardown(taken, setup, teardown),    cmocka_unit_test_setup_teardown(reader, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
