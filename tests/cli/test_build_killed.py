"""Builds that are killed or told to stop at any moment: nothing of them runs on, is mounted, or stands half written under its name; the store is well, and the next build gives the same image. PARE_CRASHES=200 for more."""
import hashlib
import io
import os
import random
import re
import shutil
import signal
import subprocess
import tarfile
import time

import pytest

from buildlib import Builder, runtime
from crashlib import PART, RESUMED, check, closure, files, leaks, start

CRASHES = int(os.environ.get("PARE_CRASHES", "8"))
MARK = "PARE_TEST_OF_KILLS"
STEPS = """\
FROM base AS one
ENV %s=%%s
RUN for i in 1 2 3 4 5 6 7 8; do head -c 40000 /dev/urandom >/dev/null; echo $i >/one$i; done; rm /one3; ln /one1 /linked; mkdir -p /a/b/c
RUN --mount=type=cache,target=/var/k n=$(cat /var/k/n 2>/dev/null || echo 0); echo $((n+1)) >/var/k/n; (setsid sleep 30 &) ; echo cached >/k
FROM base AS two
ENV %s=%%s
COPY many /many
ADD add.tar /added
RUN rm -rf /many/d1 && mv /many/d2 /many/d9
FROM base
ENV %s=%%s
WORKDIR /w/x
COPY --from=one / /one/
COPY --from=two --chown=1:2 /many /many
RUN --network=none --mount=from=two,target=/t --mount=type=tmpfs,target=/m cp -r /t/added /m/ && cp -r /m/added /w/ && trap '' TERM INT && sleep 0.05
RUN rm -rf /one/bin
""" % (MARK, MARK, MARK)


def context(tmp_path, mark):
    rng, d = random.Random(3), tmp_path / "context"
    for k in range(4):
        (d / "many" / ("d%d" % k)).mkdir(parents=True)
        for n in range(12):
            (d / "many" / ("d%d" % k) / ("f%d" % n)).write_bytes(rng.randbytes(3000))
    with tarfile.open(d / "add.tar", "w") as t:
        for n in range(20):
            i = tarfile.TarInfo("dir/x%d" % n)
            i.size = 5000
            t.addfile(i, io.BytesIO(rng.randbytes(5000)))
    (d / "Dockerfile").write_text(STEPS % (mark, mark, mark))
    return d


def living(pare, mark):
    """Processes of a build: those of steps have the mark in their environment, the program and what it starts its store."""
    found = []
    wanted = [("%s=%s" % (MARK, mark)).encode(), b"PARE_STORE=" + str(pare.store).encode()]
    for p in os.listdir("/proc"):
        try:
            if p.isdigit() and int(p) != os.getpid():
                with open("/proc/%s/environ" % p, "rb") as f, open("/proc/%s/cmdline" % p, "rb") as g:
                    env, line = f.read(), g.read()
                if any(w in env.split(b"\0") for w in wanted) or str(pare.store).encode() in line:
                    found.append((p, line))
        except OSError:
            pass
    return found


def nothing_runs(pare, mark, what):
    until = time.monotonic() + 20  # the kernel takes its time to bury a namespace
    while living(pare, mark):
        assert time.monotonic() < until, (what, living(pare, mark))
        time.sleep(0.01)
    with open("/proc/self/mounts") as f:
        assert str(pare.store) not in f.read(), what


class Kinds:
    """Each output with what it comes to."""

    def __init__(self, pare, d, tmp_path):
        self.pare, self.context, self.out, self.count = pare, d, tmp_path / "out", 0
        self.out.mkdir()
        self.all = {
            "store": lambda o: ("-t", "made"),
            "oci directory": lambda o: ("-o", "type=oci,tar=false,dest=%s" % o),
            "oci archive": lambda o: ("-o", "type=oci,dest=%s" % o),
            "docker archive": lambda o: ("-o", "type=docker,dest=%s" % o),
            "tar": lambda o: ("-o", "type=tar,dest=%s" % o),
            "local": lambda o: ("-o", "type=local,dest=%s" % o),
            "cache": lambda o: ("--cache-to", "type=local,mode=max,dest=%s" % o),
            "squash": lambda o: ("--squash", "-o", "type=oci,dest=%s" % o),
        }

    def args(self, kind, out):
        return ("build", *self.all[kind](out), self.context)

    def new(self):
        self.count += 1
        return self.out / ("o%d" % self.count)


def tree(root):
    """What is in a directory, or a file, as one digest."""
    h = hashlib.sha256()
    if root.is_dir():
        for p in sorted(root.rglob("*")):
            h.update(("%s %o\n" % (p.relative_to(root), p.lstat().st_mode)).encode())
            if p.is_symlink():
                h.update(os.readlink(p).encode())
            elif p.is_file():
                h.update(p.read_bytes())
    else:
        h.update(root.read_bytes())
    return h.hexdigest()


def begun_builds(pare):
    """What a build had begun in the store."""
    found = [str(p) for d in (pare.store / "build" / "trees").glob("*") for p in d.iterdir() if p.name.startswith("new-")]
    found += [str(p) for p in (pare.store / "run").glob("*")] + [str(p) for p in (pare.store / "build").rglob("*") if PART.search(p.name)]
    return found


def left_in(pare, kinds):
    return leaks(pare) + begun_builds(pare) + [str(p) for p in kinds.out.iterdir() if not re.fullmatch("o[0-9]+", p.name)]


@pytest.fixture
def scene(pare, tmp_path):
    runtime()
    mark = os.urandom(8).hex()
    Builder(pare, tmp_path)
    d = context(tmp_path, mark)
    template = tmp_path / "template"
    shutil.copytree(pare.store, template)
    kinds, whole, digests, last = Kinds(pare, d, tmp_path), {}, {}, {}
    for kind in kinds.all:
        fresh(pare, template)
        out = kinds.new()
        begin = time.monotonic()
        digests[kind] = pare(*kinds.args(kind, out)).out
        last[kind] = time.monotonic() - begin
        whole[kind] = None if not out.exists() else tree(out) if kind in ("tar", "local") or out.is_dir() else set(tarfile.open(out).getnames())
    return mark, template, kinds, whole, digests, last


def fresh(pare, template):
    subprocess.run(["rm", "-rf", str(pare.store)], check=True)
    shutil.copytree(template, pare.store)


def assert_whole(kind, out, whole):
    if kind in ("cache", "oci directory"):
        closure(out)
    elif kind in ("tar", "local"):
        assert not out.exists() or tree(out) == whole, (kind, out)
    elif out.exists():  # what is in it has the names of its content; which comes first is no matter of the image
        with tarfile.open(out) as t:
            for e in t:
                if e.isfile() and re.fullmatch("blobs/sha256/[0-9a-f]{64}", e.name):
                    assert hashlib.sha256(t.extractfile(e).read()).hexdigest() == e.name[-64:], (kind, out, e.name)
            names = set(t.getnames())
        assert names == whole, (kind, names ^ whole)


def test_killed_at_any_moment(pare, scene):
    mark, template, kinds, whole, digests, last = scene
    rng, inside, stray, warm = random.Random(int(os.environ.get("PARE_SEED", "5"))), 0, 0, 0
    names = list(kinds.all)
    fresh(pare, template)
    for i in range(CRASHES):
        kind, how = names[i % len(names)], (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[(i + i // len(names)) % 4]
        if rng.random() < 0.6:
            fresh(pare, template)
        elif i % 2:
            shutil.rmtree(pare.store / "build" / "trees", ignore_errors=True)  # to be made again from layers
        out, before = kinds.new(), set(left_in(pare, kinds))
        p = start(pare, *kinds.args(kind, out))
        time.sleep(rng.random() * last[kind])
        p.send_signal(how)
        err = p.stderr.read().decode()
        p.stderr.close()
        status = p.wait()
        assert status in (0, -how), (kind, status, err)
        inside += status != 0
        nothing_runs(pare, mark, (i, kind, how))
        assert_whole(kind, out, whole[kind])
        check(pare)
        left = [x for x in left_in(pare, kinds) if x not in before]
        if how != signal.SIGKILL:  # then nothing at all, but what a transfer is continued from
            assert [x for x in left if not RESUMED.match(os.path.basename(x))] == [], (i, kind, how, left)
        stray += len(left)
        if i % 3 == 0:  # a prune takes away what was begun, or the next build does
            pare("prune", "--force")
            assert leaks(pare) + begun_builds(pare) == [], (kind, leaks(pare), begun_builds(pare))
        r = pare(*kinds.args(kind, out))
        assert r.out == digests[kind], (i, kind, how)
        if kind != "store":
            assert kind not in ("tar", "local") or tree(out) == whole[kind], (i, kind, how)
            assert_whole(kind, out, whole[kind])
        assert begun_builds(pare) == [], (i, kind, begun_builds(pare))
        warm += 1
        assert files(pare.root / "tmp") == []
        subprocess.run(["rm", "-rf", str(out)], check=True)
        nothing_runs(pare, mark, (i, kind, "afterwards"))
    pare("prune", "--force")
    assert left_in(pare, kinds) == []
    assert inside > CRASHES // 8
    print("\nkilled or stopped: %d, inside the run: %d; things left behind: %d, all of them taken away; same image afterwards: %d of %d" % (CRASHES, inside, stray, warm, CRASHES))


def begin(pare, mark, *args):
    """Starts it; its other processes, outermost first, once the step's program runs and the runtime that started it is gone and has told so."""
    p, until, now, before = start(pare, *args), time.monotonic() + 60, [], None
    while not any(b"sleep\x00600\x00" in line for _, line in now) or now != before:
        assert p.poll() is None and time.monotonic() < until, p.stderr.read()
        time.sleep(0.3 if any(b"sleep\x00600\x00" in line for _, line in now) else 0.01)
        before, now = now, sorted(living(pare, mark))
    return p, sorted(int(pid) for pid, _ in now if int(pid) != p.pid)


def ends(p):
    p.wait(timeout=60)
    err = p.stderr.read().decode()
    p.stderr.close()
    return p.returncode, err


def test_one_of_its_processes_killed(pare, tmp_path):
    """As by the kernel when there is no memory left: whichever it is, the step fails, and nothing of it runs on."""
    runtime()
    mark, b = os.urandom(8).hex(), Builder(pare, tmp_path)
    stops = b.context("FROM base\nENV %s=%s\nRUN sleep 600; touch /after\n" % (MARK, mark))
    goes = b.context("FROM base\nENV %s=%s\nRUN touch /after\n" % (MARK, mark))
    for args, good in ((("build", stops), ("build", goes)), (("run", "-e", "%s=%s" % (MARK, mark), "pare:base", "sh", "-c", "sleep 600; echo after"), ("run", "pare:base", "true"))):
        p, all_of_it = begin(pare, mark, *args)
        os.kill(p.pid, signal.SIGTERM)
        ends(p)
        nothing_runs(pare, mark, args[0])
        assert len(all_of_it) >= 4, all_of_it  # who waits for the box, its first process, the shell, its child
        for k in range(len(all_of_it) - 1):  # the last is what the shell waits for: it goes on then, and that is right
            p, pids = begin(pare, mark, *args)
            assert len(pids) == len(all_of_it)
            os.kill(pids[k], signal.SIGKILL)
            status, err = ends(p)
            assert status == (1 if args[0] == "build" else 137) and "\n\n" not in err, (k, status, err)
            assert args[0] == "run" or "exit status 137: killed by signal 9" in err, (k, err)
            nothing_runs(pare, mark, (args[0], k))
            assert begun_builds(pare) == [], (args[0], k)
            check(pare)
        pare(*good, status=0)
