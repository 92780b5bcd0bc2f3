"""pare tags, on a registry as Debian ships it."""
from schemalib import check
from tagslib import push


def test_tags(pare, registry, tmp_path):
    a = push(pare, registry, "t/app:1.0", 1, tmp_path / "a")
    b = push(pare, registry, "t/app:1.1", 2, tmp_path / "b")
    push(pare, registry, "t/app:Z", 2, tmp_path / "c")
    name = "%s/t/app" % registry.host
    assert pare("tags", name).out.split() == ["1.0", "1.1", "Z"] == pare("tags", "docker://" + name).out.split()
    assert pare("tags", name, "--match", "1.*").out.split() == ["1.0", "1.1"]
    r = pare("tags", name, "--limit", "1")
    assert r.out.split() == ["1.0"] and "2 more" in r.err
    assert pare("tags", name, "--digests", "--match", "1.0").out.split() == ["1.0", a, "image"]
    doc = pare("tags", name, "--digests", "--format", "json", "--limit", "2").json()
    check(doc, "tags")
    assert [(t["name"], t["digest"]) for t in doc["tags"]] == [("1.0", a), ("1.1", b)] and doc["more"] == 1 and doc["registry"] == registry.host and doc["repository"] == "t/app"
    assert pare("tags", "%s/t/none" % registry.host, status=4).err.count("\n") == 1
    assert pare("tags", "docker-archive:x.tar", status=2).err.count("\n") == 1
    assert pare("tags", "%s/t/none" % registry.host, "--format", "json", status=4).out == ""  # no half of a document
    long = "a-tag-that-is-longer-than-thirty-characters"
    push(pare, registry, "t/app:" + long, 2, tmp_path / "d")
    lines = pare("tags", name, "--digests").out.splitlines()
    assert len(lines) == 4 and {line.index("sha256:") for line in lines} == {len(long) + 2}
