#include "package/rpm_rewrite.h"
#include "slim/database_parts.h"

struct rpms { /* those that are left, sorted */
	struct package *v; /* name, version and architecture alone */
	u32 n;
};

static int by_version(const void *a, const void *b)
{
	const struct package *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	c = c ? c : strcmp(x->version, y->version);
	return c ? c : strcmp(x->arch, y->arch);
}

static bool rpm_stays(void *ctx, struct str name, struct str version, struct str arch)
{
	const struct rpms *left = ctx;
	struct arena a = { 0 };
	struct package k = { .name = arena_strdup(&a, name), .version = arena_strdup(&a, version), .arch = arena_strdup(&a, arch) };
	bool yes = left->n && bsearch(&k, left->v, left->n, sizeof *left->v, by_version);
	arena_free(&a);
	return yes;
}

static struct rpms rpms_left(const struct databases *w)
{
	struct rpms left = { .v = xcalloc(w->p->n + 1u, sizeof *left.v) };
	for (u32 i = 0; i < w->p->n; i++) {
		const struct package *k = &w->p->v[i];
		if (w->x->left[i] && strcmp(k->type, "rpm") == 0 && k->origin == ORIGIN_DATABASE)
			left.v[left.n++] = (struct package){ .name = k->name, .version = k->version ? k->version : "", .arch = k->arch ? k->arch : "" };
	}
	if (left.n)
		qsort(left.v, left.n, sizeof *left.v, by_version);
	return left;
}

static const char *const dirs[] = { "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm" };
static const char *const files[] = { "rpmdb.sqlite", "Packages.db", "Packages" }; /* rpm takes the first that is there */
/* What leads to packages by their numbers; rpm makes them anew when they are not there. */
static const char *const indexes[] = { "rpmdb.sqlite-wal", "rpmdb.sqlite-shm", "Index.db", "Basenames", "Conflictname", "Dirnames", "Enhancename", "Filedigests", "Filemd5s", "Filetriggername", "Group", "Installtid", "Name", "Obsoletename",
	"Providename", "Provideversion", "Pubkeys", "Recommendname", "Requirename", "Requireversion", "Sha1header", "Sigmd5", "Suggestname", "Supplementname", "Transfiletriggername", "Triggername", NULL };

static bool is_index(struct str name) { return str_listed(name, indexes) || str_starts(name, STR("__db.")); }

/* 1: written anew; 0: it can't be. */
static int rpm_file(struct databases *w, node_id dir)
{
	struct buf text = BUF(0), out = BUF(0);
	struct error err = { 0 };
	node_id id = 0;
	for (size_t i = 0; i < countof(files) && !id; i++)
		id = rootfs_child(w->r, dir, str_of(files[i]));
	if (!id || rootfs_type(w->r, id) != TAR_FILE || rootfs_size(w->r, id) > DATABASE_MAX)
		return 0;
	if (dbs_whole(w, id, "rpm"))
		return 1;
	struct rpms stay = rpms_left(w);
	int r = dbs_read(w, id, &text, &err) == 0 && rpm_can_rewrite(buf_str(&text)) && rpm_rewrite(buf_str(&text), rpm_stays, &stay, &out, &err) == 0;
	for (node_id at = 0; r && (at = rootfs_next_child(w->r, dir, at));)
		if (is_index(dbs_name(w, at)))
			dbs_goes(w, at);
	for (size_t i = 0; i < countof(files) && r; i++) /* left over from a conversion */
		dbs_goes(w, rootfs_child(w->r, dir, str_of(files[i])));
	if (r)
		dbs_replace(w, id, buf_str(&out));
	free(stay.v);
	buf_free(&text);
	buf_free(&out);
	return r;
}

/* Kept whole while all of it is left, or when it is damaged. */
void dbs_rpm(struct databases *w)
{
	u32 left = 0, all = 0;
	for (u32 i = 0; i < w->p->n; i++) {
		bool is = strcmp(w->p->v[i].type, "rpm") == 0 && w->p->v[i].origin == ORIGIN_DATABASE;
		all += is;
		left += is && w->x->left[i];
	}
	bool anew = false;
	for (size_t i = 0; i < countof(dirs) && all; i++) {
		node_id dir = rootfs_find(w->r, str_of(dirs[i]), true);
		if (dir && rootfs_type(w->r, dir) != TAR_DIR)
			continue;
		for (node_id id = 0; left && (id = rootfs_next_child(w->r, dir, id));)
			dbs_keeps(w, id);
	}
	for (size_t i = 0; i < countof(dirs) && left && left < all && !anew; i++) { /* one is often a link to another */
		node_id dir = rootfs_find(w->r, str_of(dirs[i]), true);
		anew = dir && rootfs_type(w->r, dir) == TAR_DIR && rpm_file(w, dir);
	}
	if (left && left < all && !anew)
		problem_add(&w->x->doubts, "rpm: its database is kept as it is and lists %u packages that are gone", all - left);
}
