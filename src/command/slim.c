#include "base/file.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "layer/deflate.h"
#include "report/subject.h"
#include "run/probe.h"
#include "slim/slim.h"
#include <unistd.h>

enum { O_OUTPUT, O_FORMAT, O_COMPRESSION, O_LEVEL_OF, O_DROP, O_KEEP_LOCALES, O_KEEP, O_KEEP_BASE, O_DRY_RUN, O_REPORT, O_LEVEL, O_HTTP, O_EXEC, O_NO_RUN, O_EXPLAIN, O_PLATFORM, O_NO_CACHE, O_PLACE };

static const struct option options[] = {
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "OUT", "Where the result goes: docker-archive:FILE[:REF], oci-archive:FILE[:TAG], oci:DIR[:TAG], docker://REF (a registry), pare:REF (our store), docker-daemon:REF, or a path (a docker-archive when it ends in .tar, else see --format). Without a name of its own it gets the original's.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "What to write when OUT is a path: docker-archive, oci-archive or oci.", "docker-archive oci-archive oci" },
	[O_COMPRESSION] = { "compression", 0, OPT_VALUE, "KIND", "Compression of all layers of an OCI result: gzip, zstd or none. Without it layers that are kept stay as they are stored, and rewritten ones get what they had (gzip when that was none, in an archive of plain layers). A docker-archive's layers are always plain.", "gzip zstd none" },
	[O_LEVEL_OF] = { "compression-level", 0, OPT_VALUE, "N", "Effort of the compression: 1 to 12 for gzip, 1 to 19 for zstd. Default: 6.", NULL },
	[O_DROP] = { "drop", 0, OPT_LIST, "WHAT", "Also drop docs (usr/share/doc but for copyright files, info, gtk-doc), man (manual pages), locales (translations of programs); separated by commas.", NULL },
	[O_KEEP_LOCALES] = { "keep-locales", 0, OPT_VALUE, "LIST", "With --drop locales: languages to keep, \"de,pt_BR\". \"de\" keeps de_AT, too.", NULL },
	[O_KEEP] = { "keep", 0, OPT_LIST, "GLOB", "Keep what matches, and all below it: * and ? stay inside a component, ** crosses them; without a slash the last component is matched.", NULL },
	[O_KEEP_BASE] = { "keep-base", 0, OPT_FLAG, NULL, "Leave the layers of the base image as they are, so that they stay shared with other images of that base.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Show what would go and what that saves; write no image.", NULL },
	[O_REPORT] = { "report", 0, OPT_VALUE, "FILE", "Write everything that went, what was kept and why, and the verification to FILE, as JSON.", NULL },
	[O_LEVEL] = { "level", 0, OPT_VALUE, "LEVEL", "How far to go. safe: only what cannot be part of the program. package (the default): whole packages and directories that nothing needs, and documentation. file: every file that nothing needs.", "safe package file" },
	[O_HTTP] = { "http-probe", 0, OPT_LIST, "REQUEST", "A request that the program must answer, while it is watched, and afterwards as before: PATH, or METHOD PATH, then header fields, an empty line and the body, each on a line of its own. Without effect at --level safe.", NULL },
	[O_EXEC] = { "exec", 0, OPT_LIST, "COMMAND", "A command that must work in the image, split into words as a shell does: in the running container of a service, else in one of its own. Without effect at --level safe.", NULL },
	[O_NO_RUN] = { "no-run", 0, OPT_FLAG, NULL, "Go by what is known of programs alone, and run nothing: neither to see what the program uses nor to prove that the result works.", NULL },
	[O_EXPLAIN] = { "explain", 0, OPT_LIST, "PATH", "Say why this file stays or goes, from file to file up to the configuration; writes no image.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Choose from an image for several platforms. Default: this machine's.", NULL },
	[O_NO_CACHE] = { "no-cache", 0, OPT_FLAG, NULL, "Read every layer, and keep nothing in the store.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static int parse_drop(const struct option_value *v, struct litter_options *l, struct error *err)
{
	for (u32 i = 0; i < v->count; i++) {
		for (struct str rest = str_of(v->list[i]); rest.p;) {
			struct str what = str_trim(str_cut(&rest, ','));
			if (str_is(what, "docs"))
				l->docs = true;
			else if (str_is(what, "man"))
				l->man = true;
			else if (str_is(what, "locales"))
				l->locales = true;
			else
				return error_set(err, ERR_USAGE, "--drop %.*s: choose from docs, man, locales", STR_FMT(str_head(what, 60)));
		}
	}
	return 0;
}

static int parse_target(const struct option_value *opt, struct slim_target *t, struct error *err)
{
	const char *kind = opt[O_COMPRESSION].value;
	u64 level = 0;
	*t = (struct slim_target){ .location = opt[O_OUTPUT].value, .format = opt[O_FORMAT].value, .forced = kind != NULL };
	if (place_options(opt + O_PLACE, &t->repo, err) < 0)
		return -1;
	if (!t->location && !opt[O_DRY_RUN].count && !opt[O_EXPLAIN].count)
		return error_set(err, ERR_USAGE, "slim: where to? Say -o OUT, or --dry-run");
	t->compression = kind && strcmp(kind, "zstd") == 0 ? COMP_ZSTD : kind && strcmp(kind, "none") == 0 ? COMP_NONE : COMP_GZIP;
	if (!opt[O_LEVEL_OF].value)
		return 0;
	if (!str_to_u64(str_of(opt[O_LEVEL_OF].value), &level) || level < 1 || level > 100 || !deflate_can(t->compression, (int)level))
		return error_set(err, ERR_USAGE, "--compression-level %.60s: no level of %s", opt[O_LEVEL_OF].value, compression_name(t->compression));
	t->level = (int)level;
	return 0;
}

static int parse(const struct option_value *opt, struct slim_options *o, struct slim_target *t, struct error *err)
{
	*o = (struct slim_options){ .keep_base = opt[O_KEEP_BASE].count > 0 };
	o->choose.level = option_is(&opt[O_LEVEL], "safe") ? SLIM_SAFE : option_is(&opt[O_LEVEL], "file") ? SLIM_FILE : SLIM_PACKAGE;
	o->litter.keep = opt[O_KEEP].list;
	o->litter.n_keep = opt[O_KEEP].count;
	o->litter.keep_locales = opt[O_KEEP_LOCALES].value;
	if (parse_drop(&opt[O_DROP], &o->litter, err) < 0)
		return -1;
	if (opt[O_KEEP_LOCALES].value && !o->litter.locales)
		return error_set(err, ERR_USAGE, "--keep-locales: means something with --drop locales only");
	return parse_target(opt, t, err);
}

struct told {
	const struct slim *slim;
	const char *location, *written;
};

static void write_report(FILE *f, void *ctx)
{
	const struct told *t = ctx;
	slim_json(f, t->slim, t->location, t->written);
}

/* Status 1: something is different afterwards. One line each, and why. */
static int failed(const struct slim *s)
{
	struct error e = { 0 };
	for (u32 i = 0; i < s->n_checks; i++) {
		const struct slim_check *c = &s->checks[i];
		if (c->pass)
			continue;
		error_set(&e, ERR_INPUT, "slim: verification: %s: before %s, after %s%s%s; nothing was written", c->name, c->before, c->after, s->proof.first[0] ? ": " : "", s->proof.first);
		command_fail(&e);
	}
	return 1;
}

static int finish(struct slim *s, const struct option_value *opt, const char *image, const struct slim_target *to, struct error *err)
{
	const char *written = opt[O_DRY_RUN].count ? NULL : to->location;
	int r = written ? slim_write(s, to, err) : 0;
	if (r < 0)
		return command_fail(err);
	if (opt[O_REPORT].value && outfile_write(opt[O_REPORT].value, write_report, &(struct told){ s, image, r ? NULL : written }, err) < 0)
		return command_fail(err);
	if (r)
		return failed(s);
	slim_table(stdout, s, image, written);
	return command_done(0);
}

/* What a run by hand would type: --exec, as words. */
static int parse_commands(const struct option_value *v, struct arena *a, struct choose_options *o, struct error *err)
{
	const char *const **words = arena_array(a, const char *const *, v->count + 1);
	for (u32 i = 0; i < v->count; i++) {
		struct probe p;
		if (probe_exec(a, v->list[i], &p, err) < 0)
			return error_wrap(err, "--exec");
		words[i] = p.argv;
	}
	o->commands = words;
	o->n_commands = v->count;
	return 0;
}

static int explain(const struct slim *s, const struct option_value *v)
{
	for (u32 i = 0; i < v->count; i++)
		slim_explain(stdout, s, v->list[i]);
	return command_done(0);
}

static int slim(const char *image, const struct option_value *opt, const struct load_options *load, const struct slim_options *o, struct slim_target *to, struct error *err)
{
	struct problems problems = { 0 };
	struct slim s;
	int status, r = slim_open(image, load, o, &s, &problems, err);
	if (r > 0) {
		status = command_problems(&problems);
		error_set(err, ERR_INPUT, "slim: %s: is not whole: nothing was written", image);
		command_fail(err);
	} else if (r < 0) {
		status = command_fail(err);
	} else {
		r = slim_decide(&s, NULL, err);
		status = r < 0 ? command_fail(err) : opt[O_EXPLAIN].count ? explain(&s, &opt[O_EXPLAIN]) : finish(&s, opt, image, to, err);
		slim_close(&s);
	}
	problems_free(&problems);
	return status;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct slim_options o;
	struct slim_target to;
	int status;
	if (parse(opt, &o, &to, &err) < 0 || parse_commands(&opt[O_EXEC], &a, &o.choose, &err) < 0) {
		status = command_fail(&err);
	} else {
		if (o.choose.level == SLIM_SAFE && (opt[O_HTTP].count || opt[O_EXEC].count))
			command_note("slim: note: probes have no effect at --level safe: nothing that they could exercise is taken out");
		const struct collector *const *needs = NULL;
		for (const struct collector *const *const *set = slim_sets; *set; set++)
			needs = *set;
		to.collectors = o.choose.level == SLIM_SAFE ? package_collectors : needs;
		struct load_options load = { .platform = opt[O_PLATFORM].value, .collectors = to.collectors, .sets = o.choose.level == SLIM_SAFE ? NULL : slim_sets, .need_content = true, .no_cache = opt[O_NO_CACHE].count > 0,
			.store = globals.store, .registry = &to.repo };
		status = slim(args[0], opt, &load, &o, &to, &err);
	}
	arena_free(&a);
	return status;
}

const struct command command_slim = {
	.name = "slim",
	.summary = "the same program in a smaller image, verified",
	.synopsis = "[OPTIONS] IMAGE -o OUT",
	.description = "Writes the image without what is provably no part of its program: bytes that the final tree does not show (overwritten, deleted or hidden by a later layer); lists and caches "
		       "of package managers (apt, apk, dnf, yum, zypper, pacman; pip, uv, poetry, npm, yarn, pnpm, gem, bundler, composer, cargo, go, conda); logs; temporary files; byte code "
		       "whose source is gone. Documentation, manual pages and translations only with --drop.\n\n"
		       "What the configuration names (Entrypoint, Cmd, Healthcheck, Env, WorkingDir, volumes), what its start script names, what a package owns and what a symbolic link leads to stays. "
		       "So do directories and empty files.\n\n"
		       "Layers with nothing to save are kept byte for byte, so that they stay shared; rewritten ones keep the bytes of every entry that stays, and with them owners, modes, times, hard links, "
		       "extended attributes and capabilities. The result is never larger: a layer that does not get smaller stays as it was.\n\n"
		       "Before anything is written the plan is proven on the facts of the image; what was written is read back and compared with the original, name by name, before it appears in its place. "
		       "A difference ends with status 1, an image that cannot be read whole with status 3, and nothing is written. The same input gives the same bytes.",
	.options = options,
	.examples = "pare slim app.tar -o small.tar # a docker-archive for docker load\n"
		    "pare slim --dry-run app.tar # what would go\n"
		    "pare slim docker-daemon:app:latest -o oci:out:small --compression zstd # an OCI layout\n"
		    "pare slim docker://quay.io/app/web:1 -o docker://quay.io/app/web:1-slim # from a registry, and back\n"
		    "pare slim --keep-base --drop docs,man app.tar -o small.tar # leave the shared layers, drop documentation\n"
		    "pare slim --report slim.json app.tar -o oci-archive:small.tar # with everything that went, as JSON",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
