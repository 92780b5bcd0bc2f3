/* db_write.c — what feeds say, sorted, then written from the first key to the last. Sorting sees to it that neither the order of files nor of their values matters, and
 * to memory: a sorter's run, a page of the tree a level, and one value. */
#include "advisory/page.h"
#include "advisory/record.h"
#include "advisory/sort.h"
#include "advisory/tree.h"
#include "base/file.h"
#include "base/text.h"

#define JOINED_MAX 64u         /* descriptions of one vulnerability */
#define ECOSYSTEMS_MAX 65536u

struct db_writer {
	struct outfile file;
	struct sorter *sorter;
	struct buf key;
	struct encoder value;
	u64 records, others;  /* added since db_writer_since() */
	char newest[2][16];   /* the day of that, the one that was told last */
};

int db_writer_open(const char *path, struct db_writer **ret, struct error *err)
{
	struct db_writer *w = xcalloc(1, sizeof *w);
	if (outfile_open(&w->file, path, err) < 0) {
		free(w);
		return -1;
	}
	w->sorter = sorter_new(path, SORT_RUN);
	*ret = w;
	return 0;
}

static void writer_free(struct db_writer *w)
{
	sorter_free(w->sorter);
	buf_free(&w->key);
	encoder_free(&w->value);
	free(w);
}

void db_writer_abort(struct db_writer *w)
{
	if (!w)
		return;
	outfile_abort(&w->file);
	writer_free(w);
}

void db_writer_since(struct db_writer *w, u64 *records, u64 *others, struct str *newest)
{
	*records = w->records;
	*others = w->others;
	memcpy(w->newest[1], w->newest[0], sizeof w->newest[1]);
	*newest = str_of(w->newest[1]);
	w->records = w->others = 0;
	w->newest[0][0] = '\0';
}

/* "2024-01-31T…": the day counts when it is later than those before. */
static void note_day(struct db_writer *w, struct str date)
{
	static const char form[] = "0000-00-00";
	if (date.n < 10)
		return;
	for (size_t i = 0; i < 10; i++)
		if (form[i] == '-' ? date.p[i] != '-' : date.p[i] < '0' || date.p[i] > '9')
			return;
	if (memcmp(date.p, w->newest[0], 10) > 0) {
		memcpy(w->newest[0], date.p, 10);
		w->newest[0][10] = '\0';
	}
}

/* --- adding --- */
static bool plain(struct str s) { return s.n && !str_chr(s, '\0'); }

/* The key of a table, of one name or of two with a zero between. */
static void start_key(struct db_writer *w, char table, struct str a, const struct str *b)
{
	buf_clear(&w->key);
	buf_putc(&w->key, table);
	key_name(&w->key, a);
	if (b) {
		buf_putc(&w->key, '\0');
		key_name(&w->key, *b);
	}
	encoder_clear(&w->value);
}

static int put(struct db_writer *w, struct error *err) { return sorter_add(w->sorter, buf_str(&w->key), buf_str(&w->value.out), err); }

/* One of the ids of a record, and where the record stands. */
static int add_id(struct db_writer *w, struct str id, struct str ecosystem, struct str normal, struct error *err)
{
	if (!plain(id))
		return 0;
	start_key(w, 'i', id, &ecosystem);
	buf_putc(&w->key, '\0');
	buf_add(&w->key, normal);
	return put(w, err);
}

static int add_one(struct db_writer *w, const struct db_record *r, struct str normal, struct error *err)
{
	w->records++;
	start_key(w, 'a', r->ecosystem, NULL);
	buf_putc(&w->key, '\0');
	buf_add(&w->key, normal);
	buf_putc(&w->key, '\0');
	buf_add(&w->key, r->id);
	encode_record(&w->value, r, normal, false);
	return put(w, err);
}

int db_add_record(struct db_writer *w, const struct db_record *r, struct error *err)
{
	if (!plain(r->ecosystem) || !plain(r->package) || !plain(r->id))
		return error_set(err, ERR_INPUT, "an advisory without an id, a package or an ecosystem (%.*s %.*s)", STR_FMT(str_head(r->id, 64)), STR_FMT(str_head(r->package, 64)));
	struct buf normal = BUF(0);
	key_normal_name(&normal, r->ecosystem, r->package);
	struct str name = buf_str(&normal);
	int e = 0;
	struct db_record part = *r;
	for (u32 at = 0; e == 0 && (at == 0 || at < r->n_versions); at += RANGE_MAX) { /* a longer list of versions: several records */
		part.versions = r->n_versions ? r->versions + at : NULL;
		part.n_versions = MIN(r->n_versions - at, (u32)RANGE_MAX);
		e = add_one(w, &part, name, err);
	}
	e = e < 0 ? e : add_id(w, r->id, r->ecosystem, name, err);
	struct str words = r->advisory;
	while (e == 0 && words.n)
		e = add_id(w, str_cut(&words, ' '), r->ecosystem, name, err);
	if (e == 0) {
		start_key(w, 'n', name, &r->ecosystem);
		e = put(w, err);
	}
	buf_free(&normal);
	return e;
}

/* At most `n` bytes, at the end of a character. */
static struct str cut_text(struct str s, size_t n)
{
	if (s.n <= n)
		return s;
	while (n && ((u8)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_head(s, n);
}

int db_add_vuln(struct db_writer *w, const struct db_vuln *v, struct error *err)
{
	if (!plain(v->id))
		return error_set(err, ERR_INPUT, "a vulnerability without an id");
	w->others++;
	note_day(w, v->published);
	note_day(w, v->modified);
	struct db_vuln cut = *v;
	cut.title = cut_text(v->title, 300);
	cut.description = cut_text(v->description, DB_TEXT_MAX);
	cut.n_aliases = MIN(v->n_aliases, (u32)RANGE_MAX);
	cut.n_references = MIN(v->n_references, (u32)RANGE_MAX);
	cut.n_cwes = MIN(v->n_cwes, (u32)RANGE_MAX);
	cut.n_cvss = MIN(v->n_cvss, (u32)RANGE_MAX);
	start_key(w, 'v', v->id, NULL);
	encode_vuln(&w->value, &cut);
	if (put(w, err) < 0)
		return -1;
	for (u32 i = 0; i < cut.n_aliases; i++) {
		if (!plain(v->aliases[i]) || str_eq(v->aliases[i], v->id))
			continue;
		start_key(w, 'l', v->id, &v->aliases[i]);
		if (put(w, err) < 0)
			return -1;
		start_key(w, 'l', v->aliases[i], &v->id);
		if (put(w, err) < 0)
			return -1;
	}
	return 0;
}

int db_add_kev(struct db_writer *w, struct str id, const struct db_kev *k, struct error *err)
{
	if (!plain(id))
		return error_set(err, ERR_INPUT, "a known exploited vulnerability without an id");
	w->others++;
	note_day(w, k->date_added);
	start_key(w, 'k', id, NULL);
	buf_putc(&w->value.out, (char)k->ransomware);
	encode_string(&w->value, k->date_added, false);
	encode_string(&w->value, k->due_date, false);
	return put(w, err);
}

static u64 billionths(double v) { return v > 0 ? (u64)(MIN(v, 1.0) * 1e9 + 0.5) : 0; }

int db_add_epss(struct db_writer *w, struct str id, const struct db_epss *e, struct error *err)
{
	if (!plain(id))
		return error_set(err, ERR_INPUT, "an EPSS score without an id");
	w->others++;
	start_key(w, 'e', id, NULL);
	char v[8];
	put32(v, billionths(e->score));
	put32(v + 4, billionths(e->percentile));
	buf_add(&w->value.out, str_n(v, sizeof v));
	return put(w, err);
}

int db_add_eol(struct db_writer *w, const struct db_eol *e, struct error *err)
{
	if (!plain(e->product) || !plain(e->cycle))
		return error_set(err, ERR_INPUT, "an end of life without a product or a cycle");
	w->others++;
	start_key(w, 'o', e->product, &e->cycle);
	const struct str *const text[] = { &e->codename, &e->release, &e->eol, &e->extended };
	for (size_t i = 0; i < countof(text); i++)
		encode_string(&w->value, *text[i], false);
	return put(w, err);
}

static void encode_source(struct encoder *e, u64 records, u64 files, struct str newest)
{
	encode_number(e, records);
	encode_number(e, files);
	encode_string(e, newest, false);
}

int db_add_source(struct db_writer *w, const struct db_source *s, struct error *err)
{
	struct str where = s->location;
	while (where.n && where.p[where.n - 1] == '/')
		where = str_head(where, where.n - 1);
	where = str_base(where);
	if (!plain(s->kind) || str_chr(where, '\0'))
		return error_set(err, ERR_INPUT, "a source without a kind");
	note_day(w, s->newest);
	start_key(w, 's', s->kind, &where);
	encode_source(&w->value, s->records, s->files, s->newest);
	return put(w, err);
}

/* --- writing --- */
struct commit {
	struct tree_writer *tree;
	char table;
	struct buf group;       /* key of the value that is being put together */
	u32 part;
	struct encoder value;
	bool open;
	struct str *ecosystems; /* in order; in `names` */
	u32 n_ecosystems, cap_ecosystems;
	struct arena names, joined;
	struct version_list versions;
	struct db_vuln *vulns;  /* of one id; in `joined` */
	u32 n_vulns;
	struct db_source source;
	struct buf newest;
};

/* Tables whose values may be long have a number behind the key. */
static bool cut_in_parts(char table) { return table == 'a' || table == 'i' || table == 'n'; }

/* The value so far goes into the file. */
static int flush(struct commit *c, struct error *err)
{
	if (!c->open)
		return 0;
	size_t n = c->group.n;
	if (cut_in_parts(c->table)) {
		buf_putc(&c->group, (char)(c->part >> 8));
		buf_putc(&c->group, (char)(c->part & 0xff));
		if (++c->part > UINT16_MAX)
			return error_set(err, ERR_INPUT, "too many advisories of one package");
	}
	int r = tree_add(c->tree, buf_str(&c->group), buf_str(&c->value.out), err);
	c->group.n = n;
	encoder_clear(&c->value);
	c->open = false;
	return r;
}

static int str_order(const void *x, const void *y) { return str_cmp(*(const struct str *)x, *(const struct str *)y); }

static struct str *union_of(struct arena *a, const struct db_vuln *v, u32 n_v, size_t list, size_t count, u32 *ret)
{
	u32 n = 0, out = 0;
	for (u32 i = 0; i < n_v; i++)
		n += *(const u32 *)((const char *)&v[i] + count);
	struct str *all = arena_array(a, struct str, n + 1u);
	u32 at = 0;
	for (u32 i = 0; i < n_v; i++) {
		u32 m = *(const u32 *)((const char *)&v[i] + count);
		const struct str *from = *(const struct str *const *)((const char *)&v[i] + list);
		for (u32 j = 0; j < m; j++)
			all[at++] = from[j];
	}
	if (n)
		qsort(all, n, sizeof *all, str_order);
	for (u32 i = 0; i < n; i++)
		if (all[i].n && (!out || !str_eq(all[out - 1], all[i])))
			all[out++] = all[i];
	*ret = MIN(out, (u32)RANGE_MAX);
	return all;
}

static int cvss_order(const void *x, const void *y)
{
	const struct db_cvss *a = x, *b = y;
	int c = str_cmp(a->source, b->source);
	c = c ? c : str_cmp(a->version, b->version);
	return c ? c : str_cmp(a->vector, b->vector);
}

static void join_cvss(struct commit *c, struct db_vuln *ret)
{
	u32 n = 0, out = 0;
	for (u32 i = 0; i < c->n_vulns; i++)
		n += c->vulns[i].n_cvss;
	struct db_cvss *all = arena_array(&c->joined, struct db_cvss, n + 1u);
	n = 0;
	for (u32 i = 0; i < c->n_vulns; i++)
		for (u32 j = 0; j < c->vulns[i].n_cvss; j++)
			all[n++] = c->vulns[i].cvss[j];
	if (n)
		qsort(all, n, sizeof *all, cvss_order);
	for (u32 i = 0; i < n; i++)
		if (!out || cvss_order(&all[out - 1], &all[i]) != 0)
			all[out++] = all[i];
	ret->cvss = all;
	ret->n_cvss = MIN(out, (u32)RANGE_MAX);
}

#define UNION(field, count) union_of(&c->joined, c->vulns, c->n_vulns, offsetof(struct db_vuln, field), offsetof(struct db_vuln, count), &v.count)

/* What several feeds say of one vulnerability, as one. */
static void join_vulns(struct commit *c)
{
	struct db_vuln v = c->vulns[0];
	for (u32 i = 1; i < c->n_vulns; i++) {
		const struct db_vuln *o = &c->vulns[i];
		v.title = v.title.n ? v.title : o->title;
		v.severity = v.severity.n ? v.severity : o->severity;
		v.description = o->description.n > v.description.n ? o->description : v.description;
		v.published = !v.published.n || (o->published.n && str_cmp(o->published, v.published) < 0) ? o->published : v.published;
		v.modified = str_cmp(o->modified, v.modified) > 0 ? o->modified : v.modified;
		v.withdrawn = v.withdrawn && o->withdrawn;
	}
	v.aliases = UNION(aliases, n_aliases);
	v.references = UNION(references, n_references);
	v.n_references = MIN(v.n_references, DB_REFERENCES_MAX);
	v.cwes = UNION(cwes, n_cwes);
	join_cvss(c, &v);
	encode_vuln(&c->value, &v);
	arena_free(&c->joined);
	c->vulns = NULL;
	c->n_vulns = 0;
}

/* The end of what the open key is about. */
static int finish_group(struct commit *c, struct error *err)
{
	if (c->n_vulns)
		join_vulns(c);
	if (c->open && c->table == 's') {
		encoder_clear(&c->value);
		encode_source(&c->value, c->source.records, c->source.files, buf_str(&c->newest));
	}
	int r = flush(c, err);
	c->part = 0;
	return r;
}

/* Numbers of the ecosystems, behind the records that named them. */
static int add_ecosystems(struct commit *c, struct error *err)
{
	for (u32 i = 0; i < c->n_ecosystems; i++) {
		char key[3] = { 'c', (char)(i >> 8), (char)(i & 0xff) };
		if (tree_add(c->tree, str_n(key, 3), c->ecosystems[i], err) < 0)
			return -1;
	}
	return 0;
}

static void put_ecosystem(struct commit *c, struct str name)
{
	u32 low = 0, high = c->n_ecosystems;
	while (low + 1 < high) {
		u32 mid = low + (high - low) / 2;
		if (str_cmp(c->ecosystems[mid], name) <= 0)
			low = mid;
		else
			high = mid;
	}
	buf_putc(&c->value.out, (char)(low >> 8));
	buf_putc(&c->value.out, (char)(low & 0xff));
}

static int take_record(struct commit *c, struct str key, struct str value, struct error *err)
{
	struct str package = str_from(key, 1), ecosystem = str_cut(&package, '\0');
	package = str_cut(&package, '\0');
	if (!c->n_ecosystems || !str_eq(c->ecosystems[c->n_ecosystems - 1], ecosystem)) {
		if (c->n_ecosystems == ECOSYSTEMS_MAX)
			return error_set(err, ERR_INPUT, "more than %u ecosystems", ECOSYSTEMS_MAX);
		struct str kept = str_n(arena_strdup(&c->names, ecosystem), ecosystem.n);
		VEC_PUSH(c->ecosystems, c->n_ecosystems, c->cap_ecosystems, kept);
	}
	struct decoder d = { value, 0, false };
	struct db_record r;
	if (decode_record(&d, ecosystem, package, &c->versions, &r) != 1)
		return error_set(err, ERR_INPUT, "an advisory that does not read back");
	encode_record(&c->value, &r, package, true);
	return 0;
}

static int take_vuln(struct commit *c, struct str value)
{
	if (c->n_vulns == JOINED_MAX)
		return 0;
	if (!c->vulns)
		c->vulns = arena_array(&c->joined, struct db_vuln, JOINED_MAX);
	struct str copy = str_n(arena_bytes(&c->joined, value), value.n);
	c->n_vulns += decode_vuln(copy, &c->joined, &c->vulns[c->n_vulns]);
	return 0;
}

static void take_source(struct commit *c, struct str value, bool first)
{
	struct decoder d = { value, 0, false };
	u64 records = decode_number(&d), files = decode_number(&d);
	struct str newest = decode_string(&d);
	if (first) {
		c->source = (struct db_source){ .records = 0 };
		buf_clear(&c->newest);
	}
	c->source.records = MAX(c->source.records, records);
	c->source.files = MAX(c->source.files, files);
	if (str_cmp(newest, buf_str(&c->newest)) > 0) {
		buf_clear(&c->newest);
		buf_add(&c->newest, newest);
	}
}

/* The part of a sorted key that is the key of the value: of records, ids and names what stands before the last name. */
static struct str group_of(struct str key)
{
	u32 names = key.p[0] == 'a' ? 2 : key.p[0] == 'i' || key.p[0] == 'n' ? 1 : 0;
	size_t n = 0;
	for (u32 i = 0; i < names; i++)
		n += (size_t)(str_chr(str_from(key, n), '\0') - (key.p + n)) + 1;
	return names ? str_head(key, n) : key;
}

static int take(void *ctx, struct str key, struct str value, struct error *err)
{
	struct commit *c = ctx;
	struct str group = group_of(key), rest = str_from(key, group.n);
	bool first = !str_eq(group, buf_str(&c->group));
	if (first || (c->value.out.n >= DB_PART && cut_in_parts(c->table))) {
		if ((first ? finish_group(c, err) : flush(c, err)) < 0)
			return -1;
		if (first && c->table == 'a' && key.p[0] != 'a' && add_ecosystems(c, err) < 0)
			return -1;
		c->table = key.p[0];
		buf_clear(&c->group);
		buf_add(&c->group, group);
	}
	c->open = true;
	switch (c->table) {
	case 'a':
		return take_record(c, key, value, err);
	case 'i':
		put_ecosystem(c, str_cut(&rest, '\0'));
		encode_string(&c->value, rest, false);
		return 0;
	case 'n':
		put_ecosystem(c, rest);
		return 0;
	case 'v':
		return take_vuln(c, value);
	case 's':
		take_source(c, value, first);
		return 0;
	default: /* of several the last */
		encoder_clear(&c->value);
		buf_add(&c->value.out, value);
		return 0;
	}
}

static int write_all(struct db_writer *w, struct error *err)
{
	struct commit c = { .tree = tree_writer_new(w->file.fd) };
	struct buf head = BUF(0);
	char version[4];
	put32(version, DB_VERSION);
	buf_puts(&head, DB_MAGIC);
	buf_add(&head, str_n(version, sizeof version));
	int r = tree_add(c.tree, STR("!"), buf_str(&head), err);
	r = r < 0 ? r : sorter_each(w->sorter, take, &c, err);
	r = r < 0 ? r : finish_group(&c, err);
	if (r == 0 && c.table == 'a')
		r = add_ecosystems(&c, err);
	r = r < 0 ? r : tree_finish(c.tree, err);
	tree_writer_free(c.tree);
	buf_free(&head);
	buf_free(&c.group);
	buf_free(&c.newest);
	encoder_free(&c.value);
	free(c.ecosystems);
	free(c.versions.v);
	arena_free(&c.names);
	arena_free(&c.joined);
	return r;
}

int db_writer_commit(struct db_writer *w, struct error *err)
{
	int r = write_all(w, err);
	if (r == 0)
		r = outfile_commit(&w->file, err);
	outfile_abort(&w->file);
	writer_free(w);
	return r;
}
