#include "rule/ignore.h"

const char *const ignore_tool_text[] = { "pare", "hadolint", "buildkit", "trivy", "checkov", "kics", "tally" };

static bool blank(char c) { return c == ' ' || c == '\t'; }

static struct str skip_blanks(struct str s)
{
	while (s.n && blank(*s.p))
		s = str_from(s, 1);
	return s;
}

static struct str trim_blanks(struct str s)
{
	s = skip_blanks(s);
	while (s.n && (blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

/* `word` at the start of *s, ASCII case ignored; moves behind it. */
static bool take(struct str *s, const char *word)
{
	struct str w = str_of(word);
	if (s->n < w.n || !str_ieq(str_head(*s, w.n), w))
		return false;
	*s = str_from(*s, w.n);
	return true;
}

/* `word` and at least one blank. */
static bool take_word(struct str *s, const char *word)
{
	struct str rest = *s;
	if (!take(&rest, word) || !rest.n || !blank(*rest.p))
		return false;
	*s = skip_blanks(rest);
	return true;
}

/* `word`, blanks, '=', blanks. */
static bool take_key(struct str *s, const char *word)
{
	struct str rest = *s;
	if (!take(&rest, word))
		return false;
	rest = skip_blanks(rest);
	if (!take(&rest, "="))
		return false;
	*s = skip_blanks(rest);
	return true;
}

bool ignore_name(struct str *names, struct str *name)
{
	while (names->p && names->n) {
		*name = trim_blanks(str_cut(names, ','));
		if (name->n)
			return true;
	}
	return false;
}

bool ignore_lists(struct str names, struct str name)
{
	struct str n;
	while (ignore_name(&names, &n))
		if (str_eq(n, name))
			return true;
	return false;
}

/* The list at the start of *s: names between commas, blanks around the commas. Leaves what follows. */
static struct str take_names(struct str *s)
{
	size_t i = 0, end = 0;
	while (i < s->n) {
		while (i < s->n && !blank(s->p[i]) && s->p[i] != ',' && s->p[i] != '#' && s->p[i] != ';' && s->p[i] != '\r')
			i++;
		end = i;
		while (i < s->n && blank(s->p[i]))
			i++;
		if (i >= s->n || s->p[i] != ',')
			break;
		i++;
		while (i < s->n && blank(s->p[i]))
			i++;
	}
	struct str names = str_head(*s, end);
	*s = skip_blanks(str_from(*s, end));
	return names;
}

static enum ignore_scope take_scope(struct str *s)
{
	return take_word(s, "global") ? IGNORE_FILE : take_word(s, "stage") ? IGNORE_STAGE : IGNORE_NEXT;
}

/* `reason=… until=DATE`, in either order; the reason goes to the end or to the other key. */
static void take_details(struct str s, struct ignore *ret)
{
	while (s.n) {
		while (s.n && (blank(*s.p) || *s.p == ';'))
			s = str_from(s, 1);
		if (take_key(&s, "until")) {
			size_t n = 0;
			while (n < s.n && !blank(s.p[n]) && s.p[n] != ';')
				n++;
			ret->until = str_head(s, n);
			s = str_from(s, n);
		} else if (take_key(&s, "reason")) {
			const char *until = str_find(s, STR(" until="));
			ret->reason = trim_blanks(until ? str_head(s, (size_t)(until - s.p)) : s);
			s = until ? str_from(s, (size_t)(until - s.p)) : str_n("", 0);
		} else {
			if (s.n && *s.p == '#')
				ret->reason = trim_blanks(str_from(s, 1));
			return;
		}
	}
}

static bool pare_or_tally(struct str s, struct ignore *ret)
{
	ret->tool = take_word(&s, "pare") ? IGNORE_PARE : take_word(&s, "tally") ? IGNORE_TALLY : IGNORE_HADOLINT;
	if (ret->tool == IGNORE_HADOLINT)
		return false;
	ret->scope = take_scope(&s);
	if (!take_key(&s, "ignore"))
		return false;
	ret->names = take_names(&s);
	ret->all = str_ieq(ret->names, STR("all"));
	take_details(s, ret);
	return ret->names.n > 0;
}

static bool hadolint(struct str s, struct ignore *ret)
{
	if (!take_word(&s, "hadolint"))
		return false;
	ret->tool = IGNORE_HADOLINT;
	ret->scope = take_scope(&s);
	if (!take_key(&s, "ignore"))
		return false;
	ret->names = take_names(&s);
	if (s.n && *s.p == '#')
		ret->reason = trim_blanks(str_from(s, 1));
	return ret->names.n && (!s.n || *s.p == '#' || *s.p == '\r');
}

static bool buildkit(struct str s, struct ignore *ret)
{
	struct check_options check;
	if (!take_key(&s, "check") || !check_options_parse(s, &check))
		return false;
	ret->tool = IGNORE_BUILDKIT;
	ret->scope = IGNORE_NEXT;
	ret->all = check.skip_all;
	ret->names = check.skip;
	return check.skip_all || check.skip.n;
}

static bool checkov(struct str s, struct ignore *ret)
{
	if (!take(&s, "checkov:skip="))
		return false;
	ret->tool = IGNORE_CHECKOV;
	ret->scope = IGNORE_FILE;
	ret->names = trim_blanks(str_cut(&s, ':'));
	if (s.p)
		ret->reason = trim_blanks(s);
	return ret->names.n > 0;
}

static bool kics(struct str s, struct ignore *ret)
{
	static const struct {
		const char *word;
		enum ignore_scope scope;
	} words[] = { { "ignore-line", IGNORE_LINE }, { "ignore-block", IGNORE_NEXT }, { "ignore", IGNORE_FILE } };
	if (!take_word(&s, "kics-scan"))
		return false;
	ret->tool = IGNORE_KICS;
	if (take_key(&s, "disable")) {
		ret->scope = IGNORE_FILE;
		ret->names = take_names(&s);
		return ret->names.n > 0;
	}
	for (size_t i = 0; i < countof(words); i++)
		if (take(&s, words[i].word)) {
			ret->scope = words[i].scope;
			ret->all = true;
			return !s.n || blank(*s.p) || *s.p == '\r' || *s.p == ':';
		}
	return false;
}

/* `trivy:ignore:ID[:exp:DATE][:ws:NAME]`, then a reason, or the next one. */
static bool trivy(struct str *rest, struct ignore *ret)
{
	const char *at = str_find(*rest, STR("trivy:ignore:"));
	if (!at)
		return false;
	struct str s = str_from(*rest, (size_t)(at - rest->p) + 13);
	size_t n = 0;
	while (n < s.n && !blank(s.p[n]) && s.p[n] != '\r')
		n++;
	struct str word = str_head(s, n);
	*rest = str_from(s, n);
	ret->tool = IGNORE_TRIVY;
	ret->scope = IGNORE_NEXT;
	ret->names = str_cut(&word, ':');
	while (word.p) {
		struct str key = str_cut(&word, ':');
		if (!word.p)
			break;
		struct str value = str_cut(&word, ':');
		if (str_is(key, "exp"))
			ret->until = value;
	}
	struct str reason = trim_blanks(*rest);
	if (!ret->until.p && take_word(&reason, "exp"))
		ret->until = str_cut(&reason, ' ');
	if (!str_find(*rest, STR("trivy:ignore:")))
		ret->reason = trim_blanks(*rest);
	return ret->names.n > 0;
}

bool ignore_next(struct str *rest, struct ignore *ret)
{
	static bool (*const whole[])(struct str, struct ignore *) = { pare_or_tally, hadolint, buildkit, checkov, kics };
	while (rest->p && rest->n) {
		if (*rest->p == '#') { /* the start: all but Trivy's are the whole comment */
			struct str s = skip_blanks(str_from(*rest, 1));
			for (size_t i = 0; i < countof(whole); i++) {
				*ret = (struct ignore){ 0 };
				if (whole[i](s, ret)) {
					*rest = str_n(NULL, 0);
					return true;
				}
			}
		}
		*ret = (struct ignore){ 0 };
		if (!str_find(*rest, STR("trivy:ignore:")))
			break;
		if (trivy(rest, ret))
			return true;
	}
	*rest = str_n(NULL, 0);
	return false;
}

bool ignore_is_hadolints(const struct ignore *i)
{
	struct str names = i->names, name;
	if (i->tool != IGNORE_HADOLINT)
		return false;
	while (ignore_name(&names, &name))
		for (size_t k = 0; k < name.n; k++)
			if (!strchr("DLSC0123456789", name.p[k]) || !name.p[k])
				return false;
	return true;
}

bool ignore_is_date(struct str s)
{
	if (s.n != 10 || s.p[4] != '-' || s.p[7] != '-')
		return false;
	for (size_t i = 0; i < 10; i++)
		if (i != 4 && i != 7 && (s.p[i] < '0' || s.p[i] > '9'))
			return false;
	return true;
}

bool ignore_expired(struct str until, const char today[11]) { return ignore_is_date(until) && memcmp(until.p, today, 10) < 0; }

static bool parse_bool(struct str s, bool *ret)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" }, *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	for (size_t i = 0; i < countof(yes); i++)
		if (str_is(s, yes[i]) || str_is(s, no[i])) {
			*ret = str_is(s, yes[i]);
			return true;
		}
	return false;
}

bool check_options_parse(struct str s, struct check_options *ret)
{
	struct check_options o = { 0 };
	s = trim_blanks(s);
	for (u32 part = 0; s.p && s.n; part++) {
		/* three parts at most: a third takes the rest */
		struct str value = part < 2 ? str_cut(&s, ';') : s;
		if (part >= 2)
			s = str_n(NULL, 0);
		struct str key = trim_blanks(str_cut(&value, '='));
		if (!value.p)
			return false;
		value = trim_blanks(value);
		if (str_is(key, "skip"))
			str_is(value, "all") ? (void)(o.skip_all = true) : (void)(o.skip = value);
		else if (str_is(key, "experimental"))
			str_is(value, "all") ? (void)(o.experimental_all = true) : (void)(o.experimental = value);
		else if (!str_is(key, "error") || !parse_bool(value, &o.error))
			return false;
	}
	*ret = o;
	return true;
}
