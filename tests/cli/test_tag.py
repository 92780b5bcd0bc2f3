"""pare tag: names in the store."""
from storelib import archives, listed, store  # noqa: F401


def test_not_there(pare):
    assert "is not in the store" in pare("tag", "a", "b", status=4).err


def test_tag(store):
    before = listed(store)
    store("tag", "web:1", "registry.example:5000/a/b")
    after = listed(store)
    assert after["registry.example:5000/a/b:latest"]["digest"] == before["docker.io/library/web:1"]["digest"]
    store("tag", "web:2", "web:1")  # what had the name stays without losing its other one
    assert listed(store)["docker.io/library/web:1"]["digest"] == before["docker.io/library/web:2"]["digest"]
    assert None not in listed(store)
    store("tag", "db:1", "registry.example:5000/a/b")  # and without a name when it was the last
    assert listed(store)[None]["digest"] == before["docker.io/library/web:1"]["digest"]
    store("tag", before["docker.io/library/web:1"]["digest"], "back")
    assert None not in listed(store)
    store("tag", "web:1", "BAD NAME", status=2)
    store("tag", "web:1", "a@sha256:" + "0" * 64, status=2)
