"""Builds in surroundings that lack something, or that others share: namespaces with one ID, stores where no tree can be mounted, a runtime that does not start, several builds at once."""
import os
import subprocess
import sys
import threading
import time

import pytest

from buildlib import Builder, build  # noqa: F401
from crashlib import check

TWO = "FROM base\nRUN echo 1 > /a\nWORKDIR /w\nCOPY f f\n"


def outside(pare, *argv):
    """Of a command that starts the program itself: status, what it said on standard error."""
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store), "LC_ALL": "C.UTF-8"}
    p = subprocess.run([str(a) for a in argv], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, cwd=str(pare.root / "cwd"))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def test_root_of_a_namespace_with_one_id(build, pare):
    """`unshare -r`: its root is root of nobody else, and the image is the same."""
    d = build.context(TWO, {"f": "1"})
    if subprocess.run(["unshare", "-Ur", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no user namespaces here")
    status, out, err = outside(pare, "unshare", "-Ur", pare.binary, "build", d)
    assert status == 0, err
    assert out == pare("build", d).out


def test_a_store_on_an_overlay(build, pare, tmp_path):
    """What is said where no tree can be mounted: why, and what helps."""
    d = build.context(TWO, {"f": "1"})
    script = 'mount -t tmpfs none "$1" && cd "$1" && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w none m || exit 99; cp -r "$2" m/store; cd /; exec "$3" --store "$1/m/store" build "$4"'
    (tmp_path / "mnt").mkdir()
    status, _, err = outside(pare, "unshare", "-Urm", "sh", "-c", script, "sh", tmp_path / "mnt", pare.store, pare.binary, d)
    if status in (1, 99) and "store lies" not in err:
        pytest.skip("no overlays here")
    assert status == 4 and err.splitlines()[-1].endswith("the store lies on an overlay file system, as in a container, and on that no other can be mounted: --store DIR on a volume")


def test_a_runtime_that_does_not_start(build, pare, tmp_path):
    """It is there: to install it again would be no help."""
    (tmp_path / "bin").mkdir()
    for name in ("runc", "crun"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 3\n")
        (tmp_path / "bin" / name).chmod(0o755)
    r = pare("build", build.context(TWO, {"f": "1"}), env={"PATH": "%s:%s" % (tmp_path / "bin", os.environ["PATH"])}, status=4)
    assert r.err.splitlines()[-1].endswith("runc: no OCI runtime that can be started")


CONTAINED = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
here, there = os.pipe(), os.pipe()
if libc.unshare(0x20000):  # mounts
    sys.exit(99)
libc.mount(b"none", b"/", None, 0x44000, None)
for name in (b"/etc/subuid", b"/etc/subgid"):
    if libc.mount(sys.argv[1].encode(), name, None, 0x1000, None):
        sys.exit(99)
child = os.fork()
if not child:
    if libc.unshare(0x10000000):  # users
        os._exit(99)
    os.write(here[1], b"x")
    os.read(there[0], 1)
    os.setgroups([])
    os.setgid(8)
    os.setuid(8)
    if sys.argv[2] == "bound" and libc.prctl(38, 1, 0, 0, 0):  # no new privileges
        os._exit(99)
    os.execv(sys.argv[3], sys.argv[3:])
os.read(here[0], 1)
for name in ("uid_map", "gid_map"):
    open("/proc/%d/%s" % (child, name), "w").write("0 0 65536")
os.write(there[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a namespace with many IDs")
@pytest.mark.parametrize("how, range_", [("free", "mail:100000:65536"), ("free", "mail:60000:65536"), ("bound", "mail:10000:20000")])
def test_an_ordinary_user_of_a_container(build, pare, tmp_path, how, range_):
    """/etc/subuid promises IDs that its namespace has not, or only some of, or that newuidmap(1) may not give: what there is is taken."""
    d = build.context(TWO, {"f": "1"})
    digest = pare("build", d).out
    (tmp_path / "ranges").write_text(range_ + "\n")
    subprocess.run(["chmod", "-R", "a+rX", str(d)], check=True)
    subprocess.run(["chown", "-R", "8:8", str(pare.root)], check=True)
    for p in (tmp_path, *tmp_path.parents):
        if p.stat().st_uid == os.geteuid() and p != p.parent:
            p.chmod(p.stat().st_mode | 0o755)
    status, out, err = outside(pare, sys.executable, "-c", CONTAINED, tmp_path / "ranges", how, pare.binary, "--store", pare.root / "home" / "own", "build", "--build-context", "base=oci-layout://%s" % (tmp_path / "base"), d)
    if status == 99:
        pytest.skip("no namespaces here")
    assert status == 0 and out == digest, err


# --- several at once ---
SLOW = "FROM base\nRUN echo begun; cat /proc/sys/kernel/random/uuid > /a; sleep 2%s\n"


def begin(pare, d, *args):
    """A build in whose step something happens already."""
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store), "LC_ALL": "C.UTF-8"}
    p = subprocess.Popen([pare.binary, "build", "--progress=plain", *args, str(d)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in p.stderr:
        if line.rstrip().endswith(b" begun"):
            return p
    raise AssertionError("it ended: %s" % p.wait())


def test_one_of_two_builds_does_a_step(build, pare):
    d = build.context(SLOW % "")
    first = begin(pare, d)
    second = pare("build", "--progress=plain", d)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0 and out.decode() == second.out
    assert "pare: [2/2] RUN echo begun" in second.err and "another build is doing it (process %d)" % first.pid in second.err and second.err.count("CACHED") == 1 and "ERROR" not in second.err
    assert "another build" not in pare("build", "--progress=plain", d).err
    check(pare)


@pytest.mark.parametrize("how", ["killed", "failed"])
def test_what_another_build_did_not_finish(build, pare, how):
    """The next one does it."""
    d = build.context(SLOW % ("; test -e /dev/pare/never" if how == "failed" else ""))
    first = begin(pare, d)
    if how == "killed":
        threading.Timer(0.7, first.kill).start()
    second = pare("build", "--progress=plain", d, status=1 if how == "failed" else 0)
    assert first.wait() == (1 if how == "failed" else -9)
    first.communicate()
    assert "another build is doing it" in second.err and "CACHED" not in second.err and second.err.count(" begun\n") == 1


def test_no_cache_waits_for_nobody(build, pare):
    d = build.context(SLOW % "")
    first = begin(pare, d)
    second = pare("build", "--no-cache", "--progress=plain", d)
    assert "another build" not in second.err and first.communicate(timeout=60)[0].decode() != second.out


def test_a_budget_of_time_is_for_waiting_too(build, pare):
    d = build.context(SLOW.replace("sleep 2", "sleep 20") % "")
    first, start = begin(pare, d), time.monotonic()
    second = pare("build", "--timeout", "1", "--progress=plain", d, status=1)
    assert time.monotonic() - start < 10 and "another build is doing it" in second.err and "1 second" in second.err
    first.terminate()
    first.communicate()


def test_a_budget_of_time_is_for_caches_of_others_too(build, pare):
    """Somebody's step has one locked and doesn't end."""
    step = "RUN --mount=type=cache,target=/k,sharing=locked echo begun; sleep %d\n"
    first, start = begin(pare, build.context("FROM base\n" + step % 20)), time.monotonic()
    r = pare("build", "--timeout", "1", build.context("FROM base\n" + step % 0), status=1)
    assert time.monotonic() - start < 10 and r.err.splitlines()[-1].endswith("ended: 1 seconds")
    first.terminate()
    first.communicate()


def test_a_prune_beside_a_build(build, pare):
    """It takes nothing that the build stands on, has made or reads."""
    d = build.context((SLOW % "") + "RUN cat /proc/sys/kernel/random/uuid > /b; sleep 1\nFROM base\nCOPY --from=0 /a /b /\n")
    first = begin(pare, d, "-t", "app")
    while first.poll() is None:
        pare("prune", "--force")
    assert first.returncode == 0, first.stderr.read()
    first.communicate()
    assert len(pare("run", "pare:app", "cat", "/a", "/b").out.split()) == 2
    check(pare)


def test_a_plain_chroot(build, pare, tmp_path):
    """A root directory that is no mount point: nothing can be mounted there that is not seen outside."""
    if os.geteuid() != 0:
        pytest.skip("not root")
    d = build.context("FROM base\nRUN true\n")
    (tmp_path / "root").mkdir()
    script = 'for x in /*; do [ -d "$x" ] || continue; mkdir -p "$1$x"; mount --rbind "$x" "$1$x"; done; exec chroot "$1" "$2" build --store "$3" "$4"'
    status, _, err = outside(pare, "unshare", "-m", "sh", "-c", script, "sh", tmp_path / "root", pare.binary, pare.store, d)
    assert status == 4 and err.splitlines()[-1].endswith("the root directory here is no mount point, as in a plain chroot: containers need one (mount --bind DIR DIR, before chroot DIR)"), err


def test_a_directory_that_appears_meanwhile(build, pare, tmp_path):
    """Of another build with the same output, say: as one that was there before."""
    d, out = build.context("FROM scratch\nCOPY many /\n"), tmp_path / "made"
    for i in range(60):
        (d / "many" / str(i)).mkdir(parents=True)
        for k in range(100):
            (d / "many" / str(i) / str(k)).write_text("1")
    pare("build", d)
    p = subprocess.Popen([pare.binary, "build", "-o", "type=local,dest=%s" % out, str(d)], env={"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "PARE_STORE": str(pare.store)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list(tmp_path.glob("made.new-*")):
        assert p.poll() is None, p.stderr.read()
    out.mkdir()
    (out / "theirs").write_text("2")
    _, err = p.communicate(timeout=60)
    assert p.returncode == 0, err
    assert (out / "theirs").read_text() == "2" and sum(len(files) for _, _, files in os.walk(out)) == 6001 and not list(tmp_path.glob("made.new-*"))
