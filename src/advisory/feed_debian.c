/* The security tracker's JSON: {"PACKAGE": {"CVE-…": {description, releases: {"bookworm": {status, fixed_version, urgency, nodsa, nodsa_reason}}}}} */
#include "advisory/feed_job.h"
#include "base/json.h"

static const struct {
	char codename[12], number[4];
} releases[] = {
	{ "duke", "15" },
	{ "forky", "14" },
	{ "trixie", "13" },
	{ "bookworm", "12" },
	{ "bullseye", "11" },
	{ "buster", "10" },
	{ "stretch", "9" },
	{ "jessie", "8" },
	{ "wheezy", "7" },
	{ "squeeze", "6" },
	{ "lenny", "5" },
	{ "etch", "4" },
};

static struct str ecosystem(struct feed_job *j, const char *codename)
{
	for (size_t i = 0; i < countof(releases); i++)
		if (strcmp(codename, releases[i].codename) == 0)
			return str_of(arena_printf(&j->arena, "Debian:%s", releases[i].number));
	return str_of(arena_printf(&j->arena, "Debian:%s", codename));
}

/* What the team decided about a fault that is open. */
static void decided(struct feed_job *j, const json_t *release, struct db_record *r)
{
	struct str why = json_view(release, "nodsa"), word = json_view(release, "nodsa_reason");
	r->state = FIX_AFFECTED;
	if (str_is(r->severity, "end-of-life")) {
		r->state = FIX_END_OF_LIFE;
		r->reason = STR("end-of-life: not supported in this release");
	} else if (json_object_get(release, "nodsa")) {
		r->state = str_is(word, "ignored") ? FIX_WILL_NOT_FIX : str_is(word, "postponed") ? FIX_DEFERRED : FIX_AFFECTED;
		if (!word.n)
			word = STR("no-dsa");
		why = feed_cut(why.p ? why : STR(""), FEED_TITLE);
		r->reason = str_of(arena_printf(&j->arena, "%.*s%s%.*s", STR_FMT(word), why.n ? ": " : "", STR_FMT(why)));
	}
}

static int one_release(struct feed_job *j, const char *codename, const json_t *release, struct db_record r, struct error *err)
{
	struct str status = json_view(release, "status");
	r.ecosystem = ecosystem(j, codename);
	r.fixed = json_view(release, "fixed_version");
	r.severity = json_view(release, "urgency");
	if (str_is(status, "undetermined")) {
		r.state = FIX_UNDER_INVESTIGATION;
		r.reason = STR("undetermined");
		r.fixed.n = 0;
	} else if (str_is(r.fixed, "0")) {
		r.state = FIX_NOT_AFFECTED;
		r.reason = STR("never affected");
	} else if (r.fixed.n) {
		r.state = FIX_FIXED;
	} else if (str_is(status, "resolved")) { /* no version that was: nothing of this release ever had it */
		r.state = FIX_NOT_AFFECTED;
		r.reason = STR("resolved");
	} else {
		decided(j, release, &r);
	}
	return feed_record(j, &r, err);
}

static int one_fault(void *ctx, const char *const *keys, json_t *value, struct error *err)
{
	struct feed_job *j = ctx;
	const struct db_record r = { .id = str_of(keys[1]), .package = str_of(keys[0]) };
	const struct db_vuln v = { .id = r.id, .description = feed_cut(json_view(value, "description"), FEED_DESCRIPTION) };
	const char *codename;
	json_t *release;
	int ret = 0;
	if (!r.id.n || !r.package.n || !json_obj(value, "releases")) {
		j->passed++;
		return 0;
	}
	if (v.description.n)
		ret = feed_vuln(j, &v, err);
	json_object_foreach(json_obj(value, "releases"), codename, release)
	{
		if (ret == 0)
			ret = one_release(j, codename, release, r, err);
	}
	arena_free(&j->arena);
	return ret;
}

int feed_debian(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return feed_json_stream(s, name, 2, one_fault, j, err); }

static int import(const char *path, struct db_writer *w, struct error *err) { return feed_run("debian-tracker", path, ".json", feed_debian, w, err); }

const struct feed feed_kind_debian = {
	"debian-tracker",
	"Debian's security tracker, its one JSON document (Debian)",
	"https://security-tracker.debian.org/tracker/data/json",
	import,
};
