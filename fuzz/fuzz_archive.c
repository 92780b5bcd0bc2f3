/* Byte 0: the size of the pieces; its highest bit: check sums of tar headers as they are. The rest is a whole archive as it comes from a pipe. Its
 * layers become facts, a tree and dive's figures, and a list of files; all that must fit together. */
#include "headers.h"
#include "package/package.h"
#include "pieces.h"
#include "transport/transport.h"
#include "tree_check.h"

#define LAYERS 160

static void check_facts(const struct facts *f)
{
	u64 end = 0;
	for (u32 i = 0; i < f->entries.n; i++) {
		const struct fact_entry *e = facts_entry(f, i);
		require(e->start >= end && e->start % 512 == 0 && fact_end(e) >= e->start + 512);
		end = fact_end(e);
		char again[TAR_PATH_MAX + 1];
		struct buf path = BUF(0);
		struct str p = facts_path(f, e, &path);
		require(tar_clean(p, again) == (ssize_t)p.n && str_is(p, again));
		require(p.n < 2 || p.p[0] != '/');
		buf_free(&path);
	}
	require(f->problems.n || end <= f->size);
	for (u32 i = 0; i < f->n_notes; i++)
		require(f->notes[i].entry < f->entries.n && (i == 0 || f->notes[i - 1].entry <= f->notes[i].entry));
}

static void check(struct source *s)
{
	struct image_layer layers[LAYERS] = { 0 };
	struct facts *owned[LAYERS];
	u32 n_owned = 0;
	struct image img = { .layers = layers, .n_layers = MIN(s->n_layers, (u32)LAYERS), .reference = s->reference };
	for (u32 i = 0; i < s->n_layers; i++) {
		struct source_layer *l = &s->layers[i];
		bool known = false;
		for (u32 k = 0; k < n_owned; k++)
			known |= l->was_read && owned[k] == l->read.facts;
		if (l->was_read && !known && n_owned < LAYERS)
			owned[n_owned++] = l->read.facts;
		else if (l->was_read && !known)
			abort(); /* more layers than an input of this size can hold */
		if (i < LAYERS) {
			layers[i] = (struct image_layer){ .index = i, .place = l->place, .command = "", .facts = l->was_read ? l->read.facts : NULL };
			if (l->was_read)
				check_facts(l->read.facts);
		}
	}
	tree_check(&img);
	struct rootfs *r = rootfs_build(&img, NULL);
	packages_free(packages_read(r, false));
	rootfs_free(r);
	for (u32 i = 0; i < n_owned; i++)
		facts_free(owned[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 64 * KiB) /* at most 128 members */
		return 0;
	size_t n = size - 1;
	u8 *copy = xmalloc(n), how = data[0];
	if (n)
		memcpy(copy, data + 1, n);
	if (!(how & 0x80))
		headers_repair(copy, n);
	struct layer_options layer = { .collectors = package_collectors, .headers_only = (how & 0x40) != 0 };
	struct source_options opt = { .layer = &layer };
	struct source *s = NULL;
	struct error err = { 0 };
	if (source_open_streamed(pieces_stream(str_n(copy, n), how & 0x3f), NULL, "it", "", str_n("", 0), &opt, &s, &err) == 0) {
		check(s);
		source_close(s);
	} else {
		require(err.kind != ERR_NONE && err.text[0]);
	}
	free(copy);
	return 0;
}
