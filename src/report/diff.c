#include "report/diff.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "secret/secret.h"

/* --- measuring: one walk --- */

struct measure {
	struct diff_report *d;
	bool collapse;
	u64 at;
};

static bool heavier(const struct diff_item *x, const struct diff_item *y) { return x->weight != y->weight ? x->weight > y->weight : x->at < y->at; }

static int item_cmp(const void *x, const void *y) { return heavier(x, y) ? -1 : 1; }

/* The lightest is on top, to be replaced. */
static void sift(struct diff_list *l, u32 i)
{
	for (;;) {
		u32 min = i, left = 2 * i + 1, right = left + 1;
		if (left < l->n && heavier(&l->v[min], &l->v[left]))
			min = left;
		if (right < l->n && heavier(&l->v[min], &l->v[right]))
			min = right;
		if (min == i)
			return;
		struct diff_item t = l->v[i];
		l->v[i] = l->v[min];
		l->v[min] = t;
		i = min;
	}
}

static void keep(struct diff_list *l, struct diff_item item)
{
	l->all++;
	if (!l->max || (l->n == l->max && heavier(&l->v[0], &item)))
		return;
	struct str path = item.c.path;
	char *copy = xmalloc(path.n + 1);
	memcpy(copy, path.p, path.n);
	copy[path.n] = '\0';
	item.c.path = str_n(copy, path.n);
	if (l->n == l->max) {
		free((void *)(uintptr_t)l->v[0].c.path.p);
		l->v[0] = item;
		sift(l, 0);
		return;
	}
	VEC_PUSH(l->v, l->n, l->cap, item);
	for (u32 i = l->n - 1; i && heavier(&l->v[(i - 1) / 2], &l->v[i]); i = (i - 1) / 2) {
		struct diff_item t = l->v[i];
		l->v[i] = l->v[(i - 1) / 2];
		l->v[(i - 1) / 2] = t;
	}
}

static u64 distance(u64 a, u64 b) { return a > b ? a - b : b - a; }

static const struct fact_entry *entry_of(const struct rootfs *r, node_id id) { return id ? rootfs_entry(r, id) : NULL; }

static u32 mode_of(const struct fact_entry *e) { return e ? e->mode : 0755; }

/* Metadata has no bytes; what can change who may do what comes first. */
static u64 meta_weight(const struct diff_report *d, const struct diff_change *c)
{
	u32 ma = mode_of(entry_of(d->a, c->a)), mb = mode_of(entry_of(d->b, c->b));
	if (c->what & DIFF_MODE && ((ma ^ mb) & 07000 || (mb & ~ma) & 0002))
		return 5;
	return c->what & DIFF_XATTRS ? 4 : c->what & (DIFF_OWNER | DIFF_MODE) ? 3 : c->what & (DIFF_TYPE | DIFF_TARGET | DIFF_DEVICE) ? 2 : 1;
}

static int measure_change(void *ctx, const struct diff_change *c)
{
	struct measure *m = ctx;
	struct diff_report *d = m->d;
	d->count[c->kind]++;
	d->bytes[c->kind][0] += c->bytes_a;
	d->bytes[c->kind][1] += c->bytes_b;
	for (u32 i = 0; i < DIFF_WHATS; i++)
		d->what[i] += c->what >> i & 1;
	m->at++;
	if (c->kind == DIFF_SAME)
		return 0;
	bool dir = rootfs_type(c->b ? d->b : d->a, c->b ? c->b : c->a) == TAR_DIR;
	if (m->collapse && (c->below || (c->kind != DIFF_CHANGED && dir)))
		return 0; /* part of an item of measure_dir() */
	bool bytes = c->kind != DIFF_CHANGED || c->what & (DIFF_CONTENT | DIFF_TYPE);
	struct diff_item item = { .c = *c, .at = m->at, .weight = bytes ? MAX(c->size_a, c->size_b) : 0 };
	if (m->collapse && !bytes) {
		item.weight = meta_weight(d, c);
		keep(&d->meta_list, item);
	} else {
		keep(&d->files_list, item);
	}
	return 0;
}

static int measure_dir(void *ctx, const struct diff_dir *dir)
{
	struct measure *m = ctx;
	struct diff_report *d = m->d;
	struct diff_item item = { .c = { .path = dir->path, .a = dir->a, .b = dir->b, .bytes_a = dir->bytes_a, .bytes_b = dir->bytes_b }, .at = ++m->at };
	bool touched = dir->added || dir->removed || dir->changed || dir->bytes_a != dir->bytes_b;
	if (dir->depth && dir->depth <= 2 && touched) {
		item.weight = distance(dir->bytes_a, dir->bytes_b);
		keep(&d->dirs_list, item);
	}
	bool shown = touched || !d->files.path.n || str_glob(d->files.path, dir->path);
	if (m->collapse && dir->whole && shown) {
		item.c.kind = dir->b ? DIFF_ADDED : DIFF_REMOVED;
		item.whole = true;
		item.names = dir->added + dir->removed;
		item.weight = MAX(dir->bytes_a, dir->bytes_b);
		keep(&d->files_list, item);
	}
	return 0;
}

static void sort_list(struct diff_list *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof *l->v, item_cmp);
}

void diff_measure(struct diff_report *d, bool collapse)
{
	struct measure m = { .d = d, .collapse = collapse };
	d->files_list.max = d->all ? 0 : d->top;
	d->meta_list.max = d->top;
	d->dirs_list.max = d->all ? UINT32_MAX : d->top;
	struct diff_visitor v = { &m, measure_change, measure_dir };
	rootfs_diff(d->a, d->b, &d->files, &v, d->problems);
	sort_list(&d->files_list);
	sort_list(&d->meta_list);
	sort_list(&d->dirs_list);
	d->equal = !d->count[DIFF_ADDED] && !d->count[DIFF_REMOVED] && !d->count[DIFF_CHANGED];
	if (!d->only_files)
		d->equal = d->equal && !d->images->n_config && (!d->files.strict || d->images->layers_equal);
}

void diff_report_free(struct diff_report *d)
{
	struct diff_list *const all[] = { &d->files_list, &d->meta_list, &d->dirs_list };
	for (size_t k = 0; k < countof(all); k++) {
		for (u32 i = 0; i < all[k]->n; i++)
			free((void *)(uintptr_t)all[k]->v[i].c.path.p);
		free(all[k]->v);
		*all[k] = (struct diff_list){ 0 };
	}
}

static const struct package *owner_of(const struct packages *p, node_id id)
{
	u32 i = p && id ? p->owner[id] : 0;
	return i ? &p->v[i - 1] : NULL;
}

static u64 unowned(const struct rootfs *r, const struct packages *p) { return r->visible - p->bytes; }

/* --- table --- */

struct table {
	FILE *f;
	const struct diff_report *d;
	struct buf line, cell;
};

static const char *paint(const struct table *t, const char *code) { return t->d->color ? code : ""; }
#define BOLD "\033[1m"
#define DIM "\033[2m"
#define PLAIN "\033[0m"
static const char *const kind_color[] = { "", "\033[32m", "\033[31m", "\033[33m" };
static const char *const kind_sign[] = { " ", "+", "-", "~" };

/* "+1.20 MB", "-7 B", "0 B". */
static const char *signed_size(u64 a, u64 b, char out[24])
{
	char size[16];
	snprintf(out, 24, "%s%s", a == b ? "" : b > a ? "+" : "-", text_size(distance(a, b), size));
	return out;
}
#define DELTA(a, b) signed_size((a), (b), (char[24]){ 0 })

/* A cell of image bytes: made harmless, cut, padded to `width` columns (0: neither). Good until the next call. */
static const char *fit(struct table *t, struct str s, size_t width, bool tail)
{
	struct buf safe = { 0 };
	text_safe(&safe, s);
	buf_clear(&t->cell);
	if (width)
		text_fit(&t->cell, buf_str(&safe), width, tail);
	else
		buf_add(&t->cell, buf_str(&safe));
	for (size_t w = text_width(buf_str(&t->cell)); w < width; w++)
		buf_putc(&t->cell, ' ');
	buf_free(&safe);
	return t->cell.p ? t->cell.p : "";
}

static void heading(struct table *t, const char *name, const char *rest) { fprintf(t->f, "\n%s%s%s%s\n", paint(t, BOLD), name, paint(t, PLAIN), rest); }

static void more(struct table *t, u64 all, u32 shown, const char *what)
{
	if (all > shown)
		fprintf(t->f, "  %s… %s more %s%s\n", paint(t, DIM), TEXT_COUNT(all - shown), what, paint(t, PLAIN));
}

static void size_row(struct table *t, const char *name, u64 a, u64 b)
{
	const char *color = a == b ? "" : kind_color[b > a ? DIFF_REMOVED : DIFF_ADDED]; /* growing is the bad news */
	fprintf(t->f, "  %-11s %10s  %10s  %s%10s%s", name, TEXT_SIZE(a), TEXT_SIZE(b), paint(t, color), DELTA(a, b), paint(t, PLAIN));
	if (a && a != b)
		fprintf(t->f, "  %+.1f %%", ((double)b - (double)a) * 100 / (double)a);
	putc('\n', t->f);
}

static void count_row(struct table *t, const char *name, u64 a, u64 b)
{
	fprintf(t->f, "  %-11s %10s  %10s  ", name, TEXT_COUNT(a), TEXT_COUNT(b));
	if (a == b)
		fprintf(t->f, "%10s\n", "0");
	else
		fprintf(t->f, "%*s%s%s\n", MAX(0, 9 - (int)strlen(TEXT_COUNT(distance(a, b)))), "", b > a ? "+" : "-", TEXT_COUNT(distance(a, b)));
}

static void table_head(struct table *t)
{
	const struct diff_report *d = t->d;
	const struct image *a = d->a->image, *b = d->b->image;
	char pa[100], pb[100];
	fprintf(t->f, "%s- %s%s", paint(t, kind_color[DIFF_REMOVED]), fit(t, str_of(a->reference), 0, false), paint(t, PLAIN));
	fprintf(t->f, "  %s\n", fit(t, str_of(platform_text(&a->config.platform, pa)), 0, false));
	fprintf(t->f, "%s+ %s%s", paint(t, kind_color[DIFF_ADDED]), fit(t, str_of(b->reference), 0, false), paint(t, PLAIN));
	fprintf(t->f, "  %s\n\n", fit(t, str_of(platform_text(&b->config.platform, pb)), 0, false));
	if (d->equal) {
		fprintf(t->f, "%sNo difference%s%s.\n", paint(t, BOLD), paint(t, PLAIN),
			d->only_files ? " in the files that match" : d->files.strict ? "" : " (times, order and layer boundaries aside; --strict compares them)");
		return;
	}
	fprintf(t->f, "%s  %-11s %10s  %10s  %10s%s\n", paint(t, DIM), "", "before", "after", "change", paint(t, PLAIN));
	size_row(t, "visible", d->a->visible, d->b->visible);
	size_row(t, "stored", a->size, b->size);
	size_row(t, "compressed", a->compressed_size, b->compressed_size);
	count_row(t, "files", d->a->files, d->b->files);
	count_row(t, "packages", d->packages_a->n, d->packages_b->n);
	count_row(t, "layers", a->n_layers, b->n_layers);
	if (d->images->n_shared)
		fprintf(t->f, "  %-11s %u of the second image's %u layers (%s, %s compressed)\n", "shared", d->images->n_shared, b->n_layers, TEXT_SIZE(d->images->shared_size),
			TEXT_SIZE(d->images->shared_compressed));
	else
		fprintf(t->f, "  %-11s no layer\n", "shared");
}

static void table_packages(struct table *t)
{
	const struct diff_report *d = t->d;
	const struct package_changes *p = d->packages;
	u64 ua = unowned(d->a, d->packages_a), ub = unowned(d->b, d->packages_b);
	if (!p->n && ua == ub)
		return;
	buf_clear(&t->line);
	for (u32 k = 0; k < PACKAGE_CHANGE_KINDS; k++)
		if (p->count[k])
			buf_printf(&t->line, "%s%u %s", t->line.n ? ", " : "  ", p->count[k], package_change_text[k]);
	heading(t, "Packages", p->n ? t->line.p : "");
	static const u8 sign[] = { DIFF_ADDED, DIFF_REMOVED, DIFF_CHANGED, DIFF_CHANGED, DIFF_CHANGED };
	u32 shown = MIN(p->n, d->top);
	size_t width = 12;
	for (u32 i = 0; i < shown; i++)
		width = MAX(width, strlen((p->v[i].b ? p->v[i].b : p->v[i].a)->name));
	width = MIN(width, (size_t)32);
	for (u32 i = 0; i < shown; i++) {
		const struct package_change *c = &p->v[i];
		const struct package *any = c->b ? c->b : c->a;
		fprintf(t->f, "  %s%s%s %10s  %-4s ", paint(t, kind_color[sign[c->kind]]), kind_sign[sign[c->kind]], paint(t, PLAIN),
			DELTA(c->a ? c->a->bytes : 0, c->b ? c->b->bytes : 0), any->type);
		fprintf(t->f, "%s  ", fit(t, str_of(any->name), width, false));
		fputs(fit(t, str_of(c->a ? c->a->version : c->b->version), 0, false), t->f);
		if (c->kind == PACKAGE_UPGRADED || c->kind == PACKAGE_DOWNGRADED)
			fprintf(t->f, " → %s%s", fit(t, str_of(c->b->version), 0, false), c->kind == PACKAGE_DOWNGRADED ? "  (downgraded)" : "");
		else if (c->kind == PACKAGE_RESIZED)
			fprintf(t->f, "  %s(same version)%s", paint(t, DIM), paint(t, PLAIN));
		putc('\n', t->f);
	}
	more(t, p->n, shown, "packages");
	if (ua != ub)
		fprintf(t->f, "    %10s  of files that no package owns\n", DELTA(ua, ub));
}

static void list_text(struct buf *out, const char **list)
{
	buf_putc(out, '[');
	for (u32 i = 0; list[i]; i++)
		buf_printf(out, "%s\"%s\"", i ? ", " : "", list[i]);
	buf_putc(out, ']');
}

static bool secret(struct str name, const char *value) { return value && *value && (secret_name(name) || secret_url(str_of(value))); }

static const char **hide_list(struct arena *a, const char **list)
{
	u32 n = 0;
	while (list && list[n])
		n++;
	const char **v = arena_array(a, const char *, n + 1);
	for (u32 i = 0; i < n; i++) {
		struct str value = str_of(list[i]), name = str_cut(&value, '=');
		v[i] = value.p && secret(name, value.p) ? arena_printf(a, "%.*s=(not shown)", STR_FMT(name)) : list[i];
	}
	return list ? v : NULL;
}

void report_diff_hide(struct image_diff *d)
{
	for (u32 i = 0; i < d->n_config; i++) {
		struct config_change *c = &d->config[i];
		if (strcmp(c->field, "env_order") == 0) {
			c->list_a = hide_list(&d->arena, c->list_a);
			c->list_b = hide_list(&d->arena, c->list_b);
		}
		if (strcmp(c->field, "env") != 0 || !c->key)
			continue;
		if (secret(str_of(c->key), c->a))
			c->a = "(not shown)";
		if (secret(str_of(c->key), c->b))
			c->b = "(not shown)";
	}
}

static void config_value(struct table *t, const char *value, const char **list)
{
	if (!value && !list) {
		fputs("(not set)", t->f);
		return;
	}
	struct buf text = { 0 };
	if (list)
		list_text(&text, list);
	else
		buf_puts(&text, value);
	struct str s = buf_str(&text);
	const char *cell = fit(t, str_head(s, 400), 0, false);
	fprintf(t->f, "%s%s", *cell ? cell : "\"\"", s.n > 400 ? "…" : "");
	buf_free(&text);
}

static void table_config(struct table *t)
{
	const struct image_diff *c = t->d->images;
	if (!c->n_config)
		return;
	heading(t, "Configuration", "");
	u32 shown = MIN(c->n_config, MAX(t->d->top, 20u));
	for (u32 i = 0; i < shown; i++) {
		const struct config_change *v = &c->config[i];
		enum diff_kind kind = v->list_a || (v->a && v->b) ? DIFF_CHANGED : v->a ? DIFF_REMOVED : DIFF_ADDED;
		fprintf(t->f, "  %s%s%s %s", paint(t, kind_color[kind]), kind_sign[kind], paint(t, PLAIN), v->field);
		bool set = strcmp(v->field, "ports") == 0 || strcmp(v->field, "volumes") == 0; /* the key says it all */
		if (v->key)
			fprintf(t->f, " %s", fit(t, str_of(v->key), 0, false));
		if (!set) {
			fputs(": ", t->f);
			if (kind != DIFF_ADDED)
				config_value(t, v->a, v->list_a);
			if (kind == DIFF_CHANGED)
				fputs(" → ", t->f);
			if (kind != DIFF_REMOVED)
				config_value(t, v->b, v->list_b);
		}
		putc('\n', t->f);
	}
	more(t, c->n_config, shown, "settings");
}

static int by_path(const void *x, const void *y)
{
	const struct diff_item *a = x, *b = y;
	return str_cmp(a->c.path, b->c.path);
}

static void table_dirs(struct table *t)
{
	const struct diff_list *l = &t->d->dirs_list;
	if (!l->n)
		return;
	heading(t, "Directories", "");
	autofree struct diff_item *v = xmalloc(l->n * sizeof *v);
	memcpy(v, l->v, l->n * sizeof *v);
	qsort(v, l->n, sizeof *v, by_path);
	for (u32 i = 0; i < l->n; i++) {
		const struct diff_change *c = &v[i].c;
		fprintf(t->f, "    %10s  %9s → %-9s  %s\n", DELTA(c->bytes_a, c->bytes_b), TEXT_SIZE(c->bytes_a), TEXT_SIZE(c->bytes_b), fit(t, c->path, 0, false));
	}
	more(t, l->all, l->n, "directories");
}

static const char *type_text(u8 type)
{
	switch (type) {
	case TAR_FILE: return "file";
	case TAR_DIR: return "directory";
	case TAR_SYMLINK: return "symbolic link";
	case TAR_CHAR: return "character device";
	case TAR_BLOCK: return "block device";
	case TAR_FIFO: return "fifo";
	default: return "other";
	}
}

static const char *target_of(const struct rootfs *r, node_id id)
{
	const struct fact_entry *e = entry_of(r, id);
	return e && rootfs_type(r, id) == TAR_SYMLINK ? facts_string(rootfs_facts(r, id), e->link) : NULL;
}

/* "content, mode 0755 → 4755". */
static void describe(struct table *t, const struct diff_change *c)
{
	const struct diff_report *d = t->d;
	const struct fact_entry *a = entry_of(d->a, c->a), *b = entry_of(d->b, c->b);
	buf_clear(&t->line);
	for (u32 i = 0; i < DIFF_WHATS; i++) {
		u32 bit = c->what & 1u << i;
		if (!bit)
			continue;
		buf_printf(&t->line, "%s%s", t->line.n ? ", " : "", diff_what_text[i]);
		if (bit == DIFF_TYPE)
			buf_printf(&t->line, " %s → %s", type_text(rootfs_type(d->a, c->a)), type_text(rootfs_type(d->b, c->b)));
		else if (bit == DIFF_MODE)
			buf_printf(&t->line, " %04o → %04o", mode_of(a), mode_of(b));
		else if (bit == DIFF_OWNER)
			buf_printf(&t->line, " %u:%u → %u:%u", a ? a->uid : 0, a ? a->gid : 0, b ? b->uid : 0, b ? b->gid : 0);
		else if (bit == DIFF_LAYER)
			buf_printf(&t->line, " %u → %u", rootfs_node(d->a, c->a)->layer, rootfs_node(d->b, c->b)->layer);
		else if (bit == DIFF_TARGET)
			buf_printf(&t->line, " %.200s → %.200s", target_of(d->a, c->a), target_of(d->b, c->b));
	}
}

#define PATH_WIDTH ((size_t)64) /* longer ones push what follows to the right */

static size_t path_width(struct table *t, const struct diff_list *l)
{
	size_t width = 0;
	for (u32 i = 0; i < l->n; i++) {
		size_t w = text_width(str_of(fit(t, l->v[i].c.path, 0, false))) + l->v[i].whole;
		width = w <= PATH_WIDTH ? MAX(width, w) : width;
	}
	return width;
}

static void file_line(struct table *t, const struct diff_item *item, size_t width)
{
	const struct diff_change *c = &item->c;
	bool sized = c->kind != DIFF_CHANGED || c->what & (DIFF_CONTENT | DIFF_TYPE);
	u64 a = item->whole ? c->bytes_a : c->size_a, b = item->whole ? c->bytes_b : c->size_b;
	fprintf(t->f, "  %s%s %10s%s  ", paint(t, kind_color[c->kind]), kind_sign[c->kind], sized ? DELTA(a, b) : "", paint(t, PLAIN));
	const char *path = fit(t, c->path, 0, false);
	size_t used = text_width(str_of(path)) + item->whole;
	fprintf(t->f, "%s%s", path, item->whole ? "/" : "");
	describe(t, c);
	const struct package *p = owner_of(t->d->packages_b, c->b);
	p = p ? p : owner_of(t->d->packages_a, c->a);
	if (t->line.n || p || item->whole)
		fprintf(t->f, "%*s", used < width ? (int)(width - used) : 0, "");
	if (item->whole)
		fprintf(t->f, "  %s%s%s%s", paint(t, DIM), item->names ? TEXT_COUNT(item->names) : "empty", item->names > 1 ? " names" : item->names ? " name" : "", paint(t, PLAIN));
	else if (t->line.n)
		fprintf(t->f, "  %s%s%s", paint(t, kind_color[DIFF_CHANGED]), fit(t, buf_str(&t->line), 0, false), paint(t, PLAIN));
	if (p && !item->whole)
		fprintf(t->f, "  %s%s%s", paint(t, DIM), fit(t, str_of(p->name), 0, false), paint(t, PLAIN));
	putc('\n', t->f);
}

static void table_files(struct table *t)
{
	const struct diff_report *d = t->d;
	if (!d->count[DIFF_ADDED] && !d->count[DIFF_REMOVED] && !d->count[DIFF_CHANGED])
		return;
	buf_clear(&t->line);
	buf_printf(&t->line, "  %s added (%s)", TEXT_COUNT(d->count[DIFF_ADDED]), TEXT_SIZE(d->bytes[DIFF_ADDED][1]));
	buf_printf(&t->line, ", %s removed (%s)", TEXT_COUNT(d->count[DIFF_REMOVED]), TEXT_SIZE(d->bytes[DIFF_REMOVED][0]));
	buf_printf(&t->line, ", %s changed (%s)", TEXT_COUNT(d->count[DIFF_CHANGED]), DELTA(d->bytes[DIFF_CHANGED][0], d->bytes[DIFF_CHANGED][1]));
	heading(t, "Files", t->line.p);
	size_t width = path_width(t, &d->files_list);
	for (u32 i = 0; i < d->files_list.n; i++)
		file_line(t, &d->files_list.v[i], width);
	more(t, d->files_list.all, d->files_list.n, "changes");
	if (!d->meta_list.n)
		return;
	heading(t, "Metadata only", "");
	width = path_width(t, &d->meta_list);
	for (u32 i = 0; i < d->meta_list.n; i++)
		file_line(t, &d->meta_list.v[i], width);
	more(t, d->meta_list.all, d->meta_list.n, "changes");
}

int report_diff_table(FILE *f, const struct diff_report *d)
{
	struct table t = { .f = f, .d = d };
	table_head(&t);
	if (!d->equal) {
		if (!d->only_files) {
			table_config(&t);
			table_packages(&t);
		}
		table_dirs(&t);
		table_files(&t);
	}
	if (d->problems->n) {
		heading(&t, "Incomplete", "  what could not be read is not compared");
		for (u32 i = 0; i < MIN(d->problems->n, 20u); i++)
			fprintf(f, "  %s\n", fit(&t, str_of(d->problems->v[i]), 0, false));
		more(&t, (u64)d->problems->n + d->problems->more, MIN(d->problems->n, 20u), "problems");
	}
	buf_free(&t.line);
	buf_free(&t.cell);
	return ferror(f) ? -1 : 0;
}

/* --- JSON --- */

static void json_digest(struct jsonw *w, const char *key, const struct digest *digest) { jsonw_kz(w, key, digest->alg ? DIGEST_STR(digest) : NULL); }

static void json_image(struct jsonw *w, const char *key, const struct rootfs *r, const struct packages *p)
{
	const struct image *img = r->image;
	char platform[100];
	jsonw_key(w, key);
	jsonw_obj(w);
	jsonw_kz(w, "reference", img->reference);
	json_digest(w, "digest", &img->digest);
	json_digest(w, "config_digest", &img->config_digest);
	jsonw_kz(w, "platform", platform_text(&img->config.platform, platform));
	jsonw_kz(w, "created", img->config.created);
	jsonw_ku(w, "size", img->size);
	jsonw_ku(w, "compressed_size", img->compressed_size);
	jsonw_ku(w, "visible_size", r->visible);
	jsonw_ku(w, "files", r->files);
	jsonw_ku(w, "directories", r->dirs);
	jsonw_ku(w, "packages", p->n);
	jsonw_ku(w, "unowned_bytes", unowned(r, p));
	jsonw_ku(w, "layers", img->n_layers);
	jsonw_end(w);
}

/* b - a, exact for everything below 2^63. */
static void json_delta(struct jsonw *w, u64 a, u64 b)
{
	jsonw_key(w, "delta");
	jsonw_s64(w, (s64)(b - a));
}

static void json_layers(struct jsonw *w, const struct diff_report *d)
{
	const struct image_diff *i = d->images;
	jsonw_key(w, "layers");
	jsonw_obj(w);
	jsonw_kb(w, "equal", i->layers_equal);
	jsonw_ku(w, "shared_size", i->shared_size);
	jsonw_ku(w, "shared_compressed_size", i->shared_compressed);
	jsonw_key(w, "shared");
	jsonw_arr(w);
	for (u32 k = 0; k < i->n_shared; k++) {
		const struct image_layer *l = &d->b->image->layers[i->shared[k].b];
		jsonw_obj(w);
		json_digest(w, "diff_id", l->diff_id.alg ? &l->diff_id : &l->facts->diff_id);
		jsonw_ku(w, "before", i->shared[k].a);
		jsonw_ku(w, "after", i->shared[k].b);
		jsonw_ku(w, "size", l->size);
		jsonw_ku(w, "compressed_size", l->compressed_size);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void json_value(struct jsonw *w, const char *key, const char *value, const char **list)
{
	if (!list) {
		jsonw_kz(w, key, value);
		return;
	}
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; list[i]; i++)
		jsonw_str(w, str_of(list[i]));
	jsonw_end(w);
}

static void json_config(struct jsonw *w, const struct image_diff *d)
{
	jsonw_key(w, "config");
	jsonw_arr(w);
	for (u32 i = 0; i < d->n_config; i++) {
		const struct config_change *c = &d->config[i];
		jsonw_obj(w);
		jsonw_kz(w, "field", c->field);
		jsonw_kz(w, "key", c->key);
		json_value(w, "before", c->a, c->list_a);
		json_value(w, "after", c->b, c->list_b);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void json_package(struct jsonw *w, const char *key, const struct package *p)
{
	jsonw_key(w, key);
	if (!p) {
		jsonw_null(w);
		return;
	}
	jsonw_obj(w);
	jsonw_kz(w, "version", p->version);
	jsonw_ku(w, "bytes", p->bytes);
	jsonw_ku(w, "files", p->files);
	jsonw_end(w);
}

static void json_packages(struct jsonw *w, const struct diff_report *d)
{
	const struct package_changes *p = d->packages;
	jsonw_key(w, "packages");
	jsonw_obj(w);
	for (u32 k = 0; k < PACKAGE_CHANGE_KINDS; k++)
		jsonw_ku(w, package_change_text[k], p->count[k]);
	jsonw_key(w, "changes");
	jsonw_arr(w);
	for (u32 i = 0; i < (d->all ? p->n : MIN(p->n, d->top)); i++) {
		const struct package *any = p->v[i].b ? p->v[i].b : p->v[i].a;
		jsonw_obj(w);
		jsonw_kz(w, "change", package_change_text[p->v[i].kind]);
		jsonw_kz(w, "type", any->type);
		jsonw_kz(w, "name", any->name);
		jsonw_kz(w, "arch", any->arch);
		json_package(w, "before", p->v[i].a);
		json_package(w, "after", p->v[i].b);
		json_delta(w, p->v[i].a ? p->v[i].a->bytes : 0, p->v[i].b ? p->v[i].b->bytes : 0);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void json_dirs(struct jsonw *w, const struct diff_list *l)
{
	jsonw_key(w, "directories");
	jsonw_arr(w);
	for (u32 i = 0; i < l->n; i++) {
		const struct diff_change *c = &l->v[i].c;
		jsonw_obj(w);
		jsonw_ks(w, "path", c->path);
		jsonw_ku(w, "before", c->bytes_a);
		jsonw_ku(w, "after", c->bytes_b);
		json_delta(w, c->bytes_a, c->bytes_b);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void json_side(struct jsonw *w, const char *key, const struct rootfs *r, const struct packages *p, node_id id, u64 size)
{
	jsonw_key(w, key);
	if (!id) {
		jsonw_null(w);
		return;
	}
	const struct fact_entry *e = rootfs_entry(r, id);
	const struct package *owner = owner_of(p, id);
	u8 type = rootfs_type(r, id);
	jsonw_obj(w);
	jsonw_ks(w, "type", str_n(&type, 1));
	jsonw_ku(w, "mode", mode_of(e));
	jsonw_ku(w, "uid", e ? e->uid : 0);
	jsonw_ku(w, "gid", e ? e->gid : 0);
	jsonw_ku(w, "size", size);
	jsonw_ku(w, "layer", rootfs_node(r, id)->layer);
	jsonw_key(w, "mtime");
	if (e)
		jsonw_s64(w, e->mtime);
	else
		jsonw_null(w);
	if (type == TAR_SYMLINK)
		jsonw_kz(w, "target", target_of(r, id));
	jsonw_kz(w, "package", owner ? owner->name : NULL);
	jsonw_end(w);
}

struct json_files {
	struct jsonw *w;
	const struct diff_report *d;
};

static int json_change(void *ctx, const struct diff_change *c)
{
	const struct json_files *j = ctx;
	struct jsonw *w = j->w;
	if (c->kind == DIFF_SAME)
		return 0;
	jsonw_obj(w);
	jsonw_ks(w, "path", c->path);
	jsonw_kz(w, "change", diff_kind_text[c->kind]);
	jsonw_key(w, "what");
	jsonw_arr(w);
	for (u32 i = 0; i < DIFF_WHATS; i++)
		if (c->what >> i & 1)
			jsonw_str(w, str_of(diff_what_text[i]));
	jsonw_end(w);
	json_side(w, "before", j->d->a, j->d->packages_a, c->a, c->size_a);
	json_side(w, "after", j->d->b, j->d->packages_b, c->b, c->size_b);
	json_delta(w, c->bytes_a, c->bytes_b);
	jsonw_end(w);
	return ferror(w->f) ? -1 : 0;
}

static void json_files(struct jsonw *w, const struct diff_report *d)
{
	jsonw_key(w, "files");
	jsonw_obj(w);
	for (u32 k = DIFF_SAME; k <= DIFF_CHANGED; k++) {
		jsonw_key(w, diff_kind_text[k]);
		jsonw_obj(w);
		jsonw_ku(w, "count", d->count[k]);
		jsonw_ku(w, "before", d->bytes[k][0]);
		jsonw_ku(w, "after", d->bytes[k][1]);
		jsonw_end(w);
	}
	jsonw_key(w, "what");
	jsonw_obj(w);
	for (u32 i = 0; i < DIFF_WHATS; i++)
		jsonw_ku(w, diff_what_text[i], d->what[i]);
	jsonw_end(w);
	jsonw_key(w, "changes");
	jsonw_arr(w);
	struct json_files j = { w, d };
	if (d->all)
		rootfs_diff(d->a, d->b, &d->files, &(struct diff_visitor){ &j, json_change, NULL }, NULL);
	for (u32 i = 0; !d->all && i < d->files_list.n; i++)
		json_change(&j, &d->files_list.v[i].c);
	jsonw_end(w);
	jsonw_end(w);
}

int report_diff_json(FILE *f, const struct diff_report *d)
{
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_kb(&w, "equal", d->equal);
	jsonw_kb(&w, "strict", d->files.strict);
	if (d->files.path.n)
		jsonw_ks(&w, "path", d->files.path);
	json_image(&w, "before", d->a, d->packages_a);
	json_image(&w, "after", d->b, d->packages_b);
	if (!d->only_files) {
		json_layers(&w, d);
		json_config(&w, d->images);
		json_packages(&w, d);
	}
	json_dirs(&w, &d->dirs_list);
	json_files(&w, d);
	jsonw_key(&w, "incomplete");
	jsonw_arr(&w);
	for (u32 i = 0; i < d->problems->n; i++)
		jsonw_str(&w, str_of(d->problems->v[i]));
	if (d->problems->more) {
		char text[64];
		snprintf(text, sizeof text, "%u more", d->problems->more);
		jsonw_str(&w, str_of(text));
	}
	jsonw_end(&w);
	jsonw_end(&w);
	return ferror(f) ? -1 : 0;
}
