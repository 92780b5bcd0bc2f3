#include "package/java.h"
#include "base/buf.h"
#include "package/lang.h"
#include <expat.h>

bool java_archive_name(struct str name)
{
	static const char *const ends[] = { ".jar", ".war", ".ear", ".par", ".sar", ".nar", ".rar", ".kar", ".hpi", ".jpi", ".lpkg" };
	struct str tail = str_from(name, name.n > 5 ? name.n - 5 : 0);
	if (name.n < 5 || (name.p[name.n - 4] != '.' && name.p[name.n - 5] != '.'))
		return false; /* asked for every file */
	for (size_t i = 0; i < countof(ends); i++)
		if (name.n > strlen(ends[i]) && lang_iends(tail, str_of(ends[i])))
			return true;
	return false;
}

static const char *const manifest_names[MF_FIELDS] = {
	[MF_GROUP_ID] = "Group-Id",
	[MF_SHORT_NAME] = "Short-Name",
	[MF_IMPLEMENTATION_TITLE] = "Implementation-Title",
	[MF_IMPLEMENTATION_VERSION] = "Implementation-Version",
	[MF_IMPLEMENTATION_VENDOR_ID] = "Implementation-Vendor-Id",
	[MF_SPECIFICATION_VERSION] = "Specification-Version",
	[MF_EXTENSION_NAME] = "Extension-Name",
	[MF_BUNDLE_SYMBOLIC_NAME] = "Bundle-SymbolicName",
	[MF_BUNDLE_VERSION] = "Bundle-Version",
	[MF_BUNDLE_LICENSE] = "Bundle-License",
	[MF_PLUGIN_VERSION] = "Plugin-Version",
	[MF_PLUGIN_LICENSE] = "Plugin-License-Name",
	[MF_AUTOMATIC_MODULE_NAME] = "Automatic-Module-Name",
};

/* One attribute with its continued lines joined. Of the sections behind the main one only titles and versions are taken, where that has none. */
static void attribute(struct arena *a, struct jar_manifest *m, struct str line, bool main)
{
	struct str v = line, key = str_trim(str_cut(&v, ':'));
	if (!v.p)
		return;
	v = str_trim(v);
	for (int i = 0; i < MF_FIELDS; i++) {
		if (m->v[i].n || !str_ieq(key, str_of(manifest_names[i])) || (!main && i != MF_IMPLEMENTATION_TITLE && i != MF_IMPLEMENTATION_VERSION && i != MF_SPECIFICATION_VERSION))
			continue;
		if (lang_word(v) && v.p[0] != '%' && !str_contains(v, STR("${")))
			m->v[i] = str_of(arena_bytes(a, v));
	}
}

void java_manifest(struct arena *a, struct str text, struct jar_manifest *ret)
{
	struct buf line = BUF(64 * KiB);
	bool main = true;
	*ret = (struct jar_manifest){ 0 };
	while (text.p) {
		struct str l = str_cut(&text, '\n');
		while (l.n && l.p[l.n - 1] == '\r')
			l.n--;
		if (l.n && l.p[0] == ' ') {
			buf_add(&line, str_from(l, 1));
			continue;
		}
		if (line.n)
			attribute(a, ret, buf_str(&line), main);
		buf_clear(&line);
		if (l.n)
			buf_add(&line, l);
		else
			main = false;
	}
	if (line.n)
		attribute(a, ret, buf_str(&line), main);
	buf_free(&line);
}

void java_properties(struct str text, struct pom *ret)
{
	*ret = (struct pom){ 0 };
	while (text.p) {
		struct str v = str_trim(str_cut(&text, '\n')), key = str_trim(str_cut(&v, '='));
		struct str *to = str_is(key, "groupId") ? &ret->group : str_is(key, "artifactId") ? &ret->artifact : str_is(key, "version") ? &ret->version : NULL;
		if (to && v.p && lang_word(str_trim(v)))
			*to = str_trim(v);
	}
}

/* --- pom.xml --- */

enum { PROJECT = 1, PARENT, LICENSES, LICENSE, GROUP, ARTIFACT, VERSION, NAME, OTHER };

struct pom_reader {
	XML_Parser x;
	u8 at[8];  /* which elements are open, the outermost first */
	u32 depth;
	struct pom pom, parent;
	struct buf text, license;
	struct arena *a;
};

static void open_element(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	static const char *const names[] = { "", "project", "parent", "licenses", "license", "groupId", "artifactId", "version", "name" };
	struct pom_reader *r = ctx;
	(void)attributes;
	u8 what = OTHER;
	for (u8 i = 1; i < countof(names); i++)
		if (!strcmp(name, names[i]))
			what = i;
	if (r->depth < countof(r->at))
		r->at[r->depth] = what;
	r->depth++;
	buf_clear(&r->text);
}

static bool open_are(const struct pom_reader *r, u32 n, u8 second, u8 third)
{
	return r->depth == n && r->at[0] == PROJECT && (n < 3 || r->at[1] == second) && (n < 4 || r->at[2] == third);
}

static void close_element(void *ctx, const XML_Char *name)
{
	struct pom_reader *r = ctx;
	struct str v = str_trim(buf_str(&r->text));
	u8 what = r->depth && r->depth <= countof(r->at) ? r->at[r->depth - 1] : OTHER;
	struct pom *to = open_are(r, 2, 0, 0) ? &r->pom : open_are(r, 3, PARENT, 0) ? &r->parent : NULL;
	(void)name;
	if (what == NAME && open_are(r, 4, LICENSES, LICENSE))
		lang_list(&r->license, " OR ", v);
	struct str *field = !to ? NULL : what == GROUP ? &to->group : what == ARTIFACT ? &to->artifact : what == VERSION ? &to->version : NULL;
	if (field && lang_word(v) && !str_contains(v, STR("${")))
		*field = str_of(arena_bytes(r->a, v));
	if (r->depth)
		r->depth--;
	buf_clear(&r->text);
}

static void characters(void *ctx, const XML_Char *s, int n)
{
	struct pom_reader *r = ctx;
	buf_add(&r->text, str_n(s, (size_t)n));
}

/* No pom has a document type, and its entities would be a way to blow up. */
static void document_type(void *ctx, const XML_Char *name, const XML_Char *system, const XML_Char *public, int internal)
{
	struct pom_reader *r = ctx;
	(void)name, (void)system, (void)public, (void)internal;
	XML_StopParser(r->x, XML_FALSE);
}

void java_pom(struct arena *a, struct str text, struct pom *ret)
{
	struct pom_reader r = { .a = a, .x = XML_ParserCreate(NULL), .text = BUF(4 * KiB), .license = BUF(16 * KiB) };
	*ret = (struct pom){ 0 };
	if (!r.x)
		return;
	XML_SetUserData(r.x, &r);
	XML_SetElementHandler(r.x, open_element, close_element);
	XML_SetCharacterDataHandler(r.x, characters);
	XML_SetStartDoctypeDeclHandler(r.x, document_type);
	(void)!XML_Parse(r.x, text.p, (int)MIN(text.n, (size_t)64 * MiB), 1);
	XML_ParserFree(r.x);
	*ret = r.pom;
	ret->xml = true;
	if (!ret->group.n)
		ret->group = r.parent.group;
	if (!ret->version.n)
		ret->version = r.parent.version;
	if (r.license.n)
		ret->license = str_of(arena_bytes(a, buf_str(&r.license)));
	buf_free(&r.text);
	buf_free(&r.license);
}

/* --- names --- */

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* Whether a version begins here: a digit, "build12", "r4" or "rc1". */
static bool begins_version(struct str s)
{
	size_t n = str_starts(s, STR("build")) ? 5 : str_starts(s, STR("rc")) ? 2 : str_starts(s, STR("r")) ? 1 : 0;
	if (!s.n || !digit(s.p[MIN(n, s.n - 1)]))
		return false;
	while (n && n < s.n && digit(s.p[n]))
		n++;
	/* "r09", but no "r2dbc" */
	return n == 0 || s.p[0] == 'b' || n == s.n || s.p[n] == '-' || s.p[n] == '.' || s.p[n] == '_';
}

/* "3.1", "20231013", "2-beta1", "1-SNAPSHOT" and "r09" are versions; what follows "level-2-jar" is not. */
static bool is_version(struct str s)
{
	static const char *const kinds[] = { "snapshot", "alpha", "beta", "rc", "cr", "m", "final", "ga", "release", "jre", "build" };
	size_t n = 0;
	if (!begins_version(s))
		return false;
	while (n < s.n && digit(s.p[n]))
		n++;
	if (n == 0 || n == s.n || str_chr(s, '.') || s.p[n] != '-')
		return true;
	for (size_t i = 0; i < countof(kinds); i++) {
		struct str k = str_of(kinds[i]);
		if (str_ieq(str_head(str_from(s, n + 1), k.n), k))
			return true;
	}
	return digit(s.p[MIN(n + 1, s.n - 1)]);
}

static bool split_at(struct str base, const char *separators, struct str *name, struct str *version)
{
	for (size_t i = 1; i + 1 < base.n; i++) {
		if (!strchr(separators, base.p[i]) || !base.p[i] || !is_version(str_from(base, i + 1)))
			continue;
		*name = str_head(base, i);
		*version = str_from(base, i + 1);
		return true;
	}
	return false;
}

void java_file_name(struct str base, struct str *name, struct str *version)
{
	*version = STR("");
	*name = base;
	if (!split_at(base, "-", name, version))
		(void)!split_at(base, "_.", name, version);
}

static bool separator(char c) { return c == '-' || c == '_' || c == '.'; }

/* Whether the name is these parts, but for what stands between words. */
static bool alike(struct str name, struct str a, struct str b, struct str c)
{
	const struct str parts[] = { a, b, c };
	size_t at = 0;
	for (size_t i = 0; i < countof(parts); i++) {
		for (size_t k = 0; k < parts[i].n; k++) {
			if (separator(parts[i].p[k]))
				continue;
			while (at < name.n && separator(name.p[at]))
				at++;
			if (at >= name.n || name.p[at++] != parts[i].p[k])
				return false;
		}
	}
	while (at < name.n && separator(name.p[at]))
		at++;
	return at == name.n;
}

/* ARTIFACT, ARTIFACT-VERSION, GROUP.ARTIFACT-VERSION, and whatever version follows the artifact. */
bool java_is_own(struct str base, const struct pom *pom)
{
	struct str none = STR("");
	if (alike(base, pom->artifact, none, none) || alike(base, pom->artifact, pom->version, none) || alike(base, pom->group, pom->artifact, pom->version))
		return true;
	if (!str_starts(base, pom->artifact))
		return false;
	struct str rest = str_from(base, pom->artifact.n);
	return !rest.n || (separator(rest.p[0]) && (begins_version(str_from(rest, 1)) || str_eq(str_from(rest, 1), pom->version)));
}

/* Groups of artifacts that are built without Maven's descriptor inside; a name that ends in '-' stands for all that begin so. */
static const struct {
	const char *artifact, *group;
} groups[] = {
	{ "activation", "javax.activation" },
	{ "ant", "org.apache.ant" },
	{ "ant-", "org.apache.ant" },
	{ "antlr4-runtime", "org.antlr" },
	{ "asm", "org.ow2.asm" },
	{ "asm-", "org.ow2.asm" },
	{ "aspectjrt", "org.aspectj" },
	{ "aspectjweaver", "org.aspectj" },
	{ "bcpkix-", "org.bouncycastle" },
	{ "bcprov-", "org.bouncycastle" },
	{ "bcutil-", "org.bouncycastle" },
	{ "bson", "org.mongodb" },
	{ "byte-buddy", "net.bytebuddy" },
	{ "caffeine", "com.github.ben-manes.caffeine" },
	{ "checker-qual", "org.checkerframework" },
	{ "connect-", "org.apache.kafka" },
	{ "conscrypt-openjdk-uber", "org.conscrypt" },
	{ "derby", "org.apache.derby" },
	{ "ecj", "org.eclipse.jdt" },
	{ "ehcache", "org.ehcache" },
	{ "elasticsearch", "org.elasticsearch" },
	{ "elasticsearch-", "org.elasticsearch" },
	{ "graphql-java", "com.graphql-java" },
	{ "groovy", "org.apache.groovy" },
	{ "groovy-", "org.apache.groovy" },
	{ "grpc-", "io.grpc" },
	{ "hamcrest", "org.hamcrest" },
	{ "hamcrest-", "org.hamcrest" },
	{ "hibernate-core", "org.hibernate.orm" },
	{ "jetty-", "org.eclipse.jetty" },
	{ "json-path", "com.jayway.jsonpath" },
	{ "jsp-api", "javax.servlet.jsp" },
	{ "jsr305", "com.google.code.findbugs" },
	{ "jul-to-slf4j", "org.slf4j" },
	{ "junit-jupiter", "org.junit.jupiter" },
	{ "junit-jupiter-", "org.junit.jupiter" },
	{ "junit-platform-", "org.junit.platform" },
	{ "kafka-", "org.apache.kafka" },
	{ "kafka_2.12", "org.apache.kafka" },
	{ "kafka_2.13", "org.apache.kafka" },
	{ "kotlin-", "org.jetbrains.kotlin" },
	{ "kotlinx-coroutines-", "org.jetbrains.kotlinx" },
	{ "lucene-", "org.apache.lucene" },
	{ "mail", "javax.mail" },
	{ "micrometer-", "io.micrometer" },
	{ "mockito-", "org.mockito" },
	{ "mongodb-driver-", "org.mongodb" },
	{ "moshi", "com.squareup.moshi" },
	{ "mssql-jdbc", "com.microsoft.sqlserver" },
	{ "mysql-connector-j", "com.mysql" },
	{ "mysql-connector-java", "mysql" },
	{ "netty-", "io.netty" },
	{ "ojdbc10", "com.oracle.database.jdbc" },
	{ "ojdbc11", "com.oracle.database.jdbc" },
	{ "ojdbc8", "com.oracle.database.jdbc" },
	{ "okhttp", "com.squareup.okhttp3" },
	{ "okio", "com.squareup.okio" },
	{ "okio-jvm", "com.squareup.okio" },
	{ "opensearch", "org.opensearch" },
	{ "opentelemetry-", "io.opentelemetry" },
	{ "postgresql", "org.postgresql" },
	{ "r2dbc-", "io.r2dbc" },
	{ "reactor-core", "io.projectreactor" },
	{ "reactor-netty-", "io.projectreactor.netty" },
	{ "retrofit", "com.squareup.retrofit2" },
	{ "scala-library", "org.scala-lang" },
	{ "scala-reflect", "org.scala-lang" },
	{ "servlet-api", "javax.servlet" },
	{ "spring", "org.springframework" },
	{ "spring-amqp", "org.springframework.amqp" },
	{ "spring-aop", "org.springframework" },
	{ "spring-aspects", "org.springframework" },
	{ "spring-batch-", "org.springframework.batch" },
	{ "spring-beans", "org.springframework" },
	{ "spring-boot", "org.springframework.boot" },
	{ "spring-boot-", "org.springframework.boot" },
	{ "spring-cloud-", "org.springframework.cloud" },
	{ "spring-context", "org.springframework" },
	{ "spring-context-", "org.springframework" },
	{ "spring-core", "org.springframework" },
	{ "spring-data-", "org.springframework.data" },
	{ "spring-expression", "org.springframework" },
	{ "spring-graphql", "org.springframework.graphql" },
	{ "spring-hateoas", "org.springframework.hateoas" },
	{ "spring-integration-", "org.springframework.integration" },
	{ "spring-jcl", "org.springframework" },
	{ "spring-jdbc", "org.springframework" },
	{ "spring-jms", "org.springframework" },
	{ "spring-kafka", "org.springframework.kafka" },
	{ "spring-ldap-", "org.springframework.ldap" },
	{ "spring-messaging", "org.springframework" },
	{ "spring-orm", "org.springframework" },
	{ "spring-oxm", "org.springframework" },
	{ "spring-rabbit", "org.springframework.amqp" },
	{ "spring-retry", "org.springframework.retry" },
	{ "spring-security-", "org.springframework.security" },
	{ "spring-session-", "org.springframework.session" },
	{ "spring-test", "org.springframework" },
	{ "spring-tx", "org.springframework" },
	{ "spring-web", "org.springframework" },
	{ "spring-webflux", "org.springframework" },
	{ "spring-webmvc", "org.springframework" },
	{ "spring-websocket", "org.springframework" },
	{ "spring-ws-", "org.springframework.ws" },
	{ "tomcat-", "org.apache.tomcat" },
	{ "tomcat-embed-", "org.apache.tomcat.embed" },
	{ "trogdor", "org.apache.kafka" },
	{ "wire-", "com.squareup.wire" },
	{ "xalan", "xalan" },
	{ "xercesImpl", "xerces" },
	{ "xml-apis", "xml-apis" },
};

static const char *known_group(struct str artifact)
{
	const char *best = NULL;
	size_t longest = 0;
	for (size_t i = 0; i < countof(groups); i++) {
		struct str k = str_of(groups[i].artifact);
		bool prefix = k.p[k.n - 1] == '-';
		if (k.n > longest && (prefix ? str_starts(artifact, k) : str_eq(artifact, k))) {
			best = groups[i].group;
			longest = k.n;
		}
	}
	return best;
}

/* Like a domain from its end, "org.apache.commons". */
static bool domain(struct str s)
{
	static const char *const tops[] = { "com.", "org.", "net.", "io.", "de.", "ch.", "jakarta.", "javax.", "me.", "dev.", "edu.", "eu.", "fr.", "uk.", "app.", "cn.", "ru.", "pl." };
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] == '.' || s.p[i] == '-' || s.p[i] == '_' || digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z')))
			return false;
	for (size_t i = 0; i < countof(tops); i++)
		if (str_starts(s, str_of(tops[i])))
			return true;
	return false;
}

/* A module is named by its group and something for the artifact: "com.fasterxml.jackson.core.jackson-databind", "org.apache.commons.lang3". */
static struct str without_last(struct str s)
{
	const char *dot = memrchr(s.p, '.', s.n);
	struct str head = str_head(s, dot ? (size_t)(dot - s.p) : 0);
	return str_chr(head, '.') ? head : s;
}

static struct str group_of(const struct jar_manifest *m, struct str artifact)
{
	static const u8 modules[] = { MF_BUNDLE_SYMBOLIC_NAME, MF_AUTOMATIC_MODULE_NAME, MF_EXTENSION_NAME, MF_IMPLEMENTATION_TITLE };
	const char *known = known_group(artifact);
	if (m->v[MF_GROUP_ID].n)
		return m->v[MF_GROUP_ID];
	if (known)
		return str_of(known);
	if (m->v[MF_IMPLEMENTATION_VENDOR_ID].n && domain(m->v[MF_IMPLEMENTATION_VENDOR_ID]))
		return m->v[MF_IMPLEMENTATION_VENDOR_ID];
	for (size_t i = 0; i < countof(modules); i++) {
		struct str rest = m->v[modules[i]], v = rest.n ? str_trim(str_cut(&rest, ';')) : rest; /* "name;singleton:=true" */
		if (v.n && domain(v))
			return without_last(v);
	}
	return artifact; /* as many old ones do: commons-io:commons-io */
}

/* Artifacts are small words; titles for people are not. */
static bool is_artifact(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] == '.' || s.p[i] == '-' || s.p[i] == '_' || digit(s.p[i]) || (s.p[i] >= 'a' && s.p[i] <= 'z')))
			return false;
	return s.n != 0;
}

/* Beside a library, not the library: its text and its manual. */
static bool beside(struct str base) { return str_ends(base, STR("-sources")) || str_ends(base, STR("-javadoc")); }

bool java_identify(struct arena *a, const struct jar_manifest *m, struct str base, struct pom *ret)
{
	static const u8 versions[] = { MF_IMPLEMENTATION_VERSION, MF_PLUGIN_VERSION, MF_BUNDLE_VERSION, MF_SPECIFICATION_VERSION };
	struct str name, version, symbolic = m->v[MF_BUNDLE_SYMBOLIC_NAME];
	if (beside(base))
		return false;
	java_file_name(base, &name, &version);
	if (!version.n) {
		for (size_t i = 0; i < countof(versions) && !version.n; i++)
			version = m->v[versions[i]];
		struct str rest = symbolic, tail = symbolic.n ? str_trim(str_cut(&rest, ';')) : symbolic;
		const char *dot = tail.n ? memrchr(tail.p, '.', tail.n) : NULL;
		tail = dot ? str_from(tail, (size_t)(dot - tail.p) + 1) : tail;
		if (m->v[MF_GROUP_ID].n && m->v[MF_SHORT_NAME].n)
			name = m->v[MF_SHORT_NAME];
		else if (dot && str_chr(tail, '-'))
			name = tail; /* catalina.jar is org.apache.tomcat-catalina */
		else if (m->v[MF_IMPLEMENTATION_VERSION].n && is_artifact(m->v[MF_IMPLEMENTATION_TITLE]))
			name = m->v[MF_IMPLEMENTATION_TITLE];
	}
	if (!lang_word(name) || !lang_word(version) || str_is(name, "jrt-fs")) /* which is a part of the JDK, and nowhere else to be had */
		return false;
	struct str group = group_of(m, name), license = m->v[MF_PLUGIN_LICENSE].n ? m->v[MF_PLUGIN_LICENSE] : m->v[MF_BUNDLE_LICENSE];
	*ret = (struct pom){ str_of(arena_bytes(a, group)), str_of(arena_bytes(a, name)), str_of(arena_bytes(a, version)), license, false };
	return true;
}
