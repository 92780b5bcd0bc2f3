/* image_of.h — for tests of the tree: images whose layers are written as lines of text.
 *
 *	f PATH CONTENT [MODE [UID]]   d PATH [MODE]   l PATH TARGET   h PATH TARGET   p PATH   c PATH   w PATH (hides it)   o PATH (opaque)
 *
 * A file's content is its third word ("-" for none): its length is the file's size, equal words are equal content. */
#ifndef PARE_TESTS_IMAGE_OF_H
#define PARE_TESTS_IMAGE_OF_H
#include "base/hash.h"
#include "layer/image.h"

#define IMAGE_OF_LAYERS 8
struct image_of {
	struct image img;
	struct image_layer layers[IMAGE_OF_LAYERS];
	struct facts *facts[IMAGE_OF_LAYERS];
};

static inline void image_of_line(struct facts *f, struct str line)
{
	struct str word[5] = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } };
	for (size_t i = 0; i < 5 && line.p; i++)
		word[i] = str_cut(&line, ' ');
	struct tar_entry e = { .mode = 0644, .flag = '0' };
	struct buf path = BUF(0);
	const char *slash = word[1].n ? memrchr(word[1].p, '/', word[1].n) : NULL;
	char kind = word[0].p[0], clean[TAR_PATH_MAX + 1];
	buf_add(&path, word[1]);
	u32 id;
	switch (kind) {
	case 'w':
		buf_clear(&path);
		if (slash)
			buf_add(&path, str_n(word[1].p, (size_t)(slash - word[1].p) + 1));
		buf_puts(&path, ".wh.");
		buf_add(&path, slash ? str_from(word[1], (size_t)(slash - word[1].p) + 1) : word[1]);
		e.type = TAR_FILE;
		break;
	case 'o':
		buf_puts(&path, "/.wh..wh..opq");
		e.type = TAR_FILE;
		break;
	case 'f':
		e.type = TAR_FILE;
		e.size = e.stored = str_is(word[2], "-") ? 0 : word[2].n;
		if (word[3].n)
			e.mode = (u32)strtoul(word[3].p, NULL, 8);
		if (word[4].n)
			e.uid = (u32)strtoul(word[4].p, NULL, 10);
		break;
	case 'd':
		e.type = TAR_DIR;
		e.mode = word[2].n ? (u32)strtoul(word[2].p, NULL, 8) : 0755;
		break;
	case 'l':
	case 'h':
		e.type = kind == 'l' ? TAR_SYMLINK : TAR_HARDLINK;
		e.link = word[2];
		break;
	default: e.type = kind == 'p' ? TAR_FIFO : TAR_CHAR; break;
	}
	ssize_t n = tar_clean(buf_str(&path), clean);
	if (n < 0 || facts_add(f, &e, str_n(clean, (size_t)n), &id, NULL) < 0)
		abort();
	if (kind == 'f') {
		struct fact_entry *x = SEG_AT(&f->entries, id);
		x->hash = hash_bytes(word[2]);
		x->flags &= (u8)~FACT_UNHASHED;
	}
	buf_free(&path);
}

/* Layers, lowest first, end with NULL. */
static inline void image_of(struct image_of *w, const char *const *layers)
{
	*w = (struct image_of){ 0 };
	u32 n = 0;
	for (; layers[n]; n++) {
		w->facts[n] = facts_new();
		struct str rest = str_of(layers[n]);
		while (rest.p) {
			struct str line = str_trim(str_cut(&rest, '\n'));
			if (line.n)
				image_of_line(w->facts[n], line);
		}
		w->layers[n] = (struct image_layer){ .index = n, .facts = w->facts[n], .command = "", .media_type = "", .place = "" };
	}
	w->img = (struct image){ .layers = w->layers, .n_layers = n, .reference = "x" };
}

static inline void image_of_free(struct image_of *w)
{
	for (u32 i = 0; i < w->img.n_layers; i++)
		facts_free(w->facts[i]);
}
#endif
