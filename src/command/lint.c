#include "command/lint.h"
#include "base/file.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "command/lint_run.h"
#include "report/lint_rules.h"
#include "rule/config.h"
#include <time.h>
#include <unistd.h>

enum {
	O_FORMAT, O_CONFIG, O_FIX, O_DIFF, O_IGNORE, O_ERROR, O_WARNING, O_INFO, O_STYLE, O_THRESHOLD, O_NO_FAIL, O_NO_PRAGMA, O_NO_IGNORE, O_TRUSTED, O_LABEL, O_STRICT, O_PATH,
	O_CODES, O_RULESET, O_BASELINE, O_UPDATE, O_BUILD_ARG, O_TARGET, O_CONTEXT, O_IMAGE, O_FAIL_OVER, O_NOW, O_EXPLAIN, O_LIST, O_LSP, O_JOBS, O_VERBOSE, O_VERSION, O_PLACE,
};

static const struct option options[] = {
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), json (everything that is known), hadolint's tty, gnu, checkstyle, codeclimate, gitlab_codeclimate, codacy, sonarqube, sarif "
		"and junit, buildkit (what `docker build --call=check,format=json` prints), github (annotations), markdown.",
		"table json tty gnu checkstyle codeclimate gitlab_codeclimate codacy sonarqube sarif junit buildkit github markdown" },
	[O_CONFIG] = { "config", 'c', OPT_VALUE, "FILE", "Configuration file. Default: the first of .pare.yaml and .hadolint.yaml here, pare.yaml and hadolint.yaml in $XDG_CONFIG_HOME, "
		"~/.hadolint/hadolint.yaml, ~/.hadolint/config.yaml, ~/.hadolint.yaml (or .yml).", NULL },
	[O_FIX] = { "fix", 0, OPT_OPTIONAL, "KIND", "Rewrite the files: safe (the default) makes the changes that keep the meaning, suggested also those that want a person's eye. Each result is read "
		"again and compared before it is written. What is left is reported; of standard input the repaired text is printed instead.", "safe suggested" },
	[O_DIFF] = { "diff", 0, OPT_FLAG, NULL, "Print what --fix would change, and write nothing. Ends with 1 when that is anything.", NULL },
	[O_IGNORE] = { "ignore", 0, OPT_LIST, "RULE", "Leave a rule out, by any of its names: ours, hadolint's, BuildKit's, or another tool's.", NULL },
	[O_ERROR] = { "error", 0, OPT_LIST, "RULE", "Make a rule an error. A rule that is off is thereby on.", NULL },
	[O_WARNING] = { "warning", 0, OPT_LIST, "RULE", "Make it a warning.", NULL },
	[O_INFO] = { "info", 0, OPT_LIST, "RULE", "Make it an information.", NULL },
	[O_STYLE] = { "style", 0, OPT_LIST, "RULE", "Make it a matter of style.", NULL },
	[O_THRESHOLD] = { "failure-threshold", 't', OPT_VALUE, "LEVEL", "End with status 1 when a finding is at least that bad: error, warning, info (the default), style, ignore or none (any finding).",
		"error warning info style ignore none" },
	[O_NO_FAIL] = { "no-fail", 0, OPT_FLAG, NULL, "Findings don't end the run with status 1. What could not be read or parsed still ends it with 3.", NULL },
	[O_NO_PRAGMA] = { "disable-ignore-pragma", 0, OPT_FLAG, NULL, "Comments in the file switch no rule off.", NULL },
	[O_NO_IGNORE] = { "no-ignore", 0, OPT_FLAG, NULL, "The same.", NULL },
	[O_TRUSTED] = { "trusted-registry", 0, OPT_LIST, "REGISTRY", "Images may come from this registry, and from none that is not named so (DL3026).", NULL },
	[O_LABEL] = { "require-label", 0, OPT_LIST, "LABEL:TYPE", "The image must have the label, and its value be a text, url, semver, hash, rfc3339 time, spdx licence or email.", NULL },
	[O_STRICT] = { "strict-labels", 0, OPT_FLAG, NULL, "No labels but those that are required.", NULL },
	[O_PATH] = { "file-path-in-report", 0, OPT_VALUE, "PATH", "The name that checkstyle, codeclimate, sonarqube and junit reports give the file.", NULL },
	[O_CODES] = { "codes", 0, OPT_VALUE, "SET", "all (the default): every rule, with what the stages of the file make known. hadolint, buildkit: that tool's rules alone, judged as it does.", "all hadolint buildkit" },
	[O_RULESET] = { "ruleset", 0, OPT_VALUE, "VERSION", "Only the rules that this rule set has, like 2026.1: an upgrade then brings no new ones.", NULL },
	[O_BASELINE] = { "baseline", 0, OPT_VALUE, "FILE", "Show only what is not in FILE: findings survive there when lines move.", NULL },
	[O_UPDATE] = { "update-baseline", 0, OPT_FLAG, NULL, "Write the findings of this run to the file of --baseline, and end with 0.", NULL },
	[O_BUILD_ARG] = { "build-arg", 0, OPT_LIST, "NAME=VALUE", "As `docker build` would have it. BUILDKIT_DOCKERFILE_CHECK replaces the file's # check= line.", NULL },
	[O_TARGET] = { "target", 0, OPT_VALUE, "STAGE", "The stage that ships. Default: the last.", NULL },
	[O_CONTEXT] = { "context", 0, OPT_VALUE, "DIR", "The build context: where COPY takes files from, and .dockerignore is. Default: the directory of a file that is called Dockerfile or Containerfile.", NULL },
	[O_IMAGE] = { "image", 0, OPT_VALUE, "IMAGE", "The image that the file was built into, named as for inspect: findings get the bytes that were measured in their instruction's layer, and the most expensive come first.", NULL },
	[O_FAIL_OVER] = { "fail-over", 0, OPT_VALUE, "SIZE", "End with status 1 when the findings cost more bytes than that together: 20MB, 31KiB.", NULL },
	[O_NOW] = { "now", 0, OPT_VALUE, "DATE", "The day that base images must be supported on, as 2026-01-31. Default: $SOURCE_DATE_EPOCH, else today.", NULL },
	[O_EXPLAIN] = { "explain", 0, OPT_VALUE, "RULE", "Say what a rule finds and why, with an example, and what other tools call it.", NULL },
	[O_LIST] = { "list-rules", 0, OPT_FLAG, NULL, "List the rules; with --format json as a document.", NULL },
	[O_LSP] = { "lsp", 0, OPT_FLAG, NULL, "Serve an editor: the Language Server Protocol on standard input and output.", NULL },
	[O_JOBS] = { "jobs", 'j', OPT_VALUE, "N", "Files at a time. Default: as many as there are processors.", NULL },
	[O_VERBOSE] = { "verbose", 'V', OPT_FLAG, NULL, "Say on standard error which configuration is used.", NULL },
	[O_VERSION] = { "version", 'v', OPT_FLAG, NULL, "Print the version and end.", NULL },
	PLACE_OPTIONS(O_PLACE),
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* --- configuration --- */
static int read_config(const struct option_value *opt, const char *file, struct config *c, struct error *err)
{
	static const struct {
		int option;
		enum level level;
	} lists[] = { { O_ERROR, LEVEL_ERROR }, { O_WARNING, LEVEL_WARNING }, { O_INFO, LEVEL_INFO }, { O_STYLE, LEVEL_STYLE } };
	static const struct {
		int option;
		enum config_text text;
	} words[] = { { O_FORMAT, CONFIG_FORMAT }, { O_CODES, CONFIG_CODES }, { O_RULESET, CONFIG_RULESET }, { O_BASELINE, CONFIG_BASELINE }, { O_FAIL_OVER, CONFIG_FAIL_OVER }, { O_TARGET, CONFIG_TARGET } };
	if (config_load(file, c, err) < 0)
		return -1;
	config_environment(c);
	for (size_t i = 0; i < countof(lists); i++)
		for (u32 k = 0; k < opt[lists[i].option].count; k++)
			config_list_add(c, &c->level[lists[i].level], str_of(opt[lists[i].option].list[k]));
	for (u32 k = 0; k < opt[O_IGNORE].count; k++)
		config_list_add(c, &c->ignored, str_of(opt[O_IGNORE].list[k]));
	for (u32 k = 0; k < opt[O_TRUSTED].count; k++)
		config_list_add(c, &c->trusted, str_of(opt[O_TRUSTED].list[k]));
	for (u32 k = 0; k < opt[O_BUILD_ARG].count; k++)
		config_list_add(c, &c->build_args, str_of(opt[O_BUILD_ARG].list[k]));
	for (u32 k = 0; k < opt[O_LABEL].count; k++)
		if (config_add_label(c, opt[O_LABEL].list[k], err) < 0)
			return error_wrap(err, "--require-label");
	for (size_t i = 0; i < countof(words); i++)
		if (opt[words[i].option].value)
			c->text[words[i].text] = opt[words[i].option].value;
	if (opt[O_THRESHOLD].value && !level_parse(str_of(opt[O_THRESHOLD].value), &c->threshold))
		return error_set(err, ERR_USAGE, "--failure-threshold: no level");
	c->on[CONFIG_NO_FAIL] |= opt[O_NO_FAIL].count > 0;
	c->on[CONFIG_STRICT_LABELS] |= opt[O_STRICT].count > 0;
	c->on[CONFIG_NO_IGNORE] |= opt[O_NO_PRAGMA].count + opt[O_NO_IGNORE].count > 0;
	c->on[CONFIG_VERBOSE] |= opt[O_VERBOSE].count > 0;
	return 0;
}

/* --- levels by rule --- */
struct levels {
	struct {
		const struct rule *rule;
		enum level level;
	} *v; /* only of rules that the configuration speaks of */
	u32 n, cap;
};

static void set_level(struct levels *l, const struct config *c, struct str name, enum level level)
{
	if (!lint_rule_find(name)) {
		bool code = name.n == 6 && (str_starts(name, STR("DL")) || str_starts(name, STR("SC")));
		if (!code)
			command_note("%s%sno rule is called %.*s", c->file ? c->file : "", c->file ? ": " : "", STR_FMT(str_head(name, 100)));
		return;
	}
	for (const struct lint_rule *r = NULL; (r = lint_rule_named(name, r));) {
		u32 i = 0;
		while (i < l->n && l->v[i].rule != &r->meta)
			i++;
		if (i == l->n)
			VEC_PUSH(l->v, l->n, l->cap, ((typeof(*l->v)){ &r->meta, level }));
		l->v[i].level = level;
	}
}

static void read_levels(struct levels *l, const struct config *c)
{
	for (enum level level = LEVEL_STYLE; level <= LEVEL_ERROR; level++)
		for (u32 i = 0; i < c->level[level].n; i++)
			set_level(l, c, c->level[level].v[i], level);
	for (u32 i = 0; i < c->level[LEVEL_IGNORE].n; i++)
		set_level(l, c, c->level[LEVEL_IGNORE].v[i], LEVEL_IGNORE);
	for (u32 i = 0; i < c->ignored.n; i++)
		set_level(l, c, c->ignored.v[i], LEVEL_IGNORE);
}

static enum level level_of(void *ctx, const struct rule *r)
{
	const struct levels *l = ctx;
	for (u32 i = 0; i < l->n; i++)
		if (l->v[i].rule == r)
			return l->v[i].level;
	return r->level;
}

/* --- the run --- */
struct job {
	struct config config;
	struct levels levels;
	struct lint_label *labels;
	struct lint_report report;
	struct lint_run run;
	struct baseline known, update;
	const char *image; /* --image */
	struct subject *subject;
};

static bool ruleset_known(const char *version)
{
	for (u32 i = 0; i < lint_rule_count(); i++)
		if (strcmp(lint_rule_at(i)->meta.since, version) == 0)
			return true;
	return false;
}

/* "2026-01-31" as seconds since 1970. */
static bool read_date(struct str s, s64 *ret)
{
	u64 y, m, d;
	struct str rest = s;
	if (s.n != 10 || !str_to_u64(str_cut(&rest, '-'), &y) || !str_to_u64(str_cut(&rest, '-'), &m) || !str_to_u64(rest, &d) || m < 1 || m > 12 || d < 1 || d > 31 || y < 1970)
		return false;
	struct tm tm = { .tm_year = (int)y - 1900, .tm_mon = (int)m - 1, .tm_mday = (int)d };
	*ret = (s64)timegm(&tm);
	return true;
}

static int read_now(struct lint_options *o, const char *date, struct error *err)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	u64 seconds;
	if (date && !read_date(str_of(date), &o->now))
		return error_set(err, ERR_USAGE, "--now %.40s: no date like 2026-01-31", date);
	if (!date && epoch && *epoch) {
		if (!str_to_u64(str_of(epoch), &seconds) || seconds > (u64)1 << 40)
			return error_set(err, ERR_USAGE, "SOURCE_DATE_EPOCH: %.40s: no number of seconds", epoch);
		o->now = (s64)seconds;
	}
	return 0;
}

static int read_options(struct job *j, const struct option_value *opt, struct error *err)
{
	static const char *const codes[] = { "all", "hadolint", "buildkit" };
	struct config *c = &j->config;
	struct lint_options *o = &j->run.opt;
	const char *format = c->text[CONFIG_FORMAT] ? c->text[CONFIG_FORMAT] : "table", *code = c->text[CONFIG_CODES], *over = c->text[CONFIG_FAIL_OVER];
	u32 which = 0;
	while (code && which < countof(codes) && strcmp(code, codes[which]) != 0)
		which++;
	if (which == countof(codes))
		return error_set(err, ERR_USAGE, "codes: %.60s: one of: all hadolint buildkit", code);
	j->labels = xcalloc(c->n_labels + 1, sizeof *j->labels);
	for (u32 i = 0; i < c->n_labels; i++)
		j->labels[i] = (struct lint_label){ c->labels[i].name, c->labels[i].type };
	read_levels(&j->levels, c);
	*o = (struct lint_options){ .codes = (enum lint_codes)which, .trusted = c->trusted.v, .n_trusted = c->trusted.n, .labels = j->labels, .n_labels = c->n_labels,
		.strict_labels = c->on[CONFIG_STRICT_LABELS], .no_ignore_pragma = c->on[CONFIG_NO_IGNORE], .build_args = c->build_args.v, .n_build_args = c->build_args.n,
		.target = str_of(c->text[CONFIG_TARGET]), .ruleset = c->text[CONFIG_RULESET], .level = level_of, .level_ctx = &j->levels };
	if (o->ruleset && !ruleset_known(o->ruleset))
		return error_set(err, ERR_USAGE, "ruleset %.40s: there is none; `pare lint --list-rules` shows the rule set that each rule came with", o->ruleset);
	j->report = (struct lint_report){ .f = stdout, .writer = lint_writer_find(format), .codes = o->codes, .color = globals.color && !c->on[CONFIG_NO_COLOR], .threshold = c->threshold,
		.path = opt[O_PATH].value };
	if (!j->report.writer)
		return error_set(err, ERR_USAGE, "format: %.60s: one of: %s", format, options[O_FORMAT].choices);
	j->run.fail_over = UINT64_MAX;
	if (over && !text_parse_size(str_of(over), &j->run.fail_over))
		return error_set(err, ERR_USAGE, "fail-over: %.60s: no size like 20MB", over);
	if (read_now(o, opt[O_NOW].value, err) < 0)
		return -1;
	if (opt[O_IMAGE].value && (opt[O_FIX].count || opt[O_DIFF].count))
		return error_set(err, ERR_USAGE, "--image: an image is of the file as it was, not with --fix or --diff");
	j->image = opt[O_IMAGE].value;
	j->run.context = opt[O_CONTEXT].value;
	j->run.fix = opt[O_FIX].count > 0;
	j->run.diff = opt[O_DIFF].count > 0;
	j->run.safety = option_is(&opt[O_FIX], "suggested") ? FIX_SUGGESTED : FIX_SAFE;
	if (opt[O_UPDATE].count && !c->text[CONFIG_BASELINE])
		return error_set(err, ERR_USAGE, "--update-baseline: say which file with --baseline");
	if (opt[O_UPDATE].count)
		j->run.update = &j->update;
	else if (c->text[CONFIG_BASELINE] && baseline_load(c->text[CONFIG_BASELINE], &j->known, err) < 0)
		return -1;
	else if (c->text[CONFIG_BASELINE])
		j->run.known = &j->known;
	return 0;
}

static void write_baseline(FILE *f, void *ctx) { baseline_write(f, ctx); }

static int verdict(const struct job *j)
{
	const struct lint_run *r = &j->run;
	u32 failing = 0;
	if (r->failed)
		return r->environment ? 4 : 3;
	if (r->update)
		return 0;
	if (r->diff)
		return r->fixed_files ? 1 : 0;
	for (enum level l = j->config.threshold; l <= LEVEL_ERROR; l++)
		failing += j->report.count[l];
	bool fails = failing && !j->report.writer->never_fails;
	return (fails || r->check_error || r->bytes > r->fail_over) && !j->config.on[CONFIG_NO_FAIL] ? 1 : 0;
}

static void notes(const struct job *j, const struct lint_paths *paths)
{
	const struct lint_run *r = &j->run;
	const char *file = j->config.text[CONFIG_BASELINE];
	if (!paths->n && !paths->problems.n)
		command_note("no Dockerfile found");
	if (r->fix && !r->diff && r->fixes)
		command_note("%u fix%s in %u file%s", r->fixes, r->fixes == 1 ? "" : "es", r->fixed_files, r->fixed_files == 1 ? "" : "s");
	if (r->left_out)
		command_note("%u fix%s left out: the result would not have been what was promised", r->left_out, r->left_out == 1 ? "" : "es");
	if (r->not_new)
		command_note("%u finding%s in %s not shown", r->not_new, r->not_new == 1 ? "" : "s", file);
	if (r->known && baseline_gone(r->known))
		command_note("%u finding%s of %s gone: --update-baseline takes them out", baseline_gone(r->known), baseline_gone(r->known) == 1 ? "" : "s", file);
	if (r->bytes > r->fail_over)
		command_note("the findings cost %s, more than %s", TEXT_SIZE(r->bytes), TEXT_SIZE(r->fail_over));
}

static void say_nothing(struct lint_report *r, const struct lint_file *file) { (void)r, (void)file; }

static int open_image(struct job *j, const struct option_value *opt, const struct lint_paths *paths, struct error *err)
{
	if (paths->n != 1)
		return error_set(err, ERR_USAGE, "--image: name the one Dockerfile that it was built from; there are %u", paths->n);
	if (lint_image_open(j->image, opt + O_PLACE, &j->subject, err) < 0)
		return -1;
	j->run.image = j->subject;
	return 0;
}

/* What the image doesn't tell: 0, or the exit status. */
static int image_status(const struct job *j)
{
	const struct lint_run *r = &j->run;
	if (!r->image)
		return 0;
	if (r->image_error.kind) {
		struct error err = r->image_error;
		error_wrap(&err, "%s", j->image);
		return command_fail(&err);
	}
	if (r->unmatched)
		command_note("%s: its history has no layer of %u instruction%s (line %u): what they cost is estimated", j->image, r->unmatched, r->unmatched == 1 ? "" : "s", r->unmatched_line);
	return lint_image_problems(r->image);
}

static int lint_paths(struct job *j, const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct lint_paths paths;
	char *here[] = { "." };
	lint_paths_find(n_args ? args : here, n_args ? (u32)n_args : 1, &paths);
	bool text_out = j->run.fix && !j->run.diff && paths.n == 1 && strcmp(paths.v[0], "-") == 0;
	bool shown = !j->run.diff && !text_out && !j->run.update;
	j->report.n_files = paths.n;
	j->run.report = &j->report;
	if (j->image && open_image(j, opt, &paths, &err) < 0) {
		lint_paths_free(&paths);
		return command_fail(&err);
	}
	struct lint_report silent = j->report;
	if (!shown) {
		static const struct lint_writer none = { .name = "none", .file = say_nothing };
		j->report.writer = &none;
	}
	lint_report_begin(&j->report);
	lint_run_all(&j->run, &paths);
	lint_report_end(&j->report);
	j->report.writer = silent.writer;
	int status = command_problems(&paths.problems);
	if (j->run.update && outfile_write(j->config.text[CONFIG_BASELINE], write_baseline, &j->update, &err) < 0)
		status = command_fail(&err);
	notes(j, &paths);
	if (!status)
		status = image_status(j);
	if (!status)
		status = verdict(j);
	lint_image_close(j->subject);
	lint_paths_free(&paths);
	return command_done(status);
}

static int show_rules(const struct option_value *opt)
{
	struct error err = { 0 };
	const char *name = opt[O_EXPLAIN].value;
	if (opt[O_LIST].count) {
		lint_rules_list(stdout, opt[O_FORMAT].value ? opt[O_FORMAT].value : "table", globals.color);
		return command_done(0);
	}
	const struct lint_rule *r = lint_rule_find(str_of(name));
	if (!r) {
		error_set(&err, ERR_USAGE, "--explain %.100s: no such rule; --list-rules lists them", name);
		return command_fail(&err);
	}
	lint_rule_explain(stdout, &r->meta, globals.color);
	return command_done(0);
}

static void free_job(struct job *j)
{
	free(j->labels);
	free(j->levels.v);
	baseline_free(&j->known);
	baseline_free(&j->update);
	config_free(&j->config);
}

struct lint_judgement {
	struct job job;
};

struct lint_judgement *lint_judgement_read(const struct option_value *opt, const char *file, struct error *err)
{
	struct lint_judgement *j = xcalloc(1, sizeof *j);
	if (read_config(opt, file, &j->job.config, err) == 0 && read_options(&j->job, opt, err) == 0)
		return j;
	lint_judgement_free(j);
	return NULL;
}

const struct lint_options *lint_judgement_options(const struct lint_judgement *j) { return &j->job.run.opt; }

void lint_judgement_free(struct lint_judgement *j)
{
	if (j)
		free_job(&j->job);
	free(j);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct job j = { 0 };
	int status;
	if (opt[O_VERSION].count) {
		puts("pare " PARE_VERSION);
		return command_done(0);
	}
	if (opt[O_EXPLAIN].value || opt[O_LIST].count)
		return show_rules(opt);
	if (opt[O_LSP].count)
		return lint_serve(opt, opt[O_CONFIG].value);
	if (opt[O_JOBS].value)
		setenv("PARE_THREADS", opt[O_JOBS].value, 1);
	if (read_config(opt, opt[O_CONFIG].value, &j.config, &err) < 0) {
		status = command_fail(&err);
	} else if (read_options(&j, opt, &err) < 0) {
		status = command_fail(&err);
	} else {
		if (j.config.on[CONFIG_VERBOSE])
			command_note("configuration: %s", j.config.file ? j.config.file : "none; the defaults");
		status = lint_paths(&j, opt, args, n_args);
	}
	free_job(&j);
	return status;
}

const struct command command_lint = {
	.name = "lint",
	.summary = "Dockerfile practice, and its repair",
	.synopsis = "[OPTIONS] [FILE|DIR...]",
	.description = "Judges Dockerfiles: the rules of hadolint and BuildKit's checks, of Trivy, Checkov and KICS, and some that none of them has. It knows the stages of a file "
		       "and what flows between them, so it can tell what ships from what only builds, says what findings cost in bytes, and repairs what can be repaired.\n\n"
		       "FILE is taken whatever its name; - is standard input. Below a DIR, and below the working directory when nothing is named, everything that is called like a Dockerfile is "
		       "taken (Dockerfile*, *.Dockerfile, Containerfile*, *.Containerfile), but what .gitignore leaves out.\n\n"
		       "hadolint's options, its .hadolint.yaml, its environment (HADOLINT_IGNORE, HADOLINT_FAILURE_THRESHOLD …) and its comments work unchanged, and so do the comments of the "
		       "others: # hadolint ignore=DL3008, # check=skip=JSONArgsRecommended, #trivy:ignore:DS002, # checkov:skip=CKV_DOCKER_2, # kics-scan ignore-line, # tally ignore=…, and ours:\n\n"
		       "# pare ignore=RULE,RULE reason=TEXT until=YYYY-MM-DD\n\n"
		       "above an instruction or between its lines; # pare stage ignore= for a stage, # pare global ignore= for the file.",
	.options = options,
	.examples = "pare lint # every Dockerfile below the working directory\n"
		    "pare lint --fix --diff Dockerfile # what would be repaired\n"
		    "pare lint --codes hadolint -f json Dockerfile # what hadolint would say\n"
		    "pare lint --baseline .pare-baseline.json --update-baseline # accept what there is\n"
		    "pare lint --explain DL3009 # why, with an example\n"
		    "docker run -i pare lint - < Dockerfile # from standard input",
	.min_args = 0,
	.max_args = ARGS_MANY,
	.run = run,
};
