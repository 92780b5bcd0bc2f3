"""pare copy between every two transports: the image that arrives has the configuration and the layers that were sent, and, where both places keep digests, the digest."""
import json
import shutil

import pytest

import engines
from engines import docker  # noqa: F401 (a fixture)
from imagelib import Dir, File, Image, Symlink, layer, sha256
from registrylib import Registry

LAYERS = [layer(Dir("etc"), File("etc/a", b"one " * 3000)), layer(Dir("bin"), File("bin/x", b"two " * 5000), Symlink("bin/y", "x")), layer(Dir("etc"), File("etc/a", b"three"))]
IMAGE = Image(LAYERS, {"Cmd": ["/bin/x"], "Env": ["A=b"]}, tags=("example/pairs:1",))
DIFF_IDS = ["sha256:" + sha256(d) for d in LAYERS]
KEEPING = ("oci", "oci-archive", "docker", "pare", "layout-path", "archive-path")


class Places:
    """A location of each kind, to write to or with the image in it."""

    def __init__(self, pare, root, registry):
        self.pare, self.root, self.registry, self.n = pare, root, registry, 0

    def target(self, kind):
        self.n += 1
        return {"docker-archive": "docker-archive:%s/d%d.tar:example/pairs:1", "oci": "oci:%s/o%d:v/1", "oci-archive": "oci-archive:%s/a%d.tar:1", "docker": "docker://%s/pairs/n%d:1",
                "pare": "pare:pairs%.0s/n%d:1"}[kind] % (self.registry if kind == "docker" else self.root, self.n)

    def source(self, kind):
        self.n += 1
        path = self.root / ("s%d" % self.n)
        if kind == "docker-archive":
            return IMAGE.docker_archive(path)
        if kind == "rootfs":
            (path / "etc").mkdir(parents=True)
            (path / "etc/a").write_text("three")
            return "rootfs:%s" % path
        if kind in ("oci-archive", "archive-path", "stdin"):
            where = IMAGE.oci_archive(path)
            return where if kind == "oci-archive" else str(path)
        where = IMAGE.oci(path)
        if kind == "layout-path":
            return str(path)
        if kind in ("docker", "pare"):
            target = self.target(kind)
            self.pare("copy", "-q", where, target)
            return target
        return where


def config_of(pare, where, tmp_path, env=None):
    """The configuration that is there, read by way of a docker-archive, and its layers' diff IDs."""
    out = tmp_path / "check"
    shutil.rmtree(out, ignore_errors=True)
    pare("copy", "-q", where, "oci:%s:check" % out, env=env)
    digest = json.loads((out / "index.json").read_text())["manifests"][0]["digest"]
    manifest = json.loads((out / "blobs/sha256" / digest[7:]).read_text())
    text = (out / "blobs/sha256" / manifest["config"]["digest"][7:]).read_bytes()
    return text, json.loads(text)["rootfs"]["diff_ids"], digest


@pytest.fixture(scope="module")
def registry():
    with Registry() as r:
        yield r.host


@pytest.mark.parametrize("target", ["docker-archive", "oci", "oci-archive", "docker", "pare"])
@pytest.mark.parametrize("source", ["docker-archive", "oci", "oci-archive", "docker", "pare", "layout-path", "archive-path", "stdin", "rootfs"])
def test_pair(pare, tmp_path, registry, source, target):
    places = Places(pare, tmp_path, registry)
    where, to = places.source(source), places.target(target)
    kept = config_of(pare, where, tmp_path)
    said = pare("copy", "-q", "-" if source == "stdin" else where, to, stdin=open(where, "rb") if source == "stdin" else None).out.strip()
    arrived = config_of(pare, to, tmp_path)
    assert arrived[:2] == kept[:2]
    if source != "rootfs":
        assert arrived[:2] == (IMAGE.config_bytes, DIFF_IDS)
    if target in KEEPING:
        assert said == arrived[2]
    if target in KEEPING and source in KEEPING:
        assert said == kept[2]


@pytest.mark.parametrize("kind", ["docker-archive", "oci", "oci-archive", "docker", "pare"])
def test_onto_itself(pare, tmp_path, registry, kind):
    where = Places(pare, tmp_path, registry).source(kind)
    before = config_of(pare, where, tmp_path)
    pare("copy", "-q", where, where)
    assert config_of(pare, where, tmp_path) == before


@pytest.mark.parametrize("kind", ["docker-archive", "oci", "oci-archive", "docker", "pare"])
def test_docker_engine(pare, tmp_path, registry, kind, docker):  # noqa: F811
    places, ref = Places(pare, tmp_path, registry), "docker-daemon:pairs/%s:1" % kind
    try:
        pare("copy", "-q", places.source(kind), ref, env=docker.env)
        assert config_of(pare, ref, tmp_path, docker.env)[1] == DIFF_IDS
        to = places.target(kind)
        pare("copy", "-q", ref, to, env=docker.env)
        assert config_of(pare, to, tmp_path)[1] == DIFF_IDS
    finally:
        docker.remove("pairs/%s:1" % kind)


def test_podmans_storage(pare, tmp_path, registry, docker):  # noqa: F811
    """To every place; it is not written to, and says what to do instead."""
    places, storage = Places(pare, tmp_path, registry), engines.Storage("vfs")
    try:
        storage.skopeo("copy", "-q", places.source("oci"), storage.location("localhost/pairs:1"))
        where = storage.location("localhost/pairs:1")
        for kind in ("docker-archive", "oci", "oci-archive", "docker", "pare"):
            to = places.target(kind)
            pare("copy", "-q", where, to)
            assert config_of(pare, to, tmp_path)[:2] == (IMAGE.config_bytes, DIFF_IDS), kind
        pare("copy", "-q", where, "docker-daemon:pairs/storage:1", env=docker.env)
        assert config_of(pare, "docker-daemon:pairs/storage:1", tmp_path, docker.env)[1] == DIFF_IDS
        assert "podman pull" in pare("copy", places.source("oci"), storage.location("localhost/other:1"), status=2).err
    finally:
        storage.stop()


@pytest.mark.parametrize("target", ["rootfs:out", "nosuch:x", "oci:", "docker-archive:-", "out"])
def test_no_target(pare, tmp_path, target):
    e = pare("copy", IMAGE.oci(tmp_path / "lay"), target, status=2, cwd=tmp_path).err
    assert e.count("\n") == 1 and sorted(p.name for p in tmp_path.iterdir()) == ["lay", "run"]
