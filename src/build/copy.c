#include "build/copy.h"
#include "build/copy_inner.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void copy_fetched_free(struct copy_fetched *f)
{
	if (!f)
		return;
	if (f->stage.path)
		stage_remove(&f->stage);
	if (f->by_inode.v)
		hashtab_free(&f->by_inode);
	free(f->seen);
	arena_free(&f->a);
	free(f);
}

/* --- the key --- */
struct keying {
	struct copy_fetched *f;
	struct arena *a;
	struct {
		const char *name;
		struct digest digest;
	} *v;
	u32 n, cap;
};

static int see(void *ctx, const struct context_entry *e, struct error *err)
{
	struct keying *k = ctx;
	struct copy_fetched *f = k->f;
	(void)err;
	if (S_ISREG(e->mode)) {
		VEC_PUSH(f->seen, f->n_seen, f->cap_seen, *e);
		f->seen[f->n_seen - 1].digest = NULL;
		f->seen[f->n_seen - 1].path = (struct str){ NULL, 0 };
	}
	if (k->n <= COPY_KEY_FILES) {
		if (k->n == k->cap) {
			k->cap = k->cap ? k->cap * 2 : 64;
			k->v = xrealloc(k->v, (size_t)k->cap * sizeof *k->v);
		}
		k->v[k->n].name = arena_printf(k->a, "%s %.*s", S_ISDIR(e->mode) ? "directory" : "file", STR_FMT(e->path.n ? e->path : STR(".")));
		k->v[k->n].digest = *e->digest;
	}
	k->n++;
	return 0;
}

static struct str text_of(struct arena *a, const struct digest *d) { return str_of(arena_strdup(a, str_of(DIGEST_STR(d)))); }

/* What the context's files are, each by its name when they are not too many. */
static int key_context(const struct copy_spec *c, struct context *context, struct copy_fetched *f, struct cache_key *k, struct error *err)
{
	struct keying q = { .f = f, .a = k->a };
	struct copy_sources all = { 0 };
	struct digest *whole = NULL;
	int r = 0;
	for (u32 i = 0; i < c->n && r == 0; i++)
		if (c->items[i].kind == COPY_FILES)
			r = copy_sources(&f->a, context_root(context), context, c, c->items[i].source, &all, err);
	whole = xcalloc((size_t)all.n + 1, sizeof *whole);
	for (u32 i = 0; i < all.n && r == 0; i++) {
		r = context_digest_picked(context, all.v[i].path, &all.v[i].pick, see, &q, &whole[i], err);
		if (r == 1)
			r = error_set(err, ERR_INPUT, "%.300s: it vanished", all.v[i].path);
	}
	for (u32 i = 0; i < q.n && r == 0 && q.n <= COPY_KEY_FILES; i++)
		cache_key_add(k, q.v[i].name, text_of(k->a, &q.v[i].digest));
	for (u32 i = 0; i < all.n && r == 0 && q.n > COPY_KEY_FILES; i++)
		cache_key_add(k, arena_printf(k->a, "%s %s", S_ISDIR(all.v[i].mode) ? "directory" : "file", *all.v[i].path ? all.v[i].path : "."), text_of(k->a, &whole[i]));
	for (u32 i = 0; i < all.n && r == 0; i++) /* under which name it lands, whatever it is called */
		if (!S_ISDIR(all.v[i].mode) && strcmp(all.v[i].path, all.v[i].name) != 0)
			cache_key_add(k, arena_printf(k->a, "name of %s", all.v[i].path), str_of(arena_strdup(k->a, str_of(all.v[i].name))));
	free(whole);
	free(q.v);
	hashtab_open(&f->by_inode, f->n_seen);
	for (u32 i = 0; i < f->n_seen; i++)
		hashtab_add(&f->by_inode, copy_inode_hash(f->seen[i].dev, f->seen[i].ino), i + 1);
	return r < 0 ? -1 : 0;
}

static void key_flags(const struct copy_spec *c, struct cache_key *k)
{
	bool slash;
	const char *dest = copy_dest(k->a, c, &slash);
	cache_key_add(k, "instruction", c->add ? STR("ADD") : STR("COPY"));
	cache_key_add(k, "destination", str_of(arena_printf(k->a, "%s%s", dest, slash ? "/" : "")));
	for (u32 i = 0; i < c->n; i++)
		if (c->items[i].kind != COPY_GIT) /* whose URL may have credentials in it: it is known by its commit */
			cache_key_add(k, "source", c->items[i].source);
	if (c->chown.p)
		cache_key_add(k, "--chown", c->chown);
	if (c->chmod.p)
		cache_key_add(k, "--chmod", c->chmod);
	for (u32 i = 0; i < c->n_exclude; i++)
		cache_key_add(k, "--exclude", c->exclude[i]);
	if (c->parents)
		cache_key_add(k, "--parents", STR("true"));
	if (c->unpack >= 0)
		cache_key_add(k, "--unpack", c->unpack ? STR("true") : STR("false"));
	if (c->keep_git_dir)
		cache_key_add(k, "--keep-git-dir", STR("true"));
}

int copy_key(const struct copy_spec *c, const struct copy_from *from, const char *dir, struct cache_key *k, struct copy_fetched **ret, struct error *err)
{
	struct copy_fetched *f = xcalloc(1, sizeof *f);
	struct copy_mode mode;
	int r = copy_mode_parse(c->chmod, &mode, err);
	bool files = false;
	f->dir = arena_strdup(&f->a, str_of(dir));
	f->stage = (struct stage){ NULL, -1, -1 };
	f->parts = arena_array(&f->a, struct copy_part, (size_t)c->n + 1);
	key_flags(c, k);
	for (u32 i = 0; i < c->n && r == 0; i++) {
		const struct copy_item *item = &c->items[i];
		files |= item->kind == COPY_FILES;
		if (c->checksum.p && (item->kind == COPY_FILES || item->kind == COPY_TEXT || c->n > 1))
			r = error_set(err, ERR_USAGE, "--checksum is for one URL");
		else if (item->kind == COPY_TEXT) {
			cache_key_add(k, arena_printf(k->a, "text %.*s", STR_FMT(item->source)), item->text);
			if (c->text_mode)
				cache_key_add(k, "mode of texts", str_of(arena_printf(k->a, "%o", c->text_mode)));
		} else if (item->kind != COPY_FILES)
			r = copy_fetch_key(c, from, i, f, k, err);
	}
	if (r == 0 && files && from->context)
		r = key_context(c, from->context, f, k, err);
	else if (r == 0 && files && (from->tree || from->tree_id)) /* the tree itself is only made when it is copied from */
		cache_key_add(k, "tree", from->tree_id ? text_of(k->a, from->tree_id) : STR("none"));
	if (r < 0) {
		copy_fetched_free(f);
		return -1;
	}
	*ret = f;
	return 0;
}

/* --- the step --- */
struct doing {
	const struct copy_spec *spec;
	const struct copy_from *from;
	struct copy_fetched *f;
	bool bare; /* the step's tree is empty, as that of scratch and of --link is */
};

static int from_elsewhere(const struct doing *d, struct copying *c, u32 item, struct error *err)
{
	const struct copy_part *p = &d->f->parts[item];
	struct copy_origin o = { .ours = true };
	struct copy_source s = { .path = "", .name = "", .mode = S_IFDIR };
	autofd int root = open(p->path, O_PATH | O_CLOEXEC);
	if (d->spec->items[item].kind == COPY_GIT) {
		o.root = root;
		if (root < 0)
			return error_errno(err, "%.300s", p->path);
		struct arena a = { 0 };
		int r = pick_patterns(&a, d->spec->exclude, d->spec->n_exclude, &s.pick.exclude, err);
		s.pick.base = "";
		r = r < 0 ? r : copy_place(c, &o, &s, err);
		arena_free(&a);
		return r;
	}
	autofd int dir = open(d->f->stage.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || chmod(p->path, 0600) < 0)
		return error_errno(err, "%.300s", p->path);
	s.path = strrchr(p->path, '/') + 1;
	s.name = p->name;
	s.mode = S_IFREG;
	o.root = dir;
	o.unpack = d->spec->unpack == 1;
	return copy_place(c, &o, &s, err);
}

static int from_files(const struct doing *d, struct copying *c, u32 item, int tree, struct arena *a, struct error *err)
{
	struct copy_sources found = { 0 };
	struct context *context = d->from->context;
	const struct copy_origin o = {
		.root = context ? context_root(context) : tree, .ours = context != NULL, .checked = context != NULL, .context = context, .unpack = d->spec->add && d->spec->unpack != 0,
	};
	int r = o.root < 0 ? error_set(err, ERR_USAGE, "%.*s: there is nothing to copy from", STR_FMT(d->spec->items[item].source)) : copy_sources(a, o.root, context, d->spec, d->spec->items[item].source, &found, err);
	for (u32 i = 0; i < found.n && r == 0; i++)
		r = copy_place(c, &o, &found.v[i], err);
	return r;
}

static int in_child(void *ctx, const int *fds, int out, struct error *err)
{
	const struct doing *d = ctx;
	const struct copy_spec *s = d->spec;
	struct arena a = { 0 };
	struct copying c = { .spec = s, .fetched = d->f, .to = fds[0] };
	(void)out;
	c.dest = copy_dest(&a, s, &c.slash);
	int r = copy_mode_parse(s->chmod, &c.mode, err) < 0 || copy_owner_find(s->chown, fds[0], d->bare, &c.owner, err) < 0 ? -1 : 0;
	for (u32 i = 0; i < s->n && r == 0; i++) {
		enum copy_kind kind = s->items[i].kind;
		if (kind == COPY_TEXT)
			r = copy_place_text(&c, s->items[i].source, s->items[i].text, err);
		else
			r = kind == COPY_FILES ? from_files(d, &c, i, d->from->tree ? fds[1] : -1, &a, err) : from_elsewhere(d, &c, i, err);
	}
	int end = copy_finish(&c, r < 0 ? NULL : err);
	arena_free(&a);
	return r < 0 ? r : end;
}

int copy_do(const struct copy_spec *c, const struct copy_from *from, struct copy_fetched *f, const struct run_ids *ids, const struct snapshot *below, const struct upper *u, struct error *err)
{
	struct doing d = { c, from, f, !below->n };
	struct run_root roots[2] = { { .lowers = below->dirs, .n_lowers = below->n, .upper = u->upper, .work = u->work } };
	struct root_job job = { .roots = roots, .n = 1, .dir = u->root, .f = in_child, .ctx = &d };
	for (u32 i = 0; i < c->n; i++)
		if (copy_fetch_now(c, i, f, err) < 0)
			return -1;
	if (from->tree) {
		roots[1] = (struct run_root){ .lowers = from->tree->dirs, .n_lowers = from->tree->n };
		job.n = 2;
	}
	return root_do(ids, &job, err);
}
