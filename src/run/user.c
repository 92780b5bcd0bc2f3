/* user.c — as who a program runs. */
#include "run/user.h"

static u32 fields(struct str line, struct str f[8]) /* those that are not there: empty */
{
	u32 n = 0;
	for (u32 i = 0; i < 8; i++)
		f[i] = str_n(NULL, 0);
	while (line.p && n < 8)
		f[n++] = str_cut(&line, ':');
	return n;
}

static bool to_id(struct str s, u32 *ret)
{
	u64 v;
	if (!str_to_u64(s, &v) || v >= UINT32_MAX)
		return false;
	*ret = (u32)v;
	return true;
}

static bool find_user(struct str table, struct str who, struct user *u, struct str *name)
{
	for (struct str rest = table; rest.p;) {
		struct str f[8];
		if (fields(str_cut(&rest, '\n'), f) < 6 || !(str_eq(f[0], who) || str_eq(f[2], who)) || !to_id(f[2], &u->uid) || !to_id(f[3], &u->gid))
			continue;
		snprintf(u->home, sizeof u->home, "%.*s", STR_FMT(f[5]));
		*name = f[0];
		return true;
	}
	return false;
}

int user_find(struct str passwd, struct str group, const char *text, struct user *u, struct error *err)
{
	struct str rest = str_of(text), who = str_cut(&rest, ':'), name = { "", 0 };
	*u = (struct user){ .home = "/" };
	if (!find_user(passwd, who.n ? who : STR("0"), u, &name) && who.n && !to_id(who, &u->uid))
		return error_set(err, ERR_INPUT, "user %.*s: the image has no such user", STR_FMT(who));
	bool found = !rest.n;
	for (struct str lines = group; lines.p;) {
		struct str f[8];
		u32 gid;
		if (fields(str_cut(&lines, '\n'), f) < 3 || !to_id(f[2], &gid))
			continue;
		if (!found && (str_eq(f[0], rest) || str_eq(f[2], rest))) {
			u->gid = gid;
			found = true;
		}
		for (struct str in = f[3]; !rest.n && name.n && in.p;)
			if (str_eq(str_cut(&in, ','), name)) {
				if (u->n_more < countof(u->more))
					u->more[u->n_more++] = gid;
				break;
			}
	}
	if (!found && !to_id(rest, &u->gid))
		return error_set(err, ERR_INPUT, "group %.*s: the image has no such group", STR_FMT(rest));
	return 0;
}
