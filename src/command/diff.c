/* diff.c — `pare diff A B`. */
#include "command/command.h"
#include "command/place.h"
#include "report/diff.h"
#include "report/subject.h"
#include "transport/repo.h"

enum { O_FORMAT, O_STRICT, O_PATH, O_TOP, O_PLATFORM, O_EXIT_CODE, O_PLACE };

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "How to print the difference: table (the default) or json.", "table json" },
	[O_STRICT] = { "strict", 0, OPT_FLAG, NULL,
		       "Compare everything: modification times, the layer a file is in, hard links, layers, history, creation time, author, the order of variables and every "
		       "further key of the configuration. How layers are compressed is not part of an image and is never compared.",
		       NULL },
	[O_PATH] = { "path", 0, OPT_VALUE, "GLOB",
		     "Only files whose path matches; `*` does not cross a slash, `**` does, a pattern without a slash is matched against the last component. Configuration, "
		     "packages and layers are then left out.",
		     NULL },
	[O_TOP] = { "top", 0, OPT_VALUE, "N", "The N largest entries of each list; 0 for all. 10 for a table unless given, all for json.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH", "Which image of an index to compare; the host's unless given.", NULL },
	[O_EXIT_CODE] = { "exit-code", 0, OPT_FLAG, NULL, "Exit with status 1 when the images differ.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int compare(const struct subject *a, const struct subject *b, const struct option_value *opt, u32 top)
{
	bool strict = opt[O_STRICT].count, json = option_is(&opt[O_FORMAT], "json");
	struct problems problems = { 0 };
	problems_merge(&problems, &a->problems, "first image");
	problems_merge(&problems, &b->problems, "second image");
	struct image_diff *images = image_compare(a->image, b->image, strict);
	report_diff_hide(images);
	struct package_changes packages;
	packages_compare(a->packages, b->packages, &packages);
	struct diff_report d = {
		.a = a->rootfs,
		.b = b->rootfs,
		.packages_a = a->packages,
		.packages_b = b->packages,
		.images = images,
		.packages = &packages,
		.files = { .strict = strict, .path = str_of(opt[O_PATH].value) },
		.only_files = opt[O_PATH].count,
		.all = json && top == DIFF_TOP_MAX,
		.top = top,
		.color = globals.color,
		.problems = &problems,
	};
	diff_measure(&d, !json);
	if (json)
		report_diff_json(stdout, &d);
	else
		report_diff_table(stdout, &d);
	int status = problems.n ? command_problems(&problems) : opt[O_EXIT_CODE].count && !d.equal ? 1 : 0;
	diff_report_free(&d);
	package_changes_free(&packages);
	image_diff_free(images);
	problems_free(&problems);
	return command_done(status);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	u64 top = option_is(&opt[O_FORMAT], "json") ? DIFF_TOP_MAX : DIFF_TOP;
	if (opt[O_TOP].value && (!str_to_u64(str_of(opt[O_TOP].value), &top) || top > DIFF_TOP_MAX)) {
		error_set(&err, ERR_USAGE, "--top %s: not a number from 0 to %d", opt[O_TOP].value, DIFF_TOP_MAX);
		return command_fail(&err);
	}
	top = top ? top : DIFF_TOP_MAX;
	struct load_options load = { .platform = opt[O_PLATFORM].value, .store = globals.store };
	struct subject a, b;
	struct repo_options registry;
	if (place_load(opt + O_PLACE, &registry, &load, &err) < 0 || subject_open(args[0], &load, SUBJECT_PACKAGES, &a, &err) < 0)
		return command_fail(&err);
	int status;
	if (subject_open(args[1], &load, SUBJECT_PACKAGES, &b, &err) < 0) {
		status = command_fail(&err);
	} else {
		status = compare(&a, &b, opt, (u32)top);
		subject_close(&b);
	}
	subject_close(&a);
	return status;
}

const struct command command_diff = {
	.name = "diff",
	.summary = "what changed between two images",
	.synopsis = "A B",
	.description = "Compares two images as a running program would find them: files (content, mode, owner, type, link target, extended attributes), bytes by package and directory, "
		       "packages, configuration. Times, the order of entries and where one layer ends and the next begins do not count; with --strict they do.\n"
		       "\n"
		       "The largest changes come first. A directory that was added or removed as a whole is one line. Bytes count each inode once, so that sums are exact when files have several names.\n"
		       "\n"
		       "When a part of either image cannot be read, the rest is compared, what is missing is listed, and the status is 3.",
	.options = options,
	.examples = "pare diff app:1.0 app:1.1 # what the new release changes\n"
		    "pare diff docker-archive:old.tar docker-archive:new.tar --format json # for programs\n"
		    "pare diff --path '/etc/**' --exit-code A B # fail when the configuration files differ\n"
		    "pare diff --strict --exit-code A B # are two builds the same to the last byte?\n",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
