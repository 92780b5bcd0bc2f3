/* graph.h — which files of an image its program can need, by what is known of programs: a worklist over the tree, one file a kind of knowledge.
 *
 *      configuration, --keep, --exec, what a run touched
 *            │ graph_reach(file, use, because)
 *            ▼
 *      ┌─► worklist ─► for each file, once: every kind's reached()  ──► reaches more: libraries, interpreters, modules, data, named paths …
 *      └──────────────────────── when it is empty: every kind's settle() ◄── families ("something asks for time zones"), nets
 *
 * A kind (elf.c's libraries, shell scripts, Python, Node, … configuration files, families of data) is one `const struct graph_kind` in graph_kinds[]; it works on the tree and on the notes that
 * collectors left when the layers were read (source.h for sources and texts, elf.h for programs), never on content.
 *
 * Each file that is reached has a use and the file that asked for it first; following `because` up ends at GRAPH_START. That is what `pare slim --explain PATH` tells.
 *
 * Knowledge ends somewhere: `eval`, modules named by what is computed, plugins named by a database. Then the kind reaches for more (the whole package, the whole directory: graph_wide()), and says what it
 * did; what cannot even be bounded is a doubt (graph_doubt()): then nothing of what it may be goes.
 *
 * Files and directories: reaching a file reaches the directories that it lies in, and every symbolic link whose target it is (applets, alternatives, sonames: an entry each, no bytes).
 * Ceilings: GRAPH_STEPS; beyond it a doubt that keeps everything. */
#ifndef PARE_PROGRAM_GRAPH_H
#define PARE_PROGRAM_GRAPH_H
#include "base/arena.h"
#include "layer/collect.h"
#include "program/elf.h"
#include "rootfs/rootfs.h"

#define GRAPH_STEPS (64u << 20)
#define GRAPH_START ROOTFS_ROOT /* because: the configuration, or the user */

enum graph_use { /* why a file is needed; 0: it is not. In JSON and --explain by graph_use_text[] */
	USE_NOT,
	USE_START,       /* started by the configuration */
	USE_ASKED,       /* --keep, --exec */
	USE_SEEN,        /* a run touched it */
	USE_COMMAND,     /* started by a script or program */
	USE_INTERPRETER, /* of a script, of a program (ld.so) */
	USE_LIBRARY,     /* loaded by the loader */
	USE_PLUGIN,      /* loaded by name while running */
	USE_MODULE,      /* imported by a program's source */
	USE_DATA,        /* beside a module or program that reads it: templates, package data, resources */
	USE_NAMED,       /* its path is written in a file that is needed */
	USE_FAMILY,      /* of a family that something needed asks for: time zones, locales, encodings, certificates, accounts */
	USE_APPLICATION, /* lies with the application's own files */
	USE_SYSTEM,      /* every program may count on it: /etc/passwd, /tmp */
	USE_LINK,        /* a link that leads to what is needed */
	USE_WAY,         /* a directory on the way */
	USE_WIDE,        /* knowledge ended near it */
	USE_PACKAGE,     /* its package is needed (--level package), or only what merely stays needs it: it finds what it loads, starts nothing and names nothing */
	USE_COUNT,
};
extern const char *const graph_use_text[];  /* stable: "library" */
extern const char *const graph_use_title[]; /* for people: "loaded by" */

struct graph {
	const struct image *img;
	const struct rootfs *r;
	u8 *use;            /* by node: enum graph_use */
	node_id *because;   /* by node */
	u8 *spare;          /* by node: graph_spare() */
	u32 n;
	struct problems doubts; /* what could not be known, and what was kept for it; one line each */
	bool whole;         /* false: a doubt without bounds; nothing may go */
	struct arena a;     /* lives as long as the graph */
	void *keep;         /* graph.c's own */
	void *kinds[32];    /* graph_state(), by graph_index() */
};

struct graph_kind {
	const char *name;                               /* "python" */
	size_t state;                                   /* how large its own state is: graph_state() */
	void (*begin)(struct graph *g);                 /* once, before anything is reached; may be NULL */
	void (*reached)(struct graph *g, node_id file); /* of every regular file that is reached, once, in the order of the worklist; may be NULL */
	/* of every command line whose program was found, when that was reached: what the words behind it name in a way of its own (java -cp a.jar:lib/\*, nginx -p PREFIX -c FILE); words[0] is the program as
	 * it was written. Whole words that are paths, and "--x=PATH", are reached before. May be NULL */
	void (*command)(struct graph *g, node_id program, const struct str *words, u32 n, node_id because);
	bool (*settle)(struct graph *g);                /* nothing is left to do: true when it reached more; may be NULL */
	void (*end)(struct graph *g);                   /* frees what its state has of its own; may be NULL */
};
extern const struct graph_kind *const graph_kinds[]; /* NULL-terminated: graph.c */
u32 graph_index(const struct graph_kind *k);
void *graph_state(const struct graph *g, const struct graph_kind *k); /* zeros at the beginning; the graph's, as what lies in its arena is */

struct graph_owners;
struct graph_options {
	bool (*elf)(const struct rootfs *r, u32 node, struct arena *a, struct elf_facts *ret); /* the facts of a file; false: it is no ELF file */
	const struct graph_owners *owners; /* who owns which file, for package-wide nets; may be NULL */
};
/* Of packages without knowing of them (room package stands below): the package of a file (0 none), names by index from 1. */
struct graph_owners {
	const u32 *owner; /* by node */
	const char *const *names; /* names[1] … names[n_packages] */
	u32 n_packages;
};

/* Nothing is reached yet. */
struct graph *graph_new(const struct image *img, const struct rootfs *r, const struct graph_options *opt);
void graph_configuration(struct graph *g);                                      /* entry point, command, health check, shell, what Env names */
void graph_command(struct graph *g, const struct str *words, u32 n, node_id because); /* a command line, words as execve() gets them */
void graph_shell(struct graph *g, struct str text, node_id because);                  /* a line for /bin/sh */
/* A file, directory (by itself) or link, of this use; 0 is ignored, what is reached already stays what it was. Links are followed: both are reached. */
void graph_reach(struct graph *g, node_id id, enum graph_use use, node_id because);
void graph_reach_below(struct graph *g, node_id dir, enum graph_use use, node_id because); /* and everything below it */
/* An absolute path, or one relative to `dir` (0: the working directory); links on the way are reached. Returns the file; 0: not there (nothing happens). */
node_id graph_reach_path(struct graph *g, node_id dir, struct str path, enum graph_use use, node_id because);
/* What a `c` line starts (source.h): words with US between, or a line for /bin/sh. A source's: it may be started without a shell, when nothing in it needs one. */
void graph_line(struct graph *g, struct str line, node_id because);
void graph_source_command(struct graph *g, node_id file, struct str line);
node_id graph_find_path(struct graph *g, node_id dir, struct str path);               /* the same, reaching nothing */
/* A path that stays below a directory (".." is no part of it), through links on its way. */
node_id graph_step(const struct graph *g, node_id dir, struct str path);
/* What an interpreter or its library was installed to: /usr of /usr/bin/perl, of /lib/x86_64-linux-gnu/libperl.so. */
node_id graph_prefix(const struct graph *g, node_id program);
node_id graph_program(struct graph *g, struct str name);                              /* found in PATH; 0 */
void graph_elf(struct graph *g, node_id file, node_id because);                       /* reached as a library that is loaded: it and what it needs */
void graph_doubt(struct graph *g, bool bounded, const char *fmt, ...) printf_like(3, 4); /* bounded: what it may be has been kept */
/* Keeps all of the package that owns this file but what is documentation; nothing when nobody owns it. Says so ("python: all of python3-flask: it imports by name"). */
void graph_wide(struct graph *g, node_id file, const char *why);
bool graph_reached(const struct graph *g, node_id id);
/* An accelerator, a tool for who develops: its program does without it when it is not there. Reached only by who names it, not with the directory it lies in nor with its package,
 * and not by what merely stays with its own (USE_PACKAGE). */
void graph_spare(struct graph *g, node_id id);
void graph_spare_below(struct graph *g, node_id dir); /* and everything below it, each by itself */
void graph_run(struct graph *g); /* until nothing more is reached; may be called again after more was asked for */
void graph_free(struct graph *g);

/* --- for the kinds --- */
struct str graph_note(const struct graph *g, node_id file);       /* the source note (source.h); p NULL: none */
struct str graph_name(const struct graph *g, node_id id);
struct str graph_path(const struct graph *g, node_id id, struct buf *out);
const char *graph_env(const struct graph *g, const char *name);    /* of the configuration; NULL */
bool graph_elf_facts(struct graph *g, node_id file, struct elf_facts *ret); /* in g->a; remembered */
struct str graph_note_of(const struct graph *g, node_id file, enum collector_id collector); /* of another collector; p NULL: none */
const node_id *graph_links(const struct graph *g, node_id to, u32 *n); /* the symbolic links that lead to a node; of 0: those that lead nowhere */
u32 graph_package(const struct graph *g, node_id file);                /* who owns it; 0: nobody */
const node_id *graph_package_files(struct graph *g, u32 package, u32 *n);
bool graph_is_documentation(const struct graph *g, node_id id); /* manuals, translations, headers: nothing that runs counts on it */
/* Whether a directory that is named belongs to who names it, so that everything in it may be meant: /srv/www, /usr/share/NAME; not /usr/share, /etc. system.c */
bool graph_is_own(const struct graph *g, node_id dir);
/* The net for an application's own files: everything below a directory that it is started from (of the entry script, the working directory), when that is somebody's own; of / and the like what lies directly
 * in it and nobody owns. Environments, node_modules and other installed packages are left to their language. application.c */
void graph_application(struct graph *g, node_id dir, node_id because);
void graph_lies_with(struct graph *g, node_id file); /* the same of where an application's file lies: lib/, bin/ … are parts of the directory that they are in */
void graph_working_directory(struct graph *g, node_id because); /* and of the working directory, when it is none of everybody's */
/* Of a program that was compiled: of the directory, whatever is in it, without what it was made from. */
void graph_application_compiled(struct graph *g, node_id dir, node_id because);
bool graph_is_source(struct str name); /* what programs are made from, by its name */
struct closure *graph_closure(const struct graph *g); /* for native.c */
#endif
