"""pare rm: taking names off images."""
import os

from storelib import archives, listed, store  # noqa: F401


def test_not_there(pare):
    assert "is not in the store" in pare("rm", "a", status=4).err


def test_rm(store):
    store("tag", "web:1", "other")
    digest = listed(store)["docker.io/library/web:1"]["digest"]
    assert "say which: " in store("rm", digest, status=2).err
    assert "the image stays as other:latest" in store("rm", "web:1").out
    r = store("rm", digest[7:19])
    assert "Removed other:latest" in r.out and "`pare prune` frees them" in r.out
    assert "is not in the store" in store("rm", "web:1", status=4).err
    store("rm", status=2)
    store("rm", "--all", "x", status=2)
    out = store("rm", "--all", "--prune").out
    assert "Removed db:1" in out and "Freed " in out
    assert os.listdir(store.store / "images/blobs/sha256") == []
