/* script.h — what scripts start, and where the loader looks: the notes of one collector, small, so that the closure of an entry point (closure.h) needs no file again.
 *
 * Of a script its first line. Of a shell's script, too, the commands that our parser finds in it, loops and functions and substitutions included; of each command the words that it begins
 * with. Variables that are set once, to plain text, are put in their place. Of the loader's configuration (ld.so.conf and its kin) the text.
 *
 *      #!/bin/sh -e            first line, "" when there is none
 *      A                       SCRIPT_…, a letter each
 *      =exec US nginx US -g    a command: words with US (0x1f) between; a word that holds a substitution begins with RS (0x1e) and stands as it is written
 *      ./etc/profile           a file that is read as if it stood here
 *
 * Ceilings: SCRIPT_BYTES of a script, SCRIPT_NOTE of what is told of it, SCRIPT_WORDS of a command; what is beyond is CUT. */
#ifndef PARE_PROGRAM_SCRIPT_H
#define PARE_PROGRAM_SCRIPT_H
#include "base/buf.h"
#include "base/str.h"
#include "layer/collect.h"

#define SCRIPT_BYTES ((size_t)(128 * KiB))
#define SCRIPT_NOTE ((size_t)(64 * KiB))
#define SCRIPT_LINE ((size_t)256) /* the kernel reads no more of the first line */
#define SCRIPT_WORDS 8u
#define SCRIPT_US '\x1f'
#define SCRIPT_RS '\x1e'

enum { SCRIPT_ARGUMENTS = 'A', SCRIPT_COMPUTED = 'D', SCRIPT_CUT = 'C' }; /* starts what it is called with ("$@"); what it computes (eval, . "$f"); was not read to its end */

extern const struct collector script_collector;

bool script_is_shell(struct str name); /* "sh", "bash", "/bin/dash": by its last component */
/* Adds the line of letters and the lines of commands of a shell's text. */
void script_commands(struct str text, struct buf *note);
/* The program of a first line and the words behind it: "#!/usr/bin/env -S python3 -u" has four. Returns how many, at most SCRIPT_WORDS. */
u32 script_line(struct str line, struct str *words);
#endif
