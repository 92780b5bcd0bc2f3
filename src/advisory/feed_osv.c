/* OSV documents (https://ossf.github.io/osv-schema/), of any ecosystem; Ubuntu's feed is made of them. */
#include "advisory/feed_job.h"
#include "version/version.h"

#define OSV_RECORDS ((u32)1 << 20) /* of one document: CVEs times packages times ranges */
enum { SORT_MAX = 64, COVER_MAX = 1 << 18 };

struct osv {
	struct feed_job *j;
	const char *name; /* the file's */
	const json_t *doc;
	struct str id, title;
	bool distribution;
	struct feed_list ids;    /* whom the records are about */
	struct str advisory, severity;
	u32 records;
};

struct event {
	enum { INTRODUCED, FIXED, LAST, LIMIT } kind;
	struct str version;
};

struct span {
	struct str introduced, fixed, last;
};

struct spans {
	struct span *v;
	u32 n, cap;
	const struct version_scheme *scheme;
};

/* --- ranges --- */
static u32 read_events(struct feed_job *j, const json_t *range, struct event **ret)
{
	static const char *const keys[] = { "introduced", "fixed", "last_affected", "limit" };
	const json_t *events = json_arr(range, "events");
	size_t n = json_array_size(events);
	struct event *v = arena_array(&j->arena, struct event, n + 1);
	u32 out = 0;
	for (size_t i = 0; i < n; i++)
		for (u32 k = 0; k < countof(keys); k++) {
			struct str version = json_view(json_array_get(events, i), keys[k]);
			if (!version.p)
				continue;
			v[out++] = (struct event){ (__typeof__(v->kind))k, version };
			break;
		}
	*ret = v;
	return out;
}

static bool is_zero(struct str v) { return v.n == 0 || str_is(v, "0"); }

/* The schema does not promise an order, but nearly all documents have one. What cannot be compared stays where it is. */
static void sort_events(struct event *v, u32 n, const struct version_scheme *s)
{
	if (!s || n > SORT_MAX)
		return;
	for (u32 i = 1; i < n; i++) {
		struct event e = v[i];
		u32 k = i;
		for (int order; k > 0; k--) {
			struct str b = v[k - 1].version;
			bool less = is_zero(e.version) || is_zero(b) ? is_zero(e.version) && !is_zero(b) : s->compare(e.version, b, &order) == 0 && order < 0;
			if (!less)
				break;
			v[k] = v[k - 1];
		}
		v[k] = e;
	}
}

static void add_span(struct feed_job *j, struct spans *s, struct span span)
{
	if (s->n == s->cap) {
		u32 cap = s->cap ? s->cap * 2 : 4;
		struct span *v = arena_array(&j->arena, struct span, cap);
		if (s->n)
			memcpy(v, s->v, s->n * sizeof *v);
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = span;
}

static void read_range(struct feed_job *j, const json_t *range, struct spans *s)
{
	struct event *v;
	if (str_is(json_view(range, "type"), "GIT")) {
		j->passed++; /* commits: no package manager knows them */
		return;
	}
	u32 n = read_events(j, range, &v);
	sort_events(v, n, s->scheme);
	struct span at = { 0 };
	bool open = n && v[0].kind != INTRODUCED; /* an end without a beginning: from the beginning on */
	for (u32 i = 0; i < n; i++) {
		if (v[i].kind == INTRODUCED) {
			if (!open)
				at = (struct span){ .introduced = v[i].version };
			open = true;
			continue;
		}
		if (!open || (v[i].kind == LIMIT && str_is(v[i].version, "*")))
			continue;
		*(v[i].kind == LAST ? &at.last : &at.fixed) = v[i].version;
		add_span(j, s, at);
		open = false;
	}
	if (open)
		add_span(j, s, at);
}

static bool covers(const struct span *s, const struct version_scheme *scheme, struct str v)
{
	int o;
	if (!is_zero(s->introduced) && (scheme->compare(v, s->introduced, &o) < 0 || o < 0))
		return false;
	if (s->fixed.n)
		return scheme->compare(v, s->fixed, &o) == 0 && o < 0;
	return !s->last.n || (scheme->compare(v, s->last, &o) == 0 && o <= 0);
}

/* The listed versions that the ranges don't speak of already: feeds list what their ranges hold, again. */
static void read_versions(struct feed_job *j, const json_t *affected, const struct spans *s, bool distribution, struct feed_list *out)
{
	const json_t *list = json_arr(affected, "versions");
	size_t n = json_array_size(list);
	if (distribution && s->n)
		return; /* what lay in the archive: the range is the rule */
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		struct str version = str_n(json_string_value(v), json_string_length(v));
		bool covered = !version.n;
		if (s->scheme && n * s->n <= COVER_MAX)
			for (u32 k = 0; k < s->n && !covered; k++)
				covered = covers(&s->v[k], s->scheme, version);
		if (!covered)
			feed_push(j, out, version);
	}
}

/* --- records --- */
static int add(struct osv *o, struct db_record *r, struct error *err)
{
	for (u32 i = 0; i < o->ids.n; i++) {
		r->id = o->ids.v[i];
		if (++o->records > OSV_RECORDS)
			return error_set(err, ERR_INPUT, "%s: over %u packages and ranges", o->name, OSV_RECORDS);
		if (feed_record(o->j, r, err) < 0)
			return -1;
	}
	return 0;
}

static int add_spans(struct osv *o, struct db_record *r, const struct spans *s, const struct feed_list *versions, struct error *err)
{
	for (u32 i = 0; i < MAX(s->n, 1u); i++) {
		const struct span *span = i < s->n ? &s->v[i] : &(struct span){ 0 };
		r->introduced = span->introduced;
		r->fixed = span->fixed;
		r->last_affected = span->last;
		r->versions = i ? NULL : versions->v;
		r->n_versions = i ? 0 : versions->n;
		if (r->state != FIX_NOT_AFFECTED)
			r->state = span->fixed.n ? FIX_FIXED : FIX_AFFECTED;
		if (add(o, r, err) < 0)
			return -1;
	}
	return 0;
}

/* SUSE names a source and lists what is built of it, with the version that has the fix. */
static int add_binaries(struct osv *o, struct db_record *r, const json_t *list, struct error *err)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name;
		const json_t *v;
		json_object_foreach((json_t *)(uintptr_t)json_array_get(list, i), name, v)
		{
			if (!json_is_string(v))
				continue;
			r->package = str_of(name);
			r->fixed = str_n(json_string_value(v), json_string_length(v));
			r->state = r->fixed.n ? FIX_FIXED : FIX_AFFECTED;
			if (add(o, r, err) < 0)
				return -1;
		}
	}
	return 0;
}

static struct str first_text(const json_t *obj, const char *const *keys)
{
	struct str s = { "", 0 };
	for (; *keys && !s.n; keys++)
		s = json_view(obj, *keys);
	return s.p ? s : str_n("", 0);
}

static struct str severity_of(const struct osv *o, const json_t *affected)
{
	static const char *const keys[] = { "severity", "urgency", "ubuntu_priority", NULL };
	struct str s = first_text(json_obj(affected, "ecosystem_specific"), keys);
	if (!s.n)
		s = first_text(json_obj(affected, "database_specific"), keys);
	return s.n ? s : o->severity;
}

/* OSV writes Red Hat's releases as the end of a CPE: "Red Hat:enterprise_linux:9::baseos". */
static struct str redhat_cpe(struct feed_job *j, struct str release)
{
	bool os = str_ends(release, STR("::baseos")) || (str_starts(release, STR(":enterprise_linux:")) && !str_find(release, STR("::")));
	return str_of(arena_printf(&j->arena, "cpe:/%c:redhat%.*s", os ? 'o' : 'a', STR_FMT(release)));
}

static int one_affected(struct osv *o, const json_t *affected, struct error *err)
{
	struct feed_job *j = o->j;
	const json_t *package = json_obj(affected, "package");
	struct str eco = json_view(package, "ecosystem"), release;
	struct db_record r = { .package = json_view(package, "name"), .advisory = o->advisory };
	struct feed_ecosystem known = { 0 };
	struct spans spans = { 0 };
	struct feed_list versions = { 0 };
	if (!eco.n || !r.package.n) {
		j->passed++; /* a repository of commits, no package */
		return 0;
	}
	r.ecosystem = eco;
	if (feed_ecosystem(eco, &known, &release)) {
		bool redhat = strcmp(known.name, "Red Hat") == 0;
		r.ecosystem = redhat ? str_of(known.name) : str_of(arena_printf(&j->arena, "%s%.*s", known.name, STR_FMT(release)));
		r.cpe = redhat && release.n ? redhat_cpe(j, release) : str_n("", 0);
		r.binary = known.binary;
		spans.scheme = version_scheme_named(str_of(known.scheme));
	}
	r.severity = severity_of(o, affected);
	const json_t *special = json_obj(affected, "ecosystem_specific");
	struct str availability = json_view(special, "availability");
	r.reason = str_starts(availability, STR("Available with Ubuntu Pro")) ? availability : str_n("", 0);
	if (o->distribution && !feed_is_cve(o->ids.v[0]) && o->id.n > 3 && (memcmp(o->id.p + 2, "BA", 2) == 0 || memcmp(o->id.p + 2, "EA", 2) == 0)) {
		r.state = FIX_NOT_AFFECTED; /* ALBA, RLEA, RHBA … */
		r.reason = STR("a bug fix or an enhancement: no vulnerability");
	}
	const json_t *binaries = json_arr(special, "binaries");
	if (known.binaries && json_array_size(binaries))
		return add_binaries(o, &r, binaries, err);
	const json_t *ranges = json_arr(affected, "ranges");
	for (size_t i = 0; i < json_array_size(ranges); i++)
		read_range(j, json_array_get(ranges, i), &spans);
	read_versions(j, affected, &spans, known.distribution, &versions);
	if (!spans.n && !versions.n) {
		j->passed++;
		return 0;
	}
	return add_spans(o, &r, &spans, &versions, err);
}

/* --- the vulnerability itself --- */
static void take_strings(struct feed_job *j, const json_t *list, struct feed_list *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		if (json_string_length(v))
			feed_push_once(j, out, str_n(json_string_value(v), json_string_length(v)));
	}
}

static void take_cves(struct feed_job *j, const json_t *list, struct feed_list *out)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		struct str s = str_n(json_string_value(v), json_string_length(v));
		if (feed_is_cve(s))
			feed_push_once(j, out, s);
	}
}

static void take_cvss(const json_t *list, struct str source, struct db_cvss *v, u32 *n, u32 cap)
{
	for (size_t i = 0; i < json_array_size(list) && *n < cap; i++) {
		const json_t *s = json_array_get(list, i);
		struct str type = json_view(s, "type"), vector = json_view(s, "score");
		if (!str_starts(type, STR("CVSS_")) || !vector.n)
			continue;
		bool seen = false;
		for (u32 k = 0; k < *n; k++)
			seen |= str_eq(v[k].vector, vector);
		if (!seen)
			v[(*n)++] = feed_cvss(source, vector);
	}
}

/* "ghsa" of "GHSA-…", "ubuntu" of "UBUNTU-CVE-…". */
static struct str source_of(struct feed_job *j, struct str id)
{
	struct str rest = id, prefix = str_cut(&rest, '-');
	if (!rest.p || !prefix.n || str_is(prefix, "CVE"))
		return STR("osv");
	char *s = arena_bytes(&j->arena, prefix);
	for (size_t i = 0; i < prefix.n; i++)
		if (s[i] >= 'A' && s[i] <= 'Z')
			s[i] = (char)(s[i] - 'A' + 'a');
	return str_n(s, prefix.n);
}

static int add_vuln(struct osv *o, struct str id, bool withdrawn, struct error *err)
{
	struct feed_job *j = o->j;
	struct feed_list aliases = { 0 }, references = { 0 }, cwes = { 0 };
	struct db_cvss cvss[8];
	struct str source = source_of(j, o->id);
	struct db_vuln v = { .id = id, .title = feed_cut(o->title, FEED_TITLE), .withdrawn = withdrawn, .severity = o->severity, .cvss = cvss };
	v.description = feed_cut(json_view(o->doc, "details"), FEED_DESCRIPTION);
	v.published = feed_date(json_view(o->doc, "published"));
	v.modified = feed_date(json_view(o->doc, "modified"));
	take_strings(j, json_arr(o->doc, "aliases"), &aliases);
	if (!str_eq(id, o->id))
		feed_push_once(j, &aliases, o->id);
	else if (!o->distribution && !withdrawn)
		take_cves(j, json_arr(o->doc, "upstream"), &aliases);
	const json_t *refs = json_arr(o->doc, "references"), *affected = json_arr(o->doc, "affected");
	for (size_t i = 0; i < json_array_size(refs) && references.n < FEED_REFERENCES; i++) {
		struct str url = json_view(json_array_get(refs, i), "url");
		if (url.n)
			feed_push_once(j, &references, url);
	}
	take_strings(j, json_arr(json_obj(o->doc, "database_specific"), "cwe_ids"), &cwes);
	take_cvss(json_arr(o->doc, "severity"), source, cvss, &v.n_cvss, countof(cvss));
	for (size_t i = 0; i < json_array_size(affected); i++)
		take_cvss(json_arr(json_array_get(affected, i), "severity"), source, cvss, &v.n_cvss, countof(cvss));
	u32 n = 0;
	for (u32 i = 0; i < aliases.n; i++) /* not its own */
		if (!str_eq(aliases.v[i], id))
			aliases.v[n++] = aliases.v[i];
	v.aliases = aliases.v, v.n_aliases = n;
	v.references = references.v, v.n_references = references.n;
	v.cwes = cwes.v, v.n_cwes = cwes.n;
	return feed_vuln(j, &v, err);
}

/* --- documents --- */
static bool of_distribution(const json_t *doc)
{
	const json_t *affected = json_arr(doc, "affected");
	struct feed_ecosystem known;
	struct str release;
	for (size_t i = 0; i < json_array_size(affected); i++)
		if (feed_ecosystem(json_view(json_obj(json_array_get(affected, i), "package"), "ecosystem"), &known, &release) && known.distribution)
			return true;
	return false;
}

/* A day that lies behind the document's last change has not come: there is no clock here. */
static bool is_withdrawn(const json_t *doc)
{
	struct str day = feed_date(json_view(doc, "withdrawn")), modified = feed_date(json_view(doc, "modified"));
	return json_view(doc, "withdrawn").n && (!day.n || !modified.n || str_cmp(day, modified) <= 0);
}

static void whom(struct osv *o)
{
	struct feed_job *j = o->j;
	struct feed_list others = { 0 };
	if (o->distribution && feed_is_cve(o->id)) {
		feed_push(j, &o->ids, o->id);
		return;
	}
	if (o->distribution) {
		take_cves(j, json_arr(o->doc, "aliases"), &o->ids);
		take_cves(j, json_arr(o->doc, "upstream"), &o->ids);
		if (!o->ids.n)
			take_cves(j, json_arr(o->doc, "related"), &o->ids);
	}
	bool about = o->ids.n == 1 && str_ends(o->id, o->ids.v[0]); /* "UBUNTU-CVE-2024-1": the CVE's own document; its advisories are beside it */
	if (about) {
		const json_t *related = json_arr(o->doc, "related");
		for (size_t i = 0; i < json_array_size(related); i++) {
			const json_t *v = json_array_get(related, i);
			struct str s = str_n(json_string_value(v), json_string_length(v));
			if (str_starts(s, STR("USN-")) || str_starts(s, STR("DSA-")) || str_starts(s, STR("DLA-")))
				feed_push_once(j, &others, s);
		}
		o->advisory = feed_join(j, &others);
	} else if (o->ids.n) {
		o->advisory = o->id;
	}
	if (!o->ids.n)
		feed_push(j, &o->ids, o->id);
}

int feed_osv_document(struct feed_job *j, const char *name, json_t *doc, struct error *err)
{
	struct osv o = { .j = j, .name = name, .doc = doc, .id = json_view(doc, "id"), .title = json_view(doc, "summary") };
	if (!json_is_object(doc) || !o.id.n)
		return error_set(err, ERR_INPUT, "%s: no OSV document: it has no id", name);
	feed_newest(j, json_view(doc, "modified"));
	o.distribution = of_distribution(doc);
	o.severity = first_text(json_obj(doc, "database_specific"), (const char *const[]){ "severity", NULL });
	const json_t *severities = json_arr(doc, "severity");
	for (size_t i = 0; i < json_array_size(severities) && !o.severity.n; i++) {
		const json_t *s = json_array_get(severities, i);
		if (!str_starts(json_view(s, "type"), STR("CVSS")) && json_view(s, "score").n)
			o.severity = json_view(s, "score");
	}
	if (!o.severity.n)
		o.severity = feed_severity(o.title);
	whom(&o);
	bool about = o.ids.n == 1 && str_ends(o.id, o.ids.v[0]);
	if (is_withdrawn(doc))
		return add_vuln(&o, o.id, true, err);
	if (add_vuln(&o, about ? o.ids.v[0] : o.id, false, err) < 0)
		return -1;
	const json_t *affected = json_arr(doc, "affected");
	for (size_t i = 0; i < json_array_size(affected); i++)
		if (one_affected(&o, json_array_get(affected, i), err) < 0)
			return -1;
	return 0;
}

int feed_osv(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	json_t *doc;
	if (feed_json(j, name, s, &doc, err) < 0)
		return -1;
	int r = feed_osv_document(j, name, doc, err);
	json_decref(doc);
	return r;
}

int feed_ubuntu(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return feed_osv(j, name, s, err); }

static int import_osv(const char *path, struct db_writer *w, struct error *err) { return feed_run("osv", path, ".json", feed_osv, w, err); }
static int import_ubuntu(const char *path, struct db_writer *w, struct error *err) { return feed_run("ubuntu-osv", path, ".json", feed_ubuntu, w, err); }

const struct feed feed_kind_osv = {
	"osv",
	"OSV documents of any ecosystem: a directory of them, or an ecosystem's all.zip (osv.dev)",
	"https://osv-vulnerabilities.storage.googleapis.com/all.zip",
	import_osv,
};
const struct feed feed_kind_ubuntu = {
	"ubuntu-osv",
	"Ubuntu's security notices and CVEs as OSV documents (Canonical)",
	"https://security-metadata.canonical.com/osv/osv-all.tar.xz",
	import_ubuntu,
};
