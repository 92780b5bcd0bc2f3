#include "advisory/feed_job.h"
#include "advisory/cvss.h"
#include "base/text.h"

struct run {
	struct feed_job job;
	feed_document *f;
};

static int one(void *ctx, const char *name, struct stream *s, struct error *err)
{
	struct run *r = ctx;
	int ret = r->f(&r->job, name, s, err);
	arena_free(&r->job.arena);
	r->job.head = str_n("", 0);
	r->job.files++;
	return ret;
}

int feed_run(const char *kind, const char *path, const char *suffixes, feed_document *f, struct db_writer *w, struct error *err)
{
	struct run r = { .job = { .kind = kind, .w = w }, .f = f };
	int ret = feed_walk_streams(path, suffixes, one, &r, err);
	buf_free(&r.job.content);
	if (ret < 0)
		return -1;
	struct str location = str_of(path); /* its last part: where it lies on this machine is nobody's business, and changes nothing */
	while (location.n > 1 && location.p[location.n - 1] == '/')
		location.n--;
	const struct db_source source = { .kind = str_of(kind), .location = str_base(location), .newest = str_of(r.job.newest), .records = r.job.records, .files = r.job.files };
	return db_add_source(w, &source, err);
}

int feed_next(struct feed_job *j, struct stream *s, struct str *view, struct error *err)
{
	if (j->head.n) {
		*view = j->head;
		j->head.n = 0;
		return 0;
	}
	return stream_next(s, view, err);
}

int feed_peek(struct feed_job *j, struct stream *s, int *first, struct error *err)
{
	if (stream_next(s, &j->head, err) < 0)
		return -1;
	struct str text = str_trim(str_starts(j->head, STR("\xef\xbb\xbf")) ? str_from(j->head, 3) : j->head);
	*first = text.n ? (u8)text.p[0] : -1;
	return 0;
}

int feed_text(struct feed_job *j, const char *name, struct stream *s, size_t limit, struct error *err)
{
	buf_clear(&j->content);
	for (struct str view;;) {
		if (feed_next(j, s, &view, err) < 0)
			return error_wrap(err, "%s", name);
		if (!view.n)
			return 0;
		if (j->content.n + view.n > limit)
			return error_set(err, ERR_INPUT, "%s: over %zu MiB", name, limit / (size_t)MiB);
		buf_add(&j->content, view);
	}
}

int feed_json(struct feed_job *j, const char *name, struct stream *s, json_t **ret, struct error *err)
{
	if (feed_text(j, name, s, FEED_DOCUMENT, err) < 0)
		return -1;
	struct str text = buf_str(&j->content);
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_from(text, 3);
	json_t *doc = json_read_limit(text, FEED_DOCUMENT, name, err);
	if (j->content.cap > MiB)
		buf_free(&j->content); /* the tree of a large document has copies of its own */
	if (!doc)
		return -1;
	*ret = doc;
	return 0;
}

/* Something, and no zero byte in it: the database's keys are made of these. */
static bool is_name(struct str s) { return s.n && !str_chr(s, '\0'); }

int feed_record(struct feed_job *j, const struct db_record *r, struct error *err)
{
	struct db_record copy = *r;
	if (!is_name(r->id) || !is_name(r->package) || !is_name(r->ecosystem)) {
		j->passed++;
		return 0;
	}
	copy.source = str_of(j->kind);
	j->records++;
	return db_add_record(j->w, &copy, err);
}

int feed_vuln(struct feed_job *j, const struct db_vuln *v, struct error *err)
{
	if (!is_name(v->id)) {
		j->passed++;
		return 0;
	}
	return db_add_vuln(j->w, v, err);
}

struct str feed_date(struct str date)
{
	static const char form[] = "dddd-dd-dd";
	if (date.n < sizeof form - 1)
		return str_n("", 0);
	for (size_t i = 0; i < sizeof form - 1; i++)
		if (form[i] == 'd' ? date.p[i] < '0' || date.p[i] > '9' : date.p[i] != form[i])
			return str_n("", 0);
	return str_head(date, sizeof form - 1);
}

void feed_newest(struct feed_job *j, struct str date)
{
	struct str d = feed_date(date);
	if (d.n && str_cmp(d, str_of(j->newest)) > 0) {
		memcpy(j->newest, d.p, d.n);
		j->newest[d.n] = '\0';
	}
}

struct db_cvss feed_cvss(struct str source, struct str vector)
{
	struct db_cvss c = { .source = source, .version = STR("2.0"), .vector = vector };
	if (str_starts(vector, STR("CVSS:")))
		c.version = str_head(str_from(vector, 5), 3);
	if (cvss_score(vector, &c.score) < 0)
		c.score = 0;
	return c;
}

double feed_score(const json_t *score)
{
	double v = json_number_value(score);
	return v >= 0 && v <= 10 ? v : 0;
}

bool feed_is_cve(struct str id)
{
	if (id.n < 13 || id.n > 24 || !str_starts(id, STR("CVE-")) || id.p[8] != '-')
		return false;
	for (size_t i = 4; i < id.n; i++)
		if (i != 8 && (id.p[i] < '0' || id.p[i] > '9'))
			return false;
	return true;
}

struct str feed_cut(struct str text, size_t most)
{
	if (text.n <= most)
		return text;
	while (most && ((u8)text.p[most] & 0xc0) == 0x80)
		most--;
	return str_head(text, most);
}

struct str feed_severity(struct str title)
{
	static const char *const words[] = { "Critical", "Important", "Moderate", "Low", NULL };
	struct str rest = title, word = str_cut(&rest, ':');
	return rest.p && str_listed(word, words) ? word : str_n("", 0);
}

void feed_push(struct feed_job *j, struct feed_list *l, struct str s)
{
	if (l->n == l->cap) {
		u32 cap = l->cap ? l->cap * 2 : 8;
		struct str *v = arena_array(&j->arena, struct str, cap);
		if (l->n)
			memcpy(v, l->v, l->n * sizeof *v);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = s;
}

enum { ONCE_MAX = 128 }; /* a longer list is not searched again and again: what is twice in it is told twice, which the writer joins */

void feed_push_once(struct feed_job *j, struct feed_list *l, struct str s)
{
	for (u32 i = 0; i < l->n && l->n < ONCE_MAX; i++)
		if (str_eq(l->v[i], s))
			return;
	feed_push(j, l, s);
}

static int by_bytes(const void *a, const void *b) { return str_cmp(*(const struct str *)a, *(const struct str *)b); }

struct str feed_join(struct feed_job *j, const struct feed_list *l)
{
	size_t n = 0;
	if (l->n == 0)
		return str_n("", 0);
	if (l->n == 1)
		return l->v[0];
	qsort(l->v, l->n, sizeof *l->v, by_bytes);
	for (u32 i = 0; i < l->n; i++)
		n += l->v[i].n + 1;
	char *text = arena_alloc(&j->arena, n), *at = text;
	for (u32 i = 0; i < l->n; i++) {
		if (i)
			*at++ = ' ';
		if (l->v[i].n)
			memcpy(at, l->v[i].p, l->v[i].n);
		at += l->v[i].n;
	}
	return str_n(text, (size_t)(at - text));
}
