/* `pare inspect` for people: aligned, in human units, most important first. */
#include "base/text.h"
#include "report/subject.h"

static void image_line(FILE *f, const struct subject *s)
{
	const struct image *img = s->image;
	char platform[100];
	text_put(f, str_of(image_title(img)), 200, false, false);
	fprintf(f, "  %s", img->transport);
	if (platform_text(&img->config.platform, platform)[0])
		fputs("  ", f), text_put(f, str_of(platform), 60, false, false);
	fprintf(f, "\n%s stored, %s compressed, %s visible in %s files, %u layers\n", TEXT_SIZE(s->rootfs->stored), TEXT_SIZE(img->compressed_size), TEXT_SIZE(s->rootfs->visible),
		TEXT_COUNT(s->rootfs->files), img->n_layers);
}

static void layers(FILE *f, const struct subject *s)
{
	struct buf text = BUF(0);
	fputs("\nLAYER      SIZE  COMPRESSED   ADDED  CHANGED  REMOVED  INSTRUCTION\n", f);
	for (u32 i = 0; i < s->image->n_layers; i++) {
		const struct image_layer *l = &s->image->layers[i];
		const struct layer_change *c = &s->rootfs->layers[i];
		buf_clear(&text);
		image_instruction(s->image, i, &text);
		fprintf(f, "%5u  %8s  %10s  %6s  %7s  %7s  ", i, TEXT_SIZE(l->size), TEXT_SIZE(l->compressed_size), TEXT_COUNT(c->added), TEXT_COUNT(c->changed), TEXT_COUNT(c->removed));
		text_put(f, buf_str(&text), 90, false, false);
		fputs(l->facts ? "\n" : "  (unreadable)\n", f);
	}
	buf_free(&text);
}

static int by_bytes(const void *a, const void *b)
{
	const struct waste_item *x = *(struct waste_item *const *)a, *y = *(struct waste_item *const *)b;
	return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->entry > y->entry) - (x->entry < y->entry);
}

static void waste(FILE *f, const struct subject *s, const struct byte_range *range)
{
	const struct rootfs *r = s->rootfs;
	struct buf path = BUF(0);
	const struct waste_item **v = xcalloc(r->waste.n, sizeof(void *));
	u32 n = 0;
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *w = SEG_AT(&r->waste, i);
		if (w->bytes && (!range->path || str_glob(str_of(range->path), rootfs_waste_path(r, w, &path))))
			v[n++] = w;
	}
	fprintf(f, "\nWaste: %s of %s stored (efficiency %.1f %%)", TEXT_SIZE(r->wasted), TEXT_SIZE(r->stored), r->stored ? 100.0 * (double)r->visible / (double)r->stored : 100.0);
	if (s->dive)
		fprintf(f, "; as dive counts: %s, %.1f %%", TEXT_SIZE(s->dive->wasted_bytes), 100 * s->dive->efficiency);
	putc('\n', f);
	if (n) {
		qsort(v, n, sizeof *v, by_bytes);
		fputs("\n    SIZE  LAYER  BY LAYER  REASON         PATH\n", f);
	}
	for (u32 i = 0; i < n && (!range->top || i < range->top); i++) {
		fprintf(f, "%8s  %5u  %8u  %-13s  ", TEXT_SIZE(v[i]->bytes), v[i]->layer, v[i]->by_layer, waste_reason_text[v[i]->reason]);
		text_put(f, rootfs_waste_path(r, v[i], &path), 90, true, false);
		putc('\n', f);
	}
	if (range->top && n > range->top)
		fprintf(f, "          and %s more (--top 0 lists all)\n", TEXT_COUNT(n - range->top));
	free(v);
	buf_free(&path);
}

void write_inspect_table(FILE *f, const struct subject *s, const struct byte_range *range)
{
	image_line(f, s);
	layers(f, s);
	waste(f, s, range);
}

/* --- files --- */
static void mode_text(u8 type, u32 mode, char out[11])
{
	static const char rwx[] = "rwxrwxrwx";
	out[0] = type == TAR_FILE ? '-' : (char)type;
	for (u32 i = 0; i < 9; i++)
		out[i + 1] = mode & 0400 >> i ? rwx[i] : '-';
	if (mode & 04000)
		out[3] = mode & 0100 ? 's' : 'S';
	if (mode & 02000)
		out[6] = mode & 010 ? 's' : 'S';
	if (mode & 01000)
		out[9] = mode & 1 ? 't' : 'T';
	out[10] = '\0';
}

static void file_row(void *ctx, const struct subject *s, node_id id, struct str path)
{
	FILE *f = ctx;
	const struct rootfs *r = s->rootfs;
	const struct fact_entry *e = rootfs_entry(r, id);
	char mode[11], owner[32];
	mode_text(rootfs_type(r, id), e ? e->mode : 0755, mode);
	snprintf(owner, sizeof owner, "%u:%u", e ? e->uid : 0, e ? e->gid : 0);
	fprintf(f, "%s  %9s  %8s  %5u  ", mode, owner, TEXT_SIZE(e ? e->size : 0), rootfs_node(r, id)->layer);
	text_put(f, path, SIZE_MAX, false, false);
	if (rootfs_type(r, id) == TAR_SYMLINK) {
		fputs(" -> ", f);
		text_put(f, str_of(facts_string(rootfs_facts(r, id), e->link)), SIZE_MAX, false, false);
	}
	putc('\n', f);
}

void write_files_table(FILE *f, const struct subject *s, const struct byte_range *range)
{
	fputs("MODE            OWNER      SIZE  LAYER  PATH\n", f);
	subject_list(s, range, file_row, f);
}

/* --- one layer --- */
struct change {
	struct str path; /* in the arena */
	u64 bytes;
	char what; /* A C R */
};

static int by_change(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : str_cmp(x->path, y->path);
}

/* The names that layer `n` wrote or hid, compared with the tree of the layers below it. */
void write_layer_table(FILE *f, const struct subject *s, u32 n, const struct byte_range *range)
{
	struct arena a = { 0 };
	struct buf path = BUF(0), text = BUF(0);
	struct rootfs *below = n ? rootfs_build(s->image, &(struct rootfs_options){ .layers = n }) : NULL;
	struct rootfs *now = rootfs_build(s->image, &(struct rootfs_options){ .layers = n + 1 });
	struct change *v = NULL;
	u32 k = 0, cap = 0;
	for (node_id id = 2; id < now->nodes.n; id++) {
		const struct node *x = rootfs_node(now, id);
		if (x->layer != n)
			continue;
		struct str p = rootfs_path(now, id, &path);
		node_id old = below ? rootfs_find(below, p, false) : 0;
		if ((x->state == NODE_GONE && !old) || (range->path && !str_glob(str_of(range->path), p)))
			continue;
		if (old && x->state == NODE_LIVE && rootfs_type(now, id) == TAR_DIR && rootfs_type(below, old) == TAR_DIR)
			continue;
		struct change c = { str_n(arena_strdup(&a, p), p.n), x->state == NODE_GONE ? rootfs_size(below, old) : rootfs_size(now, id), x->state == NODE_GONE ? 'R' : old ? 'C' : 'A' };
		VEC_PUSH(v, k, cap, c);
	}
	if (k)
		qsort(v, k, sizeof *v, by_change);
	image_instruction(s->image, n, &text);
	const struct image_layer *l = &s->image->layers[n];
	fprintf(f, "layer %u  %s, %s compressed  ", n, TEXT_SIZE(l->size), TEXT_SIZE(l->compressed_size));
	text_put(f, buf_str(&text), SIZE_MAX, false, false);
	fprintf(f, "\ndigest   %s\ndiff ID  %s\n\n    SIZE  WHAT     PATH\n", DIGEST_STR(&l->digest), DIGEST_STR(&l->diff_id));
	for (u32 i = 0; i < k && (!range->top || i < range->top); i++) {
		fprintf(f, "%8s  %-7s  ", TEXT_SIZE(v[i].bytes), v[i].what == 'A' ? "added" : v[i].what == 'C' ? "changed" : "removed");
		text_put(f, v[i].path, SIZE_MAX, false, false);
		putc('\n', f);
	}
	if (range->top && k > range->top)
		fprintf(f, "          and %s more (--top 0 lists all)\n", TEXT_COUNT(k - range->top));
	free(v);
	rootfs_free(below);
	rootfs_free(now);
	arena_free(&a);
	buf_free(&path);
	buf_free(&text);
}

/* --- packages --- */
static int by_package_bytes(const void *a, const void *b)
{
	const struct package *x = *(struct package *const *)a, *y = *(struct package *const *)b;
	return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : x < y ? -1 : x > y;
}

static const struct package **sorted(const struct packages *p)
{
	const struct package **v = xcalloc(p->n, sizeof(void *));
	for (u32 i = 0; i < p->n; i++)
		v[i] = &p->v[i];
	qsort(v, p->n, sizeof *v, by_package_bytes);
	return v;
}

void write_packages_table(FILE *f, const struct subject *s, u64 top)
{
	const struct packages *p = s->packages;
	const struct package **v = sorted(p);
	fprintf(f, "%s packages, %s of %s visible\n\n    SIZE   FILES  LAYER  TYPE  PACKAGE\n", TEXT_COUNT(p->n), TEXT_SIZE(p->bytes), TEXT_SIZE(s->rootfs->visible));
	for (u32 i = 0; i < p->n && (!top || i < top); i++) {
		fprintf(f, "%8s  %6s  %5u  %-4s  ", TEXT_SIZE(v[i]->bytes), TEXT_COUNT(v[i]->files), v[i]->layer, v[i]->type);
		text_put(f, str_of(v[i]->name), 60, false, false);
		putc(' ', f);
		text_put(f, str_of(v[i]->version), 60, false, false);
		putc('\n', f);
	}
	if (top && p->n > top)
		fprintf(f, "          and %s more (--top 0 lists all)\n", TEXT_COUNT(p->n - top));
	free(v);
}

void write_packages_tsv(FILE *f, const struct subject *s, u64 top)
{
	const struct packages *p = s->packages;
	const struct package **v = sorted(p);
	struct buf line = BUF(0);
	for (u32 i = 0; i < p->n && (!top || i < top); i++) {
		buf_clear(&line);
		buf_printf(&line, "%llu\t%u\t%u\t%s\t", (unsigned long long)v[i]->bytes, v[i]->files, v[i]->layer, v[i]->type);
		text_tsv(&line, str_of(v[i]->name));
		buf_putc(&line, '\t');
		text_tsv(&line, str_of(v[i]->version));
		buf_putc(&line, '\t');
		text_tsv(&line, str_of(v[i]->arch));
		buf_putc(&line, '\n');
		fwrite(line.p, 1, line.n, f);
	}
	buf_free(&line);
	free(v);
}
