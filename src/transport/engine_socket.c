/* Which engine, and talking to it: what images are read from (daemon.c) and what is kept and pruned there (engine/) find the same one. */
#include "transport/engine_socket.h"
#include "base/file.h"
#include "base/json.h"
#include "oci/digest.h"
#include <errno.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/var/run/docker.sock"
#define API_MAJOR 1
#define API_MINOR 48 /* the newest that is asked for; an older engine is asked in its own */

struct tls {
	bool on, unverified;
	const char *dir; /* of ca.pem, cert.pem, key.pem; NULL: none */
};

/* --- which engine --- */

static const char *env(const char *name)
{
	const char *v = getenv(name);
	return v && v[0] ? v : NULL;
}

static const char *config_dir(struct arena *a)
{
	const char *dir = env("DOCKER_CONFIG"), *home = env("HOME");
	return dir ? dir : home ? arena_printf(a, "%s/.docker", home) : NULL;
}

static const char *pem(struct arena *a, const struct tls *tls, const char *name)
{
	const char *path = tls->dir ? arena_printf(a, "%s/%s.pem", tls->dir, name) : NULL;
	return path && access(path, F_OK) == 0 ? path : NULL;
}

/* host[:port][/path] */
static int tcp_target(struct arena *a, const char *host, struct str rest, const struct tls *tls, struct http_target *ret, struct error *err)
{
	for (size_t i = 0; i < rest.n; i++)
		if (rest.p[i] <= ' ' || rest.p[i] > '~' || strchr("@?#\\\"", rest.p[i]))
			return error_set(err, ERR_USAGE, "engine '%.200s': no address of a host", host);
	struct str path = rest, name = str_cut(&path, '/');
	path = str_n(path.p ? path.p : "", path.n);
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	struct str port = name;
	if (name.n && name.p[0] == '[') {
		str_cut(&port, ']');
		if (!port.p)
			return error_set(err, ERR_USAGE, "engine '%.200s': no address of a host", host);
		port = port.n && port.p[0] == ':' ? str_from(port, 1) : (struct str){ NULL, 0 };
	} else {
		str_cut(&port, ':');
	}
	u64 number;
	if (port.p && (!str_to_u64(port, &number) || number == 0 || number > 65535))
		return error_set(err, ERR_USAGE, "engine '%.200s': no port number", host);
	if (port.p)
		name.n = (size_t)(port.p - name.p) - 1;
	*ret = (struct http_target){
		.base = arena_printf(a, "%s://%.*s:%s%s%.*s", tls->on ? "https" : "http", name.n ? (int)name.n : 9, name.n ? name.p : "localhost",
				     port.p ? arena_strdup(a, port) : tls->on ? "2376" : "2375", path.n ? "/" : "", STR_FMT(path)),
	};
	if (tls->on) {
		ret->ca = pem(a, tls, "ca");
		ret->cert = pem(a, tls, "cert");
		ret->key = pem(a, tls, "key");
		ret->unverified = tls->unverified;
	}
	return 0;
}

static int host_target(struct arena *a, const char *host, struct tls tls, struct http_target *ret, struct error *err)
{
	struct str s = str_of(host);
	if (str_starts(s, STR("unix://"))) {
		*ret = (struct http_target){ .base = "http://docker", .socket = s.n > 7 ? host + 7 : DEFAULT_SOCKET };
		return 0;
	}
	if (str_starts(s, STR("ssh://")))
		return error_set(err, ERR_ENV,
				 "engine '%.200s': engines are not asked over ssh; forward the socket "
				 "(ssh -nNT -L ./docker.sock:/var/run/docker.sock HOST) and set DOCKER_HOST=unix://$PWD/docker.sock",
				 host);
	if (str_starts(s, STR("https://")))
		tls.on = true;
	const char *const schemes[] = { "tcp://", "http://", "https://" };
	for (size_t i = 0; i < countof(schemes); i++)
		if (str_starts(s, str_of(schemes[i])))
			return tcp_target(a, host, str_from(s, strlen(schemes[i])), &tls, ret, err);
	return error_set(err, ERR_USAGE, "engine '%.200s': want unix://, tcp://, http:// or https://", host);
}

static int read_json(const char *path, json_t **ret, struct error *err)
{
	struct buf text = BUF(0);
	int r = file_read(path, (size_t)MiB, &text, err);
	json_t *doc = r == 0 ? json_read(buf_str(&text), path, err) : NULL;
	buf_free(&text);
	if (!doc && r == 0 && err)
		err->kind = ERR_USAGE; /* a damaged configuration file */
	*ret = doc;
	return doc ? 0 : -1;
}

/* contexts/meta/SHA256(name)/meta.json: {"Endpoints":{"docker":{"Host":…,"SkipTLSVerify":…}}}; contexts/tls/…/docker/{ca,cert,key}.pem */
static int context_target(struct arena *a, const char *dir, const char *context, struct http_target *ret, struct error *err)
{
	struct digest d = digest_bytes(DIGEST_SHA256, str_of(context));
	const char *id = DIGEST_STR(&d) + strlen("sha256:"), *meta = arena_printf(a, "%s/contexts/meta/%s/meta.json", dir ? dir : "", id);
	autojson json_t *doc = NULL;
	if (read_json(meta, &doc, err) < 0)
		return error_wrap(err, "Docker context '%.100s'", context);
	json_t *endpoint = json_obj(json_obj(doc, "Endpoints"), "docker");
	const char *host = json_text(endpoint, "Host"), *certs = arena_printf(a, "%s/contexts/tls/%s/docker", dir ? dir : "", id);
	if (!host)
		return error_set(err, ERR_USAGE, "Docker context '%.100s': names no engine", context);
	bool skip = json_is_true(json_object_get(endpoint, "SkipTLSVerify"));
	bool kept = access(certs, F_OK) == 0;
	struct tls tls = { .on = kept || skip, .unverified = skip, .dir = kept ? certs : NULL };
	return host_target(a, arena_strdup(a, str_of(host)), tls, ret, err);
}

static int find_engine(struct arena *a, struct http_target *ret, struct error *err)
{
	const char *dir = config_dir(a), *host = env("DOCKER_HOST"), *context = env("DOCKER_CONTEXT");
	if (!host && !context && dir) {
		const char *path = arena_printf(a, "%s/config.json", dir);
		autojson json_t *doc = NULL;
		if (access(path, R_OK) == 0 && read_json(path, &doc, err) < 0)
			return -1;
		const char *current = doc ? json_text(doc, "currentContext") : NULL;
		context = current && current[0] ? arena_strdup(a, str_of(current)) : NULL;
	}
	if (!host && context && strcmp(context, "default") != 0)
		return context_target(a, dir, context, ret, err);
	struct tls tls = { .on = env("DOCKER_TLS_VERIFY") || env("DOCKER_TLS"), .unverified = !env("DOCKER_TLS_VERIFY") && env("DOCKER_TLS") };
	tls.dir = env("DOCKER_CERT_PATH") ? env("DOCKER_CERT_PATH") : dir;
	return host_target(a, host ? host : "unix://" DEFAULT_SOCKET, tls, ret, err);
}

/* --- talking to it --- */

static bool version_of(const char *text, u64 *major, u64 *minor)
{
	struct str rest = str_of(text), head = str_cut(&rest, '.');
	return rest.p && str_to_u64(head, major) && str_to_u64(rest, minor);
}

/* "/v1.41": what both sides know; "" when the engine does not tell, which is then asked in its own. */
static int negotiate(struct arena *a, struct http *h, const char **prefix, struct error *err)
{
	struct buf body = BUF(0);
	struct http_reply reply;
	u64 major, minor;
	*prefix = "";
	int r = http_get(h, "/_ping", HTTP_ERROR_MAX, &reply, &body, err);
	if (r == 0 && !reply.api_version[0]) {
		buf_clear(&body);
		r = http_get(h, "/version", (size_t)MiB, &reply, &body, err);
		autojson json_t *doc = r == 0 && reply.status == 200 ? json_read(buf_str(&body), "/version", NULL) : NULL;
		const char *v = doc ? json_text(doc, "ApiVersion") : NULL;
		snprintf(reply.api_version, sizeof reply.api_version, "%s", v ? v : "");
	}
	if (r == 0 && version_of(reply.api_version, &major, &minor))
		*prefix = major > API_MAJOR || (major == API_MAJOR && minor > API_MINOR) ? arena_printf(a, "/v%d.%d", API_MAJOR, API_MINOR) :
											    arena_printf(a, "/v%llu.%llu", (unsigned long long)major, (unsigned long long)minor);
	buf_free(&body);
	return r;
}


/* CONTAINER_HOST; else the socket of the user's own service, else the system's. */
static int find_podman(struct arena *a, struct http_target *ret, struct error *err)
{
	const char *host = env("CONTAINER_HOST"), *dir = env("XDG_RUNTIME_DIR");
	const char *own = dir ? arena_printf(a, "%s/podman/podman.sock", dir) : NULL;
	if (host)
		return host_target(a, host, (struct tls){ 0 }, ret, err);
	*ret = (struct http_target){ .base = "http://podman", .socket = own && access(own, F_OK) == 0 ? own : "/run/podman/podman.sock" };
	return 0;
}

static int find(struct arena *a, const char *which, struct http_target *ret, struct error *err)
{
	if (!which || strcmp(which, "docker") == 0)
		return find_engine(a, ret, err);
	if (strcmp(which, "podman") == 0)
		return find_podman(a, ret, err);
	if (strstr(which, "://"))
		return host_target(a, which, (struct tls){ 0 }, ret, err);
	return error_set(err, ERR_USAGE, "engine '%.200s': want docker, podman, unix://PATH or tcp://HOST:PORT", which);
}

int engine_socket_open(struct arena *a, const char *which, struct http **ret, const char **prefix, struct error *err)
{
	struct http_target target;
	bool podman = which && strcmp(which, "podman") == 0;
	const char *name = !which || strcmp(which, "docker") == 0 ? "Docker engine" : podman ? "Podman service" : "engine";
	if (find(a, which, &target, err) < 0)
		return -1;
	if (target.socket && access(target.socket, F_OK) < 0) /* libcurl need not even be loaded */
		return error_errno(err, "no %s at %.200s%s", name, target.socket, podman ? " (podman system service starts one)" : "");
	struct http *h = http_open(&target, err);
	if (!h)
		return -1;
	if (negotiate(a, h, prefix, err) < 0) {
		http_close(h);
		return error_wrap(err, "%s", name);
	}
	*ret = h;
	return 0;
}
