"""Sigstore's bundles as its own libraries made them with keys (make-bundles.mjs), beside an image in a layout and in a registry: which are signatures of it."""
import hashlib
import json
import os

import pytest

from registrylib import Registry
from schemalib import check

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bundles.json")) as f:
    MADE = json.load(f)
TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def described(data, kind):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def layout(path, bundle, predicate=None):
    """The image "v1" and, referring to it, the bundle, as cosign's specification stores it."""
    image = MADE["manifest"].encode()
    text = json.dumps(bundle).encode()
    notes = {"dev.sigstore.bundle.content": "message-signature" if "messageSignature" in bundle else "dsse-envelope", **({"dev.sigstore.bundle.predicateType": predicate} if predicate else {})}
    refers = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": TYPE, "annotations": notes, "config": described(b"{}", "application/vnd.oci.empty.v1+json"),
                         "layers": [described(text, TYPE)], "subject": described(image, MANIFEST)}).encode()
    blobs = path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for data in (image, b"{}", text, refers):
        (blobs / digest(data)[7:]).write_bytes(data)
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [{**described(image, MANIFEST), "annotations": {"org.opencontainers.image.ref.name": "v1"}},
                                                                                   {**described(refers, MANIFEST), "artifactType": TYPE, "annotations": notes}]}))
    return "oci:%s:v1" % path


def keys(path):
    for name, pem in MADE["keys"].items():
        (path / (name + ".pub")).write_text(pem)
    return {name: path / (name + ".pub") for name in MADE["keys"]}


def verify(pare, where, key, status=0):
    doc = pare("verify", where, "--key", key, "--format", "json", status=status).json()
    check(doc, "verify")
    return doc


@pytest.mark.parametrize("made", MADE["bundles"], ids=lambda m: "%s, %s" % (m["key"], m["what"]))
def test_made_by_others(pare, tmp_path, made):
    known = keys(tmp_path)
    where = layout(tmp_path / "l", made["bundle"])
    (s,) = verify(pare, where, known[made["key"]], 1 if made["why"] else 0)["signatures"]
    assert (s["holds"], s["why_not"]) == (not made["why"], made["why"])
    if made["what"] == "statement":
        assert s["annotations"] == {"build": "42"}
    if not made["why"]:
        other = known["rsa" if made["key"] != "rsa" else "p256"]
        assert [s["why_not"] for s in verify(pare, where, other, 1)["signatures"]] == ["another key"]


def changed(bundle, *path, to):
    bundle = json.loads(json.dumps(bundle))
    at = bundle
    for word in path[:-1]:
        at = at[word]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return bundle


MESSAGE, STATEMENT = (next(m["bundle"] for m in MADE["bundles"] if m["key"] == "p256" and m["what"] == w) for w in ("message", "statement"))


@pytest.mark.parametrize("bundle, why", [
    (changed(MESSAGE, "messageSignature", "signature", to="AAAA"), "another key"),
    (changed(MESSAGE, "messageSignature", "signature", to="?"), "its signature cannot be read"),
    (changed(MESSAGE, "messageSignature", to=None), "its bundle is none"),
    (changed(MESSAGE, "mediaType", to="text/plain"), "its bundle is none"),
    (changed(MESSAGE, "dsseEnvelope", to=STATEMENT["dsseEnvelope"]), "its bundle is none"),
    (changed(STATEMENT, "dsseEnvelope", "payload", to="e30="), "its statement is none"),
    (changed(STATEMENT, "dsseEnvelope", "signatures", to=[]), "its signature cannot be read"),
    (changed(changed(MESSAGE, "messageSignature", "signature", to="AAAA"), "verificationMaterial", to={"certificate": {"rawBytes": "AAAA"}}), "keyless: the transparency log is not asked"),
    ([], "its bundle is none")])
def test_changed(pare, tmp_path, bundle, why):
    where = layout(tmp_path / "l", bundle)
    assert [s["why_not"] for s in verify(pare, where, keys(tmp_path)["p256"], 1)["signatures"]] == [why]


def test_in_a_registry(pare, tmp_path):
    """Taken along by a copy, and enough for a policy; what is said to attest something else is not even read."""
    known = keys(tmp_path)
    (tmp_path / "policy.toml").write_text('[[rule]]\nmatch = "*"\nkeys = ["p256.pub"]\n')
    with Registry() as r:
        for n, bundle in enumerate((MESSAGE, STATEMENT)):
            name = "docker://%s/app%d:v1" % (r.host, n)
            pare("copy", "-q", "--referrers", layout(tmp_path / ("l%d" % n), bundle), name)
            assert verify(pare, name, known["p256"])["signatures"][0]["holds"]
            pare("copy", "-q", name, "oci:%s" % (tmp_path / ("out%d" % n)), "--policy", tmp_path / "policy.toml")
    where = layout(tmp_path / "sbom", STATEMENT, "https://spdx.dev/Document")
    assert verify(pare, where, known["p256"], 1)["signatures"] == []
