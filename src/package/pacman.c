/* pacman.c — Arch Linux's local package database (libalpm, be_local.c; alpm-db-desc(5), alpm-db-files(5)).
 *
 *      var/lib/pacman/local/NAME-VERSION/desc     %NAME%, then its lines, then an empty one; %VERSION% …
 *      var/lib/pacman/local/NAME-VERSION/files    %FILES%, then a path a line without the leading '/', directories with one behind
 */
#include "package/license.h"
#include "package/note.h"

#define LOCAL "var/lib/pacman/local"

static bool wants(struct str dir, struct str name)
{
	if (!str_starts(dir, STR(LOCAL "/")) || str_chr(str_from(dir, sizeof LOCAL), '/'))
		return false;
	return str_is(name, "desc") || str_is(name, "files");
}

enum field { NAME, VERSION, BASE, DESC, ARCH, LICENSE, DEPENDS, PROVIDES, SIZE, REASON, FIELDS };
static const char *const field_names[FIELDS] = { "%NAME%", "%VERSION%", "%BASE%", "%DESC%", "%ARCH%", "%LICENSE%", "%DEPENDS%", "%PROVIDES%", "%SIZE%", "%REASON%" };

/* The lines up to the next empty one. */
static struct str block(struct str *rest)
{
	struct str all = *rest;
	all.n = 0;
	while (rest->p) {
		struct str line = str_cut(rest, '\n');
		if (str_trim(line).n == 0)
			break;
		all.n = (size_t)(line.p + line.n - all.p);
	}
	return all;
}

static struct str first_line(struct str s) { return str_trim(str_cut(&s, '\n')); }

static bool word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((u8)s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '/')
			return false;
	return s.n != 0;
}

/* Several licences all count; where one line names alternatives, they stay together. */
static void put_lines(struct note_writer *w, u8 tag, struct str lines, const char *between, bool group)
{
	struct buf b = BUF(NOTE_FIELD_MAX);
	bool many = lines.n && str_chr(lines, '\n');
	while (lines.p) {
		struct str l = str_trim(str_cut(&lines, '\n'));
		if (!l.n)
			continue;
		bool wrap = group && many && license_is_choice(l);
		buf_puts(&b, b.n ? between : "");
		buf_puts(&b, wrap ? "(" : "");
		buf_add(&b, l);
		buf_puts(&b, wrap ? ")" : "");
	}
	note_text(w, tag, buf_str(&b));
	buf_free(&b);
}

static void take_desc(struct note_writer *w, struct str content)
{
	struct str v[FIELDS] = { { 0 } };
	u64 size;
	while (content.p) {
		struct str line = str_trim(str_cut(&content, '\n'));
		for (int i = 0; line.n && i < FIELDS; i++)
			if (str_is(line, field_names[i]) && !v[i].p && content.p)
				v[i] = block(&content);
	}
	struct str name = first_line(v[NAME]), version = first_line(v[VERSION]);
	if (!word(name) || !word(version)) {
		note_damage(w, "has no %s", word(name) ? "version" : "name");
		return;
	}
	note_put(w, NOTE_PACKAGE, STR(""));
	note_text(w, NOTE_NAME, name);
	note_text(w, NOTE_VERSION, version);
	if (word(first_line(v[ARCH])))
		note_text(w, NOTE_ARCH, first_line(v[ARCH]));
	if (word(first_line(v[BASE])))
		note_text(w, NOTE_SOURCE_NAME, first_line(v[BASE]));
	note_text(w, NOTE_SUMMARY, first_line(v[DESC]));
	put_lines(w, NOTE_LICENSE, v[LICENSE], " AND ", true);
	put_lines(w, NOTE_DEPENDS, v[DEPENDS], ", ", false);
	put_lines(w, NOTE_PROVIDES, v[PROVIDES], ", ", false);
	if (str_to_u64(first_line(v[SIZE]), &size) && size && size < (u64)1 << 62)
		note_number(w, NOTE_SIZE, size);
	if (str_is(first_line(v[REASON]), "1"))
		note_put(w, NOTE_AUTOMATIC, STR(""));
}

static void take_files(struct note_writer *w, struct str content)
{
	while (content.p) {
		if (!str_is(str_trim(str_cut(&content, '\n')), "%FILES%") || !content.p)
			continue;
		struct str files = block(&content);
		while (files.p) {
			struct str l = str_cut(&files, '\n');
			if (l.n && l.p[l.n - 1] != '/')
				note_path(w, STR(""), l);
		}
	}
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	(void)dir;
	note_begin(&w, note);
	if (str_is(name, "desc"))
		take_desc(&w, content);
	else
		take_files(&w, content);
	return note_end(&w, err);
}

const struct collector pacman_collector = { .id = COLLECT_PACMAN, .version = 2, .name = "pacman", .limit = 64 * MiB, .wants = wants, .take = take };

static void own_files(const struct rootfs *r, struct packages *p, u32 i, node_id files)
{
	struct note_reader n;
	struct str s;
	u8 tag;
	if (!packages_open(p, r, files, COLLECT_PACMAN, true, &n))
		return;
	while (note_next(&n, &tag, &s)) {
		if (tag == NOTE_DAMAGE)
			packages_problem(p, r, files, s);
		else if (tag == NOTE_PATH)
			packages_own(p, r, i, s);
	}
	if (n.bad)
		packages_problem(p, r, files, STR("its kept facts are damaged"));
	note_close(&n);
}

static void read_pacman(const struct rootfs *r, struct packages *p)
{
	node_id local = rootfs_find(r, STR(LOCAL), true), *ids;
	if (!local || rootfs_type(r, local) != TAR_DIR)
		return;
	u32 n = rootfs_children(r, local, &ids);
	for (u32 i = 0; i < n; i++) {
		if (rootfs_type(r, ids[i]) != TAR_DIR)
			continue;
		node_id desc = rootfs_child(r, ids[i], STR("desc")), files = rootfs_child(r, ids[i], STR("files"));
		if (!desc)
			packages_problem(p, r, ids[i], STR("has no desc: not known what is installed there"));
		else if (packages_load(p, r, desc, COLLECT_PACMAN, "alpm", false) && files)
			own_files(r, p, p->n - 1, files);
	}
	free(ids);
}

const struct ecosystem pacman_ecosystem = { .type = "alpm", .collector = &pacman_collector, .set = COLLECT_OS, .read = read_pacman };
