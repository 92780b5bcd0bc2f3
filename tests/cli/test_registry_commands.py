"""pare tags, delete and manifest, on a registry as Debian ships it and on a layout."""
import hashlib
import json

import pytest
from imagelib import File, Image, index_layout, layer
from registrylib import Registry
from schemalib import check


@pytest.fixture(scope="module")
def registry():
    with Registry() as r:
        yield r


def image(n, **more):
    return Image([layer(File("same", b"s" * 5000)), layer(File("own", b"%d" % n * 1000))], **more)


def push(pare, registry, name, n, directory):
    image(n).oci(directory)
    pare("copy", "oci:%s" % directory, "docker://%s/%s" % (registry.host, name))
    return registry.request("HEAD", "/v2/%s/manifests/%s" % tuple(name.split(":")), headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[1]["Docker-Content-Digest"]


def tags_of(registry, repo):
    return sorted((registry.get("/v2/%s/tags/list" % repo) or {}).get("tags") or [])


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


def test_manifest_show(pare, tmp_path):
    index_layout(tmp_path / "l", [image(1, arch="amd64"), image(2, arch="arm64")], nested=True)
    assert pare("manifest", "show", "oci:%s" % (tmp_path / "l")).out.count("image ") == 2
    where = "oci:%s" % (tmp_path / "l")
    out = pare("manifest", "show", where, "--platform", "linux/amd64", "--raw").out_bytes
    shown = pare("manifest", "show", where, "--platform", "linux/amd64", "--format", "json").json()
    assert shown["digest"] == "sha256:" + hashlib.sha256(out).hexdigest() and shown["document"] == json.loads(out) and shown["size"] == len(out)
    check(shown, "manifest")
    config = pare("manifest", "show", where, "--platform", "linux/amd64", "--config", "--raw").out_bytes
    assert "sha256:" + hashlib.sha256(config).hexdigest() == json.loads(out)["config"]["digest"]
    text = pare("manifest", "show", where, "--platform", "linux/amd64").out
    assert text.splitlines()[0].split()[:2] == ["manifest", shown["digest"]] and text.count("layer ") == 2
    assert "no image for linux/s390x" in pare("manifest", "show", where, "--platform", "linux/s390x", status=2).err


def arch(directory, name, n):
    image(n, arch=name).oci(directory)
    return json.loads((directory / "index.json").read_text())["manifests"][0]["digest"]


def test_manifest_create_annotate_rm(pare, registry, tmp_path):
    a, b = arch(tmp_path / "a", "amd64", 1), arch(tmp_path / "b", "arm", 2)
    name = "%s/m/app" % registry.host
    pare("copy", "oci:%s" % (tmp_path / "a"), "docker://%s:amd64" % name)
    out = pare("manifest", "create", name + ":1", name + ":amd64", "oci:%s" % (tmp_path / "b"), "--annotation", "org.example=x").out
    raw = pare("manifest", "show", "--raw", name + ":1").out_bytes
    index = json.loads(raw)
    assert out.split()[-1] == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert [(m["digest"], m["platform"]) for m in index["manifests"]] == [(a, {"architecture": "amd64", "os": "linux"}), (b, {"architecture": "arm", "os": "linux"})]
    assert index["annotations"] == {"org.example": "x"} and index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert tags_of(registry, "m/app") == ["1", "amd64"]
    pare("copy", "--all", "docker://%s:1" % name, "oci:%s" % (tmp_path / "back"))
    assert "the same platform" in pare("manifest", "create", name + ":2", name + ":amd64", "oci:%s" % push_other(tmp_path), status=2).err
    assert tags_of(registry, "m/app") == ["1", "amd64"]

    new = pare("manifest", "annotate", name + ":1", "linux/arm", "--variant", "v7", "--annotation", "k=v", "-q").out.strip()
    index = json.loads(pare("manifest", "show", "--raw", name + ":1").out)
    assert index["manifests"][1]["platform"] == {"architecture": "arm", "os": "linux", "variant": "v7"} and index["manifests"][1]["annotations"] == {"k": "v"}
    assert pare("manifest", "show", name + ":1", "--format", "json").json()["digest"] == new
    pare("manifest", "annotate", name + ":1", b[:20], "--annotation", "k=")
    assert "annotations" not in json.loads(pare("manifest", "show", "--raw", name + ":1").out)["manifests"][1]
    pare("manifest", "rm", name + ":1", "linux/amd64")
    assert [m["digest"] for m in json.loads(pare("manifest", "show", "--raw", name + ":1").out)["manifests"]] == [b]
    assert "only one" in pare("manifest", "rm", name + ":1", b, status=2).err
    assert "none of its members" in pare("manifest", "annotate", name + ":1", "linux/s390x", "--os", "x", status=2).err
    assert "is an image" in pare("manifest", "rm", name + ":amd64", b, status=3).err


def push_other(tmp_path):
    arch(tmp_path / "other", "amd64", 9)
    return tmp_path / "other"


def test_prune_registry(pare, registry, tmp_path):
    """Old tags go with what only they need; what a tag that stays needs, stays; what refers to an image is of its fate."""
    digests = {}
    for n in range(1, 5):
        made = "2020-01-0%dT00:00:00Z" % n
        image(n, extra={"created": made}).oci(tmp_path / str(n))
        pare("copy", "oci:%s" % (tmp_path / str(n)), "docker://%s/p/app:%d" % (registry.host, n))
        digests[n] = json.loads((tmp_path / str(n) / "index.json").read_text())["manifests"][0]["digest"]
    name = "%s/p/app" % registry.host
    pare("copy", "oci:%s" % (tmp_path / "2"), "docker://%s:stable" % name)
    image(9).oci(tmp_path / "sig")
    pare("copy", "oci:%s" % (tmp_path / "sig"), "docker://%s:%s.sig" % (name, digests[1].replace(":", "-")))
    pare("copy", "oci:%s" % (tmp_path / "sig"), "docker://%s:sha256-%s.sig" % (name, "0" * 64))
    everything = tags_of(registry, "p/app")
    out = pare("prune", "--registry", name, "--keep", "2", "--protect", "stable", "--dry-run")
    assert tags_of(registry, "p/app") == everything, out
    pare("prune", "--registry", name, "--keep", "2", "--protect", "stable", "--yes", status=None)
    left = tags_of(registry, "p/app")
    assert "1" not in left and digests[1].replace(":", "-") + ".sig" not in left, left
    assert {"3", "4", "stable"} <= set(left)
    for n in (2, 3, 4):
        assert registry.request("GET", "/v2/p/app/manifests/" + digests[n], headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[0] == 200
    assert registry.request("GET", "/v2/p/app/manifests/" + digests[1], headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[0] == 404
