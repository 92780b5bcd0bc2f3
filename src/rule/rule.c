#include "rule/rule.h"

const char *const level_text[] = { "ignore", "style", "info", "warning", "error" };

bool level_parse(struct str s, enum level *ret)
{
	for (enum level l = LEVEL_IGNORE; l <= LEVEL_ERROR; l++)
		if (str_ieq(s, str_of(level_text[l]))) {
			*ret = l;
			return true;
		}
	if (!str_ieq(s, STR("none")))
		return false;
	*ret = LEVEL_IGNORE;
	return true;
}

bool rule_alias_next(struct str *rest, struct str *tool, struct str *name)
{
	while (rest->p) {
		struct str word = str_cut(rest, ' ');
		if (!word.n)
			continue;
		*name = word;
		*tool = str_cut(name, ':');
		if (!name->p) { /* no prefix: whose name it is is not said */
			*name = *tool;
			*tool = str_n("", 0);
		}
		return true;
	}
	return false;
}

bool rule_yields(const struct rule *r, const char *to)
{
	struct str rest = str_of(r->yields_to);
	while (rest.p)
		if (str_is(str_cut(&rest, ' '), to))
			return true;
	return false;
}
