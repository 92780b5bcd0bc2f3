/* The bytes are a bill of materials: as the user names it, and as a file of an image. What was read of it is written in each format; what is read back of that must be the same packages. */
#include "package/document.h"
#include "packages_world.h"
#include "report/sbom.h"

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Each package's URL, sorted. */
static const char **urls(const struct packages *p)
{
	const char **v = xcalloc((size_t)p->n + 1, sizeof *v);
	for (u32 i = 0; i < p->n; i++) {
		if (!*p->v[i].name || !*p->v[i].purl)
			abort();
		v[i] = p->v[i].purl;
	}
	if (p->n)
		qsort(v, p->n, sizeof *v, by_text);
	return v;
}

static bool read_one(struct str text, struct subject *s)
{
	struct document_about about = { 0 };
	struct packages *p = packages_new();
	struct error err = { 0 };
	if (document_read(text, true, p, &about, &err) < 0) {
		if (!err.kind)
			abort();
		packages_free(p);
		problems_free(&about.unverified);
		free(about.unidentified);
		return false;
	}
	packages_finish(p);
	subject_of_document("input", p, &about, s);
	return true;
}

static void again(const struct subject *s, const struct sbom_writer *w)
{
	static const struct sbom_options none;
	struct subject back;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	if (!f)
		abort();
	w->write(f, s, &none);
	fclose(f);
	bool is_document = strcmp(w->name, "purl") != 0 && strcmp(w->name, "table") != 0;
	if (is_document && !document_sniff(str_head(str_n(text, n), 64 * KiB)))
		abort();
	if (is_document) {
		if (!read_one(str_n(text, n), &back))
			abort();
		const char **a = urls(s->packages), **b = urls(back.packages);
		if (s->packages->n != back.packages->n)
			abort();
		for (u32 i = 0; i < back.packages->n; i++)
			if (strcmp(a[i], b[i]) != 0)
				abort();
		free(a);
		free(b);
		subject_close(&back);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size);
	struct subject s;
	if (read_one(text, &s)) {
		for (u32 i = 0; sbom_writers[i]; i++)
			again(&s, sbom_writers[i]);
		subject_close(&s);
	}
	struct facts *f = facts_new();
	world_files(f);
	world_put(f, "usr/share/x.spdx.json", TAR_FILE, "", text);
	world_read(f);
	return 0;
}
