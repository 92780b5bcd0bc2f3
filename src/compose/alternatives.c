/* update-alternatives(1) --install, as the scripts of packages call it: of each name the alternative with the highest priority, in automatic mode. */
#include "compose/effect.h"
#include "compose/script.h"

#define ALTERNATIVES_MAX 4096u

struct alternative {
	const char *link, *name, *path;
	const char *at, *to; /* link and path as the tree has them */
	const char *master, *master_path; /* the alternative that it comes with, if it is a slave; NULL */
	s64 priority;
};
struct alternatives {
	struct composition *c;
	struct alternative *v;
	u32 n, cap;
	struct str package;
};

static bool name_ok(const char *s) { return s && s[0] && s[0] != '.' && strlen(s) < 128 && !strchr(s, '/'); }

static void add(struct alternatives *a, struct alternative v)
{
	v.at = ctree_path(&a->c->arena, v.link);
	v.to = ctree_path(&a->c->arena, v.path);
	if (a->n < ALTERNATIVES_MAX && v.at && name_ok(v.name) && v.to)
		VEC_PUSH(a->v, a->n, a->cap, v);
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
	if (i == c->n)
		return;
	char *end = NULL;
	s64 priority = i + 4 < c->n && c->v[i + 4] ? strtol(c->v[i + 4], &end, 10) : 0;
	if (!end || *end) {
		add(a, (struct alternative){ 0 });
		return;
	}
	const char *name = c->v[i + 2], *path = c->v[i + 3];
	add(a, (struct alternative){ .link = c->v[i + 1], .name = name, .path = path, .priority = priority });
	for (i += 5; name && path && i + 3 < c->n; i++)
		if (c->v[i] && strcmp(c->v[i], "--slave") == 0) {
			add(a, (struct alternative){ .link = c->v[i + 1], .name = c->v[i + 2], .path = c->v[i + 3], .master = name, .master_path = path, .priority = priority });
			i += 3;
		}
}

static bool there(struct composition *c, const struct alternative *v) { return ctree_find(&c->tree, str_of(v->to)) != 0; } /* a manual may be left out */

static void set(struct composition *c, const struct alternative *v)
{
	if (!there(c, v))
		return;
	ctree_make_link(&c->tree, arena_printf(&c->arena, "etc/alternatives/%s", v->name), v->path);
	ctree_make_link(&c->tree, v->at, arena_printf(&c->arena, "/etc/alternatives/%s", v->name));
}

/* Of those of one name the best that is there, with what comes with it; each name once, where it is first told. */
static void choose(struct alternatives *a, u32 i)
{
	const struct alternative *best = NULL;
	for (u32 k = 0; k < a->n; k++) {
		const struct alternative *o = &a->v[k];
		if (o->master || strcmp(o->name, a->v[i].name) != 0)
			continue;
		if (k < i)
			return;
		if ((!best || o->priority > best->priority) && there(a->c, o))
			best = o;
	}
	if (!best)
		return;
	set(a->c, best);
	for (u32 k = 0; k < a->n; k++) {
		const struct alternative *o = &a->v[k];
		if (o->master && strcmp(o->master, best->name) == 0 && strcmp(o->master_path, best->path) == 0)
			set(a->c, o);
	}
}

void effect_alternatives(struct composition *c)
{
	struct alternatives a = { .c = c };
	for (u32 i = 0; i < c->n; i++) {
		a.package = c->v[i].name;
		(void)!script_each(c->v[i].control.postinst, &c->arena, command, &a);
	}
	for (u32 i = 0; i < a.n; i++)
		if (!a.v[i].master)
			choose(&a, i);
	free(a.v);
}
