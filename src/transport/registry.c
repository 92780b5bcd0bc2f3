#include "transport/registry.h"
#include "base/json.h"
#include "base/progress.h"
#include "transport/auth.h"

#define ASKED_TWICE 2u /* once to be told how to log in, once more logged in */

struct registry {
	struct arena arena;
	struct http *h;
	struct registry_options opt;
	const char *domain, *path; /* "docker.io", "library/alpine" */
	const char *base;          /* "https://registry-1.docker.io" */
	const char *authorization; /* a header line; NULL: none yet */
};

void registry_close(struct registry *r)
{
	if (!r)
		return;
	http_close(r->h);
	arena_free(&r->arena);
	free(r);
}

/* TLS or not, where both may be: whoever answers by TLS is asked by it. */
static int choose_scheme(struct registry *r, struct error *err)
{
	const char *host = strcmp(r->domain, "docker.io") == 0 ? "registry-1.docker.io" : r->domain;
	const char *tls = arena_printf(&r->arena, "https://%s", host), *plain = arena_printf(&r->arena, "http://%s", host);
	r->base = r->opt.plain_http ? plain : tls;
	if (r->opt.plain_http || !(r->opt.fetch.unverified || http_local(r->domain)))
		return 0;
	struct error why = { 0 }, ignored = { 0 };
	struct stream *body;
	u32 status;
	if (http_send(r->h, &(struct http_request){ .url = arena_printf(&r->arena, "%s/v2/", tls), .seconds = FETCH_SILENCE }, &status, &body, &why) == 0) {
		stream_close(body);
		return 0;
	}
	if (http_send(r->h, &(struct http_request){ .url = arena_printf(&r->arena, "%s/v2/", plain), .seconds = FETCH_SILENCE }, &status, &body, &ignored) < 0) {
		*err = why;
		return -1;
	}
	stream_close(body);
	r->base = plain;
	return 0;
}

int registry_open(const struct reference *ref, const struct registry_options *opt, struct registry **ret, struct error *err)
{
	struct registry *r = xcalloc(1, sizeof *r);
	r->opt = *opt;
	r->domain = arena_strdup(&r->arena, str_of(ref->domain));
	r->path = arena_strdup(&r->arena, str_of(ref->path));
	r->h = fetch_client(&opt->fetch, err);
	if (!r->h || choose_scheme(r, err) < 0) {
		registry_close(r);
		return -1;
	}
	*ret = r;
	return 0;
}

/* --- logging in --- */
static struct str origin_of(const char *url, struct buf *out)
{
	struct str s = fetch_origin(url, out);
	return s.p ? s : STR("");
}

/* The credentials that may go to the realm, whose origin is given. */
static int credentials_for(struct registry *r, struct str realm, struct auth_credentials *ret, struct error *err)
{
	struct buf own = BUF(0);
	struct str registry = origin_of(r->base, &own), rest = realm, host;
	bool tls = str_starts(realm, STR("https://"));
	host = str_from(rest, tls ? 8 : 7);
	bool hub = strcmp(r->domain, "docker.io") == 0 && str_is(realm, "https://auth.docker.io");
	bool same = str_eq(realm, registry);
	bool above = tls && str_chr(host, '.') && str_chr(host, ':') == NULL && str_ends(registry, host) && registry.n > host.n && registry.p[registry.n - host.n - 1] == '.';
	for (size_t i = 0; above && i < host.n; i++) /* of addresses no one is above the other */
		above = !(i + 1 == host.n && host.p[i] >= '0' && host.p[i] <= '9');
	buf_free(&own);
	if (same || hub || above)
		return auth_find(&r->arena, r->domain, r->path, ret, err);
	return auth_find(&r->arena, arena_strdup(&r->arena, host), "", ret, err);
}

static int read_token(struct registry *r, struct buf *text, struct error *err)
{
	autojson json_t *doc = json_read_limit(buf_str(text), REGISTRY_ANSWER_MAX, "its answer", err);
	if (!doc)
		return -1;
	struct str token = json_view(doc, "token");
	if (!token.n)
		token = json_view(doc, "access_token");
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] >= 0x7f)
			token.n = 0;
	if (!token.n)
		return error_set(err, ERR_INPUT, "it gave no token");
	r->authorization = arena_printf(&r->arena, "Authorization: Bearer %s", arena_strdup(&r->arena, token));
	return 0;
}

static int get_token(struct registry *r, const struct auth_challenge *c, struct error *err)
{
	struct buf at = BUF(0), text = BUF(0);
	struct auth_credentials who = { 0 };
	if (fetch_check_url(c->realm, err) < 0) {
		err->kind = ERR_INPUT;
		return error_wrap(err, "%s: where its tokens are", r->domain);
	}
	struct str realm = origin_of(c->realm, &at);
	struct arena *a = &r->arena;
	const char *scope = arena_printf(a, "repository:%s:%s", r->path, r->opt.push ? "pull,push" : "pull");
	const char *query = arena_printf(a, "service=%s&scope=%s", auth_escape(a, c->service), auth_escape(a, scope));
	struct http_request q = { .url = arena_printf(a, "%s%c%s", c->realm, strchr(c->realm, '?') ? '&' : '?', query), .seconds = FETCH_SILENCE };
	const char *headers[1];
	struct stream *body;
	u32 status = 0;
	int ret = 0;
	if (str_starts(str_of(r->base), STR("https://")) && !str_starts(realm, STR("https://")))
		ret = error_set(err, ERR_INPUT, "its tokens are to be had by plain HTTP, which is not done");
	ret = ret < 0 ? ret : credentials_for(r, realm, &who, err);
	if (ret == 0 && who.identity) {
		q = (struct http_request){ .method = "POST", .url = c->realm, .upload = true, .seconds = FETCH_SILENCE,
			.body = str_of(arena_printf(a, "grant_type=refresh_token&client_id=pare&%s&refresh_token=%s", query, auth_escape(a, who.identity))) };
		headers[q.n_headers++] = "Content-Type: application/x-www-form-urlencoded";
	} else if (ret == 0 && who.user) {
		headers[q.n_headers++] = auth_basic(a, who.user, who.password);
	}
	q.headers = headers;
	for (struct fetch_patience p = { .attempts = r->opt.fetch.attempts }; ret == 0;) {
		buf_clear(&text);
		ret = http_send(r->h, &q, &status, &body, err);
		ret = ret < 0 ? ret : http_read(body, REGISTRY_ANSWER_MAX, &text, err);
		if ((ret == 0 && status == 200) || !fetch_again(&p, r->h, ret < 0 ? 0 : status, err))
			break;
		ret = 0;
	}
	if (ret == 0 && status != 200)
		ret = error_set(err, ERR_ENV, "%s%s", FETCH_STATUS(status),
				who.user || who.identity ? " with the credentials that are kept for it" : who.helper ? " (the credentials are kept by a helper, which is not asked)" : " without credentials");
	if (ret == 0)
		ret = read_token(r, &text, err);
	if (ret < 0)
		error_wrap(err, "%s: a token of %.200s", r->domain, at.p ? at.p : "");
	buf_free(&at);
	buf_free(&text);
	return ret;
}

/* Answers the challenge of the last reply. 1: there is nothing that we could answer with. */
static int log_in(struct registry *r, struct error *err)
{
	struct auth_challenge best = { AUTH_NONE, "", "" };
	struct auth_credentials who = { 0 };
	for (u32 i = 0; i < 8; i++) {
		struct str value = http_header(r->h, "WWW-Authenticate", i);
		struct auth_challenge c = value.p ? auth_challenge(&r->arena, value) : best;
		best = c.kind > best.kind ? c : best;
	}
	if (best.kind == AUTH_BEARER)
		return get_token(r, &best, err);
	if (best.kind == AUTH_NONE || auth_find(&r->arena, r->domain, r->path, &who, err) < 0)
		return best.kind == AUTH_NONE ? 1 : -1;
	if (!who.user)
		return 1;
	r->authorization = auth_basic(&r->arena, who.user, who.password);
	return 0;
}

/* --- requests --- */
/* Sends it, logs in when that is asked for, follows redirects of a GET. q->url is whole; q->headers has room in front for one more. */
static int send(struct registry *r, const struct http_request *q, u32 *status, struct stream **body, struct error *err)
{
	for (u32 i = 0;; i++) {
		const char *headers[8];
		u32 n = 0;
		struct buf here = BUF(0), there = BUF(0);
		bool ours = str_eq(origin_of(r->base, &here), origin_of(q->url, &there)), private = ours && r->authorization;
		buf_free(&here);
		buf_free(&there);
		if (private)
			headers[n++] = r->authorization;
		for (u32 k = 0; k < q->n_headers && n < countof(headers); k++)
			headers[n++] = q->headers[k];
		struct http_request p = *q;
		p.headers = headers;
		p.n_headers = n;
		int e = q->method ? http_send(r->h, &p, status, body, err)
		                  : fetch_open(r->h, &(struct fetch_ask){ .url = q->url, .headers = headers, .n_headers = n, .n_private = private }, status, body, err);
		if (e < 0 || *status != 401 || !ours || i + 1 >= ASKED_TWICE)
			return e;
		stream_close(*body);
		*body = NULL;
		e = log_in(r, err);
		if (e < 0)
			return e;
		if (e == 1) { /* let the caller see what it says */
			*body = stream_memory(STR(""));
			return 0;
		}
	}
}

/* What the registry says of a request that it refused. */
static int refused(struct registry *r, u32 status, struct stream *body, const char *what, struct error *err)
{
	struct buf text = BUF(0);
	struct error ignored = { 0 };
	struct auth_credentials who = { 0 };
	autojson json_t *doc = http_read(body, REGISTRY_ANSWER_MAX, &text, &ignored) == 0 ? json_read(buf_str(&text), "answer", &ignored) : NULL;
	struct str says = doc ? json_view(json_array_get(json_arr(doc, "errors"), 0), "message") : (struct str){ NULL, 0 };
	if ((status == 401 || status == 403) && auth_find(&r->arena, r->domain, r->path, &who, &ignored) < 0)
		who = (struct auth_credentials){ 0 };
	const char *hint = status != 401                ? ""
	                   : who.user || who.identity   ? ": the credentials that are kept for it are not enough"
	                   : who.helper                 ? ": its credentials are kept by a helper, which is not asked"
	                                                : ": there are no credentials for it (docker login, podman login)";
	error_set(err, ERR_ENV, "%s/%s: %s: %s%s%.*s%s", r->domain, r->path, what, FETCH_STATUS(status), says.n ? ": " : "", (int)MIN(says.n, (size_t)200), says.n ? says.p : "", hint);
	buf_free(&text);
	return -1;
}

/* The same with patience. Requests that may be made twice only. */
static int send_patiently(struct registry *r, const struct http_request *q, u32 *status, struct stream **body, struct error *err)
{
	struct fetch_patience p = { .attempts = r->opt.fetch.attempts };
	for (;;) {
		struct error why = { 0 };
		*status = 0;
		int e = send(r, q, status, body, &why);
		if (e == 0 && *status < 400)
			return 0;
		if (!fetch_again(&p, r->h, *status, &why)) {
			if (e == 0 && why.kind) {
				stream_close(*body);
				e = -1;
			}
			if (e < 0)
				*err = why;
			return e;
		}
		if (e == 0)
			stream_close(*body);
	}
}

static const char *url_of(struct registry *r, const char *room, const char *which) { return arena_printf(&r->arena, "%s/v2/%s/%s/%s", r->base, r->path, room, which); }

int registry_manifest(struct registry *r, const char *which, const char *accept, struct buf *out, char type[128], struct digest *digest, struct error *err)
{
	const char *headers[] = { arena_printf(&r->arena, "Accept: %s", accept) };
	struct stream *body;
	struct digest want = { 0 };
	u32 status;
	for (struct fetch_patience p = { .attempts = r->opt.fetch.attempts };;) { /* a body that breaks off is asked for again */
		struct error why = { 0 };
		if (send_patiently(r, &(struct http_request){ .url = url_of(r, "manifests", which), .headers = headers, .n_headers = 1 }, &status, &body, err) < 0)
			return -1;
		if (status != 200)
			return refused(r, status, body, which, err);
		struct str said = http_header(r->h, "Docker-Content-Digest", 0), mime = http_header(r->h, "Content-Type", 0);
		struct str plain = str_trim(str_cut(&mime, ';'));
		snprintf(type, 128, "%.*s", (int)MIN(plain.n, (size_t)127), plain.n ? plain.p : "");
		struct error ignored = { 0 };
		want = (struct digest){ 0 };
		if (digest_parse(str_of(which), &want, &ignored) < 0 && said.p && digest_parse(said, &want, err) < 0) {
			stream_close(body);
			return error_wrap(err, "%s: Docker-Content-Digest", r->domain);
		}
		buf_clear(out);
		if (http_read(body, REGISTRY_MANIFEST_MAX, out, &why) == 0)
			break;
		if (!fetch_again(&p, r->h, 0, &why)) {
			*err = why;
			return error_wrap(err, "%s/%s: the manifest", r->domain, r->path);
		}
	}
	*digest = digest_bytes(want.alg ? (enum digest_alg)want.alg : DIGEST_SHA256, buf_str(out));
	if (want.alg && !digest_eq(&want, digest))
		return error_set(err, ERR_INPUT, "%s/%s: the manifest that came is %s, and it should be %s", r->domain, r->path, DIGEST_STR(digest), DIGEST_STR(&want));
	return 0;
}

/* --- a blob on its way --- */
struct blob {
	struct stream base;
	struct registry *r;
	struct stream *body;
	struct digest digest;
	struct digester *sum;
	const char *url;
	u64 at, size, skip; /* skip: bytes that come again */
	struct fetch_patience patience;
};

static int blob_open(struct blob *b, struct error *err)
{
	const char *headers[1];
	struct http_request q = { .url = b->url, .headers = headers };
	u32 status;
	if (b->at)
		headers[q.n_headers++] = arena_printf(&b->r->arena, "Range: bytes=%llu-", (unsigned long long)b->at);
	if (send_patiently(b->r, &q, &status, &b->body, err) < 0)
		return -1;
	if (status == 206 && b->at) {
		struct str range = http_header(b->r->h, "Content-Range", 0);
		u64 first;
		if (str_starts(range, STR("bytes ")) && (range = str_from(range, 6), str_to_u64(str_cut(&range, '-'), &first)) && first == b->at) {
			b->skip = 0;
			return 0;
		}
	} else if (status == 200) {
		b->skip = b->at;
		return 0;
	}
	struct stream *body = b->body;
	b->body = NULL;
	return refused(b->r, status, body, DIGEST_STR(&b->digest), err);
}

static int blob_end(struct blob *b, struct error *err)
{
	struct digest have = digester_finish(b->sum);
	b->sum = NULL;
	if (b->at != b->size || !digest_eq(&have, &b->digest))
		return error_set(err, ERR_INPUT, "%s/%s: what came for %s is %s", b->r->domain, b->r->path, DIGEST_STR(&b->digest), DIGEST_STR(&have));
	return 0;
}

/* What came again is passed over. */
static void blob_skip(struct blob *b, struct str *view)
{
	size_t n = (size_t)MIN((u64)view->n, b->skip);
	*view = str_from(*view, n);
	b->skip -= n;
}

static int blob_next(struct stream *s, struct str *view, struct error *err)
{
	struct blob *b = (struct blob *)s;
	for (u32 i = 0; i < FETCH_RESUMES;) {
		struct error why = { 0 };
		if (!b->body && blob_open(b, err) < 0) /* patient by itself */
			return -1;
		if (stream_next(b->body, view, &why) < 0) {
			i++;
			if (!fetch_again(&b->patience, b->r->h, 0, &why)) {
				*err = why;
				return -1;
			}
			stream_close(b->body);
			b->body = NULL;
			continue;
		}
		bool end = view->n == 0;
		blob_skip(b, view);
		if (end)
			return b->sum ? blob_end(b, err) : 0;
		if (!view->n)
			continue;
		if (view->n > b->size - b->at)
			return error_set(err, ERR_INPUT, "%s/%s: more came for %s than its %llu bytes", b->r->domain, b->r->path, DIGEST_STR(&b->digest), (unsigned long long)b->size);
		b->patience.tried = 0;
		b->at += view->n;
		digester_add(b->sum, *view);
		progress_add(view->n);
		return 0;
	}
	return error_set(err, ERR_ENV, "%s/%s: broke off %d times", b->r->domain, b->r->path, FETCH_RESUMES);
}

static void blob_close(struct stream *s)
{
	struct blob *b = (struct blob *)s;
	stream_close(b->body);
	if (b->sum)
		(void)digester_finish(b->sum);
	free(b);
}

static const struct stream_ops blob_ops = { blob_next, NULL, blob_close };

int registry_blob(struct registry *r, const struct digest *digest, u64 size, struct stream **ret, struct error *err)
{
	struct blob *b = xcalloc(1, sizeof *b);
	*b = (struct blob){ .base.ops = &blob_ops, .r = r, .digest = *digest, .size = size, .url = url_of(r, "blobs", DIGEST_STR(digest)), .patience.attempts = r->opt.fetch.attempts };
	b->sum = digester_new((enum digest_alg)digest->alg);
	if (blob_open(b, err) < 0) {
		blob_close(&b->base);
		return -1;
	}
	*ret = &b->base;
	return 0;
}

/* --- pushing --- */
int registry_has_blob(struct registry *r, const struct digest *digest, struct error *err)
{
	struct stream *body;
	u32 status;
	if (send_patiently(r, &(struct http_request){ .method = "HEAD", .url = url_of(r, "blobs", DIGEST_STR(digest)) }, &status, &body, err) < 0)
		return -1;
	if (status == 200 || status == 404 || (status >= 300 && status < 400)) { /* redirected to where it is */
		stream_close(body);
		return status != 404;
	}
	return refused(r, status, body, DIGEST_STR(digest), err);
}

/* Where the upload goes: the Location of the answer, made whole; NULL and *err. */
static const char *upload_url(struct registry *r, const struct digest *digest, struct error *err)
{
	struct str to = http_header(r->h, "Location", 0);
	const char *url = "";
	if (to.p && to.n < FETCH_URL_MAX)
		url = to.n && to.p[0] == '/' ? arena_printf(&r->arena, "%s%s", r->base, arena_strdup(&r->arena, to)) : arena_strdup(&r->arena, to);
	bool tls = str_starts(str_of(r->base), STR("https://"));
	if (fetch_check_url(url, err) < 0 || (tls && !str_ieq(str_head(str_of(url), 8), STR("https://")))) {
		error_set(err, ERR_ENV, "%s/%s: it says no place to send a blob to, or one without TLS", r->domain, r->path);
		return NULL;
	}
	return arena_printf(&r->arena, "%s%cdigest=%s", url, strchr(url, '?') ? '&' : '?', auth_escape(&r->arena, DIGEST_STR(digest)));
}

/* One attempt: a place is asked for, and the blob sent there whole. *status 0 and -1: no answer. */
static int upload(struct registry *r, const struct http_request *what, const struct digest *digest, u32 *status, struct stream **body, struct error *err)
{
	*status = 0;
	if (send(r, &(struct http_request){ .method = "POST", .url = url_of(r, "blobs/uploads", ""), .upload = true }, status, body, err) < 0)
		return -1;
	if (*status != 202)
		return 0;
	stream_close(*body);
	struct http_request q = *what;
	q.url = upload_url(r, digest, err);
	*status = 0;
	return q.url ? send(r, &q, status, body, err) : -1;
}

int registry_push_blob(struct registry *r, int fd, u64 size, struct str small, const struct digest *digest, struct error *err)
{
	struct fetch_patience p = { .attempts = r->opt.fetch.attempts };
	const char *headers[] = { "Content-Type: application/octet-stream" };
	struct http_request q = { .method = "PUT", .headers = headers, .n_headers = 1, .upload = true, .fd = fd, .size = size, .body = small, .seconds = FETCH_SECONDS };
	int has = registry_has_blob(r, digest, err);
	if (has)
		return has;
	for (;;) {
		struct error why = { 0 };
		struct stream *body;
		u32 status;
		int e = upload(r, &q, digest, &status, &body, &why);
		if (e == 0 && status == 201) {
			stream_close(body);
			return 0;
		}
		bool again = fetch_again(&p, r->h, status, &why);
		if (again && e == 0)
			stream_close(body);
		if (again)
			continue;
		if (e == 0)
			return refused(r, status, body, "sending a blob", err);
		*err = why;
		return -1;
	}
}

int registry_push_manifest(struct registry *r, const char *tag, const char *type, struct str text, struct error *err)
{
	const char *headers[] = { arena_printf(&r->arena, "Content-Type: %s", type) };
	struct stream *body;
	u32 status;
	struct http_request q = { .method = "PUT", .url = url_of(r, "manifests", tag), .headers = headers, .n_headers = 1, .upload = true, .body = text };
	if (send_patiently(r, &q, &status, &body, err) < 0)
		return -1;
	if (status != 201)
		return refused(r, status, body, "sending the manifest", err);
	stream_close(body);
	return 0;
}
