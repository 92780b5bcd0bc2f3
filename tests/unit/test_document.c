/* Bills of materials read back; who needs whom; the walk over large JSON. */
#include "base/jsonwalk.h"
#include "package/depend.h"
#include "package/document.h"
#include "package_world.h"

static struct packages *of(const char *z)
{
	struct packages *p = packages_new();
	struct error err = { 0 };
	assert_int_equal(document_read(str_of(z), false, p, NULL, &err), 0);
	packages_finish(p);
	return p;
}

static void sniff(void **state)
{
	(void)state;
	static const char *const are[] = { "{\"bomFormat\":\"CycloneDX\"", "\xef\xbb\xbf {\n\"spdxVersion\": \"SPDX-2.2\"", "SPDXVersion: SPDX-2.3\n", "# x\nSPDXVersion: SPDX-2.3\n", "{ \"artifacts\": [", "{\"SPDXID\":\"SPDXRef-DOCUMENT\"",
					  "<?xml version=\"1.0\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"/>" };
	static const char *const are_not[] = { "", "{", "[\"bomFormat\"]", "{\"name\":\"x\",\"artifacts\":[]}", "{\"image\":{},\"layers\":[],\"os\":{},\"packages\":[]}", "spdxVersion: x", "<bom/>" };
	for (size_t i = 0; i < countof(are); i++)
		assert_true(document_sniff(str_of(are[i])));
	for (size_t i = 0; i < countof(are_not); i++)
		assert_false(document_sniff(str_of(are_not[i])));
}

static void walk(void **state)
{
	(void)state;
	struct json_walk w;
	struct str key, v;
	assert_true(json_walk_open(STR(" {\"a\\\"b\" : [1,{\"x\":\"]}\"}] , \"c\":-1.5e3,\"d\":\"\\\"\"}"), &w));
	assert_true(json_walk_next(&w, &key, &v));
	assert_true(str_is(key, "a\\\"b") && str_is(v, "[1,{\"x\":\"]}\"}]"));
	assert_true(json_walk_next(&w, &key, &v));
	assert_true(str_is(key, "c") && str_is(v, "-1.5e3"));
	assert_true(json_walk_next(&w, &key, &v));
	assert_true(str_is(json_walk_string(v), "\\\""));
	assert_false(json_walk_next(&w, &key, &v));
	assert_false(w.bad);
	static const char *const bad[] = { "[", "[1", "[1 2]", "{\"a\"}", "{a:1}", "{\"a\":}", "[\"a]", "[{]", "[,1]", "{\"a\":1 \"b\":2}" };
	for (size_t i = 0; i < countof(bad); i++) {
		u32 n = 0;
		assert_true(json_walk_open(str_of(bad[i]), &w));
		while (json_walk_next(&w, &key, &v) && n < 3)
			n++;
		assert_true(w.bad);
	}
	assert_false(json_walk_open(STR("\"x\""), &w));
	assert_false(json_walk_open(STR(""), &w));
	assert_true(json_walk_open(STR("[]"), &w));
	assert_false(json_walk_next(&w, &key, &v));
	assert_false(w.bad);
}

/* In an image nobody's word on layers, origins and systems counts. */
static void untrusted(void **state)
{
	(void)state;
	struct packages *p = of("{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"metadata\":{\"component\":{\"name\":\"x\",\"type\":\"container\",\"properties\":[{\"name\":\"pare:os_id\",\"value\":\"evil\"},"
				"{\"name\":\"pare:incomplete\",\"value\":\"no\"}]}},\"components\":[{\"type\":\"operating-system\",\"name\":\"evil\"},{\"name\":\"a\",\"version\":\"1\",\"purl\":\"pkg:deb/evil/a@1?distro=evil-1\","
				"\"properties\":[{\"name\":\"pare:origin\",\"value\":\"database\"},{\"name\":\"pare:layer\",\"value\":\"7\"},{\"name\":\"pare:bytes\",\"value\":\"7\"}]}]}");
	assert_int_equal(p->n, 1);
	assert_int_equal(p->v[0].origin, ORIGIN_DOCUMENT);
	assert_false(package_placed(&p->v[0]));
	assert_int_equal(p->v[0].bytes, 0);
	assert_string_equal(p->os_id, "");
	assert_int_equal(p->problems.n, 0);
	packages_free(p);
}

static void tag_value(void **state)
{
	(void)state;
	struct packages *p = of("SPDXVersion: SPDX-2.2\r\nSPDXID: SPDXRef-DOCUMENT\nPackageName: bash\r\nPackageVersion: 5.2-1\nPackageLicenseDeclared: NOASSERTION\nPackageLicenseConcluded: GPL-3.0-or-later AND LicenseRef-q\n"
				"PackageSourceInfo: built package from: bash-source 5.2\nExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/bash@5.2-1?arch=amd64\nPackageComment: <text>PackageName: none\nPackageVersion: 9</text>\n"
				"FileName: ./x\nPackageVersion: 7\nPackageName: image\nPrimaryPackagePurpose: CONTAINER\nPackageVersion: 1\nPackageName: no version\nLicenseID: LicenseRef-q\nLicenseName: Queer\n");
	assert_int_equal(p->n, 1);
	assert_string_equal(p->v[0].name, "bash");
	assert_string_equal(p->v[0].version, "5.2-1");
	assert_string_equal(p->v[0].source_name, "bash-source");
	assert_string_equal(p->v[0].source_version, "5.2");
	assert_string_equal(p->v[0].purl, "pkg:deb/debian/bash@5.2-1?arch=amd64");
	packages_free(p);
}

static void xml(void **state)
{
	(void)state;
	struct packages *p = of("<?xml version=\"1.0\"?><bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"><metadata><tools><components><component type=\"library\"><name>tool</name><version>1</version></component></components>"
				"</tools><component type=\"container\"><name>app</name><version>1</version></component></metadata><components><component type=\"library\"><supplier><name>Them</name></supplier><group>org.x</group>"
				"<name>y</name><version>3&amp;</version><licenses><license><id>MIT</id></license><license><name>a OR b</name></license></licenses><purl>pkg:maven/org.x/y@3</purl>"
				"<properties><property name=\"aquasecurity:trivy:FilePath\">app/y.jar</property></properties><components><component type=\"file\"><name>f</name><version>1</version></component>"
				"<component type=\"framework\"><name>inner</name><version>2</version><hashes><hash>x</hash></hashes></component></components></component></components></bom>");
	assert_int_equal(p->n, 2);
	assert_string_equal(p->v[0].name, "inner");
	assert_string_equal(p->v[1].name, "org.x:y");
	assert_string_equal(p->v[1].version, "3");
	assert_string_equal(p->v[1].path, "/app/y.jar");
	assert_string_equal(p->v[1].vendor, "Them");
	assert_string_equal(p->v[1].license, "MIT AND (a OR b)");
	assert_int_equal(p->problems.n, 0);
	packages_free(p);
	p = of("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.2\"><components><component><name>a</name><version>1</version></component><component><name>b</name>");
	assert_int_equal(p->n, 1);
	assert_int_equal(p->problems.n, 1);
	packages_free(p);
	p = of("<bom xmlns=\"http://cyclonedx.org/schema/bom/1.2\"><components><a><a><component><name>a</name><version>1</version></component></a></a></components></bom>");
	assert_int_equal(p->n, 0);
	packages_free(p);
}

static void no_document(void **state)
{
	(void)state;
	struct packages *p = packages_new();
	struct error err = { 0 };
	static const char *const none[] = { "", "{}", "[]", "{\"packages\":[]}", "{\"spdxVersion\":\"SPDX-3.0\",\"packages\":[]}", "SPDXVersion: SPDX-3.0\nPackageName: a\nPackageVersion: 1\n", "{\"bomFormat\":1}", "<x/>", "<bom xmlns=\"y\"/>", "<!DOCTYPE bom [<!ENTITY a \"b\">]><bom xmlns=\"http://cyclonedx.org/schema/bom/1.2\"/>" };
	for (size_t i = 0; i < countof(none); i++) {
		err = (struct error){ 0 };
		assert_int_equal(document_read(str_of(none[i]), true, p, NULL, &err), -1);
		assert_int_equal(err.kind, ERR_INPUT);
	}
	assert_int_equal(p->n, 0);
	packages_free(p);
}

/* --- needs --- */
static u32 add(struct packages *p, const char *type, const char *name, const char *depends, const char *provides, const char *path)
{
	u32 i = packages_add(p, type);
	p->v[i].name = name;
	p->v[i].version = "1";
	p->v[i].depends = depends;
	p->v[i].provides = provides;
	p->v[i].path = path;
	return i;
}

static void needs_are(const struct depends *d, u32 i, u32 n, ...)
{
	va_list ap;
	va_start(ap, n);
	assert_int_equal(d->start[i + 1] - d->start[i], n);
	for (u32 k = 0; k < n; k++)
		assert_int_equal(d->to[d->start[i] + k], va_arg(ap, u32));
	va_end(ap);
}

static void needs(void **state)
{
	(void)state;
	struct packages *p = packages_new();
	struct depends d;
	u32 libc = add(p, "deb", "libc6", "", "", ""), mta = add(p, "deb", "exim", "libc6 (>= 2), exim", "mail-agent (= 1), x", ""), mutt = add(p, "deb", "mutt", "libc6:any, nothing | mail-agent, libc6", "", "");
	u32 musl = add(p, "apk", "musl", "", "so:libc.musl.so.1=1", ""), busy = add(p, "apk", "busybox", "so:libc.musl.so.1 !nano musl>=1", "cmd:sh=1", ""), base = add(p, "apk", "base", "cmd:sh", "", "");
	u32 glibc = add(p, "rpm", "glibc", "", "libc.so.6()(64bit), glibc(x,y)", ""), bash = add(p, "rpm", "bash", "libc.so.6()(64bit), (glibc if x), glibc(x,y), rpmlib", "", "");
	u32 c = add(p, "npm", "c", "", "", "/a/node_modules/c/package.json"), inner = add(p, "npm", "c", "", "", "/a/node_modules/b/node_modules/c/package.json"),
	    b = add(p, "npm", "b", "c", "", "/a/node_modules/b/package.json"), e = add(p, "npm", "e", "c, b", "", "/a/node_modules/e/package.json");
	u32 far = add(p, "pypi", "Zope.Interface", "", "", "/x/zope"), near = add(p, "pypi", "zope_interface", "", "", "/usr/lib/zope"),
	    user = add(p, "pypi", "user", "zope-interface (>=5), other; extra == 'zope', nothing", "", "/usr/lib/user");
	depends_resolve(p, NULL, &d);
	needs_are(&d, libc, 0);
	needs_are(&d, mta, 1, libc);
	needs_are(&d, mutt, 2, libc, mta);
	needs_are(&d, busy, 1, musl);
	needs_are(&d, base, 1, busy);
	needs_are(&d, bash, 1, glibc);
	needs_are(&d, b, 1, inner);
	needs_are(&d, e, 2, c, b);
	needs_are(&d, user, 1, near);
	(void)far;
	assert_false(d.over);
	depends_free(&d);
	packages_free(p);
}

static void needs_of_files(void **state)
{
	struct world w;
	struct depends d;
	(void)state;
	begin(&w);
	text(&w, 0, "lib/apk/db/installed", "P:sh\nV:1\nF:bin\nR:sh\n\nP:x\nV:1\nD:sh\n\n");
	file(&w, 0, "bin/sh", 5);
	look(&w);
	assert_int_equal(w.p->n, 2);
	w.p->v[0].type = w.p->v[1].type = "rpm";
	w.p->v[1].depends = "/bin/sh";
	depends_resolve(w.p, w.r, &d);
	needs_are(&d, 1, 1, 0);
	depends_free(&d);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sniff),	cmocka_unit_test(walk),	   cmocka_unit_test(untrusted),	     cmocka_unit_test(tag_value),
					    cmocka_unit_test(no_document), cmocka_unit_test(xml), cmocka_unit_test(needs), cmocka_unit_test(needs_of_files) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
