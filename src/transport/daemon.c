/* docker-daemon:REF — an image of a Docker engine (or Podman's service, which answers the same requests), asked over its API:
 * GET /images/REF/json, then GET /images/REF/get. Nothing is ever changed there.
 * Which engine: engine_socket.h. Docker Engine API v1.24 and later: docs.docker.com/engine/api/version-history. */
#include "base/json.h"
#include "oci/reference.h"
#include "transport/engine_socket.h"
#include "transport/places.h"

static int refused(const char *ref, const struct http_reply *reply, const struct buf *body, struct error *err)
{
	autojson json_t *doc = body->n ? json_read(buf_str(body), "answer", NULL) : NULL;
	const char *message = doc ? json_text(doc, "message") : NULL;
	if (reply->status == 404)
		return error_set(err, ERR_ENV, "%.200s: the Docker engine has no such image", ref);
	return error_set(err, ERR_ENV, "%.200s: the Docker engine answered %u%s%.400s", ref, reply->status, message ? ": " : "", message ? message : "");
}

static bool is_id(const char *ref)
{
	const char *hex = strncmp(ref, "sha256:", 7) == 0 ? ref + 7 : ref;
	size_t n = strlen(hex);
	return n >= 6 && n <= 64 && strspn(hex, "0123456789abcdef") == n;
}

/* A name, a digest, an ID or the beginning of one: nothing that could ask for something else. */
static int check_name(struct arena *a, const char *ref, struct error *err)
{
	struct digest d;
	struct reference r;
	if (is_id(ref) && (strlen(ref) == 64 || digest_parse(str_of(ref), &d, NULL) == 0))
		return 0;
	return reference_parse(a, str_of(ref), &r, err);
}

/* Names hold only characters that stand for themselves in a path, but for the brackets of an IPv6 address. */
static const char *request(struct arena *a, const char *prefix, const char *ref, const char *what)
{
	struct buf path = BUF(0);
	buf_printf(&path, "%s/images/", prefix);
	for (const char *s = ref; *s; s++) {
		if (*s == '[' || *s == ']')
			buf_printf(&path, "%%%02X", (unsigned)(unsigned char)*s);
		else
			buf_putc(&path, *s);
	}
	buf_printf(&path, "/%s", what);
	const char *r = arena_strdup(a, buf_str(&path));
	buf_free(&path);
	return r;
}

/* Whether the engine has it; *name becomes the first of its names when it was asked for by ID. */
static int resolve(struct arena *a, struct http *h, const char *prefix, const char *ref, const struct source_options *opt, const char **name, const char **identity, struct error *err)
{
	char text[100];
	struct buf body = BUF(0);
	struct http_reply reply;
	int r = http_get(h, request(a, prefix, ref, "json"), JSON_BYTES, &reply, &body, err);
	if (r == 0 && reply.status != 200)
		r = refused(ref, &reply, &body, err);
	autojson json_t *doc = r == 0 ? json_read(buf_str(&body), "the engine's answer", err) : NULL;
	buf_free(&body);
	if (!doc)
		return -1;
	const char *tag = json_string_value(json_array_get(json_arr(doc, "RepoTags"), 0)), *id = json_text(doc, "Id");
	*identity = id ? arena_printf(a, "docker-daemon image %s%s%s", id, opt->platform_forced ? " " : "", opt->platform_forced ? platform_text(opt->platform, text) : "") : "";
	*name = is_id(ref) && tag ? arena_strdup(a, str_of(tag)) : ref;
	return 0;
}

static int daemon_open_in(struct arena *a, const char *ref, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct http *h = NULL;
	const char *prefix, *name, *identity = "";
	if (check_name(a, ref, err) < 0 || engine_socket_open(a, "docker", &h, &prefix, err) < 0)
		return -1;
	struct buf failed = BUF(0);
	struct http_reply reply;
	struct stream *archive = NULL;
	int r = resolve(a, h, prefix, ref, opt, &name, &identity, err);
	/* An image's ID is the digest of its configuration, or of what it was pulled as (containerd's image store, which may have got one more platform of it since): the engine need not send again
	 * what it has sent under that. */
	int known = r == 0 ? source_recall("docker-daemon", name, "", str_of(identity), opt, ret, err) : 0;
	if (known) {
		http_close(h);
		if (known > 0) /* it may have had another name then */
			(*ret)->reference = arena_strdup(&(*ret)->arena, str_of(name));
		return known < 0 ? -1 : 0;
	}
	if (r == 0)
		r = http_stream(h, request(a, prefix, ref, "get"), &reply, &failed, &archive, err);
	if (r == 0 && !archive)
		r = refused(ref, &reply, &failed, err);
	buf_free(&failed);
	if (r < 0) {
		http_close(h);
		return -1;
	}
	return source_open_streamed(archive, "docker-daemon", name, "", str_of(identity), opt, ret, err);
}

static int daemon_open(const char *ref, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct arena a = { 0 };
	int r = daemon_open_in(&a, ref, opt, ret, err);
	arena_free(&a);
	return r < 0 ? error_wrap(err, "docker-daemon") : 0;
}

bool docker_daemon_has(const char *ref)
{
	struct arena a = { 0 };
	struct http *h = NULL;
	struct error ignored = { 0 };
	const char *prefix, *name, *identity;
	bool has = check_name(&a, ref, &ignored) == 0 && engine_socket_open(&a, "docker", &h, &prefix, &ignored) == 0 && resolve(&a, h, prefix, ref, &(struct source_options){ 0 }, &name, &identity, &ignored) == 0;
	http_close(h);
	arena_free(&a);
	return has;
}

const struct transport transport_docker_daemon = {
	.name = "docker-daemon",
	.detail = "REF",
	.summary = "an image of the Docker engine (DOCKER_HOST, TLS and contexts as docker has them)",
	.open = daemon_open,
};
