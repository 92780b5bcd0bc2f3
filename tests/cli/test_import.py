"""pare import: archives and layouts into the store."""
import gzip
import io
import json
import tarfile

import pytest

from imagelib import Dir, File, Image, index_layout, layer
from storelib import archives, listed  # noqa: F401


@pytest.fixture
def image():
    return Image([layer(Dir("etc"), File("etc/x", b"x" * 5000))], tags=("web:1", "registry.example/web:2"))


def names(pare):
    return sorted(listed(pare))


def test_docker_archive(pare, image, tmp_path):
    image.docker_archive(tmp_path / "a.tar")
    lines = pare("import", tmp_path / "a.tar").out.splitlines()
    assert names(pare) == ["docker.io/library/web:1", "registry.example/web:2"]
    assert lines[0].split() == ["docker.io/library/web:1", listed(pare)["docker.io/library/web:1"]["digest"]]
    pare("import", tmp_path / "a.tar", "mine")
    assert [n for n in names(pare) if "mine" in n] == ["docker.io/library/mine:1", "docker.io/library/mine:2"]  # their tags, as of several images
    pare("import", tmp_path / "a.tar", "mine:3")
    assert "docker.io/library/mine:3" in names(pare)
    assert len({i["digest"] for i in listed(pare).values()}) == 1  # the same bytes give the same digest


@pytest.mark.parametrize("wrap", [lambda b: b, gzip.compress])
def test_standard_input(pare, image, tmp_path, wrap):
    image.docker_archive(tmp_path / "a.tar")
    pare("import", "-", stdin=wrap((tmp_path / "a.tar").read_bytes()))
    assert names(pare) == ["docker.io/library/web:1", "registry.example/web:2"]


def test_compressed_file(pare, image, tmp_path):
    image.docker_archive(tmp_path / "a.tar")
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress((tmp_path / "a.tar").read_bytes()))
    pare("import", tmp_path / "a.tar.gz")
    assert len(names(pare)) == 2


def test_layout(pare, tmp_path):
    for tag in ("1", "2"):
        path = tmp_path / ("%s.tar" % tag)
        Image([layer(File("f" + tag, b"y" * 100))]).docker_archive(path)
        pare("copy", path, "oci:%s:%s" % (tmp_path / "oci", tag))
    assert "say a NAME" in pare("import", tmp_path / "oci", status=2).err
    assert listed(pare) == {}
    pare("import", tmp_path / "oci", "app")
    assert names(pare) == ["docker.io/library/app:1", "docker.io/library/app:2"]
    digests = {m["digest"] for m in json.loads((tmp_path / "oci" / "index.json").read_text())["manifests"]}
    assert {i["digest"] for i in listed(pare).values()} == digests
    assert "one NAME is not enough" in pare("import", tmp_path / "oci", "app:3", status=2).err


def test_names_of_one_and_of_several(pare, tmp_path):
    """NAME without a tag means the same for one image as for several, and no image takes another's place."""
    first, second = (Image([layer(File("f%d" % n, b"z" * n))], tags=tags) for n, tags in ((1, ()), (2, ("web:1", "db:1"))))
    digest = pare("copy", "-q", first.oci(tmp_path / "l"), "oci:%s:v1" % (tmp_path / "one")).out
    assert pare("import", tmp_path / "one", "registry.example/app").out == "registry.example/app:v1 " + digest
    first.docker_archive(tmp_path / "nameless.tar")
    assert pare("import", tmp_path / "nameless.tar", "app").out.split()[0] == "docker.io/library/app:latest"
    second.docker_archive(tmp_path / "same.tar")
    assert pare("import", tmp_path / "same.tar", "mine").out.split()[::2] == ["docker.io/library/mine:1"]  # under it once
    before = names(pare)
    Image([layer(File("g", b"g"))], tags=("web:1",)).docker_archive(tmp_path / "two.tar", form="legacy", others=[Image([layer(File("h", b"h"))], tags=("db:1",))])
    assert "two images would be docker.io/library/both:1" in pare("import", tmp_path / "two.tar", "both", status=2).err
    index_layout(tmp_path / "many", [Image([layer(File("a", a.encode()))], arch=a) for a in ("amd64", "arm64")])
    assert "say a NAME" in pare("import", tmp_path / "many", status=2).err
    assert "not each has a tag" in pare("import", tmp_path / "many", "many", status=2).err
    assert names(pare) == before


def test_damaged(pare, image, tmp_path):
    image.docker_archive(tmp_path / "a.tar")
    whole = (tmp_path / "a.tar").read_bytes()
    for n, text in enumerate([b"", b"no archive", whole[:1000], gzip.compress(whole)[:-9]]):
        (tmp_path / "b.tar").write_bytes(text)
        r = pare("import", tmp_path / "b.tar", status=3)
        assert len(r.err.splitlines()) == 1, (n, r)
    pare("import", tmp_path / "none.tar", status=4)
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w"):
        pass
    pare("import", "-", stdin=empty.getvalue(), status=3)
    assert listed(pare) == {}
    assert not any(p.name.startswith("spool") for p in pare.store.iterdir())
