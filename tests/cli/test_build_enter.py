"""What a failing RUN shows, and the image that it leaves to be looked around in."""
import os
import re

import pytest
from buildlib import build, runtime  # noqa: F401
from imagelib import Dir, File, Image, layer

ENTER = re.compile(r"^to look around in it: (pare run -it --store '([^']*)' --entrypoint (\S+) (sha256:[0-9a-f]{12}))$", re.M)
ENTER_HERE = re.compile(r"^to look around in it: (pare run -it --entrypoint (\S+) (sha256:[0-9a-f]{12}))$", re.M)


def stored(pare):
    return sum(len(f) for _, _, f in os.walk(pare.store / "images" / "blobs"))


@pytest.fixture
def fail(build):  # noqa: F811
    def run(text, files=None, args=(), context=None, **kw):
        d = context or build.context(text, files)
        return build.pare("build", *args, d, status=1, **kw), d
    run.pare, run.context = build.pare, build.context
    return run


def dangling(pare):
    """Digests of the images without a name."""
    r = pare("prune", "--dry-run", "--no-cache", "--format", "json")
    return re.findall(r"sha256:[0-9a-f]{64}", r.out)


def test_the_way_in(fail):
    r, _ = fail("FROM base\nARG V=one\nENV A=b\nUSER app\nWORKDIR /tmp/w\nUSER root\nRUN echo made > /made; rm /etc/group; echo said; exit 3\nRUN touch /never\n")
    found = ENTER_HERE.search(r.err)
    assert found, r.err
    assert found[2] == "/bin/sh"
    assert r.err.splitlines()[-1] == "pare: Dockerfile:7: RUN echo made > /made; rm /etc/group; echo said; exit 3: exit status 3"
    words = found[1].split()[1:]
    words.remove("-it")  # here is no terminal
    r = fail.pare(*words, "--", "-c", "pwd; echo $A $V; id -u; cat /made; test -e /etc/passwd && echo passwd; test -e /etc/group || test -e /never || echo gone")
    assert r.out.splitlines() == ["/tmp/w", "b one", "0", "made", "passwd", "gone"]


def test_its_user_and_a_step_that_changed_nothing(fail):
    r, _ = fail("FROM base\nUSER app\nRUN exit 9\n")
    found = ENTER_HERE.search(r.err)
    r = fail.pare("run", "--entrypoint", found[2], found[3], "--", "-c", "id -u; pwd")
    assert r.out.splitlines() == ["1000", "/"]


def test_the_lines_around_it(fail):
    r, _ = fail("FROM base\n# two\nENV A=b\nRUN exit 4\nENV C=d\n# six\n# seven\n")
    assert "\nDockerfile:4\n--------------------\n   2 |     # two\n   3 |     ENV A=b\n   4 | >>> RUN exit 4\n   5 |     ENV C=d\n   6 |     # six\n--------------------\n" in "\n" + r.err
    r, _ = fail("FROM base\n# two\nRUN echo x; \\\n\texit 4\n# five\n# six\n")
    assert "\nDockerfile:3\n--------------------\n   2 |     # two\n   3 | >>> RUN echo x; \\\n   4 | >>> \texit 4\n   5 |     # five\n--------------------\n" in "\n" + r.err
    d = fail.context("FROM base\nCOPY none /\n")
    r = fail.pare("build", d, status=None)
    assert r.status in (1, 3) and "   2 | >>> COPY none /\n" in r.err and "to look around" not in r.err
    r, _ = fail("FROM base\nRUN <<E\n" + "true\n" * 100 + "exit 5\nE\n")
    assert "  21 | >>> true\n     | ... 83 more lines\n--------------------\n" in r.err


def test_control_characters_of_the_dockerfile_say_nothing_to_a_terminal(fail):
    r, _ = fail("FROM base\n# \x1b]0;title\x07\nRUN exit 4 # \x1b[31m\n")
    assert "\x1b" not in r.err and "\x07" not in r.err
    assert "   2 |     # \\x1b]0;title\\x07\n" in r.err.lower()


def test_one_is_kept_and_goes(fail):
    before = dangling(fail.pare)
    r, d = fail("FROM base\nRUN echo 1 > /a; exit 1\n")
    one = dangling(fail.pare)
    assert len(one) == len(before) + 1
    assert "base" in fail.pare("images").out
    (d / "Dockerfile").write_text("FROM base\nRUN echo 2 > /a; exit 1\n")
    r, _ = fail(None, context=d)
    two = dangling(fail.pare)
    assert len(two) == len(one) and two != one  # in place of the one before
    blobs = stored(fail.pare)
    (d / "Dockerfile").write_text("FROM base\nRUN echo 4 > /a; exit 1\n")
    fail(None, context=d)
    assert stored(fail.pare) == blobs and len(dangling(fail.pare)) == len(one)
    (d / "Dockerfile").write_text("FROM base\nRUN echo 2 > /a; exit 0\n")
    assert fail.pare("build", "-t", "good", d).status == 0
    assert dangling(fail.pare) == before  # what went well leaves nothing behind
    (d / "Dockerfile").write_text("FROM base\nRUN echo 3 > /a; exit 1\n")
    fail(None, context=d)
    assert len(dangling(fail.pare)) == len(before) + 1
    assert fail.pare("prune", "--yes").status == 0
    assert dangling(fail.pare) == []


@pytest.mark.parametrize("how", [["--quiet"], ["--progress=rawjson"], "CI"])
def test_nothing_is_kept_where_nobody_looks(fail, how):
    before = dangling(fail.pare)
    r, _ = fail("FROM base\nRUN echo 1 > /a; exit 1\n", args=[] if how == "CI" else how, env={"CI": "true"} if how == "CI" else {})
    assert "to look around" not in r.err
    assert dangling(fail.pare) == before
    assert r.err.splitlines()[-1] == "pare: Dockerfile:2: RUN echo 1 > /a; exit 1: exit status 1"
    assert ("   2 | >>> RUN" in r.err) == (how != ["--progress=rawjson"])


def test_a_secret_in_what_it_wrote_is_not_kept(fail, tmp_path):
    before = dangling(fail.pare)
    (tmp_path / "secret").write_text("very secret words")
    r, _ = fail("FROM base\nRUN --mount=type=secret,id=s cat /run/secrets/s > /leak; exit 1\n", args=["--secret", "id=s,src=%s" % (tmp_path / "secret")])
    assert "to look around" not in r.err and "exit status 1" in r.err.splitlines()[-1]
    assert dangling(fail.pare) == before


def test_a_proxy_is_not_in_it(fail):
    r, _ = fail("FROM base\nRUN test -n \"$http_proxy\" && exit 6\n", args=["--build-arg", "http_proxy=http://user:word@proxy:1"])
    found = ENTER_HERE.search(r.err)
    assert "exit status 6" in r.err
    r = fail.pare("run", "--entrypoint", found[2], found[3], "--", "-c", "env")
    assert "proxy" not in r.out and "PATH=" in r.out


def test_a_tree_without_a_shell(fail, tmp_path, build):  # noqa: F811
    from engines import static_busybox
    Image([layer(Dir("x"), File("x/busybox", static_busybox(), mode=0o755))], config={"Env": ["PATH=/x"]}, tags=("latest",)).oci(tmp_path / "bare")
    fail.pare("copy", "oci:%s:latest" % (tmp_path / "bare"), "pare:bare")
    r, _ = fail("FROM bare\nRUN [\"/x/busybox\", \"false\"]\n")
    assert re.search(r"^what it left: pare inspect sha256:[0-9a-f]{12}$", r.err, re.M), r.err
    r, _ = fail("FROM bare\nRUN [\"/x/busybox\", \"sh\", \"-c\", \"busybox mkdir /bin; busybox cp /x/busybox /bin/busybox; exit 2\"]\n")
    found = re.search(r"^to look around in it: pare run -it --entrypoint /bin/busybox (sha256:[0-9a-f]{12}) sh$", r.err, re.M)
    assert found, r.err
    assert fail.pare("run", "--entrypoint", "/bin/busybox", found[1], "--", "sh", "-c", "echo in").out == "in\n"


def test_a_store_that_was_said(fail, tmp_path):
    other = tmp_path / "other store"
    fail.pare("copy", "--store", other, "oci:%s:latest" % (tmp_path / "base"), "pare:base")
    r, _ = fail("FROM base\nRUN exit 2\n", args=["--store", other])
    found = ENTER.search(r.err)
    assert found and found[2] == str(other), r.err
    assert fail.pare("run", "--store", found[2], "--entrypoint", found[3], found[4], "--", "-c", "echo in").out == "in\n"


def test_of_several_that_fail_at_once_it_is_the_one_that_is_told_of(fail):
    text = "FROM base AS a\nRUN echo a >/who; exit 3\nFROM base AS b\nRUN echo b >/who; exit 4\nFROM base\nCOPY --from=a /who /\nCOPY --from=b /who /\n"
    for _ in range(3):
        r, _ = fail(text)
        found = ENTER_HERE.search(r.err)
        told = "a" if r.err.splitlines()[-1].endswith("exit status 3") else "b"
        assert found and fail.pare("run", "--entrypoint", "/bin/cat", found[3], "/who").out == told + "\n"


def test_options_of_the_program_are_not_ours(fail):
    """Behind the image and the program's name every word is the program's, `--` and what would be an option of ours too; before it `--` says so."""
    base = "pare:base"
    assert fail.pare("run", base, "sh", "-c", 'echo "$0 $*"', "x", "--read-only", "--", "-i").out == "x --read-only -- -i\n"
    assert fail.pare("run", base, "-e", "A=1", "env", "-u", "PATH").out.count("A=1\n") == 1
    assert fail.pare("run", "--entrypoint", "/bin/echo", base, "--", "-x", "--", "y").out == "-x -- y\n"
    assert "no such option" in fail.pare("run", base, "-x", "env", status=2, clean=False).err
