/* source_java.c — Java classes and the archives they come in: what they name that lies outside of their class path.
 *
 *      app.jar ─► META-INF/MANIFEST.MF   Class-Path            m lib/x.jar
 *              ─► *.class ─► constants   paths                 s /etc/app/x.properties
 *              │                         ProcessBuilder, exec  x run, and what may be the program's name: s sh, c ls -l
 *              │                         loadLibrary("x")      s libx.so
 *              │                         java.awt, …           d uses TAB java.awt
 *              ─► *.properties, *.xml …  paths
 *              ─► *.so ─► needed         s libstdc++.so.6      native code that unpacks itself
 *              ─► BOOT-INF/lib/y.jar     the same again, JAVA_DEPTH deep
 *
 * Of a class its constant pool is read (JVMS 4.4), no code. Whoever starts a program may do so by a name that another class of the archive holds: the short words of all of them are told then. */
#include "base/hash.h"
#include "base/hashtab.h"
#include "base/zip.h"
#include "program/source.h"

#define JAVA_DEPTH 3u
#define JAVA_ARCHIVE ((u64)128 * MiB) /* of a jar how much is read */
#define JAVA_CLASS (MiB)
#define JAVA_TEXT (256 * KiB)
#define JAVA_NATIVE (16 * MiB)
#define JAVA_WORDS ((size_t)(96 * KiB)) /* words that may be programs' names, of an archive */

struct java {
	struct source_note *n;
	struct zip_budget budget;
	struct buf words; /* each with a zero behind it */
	struct hashtab seen;
	bool runs, over;
};

static bool is_archive(struct str name) { return str_ends(name, STR(".jar")) || str_ends(name, STR(".war")) || str_ends(name, STR(".ear")) || str_ends(name, STR(".rar")) || str_ends(name, STR(".jmod")); }
static bool is(struct str dir, struct str name) { return (str_ends(name, STR(".class")) || is_archive(name)) && !str_is(str_base(dir), "jmods"); }

/* --- the constant pool --- */
static u32 be16(const char *p) { return (u32)((u8)p[0] << 8 | (u8)p[1]); }

enum { UTF8 = 1, CLASS = 7, STRING = 8 };

struct pool {
	struct str bytes;
	u32 *at; /* of each constant where its tag stands; 0 none */
	u32 n;
};

static bool pool_open(struct str b, struct pool *p)
{
	static const u8 sizes[21] = { [3] = 4, [4] = 4, [5] = 8, [6] = 8, [7] = 2, [8] = 2, [9] = 4, [10] = 4, [11] = 4, [12] = 4, [15] = 3, [16] = 2, [17] = 4, [18] = 4, [19] = 2, [20] = 2 };
	*p = (struct pool){ .bytes = b };
	if (b.n < 10 || memcmp(b.p, "\xca\xfe\xba\xbe", 4) != 0)
		return false;
	p->n = be16(b.p + 8);
	p->at = xcalloc(p->n + 1, sizeof *p->at);
	size_t at = 10;
	for (u32 i = 1; i < p->n; i++) {
		u8 tag = at < b.n ? (u8)b.p[at] : 0;
		size_t size = tag == UTF8 && b.n - at >= 3 ? 2 + be16(b.p + at + 1) : tag < sizeof sizes && tag != UTF8 ? sizes[tag] : 0;
		if (!size || size >= b.n - at)
			break; /* damaged: what came so far */
		p->at[i] = (u32)at;
		at += 1 + size;
		i += tag == 5 || tag == 6; /* these take two places */
	}
	return true;
}

static u8 tag_of(const struct pool *p, u32 i) { return i < p->n && p->at[i] ? (u8)p->bytes.p[p->at[i]] : 0; }

static struct str utf8(const struct pool *p, u32 i)
{
	return tag_of(p, i) == UTF8 ? str_n(p->bytes.p + p->at[i] + 3, be16(p->bytes.p + p->at[i] + 1)) : STR("");
}

static struct str named(const struct pool *p, u32 i) { return utf8(p, be16(p->bytes.p + p->at[i] + 1)); }

/* --- strings --- */
static bool is_word(struct str s)
{
	if (!s.n || s.n > 32)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (i && (c == '-' || c == '_' || c == '.' || c == '+'))))
			return false;
	}
	return true;
}

/* A word that may be a program's name: told when it turns out that programs are started. */
static void keep_word(struct java *j, struct str s)
{
	u32 h = (u32)hash64(s, hash_seed);
	for (u32 at = h, id; (id = hashtab_next(&j->seen, h, &at));)
		if (str_is(s, j->words.p + id - 1) && j->words.p[id - 1 + s.n] == '\0')
			return;
	if (j->words.n + s.n + 1 > JAVA_WORDS) {
		j->over = true;
		return;
	}
	hashtab_add(&j->seen, h, (u32)j->words.n + 1);
	buf_add(&j->words, s);
	buf_putc(&j->words, '\0');
}

static void literal(struct java *j, struct str s, bool runs, bool loads)
{
	if (!s.n || s.n > 4096)
		return;
	if (s.n > 1 && s.p[0] == '/' && s.p[1] != '/' && s.p[1] != '*')
		source_tell(j->n, 's', s);
	else if (str_starts(s, STR("file:/")))
		source_tell(j->n, 's', str_from(s, str_starts(s, STR("file:///")) ? 7 : 5));
	else if (runs && str_chr(s, ' '))
		source_tell(j->n, 'c', s);
	else if (is_word(s))
		keep_word(j, s);
	if (loads && is_word(s)) {
		char name[48];
		int n = snprintf(name, sizeof name, "lib%.*s.so", (int)s.n, s.p);
		source_tell(j->n, 's', str_n(name, (size_t)n));
	}
}

static void uses(struct java *j, struct str class)
{
	static const struct { char begins[24]; const char *api; } apis[] = { { "java/awt/", "java.awt" }, { "javax/swing/", "java.awt" }, { "javax/imageio/", "java.awt" }, { "javax/sound/", "javax.sound" }, { "javafx/", "java.awt" },
		{ "javax/print/", "javax.print" }, { "javax/tools/", "javax.tools" }, { "com/sun/tools/", "javax.tools" }, { "javax/smartcardio/", "javax.smartcardio" }, { "java/lang/instrument", "java.instrument" }, { "com/sun/tools/attach", "java.instrument" },
		{ "sun/security/pkcs11", "sun.security.pkcs11" }, { "javax/security/sasl/", "javax.security.sasl" }, { "org/ietf/jgss/", "javax.security.sasl" } };
	for (size_t i = 0; i < countof(apis); i++)
		if (str_starts(class, str_of(apis[i].begins))) {
			char line[48];
			snprintf(line, sizeof line, "uses\t%s", apis[i].api);
			source_tell(j->n, 'd', str_of(line));
		}
}

static void read_class(struct java *j, struct str bytes)
{
	static const char *const starters[] = { "java/lang/ProcessBuilder", "org/apache/commons/exec/CommandLine", "org/zeroturnaround/exec/ProcessExecutor", "scala/sys/process/Process", "scala/sys/process/package$",
		"com/pty4j/PtyProcessBuilder", "com/zaxxer/nuprocess/NuProcessBuilder", NULL };
	struct pool p;
	bool runs = false, runtime = false, exec = false, loads = false, system = false;
	if (!pool_open(bytes, &p))
		return;
	for (u32 i = 1; i < p.n; i++) {
		u8 tag = tag_of(&p, i);
		struct str s = tag == UTF8 ? utf8(&p, i) : tag == CLASS ? named(&p, i) : STR("");
		if (tag == CLASS) {
			runs |= str_listed(s, starters);
			runtime |= str_is(s, "java/lang/Runtime");
			system |= str_is(s, "java/lang/System") || str_is(s, "com/sun/jna/Native");
			uses(j, s);
		} else if (tag == UTF8) {
			exec |= str_is(s, "exec");
			loads |= str_is(s, "loadLibrary") || str_is(s, "load") || str_is(s, "register");
		}
	}
	runs |= runtime && exec;
	j->runs |= runs;
	for (u32 i = 1; i < p.n; i++)
		if (tag_of(&p, i) == STRING)
			literal(j, named(&p, i), runs, loads && (system || runtime));
	free(p.at);
}

/* --- what else lies in archives --- */

/* Class-Path: names relative to the archive, of any number of lines that begin with a blank. */
static void read_manifest(struct java *j, struct str text)
{
	static const struct str name = { "Class-Path:", 11 };
	struct buf value = BUF(64 * KiB);
	bool in = false;
	while (text.p) {
		struct str line = str_cut(&text, '\n');
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (!(in = line.n && line.p[0] == ' ' ? in : str_ieq(str_head(line, name.n), name)))
			continue;
		buf_add(&value, str_from(line, line.p[0] == ' ' ? 1 : name.n));
	}
	for (struct str rest = buf_str(&value); rest.p;)
		source_tell(j->n, 'm', str_trim(str_cut(&rest, ' ')));
	buf_free(&value);
}

static bool is_delimiter(char c) { return c == '\0' || strchr(" \t\r\n\"'<>=,;:|()[]{}", c) != NULL; }

/* Absolute paths in a text. */
static void read_text(struct java *j, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '/' || (i && !is_delimiter(text.p[i - 1])))
			continue;
		size_t from = i;
		while (i < text.n && !is_delimiter(text.p[i]))
			i++;
		struct str s = str_n(text.p + from, i - from);
		s = str_starts(s, STR("///")) ? str_from(s, 2) : s;
		if (s.n > 1 && s.p[1] != '/' && s.p[1] != '*')
			source_tell(j->n, 's', s);
	}
}

/* The libraries that native code in an archive names: it is unpacked and loaded. */
static void read_native(struct java *j, struct str bytes)
{
	if (bytes.n < 4 || memcmp(bytes.p, "\177ELF", 4) != 0)
		return;
	for (size_t i = 1; i + 6 < bytes.n; i++) {
		const char *at = memmem(bytes.p + i, bytes.n - i, "lib", 3);
		if (!at)
			return;
		i = (size_t)(at - bytes.p);
		size_t n = strnlen(at, MIN(bytes.n - i, (size_t)64));
		if (at[-1] == '\0' && n < 64 && str_contains(str_n(at, n), STR(".so")))
			source_tell(j->n, 's', str_n(at, n));
	}
}

static void read_archive(struct java *j, struct str bytes, u32 depth);

static void read_entry(struct java *j, struct zip *z, const struct zip_entry *e, u32 depth)
{
	struct str base = str_base(e->name), content;
	bool class = str_ends(base, STR(".class")), manifest = str_is(e->name, "META-INF/MANIFEST.MF") && depth == 1, archive = is_archive(base), native = str_contains(base, STR(".so"));
	bool text = str_ends(base, STR(".properties")) || str_ends(base, STR(".xml")) || str_ends(base, STR(".yml")) || str_ends(base, STR(".yaml")) || str_ends(base, STR(".conf"));
	if (!class && !manifest && !text && !native && (!archive || depth >= JAVA_DEPTH))
		return;
	u64 limit = archive ? ZIP_NESTED_MAX : native ? JAVA_NATIVE : class ? JAVA_CLASS : JAVA_TEXT;
	struct buf out = BUF(limit + 1);
	struct error err = { 0 };
	if (zip_read(z, e, limit, !archive, &out, &content, &err) == 0) {
		if (class)
			read_class(j, content);
		else if (archive)
			read_archive(j, content, depth + 1);
		else if (manifest)
			read_manifest(j, content);
		else if (native)
			read_native(j, content);
		else
			read_text(j, content);
	} else {
		source_tell(j->n, 'x', STR("cut"));
	}
	buf_free(&out);
}

static void read_archive(struct java *j, struct str bytes, u32 depth)
{
	struct zip *z = NULL;
	struct zip_entry e;
	struct error err = { 0 };
	int more = -1;
	if (!zip_is(bytes))
		return;
	if (zip_open(bytes, &j->budget, &z, &err) == 0)
		while (!j->budget.over && (more = zip_next(z, &e, &err)) == 1)
			read_entry(j, z, &e, depth);
	if (more != 0)
		source_tell(j->n, 'x', STR("cut"));
	zip_close(z);
}

static void read(struct str dir, struct str name, struct str text, struct source_note *n)
{
	(void)dir;
	struct java j = { .n = n, .words = BUF(JAVA_WORDS + 1) };
	hashtab_open(&j.seen, 64);
	if (is_archive(name))
		read_archive(&j, text, 1);
	else
		read_class(&j, text);
	if (j.runs)
		source_tell(n, 'x', STR("run"));
	/* A class by itself may hold the name that another one starts. */
	for (struct str rest = buf_str(&j.words); (j.runs || !is_archive(name)) && rest.n;)
		source_tell(n, 's', str_cut(&rest, '\0'));
	if (j.runs && j.over)
		source_tell(n, 'x', STR("cut"));
	hashtab_free(&j.seen);
	buf_free(&j.words);
}

const struct source_language source_java = { .letter = 'J', .name = "Java", .is = is, .bytes = JAVA_ARCHIVE, .read = read };
