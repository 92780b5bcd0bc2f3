/* What is made when a system starts: directories and links of usr/lib/tmpfiles.d (tmpfiles.d(5)), of which a container has no other maker. Programs look for theirs in /run. */
#include "compose/deb822.h"
#include "compose/effect.h"

static void directory(struct composition *c, const char *path, struct str mode, struct str user, struct str group)
{
	struct ctree *t = &c->tree;
	u32 bits = 0755, uid = 0, gid = 0;
	while (mode.n && (mode.p[0] == '~' || mode.p[0] == ':'))
		mode = str_from(mode, 1);
	if (mode.n && !str_is(mode, "-") && !effect_mode(arena_strdup(&c->arena, mode), &bits))
		return;
	if ((user.n && !str_is(user, "-") && !effect_id(c, "etc/passwd", user, &uid, NULL)) || (group.n && !str_is(group, "-") && !effect_id(c, "etc/group", group, &gid, NULL)))
		return;
	ctree_make_dir(t, path, bits, uid, gid);
	u32 id = ctree_find(t, str_of(path));
	if (t->v[id].type == TAR_DIR) {
		t->v[id].mode = bits;
		t->v[id].uid = uid;
		t->v[id].gid = gid;
	}
}

/* "d /run/x 0755 user group -", "L+ /run/x - - - - target": what has a specifier ("%") is not known here. */
static void one_line(void *ctx, struct str line)
{
	struct composition *c = ctx;
	struct str v[7] = { 0 };
	for (u32 i = 0; i < countof(v) && deb822_word(&line, &v[i]); i++)
		if (str_chr(v[i], '%'))
			return;
	const char *path = v[1].n ? effect_path(c, arena_strdup(&c->arena, v[1])) : NULL;
	if (!path)
		return;
	if (v[0].p[0] == 'd' || v[0].p[0] == 'D')
		directory(c, path, v[2], v[3], v[4]);
	else if (v[0].p[0] == 'L' && v[6].n)
		ctree_make_link(&c->tree, path, arena_strdup(&c->arena, v[6]));
}

int effect_tmpfiles(struct composition *c, struct error *err) { return effect_lines(c, STR("usr/lib/tmpfiles.d/"), one_line, c, err); }
