"""What the tests of the commands on the store share: a store with three images of one base."""
import pytest

from imagelib import Dir, File, Image, layer
from schemalib import check


@pytest.fixture
def archives(tmp_path):
    base = layer(Dir("etc"), File("etc/big", bytes(range(256)) * 2000))
    out = {}
    for name, n in (("web:1", 1), ("web:2", 2), ("db:1", 3)):
        out[name] = tmp_path / ("%d.tar" % n)
        Image([base, layer(File("own%d" % n, bytes(range(n, 200)) * 50 * n))], tags=(name,), config={"Labels": {"team": "a" if n == 1 else "b"}}).docker_archive(out[name])
    return out


@pytest.fixture
def store(pare, archives):
    for name, path in archives.items():
        pare("copy", path, "pare:" + name)
    return pare


def listed(pare, *args):
    doc = pare("images", "--format", "json", *args).json()
    check(doc, "images")
    return {i["name"]: i for i in doc["images"]}
