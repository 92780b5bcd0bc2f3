#include "compose/relation.h"
#include "version/version.h"

bool package_name_ok(struct str s)
{
	if (!s.n || s.n > 128)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || (i && strchr("+-.", s.p[i]) && s.p[i])))
			return false;
	return true;
}

bool package_version_ok(struct str s)
{
	int order;
	if (!s.n || s.n > 256 || s.p[0] < '0' || s.p[0] > '9')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') || (strchr("+-.~:", s.p[i]) && s.p[i])))
			return false;
	return version_dpkg.compare(s, s, &order) == 0;
}

bool relation_group(struct str *field, struct str *group)
{
	while (field->p) {
		*group = str_trim(str_cut(field, ','));
		if (group->n)
			return true;
	}
	return false;
}

static enum relation_op op_of(struct str *s)
{
	static const struct { const char *text; enum relation_op op; } ops[] = { { "<<", REL_LT }, { "<=", REL_LE }, { ">=", REL_GE }, { ">>", REL_GT }, { "=", REL_EQ }, { "<", REL_LE }, { ">", REL_GE } };
	for (u32 i = 0; i < countof(ops); i++)
		if (str_starts(*s, str_of(ops[i].text))) {
			*s = str_trim(str_from(*s, strlen(ops[i].text)));
			return ops[i].op;
		}
	return REL_ANY;
}

bool relation_next(struct str *group, const char *arch, struct relation *ret)
{
	*ret = (struct relation){ .name = STR(""), .version = STR("") };
	if (!group->p)
		return false;
	struct str s = str_trim(str_cut(group, '|')), name = s;
	size_t n = 0;
	while (n < s.n && !strchr(" \t\r\n([<", s.p[n]))
		n++;
	name.n = n;
	s = str_trim(str_from(s, n));
	struct str of = name;
	name = str_cut(&of, ':');
	if (of.p && !str_is(of, "any") && !str_is(of, "native") && !(arch && str_is(of, arch)))
		return true;
	if (s.n && s.p[0] == '(') {
		struct str rest = str_from(s, 1), in = str_trim(str_cut(&rest, ')'));
		ret->op = op_of(&in);
		ret->version = in;
		if (!rest.p || ret->op == REL_ANY || !package_version_ok(in))
			return true;
	}
	if (package_name_ok(name))
		ret->name = name;
	return true;
}

bool relation_holds(const struct relation *r, struct str version)
{
	int c;
	if (r->op == REL_ANY)
		return true;
	if (!version.n || version_dpkg.compare(version, r->version, &c) < 0)
		return false;
	return (r->op == REL_LT && c < 0) || (r->op == REL_LE && c <= 0) || (r->op == REL_EQ && c == 0) || (r->op == REL_GE && c >= 0) || (r->op == REL_GT && c > 0);
}

const char *relation_op_text(enum relation_op op)
{
	static const char *const text[] = { "", "<<", "<=", "=", ">=", ">>" };
	return text[op];
}
