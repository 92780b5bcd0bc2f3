#include "package/depend.h"
#include "base/hash.h"
#include "base/hashtab.h"

struct offer { /* a name that a package goes by */
	struct str name;
	u32 package;
};

struct resolver {
	const struct packages *p;
	const struct rootfs *r;
	struct offer *v; /* in the order of packages: their own names, then what they provide */
	u32 n, cap;
	struct hashtab names, places; /* places: of npm, the directory of package.json, by package */
	struct buf key;
	u32 *found;
	u32 n_found, cap_found;
};

static bool is(const struct package *k, const char *type) { return strcmp(k->type, type) == 0; }

/* As names of this type compare. */
static struct str normal(struct buf *b, const struct package *k, struct str name)
{
	bool pypi = is(k, "pypi");
	if (!pypi && !is(k, "nuget") && !is(k, "composer") && !is(k, "conda"))
		return name;
	buf_clear(b);
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (pypi && (c == '_' || c == '.'))
			c = '-';
		buf_putc(b, c);
	}
	return buf_str(b);
}

static u32 hash_of(const struct package *k, struct str name) { return (u32)hash64(name, hash64(str_of(k->type), hash_seed)); }

/* The name that a need or an offer begins with: up to a blank, a version or a bracket. Capabilities of rpm and apk hold brackets and colons. */
static struct str name_of(const struct package *k, struct str need)
{
	const char *ends = is(k, "rpm") ? " \t" : is(k, "apk") ? " \t<>=~" : is(k, "deb") ? " \t(:[" : is(k, "alpm") ? " \t<>=" : is(k, "npm") ? " \t" : " \t([<>=!~;,";
	size_t n = 0;
	need = str_trim(need);
	while (need.n && need.p[0] == '(') /* rpm's "(a if b)" */
		need = str_trim(str_from(need, 1));
	while (n < need.n && !strchr(ends, need.p[n]))
		n++;
	return str_head(need, n);
}

/* The next need of a field; commas in brackets belong to it. */
static bool next_need(const struct package *k, struct str *rest, struct str *need)
{
	bool blanks = is(k, "apk");
	u32 depth = 0;
	size_t i = 0;
	if (!rest->p || !rest->n)
		return false;
	for (; i < rest->n; i++) {
		char c = rest->p[i];
		depth += c == '(' || c == '[';
		depth -= depth && (c == ')' || c == ']');
		if (blanks ? c == ' ' : c == ',' && !depth)
			break;
	}
	*need = str_head(*rest, i);
	*rest = str_from(*rest, i + 1);
	return true;
}

static void offer(struct resolver *d, u32 i, struct str name)
{
	struct offer o = { name, i };
	if (name.n && d->n < DEPENDS_MAX)
		VEC_PUSH(d->v, d->n, d->cap, o);
}

static struct str directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return str_n(path, slash ? (size_t)(slash - path) : 0);
}

static void index_all(struct resolver *d)
{
	const struct packages *p = d->p;
	struct str rest, need;
	for (u32 i = 0; i < p->n; i++)
		offer(d, i, str_of(p->v[i].name));
	for (u32 i = 0; i < p->n; i++)
		for (rest = str_of(p->v[i].provides); next_need(&p->v[i], &rest, &need);)
			offer(d, i, name_of(&p->v[i], need));
	hashtab_open(&d->names, d->n + 1); /* it never grows: what comes first stays first */
	hashtab_open(&d->places, p->n + 1);
	for (u32 i = 0; i < d->n; i++) {
		const struct package *k = &p->v[d->v[i].package];
		hashtab_add(&d->names, hash_of(k, normal(&d->key, k, d->v[i].name)), i + 1);
	}
	for (u32 i = 0; i < p->n; i++)
		if (is(&p->v[i], "npm"))
			hashtab_add(&d->places, (u32)hash64(directory_of(p->v[i].path), hash_seed), i + 1);
}

/* How well package y serves as what x needs, both of one type: the same architecture, then the nearest path. */
static size_t fitness(const struct package *x, const struct package *y)
{
	bool arch = strcmp(x->arch, y->arch) == 0 || !*x->arch || strcmp(y->arch, "all") == 0 || strcmp(y->arch, "noarch") == 0;
	return (arch ? (size_t)1 << 32 : 0) + (x->origin == ORIGIN_DATABASE ? 0 : str_same(str_of(x->path), str_of(y->path))) + 1;
}

/* 1 + the index of the package of this name; 0: none. */
static u32 by_name(struct resolver *d, const struct package *x, struct str name)
{
	struct buf mine = BUF(0);
	struct str want = normal(&mine, x, name);
	u32 best = 0, looked = 0, h = hash_of(x, want);
	size_t best_fit = 0;
	for (u32 at = h, id; name.n && looked < DEPENDS_CANDIDATES && (id = hashtab_next(&d->names, h, &at)); looked++) {
		const struct offer *o = &d->v[id - 1];
		const struct package *y = &d->p->v[o->package];
		if (strcmp(x->type, y->type) != 0 || !str_eq(normal(&d->key, y, o->name), want))
			continue;
		size_t fit = fitness(x, y);
		if (fit > best_fit) {
			best_fit = fit;
			best = o->package + 1;
		}
	}
	buf_free(&mine);
	return best;
}

/* node_modules/NAME in the package's directory, then in each above. */
static u32 by_place(struct resolver *d, const struct package *x, struct str name)
{
	struct buf path = BUF(0);
	struct str dir = directory_of(x->path);
	u32 best = 0;
	for (u32 level = 0; level < 64 && !best; level++) {
		buf_clear(&path);
		buf_add(&path, dir);
		buf_puts(&path, "/node_modules/");
		buf_add(&path, name);
		u32 h = (u32)hash64(buf_str(&path), hash_seed);
		for (u32 at = h, id; !best && (id = hashtab_next(&d->places, h, &at));)
			if (str_eq(directory_of(d->p->v[id - 1].path), buf_str(&path)))
				best = id;
		const char *slash = dir.n ? memrchr(dir.p, '/', dir.n) : NULL;
		if (!slash)
			break;
		dir.n = (size_t)(slash - dir.p);
	}
	buf_free(&path);
	return best ? best : by_name(d, x, name);
}

static u32 by_file(struct resolver *d, struct str path)
{
	node_id id = d->r ? rootfs_find(d->r, path, false) : 0;
	return id && id < d->p->n_owner ? d->p->owner[id] : 0;
}

static u32 resolve(struct resolver *d, const struct package *x, struct str need)
{
	u32 to = 0;
	if (is(x, "deb")) {
		while (!to && need.p)
			to = by_name(d, x, name_of(x, str_cut(&need, '|')));
		return to;
	}
	if (is(x, "pypi") && str_contains(need, STR("extra ==")))
		return 0;
	struct str name = name_of(x, need);
	if (is(x, "npm"))
		return by_place(d, x, name);
	to = by_name(d, x, name);
	return to || !is(x, "rpm") || !name.n || name.p[0] != '/' ? to : by_file(d, name);
}

static int ascending(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;
	return (x > y) - (x < y);
}

void depends_resolve(const struct packages *p, const struct rootfs *r, struct depends *ret)
{
	struct resolver d = { .p = p, .r = r };
	struct depends out = { .start = xcalloc((size_t)p->n + 1, sizeof *out.start) };
	u32 cap = 0;
	index_all(&d);
	for (u32 i = 0; i < p->n; i++) {
		const struct package *k = &p->v[i];
		struct str rest = str_of(k->depends), need;
		d.n_found = 0;
		while (next_need(k, &rest, &need)) {
			u32 to = resolve(&d, k, need);
			if (to && to != i + 1)
				VEC_PUSH(d.found, d.n_found, d.cap_found, to - 1);
		}
		if (d.n_found)
			qsort(d.found, d.n_found, sizeof *d.found, ascending);
		for (u32 j = 0; j < d.n_found; j++) {
			if (j && d.found[j] == d.found[j - 1])
				continue;
			if (out.n >= DEPENDS_MAX)
				out.over = true;
			else
				VEC_PUSH(out.to, out.n, cap, d.found[j]);
		}
		out.start[i + 1] = out.n;
	}
	free(d.found);
	free(d.v);
	hashtab_free(&d.names);
	hashtab_free(&d.places);
	buf_free(&d.key);
	*ret = out;
}

void depends_free(struct depends *d)
{
	free(d->start);
	free(d->to);
	*d = (struct depends){ 0 };
}
