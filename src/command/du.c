#include "command/du.h"
#include "command/command.h"
#include "prune/prune.h"
#include "report/images.h"
#include "store/load.h"
#include <time.h>

enum { O_ENGINE, O_VERBOSE, O_FORMAT };
static const struct option options[] = {
	[O_ENGINE] = { "engine", 0, OPT_VALUE, "ENGINE", "Where a container engine's disk went instead: docker, podman, or where it listens: unix://PATH, tcp://HOST:PORT.", NULL },
	[O_VERBOSE] = { "verbose", 'v', OPT_FLAG, NULL, "List everything, not the largest only.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: docs/schema/du describes it, of an engine du-engine.", "table json" },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int largest_first(const void *x, const void *y)
{
	const struct du_image *a = x, *b = y;
	if (a->unique != b->unique)
		return a->unique > b->unique ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes > b->bytes ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* What pruning would look at says what stands on what. */
static int images(struct store *s, struct arena *a, struct du *d, struct error *err)
{
	struct prune_place place = prune_store(s);
	struct prune_item *items;
	u32 n;
	if (place.list(place.ctx, a, &items, &n, err) < 0)
		return -1;
	struct du_image *v = arena_array(a, struct du_image, n + 1);
	for (u32 i = 0; i < n; i++) {
		if (items[i].kind != PRUNE_IMAGE)
			continue;
		bool nameless = items[i].dangling;
		struct du_image *m = &v[d->n_images++];
		*m = (struct du_image){ .name = nameless ? items[i].id : items[i].name, .used = items[i].used };
		for (u32 p = 0; p < items[i].n_parts; p++)
			items[i].parts[p]->left = 0;
	}
	/* A lease holds, too; here only images count. */
	for (u32 i = 0; i < n; i++)
		for (u32 p = 0; items[i].kind == PRUNE_IMAGE && p < items[i].n_parts; p++)
			items[i].parts[p]->left++;
	for (u32 i = 0, k = 0; i < n; i++) {
		if (items[i].kind != PRUNE_IMAGE)
			continue;
		for (u32 p = 0; p < items[i].n_parts; p++) {
			v[k].bytes += items[i].parts[p]->bytes;
			v[k].unique += items[i].parts[p]->left == 1 ? items[i].parts[p]->bytes : 0;
		}
		k++;
	}
	for (u32 i = 0; i < n; i++)
		for (u32 p = 0; p < items[i].n_parts; p++) {
			struct prune_part *part = items[i].parts[p];
			d->shared += part->left > 1 ? part->bytes : 0;
			part->left = 0; /* counted */
		}
	if (d->n_images)
		qsort(v, d->n_images, sizeof *v, largest_first);
	d->images = v;
	prune_decide(a, items, n, &(struct prune_rules){ 0 }, 0);
	d->unneeded = prune_total(items, n).bytes;
	return 0;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct store *s = NULL;
	struct du d = { 0 };
	struct store_room *rooms = NULL;
	bool json = option_is(&opt[O_FORMAT], "json");
	if (opt[O_ENGINE].value)
		return du_engine(opt[O_ENGINE].value, json, opt[O_VERBOSE].count > 0);
	d.dir = store_dir(&a, globals.store, &err);
	int r = d.dir ? store_open(globals.store, false, &s, &err) : -1;
	r = r < 0 ? r : images(s, &a, &d, &err);
	store_close(s); /* its log goes with it, and is not counted */
	r = r < 0 ? r : store_rooms(d.dir, &a, &rooms, &d.n_rooms, &err);
	d.rooms = rooms;
	if (r == 0)
		json ? du_json(stdout, &d) : du_table(stdout, &d, opt[O_VERBOSE].count > 0, (s64)time(NULL));
	int status = r < 0 ? command_fail(&err) : command_done(0);
	arena_free(&a);
	return status;
}

const struct command command_du = {
	.name = "du",
	.summary = "where the disk went: by image, shared and unique bytes",
	.synopsis = "[OPTIONS]",
	.description = "Of our store: each image with the bytes that it alone stands on and those that others stand on too, and everything else that lies below the store's directory: all of it adds up to "
		       "what is on the disk.\n\n"
		       "With --engine where a container engine's disk went: images, containers, volumes, build cache, and what of it could be freed.",
	.options = options,
	.examples = "pare du # of our store\n"
		    "pare du --engine docker # of Docker's disk\n"
		    "pare du --format json # for programs",
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
