"""The rules that hold for the whole source: who may include whom, sizes, what may not stand in it. And that the script that checks them does."""
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAW = os.path.join(TOP, "tools", "include-law")
TABLE = "| room | what | may know |\n|---|---|---|\n| `base/` | a | nothing |\n| `layer/` | b | base |\n| `rootfs/` | c | layer |\n| `command/` | d | everything |\n"


def law(root):
    p = subprocess.run([LAW, "--root", str(root)], capture_output=True, text=True)
    return p.returncode, p.stdout


@pytest.fixture
def house(tmp_path):
    """A small house that keeps the law; returns a function that writes a file into it."""
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    write("ARCHITECTURE.md", TABLE)
    write("src/base/str.h", "#include <string.h>\n")
    write("src/base/str.c", '#include "base/str.h"\n')
    write("src/layer/tar.h", '#include "base/str.h"\n')
    write("src/layer/tar.c", '#include "layer/tar.h"\n/* printf("") and exit(1) */\nconst char *s = "exit(1)";\n')
    write("src/rootfs/tree.c", '#include "base/str.h"\n#include "layer/tar.h"\n')
    write("src/command/main.c", '#include "rootfs/tree.h"\nvoid f(void) { printf("x"); exit(1); }\n')
    write("src/rootfs/tree.h", "")
    write("src/rootfs/tree.c", '#include "rootfs/tree.h"\n#include "base/str.h"\n#include "layer/tar.h"\nvoid g(FILE *f) { fprintf(f, "x"); my_exit(1); }\n')
    write.root = tmp_path
    return write


def test_the_source_keeps_the_law():
    status, out = law(TOP)
    assert status == 0, out


def test_a_house_that_keeps_it(house):
    status, out = law(house.root)
    assert status == 0, out
    assert "7 files in 4 rooms" in out


@pytest.mark.parametrize("name, text, what", [
    ("src/base/up.c", '#include "layer/tar.h"\n', "src/base/up.c:1: base/ may not know layer/"),
    ("src/layer/up.c", '#include "base/str.h"\n#  include "command/x.h"\n', "does not exist"),
    ("src/rootfs/up.h", '#include "command/main.h"\n', "does not exist"),
    ("src/attic/x.c", "", "src/attic/x.c:1: its room is not in ARCHITECTURE.md's table"),
    ("src/layer/near.c", '#include "tar.h"\n', '"tar.h" is in no room'),
    ("src/layer/out.c", '#include "base/../command/main.h"\n', "is in no room"),
    ("src/layer/tar.c", '#include "base/str.h"\n#include "layer/tar.h"\n', 'its own header "layer/tar.h" comes first'),
    ("src/base/str.h", '#include "base/b.h"\n', "does not exist"),
    ("src/layer/say.c", 'void f(void)\n{\n\tprintf("x");\n}\n', "src/layer/say.c:3: layer/ prints"),
    ("src/layer/say.c", 'void f(void)\n{\n\tfprintf(stderr, "x");\n}\n', "src/layer/say.c:3: layer/ prints"),
    ("src/rootfs/end.c", "/* one\n * two */\nvoid f(void) { exit(1); }\n", "src/rootfs/end.c:3: rootfs/ exits"),
])
def test_a_breach_is_seen(house, name, text, what):
    house(name, text)
    status, out = law(house.root)
    assert status == 1 and what in out, out


def test_a_ring_of_headers_is_seen(house):
    house("src/layer/a.h", '#include "layer/b.h"\n')
    house("src/layer/b.h", '#include "layer/a.h"\n')
    status, out = law(house.root)
    assert status == 1 and "layer/a.h -> layer/b.h -> layer/a.h" in out


def test_the_table_itself_points_up(house):
    house("ARCHITECTURE.md", TABLE.replace("| a | nothing |", "| a | layer |"))
    status, out = law(house.root)
    assert status == 1 and "base/ may not know layer/: it does not stand above it" in out


def test_a_room_that_is_not_there(house):
    house("ARCHITECTURE.md", TABLE.replace("| `command/`", "| `slim/` | x | base |\n| `command/`"))
    status, out = law(house.root)
    assert status == 1 and "slim/ is in the table and not in src/" in out


# ---------------------------------------------------------------- sizes and words

def tree(*suffixes):
    for top in ("src", "tests", "fuzz", "bench", "tools"):
        for root, dirs, files in os.walk(os.path.join(TOP, top)):
            dirs[:] = [d for d in dirs if d not in ("corpus", "out", "__pycache__")]
            for f in files:
                if f.endswith(suffixes) or (not suffixes):
                    yield os.path.join(root, f)


def test_no_file_is_over_900_lines():
    long = {p: n for p in tree(".c", ".h", ".py") for n in [sum(1 for _ in open(p, encoding="utf-8"))] if n > 900}
    assert not long


def test_no_function_is_over_90_lines():
    """A body begins with a brace in the first column and ends with one: .clang-format sees to that."""
    long, bodies = {}, 0
    for path in tree(".c"):
        start = 0
        for n, line in enumerate(open(path, encoding="utf-8"), 1):
            if line.startswith("{"):
                start = n
            elif line.startswith("}") and start:
                bodies += 1
                if n - start > 90 and "/src/" in path:
                    long["%s:%d" % (os.path.relpath(path, TOP), start)] = n - start
                start = 0
    assert bodies > 100
    assert not long


def test_every_header_is_guarded_by_its_path():
    seen = 0
    for path in tree(".h"):
        rel = os.path.relpath(path, os.path.join(TOP, "src"))
        if rel.startswith(".."):
            continue
        seen += 1
        guard = "PARE_" + re.sub(r"\W", "_", rel).upper()
        assert re.search(r"^#ifndef %s\n#define %s$" % (guard, guard), open(path, encoding="utf-8").read(), re.M), rel
    assert seen > 10


def test_headers_say_what_they_are():
    for path in tree(".h"):
        name = os.path.basename(path)
        assert open(path, encoding="utf-8").readline().startswith("/* %s — " % name), path


# ---------------------------------------------------------------- nothing lies about unused

def meson(name):
    return open(os.path.join(TOP, name), encoding="utf-8").read()


def names(text, variable):
    body = re.search(r"^%s = (?:files\()?[\[\n](.*?)[\])]" % variable, text, re.M | re.S)[1]
    more = " ".join(re.findall(r"^%s \+= (.*)$" % variable, text, re.M)) # an addition may be a line of its own
    return set(re.findall(r"'([^']+)'", body + more))


def found(folder, pattern):
    return {re.fullmatch(pattern, f)[1] for f in os.listdir(os.path.join(TOP, folder)) if re.fullmatch(pattern, f)}


def test_every_source_is_built():
    text = meson("src/meson.build")
    there = {os.path.relpath(p, os.path.join(TOP, "src")) for p in tree(".c") if "/src/" in p}
    assert names(text, "sources") | names(text, "commands") == there
    assert len(there) > 50


def test_every_unit_test_is_run():
    assert names(meson("src/meson.build"), "unit_tests") == found("tests/unit", r"test_(\w+)\.c")


def test_every_fuzzer_is_replayed_and_has_a_corpus():
    fuzzers = found("fuzz", r"fuzz_(\w+)\.c")
    assert names(meson("src/meson.build"), "fuzzers") == fuzzers
    for name in fuzzers:
        assert os.listdir(os.path.join(TOP, "fuzz", "corpus", name)), name
