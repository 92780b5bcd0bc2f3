/* closure.h — the files that an image's entry point runs: what the configuration starts, what scripts start in turn, the interpreters of both, and every library that they load.
 *
 *   ENTRYPOINT CMD HEALTHCHECK ─► command line ─► PATH ─► program ─► its libraries (loader.h)
 *                                      ▲                  script ─► interpreter, the commands that it holds (script.h)
 *                                      └────────────────────┘
 *
 * What runs is on it for sure, as far as programs do what command lines say. What is not on it does not run, if `doubts` is empty and no interpreter of a language was reached: then every way
 * was followed. (A program may still start another one whose name it has inside of itself: that is not seen.) An interpreter reads modules whose graph is not known here, and those may load
 * libraries and start programs; so does a shell that people type into, or a service manager.
 *
 * Every file is visited once; loops of scripts and links end. Ceilings: CLOSURE_TASKS command lines and scripts, LOADER_STEPS look-ups; beyond them is a doubt. */
#ifndef PARE_PROGRAM_CLOSURE_H
#define PARE_PROGRAM_CLOSURE_H
#include "program/elf.h"
#include "rootfs/rootfs.h"

#define CLOSURE_TASKS 20000u
#define CLOSURE_START ROOTFS_ROOT /* because: the configuration says so */

enum closure_language { /* bits */
	CLOSURE_PYTHON = 1,
	CLOSURE_NODE = 2,
	CLOSURE_RUBY = 4,
	CLOSURE_PERL = 8,
	CLOSURE_JAVA = 16,
	CLOSURE_PHP = 32,
	CLOSURE_DOTNET = 64,
	CLOSURE_OTHER = 128, /* R, Erlang, Tcl … */
};

struct closure {
	node_id *because;  /* by node: 0 not reached, CLOSURE_START, or the file that runs or loads it */
	u32 n;
	u32 languages;     /* whose interpreters are reached: enum closure_language */
	bool starts;       /* the configuration starts anything at all */
	struct problems doubts; /* why more may run than is known, one line each; not all of very many */
	struct walk *walk; /* closure.c's own, while it grows */
};

enum closure_by { CLOSURE_COMMAND, CLOSURE_INTERPRETER, CLOSURE_LIBRARY, CLOSURE_PLUGIN, CLOSURE_OPERAND }; /* OPERAND: a file that a command line names */

struct closure_options {
	bool (*elf)(const struct rootfs *r, u32 node, struct arena *a, struct elf_facts *ret); /* the facts of a file; false: it is no ELF file */
	/* Told of every name and file that is reached, once each, and of doubts; both may be NULL. */
	void (*reached)(void *ctx, node_id id, enum closure_by by, node_id from);
	void (*doubt)(void *ctx, const char *what, struct str of);
	/* Of every command line whose program was found, when it and the files that its words name are reached; may be NULL. */
	void (*command)(void *ctx, node_id program, const struct str *words, u32 n, node_id from);
	void *ctx;
	bool narrow; /* loader_options.narrow */
	const u8 *spare; /* loader_options.spare */
};

struct closure *closure_find(const struct image *img, const struct rootfs *r, const struct closure_options *opt);
void closure_free(struct closure *c);

/* Step by step, for whoever adds to it while it grows (graph.h). */
struct closure *closure_open(const struct image *img, const struct rootfs *r, const struct closure_options *opt); /* nothing is on it */
void closure_configuration(struct closure *c);
void closure_command(struct closure *c, const struct str *words, u32 n, bool shell, node_id from); /* words as execve() gets them; good as long as the closure */
void closure_shell(struct closure *c, struct str text, node_id from); /* a shell's text */
void closure_load(struct closure *c, node_id file);       /* an ELF file that is loaded by name: what it needs */
void closure_script_run(struct closure *c, node_id file); /* a script that is started: its interpreter and what it starts */
void closure_source(struct closure *c, node_id file);     /* a shell's text that another one reads */
void closure_library(struct closure *c, node_id file, struct str name); /* an ELF file loads a library of this name while it runs; nothing when it is not there */
bool closure_work(struct closure *c); /* does what was asked for; false: there was nothing */
/* Whether all that runs is known: nothing else does. */
static inline bool closure_whole(const struct closure *c) { return c->starts && !c->languages && !c->doubts.n; }
/* The language whose interpreter goes by this name ("python3.11", "libpython3.11.so.1.0"); 0 none. */
u32 closure_language(struct str name);
/* What was taken of a script; p NULL: it is none that is known. */
struct str closure_script(const struct rootfs *r, node_id file);
#endif
