/* Steps whose failure nobody sees: a script's status is that of its last command, unless `set -e` says otherwise. */
#include "lint/lint.h"

enum { HEREDOC, SEQUENCE };

static struct str name_of(const struct sh_node *n) { return n->kind == SH_SIMPLE && n->n_words ? n->words[0].text : STR(""); }

static bool has_e(struct str option) { return option.n > 1 && option.p[0] == '-' && option.p[1] != '-' && str_chr(option, 'e'); }

/* Whether a command sets -e: for all that follows. */
static bool sets_e(const struct sh_node *n)
{
	if (n->kind == SH_ANDOR || n->kind == SH_LIST) {
		for (const struct sh_node *c = n->child; c; c = c->next)
			if (sets_e(c))
				return true;
		return false;
	}
	if (!str_is(name_of(n), "set"))
		return false;
	for (u32 i = 1; i < n->n_words; i++)
		if (has_e(n->words[i].text) || (i > 1 && str_is(n->words[i].text, "errexit")))
			return true;
	return false;
}

/* The options that the shell is started with: SHELL's, those of a #! line, or of the command that reads the here-document. */
static bool started_with_e(const struct lint *l, const struct lint_script *s)
{
	if (s->heredoc && str_starts(s->heredoc->content, STR("#!"))) {
		struct str rest = s->heredoc->content, line = str_cut(&rest, '\n');
		while (line.p)
			if (has_e(str_cut(&line, ' ')))
				return true;
		return false;
	}
	/* The line of the instruction is a script of its own, right before. */
	const struct lint_script *line = s->heredoc && s > l->scripts && s[-1].in == s->in ? s - 1 : NULL;
	if (line) {
		const struct sh_command *c = line->commands.n ? line->commands.v : NULL;
		for (u32 i = 0; c && i < c->n_args; i++)
			if (has_e(c->args[i].text) || str_is(c->args[i].text, "errexit"))
				return true;
		return false;
	}
	const struct df_state *state = l->graph.state ? l->graph.state[s->outer->index] : NULL;
	for (u32 i = 1; state && i < state->n_shell; i++)
		if (has_e(state->shell[i]) || str_is(state->shell[i], "errexit"))
			return true;
	return false;
}

/* Commands that do not fail, or whose failure is an answer. */
static bool harmless(const struct sh_node *n)
{
	static const char *const names[] = { "echo", "printf", ":", "true", "false", "[", "test", "export", "set", "unset", "umask", "trap", "shopt", "alias", "local", "readonly", "declare", "typeset", "shift", "exit",
		"return", "wait", "sleep", "sync", "date", "pwd", "ls", "env", "which", "type", "hash", "ulimit", NULL };
	return n->n_words == 0 || n->negated || str_listed(name_of(n), names);
}

/* Where a failure means that the image lacks something. */
static bool builds(const struct sh_node *n)
{
	static const char *const names[] = { "apt-get", "apt", "aptitude", "dpkg", "apk", "yum", "dnf", "microdnf", "tdnf", "zypper", "rpm", "pacman", "pip", "pip2", "pip3", "pipx", "uv", "poetry", "npm", "npx", "yarn",
		"pnpm", "bower", "gem", "bundle", "go", "cargo", "rustup", "composer", "dotnet", "conda", "mamba", "micromamba", "luarocks", "cpan", "cpanm", "make", "cmake", "ninja", "meson", "mvn", "gradle", "ant", "sbt",
		"lein", "configure", "gcc", "g++", "cc", "javac", "curl", "wget", "git", "svn", "tar", "unzip", "gunzip", "gpg", "sha1sum", "sha256sum", "sha512sum", "md5sum", "patch", "useradd", "adduser", "groupadd",
		"addgroup", "docker-php-ext-install", "docker-php-ext-configure", "docker-php-ext-enable", "pecl", "install", "cp", "mv", "ln", "sed", NULL };
	static const char *const wrappers[] = { "sudo", "env", "time", "nice", NULL };
	struct str name = name_of(n);
	if (str_listed(name, wrappers) && n->n_words > 1)
		name = n->words[n->n_words > 2 && n->words[1].text.n && n->words[1].text.p[0] == '-' ? 2 : 1].text;
	return str_listed(str_base(name), names);
}

/* The first command in it whose failure is its own status, and is not looked at; NULL: none. */
static const struct sh_node *may_fail(const struct sh_node *n, bool any)
{
	switch (n->kind) {
	case SH_SIMPLE:
		return !harmless(n) && (any || builds(n)) ? n : NULL;
	case SH_ANDOR: {
		const struct sh_node *found = NULL;
		for (const struct sh_node *c = n->child; c; c = c->next) {
			const struct sh_node *one = may_fail(c, any);
			if (c->op == SH_OP_OR)
				return NULL;
			if (c == n->child && c->kind == SH_SIMPLE && (str_is(name_of(c), "[") || str_is(name_of(c), "test")))
				return NULL; /* a condition */
			found = found ? found : one;
		}
		return found;
	}
	case SH_PIPELINE: {
		const struct sh_node *c = n->child;
		while (c->next)
			c = c->next;
		return n->negated ? NULL : may_fail(c, any);
	}
	default:
		return NULL;
	}
}

/* Whether the script ends by saying that it succeeded. */
static bool forgiving(const struct sh_node *last)
{
	return str_is(name_of(last), "true") || str_is(name_of(last), ":") || str_is(name_of(last), "exit");
}

static void check_script(struct lint *l, const struct lint_script *s, const struct lint_rule *rules)
{
	const struct sh_node *root = s->tree.root, *last = NULL;
	if (!s->posix || s->tree.n_errors || !root || root->kind != SH_LIST || started_with_e(l, s))
		return;
	for (const struct sh_node *n = root->child; n; n = n->next)
		last = n;
	if (!s->heredoc && forgiving(last))
		return;
	for (const struct sh_node *n = root->child; n != last; n = n->next) {
		if (sets_e(n))
			return;
		if (n->op == SH_OP_AMP || n->kind == SH_FUNCTION)
			continue;
		const struct sh_node *bad = may_fail(n, s->heredoc != NULL);
		if (!bad)
			continue;
		struct sh_word where = { .at = bad->at, .end = bad->end };
		struct str name = name_of(bad);
		l->rule = &rules[s->heredoc ? HEREDOC : SEQUENCE];
		struct diagnostic *d = lint_add_word(l, s, &where, "when %.*s fails the build goes on: the status is that of the last command", STR_FMT(str_head(name, 60)));
		u32 at = 0;
		if (s->heredoc && str_starts(s->text.s, STR("#!"))) {
			const char *nl = str_chr(s->text.s, '\n');
			at = nl ? (u32)(nl - s->text.s.p) + 1 : 0;
		}
		lint_fix(l, d, FIX_SUGGESTED, "Stop at the first failure", lint_span(s, at, at), s->heredoc ? STR("set -e\n") : STR("set -e; "));
		return;
	}
}

static void check(struct lint *l)
{
	const struct lint_rule *rules = l->rule;
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s))
		if (!s->json && (s->heredoc || !s->in->n_heredocs))
			check_script(l, s, rules);
}

const struct lint_rule rules_errors[] = {
	[HEREDOC] = { .check = check, .meta = {
		.name = "heredoc-errors-ignored", .level = LEVEL_WARNING, .since = "2026.1", .topic = "shell",
		.summary = "a here-document runs on after a command failed",
		.why = "BuildKit hands the lines of a here-document to the shell as one script, and a script's status is that of its last command. When a download or a build in the middle fails, the rest runs all the "
		       "same, the step succeeds, and its layer is kept by the cache. Written with && the same commands would have stopped; `set -e` as the first line, or in SHELL, brings that back.",
		.bad = "FROM debian:12\nRUN <<EOF\nmake\nmake install\nEOF\n", .good = "FROM debian:12\nRUN <<EOF\nset -e\nmake\nmake install\nEOF\n" } },
	[SEQUENCE] = { .meta = {
		.name = "run-errors-ignored", .level = LEVEL_WARNING, .since = "2026.1", .topic = "shell",
		.summary = "a command that builds the image is followed by ; and its failure ignored",
		.why = "Behind a ; the next command runs whatever the one before returned, and the step's status is that of the last. An install that failed is found when the image runs, or not at all. && stops "
		       "where it fails; so does `set -e` at the start.",
		.bad = "FROM debian:12\nRUN make; make install\n", .good = "FROM debian:12\nRUN make && make install\n" } },
	{ .meta = { 0 } },
};
