/* What is known beside the advisories: CISA's exploited vulnerabilities, FIRST's predictions, endoflife.date's releases. */
#include "advisory/feed_job.h"
#include "base/json.h"
#include <math.h>

/* --- KEV: {"dateReleased", "vulnerabilities": [{"cveID", "dateAdded", "dueDate", "knownRansomwareCampaignUse": "Known"}]} --- */
static int one_kev(void *ctx, const char *const *keys, json_t *value, struct error *err)
{
	struct feed_job *j = ctx;
	struct str id = json_view(value, "cveID");
	const struct db_kev k = { json_view(value, "dateAdded"), json_view(value, "dueDate"), str_is(json_view(value, "knownRansomwareCampaignUse"), "Known") };
	if (strcmp(keys[0], "vulnerabilities") != 0 || !feed_is_cve(id)) {
		j->passed++;
		return 0;
	}
	feed_newest(j, k.date_added);
	j->records++;
	return db_add_kev(j->w, id, &k, err);
}

int feed_kev(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return feed_json_stream(s, name, 2, one_kev, j, err); }

/* --- EPSS: "#model_version:…,score_date:2025-02-20T00:00:00+0000", "cve,epss,percentile", lines --- */
#define LINE_BYTES ((size_t)1024)

static bool part_of_one(struct str s, double *v)
{
	char text[32], *end;
	s = str_trim(s);
	if (!s.n || s.n >= sizeof text || s.p[0] < '0' || s.p[0] > '9')
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*v = strtod(text, &end);
	return end == text + s.n && isfinite(*v) && *v >= 0 && *v <= 1;
}

static int one_line(struct feed_job *j, const char *name, u64 number, struct str line, struct error *err)
{
	struct db_epss e;
	line = str_trim(line);
	const char *date = str_find(line, STR("score_date:"));
	if (!line.n || line.p[0] == '#') {
		if (date)
			feed_newest(j, str_from(line, (size_t)(date - line.p) + sizeof "score_date:" - 1));
		return 0;
	}
	if (str_starts(line, STR("cve,")))
		return 0;
	struct str rest = line, id = str_cut(&rest, ','), score = str_cut(&rest, ',');
	if (!rest.p || !feed_is_cve(id) || !part_of_one(score, &e.score) || !part_of_one(rest, &e.percentile))
		return error_set(err, ERR_INPUT, "%s: line %llu is no CVE with a score and a percentile", name, (unsigned long long)number);
	j->records++;
	return db_add_epss(j->w, id, &e, err);
}

int feed_epss(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	struct buf carry = BUF(LINE_BYTES); /* a line that two views share */
	u64 number = 0;
	int r = 0;
	for (struct str view; r == 0;) {
		if ((r = stream_next(s, &view, err)) < 0) {
			error_wrap(err, "%s", name);
			break;
		}
		if (!view.n) {
			r = one_line(j, name, ++number, buf_str(&carry), err);
			break;
		}
		while (r == 0 && view.p) {
			struct str line = str_cut(&view, '\n');
			if (carry.n || !view.p)
				buf_add(&carry, line);
			if (carry.over || line.n > LINE_BYTES)
				r = error_set(err, ERR_INPUT, "%s: line %llu is too long", name, (unsigned long long)number + 1);
			if (r || !view.p)
				break;
			r = one_line(j, name, ++number, carry.n ? buf_str(&carry) : line, err);
			buf_clear(&carry);
		}
	}
	buf_free(&carry);
	return r;
}

/* --- endoflife.date: the API v1's {"result": [{"name", "releases": []}]}, one product's {"result": {…}}, and the older API's array of cycles in PRODUCT.json --- */
/* A date, "true" when it is over without a day, "" when nothing is set or it goes on. */
static struct str day(const json_t *release, const char *from, const char *is)
{
	const json_t *v = json_object_get(release, from);
	struct str d = feed_date(json_view(release, from));
	return d.n ? d : json_is_true(v) || json_is_true(json_object_get(release, is)) ? STR("true") : str_n("", 0);
}

static int one_cycle(struct feed_job *j, struct str product, const json_t *r, bool old, struct error *err)
{
	struct db_eol e = { .product = product, .cycle = json_view(r, old ? "cycle" : "name"), .codename = json_view(r, "codename") };
	e.release = feed_date(json_view(r, "releaseDate"));
	e.eol = old ? day(r, "eol", "") : day(r, "eolFrom", "isEol");
	e.extended = old ? day(r, "extendedSupport", "") : day(r, "eoesFrom", "isEoes");
	if (!e.cycle.n || str_chr(e.cycle, '\0') || str_chr(product, '\0')) {
		j->passed++;
		return 0;
	}
	j->records++;
	return db_add_eol(j->w, &e, err);
}

static int cycles(struct feed_job *j, struct str product, const json_t *list, bool old, struct error *err)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (one_cycle(j, product, json_array_get(list, i), old, err) < 0)
			return -1;
	return 0;
}

static int product(struct feed_job *j, const json_t *p, struct error *err)
{
	struct str name = json_view(p, "name");
	if (!name.n) {
		j->passed++;
		return 0;
	}
	return cycles(j, name, json_arr(p, "releases"), false, err);
}

int feed_eol(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	json_t *doc;
	int r = 0;
	if (feed_json(j, name, s, &doc, err) < 0)
		return -1;
	const json_t *result = json_object_get(doc, "result");
	feed_newest(j, json_view(doc, "last_modified"));
	feed_newest(j, json_view(doc, "generated_at"));
	if (json_is_array(doc)) {
		struct str base = str_base(str_of(name));
		r = cycles(j, str_cut(&base, '.'), doc, true, err);
	} else if (json_is_object(result)) {
		r = product(j, result, err);
	} else if (!json_is_array(result)) {
		r = error_set(err, ERR_INPUT, "%s: no document of endoflife.date", name);
	}
	for (size_t i = 0; r == 0 && i < json_array_size(result); i++)
		r = product(j, json_array_get(result, i), err);
	json_decref(doc);
	return r;
}

static int import_kev(const char *path, struct db_writer *w, struct error *err) { return feed_run("kev", path, ".json", feed_kev, w, err); }
static int import_epss(const char *path, struct db_writer *w, struct error *err) { return feed_run("epss", path, ".csv", feed_epss, w, err); }
static int import_eol(const char *path, struct db_writer *w, struct error *err) { return feed_run("eol", path, ".json", feed_eol, w, err); }

const struct feed feed_kind_kev = {
	"kev",
	"vulnerabilities that are known to be exploited (CISA)",
	"https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
	import_kev,
};
const struct feed feed_kind_epss = {
	"epss",
	"how likely each vulnerability is to be exploited, CSV (FIRST)",
	"https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
	import_epss,
};
const struct feed feed_kind_eol = {
	"eol",
	"when releases of products end: API v1 documents (endoflife.date)",
	"https://endoflife.date/api/v1/products/full",
	import_eol,
};
