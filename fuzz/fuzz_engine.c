/* An engine's answers: {"df": …, "images": […], "containers": […], "networks": […], "image": {ID: {"inspect": …, "history": …}}}. What would go is decided on them, too. */
#include "base/hash.h"
#include "engine/disk.h"
#include "prune/engine.h"

static int one(void *ctx, const char *id, json_t **inspect, json_t **history, struct error *err)
{
	(void)err;
	if (!disk_id_ok(id))
		abort();
	json_t *image = json_obj(ctx, id);
	*inspect = json_incref(json_object_get(image, "inspect"));
	*history = json_incref(json_object_get(image, "history"));
	return image ? 0 : 1;
}

static void check(struct arena *a, const struct engine_disk *d, bool all)
{
	struct prune_item *v;
	u32 n;
	u64 own = 0;
	prune_engine_list(a, d, all, all, &v, &n);
	prune_decide(a, v, n, &(struct prune_rules){ .all = all, .keep_storage = all ? 0 : 100 }, 1800000000);
	for (u32 i = 0; i < d->n_layers_of; i++)
		own += d->layers_of[i].bytes;
	for (u32 i = 0; i < d->n_images; i++)
		own += d->images[i].n_layers ? 0 : d->images[i].bytes;
	for (u32 i = 0; i < d->n_containers; i++)
		own += d->containers[i].bytes;
	for (u32 i = 0; i < d->n_volumes; i++)
		own += d->volumes[i].bytes;
	for (u32 i = 0; i < d->n_cache; i++)
		own += d->cache[i].shared ? 0 : d->cache[i].bytes;
	if (prune_total(v, n).bytes > own) /* each byte is free once */
		abort();
	for (u32 i = 0; i < n; i++)
		for (const struct prune_item *const *u = v[i].users; u && *u; u++)
			if (v[i].goes && !(*u)->goes)
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct engine_disk d;
	autojson json_t *doc = json_read_limit(str_n(data, size), (size_t)MiB, "answers", &err);
	if (!doc)
		return 0;
	hash_seed = 1;
	struct disk_answers answers = { json_obj(doc, "df"), json_arr(doc, "images"), json_arr(doc, "containers"), json_arr(doc, "networks"), json_obj(doc, "info"), one, json_obj(doc, "image") };
	if (disk_read(&a, &answers, &d, &err) == 0) {
		check(&a, &d, false);
		check(&a, &d, true);
	} else if (!err.text[0]) {
		abort();
	}
	arena_free(&a);
	return 0;
}
