/* copy_mode.c — --chmod and --chown. */
#include "build/copy_inner.h"
#include "run/user.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define ACCOUNTS_MAX ((size_t)(16 * MiB))

static bool octal(struct str s, u32 *ret)
{
	u32 v = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '7' || v > 07777)
			return false;
		v = v * 8 + (u32)(s.p[i] - '0');
	}
	*ret = v;
	return s.n && v <= 07777;
}

/* One clause, [ugoa]*([-+=][rwxXst]*|[-+=][ugo])+; applied to *mode when that is given. */
static bool clause(struct str s, u32 *mode, bool directory)
{
	u32 who = 0;
	size_t i = 0;
	for (; i < s.n && strchr("ugoa", s.p[i]); i++)
		who |= s.p[i] == 'u' ? 04700u : s.p[i] == 'g' ? 02070u : s.p[i] == 'o' ? 01007u : 07777u;
	who = who ? who : 07777u;
	if (i == s.n)
		return false;
	while (i < s.n) {
		char op = s.p[i++];
		u32 bits = 0, was = mode ? *mode : 0;
		if (!strchr("+-=", op))
			return false;
		if (i < s.n && strchr("ugo", s.p[i])) {
			u32 three = s.p[i] == 'u' ? was >> 6 & 7 : s.p[i] == 'g' ? was >> 3 & 7 : was & 7;
			bits = three << 6 | three << 3 | three;
			i++;
		} else {
			for (; i < s.n && strchr("rwxXst", s.p[i]); i++)
				bits |= s.p[i] == 'r' ? 0444u : s.p[i] == 'w' ? 0222u : s.p[i] == 'x' ? 0111u : s.p[i] == 's' ? 06000u : s.p[i] == 't' ? 01000u : directory || (was & 0111) ? 0111u : 0u;
		}
		if (i < s.n && !strchr("+-=", s.p[i]))
			return false;
		bits &= who;
		if (mode)
			*mode = op == '+' ? was | bits : op == '-' ? was & ~bits : (was & ~(who & (directory ? 01777u : 07777u))) | bits;
	}
	return true;
}

int copy_mode_parse(struct str text, struct copy_mode *ret, struct error *err)
{
	struct copy_mode m = { .set = text.p != NULL, .text = text };
	u32 n = 0;
	if (!m.set) {
		*ret = m;
		return 0;
	}
	bool good = text.n > 0;
	m.octal = octal(text, &m.mode);
	for (struct str rest = text; !m.octal && good && rest.p;)
		good = ++n <= MODE_CLAUSES && clause(str_cut(&rest, ','), NULL, false);
	if (!good)
		return error_set(err, ERR_USAGE, "--chmod=%.*s: neither an octal number up to 7777 nor what chmod(1) understands", STR_FMT(text));
	*ret = m;
	return 0;
}

u32 copy_mode_of(const struct copy_mode *m, u32 mode, bool directory)
{
	mode &= 07777u;
	if (!m->set)
		return mode;
	if (m->octal)
		return m->mode;
	for (struct str rest = m->text; rest.p;)
		if (!clause(str_cut(&rest, ','), &mode, directory))
			break;
	return mode;
}

static bool number(struct str s, u32 *ret)
{
	u64 v;
	if (str_is(s, "root")) {
		*ret = 0;
		return true;
	}
	if (!str_to_u64(s, &v) || v > INT32_MAX)
		return false;
	*ret = (u32)v;
	return true;
}

/* A file of accounts; one that is not there is empty. */
static int accounts(int root, const char *path, struct buf *out, struct error *err)
{
	struct stat st;
	autofd int fd = root_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return file_read_fd(fd, ACCOUNTS_MAX, path, out, err);
}

/* BuildKit's way: a number is user and group, a name is what its row says, one that has none is root's; a group that has none leaves what the user is. */
int copy_owner_find(struct str text, int root, bool nobody, struct copy_owner *ret, struct error *err)
{
	struct copy_owner o = { .set = text.p != NULL && text.n };
	struct str group = text, user = str_cut(&group, ':');
	struct buf passwd = BUF(ACCOUNTS_MAX), groups = BUF(ACCOUNTS_MAX), ask = BUF(0);
	struct user u;
	struct error none = { 0 };
	int r = 0;
	bool lacks = false, named = o.set && !number(user, &o.uid), group_named = o.set && group.p && !number(group, &o.gid);
	if (!named && !(group.p && !group_named))
		o.gid = o.uid;
	if (named || group_named)
		r = accounts(root, "etc/passwd", &passwd, err) < 0 || accounts(root, "etc/group", &groups, err) < 0 ? -1 : 0;
	if (r == 0 && named) {
		buf_printf(&ask, "%.*s", STR_FMT(user));
		bool there = user.n && user_find(buf_str(&passwd), buf_str(&groups), ask.p, &u, &none) == 0;
		o.uid = there ? u.uid : 0;
		o.gid = group.p && !group_named ? o.gid : there ? u.gid : 0;
		lacks = !there && nobody;
	}
	if (r == 0 && group_named) {
		buf_clear(&ask);
		buf_printf(&ask, "0:%.*s", STR_FMT(group));
		bool there = group.n && user_find(buf_str(&passwd), buf_str(&groups), ask.p, &u, &none) == 0;
		o.gid = there ? u.gid : o.gid;
		lacks |= !there && nobody;
	}
	if (lacks)
		r = error_set(err, ERR_INPUT, "--chown=%.*s: %s", STR_FMT(text), none.kind ? none.text : "nobody has that name in an empty tree");
	buf_free(&passwd);
	buf_free(&groups);
	buf_free(&ask);
	if (r == 0)
		*ret = o;
	return r;
}
