/* gem.c — Ruby gems as RubyGems installs them: BASE/specifications/[default/]NAME-VERSION[-PLATFORM].gemspec.
 *
 *      # -*- encoding: utf-8 -*-
 *      # stub: rake 13.0.3 ruby lib                     name, version, platform, where its code is
 *      Gem::Specification.new do |s|
 *        s.name = "rake".freeze
 *        s.licenses = ["MIT".freeze]
 *        s.add_runtime_dependency(%q<x>.freeze, ["~> 1.0"])
 *
 * The files of the gem are in BASE/gems/NAME-VERSION[-PLATFORM] and BASE/extensions/…; those of a default gem are part of Ruby's own library and named in
 * the specification. It is a Ruby program, and read as text: assignments of literals to fields of the block's variable. A value
 * that would have to be computed is not known; the stub line and the file's name tell name and version all the same.
 */
#include "package/lang.h"

static bool wants(struct str dir, struct str name)
{
	if (!str_ends(name, STR(".gemspec")))
		return false;
	struct str last = str_base(dir);
	if (str_is(last, "default") && dir.n > last.n)
		last = str_base(str_head(dir, dir.n - last.n - 1));
	return str_is(last, "specifications");
}

struct spec {
	struct str at; /* what is not read yet */
	struct buf name, version, license, depends, summary;
	struct buf one, developing; /* the dependency at hand; those of who works on the gem, ", " around each */
	struct buf files; /* of a default gem: a line each */
	bool want_files;
};

static bool identifier(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

static void skip_blanks(struct spec *s, bool lines)
{
	size_t i = 0;
	while (i < s->at.n && (s->at.p[i] == ' ' || s->at.p[i] == '\t' || (lines && (s->at.p[i] == '\n' || s->at.p[i] == '\r'))))
		i++;
	if (i)
		s->at = str_from(s->at, i);
}

static bool take_char(struct spec *s, char c)
{
	if (!s->at.n || s->at.p[0] != c)
		return false;
	s->at = str_from(s->at, 1);
	return true;
}

static char closing(char c) { return c == '<' ? '>' : c == '(' ? ')' : c == '[' ? ']' : c == '{' ? '}' : c; }

/* A string literal into out (cleared): "…", '…', %q<…>, %Q(…). False, and nothing taken, when there is none; *computed: it holds #{…}. */
static bool literal(struct spec *s, struct buf *out, bool *computed)
{
	struct str t = s->at;
	bool escapes;
	char open, close;
	*computed = false;
	if (t.n >= 2 && (t.p[0] == '"' || t.p[0] == '\'')) {
		open = close = t.p[0];
		escapes = open == '"';
		t = str_from(t, 1);
	} else if (t.n >= 4 && t.p[0] == '%' && (t.p[1] == 'q' || t.p[1] == 'Q') && !identifier(t.p[2]) && t.p[2] != ' ') {
		open = t.p[2];
		close = closing(open);
		escapes = t.p[1] == 'Q';
		t = str_from(t, 3);
	} else {
		return false;
	}
	buf_clear(out);
	u32 depth = 1;
	for (size_t i = 0; i < t.n; i++) {
		char c = t.p[i];
		if (c == '\\' && i + 1 < t.n) {
			char e = t.p[++i];
			if (!escapes && e != open && e != close && e != '\\')
				buf_putc(out, c);
			buf_putc(out, escapes && e == 'n' ? '\n' : escapes && e == 't' ? '\t' : e);
			continue;
		}
		if (open != close && c == open)
			depth++;
		else if (c == close && --depth == 0) {
			s->at = str_from(t, i + 1);
			return true;
		}
		*computed |= escapes && c == '#' && i + 1 < t.n && t.p[i + 1] == '{';
		buf_putc(out, c);
	}
	s->at = str_from(t, t.n); /* it doesn't end: nothing can stand behind it */
	return false;
}

/* %w(MIT Ruby) is ["MIT", "Ruby"]. */
static void words(struct spec *s, struct buf *to, const char *sep, u32 max)
{
	char close = closing(s->at.p[2]);
	struct str rest = str_from(s->at, 3);
	const char *end = str_chr(rest, close);
	struct str list = str_head(rest, end ? (size_t)(end - rest.p) : 0);
	s->at = str_from(rest, end ? list.n + 1 : rest.n);
	for (u32 n = 0; n < max && list.n;) {
		size_t i = 0;
		while (i < list.n && !strchr(" \t\r\n", list.p[i]))
			i++;
		lang_list(to, sep, str_head(list, i));
		n += i != 0;
		list = str_from(list, i + 1);
	}
}

/* The literals of a value, one or an array of them, or of the arguments of a call, each followed by .freeze or not; joined into `to`. At most
 * `max` of them are taken. A computed one empties what there is. */
static void values(struct spec *s, struct buf *to, const char *sep, u32 max)
{
	struct buf v = BUF(64 * KiB);
	bool computed, array;
	skip_blanks(s, false);
	if (str_starts(s->at, STR("Gem::Version.new")))
		s->at = str_from(s->at, sizeof "Gem::Version.new" - 1);
	if (s->at.n > 3 && s->at.p[0] == '%' && (s->at.p[1] == 'w' || s->at.p[1] == 'W') && !identifier(s->at.p[2])) {
		words(s, to, sep, max);
		return;
	}
	array = take_char(s, '[');
	if (!array && take_char(s, '('))
		skip_blanks(s, false);
	for (u32 n = 0; n < max; n++) {
		skip_blanks(s, array);
		if (!literal(s, &v, &computed))
			break;
		if (computed)
			buf_clear(to);
		else
			lang_list(to, sep, buf_str(&v));
		if (str_starts(s->at, STR(".freeze")))
			s->at = str_from(s->at, sizeof ".freeze" - 1);
		skip_blanks(s, array);
		if (!array || !take_char(s, ','))
			break;
	}
	buf_free(&v);
}

static bool list_has(const struct buf *list, struct str name)
{
	struct str rest = buf_str(list);
	for (const char *at; (at = str_find(rest, name)); rest = str_from(rest, (size_t)(at - rest.p) + 1)) {
		size_t i = (size_t)(at - list->p), end = i + name.n;
		if ((i == 0 || list->p[i - 1] == ' ') && (end == list->n || list->p[end] == ','))
			return true;
	}
	return false;
}

/* Specifications of old RubyGems name each twice, for programs that know kinds of dependencies and for those that don't. */
static void dependency(struct spec *s, bool developing)
{
	struct buf *to = developing ? &s->developing : &s->depends;
	buf_clear(&s->one);
	values(s, &s->one, "", 1);
	struct str name = str_trim(buf_str(&s->one));
	if (name.n && to->n < 8 * KiB && !list_has(to, name) && !(to == &s->depends && list_has(&s->developing, name)))
		lang_list(to, ", ", name);
}

/* Behind "s.": which field, and what is done with it. */
static void field(struct spec *s)
{
	size_t n = 0;
	while (n < s->at.n && identifier(s->at.p[n]))
		n++;
	struct str name = str_head(s->at, n);
	s->at = str_from(s->at, n);
	skip_blanks(s, false);
	if (str_is(name, "add_runtime_dependency") || str_is(name, "add_dependency")) {
		dependency(s, false);
		return;
	}
	if (str_is(name, "add_development_dependency")) {
		dependency(s, true);
		return;
	}
	if (!take_char(s, '=') || (s->at.n && (s->at.p[0] == '=' || s->at.p[0] == '~')))
		return;
	if (str_is(name, "name") && !s->name.n)
		values(s, &s->name, "", 1);
	else if (str_is(name, "version") && !s->version.n)
		values(s, &s->version, "", 1);
	else if ((str_is(name, "licenses") || str_is(name, "license")) && !s->license.n)
		values(s, &s->license, " OR ", 64);
	else if (str_is(name, "summary") && !s->summary.n)
		values(s, &s->summary, "", 1);
	else if (str_is(name, "files") && s->want_files && !s->files.n)
		values(s, &s->files, "\n", 65536);
}

/* From the front to the end: comments and literals are stepped over, so that what is in them is not taken for code. */
static void parse(struct spec *s)
{
	struct buf skip = BUF(64 * KiB);
	bool computed, word = false;
	while (s->at.n) {
		char c = s->at.p[0];
		if (c == '#') {
			const char *end = str_chr(s->at, '\n');
			s->at = end ? str_from(s->at, (size_t)(end - s->at.p)) : str_from(s->at, s->at.n);
			continue;
		}
		if (!word && literal(s, &skip, &computed))
			continue;
		if (!s->at.n)
			break;
		s->at = str_from(s->at, 1);
		if (c == '.' && word && s->at.n && identifier(s->at.p[0])) {
			field(s);
			word = false;
			continue;
		}
		word = identifier(c);
	}
	buf_free(&skip);
}

/* "# stub: NAME VERSION PLATFORM DIRS", among the first lines. */
static void stub(struct str text, struct str *name, struct str *version)
{
	for (int i = 0; i < 4 && text.p; i++) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (!str_starts(line, STR("# stub: ")))
			continue;
		line = str_from(line, sizeof "# stub: " - 1);
		struct str n = str_cut(&line, ' '), v = line.p ? str_cut(&line, ' ') : STR("");
		if (lang_word(n) && v.n && v.p[0] >= '0' && v.p[0] <= '9')
			*name = n, *version = v;
		return;
	}
}

/* NAME-VERSION[-PLATFORM]: the version begins behind the first '-' that a digit follows. */
static void split(struct str full, struct str *name, struct str *version)
{
	for (size_t i = 1; i + 1 < full.n; i++) {
		if (full.p[i] != '-' || full.p[i + 1] < '0' || full.p[i + 1] > '9')
			continue;
		struct str rest = str_from(full, i + 1);
		*name = str_head(full, i);
		*version = str_cut(&rest, '-');
		return;
	}
}

/* The files of a default gem lie in Ruby's library: RUBY/gems/ABI/specifications/default names "lib/x.rb", which is RUBY/ABI/x.rb. */
static void put_files(struct note_writer *w, struct str dir, struct str files)
{
	struct buf base = BUF(16 * KiB), path = BUF(16 * KiB);
	struct str abi_dir = lang_join(dir, STR("../.."), &path), abi = str_base(abi_dir);
	if (str_is(str_base(dir), "default") && abi_dir.n > abi.n && str_is(str_base(str_head(abi_dir, abi_dir.n - abi.n - 1)), "gems")) {
		buf_add(&base, str_head(abi_dir, abi_dir.n - abi.n - 1 - 4)); /* RUBY/ */
		buf_add(&base, abi);
		while (files.p) {
			struct str f = str_cut(&files, '\n');
			if (str_starts(f, STR("lib/")))
				note_path(w, STR(""), lang_join(buf_str(&base), str_from(f, 4), &path));
		}
	}
	buf_free(&base);
	buf_free(&path);
}

static void put_package(struct note_writer *w, struct str dir, const struct spec *s, struct str name, struct str version)
{
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, name);
	note_text(w, NOTE_VERSION, version);
	note_text(w, NOTE_LICENSE, buf_str(&s->license));
	struct str about = buf_str(&s->summary);
	note_text(w, NOTE_SUMMARY, str_head(str_cut(&about, '\n'), 300));
	note_text(w, NOTE_DEPENDS, buf_str(&s->depends));
	if (s->files.n)
		put_files(w, dir, buf_str(&s->files));
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct str stub_name = { 0 }, stub_version = { 0 }, file_name = { 0 }, file_version = { 0 };
	struct spec s = { .at = content, .name = BUF(KiB), .version = BUF(KiB), .license = BUF(64 * KiB), .depends = BUF(NOTE_FIELD_MAX), .summary = BUF(64 * KiB), .files = BUF(8 * MiB), .one = BUF(KiB), .developing = BUF(64 * KiB) };
	s.want_files = str_is(str_base(dir), "default");
	note_begin(&w, note);
	parse(&s);
	stub(content, &stub_name, &stub_version);
	split(str_head(name, name.n - (sizeof ".gemspec" - 1)), &file_name, &file_version);
	struct str n = lang_word(buf_str(&s.name)) ? buf_str(&s.name) : stub_name.n ? stub_name : file_name;
	struct str v = lang_word(buf_str(&s.version)) ? buf_str(&s.version) : stub_version.n ? stub_version : file_version;
	if (lang_word(n) && lang_word(v))
		put_package(&w, dir, &s, n, v);
	else
		note_damage(&w, "no name or no version");
	struct buf *all[] = { &s.name, &s.version, &s.license, &s.depends, &s.summary, &s.files, &s.one, &s.developing };
	for (size_t i = 0; i < countof(all); i++)
		buf_free(all[i]);
	return note_end(&w, err);
}

const struct collector gem_collector = { .id = COLLECT_GEM, .version = 1, .name = "gem", .limit = 8 * MiB, .wants = wants, .take = take };

/* BASE/extensions/PLATFORM/ABI/NAME-VERSION: what was compiled when it was installed. There are one or two platforms and ABIs, whatever else
 * lies there. */
static void claim_extensions(struct claims *c, node_id base, struct str full, u32 package)
{
	const struct rootfs *r = c->r;
	node_id ext = rootfs_child(r, base, STR("extensions"));
	u32 left = 32;
	for (node_id platform = 0; left && (platform = rootfs_next_child(r, ext, platform)); left--) {
		for (node_id abi = 0; left && (abi = rootfs_next_child(r, platform, abi)); left--) {
			node_id dir = rootfs_child(r, abi, full);
			if (dir)
				claim(c, dir, package);
		}
		if (!left)
			break;
	}
}

static void read_gem(const struct rootfs *r, struct packages *p)
{
	autofree node_id *files = NULL;
	struct claims c = { .r = r };
	u32 n = packages_noted(p, r, COLLECT_GEM, &files);
	for (u32 i = 0; i < n; i++) {
		u32 first = p->n;
		if (!lang_load(p, r, files[i], COLLECT_GEM, "gem"))
			continue;
		lang_own(p, files[i], first);
		struct str file = lang_name(r, files[i]), full = str_head(file, file.n - (sizeof ".gemspec" - 1));
		node_id dir = lang_parent(r, files[i]);
		if (str_is(lang_name(r, dir), "default"))
			dir = lang_parent(r, dir);
		node_id base = lang_parent(r, dir), gems = rootfs_child(r, base, STR("gems")), own = gems ? rootfs_child(r, gems, full) : 0;
		if (own)
			claim(&c, own, first);
		claim_extensions(&c, base, full, first);
	}
	claims_settle(&c, p, NULL);
}

const struct ecosystem gem_ecosystem = { .type = "gem", .collector = &gem_collector, .set = COLLECT_PACKAGES, .read = read_gem };
