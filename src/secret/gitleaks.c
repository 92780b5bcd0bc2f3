/* Rules of the user's, in the format of gitleaks' configuration (TOML).
 *
 * Understood: [extend] useDefault, disabledRules; [[rules]] id, description, regex, path, keywords, entropy, secretGroup, tags, [[rules.allowlists]] and [rules.allowlist];
 * [[allowlists]] and [allowlist], with targetRules; of allowlists condition, regexTarget, regexes, paths, stopwords. A rule with the id of a built-in one replaces it, or, without a
 * regex, changes what it names. Commits mean nothing here. Refused, since they would not do what is asked: extend.path, rules.required.
 *
 * Patterns are Go's (RE2): what both know means the same to PCRE2, once `$` is the very end and a line ends in LF alone. Characters beyond bytes (\x{100}) are refused. A pattern is
 * tried around its keywords (512 bytes in front of them, 4096 behind), everywhere when there are none. */
#include "base/file.h"
#include "base/json.h"
#include "base/toml.h"
#include "secret/set.h"
#include <ctype.h>

#define FILE_MAX ((size_t)(4 * MiB))
#define RULES_MAX 4096u
#define TEXT_MAX ((size_t)(16 * KiB)) /* a pattern */
#define WORD_MAX ((size_t)200)

static int bad(struct error *err, const char *where, const char *what) { return error_set(err, ERR_USAGE, "%.100s: %s", where, what); }

/* A list of strings, or one string; none when absent. */
static int texts(struct secret_set *s, const json_t *o, const char *key, const char *where, const char ***ret, u32 *n, struct error *err)
{
	const json_t *v = json_object_get(o, key), *one;
	size_t count = json_is_array(v) ? json_array_size(v) : json_is_string(v) ? 1 : 0;
	if (v && !json_is_array(v) && !json_is_string(v))
		return error_set(err, ERR_USAGE, "%.100s: %s is no list of strings", where, key);
	const char **list = arena_array(&s->arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++) {
		one = json_is_array(v) ? json_array_get(v, i) : v;
		if (!json_is_string(one) || json_string_length(one) > TEXT_MAX)
			return error_set(err, ERR_USAGE, "%.100s: %s is no list of strings, or one is too long", where, key);
		list[i] = arena_strdup(&s->arena, str_n(json_string_value(one), json_string_length(one)));
	}
	*ret = list;
	*n = (u32)count;
	return 0;
}

static int codes(struct secret_set *s, const char *const *patterns, u32 n, const char *where, pcre2_code ***ret, struct error *err)
{
	*ret = arena_array(&s->arena, pcre2_code *, n + 1);
	for (u32 i = 0; i < n; i++)
		if (!((*ret)[i] = secret_compile(patterns[i], PCRE2_DOLLAR_ENDONLY, err)))
			return error_wrap(err, "%.100s: allowlist", where);
	return 0;
}

static int allowlist(struct secret_set *s, const json_t *o, const char *where, struct error *err)
{
	struct allowlist a = { .target = ALLOW_SECRET };
	const char *condition = json_text(o, "condition"), *target = json_text(o, "regexTarget");
	if (!json_is_object(o))
		return bad(err, where, "an allowlist is no table");
	if (condition && strcasecmp(condition, "and") != 0 && strcmp(condition, "&&") != 0 && strcasecmp(condition, "or") != 0 && strcmp(condition, "||") != 0)
		return bad(err, where, "allowlist: condition is AND or OR");
	if (target && strcmp(target, "match") != 0 && strcmp(target, "line") != 0 && strcmp(target, "secret") != 0 && *target)
		return bad(err, where, "allowlist: regexTarget is secret, match or line");
	a.all = condition && (strcasecmp(condition, "and") == 0 || strcmp(condition, "&&") == 0);
	a.target = target && strcmp(target, "match") == 0 ? ALLOW_MATCH : target && strcmp(target, "line") == 0 ? ALLOW_LINE : ALLOW_SECRET;
	if (texts(s, o, "regexes", where, &a.regexes, &a.n_regexes, err) < 0 || texts(s, o, "paths", where, &a.paths, &a.n_paths, err) < 0 || texts(s, o, "stopwords",
	  where, &a.stopwords, &a.n_stopwords, err) < 0 ||
	    texts(s, o, "targetRules", where, &a.rules, &a.n_rules, err) < 0)
		return -1;
	for (u32 i = 0; i < a.n_stopwords; i++)
		for (char *c = (char *)a.stopwords[i]; *c; c++)
			*c = (char)tolower((u8)*c);
	int status = codes(s, a.regexes, a.n_regexes, where, &a.regex_codes, err);
	if (status == 0)
		status = codes(s, a.paths, a.n_paths, where, &a.path_codes, err);
	else
		a.n_paths = 0;
	/* it joins the set in any case: what was compiled is freed there */
	s->allows = xrealloc(s->allows, (s->n_allows + 1) * sizeof *s->allows);
	s->allows[s->n_allows++] = a;
	return status;
}

/* "allowlists", the older "allowlist" (one, or several). */
static int allowlists(struct secret_set *s, const json_t *o, const char *where, struct error *err)
{
	static const char *const names[] = { "allowlists", "allowlist" };
	for (u32 k = 0; k < countof(names); k++) {
		const json_t *v = json_object_get(o, names[k]);
		if (json_is_array(v)) {
			for (size_t i = 0; i < json_array_size(v); i++)
				if (allowlist(s, json_array_get(v, i), where, err) < 0)
					return -1;
		} else if (v && allowlist(s, v, where, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static int keywords(struct secret_set *s, const json_t *o, const char *where, const char **ret, struct error *err)
{
	const char **list;
	u32 n;
	struct buf joined = BUF(0);
	if (texts(s, o, "keywords", where, &list, &n, err) < 0)
		return -1;
	for (u32 i = 0; i < n; i++) {
		size_t len = strlen(list[i]);
		if (len == 0 || len > WORD_MAX || strchr(list[i], '\n')) {
			buf_free(&joined);
			return bad(err, where, "a keyword that is empty, too long or of several lines");
		}
		buf_printf(&joined, "%s\n", list[i]);
	}
	*ret = arena_strdup(&s->arena, buf_str(&joined));
	buf_free(&joined);
	return 0;
}

static struct ready_rule *find(struct secret_set *s, const char *id)
{
	for (u32 i = 0; i < s->n_rules; i++)
		if (strcmp(s->rules[i].rule->id, id) == 0)
			return &s->rules[i];
	return NULL;
}

static int rule(struct secret_set *s, const json_t *o, struct error *err)
{
	const char *id = json_text(o, "id"), *regex = json_text(o, "regex"), *path = json_text(o, "path"), *description = json_text(o, "description");
	const json_t *entropy = json_object_get(o, "entropy"), *group = json_object_get(o, "secretGroup");
	if (!json_is_object(o) || !id || !*id || strlen(id) > 100)
		return bad(err, "[[rules]]", "a rule without an id, or with one of more than 100 characters");
	if (json_object_get(o, "required"))
		return bad(err, id, "rules that require others are not supported");
	if ((regex && strlen(regex) > TEXT_MAX) || (path && strlen(path) > TEXT_MAX))
		return bad(err, id, "a pattern that is too long");
	struct ready_rule *r = find(s, id);
	bool known = r != NULL;
	if (known && !(r->rule >= secret_rules && r->rule < secret_rules + secret_rules_n))
		return bad(err, id, "two rules of this id");
	struct secret_rule *x = arena_new(&s->arena, struct secret_rule);
	if (known)
		*x = *r->rule;
	else
		*x = (struct secret_rule){ .severity = SEV_HIGH, .keywords = "", .rotate = "replace it where it was issued" };
	if (!known && !regex && !path)
		return bad(err, id, "a rule with neither regex nor path");
	x->id = arena_strdup(&s->arena, str_of(id));
	if (description || !known)
		x->title = arena_strdup(&s->arena, str_head(str_of(description && *description ? description : id), 300));
	if (json_object_get(o, "keywords") && keywords(s, o, id, &x->keywords, err) < 0)
		return -1;
	if (entropy)
		x->entropy = json_number_value(entropy);
	if (regex) {
		x->pattern = arena_strdup(&s->arena, str_of(regex));
		x->shape = SECRET_SEARCHED;
		x->check = NULL;
		x->flags = 0;
	}
	if (path) {
		if (!regex && !known) {
			x->shape = SECRET_PATH;
			x->pattern = arena_strdup(&s->arena, str_of(path));
		} else {
			x->paths = arena_strdup(&s->arena, str_of(path));
		}
	}
	if (!known)
		r = secret_set_add(s, x);
	r->rule = x;
	if (group && (!json_is_integer(group) || json_integer_value(group) < 0 || json_integer_value(group) > 50))
		return bad(err, id, "secretGroup is a number from 0 to 50");
	r->group = group ? (u32)json_integer_value(group) : 0;
	/* Compiled now, so that what is wrong is told now. */
	if (regex || (path && !known)) {
		pcre2_code *code = secret_compile(x->pattern, PCRE2_DOLLAR_ENDONLY | (x->shape == SECRET_SEARCHED ? PCRE2_USE_OFFSET_LIMIT : 0), err);
		if (!code)
			return error_wrap(err, "%s: %s", id, regex ? "regex" : "path");
		atomic_store(&r->code, code);
	}
	if (x->paths && path) {
		pcre2_code *code = secret_compile(x->paths, PCRE2_DOLLAR_ENDONLY, err);
		if (!code)
			return error_wrap(err, "%s: path", id);
		atomic_store(&r->path_code, code);
	}
	r->allow = s->n_allows;
	if (allowlists(s, o, id, err) < 0)
		return -1;
	r->n_allow = s->n_allows - r->allow;
	return 0;
}

static int extend(struct secret_set *s, const json_t *doc, struct error *err)
{
	const json_t *e = json_object_get(doc, "extend"), *disabled = json_object_get(e, "disabledRules");
	if (e && !json_is_object(e))
		return bad(err, "extend", "is no table");
	if (json_text(e, "path") && *json_text(e, "path"))
		return bad(err, "extend", "path is not followed: put the rules into one file");
	s->defaults = json_is_true(json_object_get(e, "useDefault"));
	for (u32 i = 0; s->defaults && i < secret_rules_n; i++) {
		bool off = false;
		for (size_t k = 0; k < json_array_size(disabled); k++)
			off |= json_is_string(json_array_get(disabled, k)) && strcmp(json_string_value(json_array_get(disabled, k)), secret_rules[i].id) == 0;
		if (!off)
			secret_set_add(s, &secret_rules[i]);
	}
	return 0;
}

static int document(struct secret_set *s, const json_t *doc, struct error *err)
{
	const json_t *rules = json_object_get(doc, "rules");
	if (extend(s, doc, err) < 0)
		return -1;
	if ((rules && !json_is_array(rules)) || json_array_size(rules) > RULES_MAX)
		return bad(err, "rules", "is no list of tables, or has more than 4096 of them");
	for (size_t i = 0; i < json_array_size(rules); i++) {
		if (rule(s, json_array_get(rules, i), err) < 0)
			return -1;
	}
	s->n_own = s->n_allows;
	return allowlists(s, doc, "allowlists", err);
}

int secret_gitleaks_parse(struct secret_set *s, struct str text, struct error *err)
{
	json_t *doc = NULL;
	if (toml_parse(text, &doc, err) < 0)
		return -1;
	int status = document(s, doc, err);
	json_decref(doc);
	if (status == 0 && s->n_rules == 0)
		return error_set(err, ERR_USAGE, "no rules: [extend] useDefault = true keeps the built-in ones");
	return status;
}

int secret_gitleaks_read(struct secret_set *s, const char *path, struct error *err)
{
	struct buf text = BUF(0);
	if (file_read(path, FILE_MAX, &text, err) < 0)
		return -1;
	int status = secret_gitleaks_parse(s, buf_str(&text), err);
	buf_free(&text);
	return status < 0 ? error_wrap(err, "%s", path) : 0;
}
