#include "explore/app.h"
#include "base/progress.h"
#include "base/text.h"
#include <signal.h>
#include <time.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- long steps --- */

void app_work(struct app *a, const char *what)
{
	a->work = what;
	a->work_began = a->work_shown = now();
}

bool app_tick(void *ctx, u64 done, u64 total)
{
	struct app *a = ctx;
	double t = now();
	if (screen_signal())
		return false;
	if (t - a->work_began < 0.3 || t - a->work_shown < 0.1)
		return true;
	a->work_shown = t;
	char line[160];
	const char *what = a->work ? a->work : "reading";
	if (total && done <= total)
		snprintf(line, sizeof line, "%s: %u %% of the layer's %s   (Esc stops)", what, (unsigned)((double)done * 100 / (double)total), TEXT_SIZE(total));
	else
		snprintf(line, sizeof line, "%s: %s   (Esc stops)", what, TEXT_SIZE(done));
	screen_put(screen.rows - 1, 0, screen.cols, str_of(line), S_BAR, true);
	screen_flush();
	int k = screen_key(0);
	return k != K_ESC && k != 'q' && k != CTRL('c') && k != K_GONE;
}

/* --- beginning and end --- */

static int by_bytes(const void *x, const void *y, void *ctx)
{
	const struct rootfs *r = ctx;
	u32 i = *(const u32 *)x, k = *(const u32 *)y;
	u64 a = SEG_AT(&r->waste, i)->bytes, b = SEG_AT(&r->waste, k)->bytes;
	return a > b ? -1 : a < b ? 1 : i < k ? -1 : i > k;
}

void app_init(struct app *a, const struct image *img, const struct rootfs *full, const struct packages *pkgs)
{
	*a = (struct app){ .image = img, .full = full, .packages = pkgs, .attributes = true };
	a->dive = dive_measure(img);
	a->instruction = xcalloc(img->n_layers, sizeof *a->instruction);
	a->cumulative = xcalloc(img->n_layers, sizeof *a->cumulative);
	u64 sum = 0;
	for (u32 i = 0; i < img->n_layers; i++) {
		struct buf b = BUF(0);
		image_instruction(img, i, &b);
		a->instruction[i] = b.p ? b.p : xstrdup("");
		sum += a->dive->layer_sizes[i];
		a->cumulative[i] = sum;
	}
	a->waste = xcalloc(full->waste.n, sizeof *a->waste);
	for (u32 i = 0; i < full->waste.n; i++) {
		if (SEG_AT(&full->waste, i)->bytes)
			a->waste[a->n_waste++] = i;
	}
	qsort_r(a->waste, a->n_waste, sizeof *a->waste, by_bytes, (void *)(uintptr_t)full);
	model_init(&a->model, img, full);
}

void app_free(struct app *a)
{
	if (a->view == VIEW_PAGER)
		content_close(&a->pager.content);
	model_free(&a->model);
	for (u32 i = 0; i < a->image->n_layers; i++)
		free(a->instruction[i]);
	free(a->instruction);
	free(a->cumulative);
	free(a->waste);
	lines_clear(&a->text, "");
	free(a->text.v);
	buf_free(&a->pager_title);
	dive_free(a->dive);
}

u32 app_problems(const struct app *a)
{
	const struct problems *p = &a->image->problems, *r = &a->full->problems;
	return p->n + p->more + r->n + r->more + (a->packages ? a->packages->problems.n + a->packages->problems.more : 0);
}

void app_path(const struct app *a, node_id id, struct buf *out)
{
	u32 depth = 0;
	for (node_id n = id; n > ROOTFS_ROOT; n = rootfs_node(a->full, n)->parent)
		depth++;
	node_id *up = xcalloc((size_t)depth + 1, sizeof *up);
	u32 k = depth;
	for (node_id n = id; n > ROOTFS_ROOT; n = rootfs_node(a->full, n)->parent)
		up[--k] = n;
	buf_clear(out);
	if (!depth)
		buf_putc(out, '/');
	for (u32 i = 0; i < depth && out->n < MODEL_PATH; i++) {
		buf_putc(out, '/');
		buf_puts(out, rootfs_node(a->full, up[i])->name);
	}
	free(up);
}

/* --- actions --- */

static void say(struct app *a, const char *what, const struct error *err)
{
	snprintf(a->message, sizeof a->message, "%s%s%.400s", what, err ? ": " : "", err ? err->text : "");
}

static node_id selected(const struct app *a) { return a->model.n_rows ? a->model.rows[a->model.sel].node : 0; }

/* The regular file that is selected; false, with a message, when it is something else. */
static bool selected_file(struct app *a, const struct version **ret)
{
	node_id id = selected(a);
	if (!id)
		return false;
	const struct version *v = model_version(&a->model, id);
	const struct fact_entry *e = model_entry(&a->model, id);
	if (!e || e->type != TAR_FILE) {
		if (e && e->type == TAR_SYMLINK)
			snprintf(a->message, sizeof a->message, "a symbolic link to %.400s", facts_string(a->image->layers[v->from].facts, e->link));
		else
			say(a, "this is no regular file", NULL);
		return false;
	}
	*ret = v;
	return true;
}

static void extract(struct app *a, u32 layer, u32 entry)
{
	struct buf name = BUF(0);
	struct error err = { 0 };
	app_work(a, "extracting");
	int r = content_extract(a->image, layer, entry, app_tick, a, &name, &err);
	app_work(a, NULL);
	if (r < 0)
		say(a, "not extracted", &err);
	else
		snprintf(a->message, sizeof a->message, "extracted to ./%s (%s)", name.p, TEXT_SIZE(facts_entry(a->image->layers[layer].facts, entry)->size));
	buf_free(&name);
}

static void view_file(struct app *a)
{
	const struct version *v;
	if (!selected_file(a, &v))
		return;
	a->pager = (struct pager){ 0 };
	content_init(&a->pager.content, a->image, v->from, v->entry, app_tick, a);
	struct str head;
	struct error err = { 0 };
	app_work(a, "reading the file");
	int r = content_get(&a->pager.content, 0, 8192, &head, &err);
	app_work(a, NULL);
	if (r < 0) {
		content_close(&a->pager.content);
		say(a, "not shown", &err);
		return;
	}
	a->pager.hex = pager_is_binary(head);
	app_path(a, selected(a), &a->pager_title);
	if (facts_entry(a->image->layers[v->from].facts, v->entry)->flags & FACT_SPARSE)
		say(a, "a sparse file: its stored bytes, without the holes", NULL);
	a->view = VIEW_PAGER;
}

static void open_text(struct app *a)
{
	a->below = a->view;
	a->view = VIEW_TEXT;
}

static void sort_order(struct app *a)
{
	model_sort(&a->model, !a->model.by_size);
	model_move(&a->model, INT32_MIN); /* to the top, as dive does: what is largest is looked for there */
	say(a, a->model.by_size ? "sorted by size" : "sorted by name", NULL);
}

static void toggle(struct app *a, enum diff d)
{
	static const char *const what[] = { "unmodified", "added", "modified", "removed" };
	model_toggle_hidden(&a->model, d);
	snprintf(a->message, sizeof a->message, "%s: %s", what[d], a->model.hidden >> d & 1 ? "hidden" : "shown");
}

void app_filter(struct app *a)
{
	struct error err = { 0 };
	a->filter[a->filter_n] = '\0';
	a->message[0] = '\0';
	if (model_filter(&a->model, a->filter, &err) < 0)
		snprintf(a->message, sizeof a->message, "%.400s", err.text);
}

static void close_filter(struct app *a)
{
	a->typing = false;
	a->filter_n = 0;
	app_filter(a);
}

/* --- keys --- */

/* The keys that move in every list: rows to go, of a page of `page`. 0: no such key. */
static s64 movement(int key, int page)
{
	s64 p = MAX(page, 1);
	switch (key) {
	case K_UP: case 'k': return -1;
	case K_DOWN: case 'j': return 1;
	case K_PGUP: case 'u': return -p;
	case K_PGDN: return p;
	case K_HOME: case 'g': return -((s64)1 << 40);
	case K_END: case 'G': return (s64)1 << 40;
	default: return 0;
	}
}

static u32 moved(u32 at, u32 n, s64 by)
{
	s64 to = (s64)at + by;
	return to < 0 || !n ? 0 : to >= (s64)n ? n - 1 : (u32)to;
}

/* Enters one byte or one character, as it comes. */
static void type_char(struct app *a, int key)
{
	char utf8[4];
	size_t n = 0;
	u32 c = (u32)key;
	if (c < 0x80)
		utf8[n++] = (char)c;
	else if (c < 0x800)
		utf8[n++] = (char)(0xc0 | c >> 6);
	else if (c < 0x10000)
		utf8[n++] = (char)(0xe0 | c >> 12), utf8[n++] = (char)(0x80 | (c >> 6 & 63));
	else
		utf8[n++] = (char)(0xf0 | c >> 18), utf8[n++] = (char)(0x80 | (c >> 12 & 63)), utf8[n++] = (char)(0x80 | (c >> 6 & 63));
	if (c >= 0x80)
		utf8[n++] = (char)(0x80 | (c & 63));
	if (a->filter_n + n < sizeof a->filter) {
		memcpy(a->filter + a->filter_n, utf8, n);
		a->filter_n += n;
	}
}

static void key_filter(struct app *a, int key)
{
	switch (key) {
	case K_ESC:
		close_filter(a);
		return;
	case CTRL('f'):
	case K_ENTER:
	case K_CTRL_M:
	case '\t':
		a->typing = false;
		a->in_tree = true;
		return;
	case K_UP:
	case K_DOWN:
		model_move(&a->model, key == K_UP ? -1 : 1);
		return;
	case CTRL('u'):
		a->filter_n = 0;
		break;
	case K_BACKSPACE:
		while (a->filter_n && (a->filter[a->filter_n - 1] & 0xc0) == 0x80)
			a->filter_n--;
		a->filter_n -= a->filter_n > 0;
		break;
	default:
		if (key < ' ' || key >= K_UP)
			return;
		type_char(a, key);
	}
	app_filter(a);
}

static void key_layers(struct app *a, int key)
{
	s64 by = movement(key, a->layer_page);
	u32 to = moved(a->model.layer, a->image->n_layers, by);
	if (by && to != a->model.layer)
		model_select_layer(&a->model, to);
	else if (key == CTRL('a') || key == CTRL('l'))
		model_aggregate(&a->model, key == CTRL('a'));
	else if (key == 'd' && a->image->n_layers)
		text_layer(a, a->model.layer), open_text(a);
	else if (key == K_RIGHT || key == 'l' || key == K_ENTER)
		a->in_tree = true;
}

static void key_tree(struct app *a, int key)
{
	struct model *m = &a->model;
	const struct version *v;
	node_id id = selected(a);
	s64 by = movement(key, a->tree_page);
	if (by) {
		model_move(m, by);
		return;
	}
	switch (key) {
	case K_LEFT: case 'h': model_left(m); break;
	case K_RIGHT: case 'l': model_right(m); break;
	case ' ': model_toggle(m, id); break;
	case K_CTRL_SPACE: model_toggle_all(m); break;
	case CTRL('a'): toggle(a, DIFF_ADDED); break;
	case CTRL('r'): toggle(a, DIFF_REMOVED); break;
	case K_CTRL_M: case 'm': toggle(a, DIFF_CHANGED); break;
	case CTRL('u'): toggle(a, DIFF_SAME); break;
	case CTRL('b'): a->attributes = !a->attributes; break;
	case CTRL('p'): a->wrap = !a->wrap; break;
	case CTRL('o'): sort_order(a); break;
	case K_ENTER:
		if (id && model_is_dir(m, id))
			model_toggle(m, id);
		else
			view_file(a);
		break;
	case 'v': view_file(a); break;
	case 'e': case CTRL('e'):
		if (selected_file(a, &v))
			extract(a, v->from, v->entry);
		break;
	case 'd':
		if (id)
			text_details(a, id), open_text(a);
		break;
	default: break;
	}
}

static void key_panes(struct app *a, int key)
{
	switch (key) {
	case 'q': a->quit = true; break;
	case '\t': case K_BACKTAB: a->in_tree = !a->in_tree; break;
	case CTRL('f'): case '/': a->typing = true; break;
	case K_ESC:
		if (a->filter_n)
			close_filter(a);
		break;
	case 'w': a->view = VIEW_WASTE; break;
	default:
		if (a->in_tree)
			key_tree(a, key);
		else
			key_layers(a, key);
	}
}

/* To the layer that lost the item, one-layer view, where it stands as removed or changed. */
static void go_to_waste(struct app *a)
{
	const struct waste_item *w = SEG_AT(&a->full->waste, a->waste[a->waste_sel]);
	if (!w->node) {
		say(a, "these bytes never had a name in the tree", NULL);
		return;
	}
	if (a->filter_n)
		close_filter(a);
	a->model.hidden = 0;
	a->model.aggregated = false;
	model_select_layer(&a->model, w->by_layer);
	model_reveal(&a->model, w->node);
	u32 half = (u32)MAX(a->tree_page, 0) / 2;
	a->tree_top = a->model.sel > half ? a->model.sel - half : 0;
	a->view = VIEW_PANES;
	a->in_tree = true;
}

static void key_waste(struct app *a, int key)
{
	s64 by = movement(key, a->waste_page);
	if (by)
		a->waste_sel = moved(a->waste_sel, a->n_waste, by);
	else if (key == K_ESC || key == 'q' || key == 'w')
		a->view = VIEW_PANES;
	else if (key == 'd' && a->n_waste && SEG_AT(&a->full->waste, a->waste[a->waste_sel])->node)
		text_details(a, SEG_AT(&a->full->waste, a->waste[a->waste_sel])->node), open_text(a);
	else if (key == K_ENTER && a->n_waste)
		go_to_waste(a);
}

static void key_text(struct app *a, int key)
{
	s64 by = movement(key, a->tree_page);
	if (key == ' ')
		by = MAX(a->tree_page, 1);
	if (by)
		a->text.top = moved(a->text.top, a->text.rows, by);
	else if (key == K_ESC || key == 'q' || key == 'd' || key == '?')
		a->view = a->below;
}

static void key_pager(struct app *a, int key)
{
	struct pager *p = &a->pager;
	struct error err = { 0 };
	s64 by = key == ' ' ? MAX(a->pager_page, 1) : movement(key, a->pager_page);
	size_t cols = (size_t)MAX(a->pager_cols, 1);
	int r = 0;
	app_work(a, "reading the file");
	if (key == K_HOME || key == 'g')
		p->top = 0;
	else if (key == K_END || key == 'G')
		r = pager_end(p, cols, (size_t)MAX(a->pager_page, 1), &err);
	else if (by)
		r = pager_move(p, cols, by, &err);
	else if (key == 'x')
		p->hex = !p->hex, p->top = p->hex ? p->top / 16 * 16 : p->top;
	else if (key == 'e' || key == CTRL('e'))
		extract(a, p->content.layer, p->content.entry);
	app_work(a, NULL);
	if (r < 0)
		say(a, "not read", &err);
	if (key == K_ESC || key == 'q' || key == 'v') {
		content_close(&p->content);
		a->view = VIEW_PANES;
	}
}

void app_key(struct app *a, int key)
{
	if (key == K_GONE || key == CTRL('c')) {
		a->quit = true;
		return;
	}
	if (key == CTRL('z')) {
		screen_suspend();
		return;
	}
	if (key == K_RESIZE || key == K_OTHER || key == K_NONE)
		return;
	a->message[0] = '\0';
	if (a->view == VIEW_PANES && a->typing)
		key_filter(a, key);
	else if (key == '?' && a->view != VIEW_TEXT && a->view != VIEW_PAGER)
		text_help(a), open_text(a);
	else if (key == '!' && a->view != VIEW_TEXT && a->view != VIEW_PAGER)
		text_problems(a), open_text(a);
	else if (a->view == VIEW_PANES)
		key_panes(a, key);
	else if (a->view == VIEW_WASTE)
		key_waste(a, key);
	else if (a->view == VIEW_TEXT)
		key_text(a, key);
	else
		key_pager(a, key);
}

int explore_run(const struct image *img, const struct rootfs *full, const struct packages *pkgs, bool color, struct error *err)
{
	progress_enable(false); /* its line would stand in the middle of the screen */
	struct app a;
	app_init(&a, img, full, pkgs);
	if (screen_open(color, err) < 0) {
		app_free(&a);
		return -1;
	}
	while (!a.quit) {
		draw(&a);
		int key = screen_key(-1);
		app_key(&a, key);
		while (!a.quit && a.view != VIEW_PAGER && (key = screen_key(0)) != K_NONE) /* what was typed ahead: one picture for all of it */
			app_key(&a, key);
	}
	screen_close();
	app_free(&a);
	if (screen_signal())
		raise(screen_signal());
	return 0;
}
