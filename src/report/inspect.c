/* `pare inspect` in its machine-readable forms: our JSON, dive's JSON, and tab-separated listings (CLI.md). */
#include "base/jsonw.h"
#include "base/text.h"
#include "report/subject.h"

void json_incomplete(struct jsonw *w, const struct problems *p) { json_problems(w, "incomplete", p); }

void json_problems(struct jsonw *w, const char *key, const struct problems *p)
{
	jsonw_key(w, key);
	jsonw_arr(w);
	for (u32 i = 0; i < p->n; i++)
		jsonw_str(w, str_of(p->v[i]));
	if (p->more) {
		char text[40];
		snprintf(text, sizeof text, "and %u more", p->more);
		jsonw_str(w, str_of(text));
	}
	jsonw_end(w);
}

static void json_digest(struct jsonw *w, const char *key, const struct digest *d)
{
	jsonw_kz(w, key, d->alg ? DIGEST_STR(d) : NULL);
}

static void json_image(struct jsonw *w, const struct image *img)
{
	char platform[100];
	platform_text(&img->config.platform, platform);
	jsonw_key(w, "image");
	jsonw_obj(w);
	jsonw_kz(w, "reference", img->reference);
	jsonw_kz(w, "transport", img->transport);
	json_digest(w, "digest", &img->digest);
	json_digest(w, "config_digest", &img->config_digest);
	jsonw_kz(w, "platform", platform[0] ? platform : NULL);
	jsonw_ku(w, "size", img->size);
	jsonw_ku(w, "compressed_size", img->compressed_size);
	jsonw_kz(w, "created", img->config.created);
	jsonw_end(w);
}

static void json_layers(struct jsonw *w, const struct subject *s)
{
	jsonw_key(w, "layers");
	jsonw_arr(w);
	for (u32 i = 0; i < s->image->n_layers; i++) {
		const struct image_layer *l = &s->image->layers[i];
		const struct layer_change *c = &s->rootfs->layers[i];
		jsonw_obj(w);
		jsonw_ku(w, "index", i);
		json_digest(w, "digest", &l->digest);
		json_digest(w, "diff_id", &l->diff_id);
		jsonw_kz(w, "media_type", l->media_type);
		jsonw_ku(w, "size", l->size);
		jsonw_ku(w, "compressed_size", l->compressed_size);
		jsonw_kz(w, "command", l->command);
		jsonw_kb(w, "empty", l->facts && l->facts->entries.n == 0);
		jsonw_kz(w, "compression", compression_name(l->compression));
		jsonw_ku(w, "added", c->added);
		jsonw_ku(w, "changed", c->changed);
		jsonw_ku(w, "removed", c->removed);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void json_waste(struct jsonw *w, const struct rootfs *r)
{
	struct buf path = BUF(0);
	jsonw_key(w, "waste");
	jsonw_obj(w);
	jsonw_ku(w, "bytes", r->wasted);
	jsonw_key(w, "efficiency");
	jsonw_double(w, r->stored ? (double)r->visible / (double)r->stored : 1.0);
	jsonw_ku(w, "stored", r->stored);
	jsonw_ku(w, "visible", r->visible);
	jsonw_key(w, "items");
	jsonw_arr(w);
	for (u32 i = 0; i < r->waste.n; i++) {
		const struct waste_item *x = SEG_AT(&r->waste, i);
		if (x->bytes == 0)
			continue;
		jsonw_obj(w);
		jsonw_ks(w, "path", rootfs_waste_path(r, x, &path));
		jsonw_ku(w, "bytes", x->bytes);
		jsonw_ku(w, "layer", x->layer);
		jsonw_ku(w, "by_layer", x->by_layer);
		jsonw_kz(w, "reason", waste_reason_text[x->reason]);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
	buf_free(&path);
}

static void json_dive(struct jsonw *w, const struct dive *d)
{
	jsonw_key(w, "dive");
	jsonw_obj(w);
	jsonw_key(w, "efficiency");
	jsonw_double(w, d->efficiency);
	jsonw_ku(w, "size", d->size);
	jsonw_ku(w, "user_size", d->user_size);
	jsonw_ku(w, "wasted_bytes", d->wasted_bytes);
	jsonw_key(w, "user_wasted_percent");
	jsonw_double(w, d->user_wasted_percent);
	jsonw_key(w, "files");
	jsonw_arr(w);
	for (u32 i = 0; i < d->n_files; i++) {
		jsonw_obj(w);
		jsonw_kz(w, "path", d->files[i].path);
		jsonw_ku(w, "count", d->files[i].count);
		jsonw_ku(w, "bytes", d->files[i].bytes);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_end(w);
}

static void json_packages(struct jsonw *w, const struct packages *p)
{
	jsonw_key(w, "packages");
	jsonw_arr(w);
	for (u32 i = 0; i < p->n; i++) {
		const struct package *k = &p->v[i];
		jsonw_obj(w);
		jsonw_kz(w, "name", k->name);
		jsonw_kz(w, "version", k->version);
		jsonw_kz(w, "type", k->type);
		jsonw_kz(w, "arch", k->arch);
		jsonw_ku(w, "layer", k->layer);
		jsonw_ku(w, "files", k->files);
		jsonw_ku(w, "bytes", k->bytes);
		jsonw_end(w);
	}
	jsonw_end(w);
}

static void json_file(void *ctx, const struct subject *s, node_id id, struct str path)
{
	struct jsonw *w = ctx;
	const struct rootfs *r = s->rootfs;
	const struct fact_entry *e = rootfs_entry(r, id);
	char type[2] = { (char)rootfs_type(r, id), '\0' };
	u32 owner = s->packages ? s->packages->owner[id] : 0;
	jsonw_obj(w);
	jsonw_ks(w, "path", path);
	jsonw_kz(w, "type", type);
	jsonw_ku(w, "mode", e ? e->mode : 0755);
	jsonw_ku(w, "uid", e ? e->uid : 0);
	jsonw_ku(w, "gid", e ? e->gid : 0);
	jsonw_ku(w, "size", e ? e->size : 0);
	jsonw_ku(w, "layer", rootfs_node(r, id)->layer);
	if (type[0] == TAR_SYMLINK)
		jsonw_kz(w, "target", facts_string(rootfs_facts(r, id), e->link));
	if (owner)
		jsonw_kz(w, "package", s->packages->v[owner - 1].name);
	jsonw_end(w);
}

void write_inspect_json(FILE *f, const struct subject *s, const struct byte_range *files)
{
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	json_image(&w, s->image);
	json_layers(&w, s);
	json_waste(&w, s->rootfs);
	json_dive(&w, s->dive);
	if (s->packages)
		json_packages(&w, s->packages);
	if (files) {
		jsonw_key(&w, "files");
		jsonw_arr(&w);
		subject_list(s, files, json_file, &w);
		jsonw_end(&w);
	}
	json_incomplete(&w, &s->problems);
	jsonw_end(&w);
}

/* --- dive's document --- */
static int dive_file(void *ctx, const struct dive_entry *e)
{
	struct jsonw *w = ctx;
	const struct fact_entry *x = e->entry;
	jsonw_obj(w);
	jsonw_kz(w, "path", e->path);
	jsonw_ku(w, "typeFlag", x ? (u8)fact_type_byte(x) : 0);
	jsonw_kz(w, "linkName", x && (x->type == TAR_SYMLINK || x->type == TAR_HARDLINK) ? facts_string(e->facts, x->link) : "");
	jsonw_ku(w, "size", x ? x->size : 0);
	jsonw_ku(w, "fileMode", x ? dive_file_mode(x) : 0);
	jsonw_ku(w, "uid", x ? x->uid : 0);
	jsonw_ku(w, "gid", x ? x->gid : 0);
	jsonw_kb(w, "isDir", x && x->type == TAR_DIR);
	jsonw_end(w);
	return 0;
}

void write_inspect_dive(FILE *f, const struct subject *s)
{
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_key(&w, "layer");
	jsonw_arr(&w);
	for (u32 i = 0; i < s->image->n_layers; i++) {
		const struct image_layer *l = &s->image->layers[i];
		struct str command = str_of(l->command), shell = STR("/bin/sh -c "), rest = str_of(l->place);
		if (str_starts(command, shell))
			command = str_from(command, shell.n);
		jsonw_obj(&w);
		jsonw_ku(&w, "index", i);
		jsonw_ks(&w, "id", str_cut(&rest, '/'));
		jsonw_kz(&w, "digestId", DIGEST_STR(&l->diff_id));
		jsonw_ku(&w, "sizeBytes", s->dive->layer_sizes[i]);
		jsonw_ks(&w, "command", command);
		jsonw_key(&w, "fileList");
		jsonw_arr(&w);
		dive_list(s->image, i, dive_file, &w);
		jsonw_end(&w);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_key(&w, "image");
	jsonw_obj(&w);
	jsonw_ku(&w, "sizeBytes", s->dive->size);
	jsonw_ku(&w, "inefficientBytes", s->dive->wasted_bytes);
	jsonw_key(&w, "efficiencyScore");
	jsonw_double(&w, s->dive->efficiency);
	jsonw_key(&w, "fileReference");
	jsonw_arr(&w);
	for (u32 i = 0; i < s->dive->n_files; i++) {
		jsonw_obj(&w);
		jsonw_ku(&w, "count", s->dive->files[i].count);
		jsonw_ku(&w, "sizeBytes", s->dive->files[i].bytes);
		jsonw_kz(&w, "file", s->dive->files[i].path);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	jsonw_end(&w);
}

/* --- tab-separated --- */
struct tsv {
	FILE *f;
	struct buf line;
};

static void tsv_file(void *ctx, const struct subject *s, node_id id, struct str path)
{
	struct tsv *x = ctx;
	const struct rootfs *r = s->rootfs;
	const struct fact_entry *e = rootfs_entry(r, id);
	u8 type = rootfs_type(r, id);
	buf_clear(&x->line);
	buf_printf(&x->line, "%c\t%04o\t%u\t%u\t%llu\t%u\t", type, e ? e->mode : 0755, e ? e->uid : 0, e ? e->gid : 0, (unsigned long long)(e ? e->size : 0), rootfs_node(r, id)->layer);
	text_tsv(&x->line, path);
	if (type == TAR_SYMLINK) {
		buf_puts(&x->line, "\t-> ");
		text_tsv(&x->line, str_of(facts_string(rootfs_facts(r, id), e->link)));
	}
	buf_putc(&x->line, '\n');
	fwrite_unlocked(x->line.p, 1, x->line.n, x->f);
}

void write_files_tsv(FILE *f, const struct subject *s, const struct byte_range *range)
{
	struct tsv x = { .f = f };
	subject_list(s, range, tsv_file, &x);
	buf_free(&x.line);
}
