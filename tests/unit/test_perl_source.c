/* What the scanner of Perl sources tells. */
#include "source_test.h"

static struct buf note;

static void check(const char *text, const char *line, bool there)
{
	struct str n = source_test("usr/share/perl5", "X.pm", text, &note);
	if (source_has(n, line) != there)
		fail_msg("%s of %s\nis in:\n%s", there ? "missing" : "wrong", line, note.p ? note.p : "");
}
static void has(const char *text, const char *line) { check(text, line, true); }
static void has_not(const char *text, const char *line) { check(text, line, false); }

static void imports(void **state)
{
	(void)state;
	has("use Foo::Bar qw(x y);\n", "mFoo::Bar");
	has("use Foo 1.2;", "mFoo");
	has("no warnings;", "mwarnings");
	has("sub f { require Foo::Baz; 1 }", "mFoo::Baz");
	has("eval { require Opt; 1 } or do { require Other };", "mOther");
	has("require 'lib/x.pl';", "mlib/x.pl");
	has("do \"./conf.pl\" or die;", "m./conf.pl");
	has("use parent -norequire, 'A::B', qw(C::D);", "mC::D");
	has("use base 'A::B';", "mA::B");
	has("use if $] < 5.01, 'Old::One' => 1;", "mOld::One");
	has("extends 'My::Base'; with qw(My::Role);", "mMy::Role");
	has("use Mojo::Base 'Mojolicious::Plugin';", "mMojolicious::Plugin");
	has("eval \"use Lazy::One; 1\";", "mLazy::One");
	has("eval <<'E';\nrequire In::Heredoc;\nE\nuse After;\n", "mIn::Heredoc");
	has("eval <<'E';\nrequire In::Heredoc;\nE\nuse After;\n", "mAfter");
	has("my $o = Foo::Class->new;", "mFoo::Class\tw");
	has("use lib \"$FindBin::Bin/../lib\";", "dlib\t./../lib");
	has("use lib 'lib', 't/lib';", "dlib\tt/lib");
	has_not("use 5.010; use v5.36;", "m5.010");
	has_not("=pod\n\nuse Doc::Only;\n\n=cut\nuse Real;\n", "mDoc::Only");
	has("=pod\n\nuse Doc::Only;\n\n=cut\nuse Real;\n", "mReal");
	has_not("1;\n__END__\nuse Behind;\n", "mBehind");
	has_not("my $t = 'use Text::Only;';", "mText::Only");
}

static void unknown(void **state)
{
	(void)state;
	has("require $x;", "ximport");
	has("eval \"require $class\" or die;", "ximport");
	has("my $c = \"Foo::Plugin::$name\"; load_class($c);", "sFoo::Plugin::");
	has("my $c = \"Foo::Plugin::$name\"; load_class($c);", "ximport");
	has("require \"File/Spec/$m.pm\";", "mFile/Spec/");
	has("eval $code;", "xeval");
	has("do $file;", "xload");
	has("use Module::Pluggable search_path => ['My::P'];", "xwide");
	has("use Module::Pluggable search_path => ['My::P'];", "sMy::P");
	has("my $d = dirname(__FILE__);", "xfiles");
	has_not("my $x = 1; eval { f() };", "xeval");
}

static void commands(void **state)
{
	(void)state;
	has("my $o = `echo child; exit 2`;", "cecho child; exit 2");
	has("system('ls', '-l', $x);", "cls\x1f-l\x1f");
	has("system \"gzip -9 $f\";", "cgzip -9 $x");
	has("open(my $h, '-|', 'git', 'log') or die;", "cgit\x1flog\x1f");
	has("open H, 'cat /etc/x |';", "ccat /etc/x");
	has("exec { $p } @a;", "xrun");
	has("exec '/bin/a', '-t', $path or die \"no /bin/b: $!\";", "c/bin/a\x1f-t\x1f");
	has("system 'a', 'b' if $x eq '/bin/c';", "ca\x1f" "b\x1f");
	has("my $v = qx{uname -r};", "cuname -r");
}

/* Regular expressions and quotes of every kind don't hide what comes behind them. */
static void lexing(void **state)
{
	(void)state;
	static const char *const before[] = { "my $x = $a / $b; my $y = $c / 2;", "f($a) // 'it''s';", "$x =~ s/'/\"/g;", "$x =~ s{'}{ \" }gex;", "$x =~ tr/'\"/`'/;", "my %h = (s => 1, y => 2, q => 3); $h{s}; $h{y} / 2; $h{q}++;",
		"my @w = split /'/, $x;", "if ($x =~ m#'#) { }", "print <<A, <<\"B\";\n'\nA\n\"\nB\n", "my $r = qr'\"';", "$#{$x} ; $#x; @$x; %$x; $$ ; $' ; $\" ;", "sub f ($$;$) { $_[0] % 2 }", "y => 1;", "return /\"/ ? 1 : 0;",
		"print $fh q{'};", "# it's\n", "my $z = { %$x, 'a', }->{m};", "format STDOUT =\n@<< '\n$x\n.\n", "-s $file; -e \"x\" and -d '/y';", "$x->s('a')->y(\"'\");",
		"$x =~ s:\\\\:`:g;", "$x =~\ty:':\":;", "$x ? s : '`';", "my $x = $a =~ /b/ ? y : q('\"); y::f('`');" };
	for (u32 i = 0; i < countof(before); i++) {
		struct buf t = { 0 };
		buf_printf(&t, "%s sub after { require After; system('after') }\n", before[i]);
		has(t.p, "mAfter");
		has(t.p, "cafter");
		buf_free(&t);
	}
}

static void whose(void **state)
{
	(void)state;
	assert_int_equal(source_test("usr/bin", "tool", "#!/usr/bin/perl -w\nuse X;\n", &note).p[0], 'L');
	assert_int_equal(source_test("usr/bin", "tool", "#!/usr/bin/env perl\nuse X;\n", &note).p[0], 'L');
	assert_int_not_equal(source_letter(source_test("usr/bin", "tool", "#!/bin/sh\necho\n", &note)), 'L');
	assert_int_equal(source_test("usr/bin", "x.pl", "", &note).n <= 2, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(imports), cmocka_unit_test(unknown), cmocka_unit_test(commands), cmocka_unit_test(lexing), cmocka_unit_test(whose) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&note);
	return failed;
}
