#include "lint/lint.h"
#include "base/buf.h"
#include "lint/files.h"
#include "rule/baseline.h"
#include "rule/config.h"
#include <setjmp.h>
#include <cmocka.h>
#include <unistd.h>

static struct diagnostics found;
static struct arena kept;
static struct lint facts;

static void open_text(const char *text, enum lint_codes codes)
{
	static struct lint_options o;
	o = (struct lint_options){ .codes = codes };
	assert_int_equal(lint_open(str_of(text), &o, &found, &facts, NULL), 0);
}

static void close_text(void)
{
	lint_close(&facts);
	diagnostics_free(&found);
}

/* --- scripts --- */
/* "dialect:posix:pipefail:json:TEXT|…" */
static const char *scripts(const char *text, enum lint_codes codes)
{
	struct buf b = BUF(0);
	open_text(text, codes);
	for (u32 i = 0; i < facts.n_scripts; i++) {
		const struct lint_script *s = &facts.scripts[i];
		buf_printf(&b, "%s%s%s%s%s%s:%.*s", i ? "|" : "", s->dialect == SH_BASH ? "bash" : "sh", s->posix ? "" : " foreign", s->pipefail ? " pipefail" : "", s->json ? " json" : "",
			s->heredoc ? " body" : "", STR_FMT(str_trim(s->text.s)));
	}
	const char *r = arena_strdup(&kept, buf_str(&b));
	buf_free(&b);
	close_text();
	return r;
}

static void what_a_shell_runs(void **state)
{
	(void)state;
#define ALL(text, want) assert_string_equal(scripts(text, LINT_ALL), want)
	ALL("FROM a\nRUN --mount=type=cache,target=/x a && \\\n # c\n b\n", "sh:a &&  b");
	ALL("FROM a\nRUN a\nCMD b\nENTRYPOINT c\nHEALTHCHECK CMD d\nHEALTHCHECK NONE\n", "sh:a|sh:b|sh:c|sh:d");
	ALL("FROM a\nONBUILD RUN a\n", "sh:a");
	ALL("FROM a\nSHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN a\nFROM b\nRUN b\n", "bash pipefail:a|sh:b");
	ALL("FROM a\nSHELL [\"/bin/bash\", \"-o\", \"errexit\", \"-c\"]\nRUN a\n", "bash:a");
	ALL("FROM a\nRUN set -o pipefail && a | b\nRUN a | b\n", "sh pipefail:set -o pipefail && a | b|sh:a | b");
	ALL("FROM a\nSHELL [\"powershell\", \"-Command\"]\nRUN a\n", "sh foreign:a");
	ALL("FROM mcr.microsoft.com/windows/servercore:ltsc2022\nRUN a\n", "sh foreign:a");
	ALL("FROM a\n# hadolint shell=bash\nRUN a\nSHELL [\"/bin/ash\",\"-c\"]\nRUN b\n", "bash:a|sh:b");
	ALL("FROM a\nRUN <<EOF\na\nb\nEOF\n", "sh body:a\nb");
	ALL("FROM a\nRUN <<EOF\n#!/bin/bash -eo pipefail\na\nEOF\n", "bash pipefail body:#!/bin/bash -eo pipefail\na");
	ALL("FROM a\nRUN <<EOF\n#!/usr/bin/env -S python3\nimport os\nEOF\n", "sh foreign body:#!/usr/bin/env -S python3\nimport os");
	ALL("FROM a\nRUN python3 <<EOF\nimport os\nEOF\n", "sh:python3 <<EOF\nimport os\nEOF");
	ALL("FROM a\nRUN bash -e <<EOF\na\nEOF\n", "sh:bash -e <<EOF\na\nEOF|bash body:a");
	ALL("FROM a\nRUN cat <<EOF > /x\na && (\nEOF\n", "sh:cat <<EOF > /x\na && (\nEOF");
	ALL("FROM a\nRUN [\"bash\", \"-euo\", \"pipefail\", \"-c\", \"a | b\"]\n", "bash pipefail json:a | b");
	ALL("FROM a\nRUN [\"apt-get\", \"install\", \"a b\", \"it's\"]\n", "sh json:apt-get install 'a b' 'it'\\''s'");
	ALL("FROM a\nCMD [\"a\", \"b\"]\nCMD [\"sh\", \"-c\", \"c d\"]\n", "sh json:c d");
	assert_string_equal(scripts("FROM a\nRUN [\"apt-get\", \"install\", \"a b\"]\n", LINT_HADOLINT), "sh json:apt-get install a b");
#undef ALL
}

/* Offsets lead back into the file, continuations and here-documents between. */
static void spans_lead_back(void **state)
{
	(void)state;
	const char *text = "FROM a\nRUN x && \\\n    # why\n    apt-get \\\n  install y && \\\n  z\nRUN [\"apt-get\", \"install\"]\nRUN cat <<E > /f && tail -n 1 /f\nbody\nE\n";
	u32 seen = 0;
	open_text(text, LINT_ALL);
	for (u32 i = 0; i < facts.n_scripts; i++)
		for (u32 k = 0; k < facts.scripts[i].commands.n; k++) {
			const struct sh_command *c = &facts.scripts[i].commands.v[k];
			struct df_span s = lint_span(&facts.scripts[i], c->node->words[0].at, c->node->words[0].end);
			assert_true(str_starts(str_n(text + s.at, s.end - s.at), str_head(c->name, s.end - s.at)));
			seen++;
		}
	assert_int_equal(seen, 6);
	close_text();
}

static void mounts(void **state)
{
	(void)state;
	open_text("FROM a\nRUN --mount=type=cache,dst=/var/cache/apt/,sharing=locked --mount=type=tmpfs,target=/tmp --mount=target=/src --mount=type=secret,id=s,target=/run a\n", LINT_ALL);
	const struct lint_script *s = lint_next_run(&facts, NULL);
	assert_true(lint_mounted(s, STR("/var/cache/apt")) && lint_mounted(s, STR("/var/cache/apt/archives")) && lint_mounted(s, STR("/tmp/x")));
	assert_false(lint_mounted(s, STR("/var/cache/apt-x")) || lint_mounted(s, STR("/src")) || lint_mounted(s, STR("/run")) || lint_mounted(s, STR("/var")));
	close_text();
}

static void loops_and_stages(void **state)
{
	(void)state;
	open_text("FROM a AS b\nONBUILD RUN x\nFROM c\nRUN y\nCOPY --from=b /x /x\n", LINT_ALL);
	const struct df_instruction *i = lint_next(&facts, NULL);
	assert_int_equal(i->keyword, DF_FROM);
	assert_false(lint_ships(&facts, i));
	i = lint_next(&facts, i);
	assert_int_equal(i->keyword, DF_RUN);
	assert_int_equal(i->index, 1);
	i = lint_next(&facts, lint_next(&facts, i));
	assert_int_equal(i->index, 3);
	assert_true(lint_ships(&facts, i));
	assert_null(lint_next(&facts, lint_next(&facts, i)));
	close_text();
}

/* --- the table of rules --- */
static bool has_alias(const struct rule *r, const char *name)
{
	struct str rest = str_of(r->aliases), tool, n;
	while (rule_alias_next(&rest, &tool, &n))
		if (str_is(n, name))
			return true;
	return false;
}

static void metadata_is_complete(void **state)
{
	(void)state;
	static const char *const topics[] = { "packages", "security", "size", "cache", "shell", "base-image", "metadata", "correctness", "style" };
	assert_true(lint_rule_count() > 100);
	for (u32 i = 0; i < lint_rule_count(); i++) {
		const struct rule *r = &lint_rule_at(i)->meta;
		bool topic = false;
		if (!r->name || !r->since || !r->topic || !r->summary || !r->why || !r->bad || !r->good)
			fail_msg("%s: something is missing", r->name);
		for (size_t k = 0; k < countof(topics); k++)
			topic |= strcmp(topics[k], r->topic) == 0;
		if (!topic || strlen(r->since) != 6 || r->since[4] != '.')
			fail_msg("%s: topic %s, since %s", r->name, r->topic, r->since);
		for (const char *c = r->name; *c; c++)
			if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-'))
				fail_msg("%s: a name is lower-case words and hyphens", r->name);
		if (strlen(r->summary) > 120 || (str_ends(str_of(r->summary), STR(".")) && !str_ends(str_of(r->summary), STR(".."))) || strchr(r->summary, '\n'))
			fail_msg("%s: a summary is one line of at most 120 bytes without a full stop", r->name);
		if (lint_rule_find(str_of(r->name)) != lint_rule_at(i))
			fail_msg("%s: two rules have that name", r->name);
		for (u32 k = 0; k < i; k++) {
			const struct rule *o = &lint_rule_at(k)->meta;
			if ((r->hadolint && o->hadolint && strcmp(r->hadolint, o->hadolint) == 0) || (r->buildkit && o->buildkit && strcmp(r->buildkit, o->buildkit) == 0))
				fail_msg("%s and %s are the same rule of another tool", r->name, o->name);
		}
		struct str rest = str_of(r->yields_to);
		while (rest.p) {
			struct str name = str_cut(&rest, ' ');
			const struct lint_rule *to = lint_rule_find(name);
			if (!to || !str_is(name, to->meta.name))
				fail_msg("%s yields to %.*s, which is no rule", r->name, (int)name.n, name.p);
		}
	}
}

static void rules_by_every_name(void **state)
{
	(void)state;
	const struct lint_rule *r = lint_rule_find(STR("DL3009"));
	assert_non_null(r);
	assert_ptr_equal(lint_rule_find(STR("hadolint/DL3009")), r);
	assert_ptr_equal(lint_rule_find(STR("hadolint:dl3009")), r);
	assert_null(lint_rule_find(STR("trivy:DL3009")));
	assert_null(lint_rule_find(STR("DL3")));
	assert_null(lint_rule_find(STR("")));
	u32 n = 0;
	for (const struct lint_rule *x = NULL; (x = lint_rule_named(STR("CKV_DOCKER_7"), x)); n++)
		assert_true(has_alias(&x->meta, "CKV_DOCKER_7"));
	assert_true(n >= 2);
}

/* Each rule's example of what is bad makes it speak, that of what is good doesn't: under all rules, or, where a rule of another tool yields to one that
 * knows more, as that tool would say it. */
static enum level all_on(void *ctx, const struct rule *rule)
{
	(void)ctx;
	return rule->level == LEVEL_IGNORE ? LEVEL_INFO : rule->level;
}

static bool speaks(const struct lint_rule *r, const char *text, enum lint_codes codes)
{
	struct lint_options o = { .codes = codes };
	bool refused, yes = false;
	if (r->meta.level == LEVEL_IGNORE)
		o.level = all_on;
	assert_int_equal(lint_run(str_of(text), &o, &found, &refused, NULL), 0);
	for (u32 i = 0; i < found.n; i++)
		yes |= found.v[i].rule == &r->meta;
	diagnostics_free(&found);
	return yes;
}
static void examples_say_what_they_should(void **state)
{
	(void)state;
	u32 wrong = 0;
	for (u32 i = 0; i < lint_rule_count(); i++) {
		const struct lint_rule *r = lint_rule_at(i);
		enum lint_codes other = r->meta.buildkit && !r->meta.hadolint ? LINT_BUILDKIT : r->meta.hadolint ? LINT_HADOLINT : LINT_ALL;
		if (!r->meta.bad[0]) /* wants a configuration, or ten thousand lines */
			continue;
		bool bad = speaks(r, r->meta.bad, LINT_ALL) || (other != LINT_ALL && speaks(r, r->meta.bad, other));
		bool good = speaks(r, r->meta.good, LINT_ALL);
		if (!bad || good) {
			print_error("%s: %s\n", r->meta.name, !bad ? "its bad example passes" : "its good example does not pass");
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void there_is_a_ceiling(void **state)
{
	(void)state;
	struct buf b = BUF(0);
	struct lint_options o = { 0 };
	bool refused;
	buf_puts(&b, "FROM debian:12\n");
	for (u32 i = 0; i < LINT_FINDINGS + 50; i++)
		buf_puts(&b, "MAINTAINER x\n");
	assert_int_equal(lint_run(buf_str(&b), &o, &found, &refused, NULL), 0);
	u32 many = 0;
	for (u32 i = 0; i < found.n; i++)
		many += strcmp(found.v[i].rule->name, "too-many-findings") == 0;
	assert_int_equal(many, 1);
	assert_int_equal(found.n, LINT_FINDINGS + 1);
	diagnostics_free(&found);
	buf_free(&b);
}

/* --- comments --- */
/* "tool scope names until=… reason=…" of each */
static const char *ignores(const char *comment)
{
	static const char *const scopes[] = { "next", "line", "stage", "file" };
	struct buf b = BUF(0);
	struct str rest = str_of(comment);
	struct ignore g;
	while (ignore_next(&rest, &g)) {
		struct str names = g.names, name;
		buf_printf(&b, "%s%s %s", b.n ? "|" : "", ignore_tool_text[g.tool], scopes[g.scope]);
		if (g.all)
			buf_puts(&b, " all");
		else
			while (ignore_name(&names, &name))
				buf_printf(&b, " %.*s", STR_FMT(name));
		if (g.until.p)
			buf_printf(&b, " until=%.*s", STR_FMT(g.until));
		if (g.reason.p)
			buf_printf(&b, " (%.*s)", STR_FMT(g.reason));
	}
	const char *r = arena_strdup(&kept, buf_str(&b));
	buf_free(&b);
	return r;
}

static void comments_of_every_tool(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{ "# hadolint ignore=DL3006,SC2046 # why", "hadolint next DL3006 SC2046 (why)" },
		{ "#hadolint  ignore = DL3006 , SC2046", "hadolint next DL3006 SC2046" },
		{ "# hadolint global ignore=DL3006", "hadolint file DL3006" },
		{ "# hadolint stage ignore=DL3006\r", "hadolint stage DL3006" },
		{ "# hadolint ignore=DL3006 because", "" },
		{ "# hadolintignore=DL3006", "" },
		{ "# hadolint shell=bash", "" },
		{ "# please hadolint ignore=DL3006", "" },
		{ "# check=skip=JSONArgsRecommended, StageNameCasing;error=true", "buildkit next JSONArgsRecommended StageNameCasing" },
		{ "# check=skip=all", "buildkit next all" },
		{ "# check=error=true", "" },
		{ "# check=nonsense", "" },
		{ "#trivy:ignore:DS002 #trivy:ignore:DS-0013:exp:2026-01-31:ws:dev it is fine", "trivy next DS002|trivy next DS-0013 until=2026-01-31 (it is fine)" },
		{ "# checkov:skip=CKV_DOCKER_2: no service", "checkov file CKV_DOCKER_2 (no service)" },
		{ "# kics-scan ignore", "kics file all" },
		{ "# kics-scan ignore-line", "kics line all" },
		{ "# kics-scan ignore-block", "kics next all" },
		{ "# kics-scan ignore-blocks", "" },
		{ "# kics-scan disable=aa-bb,cc-dd", "kics file aa-bb cc-dd" },
		{ "# tally ignore=hadolint/DL3008,max-lines;reason=old", "tally next hadolint/DL3008 max-lines (old)" },
		{ "# tally global ignore=all", "tally file all" },
		{ "# pare ignore=a-b,DL3008 reason=the mirror is ours until=2026-12-31", "pare next a-b DL3008 until=2026-12-31 (the mirror is ours)" },
		{ "# pare stage ignore=a until=2026-12-31 reason=x y", "pare stage a until=2026-12-31 (x y)" },
		{ "# pare ignore=", "" },
		{ "# nothing", "" },
		{ "", "" },
	};
	for (size_t i = 0; i < countof(cases); i++)
		assert_string_equal(ignores(cases[i][0]), cases[i][1]);
}

static void dates(void **state)
{
	(void)state;
	assert_true(ignore_expired(STR("2026-01-31"), "2026-02-01") && ignore_expired(STR("2025-12-31"), "2026-01-01"));
	assert_false(ignore_expired(STR("2026-01-31"), "2026-01-31") || ignore_expired(STR("2026-1-31"), "2027-01-31") || ignore_expired(STR(""), "2027-01-31"));
}

static void options_of_checks(void **state)
{
	(void)state;
	struct check_options c;
	assert_true(check_options_parse(STR("skip=A,B; error=TRUE; experimental=all"), &c));
	assert_true(c.error && c.experimental_all && !c.skip_all && ignore_lists(c.skip, STR("B")) && !ignore_lists(c.skip, STR("b")));
	assert_true(check_options_parse(STR(""), &c) && !c.error && !c.skip_all);
	assert_false(check_options_parse(STR("skip"), &c) || check_options_parse(STR("error=maybe"), &c) || check_options_parse(STR("hide=x"), &c));
}

/* --- configuration --- */
static const char *dir;

static const char *write_text(const char *name, const char *text)
{
	char *path = arena_printf(&kept, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static const char *config_error(const char *yaml)
{
	struct config c;
	struct error err = { 0 };
	if (config_load(write_text("c.yaml", yaml), &c, &err) == 0) {
		config_free(&c);
		return "";
	}
	assert_int_equal(err.kind, ERR_USAGE);
	return arena_strdup(&kept, str_of(err.text + strlen(dir) + 8));
}

static void configuration(void **state)
{
	(void)state;
	struct config c;
	const char *yaml = "failure-threshold: warning\nformat: gnu\nignored:\n  - DL3000\n  - SC1010\noverride:\n  error: [DL3001]\n  ignore: [x]\n  what: 7\ntrustedRegistries: docker.io\n"
			   "label-schema:\n  author: text\n  v: semver\nstrict-labels: true\nno-fail: no\nbuild-args: {A: b}\nruleset: \"2026.1\"\nunknown: {a: [b]}\n";
	assert_int_equal(config_load(write_text("a.yaml", yaml), &c, NULL), 0);
	assert_int_equal(c.threshold, LEVEL_WARNING);
	assert_string_equal(c.text[CONFIG_FORMAT], "gnu");
	assert_string_equal(c.text[CONFIG_RULESET], "2026.1");
	assert_int_equal(c.ignored.n, 2);
	assert_true(str_is(c.ignored.v[1], "SC1010") && str_is(c.level[LEVEL_ERROR].v[0], "DL3001") && str_is(c.level[LEVEL_IGNORE].v[0], "x"));
	assert_true(c.trusted.n == 1 && c.n_labels == 2 && str_is(c.labels[1].type, "semver"));
	assert_true(c.on[CONFIG_STRICT_LABELS] && !c.on[CONFIG_NO_FAIL] && str_is(c.build_args.v[0], "A=b"));
	/* the environment comes after the file */
	setenv("HADOLINT_FAILURE_THRESHOLD", "error", 1);
	setenv("HADOLINT_IGNORE", "DL1, DL2", 1);
	setenv("HADOLINT_STRICT_LABELS", "0", 1);
	setenv("HADOLINT_REQUIRE_LABELS", "a:url,b:nonsense", 1);
	config_environment(&c);
	assert_int_equal(c.threshold, LEVEL_ERROR);
	assert_true(c.ignored.n == 4 && str_is(c.ignored.v[3], "DL2") && !c.on[CONFIG_STRICT_LABELS] && c.n_labels == 3);
	unsetenv("HADOLINT_FAILURE_THRESHOLD"), unsetenv("HADOLINT_IGNORE"), unsetenv("HADOLINT_STRICT_LABELS"), unsetenv("HADOLINT_REQUIRE_LABELS");
	config_free(&c);

	assert_string_equal(config_error(""), "");
	assert_string_equal(config_error("# nothing\n"), "");
	assert_string_equal(config_error("ignored: {a: b}\n"), " line 1: ignored: wants a list");
	assert_string_equal(config_error("a: 1\nfailure-threshold: high\n"), " line 2: failure-threshold: one of error, warning, info, style, ignore, none");
	assert_string_equal(config_error("no-fail: maybe\n"), " line 1: no-fail: wants true or false");
	assert_string_equal(config_error("- a\n"), " line 1: the file: wants keys and values");
	assert_non_null(strstr(config_error("a: [\n"), "not YAML"));
	assert_non_null(strstr(config_error("label-schema: {a: colour}\n"), "'colour' is none of"));
}

/* --- baseline --- */
static void baselines(void **state)
{
	(void)state;
	struct baseline b = { 0 }, again;
	struct str rule = STR("r"), text = STR("RUN a && \\\n   b");
	baseline_add(&b, STR("./D"), rule, text);
	baseline_add(&b, STR("D"), rule, text);
	baseline_add(&b, STR("D"), STR("other"), text);
	char *path = arena_printf(&kept, "%s/baseline.json", dir);
	FILE *f = fopen(path, "w");
	baseline_write(f, &b);
	fclose(f);
	baseline_free(&b);
	assert_int_equal(baseline_load(path, &again, NULL), 0);
	assert_int_equal(again.n, 2);
	assert_true(baseline_take(&again, STR("D"), rule, STR("RUN  a  &&   b")));
	assert_true(baseline_take(&again, STR("D"), rule, text));
	assert_false(baseline_take(&again, STR("D"), rule, text));
	assert_false(baseline_take(&again, STR("E"), rule, text) || baseline_take(&again, STR("D"), rule, STR("RUN a b")));
	assert_int_equal(baseline_gone(&again), 1);
	baseline_free(&again);
	struct error err = { 0 };
	assert_int_equal(baseline_load(write_text("b.json", "{\"pare_baseline\": 2, \"findings\": []}"), &again, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void names_of_dockerfiles(void **state)
{
	(void)state;
	static const char *const yes[] = { "Dockerfile", "dockerfile", "DOCKERFILE", "Dockerfile.dev", "Dockerfile-x", "Dockerfile2", "dockerfile.prod", "a.Dockerfile", "a.dockerfile", "Containerfile",
		"x.containerfile", "Containerfile.base" };
	static const char *const no[] = { "Dockerfile.md", "dockerfile.go", "Dockerfile.j2", "mydockerfile", ".dockerignore", "Dockerfile.dockerignore", "dockerfiles", "Docker", "Dockerfile~", "x.Dockerfile.swp" };
	for (size_t i = 0; i < countof(yes); i++)
		assert_true(lint_is_dockerfile_name(str_of(yes[i])));
	for (size_t i = 0; i < countof(no); i++)
		assert_false(lint_is_dockerfile_name(str_of(no[i])));
}

int main(void)
{
	char tmp[] = "/tmp/test_lint-XXXXXX";
	dir = mkdtemp(tmp);
	if (!dir)
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_shell_runs),
		cmocka_unit_test(spans_lead_back),
		cmocka_unit_test(mounts),
		cmocka_unit_test(loops_and_stages),
		cmocka_unit_test(metadata_is_complete),
		cmocka_unit_test(rules_by_every_name),
		cmocka_unit_test(examples_say_what_they_should),
		cmocka_unit_test(there_is_a_ceiling),
		cmocka_unit_test(comments_of_every_tool),
		cmocka_unit_test(dates),
		cmocka_unit_test(options_of_checks),
		cmocka_unit_test(configuration),
		cmocka_unit_test(baselines),
		cmocka_unit_test(names_of_dockerfiles),
	};
	int status = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < 4; i++) {
		static const char *const left[] = { "a.yaml", "c.yaml", "b.json", "baseline.json" };
		unlink(arena_printf(&kept, "%s/%s", dir, left[i]));
	}
	rmdir(dir);
	arena_free(&kept);
	return status;
}
