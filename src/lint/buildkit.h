/* buildkit.h — BuildKit's checks (`docker build --check`): what its frontend says while it turns a Dockerfile into a build, in its order.
 *
 * One walk speaks for all of them (lint/buildkit.c), because they hang together: arguments are expanded as the build would, and where BuildKit
 * gives up it says no more. With LINT_BUILDKIT that is kept to the letter, lines included; with LINT_ALL the walk goes on behind errors, looks into
 * ONBUILD where it stands, and is silent where only the base image could tell (lint/baseenv.h). */
#ifndef PARE_LINT_BUILDKIT_H
#define PARE_LINT_BUILDKIT_H
#include "lint/lint.h"

enum bk_rule {
	BK_STAGE_NAME_CASING, BK_FROM_AS_CASING, BK_NO_EMPTY_CONTINUATION, BK_INSTRUCTION_CASING, BK_DUPLICATE_STAGE_NAME, BK_RESERVED_STAGE_NAME, BK_JSON_ARGS,
	BK_UNDEFINED_ARG_IN_FROM, BK_WORKDIR_RELATIVE, BK_UNDEFINED_VAR, BK_MULTIPLE_INSTRUCTIONS, BK_LEGACY_KEY_VALUE, BK_BASE_IMAGE_PLATFORM,
	BK_REDUNDANT_TARGET_PLATFORM, BK_SECRETS, BK_INVALID_DEFAULT_ARG, BK_PLATFORM_CONST, BK_COPY_IGNORED, BK_DEFINITION_DESCRIPTION, BK_EXPOSE_CASING, BK_EXPOSE_FORMAT,
	BK_RULES
};
extern const struct lint_rule rules_buildkit[];
void buildkit_check(struct lint *l);

/* The fixes, for the finding *d that was added last (lint/buildkit_fix.c). */
void bk_fix_stage_name(struct lint *l, struct diagnostic *d, const struct df_stage *st);
void bk_fix_word_case(struct lint *l, struct diagnostic *d, const struct df_word *w, bool lower, const char *title);
void bk_fix_empty_lines(struct lint *l, struct diagnostic *d, const struct df_instruction *in);
void bk_fix_key_value(struct lint *l, struct diagnostic *d, const struct df_instruction *in, const struct df_pair *p);
void bk_fix_platform(struct lint *l, struct diagnostic *d, const struct df_instruction *in, const struct df_flag *f);
void bk_fix_protocol(struct lint *l, struct diagnostic *d, const struct df_word *w);
void bk_fix_workdir(struct lint *l, struct diagnostic *d, const struct df_word *w, bool scratch);
/* `$WRONG` or `${WRONG…` at byte `at` of the file. */
void bk_fix_variable(struct lint *l, struct diagnostic *d, u32 at, struct str wrong, struct str right);
/* Whether a word stands in the file as it is: one piece, nothing decoded. */
bool bk_plain(const struct lint *l, struct df_span span, struct str s);
#endif
