/* diff.h — what differs between two images, for people and for programs.
 *
 * The table shows the largest changes first and takes two walks' time and the memory of the lines it shows; JSON (docs/schema/diff.schema.json)
 * is written while the trees are walked a second time. A directory that is wholly added or removed is one line of the table. */
#ifndef PARE_REPORT_DIFF_H
#define PARE_REPORT_DIFF_H
#include "base/common.h"
#include "base/error.h"
#include "package/changes.h"
#include "rootfs/diff.h"

#define DIFF_TOP 10        /* lines of each list of the table unless told otherwise */
#define DIFF_TOP_MAX 1000000

struct diff_item { /* a line of a list */
	struct diff_change c; /* path: owned by the item */
	bool whole;           /* a directory with everything below it */
	u32 names;            /* below it */
	u64 weight, at;       /* order: most weight first, then as walked */
};

struct diff_list { /* the `max` items of most weight; max 0: none are kept */
	struct diff_item *v; /* a heap until diff_measure() ends, then sorted */
	u32 n, cap, max;
	u64 all; /* how many there were */
};

struct diff_report {
	/* set by the caller, borrowed */
	const struct rootfs *a, *b;
	const struct packages *packages_a, *packages_b;
	const struct image_diff *images;
	const struct package_changes *packages;
	struct diff_options files;
	bool only_files; /* a pattern was given: nothing but files counts */
	bool all;        /* JSON: every change; otherwise the first `top` */
	u32 top;
	bool color;
	struct problems *problems; /* the `incomplete` list; diff_measure() adds to it */

	/* set by diff_measure() */
	bool equal;
	u32 count[4];           /* by diff_kind */
	u64 bytes[4][2];        /* by diff_kind: what they add to the visible bytes before and after */
	u32 what[DIFF_WHATS];
	struct diff_list files_list, meta_list, dirs_list; /* meta: changes that touch no bytes */
};

/* `collapse`: whole directories as one item, changes of metadata in a list of their own (the table). */
void diff_measure(struct diff_report *d, bool collapse);
void diff_report_free(struct diff_report *d); /* only what diff_measure() made */

/* Values of variables that look like secrets (secret/secret.h) are not for output: puts "(not shown)" in their place. */
void report_diff_hide(struct image_diff *d);

int report_diff_table(FILE *f, const struct diff_report *d);
int report_diff_json(FILE *f, const struct diff_report *d);
#endif
