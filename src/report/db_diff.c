/* db_diff.c — what two databases differ in. Both are walked beside each other in their order; what has the same ecosystem, package and id is compared as a whole. */
#include "advisory/record.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "report/db.h"

struct item { /* a record in the arena, and all that it says as bytes */
	struct db_record record;
	struct str said;
};

struct side {
	struct db_walk *walk;
	struct db_record next;
	struct str normal;
	bool more;
	struct item *v; /* of the same ecosystem, package and id */
	u32 n, cap;
	struct arena arena;
};

struct diff {
	FILE *f;
	struct jsonw *w; /* NULL: lines */
	struct side a, b;
	struct buf text, safe;
	u64 added, removed, changed;
};

static int step(struct side *s, struct error *err)
{
	int r = db_walk_next(s->walk, &s->next, &s->normal, err);
	s->more = r > 0;
	return r < 0 ? -1 : 0;
}

/* Which of the two comes first. */
static int key_cmp(const struct side *a, const struct side *b)
{
	if (!a->more || !b->more)
		return a->more ? -1 : b->more ? 1 : 0;
	int c = str_cmp(a->next.ecosystem, b->next.ecosystem);
	c = c ? c : str_cmp(a->normal, b->normal);
	return c ? c : str_cmp(a->next.id, b->next.id);
}

static int said_order(const void *x, const void *y) { return str_cmp(((const struct item *)x)->said, ((const struct item *)y)->said); }

/* All records of one key, in the order of what they say. */
static int gather(struct side *s, struct error *err)
{
	struct str ecosystem = s->next.ecosystem, normal = s->normal, id = s->next.id;
	struct encoder e = { 0 };
	int r = 0;
	arena_free(&s->arena);
	s->n = 0;
	while (r == 0 && s->more && str_eq(s->next.id, id) && str_eq(s->normal, normal) && str_eq(s->next.ecosystem, ecosystem)) {
		struct item item = { .record = s->next };
		encoder_clear(&e);
		encode_record(&e, &s->next, STR(""), false);
		item.said = str_n(arena_bytes(&s->arena, buf_str(&e.out)), e.out.n);
		struct str *versions = arena_array(&s->arena, struct str, s->next.n_versions + 1u);
		if (s->next.n_versions)
			memcpy(versions, s->next.versions, s->next.n_versions * sizeof *versions);
		item.record.versions = versions;
		VEC_PUSH(s->v, s->n, s->cap, item);
		r = step(s, err);
	}
	encoder_free(&e);
	if (s->n)
		qsort(s->v, s->n, sizeof *s->v, said_order);
	return r;
}

/* Drops what both say. */
static void drop_equal(struct side *a, struct side *b)
{
	u32 i = 0, j = 0, left_a = 0, left_b = 0;
	while (i < a->n || j < b->n) {
		int c = i == a->n ? 1 : j == b->n ? -1 : str_cmp(a->v[i].said, b->v[j].said);
		if (c < 0)
			a->v[left_a++] = a->v[i];
		else if (c > 0)
			b->v[left_b++] = b->v[j];
		i += c <= 0;
		j += c >= 0;
	}
	a->n = left_a;
	b->n = left_b;
}

static void half_json(struct jsonw *w, const char *name, const struct db_record *r)
{
	jsonw_key(w, name);
	if (!r) {
		jsonw_null(w);
		return;
	}
	jsonw_obj(w);
	db_judgement_json(w, r);
	jsonw_end(w);
}

static void put_safe(struct diff *d, struct str s)
{
	buf_clear(&d->safe);
	text_safe(&d->safe, s);
	fwrite(buf_str(&d->safe).p, 1, d->safe.n, d->f);
}

static void change(struct diff *d, const struct db_record *a, const struct db_record *b)
{
	const struct db_record *r = b ? b : a;
	*(!a ? &d->added : !b ? &d->removed : &d->changed) += 1;
	if (d->w) {
		jsonw_obj(d->w);
		jsonw_kz(d->w, "change", !a ? "added" : !b ? "removed" : "changed");
		jsonw_ks(d->w, "id", r->id);
		jsonw_ks(d->w, "package", r->package);
		jsonw_ks(d->w, "ecosystem", r->ecosystem);
		half_json(d->w, "before", a);
		half_json(d->w, "after", b);
		jsonw_end(d->w);
		return;
	}
	fputs(!a ? "+ " : !b ? "- " : "~ ", d->f);
	put_safe(d, r->id);
	fputs("  ", d->f);
	put_safe(d, r->ecosystem);
	fputs("  ", d->f);
	put_safe(d, r->package);
	fputs("  ", d->f);
	if (a) {
		db_judgement_text(&d->text, a);
		put_safe(d, buf_str(&d->text));
	}
	fputs(a && b ? " -> " : "", d->f);
	if (b) {
		db_judgement_text(&d->text, b);
		put_safe(d, buf_str(&d->text));
	}
	fputc('\n', d->f);
}

static int walk(struct diff *d, struct error *err)
{
	if (step(&d->a, err) < 0 || step(&d->b, err) < 0)
		return -1;
	while (d->a.more || d->b.more) {
		int c = key_cmp(&d->a, &d->b);
		d->a.n = d->b.n = 0;
		if ((c <= 0 && gather(&d->a, err) < 0) || (c >= 0 && gather(&d->b, err) < 0))
			return -1;
		drop_equal(&d->a, &d->b);
		for (u32 i = 0; i < MAX(d->a.n, d->b.n); i++)
			change(d, i < d->a.n ? &d->a.v[i].record : NULL, i < d->b.n ? &d->b.v[i].record : NULL);
	}
	return 0;
}

static void side_free(struct side *s)
{
	db_walk_free(s->walk);
	free(s->v);
	arena_free(&s->arena);
}

int report_db_diff(FILE *f, const struct db *before, const struct db *after, bool json, struct error *err)
{
	struct jsonw w;
	struct diff d = { .f = f, .w = json ? &w : NULL, .a = { .walk = db_walk_new(before) }, .b = { .walk = db_walk_new(after) } };
	if (json) {
		jsonw_init(&w, f, 2);
		jsonw_obj(&w);
		jsonw_key(&w, "changes");
		jsonw_arr(&w);
	}
	int r = walk(&d, err);
	if (json) {
		jsonw_end(&w);
		jsonw_ku(&w, "added", d.added);
		jsonw_ku(&w, "removed", d.removed);
		jsonw_ku(&w, "changed", d.changed);
		jsonw_kb(&w, "complete", r == 0);
		jsonw_end(&w);
	} else {
		fprintf(f, "%s%s added, %s removed, %s changed\n", d.added + d.removed + d.changed ? "\n" : "", TEXT_COUNT(d.added), TEXT_COUNT(d.removed), TEXT_COUNT(d.changed));
	}
	side_free(&d.a);
	side_free(&d.b);
	buf_free(&d.text);
	buf_free(&d.safe);
	return r;
}
