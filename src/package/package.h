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

enum package_origin {
	ORIGIN_DATABASE,  /* a package manager of the system */
	ORIGIN_INSTALLED, /* a language's package manager, by what it left where the package is installed */
	ORIGIN_BINARY,    /* out of a program's bytes */
	ORIGIN_DOCUMENT,  /* an SBOM says so */
};
extern const char *const package_origin_text[]; /* "database" "installed" "binary" "document" */

enum package_reach { REACH_UNKNOWN, REACH_YES, REACH_NO };

struct package {
	const char *type;    /* purl's: "deb", "apk", "rpm", "npm", "pypi", "gem", "maven", "golang", "cargo", "composer", "nuget", "conda", "alpm", "bitnami", "generic" */
	/* As the ecosystem writes it, namespace included: "bash", "@babel/core", "org.slf4j:slf4j-api", "github.com/spf13/cobra", "symfony/console".
	 * An rpm's version is [EPOCH:]VERSION-RELEASE, the epoch left out when it is 0 or absent; a golang version keeps its "v"; "" unknown. */
	const char *name, *version, *arch;
	enum package_origin origin;
	const char *purl;    /* made when all is read (purl.h); never NULL from then on */
	const char *path;    /* of the file that says so, "/usr/lib/…"; inside an archive "/app/x.war:WEB-INF/lib/y.jar"; "" for an SBOM that names none */
	const char *module;  /* rpm: modularity label "nodejs:18:…", "" */
	const char *vendor;  /* rpm: Vendor; "" */
	const char *source_name, *source_version; /* never NULL; equal to name and version when the database says nothing else */
	const char *license;  /* an SPDX expression as far as its words can be read as one (license.h); "" when nobody says */
	const char *summary;  /* one line, "" */
	const char *section;  /* dpkg's Section, rpm's Group, "" */
	const char *depends;  /* raw dependency field, "" */
	const char *provides; /* of the system's: other names it goes by, raw, "" (depend.h) */
	bool essential, automatic; /* dpkg: Essential: yes; apt: installed as a dependency (extended_states) */
	node_id database;     /* the file that says so; 0 when there is no tree (SBOM) */
	u32 within;           /* 1 + index of the OS package that owns that file: then it is not counted again (packages_read) */
	u32 layer;            /* that installed it: of most of its files' bytes; of the database when it owns none */
	u64 installed_size;   /* as the database claims, bytes; 0 unknown */
	u64 bytes;            /* measured: visible bytes of the files it owns (an inode counts once) */
	u32 files;            /* visible files it owns */
	bool placed;          /* an SBOM told its layer: there is no tree */
	u8 reach;             /* enum package_reach: whether what the image starts runs it or loads it; packages_reach() */
};
/* Whether `layer` means anything. */
static inline bool package_placed(const struct package *k) { return k->database || k->placed; }

struct packages {
	struct arena arena;
	/* Sorted by type, name, version, arch, path. One of a kind: what two databases of the system say alike is one package, in an SBOM what is known
	 * otherwise is not told again; packages of languages are as many as there are places. */
	struct package *v;
	u32 n, cap;
	u32 *owner;        /* by node_id: 1 + index into v, 0 when nobody owns it; n_owner == nodes.n long */
	u32 n_owner;
	u64 bytes;         /* of all owned files together */
	const char *os_id, *os_version, *os_pretty; /* /etc/os-release (else what the distribution's own release file says); "" when absent */
	const char *os_codename;                    /* VERSION_CODENAME, "" */
	const char *os_branch;       /* Alpine: the newest branch among the package manager's repositories, "3.20" or "edge"; "" */
	const char *os_content_sets; /* Red Hat: the repositories that its content manifests name, separated by blanks; "" */
	u64 executable_bytes, identified_bytes;     /* of the visible ELF files: all; those owned by a package or identified from their bytes */
	node_id *unidentified;                      /* the others, largest first; n_unidentified of them, at most 1000 */
	u32 n_unidentified;
	struct problems problems; /* a database that could not be read: `incomplete` */
	struct packages_near *near; /* while packages_read() runs: directories and links that were looked up */
};

struct ecosystem {
	const char *type;
	const struct collector *collector;
	enum collector_set set; /* the smallest that it belongs to */
	/* Adds this ecosystem's packages and claims files with packages_own(). Damage goes to p->problems. */
	void (*read)(const struct rootfs *r, struct packages *p);
};
extern const struct ecosystem *const ecosystems[];          /* NULL-terminated */
extern const struct collector *const package_collectors[]; /* of the system's (COLLECT_OS) and os-release's; NULL-terminated: for struct layer_options. The larger sets: report/subject.h */

/* Reads the notes that there are. `all`: packages of a language whose files an OS package owns are kept, too (they are left out otherwise). */
struct packages *packages_read(const struct rootfs *r, bool all);
/* Only of the ecosystems of this set: kept facts may hold more notes than were asked for, and the answer must not depend on them. */
struct packages *packages_read_set(const struct rootfs *r, enum collector_set set, bool all);
/* Sets `reach` of each, by the closure of the image's entry point (program/closure.h). Yes: one of its files runs or is loaded. No: all that runs is known, and it is not among it; or it is of a
 * language that nothing here speaks. Unknown: anything else, such as packages of which no file could be run at all. Needs the notes of COLLECT_PACKAGES. */
void packages_reach(struct packages *p, const struct rootfs *r);
/* Leaves out all but the packages of these types; `types` ends with NULL. */
void packages_keep(struct packages *p, const char *const *types);
void packages_free(struct packages *p);

/* Packages without a tree, as an SBOM tells of them: packages_new(), packages_add() for each, packages_finish() sorts them and makes what is missing
 * (purls, sources, licences as expressions). owner is NULL then, n_owner 0. */
struct packages *packages_new(void);
void packages_finish(struct packages *p);

/* For ecosystems: a new package with empty strings, returned by index (v moves); later packages_own() with that index. Its origin is the database of
 * the system for "deb", "apk", "rpm" and "alpm", else ORIGIN_INSTALLED. Whoever sets `database` need not set `path`: it is that file's then. */
u32 packages_add(struct packages *p, const char *type);
/* The file at `path` (absolute or relative to the root, parents may be symbolic links) belongs to package i. First owner wins; directories
 * are nobody's. Only while packages_read() runs. */
void packages_own(struct packages *p, const struct rootfs *r, u32 i, struct str path);
/* The visible files on which the collector left a note that is not empty, in the order of rootfs_next(); *ret is malloc'ed. Only while packages_read() runs. */
u32 packages_noted(struct packages *p, const struct rootfs *r, enum collector_id id, node_id **ret);
/* Note that `id`'s collector left on the file that a node names; p NULL when there is none. */
struct str packages_note(const struct rootfs *r, node_id node, enum collector_id id);
#endif
