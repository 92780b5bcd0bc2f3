"""pare prune --registry, on a registry as Debian ships it."""
import json

from registrylib import Between
from tagslib import image, tags_of


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


def test_what_is_said_to_be_freed_is_what_went(pare, registry, tmp_path):
    """A manifest of which only the signature has a tag gets one itself after it was listed: both stay, and nothing was freed."""
    for n in 1, 2:
        image(n).oci(tmp_path / str(n))
    digest = json.loads((tmp_path / "1" / "index.json").read_text())["manifests"][0]["digest"]
    text = (tmp_path / "1" / "blobs" / digest.replace(":", "/")).read_bytes()
    name, kind = "f/app", {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}

    def put(which):
        assert registry.request("PUT", "/v2/%s/manifests/%s" % (name, which), text, kind)[0] == 201
    pare("copy", "oci:%s" % (tmp_path / "1"), "docker://%s/%s@%s" % (registry.host, name, digest))
    pare("copy", "oci:%s" % (tmp_path / "2"), "docker://%s/%s:%s.sig" % (registry.host, name, digest.replace(":", "-")))
    with listed(registry, {2: lambda: put("new")}) as between:
        r = pare("prune", "--registry", "%s/%s" % (between.host, name), "--yes", "--format", "json").json()
    assert r["freed"] == 0 and [i["goes"] for i in r["items"]] == [True]
    assert tags_of(registry, name) == ["new", digest.replace(":", "-") + ".sig"]
    assert pare("prune", "--registry", "%s/%s" % (registry.host, name), "--all", "--dry-run", "--format", "json").json()["items"][0]["bytes"] > 0
    said = pare("prune", "--registry", "%s/%s" % (registry.host, name), "--all", "--yes", "--format", "json").json()
    assert said["freed"] == sum(i["bytes"] for i in said["items"]) > 1000 and tags_of(registry, name) == []


def listed(registry, acts):
    """`acts` by how many times the tags were asked for, called before they are answered."""
    asked = []

    def act(method, path):
        if "/tags/list" in path:
            asked.append(path)
            acts.get(len(asked), lambda: None)()
    return Between(registry, act)
