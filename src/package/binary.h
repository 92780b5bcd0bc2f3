/* binary.h — inside of the collector of programs: what a file is, from its bytes alone, in one pass and in constant memory.
 *
 * The bytes pass through a buffer that keeps a little of what was before and waits for a little of what comes (BINARY_BACK, BINARY_AHEAD), so that no piece's end
 * hides anything. One scan over it looks for four things:
 *
 *      1.25.1                  a version: digits, a point, digits. What stands around it says whose (binary_table.c)
 *      0w\xaf…                 Go's list of modules, between two marks, in every program since Go 1.12 whether stripped or not (binary_go.c)
 *      \xff Go buildinf:       at a multiple of 16: Go's version
 *      x\x9c, x\x01, …         a zlib stream, when its first bytes are those of cargo-auditable's list of crates (binary_rust.c)
 *
 * The note holds the ELF facts, then packages in the form of note.h, each with its type. */
#ifndef PARE_PACKAGE_BINARY_H
#define PARE_PACKAGE_BINARY_H
#include "base/buf.h"
#include "base/common.h"
#include "base/str.h"
#include "package/note.h"
#include "program/elf.h"

enum { BINARY_ELF = NOTE_PRIVATE, BINARY_TYPE };

#define BINARY_BACK ((size_t)1280)
#define BINARY_AHEAD ((size_t)1792)
#define BINARY_VERSION_MAX 96u
#define BINARY_PACKAGES_MAX 20000u /* in one file */

/* --- classes: programs known by their own words --- */

/* One kind of evidence of a version. Rows without `files` continue the class of the row before; of a class's rows the first one that matches
 * anywhere in the file counts. */
struct binary_row {
	const char *files;      /* names of files, separated by '|', with '*', '?' and [sets]; those with '/' are matched against the path's end. "": any program */
	const char *type, *name; /* of the package; NULL: as in the row before */
	const char *before;     /* what stands immediately before the version: alternatives separated by '|'; NULL: anything */
	u8 before_n;            /* its length: it holds zero bytes */
	u8 flags;               /* BINARY_… */
	u16 near_max;           /* `near` stands within so many bytes before the version, or with BINARY_AROUND also after it */
	const char *near;       /* NULL: nothing is asked */
	const char *pattern;    /* PCRE2, anchored at the version's first digit; the version is group 1, or all of it when there is none */
};
enum {
	BINARY_ANYFILE = 1, /* of a class (its first row): also in files that are no programs */
	BINARY_NAMED = 2,   /* the version begins with the one in the file's name: libpython3.11.so is 3.11.x */
	BINARY_LATE = 4,    /* the version's first number is one digit: those before belong to something else */
	BINARY_WORD = 8,    /* the version may have no point: it is found by what stands before it */
	BINARY_AROUND = 16,
	BINARY_GO = 32,     /* no package: the version of Go itself, where a program says it in no other way */
	BINARY_DIRECTORY = 64, /* `near` is part of the file's directory */
};
extern const struct binary_row binary_rows[];
extern const u32 binary_n_rows;

struct binary_match; /* the classes that may be in the file that passes */
struct binary_match *binary_match_new(void);
void binary_match_free(struct binary_match *m);
void binary_match_begin(struct binary_match *m, struct str dir, struct str name, bool program);
/* Whether a file of this name is of a class that is looked for in files that are no programs. */
bool binary_match_wants(struct str dir, struct str name);
/* A version's first point stands at text[point]. `text` is what is there to look at. */
void binary_match_version(struct binary_match *m, struct str text, size_t point);
/* Rows of BINARY_WORD: those whose beginning stands in text[from..to). */
void binary_match_words(struct binary_match *m, struct str text, size_t from, size_t to);
struct str binary_match_go(const struct binary_match *m); /* "1.17.5"; empty when it was not seen */
/* Version found for a package of this type and name; empty when there is none. Used: it is not told by binary_match_end. */
struct str binary_match_take(struct binary_match *m, const char *type, struct str name);
void binary_match_end(struct binary_match *m, struct note_writer *w);

/* --- Go --- */

#define GO_MODULES_MAX ((size_t)(2 * MiB))
extern const char go_modules_begin[16], go_modules_end[16], go_info_mark[16]; /* of the last one 14 bytes count */
/* Packages out of the text between the marks. `go`: "go1.21.3", may be empty. */
void go_packages(struct str modules, struct str go, struct binary_match *m, struct note_writer *w);

/* --- Rust --- */

struct rust_list; /* a stream that may be cargo-auditable's, inflated as it passes */
struct rust_list *rust_list_new(void);
void rust_list_free(struct rust_list *l);
void rust_list_begin(struct rust_list *l);
/* Whether text[at..] is a zlib stream that begins as the list does; if so, it is taken from there on. */
bool rust_list_try(struct rust_list *l, struct str text, size_t at);
bool rust_list_on(const struct rust_list *l); /* more of it is to come */
void rust_list_feed(struct rust_list *l, struct str piece);
bool rust_packages(struct rust_list *l, struct note_writer *w); /* false: there is none */

void binary_put(struct note_writer *w, const char *type, struct str name, struct str version);

/* --- for others --- */

struct rootfs;
/* What the collector kept of the file that a node names; false when it is no ELF file (or its note is damaged). */
bool binary_elf(const struct rootfs *r, u32 node, struct arena *a, struct elf_facts *ret);
#endif
