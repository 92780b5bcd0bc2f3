"""policy.json of podman and skopeo as a policy here: which requirements count for an image, what signatures meet them; skopeo judges the same files."""
import base64
import json
import shutil
import subprocess

import pytest

from registrylib import Registry
from trustlib import make_key, make_layout, sign

ANY, NO = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A registry with an image in a/b/app, and the layout that it came from."""
    with Registry() as r:
        r.layout = make_layout(tmp_path_factory.mktemp("l") / "layout")
        yield r


@pytest.fixture
def image(pare, place):
    name = "docker://%s/a/b/app:v1" % place.host
    return name, pare("copy", "-q", "oci:%s:v1" % place.layout, name).out.strip()


def policy(tmp_path, doc):
    (tmp_path / "policy.json").write_text(doc if isinstance(doc, str) else json.dumps(doc))
    return tmp_path / "policy.json"


def ask(pare, name, file, status):
    return pare("verify", name, "--policy", file, status=status)


def skopeo(file, name, out):
    if not shutil.which("skopeo"):
        return None
    shutil.rmtree(out, ignore_errors=True)
    return subprocess.run(["skopeo", "--policy", str(file), "copy", "-q", "--src-tls-verify=false", name, "dir:%s" % out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120).returncode == 0


@pytest.mark.parametrize("scopes, allowed", [
    ({}, False), ({"": ANY}, True), ({"HOST": ANY}, True), ({"HOST/a": ANY}, True), ({"HOST/a/b": ANY}, True), ({"HOST/a/b/app": ANY}, True), ({"HOST/a/b/app:v1": ANY}, True),
    ({"HOST/a/b/app:v2": ANY}, False), ({"HOST/a/b/ap": ANY}, False), ({"HOST/b": ANY}, False), ({"HOST/": ANY}, None), ({"HOST": ANY, "HOST/a/b": NO}, False), ({"HOST": NO, "HOST/a/b/app": ANY}, True),
    ({"HOST/a/b/app": ANY, "HOST/a/b/app:v1": NO}, False), ({"": NO, "HOST": ANY}, True), ({"HOST": ANY + NO}, False), ({"HOST": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/none"}]}, False)])
def test_scopes(pare, place, image, tmp_path, scopes, allowed):
    file = policy(tmp_path, {"default": NO, "transports": {"docker": {k.replace("HOST", place.host): v for k, v in scopes.items()}, "oci": {"": ANY}}})
    if allowed is not None:
        ask(pare, image[0], file, 0 if allowed else 1)
        assert skopeo(file, image[0], tmp_path / "out") in (allowed, None)


@pytest.mark.parametrize("scope, allowed", [("DIR:v1", True), ("DIR:v2", False), ("DIR", True), ("ABOVE", True), ("", True), ("DIR/v1", False)])
def test_scopes_of_layouts(pare, place, tmp_path, scope, allowed):
    file = policy(tmp_path, {"default": NO, "transports": {"oci": {scope.replace("DIR", str(place.layout)).replace("ABOVE", str(place.layout.parent)): ANY}}})
    ask(pare, "oci:%s:v1" % place.layout, file, 0 if allowed else 1)
    if scope != "DIR:v1":  # Debian's skopeo knows the directory alone
        assert skopeo(file, "oci:%s:v1" % place.layout, tmp_path / "out") in (allowed, None)


def test_by_digest(pare, place, image, tmp_path):
    name, digest = image
    for scope, allowed in (("%s/a/b/app@%s" % (place.host, digest), True), ("%s/a/b/app:v1" % place.host, False), ("%s/a/b/app" % place.host, True)):
        file = policy(tmp_path, {"default": NO, "transports": {"docker": {scope: ANY}}})
        by_digest = name.replace(":v1", "@" + digest)
        ask(pare, by_digest, file, 0 if allowed else 1)
        assert skopeo(file, by_digest, tmp_path / "out") in (allowed, None)


def test_subdomains(pare, tmp_path, place, image):
    """Under another name, that registries.conf leads here."""
    (tmp_path / "registries.conf").write_text('[[registry]]\nprefix = "*.wild.example"\nlocation = "%s"\n' % place.host)
    env = {"CONTAINERS_REGISTRIES_CONF": tmp_path / "registries.conf"}
    for scope, allowed in (("*.wild.example", True), ("*.example", True), ("*.deep.wild.example", True), ("*.other.example", False), ("x.deep.wild.example", True)):
        file = policy(tmp_path, {"default": NO, "transports": {"docker": {scope: ANY}}})
        pare("verify", "docker://x.deep.wild.example/a/b/app:v1", "--policy", file, env=env, status=0 if allowed else 1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    d = tmp_path_factory.mktemp("keys")
    return [make_key(d, n) for n in ("one", "two")]


def signed(key, identity=None, **more):
    return [{"type": "sigstoreSigned", **(more or {"keyPath": str(key)}), **({"signedIdentity": identity} if identity else {})}]


def test_signatures(pare, place, keys, tmp_path):
    host = place.host
    name = "docker://%s/signed/app:v1" % host
    digest = pare("copy", "-q", "oci:%s:v1" % place.layout, name).out.strip()
    pub, other = keys[0][1], keys[1][1]

    def judge(requirements, status, says="", what=name):
        file = policy(tmp_path, {"default": NO, "transports": {"docker": {host: requirements}}})
        r = ask(pare, what, file, status)
        assert says in r.err, r
        out = tmp_path / "out"
        shutil.rmtree(out, ignore_errors=True)
        pare("copy", "-q", what, "oci:%s:x" % out, "--policy", file, status=status)
        assert (out / "index.json").exists() == (status == 0)

    judge(signed(pub), 1, "there is no signature")
    pare("sign", name, "--key", keys[0][0], "--identity", "%s/signed/app" % host)  # as cosign does: without a tag
    judge(signed(pub), 1, 'is signed as "%s/signed/app"' % host)
    judge(signed(pub, {"type": "matchRepository"}), 0)
    judge(signed(pub, {"type": "matchExact"}), 1)
    judge(signed(pub, {"type": "exactRepository", "dockerRepository": "%s/signed/app" % host}), 0)
    judge(signed(pub, {"type": "exactRepository", "dockerRepository": "%s/signed/other" % host}), 1)
    judge(signed(pub), 0, what=name.replace(":v1", "@" + digest))
    judge(signed(other, {"type": "matchRepository"}), 1, "another key")
    pare("sign", name, "--key", keys[0][0])
    judge(signed(pub), 0)
    judge(signed(pub, {"type": "matchExact"}), 0)
    judge(signed(pub, {"type": "matchExact"}), 1, what=name.replace(":v1", "@" + digest))
    judge(signed(pub, {"type": "exactReference", "dockerReference": "%s/signed/app:v1" % host}), 0)
    judge(signed(pub, {"type": "exactReference", "dockerReference": "%s/signed/app:v2" % host}), 1)
    judge(signed(pub) + NO, 1, "rejected")
    judge(signed(pub) + signed(other), 1)
    pare("sign", name, "--key", keys[1][0], "--identity", "vendor.example/product/app:v1")
    remap = {"type": "remapIdentity", "prefix": host + "/signed", "signedPrefix": "vendor.example/product"}
    judge(signed(pub) + signed(other, remap), 0)
    judge(signed(other, {**remap, "prefix": host + "/sign"}), 1)
    judge(signed(None, keyData=base64.b64encode(pub.read_bytes()).decode()), 0)
    judge(signed(None, keyPaths=[str(other), str(pub)]), 0)
    judge(signed(None, keyDatas=[base64.b64encode(other.read_bytes()).decode()]), 1)
    judge(signed(pub, keyPath=str(pub), rekorPublicKeyPath="/x"), 1, "not checked here")
    judge(signed(None, fulcio={"caPath": "/x"}), 1, "not checked here")
    judge([{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/x"}], 1, "GPG")
    judge(signed("/no/such/key.pub"), 4, "key.pub")


def test_places_without_signatures(pare, place, keys, tmp_path):
    archive = "docker-archive:%s" % (tmp_path / "a.tar")
    pare("copy", "-q", "oci:%s:v1" % place.layout, archive)
    out = "oci:%s:x" % (tmp_path / "out")
    for transports, status in (({}, 1), ({"docker-archive": {"": ANY}}, 0), ({"docker-archive": {"": signed(keys[0][1])}}, 1), ({"docker-archive": {"": ANY, "/x": NO}}, 1)):
        pare("copy", "-q", archive, out, "--policy", policy(tmp_path, {"default": NO, "transports": transports}), status=status)
    exact = {"type": "exactReference", "dockerReference": "r.example/app:v1"}
    layout = make_layout(tmp_path / "l")
    sign(pare, layout, keys[0][0])
    for identity, status in ((None, 1), (exact, 0), ({"type": "matchRepository"}, 1)):
        file = policy(tmp_path, {"default": NO, "transports": {"oci": {"": signed(keys[0][1], identity)}}})
        ask(pare, "oci:%s:v1" % layout, file, status)


@pytest.mark.parametrize("text, says", [
    ("{", "line 1"), ("{}", "default"), ('{"default":[]}', "default"), ('{"default":[{"type":"x"}]}', "requirement"), ('{"default":[{"type":"reject","x":1}]}', "x: is not known"),
    ('{"default":[{"type":"reject"}],"default":[{"type":"reject"}]}', "line 1"), ('{"default":[{"type":"reject"}],"more":1}', "more: is not known"), ('{"default":[{"type":"reject"}],"transports":[]}', "transports"),
    ('{"default":[{"type":"reject"}],"transports":{"docker":{"a":[]}}}', '"a"'), ('{"default":[{"type":"sigstoreSigned"}]}', "keyPath"),
    ('{"default":[{"type":"sigstoreSigned","keyPath":"/a","keyData":"AAAA"}]}', "keyPath"), ('{"default":[{"type":"sigstoreSigned","keyData":"?"}]}', "base64"),
    ('{"default":[{"type":"sigstoreSigned","keyPath":"/a","signedIdentity":{"type":"x"}}]}', "signedIdentity"),
    ('{"default":[{"type":"sigstoreSigned","keyPath":"/a","signedIdentity":{"type":"exactReference"}}]}', "dockerReference"),
    ('{"default":[{"type":"sigstoreSigned","keyPath":"/a","signedIdentity":{"type":"exactReference","dockerReference":"a.example/b"}}]}', "neither"),
    ('{"default":[{"type":"sigstoreSigned","keyPath":"a.pub"}]}', "whole path")])
def test_what_is_wrong_opens_no_door(pare, place, tmp_path, text, says):
    file = policy(tmp_path, text)
    r = ask(pare, "oci:%s:v1" % place.layout, file, 2)
    assert says in r.err and str(file) in r.err and r.err.count("\n") == 1, r
    if "sigstore" not in text:  # which Debian's skopeo does not know
        assert not skopeo(file, "oci:%s:v1" % place.layout, tmp_path / "out")
