#include "build/lean.h"
#include "base/text.h"
#include "build/diff_in.h"
#include "layer/image.h"
#include "layer/tarout.h"
#include "rootfs/rootfs.h"
#include "store/load.h"

#define SCRIPT_MAX ((size_t)(256 * KiB)) /* of a script that the image starts with */
#define SMALL (256 * KiB)             /* of the plain tar: what is no more is looked through faster than a record is kept */
#define STAYS_MAX 1024u                /* places that stay: an image that names more keeps all of its caches */
#define LINKS_MAX 1000000u             /* hard links from outside into what goes, of one layer, … */
#define LINKS_BYTES ((size_t)(64 * MiB)) /* … and their names: a layer with more is left alone */

struct lean {
	struct arena *a;
	struct str last[CACHE_PLACES]; /* the last component of each place */
	bool off[CACHE_PLACES];
	struct str *stays;             /* absolute paths: what is there, or below, stays */
	u32 n_stays, n_volumes, cap;   /* the first are volumes: the others count only inside of a cache; above one a path (PATH, a home, the root) says nothing of it */
	/* of the entry before: most have the same directory */
	struct buf dir;
	int zone;
	bool known;
};

/* ---- what stays ---- */

static void stay(struct lean *l, struct str path)
{
	if (path.n && path.p[0] == '/')
		VEC_PUSH(l->stays, l->n_stays, l->cap, df_path_join(l->a, STR("/"), path));
}

static bool is_word(char c) { return c && !strchr(" \t\n\"'`;&|()<>=:,$", c); }

/* A tool that is called reads its caches. */
static void called(struct lean *l, struct str word)
{
	struct str base = str_base(word);
	for (u32 i = 0; i < CACHE_PLACES; i++) {
		const char *tool = package_caches[i].tool;
		if (tool && (str_among(base, tool) || (str_starts(base, str_of(tool)) && base.n > strlen(tool) && base.p[strlen(tool)] >= '0' && base.p[strlen(tool)] <= '9'))) /* pip3 */
			l->off[i] = true;
	}
}

/* The next word; n 0: there is none. */
static struct str next_word(struct str *rest)
{
	size_t n = 0;
	while (rest->n && !is_word(rest->p[0]))
		*rest = str_from(*rest, 1);
	while (n < rest->n && is_word(rest->p[n]))
		n++;
	struct str word = str_head(*rest, n);
	*rest = str_from(*rest, n);
	return word;
}

/* Words of commands and values: paths that are named stay. */
static void named(struct lean *l, const char *text)
{
	struct str rest = str_of(text);
	for (struct str word; (word = next_word(&rest)).n;) {
		stay(l, word);
		called(l, word);
	}
}

static void calls(struct lean *l, struct str script)
{
	for (struct str word; (word = next_word(&script)).n;)
		called(l, word);
}

static void named_all(struct lean *l, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		named(l, json_string_value(json_array_get(list, i)));
}

static bool below(struct str path, struct str dir) { return str_starts(path, dir) && (path.n == dir.n || path.p[dir.n] == '/'); }

/* The place whose files lie in `dir`; -1: none. `dir` is absolute and clean. */
static int place_of(const struct lean *l, struct str dir)
{
	int found = -1;

	for (size_t end = 1, from = 1; end <= dir.n; end++) {
		if (end < dir.n && dir.p[end] != '/')
			continue;
		struct str prefix = str_head(dir, end), name = str_from(prefix, from);
		from = end + 1;
		if (found >= 0 && !(package_caches[found].flags & CACHE_DEEP))
			found = -1;
		for (int i = 0; i < CACHE_PLACES; i++)
			if (str_eq(l->last[i], name) && str_glob(str_of(package_caches[i].dir), prefix)) {
				if (found < 0 || !(package_caches[found].flags & CACHE_DEEP))
					found = i;
				break;
			}
	}
	return found;
}

/* Only what can matter is asked of every file. */
static void settle(struct lean *l)
{
	u32 n = l->n_volumes;

	for (u32 i = l->n_volumes; i < l->n_stays; i++)
		if (place_of(l, l->stays[i]) >= 0)
			l->stays[n++] = l->stays[i];
	l->n_stays = n;
	if (n > STAYS_MAX)
		memset(l->off, true, sizeof l->off);
}

static void begin(struct lean *l, struct arena *a, const struct stage_image *im)
{
	const json_t *config = json_object_get(im->doc, "config"), *env = json_object_get(config, "Env");
	const char *dir = json_text(config, "WorkingDir"), *key;
	json_t *v;

	*l = (struct lean){ .a = a };
	for (u32 i = 0; i < CACHE_PLACES; i++)
		l->last[i] = str_base(str_of(package_caches[i].dir));
	json_object_foreach(json_object_get(config, "Volumes"), key, v)
		stay(l, str_of(key));
	u32 n_volumes = l->n_stays;
	named_all(l, json_object_get(config, "Cmd"));
	named_all(l, json_object_get(config, "Entrypoint"));
	named_all(l, json_object_get(json_object_get(config, "Healthcheck"), "Test"));
	l->n_volumes = n_volumes;
	if (dir)
		stay(l, str_of(dir));
	for (size_t i = 0; i < json_array_size(env); i++)
		for (struct str rest = str_of(json_string_value(json_array_get(env, i))), value = (str_cut(&rest, '='), rest); value.p;)
			stay(l, str_cut(&value, ':'));
	settle(l);
}

static struct str parent(struct str path)
{
	while (path.n && path.p[path.n - 1] != '/')
		path.n--;
	path.n -= path.n > 0;
	return path;
}

/* The place that an absolute, clean path is a part of, whether it goes or not; -1. */
static int zone_of(struct lean *l, struct str path)
{
	struct str dir = parent(path);

	if (!l->known || !str_eq(buf_str(&l->dir), dir)) {
		buf_clear(&l->dir);
		buf_add(&l->dir, dir);
		l->zone = place_of(l, dir);
		l->known = true;
	}
	return l->zone;
}

/* Whether it goes: -1 no, else whose it is. `plain`: a file with content, or a name of one. */
static int goes(struct lean *l, struct str path, bool plain)
{
	int z = zone_of(l, path);

	if (z < 0 || l->off[z])
		return -1;
	struct str name = str_base(path);
	if (str_starts(name, STR(".wh.")) || ((package_caches[z].flags & CACHE_TREE) != CACHE_TREE && !plain) || !str_glob(str_of(package_caches[z].file), name))
		return -1;
	for (u32 i = 0; i < l->n_stays; i++)
		if (below(path, l->stays[i]))
			return -1;
	return z;
}

/* ---- one layer ---- */

struct link {
	struct str target, name;
	u32 at;
	bool done; /* the content has been written under this name */
};
struct sift {
	struct lean *l;
	struct arena a;
	struct link *links; /* names that stay of content that goes; by target, then order, once they are all there */
	u32 n_links, cap;
	u64 bytes, of;      /* of: bits of enum cache_of */
	u32 gone, left;
	bool alone;         /* left as it is: it holds what is not written here, or too much */
	char path[TAR_PATH_MAX + 2], to[TAR_PATH_MAX + 2];
};

/* "/a/b" of a path as stored; empty: the root, or one that is too long. */
static struct str absolute(char *out, struct str stored)
{
	ssize_t n = tar_clean(stored, out + 1);

	out[0] = '/';
	return n > 0 ? str_n(out, (size_t)n + 1) : (struct str){ "", 0 };
}

/* What a symbolic link that stays leads to stays. */
static bool look_at_link(struct sift *t, struct str path, struct str target)
{
	struct arena a = { 0 }; /* there may be millions of them */
	struct str to = df_path_join(&a, target.n && target.p[0] == '/' ? STR("/") : parent(path).n ? parent(path) : STR("/"), target);
	int z = zone_of(t->l, to);

	if (z < 0)
		z = place_of(t->l, to); /* the place itself */
	arena_free(&a);
	if (z < 0 || t->l->off[z])
		return false;
	t->l->off[z] = true;
	return true;
}

static int by_target(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	int c = str_cmp(x->target, y->target);
	return c ? c : x->at < y->at ? -1 : x->at > y->at;
}

/* The first name that stays of what goes; NULL: there is none. */
static struct link *first_link(const struct sift *t, struct str target)
{
	u32 low = 0, high = t->n_links;

	while (low < high) {
		u32 mid = low + (high - low) / 2;
		if (str_cmp(t->links[mid].target, target) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->n_links && str_eq(t->links[low].target, target) ? &t->links[low] : NULL;
}

static int entry_goes(struct sift *t, const struct tar_entry *e, struct str path) { return goes(t->l, path, e->type == TAR_FILE ? e->size > 0 : e->type == TAR_HARDLINK); }

/* 1: a link showed that more stays than was thought: once more. */
static int look(struct sift *t, struct tar *tar, struct error *err)
{
	struct tar_entry e;
	int r;
	bool again = false;

	while ((r = tar_next(tar, &e, err)) == 1) {
		struct str path = absolute(t->path, e.path);
		int z = path.n ? entry_goes(t, &e, path) : -1;

		t->alone = t->alone || e.type == TAR_OTHER || e.sparse;
		t->gone += z >= 0;
		t->left += z < 0;
		if (z >= 0 && e.type == TAR_FILE) {
			t->bytes += e.size;
			if (e.size)
				t->of |= (u64)1 << package_caches[z].of;
		}
		if (z < 0 && e.type == TAR_SYMLINK)
			again = look_at_link(t, path, e.link) || again;
		if (z >= 0 || e.type != TAR_HARDLINK)
			continue;
		struct str to = absolute(t->to, e.link);
		if (!to.n || goes(t->l, to, true) < 0)
			continue;
		if (t->n_links >= LINKS_MAX || t->a.total > LINKS_BYTES) {
			t->alone = true;
			continue;
		}
		struct link one = { str_n(arena_bytes(&t->a, to), to.n), str_n(arena_bytes(&t->a, path), path.n), t->n_links };
		VEC_PUSH(t->links, t->n_links, t->cap, one);
	}
	return r < 0 ? -1 : again;
}

static int write_entry(struct pack *p, struct tar *tar, const struct tar_entry *e, struct str path, struct str link, struct error *err)
{
	struct tarout_entry o = { .path = str_from(path, 1), .link = link, .type = e->type, .mode = e->mode, .uid = e->uid, .gid = e->gid, .size = e->size, .mtime = e->mtime, .mtime_ns = e->mtime_ns,
		.major = e->major, .minor = e->minor, .xattrs = e->xattrs };
	static const char zeros[TAR_BLOCK_SIZE];
	struct buf head = { 0 };
	struct str view;
	int r = tarout_header(&o, &head, err);

	r = r < 0 ? r : pack_add(p, buf_str(&head), err);
	buf_free(&head);
	while (r == 0 && e->type == TAR_FILE && (r = tar_content(tar, &view, err)) == 0 && view.n)
		r = pack_add(p, view, err);
	if (r == 0 && e->type == TAR_FILE)
		r = pack_add(p, str_n(zeros, tarout_padding(e->size)), err);
	return r < 0 ? -1 : 0;
}

/* 1: a link leads to what is no file of this layer before it: the layer is left as it is. */
static int rewrite(struct sift *t, struct tar *tar, struct pack *p, struct error *err)
{
	static const char zeros[TAR_TRAILER];
	struct tar_entry e;
	int r;

	while ((r = tar_next(tar, &e, err)) == 1) {
		struct str path = absolute(t->path, e.path), link = e.link;
		struct link *first;

		if (path.n && entry_goes(t, &e, path) >= 0) {
			first = e.type == TAR_FILE ? first_link(t, path) : NULL;
			if (first && write_entry(p, tar, &e, first->name, link, err) < 0)
				return -1;
			if (first) {
				first->done = true;
				t->bytes -= e.size; /* it is in the layer all the same */
			}
			continue;
		}
		if (e.type == TAR_HARDLINK && (first = first_link(t, absolute(t->to, e.link)))) {
			if (!first->done)
				return 1;
			if (str_eq(first->name, path))
				continue; /* it is the file now */
			link = str_from(first->name, 1);
		}
		if (write_entry(p, tar, &e, path.n ? path : STR("/"), link, err) < 0)
			return -1;
	}
	return r < 0 ? -1 : pack_add(p, str_n(zeros, sizeof zeros), err);
}

static int pass(struct store *s, const struct build_layer *layer, struct sift *t, struct pack *p, struct error *err)
{
	struct stream *plain;

	if (layer_open(s, &layer->digest, &plain, NULL, err) < 0)
		return -1;
	struct tar *tar = tar_open(plain);
	int r = p ? rewrite(t, tar, p, err) : look(t, tar, err);
	if (r == 0 && !p)
		r = stream_drain(plain, err);
	tar_close(tar);
	stream_close(plain);
	return r;
}

/* 0: *ret is the layer without (or it is gone), 1: it holds none of them. */
static int sift_layer(struct lean *l, struct store *s, const struct build_layer *layer, struct lean_layer *told, struct build_layer *ret, struct error *err)
{
	struct sift *t = xcalloc(1, sizeof *t);
	struct pack *p = NULL;
	bool off[CACHE_PLACES];
	int r;

	memcpy(off, l->off, sizeof off);
	t->l = l;
	do {
		t->bytes = 0;
		t->gone = t->left = t->n_links = 0;
		t->of = 0;
		arena_free(&t->a);
		r = pass(s, layer, t, NULL, err);
	} while (r == 1);
	if (r == 0 && (t->alone || !t->gone)) {
		r = 1;
	} else if (r == 0) {
		if (t->n_links)
			qsort(t->links, t->n_links, sizeof *t->links, by_target);
		told->gone = t->left == 0 && t->n_links == 0;
		if (!told->gone) {
			p = pack_new(s);
			r = pass(s, layer, t, p, err);
			if (r == 0)
				r = pack_finish(p, ret, err) < 0 ? -1 : 0;
			pack_free(p);
		}
		if (r == 0) {
			ret->kept_out = t->bytes;
			ret->kept_of = t->of;
		}
	}
	memcpy(l->off, off, sizeof off); /* a link of this layer says nothing of others */
	free(t->links);
	arena_free(&t->a);
	free(t);
	return r;
}

/* ---- the chain ---- */

/* What decides about one layer, so that its result can be found again. */
static void key_of(const struct lean *l, const struct build_layer *layer, struct cache_key *k)
{
	struct buf b = { 0 };

	cache_key_add(k, "lean", STR("3"));
	cache_key_add(k, "layer", str_of(arena_printf(k->a, "%s", DIGEST_STR(&layer->diff_id))));
	for (u32 i = 0; i < CACHE_PLACES; i++)
		buf_putc(&b, l->off[i] ? '1' : '0');
	for (u32 i = 0; i < l->n_stays; i++) {
		buf_putc(&b, ' ');
		buf_add(&b, l->stays[i]);
	}
	cache_key_add(k, "stays", str_n(arena_bytes(k->a, buf_str(&b)), b.n));
	buf_free(&b);
	cache_key_end(k);
}

static int one(struct lean *l, struct store *s, struct build_cache *cache, const struct build_layer *layer, struct lean_layer *told, struct build_layer *ret, struct error *err)
{
	struct cache_key k = { .a = l->a };
	const char *name = arena_printf(l->a, "%s without caches", layer->run);
	bool changed = false, small = layer->plain && layer->plain < SMALL;
	int r = 0;

	*ret = *layer;
	key_of(l, layer, &k);
	if (cache && !small)
		r = cache_find(cache, &k, name, &changed, ret, err);
	if (r < 0)
		return -1;
	if (r == 1 && changed)
		return 0;
	*ret = *layer;
	if (sift_layer(l, s, layer, told, ret, err) < 0)
		return -1;
	return cache && !small && !told->gone ? cache_put(cache, &k, name, ret, err) : 0; /* a record of nothing could not say what was kept out */
}

/* ---- what a script calls with which the image starts ---- */

/* Only shells' scripts are read: what else is text names tools without calling them. */
static void script(struct lean *l, const struct image *img, const struct rootfs *r, node_id id)
{
	const struct inode *in = id && rootfs_type(r, id) == TAR_FILE && rootfs_size(r, id) <= SCRIPT_MAX ? rootfs_inode(r, rootfs_node(r, id)->inode) : NULL;
	struct buf text = BUF(SCRIPT_MAX);
	struct stream *s;
	struct str view = STR("x");

	if (!in || rootfs_entry(r, id)->flags & FACT_BINARY || image_open_file(img, in->layer, in->entry, &s, &(struct error){ 0 }) < 0)
		return;
	while (view.n && !text.over && stream_next(s, &view, &(struct error){ 0 }) == 0)
		buf_add(&text, view);
	stream_close(s);
	struct str rest = buf_str(&text), first = str_cut(&rest, '\n');
	if (str_starts(first, STR("#!")) && (str_ends(str_trim(first), STR("sh")) || str_contains(first, STR("sh "))))
		calls(l, buf_str(&text));
	buf_free(&text);
}

/* Each word that is a path, or a program in PATH. */
static void scripts(struct lean *l, const struct image *img, const struct rootfs *r, const json_t *words, struct str workdir, struct str path)
{
	for (size_t i = 0; i < json_array_size(words); i++)
		for (struct str rest = str_of(json_string_value(json_array_get(words, i))); rest.p;) {
			struct str word = str_cut(&rest, ' '), dirs = path;
			if (str_chr(word, '/') || i)
				script(l, img, r, rootfs_find(r, df_path_join(l->a, workdir, word), true));
			while (word.n && !str_chr(word, '/') && dirs.p) {
				struct str dir = str_cut(&dirs, ':');
				script(l, img, r, rootfs_find(r, df_path_join(l->a, dir, word), true));
			}
		}
}

/* true: something stays that would have gone. */
static int read_scripts(struct lean *l, struct store *s, const struct stage_image *im, const struct chain *c, bool *more, struct error *err)
{
	const json_t *config = json_object_get(im->doc, "config"), *env = json_object_get(config, "Env");
	const char *dir = json_text(config, "WorkingDir");
	struct str path = STR("");
	struct image *img;
	bool off[CACHE_PLACES];

	memcpy(off, l->off, sizeof off);
	if (chain_load(s, c, &img, err) < 0)
		return -1;
	struct rootfs *r = rootfs_build(img, &(struct rootfs_options){ 0 });
	for (size_t i = 0; i < json_array_size(env); i++)
		if (str_starts(str_of(json_string_value(json_array_get(env, i))), STR("PATH=")))
			path = str_from(str_of(json_string_value(json_array_get(env, i))), 5);
	scripts(l, img, r, json_object_get(config, "Entrypoint"), str_of(dir && *dir ? dir : "/"), path);
	scripts(l, img, r, json_object_get(config, "Cmd"), str_of(dir && *dir ? dir : "/"), path);
	rootfs_free(r);
	image_close(img);
	*more = memcmp(off, l->off, sizeof off) != 0;
	return 0;
}

/* Whether something went that a tool reads when it runs. */
static bool tool_reads(const struct lean *l, const struct lean_layer *told, u32 n)
{
	u64 of = 0;
	for (u32 i = 0; i < n; i++)
		of |= told[i].now.kept_of;
	for (u32 i = 0; i < CACHE_PLACES; i++)
		if (package_caches[i].tool && !l->off[i] && of >> package_caches[i].of & 1)
			return true;
	return false;
}

static int layers(struct lean *l, struct store *s, struct build_cache *cache, const struct chain *c, struct lean_layer *told, struct error *err)
{
	for (u32 i = 0; i < c->n; i++) {
		told[i] = (struct lean_layer){ .now = c->v[i] };
		if (c->v[i].run && one(l, s, cache, &c->v[i], &told[i], &told[i].now, err) < 0)
			return error_wrap(err, "%s", c->v[i].run);
		told[i].now.run = c->v[i].run;
	}
	return 0;
}

int lean_chain(struct store *s, struct build_cache *cache, struct arena *a, struct stage_image *im, const struct chain *c, struct lean_layer *told, struct chain *ret, struct error *err)
{
	struct lean l;
	bool more = false;

	begin(&l, a, im);
	*ret = (struct chain){ 0 };
	int r = layers(&l, s, cache, c, told, err);
	if (r == 0 && tool_reads(&l, told, c->n))
		r = read_scripts(&l, s, im, c, &more, err);
	if (r == 0 && more)
		r = layers(&l, s, cache, c, told, err);
	for (u32 i = 0; i < c->n && r == 0; i++)
		if (told[i].gone)
			stage_image_drop_layer(im, ret->n);
		else
			*ret = chain_add(a, ret, &told[i].now);
	free(l.stays);
	buf_free(&l.dir);
	return r;
}

void lean_text(const struct lean_layer *l, struct buf *out)
{
	u64 of = l->now.kept_of & (((u64)1 << CACHES) - 1);
	u32 n = (u32)__builtin_popcountll(of), at = 0;

	buf_printf(out, "%s of ", TEXT_SIZE(l->now.kept_out));
	if (!n)
		buf_puts(out, "package managers' caches");
	for (u32 i = 0; i < CACHES; i++)
		if (of >> i & 1)
			buf_printf(out, "%s%s", at++ == 0 ? "" : at == n ? " and " : ", ", cache_infos[i].name);
}
