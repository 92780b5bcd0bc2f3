/* ShellCheck's findings: each rule's own examples, and the texts that must stay silent. */
#include "lint/lint.h"
#include "lint/shellcheck.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* How often `code` is found; NULL: any of this topic. */
static u32 count(const char *text, enum lint_codes codes, const char *code)
{
	struct lint_options opt = { .codes = codes };
	struct diagnostics d = { 0 };
	struct error err = { 0 };
	bool refused;
	u32 n = 0;
	assert_int_equal(lint_run(str_of(text), &opt, &d, &refused, &err), 0);
	for (u32 i = 0; i < d.n; i++) {
		const char *h = d.v[i].rule->hadolint;
		bool ours = h && h[0] == 'S' && h[1] == 'C';
		if (ours && !code)
			print_message("%s: %s\n", h, d.v[i].message);
		n += ours && (!code || strcmp(h, code) == 0);
	}
	diagnostics_free(&d);
	return n;
}

static void examples(void **state)
{
	(void)state;
	for (u32 i = 0; i < SC_RULES; i++) {
		const struct rule *r = &rules_shellcheck[i].meta;
		u32 all = count(r->bad, LINT_ALL, r->hadolint), hado = count(r->bad, LINT_HADOLINT, r->hadolint);
		if (!all && !hado)
			fail_msg("%s is silent on its bad example:\n%s", r->hadolint, r->bad);
		if (count(r->good, LINT_ALL, r->hadolint) || count(r->good, LINT_HADOLINT, r->hadolint))
			fail_msg("%s speaks on its good example:\n%s", r->hadolint, r->good);
		assert_non_null(r->why);
		assert_string_equal(r->topic, "shell");
	}
}

/* FROM debian, one RUN. */
static u32 run(const char *script, enum lint_codes codes, const char *code)
{
	char text[4096];
	int n = snprintf(text, sizeof text, "FROM debian:12\nARG VERSION=1\nENV OPTS=x\nRUN %s\n", script);
	assert_true(n > 0 && (size_t)n < sizeof text);
	return count(text, codes, code);
}

#define SPEAKS(code, script) assert_int_equal(run(script, LINT_HADOLINT, code), 1)
#define SILENT(code, script) assert_int_equal(run(script, LINT_HADOLINT, code), 0)

static void quoting(void **state)
{
	(void)state;
	SPEAKS("SC2086", "x=$(ls) && rm $x");
	SPEAKS("SC2086", "for f in *.x; do rm $f; done");
	SPEAKS("SC2086", "echo a > $HOME/x");
	SPEAKS("SC2086", "\"$(rm $UNKNOWN)\"");
	SPEAKS("SC2086", "read -r l; echo $l");
	SPEAKS("SC2086", "$JAVA_HOME/bin/java");
	SILENT("SC2086", "rm $VERSION $OPTS");
	SILENT("SC2086", "x=1; rm $x");
	SILENT("SC2086", "x=$((1+1)); rm $x");
	SILENT("SC2086", "x=$(ls); y=$x; [[ $x = a ]]; case $x in a) ;; esac");
	SILENT("SC2086", "x=$(ls); rm \"$x\" \"${x}y\" ${#x} $? $$ $#");
	SILENT("SC2086", "x=$(ls); rm ${x:+\"$x\"}");
	SILENT("SC2086", "for f in $UNKNOWN; do rm \"$f\"; done");
	SILENT("SC2086", "$UNKNOWN --flag");
	SILENT("SC2086", "cat <<EOF\n$UNKNOWN\nEOF\n");
	SPEAKS("SC2046", "rm $(ls)");
	SPEAKS("SC2046", "rm `ls`");
	SPEAKS("SC2046", "rm x$(ls)");
	SILENT("SC2046", "x=$(ls); rm \"$(ls)\"; for f in $(ls); do :; done; [[ $(ls) ]]; rm $(seq 3) `# nothing`");
	SILENT("SC2046", "$(ls)");
	SPEAKS("SC2016", "echo '$x'");
	SPEAKS("SC2016", "echo '`ls`'");
	SILENT("SC2016", "awk '{print $1}'; sed 's/x$/y/'; sed -n '$p'; bash -c 'echo $x'; find . -exec awk '{print $1}' {} +; trap 'echo $x' 0; PS1='$x'; echo '$' '``'");
	SPEAKS("SC2035", "rm -f *");
	SILENT("SC2035", "echo *; rm -- *; rm ./* x*");
	SPEAKS("SC2061", "find . -name *.c");
	SILENT("SC2061", "find . -name '*.c' -path \"*x\" -type f *");
	SPEAKS("SC2068", "f() { ls $@; }");
	SILENT("SC2068", "f() { ls \"$@\"; x=$@; }");
	SPEAKS("SC2006", "x=`ls`");
}

static void flow(void **state)
{
	(void)state;
	SPEAKS("SC2015", "a && b || c");
	SPEAKS("SC2015", "a || b && c || d");
	SILENT("SC2015", "a && b || echo x; a && b || exit 1; a && b || x=1; if a && b || c; then d; fi; a && b || c && d; a || b; a && [ x ] || c");
	SPEAKS("SC2164", "cd x; ls");
	SPEAKS("SC2164", "a && cd x");
	SPEAKS("SC2164", "pushd x");
	SILENT("SC2164", "cd x && ls; cd x || exit; cd ..; cd /; cd ../..; if cd x; then a; fi");
	SILENT("SC2164", "set -e; cd x; ls");
	assert_int_equal(run("a && cd x", LINT_ALL, "SC2164"), 0);
	assert_int_equal(run("cd x; ls", LINT_ALL, "SC2164"), 1);
	assert_int_equal(count("FROM debian:12\nSHELL [\"/bin/sh\", \"-ec\"]\nRUN cd x; ls\n", LINT_ALL, "SC2164"), 0);
	SPEAKS("SC2251", "set -e; if a; then ! b; fi; c");
	SILENT("SC2251", "! b; c");
	SILENT("SC2251", "set -e; ! b && exit 1; if ! b; then c; fi; ! d");
	SPEAKS("SC2155", "export x=\"$(a)\"");
	SPEAKS("SC2155", "local x=a$(b)");
	SILENT("SC2155", "export x=1 y; x=$(a); export $(a)=1 \"$(b)\"");
	SPEAKS("SC2044", "for f in `find .`; do :; done");
	SPEAKS("SC2013", "for f in $(cat x | grep y); do :; done");
	SILENT("SC2013", "for f in $(cat x | wc -l); do :; done");
	SPEAKS("SC2066", "for f in \"$VERSION\"; do :; done");
	SILENT("SC2066", "for f in \"$@\" a; do :; done");
}

static void commands(void **state)
{
	(void)state;
	SPEAKS("SC2028", "echo 'a\\nb'");
	SILENT("SC2028", "echo -e 'a\\nb'; printf 'a\\n'; echo 'a\\db' a\\\\q");
	SPEAKS("SC2059", "printf \"$x\"");
	SILENT("SC2059", "printf '%s' \"$x\"; printf \"%s$x\"; printf x");
	SPEAKS("SC2002", "cat x | sort");
	SILENT("SC2002", "cat x y | sort; cat *.x | sort; cat - | sort; cat $x | sort; cat -n | sort; cat x");
	SPEAKS("SC2038", "find . | xargs rm");
	SILENT("SC2038", "find . -print0 | xargs -0 rm; find . | sort | xargs rm");
	SPEAKS("SC2010", "ls | grep x");
	SPEAKS("SC2012", "ls | wc");
	SILENT("SC2012", "ls | grep x; ls -N | wc; ls");
	SPEAKS("SC2115", "rm -rf $UNKNOWN/*");
	SPEAKS("SC2115", "rm -r \"$UNKNOWN/\"");
	SILENT("SC2115", "rm -rf ${UNKNOWN:?}/* $UNKNOWN/x \"$UNKNOWN\"; rm $UNKNOWN/*");
	SPEAKS("SC2174", "mkdir -pm 700 a/b");
	SILENT("SC2174", "mkdir -p a/b; mkdir -m 700 a; mkdir -p -m 700 a");
	SPEAKS("SC2166", "[ a -o b ]");
	SILENT("SC2166", "[ -o errexit ]; [ a ] || [ b ]");
	SPEAKS("SC2065", "test 1 > 2");
	SILENT("SC2065", "test -f x 2> /dev/null");
	SPEAKS("SC2069", "a 2>&1 > f");
	SILENT("SC2069", "a > f 2>&1; a 2>&1 > f | b; x=$(a 2>&1 > f)");
	SPEAKS("SC2162", "read x");
	SILENT("SC2162", "read -r x; read -er x");
	SPEAKS("SC2126", "grep a x | wc -l");
	SILENT("SC2126", "grep -o a x | wc -l; grep a x | wc -c; grep a x | wc");
	SPEAKS("SC2242", "exit 256");
	SILENT("SC2242", "exit 255; exit; exit $x");
}

static void variables(void **state)
{
	(void)state;
	SPEAKS("SC2154", "echo $name $name");
	SILENT("SC2154", "name=1; echo $name; for i in a; do echo $i; done; read -r l; echo $l ${x:-1} ${y+1} $http_proxy; export e=1; echo $e $NAME");
	SILENT("SC2154", "echo $((n + 1)); a=(1); echo ${a[0]}; printf -v v x; echo $v");
	assert_int_equal(run(". ./x; echo $name", LINT_ALL, "SC2154"), 0);
	assert_int_equal(count("FROM debian\nRUN <<EOF\nname=1\necho $name $other\nEOF\n", LINT_ALL, "SC2154"), 1);
	SPEAKS("SC2153", "echo $VERISON");
	SPEAKS("SC2153", "echo \"$RTTP_PROXY\"");
	SILENT("SC2153", "echo $SOMETHING $VERSION");
	SPEAKS("SC2034", "x=1; echo a");
	SILENT("SC2034", "x=1; echo $x; export y=1; z=1 cmd; for i in 1 2; do :; done; export w; w=1; PATH=/x; n=1; echo $((n))");
	SPEAKS("SC1007", "x= cmd");
	SILENT("SC1007", "x=; IFS= read -r y; x=a cmd");
	SPEAKS("SC2283", "x = 1");
	SPEAKS("SC2037", "x=ls -l");
	SPEAKS("SC2209", "x=ls y");
	SILENT("SC2209", "x=\"ls\" y; x=foo y");
	SPEAKS("SC2125", "x=*.c");
}

static void dialect(void **state)
{
	(void)state;
	static const char bashisms[] = "[[ a == b ]]; a=(1); source ./x; echo $RANDOM; local q; ((i++)); cat <<< x; x &> y; echo {a,b}; echo ${v/a/b} ${v:1:2} ${v^^} ${!v}; declare z; a |& b";
	static const char *const codes[] = { "SC3010", "SC3030", "SC3046", "SC3028", "SC3043", "SC3006", "SC3011", "SC3020", "SC3009", "SC3060", "SC3057", "SC3059", "SC3053", "SC3044", "SC3029" };
	char text[4096];
	for (u32 i = 0; i < countof(codes); i++)
		if (run(bashisms, LINT_HADOLINT, codes[i]) != 1)
			fail_msg("%s", codes[i]);
	/* bash, by SHELL of a stage that this one is built on */
	snprintf(text, sizeof text, "FROM debian AS a\nSHELL [\"/bin/bash\", \"-c\"]\nFROM a\nRUN %s\n", bashisms);
	for (u32 i = 0; i < countof(codes); i++)
		assert_int_equal(count(text, LINT_HADOLINT, codes[i]) + count(text, LINT_ALL, codes[i]), 0);
	/* the Red Hat family's sh is bash; of images nobody knows nothing is said; busybox has some */
	static const char *const others[] = { "fedora:40", "example.com/me/image", "$BASE", "me/alpine" };
	for (u32 k = 0; k < countof(others); k++) {
		snprintf(text, sizeof text, "ARG BASE\nFROM %s\nRUN %s\n", others[k], bashisms);
		for (u32 i = 0; i < countof(codes); i++)
			assert_int_equal(count(text, LINT_ALL, codes[i]), 0);
	}
	assert_int_equal(count("FROM alpine\nRUN [[ a == b ]] && source ./x && local y && set -o pipefail && echo -e a &> /y\n", LINT_ALL, NULL), 0);
	assert_int_equal(count("FROM alpine\nRUN a=(1)\n", LINT_ALL, "SC3030"), 1);
	assert_int_equal(run("echo -n a", LINT_ALL, NULL), 0);
	assert_int_equal(run("echo -e a", LINT_ALL, "SC3036"), 1);
	assert_int_equal(run("echo -n a", LINT_HADOLINT, "SC3037"), 1);
	/* what is quoted is only text */
	SILENT("SC3010", "echo '[[ a ]]'; printf \"[[\"");
	SILENT("SC3009", "echo \"{a,b}\" '{a,b}' {a} ${x} {}");
}

static void whole_files(void **state)
{
	(void)state;
	/* not a shell's business */
	assert_int_equal(count("FROM debian\nRUN [\"foo\", \"$f\"]\n", LINT_HADOLINT, NULL), 0);
	assert_int_equal(count("FROM debian\nRUN python3 <<'EOF'\nx = 1\nprint(\"$x\")\nEOF\n", LINT_ALL, NULL), 0);
	assert_int_equal(count("FROM debian\nRUN <<EOF\n#!/usr/bin/env python3\nif x == 1: print(`y`)\nEOF\n", LINT_ALL, NULL), 0);
	assert_int_equal(count("FROM mcr.microsoft.com/windows/servercore\nSHELL [\"powershell\", \"-Command\"]\nRUN Get-Item $x | Where-Object { $_.y }\n", LINT_HADOLINT, NULL), 0);
	/* plain ones */
	assert_int_equal(count("FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n", LINT_HADOLINT, NULL), 0);
	assert_int_equal(count("FROM debian:12\nRUN set -eux; \\\n\tcd /src; \\\n\t./configure --build=\"$(uname -m)\"; \\\n\tmake -j \"$(nproc)\"\n", LINT_HADOLINT, NULL), 0);
	/* switched off where it stands */
	assert_int_equal(count("FROM debian:12\nRUN <<EOF\n# shellcheck disable=SC2154,SC2086\necho $x\nEOF\n", LINT_ALL, NULL), 0);
	/* one fault of syntax, and nothing else of that text */
	assert_int_equal(count("FROM debian:12\nRUN if a; then rm $(ls)\n", LINT_HADOLINT, NULL), 1);
	assert_int_equal(count("FROM debian:12\nRUN echo \"a\n", LINT_HADOLINT, "SC1072"), 1);
}

/* Whether the rule of ours that speaks of ignored failures speaks. */
static bool ignored(const char *text)
{
	struct lint_options opt = { .codes = LINT_ALL };
	struct diagnostics d = { 0 };
	struct error err = { 0 };
	bool refused, found = false;
	assert_int_equal(lint_run(str_of(text), &opt, &d, &refused, &err), 0);
	for (u32 i = 0; i < d.n; i++)
		found |= strcmp(d.v[i].rule->name, "heredoc-errors-ignored") == 0 || strcmp(d.v[i].rule->name, "run-errors-ignored") == 0;
	diagnostics_free(&d);
	return found;
}

static void failures(void **state)
{
	(void)state;
	assert_true(ignored("FROM debian\nRUN <<EOF\napt-get update\napt-get install -y x\nEOF\n"));
	assert_true(ignored("FROM debian\nRUN <<EOF\n#!/bin/bash\na && b\nc\nEOF\n"));
	assert_true(ignored("FROM debian\nRUN bash <<EOF\na\nb\nEOF\n"));
	assert_true(ignored("FROM debian\nRUN yum -y install x; yum clean all\n"));
	assert_true(ignored("FROM debian\nRUN cat x | tar x; ls\n"));
	static const char *const fine[] = {
		"FROM debian\nRUN <<EOF\nset -eux\na\nb\nEOF\n",
		"FROM debian\nRUN <<EOF\na || exit 1\nb\nEOF\n",
		"FROM debian\nRUN <<EOF\na && \\\nb\nEOF\n",
		"FROM debian\nRUN <<EOF\n#!/bin/sh -e\na\nb\nEOF\n",
		"FROM debian\nRUN bash -euo pipefail <<EOF\na\nb\nEOF\n",
		"FROM debian\nSHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nRUN <<EOF\na\nb\nEOF\n",
		"FROM debian\nSHELL [\"/bin/bash\", \"-o\", \"errexit\", \"-c\"]\nRUN make; ls\n",
		"FROM debian\nRUN <<EOF\nx=1\necho $x\nif a; then b; fi\nc\nEOF\n",
		"FROM debian\nRUN <<EOF cat > /x\na\nb\nEOF\n",
		"FROM debian\nRUN <<EOF\n#!/usr/bin/env python3\na\nb\nEOF\n",
		"FROM debian\nRUN set -e; make; make install\n",
		"FROM debian\nRUN set -x && set -e && a; make; make install\n",
		"FROM debian\nRUN make || true; make install\n",
		"FROM debian\nRUN make; true\n",
		"FROM debian\nRUN [ -f x ] && make; ls\n",
		"FROM debian\nRUN make && make install\n",
		"FROM debian\nRUN for i in a; do make $i; done; ls\n",
	};
	for (u32 i = 0; i < countof(fine); i++)
		if (ignored(fine[i]))
			fail_msg("%s", fine[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples), cmocka_unit_test(quoting), cmocka_unit_test(flow), cmocka_unit_test(commands), cmocka_unit_test(variables), cmocka_unit_test(dialect),
		cmocka_unit_test(whole_files), cmocka_unit_test(failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
