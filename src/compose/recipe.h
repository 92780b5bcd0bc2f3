/* recipe.h — SPEC: what an image is to be made of. A YAML file (docs/compose.md), or the command line.
 *
 * Keys that are not known, values of another kind and words that are none are errors that name their line. */
#ifndef PARE_COMPOSE_RECIPE_H
#define PARE_COMPOSE_RECIPE_H
#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define RECIPE_BYTES MiB
#define RECIPE_WORDS 4096u /* of one list */
#define RECIPE_LAYERS_MAX 120u /* layers of an image that every engine takes */

struct recipe_user {
	const char *name, *gecos, *home, *shell;
	s64 uid, gid; /* -1: the next free one; gid -1: a group of the user's own */
};
struct recipe_pair {
	const char *key, *value;
};
struct recipe {
	const char *distribution;      /* "debian", "ubuntu" */
	const char *const *suites;     /* the first is the release; NULL: none said */
	bool only_suites;              /* nothing is added to them: -updates, -security */
	const char *const *components; /* NULL: what the sources say, or main */
	const char *mirror, *security_mirror, *snapshot, *keyring;
	const char *apt;               /* directory of the host's sources; NULL: /etc/apt */
	bool allow_unsigned, any_date;
	const char *const *archs;      /* Debian's names; NULL: the host's */
	const char *const *packages, *const *exclude;
	bool recommends;
	const char *const *keep, *const *drop; /* patterns of paths (str_glob), without a leading slash */
	bool docs, manuals, locales; /* kept */
	struct recipe_user *users;
	u32 n_users;
	const char *const *entrypoint, *const *cmd, *const *env, *const *ports, *const *volumes; /* NULL: none said */
	struct recipe_pair *labels, *annotations;
	u32 n_labels, n_annotations;
	const char *user, *workdir, *stop_signal;
	u32 layers;                    /* at most so many; 0: one a package */
	const char *timezone;          /* /etc/localtime; NULL: Etc/UTC */
};
void recipe_init(struct recipe *r);
int recipe_parse(struct str text, const char *name, struct arena *a, struct recipe *r, struct error *err) must_check; /* what it doesn't say stays */
int recipe_read(const char *file, struct arena *a, struct recipe *r, struct error *err) must_check;
const char *const *recipe_words(struct arena *a, const char *text); /* "main contrib", "a,b": NULL-terminated */
/* Debian's name of an architecture ("amd64", "armhf", "i386") for a platform ("linux/arm/v7") and back; NULL: there is none. */
struct platform;
const char *recipe_arch(const struct platform *p);
bool recipe_platform(const char *arch, struct platform *ret) must_check;
#endif
