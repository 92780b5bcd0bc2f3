#include "transport/http.h"
#include <curl/curl.h>
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <unistd.h>

/* --- libcurl, when it is wanted --- */

static struct {
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	__typeof__(curl_easy_cleanup) *easy_cleanup;
	__typeof__(curl_easy_pause) *easy_pause;
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	__typeof__(curl_easy_strerror) *easy_strerror;
	__typeof__(curl_slist_append) *slist_append;
	__typeof__(curl_slist_free_all) *slist_free_all;
	__typeof__(curl_multi_init) *multi_init;
	__typeof__(curl_multi_cleanup) *multi_cleanup;
	__typeof__(curl_multi_add_handle) *multi_add_handle;
	__typeof__(curl_multi_remove_handle) *multi_remove_handle;
	__typeof__(curl_multi_perform) *multi_perform;
	__typeof__(curl_multi_poll) *multi_poll;
	__typeof__(curl_multi_info_read) *multi_info_read;
	__typeof__(curl_multi_strerror) *multi_strerror;
	__typeof__(curl_version_info) *version_info;
	bool ready;
	char why[256];
	void *lib;
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
		{ "curl_slist_append", &curl.slist_append },
		{ "curl_slist_free_all", &curl.slist_free_all },
		{ "curl_multi_init", &curl.multi_init },
		{ "curl_multi_cleanup", &curl.multi_cleanup },
		{ "curl_multi_add_handle", &curl.multi_add_handle },
		{ "curl_multi_remove_handle", &curl.multi_remove_handle },
		{ "curl_multi_perform", &curl.multi_perform },
		{ "curl_multi_poll", &curl.multi_poll },
		{ "curl_multi_info_read", &curl.multi_info_read },
		{ "curl_multi_strerror", &curl.multi_strerror },
		{ "curl_version_info", &curl.version_info },
	};
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		lib = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		snprintf(curl.why, sizeof curl.why, "libcurl.so.4 is not installed (Debian: libcurl4), and networks and engines are asked with it");
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
	curl.lib = lib;
	curl.ready = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	if (!curl.ready)
		snprintf(curl.why, sizeof curl.why, "libcurl: cannot be started");
}

/* --- the system's authorities --- */
/* libcurl reads them anew for each TLS connection, which costs more than all the rest of it. With OpenSSL below it they are read once here, and every connection looks at the same ones; that
 * many threads do is what an X509_STORE is made for. The functions are asked of libcurl's own libraries: no other OpenSSL than the one that it stands on. */
static struct {
	__typeof__(X509_STORE_new) *store_new;
	__typeof__(X509_STORE_free) *store_free;
	__typeof__(X509_STORE_set_flags) *store_set_flags;
	__typeof__(X509_STORE_load_locations) *store_load;
	__typeof__(SSL_CTX_set1_cert_store) *use;
	__typeof__(ERR_clear_error) *clear;
	X509_STORE *store; /* NULL: libcurl sees to it itself */
} roots;

static const char *own_authorities(void)
{
	const char *file = getenv("SSL_CERT_FILE");
	return file && file[0] ? file : NULL;
}

static void load_roots(void)
{
	static const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "X509_STORE_new", &roots.store_new },
		{ "X509_STORE_free", &roots.store_free },
		{ "X509_STORE_set_flags", &roots.store_set_flags },
		{ "X509_STORE_load_locations", &roots.store_load },
		{ "SSL_CTX_set1_cert_store", &roots.use },
		{ "ERR_clear_error", &roots.clear },
	};
	const curl_version_info_data *v = curl.version_info(CURLVERSION_NOW);
	char *file = NULL, *dir = NULL;
	CURL *easy = v && v->ssl_version && strncmp(v->ssl_version, "OpenSSL/", 8) == 0 ? curl.easy_init() : NULL;
	if (!easy)
		return;
	bool known = curl.easy_getinfo(easy, CURLINFO_CAINFO, &file) == CURLE_OK && curl.easy_getinfo(easy, CURLINFO_CAPATH, &dir) == CURLE_OK;
	for (size_t i = 0; i < countof(functions) && known; i++) {
		void *f = dlsym(curl.lib, functions[i].name);
		known = f != NULL;
		memcpy(functions[i].to, &f, sizeof f);
	}
	const char *own = own_authorities(), *from = own ? own : file;
	X509_STORE *store = known && (from || dir) ? roots.store_new() : NULL;
	if (store && roots.store_load(store, from, dir) == 1 && roots.store_set_flags(store, X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN) == 1) { /* as libcurl has it */
		roots.store = store;
	} else if (store) { /* libcurl says what is wrong with them */
		roots.store_free(store);
		roots.clear();
	}
	curl.easy_cleanup(easy);
}

static CURLcode on_tls(CURL *easy, void *ctx, void *nothing)
{
	(void)easy;
	(void)nothing;
	roots.use(ctx, roots.store);
	return CURLE_OK;
}

/* --- one connection --- */

struct http {
	CURL *easy;
	CURLM *multi;
	struct http_target target; /* owned strings */
	char reason[CURL_ERROR_SIZE];
	char where[256];           /* the server, for messages */
	struct curl_slist *list;   /* headers of the request under way */
	struct http_request request;
	u64 sent;
	struct str piece;          /* of request.from, not sent yet */
	struct error why;          /* request.from failed */
	struct buf headers;        /* of the answer, a line each */
	/* the body: buffers are filled in turn, one is given out at a time */
	char *ring;
	u32 turn;
	size_t fill;
	bool answered, paused, done, over;
	bool rooted;               /* it was seen to whom TLS trusts */
	CURLcode result;
};

static u32 status_of(struct http *h)
{
	long status = 0;
	curl.easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	return (u32)status;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	size_t len = size * n;
	struct str line = str_trim(str_n(p, len));
	if (h->answered) /* a trailer */
		return len;
	if (str_starts(line, STR("HTTP/"))) /* a proxy's and interim answers came before */
		buf_clear(&h->headers);
	if (h->headers.n + len > HTTP_HEADERS_MAX) {
		h->over = true;
		return 0;
	}
	buf_add(&h->headers, line);
	buf_putc(&h->headers, '\n');
	h->answered = !line.n && status_of(h) >= 200;
	return len;
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	size_t len = size * n;
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

static size_t on_upload(char *p, size_t size, size_t n, void *ctx)
{
	struct http *h = ctx;
	const struct http_request *r = &h->request;
	u64 all = r->size ? r->size : r->body.n;
	size_t want = (size_t)MIN((u64)(size * n), all - h->sent);
	if (!r->size && want)
		memcpy(p, r->body.p + h->sent, want);
	for (size_t have = 0, step; r->size && have < want; have += step) { /* full buffers: a system call for each, and one more to wait */
		if (!h->piece.n && stream_next(r->from, &h->piece, &h->why) < 0)
			return CURL_READFUNC_ABORT;
		if (!h->piece.n) {
			error_set(&h->why, ERR_INPUT, "what is to be sent ended after %llu of %llu bytes", (unsigned long long)(h->sent + have), (unsigned long long)r->size);
			return CURL_READFUNC_ABORT;
		}
		step = MIN(want - have, h->piece.n);
		memcpy(p + have, h->piece.p, step);
		h->piece = str_from(h->piece, step);
	}
	h->sent += want;
	return want;
}

/* A connection that was kept turned out to be closed: the body is sent again. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct http *h = ctx;
	if (origin != SEEK_SET || offset < 0 || (h->request.from && (u64)offset != h->sent)) /* what gave a stream is over: those above open another one */
		return CURL_SEEKFUNC_CANTSEEK;
	h->sent = (u64)offset;
	return CURL_SEEKFUNC_OK;
}

static char *dup_text(const char *s) { return s ? xstrdup(s) : NULL; }

static struct str host_of(const char *url)
{
	struct str host = str_of(url);
	const char *slashes = str_find(host, STR("://"));
	if (slashes)
		host = str_from(host, (size_t)(slashes - host.p) + 3);
	return str_cut(&(struct str){ host.p, host.n }, '/');
}

bool http_local(const char *where)
{
	struct str host = host_of(where), rest = host;
	if (str_starts(host, STR("[::1]")))
		return host.n == 5 || host.p[5] == ':';
	host = str_cut(&rest, ':');
	bool address = str_starts(host, STR("127.")); /* and not "127.example" */
	for (size_t i = 0; i < host.n; i++)
		address = address && (host.p[i] == '.' || (host.p[i] >= '0' && host.p[i] <= '9'));
	return address || str_ieq(host, STR("localhost"));
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct http *h = ctx;
	int fd = purpose == CURLSOCKTYPE_IPCXN ? h->target.open_socket(h->target.ctx, to->family, to->socktype) : -1;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int set_up(struct http *h, struct error *err)
{
	const char *ca = h->target.ca ? h->target.ca : own_authorities();
	curl.easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->reason);
	curl.easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(h->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl.easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl.easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, (long)HTTP_CONNECT_SECONDS);
	curl.easy_setopt(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl.easy_setopt(h->easy, CURLOPT_BUFFERSIZE, (long)STREAM_CHUNK);
	curl.easy_setopt(h->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)HTTP_UPLOAD_BYTES);
	curl.easy_setopt(h->easy, CURLOPT_USERAGENT, "pare");
	curl.easy_setopt(h->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl.easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
	curl.easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	curl.easy_setopt(h->easy, CURLOPT_READFUNCTION, on_upload);
	curl.easy_setopt(h->easy, CURLOPT_READDATA, h);
	curl.easy_setopt(h->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl.easy_setopt(h->easy, CURLOPT_SEEKDATA, h);
	if (h->target.socket)
		curl.easy_setopt(h->easy, CURLOPT_UNIX_SOCKET_PATH, h->target.socket);
	if (h->target.open_socket) {
		curl.easy_setopt(h->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
		curl.easy_setopt(h->easy, CURLOPT_OPENSOCKETDATA, h);
		curl.easy_setopt(h->easy, CURLOPT_PATH_AS_IS, 1L);
	}
	if (ca && ca[0])
		curl.easy_setopt(h->easy, CURLOPT_CAINFO, ca);
	if (h->target.unverified) {
		curl.easy_setopt(h->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl.easy_setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (h->target.authorities.n) { /* instead of the file of the system's, whose directory still counts */
		struct curl_blob blob = { (void *)(uintptr_t)h->target.authorities.p, h->target.authorities.n, CURL_BLOB_COPY };
		if (curl.easy_setopt(h->easy, CURLOPT_CAINFO_BLOB, &blob) != CURLE_OK)
			return error_set(err, ERR_ENV, "this libcurl takes no authorities besides the system's: name them in SSL_CERT_FILE");
	}
	return 0;
}

/* Those of the system, when nothing else was said. Authorities of one's own are never among the shared ones. */
static void set_roots(struct http *h, const char *url)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	if (h->rooted || h->target.ca || h->target.authorities.n || h->target.unverified || !str_ieq(str_head(str_of(url), 8), STR("https://")))
		return;
	h->rooted = true;
	pthread_once(&once, load_roots);
	if (!roots.store || curl.easy_setopt(h->easy, CURLOPT_SSL_CTX_FUNCTION, on_tls) != CURLE_OK)
		return;
	curl.easy_setopt(h->easy, CURLOPT_CAINFO, NULL);
	curl.easy_setopt(h->easy, CURLOPT_CAPATH, NULL);
}

/* However the host is written there, with TLS's own port or without. */
static bool at_home(const char *url, const char *home)
{
	struct str host = host_of(url), own = host_of(home), port = STR(":443");
	host.n -= str_ends(host, port) ? port.n : 0;
	own.n -= str_ends(own, port) ? port.n : 0;
	return str_ieq(str_head(str_of(url), 8), STR("https://")) && str_ieq(host, own);
}

static void set_certificate(struct http *h, const char *url)
{
	bool home = !h->target.home || at_home(url, h->target.home);
	curl.easy_setopt(h->easy, CURLOPT_SSLCERT, home ? h->target.cert : NULL);
	curl.easy_setopt(h->easy, CURLOPT_SSLKEY, home ? h->target.key : NULL);
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
	h->target = (struct http_target){ dup_text(t->base), dup_text(t->socket), dup_text(t->ca), dup_text(t->cert), dup_text(t->key), { NULL, 0 }, dup_text(t->home), t->unverified, t->silence, t->open_socket, t->ctx };
	if (t->authorities.n) {
		char *copy = xmalloc(t->authorities.n);
		memcpy(copy, t->authorities.p, t->authorities.n);
		h->target.authorities = str_n(copy, t->authorities.n);
	}
	h->ring = xmalloc(STREAM_RING * STREAM_CHUNK);
	h->easy = curl.easy_init();
	h->multi = curl.multi_init();
	if (!h->easy || !h->multi) {
		http_close(h);
		error_set(err, ERR_ENV, "libcurl: cannot be started");
		return NULL;
	}
	if (set_up(h, err) < 0) {
		http_close(h);
		return NULL;
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
	curl.slist_free_all(h->list);
	const char *owned[] = { h->target.base, h->target.socket, h->target.ca, h->target.cert, h->target.key, h->target.authorities.p, h->target.home };
	for (size_t i = 0; i < countof(owned); i++)
		free((char *)(uintptr_t)owned[i]);
	buf_free(&h->headers);
	free(h->ring);
	free(h);
}

static int failure(const struct http *h, struct error *err)
{
	const char *why = h->reason[0] ? h->reason : curl.easy_strerror(h->result);
	if (h->why.kind) {
		if (err)
			*err = h->why;
		return -1;
	}
	if (h->over)
		return error_set(err, ERR_INPUT, "%.200s: the answer is over the budget", h->where);
	if (h->target.socket && h->result == CURLE_COULDNT_CONNECT) /* of which libcurl says that it is port 80 */
		why = access(h->target.socket, W_OK) < 0 ? "may not be used by this user: be root, or of the group that owns it" : "nobody answers there: is the engine running?";
	return error_set(err, ERR_ENV, "%.200s: %s", h->where, why);
}

/* Lets curl work; waits for the network when nothing moved. */
static int work(struct http *h, struct error *err)
{
	int running = 0, left = 0;
	size_t before = h->fill;
	bool answered = h->answered;
	CURLMcode r = curl.multi_perform(h->multi, &running);
	if (r == CURLM_OK && running && h->fill == before && !h->paused && h->answered == answered)
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

static void set_request(struct http *h, const struct http_request *r, const char *url)
{
	const char *method = r->method ? r->method : "GET";
	u64 size = r->size ? r->size : r->body.n;
	curl.slist_free_all(h->list);
	h->list = curl.slist_append(NULL, "Expect:"); /* nobody waits for a "100 Continue" */
	for (u32 i = 0; i < r->n_headers; i++)
		h->list = curl.slist_append(h->list, r->headers[i]);
	curl.easy_setopt(h->easy, CURLOPT_URL, url);
	curl.easy_setopt(h->easy, CURLOPT_PROXY, h->target.socket || h->target.open_socket || http_local(url) ? "" : NULL);
	curl.easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->list);
	set_certificate(h, url);
	set_roots(h, url);
	curl.easy_setopt(h->easy, CURLOPT_UPLOAD, 0L);
	curl.easy_setopt(h->easy, CURLOPT_NOBODY, 0L);
	curl.easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
	if (r->upload) {
		curl.easy_setopt(h->easy, CURLOPT_UPLOAD, 1L);
		curl.easy_setopt(h->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	} else if (strcmp(method, "HEAD") == 0) {
		curl.easy_setopt(h->easy, CURLOPT_NOBODY, 1L);
	}
	curl.easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ? NULL : method);
	curl.easy_setopt(h->easy, CURLOPT_TIMEOUT, (long)r->seconds);
	curl.easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl.easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, r->silence ? (long)r->silence : h->target.silence ? (long)h->target.silence : (long)HTTP_SILENCE_SECONDS);
}

/* Sends the request; 0 when the status is known. */
static int start(struct http *h, const struct http_request *r, struct error *err)
{
	struct buf url = BUF(0);
	buf_printf(&url, "%s%s", h->target.base ? h->target.base : "", r->url);
	struct str host = host_of(url.p);
	snprintf(h->where, sizeof h->where, "%s", h->target.socket ? h->target.socket : h->target.base ? h->target.base : "");
	if (!h->where[0])
		snprintf(h->where, sizeof h->where, "%.*s", STR_FMT(host));
	curl.multi_remove_handle(h->multi, h->easy);
	h->request = *r;
	h->sent = 0;
	h->piece = (struct str){ NULL, 0 };
	h->why = (struct error){ 0 };
	h->fill = 0;
	h->answered = h->paused = h->done = h->over = false;
	h->result = CURLE_OK;
	h->reason[0] = '\0';
	buf_clear(&h->headers);
	set_request(h, r, url.p);
	buf_free(&url);
	CURLMcode m = curl.multi_add_handle(h->multi, h->easy);
	if (m != CURLM_OK)
		return error_set(err, ERR_ENV, "libcurl: %s", curl.multi_strerror(m));
	while (!h->done && !h->answered)
		if (work(h, err) < 0)
			return -1;
	return h->answered ? 0 : failure(h, err);
}

struct str http_header(const struct http *h, const char *name, u32 nth)
{
	for (struct str rest = buf_str(&h->headers); rest.p;) {
		struct str value = str_cut(&rest, '\n'), key = str_cut(&value, ':');
		if (value.p && str_ieq(key, str_of(name)) && nth-- == 0)
			return str_trim(value);
	}
	return (struct str){ NULL, 0 };
}

const char *http_redirect(struct http *h)
{
	char *url = NULL;
	curl.easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &url);
	return url;
}

bool http_passing(const struct http *h)
{
	switch (h->result) {
	case CURLE_OK: /* what failed was not the request */
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return false;
	default:
		return !h->over && !h->why.kind;
	}
}

bool http_refused(const struct http *h) { return h->result == CURLE_COULDNT_CONNECT; }

bool http_no_tls(const struct http *h) { return h->result == CURLE_SSL_CONNECT_ERROR; }

bool http_mistrusted(const struct http *h) { return h->result == CURLE_PEER_FAILED_VERIFICATION; }

/* --- the body --- */

struct http_body {
	struct stream base;
	struct http *h;
	bool own;
};

static int body_next(struct stream *s, struct str *view, struct error *err)
{
	struct http *h = ((struct http_body *)s)->h;
	while (!h->done && !h->paused && h->fill < STREAM_CHUNK / 2)
		if (work(h, err) < 0)
			return -1;
	if (h->done && h->result != CURLE_OK && !h->fill) /* what came before it broke off is given out first: else a way that holds for a few bytes at a time would lead nowhere */
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
	struct http_body *b = (struct http_body *)s;
	if (b->own)
		http_close(b->h);
	else
		curl.multi_remove_handle(b->h->multi, b->h->easy);
	free(b);
}

static const struct stream_ops body_ops = { body_next, NULL, body_close };

static struct stream *body_of(struct http *h, bool own)
{
	struct http_body *b = xcalloc(1, sizeof *b);
	b->base.ops = &body_ops;
	b->h = h;
	b->own = own;
	return &b->base;
}

int http_send(struct http *h, const struct http_request *r, u32 *status, struct stream **ret, struct error *err)
{
	if (start(h, r, err) < 0)
		return -1;
	*status = status_of(h);
	*ret = body_of(h, false);
	return 0;
}

int http_read(struct stream *body, size_t limit, struct buf *out, struct error *err)
{
	struct str view = { NULL, 0 };
	int r;
	out->max = limit;
	while ((r = stream_next(body, &view, err)) == 0 && view.n) {
		buf_add(out, view);
		if (out->over) {
			r = error_set(err, ERR_INPUT, "the answer is over the budget");
			break;
		}
	}
	stream_close(body);
	return r;
}

/* --- what engines are asked --- */
static void take_reply(struct http *h, struct http_reply *reply)
{
	struct str version = http_header(h, "Api-Version", 0);
	*reply = (struct http_reply){ .status = status_of(h) };
	if (version.p && version.n < sizeof reply->api_version)
		memcpy(reply->api_version, version.p, version.n);
}

int http_get(struct http *h, const char *path, size_t limit, struct http_reply *reply, struct buf *body, struct error *err)
{
	struct http_reply got;
	if (start(h, &(struct http_request){ .url = path, .seconds = HTTP_DOCUMENT_SECONDS }, err) < 0)
		return -1;
	take_reply(h, &got);
	if (http_read(body_of(h, false), limit, body, err) < 0)
		return err->kind == ERR_INPUT ? error_wrap(err, "%.200s", h->where) : -1;
	*reply = got;
	return 0;
}

int http_stream(struct http *h, const char *path, struct http_reply *reply, struct buf *failed, struct stream **ret, struct error *err)
{
	*ret = NULL;
	if (start(h, &(struct http_request){ .url = path }, err) < 0)
		return -1;
	take_reply(h, reply);
	if (reply->status == 200) {
		*ret = body_of(h, true);
		return 0;
	}
	struct error ignored = { 0 };
	failed->max = HTTP_ERROR_MAX;
	if (http_read(body_of(h, false), HTTP_ERROR_MAX, failed, &ignored) < 0 && !failed->n)
		buf_clear(failed); /* the status says enough */
	return 0;
}
