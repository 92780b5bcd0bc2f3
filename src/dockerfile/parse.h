/* parse.h — a Dockerfile as a lossless tree: BuildKit's language to the letter, and where every piece of it stands.
 *
 * Follows BuildKit's Dockerfile frontend (docs/reference.md, "Parser directives", "Format", "Here-Documents"): directives (`syntax`,
 * `escape`, `check`) at the top, `#` comments, instructions continued with the escape character over lines with comments and blank lines
 * between, here-documents of RUN, COPY and ADD (of ONBUILD too), JSON and shell forms with BuildKit's fall-backs.
 *
 *     # syntax=docker/dockerfile:1            directive
 *     FROM debian:12 AS base                  instruction 0, stage 0
 *     # why                                   comment
 *     RUN apt-get update && \                 instruction 1: span from `RUN` to the end of the last line, comments inside included
 *         # inside
 *         apt-get install -y curl
 *
 * Nothing is lost: the tree holds offsets into the file's bytes, which stay as they are, BOM and CR included. Whoever edits replaces spans
 * (lint/fix.h). Positions are byte offsets into the file, lines and columns count from 1; a column counts characters (Unicode code points).
 *
 * The parser recovers: what is wrong with an instruction is an error of the list, and reading goes on at the next one. A file "parses" when
 * no error is fatal: BuildKit would refuse it otherwise. Everything is in the file's arena; the text is borrowed and must stay.
 *
 * Limits: DF_BYTES a file, DF_LINE a logical line (BuildKit's scanner has none that matter), DF_INSTRUCTIONS, DF_WORDS a line; over any of
 * them is a fatal error, never a quiet cut. */
#ifndef PARE_DOCKERFILE_PARSE_H
#define PARE_DOCKERFILE_PARSE_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"

#define DF_BYTES (8 * MiB)
#define DF_INSTRUCTIONS 100000
#define DF_WORDS 100000
#define DF_MARK 1024u

enum df_keyword {
	DF_UNKNOWN, DF_ADD, DF_ARG, DF_CMD, DF_COPY, DF_ENTRYPOINT, DF_ENV, DF_EXPOSE, DF_FROM, DF_HEALTHCHECK, DF_LABEL, DF_MAINTAINER,
	DF_ONBUILD, DF_RUN, DF_SHELL, DF_STOPSIGNAL, DF_USER, DF_VOLUME, DF_WORKDIR, DF_KEYWORDS
};
extern const char *const df_keyword_text[DF_KEYWORDS]; /* "ADD", …; "" for DF_UNKNOWN */

struct df_span { /* bytes of the file, half open */
	u32 at, end;
};

/* Text that was put together from parts of the file (continuations, comments and blank lines inside are gone), and the way back:
 * piece i says that from offset `text` on the bytes are those of the file from `file` on. */
struct df_piece {
	u32 text, file;
};
struct df_text {
	struct str s;
	const struct df_piece *pieces; /* sorted; at least one unless s is empty */
	u32 n_pieces;
};
u32 df_text_at(const struct df_text *t, u32 offset);                       /* file offset of text byte `offset` (<= s.n) */
struct df_span df_text_span(const struct df_text *t, u32 at, u32 end);     /* file span that text [at, end) covers, continuations between included */

struct df_word {
	struct str s;         /* as BuildKit's parser leaves it: quotes kept where it keeps them; JSON strings decoded */
	struct df_span span;  /* in the file, quotes included */
};

struct df_flag { /* --name or --name=value */
	struct str name;      /* without dashes; "" for a bare "--" is never a flag */
	struct str value;     /* p NULL when there is no '=' */
	struct str raw;       /* as written, "--from=build" */
	struct df_span span;
};

struct df_pair { /* ENV, LABEL, ARG: one assignment */
	struct df_word name;  /* as written, quotes and escapes kept */
	struct df_word value; /* likewise; s.p NULL when there is none (ARG NAME) */
	bool eq;              /* NAME=VALUE; false: the old form `ENV NAME VALUE`, or ARG NAME */
	struct df_span span;  /* the whole assignment */
};

struct df_heredoc {
	struct str name;      /* without quotes */
	u32 fd;               /* 0 unless written */
	bool expand;          /* no part of the name was quoted */
	bool chomp;           /* <<- : leading tabs are taken off when run; content keeps them here */
	struct str content;   /* the body's bytes in the file, without the line that ends it */
	struct df_span marker; /* `<<EOF` */
	struct df_span body;   /* content in the file */
	u32 line;              /* of the body's first line */
};

struct df_comment {
	u32 line;
	struct df_span span;   /* from '#' to the end of the line, without CR LF */
	u32 instruction;       /* index of the instruction it stands inside of, else of the one that follows (n when none) */
	bool inside;           /* between the lines of a continued instruction */
};

struct df_directive {
	struct str name, value; /* name in lower case */
	u32 line;
	struct df_span span;
};

struct df_instruction {
	enum df_keyword keyword;
	struct df_word word;        /* the keyword as written */
	u32 index;                  /* in the file; a trigger has its ONBUILD's */
	u32 line, end_line;         /* end_line includes here-documents and their end marks */
	struct df_span span;        /* from the keyword (or an escape character alone on a line before it) to the end of the last line, without its CR LF */
	struct df_text text;        /* the whole joined line, keyword included, trimmed: BuildKit's `original` */
	struct df_text rest;        /* what follows keyword and flags (and, for HEALTHCHECK, CMD): the shell text of RUN, CMD, ENTRYPOINT */
	const struct df_flag *flags;
	const struct df_word *args; /* shell form of RUN/CMD/ENTRYPOINT/HEALTHCHECK CMD: one word; JSON form: the strings; HEALTHCHECK: CMD or NONE first */
	const struct df_pair *pairs; /* ENV, LABEL, ARG */
	const struct df_heredoc *heredocs;
	const struct df_instruction *trigger; /* ONBUILD's; NULL otherwise, or when it holds nothing */
	u32 n_flags, n_args, n_pairs, n_heredocs;
	u32 head_end;               /* last line of the joined line: end_line without here-documents */
	bool json;                  /* JSON form */
	bool blank_inside;          /* an empty line between its continued lines */
	bool bad;                   /* an error is on it: rules leave it alone */
};

struct df_error {
	u32 line;
	const char *message;        /* one line; may quote the file: neutralise before printing */
	bool fatal;                 /* BuildKit refuses the file */
	bool late;                  /* about what an instruction may hold: BuildKit has read the whole file by then, and said what it had to say so far */
	bool order;                 /* not fatal here: an instruction before the first FROM, which BuildKit refuses and linters judge (DL3061) */
};

enum df_eol { DF_EOL_LF, DF_EOL_CRLF, DF_EOL_MIXED };

struct df_file {
	struct arena arena;
	struct str text;            /* borrowed: the file's bytes */
	const u32 *lines;           /* offset of each line's first byte; n_lines of them */
	u32 n_lines;
	const u32 *characters;      /* that begin before each DF_MARKth byte */
	enum df_eol eol;
	bool bom, final_newline;
	char escape;                /* '\\' or '`' */
	struct df_directive *directives;
	struct df_comment *comments;
	struct df_instruction *instructions;
	struct df_error *errors;
	u32 n_directives, n_comments, n_instructions, n_errors;
	bool refused;               /* an error is fatal */
};

/* Reads `text`. Fails (ERR_INPUT) only where nothing can be said of the file: over DF_BYTES. What is wrong in it is in ret->errors.
 * Release with df_free(). */
int df_parse(struct str text, struct df_file *ret, struct error *err) must_check;
void df_free(struct df_file *f);

struct df_position {
	u32 line, column; /* from 1 */
};
struct df_position df_position(const struct df_file *f, u32 offset);
u32 df_line_of(const struct df_file *f, u32 offset);

/* The flag of that name, or NULL; the last one counts. df_flags_next: further ones of the same name (RUN --mount), in order; start with NULL. */
const struct df_flag *df_flag(const struct df_instruction *i, const char *name);
const struct df_flag *df_flags_next(const struct df_instruction *i, const char *name, const struct df_flag *after);
/* Go's time.ParseDuration ("1m30s"), in nanoseconds; false: it is none. */
bool df_duration(struct str s, s64 *ns);
/* What STOPSIGNAL may name: "9", "SIGTERM", "term", "RTMIN+1". */
bool df_is_signal(struct str s);
#endif
