/* elf.h — what an ELF file says of itself, read out of the stream in constant memory: the note of the binary collector, kept for every program and library.
 *
 * From the headers at the file's beginning and what passes by: machine, kind, interpreter, needed libraries, SONAME, RPATH and RUNPATH, build ID; section names
 * only when the table at the end says so. What a dynamic section points to may lie before it: the string table's segment is kept (at most ELF_STRINGS). */
#ifndef PARE_PROGRAM_ELF_H
#define PARE_PROGRAM_ELF_H
#include "base/arena.h"
#include "base/common.h"
#include "base/str.h"

#define ELF_STRINGS ((size_t)MiB)

struct elf_facts {
	u16 machine, type;    /* EM_…, ET_… */
	u8 class, data;       /* ELFCLASS…, ELFDATA… */
	struct str interpreter, soname, rpath, runpath, build_id;
	const struct str *needed;
	u32 n_needed;
	bool is_static, is_go, is_rust;
};
#endif
