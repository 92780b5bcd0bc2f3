#include "compose/index.h"
#include "base/buf.h"
#include "base/hash.h"
#include "compose/deb822.h"
#include "compose/relation.h"
#include "version/version.h"

enum { PACKAGE, VERSION, ARCH, SECTION, DEPENDS, PRE_DEPENDS, RECOMMENDS, PROVIDES, CONFLICTS, BREAKS, FILENAME, SIZE, SHA256, FIELDS };
static const char *const field_names[FIELDS] = { "Package", "Version", "Architecture", "Section", "Depends", "Pre-Depends", "Recommends", "Provides", "Conflicts", "Breaks", "Filename", "Size", "SHA256" };

void index_open(struct package_index *ix)
{
	*ix = (struct package_index){ 0 };
	hashtab_open(&ix->table, 1024);
	VEC_PUSH(ix->names, ix->n_names, ix->cap_names, ((struct index_name){ 0 }));
}

void index_free(struct package_index *ix)
{
	hashtab_free(&ix->table);
	free(ix->v);
	free(ix->provides);
	free(ix->names);
	arena_free(&ix->arena);
}

static u32 hash_of(struct str name) { return (u32)hash64(name, hash_seed); }

u32 index_find(const struct package_index *ix, struct str name)
{
	u32 h = hash_of(name);
	for (u32 at = h, id; (id = hashtab_next(&ix->table, h, &at));)
		if (str_eq(ix->names[id].name, name))
			return id;
	return 0;
}

static struct index_name *name_of(struct package_index *ix, struct str name)
{
	u32 id = index_find(ix, name);
	if (!id) {
		id = ix->n_names;
		VEC_PUSH(ix->names, ix->n_names, ix->cap_names, ((struct index_name){ .name = name }));
		hashtab_add(&ix->table, hash_of(name), id);
	}
	return &ix->names[id];
}

/* Below the archive's root, of characters that need no escape in a URL, or that are escaped when one is made. */
static bool file_ok(struct str s)
{
	if (!s.n || s.n > 1024 || s.p[0] == '/')
		return false;
	for (struct str rest = s; rest.p;) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || str_is(part, "..") || str_is(part, "."))
			return false;
	}
	for (size_t i = 0; i < s.n; i++)
		if ((u8)s.p[i] <= ' ' || (u8)s.p[i] >= 0x7f || strchr("?#%\\\"", s.p[i]))
			return false;
	return true;
}

static struct str keep(struct package_index *ix, struct str s)
{
	ix->kept += s.n;
	return s.n ? str_n(arena_bytes(&ix->arena, s), s.n) : STR("");
}

static bool take_facts(struct package_index *ix, const struct str v[FIELDS], struct index_package *p)
{
	char text[80];
	if (!package_name_ok(v[PACKAGE]) || !package_version_ok(v[VERSION]) || !file_ok(v[FILENAME]) || v[SHA256].n != 64 || !str_to_u64(v[SIZE], &p->size) || !p->size)
		return false;
	snprintf(text, sizeof text, "sha256:%.64s", v[SHA256].p);
	if (digest_parse(str_of(text), &p->sha256, &(struct error){ 0 }) < 0)
		return false;
	p->name = keep(ix, v[PACKAGE]);
	p->version = keep(ix, v[VERSION]);
	p->arch = keep(ix, v[ARCH]);
	p->section = keep(ix, v[SECTION]);
	p->depends = keep(ix, v[DEPENDS]);
	p->pre_depends = keep(ix, v[PRE_DEPENDS]);
	p->recommends = keep(ix, v[RECOMMENDS]);
	p->provides = keep(ix, v[PROVIDES]);
	p->conflicts = keep(ix, v[CONFLICTS]);
	p->breaks = keep(ix, v[BREAKS]);
	p->file = keep(ix, v[FILENAME]);
	return true;
}

/* Whether `a` stands before `b` among those of one name. */
static bool before(const struct index_package *a, const struct index_package *b)
{
	int c = 0;
	if (a->late != b->late)
		return b->late;
	return version_dpkg.compare(a->version, b->version, &c) == 0 && c > 0;
}

static void add(struct package_index *ix, struct index_package *p)
{
	struct index_name *name = name_of(ix, p->name);
	u32 at = name->package, last = 0, depth = 0;
	p->name = name->name;
	for (; at && !before(p, &ix->v[at - 1]); at = ix->v[at - 1].next) {
		last = at;
		if (depth++ == INDEX_VERSIONS || (str_eq(ix->v[at - 1].version, p->version) && ix->v[at - 1].late == p->late))
			return;
	}
	p->next = at;
	VEC_PUSH(ix->v, ix->n, ix->cap, *p);
	if (last)
		ix->v[last - 1].next = ix->n;
	else
		name->package = ix->n;
}

static int paragraph(struct package_index *ix, struct str text, const char *arch, u32 source, bool late, struct error *err)
{
	struct str v[FIELDS];
	struct index_package p = { .source = source, .late = late };
	if (deb822_fields(text, field_names, v, FIELDS, &(struct error){ 0 }) < 0) {
		ix->left_out++;
		return 0;
	}
	if (!str_is(v[ARCH], arch) && !str_is(v[ARCH], "all"))
		return 0;
	if (!take_facts(ix, v, &p))
		ix->left_out++;
	else
		add(ix, &p);
	if (ix->n + ix->left_out >= INDEX_PACKAGES || ix->kept > INDEX_KEPT)
		return error_set(err, ERR_INPUT, "more packages than fit: over the budget");
	return 0;
}

/* Whole paragraphs of what has come; what is left of the last one moves to the front. */
static int paragraphs(struct package_index *ix, struct buf *b, bool end, const char *arch, u32 source, bool late, struct error *err)
{
	size_t done = 0;
	for (;;) {
		while (done < b->n && b->p[done] == '\n')
			done++;
		if (done == b->n)
			break;
		const char *gap = memmem(b->p + done, b->n - done, "\n\n", 2);
		size_t n = gap ? (size_t)(gap - b->p) + 1 - done : b->n - done;
		if (!gap && !end)
			break;
		struct str text = str_trim(str_n(b->p + done, n));
		if (text.n && paragraph(ix, text, arch, source, late, err) < 0)
			return -1;
		done += n + (gap ? 1 : 0);
	}
	if (b->n - done > INDEX_PARAGRAPH)
		return error_set(err, ERR_INPUT, "a paragraph of more than %zu bytes", INDEX_PARAGRAPH);
	memmove(b->p, b->p + done, b->n - done);
	b->n -= done;
	return 0;
}

int index_read(struct package_index *ix, struct stream *plain, const char *arch, u32 source, bool late, struct error *err)
{
	ix->arch = arch;
	struct buf b = BUF(0); /* at most INDEX_PARAGRAPH, and what stream_next() gives */
	struct str view = { 0 };
	int r = 0;
	do {
		r = stream_next(plain, &view, err);
		if (r == 0 && plain->at > INDEX_BYTES)
			r = error_set(err, ERR_INPUT, "more than %llu bytes: over the budget", (unsigned long long)INDEX_BYTES);
		if (r == 0)
			buf_add(&b, view);
		if (r == 0 && b.n)
			r = paragraphs(ix, &b, view.n == 0, arch, source, late, err);
	} while (r == 0 && view.n);
	buf_free(&b);
	stream_close(plain);
	return r;
}

static void provide(struct package_index *ix, u32 i)
{
	for (struct str field = ix->v[i].provides, group; relation_group(&field, &group);) {
		struct relation rel;
		if (!relation_next(&group, ix->arch, &rel) || !rel.name.n || (rel.op != REL_ANY && rel.op != REL_EQ))
			continue;
		struct index_name *name = name_of(ix, rel.name);
		VEC_PUSH(ix->provides, ix->n_provides, ix->cap_provides, ((struct index_provide){ .package = i, .version = rel.version, .next = name->provide }));
		name->provide = ix->n_provides;
	}
}

void index_finish(struct package_index *ix)
{
	for (u32 i = ix->n; i-- > 0;) /* so that each list begins with the first */
		if (ix->v[i].provides.n)
			provide(ix, i);
}
