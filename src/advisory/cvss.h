/* cvss.h — scores of CVSS vectors: version 2 (base), 3.0 and 3.1 (base), 4.0 (all of the vector), after FIRST's specifications. */
#ifndef PARE_ADVISORY_CVSS_H
#define PARE_ADVISORY_CVSS_H
#include "base/common.h"
#include "base/str.h"

#define CVSS_VECTOR_MAX ((size_t)512)

/* "CVSS:3.1/AV:N/…", "CVSS:4.0/…", "AV:N/AC:L/Au:N/C:P/I:P/A:P". Metrics in any order, each once; unknown ones are passed over, missing base metrics are an error: -1. */
int cvss_score(struct str vector, double *score) must_check;
#endif
