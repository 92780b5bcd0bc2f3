#include "base/text.h"
#include "explore/app.h"

struct box {
	int y, x, rows, cols;
};

static const char *glyph(const char *utf8, const char *ascii) { return screen.utf8 ? utf8 : ascii; }

static struct box title(struct box b, const char *name, bool active)
{
	if (b.rows <= 0)
		return b;
	struct buf line = BUF(0);
	if (active)
		buf_printf(&line, "%s %s ", glyph("┃ ●", "| *"), name);
	else
		buf_printf(&line, "%s %s ", glyph("│", "|"), name);
	buf_puts(&line, active ? glyph("┣", "|") : glyph("├", "|"));
	int used = screen_put(b.y, b.x, b.cols, buf_str(&line), S_HEAD, false);
	buf_clear(&line);
	for (int i = used; i < b.cols; i++)
		buf_puts(&line, active ? glyph("━", "=") : glyph("─", "-"));
	screen_put(b.y, b.x + used, b.cols - used, buf_str(&line), active ? S_HEAD : S_PLAIN, false);
	buf_free(&line);
	return (struct box){ b.y + 1, b.x, b.rows - 1, b.cols };
}

/* Text on as many rows as it takes, from row `skip` of it on; returns how many rows all of it takes. */
static int wrapped(struct box b, struct str s, int skip, int style)
{
	struct buf row = BUF(0);
	int n = 0;
	do {
		buf_clear(&row);
		size_t k = pager_text_row(s, (size_t)b.cols, true, &row);
		if (n >= skip && n - skip < b.rows)
			screen_put(b.y + n - skip, b.x, b.cols, buf_str(&row), style, false);
		s = str_from(s, k);
		n++;
	} while (s.n);
	buf_free(&row);
	return n;
}

/* --- layers --- */

static void scroll_to(u32 sel, u32 n, int rows, u32 *top)
{
	u32 page = rows > 0 ? (u32)rows : 1;
	if (sel < *top)
		*top = sel;
	if (sel >= *top + page)
		*top = sel - page + 1;
	if (n <= page)
		*top = 0;
	else if (*top > n - page)
		*top = n - page;
}

static void draw_layers(struct app *a, struct box b)
{
	const struct image *img = a->image;
	bool narrow = b.cols < 40;
	b = title(b, "Layers", !a->in_tree);
	if (b.rows > 1) {
		if (narrow)
			screen_put(b.y, b.x, b.cols, STR("Cmp      Size  Command"), S_DIM, false);
		else
			screen_put(b.y, b.x, b.cols, STR("Cmp   #       Size  Cumulative  Command"), S_DIM, false);
		b.y++, b.rows--;
	}
	a->layer_page = b.rows;
	if (!img->n_layers) {
		screen_put(b.y, b.x, b.cols, STR("    (no layers)"), S_PLAIN, false);
		return;
	}
	scroll_to(a->model.layer, img->n_layers, b.rows, &a->layer_top);
	for (int i = 0; i < b.rows && a->layer_top + (u32)i < img->n_layers; i++) {
		u32 l = a->layer_top + (u32)i, sel = a->model.layer;
		bool base = l < (a->model.aggregated ? MIN(sel, (u32)1) : sel), top = l == sel || (a->model.aggregated && l <= sel && l >= 1);
		screen_put(b.y + i, b.x, 2, base ? screen.color ? STR("  ") : STR(" .") : top ? screen.color ? STR("  ") : STR(" *") : STR("  "), base ? S_BASE : top ? S_TOP : S_PLAIN, true);
		int style = l == sel ? (int)S_SELECTED | S_BOLD : !img->layers[l].facts ? S_WARN : S_PLAIN;
		char head[96];
		u64 size = a->dive->layer_sizes[l];
		if (narrow)
			snprintf(head, sizeof head, "%9s  ", TEXT_SIZE(size));
		else
			snprintf(head, sizeof head, "%4u  %9s  %10s  ", l, TEXT_SIZE(size), TEXT_SIZE(a->cumulative[l]));
		int used = screen_put(b.y + i, b.x + 3, b.cols - 3, str_of(head), style, false);
		screen_put(b.y + i, b.x + 3 + used, b.cols - 3 - used, str_of(a->instruction[l]), style, l == sel);
	}
}

static void draw_layer_details(struct app *a, struct box b)
{
	b = title(b, "Layer Details", false);
	if (!a->image->n_layers)
		return;
	const struct image_layer *l = &a->image->layers[a->model.layer];
	const struct layer_change *c = &a->full->layers[a->model.layer];
	int at = 0;
#define LINE(...) (at < b.rows ? (void)screen_printf(b.y + at, b.x, b.cols, S_PLAIN, false, __VA_ARGS__) : (void)0, at++)
	LINE("Id:      %s", l->digest.alg ? DIGEST_STR(&l->digest) : "(not computed)");
	LINE("Digest:  %s", l->diff_id.alg ? DIGEST_STR(&l->diff_id) : "(none)");
	LINE("Size:    %s in files, %s stored", TEXT_SIZE(a->dive->layer_sizes[l->index]), TEXT_SIZE(l->compressed_size));
	LINE("Changes: %s added, %s changed, %s removed", TEXT_COUNT(c->added), TEXT_COUNT(c->changed), TEXT_COUNT(c->removed));
	if (!l->facts)
		LINE("This layer could not be read (!)");
	LINE("Command:");
#undef LINE
	if (at < b.rows)
		wrapped((struct box){ b.y + at, b.x, b.rows - at, b.cols }, str_of(a->instruction[a->model.layer]), 0, S_PLAIN);
}

static void draw_image_details(struct app *a, struct box b)
{
	b = title(b, "Image Details", false);
	const struct dive *d = a->dive;
	int at = 0;
#define LINE(style, ...) (at < b.rows ? (void)screen_printf(b.y + at, b.x, b.cols, style, false, __VA_ARGS__) : (void)0, at++)
	if (app_problems(a))
		LINE(S_WARN, "INCOMPLETE: %u %s could not be read (! lists them)", app_problems(a), app_problems(a) == 1 ? "thing" : "things");
	LINE(S_PLAIN, "Image name: %s", a->image->reference ? a->image->reference : "");
	LINE(S_PLAIN, "Total Image size: %s", TEXT_SIZE(d->size));
	LINE(S_PLAIN, "Potential wasted space: %s", TEXT_SIZE(d->wasted_bytes));
	LINE(S_PLAIN, "Image efficiency score: %.0f %%", d->efficiency * 100);
	LINE(S_PLAIN, "Waste, exactly: %s in %s files (w lists them)", TEXT_SIZE(a->full->wasted), TEXT_COUNT(a->n_waste));
	if (at + 2 < b.rows) {
		at++;
		LINE(S_DIM, "Count   Total Space  Path");
	}
	for (u32 i = 0; i < d->n_files && at < b.rows; i++)
		LINE(S_PLAIN, "%5u   %11s  %s", d->files[i].count, TEXT_SIZE(d->files[i].bytes), d->files[i].path);
#undef LINE
}

/* --- the tree --- */

static const int diff_style[] = { [DIFF_SAME] = S_PLAIN, [DIFF_ADDED] = S_ADDED, [DIFF_CHANGED] = S_CHANGED, [DIFF_REMOVED] = S_REMOVED };
static const char diff_mark[] = { [DIFF_SAME] = ' ', [DIFF_ADDED] = '+', [DIFF_CHANGED] = '~', [DIFF_REMOVED] = '-' };
#define ATTRIBUTES 35 /* columns */

/* How the tree stands in its pane. */
struct shape {
	struct box box;
	bool attributes;
	int room;   /* columns for lines and name */
	int indent; /* columns a level takes: 4, or 2 where the rows on the screen are too deep for that */
};

/* Columns that names keep, however deep they are. */
static int reserve(const struct shape *t) { return MIN(t->room / 3, 24); }

/* The lines that lead to a row. Of a very deep one only the lowest levels: a mark stands for the others. */
static void branches(const struct model *m, u32 row, const struct shape *t, struct buf *out)
{
	const struct row *r = &m->rows[row];
	u32 levels = r->depth, fit = (u32)MAX((t->room - reserve(t) - 4) / t->indent, 0), shown = levels > fit ? fit - (fit > 0) : levels;
	bool *open = xcalloc((size_t)shown + 1, sizeof *open);
	u32 up = r->up;
	for (u32 i = shown; i-- > 0 && up;) {
		open[i] = !m->rows[up - 1].last;
		up = m->rows[up - 1].up;
	}
	if (shown < levels)
		buf_puts(out, t->indent == 4 ? glyph("…   ", "~   ") : glyph("… ", "~ "));
	for (u32 i = 0; i < shown; i++) {
		buf_puts(out, open[i] ? glyph("│ ", "| ") : "  ");
		buf_puts(out, t->indent == 4 ? "  " : "");
	}
	free(open);
	buf_puts(out, r->last ? glyph("└", "`") : glyph("├", "|"));
	bool closed = model_is_dir(m, r->node) && model_collapsed(m, r->node) && m->start[r->node] != m->start[r->node + 1];
	if (t->indent == 4)
		buf_puts(out, closed ? glyph("─⊕ ", "-+ ") : glyph("── ", "-- "));
	else
		buf_puts(out, closed ? glyph("⊕ ", "+ ") : glyph("─ ", "- "));
}

static void row_name(const struct app *a, const struct row *r, struct buf *out)
{
	const struct version *v = model_version(&a->model, r->node);
	const struct fact_entry *e = model_entry(&a->model, r->node);
	buf_puts(out, rootfs_node(a->full, r->node)->name);
	if (e && e->type == TAR_SYMLINK)
		buf_printf(out, " %s %s", glyph("→", "->"), facts_string(a->image->layers[v->from].facts, e->link));
}

static void row_attributes(const struct app *a, const struct row *r, char out[96])
{
	const struct fact_entry *e = model_entry(&a->model, r->node);
	char owner[24], size[24];
	snprintf(owner, sizeof owner, "%u:%u", e ? e->uid : 0, e ? e->gid : 0);
	if (e && (e->type == TAR_CHAR || e->type == TAR_BLOCK))
		snprintf(size, sizeof size, "%u,%u", e->rdev >> 20, e->rdev & 0xfffff);
	else
		snprintf(size, sizeof size, "%s", TEXT_SIZE(a->model.size[r->node]));
	snprintf(out, 96, "%s %11s %10s  ", text_mode(e ? e->type : TAR_DIR, e ? e->mode : 0755, (char[12]){ 0 }), owner, size);
}

/* A row at y; returns how many rows of the screen it takes. With y < 0 draws nothing. */
static int draw_row(const struct app *a, const struct shape *t, int y, u32 row)
{
	const struct row *r = &a->model.rows[row];
	struct box b = t->box;
	u8 d = a->model.diff[r->node];
	bool selected = row == a->model.sel, bar = selected && a->in_tree;
	int style = diff_style[d] | (bar ? (int)S_SELECTED : 0), x = b.x + b.cols - t->room, n = 1;
	struct buf lead = BUF(0), name = BUF(0), safe = BUF(0);
	branches(&a->model, row, t, &lead);
	row_name(a, r, &name);
	text_safe(&safe, buf_str(&name));
	int lead_cols = (int)text_width(buf_str(&lead)), left = MAX(t->room - lead_cols, 1);
	if (y >= 0) {
		char text[96] = "";
		if (t->attributes)
			row_attributes(a, r, text);
		screen_put(y, b.x, 2, str_n((char[]){ diff_mark[d], ' ' }, 2), style, false);
		screen_put(y, b.x + 2, t->room == b.cols - 2 ? 0 : b.cols - 2 - t->room, str_of(text), style, true);
		screen_put(y, x, t->room, buf_str(&lead), bar ? style : S_PLAIN, bar);
		style |= selected ? (int)S_BOLD : 0;
		if (!a->wrap)
			screen_put(y, x + lead_cols, t->room - lead_cols, buf_str(&name), style, bar);
	}
	if (a->wrap)
		n = wrapped((struct box){ MAX(y, 0), x + lead_cols, y < 0 ? 0 : b.y + b.rows - y, left }, buf_str(&safe), 0, style);
	buf_free(&lead);
	buf_free(&name);
	buf_free(&safe);
	return n;
}

static void scroll_tree(struct app *a, const struct shape *t)
{
	struct model *m = &a->model;
	scroll_to(m->sel, m->n_rows, t->box.rows, &a->tree_top);
	if (!a->wrap)
		return;
	int used = 0; /* rows above the selected one may take several: from it upwards, as many as fit */
	for (u32 i = m->sel + 1; i-- > a->tree_top;) {
		used += draw_row(a, t, -1, i);
		if (used > t->box.rows) {
			a->tree_top = MIN(i + 1, m->sel);
			return;
		}
	}
}

static void draw_tree(struct app *a, struct box b)
{
	struct model *m = &a->model;
	char name[96];
	struct shape t = { .attributes = a->attributes && b.cols >= 60, .indent = 4 };
	snprintf(name, sizeof name, "%s%s%s", m->aggregated ? "Aggregated Layer Contents" : "Current Layer Contents", m->by_size ? ", by size" : "", m->hidden ? ", some hidden" : "");
	b = title(b, name, a->in_tree);
	if (t.attributes && b.rows > 1) {
		screen_printf(b.y, b.x, b.cols, S_DIM, false, "  %s %11s %10s  %s", "Permission", "UID:GID", "Size", "Filetree");
		b.y++, b.rows--;
	}
	a->tree_page = b.rows;
	if (!m->n_rows) {
		const char *why = m->match.kind != MATCH_ALL ? "(nothing matches the filter)" : m->hidden ? "(all of it is hidden: Ctrl+A Ctrl+R m Ctrl+U)" : "(empty)";
		screen_put(b.y, b.x + 2, b.cols - 2, str_of(why), S_DIM, false);
		return;
	}
	t.box = b;
	t.room = b.cols - 2 - (t.attributes ? ATTRIBUTES : 0);
	scroll_tree(a, &t);
	for (u32 i = a->tree_top; i < m->n_rows && i < a->tree_top + (u32)MAX(b.rows, 0); i++) {
		if ((s64)m->rows[i].depth * 4 + 4 > t.room - reserve(&t))
			t.indent = 2;
	}
	int y = b.y;
	for (u32 i = a->tree_top; i < m->n_rows && y < b.y + b.rows; i++)
		y += draw_row(a, &t, y, i);
}

/* --- what covers the panes --- */

static void draw_text(struct app *a, struct box b)
{
	struct lines *t = &a->text;
	b = title(b, t->title, true);
	a->tree_page = b.rows;
	for (int pass = 0; pass < 2; pass++) { /* the second time with a top that is in range */
		int at = 0;
		for (u32 i = 0; i < t->n; i++) {
			struct box below = { b.y + at - (int)t->top, b.x, b.rows - (at - (int)t->top), b.cols };
			int skip = 0;
			if (at < (int)t->top)
				skip = (int)t->top - at, below = b;
			if (pass == 0)
				below.rows = 0;
			struct str s = str_of(t->v[i]);
			bool heading = s.n && s.p[0] == '\n'; /* an empty row in front */
			if (heading) {
				at++;
				s = str_from(s, 1);
				if (skip)
					skip--;
				else
					below.y++, below.rows--;
			}
			at += wrapped(below, s, skip, s.n && s.p[s.n - 1] == ':' ? S_HEAD : S_PLAIN);
		}
		t->rows = (u32)at;
		t->top = t->rows > (u32)b.rows ? MIN(t->top, t->rows - (u32)b.rows) : 0;
	}
}

static void draw_waste(struct app *a, struct box b)
{
	char name[96];
	snprintf(name, sizeof name, "Waste: %s in %s files", TEXT_SIZE(a->full->wasted), TEXT_COUNT(a->n_waste));
	b = title(b, name, true);
	if (!a->n_waste) {
		screen_put(b.y, b.x, b.cols, STR("No byte is stored that is not seen."), S_PLAIN, false);
		return;
	}
	int foot = b.rows >= 9 ? 3 : 0; /* the instructions of the selected item */
	if (b.rows > 2) {
		screen_put(b.y, b.x, b.cols, STR("    Bytes  Reason         Layer     By  Path"), S_DIM, false);
		b.y++, b.rows--;
	}
	b.rows -= foot;
	a->waste_page = b.rows;
	scroll_to(a->waste_sel, a->n_waste, b.rows, &a->waste_top);
	struct buf path = BUF(0);
	for (int i = 0; i < b.rows && a->waste_top + (u32)i < a->n_waste; i++) {
		u32 k = a->waste_top + (u32)i;
		const struct waste_item *w = SEG_AT(&a->full->waste, a->waste[k]);
		rootfs_waste_path(a->full, w, &path);
		int style = k == a->waste_sel ? (int)S_SELECTED : S_PLAIN;
		int used = screen_printf(b.y + i, b.x, b.cols, style, false, "%9s  %-13s  %5u  %5u  ", TEXT_SIZE(w->bytes), waste_reason_text[w->reason], w->layer, w->by_layer);
		screen_put(b.y + i, b.x + used, b.cols - used, buf_str(&path), style, k == a->waste_sel);
	}
	buf_free(&path);
	if (foot) {
		const struct waste_item *w = SEG_AT(&a->full->waste, a->waste[a->waste_sel]);
		int y = b.y + b.rows;
		screen_printf(y + 1, b.x, b.cols, S_PLAIN, false, "stored by layer %u: %s", w->layer, a->instruction[w->layer]);
		screen_printf(y + 2, b.x, b.cols, S_PLAIN, false, "lost to layer %u:   %s", w->by_layer, a->instruction[w->by_layer]);
	}
}

static void draw_pager(struct app *a, struct box b)
{
	struct pager *p = &a->pager;
	b = title(b, a->pager_title.p ? a->pager_title.p : "", true);
	a->pager_page = b.rows;
	a->pager_cols = b.cols;
	u64 at = p->top;
	struct buf row = BUF(0);
	struct error err = { 0 };
	app_work(a, "reading the file");
	int y = 0, r = 1;
	for (; y < b.rows && r > 0; y++) {
		buf_clear(&row);
		r = pager_row(p, (size_t)b.cols, &at, &row, &err);
		if (r > 0)
			screen_put(b.y + y, b.x, b.cols, buf_str(&row), S_PLAIN, false);
	}
	app_work(a, NULL);
	buf_free(&row);
	if (r < 0)
		snprintf(a->message, sizeof a->message, "%.400s", err.text);
	else if (!p->content.size)
		screen_put(b.y, b.x, b.cols, STR("(empty)"), S_DIM, false);
	if (r >= 0 && !a->message[0] && p->content.size)
		snprintf(a->message, sizeof a->message, "%s to %s of %s bytes%s", TEXT_COUNT(p->top), TEXT_COUNT(at), TEXT_COUNT(p->content.size), p->hex ? ", hexadecimal" : "");
}

/* --- all of it --- */

static const char *keys(const struct app *a)
{
	switch (a->view) {
	case VIEW_TEXT: return "Esc Back  PgUp PgDn Scroll  q Back";
	case VIEW_WASTE: return "Esc Back  Enter Go to the file  d Details  ? Help";
	case VIEW_PAGER: return "Esc Back  x Text/Hex  e Extract  g G Ends";
	case VIEW_PANES: break;
	}
	if (a->typing)
		return "Esc Close filter  Enter Keep it  Tab To the tree";
	if (a->in_tree)
		return "^C Quit  Tab Layers  ? Help  ^F Filter  Space Collapse  v View  e Extract  d Details  w Waste  ^O Sort  ^A Added  ^R Removed  m Modified  ^U Unmodified  ^B Attributes  ^P Wrap  ^Space All";
	return "^C Quit  Tab Tree  ? Help  ^F Filter  ^L Layer changes  ^A Aggregated changes  d Details  w Waste";
}

static void draw_message(struct app *a, int y)
{
	struct buf path = BUF(0);
	screen_cursor(-1, 0);
	if (a->typing || (a->filter_n && a->view == VIEW_PANES && !a->message[0])) {
		int used = screen_printf(y, 0, screen.cols, S_BOLD, false, "Filter (%s): ", match_kind_text[a->model.match.kind]);
		struct buf f = BUF(0);
		text_fit(&f, str_n(a->filter, a->filter_n), (size_t)MAX(screen.cols - used - 1, 1), true);
		used += screen_put(y, used, screen.cols - used, buf_str(&f), S_PLAIN, false);
		if (a->typing && a->message[0])
			screen_printf(y, used + 2, screen.cols - used - 2, S_WARN, false, "%s", a->message);
		if (a->typing)
			screen_cursor(y, used);
		buf_free(&f);
	} else if (a->message[0]) {
		screen_put(y, 0, screen.cols, str_of(a->message), S_PLAIN, false);
	} else if (a->view == VIEW_PANES && a->model.n_rows) {
		app_path(a, a->model.rows[a->model.sel].node, &path);
		struct buf safe = BUF(0), f = BUF(0);
		text_safe(&safe, buf_str(&path));
		text_fit(&f, buf_str(&safe), (size_t)screen.cols, true);
		screen_put(y, 0, screen.cols, buf_str(&f), S_DIM, false);
		buf_free(&safe);
		buf_free(&f);
	}
	buf_free(&path);
}

static void draw_left(struct app *a, struct box b)
{
	int need = (int)MIN(a->image->n_layers, 1000u) + 2;
	if (b.rows < 12) {
		draw_layers(a, b);
		return;
	}
	int layers = b.rows < 18 ? b.rows - 7 : MAX(MIN(need, b.rows * 2 / 5), 4), details = b.rows < 18 ? 7 : MAX((b.rows - layers) / 2, 7);
	draw_layers(a, (struct box){ b.y, b.x, layers, b.cols });
	draw_layer_details(a, (struct box){ b.y + layers, b.x, details, b.cols });
	int left = b.rows - layers - details;
	if (left > 0)
		draw_image_details(a, (struct box){ b.y + layers + details, b.x, left, b.cols });
}

void draw(struct app *a)
{
	screen_clear();
	if (screen.cols < APP_MIN_COLS || screen.rows < APP_MIN_ROWS) {
		screen_put(0, 0, screen.cols, STR("too small"), S_PLAIN, false);
		screen_printf(1, 0, screen.cols, S_PLAIN, false, "needs %dx%d", APP_MIN_COLS, APP_MIN_ROWS);
		screen_cursor(-1, 0);
		screen_flush();
		return;
	}
	int foot = screen.rows >= 8 ? 2 : 1;
	struct box all = { 0, 0, screen.rows - foot, screen.cols };
	if (a->view == VIEW_TEXT) {
		draw_text(a, all);
	} else if (a->view == VIEW_WASTE) {
		draw_waste(a, all);
	} else if (a->view == VIEW_PAGER) {
		draw_pager(a, all);
	} else if (screen.cols >= APP_WIDE) {
		int left = screen.cols * 9 / 20; /* the tree needs a little more than half */
		draw_left(a, (struct box){ 0, 0, all.rows, left });
		draw_tree(a, (struct box){ 0, left + 1, all.rows, screen.cols - left - 1 });
	} else if (a->in_tree) {
		draw_tree(a, all);
	} else {
		draw_left(a, all);
	}
	bool both = foot == 2;
	if (both || a->message[0] || a->typing) /* the cursor goes where this puts it: last */
		screen_put(screen.rows - 1, 0, both ? screen.cols : 0, str_of(keys(a)), S_BAR, true);
	else if (app_problems(a))
		screen_put(screen.rows - 1, 0, screen.cols, STR("INCOMPLETE (!)  ? Help"), S_BAR, true);
	else
		screen_put(screen.rows - 1, 0, screen.cols, str_of(keys(a)), S_BAR, true);
	if (both && app_problems(a)) {
		char note[32];
		int n = snprintf(note, sizeof note, " INCOMPLETE (!) ");
		screen_put(screen.rows - 1, screen.cols - n, n, str_of(note), S_WARN | (int)S_BOLD, false);
	}
	if (both || a->message[0] || a->typing)
		draw_message(a, screen.rows - foot);
	else
		screen_cursor(-1, 0);
	screen_flush();
}
