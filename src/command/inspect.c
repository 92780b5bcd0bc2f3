#include "base/text.h"
#include "command/ci.h"
#include "command/command.h"
#include "command/place.h"
#include "explore/explore.h"
#include "report/html.h"
#include "report/subject.h"
#include "transport/repo.h"

enum { O_FORMAT, O_FILES, O_LAYER, O_PATH, O_TOP, O_PACKAGES, O_CI, O_CI_CONFIG, O_LOWEST, O_BYTES, O_PERCENT, O_INTERACTIVE, O_PLATFORM, O_NO_VERIFY, O_NO_CACHE, O_PLACE };

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), json, dive (dive's own JSON document), tsv (with --files or --packages), html (one self-contained page with a treemap).", "table json dive tsv html" },
	[O_FILES] = { "files", 0, OPT_FLAG, NULL, "List the final tree. As tsv: type, mode, uid, gid, size, layer, path [-> target], sorted bytewise by path.", NULL },
	[O_LAYER] = { "layer", 0, OPT_VALUE, "N", "Only layer N (0 is the lowest): what it added, changed and removed; with --files, the files of the final tree that it wrote.", NULL },
	[O_PATH] = { "path", 0, OPT_VALUE, "GLOB", "Only paths that match: * and ? stay inside a component, ** crosses them; without a slash the last component is matched.", NULL },
	[O_TOP] = { "top", 'n', OPT_VALUE, "N", "At most N rows of each list. Tables show 15 unless told; 0 is all.", NULL },
	[O_PACKAGES] = { "packages", 0, OPT_FLAG, NULL, "Bytes by package: what each one's files take in the final tree.", NULL },
	[O_CI] = { "ci", 0, OPT_FLAG, NULL, "Check dive's rules and end with status 1 when one fails.", NULL },
	[O_CI_CONFIG] = { "ci-config", 0, OPT_VALUE, "FILE", "Dive's configuration file with the rules. Default: .dive-ci in the working directory, when there is one.", NULL },
	[O_LOWEST] = { "lowestEfficiency", 0, OPT_VALUE, "RATIO", "Rule for --ci, over the file's: the efficiency may not be lower. \"disabled\" takes it out.", NULL },
	[O_BYTES] = { "highestWastedBytes", 0, OPT_VALUE, "SIZE", "Rule for --ci: no more bytes (20MB, 31KiB) may be wasted.", NULL },
	[O_PERCENT] = { "highestUserWastedPercent", 0, OPT_VALUE, "RATIO", "Rule for --ci: no larger part (0.1) of the layers above the first may be wasted.", NULL },
	[O_INTERACTIVE] = { "interactive", 'i', OPT_FLAG, NULL, "Explore the image full-screen, with dive's keys; ? lists them.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_VERIFY] = { "no-verify", 0, OPT_FLAG, NULL, "Compute no digests: of a plain archive only the headers are read. Nothing is taken on trust for later: such facts are not kept.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int number(const struct option_value *v, const char *name, u64 max, u64 *ret, struct error *err)
{
	if (v->value && (!str_to_u64(str_of(v->value), ret) || *ret > max))
		return error_set(err, ERR_USAGE, "--%s %.60s: no number from 0 to %llu", name, v->value, (unsigned long long)max);
	return 0;
}

static int gates(const struct option_value *opt, struct ci_rules *rules, struct error *err)
{
	static const int which[] = { O_LOWEST, O_BYTES, O_PERCENT };
	if (ci_load(opt[O_CI_CONFIG].value, rules, err) < 0)
		return -1;
	for (size_t i = 0; i < countof(which); i++)
		if (opt[which[i]].value && ci_set(rules, options[which[i]].name, opt[which[i]].value, err) < 0)
			return -1;
	return 0;
}

static int write_out(const struct option_value *opt, const struct subject *s, struct byte_range *range, struct error *err)
{
	const char *format = opt[O_FORMAT].value ? opt[O_FORMAT].value : "table";
	bool files = opt[O_FILES].count > 0, packages = opt[O_PACKAGES].count > 0;
	if (strcmp(format, "json") == 0)
		write_inspect_json(stdout, s, files ? range : NULL);
	else if (strcmp(format, "dive") == 0)
		write_inspect_dive(stdout, s);
	else if (strcmp(format, "html") == 0)
		return report_html(stdout, s->rootfs, s->packages, s->dive, &s->problems, err);
	else if (strcmp(format, "tsv") == 0)
		packages ? write_packages_tsv(stdout, s, range->top) : write_files_tsv(stdout, s, range);
	else if (packages)
		write_packages_table(stdout, s, range->top);
	else if (files)
		write_files_table(stdout, s, range);
	else if (range->layer >= 0)
		write_layer_table(stdout, s, (u32)range->layer, range);
	else
		write_inspect_table(stdout, s, range);
	return 0;
}

static int check_words(const struct option_value *opt, struct byte_range *range, struct error *err)
{
	const char *format = opt[O_FORMAT].value ? opt[O_FORMAT].value : "table";
	bool table = strcmp(format, "table") == 0;
	u64 layer = 0;
	range->top = table && !opt[O_FILES].count ? 15 : 0;
	range->path = opt[O_PATH].value;
	range->layer = -1;
	if (number(&opt[O_TOP], "top", UINT32_MAX, &range->top, err) < 0 || number(&opt[O_LAYER], "layer", OCI_LAYERS_MAX, &layer, err) < 0)
		return -1;
	if (opt[O_LAYER].value)
		range->layer = (s32)layer;
	if (strcmp(format, "tsv") == 0 && !opt[O_FILES].count && !opt[O_PACKAGES].count)
		return error_set(err, ERR_USAGE, "--format tsv: say --files or --packages");
	return 0;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct byte_range range = { 0 };
	struct ci_rules rules = { 0 };
	struct subject s;
	const char *format = opt[O_FORMAT].value ? opt[O_FORMAT].value : "table";
	bool json = strcmp(format, "json") == 0, html = strcmp(format, "html") == 0, tsv = strcmp(format, "tsv") == 0, explore = opt[O_INTERACTIVE].count > 0;
	if (check_words(opt, &range, &err) < 0 || (opt[O_CI].count && gates(opt, &rules, &err) < 0))
		return command_fail(&err);
	struct load_options load = { .platform = opt[O_PLATFORM].value, .headers_only = opt[O_NO_VERIFY].count > 0 || explore, /* who looks around does not wait for digests */ .no_cache = opt[O_NO_CACHE].count > 0, .need_content = explore, .store = globals.store };
	bool packages = opt[O_PACKAGES].count > 0 || html || explore || (json && opt[O_FILES].count);
	int parts = (packages ? SUBJECT_PACKAGES : 0) | (tsv && !opt[O_CI].count ? 0 : SUBJECT_DIVE);
	struct repo_options registry;
	if (place_load(opt + O_PLACE, &registry, &load, &err) < 0 || subject_open(args[0], &load, parts, &s, &err) < 0)
		return command_fail(&err);
	int status = 0;
	if (range.layer >= 0 && (u32)range.layer >= s.image->n_layers) {
		error_set(&err, ERR_USAGE, "--layer %d: the image has %u layers", range.layer, s.image->n_layers);
		status = command_fail(&err);
	} else if (explore) {
		if (explore_run(s.image, s.rootfs, s.packages, globals.color, &err) < 0)
			status = command_fail(&err);
	} else if (!(opt[O_CI].count && strcmp(format, "table") == 0) && write_out(opt, &s, &range, &err) < 0) {
		status = command_fail(&err);
	}
	if (status == 0 && opt[O_CI].count)
		status = ci_check(&rules, s.dive, strcmp(format, "table") == 0 ? stdout : NULL) ? 1 : 0;
	if (status < 2) {
		int incomplete = command_problems(&s.problems);
		status = command_done(incomplete ? incomplete : status);
	}
	subject_close(&s);
	return status;
}

const struct command command_inspect = {
	.name = "inspect",
	.summary = "layers, files and waste of an image, with gates for CI",
	.synopsis = "[OPTIONS] IMAGE",
	.description = "Reads the image once, verifies every digest, and shows its layers with the instruction that made each, their stored and compressed sizes, how many files they "
		       "added, changed and removed, and the exact waste: bytes that ship although the final tree does not show them, with the reason.\n\n"
		       "IMAGE is TRANSPORT:DETAIL (docker-archive:FILE[:REF|:@N], oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-daemon:REF, containers-storage:REF, rootfs:DIR), a file or "
		       "directory, which is recognised by its content, - for standard input, or a name that the Docker engine knows.\n\n"
		       "Dive's own figures stand beside the exact ones, equal to the last digit, and its gates read its own configuration file.",
	.options = options,
	.examples = "pare inspect app.tar # layers and waste\n"
		    "pare inspect -i app.tar # explore it full-screen\n"
		    "pare inspect --files --format tsv oci:build/image:v1 # the final tree, for programs\n"
		    "pare inspect --packages --top 20 docker-daemon:app:latest # the largest packages\n"
		    "pare inspect --ci --highestWastedBytes 20MB app.tar # a gate for CI\n"
		    "docker save app | pare inspect --format html - > app.html # a page with a treemap",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
