/* npm.c — packages of Node.js, each a directory with its package.json (npm's package.json(5)), as npm, yarn and pnpm install them.
 *
 *      …/node_modules/NAME/package.json            installed, with all that is in the directory but nested node_modules
 *      …/node_modules/@SCOPE/NAME/package.json
 *      …/package.json                              elsewhere, with a name and a version: an application, or a package in another place
 *
 * Below a package's directory other package.json tell nothing that is installed: kinds of modules, tests, templates. Lock files tell what was
 * meant to be there, not what is.
 */
#include "package/lang.h"

/* What stands behind the last node_modules of a directory; p NULL when there is none. */
static struct str behind_modules(struct str dir)
{
	static const char modules[] = "node_modules/";
	size_t n = sizeof modules - 1;
	for (size_t i = dir.n; i-- > 0;)
		if (i + n <= dir.n && !memcmp(dir.p + i, modules, n) && (i == 0 || dir.p[i - 1] == '/'))
			return str_from(dir, i + n);
	return (struct str){ NULL, 0 };
}

static bool is_module(struct str rest)
{
	struct str first = str_cut(&rest, '/');
	if (first.n && first.p[0] == '@')
		first = rest.p ? str_cut(&rest, '/') : STR("");
	return first.n && first.p[0] != '.' && !rest.p;
}

static bool wants(struct str dir, struct str name)
{
	if (!str_is(name, "package.json"))
		return false;
	struct str rest = behind_modules(dir);
	return rest.p ? is_module(rest) : !str_ends(dir, STR("node_modules"));
}

/* "MIT"; { "type": "MIT" }; and in old packages an array of either, of which one may be chosen. */
static void put_license(struct buf *b, const json_t *v)
{
	size_t i;
	json_t *x;
	if (json_is_string(v)) {
		lang_list(b, " OR ", str_n(json_string_value(v), json_string_length(v)));
	} else if (json_is_object(v)) {
		struct str type = json_view(v, "type");
		lang_list(b, " OR ", type.p ? type : json_view(v, "name"));
	} else if (json_is_array(v)) {
		json_array_foreach((json_t *)(uintptr_t)v, i, x)
			if (!json_is_array(x))
				put_license(b, x);
	}
}

static void put_package(struct note_writer *w, const json_t *j)
{
	struct buf license = BUF(64 * KiB), depends = BUF(NOTE_FIELD_MAX);
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, str_trim(json_view(j, "name")));
	note_text(w, NOTE_VERSION, str_trim(json_view(j, "version")));
	put_license(&license, json_object_get(j, "license"));
	if (!license.n)
		put_license(&license, json_object_get(j, "licenses"));
	note_text(w, NOTE_LICENSE, buf_str(&license));
	struct str about = json_view(j, "description");
	if (about.p)
		note_text(w, NOTE_SUMMARY, str_head(str_cut(&about, '\n'), 300));
	lang_keys(&depends, json_obj(j, "dependencies"));
	lang_keys(&depends, json_obj(j, "optionalDependencies"));
	note_text(w, NOTE_DEPENDS, buf_str(&depends));
	buf_free(&license);
	buf_free(&depends);
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct error e = { 0 };
	bool module = behind_modules(dir).p != NULL;
	(void)name;
	if (str_starts(content, STR("\xef\xbb\xbf")))
		content = str_from(content, 3);
	note_begin(&w, note);
	json_t *j autojson = str_trim(content).n ? json_read(content, "package.json", &e) : NULL;
	/* Elsewhere it may be a template of one: what matters is what is installed. */
	if (e.kind && module)
		note_damage(&w, "%s", e.text);
	else if (j && lang_word(str_trim(json_view(j, "name"))) && lang_word(str_trim(json_view(j, "version"))))
		put_package(&w, j);
	return note_end(&w, err);
}

const struct collector npm_collector = { .id = COLLECT_NPM, .version = 1, .name = "npm", .limit = 2 * MiB, .wants = wants, .take = take };

static bool in_modules(const struct rootfs *r, node_id dir)
{
	node_id up = lang_parent(r, dir);
	if (lang_name(r, up).n && lang_name(r, up).p[0] == '@')
		up = lang_parent(r, up);
	return str_is(lang_name(r, up), "node_modules");
}

static void read_npm(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	struct claims c = { .r = r };
	u32 n = packages_noted(p, r, COLLECT_NPM, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n;
		node_id dir = lang_parent(r, files[i]);
		if (!lang_load(p, r, files[i], COLLECT_NPM, "npm"))
			continue;
		if (in_modules(r, dir))
			claim(&c, dir, first);
		else
			lang_own(p, files[i], first);
	}
	claims_settle(&c, p, "node_modules");
}

const struct ecosystem npm_ecosystem = { .type = "npm", .collector = &npm_collector, .set = COLLECT_PACKAGES, .read = read_npm };
