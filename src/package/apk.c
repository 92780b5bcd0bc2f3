/* apk.c — Alpine's package database, "installed": a stanza a package, a line a field ("P:musl"), files below their directories (apk-tools, database.c).
 *
 *      C:Q1…          P:busybox  V:1.36.1-r15  A:x86_64  I:958464  T:…  L:GPL-2.0-only  o:busybox  D:so:libc.musl-x86_64.so.1
 *      F:bin          the directory of the R lines that follow (M: its mode)
 *      R:busybox      a file in it (a: its mode, Z: its checksum)
 */
#include "package/note.h"

static bool wants(struct str dir, struct str name)
{
	return str_is(name, "installed") && (str_is(dir, "lib/apk/db") || str_is(dir, "usr/lib/apk/db"));
}

struct stanza {
	struct str field[128]; /* by letter; the last of each */
	struct str folder;
	bool open; /* something of it was read */
	bool told; /* its PACKAGE is written */
	bool skip; /* the rest is not to be understood */
};

/* The package's fields stand before its files: apk writes them so, and everything else is damage. */
static bool tell(struct note_writer *w, struct stanza *s, u64 line)
{
	static const struct {
		char letter;
		u8 tag;
	} fields[] = { { 'A', NOTE_ARCH }, { 'o', NOTE_SOURCE_NAME }, { 'L', NOTE_LICENSE }, { 'T', NOTE_SUMMARY }, { 'D', NOTE_DEPENDS }, { 'p', NOTE_PROVIDES } };
	u64 size;
	if (s->told)
		return true;
	if (!s->field['P'].n || !s->field['V'].n) {
		note_damage(w, "the package before line %llu has no %s", (unsigned long long)line, s->field['P'].n ? "version" : "name");
		s->open = false;
		return false;
	}
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, s->field['P']);
	note_text(w, NOTE_VERSION, s->field['V']);
	for (size_t i = 0; i < countof(fields); i++)
		note_text(w, fields[i].tag, s->field[(u8)fields[i].letter]);
	if (str_to_u64(s->field['I'], &size) && size < (u64)1 << 62)
		note_number(w, NOTE_SIZE, size);
	return s->told = true;
}

static void field(struct note_writer *w, struct stanza *s, struct str l, u64 line)
{
	u8 key = l.n >= 2 && l.p[1] == ':' ? (u8)l.p[0] : 0;
	struct str v = str_from(l, 2);
	if (!key || key >= countof(s->field) || memchr(l.p, '\0', l.n)) {
		note_damage(w, "line %llu is no field", (unsigned long long)line);
		return;
	}
	if (key == 'F' || key == 'R') {
		if (!tell(w, s, line))
			s->skip = true;
		else if (key == 'F')
			s->folder = v;
		else
			note_path(w, s->folder, v);
	} else if (!s->told) {
		s->field[key] = v;
		s->open = true;
	} else if (key == 'P') {
		note_damage(w, "line %llu begins a package inside another", (unsigned long long)line);
		s->skip = true;
	}
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	struct stanza s = { 0 };
	u64 line = 0;
	(void)dir, (void)name;
	note_begin(&w, note);
	while (content.p && content.n) {
		struct str l = str_cut(&content, '\n');
		line++;
		if (l.n && !s.skip)
			field(&w, &s, l, line);
		if (l.n == 0 || !content.n) {
			if (s.open)
				tell(&w, &s, line);
			s = (struct stanza){ 0 };
		}
	}
	return note_end(&w, err);
}

const struct collector apk_collector = { .id = COLLECT_APK, .version = 2, .name = "apk", .limit = 64 * MiB, .wants = wants, .take = take };

static void read_apk(const struct rootfs *r, struct packages *p)
{
	node_id old = rootfs_find(r, STR("lib/apk/db/installed"), true), new = rootfs_find(r, STR("usr/lib/apk/db/installed"), true);
	if (old)
		packages_load(p, r, old, COLLECT_APK, "apk", true);
	if (new && new != old)
		packages_load(p, r, new, COLLECT_APK, "apk", true);
}

const struct ecosystem apk_ecosystem = { .type = "apk", .collector = &apk_collector, .set = COLLECT_OS, .read = read_apk };
