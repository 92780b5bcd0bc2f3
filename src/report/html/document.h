/* document.h — what pages with a map of bytes share: the page around one JSON document, and the parts of that document that all of them have. */
#ifndef PARE_REPORT_HTML_DOCUMENT_H
#define PARE_REPORT_HTML_DOCUMENT_H
#include "base/jsonw.h"
#include "report/html/tiles.h"

#define HTML_PATH ((size_t)1000) /* bytes of a path in a list, escaped */
#define HTML_PROBLEM ((size_t)300)

struct page {
	struct jsonw w;
	const struct rootfs *r;
	const struct packages *p;
	u32 *local;  /* by owner as in struct piece: its index in the page's list of owners + 1 */
	u32 *owners; /* that list */
	u32 n_owners, cap_owners;
	struct buf text;
};

/* The page; document() writes its JSON object. 0, or -1 with *err when f could not be written. */
int html_page(FILE *f, const struct rootfs *r, const struct packages *p, void (*document)(struct page *g, const void *ctx), const void *ctx, struct error *err) must_check;

void html_image(struct page *g);  /* "image" */
void html_totals(struct page *g); /* "totals" */
/* One map, by its name; the tiles of pieces that are gone are listed. */
void html_view(struct page *g, const char *name, enum tile_group by, struct pieces *pieces);
void html_owners(struct page *g); /* after all views */
void html_incomplete(struct page *g, const struct problems *incomplete);
/* Cut so that it takes at most `max` bytes escaped, between two characters; "…" shows it. key NULL: an element of an array. */
void html_cut(struct jsonw *w, const char *key, struct str s, size_t max);
#endif
