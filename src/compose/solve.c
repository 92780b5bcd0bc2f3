#include "compose/solve.h"
#include "base/buf.h"
#include "compose/admin.h"
#include "compose/relation.h"
#include "version/version.h"

enum { NOBODY = UINT32_MAX };

/* A group of alternatives that has to hold. */
struct goal {
	struct str group;
	const char *field;    /* "Depends", … */
	u32 by;               /* place in `chosen`; NOBODY: named */
	bool soft;
};
/* A place where something was chosen: everything behind these lengths is undone when it leads nowhere. */
struct point {
	u32 goal;             /* of goals[] */
	u32 candidate;        /* the next to be tried */
	u32 n_chosen, n_goals, n_left;
	u32 *open;            /* goals that were open, owned */
	u32 n_open, scan;
};
struct took {
	u32 package, by;
	struct str group;
	const char *field;
};
struct solver {
	const struct package_index *ix;
	const struct solve_ask *ask;
	struct arena *a;
	struct took *chosen;
	u32 n, cap;
	u32 *at_name;         /* of names[]: 1 + place in chosen; 0: none is chosen */
	struct goal *goals;
	u32 n_goals, cap_goals;
	u32 *open;            /* goals that are not looked at yet, in order */
	u32 n_open, cap_open, scan;
	struct point *points;
	u32 n_points, cap_points;
	struct left_out *left;
	u32 n_left, cap_left;
	u64 steps;            /* relations, versions and providers that were looked at */
	char *first;          /* why the first choice failed; NULL: it has not */
	bool *named;          /* of names[] */
};

static struct str name_at(const struct solver *s, u32 chosen) { return s->ix->v[s->chosen[chosen].package].name; }
static u32 name_index(const struct solver *s, u32 package) { return index_find(s->ix, s->ix->v[package].name); }

/* --- what is left out --- */

static const char *left_kind(const struct solver *s, struct str name, u32 by)
{
	u32 id = index_find(s->ix, name);
	if (id && s->named[id])
		return NULL;
	if (s->ask->exclude && str_listed(name, s->ask->exclude))
		return "excluded";
	if (by == NOBODY)
		return NULL;
	const struct index_package *p = &s->ix->v[s->chosen[by].package];
	return admin_kind(name, p->name, p->section);
}

static void leave_out(struct solver *s, struct str name, const char *kind, u32 by)
{
	for (u32 i = 0; i < s->n_left; i++)
		if (str_eq(s->left[i].name, name)) {
			s->left[i].n++;
			return;
		}
	VEC_PUSH(s->left, s->n_left, s->cap_left, ((struct left_out){ name, kind, by == NOBODY ? 0 : by + 1, 1 }));
}

/* --- what stands in the way --- */

static bool spent(const struct solver *s) { return s->steps > SOLVE_STEPS; }

static bool provides_holds(struct solver *s, const struct index_package *p, const struct relation *r)
{
	for (struct str field = p->provides, group; relation_group(&field, &group); s->steps++) {
		struct relation v;
		if (relation_next(&group, s->ix->arch, &v) && str_eq(v.name, r->name) && (r->op == REL_ANY || relation_holds(r, v.version)))
			return true;
	}
	return false;
}

/* The chosen, but for `p` itself, that a relation is about: 1 + its place, 0: none. */
static u32 chosen_for(struct solver *s, const struct relation *r, const struct index_package *p)
{
	u32 id = r->name.n ? index_find(s->ix, r->name) : 0, at = s->at_name[id];
	if (at && &s->ix->v[s->chosen[at - 1].package] != p && relation_holds(r, s->ix->v[s->chosen[at - 1].package].version))
		return at;
	for (u32 k = id ? s->ix->names[id].provide : 0; k && !spent(s); k = s->ix->provides[k - 1].next, s->steps++) {
		const struct index_provide *v = &s->ix->provides[k - 1];
		at = s->at_name[name_index(s, v->package)];
		if (at && s->chosen[at - 1].package == v->package && &s->ix->v[v->package] != p && (r->op == REL_ANY || relation_holds(r, v->version)))
			return at;
	}
	return 0;
}

/* Whether `p` says that it does not go with something; the first chosen that it is. */
static bool refuses(struct solver *s, const struct index_package *p, struct str field, u32 *which)
{
	for (struct str group; relation_group(&field, &group); s->steps++) {
		struct relation r;
		u32 at = relation_next(&group, s->ix->arch, &r) ? chosen_for(s, &r, p) : 0;
		if (at) {
			*which = at - 1;
			return true;
		}
	}
	return false;
}

static bool refused_by(struct solver *s, const struct index_package *p, struct str field)
{
	for (struct str group; relation_group(&field, &group); s->steps++) {
		struct relation r;
		if (relation_next(&group, s->ix->arch, &r) && r.name.n && (str_eq(p->name, r.name) ? relation_holds(&r, p->version) : provides_holds(s, p, &r)))
			return true;
	}
	return false;
}

static bool fits(struct solver *s, u32 package, const char **why)
{
	const struct index_package *p = &s->ix->v[package];
	u32 id = name_index(s, package), which;
	s->steps += 1 + s->n / 16;
	if (s->at_name[id] && s->chosen[s->at_name[id] - 1].package != package) {
		*why = arena_printf(s->a, "%.*s is %.*s already", STR_FMT(p->name), STR_FMT(s->ix->v[s->chosen[s->at_name[id] - 1].package].version));
		return false;
	}
	if (refuses(s, p, p->conflicts, &which) || refuses(s, p, p->breaks, &which)) {
		*why = arena_printf(s->a, "%.*s does not go with %.*s", STR_FMT(p->name), STR_FMT(name_at(s, which)));
		return false;
	}
	for (u32 i = 0; i < s->n; i++) {
		const struct index_package *o = &s->ix->v[s->chosen[i].package];
		if (o != p && (refused_by(s, p, o->conflicts) || refused_by(s, p, o->breaks))) {
			*why = arena_printf(s->a, "%.*s does not go with %.*s", STR_FMT(o->name), STR_FMT(p->name));
			return false;
		}
	}
	return true;
}

/* --- candidates --- */

struct candidates {
	u32 v[SOLVE_CANDIDATES];
	u32 n;
	bool there;     /* one of them is chosen already */
	struct str left; /* an alternative that is left out; n 0: none */
	const char *kind;
};

static void candidate(const struct solver *s, struct candidates *c, u32 package)
{
	for (u32 i = 0; i < c->n; i++)
		if (c->v[i] == package)
			return;
	u32 at = s->at_name[name_index(s, package)];
	if (at && s->chosen[at - 1].package == package)
		c->there = true;
	if (c->n < SOLVE_CANDIDATES)
		c->v[c->n++] = package;
}

static int by_name(const void *x, const void *y, void *ctx)
{
	const struct package_index *ix = ctx;
	const struct index_package *a = &ix->v[*(const u32 *)x], *b = &ix->v[*(const u32 *)y];
	int c = str_cmp(a->name, b->name);
	return c ? c : *(const u32 *)x < *(const u32 *)y ? -1 : 1;
}

/* *left: one that would be, were it not left out. */
static void providers(struct solver *s, const struct relation *r, u32 name, u32 by, struct candidates *c, struct str *left)
{
	u32 v[SOLVE_CANDIDATES], n = 0;
	for (u32 k = s->ix->names[name].provide; k && n < SOLVE_CANDIDATES && !spent(s); k = s->ix->provides[k - 1].next, s->steps++) {
		const struct index_provide *p = &s->ix->provides[k - 1];
		if (r->op != REL_ANY && !relation_holds(r, p->version))
			continue;
		const char *kind = left_kind(s, s->ix->v[p->package].name, by);
		if (!kind) {
			v[n++] = p->package;
		} else if (!left->n) {
			*left = s->ix->v[p->package].name;
			c->kind = c->left.n ? c->kind : kind;
		}
	}
	qsort_r(v, n, sizeof *v, by_name, (void *)(uintptr_t)s->ix);
	for (u32 i = 0; i < n; i++)
		candidate(s, c, v[i]);
}

static void candidates_of(struct solver *s, const struct goal *g, struct candidates *c)
{
	struct relation r;
	struct str left = STR(""); /* who provides it, and is left out: that does where nobody else can be had */
	*c = (struct candidates){ .left = STR("") };
	for (struct str group = g->group; relation_next(&group, s->ix->arch, &r); s->steps++) {
		u32 name = r.name.n ? index_find(s->ix, r.name) : 0;
		const char *kind = r.name.n ? left_kind(s, r.name, g->by) : NULL;
		if (kind && !c->left.n) {
			c->left = r.name;
			c->kind = kind;
		}
		if (!name || kind)
			continue;
		for (u32 k = s->ix->names[name].package; k; k = s->ix->v[k - 1].next, s->steps++)
			if (relation_holds(&r, s->ix->v[k - 1].version))
				candidate(s, c, k - 1);
		if (g->by != NOBODY || !s->ix->names[name].package)
			providers(s, &r, name, g->by, c, &left);
	}
	if (!c->n && !c->left.n)
		c->left = left;
}

/* --- going on, and back --- */

static void open_goal(struct solver *s, struct str group, const char *field, u32 by, bool soft)
{
	VEC_PUSH(s->goals, s->n_goals, s->cap_goals, ((struct goal){ group, field, by, soft }));
	VEC_PUSH(s->open, s->n_open, s->cap_open, s->n_goals - 1);
}

static void open_field(struct solver *s, struct str field, const char *what, u32 by, bool soft)
{
	for (struct str group; relation_group(&field, &group);)
		open_goal(s, group, what, by, soft);
}

static void take(struct solver *s, u32 package, const struct goal *g)
{
	const struct index_package *p = &s->ix->v[package];
	struct took t = { package, g->by, g->group, g->field };
	VEC_PUSH(s->chosen, s->n, s->cap, t);
	s->at_name[name_index(s, package)] = s->n;
	u32 by = s->n - 1;
	open_field(s, p->pre_depends, "Pre-Depends", by, false);
	open_field(s, p->depends, "Depends", by, false);
	if (s->ask->recommends)
		open_field(s, p->recommends, "Recommends", by, true);
}

static char *chain(struct solver *s, const struct goal *g, const char *why)
{
	struct buf b = BUF(1000);
	u32 by[8], n = 0;
	for (u32 at = g->by; at != NOBODY && n < countof(by); at = s->chosen[at].by)
		by[n++] = at;
	while (n-- > 0)
		buf_printf(&b, "%.*s → ", STR_FMT(name_at(s, by[n])));
	buf_printf(&b, "%.*s: %s", STR_FMT(str_head(g->group, 200)), why);
	char *ret = arena_strdup(s->a, buf_str(&b));
	buf_free(&b);
	return ret;
}

/* What there is of a group that nothing satisfies. */
static const char *missing(struct solver *s, const struct goal *g)
{
	struct relation r;
	struct buf b = BUF(400);
	for (struct str group = g->group; relation_next(&group, s->ix->arch, &r);) {
		u32 name = r.name.n ? index_find(s->ix, r.name) : 0;
		u32 k = name ? s->ix->names[name].package : 0;
		if (k)
			buf_printf(&b, "%s%.*s is there in version %.*s", b.n ? ", " : "", STR_FMT(r.name), STR_FMT(s->ix->v[k - 1].version));
	}
	const char *ret = b.n ? arena_strdup(s->a, buf_str(&b)) : "no package of the index has, or provides, it";
	buf_free(&b);
	return ret;
}

/* The next goal: the first with one candidate at most, or one that is there already; else the first of all; soft ones last. What was looked at and has a choice (before `scan`) has one still: only whether one of its
 * candidates is there changes, which is asked again when its turn comes. */
static u32 pick(struct solver *s)
{
	for (; s->scan < s->n_open; s->scan++) {
		struct candidates c;
		const struct goal *g = &s->goals[s->open[s->scan]];
		if (g->soft)
			continue;
		candidates_of(s, g, &c);
		if (c.there || c.n < 2)
			return s->scan;
	}
	u32 i = 0;
	while (i < s->n_open && s->goals[s->open[i]].soft)
		i++;
	i = i == s->n_open ? 0 : i;
	s->scan--; /* it goes out of the list */
	return i;
}

static void push_point(struct solver *s, u32 goal, u32 next)
{
	struct point p = { goal, next, s->n, s->n_goals, s->n_left, NULL, s->n_open, s->scan };
	s->steps += s->n_open / 4; /* it takes room */
	p.open = xmalloc(MAX(s->n_open, 1u) * sizeof *p.open);
	if (s->n_open)
		memcpy(p.open, s->open, s->n_open * sizeof *p.open);
	VEC_PUSH(s->points, s->n_points, s->cap_points, p);
}

/* Tries the candidates of a goal from `from` on; 1: one was taken, 0: none can be. */
static int choose(struct solver *s, u32 goal, u32 from)
{
	struct candidates c;
	const char *why = NULL;
	const struct goal g = s->goals[goal];
	candidates_of(s, &g, &c);
	for (u32 i = from; i < c.n; i++) {
		if (!fits(s, c.v[i], &why))
			continue;
		if (i + 1 < c.n || g.soft) /* what is only recommended may be left */
			push_point(s, goal, i + 1);
		take(s, c.v[i], &g);
		return 1;
	}
	if (g.soft)
		return 1;
	if (!s->first)
		s->first = chain(s, &g, why ? why : missing(s, &g));
	return 0;
}

/* Back to the last place with another candidate; false: there is none. */
static bool back(struct solver *s)
{
	while (s->n_points && !spent(s)) {
		struct point p = s->points[--s->n_points];
		while (s->n > p.n_chosen)
			s->at_name[name_index(s, s->chosen[--s->n].package)] = 0;
		s->n_goals = p.n_goals;
		s->n_left = p.n_left;
		if (p.n_open)
			memcpy(s->open, p.open, p.n_open * sizeof *s->open);
		s->n_open = p.n_open;
		s->scan = p.scan;
		free(p.open);
		if (choose(s, p.goal, p.candidate))
			return true;
	}
	return false;
}

static int search(struct solver *s, struct error *err)
{
	while (s->n_open) {
		u32 i = pick(s), goal = s->open[i];
		struct candidates c;
		memmove(s->open + i, s->open + i + 1, (s->n_open - i - 1) * sizeof *s->open);
		s->n_open--;
		candidates_of(s, &s->goals[goal], &c);
		bool stuck = false;
		if (!c.there && c.left.n) /* being left out is how it is satisfied */
			leave_out(s, c.left, c.kind, s->goals[goal].by);
		else if (!c.there)
			stuck = !choose(s, goal, 0) && !back(s);
		if (spent(s) || s->n > SOLVE_CHOSEN)
			return error_set(err, ERR_INPUT, "no solution within %u steps and %u packages%s%s", SOLVE_STEPS, SOLVE_CHOSEN, s->first ? "; first in the way: " : "", s->first ? s->first : "");
		if (stuck)
			return error_set(err, ERR_INPUT, "%s", s->first);
	}
	return 0;
}

/* --- the question, and the answer --- */

static int ask_for(struct solver *s, const char *word, struct error *err)
{
	struct str version = str_of(word), name = str_cut(&version, '=');
	u32 id = index_find(s->ix, name);
	if (!package_name_ok(name) || (version.p && !package_version_ok(version)))
		return error_set(err, ERR_USAGE, "%s: no package: it is NAME, or NAME=VERSION", word);
	if (!id)
		return error_set(err, ERR_USAGE, "%s: no package of the index has this name", word);
	if (s->ask->exclude && str_listed(name, s->ask->exclude))
		return error_set(err, ERR_USAGE, "%s: named and excluded", word);
	s->named[id] = true;
	const char *group = version.p ? arena_printf(s->a, "%.*s (= %.*s)", STR_FMT(name), STR_FMT(version)) : arena_strdup(s->a, name);
	open_goal(s, str_of(group), "named", NOBODY, false);
	return 0;
}

struct order {
	struct solver *s;
	u32 *place;   /* of chosen: 1 + place in the answer */
	u8 *state;    /* 1: on the way, 2: done */
	u32 *out;
	u32 n;
};

/* The chosen that satisfies a group: 1 + its place, 0: none. */
static u32 satisfied_by(struct solver *s, struct str group)
{
	struct relation r;
	u32 at = 0;
	while (!at && relation_next(&group, s->ix->arch, &r))
		at = chosen_for(s, &r, NULL);
	return at;
}

struct frame {
	u32 at;
	struct str pre, rest;
};

/* Each behind what it depends on, by a walk with a stack of its own. */
static void arrange(struct order *o, u32 root)
{
	struct solver *s = o->s;
	struct frame *stack = xcalloc(s->n + 1u, sizeof *stack);
	u32 depth = 0;
	stack[depth++] = (struct frame){ root, s->ix->v[s->chosen[root].package].pre_depends, s->ix->v[s->chosen[root].package].depends };
	o->state[root] = 1;
	while (depth) {
		struct frame *f = &stack[depth - 1];
		struct str group;
		if (!relation_group(&f->pre, &group) && !relation_group(&f->rest, &group)) {
			o->state[f->at] = 2;
			o->out[o->n++] = f->at;
			depth--;
			continue;
		}
		u32 to = satisfied_by(s, group);
		if (!to || o->state[--to])
			continue;
		o->state[to] = 1;
		stack[depth++] = (struct frame){ to, s->ix->v[s->chosen[to].package].pre_depends, s->ix->v[s->chosen[to].package].depends };
	}
	free(stack);
}

static void answer(struct solver *s, struct solution *ret)
{
	struct order o = { .s = s, .place = xcalloc(s->n + 1u, sizeof(u32)), .state = xcalloc(s->n + 1u, 1), .out = xcalloc(s->n + 1u, sizeof(u32)) };
	u32 *by_names = xcalloc(s->n + 1u, sizeof *by_names);
	for (u32 i = 0; i < s->n; i++)
		by_names[i] = i;
	for (u32 i = 1; i < s->n; i++) /* by name, so that the order of the question changes nothing; few enough */
		for (u32 k = i; k > 0 && str_cmp(name_at(s, by_names[k - 1]), name_at(s, by_names[k])) > 0; k--) {
			u32 t = by_names[k];
			by_names[k] = by_names[k - 1];
			by_names[k - 1] = t;
		}
	for (u32 i = 0; i < s->n; i++)
		if (!o.state[by_names[i]])
			arrange(&o, by_names[i]);
	for (u32 i = 0; i < s->n; i++)
		o.place[o.out[i]] = i + 1;
	ret->n = s->n;
	ret->v = arena_array(s->a, struct chosen, s->n + 1u);
	for (u32 i = 0; i < s->n; i++) {
		const struct took *t = &s->chosen[o.out[i]];
		ret->v[i] = (struct chosen){ t->package, t->by == NOBODY ? 0 : o.place[t->by], t->by == NOBODY ? "named" : arena_printf(s->a, "%s: %.*s", t->field, STR_FMT(str_head(t->group, 200))) };
	}
	ret->left = arena_array(s->a, struct left_out, s->n_left + 1u);
	for (u32 i = 0; i < s->n_left; i++) {
		u32 id = index_find(s->ix, s->left[i].name);
		if (id && s->at_name[id]) /* something else needed it in earnest */
			continue;
		struct left_out *l = &ret->left[ret->n_left++];
		*l = s->left[i];
		l->by = l->by ? o.place[l->by - 1] : 0;
	}
	free(o.place);
	free(o.state);
	free(o.out);
	free(by_names);
}

int solve(const struct package_index *ix, const struct solve_ask *ask, struct arena *a, struct solution *ret, struct error *err)
{
	struct solver s = { .ix = ix, .ask = ask, .a = a, .at_name = xcalloc(ix->n_names, sizeof(u32)), .named = xcalloc(ix->n_names, sizeof(bool)) };
	int r = 0;
	for (u32 i = 0; r == 0 && ask->packages[i]; i++)
		r = ask_for(&s, ask->packages[i], err);
	if (r == 0)
		r = search(&s, err);
	if (r == 0)
		answer(&s, ret);
	for (u32 i = 0; i < s.n_points; i++)
		free(s.points[i].open);
	free(s.points);
	free(s.chosen);
	free(s.goals);
	free(s.open);
	free(s.left);
	free(s.at_name);
	free(s.named);
	return r;
}

const char *solve_explain(const struct package_index *ix, const struct solution *s, struct str name, struct arena *a)
{
	struct buf b = BUF(0);
	u32 at = 0;
	while (at < s->n && !str_eq(ix->v[s->v[at].package].name, name))
		at++;
	if (at == s->n)
		return NULL;
	for (u32 steps = 0; steps <= s->n; steps++) {
		const struct chosen *c = &s->v[at];
		const struct index_package *p = &ix->v[c->package];
		if (!c->by) {
			buf_printf(&b, "%.*s %.*s: named\n", STR_FMT(p->name), STR_FMT(p->version));
			break;
		}
		at = c->by - 1;
		buf_printf(&b, "%.*s %.*s: for %.*s (%s)\n", STR_FMT(p->name), STR_FMT(p->version), STR_FMT(ix->v[s->v[at].package].name), c->why);
	}
	const char *ret = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return ret;
}
