#include "rootfs/diff.h"
#include "base/json.h"

const char *const diff_kind_text[] = { "same", "added", "removed", "changed" };
const char *const diff_what_text[DIFF_WHATS] = { "type", "content", "target", "device", "mode", "owner", "xattrs", "mtime", "layer", "links" };

struct pair {
	node_id a, b;
};

struct level { /* a pair of directories that is being gone through */
	struct pair dir; /* of 0 where one side has none */
	node_id *list_a, *list_b;
	u32 n_a, n_b, at_a, at_b;
	struct pair *wait; /* directories below that were told, but whose insides come later: "a", "a-b", then "a/c" */
	u32 n_wait, cap_wait;
	size_t path; /* length of the path in walk.path */
	bool below;  /* only one side has it */
	struct diff_dir sum;
};

struct walk {
	const struct rootfs *a, *b;
	const struct diff_options *opt;
	const struct diff_visitor *v;
	struct problems *problems;
	struct buf path;
	struct level *levels;
	u32 n, cap;
	u8 *seen_a, *seen_b;       /* bits by inode: its bytes are counted */
	inode_id *twin_a, *twin_b; /* strict: the inode that the other side had at its first name */
};

static const char *name_of(const struct rootfs *r, node_id id) { return rootfs_node(r, id)->name; }

/* The bytes that a name adds: those of its inode at the inode's first name. */
static u64 count_once(const struct rootfs *r, u8 *seen, node_id id)
{
	u64 size = id ? rootfs_size(r, id) : 0;
	if (!size)
		return 0;
	inode_id inode = rootfs_node(r, id)->inode;
	u8 bit = (u8)(1u << (inode & 7));
	if (seen[inode >> 3] & bit)
		return 0;
	seen[inode >> 3] |= bit;
	return size;
}

static bool content_differs(struct walk *w, const struct fact_entry *a, const struct fact_entry *b)
{
	if (a->size != b->size)
		return true;
	if (a->size == 0)
		return false;
	if ((a->flags | b->flags) & FACT_UNHASHED) {
		if (w->problems)
			problem_add(w->problems, "%.*s: content was not read, only its size is compared", STR_FMT(buf_str(&w->path)));
		return false;
	}
	/* A sparse file's hash is that of what is stored: it says nothing about a file that is stored whole. */
	return !hash_eq(a->hash, b->hash) || ((a->flags ^ b->flags) & FACT_SPARSE);
}

static u32 strict_what(struct walk *w, struct pair p, const struct fact_entry *a, const struct fact_entry *b)
{
	u32 what = 0;
	if (!a != !b || (a && (a->mtime != b->mtime || a->mtime_ns != b->mtime_ns))) /* an implied directory has no time */
		what |= DIFF_MTIME;
	const struct node *na = rootfs_node(w->a, p.a), *nb = rootfs_node(w->b, p.b);
	if (a && b && na->layer != nb->layer)
		what |= DIFF_LAYER;
	if (na->inode && nb->inode && rootfs_type(w->a, p.a) != TAR_DIR) {
		inode_id *ta = &w->twin_a[na->inode], *tb = &w->twin_b[nb->inode];
		if ((*ta && *ta != nb->inode) || (*tb && *tb != na->inode))
			what |= DIFF_LINKS;
		if (!*ta)
			*ta = nb->inode;
		if (!*tb)
			*tb = na->inode;
	}
	return what;
}

static u32 compare(struct walk *w, struct pair p)
{
	u8 type = rootfs_type(w->a, p.a);
	if (type != rootfs_type(w->b, p.b))
		return DIFF_TYPE;
	const struct fact_entry *a = rootfs_entry(w->a, p.a), *b = rootfs_entry(w->b, p.b);
	const struct facts *fa = rootfs_facts(w->a, p.a), *fb = rootfs_facts(w->b, p.b);
	u32 what = 0;
	if (type == TAR_FILE && a && b && content_differs(w, a, b))
		what |= DIFF_CONTENT;
	if (type == TAR_SYMLINK && a && b && strcmp(facts_string(fa, a->link), facts_string(fb, b->link)) != 0)
		what |= DIFF_TARGET;
	if ((type == TAR_CHAR || type == TAR_BLOCK) && a && b && a->rdev != b->rdev)
		what |= DIFF_DEVICE;
	if (type != TAR_SYMLINK && (a ? a->mode : 0755) != (b ? b->mode : 0755))
		what |= DIFF_MODE;
	if ((a ? a->uid : 0) != (b ? b->uid : 0) || (a ? a->gid : 0) != (b ? b->gid : 0))
		what |= DIFF_OWNER;
	struct str xa = a ? facts_xattrs(fa, a) : STR(""), xb = b ? facts_xattrs(fb, b) : STR("");
	if (!str_eq(xa, xb))
		what |= DIFF_XATTRS;
	if (w->opt->strict)
		what |= strict_what(w, p, a, b);
	return what;
}

/* One name: counted in `up`, the directory that holds it, and handed on. */
static int tell(struct walk *w, struct pair p, struct diff_dir *up, bool below)
{
	struct str path = buf_str(&w->path);
	if (w->opt->path.n && !str_glob(w->opt->path, path))
		return 0;
	struct diff_change c = { .a = p.a, .b = p.b, .path = path, .below = below };
	c.size_a = p.a ? rootfs_size(w->a, p.a) : 0;
	c.size_b = p.b ? rootfs_size(w->b, p.b) : 0;
	c.bytes_a = count_once(w->a, w->seen_a, p.a);
	c.bytes_b = count_once(w->b, w->seen_b, p.b);
	if (!p.a || !p.b)
		c.kind = p.b ? DIFF_ADDED : DIFF_REMOVED;
	else if ((c.what = compare(w, p)) != 0)
		c.kind = DIFF_CHANGED;
	if (up) {
		up->bytes_a += c.bytes_a;
		up->bytes_b += c.bytes_b;
		up->added += c.kind == DIFF_ADDED;
		up->removed += c.kind == DIFF_REMOVED;
		up->changed += c.kind == DIFF_CHANGED;
	}
	return w->v->change(w->v->ctx, &c);
}

static void enter(struct walk *w, struct pair p, bool below)
{
	struct level l = { .dir = p, .path = w->path.n, .below = !p.a || !p.b };
	if (p.a)
		l.n_a = rootfs_children(w->a, p.a, &l.list_a);
	if (p.b)
		l.n_b = rootfs_children(w->b, p.b, &l.list_b);
	l.sum = (struct diff_dir){ .a = p.a, .b = p.b, .depth = w->n, .whole = l.below && !below };
	VEC_PUSH(w->levels, w->n, w->cap, l);
}

static int leave(struct walk *w)
{
	struct level l = w->levels[--w->n];
	free(l.list_a);
	free(l.list_b);
	free(l.wait);
	if (w->n) {
		struct diff_dir *up = &w->levels[w->n - 1].sum;
		up->bytes_a += l.sum.bytes_a;
		up->bytes_b += l.sum.bytes_b;
		up->added += l.sum.added;
		up->removed += l.sum.removed;
		up->changed += l.sum.changed;
	}
	l.sum.path = l.path ? str_head(buf_str(&w->path), l.path) : STR("/");
	int rc = w->v->dir ? w->v->dir(w->v->ctx, &l.sum) : 0;
	w->path.n = w->n ? w->levels[w->n - 1].path : 0;
	return rc;
}

/* The next name of a level and who has it; NULL at the end. */
static const char *peek(const struct walk *w, const struct level *l, struct pair *p)
{
	const char *a = l->at_a < l->n_a ? name_of(w->a, l->list_a[l->at_a]) : NULL;
	const char *b = l->at_b < l->n_b ? name_of(w->b, l->list_b[l->at_b]) : NULL;
	int c = !a ? 1 : !b ? -1 : strcmp(a, b);
	*p = (struct pair){ a && c <= 0 ? l->list_a[l->at_a] : 0, b && c >= 0 ? l->list_b[l->at_b] : 0 };
	return c <= 0 && a ? a : b;
}

static void path_push(struct walk *w, const char *name)
{
	buf_putc(&w->path, '/');
	buf_puts(&w->path, name);
}

/* One step: goes into a directory, tells one name, or goes back up. */
static int step(struct walk *w)
{
	struct level *l = &w->levels[w->n - 1];
	struct pair p;
	const char *name = peek(w, l, &p);
	if (l->n_wait) {
		struct pair d = l->wait[l->n_wait - 1];
		const char *dir = rootfs_is_dir(w->a, d.a) ? name_of(w->a, d.a) : name_of(w->b, d.b);
		size_t n = strlen(dir);
		if (!name || strncmp(name, dir, n) != 0 || (u8)name[n] > '/') {
			l->n_wait--;
			path_push(w, dir);
			enter(w, (struct pair){ rootfs_is_dir(w->a, d.a) ? d.a : 0, rootfs_is_dir(w->b, d.b) ? d.b : 0 }, l->below);
			return 0;
		}
	}
	if (!name)
		return leave(w);
	l->at_a += p.a != 0;
	l->at_b += p.b != 0;
	path_push(w, name);
	int rc = tell(w, p, &l->sum, l->below);
	w->path.n = l->path;
	if (rootfs_is_dir(w->a, p.a) || rootfs_is_dir(w->b, p.b))
		VEC_PUSH(l->wait, l->n_wait, l->cap_wait, p);
	return rc;
}

int rootfs_diff(const struct rootfs *a, const struct rootfs *b, const struct diff_options *opt, const struct diff_visitor *v, struct problems *problems)
{
	struct walk w = { .a = a, .b = b, .opt = opt, .v = v, .problems = problems };
	w.seen_a = xcalloc(a->inodes.n / 8 + 1, 1);
	w.seen_b = xcalloc(b->inodes.n / 8 + 1, 1);
	if (opt->strict) {
		w.twin_a = xcalloc((size_t)a->inodes.n + 1, sizeof *w.twin_a);
		w.twin_b = xcalloc((size_t)b->inodes.n + 1, sizeof *w.twin_b);
	}
	struct pair root = { ROOTFS_ROOT, ROOTFS_ROOT };
	buf_putc(&w.path, '/');
	int rc = tell(&w, root, NULL, false);
	buf_clear(&w.path);
	enter(&w, root, false);
	while (rc == 0 && w.n)
		rc = step(&w);
	for (u32 i = 0; i < w.n; i++) {
		free(w.levels[i].list_a);
		free(w.levels[i].list_b);
		free(w.levels[i].wait);
	}
	free(w.levels);
	free(w.seen_a);
	free(w.seen_b);
	free(w.twin_a);
	free(w.twin_b);
	buf_free(&w.path);
	return rc;
}

/* --- configuration --- */

static struct config_change *change(struct image_diff *d, const char *field)
{
	VEC_PUSH(d->config, d->n_config, d->cap_config, ((struct config_change){ .field = field }));
	return &d->config[d->n_config - 1];
}

/* "" and absent mean the same in every field of the specification. */
static void compare_text(struct image_diff *d, const char *field, const char *a, const char *b)
{
	a = a && *a ? a : NULL;
	b = b && *b ? b : NULL;
	if (a == b || (a && b && strcmp(a, b) == 0))
		return;
	struct config_change *c = change(d, field);
	c->a = a;
	c->b = b;
}

static bool lists_equal(const char **a, const char **b)
{
	while (*a && *b && strcmp(*a, *b) == 0)
		a++, b++;
	return !*a && !*b;
}

static void compare_list(struct image_diff *d, const char *field, const char **a, const char **b)
{
	if (lists_equal(a, b))
		return;
	struct config_change *c = change(d, field);
	c->list_a = a;
	c->list_b = b;
}

struct keyed {
	const char *key, *value;
	size_t at;
};

static int keyed_cmp(const void *x, const void *y)
{
	const struct keyed *a = x, *b = y;
	int c = strcmp(a->key, b->key);
	return c ? c : (a->at > b->at) - (a->at < b->at);
}

/* Sorts by key; of several values of one key the last counts, as for the container that gets them. */
static size_t keyed_sort(struct keyed *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof *v, keyed_cmp);
	size_t out = 0;
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || strcmp(v[i].key, v[i + 1].key) != 0)
			v[out++] = v[i];
	return out;
}

/* Pairs of a list: `values` NULL: "KEY=VALUE" with `split`, else a set whose value is its key. */
static struct keyed *keyed_list(struct arena *arena, const char **keys, const char **values, bool split, size_t *n)
{
	size_t len = 0;
	while (keys[len])
		len++;
	struct keyed *v = arena_array(arena, struct keyed, len + 1);
	for (size_t i = 0; i < len; i++) {
		v[i] = (struct keyed){ keys[i], values ? values[i] : keys[i], i };
		const char *eq = split ? strchr(keys[i], '=') : NULL;
		if (eq) {
			v[i].key = arena_strdup(arena, str_n(keys[i], (size_t)(eq - keys[i])));
			v[i].value = eq + 1;
		} else if (split) {
			v[i].value = "";
		}
	}
	*n = keyed_sort(v, len);
	return v;
}

static void compare_keyed(struct image_diff *d, const char *field, const struct keyed *a, size_t n_a, const struct keyed *b, size_t n_b)
{
	for (size_t i = 0, j = 0; i < n_a || j < n_b;) {
		int c = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i].key, b[j].key);
		const struct keyed *x = c <= 0 ? &a[i++] : NULL, *y = c >= 0 ? &b[j++] : NULL;
		if (x && y && strcmp(x->value, y->value) == 0)
			continue;
		struct config_change *change_ = change(d, field);
		change_->key = x ? x->key : y->key;
		change_->a = x ? x->value : NULL;
		change_->b = y ? y->value : NULL;
	}
}

static void compare_pairs(struct image_diff *d, const char *field, const char **ka, const char **va, const char **kb, const char **vb, bool split)
{
	size_t n_a, n_b;
	struct keyed *a = keyed_list(&d->arena, ka, va, split, &n_a), *b = keyed_list(&d->arena, kb, vb, split, &n_b);
	compare_keyed(d, field, a, n_a, b, n_b);
}

static const char *dump(struct arena *arena, const json_t *j)
{
	if (!j || json_is_null(j))
		return NULL;
	if (json_is_string(j))
		return arena_strdup(arena, str_n(json_string_value(j), json_string_length(j)));
	autofree char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	return text ? arena_strdup(arena, str_of(text)) : NULL;
}

static const json_t *section(const struct image *img) { return img->config_doc ? json_obj(img->config_doc, "config") : NULL; }

static void compare_json(struct image_diff *d, const char *field, const char *key, const json_t *a, const json_t *b)
{
	const char *ta = dump(&d->arena, a), *tb = dump(&d->arena, b);
	if (ta == tb || (ta && tb && strcmp(ta, tb) == 0))
		return;
	struct config_change *c = change(d, field);
	c->key = key ? arena_strdup(&d->arena, str_of(key)) : NULL;
	c->a = ta;
	c->b = tb;
}

/* Every key that compare_config() does not know, sorted. */
static void compare_rest(struct image_diff *d, const char *field, const json_t *a, const json_t *b, const char *const *known)
{
	size_t n = 0, max = json_object_size(a) + json_object_size(b);
	struct keyed *v = arena_array(&d->arena, struct keyed, max + 1);
	const json_t *both[2] = { a, b };
	for (int side = 0; side < 2; side++) {
		const char *key;
		json_t *value;
		json_object_foreach((json_t *)(uintptr_t)both[side], key, value) {
			(void)value;
			bool skip = false;
			for (const char *const *k = known; *k && !skip; k++)
				skip = strcmp(*k, key) == 0;
			if (!skip)
				v[n] = (struct keyed){ key, "", n }, n++;
		}
	}
	n = keyed_sort(v, n);
	for (size_t i = 0; i < n; i++)
		compare_json(d, field, v[i].key, json_object_get(a, v[i].key), json_object_get(b, v[i].key));
}

static const char *history_text(struct arena *arena, const struct config *c, u32 i)
{
	if (i >= c->n_history)
		return NULL;
	const struct history *h = &c->history[i];
	const char *comment = h->comment ? h->comment : "", *author = h->author ? h->author : "";
	return arena_printf(arena, "%s [created %s%s%s%s%s%s]", h->created_by ? h->created_by : "", h->created ? h->created : "-", *comment ? ", comment " : "", comment,
			    *author ? ", author " : "", author, h->empty_layer ? ", empty layer" : "");
}

static void compare_strict(struct image_diff *d, const struct image *a, const struct image *b)
{
	static const char *const known[] = { "architecture", "os", "variant", "config", "rootfs", "history", "created", "author", NULL };
	static const char *const known_config[] = { "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal",
						    "StopTimeout", "Shell", "OnBuild", "Healthcheck", NULL };
	const struct config *ca = &a->config, *cb = &b->config;
	compare_text(d, "created", ca->created, cb->created);
	compare_text(d, "author", ca->author, cb->author);
	compare_list(d, "env_order", ca->env, cb->env);
	for (u32 i = 0; i < MAX(ca->n_history, cb->n_history); i++) {
		const char *ta = history_text(&d->arena, ca, i), *tb = history_text(&d->arena, cb, i);
		if (ta && tb && strcmp(ta, tb) == 0)
			continue;
		struct config_change *c = change(d, "history");
		c->key = arena_printf(&d->arena, "%u", i);
		c->a = ta;
		c->b = tb;
	}
	compare_rest(d, "config", section(a), section(b), known_config);
	compare_rest(d, "document", a->config_doc, b->config_doc, known);
}

static void compare_config(struct image_diff *d, const struct image *a, const struct image *b)
{
	const struct config *ca = &a->config, *cb = &b->config;
	char pa[100], pb[100];
	compare_text(d, "platform", arena_strdup(&d->arena, str_of(platform_text(&ca->platform, pa))), arena_strdup(&d->arena, str_of(platform_text(&cb->platform, pb))));
	compare_list(d, "entrypoint", ca->entrypoint, cb->entrypoint);
	compare_list(d, "cmd", ca->cmd, cb->cmd);
	compare_text(d, "user", ca->user, cb->user);
	compare_text(d, "workdir", ca->workdir, cb->workdir);
	compare_pairs(d, "env", ca->env, NULL, cb->env, NULL, true);
	compare_pairs(d, "ports", ca->ports, NULL, cb->ports, NULL, false);
	compare_pairs(d, "volumes", ca->volumes, NULL, cb->volumes, NULL, false);
	const json_t *sa = section(a), *sb = section(b);
	compare_json(d, "healthcheck", NULL, json_object_get(sa, "Healthcheck"), json_object_get(sb, "Healthcheck"));
	compare_text(d, "stop_signal", ca->stop_signal, cb->stop_signal);
	compare_json(d, "stop_timeout", NULL, json_object_get(sa, "StopTimeout"), json_object_get(sb, "StopTimeout"));
	compare_list(d, "shell", ca->shell, cb->shell);
	compare_list(d, "onbuild", ca->onbuild, cb->onbuild);
	compare_pairs(d, "labels", ca->label_keys, ca->label_values, cb->label_keys, cb->label_values, false);
}

/* --- layers --- */

struct layer_key {
	struct digest id;
	u32 index;
};

/* What was read counts, not what a configuration claims. */
static const struct digest *layer_id(const struct image_layer *l) { return l->facts && l->facts->diff_id.alg ? &l->facts->diff_id : &l->diff_id; }

static int layer_key_cmp(const void *x, const void *y)
{
	const struct layer_key *a = x, *b = y;
	int c = memcmp(&a->id, &b->id, sizeof a->id);
	return c ? c : (a->index > b->index) - (a->index < b->index);
}

/* The layers whose digest is known, each digest once (at its lowest layer). */
static struct layer_key *layer_keys(struct arena *arena, const struct image *img, u32 *n)
{
	struct layer_key *v = arena_array(arena, struct layer_key, (size_t)img->n_layers + 1);
	u32 all = 0;
	for (u32 i = 0; i < img->n_layers; i++)
		if (layer_id(&img->layers[i])->alg)
			v[all++] = (struct layer_key){ *layer_id(&img->layers[i]), i };
	if (all)
		qsort(v, all, sizeof *v, layer_key_cmp);
	*n = 0;
	for (u32 i = 0; i < all; i++)
		if (*n == 0 || !digest_eq(&v[*n - 1].id, &v[i].id))
			v[(*n)++] = v[i];
	return v;
}

static int layer_pair_cmp(const void *x, const void *y)
{
	const struct layer_pair *a = x, *b = y;
	return (a->b > b->b) - (a->b < b->b);
}

static void compare_layers(struct image_diff *d, const struct image *a, const struct image *b)
{
	u32 n_a, n_b;
	struct layer_key *ka = layer_keys(&d->arena, a, &n_a), *kb = layer_keys(&d->arena, b, &n_b);
	d->shared = arena_array(&d->arena, struct layer_pair, (size_t)MIN(n_a, n_b) + 1);
	for (u32 i = 0, j = 0; i < n_a && j < n_b;) {
		int c = memcmp(&ka[i].id, &kb[j].id, sizeof ka[i].id);
		if (c == 0)
			d->shared[d->n_shared++] = (struct layer_pair){ ka[i].index, kb[j].index };
		i += c <= 0;
		j += c >= 0;
	}
	if (d->n_shared)
		qsort(d->shared, d->n_shared, sizeof *d->shared, layer_pair_cmp);
	for (u32 i = 0; i < d->n_shared; i++) {
		d->shared_size += b->layers[d->shared[i].b].size;
		d->shared_compressed += b->layers[d->shared[i].b].compressed_size;
	}
	d->layers_equal = a->n_layers == b->n_layers;
	for (u32 i = 0; i < a->n_layers && d->layers_equal; i++)
		d->layers_equal = layer_id(&a->layers[i])->alg && digest_eq(layer_id(&a->layers[i]), layer_id(&b->layers[i]));
}

struct image_diff *image_compare(const struct image *a, const struct image *b, bool strict)
{
	struct image_diff *d = xcalloc(1, sizeof *d);
	compare_config(d, a, b);
	if (strict)
		compare_strict(d, a, b);
	compare_layers(d, a, b);
	return d;
}

void image_diff_free(struct image_diff *d)
{
	if (!d)
		return;
	arena_free(&d->arena);
	free(d->config);
	free(d);
}
