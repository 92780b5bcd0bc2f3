/* python.c — Python distributions as installers leave them (PyPA: "Recording installed projects", "Core metadata"; setuptools' formats of eggs).
 *
 *      SITE/NAME-VERSION.dist-info/METADATA       RECORD beside it lists its files
 *      SITE/NAME-VERSION-pyX.Y.egg-info/PKG-INFO  installed-files.txt or top_level.txt beside it
 *      SITE/NAME-VERSION-pyX.Y.egg-info           distutils: the metadata itself
 *      SITE/NAME-VERSION-pyX.Y.egg/EGG-INFO/PKG-INFO
 *      SITE/NAME-VERSION-pyX.Y.egg                the same as a zip
 *
 * Metadata are header fields as in an e-mail, up to the first empty line.
 */
#include "package/lang.h"
#include "base/zip.h"

enum { PYTHON_TOP = NOTE_PRIVATE }; /* a module or package that the distribution puts into SITE; behind a PACKAGE without anything else */

static bool is_metadata(struct str dir, struct str name)
{
	struct str last = str_base(dir);
	if (str_is(name, "METADATA"))
		return lang_iends(last, STR(".dist-info")) || str_is(last, "DIST-INFO");
	return str_is(name, "PKG-INFO") && (lang_iends(last, STR(".egg-info")) || str_is(last, "EGG-INFO"));
}

/* Python's own tests and others' bring eggs along that are not installed. */
static bool in_tests(struct str dir)
{
	while (dir.p) {
		struct str part = str_cut(&dir, '/');
		if (str_is(part, "test") || str_is(part, "tests"))
			return true;
	}
	return false;
}

/* What another distribution carries along under its own name ("setuptools/_vendor"), and what pip failed to remove ("~ip-23.0.dist-info"), is
 * not installed: nothing can be imported by it, and pip doesn't list it. */
static bool astray(struct str dir, struct str last)
{
	return (last.n && last.p[0] == '~') || str_is(str_base(str_head(dir, dir.n - MIN(dir.n, last.n + 1))), "_vendor");
}

static bool wants(struct str dir, struct str name)
{
	struct str last = str_base(dir);
	if (is_metadata(dir, name) && astray(dir, last))
		return false;
	if (is_metadata(dir, name) || str_ends(name, STR(".egg-info")))
		return true;
	if (str_ends(name, STR(".egg")))
		return !in_tests(dir);
	if (str_is(name, "RECORD"))
		return lang_iends(last, STR(".dist-info"));
	return (str_is(name, "top_level.txt") || str_is(name, "installed-files.txt")) && (lang_iends(last, STR(".egg-info")) || str_is(last, "EGG-INFO"));
}

struct fields {
	struct str name, version, license, expression, summary;
	bool long_license;                /* its text instead of its name */
	struct buf classifiers, depends; /* joined */
};

/* "requests (>=2.0) ; extra == 'socks'": what only an extra needs is not needed. */
static void put_depend(struct buf *b, struct str v)
{
	size_t n = 0;
	while (n < v.n && ((v.p[n] >= 'a' && v.p[n] <= 'z') || (v.p[n] >= 'A' && v.p[n] <= 'Z') || (v.p[n] >= '0' && v.p[n] <= '9') || v.p[n] == '.' || v.p[n] == '_' || v.p[n] == '-'))
		n++;
	const char *marker = str_chr(v, ';');
	if (n && !(marker && str_contains(str_from(v, (size_t)(marker - v.p)), STR("extra"))))
		lang_list(b, ", ", str_head(v, n));
}

/* "License :: OSI Approved :: MIT License" */
static void put_classifier(struct buf *b, struct str v)
{
	if (!str_starts(v, STR("License ::")))
		return;
	const char *last = v.p;
	for (size_t i = 0; i + 2 <= v.n; i++)
		if (v.p[i] == ':' && v.p[i + 1] == ':')
			last = v.p + i + 2;
	struct str name = str_trim(str_n(last, v.n - (size_t)(last - v.p)));
	if (!str_is(name, "OSI Approved"))
		lang_list(b, " OR ", name);
}

static void header(struct fields *f, struct str key, struct str v)
{
	if (str_ieq(key, STR("Name")) && !f->name.n)
		f->name = v;
	else if (str_ieq(key, STR("Version")) && !f->version.n)
		f->version = v;
	else if (str_ieq(key, STR("License")) && !f->license.n)
		f->license = v;
	else if (str_ieq(key, STR("License-Expression")))
		f->expression = v;
	else if (str_ieq(key, STR("Summary")) && !f->summary.n)
		f->summary = v;
	else if (str_ieq(key, STR("Classifier")))
		put_classifier(&f->classifiers, v);
	else if (str_ieq(key, STR("Requires-Dist")))
		put_depend(&f->depends, v);
}

static void headers(struct fields *f, struct str text)
{
	struct str key = { 0 };
	while (text.p) {
		struct str line = str_cut(&text, '\n');
		if (str_trim(line).n == 0)
			break;
		if (line.p[0] == ' ' || line.p[0] == '\t') {
			f->long_license |= key.n && str_ieq(key, STR("License"));
			continue;
		}
		struct str v = line;
		key = str_cut(&v, ':');
		if (v.p)
			header(f, key, str_trim(v));
	}
}

/* What the name of a file or directory says: NAME-VERSION[-pyX.Y[-PLATFORM]].{dist-info,egg-info,egg}. */
static void split(struct str full, struct fields *f)
{
	const char *dot = full.n ? memrchr(full.p, '.', full.n) : NULL;
	struct str rest = str_head(full, dot ? (size_t)(dot - full.p) : full.n), name = str_cut(&rest, '-');
	if (!rest.p)
		return;
	if (!f->name.n)
		f->name = name;
	struct str version = str_cut(&rest, '-');
	if (!f->version.n && version.n && version.p[0] >= '0' && version.p[0] <= '9')
		f->version = version;
}

static void put_package(struct note_writer *w, const struct fields *f)
{
	struct str license = f->expression;
	bool named = f->license.n && f->license.n <= 200 && !f->long_license && !str_ieq(f->license, STR("UNKNOWN"));
	if (!license.n)
		license = named ? f->license : f->classifiers.n ? buf_str(&f->classifiers) : f->license.n <= 200 && !str_ieq(f->license, STR("UNKNOWN")) ? f->license : STR("");
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, f->name);
	note_text(w, NOTE_VERSION, f->version);
	note_text(w, NOTE_LICENSE, license);
	if (!str_ieq(f->summary, STR("UNKNOWN")))
		note_text(w, NOTE_SUMMARY, str_head(f->summary.p ? f->summary : STR(""), 300));
	note_text(w, NOTE_DEPENDS, buf_str(&f->depends));
}

static void take_metadata(struct note_writer *w, struct str text, struct str full)
{
	struct fields f = { .classifiers = BUF(64 * KiB), .depends = BUF(NOTE_FIELD_MAX) };
	headers(&f, text);
	if (!lang_word(f.name) || !lang_word(f.version))
		split(full, &f);
	/* What belongs to Python itself is no distribution: pip doesn't list it either. */
	bool itself = str_ieq(f.name, STR("Python")) || str_ieq(f.name, STR("wsgiref"));
	if (!lang_word(f.version))
		f.version = STR("");
	if (!lang_word(f.name))
		note_damage(w, "no name of the distribution");
	else if (!itself)
		put_package(w, &f);
	buf_free(&f.classifiers);
	buf_free(&f.depends);
}

/* RECORD is CSV: path, hash, size. */
static void take_record(struct note_writer *w, struct str site, struct str text)
{
	struct buf path = BUF(16 * KiB), field = BUF(16 * KiB);
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (!line.n)
			continue;
		if (line.p[0] != '"') {
			note_path(w, STR(""), lang_join(site, str_cut(&line, ','), &path));
			continue;
		}
		buf_clear(&field);
		for (size_t i = 1; i < line.n; i++) {
			if (line.p[i] == '"' && (++i >= line.n || line.p[i] != '"'))
				break;
			buf_putc(&field, line.p[i]);
		}
		note_path(w, STR(""), lang_join(site, buf_str(&field), &path));
	}
	buf_free(&path);
	buf_free(&field);
}

static void take_lines(struct note_writer *w, struct str dir, struct str text, bool top)
{
	struct buf path = BUF(16 * KiB);
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.n && top)
			note_text(w, PYTHON_TOP, str_head(line, NOTE_PATH_MAX));
		else if (line.n)
			note_path(w, STR(""), lang_join(dir, line, &path));
	}
	buf_free(&path);
}

static void take_egg(struct note_writer *w, struct str full, struct str content)
{
	struct zip_budget budget = { 0 };
	struct zip *z = NULL;
	struct zip_entry e;
	struct error err = { 0 };
	struct buf out = BUF(4 * MiB);
	struct str text;
	int more = 0;
	if (!zip_is(content))
		return; /* something else of that name */
	if (zip_open(content, &budget, &z, &err) == 0)
		while ((more = zip_next(z, &e, &err)) == 1 && !str_is(e.name, "EGG-INFO/PKG-INFO"))
			;
	if (!z || more < 0 || (more == 1 && zip_read(z, &e, 4 * MiB, true, &out, &text, &err) < 0))
		note_damage(w, "%s", err.text);
	else if (more == 1)
		take_metadata(w, text, full);
	zip_close(z);
	buf_free(&out);
}

static struct str above(struct str dir)
{
	struct str last = str_base(dir);
	return str_head(dir, dir.n > last.n ? dir.n - last.n - 1 : 0);
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct str last = str_base(dir);
	note_begin(&w, note);
	if (is_metadata(dir, name))
		take_metadata(&w, content, str_is(last, "EGG-INFO") || str_is(last, "DIST-INFO") ? str_base(above(dir)) : last);
	else if (str_is(name, "RECORD"))
		take_record(&w, above(dir), content);
	else if (str_is(name, "top_level.txt"))
		take_lines(&w, dir, content, true);
	else if (str_is(name, "installed-files.txt"))
		take_lines(&w, dir, content, false);
	else if (str_ends(name, STR(".egg")))
		take_egg(&w, name, content);
	else if (str_trim(content).n)
		take_metadata(&w, content, name);
	return note_end(&w, err);
}

const struct collector python_collector = { .id = COLLECT_PYTHON, .version = 1, .name = "python", .limit = 128 * MiB, .wants = wants, .take = take };

/* --- reading --- */

static bool has_note(const struct rootfs *r, node_id id) { return id && packages_note(r, id, COLLECT_PYTHON).n; }

/* The modules that top_level.txt names: SITE/NAME.py, or all of SITE/NAME. */
static void own_top(struct claims *c, struct packages *p, node_id site, node_id list, u32 package)
{
	struct note_reader n = { .rest = packages_note(c->r, list, COLLECT_PYTHON) };
	struct buf file = BUF(NOTE_PATH_MAX + 8);
	struct str s;
	u8 tag;
	while (note_next(&n, &tag, &s)) {
		if (tag != PYTHON_TOP || str_chr(s, '/'))
			continue;
		node_id dir = rootfs_child(c->r, site, s), module;
		if (dir && rootfs_type(c->r, dir) == TAR_DIR)
			claim(c, dir, package);
		buf_clear(&file);
		buf_add(&file, s);
		buf_puts(&file, ".py");
		if ((module = rootfs_child(c->r, site, buf_str(&file))))
			lang_own(p, module, package);
	}
	note_close(&n);
	buf_free(&file);
}

static void own(struct claims *c, struct packages *p, node_id file, u32 package)
{
	const struct rootfs *r = c->r;
	node_id dir = lang_parent(r, file), site = lang_parent(r, dir), list;
	if (!str_is(lang_name(r, file), "METADATA") && !str_is(lang_name(r, file), "PKG-INFO")) {
		lang_own(p, file, package);
		return;
	}
	if (str_is(lang_name(r, dir), "EGG-INFO")) {
		/* An egg as a directory holds all of its distribution. */
		claim(c, lang_iends(lang_name(r, site), STR(".egg")) ? site : dir, package);
		return;
	}
	claim(c, dir, package);
	if (has_note(r, list = rootfs_child(r, dir, STR("RECORD"))) || has_note(r, list = rootfs_child(r, dir, STR("installed-files.txt"))))
		lang_own_listed(p, r, package, list, COLLECT_PYTHON);
	else if (has_note(r, list = rootfs_child(r, dir, STR("top_level.txt"))))
		own_top(c, p, site, list, package);
}

static bool tells(const struct rootfs *r, node_id file)
{
	static const char *const lists[] = { "RECORD", "installed-files.txt", "top_level.txt", NULL };
	return !str_listed(lang_name(r, file), lists);
}

static void read_python(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	struct claims c = { .r = r };
	u32 n = packages_noted(p, r, COLLECT_PYTHON, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n;
		if (tells(r, files[i]) && lang_load(p, r, files[i], COLLECT_PYTHON, "pypi"))
			own(&c, p, files[i], first);
	}
	claims_settle(&c, p, NULL);
}

const struct ecosystem python_ecosystem = { .type = "pypi", .collector = &python_collector, .set = COLLECT_PACKAGES, .read = read_python };
