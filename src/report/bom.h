/* bom.h — what the documents of sbom_cyclonedx.c and sbom_spdx.c have in common: names for every package that stay the same from run to run, the document's own number and date, who needs
 * whom, and what the formats have no field for. */
#ifndef PARE_REPORT_BOM_H
#define PARE_REPORT_BOM_H
#include "package/depend.h"
#include "report/sbom.h"

struct bom {
	const struct subject *s;
	struct arena arena;
	char time[40];       /* "2024-01-31T12:00:00Z": SOURCE_DATE_EPOCH, else the image's own date, else 1970 */
	char uuid[40];       /* of all that is said: the same content has the same number */
	const char *name;    /* of the image */
	const char *version; /* its digest, "" */
	const char *purl;    /* "pkg:oci/…", "" when it has no digest */
	const char **ids;    /* by package, unique: "deb-bash-5a1b…", letters, digits, '.' and '-' alone */
	struct depends needs;
	u32 *tops;           /* packages from which all others are reached through `needs`; ascending */
	u32 n_tops;
	u32 *by_owner;       /* the files (nodes) of each package, those of nobody first: file_start[1 + package] … ; NULL unless asked for */
	u32 *file_start;     /* 1 + packages.n + 1 of them */
};
/* `kind` is the format's name: two formats of one image are two documents. */
void bom_make(struct bom *b, const struct subject *s, const char *kind, bool files);
void bom_free(struct bom *b);

/* What is known of a package, the image and the system and has no field in either format, under the names it has in `--format json`; read back in by package/document.h. In a fixed order. */
typedef void bom_fact(void *ctx, const char *key, const char *value);
void bom_package_facts(const struct bom *b, const struct package *k, bom_fact *f, void *ctx);
void bom_image_facts(const struct bom *b, bom_fact *f, void *ctx);
void bom_image_lists(const struct bom *b, bom_fact *f, void *ctx); /* those with several values under one name, each name's together */
#endif
