/* hs.h — vectorscan's libhs (Hyperscan's interface): hundreds of words or patterns in one pass over the bytes. Loaded when something is to be
 * looked for and not before (base/crypto.h says why). */
#ifndef PARE_BASE_HS_H
#define PARE_BASE_HS_H
#include "base/common.h"
#include <hs/hs.h>

struct hs {
	__typeof__(hs_compile_lit_multi) *compile_lit_multi;
	__typeof__(hs_compile_multi) *compile_multi;
	__typeof__(hs_free_compile_error) *free_compile_error;
	__typeof__(hs_free_database) *free_database;
	__typeof__(hs_alloc_scratch) *alloc_scratch; /* one a thread */
	__typeof__(hs_free_scratch) *free_scratch;
	__typeof__(hs_scan) *scan;
	__typeof__(hs_open_stream) *open_stream;
	__typeof__(hs_scan_stream) *scan_stream;
	__typeof__(hs_close_stream) *close_stream;
};
/* Ends the program with a line on standard error (status 4) where the library is missing: a package of the system is not installed. */
const struct hs *hs(void) __attribute__((returns_nonnull));
#endif
