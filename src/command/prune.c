#include "prune/prune.h"
#include "run/tree.h"
#include "base/text.h"
#include "command/place.h"
#include "command/prune_caches.h"
#include "engine/engine.h"
#include "report/prune.h"
#include "store/store.h"
#include "transport/repo.h"
#include <time.h>
#include <unistd.h>

enum { O_ENGINE, O_REGISTRY, O_ALL, O_MATCH, O_PROTECT, O_KEEP, O_OLDER, O_FILTER, O_KEEP_STORAGE, O_VOLUMES, O_CACHE, O_NO_CACHE, O_DRY_RUN, O_YES, O_FORCE, O_VERBOSE, O_FORMAT, O_PLACE };
static const struct option options[] = {
	[O_ENGINE] = { "engine", 0, OPT_VALUE, "ENGINE", "Of a container engine instead of our store: docker, podman, or where it listens: unix://PATH, tcp://HOST:PORT.", NULL },
	[O_REGISTRY] = { "registry", 0, OPT_VALUE, "REPOSITORY", "Of a repository in a registry: its tags with what stands on their manifests.", NULL },
	[O_ALL] = { "all", 'a', OPT_FLAG, NULL, "Images with a name too, unless something uses them.", NULL },
	[O_MATCH] = { "match", 0, OPT_LIST, "PATTERN", "Of what has a name, only what matches may go: the whole name or the tag alone, with * ? [a-z].", NULL },
	[O_PROTECT] = { "protect", 0, OPT_LIST, "PATTERN", "What matches stays, whatever else is said.", NULL },
	[O_KEEP] = { "keep", 0, OPT_VALUE, "N", "Of each repository the newest N stay, and older ones may go.", NULL },
	[O_OLDER] = { "older", 0, OPT_VALUE, "AGE", "Only what was neither made nor used for AGE: 30d, 24h, 2w, or since a date. As --filter until=AGE.", NULL },
	[O_FILTER] = { "filter", 0, OPT_LIST, "FILTER", "Docker's: until=AGE, label=KEY[=VALUE], label!=KEY[=VALUE], dangling=true|false. All must hold.", NULL },
	[O_KEEP_STORAGE] = { "keep-storage", 0, OPT_VALUE, "SIZE", "Stop when SIZE is left, the least recently used first: of an engine's build cache; of our store, of its build cache and images.", NULL },
	[O_VOLUMES] = { "volumes", 0, OPT_FLAG, NULL, "An engine's volumes, too: anonymous ones that no container uses; those with a name only by --match.", NULL },
	[O_CACHE] = { "cache", 0, OPT_FLAG, NULL, "The build cache, too: an engine's, or our own with what compose has fetched. That is the default.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Leave that cache alone.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Say what would go, and why; remove nothing.", NULL },
	[O_YES] = { "yes", 'y', OPT_FLAG, NULL, "Don't ask.", NULL },
	[O_FORCE] = { "force", 0, OPT_FLAG, NULL, "The same as --yes, as docker calls it.", NULL },
	[O_VERBOSE] = { "verbose", 'v', OPT_FLAG, NULL, "List what stays, too, and why.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: docs/schema/prune describes it.", "table json" },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static const char *const *patterns(struct arena *a, const struct option_value *v)
{
	const char **list = arena_array(a, const char *, v->count + 1);
	for (u32 i = 0; i < v->count; i++)
		list[i] = v->list[i];
	return v->count ? list : NULL;
}

static int read_rules(struct arena *a, const struct option_value *opt, s64 now, struct prune_rules *r, struct error *err)
{
	*r = (struct prune_rules){ .all = opt[O_ALL].count > 0, .names = patterns(a, &opt[O_MATCH]), .protect = patterns(a, &opt[O_PROTECT]) };
	for (u32 i = 0; i < opt[O_FILTER].count; i++)
		if (prune_filter(a, opt[O_FILTER].list[i], now, r, err) < 0)
			return -1;
	if (opt[O_OLDER].value && prune_age(opt[O_OLDER].value, now, &r->until, err) < 0)
		return error_wrap(err, "--older");
	if (opt[O_KEEP_STORAGE].value && (!text_parse_size(str_of(opt[O_KEEP_STORAGE].value), &r->keep_storage) || !r->keep_storage))
		return error_set(err, ERR_USAGE, "--keep-storage %.40s: a size: 500MB, 20GB", opt[O_KEEP_STORAGE].value);
	r->keep_storage_images = !opt[O_ENGINE].value;
	return place_number(&opt[O_KEEP], "keep", 1000000, &r->keep, err);
}

/* Options that say nothing where they stand are mistakes. */
static int check_words(const struct option_value *opt, struct error *err)
{
	if (opt[O_ENGINE].count && opt[O_REGISTRY].count)
		return error_set(err, ERR_USAGE, "prune: --engine or --registry, one place at a time");
	if (!opt[O_ENGINE].count && opt[O_VOLUMES].count)
		return error_set(err, ERR_USAGE, "prune: --volumes is about an engine; say --engine docker");
	if (opt[O_REGISTRY].count && (opt[O_CACHE].count || opt[O_NO_CACHE].count))
		return error_set(err, ERR_USAGE, "prune: a registry has no build cache: --cache and --no-cache are for our store and engines");
	if (opt[O_REGISTRY].count && opt[O_KEEP_STORAGE].count)
		return error_set(err, ERR_USAGE, "prune: --keep-storage is not for a registry; --keep N leaves the newest tags");
	return 0;
}

/* --- places --- */
struct opened {
	struct prune_place place;
	const char *name; /* for people */
	struct store *store;
	struct engine *engine;
	struct repo *repo;
};

static int open_place(struct arena *a, const struct option_value *opt, struct opened *o, struct error *err)
{
	if (opt[O_ENGINE].value) {
		if (engine_open(opt[O_ENGINE].value, &o->engine, err) < 0)
			return -1;
		o->place = prune_engine(o->engine, opt[O_VOLUMES].count > 0, !opt[O_NO_CACHE].count);
		o->name = engine_name(o->engine);
	} else if (opt[O_REGISTRY].value) {
		struct repo_options repo;
		if (place_options(opt + O_PLACE, &repo, err) < 0)
			return -1;
		repo.write = repo.erase = !opt[O_DRY_RUN].count;
		const char *at = place_registry(opt[O_REGISTRY].value, err);
		if (!at || repo_open(arena_printf(a, "docker://%s", at), &repo, &o->repo, err) != 0)
			return error_wrap(err, "--registry");
		o->place = prune_registry(o->repo);
		o->name = arena_printf(a, "%s/%s", repo_registry(o->repo), repo_path(o->repo));
	} else {
		if (store_open(globals.store, !opt[O_DRY_RUN].count, &o->store, err) < 0)
			return -1;
		if (!opt[O_DRY_RUN].count) {
			run_sweep(globals.store);
			prune_sweep_caches(globals.store);
		}
		o->place = prune_with_caches(prune_store(o->store), globals.store, !opt[O_NO_CACHE].count);
		o->name = "store";
	}
	return 0;
}

static void close_place(struct opened *o)
{
	if (o->place.close)
		o->place.close(o->place.ctx);
	repo_close(o->repo);
	store_close(o->store);
	if (o->engine)
		engine_close(o->engine);
}

/* --- asking --- */
/* Of our own store what has no name goes without a question. */
static bool asks(const struct option_value *opt, const struct prune_rules *r)
{
	if (opt[O_YES].count || opt[O_FORCE].count || opt[O_DRY_RUN].count)
		return false;
	return opt[O_ENGINE].count || opt[O_REGISTRY].count || r->all || r->dangling_off || r->names || r->keep;
}

static bool agreed(void)
{
	char line[16];
	fflush(stdout);
	fputs("Remove all that goes? [y/N] ", stderr);
	return fgets(line, sizeof line, stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int carry_out(const struct option_value *opt, struct opened *o, struct prune_item *items, u32 n, struct error *err)
{
	bool json = option_is(&opt[O_FORMAT], "json");
	u64 freed = 0;
	struct prune_sum sum = prune_total(items, n);
	/* Our store is swept anyhow: leases of processes that died take no room, and are not listed. */
	int r = sum.go || o->store ? o->place.carry_out(o->place.ctx, items, n, &freed, err) : 0;
	if (json && r == 0)
		prune_json(stdout, o->name, items, n, &freed);
	else if (!json && (sum.go || r < 0))
		printf("Freed %s%s.\n", TEXT_SIZE(freed), r < 0 ? " before it failed" : "");
	return r;
}

static int prune(struct arena *a, const struct option_value *opt, const struct prune_rules *rules, s64 now, struct opened *o, struct error *err)
{
	bool json = option_is(&opt[O_FORMAT], "json"), dry = opt[O_DRY_RUN].count > 0;
	struct prune_item *items = NULL;
	u32 n = 0;
	if (o->place.list(o->place.ctx, a, &items, &n, err) < 0)
		return -1;
	prune_decide(a, items, n, rules, now);
	if (!json)
		prune_table(stdout, items, n, opt[O_VERBOSE].count > 0, now);
	if (!json && o->engine && engine_packs(o->engine))
		puts("The engine keeps layers packed, too (containerd's image store): these come on top of what is said of images.");
	if (dry && json)
		prune_json(stdout, o->name, items, n, NULL);
	if (dry)
		return 0;
	if (asks(opt, rules) && prune_total(items, n).go && !agreed()) {
		puts("Nothing was removed.");
		return 0;
	}
	return carry_out(opt, o, items, n, err);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct opened o = { 0 };
	struct prune_rules rules;
	s64 now = (s64)time(NULL);
	bool json = option_is(&opt[O_FORMAT], "json");
	int r = check_words(opt, &err) < 0 || read_rules(&a, opt, now, &rules, &err) < 0 ? -1 : 0;
	if (r == 0 && asks(opt, &rules) && (json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		r = error_set(&err, ERR_USAGE, "prune: there is nobody to ask; say --yes to remove, or --dry-run to see what would go");
	r = r < 0 ? r : open_place(&a, opt, &o, &err);
	r = r < 0 ? r : prune(&a, opt, &rules, now, &o, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	close_place(&o);
	arena_free(&a);
	return status;
}

const struct command command_prune = {
	.name = "prune",
	.summary = "free what nothing needs: of the store, an engine, a registry",
	.synopsis = "[OPTIONS]",
	.description = "Says what would go and what that frees, to the byte, and why each thing goes or stays; then removes it and says what was freed. What a container, a tag that stays, or a running "
		       "process uses never goes, whatever the rules say.\n\n"
		       "Of our store: images without a name, blobs that nothing needs, and what is kept to be faster (steps of builds, the trees they stand on, cache mounts, the packages that compose has fetched) unless --no-cache; with --all, --match or --keep images with a name, too. Of an engine: stopped containers, images without a "
		       "name, unused networks, build cache, with --volumes anonymous volumes. Of a registry's repository: tags by --match, --older, --keep or --all, and what only they stood on.\n\n"
		       "An age counts from when a thing was made or last used, whichever is later. --keep and --older together: what is older goes, but never the newest N.\n\n"
		       "On a terminal it asks. Without one --yes or --dry-run must be said (else status 2), except for what has no name in our own store.",
	.options = options,
	.examples = "pare prune # of our store: what has no name\n"
		    "pare prune --all --older 30d --protect 'base/*' # what was not used for a month\n"
		    "pare prune --all --keep-storage 20GB --yes # the least recently used, until 20 GB are left\n"
		    "pare prune --engine docker --dry-run --verbose # what would go and what stays, with the reasons\n"
		    "pare prune --engine docker --all --volumes --filter until=72h --yes # in a nightly job\n"
		    "pare prune --registry registry.example/app --match 'pr-*' --older 2w --keep 5 --yes # old tags of a registry",
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
