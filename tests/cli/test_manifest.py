"""pare manifest: what is shown, and indexes made, changed and read back."""
import hashlib
import json

from imagelib import index_layout
from schemalib import check
from tagslib import arch, image, tags_of


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
    assert "nothing for linux/s390x; there is: linux/amd64, linux/arm64 (" in pare("manifest", "show", where, "--platform", "linux/s390x", status=2).err


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


def test_manifest_annotate_of_system_and_index(pare, registry, tmp_path):
    arch(tmp_path / "a", "amd64", 3)
    name = "%s/m/os" % registry.host
    pare("manifest", "create", "-q", name + ":1", "oci:%s" % (tmp_path / "a"))
    pare("manifest", "annotate", "-q", name + ":1", "linux/amd64", "--os-version", "10.0.1", "--index-annotation", "org.example.all=yes")
    index = json.loads(pare("manifest", "show", "--raw", name + ":1").out_bytes)
    assert index["manifests"][0]["platform"]["os.version"] == "10.0.1" and index["annotations"] == {"org.example.all": "yes"}
