/* edit.h — what several rules need to read a Dockerfile and to change it: words without quotes, words expanded, images taken apart,
 * whole instructions removed or put before another. */
#ifndef PARE_LINT_EDIT_H
#define PARE_LINT_EDIT_H
#include "lint/lint.h"

/* Without the quotes at both ends, however many. */
struct str lint_unquote(struct str s);
/* A word without its quotes, expanded with what holds at the instruction (FROM: the global ARGs). *known: every variable in it has a value and
 * it could be expanded; else the word as it is, without quotes at its ends. The text is the file's. */
struct str lint_expand(const struct lint *l, const struct df_instruction *i, struct str word, bool *known);

/* [registry/]path[:tag][@digest]; p NULL for what isn't there. registry is what Docker takes for one: with a dot or a colon, or "localhost". */
struct lint_image_name {
	struct str registry, path, tag, digest;
};
struct lint_image_name lint_image_name(struct str image);

/* The stage an instruction belongs to; NULL before the first FROM. */
const struct df_stage *lint_stage(const struct lint *l, const struct df_instruction *i);
/* The instruction of the file that holds it: itself, or its ONBUILD. */
const struct df_instruction *lint_outer(const struct lint *l, const struct df_instruction *i);
/* Whether a comment stands between its lines: such an instruction is not removed, nor is the part that holds it replaced. */
bool lint_holds_comment(const struct lint *l, const struct df_instruction *i);
/* The last instruction of that keyword in a stage or the stages it is built on (ONBUILD ones don't count); NULL. */
const struct df_instruction *lint_last(const struct lint *l, u32 stage, enum df_keyword k);

/* Removes the instruction with its lines: an edit more for the finding's fix, or its first. Does nothing where a comment would go with it. */
void lint_fix_remove(struct lint *l, struct diagnostic *d, enum fix_safety safety, const char *title, const struct df_instruction *i);
/* Where a line that belongs before the instruction goes: the start of its first line, or of the comments right above it. */
struct df_span lint_line_before(const struct lint *l, const struct df_instruction *i);
#endif
