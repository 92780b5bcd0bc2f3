/* changes.h — what happened to the packages between two images, and which of two versions is the later one. */
#ifndef PARE_PACKAGE_CHANGES_H
#define PARE_PACKAGE_CHANGES_H
#include "base/buf.h"
#include "base/common.h"
#include "package/package.h"

enum package_change_kind {
	PACKAGE_ADDED,
	PACKAGE_REMOVED,
	PACKAGE_UPGRADED,
	PACKAGE_DOWNGRADED,
	PACKAGE_RESIZED, /* the same version with other bytes or another number of files */
};
#define PACKAGE_CHANGE_KINDS 5
extern const char *const package_change_text[PACKAGE_CHANGE_KINDS]; /* "added", "removed", "upgraded", "downgraded", "resized" */

struct package_change {
	enum package_change_kind kind;
	const struct package *a, *b; /* NULL: not there */
};

struct package_changes {
	struct package_change *v; /* most bytes first (by the larger of change and, for other versions, size), then by name */
	u32 n, cap;
	u32 count[PACKAGE_CHANGE_KINDS];
};

/* Joined by type, name and architecture. Several versions of one name side by side are paired when equal, the rest in order. */
void packages_compare(const struct packages *a, const struct packages *b, struct package_changes *ret);
void package_changes_free(struct package_changes *c);

/* < 0, 0, > 0 as the package manager of `type` orders versions (version/version.h); never fails. */
int package_version_cmp(const char *type, const char *a, const char *b);
#endif
