/* rpm.c — the ecosystem: which files are rpm's databases, and their notes (note.h, rpm.h) to packages. */
#include "package/rpm.h"

/* rpm's database has moved from the first to the second, in OSTree systems to the third; one is usually a link to another. */
static const char *const places[] = { "var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm" };
/* Where several lie together rpm takes the first of these, the others are left over from a conversion. */
static const char *const files[] = { "rpmdb.sqlite", "Packages.db", "Packages" };
#define LOG "rpmdb.sqlite-wal"

static bool wants(struct str dir, struct str name)
{
	bool here = false, this = str_is(name, LOG);
	for (size_t i = 0; i < countof(places); i++)
		here |= str_is(dir, places[i]);
	for (size_t i = 0; here && i < countof(files); i++)
		this |= str_is(name, files[i]);
	return here && this;
}

static int take(struct str dir, struct str name, struct str content, struct buf *note, struct error *err)
{
	struct note_writer w;
	(void)dir;
	note_begin(&w, note);
	if (str_is(name, LOG))
		rpm_sqlite_log(content, &w);
	else if (content.n == 0)
		note_damage(&w, "is empty");
	else if (str_starts(content, str_n("SQLite format 3", 16)))
		rpm_sqlite(content, &w);
	else if (str_starts(content, STR("RpmP")))
		rpm_ndb(content, &w);
	else if (rpm_is_bdb(content))
		rpm_bdb(content, &w);
	else
		note_damage(&w, "is no SQLite, NDB or Berkeley DB hash database");
	return note_end(&w, err);
}

const struct collector rpm_collector = { .id = COLLECT_RPM, .version = 3, .name = "rpm", .limit = RPM_DATABASE_MAX, .wants = wants, .take = take };

static struct str private_item(const struct rootfs *r, node_id id, u8 which)
{
	struct note_reader n = { .rest = packages_note(r, id, COLLECT_RPM) };
	struct str s;
	u8 tag;
	while (note_next(&n, &tag, &s)) {
		if (tag == which) {
			note_close(&n);
			return s;
		}
	}
	note_close(&n);
	return (struct str){ NULL, 0 };
}

/* The log must add nothing to the database, or what we read is not what rpm would. */
static void check_log(const struct rootfs *r, struct packages *p, node_id dir, node_id db)
{
	struct note_reader n;
	node_id log = rootfs_child(r, dir, STR(LOG));
	struct str s;
	u8 tag;
	if (!log || !packages_open(p, r, log, COLLECT_RPM, true, &n))
		return;
	while (note_next(&n, &tag, &s))
		if (tag == NOTE_DAMAGE)
			packages_problem(p, r, log, s);
	note_close(&n);
	if (!rpm_sqlite_whole(private_item(r, db, RPM_PAGES), private_item(r, log, RPM_FRAMES)))
		packages_problem(p, r, log, STR("holds changes that the database does not have yet: run rpm once on the image so that they are written"));
}

static void read_rpm(const struct rootfs *r, struct packages *p)
{
	node_id seen[countof(places)] = { 0 };
	for (size_t i = 0; i < countof(places); i++) {
		node_id dir = rootfs_find(r, str_of(places[i]), true);
		bool again = false;
		for (size_t k = 0; k < i; k++)
			again |= seen[k] == dir;
		seen[i] = dir;
		if (!dir || again || rootfs_type(r, dir) != TAR_DIR)
			continue;
		for (size_t f = 0; f < countof(files); f++) {
			char path[64];
			snprintf(path, sizeof path, "%s/%s", places[i], files[f]);
			node_id db = rootfs_find(r, str_of(path), true);
			if (!db)
				continue;
			if (f == 0)
				check_log(r, p, dir, db);
			if (packages_load(p, r, db, COLLECT_RPM, "rpm", false))
				break;
		}
	}
}

const struct ecosystem rpm_ecosystem = { .type = "rpm", .collector = &rpm_collector, .set = COLLECT_OS, .read = read_rpm };
