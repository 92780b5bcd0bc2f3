/* Alpine's secdb and its kin: which version of which source package has the fix, "0" for what never had the fault. */
#include "advisory/feed_job.h"
#include "base/json.h"

/* "CVE-2017-2616 (+ regression fix)", "CVE-2019-1 CVE-2019-2": the CVEs in it; without any, its first word when that is an identifier ("XSA-245").
 * What is misspelt ("CVE_2019-2426") stays so: it is found under the name that the feed has for it, and nobody else's advisories are about it. */
static void take_ids(struct feed_job *j, struct str text, struct feed_list *ids)
{
	u32 before = ids->n;
	struct str first = { "", 0 };
	for (struct str rest = text; rest.p;) {
		struct str word = str_cut(&rest, ' ');
		if (feed_is_cve(word))
			feed_push_once(j, ids, word);
		else if (!first.n && !str_chr(word, '?')) /* "CVE-????-?????  XSA-295" */
			first = word;
	}
	if (ids->n == before && first.n > 4 && first.p[0] >= 'A' && first.p[0] <= 'Z' && str_chr(first, '-') && !str_starts(first, STR("CGA-")))
		feed_push_once(j, ids, first); /* CGA: the publisher's own name for what stands beside it, too */
}

static int one_fix(struct feed_job *j, struct db_record *r, const char *version, const json_t *names, struct error *err)
{
	struct feed_list ids = { 0 };
	for (size_t i = 0; i < json_array_size(names); i++) {
		const json_t *v = json_array_get(names, i);
		take_ids(j, str_n(json_string_value(v), json_string_length(v)), &ids);
	}
	r->fixed = str_of(version);
	r->state = str_is(r->fixed, "0") ? FIX_NOT_AFFECTED : FIX_FIXED;
	r->reason = r->state == FIX_NOT_AFFECTED ? STR("never affected") : str_n("", 0);
	for (u32 i = 0; i < ids.n; i++) {
		r->id = ids.v[i];
		if (feed_record(j, r, err) < 0)
			return -1;
	}
	return 0;
}

static int packages(struct feed_job *j, const char *name, const json_t *doc, struct str ecosystem, struct error *err)
{
	const json_t *list = json_object_get(doc, "packages");
	if (!json_is_array(list) && !json_is_null(list))
		return error_set(err, ERR_INPUT, "%s: no secdb document: it lists no packages", name);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *pkg = json_obj(json_array_get(list, i), "pkg");
		struct db_record r = { .ecosystem = ecosystem, .package = json_view(pkg, "name") };
		const char *version;
		json_t *names;
		if (!r.package.n) {
			j->passed++;
			continue;
		}
		json_object_foreach(json_obj(pkg, "secfixes"), version, names)
		{
			if (one_fix(j, &r, version, names, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* "v3.19", "edge", "vedge"; empty for anything else. */
static struct str branch(struct str s)
{
	if (str_is(s, "edge") || str_is(s, "vedge"))
		return STR("edge");
	bool dot = false;
	if (s.n < 4 || s.p[0] != 'v')
		return str_n("", 0);
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '.' && !dot && i > 1)
			dot = true;
		else if (s.p[i] < '0' || s.p[i] > '9')
			return str_n("", 0);
	}
	return dot ? s : str_n("", 0);
}

int feed_alpine(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	json_t *doc;
	if (feed_json(j, name, s, &doc, err) < 0)
		return -1;
	struct str release = branch(json_view(doc, "distroversion"));
	for (struct str rest = str_of(name); rest.p && !release.n;)
		release = branch(str_cut(&rest, '/'));
	int r = release.n ? packages(j, name, doc, str_of(arena_printf(&j->arena, "Alpine:%.*s", STR_FMT(release))), err)
	                  : error_set(err, ERR_INPUT, "%s: it does not say of which branch of Alpine it is", name);
	json_decref(doc);
	return r;
}

int feed_wolfi(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	static const struct {
		char part[16], ecosystem[16];
	} kin[] = { { "cgr.dev", "Chainguard" }, { "chainguard", "Chainguard" }, { "mini.dev", "MinimOS" }, { "minimos", "MinimOS" } };
	json_t *doc;
	struct str ecosystem = STR("Wolfi");
	if (feed_json(j, name, s, &doc, err) < 0)
		return -1;
	for (size_t i = countof(kin); i-- > 0;)
		if (str_contains(json_view(doc, "urlprefix"), str_of(kin[i].part)) || str_contains(json_view(doc, "reponame"), str_of(kin[i].part)))
			ecosystem = str_of(kin[i].ecosystem);
	int r = packages(j, name, doc, ecosystem, err);
	json_decref(doc);
	return r;
}

static int import_alpine(const char *path, struct db_writer *w, struct error *err) { return feed_run("alpine-secdb", path, ".json", feed_alpine, w, err); }
static int import_wolfi(const char *path, struct db_writer *w, struct error *err) { return feed_run("wolfi", path, ".json", feed_wolfi, w, err); }

const struct feed feed_kind_alpine = {
	"alpine-secdb",
	"Alpine's security database: vX.Y/REPOSITORY.json (Alpine Linux)",
	"https://secdb.alpinelinux.org/",
	import_alpine,
};
const struct feed feed_kind_wolfi = {
	"wolfi",
	"a security database without releases: Wolfi's, Chainguard's, MinimOS's security.json",
	"https://packages.wolfi.dev/os/security.json",
	import_wolfi,
};
