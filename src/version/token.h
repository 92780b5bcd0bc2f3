/* token.h — inside of version/: numbers of any length, letters, and what the schemes that grew out of semver share. */
#ifndef PARE_VERSION_TOKEN_H
#define PARE_VERSION_TOKEN_H
#include "base/common.h"
#include "base/str.h"
#include "version/version.h"

static inline bool version_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool version_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static inline char version_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static inline int version_sign(int c) { return (c > 0) - (c < 0); }

/* Cuts the digits off *s as they are. */
static inline struct str version_digits(struct str *s)
{
	size_t n = 0;
	while (n < s->n && version_digit(s->p[n]))
		n++;
	struct str d = str_head(*s, n);
	*s = str_from(*s, n);
	return d;
}

/* Two runs of digits by value; an empty one is 0. */
static inline int version_number_cmp(struct str a, struct str b)
{
	while (a.n && a.p[0] == '0')
		a = str_from(a, 1);
	while (b.n && b.p[0] == '0')
		b = str_from(b, 1);
	return a.n != b.n ? (a.n < b.n ? -1 : 1) : version_sign(str_cmp(a, b));
}

/* Bytewise without ASCII case. */
int version_text_icmp(struct str a, struct str b);
bool version_is_number(struct str s); /* digits and nothing else, at least one */

/* NUMBER{.NUMBER}[-PRERELEASE][+BUILD] */
#define SEMVER_NUMBERS 8u
struct semver {
	struct str number[SEMVER_NUMBERS];
	u32 n;
	struct str pre; /* without the dash; p NULL: none */
};
/* false: none. A blank around it and a "v" or "=" in front are passed over; fewer numbers than three count as zeros; `loose`: "1.2.3beta" is "1.2.3-beta" (node-semver). */
bool semver_parse(struct str s, u32 max_numbers, bool loose, struct semver *ret) must_check;
int semver_cmp(const struct semver *a, const struct semver *b, bool ignore_case);
#endif
