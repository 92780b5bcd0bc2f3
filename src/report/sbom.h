/* sbom.h — bills of materials: one writer a format, all from the same packages; and back. Deterministic: no clock (SOURCE_DATE_EPOCH, else the image's own date), no random numbers
 * (document and serial numbers are derived from the content). */
#ifndef PARE_REPORT_SBOM_H
#define PARE_REPORT_SBOM_H
#include "report/subject.h"

struct sbom_options {
	bool files; /* every file with its owner, too. SPDX asks for a check sum of each: the image is loaded with need_content then */
};
struct sbom_writer {
	const char *name;    /* "json", "cyclonedx", "spdx", "spdx-tv", "purl", "table" */
	void (*write)(FILE *f, const struct subject *s, const struct sbom_options *opt);
	bool no_files;       /* it has no place for files: --files with it is a mistake */
};
extern const struct sbom_writer *const sbom_writers[]; /* NULL-terminated */
#endif
