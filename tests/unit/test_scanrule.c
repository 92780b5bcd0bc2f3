/* What is done with findings: order, gates, ignore files, VEX. */
#include "advisory/vex.h"
#include "rule/gate.h"
#include "rule/scanignore.h"
#include <setjmp.h>
#include <cmocka.h>

static struct scan scan;

static struct scan_finding *add(enum finding_kind kind, const char *id, const char *package, const char *version, const char *purl)
{
	struct scan_finding *f = scan_add(&scan, kind, id, SEV_MEDIUM);
	f->package = package;
	f->version = version;
	f->purl = purl;
	return f;
}

/* --- order --- */
static void order(void **state)
{
	(void)state;
	struct scan_finding *f = add(KIND_VULNERABILITY, "low", "a", "1", "");
	f->severity = SEV_LOW;
	f = add(KIND_VULNERABILITY, "critical", "a", "1", "");
	f->severity = SEV_CRITICAL;
	f = add(KIND_VULNERABILITY, "exploited", "a", "1", "");
	f->kev = "2024-01-01";
	f = add(KIND_VULNERABILITY, "hidden", "a", "1", "");
	f->severity = SEV_CRITICAL;
	f->presence = PRESENCE_DELETED;
	f = add(KIND_VULNERABILITY, "likely", "a", "1", "");
	f->epss = 0.9;
	scan_sort(&scan);
	assert_string_equal(scan.v[0].id, "exploited");
	assert_string_equal(scan.v[1].id, "likely");
	assert_string_equal(scan.v[2].id, "critical");
	for (u32 i = 0; i < scan.n; i++)
		assert_true(scan.v[i].risk > 0 && scan.v[i].risk <= 100);
	scan_free(&scan);
}

/* --- gates --- */
static u32 fails(const char *list)
{
	struct gates g = { 0 };
	struct error err = { 0 };
	assert_int_equal(gates_parse(str_of(list), &g, &err), 0);
	return gates_count(&g, &scan);
}

static void gates(void **state)
{
	(void)state;
	struct scan_finding *f = add(KIND_VULNERABILITY, "CVE-1", "a", "1", "");
	f->severity = SEV_HIGH;
	f->cvss = 7.5;
	f->epss = 0.4;
	f = add(KIND_VULNERABILITY, "CVE-2", "b", "1", "");
	f->fixed_version = "2";
	f->kev = "2024-01-01";
	f = add(KIND_SECRET, "key", "", "", "");
	f->severity = SEV_CRITICAL;
	f = add(KIND_VULNERABILITY, "CVE-3", "b", "1", "");
	f->severity = SEV_CRITICAL;
	f->suppressed = "ignored";
	f = add(KIND_VULNERABILITY, "CVE-4", "b", "1", "");
	f->severity = SEV_CRITICAL;
	f->known = true;
	assert_int_equal(fails("critical"), 1);
	assert_int_equal(fails("high"), 2);
	assert_int_equal(fails("info"), 3);
	assert_int_equal(fails("kev"), 1);
	assert_int_equal(fails("epss>0.3"), 1);
	assert_int_equal(fails("epss>0.4"), 0);
	assert_int_equal(fails("cvss>7.4"), 1);
	assert_int_equal(fails("fixable"), 1);
	assert_int_equal(fails("high+fixable"), 0);
	assert_int_equal(fails("high+fixable, kev"), 1);
	assert_int_equal(fails("kev+fixable+medium"), 1);
	assert_int_equal(fails("high+vulnerability"), 1);
	assert_int_equal(fails(""), 0);
	static const char *const wrong[] = { "severe", "epss>", "epss>x", "epss>1.2.3", "high+", "high++kev", "high+severe" };
	for (size_t i = 0; i < countof(wrong); i++) {
		struct gates g = { 0 };
		struct error err = { 0 };
		assert_int_equal(gates_parse(str_of(wrong[i]), &g, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
	scan_free(&scan);
}

/* --- ignore files --- */
static struct scan_ignores ignores;

static void read_ignores(const char *text)
{
	struct error err = { 0 };
	if (scan_ignores_read(str_of(text), "f", &ignores, &err) < 0)
		fail_msg("%s", err.text);
	for (u32 i = 0; i < scan.n; i++)
		scan.v[i].suppressed = "";
	scan_ignores_apply(&ignores, &scan, "2026-01-31");
}

static bool ignored(u32 i) { return *scan.v[i].suppressed; }

static void some_findings(void)
{
	add(KIND_VULNERABILITY, "CVE-2024-1", "openssl", "3.0", "pkg:deb/debian/openssl@3.0?arch=amd64")->fixed_version = "3.1";
	struct scan_finding *f = add(KIND_VULNERABILITY, "CVE-2024-2", "lodash", "4.0.0", "pkg:npm/lodash@4.0.0");
	f->path = "/srv/app/node_modules/lodash/package.json";
	f->aliases = "GHSA-x";
	f->state = "will_not_fix";
	f = add(KIND_SECRET, "aws-access-key-id", "", "", "");
	f->path = "/srv/app/config";
}

static void own_ignores(void **state)
{
	(void)state;
	some_findings();
	read_ignores("ignore:\n"
		     "  - id: CVE-2024-1\n    package: openssl\n    reason: never called\n"
		     "  - {id: CVE-2024-*, path: srv/app/**, reason: x, expires: 2026-01-30}\n"
		     "  - {id: aws-*, kind: secret, reason: a sample}\n"
		     "  - {id: CVE-2024-9, reason: gone}\n");
	assert_true(ignored(0) && !ignored(1) && ignored(2));
	assert_string_equal(scan.v[0].suppressed, "ignored by f:2: never called");
	assert_false(scan_ignore_stale(&ignores.v[0]));
	assert_true(scan_ignore_stale(&ignores.v[1])); /* expired */
	assert_false(scan_ignore_stale(&ignores.v[2]));
	assert_true(scan_ignore_stale(&ignores.v[3])); /* matches nothing */
	scan_ignores_free(&ignores);
	read_ignores("ignore:\n  - {id: GHSA-x, reason: by another name, expires: 2026-01-31}\n");
	assert_true(!ignored(0) && ignored(1));
	scan_ignores_free(&ignores);
	static const char *const wrong[] = { "ignore:\n  - id: CVE-1\n", "ignore:\n  - {reason: x}\n", "ignore: [{id: a, reason: b, expires: soon}]\n", "ignore:\n  - x\n", "ignore: {\n", "ignore: 5\n",
		"ignore:\n  - {id: a, reason: b, kind: bad}\n" };
	for (size_t i = 0; i < countof(wrong); i++) {
		struct error err = { 0 };
		assert_int_equal(scan_ignores_read(str_of(wrong[i]), "f", &ignores, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		scan_ignores_free(&ignores);
	}
	scan_free(&scan);
}

static void other_ignores(void **state)
{
	(void)state;
	some_findings();
	read_ignores("# why\nCVE-2024-1 # here\n\nCVE-2024-2 exp:2026-01-01\nCVE-2024-7\naws-access-key-id\n");
	assert_true(ignored(0) && !ignored(1) && ignored(2));
	for (u32 i = 0; i < ignores.n; i++)
		assert_false(scan_ignore_stale(&ignores.v[i]));
	scan_ignores_free(&ignores);
	read_ignores("vulnerabilities:\n  - id: CVE-2024-1\n    purls: [pkg:deb/debian/openssl]\n  - id: CVE-2024-2\n    paths: [srv/other/**]\nsecrets:\n  - id: aws-access-key-id\n    expired_at: 2027-01-01\n");
	assert_true(ignored(0) && !ignored(1) && ignored(2));
	scan_ignores_free(&ignores);
	read_ignores("ignore:\n  - vulnerability: CVE-2024-1\n    package: {name: \"^open.*\", type: deb}\n  - fix-state: wont-fix\n  - package: {type: gem}\n  - vulnerability: aws-access-key-id\n    namespace: debian:distro:12\n");
	assert_true(ignored(0) && ignored(1) && !ignored(2));
	scan_ignores_free(&ignores);
	scan_free(&scan);
}

/* --- VEX --- */
static struct vex vex;

static void read_vex(const char *text, const char *image, const char *digest)
{
	struct error err = { 0 };
	if (vex_read(str_of(text), "v.json", &vex, &err) < 0)
		fail_msg("%s", err.text);
	for (u32 i = 0; i < scan.n; i++)
		scan.v[i].suppressed = scan.v[i].state = "";
	vex_apply(&vex, &scan, image, digest);
	vex_free(&vex);
}

#define OPENVEX(statements) "{\"@context\":\"https://openvex.dev/ns/v0.2.0\",\"statements\":[" statements "]}"
#define STATEMENT(id, products, status) "{\"vulnerability\":{\"name\":\"" id "\"},\"products\":[" products "],\"status\":\"" status "\",\"justification\":\"component_not_present\"}"

static void openvex(void **state)
{
	(void)state;
	some_findings();
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", "{\"@id\":\"pkg:deb/debian/openssl@3.0\"}", "not_affected")), "", "");
	assert_true(ignored(0) && !ignored(1));
	assert_string_equal(scan.v[0].state, "not_affected");
	assert_string_equal(scan.v[0].suppressed, "not_affected (component_not_present), says v.json");
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", "{\"@id\":\"pkg:deb/debian/openssl@3.1\"}", "not_affected")), "", "");
	assert_false(ignored(0)); /* of another version */
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", "{\"@id\":\"pkg:deb/ubuntu/openssl\"}", "not_affected")), "", "");
	assert_false(ignored(0)); /* of another distribution */
	read_vex(OPENVEX(STATEMENT("GHSA-x", "{\"@id\":\"pkg:npm/lodash\"}", "fixed")), "", "");
	assert_true(ignored(1));
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", "\"pkg:deb/debian/openssl\"", "not_affected") "," STATEMENT("CVE-2024-1", "\"pkg:deb/debian/openssl\"", "affected")), "", "");
	assert_false(ignored(0)); /* the last counts */
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", "\"pkg:deb/debian/openssl\"", "under_investigation")), "", "");
	assert_false(ignored(0));
	assert_string_equal(scan.v[0].state, "under_investigation");
#define PART "{\"@id\":\"pkg:oci/app@sha256%3Aabc\",\"subcomponents\":[{\"@id\":\"pkg:deb/debian/openssl\"}]}"
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", PART, "not_affected")), "registry/app:1", "sha256:abc");
	assert_true(ignored(0));
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", PART, "not_affected")), "registry/app:1", "sha256:abd");
	assert_false(ignored(0)); /* of another image */
	read_vex(OPENVEX(STATEMENT("CVE-2024-1", "{\"@id\":\"pkg:oci/app\"}", "not_affected")), "registry/app:1", "");
	assert_true(ignored(0));
	scan_free(&scan);
}

static void cyclonedx(void **state)
{
	(void)state;
	some_findings();
	read_vex("{\"bomFormat\":\"CycloneDX\",\"components\":[{\"bom-ref\":\"r\",\"purl\":\"pkg:npm/top@1\",\"components\":[{\"bom-ref\":\"1\",\"purl\":\"pkg:npm/lodash@4.0.0\"}]}],"
		 "\"vulnerabilities\":[{\"id\":\"CVE-2024-2\",\"analysis\":{\"state\":\"not_affected\",\"justification\":\"code_not_reachable\"},\"affects\":[{\"ref\":\"1\"}]},"
		 "{\"id\":\"CVE-2024-1\",\"analysis\":{\"state\":\"exploitable\"},\"affects\":[{\"ref\":\"pkg:deb/debian/openssl@3.0\"}]}]}", "", "");
	assert_true(ignored(1) && !ignored(0));
	read_vex("{\"bomFormat\":\"CycloneDX\",\"vulnerabilities\":[{\"id\":\"CVE-2024-1\",\"analysis\":{\"state\":\"false_positive\"},\"affects\":[{\"ref\":\"urn:cdx:0/1#pkg:deb/debian/openssl@3.0\"}]}]}", "", "");
	assert_true(ignored(0));
	scan_free(&scan);
}

static void csaf(void **state)
{
	(void)state;
	some_findings();
	read_vex("{\"document\":{},\"product_tree\":{\"branches\":[{\"category\":\"vendor\",\"branches\":[{\"product\":{\"product_id\":\"os\",\"product_identification_helper\":{\"cpe\":\"cpe:/o:x\"}}},"
		 "{\"product\":{\"product_id\":\"ssl\",\"product_identification_helper\":{\"purl\":\"pkg:deb/debian/openssl@3.0\"}}}]}],"
		 "\"relationships\":[{\"full_product_name\":{\"product_id\":\"os:ssl\"},\"product_reference\":\"ssl\",\"relates_to_product_reference\":\"os\"}]},"
		 "\"vulnerabilities\":[{\"cve\":\"CVE-2024-1\",\"product_status\":{\"known_not_affected\":[\"os:ssl\"]},\"flags\":[{\"label\":\"vulnerable_code_not_present\",\"product_ids\":[\"os:ssl\"]}]}]}", "", "");
	assert_true(ignored(0));
	assert_non_null(strstr(scan.v[0].suppressed, "vulnerable_code_not_present"));
	struct error err = { 0 };
	assert_int_equal(vex_read(STR("{\"a\":1}"), "v", &vex, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
	vex_free(&vex);
	scan_free(&scan);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(order), cmocka_unit_test(gates), cmocka_unit_test(own_ignores), cmocka_unit_test(other_ignores), cmocka_unit_test(openvex), cmocka_unit_test(cyclonedx),
		cmocka_unit_test(csaf) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
