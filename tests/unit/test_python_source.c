/* What the scanner of Python sources tells: imports, names of modules, programs, entry points; and what lies beside modules. */
#include "program/python.h"
#include "program/script.h"
#include <setjmp.h>
#include <cmocka.h>

/* The note of a file, as the collector makes it. */
static struct buf note_of(const char *dir, const char *name, struct str text)
{
	const struct collector_stream *s = source_collector.stream;
	struct buf note = { 0 };
	struct error err = { 0 };
	void *state = s->open();
	struct tar_entry e = { .size = text.n };
	s->begin(state, str_of(dir), str_of(name), &e);
	for (size_t i = 0; i < text.n || i == 0; i += 7000)
		s->feed(state, str_head(str_from(text, i), 7000));
	assert_int_equal(s->end(state, &note, &err), 0);
	s->close(state);
	return note;
}

static bool has(const struct buf *note, const char *line)
{
	struct str rest = buf_str(note);
	while (rest.p)
		if (str_is(str_cut(&rest, '\n'), line))
			return true;
	return false;
}

static void check(const char *dir, const char *name, const char *text, const char *const *yes, const char *const *no)
{
	struct buf note = note_of(dir, name, str_of(text));
	for (; yes && *yes; yes++)
		if (!has(&note, *yes)) {
			print_message("%s\n-- lacks %s in --\n%s", text, *yes, note.p);
			fail();
		}
	for (; no && *no; no++)
		if (has(&note, *no)) {
			print_message("%s\n-- has %s in --\n%s", text, *no, note.p);
			fail();
		}
	buf_free(&note);
}
#define SAYS(text, ...) check("app", "a.py", text, (const char *[]){ __VA_ARGS__, NULL }, NULL)
#define SAYS_NOT(text, ...) check("app", "a.py", text, NULL, (const char *[]){ __VA_ARGS__, NULL })

static void imports(void **state)
{
	(void)state;
	SAYS("import os\n", "mos");
	SAYS("import a.b.c as d, e\r\nimport f;import g\n", "ma.b.c", "me", "mf", "mg");
	SAYS("from a.b import c, d as e\n", "ma.b\tc", "ma.b\td");
	SAYS("from . import x\nfrom .y import *\nfrom ... z . w import q\n", "m.\tx", "m.y\t*", "m...z.w\tq");
	SAYS("from a import (b,\n  c as d, # a comment )\n  e,\n)\nimport f\n", "ma\tb", "ma\tc", "ma\te", "mf");
	SAYS("from a import b, \\\n   c\nimport d\n", "ma\tb", "ma\tc", "md");
	SAYS("def f():\n\tif x: import y\n\ttry: from z import w\n\texcept E: import v\n", "my", "mz\tw", "mv");
	SAYS("class A:\n  def f(self, x={1: 2}):\n    import q.r\n", "mq.r");
	SAYS("x = (1,\nimport a\n", "ma"); /* a bracket that nobody closed */
	SAYS("x = '''never closed\nimport no\n", "P");
	SAYS("s = 'a\nimport yes\n", "myes");
	SAYS("from __future__ import annotations\nimport \xc3\xa4\n", "m__future__\tannotations", "m\xc3\xa4");
	SAYS_NOT("# import a\n'''\nimport b\n'''\ns = 'import c'\nx.import_ = 1\nraise A from b\nyield from c\n", "ma", "mb", "mc", "mb\t", "mc\t");
}

static void blocks(void **state)
{
	(void)state;
	SAYS_NOT("if TYPE_CHECKING:\n    import a\n    from b import c\n", "ma", "mb\tc");
	SAYS("if typing.TYPE_CHECKING:\n    import a\nelse:\n    import b\nimport c\n", "mb", "mc");
	SAYS("try:\n    import a\nexcept (ImportError, OSError):\n    import b\n    from c import d\nimport e\n", "ma", "mb\t\telse", "mc\td\telse", "me");
	SAYS_NOT("if t.TYPE_CHECKING:\n\timport a\n\tif x:\n\t\timport b\n", "ma", "mb");
	SAYS("if __name__ == '__main__':\n    import doctest\n    from x import y\nimport z\n", "mdoctest\t\tmain", "mx\ty\tmain", "mz");
	SAYS("def _test():\n    import doctest\ndef f():\n    import z\n", "mdoctest\t\tmain", "mz");
}

static void by_name(void **state)
{
	(void)state;
	SAYS("m = __import__('a.b')\n", "ma.b");
	SAYS("m = importlib.import_module('.x', package=__package__)\n", "m.x");
	SAYS("import_module(name='a' '.b')\n", "ma.b");
	SAYS("import_string('a.b:c')\n", "ma.b");
	SAYS("m = importlib.import_module(name)\n", "ximport");
	SAYS("m = import_module('sqlalchemy.dialects.%s' % (n,))\n", "msqlalchemy.dialects.\t?");
	SAYS("m = import_module('a.{}.b'.format(n))\n", "ma.\t?");
	SAYS("m = import_module(f'a.b_{n}')\n", "ma.b_\t?");
	SAYS("m = import_module('.x.' + n, __name__)\n", "m.x.\t?");
	SAYS("m = import_module('.' + n, __name__)\n", "m.\t?");
	SAYS("exec('import a.b')\n", "ma.b");
	SAYS("exec(code, d)\n", "xeval");
	SAYS("def __getattr__(name):\n    pass\n", "xlazy");
	SAYS("sys.modules[__name__] = X()\n", "xlazy");
	SAYS("lazy.attach_stub(__name__, __file__)\n", "xstub");
	SAYS("d = pickle.load(f)\n", "xunpickle");
	SAYS("X = ['gunicorn.workers.sync', \"a.b:c\", 'plain', '/etc/x.conf', 'data/x.json']\n", "sgunicorn.workers.sync", "sa.b:c", "splain", "s/etc/x.conf", "sdata/x.json");
	SAYS("open('/usr/share/x/%s.dat' % n)\nopen(f'/usr/share/y/{n}')\n", "s/usr/share/x/", "s/usr/share/y/");
	SAYS("sys.path.insert(0, '/opt/lib')\nsys.path.append('/opt/more')\n", "dpath\t/opt/lib", "dpath\t/opt/more");
	SAYS_NOT("def import_module(name):\n  pass\nmodel.eval()\nf.load(x)\n'a.docstring'\n", "ximport", "xeval", "xunpickle", "sa.docstring");
}

static void programs(void **state)
{
	(void)state;
	SAYS("os.system('ls -l | wc')\n", "cls -l | wc");
	SAYS("subprocess.run(['git', 'log', '-n', str(n)], check=True)\n", "cgit\x1flog\x1f-n\x1f\x1estr");
	SAYS("subprocess.run('tar', check=True)\nsubprocess.check_output(('uname', '-p'), text=True)\n", "ctar\x1f", "cuname\x1f-p");
	SAYS("subprocess.run('cat a | sort', shell=True)\n", "ccat a | sort");
	SAYS("subprocess.run('''set -e\n  # no\n  sort x\n''', shell=True)\n", "cset -e", "csort x");
	SAYS("from subprocess import run\nrun(['ls'])\n", "cls\x1f");
	SAYS("subprocess.Popen([sys.executable, '-m', 'a.b'])\n", "c\x1esys.executable\x1f-m\x1f" "a.b");
	SAYS("subprocess.run(cmd)\nx = 'convert -resize 3 a b'\ny = 'gzip'\n", "xrun", "cconvert -resize 3 a b", "sgzip");
	SAYS("os.system('convert ' + x)\n", "cconvert", "xshell");
	SAYS("os.execvp('nginx', ['nginx', '-g'])\nos.spawnlp(os.P_WAIT, 'cp', 'cp')\nshutil.which('less')\n", "cnginx\x1f", "ccp\x1f", "cless\x1f");
	SAYS("ctypes.CDLL('libx.so.6')\nctypes.util.find_library('magic')\n", "dlibrary\tlibx.so.6", "dfind-library\tmagic");
	SAYS_NOT("x.run(['ls'])\nrun(y)\nself.system(x)\n", "cls\x1f", "xrun", "xshell");
}

static void distributions(void **state)
{
	(void)state;
	SAYS("e = entry_points(group='flask.commands')\n", "dentry\tflask.commands");
	SAYS("e = entry_points().get('a.b', ())\n", "dentry\ta.b");
	SAYS("e = entry_points()['a.c']\n", "dentry\ta.c");
	SAYS("e = entry_points().select(group='a.d')\nf = pkg_resources.iter_entry_points('g')\n", "dentry\ta.d", "dentry\tg");
	SAYS("e = entry_points(group=self.group)\n", "dentry\t*");
	SAYS("sys.exit(load_entry_point('gunicorn==20.1.0', 'console_scripts', 'gunicorn')())\n", "dload\tgunicorn\tconsole_scripts\tgunicorn");
	SAYS("v = importlib.metadata.version('x-y')\nw = version(__name__)\n", "ddist\tx-y", "ddist\t.");
	check("p/x-1.dist-info", "entry_points.txt", "[console_scripts]\nx = x.cli:main [extra]\n\n[a.b]\ny=x.y\n", (const char *[]){ "dpoint\tconsole_scripts\tx\tx.cli", "dpoint\ta.b\ty\tx.y", NULL }, NULL);
	check("p/x-1.dist-info", "RECORD", "x/__init__.py,sha256=a,1\nx/b.py,,\ny.py,,\nx-1.dist-info/METADATA,,\n../../../bin/x,,\n__pycache__/y.cpython-311.pyc,,\n",
	      (const char *[]){ "dtop\tx", "dtop\ty.py", "dscript\tx", NULL }, (const char *[]){ "dtop\tx-1.dist-info", "dtop\t__pycache__", NULL });
	check("p/x-1.dist-info", "METADATA", "Name: x\nRequires-Dist: A.b (>=2)\nRequires-Dist: c>=1; extra == 'z'\n\nRequires-Dist: text\n", (const char *[]){ "drequires\tA.b", NULL },
	      (const char *[]){ "drequires\tc", "drequires\ttext", NULL });
	check("p/x.egg-info", "requires.txt", "a>=1\nb\n\n[extra]\nc\n", (const char *[]){ "drequires\ta", "drequires\tb", NULL }, (const char *[]){ "drequires\tc", NULL });
	check("p", "a.pth", "# no\n/opt/x\nimport q; q.start()\n", (const char *[]){ "dadd\t/opt/x", "mq", NULL }, NULL);
	check("v", "pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n", (const char *[]){ "dhome\t/usr/bin", "dsystem\tfalse", NULL }, NULL);
}

static void byte_code(void **state)
{
	(void)state;
	static const char code[] = "\xa7\r\r\n0000000000000000\xe3\x00\x00\xda\x03" "a.b\xda\x06helper\xfa\x09/etc/a.cf\xfa\x05no no\x75\x04\0\0\0name";
	struct buf note = note_of("app", "a.pyc", str_n(code, sizeof code - 1));
	assert_true(has(&note, "ma.b\t~") && has(&note, "mhelper\t~") && has(&note, "s/etc/a.cf") && has(&note, "mname\t~"));
	assert_false(has(&note, "mno no\t~"));
	buf_free(&note);
	assert_false(source_python.is(STR("app/__pycache__"), STR("a.cpython-311.pyc")));
	assert_true(source_python.runs(STR("python3.11")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(imports), cmocka_unit_test(blocks), cmocka_unit_test(by_name), cmocka_unit_test(programs), cmocka_unit_test(distributions), cmocka_unit_test(byte_code) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
