/* Who runs: USER, sudo, and how accounts are made. */
#include "lint/edit.h"

enum { ROOT, NAMED, SUDO, HIGH_UID };
extern const struct lint_rule rules_user[];
#define AS(l, r) ((l)->rule = &rules_user[r])

static struct str account(struct str user)
{
	const char *colon = str_chr(user, ':');
	return colon ? str_head(user, (size_t)(colon - user.p)) : user;
}

static bool is_root(struct str user)
{
	struct str a = account(user);
	return str_is(a, "root") || str_is(a, "0");
}

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* --- USER --- */
static const struct df_instruction *last_user_of(const struct lint *l, const struct df_stage *s)
{
	for (u32 i = s->end; i > s->first; i--) {
		const struct df_instruction *in = &l->file.instructions[i - 1];
		if (in->keyword == DF_USER && in->n_args && !in->bad)
			return in;
	}
	return NULL;
}

/* The number that a RUN of the stage, or of one it is built on, gave the account. */
static struct str number_of(const struct lint *l, u32 stage, struct str name)
{
	for (u32 i = 0; i < l->n_scripts; i++) {
		const struct lint_script *s = &l->scripts[i];
		if (s->in->keyword != DF_RUN || !s->posix || s->stage == DF_NONE || !(s->stage == stage || l->graph.stages[s->stage].ships))
			continue;
		for (u32 k = 0; k < s->commands.n; k++) {
			const struct sh_command *c = &s->commands.v[k];
			if ((!sh_is(c, "useradd") && !sh_is(c, "adduser")) || !c->n_args || !str_eq(c->args[c->n_args - 1].text, name))
				continue;
			struct str v = sh_flag_value(c, "u");
			if (!v.p)
				v = sh_flag_value(c, "uid");
			if (v.n && is_number(v))
				return v;
		}
	}
	return str_n(NULL, 0);
}

static void check_last_user(struct lint *l)
{
	u32 target = l->graph.target;
	const struct df_instruction *in = target == DF_NONE ? NULL : lint_last(l, target, DF_USER);
	if (!in || !in->n_args)
		return;
	bool known;
	struct str user = lint_expand(l, in, in->args[0].s, &known);
	if (!known || !user.n)
		return;
	if (is_root(user)) {
		AS(l, ROOT);
		lint_add(l, in, "the image runs as root: its last USER is %.*s", STR_FMT(user));
	} else if (!is_number(account(user)) && !l->graph.stages[target].windows) {
		AS(l, NAMED);
		struct diagnostic *d = lint_add_at(l, in, in->args[0].span, "%.*s is a name: what runs the image cannot tell that it is not root", STR_FMT(account(user)));
		struct str number = number_of(l, target, account(user)), written = account(in->args[0].s);
		if (number.p && str_eq(written, account(user)))
			lint_fix(l, d, FIX_SUGGESTED, "Name the user by its number", (struct df_span){ in->args[0].span.at, in->args[0].span.at + (u32)written.n }, number);
	}
}

static bool uses_arg(const struct lint *l, const struct df_instruction *in, struct str uid)
{
	for (u32 i = 0; i < in->index && uid.n < 256; i++) {
		const struct df_instruction *a = &l->file.instructions[i];
		for (u32 k = 0; a->keyword == DF_ARG && k < a->n_pairs; k++) {
			struct str name = a->pairs[k].name.s;
			for (size_t at = 0; at + 1 < uid.n; at++)
				if (uid.p[at] == '$' && str_starts(str_from(uid, at + 1 + (uid.p[at + 1] == '{')), name))
					return true;
		}
	}
	return false;
}

/* Hadolint: the last USER of every stage for root, that of the last stage for names. */
static void check_user_hadolint(struct lint *l)
{
	const struct df_instruction *last = NULL;
	for (u32 i = 0; i < l->graph.n_stages; i++) {
		const struct df_stage *s = &l->graph.stages[i];
		last = last_user_of(l, s);
		AS(l, ROOT);
		if (last && s->from != DF_NONE && is_root(last->args[0].s))
			lint_add(l, last, "the last USER of this stage is root");
	}
	AS(l, NAMED);
	if (last && !is_number(account(last->args[0].s)) && !uses_arg(l, last, last->args[0].s))
		lint_add(l, last, "%.*s is a name: what runs the image cannot tell that it is not root", STR_FMT(account(last->args[0].s)));
}

static void check_user(struct lint *l)
{
	if (l->codes == LINT_HADOLINT)
		check_user_hadolint(l);
	else
		check_last_user(l);
}

/* --- sudo --- */
/* What `sudo [-E] [-n] command` is without it; false: other options mean something. */
static bool without_sudo(const struct lint *l, const struct lint_script *s, const struct sh_command *c, struct df_span *ret)
{
	static const char *const idle[] = { "-E", "-n", "-H", "-En", "-EH", "-nE", "-HE", "--preserve-env", "--non-interactive", "--" };
	u32 i = 0;
	while (i < c->n_args && c->args[i].text.n && c->args[i].text.p[0] == '-') {
		bool known = false;
		for (u32 k = 0; k < countof(idle); k++)
			known |= str_is(c->args[i].text, idle[k]);
		if (!known)
			return false;
		i++;
	}
	if (i == c->n_args || c->wrapped || !c->node->n_words)
		return false;
	*ret = lint_span(s, c->node->words[0].at, c->args[i].at);
	return !memchr(l->file.text.p + ret->at, '\n', ret->end - ret->at);
}

/* Whether commands run as root here: USER says so, or nobody said anything else. */
static bool runs_as_root(const struct lint *l, const struct df_instruction *in)
{
	const struct df_state *st = l->graph.state ? l->graph.state[in->index] : NULL;
	return st && (!st->user.p || is_root(st->user));
}

#define SUDOS 100 /* of one RUN that are taken out at once */

static void sudo_of(struct lint *l, const struct lint_script *s)
{
	struct diagnostic *d = NULL;
	bool fixable = runs_as_root(l, s->in);
	for (u32 k = 0, n = 0; k < s->commands.n && fixable; k++) {
		struct df_span cut;
		if (sh_is(&s->commands.v[k], "sudo"))
			fixable = ++n <= SUDOS && without_sudo(l, s, &s->commands.v[k], &cut);
	}
	for (u32 k = 0; k < s->commands.n; k++) {
		const struct sh_command *c = &s->commands.v[k];
		struct df_span cut;
		if (l->codes == LINT_HADOLINT ? !str_is(c->name, "sudo") : !sh_is(c, "sudo"))
			continue;
		if (!d)
			d = lint_add_cmd(l, s, c, "%s", fixable ? "sudo changes nothing here: the command runs as root without it" : "sudo in a build: let USER say who runs what");
		if (fixable && without_sudo(l, s, c, &cut)) {
			if (d->fix)
				lint_fix_add(l, d, cut, str_n("", 0));
			else
				lint_fix(l, d, FIX_SUGGESTED, "Remove sudo", cut, str_n("", 0));
		}
	}
}

static void check_sudo(struct lint *l)
{
	u32 last = UINT32_MAX;
	for (const struct lint_script *s = NULL; (s = lint_next_run(l, s));) {
		u32 before = l->out->n;
		if (s->in->index != last || l->codes != LINT_HADOLINT)
			sudo_of(l, s);
		if (l->out->n != before)
			last = s->in->index;
	}
}

/* --- useradd with a high number --- */
static bool forgets_l(const struct lint *l, const struct sh_command *c)
{
	static const char *const no_log[] = { "l", "no-log-init", NULL };
	if ((l->codes == LINT_HADOLINT ? !str_is(c->name, "useradd") : !sh_is(c, "useradd")) || sh_has_any_flag(c, no_log))
		return false;
	struct str uid = sh_flag_value(c, "u");
	if (!uid.p && l->codes != LINT_HADOLINT)
		uid = sh_flag_value(c, "uid");
	return uid.n > 5 && (l->codes == LINT_HADOLINT || is_number(uid));
}

static void check_uid(struct lint *l)
{
	u32 last = UINT32_MAX;
	lint_each_command(l, s, c) {
		if (!forgets_l(l, c) || (l->codes == LINT_HADOLINT && s->in->index == last))
			continue;
		last = s->in->index;
		struct diagnostic *d = lint_add_cmd(l, s, c, "useradd without -l: the high number makes /var/log/lastlog and faillog huge");
		if (!c->wrapped && c->node->n_words)
			lint_fix(l, d, FIX_SUGGESTED, "Add -l to useradd", lint_span(s, c->node->words[0].end, c->node->words[0].end), STR(" -l"));
	}
}

const struct lint_rule rules_user[] = {
	[ROOT] = { .meta = {
		.name = "root-user", .hadolint = "DL3002", .level = LEVEL_WARNING, .since = "2026.1", .topic = "security",
		.aliases = "trivy:DS-0002 trivy:DS002 trivy:AVD-DS-0002 checkov:CKV_DOCKER_8 kics:67fd0c4a-68cf-46d7-8c41-bc9fba7e40ae",
		.summary = "the image's last USER is root",
		.why = "What runs as root in a container is root to everything that is mounted into it, and one kernel fault away from being root outside. Switch to root for the instructions that need it, and back. "
		       "Stages that only build may end as root.",
		.bad = "FROM debian:12\nUSER root\n", .good = "FROM debian:12 AS build\nUSER root\nFROM debian:12\nUSER root\nRUN apt-get update\nUSER 1000\n" },
		check_user },
	[NAMED] = { .meta = {
		.name = "user-by-name", .hadolint = "DL3066", .level = LEVEL_INFO, .since = "2026.1", .topic = "security",
		.summary = "the image's last USER is a name, not a number",
		.why = "Kubernetes' runAsNonRoot, among others, reads the configuration and not the image's /etc/passwd: it cannot tell whether a name is root and refuses to start the container. A number says it.",
		.bad = "FROM debian:12\nRUN useradd -u 1000 app\nUSER app\n", .good = "FROM debian:12\nRUN useradd -u 1000 app\nUSER 1000\n" } },
	[SUDO] = { .meta = {
		.name = "run-sudo", .hadolint = "DL3004", .level = LEVEL_ERROR, .since = "2026.1", .topic = "security",
		.aliases = "trivy:DS-0010 trivy:DS010 trivy:AVD-DS-0010 checkov:CKV2_DOCKER_1 kics:8ada6e80-0ade-439e-b176-0b28f6bce35a",
		.summary = "a RUN calls sudo",
		.why = "A build runs as root unless USER says otherwise, so sudo does nothing there, and where USER does, a second USER is clearer. sudo in an image is one more setuid program that whoever gets in can use; "
		       "it resets the environment, and it does not hand on signals as one expects. To become another user when the container starts, gosu or setpriv do less.",
		.bad = "FROM debian:12\nRUN sudo apt-get update\n", .good = "FROM debian:12\nRUN apt-get update\n" },
		check_sudo },
	[HIGH_UID] = { .meta = {
		.name = "useradd-high-uid", .hadolint = "DL3046", .level = LEVEL_WARNING, .since = "2026.1", .topic = "size",
		.summary = "useradd with a high number and without -l",
		.why = "useradd makes room for the user in /var/log/lastlog and /var/log/faillog, at an offset that grows with the number. The files are sparse, but a layer's archive is not: "
		       "a number of ten digits makes a layer of gigabytes. With -l (--no-log-init) it leaves them alone.",
		.bad = "FROM debian:12\nRUN useradd -u 1234567 app\n", .good = "FROM debian:12\nRUN useradd -l -u 1234567 app\n" },
		check_uid },
	{ .meta = { 0 } },
};
