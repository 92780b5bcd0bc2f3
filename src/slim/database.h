/* database.h — the package managers' databases say what is left: so that a scanner of the result finds each package that still has files, and no other.
 *
 *      dpkg      var/lib/dpkg/status.d/NAME and NAME.md5sums of what is left, as images without a dpkg have it; the rest of var/lib/dpkg goes. When a program that stays reads
 *                var/lib/dpkg/status, that is written anew instead, at its place, with info/NAME.list of what is left.
 *      chisel    var/lib/chisel/manifest.wall without the packages, slices and paths that went
 *      apk       lib/apk/db/installed (usr/lib/apk/db) without the packages and files that went
 *      rpm       the database without the headers of those that went, in the form that it has (rpm_rewrite.h), and without indexes that rpm makes anew; one that is damaged stays, and a doubt says so
 *      pacman    the directories of what is left, the others go
 *      languages METADATA, package.json, *.gemspec …: stays with the first other file of its package, goes with the last; Composer's installed.json, which has all of them, is written anew
 *
 * A program may tell what its database says: then that stays as it is (choice.keep_databases), and a doubt says so.
 *
 * A package has files left when one that is no directory, no licence text and none of its own entries in the database stays. New files get owner and time of the database that they stand for. */
#ifndef PARE_SLIM_DATABASE_H
#define PARE_SLIM_DATABASE_H
#include "slim/choose.h"

struct addition { /* a file of the result that the original does not have */
	const char *path;  /* without a leading '/' */
	struct str content;
	u32 mode, uid, gid;
	s64 mtime;
};
struct additions {
	struct arena a;
	struct addition *v; /* sorted bytewise by path */
	u32 n, cap;
	const char **gone;  /* by index of the packages that went: their purls, in the order of packages; none that another package with files left has */
	u32 n_gone;
	bool *left;         /* by index of packages */
	bool in_use;        /* a database that the program reads was written anew */
	struct problems doubts;
};

/* Decides over the databases' own nodes in choice->litter (LITTER_DATABASE what goes because it was written anew), and makes what is to be added. Again after choose_restore(). */
int database_rewrite(struct choice *c, struct additions *ret, struct error *err) must_check;
void additions_add(struct additions *x, const char *path, struct str content, s64 mtime); /* copies; keeps them sorted */
/* The packages that are left, and of their files those that stay: a view of choice->pkgs, good as long as that. Free with packages_left_free(). */
void packages_left(const struct choice *c, const struct additions *x, struct packages *ret);
void packages_left_free(struct packages *p);
void additions_free(struct additions *x);
struct plan;
/* The additions as the plain tar of a layer, into out: with directories that the result does not have, and whiteouts for what was written anew and could not be taken out of its layer. */
int additions_tar(const struct additions *x, const struct plan *p, struct buf *out, struct error *err) must_check;
#endif
