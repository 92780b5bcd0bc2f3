/* refer.h — what ELF files refer to besides their needed libraries: the notes of one stream collector, kept for every program and library.
 *
 *      p  a string that is an absolute path, or begins as one ("/usr/share/zoneinfo", "/etc/%s.conf" up to the %)
 *      l  a string that is the name of a library ("libnss_%s.so.2" with its %s, "libssl.so.3"), a dlopen note (.note.dlopen) among them
 *      f  a function that is imported (dynamic symbols, undefined) of those that matter: refer_functions[], by name; of a static program: that is in it, told by strings that only it has
 *      h  hashes (4 bytes each, sorted) of all strings that look like a program's or a file's base name, for programs that import exec*(), posix_spawn*(), popen(), system() or dlopen(): asked by refer_says();
 *         not the names of the functions that it imports
 *      g  of Go and Rust programs, whose strings have no end: they are taken by pointer and length, from data and from the code that loads both
 *
 * Constant memory: windows as elf.h has them; ceilings: REFER_STRINGS strings of a file, REFER_NOTE of a note; beyond them `x cut`. */
#ifndef PARE_PROGRAM_REFER_H
#define PARE_PROGRAM_REFER_H
#include "base/str.h"
#include "layer/collect.h"

#define REFER_STRINGS 4096u
#define REFER_NOTE ((size_t)(256 * KiB))
#define REFER_WORDS 32768u

enum refer_function { /* bits: what a program may ask for */
	REFER_ICONV = 1, REFER_LOCALE = 2, REFER_ZONE = 4, REFER_ACCOUNTS = 8, REFER_HOSTS = 16, REFER_SERVICES = 32, REFER_DLOPEN = 64, REFER_EXEC = 128, REFER_SHELL = 256 /* system, popen, wordexp */,
	REFER_SEARCH = 65536 /* execvp and its kin: a program by its name alone */, REFER_MESSAGES = 512 /* gettext */, REFER_TERMINAL = 1024, REFER_TLS = 2048 /* certificates of the system */, REFER_PAM = 4096, REFER_MAGIC = 8192, REFER_CHROOT = 16384,
	REFER_SHADOW = 32768, REFER_STARTS = 131072 /* Go's package of starting programs is in it */,
};
extern const struct collector refer_collector;
u32 refer_functions(struct str note);                    /* enum refer_function bits: imported */
u32 refer_said(struct str note);                         /* of a program that loads nothing: what its C library would ask for */
bool refer_says(struct str note, struct str name);       /* whether a string of this name is in it (or its hash) */
bool refer_next(struct str *rest, char *letter, struct str *text); /* p, l, x */
#endif
