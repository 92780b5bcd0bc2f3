/* `pare sbom --format purl`: a package URL a line, each once, sorted bytewise: for comm(1) and for tools that ask about purls. */
#include "base/text.h"
#include "report/sbom.h"

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void write_purls(FILE *f, const struct subject *s, const struct sbom_options *opt)
{
	const struct packages *p = s->packages;
	const char **v = xcalloc((size_t)p->n + 1, sizeof *v);
	(void)opt;
	for (u32 i = 0; i < p->n; i++)
		v[i] = p->v[i].purl;
	if (p->n)
		qsort(v, p->n, sizeof *v, by_bytes);
	for (u32 i = 0; i < p->n; i++)
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			fprintf(f, "%s\n", v[i]);
	free(v);
}

const struct sbom_writer sbom_purl = { "purl", write_purls, true };
