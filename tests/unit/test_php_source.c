#include "source_world.h"

static void php(const char *text) { tell_of("app", "x.php", text); }

static void includes(void **state)
{
	(void)state;
	php("<h1>require 'html.php'</h1><?php require 'a.php'; include_once('b/c.php'); require __DIR__ . '/d.php'; require dirname(__FILE__) . '/e.php'; require dirname(__DIR__, 2) . '/f.php';\n"
	    "// require 'no1.php';\n# require 'no2.php';\n/* require 'no3.php'; */ require __DIR__ . \"/t/$name.php\"; require $x; ?> require 'no4.php' <?= include 'g.php' ?>");
	assert_told("ma.php\tr");
	assert_told("mb/c.php\tr");
	assert_told("m./d.php\td");
	assert_told("m./e.php\td");
	assert_told("m./../../f.php\td");
	assert_told("m./t/\tp");
	assert_told("mg.php\tr");
	assert_told("xload");
	for (const char *const *n = (const char *const[]){ "mhtml.php\tr", "mno1.php\tr", "mno2.php\tr", "mno3.php\tr", "mno4.php\tr", NULL }; *n; n++)
		assert_untold(*n);
}

static void classes(void **state)
{
	(void)state;
	php("<?php namespace App\\Web; use Lib\\Thing; class Page extends Base { function f(Other $o) { return new \\Deep\\One(); } } $c = 'Named\\\\Here'; $x = Page::class; $y->Method(); interface Shape {}");
	assert_told("dclass\tapp\\web\\page");
	assert_told("dclass\tapp\\web\\shape");
	assert_told("mlib\\thing\tc");
	assert_told("mapp\\web\\base\tc");
	assert_told("mdeep\\one\tc");
	assert_told("mnamed\\here\tc");
	assert_untold("mmethod\tc");
}

static void programs(void **state)
{
	(void)state;
	php("<?php shell_exec('echo x'); $a = `date -u`; $pdo->exec('create table t'); mail('a', 'b', 'c'); $s = <<<E\nrequire 'no.php';\nE;\nrequire 'yes.php';");
	assert_told("cecho x");
	assert_told("cdate -u");
	assert_told("xshell");
	assert_told("xmail");
	assert_told("myes.php\tr");
	assert_untold("ccreate table t");
	assert_untold("mno.php\tr");
}

static void composer(void **state)
{
	(void)state;
	tell_of("app/vendor/composer", "installed.json", "{\"packages\":[{\"name\":\"a/b\",\"install-path\":\"../a/b\"},{\"name\":\"c/d\",\"install-path\":\"../c/d\"}],\"dev-package-names\":[\"c/d\"]}");
	assert_told("dpackage\ta/b\t../a/b\tprod");
	assert_told("dpackage\tc/d\t../c/d\tdev");
	tell_of("app/vendor/composer", "autoload_files.php", "<?php $vendorDir = dirname(__DIR__); return array('x' => $vendorDir . '/a/b/f.php');");
	assert_told("m./../a/b/f.php\td");
	tell_of("app/vendor/composer", "autoload_classmap.php", "<?php return array('X' => __DIR__ . '/x.php');");
	assert_untold("m./x.php\td");
}

static void settings(void **state)
{
	(void)state;
	tell_of("etc/php/8.2/cli", "php.ini", "[PHP]\n; extension=no\nextension=curl\ninclude_path = \".:/usr/share/php\" ; where\n");
	assert_told("dextension\tcurl");
	assert_told("dinclude_path\t.:/usr/share/php");
	assert_untold("dextension\tno");
}

static void unterminated(void **state)
{
	(void)state;
	static const char *const texts[] = { "<?php require '", "<?php <<<", "<?php <<<X\n", "<?php dirname(dirname(dirname(", "<?php /*", "<?", "<?php require __DIR__ . '/a' .", "<?php class", "<?php namespace ", "<?php `" };
	for (size_t i = 0; i < countof(texts); i++)
		php(texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(includes), cmocka_unit_test(classes), cmocka_unit_test(programs), cmocka_unit_test(composer), cmocka_unit_test(settings), cmocka_unit_test(unterminated) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&told);
	return failed;
}
