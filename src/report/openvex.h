/* openvex.h — what a scan found, and what was said of it, as an OpenVEX document (openvex.dev, version 0.2.0) that `--vex` reads back. */
#ifndef PARE_REPORT_OPENVEX_H
#define PARE_REPORT_OPENVEX_H
#include "base/jsonw.h"
#include "report/subject.h"
#include "rule/scan.h"

/* A statement a vulnerability and status: the products are packages of the image by their package URLs, within the image where its digest is known. What an ignore file suppressed is
 * affected all the same, with the reason as what is done about it. Deterministic: the time is SOURCE_DATE_EPOCH's, else the image's own. */
/* For documents of the same form: the timestamp, and the name of an image made fit for a package URL. */
void openvex_time(struct jsonw *w, const struct image *img);
void openvex_name(const struct image *img, struct buf *out);
void openvex_vulnerability(struct jsonw *w, const struct scan_finding *f); /* its key and value: name and aliases */
void write_openvex(FILE *f, const struct subject *s, const struct scan *scan);
#endif
