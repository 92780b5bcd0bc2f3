/* engine.h — a container engine that runs here, asked over its socket: Docker Engine API 1.24 to 1.47, and podman's, which speaks the same. What is on its disk, and removing it.
 *
 * Which: "docker" (DOCKER_HOST, the current context, /var/run/docker.sock), "podman" (CONTAINER_HOST, $XDG_RUNTIME_DIR/podman/podman.sock, /run/podman/podman.sock), or "unix://PATH". */
#ifndef PARE_ENGINE_ENGINE_H
#define PARE_ENGINE_ENGINE_H
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

struct engine;
int engine_open(const char *which, struct engine **ret, struct error *err) must_check;
void engine_close(struct engine *e);
const char *engine_name(const struct engine *e); /* "Docker 27.3.1", "podman 4.3.1" */

struct engine_image {
	const char *id;               /* "sha256:…" */
	const char *const *names;     /* NULL-terminated: "alpine:3.20"; none: dangling */
	const char *const *labels;
	const char *parent;           /* id, or "" */
	s64 created;
	u64 bytes, shared;            /* all of it; of that, what other images have too */
	const char *const *containers; /* names of those made of it */
};
struct engine_container {
	const char *id, *name, *image, *state; /* state: running, exited, created, paused … */
	const char *const *labels;
	s64 created, finished;
	u64 bytes;                    /* its own layer */
	const char *const *volumes;   /* names */
};
struct engine_volume {
	const char *name, *driver;
	const char *const *labels;
	s64 created;
	u64 bytes;
	const char *const *containers;
	bool anonymous;
};
struct engine_cache {
	const char *id, *parent, *kind, *what;
	s64 created, used;
	u64 bytes;
	bool in_use, shared;
};
struct engine_disk {
	struct engine_image *images;
	struct engine_container *containers;
	struct engine_volume *volumes;
	struct engine_cache *cache;
	u32 n_images, n_containers, n_volumes, n_cache;
	u64 layers; /* bytes of all layers, each once: what /system/df calls LayersSize */
};
int engine_disk(struct engine *e, struct arena *a, struct engine_disk *ret, struct error *err) must_check;
/* 1: it is gone already. What is in use is refused by the engine: ERR_ENV. *freed: what the engine says, where it does. */
int engine_remove_image(struct engine *e, const char *name_or_id, struct error *err) must_check;
int engine_remove_container(struct engine *e, const char *id, struct error *err) must_check;
int engine_remove_volume(struct engine *e, const char *name, struct error *err) must_check;
int engine_prune_cache(struct engine *e, const char *const *ids, bool all, u64 *freed, struct error *err) must_check;
#endif
