#include "report/db.h"
#include "base/jsonw.h"
#include "base/text.h"
#include <time.h>

/* --- cells --- */
struct cell {
	struct buf safe, fit;
};

static void cell_free(struct cell *c)
{
	buf_free(&c->safe);
	buf_free(&c->fit);
}

/* s as it is shown, at most `most` columns; returns how many it takes. f NULL: only that. */
static size_t put(FILE *f, struct cell *c, struct str s, size_t most)
{
	buf_clear(&c->safe);
	buf_clear(&c->fit);
	text_safe(&c->safe, s);
	text_fit(&c->fit, buf_str(&c->safe), most, false);
	if (f)
		fwrite(buf_str(&c->fit).p, 1, c->fit.n, f);
	return text_width(buf_str(&c->fit));
}

static void padded(FILE *f, struct cell *c, struct str s, size_t width)
{
	for (size_t n = put(f, c, s, width); n < width + 2; n++)
		putc(' ', f);
}

static void end_line(FILE *f, struct cell *c, struct str s)
{
	put(f, c, s, SIZE_MAX / 4);
	putc('\n', f);
}

/* --- one record --- */
/* "12" of "Debian:12"; of a product's CPE the version it names. p NULL: the record is of no release. */
static struct str release_of(const struct db_record *r)
{
	struct str rest = r->ecosystem;
	str_cut(&rest, ':');
	if (rest.p || !r->cpe.n)
		return rest;
	rest = r->cpe;
	for (int i = 0; i < 4; i++)
		str_cut(&rest, ':');
	return rest.p ? str_cut(&rest, ':') : rest;
}

static void words_json(struct jsonw *w, const char *name, struct str words)
{
	jsonw_key(w, name);
	jsonw_arr(w);
	while (words.n) {
		struct str word = str_cut(&words, ' ');
		if (word.n)
			jsonw_str(w, word);
	}
	jsonw_end(w);
}

static void list_json(struct jsonw *w, const char *name, const struct str *v, u32 n)
{
	jsonw_key(w, name);
	jsonw_arr(w);
	for (u32 i = 0; i < n; i++)
		jsonw_str(w, v[i]);
	jsonw_end(w);
}

static void text_or_null(struct jsonw *w, const char *name, struct str s)
{
	jsonw_key(w, name);
	if (s.n)
		jsonw_str(w, s);
	else
		jsonw_null(w);
}

void db_judgement_json(struct jsonw *w, const struct db_record *r)
{
	text_or_null(w, "introduced", r->introduced);
	text_or_null(w, "fixed_version", r->fixed);
	text_or_null(w, "last_affected", r->last_affected);
	list_json(w, "versions", r->versions, r->n_versions);
	jsonw_kz(w, "state", fix_state_text[r->state]);
	text_or_null(w, "severity", r->severity);
	text_or_null(w, "reason", r->reason);
	words_json(w, "advisories", r->advisory);
	text_or_null(w, "module", r->module);
	words_json(w, "arches", r->arches);
	text_or_null(w, "cpe", r->cpe);
	jsonw_ks(w, "source", r->source);
	jsonw_kb(w, "binary", r->binary);
}

static void record_json(struct jsonw *w, const struct db_record *r)
{
	jsonw_obj(w);
	jsonw_ks(w, "id", r->id);
	jsonw_ks(w, "package", r->package);
	jsonw_ks(w, "ecosystem", r->ecosystem);
	text_or_null(w, "release", release_of(r));
	db_judgement_json(w, r);
	jsonw_end(w);
}

void db_judgement_text(struct buf *out, const struct db_record *r)
{
	buf_clear(out);
	if (r->introduced.n && !str_is(r->introduced, "0")) {
		buf_puts(out, "from ");
		buf_add(out, r->introduced);
		buf_puts(out, ", ");
	}
	if (str_is(r->fixed, "0")) {
		buf_puts(out, "never affected");
	} else if (r->fixed.n) {
		buf_puts(out, "fixed in ");
		buf_add(out, r->fixed);
	} else {
		for (const char *z = fix_state_text[r->state]; *z; z++)
			buf_putc(out, *z == '_' ? ' ' : *z);
		if (r->last_affected.n) {
			buf_puts(out, " up to ");
			buf_add(out, r->last_affected);
		}
	}
	if (r->n_versions)
		buf_printf(out, ", %u versions", r->n_versions);
	if (r->reason.n) {
		buf_puts(out, " (");
		buf_add(out, r->reason);
		buf_puts(out, ")");
	}
}

/* --- status --- */
struct kind_count {
	struct str name;
	u64 records, packages, fixed;
};

struct status {
	FILE *f;
	struct jsonw *w;
	struct cell cell;
	s64 day;
	char newest[16];
};

/* Days since 1970; -1: no day. */
static s64 day_number(struct str s)
{
	u64 y, m, d;
	struct str rest = str_head(s, 10);
	if (s.n < 10 || !str_to_u64(str_cut(&rest, '-'), &y) || !str_to_u64(str_cut(&rest, '-'), &m) || !str_to_u64(rest, &d) || y < 1970 || y > 9999 || m < 1 || m > 12 || d < 1 || d > 31)
		return -1;
	struct tm tm = { .tm_year = (int)y - 1900, .tm_mon = (int)m - 1, .tm_mday = (int)d };
	return (s64)timegm(&tm) / 86400;
}

static void age_text(struct buf *out, struct str newest, s64 day)
{
	s64 then = day_number(newest);
	buf_clear(out);
	if (then < 0)
		buf_puts(out, "says no date");
	else if (day < then)
		buf_printf(out, "%.10s, in the future", newest.p);
	else
		buf_printf(out, "%.10s, %lld days old", newest.p, (long long)(day - then));
}

static int source_line(void *ctx, const struct db_source *s)
{
	struct status *st = ctx;
	s64 then = day_number(s->newest);
	if (then >= 0 && str_cmp(str_head(s->newest, 10), str_of(st->newest)) > 0)
		memcpy(st->newest, s->newest.p, 10);
	if (st->w) {
		jsonw_obj(st->w);
		jsonw_ks(st->w, "kind", s->kind);
		jsonw_ks(st->w, "location", s->location);
		jsonw_ku(st->w, "files", s->files);
		jsonw_ku(st->w, "records", s->records);
		text_or_null(st->w, "newest", s->newest);
		jsonw_key(st->w, "age_days");
		if (then >= 0)
			jsonw_s64(st->w, st->day - then);
		else
			jsonw_null(st->w);
		jsonw_end(st->w);
		return 0;
	}
	struct buf age = BUF(0);
	age_text(&age, s->newest, st->day);
	fputs("  ", st->f);
	padded(st->f, &st->cell, s->kind, 16);
	padded(st->f, &st->cell, s->location, 28);
	fprintf(st->f, "%12s records  %s\n", TEXT_COUNT(s->records), age.p);
	buf_free(&age);
	return 0;
}

/* Counts by ecosystem, in order. */
static int count_ecosystems(const struct db *d, struct kind_count **v, u32 *n, struct error *err)
{
	struct db_walk *walk = db_walk_new(d);
	struct db_record r;
	struct str normal, last = STR("");
	u32 cap = 0;
	int more;
	*v = NULL;
	*n = 0;
	while ((more = db_walk_next(walk, &r, &normal, err)) > 0) {
		if (!*n || !str_eq((*v)[*n - 1].name, r.ecosystem)) {
			VEC_PUSH(*v, *n, cap, ((struct kind_count){ .name = r.ecosystem }));
			last = STR("");
		}
		struct kind_count *k = &(*v)[*n - 1];
		k->records++;
		k->packages += !last.p || !str_eq(last, normal);
		k->fixed += r.fixed.n > 0;
		last = normal;
	}
	db_walk_free(walk);
	return more;
}

int report_db_status(FILE *f, const struct db *d, const char *path, u64 size, s64 day, bool json, struct error *err)
{
	struct kind_count *v;
	u32 n;
	u64 total = 0;
	struct jsonw w;
	struct status st = { .f = f, .w = json ? &w : NULL, .day = day };
	if (count_ecosystems(d, &v, &n, err) < 0) {
		free(v);
		return -1;
	}
	for (u32 i = 0; i < n; i++)
		total += v[i].records;
	if (json) {
		jsonw_init(&w, f, 2);
		jsonw_obj(&w);
		jsonw_kz(&w, "file", path);
		jsonw_ku(&w, "size", size);
		jsonw_ku(&w, "format", DB_VERSION);
		jsonw_ku(&w, "records", total);
		jsonw_key(&w, "sources");
		jsonw_arr(&w);
	} else {
		end_line(f, &st.cell, str_of(path));
		fprintf(f, "%s, %s records of %u ecosystems\n\nSources:\n", TEXT_SIZE(size), TEXT_COUNT(total), n);
	}
	int r = db_sources(d, source_line, &st);
	if (json) {
		jsonw_end(&w);
		text_or_null(&w, "newest", str_of(st.newest));
		jsonw_key(&w, "ecosystems");
		jsonw_arr(&w);
	} else {
		fputs("\nEcosystems:\n", f);
	}
	for (u32 i = 0; i < n; i++) {
		if (json) {
			jsonw_obj(&w);
			jsonw_ks(&w, "name", v[i].name);
			jsonw_ku(&w, "records", v[i].records);
			jsonw_ku(&w, "packages", v[i].packages);
			jsonw_ku(&w, "with_fix", v[i].fixed);
			jsonw_end(&w);
		} else {
			fputs("  ", f);
			padded(f, &st.cell, v[i].name, 46);
			fprintf(f, "%12s records  %9s packages\n", TEXT_COUNT(v[i].records), TEXT_COUNT(v[i].packages));
		}
	}
	if (json) {
		jsonw_end(&w);
		jsonw_end(&w);
	}
	cell_free(&st.cell);
	free(v);
	return r < 0 ? error_set(err, ERR_INPUT, "%s: damaged: its list of sources", path) : 0;
}

/* --- search --- */
#define ID_MAX 32u
#define PACKAGE_MAX 40u
#define ECOSYSTEM_MAX 40u

struct search {
	FILE *f;
	struct jsonw *w;
	struct cell cell;
	struct buf text;
	u64 n;
	bool print;
	size_t id, package, ecosystem, severity; /* columns */
};

static int search_record(void *ctx, const struct db_record *r)
{
	struct search *s = ctx;
	s->n++;
	if (s->w) {
		record_json(s->w, r);
	} else if (!s->print) {
		s->id = MAX(s->id, put(NULL, &s->cell, r->id, ID_MAX));
		s->package = MAX(s->package, put(NULL, &s->cell, r->package, PACKAGE_MAX));
		s->ecosystem = MAX(s->ecosystem, put(NULL, &s->cell, r->ecosystem, ECOSYSTEM_MAX));
		s->severity = MAX(s->severity, put(NULL, &s->cell, r->severity, 20));
	} else {
		db_judgement_text(&s->text, r);
		padded(s->f, &s->cell, r->id, s->id);
		padded(s->f, &s->cell, r->package, s->package);
		padded(s->f, &s->cell, r->ecosystem, s->ecosystem);
		padded(s->f, &s->cell, r->severity, s->severity);
		end_line(s->f, &s->cell, buf_str(&s->text));
	}
	return 0;
}

struct known { /* of the vulnerability itself */
	bool has_vuln, has_kev, has_epss;
	struct db_vuln vuln;
	struct db_kev kev;
	struct db_epss epss;
};

static void known_json(struct jsonw *w, struct str what, const struct known *k)
{
	const struct db_vuln *v = &k->vuln;
	jsonw_ks(w, "query", what);
	text_or_null(w, "id", v->id);
	text_or_null(w, "title", v->title);
	text_or_null(w, "description", v->description);
	text_or_null(w, "severity", v->severity);
	text_or_null(w, "published", v->published);
	text_or_null(w, "modified", v->modified);
	jsonw_kb(w, "withdrawn", v->withdrawn);
	list_json(w, "aliases", v->aliases, v->n_aliases);
	list_json(w, "references", v->references, v->n_references);
	list_json(w, "cwes", v->cwes, v->n_cwes);
	jsonw_key(w, "cvss");
	jsonw_arr(w);
	for (u32 i = 0; i < v->n_cvss; i++) {
		jsonw_obj(w);
		jsonw_ks(w, "source", v->cvss[i].source);
		jsonw_ks(w, "version", v->cvss[i].version);
		jsonw_ks(w, "vector", v->cvss[i].vector);
		jsonw_key(w, "score");
		if (v->cvss[i].score > 0)
			jsonw_double(w, v->cvss[i].score);
		else
			jsonw_null(w);
		jsonw_end(w);
	}
	jsonw_end(w);
	jsonw_key(w, "kev");
	if (k->has_kev) {
		jsonw_obj(w);
		jsonw_ks(w, "date_added", k->kev.date_added);
		jsonw_ks(w, "due_date", k->kev.due_date);
		jsonw_kb(w, "ransomware", k->kev.ransomware);
		jsonw_end(w);
	} else {
		jsonw_null(w);
	}
	jsonw_key(w, "epss");
	if (k->has_epss) {
		jsonw_obj(w);
		jsonw_key(w, "score");
		jsonw_double(w, k->epss.score);
		jsonw_key(w, "percentile");
		jsonw_double(w, k->epss.percentile);
		jsonw_end(w);
	} else {
		jsonw_null(w);
	}
}

static void fact_line(struct search *s, const char *name, struct str value)
{
	if (!value.n)
		return;
	fprintf(s->f, "  %-12s ", name);
	end_line(s->f, &s->cell, value);
}

static void known_table(struct search *s, struct str what, const struct known *k)
{
	const struct db_vuln *v = &k->vuln;
	put(s->f, &s->cell, v->id.n ? v->id : what, 80);
	fputs(v->title.n ? ": " : "", s->f);
	end_line(s->f, &s->cell, v->title);
	if (v->withdrawn)
		fputs("  withdrawn\n", s->f);
	fact_line(s, "description", v->description);
	fact_line(s, "severity", v->severity);
	fact_line(s, "published", v->published);
	fact_line(s, "modified", v->modified);
	for (u32 i = 0; i < v->n_aliases; i++)
		fact_line(s, "alias", v->aliases[i]);
	for (u32 i = 0; i < v->n_cvss; i++) {
		buf_clear(&s->text);
		if (v->cvss[i].score > 0)
			buf_printf(&s->text, "%.1f  ", v->cvss[i].score);
		buf_add(&s->text, v->cvss[i].vector);
		buf_puts(&s->text, v->cvss[i].source.n ? "  " : "");
		buf_add(&s->text, v->cvss[i].source);
		fact_line(s, "CVSS", buf_str(&s->text));
	}
	buf_clear(&s->text);
	if (k->has_kev) {
		buf_puts(&s->text, "known to be exploited since ");
		buf_add(&s->text, k->kev.date_added);
		buf_puts(&s->text, k->kev.ransomware ? ", by ransomware" : "");
		fact_line(s, "KEV", buf_str(&s->text));
	}
	buf_clear(&s->text);
	if (k->has_epss) {
		buf_printf(&s->text, "%.2f %% within 30 days, more than %.1f %% of all", k->epss.score * 100, k->epss.percentile * 100);
		fact_line(s, "EPSS", buf_str(&s->text));
	}
	for (u32 i = 0; i < v->n_references; i++)
		fact_line(s, "reference", v->references[i]);
	fputc('\n', s->f);
}

typedef int asker(const struct db *d, struct str what, int (*f)(void *ctx, const struct db_record *r), void *ctx, struct error *err);

static int nothing(void *ctx, const struct db_record *r)
{
	(void)r;
	*(bool *)ctx = true;
	return 1;
}

int report_db_search(FILE *f, const struct db *d, struct str what, bool json, struct error *err)
{
	struct arena a = { 0 };
	char cve[32];
	if (what.n > 4 && what.n <= sizeof cve && str_ieq(str_head(what, 4), STR("CVE-"))) { /* however it was typed */
		memcpy(cve, what.p, what.n);
		memcpy(cve, "CVE", 3);
		what = str_n(cve, what.n);
	}
	struct jsonw w;
	struct search s = { .f = f, .w = json ? &w : NULL };
	struct known k = { 0 };
	bool any = false;
	k.has_vuln = db_vuln(d, &a, what, &k.vuln);
	k.has_kev = db_kev(d, what, &k.kev);
	k.has_epss = db_epss(d, what, &k.epss);
	int r = db_by_id(d, what, nothing, &any, err);
	bool is_id = any || k.has_vuln || k.has_kev || k.has_epss;
	asker *const ask = is_id ? db_by_id : db_by_name;
	if (r >= 0 && json) {
		jsonw_init(&w, f, 2);
		jsonw_obj(&w);
		known_json(&w, what, &k);
		jsonw_key(&w, "records");
		jsonw_arr(&w);
		r = ask(d, what, search_record, &s, err);
		jsonw_end(&w);
		jsonw_end(&w);
	} else if (r >= 0) {
		if (is_id)
			known_table(&s, what, &k);
		r = ask(d, what, search_record, &s, err);
		s.print = true;
		if (r == 0 && s.n)
			r = ask(d, what, search_record, &s, err);
		if (r == 0 && !s.n && !is_id) {
			put(f, &s.cell, what, 80);
			fputs(": nothing is known of a vulnerability or a package of that name\n", f);
		}
	}
	cell_free(&s.cell);
	buf_free(&s.text);
	arena_free(&a);
	return r < 0 ? -1 : 0;
}
