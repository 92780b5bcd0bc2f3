/* document.h — SBOMs as a source of packages: CycloneDX 1.2–1.6 in JSON and XML, SPDX 2.2–2.3 in JSON and as tag-value, Syft's JSON, our own `--format json`; told apart by content.
 *
 * A component counts as a package when it has a package URL, or a name and a version; the image that the document is about, files, containers and devices don't. The name is the one the
 * ecosystem writes where the document has it beside the package URL ("PyYAML", pkg:pypi/pyyaml). The operating system is the component that says so, else what most package URLs name (distro=).
 *
 * In an image (the collector): files with a name that such documents have, and content that is one. An SBOM that a package of the system owns tells of that package (Wolfi's
 * /var/lib/db/sbom): nothing is counted twice (packages_read).
 *
 * Memory: the text and one component at a time. Ceilings: DOCUMENT_MAX bytes that the user names, DOCUMENT_COLLECTED in an image; DOCUMENT_PACKAGES packages; DOCUMENT_ELEMENT bytes of one component
 * without those inside of it; DOCUMENT_DEPTH components in components. What is beyond them, and what is no JSON, is a problem; the rest is there. */
#ifndef PARE_PACKAGE_DOCUMENT_H
#define PARE_PACKAGE_DOCUMENT_H
#include "oci/digest.h"
#include "package/package.h"

#define DOCUMENT_MAX ((size_t)(256 * MiB))
#define DOCUMENT_COLLECTED ((size_t)(32 * MiB))
#define DOCUMENT_PACKAGES (256u << 10)
#define DOCUMENT_ELEMENT ((size_t)(2 * MiB))
#define DOCUMENT_DEPTH 16u

struct document_about { /* what a document says of the image; in the packages' arena, NULL when it doesn't */
	const char *format; /* "CycloneDX 1.6", "SPDX-2.3", "Syft", "pare" */
	const char *reference, *transport, *digest, *config_digest, *platform, *created;
	struct problems unverified;
	const char **unidentified; /* programs that no package tells of: n_unidentified paths, at most 1000; malloc'ed */
	u32 n_unidentified, cap_unidentified;
};

/* Whether a file that begins so is one: by content, never by its name. */
bool document_sniff(struct str head);
/* Adds its packages (`trusted`: of the origin, layer and size that the document says, when we wrote it; else ORIGIN_DOCUMENT), and its operating system to p->os_… where that is empty; damage to
 * p->problems. `about` may be NULL. -1: it is no SBOM at all. */
int document_read(struct str text, bool trusted, struct packages *p, struct document_about *about, struct error *err) must_check;

/* Whether a location names an SBOM: "sbom:FILE", a file, or "-" (standard input, of which nothing is taken). */
bool document_named(const char *location);
/* An SBOM that the user named: packages without a tree. */
int packages_of_document(const char *location, struct packages **ret, struct document_about *about, struct error *err) must_check;
#endif
