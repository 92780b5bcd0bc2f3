#include "store/load.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/progress.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept {
	struct source *source;
	struct facts **facts; /* each once */
	u32 n_facts;
	char *dir;            /* STORE/facts, or NULL: no cache */
	u64 salts[LOAD_SETS]; /* of the sets of collectors, from small to large: salts[set] is of the one that is asked for */
	u32 set, n_sets;
};

struct source *image_source(const struct image *img) { return ((struct kept *)img->keep)->source; }

static void close_kept(struct image *img)
{
	struct kept *k = img->keep;
	for (u32 i = 0; i < k->n_facts; i++)
		facts_free(k->facts[i]);
	free(k->facts);
	free(k->dir);
	source_close(k->source);
	free(k);
}

const char *store_dir(struct arena *a, const char *option, struct error *err)
{
	const char *env = getenv("PARE_STORE"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME"), *dir;
	if (option)
		dir = option;
	else if (env && env[0])
		dir = env;
	else if (data && data[0] == '/')
		dir = arena_printf(a, "%s/pare", data);
	else if (home && home[0] == '/')
		dir = arena_printf(a, "%s/.local/share/pare", home);
	else {
		error_set(err, ERR_USAGE, "no place for the store: set PARE_STORE or HOME, or say --store DIR");
		return NULL;
	}
	return file_mkdirs(dir, err) < 0 ? NULL : dir;
}

/* --- the cache --- */
static u64 salt_of(const struct collector *const *c)
{
	u64 salt = FACTS_VERSION;
	for (; c && *c; c++) {
		u32 v[2] = { (*c)->id, (*c)->version };
		salt = hash64(str_n(v, sizeof v), salt);
	}
	return salt;
}

static void salts_of(struct kept *k, const struct load_options *opt)
{
	for (; opt->sets && opt->sets[k->n_sets] && k->n_sets < LOAD_SETS; k->n_sets++) {
		k->salts[k->n_sets] = salt_of(opt->sets[k->n_sets]);
		if (opt->sets[k->n_sets] == opt->collectors)
			k->set = k->n_sets;
	}
	if (k->n_sets)
		return;
	k->salts[0] = salt_of(opt->collectors);
	k->n_sets = 1;
}

static void facts_file(const struct kept *k, const struct digest *diff_id, u32 set, struct buf *out)
{
	const char *text = DIGEST_STR(diff_id), *colon = strchr(text, ':');
	buf_clear(out);
	buf_printf(out, "%s/%.*s-%s-%llx", k->dir, colon ? (int)(colon - text) : 0, text, colon ? colon + 1 : "", (unsigned long long)k->salts[set]);
}

/* What is known under the identity of stored bytes: a file of its own, checked by an XXH3 of the identity and all that follows. `kind` says what it is. */
static void known_file(const struct kept *k, const char *kind, struct str identity, struct buf *out)
{
	struct hash128 h = hash_bytes(identity);
	buf_printf(out, "%s/%s-%016llx%016llx", k->dir, kind, (unsigned long long)h.hi, (unsigned long long)h.lo);
}

static void known_save(const struct kept *k, const char *kind, struct str identity, struct str record)
{
	struct buf path = BUF(0);
	struct outfile o;
	known_file(k, kind, identity, &path);
	if (outfile_open(&o, path.p, NULL) == 0) {
		u64 check = hash64(record, hash64(identity, FACTS_VERSION));
		if (file_write_all(o.fd, &check, sizeof check) < 0 || file_write_all(o.fd, record.p, record.n) < 0)
			outfile_abort(&o);
		else if (outfile_commit_unsynced(&o, NULL) < 0) { /* a cache that cannot be written is merely no help */
		}
	}
	buf_free(&path);
}

static bool known_load(const struct kept *k, const char *kind, struct str identity, struct buf *record)
{
	struct buf path = BUF(0), text = BUF(0);
	u64 check;
	known_file(k, kind, identity, &path);
	bool ok = file_read(path.p, 128 * MiB, &text, NULL) == 0 && text.n >= sizeof check;
	if (ok) {
		struct str rest = str_from(buf_str(&text), sizeof check);
		memcpy(&check, text.p, sizeof check);
		ok = check == hash64(rest, hash64(identity, FACTS_VERSION));
		if (ok)
			buf_add(record, rest);
	}
	buf_free(&path);
	buf_free(&text);
	return ok;
}

/* What was proven of a layer's stored bytes. */
struct proof {
	struct digest blob, diff_id;
	u64 blob_size;
	u32 compression, pad;
};

static bool identity_of(struct source *s, u32 i, struct buf *id)
{
	if (s->ops->identity)
		s->ops->identity(s, i, id);
	return id->n > 0;
}

/* `before` is the identity from before it was read: what changed meanwhile was not all proven. */
static void proof_save(const struct kept *k, struct source *s, u32 i, struct str before, const struct layer_read *r)
{
	struct buf id = BUF(0);
	struct proof p = { .blob = r->blob, .diff_id = r->facts->diff_id, .blob_size = r->blob_size, .compression = r->compression };
	if (identity_of(s, i, &id) && str_eq(buf_str(&id), before))
		known_save(k, "layer", buf_str(&id), str_n(&p, sizeof p));
	buf_free(&id);
}

static bool proof_load(const struct kept *k, struct str identity, struct proof *p)
{
	struct buf record = BUF(0);
	bool ok = known_load(k, "layer", identity, &record) && record.n == sizeof *p;
	if (ok)
		memcpy(p, record.p, sizeof *p);
	buf_free(&record);
	return ok;
}

static struct facts *facts_of(const struct kept *k, const struct digest *diff_id)
{
	struct buf path = BUF(0);
	struct facts *f = NULL;
	for (u32 set = k->set; set < k->n_sets && !f; set++) {
		facts_file(k, diff_id, set, &path);
		f = facts_load(path.p, k->salts[set], NULL);
	}
	buf_free(&path);
	return f;
}

/* struct archive_memory */
static bool recall(void *ctx, struct str identity, struct buf *record) { return known_load(ctx, "archive", identity, record); }
static void remember(void *ctx, struct str identity, struct str record) { known_save(ctx, "archive", identity, record); }
static struct facts *recall_facts(void *ctx, const struct digest *diff_id) { return facts_of(ctx, diff_id); }

/* --- layers --- */
struct job {
	u32 layer;      /* the first layer that is stored there */
	bool cached;
	int status;
	struct error err;
	struct layer_read read;
	struct buf identity; /* of the stored bytes before they were read; empty: cannot tell */
};

struct loader {
	const struct load_options *opt;
	struct image *img;
	struct source *source;
	struct kept *kept;
	struct layer_options layer;
	struct job *jobs;
	u32 n_jobs, cap_jobs;
	u32 *job_of; /* by layer; UINT32_MAX: none */
	u32 *order;  /* jobs, the largest first: no processor is left alone with it at the end */
};

static bool from_cache(struct loader *l, u32 i, struct job *j)
{
	struct proof p;
	const struct source_layer *sl = &l->source->layers[i];
	if (!l->kept->dir || !identity_of(l->source, i, &j->identity) || !proof_load(l->kept, buf_str(&j->identity), &p))
		return false;
	const struct config *c = &l->img->config;
	if (i < c->n_diff_ids && c->diff_ids[i].alg && c->diff_ids[i].alg != p.diff_id.alg)
		return false; /* the two could not be compared */
	if (sl->desc.digest.alg && !digest_eq(&sl->desc.digest, &p.blob))
		return false; /* other bytes than the manifest means: read them and say so */
	struct facts *f = facts_of(l->kept, &p.diff_id);
	if (!f)
		return false;
	j->read = (struct layer_read){ .blob = p.blob, .blob_size = p.blob_size, .compression = p.compression, .facts = f };
	j->cached = true;
	return true;
}

static void run_job(u32 n, void *ctx)
{
	struct loader *l = ctx;
	struct job *j = &l->jobs[l->order[n]];
	struct stream *s;
	if (j->read.facts)
		return;
	j->status = l->source->ops->open_layer(l->source, j->layer, &s, &j->err);
	struct layer_options o = l->layer;
	const struct digest *want = &l->source->layers[j->layer].desc.digest;
	o.blob_alg = want->alg;
	if (j->layer < l->img->config.n_diff_ids)
		o.diff_alg = l->img->config.diff_ids[j->layer].alg;
	if (j->status == 0)
		j->status = layer_read(s, &o, &j->read, &j->err);
}

static u64 hash_place(const char *place) { return hash64(str_of(place), hash_seed); }

/* One job for every place where a layer is stored: the same blob may be several layers. */
static void plan(struct loader *l)
{
	u32 n = l->source->n_layers, slots = 16;
	while (slots < 2 * n)
		slots *= 2;
	u32 *table = xcalloc(slots, sizeof *table); /* 1 + job */
	l->job_of = xmalloc((n ? n : 1) * sizeof *l->job_of);
	for (u32 i = 0; i < n; i++) {
		const struct source_layer *sl = &l->source->layers[i];
		l->job_of[i] = UINT32_MAX;
		if (sl->missing)
			continue;
		u32 at = (u32)hash_place(sl->place) & (slots - 1);
		while (table[at] && strcmp(l->source->layers[l->jobs[table[at] - 1].layer].place, sl->place) != 0)
			at = (at + 1) & (slots - 1);
		if (!table[at]) {
			struct job j = { .layer = i };
			if (sl->was_read)
				j.read = sl->read;
			else
				from_cache(l, i, &j);
			VEC_PUSH(l->jobs, l->n_jobs, l->cap_jobs, j);
			table[at] = l->n_jobs;
		}
		l->job_of[i] = table[at] - 1;
	}
	free(table);
}

static int larger_first(const void *a, const void *b, void *ctx)
{
	const struct loader *l = ctx;
	u64 x = l->source->layers[l->jobs[*(const u32 *)a].layer].stored, y = l->source->layers[l->jobs[*(const u32 *)b].layer].stored;
	return x != y ? (x < y) - (x > y) : *(const u32 *)a < *(const u32 *)b ? -1 : 1;
}

static u64 total_bytes(const struct loader *l)
{
	u64 total = 0;
	for (u32 i = 0; i < l->n_jobs; i++)
		if (!l->jobs[i].read.facts)
			total += l->source->layers[l->jobs[i].layer].stored;
	return total;
}

/* Where to tell of what the documents claim and the bytes are not. */
static struct problems *disagreements(const struct loader *l) { return l->opt->content_only ? &l->img->unverified : &l->img->problems; }

/* Compares what was read with what the documents say. True when everything that is said was proven. */
static bool verify(struct loader *l, u32 i, const struct job *j)
{
	const struct source_layer *sl = &l->source->layers[i];
	const struct layer_read *r = &j->read;
	struct problems *p = disagreements(l), *all = &l->img->problems;
	const struct config *c = &l->img->config;
	u32 before = p->n + p->more + all->n + all->more;
	char prefix[32];
	snprintf(prefix, sizeof prefix, "layer %u", i);
	problems_merge(all, &r->facts->problems, prefix);
	u64 stored = r->blob_size ? r->blob_size : sl->stored;
	if (sl->desc.digest.alg && stored != sl->desc.size)
		problem_add(p, "layer %u: %llu bytes are stored, the manifest says %llu", i, (unsigned long long)stored, (unsigned long long)sl->desc.size);
	if (l->opt->headers_only)
		return false;
	if (r->blob.alg && sl->desc.digest.alg && !digest_eq(&r->blob, &sl->desc.digest))
		problem_add(p, "layer %u: its digest is %s, the manifest says %s", i, DIGEST_STR(&r->blob), DIGEST_STR(&sl->desc.digest));
	if (i < c->n_diff_ids && r->facts->diff_id.alg && !digest_eq(&r->facts->diff_id, &c->diff_ids[i]))
		problem_add(p, "layer %u: its diff ID is %s, the configuration says %s", i, DIGEST_STR(&r->facts->diff_id), c->diff_ids[i].alg ? DIGEST_STR(&c->diff_ids[i]) : "nothing usable");
	return p->n + p->more + all->n + all->more == before && r->facts->diff_id.alg && r->blob.alg;
}

/* What a smaller set had kept is in the larger's facts, too. */
static void drop_smaller(const struct kept *k, const struct digest *diff_id)
{
	struct buf path = BUF(0);
	for (u32 set = 0; set < k->set; set++) {
		if (k->salts[set] == k->salts[k->set])
			continue;
		facts_file(k, diff_id, set, &path);
		if (unlink(path.p) < 0) { /* mostly it is not there */
		}
	}
	buf_free(&path);
}

static void keep_facts(struct loader *l, u32 i, const struct job *j)
{
	if (!l->kept->dir || j->cached || i != j->layer)
		return;
	if (!j->identity.n && !l->source->layers[i].was_read)
		return; /* nothing would ever lead to them */
	struct buf path = BUF(0);
	facts_file(l->kept, &j->read.facts->diff_id, l->kept->set, &path);
	struct facts *there = facts_of(l->kept, &j->read.facts->diff_id); /* from another place that holds the same layer; a damaged file is replaced */
	bool kept = there || facts_save(j->read.facts, path.p, l->kept->salts[l->kept->set], NULL) == 0;
	if (kept && !there)
		drop_smaller(l->kept, &j->read.facts->diff_id);
	facts_free(there);
	buf_free(&path);
	if (kept)
		proof_save(l->kept, l->source, i, buf_str(&j->identity), &j->read);
}

/* OCI has no media type for xz and bzip2. */
static const char *media_type_of(enum compression c) { return c == COMP_GZIP ? MT_LAYER "+gzip" : c == COMP_ZSTD ? MT_LAYER "+zstd" : MT_LAYER; }

static int fill_layer(struct loader *l, u32 i, struct error *err)
{
	struct image_layer *il = &l->img->layers[i];
	const struct source_layer *sl = &l->source->layers[i];
	*il = (struct image_layer){ .index = i, .digest = sl->desc.digest, .media_type = sl->desc.media_type, .compressed_size = sl->desc.size ? sl->desc.size : sl->stored,
				    .command = "", .history = -1, .place = sl->place };
	if (i < l->img->config.n_diff_ids)
		il->diff_id = l->img->config.diff_ids[i];
	if (l->job_of[i] == UINT32_MAX)
		return 0;
	struct job *j = &l->jobs[l->job_of[i]];
	if (j->status < 0) {
		if (j->err.kind == ERR_ENV) {
			*err = j->err;
			return error_wrap(err, "layer %u", i);
		}
		problem_add(&l->img->problems, "layer %u: %s", i, j->err.text);
		return 0;
	}
	if (verify(l, i, j))
		keep_facts(l, i, j);
	const struct layer_read *r = &j->read;
	il->facts = r->facts;
	il->cached = j->cached;
	il->size = r->facts->size;
	if (l->opt->headers_only && r->compression == COMP_NONE && sl->stored > il->size)
		il->size = sl->stored; /* the reader stopped where the archive ends, before what pads it */
	il->compression = r->compression;
	if (r->blob_size)
		il->compressed_size = r->blob_size;
	if (!il->digest.alg)
		il->digest = r->blob;
	if (!il->diff_id.alg)
		il->diff_id = r->facts->diff_id;
	if (!il->media_type[0])
		il->media_type = media_type_of(r->compression);
	for (u32 k = 0; k < r->facts->entries.n; k++)
		l->img->size += facts_entry(r->facts, k)->size;
	l->img->compressed_size += il->compressed_size;
	return 0;
}

static void own_facts(struct loader *l)
{
	struct kept *k = l->kept;
	k->facts = xcalloc(l->n_jobs, sizeof *k->facts);
	for (u32 i = 0; i < l->n_jobs; i++)
		if (l->jobs[i].read.facts) {
			bool known = false; /* two names of one member that passed by share their facts */
			for (u32 n = 0; n < k->n_facts && l->source->layers[l->jobs[i].layer].was_read; n++)
				known |= k->facts[n] == l->jobs[i].read.facts;
			if (!known)
				k->facts[k->n_facts++] = l->jobs[i].read.facts;
		}
}

static int load_layers(struct loader *l, struct error *err)
{
	l->order = arena_array(&l->img->arena, u32, l->n_jobs);
	for (u32 i = 0; i < l->n_jobs; i++)
		l->order[i] = i;
	qsort_r(l->order, l->n_jobs, sizeof *l->order, larger_first, l);
	progress_begin("reading", total_bytes(l));
	thread_each(l->n_jobs, run_job, l);
	progress_end();
	own_facts(l);
	l->img->n_layers = l->source->n_layers;
	l->img->layers = arena_array(&l->img->arena, struct image_layer, l->img->n_layers);
	for (u32 i = 0; i < l->img->n_layers; i++)
		if (fill_layer(l, i, err) < 0)
			return -1;
	problems_merge(&l->img->problems, &l->source->problems, NULL);
	return 0;
}

/* --- documents --- */
static void parse_documents(struct loader *l)
{
	struct image *img = l->img;
	struct source *s = l->source;
	struct error e = { 0 };
	static const char *none[] = { NULL };
	img->config = (struct config){ .env = none, .entrypoint = none, .cmd = none, .shell = none, .volumes = none, .ports = none, .onbuild = none, .label_keys = none, .label_values = none };
	if (s->manifest.n)
		img->manifest_doc = json_read(s->manifest, "manifest", NULL);
	if (s->config.n) {
		struct config c;
		img->config_doc = json_read(s->config, "configuration", &e);
		if (img->config_doc && config_parse(&img->arena, img->config_doc, &c, &e) == 0)
			img->config = c;
		else
			problem_add(&img->problems, "%s", e.text);
	}
	const struct config *c = &img->config;
	if (s->config.n && e.kind == ERR_NONE) {
		if (c->bad_diff_ids)
			problem_add(disagreements(l), "configuration: %u diff_ids are no digests", c->bad_diff_ids);
		if (c->n_diff_ids != s->n_layers)
			problem_add(disagreements(l), "configuration: %u diff_ids for %u layers", c->n_diff_ids, s->n_layers);
	}
}

/* History's entries that are no empty layers are the layers, in order. When the numbers differ nothing is certain: matched from the start. */
static void match_history(struct image *img)
{
	u32 layer = 0;
	for (u32 i = 0; i < img->config.n_history && layer < img->n_layers; i++) {
		const struct history *h = &img->config.history[i];
		if (h->empty_layer)
			continue;
		img->layers[layer].history = (s32)i;
		img->layers[layer].command = h->created_by ? h->created_by : "";
		layer++;
	}
}

/* An index says for which platform an image is; where there is none, its configuration does. */
static int right_platform(const struct image *img, const struct platform *want, const char *asked, struct error *err)
{
	char text[100];
	const struct platform *have = &img->config.platform;
	if (!asked || !have->os[0] || !have->arch[0] || platform_match(want, have))
		return 0;
	return error_set(err, ERR_USAGE, "%s: the image is for %s, not for %s", img->location, platform_text(have, text), asked);
}

static struct kept *make_kept(struct image *img, const struct load_options *opt, const char *store)
{
	struct kept *k = xcalloc(1, sizeof *k);
	salts_of(k, opt);
	if (store && !opt->no_cache) {
		struct buf dir = BUF(0);
		buf_printf(&dir, "%s/facts", store);
		if (mkdir(dir.p, 0700) == 0 || errno == EEXIST)
			k->dir = dir.p;
		else
			buf_free(&dir);
	}
	img->keep = k;
	img->close = close_kept;
	return k;
}

int image_load(const char *location, const struct load_options *opt, struct image **ret, struct error *err)
{
	struct arena a = { 0 };
	struct image *img = arena_new(&a, struct image);
	img->arena = a;
	struct platform want = platform_host();
	if (opt->platform && platform_parse(str_of(opt->platform), &want, err) < 0) {
		arena_free(&a);
		return -1;
	}
	/* Without a writable store there is no cache; only what must be spooled cannot do without. */
	const char *store = store_dir(&img->arena, opt->store, NULL);
	struct loader l = { .opt = opt, .img = img, .kept = make_kept(img, opt, store) };
	l.layer = (struct layer_options){ .collectors = opt->collectors, .headers_only = opt->headers_only };
	struct archive_memory memory = { .ctx = l.kept, .recall = recall, .keep = remember, .facts = recall_facts };
	struct source_options so = { .memory = l.kept->dir ? &memory : NULL, .platform = &want, .platform_forced = opt->platform != NULL, .plain_dirs = opt->content_only, .layer = &l.layer, .need_content = opt->need_content, .spool_dir = store, .registry = opt->registry };
	if (source_open(location, &so, &l.source, err) < 0) {
		image_close(img);
		return -1;
	}
	l.kept->source = l.source;
	img->reference = l.source->reference;
	img->location = arena_strdup(&img->arena, str_of(location));
	img->transport = l.source->transport;
	img->digest = l.source->digest;
	img->config_digest = l.source->config_digest;
	img->manifest_media_type = l.source->manifest_media_type;
	parse_documents(&l);
	plan(&l);
	int r = right_platform(img, &want, opt->platform, err);
	if (r == 0)
		r = load_layers(&l, err);
	else
		own_facts(&l); /* of layers that passed by */
	for (u32 i = 0; i < l.n_jobs; i++)
		buf_free(&l.jobs[i].identity);
	free(l.jobs);
	free(l.job_of);
	if (r < 0) {
		image_close(img);
		return -1;
	}
	match_history(img);
	*ret = img;
	return 0;
}

/* --- content --- */
struct file_content {
	struct stream *top; /* the uncompressed layer, at the content */
	u64 left;
	struct str view;
};

static int content_next(void *ctx, struct str *view, struct error *err)
{
	struct file_content *c = ctx;
	if (c->view.n == 0 && c->left && stream_next(c->top, &c->view, err) < 0)
		return -1;
	if (c->left && c->view.n == 0)
		return error_set(err, ERR_INPUT, "ends early");
	*view = str_head(c->view, (size_t)MIN((u64)c->view.n, c->left));
	c->view = str_n("", 0);
	c->left -= view->n;
	return 0;
}

static void content_close(void *ctx)
{
	struct file_content *c = ctx;
	stream_close(c->top);
	free(c);
}

int image_open_layer(const struct image *img, u32 layer, struct stream **ret, struct error *err)
{
	struct source *s = image_source(img);
	struct stream *blob;
	return s->ops->open_layer(s, layer, &blob, err) < 0 ? -1 : stream_inflate(blob, ret, NULL, err);
}

int image_open_file(const struct image *img, u32 layer, u32 entry, struct stream **ret, struct error *err)
{
	const struct fact_entry *e = facts_entry(img->layers[layer].facts, entry);
	struct stream *plain;
	if (image_open_layer(img, layer, &plain, err) < 0)
		return -1;
	struct file_content *c = xcalloc(1, sizeof *c);
	c->top = plain;
	c->left = fact_stored(e);
	u64 skip = e->start + e->head;
	if (stream_can_seek(plain)) {
		if (stream_skip(plain, skip, err) < 0)
			goto fail;
		skip = 0;
	}
	while (skip) {
		if (stream_next(plain, &c->view, err) < 0)
			goto fail;
		if (c->view.n == 0) {
			error_set(err, ERR_INPUT, "ends early");
			goto fail;
		}
		size_t k = (size_t)MIN(skip, (u64)c->view.n);
		c->view = str_from(c->view, k);
		skip -= k;
	}
	*ret = stream_callback(content_next, content_close, c);
	return 0;
fail:
	content_close(c);
	return -1;
}
