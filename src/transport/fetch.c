#include "transport/fetch.h"
#include <time.h>

struct http *fetch_client(const struct fetch_options *opt, struct error *err)
{
	return http_open(&(struct http_target){ .unverified = opt->unverified, .silence = opt->silence ? opt->silence : FETCH_SILENCE }, err);
}

/* --- URLs --- */
struct origin {
	bool tls;
	struct str host; /* with its port, as written */
};

static bool split(const char *url, struct origin *ret)
{
	struct str s = str_of(url);
	bool tls = s.n > 8 && str_ieq(str_head(s, 8), STR("https://"));
	if (!tls && !(s.n > 7 && str_ieq(str_head(s, 7), STR("http://"))))
		return false;
	s = str_from(s, tls ? 8 : 7);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || strchr("\\\"<>^`{|}", s.p[i]))
			return false;
	size_t n = strcspn(s.p, "/?#");
	*ret = (struct origin){ tls, str_head(s, n) };
	return n && n < 256 && !str_chr(ret->host, '@');
}

int fetch_check_url(const char *url, struct error *err)
{
	struct origin o;
	if (strlen(url) <= FETCH_URL_MAX && split(url, &o))
		return 0;
	const char *at = strchr(url, '@'), *slashes = strstr(url, "://"), *path = slashes ? strchr(slashes + 3, '/') : NULL;
	if (at && slashes && (!path || at < path))
		return error_set(err, ERR_USAGE, "%.*s…: a user or a password in a URL is not taken", (int)MIN(slashes - url + 3, 16), url);
	return error_set(err, ERR_USAGE, "%.200s: no URL of http or https", url);
}

struct str fetch_origin(const char *url, struct buf *out)
{
	struct origin o;
	if (!split(url, &o))
		return (struct str){ NULL, 0 };
	struct str host = o.host, port = o.tls ? STR(":443") : STR(":80");
	if (str_ends(host, port))
		host.n -= port.n;
	buf_clear(out);
	buf_puts(out, o.tls ? "https://" : "http://");
	for (size_t i = 0; i < host.n; i++)
		buf_putc(out, host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 0x20) : host.p[i]);
	return buf_str(out);
}

const char *fetch_status(u32 status, char out[64])
{
	static const struct {
		u32 status;
		const char *text;
	} texts[] = { { 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 410, "Gone" },
		{ 413, "Content Too Large" }, { 416, "Range Not Satisfiable" }, { 429, "Too Many Requests" }, { 500, "Internal Server Error" }, { 502, "Bad Gateway" },
		{ 503, "Service Unavailable" }, { 504, "Gateway Timeout" }, { 507, "Insufficient Storage" } };
	for (size_t i = 0; i < countof(texts); i++)
		if (texts[i].status == status) {
			snprintf(out, 64, "%u %s", status, texts[i].text);
			return out;
		}
	snprintf(out, 64, "status %u", status);
	return out;
}

/* --- redirects --- */
static bool redirects(u32 status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

/* Where the answer sends us, into *url. */
static int follow(struct http *h, const char *from, struct buf *url, struct error *err)
{
	struct origin was, is;
	const char *to = http_redirect(h);
	int told = (int)MIN(strcspn(from, "?#"), (size_t)300); /* a query may be what lets one in */
	if (!to || strlen(to) > FETCH_URL_MAX || !split(to, &is) || !split(from, &was))
		return error_set(err, ERR_ENV, "%.*s: redirected to what is no URL of http or https, or has a user in it", told, from);
	if (was.tls && !is.tls)
		return error_set(err, ERR_ENV, "%.*s: redirected from https to http, which is not followed", told, from);
	struct buf next = BUF(0);
	buf_puts(&next, to);
	buf_free(url);
	*url = next;
	return 0;
}

bool fetch_same_origin(const char *a, const char *b)
{
	struct buf one = BUF(0), other = BUF(0);
	struct str x = fetch_origin(a, &one), y = fetch_origin(b, &other);
	bool same = x.p && y.p && str_eq(x, y);
	buf_free(&one);
	buf_free(&other);
	return same;
}

int fetch_open(struct http *h, const struct fetch_ask *ask, u32 *status, struct stream **ret, struct error *err)
{
	struct buf url = BUF(0);
	int r = 0;
	buf_puts(&url, ask->url);
	for (u32 i = 0;; i++) {
		bool home = fetch_same_origin(ask->url, url.p);
		u32 skip = home ? 0 : ask->n_private;
		struct http_request q = { .url = url.p, .headers = ask->headers ? ask->headers + skip : NULL, .n_headers = ask->n_headers - skip,
			.seconds = ask->seconds ? ask->seconds : FETCH_SECONDS };
		struct stream *body;
		u32 got;
		r = http_send(h, &q, &got, &body, err);
		if (r < 0)
			break;
		if (!redirects(got)) {
			*status = got;
			*ret = body;
			if (ask->strayed)
				*ask->strayed = !home;
			break;
		}
		stream_close(body);
		r = i >= FETCH_REDIRECTS ? error_set(err, ERR_ENV, "%.300s: redirected more than %d times", ask->url, FETCH_REDIRECTS) : follow(h, url.p, &url, err);
		if (r < 0)
			break;
	}
	buf_free(&url);
	return r;
}

/* --- patience --- */
static bool passing(u32 status) { return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505); }

/* Of an IMF-fixdate (RFC 9110 section 5.6.7). */
static bool moment(struct str value, s64 *ret)
{
	char text[64];
	struct tm tm = { 0 };
	if (!value.p || value.n >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", STR_FMT(value));
	const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	*ret = (s64)timegm(&tm);
	return end && !*end;
}

/* Milliseconds that Retry-After asks for (RFC 9110 section 10.2.3); -1 when it says nothing. A date is one by the server's clock, where it tells that. */
static s64 retry_after(const struct http *h)
{
	struct str value = http_header(h, "Retry-After", 0);
	s64 until, now;
	u64 n;
	if (value.p && str_to_u64(value, &n))
		return (s64)MIN(n, (u64)1 << 30) * 1000;
	if (!moment(value, &until))
		return -1;
	if (!moment(http_header(h, "Date", 0), &now))
		now = (s64)time(NULL);
	return until > now ? MIN(until - now, (s64)1 << 30) * 1000 : 0;
}

bool fetch_again(struct fetch_patience *p, const struct http *h, u32 status, struct error *err)
{
	u32 attempts = p->attempts ? p->attempts : FETCH_ATTEMPTS;
	if (status ? !passing(status) : err->kind != ERR_ENV || !http_passing(h))
		return false;
	s64 wait = status ? retry_after(h) : -1;
	if (++p->tried >= attempts)
		return false;
	if (wait > FETCH_WAIT_MAX * 1000) {
		error_set(err, ERR_ENV, "%s: the server asks to be left alone for %lld seconds", FETCH_STATUS(status), (long long)(wait / 1000));
		return false;
	}
	if (wait < 0)
		wait = (s64)250 << MIN(p->tried - 1, 6u);
	nanosleep(&(struct timespec){ (time_t)(wait / 1000), (long)(wait % 1000) * 1000000 }, NULL);
	*err = (struct error){ 0 };
	return true;
}

int fetch_document(struct http *h, const struct fetch_options *opt, const char *url, size_t limit, u32 *status, struct buf *out, struct error *err)
{
	struct fetch_patience p = { .attempts = opt->attempts };
	for (;;) {
		struct error why = { 0 };
		struct stream *body;
		u32 got = 0;
		buf_clear(out);
		int r = fetch_open(h, &(struct fetch_ask){ .url = url }, &got, &body, &why);
		if (r == 0 && got != 200) {
			stream_close(body);
			if (got == 404 || got == 410) {
				*status = got;
				return 0;
			}
		} else if (r == 0) {
			r = http_read(body, limit, out, &why);
			got = 0;
			if (r == 0) {
				*status = 200;
				return 0;
			}
		}
		if (fetch_again(&p, h, got, &why))
			continue;
		if (!why.kind)
			error_set(&why, ERR_ENV, "%s", FETCH_STATUS(got));
		*err = why;
		return strstr(why.text, url) ? -1 : error_wrap(err, "%.300s", url);
	}
}
