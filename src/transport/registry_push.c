/* What is written to a registry: blobs, whole or in pieces, manifests; and what is listed and deleted there. */
#include "base/progress.h"
#include "transport/answer.h"
#include "transport/registry_in.h"

#define COMMIT_SILENCE 900u /* seconds: a registry reads a large blob again before it answers */

/* --- a stream in pieces --- */
struct window { /* the next n bytes of what the caller gives, the rest stays for the next piece */
	struct stream base;
	struct stream *src;
	struct str left;
	u64 at, n;
};

static int window_next(struct stream *s, struct str *view, struct error *err)
{
	struct window *w = (struct window *)s;
	if (w->n && !w->left.n && stream_next(w->src, &w->left, err) < 0)
		return -1;
	*view = str_head(w->left, (size_t)MIN(w->n, (u64)w->left.n));
	w->left = str_from(w->left, view->n);
	w->n -= view->n;
	w->at += view->n;
	return 0;
}

static const struct stream_ops window_ops = { window_next, NULL, NULL };

/* --- an upload --- */
struct upload {
	struct registry *r;
	struct line *l;
	const struct digest *digest;
	const struct blob_from *from;
	struct window w;
	const char *url; /* where the next bytes go; NULL: nowhere yet */
	u64 size, at, most, chunk; /* at: what the registry has; most: what it was ever sent */
	bool whole;      /* it takes no pieces */
	bool mount, mounted, done;
	bool resumed;    /* the registry said what it has, and went on from there */
};

static void window_close(struct upload *u)
{
	stream_close(u->w.src);
	u->w = (struct window){ .base.ops = &window_ops };
}

static int window_open(struct upload *u, u64 n, struct error *err)
{
	if (!u->w.src || u->w.at != u->at) {
		window_close(u);
		if (u->from->open(u->from->ctx, u->at, &u->w.src, err) < 0)
			return -1;
		u->w.at = u->at;
	}
	u->w.n = n;
	return 0;
}

/* Where the next bytes go, as the last answer says; what was before when it doesn't. */
static int next_place(struct upload *u, bool needed, struct error *err)
{
	struct str to = http_header(u->l->h, "Location", 0);
	const char *at = u->url ? u->url : registry_url(u->r, u->l, "blobs/uploads", "");
	if (!to.p && !needed)
		return 0;
	u->url = to.p ? answer_place(&u->l->arena, at, to) : NULL;
	return u->url ? 0 : error_set(err, ERR_ENV, "%s: it says no place to send a blob to, or one without TLS", u->r->name);
}

/* An answer that is none of those expected: into *status, for who is patient. */
static int begin(struct upload *u, u32 *status, struct stream **body, struct error *err)
{
	struct arena *a = &u->l->arena;
	const char *url = registry_url(u->r, u->l, "blobs/uploads", "");
	u64 least = 0;
	u->l->mount = u->mount ? u->from->mount : NULL;
	if (u->mount)
		url = arena_printf(a, "%s?mount=%s&from=%s", url, auth_escape(a, DIGEST_STR(u->digest)), auth_escape(a, u->from->mount));
	int e = registry_send(u->r, u->l, &(struct http_request){ .method = "POST", .url = url, .upload = true, .seconds = COMMIT_SILENCE }, status, body, err);
	u->l->mount = NULL;
	if (u->mount && (e < 0 || *status >= 400)) { /* then not by mounting */
		if (e == 0)
			stream_close(*body);
		u->mount = false;
		*err = (struct error){ 0 };
		return begin(u, status, body, err);
	}
	if (e < 0)
		return -1;
	u->mounted = u->mount && *status == 201;
	u->mount = false;
	u->done = u->mounted;
	u->at = u->most = 0;
	if (*status != 202)
		return 0;
	if (str_to_u64(http_header(u->l->h, "OCI-Chunk-Min-Length", 0), &least) && least > u->chunk)
		u->chunk = MIN(least, REGISTRY_CHUNK_MAX);
	return next_place(u, true, err);
}

/* Whether the last answer does not say that something else is kept there than what was sent. */
static int kept_as(struct registry *r, struct line *l, const struct digest *want, struct error *err)
{
	struct digest have;
	struct str said = http_header(l->h, "Docker-Content-Digest", 0);
	if (!said.p || digest_parse(said, &have, NULL) < 0 || have.alg != want->alg || digest_eq(&have, want))
		return 0;
	return error_set(err, ERR_ENV, "%s: it says that it keeps as %s what is %s", r->name, DIGEST_STR(&have), DIGEST_STR(want));
}

static int put_whole(struct upload *u, u32 *status, struct stream **body, struct error *err)
{
	struct arena *a = &u->l->arena;
	const char *headers[] = { "Content-Type: application/octet-stream" };
	bool rest = u->at == 0 && u->size;
	if (rest && window_open(u, u->size, err) < 0)
		return -1;
	struct http_request q = { .method = "PUT", .headers = headers, .n_headers = 1, .upload = true, .from = rest ? &u->w.base : NULL, .size = rest ? u->size : 0, .silence = COMMIT_SILENCE };
	q.url = arena_printf(a, "%s%cdigest=%s", u->url, strchr(u->url, '?') ? '&' : '?', auth_escape(a, DIGEST_STR(u->digest)));
	u->most = u->size;
	int e = registry_send(u->r, u->l, &q, status, body, err);
	if (e == 0 && *status == 201 && kept_as(u->r, u->l, u->digest, err) < 0) {
		stream_close(*body);
		return -1;
	}
	u->done = e == 0 && *status == 201;
	return e;
}

static int patch(struct upload *u, u32 *status, struct stream **body, struct error *err)
{
	u64 n = MIN(u->chunk, u->size - u->at), held;
	if (window_open(u, n, err) < 0)
		return -1;
	const char *headers[] = { "Content-Type: application/octet-stream",
		arena_printf(&u->l->arena, "Content-Range: %llu-%llu", (unsigned long long)u->at, (unsigned long long)(u->at + n - 1)) };
	struct http_request q = { .method = "PATCH", .url = u->url, .headers = headers, .n_headers = 2, .upload = true, .from = &u->w.base, .size = n };
	u->most = MAX(u->most, u->at + n);
	if (registry_send(u->r, u->l, &q, status, body, err) < 0)
		return -1;
	if (*status != 202 && *status != 201 && *status != 204)
		return 0;
	if (!answer_held(http_header(u->l->h, "Range", 0), &held) || held > u->at + n || held <= u->at)
		held = u->at + n;
	u->at = held;
	return next_place(u, false, err);
}

/* The next step: a place is asked for, or a piece sent, or the end told. */
static int step(struct upload *u, u32 *status, struct stream **body, struct error *err)
{
	struct str view;
	if (!u->url)
		return begin(u, status, body, err);
	if (u->whole || (u->at == 0 && u->size <= u->chunk))
		return put_whole(u, status, body, err);
	if (u->at < u->size)
		return patch(u, status, body, err);
	if (u->w.src && (u->w.left.n || stream_next(u->w.src, &view, err) < 0 || view.n)) /* who gives the bytes knows better than to let wrong ones be named */
		return err->kind ? -1 : error_set(err, ERR_INPUT, "more is there of %s than its %llu bytes", DIGEST_STR(u->digest), (unsigned long long)u->size);
	window_close(u);
	return put_whole(u, status, body, err);
}

/* After a break: how far did it get? From the beginning again when nobody knows. */
static int look_back(struct upload *u, struct error *err)
{
	struct stream *body;
	u32 status = 0;
	u64 held = 0;
	int has = u->most == u->size ? registry_has_blob(u->r, u->digest, err) : 0; /* only the answer was lost */
	if (has < 0)
		return -1;
	u->done = has;
	if (has || !u->url)
		return 0;
	const char *place = u->url;
	u->url = NULL;
	if (u->whole || u->size <= u->chunk)
		return 0;
	for (u32 i = 0; i < 2 && !u->url; i++) {
		struct error ignored = { 0 };
		if (registry_send(u->r, u->l, &(struct http_request){ .method = i ? "HEAD" : "GET", .url = place, .seconds = FETCH_SILENCE }, &status, &body, &ignored) < 0)
			return 0;
		bool known = (status == 204 || status == 200) && answer_held(http_header(u->l->h, "Range", 0), &held) && held <= u->most;
		if (known && held == 1 && u->most > 1) /* "0-0" is what is said of nothing, too: then more than a byte would be there */
			held = 0;
		if (known) {
			u->url = place;
			u->at = held;
			u->resumed |= held > 0;
			if (next_place(u, false, &ignored) < 0)
				u->url = NULL;
		}
		stream_close(body);
	}
	return 0;
}

/* It does not take pieces, or not of this size: then all of it at once. */
static bool takes_no_pieces(const struct upload *u, u32 status)
{
	return !u->whole && u->url && u->size > u->chunk && u->at < u->size && (status == 400 || status == 404 || status == 405 || status == 411 || status == 413 || status == 501);
}

/* Tells the registry that nothing more will come. Whatever it says to that. */
static void give_up(struct upload *u)
{
	struct stream *body;
	struct error ignored = { 0 };
	u32 status;
	if (u->url && registry_send(u->r, u->l, &(struct http_request){ .method = "DELETE", .url = u->url, .seconds = 10 }, &status, &body, &ignored) == 0)
		stream_close(body);
}

static int upload(struct upload *u, struct error *err)
{
	struct fetch_patience p = { .attempts = u->r->opt.fetch.attempts };
	u32 restarts = 0, logins = 0;
	while (!u->done) {
		struct error why = { 0 };
		struct stream *body = NULL;
		u32 status = 0;
		u64 was = u->at;
		int e = step(u, &status, &body, &why);
		if (e == 0 && (u->done || (status >= 200 && status < 300))) {
			stream_close(body);
			if (u->at > was)
				p.tried = logins = 0;
			continue;
		}
		if (e == 0 && status == 401 && u->l->logged_in && logins++ == 0) { /* logged in since */
			stream_close(body);
			window_close(u);
			continue;
		}
		if (e == 0 && status == 416 && u->url && u->at < u->size && ++restarts <= REGISTRY_RESTARTS) { /* not where it stands: then it says where, else all of it goes at once */
			stream_close(body);
			window_close(u);
			if (look_back(u, err) < 0)
				return -1;
			u->whole = !u->done && (!u->url || u->at == was);
			u->url = u->whole ? NULL : u->url;
			continue;
		}
		if (e == 0 && status == 400 && u->resumed && u->at == u->size && ++restarts <= REGISTRY_RESTARTS) { /* what it said it had was not all that it wrote then */
			stream_close(body);
			window_close(u);
			u->resumed = false;
			u->url = NULL;
			continue;
		}
		if (e == 0 && takes_no_pieces(u, status)) {
			stream_close(body);
			window_close(u);
			u->whole = true;
			u->url = NULL;
			continue;
		}
		if (++restarts > REGISTRY_RESTARTS || !fetch_again(&p, u->l->h, e < 0 ? 0 : status, &why)) {
			if (e == 0 && !why.kind) {
				body = body ? body : stream_memory(STR(""));
				registry_refused(u->r, u->l, status, body, "sending a blob", &why);
			} else if (e == 0) {
				stream_close(body);
			}
			*err = why.kind ? why : (struct error){ ERR_ENV, "broke off too often" };
			return strstr(err->text, u->r->name) ? -1 : error_wrap(err, "%s: sending a blob", u->r->name);
		}
		if (e == 0)
			stream_close(body);
		window_close(u);
		if (look_back(u, err) < 0)
			return -1;
	}
	return 0;
}

int registry_put_blob(struct registry *r, const struct digest *digest, u64 size, const struct blob_from *from, enum put *how, struct error *err)
{
	int has = registry_has_blob(r, digest, err);
	if (has < 0)
		return -1;
	if (has) {
		*how = PUT_THERE;
		return 0;
	}
	struct line *l = registry_line(r, err);
	if (!l)
		return -1;
	struct upload u = { .r = r, .l = l, .digest = digest, .from = from, .w.base.ops = &window_ops, .size = size, .chunk = REGISTRY_CHUNK, .mount = from->mount && strcmp(from->mount, r->path) != 0 };
	int e = upload(&u, err);
	if (e < 0)
		give_up(&u);
	window_close(&u);
	registry_give(r, l);
	*how = u.mounted ? PUT_MOUNTED : PUT_SENT;
	return e;
}

/* --- the same from a file, or from memory --- */
struct plain {
	int fd;
	u64 size;
	struct str small;
};

static int counted_next(struct stream *s, struct str *view, struct error *err);
struct counted { /* a file whose bytes count as progress */
	struct stream base;
	struct stream *inner;
};

static void counted_close(struct stream *s)
{
	stream_close(((struct counted *)s)->inner);
	free(s);
}

static const struct stream_ops counted_ops = { counted_next, NULL, counted_close };

static int counted_next(struct stream *s, struct str *view, struct error *err)
{
	if (stream_next(((struct counted *)s)->inner, view, err) < 0)
		return -1;
	progress_add(view->n);
	return 0;
}

static int open_plain(void *ctx, u64 from, struct stream **ret, struct error *err)
{
	const struct plain *p = ctx;
	(void)err;
	struct counted *c = xcalloc(1, sizeof *c);
	c->base.ops = &counted_ops;
	c->inner = p->size ? stream_file(p->fd, false, from, p->size - from, 0) : stream_memory(str_from(p->small, (size_t)from));
	*ret = &c->base;
	return 0;
}

int registry_push_blob(struct registry *r, int fd, u64 size, struct str small, const struct digest *digest, struct error *err)
{
	struct plain p = { fd, size, small };
	enum put how;
	if (registry_put_blob(r, digest, size ? size : small.n, &(struct blob_from){ .open = open_plain, .ctx = &p }, &how, err) < 0)
		return -1;
	return how == PUT_THERE;
}

/* --- manifests --- */
int registry_push_manifest(struct registry *r, const char *tag, const char *type, struct str text, bool *lists, struct error *err)
{
	struct line *l = registry_line(r, err);
	struct stream *body;
	u32 status;
	if (!l)
		return -1;
	const char *headers[] = { arena_printf(&l->arena, "Content-Type: %s", type) };
	struct http_request q = { .method = "PUT", .url = registry_url(r, l, "manifests", tag), .headers = headers, .n_headers = 1, .upload = true, .body = text, .silence = COMMIT_SILENCE, .seconds = COMMIT_SILENCE };
	int e = registry_ask(r, l, &q, &status, &body, err);
	if (e == 0 && lists)
		*lists = http_header(l->h, "OCI-Subject", 0).p != NULL;
	if (e == 0 && status != 201) {
		e = registry_refused(r, l, status, body, "sending the manifest", err);
	} else if (e == 0) {
		struct digest want = digest_bytes(DIGEST_SHA256, text);
		stream_close(body);
		e = kept_as(r, l, &want, err);
	}
	registry_give(r, l);
	return e;
}

int registry_delete(struct registry *r, const char *room, const char *which, u32 *status, struct error *err)
{
	struct line *l = registry_line(r, err);
	struct stream *body;
	if (!l)
		return -1;
	int e = registry_ask(r, l, &(struct http_request){ .method = "DELETE", .url = registry_url(r, l, room, which), .seconds = COMMIT_SILENCE }, status, &body, err);
	if (e == 0 && (*status == 202 || *status == 200 || *status == 204 || *status == 404)) {
		stream_close(body);
		e = *status == 404 && l->asked == 1; /* else the answer to what deleted it got lost */
	} else if (e == 0) {
		e = registry_refused(r, l, *status, body, arena_printf(&l->arena, "deleting %s", which), err);
	}
	registry_give(r, l);
	return e;
}

/* --- lists --- */
static int page(struct registry *r, struct line *l, const char *url, const char *what, const char *accept, json_t **ret, struct error *err)
{
	const char *headers[] = { accept ? arena_printf(&l->arena, "Accept: %s", accept) : "Accept: application/json" };
	struct fetch_patience p = { .attempts = r->opt.fetch.attempts };
	for (;;) {
		struct stream *body;
		struct buf text = BUF(0);
		struct error why = { 0 };
		u32 status;
		if (registry_ask(r, l, &(struct http_request){ .url = url, .headers = headers, .n_headers = 1, .seconds = REGISTRY_ANSWER_SECONDS }, &status, &body, err) < 0)
			return -1;
		if (status == 404 || status == 400 || status == 405 || status == 406 || status == 501) {
			stream_close(body);
			return status == 404 ? 1 : 2;
		}
		if (status != 200)
			return registry_refused(r, l, status, body, what, err);
		int e = http_read(body, REGISTRY_LIST_MAX, &text, &why);
		if (e == 0)
			*ret = json_read_limit(buf_str(&text), REGISTRY_LIST_MAX, what, &why);
		buf_free(&text);
		if (e == 0 && *ret)
			return 0;
		if (e < 0 && fetch_again(&p, l->h, 0, &why))
			continue;
		*err = why;
		error_wrap(err, "%s", r->name);
		return registry_astray(err);
	}
}

int registry_pages(struct registry *r, const char *what, const char *accept, int (*f)(void *ctx, const json_t *page, struct error *err), void *ctx, struct error *err)
{
	struct line *l = registry_line(r, err);
	if (!l)
		return -1;
	const char *url = arena_printf(&l->arena, "%s/v2/%s/%s", r->base, r->path, what);
	int e = 0;
	for (u32 i = 0; url && e == 0; i++) {
		autojson json_t *doc = NULL;
		e = i < REGISTRY_PAGES_MAX ? page(r, l, url, what, accept, &doc, err) : error_set(err, ERR_ENV, "%s: %s has over %u pages", r->name, what, REGISTRY_PAGES_MAX);
		if (e > 0 && i) /* a page that was promised */
			e = error_set(err, ERR_ENV, "%s: %s: the next page is not there", r->name, what);
		bool elsewhere = false;
		const char *next = e == 0 ? answer_next(&l->arena, url, http_header(l->h, "Link", 0), &elsewhere) : NULL;
		e = e ? e : f(ctx, doc, err);
		if (e == 0 && elsewhere) /* half a list must not pass for all of it */
			e = error_set(err, ERR_ENV, "%s: %s: it says that the next page is the same again, or at another host, which is not asked", r->name, what);
		url = next;
	}
	registry_give(r, l);
	return e;
}
