/* containers-storage:[[driver@]root[+runroot][:options]]REF — images of podman, buildah, skopeo and CRI-O, read where they
 * lie, without any of these programs. Layout of the store (containers/storage, docs/containers-storage.md):
 *
 *	DRIVER-images/images.json      [{id, digest, names, layer: the topmost, big-data-digests, …}]
 *	DRIVER-images/ID/KEY           manifest, configuration; names that are not plain are "=" + base64
 *	DRIVER-layers/layers.json      [{id, parent, diff-digest, diff-size, …}]; volatile-layers.json too
 *	DRIVER-layers/ID.tar-split.gz  how to put the layer's tar together again (tarsplit.h)
 *	overlay/ID/diff, vfs/dir/ID    the layer unpacked
 *
 * Nothing is locked and nothing is written: the engine replaces its documents as a whole. */
#include "transport/places.h"
#include "base/crypto.h"
#include "transport/storeconf.h"
#include "transport/tarsplit.h"
#include "base/file.h"
#include "base/json.h"
#include "oci/reference.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ID_MAX 128      /* characters of an ID; the library makes 64 hexadecimal digits */
#define PREFIX_MIN 3    /* of an ID, to look for it */
#define STORES_MAX (2 * STORECONF_ROOTS_MAX)

struct store {
	const char *root, *driver;
	int fd;
	json_t *images, *layers, *volatile_layers;
};

struct kept_layer { /* one of layers.json */
	const char *id;
	const json_t *doc;
	const struct store *store;
};

struct storage_source {
	struct source base;
	struct store stores[STORES_MAX];
	u32 n_stores;
	struct kept_layer *known; /* of all stores, sorted by ID */
	u32 n_known, cap_known;
	const struct kept_layer **chain; /* the image's, lowest first */
	u32 n_chain;
	bool lazy;
};

/* What is looked for. */
struct wanted {
	const char *text;     /* as asked */
	const char *names[4]; /* full names it may mean, best first; NULL-terminated */
	const char *tail;     /* "/alpine:latest" of a name without a registry: matches any registry's; NULL: none */
	struct digest digest; /* of a manifest */
	const char *id;       /* a whole ID, or the beginning of one; NULL */
	bool only_id;         /* REF@ID: nothing else will do */
};

/* --- the store's files --- */

static bool id_ok(const char *id)
{
	size_t n = id ? strlen(id) : 0;
	for (size_t i = 0; i < n; i++)
		if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'z')))
			return false;
	return n > 0 && n <= ID_MAX;
}

static int read_below(const struct store *st, const char *path, struct buf *out, struct error *err)
{
	autofd int fd = file_open_beneath(st->fd, path, err);
	if (fd < 0 || file_read_fd(fd, JSON_BYTES, path, out, err) < 0)
		return error_wrap(err, "%.200s", st->root);
	return 0;
}

/* A document that is an array; an absent one stays NULL. */
static int read_list(const struct store *st, const char *path, json_t **ret, struct error *err)
{
	if (faccessat(st->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	struct buf text = BUF(0);
	int r = read_below(st, path, &text, err);
	if (r == 0) {
		json_t *doc = json_read(buf_str(&text), path, err);
		if (doc && !json_is_array(doc)) {
			json_decref(doc);
			doc = NULL;
			error_set(err, ERR_INPUT, "%s: no list", path);
		}
		*ret = doc;
		r = doc ? 0 : error_wrap(err, "%.200s", st->root);
	}
	buf_free(&text);
	return r;
}

static void store_close(struct store *st)
{
	json_decref(st->images);
	json_decref(st->layers);
	json_decref(st->volatile_layers);
	if (st->fd >= 0)
		close(st->fd);
	*st = (struct store){ .fd = -1 };
}

/* 1: there, 0: nothing of this driver there. */
static int store_open(struct arena *a, const char *root, const char *driver, struct store *st, struct error *err)
{
	*st = (struct store){ .root = root, .driver = driver };
	st->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (st->fd < 0)
		return error_errno(err, "%.300s", root);
	if (read_list(st, arena_printf(a, "%s-images/images.json", driver), &st->images, err) < 0 ||
	    read_list(st, arena_printf(a, "%s-layers/layers.json", driver), &st->layers, err) < 0 ||
	    read_list(st, arena_printf(a, "%s-layers/volatile-layers.json", driver), &st->volatile_layers, err) < 0) {
		store_close(st);
		return -1;
	}
	if (st->images || st->layers)
		return 1;
	store_close(st);
	return 0;
}

/* The file of a piece of "big data": names of digits, small letters and dots are themselves. (The library looks at the last
 * character after it has consumed it, so that one may be anything.) */
static const char *big_data_path(struct arena *a, const struct store *st, const char *id, const char *key)
{
	size_t n = strlen(key), plain = 0;
	while (plain < n && ((key[plain] >= '0' && key[plain] <= '9') || (key[plain] >= 'a' && key[plain] <= 'z') || key[plain] == '.'))
		plain++;
	if (plain + 1 >= n)
		return arena_printf(a, "%s-images/%s/%s", st->driver, id, key);
	char *coded = arena_alloc(a, n / 3 * 4 + 8);
	crypto()->base64_encode((unsigned char *)coded, (const unsigned char *)key, (int)n);
	return arena_printf(a, "%s-images/%s/=%s", st->driver, id, coded);
}

/* --- finding the image --- */

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n > 0;
}

static int understand(struct arena *a, struct str text, struct wanted *w, struct error *err)
{
	*w = (struct wanted){ .text = arena_strdup(a, text) };
	struct str after = text, name = str_cut(&after, '@');
	if (after.n == 64 && is_hex(after)) { /* REF@ID */
		w->id = arena_strdup(a, after);
		w->only_id = true;
		text = name;
		if (!text.n)
			return 0;
	} else if (str_starts(text, STR("sha256:")) && digest_parse(text, &w->digest, NULL) == 0) {
		w->id = arena_strdup(a, str_from(text, 7));
		return 0;
	} else if (is_hex(text) && text.n >= PREFIX_MIN && text.n <= 64) {
		w->id = arena_strdup(a, text);
		if (text.n == 64)
			return 0;
	}
	struct reference ref;
	if (reference_parse(a, text, &ref, err) < 0)
		return -1;
	w->digest = ref.digest;
	const char *full = reference_text(a, &ref), *familiar = reference_familiar(a, &ref);
	u32 n = 0;
	w->names[n++] = full;
	bool domain = strcmp(ref.domain, "docker.io") != 0 || str_starts(text, STR("docker.io/")) || str_starts(text, STR("index.docker.io/"));
	if (!domain) {
		w->names[n++] = arena_printf(a, "localhost/%s", familiar);
		w->tail = ref.tag ? arena_printf(a, "/%s", familiar) : NULL;
	}
	return 0;
}

/* The ways an image can be meant, in the order they are tried. */
enum way { BY_ID, BY_NAME, BY_LOCAL_NAME, BY_DIGEST, BY_TAIL, BY_ID_PREFIX, WAYS };

static const char *name_of(const json_t *image, size_t i) { return json_string_value(json_array_get(json_arr(image, "names"), i)); }

static size_t names_of(const json_t *image)
{
	json_t *names = json_arr(image, "names");
	return names ? json_array_size(names) : 0;
}

static const char *named(const json_t *image, const char *name)
{
	for (size_t i = 0; name && i < names_of(image); i++) {
		const char *have = name_of(image, i);
		if (have && strcmp(have, name) == 0)
			return have;
	}
	return NULL;
}

static bool has_digest(const json_t *image, const struct digest *d)
{
	const char *want = DIGEST_STR(d), *have = json_text(image, "digest"), *key;
	json_t *all = json_obj(image, "big-data-digests"), *v;
	if (have && strcmp(have, want) == 0)
		return true;
	if (all)
		json_object_foreach (all, key, v)
			if (strncmp(key, "manifest", 8) == 0 && json_is_string(v) && strcmp(json_string_value(v), want) == 0)
				return true;
	return false;
}

/* Whether `image` is meant; *name becomes the name that says so. */
static bool meant(const json_t *image, const struct wanted *w, enum way way, const char **name)
{
	const char *id = json_text(image, "id");
	if (w->only_id && way != BY_ID)
		return false;
	switch (way) {
	case BY_ID:
		return w->id && strcmp(id, w->id) == 0;
	case BY_NAME:
	case BY_LOCAL_NAME:
		return (*name = named(image, w->names[way == BY_NAME ? 0 : w->names[0] ? 1 : 0])) != NULL;
	case BY_DIGEST:
		return w->digest.alg && has_digest(image, &w->digest);
	case BY_TAIL:
		for (size_t i = 0; w->tail && i < names_of(image); i++) {
			const char *have = name_of(image, i);
			if (have && str_ends(str_of(have), str_of(w->tail))) {
				*name = have;
				return true;
			}
		}
		return false;
	default:
		return w->id && str_starts(str_of(id), str_of(w->id));
	}
}

static int find_way(struct storage_source *s, const struct wanted *w, enum way way, const struct store **store, const json_t **image, struct error *err)
{
	const json_t *found = NULL;
	for (u32 i = 0; i < s->n_stores; i++) {
		const json_t *list = s->stores[i].images;
		for (size_t k = 0; list && k < json_array_size(list); k++) {
			const json_t *at = json_array_get(list, k);
			const char *name = NULL, *id = json_text(at, "id");
			if (!id_ok(id) || !meant(at, w, way, &name))
				continue;
			if (found && way < BY_TAIL)
				continue; /* the first store counts */
			if (found && strcmp(json_text(found, "id"), id) == 0)
				continue;
			if (found)
				return error_set(err, ERR_USAGE, "%.200s: could be %.200s or %.200s", w->text, s->base.reference, name ? name : id);
			found = at;
			*store = &s->stores[i];
			*image = at;
			s->base.reference = name ? name : way != BY_DIGEST && names_of(at) && name_of(at, 0) ? name_of(at, 0) : w->only_id || way == BY_DIGEST ? w->text : id;
		}
	}
	return found != NULL;
}

static int find_image(struct storage_source *s, const struct wanted *w, const struct store **store, const json_t **image, struct error *err)
{
	for (enum way way = BY_ID; way < WAYS; way++) {
		int r = find_way(s, w, way, store, image, err);
		if (r < 0)
			return -1;
		if (r > 0) {
			s->base.reference = arena_strdup(&s->base.arena, str_of(s->base.reference));
			return 0;
		}
	}
	return error_set(err, ERR_ENV, "%.200s: no such image in %.300s", w->text, s->n_stores ? s->stores[0].root : "the storage");
}

/* --- its documents --- */

static int read_big_data(struct storage_source *s, const struct store *st, const json_t *image, const char *key, struct str *ret, struct error *err)
{
	struct buf text = BUF(0);
	int r = read_below(st, big_data_path(&s->base.arena, st, json_text(image, "id"), key), &text, err);
	if (r == 0)
		*ret = str_n(arena_strdup(&s->base.arena, buf_str(&text)), text.n);
	buf_free(&text);
	return r;
}

static bool has_big_data(struct storage_source *s, const struct store *st, const json_t *image, const char *key)
{
	return faccessat(st->fd, big_data_path(&s->base.arena, st, json_text(image, "id"), key), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Of an index the manifest for the platform, among those that are here. */
static int choose(struct storage_source *s, const struct store *st, const json_t *image, const json_t *doc, const struct source_options *opt, const char **key, struct error *err)
{
	struct index index;
	if (index_parse(&s->base.arena, doc, &index, err) < 0)
		return -1;
	struct platform host = platform_host();
	const struct platform *want = opt->platform ? opt->platform : &host;
	int best = 0;
	for (u32 i = 0; i < index.n; i++) {
		const struct descriptor *d = &index.manifests[i];
		int fit = d->attestation ? 0 : d->platform.arch[0] ? platform_match(want, &d->platform) : opt->platform_forced ? 0 : 1;
		const char *at = arena_printf(&s->base.arena, "manifest-%s", DIGEST_STR(&d->digest));
		if (fit > best && has_big_data(s, st, image, at)) {
			best = fit;
			*key = at;
		}
	}
	return best ? 0 : error_set(err, ERR_USAGE, "nothing for %s here (--platform)", platform_text(want, (char[100]){ 0 }));
}

static int read_manifest(struct storage_source *s, const struct store *st, const json_t *image, const struct wanted *w, const struct source_options *opt, json_t **ret, struct error *err)
{
	const char *key = "manifest";
	const char *exact = w->digest.alg ? arena_printf(&s->base.arena, "manifest-%s", DIGEST_STR(&w->digest)) : NULL;
	if (exact && has_big_data(s, st, image, exact))
		key = exact;
	for (u32 nested = 0; nested < OCI_NESTED_MAX; nested++) {
		struct str bytes, known = json_view(json_obj(image, "big-data-digests"), key);
		if (read_big_data(s, st, image, key, &bytes, err) < 0)
			return -1;
		struct digest noted = { 0 }, d;
		if (known.p && digest_parse(known, &noted, err) < 0)
			return -1;
		d = digest_bytes(noted.alg ? noted.alg : DIGEST_SHA256, bytes);
		autojson json_t *doc = json_read(bytes, key, err);
		if (!doc)
			return -1;
		u64 version;
		if (json_u64(doc, "schemaVersion", &version) && version == 1)
			return error_set(err, ERR_INPUT, "manifest: Docker's schema 1, which names no configuration; pull the image again");
		if (noted.alg && !digest_eq(&noted, &d))
			return error_set(err, ERR_INPUT, "%s: its digest is %s: damaged", key, DIGEST_STR(&d));
		if (json_arr(doc, "manifests") && !json_arr(doc, "layers")) {
			if (choose(s, st, image, doc, opt, &key, err) < 0)
				return -1;
			continue;
		}
		s->base.manifest = bytes;
		s->base.digest = d;
		*ret = json_incref(doc);
		return 0;
	}
	return error_set(err, ERR_INPUT, "indexes nested more than %d deep", OCI_NESTED_MAX);
}

/* The configuration's bytes; a damaged or missing one is a problem, not the end. */
static void read_config(struct storage_source *s, const struct store *st, const json_t *image, const struct digest *digest, struct config *ret)
{
	struct error err = { 0 };
	struct str bytes;
	s->base.config_digest = *digest;
	if (read_big_data(s, st, image, DIGEST_STR(digest), &bytes, &err) < 0) {
		problem_add(&s->base.problems, "configuration: %s", err.text);
		return;
	}
	struct digest have = digest_bytes(digest->alg, bytes);
	if (!digest_eq(&have, digest)) {
		problem_add(&s->base.problems, "configuration %s: its digest is %s: damaged", DIGEST_STR(digest), DIGEST_STR(&have));
		return;
	}
	s->base.config = bytes;
	autojson json_t *doc = json_read(bytes, "configuration", &err);
	if (!doc || config_parse(&s->base.arena, doc, ret, &err) < 0)
		*ret = (struct config){ 0 }; /* whoever reads the bytes reports it */
}

/* --- its layers --- */

static int by_id(const void *a, const void *b) { return strcmp(((const struct kept_layer *)a)->id, ((const struct kept_layer *)b)->id); }

static void collect(struct storage_source *s)
{
	for (u32 i = 0; i < s->n_stores; i++) {
		const json_t *lists[] = { s->stores[i].layers, s->stores[i].volatile_layers };
		for (u32 l = 0; l < countof(lists); l++)
			for (size_t k = 0; lists[l] && k < json_array_size(lists[l]); k++) {
				const json_t *doc = json_array_get(lists[l], k);
				struct kept_layer layer = { .id = json_text(doc, "id"), .doc = doc, .store = &s->stores[i] };
				if (id_ok(layer.id))
					VEC_PUSH(s->known, s->n_known, s->cap_known, layer);
			}
	}
	if (s->n_known)
		qsort(s->known, s->n_known, sizeof *s->known, by_id);
}

/* The layer of that ID; the same one in several stores: from `near`, else the first. */
static const struct kept_layer *layer_of(const struct storage_source *s, const char *id, const struct store *near)
{
	struct kept_layer key = { .id = id };
	const struct kept_layer *at = s->n_known ? bsearch(&key, s->known, s->n_known, sizeof key, by_id) : NULL, *best = NULL;
	if (!at)
		return NULL;
	while (at > s->known && strcmp(at[-1].id, id) == 0)
		at--;
	for (; at < s->known + s->n_known && strcmp(at->id, id) == 0; at++)
		if (at->store == near || !best || (best->store != near && at->store < best->store))
			best = at;
	return best;
}

static int read_chain(struct storage_source *s, const struct store *store, const json_t *image, struct error *err)
{
	const char *id = json_text(image, "layer");
	u32 n = 0, cap = 0;
	const struct kept_layer **v = NULL;
	while (id && id[0]) {
		const struct kept_layer *l = id_ok(id) ? layer_of(s, id, store) : NULL;
		if (!l || n == OCI_LAYERS_MAX) {
			free(v);
			return l ? error_set(err, ERR_INPUT, "more than %d layers", OCI_LAYERS_MAX) : error_set(err, ERR_INPUT, "layer %.80s: not in the storage", id);
		}
		VEC_PUSH(v, n, cap, l);
		id = json_text(l->doc, "parent");
	}
	s->chain = arena_array(&s->base.arena, const struct kept_layer *, n + 1);
	for (u32 i = 0; i < n; i++)
		s->chain[i] = v[n - 1 - i];
	s->n_chain = n;
	free(v);
	return 0;
}

static const char *split_path(struct arena *a, const struct kept_layer *l) { return arena_printf(a, "%s-layers/%s.tar-split.gz", l->store->driver, l->id); }

static const char *tree_path(struct arena *a, const struct kept_layer *l)
{
	return strcmp(l->store->driver, "vfs") == 0 ? arena_printf(a, "vfs/dir/%s", l->id) : arena_printf(a, "%s/%s/diff", l->store->driver, l->id);
}

static void set_layer(struct storage_source *s, u32 i, const struct manifest *m, const struct config *c)
{
	const struct kept_layer *l = s->chain[i];
	struct source_layer *to = &s->base.layers[i];
	struct str diff = json_view(l->doc, "diff-digest");
	struct error err = { 0 };
	u64 size = 0;
	to->desc.media_type = i < m->n ? m->layers[i].media_type : "";
	to->place = arena_printf(&s->base.arena, "%s/%s", l->store->driver, l->id);
	if (json_u64(l->doc, "diff-size", &size))
		to->desc.size = to->stored = size;
	if (diff.p && digest_parse(diff, &to->desc.digest, &err) < 0)
		problem_add(&s->base.problems, "layer %u: %s", i, err.text);
	if (c->n_diff_ids > i && to->desc.digest.alg && !digest_eq(&to->desc.digest, &c->diff_ids[i]))
		problem_add(&s->base.problems, "layer %u: the storage has %s, the configuration names %s", i, DIGEST_STR(&to->desc.digest), DIGEST_STR(&c->diff_ids[i]));
	to->trusted = to->desc.digest.alg != DIGEST_NONE;
	if (json_is_true(json_object_get(json_obj(l->doc, "flags"), "incomplete")) || faccessat(l->store->fd, split_path(&s->base.arena, l), F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		problem_add(&s->base.problems, "layer %u: %s was not kept whole by the engine: %s is missing", i, to->place, split_path(&s->base.arena, l));
		to->missing = true;
	}
}

/* --- the source --- */

/* Called from several threads: nothing of the source is changed, not even its arena. */
static int storage_open_layer(struct source *base, u32 i, struct stream **ret, struct error *err)
{
	const struct storage_source *s = (const struct storage_source *)base;
	const struct kept_layer *l = s->chain[i];
	struct arena a = { 0 };
	struct stream *lines = NULL;
	enum compression kind;
	int tree = -1, split = file_open_beneath(l->store->fd, split_path(&a, l), err);
	if (split < 0)
		goto fail;
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	tree = (int)syscall(SYS_openat2, l->store->fd, tree_path(&a, l), &how, sizeof how);
	if (tree < 0) {
		error_errno(err, "%s", tree_path(&a, l));
		close(split);
		goto fail;
	}
	if (stream_inflate(stream_file(split, true, 0, UINT64_MAX, 16 * KiB), &lines, &kind, err) < 0) {
		close(tree);
		goto fail;
	}
	*ret = tarsplit_stream(lines, tree, s->lazy);
	arena_free(&a);
	return 0;
fail:
	arena_free(&a);
	return error_wrap(err, "%.200s", l->store->root);
}

static void add_stat(int dirfd, const char *path, struct buf *out)
{
	struct stat st;
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		buf_printf(out, " %ju.%ju.%jd.%jd.%ld.%jd.%ld", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
			   st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

static void storage_identity(struct source *base, u32 i, struct buf *out)
{
	const struct storage_source *s = (const struct storage_source *)base;
	const struct kept_layer *l = s->chain[i];
	struct arena a = { 0 };
	buf_printf(out, "containers-storage %s %s", l->id, DIGEST_STR(&base->layers[i].desc.digest));
	add_stat(l->store->fd, split_path(&a, l), out);
	add_stat(l->store->fd, tree_path(&a, l), out);
	arena_free(&a);
}

static void storage_close(struct source *base)
{
	struct storage_source *s = (struct storage_source *)base;
	for (u32 i = 0; i < s->n_stores; i++)
		store_close(&s->stores[i]);
	free(s->known);
}

static const struct source_ops storage_ops = { storage_open_layer, storage_identity, storage_close };

static int open_stores(struct storage_source *s, struct str specifier, struct error *err)
{
	struct storeconf conf;
	struct error first = { 0 };
	if (storeconf_find(&s->base.arena, specifier, &conf, err) < 0)
		return -1;
	for (u32 i = 0; i < conf.n; i++)
		for (u32 d = 0; d < 2; d++) {
			static const char *const drivers[] = { "overlay", "vfs" };
			if (conf.driver[0] && strcmp(conf.driver, drivers[d]) != 0)
				continue;
			int r = store_open(&s->base.arena, conf.roots[i], drivers[d], &s->stores[s->n_stores], first.kind ? NULL : &first);
			if (r > 0)
				s->n_stores++;
		}
	if (first.kind && s->n_stores == 0) {
		*err = first;
		return -1;
	}
	if (first.kind)
		problem_add(&s->base.problems, "%s", first.text);
	if (s->n_stores == 0)
		return error_set(err, ERR_ENV, "no images in %.300s", conf.roots[0]);
	return 0;
}

static int storage_load(struct storage_source *s, struct str specifier, struct str name, const struct source_options *opt, struct error *err)
{
	struct wanted w;
	const struct store *store = NULL;
	const json_t *image = NULL;
	autojson json_t *doc = NULL;
	struct manifest m;
	struct config c = { 0 };
	if (understand(&s->base.arena, name, &w, err) < 0 || open_stores(s, specifier, err) < 0 || find_image(s, &w, &store, &image, err) < 0)
		return -1;
	collect(s);
	if (read_manifest(s, store, image, &w, opt, &doc, err) < 0 || manifest_parse(&s->base.arena, doc, &m, err) < 0 || read_chain(s, store, image, err) < 0)
		return error_wrap(err, "%.200s", s->base.reference);
	s->base.manifest_media_type = m.media_type[0] ? m.media_type : strcmp(m.config.media_type, MT_DOCKER_CONFIG) == 0 ? MT_DOCKER_MANIFEST : MT_MANIFEST;
	read_config(s, store, image, &m.config.digest, &c);
	if (opt->platform_forced && opt->platform && c.platform.arch[0] && !platform_match(opt->platform, &c.platform))
		return error_set(err, ERR_USAGE, "%.200s: is for %s, not for %s (--platform)",
				 s->base.reference, platform_text(&c.platform, (char[100]){ 0 }), platform_text(opt->platform, (char[100]){ 0 }));
	if (s->n_chain != m.n)
		problem_add(&s->base.problems, "the manifest names %u layers, the storage keeps %u", m.n, s->n_chain);
	s->base.layers = arena_array(&s->base.arena, struct source_layer, s->n_chain + 1);
	s->base.n_layers = s->n_chain;
	for (u32 i = 0; i < s->n_chain; i++)
		set_layer(s, i, &m, &c);
	return 0;
}

static int storage_open(const char *detail, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct str name = str_of(detail), specifier = { NULL, 0 };
	if (detail[0] == '[') {
		name = str_from(name, 1);
		specifier = str_cut(&name, ']');
		if (!name.p)
			return error_set(err, ERR_USAGE, "containers-storage:%.200s: the bracket is not closed", detail);
	}
	struct source *base = source_new(sizeof(struct storage_source), &storage_ops, "containers-storage");
	struct storage_source *s = (struct storage_source *)base;
	s->lazy = opt->layer && opt->layer->headers_only;
	if (storage_load(s, specifier, name, opt, err) < 0) {
		source_close(base);
		return error_wrap(err, "containers-storage");
	}
	*ret = base;
	return 0;
}

const struct transport transport_containers_storage = {
	.name = "containers-storage",
	.detail = "[DRIVER@ROOT]REF",
	.summary = "an image of podman, buildah or skopeo, read where they keep it",
	.open = storage_open,
};
