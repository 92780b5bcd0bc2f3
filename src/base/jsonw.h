/* jsonw.h — JSON written as it is found, so that a document of any size needs no memory.
 *
 *   struct jsonw w; jsonw_init(&w, stdout, 2);
 *   jsonw_obj(&w); jsonw_key(&w, "layers"); jsonw_arr(&w); … jsonw_end(&w); jsonw_end(&w);
 *
 * Strings are any bytes: what is not UTF-8 becomes U+FFFD, control characters and DEL are escaped. Never prints NaN. */
#ifndef PARE_BASE_JSONW_H
#define PARE_BASE_JSONW_H
#include "base/common.h"
#include "base/str.h"

#define JSONW_DEPTH 64
struct jsonw {
	FILE *f;
	int indent; /* spaces a level; 0: all on one line */
	int depth;
	u8 open[JSONW_DEPTH]; /* '{' or '[' of each level */
	bool some[JSONW_DEPTH], key;
};

void jsonw_init(struct jsonw *w, FILE *f, int indent);
void jsonw_obj(struct jsonw *w);
void jsonw_arr(struct jsonw *w);
void jsonw_end(struct jsonw *w); /* of the innermost; at the outermost adds a newline */
void jsonw_key(struct jsonw *w, const char *name);
void jsonw_keyn(struct jsonw *w, struct str name);
void jsonw_str(struct jsonw *w, struct str s);
void jsonw_u64(struct jsonw *w, u64 v);
void jsonw_s64(struct jsonw *w, s64 v);
void jsonw_double(struct jsonw *w, double v); /* null when not finite */
void jsonw_bool(struct jsonw *w, bool v);
void jsonw_null(struct jsonw *w);
/* "key": value, for the common shapes. A NULL z is null. */
void jsonw_kz(struct jsonw *w, const char *name, const char *z);
void jsonw_ks(struct jsonw *w, const char *name, struct str s);
void jsonw_ku(struct jsonw *w, const char *name, u64 v);
void jsonw_kb(struct jsonw *w, const char *name, bool v);
#endif
