/* One engine: its answers fetched, its things removed, each by one request. */
#include "engine/engine.h"
#include "engine/disk.h"
#include "transport/engine_socket.h"

#define SECONDS 600 /* for an answer: an engine walks all of its volumes to say how large they are */

struct engine {
	struct arena arena;
	struct http *http;
	const char *prefix, *name;
	u32 status; /* of the last answer; 0: there was none */
	bool packs;
};

/* The message of an engine's refusal, else its status. */
static int refused(const char *what, u32 status, const struct buf *body, struct error *err)
{
	autojson json_t *doc = body->n ? json_read(buf_str(body), "answer", NULL) : NULL;
	const char *message = doc ? json_text(doc, "message") : NULL;
	return error_set(err, ERR_ENV, "%.200s: the engine answered %u%s%.400s", what, status, message ? ": " : "", message ? message : "");
}

/* 0, or 1 when the status is 404. *doc NULL: the body is of no interest. */
static int ask(struct engine *e, const char *method, const char *path, json_t **doc, struct error *err)
{
	struct buf url = BUF(0), body = BUF(0);
	struct stream *answer = NULL;
	u32 status = e->status = 0;
	buf_printf(&url, "%s%s", e->prefix, path);
	bool post = strcmp(method, "POST") == 0, get = strcmp(method, "GET") == 0;
	struct http_request r = { .method = method, .url = url.p, .upload = post, .seconds = get ? SECONDS : 0 };
	int done = http_send(e->http, &r, &status, &answer, err);
	e->status = done < 0 ? 0 : status;
	done = done < 0 ? done : http_read(answer, JSON_BYTES, &body, err);
	if (done == 0 && status == 404)
		done = 1;
	else if (done == 0 && (status < 200 || status > 299))
		done = refused(path, status, &body, err);
	else if (done == 0 && doc)
		done = (*doc = json_read(buf_str(&body), path, err)) ? 0 : -1;
	buf_free(&url);
	buf_free(&body);
	return done;
}

/* What an engine need not tell, or a proxy before it may refuse: 1 instead of a refusal. */
static int ask_gently(struct engine *e, const char *path, json_t **doc, struct error *err)
{
	struct error why = { 0 };
	int r = ask(e, "GET", path, doc, &why);
	if (r < 0 && e->status >= 300)
		return 1;
	if (r < 0)
		*err = why;
	return r;
}

static int take_name(struct engine *e, struct error *err)
{
	autojson json_t *doc = NULL;
	int r = ask(e, "GET", "/version", &doc, err);
	if (r)
		return r < 0 ? -1 : error_set(err, ERR_ENV, "no container engine answers there");
	const char *version = json_text(doc, "Version");
	bool podman = false;
	size_t i;
	json_t *part;
	json_array_foreach(json_arr(doc, "Components"), i, part) {
		const char *name = json_text(part, "Name");
		podman = podman || (name && strcmp(name, "Podman Engine") == 0);
	}
	e->name = arena_printf(&e->arena, "%s %.60s", podman ? "Podman" : "Docker", version ? version : "");
	return 0;
}

int engine_open(const char *which, struct engine **ret, struct error *err)
{
	struct engine *e = xcalloc(1, sizeof *e);
	if (engine_socket_open(&e->arena, which, &e->http, &e->prefix, err) < 0 || take_name(e, err) < 0) {
		engine_close(e);
		return -1;
	}
	*ret = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	http_close(e->http);
	arena_free(&e->arena);
	free(e);
}

const char *engine_name(const struct engine *e) { return e->name; }

/* --- what is there --- */
static int one_image(void *ctx, const char *id, json_t **inspect, json_t **history, struct error *err)
{
	struct engine *e = ctx;
	char path[256];
	snprintf(path, sizeof path, "/images/%s/json", id);
	int r = ask_gently(e, path, inspect, err);
	snprintf(path, sizeof path, "/images/%s/history", id);
	return r ? r : ask_gently(e, path, history, err);
}

int engine_disk(struct engine *e, struct arena *a, struct engine_disk *ret, struct error *err)
{
	autojson json_t *df = NULL, *images = NULL, *containers = NULL, *networks = NULL, *info = NULL;
	if (ask(e, "GET", "/system/df", &df, err) < 0 || ask(e, "GET", "/images/json?all=1", &images, err) < 0 ||
	    ask(e, "GET", "/containers/json?all=1&size=1", &containers, err) < 0 || ask(e, "GET", "/networks", &networks, err) < 0 || ask_gently(e, "/info", &info, err) < 0)
		return -1;
	struct disk_answers d = { df, images, containers, networks, info, one_image, e };
	if (disk_read(a, &d, ret, err) < 0)
		return -1;
	e->packs = ret->packed;
	return 0;
}

int engine_images(struct engine *e, struct arena *a, struct engine_disk *ret, struct error *err)
{
	autojson json_t *images = NULL;
	int r = ask(e, "GET", "/images/json?all=1", &images, err);
	if (r >= 0)
		disk_images(a, images, ret);
	return r < 0 ? -1 : 0;
}

bool engine_packs(const struct engine *e) { return e->packs; }

/* --- removing --- */
static int remove_one(struct engine *e, const char *kind, const char *id, struct error *err)
{
	struct buf path = BUF(0);
	if (!disk_id_ok(id))
		return error_set(err, ERR_INPUT, "'%.100s': no name that an engine can be asked for", id);
	buf_printf(&path, "/%s/", kind);
	for (const char *s = id; *s; s++) { /* all else stands for itself in a path, but for the brackets of an IPv6 address */
		if (*s == '[' || *s == ']')
			buf_printf(&path, "%%%02X", (unsigned)(unsigned char)*s);
		else
			buf_putc(&path, *s);
	}
	int r = ask(e, "DELETE", path.p, NULL, err);
	buf_free(&path);
	return r;
}

int engine_remove_image(struct engine *e, const char *name_or_id, struct error *err) { return remove_one(e, "images", name_or_id, err); }
int engine_remove_container(struct engine *e, const char *id, struct error *err) { return remove_one(e, "containers", id, err); }
int engine_remove_volume(struct engine *e, const char *name, struct error *err) { return remove_one(e, "volumes", name, err); }
int engine_remove_network(struct engine *e, const char *id, struct error *err) { return remove_one(e, "networks", id, err); }

static int prune_request(struct engine *e, const char *id, bool all, u64 *freed, struct error *err)
{
	autojson json_t *doc = NULL;
	struct buf path = BUF(0);
	u64 n = 0;
	if (id && !disk_id_ok(id))
		return error_set(err, ERR_INPUT, "'%.100s': no name of a cache record", id);
	buf_printf(&path, "/build/prune?all=%d", all);
	if (id) /* {"id":{"ID":true}} */
		buf_printf(&path, "&filters=%%7B%%22id%%22%%3A%%7B%%22%s%%22%%3Atrue%%7D%%7D", id);
	int r = ask(e, "POST", path.p, &doc, err);
	if (r == 0 && json_u64(doc, "SpaceReclaimed", &n))
		*freed += n;
	buf_free(&path);
	return r;
}

int engine_prune_cache(struct engine *e, const char *const *ids, bool all, u64 *freed, struct error *err)
{
	*freed = 0;
	int r = ids ? 0 : prune_request(e, NULL, all, freed, err);
	for (; r >= 0 && ids && *ids; ids++)
		r = prune_request(e, *ids, all, freed, err);
	return r < 0 ? -1 : 0;
}
