#include "advisory/db.h"
#include "advisory/page.h"
#include "advisory/record.h"
#include "advisory/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDS_MAX 256u /* other names of one id that are followed */

struct db {
	void *map;
	size_t size;
	struct tree tree;
};

int db_open(const char *path, struct db **ret, struct error *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERR_ENV, "%s: there is no advisory database: `pare db update` fetches one, `pare db build` makes one from feeds", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || (u64)st.st_size > DB_MAP_MAX)
		return error_set(err, ERR_INPUT, "%s: not an advisory database", path);
	struct db d = { .size = (size_t)st.st_size };
	d.map = mmap(NULL, d.size, PROT_READ, MAP_SHARED, fd, 0);
	if (d.map == MAP_FAILED)
		return error_errno(err, "%s", path);
	struct str head = { 0 };
	size_t magic = strlen(DB_MAGIC);
	int r = tree_view(str_n(d.map, d.size), &d.tree, err);
	if (r == 0 && (tree_get(&d.tree, STR("!"), &head) <= 0 || head.n != magic + sizeof(u32) || memcmp(head.p, DB_MAGIC, magic) != 0))
		r = error_set(err, ERR_INPUT, "not an advisory database");
	u32 version = r == 0 ? get32(head.p + magic) : DB_VERSION;
	if (version != DB_VERSION)
		r = error_set(err, ERR_INPUT, "an advisory database of format %u, and this program reads format %u: `pare db update` or `pare db build` makes it anew", version, DB_VERSION);
	if (r < 0) {
		munmap(d.map, d.size);
		return error_wrap(err, "%s", path);
	}
	*ret = xcalloc(1, sizeof **ret);
	**ret = d;
	return 0;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	munmap(d->map, d->size);
	free(d);
}

static int damaged(struct error *err) { return error_set(err, ERR_INPUT, "the advisory database is damaged: `pare db update` or `pare db build` makes it anew"); }

/* --- records --- */
struct query {
	const struct db *d;
	int (*f)(void *ctx, const struct db_record *r);
	void *ctx;
	const struct str *ids; /* only records that have one of them; n_ids 0: all */
	u32 n_ids;
	struct version_list versions;
	u64 budget;            /* bytes of values that may still be read: an honest file is read once at most */
};

static struct query query_of(const struct db *d, int (*f)(void *ctx, const struct db_record *r), void *ctx) { return (struct query){ .d = d, .f = f, .ctx = ctx, .budget = d->size }; }

static bool wanted(const struct query *q, const struct db_record *r)
{
	for (u32 i = 0; i < q->n_ids; i++) {
		if (str_eq(q->ids[i], r->id))
			return true;
		struct str words = r->advisory;
		while (words.n)
			if (str_eq(str_cut(&words, ' '), q->ids[i]))
				return true;
	}
	return q->n_ids == 0;
}

/* "a" ECOSYSTEM \0 PACKAGE \0 part */
static bool split_key(struct str key, struct str *ecosystem, struct str *package)
{
	*package = str_from(key, 1);
	*ecosystem = str_cut(package, '\0');
	if (!package->p || package->n < 3 || package->p[package->n - 3] != '\0')
		return false;
	*package = str_head(*package, package->n - 3);
	return true;
}

/* The records of one value. `key`: as record.h has it. */
static int value_records(struct query *q, struct str key, struct str value, struct error *err)
{
	struct str ecosystem, package;
	if (!split_key(key, &ecosystem, &package) || value.n > q->budget)
		return damaged(err);
	q->budget -= value.n;
	struct decoder d = { value, 0, false };
	struct db_record r;
	int more;
	while ((more = decode_record(&d, ecosystem, package, &q->versions, &r)) > 0) {
		int stop = wanted(q, &r) ? q->f(q->ctx, &r) : 0;
		if (stop)
			return stop;
	}
	return more < 0 ? damaged(err) : 0;
}

/* Every value whose key begins with `prefix`. */
static int each_value(struct query *q, struct str prefix, struct error *err)
{
	struct tree_at at;
	int r = tree_seek(&q->d->tree, prefix, &at);
	for (; r > 0 && str_starts(at.key, prefix); r = tree_next(&at)) {
		int stop = value_records(q, at.key, at.value, err);
		if (stop)
			return stop;
	}
	return r < 0 ? damaged(err) : 0;
}

static void package_key(struct buf *key, struct str ecosystem, struct str normal)
{
	buf_clear(key);
	buf_putc(key, 'a');
	key_name(key, ecosystem);
	buf_putc(key, '\0');
	buf_add(key, normal);
	buf_putc(key, '\0');
}

int db_affected(const struct db *d, struct str ecosystem, struct str package, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err)
{
	struct query q = query_of(d, f, ctx);
	struct buf key = BUF(0), normal = BUF(0);
	key_normal_name(&normal, ecosystem, package);
	package_key(&key, ecosystem, buf_str(&normal));
	int r = each_value(&q, buf_str(&key), err);
	buf_free(&key);
	buf_free(&normal);
	free(q.versions.v);
	return r;
}

int db_each(const struct db *d, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err)
{
	struct query q = query_of(d, f, ctx);
	int r = each_value(&q, STR("a"), err);
	free(q.versions.v);
	return r;
}

struct db_walk {
	struct tree_at at;
	struct decoder value;
	struct str ecosystem, package;
	struct version_list versions;
	u64 budget;
	bool started;
};

struct db_walk *db_walk_new(const struct db *d)
{
	struct db_walk *w = xcalloc(1, sizeof *w);
	w->at.t = &d->tree;
	w->budget = d->size;
	return w;
}

void db_walk_free(struct db_walk *w)
{
	if (w)
		free(w->versions.v);
	free(w);
}

int db_walk_next(struct db_walk *w, struct db_record *ret, struct str *normal, struct error *err)
{
	for (;;) {
		int r = decode_record(&w->value, w->ecosystem, w->package, &w->versions, ret);
		*normal = w->package;
		if (r)
			return r < 0 ? damaged(err) : r;
		r = w->started ? tree_next(&w->at) : tree_seek(w->at.t, STR("a"), &w->at);
		w->started = true;
		if (r <= 0 || w->at.key.p[0] != 'a')
			return r < 0 ? damaged(err) : 0;
		if (!split_key(w->at.key, &w->ecosystem, &w->package) || w->at.value.n > w->budget)
			return damaged(err);
		w->budget -= w->at.value.n;
		w->value = (struct decoder){ w->at.value, 0, false };
	}
}

bool db_has_ecosystem(const struct db *d, struct str ecosystem)
{
	struct buf key = BUF(0);
	struct tree_at at;
	buf_putc(&key, 'a');
	key_name(&key, ecosystem);
	buf_putc(&key, '\0');
	bool has = tree_seek(&d->tree, buf_str(&key), &at) > 0 && str_starts(at.key, buf_str(&key));
	buf_free(&key);
	return has;
}

/* --- by id and by name --- */
struct place { /* a package of an ecosystem: views into the map */
	struct str ecosystem, package;
};
struct places {
	struct place *v;
	u32 n, cap;
};

static int place_order(const void *x, const void *y)
{
	const struct place *a = x, *b = y;
	int c = str_cmp(a->ecosystem, b->ecosystem);
	return c ? c : str_cmp(a->package, b->package);
}

static bool ecosystem_name(const struct db *d, struct decoder *at, struct str *ret)
{
	if (at->all.n - at->at < 2)
		return false;
	char key[3] = { 'c', at->all.p[at->at], at->all.p[at->at + 1] };
	at->at += 2;
	return tree_get(&d->tree, str_n(key, sizeof key), ret) > 0;
}

/* Where the table says that a name stands: "i" with packages, "n" without (`package` then is it). */
static int places_of(const struct db *d, char table, struct str name, struct str package, struct places *ret)
{
	struct buf key = BUF(0);
	struct tree_at at;
	buf_putc(&key, table);
	key_name(&key, name);
	buf_putc(&key, '\0');
	struct str prefix = buf_str(&key);
	int r = tree_seek(&d->tree, prefix, &at);
	u64 budget = d->size;
	for (; r > 0 && str_starts(at.key, prefix) && at.key.n == prefix.n + 2; r = tree_next(&at)) {
		struct decoder v = { at.value, 0, at.value.n > budget };
		budget -= MIN(budget, at.value.n);
		while (!v.bad && v.at < v.all.n) {
			struct place p = { .package = package };
			if (!ecosystem_name(d, &v, &p.ecosystem))
				v.bad = true;
			else if (table == 'i')
				p.package = decode_string(&v);
			if (!v.bad && ret->n < UINT32_MAX / 2)
				VEC_PUSH(ret->v, ret->n, ret->cap, p);
		}
		if (v.bad) {
			r = -1;
			break;
		}
	}
	buf_free(&key);
	return r < 0 ? -1 : 0;
}

static int each_place(struct query *q, struct places *p, struct error *err)
{
	struct buf key = BUF(0);
	int r = 0;
	if (p->n)
		qsort(p->v, p->n, sizeof *p->v, place_order);
	for (u32 i = 0; i < p->n && r == 0; i++) {
		if (i && place_order(&p->v[i - 1], &p->v[i]) == 0)
			continue;
		package_key(&key, p->v[i].ecosystem, p->v[i].package);
		r = each_value(q, buf_str(&key), err);
	}
	buf_free(&key);
	free(p->v);
	free(q->versions.v);
	return r;
}

/* `id` and what else it is called, at most IDS_MAX. */
static u32 names_of(const struct db *d, struct str id, struct str *ret)
{
	struct buf key = BUF(0);
	struct tree_at at;
	u32 n = 0;
	ret[n++] = id;
	buf_putc(&key, 'l');
	key_name(&key, id);
	buf_putc(&key, '\0');
	struct str prefix = buf_str(&key);
	for (int r = tree_seek(&d->tree, prefix, &at); r > 0 && n < IDS_MAX && str_starts(at.key, prefix); r = tree_next(&at))
		ret[n++] = str_from(at.key, prefix.n);
	buf_free(&key);
	return n;
}

int db_by_id(const struct db *d, struct str id, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err)
{
	struct query q = query_of(d, f, ctx);
	struct places p = { 0 };
	struct str ids[IDS_MAX];
	q.ids = ids;
	q.n_ids = names_of(d, id, ids);
	for (u32 i = 0; i < q.n_ids; i++) {
		if (places_of(d, 'i', ids[i], STR(""), &p) < 0) {
			free(p.v);
			return damaged(err);
		}
	}
	return each_place(&q, &p, err);
}

int db_by_name(const struct db *d, struct str package, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err)
{
	static const char *const spellings[] = { "", "Go", "PyPI" }; /* as it is, in lower case, and as Python has it */
	struct query q = query_of(d, f, ctx);
	struct places p = { 0 };
	struct buf normal[countof(spellings)] = { 0 };
	int r = 0;
	for (size_t i = 0; i < countof(spellings) && r == 0; i++) {
		key_normal_name(&normal[i], str_of(spellings[i]), package);
		u32 before = p.n, out = p.n;
		r = places_of(d, 'n', buf_str(&normal[i]), buf_str(&normal[i]), &p);
		for (u32 k = before; k < p.n; k++) { /* "A" asks for "a" only where those are one */
			struct buf name = BUF(0);
			key_normal_name(&name, p.v[k].ecosystem, package);
			if (str_eq(buf_str(&name), buf_str(&normal[i])))
				p.v[out++] = p.v[k];
			buf_free(&name);
		}
		p.n = out;
	}
	if (r < 0) {
		free(p.v);
		r = damaged(err);
	} else {
		r = each_place(&q, &p, err);
	}
	for (size_t i = 0; i < countof(spellings); i++)
		buf_free(&normal[i]);
	return r;
}

/* --- vulnerabilities --- */
/* The value of a table for an id, else for the first of its other names that has one. */
static bool find(const struct db *d, char table, struct str id, struct str *value)
{
	struct str ids[IDS_MAX];
	u32 n = names_of(d, id, ids);
	struct buf key = BUF(0);
	bool found = false;
	for (u32 i = 0; i < n && !found; i++) {
		buf_clear(&key);
		buf_putc(&key, table);
		key_name(&key, ids[i]);
		found = tree_get(&d->tree, buf_str(&key), value) > 0;
	}
	buf_free(&key);
	return found;
}

#define JOINED_NAMES 16u /* of an id's other names, whose descriptions are looked at */
#define JOINED_LIST 64u

static const struct str *join_list(struct arena *a, const struct str *v, u32 n, const struct str *more, u32 n_more, u32 *ret)
{
	*ret = n;
	if (!n_more || n >= JOINED_LIST)
		return v;
	struct str *out = arena_array(a, struct str, JOINED_LIST);
	if (n)
		memcpy(out, v, n * sizeof *out);
	for (u32 i = 0; i < n_more && n < JOINED_LIST; i++) {
		u32 k = 0;
		while (k < n && !str_eq(out[k], more[i]))
			k++;
		if (k == n)
			out[n++] = more[i];
	}
	*ret = n;
	return out;
}

static void join_cvss(struct arena *a, struct db_vuln *v, const struct db_vuln *o)
{
	u32 n = v->n_cvss;
	if (!o->n_cvss || n >= JOINED_LIST)
		return;
	struct db_cvss *out = arena_array(a, struct db_cvss, JOINED_LIST);
	if (n)
		memcpy(out, v->cvss, n * sizeof *out);
	for (u32 i = 0; i < o->n_cvss && n < JOINED_LIST; i++) {
		u32 k = 0;
		while (k < n && !(str_eq(out[k].vector, o->cvss[i].vector) && str_eq(out[k].source, o->cvss[i].source)))
			k++;
		if (k == n)
			out[n++] = o->cvss[i];
	}
	v->cvss = out;
	v->n_cvss = n;
}

/* What another name of it says besides. */
static void join_vuln(struct arena *a, struct db_vuln *v, const struct db_vuln *o)
{
	v->title = v->title.n ? v->title : o->title;
	v->description = v->description.n ? v->description : o->description;
	v->published = v->published.n ? v->published : o->published;
	v->modified = v->modified.n ? v->modified : o->modified;
	v->severity = v->severity.n ? v->severity : o->severity;
	v->aliases = join_list(a, v->aliases, v->n_aliases, o->aliases, o->n_aliases, &v->n_aliases);
	v->references = join_list(a, v->references, v->n_references, o->references, o->n_references, &v->n_references);
	v->cwes = join_list(a, v->cwes, v->n_cwes, o->cwes, o->n_cwes, &v->n_cwes);
	join_cvss(a, v, o);
}

bool db_vuln(const struct db *d, struct arena *a, struct str id, struct db_vuln *ret)
{
	struct str ids[IDS_MAX];
	u32 n = names_of(d, id, ids);
	struct buf key = BUF(0);
	struct db_vuln all = { 0 };
	bool found = false;
	for (u32 i = 0; i < MIN(n, JOINED_NAMES); i++) {
		struct db_vuln v;
		struct str value;
		buf_clear(&key);
		buf_putc(&key, 'v');
		key_name(&key, ids[i]);
		if (tree_get(&d->tree, buf_str(&key), &value) <= 0 || !decode_vuln(value, a, &v))
			continue;
		if (found) {
			if (!v.withdrawn)
				join_vuln(a, &all, &v);
			continue;
		}
		found = true;
		all = v;
		all.id = str_n(arena_strdup(a, ids[i]), ids[i].n);
	}
	buf_free(&key);
	if (found)
		*ret = all;
	return found;
}

bool db_kev(const struct db *d, struct str id, struct db_kev *ret)
{
	struct str value;
	if (!find(d, 'k', id, &value) || !value.n)
		return false;
	struct decoder v = { value, 1, false };
	struct db_kev k = { .ransomware = value.p[0] };
	k.date_added = decode_string(&v);
	k.due_date = decode_string(&v);
	if (!v.bad)
		*ret = k;
	return !v.bad;
}

bool db_epss(const struct db *d, struct str id, struct db_epss *ret)
{
	struct str value;
	if (!find(d, 'e', id, &value) || value.n != 8)
		return false;
	*ret = (struct db_epss){ MIN(get32(value.p), 1000000000u) / 1e9, MIN(get32(value.p + 4), 1000000000u) / 1e9 };
	return true;
}

bool db_eol(const struct db *d, struct str product, struct str cycle, struct db_eol *ret)
{
	struct buf key = BUF(0);
	struct tree_at at;
	buf_putc(&key, 'o');
	key_name(&key, product);
	buf_putc(&key, '\0');
	size_t front = key.n;
	key_name(&key, cycle);
	bool found = tree_seek(&d->tree, buf_str(&key), &at) > 0 && str_eq(at.key, buf_str(&key));
	buf_free(&key);
	if (!found)
		return false;
	struct decoder v = { at.value, 0, false };
	struct db_eol e = { .product = str_n(at.key.p + 1, front - 2), .cycle = str_from(at.key, front) };
	e.codename = decode_string(&v);
	e.release = decode_string(&v);
	e.eol = decode_string(&v);
	e.extended = decode_string(&v);
	if (!v.bad)
		*ret = e;
	return !v.bad;
}

int db_sources(const struct db *d, int (*f)(void *ctx, const struct db_source *s), void *ctx)
{
	struct tree_at at;
	int r = tree_seek(&d->tree, STR("s"), &at);
	for (; r > 0 && at.key.p[0] == 's'; r = tree_next(&at)) {
		struct str where = str_from(at.key, 1), kind = str_cut(&where, '\0');
		struct decoder v = { at.value, 0, !where.p };
		struct db_source s = { .kind = kind, .location = where };
		s.records = decode_number(&v);
		s.files = decode_number(&v);
		s.newest = decode_string(&v);
		int stop = v.bad ? -1 : f(ctx, &s);
		if (stop)
			return stop;
	}
	return r < 0 ? -1 : 0;
}
