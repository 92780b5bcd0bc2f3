/* What Python programs need of a made tree: modules, packages and their data, entry points, distributions, environments; and what stays out. */
#include "package_world.h"
#include "elf_of.h"
#include "package/binary.h"
#include "program/python.h"
#include "program/script.h"

static struct world w;
static struct graph *g;

/* A file with what the collectors of needs take of it. */
static void needs(const char *path, struct str bytes)
{
	struct tar_entry e = { .path = str_of(path), .type = TAR_FILE, .mode = 0755, .size = bytes.n, .stored = bytes.n };
	layer_collect(w.facts[0], put(&w, 0, path, TAR_FILE, NULL, bytes.n), slim_sets[3], &e, e.path, bytes);
}

static void put_elf(const char *path)
{
	struct buf b = elf_of((struct elf_of){ .interpreter = "/lib64/ld-linux-x86-64.so.2" });
	needs(path, buf_str(&b));
	buf_free(&b);
}

static void put_so(const char *path)
{
	struct buf b = elf_of((struct elf_of){ .soname = "x" });
	needs(path, buf_str(&b));
	buf_free(&b);
}

#define LIB "usr/lib/python3.11/"
#define SITE "usr/lib/python3/dist-packages/"
/* An interpreter and a library of a few modules. */
static void start(void)
{
	begin(&w);
	put_elf("usr/bin/python3.11");
	put(&w, 0, "usr/bin/python3", TAR_SYMLINK, "python3.11", 0);
	needs(LIB "os.py", str_of("import stat\n"));
	needs(LIB "stat.py", str_of(""));
	needs(LIB "wave.py", str_of("import tkinter\nif __name__ == '__main__':\n    import doctest\n"));
	needs(LIB "doctest.py", str_of(""));
	needs(LIB "_strptime.py", str_of(""));
	needs(LIB "tkinter/__init__.py", str_of(""));
	needs(LIB "encodings/__init__.py", str_of(""));
	needs(LIB "encodings/cp037.py", str_of(""));
	file(&w, 0, LIB "__pycache__/wave.cpython-311.pyc", 10);
	file(&w, 0, LIB "__pycache__/doctest.cpython-311.pyc", 10);
}

static const char *entry[4];
static const char *none[] = { NULL };

static void run(const char *a, const char *b, const char *c)
{
	static const struct graph_options o = { .elf = binary_elf };
	entry[0] = a, entry[1] = b, entry[2] = c;
	w.img.config = (struct config){ .env = none, .entrypoint = entry, .cmd = none, .shell = none, .workdir = "/srv/app" };
	w.r = rootfs_build(&w.img, NULL);
	g = graph_new(&w.img, w.r, &o);
	graph_configuration(g);
	graph_run(g);
}

static bool needed(const char *path)
{
	node_id id = rootfs_find(w.r, str_of(path), false);
	assert_int_not_equal(id, 0);
	return graph_reached(g, id);
}
#define YES(path) do { if (!needed(path)) fail_msg("not needed: %s", path); } while (0)
#define NO(path) do { if (needed(path)) fail_msg("needed: %s", path); } while (0)

static int done(void **state)
{
	(void)state;
	graph_free(g);
	rootfs_free(w.r);
	for (u32 i = 0; i < LAYERS; i++)
		facts_free(w.facts[i]);
	return 0;
}

static void modules(void **state)
{
	(void)state;
	start();
	needs("srv/app/main.py", str_of("import wave, pkg.a\nfrom pkg import b\nimport time\n"));
	needs("srv/app/data.json", str_of("{}"));
	needs(SITE "pkg/__init__.py", str_of(""));
	needs(SITE "pkg/a.py", str_of("from .c import x\n"));
	needs(SITE "pkg/b.py", str_of(""));
	needs(SITE "pkg/c.py", str_of(""));
	needs(SITE "pkg/left.py", str_of("import other\n"));
	needs(SITE "pkg/t.html", str_of("x"));
	needs(SITE "pkg/a.pyi", str_of("x"));
	needs(SITE "pkg/tests/test_a.py", str_of("x"));
	needs(SITE "other.py", str_of(""));
	run("python3", "main.py", NULL);
	YES("/srv/app/main.py");
	YES("/srv/app/data.json");
	YES("/" LIB "wave.py");
	YES("/" LIB "__pycache__/wave.cpython-311.pyc");
	YES("/" LIB "_strptime.py");
	YES("/" LIB "encodings/cp037.py");
	YES("/" SITE "pkg/c.py");
	YES("/" SITE "pkg/left.py");
	YES("/" SITE "pkg/t.html");
	NO("/" SITE "pkg/a.pyi");
	NO("/" SITE "pkg/tests");
	NO("/" SITE "other.py");     /* only what nothing imports asks for it */
	NO("/" LIB "doctest.py");    /* when wave is run itself */
	NO("/" LIB "tkinter");
}

static void names(void **state)
{
	(void)state;
	start();
	needs("srv/app/proj.py", str_of("APPS = ['plug.in_']\nx = 'json/none'\n"));
	needs("usr/bin/served", str_of("#!/usr/bin/python3\nfrom pkg_resources import load_entry_point\nload_entry_point('Ser.ved==1', 'console_scripts', 'served')()\n"));
	needs(SITE "ser_ved-1.dist-info/entry_points.txt", str_of("[console_scripts]\nserved = served.cli:main\n"));
	needs(SITE "ser_ved-1.dist-info/METADATA", str_of("Name: served\n\n"));
	needs(SITE "served/__init__.py", str_of(""));
	needs(SITE "served/cli.py", str_of("import importlib\nimportlib.import_module(name)\n"));
	needs(SITE "served/worker.py", str_of("import far\n"));
	needs(SITE "far.py", str_of(""));
	needs(SITE "plug/__init__.py", str_of(""));
	needs(SITE "plug/in_.py", str_of(""));
	needs(SITE "idle.py", str_of(""));
	needs(SITE "idle-2.egg-info/top_level.txt", str_of("idle\n"));
	needs(SITE "far-2.egg-info/top_level.txt", str_of("far\n"));
	run("/usr/bin/served", "proj:app", NULL);
	YES("/" SITE "served/cli.py");
	YES("/" SITE "served/worker.py");
	YES("/" SITE "far.py");      /* the package imports by name: all of it may run */
	YES("/" SITE "far-2.egg-info/top_level.txt");
	YES("/" SITE "plug/in_.py");
	YES("/srv/app/proj.py");
	NO("/" SITE "idle.py");
	NO("/" SITE "idle-2.egg-info");
}

static void native(void **state)
{
	(void)state;
	start();
	needs("srv/app/main.py", str_of("import fast\n"));
	needs(SITE "fast/__init__.py", str_of("from . import _core\n"));
	put_so(SITE "fast/_core.cpython-311-x86_64-linux-gnu.so");
	needs(SITE "fast/called.py", str_of("import far\n"));
	needs(SITE "far.py", str_of(""));
	run("python3", "-m", "main");
	YES("/" SITE "fast/_core.cpython-311-x86_64-linux-gnu.so");
	YES("/" SITE "fast/called.py");
	YES("/" SITE "far.py");
}

static void computed(void **state)
{
	(void)state;
	start();
	needs("srv/app/main.py", str_of("import importlib, sys\nimportlib.import_module(sys.argv[1])\n"));
	needs(SITE "far.py", str_of(""));
	run("python3", "main.py", "far");
	YES("/" SITE "far.py");
	YES("/" LIB "doctest.py");
	assert_true(g->whole && g->doubts.n > 0);
}

static void environment(void **state)
{
	(void)state;
	start();
	needs("srv/app/main.py", str_of("import dep\n"));
	needs("opt/venv/pyvenv.cfg", str_of("home = /usr/bin\n"));
	put(&w, 0, "opt/venv/bin/python", TAR_SYMLINK, "/usr/bin/python3", 0);
	needs("opt/venv/lib/python3.11/site-packages/dep.py", str_of(""));
	needs("opt/venv/lib/python3.11/site-packages/more.pth", str_of("/opt/more\n"));
	needs("opt/venv/lib/python3.11/site-packages/unused.py", str_of(""));
	run("/opt/venv/bin/python", "/srv/app/main.py", NULL);
	YES("/opt/venv/bin/python");
	YES("/opt/venv/pyvenv.cfg");
	YES("/opt/venv/lib/python3.11/site-packages/dep.py");
	NO("/opt/venv/lib/python3.11/site-packages/unused.py");
}

static void byte_code(void **state)
{
	(void)state;
	start();
	static const char code[] = "\xa7\r\r\n0000000000000000\xe3\xda\x04wave\xda\x06helper";
	needs("srv/app/main.pyc", str_n(code, sizeof code - 1));
	run("python3", "main.pyc", NULL);
	YES("/" LIB "wave.py");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(modules, done), cmocka_unit_test_teardown(names, done), cmocka_unit_test_teardown(native, done),
		cmocka_unit_test_teardown(computed, done), cmocka_unit_test_teardown(environment, done), cmocka_unit_test_teardown(byte_code, done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
