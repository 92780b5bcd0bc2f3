/* source_scan.h — what the scanners of several languages do alike (source.h): classes of characters, lines, quoted texts and the words in them. */
#ifndef PARE_PROGRAM_SOURCE_SCAN_H
#define PARE_PROGRAM_SOURCE_SCAN_H
#include "base/buf.h"
#include "base/str.h"

static inline bool scan_is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
static inline bool scan_is_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool scan_is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
static inline char scan_closing(char c) { return c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : c == '<' ? '>' : c; }

static inline const char *scan_line_end(const char *p, const char *end)
{
	const char *at = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	return at ? at : end;
}

struct str scan_line(const char **p, const char *end); /* up to the line's end, which is passed */
/* The text between delimiters; *p stands on the first and is left behind the last. `braces`: "#{…}" in it is code, whatever stands there. */
struct str scan_delimited(const char **p, const char *end, bool braces);
bool scan_next_word(struct str *rest, struct str *word); /* words with blanks between */
void scan_put(struct buf *out, struct str text);         /* as it may stand in a note: control characters are blanks */
#endif
