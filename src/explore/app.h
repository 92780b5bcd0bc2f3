/* app.h — the explorer's state, its panes and what keys do to them.
 *
 *   ┃ ● Layers ┣━━━━━━━━━━━━┃│ Current Layer Contents ├──────
 *   │ Layer Details ├───────  the tree (model.h)
 *   │ Image Details ├───────
 *   path of the selected entry, or a message, or the filter
 *   keys
 *
 * Text, waste and pager views cover the panes and go back to where they were opened from. */
#ifndef PARE_EXPLORE_APP_H
#define PARE_EXPLORE_APP_H
#include "explore/explore.h"
#include "explore/model.h"
#include "explore/pager.h"
#include "explore/screen.h"
#include "rootfs/dive.h"

#define APP_MIN_COLS 20
#define APP_MIN_ROWS 5
#define APP_WIDE 70      /* columns from which both panes stand side by side */
#define APP_VERSIONS 200 /* of one name, that its details list */

enum view { VIEW_PANES, VIEW_TEXT, VIEW_WASTE, VIEW_PAGER };

struct lines { /* a page of text: lines, wrapped when they are drawn */
	char title[64];
	char **v;  /* owned; bytes of the image among them: neutralised when put */
	u32 n, cap;
	u32 top, rows; /* first row shown; how many rows all lines took when last drawn */
};

struct app {
	const struct image *image;
	const struct rootfs *full;
	const struct packages *packages; /* may be NULL */
	struct dive *dive;
	struct model model;

	enum view view, below; /* below: where the text view goes back to */
	bool in_tree;          /* which pane the keys go to */
	bool attributes, wrap;
	bool quit;
	u32 layer_top, tree_top;
	int layer_page, tree_page; /* rows of the panes when last drawn */

	bool typing;           /* the filter line has the keys */
	char filter[MATCH_MAX];
	size_t filter_n;
	char message[512];     /* until the next key */

	char **instruction;    /* by layer */
	u64 *cumulative;       /* by layer: bytes of the layers up to it, as the layers pane shows sizes */

	struct lines text;
	u32 *waste, n_waste;   /* items with bytes, most first: indices into full->waste */
	u32 waste_sel, waste_top;
	int waste_page;

	struct pager pager;
	struct buf pager_title;
	int pager_page, pager_cols;

	const char *work;      /* what a long step does, while it lasts */
	double work_began, work_shown;
};

/* app.c */
void app_init(struct app *a, const struct image *img, const struct rootfs *full, const struct packages *pkgs);
void app_free(struct app *a);
void app_key(struct app *a, int key);
void app_filter(struct app *a); /* makes what stands in the filter line count */
void app_path(const struct app *a, node_id id, struct buf *out); /* of any node, removed ones too */
u32 app_problems(const struct app *a);
bool app_tick(void *ctx, u64 done, u64 total); /* content_tick: shows how far it is, stops on Esc */
void app_work(struct app *a, const char *what); /* a long step begins; NULL: it is over */

/* pages.c */
void lines_clear(struct lines *t, const char *title);
void lines_add(struct lines *t, const char *fmt, ...) printf_like(2, 3);
void text_help(struct app *a);
void text_details(struct app *a, node_id id);
void text_layer(struct app *a, u32 layer);
void text_problems(struct app *a);
const char *text_mode(u8 type, u32 mode, char out[12]); /* "drwxr-xr-x" */

/* draw.c */
void draw(struct app *a);
#endif
