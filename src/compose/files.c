/* Directories, files, owners, modes and links that scripts make of words that are known: mkdir, install, touch, cp, ucf, chown, chgrp, chmod, ln -s, dpkg-statoverride. Whatever else they do to files is
 * told (notes.c). */
#include "compose/effect.h"
#include "compose/script.h"

/* An ID by its number, or of a line "NAME:x:ID:…" of an account file. */
bool effect_id(struct composition *c, const char *file, struct str name, u32 *ret, u32 *second)
{
	struct buf b = BUF(COMPOSE_MADE_MAX);
	bool found = false;
	u64 v, w;
	if (str_to_u64(name, &v) && v < UINT32_MAX) {
		*ret = (u32)v;
		return true;
	}
	if (ctree_read(&c->tree, str_of(file), COMPOSE_MADE_MAX, &b, &(struct error){ 0 }) == 0)
		for (struct str rest = buf_str(&b); rest.p && !found;) {
			struct str line = str_cut(&rest, '\n');
			if (!str_eq(str_cut(&line, ':'), name) || !line.p)
				continue;
			str_cut(&line, ':');
			found = line.p && str_to_u64(str_cut(&line, ':'), &v);
			if (found)
				*ret = (u32)v;
			if (found && second && line.p && str_to_u64(str_cut(&line, ':'), &w))
				*second = (u32)w;
		}
	buf_free(&b);
	return found;
}

/* Where something persistent is: what is mounted when a container starts is nobody's. */
const char *effect_path(struct composition *c, const char *z)
{
	static const char *const elsewhere[] = { "proc/", "sys/", "dev/", "tmp/" };
	const char *path = z && !strpbrk(z, "*?[") ? ctree_path(&c->arena, z) : NULL;
	for (u32 i = 0; path && i < countof(elsewhere); i++)
		if (str_starts(str_of(path), str_of(elsewhere[i])))
			return NULL;
	return path;
}

bool effect_mode(const char *s, u32 *mode)
{
	u32 v = 0;
	if (!s || !*s || strlen(s) > 5 || strspn(s, "01234567") != strlen(s))
		return false;
	for (; *s; s++)
		v = v * 8 + (u32)(*s - '0');
	*mode = v & 07777;
	return true;
}

#define LOOKED_MAX 50000000u
struct change {
	u32 mode, uid, gid;
	bool set_mode, set_uid, set_gid, recursive;
};

static void change_one(struct composition *c, u32 id, const struct change *h)
{
	struct ctree_entry *e = &c->tree.v[id];
	if (e->type == TAR_HARDLINK) /* what a file is called does not matter */
		e = &c->tree.v[ctree_find(&c->tree, e->link)];
	if (h->set_mode && e->type != TAR_SYMLINK)
		e->mode = h->mode;
	if (h->set_uid)
		e->uid = h->uid;
	if (h->set_gid)
		e->gid = h->gid;
}

/* Owner and mode of a path that is there, and all below it; what is not there is no matter, as it is made later. False: too much was asked for. */
static bool change(struct composition *c, const char *path, const struct change *h)
{
	u32 id = ctree_find(&c->tree, str_of(path));
	if (id)
		change_one(c, id, h);
	size_t n = strlen(path);
	c->looked += id && h->recursive ? c->tree.n : 0;
	if (c->looked > LOOKED_MAX)
		return false;
	for (u32 i = 1; id && h->recursive && i < c->tree.n; i++) {
		const struct ctree_entry *e = &c->tree.v[i];
		if (!e->gone && e->path.n > n && e->path.p[n] == '/' && memcmp(e->path.p, path, n) == 0)
			change_one(c, i, h);
	}
	return true;
}

/* "user:group", "user:", "user.group", ":group". */
static bool owner(struct composition *c, const char *word, struct change *h)
{
	struct str group = str_of(word), user = str_cut(&group, ':');
	u32 own = 0;
	if (!group.p && !effect_id(c, "etc/passwd", user, &own, NULL)) { /* as it was written once */
		group = str_of(word);
		user = str_cut(&group, '.');
	}
	if (user.n) {
		h->set_uid = true;
		if (!effect_id(c, "etc/passwd", user, &h->uid, &own))
			return false;
		if (group.p && !group.n) {
			h->set_gid = true;
			h->gid = own;
		}
	}
	if (group.n) {
		h->set_gid = true;
		return effect_id(c, "etc/group", group, &h->gid, NULL);
	}
	return true;
}

struct words {
	const char *v[SCRIPT_WORDS]; /* operands */
	u32 n;
};

/* Options of one letter with and without values, and operands; false: one that is not understood. */
static bool options(const struct script_command *s, const char *flags, const char *valued, const char *values[128], bool given[128], struct words *w)
{
	*w = (struct words){ 0 };
	for (u32 i = 1; i < s->n; i++) {
		const char *word = s->v[i];
		if (!word)
			return false;
		if (word[0] != '-' || !word[1]) {
			w->v[w->n++] = word;
			continue;
		}
		if (word[1] == '-' && word[2]) {
			static const struct { const char *name; char letter; } longs[] = { { "--recursive", 'R' }, { "--parents", 'p' }, { "--mode", 'm' }, { "--owner", 'o' }, { "--group", 'g' }, { "--directory", 'd' }, { "--symbolic", 's' }, { "--force", 'f' }, { "--quiet", 'q' }, { "--silent", 'f' }, { "--no-dereference", 'h' } };
			u32 k = 0;
			size_t n = 0;
			while (k < countof(longs) && !(n = strlen(longs[k].name), strncmp(word, longs[k].name, n) == 0 && (!word[n] || word[n] == '=')))
				k++;
			if (k == countof(longs) || (!strchr(flags, longs[k].letter) && !strchr(valued, longs[k].letter)))
				return false;
			given[(u8)longs[k].letter] = true;
			if (strchr(valued, longs[k].letter))
				values[(u8)longs[k].letter] = word[n] == '=' ? word + n + 1 : i + 1 < s->n ? s->v[++i] : NULL;
			continue;
		}
		for (const char *p = word + 1; *p; p++) {
			if ((u8)*p >= 128)
				return false;
			given[(u8)*p] = true;
			if (strchr(valued, *p)) {
				values[(u8)*p] = p[1] ? p + 1 : i + 1 < s->n ? s->v[++i] : NULL;
				break;
			}
			if (!strchr(flags, *p))
				return false;
		}
	}
	return true;
}

static bool directories(struct composition *c, const struct words *w, const struct change *h, bool parents_only)
{
	for (u32 i = 0; i < w->n; i++) {
		const char *path = effect_path(c, w->v[i]);
		if (!path)
			return false;
		u32 id = ctree_find(&c->tree, str_of(path));
		if (!id)
			ctree_make_dir(&c->tree, path, 0755, 0, 0);
		if ((!id || !parents_only) && !change(c, path, h))
			return false;
	}
	return w->n > 0;
}

static bool do_mkdir(struct composition *c, const struct script_command *s)
{
	const char *values[128] = { 0 };
	bool given[128] = { 0 };
	struct words w;
	struct change h = { 0 };
	if (!options(s, "pvZ", "m", values, given, &w) || (given['m'] && !effect_mode(values['m'], &h.mode)))
		return false;
	h.set_mode = given['m'];
	return directories(c, &w, &h, true);
}

static bool do_touch(struct composition *c, const struct script_command *s)
{
	const char *values[128] = { 0 };
	bool given[128] = { 0 };
	struct words w;
	bool understood = options(s, "acm", "", values, given, &w);
	for (u32 i = 0; understood && i < w.n; i++) {
		const char *path = effect_path(c, w.v[i]);
		understood = path && ctree_make_file(&c->tree, path, 0644, STR(""), &(struct error){ 0 }) == 0;
	}
	return understood;
}

/* A path; where that is a directory, what is in it of the name that `what` has. NULL: it has none. */
static const char *into(struct composition *c, const char *path, const char *what)
{
	struct str name = str_of(what);
	u32 at = ctree_find(&c->tree, str_of(path));
	if (!at || c->tree.v[at].type != TAR_DIR)
		return path;
	while (name.n && name.p[name.n - 1] == '/')
		name.n--;
	name = str_base(name);
	return name.n && !str_is(name, ".") && !str_is(name, "..") ? arena_printf(&c->arena, "%s/%.*s", path, STR_FMT(name)) : NULL;
}

/* One file to another place, where nothing is yet. */
static bool copy(struct composition *c, const char *from, const char *to)
{
	u32 of = from && to ? ctree_follow(&c->tree, str_of(from)) : 0;
	if (from && to && !of) /* a file that no package has: the command is for another case, as its script would fail */
		return compose_keeps(c->recipe, str_of(from), TAR_FILE);
	if (!of || c->tree.v[of].type != TAR_FILE)
		return false;
	ctree_make_copy(&c->tree, into(c, to, from), c->tree.v[of].mode & 0755, of);
	return true;
}

static bool do_install(struct composition *c, const struct script_command *s)
{
	const char *values[128] = { 0 };
	bool given[128] = { 0 };
	struct words w;
	struct change h = { .mode = 0755, .set_mode = true };
	if (!options(s, "dDvZpT", "mog", values, given, &w) || (given['m'] && !effect_mode(values['m'], &h.mode)))
		return false;
	if (given['o'] && (!values['o'] || !(h.set_uid = effect_id(c, "etc/passwd", str_of(values['o']), &h.uid, NULL))))
		return false;
	if (given['g'] && (!values['g'] || !(h.set_gid = effect_id(c, "etc/group", str_of(values['g']), &h.gid, NULL))))
		return false;
	if (given['d'])
		return directories(c, &w, &h, false);
	const char *to = w.n == 2 ? effect_path(c, w.v[1]) : NULL;
	to = to ? into(c, to, w.v[0]) : NULL;
	if (!to)
		return false;
	if (ctree_find(&c->tree, str_of(to)))
		return true;
	bool made = strcmp(w.v[0], "/dev/null") == 0 ? ctree_make_file(&c->tree, to, 0644, STR(""), &(struct error){ 0 }) == 0 : copy(c, effect_path(c, w.v[0]), to);
	return made && change(c, to, &h);
}

static bool do_copy(struct composition *c, const struct script_command *s)
{
	const char *values[128] = { 0 };
	bool given[128] = { 0 };
	struct words w;
	return options(s, "afnpuvLP", "", values, given, &w) && w.n == 2 && copy(c, effect_path(c, w.v[0]), effect_path(c, w.v[1]));
}

/* ucf(1): a file of /etc that is no conffile, from where its package has it; that it was asked for is remembered by nobody. */
static bool do_ucf(struct composition *c, const struct script_command *s)
{
	const char *v[2] = { 0 };
	u32 n = 0;
	for (u32 i = 1; i < s->n; i++) {
		const char *w = s->v[i];
		if (w && (strcmp(w, "--purge") == 0 || strcmp(w, "-p") == 0))
			return true;
		if (w && w[0] == '-')
			i += str_among(str_of(w), "--debconf-template --src-dir --sum-file --conf-file -s -S -D") ? 1 : 0;
		else if (!w || n == 2)
			return false;
		else
			v[n++] = w;
	}
	return n == 2 && copy(c, effect_path(c, v[0]), effect_path(c, v[1]));
}

static bool do_change(struct composition *c, const struct script_command *s)
{
	const char *values[128] = { 0 };
	bool given[128] = { 0 };
	struct words w;
	struct change h = { 0 };
	bool understood = options(s, "Rhfvcq", "", values, given, &w) && w.n >= 2;
	if (!understood)
		return false;
	h.recursive = given['R'];
	if (strcmp(s->v[0], "chmod") == 0)
		h.set_mode = understood = effect_mode(w.v[0], &h.mode);
	else if (strcmp(s->v[0], "chgrp") == 0)
		h.set_gid = understood = effect_id(c, "etc/group", str_of(w.v[0]), &h.gid, NULL);
	else
		understood = owner(c, w.v[0], &h);
	for (u32 i = 1; understood && i < w.n; i++) {
		const char *path = effect_path(c, w.v[i]);
		understood = path && change(c, path, &h);
	}
	return understood;
}

static bool do_link(struct composition *c, const struct script_command *s)
{
	const char *values[128] = { 0 };
	bool given[128] = { 0 };
	struct words w;
	if (!options(s, "sfnTvr", "", values, given, &w) || !given['s'] || given['r'] || w.n != 2)
		return false;
	const char *path = effect_path(c, w.v[1]);
	if (!path || w.v[1][strlen(w.v[1]) - 1] == '/' || strlen(w.v[0]) > 2048)
		return false;
	path = into(c, path, w.v[0]);
	if (path)
		ctree_make_link(&c->tree, path, w.v[0]);
	return path;
}

/* --add USER GROUP MODE PATH, with --update; --list only asks. */
static bool do_override(struct composition *c, const struct script_command *s)
{
	const char *v[4] = { 0 };
	bool add = false, update = false;
	u32 n = 0;
	for (u32 i = 1; i < s->n; i++) {
		const char *w = s->v[i];
		if (w && (strcmp(w, "--list") == 0 || strcmp(w, "--remove") == 0))
			return true;
		add |= w && strcmp(w, "--add") == 0;
		update |= w && strcmp(w, "--update") == 0;
		if (!w || w[0] != '-') {
			if (!w || n == 4)
				return false;
			v[n++] = w;
		}
	}
	struct change h = { .set_mode = true, .set_uid = true, .set_gid = true };
	const char *path = n == 4 ? effect_path(c, v[3]) : NULL;
	if (!add || !update || !path || !effect_mode(v[2], &h.mode) || !effect_id(c, "etc/passwd", str_of(v[0]), &h.uid, NULL) || !effect_id(c, "etc/group", str_of(v[1]), &h.gid, NULL))
		return false;
	return change(c, path, &h);
}

bool effect_file_command(struct composition *c, const struct script_command *s, bool *done)
{
	if (!s->v[0])
		return false;
	static const struct { const char *name; bool (*f)(struct composition *c, const struct script_command *s); } does[] = {
		{ "mkdir", do_mkdir }, { "install", do_install }, { "touch", do_touch }, { "cp", do_copy }, { "ucf", do_ucf }, { "chown", do_change }, { "chgrp", do_change }, { "chmod", do_change }, { "ln", do_link },
		{ "dpkg-statoverride", do_override },
	};
	for (u32 i = 0; i < countof(does); i++)
		if (strcmp(s->v[0], does[i].name) == 0) {
			*done = does[i].f(c, s);
			return true;
		}
	return false;
}
