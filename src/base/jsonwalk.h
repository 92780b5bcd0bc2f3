/* jsonwalk.h — the members of a large JSON object, or the elements of a large array, one by one as views of the text: nothing is built but what the caller then reads with json_read().
 *
 *   struct json_walk w;
 *   if (json_walk_open(text, &w))
 *           while (json_walk_next(&w, &key, &value)) …       // key: as it is written between its quotes; empty in an array
 *   w.bad: it is no JSON, or ends early
 *
 * A value is cut by its strings and brackets alone: whether it is JSON inside, json_read() tells. Each look costs one pass over the value, whatever its depth. */
#ifndef PARE_BASE_JSONWALK_H
#define PARE_BASE_JSONWALK_H
#include "base/common.h"
#include "base/str.h"

struct json_walk {
	struct str rest;
	bool object, bad, some; /* some: not before the first any more */
};
bool json_walk_open(struct str value, struct json_walk *w) must_check; /* false: neither object nor array. A byte order mark in front is passed over */
bool json_walk_next(struct json_walk *w, struct str *key, struct str *value) must_check;
/* A string that stands alone, as it is between its quotes; empty when it is none. */
struct str json_walk_string(struct str value);
#endif
