/* source.h — what sources, scripts and texts refer to: the notes of one collector, made while the layers pass by, so that the graph (graph.h) needs no file again.
 *
 * One `const struct source_language` a language, in source_languages[]; it says which files are its own (by name, else by their first line), and tells what a text refers to. A note is the
 * language's letter and then lines, a letter and a text each, in the order of the text, equal ones once:
 *
 *      m  a module that is imported, as the language says it: "a.b.c", ".sibling", "./lib/x.js", "Foo::Bar"; a language may put more behind a tab
 *      s  a string literal that may be a path, a module's or a program's name: no blanks at the ends, 1 to SOURCE_STRING bytes, of printable characters
 *      c  a command line that is given to a shell, or a program and its words separated by US (0x1f)
 *      d  a directive of a configuration: its name, a tab, its value
 *      x  one word for what cannot be known: "eval", "import" (a module named by what is computed), "load" (a file …), "run" (a program …)
 *
 * Sources are read by a scanner that knows the language's comments, strings and the few words that matter; no parser, no recursion. A source that does not scan (unterminated) keeps what was found.
 *
 * Ceilings: SOURCE_BYTES of a file (what is longer is noted as `x cut`), SOURCE_NOTE of a note, likewise. */
#ifndef PARE_PROGRAM_SOURCE_H
#define PARE_PROGRAM_SOURCE_H
#include "base/buf.h"
#include "base/str.h"
#include "layer/collect.h"

#define SOURCE_BYTES ((u64)(8 * MiB))
#define SOURCE_NOTE ((size_t)(256 * KiB))
#define SOURCE_STRING 256u

struct source_note; /* what is being told of one file */
void source_tell(struct source_note *n, char letter, struct str text); /* what is too long, empty or not printable is passed over */
bool source_is_file(struct str text); /* a name with one of the endings that files of programs and their data have */

struct source_language {
	char letter;      /* 'P' Python, 'N' JavaScript and TypeScript, 'R' Ruby, 'L' Perl, 'H' PHP, 'J' Java class file, 'C' configuration text, 'U' Lua, 'T' Tcl … */
	const char *name;
	bool (*is)(struct str dir, struct str name); /* by its path; cheap: asked for every regular file */
	bool (*runs)(struct str interpreter);        /* by its first line: "python3"; NULL: none */
	bool (*looks)(struct str dir, struct str name, struct str head); /* by its beginning; NULL: never */
	u64 bytes;        /* how much of a file is read; 0: SOURCE_BYTES */
	void (*read)(struct str dir, struct str name, struct str text, struct source_note *n);
};
extern const struct source_language *const source_languages[]; /* NULL-terminated: source.c */
extern const struct collector source_collector;

/* Makes the note of one text. `cut`: it is not all of it. */
void source_take(const struct source_language *l, struct str dir, struct str name, struct str text, bool cut, struct buf *note);

/* Reading a note: the language's letter, then line after line. */
bool source_runs(struct str interpreter, const char *name); /* "perl", "perl5.36": a name, and nothing but a version behind it */
char source_letter(struct str note);
bool source_next(struct str *rest, char *letter, struct str *text); /* `rest` begins as the note */
u32 source_unknowns(struct str note, const char *words); /* which of these words (with blanks between, at most 32) its x lines say: the first is bit 0 */
#endif
