/* str.h — a view of bytes: pointer and length, owned by somebody else, not terminated, any byte allowed. */
#ifndef PARE_BASE_STR_H
#define PARE_BASE_STR_H
#include "base/common.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_FMT(s) (int)MIN((s).n, (size_t)4096), (s).p /* for "%.*s": at most 4096 bytes */

static inline struct str str_of(const char *z) { return (struct str){ z, z ? strlen(z) : 0 }; }
static inline struct str str_n(const void *p, size_t n) { return (struct str){ p, n }; }
static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }
static inline bool str_is(struct str a, const char *z) { return str_eq(a, str_of(z)); }
/* Where c first stands, NULL when it doesn't; of an empty view, whose p may be NULL, too (memchr(3) must not be asked that). */
static inline const char *str_chr(struct str a, char c) { return a.n ? memchr(a.p, c, a.n) : NULL; }
static inline struct str str_from(struct str a, size_t off) { return off >= a.n ? (struct str){ a.n ? a.p + a.n : a.p, 0 } : (struct str){ a.p + off, a.n - off }; }
static inline struct str str_head(struct str a, size_t n) { return (struct str){ a.p, MIN(n, a.n) }; }

static inline bool str_starts(struct str a, struct str prefix) { return a.n >= prefix.n && memcmp(a.p, prefix.p, prefix.n) == 0; }
bool str_ends(struct str a, struct str suffix);
int str_cmp(struct str a, struct str b);             /* bytewise, as memcmp, shorter first */
struct str str_trim(struct str a);                   /* without blanks (space, tab, CR, LF) at both ends */
bool str_contains(struct str a, struct str needle);
const char *str_find(struct str a, struct str needle); /* NULL when absent */
bool str_ieq(struct str a, struct str b);            /* equal but for ASCII case */
bool str_among(struct str a, const char *words); /* words separated by blanks */
bool str_listed(struct str a, const char *const *names); /* names ends with NULL; a NULL list holds nothing */
size_t str_same(struct str a, struct str b);         /* how many bytes both begin with */
struct str str_base(struct str path);                /* what stands after the last '/' */

/* Cuts *rest at the first `sep`: returns what stands before, leaves what stands after in *rest.
 * Without a separator returns all of it and leaves *rest empty with p NULL; so: while (rest.p) line = str_cut(&rest, '\n'). */
static inline struct str str_cut(struct str *rest, char sep)
{
	const char *at = str_chr(*rest, sep);
	struct str head = *rest;
	if (!at) {
		*rest = (struct str){ NULL, 0 };
		return head;
	}
	head.n = (size_t)(at - rest->p);
	rest->p = at + 1;
	rest->n -= head.n + 1;
	return head;
}

/* Whole-string decimal number; false (and *v untouched) for anything else or on overflow. */
bool str_to_u64(struct str a, u64 *v) must_check;

/* Shell-style pattern over a whole path: `*` and `?` don't cross '/', `**` does, [a-z] classes, backslash quotes.
 * A pattern without '/' is matched against the last component. */
bool str_glob(struct str pattern, struct str path);
#endif
