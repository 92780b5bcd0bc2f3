#include "transport/http.h"
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>

/* --- libcurl, when it is wanted --- */

static struct {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_pause) *easy_pause;
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_multi_init) *multi_init;
	__typeof__(curl_multi_cleanup) *multi_cleanup;
	__typeof__(curl_multi_add_handle) *multi_add_handle;
	__typeof__(curl_multi_remove_handle) *multi_remove_handle;
	__typeof__(curl_multi_perform) *multi_perform;
	__typeof__(curl_multi_poll) *multi_poll;
	__typeof__(curl_multi_info_read) *multi_info_read;
	__typeof__(curl_multi_strerror) *multi_strerror;
	bool ready;
	char why[256];
} curl;

static void load(void)
{
	static const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "curl_global_init", &curl.global_init },
		{ "curl_easy_init", &curl.easy_init },
		{ "curl_easy_setopt", &curl.easy_setopt },
		{ "curl_easy_cleanup", &curl.easy_cleanup },
		{ "curl_easy_pause", &curl.easy_pause },
		{ "curl_easy_getinfo", &curl.easy_getinfo },
		{ "curl_easy_strerror", &curl.easy_strerror },
		{ "curl_multi_init", &curl.multi_init },
		{ "curl_multi_cleanup", &curl.multi_cleanup },
		{ "curl_multi_add_handle", &curl.multi_add_handle },
		{ "curl_multi_remove_handle", &curl.multi_remove_handle },
		{ "curl_multi_perform", &curl.multi_perform },
		{ "curl_multi_poll", &curl.multi_poll },
		{ "curl_multi_info_read", &curl.multi_info_read },
		{ "curl_multi_strerror", &curl.multi_strerror },
	};
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		snprintf(curl.why, sizeof curl.why, "libcurl.so.4 is not installed (Debian: libcurl4), and engines are asked with it");
		return;
	}
	for (size_t i = 0; i < countof(functions); i++) {
		void *f = dlsym(lib, functions[i].name);
		if (!f) {
			snprintf(curl.why, sizeof curl.why, "libcurl.so.4 is too old: it has no %s", functions[i].name);
			return;
		}
		memcpy(functions[i].to, &f, sizeof f);
	}
	curl.ready = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (!curl.ready)
		snprintf(curl.why, sizeof curl.why, "libcurl: cannot be started");
}

/* --- one connection --- */

struct http {
	CURL *easy;
	CURLM *multi;
	struct http_target target; /* owned strings */
	char reason[CURL_ERROR_SIZE];
	struct http_reply *reply; /* of the request under way */
	size_t header_bytes;
	/* a document */
	struct buf *body;
	/* a stream: buffers are filled in turn, one is given out at a time */
	char *ring;
	u32 turn;
	size_t fill;
	bool streaming, paused, done, over;
	CURLcode result;
};

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	size_t len = size * n;
	h->header_bytes += len;
	if (h->header_bytes > HTTP_HEADERS_MAX) {
		h->over = true;
		return 0;
	}
	struct str rest = str_n(p, len), name = str_cut(&rest, ':'), value = str_trim(rest);
	if (rest.p && str_ieq(name, STR("Api-Version")) && value.n < sizeof h->reply->api_version) {
		memcpy(h->reply->api_version, value.p, value.n);
		h->reply->api_version[value.n] = '\0';
	}
	return len;
}

static u32 status_of(struct http *h)
{
	long status = 0;
	curl.easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	return (u32)status;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	size_t len = size * n;
	if (!h->streaming || status_of(h) != 200) {
		if (h->streaming && h->body->n + len > HTTP_ERROR_MAX)
			len = 0; /* what is there says enough */
		else
			buf_add(h->body, str_n(p, len));
		if (h->body->over)
			h->over = true;
		return h->over ? 0 : len;
	}
	if (len > STREAM_CHUNK)
		return 0; /* never: CURLOPT_BUFFERSIZE says so */
	if (h->fill + len > STREAM_CHUNK) {
		h->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	memcpy(h->ring + (size_t)(h->turn % STREAM_RING) * STREAM_CHUNK + h->fill, p, len);
	h->fill += len;
	return len;
}

static char *dup(const char *s) { return s ? xstrdup(s) : NULL; }

/* A proxy of the environment is for the world outside, not for this machine. */
static bool is_local(const struct http_target *t)
{
	if (t->socket)
		return true;
	struct str host = str_of(t->base);
	const char *slashes = str_find(host, STR("://"));
	if (slashes)
		host = str_from(host, (size_t)(slashes - host.p) + 3);
	host = str_cut(&(struct str){ host.p, host.n }, '/');
	return str_starts(host, STR("127.")) || str_starts(host, STR("[::1]")) || str_is(host, "localhost") || str_starts(host, STR("localhost:"));
}

struct http *http_open(const struct http_target *t, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	if (!curl.ready) {
		error_set(err, ERR_ENV, "%s", curl.why);
		return NULL;
	}
	struct http *h = xcalloc(1, sizeof *h);
	h->target = (struct http_target){ dup(t->base), dup(t->socket), dup(t->ca), dup(t->cert), dup(t->key), t->unverified };
	h->easy = curl.easy_init();
	h->multi = curl.multi_init();
	if (!h->easy || !h->multi) {
		http_close(h);
		error_set(err, ERR_ENV, "libcurl: cannot be started");
		return NULL;
	}
	curl.easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->reason);
	curl.easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_SECONDS);
	curl.easy_setopt(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(h->easy, CURLOPT_BUFFERSIZE, (long)STREAM_CHUNK);
	curl.easy_setopt(h->easy, CURLOPT_USERAGENT, "pare");
	curl.easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	curl.easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	if (is_local(t))
		curl.easy_setopt(h->easy, CURLOPT_PROXY, "");
	if (h->target.socket)
		curl.easy_setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH, h->target.socket);
	if (h->target.ca)
		curl.easy_setopt(h->easy, CURLOPT_CAINFO, h->target.ca);
	if (h->target.cert)
		curl.easy_setopt(h->easy, CURLOPT_SSLCERT, h->target.cert);
	if (h->target.key)
		curl.easy_setopt(h->easy, CURLOPT_SSLKEY, h->target.key);
	if (h->target.unverified) {
		curl.easy_setopt(h->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl.easy_setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return h;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	if (h->multi && h->easy)
		curl.multi_remove_handle(h->multi, h->easy);
	if (h->easy)
		curl.easy_cleanup(h->easy);
	if (h->multi)
		curl.multi_cleanup(h->multi);
	const char *owned[] = { h->target.base, h->target.socket, h->target.ca, h->target.cert, h->target.key };
	for (size_t i = 0; i < countof(owned); i++)
		free((char *)(uintptr_t)owned[i]);
	free(h->ring);
	free(h);
}

static int failure(const struct http *h, struct error *err)
{
	const char *why = h->reason[0] ? h->reason : curl.easy_strerror(h->result);
	const char *where = h->target.socket ? h->target.socket : h->target.base;
	if (h->over)
		return error_set(err, ERR_INPUT, "%.200s: the answer is over the budget", where);
	return error_set(err, ERR_ENV, "%.200s: %s", where, why);
}

/* Lets curl work; waits for the network when nothing moved. */
static int work(struct http *h, struct error *err)
{
	int running = 0, left = 0;
	size_t before = h->fill;
	CURLMcode r = curl.multi_perform(h->multi, &running);
	if (r == CURLM_OK && running && h->fill == before && !h->paused)
		r = curl.multi_poll(h->multi, NULL, 0, 1000, NULL);
	if (r != CURLM_OK)
		return error_set(err, ERR_ENV, "libcurl: %s", curl.multi_strerror(r));
	for (CURLMsg *m; (m = curl.multi_info_read(h->multi, &left));)
		if (m->msg == CURLMSG_DONE) {
			h->done = true;
			h->result = m->data.result;
		}
	return 0;
}

static int start(struct http *h, const char *path, struct http_reply *reply, struct buf *body, bool streaming, struct error *err)
{
	struct buf url = BUF(0);
	buf_printf(&url, "%s%s", h->target.base, path);
	curl.multi_remove_handle(h->multi, h->easy);
	*reply = (struct http_reply){ 0 };
	h->reply = reply;
	h->body = body;
	h->header_bytes = h->fill = 0;
	h->streaming = streaming;
	h->paused = h->done = h->over = false;
	h->result = CURLE_OK;
	h->reason[0] = '\0';
	curl.easy_setopt(h->easy, CURLOPT_URL, url.p);
	curl.easy_setopt(h->easy, CURLOPT_TIMEOUT, streaming ? 0L : (long)HTTP_DOCUMENT_SECONDS);
	curl.easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl.easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_SILENCE_SECONDS);
	buf_free(&url);
	CURLMcode r = curl.multi_add_handle(h->multi, h->easy);
	return r == CURLM_OK ? 0 : error_set(err, ERR_ENV, "libcurl: %s", curl.multi_strerror(r));
}

int http_get(struct http *h, const char *path, size_t limit, struct http_reply *reply, struct buf *body, struct error *err)
{
	struct http_reply got;
	body->max = limit;
	if (start(h, path, &got, body, false, err) < 0)
		return -1;
	while (!h->done)
		if (work(h, err) < 0)
			return -1;
	if (h->result != CURLE_OK)
		return failure(h, err);
	got.status = status_of(h);
	*reply = got;
	return 0;
}

/* --- the stream --- */

struct http_stream {
	struct stream base;
	struct http *h;
	struct http_reply reply;
};

static int body_next(struct stream *s, struct str *view, struct error *err)
{
	struct http *h = ((struct http_stream *)s)->h;
	while (!h->done && !h->paused && h->fill < STREAM_CHUNK / 2)
		if (work(h, err) < 0)
			return -1;
	if (h->done && h->result != CURLE_OK)
		return failure(h, err);
	*view = str_n(h->ring + (size_t)(h->turn % STREAM_RING) * STREAM_CHUNK, h->fill);
	h->turn++;
	h->fill = 0;
	if (h->paused) {
		h->paused = false;
		h->result = curl.easy_pause(h->easy, CURLPAUSE_CONT); /* may already fill the next buffer */
		if (h->result != CURLE_OK)
			return failure(h, err);
	}
	return 0;
}

static void body_close(struct stream *s)
{
	http_close(((struct http_stream *)s)->h);
	free(s);
}

static const struct stream_ops body_ops = { body_next, NULL, body_close };

int http_stream(struct http *h, const char *path, struct http_reply *reply, struct buf *failed, struct stream **ret, struct error *err)
{
	struct http_stream *s = xcalloc(1, sizeof *s);
	s->base.ops = &body_ops;
	s->h = h;
	h->ring = xmalloc(STREAM_RING * STREAM_CHUNK);
	*ret = NULL;
	failed->max = HTTP_ERROR_MAX;
	if (start(h, path, &s->reply, failed, true, err) < 0)
		goto fail;
	while (!h->done && h->fill == 0)
		if (work(h, err) < 0)
			goto fail;
	u32 status = status_of(h);
	if (h->done && h->result != CURLE_OK && !(status >= 300 && h->result == CURLE_WRITE_ERROR)) {
		failure(h, err);
		goto fail;
	}
	*reply = s->reply;
	reply->status = status;
	if (status == 200) {
		*ret = &s->base;
		return 0;
	}
	free(s);
	return 0;
fail:
	free(s);
	return -1;
}
