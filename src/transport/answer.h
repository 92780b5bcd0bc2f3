/* answer.h — what registries say in headers, as far as it has to be understood: pages, ranges, places. Pure; bytes of others. */
#ifndef PARE_TRANSPORT_ANSWER_H
#define PARE_TRANSPORT_ANSWER_H
#include "base/arena.h"
#include "base/common.h"
#include "base/str.h"

#define ANSWER_SECONDS_MAX ((u64)366 * 86400)

/* What a Location or a link means that an answer from `url` gave: absolute, "//host/…", "/path", "?query" or a relative path. NULL when it is no URL of http or https, holds a
 * user, or goes from https to http. */
const char *answer_place(struct arena *a, const char *url, struct str to);
/* The target of rel="next" in a Link header (RFC 8288), on the origin of `url`; NULL when there is none. *elsewhere: there is one, but it is on another origin, no URL, or `url` again. */
const char *answer_next(struct arena *a, const char *url, struct str link, bool *elsewhere);
/* "bytes 100-199/1000" of a Content-Range: where it begins. */
bool answer_first(struct str content_range, u64 *first) must_check;
/* "0-99", "bytes=0-99" of an upload's Range: 100 bytes are there. "0-0" says 1, or, of an upload that was just begun, 0: it is for the caller to know. */
bool answer_held(struct str range, u64 *held) must_check;
/* "100;w=21600" of RateLimit-Limit: how often in how many seconds. */
bool answer_limit(struct str value, u64 *n, u64 *seconds) must_check;
#endif
