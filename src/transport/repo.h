/* repo.h — places that keep content under its digest: a registry's repository, an OCI layout, our store. What copying, signing, deleting and pruning stand on.
 *
 *	docker://REF        a registry (repo_registry.c)
 *	oci:DIR[:TAG]       an OCI image layout in a directory (repo_layout.c); oci-archive:FILE[:TAG] the same in an archive, to read only
 *	pare:REF            our store (store/repo_store.c)
 *
 * A document (manifest, index) is small and whole; a blob is a stream. Both are verified: what comes out has the digest it was asked for under, or is an error.
 * Nothing of a document is visible under a tag before repo_put_document() has come back; all it names has to be there before.
 *
 * Threads: repo_has, repo_blob and repo_put_blob may be called from several threads at once; everything else from one.
 * Errors: ERR_USAGE a location that is none; ERR_INPUT damage, a wrong digest, a document that is none; ERR_ENV network, refusal, disk, and of a registry what comes wrong over the network. */
#ifndef PARE_TRANSPORT_REPO_H
#define PARE_TRANSPORT_REPO_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "layer/stream.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "transport/fetch.h"

#define REPO_DOCUMENT_MAX ((size_t)(4 * MiB)) /* of a manifest or index, as the distribution specification advises */
#define REPO_TAGS_MAX 100000u
#define REPO_REFERRERS_MAX 10000u

struct repo_options {
	bool write;              /* it is going to be written: made when absent, the right to push is asked for */
	bool erase;              /* the right to delete, too */
	bool tls_verify_off;     /* --tls-verify=false */
	bool plain_http;
	const char *user;        /* --creds USER:PASSWORD of a registry; NULL: what a login left (auth.h) */
	const char *certs;       /* --cert-dir; NULL: the usual certs.d */
	const char *store;       /* as load_options.store, for pare: */
	struct fetch_options fetch;
};

struct repo;
/* 0; 1: the location is of a place that keeps no digests (docker-archive, an engine, a root file system, a bare path that is none of them). */
int repo_open(const char *location, const struct repo_options *opt, struct repo **ret, struct error *err) must_check;
void repo_close(struct repo *r); /* NULL is fine */
/* What was put here is of no use, for the rest of it failed: of a layout it goes with repo_close(), unless something was named or somebody else may rely on it. NULL is fine. */
void repo_give_up(struct repo *r);

/* A manifest or an index, exactly as it is kept. */
struct document {
	struct buf bytes;       /* to be freed by document_free() */
	char type[128];         /* media type: what the place says, else what the document says */
	struct digest digest;
};
void document_free(struct document *d);

/* `which`: a tag, "sha256:…", or NULL for what the location names (or its only one). *ret is untouched unless 0 comes back; 1: there is none of that name. */
int repo_document(struct repo *r, const char *which, struct document *ret, struct error *err) must_check;
/* The stored bytes, verified at their end; continued by itself where a connection breaks. `from`: how many bytes the caller has already (they are then his to verify: no digest is
 * checked, the length is). */
int repo_blob(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err) must_check;
/* 1: it is there, 0: it is not. */
int repo_has(struct repo *r, const struct descriptor *d, struct error *err) must_check;

/* Where the bytes to put come from: may be asked again, from any place, when a transfer breaks. Called from the thread of repo_put_blob. */
struct blob_from {
	int (*open)(void *ctx, u64 from, struct stream **ret, struct error *err);
	void *ctx;
	bool sound;        /* from the first byte on, these fail at their end unless they are what the descriptor says: a place on this machine need not hash them again */
	int file;          /* > 0: a file without a name (base/file.h) that holds these bytes and nothing else, `sound`: a place on its file system may take it as it is */
	const char *mount; /* "library/alpine": a repository of the same registry that has it; NULL: none is known */
};
enum put { PUT_SENT, PUT_THERE, PUT_MOUNTED };
/* Unless it is there. What does not have the descriptor's digest and size never appears. */
int repo_put_blob(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err) must_check;
/* Under `tag`, NULL: what the location names, "": by its digest alone. A document with a `subject` is also listed among its referrers (where the registry doesn't do that itself: by the
 * fallback tag, distribution specification, "Pushing Manifests with Subject"). `digest` of the bytes is computed; *ret it, NULL is fine. */
int repo_put_document(struct repo *r, const char *tag, const char *type, struct str bytes, struct digest *ret, struct error *err) must_check;

/* Whether the document may be put under what the location names: not when that says another digest. Asked by the above; before blobs are sent, by who sends them. */
int repo_expects(const struct repo *r, struct str bytes, struct error *err) must_check;

/* Descriptors of what refers to a manifest (API, or the fallback tag), as an index document with the field artifactType and annotations of each; `type` NULL: of all types. The caller's. */
json_t *repo_referrers(struct repo *r, const struct digest *subject, const char *type, struct error *err) must_check;
/* Every tag, sorted bytewise; all pages. f returns -1 to stop with its own error. */
int repo_tags(struct repo *r, int (*f)(void *ctx, const char *tag, struct error *err), void *ctx, struct error *err) must_check;
/* A tag or a digest. Where a registry deletes no tags the manifest is NOT deleted instead: that is ERR_ENV with the remedy. 1: there was none. */
int repo_delete(struct repo *r, const char *which, struct error *err) must_check;

const char *repo_name(const struct repo *r);     /* for people: "quay.io/app/web:1", "oci:dir:1" */
/* The location is an ID of our store, or the beginning of one, and no name (of what may be either it is known once the document was read): no rule about names speaks of it. */
bool repo_nameless(const struct repo *r);
const char *repo_transport(const struct repo *r); /* "docker", "oci", "oci-archive", "pare" */
/* docker://: "host[:port]" and the repository's path; NULL for others. Two places of the same registry can mount. */
const char *repo_registry(const struct repo *r);
const char *repo_path(const struct repo *r);
/* A directory on the file system where the blobs go, once it is open for writing: where blob_from.file is best made. NULL: there is none. */
const char *repo_dir(const struct repo *r);

/* For the kinds: the first member of each is a struct repo. */
struct repo_ops {
	const char *transport;
	int (*document)(struct repo *r, const char *which, struct document *ret, struct error *err);
	int (*blob)(struct repo *r, const struct descriptor *d, u64 from, struct stream **ret, struct error *err);
	int (*has)(struct repo *r, const struct descriptor *d, struct error *err);
	int (*put_blob)(struct repo *r, const struct descriptor *d, const struct blob_from *from, enum put *how, struct error *err);
	int (*put_document)(struct repo *r, const char *tag, const char *type, struct str bytes, const struct digest *digest, struct error *err);
	json_t *(*referrers)(struct repo *r, const struct digest *subject, struct error *err);
	int (*tags)(struct repo *r, int (*f)(void *ctx, const char *tag, struct error *err), void *ctx, struct error *err);
	int (*erase)(struct repo *r, const char *which, struct error *err);
	void (*close)(struct repo *r); /* what ops keep; repo_close() does the rest */
};
struct repo {
	const struct repo_ops *ops;
	struct arena arena;
	const char *name, *registry, *path;
	struct digest named; /* that the location says (NAME[:TAG]@sha256:…): nothing else is put under its name; none: it says none */
	const char *dir; /* of this machine, where what is written goes; NULL: none */
	bool write, given_up, nameless;
};
struct repo *repo_new(size_t size, const struct repo_ops *ops);
int repo_registry_open(const char *ref, const struct repo_options *opt, struct repo **ret, struct error *err) must_check;  /* behind "docker://" */
int repo_layout_open(const char *detail, const struct repo_options *opt, struct repo **ret, struct error *err) must_check;  /* behind "oci:" */
int repo_archive_open(const char *detail, const struct repo_options *opt, struct repo **ret, struct error *err) must_check; /* behind "oci-archive:" */
int repo_store_open(const char *ref, const struct repo_options *opt, struct repo **ret, struct error *err) must_check;      /* behind "pare:"; made by store/ */
#endif
