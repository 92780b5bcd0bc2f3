/* Importers, one document each: what they tell the writer, line by line. The writer is one of our own that writes it down. */
#include "advisory/feed_job.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct buf told;

static void field(const char *name, struct str s)
{
	if (s.n)
		buf_printf(&told, " %s=%.*s", name, STR_FMT(s));
}

int db_add_record(struct db_writer *w, const struct db_record *r, struct error *err)
{
	static const char *const state[] = { "affected", "fixed", "investigated", "never", "deferred", "over", "unaffected", "unknown" };
	(void)w, (void)err;
	buf_printf(&told, "%.*s|%.*s|%.*s|%s%s", STR_FMT(r->id), STR_FMT(r->ecosystem), STR_FMT(r->package), state[r->state], r->binary ? " binary" : "");
	field("from", r->introduced);
	field("fixed", r->fixed);
	field("last", r->last_affected);
	for (u32 i = 0; i < r->n_versions; i++)
		field("is", r->versions[i]);
	field("severity", r->severity);
	field("reason", r->reason);
	field("advisory", r->advisory);
	field("module", r->module);
	field("arches", r->arches);
	field("cpe", r->cpe);
	buf_putc(&told, '\n');
	return 0;
}

int db_add_vuln(struct db_writer *w, const struct db_vuln *v, struct error *err)
{
	(void)w, (void)err;
	buf_printf(&told, "vuln %.*s%s", STR_FMT(v->id), v->withdrawn ? " withdrawn" : "");
	field("title", v->title);
	field("description", v->description);
	field("severity", v->severity);
	for (u32 i = 0; i < v->n_aliases; i++)
		field("alias", v->aliases[i]);
	for (u32 i = 0; i < v->n_cvss; i++)
		buf_printf(&told, " %.*s:%.*s=%.1f", STR_FMT(v->cvss[i].source), STR_FMT(v->cvss[i].version), v->cvss[i].score);
	buf_putc(&told, '\n');
	return 0;
}

int db_add_kev(struct db_writer *w, struct str id, const struct db_kev *k, struct error *err)
{
	(void)w, (void)err;
	buf_printf(&told, "kev %.*s %.*s %.*s%s\n", STR_FMT(id), STR_FMT(k->date_added), STR_FMT(k->due_date), k->ransomware ? " ransomware" : "");
	return 0;
}

int db_add_epss(struct db_writer *w, struct str id, const struct db_epss *e, struct error *err)
{
	(void)w, (void)err;
	buf_printf(&told, "epss %.*s %.5f %.5f\n", STR_FMT(id), e->score, e->percentile);
	return 0;
}

int db_add_eol(struct db_writer *w, const struct db_eol *e, struct error *err)
{
	(void)w, (void)err;
	buf_printf(&told, "eol %.*s %.*s [%.*s] %.*s/%.*s/%.*s\n", STR_FMT(e->product), STR_FMT(e->cycle), STR_FMT(e->codename), STR_FMT(e->release), STR_FMT(e->eol), STR_FMT(e->extended));
	return 0;
}

int db_add_source(struct db_writer *w, const struct db_source *s, struct error *err)
{
	(void)w, (void)err;
	buf_printf(&told, "source %.*s %.*s newest=%.*s records=%llu files=%llu\n", STR_FMT(s->kind), STR_FMT(s->location), STR_FMT(s->newest), (unsigned long long)s->records, (unsigned long long)s->files);
	return 0;
}

static int run(feed_document *f, const char *name, const char *text, struct error *err)
{
	struct feed_job j = { .kind = "test" };
	struct stream *s = stream_memory(str_of(text));
	buf_clear(&told);
	buf_puts(&told, "");
	int r = f(&j, name, s, err);
	stream_close(s);
	arena_free(&j.arena);
	buf_free(&j.content);
	return r;
}

static void says(feed_document *f, const char *text, const char *expected)
{
	struct error err = { 0 };
	if (run(f, "v3.19/main.json", text, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(told.p ? told.p : "", expected);
}

static void refuses(feed_document *f, const char *text, const char *why)
{
	struct error err = { 0 };
	assert_int_equal(run(f, "some.file", text, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	if (!strstr(err.text, why) || !strstr(err.text, "some.file"))
		fail_msg("\"%s\" does not name the file and say \"%s\"", err.text, why);
}

/* --- OSV --- */
static void osv_ranges(void **state)
{
	(void)state;
	says(feed_osv,
		"{\"id\":\"GHSA-aaaa-bbbb-cccc\",\"modified\":\"2024-05-01T00:00:00Z\",\"summary\":\"It breaks\",\"aliases\":[\"CVE-2024-1\",\"CVE-2024-11111\"],"
		"\"severity\":[{\"type\":\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"}],\"database_specific\":{\"severity\":\"HIGH\"},\"affected\":["
		"{\"package\":{\"ecosystem\":\"npm\",\"name\":\"left\"},\"ranges\":[{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"1.2.3\"},{\"introduced\":\"2.0.0\"},{\"last_affected\":\"2.1.0\"},"
		"{\"introduced\":\"3.0.0\"}]}],\"versions\":[\"1.0.0\",\"1.9.0\",\"3.1.0\"]},"
		"{\"package\":{\"ecosystem\":\"bitnami\",\"name\":\"right\"},\"ranges\":[{\"type\":\"GIT\",\"repo\":\"https://example.org/x\",\"events\":[{\"introduced\":\"0\"}]}],\"versions\":[\"4.4\"]},"
		"{\"ranges\":[{\"type\":\"GIT\",\"repo\":\"https://example.org/x\",\"events\":[{\"introduced\":\"0\"}]}]}]}",
		"vuln GHSA-aaaa-bbbb-cccc title=It breaks severity=HIGH alias=CVE-2024-1 alias=CVE-2024-11111 ghsa:3.1=9.8\n"
		"GHSA-aaaa-bbbb-cccc|npm|left|fixed from=0 fixed=1.2.3 is=1.9.0 severity=HIGH\n"
		"GHSA-aaaa-bbbb-cccc|npm|left|affected from=2.0.0 last=2.1.0 severity=HIGH\n"
		"GHSA-aaaa-bbbb-cccc|npm|left|affected from=3.0.0 severity=HIGH\n"
		"GHSA-aaaa-bbbb-cccc|Bitnami|right|affected is=4.4 severity=HIGH\n");
	/* Out of order; a limit; a second beginning inside a range; ends without a beginning. */
	says(feed_osv,
		"{\"id\":\"RUSTSEC-1\",\"modified\":\"2024-05-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":\"crates.io\",\"name\":\"c\"},\"ranges\":["
		"{\"type\":\"SEMVER\",\"events\":[{\"fixed\":\"0.2.0\"},{\"introduced\":\"0.1.0\"}]},{\"type\":\"SEMVER\",\"events\":[{\"introduced\":\"1.0.0\"},{\"introduced\":\"1.1.0\"},{\"limit\":\"1.5.0\"},{\"limit\":\"*\"}]},"
		"{\"type\":\"SEMVER\",\"events\":[{\"fixed\":\"0.0.5\"}]}]}]}",
		"vuln RUSTSEC-1\nRUSTSEC-1|crates.io|c|fixed from=0.1.0 fixed=0.2.0\nRUSTSEC-1|crates.io|c|fixed from=1.0.0 fixed=1.5.0\nRUSTSEC-1|crates.io|c|fixed fixed=0.0.5\n");
}

static void osv_of_distributions(void **state)
{
	(void)state;
	says(feed_osv,
		"{\"id\":\"ALSA-2024:1\",\"modified\":\"2024-05-01T00:00:00Z\",\"summary\":\"Moderate: xz security update\",\"related\":[\"CVE-2024-1111\",\"CVE-2024-2222\",\"other\"],\"affected\":["
		"{\"package\":{\"ecosystem\":\"AlmaLinux:9\",\"name\":\"xz-libs\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"5.2-1.el9\"}]}],\"versions\":[\"5.1\"]}]}",
		"vuln ALSA-2024:1 title=Moderate: xz security update severity=Moderate\n"
		"CVE-2024-1111|AlmaLinux:9|xz-libs|fixed binary from=0 fixed=5.2-1.el9 severity=Moderate advisory=ALSA-2024:1\n"
		"CVE-2024-2222|AlmaLinux:9|xz-libs|fixed binary from=0 fixed=5.2-1.el9 severity=Moderate advisory=ALSA-2024:1\n");
	says(feed_ubuntu,
		"{\"id\":\"UBUNTU-CVE-2024-3333\",\"modified\":\"2024-05-01T00:00:00Z\",\"details\":\"About it\",\"upstream\":[\"CVE-2024-3333\"],\"related\":[\"USN-2-1\",\"USN-1-1\"],"
		"\"severity\":[{\"type\":\"Ubuntu\",\"score\":\"low\"}],\"affected\":[{\"package\":{\"ecosystem\":\"Ubuntu:Pro:16.04:LTS\",\"name\":\"xz\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":["
		"{\"introduced\":\"0\"},{\"fixed\":\"1~esm1\"}]}],\"versions\":[\"0.9\"],\"ecosystem_specific\":{\"availability\":\"Available with Ubuntu Pro: https://ubuntu.com/pro\",\"binaries\":[{\"binary_name\":\"xz\"}]}}]}",
		"vuln CVE-2024-3333 description=About it severity=low alias=UBUNTU-CVE-2024-3333\n"
		"CVE-2024-3333|Ubuntu:Pro:16.04:LTS|xz|fixed from=0 fixed=1~esm1 severity=low reason=Available with Ubuntu Pro: https://ubuntu.com/pro advisory=USN-1-1 USN-2-1\n");
	says(feed_suse,
		"{\"id\":\"SUSE-SU-2024:1-1\",\"modified\":\"2024-05-01T00:00:00Z\",\"upstream\":[\"CVE-2024-4444\"],\"affected\":[{\"package\":{\"ecosystem\":\"SUSE:Linux Enterprise Server 15 SP3\",\"name\":\"curl\"},"
		"\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"7-1\"}]}],\"ecosystem_specific\":{\"binaries\":[{\"curl\":\"7-1\",\"libcurl4\":\"7-1\"}]}}]}",
		"vuln SUSE-SU-2024:1-1\n"
		"CVE-2024-4444|SUSE:Linux Enterprise Server 15 SP3|curl|fixed binary fixed=7-1 advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-4444|SUSE:Linux Enterprise Server 15 SP3|libcurl4|fixed binary fixed=7-1 advisory=SUSE-SU-2024:1-1\n");
	says(feed_osv,
		"{\"id\":\"RHSA-2024:1\",\"modified\":\"2024-05-01T00:00:00Z\",\"aliases\":[\"CVE-2024-5555\"],\"affected\":[{\"package\":{\"ecosystem\":\"Red Hat:enterprise_linux:9::appstream\",\"name\":\"x\"},"
		"\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"1:2-3\"}]}]}]}",
		"vuln RHSA-2024:1 alias=CVE-2024-5555\nCVE-2024-5555|Red Hat|x|fixed binary from=0 fixed=1:2-3 advisory=RHSA-2024:1 cpe=cpe:/a:redhat:enterprise_linux:9::appstream\n");
	says(feed_osv,
		"{\"id\":\"ALBA-2024:1\",\"modified\":\"2024-05-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":\"AlmaLinux:9\",\"name\":\"x\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":["
		"{\"introduced\":\"0\"},{\"fixed\":\"2-3\"}]}]}]}",
		"vuln ALBA-2024:1\nALBA-2024:1|AlmaLinux:9|x|unaffected binary from=0 fixed=2-3 reason=a bug fix or an enhancement: no vulnerability\n");
}

static void osv_withdrawn(void **state)
{
	(void)state;
	says(feed_osv,
		"{\"id\":\"GHSA-1\",\"modified\":\"2024-05-02T00:00:00Z\",\"withdrawn\":\"2024-05-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"},\"versions\":[\"1\"]}]}",
		"vuln GHSA-1 withdrawn\n");
	/* Of a day to come: not yet. */
	says(feed_osv,
		"{\"id\":\"GHSA-1\",\"modified\":\"2024-05-02T00:00:00Z\",\"withdrawn\":\"2999-05-01T00:00:00Z\",\"affected\":[{\"package\":{\"ecosystem\":\"npm\",\"name\":\"x\"},\"versions\":[\"1\"]}]}",
		"vuln GHSA-1\nGHSA-1|npm|x|affected is=1\n");
	refuses(feed_osv, "{\"modified\":\"2024-05-02T00:00:00Z\"}", "no id");
	refuses(feed_osv, "{\"id\":\"GHSA-1\"", "not JSON");
	refuses(feed_osv, "[]", "no OSV document");
}

/* --- secdb --- */
static void secdb(void **state)
{
	(void)state;
	says(feed_alpine,
		"{\"distroversion\":\"v3.18\",\"reponame\":\"main\",\"packages\":[{\"pkg\":{\"name\":\"a\",\"secfixes\":{\"0\":[\"CVE-2020-1111\"],\"1.2-r0\":[\"CVE-2020-2222 CVE-2020-3333 (+ regression)\",\"XSA-12 (x)\",\"?\",\"CVE_2020-4444\"]}}},"
		"{\"pkg\":{\"secfixes\":{}}}]}",
		"CVE-2020-1111|Alpine:v3.18|a|unaffected fixed=0 reason=never affected\n"
		"CVE-2020-2222|Alpine:v3.18|a|fixed fixed=1.2-r0\nCVE-2020-3333|Alpine:v3.18|a|fixed fixed=1.2-r0\nXSA-12|Alpine:v3.18|a|fixed fixed=1.2-r0\nCVE_2020-4444|Alpine:v3.18|a|fixed fixed=1.2-r0\n");
	says(feed_alpine, "{\"packages\":[{\"pkg\":{\"name\":\"a\",\"secfixes\":{\"1-r0\":[\"CVE-2020-1111\"]}}}]}", "CVE-2020-1111|Alpine:v3.19|a|fixed fixed=1-r0\n"); /* by its path */
	says(feed_alpine, "{\"distroversion\":\"vedge\",\"packages\":[{\"pkg\":{\"name\":\"a\",\"secfixes\":{\"1-r0\":[\"CVE-2020-1111\"]}}}]}", "CVE-2020-1111|Alpine:edge|a|fixed fixed=1-r0\n");
	says(feed_alpine, "{\"packages\":null}", "");
	refuses(feed_alpine, "{\"packages\":[]}", "which branch");
	refuses(feed_alpine, "{\"distroversion\":\"v3.18\"}", "no packages");
	says(feed_wolfi, "{\"urlprefix\":\"https://packages.wolfi.dev\",\"reponame\":\"os\",\"packages\":[{\"pkg\":{\"name\":\"a\",\"secfixes\":{\"1-r0\":[\"CVE-2020-1111\",\"CGA-1-1\",\"GHSA-1-1\"]}}}]}",
		"CVE-2020-1111|Wolfi|a|fixed fixed=1-r0\nGHSA-1-1|Wolfi|a|fixed fixed=1-r0\n");
	says(feed_wolfi, "{\"reponame\":\"chainguard\",\"packages\":[{\"pkg\":{\"name\":\"a\",\"secfixes\":{\"1-r0\":[\"CVE-2020-1111\"]}}}]}", "CVE-2020-1111|Chainguard|a|fixed fixed=1-r0\n");
}

/* --- Debian --- */
static void debian(void **state)
{
	(void)state;
	says(feed_debian,
		"{\"a\":{\"CVE-2020-1111\":{\"description\":\"D\",\"releases\":{"
		"\"bookworm\":{\"status\":\"resolved\",\"fixed_version\":\"1-2\",\"urgency\":\"low\"},\"bullseye\":{\"status\":\"resolved\",\"fixed_version\":\"0\",\"urgency\":\"unimportant\"},"
		"\"buster\":{\"status\":\"open\",\"urgency\":\"end-of-life\"},\"trixie\":{\"status\":\"open\",\"urgency\":\"low\",\"nodsa\":\"Minor issue\",\"nodsa_reason\":\"\"},"
		"\"stretch\":{\"status\":\"open\",\"nodsa\":\"Later\",\"nodsa_reason\":\"postponed\"},\"jessie\":{\"status\":\"open\",\"nodsa\":\"\",\"nodsa_reason\":\"ignored\"},"
		"\"sid\":{\"status\":\"undetermined\"},\"zurg\":{\"status\":\"open\",\"urgency\":\"high\"}}},\"TEMP-1-2\":{\"releases\":{\"sid\":{\"status\":\"open\"}}}}}",
		"vuln CVE-2020-1111 description=D\n"
		"CVE-2020-1111|Debian:12|a|fixed fixed=1-2 severity=low\n"
		"CVE-2020-1111|Debian:11|a|unaffected fixed=0 severity=unimportant reason=never affected\n"
		"CVE-2020-1111|Debian:10|a|over severity=end-of-life reason=end-of-life: not supported in this release\n"
		"CVE-2020-1111|Debian:13|a|affected severity=low reason=no-dsa: Minor issue\n"
		"CVE-2020-1111|Debian:9|a|deferred reason=postponed: Later\n"
		"CVE-2020-1111|Debian:8|a|never reason=ignored\n"
		"CVE-2020-1111|Debian:sid|a|investigated reason=undetermined\n"
		"CVE-2020-1111|Debian:zurg|a|affected severity=high\n"
		"TEMP-1-2|Debian:sid|a|affected\n");
	refuses(feed_debian, "{\"a\":{\"CVE-2020-1111\":{\"releases\":{}}}", "an end inside");
	refuses(feed_debian, "{\"a\":{\"CVE-2020-1111\":{\"releases\":{]}}}", "not JSON");
}

/* --- CSAF --- */
#define TREE                                                                                                                                                                     \
	"\"product_tree\":{\"branches\":[{\"category\":\"vendor\",\"name\":\"Red Hat\",\"branches\":["                                                                                  \
	"{\"category\":\"product_name\",\"product\":{\"name\":\"RHEL 8\",\"product_id\":\"AppStream-8\",\"product_identification_helper\":{\"cpe\":\"cpe:/a:redhat:enterprise_linux:8::appstream\"}}}," \
	"{\"category\":\"product_version\",\"product\":{\"name\":\"httpd:2.4:80:ab\",\"product_id\":\"httpd:2.4:80:ab\"}},"                                                            \
	"{\"category\":\"product_version\",\"product\":{\"product_id\":\"httpd-x\",\"product_identification_helper\":{\"purl\":\"pkg:rpm/redhat/httpd@2.4-1?arch=x86_64&epoch=1\"}}},"    \
	"{\"category\":\"product_version\",\"product\":{\"product_id\":\"httpd-s\",\"product_identification_helper\":{\"purl\":\"pkg:rpm/redhat/httpd@2.4-1?arch=s390x&epoch=1\"}}},"     \
	"{\"category\":\"product_version\",\"product\":{\"product_id\":\"node\",\"product_identification_helper\":{\"purl\":\"pkg:rpm/redhat/nodejs?arch=src&rpmmod=nodejs:18\"}}},"       \
	"{\"category\":\"product_version\",\"product\":{\"product_id\":\"curl\",\"product_identification_helper\":{\"purl\":\"pkg:rpm/redhat/curl\"}}},"                                   \
	"{\"category\":\"product_version\",\"product\":{\"product_id\":\"jar\",\"product_identification_helper\":{\"purl\":\"pkg:maven/org.x/y@1\"}}}]}],\"relationships\":["             \
	"{\"full_product_name\":{\"product_id\":\"AppStream-8:httpd:2.4\"},\"product_reference\":\"httpd:2.4:80:ab\",\"relates_to_product_reference\":\"AppStream-8\"},"                  \
	"{\"full_product_name\":{\"product_id\":\"P1\"},\"product_reference\":\"httpd-x\",\"relates_to_product_reference\":\"AppStream-8:httpd:2.4\"},"                                   \
	"{\"full_product_name\":{\"product_id\":\"P2\"},\"product_reference\":\"httpd-s\",\"relates_to_product_reference\":\"AppStream-8:httpd:2.4\"},"                                   \
	"{\"full_product_name\":{\"product_id\":\"P3\"},\"product_reference\":\"node\",\"relates_to_product_reference\":\"AppStream-8\"},"                                                \
	"{\"full_product_name\":{\"product_id\":\"P4\"},\"product_reference\":\"curl\",\"relates_to_product_reference\":\"AppStream-8\"},"                                                \
	"{\"full_product_name\":{\"product_id\":\"P5\"},\"product_reference\":\"jar\",\"relates_to_product_reference\":\"AppStream-8\"}]}"

static void csaf(void **state)
{
	(void)state;
	says(feed_redhat,
		"{\"document\":{\"category\":\"csaf_vex\",\"aggregate_severity\":{\"text\":\"Low\"},\"tracking\":{\"id\":\"CVE-2024-1111\",\"status\":\"final\",\"current_release_date\":\"2024-01-01T00:00:00+00:00\"}}," TREE
		",\"vulnerabilities\":[{\"cve\":\"CVE-2024-1111\",\"title\":\"httpd: broken\",\"scores\":[{\"cvss_v3\":{\"version\":\"3.1\",\"baseScore\":7.5,\"vectorString\":\"CVSS:3.1/AV:N\"}}],"
		"\"product_status\":{\"fixed\":[\"P1\",\"P2\",\"AppStream-8\",\"nobody\",\"P5\"],\"known_affected\":[\"P3\"],\"known_not_affected\":[\"P4\"]},\"remediations\":["
		"{\"category\":\"vendor_fix\",\"url\":\"https://access.redhat.com/errata/RHSA-2024:1\",\"product_ids\":[\"P1\",\"P2\"]},{\"category\":\"workaround\",\"details\":\"W\",\"product_ids\":[\"P3\"]},"
		"{\"category\":\"no_fix_planned\",\"details\":\"Will not fix\",\"product_ids\":[\"P3\"]}],\"threats\":[{\"category\":\"impact\",\"details\":\"Important\",\"product_ids\":[\"P1\",\"P2\"]}],"
		"\"flags\":[{\"label\":\"vulnerable_code_not_present\",\"product_ids\":[\"P4\"]}]}]}",
		"vuln CVE-2024-1111 title=httpd: broken severity=Low redhat:3.1=7.5\n"
		"CVE-2024-1111|Red Hat|curl|unaffected binary severity=Low reason=vulnerable_code_not_present cpe=cpe:/a:redhat:enterprise_linux:8::appstream\n"
		"CVE-2024-1111|Red Hat|httpd|fixed binary fixed=1:2.4-1 severity=Important advisory=RHSA-2024:1 module=httpd:2.4 arches=s390x x86_64 cpe=cpe:/a:redhat:enterprise_linux:8::appstream\n"
		"CVE-2024-1111|Red Hat|nodejs|never severity=Low reason=Will not fix module=nodejs:18 cpe=cpe:/a:redhat:enterprise_linux:8::appstream\n");
	static const struct {
		const char *category, *details, *expected;
	} rest[] = {
		{ "no_fix_planned", "Out of support scope", "over binary reason=Out of support scope" },
		{ "none_available", "Fix deferred", "deferred binary reason=Fix deferred" },
		{ "none_available", "Affected", "affected binary reason=Affected" },
		{ "vendor_fix", "", "affected binary" },
	};
	for (size_t i = 0; i < countof(rest); i++) {
		char text[8192], expected[512];
		snprintf(text, sizeof text,
			"{\"document\":{\"category\":\"csaf_vex\",\"tracking\":{\"id\":\"CVE-2024-1111\"}}," TREE ",\"vulnerabilities\":[{\"cve\":\"CVE-2024-1111\",\"product_status\":{\"known_affected\":[\"P4\"]},"
			"\"remediations\":[{\"category\":\"%s\",\"details\":\"%s\",\"product_ids\":[\"P4\"]}]}]}",
			rest[i].category, rest[i].details);
		snprintf(expected, sizeof expected, "vuln CVE-2024-1111\nCVE-2024-1111|Red Hat|curl|%s cpe=cpe:/a:redhat:enterprise_linux:8::appstream\n", rest[i].expected);
		says(feed_redhat, text, expected);
	}
	/* A component of a module by its name; an image between a package and its platform is no module. */
	says(feed_redhat,
		"{\"document\":{\"category\":\"csaf_vex\",\"tracking\":{\"id\":\"CVE-2024-1111\"}},\"product_tree\":{\"branches\":[{\"product\":{\"name\":\"R\",\"product_id\":\"R\",\"product_identification_helper\":"
		"{\"cpe\":\"cpe:/o:redhat:enterprise_linux:8\"}}},{\"product\":{\"name\":\"nodejs:18/nodejs-docs\",\"product_id\":\"m\"}},{\"product\":{\"name\":\"ns/img@sha256:ab_amd64\",\"product_id\":\"i\"}},"
		"{\"product\":{\"product_id\":\"c\",\"product_identification_helper\":{\"purl\":\"pkg:rpm/redhat/curl\"}}}],\"relationships\":["
		"{\"full_product_name\":{\"product_id\":\"A\"},\"product_reference\":\"m\",\"relates_to_product_reference\":\"R\"},{\"full_product_name\":{\"product_id\":\"R:i\"},\"product_reference\":\"i\","
		"\"relates_to_product_reference\":\"R\"},{\"full_product_name\":{\"product_id\":\"B\"},\"product_reference\":\"c\",\"relates_to_product_reference\":\"R:i\"},{\"full_product_name\":{\"product_id\":\"L\"},"
		"\"product_reference\":\"c\",\"relates_to_product_reference\":\"L\"}]},\"vulnerabilities\":[{\"product_status\":{\"known_affected\":[\"A\",\"B\",\"L\"]}}]}",
		"vuln CVE-2024-1111\nCVE-2024-1111|Red Hat|curl|affected binary cpe=cpe:/o:redhat:enterprise_linux:8\n"
		"CVE-2024-1111|Red Hat|nodejs-docs|affected binary module=nodejs:18 cpe=cpe:/o:redhat:enterprise_linux:8\n");
	/* SUSE: names of builds instead of package URLs, releases by their name, "recommended". */
	says(feed_suse,
		"{\"document\":{\"category\":\"csaf_security_advisory\",\"publisher\":{\"namespace\":\"https://www.suse.com/\"},\"tracking\":{\"id\":\"SUSE-SU-2024:1-1\"}},\"product_tree\":{\"branches\":["
		"{\"product\":{\"name\":\"SUSE Linux Enterprise Server 15 SP3\",\"product_id\":\"S\",\"product_identification_helper\":{\"cpe\":\"cpe:/o:suse:sles:15:sp3\"}}},"
		"{\"product\":{\"name\":\"libcurl4-7.66.0-4.27.1.x86_64\",\"product_id\":\"c\"}}],\"relationships\":[{\"full_product_name\":{\"product_id\":\"S:c\"},\"product_reference\":\"c\","
		"\"relates_to_product_reference\":\"S\"}]},\"vulnerabilities\":[{\"cve\":\"CVE-2024-1111\",\"product_status\":{\"recommended\":[\"S:c\"]}}]}",
		"vuln CVE-2024-1111\nCVE-2024-1111|SUSE:Linux Enterprise Server 15 SP3|libcurl4|fixed binary fixed=7.66.0-4.27.1 advisory=SUSE-SU-2024:1-1 arches=x86_64 cpe=cpe:/o:suse:sles:15:sp3\n");
	says(feed_redhat, "{\"document\":{\"tracking\":{\"id\":\"CVE-2024-1\",\"status\":\"deleted\"}}}", "");
	refuses(feed_redhat, "{\"document\":{}}", "no tracking id");
}

/* --- XML --- */
static void oval(void **state)
{
	(void)state;
	says(feed_oracle,
		"<?xml version='1.0'?><oval_definitions xmlns:x='y'><definitions><definition class='patch' id='1'><metadata><title>ELSA-2024-1:  httpd:2.4 security update (IMPORTANT)</title>"
		"<reference source='elsa' ref_id='ELSA-2024-1' ref_url='https://linux.oracle.com/errata/ELSA-2024-1.html'/><reference source='CVE' ref_id='CVE-2024-1111'/><description>D &amp; E</description>"
		"<advisory><severity>IMPORTANT</severity><issued date='2024-02-03'/><cve href='x'>CVE-2024-2222</cve></advisory></metadata><x:criteria operator='AND'><criterion comment='Oracle Linux 8 is installed'/>"
		"<criterion comment='Module httpd:2.4 is enabled'/><criteria operator='OR'><criteria operator='AND'><criterion comment='Oracle Linux arch is x86_64'/><criteria operator='OR'><criteria operator='AND'>"
		"<criterion comment='httpd is earlier than 0:2.4-2'/><criterion comment='httpd is signed with the Oracle Linux 8 key'/></criteria></criteria></criteria><criteria operator='AND'>"
		"<criterion comment='Oracle Linux arch is aarch64'/><criterion comment='httpd is earlier than 0:2.4-2'/><criterion comment='mod_ssl is earlier than 1:2.4-3'/>"
		"<criterion comment='none is earlier than 0'/></criteria></criteria></x:criteria></definition></definitions><tests/></oval_definitions>",
		"vuln ELSA-2024-1 title=ELSA-2024-1:  httpd:2.4 security update (IMPORTANT) description=D & E severity=IMPORTANT\n"
		"CVE-2024-1111|Oracle Linux:8|httpd|fixed binary fixed=0:2.4-2 severity=IMPORTANT advisory=ELSA-2024-1 module=httpd:2.4 arches=aarch64 x86_64\n"
		"CVE-2024-2222|Oracle Linux:8|httpd|fixed binary fixed=0:2.4-2 severity=IMPORTANT advisory=ELSA-2024-1 module=httpd:2.4 arches=aarch64 x86_64\n"
		"CVE-2024-1111|Oracle Linux:8|mod_ssl|fixed binary fixed=1:2.4-3 severity=IMPORTANT advisory=ELSA-2024-1 module=httpd:2.4 arches=aarch64\n"
		"CVE-2024-2222|Oracle Linux:8|mod_ssl|fixed binary fixed=1:2.4-3 severity=IMPORTANT advisory=ELSA-2024-1 module=httpd:2.4 arches=aarch64\n");
	says(feed_suse,
		"<oval_definitions><definition class='vulnerability'><metadata><title>CVE-2024-1111</title><reference ref_id='SUSE-SU-2024:1-1' source='SUSE-SU'/><reference ref_id='CVE-2024-9999 at NVD'/></metadata>"
		"<criteria operator='OR'><criteria operator='AND'><criteria operator='OR'><criterion comment='SUSE Linux Enterprise Server 15 SP1-LTSS is installed'/><criterion comment='openSUSE Leap 15.5 is installed'/></criteria>"
		"<criteria operator='OR'><criterion comment='libcurl4-7.66.0-4.27.1 is installed'/><criterion comment='kernel-default 4.12.14-150.66.1 is installed'/></criteria></criteria>"
		"<criteria operator='AND'><criterion comment='openSUSE Tumbleweed is installed'/><criterion comment='a less than 1-2'/><criterion comment='b is affected'/><criterion comment='c is not affected'/></criteria></criteria>"
		"</definition></oval_definitions>",
		"vuln CVE-2024-1111 title=CVE-2024-1111\n"
		"CVE-2024-1111|openSUSE:Tumbleweed|a|fixed binary fixed=1-2 advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-1111|openSUSE:Tumbleweed|b|affected binary advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-1111|openSUSE:Tumbleweed|c|unaffected binary advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-1111|SUSE:Linux Enterprise Server 15 SP1-LTSS|kernel-default|fixed binary fixed=4.12.14-150.66.1 advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-1111|openSUSE:Leap 15.5|kernel-default|fixed binary fixed=4.12.14-150.66.1 advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-1111|SUSE:Linux Enterprise Server 15 SP1-LTSS|libcurl4|fixed binary fixed=7.66.0-4.27.1 advisory=SUSE-SU-2024:1-1\n"
		"CVE-2024-1111|openSUSE:Leap 15.5|libcurl4|fixed binary fixed=7.66.0-4.27.1 advisory=SUSE-SU-2024:1-1\n");
	refuses(feed_oracle, "<oval_definitions><definition>", "line 1");
	refuses(feed_oracle, "<!DOCTYPE a [<!ENTITY b 'cccc'>]><a>&b;</a>", "document type");
}

static void updateinfo(void **state)
{
	(void)state;
	says(feed_amazon,
		"<updates><update type='security' status='final'><id>ALAS2-2024-1</id><title>Amazon Linux 2 - ALAS2-2024-1: important priority package update for curl</title><issued date='2024-02-03 01:02'/>"
		"<severity>important</severity><references><reference href='https://x/' id='CVE-2024-1111' type='cve'/></references><pkglist><collection short='amazon-linux-2'><name>Amazon Linux 2</name>"
		"<package arch='x86_64' epoch='0' name='curl' release='2.amzn2' version='7'><filename>f</filename></package><package arch='aarch64' epoch='0' name='curl' release='2.amzn2' version='7'/>"
		"<package arch='src' epoch='0' name='curl' release='2.amzn2' version='7'/><package arch='noarch' epoch='1' name='doc' release='2' version='7'/></collection></pkglist></update>"
		"<update type='bugfix'><id>ALAS2-2024-2</id><pkglist><package arch='x86_64' epoch='0' name='d' release='1' version='1'/></pkglist></update>"
		"<update type='security'><id>ALAS2023-2024-3</id><references><reference id='CVE-2024-3333'/></references><pkglist><package arch='x86_64' name='e' release='1' version='1'/></pkglist></update></updates>",
		"vuln CVE-2024-1111 title=Amazon Linux 2 - ALAS2-2024-1: important priority package update for curl severity=important\n"
		"CVE-2024-1111|Amazon Linux:2|curl|fixed binary fixed=7-2.amzn2 severity=important advisory=ALAS2-2024-1 arches=aarch64 x86_64\n"
		"CVE-2024-1111|Amazon Linux:2|doc|fixed binary fixed=1:7-2 severity=important advisory=ALAS2-2024-1 arches=noarch\n"
		"vuln CVE-2024-3333\n"
		"CVE-2024-3333|Amazon Linux:2023|e|fixed binary fixed=1-1 advisory=ALAS2023-2024-3 arches=x86_64\n");
}

/* --- NVD and lists --- */
static void nvd(void **state)
{
	(void)state;
	says(feed_nvd,
		"{\"format\":\"NVD_CVE\",\"vulnerabilities\":[{\"cve\":{\"id\":\"CVE-2024-1111\",\"vulnStatus\":\"Analyzed\",\"descriptions\":[{\"lang\":\"es\",\"value\":\"No\"},{\"lang\":\"en\",\"value\":\"Yes\"}],\"metrics\":{"
		"\"cvssMetricV31\":[{\"source\":\"nvd@nist.gov\",\"cvssData\":{\"version\":\"3.1\",\"vectorString\":\"CVSS:3.1/AV:N\",\"baseScore\":9.1,\"baseSeverity\":\"CRITICAL\"}},{\"source\":\"x@y\",\"cvssData\":"
		"{\"version\":\"3.1\",\"vectorString\":\"CVSS:3.1/AV:L\",\"baseScore\":3}}],\"cvssMetricV2\":[{\"source\":\"nvd@nist.gov\",\"cvssData\":{\"version\":\"2.0\",\"vectorString\":\"AV:N\",\"baseScore\":5}}]}}},"
		"{\"cve\":{\"id\":\"CVE-2024-2222\",\"vulnStatus\":\"Rejected\"}}]}",
		"vuln CVE-2024-1111 description=Yes severity=CRITICAL nvd:3.1=9.1 x@y:3.1=3.0 nvd:2.0=5.0\nvuln CVE-2024-2222 withdrawn\n");
	says(feed_nvd, "{\"cve_items\":[{\"id\":\"CVE-2024-1111\"}]}", "vuln CVE-2024-1111\n");
	says(feed_nvd,
		"{\"CVE_Items\":[{\"cve\":{\"CVE_data_meta\":{\"ID\":\"CVE-2019-1111\"},\"description\":{\"description_data\":[{\"lang\":\"en\",\"value\":\"D\"}]}},\"impact\":{\"baseMetricV3\":{\"cvssV3\":{\"version\":\"3.0\","
		"\"vectorString\":\"CVSS:3.0/AV:N\",\"baseScore\":7,\"baseSeverity\":\"HIGH\"}}}}]}",
		"vuln CVE-2019-1111 description=D severity=HIGH nvd:3.0=7.0\n");
}

static void lists(void **state)
{
	(void)state;
	says(feed_kev,
		"{\"dateReleased\":\"2024-01-03\",\"vulnerabilities\":[{\"cveID\":\"CVE-2024-1111\",\"dateAdded\":\"2024-01-02\",\"dueDate\":\"2024-02-02\",\"knownRansomwareCampaignUse\":\"Known\"},"
		"{\"cveID\":\"CVE-2024-2222\",\"dateAdded\":\"2024-01-02\",\"dueDate\":\"2024-02-02\",\"knownRansomwareCampaignUse\":\"Unknown\"}]}",
		"kev CVE-2024-1111 2024-01-02 2024-02-02 ransomware\nkev CVE-2024-2222 2024-01-02 2024-02-02\n");
	says(feed_epss, "#model_version:v2023.03.01,score_date:2025-02-20T00:00:00+0000\ncve,epss,percentile\r\nCVE-1999-0001,0.00383,0.73075\r\nCVE-1999-0002,1,0.5",
		"epss CVE-1999-0001 0.00383 0.73075\nepss CVE-1999-0002 1.00000 0.50000\n");
	refuses(feed_epss, "cve,epss,percentile\nCVE-1999-0001,1.5,0\n", "line 2");
	refuses(feed_epss, "CVE-1999-0001,0.5\n", "line 1");
	refuses(feed_epss, "CVE-1999-0001,nan,0.5\n", "line 1");
	says(feed_eol,
		"{\"result\":[{\"name\":\"debian\",\"releases\":[{\"name\":\"12\",\"codename\":\"Bookworm\",\"releaseDate\":\"2023-06-10\",\"isEol\":false,\"eolFrom\":\"2026-06-10\",\"eoesFrom\":\"2033-06-30\"},"
		"{\"name\":\"1\",\"isEol\":true,\"eolFrom\":null}]},{\"releases\":[]}]}",
		"eol debian 12 [Bookworm] 2023-06-10/2026-06-10/2033-06-30\neol debian 1 [] /true/\n");
	says(feed_eol, "{\"result\":{\"name\":\"x\",\"releases\":[{\"name\":\"2\"}]}}", "eol x 2 [] //\n");
	says(feed_eol, "[{\"cycle\":\"3.1\",\"eol\":\"2020-01-01\",\"releaseDate\":\"2019-01-01\"},{\"cycle\":\"3.0\",\"eol\":true},{\"cycle\":\"4\",\"eol\":false}]",
		"eol main 3.1 [] 2019-01-01/2020-01-01/\neol main 3.0 [] /true/\neol main 4 [] //\n");
	refuses(feed_eol, "{}", "no document of endoflife.date");
}

/* --- values, files --- */
static int value(void *ctx, const char *const *keys, json_t *v, struct error *err)
{
	(void)ctx, (void)err;
	buf_printf(&told, "%s/%s:%zu ", keys[0], keys[1], json_is_array(v) ? json_array_size(v) : json_object_size(v));
	return 0;
}

static int pieces(void *ctx, struct str *view, struct error *err)
{
	struct str *rest = ctx; /* a byte at a time: every state of the reader meets the end of a view */
	(void)err;
	*view = str_head(*rest, 1);
	*rest = str_from(*rest, 1);
	return 0;
}

static void values(void **state)
{
	static const char text[] = "\xef\xbb\xbf { \"a\\\"b\" : { \"c\" : [1, \"]\\\\\", {\"x\":2}] , \"d\":{} }, \"s\" : \"t\\\"\", \"n\" : -1.5e3, \"e\":[ [] ,null,{\"k\":\"}\"} ] , \"f\":{}} \n";
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct error err = { 0 };
		struct str rest = STR(text);
		struct stream *s = i ? stream_callback(pieces, NULL, &rest) : stream_memory(rest);
		if (i) { /* the mark needs its three bytes at once: without it */
			rest = str_from(rest, 3);
		}
		buf_clear(&told);
		if (feed_json_stream(s, "x", 2, value, NULL, &err) < 0)
			fail_msg("%s", err.text);
		stream_close(s);
		assert_string_equal(told.p, "a\"b/c:3 a\"b/d:0 e/:0 e/:1 ");
	}
	static const char *const broken[] = { "", "1", "{", "{\"a\":[{}", "{\"a\" [{}]}", "{\"a\":[{} {}]}", "{a:[]}", "[[{}]]x", "[[{\"a\":}]]", "{\"a\":[,]}", "{\"a\"", "[\"" };
	for (size_t i = 0; i < countof(broken); i++) {
		struct error err = { 0 };
		struct stream *s = stream_memory(str_of(broken[i]));
		if (feed_json_stream(s, "x", 2, value, NULL, &err) == 0)
			fail_msg("taken: %s", broken[i]);
		assert_int_equal(err.kind, ERR_INPUT);
		stream_close(s);
	}
}

static void put_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void files(void **state)
{
	/* {"id":"G","affected":[]}, compressed */
	static const unsigned char gz[] = {
		0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4c, 0x51, 0xb2, 0x52, 0x72, 0x57, 0xd2, 0x51, 0x4a, 0x4c, 0x4b,
		0x4b, 0x4d, 0x2e, 0x49, 0x05, 0x72, 0xa3, 0x63, 0x6b, 0x01, 0x82, 0x75, 0xcd, 0xc9, 0x18, 0x00, 0x00, 0x00,
	};
	/* A zip of one stored member, b/c.json: {"id":"Z"} */
	static const unsigned char zip[] = {
		0x50, 0x4b, 0x03, 0x04, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x32, 0xec, 0x9a, 0xb2, 0x0a, 0x00, 0x00, 0x00, 0x0a, 0x00,
		0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x62, 0x2f, 0x63, 0x2e, 0x6a, 0x73, 0x6f, 0x6e, 0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0x5a, 0x22, 0x7d,
		0x50, 0x4b, 0x01, 0x02, 0x0a, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x32, 0xec, 0x9a, 0xb2, 0x0a, 0x00, 0x00, 0x00,
		0x0a, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x62, 0x2f,
		0x63, 0x2e, 0x6a, 0x73, 0x6f, 0x6e, 0x50, 0x4b, 0x05, 0x06, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x36, 0x00, 0x00, 0x00, 0x30, 0x00,
		0x00, 0x00, 0x00, 0x00,
	};
	char dir[] = "/tmp/pare-feed-XXXXXX", path[128];
	struct error err = { 0 };
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/b.json", dir);
	put_file(path, "{\"id\":\"B\",\"modified\":\"2024-02-02T00:00:00Z\"}", 44);
	snprintf(path, sizeof path, "%s/sub/a.json", dir);
	put_file(path, "{\"id\":\"S\",\"modified\":\"2023-02-02T00:00:00Z\"}", 44);
	snprintf(path, sizeof path, "%s/sub/g.json.gz", dir);
	put_file(path, gz, sizeof gz);
	snprintf(path, sizeof path, "%s/notes.txt", dir);
	put_file(path, "x", 1);
	snprintf(path, sizeof path, "%s/c.json", dir);
	assert_int_equal(symlink("b.json", path), 0); /* nothing is followed */
	buf_clear(&told);
	const struct feed *osv = feed_named(STR("osv"));
	assert_non_null(osv);
	if (osv->import(dir, NULL, &err) < 0)
		fail_msg("%s", err.text);
	char expected[256];
	snprintf(expected, sizeof expected, "vuln B\nvuln S\nvuln G\nsource osv %s newest=2024-02-02 records=0 files=3\n", dir + 5);
	assert_string_equal(told.p, expected);

	snprintf(path, sizeof path, "%s/sub/z.json", dir);
	put_file(path, "{\"id\":", 6);
	assert_int_equal(osv->import(dir, NULL, &err), -1);
	assert_non_null(strstr(err.text, "sub/z.json"));
	unlink(path);

	snprintf(path, sizeof path, "%s/all.zip", dir);
	put_file(path, zip, sizeof zip);
	buf_clear(&told);
	err = (struct error){ 0 };
	if (osv->import(path, NULL, &err) < 0 && err.kind != ERR_ENV)
		fail_msg("%s", err.text);
	if (!err.kind)
		assert_string_equal(told.p, "vuln Z\nsource osv all.zip newest= records=0 files=1\n");
	put_file(path, zip, sizeof zip / 2);
	err = (struct error){ 0 };
	assert_int_equal(osv->import(path, NULL, &err), -1);
	assert_int_equal(osv->import("/nonexistent", NULL, &err), -1);

	static const char *const made[] = { "all.zip", "sub/a.json", "sub/g.json.gz", "sub", "b.json", "c.json", "notes.txt" };
	for (size_t i = 0; i < countof(made); i++) {
		snprintf(path, sizeof path, "%s/%s", dir, made[i]);
		if (unlink(path) < 0)
			rmdir(path);
	}
	rmdir(dir);
}

static void kinds(void **state)
{
	static const char *const names[] = { "osv", "alpine-secdb", "debian-tracker", "ubuntu-osv", "redhat-csaf-vex", "wolfi", "suse", "amazon", "oracle", "nvd", "kev", "epss", "eol" };
	u32 n = 0;
	(void)state;
	for (size_t i = 0; i < countof(names); i++)
		assert_non_null(feed_named(str_of(names[i])));
	for (const struct feed *const *f = feeds; *f; f++, n++)
		assert_true((*f)->summary[0] && (*f)->import);
	assert_int_equal(n, countof(names));
	assert_null(feed_named(STR("os")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(osv_ranges),
		cmocka_unit_test(osv_of_distributions),
		cmocka_unit_test(osv_withdrawn),
		cmocka_unit_test(secdb),
		cmocka_unit_test(debian),
		cmocka_unit_test(csaf),
		cmocka_unit_test(oval),
		cmocka_unit_test(updateinfo),
		cmocka_unit_test(nvd),
		cmocka_unit_test(lists),
		cmocka_unit_test(values),
		cmocka_unit_test(files),
		cmocka_unit_test(kinds),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&told);
	return r;
}
