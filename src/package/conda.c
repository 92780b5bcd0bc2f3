/* conda.c — packages of conda and mamba: PREFIX/conda-meta/NAME-VERSION-BUILD.json, one a package, its files below PREFIX. */
#include "package/lang.h"

static bool wants(struct str dir, struct str name) { return str_ends(name, STR(".json")) && str_is(str_base(dir), "conda-meta"); }

static void put_depends(struct note_writer *w, const json_t *depends)
{
	struct buf b = BUF(NOTE_FIELD_MAX);
	size_t i;
	json_t *x;
	json_array_foreach((json_t *)(uintptr_t)depends, i, x) {
		struct str s = str_trim(str_of(json_string_value(x))); /* "libgcc-ng >=11.2.0" */
		if (s.n)
			lang_list(&b, ", ", str_cut(&s, ' '));
	}
	note_text(w, NOTE_DEPENDS, buf_str(&b));
	buf_free(&b);
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct error e = { 0 };
	struct buf path = BUF(16 * KiB);
	size_t i;
	json_t *x;
	u64 size;
	note_begin(&w, note);
	json_t *j autojson = json_read(content, "conda-meta", &e);
	struct str package = str_trim(json_view(j, "name")), version = str_trim(json_view(j, "version"));
	if (e.kind) {
		note_damage(&w, "%s", e.text);
	} else if (!lang_word(package) || !lang_word(version)) {
		/* Other files lie there, too ("state"): only the records have a build in their names. */
		if (json_object_get(j, "build"))
			note_damage(&w, "%.*s: no name or no version", STR_FMT(str_head(name, 200)));
	} else {
		note_put(&w, NOTE_PACKAGE, STR(""));
		note_text(&w, NOTE_NAME, package);
		note_text(&w, NOTE_VERSION, version);
		note_text(&w, NOTE_LICENSE, json_view(j, "license"));
		put_depends(&w, json_arr(j, "depends"));
		if (json_u64(j, "size", &size) && size < (u64)1 << 50)
			note_number(&w, NOTE_SIZE, size);
		const char *slash = dir.n ? memrchr(dir.p, '/', dir.n) : NULL;
		struct str prefix = str_head(dir, slash ? (size_t)(slash - dir.p) : 0);
		json_array_foreach(json_arr(j, "files"), i, x)
			if (json_is_string(x))
				note_path(&w, STR(""), lang_join(prefix, str_of(json_string_value(x)), &path));
	}
	buf_free(&path);
	return note_end(&w, err);
}

const struct collector conda_collector = { .id = COLLECT_CONDA, .version = 1, .name = "conda", .limit = 16 * MiB, .wants = wants, .take = take };

static void read_conda(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	u32 n = packages_noted(p, r, COLLECT_CONDA, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n;
		if (lang_load(p, r, files[i], COLLECT_CONDA, "conda"))
			lang_own(p, files[i], first);
	}
}

const struct ecosystem conda_ecosystem = { .type = "conda", .collector = &conda_collector, .set = COLLECT_PACKAGES, .read = read_conda };
