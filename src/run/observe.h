/* observe.h — what a run touched: for each path of the image what was done with it and by whom, the system calls that were made, ports, programs.
 *
 * It is a set: runs add up, in any order, and the same runs give the same bytes. Kept as a file (observed_save: JSON, schema docs/schema/trace.schema.json) it is a trace, named by the image's
 * configuration digest and its own: TRACE_DIR/sha256-CONFIG.sha256-TRACE.json. Traces of the same image are merged whoever took them; a trace of another image (another configuration
 * digest) counts for the paths that exist here, which is what a user means who rebuilt the image, and is told so.
 *
 * Paths are absolute and clean, as the program's own root shows them after following symbolic links in directories; a last component that is a symbolic link is recorded under its own
 * name and under what it leads to. What a program looks for and does not find is kept, too (SEEN_MISSING): for the deny run it is the whole point. Paths below /proc, /sys, /dev are not kept.
 *
 * Ceilings: OBSERVED_PATHS and the other constants; beyond them `full` is set, and whoever plans with it must keep what it would have dropped. A trace file is hostile input like any other. */
#ifndef PARE_RUN_OBSERVE_H
#define PARE_RUN_OBSERVE_H
#include "base/error.h"
#include "base/str.h"
#include "oci/digest.h"

#define OBSERVED_PATHS (1u << 20)
#define OBSERVED_PATH 4095u         /* bytes of one */
#define OBSERVED_BYTES (32 * MiB)   /* of all of them */
#define OBSERVED_RUNS (1u << 30)
#define TRACE_BYTES (384 * MiB)     /* of one file: what these ceilings can add up to */
#define OBSERVED_CALLS 1024u

enum seen { /* bits */
	SEEN_OPENED = 1,    /* for reading or writing */
	SEEN_EXECUTED = 2,
	SEEN_LOOKED_AT = 4, /* stat, access, readlink: its existence or metadata */
	SEEN_LISTED = 8,    /* of a directory: its names were read */
	SEEN_WRITTEN = 16,  /* opened for writing, truncated, its metadata changed */
	SEEN_MADE = 32,     /* created while running */
	SEEN_DELETED = 64,  /* removed or renamed away */
	SEEN_MISSING = 128, /* looked for and not there */
};

struct observed_path {
	const char *path;
	const char *by; /* the executable of a process that touched it ("/usr/sbin/nginx"), the bytewise first of several, so that order does not count; "" unknown */
	u8 what;        /* enum seen */
	bool start;     /* before the program was ready */
};

struct observed {
	const struct observed_path *paths; /* sorted bytewise */
	u32 n_paths;
	u64 calls_start[OBSERVED_CALLS / 64], calls_steady[OBSERVED_CALLS / 64]; /* by number of calls of the host's architecture; all 0: not watched */
	u16 *ports; u32 n_ports; /* listened on, ascending */
	u32 runs;       /* that were added up */
	bool full;
	struct digest config; /* the image's */
	void *keep;
};
struct observed *observed_new(const struct digest *config);
void observed_free(struct observed *o);
/* These four are thread-safe. What is no absolute clean path is dropped. */
void observed_add(struct observed *o, struct str path, u8 what, struct str by, bool start);
void observed_call(struct observed *o, u32 number, bool start);
void observed_port(struct observed *o, u16 port);
void observed_run(struct observed *o); /* one more was added up */
void observed_settle(struct observed *o); /* sorts: paths are good to read until the next add */
void observed_merge(struct observed *to, const struct observed *from);
const struct observed_path *observed_find(const struct observed *o, struct str path); /* after observed_settle() */
/* Writes DIR/….json (made when absent), beside and renamed. What is there already under the same name is the same. */
int observed_save(struct observed *o, const char *dir, struct error *err) must_check;
/* One trace, the text of a file; the image it is of in *config. Unknown keys and names of calls that this architecture has not are passed over. */
int observed_read(struct str text, const char *name, struct observed *to, struct digest *config, struct error *err) must_check;
void observed_write(struct observed *o, FILE *f); /* what observed_save() writes */
/* Adds every trace (*.json, in the order of their names) in the directory; `others`: how many were of another image. A file that is none is an error (ERR_INPUT) that names it. */
int observed_load(const char *dir, struct observed *to, u32 *others, struct error *err) must_check;
#endif
