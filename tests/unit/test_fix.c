#include "lint/fix.h"
#include <setjmp.h>
#include <cmocka.h>

/* A finder that offers, in each round, the replacements of a table whose `find` is in the text. Line 0: where the text is found. */
struct offer {
	const char *find, *with;
	u32 line;
	enum fix_safety safety;
};
struct offers {
	const struct offer *v;
	u32 n, asked;
};

static int offer_all(void *ctx, struct str text, const struct lint_options *opt, struct diagnostics *out, struct error *err)
{
	static const struct rule rule = { .name = "r" };
	struct offers *o = ctx;
	(void)opt, (void)err;
	o->asked++;
	for (u32 i = 0; i < o->n; i++) {
		const char *at = str_find(text, str_of(o->v[i].find));
		if (!at)
			continue;
		struct edit *e = arena_new(&out->arena, struct edit);
		struct fix *fix = arena_new(&out->arena, struct fix);
		*e = (struct edit){ (u32)(at - text.p), (u32)(at - text.p) + (u32)strlen(o->v[i].find), str_of(o->v[i].with) };
		*fix = (struct fix){ .safety = o->v[i].safety, .title = "t", .edits = e, .n_edits = 1 };
		u32 line = 1;
		for (const char *p = text.p; p < at; p++)
			line += *p == '\n';
		struct diagnostic d = { .rule = &rule, .code = "r", .message = "m", .line = o->v[i].line ? o->v[i].line : line, .instruction = UINT32_MAX, .fix = fix };
		VEC_PUSH(out->v, out->n, out->cap, d);
	}
	return 0;
}

static struct fix_result fixed(const char *text, const struct offer *v, u32 n, enum fix_safety up_to)
{
	struct lint_options opt = { .codes = LINT_ALL };
	struct offers o = { v, n, 0 };
	struct fix_result r;
	struct error err = { 0 };
	assert_int_equal(fix_apply_found(str_of(text), &opt, up_to, offer_all, &o, &r, &err), 0);
	assert_int_equal(r.changed, !str_is(buf_str(&r.text), text));
	return r;
}

/* One replacement: what becomes of the text (NULL: the fix is left out). */
static void one(const char *text, const char *find, const char *with, const char *want)
{
	struct offer o = { find, with, 0, FIX_SAFE };
	struct fix_result r = fixed(text, &o, 1, FIX_SAFE);
	if (!str_is(buf_str(&r.text), want ? want : text))
		fail_msg("%s -> %s in %s: %s", find, with, text, buf_str(&r.text).p);
	assert_int_equal(r.made, want != NULL);
	assert_int_equal(r.left_out, want == NULL);
	fix_result_free(&r);
}

static void test_what_is_made(void **state)
{
	(void)state;
	one("FROM a\nRUN b\n", "b", "c d", "FROM a\nRUN c d\n");
	one("FROM a\nMAINTAINER x\nRUN b\n", "MAINTAINER x\n", "", "FROM a\nRUN b\n");
	one("FROM a\nMAINTAINER x", "\nMAINTAINER x", "", "FROM a");
	one("FROM a\nRUN b\nUSER z", "\nUSER z", "\n", "FROM a\nRUN b"); /* no final newline stays none */
	one("FROM a\nRUN b\n", "RUN b\n", "USER z", "FROM a\nUSER z\n");  /* and one stays */
	one("FROM a\nRUN b\nRUN c\nCMD d\n", "\nRUN c", " && \\\n c", "FROM a\nRUN b && \\\n c\nCMD d\n");
	one("FROM a\nRUN cd b && c\n", "RUN cd b && c", "WORKDIR b\nRUN c", "FROM a\nWORKDIR b\nRUN c\n");
	one("\xEF\xBB\xBF" "FROM a\r\nRUN b\r\n", "b", "c", "\xEF\xBB\xBF" "FROM a\r\nRUN c\r\n");
	one("FROM a\nRUN b \\\n # c\n d\n", "b", "x", "FROM a\nRUN x \\\n # c\n d\n");
	one("FROM a\nRUN <<E\nb\nE\n", "b\n", "c\n", "FROM a\nRUN <<E\nc\nE\n");
}

static void test_what_is_left_out(void **state)
{
	(void)state;
	one("FROM a\nRUN b\n", "RUN b", "RUM b", NULL);                      /* refused */
	one("FROM a\nRUN b \\\n # c\n d\n", "RUN b \\\n # c\n d\n", "RUN b d\n", NULL); /* a comment */
	one("FROM a\nRUN b\nUSER c\n", "b", "b \\", NULL);                    /* takes in what follows */
	one("FROM a\nRUN b\nUSER c\n", "b", "b <<USER", NULL);
	one("FROM a\nRUN b\n", "RUN b", "FROM b", NULL);                      /* a stage more */
	one("FROM a\nRUN b\nFROM c\n", "FROM c\n", "", NULL);                 /* one less */
	one("FROM a\nRUN b\n", "b", "b && (", NULL);                          /* the script no longer parses */
	one("FROM a\nRUN b\n", "b", "b\r", NULL);                             /* line ends */
	one("FROM a\r\nRUN b\r\n", "b", "b && \\\n c", NULL);
	one("FROM a\nRUN b\n", "RUN b", "USER u\nUSER v\nUSER w", NULL);      /* more than two of one */
	one("# escape=`\nFROM a\nRUN b\n", "# escape=`", "# x", NULL);
	one("# check=skip=all\nFROM a\n", "skip=all", "skip=X", NULL);
	one("FROM a\n# one\n# two\nRUN b\n", "# one\n# two", "# two\n# one", NULL);
}

static void test_a_refused_file_is_not_touched(void **state)
{
	(void)state;
	struct offer o = { "b", "c", 0, FIX_SAFE };
	struct fix_result r = fixed("FROM a\nRUM x\nRUN b\n", &o, 1, FIX_SAFE);
	assert_false(r.changed);
	assert_int_equal(r.made, 0);
	fix_result_free(&r);
	r = fixed("RUN b\nFROM a\n", &o, 1, FIX_SAFE); /* nothing stands before FROM */
	assert_false(r.changed);
	fix_result_free(&r);
}

static void test_nothing_but_what_is_permitted(void **state)
{
	(void)state;
	/* The finding stands on line 2; the edit is on line 3: both may change, line 4 may not. */
	struct offer o = { "USER b\nUSER c", "USER x\nUSER y\nUSER z", 2, FIX_SAFE };
	struct fix_result r = fixed("FROM a\nRUN r\nUSER b\nUSER c\nCMD d\n", &o, 1, FIX_SAFE);
	assert_int_equal(r.made, 1);
	fix_result_free(&r);
	struct offer between = { "\n\n", "\nUSER z\n", 1, FIX_SAFE }; /* a new instruction where none may change */
	r = fixed("FROM a\nRUN r\n# c\n\n# d\nCMD d\n", &between, 1, FIX_SAFE);
	assert_int_equal(r.made, 0);
	fix_result_free(&r);
}

static void test_rounds_and_conflicts(void **state)
{
	(void)state;
	static const struct offer chain[] = { { "one", "two", 0, FIX_SAFE }, { "two", "three", 0, FIX_SAFE }, { "three", "four", 0, FIX_SAFE } };
	struct fix_result r = fixed("FROM a\nRUN one\n", chain, 3, FIX_SAFE);
	assert_true(str_is(buf_str(&r.text), "FROM a\nRUN four\n"));
	assert_int_equal(r.made, 3);
	fix_result_free(&r);
	/* The first breaks the file and is left out; the second, in its way, is made; so is the third. */
	static const struct offer bad[] = { { "RUN b", "RUM b", 0, FIX_SAFE }, { "b c", "x y", 0, FIX_SAFE }, { "old", "new", 0, FIX_SAFE } };
	r = fixed("FROM a\nRUN b c\nUSER old\n", bad, 3, FIX_SAFE);
	assert_true(str_is(buf_str(&r.text), "FROM a\nRUN x y\nUSER new\n"));
	assert_int_equal(r.made, 2);
	fix_result_free(&r);
	static const struct offer circle[] = { { "left", "right", 0, FIX_SAFE }, { "right", "left", 0, FIX_SAFE } };
	r = fixed("FROM a\nRUN left\n", circle, 2, FIX_SAFE);
	assert_false(r.changed);
	assert_int_equal(r.made, 0);
	assert_true(r.left_out > 0);
	fix_result_free(&r);
	/* The first leads to the second, which no finding of the file announced. */
	static const struct offer leads[] = { { "one", "two", 0, FIX_SAFE }, { "two\nUSER x", "two\nUSER y", 0, FIX_SAFE } };
	r = fixed("FROM a\nRUN one\nUSER x\n", leads, 2, FIX_SAFE);
	assert_false(r.changed);
	fix_result_free(&r);
	r = fixed("FROM a\nRUN one\nUSER x\n", leads, 2, FIX_SUGGESTED);
	assert_true(str_is(buf_str(&r.text), "FROM a\nRUN two\nUSER y\n"));
	fix_result_free(&r);
	static const struct offer eye[] = { { "b", "c", 0, FIX_SUGGESTED } };
	r = fixed("FROM a\nRUN b\n", eye, 1, FIX_SAFE);
	assert_false(r.changed);
	fix_result_free(&r);
	r = fixed("FROM a\nRUN b\n", eye, 1, FIX_SUGGESTED);
	assert_true(r.changed);
	fix_result_free(&r);
}

/* Many fixes, one of them bad: found by halving, all others made. */
static void test_halving(void **state)
{
	(void)state;
	struct offer v[64];
	char find[64][16];
	struct buf text = BUF(0), want = BUF(0);
	buf_puts(&text, "FROM a\n");
	buf_puts(&want, "FROM a\n");
	for (u32 i = 0; i < 64; i++) {
		snprintf(find[i], sizeof find[i], "old%02u\n", i);
		v[i] = (struct offer){ find[i], i == 37 ? "x <<E\n" : "new\n", 0, FIX_SAFE };
		buf_printf(&text, "RUN %s", find[i]);
		buf_printf(&want, "RUN %s", i == 37 ? find[i] : "new\n");
	}
	struct fix_result r = fixed(text.p, v, 64, FIX_SAFE);
	assert_true(str_eq(buf_str(&r.text), buf_str(&want)));
	assert_int_equal(r.made, 63);
	fix_result_free(&r);
	buf_free(&text);
	buf_free(&want);
}

/* Edits that are out of order, out of the file, in the BOM, or change nothing are no fix. */
static int offer_wild(void *ctx, struct str text, const struct lint_options *opt, struct diagnostics *out, struct error *err)
{
	static const struct edit wild[][2] = {
		{ { 8, 7, { "x", 1 } }, { 9, 9, { "", 0 } } }, { { 8, 1000, { "x", 1 } }, { 2000, 2000, { "", 0 } } }, { { 14, 15, { "x", 1 } }, { 11, 12, { "y", 1 } } },
		{ { 0, 2, { "x", 1 } }, { 3, 3, { "", 0 } } }, { { 3, 7, { "FROM", 4 } }, { 8, 8, { "", 0 } } },
	};
	static struct fix fixes[countof(wild)];
	static const struct rule rule = { .name = "r" };
	(void)ctx, (void)text, (void)opt, (void)err;
	for (u32 i = 0; i < countof(wild); i++) {
		fixes[i] = (struct fix){ .safety = FIX_SAFE, .title = "t", .edits = wild[i], .n_edits = 2 };
		struct diagnostic d = { .rule = &rule, .code = "r", .message = "m", .line = 1, .instruction = UINT32_MAX, .fix = &fixes[i] };
		VEC_PUSH(out->v, out->n, out->cap, d);
	}
	return 0;
}

static void test_edits_that_make_no_sense(void **state)
{
	(void)state;
	struct lint_options opt = { .codes = LINT_ALL };
	struct fix_result r;
	struct error err = { 0 };
	assert_int_equal(fix_apply_found(STR("\xEF\xBB\xBF" "FROM a\nRUN b\n"), &opt, FIX_SAFE, offer_wild, NULL, &r, &err), 0);
	assert_false(r.changed);
	assert_int_equal(r.made + r.left_out, 0);
	fix_result_free(&r);
}

static void test_with_the_rules(void **state)
{
	(void)state;
	struct lint_options opt = { .codes = LINT_ALL };
	struct fix_result r;
	struct error err = { 0 };
	const char *text = "FROM debian:12\r\n# who\r\nMAINTAINER me\r\nENV A b\r\n";
	assert_int_equal(fix_apply(str_of(text), &opt, FIX_SAFE, &r, &err), 0);
	assert_true(r.changed && r.left_out == 0);
	assert_true(str_contains(buf_str(&r.text), STR("# who\r\n")) && str_contains(buf_str(&r.text), STR("ENV A=b\r\n")));
	assert_false(str_contains(buf_str(&r.text), STR("MAINTAINER")));
	fix_result_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_made), cmocka_unit_test(test_what_is_left_out), cmocka_unit_test(test_a_refused_file_is_not_touched),
		cmocka_unit_test(test_nothing_but_what_is_permitted), cmocka_unit_test(test_rounds_and_conflicts), cmocka_unit_test(test_halving), cmocka_unit_test(test_edits_that_make_no_sense),
		cmocka_unit_test(test_with_the_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
