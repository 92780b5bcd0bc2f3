/* PHP's extensions, as phpenmod(8) leaves them: etc/php/VERSION/SAPI/conf.d/PRIORITY-NAME.ini leads to etc/php/VERSION/mods-available/NAME.ini, for each program of PHP (SAPI) that is there. */
#include "compose/effect.h"

#define ETC "etc/php/"
#define INI_MAX ((size_t)(64 * KiB))

/* "; priority=10" in the file; else 20. */
static u32 priority(const struct composition *c, struct str path)
{
	struct buf b = BUF(INI_MAX);
	u64 v = 20;
	if (ctree_read(&c->tree, path, INI_MAX, &b, &(struct error){ 0 }) == 0)
		for (struct str rest = buf_str(&b); rest.p;) {
			struct str value = str_cut(&rest, '\n'), name = str_cut(&value, '=');
			if (str_is(str_trim(name), "; priority") && (!str_to_u64(str_trim(value), &v) || v > 99))
				v = 20;
		}
	buf_free(&b);
	return (u32)v;
}

/* `ini`: VERSION/mods-available/NAME.ini; `dir`: VERSION/SAPI. */
static void enable(struct composition *c, struct str ini, struct str dir, u32 first)
{
	struct str rest = ini, version = str_cut(&rest, '/'), sapi = dir;
	if (!str_eq(str_cut(&sapi, '/'), version) || !sapi.n || str_chr(sapi, '/') || str_is(sapi, "mods-available"))
		return;
	ctree_make_link(&c->tree, arena_printf(&c->arena, ETC "%.*s/conf.d/%02u-%.*s", STR_FMT(dir), first, STR_FMT(str_base(ini))), arena_printf(&c->arena, "/" ETC "%.*s", STR_FMT(ini)));
}

void effect_php(struct composition *c)
{
	u32 n, from = 0, to = 0;
	u32 *sorted = ctree_sorted(&c->tree, &n);
	while (from < n && !str_starts(c->tree.v[sorted[from]].path, STR(ETC)))
		from++;
	for (to = from; to < n && str_starts(c->tree.v[sorted[to]].path, STR(ETC));)
		to++;
	for (u32 i = from; i < to; i++) {
		const struct ctree_entry *e = &c->tree.v[sorted[i]];
		struct str ini = str_from(e->path, strlen(ETC)), rest = ini;
		str_cut(&rest, '/');
		if (e->type != TAR_FILE || !str_starts(rest, STR("mods-available/")) || !str_ends(ini, STR(".ini")))
			continue;
		u32 first = priority(c, e->path);
		for (u32 k = from; k < to; k++)
			if (c->tree.v[sorted[k]].type == TAR_DIR)
				enable(c, ini, str_from(c->tree.v[sorted[k]].path, strlen(ETC)), first);
	}
	free(sorted);
}
