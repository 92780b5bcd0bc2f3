#include "dockerfile/parse.h"
#include "base/buf.h"
#include "dockerfile/word.h"
#include <setjmp.h>
#include <cmocka.h>

#include "../../fuzz/dockerfile_check.h"

static struct df_file parsed(const char *text)
{
	struct df_file f;
	struct error err = { 0 };
	assert_int_equal(df_parse(str_of(text), &f, &err), 0);
	check_file(&f);
	return f;
}

#define IS(s, z) assert_true(str_is((s), (z)))

/* "FROM[1-1] a b; RUN[2-5] x": what suffices to compare. */
static void shape(const struct df_file *f, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (u32 i = 0; i < f->n_instructions; i++) {
		const struct df_instruction *in = &f->instructions[i];
		n += (size_t)snprintf(out + n, size - n, "%s%.*s[%u-%u]", i ? "; " : "", STR_FMT(in->word.s), in->line, in->end_line);
		for (u32 k = 0; k < in->n_args; k++)
			n += (size_t)snprintf(out + n, size - n, " <%.*s>", STR_FMT(in->args[k].s));
	}
}

static void test_shapes(void **state)
{
	(void)state;
	static const struct {
		const char *text, *shape;
	} rows[] = {
		{ "FROM a AS b\n", "FROM[1-1] <a> <AS> <b>" },
		{ "from a\nrun  x  y \n", "from[1-1] <a>; run[2-2] <x  y>" },
		{ "FROM a\nRUN b \\\n  # why\n\n  c\nCMD d", "FROM[1-1] <a>; RUN[2-5] <b   c>; CMD[6-6] <d>" },
		{ "\n\n# x\nFROM a\n  # y\n", "FROM[4-4] <a>" },
		{ "FROM a\nRUN b \\", "FROM[1-1] <a>; RUN[2-2] <b>" },
		{ "FROM a\nRUN b \\\\\nUSER c\n", "FROM[1-1] <a>; RUN[2-2] <b \\\\>; USER[3-3] <c>" }, /* two are an escaped one */
		{ "\\\nFROM a\n", "FROM[1-2] <a>" },
		{ "# escape=`\nFROM a\nRUN b `\n c\\\nUSER d\n", "FROM[2-2] <a>; RUN[3-4] <b  c\\>; USER[5-5] <d>" },
		{ "FROM a\nCOPY [\"x y\", \"z\"]\nCOPY [x y\n", "FROM[1-1] <a>; COPY[2-2] <x y> <z>; COPY[3-3] <[x> <y>" },
		{ "FROM a\nHEALTHCHECK --retries=2 CMD [\"x\",\"y\"]\nHEALTHCHECK NONE\n", "FROM[1-1] <a>; HEALTHCHECK[2-2] <CMD> <x> <y>; HEALTHCHECK[3-3] <NONE>" },
		{ "FROM a\nCMD --x -- [ ]\n", "FROM[1-1] <a>; CMD[2-2]" },
		{ "FROM a\r\nRUN b \\\r\n  c\r\n", "FROM[1-1] <a>; RUN[2-3] <b   c>" },
		{ "FROM\ta\vb\n", "FROM[1-1] <a> <b>" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct df_file f = parsed(rows[i].text);
		char got[1024];
		shape(&f, got, sizeof got);
		assert_string_equal(got, rows[i].shape);
		df_free(&f);
	}
}

static void test_directives(void **state)
{
	(void)state;
	struct df_file f = parsed("#syntax=docker/dockerfile:1\n# ESCAPE = `  \n#check=skip=all;error=true\n# other=x\n# syntax=late\nFROM a\n");
	assert_int_equal(f.n_directives, 3);
	IS(f.directives[0].value, "docker/dockerfile:1");
	IS(f.directives[1].name, "escape");
	IS(f.directives[1].value, "`");
	IS(f.directives[2].value, "skip=all;error=true");
	assert_int_equal(f.n_comments, 2);
	assert_int_equal(f.escape, '`');
	assert_false(f.refused);
	df_free(&f);
	f = parsed("\n# escape=`\nFROM a\n"); /* not at the top */
	assert_int_equal(f.escape, '\\');
	assert_int_equal(f.n_comments, 1);
	df_free(&f);
	f = parsed("# escape=x\nFROM a\n");
	assert_true(f.refused);
	df_free(&f);
	f = parsed("# syntax=a\n# syntax=b\nFROM a\n");
	assert_true(f.refused);
	assert_int_equal(f.errors[0].line, 2);
	df_free(&f);
}

static void test_lossless(void **state)
{
	(void)state;
	const char *text = "\xEF\xBB\xBF" "FROM a\r\nRUN one && \\\r\n  # in\r\n\r\n  two\r\n";
	struct df_file f = parsed(text);
	assert_true(f.bom && f.final_newline && f.eol == DF_EOL_CRLF);
	const struct df_instruction *run = &f.instructions[1];
	IS(run->text.s, "RUN one &&   two");
	IS(run->rest.s, "one &&   two");
	assert_true(run->blank_inside);
	u32 two = (u32)(strstr(text, "two") - text);
	assert_int_equal(df_text_at(&run->rest, 9), two);
	struct df_span s = df_text_span(&run->rest, 0, 12);
	assert_int_equal(s.at, (u32)(strstr(text, "one") - text));
	assert_int_equal(s.end, two + 3);
	assert_true(df_text_at(&run->rest, 12) == two + 3);
	assert_int_equal(f.comments[0].inside, true);
	assert_int_equal(f.comments[0].instruction, 1);
	assert_int_equal(f.comments[0].line, 3);
	struct df_position p = df_position(&f, 3);
	assert_true(p.line == 1 && p.column == 1); /* the BOM is no column */
	df_free(&f);
	f = parsed("FROM \xC3\xA9\xC3\xA9 AS x\nRUN a\rb\n");
	p = df_position(&f, 10);
	assert_true(p.line == 1 && p.column == 9); /* characters, not bytes */
	assert_int_equal(f.eol, DF_EOL_MIXED);
	df_free(&f);
}

static void test_heredocs(void **state)
{
	(void)state;
	struct df_file f = parsed("FROM a\nRUN <<A cat <<-\"B\" 3<<C\n1\nA\n\t2\n\tB\nC\nCOPY <<x\\'y /f\nz\nx'y\nONBUILD RUN << D\nd\nD\nRUN [\"<<E\"]\nRUN echo '<<F'\n");
	assert_false(f.refused);
	const struct df_heredoc *h = f.instructions[1].heredocs;
	assert_int_equal(f.instructions[1].n_heredocs, 3);
	IS(h[0].content, "1\n");
	assert_true(h[0].expand && !h[0].chomp && h[0].fd == 0 && h[0].line == 3);
	IS(h[1].name, "B");
	IS(h[1].content, "\t2\n");
	assert_true(!h[1].expand && h[1].chomp);
	IS(str_n(f.text.p + h[1].marker.at, h[1].marker.end - h[1].marker.at), "<<-\"B\"");
	assert_int_equal(h[2].fd, 3);
	IS(h[2].content, "");
	assert_int_equal(f.instructions[1].end_line, 7);
	assert_int_equal(f.instructions[1].head_end, 2);
	IS(f.instructions[2].heredocs[0].name, "x'y");
	assert_int_equal(f.instructions[3].n_heredocs, 1);
	assert_int_equal(f.instructions[3].trigger->n_heredocs, 1);
	IS(f.instructions[3].heredocs[0].name, "D");
	assert_int_equal(f.instructions[4].n_heredocs + f.instructions[5].n_heredocs, 0);
	df_free(&f);
	f = parsed("FROM a\nRUN <<A\nnever\n"); /* all that follows is taken for its body */
	assert_true(f.refused && f.instructions[1].bad);
	assert_int_equal(f.n_instructions, 2);
	df_free(&f);
	f = parsed("FROM a\nRUN echo ${x^^} <<A\nUSER b\nA\n"); /* BuildKit's lexer knows no ^^: no here-document */
	assert_int_equal(f.instructions[1].n_heredocs, 0);
	assert_int_equal(f.instructions[2].keyword, DF_USER);
	df_free(&f);
}

static void test_flags_and_pairs(void **state)
{
	(void)state;
	struct df_file f = parsed("FROM --platform=$X a\nRUN --mount=type=cache,target=/x --mount=type=\"bind y\" --network=none cmd --flag\n"
				  "ENV A=1 B=\"2 3\" C=4\\ 5\nENV OLD  the rest of it\nARG N V=w\nCOPY --chown=a:b -- --odd /d\n");
	const struct df_instruction *run = &f.instructions[1];
	assert_int_equal(run->n_flags, 3);
	IS(run->rest.s, "cmd --flag");
	const struct df_flag *m = df_flags_next(run, "mount", NULL);
	IS(m->value, "type=cache,target=/x");
	m = df_flags_next(run, "mount", m);
	IS(m->value, "type=bind y");
	IS(m->raw, "--mount=type=\"bind y\"");
	assert_null(df_flags_next(run, "mount", m));
	IS(df_flag(run, "network")->value, "none");
	assert_null(df_flag(run, "security"));
	const struct df_pair *p = f.instructions[2].pairs;
	assert_int_equal(f.instructions[2].n_pairs, 3);
	IS(p[1].name.s, "B");
	IS(p[1].value.s, "\"2 3\"");
	IS(p[2].value.s, "4\\ 5");
	p = f.instructions[3].pairs;
	IS(p->name.s, "OLD");
	IS(p->value.s, "the rest of it");
	assert_false(p->eq);
	p = f.instructions[4].pairs;
	assert_null(p[0].value.s.p);
	IS(p[1].value.s, "w");
	IS(f.instructions[5].args[0].s, "--odd");
	df_free(&f);
}

static void test_refusals(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "# only\n", "FROM a b\n", "FROM\n", "FROM a AS 1x\n", "FROM --x=y a\n", "FROM a\nRUM x\n", "FROM a\nENV A\n", "FROM a\nENV A=b c\n", "FROM a\nENV =b\n", "FROM a\nENV\n",
		"FROM a\nCMD [1]\n", "FROM a\nRUN [\"a\", [\"b\"]]\n", "FROM a\nCOPY x\n", "FROM a\nADD --link=maybe x y\n", "FROM a\nCOPY --from x y z\n", "FROM a\nCOPY --chown=a --chown=b x y\n",
		"FROM a\nSHELL x\n", "FROM a\nSHELL []\n", "FROM a\nONBUILD\n", "FROM a\nONBUILD ONBUILD RUN x\n", "FROM a\nONBUILD FROM b\n", "FROM a\nHEALTHCHECK\n", "FROM a\nHEALTHCHECK NONE x\n",
		"FROM a\nHEALTHCHECK CMD\n", "FROM a\nHEALTHCHECK --interval=5 CMD x\n", "FROM a\nHEALTHCHECK --timeout=1us CMD x\n", "FROM a\nHEALTHCHECK --retries=-1 CMD x\n", "FROM a\nHEALTHCHECK EXEC x\n",
		"FROM a\nVOLUME []\n", "FROM a\nVOLUME [\" \"]\n", "FROM a\nEXPOSE\n", "FROM a\nUSER\n", "FROM a\nWORKDIR\n", "FROM a\nSTOPSIGNAL\n", "FROM a\nMAINTAINER\n", "FROM a\nARG\n", "FROM a\nARG =x\n",
		"FROM a\nRUN --mount=from=$x,target=/y z\n", "FROM a\nRUN --network=bridge x\n", "FROM a\nCOPY x <<EOF\nEOF\n", "FROM a\n\\\n",
	};
	static const char *const good[] = {
		"FROM a\n", "ARG X\nFROM $X\n", "FROM a as B.c-d_e\n", "FROM a\nCMD\n", "FROM a\nRUN\n", "FROM a\nCMD [ \"a\n", "FROM a\nCMD [ 1e999 ]\n", "FROM a\nHEALTHCHECK --interval=1h2m3.5s --retries= CMD x\n",
		"FROM a\nHEALTHCHECK --bad=x NONE\n", "FROM a\nSTOPSIGNAL --x 9\n", "FROM a\nCOPY --link --parents --exclude=a --exclude=b x y\n", "FROM a\nONBUILD NOSUCH x\n", "FROM a\nRUN --security=insecure --mount=type=$x y\n",
		"FROM a\nENTRYPOINT []\n", "FROM a\nENV A= \n", "FROM a\nARG --x y\n",
	};
	for (size_t i = 0; i < countof(bad); i++) {
		struct df_file f = parsed(bad[i]);
		if (!f.refused)
			fail_msg("not refused: %s", bad[i]);
		df_free(&f);
	}
	for (size_t i = 0; i < countof(good); i++) {
		struct df_file f = parsed(good[i]);
		if (f.refused)
			fail_msg("refused (%s): %s", f.errors[0].message, good[i]);
		df_free(&f);
	}
	struct df_file f = parsed("RUN x\nFROM a\nUSER b\nRUN --x y\nUSER c\n"); /* recovers; the order is left to linters */
	assert_int_equal(f.n_errors, 2);
	assert_true(f.errors[0].order && !f.errors[0].fatal && f.errors[1].fatal && f.errors[1].line == 4);
	assert_true(f.instructions[3].bad && !f.instructions[4].bad);
	assert_int_equal(f.n_instructions, 5);
	df_free(&f);
}

static void test_json(void **state)
{
	(void)state;
	struct df_file f = parsed("FROM a\nCMD [ \"a\\tb\\u00e9\\ud83d\\ude00\\ud800x\" , \"\", \"c\\/\\\"\" ]\nCMD [\"a\" \"b\"]\nCMD [\"a\\x\"]\nCMD [\"a\",]\nCMD [\"a\"] x\n");
	const struct df_instruction *c = &f.instructions[1];
	assert_true(c->json);
	assert_int_equal(c->n_args, 3);
	IS(c->args[0].s, "a\tb\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBDx");
	IS(c->args[1].s, "");
	IS(c->args[2].s, "c/\"");
	for (u32 i = 2; i < f.n_instructions; i++)
		assert_false(f.instructions[i].json);
	df_free(&f);
}

/* --- words --- */
static bool lookup(void *ctx, struct str name, struct str *ret)
{
	for (const char *const *e = ctx; *e; e += 2)
		if (str_is(name, e[0])) {
			*ret = str_of(e[1]);
			return true;
		}
	return false;
}

static const char *const vars[] = { "a", "1", "path", "/usr/lib/x.tar.gz", "empty", "", "s", "x  y ", "nl", "a\nb", NULL };

static void test_expand(void **state)
{
	(void)state;
	static const struct {
		const char *word, *want; /* NULL: an error */
	} rows[] = {
		{ "x$a-${a}y", "x1-1y" }, { "$none.", "." }, { "\\$a", "$a" }, { "'$a'", "$a" }, { "\"$a\\q\\\"\"", "1\\q\"" }, { "$", "$" }, { "$9x", "x" }, { "a\\", "a" },
		{ "${none:-d}", "d" }, { "${empty:-d}", "d" }, { "${empty-d}", "" }, { "${a:+s}", "s" }, { "${empty:+s}", "" }, { "${empty+s}", "s" }, { "${none:?}", NULL }, { "${none?gone}", NULL },
		{ "${none:-${empty:-$a}}", "1" }, { "${path#*/}", "usr/lib/x.tar.gz" }, { "${path##*/}", "x.tar.gz" }, { "${path%.*}", "/usr/lib/x.tar" }, { "${path%%.*}", "/usr/lib/x" },
		{ "${path/lib/LIB}", "/usr/LIB/x.tar.gz" }, { "${path//\\//:}", ":usr:lib:x.tar.gz" }, { "${path/u*b/-}", "/-/x.tar.gz" }, { "${path#\\*}", "/usr/lib/x.tar.gz" },
		{ "${path#?}", "usr/lib/x.tar.gz" }, { "${path%[z]}", "/usr/lib/x.tar.gz" }, { "${nl#*b}", "a\nb" }, { "${path#\\q}", NULL }, { "${s//?/-}", "-----" }, { "${a/*/[\\$0]}", "[\\$0]" },
		{ "${", NULL }, { "${a", NULL }, { "${}", NULL }, { "${:}", NULL }, { "${a^^}", NULL }, { "${a:x}", NULL }, { "${a:#x}", NULL }, { "${path/x", NULL }, { "'a", NULL }, { "\"a", NULL }, { "a<< b", "a<< b" },
	};
	struct word_options opt = { .escape = '\\' };
	struct word_env env = { .lookup = lookup, .ctx = (void *)vars };
	for (size_t i = 0; i < countof(rows); i++) {
		struct arena a = { 0 };
		struct error err = { 0 };
		struct str got;
		int r = word_expand(&a, str_of(rows[i].word), &opt, &env, &got, &err);
		if (rows[i].want ? r < 0 || !str_is(got, rows[i].want) : r == 0)
			fail_msg("%s: %s, want %s", rows[i].word, r < 0 ? err.text : got.p, rows[i].want ? rows[i].want : "an error");
		arena_free(&a);
	}
}

static void test_split(void **state)
{
	(void)state;
	struct word_options opt = { .escape = '\\' };
	struct word_env env = { .lookup = lookup, .ctx = (void *)vars };
	struct arena a = { 0 };
	struct error err = { 0 };
	struct word_place *w;
	u32 n;
	assert_int_equal(word_split_places(&a, STR(" $s\"$s\" b\\ c '' d"), &opt, &env, &w, &n, &err), 0);
	assert_int_equal(n, 5);
	IS(w[0].s, "x");
	IS(w[1].s, "y");
	IS(w[2].s, "x  y ");
	assert_true(w[1].at == 1 && w[1].end == 3 && w[2].at == 3 && w[2].end == 7);
	IS(w[3].s, "b c");
	IS(w[4].s, "d");
	opt = (struct word_options){ .escape = '`', .raw_quotes = true, .raw_escapes = true, .skip_unset = true };
	assert_int_equal(word_split_places(&a, STR("\"q\" `x $none ${none:-v w} c:\\d"), &opt, &env, &w, &n, &err), 0);
	assert_int_equal(n, 6);
	IS(w[0].s, "\"q\"");
	IS(w[1].s, "`x");
	IS(w[2].s, "$none");
	IS(w[3].s, "${none:-v");
	IS(w[5].s, "c:\\d");
	arena_free(&a);
}

struct uses {
	char text[256];
};

static void used(void *ctx, struct str name, u32 at, bool set, bool provided)
{
	struct uses *u = ctx;
	size_t n = strlen(u->text);
	snprintf(u->text + n, sizeof u->text - n, "%.*s@%u%s%s ", STR_FMT(name), at, set ? "+" : "-", provided ? "p" : "");
}

static bool lookup_for_uses(void *ctx, struct str name, struct str *ret)
{
	(void)ctx;
	return lookup((void *)vars, name, ret);
}

static void test_uses(void **state)
{
	(void)state;
	struct uses u = { "" };
	struct word_options opt = { .escape = '\\' };
	struct word_env env = { .lookup = lookup_for_uses, .ctx = &u, .used = used };
	struct arena a = { 0 };
	struct error err = { 0 };
	struct str got;
	assert_int_equal(word_expand(&a, STR("$a ${b:-$c} \"${path##*/}\" '$d'"), &opt, &env, &got, &err), 0);
	assert_string_equal(u.text, "a@0+ c@8- b@3-p path@13+ ");
	arena_free(&a);
}

/* --- long and deep --- */
static void repeat(struct buf *b, const char *z, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_puts(b, z);
}

static void test_hostile(void **state)
{
	(void)state;
	static const char *const units[] = { "a ", "${", "${a:-", "((((", "\\\n", "\"", "'", "<<A ", "[", "[\"a\",", "ONBUILD ", "--x=y ", "a=b ", "# c\n", "\xE3\x80\x80", "$a", "\\" };
	static const char *const heads[] = { "RUN ", "ENV ", "ONBUILD ", "CMD [", "COPY ", "HEALTHCHECK ", "" };
	for (size_t i = 0; i < countof(units); i++)
		for (size_t k = 0; k < countof(heads); k++) {
			struct buf b = BUF(0);
			struct df_file f;
			struct error err = { 0 };
			buf_puts(&b, "FROM a\n");
			buf_puts(&b, heads[k]);
			repeat(&b, units[i], 300000);
			assert_int_equal(df_parse(buf_str(&b), &f, &err), 0);
			assert_true(f.n_instructions >= 1);
			df_free(&f);
			buf_free(&b);
		}
	struct df_file f;
	struct error err = { 0 };
	struct buf b = BUF(0);
	repeat(&b, "RUN a\n", DF_INSTRUCTIONS + 5);
	assert_int_equal(df_parse(buf_str(&b), &f, &err), 0);
	assert_true(f.refused && f.n_instructions == DF_INSTRUCTIONS);
	df_free(&f);
	buf_clear(&b);
	repeat(&b, "FROM x\nRUN <<A <<B\n", 50000); /* none of them ends: no second look at the lines */
	assert_int_equal(df_parse(buf_str(&b), &f, &err), 0);
	assert_true(f.refused);
	df_free(&f);
	repeat(&b, "xxxxxxxxxxxxxxxx", DF_BYTES / 16);
	assert_int_equal(df_parse(buf_str(&b), &f, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	buf_free(&b);
}

static void test_limits_of_words(void **state)
{
	(void)state;
	struct word_options opt = { .escape = '\\' };
	struct word_env env = { .lookup = lookup, .ctx = (void *)vars };
	struct arena a = { 0 };
	struct error err = { 0 };
	struct str got;
	struct buf b = BUF(0);
	repeat(&b, "${none:-", WORD_DEPTH + 1);
	repeat(&b, "}", WORD_DEPTH + 1);
	assert_int_equal(word_expand(&a, buf_str(&b), &opt, &env, &got, &err), -1);
	assert_int_equal(word_expand(&a, str_n(b.p + 8, b.n - 9), &opt, &env, &got, &err), 0);
	buf_clear(&b);
	repeat(&b, "$path", 100000); /* 1.7 MB */
	assert_int_equal(word_expand(&a, buf_str(&b), &opt, &env, &got, &err), -1);
	buf_clear(&b);
	buf_puts(&b, "${path#");
	repeat(&b, "*", 1000000);
	buf_puts(&b, "}");
	assert_int_equal(word_expand(&a, buf_str(&b), &opt, &env, &got, &err), -1);
	buf_free(&b);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes), cmocka_unit_test(test_directives), cmocka_unit_test(test_lossless), cmocka_unit_test(test_heredocs), cmocka_unit_test(test_flags_and_pairs),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_json), cmocka_unit_test(test_expand), cmocka_unit_test(test_split), cmocka_unit_test(test_uses), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_limits_of_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
