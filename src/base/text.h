/* text.h — how values become text that people and programs read. */
#ifndef PARE_BASE_TEXT_H
#define PARE_BASE_TEXT_H
#include "base/buf.h"
#include "base/common.h"
#include "base/str.h"

/* 0 B, 999 B, 1.2 kB, 38.2 MB, 1.50 GB: decimal units, three digits, as docker prints them. Into out[16]. */
const char *text_size(u64 bytes, char out[16]);
#define TEXT_SIZE(bytes) text_size((bytes), (char[16]){ 0 })
/* "12,345". */
const char *text_count(u64 n, char out[32]);
#define TEXT_COUNT(n) text_count((n), (char[32]){ 0 })
/* The reverse, as dive's configuration takes it (go-units' FromHumanSize): "20MB", "1.5 GB", "31KiB", "7". */
bool text_parse_size(struct str s, u64 *bytes) must_check;

/* Untrusted bytes for a terminal or a log line: control bytes (C0, DEL, C1), bytes that are not UTF-8 and characters
 * that reorder text (bidi controls U+200E/F, U+202A–E, U+2066–9) as \xNN; tab and newline as \t and \n; a backslash
 * stays. Everything else as it is. */
void text_safe(struct buf *out, struct str s);
/* Text with URLs in it, for logs and histories: instead of a user and a password in one "***"; a mere user of ssh stays. */
void text_hide_passwords(struct buf *out, struct str s);
/* text_safe() for Markdown: what would mean something there has a backslash in front, or is an entity. One line stays one line. */
void text_markdown(struct buf *out, struct str s);
/* The same for XML and HTML: < and & as entities, > in text and " in attributes, too; what XML 1.0 cannot hold is neutralised as for a terminal. */
void text_xml(struct buf *out, struct str s, bool attribute);
/* The escapes of `inspect --format tsv` (conformance: \t \n \\ \xNN); reversible. */
void text_tsv(struct buf *out, struct str s);
/* Length of the valid UTF-8 sequence at s (1..4; no surrogates, no overlong forms, <= U+10FFFF), 0 when there is none. */
size_t text_utf8(struct str s, u32 *code);
/* Columns that s takes on a terminal once text_safe: wide East Asian characters count two, combining ones none. */
size_t text_width(struct str s);
/* Cuts to at most `width` columns; when something is cut the last column shows "…". From the left with `tail`. */
void text_fit(struct buf *out, struct str safe, size_t width, bool tail);
/* Untrusted bytes, safe and cut to `width` columns; with `pad` as many as that. */
void text_put(FILE *f, struct str s, size_t width, bool tail, bool pad);

/* The shortest decimal text that reads back as the same double; "null" for NaN and infinities. Into out[32]. */
const char *text_double(double v, char out[32]);
/* "2020-01-02T03:04:05Z". Into out[40]. */
const char *text_time(s64 unix_seconds, char out[40]);
/* Back: "2024-01-31T12:00:00.123456789+02:00" (RFC 3339), from 1970 on; false for anything else, and NULL. */
bool text_parse_time(const char *z, s64 *ret) must_check;
#endif
