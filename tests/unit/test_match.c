/* The matcher: what each distribution's advisories are asked for, one record against one package, which of several speaks, severities. */
#include "advisory/cvss.h"
#include "advisory/match.h"
#include "advisory/severity.h"
#include "advisory/verdict.h"
#include "base/file.h"
#include <setjmp.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];

/* --- a database of a test's own --- */
static struct db_writer *writer;
static struct db *db;

static void open_writer(void)
{
	struct error err = { 0 };
	char path[100];
	snprintf(path, sizeof path, "%s/x.db", dir);
	assert_int_equal(db_writer_open(path, &writer, &err), 0);
}

static struct db_record *record(const char *ecosystem, const char *package, const char *id, const char *fixed)
{
	static struct db_record r;
	r = (struct db_record){ .id = str_of(id), .ecosystem = str_of(ecosystem), .package = str_of(package), .fixed = str_of(fixed), .state = *fixed ? FIX_FIXED : FIX_AFFECTED };
	return &r;
}

static void add(const struct db_record *r)
{
	struct error err = { 0 };
	assert_int_equal(db_add_record(writer, r, &err), 0);
}

static void open_db(void)
{
	struct error err = { 0 };
	char path[100];
	snprintf(path, sizeof path, "%s/x.db", dir);
	assert_int_equal(db_writer_commit(writer, &err), 0);
	assert_int_equal(db_open(path, &db, &err), 0);
}

/* --- an image of a test's own --- */
static struct packages image;
static struct scan found;

static void system_is(const char *id, const char *version)
{
	image = (struct packages){ .os_id = id, .os_version = version, .os_pretty = "", .os_codename = "", .os_branch = "", .os_content_sets = "" };
}

static struct package *install(const char *type, const char *name, const char *version)
{
	struct package k = { .type = type, .name = name, .version = version, .arch = "", .purl = "pkg:x/y", .path = "", .module = "", .vendor = "", .source_name = name, .source_version = version, .license = "",
		.summary = "", .section = "", .depends = "" };
	VEC_PUSH(image.v, image.n, image.cap, k);
	return &image.v[image.n - 1];
}

static void match(void)
{
	struct error err = { 0 };
	const struct match_options o = { .today = "2026-01-31" };
	match_system(&image, db, &o, &found);
	assert_int_equal(match_packages(&image, db, &o, &found, &err), 0);
	scan_sort(&found);
}

static void done(void)
{
	scan_free(&found);
	db_close(db);
	free(image.v);
	db = NULL;
}

static const struct scan_finding *finding(const char *id, const char *package)
{
	for (u32 i = 0; i < found.n; i++)
		if (strcmp(found.v[i].id, id) == 0 && strcmp(found.v[i].package, package) == 0)
			return &found.v[i];
	return NULL;
}
#define FIXED_IN(id, package, version)                                     \
	do {                                                                   \
		assert_non_null(finding(id, package));                             \
		assert_string_equal(finding(id, package)->fixed_version, version); \
	} while (0)
#define NOT_FOUND(id, package) assert_null(finding(id, package))

/* --- distributions --- */
static void asked(const char *id, const char *version, const char *codename, const char *branch, const char *first)
{
	struct arena a = { 0 };
	struct distro d;
	system_is(id, version);
	image.os_codename = codename;
	image.os_branch = branch;
	distro_of(&image, &a, &d);
	if (!first)
		assert_int_equal(d.n_ecosystems, 0);
	else
		assert_string_equal(d.ecosystems[0], first);
	arena_free(&a);
}

static void ecosystems_of(void **state)
{
	(void)state;
	asked("debian", "12", "bookworm", "", "Debian:12");
	asked("debian", "12.5", "", "", "Debian:12");
	asked("debian", "", "trixie", "", "Debian:13");
	asked("debian", "", "nothing", "", "Debian:sid");
	asked("ubuntu", "22.04", "jammy", "", "Ubuntu:22.04:LTS");
	asked("ubuntu", "24.10", "", "", "Ubuntu:24.10");
	asked("ubuntu", "23.04", "", "", "Ubuntu:23.04"); /* April of an odd year */
	asked("alpine", "3.19.1", "", "", "Alpine:v3.19");
	asked("alpine", "3.9.6", "", "3.10", "Alpine:v3.10");
	asked("alpine", "3.19.1", "", "3.18", "Alpine:v3.19");
	asked("alpine", "3.19.1", "", "edge", "Alpine:edge");
	asked("alpine", "3.22_alpha20250108", "", "", "Alpine:edge");
	asked("wolfi", "20230201", "", "", "Wolfi");
	asked("amzn", "2018.03", "", "", "Amazon Linux:1");
	asked("amzn", "2023.4.20240513", "", "", "Amazon Linux:2023");
	asked("amzn", "2", "", "", "Amazon Linux:2");
	asked("rocky", "8.9", "", "", "Rocky Linux:8");
	asked("rhel", "8.10", "", "", "Red Hat");
	asked("photon", "3.0", "", "", "Photon OS:3.0");
	asked("azurelinux", "3.0.20240727", "", "", "Azure Linux:3");
	asked("mariner", "2.0.20240123", "", "", "Azure Linux:2");
	asked("sles", "15.3", "", "", "SUSE:Linux Enterprise Server 15 SP3");
	asked("sles", "15", "", "", "SUSE:Linux Enterprise Server 15");
	asked("opensuse-leap", "15.5", "", "", "openSUSE:Leap 15.5");
	asked("opensuse-tumbleweed", "20240101", "", "", "openSUSE:Tumbleweed");
	asked("fedora", "39", "", "", NULL);
	asked("plan9", "4", "", "", NULL);
}

/* --- Debian: by source, epochs, states --- */
static void debian(void **state)
{
	(void)state;
	open_writer();
	add(record("Debian:12", "openssl", "CVE-1", "3.0.11-1~deb12u2"));
	add(record("Debian:12", "openssl", "CVE-2", "3.0.9-1"));
	struct db_record *r = record("Debian:12", "openssl", "CVE-3", "");
	r->reason = STR("no-dsa: Minor issue");
	r->severity = STR("low");
	add(r);
	r = record("Debian:12", "openssl", "CVE-4", "0");
	r->state = FIX_NOT_AFFECTED;
	add(r);
	r = record("Debian:12", "openssl", "CVE-5", "");
	r->state = FIX_DEFERRED;
	r->severity = STR("not yet assigned");
	add(r);
	add(record("Debian:11", "openssl", "CVE-6", ""));
	add(record("Debian:12", "shadow", "CVE-7", "1:4.13+dfsg1-2"));
	add(record("Root:Debian:12", "zlib", "CVE-8", "1:1.2.13-1.root.io.2"));
	add(record("Debian:12", "zlib", "CVE-9", ""));
	open_db();
	system_is("debian", "12");
	install("deb", "zlib", "1:1.2.13-1.root.io.1");
	struct package *k = install("deb", "libssl3", "3.0.11-1~deb12u1+b1");
	k->source_name = "openssl";
	k->source_version = "3.0.11-1~deb12u1";
	install("deb", "shadow", "1:4.13+dfsg1-1");
	match();
	FIXED_IN("CVE-1", "libssl3", "3.0.11-1~deb12u2");
	assert_string_equal(finding("CVE-1", "libssl3")->state, "fixed");
	assert_string_equal(finding("CVE-1", "libssl3")->version, "3.0.11-1~deb12u1+b1");
	assert_string_equal(finding("CVE-1", "libssl3")->match, "3.0.11-1~deb12u1 < 3.0.11-1~deb12u2 (dpkg)");
	assert_true(finding("CVE-1", "libssl3")->unrated);
	NOT_FOUND("CVE-2", "libssl3");
	FIXED_IN("CVE-3", "libssl3", "");
	assert_string_equal(finding("CVE-3", "libssl3")->state, "affected");
	assert_int_equal(finding("CVE-3", "libssl3")->severity, SEV_LOW);
	NOT_FOUND("CVE-4", "libssl3");
	assert_string_equal(finding("CVE-5", "libssl3")->state, "fix_deferred");
	NOT_FOUND("CVE-6", "libssl3");
	FIXED_IN("CVE-7", "shadow", "1:4.13+dfsg1-2");
	FIXED_IN("CVE-8", "zlib", "1:1.2.13-1.root.io.2"); /* built again by somebody who has advisories of his own */
	NOT_FOUND("CVE-9", "zlib");
	assert_int_equal(found.notes.n, 0);
	done();
}

/* --- Red Hat: products, streams, architectures, several fixes --- */
static void rhel(const char *package, const char *id, const char *fixed, const char *cpe, enum fix_state state)
{
	struct db_record *r = record("Red Hat", package, id, fixed);
	r->cpe = str_of(cpe);
	r->state = state;
	r->binary = true;
	add(r);
}
#define BASEOS "cpe:/o:redhat:enterprise_linux:8::baseos"
#define WHOLE "cpe:/o:redhat:enterprise_linux:8"

static void red_hat(void **state)
{
	(void)state;
	open_writer();
	rhel("expat", "CVE-1", "2.2.5-15.el8", BASEOS, FIX_FIXED); /* several fixes: the highest */
	rhel("expat", "CVE-1", "2.2.5-18.el8", BASEOS, FIX_FIXED);
	rhel("expat", "CVE-1", "2.2.5-17.el8", BASEOS, FIX_FIXED);
	rhel("expat", "CVE-1", "", WHOLE, FIX_WILL_NOT_FIX);       /* a fix counts more than none */
	rhel("expat", "CVE-2", "2.2.5-15.el8", BASEOS, FIX_FIXED); /* installed has it: so nothing, whatever else is said */
	rhel("expat", "CVE-2", "", WHOLE, FIX_WILL_NOT_FIX);
	rhel("expat", "CVE-3", "", WHOLE, FIX_WILL_NOT_FIX);
	rhel("expat", "CVE-4", "", "cpe:/o:redhat:enterprise_linux:9", FIX_AFFECTED);
	rhel("expat", "CVE-5", "2.2.5-99.el8", "cpe:/o:redhat:rhel_eus:8.4::baseos", FIX_FIXED);
	rhel("expat", "CVE-6", "", WHOLE, FIX_NOT_AFFECTED);
	struct db_record *r = record("Red Hat", "php", "CVE-7", "7.2.24-2.module+el8");
	r->cpe = STR(BASEOS);
	r->module = STR("php:7.2");
	add(r);
	r->id = STR("CVE-8");
	r->module = STR("php:7.4");
	add(r);
	r = record("Red Hat", "kernel-headers", "CVE-9", "4.18.0-1.el8");
	r->cpe = STR(BASEOS);
	r->arches = STR("aarch64 ppc64le");
	add(r);
	rhel("php-x", "CVE-10", "9-1.el8", BASEOS, FIX_FIXED);
	rhel("jbcs-curl", "CVE-11", "8.4.0-2.el8jbcs", "cpe:/a:redhat:jboss_core_services:1::el8", FIX_FIXED);
	rhel("jbcs-curl", "CVE-11", "9.4.0-2.el7jbcs", "cpe:/a:redhat:jboss_core_services:1::el7", FIX_FIXED);
	rhel("expat", "CVE-12", "9-1.el8", "cpe:/a:redhat:other_product:1::el8", FIX_FIXED);
	open_db();
	system_is("rhel", "8.4");
	install("rpm", "jbcs-curl", "8.3.0-1.el8jbcs");
	install("rpm", "expat", "2.2.5-16.el8");
	install("rpm", "php", "7.2.11-1.module+el8")->module = "php:7.2:8020:abc";
	install("rpm", "kernel-headers", "4.0-1.el8")->arch = "x86_64";
	install("rpm", "php-x", "1-1.el8.remi");
	match();
	FIXED_IN("CVE-1", "expat", "2.2.5-18.el8");
	NOT_FOUND("CVE-2", "expat");
	assert_string_equal(finding("CVE-3", "expat")->state, "will_not_fix");
	NOT_FOUND("CVE-4", "expat");
	NOT_FOUND("CVE-5", "expat");
	NOT_FOUND("CVE-6", "expat");
	FIXED_IN("CVE-7", "php", "7.2.24-2.module+el8");
	NOT_FOUND("CVE-8", "php");
	NOT_FOUND("CVE-9", "kernel-headers");
	NOT_FOUND("CVE-10", "php-x");
	FIXED_IN("CVE-11", "jbcs-curl", "8.4.0-2.el8jbcs"); /* told by how it was built */
	NOT_FOUND("CVE-12", "expat");
	scan_free(&found);
	image.os_content_sets = "rhel-8-for-x86_64-baseos-eus-rpms"; /* extended support, of this minor release */
	match();
	FIXED_IN("CVE-5", "expat", "2.2.5-99.el8");
	done();
}

/* --- kin of Red Hat: streams are told by how a fix was built, or not at all --- */
static void streams(void **state)
{
	(void)state;
	open_writer();
	add(record("AlmaLinux:8", "httpd", "CVE-1", "2.4.37-47.module_el8.6.0+1.alma"));
	add(record("AlmaLinux:8", "bash", "CVE-2", "5-2.el8"));
	add(record("Rocky Linux:8", "httpd", "CVE-1", "2.4.37-47.module+el8.6.0+1"));
	open_db();
	system_is("almalinux", "8.6");
	install("rpm", "bash", "5-1.el8");
	install("rpm", "httpd", "2.4.37-46.module_el8.6.0+1.alma")->module = "httpd:2.4:8060:x";
	match();
	FIXED_IN("CVE-1", "httpd", "2.4.37-47.module_el8.6.0+1.alma");
	FIXED_IN("CVE-2", "bash", "5-2.el8");
	scan_free(&found);
	image.v[1].module = ""; /* of a module, who knows of which */
	match();
	NOT_FOUND("CVE-1", "httpd");
	scan_free(&found);
	image.os_id = "rocky";
	image.v[1].module = "httpd:2.4:8060:x";
	match();
	NOT_FOUND("CVE-1", "httpd");
	assert_int_equal(found.notes.n, 1);
	assert_non_null(strstr(found.notes.v[0], "streams"));
	done();
}

static void oracle(void **state)
{
	(void)state;
	open_writer();
	add(record("Oracle Linux:7", "glibc", "CVE-1", "2:2.17-157.ksplice1.el7_3.4"));
	add(record("Oracle Linux:7", "glibc", "CVE-2", "2:2.17-157.el7_3.4"));
	add(record("Oracle Linux:7", "gnutls", "CVE-3", "10:3.6.16-4.0.1.el8_fips"));
	open_db();
	system_is("ol", "7.9");
	install("rpm", "glibc", "2:2.17-156.ksplice1.el7");
	install("rpm", "gnutls", "3.6.16-3.el8");
	match();
	FIXED_IN("CVE-1", "glibc", "2:2.17-157.ksplice1.el7_3.4");
	NOT_FOUND("CVE-2", "glibc");
	NOT_FOUND("CVE-3", "gnutls");
	scan_free(&found);
	image.v[0].version = "2:2.17-156.ksplice2.el7";
	image.v[1].version = "10:3.6.16-3.el8_fips";
	match();
	NOT_FOUND("CVE-1", "glibc");
	FIXED_IN("CVE-3", "gnutls", "10:3.6.16-4.0.1.el8_fips");
	done();
}

/* --- languages: ranges, lists, aliases --- */
static void languages(void **state)
{
	(void)state;
	struct error err = { 0 };
	static const struct str versions[] = { { "0.1", 3 }, { "0.2", 3 } }, cve[] = { { "CVE-1", 5 } };
	open_writer();
	struct db_record *r = record("npm", "a", "GHSA-1", "1.5.0");
	r->introduced = STR("1.2.0");
	add(r);
	r = record("npm", "a", "GHSA-2", "");
	r->introduced = STR("0");
	r->last_affected = STR("1.3.0");
	add(r);
	r = record("PyPI", "Werk_Zeug", "PYSEC-1", "");
	r->versions = versions;
	r->n_versions = 2;
	add(r);
	r = record("Go", "stdlib", "GO-1", "1.21.5");
	add(r);
	struct db_vuln v = { .id = STR("GHSA-1"), .title = STR("A title"), .severity = STR("HIGH"), .aliases = cve, .n_aliases = 1 };
	assert_int_equal(db_add_vuln(writer, &v, &err), 0);
	const struct db_cvss cvss = { STR("nvd"), STR("3.1"), STR("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), 0 };
	struct db_vuln nvd = { .id = STR("CVE-1"), .description = STR("From elsewhere. And more."), .cvss = &cvss, .n_cvss = 1 };
	assert_int_equal(db_add_vuln(writer, &nvd, &err), 0);
	const struct db_epss e = { 0.25, 0.9 };
	assert_int_equal(db_add_epss(writer, STR("CVE-1"), &e, &err), 0);
	const struct db_kev kev = { STR("2024-01-02"), STR("2024-02-02"), true };
	assert_int_equal(db_add_kev(writer, STR("CVE-1"), &kev, &err), 0);
	open_db();
	system_is("", "");
	install("npm", "a", "1.3.0");
	install("pypi", "werk-zeug", "0.2");
	install("golang", "stdlib", "go1.21.4");
	match();
	FIXED_IN("CVE-1", "a", "1.5.0"); /* by its CVE, though the advisory has a name of its own */
	const struct scan_finding *f = finding("CVE-1", "a");
	assert_non_null(strstr(f->aliases, "GHSA-1"));
	assert_true(f->cvss > 9.7 && f->cvss < 9.9 && f->epss > 0.24 && f->ransomware);
	assert_string_equal(f->kev, "2024-01-02");
	assert_ptr_equal(f, &found.v[0]); /* exploited: first */
	assert_non_null(finding("GHSA-2", "a"));
	assert_non_null(finding("PYSEC-1", "werk-zeug"));
	FIXED_IN("GO-1", "stdlib", "1.21.5");
	scan_free(&found);
	image.v[0].version = "1.1.0";
	image.v[1].version = "0.3";
	image.v[2].version = "go1.21.5";
	match();
	NOT_FOUND("CVE-1", "a");
	assert_non_null(finding("GHSA-2", "a"));
	NOT_FOUND("PYSEC-1", "werk-zeug");
	NOT_FOUND("GO-1", "stdlib");
	done();
}

/* --- never a quiet nothing --- */
static void not_covered(void **state)
{
	(void)state;
	open_writer();
	add(record("Debian:12", "bash", "CVE-1", "5.2-1"));
	open_db();
	system_is("debian", "9");
	install("deb", "bash", "4.4-5");
	install("npm", "a", "1.0.0");
	match();
	assert_int_equal(found.problems.n, 0);
	assert_int_equal(found.notes.n, 2);
	assert_non_null(finding("os-not-covered", ""));
	assert_true(found.os.is_eol);
	assert_string_equal(found.os.eol, "2022-06-30");
	assert_non_null(finding("os-end-of-life", ""));
	done();
	open_writer();
	open_db();
	system_is("debian", "12");
	image.executable_bytes = 1000; /* programs, and nobody to say whose */
	match();
	assert_int_equal(found.problems.n, 1);
	done();
}

static char answers[4096];
static void on_answer(void *ctx, const struct match_answer *a)
{
	(void)ctx;
	size_t n = strlen(answers);
	snprintf(answers + n, sizeof answers - n, "%d %s\n", a->affected, a->reason);
}

static void why(void **state)
{
	(void)state;
	struct error err = { 0 };
	open_writer();
	add(record("Debian:12", "bash", "CVE-1", "5.2-1"));
	add(record("Debian:11", "bash", "CVE-1", "5.1-1"));
	add(record("Debian:12", "dash", "CVE-1", "5.2-1"));
	open_db();
	system_is("debian", "12");
	install("deb", "bash", "5.2-2");
	const struct match_options o = { .why = "CVE-1", .on_answer = on_answer, .today = "2026-01-31" };
	answers[0] = '\0';
	assert_int_equal(match_packages(&image, db, &o, &found, &err), 0);
	assert_non_null(strstr(answers, "0 5.2-2 >= 5.2-1 (dpkg)\n"));
	assert_non_null(strstr(answers, "0 for Debian:11; this image is debian 12\n"));
	assert_non_null(strstr(answers, "0 dash is not installed\n"));
	assert_null(strstr(answers, "1 "  "5"));
	done();
}

static void scores(void **state)
{
	(void)state;
	static const struct {
		const char *vector;
		double score; /* -1: refused */
	} v[] = {
		{ "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8 }, { "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1 }, { "CVSS:3.0/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:N", 4.7 },
		{ "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N", 0 }, { "CVSS:3.1/S:C/AV:N/AC:L/PR:L/UI:N/C:H/I:H/A:H", 9.9 }, { "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5 }, { "AV:L/AC:H/Au:M/C:N/I:N/A:N", 0 },
		{ "(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 10 }, { "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10 }, { "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N", 6.9 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3 }, { "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3 },
		{ "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0 }, { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", -1 }, { "CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -1 },
		{ "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -1 }, { "", -1 }, { "CVSS::/AV:N/AC:L/Au:N/C:P/I:P/A:P", -1 }, { "CVSS:5.0/AV:N", -1 },
	};
	for (size_t i = 0; i < countof(v); i++) {
		double s = -1;
		int r = cvss_score(str_of(v[i].vector), &s);
		if (v[i].score < 0 ? r == 0 : r < 0 || s < v[i].score - 0.01 || s > v[i].score + 0.01)
			fail_msg("%s: %d, %.2f", v[i].vector, r, s);
	}
}

static void words(void **state)
{
	(void)state;
	enum severity s;
	assert_true(severity_of_word(STR("Important"), &s) && s == SEV_HIGH);
	assert_true(severity_of_word(STR("MODERATE"), &s) && s == SEV_MEDIUM);
	assert_true(severity_of_word(STR("unimportant"), &s) && s == SEV_INFO);
	assert_true(severity_of_word(STR("low**"), &s) && s == SEV_LOW);
	assert_false(severity_of_word(STR("not yet assigned"), &s));
	assert_false(severity_of_word(STR(""), &s));
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/test-match-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[100];
	(void)state;
	snprintf(path, sizeof path, "%s/x.db", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ecosystems_of), cmocka_unit_test(debian), cmocka_unit_test(red_hat), cmocka_unit_test(streams), cmocka_unit_test(oracle), cmocka_unit_test(languages),
		cmocka_unit_test(not_covered), cmocka_unit_test(why), cmocka_unit_test(scores), cmocka_unit_test(words) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
