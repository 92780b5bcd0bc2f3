/* NVD: pages of the API 2.0 and its yearly feeds, mirrors that keep the same objects under "cve_items", and the feeds of version 1.1. What it knows of vulnerabilities;
 * which packages of whom are affected is others' to say. */
#include "advisory/feed_job.h"
#include "base/json.h"

enum { CVSS_MAX = 16, CWES_MAX = 16 };

static struct str source_of(const json_t *metric)
{
	struct str s = json_view(metric, "source");
	return !s.n || str_is(s, "nvd@nist.gov") ? STR("nvd") : s;
}

static void take_metrics(const json_t *metrics, struct db_vuln *v, struct db_cvss *out)
{
	static const char *const keys[] = { "cvssMetricV40", "cvssMetricV31", "cvssMetricV30", "cvssMetricV2" };
	for (size_t k = 0; k < countof(keys); k++) {
		const json_t *list = json_arr(metrics, keys[k]);
		for (size_t i = 0; i < json_array_size(list) && v->n_cvss < CVSS_MAX; i++) {
			const json_t *m = json_array_get(list, i), *data = json_obj(m, "cvssData");
			struct db_cvss c = { source_of(m), json_view(data, "version"), json_view(data, "vectorString"), feed_score(json_object_get(data, "baseScore")) };
			if (!c.vector.n)
				continue;
			if (!v->severity.n)
				v->severity = json_view(data, "baseSeverity").n ? json_view(data, "baseSeverity") : json_view(m, "baseSeverity");
			out[v->n_cvss++] = c;
		}
	}
}

static void take_weaknesses(struct feed_job *j, const json_t *list, struct feed_list *cwes)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *names = json_arr(json_array_get(list, i), "description");
		for (size_t k = 0; k < json_array_size(names) && cwes->n < CWES_MAX; k++) {
			struct str s = json_view(json_array_get(names, k), "value");
			if (str_starts(s, STR("CWE-")))
				feed_push_once(j, cwes, s);
		}
	}
}

static void take_references(struct feed_job *j, const json_t *list, struct feed_list *out)
{
	for (size_t i = 0; i < json_array_size(list) && out->n < FEED_REFERENCES; i++) {
		struct str url = json_view(json_array_get(list, i), "url");
		if (url.n)
			feed_push_once(j, out, url);
	}
}

static struct str english(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_starts(json_view(json_array_get(list, i), "lang"), STR("en")))
			return feed_cut(json_view(json_array_get(list, i), "value"), FEED_DESCRIPTION);
	return str_n("", 0);
}

static int one_cve(struct feed_job *j, const json_t *cve, struct error *err)
{
	struct db_cvss cvss[CVSS_MAX];
	struct feed_list cwes = { 0 }, references = { 0 };
	struct db_vuln v = { .id = json_view(cve, "id"), .cvss = cvss, .withdrawn = str_is(json_view(cve, "vulnStatus"), "Rejected") };
	v.description = english(json_arr(cve, "descriptions"));
	v.published = feed_date(json_view(cve, "published"));
	v.modified = feed_date(json_view(cve, "lastModified"));
	take_metrics(json_obj(cve, "metrics"), &v, cvss);
	take_weaknesses(j, json_arr(cve, "weaknesses"), &cwes);
	take_references(j, json_arr(cve, "references"), &references);
	v.cwes = cwes.v, v.n_cwes = cwes.n;
	v.references = references.v, v.n_references = references.n;
	feed_newest(j, v.modified);
	j->records++;
	return feed_vuln(j, &v, err);
}

/* Version 1.1: {"cve": {"CVE_data_meta": {"ID"}, "description": {"description_data": []}}, "impact": {"baseMetricV3": {"cvssV3"}}, "lastModifiedDate"} */
static int one_old(struct feed_job *j, const json_t *item, struct error *err)
{
	static const char *const metric[] = { "baseMetricV3", "baseMetricV2" }, *const data[] = { "cvssV3", "cvssV2" };
	const json_t *cve = json_obj(item, "cve");
	struct db_cvss cvss[2];
	struct db_vuln v = { .id = json_view(json_obj(cve, "CVE_data_meta"), "ID"), .cvss = cvss };
	v.description = english(json_arr(json_obj(cve, "description"), "description_data"));
	v.published = feed_date(json_view(item, "publishedDate"));
	v.modified = feed_date(json_view(item, "lastModifiedDate"));
	for (size_t i = 0; i < countof(metric); i++) {
		const json_t *d = json_obj(json_obj(json_obj(item, "impact"), metric[i]), data[i]);
		if (json_view(d, "vectorString").n)
			cvss[v.n_cvss++] = (struct db_cvss){ STR("nvd"), json_view(d, "version"), json_view(d, "vectorString"), feed_score(json_object_get(d, "baseScore")) };
		if (!v.severity.n)
			v.severity = json_view(d, "baseSeverity");
	}
	feed_newest(j, v.modified);
	j->records++;
	return v.id.n ? feed_vuln(j, &v, err) : 0;
}

static int one(void *ctx, const char *const *keys, json_t *value, struct error *err)
{
	struct feed_job *j = ctx;
	int r = 0;
	if (strcmp(keys[0], "CVE_Items") == 0) {
		r = one_old(j, value, err);
	} else if (strcmp(keys[0], "vulnerabilities") == 0 || strcmp(keys[0], "cve_items") == 0) {
		const json_t *cve = json_obj(value, "cve") ? json_obj(value, "cve") : value;
		if (json_view(cve, "id").n)
			r = one_cve(j, cve, err);
		else
			j->passed++;
	} else {
		j->passed++;
	}
	arena_free(&j->arena);
	return r;
}

int feed_nvd(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return feed_json_stream(s, name, 2, one, j, err); }

static int import(const char *path, struct db_writer *w, struct error *err) { return feed_run("nvd", path, ".json", feed_nvd, w, err); }

const struct feed feed_kind_nvd = {
	"nvd",
	"the National Vulnerability Database: pages of its API 2.0, or its yearly feeds (NIST)",
	"https://nvd.nist.gov/feeds/json/cve/2.0/",
	import,
};
