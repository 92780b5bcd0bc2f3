/* Byte 0: the size of the pieces. The rest is a stored layer: what comes out must not depend on how it came in, and its digest not on the
 * thread that computes it. Only the first 4 MiB are looked at: what may come out in all is another matter than whether it is right. */
#include "pieces.h"

#define ENOUGH (4 * MiB)

struct result {
	struct digest digest, tapped;
	enum compression kind;
	u64 made;
	bool failed, cut;
};

static struct result inflate(struct stream *in, bool tap)
{
	struct result r = { 0 };
	struct stream *out;
	struct error err = { 0 };
	struct tap *t = NULL;
	if (stream_inflate(in, &out, &r.kind, &err) < 0)
		abort(); /* memory never fails before its end */
	if (tap)
		out = stream_tap(out, DIGEST_SHA256, &t);
	struct digester *d = digester_new(DIGEST_SHA256);
	for (;;) {
		struct str view;
		if (stream_next(out, &view, &err) < 0) {
			r.failed = true;
			if (!err.text[0] || err.kind != ERR_INPUT)
				abort();
			break;
		}
		if (view.n == 0)
			break;
		if (view.n > STREAM_CHUNK)
			abort();
		digester_add(d, view);
		r.made += view.n;
		if (r.made > ENOUGH) {
			r.cut = true;
			break;
		}
	}
	if (tap && !r.failed && !r.cut)
		r.tapped = tap_digest(t);
	if (out->at != r.made)
		abort();
	r.digest = digester_finish(d);
	stream_close(out);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str all = str_n(data + 1, size - 1);
	struct result a = inflate(stream_memory(all), false), b = inflate(pieces_stream(all, data[0]), true);
	if (a.kind != b.kind)
		abort();
	if (a.cut || b.cut) /* views of plain bytes are as long as what comes in */
		return 0;
	/* How much comes before the damage depends on the cut. For libzstd so does whether an empty compressed block is any: it is stricter with frames
	 * that it has whole. Digests are for that. */
	if (a.failed != b.failed && a.kind == COMP_ZSTD)
		return 0;
	if (a.failed != b.failed)
		abort();
	if (!a.failed && (a.made != b.made || !digest_eq(&a.digest, &b.digest)))
		abort();
	if (!b.failed && !digest_eq(&b.digest, &b.tapped))
		abort();
	if (a.kind == COMP_NONE && (a.failed || a.made != all.n))
		abort();
	return 0;
}
