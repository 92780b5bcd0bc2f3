#include "base/file.h"
#include "command/command.h"
#include "command/place.h"
#include "report/sbom.h"
#include "transport/repo.h"

enum { O_FORMAT, O_ALL, O_FILES, O_TYPE, O_OUTPUT, O_PLATFORM, O_NO_CACHE, O_PLACE };

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (for people, the default), json (all that is known), cyclonedx (CycloneDX 1.6, JSON), spdx (SPDX 2.3, JSON), spdx-tv (SPDX 2.3, tag-value), purl (a package URL a line).", "table json cyclonedx spdx spdx-tv purl" },
	[O_ALL] = { "all", 'a', OPT_FLAG, NULL, "Count packages of languages, too, whose files a package of the system owns, such as python3-yaml's PyYAML: otherwise each is told of once, as the package that the distribution maintains.", NULL },
	[O_FILES] = { "files", 0, OPT_FLAG, NULL, "Every file with the package that owns it, too.", NULL },
	[O_TYPE] = { "type", 't', OPT_LIST, "TYPE[,TYPE…]", "Only packages of these types, as package URLs name them: deb, apk, rpm, alpm, npm, pypi, gem, maven, golang, cargo, composer, nuget, conda, generic …", NULL },
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "FILE", "Write to FILE, which appears whole or not at all.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static const struct sbom_writer *writer_of(const char *format)
{
	for (u32 i = 0; sbom_writers[i]; i++)
		if (strcmp(sbom_writers[i]->name, format) == 0)
			return sbom_writers[i];
	return NULL;
}

struct output {
	const struct sbom_writer *writer;
	const struct subject *subject;
	const struct sbom_options *options;
};

static void write_sbom(FILE *f, void *ctx)
{
	const struct output *o = ctx;
	o->writer->write(f, o->subject, o->options);
}

static void keep_types(const struct option_value *opt, struct packages *p)
{
	if (!opt->count)
		return;
	const char **types = NULL;
	u32 n = 0, cap = 0;
	struct arena a = { 0 };
	for (u32 i = 0; i < opt->count; i++)
		for (struct str rest = str_of(opt->list[i]); rest.p;)
			VEC_PUSH(types, n, cap, arena_strdup(&a, str_trim(str_cut(&rest, ','))));
	VEC_PUSH(types, n, cap, NULL);
	packages_keep(p, types);
	free(types);
	arena_free(&a);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct subject s;
	struct load_options load = { .platform = opt[O_PLATFORM].value, .no_cache = opt[O_NO_CACHE].count > 0, .store = globals.store };
	struct sbom_options o = { .files = opt[O_FILES].count > 0 };
	const struct sbom_writer *w = writer_of(opt[O_FORMAT].value ? opt[O_FORMAT].value : "table");
	if (o.files && w->no_files) {
		error_set(&err, ERR_USAGE, "--files: --format %s has no place for files; json, cyclonedx and spdx have", w->name);
		return command_fail(&err);
	}
	load.need_content = o.files && strncmp(w->name, "spdx", 4) == 0;
	struct repo_options registry;
	if (place_load(opt + O_PLACE, &registry, &load, &err) < 0 || subject_open(args[0], &load, SUBJECT_INSIDE | (opt[O_ALL].count ? SUBJECT_COUNT_ALL : 0), &s, &err) < 0)
		return command_fail(&err);
	command_unverified(&s.image->unverified);
	keep_types(&opt[O_TYPE], s.packages);
	int status = 0;
	if (!opt[O_OUTPUT].value)
		w->write(stdout, &s, &o);
	else if (outfile_write(opt[O_OUTPUT].value, write_sbom, &(struct output){ w, &s, &o }, &err) < 0)
		status = command_fail(&err);
	if (status == 0)
		status = command_done(command_problems(&s.problems));
	subject_close(&s);
	return status;
}

const struct command command_sbom = {
	.name = "sbom",
	.summary = "what is inside an image: its bill of materials",
	.synopsis = "[OPTIONS] IMAGE|DIR|SBOM",
	.description = "Lists every package of the final tree, with its version, licences, the layer that brought it, the bytes it takes and the file that tells of it: what the system's package managers "
		       "installed (dpkg, apk, rpm, pacman), what languages' package managers did, and programs of which only the bytes tell.\n\n"
		       "A package of a language whose files a package of the system owns is not counted again, unless --all asks for it. Lock files and manifests of what is not installed count for "
		       "nothing.\n\n"
		       "The same image gives the same bytes: there is no clock and no random number in a bill of materials. What could not be read is said, and the exit status is 3.\n\n"
		       "IMAGE is TRANSPORT:DETAIL (docker-archive:FILE[:REF|:@N], oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-daemon:REF, containers-storage:REF, rootfs:DIR), a file or "
		       "directory, which is recognised by its content (a plain directory is a root file system), - for standard input, or a name that the Docker engine knows. A bill of materials instead (a file, - or sbom:FILE) is read back: "
		       "CycloneDX 1.2 to 1.6 in JSON and XML, SPDX 2.2 to 2.3 in JSON and as tag-value, Syft's JSON, our own; so that one format becomes another, and what pare wrote loses nothing on the way. "
		       "Such documents inside of an image (Bitnami's, Wolfi's, those of Python wheels) tell of packages, too.",
	.options = options,
	.examples = "pare sbom app.tar # for people\n"
		    "pare sbom -f json -o app.json docker-daemon:app:latest # for programs\n"
		    "pare sbom -f cyclonedx app.tar | pare sbom -f spdx - # one format from another\n"
		    "pare sbom -f purl -t npm,pypi app.tar # the packages of two languages, a line each\n"
		    "pare sbom --files -f json rootfs:/srv/root # which file belongs to whom",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
