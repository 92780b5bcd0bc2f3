/* Single instructions: WORKDIR, EXPOSE, MAINTAINER, ENV and ARG. */
#include "base/buf.h"
#include "lint/edit.h"
#include "secret/secret.h"

extern const struct lint_rule rules_instruction[];
enum { RELATIVE_WORKDIR, PORT, MAINTAINER, SELF_ENV, SECRET_NAME };

/* --- WORKDIR --- */
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void check_workdir(struct lint *l)
{
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		if (in->keyword != DF_WORKDIR || !in->n_args)
			continue;
		struct str s = lint_unquote(in->args[0].s);
		if (!s.n || s.p[0] == '$' || s.p[0] == '/' || (s.n > 1 && letter(s.p[0]) && s.p[1] == ':'))
			continue;
		const struct df_state *st = l->graph.state ? l->graph.state[in->index] : NULL;
		if (l->codes != LINT_HADOLINT && st && st->workdir_set)
			continue; /* below a directory that the file names */
		lint_add_at(l, in, in->args[0].span, "%.*s is relative to whatever directory the base image sets", STR_FMT(s));
	}
}

/* --- EXPOSE --- */
static bool over(struct str s, struct str *rest)
{
	u64 v = 0;
	size_t i = 0;
	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
		v = MIN(v * 10 + (u64)(s.p[i] - '0'), (u64)100000);
	*rest = str_from(s, i);
	return i && v > 65535 && (!rest->n || rest->p[0] == '-' || rest->p[0] == '/');
}

static void check_ports(struct lint *l)
{
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));)
		for (u32 i = 0; in->keyword == DF_EXPOSE && i < in->n_args; i++) {
			struct str rest, s = lint_unquote(in->args[i].s);
			bool bad = over(s, &rest);
			if (!bad && (!rest.n || rest.p[0] != '-' || !over(str_from(rest, 1), &rest)))
				continue;
			lint_add_at(l, in, in->args[i].span, "there is no port %.*s: ports end at 65535", STR_FMT(s));
			if (l->codes == LINT_HADOLINT)
				break;
		}
}

/* --- MAINTAINER --- */
#define AUTHORS "org.opencontainers.image.authors"

static bool has_authors(const struct lint *l, const struct df_stage *s)
{
	for (u32 i = s ? s->first : 0; i < (s ? s->end : l->file.n_instructions); i++)
		for (u32 k = 0; k < l->file.instructions[i].n_pairs; k++)
			if (l->file.instructions[i].keyword == DF_LABEL && str_is(lint_unquote(l->file.instructions[i].pairs[k].name.s), AUTHORS))
				return true;
	return false;
}

/* MAINTAINER fills the author field of the image's configuration, LABEL the key that the OCI image specification has for the same. No instruction and
 * no program in the image can see either, so nothing that is built or run changes, and whom to ask stays written in the image. */
static void fix_maintainer(struct lint *l, struct diagnostic *d, const struct df_instruction *in)
{
	struct str s = str_trim(in->n_args ? in->args[0].s : in->rest.s);
	if (!s.n || in->bad || lint_holds_comment(l, in))
		return;
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.n - 1] == s.p[0] && !memchr(s.p + 1, s.p[0], s.n - 2))
		s = str_n(s.p + 1, s.n - 2);
	struct buf b = BUF(64 * KiB);
	buf_printf(&b, "%s " AUTHORS "=\"", in->word.s.p[0] >= 'a' ? "label" : "LABEL");
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '$' || s.p[i] == l->file.escape)
			buf_putc(&b, l->file.escape);
		buf_putc(&b, s.p[i]);
	}
	buf_putc(&b, '"');
	if (!b.over)
		lint_fix(l, d, FIX_SAFE, "Write it as the label " AUTHORS, (struct df_span){ in->word.span.at, in->span.end }, buf_str(&b));
	buf_free(&b);
}

/* BuildKit reads up to the instruction that it refuses, and says of that one too what it has to say. */
static void check_maintainer(struct lint *l)
{
	bool stage = false, stop = false, asked = false, authors = false;
	for (u32 i = 0; i < l->file.n_instructions && !stop; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		stage |= in->keyword == DF_FROM;
		asked &= in->keyword != DF_FROM;
		stop = l->codes == LINT_BUILDKIT && (in->bad || (!stage && in->keyword != DF_ARG));
		if (in->keyword != DF_MAINTAINER || (in->bad && !stop))
			continue;
		struct diagnostic *d = lint_add(l, in, "MAINTAINER is deprecated: a label says the same");
		if (!asked)
			authors = has_authors(l, lint_stage(l, in));
		asked = true;
		if (!authors)
			fix_maintainer(l, d, in);
	}
}

/* --- ENV that uses what it sets --- */
struct name {
	struct str s;
	u32 pair;
};
struct names {
	struct lint *l;
	const struct df_instruction *in;
	struct name *v;
	u32 n, now;      /* now: the pair whose value is looked at */
	struct str found;
	u64 *budget;     /* of names looked at in earlier instructions */
};

static int name_cmp(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int c = str_cmp(x->s, y->s);
	return c ? c : x->pair < y->pair ? -1 : x->pair > y->pair;
}

/* Whether another pair of the instruction sets the name. */
static bool sets_elsewhere(const struct names *n, struct str name)
{
	u32 lo = 0, hi = n->n;
	while (lo < hi) {
		u32 m = (lo + hi) / 2;
		if (str_cmp(n->v[m].s, name) < 0)
			lo = m + 1;
		else
			hi = m;
	}
	for (; lo < n->n && str_eq(n->v[lo].s, name); lo++)
		if (n->v[lo].pair != n->now)
			return true;
	return false;
}

/* Hadolint remembers every ENV and ARG of the file so far, whatever the stage. */
static bool set_before(const struct names *n, struct str name)
{
	const struct df_state *st = n->l->graph.state ? n->l->graph.state[n->in->index] : NULL;
	if (st && df_state_var(st, name))
		return true;
	for (u32 i = n->l->codes == LINT_HADOLINT ? n->in->index : 0; i > 0 && *n->budget; i--) {
		const struct df_instruction *b = &n->l->file.instructions[i - 1];
		for (u32 k = 0; (b->keyword == DF_ENV || b->keyword == DF_ARG) && k < b->n_pairs && *n->budget; k++, --*n->budget)
			if (str_eq(b->pairs[k].name.s, name))
				return true;
	}
	return false;
}

static bool name_char(char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; }

static void references_hadolint(struct names *n, struct str v)
{
	for (size_t i = 0; i + 1 < v.n && !n->found.p; i++) {
		if (v.p[i] != '$')
			continue;
		bool brace = v.p[i + 1] == '{';
		size_t from = i + 1 + brace, k = from;
		while (k < v.n && name_char(v.p[k]))
			k++;
		struct str name = str_n(v.p + from, k - from);
		if (name.n && (!brace || (k < v.n && v.p[k] == '}')) && sets_elsewhere(n, name) && !set_before(n, name))
			n->found = name;
	}
}

/* What a variable is worth doesn't matter here, only whether it is set: so nothing grows. */
static bool look_up(void *ctx, struct str name, struct str *ret)
{
	const struct names *n = ctx;
	const struct df_state *st = n->l->graph.state ? n->l->graph.state[n->in->index] : NULL;
	const struct df_var *v = st ? df_state_var(st, name) : NULL;
	*ret = STR("x");
	return v && v->value.p;
}

static void used(void *ctx, struct str name, u32 at, bool set, bool provided)
{
	(void)at;
	struct names *n = ctx;
	/* every image has a PATH */
	if (!set && !provided && !n->found.p && !str_is(name, "PATH") && sets_elsewhere(n, name) && !set_before(n, name))
		n->found = str_n(arena_strdup(&n->l->file.arena, name), name.n);
}

static void references(struct names *n, struct str v)
{
	struct word_env env = { .lookup = look_up, .used = used, .ctx = n };
	struct word_options o = { .escape = n->l->file.escape };
	struct str text;
	if (str_chr(v, '$') && word_expand(&n->l->file.arena, v, &o, &env, &text, NULL) < 0)
		return;
}

static void check_self_env(struct lint *l)
{
	u64 budget = 10 * 1000 * 1000;
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));) {
		if (in->keyword != DF_ENV || in->n_pairs < 2)
			continue;
		struct names n = { .l = l, .in = in, .v = xmalloc(in->n_pairs * sizeof *n.v), .n = in->n_pairs, .budget = &budget };
		for (u32 i = 0; i < n.n; i++)
			n.v[i] = (struct name){ in->pairs[i].name.s, i };
		qsort(n.v, n.n, sizeof *n.v, name_cmp);
		for (u32 i = 0; i < in->n_pairs && !n.found.p; i++) {
			n.now = i;
			if (in->pairs[i].value.s.p && l->codes == LINT_HADOLINT)
				references_hadolint(&n, in->pairs[i].value.s);
			else if (in->pairs[i].value.s.p)
				references(&n, in->pairs[i].value.s);
			if (n.found.p)
				lint_add_at(l, in, in->pairs[i].span, "$%.*s has no value yet: this same ENV sets it", STR_FMT(n.found));
		}
		free(n.v);
	}
}

/* --- secrets by name --- */
static bool contains_folded(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++)
		if (str_ieq(str_n(s.p + i, part.n), part))
			return true;
	return false;
}

static bool sensitive_to_hadolint(struct str name)
{
	static const char *const names[] = { "ACCESS_TOKEN", "APPLICATION_KEY", "APP_SECRET", "AUTH_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BITTREX_API_KEY", "BITTREX_API_SECRET",
		"CF_PASSWORD", "CF_USERNAME", "CIRCLE_TOKEN", "CI_DEPLOY_PASSWORD", "CI_DEPLOY_USER", "DOCKERHUB_PASSWORD", "DOCKER_EMAIL", "DOCKER_PASSWORD", "DOCKER_USERNAME", "FACEBOOK_ACCESS_TOKEN",
		"FACEBOOK_APP_ID", "FACEBOOK_APP_SECRET", "FIREBASE_API_TOKEN", "FIREBASE_TOKEN", "FOSSA_API_KEY", "GH_ENTERPRISE_TOKEN", "GH_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITHUB_TOKEN",
		"HEROKU_API_KEY", "HEROKU_API_USER", "NPM_AUTH_TOKEN", "NPM_TOKEN", "OKTA_AUTHN_GROUPID", "OKTA_CLIENT_ORGURL", "OKTA_CLIENT_TOKEN", "OKTA_OAUTH2_CLIENTID", "OKTA_OAUTH2_CLIENTSECRET",
		"OPENAI_API_KEY", "OS_PASSWORD", "OS_USERNAME", "POSTGRES_PASSWORD", "SLACK_TOKEN", "STRIPE_API_KEY", "STRIPE_DEVICE_NAME", "TRAVIS_OS_NAME", "TRAVIS_SECURE_ENV_VARS", "TRAVIS_SUDO",
		"VAULT_CLIENT_KEY", "VAULT_TOKEN" };
	static const char *const parts[] = { "api_key", "client_key", "password", "private", "secret", "token", "username" };
	for (u32 i = 0; i < countof(names); i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	for (u32 i = 0; i < countof(parts); i++)
		if (contains_folded(name, str_of(parts[i])))
			return true;
	return false;
}

/* An ENV without a value, or with one that only stands for it, gives nothing away; an ARG's value comes from outside. */
static bool sensitive(const struct lint *l, const struct df_instruction *in, const struct df_pair *p)
{
	struct str name = lint_unquote(p->name.s), value = lint_unquote(p->value.s);
	if (l->codes == LINT_HADOLINT)
		return sensitive_to_hadolint(name);
	if (!secret_name(name) || (value.n && value.p[0] == '/'))
		return false;
	if (in->keyword == DF_ARG)
		return true;
	return lint_ships(l, in) && value.n && (str_chr(value, '$') || !secret_placeholder(value));
}

static void check_secrets(struct lint *l)
{
	for (const struct df_instruction *in = NULL; (in = lint_next(l, in));)
		for (u32 i = 0; (in->keyword == DF_ENV || in->keyword == DF_ARG) && i < in->n_pairs; i++) {
			const struct df_pair *p = &in->pairs[i];
			if (!sensitive(l, in, p))
				continue;
			if (in->keyword == DF_ARG)
				lint_add_at(l, in, p->span, "the value of %.*s stays readable in the image's history and provenance: mount it as a secret", STR_FMT(p->name.s));
			else
				lint_add_at(l, in, p->span, "whoever has the image can read %.*s: mount it as a secret, or give it at run time", STR_FMT(p->name.s));
			if (l->codes == LINT_HADOLINT)
				break;
		}
}

const struct lint_rule rules_instruction[] = {
	[RELATIVE_WORKDIR] = { .meta = {
		.name = "workdir-relative", .hadolint = "DL3000", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0009 trivy:DS009 trivy:AVD-DS-0009 checkov:CKV_DOCKER_10 kics:6b376af8-cfe8-49ab-a08d-f32de23661a4",
		.summary = "WORKDIR is relative, and nothing in the file says relative to what",
		.why = "A relative WORKDIR is below the one before it, and the first of a file is below the base image's: when that changes, so does everything behind. "
		       "Below a WORKDIR of the same file it is clear, and the rule is silent.",
		.bad = "FROM debian:12\nWORKDIR app\n", .good = "FROM debian:12\nWORKDIR /srv\nWORKDIR app\n" },
		check_workdir },
	[PORT] = { .meta = {
		.name = "port-range", .hadolint = "DL3011", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.aliases = "trivy:DS-0008 trivy:DS008 trivy:AVD-DS-0008 kics:71bf8cf8-f0a1-42fa-b9d2-d10525e0a38e",
		.summary = "EXPOSE names a port that cannot be",
		.why = "A port is a number of 16 bits. One over 65535 is a typing error; the build fails on it, or the port that was meant is not published.",
		.bad = "FROM debian:12\nEXPOSE 80000\n", .good = "FROM debian:12\nEXPOSE 8000\n" },
		check_ports },
	[MAINTAINER] = { .meta = {
		.name = "maintainer", .hadolint = "DL4000", .buildkit = "MaintainerDeprecated", .level = LEVEL_ERROR, .since = "2026.1", .topic = "metadata",
		.aliases = "trivy:DS-0022 trivy:DS022 trivy:AVD-DS-0022 checkov:CKV_DOCKER_6 kics:99614418-f82b-4852-a9ae-5051402b741c",
		.summary = "MAINTAINER is deprecated",
		.why = "MAINTAINER fills a field that nothing reads any more. A label says the same, can be searched for, and the OCI image specification has a key for it: org.opencontainers.image.authors.",
		.bad = "FROM debian:12\nMAINTAINER Jo <jo@example.com>\n", .good = "FROM debian:12\nLABEL org.opencontainers.image.authors=\"Jo <jo@example.com>\"\n" },
		check_maintainer },
	[SELF_ENV] = { .meta = {
		.name = "env-uses-itself", .hadolint = "DL3044", .level = LEVEL_ERROR, .since = "2026.1", .topic = "correctness",
		.summary = "ENV uses a variable that the same ENV sets",
		.why = "All values of one ENV are expanded before any of them is set: the variable has the value it had before the instruction, which here is none. Two ENV instructions do what was meant.",
		.bad = "FROM debian:12\nENV HOME_DIR=/srv BIN_DIR=$HOME_DIR/bin\n", .good = "FROM debian:12\nENV HOME_DIR=/srv\nENV BIN_DIR=$HOME_DIR/bin PATH=/a:$PATH\n" },
		check_self_env },
	[SECRET_NAME] = { .meta = {
		.name = "secret-variable", .hadolint = "DL3064", .level = LEVEL_WARNING, .since = "2026.1", .topic = "security",
		.aliases = "trivy:DS-0031 trivy:DS031 trivy:AVD-DS-0031",
		.summary = "ENV or ARG holds what its name says is a secret",
		.why = "ENV is part of the image's configuration, and the values of build arguments are kept in its history and provenance: whoever can pull the image can read both, "
		       "and unsetting them later takes nothing back. RUN --mount=type=secret gives a secret to one instruction and leaves no trace; at run time it is given by whoever runs the container. "
		       "Names that end in _FILE or _PATH, and values that are paths, are how it should be.",
		.bad = "FROM debian:12\nARG NPM_TOKEN\n", .good = "FROM debian:12\nENV NPM_TOKEN_FILE=/run/secrets/npm GOPRIVATE=example.com\n" },
		check_secrets },
	{ .meta = { 0 } },
};
