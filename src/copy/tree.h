/* tree.h — what is copied, within copy/: documents in the order in which they are written, leaves first, and the blobs that they name, each once.
 *
 *	gather → (convert) → transfer → finish
 *
 * Ceilings: OCI_NESTED_MAX levels of indexes and as many of referrers, COPY_DOCUMENTS documents of COPY_DOCUMENT_BYTES together, COPY_BLOBS blobs. */
#ifndef PARE_COPY_TREE_H
#define PARE_COPY_TREE_H
#include "base/hashtab.h"
#include "copy/copy.h"
#include "transport/sink.h"

#define COPY_DOCUMENTS 16384u
#define COPY_DOCUMENT_BYTES ((u64)(256 * MiB))
#define COPY_BLOBS (1u << 18)
#define COPY_CONFIG_MAX ((u64)(32 * MiB)) /* of a configuration that is read, not only copied */

struct copy_doc {
	struct document doc;
	struct digest before;   /* before a conversion changed it; as doc.digest when none did */
	const char *tag;        /* put under this, too (cosign's tags); NULL: by its digest alone */
	bool index;
	bool attestation;       /* describes another manifest of its index */
	bool referrer;
	bool dropped;           /* has no place in the format that is made */
};

/* Made here: layers that were compressed, configurations, in files without a name. The first blobs have one each, which a target on the same file system may take as it is; what comes
 * after SPOOL_FILES - 1 of them stands in the last, one behind the other. */
#define SPOOL_FILES 64u
struct spool_file {
	int fd;
	u64 end;
	bool used; /* something stands in it, if only a blob without a byte */
};
struct spool {
	const char *dir;
	struct spool_file v[SPOOL_FILES];
	u32 n;
};

struct copy_blob {
	struct descriptor d;
	bool spooled;
	u32 file;      /* of the spool */
	u64 at;        /* in it */
	bool named;    /* by the documents as they are written */
	const char *mount;
	u64 counted;   /* bytes that the progress line has seen */
	enum put how;
};

struct copy_job {
	const struct copy_options *opt;
	struct repo *from, *to; /* from: NULL when the source keeps no digests */
	struct arena *a;        /* the caller's: results */
	struct arena own;
	struct copy_doc *docs;
	u32 n_docs, cap_docs, top;
	u64 doc_bytes;
	struct hashtab known;   /* of docs, by their digest before; index + 1 */
	struct copy_blob *blobs;
	u32 n_blobs, cap_blobs;
	struct hashtab blob_of; /* index + 1 */
	struct spool spool;
	struct copy_result *result;
	u32 cap_changes;
};

/* tree.c: the document that the location names, or the platform's, and all below it. */
int copy_gather(struct copy_job *j, struct error *err) must_check;
/* Document `d` (taken) and all below it behind the others; *ret its place. */
int copy_add(struct copy_job *j, struct document *d, bool referrer, u32 *ret, struct error *err) must_check;
int copy_referrers(struct copy_job *j, struct error *err) must_check;
/* The blobs that the documents as they are now name. */
int copy_name_blobs(struct copy_job *j, struct error *err) must_check;
struct copy_doc *copy_find(struct copy_job *j, const struct digest *before);
/* The blob of that digest, made when it is not known. NULL: too many. */
struct copy_blob *copy_blob_of(struct copy_job *j, const struct digest *d, struct error *err);
/* Whether a manifest's configuration is an image's; of other artifacts nothing is converted. */
bool copy_is_image(const json_t *manifest);
int copy_config(struct copy_job *j, const struct descriptor *d, struct arena *a, struct config *ret, struct error *err) must_check; /* of the source */
/* A layer that stays where its URLs say. */
bool copy_foreign(const json_t *descriptor);

/* layer.c: what a media type says of a layer, and the other way round. */
struct layer_type {
	bool known;              /* it is a layer of an image */
	bool docker, foreign;
	enum compression compression;
};
struct layer_type layer_type_of(const char *media_type);
const char *layer_type_text(const struct layer_type *t); /* NULL: there is none (Docker's format and zstd) */
/* Stored bytes (taken), in the spool as `kind`; *ret: digest and size; *diff_id of the plain bytes. */
int layer_make(struct copy_job *j, struct stream *stored, enum compression kind, struct descriptor *ret, struct digest *diff_id, struct error *err) must_check;
int layer_put(struct copy_job *j, struct str bytes, struct descriptor *ret, struct error *err) must_check; /* small ones: into the spool as they are */
/* Stored bytes (taken) as they are, which must be what `want` says. */
int layer_keep(struct copy_job *j, struct stream *stored, const struct descriptor *want, struct error *err) must_check;
void spool_close(struct spool *s);
int spool_open(const struct spool *s, const struct copy_blob *b, u64 from, struct stream **ret, struct error *err) must_check;

int convert_all(struct copy_job *j, struct error *err) must_check;          /* convert.c: to the format and compression asked for */
int copy_change_add(struct copy_job *j, const struct digest *before, const struct digest *after, const char *what, struct error *err) must_check;
int make_image(struct copy_job *j, const char *source, struct error *err) must_check; /* make.c: of a source without digests */
int transfer_all(struct copy_job *j, struct error *err) must_check;         /* transfer.c: blobs, then documents, then the name */
int write_out(struct copy_job *j, const char *source, struct sink *to, struct error *err) must_check; /* make.c: to a target without digests */
/* Both; the caller closes it. */
int copy_source(const char *source, const struct copy_options *opt, struct arena *a, struct source **ret, struct error *err) must_check;

/* archive_target.c: an oci-archive to be written, as a repository: it appears when the document with a name is put. */
int archive_target_open(const char *location, const char *name, const char *const *aliases, struct repo **ret, struct error *err) must_check;
#endif
