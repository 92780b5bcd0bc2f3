#include "slim/protect.h"
#include "base/json.h"
#include "slim/litter.h"
#include "store/load.h"

#define WORDS_MAX 100000u /* of all scripts together */

struct reader {
	struct protect *p;
	const struct image *img;
	const struct rootfs *r;
	u8 *guard;
	struct problems *problems;
	struct str workdir;
	node_id scripts[LITTER_SCRIPTS];
	u32 n_scripts;
	struct buf path;
};

/* Whether a directory is one where litter lies and so its whole content may be meant. Naming /root or /usr says nothing about a cache in it. */
static bool inside_litter(struct str path)
{
	static const char *const below[] = { "/tmp/", "/var/tmp/", "/var/cache/", "/var/log/" };
	for (size_t i = 0; i < countof(below); i++)
		if (str_starts(path, str_of(below[i])))
			return true;
	return str_contains(path, STR("/.cache/")) || str_contains(path, STR("/.npm/")) || str_contains(path, STR("/.cargo/"));
}

static void mark(struct reader *rd, node_id id, u8 why)
{
	if (!id || id == ROOTFS_ROOT)
		return;
	bool dir = rootfs_type(rd->r, id) == TAR_DIR;
	if ((!dir || inside_litter(rootfs_path(rd->r, id, &rd->path))) && !rd->guard[id])
		rd->guard[id] = why;
}

/* A path as the program would take it: absolute, or below the working directory. Both the name and what it leads to. */
static node_id mark_path(struct reader *rd, struct str path, u8 why)
{
	if (path.n == 0 || path.n > TAR_PATH_MAX)
		return 0;
	struct buf full = BUF(0);
	if (path.p[0] != '/') {
		buf_add(&full, rd->workdir);
		buf_putc(&full, '/');
	}
	buf_add(&full, path);
	node_id name = rootfs_find(rd->r, buf_str(&full), false), to = rootfs_find(rd->r, buf_str(&full), true);
	mark(rd, name, why);
	mark(rd, to, why);
	buf_free(&full);
	return to;
}

static void add_word(struct protect *p, struct str w)
{
	const char *slash = w.n ? memrchr(w.p, '/', w.n) : NULL;
	struct str last = slash ? str_from(w, (size_t)(slash - w.p) + 1) : w;
	if (last.n && last.n < 256 && p->n < WORDS_MAX)
		VEC_PUSH(p->words, p->n, p->cap, arena_bytes(&p->arena, last));
}

static void add_script(struct reader *rd, node_id id)
{
	if (!id || rootfs_type(rd->r, id) != TAR_FILE || rd->n_scripts == LITTER_SCRIPTS)
		return;
	for (u32 i = 0; i < rd->n_scripts; i++)
		if (rd->scripts[i] == id)
			return;
	rd->scripts[rd->n_scripts++] = id;
}

/* The program a bare word starts: the first in PATH. */
static node_id in_path(struct reader *rd, struct str word)
{
	struct str path = STR("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	for (const char **e = rd->img->config.env; *e; e++)
		if (strncmp(*e, "PATH=", 5) == 0)
			path = str_of(*e + 5);
	while (path.p) {
		struct str dir = str_cut(&path, ':');
		struct buf full = BUF(0);
		buf_add(&full, dir);
		buf_putc(&full, '/');
		buf_add(&full, word);
		node_id id = dir.n ? rootfs_find(rd->r, buf_str(&full), true) : 0;
		buf_free(&full);
		if (id)
			return id;
	}
	return 0;
}

static bool breaks(char c) { return strchr(" \t\r\n\"'`;&|()<>{}[]=:,", c) != NULL; }

/* Every stretch of `text` between blanks, quotes and operators. */
static void words(struct reader *rd, struct str text, u8 why, bool start)
{
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		while (i < text.n && text.p[i] && !breaks(text.p[i]))
			i++;
		struct str w = str_n(text.p + from, i - from);
		i++;
		if (w.n == 0)
			continue;
		if (why != WHY_ENV)
			add_word(rd->p, w);
		if (w.p[0] != '/' && !start)
			continue; /* in a script only whole paths are sure to be paths */
		node_id to = mark_path(rd, w, why);
		if (start)
			add_script(rd, to ? to : memchr(w.p, '/', w.n) ? 0 : in_path(rd, w));
	}
}

static void list(struct reader *rd, const char **v)
{
	for (; *v; v++) {
		mark_path(rd, str_of(*v), WHY_START); /* whole first: a name may hold blanks */
		words(rd, str_of(*v), WHY_START, true);
	}
}

static void healthcheck(struct reader *rd)
{
	const json_t *test = json_arr(json_obj(json_obj(rd->img->config_doc, "config"), "Healthcheck"), "Test");
	for (size_t i = 0; i < json_array_size(test); i++) {
		const json_t *w = json_array_get(test, i);
		if (json_is_string(w))
			words(rd, str_n(json_string_value(w), json_string_length(w)), WHY_START, true);
	}
}

static void environment(struct reader *rd)
{
	for (const char **e = rd->img->config.env; *e; e++) {
		struct str value = str_of(*e), name = str_cut(&value, '=');
		if (!value.p)
			continue;
		words(rd, value, WHY_ENV, false);
		bool searched = str_is(name, "PATH") || str_is(name, "LD_LIBRARY_PATH");
		while (searched && value.p) {
			struct str dir = str_cut(&value, ':');
			node_id id = dir.n && dir.p[0] == '/' ? rootfs_find(rd->r, dir, true) : 0;
			if (id && id != ROOTFS_ROOT && !rd->guard[id] && !str_is(rootfs_path(rd->r, id, &rd->path), "/tmp"))
				rd->guard[id] = WHY_PATH;
		}
	}
}

static void script(struct reader *rd, node_id id)
{
	const struct inode *in = rootfs_inode(rd->r, rootfs_node(rd->r, id)->inode);
	struct error err = { 0 };
	struct stream *s;
	struct buf text = BUF(0);
	if (rootfs_size(rd->r, id) == 0 || rootfs_size(rd->r, id) > LITTER_SCRIPT_MAX || rootfs_entry(rd->r, id)->flags & FACT_BINARY)
		return; /* a program */
	if (image_open_file(rd->img, in->layer, in->entry, &s, &err) < 0) {
		problem_add(rd->problems, "%s: %s", rootfs_path(rd->r, id, &rd->path).p, err.text);
		return;
	}
	for (struct str view = STR("x"); view.n && text.n <= LITTER_SCRIPT_MAX;) {
		if (stream_next(s, &view, &err) < 0) {
			problem_add(rd->problems, "%s: %s", rootfs_path(rd->r, id, &rd->path).p, err.text);
			break;
		}
		buf_add(&text, view);
	}
	stream_close(s);
	if (text.n && !memchr(text.p, '\0', MIN(text.n, FACT_TEXT_LOOK)))
		words(rd, buf_str(&text), WHY_SCRIPT, false);
	buf_free(&text);
}

void protect_read(struct protect *p, const struct image *img, const struct rootfs *r, u8 *guard, struct problems *problems)
{
	*p = (struct protect){ 0 };
	struct reader rd = { .p = p, .img = img, .r = r, .guard = guard, .problems = problems };
	const struct config *c = &img->config;
	rd.workdir = str_of(c->workdir && *c->workdir ? c->workdir : "/");
	list(&rd, c->entrypoint ? c->entrypoint : (const char *[]){ NULL });
	list(&rd, c->cmd ? c->cmd : (const char *[]){ NULL });
	healthcheck(&rd);
	if (c->env)
		environment(&rd);
	node_id work = rootfs_find(r, rd.workdir, true);
	struct str at = work && work != ROOTFS_ROOT ? rootfs_path(r, work, &rd.path) : STR("");
	if (inside_litter(at) || str_is(at, "/tmp") || str_is(at, "/var/tmp") || str_is(at, "/var/log"))
		guard[work] = WHY_WORKDIR;
	for (const char **v = c->volumes; v && *v; v++) {
		node_id id = rootfs_find(r, str_of(*v), true);
		if (id && id != ROOTFS_ROOT)
			guard[id] = WHY_VOLUME;
	}
	for (u32 i = 0; i < rd.n_scripts; i++)
		script(&rd, rd.scripts[i]);
	buf_free(&rd.path);
}

bool protect_calls(const struct protect *p, const char *tools)
{
	for (u32 i = 0; i < p->n; i++)
		if (str_among(str_of(p->words[i]), tools))
			return true;
	return false;
}

void protect_free(struct protect *p)
{
	arena_free(&p->arena);
	free(p->words);
	*p = (struct protect){ 0 };
}
