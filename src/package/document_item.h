/* document_item.h — what the readers of SBOMs have in common: one component as its document tells of it, and where it goes. Between document*.c alone. */
#ifndef PARE_PACKAGE_DOCUMENT_ITEM_H
#define PARE_PACKAGE_DOCUMENT_ITEM_H
#include "base/json.h"
#include "package/document.h"

struct item { /* NULL: not told. Strings need not outlive document_package() */
	const char *id, *type, *name, *group, *version, *arch, *purl, *source_name, *source_version, *source_release, *source_epoch, *license, *path, *layer, *origin, *bytes, *files, *module, *vendor,
		*depends, *provides, *summary, *purpose;
};

struct vote {
	const char *distro, *space;
	u32 n;
};
struct license_name { /* "LicenseRef-x" and what it stands for */
	const char *id, *name;
};

struct document {
	struct packages *p;
	struct document_about *about; /* never NULL */
	bool trusted;                 /* what it says of layers and origins counts when we wrote it */
	bool full;                    /* DOCUMENT_PACKAGES was met */
	u32 first;                    /* of its packages */
	struct arena arena;           /* while it is read */
	struct vote votes[16];
	u32 n_votes;
	struct license_name *licenses; /* sorted by id once `sorted` */
	u32 n_licenses, cap_licenses;
	bool sorted;
};

void document_damage(struct document *d, const char *fmt, ...) printf_like(2, 3);
/* A component: becomes a package when it is one. */
void document_package(struct document *d, const struct item *k);
/* The operating system; NULL and "" are not told. The first one counts. */
void document_system(struct document *d, const char *id, const char *version, const char *pretty, const char *codename);
/* Facts under the names of `--format json` (report/bom.h writes them): of a package, of the image. Others are passed over. */
void document_fact(struct item *k, const char *key, const char *value);
void document_image_fact(struct document *d, const char *key, const char *value);
/* What our own annotation says: a JSON object of facts. `k` NULL: of the image. The document lives while `*keep` does (json_decref). */
void document_annotation(struct document *d, struct item *k, struct str comment, json_t **keep);
void document_license_name(struct document *d, const char *id, const char *name);
/* "acquired package info from DPKG DB: /var/lib/dpkg/status", "built package from: glibc 2.31-13" (SPDX's sourceInfo). Into d->arena. */
void document_source_info(struct document *d, struct item *k, struct str info);
/* Whether an SPDX package is the system, or none at all. True: done with it. */
bool document_purpose(struct document *d, const struct item *k);
const char *document_keep(struct document *d, struct str s); /* in the packages' arena; cut at its first zero byte */

bool document_json(struct document *d, struct str text, struct error *err) must_check; /* false: none of the JSON formats */
bool document_tag_value(struct document *d, struct str text) must_check;
bool document_xml(struct document *d, struct str text, struct error *err) must_check;

/* Of CycloneDX in either syntax. */
void document_cyclonedx(struct document *d, const char *type, const struct item *k);
void document_cyclonedx_property(struct item *k, const char *name, const char *value);
/* `whole`: each may be a choice of its own, which needs brackets beside others. */
void document_add_license(struct buf *b, const char *z, bool whole);
#endif
