/* html.h — an image as one page: sizes, layers, waste and a treemap with three views, in a file that loads nothing from anywhere.
 *
 * Everything that comes from the image stands in one JSON block whose strings are escaped so that nothing in them can end it, and gets into the page
 * as text only; the page's own policy (Content-Security-Policy) allows its two hashed pieces of style and script and nothing else. The same
 * image gives the same bytes. Bounded: HTML_TILES bytes a view, HTML_LAYERS and HTML_WASTE rows; what is left out is summed up exactly. */
#ifndef PARE_REPORT_HTML_H
#define PARE_REPORT_HTML_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "package/package.h"
#include "rootfs/dive.h"
#include "rootfs/rootfs.h"

#define HTML_TILES ((u64)1500000) /* bytes of JSON, each of the three views */
#define HTML_LAYERS 512u
#define HTML_WASTE 300u

/* `incomplete`: what could not be read; may be NULL. 0, or -1 with *err (ERR_ENV) when f could not be written. */
int report_html(FILE *f, const struct rootfs *r, const struct packages *p, const struct dive *d, const struct problems *incomplete, struct error *err) must_check;
#endif
