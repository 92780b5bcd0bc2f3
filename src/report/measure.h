/* measure.h — the findings of a Dockerfile and the image that was built from it: what each of them costs, measured.
 *
 * Instructions are matched with the layers' history from the end, as BuildKit, the classic builder, buildah, podman and kaniko write it: a RUN by its
 * command, COPY and ADD by their destination, in the order of the file's target stage and the stages it is built on. What was measured agrees with
 * `pare inspect`: bytes that a layer stores, and its waste items. */
#ifndef PARE_REPORT_MEASURE_H
#define PARE_REPORT_MEASURE_H
#include "lint/lint.h"
#include "report/subject.h"

struct measure {
	s32 *layer;       /* by instruction index; -1: made none, or not found. malloc'ed */
	u32 n, matched;
	u32 missing;      /* instructions of the target stage that make a layer and were not found */
	u32 missing_line; /* the last of them */
};
/* -1 (ERR_INPUT) when nothing of the file is found in the history: the image was not built from it. Release with measure_free(). */
int measure_map(const struct lint *l, const struct image *img, struct measure *ret, struct error *err) must_check;
void measure_free(struct measure *m);
/* Puts what was measured on each finding whose instruction has a layer, in place of its estimate. The subject must have SUBJECT_PACKAGES. */
void measure_findings(const struct measure *m, const struct subject *s, struct diagnostics *d);
#endif
