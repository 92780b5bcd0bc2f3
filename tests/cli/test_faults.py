"""Transfers through a network and servers that fail (faultproxy.py): each ends correct, or with one clear line and the status of what it was; no password goes astray, nothing hangs.

PARE_FAULTS=N: how many transfers (60)."""
import base64
import hashlib
import http.client
import json
import os
import random
import socket

import pytest
from faultproxy import CONTENT, FAULTS, LASTING, PASSING, FaultProxy, Plan, credentials_in, kind_of, sent_twice
from imagelib import File, Image, layer
from netlib import Registry
from registrylib import Registry as Real
from test_db_registry import db, login  # noqa: F401

COUNT = int(os.environ.get("PARE_FAULTS") or 60)
BASIC = base64.b64encode(b"me:secret").decode()
SECRETS = ["secret", BASIC]
CHUNK = 32 << 10  # what the program may have had on its way when a connection broke
PATIENT = ["--timeout", "1", "--attempts", "5"]


# --- the proxy itself ---
class Bare:
    """A registry with one blob."""

    def __init__(self):
        self.registry = Registry()
        self.blob = random.Random(3).randbytes(100000)
        self.digest = "sha256:" + hashlib.sha256(self.blob).hexdigest()
        self.registry.blobs[self.digest] = self.blob
        self.path = "/v2/x/y/blobs/" + self.digest

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.registry.server.close()


def get(host, path, **headers):
    c = http.client.HTTPConnection(host, timeout=10)
    try:
        c.request("GET", path, headers=headers)
        r = c.getresponse()
        try:
            return r.status, r.headers, r.read()
        except http.client.IncompleteRead as e:
            return r.status, r.headers, e.partial
    finally:
        c.close()


def test_proxy_passes_on_and_records():
    with Bare() as b, FaultProxy(b.registry.host) as p:
        assert get(p.host, b.path)[2] == b.blob
        status, headers, body = get(p.host, b.path, Range="bytes=1000-", X="y")
        assert status == 206 and body == b.blob[1000:] and headers["Content-Range"].startswith("bytes 1000-")
        one, two = p.exchanges
        assert (one.first, one.sent, one.status) == (0, 100000, 200) and (two.asked, two.first, two.sent) == (1000, 1000, 99000) and two.header("x") == "y"
        assert sent_twice(p.exchanges) == [(b.digest, 99000)]
        assert not p.errors


@pytest.mark.parametrize("fault", sorted(f for f in FAULTS if "blob" in FAULTS[f]))
def test_proxy_does_each_fault(fault):
    with Bare() as b, FaultProxy(b.registry.host, Plan(seed=1, lasting=(fault, "blob"))) as p:
        if fault in ("drop", "silence"):
            with pytest.raises((http.client.RemoteDisconnected, TimeoutError, socket.timeout)):
                c = http.client.HTTPConnection(p.host, timeout=1)
                c.request("GET", b.path)
                c.getresponse().read()
            c.close()
        elif fault == "endless":
            c = http.client.HTTPConnection(p.host, timeout=10)
            c.request("GET", b.path)
            assert len(c.getresponse().read(1000000)) == 1000000
            c.close()
        else:
            status, headers, body = get(p.host, b.path, Range="bytes=50000-")
            want = {"cut": (206, False), "delay": (206, True), "trickle": (206, True), "longer": (206, True), "shorter": (206, False), "flip": (206, False), "bad-range": (206, True),
                    "no-range": (200, False), "redirect": (307, False), "loop": (307, False), "scheme": (307, False), "realm": (401, False), "429-long": (429, False)}
            expected, whole = want.get(fault) or (int(fault), False)
            assert status == expected and (body == b.blob[50000:]) == whole, (status, len(body))
            assert fault != "bad-range" or headers["Content-Range"].startswith("bytes 0-")
            assert fault != "no-range" or body == b.blob
            assert fault != "flip" or (len(body) == 50000 and sum(x != y for x, y in zip(body, b.blob[50000:])) == 1)
            assert fault != "redirect" or (get(p.other.host, b.path)[2] == b.blob and p.other.host in headers["Location"])
        assert p.exchanges[0].fault == fault and not p.errors


def test_plans_are_the_same_again():
    paths = [("GET", "/v2/a/manifests/%d" % i) for i in range(20)] + [("GET", "/v2/a/blobs/sha256:%d" % i) for i in range(20)]
    def done(seed, order):
        plan = Plan(seed=seed, rate=0.5)
        return {(m, p, n): plan.choose(m, p)[0] for n in range(3) for m, p in order}
    assert done(4, paths) == done(4, paths[::-1]) != done(5, paths)
    assert kind_of("PATCH", "/v2/a/blobs/uploads/1?x=y") == "part" and kind_of("HEAD", "/v2/a/manifests/x") == "has"


# --- what a transfer may end in ---
def one_line(r, statuses):
    assert r.status in statuses, r
    lines = r.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("pare: "), r
    assert not any(s in r.err + r.out for s in SECRETS), r


def plan_of(seed):
    """(plan, whether it must come through, the statuses that are right when it does not)."""
    rng = random.Random(seed)
    turn = seed % 4
    if turn < 2:
        return Plan(seed, rate=rng.choice((0.1, 0.3, 0.6, 1.0)), most=rng.choice((1, 2))), True, ()
    if turn == 2:
        names = sorted({**PASSING, **LASTING, **CONTENT})
        return Plan(seed, faults=names, rate=rng.choice((0.1, 0.3)), most=2), False, (3, 4)
    fault = rng.choice(sorted(FAULTS))
    harmless = fault in ("delay", "trickle")
    return Plan(seed, rate=0.1, most=1, lasting=(fault, rng.choice(sorted(FAULTS[fault])))), harmless, (3, 4) if fault in CONTENT else (4,) if fault in PASSING else (3, 4)


def nothing_astray(p):
    assert credentials_in(p.other.exchanges, SECRETS) == []
    assert not p.errors, p.errors
    assert sent_twice(p.exchanges + p.other.exchanges, CHUNK) == []


@pytest.mark.parametrize("seed", range(min(COUNT // 4, 50)))
def test_database(pare, db, seed):  # noqa: F811
    """`db push` and `db update`: what db_push sends whole is sent again whole."""
    plan, must, statuses = plan_of(seed)
    auth = random.Random(seed).choice((None, "basic", "bearer"))
    with Registry(auth=auth, users={"me": "secret"} if auth else None) as r:
        name = "security/advisories:latest"
        with FaultProxy(r.host, plan, [("Authorization", "Basic " + BASIC)]) as p:
            r.url = "http://" + p.host  # where its tokens are
            login(pare, p.host)
            r.server.routes.clear()
            out = pare("db", "push", "--db", db, "%s/%s" % (p.host, name), *PATIENT, status=None)
            assert out.status == 0 or not must, (out, plan, p.exchanges)
            if out.status:
                one_line(out, statuses)
                assert ("security/advisories", "latest") not in r.manifests or any(x.kind == "put" and x.fault for x in p.exchanges), p.exchanges
            nothing_astray(p)
        if out.status:
            r.url = r.server.url
            login(pare, r.host)
            pare("db", "push", "--db", db, "%s/%s" % (r.host, name))
        with FaultProxy(r.host, plan, [("Authorization", "Basic " + BASIC)]) as p:
            r.url = "http://" + p.host
            login(pare, p.host)
            out = pare("db", "update", "--from", "oci://%s/%s" % (p.host, name), *PATIENT, status=None)
            assert out.status == 0 or not must, (out, plan, p.exchanges)
            have = pare.store / "advisories.db"
            if out.status:
                one_line(out, statuses)
                assert not have.exists()
            else:
                assert have.read_bytes() == db.read_bytes()
            nothing_astray(p)


# --- images, through a registry as Debian ships it ---
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def real():
    with Real(auth=("me", "secret")) as r:
        yield r


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """Two images, a small one and one whose layer is sent in several pieces: (directory, bytes of the manifest)."""
    made = []
    for name, sizes in (("small", (1000, 300000, 700000)), ("large", (1000, 20 << 20))):
        rng, where = random.Random(name), tmp_path_factory.mktemp(name) / "layout"
        Image([layer(File("f%d" % i, rng.randbytes(n))) for i, n in enumerate(sizes)]).oci(where, compression="none")
        digest = json.loads((where / "index.json").read_text())["manifests"][0]["digest"]
        made.append((where, (where / "blobs" / "sha256" / digest[7:]).read_bytes()))
    return made


def manifest_in(real, repo, tag="1"):
    status, _, body = real.request("GET", "/v2/%s/manifests/%s" % (repo, tag), headers={"Accept": MANIFEST})
    return body if status == 200 else None


def whole_in(real, repo, manifest):
    m = json.loads(manifest)
    return all(real.request("HEAD", "/v2/%s/blobs/%s" % (repo, b["digest"]))[0] == 200 for b in [m["config"], *m["layers"]])


def sent_again(exchanges):
    """Bytes of uploads that were sent although the registry had said that it has them."""
    had, again = {}, 0
    for x in sorted(exchanges, key=lambda x: x.number):
        upload = x.path.split("?")[0]
        if x.kind == "part" and x.header("content-range") and not x.header("content-range").startswith("*"):
            first = int(x.header("content-range").split("-")[0].split(" ")[-1])
            again += max(0, min(had.get(upload, 0), first + x.got) - first)
        if x.kind in ("part", "state") and x.status in (202, 204) and x.answered("range"):
            had[upload] = int(x.answered("range").split("-")[1]) + 1
            if x.answered("range") == "0-0":  # nothing, or one byte: it says the same of both
                had[upload] = 0
    return again


@pytest.mark.parametrize("seed", range(COUNT))
def test_image(pare, real, layouts, tmp_path, seed):
    """Into the registry, out of it into the store or a layout."""
    plan, must, statuses = plan_of(1000 + seed)
    where, manifest = layouts[seed % 5 == 4]
    repo, own = "f/s%d" % seed, [("Authorization", "Basic " + BASIC)]
    with FaultProxy(real.host, plan, own) as p:
        login(pare, p.host)
        out = pare("copy", "oci:%s" % where, "docker://%s/%s:1" % (p.host, repo), *PATIENT, status=None)
        assert out.status == 0 or not must, (out, plan, p.exchanges)
        if out.status:
            one_line(out, statuses)
            assert manifest_in(real, repo) is None, p.exchanges
        else:
            assert manifest_in(real, repo) == manifest and whole_in(real, repo, manifest)
        assert sent_again(p.exchanges) == 0
        nothing_astray(p)
    if out.status:
        login(pare, real.host)
        pare("copy", "oci:%s" % where, "docker://%s/%s:1" % (real.host, repo))
    with FaultProxy(real.host, plan, own) as p:
        login(pare, p.host)
        target = "pare:%s:1" % repo if seed % 2 else "oci:%s:1" % (tmp_path / "out")
        out = pare("copy", "docker://%s/%s:1" % (p.host, repo), target, *PATIENT, status=None)
        assert out.status == 0 or not must, (out, plan, p.exchanges)
        nothing_astray(p)
    if out.status:
        one_line(out, statuses)
        assert pare("manifest", "show", "--raw", target, status=None).status != 0
    else:
        assert pare("manifest", "show", "--raw", target).out_bytes == manifest
    pare("store", "check")
