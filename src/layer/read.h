/* read.h — one layer, read once: both digests, all entries, all notes. */
#ifndef PARE_LAYER_READ_H
#define PARE_LAYER_READ_H
#include "base/common.h"
#include "base/error.h"
#include "layer/collect.h"
#include "layer/facts.h"
#include "layer/stream.h"

struct layer_options {
	const struct collector *const *collectors; /* NULL-terminated; may be NULL */
	bool headers_only; /* don't hash anything; seek over contents where the stream can: digests stay unknown */
	enum digest_alg blob_alg, diff_alg; /* 0: sha256 */
};

struct layer_read {
	struct digest blob;     /* of the stored bytes; for plain layers the diff ID. None with headers_only */
	u64 blob_size;          /* stored bytes */
	enum compression compression;
	struct facts *facts;    /* never NULL after a return of 0; facts->problems says what is missing */
};

/* Reads the stored layer `blob` (taken) to its end. Damage is no failure: it is in facts->problems, and the entries before it are there.
 * -1 only when nothing at all can be said (ERR_ENV). */
int layer_read(struct stream *blob, const struct layer_options *opt, struct layer_read *ret, struct error *err) must_check;

/* What layer_read() does with one regular file for its collectors, where the content is at hand: for tests and fuzzers of collectors. `e` as the
 * archive would say it (stored: the content's length); problems go to f->problems. */
void layer_collect(struct facts *f, u32 entry, const struct collector *const *collectors, const struct tar_entry *e, struct str clean, struct str bytes);
#endif
