/* sink.h — places that images are written to: docker-archive, oci-archive, oci; a registry (docker://REF), our store (pare:REF), the Docker engine (docker-daemon:REF).
 *
 * A result appears at once or not at all, and can be read before it appears:
 *
 *	sink_open → sink_layer / sink_copy, lowest layer first → sink_seal → read it back from sink_staged() → sink_commit → sink_close
 *
 * Until sink_commit() everything is beside its place ("FILE.part-…", "DIR/.pare-…"); sink_close() without a commit removes it.
 * The bytes depend on what is written alone: no clock, no host, no random names inside.
 *
 * docker-archive: config "HEX.json", layers "HEX.tar" (HEX of the diff ID), always plain, manifest.json: what docker since 1.10,
 * podman and skopeo load. oci-archive: an OCI image layout in a tar. oci: a layout in a directory; one that is there already
 * keeps its other images, and only the entry with the same tag is replaced (blobs first, index.json last). The other three (sink_staged.c) are given all of it at
 * sink_commit(): until then it is in a directory of the store, or of $TMPDIR, from which it is read back.
 */
#ifndef PARE_TRANSPORT_SINK_H
#define PARE_TRANSPORT_SINK_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/stream.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "transport/repo.h"

struct sink_layer { /* a layer as it is stored now */
	struct digest diff_id; /* of the plain tar */
	struct digest digest;  /* of the stored bytes */
	u64 size;              /* stored bytes */
	enum compression compression;
	const char *media_type; /* NULL: the OCI one of its compression */
	json_t *annotations;    /* of its descriptor, borrowed; NULL: none */
};

struct sink_image {
	struct str config;
	const struct sink_layer *layers;
	u32 n_layers;
	json_t *annotations;   /* of the manifest, borrowed; NULL: none */
	const char *reference; /* the name the image had, used when the location gives none; NULL: none */
	const char *const *aliases; /* docker-archive, docker-daemon, oci-archive: what else it is called, NULL-terminated; NULL: nothing */
	json_t *entries;       /* oci-archive: descriptors for index.json, borrowed, whose documents are stored already: no manifest is made, the first gets the name. NULL: none */
};

/* A document about the image: a manifest of its own with the image's as its subject (OCI image specification, manifest.md, "Guidelines for Artifact Usage"). */
struct sink_attachment {
	const char *type;  /* media type: of the artifact, and of its one layer */
	const char *title; /* org.opencontainers.image.title of that */
	struct str bytes;
};
#define SINK_ATTACHMENTS_MAX 8u

struct sink;
struct sink_ops {
	const char *format;
	bool plain; /* layers are stored uncompressed */
	/* One blob at a time: begin, write…, then end (it is named now; a second of the same name is dropped) or undo. */
	int (*begin)(struct sink *s, u64 at_most, struct error *err);
	int (*write)(struct sink *s, struct str bytes, struct error *err);
	int (*end)(struct sink *s, const struct digest *digest, const char *suffix, struct error *err);
	void (*undo)(struct sink *s);
	int (*seal)(struct sink *s, const struct sink_image *img, struct error *err);
	int (*attach)(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err); /* NULL: it keeps none */
	int (*commit)(struct sink *s, struct error *err);
	void (*close)(struct sink *s);
};

struct sink { /* the first member of every kind */
	const struct sink_ops *ops;
	struct arena arena;
	const char *path;   /* FILE or DIR as the user wrote it */
	const char *tag;    /* REF or TAG of the location, NULL when it has none */
	const char *staged; /* see sink_staged() */
	json_t *manifest;   /* descriptor of the image's, once it is sealed, of a place that has such */
	json_t *attached;   /* descriptors of what refers to it; NULL: nothing does */
	u64 written;        /* bytes of the blob begun */
};

/* LOCATION is FORMAT:PATH[:TAG], or a bare path: then `format` (NULL: not given) says what to write, or the name's end does (".tar"
 * is a docker-archive). ERR_USAGE when it cannot be a place to write to, ERR_ENV when it cannot be written. */
int sink_open(const char *location, const char *format, struct sink **ret, struct error *err) must_check;
/* The same with what a registry or the store needs to know; NULL: nothing is said. */
int sink_open_with(const char *location, const char *format, const struct repo_options *opt, struct sink **ret, struct error *err) must_check;
void sink_close(struct sink *s); /* NULL is fine */

/* Stores a layer from its plain tar (taken), compressed unless the place stores plain ones. When the stored form comes to `limit` bytes or
 * more (0: no limit) it is forgotten, and 1 is returned with *ret untouched. `at_most`: upper bound of the plain length. */
int sink_layer(struct sink *s, struct stream *plain, enum compression kind, int level, u64 at_most, u64 limit, struct sink_layer *ret, struct error *err) must_check;
/* Stores stored bytes (taken) as they are; they must have this digest and length. */
int sink_copy(struct sink *s, struct stream *stored, const struct digest *digest, u64 size, struct error *err) must_check;

int sink_seal(struct sink *s, const struct sink_image *img, struct error *err) must_check;
/* The sealed result as a location to read from: "docker-archive:out.tar.part-a8Xk". Lives as long as the sink. */
const char *sink_staged(const struct sink *s);
/* Once, after sink_seal(): they appear together with the image. */
int sink_attach(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err) must_check;
/* ERR_USAGE when what goes there can have nothing attached; for a location that sink_open() would take. */
int sink_could_attach(const char *location, const char *format, struct error *err) must_check;
/* Digest of the sealed manifest as text; NULL where there is none. */
const char *sink_digest(const struct sink *s);
int sink_commit(struct sink *s, struct error *err) must_check;

/* For the kinds. */
struct sink *sink_new(size_t size, const struct sink_ops *ops, const char *path, const char *tag);
int sink_archive_open(const char *path, const char *tag, bool oci, struct sink **ret, struct error *err) must_check;
int sink_layout_open(const char *path, const char *tag, struct sink **ret, struct error *err) must_check;
int sink_repo_open(const char *location, const struct repo_options *opt, struct sink **ret, struct error *err) must_check;
int sink_engine_open(const char *ref, const char *store, struct sink **ret, struct error *err) must_check;
int sink_blob(struct sink *s, struct str bytes, const char *suffix, struct digest *ret, struct error *err) must_check; /* a small one, whole */
/* The documents of an OCI layout for img, whose config is stored: stores the manifest, returns its descriptor for index.json. */
json_t *sink_manifest(struct sink *s, const struct sink_image *img, struct error *err) must_check;
int sink_put_attachments(struct sink *s, const struct sink_attachment *v, u32 n, struct error *err) must_check; /* as blobs; s->attached */
json_t *sink_entries(struct sink *s, const struct sink_image *img, struct error *err) must_check; /* the list of index.json: that one, or img->entries */
struct str sink_dump(struct arena *a, const json_t *doc); /* compact, keys in their order */
/* A list of "name:tag" as docker writes it for the image, null when it has no name that docker would take. */
json_t *sink_repo_tags(struct sink *s, const struct sink_image *img);
#endif
