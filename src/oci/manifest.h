/* manifest.h — the documents of an image: index, manifest, configuration (OCI image specification 1.1; Docker image
 * manifest version 2, schema 2). Parsed into an arena, no I/O. Numbers, digests and counts are checked here; nothing
 * that comes out can name a file outside `blobs/`. */
#ifndef PARE_OCI_MANIFEST_H
#define PARE_OCI_MANIFEST_H
#include "base/arena.h"
#include "base/common.h"
#include "base/error.h"
#include "base/json.h"
#include "oci/digest.h"
#include "oci/platform.h"

#define MT_INDEX "application/vnd.oci.image.index.v1+json"
#define MT_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MT_CONFIG "application/vnd.oci.image.config.v1+json"
#define MT_EMPTY "application/vnd.oci.empty.v1+json" /* of a configuration that says nothing: {} */
#define MT_LAYER "application/vnd.oci.image.layer.v1.tar"
#define MT_DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define MT_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MT_DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+" /* …json, …prettyjws: no longer written by anything, and not read */
#define MT_DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"
#define MT_DOCKER_LAYER "application/vnd.docker.image.rootfs.diff.tar.gzip"

#define OCI_LAYERS_MAX 16384   /* layers of one image */
#define OCI_MANIFESTS_MAX 65536 /* descriptors of one index */
#define OCI_NESTED_MAX 8       /* indexes inside indexes */

struct descriptor {
	const char *media_type; /* "" when absent */
	struct digest digest;
	u64 size;
	struct platform platform;
	const char *ref_name;   /* annotation org.opencontainers.image.ref.name, or NULL */
	const char *image_name; /* annotation io.containerd.image.name, or NULL */
	const char *bad;        /* why it cannot be used (then digest is none); NULL when it can */
	bool refers;            /* an entry of index.json with an artifactType and no name: about an image, and none that is meant where nothing is named */
	bool attestation;       /* vnd.docker.reference.type: describes another manifest, is no image */
};

struct index {
	struct descriptor *manifests;
	u32 n;
};

struct manifest {
	const char *media_type;
	struct descriptor config;
	struct descriptor *layers;
	u32 n;
	json_t *annotations; /* borrowed from the document; may be NULL */
};

struct history {
	const char *created_by, *comment, *created, *author; /* NULL when absent */
	bool empty_layer;
};

struct config {
	struct platform platform;
	const char *created, *author; /* NULL when absent */
	const char *user, *workdir, *stop_signal;
	const char **env, **entrypoint, **cmd, **shell, **volumes, **ports, **onbuild; /* NULL-terminated; never NULL */
	const char **label_keys, **label_values;
	bool healthcheck; /* one is set and is not NONE */
	const char **health; /* its Test, as it is: {"CMD", …} or {"CMD-SHELL", LINE}; NULL-terminated, never NULL */
	struct digest *diff_ids;
	u32 n_diff_ids, bad_diff_ids;
	struct history *history;
	u32 n_history;
};

/* Each parses one document into `a`; strings are copied there. `doc` stays the caller's. A descriptor (or diff ID) of a list that is wrong does not
 * spoil the others: it is there with `bad` set (a diff ID: none, and config.bad_diff_ids counts it). */
int index_parse(struct arena *a, const json_t *doc, struct index *ret, struct error *err) must_check;
int manifest_parse(struct arena *a, const json_t *doc, struct manifest *ret, struct error *err) must_check;
int config_parse(struct arena *a, const json_t *doc, struct config *ret, struct error *err) must_check;

bool media_type_is_index(const char *mt);
bool media_type_is_manifest(const char *mt);
#endif
