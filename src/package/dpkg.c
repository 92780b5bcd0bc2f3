/* dpkg.c — Debian's package database (dpkg(1) FILES, deb822(5)).
 *
 *      var/lib/dpkg/status              a stanza a package, those that were removed too
 *      var/lib/dpkg/status.d/NAME       one package a file, as images without dpkg have it; NAME.md5sums its files
 *      var/lib/dpkg/info/NAME.list      its files; NAME:ARCH.list where several architectures can be installed together
 *      var/lib/dpkg/info/NAME.md5sums   its files but links, directories and configuration; looked at when the list is missing
 *      var/lib/dpkg/diversions          three lines a diversion: path, where it is instead, the package whose own path stays
 *      var/lib/chisel/manifest.wall     slices of packages, without dpkg (chisel.h)
 *      var/lib/apt/extended_states      what was installed only because something depends on it
 */
#include "base/buf.h"
#include "package/chisel.h"
#include "package/note.h"

#define INFO "var/lib/dpkg/info"
#define STATUSD "var/lib/dpkg/status.d"
#define CHISEL "var/lib/chisel"

static bool wants(struct str dir, struct str name)
{
	if (str_is(dir, INFO))
		return str_ends(name, STR(".list")) || str_ends(name, STR(".md5sums"));
	if (str_is(dir, "var/lib/dpkg"))
		return str_is(name, "status") || str_is(name, "diversions");
	if (str_is(dir, CHISEL))
		return str_is(name, "manifest.wall");
	return str_is(dir, STATUSD) || (str_is(dir, "var/lib/apt") && str_is(name, "extended_states"));
}

enum field { PACKAGE, STATUS, VERSION, ARCHITECTURE, SOURCE, SECTION, DESCRIPTION, DEPENDS, PRE_DEPENDS, PROVIDES, INSTALLED_SIZE, ESSENTIAL, CONFFILES, AUTO_INSTALLED, FIELDS };
static const char *const field_names[FIELDS] = { "Package",     "Status",  "Version",     "Architecture",   "Source",    "Section",   "Description",
						 "Depends", "Pre-Depends", "Provides", "Installed-Size", "Essential", "Conffiles", "Auto-Installed" };

struct stanza {
	struct str v[FIELDS]; /* with the line breaks of continued lines */
	u64 line;             /* of its first */
};

struct deb822 {
	struct str rest;
	u64 line;
	struct note_writer *w;
};

static bool blank(struct str l) { return str_trim(l).n == 0; }

/* One line of a stanza: *last is the field it continues or begins, -1 for one that we don't know, -2 at the beginning. */
static void stanza_line(struct deb822 *d, struct stanza *s, struct str l, int *last)
{
	if (l.p[0] == '#')
		return;
	if (l.p[0] == ' ' || l.p[0] == '\t') {
		if (*last >= 0)
			s->v[*last].n = (size_t)(l.p + l.n - s->v[*last].p);
		else if (*last == -2)
			note_damage(d->w, "line %llu continues nothing", (unsigned long long)d->line);
		return;
	}
	struct str v = l, name = str_cut(&v, ':');
	*last = -1;
	if (!v.p || name.n == 0 || memchr(l.p, '\0', l.n)) {
		note_damage(d->w, "line %llu is no field", (unsigned long long)d->line);
		return;
	}
	for (int i = 0; i < FIELDS; i++) {
		if (!str_ieq(name, str_of(field_names[i])))
			continue;
		if (s->v[i].p)
			note_damage(d->w, "line %llu names %s twice", (unsigned long long)d->line, field_names[i]);
		else
			s->v[*last = i] = v;
	}
}

/* The next stanza: false at the end. */
static bool stanza_next(struct deb822 *d, struct stanza *s)
{
	int last = -2;
	bool any = false;
	*s = (struct stanza){ 0 };
	while (d->rest.p) {
		struct str l = str_cut(&d->rest, '\n');
		d->line++;
		if (blank(l)) {
			if (any)
				return true;
			continue;
		}
		if (!any)
			s->line = d->line;
		any = true;
		stanza_line(d, s, l, &last);
	}
	return any;
}

static struct str first_line(struct str v) { return str_trim(str_cut(&v, '\n')); }

/* A folded field as one line. */
static void unfold(struct buf *out, struct str v)
{
	while (v.p) {
		struct str l = str_trim(str_cut(&v, '\n'));
		if (l.n && out->n)
			buf_putc(out, ' ');
		buf_add(out, l);
	}
}

/* "want flag state": the last word tells. Everything of which files are in place counts, whatever is wanted. */
static bool installed(struct str status)
{
	static const char *const states[] = { "installed", "half-configured", "triggers-awaited", "triggers-pending", "unpacked", "half-installed" };
	struct str word = { 0 };
	while (status.p)
		word = str_cut(&status, ' ');
	for (size_t i = 0; i < countof(states); i++)
		if (str_is(word, states[i]))
			return true;
	return false;
}

static bool known_state(struct str status)
{
	return str_ends(status, STR(" not-installed")) || str_ends(status, STR(" config-files")) || installed(status);
}

/* Names, versions and architectures are single words of printable bytes: they are put into paths and purls. */
static bool word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((u8)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '/')
			return false;
	return s.n != 0;
}

static void put_source(struct note_writer *w, struct str v)
{
	struct str rest = v, name = str_trim(str_cut(&rest, '('));
	note_text(w, NOTE_SOURCE_NAME, name);
	if (rest.p)
		note_text(w, NOTE_SOURCE_VERSION, str_trim(str_cut(&rest, ')')));
}

static void put_depends(struct note_writer *w, const struct stanza *s)
{
	struct buf b = BUF(0);
	unfold(&b, s->v[PRE_DEPENDS]);
	if (b.n && !blank(s->v[DEPENDS]))
		buf_putc(&b, ',');
	unfold(&b, s->v[DEPENDS]);
	note_text(w, NOTE_DEPENDS, buf_str(&b));
	buf_clear(&b);
	unfold(&b, s->v[PROVIDES]);
	note_text(w, NOTE_PROVIDES, buf_str(&b));
	buf_free(&b);
}

/* " /etc/bash.bashrc 3ee8…" a line; the path ends at the last blank but for the words "obsolete" and "remove-on-upgrade". */
static void put_conffiles(struct note_writer *w, struct str v)
{
	while (v.p) {
		struct str l = str_trim(str_cut(&v, '\n'));
		struct str path = l;
		if (path.n == 0 || path.p[0] != '/')
			continue;
		const char *end = memrchr(l.p, ' ', l.n);
		while (end && (str_is(str_from(l, (size_t)(end - l.p) + 1), "obsolete") || str_is(str_from(l, (size_t)(end - l.p) + 1), "remove-on-upgrade"))) {
			l.n = (size_t)(end - l.p);
			end = memrchr(l.p, ' ', l.n);
		}
		note_path(w, STR(""), end ? str_n(l.p, (size_t)(end - l.p)) : l);
	}
}

static void put_package(struct note_writer *w, const struct stanza *s, bool single)
{
	struct str name = first_line(s->v[PACKAGE]), version = first_line(s->v[VERSION]), status = first_line(s->v[STATUS]);
	unsigned long long line = s->line;
	u64 kib;
	if (!word(name)) {
		note_damage(w, "the stanza at line %llu has no package name", line);
		return;
	}
	if (!(single && status.n == 0)) {
		if (!known_state(status))
			note_damage(w, "the package at line %llu has no status that dpkg knows", line);
		else if (!installed(status) || (!word(version) && str_ends(status, STR(" half-installed"))))
			return;
	}
	if (!word(version))
		note_damage(w, "the package at line %llu has no version", line);
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, name);
	if (word(version))
		note_text(w, NOTE_VERSION, version);
	if (word(first_line(s->v[ARCHITECTURE])))
		note_text(w, NOTE_ARCH, first_line(s->v[ARCHITECTURE]));
	put_source(w, first_line(s->v[SOURCE]));
	note_text(w, NOTE_SECTION, first_line(s->v[SECTION]));
	note_text(w, NOTE_SUMMARY, first_line(s->v[DESCRIPTION]));
	put_depends(w, s);
	if (str_to_u64(first_line(s->v[INSTALLED_SIZE]), &kib) && kib && kib < (u64)1 << 50)
		note_number(w, NOTE_SIZE, kib * KiB);
	if (str_is(first_line(s->v[ESSENTIAL]), "yes"))
		note_put(w, NOTE_ESSENTIAL, STR(""));
	put_conffiles(w, s->v[CONFFILES]);
}

static void take_stanzas(struct note_writer *w, struct str content, bool single)
{
	struct deb822 d = { .rest = content, .w = w };
	struct stanza s;
	while (stanza_next(&d, &s))
		put_package(w, &s, single);
}

static void take_states(struct note_writer *w, struct str content)
{
	struct deb822 d = { .rest = content, .w = w };
	struct stanza s;
	while (stanza_next(&d, &s)) {
		if (!word(first_line(s.v[PACKAGE]))) {
			note_damage(w, "the stanza at line %llu has no package name", (unsigned long long)s.line);
		} else if (str_is(first_line(s.v[AUTO_INSTALLED]), "1")) {
			note_put(w, NOTE_PACKAGE, STR(""));
			note_text(w, NOTE_NAME, first_line(s.v[PACKAGE]));
			note_text(w, NOTE_ARCH, first_line(s.v[ARCHITECTURE]));
		}
	}
}

static void take_list(struct note_writer *w, struct str content)
{
	while (content.p) {
		struct str l = str_cut(&content, '\n');
		if (l.n)
			note_path(w, STR(""), l);
	}
}

static bool hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f') || (s.p[i] >= 'A' && s.p[i] <= 'F')))
			return false;
	return true;
}

/* md5sum(1): 32 digits, a blank, a blank or '*', the path. */
static void take_md5sums(struct note_writer *w, struct str content)
{
	for (u64 line = 1; content.p; line++) {
		struct str l = str_cut(&content, '\n');
		if (blank(l))
			continue;
		if (l.n < 35 || !hex(str_head(l, 32)) || l.p[32] != ' ' || (l.p[33] != ' ' && l.p[33] != '*'))
			note_damage(w, "line %llu is no checksum of a file", (unsigned long long)line);
		else
			note_path(w, STR(""), str_from(l, 34));
	}
}

/* Each as: PACKAGE, NAME, PATH from, PATH to. */
static void take_diversions(struct note_writer *w, struct str content)
{
	while (content.p && content.n) {
		struct str from = str_cut(&content, '\n'), to = content.p ? str_cut(&content, '\n') : STR(""), name = content.p ? str_cut(&content, '\n') : STR("");
		if (from.n < 2 || to.n < 2 || from.p[0] != '/' || to.p[0] != '/' || name.n == 0) {
			note_damage(w, "ends inside a diversion");
			return;
		}
		note_put(w, NOTE_PACKAGE, STR(""));
		note_text(w, NOTE_NAME, name);
		note_path(w, STR(""), from);
		note_path(w, STR(""), to);
	}
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	note_begin(&w, note);
	if (str_is(dir, "var/lib/apt"))
		take_states(&w, content);
	else if (str_is(dir, CHISEL))
		chisel_take(&w, content);
	else if (str_is(name, "diversions") && str_is(dir, "var/lib/dpkg"))
		take_diversions(&w, content);
	else if (str_ends(name, STR(".md5sums")))
		take_md5sums(&w, content);
	else if (str_ends(name, STR(".list")))
		take_list(&w, content);
	else
		take_stanzas(&w, content, str_is(dir, STATUSD));
	return note_end(&w, err);
}

const struct collector dpkg_collector = { .id = COLLECT_DPKG, .version = 3, .name = "dpkg", .limit = 64 * MiB, .wants = wants, .take = take };

/* --- reading --- */

struct named { /* a diversion, or a package that was installed as a dependency */
	const char *key;          /* the path that is diverted; the package's name */
	const char *to, *package; /* NULL, or where it is instead and whose own path stays; NULL, or the architecture */
};

struct table {
	struct named *v;
	u32 n, cap;
};

static int by_key(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	return strcmp(x->key, y->key);
}

/* Reads PACKAGE NAME (ARCH) (PATH PATH) records: keyed by the first path when `paths`, else by name. */
static struct table table_read(const struct rootfs *r, struct packages *p, const char *file, bool paths)
{
	struct table t = { 0 };
	struct note_reader n;
	struct named now = { 0 };
	struct str s;
	u8 tag;
	node_id id = rootfs_find(r, str_of(file), true);
	if (!id || !packages_open(p, r, id, COLLECT_DPKG, true, &n))
		return t;
	while (note_next(&n, &tag, &s)) {
		if (tag == NOTE_DAMAGE) {
			packages_problem(p, r, id, s);
		} else if (tag == NOTE_PACKAGE) {
			now = (struct named){ 0 };
		} else if (tag == NOTE_NAME) {
			*(paths ? &now.package : &now.key) = arena_bytes(&p->arena, s);
			if (!paths)
				VEC_PUSH(t.v, t.n, t.cap, now);
		} else if (tag == NOTE_ARCH && !paths && t.n) {
			t.v[t.n - 1].package = arena_bytes(&p->arena, s);
		} else if (tag == NOTE_PATH && paths) {
			*(now.key ? &now.to : &now.key) = arena_bytes(&p->arena, s);
			if (now.to && now.package)
				VEC_PUSH(t.v, t.n, t.cap, now);
		}
	}
	if (n.bad)
		packages_problem(p, r, id, STR("its kept facts are damaged"));
	note_close(&n);
	if (t.n)
		qsort(t.v, t.n, sizeof *t.v, by_key);
	return t;
}

/* First of the entries with this key; *n how many there are (0: don't look). */
static const struct named *table_find(const struct table *t, const char *key, u32 *n)
{
	u32 lo = 0, hi = t->n;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		if (strcmp(t->v[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (*n = 0; lo + *n < t->n && strcmp(t->v[lo + *n].key, key) == 0;)
		++*n;
	return t->n ? &t->v[lo] : NULL;
}

static void mark_automatic(const struct rootfs *r, struct packages *p, u32 from)
{
	struct table t = table_read(r, p, "var/lib/apt/extended_states", false);
	for (u32 i = from; i < p->n; i++) {
		u32 n;
		const struct named *k = table_find(&t, p->v[i].name, &n);
		/* apt writes packages for all architectures down under the machine's own. */
		for (u32 j = 0; j < n && !p->v[i].automatic; j++)
			p->v[i].automatic = !k[j].package || !strcmp(p->v[i].arch, "all") || !strcmp(p->v[i].arch, k[j].package);
	}
	free(t.v);
}

/* The files that the note on `list` names are package i's, those that another package had moved away at their new place. */
static void own_list(const struct rootfs *r, struct packages *p, u32 i, node_id list, const struct table *diverted)
{
	struct note_reader n;
	struct str s;
	u8 tag;
	if (!packages_open(p, r, list, COLLECT_DPKG, true, &n))
		return;
	while (note_next(&n, &tag, &s)) {
		if (tag == NOTE_DAMAGE)
			packages_problem(p, r, list, s);
		if (tag != NOTE_PATH)
			continue;
		u32 found = 0;
		const struct named *d = diverted->n ? table_find(diverted, s.p, &found) : NULL;
		packages_own(p, r, i, found && strcmp(d->package, p->v[i].name) != 0 ? str_of(d->to) : s);
	}
	if (n.bad)
		packages_problem(p, r, list, STR("its kept facts are damaged"));
	note_close(&n);
}

static node_id child(const struct rootfs *r, node_id dir, const char *a, const char *b, const char *c)
{
	struct buf name = BUF(0);
	buf_printf(&name, "%s%s%s", a, b, c);
	node_id id = dir ? rootfs_child(r, dir, buf_str(&name)) : 0;
	buf_free(&name);
	if (id && rootfs_type(r, id) == TAR_SYMLINK) {
		struct buf path = BUF(0);
		id = rootfs_find(r, rootfs_path(r, id, &path), true);
		buf_free(&path);
	}
	return id;
}

/* NAME:ARCH.list, NAME.list, NAME:ARCH.md5sums, NAME.md5sums: the first that is there. */
static node_id find_list(const struct rootfs *r, node_id info, const struct package *k)
{
	static const char *const suffixes[] = { ".list", ".md5sums" };
	for (size_t i = 0; i < countof(suffixes); i++) {
		struct buf tail = BUF(0);
		buf_printf(&tail, ":%s%s", k->arch, suffixes[i]);
		node_id id = child(r, info, k->name, tail.p, "");
		buf_free(&tail);
		if (!id)
			id = child(r, info, k->name, suffixes[i], "");
		if (id)
			return id;
	}
	return 0;
}

static void read_statusd(const struct rootfs *r, struct packages *p, const struct table *diverted)
{
	node_id dir = rootfs_find(r, STR(STATUSD), true), *ids;
	if (!dir || rootfs_type(r, dir) != TAR_DIR)
		return;
	u32 n = rootfs_children(r, dir, &ids);
	for (u32 i = 0; i < n; i++) {
		const char *name = rootfs_node(r, ids[i])->name;
		struct str s = str_of(name);
		node_id file = child(r, dir, name, "", "");
		if (!file || str_ends(s, STR(".md5sums")) || str_ends(s, STR(".list")) || rootfs_type(r, file) == TAR_DIR)
			continue;
		u32 first = p->n;
		packages_load(p, r, file, COLLECT_DPKG, "deb", true);
		node_id list = child(r, dir, name, ".list", "");
		if (!list)
			list = child(r, dir, name, ".md5sums", "");
		for (u32 k = first; list && k < p->n; k++)
			own_list(r, p, k, list, diverted);
	}
	free(ids);
}

static void read_dpkg(const struct rootfs *r, struct packages *p)
{
	node_id status = rootfs_find(r, STR("var/lib/dpkg/status"), true), info = rootfs_find(r, STR(INFO), true);
	struct table diverted = table_read(r, p, "var/lib/dpkg/diversions", true);
	u32 first = p->n;
	if (status)
		packages_load(p, r, status, COLLECT_DPKG, "deb", true);
	for (u32 i = first; i < p->n; i++) {
		node_id list = find_list(r, info, &p->v[i]);
		if (list)
			own_list(r, p, i, list, &diverted);
	}
	read_statusd(r, p, &diverted);
	node_id manifest = rootfs_find(r, STR(CHISEL "/manifest.wall"), true);
	if (manifest)
		packages_load(p, r, manifest, COLLECT_DPKG, "deb", false);
	mark_automatic(r, p, first);
	free(diverted.v);
}

const struct ecosystem dpkg_ecosystem = { .type = "deb", .collector = &dpkg_collector, .set = COLLECT_OS, .read = read_dpkg };
