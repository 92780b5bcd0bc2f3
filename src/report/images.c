#include "report/images.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/columns.h"

static const char *digest_cell(const struct digest *d, bool whole, char out[DIGEST_TEXT])
{
	digest_text(d, out);
	const char *colon = strchr(out, ':');
	if (!whole && colon) {
		memmove(out, colon + 1, 12);
		out[12] = '\0';
	}
	return out;
}

/* "linux/amd64", "linux/amd64 +3". */
static void platform_cell(struct columns *c, const struct store_about *a)
{
	char text[100];
	if (!a->n_platforms)
		columns_add(c, "-");
	else if (a->n_platforms == 1)
		columns_add(c, platform_text(&a->platforms[0], text));
	else
		columns_addf(c, "%s +%u", platform_text(&a->platforms[0], text), a->n_platforms - 1);
}

void images_table(FILE *f, const struct images_row *v, u32 n, bool whole, s64 now)
{
	struct columns c = { .n = 7, .right = 1u << 5 | 1u << 6, .most = { [1] = whole ? 0 : 40 } };
	static const char *const heading[] = { "NAME", "TAG", "DIGEST", "PLATFORM", "CREATED", "SIZE", "UNIQUE" };
	for (u32 i = 0; i < countof(heading); i++)
		columns_add(&c, heading[i]);
	for (u32 i = 0; i < n; i++) {
		char text[DIGEST_TEXT];
		columns_add(&c, v[i].repository);
		columns_add(&c, v[i].tag);
		columns_add(&c, digest_cell(&v[i].ref.digest, whole, text));
		platform_cell(&c, &v[i].about);
		columns_add(&c, COLUMNS_AGO(v[i].ref.created, now));
		columns_add(&c, TEXT_SIZE(v[i].usage.bytes));
		columns_add(&c, TEXT_SIZE(v[i].usage.unique));
	}
	columns_write(f, &c);
	columns_free(&c);
}

static void time_json(struct jsonw *w, const char *key, s64 t)
{
	char text[40];
	jsonw_kz(w, key, t > 0 ? text_time(t, text) : NULL);
}

void images_json(FILE *f, const struct images_row *v, u32 n)
{
	struct jsonw w;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_key(&w, "images");
	jsonw_arr(&w);
	for (u32 i = 0; i < n; i++) {
		bool named = v[i].ref.name[0] != '\0';
		jsonw_obj(&w);
		jsonw_kz(&w, "name", named ? v[i].ref.name : NULL);
		jsonw_kz(&w, "repository", named ? v[i].repository : NULL);
		jsonw_kz(&w, "tag", named ? v[i].tag : NULL);
		jsonw_kz(&w, "digest", DIGEST_STR(&v[i].ref.digest));
		jsonw_kz(&w, "media_type", v[i].ref.type);
		jsonw_kz(&w, "config_digest", v[i].about.config.alg ? DIGEST_STR(&v[i].about.config) : NULL);
		jsonw_key(&w, "platforms");
		jsonw_arr(&w);
		for (u32 p = 0; p < v[i].about.n_platforms; p++) {
			char text[100];
			jsonw_str(&w, str_of(platform_text(&v[i].about.platforms[p], text)));
		}
		jsonw_end(&w);
		jsonw_ku(&w, "absent_platforms", v[i].about.n_absent);
		time_json(&w, "created", v[i].ref.created);
		time_json(&w, "used", v[i].ref.used);
		jsonw_ku(&w, "size", v[i].usage.bytes);
		jsonw_ku(&w, "unique", v[i].usage.unique);
		jsonw_ku(&w, "blobs", v[i].usage.blobs);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
}

/* --- room --- */
static struct store_room total(const struct du *d)
{
	struct store_room t = { .name = "total" };
	for (u32 i = 0; i < d->n_rooms; i++) {
		t.files += d->rooms[i].files;
		t.bytes += d->rooms[i].bytes;
		t.disk += d->rooms[i].disk;
	}
	return t;
}

static void images_part(FILE *f, const struct du *d, bool all, s64 now)
{
	const u32 most = all ? d->n_images : 15;
	struct columns c = { .n = 5, .right = 7u << 1, .most = { [0] = 70 } };
	static const char *const heading[] = { "IMAGE", "UNIQUE", "SHARED", "SIZE", "LAST USED" };
	for (u32 i = 0; i < countof(heading); i++)
		columns_add(&c, heading[i]);
	u64 unique = 0;
	for (u32 i = 0; i < d->n_images; i++) {
		const struct du_image *m = &d->images[i];
		unique += m->unique;
		if (i >= most)
			continue;
		columns_add(&c, m->name);
		columns_add(&c, TEXT_SIZE(m->unique));
		columns_add(&c, TEXT_SIZE(m->bytes - m->unique));
		columns_add(&c, TEXT_SIZE(m->bytes));
		columns_add(&c, COLUMNS_AGO(m->used, now));
	}
	columns_addf(&c, "%u image%s", d->n_images, d->n_images == 1 ? "" : "s");
	columns_add(&c, TEXT_SIZE(unique));
	columns_add(&c, TEXT_SIZE(d->shared));
	columns_add(&c, TEXT_SIZE(unique + d->shared));
	columns_add(&c, NULL);
	columns_write(f, &c);
	columns_free(&c);
	if (d->n_images > most)
		fprintf(f, "(and %u more: --verbose lists all)\n", d->n_images - most);
}

void du_table(FILE *f, const struct du *d, bool all, s64 now)
{
	struct columns c = { .n = 5, .right = 7u << 1 };
	struct store_room sum = total(d);
	static const char *const heading[] = { "PLACE", "FILES", "BYTES", "ON DISK", "WHAT" };
	if (d->n_images) {
		images_part(f, d, all, now);
		putc('\n', f);
	}
	for (u32 i = 0; i < countof(heading); i++)
		columns_add(&c, heading[i]);
	for (u32 i = 0; i <= d->n_rooms; i++) {
		const struct store_room *r = i < d->n_rooms ? &d->rooms[i] : &sum;
		columns_add(&c, r->name);
		columns_add(&c, TEXT_COUNT(r->files));
		columns_add(&c, TEXT_SIZE(r->bytes));
		columns_add(&c, TEXT_SIZE(r->disk));
		columns_add(&c, i < d->n_rooms ? r->what : d->dir);
	}
	columns_write(f, &c);
	columns_free(&c);
	if (d->unneeded)
		fprintf(f, "\n%s can be freed: pare prune\n", TEXT_SIZE(d->unneeded));
}

static void room_json(struct jsonw *w, const struct store_room *r)
{
	jsonw_ku(w, "files", r->files);
	jsonw_ku(w, "bytes", r->bytes);
	jsonw_ku(w, "disk", r->disk);
}

void du_json(FILE *f, const struct du *d)
{
	struct jsonw w;
	struct store_room sum = total(d);
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "store", d->dir);
	jsonw_key(&w, "images");
	jsonw_arr(&w);
	for (u32 i = 0; i < d->n_images; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "name", d->images[i].name);
		jsonw_ku(&w, "size", d->images[i].bytes);
		jsonw_ku(&w, "unique", d->images[i].unique);
		time_json(&w, "used", d->images[i].used);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_ku(&w, "shared", d->shared);
	jsonw_ku(&w, "unneeded", d->unneeded);
	jsonw_key(&w, "places");
	jsonw_arr(&w);
	for (u32 i = 0; i < d->n_rooms; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "name", d->rooms[i].name);
		room_json(&w, &d->rooms[i]);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_key(&w, "total");
	jsonw_obj(&w);
	room_json(&w, &sum);
	jsonw_end(&w);
	jsonw_end(&w);
}
