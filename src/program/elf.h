/* elf.h — what an ELF file says of itself, read out of the stream in constant memory: the note of the binary collector, kept for every program and library.
 *
 * From the headers at the file's beginning and what passes by: machine, kind, interpreter, needed libraries, SONAME, RPATH and RUNPATH, build ID. The table of
 * sections stands at the end of a file, so nothing is taken from it: the program headers say where things are, as they say to the loader.
 *
 *      [ header, program headers | interpreter, notes … dynamic strings | code | … dynamic section … ]
 *        ELF_HEAD                  windows: the beginning of each loaded segment     its place is known
 *
 * What a dynamic section points to usually lies before it: a window of each loaded segment is kept (together ELF_STRINGS), and when the dynamic section has
 * told where its strings are, they are looked up there, then among the names of libraries that passed by (elf_library). `cut` says that some were elsewhere. */
#ifndef PARE_PROGRAM_ELF_H
#define PARE_PROGRAM_ELF_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/common.h"
#include "base/str.h"

#define ELF_STRINGS ((size_t)MiB)
#define ELF_HEAD ((size_t)4096)      /* program headers beyond are not seen */
#define ELF_NEEDED_MAX 256u          /* libraries of one file; the rest is `cut` */
#define ELF_STRING_MAX ((size_t)4096) /* one string */

enum { ELF_EXEC = 2, ELF_DYN = 3 }; /* of the types those that matter: a program at a fixed address; a library, or a program that is moved */
enum { ELF_32 = 1, ELF_64 = 2 };
enum { ELF_LITTLE = 1, ELF_BIG = 2 };

struct elf_facts {
	u16 machine, type;    /* EM_…, ET_… */
	u8 class, data;       /* ELFCLASS…, ELFDATA… */
	struct str interpreter, soname, rpath, runpath, build_id; /* p NULL when it has none; the build ID is bytes */
	const struct str *needed;
	u32 n_needed;
	bool is_static;       /* a program that loads nothing */
	bool is_go, is_rust;
	bool cut;             /* not all of the dynamic section's strings were found */
};

static inline bool elf_magic(struct str s) { return s.n >= 4 && memcmp(s.p, "\177ELF", 4) == 0; }

struct elf_reader; /* takes one file after the other */
struct elf_reader *elf_reader_new(void);
void elf_reader_free(struct elf_reader *r);
void elf_begin(struct elf_reader *r);
void elf_feed(struct elf_reader *r, struct str piece); /* all of the content, in order, in pieces of any size */
/* False when it is no ELF file, or its header is not whole. Views are good until the next elf_begin(). */
bool elf_end(struct elf_reader *r, struct elf_facts *ret) must_check;
/* The name of a library ("libc.so.6", without its zero) passed by at this offset, as whoever looks at the bytes anyway has seen: the names of large
 * programs lie beyond the window. */
void elf_library(struct elf_reader *r, u64 at, struct str name);
/* Where in the file the first segment that can be written to begins; 0 when the headers tell of none. After the first ELF_HEAD bytes were fed. */
u64 elf_data_offset(const struct elf_reader *r);

/* Into a note and out of it again: the views of what was decoded point into `from` and the arena. False: damaged. */
void elf_encode(const struct elf_facts *f, struct buf *out);
bool elf_decode(struct str from, struct arena *a, struct elf_facts *ret) must_check;
#endif
