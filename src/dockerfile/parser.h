/* parser.h — what the files of the Dockerfile parser share: parse.c cuts lines into logical lines, instruction.c cuts those into keyword, flags and arguments,
 * heredoc.c and json.c read two of the forms, check.c says what BuildKit would refuse. Not for other rooms. */
#ifndef PARE_DOCKERFILE_PARSER_H
#define PARE_DOCKERFILE_PARSER_H
#include "dockerfile/parse.h"
#include "dockerfile/word.h"

struct df_parser {
	struct df_file *f;
	struct arena *a;            /* f's */
	bool directives_done;
	u32 seen;                   /* directives that were there: bits */
	struct df_span *parts;      /* of the logical line being put together; reused */
	u32 n_parts, cap_parts;
	struct df_span *words;      /* of the instruction being parsed; reused */
	u32 n_words, cap_words;
	u32 cap_directives, cap_comments, cap_instructions, cap_errors;
	bool too_many;              /* DF_WORDS was reached */
	bool late;                  /* errors from here on are */
};

/* An error of instruction `in` (NULL: of the line); returns false so that callers can end with it. */
bool df_error_add(struct df_parser *p, struct df_instruction *in, u32 line, bool fatal, const char *fmt, ...) printf_like(5, 6);

/* text.c. A slice [at, end) of t, and the same without white space around it. */
struct df_text df_text_slice(struct arena *a, const struct df_text *t, u32 at, u32 end);
void df_trim(struct str s, u32 *at, u32 *end);
void df_mark_characters(struct df_file *f); /* sets f->characters */

/* instruction.c: fills in everything of *in that comes of in->text; line, end_line, span and index stand. False when BuildKit's parser stops here. */
bool df_instruction_parse(struct df_parser *p, struct df_instruction *in, u32 depth);

/* json.c. Reads text->s[at, end) as BuildKit reads a JSON form. */
enum df_json { DF_JSON_NO, DF_JSON_YES, DF_JSON_NOT_STRINGS };
enum df_json df_json_read(struct df_parser *p, const struct df_text *text, u32 at, u32 end, const struct df_word **ret, u32 *n);

/* heredoc.c. The here-documents that a line announces, without their content; false on an error that BuildKit stops at. */
bool df_heredocs_find(struct df_parser *p, struct df_instruction *in, struct df_heredoc **ret, u32 *n);
/* Whether one word is a here-document's mark; *ret gets name, fd, expand, chomp. */
int df_heredoc_word(struct arena *a, struct str word, struct df_heredoc *ret, struct error *err) must_check;

/* check.c: adds the errors that BuildKit's reading of an instruction would end with. */
void df_check(struct df_parser *p, struct df_instruction *in, bool fatal);
#endif
