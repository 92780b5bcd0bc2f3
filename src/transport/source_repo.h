/* source_repo.h — an image of a place that keeps content under its digest (repo.h) as a source: chosen from an index, documents verified, layers as streams from several threads. */
#ifndef PARE_TRANSPORT_SOURCE_REPO_H
#define PARE_TRANSPORT_SOURCE_REPO_H
#include "transport/repo.h"
#include "transport/transport.h"

#define SOURCE_REPO_DOCUMENTS 64 /* manifests and indexes that are asked for to choose one image */

/* Takes r, on failure too. What it is asked for is what its location names. 1: it has nothing of that name. `blobs`: a directory that is known to hold its blobs as an OCI layout does,
 * which are then read there; -1: none (taken). With need_content the layers of a place that is not on this machine are kept in spool_dir as they pass. */
int source_repo(struct repo *r, int blobs, const struct source_options *opt, struct source **ret, struct error *err) must_check;
/* docker://REF and pare:REF as sources: `1` as above, in place of their transports' error. */
int source_registry(const char *ref, const struct source_options *opt, struct source **ret, struct error *err) must_check;
int source_store(const char *ref, const struct source_options *opt, struct source **ret, struct error *err) must_check;
#endif
