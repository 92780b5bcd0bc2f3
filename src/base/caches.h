/* caches.h — what package managers keep for a next time: where it lies, whose it is, what to do about it. The one table of those who judge it: rules on Dockerfiles, what slimming takes away, what a build keeps out of layers. */
#ifndef PARE_BASE_CACHES_H
#define PARE_BASE_CACHES_H
#include "base/common.h"
#include "base/str.h"

enum cache_of {
	CACHE_NONE, CACHE_APT_LISTS, CACHE_APK, CACHE_YUM, CACHE_DNF, CACHE_ZYPPER, CACHE_PIP, CACHE_YARN, CACHE_NPM, CACHE_PNPM, CACHE_POETRY, CACHE_PIPENV, CACHE_UV, CACHE_GEM, CACHE_BUNDLER,
	CACHE_GO_BUILD, CACHE_GO_MOD, CACHE_CARGO, CACHE_COMPOSER, CACHE_CONDA, CACHE_MAVEN, CACHE_GRADLE, CACHE_APT, CACHE_PACMAN, CACHE_XBPS, CACHES
};
struct cache_info { /* as a command fills it */
	const char *name;  /* "npm's cache" */
	const char *dir;   /* "~/.npm" */
	const char *clean; /* what to do about it */
	u32 typical;       /* MB */
};
extern const struct cache_info cache_infos[CACHES];

/* Where it is found afterwards, and what of it can be had again without anybody missing it. */
enum { CACHE_DEEP = 1 /* below subdirectories, too */, CACHE_TREE = 2 | CACHE_DEEP /* directories and everything in them goes; else files that hold something */ };
struct cache_place {
	enum cache_of of;
	const char *dir;   /* pattern (str_glob) of the directory's path; its last component is plain */
	const char *file;  /* pattern of the file's name */
	u8 flags;
	const char *tool;  /* reads it when it runs (one of these words): not when the image starts that; NULL: nobody does */
};
#define CACHE_PLACES 47
extern const struct cache_place package_caches[CACHE_PLACES];
#endif
