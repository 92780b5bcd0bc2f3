"""No room on the disk, at every stage of every command that writes: one clear line, status 4, the store as it was, nothing left but what a prune frees. PARE_FULL=1 for every call instead of some."""
import contextlib
import errno
import os
import shutil
import subprocess

import pytest
from crashlib import Scene, assert_pruned, begun, blobs, check, copy_store, files, leaks, manifests, names
from registrylib import Registry

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = bool(os.environ.get("PARE_FULL"))


@pytest.fixture(scope="module")
def registry():
    with Registry() as r:
        yield r


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no compiler")
    if os.environ.get("ASAN_OPTIONS"):
        pytest.skip("a sanitizer has to be loaded first")
    library = tmp_path_factory.mktemp("failing") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), os.path.join(HERE, "failing.c"), "-ldl"], check=True)
    return library


def commands(scene, out):
    """name → (command, what it writes outside of the store)."""
    host = scene.registry.host
    return {
        "pull": (("pull", host + "/app:3"), None),
        "copy docker: pare:": (("copy", "docker://%s/app:2" % host, "pare:fetched:1"), None),
        "import docker-archive": (("import", scene.docker[3]), None),
        "import oci-archive": (("import", scene.oci[2], "imported:1"), None),
        "copy to a layout": (("copy", "oci-archive:" + scene.oci[3], "oci:%s:1" % (out / "layout")), out / "layout"),
        "copy compressed to a layout": (("copy", "docker-archive:" + scene.docker[3], "oci:%s:1" % (out / "made")), out / "made"),
        "store to oci-archive": (("copy", "pare:app:0", "oci-archive:%s" % (out / "a.tar")), out / "a.tar"),
        "store to docker-archive": (("copy", "pare:app:1", "docker-archive:%s" % (out / "b.tar")), out / "b.tar"),
        "export": (("export", "app:0", "app:1", "-o", out / "c.tar"), out / "c.tar"),
        "slim to an archive": (("slim", "--level", "safe", "pare:app:0", "-o", "docker-archive:%s" % (out / "d.tar")), out / "d.tar"),
        "slim to a layout": (("slim", "--level", "safe", "pare:app:0", "-o", "oci:%s:1" % (out / "slim")), out / "slim"),
        "slim to the store": (("slim", "--level", "safe", "pare:app:0", "-o", "pare:slim:1"), None),
        "tag": (("tag", "app:0", "app:new"), None),
        "rm": (("rm", "app:0"), None),
        "prune": (("prune", "--all", "--force"), None),
    }


def template(pare, scene, place):
    pare("import", scene.oci[0])
    pare("import", scene.docker[1])
    shutil.copytree(pare.store, place)


def listed(pare):
    return sorted((i["name"], i["digest"]) for i in pare("images", "--format", "json").json()["images"])


def clean(out):
    for p in out.iterdir():
        shutil.rmtree(p) if p.is_dir() else p.unlink()


def as_before(pare, kind, r, before, out, target, what):
    """After a command that failed."""
    # Of a log that could not be synced SQLite doesn't say why; what it was to hold may be there all the same.
    unsynced = "store.db: disk I/O error" in r.err
    assert r.status == 4 and r.err.count("\n") == 1 and (what in r.err or unsynced), (kind, r)
    if kind not in ("prune", "rm") and not unsynced:
        assert listed(pare) == before, kind
    assert target is None or not target.exists(), (kind, files(out))
    assert begun(out) == [], (kind, begun(out))
    check(pare)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_full_disk(pare, tmp_path, registry):
    scene = Scene(tmp_path, registry=registry, pare=pare, size=100_000)
    template(pare, scene, tmp_path / "template")
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mounting here")
    try:
        pare.store, out, filler = place / "store", place / "out", place / "filler"
        out.mkdir()
        pare.store.mkdir()
        rooms = [0, 4096, 16384, 32768, 65536, *range(100_000, 1_000_000, 40_000 if ALL else 150_000), 6_000_000]
        failed = {}
        for kind, (command, target) in commands(scene, out).items():
            failed[kind] = 0
            for room in rooms:
                filler.unlink(missing_ok=True)
                clean(out)
                copy_store(pare, tmp_path / "template")
                before = listed(pare)
                state = os.statvfs(place)
                with open(filler, "wb") as f:
                    f.write(b"x" * max(0, state.f_bavail * state.f_frsize - room))
                r = pare(*command, status=None)
                if r.status == 0:
                    break
                failed[kind] += 1
                as_before(pare, kind, r, before, out, target, "No space left on device")
                pare("prune", "--force")  # on the full disk
                assert_pruned(pare)
            else:
                pytest.fail("%s: never had room enough: %r" % (kind, r))
        assert failed["prune"] == failed["rm"] == 0, failed
        assert sum(failed.values()) > 25, failed
        print("\nfull disk, failed with one line and everything as it was:", ", ".join("%s %d" % x for x in failed.items()))
        # Not a byte is left: reading goes on, and so does making room.
        filler.unlink(missing_ok=True)
        copy_store(pare, tmp_path / "template")
        with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)
        pare("inspect", "pare:app:0")
        pare("copy", "pare:app:0", "oci-archive:%s" % (tmp_path / "elsewhere.tar"))
        assert check(pare)["references"]
        pare("prune", "--all", "--force")
        assert check(pare)["references"] == 0 and blobs(pare.store / "images") == set() and leaks(pare) == []
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("how", ["full from there on", "one error"])
def test_every_call_fails_once(pare, tmp_path, registry, failing, how):
    """The n-th write, sync, rename, link or new file fails, n from 1 until the command has no more of them."""
    scene = Scene(tmp_path, registry=registry, pare=pare, size=60_000)
    template(pare, scene, tmp_path / "template")
    out, counter = tmp_path / "out", tmp_path / "count"
    out.mkdir()
    full = how == "full from there on"
    what = os.strerror(errno.ENOSPC if full else errno.EIO)
    env = {"LD_PRELOAD": failing, "FAIL_WITH": errno.ENOSPC if full else errno.EIO, "FAIL_COUNT": counter, **({} if full else {"FAIL_ONCE": 1})}
    told = {}
    for kind, (command, target) in commands(scene, out).items():
        clean(out)
        copy_store(pare, tmp_path / "template")
        pare(*command, env={**env, "FAIL_AT": 0})
        calls = int(counter.read_text())
        step, failed, tried = 1 if ALL else max(1, calls // 8), 0, 0
        for n in range(1, calls + 1, step):
            clean(out)
            copy_store(pare, tmp_path / "template")
            before = listed(pare)
            r = pare(*command, env={**env, "FAIL_AT": n}, status=None)
            tried += 1
            if r.status:
                failed += 1
                if full:
                    as_before(pare, kind, r, before, out, target, what)
                else:  # what could not be synced may be there all the same
                    assert r.status == 4 and r.err.count("\n") == 1, (kind, n, r)
                    assert begun(out) == [], (kind, n, begun(out))
                    check(pare)
            else:
                check(pare)
            pare("prune", "--force")
            assert_pruned(pare)
        told[kind] = "%d of %d (%d calls)" % (failed, tried, calls)
        assert failed or kind in ("rm", "prune"), (kind, told)
    print("\n%s: failed with one line, the store well: %s" % (how, "; ".join("%s %s" % x for x in told.items())))


def test_a_layout_that_was_there_stays(pare, tmp_path, failing):
    """A layout with an image in it: a second one that fails leaves the first, and its list, as they were."""
    scene = Scene(tmp_path, 2, size=20_000)
    target = tmp_path / "layout"
    pare("copy", "oci-archive:" + scene.oci[0], "oci:%s:1" % target)
    had = (target / "index.json").read_bytes()
    env = {"LD_PRELOAD": failing, "FAIL_WITH": errno.ENOSPC}
    for n in range(1, 200):
        r = pare("copy", "docker-archive:" + scene.docker[1], "oci:%s:2" % target, env={**env, "FAIL_AT": n}, status=None)
        if r.status == 0:
            break
        assert r.status == 4 and r.err.count("\n") == 1 and (target / "index.json").read_bytes() == had and begun(target) == [], (n, r)
    assert n > 3 and len(manifests(target)) == 2 and names(pare) == []
