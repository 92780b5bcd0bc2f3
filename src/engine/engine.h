/* engine.h — a container engine that runs here, asked over its socket: Docker Engine API 1.25 to 1.48, and podman's, which speaks the same. What is on its disk, and removing it.
 *
 * Which: "docker", "podman" or a place, as transport/engine_socket.h has them.
 *
 * Layers are told apart as engines do, by all that is below them (chain ID): the same content on another base is another layer. Their sizes are the engine's own (of its history), so that
 * sums are what it says of itself. Nothing is forced: what is in use is refused.
 *
 * Answers are hostile: ENGINE_THINGS of each kind, ENGINE_LAYERS an image; a name that could ask for something else is refused. */
#ifndef PARE_ENGINE_ENGINE_H
#define PARE_ENGINE_ENGINE_H
#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

#define ENGINE_THINGS 100000u
#define ENGINE_LAYERS 1024u
#define ENGINE_NONE UINT32_MAX

struct engine;
int engine_open(const char *which, struct engine **ret, struct error *err) must_check;
void engine_close(struct engine *e);
const char *engine_name(const struct engine *e); /* "Docker 27.3.1", "Podman 4.3.1" */

struct engine_image {
	const char *id;               /* "sha256:…" */
	const char *const *names;     /* NULL-terminated: "alpine:3.20"; none: dangling */
	const char *const *digests;   /* of what has no name: "alpine@sha256:…", as it was pulled */
	const char *const *labels;
	const char *parent;           /* id, or "" */
	s64 created;
	u64 bytes, shared;            /* all of it; of that, what other images have too */
	const char *const *containers; /* names of those made of it */
	const u32 *layers;            /* of engine_disk.layers_of, lowest first; n_layers 0: the engine doesn't tell them apart */
	u32 n_layers;
	bool inner;                   /* a step without a name that another image was built on: it goes with the last of these */
};
struct engine_layer {
	u64 bytes;
	u32 images;                   /* that stand on it; inner ones aren't counted */
	u32 below;                    /* the layer below, ENGINE_NONE: none */
	u32 cache;                    /* the record of the build cache that is the same bytes; ENGINE_NONE: none */
};
struct engine_container {
	const char *id, *name, *image, *state; /* image: its id; state: running, exited, created, paused … */
	const char *image_name;       /* as it was asked for */
	bool stopped;                 /* created, exited or dead: Docker's prune would remove it */
	const char *const *labels;
	s64 created, finished;
	u64 bytes;                    /* its own layer */
	const char *const *volumes, *const *networks; /* names */
};
struct engine_volume {
	const char *name, *driver;
	const char *const *labels;
	s64 created;
	u64 bytes;
	const char *const *containers;
	bool anonymous;
};
struct engine_network {
	const char *id, *name, *driver;
	const char *const *labels;
	s64 created;
	const char *const *containers;
	bool built_in;                /* made by the engine, or the swarm's */
};
struct engine_cache {
	const char *id, *parent, *kind, *what;
	s64 created, used;
	u64 bytes;
	bool in_use, shared;          /* shared: the bytes are an image's layer, and counted there */
};
struct engine_disk {
	struct engine_image *images;
	struct engine_container *containers;
	struct engine_volume *volumes;
	struct engine_network *networks;
	struct engine_cache *cache;
	struct engine_layer *layers_of; /* each once */
	u32 n_images, n_containers, n_volumes, n_networks, n_cache, n_layers_of;
	u64 layers; /* bytes of all layers, each once: what /system/df calls LayersSize; 0: it doesn't say that, the sum of layers_of is it */
	bool packed; /* the engine keeps layers packed as well as unpacked (containerd's image store): bytes here are those of the unpacked ones, which it accounts for one by one */
};
int engine_disk(struct engine *e, struct arena *a, struct engine_disk *ret, struct error *err) must_check;
/* The images alone: ids, names, digests. */
int engine_images(struct engine *e, struct arena *a, struct engine_disk *ret, struct error *err) must_check;
bool engine_packs(const struct engine *e); /* engine_disk.packed, once that was asked for */
/* 1: it is gone already. What is in use is refused by the engine: ERR_ENV. *freed: what the engine says, where it does. An image by name loses that name, and goes with its last. */
int engine_remove_image(struct engine *e, const char *name_or_id, struct error *err) must_check;
int engine_remove_container(struct engine *e, const char *id, struct error *err) must_check;
int engine_remove_volume(struct engine *e, const char *name, struct error *err) must_check;
int engine_remove_network(struct engine *e, const char *id, struct error *err) must_check;
/* Records by their id, NULL-terminated, children before parents; NULL: whatever is not in use, with `all` what images share, too. */
int engine_prune_cache(struct engine *e, const char *const *ids, bool all, u64 *freed, struct error *err) must_check;
#endif
