"""The store when things go wrong: killed at any moment, several at once, a full disk. PARE_CRASHES=200 for more crashes."""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import pytest
from imagelib import File, Image, layer

CRASHES = int(os.environ.get("PARE_CRASHES", "40"))


def images(root, n, size=300_000):
    """Layouts that share a base, each with a layer of its own."""
    rng = random.Random(5)
    base = layer(File("base", rng.randbytes(size)))
    found = []
    for i in range(n):
        image = Image([base, layer(File("own", rng.randbytes(size)))], tags=("docker.io/library/app:%d" % i,))
        if i % 2:
            found.append(image.docker_archive(str(root / ("image%d.tar" % i))))
        else:
            found.append(image.oci(str(root / ("image%d" % i))))
    return found


def check(pare):
    doc = pare("store", "check", "--format", "json", status=0).json()
    assert doc["bad"] == doc["missing"] == 0, doc
    return doc


def start(pare, *args):
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store)}
    return subprocess.Popen([pare.binary, *args], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def index_names(pare):
    with open(pare.store / "images" / "index.json") as f:
        return sorted(m.get("annotations", {}).get("org.opencontainers.image.ref.name", "") for m in json.load(f)["manifests"])


def leftovers(pare):
    """Files of the layout that the next prune has to take."""
    return [p for d in ("ingest", "blobs/sha256") for p in (pare.store / "images" / d).iterdir()]


def test_check_says_what_is_wrong(pare, tmp_path):
    source = images(tmp_path, 1)[0]
    pare("copy", source, "pare:app:0")
    assert pare("store", "check", status=0).out.endswith("all well\n")
    blobs = sorted((pare.store / "images" / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size)
    data = bytearray(blobs[-1].read_bytes())
    data[1000] ^= 1
    blobs[-1].write_bytes(data)
    r = pare("store", "check", status=3)
    assert r.out.startswith("bad: sha256:" + blobs[-1].name)
    assert "1 bad, 0 missing" in r.out
    assert "1 reference dropped" in pare("store", "check", "--repair", status=3).out
    assert check(pare)["references"] == 0
    assert index_names(pare) == []
    pare("copy", source, "pare:app:0")
    assert check(pare)["references"] == 1
    blobs[-2].unlink()
    assert "missing: sha256:" + blobs[-2].name in pare("store", "check", status=3).out


def test_others_read_it(pare, tmp_path):
    source = images(tmp_path, 1)[0]
    pare("copy", source, "pare:app:0")
    place = pare("store", "path").out.strip()
    pare("inspect", "oci:%s:docker.io/library/app:0" % place)
    if shutil.which("skopeo"):
        p = subprocess.run(["skopeo", "inspect", "--raw", "oci:%s:docker.io/library/app:0" % place], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode == 0, p.stderr
        assert json.loads(p.stdout)["schemaVersion"] == 2


def test_killed_at_any_moment(pare, tmp_path):
    sources = images(tmp_path, 4)
    rng = random.Random(7)
    whole = {}
    for i, s in enumerate(sources):  # how long each takes, so that the moments are spread over it
        begin = time.monotonic()
        pare("copy", s, "pare:warm:%d" % i)
        whole[s] = time.monotonic() - begin
    shutil.rmtree(pare.store)
    pare.store.mkdir()
    killed = 0
    for i in range(CRASHES):
        kind = rng.choice(["copy", "copy", "copy", "tag", "rm", "prune"])
        s = rng.randrange(len(sources))
        if kind == "copy":
            p = start(pare, "copy", sources[s], "pare:app:%d" % rng.randrange(6))
        elif kind == "tag":
            p = start(pare, "tag", "app:%d" % rng.randrange(6), "app:%d" % rng.randrange(6))
        elif kind == "rm":
            p = start(pare, "rm", "app:%d" % rng.randrange(6))
        else:
            p = start(pare, "prune", "--all", "--force")
        time.sleep(rng.random() * whole[sources[s]])
        p.send_signal(signal.SIGKILL)
        killed += p.wait() == -signal.SIGKILL
        p.stderr.close()
        check(pare)
    assert killed > CRASHES // 4
    # Whatever is there can be used, and what was left is made up for.
    for i, s in enumerate(sources):
        pare("copy", s, "pare:last:%d" % i)
    assert {"docker.io/library/last:%d" % i for i in range(len(sources))} <= set(index_names(pare))
    for name in index_names(pare):
        if name:
            pare("inspect", "oci:%s/images:%s" % (pare.store, name))
    pare("prune", "--force")
    assert check(pare)["stray"] == 0
    assert len(leftovers(pare)) == check(pare)["blobs"]
    pare("prune", "--all", "--force")
    assert leftovers(pare) == []


def test_several_at_once(pare, tmp_path):
    sources = images(tmp_path, 4, size=60_000)
    stop = time.monotonic() + float(os.environ.get("PARE_TOGETHER", "6"))
    wrong = []

    def work(seed):
        rng = random.Random(seed)
        while time.monotonic() < stop and not wrong:
            what = rng.random()
            if what < 0.6:
                args = ("copy", rng.choice(sources), "pare:app:%d" % rng.randrange(3))
            elif what < 0.8:
                args = ("prune", "--force")
            else:
                args = ("rm", "app:%d" % rng.randrange(3))
            p = start(pare, *args)
            err = p.stderr.read().decode()
            p.stderr.close()
            if p.wait() != 0 and args[0] != "rm":
                wrong.append((args, p.returncode, err))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong
    check(pare)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_full_disk(pare, tmp_path):
    sources = images(tmp_path, 3, size=400_000)
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no mounting here")
    try:
        pare.store = place
        pare("copy", sources[0], "pare:first:1")
        before, names = check(pare), index_names(pare)
        filler, failed = place / "filler", 0
        for room in [*range(0, 65536, 4096), *range(65536, 380_000, 65536), *range(380_000, 520_000, 4096), *range(520_000, 1_000_000, 65536)]:  # how much is left
            filler.unlink(missing_ok=True)
            state = os.statvfs(place)
            free = state.f_bavail * state.f_frsize
            with open(filler, "wb") as f:
                f.write(b"x" * max(0, free - room))
            r = pare("copy", sources[2], "pare:second:1", status=None)
            if r.status == 0:
                assert "docker.io/library/second:1" in index_names(pare)
                break
            failed += 1
            assert r.status == 4 and r.err.count("\n") == 1 and "No space left on device" in r.err, r
            assert index_names(pare) == names
            after = check(pare)
            assert after["references"] == before["references"]
        else:
            pytest.fail("never had room enough")
        assert failed > 3
        # Not a byte is left: reading goes on, and so does making room.
        with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(b"x" * 4096)
        names = check(pare)["references"]
        pare("prune", "--all", "--force")
        assert names and check(pare)["references"] == 0 and leftovers(pare) == []
    finally:
        subprocess.run(["umount", str(place)], check=True)
