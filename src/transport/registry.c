#include "transport/registry.h"
#include "base/progress.h"
#include "transport/answer.h"
#include "transport/certs.h"
#include "transport/registry_in.h"
#include <unistd.h>

#define ASKED_TWICE 2u /* once to be told how to log in, once more logged in */

static void line_free(struct line *l)
{
	if (!l)
		return;
	http_close(l->h);
	arena_free(&l->arena);
	free(l);
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	for (struct line *l = r->idle, *next; l; l = next) {
		next = l->next;
		line_free(l);
	}
	line_free(r->desk);
	for (struct ticket *t = r->tickets, *next; t; t = next) {
		next = t->next;
		free(t->mount);
		free(t->value);
		free(t);
	}
	pthread_mutex_destroy(&r->lock);
	arena_free(&r->arena);
	free(r);
}

const char *registry_name(const struct registry *r) { return r->name; }

/* --- lines --- */
static struct line *line_new(struct registry *r, struct error *err)
{
	struct http *h = http_open(&r->target, err);
	if (!h)
		return NULL;
	struct line *l = xcalloc(1, sizeof *l);
	l->h = h;
	return l;
}

struct line *registry_line(struct registry *r, struct error *err)
{
	pthread_mutex_lock(&r->lock);
	struct line *l = r->idle;
	if (l)
		r->idle = l->next;
	pthread_mutex_unlock(&r->lock);
	return l ? l : line_new(r, err);
}

void registry_give(struct registry *r, struct line *l)
{
	if (!l)
		return;
	arena_free(&l->arena);
	l->mount = NULL;
	pthread_mutex_lock(&r->lock);
	l->next = r->idle;
	r->idle = l;
	pthread_mutex_unlock(&r->lock);
}

const char *registry_url(struct registry *r, struct line *l, const char *room, const char *which)
{
	return arena_printf(&l->arena, "%s/v2/%s/%s/%s", r->base, r->path, room, which);
}

/* --- finding it --- */
static int mistrusted(const struct registry *r, struct error *err)
{
	const char *why = strstr(err->text, "certificate") ? strchr(strstr(err->text, "certificate"), ':') : NULL; /* "HOST: SSL certificate problem: WHY" */
	char text[200];
	snprintf(text, sizeof text, "%s", why ? why : "");
	return error_set(err, ERR_ENV, "%s: its certificate does not hold%s (an authority of one's own goes into certs.d/%s/ca.crt or --cert-dir; --tls-verify=false takes any)", r->domain, text, r->domain);
}

/* The status of an answer to GET /v2/; 0: there was none. */
static u32 knock(struct line *l, const char *base, struct error *err)
{
	struct stream *body;
	u32 status = 0;
	if (http_send(l->h, &(struct http_request){ .url = arena_printf(&l->arena, "%s/v2/", base), .seconds = FETCH_SILENCE }, &status, &body, err) < 0)
		return 0;
	stream_close(body);
	return status;
}

/* TLS or not, where both may be: whoever answers by TLS is asked by it. */
static int choose_scheme(struct registry *r, struct error *err)
{
	const char *host = strcmp(r->domain, "docker.io") == 0 ? "registry-1.docker.io" : r->domain;
	const char *tls = arena_printf(&r->arena, "https://%s", host), *plain = arena_printf(&r->arena, "http://%s", host);
	r->base = r->opt.plain_http ? plain : tls;
	struct buf home = BUF(0);
	r->target.home = arena_strdup(&r->arena, fetch_origin(tls, &home));
	buf_free(&home);
	if (r->opt.plain_http || !(r->opt.fetch.unverified || http_local(r->domain)))
		return 0;
	struct line *l = registry_line(r, err);
	const char *bracket = strchr(r->domain, ']');
	bool named = strchr(bracket ? bracket : r->domain, ':') != NULL;
	int e = l ? 1 : -1;
	for (struct fetch_patience p = { .attempts = r->opt.fetch.attempts }; e > 0;) {
		struct error why = { 0 }, ignored = { 0 };
		u32 status = knock(l, tls, &why);
		if (!status && (http_no_tls(l->h) || (http_refused(l->h) && !named))) { /* without a port, plain HTTP has another one */
			status = knock(l, plain, &ignored);
			r->base = plain;
		}
		bool wants_tls = status == 400 && r->base == plain; /* then what came of TLS was a passing failure */
		if (status && !wants_tls) {
			e = 0;
		} else if (http_mistrusted(l->h)) {
			*err = why;
			e = mistrusted(r, err);
		} else if (http_refused(l->h) || !fetch_again(&p, l->h, wants_tls ? 503 : 0, &why)) {
			*err = why;
			e = -1;
		}
		r->base = e > 0 ? tls : r->base;
	}
	registry_give(r, l);
	return e;
}

/* With PARE_OFFLINE set no other machine is asked. */
static int allowed(const char *host, struct error *err)
{
	const char *offline = getenv("PARE_OFFLINE");
	if (!offline || !offline[0] || strcmp(offline, "0") == 0 || http_local(host))
		return 0;
	return error_set(err, ERR_ENV, "%s: is not asked: PARE_OFFLINE is set", host);
}

int registry_open(const struct reference *ref, const struct registry_options *opt, struct registry **ret, struct error *err)
{
	if (allowed(ref->domain, err) < 0)
		return -1;
	struct registry *r = xcalloc(1, sizeof *r);
	struct arena *a = &r->arena;
	pthread_mutex_init(&r->lock, NULL);
	r->opt = *opt;
	r->opt.user = opt->user ? arena_strdup(a, str_of(opt->user)) : NULL;
	r->domain = arena_strdup(a, str_of(ref->domain));
	r->path = arena_strdup(a, str_of(ref->path));
	r->name = r->path[0] ? arena_printf(a, "%s/%s", r->domain, r->path) : r->domain;
	r->target = (struct http_target){ .unverified = opt->fetch.unverified, .silence = opt->fetch.silence ? opt->fetch.silence : FETCH_SILENCE };
	struct error why = { 0 };
	if (certs_find(a, r->domain, opt->certs, &r->target, &why) < 0 || choose_scheme(r, &why) < 0) {
		registry_close(r);
		if (err)
			*err = why;
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

/* Ours for the registry. With the lock. */
static int own_credentials(struct registry *r, struct auth_credentials *ret, struct error *err)
{
	if (!r->looked && r->opt.user) {
		struct str password = str_of(r->opt.user), user = str_cut(&password, ':');
		r->who = (struct auth_credentials){ .user = arena_strdup(&r->arena, user), .password = arena_strdup(&r->arena, password.p ? password : STR("")) };
	} else if (!r->looked && auth_find(&r->arena, r->domain, r->path, &r->who, err) < 0) {
		return -1;
	}
	r->looked = true;
	*ret = r->who;
	return 0;
}

static struct str name_of(struct str origin)
{
	struct str host = str_from(origin, str_starts(origin, STR("https://")) ? 8 : 7);
	return str_head(host, host.n && host.p[0] == '[' ? str_cut(&(struct str){ host.p, host.n }, ']').n : str_cut(&(struct str){ host.p, host.n }, ':').n);
}

/* One host by two ports, or two hosts of one domain ("gitlab.example.org", "registry.example.org"). */
static bool akin(struct str one, struct str other)
{
	struct str a = name_of(one), b = name_of(other);
	if (str_eq(a, b))
		return true;
	if (a.n && a.p[a.n - 1] >= '0' && a.p[a.n - 1] <= '9') /* an address */
		return false;
	(void)str_cut(&a, '.');
	(void)str_cut(&b, '.');
	return a.p && b.p && str_eq(a, b) && str_chr(a, '.');
}

/* The credentials that may go to the realm, whose origin is given; *elsewhere: they are not those of the registry. Those that are kept for the realm itself are used for a registry that is akin
 * to it: any other could name a realm where we are known, and would be given a token for what is there. With the lock. */
static int credentials_for(struct registry *r, struct str realm, struct auth_credentials *ret, bool *elsewhere, struct error *err)
{
	struct buf own = BUF(0);
	struct str registry = origin_of(r->base, &own), host;
	bool tls = str_starts(realm, STR("https://"));
	host = str_from(realm, tls ? 8 : 7);
	bool hub = strcmp(r->domain, "docker.io") == 0 && str_is(realm, "https://auth.docker.io");
	bool same = str_eq(realm, registry);
	bool above = tls && str_chr(host, '.') && str_chr(host, ':') == NULL && str_ends(registry, host) && registry.n > host.n && registry.p[registry.n - host.n - 1] == '.';
	for (size_t i = 0; above && i < host.n; i++) /* of addresses no one is above the other */
		above = !(i + 1 == host.n && host.p[i] >= '0' && host.p[i] <= '9');
	bool related = akin(registry, realm);
	buf_free(&own);
	*elsewhere = !same && !hub && !above;
	if (!*elsewhere)
		return own_credentials(r, ret, err);
	return related ? auth_find(&r->arena, arena_strdup(&r->arena, host), "", ret, err) : 0;
}

static int read_token(struct arena *a, struct buf *text, const char **ret, struct error *err)
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
	*ret = arena_printf(a, "Authorization: Bearer %s", arena_strdup(a, token));
	return 0;
}

static const char *query_of(struct registry *r, struct arena *a, const char *service, const char *mount)
{
	const char *what = r->opt.erase ? r->opt.push ? "pull,push,delete" : "pull,delete" : r->opt.push ? "pull,push" : "pull";
	if (!r->path[0]) /* nothing is wanted but to be known */
		return arena_printf(a, "service=%s", auth_escape(a, service));
	const char *query = arena_printf(a, "service=%s&scope=%s", auth_escape(a, service), auth_escape(a, arena_printf(a, "repository:%s:%s", r->path, what)));
	return mount ? arena_printf(a, "%s&scope=%s", query, auth_escape(a, arena_printf(a, "repository:%s:pull", mount))) : query;
}

/* On the desk's line, with the lock. */
static int get_token(struct registry *r, const struct auth_challenge *c, const char *mount, const char **ret, struct error *err)
{
	struct buf at = BUF(0), text = BUF(0);
	struct auth_credentials who = { 0 };
	struct line *l = r->desk;
	struct arena *a = &l->arena;
	if (fetch_check_url(c->realm, err) < 0) {
		err->kind = ERR_ENV;
		return error_wrap(err, "%s: where its tokens are", r->domain);
	}
	struct str realm = origin_of(c->realm, &at);
	const char *query = query_of(r, a, c->service, mount), *headers[1];
	struct http_request q = { .url = arena_printf(a, "%s%c%s", c->realm, strchr(c->realm, '?') ? '&' : '?', query), .seconds = FETCH_SILENCE };
	struct stream *body;
	u32 status = 0;
	bool elsewhere = false;
	int e = 0;
	if (str_starts(str_of(r->base), STR("https://")) && !str_starts(realm, STR("https://")))
		e = error_set(err, ERR_ENV, "its tokens are to be had by plain HTTP, which is not done");
	e = e < 0 ? e : credentials_for(r, realm, &who, &elsewhere, err);
	if (e == 0 && who.identity) {
		q = (struct http_request){ .method = "POST", .url = c->realm, .upload = true, .seconds = FETCH_SILENCE,
			.body = str_of(arena_printf(a, "grant_type=refresh_token&client_id=pare&%s&refresh_token=%s", query, auth_escape(a, who.identity))) };
		headers[q.n_headers++] = "Content-Type: application/x-www-form-urlencoded";
	} else if (e == 0 && who.user) {
		headers[q.n_headers++] = auth_basic(a, who.user, who.password);
	}
	q.headers = headers;
	for (struct fetch_patience p = { .attempts = r->opt.fetch.attempts }; e == 0;) {
		buf_clear(&text);
		status = 0;
		e = http_send(l->h, &q, &status, &body, err);
		e = e < 0 ? e : http_read(body, REGISTRY_ANSWER_MAX, &text, err);
		if ((e == 0 && status == 200) || !fetch_again(&p, l->h, e < 0 ? 0 : status, err))
			break;
		e = 0;
	}
	if (e == 0 && status != 200)
		e = err && err->kind ? -1 : error_set(err, ERR_ENV, "%s%s", FETCH_STATUS(status), status != 401 && status != 403 ? "" : who.user || who.identity ?
		    " with the credentials that are kept for it (pare login)" :
		    elsewhere ? " without credentials: those of the registry are not told to another host" : " without credentials (pare login)");
	if (e == 0)
		e = read_token(a, &text, ret, err);
	if (e < 0) {
		error_wrap(err, "%s: a token of %.200s", r->domain, at.p ? at.p : "");
		(void)registry_astray(err);
	}
	buf_free(&at);
	buf_free(&text);
	return e;
}

static struct ticket *ticket_of(struct registry *r, const char *mount)
{
	mount = r->basic || !mount ? "" : mount;
	for (struct ticket *t = r->tickets; t; t = t->next)
		if (strcmp(t->mount, mount) == 0)
			return t;
	struct ticket *t = xcalloc(1, sizeof *t);
	t->mount = xstrdup(mount);
	t->next = r->tickets;
	r->tickets = t;
	return t;
}

/* What we send with a request on this line; NULL: nothing yet. */
static const char *authorization(struct registry *r, struct line *l)
{
	pthread_mutex_lock(&r->lock);
	const struct ticket *t = ticket_of(r, l->mount);
	const char *value = t->value ? arena_strdup(&l->arena, str_of(t->value)) : NULL;
	pthread_mutex_unlock(&r->lock);
	return value;
}

/* With the lock. 1: there is nothing that we could answer with. */
static int answer_challenge(struct registry *r, const struct auth_challenge *c, struct ticket *t, struct error *err)
{
	struct auth_credentials who = { 0 };
	const char *value = NULL;
	int e = 0;
	if (c->kind == AUTH_BEARER) {
		if (!r->desk && !(r->desk = line_new(r, err)))
			return -1;
		e = get_token(r, c, t->mount[0] ? t->mount : NULL, &value, err);
	} else {
		if (own_credentials(r, &who, err) < 0)
			return -1;
		if (who.identity && !who.user)
			return error_set(err, ERR_ENV, "%s: there is an identity token for it, and it wants a password (pare login %s)", r->domain, r->domain);
		if (!who.user)
			return 1;
		value = auth_basic(&r->arena, who.user, who.password);
		r->basic = true;
		t = ticket_of(r, NULL);
	}
	if (e == 0) {
		free(t->value);
		t->value = xstrdup(value);
	}
	if (r->desk)
		arena_free(&r->desk->arena);
	return e;
}

/* Answers the challenge of the last reply, unless another thread has since `sent`. 1: there is nothing that we could answer with. */
static int log_in(struct registry *r, struct line *l, const char *sent, struct error *err)
{
	struct auth_challenge best = { AUTH_NONE, "", "" };
	for (u32 i = 0; i < 8; i++) {
		struct str value = http_header(l->h, "WWW-Authenticate", i);
		struct auth_challenge c = value.p ? auth_challenge(&l->arena, value) : best;
		best = c.kind > best.kind ? c : best;
	}
	if (best.kind == AUTH_NONE)
		return 1;
	pthread_mutex_lock(&r->lock);
	struct ticket *t = ticket_of(r, l->mount);
	bool news = t->value && (!sent || strcmp(sent, t->value) != 0);
	bool hopeless = best.kind == AUTH_BASIC && t->value && !news; /* the same would be sent again */
	int e = news ? 0 : hopeless ? 1 : answer_challenge(r, &best, t, err);
	pthread_mutex_unlock(&r->lock);
	return e;
}

/* --- requests --- */
int registry_astray(struct error *err)
{
	if (err && err->kind == ERR_INPUT)
		err->kind = ERR_ENV;
	return -1;
}

int registry_send(struct registry *r, struct line *l, const struct http_request *q, u32 *status, struct stream **body, struct error *err)
{
	l->logged_in = false;
	for (u32 i = 0;; i++) {
		const char *headers[8], *sent = NULL;
		u32 n = 0;
		struct buf here = BUF(0), there = BUF(0);
		bool ours = str_eq(origin_of(r->base, &here), origin_of(q->url, &there));
		buf_free(&here);
		buf_free(&there);
		if (ours && (sent = authorization(r, l)))
			headers[n++] = sent;
		for (u32 k = 0; k < q->n_headers && n < countof(headers); k++)
			headers[n++] = q->headers[k];
		struct http_request p = *q;
		bool strayed = false;
		p.headers = headers;
		p.n_headers = n;
		int e = q->method ? http_send(l->h, &p, status, body, err)
		                  : fetch_open(l->h, &(struct fetch_ask){ .url = q->url, .headers = headers, .n_headers = n, .n_private = sent != NULL, .seconds = q->seconds, .strayed = &strayed }, status, body, err);
		if (e < 0 && http_mistrusted(l->h) && str_starts(str_of(err->text), str_of(arena_printf(&l->arena, "%s:", strstr(r->base, "//") + 2)))) /* and not where it redirects to */
			return mistrusted(r, err);
		if (e < 0 && !q->from)
			return registry_astray(err);
		if (e < 0 || *status != 401 || !ours || strayed || i + 1 >= ASKED_TWICE)
			return e;
		e = log_in(r, l, sent, err);
		if (e == 1) /* let the caller see what it says */
			return 0;
		l->logged_in = e == 0;
		if (e < 0 || !q->from) {
			stream_close(*body);
			*body = NULL;
		}
		if (e < 0 || q->from)
			return e;
	}
}

/* How to come into the good graces of who says 429. */
static const char *limit_of(struct registry *r, struct line *l)
{
	u64 n, seconds;
	bool hub = strcmp(r->domain, "docker.io") == 0;
	if (!answer_limit(http_header(l->h, "RateLimit-Limit", 0), &n, &seconds))
		return hub ? ": Docker Hub counts pulls; it allows more to who is logged in (pare login docker.io)" : ": it counts requests; try later";
	return arena_printf(&l->arena, ": the limit is %llu in %llu %s%s", (unsigned long long)n, (unsigned long long)(seconds % 3600 ? (seconds + 59) / 60 : seconds / 3600),
			    seconds % 3600 ? "minutes" : "hours", hub ? "; Docker Hub allows more to who is logged in (pare login docker.io)" : "; try later");
}

static const char *remedy(struct registry *r, struct line *l, u32 status)
{
	struct auth_credentials who = { 0 };
	struct error ignored = { 0 };
	if (status == 429)
		return limit_of(r, l);
	if (status != 401 && status != 403)
		return "";
	pthread_mutex_lock(&r->lock);
	if (own_credentials(r, &who, &ignored) < 0)
		who = (struct auth_credentials){ 0 };
	pthread_mutex_unlock(&r->lock);
	if (r->opt.user && status == 401)
		return ": it does not take the name and the password that were given";
	if (who.user || who.identity)
		return status == 401 ? arena_printf(&l->arena, ": the credentials that are kept for it are not enough (pare login %s)", r->domain) : ": the credentials that are kept for it give no right to that";
	if (who.helper)
		return arena_printf(&l->arena, ": docker-credential-%.60s, which keeps its credentials, gave none (pare login %s)", who.helper, r->domain);
	return arena_printf(&l->arena, ": there are no credentials for it (pare login %s)", r->domain);
}

/* Whether it repeats what we sent to be let in. */
static bool tells_secrets(struct registry *r, struct str says)
{
	pthread_mutex_lock(&r->lock);
	bool tells = (r->who.password && r->who.password[0] && str_contains(says, str_of(r->who.password))) || (r->who.identity && str_contains(says, str_of(r->who.identity)));
	for (const struct ticket *t = r->tickets; t && !tells; t = t->next)
		tells = t->value && str_contains(says, str_of(strrchr(t->value, ' ') + 1));
	pthread_mutex_unlock(&r->lock);
	return tells;
}

int registry_refused(struct registry *r, struct line *l, u32 status, struct stream *body, const char *what, struct error *err)
{
	struct buf text = BUF(0);
	struct error ignored = { 0 };
	const char *hint = remedy(r, l, status);
	autojson json_t *doc = http_read(body, REGISTRY_ANSWER_MAX, &text, &ignored) == 0 ? json_read(buf_str(&text), "answer", &ignored) : NULL;
	struct str says = doc ? json_view(json_array_get(json_arr(doc, "errors"), 0), "message") : (struct str){ NULL, 0 };
	if (says.n && tells_secrets(r, says))
		says.n = 0;
	error_set(err, ERR_ENV, "%s: %s: %s%s%.*s%s", r->name, what, FETCH_STATUS(status), says.n ? ": " : "", (int)MIN(says.n, (size_t)200), says.n ? says.p : "", hint);
	buf_free(&text);
	return -1;
}

int registry_ask(struct registry *r, struct line *l, const struct http_request *q, u32 *status, struct stream **body, struct error *err)
{
	struct fetch_patience p = { .attempts = r->opt.fetch.attempts };
	for (l->asked = 1;; l->asked++) {
		struct error why = { 0 };
		*status = 0;
		*body = NULL; /* what was closed must not be closed again */
		int e = registry_send(r, l, q, status, body, &why);
		if (e == 0 && *status < 400)
			return 0;
		if (!fetch_again(&p, l->h, e < 0 ? 0 : *status, &why)) {
			if (e == 0 && why.kind) {
				stream_close(*body);
				*body = NULL;
				e = -1;
			}
			if (e < 0) {
				*err = why;
				return strstr(why.text, r->domain) ? -1 : error_wrap(err, "%s", r->name);
			}
			return e;
		}
		if (e == 0)
			stream_close(*body);
	}
}

int registry_ping(struct registry *r, struct error *err)
{
	struct stream *body;
	u32 status;
	struct line *l = registry_line(r, err);
	if (!l)
		return -1;
	int e = registry_ask(r, l, &(struct http_request){ .url = arena_printf(&l->arena, "%s/v2/", r->base), .seconds = FETCH_SILENCE }, &status, &body, err);
	if (e == 0 && status != 200)
		e = registry_refused(r, l, status, body, "logging in", err);
	else if (e == 0)
		stream_close(body);
	registry_give(r, l);
	return e;
}

/* --- manifests --- */
static bool schema1(const char *type) { return strstr(type, "docker.distribution.manifest.v1") != NULL; }

static int read_manifest(struct registry *r, struct line *l, const char *which, struct stream *body, struct buf *out, char type[128], struct digest *digest, struct error *err)
{
	struct digest want = { 0 };
	struct error ignored = { 0 };
	struct str said = http_header(l->h, "Docker-Content-Digest", 0), mime = http_header(l->h, "Content-Type", 0);
	struct str plain = str_trim(str_cut(&mime, ';'));
	snprintf(type, 128, "%.*s", (int)MIN(plain.n, (size_t)127), plain.n ? plain.p : "");
	if (digest_parse(str_of(which), &want, &ignored) < 0 && said.p && digest_parse(said, &want, err) < 0) {
		stream_close(body);
		error_wrap(err, "%s: Docker-Content-Digest", r->domain);
		return registry_astray(err);
	}
	if (schema1(type)) {
		stream_close(body);
		return error_set(err, ERR_INPUT, "%s: %s is a manifest of schema 1, which no client writes since 2017 and which is not read here: push the image again with a current one", r->name, which);
	}
	if (http_read(body, REGISTRY_MANIFEST_MAX, out, err) < 0) {
		error_wrap(err, "%s: the manifest", r->name);
		return registry_astray(err);
	}
	*digest = digest_bytes(want.alg ? (enum digest_alg)want.alg : DIGEST_SHA256, buf_str(out));
	if (want.alg && !digest_eq(&want, digest))
		return error_set(err, ERR_ENV, "%s: the manifest that came is %s, and it should be %s", r->name, DIGEST_STR(digest), DIGEST_STR(&want));
	autojson json_t *doc = want.alg ? NULL : json_read_limit(buf_str(out), REGISTRY_MANIFEST_MAX, which, err); /* nothing says that all of it came */
	if (!doc && !want.alg) {
		error_wrap(err, "%s: the manifest", r->name);
		return registry_astray(err);
	}
	return 0;
}

static int find(struct registry *r, struct line *l, const char *which, const char *accept, bool needed, struct buf *out, char type[128], struct digest *digest, struct error *err)
{
	const char *headers[] = { arena_printf(&l->arena, "Accept: %s", accept) };
	struct stream *body;
	u32 status;
	struct fetch_patience p = { .attempts = r->opt.fetch.attempts };
	for (;;) {
		struct error why = { 0 };
		const struct http_request q = { .url = registry_url(r, l, "manifests", which), .headers = headers, .n_headers = 1, .seconds = REGISTRY_ANSWER_SECONDS };
		if (registry_ask(r, l, &q, &status, &body, err) < 0)
			return -1;
		if (status == 404 && !needed) {
			stream_close(body);
			return 1;
		}
		if (status != 200)
			return registry_refused(r, l, status, body, which, err);
		buf_clear(out);
		if (read_manifest(r, l, which, body, out, type, digest, &why) == 0)
			return 0;
		if (!fetch_again(&p, l->h, 0, &why)) {
			*err = why;
			return -1;
		}
	}
}

static int find_on_line(struct registry *r, const char *which, const char *accept, bool needed, struct buf *out, char type[128], struct digest *digest, struct error *err)
{
	struct line *l = registry_line(r, err);
	int e = l ? find(r, l, which, accept, needed, out, type, digest, err) : -1;
	registry_give(r, l);
	return e;
}

int registry_find(struct registry *r, const char *which, const char *accept, struct buf *out, char type[128], struct digest *digest, struct error *err)
{
	return find_on_line(r, which, accept, false, out, type, digest, err);
}

int registry_manifest(struct registry *r, const char *which, const char *accept, struct buf *out, char type[128], struct digest *digest, struct error *err)
{
	return find_on_line(r, which, accept, true, out, type, digest, err);
}

/* --- a blob on its way --- */
struct blob {
	struct stream base;
	struct registry *r;
	struct line *l, *old; /* old: broke off, but views into their buffers may still be looked at (stream.h) */
	struct stream *body;
	struct digest digest;
	char *url;
	u64 at, size, skip; /* skip: bytes that come again */
	u64 given, fresh;   /* views given out, of all and of this line */
	u32 resumes;
	bool over;
	struct fetch_patience patience;
};

static int blob_open(struct blob *b, struct error *err)
{
	const char *headers[1];
	struct http_request q = { .url = b->url, .headers = headers };
	u32 status;
	u64 first;
	if (b->at)
		headers[q.n_headers++] = arena_printf(&b->l->arena, "Range: bytes=%llu-", (unsigned long long)b->at);
	if (registry_ask(b->r, b->l, &q, &status, &b->body, err) < 0)
		return -1;
	b->skip = 0;
	if (status == 206 && b->at && answer_first(http_header(b->l->h, "Content-Range", 0), &first) && first <= b->at) {
		b->skip = b->at - first;
		return 0;
	}
	if (status == 200) {
		b->skip = b->at;
		return 0;
	}
	struct stream *body = b->body;
	b->body = NULL;
	return registry_refused(b->r, b->l, status, body, DIGEST_STR(&b->digest), err);
}

/* Gives back the lines whose views nobody looks at any more; all of them at the end. */
static void blob_release(struct blob *b, bool all)
{
	for (struct line **at = &b->old; *at;) {
		struct line *l = *at;
		if (!all && b->given - l->since < STREAM_RING) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		registry_give(b->r, l);
	}
}

/* What comes again is read into other buffers than those that were given out. */
static int blob_change(struct blob *b, struct error *err)
{
	if (!b->fresh)
		return 0;
	struct line *l = registry_line(b->r, err);
	if (!l)
		return -1;
	b->l->since = b->given;
	b->l->next = b->old;
	b->old = b->l;
	b->l = l;
	b->fresh = 0;
	return 0;
}

static int blob_end(struct blob *b, struct error *err)
{
	b->over = true;
	if (b->at != b->size)
		return error_set(err, ERR_ENV, "%s: what came for %s is %llu bytes long, and it should be %llu", b->r->name, DIGEST_STR(&b->digest), (unsigned long long)b->at, (unsigned long long)b->size);
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
	*view = STR("");
	while (b->resumes < FETCH_RESUMES && !b->over) {
		struct error why = { 0 };
		if (!b->body && b->at == b->size) /* nothing is left to ask for */
			return blob_end(b, err);
		if (!b->body && (blob_change(b, err) < 0 || blob_open(b, err) < 0)) /* patient by itself */
			return -1;
		if (stream_next(b->body, view, &why) < 0) {
			b->resumes++;
			stream_close(b->body);
			b->body = NULL;
			if (b->at == b->size || fetch_again(&b->patience, b->l->h, 0, &why))
				continue;
			*err = why;
			return error_wrap(err, "%s: %s", b->r->name, DIGEST_STR(&b->digest));
		}
		bool end = view->n == 0;
		blob_skip(b, view);
		if (end)
			return blob_end(b, err);
		if (!view->n)
			continue;
		if (view->n > b->size - b->at)
			return error_set(err, ERR_ENV, "%s: more came for %s than its %llu bytes", b->r->name, DIGEST_STR(&b->digest), (unsigned long long)b->size);
		b->patience.tried = 0;
		b->at += view->n;
		b->given++;
		b->fresh++;
		blob_release(b, false);
		if (b->r->opt.progress)
			progress_add(view->n);
		return 0;
	}
	return b->over ? 0 : error_set(err, ERR_ENV, "%s: %s broke off %d times", b->r->name, DIGEST_STR(&b->digest), FETCH_RESUMES);
}

static void blob_close(struct stream *s)
{
	struct blob *b = (struct blob *)s;
	stream_close(b->body);
	blob_release(b, true);
	registry_give(b->r, b->l);
	free(b->url);
	free(b);
}

static const struct stream_ops blob_ops = { blob_next, NULL, blob_close };

int registry_blob_part(struct registry *r, const struct digest *digest, u64 size, u64 from, struct stream **ret, struct error *err)
{
	struct line *l = registry_line(r, err);
	if (!l)
		return -1;
	struct blob *b = xcalloc(1, sizeof *b);
	*b = (struct blob){ .base.ops = &blob_ops, .r = r, .l = l, .digest = *digest, .at = from, .size = size, .url = xstrdup(registry_url(r, l, "blobs", DIGEST_STR(digest))),
		.patience.attempts = r->opt.fetch.attempts };
	if (from > size ? error_set(err, ERR_INPUT, "%s: %s has %llu bytes, and more are there", r->name, DIGEST_STR(digest), (unsigned long long)size) < 0 : (from < size || !from) && blob_open(b, err) < 0) {
		blob_close(&b->base);
		return -1;
	}
	*ret = &b->base;
	return 0;
}

int registry_blob(struct registry *r, const struct digest *digest, u64 size, u64 from, struct stream **ret, struct error *err)
{
	if (registry_blob_part(r, digest, size, from, ret, err) < 0)
		return -1;
	*ret = from ? *ret : stream_verified(*ret, digest, size, r->name, ERR_ENV);
	return 0;
}

/* --- what is there --- */
static int has(struct registry *r, const char *room, const char *accept, const struct digest *digest, struct error *err)
{
	struct line *l = registry_line(r, err);
	struct stream *body;
	u32 status;
	if (!l)
		return -1;
	int e = registry_ask(r, l, &(struct http_request){ .method = "HEAD", .url = registry_url(r, l, room, DIGEST_STR(digest)), .headers = &accept, .n_headers = accept != NULL,
		.seconds = REGISTRY_ANSWER_SECONDS }, &status, &body, err);
	if (e == 0 && (status == 200 || status == 404 || status == 301 || status == 302 || status == 303 || status == 307 || status == 308)) { /* redirected to where it is */
		stream_close(body);
		e = status != 404;
	} else if (e == 0) {
		e = registry_refused(r, l, status, body, DIGEST_STR(digest), err);
	}
	registry_give(r, l);
	return e;
}

int registry_has_blob(struct registry *r, const struct digest *digest, struct error *err) { return has(r, "blobs", NULL, digest, err); }

int registry_has_manifest(struct registry *r, const struct digest *digest, struct error *err)
{
	return has(r, "manifests", "Accept: " MT_MANIFEST ", " MT_INDEX ", " MT_DOCKER_MANIFEST ", " MT_DOCKER_LIST, digest, err);
}
