"""pare delete, on a registry as Debian ships it and on a layout."""
import json
import pathlib

import pytest

from registrylib import Between, Registry
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


def stubborn(registry, status, digests=False):
    """What is to be deleted by a tag (`digests`: by a digest, too) is answered with `status`, and stays."""
    def act(method, path):
        if method == "DELETE" and (digests or "/manifests/sha256:" not in path):
            return status, {}, b'{"errors":[{"code":"UNSUPPORTED","message":"no"}]}'
    return Between(registry, act)


@pytest.mark.parametrize("status", [400, 404, 405, 501])
def test_registries_that_delete_no_tags(pare, registry, tmp_path, status):
    """However that is said: nothing is deleted in the tag's place, and the command that would do is told, and does."""
    digest = push(pare, registry, "s%d/app:1" % status, status, tmp_path / "a")
    with stubborn(registry, status) as r:
        e = pare("delete", "--yes", "%s/s%d/app:1" % (r.host, status), status=4).err
        assert len(e.splitlines()) == 1 and "deletes no tags" in e and tags_of(registry, "s%d/app" % status) == ["1"]
        command = "pare delete --force-digest %s/s%d/app@%s" % (r.host, status, digest)
        assert command in e
        pare("delete", "--yes", *command.split()[2:])
        assert tags_of(registry, "s%d/app" % status) == []


@pytest.mark.parametrize("status", [404, 405])
def test_registries_that_delete_nothing(pare, registry, tmp_path, status):
    digest = push(pare, registry, "n%d/app:1" % status, status, tmp_path / "a")
    with stubborn(registry, status, digests=True) as r:
        name = "%s/n%d/app" % (r.host, status)
        e = pare("delete", "--yes", "--force-digest", "%s@%s" % (name, digest), status=4).err
        assert len(e.splitlines()) == 1 and "switched off" in e and "storage.delete.enabled" in e
        r = pare("prune", "--registry", name, "--all", "--yes", status=4)
        assert len(r.err.splitlines()) == 1 and "switched off" in r.err and "Freed 0 B before it failed" in r.out
    assert tags_of(registry, "n%d/app" % status) == ["1"]


def test_docker_registry_with_deleting_off(pare, tmp_path):
    with Registry(delete=False) as r:
        digest = push(pare, r, "off/app:1", 1, tmp_path / "a")
        for what in ":1", "@" + digest:
            e = pare("delete", "--yes", "--force-digest", r.host + "/off/app" + what, status=4).err
            assert len(e.splitlines()) == 1 and "storage.delete.enabled" in e
        e = pare("prune", "--registry", r.host + "/off/app", "--all", "--yes", status=4).err
        assert len(e.splitlines()) == 1 and "storage.delete.enabled" in e and tags_of(r, "off/app") == ["1"]


@pytest.mark.parametrize("damage", [lambda b: b[:50], lambda b: b.replace(b'"schemaVersion"', b' "schemaVersion"')], ids=["cut", "changed"])
def test_a_damaged_manifest_goes_by_its_digest(pare, tmp_path, damage):
    """Registries answer for it with 500, or with what has another digest; a tag that cannot be read counts as one of it, and the others stay."""
    with Registry() as r:
        digest = push(pare, r, "bad/app:1", 1, tmp_path / "a")
        good = push(pare, r, "bad/app:2", 2, tmp_path / "b")
        other = push(pare, r, "bad/app:3", 3, tmp_path / "c")
        name = "%s/bad/app" % r.host
        file = pathlib.Path(r.dir) / "docker/registry/v2/blobs/sha256" / digest[7:9] / digest[7:] / "data"
        file.write_bytes(damage(file.read_bytes()))
        for which in digest, other:
            e = pare("delete", "--yes", "%s@%s" % (name, which), status=2).err
            assert len(e.splitlines()) == 1 and "perhaps used by 1 (cannot be read)" in e and "--force-digest" in e and tags_of(r, "bad/app") == ["1", "2", "3"]
        assert "would delete" in pare("delete", "--dry-run", "--force-digest", "%s@%s" % (name, digest)).out
        pare("delete", "--yes", "--force-digest", "%s@%s" % (name, digest))
        assert tags_of(r, "bad/app") == ["2", "3"]
        assert r.request("GET", "/v2/bad/app/manifests/" + good, headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[0] == 200
        assert "there is no " + digest in pare("delete", "--yes", "%s@%s" % (name, digest), status=4).err
    assert len(pare("delete", "--dry-run", "%s@%s" % (name, good), status=4).err.splitlines()) == 1  # nobody answers: that is not damage


def test_a_damaged_manifest_of_a_layout(pare, tmp_path):
    image(1).oci(tmp_path / "l")
    digest = json.loads((tmp_path / "l" / "index.json").read_text())["manifests"][0]["digest"]
    (tmp_path / "l" / "blobs" / digest.replace(":", "/")).write_bytes(b"{")
    assert "(damaged)" in pare("delete", "--dry-run", "oci:%s:latest" % (tmp_path / "l")).out
    pare("delete", "--yes", "oci:%s:latest" % (tmp_path / "l"))
    assert json.loads((tmp_path / "l" / "index.json").read_text())["manifests"] == []
