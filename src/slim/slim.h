/* slim.h — the same program in a smaller image: found (litter.h), planned (plan.h), proven (prove.h), written (transport/sink.h), and proven
 * again on what was written, before it appears in its place. */
#ifndef PARE_SLIM_SLIM_H
#define PARE_SLIM_SLIM_H
#include "base/common.h"
#include "base/error.h"
#include "rule/scan.h"
#include "slim/choose.h"
#include "slim/database.h"
#include "slim/litter.h"
#include "slim/plan.h"
#include "slim/prove.h"
#include "slim/relayer.h"
#include "store/load.h"
#include "slim/trial.h"
#include "transport/sink.h"

struct slim_options {
	struct litter_options litter;
	bool keep_base; /* layers of the base image stay as they are */
	enum relayer_form form; /* layers of the result */
	struct choose_options choose; /* level, and what is known to be needed; its keep is litter's */
	/* Writes the bill of materials of what is left, to be put into the result at SLIM_BOM; NULL: none is. Not when nothing is left to tell of, nor when nothing goes. */
	void (*bom)(FILE *f, const struct image *img, const struct rootfs *r, const struct packages *left);
};

struct slim_side {
	u64 size;       /* as struct image: bytes of the regular files of all layers */
	u64 compressed; /* stored bytes of all layers */
	u32 layers, files, packages;
	u32 setuid, shells; /* programs with rights of their own, and shells */
	u32 findings;   /* what could go: (layer, kind) pairs of hidden bytes and of litter */
};

struct slim_risk { /* findings of one kind in one image */
	u32 total, fixable, unrated, severity[SEVERITIES]; /* what nobody has rated has no severity */
};
struct slim_risks { /* report/slim_risks.h */
	bool known; /* false: nobody looked */
	struct slim_risk before, after;
};

struct slim_check { /* of the result against the original */
	const char *name;
	char before[120], after[120];
	bool pass;
};
#define SLIM_CHECKS 5
#define SLIM_BOM "var/lib/db/sbom/image.spdx.json"

struct slim {
	const char *location; /* as asked for; the caller's */
	struct image *img;
	struct trace trace;
	struct packages *packages;
	struct litter litter;
	struct choice choice;      /* at levels package and file */
	struct additions added;    /* likewise */
	struct plan plan;
	struct relayer relayer;    /* the same in other layers; layers 0: as the plan has them. Good as long as the plan */
	bool *whole;      /* by layer: not to be touched */
	u32 base;         /* layers of the base image that were kept for keep_base */
	struct slim_options opt;
	struct slim_side before, after; /* after: of the plan with what is added to it, then of what was written */
	struct proof proof;             /* likewise */
	struct slim_risks vulnerabilities, secrets;
	struct slim_check checks[SLIM_CHECKS];
	u32 n_checks;
	char doubt[512];  /* why a plan was given up for one that takes out less; "" */
};

/* Loads. An image that cannot be read whole is not slimmed: then `problems` says why, and the return is 1. */
int slim_open(const char *location, const struct load_options *load, const struct slim_options *opt, struct slim *ret, struct problems *problems, struct error *err) must_check;
/* Chooses (at levels package and file by what is known, and by `seen` when there is any) and plans: takes out less, in the end nothing, where a plan cannot be proven.
 * -1 and ERR_INPUT when not even the image as it is holds, or nothing tells what is needed. */
int slim_decide(struct slim *s, const struct observed *seen, struct error *err) must_check;
void slim_close(struct slim *s);
/* Plans again with what a run missed (choose_restore()): 1; 0 when nothing changed. */
int slim_restore(struct slim *s, const char *const *paths, u32 n, bool same, struct error *err) must_check;

/* Plans again with the databases that the program reads as they are, when some were written anew: 1; else 0. */
int slim_keep_databases(struct slim *s, struct error *err) must_check;

/* Once all is decided: the form of the layers, as s->opt.form says. ERR_INPUT only when one layer was asked for and cannot be had. */
int slim_relayer(struct slim *s, struct error *err) must_check;

struct slim_target {
	const char *location;
	const char *format;      /* NULL: as the location says */
	bool forced;             /* compression was asked for: kept layers too */
	enum compression compression;
	int level;               /* 0: the default */
	struct repo_options repo; /* how docker://REF and pare:REF are written */
	const struct collector *const *collectors; /* that the original was read with */
	/* What else is to be proven of what was written, before it appears (by running it): 1 when it does not hold. NULL: nothing. */
	int (*prove)(void *ctx, struct image *after, const struct rootfs *tree, struct error *err);
	/* After that: documents about the result, that appear with it (sink_attach()). NULL: none. */
	int (*attach)(void *ctx, struct sink *to, struct error *err);
	void *ctx;
};
/* Writes, reads it back, compares, and only then lets it appear. 1: a check did not pass; nothing was written. A layer whose compressed form
 * comes out no smaller than it was stays as it was, and the plan with it. */
int slim_write(struct slim *s, const struct slim_target *to, struct error *err) must_check;

/* Whether entry g is not in the result, and the bytes that it takes away. */
bool slim_drops(const struct slim *s, u32 g);
u64 slim_gone(const struct slim *s, u32 g);

/* For slim.c and write.c. */
int slim_plan(struct slim *s, struct error *err) must_check; /* (again) with s->whole */
void slim_measure(struct slim_side *side, const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct litter *l);
bool slim_verify(struct slim *s, const struct image *after, const struct rootfs *tree, const struct packages *pkgs, bool written); /* written: with what was added */
enum collector_set slim_set(const struct slim *s); /* what the layers are read for */

/* show.c: what was found and done. */
struct slim_row { /* bytes that went, by kind and layer */
	const char *name, *title;
	u32 layer, files;
	u64 bytes;
};
struct slim_group { /* files of a package, or of no package below one directory */
	u32 owner;    /* 1 + index of the package; 0: none, then */
	node_id unit; /* the directory */
	u64 gone, kept; /* bytes */
	u32 files_gone, files_kept;
	u32 why; /* bits, 1 << enum litter_kind, of what went */
};
enum slim_order { SLIM_BY_GONE, SLIM_BY_KEPT };
struct slim_group *slim_groups(const struct slim *s, enum slim_order by, u32 *n); /* tell.c: largest first; to be freed */
void slim_table(FILE *f, const struct slim *s, const char *location, const char *written); /* written NULL: a dry run */
void slim_tell_choice(FILE *f, const struct slim *s); /* tell.c: of levels package and file */
void slim_explain(FILE *f, const struct slim *s, const char *path); /* why it stays, from file to file up to the configuration */
void slim_json(FILE *f, const struct slim *s, const struct trial *t, const char *location, const char *written); /* t: what was compared by running, too; NULL: nothing was */
struct jsonw;
void slim_json_side(struct jsonw *w, const struct slim *s, const char *name, const struct slim_side *x); /* what is known of s->before or s->after, as the value of a key */
void tell_trial(FILE *f, const struct trial *t); /* tell.c */
#endif
