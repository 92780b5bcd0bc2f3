#include "command/command.h"
#include "command/place.h"
#include "report/history.h"
#include "transport/repo.h"
#include <time.h>

enum { O_NO_TRUNC, O_FORMAT, O_PLATFORM, O_NO_CACHE, O_PLACE };
static const struct option options[] = {
	[O_NO_TRUNC] = { "no-trunc", 0, OPT_FLAG, NULL, "Whole instructions, comments and diff IDs.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: docs/schema/history describes it.", "table json" },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct subject s;
	struct load_options load = { .platform = opt[O_PLATFORM].value, .no_cache = opt[O_NO_CACHE].count > 0, .store = globals.store };
	struct repo_options registry;
	if (place_load(opt + O_PLACE, &registry, &load, &err) < 0 || subject_open(args[0], &load, 0, &s, &err) < 0)
		return command_fail(&err);
	if (option_is(&opt[O_FORMAT], "json"))
		history_json(stdout, &s);
	else
		history_table(stdout, s.rootfs, opt[O_NO_TRUNC].count > 0, (s64)time(NULL));
	int status = command_done(command_problems(&s.problems));
	subject_close(&s);
	return status;
}

const struct command command_history = {
	.name = "history",
	.summary = "how an image came about: each step with what it added and took away",
	.synopsis = "[OPTIONS] IMAGE",
	.description = "Shows the steps that made the image, the newest first, as docker history does, but with facts beside what the image says of itself: each layer is read, its digests are "
		       "verified, and ADDED and REMOVED are the bytes of files that it put into the tree and took out of it. Instructions are shown as somebody wrote them, without the shell around them.\n\n"
		       "IMAGE is any location that the other commands take: an archive, an OCI layout, an engine's image, one of the store.",
	.options = options,
	.examples = "pare history alpine:3.20 # of an image in the store, or an engine's\n"
		    "pare history --no-trunc app.tar # with whole instructions and diff IDs\n"
		    "pare history --format json oci:build/image:v1 # for programs",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
