/* Packages of languages: npm, Python, gems, Java archives, Composer, NuGet, conda; what is installed counts, and what was meant to be does not. */
#include "package_world.h"
#include "package/java.h"
#include "package/lang.h"
#include "base/zip.h"
#include "zip_of.h"

static u32 count(const struct packages *p, const char *type)
{
	u32 n = 0;
	for (u32 i = 0; i < p->n; i++)
		n += strcmp(p->v[i].type, type) == 0;
	return n;
}

/* --- npm --- */

static void npm_installed(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "app/package.json", "{\"name\": \"shop\", \"version\": \"1.2.0\", \"dependencies\": {\"left\": \"^1\", \"@s/right\": \"*\"}}");
	text(&w, 0, "app/server.js", "");
	text(&w, 0, "app/package-lock.json", "{\"packages\": {\"node_modules/never\": {\"version\": \"1.0.0\"}}}");
	text(&w, 0, "app/node_modules/left/package.json", "\xef\xbb\xbf{\"name\": \"left\", \"version\": \"1.0.1\", \"license\": {\"type\": \"MIT\"}, \"description\": \"a\\nb\"}");
	text(&w, 0, "app/node_modules/left/lib/index.js", "12345");
	text(&w, 0, "app/node_modules/left/esm/package.json", "{\"name\": \"left-esm\", \"version\": \"1.0.1\"}");
	text(&w, 0, "app/node_modules/left/node_modules/deep/package.json", "{\"name\": \"deep\", \"version\": \"0.1.0\", \"licenses\": [{\"type\": \"MIT\"}, \"ISC\"]}");
	text(&w, 0, "app/node_modules/left/node_modules/deep/x.js", "123");
	text(&w, 0, "app/node_modules/left/node_modules/.bin/x", "");
	text(&w, 1, "app/node_modules/@s/right/package.json", "{\"name\": \"@s/right\", \"version\": \"2.0.0-beta.1\", \"optionalDependencies\": {\"o\": \"1\"}}");
	text(&w, 1, "app/node_modules/@s/right/r.js", "1");
	text(&w, 1, "app/node_modules/.pnpm/far@3.0.0/node_modules/far/package.json", "{\"name\": \"far\", \"version\": \"3.0.0\"}");
	text(&w, 1, "app/node_modules/.hidden/package.json", "{\"name\": \"hidden\", \"version\": \"3.0.0\"}");
	text(&w, 1, "app/node_modules/noversion/package.json", "{\"name\": \"noversion\"}");
	text(&w, 1, "srv/template/package.json", "{ \"name\": {{name}} }");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(count(p, "npm"), 5);
	const struct package *shop = get(p, "shop"), *left = get(p, "left"), *right = get(p, "@s/right"), *deep = get(p, "deep");
	assert_string_equal(shop->version, "1.2.0");
	assert_string_equal(shop->depends, "left, @s/right");
	assert_int_equal(shop->files, 1);
	assert_int_equal(left->origin, ORIGIN_INSTALLED);
	assert_string_equal(left->license, "MIT");
	assert_string_equal(left->summary, "a");
	assert_string_equal(left->path, "/app/node_modules/left/package.json");
	assert_int_equal(left->files, 3);
	assert_string_equal(deep->license, "MIT OR ISC");
	assert_int_equal(deep->files, 2);
	assert_string_equal(right->purl, "pkg:npm/%40s/right@2.0.0-beta.1");
	assert_string_equal(right->depends, "o");
	assert_int_equal(right->layer, 1);
	assert_non_null(get(p, "far"));
	assert_string_equal(owner(&w, "app/server.js"), "");
	assert_string_equal(owner(&w, "app/node_modules/left/node_modules/.bin/x"), "");
	assert_string_equal(owner(&w, "app/node_modules/left/node_modules/deep/x.js"), "deep");
	end(&w);
}

static void npm_damaged(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "app/node_modules/bad/package.json", "{\"name\": \"bad\", \"version\": ");
	text(&w, 0, "app/node_modules/good/test/fixtures/bad/package.json", "{");
	text(&w, 0, "app/node_modules/empty/package.json", "");
	struct packages *p = look(&w);
	assert_int_equal(p->n, 0);
	assert_int_equal(p->problems.n, 1);
	assert_true(told(p, "/app/node_modules/bad/package.json: package.json: not JSON"));
	end(&w);
}

/* --- Python --- */

#define SITE "usr/local/lib/python3.12/site-packages/"

static void python_wheels(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, SITE "Pack_Age-1.0.dist-info/METADATA",
	     "Metadata-Version: 2.1\nName: Pack.Age\nVersion: 1.0.post1\nSummary: does it\nLicense: Long text\n        of a licence\nClassifier: License :: OSI Approved :: MIT License\n"
	     "Requires-Dist: requests (>=2.0)\nRequires-Dist: pytest ; extra == 'test'\nRequires-Dist: six>=1\n\nName: body\nVersion: 9\n");
	text(&w, 0, SITE "Pack_Age-1.0.dist-info/RECORD", "pack/__init__.py,sha256=x,3\r\n../../../bin/pack,,\n\"pack/a,\"\"b.py\",,\npack/never.py,,\nPack_Age-1.0.dist-info/RECORD,,\n");
	text(&w, 0, SITE "Pack_Age-1.0.dist-info/licenses/COPYING", "1");
	text(&w, 0, SITE "pack/__init__.py", "123");
	text(&w, 0, SITE "pack/a,\"b.py", "");
	text(&w, 0, "usr/local/bin/pack", "#!/usr/bin/python3\n");
	text(&w, 0, SITE "pack/other.py", "");
	text(&w, 0, SITE "expr-2.dist-info/METADATA", "Name: expr\nVersion: 2\nLicense: x\nLicense-Expression: MIT OR Apache-2.0\n");
	text(&w, 0, SITE "named-3.1.dist-info/METADATA", "Metadata-Version: 2.1\nLicense: UNKNOWN\n");
	text(&w, 0, SITE "noversion.dist-info/METADATA", "Name: noversion\n");
	text(&w, 0, "requirements.txt", "never==1.0\n");
	text(&w, 0, SITE "setuptools/_vendor/wheel-0.43.0.dist-info/METADATA", "Name: wheel\nVersion: 0.43.0\n");
	text(&w, 0, SITE "~ip-22.0.dist-info/METADATA", "Name: pip\nVersion: 22.0\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(count(p, "pypi"), 4);
	const struct package *a = get(p, "Pack.Age");
	assert_string_equal(a->version, "1.0.post1");
	assert_string_equal(a->license, "MIT");
	assert_string_equal(a->summary, "does it");
	assert_string_equal(a->depends, "requests, six");
	assert_string_equal(a->purl, "pkg:pypi/pack.age@1.0.post1");
	assert_string_equal(owner(&w, "usr/local/bin/pack"), "Pack.Age");
	assert_string_equal(owner(&w, SITE "pack/a,\"b.py"), "Pack.Age");
	assert_string_equal(owner(&w, SITE "Pack_Age-1.0.dist-info/licenses/COPYING"), "Pack.Age");
	assert_string_equal(owner(&w, SITE "pack/other.py"), "");
	assert_string_equal(get(p, "expr")->license, "MIT OR Apache-2.0");
	assert_string_equal(get(p, "named")->version, "3.1");
	assert_string_equal(get(p, "named")->license, "");
	assert_string_equal(get(p, "noversion")->version, "");
	end(&w);
}

static void python_eggs(void **state)
{
	(void)state;
	struct world w;
	struct zip_of z = { 0 };
	zip_add(&z, "code.py", STR("pass\n"));
	zip_add(&z, "EGG-INFO/PKG-INFO", STR("Name: zipped\nVersion: 0.9\n"));
	begin(&w);
	text(&w, 0, SITE "old-1.1-py3.9.egg-info", "Name: old\nVersion: 1.1\nLicense: MIT\n");
	text(&w, 0, SITE "dir-1.2-py3.9.egg-info/PKG-INFO", "Name: dir\nVersion: 1.2\n");
	text(&w, 0, SITE "dir-1.2-py3.9.egg-info/top_level.txt", "dirpkg\ndirmod\n../../../etc\n");
	text(&w, 0, SITE "dirpkg/sub/x.py", "1");
	text(&w, 0, SITE "dirmod.py", "1");
	text(&w, 0, SITE "listed-1.egg-info/PKG-INFO", "Name: listed\nVersion: 1\n");
	text(&w, 0, SITE "listed-1.egg-info/installed-files.txt", "../listed.py\n../../../../bin/listed\n");
	text(&w, 0, SITE "listed.py", "1");
	text(&w, 0, "usr/local/bin/listed", "1");
	text(&w, 0, SITE "whole-1.3-py3.9.egg/EGG-INFO/PKG-INFO", "Metadata-Version: 1.0\n");
	text(&w, 0, SITE "whole-1.3-py3.9.egg/whole/y.py", "1");
	content(&w, 0, SITE "zipped-0.9-py3.9.egg", zip_done(&z));
	content(&w, 0, "usr/lib/python3/test/data/zipped-0.9-py3.9.egg", buf_str(&z.bytes));
	text(&w, 0, SITE "no.egg", "no zip\n");
	text(&w, 0, "usr/lib/python2.7/lib-dynload/Python-2.7.18.egg-info", "Name: Python\nVersion: 2.7.18\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(count(p, "pypi"), 5);
	assert_string_equal(get(p, "old")->license, "MIT");
	assert_string_equal(get(p, "whole")->version, "1.3");
	assert_string_equal(get(p, "zipped")->version, "0.9");
	assert_string_equal(owner(&w, SITE "dirpkg/sub/x.py"), "dir");
	assert_string_equal(owner(&w, SITE "dirmod.py"), "dir");
	assert_string_equal(owner(&w, SITE "listed.py"), "listed");
	assert_string_equal(owner(&w, "usr/local/bin/listed"), "listed");
	assert_string_equal(owner(&w, SITE "whole-1.3-py3.9.egg/whole/y.py"), "whole");
	assert_string_equal(owner(&w, SITE "zipped-0.9-py3.9.egg"), "zipped");
	end(&w);
	zip_of_free(&z);
}

/* --- gems --- */

#define GEMS "usr/lib/ruby/gems/3.1.0/"

static void gems(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, GEMS "specifications/nokogiri-1.15.0-x86_64-linux.gemspec",
	     "# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.15.0 x86_64-linux lib\n\nGem::Specification.new do |s|\n  s.name = \"nokogiri\".freeze\n  s.version = \"1.15.0\"\n"
	     "  s.description = \"it's s.version = \\\"9\\\"\".freeze # s.version = \"8\"\n  s.licenses = [\"MIT\".freeze,\n    'Ruby']\n  s.summary = %q<An (X)ML parser>.freeze\n"
	     "  if s.respond_to? :add_runtime_dependency then\n    s.add_runtime_dependency(%q<racc>.freeze, [\"~> 1.4\"])\n    s.add_development_dependency(%q<rake>.freeze, [\">= 0\"])\n"
	     "  else\n    s.add_dependency(%q<racc>.freeze, [\"~> 1.4\"])\n    s.add_dependency(%q<rake>.freeze, [\">= 0\"])\n  end\nend\n");
	text(&w, 0, GEMS "gems/nokogiri-1.15.0-x86_64-linux/lib/nokogiri.rb", "1");
	text(&w, 0, GEMS "gems/nokogiri-1.15.0-x86_64-linux/nokogiri.gemspec", "Gem::Specification.new do |s|\n s.name = 'never'\n s.version = '1'\nend\n");
	text(&w, 0, GEMS "extensions/x86_64-linux/3.1.0/nokogiri-1.15.0-x86_64-linux/n.so", "12");
	text(&w, 0, GEMS "specifications/default/csv-3.2.2.gemspec",
	     "Gem::Specification.new do |s|\n s.name = \"csv\"\n s.version = Gem::Version.new(\"3.2.2\")\n s.files = [\"LICENSE.txt\".freeze, \"lib/csv.rb\".freeze]\n s.license = \"BSD-2-Clause\"\nend\n");
	text(&w, 0, "usr/lib/ruby/3.1.0/csv.rb", "123");
	text(&w, 0, GEMS "specifications/computed-2.0.gemspec", "# stub: computed 2.0 ruby lib\nGem::Specification.new { |s| s.name = \"computed\"; s.licenses = %w[MIT  Ruby]; s.version = Computed::VERSION }\n");
	text(&w, 0, GEMS "specifications/by-name-0.3.0.rc1.gemspec", "Gem::Specification.new do |s|\n s.name = \"x-#{y}\"\n s.version = VERSION\nend\n");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(count(p, "gem"), 4);
	const struct package *n = get(p, "nokogiri");
	assert_string_equal(n->version, "1.15.0");
	assert_string_equal(n->license, "MIT OR Ruby");
	assert_string_equal(n->summary, "An (X)ML parser");
	assert_string_equal(n->depends, "racc");
	assert_string_equal(owner(&w, GEMS "gems/nokogiri-1.15.0-x86_64-linux/lib/nokogiri.rb"), "nokogiri");
	assert_string_equal(owner(&w, GEMS "extensions/x86_64-linux/3.1.0/nokogiri-1.15.0-x86_64-linux/n.so"), "nokogiri");
	assert_string_equal(get(p, "csv")->version, "3.2.2");
	assert_string_equal(get(p, "csv")->license, "BSD-2-Clause");
	assert_string_equal(owner(&w, "usr/lib/ruby/3.1.0/csv.rb"), "csv");
	assert_string_equal(get(p, "computed")->version, "2.0");
	assert_string_equal(get(p, "computed")->license, "MIT OR Ruby");
	assert_string_equal(get(p, "by-name")->version, "0.3.0.rc1");
	end(&w);
}

/* --- Java --- */

static void java_names(void **state)
{
	static const struct {
		const char *base, *name, *version;
	} t[] = {
		{ "commons-lang3-3.11", "commons-lang3", "3.11" },
		{ "guava-31.1-jre", "guava", "31.1-jre" },
		{ "kafka_2.13-3.6.0", "kafka_2.13", "3.6.0" },
		{ "google-api-services-x-v1-rev1-1.2", "google-api-services-x-v1-rev1", "1.2" },
		{ "json-20231013", "json", "20231013" },
		{ "x-1-SNAPSHOT", "x", "1-SNAPSHOT" },
		{ "guava-r09", "guava", "r09" },
		{ "r2dbc-spi", "r2dbc-spi", "" },
		{ "level-2-jar", "level-2-jar", "" },
		{ "org.eclipse.core_3.2.1.v2023", "org.eclipse.core", "3.2.1.v2023" },
		{ "log4j.1.2.17", "log4j", "1.2.17" },
		{ "app", "app", "" },
		{ "", "", "" },
		{ "-1", "-1", "" },
	};
	(void)state;
	for (size_t i = 0; i < countof(t); i++) {
		struct str name, version;
		java_file_name(str_of(t[i].base), &name, &version);
		assert_true(str_is(name, t[i].name));
		assert_true(str_is(version, t[i].version));
	}
	struct pom pom = { STR("org.apache.logging.log4j"), STR("log4j-1.2-api"), STR("2.17.1"), { 0 }, false };
	assert_true(java_is_own(STR("log4j-1.2-api-2.17.1"), &pom));
	assert_true(java_is_own(STR("log4j-1.2-api"), &pom));
	assert_true(java_is_own(STR("org.apache.logging.log4j.log4j-1.2-api-2.17.1"), &pom));
	assert_false(java_is_own(STR("log4j-1.2-api-extras-1.0"), &pom));
	assert_false(java_is_own(STR("log4j-1.2"), &pom));
	assert_true(java_archive_name(STR("x.JAR")));
	assert_false(java_archive_name(STR("x.jar.txt")));
	assert_false(java_archive_name(STR(".jar")));
}

static void identify(const char *manifest, const char *base, const char *expect)
{
	struct arena a = { 0 };
	struct jar_manifest m;
	struct pom pom;
	char got[512] = "";
	java_manifest(&a, str_of(manifest), &m);
	if (java_identify(&a, &m, str_of(base), &pom))
		snprintf(got, sizeof got, "%.*s:%.*s:%.*s", STR_FMT(pom.group), STR_FMT(pom.artifact), STR_FMT(pom.version));
	assert_string_equal(got, expect);
	arena_free(&a);
}

static void java_manifests(void **state)
{
	(void)state;
	identify("Manifest-Version: 1.0\r\nImplementation-Vendor-Id: org.acme\r\nImplementation-Version: 1.\r\n 5\r\n", "tool", "org.acme:tool:1.5");
	identify("Bundle-SymbolicName: com.acme.core.acme-core;singleton:=true\nBundle-Version: 2.0\n", "acme-core-2.0.1", "com.acme.core:acme-core:2.0.1");
	identify("Bundle-SymbolicName: org.apache.tomcat-catalina\nImplementation-Title: Apache Tomcat\nImplementation-Version: 9.0.1\n", "catalina", "org.apache.tomcat:tomcat-catalina:9.0.1");
	identify("Group-Id: org.jenkins-ci.plugins\nShort-Name: git\nPlugin-Version: 4.1\nImplementation-Version: ${v}\n", "git", "org.jenkins-ci.plugins:git:4.1");
	identify("Automatic-Module-Name: com.zaxxer.hikari\n", "HikariCP-5.0.1", "com.zaxxer:HikariCP:5.0.1");
	identify("Implementation-Title: shop\nImplementation-Version: 3\n", "app", "shop:shop:3");
	identify("Manifest-Version: 1.0\n\nName: org/acme/\nImplementation-Version: 7\nBundle-Version: 8\n", "acme", "acme:acme:7");
	identify("", "spring-core-5.3.1", "org.springframework:spring-core:5.3.1");
	identify("", "kafka_2.13-3.6.0", "org.apache.kafka:kafka_2.13:3.6.0");
	identify("", "spring-boot-starter-web-2.7.0", "org.springframework.boot:spring-boot-starter-web:2.7.0");
	identify("Bundle-Version: %version\n", "app", "");
	identify("Implementation-Version: 1\n", "spring-core-5.3.1-sources", "");
	identify(" continued\n", "app", "");
}

static void java_poms(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct pom pom;
	java_pom(&a,
		 STR("<?xml version='1.0'?><project><parent><groupId>g</groupId><artifactId>p</artifactId><version>1</version></parent><artifactId>a</artifactId>"
		     "<licenses><license><name> MIT </name></license><license><name>ISC</name></license></licenses>"
		     "<dependencies><dependency><groupId>never</groupId><version>9</version></dependency></dependencies></project>"),
		 &pom);
	assert_true(str_is(pom.group, "g") && str_is(pom.artifact, "a") && str_is(pom.version, "1") && str_is(pom.license, "MIT OR ISC"));
	java_pom(&a, STR("<project><version>${revision}</version><groupId>x</groupId><broken"), &pom);
	assert_true(str_is(pom.group, "x") && !pom.version.n);
	java_pom(&a, STR("<!DOCTYPE project [<!ENTITY a 'b'>]><project><groupId>&a;</groupId></project>"), &pom);
	assert_int_equal(pom.group.n, 0);
	arena_free(&a);
}

#define PROPERTIES(g, a, v) STR("#made by\ngroupId=" g "\nartifactId = " a "\r\nversion=" v "\n")

static void java_archives(void **state)
{
	(void)state;
	struct world w;
	struct zip_of deep = { 0 }, lib = { 0 }, war = { 0 }, shaded = { 0 };
	zip_add(&deep, "META-INF/maven/org.d/deep/pom.properties", PROPERTIES("org.d", "deep", "4"));
	zip_add(&lib, "META-INF/MANIFEST.MF", STR("Implementation-Version: 2.5\n"));
	zip_add(&lib, "inner/deep-4.jar", zip_done(&deep));
	zip_add(&war, "META-INF/MANIFEST.MF", STR("Bundle-License: EPL-2.0\n"));
	zip_add(&war, "META-INF/maven/com.shop/shop/pom.xml", STR("<project><version>9.9</version></project>"));
	zip_add(&war, "META-INF/maven/com.shop/shop/pom.properties", PROPERTIES("com.shop", "shop", "1.0"));
	zip_add(&war, "META-INF/maven/com.xml/only/pom.xml", STR("<project><parent><version>0.5</version></parent><licenses><license><name>MIT</name></license></licenses></project>"));
	zip_add(&war, "WEB-INF/lib/lib-2.5.jar", zip_done(&lib));
	zip_add(&war, "WEB-INF/lib/text.jar", STR("this is no zip at all, and none was meant"));
	zip_add(&shaded, "META-INF/maven/org.a/a/pom.properties", PROPERTIES("org.a", "a", "1"));
	zip_add(&shaded, "META-INF/maven/org.b/b/pom.properties", PROPERTIES("org.b", "b", "2"));
	zip_add(&shaded, "META-INF/maven/org.c/c/pom.properties", STR("groupId=org.c\nartifactId=c\n"));
	begin(&w);
	content(&w, 0, "srv/shop.war", zip_done(&war));
	content(&w, 0, "srv/a-1-all.jar", zip_done(&shaded));
	text(&w, 0, "srv/WEB-INF/classes/META-INF/maven/org.e/exploded/pom.properties", "groupId=org.e\nartifactId=exploded\nversion=6\n");
	text(&w, 0, "src/pom.properties", "groupId=org.never\nartifactId=never\nversion=6\n");
	text(&w, 0, "srv/text.jar", "no zip either");
	text(&w, 0, "srv/empty.jar", "");
	struct packages *p = look(&w);
	assert_int_equal(p->problems.n, 0);
	assert_int_equal(count(p, "maven"), 7);
	const struct package *shop = get(p, "com.shop:shop"), *l = get(p, "lib:lib"), *d = get(p, "org.d:deep");
	assert_string_equal(shop->version, "1.0");
	assert_string_equal(shop->license, "EPL-2.0");
	assert_string_equal(shop->path, "/srv/shop.war");
	assert_string_equal(shop->purl, "pkg:maven/com.shop/shop@1.0");
	assert_string_equal(get(p, "com.xml:only")->version, "0.5");
	assert_string_equal(get(p, "com.xml:only")->license, "MIT");
	assert_string_equal(l->version, "2.5");
	assert_string_equal(l->path, "/srv/shop.war:WEB-INF/lib/lib-2.5.jar");
	assert_string_equal(d->path, "/srv/shop.war:WEB-INF/lib/lib-2.5.jar:inner/deep-4.jar");
	assert_string_equal(owner(&w, "srv/shop.war"), "com.shop:shop");
	assert_non_null(get(p, "org.a:a"));
	assert_non_null(get(p, "org.b:b"));
	assert_string_equal(get(p, "org.e:exploded")->version, "6");
	end(&w);
	zip_of_free(&deep);
	zip_of_free(&lib);
	zip_of_free(&war);
	zip_of_free(&shaded);
}

/* Bombs end within their budgets, and are told of. */
static void java_bombs(void **state)
{
	(void)state;
	struct world w;
	struct zip_of z[12] = { 0 }, big = { 0 }, fan = { 0 }, cut = { 0 }, many = { 0 };
	char name[64];
	zip_add(&z[0], "META-INF/maven/a/a/pom.properties", PROPERTIES("a", "innermost", "1"));
	struct str inside = zip_done(&z[0]);
	for (size_t i = 1; i < countof(z); i++) {
		snprintf(name, sizeof name, "META-INF/maven/a/l%zu/pom.properties", i);
		zip_add(&z[i], name, PROPERTIES("a", "level", "1"));
		zip_add(&z[i], "n.jar", inside);
		inside = zip_done(&z[i]);
	}
	zip_add_claiming(&big, "huge.jar", STR("PK\3\4"), 0xfffffff0);
	zip_add(&fan, "x.jar", zip_done(&many));
	for (u32 i = 0; i < 9000; i++)
		zip_add(&fan, "y.jar", buf_str(&many.bytes));
	zip_add(&cut, "META-INF/maven/b/b/pom.properties", PROPERTIES("b", "b", "1"));
	zip_add(&cut, "META-INF/maven/c/c/pom.properties", PROPERTIES("c", "c", "1"));
	struct str whole = zip_done(&cut);
	begin(&w);
	content(&w, 0, "deep.jar", inside);
	content(&w, 0, "big.jar", zip_done(&big));
	content(&w, 0, "fan.jar", zip_done(&fan));
	content(&w, 0, "cut.jar", str_head(whole, whole.n / 2 - 20));
	struct packages *p = look(&w);
	assert_true(told(p, "/deep.jar: n.jar:n.jar:n.jar:n.jar:n.jar:n.jar:n.jar:n.jar: archives nested too deep"));
	assert_true(told(p, "/big.jar: huge.jar: 4294967280 bytes: over the budget"));
	assert_true(told(p, "/fan.jar: y.jar: over the budget of 8192 archives"));
	assert_true(told(p, "/cut.jar: META-INF/maven/c/c/pom.properties: "));
	assert_non_null(get(p, "b:b"));
	assert_null(get(p, "a:innermost"));
	assert_int_equal(p->problems.n, 5);
	end(&w);
	for (size_t i = 0; i < countof(z); i++)
		zip_of_free(&z[i]);
	zip_of_free(&big);
	zip_of_free(&fan);
	zip_of_free(&cut);
	zip_of_free(&many);
}

/* --- Composer, NuGet, conda --- */

static void composer(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/www/vendor/composer/installed.json",
	     "{\"packages\": [{\"name\": \"acme/log\", \"version\": \"v2.1.0\", \"license\": [\"MIT\", \"GPL-2.0-only\"], \"install-path\": \"../acme/log\","
	     " \"require\": {\"php\": \">=8\", \"ext-json\": \"*\", \"acme/base\": \"^1\"}}, {\"name\": \"acme/root\", \"version\": \"1\", \"install-path\": \"../..\"},"
	     " {\"name\": \"acme/meta\", \"version\": \"1\", \"install-path\": null}], \"dev\": true}");
	text(&w, 0, "var/www/vendor/acme/log/src/a.php", "1");
	text(&w, 0, "var/www/index.php", "1");
	text(&w, 0, "var/www/composer.lock", "{\"packages\": [{\"name\": \"acme/never\", \"version\": \"1\"}]}");
	text(&w, 0, "srv/vendor/composer/installed.json", "[{\"name\": \"acme/old\", \"version\": \"1.0\"}, {\"version\": \"1.0\"}, 5]");
	text(&w, 0, "srv/vendor/acme/old/o.php", "1");
	struct packages *p = look(&w);
	assert_int_equal(count(p, "composer"), 4);
	assert_int_equal(p->problems.n, 2);
	assert_true(told(p, "/srv/vendor/composer/installed.json: a package without a name"));
	const struct package *log = get(p, "acme/log");
	assert_string_equal(log->version, "v2.1.0");
	assert_string_equal(log->license, "MIT OR GPL-2.0-only");
	assert_string_equal(log->depends, "acme/base");
	assert_string_equal(owner(&w, "var/www/vendor/acme/log/src/a.php"), "acme/log");
	assert_string_equal(owner(&w, "srv/vendor/acme/old/o.php"), "acme/old");
	assert_string_equal(owner(&w, "var/www/index.php"), "");
	end(&w);
}

static void nuget(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "app/Shop.deps.json",
	     "\xef\xbb\xbf{\"runtimeTarget\": {\"name\": \".NETCoreApp,Version=v8.0\"}, \"targets\": {\".NETCoreApp,Version=v8.0\": {"
	     "\"Shop/1.0.0\": {\"dependencies\": {\"Acme.Json\": \"13.0.1\"}}, \"Acme.Json/13.0.1\": {\"dependencies\": {\"Acme.Base\": \"1\"},"
	     "\"runtime\": {\"lib/net6.0/Acme.Json.dll\": {}, \"lib/_._\": {}}, \"resources\": {\"lib/de/Acme.Json.resources.dll\": {\"locale\": \"de\"}},"
	     "\"runtimeTargets\": {\"runtimes/linux/native/libacme.so\": {}}}}, \"other\": {}},"
	     "\"libraries\": {\"Shop/1.0.0\": {\"type\": \"project\"}, \"Acme.Json/13.0.1\": {\"type\": \"package\"}, \"Acme.Ref/2.0\": {\"type\": \"package\", \"compileOnly\": true},"
	     "\"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1\": {\"type\": \"runtimepack\"}, \"Acme.Direct/1\": {\"type\": \"reference\"}}}");
	text(&w, 0, "app/Acme.Json.dll", "1");
	text(&w, 0, "app/de/Acme.Json.resources.dll", "1");
	text(&w, 0, "app/runtimes/linux/native/libacme.so", "1");
	text(&w, 0, "app/packages.lock.json", "{\"dependencies\": {\"net8.0\": {\"Never\": {\"resolved\": \"1\"}}}}");
	text(&w, 0, "app/bad.deps.json", "{");
	struct packages *p = look(&w);
	assert_int_equal(count(p, "nuget"), 2);
	assert_int_equal(p->problems.n, 1);
	assert_true(told(p, "/app/bad.deps.json"));
	assert_string_equal(get(p, "Acme.Json")->version, "13.0.1");
	assert_string_equal(get(p, "Acme.Json")->depends, "Acme.Base");
	assert_int_equal(get(p, "Acme.Json")->files, 3);
	assert_string_equal(get(p, "Microsoft.NETCore.App.Runtime.linux-x64")->version, "8.0.1");
	end(&w);
}

static void conda(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "opt/conda/conda-meta/zlib-1.2.13-h1_0.json",
	     "{\"name\": \"zlib\", \"version\": \"1.2.13\", \"build\": \"h1_0\", \"license\": \"Zlib\", \"size\": 100, \"depends\": [\"libgcc-ng >=12\", 5], \"files\": [\"lib/libz.so\", \"../../etc/x\"]}");
	text(&w, 0, "opt/conda/lib/libz.so", "1");
	text(&w, 0, "etc/x", "1");
	text(&w, 0, "opt/conda/conda-meta/state", "{}");
	text(&w, 0, "opt/conda/conda-meta/state.json", "{\"env_vars\": {}}");
	text(&w, 0, "opt/conda/conda-meta/bad-1-0.json", "{\"build\": \"0\"}");
	struct packages *p = look(&w);
	assert_int_equal(count(p, "conda"), 1);
	assert_int_equal(p->problems.n, 1);
	const struct package *z = get(p, "zlib");
	assert_string_equal(z->version, "1.2.13");
	assert_string_equal(z->license, "Zlib");
	assert_string_equal(z->depends, "libgcc-ng");
	assert_int_equal(z->installed_size, 100);
	assert_string_equal(owner(&w, "opt/conda/lib/libz.so"), "zlib");
	end(&w);
}

/* What the system's own packages brought along is not counted again. */
static void within(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	text(&w, 0, "var/lib/dpkg/status", "Package: python3-six\nStatus: install ok installed\nArchitecture: all\nVersion: 1.16-1\n");
	text(&w, 0, "var/lib/dpkg/info/python3-six.list", "/usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO\n/usr/lib/python3/dist-packages/six.py\n");
	text(&w, 0, "usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", "Name: six\nVersion: 1.16.0\n");
	text(&w, 0, "usr/lib/python3/dist-packages/six-1.16.0.egg-info/top_level.txt", "six\n");
	text(&w, 0, "usr/lib/python3/dist-packages/six.py", "1");
	struct packages *p = look(&w);
	assert_int_equal(p->n, 1);
	assert_string_equal(owner(&w, "usr/lib/python3/dist-packages/six.py"), "python3-six");
	packages_free(p);
	p = w.p = packages_read(w.r, true);
	assert_int_equal(p->n, 2);
	assert_int_equal(get(p, "six")->within, 1 + (u32)(get(p, "python3-six") - p->v));
	end(&w);
}

static void joined(void **state)
{
	static const struct {
		const char *dir, *path, *expect;
	} t[] = {
		{ "a/b", "c", "a/b/c" },	{ "a/b", "../c/./d", "a/c/d" }, { "a", "../../../x", "x" }, { "a/b", "/etc/x", "etc/x" },
		{ "", "x//y/", "x/y" },		{ "a", "", "a" },		{ "a", "..", "" },
	};
	(void)state;
	struct buf b = BUF(4096);
	for (size_t i = 0; i < countof(t); i++)
		assert_true(str_is(lang_join(str_of(t[i].dir), str_of(t[i].path), &b), t[i].expect));
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(npm_installed), cmocka_unit_test(npm_damaged),	   cmocka_unit_test(python_wheels), cmocka_unit_test(python_eggs), cmocka_unit_test(gems),
		cmocka_unit_test(java_names),	 cmocka_unit_test(java_manifests), cmocka_unit_test(java_poms),	    cmocka_unit_test(java_archives), cmocka_unit_test(java_bombs),
		cmocka_unit_test(composer),	 cmocka_unit_test(nuget),	   cmocka_unit_test(conda),	    cmocka_unit_test(within),	   cmocka_unit_test(joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
