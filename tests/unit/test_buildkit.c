#include "lint/lint.h"
#include "base/buf.h"
#include "dockerfile/dockerignore.h"
#include <setjmp.h>
#include <cmocka.h>

static struct diagnostics found;
static struct arena kept;

static void lint(enum lint_codes codes, const char *text, const struct lint_options *more)
{
	struct lint_options o = more ? *more : (struct lint_options){ 0 };
	bool refused;

	diagnostics_free(&found);
	found = (struct diagnostics){ 0 };
	o.codes = codes;
	assert_int_equal(lint_run(str_of(text), &o, &found, &refused, NULL), 0);
	diagnostics_sort(&found);
}

/* "UndefinedVar:3 …": what one of BuildKit's rules says, in order of the lines. */
static const char *said(void)
{
	struct buf b = BUF(0);

	for (u32 i = 0; i < found.n; i++)
		if (found.v[i].rule->buildkit)
			buf_printf(&b, "%s%s:%u", b.n ? " " : "", found.v[i].rule->buildkit, found.v[i].line);
	const char *s = arena_strdup(&kept, buf_str(&b));
	buf_free(&b);
	return s;
}

static const char *exact(const char *text) { lint(LINT_BUILDKIT, text, NULL); return said(); }
static const char *ours(const char *text) { lint(LINT_ALL, text, NULL); return said(); }
static const char *with_arg(const char *text, const char *arg)
{
	struct str a = str_of(arg);
	lint(LINT_BUILDKIT, text, &(struct lint_options){ .build_args = &a, .n_build_args = 1 });
	return said();
}
static const char *ignoring(const char *text, const char *dockerignore)
{
	lint(LINT_BUILDKIT, text, &(struct lint_options){ .ignored_files = str_of(dockerignore) });
	return said();
}

/* Makes the fix of the first finding of `rule`; "-" when there is none. */
static const char *fixed(enum lint_codes codes, const char *text, const char *rule)
{
	struct buf b = BUF(0);
	u32 at = 0;

	lint(codes, text, NULL);
	for (u32 i = 0; i < found.n; i++) {
		const struct fix *f = found.v[i].fix;
		if (!found.v[i].rule->buildkit || strcmp(found.v[i].rule->buildkit, rule) || !f)
			continue;
		for (u32 k = 0; k < f->n_edits; k++) {
			buf_add(&b, str_n(text + at, f->edits[k].at - at));
			buf_add(&b, f->edits[k].with);
			at = f->edits[k].end;
		}
		buf_puts(&b, text + at);
		const char *s = arena_strdup(&kept, buf_str(&b));
		buf_free(&b);
		return s;
	}
	return "-";
}

static int clear(void **state)
{
	(void)state;
	diagnostics_free(&found);
	found = (struct diagnostics){ 0 };
	arena_free(&kept);
	return 0;
}

#define SAYS(text, what) assert_string_equal(exact(text), what)
#define SAY_WE(text, what) assert_string_equal(ours(text), what)

static void casing(void **state)
{
	(void)state;
	SAYS("FROM scratch AS Up\n", "StageNameCasing:1");
	SAYS("FROM scratch as low\n", "FromAsCasing:1");
	SAYS("from scratch AS x\n", "FromAsCasing:1");
	SAYS("FROM scratch As x\n", "FromAsCasing:1");
	SAYS("From scratch as x\n", "ConsistentInstructionCasing:1"); /* only what is wrong with FROM itself */
	SAYS("FROM scratch\nenv A=1\nWORKDIR /\n", "ConsistentInstructionCasing:2");
	SAYS("from scratch\nenv A=1\nENV B=1\n", "ConsistentInstructionCasing:3");
	SAYS("FROM scratch\nenv A=1\n", "ConsistentInstructionCasing:2"); /* a draw: upper case */
	SAYS("arg X=1\nFROM scratch\nENV A=1\n", "");                   /* in front of FROM is no stage */
	SAY_WE("arg X=1\nFROM debian:12\nUSER 1\n", "ConsistentInstructionCasing:1");
	SAYS("FROM scratch AS scratch\nFROM scratch AS context\n", "ReservedStageName:1 ReservedStageName:2");
	SAYS("FROM scratch AS a\nFROM scratch AS b\nFROM scratch AS a\nFROM scratch AS a\n", "DuplicateStageName:3 DuplicateStageName:4");
}

static void continuations(void **state)
{
	(void)state;
	SAYS("FROM scratch\nRUN a \\\n\n  b\n\n\n", "NoEmptyContinuation:4"); /* where it ends */
	SAYS("FROM scratch\nRUN a \\\n# c\n  b\n", "");
	SAYS("FROM scratch\nRUN a \\\n \t\n\n# c\n  b \\\n  c\n", "NoEmptyContinuation:7");
	SAYS("FROM scratch\nRUN <<E\n\na \\\n\nb\nE\n", "");
	SAYS("FROM scratch\nRUN a \\\n\n <<E\nx\nE\n", "NoEmptyContinuation:4");
}

static void commands(void **state)
{
	(void)state;
	SAYS("FROM scratch\nCMD a\nENTRYPOINT b\nHEALTHCHECK CMD c\n", "JSONArgsRecommended:2 JSONArgsRecommended:3");
	SAYS("FROM scratch\nSHELL [\"x\"]\nCMD a\n", "");
	SAYS("FROM scratch AS a\nSHELL [\"x\"]\nFROM a\nCMD a\nFROM scratch\nCMD b\n", "JSONArgsRecommended:6");
	SAYS("FROM scratch\nCMD [\"a\"]\nRUN x\nCMD [\"b\"]\nCMD [\"c\"]\n", "MultipleInstructionsDisallowed:2 MultipleInstructionsDisallowed:4");
	SAYS("FROM scratch AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n", "");
	SAYS("FROM scratch\nHEALTHCHECK NONE\nHEALTHCHECK CMD x\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n", "MultipleInstructionsDisallowed:2 MultipleInstructionsDisallowed:4");
	SAYS("FROM scratch AS a\nONBUILD CMD x\nFROM a\nRUN y\n", "JSONArgsRecommended:3"); /* where it is triggered */
	SAY_WE("FROM debian:12\nCMD exec x\n", "");
}

static void from(void **state)
{
	(void)state;
	SAYS("FROM busybox:${TAG}x\n", "UndefinedArgInFrom:1");
	SAYS("ARG TAG\nFROM busybox:x${TAG}\n", "");
	SAYS("FROM scratch AS a\nARG TAG=1\nFROM busybox:x${TAG}\n", "UndefinedArgInFrom:3");
	SAYS("ARG TAG\nFROM busybox:$TAG\nFROM scratch\nCMD x\n", "InvalidDefaultArgInFrom:2"); /* and there BuildKit ends */
	assert_string_equal(with_arg("ARG TAG\nFROM busybox:$TAG\nCMD x\n", "TAG=1"), "InvalidDefaultArgInFrom:2 JSONArgsRecommended:3");
	assert_string_equal(with_arg("ARG TAG=1\nFROM busybox:$TAG\n", "TAG=2"), "");
	SAYS("FROM ${X:-busybox}\n", "UndefinedArgInFrom:1");
	SAY_WE("FROM ${X:-busybox:1}\nUSER 1\n", "");
	SAYS("FROM --platform=linux/amd64 scratch\n", "FromPlatformFlagConstDisallowed:1");
	SAYS("FROM --platform=linux/amd64 scratch AS on-linux\nFROM --platform=linux/arm64 scratch AS x-arm64\n", "");
	SAYS("FROM --platform=arm64 scratch AS x\n", "FromPlatformFlagConstDisallowed:1");
	SAYS("FROM --platform=$BUILDPLATFORM scratch\nFROM --platform=linux/${TARGETARCH} scratch\n", "");
	SAYS("FROM --platform=$TARGETPLATFORM scratch\n", "RedundantTargetPlatform:1");
	SAYS("FROM --platform=${TARGETPLATFORM:-x} scratch\n", "RedundantTargetPlatform:1");
	SAYS("FROM --platform=linux/$MYARCH scratch\nFROM x:$Y\n", "UndefinedArgInFrom:1 InvalidDefaultArgInFrom:2");
	SAYS("ARG A=${B:?no}\nFROM scratch\nCMD x\n", "");
	SAYS("FROM Upper\nCMD x\n", "InvalidDefaultArgInFrom:1");
	lint(LINT_BUILDKIT, "ARG VERSION=1\nFROM busybox:${VERSOIN}x\n", NULL);
	assert_non_null(strstr(found.v[0].message, "(did you mean VERSION?)"));
}

static void variables(void **state)
{
	(void)state;
	SAYS("FROM scratch\nCOPY a$X .\n", "UndefinedVar:2");
	SAYS("FROM scratch\nCOPY $X$X$Y $X .\n", "UndefinedVar:2 UndefinedVar:2 UndefinedVar:2"); /* once a word */
	SAYS("FROM scratch\nARG X\nCOPY a$X .\n", "");
	SAYS("ARG X=1\nFROM scratch\nCOPY a$X .\n", "UndefinedVar:3");
	SAYS("ARG X=1\nFROM scratch AS a\nARG X\nFROM a\nCOPY a$X .\n", "");
	SAYS("FROM scratch\nENV A=1 B=$A\n", "UndefinedVar:2");
	SAYS("FROM scratch\nARG A=1 B=$A C=$D\n", "UndefinedVar:2");
	SAYS("FROM scratch\nENV PATH=$PATH:/x\nENV Q=$HOME\n", "UndefinedVar:3");
	SAYS("FROM scratch\nRUN echo $X\nCMD [\"$X\"]\nEXPOSE $X\nSHELL [\"$X\"]\n", "");
	SAYS("FROM scratch\nWORKDIR /$A\nUSER $B\nVOLUME /$C /d\nLABEL e=$E\nLABEL $F=f\n",
		"UndefinedVar:2 UndefinedVar:3 UndefinedVar:4 UndefinedVar:5 UndefinedVar:6");
	SAYS("FROM scratch\nADD --chown=$U --chmod=$M a /\nSTOPSIGNAL $S\n", "UndefinedVar:2 UndefinedVar:2 UndefinedVar:3");
	SAYS("FROM scratch\nRUN --mount=type=cache,target=/$T,id=$I x\n", "UndefinedVar:2 UndefinedVar:2");
	SAYS("FROM scratch\nCOPY <<A <<'B' /\n$X '$Y' \\$Z\nA\n$W\nB\n", "UndefinedVar:2 UndefinedVar:2");
	SAYS("FROM scratch\nCOPY '$X' \\$X /\n", "");
	SAYS("FROM scratch\nCOPY ${X:-d} /\n", "UndefinedVar:2"); /* a default is no excuse */
	SAY_WE("FROM scratch\nCOPY ${X:-d} /\nUSER 1\n", "");
	SAYS("FROM scratch\nENV ${\nCOPY $X /\n", "");              /* and there BuildKit ends */
	SAYS("FROM debian:12\nCOPY $X .\n", "UndefinedVar:2");
	SAYS("FROM example.com/base\nCOPY $X .\nENV A=$JAVA_HOME\n", "");   /* the image may set it */
	SAYS("FROM example.com/base\nARG SOURCE=.\nCOPY $SUORCE .\n", "UndefinedVar:3"); /* unless it is a slip */
	SAYS("FROM golang\nARG GOPATHS=.\nCOPY $GOPATH .\n", "");
	SAYS("FROM scratch AS a\nONBUILD COPY $X /\nFROM a\nRUN y\n", "UndefinedVar:3");
	SAY_WE("FROM scratch AS a\nONBUILD COPY $X /\nFROM a\nUSER 1\n", "");
	lint(LINT_BUILDKIT, "FROM scratch\nARG DIRECTORY=a\nCOPY $DIRECTROY .\n", NULL);
	assert_non_null(strstr(found.v[0].message, "(did you mean $DIRECTORY?)"));
	assert_string_equal(fixed(LINT_ALL, "FROM scratch\nARG DIRECTORY=a\nCOPY ${DIRECTROY}/x .\n", "UndefinedVar"), "FROM scratch\nARG DIRECTORY=a\nCOPY ${DIRECTORY}/x .\n");
	assert_int_equal(found.n > 0, 1);
}

static void suggestions(void **state)
{
	(void)state;
	static const struct { const char *set, *used; bool near; } t[] = {
		{ "ABCD", "ABCE", true }, { "ABCD", "ABDC", true }, { "ABCD", "ABCDEF", true }, { "ABCD", "CD", true }, { "ABCD", "ABCDEFG", false }, { "ABCD", "D", false },
		{ "ABCD", "WXYZ", false }, { "ABCD", "XABCDY", true }, { "ABCD", "BADC", false }, { "AABBCC", "ABBC", true }, { "abcd", "ABCD", false },
	};
	for (u32 i = 0; i < countof(t); i++) {
		char text[200];
		snprintf(text, sizeof text, "FROM scratch\nARG %s=1\nCOPY $%s /\n", t[i].set, t[i].used);
		lint(LINT_BUILDKIT, text, NULL);
		assert_int_equal(found.n, 1);
		assert_int_equal(strstr(found.v[0].message, "did you mean") != NULL, t[i].near);
	}
}

static void pairs_and_secrets(void **state)
{
	(void)state;
	SAYS("FROM scratch\nENV a b\nLABEL a b\nENV a=b c=d\n", "LegacyKeyValueFormat:2 LegacyKeyValueFormat:3");
	SAYS("FROM scratch\nENV MY_TOKEN=x token_x=1 TOKENS=1 KEY_FILE=/k\nARG apikey PASSWORD_VERSION\n",
		"SecretsUsedInArgOrEnv:2 SecretsUsedInArgOrEnv:2 SecretsUsedInArgOrEnv:3");
	SAYS("ARG TOKEN\nFROM scratch\nLABEL token=x\n", "");
	SAYS("FROM scratch\nENV GPG_KEY=0123456789ABCDEF0123456789ABCDEF01234567\n", "SecretsUsedInArgOrEnv:2");
	SAY_WE("FROM scratch\nENV GPG_KEY=0123456789ABCDEF0123456789ABCDEF01234567 X_PGP_KEY=0x12345678\nUSER 1\n", "");
}

static void workdirs(void **state)
{
	(void)state;
	SAYS("FROM scratch\nWORKDIR a\nWORKDIR b\nWORKDIR /c\nWORKDIR d\n", "WorkdirRelativePath:2"); /* the first only */
	SAYS("FROM scratch AS a\nWORKDIR /x\nFROM a\nWORKDIR b\n", "");
	SAYS("FROM scratch\nWORKDIR $NOPE\n", "UndefinedVar:2 WorkdirRelativePath:2");
	SAYS("FROM --platform=windows/amd64 x AS windows\nWORKDIR C:/x\n", "");
	SAYS("FROM scratch\nENV D=/x\nWORKDIR ${D}\n", "");
	SAYS("FROM example.com/base\nWORKDIR $HOME\n", ""); /* the image may set it */
	SAYS("FROM example.com/base\nENV D=x\nWORKDIR $D\n", "WorkdirRelativePath:3");
}

static void ports(void **state)
{
	(void)state;
	SAYS("FROM scratch\nEXPOSE 80 80/tcp 80/udp 90-95/sctp\n", "");
	SAYS("FROM scratch\nEXPOSE 80/TCP 81/Udp\n", "ExposeProtoCasing:2 ExposeProtoCasing:2");
	SAYS("FROM scratch\nEXPOSE 1:2 [::1]:3:4 1.2.3.4::5\n", "ExposeInvalidFormat:2 ExposeInvalidFormat:2 ExposeInvalidFormat:2");
	SAYS("FROM scratch\nEXPOSE 1:2/FOO\nCMD x\n", "");        /* no such protocol: the end */
	SAYS("FROM scratch\nEXPOSE 1:99999\nCMD x\n", "ExposeInvalidFormat:2");
	SAYS("FROM scratch\nARG P='1:2 3:4'\nEXPOSE $P\n", "ExposeInvalidFormat:3 ExposeInvalidFormat:3");
}

static void descriptions(void **state)
{
	(void)state;
	static const char on[] = "# check=experimental=InvalidDefinitionDescription\n";
	const char *bad = "# wrong\nARG A=1\n# B is it\nARG B=1\n# no\nFROM scratch AS x\n# X is it\nFROM scratch AS y\n# z\nARG A=1 z=2\n";
	const char *fine = "# x\n\nARG A=1\n# x\n#\nARG A=1\n# a\n# A is\nARG A=1\n# a\nFROM scratch\n# a\nCOPY a b\n";
	SAYS(bad, "");
	SAYS(arena_printf(&kept, "%s%s", on, bad), "InvalidDefinitionDescription:3 InvalidDefinitionDescription:7 InvalidDefinitionDescription:9");
	SAYS(arena_printf(&kept, "%s%s", on, fine), "");
	SAYS(arena_printf(&kept, "%sARG A=1\nFROM scratch\n", on), "");
}

static void ignored_files(void **state)
{
	(void)state;
	const char *f = "FROM scratch\nCOPY app /\nADD ./src/x /\nCOPY --from=busybox app /\nADD http://e.com/app /\nCOPY . /\n";
	assert_string_equal(ignoring(f, "app\nsrc\n"), "CopyIgnoredFile:2 CopyIgnoredFile:3");
	assert_string_equal(ignoring(f, "*\n"), "CopyIgnoredFile:2 CopyIgnoredFile:3 CopyIgnoredFile:6");
	assert_string_equal(ignoring(f, "**\n!app\n"), ""); /* with exceptions nothing is sure */
	assert_string_equal(ignoring(f, "# app\n/src/*\n"), "CopyIgnoredFile:3");
	assert_string_equal(ignoring(f, "["), "");
	assert_string_equal(ignoring("FROM scratch\nCOPY <<app /\nx\napp\n", "app\n"), "");
}

static void dockerignore(void **state)
{
	(void)state;
	static const struct { const char *pattern, *path; bool hit; } t[] = {
		{ "a", "a", true }, { "a", "b", false }, { "a", "a/b", true }, { "a", "b/a", false }, { "a/b", "a", false }, { "*", "a", true }, { "*", "a/b", true },
		{ "*.o", "x.o", true }, { "*.o", "d/x.o", false }, { "**/*.o", "d/e/x.o", true }, { "**/*.o", "x.o", true }, { "**/x", "x", true }, { "**/x", "a/x", true },
		{ "**/x", "a/yx", false }, { "**x", "a/yx", true }, { "a/**", "a/b/c", true }, { "a/**", "a", false }, { "a/**/b", "a/b", true }, { "a/**/b", "a/x/y/b", true },
		{ "a/**/b", "a/xb", false }, { "**", "a", true }, { "**/a/**", "x/a/y", true }, { "?", "a", true }, { "?", "ab", false }, { "a?c", "a/c", false },
		{ "[ab]x", "bx", true }, { "[^ab]x", "bx", false }, { "[a-c]x", "bx", true }, { "\\*", "*", true }, { "\\*", "a", false }, { "a.b", "axb", false },
		{ "./a/../b/", "b", true }, { "/a", "a", true }, { "a*b*c", "aXbYc", true }, { "a*b*c", "aXbY", false }, { "*/t/*", "x/t/y", true }, { "*/t/*", "t/y", false },
		{ "a\n!a/b", "a/b", false }, { "a\n!a/b", "a/c", true }, { "a\n!b\nb", "b", true }, { "! a\n", "a", false }, { "\xEF\xBB\xBF" "a", "a", true },
	};
	for (u32 i = 0; i < countof(t); i++) {
		struct dockerignore d;
		dockerignore_read(&kept, str_of(t[i].pattern), &d);
		if (dockerignore_matches(&d, str_of(t[i].path)) != t[i].hit)
			fail_msg("pattern %s, path %s", t[i].pattern, t[i].path);
	}
	struct dockerignore d;
	struct buf deep = BUF(0);
	for (u32 i = 0; i < 2000; i++)
		buf_puts(&deep, "*a");
	buf_putc(&deep, 'b');
	dockerignore_read(&kept, buf_str(&deep), &d);
	buf_clear(&deep);
	for (u32 i = 0; i < 4000; i++)
		buf_putc(&deep, 'a');
	assert_false(dockerignore_matches(&d, buf_str(&deep))); /* and it ends */
	buf_free(&deep);
}

static void damaged(void **state)
{
	(void)state;
	SAYS("FROM scratch as a\nRUM x\nFROM scratch as b\nCMD x\n", "FromAsCasing:1");  /* up to the error */
	SAYS("FROM scratch as a\nRUN a \\\n\n b\nRUN <<E\n", "");                       /* not a word */
	SAYS("ARG A=1\nCMD x\nFROM scratch as b\n", "");
	SAYS("ARG A=1\n", "");
	SAYS("FROM scratch\nCOPY --from=$X a b\nCMD x\n", "");
	SAYS("FROM scratch\nCOPY --from=7 a b\nCMD x\n", "");
	SAYS("FROM scratch AS a\nCMD x\nCOPY --from=b a b\nCMD [\"y\"]\nFROM scratch AS b\nCMD z\n", "JSONArgsRecommended:2");
	SAYS("FROM x:y:z\nCMD x\n", "InvalidDefaultArgInFrom:1");
	SAYS("FROM scratch\nSTOPSIGNAL NOPE\nCMD x\n", "");
	SAYS("FROM scratch\nSTOPSIGNAL sigterm\nSTOPSIGNAL RTMIN+3\nSTOPSIGNAL 9\nCMD x\n", "JSONArgsRecommended:5");
	SAYS("FROM scratch\nVOLUME $X\nCMD x\n", "UndefinedVar:2");
	SAYS("FROM scratch\nCOPY https://e.com/x /\nCMD x\n", "");
	SAY_WE("FROM debian:12 as a\nRUM x\nENV a b\nUSER 1\n", "FromAsCasing:1 LegacyKeyValueFormat:3");
}

static void key_value_fixes(void **state)
{
	(void)state;
	static const struct { const char *before, *after; } t[] = {
		{ "ENV a b", "ENV a=b" },
		{ "ENV  a\t b  ", "ENV  a=b  " },
		{ "LABEL a b c", "LABEL a=\"b c\"" },
		{ "ENV a \"b c\"", "ENV a=\"b c\"" },
		{ "ENV a 'b c'", "ENV a='b c'" },
		{ "ENV a b\\ c", "ENV a=b\\ c" },
		{ "ENV a /x:$PATH", "ENV a=/x:$PATH" },
		{ "ENV a $b ${c:-d} e", "ENV a=\"$b ${c:-d} e\"" },
		{ "ENV a b=c d=e", "ENV a=\"b=c d=e\"" },
		{ "ENV a = b", "ENV a=\"= b\"" },
		{ "ENV a b \"c\" d", "ENV a=\"b c d\"" },
		{ "ENV a x 'y\"z$q' w", "ENV a=\"x y\\\"z\\$q w\"" },
		{ "ENV a b \\$c", "ENV a=\"b \\$c\"" },
		{ "ENV a $b'c' d", "ENV a=\"${b}c d\"" },
		{ "ENV a \"b\\n\" c", "ENV a=\"b\\\\n c\"" },
		{ "ENV a b \\n c", "ENV a=\"b n c\"" },
		{ "ENV a b \\\\ c", "ENV a=\"b \\\\ c\"" },
		{ "ENV a b \\\n    c", "ENV a=\"b \\\n    c\"" },
		{ "ENV a b \\\n# why\n    c", "ENV a=\"b \\\n# why\n    c\"" },
		{ "ENV a \\\n  b", "ENV a=b" },
		{ "ENV a \\\n# why\n  b", "-" },
		{ "ENV a b 'c' \\\n# why\n d", "-" },
		{ "ENV a \"b", "-" },              /* BuildKit cannot read it either */
		{ "ENV a b \"${c:-\"d e\"}\"", "-" },
		{ "ENV a b $1 'c'", "-" },
	};
	for (u32 i = 0; i < countof(t); i++) {
		const char *before = arena_printf(&kept, "FROM scratch\n%s\nUSER 1\n", t[i].before);
		const char *after = *t[i].after == '-' ? "-" : arena_printf(&kept, "FROM scratch\n%s\nUSER 1\n", t[i].after);
		assert_string_equal(fixed(LINT_ALL, before, "LegacyKeyValueFormat"), after);
	}
	assert_string_equal(fixed(LINT_ALL, "# escape=`\nFROM scratch\nENV a C:\\x `\n  'y'\n", "LegacyKeyValueFormat"), "# escape=`\nFROM scratch\nENV a=\"C:\\x   y\"\n");
}

static void fixes(void **state)
{
	(void)state;
	assert_string_equal(fixed(LINT_ALL, "FROM a:1 AS Bld\nFROM Bld as x\nCOPY --from=BLD a b\nRUN --mount=type=bind,from=Bld,target=/x y\nADD --chown=Bld Bld x\nFROM bld\nFROM z AS bld\n"
						"COPY --from=Bld a b\n", "StageNameCasing"),
		"FROM a:1 AS bld\nFROM bld as x\nCOPY --from=bld a b\nRUN --mount=type=bind,from=bld,target=/x y\nADD --chown=Bld Bld x\nFROM bld\nFROM z AS bld\nCOPY --from=Bld a b\n");
	assert_string_equal(fixed(LINT_ALL, "FROM a:1 aS b\n", "FromAsCasing"), "FROM a:1 AS b\n");
	assert_string_equal(fixed(LINT_ALL, "FROM a:1\nRun x\n", "ConsistentInstructionCasing"), "FROM a:1\nRUN x\n");
	assert_string_equal(fixed(LINT_ALL, "FROM a:1\nRUN x \\\n\n \t\n# c\n\n  y \\\n\n  z\n\n", "NoEmptyContinuation"), "FROM a:1\nRUN x \\\n# c\n  y \\\n  z\n\n");
	assert_string_equal(fixed(LINT_ALL, "FROM a:1\nRUN x \\\n   ", "NoEmptyContinuation"), "-");
	assert_string_equal(fixed(LINT_BUILDKIT, "FROM  --platform=$TARGETPLATFORM  a:1 AS b\n", "RedundantTargetPlatform"), "FROM  a:1 AS b\n");
	assert_string_equal(fixed(LINT_ALL, "FROM a:1\nEXPOSE 1/tcp 2/TCP 3/UDP\n", "ExposeProtoCasing"), "FROM a:1\nEXPOSE 1/tcp 2/tcp 3/UDP\n");
	assert_string_equal(fixed(LINT_ALL, "FROM a:1\nENV P=1/TCP\nEXPOSE $P\n", "ExposeProtoCasing"), "-");
	assert_string_equal(fixed(LINT_BUILDKIT, "FROM scratch\nWORKDIR a\n", "WorkdirRelativePath"), "FROM scratch\nWORKDIR /a\n");
	assert_string_equal(fixed(LINT_BUILDKIT, "FROM scratch\nRU\\\nn x\n", "ConsistentInstructionCasing"), "-");
}

static bool know(void *ctx, const struct df_stage *stage, struct df_base *ret)
{
	struct str image = stage->image_expanded;
	static const struct str env[] = { { "TOOL=/t", 7 } }, shell[] = { { "/bin/x", 6 } }, triggers[] = { { "WORKDIR /t", 10 } };

	(void)ctx;
	*ret = (struct df_base){ .os = STR("linux"), .arch = STR("arm64"), .env = env, .n_env = 1 };
	if (str_is(image, "shell"))
		*ret = (struct df_base){ .shell = shell, .n_shell = 1, .onbuild = triggers, .n_onbuild = 1, .os = STR("linux"), .arch = STR("amd64") };
	return !str_is(image, "unknown");
}

static const char *knowing(const char *text)
{
	lint(LINT_BUILDKIT, text, &(struct lint_options){ .base = know });
	return said();
}

static void base_images(void **state)
{
	(void)state;
	assert_string_equal(knowing("FROM tool\nCOPY $TOOL $NOPE\n"), "InvalidBaseImagePlatform:1 UndefinedVar:2");
	assert_string_equal(knowing("FROM --platform=$TARGETOS/arm64 tool\nFROM unknown\nCOPY $NOPE a\n"), "");
	assert_string_equal(knowing("FROM shell\nCMD x\nWORKDIR y\n"), "");
}

/* Ends soon, whatever is asked. */
static void hostile(void **state)
{
	(void)state;
	struct buf b = BUF(0);
	buf_puts(&b, "FROM scratch\n");
	for (u32 i = 0; i < 30000; i++)
		buf_printf(&b, "ENV A%u=$B%u\n", i, i);
	assert_true(strlen(exact(b.p)) > 1000);
	buf_clear(&b);
	buf_puts(&b, "FROM scratch\nENV X=");
	for (u32 i = 0; i < 300000; i++)
		buf_printf(&b, "$V%u", i);
	buf_puts(&b, "\nRUN a \\\n");
	for (u32 i = 0; i < 300000; i++)
		buf_puts(&b, i % 2 ? "\n" : "# x\n");
	buf_puts(&b, "b\n");
	exact(b.p);
	ours(b.p);
	buf_clear(&b);
	for (u32 i = 0; i < 3000; i++)
		buf_printf(&b, "FROM scratch AS S%u\nCOPY --from=s%u a b\nENV a b c\n", i % 7, i % 7);
	ours(b.p);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(casing, clear), cmocka_unit_test_teardown(continuations, clear), cmocka_unit_test_teardown(commands, clear),
		cmocka_unit_test_teardown(from, clear), cmocka_unit_test_teardown(variables, clear), cmocka_unit_test_teardown(suggestions, clear),
		cmocka_unit_test_teardown(pairs_and_secrets, clear), cmocka_unit_test_teardown(workdirs, clear), cmocka_unit_test_teardown(ports, clear),
		cmocka_unit_test_teardown(descriptions, clear), cmocka_unit_test_teardown(ignored_files, clear), cmocka_unit_test_teardown(dockerignore, clear),
		cmocka_unit_test_teardown(damaged, clear), cmocka_unit_test_teardown(key_value_fixes, clear), cmocka_unit_test_teardown(fixes, clear),
		cmocka_unit_test_teardown(base_images, clear), cmocka_unit_test_teardown(hostile, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
