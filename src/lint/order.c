/* The order of instructions, as the build cache sees it: what changes often should stand behind what takes long. */
#include "lint/effect.h"

/* --- COPY . before the dependencies are installed --- */
struct install {
	const char *what;      /* as the message says */
	const char *manifests; /* files that it reads, as COPY names them */
};
static const struct install installs[] = {
	{ "npm", "package.json" }, { "yarn", "package.json" }, { "pnpm", "package.json" }, { "pip", "requirements" }, { "poetry", "pyproject.toml" }, { "pipenv", "Pipfile" }, { "uv", "pyproject.toml" },
	{ "bundler", "Gemfile" }, { "composer", "composer.json" }, { "go mod download", "go.mod" }, { "cargo", "Cargo.toml" }, { "maven", "pom.xml" }, { "gradle", "build.gradle" }, { "dotnet restore", "a project file" },
	{ "mix", "mix.exs" }, { "the system's packages", NULL },
};
enum { NPM, YARN, PNPM, PIP, POETRY, PIPENV, UV, BUNDLER, COMPOSER, GO, CARGO, MAVEN, GRADLE, DOTNET, MIX, SYSTEM };

static bool sub_is(const struct sh_command *c, const char *subs)
{
	struct operands o = { .c = c, .valued = "-o -c -t --prefix -C --cwd --dir --filter -F" };
	const struct sh_word *sub = operand_next(&o);
	return sub && lint_word_in(sub->text, subs);
}

static bool no_more_operands(const struct sh_command *c)
{
	struct operands o = { .c = c, .valued = "--prefix -C --cwd --dir --filter -F --registry --network-timeout --loglevel --jobs -j --path --without --retry" };
	return !operand_next(&o) || !operand_next(&o);
}

static const struct install *install_of(const struct sh_command *c)
{
	static const char *const managers[] = { "apt-get", "apt", "apk", "yum", "dnf", "microdnf", "zypper" };
	for (size_t i = 0; i < countof(managers); i++)
		if (sh_is(c, managers[i])) {
			for (u32 k = 0; k < c->n_args; k++) /* packages that were copied in */
				if (str_chr(c->args[k].text, '/') && !str_starts(c->args[k].text, STR("-")))
					return NULL;
			return sub_is(c, "install add") ? &installs[SYSTEM] : NULL;
		}
	if (sh_is(c, "npm") && sub_is(c, "install i ci clean-install") && no_more_operands(c) && !sh_has_flag(c, "g") && !sh_has_flag(c, "global"))
		return &installs[NPM];
	if (sh_is(c, "yarn") && no_more_operands(c) && (!sh_operand(c, 0, NULL) || sub_is(c, "install")))
		return &installs[YARN];
	if (sh_is(c, "pnpm") && sub_is(c, "install i") && no_more_operands(c))
		return &installs[PNPM];
	if ((sh_is(c, "pip") || sh_is(c, "pip3") || sh_is(c, "pip2")) && sub_is(c, "install")) {
		struct str r = sh_flag_value(c, "r").p ? sh_flag_value(c, "r") : sh_flag_value(c, "requirement");
		return r.p ? &installs[PIP] : NULL;
	}
	return sh_is(c, "poetry") && sub_is(c, "install sync") ? &installs[POETRY] :
	       sh_is(c, "pipenv") && sub_is(c, "install sync") && no_more_operands(c) ? &installs[PIPENV] :
	       sh_is(c, "uv") && sub_is(c, "sync") ? &installs[UV] :
	       (sh_is(c, "bundle") || sh_is(c, "bundler")) && sub_is(c, "install") ? &installs[BUNDLER] :
	       (sh_is(c, "composer") || sh_is(c, "composer.phar")) && sub_is(c, "install i") ? &installs[COMPOSER] :
	       sh_is(c, "go") && sub_is(c, "mod") && c->n_args > 1 && str_is(c->args[1].text, "download") ? &installs[GO] :
	       sh_is(c, "cargo") && sub_is(c, "fetch") ? &installs[CARGO] :
	       (sh_is(c, "mvn") || sh_is(c, "mvnw")) && sub_is(c, "dependency:go-offline dependency:resolve") ? &installs[MAVEN] :
	       sh_is(c, "dotnet") && sub_is(c, "restore") ? &installs[DOTNET] :
	       sh_is(c, "mix") && sub_is(c, "deps.get") ? &installs[MIX] : NULL;
}

static bool copies_everything(const struct df_instruction *i)
{
	if ((i->keyword != DF_COPY && i->keyword != DF_ADD) || i->n_args < 2 || df_flag(i, "from"))
		return false;
	for (u32 k = 0; k + 1 < i->n_args; k++)
		if (lint_word_in(i->args[k].s, ". ./ * ./* /"))
			return true;
	return false;
}

/* Whether the file has the manifest copied, and used, before the COPY of everything. */
static bool copied_before(const struct lint *l, const struct df_stage *st, const struct df_instruction *all, const char *manifest)
{
	for (u32 k = st->first; k < all->index; k++) {
		const struct df_instruction *i = &l->file.instructions[k];
		for (u32 a = 0; (i->keyword == DF_COPY || i->keyword == DF_ADD) && a + 1 < i->n_args; a++)
			if (str_contains(i->args[a].s, str_of(manifest)) || (str_is(str_of(manifest), "package.json") && str_contains(i->args[a].s, STR("package"))))
				return true;
		if (i->keyword == DF_RUN && str_contains(i->text.s, str_of(manifest)))
			return true; /* a bind mount, or written there */
	}
	return false;
}

static void copy_before_install(struct lint *l)
{
	const struct lint_script *s = lint_next_run(l, NULL);
	const struct df_instruction *all = NULL;
	const struct df_stage *stage = NULL;
	bool said = false, system_said = false, fine[countof(installs)] = { false };
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i)) {
		u32 n = l->graph.stage_of ? l->graph.stage_of[i->index] : DF_NONE;
		if (n == DF_NONE)
			continue;
		if (stage != &l->graph.stages[n]) {
			stage = &l->graph.stages[n];
			all = NULL;
			said = system_said = false;
			memset(fine, 0, sizeof fine);
		}
		if (!all && copies_everything(i) && i->index < l->file.n_instructions && l->file.instructions[i->index].keyword != DF_ONBUILD)
			all = i;
		while (s && s->in->index < i->index)
			s = lint_next_run(l, s);
		for (; s && s->in->index == i->index; s = lint_next_run(l, s)) {
			if (!all || !stage->needed)
				continue;
			for (u32 c = 0; c < s->commands.n && !said; c++) {
				const struct install *x = install_of(&s->commands.v[c]);
				if (!x || fine[x - installs] || (!x->manifests && system_said))
					continue;
				fine[x - installs] = x->manifests && copied_before(l, stage, all, x->manifests); /* the answer holds for all of the stage */
				if (fine[x - installs])
					continue;
				said |= x->manifests != NULL;
				system_said = true;
				if (x->manifests)
					lint_add(l, all, "every change of any file runs %s again (line %u): copy %s first, install, then copy the rest", x->what, i->line, x->manifests);
				else
					lint_add(l, all, "every change of any file installs %s again (line %u): copy behind that", x->what, i->line);
			}
		}
	}
}

/* --- ARG that changes with every build --- */
static void volatile_arg(struct lint *l)
{
	static const char names[] = "BUILD_DATE BUILD_TIME BUILD_TIMESTAMP BUILD_NUMBER BUILD_ID BUILD_VERSION GIT_COMMIT GIT_SHA GIT_HASH GIT_REV GIT_REVISION GIT_REF COMMIT COMMIT_SHA COMMIT_HASH VCS_REF VCS_REVISION SOURCE_COMMIT CACHEBUST CACHE_BUST CACHE_DATE REVISION";
	u32 left = 32; /* each is asked of every script behind it */
	for (const struct df_instruction *i = lint_next(l, NULL); i && left; i = lint_next(l, i)) {
		u32 n = l->graph.stage_of ? l->graph.stage_of[i->index] : DF_NONE;
		if (i->keyword != DF_ARG || n == DF_NONE || !i->n_pairs || !lint_word_in(i->pairs[0].name.s, names) || str_contains(i->pairs[0].name.s, STR("BUST")) || str_starts(i->pairs[0].name.s, STR("CACHE")))
			continue;
		const struct df_stage *st = &l->graph.stages[n];
		struct str name = i->pairs[0].name.s;
		left--;
		/* Every RUN behind it has it in its environment. Said when an install stands before its first use. */
		const struct df_instruction *slow = NULL;
		bool used = false;
		for (const struct lint_script *s = lint_next_run(l, NULL); s && !used; s = lint_next_run(l, s)) {
			if (s->in->index <= i->index || s->in->index >= st->end)
				continue;
			used = str_contains(s->in->text.s, name);
			for (u32 c = 0; c < s->commands.n && !used && !slow; c++)
				if (install_of(&s->commands.v[c]))
					slow = s->in;
		}
		for (u32 k = i->index + 1; slow && k < slow->index; k++)
			if (str_contains(l->file.instructions[k].text.s, name) && l->file.instructions[k].keyword != DF_LABEL && l->file.instructions[k].keyword != DF_ENV)
				slow = NULL;
		if (slow)
			lint_add(l, i, "%.*s changes with every build, and every RUN below depends on it: line %u installs again each time; declare it where it is used", STR_FMT(str_head(name, 60)), slow->line);
	}
}

/* --- apt-get update in a RUN of its own --- */
static bool updates(const struct sh_command *c) { return (sh_is(c, "apt-get") || sh_is(c, "apt") || sh_is(c, "aptitude") || sh_is(c, "apk")) && sub_is(c, "update"); }

static bool needs_lists(const struct sh_command *c)
{
	if (sh_is(c, "apk"))
		return sub_is(c, "add") && !sh_has_flag(c, "no-cache") && !sh_has_flag(c, "U") && !sh_has_flag(c, "update-cache") && !sh_has_flag(c, "update");
	return (sh_is(c, "apt-get") || sh_is(c, "apt") || sh_is(c, "aptitude")) && sub_is(c, "install upgrade dist-upgrade full-upgrade build-dep source");
}

/* Only && joins its commands: then `a && SCRIPT` is what a RUN of a and one of SCRIPT do. */
static bool plain_chain(const struct sh_tree *t)
{
	const struct sh_node *n = t->root;
	if (!n || t->n_errors || n->next)
		return false;
	if (n->kind != SH_ANDOR)
		return n->kind == SH_SIMPLE;
	for (const struct sh_node *c = n->child; c; c = c->next)
		if (c->op == SH_OP_OR || (c->kind != SH_SIMPLE && c->kind != SH_PIPELINE && c->kind != SH_SUBSHELL && c->kind != SH_GROUP))
			return false;
	return true;
}

static void merge_runs(struct lint *l, struct diagnostic *d, const struct lint_script *a, const struct lint_script *b)
{
	const struct df_file *f = &l->file;
	if (a->heredoc || b->heredoc || a->json || b->json || a->in != a->outer || b->in != b->outer || a->in->n_flags || b->in->n_flags || b->in->index != a->in->index + 1 || !plain_chain(&a->tree) || !plain_chain(&b->tree))
		return;
	if (!b->in->rest.n_pieces || a->commands.n != 1)
		return;
	u32 lo = 0, hi = f->n_comments; /* the first comment behind the beginning of a */
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		if (f->comments[mid].span.at <= a->in->span.at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < f->n_comments && f->comments[lo].span.at < b->in->span.end)
		return;
	/* From the end of the first to the script of the second: the line end and `RUN `. */
	struct df_span gap = { a->in->span.end, df_text_at(&b->in->rest, 0) };
	lint_fix(l, d, FIX_SAFE, "Update and install in one RUN", gap, str_of(arena_printf(l->arena, " %c\n && ", f->escape)));
}

/* Whether every program of a script is known, so that none of them can be the one that installs. */
static bool nothing_else(const struct lint_script *s)
{
	static const char known[] = "apt-get apt aptitude apk apt-cache rm echo printf set export mkdir true : cd sed cp mv ln chmod chown touch cat curl wget gpg apt-key add-apt-repository tee dpkg lsb_release find test [ which";
	for (u32 c = 0; c < s->commands.n; c++)
		if (!lint_word_in(s->commands.v[c].base, known))
			return false;
	return true;
}

static void update_alone(struct lint *l)
{
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		const struct sh_command *update = NULL;
		bool used = false;
		for (u32 c = 0; c < s->commands.n; c++) {
			const struct sh_command *x = &s->commands.v[c];
			if (!update && updates(x))
				update = x;
			used |= update && needs_lists(x);
		}
		if (!update || used || lint_mounted(s, STR("/var/lib/apt/lists")))
			continue;
		const struct lint_script *next = lint_next_run(l, s), *user = NULL;
		u32 steps = 0; /* who installs stands near, or another update in between */
		for (const struct lint_script *t = next; t && !user && steps++ < 200; t = lint_next_run(l, t)) {
			if (!lint_stage_on(l, t->stage, s->stage) || (t->in->index == s->in->index))
				continue;
			bool own = false;
			for (u32 c = 0; c < t->commands.n && !own && !user; c++) {
				own = updates(&t->commands.v[c]);
				if (!own && needs_lists(&t->commands.v[c]) && str_eq(str_head(t->commands.v[c].base, 3), str_head(update->base, 3)))
					user = t;
			}
		}
		if (!user && !nothing_else(s))
			continue;
		struct diagnostic *d = user ? lint_add_cmd(l, s, update, "the lists are updated in a RUN of their own: the build cache keeps them, and line %u then installs by old ones", user->in->line)
					    : lint_add_cmd(l, s, update, "the lists are updated, and this RUN installs nothing by them");
		if (user)
			merge_runs(l, d, s, user);
	}
}

/* --- upgrade --- */
static void upgrade(struct lint *l)
{
	lint_each_command(l, s, c) {
		bool apt = sh_is(c, "apt-get") || sh_is(c, "apt") || sh_is(c, "aptitude");
		if ((apt && sub_is(c, "upgrade full-upgrade safe-upgrade")) || (sh_is(c, "zypper") && sub_is(c, "update up patch")) || ((sh_is(c, "microdnf") || sh_is(c, "tdnf")) && sub_is(c, "update upgrade")) || (sh_is(c, "apk") && sub_is(c, "upgrade")) ||
		    ((sh_is(c, "yum") || sh_is(c, "dnf")) && sub_is(c, "update upgrade") && no_more_operands(c)))
			lint_add_cmd(l, s, c, "%.*s upgrades what the base image holds: a second copy of it in this layer, and another one with every build; use a newer base image", STR_FMT(str_head(c->base, 60)));
	}
}

#define RULE(n, lvl, t) .name = n, .level = lvl, .since = "2026.1", .topic = t
const struct lint_rule rules_order[] = {
	{ .meta = { RULE("copy-before-install", LEVEL_INFO, "cache"), .summary = "everything is copied before dependencies are installed",
		.why = "A COPY whose files changed makes every later instruction run again. When the whole context is copied first, editing one line of code downloads all dependencies anew. "
		       "Copy what names the dependencies (package.json, requirements.txt, go.mod …), install, and copy the rest behind it.",
		.bad = "FROM node:22\nWORKDIR /app\nCOPY . .\nRUN npm ci\n", .good = "FROM node:22\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n" }, .check = copy_before_install },
	{ .meta = { RULE("volatile-argument-early", LEVEL_INFO, "cache"), .summary = "an ARG that changes with every build stands before a RUN that installs",
		.why = "The value of an ARG is part of the environment of every RUN behind it: a date or commit there makes all of them run again. Declare it right before the instruction that uses it, at best a LABEL at the end.",
		.bad = "FROM debian:12\nARG GIT_COMMIT\nRUN apt-get update && apt-get install -y curl\nLABEL commit=$GIT_COMMIT\n", .good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl\nARG GIT_COMMIT\nLABEL commit=$GIT_COMMIT\n" }, .check = volatile_arg },
	{ .meta = { RULE("update-alone", LEVEL_WARNING, "packages"), .aliases = "trivy:DS-0017 trivy:DS017 trivy:AVD-DS-0017 checkov:CKV_DOCKER_5 kics:9bae49be-0aa3-4de5-bab2-4c3a069e40cd binnacle:ruleAptGetUpdatePrecedesInstall",
		.summary = "package lists are updated in another RUN than the one that installs",
		.why = "The build cache keeps the layer of the update for weeks; an install that is added or changed later then asks the mirror for versions that are gone, or installs old ones. "
		       "The lists also stay in that layer, whatever a later RUN removes.",
		.bad = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\n", .good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*\n" }, .check = update_alone },
	{ .meta = { RULE("upgrade-in-build", LEVEL_INFO, "packages"), .aliases = "kics:989ab888-7d1e-410f-9dde-c64a1d367bf2 hadolint:DL3017 hadolint:DL3031 hadolint:DL3039", .yields_to = "apt-dist-upgrade zypper-dist-upgrade",
		.summary = "the packages of the base image are upgraded",
		.why = "The old files stay in the base's layers and the new ones are added; two builds of one file differ; and what was upgraded is upgraded again by everybody who builds on the same base. Pull a newer base image instead (docker build --pull).",
		.bad = "FROM debian:12\nRUN apt-get update && apt-get -y upgrade\n", .good = "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n" }, .check = upgrade },
	{ .meta = { 0 } },
};
