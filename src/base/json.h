/* json.h — documents read with jansson, inside budgets: JSON_BYTES long, JSON_NESTED deep. Getters that never trust a type. */
#ifndef PARE_BASE_JSON_H
#define PARE_BASE_JSON_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include <jansson.h>

#define JSON_BYTES (32 * MiB) /* one document */
#define JSON_NESTED 256        /* levels of arrays and objects */

/* The whole of `text` as one document (RFC 8259; a lone value is not enough, duplicate keys: the last counts, invalid
 * UTF-8 in strings is replaced by U+FFFD). Release with json_decref. `name` is for the message. */
json_t *json_read(struct str text, const char *name, struct error *err) must_check;
json_t *json_read_limit(struct str text, size_t limit, const char *name, struct error *err) must_check; /* at most `limit` bytes instead of JSON_BYTES */

const char *json_text(const json_t *obj, const char *key);      /* NULL when absent or no string; may hold NUL: see json_view */
struct str json_view(const json_t *obj, const char *key);       /* the string with its length; p NULL when absent */
bool json_u64(const json_t *obj, const char *key, u64 *v) must_check; /* false when absent, negative or no integer */
json_t *json_arr(const json_t *obj, const char *key);         /* borrowed; NULL when absent or no array */
json_t *json_obj(const json_t *obj, const char *key);     /* borrowed; NULL when absent or no object */
void json_decref_p(json_t **j);
#define autojson cleanup(json_decref_p)
#endif
