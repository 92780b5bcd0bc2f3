#include "source_world.h"

static void js(const char *text) { tell_of("app", "x.js", text); }

static void imports(void **state)
{
	(void)state;
	js("const a = require('express'); import b from \"./b.mjs\"; export * from '@s/c/d';\n"
	   "import 'side'; import('lazy'); const r = __require(\"bundled\"); require.resolve('found');\n");
	assert_told("mexpress");
	assert_told("m./b.mjs\ti");
	assert_told("m@s/c/d\ti");
	assert_told("mside\ti");
	assert_told("mlazy\ti");
	assert_told("mbundled");
	assert_told("mfound");
	assert_untold("ximport");
}

static void comments_and_strings(void **state)
{
	(void)state;
	js("// require('one')\n/* require('two') */ const s = \"require('three')\"; const t = `require('four')`;\nrequire('five')");
	for (const char *const *n = (const char *const[]){ "mone", "mtwo", "mthree", "mfour", NULL }; *n; n++)
		assert_untold(*n);
	assert_told("mfive");
}

/* A slash divides behind a value and begins a regular expression elsewhere: a quote in one is no string. */
static void regular_expressions(void **state)
{
	(void)state;
	js("const q = /['\"`]/g.test(x); require('a'); if (x) /['\"]/.exec(y); require('b'); const z = (1 + 2) / 3; require('c'); let v = w / 2; /* ' */ require('d');\n"
	   "function f() {}\n/[/'\"]/.test(x); require('e'); const o = {}; let k = o[1] / 2 / 1; require('f'); return /`/; ");
	for (const char *const *n = (const char *const[]){ "ma", "mb", "mc", "md", "me", "mf", NULL }; *n; n++)
		assert_told(*n);
}

static void computed(void **state)
{
	(void)state;
	js("require('./locale/' + name); require(`@img/sharp-${platform}/sharp.node`);");
	assert_told("m./locale/\tp");
	assert_told("m@img/sharp-\tp");
	assert_untold("ximport");
	js("require(name)");
	assert_told("ximport");
	js("require(dev ? './one' : './two')");
	assert_told("m./one");
	assert_told("m./two");
	assert_untold("ximport");
}

static void places(void **state)
{
	(void)state;
	js("app.set('views', path.join(__dirname, 'views')); fs.readFileSync(__dirname + '/a.txt'); read(`${__dirname}/b/${x}`);\n"
	   "new URL('./c.wasm', import.meta.url); path.resolve(__dirname, '..', 'd'); new Worker(path.join(__dirname, 'w.js')); fork('./child.js');");
	assert_told("m./views\tf");
	assert_told("m./a.txt\tf");
	assert_told("m./b/\tq");
	assert_told("m././c.wasm\tf");
	assert_told("m./../d\tf");
	assert_told("m./w.js\tw");
	assert_told("m./child.js\tw");
}

static void programs(void **state)
{
	(void)state;
	js("const cp = require('child_process'); cp.spawn('convert', ['a', 'b']); cp.execSync('ls -l');");
	assert_told("cconvert\x1f" "a\x1f" "b");
	assert_told("cls -l");
	assert_told("xshell");
}

static void unterminated(void **state)
{
	(void)state;
	js("require('a'); const s = 'open\nrequire('b'); const t = `${ require('c')");
	assert_told("ma");
	assert_told("mb");
	assert_told("mc");
	js("`${`${`${`${");
	js("require(");
	js("path.join(path.join(path.join(path.join(path.join(__dirname");
}

static void package(void **state)
{
	(void)state;
	tell_of("app/node_modules/x", "package.json", "{\"name\":\"x\",\"main\":\"m.js\",\"dependencies\":{\"y\":\"1\"},\"devDependencies\":{\"z\":\"1\"},\"scripts\":{\"start\":\"node m\"},"
		"\"exports\":{\".\":{\"import\":{\"node\":\"./i.mjs\"},\"default\":\"./m.js\"},\"./f/*\":\"./lib/*.js\",\"./no\":null}}");
	assert_told("dname\tx");
	assert_told("ddep\ty");
	assert_told("ddev\tz");
	assert_told("dscript\tstart\tnode m");
	assert_told("dexports\t.\timport node\t./i.mjs");
	assert_told("dexports\t.\tdefault\t./m.js");
	assert_told("dexports\t./f/*\t\t./lib/*.js");
	assert_told("dexports\t./no\t\t");
	tell_of("app", "package.json", "{");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(imports), cmocka_unit_test(comments_and_strings), cmocka_unit_test(regular_expressions), cmocka_unit_test(computed), cmocka_unit_test(places),
		cmocka_unit_test(programs), cmocka_unit_test(unterminated), cmocka_unit_test(package) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&told);
	return failed;
}
