"""pare prune --registry, on a registry as Debian ships it."""
import json

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
