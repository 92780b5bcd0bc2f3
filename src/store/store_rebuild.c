/* store_rebuild.c — the index made anew where it was lost: the store is a layout, its blobs say what they are, and index.json has the names. */
#include "base/file.h"
#include "store/db.h"
#include "transport/repo.h"
#include <sys/stat.h>

void (*store_notice)(const char *line);

struct rebuild {
	struct store *s;
	struct digest *v; /* of what may be a document, by its size */
	u32 n, cap;
};

static int add_row(void *ctx, const char *path, const struct digest *d, struct error *err)
{
	struct rebuild *b = ctx;
	struct stat st;
	if (!d->alg || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if ((u64)st.st_size <= REPO_DOCUMENT_MAX)
		VEC_PUSH(b->v, b->n, b->cap, *d);
	return db_run(b->s, err, "INSERT OR IGNORE INTO blobs VALUES(?, ?, 0, NULL)", "di", d, (s64)st.st_size);
}

static int has_row(struct store *s, const struct digest *d, struct error *err)
{
	s64 one;
	int r = db_number(s, &one, err, "SELECT 1 FROM blobs WHERE digest = ?", "d", d);
	return r < 0 ? -1 : !r;
}

/* Whatever reads as a manifest or an index is one: also those that only another one names, and signatures. */
static int add_document(struct store *s, const struct digest *d, struct error *err)
{
	struct buf bytes = BUF(REPO_DOCUMENT_MAX);
	struct names n;
	int r = 0;
	if (store_document(s, d, &bytes, NULL) < 0 || bytes.over || bytes.n == 0 || bytes.p[0] != '{' || names_read(buf_str(&bytes), NULL, &n, NULL) < 0) {
		buf_free(&bytes);
		return 0;
	}
	for (u32 i = 0; r == 0 && i < n.n; i++) {
		int there = n.v[i].kind == NAMED_MAYBE ? has_row(s, &n.v[i].digest, err) : 0;
		if (there == 1)
			n.v[i].kind = NAMED;
		r = MIN(there, 0);
	}
	r = r < 0 ? r : names_record(s, d, &n, err);
	r = r < 0 ? r : db_run(s, err, "UPDATE blobs SET type = ? WHERE digest = ?", "td", n.type, d);
	free(n.v);
	buf_free(&bytes);
	return r;
}

/* 1: it names nothing that is here. */
static int add_ref(struct store *s, const struct descriptor *d, struct arena *a, struct error *err)
{
	const char *name = d->image_name ? d->image_name : d->ref_name ? d->ref_name : "";
	struct reference ref;
	s64 one;
	if (d->bad)
		return 1;
	int r = db_number(s, &one, err, "SELECT 1 FROM blobs WHERE digest = ? AND type IS NOT NULL", "d", &d->digest);
	if (r != 0)
		return r;
	if (name[0] && (reference_parse(a, str_of(name), &ref, NULL) < 0 || !ref.tag))
		return 1;
	if (name[0]) {
		ref.digest = (struct digest){ 0 };
		name = reference_text(a, &ref);
	}
	return ref_put(s, name, &d->digest, err);
}

static void tell(struct store *s, u32 refs, u32 lost)
{
	char line[1024];
	int n = snprintf(line, sizeof line, "%.600s/store.db was lost: %u reference%s came back from index.json", s->images, refs, refs == 1 ? "" : "s");
	if (lost)
		snprintf(line + n, sizeof line - (size_t)n, ", %u did not: what %s for is not here any more", lost, lost == 1 ? "it stood" : "they stood");
	if (store_notice)
		store_notice(line);
}

static int from_list(struct rebuild *b, const struct index *list, struct arena *a, struct error *err)
{
	struct store *s = b->s;
	u32 lost = 0, dropped = 0;
	int r = store_each_blob_file(s, add_row, b, err);
	for (u32 i = 0; r == 0 && i < b->n; i++)
		r = add_document(s, &b->v[i], err);
	for (u32 i = 0; r >= 0 && i < list->n; i++) {
		r = add_ref(s, &list->manifests[i], a, err);
		lost += r == 1;
	}
	r = r < 0 ? r : drop_incomplete(s, &dropped, err);
	r = r < 0 ? r : db_run(s, err, "UPDATE state SET changed = changed + 1", "");
	if (r == 0)
		tell(s, list->n - lost - dropped, lost + dropped);
	return r;
}

int index_rebuild(struct store *s, struct error *err)
{
	struct rebuild b = { .s = s };
	struct arena a = { 0 };
	struct buf path = BUF(0), text = BUF(0);
	struct index list;
	buf_printf(&path, "%s/index.json", s->images);
	autojson json_t *doc = file_read(path.p, JSON_BYTES, &text, NULL) < 0 ? NULL : json_read(buf_str(&text), path.p, NULL);
	int r = 0;
	if (doc && index_parse(&a, doc, &list, NULL) == 0 && list.n) /* else there is none, or nothing in it */
		r = from_list(&b, &list, &a, err);
	free(b.v);
	arena_free(&a);
	buf_free(&path);
	buf_free(&text);
	return r;
}
