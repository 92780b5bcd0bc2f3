/* Probes done: requests through sockets of the box's network, commands in the container or in one of their own. */
#include "base/hash.h"
#include "run/probe.h"
#include "transport/http.h"
#include <time.h>

#define TRIES 10 /* where nobody listens for a moment */
#define TRY_MS 200
#define CRAWL_SECONDS 300

static s64 now_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (s64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void failed(struct answer *a, const char *why)
{
	a->failed = true;
	snprintf(a->error, sizeof a->error, "%.199s", why);
}

static int open_socket(void *ctx, int domain, int type)
{
	struct error ignored = { 0 };
	return run_socket(ctx, domain, type, &ignored);
}

/* Those that say what a body is and where to go on; sorted. Dates, validators and lengths are not among them. */
static const char *const fields_that_matter[] = {
	"accept-ranges", "access-control-allow-methods", "access-control-allow-origin", "allow", "cache-control", "content-disposition", "content-encoding", "content-language", "content-range",
	"content-type", "location", "vary", "www-authenticate", "x-content-type-options", "x-frame-options",
};

static void take_fields(const struct http *h, struct buf *out)
{
	for (size_t i = 0; i < countof(fields_that_matter); i++) {
		struct str v;
		for (u32 nth = 0; (v = http_header(h, fields_that_matter[i], nth)).p; nth++)
			buf_printf(out, "%s: %.*s\n", fields_that_matter[i], STR_FMT(v));
	}
	struct str cookie;
	for (u32 nth = 0; (cookie = http_header(h, "set-cookie", nth)).p; nth++) /* its value is one of a kind */
		buf_printf(out, "set-cookie: %.*s\n", STR_FMT(str_cut(&cookie, '=')));
}

struct target {
	struct run_box *b;
	u16 port;
	bool tls, v6;
};

/* One request; true: nobody listens there (yet). */
static bool request_once(const struct target *t, const struct probe *p, const char *path, struct answer *ret)
{
	struct error err = { 0 };
	struct http *h = http_open(&(struct http_target){ .unverified = true, .open_socket = open_socket, .ctx = t->b }, &err);
	struct stream *body = NULL;
	struct buf url = BUF(0);
	u32 n = 0, status = 0;
	*ret = (struct answer){ .http = true, .port = t->port, .tls = t->tls, .fields = BUF(64 * KiB), .out = BUF(PROBE_BODY), .err = BUF(4096) };
	ret->when = now_ms(CLOCK_REALTIME);
	if (!h) {
		failed(ret, err.text);
		return false;
	}
	while (p->fields[n])
		n++;
	buf_printf(&url, "%s://%s:%u%s", t->tls ? "https" : "http", t->v6 ? "[::1]" : "127.0.0.1", t->port, path);
	struct http_request r = { .method = p->method, .url = url.p, .headers = p->fields, .n_headers = n, .upload = p->body.p || strcmp(p->method, "POST") == 0 || strcmp(p->method, "PUT") == 0, .body = p->body, .seconds = PROBE_SECONDS };
	bool refused = false;
	if (http_send(h, &r, &status, &body, &err) < 0) {
		refused = http_refused(h);
		failed(ret, err.text);
	} else {
		ret->status = (int)status;
		take_fields(h, &ret->fields);
		if (http_read(body, PROBE_BODY, &ret->out, &err) < 0 && !ret->out.over)
			buf_puts(&ret->err, "the body broke off");
	}
	http_close(h);
	buf_free(&url);
	return refused;
}

static void request(struct target t, const struct probe *p, const char *path, struct answer *ret)
{
	for (u32 i = 0; request_once(&t, p, path, ret) && i < TRIES; i++) {
		answer_free(ret);
		t.v6 = i % 2 == 0; /* some listen there alone */
		nanosleep(&(struct timespec){ 0, TRY_MS * 1000000 / 2 }, NULL);
	}
}

/* Plain HTTP, or TLS where that is refused or called a bad request. */
static bool request_either(struct target t, const struct probe *p, struct answer *ret)
{
	struct answer other;
	request(t, p, p->path, ret);
	if (!ret->failed && ret->status != 400)
		return true;
	t.tls = true;
	request_once(&t, p, p->path, &other);
	if (other.failed) {
		answer_free(&other);
		return !ret->failed;
	}
	answer_free(ret);
	*ret = other;
	return true;
}

static void ask(struct run_box *b, const struct probe *p, struct probe_place *place, struct answer *ret)
{
	if (p->port) {
		request((struct target){ b, p->port, p->tls, false }, p, p->path, ret);
		return;
	}
	if (place && place->port) {
		request((struct target){ b, place->port, place->tls, false }, p, p->path, ret);
		return;
	}
	*ret = (struct answer){ .http = true, .when = now_ms(CLOCK_REALTIME) };
	failed(ret, "nobody listens on a port");
	for (u32 i = 0; place && i < place->n_ports; i++) {
		answer_free(ret);
		if (request_either((struct target){ b, place->ports[i], false, false }, p, ret)) {
			place->port = ret->port;
			place->tls = ret->tls;
			return;
		}
	}
}

/* --- crawl --- */

struct crawl {
	struct arena a;
	const char *paths[PROBE_CRAWL];
	u32 n;
	struct str page, host;
	struct buf one;
};

static void found(void *ctx, struct str link)
{
	struct crawl *c = ctx;
	if (c->n == PROBE_CRAWL || !probe_same_origin(c->page, link, c->host, &c->one))
		return;
	for (u32 i = 0; i < c->n; i++)
		if (str_is(buf_str(&c->one), c->paths[i]))
			return;
	c->paths[c->n++] = arena_strdup(&c->a, buf_str(&c->one));
}

static struct str field_of(const struct buf *fields, const char *name)
{
	for (struct str rest = buf_str(fields); rest.p;) {
		struct str value = str_cut(&rest, '\n'), key = str_cut(&value, ':');
		if (value.p && str_is(key, name))
			return str_trim(value);
	}
	return STR("");
}

static bool is_text(struct str type) { return str_starts(type, STR("text/")) || str_contains(type, STR("json")) || str_contains(type, STR("xml")) || str_contains(type, STR("javascript")); }

static void add_page(struct crawl *c, const char *path, const struct answer *page, struct buf *out)
{
	struct str type = field_of(&page->fields, "content-type");
	c->page = str_of(path);
	if (page->failed)
		buf_printf(out, "GET %s: no answer\n", path);
	else
		buf_printf(out, "GET %s: %d\n", path, page->status);
	buf_add(out, buf_str(&page->fields));
	found(c, field_of(&page->fields, "location"));
	if (is_text(type)) {
		buf_add(out, buf_str(&page->out));
		buf_putc(out, '\n');
	} else if (page->out.n) {
		struct hash128 h = hash_bytes(buf_str(&page->out));
		buf_printf(out, "%zu bytes, %016llx%016llx\n", page->out.n, (unsigned long long)h.hi, (unsigned long long)h.lo);
	}
	if (str_contains(type, STR("html")))
		probe_links(buf_str(&page->out), found, c);
}

/* The first page's answer, with all pages in its body. */
static void crawl(struct run_box *b, const struct probe *p, struct probe_place *place, struct answer *ret)
{
	struct crawl c = { .one = BUF(8192) };
	struct buf out = BUF(PROBE_BODY);
	s64 end = now_ms(CLOCK_MONOTONIC) + CRAWL_SECONDS * 1000;
	ask(b, p, place, ret);
	if (ret->failed)
		return;
	struct target t = { b, ret->port, ret->tls, false };
	char host[80];
	snprintf(host, sizeof host, "localhost:%u", t.port);
	c.host = str_of(host);
	for (u32 i = 0; p->fields[i]; i++)
		if (str_ieq(str_head(str_of(p->fields[i]), 6), STR("host: ")) && strcmp(p->fields[i] + 6, "localhost") != 0)
			c.host = str_of(p->fields[i] + 6);
	c.paths[c.n++] = p->path;
	add_page(&c, p->path, ret, &out);
	for (u32 i = 1; i < c.n && now_ms(CLOCK_MONOTONIC) < end; i++) {
		struct answer page;
		request(t, p, c.paths[i], &page);
		add_page(&c, c.paths[i], &page, &out);
		answer_free(&page);
	}
	buf_free(&ret->out);
	ret->out = out;
	buf_free(&c.one);
	arena_free(&c.a);
}

/* --- commands --- */

static void take_result(const struct run_result *r, struct answer *ret)
{
	ret->status = r->status;
	buf_add(&ret->out, buf_str(&r->out));
	buf_add(&ret->err, buf_str(&r->err));
	if (r->over)
		buf_printf(&ret->err, "\nended by its budget: %s\n", r->over);
}

static int exec_inside(struct run_container *c, const struct run_spec *spec, struct answer *ret, struct error *err)
{
	const struct run_result *main_process;
	struct run_result r = { 0 };
	if (run_wait(c, 0, &main_process, err) < 0)
		return -1;
	if (main_process->ended) {
		failed(ret, "the program has ended before");
		return 0;
	}
	if (run_exec(c, spec, &r, err) < 0) {
		failed(ret, err->text); /* containers can be run: this one is, so it is the command that cannot */
		*err = (struct error){ 0 };
		return 0;
	}
	take_result(&r, ret);
	buf_free(&r.out);
	buf_free(&r.err);
	return 0;
}

static int exec_alone(struct run_box *b, const struct run_spec *spec, struct answer *ret, struct error *err)
{
	struct run_container *c = NULL;
	const struct run_result *r = NULL;
	if (run_start(b, spec, &c, err) < 0) {
		if (err->kind == ERR_ENV)
			return -1;
		failed(ret, err->text);
		*err = (struct error){ 0 };
		return 0;
	}
	int status = run_wait(c, PROBE_SECONDS * 1000, &r, err);
	if (status == 0 && r->ended)
		take_result(r, ret);
	else if (status == 0)
		failed(ret, "it did not end in time");
	run_remove(c);
	return status;
}

int probe_do(struct run_box *b, struct run_container *c, const struct run_spec *spec, const struct probe *p, struct probe_place *place, struct answer *ret, struct error *err)
{
	if (p->kind == PROBE_HTTP) {
		if (p->crawl)
			crawl(b, p, place, ret);
		else
			ask(b, p, place, ret);
		return 0;
	}
	struct run_spec own = spec ? *spec : (struct run_spec){ .listener = -1 };
	own.argv = p->argv;
	*ret = (struct answer){ .when = now_ms(CLOCK_REALTIME) };
	return c ? exec_inside(c, &own, ret, err) : exec_alone(b, &own, ret, err);
}
