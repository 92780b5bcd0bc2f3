/* disk.h — an engine's answers as struct engine_disk. Apart from who asks, so that answers of any kind can be read without an engine. */
#ifndef PARE_ENGINE_DISK_H
#define PARE_ENGINE_DISK_H
#include "engine/engine.h"

struct disk_answers {
	json_t *df, *images, *containers, *networks; /* /system/df, /images/json?all=1, /containers/json?all=1&size=1, /networks; NULL: not told */
	json_t *info; /* /info; NULL: not told */
	/* Of one image /images/ID/json and /images/ID/history, to be released; 1: it is gone, or the engine doesn't say (not unpacked; of another platform). */
	int (*image)(void *ctx, const char *id, json_t **inspect, json_t **history, struct error *err);
	void *ctx;
};
int disk_read(struct arena *a, const struct disk_answers *d, struct engine_disk *ret, struct error *err) must_check;
void disk_images(struct arena *a, json_t *images, struct engine_disk *ret); /* these alone, without who uses them or what they stand on */
bool disk_id_ok(const char *id); /* nothing but what ids and names of volumes are made of */
#endif
