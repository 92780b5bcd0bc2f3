"""What a build makes of inputs that mean no good, that are more than there is room for, or that change while it looks."""
import os
import socket
import subprocess
import tarfile
import threading
import time
from pathlib import Path

import pytest

from buildlib import base_image, build  # noqa: F401
from imagelib import File, Image, layer
from test_build_copy import archive, repository, served  # noqa: F401

SECRET = "Sekret-9Zq17"


# --- secrets: wherever a step puts them
@pytest.mark.parametrize("script", ["ln -s x$S-y /l", "touch /$S", "mkdir -p /d/x$S/e", "mkfifo /$S.pipe", "printf %s $S >/f", "{ head -c 70000 /dev/zero; printf %s $S; } >/f"])
def test_a_secret_in_what_a_step_wrote_is_found(build, pare, script):
    args = ("--progress=plain", "--secret", "id=s,env=GIVEN")
    d = build.context("FROM base\nRUN --mount=type=secret,id=s S=$(cat /run/secrets/s); %s\n" % script)
    r = pare("build", *args, d, env={"GIVEN": SECRET}, status=3)
    assert "value of a secret" in r.err and SECRET not in r.err
    build(None, context=d, args=args, env={"GIVEN": "abc"})  # what is so short is everywhere


def test_credentials_of_a_url_are_in_no_history_and_no_log(build, pare, repository, tmp_path):  # noqa: F811
    url = repository[0].replace("http://", "http://me:${T}@")
    d = build.context("FROM base AS a\nARG T\nADD %s /x\nADD %s#nosuch /y\n" % (url, url))
    r = pare("build", "--progress=plain", "--explain-cache", "--build-arg", "T=geheim", d, status=3)
    assert "nosuch" in r.err and "://***@" in r.err and "geheim" not in r.err.replace("ARG T=geheim", "").replace('argument T "geheim"', "")
    literal = repository[0].replace("http://", "http://me:geheim@")
    cache = tmp_path / "cache"
    b = build("FROM base\nADD %s /x\n" % literal, args=["--progress=plain", "--provenance", "--cache-to", "type=local,dest=%s" % cache])
    assert b.read("x/dir/f") == b"main" and "geheim" not in b.result.err + str(b.config)
    assert not [p for top in (b.out, cache) for p in top.rglob("*") if p.is_file() and b"geheim" in p.read_bytes()]
    r = pare("build", build.context("FROM base\nADD %s#nosuch /x\n" % literal), status=3)
    assert "Dockerfile:2" in r.err and "geheim" not in r.err


# --- which context
def test_a_named_context_is_never_taken_for_another(build, tmp_path):
    """Under each of the names that it has, and of several of one name the last."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    own = {"f": "the build's own"}
    b = build("FROM scratch\nCOPY --from=o f /a\nCOPY --from=o:latest f /b\n", own, args=["--build-context", "o:latest=%s" % (tmp_path / "one")])
    assert b.read("a") == b.read("b") == b"one"
    assert build("FROM o\nCOPY --from=O f /a\n", own, args=["--build-context", "o=%s" % (tmp_path / "one"), "--build-context", "o=%s" % (tmp_path / "two")]).read("a") == b"two"


def test_a_git_of_a_hook_is_not_the_one_that_is_fetched_with(build, repository, tmp_path):  # noqa: F811
    """git tells its hooks of the repository that they are of: a build in one fetches all the same."""
    (tmp_path / "objects").mkdir()
    hook = {"GIT_DIR": str(tmp_path), "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"), "GIT_QUARANTINE_PATH": str(tmp_path / "objects"), "GIT_ALTERNATE_OBJECT_DIRECTORIES": "/nowhere", "GIT_NAMESPACE": "x",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.autocrlf", "GIT_CONFIG_VALUE_0": "true", "GIT_ALLOW_PROTOCOL": "file"}
    b = build(None, context=repository[0], env=hook)
    assert b.read("x/dir/f") == b"main" and b.read("x/tool") == b"#!/bin/sh\n" and not list((tmp_path / "objects").iterdir())


# --- ceilings: never a quiet cut
@pytest.mark.parametrize("text", ["FROM scratch\nCOPY . /x\n", "FROM base\nRUN --mount=target=/c true\n"])
def test_more_patterns_than_are_read_are_refused(build, pare, text):
    d = build.context(text, {"secret": "s", ".dockerignore": "no\n" * 10000 + "# a comment\n"})
    build(None, context=d)
    (d / ".dockerignore").write_text("no\n" * 10000 + "secret\n")
    r = pare("build", d, status=3)
    assert ".dockerignore" in r.err and "10000" in r.err


def sparse(name, size):
    """The header of a file that is all hole, in GNU tar's old form."""
    head = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT)[:512])
    wide = b"\x80" + size.to_bytes(11, "big")
    head[156:157] = b"S"
    head[386:410] = wide + b"%011o\0" % 0
    head[483:495] = wide
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def test_holes_that_are_larger_than_any_layer(build, pare):
    """4 PiB in a kilobyte: neither memory nor time."""
    whole = archive(("Dockerfile", b"FROM scratch\nCOPY . /x\n", {}))[:1024] + sparse("big", 1 << 42) + bytes(1024)
    began = time.monotonic()
    r = pare("build", "-", stdin=whole, status=None)
    assert r.status in (3, 4) and "big" in r.err and time.monotonic() - began < 20  # 4: where such a file cannot be


# --- what changes meanwhile
def test_what_changes_while_it_is_mounted_is_kept_under_no_key(build, pare):
    """A step that mounts the context sees what its key says, or is none: what was there for a moment is not found again."""
    d = build.context("FROM base\nRUN --mount=target=/c cat /c/zz >/r\n", {"zz": "0", **{"many/%d" % i: "x" for i in range(4000)}})
    done = threading.Event()

    def change():
        n = 0
        while not done.is_set():
            n += 1
            (d / "new").write_text("%d" % n)
            os.replace(d / "new", d / "zz")
            time.sleep(0.002)
    t = threading.Thread(target=change)
    t.start()
    try:
        r = pare("build", d, status=3)
    finally:
        done.set()
        t.join()
    assert "changed" in r.err or "changes" in r.err
    (d / "zz").write_text("last")
    assert build(None, context=d).read("r") == b"last"


def test_what_goes_while_it_is_read_is_no_failure_of_the_machine(build, pare):
    d = build.context("FROM scratch\nCOPY . /c\n", {"many/%d" % i: "x" for i in range(300)})
    done = threading.Event()

    def change():
        while not done.is_set():
            for i in range(100):
                (d / ("many/a%d" % i)).write_text("y")
            for i in range(100):
                os.unlink(d / ("many/a%d" % i))
    t = threading.Thread(target=change)
    t.start()
    try:
        ends = [pare("build", d, status=None) for _ in range(40)]
    finally:
        done.set()
        t.join()
    assert all(r.status == 0 or (r.status == 3 and "change" in r.err.splitlines()[-1]) for r in ends), [r.err.splitlines()[-1:] for r in ends]


def test_names_of_mounts_are_no_patterns(build):
    files = {"a[1]/f": "1", "a1/f": "2", "*": "star", "b": "b"}
    text = "FROM base AS s\nRUN mkdir -p '/k[1]' /k1 && echo 1 >'/k[1]/f' && echo 2 >/k1/f\nFROM base\nRUN --mount=source=a[1],target=/c --mount=source=*,target=/d --mount=type=cache,from=s,source=/k[1],target=/k cat /c/f /d /k/f >/r\n"
    assert build(text, files).read("r") == b"1star1\n"


def test_downloads_are_shared_by_builds_of_one_context_alone(build):
    """Package managers believe what they have downloaded before: who may write there is nobody else's Dockerfile, not even one that knows what the cache is called."""
    program = "#!/bin/sh\nls /dev/pare/apt >/seen; echo evil >/dev/pare/apt/$1\n"
    text = "FROM base\nCOPY --chmod=755 apt-get /bin/\nRUN apt-get %s\n"
    first = build(text % "a.deb", {"apt-get": program})
    assert first.read("seen") == b""
    (first.context / "Dockerfile").write_text(text % "b.deb")
    assert build(None, context=first.context).read("seen") == b"a.deb\n"
    assert build(text % "c.deb", {"apt-get": program}).read("seen") == b""
    layer = first.config["rootfs"]["diff_ids"][0]
    name = "lean apt %s %s %s" % (first.config["architecture"], layer, first.context)
    assert build("FROM base\nARG I='%s'\nRUN --mount=type=cache,id=$I,source=lean,target=/k --mount=type=cache,id=$I,target=/l ls /k /l | grep deb >/seen; true\n" % name).read("seen") == b""


def test_a_local_output_sets_no_attributes_of_this_machine(build, pare, tmp_path):
    """Of an image's attributes files here get those of users; what security modules and file systems take for orders stays in the image."""
    base_image(extra=[File("f", b"x", xattrs={"user.note": b"n", "trusted.evil": b"e", "user.overlay.opaque": b"y"})]).oci(tmp_path / "odd")
    pare("copy", "oci:%s:latest" % (tmp_path / "odd"), "pare:odd")
    pare("build", "-o", tmp_path / "out", build.context("FROM odd\n"))
    assert "user.note" in os.listxattr(tmp_path / "out" / "f") and not {"trusted.evil", "user.overlay.opaque"} & set(os.listxattr(tmp_path / "out" / "f"))


def test_names_of_dockerfiles_say_nothing_to_a_terminal(build, pare):
    d = build.context(None, {"D\x1b[31m": "FROM base\nRUN echo 1 >/f\n", "E\x1b[31m": "FROM base\nRUN false\n"})
    assert "D\\x1b[31m:2" in pare("build", "--blame", "--progress=plain", "-f", d / "D\x1b[31m", d).out  # the runner looks for control characters
    assert "E\\x1b[31m:2" in pare("build", "--progress=plain", "-f", d / "E\x1b[31m", d, status=1).err


def kilobytes(pare, *args):
    """The most that a build had in memory at a time."""
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "PARE_STORE": str(pare.store), "PARE_OFFLINE": "1"}
    pid = os.posix_spawn(pare.binary, [pare.binary, "build", "-q", *map(str, args)], env, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, used = os.wait4(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return used.ru_maxrss


def test_many_stages_take_little_memory(build, pare):
    """What a stage says of itself is kept as long as another one may stand on it."""
    assert kilobytes(pare, build.context("FROM base AS s0\n" + "".join("FROM s%d AS s%d\nENV A%d=1\n" % (i, i + 1, i) for i in range(2000)))) < 600000


def test_many_layers_take_little_memory(build, pare, tmp_path):
    Image([layer(File("a", b"a"))] * 3000, tags=("latest",)).oci(tmp_path / "many")
    assert kilobytes(pare, "--build-context", "many=oci-layout://%s" % (tmp_path / "many"), build.context("FROM many\nWORKDIR /x\nWORKDIR /y\n")) < 400000


def test_what_fetches_ends_with_a_build_that_is_killed(build, pare):
    """A git whose build is gone begins nothing more; what it started for the connection ends with that."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        url = "http://127.0.0.1:%d/r.git" % s.getsockname()[1]
        env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "PARE_STORE": str(pare.store), "PARE_OFFLINE": "1"}
        p = subprocess.Popen([pare.binary, "build", url], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        s.settimeout(20)
        talk, _ = s.accept()
        p.kill()
        p.wait()
        for _ in range(100):
            left = [c for c in Path("/proc").glob("[0-9]*/cmdline") if url.encode() in read(c) and b"ls-remote" in read(c)]
            if not left:
                return
            time.sleep(0.05)
        talk.close()
        assert not left


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
