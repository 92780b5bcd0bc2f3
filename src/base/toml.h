/* toml.h — TOML 1.0 (toml.io/en/v1.0.0) into jansson's values: tables are objects, days and times are strings as they stand.
 *
 * Strict: what the specification calls invalid is refused with its line. Ceilings: TOML_DEPTH_MAX of arrays and inline tables in each other and of a dotted key;
 * the caller bounds the text. */
#ifndef PARE_BASE_TOML_H
#define PARE_BASE_TOML_H
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include <jansson.h>

#define TOML_DEPTH_MAX 32u

/* *ret is an object; json_decref() it. ERR_USAGE with "line N: …" for what is wrong. */
int toml_parse(struct str text, json_t **ret, struct error *err) must_check;
#endif
