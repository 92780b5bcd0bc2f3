#include "base/progress.h"
#include "slim/config.h"
#include "slim/rewrite.h"
#include "slim/slim.h"
#include "store/load.h"
#include "transport/places.h"
#include "transport/sink.h"

struct writer {
	struct slim *s;
	const struct slim_target *to;
	struct sink *sink;
	struct sink_layer *layers; /* of the result: those of the original that are left, then the one that was added */
	u32 n;
	bool again; /* a layer did not get smaller: the plan changed */
};

static json_t *layer_document(const struct image *img, u32 i) { return json_array_get(json_arr(img->manifest_doc, "layers"), i); }

static int open_stored(const struct image *img, u32 i, struct stream **ret, struct error *err)
{
	struct source *src = image_source(img);
	return src->ops->open_layer(src, i, ret, err);
}

static int open_plain(const struct image *img, u32 i, struct stream **ret, struct error *err)
{
	struct stream *stored;
	enum compression kind;
	if (open_stored(img, i, &stored, err) < 0)
		return -1;
	return stream_inflate(stored, ret, &kind, err);
}

/* The form of a layer that is written anew: as asked for, else as it was; what was plain in an archive of plain layers becomes gzip. */
static enum compression form_of(const struct writer *w, const struct image_layer *l)
{
	if (w->to->forced)
		return w->to->compression;
	if (l->compression == COMP_ZSTD || (l->compression == COMP_NONE && w->s->img->manifest_doc))
		return l->compression;
	return COMP_GZIP;
}

static int keep_layer(struct writer *w, u32 i, struct sink_layer *ret, struct error *err)
{
	const struct image *img = w->s->img;
	const struct image_layer *l = &img->layers[i];
	bool plain = w->sink->ops->plain, foreign = !plain && !w->to->forced && img->manifest_doc && (l->compression == COMP_XZ || l->compression == COMP_BZIP2);
	enum compression form = plain ? COMP_NONE : form_of(w, l);
	struct stream *s;
	if (form == l->compression || foreign) {
		if (open_stored(img, i, &s, err) < 0)
			return -1;
		*ret = (struct sink_layer){ .diff_id = l->diff_id, .digest = l->digest, .size = l->compressed_size, .compression = l->compression };
		ret->media_type = foreign ? l->media_type : NULL;
		ret->annotations = json_obj(layer_document(img, i), "annotations");
		return sink_copy(w->sink, s, &l->digest, l->compressed_size, err);
	}
	if (open_plain(img, i, &s, err) < 0)
		return -1;
	if (sink_layer(w->sink, s, form, w->to->level, l->size, 0, ret, err) < 0)
		return -1;
	if (l->diff_id.alg == DIGEST_SHA256 && !digest_eq(&ret->diff_id, &l->diff_id))
		return error_set(err, ERR_INPUT, "its bytes have changed since they were read");
	if (l->diff_id.alg)
		ret->diff_id = l->diff_id;
	return 0;
}

static int rewrite_layer(struct writer *w, u32 i, struct sink_layer *ret, struct error *err)
{
	const struct image_layer *l = &w->s->img->layers[i];
	enum compression form = w->sink->ops->plain ? COMP_NONE : form_of(w, l);
	struct stream *plain;
	if (open_plain(w->s->img, i, &plain, err) < 0)
		return -1;
	struct stream *s = rewrite_stream(&w->s->plan, i, plain);
	return sink_layer(w->sink, s, form, w->to->level, w->s->plan.layers[i].size, form == l->compression ? l->compressed_size : 0, ret, err);
}

/* The databases that were written anew, in a layer of their own on top. */
static int add_layer(struct writer *w, struct error *err)
{
	struct slim *s = w->s;
	struct buf tar = BUF(0);
	if (!s->added.n)
		return 0;
	const struct image_layer *top = &s->img->layers[s->img->n_layers - 1];
	int r = additions_tar(&s->added, &s->plan, &tar, err);
	if (r == 0)
		r = sink_layer(w->sink, stream_memory(buf_str(&tar)), w->sink->ops->plain ? COMP_NONE : form_of(w, top), w->to->level, tar.n, 0, &w->layers[w->n], err);
	w->n += r == 0;
	buf_free(&tar);
	return r < 0 ? error_wrap(err, "the layer of package databases") : 0;
}

static int spool_from(void *ctx, u32 i, struct stream **ret, struct error *err) { return open_plain(ctx, i, ret, err); }

/* The original's layers that new ones stand for: their stored bytes, where new ones are stored likewise; else 0. */
static u64 replaced(const struct writer *w, enum compression form)
{
	const struct slim *s = w->s;
	u64 total = 0;
	for (u32 i = 0; i < s->img->n_layers; i++) {
		if (s->relayer.place[i] != PLACE_NEW || s->plan.layers[i].fate == LAYER_DROPPED)
			continue;
		if (s->img->layers[i].compression != form)
			return 0;
		total += s->img->layers[i].compressed_size;
	}
	return total;
}

static enum compression form_of_new(const struct writer *w)
{
	const struct slim *s = w->s;
	u32 i = 0;
	while (i + 1 < s->img->n_layers && (s->relayer.place[i] != PLACE_NEW || s->plan.layers[i].fate == LAYER_DROPPED))
		i++;
	return w->sink->ops->plain ? COMP_NONE : form_of(w, &s->img->layers[i]);
}

static int keep_layers(struct writer *w, enum relayer_place place, struct error *err)
{
	for (u32 i = 0; i < w->s->img->n_layers; i++) {
		if (w->s->relayer.place[i] != place)
			continue;
		if (keep_layer(w, i, &w->layers[w->n], err) < 0)
			return error_wrap(err, "layer %u", i);
		w->n++;
	}
	return 0;
}

static int new_layers(struct writer *w, int fd, struct error *err)
{
	struct slim *s = w->s;
	enum compression form = form_of_new(w);
	u64 size = 0, most = replaced(w, form);
	if (relayer_spool(&s->relayer, spool_from, (void *)(uintptr_t)s->img, fd, err) < 0)
		return -1;
	for (u32 c = 0; c < RELAYER_CLASSES; c++) {
		const struct relayer_layer *v = &s->relayer.v[c];
		if (!v->facts)
			continue;
		if (sink_layer(w->sink, relayer_stream(&s->relayer, c, fd), form, w->to->level, v->size, 0, &w->layers[w->n], err) < 0)
			return error_wrap(err, "the layer of %s", v->name);
		size += w->layers[w->n++].size;
	}
	for (u32 i = 0; i < s->added.n; i++)
		most += most ? s->added.v[i].content.n : 0;
	w->again = most && size >= most && s->opt.form == RELAYER_RATE; /* then they may as well stay where they are */
	return 0;
}

static int write_relayered(struct writer *w, struct error *err)
{
	struct arena a = { 0 };
	autofd int fd = archive_spool_file(archive_spool_dir(&a, store_dir(&a, w->to->repo.store, NULL)), err);
	arena_free(&a);
	return fd < 0 || keep_layers(w, PLACE_BELOW, err) < 0 || new_layers(w, fd, err) < 0 ? -1 : keep_layers(w, PLACE_ABOVE, err);
}

static u64 work_of(const struct writer *w)
{
	u64 total = 0;
	for (u32 c = 0; w->s->relayer.layers && c < RELAYER_CLASSES; c++)
		total += w->s->relayer.v[c].size;
	for (u32 i = 0; i < w->s->img->n_layers; i++) {
		const struct image_layer *l = &w->s->img->layers[i];
		if (w->s->relayer.layers && w->s->relayer.place[i] == PLACE_NEW)
			continue;
		bool copied = w->s->plan.layers[i].fate == LAYER_KEPT && !w->sink->ops->plain && form_of(w, l) == l->compression;
		total += copied ? l->compressed_size : w->s->plan.layers[i].size;
	}
	return total;
}

static int write_layers(struct writer *w, struct error *err)
{
	const struct plan *p = &w->s->plan;
	w->n = 0;
	w->again = false;
	if (w->s->relayer.layers)
		return write_relayered(w, err);
	for (u32 i = 0; i < w->s->img->n_layers; i++) {
		bool rewrite = p->layers[i].fate == LAYER_REWRITTEN;
		if (p->layers[i].fate == LAYER_DROPPED || (w->again && !rewrite))
			continue; /* once the plan is to change, only to learn which others don't get smaller */
		int r = rewrite ? rewrite_layer(w, i, &w->layers[w->n], err) : keep_layer(w, i, &w->layers[w->n], err);
		if (r < 0)
			return error_wrap(err, "layer %u", i);
		w->n++;
		if (r == 1)
			w->again = w->s->whole[i] = true;
	}
	return w->again ? 0 : add_layer(w, err);
}

/* "of the instructions 1, 4, 7": places in the history, whose entries stay. */
static const char *instructions(struct arena *a, const struct image *img, const bool *of)
{
	struct buf text = BUF(0);
	for (u32 l = 0; l < img->n_layers; l++)
		if (of[l] && img->layers[l].history >= 0)
			buf_printf(&text, text.n ? ", %d" : "of the instructions %d", img->layers[l].history + 1);
	const char *ret = text.n ? arena_strdup(a, buf_str(&text)) : NULL;
	buf_free(&text);
	return ret;
}

/* Entries of history: of layers that are gone, and of new ones. */
static void new_history(const struct writer *w, struct arena *a, struct config_change *c, s32 *emptied)
{
	const struct slim *s = w->s;
	const struct image *img = s->img;
	const struct relayer *r = s->relayer.layers ? &s->relayer : NULL;
	c->before = -1;
	c->emptied = emptied;
	for (u32 i = 0; i < img->n_layers; i++) {
		if ((r ? r->place[i] == PLACE_NEW : s->plan.layers[i].fate == LAYER_DROPPED) && img->layers[i].history >= 0)
			emptied[c->n_emptied++] = img->layers[i].history;
		if (r && r->place[i] == PLACE_ABOVE && c->before < 0)
			c->before = img->layers[i].history;
	}
	for (u32 i = 0; r && i < RELAYER_CLASSES; i++)
		if (r->v[i].facts)
			c->added[c->n_added++] = (struct config_added){ arena_printf(a, "pare slim: %s", r->v[i].name), instructions(a, img, r->v[i].of) };
	if (!r && s->added.n)
		c->added[c->n_added++] = (struct config_added){ "pare slim", NULL };
}

static void new_config(struct writer *w, struct buf *out)
{
	const struct image *img = w->s->img;
	struct str text = image_source(img)->config;
	struct arena a = { 0 };
	struct digest *ids = xcalloc(MAX(w->n, 1u), sizeof *ids);
	s32 *emptied = xcalloc(MAX(img->n_layers, 1u), sizeof *emptied);
	struct config_change c = { .diff_ids = ids, .n = w->n };
	u32 layers = 0;
	bool same = img->config_doc && w->n == img->config.n_diff_ids && !w->s->added.n;
	for (u32 i = 0; i < img->config.n_history; i++)
		layers += !img->config.history[i].empty_layer;
	for (u32 i = 0; i < w->n; i++) {
		ids[i] = w->layers[i].diff_id;
		same &= i < img->config.n_diff_ids && digest_eq(&ids[i], &img->config.diff_ids[i]);
	}
	if (layers == img->n_layers) /* one that doesn't fit the layers says nothing of them */
		new_history(w, &a, &c, emptied);
	if (same)
		buf_add(out, text);
	else
		config_rewrite(img, text, &c, out);
	free(ids);
	free(emptied);
	arena_free(&a);
}

/* The name that the image goes by, when it is one of its own and not merely where it was found. */
static const char *own_name(const struct slim *s)
{
	static const char *const files[] = { "docker-archive", "oci", "oci-archive", "rootfs" };
	const char *name = s->img->reference, *transport = s->img->transport;
	bool file = false;
	if (!name || !*name || strchr(name, '@'))
		return NULL;
	for (size_t i = 0; i < countof(files); i++)
		file |= strcmp(transport, files[i]) == 0;
	size_t n = strlen(transport);
	bool detail = strncmp(s->location, transport, n) == 0 && s->location[n] == ':' && strcmp(s->location + n + 1, name) == 0;
	bool archive = strcmp(transport, "docker-archive") == 0 || strcmp(transport, "rootfs") == 0; /* docker's archives always say name:tag */
	if (file && (detail || strcmp(s->location, name) == 0 || (archive && !strchr(name, ':'))))
		return NULL;
	return name;
}

static int seal(struct writer *w, struct error *err)
{
	const struct image *img = w->s->img;
	struct buf config = BUF(0);
	new_config(w, &config);
	struct sink_image out = { .config = buf_str(&config), .layers = w->layers, .n_layers = w->n, .annotations = json_obj(img->manifest_doc, "annotations"), .reference = own_name(w->s) };
	int r = sink_seal(w->sink, &out, err);
	buf_free(&config);
	return r;
}

/* 0: what can be read there is what was meant; 1: it is not. */
static int read_back(struct writer *w, struct error *err)
{
	char platform[100];
	struct image *after;
	struct load_options load = { .collectors = w->to->collectors, .need_content = true, .no_cache = true };
	if (w->s->img->config_doc && *platform_text(&w->s->img->config.platform, platform))
		load.platform = platform;
	if (image_load(sink_staged(w->sink), &load, &after, err) < 0)
		return error_wrap(err, "reading back what was written");
	int r = 0;
	if (after->problems.n) {
		r = error_set(err, ERR_ENV, "reading back what was written: %s", after->problems.v[0]);
	} else {
		struct rootfs *tree = rootfs_build(after, NULL);
		struct packages *pkgs = packages_read_set(tree, slim_set(w->s), false);
		r = slim_verify(w->s, after, tree, pkgs, true) ? 0 : 1;
		if (r == 0 && w->to->prove)
			r = w->to->prove(w->to->ctx, after, tree, err);
		packages_free(pkgs);
		rootfs_free(tree);
	}
	image_close(after);
	return r;
}

static int attempt(struct writer *w, struct error *err)
{
	struct arena a = { 0 };
	struct repo_options to = w->to->repo;
	to.store = store_dir(&a, to.store, NULL); /* what is on its way stands there, where a prune finds it; without one in $TMPDIR */
	int opened = sink_open_with(w->to->location, w->to->format, &to, &w->sink, err);
	arena_free(&a);
	if (opened < 0)
		return -1;
	progress_begin("writing", work_of(w));
	int r = write_layers(w, err);
	progress_end();
	if (r == 0 && !w->again)
		r = seal(w, err);
	if (r == 0 && !w->again)
		r = read_back(w, err);
	if (r == 0 && !w->again && w->to->attach)
		r = w->to->attach(w->to->ctx, w->sink, err);
	if (r == 0 && !w->again)
		r = sink_commit(w->sink, err);
	sink_close(w->sink);
	return r;
}

int slim_write(struct slim *s, const struct slim_target *to, struct error *err)
{
	struct writer w = { .s = s, .to = to, .layers = xcalloc(s->img->n_layers + 3u, sizeof *w.layers) };
	int r = attempt(&w, err);
	while (r == 0 && w.again) { /* each time one more layer is kept whole: it ends */
		r = slim_plan(s, err);
		if (r == 0)
			r = attempt(&w, err);
	}
	free(w.layers);
	return r;
}
