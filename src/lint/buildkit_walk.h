/* buildkit_walk.h — what the files of BuildKit's checks share. Not for others. */
#ifndef PARE_LINT_BUILDKIT_WALK_H
#define PARE_LINT_BUILDKIT_WALK_H
#include "lint/buildkit.h"
#include "dockerfile/dockerignore.h"

#define BK_EXPANDED (16 * MiB)   /* bytes that expansion may make, all in all: from there on nothing is judged */
#define BK_SUGGEST 4000000       /* steps that looking for similar names may take */

struct bk {
	struct lint *l;
	bool exact;                  /* LINT_BUILDKIT: to the letter */
	bool stopped;                /* BuildKit gave up here; only when exact */
	size_t budget, suggest;
	struct arena tmp;            /* expanded words; emptied between instructions */
	u32 seen;                    /* BuildKit has read instructions before this index */
	bool has_ignore;
	struct dockerignore ignore;
};

/* What one expansion met. */
struct bk_use {
	struct str name;
	u32 at;                      /* of its `$`, in the word */
	bool set, provided;
};
struct bk_expansion {
	struct bk *k;
	const struct df_state *s;
	struct bk_use *v;            /* each name once, matched and unmatched apart */
	u32 n, cap, matched, unmatched;
	struct str result;
};

/* Says it of instruction `in`, at `where`. */
struct diagnostic *bk_say(struct bk *k, enum bk_rule rule, const struct df_instruction *in, struct df_span where, const char *message, ...) printf_like(5, 6);
void bk_stop(struct bk *k);
/* Expands a word of FROM or of a stage; false for what BuildKit refuses, or over the budget. *ret is good until the next call; free ret->v. */
bool bk_expand(struct bk *k, const struct df_state *s, struct str word, const struct word_options *opt, struct bk_expansion *ret);
/* A variable of `s` that `name` may be a slip of, p NULL when none is near enough. */
struct str bk_similar(struct bk *k, const struct df_state *s, struct str name);
struct str bk_lower(struct arena *a, struct str s);

void bk_stages(struct bk *k);    /* names, casing, FROM (lint/buildkit.c) */
void bk_dispatch(struct bk *k);  /* the instructions of the stages (lint/buildkit_stage.c) */
#endif
