/* What an image needs by knowledge: the graph over its tree, programs and scripts, families of data, what everybody counts on. */
#include "elf_of.h"
#include "package/binary.h"
#include "package_world.h"
#include "program/closure.h"
#include "program/graph.h"
#include "program/refer.h"

static const char *none[] = { NULL };
#define LD "/lib64/ld-linux-x86-64.so.2"
#define LIB "usr/lib/x86_64-linux-gnu/"

static void bytes(struct world *w, const char *path, struct str content)
{
	struct tar_entry e = { .path = str_of(path), .type = TAR_FILE, .mode = 0755, .size = content.n, .stored = content.n };
	u32 last = 0;
	while (slim_sets[last + 1])
		last++;
	layer_collect(w->facts[0], put(w, 0, path, TAR_FILE, NULL, content.n), slim_sets[last], &e, e.path, content);
	assert_int_equal(w->facts[0]->problems.n, 0);
}

static void says(struct world *w, const char *path, const char *z) { bytes(w, path, str_of(z)); }

static void elf(struct world *w, const char *path, struct elf_of e)
{
	struct buf b = elf_of(e);
	bytes(w, path, buf_str(&b));
	buf_free(&b);
}

static void start(struct world *w)
{
	begin(w);
	w->img.config = (struct config){ .env = none, .entrypoint = none, .cmd = none, .shell = none, .volumes = none, .workdir = "/" };
	put(w, 0, "lib64", TAR_SYMLINK, "usr/lib64", 0);
	put(w, 0, "bin", TAR_SYMLINK, "usr/bin", 0);
	elf(w, "usr/lib64/ld-linux-x86-64.so.2", (struct elf_of){ .soname = "ld-linux-x86-64.so.2" });
	elf(w, LIB "libc.so.6", (struct elf_of){ .soname = "libc.so.6", .needed = { "ld-linux-x86-64.so.2" }, .symbols = { "x", "system" }, .texts = { "/bin/sh", "/usr/share/zoneinfo" } });
	says(w, "etc/passwd", "root:x:0:0::/root:/bin/sh\n");
	says(w, "usr/share/zoneinfo/Europe/Prague", "TZif");
	says(w, "usr/share/zoneinfo/right/Europe/Prague", "TZif");
	elf(w, LIB "gconv/KOI8-R.so", (struct elf_of){ .needed = { "libc.so.6" } });
	elf(w, "usr/bin/dash", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" } });
	put(w, 0, "usr/bin/sh", TAR_SYMLINK, "dash", 0);
}

static struct graph *reach(struct world *w, const char *exec)
{
	static const struct graph_options o = { .elf = binary_elf };
	w->r = rootfs_build(&w->img, NULL);
	struct graph *g = graph_new(&w->img, w->r, &o);
	graph_configuration(g);
	if (exec)
		graph_shell(g, str_of(exec), GRAPH_START);
	graph_run(g);
	return g;
}

static enum graph_use use(const struct world *w, const struct graph *g, const char *path)
{
	node_id id = rootfs_find(w->r, str_of(path), false);
	if (!id)
		fail_msg("%s is not in the image", path);
	return g->use[id];
}

static void finish(struct world *w, struct graph *g)
{
	for (u32 i = 0; i < g->n; i++) { /* every way up ends at the start, and every directory on the way is there */
		if (!g->use[i])
			continue;
		node_id at = i;
		for (u32 n = 0; at != GRAPH_START; n++, at = g->because[at])
			assert_true(at && n < g->n && (g->use[at] || at == GRAPH_START));
		assert_true(graph_reached(g, rootfs_node(w->r, i)->parent));
	}
	graph_free(g);
	end(w);
}

#define CMD(...) (w.img.config.cmd = (const char *[]){ __VA_ARGS__, NULL })

static void programs(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	elf(&w, "usr/local/bin/report", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" }, .symbols = { "dlopen", "my_tzset", "printf" }, .texts = { "/usr/local/lib/report/plugins/", "/etc/report-%s.conf", "libodd.so.3", "not a path" } });
	elf(&w, "usr/local/lib/report/plugins/a.so", (struct elf_of){ .needed = { "libdeep.so" } });
	elf(&w, LIB "libdeep.so", (struct elf_of){ .soname = "libdeep.so" });
	elf(&w, LIB "libodd.so.3.1", (struct elf_of){ .soname = "libodd.so.3" });
	put(&w, 0, LIB "libodd.so.3", TAR_SYMLINK, "libodd.so.3.1", 0);
	elf(&w, LIB "libidle.so", (struct elf_of){ .soname = "libidle.so" });
	says(&w, "etc/report-en.conf", "x");
	says(&w, "etc/other.conf", "x");
	says(&w, "usr/local/share/report/words", "x");
	CMD("report");
	struct graph *g = reach(&w, NULL);
	assert_true(g->whole);
	assert_int_equal(use(&w, g, "usr/local/bin/report"), USE_START);
	assert_int_equal(use(&w, g, LIB "libc.so.6"), USE_LIBRARY);
	assert_int_equal(use(&w, g, "usr/local/lib/report/plugins/a.so"), USE_DATA);
	assert_int_equal(use(&w, g, LIB "libdeep.so"), USE_LIBRARY);
	assert_int_equal(use(&w, g, LIB "libodd.so.3.1"), USE_PLUGIN);
	assert_true(use(&w, g, LIB "libodd.so.3"));
	assert_int_equal(use(&w, g, "etc/report-en.conf"), USE_NAMED);
	assert_int_equal(use(&w, g, "usr/local/share/report/words"), USE_DATA);
	/* time zones are asked for, by a name that is the end of another; but for the parts that nobody reads */
	assert_int_equal(use(&w, g, "usr/share/zoneinfo/Europe/Prague"), USE_FAMILY);
	assert_false(use(&w, g, "usr/share/zoneinfo/right/Europe/Prague"));
	assert_int_equal(use(&w, g, "etc/passwd"), USE_SYSTEM);
	assert_int_equal(use(&w, g, "usr/local"), USE_SYSTEM);
	/* what nobody asks for; and what only the C library could do */
	assert_false(use(&w, g, LIB "libidle.so") || use(&w, g, "etc/other.conf") || use(&w, g, LIB "gconv/KOI8-R.so") || use(&w, g, "usr/bin/dash"));
	finish(&w, g);
}

static void shells(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	says(&w, "opt/jobs/job", "#!/bin/sh\n# /etc/comment.conf\nhere=$(dirname \"$(readlink -f \"$0\")\")\n. \"$here/lib/$1.sh\"\n");
	says(&w, "opt/jobs/lib/convert.sh", "conv < /etc/convert.conf\n");
	says(&w, "etc/convert.conf", "x");
	says(&w, "etc/comment.conf", "x");
	elf(&w, "usr/bin/conv", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" }, .symbols = { "iconv_open", "system", "puts" } });
	elf(&w, "usr/bin/idle", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" } });
	put(&w, 0, "usr/local/bin/job", TAR_SYMLINK, "/opt/jobs/job", 0);
	CMD("job", "convert");
	struct graph *g = reach(&w, NULL);
	assert_int_equal(use(&w, g, "opt/jobs/job"), USE_START);
	assert_int_equal(use(&w, g, "usr/bin/dash"), USE_INTERPRETER);
	assert_true(use(&w, g, "usr/bin/sh") && use(&w, g, "opt/jobs/lib/convert.sh"));
	assert_int_equal(use(&w, g, "usr/bin/conv"), USE_COMMAND);
	assert_int_equal(use(&w, g, LIB "gconv/KOI8-R.so"), USE_FAMILY);
	assert_int_equal(use(&w, g, "etc/convert.conf"), USE_NAMED);
	assert_false(use(&w, g, "usr/bin/idle") || use(&w, g, "etc/comment.conf"));
	finish(&w, g);
}

/* Who reads texts of others finds what they are written in, but for what only mainframes use; who converts between anything finds all; who knows only the locale's encoding needs none but that one's. */
static void encodings(void **state)
{
	(void)state;
	static const struct {
		const char *library, *symbol, *locale;
		bool texts, all;
	} cases[] = { { "libxml2.so.2", "puts", "cs_CZ.utf8", true, false }, { NULL, "iconv_open", "cs_CZ.utf8", true, true }, { NULL, "setlocale", "cs_CZ.utf8", false, false }, { NULL, "setlocale", "cs_CZ.iso88592", true, false }, { NULL, "puts", "cs_CZ", false, false } };
	for (u32 i = 0; i < countof(cases); i++) {
		struct world w;
		start(&w);
		struct buf locale = BUF(0);
		buf_printf(&locale, "usr/lib/locale/%s/LC_CTYPE", cases[i].locale);
		says(&w, locale.p, "x");
		buf_free(&locale);
		elf(&w, LIB "gconv/IBM1390.so", (struct elf_of){ .needed = { "libc.so.6" } });
		elf(&w, LIB "libxml2.so.2", (struct elf_of){ .soname = "libxml2.so.2", .symbols = { "iconv_open" } });
		elf(&w, "usr/bin/app", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6", cases[i].library }, .symbols = { cases[i].symbol, "exit" } });
		CMD("app");
		struct graph *g = reach(&w, NULL);
		assert_int_equal(use(&w, g, LIB "gconv/KOI8-R.so"), cases[i].texts ? USE_FAMILY : USE_NOT);
		assert_int_equal(use(&w, g, LIB "gconv/IBM1390.so"), cases[i].all ? USE_FAMILY : USE_NOT);
		finish(&w, g);
	}
}

static void asked(void **state)
{
	(void)state;
	struct world w;
	for (u32 told = 0; told < 2; told++) {
		start(&w);
		elf(&w, "usr/bin/idle", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" } });
		put(&w, 0, "var/log/app", TAR_DIR, NULL, 0);
		put(&w, 0, "var/log/app/access.log", TAR_SYMLINK, "/dev/stdout", 0);
		says(&w, "opt/tool/share/x", "x");
		CMD("/bin/sh");
		struct graph *g = reach(&w, told ? "idle -d /opt/tool" : NULL);
		/* What is typed into a shell has no bounds, unless it is said what is used. */
		assert_true(g->whole == (told == 1));
		if (told) {
			assert_int_equal(use(&w, g, "usr/bin/idle"), USE_ASKED);
			assert_true(use(&w, g, "opt/tool/share/x"));
			graph_reach_path(g, 0, STR("/var/log/app"), USE_SEEN, GRAPH_START);
			graph_run(g);
			assert_int_equal(use(&w, g, "var/log/app/access.log"), USE_SYSTEM);
		}
		finish(&w, g);
	}
}

static void kept_out(void **state)
{
	(void)state;
	struct world w;
	start(&w);
	elf(&w, "usr/bin/app", (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" }, .texts = { "/opt/data" } });
	says(&w, "opt/data/a", "x");
	says(&w, "opt/data/deep/b", "x");
	CMD("app");
	w.r = rootfs_build(&w.img, NULL);
	struct graph *g = graph_new(&w.img, w.r, &(struct graph_options){ .elf = binary_elf });
	graph_spare(g, rootfs_find(w.r, STR("opt/data/deep"), false));
	graph_configuration(g);
	graph_run(g);
	assert_int_equal(use(&w, g, "opt/data/a"), USE_DATA);
	assert_false(use(&w, g, "opt/data/deep/b"));
	finish(&w, g);
}

/* What a program starts by a name that its strings do not show: an archiver's packers, the shells of accounts, what repairs its files or speaks to its socket. */
static void started(void **state)
{
	(void)state;
	static const struct { const char *program, *other; enum graph_use use; } cases[] = { { "tar", "xz", USE_FAMILY }, { "tar", "zstd", USE_FAMILY }, { "su", "bash", USE_FAMILY }, { "sudo", "xz", USE_NOT },
		{ "haproxy", "socat", USE_COMMAND }, { "redis-server", "redis-check-aof", USE_COMMAND } };
	for (u32 i = 0; i < countof(cases); i++) {
		struct world w;
		char program[32], other[32];
		snprintf(program, sizeof program, "usr/bin/%s", cases[i].program);
		snprintf(other, sizeof other, "usr/bin/%s", cases[i].other);
		start(&w);
		elf(&w, program, (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" }, .symbols = { "execvp" } });
		elf(&w, other, (struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" } });
		CMD(cases[i].program);
		struct graph *g = reach(&w, NULL);
		assert_int_equal(use(&w, g, other), cases[i].use);
		finish(&w, g);
	}
}

/* The same note whatever pieces a file comes in. */
static void pieces(void **state)
{
	(void)state;
	struct buf b = elf_of((struct elf_of){ .interpreter = LD, .needed = { "libc.so.6" }, .symbols = { "execvp", "getpwnam", "Perl_my_popen", "rmdir" }, .texts = { "/etc/a.conf:/etc/b.conf", "libx-%s.so", "sendmail", "gzip -dc %s | tar xf -" } }), whole = BUF(0);
	const struct collector_stream *s = refer_collector.stream;
	for (size_t piece = b.n; piece > 100; piece = piece / 2 + 1) {
		struct buf note = BUF(0);
		void *at = s->open();
		s->begin(at, STR("usr/bin"), STR("x"), &(struct tar_entry){ 0 });
		s->feed(at, str_head(buf_str(&b), MAX(piece, (size_t)300)));
		for (size_t i = MAX(piece, (size_t)300); i < b.n; i += piece)
			s->feed(at, str_head(str_from(buf_str(&b), i), piece));
		assert_int_equal(s->end(at, &note, NULL), 0);
		s->close(at);
		if (!whole.n)
			buf_add(&whole, buf_str(&note));
		assert_true(str_eq(buf_str(&note), buf_str(&whole)));
		buf_free(&note);
		if (piece < 200)
			break;
	}
	struct str note = buf_str(&whole);
	u32 functions = refer_functions(note);
	assert_true(functions & REFER_EXEC && functions & REFER_ACCOUNTS && functions & REFER_SHELL && !(functions & REFER_ICONV));
	assert_true(str_contains(note, STR("p/etc/a.conf\np/etc/b.conf\n")) && str_contains(note, STR("llibx-%s.so\n")));
	assert_true(refer_says(note, STR("sendmail")) && refer_says(note, STR("gzip")) && refer_says(note, STR("tar")) && !refer_says(note, STR("mail")) && !refer_says(note, STR("rmdir")));
	buf_free(&whole);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(programs), cmocka_unit_test(shells), cmocka_unit_test(encodings), cmocka_unit_test(asked), cmocka_unit_test(kept_out), cmocka_unit_test(started), cmocka_unit_test(pieces) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
