"""What the whole-command tests share: `pare`, a function that runs the program with a store, a home and a temporary directory of its own."""
import json
import os
import re
import subprocess

import pytest

from registrylib import Registry

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RAW = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")  # what no report may send to a terminal


class Result:
    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out_bytes, self.err_bytes = argv, status, out, err

    @property
    def out(self):
        return self.out_bytes.decode("utf-8")

    @property
    def err(self):
        return self.err_bytes.decode("utf-8")

    def json(self):
        return json.loads(self.out_bytes)

    def __repr__(self):  # what a failed assertion shows
        return "%s\n status %s\n out: %s\n err: %s" % (" ".join(self.argv), self.status, self.out_bytes[:4000].decode("utf-8", "replace"),
                                                       self.err_bytes[:4000].decode("utf-8", "replace"))


def binary():
    path = os.environ.get("PARE") or os.path.join(TOP, "build", "pare")
    if not os.access(path, os.X_OK):
        pytest.exit("no program at %s: build it, or name it in PARE" % path, 2)
    return os.path.abspath(path)


class Runner:
    def __init__(self, root):
        self.root, self.binary = root, binary()
        for d in ("home", "store", "tmp", "cwd"):
            (root / d).mkdir()
        self.store = root / "store"

    def __call__(self, *args, status=0, stdin=None, env=None, cwd=None, timeout=120, clean=True):
        """Runs it and expects exit `status` (None: any but a signal). env: a value of None takes a variable away."""
        full = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp"),
                "PARE_STORE": str(self.store), "PARE_OFFLINE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}  # no test asks another machine
        full.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "PARE_THREADS")})
        full.update(env or {})
        full = {k: str(v) for k, v in full.items() if v is not None}
        argv = [self.binary, *map(str, args)]
        source = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin if stdin is not None else subprocess.DEVNULL}
        p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=full, cwd=str(cwd or self.root / "cwd"), timeout=timeout, **source)
        r = Result(argv, p.returncode, p.stdout, p.stderr)
        assert 0 <= r.status <= 4, r
        if status is not None:
            assert r.status == status, r
        if clean:
            assert not RAW.search(r.out_bytes) and not RAW.search(r.err_bytes), r
        return r


@pytest.fixture
def pare(tmp_path):
    root = tmp_path / "run"
    root.mkdir()
    return Runner(root)


@pytest.fixture(scope="session")
def pare_binary():
    return binary()


@pytest.fixture(scope="module")
def registry():
    """Debian's docker-registry, empty, for all tests of a file: each has repositories of its own."""
    with Registry() as r:
        yield r
