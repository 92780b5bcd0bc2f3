#include "package/osrelease.h"
#include "package/note.h"
#include "package/release.h"

/* Also where distributions keep the file that /etc/os-release is a link to. */
static bool wants(struct str dir, struct str name)
{
	return (str_starts(name, STR("os-release")) && (str_is(dir, "etc") || str_is(dir, "usr/lib") || str_is(dir, "usr/lib/os.release.d") || str_is(dir, "usr/share"))) || release_wants(dir, name);
}

const struct collector osrelease_collector = { .id = COLLECT_OSRELEASE, .version = 2, .name = "os-release", .limit = MiB, .wants = wants };

/* A value as a shell would read it: in double quotes a backslash takes the next byte as it is before $ ` " and itself,
 * in single quotes nothing is special, bare it ends at a blank. */
static const char *value(struct arena *a, struct str s)
{
	struct buf out = BUF(4096);
	char quote = 0;
	s = str_trim(s);
	for (size_t i = 0; i < s.n && s.p[i]; i++) {
		char c = s.p[i];
		if (c == '\\' && quote != '\'' && i + 1 < s.n && (!quote || memchr("$`\"\\", s.p[i + 1], 4)))
			buf_putc(&out, s.p[++i]);
		else if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else if (!quote && (c == ' ' || c == '\t'))
			break;
		else
			buf_putc(&out, c);
	}
	const char *z = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return z;
}

void osrelease_read(const struct rootfs *r, struct packages *p)
{
	static const char *const places[] = { "etc/os-release", "usr/lib/os-release" };
	node_id id = 0;
	for (size_t i = 0; i < countof(places) && !id; i++) {
		id = rootfs_find(r, str_of(places[i]), true);
		if (id && rootfs_type(r, id) != TAR_FILE)
			id = 0;
	}
	if (!id)
		return;
	struct str text = packages_note(r, id, COLLECT_OSRELEASE);
	if (!text.p) {
		if (rootfs_size(r, id))
			packages_problem(p, r, id, STR("its content was not taken"));
		return;
	}
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.n == 0 || line.p[0] == '#')
			continue;
		struct str key = str_cut(&line, '=');
		if (!line.p)
			continue;
		if (str_is(key, "ID"))
			p->os_id = value(&p->arena, line);
		else if (str_is(key, "VERSION_ID"))
			p->os_version = value(&p->arena, line);
		else if (str_is(key, "PRETTY_NAME"))
			p->os_pretty = value(&p->arena, line);
		else if (str_is(key, "VERSION_CODENAME"))
			p->os_codename = value(&p->arena, line);
	}
}
