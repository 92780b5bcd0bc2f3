/* package.h — the packages of an image and who owns which file, from the notes that the collectors took.
 *
 * One ecosystem a file: its collector (what it wants from the stream) and its reader (notes of the visible database files to
 * packages and owners), gathered in `ecosystems[]`. To add one: a new file with a `const struct ecosystem`, a line in the table, an id in collect.h. */
#ifndef PARE_PACKAGE_PACKAGE_H
#define PARE_PACKAGE_PACKAGE_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/collect.h"
#include "rootfs/rootfs.h"

struct package {
	const char *type;    /* purl's: "deb", "apk", "rpm" */
	const char *name, *version, *arch;
	const char *source_name, *source_version; /* never NULL; equal to name and version when the database says nothing else */
	const char *license;  /* as the database says, "" when it doesn't */
	const char *summary;  /* one line, "" */
	const char *section;  /* dpkg's Section, rpm's Group, "" */
	const char *depends;  /* raw dependency field, "" */
	bool essential, automatic; /* dpkg: Essential: yes; apt: installed as a dependency (extended_states) */
	node_id database;     /* the file that says so */
	u32 layer;            /* that installed it: of most of its files' bytes; of the database when it owns none */
	u64 installed_size;   /* as the database claims, bytes; 0 unknown */
	u64 bytes;            /* measured: visible bytes of the files it owns (an inode counts once) */
	u32 files;            /* visible files it owns */
};

struct packages {
	struct arena arena;
	struct package *v; /* sorted by type, name, version, arch */
	u32 n, cap;
	u32 *owner;        /* by node_id: 1 + index into v, 0 when nobody owns it; nodes.n long */
	u64 bytes;         /* of all owned files together */
	const char *os_id, *os_version, *os_pretty; /* /etc/os-release; "" when absent */
	struct problems problems; /* a database that could not be read: `incomplete` */
	struct packages_near *near; /* while packages_read() runs: directories and links that were looked up */
};

struct ecosystem {
	const char *type;
	const struct collector *collector;
	/* Adds this ecosystem's packages and claims files with packages_own(). Damage goes to p->problems. */
	void (*read)(const struct rootfs *r, struct packages *p);
};
extern const struct ecosystem *const ecosystems[];          /* NULL-terminated */
extern const struct collector *const package_collectors[]; /* theirs and os-release's; NULL-terminated: for struct layer_options */

struct packages *packages_read(const struct rootfs *r);
void packages_free(struct packages *p);

/* For ecosystems: a new package with empty strings, returned by index (v moves); later packages_own() with that index. */
u32 packages_add(struct packages *p, const char *type);
/* The file at `path` (absolute or relative to the root, parents may be symbolic links) belongs to package i. First owner wins; directories
 * are nobody's. Only while packages_read() runs. */
void packages_own(struct packages *p, const struct rootfs *r, u32 i, struct str path);
/* Note that `id`'s collector left on the file that a node names; p NULL when there is none. */
struct str packages_note(const struct rootfs *r, node_id node, enum collector_id id);
#endif
