"""pare prune on our own store: what the dry run says is what is freed."""
import fcntl
import os
import pty
import sqlite3
import subprocess

import pytest

from imagelib import Dir, File, Image, index_layout, layer
from schemalib import check


def blob_bytes(pare):
    top = pare.store / "images/blobs/sha256"
    return sum(os.path.getsize(top / n) for n in os.listdir(top))


@pytest.fixture
def store(pare, tmp_path):
    base = layer(Dir("etc"), File("etc/big", bytes(range(256)) * 2000))
    for i, name in enumerate(("web:1", "web:2", "web:3", "base/os:1")):
        path = tmp_path / "image.tar"
        own = [] if name == "base/os:1" else [layer(File("own%d" % i, bytes(range(i, 200)) * 100))]
        Image([base] + own, tags=(name,), config={"Labels": {"n": str(i)}}, extra={"created": "2024-01-0%dT00:00:00Z" % (i + 1)}).docker_archive(path)
        pare("copy", path, "pare:" + name)
    return pare


def exact(pare, *args):
    """The dry run, then the deed: both agree, and with the disk. Names of what went."""
    before = blob_bytes(pare)
    plan = pare("prune", "--dry-run", "--format", "json", *args).json()
    check(plan, "prune")
    assert plan["dry_run"] and plan["freed"] is None and blob_bytes(pare) == before
    done = pare("prune", "--yes", "--format", "json", *args).json()
    check(done, "prune")
    assert [(i["id"], i["goes"], i["bytes"], i["why"]) for i in done["items"]] == [(i["id"], i["goes"], i["bytes"], i["why"]) for i in plan["items"]]
    assert done["freed"] == plan["bytes"] == before - blob_bytes(pare) == sum(i["bytes"] for i in plan["items"] if i["goes"])
    return sorted(i["name"] for i in done["items"] if i["goes"])


def test_nothing(store):
    assert exact(store) == []
    assert "Nothing goes; 4 stay." in store("prune").out
    assert "has a name" in store("prune", "--verbose").out


def test_dangling_goes_without_a_question(store):
    store("tag", "web:2", "web:1")
    out = store("prune").out
    assert "untagged" in out and "Freed " in out
    assert store("images", "--filter", "dangling=true", "-q").out == ""
    assert "web:2" in store("images", "--format", "names").out


def test_dangling_exact(store):
    store("tag", "web:2", "web:1")
    assert exact(store) == ["<none>"]


def test_removed_names(store):
    store("rm", "web:1", "web:2")
    (name,) = exact(store)
    assert name.endswith("blobs")


def test_all(store):
    assert exact(store, "--all", "--protect", "base/*") == ["web:1", "web:2", "web:3"]
    assert exact(store, "--all") == ["base/os:1"]
    assert blob_bytes(store) == 0


def test_match_keep(store):
    assert exact(store, "--match", "web:*", "--keep", "2") == ["web:1"]
    assert exact(store, "--match", "3") == ["web:3"]


def test_filters(store):
    assert exact(store, "--all", "--filter", "label=n=1") == ["web:2"]
    assert exact(store, "--all", "--filter", "label!=n=0", "--filter", "label!=n=2") == ["base/os:1"]
    assert exact(store, "--all", "--older", "30d") == []  # they were used just now
    assert exact(store, "--filter", "dangling=false") == ["web:1", "web:3"]


def test_keep_storage(store):
    everything = blob_bytes(store)
    assert exact(store, "--all", "--keep-storage", str(everything)) == []
    assert len(exact(store, "--all", "--keep-storage", str(everything - 1))) >= 1
    assert blob_bytes(store) < everything


@pytest.mark.parametrize("args", [("--all",), ("--keep", "1"), ("--match", "x"), ("--filter", "dangling=false"), ("--engine", "docker"), ("--registry", "localhost:1/x")])
def test_nobody_to_ask(store, args):
    r = store("prune", *args, status=2)
    assert "--yes" in r.err and "--dry-run" in r.err and r.out == ""
    assert len(store("images", "--format", "names").out.split()) == 4


@pytest.mark.parametrize("args", [("--keep", "0"), ("--older", "soon"), ("--filter", "x=y"), ("--keep-storage", "much"), ("--volumes",), ("--engine", "docker", "--registry", "x/y"),
                                  ("--registry", "x/y", "--keep-storage", "1GB")])
def test_usage(pare, args):
    assert len(pare("prune", "--yes", *args, status=2).err.splitlines()) == 1


@pytest.mark.parametrize("answer, left", [(b"n\n", 4), (b"\n", 4), (b"\x04", 4), (b"y\n", 0)])
def test_question(store, answer, left):
    """On a terminal: what would go is shown, and only a yes removes it."""
    master, slave = pty.openpty()
    env = {"PATH": os.environ["PATH"], "PARE_STORE": str(store.store), "HOME": str(store.root), "LC_ALL": "C.UTF-8"}
    p = subprocess.Popen([store.binary, "prune", "--all"], stdin=slave, stdout=slave, stderr=slave, env=env)
    os.close(slave)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(master, 4096)
    assert b"web:1" in shown and b" to free: 4 go; 0 stay." in shown
    os.write(master, answer)
    while True:
        try:
            more = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        shown += more
    os.close(master)
    assert p.wait(60) == 0
    assert (b"Freed " in shown) == (left == 0) and (b"Nothing was removed." in shown) == (left != 0)
    assert len(store("images", "--format", "names").out.split()) == left


@pytest.fixture
def lease(store):
    """Another process that holds what it is told to."""
    path = store.store / "leases" / "99999999-1"
    with open(path, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)

        def hold(digest):
            db = sqlite3.connect(str(store.store / "images" / "store.db"))
            with db:
                db.execute("INSERT INTO leases VALUES('99999999-1', ?)", (digest,))
            db.close()
        yield hold
        fcntl.flock(f, fcntl.LOCK_UN)


def test_lease_holds_an_image(store, lease):
    image = {i["repository"] + ":" + i["tag"]: i for i in store("images", "--format", "json").json()["images"]}["web:2"]
    lease(image["digest"])
    assert exact(store, "--all") == ["base/os:1", "web:1", "web:3"]
    plan = store("prune", "--all", "--dry-run", "--format", "json").json()
    assert [i["why"] for i in plan["items"]] == ["used by a running process"]
    assert blob_bytes(store) == image["size"]


def test_lease_holds_a_blob(store, lease):
    top = store.store / "images/blobs/sha256"
    largest = max(os.listdir(top), key=lambda n: os.path.getsize(top / n))
    size = os.path.getsize(top / largest)
    lease("sha256:" + largest)
    assert len(exact(store, "--all")) == 4
    assert blob_bytes(store) == size


def test_lease_of_the_dead(store, lease):
    lease_file = store.store / "leases" / "99999999-2"
    lease_file.write_text("")  # nobody has it locked
    db = sqlite3.connect(str(store.store / "images" / "store.db"))
    with db:
        db.execute("INSERT INTO leases SELECT '99999999-2', digest FROM blobs")
    db.close()
    assert len(exact(store, "--all")) == 4
    assert blob_bytes(store) == 0 and not lease_file.exists()


def test_index(pare, tmp_path):
    """An image for several platforms goes whole: looking at it holds nothing of it."""
    index_layout(str(tmp_path / "oci"), [Image([layer(File("a", arch.encode() * 100))], tags=("multi",), arch=arch) for arch in ("amd64", "arm64")])
    pare("copy", "--all", "oci:%s" % (tmp_path / "oci"), "pare:multi")
    (image,) = pare("images", "--format", "json").json()["images"]
    assert image["platforms"] == ["linux/amd64", "linux/arm64"] and image["absent_platforms"] == 0 and image["unique"] == image["size"] == blob_bytes(pare)
    assert "linux/amd64 +1" in pare("images").out
    assert exact(pare, "--all") == ["multi:latest"]
    assert blob_bytes(pare) == 0


def test_a_signature_is_no_image_of_the_newest(store, tmp_path):
    store("sign", "--generate-key", tmp_path / "k")
    store("sign", "pare:web:3", "--key", tmp_path / "k.key")
    plan = store("prune", "--all", "--keep", "1", "--dry-run", "--format", "json").json()
    assert sorted(i["name"] for i in plan["items"] if i["goes"]) == ["web:1", "web:2"]
    assert [i["name"].startswith("web:sha256-") for i in plan["items"] if i["name"] not in ("web:1", "web:2", "web:3", "base/os:1")] == [True]
