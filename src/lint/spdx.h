/* spdx.h — the identifiers of licences. */
#ifndef PARE_LINT_SPDX_H
#define PARE_LINT_SPDX_H
extern const char spdx_ids[]; /* a blank before and behind each */
#endif
