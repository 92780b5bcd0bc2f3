#include "version/version.h"
#include "version/token.h"

const struct version_scheme *const version_schemes[] = {
	&version_dpkg,
	&version_apk,
	&version_rpm,
	&version_semver,
	&version_npm,
	&version_pep440,
	&version_gem,
	&version_maven,
	&version_go,
	&version_nuget,
	&version_composer,
	NULL,
};

const struct version_scheme *version_scheme_named(struct str name)
{
	for (const struct version_scheme *const *s = version_schemes; *s; s++)
		if (str_is(name, (*s)->name))
			return *s;
	return NULL;
}

const struct version_scheme *version_scheme_of_type(const char *purl_type)
{
	static const struct {
		char type[12];
		u8 scheme; /* index into version_schemes */
	} types[] = {
		{ "deb", 0 }, { "apk", 1 }, { "rpm", 2 }, { "alpm", 2 }, { "generic", 2 }, { "npm", 4 }, { "pypi", 5 }, { "conda", 5 },
		{ "gem", 6 }, { "maven", 7 }, { "golang", 8 }, { "nuget", 9 }, { "composer", 10 },
	};
	for (size_t i = 0; i < countof(types); i++)
		if (strcmp(purl_type, types[i].type) == 0)
			return version_schemes[types[i].scheme];
	return &version_semver;
}

int version_order(const struct version_scheme *s, const char *a, const char *b)
{
	struct str x = str_of(a), y = str_of(b);
	int order = 0;
	if (s->compare(x, y, &order) == 0)
		return order;
	bool is_x = s->compare(x, x, &order) == 0, is_y = s->compare(y, y, &order) == 0;
	return is_x != is_y ? (is_x ? -1 : 1) : version_sign(str_cmp(x, y));
}
