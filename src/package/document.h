/* document.h — SBOMs as a source of packages: CycloneDX 1.2–1.6 and SPDX 2.2–2.3 in JSON, SPDX tag-value, Syft's JSON, Bitnami's .spdx-*.spdx, Chainguard's and Wolfi's
 * /var/lib/db/sbom, our own `--format json`. */
#ifndef PARE_PACKAGE_DOCUMENT_H
#define PARE_PACKAGE_DOCUMENT_H
#include "package/package.h"

/* Whether a file that begins so is one: by content, never by its name. */
bool document_sniff(struct str head);
/* Adds its packages (ORIGIN_DOCUMENT, path where the document tells one), its operating system to p->os_…; damage to p->problems. -1: it is no SBOM at all. */
int document_read(struct str text, struct packages *p, struct error *err) must_check;
/* An SBOM that the user named: packages without a tree. */
int packages_of_document(const char *path, struct packages **ret, struct error *err) must_check;
#endif
