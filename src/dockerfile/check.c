#include "dockerfile/parser.h"

enum flag_kind { BOOL, ONE, MANY };
static const struct flag_rule {
	enum df_keyword keyword;
	const char *name;
	enum flag_kind kind;
} flag_rules[] = {
	{ DF_ADD, "chown", ONE }, { DF_ADD, "chmod", ONE }, { DF_ADD, "link", BOOL }, { DF_ADD, "keep-git-dir", BOOL }, { DF_ADD, "checksum", ONE },
	{ DF_ADD, "unpack", BOOL }, { DF_ADD, "exclude", MANY },
	{ DF_COPY, "chown", ONE }, { DF_COPY, "from", ONE }, { DF_COPY, "chmod", ONE }, { DF_COPY, "link", BOOL }, { DF_COPY, "parents", BOOL }, { DF_COPY, "exclude", MANY },
	{ DF_FROM, "platform", ONE },
	{ DF_RUN, "mount", MANY }, { DF_RUN, "network", ONE }, { DF_RUN, "security", ONE }, { DF_RUN, "device", MANY },
	{ DF_HEALTHCHECK, "interval", ONE }, { DF_HEALTHCHECK, "timeout", ONE }, { DF_HEALTHCHECK, "start-period", ONE }, { DF_HEALTHCHECK, "start-interval", ONE },
	{ DF_HEALTHCHECK, "retries", ONE },
};

struct check {
	struct df_parser *p;
	struct df_instruction *in;
	bool fatal;
	const char *name; /* of the instruction */
};

#define refuse(c, ...) df_error_add((c)->p, (c)->in, (c)->in->line, (c)->fatal, __VA_ARGS__)
#define CUT(s) (int)MIN((s).n, (size_t)80), (s).p

static const struct flag_rule *flag_rule(enum df_keyword k, struct str name)
{
	for (u32 i = 0; i < countof(flag_rules); i++)
		if (flag_rules[i].keyword == k && str_is(name, flag_rules[i].name))
			return &flag_rules[i];
	return NULL;
}

static bool check_flags(const struct check *c)
{
	u32 used = 0;
	for (u32 i = 0; i < c->in->n_flags; i++) {
		const struct df_flag *f = &c->in->flags[i];
		const struct flag_rule *r = flag_rule(c->in->keyword, f->name);
		if (!r)
			return refuse(c, "unknown flag: --%.*s", CUT(f->name));
		u32 bit = 1u << (r - flag_rules);
		if (used & bit && r->kind != MANY)
			return refuse(c, "duplicate flag specified: --%.*s", CUT(f->name));
		used |= bit;
		if (r->kind != BOOL ? !f->value.p : f->value.p && f->value.n == 0)
			return refuse(c, "missing a value on flag: --%.*s", CUT(f->name));
		if (r->kind == BOOL && f->value.p && !str_ieq(f->value, STR("true")) && !str_ieq(f->value, STR("false")))
			return refuse(c, "expecting boolean value for flag --%.*s, not: %.*s", CUT(f->name), CUT(f->value));
	}
	return true;
}

/* A mount's fields are a line of CSV; all but this much of them is judged when they are expanded, in a build. */
static bool check_mount(const struct check *c, struct str v)
{
	for (size_t i = 0; i <= v.n;) {
		bool quoted = i < v.n && v.p[i] == '"';
		size_t from = i + quoted, end = from;
		while (end < v.n && (quoted ? v.p[end] != '"' || (end + 1 < v.n && v.p[end + 1] == '"') : v.p[end] != ',')) {
			if (!quoted && v.p[end] == '"')
				return refuse(c, "failed to parse csv mounts: a bare \" in a field");
			end += quoted && v.p[end] == '"' ? 2 : 1;
		}
		if (quoted && (end >= v.n || (end + 1 < v.n && v.p[end + 1] != ',')))
			return refuse(c, "failed to parse csv mounts: a quote that is not closed, or more behind it");
		struct str field = str_n(v.p + from, end - from), name = str_cut(&field, '=');
		const char *dollar = field.p && str_ieq(name, STR("from")) ? str_chr(field, '$') : NULL;
		if (dollar && dollar + 1 < field.p + field.n)
			return refuse(c, "'from' doesn't support variable expansion, define alias stage instead");
		i = end + quoted + 1;
	}
	return true;
}

static bool check_run(const struct check *c)
{
	if (!check_flags(c))
		return false;
	for (const struct df_flag *f = NULL; (f = df_flags_next(c->in, "mount", f));)
		if (!check_mount(c, f->value))
			return false;
	const struct df_flag *net = df_flag(c->in, "network"), *sec = df_flag(c->in, "security");
	if (net && !str_is(net->value, "default") && !str_is(net->value, "none") && !str_is(net->value, "host"))
		return refuse(c, "invalid network mode: %.*s", CUT(net->value));
	if (sec && !str_is(sec->value, "sandbox") && !str_is(sec->value, "insecure"))
		return refuse(c, "security %.*s is not valid", CUT(sec->value));
	return true;
}

static bool check_from(const struct check *c)
{
	const struct df_word *a = c->in->args;
	if (c->in->n_args != 1 && !(c->in->n_args == 3 && str_ieq(a[1].s, STR("as"))))
		return refuse(c, "FROM requires either one or three arguments");
	struct str s = c->in->n_args == 3 ? a[2].s : STR("x");
	for (size_t i = 0; i < s.n; i++) {
		bool alpha = (s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z', other = (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' || s.p[i] == '_' || s.p[i] == '.';
		if (!alpha && !(i && other))
			return refuse(c, "invalid name for build stage: \"%.*s\", name can't start with a number or contain symbols", CUT(s));
	}
	return check_flags(c);
}

static bool check_copy(const struct check *c)
{
	if (c->in->n_args < 2)
		return refuse(c, "%s requires at least two arguments, but only one was provided. Destination could not be determined", c->name);
	if (!check_flags(c))
		return false;
	struct df_heredoc h;
	struct error err = { 0 };
	if (df_heredoc_word(c->p->a, c->in->args[c->in->n_args - 1].s, &h, &err) == 1)
		return refuse(c, "%s cannot accept a heredoc as a destination", c->name);
	return true;
}

static bool check_pairs(const struct check *c)
{
	if (c->in->keyword != DF_ARG && !check_flags(c))
		return false;
	if (c->in->n_pairs == 0)
		return refuse(c, "%s requires at least one argument", c->name);
	for (u32 i = 0; i < c->in->n_pairs; i++)
		if (c->in->pairs[i].name.s.n == 0)
			return refuse(c, "%s names can not be blank", c->name);
	return true;
}

/* Digits in front of *s as a number that is not over 2^63; false: it is. */
static bool leading(struct str *s, u64 *v, u64 *scale)
{
	u64 max = (u64)1 << 63;
	bool over = false;
	for (*v = 0; s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_from(*s, 1)) {
		u64 next = *v * 10 + (u64)(s->p[0] - '0');
		over = over || *v > max / 10 || next > max;
		if (over && scale)
			continue; /* more digits of a fraction than count */
		if (over)
			return false;
		*v = next;
		if (scale)
			*scale *= 10;
	}
	return true;
}

bool df_duration(struct str s, s64 *ns)
{
	static const struct { const char *unit; u64 ns; } units[] = { { "ns", 1 }, { "us", 1000 }, { "\xC2\xB5s", 1000 }, { "\xCE\xBCs", 1000 }, { "ms", 1000000 }, { "s", 1000000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 } };
	u64 total = 0, max = (u64)1 << 63;
	bool minus = s.n && s.p[0] == '-';
	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_from(s, 1);
	if (str_is(s, "0")) {
		*ns = 0;
		return true;
	}
	if (s.n == 0)
		return false;
	while (s.n) {
		u64 v, part = 0, scale = 1;
		size_t before = s.n;
		if (!leading(&s, &v, NULL))
			return false;
		bool had = s.n != before;
		if (s.n && s.p[0] == '.') {
			s = str_from(s, 1);
			before = s.n;
			if (!leading(&s, &part, &scale))
				return false;
			had = had || s.n != before;
		}
		size_t k = 0;
		while (k < s.n && s.p[k] != '.' && (s.p[k] < '0' || s.p[k] > '9'))
			k++;
		u32 u = 0;
		while (u < countof(units) && !str_is(str_head(s, k), units[u].unit))
			u++;
		if (!had || u == countof(units) || v > max / units[u].ns)
			return false;
		v = v * units[u].ns + (u64)((double)part * ((double)units[u].ns / (double)scale));
		if (v > max || total + v > max)
			return false;
		total += v;
		s = str_from(s, k);
	}
	if (total == max && !minus)
		return false;
	*ns = total == max ? INT64_MIN : minus ? -(s64)total : (s64)total;
	return true;
}

bool df_is_signal(struct str s)
{
	static const char names[] = "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
				    " RTMIN RTMAX";
	char name[8];
	u64 n;

	if (str_to_u64(s, &n))
		return n != 0;
	if (str_ieq(str_head(s, 3), STR("SIG")))
		s = str_from(s, 3);
	if (str_ieq(str_head(s, 6), STR("RTMIN+")) || str_ieq(str_head(s, 6), STR("RTMAX-")))
		return str_to_u64(str_from(s, 6), &n) && n && n <= 15;
	if (!s.n || s.n > sizeof name || str_chr(s, ' '))
		return false;
	for (size_t i = 0; i < s.n; i++)
		name[i] = (char)(s.p[i] >= 'a' && s.p[i] <= 'z' ? s.p[i] - 32 : s.p[i]);
	return str_among(str_n(name, s.n), names);
}

static bool check_health(const struct check *c)
{
	static const char *const times[] = { "interval", "timeout", "start-period", "start-interval" };
	if (c->in->n_args == 0)
		return refuse(c, "HEALTHCHECK requires at least one argument");
	struct str type = c->in->args[0].s;
	if (str_ieq(type, STR("none")))
		return c->in->n_args == 1 || refuse(c, "HEALTHCHECK NONE takes no arguments");
	if (!check_flags(c))
		return false;
	if (!str_ieq(type, STR("cmd")))
		return refuse(c, "unknown type \"%.*s\" in HEALTHCHECK (try CMD)", CUT(type));
	if (c->in->n_args == 1)
		return refuse(c, "missing command after HEALTHCHECK CMD");
	for (u32 i = 0; i < countof(times); i++) {
		const struct df_flag *f = df_flag(c->in, times[i]);
		s64 ns;
		if (!f || f->value.n == 0)
			continue;
		if (!df_duration(f->value, &ns))
			return refuse(c, "invalid duration \"%.*s\" of --%s", CUT(f->value), times[i]);
		if (ns && ns < 1000000)
			return refuse(c, "interval \"%s\" cannot be less than 1ms", times[i]);
	}
	const struct df_flag *r = df_flag(c->in, "retries");
	if (!r || r->value.n == 0)
		return true;
	u64 n;
	if (r->value.p[0] == '-')
		return refuse(c, "--retries cannot be negative (%.*s)", CUT(r->value));
	if (!str_to_u64(str_from(r->value, r->value.p[0] == '+'), &n) || n > INT32_MAX)
		return refuse(c, "--retries is no number: \"%.*s\"", CUT(r->value));
	return true;
}

static bool check_onbuild(const struct check *c)
{
	if (!c->in->trigger)
		return refuse(c, "ONBUILD requires at least one argument");
	if (!check_flags(c))
		return false;
	struct df_instruction *t = (struct df_instruction *)c->in->trigger;
	if (t->keyword == DF_ONBUILD)
		return refuse(c, "chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (t->keyword == DF_FROM || t->keyword == DF_MAINTAINER)
		return refuse(c, "%s isn't allowed as an ONBUILD trigger", df_keyword_text[t->keyword]);
	df_check(c->p, t, false); /* BuildKit reads it where it is triggered */
	return true;
}

static bool check_volume(const struct check *c)
{
	if (c->in->n_args == 0)
		return refuse(c, "VOLUME requires at least one argument");
	if (!check_flags(c))
		return false;
	for (u32 i = 0; i < c->in->n_args; i++) {
		u32 at = 0, end = (u32)c->in->args[i].s.n;
		df_trim(c->in->args[i].s, &at, &end);
		if (at == end)
			return refuse(c, "VOLUME specified can not be an empty string");
	}
	return true;
}

static bool check_one(const struct check *c)
{
	if (c->in->n_args != 1)
		return refuse(c, "%s requires exactly one argument", c->name);
	return c->in->keyword == DF_STOPSIGNAL || check_flags(c);
}

void df_check(struct df_parser *p, struct df_instruction *in, bool fatal)
{
	struct check c = { p, in, fatal, df_keyword_text[in->keyword] };
	switch (in->keyword) {
	case DF_ADD:
	case DF_COPY: check_copy(&c); break;
	case DF_ARG:
	case DF_ENV:
	case DF_LABEL: check_pairs(&c); break;
	case DF_CMD:
	case DF_ENTRYPOINT: check_flags(&c); break;
	case DF_RUN: check_run(&c); break;
	case DF_EXPOSE:
		if (in->n_args == 0)
			refuse(&c, "EXPOSE requires at least one argument");
		else
			check_flags(&c);
		break;
	case DF_FROM: check_from(&c); break;
	case DF_HEALTHCHECK: check_health(&c); break;
	case DF_ONBUILD: check_onbuild(&c); break;
	case DF_VOLUME: check_volume(&c); break;
	case DF_SHELL:
		if (check_flags(&c) && in->n_args == 0)
			refuse(&c, "SHELL requires at least one argument");
		else if (in->n_args && !in->json)
			refuse(&c, "SHELL requires the arguments to be in JSON form");
		break;
	case DF_MAINTAINER:
	case DF_STOPSIGNAL:
	case DF_USER:
	case DF_WORKDIR: check_one(&c); break;
	case DF_UNKNOWN:
	case DF_KEYWORDS: refuse(&c, "unknown instruction: %.*s", CUT(in->word.s)); break;
	}
}
