#include "package/release.h"
#include "base/json.h"
#include "package/note.h"

static const struct {
	const char *path;
	const char *id; /* of whom it is when its text doesn't tell; NULL: its text must */
} files[] = {
	{ "etc/redhat-release", NULL }, { "etc/centos-release", NULL }, { "etc/oracle-release", "ol" }, { "etc/almalinux-release", "almalinux" }, { "etc/rocky-release", "rocky" }, { "etc/fedora-release", NULL },
	{ "etc/system-release", NULL }, { "etc/photon-release", "photon" }, { "etc/alpine-release", "alpine" }, { "etc/debian_version", "debian" },
};
#define REPOSITORIES "etc/apk/repositories"
#define MANIFESTS "root/buildinfo/content_manifests"
#define MANIFESTS_NEW "usr/share/buildinfo"

bool release_wants(struct str dir, struct str name)
{
	if (str_is(dir, "etc/apk"))
		return str_is(name, "repositories");
	if (str_is(dir, MANIFESTS) || str_is(dir, MANIFESTS_NEW))
		return str_ends(name, STR(".json"));
	if (!str_is(dir, "etc"))
		return false;
	for (size_t i = 0; i < countof(files); i++)
		if (str_is(name, files[i].path + 4))
			return true;
	return false;
}

static struct str content(const struct rootfs *r, const char *path)
{
	node_id id = rootfs_find(r, str_of(path), true);
	return id && rootfs_type(r, id) == TAR_FILE ? packages_note(r, id, COLLECT_OSRELEASE) : str_n(NULL, 0);
}

/* "CentOS Linux release 7.9.2009 (Core)", "VMware Photon Linux 3.0", "3.19.1", "12.5": the first word that begins with a digit. */
static struct str number_of(struct str line)
{
	while (line.p) {
		struct str word = str_cut(&line, ' ');
		if (word.n && word.p[0] >= '0' && word.p[0] <= '9')
			return word;
	}
	return str_n(NULL, 0);
}

static const char *owner_of(struct str line)
{
	static const struct {
		struct str words;
		const char *id;
	} owners[] = {
		{ { "Red Hat", 7 }, "rhel" }, { { "CentOS", 6 }, "centos" }, { { "Fedora", 6 }, "fedora" }, { { "Oracle", 6 }, "ol" }, { { "AlmaLinux", 9 }, "almalinux" }, { { "Rocky", 5 }, "rocky" },
		{ { "Amazon Linux", 12 }, "amzn" }, { { "Scientific", 10 }, "scientific" }, { { "VMware Photon", 13 }, "photon" },
	};
	for (size_t i = 0; i < countof(owners); i++)
		if (str_starts(line, owners[i].words))
			return owners[i].id;
	return NULL;
}

static void release_file(const struct rootfs *r, struct packages *p)
{
	for (size_t i = 0; i < countof(files); i++) {
		struct str rest = content(r, files[i].path), line = str_trim(str_cut(&rest, '\n')), v = number_of(line);
		if (!line.n)
			continue;
		const char *id = owner_of(line);
		id = id ? id : files[i].id;
		if (id && !*p->os_id)
			p->os_id = id;
		bool same = id && strcmp(id, p->os_id) == 0;
		if (same && v.n && v.n < 32 && (!*p->os_version || strcmp(id, "rhel") == 0 || strcmp(id, "centos") == 0))
			p->os_version = arena_strdup(&p->arena, v);
		if (same && !*p->os_pretty)
			p->os_pretty = arena_strdup(&p->arena, str_head(line, 200));
		if (same)
			return;
	}
}

static struct str branch_of(struct str line)
{
	while (line.p) {
		struct str part = str_cut(&line, '/');
		if (str_is(part, "edge") || str_is(part, "latest-stable"))
			return part;
		if (part.n > 2 && part.n < 16 && part.p[0] == 'v' && part.p[1] >= '0' && part.p[1] <= '9')
			return str_from(part, 1);
	}
	return str_n(NULL, 0);
}

static u64 branch_rank(struct str b)
{
	u64 major = 0, minor = 0;
	struct str rest = b, head = str_cut(&rest, '.');
	if (str_is(b, "edge"))
		return UINT64_MAX;
	return str_to_u64(head, &major) && rest.p && str_to_u64(rest, &minor) && major < 10000 && minor < 10000 ? major * 10000 + minor : 0;
}

/* /etc/apk/repositories: "https://dl-cdn.alpinelinux.org/alpine/v3.19/main", "@testing https://…/edge/testing": what has a tag is asked for by it alone. The newest counts. */
static void repositories(const struct rootfs *r, struct packages *p)
{
	struct str rest = content(r, REPOSITORIES), best = { 0 };
	while (rest.p) {
		struct str line = str_trim(str_cut(&rest, '\n')), b;
		if (!line.n || line.p[0] == '#' || line.p[0] == '@')
			continue;
		b = branch_of(line);
		if (b.p && branch_rank(b) > branch_rank(best))
			best = b;
	}
	if (best.p)
		p->os_branch = arena_strdup(&p->arena, best);
}

static void content_sets(const struct rootfs *r, struct packages *p)
{
	static const char *const places[] = { MANIFESTS, MANIFESTS_NEW };
	struct buf sets = BUF(64 * KiB);
	for (size_t i = 0; i < countof(places); i++) {
		node_id dir = rootfs_find(r, str_of(places[i]), true);
		autofree node_id *ids = NULL;
		u32 n = dir && rootfs_type(r, dir) == TAR_DIR ? rootfs_children(r, dir, &ids) : 0;
		for (u32 k = 0; k < n && k < 64; k++) {
			struct str text = packages_note(r, ids[k], COLLECT_OSRELEASE);
			autojson json_t *doc = text.p ? json_read(text, "content manifest", NULL) : NULL;
			const json_t *list = doc ? json_arr(doc, "content_sets") : NULL;
			for (size_t j = 0; list && j < json_array_size(list) && j < 1000; j++) {
				const char *z = json_string_value(json_array_get(list, j));
				if (z && !strchr(z, ' '))
					buf_printf(&sets, "%s%s", sets.n ? " " : "", z);
			}
		}
	}
	if (sets.n)
		p->os_content_sets = arena_strdup(&p->arena, buf_str(&sets));
	buf_free(&sets);
}

void release_read(const struct rootfs *r, struct packages *p)
{
	release_file(r, p);
	repositories(r, p);
	content_sets(r, p);
}
