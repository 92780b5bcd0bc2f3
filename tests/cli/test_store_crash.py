"""The store when things go wrong: killed at any moment, several at once. PARE_CRASHES=200 for more crashes, PARE_TOGETHER=300 for more seconds together; with -s both print what was done."""
import collections
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from crashlib import RESUMED, Scene, assert_pruned, begun, blobs, check, closure, copy_store, files, leaks, manifests, name_of, names, start
from registrylib import Registry

CRASHES = int(os.environ.get("PARE_CRASHES", "28"))


@pytest.fixture(scope="module")
def registry():
    with Registry() as r:
        yield r


@pytest.fixture
def scene(pare, tmp_path, registry):
    return Scene(tmp_path, registry=registry, pare=pare)


# --- what a check and a repair say ---

def test_check_says_what_is_wrong(pare, tmp_path):
    source = Scene(tmp_path, 1).oci[0]
    pare("import", source)
    assert pare("store", "check", status=0).out.endswith("all well\n")
    found = sorted((pare.store / "images" / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size)
    data = bytearray(found[-1].read_bytes())
    data[1000] ^= 1
    found[-1].write_bytes(data)
    r = pare("store", "check", status=3)
    assert r.out.startswith("bad: sha256:" + found[-1].name)
    assert "1 bad, 0 missing" in r.out
    assert "1 reference dropped" in pare("store", "check", "--repair", status=3).out
    assert check(pare)["references"] == 0
    assert names(pare) == []
    pare("import", source)
    assert check(pare)["references"] == 1
    found[-2].unlink()
    assert "missing: sha256:" + found[-2].name in pare("store", "check", status=3).out


def test_others_read_it(pare, tmp_path):
    pare("import", Scene(tmp_path, 1).oci[0])
    place = pare("store", "path").out.strip()
    pare("inspect", "oci:%s:docker.io/library/app:0" % place)
    if shutil.which("skopeo"):
        p = subprocess.run(["skopeo", "inspect", "--raw", "oci:%s:docker.io/library/app:0" % place], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode == 0, p.stderr


def test_store_behind_a_link(pare, tmp_path):
    real = pare.root / "elsewhere"
    real.mkdir()
    pare.store.rmdir()
    pare.store.symlink_to(real)
    pare("import", Scene(tmp_path, 1).oci[0])
    assert "app" in pare("images").out and check(pare)["references"] == 1
    assert (real / "images" / "store.db").exists()


# --- the index lost ---

def three(pare, tmp_path):
    """Two images, one under two names; one without a name; one that only refers to another."""
    scene = Scene(tmp_path, 3)
    for i in (0, 1, 2):
        pare("import", scene.docker[i] if i else scene.oci[i])
    pare("tag", "app:0", "other/name:x")
    pare("tag", "app:1", "app:2")  # what was app:2 has no name now
    return pare("images", "--format", "json").json()["images"]


def without_times(images):
    return [{k: v for k, v in i.items() if k != "used"} for i in images]


@pytest.mark.parametrize("how", ["gone", "empty", "gone with its log"])
def test_names_come_back_from_the_layout(pare, tmp_path, how):
    before = three(pare, tmp_path)
    for p in (pare.store / "images").glob("store.db*"):
        if how == "gone with its log" or p.name == "store.db":
            p.unlink()
    if how == "empty":
        (pare.store / "images" / "store.db").touch()
    r = pare("images", "--format", "json")
    assert r.err == "pare: %s/images/store.db was lost: %d references came back from index.json\n" % (pare.store, len(before))
    assert without_times(r.json()["images"]) == without_times(before)
    assert pare("images").err == ""
    check(pare)
    had = blobs(pare.store / "images")
    pare("rm", "nosuch:1", status=None)
    subprocess.run([pare.binary, "prune", "--protect", "*"], env={"PARE_STORE": str(pare.store), "PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL, check=True)
    assert blobs(pare.store / "images") == had | closure(pare.store / "images")
    pare("prune", "--force")
    assert_pruned(pare)


def test_what_is_not_whole_does_not_come_back(pare, tmp_path):
    before = three(pare, tmp_path)
    layers = sorted((pare.store / "images" / "blobs" / "sha256").iterdir(), key=lambda p: p.stat().st_size)
    layers[-1].unlink()
    for p in (pare.store / "images").glob("store.db*"):
        p.unlink()
    r = pare("images", "--format", "json")
    came = len(r.json()["images"])
    lost = len(before) - came
    assert lost and "%d reference%s came back from index.json, %d did not" % (came, "" if came == 1 else "s", lost) in r.err and r.err.count("\n") == 1
    check(pare)
    pare("prune", "--force")
    assert_pruned(pare)


def test_a_damaged_index_is_made_anew_when_asked(pare, tmp_path):
    before = three(pare, tmp_path)
    db = pare.store / "images" / "store.db"
    for p in (pare.store / "images").glob("store.db-*"):
        p.unlink()
    db.write_bytes(b"no database " * 1000)
    for command in (["images"], ["store", "check"], ["import", tmp_path / "oci0.tar"]):
        r = pare(*command, status=3)
        assert r.err.count("\n") == 1 and "`pare store check --repair` makes it anew from index.json" in r.err
    r = pare("store", "check", "--repair")
    assert "%d references came back" % len(before) in r.err and r.out.endswith("all well\n")
    assert without_times(pare("images", "--format", "json").json()["images"]) == without_times(before)
    assert (pare.store / "images" / "store.db.damaged").read_bytes().startswith(b"no database")


def test_a_newer_index_is_left_alone(pare, tmp_path):
    three(pare, tmp_path)
    db = sqlite3.connect(pare.store / "images" / "store.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    for command in (["images"], ["store", "check", "--repair"], ["prune", "--force"]):
        assert "newer version of pare" in pare(*command, status=3).err
    assert not (pare.store / "images" / "store.db.damaged").exists()


def test_what_stands_where_files_should(pare, tmp_path):
    """Links, directories and pipes in the store: nothing is followed, nothing waits, and a prune goes on."""
    scene = Scene(tmp_path, 2)
    pare("import", scene.oci[0])
    images = pare.store / "images"
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (images / "ingest" / "link.part").symlink_to(victim)
    os.mkfifo(images / "ingest" / "pipe.part")
    (images / "ingest" / "directory").mkdir()
    (images / "blobs" / "sha256" / ("0" * 64)).symlink_to(victim)
    (images / "blobs" / "sha256" / ("1" * 64)).mkdir()
    (pare.store / "leases" / "link").symlink_to(victim)
    (pare.store / "pare-image-aaaaaaaa").symlink_to(tmp_path)
    (pare.store / "x.part-aaaaaaaa").symlink_to(victim)
    pare("store", "check")
    pare("prune", "--force")
    pare("import", scene.oci[1])
    assert victim.read_text() == "kept" and check(pare)["references"] == 2
    assert not os.path.lexists(images / "ingest" / "link.part") and not os.path.lexists(images / "ingest" / "pipe.part") and not os.path.lexists(images / "blobs" / "sha256" / ("0" * 64))
    (images / "index.json").unlink()
    (images / "index.json").symlink_to(victim)
    pare("tag", "app:0", "app:9")
    assert victim.read_text() == "kept" and "docker.io/library/app:9" in names(pare)


# --- while somebody reads ---

def test_a_reader_keeps_what_it_reads(pare, tmp_path):
    """A copy out of the store that stands still in the middle: everything is removed meanwhile, and it ends well."""
    pare("import", Scene(tmp_path, 1, size=3_000_000).oci[0])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    p = start(pare, "copy", "pare:app:0", "oci:%s:1" % (tmp_path / "out"))
    time.sleep(0.02)
    p.send_signal(signal.SIGSTOP)
    held = files(pare.store / "leases")
    pare("rm", "app:0")
    pare("prune", "--all", "--force")
    p.send_signal(signal.SIGCONT)
    err = p.stderr.read()
    p.stderr.close()
    if held:  # it had begun
        assert p.wait() == 0, err
        assert closure(tmp_path / "out")
    else:
        p.wait()
    pare("prune", "--all", "--force")
    assert blobs(pare.store / "images") == set()


def test_a_lease_of_a_reader_holds(pare, tmp_path):
    """The same without luck: the lease of a process that lives holds what it names."""
    pare("import", Scene(tmp_path, 1).oci[0])
    digest = manifests(pare.store / "images")[0]["digest"]
    import fcntl
    lease = open(pare.store / "leases" / "1-1", "w")
    fcntl.flock(lease, fcntl.LOCK_EX)
    db = sqlite3.connect(pare.store / "images" / "store.db")
    db.execute("INSERT INTO leases VALUES('1-1', ?)", (digest,))
    db.commit()
    db.close()
    pare("rm", "app:0")
    pare("prune", "--all", "--force")
    assert len(blobs(pare.store / "images")) == 4
    lease.close()
    pare("prune", "--all", "--force")
    assert blobs(pare.store / "images") == set() and files(pare.store / "leases") == []


# --- killed ---

def layout_is_whole(place):
    closure(place)
    return len(manifests(place))


class Commands:
    """Each kind of command on a scene: what it starts from and what to run. Targets are new each time."""

    def __init__(self, pare, scene, tmp_path, rng):
        self.pare, self.scene, self.rng, self.count, self.out = pare, scene, rng, 0, tmp_path / "out"
        self.out.mkdir()
        host = scene.registry.host
        self.layout = self.out / "layout"  # one that many write to
        any_image = lambda: rng.randrange(scene.n)
        self.kinds = {
            "pull": lambda: ("pull", "%s/app:%d" % (host, any_image())),
            "copy docker: pare:": lambda: ("copy", "docker://%s/app:%d" % (host, any_image()), "pare:fetched:%d" % any_image()),
            "push to a registry": lambda: ("push", "app:0", "%s/pushed/%d:1" % (host, self.new())),
            "copy to a layout": lambda: ("copy", "oci-archive:" + scene.oci[any_image()], "oci:%s:%d" % (self.layout, any_image())),
            "copy to a new layout": lambda: ("copy", "docker-archive:" + scene.docker[any_image()], "oci:%s:1" % (self.out / ("layout%d" % self.new()))),
            "store to oci-archive": lambda: ("copy", "pare:app:1", "oci-archive:%s" % (self.out / ("%d.tar" % self.new()))),
            "store to docker-archive": lambda: ("copy", "pare:app:0", "docker-archive:%s" % (self.out / ("%d.tar" % self.new()))),
            "slim to a layout": lambda: ("slim", "--level", "safe", "pare:app:0", "-o", "oci:%s:1" % (self.out / ("slim%d" % self.new()))),
            "slim to the store": lambda: ("slim", "--level", "safe", "pare:app:0", "-o", "pare:slim:%d" % self.new()),
            "import docker-archive": lambda: ("import", scene.docker[any_image()]),
            "import oci-archive": lambda: ("import", scene.oci[any_image()], "imported:%d" % self.new()),
            "prune": lambda: ("prune", "--all", "--force"),
            "rm": lambda: ("rm", "app:0"),
            "tag": lambda: ("tag", "app:1", "app:0"),
        }

    def new(self):
        self.count += 1
        return self.count


def template(pare, scene, place):
    """A store with two images, one without a name, and something for a prune."""
    pare("import", scene.oci[0])
    pare("import", scene.docker[1])
    pare("import", scene.docker[2])
    pare("import", scene.docker[3], "app:2")
    pare("rm", "app:2")
    shutil.copytree(pare.store, place)
    return place


def run_time(pare, commands, kind, store):
    times = []
    for _ in range(2):
        copy_store(pare, store)
        p = start(pare, *commands.kinds[kind]())
        begin = time.monotonic()
        err = p.stderr.read().decode()
        p.stderr.close()
        assert p.wait() == 0, (kind, err)
        times.append(time.monotonic() - begin)
    return min(times)


def whole_after(pare, commands):
    """What everybody may rely on after any kill."""
    doc = check(pare)
    images = pare.store / "images"
    listed = pare("images", "--format", "json").json()["images"]
    assert {i["digest"] for i in listed} <= {m["digest"] for m in manifests(images)} | closure(images)
    closure(images)
    for image in listed if CRASHES >= 100 else []:
        pare("inspect", "pare:%s" % image["digest"])
    for place in commands.out.iterdir():
        if place.is_dir():
            layout_is_whole(place)
        elif place.suffix == ".tar" and CRASHES >= 100:
            pare("inspect", place)
    return doc, images


def test_killed_at_any_moment(pare, tmp_path, scene):
    rng = random.Random(7)
    commands = Commands(pare, scene, tmp_path, rng)
    store = template(pare, scene, tmp_path / "template")
    last = {kind: run_time(pare, commands, kind, store) for kind in commands.kinds}
    kinds = list(commands.kinds)
    done, inside, stray, freed, well = collections.Counter(), collections.Counter(), 0, 0, 0
    copy_store(pare, store)
    for i in range(CRASHES):
        kind = kinds[i % len(kinds)]
        if i % 3 == 0 or kind in ("rm", "tag", "prune", "slim to the store", "push to a registry", "store to oci-archive", "store to docker-archive", "slim to a layout"):
            copy_store(pare, store)  # else it goes on in what the last one left
        p = start(pare, *commands.kinds[kind]())
        time.sleep(rng.random() * last[kind])
        p.send_signal(signal.SIGKILL)
        p.stderr.close()
        done[kind] += 1
        inside[kind] += p.wait() == -signal.SIGKILL
        doc, images = whole_after(pare, commands)
        well += 1
        before = len(leaks(pare)) + doc["stray"]
        stray += before
        r = pare("prune", "--force")
        assert leaks(pare) == [], (kind, leaks(pare), r)
        assert_pruned(pare)
        freed += before
        check(pare)
    assert sum(inside.values()) > CRASHES // 3
    # The next writer of a layout takes away what was begun there; the next one to write an archive what was begun of it.
    commands.layout.mkdir(exist_ok=True)
    pare("copy", "oci-archive:" + scene.oci[0], "oci:%s:0" % commands.layout)
    assert begun(commands.layout) == []
    # The same images put into a new store are the same blobs.
    images = pare.store / "images"
    for n, m in enumerate(manifests(images)):
        pare("--store", tmp_path / "fresh", "copy", "oci:%s:@%s" % (images, m["digest"]), "pare:fresh:%d" % n)
    if manifests(images):
        assert blobs(tmp_path / "fresh" / "images") == blobs(images)
    pare("prune", "--all", "--force")
    assert blobs(images) == set() and leaks(pare) == []
    width = max(map(len, kinds))
    print("\nkilled (SIGKILL)  %-*s  times  inside  run time" % (width, "command"))
    for kind in kinds:
        print("                  %-*s  %5d  %6d  %5.0f ms" % (width, kind, done[kind], inside[kind], last[kind] * 1000))
    print("                  %-*s  %5d  %6d" % (width, "all", sum(done.values()), sum(inside.values())))
    print("checks all well: %d of %d; things left behind: %d, freed by the next prune: %d" % (well, CRASHES, stray, freed))


def test_told_to_stop_at_any_moment(pare, tmp_path, scene):
    """SIGTERM and SIGINT leave nothing at all, but what a transfer is continued from."""
    rng = random.Random(11)
    commands = Commands(pare, scene, tmp_path, rng)
    store = template(pare, scene, tmp_path / "template")
    last = {kind: run_time(pare, commands, kind, store) for kind in commands.kinds}
    kinds = list(commands.kinds)
    stopped, resumable, n = 0, 0, max(len(kinds), CRASHES // 2)
    for i in range(n):
        kind = kinds[i % len(kinds)]
        copy_store(pare, store)
        targets = set(commands.out.iterdir())
        p = start(pare, *commands.kinds[kind]())
        time.sleep(rng.random() * last[kind])
        p.send_signal(signal.SIGTERM if i % 2 else signal.SIGINT)
        err = p.stderr.read().decode()
        p.stderr.close()
        status = p.wait()
        assert status in (0, -signal.SIGTERM, -signal.SIGINT), (kind, status, err)
        stopped += status != 0
        left = leaks(pare)
        partial = [x for x in left if RESUMED.match(os.path.basename(x))]
        resumable += len(partial)
        assert [x for x in left if x not in partial] == [], (kind, left)
        for place in set(commands.out.iterdir()) - targets:
            if place.is_dir():
                assert begun(place) == [] and layout_is_whole(place) == 1, (kind, files(place))
            else:
                assert place.suffix == ".tar", place
        if commands.layout.exists():
            assert begun(commands.layout) == []
        whole_after(pare, commands)
        pare("prune", "--force")
        assert_pruned(pare)
    assert stopped > n // 4
    print("\nstopped (SIGTERM, SIGINT): %d of %d inside; nothing left but %d partial blobs to continue from" % (stopped, n, resumable))


@pytest.mark.parametrize("place", ["layout", "archive", "stage", "facts"])
def test_what_a_kill_leaves_goes(pare, tmp_path, place):
    """Each place where something is begun: what a dead process left there goes with the next one that passes, what a living one has locked stays."""
    import fcntl
    scene = Scene(tmp_path, 1)
    out = tmp_path / "out"
    target = {"layout": "oci:%s:1" % out, "archive": "oci-archive:%s" % (tmp_path / "x.tar"), "stage": "pare:a:1", "facts": "pare:a:1"}[place]
    pare("copy", "oci-archive:" + scene.oci[0], target)
    (pare.store / "facts").mkdir(exist_ok=True)
    where = {"layout": out / "blobs" / "sha256" / ("0" * 64 + ".part-"), "archive": tmp_path / "x.tar.part-", "stage": pare.store / "pare-image-", "facts": pare.store / "facts" / "f.part-"}[place]
    dead, living, other = (where.parent / (where.name + end) for end in ("aaaaaaaa", "bbbbbbbb", "notours1"))
    for p in (dead, living, other):
        if place == "stage":
            (p / "image" / ".pare-cccccccc" / "blobs" / "sha256").mkdir(parents=True)
            (p / "image" / ".pare-cccccccc" / "blobs" / "sha256" / "x").write_bytes(b"x" * 1000)
        else:
            p.write_bytes(b"x" * 1000)
    fd = os.open(living, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    if place in ("stage", "facts"):
        assert "1 blob" in pare("prune", "--dry-run").out and dead.exists()
        assert "Freed 1.00 kB" in pare("prune", "--force").out
    else:
        pare("copy", "oci-archive:" + scene.oci[0], target)
    assert not dead.exists() and living.exists() and other.exists()
    os.close(fd)
    if place in ("stage", "facts"):
        pare("prune", "--force")
    else:
        pare("copy", "oci-archive:" + scene.oci[0], target)
    assert not living.exists() and other.exists()


def test_prune_removes_a_name_only_while_it_means_what_was_listed(pare, tmp_path):
    """On a terminal the list stands there while it asks; the name is given to another image meanwhile."""
    import pty
    scene = Scene(tmp_path, 2)
    pare("import", scene.oci[0], "app:1")
    pid, fd = pty.fork()
    if pid == 0:
        os.execve(pare.binary, [pare.binary, "prune", "--all"], {"PARE_STORE": str(pare.store), "PATH": os.environ["PATH"], "HOME": str(pare.root)})
    said = b""
    while b"[y/N]" not in said:
        said += os.read(fd, 4096)
    pare("import", scene.docker[1], "app:1")
    os.write(fd, b"y\n")
    try:
        while os.read(fd, 4096):
            pass
    except OSError:
        pass
    assert os.waitpid(pid, 0)[1] == 0
    os.close(fd)
    assert names(pare) in (["docker.io/library/app:1"], ["", "docker.io/library/app:1"]) and check(pare)["references"] >= 1


# --- together ---

def test_several_at_once(pare, tmp_path, scene):
    """Processes that pull, import, tag, remove, read, check and prune; none fails but for what another one has removed."""
    stop = time.monotonic() + float(os.environ.get("PARE_TOGETHER", "6"))
    wrong, count = [], collections.Counter()
    host, lock = scene.registry.host, threading.Lock()

    def work(seed):
        rng = random.Random(seed)
        while time.monotonic() < stop and not wrong:
            k, to = rng.randrange(scene.n), rng.randrange(3)
            args = rng.choice([
                ("pull", "%s/app:%d" % (host, k)), ("pull", "%s/app:%d" % (host, k)), ("copy", "docker://%s/app:%d" % (host, k), "pare:app:%d" % to),
                ("import", scene.docker[k], "app:%d" % to), ("import", scene.oci[k]), ("tag", "app:%d" % k, "app:%d" % to), ("rm", "app:%d" % to), ("rm", "%s/app:%d" % (host, k)),
                ("prune", "--force"), ("prune", "--all", "--force", "--keep", "2"), ("copy", "pare:app:%d" % to, "oci-archive:%s" % (tmp_path / ("read%d.tar" % seed))),
                ("inspect", "pare:app:%d" % to), ("images",), ("store", "check")])
            p = start(pare, *args)
            err = p.stderr.read().decode()
            p.stderr.close()
            status = p.wait()
            kind = " ".join(args[:2]) if args[0] == "store" else args[0]
            with lock:
                count[kind] += 1
            gone = status in (3, 4) and any(x in err for x in ("the store has no such image", "is not in the store", "no such image", "is no image of the store")) and args[0] in ("tag", "rm", "copy", "inspect")
            if status and not gone:
                wrong.append((args, status, err))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong
    check(pare)
    closure(pare.store / "images")
    pare("prune", "--force")
    assert_pruned(pare)
    print("\n16 processes at once, commands that ran: " + ", ".join("%s %d" % x for x in sorted(count.items())))
