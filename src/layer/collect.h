/* collect.h — what takes facts from the content of files while a layer passes by.
 *
 * A collector says which files it wants: by their path, or by what they begin with. It gets the content whole (inside its limit), or
 * piece by piece in constant memory, and leaves a note in the layer's facts: any bytes that it can read back later, when the image's tree is known and
 * the file turns out to be visible. It sees one layer only and no order. Several collectors may want the same file; each leaves its own note. */
#ifndef PARE_LAYER_COLLECT_H
#define PARE_LAYER_COLLECT_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "base/str.h"
#include "layer/tar.h"

enum collector_id { /* stored in notes: never renumbered */
	COLLECT_DPKG = 1,
	COLLECT_APK = 2,
	COLLECT_RPM = 3,
	COLLECT_OSRELEASE = 4,
	COLLECT_PACMAN = 5,
	COLLECT_NPM = 6,
	COLLECT_PYTHON = 7,
	COLLECT_GEM = 8,
	COLLECT_JAVA = 9,
	COLLECT_COMPOSER = 10,
	COLLECT_NUGET = 11,
	COLLECT_CONDA = 12,
	COLLECT_BINARY = 13,  /* programs: their ELF facts, Go and Rust build information, what their bytes say they are */
	COLLECT_SBOM = 14,    /* documents in the image: SPDX, CycloneDX, Bitnami */
	COLLECT_SECRET = 15,
	COLLECT_LICENSE = 16, /* copyright and licence files */
	COLLECT_ACCOUNTS = 17, /* etc/passwd, shadow, sshd_config …: what the configuration checks ask */
	COLLECT_PROGRAM = 18, /* what scripts start, where the loader looks */
	COLLECT_SOURCE = 19,  /* what sources and texts refer to */
	COLLECT_REFER = 20,   /* what ELF files refer to besides libraries */
};

#define COLLECT_HEAD ((size_t)4096) /* how much of a file's beginning sniff() sees, at most */

/* A collector that reads in constant memory. One `state` a layer, so one a thread; begin … feed … end for each file that was wanted. */
struct collector_stream {
	void *(*open)(void);
	void (*begin)(void *state, struct str dir, struct str name, const struct tar_entry *e);
	void (*feed)(void *state, struct str piece); /* in order, all of the content; the first piece holds at least min(COLLECT_HEAD, size) bytes */
	int (*end)(void *state, struct buf *note, struct error *err); /* an empty note is not kept. -1: damaged; what is in the note is kept all the same */
	void (*close)(void *state);
};

struct collector {
	enum collector_id id;
	u32 version;   /* raise when notes change: kept facts are then read again */
	const char *name;
	u64 limit;     /* bytes of content; a larger file is a problem ("over a budget"), not a quiet nothing */
	/* Whether the file at this clean path ("var/lib/dpkg/status") is wanted. Cheap: asked for every regular file. NULL: none by its path. */
	bool (*wants)(struct str dir, struct str name);
	/* Whether it is wanted for its beginning (COLLECT_HEAD bytes, or all of a shorter one); asked when wants() said no. NULL: never. */
	bool (*sniff)(struct str dir, struct str name, const struct tar_entry *e, struct str head);
	/* Makes the note from the content. NULL: the note is the content. -1: the file is damaged (a problem of the layer). */
	int (*take)(struct str dir, struct str name, struct str content, struct buf *note, struct error *err);
	const struct collector_stream *stream; /* not NULL: instead of take; `limit` is then how much of a file is fed, the rest is a problem, too */
};

/* The sets of collectors that are asked for, each a part of the next: facts of a larger set answer for a smaller one (store/load.h). */
enum collector_set {
	COLLECT_NOTHING,
	COLLECT_OS,       /* the package managers' databases: who owns which file */
	COLLECT_PACKAGES, /* all that is inside: languages, programs, licences */
	COLLECT_ALL,      /* and secrets, and what the configuration checks ask */
};
#endif
