/* effect.h — what the instructions of a file write and remove, as far as their words tell: the one model behind the rules about bytes that ship although
 * nobody sees them, caches, archives and layers that are copied.
 *
 *     COPY app.tgz /tmp/            MAKE /tmp/app.tgz
 *     RUN tar xf /tmp/app.tgz -C /  UNPACK /tmp/app.tgz
 *     RUN rm /tmp/app.*             REMOVE /tmp/app.*
 *
 * Paths are absolute and clean, by WORKDIR and `cd`; of a file without a WORKDIR those that are relative begin with "./". Variables of the file are
 * expanded, others stay ("/opt/${X}"): equal texts are equal paths. What a program writes that is not known here is not known. */
#ifndef PARE_LINT_EFFECT_H
#define PARE_LINT_EFFECT_H
#include "base/caches.h"
#include "lint/lint.h"

#define LINT_EFFECTS 4096 /* of a file; those behind are not looked at: pairs of them are compared */

enum effect_kind {
	EFFECT_MAKE,
	EFFECT_REMOVE,
	EFFECT_UNPACK, /* path: the archive */
	EFFECT_OWN,    /* chown, chgrp, chmod of what is there: a copy of it in this layer */
	EFFECT_TOUCH,  /* named to a program that may write there */
};

struct lint_effect {
	enum effect_kind kind;
	enum cache_of cache;    /* MAKE: a package manager's; what empties it is a REMOVE of it */
	bool tree;              /* MAKE: a directory with what is below; REMOVE, OWN: recursive */
	bool fetched;           /* MAKE: from the network */
	bool unpacked;          /* MAKE: the contents of an archive, a clone */
	bool moved;             /* REMOVE: by mv */
	bool first;             /* REMOVE: nothing in its script came before that could have made it */
	struct str path;        /* REMOVE, OWN: may be a pattern */
	u32 instruction, stage; /* stage: DF_NONE before the first FROM */
	const struct lint_script *s; /* NULL: COPY, ADD */
	const struct sh_command *c;
	const struct df_instruction *in;
};

struct lint_effects {
	struct lint_effect *v; /* in the order of the file */
	u32 n, cap;
};
/* Found once a file. */
const struct lint_effects *lint_effects(struct lint *l);
/* Whether removing (or owning) e takes away (or copies) `path`. */
bool lint_effect_covers(const struct lint_effect *e, struct str path);
bool lint_below(struct str path, struct str dir); /* is dir, or below it */
/* The first REMOVE of an instruction in the list that covers the path and stands behind effect `after`; NULL. */
const struct lint_effect *lint_removed_in(const struct lint_effects *e, u32 after, u32 instruction, struct str path);
/* Whether layers of stage `of` hold those of stage `stage`: it is the same, or built on it. */
bool lint_stage_on(const struct lint *l, u32 of, u32 stage);

/* Operands of a command, in order; `valued`: options whose next word is their value, separated by blanks ("-o --output"). */
struct operands {
	const struct sh_command *c;
	const char *valued;
	u32 at;
	bool ended; /* behind -- */
};
const struct sh_word *operand_next(struct operands *o);
bool lint_word_in(struct str word, const char *list); /* one of the words of a list separated by blanks */
bool lint_is_archive(struct str path);               /* by its ending */
#endif
