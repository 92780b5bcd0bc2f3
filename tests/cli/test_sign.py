"""pare sign: with keys that openssl made; what is written is what cosign looks for, and what was changed does not hold."""
import base64
import hashlib
import json
import os

import pytest

from trustlib import KINDS, SIGNATURE, blob, digest_of, index, make_key, make_layout, openssl, sign, verify


@pytest.fixture
def layout(tmp_path):
    return make_layout(tmp_path / "layout")


@pytest.fixture
def keys(tmp_path):
    return make_key(tmp_path, "release")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_kinds_of_keys(pare, layout, tmp_path, kind):
    key, pub = make_key(tmp_path, kind, kind)
    verify(pare, layout, pub, status=1)
    sign(pare, layout, key, "--annotation", "build=42")
    doc = verify(pare, layout, pub)
    assert doc["holds"] and doc["digest"] == digest_of(layout)
    assert doc["signatures"] == [{"holds": True, "key": str(pub), "identity": "r.example/app:v1", "annotations": {"build": "42"}, "why_not": None}]
    other = make_key(tmp_path, "other", kind)[1]
    doc = verify(pare, layout, other, status=1)
    assert doc["signatures"][0]["why_not"] == "another key" and not doc["holds"]
    assert verify(pare, layout, other, pub)["signatures"][0]["key"] == str(pub)


def test_times(pare, layout, keys):
    """Only where it is asked for is the time signed: a number, as containers-signature(5) has it."""
    sign(pare, layout, keys[0])
    assert verify(pare, layout, keys[1])["signatures"][0]["annotations"] == {}
    sign(pare, layout, keys[0], "--timestamp", "--annotation", "a=b")
    said = [json.loads(blob(layout, e["digest"]))["optional"] for m in index(layout) for e in json.loads(blob(layout, m["digest"]))["layers"] if SIGNATURE in e.get("annotations", {})]
    assert None in said and any(o and o["a"] == "b" and isinstance(o["timestamp"], int) and o["timestamp"] > 1700000000 for o in said)
    assert sorted(len(s["annotations"]) for s in verify(pare, layout, keys[1])["signatures"]) == [0, 2]
    verify(pare, layout, keys[1], more=("--annotation", "a=b"))


def test_as_cosign_keeps_it(pare, layout, keys, tmp_path):
    """What is written is what others look for, and openssl finds the signature good."""
    digest = digest_of(layout)
    sign(pare, layout, keys[0], "--annotation", "a=b")
    tag = digest.replace(":", "-") + ".sig"
    tagged = [m for m in index(layout) if m.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag]
    assert len(tagged) == 1
    manifest = json.loads(blob(layout, tagged[0]["digest"]))
    (entry,) = manifest["layers"]
    assert entry["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json" and manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    payload = blob(layout, entry["digest"])
    assert payload == ('{"critical":{"identity":{"docker-reference":"r.example/app:v1"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":{"a":"b"}}'
                       % digest).encode()
    (tmp_path / "payload").write_bytes(payload)
    (tmp_path / "sig").write_bytes(base64.b64decode(entry["annotations"][SIGNATURE]))
    openssl("dgst", "-sha256", "-verify", keys[1], "-signature", tmp_path / "sig", tmp_path / "payload")
    refers = [json.loads(p.read_bytes()) for p in (layout / "blobs" / "sha256").iterdir() if b'"subject"' in p.read_bytes()]
    assert [m["subject"]["digest"] for m in refers] == [digest] and refers[0]["artifactType"] == "application/vnd.dev.cosign.artifact.sig.v1+json"
    assert refers[0]["layers"] == manifest["layers"]


def test_signed_by_openssl(pare, layout, keys, tmp_path):
    """A signature of somebody else's making, found under the tag alone; then each byte of it that matters is changed."""
    digest = digest_of(layout)

    def put(payload, signature, **changes):
        blobs = layout / "blobs" / "sha256"
        name = hashlib.sha256(payload).hexdigest()
        (blobs / name).write_bytes(payload)
        config = b"{}"
        (blobs / hashlib.sha256(config).hexdigest()).write_bytes(config)
        entry = {"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json", "digest": "sha256:" + name, "size": len(payload), "annotations": {SIGNATURE: signature}}
        entry.update(changes)
        text = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                           "digest": "sha256:" + hashlib.sha256(config).hexdigest(), "size": 2}, "layers": [entry]}).encode()
        (blobs / hashlib.sha256(text).hexdigest()).write_bytes(text)
        doc = json.loads((layout / "index.json").read_text())
        tag = digest.replace(":", "-") + ".sig"
        doc["manifests"] = [m for m in doc["manifests"] if m.get("annotations", {}).get("org.opencontainers.image.ref.name") != tag]
        doc["manifests"].append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + hashlib.sha256(text).hexdigest(), "size": len(text),
                                 "annotations": {"org.opencontainers.image.ref.name": tag}})
        (layout / "index.json").write_text(json.dumps(doc))

    def payload_of(d, kind="cosign container image signature"):
        return json.dumps({"critical": {"identity": {"docker-reference": "x"}, "image": {"docker-manifest-digest": d}, "type": kind}, "optional": None}).encode()

    def made(payload):
        return base64.b64encode(openssl("dgst", "-sha256", "-sign", keys[0], input=payload)).decode()

    good = payload_of(digest)
    put(good, made(good))
    assert verify(pare, layout, keys[1])["signatures"][0]["holds"]
    sign(pare, layout, keys[0])  # beside it
    assert len(verify(pare, layout, keys[1])["signatures"]) == 2
    for p in (layout / "blobs" / "sha256").iterdir():
        if b'"subject"' in p.read_bytes():
            gone = p.name
            p.unlink()
    doc = json.loads((layout / "index.json").read_text())
    doc["manifests"] = [m for m in doc["manifests"] if gone not in m["digest"]]
    (layout / "index.json").write_text(json.dumps(doc))
    other = payload_of("sha256:" + "0" * 64)
    typed = payload_of(digest, "something else")
    big = good + b" " * 70000
    for payload, signature, changes, why in [
            (other, made(other), {}, "names sha256:" + "0" * 64), (typed, made(typed), {}, "its payload is of another type"), (good, made(other), {}, "another key"),
            (good, "", {}, "its signature cannot be read"), (good, "!!!!", {}, "its signature cannot be read"), (b"[1]", made(b"[1]"), {}, "its payload is none"),
            (big, made(big), {}, "its payload is over 64 KB"), (good, made(good), {"digest": "sha256:zz"}, "its manifest names no payload"),
            (good, made(other), {"annotations": {SIGNATURE: made(other), "dev.sigstore.cosign/certificate": "x"}}, "keyless: the transparency log is not asked")]:
        put(payload, signature, **changes)
        doc = verify(pare, layout, keys[1], status=1)
        assert [s["why_not"] for s in doc["signatures"]] == [why]


def test_again_and_beside(pare, layout, keys, tmp_path):
    first = sign(pare, layout, keys[0]).out
    before = sorted(os.listdir(layout / "blobs" / "sha256"))
    assert sign(pare, layout, keys[0]).out == first
    assert sorted(os.listdir(layout / "blobs" / "sha256")) == before
    other = make_key(tmp_path, "other")
    sign(pare, layout, other[0])
    doc = verify(pare, layout, keys[1], other[1])
    assert sorted(s["key"] for s in doc["signatures"]) == sorted([str(keys[1]), str(other[1])])
    table = pare("verify", "oci:%s:v1" % layout, "--key", keys[1]).out
    assert "1 of 2 signatures holds" in table and "another key" in table


def test_annotations(pare, layout, keys):
    sign(pare, layout, keys[0], "--annotation", "env=prod", "--annotation", "x=1")
    verify(pare, layout, keys[1], more=("--annotation", "env=prod"))
    doc = verify(pare, layout, keys[1], status=1, more=("--annotation", "env=test"))
    assert doc["signatures"][0]["why_not"] == "does not say env=test"
    r = pare("sign", "oci:%s:v1" % layout, "--key", keys[0], "--identity", "a", "--annotation", "novalue", status=2)
    assert "K=V" in r.err


@pytest.mark.parametrize("password", [None, "a password"])
def test_generated(pare, layout, tmp_path, password):
    env = {"COSIGN_PASSWORD": password}
    prefix = tmp_path / "mine"
    pare("sign", "--generate-key", prefix, env=env)
    assert oct((tmp_path / "mine.key").stat().st_mode & 0o777) == "0o600"
    text = (tmp_path / "mine.key").read_text()
    assert ("ENCRYPTED SIGSTORE" in text) == (password is not None)
    assert "is there already" in pare("sign", "--generate-key", prefix, status=2).err
    if password:
        assert "is encrypted" in sign(pare, layout, tmp_path / "mine.key", status=2).err
        assert "does not open" in sign(pare, layout, tmp_path / "mine.key", env={"COSIGN_PASSWORD": "no"}, status=2).err
        (tmp_path / "password").write_text(password + "\n")
        sign(pare, layout, tmp_path / "mine.key", "--password-file", tmp_path / "password")
    sign(pare, layout, tmp_path / "mine.key", env=env)
    assert len(verify(pare, layout, tmp_path / "mine.pub")["signatures"]) == 1
    if password:  # what cosign called it at first
        (tmp_path / "old.key").write_text(text.replace("SIGSTORE", "COSIGN"))
        sign(pare, layout, tmp_path / "old.key", "--annotation", "again=1", env=env)
        assert [s["key"] for s in verify(pare, layout, tmp_path / "mine.pub")["signatures"]] == [str(tmp_path / "mine.pub")] * 2
    r = pare("verify", "oci:%s:v1" % layout, "--key", tmp_path / "mine.key", status=2)
    assert "public" in r.err


# Made with scrypt of node and the secretbox of tweetnacl, with the parameters of cosign's first versions.
SEALED = ("eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6OCwicCI6MX0sInNhbHQiOiIzRVlDeUVPK042eTFsTTgzV3lHTy9CSGNFQ0MyZVUxSW5pNFA5SHRSbzZVPSJ9LCJjaXBoZXIi"
          "OnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94Iiwibm9uY2UiOiJORThoSWJqbjVNQUZCQXhtY0kvQnlFYjM0c2srZ3lqUCJ9LCJjaXBoZXJ0ZXh0IjoidXdSd2hNOGpKQ2M5NGtwN1lPMWFRQ0EwRTA5N0NDY3BTTVJU"
          "MTJKMU15Tmp0R3YwT3BaVUlLN1JMUmpYMU9IbnJkU0pZa1VTd1JFQ3plRGVmcDdsUnZqbWFkNWI3T1BPQ3JBWGIzdVVTOHF5eEl5WVA4dzlaS0N4K1REbm9idmtCNzJ6dzFMMlU1allEY3ljY1FvaFZoeVVOVG1V"
          "MlgzVmVsenhSUTlHMlVaSTllTXUwUHlCYnBmWFdwajRJN0F6RzZ2Vnh6UDNjWGpGZlE9PSJ9")
SEALED_PUBLIC = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPiEamKhiy+Wsfqzf9Yk7N4fRHULO\nwr09vvObEcvG0HDkjgODimT534h/2roGavK4g4xW2E7t8/WCkx9S35UrGQ==\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize("label", ["SIGSTORE", "COSIGN"])
def test_a_key_that_others_sealed(pare, layout, tmp_path, label):
    lines = [SEALED[i:i + 64] for i in range(0, len(SEALED), 64)]
    name = "ENCRYPTED %s PRIVATE" % label + " KEY"
    (tmp_path / "k.key").write_text("\n".join(["-----BEGIN %s-----" % name, *lines, "-----END %s-----" % name, ""]))
    (tmp_path / "k.pub").write_text(SEALED_PUBLIC)
    assert "does not open" in sign(pare, layout, tmp_path / "k.key", env={"COSIGN_PASSWORD": "correct"}, status=2).err
    sign(pare, layout, tmp_path / "k.key", env={"COSIGN_PASSWORD": "correct horse"})
    assert verify(pare, layout, tmp_path / "k.pub")["signatures"][0]["holds"]


def test_other_forms_of_keys(pare, layout, tmp_path):
    key, pub = make_key(tmp_path, "k")
    openssl("ec", "-in", key, "-out", tmp_path / "sec1.key")
    openssl("pkcs8", "-topk8", "-in", key, "-out", tmp_path / "encrypted.key", "-passout", "pass:secret", "-v2", "aes-256-cbc")
    sign(pare, layout, tmp_path / "sec1.key")
    sign(pare, layout, tmp_path / "encrypted.key", env={"COSIGN_PASSWORD": "secret"})
    assert "does not open" in sign(pare, layout, tmp_path / "encrypted.key", env={"COSIGN_PASSWORD": "other"}, status=2).err
    assert "is encrypted" in sign(pare, layout, tmp_path / "encrypted.key", status=2).err
    assert len(verify(pare, layout, pub)["signatures"]) == 1
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", tmp_path / "weak.key")
    assert "1024 bits" in sign(pare, layout, tmp_path / "weak.key", status=2).err
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1", "-out", tmp_path / "curve.key")
    assert "not taken" in sign(pare, layout, tmp_path / "curve.key", status=2).err
    (tmp_path / "none").write_text("nothing")
    assert "no private key" in sign(pare, layout, tmp_path / "none", status=2).err


def test_refusals(pare, layout, keys, tmp_path):
    assert "--key FILE or --policy" in pare("verify", "oci:%s:v1" % layout, status=2).err
    assert "--identity" in pare("sign", "oci:%s:v1" % layout, "--key", keys[0], status=2).err
    assert "there is no such image" in pare("verify", "oci:%s:v2" % layout, "--key", keys[1], status=None).err
    assert "--require-digest" in pare("verify", "oci:%s:v1" % layout, "--key", keys[1], "--require-digest", status=2).err
    assert "keeps no digests" in pare("verify", "rootfs:/", "--key", keys[1], status=2).err
