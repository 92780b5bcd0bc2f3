#include "command/copying.h"
#include "oci/reference.h"

enum { O_PLATFORM, O_FORMAT, O_COMPRESSION, O_LEVEL, O_REFERRERS, O_PARALLEL, O_DRY_RUN, O_JSON, O_PLACE };
static const struct option options[] = {
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Of an index the image for this platform alone. Default: all that the store has under NAME.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "Media types of the manifests: oci or docker. Changes digests.", "oci docker" },
	[O_COMPRESSION] = { "compression", 0, OPT_VALUE, "KIND", "Compress all layers so: gzip, zstd or none. Changes digests.", "gzip zstd none" },
	[O_LEVEL] = { "compression-level", 0, OPT_VALUE, "N", "Effort of the compression: 1 to 12 for gzip, 1 to 19 for zstd, or best.", NULL },
	[O_REFERRERS] = { "referrers", 0, OPT_FLAG, NULL, "What refers to the image goes along: signatures, SBOMs, attestations.", NULL },
	[O_PARALLEL] = { "parallel", 0, OPT_VALUE, "N", "Transfers at once. Default: 4.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Ask the registry what it has, say what would be sent, send nothing.", NULL },
	[O_JSON] = { "json", 0, OPT_FLAG, NULL, "What was done as JSON (docs/schema/copy.schema.json).", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_PLACE + PLACE_COUNT] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static const char *target_of(struct arena *a, const char *name, const char *dest, struct error *err)
{
	struct reference ref;
	if (dest && !(dest = place_registry(dest, err)))
		return NULL;
	if (reference_parse(a, str_of(dest ? dest : name), &ref, err) < 0)
		return NULL;
	if (ref.digest.alg) {
		error_set(err, ERR_USAGE, "push: %s: name a tag to push to", dest ? dest : name);
		return NULL;
	}
	return arena_printf(a, "docker://%s", reference_text(a, &ref));
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct arena a = { 0 };
	struct copy_options o = { 0 };
	struct copy_result r;
	const struct copying c = { .platform = &opt[O_PLATFORM], .format = &opt[O_FORMAT], .compression = &opt[O_COMPRESSION], .level = &opt[O_LEVEL], .referrers = &opt[O_REFERRERS], .parallel = &opt[O_PARALLEL], .dry_run = &opt[O_DRY_RUN] };
	if (copying_options(&c, &o, &err) < 0 || place_options(opt + O_PLACE, &o.target, &err) < 0)
		return command_fail(&err);
	o.source = (struct repo_options){ .store = globals.store };
	o.all = !o.platform;
	double start = copying_now();
	const char *name = strncmp(args[0], "pare:", 5) == 0 ? args[0] + 5 : args[0];
	const char *from = arena_printf(&a, "pare:%s", name), *to = target_of(&a, name, n_args > 1 ? args[1] : NULL, &err);
	int status;
	if (!to || copy_image(from, to, &o, &a, &r, &err) < 0) {
		status = command_fail(&err);
	} else {
		double seconds = copying_now() - start;
		copying_told(&r, &o, seconds);
		if (opt[O_JSON].count)
			copying_json(stdout, from, to, &r, &o, seconds);
		else
			puts(DIGEST_STR(&r.digest));
		status = command_done(0);
	}
	arena_free(&a);
	return status;
}

const struct command command_push = {
	.name = "push",
	.summary = "an image of the store to a registry",
	.synopsis = "[OPTIONS] NAME [DEST]",
	.description = "Sends what the store has under NAME to the registry that NAME says, or to DEST: with its digest, all platforms that it has, and only the layers that the registry lacks. The tag "
		       "appears when all of it is there.\n\n"
		       "Standard output is the digest.",
	.options = options,
	.examples = "pare push registry.example/app:2 # to where its name says\n"
		    "pare push app:latest registry.example/team/app:2 # under another name\n"
		    "pare push --referrers registry.example/app:2 # with its signatures",
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
