/* litter.h — what of an image's final tree is provably not part of its program.
 *
 * Litter is what tools leave behind and make again when they want it: lists and archives of package managers, logs, temporary files,
 * byte code without its source. Documentation, manual pages and translations only when asked for. Rules are directories; what is
 * below them is litter, unless something speaks for it:
 *   - it is named by Entrypoint, Cmd, Healthcheck, an Env value or the working directory, or by the script that one of these names;
 *   - it lies below a declared volume, or below a directory of PATH;
 *   - a package owns it (then its owner says what it is);
 *   - a symbolic link from elsewhere leads to it;
 *   - the start command calls the tool whose cache it is;
 *   - its place could not be filled again by whoever writes there (logs of another user);
 *   - the user says so (--keep).
 * Regular files without a byte stay: they cost nothing, and a program may count on them. So do directories, but for those inside
 * caches that are trees of their own (~/.cache/pip).
 */
#ifndef PARE_SLIM_LITTER_H
#define PARE_SLIM_LITTER_H
#include "base/common.h"
#include "base/error.h"
#include "package/package.h"
#include "rootfs/rootfs.h"

enum litter_kind { /* 0: no litter */
	LITTER_NONE, LITTER_LISTS, LITTER_CACHE, LITTER_BACKUP, LITTER_LANGUAGE, LITTER_LOG, LITTER_TMP, LITTER_BYTECODE, LITTER_SYSTEM, LITTER_DOCS, LITTER_MAN, LITTER_LOCALES,
	LITTER_UNNEEDED, /* nothing needs it (choose.h) */
	LITTER_DATABASE, /* written anew (database.h) */
	LITTER_KINDS,
};
extern const char *const litter_name[];  /* stable: "package-lists" */
extern const char *const litter_title[]; /* for people: "package lists" */

enum litter_why { WHY_NOTHING, WHY_START, WHY_ENV, WHY_WORKDIR, WHY_VOLUME, WHY_PATH, WHY_PACKAGE, WHY_LINKED, WHY_TOOL, WHY_REFILL, WHY_ASKED, WHY_SCRIPT, WHY_IMPLIED, WHY_COUNT };
extern const char *const litter_because[]; /* "named by the start command" */

struct litter_options {
	const char *const *keep; /* patterns (str_glob); n_keep of them */
	u32 n_keep;
	bool docs, man, locales;
	const char *keep_locales; /* "en,de": comma-separated; NULL: none */
};

struct litter { /* by node_id, n long each */
	u32 n;
	u8 *kind; /* enum litter_kind of what may go, LITTER_NONE of all else */
	u8 *was;  /* what it would have been but for… */
	u8 *why;  /* … this */
	struct problems problems; /* a start script that could not be read */
};

/* `pkgs` may be NULL. Reads the scripts that the configuration starts (at most LITTER_SCRIPTS of LITTER_SCRIPT_MAX bytes). */
#define LITTER_SCRIPTS 16
#define LITTER_SCRIPT_MAX (256 * KiB)
void litter_find(const struct image *img, const struct rootfs *r, const struct packages *pkgs, const struct litter_options *opt, struct litter *ret);
void litter_free(struct litter *l);
#endif
