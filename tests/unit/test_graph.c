#include "base/buf.h"
#include "dockerfile/graph.h"
#include <setjmp.h>
#include <cmocka.h>

static struct df_file file;
static struct df_graph g;

static void build(const char *text, const struct df_graph_options *opt)
{
	assert_int_equal(df_parse(str_of(text), &file, NULL), 0);
	df_graph_build(&file, opt, &g);
}

static int clear(void **state)
{
	(void)state;
	df_graph_free(&g);
	df_free(&file);
	return 0;
}

/* The state before the instruction at `line`. */
static const struct df_state *at(u32 line)
{
	for (u32 i = 0; i < file.n_instructions; i++)
		if (file.instructions[i].line == line)
			return g.state[i];
	fail_msg("no instruction at line %u", line);
	return NULL;
}

static const char *text(struct str s)
{
	static char buf[4][200];
	static u32 next;
	char *p = buf[next++ % 4];

	if (!s.p)
		return "(none)";
	snprintf(p, 200, "%.*s", (int)s.n, s.p);
	return p;
}

/* "value", "?" when it isn't known, "(none)" when there is no such variable. */
static const char *value(u32 line, const char *name)
{
	const struct df_var *v = df_state_var(at(line), str_of(name));

	return !v ? "(none)" : !v->known ? "?" : text(v->value);
}

static void stages(void **state)
{
	(void)state;
	build("ARG V=12\n"
	      "FROM debian:${V} AS Build\n"
	      "FROM build AS test\n"
	      "FROM alpine as unused\n"
	      "FROM golang as mounted\n"
	      "FROM scratch\n"
	      "COPY --from=BUILD /x /x\n"
	      "RUN --mount=type=bind,from=mounted,target=/m --mount=type=cache,target=/c true\n"
	      "COPY --from=0 /y /y\n", NULL);
	assert_int_equal(g.n_stages, 5);
	assert_int_equal(g.target, 4);
	assert_string_equal(text(g.stages[0].image_expanded), "debian:12");
	assert_true(g.stages[0].image_known);
	assert_int_equal(g.stages[0].base, DF_NONE);
	assert_int_equal(g.stages[1].base, 0);
	assert_string_equal(text(g.stages[0].name), "Build");
	assert_true(g.stages[4].scratch && !g.stages[3].scratch);
	assert_int_equal(g.stages[4].n_uses, 2); /* each once */
	assert_int_equal(g.stages[4].uses[0], 0);
	assert_int_equal(g.stages[4].uses[1], 3);
	static const char needed[] = "y..yy", ships[] = "....y";
	for (u32 i = 0; i < 5; i++) {
		assert_int_equal(g.stages[i].needed, needed[i] == 'y');
		assert_int_equal(g.stages[i].ships, ships[i] == 'y');
	}
	assert_int_equal(g.stage_of[0], DF_NONE);
	assert_int_equal(g.stage_of[1], 0);
}

static void target(void **state)
{
	(void)state;
	build("FROM a AS one\nFROM one AS two\nFROM two AS three\nFROM x\n", &(struct df_graph_options){ .target = STR("TWO") });
	assert_int_equal(g.target, 1);
	assert_true(g.stages[0].ships && g.stages[1].ships && g.stages[1].target);
	assert_false(g.stages[2].needed || g.stages[3].needed);
}

/* Names are looked up among earlier stages only; FROM compares with the name in lower case, as it is. */
static void names(void **state)
{
	(void)state;
	build("FROM later AS a\nFROM a AS a\nCOPY --from=a x y\nFROM A AS b\nCOPY --from=b x y\nCOPY --from=9 x y\nFROM b AS later\nCOPY --from=a x y\n", NULL);
	assert_int_equal(g.stages[0].base, DF_NONE);
	assert_int_equal(g.stages[1].base, 0);
	assert_int_equal(g.stages[1].n_uses, 1);
	assert_int_equal(g.stages[1].uses[0], 0);
	assert_int_equal(g.stages[2].base, DF_NONE);
	assert_int_equal(g.stages[2].n_uses, 0);
	assert_int_equal(g.stages[3].uses[0], 1); /* the last of that name */
	assert_int_equal(df_graph_stage(&g, STR("A"), 1), 0);
	assert_int_equal(df_graph_stage(&g, STR("a"), 0), DF_NONE);
	assert_int_equal(df_graph_stage(&g, STR("2"), 4), 2);
	assert_int_equal(df_graph_stage(&g, STR("4"), 4), DF_NONE);
	assert_int_equal(df_graph_stage(&g, STR(""), 4), DF_NONE);
}

static void from_without_values(void **state)
{
	(void)state;
	build("ARG TAG\nARG BASE=ba\nFROM x AS base\nFROM img:${TAG}\nFROM ${BASE}se\nFROM base${TAG}\nFROM $NOPE\nFROM ${NOPE:-a}${TAG-b}\n", NULL);
	assert_false(g.stages[1].image_known);
	assert_string_equal(text(g.stages[1].image_expanded), "img:${TAG}");
	assert_int_equal(g.stages[2].base, 0);
	assert_int_equal(g.stages[3].base, 0); /* what is not set is empty */
	assert_false(g.stages[3].image_known);
	assert_string_equal(text(g.stages[4].image_expanded), "$NOPE");
	assert_true(g.stages[5].image_known);
	assert_string_equal(text(g.stages[5].image_expanded), "ab");
	clear(NULL);
	struct str args[] = { STR("TAG=1"), STR("TAG=2") };
	build("ARG TAG=0\nFROM img:${TAG}\n", &(struct df_graph_options){ .build_args = args, .n_build_args = 2 });
	assert_string_equal(text(g.stages[0].image_expanded), "img:2");
}

static void variables(void **state)
{
	(void)state;
	build("ARG G=global\n"
	      "ARG H=$G-h\n"
	      "FROM scratch AS a\n"
	      "ENV A=1 B=$A\n"
	      "ENV C=$A D=\"$A b\" E=${X:-d} F='$A'\n"
	      "ARG G\n"
	      "ARG H=local I N\n"
	      "ARG TARGETARCH\n"
	      "RUN true\n"
	      "ENV A=2\n"
	      "FROM a\n"
	      "RUN true\n", NULL);
	assert_string_equal(value(4, "A"), "(none)");
	assert_string_equal(value(5, "A"), "1");
	assert_string_equal(value(5, "B"), "");       /* the whole ENV is expanded before it holds */
	assert_string_equal(value(6, "C"), "1");
	assert_string_equal(value(6, "D"), "1 b");
	assert_string_equal(value(6, "E"), "d");
	assert_string_equal(value(6, "F"), "$A");
	assert_string_equal(value(6, "G"), "(none)"); /* global: only once it is declared */
	assert_string_equal(value(7, "G"), "global");
	assert_string_equal(value(8, "H"), "local");
	assert_string_equal(value(8, "N"), "?");
	assert_string_equal(value(9, "TARGETARCH"), "amd64");
	assert_true(df_state_var(at(9), STR("TARGETARCH"))->predefined);
	assert_false(df_state_var(at(9), STR("A"))->predefined);
	assert_true(df_state_var(at(9), STR("A"))->env && !df_state_var(at(9), STR("H"))->env);
	assert_int_equal(df_state_var(at(9), STR("A"))->instruction, 3);
	assert_string_equal(value(12, "A"), "2");     /* from the base stage, ARGs too */
	assert_string_equal(value(12, "H"), "local");
	assert_string_equal(value(4, "PATH"), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_string_equal(value(3, "TARGETPLATFORM"), "linux/amd64"); /* in FROM */
	assert_string_equal(value(3, "H"), "global-h");
	assert_ptr_equal(at(8), at(8));
}

static void unknown(void **state)
{
	(void)state;
	build("FROM debian\nENV A=$PATH:/x B=$JAVA_HOME/x C=plain\nARG N\nENV D=$N\nWORKDIR rel\nRUN x\nWORKDIR /abs\nWORKDIR ../b/./c\nRUN x\nUSER $WHO\nRUN x\n", NULL);
	assert_false(at(2)->env_known);
	assert_string_equal(value(3, "A"), "?");
	assert_string_equal(value(3, "B"), "?");
	assert_string_equal(value(3, "C"), "plain");
	assert_string_equal(value(5, "D"), "?");
	assert_null(at(5)->workdir.p);
	assert_string_equal(text(at(6)->workdir), "rel"); /* relative to what the image says */
	assert_true(at(6)->workdir_set);
	assert_string_equal(text(at(9)->workdir), "/b/c");
	assert_string_equal(text(at(11)->user), "$WHO");
	clear(NULL);
	build("FROM scratch\nWORKDIR rel\nWORKDIR ../../up\nWORKDIR ${NOPE}\nRUN x\n", NULL);
	assert_string_equal(text(at(3)->workdir), "/rel");
	assert_string_equal(text(at(4)->workdir), "/up");
	assert_string_equal(text(at(5)->workdir), "/up");
}

static void shells_and_users(void **state)
{
	(void)state;
	build("FROM debian AS a\nRUN x\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nUSER app\nRUN y\nFROM a\nRUN z\nFROM debian\nRUN x\n", NULL);
	assert_null(at(2)->shell);
	assert_int_equal(at(5)->n_shell, 4);
	assert_string_equal(text(at(5)->shell[2]), "pipefail");
	assert_int_equal(at(5)->shell_at, 2);
	assert_string_equal(text(at(7)->user), "app");
	assert_int_equal(at(7)->user_at, 3);
	assert_null(at(9)->shell);
	assert_null(at(9)->user.p);
	assert_ptr_equal(at(7), at(5)); /* nothing changed in between */
}

static void onbuild(void **state)
{
	(void)state;
	build("FROM scratch AS tool\nFROM scratch AS a\nONBUILD ENV O=1\nONBUILD USER u\nONBUILD COPY --from=tool /a /b\nRUN x\nFROM a AS b\nRUN y\nFROM b\nRUN z\n", NULL);
	assert_string_equal(value(6, "O"), "(none)");
	assert_string_equal(value(8, "O"), "1");
	assert_string_equal(text(at(8)->user), "u");
	assert_string_equal(value(10, "O"), "1"); /* inherited, not triggered again */
	assert_int_equal(g.stages[1].n_uses, 0 + 0);
	assert_int_equal(g.stages[2].n_uses, 1);
	assert_int_equal(g.stages[2].uses[0], 0);
	assert_int_equal(g.stages[1].n_onbuild, 3);
	assert_true(g.stages[0].needed);
	assert_int_equal(g.stages[2].n_triggers, 3); /* each with what holds before it */
	assert_null(df_state_var(g.stages[2].triggers[0].state, STR("O")));
	assert_non_null(df_state_var(g.stages[2].triggers[1].state, STR("O")));
	assert_int_equal(g.stages[2].triggers[2].instruction->keyword, DF_COPY);
	assert_int_equal(g.stages[3].n_triggers, 0);
	clear(NULL);
	build("FROM scratch AS a\nONBUILD COPY one\nFROM a\n", NULL);
	assert_null(g.stages[1].triggers[0].instruction);
	assert_string_equal(text(g.stages[1].triggers[0].text), "COPY one");
	assert_non_null(strstr(g.stages[1].triggers[0].why, "COPY"));
}

/* For a build what is not set is nothing, and the platform is what is built for. */
static void exact(void **state)
{
	(void)state;
	static const struct str platform[] = { { "TARGETARCH=arm", 14 }, { "TARGETVARIANT=v7", 16 } }, args[] = { { "TARGETVARIANT=v9", 16 } };
	struct df_graph_options o = { .platform = platform, .n_platform = 2, .build_args = args, .n_build_args = 1, .exact = true };
	build("ARG S\nFROM java$S AS a\nARG TARGETARCH\nARG TARGETVARIANT\nARG TARGETOS=mine\nARG \"Q\"=1\nRUN x\n", &o);
	assert_true(g.stages[0].image_known && !g.over);
	assert_string_equal(text(g.stages[0].image_expanded), "java");
	assert_string_equal(value(7, "TARGETARCH"), "arm");
	assert_string_equal(value(7, "TARGETVARIANT"), "v9");
	assert_string_equal(value(7, "TARGETOS"), "mine");
	assert_string_equal(value(7, "Q"), "1");
	clear(NULL);
	build("FROM scratch AS a\nENV E=env F=env\nARG E=arg\nARG G=arg\nRUN x\nFROM a\nRUN x\nARG E=2\nFROM a\nRUN x\n", NULL);
	assert_string_equal(value(5, "E"), "arg");
	assert_string_equal(value(7, "E"), "env"); /* what ships */
	assert_string_equal(value(7, "G"), "arg");
	assert_string_equal(value(10, "E"), "env");
	clear(NULL);
	o.platform = NULL;
	o.n_platform = 0;
	build("FROM scratch\nARG TARGETARCH\nRUN x\n", &o);
	assert_string_equal(value(3, "TARGETARCH"), "amd64");
}

static bool know(void *ctx, const struct df_stage *stage, struct df_base *ret)
{
	struct str image = stage->image_expanded;
	static const struct str env[] = { { "JAVA_HOME=/java", 15 }, { "PATH=/java/bin", 14 } }, shell[] = { { "/bin/ash", 8 }, { "-c", 2 } },
		triggers[] = { { "ENV T=$JAVA_HOME", 16 }, { "COPY x", 6 }, { "WORKDIR t", 9 } };

	(*(u32 *)ctx)++;
	if (!str_is(image, "java:8"))
		return false;
	*ret = (struct df_base){ .user = STR("java"), .workdir = STR("/w"), .env = env, .n_env = 2, .shell = shell, .n_shell = 2, .onbuild = triggers, .n_onbuild = 3 };
	return true;
}

static void base_image(void **state)
{
	(void)state;
	u32 asked = 0;
	build("ARG V=8\nFROM java:$V\nENV J=$JAVA_HOME/x K=$NOPE\nRUN x\nFROM other\nRUN x\n", &(struct df_graph_options){ .base = know, .ctx = &asked });
	assert_int_equal(asked, 2);
	assert_true(at(4)->env_known);
	assert_string_equal(value(4, "J"), "/java/x");
	assert_string_equal(value(4, "K"), "");
	assert_string_equal(value(4, "PATH"), "/java/bin");
	assert_string_equal(value(4, "T"), "/java");
	assert_string_equal(text(at(4)->user), "java");
	assert_string_equal(text(at(4)->workdir), "/w/t");
	assert_string_equal(text(at(4)->shell[0]), "/bin/ash");
	assert_int_equal(g.stages[0].n_triggers, 3);
	assert_null(g.stages[0].triggers[1].instruction); /* "COPY x" lacks where to */
	assert_string_equal(text(g.stages[0].triggers[2].text), "WORKDIR t");
	assert_false(at(6)->env_known);
}

static void without_from(void **state)
{
	(void)state;
	build("ARG A=1\nRUN x\nARG A\nRUN y\n", NULL);
	assert_int_equal(g.n_stages, 1);
	assert_int_equal(g.stages[0].from, DF_NONE);
	assert_int_equal(g.stage_of[0], DF_NONE);
	assert_int_equal(g.stage_of[1], 0);
	assert_string_equal(value(4, "A"), "1");
	assert_true(g.stages[0].ships);
	clear(NULL);
	build("# nothing\n", NULL);
	assert_int_equal(g.target, DF_NONE);
	clear(NULL);
	build("ARG X\n", NULL);
	assert_int_equal(g.n_stages, 0);
}

static void windows(void **state)
{
	(void)state;
	build("FROM mcr.microsoft.com/windows/servercore:ltsc2022 AS w\nWORKDIR C:\\\\app\nRUN x\nFROM w\nFROM --platform=windows/amd64 x\nFROM debian\n", NULL);
	assert_true(g.stages[0].windows && g.stages[1].windows && g.stages[2].windows && !g.stages[3].windows);
	assert_string_equal(text(at(3)->workdir), "C:\\app");
	assert_string_equal(value(2, "PATH"), "(none)");
}

/* Values that double must end, and many names stay findable. */
static void hostile(void **state)
{
	(void)state;
	struct buf b = BUF(0);
	buf_puts(&b, "FROM scratch\nENV A=0123456789abcdef\n");
	for (u32 i = 0; i < 60; i++)
		buf_puts(&b, "ENV A=$A$A\n");
	buf_puts(&b, "RUN x\n");
	build(b.p, NULL);
	assert_string_equal(value(63, "A"), "?");
	clear(NULL);
	buf_clear(&b);
	buf_puts(&b, "FROM scratch\n");
	for (u32 i = 0; i < 20000; i++)
		buf_printf(&b, "ENV N%u=%u\n", i, i);
	for (u32 i = 0; i < 20000; i++)
		buf_printf(&b, "FROM scratch AS s%u\nCOPY --from=s%u a b\n", i, i ? i - 1 : 0);
	build(b.p, NULL);
	assert_string_equal(value(20001, "N77"), "77");
	assert_int_equal(g.stages[20000].uses[0], 19999);
	clear(NULL);
	buf_clear(&b);
	buf_puts(&b, "FROM scratch AS a\nONBUILD ENV X=1\nONBUILD ENV Y=$X X=2 Z=$X\n");
	for (u32 i = 0; i < 5; i++) {
		buf_puts(&b, "ENV");
		for (u32 k = 0; k < 50000; k++)
			buf_printf(&b, " V%u=%u", k % 40000, i);
		buf_puts(&b, "\n");
	}
	buf_puts(&b, "RUN x\nFROM a\nRUN x\n");
	build(b.p, NULL);
	assert_string_equal(value(5, "V7"), "0");
	assert_string_equal(value(7, "V39999"), "2");
	assert_string_equal(value(9, "V7"), "3");     /* over DF_VARS */
	assert_false(at(9)->env_known);
	assert_true(g.over);
	clear(NULL);
	build("FROM scratch AS a\nONBUILD ENV X=1\nONBUILD ENV Y=$X X=2 Z=$X\nFROM a\nRUN x\n", NULL);
	assert_string_equal(value(5, "Y"), "1");
	assert_string_equal(value(5, "Z"), "1");
	assert_string_equal(value(5, "X"), "2");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(stages, clear), cmocka_unit_test_teardown(target, clear), cmocka_unit_test_teardown(names, clear),
		cmocka_unit_test_teardown(from_without_values, clear), cmocka_unit_test_teardown(variables, clear), cmocka_unit_test_teardown(unknown, clear),
		cmocka_unit_test_teardown(shells_and_users, clear), cmocka_unit_test_teardown(onbuild, clear), cmocka_unit_test_teardown(base_image, clear), cmocka_unit_test_teardown(exact, clear),
		cmocka_unit_test_teardown(without_from, clear), cmocka_unit_test_teardown(windows, clear), cmocka_unit_test_teardown(hostile, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
