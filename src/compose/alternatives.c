/* update-alternatives(1) --install, as the scripts of packages call it: of each name the alternative with the highest priority, in automatic mode. */
#include "compose/effect.h"
#include "compose/script.h"

#define ALTERNATIVES_MAX 4096u

struct alternative {
	const char *link, *name, *path;
	const char *master; /* the path that it comes with, if it is a slave; NULL */
	s64 priority;
};
struct alternatives {
	struct composition *c;
	struct alternative *v;
	u32 n, cap;
	struct str package;
};

static bool path_ok(const char *s) { return s && s[0] == '/' && strlen(s) < 1024 && !strstr(s, "//") && !strstr(s, "/../") && !strstr(s, "/./"); }
static bool name_ok(const char *s) { return s && s[0] && s[0] != '.' && strlen(s) < 128 && !strchr(s, '/'); }

static void add(struct alternatives *a, const char *link, const char *name, const char *path, const char *master, s64 priority)
{
	if (a->n < ALTERNATIVES_MAX && path_ok(link) && name_ok(name) && path_ok(path))
		VEC_PUSH(a->v, a->n, a->cap, ((struct alternative){ link, name, path, master, priority }));
	else
		problem_add(&a->c->notes, "%.*s: an alternative that cannot be read from its script is not set", STR_FMT(a->package));
}

static void command(void *ctx, const struct script_command *c)
{
	struct alternatives *a = ctx;
	u32 i = 1;
	if (!c->fresh || !c->v[0] || strcmp(c->v[0], "update-alternatives") != 0)
		return;
	while (i < c->n && !(c->v[i] && strcmp(c->v[i], "--install") == 0))
		i++;
	if (i + 4 >= c->n) {
		if (i < c->n)
			add(a, NULL, NULL, NULL, NULL, 0);
		return;
	}
	char *end = NULL;
	s64 priority = c->v[i + 4] ? strtol(c->v[i + 4], &end, 10) : 0;
	const char *path = c->v[i + 3];
	if (!end || *end) {
		add(a, NULL, NULL, NULL, NULL, 0);
		return;
	}
	add(a, c->v[i + 1], c->v[i + 2], path, NULL, priority);
	for (i += 5; i + 3 < c->n; i++)
		if (c->v[i] && strcmp(c->v[i], "--slave") == 0) {
			add(a, c->v[i + 1], c->v[i + 2], c->v[i + 3], path, priority);
			i += 3;
		}
}

/* A path as the tree has it. */
static const char *real(struct composition *c, const char *path)
{
	char out[TAR_PATH_MAX];
	size_t n = ctree_real(str_of(path + 1), out);
	return arena_strdup(&c->arena, str_n(out, n));
}

static void set(struct composition *c, const struct alternative *v)
{
	if (!ctree_find(&c->tree, str_of(real(c, v->path)))) /* a manual that is left out, too */
		return;
	ctree_make_link(&c->tree, arena_printf(&c->arena, "etc/alternatives/%s", v->name), v->path);
	ctree_make_link(&c->tree, real(c, v->link), arena_printf(&c->arena, "/etc/alternatives/%s", v->name));
}

int effect_alternatives(struct composition *c, struct error *err)
{
	struct alternatives a = { .c = c };
	(void)err;
	for (u32 i = 0; i < c->n; i++) {
		a.package = c->v[i].name;
		(void)!script_each(c->v[i].control.postinst, &c->arena, command, &a);
	}
	for (u32 i = 0; i < a.n; i++) {
		const struct alternative *best = &a.v[i];
		bool first = !best->master;
		for (u32 k = 0; k < a.n && first; k++) {
			const struct alternative *o = &a.v[k];
			if (o->master || strcmp(o->name, best->name) != 0)
				continue;
			first = k >= i; /* each name once, where it is first told */
			if (o->priority > best->priority && ctree_find(&c->tree, str_of(real(c, o->path))))
				best = o;
		}
		if (!first)
			continue;
		set(c, best);
		for (u32 k = 0; k < a.n; k++)
			if (a.v[k].master && strcmp(a.v[k].master, best->path) == 0 && a.v[k].priority == best->priority)
				set(c, &a.v[k]);
	}
	free(a.v);
	return 0;
}
