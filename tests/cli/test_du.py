"""pare du: where the room of the store went."""
import os

from schemalib import check
from storelib import archives, store  # noqa: F401


def test_no_store(pare):
    check(pare("du", "--format", "json").json(), "du")


def test_du(store):
    store("rm", "web:2")
    doc = store("du", "--format", "json").json()
    check(doc, "du")
    blobs = {p["name"]: p for p in doc["places"]}["images/blobs"]
    assert sum(i["unique"] for i in doc["images"]) + doc["shared"] + doc["unneeded"] == blobs["bytes"]
    files = bytes_ = 0
    for top, _, names in os.walk(store.store):
        files += len(names)
        bytes_ += sum(os.lstat(os.path.join(top, n)).st_size for n in names)
    assert doc["total"]["files"] == files == sum(p["files"] for p in doc["places"]) and doc["total"]["bytes"] == bytes_
    (store.store / "mine").write_bytes(b"x" * 1000)
    doc = store("du", "--format", "json").json()
    assert {p["name"]: p for p in doc["places"]}["mine"]["bytes"] == 1000
    assert "can be freed: pare prune" in store("du").out
