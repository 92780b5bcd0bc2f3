/* Byte 0: its highest bit: check sums of tar headers as they are. The rest is an OCI layout in an archive, asked for everything that a place which keeps content under its digest is asked for:
 * tags, documents, blobs from anywhere, what refers to what. What comes out has its digest, and no input hangs it. */
#include "headers.h"
#include "base/file.h"
#include "base/json.h"
#include "transport/repo.h"
#include "tree_check.h"
#include <sys/mman.h>
#include <unistd.h>

struct asking {
	struct repo *repo;
	u32 n;
};

static void ask_blob(struct repo *r, const struct descriptor *d)
{
	static const u64 from[] = { 0, 1, UINT64_MAX };
	for (size_t i = 0; i < countof(from); i++) {
		struct stream *s;
		struct error err = { 0 };
		if (repo_blob(r, d, MIN(from[i], d->size), &s, &err) < 0) {
			require(err.kind != ERR_NONE);
			continue;
		}
		require(stream_drain(s, &err) < 0 || s->at == d->size - MIN(from[i], d->size));
		stream_close(s);
	}
}

static void ask_document(struct repo *r, const char *which)
{
	struct document d;
	struct error err = { 0 };
	int status = repo_document(r, which, &d, &err);
	require(status >= 0 || err.kind != ERR_NONE);
	if (status != 0)
		return;
	struct digest have = digest_bytes((enum digest_alg)d.digest.alg, buf_str(&d.bytes));
	require(digest_eq(&have, &d.digest) && d.bytes.n <= REPO_DOCUMENT_MAX);
	struct arena a = { 0 };
	struct manifest m;
	autojson json_t *doc = json_read_limit(buf_str(&d.bytes), REPO_DOCUMENT_MAX, "it", NULL);
	if (doc && manifest_parse(&a, doc, &m, NULL) == 0) {
		ask_blob(r, &m.config);
		for (u32 i = 0; i < m.n && i < 16; i++)
			ask_blob(r, &m.layers[i]);
	}
	json_t *list = repo_referrers(r, &d.digest, NULL, &err);
	json_decref(list);
	arena_free(&a);
	document_free(&d);
}

static int ask_tag(void *ctx, const char *tag, struct error *err)
{
	struct asking *k = ctx;
	ask_document(k->repo, tag);
	return ++k->n < 32 ? 0 : error_set(err, ERR_INPUT, "enough");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 64 * KiB)
		return 0;
	u8 *copy = xmalloc(size);
	memcpy(copy, data, size);
	if (!(data[0] & 0x80))
		headers_repair(copy + 1, size - 1);
	int fd = memfd_create("archive", MFD_CLOEXEC);
	require(fd >= 0 && file_write_all(fd, copy + 1, size - 1) == 0);
	char location[64];
	snprintf(location, sizeof location, "oci-archive:/proc/self/fd/%d", fd);
	struct repo *r = NULL;
	struct error err = { 0 };
	struct repo_options opt = { .store = "/tmp" };
	if (repo_open(location, &opt, &r, &err) == 0) {
		struct asking k = { .repo = r };
		ask_document(r, NULL);
		ask_document(r, "@0");
		if (repo_tags(r, ask_tag, &k, &err) < 0)
			require(err.kind != ERR_NONE);
		repo_close(r);
	} else {
		require(err.kind != ERR_NONE && err.text[0]);
	}
	close(fd);
	free(copy);
	return 0;
}
