/* copy.h — COPY and ADD, as BuildKit does them (its solver/llbsolver/file, fsutil/copy; docs/reference.md): which files, and where to.
 *
 *	sources ── patterns resolved ──> files of a context, of a tree, texts, fetched files ── placed ──> the tree of the step
 *
 * The whole of it happens in a child (run/root.h) in which the step's tree is mounted: links in the tree are followed inside it and lead nowhere else. Whatever a context's links name outside of it is not there.
 * A source that climbs out of its context ("../x") is refused. Wildcards are Go's filepath.Match's. Archives of ADD: tar, plain or compressed as base/archive.h reads it; never a zip. Names in them that lead out are refused. */
#ifndef PARE_BUILD_COPY_H
#define PARE_BUILD_COPY_H
#include "build/context.h"
#include "build/snapshot.h"

enum copy_kind { COPY_FILES, COPY_TEXT, COPY_URL, COPY_GIT };
struct copy_item {
	enum copy_kind kind;
	struct str source;      /* a path or pattern as expanded; a URL; of a text (here-document) its file name */
	struct str text;
};
struct copy_spec {
	bool add;               /* ADD: archives are unpacked, URLs fetched */
	const struct copy_item *items;
	u32 n;
	struct str dest;        /* as expanded: absolute, or relative to workdir; a '/' at the end counts */
	const char *workdir;    /* "/" unless set */
	bool parents, link, keep_git_dir;
	bool literal;           /* sources are paths, whatever is in them: no patterns */
	int unpack;             /* --unpack of ADD: -1 not given */
	struct str chown, chmod, checksum; /* p NULL: not given */
	const struct str *exclude;
	u32 n_exclude;
	u32 text_mode;          /* of here-documents' files; 0: 0664, as BuildKit's own frontend has it; those that are asked for by name (# syntax=) have had 0644 for years */
	s64 time;               /* of everything it brings from a context, a text or a directory it makes; files of other trees and of archives keep theirs (not over the epoch, if one is given) */
	s64 epoch;              /* < 0: none */
};
/* Where its files come from: one of them. Neither: texts, URLs and git alone. */
struct copy_from {
	struct context *context;
	const struct snapshot *tree;
	const struct digest *tree_id; /* its chain's, for the key */
	const struct secrets *secrets; /* for git.h; NULL: none */
};
/* What it depends on, into the key (without what is below it: of a --link copy nothing is). Fetches what is to be fetched, which stays in `dir` until copy_fetched_free(). ERR_INPUT with the name of a source that is not there. */
struct copy_fetched;
int copy_key(const struct copy_spec *c, const struct copy_from *from, const char *dir, struct cache_key *k, struct copy_fetched **ret, struct error *err) must_check;
/* Of an item of ADD that is from elsewhere: where that is, without credentials, and which bytes or commit they are ("sha256:…", "sha1:…"); as long as `f` lives. false: it is none. */
bool copy_origin(const struct copy_fetched *f, u32 item, const char **uri, const char **digest);
void copy_fetched_free(struct copy_fetched *f); /* NULL is fine */
/* Does it, on `u` above `below`; names of --chown are looked up in that tree's /etc/passwd and /etc/group. */
int copy_do(const struct copy_spec *c, const struct copy_from *from, struct copy_fetched *f, const struct run_ids *ids, const struct snapshot *below, const struct upper *u, struct error *err) must_check;
#endif
