"""pare delete, on a registry as Debian ships it and on a layout."""
import json

from tagslib import image, push, tags_of


def test_delete(pare, registry, tmp_path):
    a = push(pare, registry, "d/app:1", 1, tmp_path / "a")
    push(pare, registry, "d/app:2", 1, tmp_path / "b")
    b = push(pare, registry, "d/app:3", 3, tmp_path / "c")
    name = "%s/d/app" % registry.host
    assert "say --yes" in pare("delete", name + ":1", status=2).err and tags_of(registry, "d/app") == ["1", "2", "3"]
    r = pare("delete", "--yes", "%s@%s" % (name, a), status=2)
    assert "used by 1, 2" in r.err and "--force-digest" in r.err and tags_of(registry, "d/app") == ["1", "2", "3"]
    pare("delete", "--yes", "%s@%s" % (name, b), status=2)
    assert "would delete" in pare("delete", "--dry-run", "--force-digest", "%s@%s" % (name, b)).out and tags_of(registry, "d/app") == ["1", "2", "3"]
    assert "with 1 tag: 3" in pare("delete", "--yes", "--force-digest", "%s@%s" % (name, b)).out and tags_of(registry, "d/app") == ["1", "2"]
    r = pare("delete", "--yes", name + ":1", status=None)
    if r.status:  # it deletes no tags: then nothing else is deleted
        assert r.status == 4 and len(r.err.splitlines()) == 1 and tags_of(registry, "d/app") == ["1", "2"]
    else:
        assert tags_of(registry, "d/app") == ["2"]
    assert registry.request("GET", "/v2/d/app/manifests/" + a, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[0] == 200
    assert "there is no nope" in pare("delete", "--yes", name + ":nope", status=4).err
    assert "neither a tag nor a digest" in pare("delete", "--yes", name, status=2).err


def test_delete_from_layout(pare, tmp_path):
    image(1).oci(tmp_path / "l")
    pare("delete", "--yes", "oci:%s:latest" % (tmp_path / "l"))
    assert json.loads((tmp_path / "l" / "index.json").read_text())["manifests"] == []
