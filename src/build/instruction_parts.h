/* instruction_parts.h — what the files of instruction.h share: one instruction while it is applied. Not for others. */
#ifndef PARE_BUILD_INSTRUCTION_PARTS_H
#define PARE_BUILD_INSTRUCTION_PARTS_H
#include "build/instruction.h"

#define SAID_MAX ((size_t)64 * MiB)     /* stage_image.said: from there on environments are refused */
#define CREATED_BY_MAX ((size_t)256 * KiB) /* of one entry of the history; what is longer is cut */

struct applied {
	struct stage_image *im; /* NULL: FROM and global ARGs */
	struct arena *a;
	const struct df_instruction *i;
	const struct df_state *state;
	char escape;
	const struct instruction_options *opt;
	struct action *ret;
	struct error *err;
};

/* instruction.c. One word as BuildKit expands it; NUL bytes, which nothing that follows can hold, are refused. */
int applied_expand(struct applied *x, struct str word, struct str *ret) must_check;
char *applied_z(struct applied *x, const struct buf *b); /* its text in the arena; b is freed */
void applied_created_by(struct applied *x, struct buf *b); /* the same as created_by */
/* A value that --build-arg gives; p NULL: none. */
struct str applied_build_arg(const struct applied *x, struct str name);

/* instruction_image.c */
json_t *image_config(struct stage_image *im);      /* the document's "config" */
json_t *image_text(struct str s);                  /* a JSON string; what is not UTF-8 becomes U+FFFD */
const char *image_workdir(const struct stage_image *im); /* "/" unless set */
const char *image_user(const struct stage_image *im);    /* "" unless set */
/* The shell's words (SHELL, the default of the system) and `line`, in the arena, NULL-terminated. */
const char **image_shell(struct stage_image *im, struct arena *a, const char *line, u32 *n);
void buf_list(struct buf *b, const char *const *v, u32 n); /* as Go prints a list: [a b] */
void buf_quoted(struct buf *b, const char *const *v, u32 n); /* the same of %q: ["a" "b c"] */

/* instruction_run.c. Without the tabs at the beginnings of lines: <<-. */
struct str applied_chomp(struct applied *x, struct str s);

int apply_config(struct applied *x) must_check;
int apply_run(struct applied *x) must_check;
int apply_copy(struct applied *x) must_check;
#endif
