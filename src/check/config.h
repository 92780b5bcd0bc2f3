/* config.h — how an image is set up: who it runs as, what raises privileges, who may write where, which accounts it has, what was left in, how it was built. Dockle's checks, those of
 * the CIS Docker benchmark on images, and more.
 *
 * A check is a line of config_checks[]; what it finds are findings of KIND_CONFIG, one a place, CONFIG_PLACES at most: the others are told together in a last one (scan_finding.count).
 * Values of variables, passwords and their hashes are never shown. */
#ifndef PARE_CHECK_CONFIG_H
#define PARE_CHECK_CONFIG_H
#include "layer/image.h"
#include "package/package.h"
#include "rootfs/rootfs.h"
#include "rule/scan.h"

#define CONFIG_PLACES 20u

enum config_id {
	/* the configuration */
	C_ROOT_USER, C_NO_HEALTHCHECK, C_EXPOSED_SSH, C_SENSITIVE_VOLUME, C_MISSING_LABELS, C_LATEST_TAG, C_OLD_IMAGE,
	/* the history */
	C_REMOTE_ADD, C_UNVERIFIED_PACKAGES, C_UPDATE_ALONE, C_DIST_UPGRADE, C_SUDO_IN_BUILD,
	/* the tree */
	C_SETUID, C_SETGID, C_CAPABILITIES, C_PRIVILEGED, C_SYSTEM_PATH, C_OWN_SYSTEM_PATH, C_WRITABLE_FILE, C_WRITABLE_DIR, C_PRIVATE_KEY, C_ENV_FILE, C_CREDENTIALS, C_GIT, C_SHELL_HISTORY, C_BUILD_FILE,
	C_CACHE, C_PACKAGE_MANAGER, C_SHELL, C_SSH_SERVER,
	/* accounts */
	C_EMPTY_PASSWORD, C_WEAK_HASH, C_PASSWORD_HASH, C_SECOND_ROOT, C_SAME_UID, C_SAME_NAME, C_SAME_GID, C_SAME_GROUP, C_SUDO_NOPASSWD, C_SSHD_ROOT, C_SSHD_EMPTY, C_SSHD_PASSWORD,
	CONFIG_CHECKS,
};

struct config_check {
	const char *id;      /* stable: "root-user" */
	const char *aliases; /* what others call it: dockle's CIS-DI- and DKL-, the CIS Docker benchmark's number, trivy's; separated by blanks */
	const char *one, *many; /* "setuid file", "setuid files": of several places in one line. NULL: never several */
	const char *why, *remedy;
	enum severity severity;
};
extern const struct config_check config_checks[CONFIG_CHECKS];
const struct config_check *config_check_get(const char *id); /* NULL: none */

/* Adds what is wrong. `p`: whose files are whose; may be NULL. today: "2026-01-31", for the age of the image; "" or NULL: not asked. A file that `out` has a secret of already
 * is not told of again for its name. */
void config_find(const struct image *img, const struct rootfs *r, const struct packages *p, const char *today, struct scan *out);

/* --- between the files of this topic --- */
struct config_asking {
	const struct image *img;
	const struct rootfs *r;
	const struct packages *p;
	const char *today;
	struct scan *out;
	u32 told[CONFIG_CHECKS];            /* findings so far */
	u32 rest[CONFIG_CHECKS];            /* how many more places there were */
	node_id rest_first[CONFIG_CHECKS];
	struct buf path;
};
/* A finding, its title by printf. NULL: there are CONFIG_PLACES of them already. */
struct scan_finding *config_tell(struct config_asking *a, enum config_id id, const char *title, ...) printf_like(3, 4);
/* The same of a file: its path and layer; counted when there are too many. title NULL: the check's `one` and the path. */
struct scan_finding *config_tell_node(struct config_asking *a, enum config_id id, node_id node, const char *title);
/* The numeric user that the image runs as: false when it is root or cannot be told. */
bool config_user(const struct config_asking *a, u32 *uid);
void config_tree(struct config_asking *a);
void config_accounts(struct config_asking *a);
void config_history(struct config_asking *a);
#endif
