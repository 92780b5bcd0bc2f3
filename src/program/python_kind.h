/* python_kind.h — what the files of the Python kind share: python.c (modules and what their sources say), python_place.c (interpreters, where modules are looked for, packages),
 * python_dist.c (distributions, entry points, libraries), python_command.c (command lines), python_table.c (what no source says).
 *
 *   interpreter ─► library, lib-dynload, site- and dist-packages, .pth, environments: roots
 *   source ─► imports, names ─► modules in the roots ─► their packages (modules and data, without tests), byte code, distributions
 *
 * A module is firm when something that runs imports it: then all that its source says is followed. A module that is only there with its package (its name may be computed) leads to
 * modules of the same package and of the library alone: what else it imports would have to be there for somebody to want it. */
#ifndef PARE_PROGRAM_PYTHON_KIND_H
#define PARE_PROGRAM_PYTHON_KIND_H
#include "base/hashtab.h"
#include "program/family.h"
#include "program/python.h"

#define PYTHON_STEPS (24u << 20) /* names looked up */
#define PYTHON_ROOTS 256u
#define PYTHON_DEPTH 64u

enum python_root { ROOT_NONE, ROOT_LIBRARY, ROOT_SITE, ROOT_APP };
enum { M_FIRM = 1, M_NET = 2, M_PACKAGE = 4, M_WIDE = 8, M_RUN = 16, M_DONE = 32 }; /* by node; the root's kind stands above */
#define M_ROOT_SHIFT 6

struct python_line { /* a command line of the interpreter, or of a script */
	struct str *words;
	u32 n;
	node_id because;
	bool script;
};

struct python_kind {
	u8 *mark;
	node_id *queue; /* files to follow */
	u32 head, n, cap;
	node_id roots[PYTHON_ROOTS]; /* directories that modules are looked for in, in order but for the application's */
	u32 n_roots;
	node_id libraries[8]; /* of the interpreters that run */
	u32 n_libraries;
	node_id environments[64]; /* pyvenv.cfg files of the image */
	bool active[64];
	u32 n_environments;
	struct str suffixes[32], tags[32]; /* "cpython-311-x86_64-linux-gnu.so"; "cpython-311" of byte code */
	u32 n_suffixes, n_tags;
	node_id *infos; /* .dist-info and .egg-info of the roots */
	u32 n_infos, cap_infos;
	node_id hacks[8]; /* .pth files that setuptools has for itself */
	u32 n_hacks;
	struct str *groups; /* of entry points that are looked up */
	u32 n_groups, cap_groups;
	struct python_line *lines;
	u32 n_lines, cap_lines, done_lines;
	bool moved, everything; /* something was reached since settle() was asked; all modules are needed */
	bool *rows; /* of python_table, done */
	u32 steps;
};

struct python_from { /* who asks */
	struct graph *g;
	struct python_kind *k;
	node_id file;
	enum python_root place;
	bool firm;
	node_id top; /* its package's directory */
};

/* python.c */
struct python_kind *python_of(const struct graph *g);
bool python_step(struct graph *g);
void python_module(struct python_from *f, node_id file);           /* this file is a module that is imported */
bool python_import(struct python_from *f, struct str name, struct str named); /* "a.b", ".c"; `named`: of "from … import", p NULL none; true: something is there */
void python_name(struct python_from *f, struct str text, bool plain);  /* a text that may name a module or what is in it; `plain`: without a dot, too */
void python_note(struct python_from *f, struct str note);          /* all that it says */
void python_everything(struct graph *g, node_id because, bool library, bool packages);

void python_core(struct python_from *f); /* what the interpreter imports by itself */

/* python_place.c */
node_id python_child(struct graph *g, node_id dir, struct str name); /* through links */
void python_interpreter(struct graph *g, node_id file);
void python_root(struct graph *g, node_id dir, enum python_root kind);
enum python_root python_place(const struct graph *g, node_id file, node_id *root);
/* The module or package `name` in a directory: its file (0: a directory without one), and *dir when it can hold more. False: nothing is there. */
bool python_find(struct graph *g, node_id dir, struct str name, node_id *file, node_id *below);
node_id python_init(struct graph *g, node_id dir);   /* of a package */
node_id python_top(struct graph *g, node_id file);   /* the outermost package directory below the root that a file lies in; 0: in none */
void python_package(struct graph *g, node_id top, node_id because);
void python_wide(struct graph *g, node_id top, node_id because); /* all of its modules are firm */
void python_stubs(struct python_from *f); /* its package's .pyi files */
bool python_environments(struct graph *g);
bool python_is_left(struct str name);  /* a directory of packages that is left out of nets: tests, documentation */
bool python_is_optional(const struct graph *g, node_id file); /* in the library: goes unless it is asked for by name */
struct str python_stem(struct str name); /* of a module's file: "a" of "a.cpython-311-x86_64-linux-gnu.so" */

/* python_dist.c */
void python_infos(struct graph *g, node_id root);
bool python_distributions(struct graph *g);
void python_directive(struct python_from *f, struct str text);

/* python_command.c */
void python_command(struct graph *g, node_id program, const struct str *words, u32 n, node_id because);
bool python_lines(struct graph *g);
void python_configuration(struct graph *g);

/* python_table.c: what interpreters and C modules import, and what modules ask for that is none */
struct python_row {
	const char *asks;     /* a module's name; "" the interpreter */
	const char *modules;  /* names, blanks between; "x.*" all of a package */
	const char *families; /* family_ask() */
	const char *paths;    /* files and programs */
};
extern const struct python_row python_table[];
extern const u32 python_rows;
extern const char python_optional[], python_cuts[]; /* names of the library; "importer>imported" that nothing but a person at a prompt asks for */
#endif
