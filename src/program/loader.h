/* loader.h — which libraries a program loads, found as its loader finds them: glibc's ld.so(8) and musl's.
 *
 * For each library that is needed, first hit counts, of the right class and machine:
 *
 *   already loaded under that name, or with that SONAME
 *   RPATH of who needs it, then of who loaded that one, up to the program   glibc: only when who needs it has no RUNPATH; musl: RPATH and RUNPATH alike, up the chain
 *   LD_LIBRARY_PATH of the image                                            musl: before those
 *   RUNPATH
 *   directories of /etc/ld.so.conf and what it includes                     musl: /etc/ld-musl-ARCH.path, else /lib:/usr/local/lib:/usr/lib, and no more
 *   /lib, /usr/lib and those of the machine; everywhere glibc-hwcaps first   all variants are reached: which is taken is the processor's matter
 *
 * What is loaded by name while it runs (dlopen) cannot be seen from there. Where it is custom — name services, encodings, providers of cryptography, authentication, modules of servers — what
 * lies in the custom places is reached, too: the net is wider than any one run. */
#ifndef PARE_PROGRAM_LOADER_H
#define PARE_PROGRAM_LOADER_H
#include "program/elf.h"
#include "rootfs/rootfs.h"

#define LOADER_OBJECTS (1u << 18) /* of one program */
#define LOADER_STEPS (4u << 20)   /* names looked up, of all programs together */

struct loader_options {
	bool (*elf)(const struct rootfs *r, u32 node, struct arena *a, struct elf_facts *ret); /* what is known of a file; false: it is none */
	/* A file is reached, by the name that leads to it, because of `from`. */
	void (*reach)(void *ctx, node_id name, node_id file, node_id from, bool plugin); /* plugin: by custom, while it runs */
	void (*doubt)(void *ctx, const char *what, struct str of); /* something could not be told: what else is loaded is not known */
	void *ctx;
	struct str library_path, preload; /* LD_LIBRARY_PATH, LD_PRELOAD of the image */
	const u8 *spare; /* by node: plugins that are not loaded by custom; NULL: none */
	bool narrow; /* without what few programs ask for, where whoever asks knows who does (family.h): encodings */
};

struct loader;
struct loader *loader_new(const struct rootfs *r, const struct loader_options *opt);
void loader_free(struct loader *l);
/* Everything that this program loads, or this library when something loads it by name; it is an ELF file. */
void loader_run(struct loader *l, node_id program);
/* What this file loads when it asks for a library of this name while it runs; nothing when there is none. */
void loader_name(struct loader *l, node_id file, struct str name);
#endif
