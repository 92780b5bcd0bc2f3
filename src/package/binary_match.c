/* binary_match.c — which of the classes of binary_table.c a file belongs to, and of which version it is. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "package/binary.h"
#include <pcre2.h>

#define ACTIVE_MAX 96u
#define CLASSES_MAX 24u
#define RUNS_MAX 200000u /* patterns tried in one file; some thousand in the largest programs */

struct active {
	const struct binary_row *row;
	u16 index; /* of the row */
	u8 class;  /* index into found[] */
};

struct found {
	u16 first, best; /* rows; best == NONE while there is no version */
	bool used;
	const char *type, *name;
	char version[BINARY_VERSION_MAX];
};
#define NONE UINT16_MAX

struct binary_match {
	pcre2_code **code; /* by row, made when first needed */
	pcre2_match_data *data;
	pcre2_match_context *limits;
	struct active active[ACTIVE_MAX];
	struct found found[CLASSES_MAX];
	u32 n_active, n_found, runs;
	bool words, any;     /* some rows are BINARY_WORD; some take whatever stands before */
	bool before[256];    /* last bytes of what stands before in some row */
	char dir[1024], name[256];
	char go[BINARY_VERSION_MAX];
};

struct binary_match *binary_match_new(void)
{
	struct binary_match *m = xcalloc(1, sizeof *m);
	m->code = xcalloc(binary_n_rows, sizeof(pcre2_code *));
	return m;
}

void binary_match_free(struct binary_match *m)
{
	if (!m)
		return;
	for (u32 i = 0; i < binary_n_rows; i++)
		pcre2_code_free(m->code[i]);
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->limits);
	free(m->code);
	free(m);
}

static bool named(const char *files, struct str dir, struct str name)
{
	struct str rest = str_of(files);
	while (rest.p) {
		struct str glob = str_cut(&rest, '|');
		char path[1400];
		if (glob.n == 0 || name.n == 0 || (glob.p[0] != '*' && glob.p[0] != '[' && glob.p[0] != name.p[0]))
			continue;
		if (!str_chr(glob, '/')) {
			if (str_glob(glob, name))
				return true;
			continue;
		}
		int n = snprintf(path, sizeof path, "%.*s/%.*s", (int)MIN(dir.n, (size_t)1000), dir.p, (int)MIN(name.n, (size_t)300), name.p);
		if (n > 0 && (size_t)n < sizeof path && str_glob(glob, str_n(path, (size_t)n)))
			return true;
	}
	return false;
}

bool binary_match_wants(struct str dir, struct str name)
{
	for (u32 i = 0; i < binary_n_rows; i++)
		if (binary_rows[i].flags & BINARY_ANYFILE && binary_rows[i].files && named(binary_rows[i].files, dir, name))
			return true;
	return false;
}

static void expect(struct binary_match *m, const struct binary_row *row)
{
	m->words |= (row->flags & BINARY_WORD) != 0;
	if (row->flags & BINARY_WORD)
		return;
	m->any |= row->before_n == 0;
	for (u32 i = 0; i < row->before_n; i++)
		if (i + 1 == row->before_n || row->before[i + 1] == '|')
			m->before[(u8)row->before[i]] = true;
}

void binary_match_begin(struct binary_match *m, struct str dir, struct str name, bool program)
{
	m->n_active = m->n_found = m->runs = 0;
	m->words = m->any = false;
	m->go[0] = '\0';
	memset(m->before, 0, sizeof m->before);
	snprintf(m->dir, sizeof m->dir, "%.*s", (int)MIN(dir.n, sizeof m->dir), dir.p ? dir.p : "");
	snprintf(m->name, sizeof m->name, "%.*s", (int)MIN(name.n, sizeof m->name), name.p ? name.p : "");
	bool on = false;
	for (u32 i = 0; i < binary_n_rows; i++) {
		const struct binary_row *row = &binary_rows[i];
		if (row->files) {
			on = (program || row->flags & BINARY_ANYFILE) && m->n_found < CLASSES_MAX && (!*row->files || named(row->files, dir, name));
			if (on)
				m->found[m->n_found++] = (struct found){ .first = (u16)i, .best = NONE };
		}
		if (!on || m->n_active == ACTIVE_MAX)
			continue;
		m->active[m->n_active++] = (struct active){ row, (u16)i, (u8)(m->n_found - 1) };
		expect(m, row);
	}
}

/* What stands before, one of the alternatives; how long it is, SIZE_MAX when it is none. */
static bool stands_before(const struct binary_row *row, struct str text, size_t at)
{
	struct str rest = str_n(row->before, row->before_n);
	while (rest.p && row->before_n) {
		struct str s = str_cut(&rest, '|');
		if (s.n <= at && memcmp(text.p + at - s.n, s.p, s.n) == 0)
			return true;
	}
	return row->before_n == 0;
}

static bool stands_near(const struct binary_match *m, const struct binary_row *row, struct str text, size_t at)
{
	struct str near = str_of(row->near);
	if (!row->near)
		return true;
	if (row->flags & BINARY_DIRECTORY)
		return str_contains(str_of(m->dir), near);
	size_t from = at > row->near_max ? at - row->near_max : 0, to = row->flags & BINARY_AROUND ? MIN(text.n, at + row->near_max) : at;
	return str_contains(str_n(text.p + from, to - from), near);
}

/* The version of a library stands in its file's name: "libpython3.7m.so.1.0". */
static bool as_named(const struct binary_match *m, struct str version)
{
	const char *p = m->name;
	while (*p && !(p[0] >= '0' && p[0] <= '9'))
		p++;
	size_t n = strspn(p, "0123456789.");
	while (n && p[n - 1] == '.')
		n--;
	return n && version.n >= n && memcmp(version.p, p, n) == 0 && (version.n == n || version.p[n] < '0' || version.p[n] > '9');
}

static pcre2_code *code(struct binary_match *m, u16 index)
{
	int number;
	PCRE2_SIZE at;
	if (!m->code[index])
		m->code[index] = pcre2_compile((PCRE2_SPTR)binary_rows[index].pattern, PCRE2_ZERO_TERMINATED, PCRE2_DOTALL | PCRE2_ANCHORED | PCRE2_NEVER_UTF, &number, &at, NULL);
	if (!m->code[index])
		abort(); /* the table is ours */
	if (!m->data) {
		m->data = pcre2_match_data_create(4, NULL);
		m->limits = pcre2_match_context_create(NULL);
		pcre2_set_match_limit(m->limits, 20000);
	}
	return m->code[index];
}

static void try_row(struct binary_match *m, const struct active *a, struct str text, size_t at)
{
	struct found *f = &m->found[a->class];
	if (a->index >= f->best || !stands_before(a->row, text, at) || !stands_near(m, a->row, text, at) || m->runs > RUNS_MAX)
		return;
	m->runs++;
	size_t back = MIN(at, (size_t)256);
	struct str s = str_n(text.p + at - back, MIN(text.n - at, BINARY_AHEAD) + back);
	pcre2_code *pattern = code(m, a->index);
	int n = pcre2_match(pattern, (PCRE2_SPTR)s.p, s.n, back, 0, m->data, m->limits);
	if (n < 1)
		return;
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(m->data);
	u32 g = n > 1 && o[2] != PCRE2_UNSET ? 2 : 0;
	struct str version = str_n(s.p + o[g], o[g + 1] - o[g]);
	if (version.n == 0 || version.n >= BINARY_VERSION_MAX || (a->row->flags & BINARY_NAMED && !as_named(m, version)))
		return;
	for (size_t i = 0; i < version.n; i++)
		if (version.p[i] <= ' ' || version.p[i] > '~')
			return;
	f->best = a->index;
	memcpy(f->version, version.p, version.n);
	f->version[version.n] = '\0';
	if (a->row->flags & BINARY_GO)
		memcpy(m->go, f->version, sizeof m->go);
}

void binary_match_version(struct binary_match *m, struct str text, size_t point)
{
	size_t at = point;
	while (at && point - at < 12 && text.p[at - 1] >= '0' && text.p[at - 1] <= '9')
		at--;
	bool whole = at == 0 || text.p[at - 1] < '0' || text.p[at - 1] > '9';
	if (whole && at > 1 && text.p[at - 1] == '.' && text.p[at - 2] >= '0' && text.p[at - 2] <= '9')
		return; /* a later point of a version that was looked at */
	if (!m->any && (!whole || at == 0 || !m->before[(u8)text.p[at - 1]]))
		return;
	for (u32 i = 0; i < m->n_active; i++) {
		const struct active *a = &m->active[i];
		if (a->row->flags & BINARY_WORD)
			continue;
		if (a->row->flags & BINARY_LATE)
			try_row(m, a, text, point - 1);
		else if (whole)
			try_row(m, a, text, at);
	}
}

void binary_match_words(struct binary_match *m, struct str text, size_t from, size_t to)
{
	for (u32 i = 0; m->words && i < m->n_active; i++) {
		const struct active *a = &m->active[i];
		struct str rest = str_n(a->row->before, a->row->before_n);
		while (a->row->flags & BINARY_WORD && rest.p) {
			struct str s = str_cut(&rest, '|'), left = str_n(text.p + from, MIN(to + s.n - 1, text.n) - from);
			for (const char *p; a->index < m->found[a->class].best && (p = str_find(left, s));) {
				size_t end = (size_t)(p - text.p) + s.n;
				if (end < text.n && text.p[end] >= '0' && text.p[end] <= '9')
					try_row(m, a, text, end);
				left = str_from(left, (size_t)(p - left.p) + 1);
			}
		}
	}
}

struct str binary_match_go(const struct binary_match *m) { return str_of(m->go); }

/* Rows leave out what is as in the row before. */
static void resolve(struct found *f)
{
	for (u32 i = f->first; i <= f->best; i++) {
		f->type = binary_rows[i].type ? binary_rows[i].type : f->type;
		f->name = binary_rows[i].name ? binary_rows[i].name : f->name;
	}
}

static bool counts(struct found *f)
{
	if (f->best == NONE || f->used || binary_rows[f->first].flags & BINARY_GO)
		return false;
	resolve(f);
	return true;
}

struct str binary_match_take(struct binary_match *m, const char *type, struct str name)
{
	for (u32 i = 0; i < m->n_found; i++) {
		struct found *f = &m->found[i];
		if (!counts(f) || strcmp(f->type, type) != 0 || !str_is(name, f->name))
			continue;
		f->used = true;
		return str_of(f->version);
	}
	return STR("");
}

/* What is known by its bytes whatever it is called, is not what its name says: busybox under the name of gzip. */
void binary_match_end(struct binary_match *m, struct note_writer *w)
{
	bool certain = false;
	if (m->runs > RUNS_MAX)
		note_damage(w, "over a budget: more than %u places look like a version", RUNS_MAX);
	for (u32 i = 0; i < m->n_found; i++)
		certain |= !*binary_rows[m->found[i].first].files && counts(&m->found[i]);
	for (u32 i = 0; i < m->n_found; i++) {
		struct found *f = &m->found[i];
		if (counts(f) && (!certain || !*binary_rows[f->first].files))
			binary_put(w, f->type, str_of(f->name), str_of(f->version));
	}
}
