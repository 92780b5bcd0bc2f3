"""Builds in surroundings that lack something, or that others share: namespaces with one ID, stores where no tree can be mounted, a runtime that does not start, several builds at once."""
import os
import shutil
import subprocess
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
