/* spdx.h — the identifiers of licences. */
#ifndef PARE_BASE_SPDX_H
#define PARE_BASE_SPDX_H
extern const char spdx_ids[]; /* a blank before and behind each */
#endif
