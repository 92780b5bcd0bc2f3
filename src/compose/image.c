#include "base/file.h"
#include "base/text.h"
#include "compose/compose.h"
#include "layer/tarout.h"
#include "transport/sink.h"

#define PIECE ((size_t)(64 * KiB))

u64 compose_bytes(const struct composition *c, u32 *files)
{
	u64 total = 0;
	*files = 0;
	for (u32 i = 1; i < c->tree.n; i++) {
		const struct ctree_entry *e = &c->tree.v[i];
		if (e->gone || e->type != TAR_FILE)
			continue;
		total += e->size;
		(*files)++;
	}
	return total;
}

const char *compose_shell(const struct composition *c)
{
	static const char *const shells[] = { "usr/bin/sh", "usr/bin/bash", "usr/bin/dash", "usr/bin/busybox", "usr/bin/zsh", "usr/bin/ksh", "usr/bin/mksh", "usr/bin/rbash" };
	for (u32 i = 0; i < countof(shells); i++)
		if (ctree_find(&c->tree, str_of(shells[i])))
			return shells[i];
	return NULL;
}

/* --- which layer --- */

static u64 bound(const struct ctree_entry *e)
{
	u64 names = 2 * (e->path.n + e->link.n + e->xattrs.n) + 4096;
	return names + (e->type == TAR_FILE ? e->size + TAR_BLOCK_SIZE : 0);
}

/* Packages into at most `most` layers, in their order, about as large as each other: a layer is full once it has its share of what is left. */
static void group(const struct composition *c, u32 most, u32 *layer_of)
{
	u64 left = 0, have = 0;
	u32 layer = 0;
	for (u32 i = 0; i < c->n; i++)
		left += c->v[i].kept + 1;
	for (u32 i = 0; i < c->n; i++) {
		u32 layers = most - layer;
		if (have && layers > 1 && have + (c->v[i].kept + 1) / 2 > (left + have) / layers) {
			layer++;
			have = 0;
		}
		layer_of[i] = layer;
		have += c->v[i].kept + 1;
		left -= c->v[i].kept + 1;
	}
}

static const char *title(struct composition *c, const u32 *layer_of, u32 layer, u32 n)
{
	struct buf b = BUF(300);
	u32 count = 0;
	for (u32 i = 0; i < n; i++)
		if (layer_of[i] == layer) {
			if (count++ < 6)
				buf_printf(&b, "%s%.*s %.*s", b.n ? ", " : "", STR_FMT(c->v[i].name), STR_FMT(c->v[i].version));
		}
	if (count > 6)
		buf_printf(&b, " and %u more", count - 6);
	const char *ret = arena_strdup(&c->arena, buf_str(&b));
	buf_free(&b);
	return ret;
}

int compose_layers(struct composition *c, struct compose_layer **ret, u32 *n, struct error *err)
{
	u32 most = c->recipe->layers, total, layers = 0;
	u32 *layer_of = arena_array(&c->arena, u32, c->n + 2u), *sorted = ctree_sorted(&c->tree, &total);
	for (u32 i = 1; i < c->tree.n; i++)
		if (!c->tree.v[i].gone && c->tree.v[i].package != TREE_MADE && c->tree.v[i].type == TAR_FILE)
			c->v[c->tree.v[i].package].kept += c->tree.v[i].size;
	if (!most)
		most = c->n + 1 > RECIPE_LAYERS_MAX ? RECIPE_LAYERS_MAX : c->n + 1;
	if (most > c->n)
		for (u32 i = 0; i < c->n; i++)
			layer_of[i] = i;
	else if (most > 1)
		group(c, most - 1, layer_of);
	for (u32 i = 0; i < c->n; i++)
		layers = MAX(layers, layer_of[i] + 1);
	u32 made = most == 1 ? 0 : layers++;
	struct compose_layer *v = arena_array(&c->arena, struct compose_layer, layers + 1u);
	for (u32 pass = 0; pass < 2; pass++)
		for (u32 i = 0; i < total; i++) {
			const struct ctree_entry *e = &c->tree.v[sorted[i]];
			struct compose_layer *l = &v[e->package == TREE_MADE ? made : layer_of[e->package]];
			if (pass == 0) {
				l->n++;
				l->size += bound(e);
				continue;
			}
			if (!l->entries) {
				l->entries = arena_array(&c->arena, u32, l->n + 1u);
				l->n = 0;
			}
			l->entries[l->n++] = sorted[i];
		}
	free(sorted);
	*n = 0;
	for (u32 i = 0; i < layers; i++) { /* a package without a file that stays has no layer */
		if (!v[i].n)
			continue;
		v[i].name = i == made && most > 1 ? "configuration" : title(c, layer_of, i, c->n);
		v[i].size += TAR_TRAILER;
		v[(*n)++] = v[i];
	}
	*ret = v;
	return *n ? 0 : error_set(err, ERR_INPUT, "nothing is left for the image");
}

/* --- a layer as a tar --- */

struct layer_stream {
	const struct composition *c;
	const struct compose_layer *l;
	u32 next;
	u64 at, left;   /* of the file under way, in the spool */
	u64 pad;
	u8 done;        /* 1: the trailer is out */
	u32 *first;     /* of each entry that has links: 1 + which was written as the file */
	u32 ring;
	struct buf head[STREAM_RING];
	char piece[STREAM_RING][STREAM_CHUNK];
};

/* A file with several names: the first that is written has the bytes, the others are links to it. */
static void as_linked(struct layer_stream *s, u32 id, struct tarout_entry *e)
{
	const struct ctree *t = &s->c->tree;
	u32 to = t->v[id].type == TAR_HARDLINK ? ctree_find(t, t->v[id].link) : id;
	const struct ctree_entry *file = &t->v[to];
	if (file->type != TAR_FILE)
		return;
	if (s->first[to]) {
		e->type = TAR_HARDLINK;
		e->link = t->v[s->first[to] - 1].path;
		e->size = 0;
		s->left = 0;
		return;
	}
	s->first[to] = id + 1;
	e->type = TAR_FILE;
	e->link = STR("");
	e->size = s->left = file->size;
	s->at = file->at;
}

static int next_header(struct layer_stream *s, struct str *view, struct error *err)
{
	u32 id = s->l->entries[s->next++];
	const struct ctree_entry *v = s->c->tree.v, *t = &v[id], *is = t->type == TAR_HARDLINK ? &v[ctree_find(&s->c->tree, t->link)] : t;
	struct tarout_entry e = { .path = t->path, .link = t->link, .type = t->type, .mode = is->mode & 07777, .uid = is->uid, .gid = is->gid, .mtime = is->mtime, .major = t->major, .minor = t->minor, .xattrs = is->xattrs };
	struct buf *b = &s->head[s->ring++ % STREAM_RING];
	if (t->type == TAR_FILE || t->type == TAR_HARDLINK)
		as_linked(s, id, &e);
	s->pad = e.type == TAR_FILE ? tarout_padding(s->left) : 0;
	buf_clear(b);
	if (tarout_header(&e, b, err) < 0)
		return -1;
	*view = buf_str(b);
	return 0;
}

static int next(void *ctx, struct str *view, struct error *err)
{
	static const char zero[TAR_TRAILER];
	struct layer_stream *s = ctx;
	if (s->left) {
		char *p = s->piece[s->ring++ % STREAM_RING];
		size_t n = (size_t)MIN(s->left, (u64)STREAM_CHUNK);
		if (file_pread(s->c->tree.spool, p, n, s->at) != (ssize_t)n)
			return error_errno(err, "the files of packages on their way");
		s->at += n;
		s->left -= n;
		*view = str_n(p, n);
	} else if (s->pad) {
		*view = str_n(zero, (size_t)s->pad);
		s->pad = 0;
	} else if (s->next < s->l->n) {
		return next_header(s, view, err);
	} else {
		*view = str_n(zero, s->done ? 0 : sizeof zero);
		s->done = 1;
	}
	return 0;
}

static void done(void *ctx)
{
	struct layer_stream *s = ctx;
	for (u32 i = 0; i < STREAM_RING; i++)
		buf_free(&s->head[i]);
	free(s->first);
	free(s);
}

struct stream *compose_layer_stream(const struct composition *c, const struct compose_layer *l)
{
	struct layer_stream *s = xcalloc(1, sizeof *s);
	s->c = c;
	s->l = l;
	s->first = xcalloc(c->tree.n, sizeof *s->first);
	return stream_callback(next, done, s);
}

/* --- the configuration --- */

static json_t *array(const char *const *v)
{
	json_t *a = json_array();
	for (; v && *v; v++)
		json_array_append_new(a, json_string(*v));
	return a;
}

static json_t *set_of(const char *const *v, const char *behind)
{
	json_t *o = json_object();
	char key[300];
	for (; v && *v; v++) {
		snprintf(key, sizeof key, "%s%s", *v, strchr(*v, '/') ? "" : behind);
		json_object_set_new(o, key, json_object());
	}
	return o;
}

static json_t *environment(const struct recipe *r)
{
	json_t *a = json_array();
	bool path = false;
	for (u32 i = 0; r->env && r->env[i]; i++)
		path |= strncmp(r->env[i], "PATH=", 5) == 0;
	if (!path)
		json_array_append_new(a, json_string("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	for (u32 i = 0; r->env && r->env[i]; i++) {
		size_t n = strcspn(r->env[i], "=") + 1;
		bool again = false; /* of two values the later one counts: the command line's */
		for (u32 k = i + 1; r->env[k]; k++)
			again |= strncmp(r->env[i], r->env[k], n) == 0;
		if (!again)
			json_array_append_new(a, json_string(r->env[i]));
	}
	return a;
}

static json_t *run_config(const struct recipe *r)
{
	json_t *c = json_object(), *labels = json_object();
	if (r->user)
		json_object_set_new(c, "User", json_string(r->user));
	if (r->ports)
		json_object_set_new(c, "ExposedPorts", set_of(r->ports, "/tcp"));
	json_object_set_new(c, "Env", environment(r));
	if (r->entrypoint)
		json_object_set_new(c, "Entrypoint", array(r->entrypoint));
	if (r->cmd)
		json_object_set_new(c, "Cmd", array(r->cmd));
	if (r->volumes)
		json_object_set_new(c, "Volumes", set_of(r->volumes, ""));
	json_object_set_new(c, "WorkingDir", json_string(r->workdir ? r->workdir : "/"));
	for (u32 i = 0; i < r->n_labels; i++)
		json_object_set_new(labels, r->labels[i].key, json_string(r->labels[i].value));
	if (r->n_labels)
		json_object_set(c, "Labels", labels);
	json_decref(labels);
	if (r->stop_signal)
		json_object_set_new(c, "StopSignal", json_string(r->stop_signal));
	return c;
}

int compose_config(const struct composition *c, const struct compose_layer *layers, const struct sink_layer *written, u32 n, struct buf *out, struct error *err)
{
	char time[40];
	json_t *doc = json_object(), *ids = json_array(), *history = json_array();
	text_time(c->time, time);
	json_object_set_new(doc, "created", json_string(time));
	json_object_set_new(doc, "architecture", json_string(c->platform.arch));
	json_object_set_new(doc, "os", json_string(c->platform.os));
	if (c->platform.variant[0])
		json_object_set_new(doc, "variant", json_string(c->platform.variant));
	json_object_set_new(doc, "config", run_config(c->recipe));
	for (u32 i = 0; i < n; i++) {
		char by[400];
		snprintf(by, sizeof by, "pare compose: %s", layers[i].name);
		json_array_append_new(ids, json_string(DIGEST_STR(&written[i].diff_id)));
		json_array_append_new(history, json_pack("{s:s, s:s}", "created", time, "created_by", by));
	}
	json_object_set_new(doc, "rootfs", json_pack("{s:s, s:o}", "type", "layers", "diff_ids", ids));
	json_object_set_new(doc, "history", history);
	char *text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!text)
		return error_set(err, ERR_INPUT, "a text of the configuration is no UTF-8");
	buf_puts(out, text);
	free(text);
	return 0;
}
