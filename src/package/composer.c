/* composer.c — PHP packages that Composer installed: vendor/composer/installed.json, an array of packages (version 1) or an object with "packages"
 * (version 2). composer.lock tells what was meant to be there, not what is. */
#include "package/lang.h"

enum { COMPOSER_DIR = NOTE_PRIVATE }; /* where the package is, from the root */

static bool wants(struct str dir, struct str name) { return str_is(name, "installed.json") && str_is(str_base(dir), "composer"); }

static void put_depends(struct note_writer *w, const json_t *require)
{
	struct buf b = BUF(NOTE_FIELD_MAX);
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)require, key, v)
		if (strchr(key, '/')) /* php, ext-… and lib-… are no packages */
			lang_list(&b, ", ", str_of(key));
	note_text(w, NOTE_DEPENDS, buf_str(&b));
	buf_free(&b);
}

static void put_license(struct note_writer *w, const json_t *v)
{
	struct buf b = BUF(64 * KiB);
	size_t i;
	json_t *x;
	if (json_is_string(v))
		lang_list(&b, " OR ", str_of(json_string_value(v)));
	json_array_foreach((json_t *)(uintptr_t)v, i, x)
		if (json_is_string(x))
			lang_list(&b, " OR ", str_of(json_string_value(x)));
	note_text(w, NOTE_LICENSE, buf_str(&b));
	buf_free(&b);
}

static void put_package(struct note_writer *w, struct str dir, const json_t *j)
{
	struct str name = str_trim(json_view(j, "name")), version = str_trim(json_view(j, "version")), at = json_view(j, "install-path");
	struct buf path = BUF(16 * KiB), rel = BUF(16 * KiB);
	if (!lang_word(name) || !lang_word(version)) {
		note_damage(w, "a package without a %s", lang_word(name) ? "version" : "name");
		return;
	}
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, name);
	note_text(w, NOTE_VERSION, version);
	put_license(w, json_object_get(j, "license"));
	struct str about = json_view(j, "description");
	if (about.p)
		note_text(w, NOTE_SUMMARY, str_head(str_cut(&about, '\n'), 300));
	put_depends(w, json_obj(j, "require"));
	if (!at.p) {
		buf_puts(&rel, "../");
		buf_add(&rel, name);
	}
	/* A metapackage has a path of null and no files. */
	if (at.p || !json_object_get(j, "install-path"))
		note_put(w, COMPOSER_DIR, lang_join(dir, at.p ? at : buf_str(&rel), &path));
	buf_free(&path);
	buf_free(&rel);
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct error e = { 0 };
	size_t i;
	json_t *x;
	(void)name;
	note_begin(&w, note);
	json_t *j autojson = str_trim(content).n ? json_read(content, "installed.json", &e) : NULL;
	if (e.kind)
		note_damage(&w, "%s", e.text);
	json_array_foreach(json_is_array(j) ? j : json_arr(j, "packages"), i, x)
		put_package(&w, dir, x);
	return note_end(&w, err);
}

const struct collector composer_collector = { .id = COLLECT_COMPOSER, .version = 1, .name = "composer", .limit = 8 * MiB, .wants = wants, .take = take };

struct places {
	struct claims c;
	node_id own; /* vendor/composer itself */
};

static void tell(void *ctx, u32 package, u8 tag, struct str bytes)
{
	struct places *at = ctx;
	node_id dir = tag == COMPOSER_DIR ? lang_dir(at->c.r, bytes) : 0;
	if (!dir)
		return;
	/* A package installed where the application is ("install-path": "../..") does not own all that is in there. */
	for (node_id up = at->own; up != ROOTFS_ROOT; up = lang_parent(at->c.r, up))
		if (up == dir)
			return;
	claim(&at->c, dir, package);
}

static void read_composer(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	struct places at = { .c = { .r = r } };
	u32 n = packages_noted(p, r, COLLECT_COMPOSER, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n;
		at.own = lang_parent(r, files[i]);
		if (lang_load(p, r, files[i], COLLECT_COMPOSER, "composer"))
			lang_private(p, r, files[i], COLLECT_COMPOSER, first, tell, &at);
	}
	claims_settle(&at.c, p, NULL);
}

const struct ecosystem composer_ecosystem = { .type = "composer", .collector = &composer_collector, .set = COLLECT_PACKAGES, .read = read_composer };
