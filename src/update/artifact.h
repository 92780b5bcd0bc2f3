/* artifact.h — a ready database in a registry: an OCI artifact (image specification 1.1, "Guidelines for Artifact Usage").
 *
 * The manifest has ARTIFACT_TYPE, the empty configuration, and one layer, the database compressed with zstd (pulling takes gzip, xz and plain ones too). Its annotations say the newest
 * date of each feed, "vnd.pare.advisories.newest.KIND", and of all, "org.opencontainers.image.created": no clock has a part in it, so the same database makes the same artifact. */
#ifndef PARE_UPDATE_ARTIFACT_H
#define PARE_UPDATE_ARTIFACT_H
#include "base/arena.h"
#include "oci/digest.h"
#include "transport/registry.h"

#define ARTIFACT_TYPE "application/vnd.pare.advisories.v1"
#define ARTIFACT_LAYER "application/vnd.pare.advisories.db.v1"

struct artifact {
	const char *name; /* "registry.example/security/advisories:latest" */
	struct digest manifest, layer;
	u64 size;         /* of the layer, as it is stored */
	bool news;        /* pulled: the database was replaced; pushed: the layer was sent */
};
/* REGISTRY/REPOSITORY:TAG, with "oci://" or "docker://" in front or not. ERR_USAGE. */
int artifact_name(struct arena *a, const char *text, struct reference *ret, struct error *err) must_check;

/* Replaces the database at `db` by the one of that name, unless it is it (update_is_built). What does not open as a database never appears. */
int artifact_pull(struct arena *a, const struct reference *name, const char *store, const char *db, const struct registry_options *opt, struct artifact *ret,
                  struct error *err) must_check;
int artifact_push(struct arena *a, const struct reference *name, const char *store, const char *db, const struct registry_options *opt, struct artifact *ret,
                  struct error *err) must_check;

/* Out of a manifest's text: its layer. 1: it is an index, and *layer the manifest in it that is meant. */
int artifact_read(struct str text, struct digest *layer, u64 *size, struct error *err) must_check;
#endif
