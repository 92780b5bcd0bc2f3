"""Transfers through a network and servers that fail (faultproxy.py, faultcases.py): each ends correct, or with one clear line and status 4; no password goes astray, nothing hangs.

PARE_FAULTS=N: how many transfers (about 120). They wait more than they work, and so many are on their way at once."""
import concurrent.futures
import hashlib
import http.client
import os
import random
import socket

import pytest
from faultcases import STORIES, UPSTREAM, World, tell
from faultproxy import FAULTS, FaultProxy, Plan, kind_of, sent_twice
from netlib import Registry
from registrylib import Registry as Real
from registrylib import authority

COUNT = int(os.environ.get("PARE_FAULTS") or 120)
AT_ONCE = 16


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
                    "no-range": (200, False), "redirect": (307, False), "loop": (307, False), "scheme": (307, False), "realm": (401, False), "429-long": (429, False),
                    "429-date": (429, False), "astray": (307, False)}
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


# --- transfers ---
@pytest.fixture(scope="module", autouse=True)
def ahead(request, tmp_path_factory):
    """The stories that are asked for, many at once, from the first test of this file on: a future by its seed."""
    seeds = [i.callspec.params["seed"] for i in request.session.items if getattr(i, "originalname", "") == "test_transfer"]
    if not seeds:
        yield {}
        return
    with Real(auth=UPSTREAM) as real, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        world, ca, root = World(real, tmp_path_factory.mktemp("pictures")), tmp_path_factory.mktemp("authority"), tmp_path_factory.mktemp("stories")
        authority(ca)
        world.authority(ca)
        yield {seed: pool.submit(tell, world, seed, root / str(seed)) for seed in seeds}
        pool.shutdown(cancel_futures=True)
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("\n" + str(world.figures))


@pytest.mark.parametrize("seed", range(-(-COUNT * 3 // 5)))
def test_transfer(ahead, seed):
    ahead[seed].result()


def test_every_story_is_told():
    assert {"image", "index", "referrers", "across", "tags", "delete", "create", "prune", "database"} == set(STORIES)
