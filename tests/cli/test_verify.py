"""pare verify with policies; signatures in a registry, and what others make of them."""
import hashlib
import json
import shutil
import subprocess

import pytest

from registrylib import Between, Registry
from schemalib import check
from tagslib import arch
from trustlib import digest_of, make_key, make_layout, sign


@pytest.fixture
def layout(tmp_path):
    return make_layout(tmp_path / "layout")


@pytest.fixture
def keys(tmp_path):
    return make_key(tmp_path, "release")


def test_policy(pare, layout, keys, tmp_path):
    policy = tmp_path / "policy.toml"
    where = "oci:%s:v1" % layout

    def ask(text, status, says):
        policy.write_text(text)
        r = pare("verify", where, "--policy", policy, status=status)
        assert says in r.out + r.err, r

    ask('default = "deny"', 1, "no rule of %s allows it" % policy)
    ask("", 0, "allows it")
    ask('[[rule]]\nmatch = ["oci:%s*"]\naction = "deny"' % layout, 1, "refused by rule 1")
    ask('require-digest = true', 1, "without a digest")
    ask('[[rule]]\nmatch = "*"\nkeys = ["release.pub"]', 1, "there is no signature")
    sign(pare, layout, keys[0])
    ask('[[rule]]\nmatch = "*"\nkeys = ["release.pub"]', 0, "allows it")
    ask('[[rule]]\nmatch = "*"\nkeys = ["missing.pub"]', 4, "missing.pub")
    ask('[[rule]]\nmatch = "*"\nkey = ["release.pub"]', 2, "is not known")
    policy.write_text('default = "deny"')
    assert pare("verify", where, "--key", keys[1], env={"PARE_POLICY": policy}, status=1).err.count("refused") == 1
    config = tmp_path / "config" / "pare"
    config.mkdir(parents=True)
    (config / "policy.toml").write_text('default = "deny"')
    pare("verify", where, "--key", keys[1], env={"XDG_CONFIG_HOME": config.parent}, status=1)
    doc = json.loads(pare("verify", where, "--key", keys[1], "--format", "json", env={"XDG_CONFIG_HOME": config.parent}, status=1).out)
    check(doc, "verify")
    assert doc["signatures"][0]["holds"] and not doc["holds"] and not doc["policy"]["allows"]


@pytest.fixture
def registry():
    with Registry() as r:
        yield r


def test_in_a_registry(pare, layout, keys, registry, tmp_path):
    """Signed there, and signed before it is pushed; a policy that wants a signature."""
    name = "docker://%s/app:v1" % registry.host
    pare("copy", "oci:%s:v1" % layout, name)
    policy = tmp_path / "policy.toml"
    policy.write_text('default = "deny"\n[[rule]]\nmatch = "%s/app"\nkeys = ["release.pub"]\n' % registry.host)
    out = tmp_path / "out"
    r = pare("copy", name, "oci:%s:v1" % out, "--policy", policy, status=1)
    assert "there is no signature" in r.err and not (out / "index.json").exists()
    assert "there is no signature" in pare("pull", "%s/app:v1" % registry.host, "--policy", policy, status=1).err
    pare("sign", name, "--key", keys[0])
    doc = pare("verify", name, "--key", keys[1], "--format", "json").json()
    assert [(s["holds"], s["identity"]) for s in doc["signatures"]] == [(True, "%s/app:v1" % registry.host)]
    assert any(t.endswith(".sig") for t in registry.get("/v2/app/tags/list")["tags"])
    pare("copy", name, "oci:%s:v1" % out, "--policy", policy)
    pare("copy", name, name.replace("/app:", "/other:"))
    assert "no rule" in pare("copy", name.replace("/app:", "/other:"), "oci:%s:v2" % out, "--policy", policy, status=1).err
    pare("pull", "%s/app:v1" % registry.host, "--policy", policy)
    pare("copy", "--referrers", name, "docker://%s/copied:v1" % registry.host)
    pare("verify", "docker://%s/copied:v1" % registry.host, "--key", keys[1])
    other = make_key(tmp_path, "other")
    pare("sign", name, "--key", other[0])
    assert len(pare("verify", name, "--key", keys[1], "--key", other[1], "--format", "json").json()["signatures"]) == 2
    policy.write_text('[[rule]]\nmatch = "%s/app"\nkeys = ["release.pub", "other.pub"]\nsignatures = 2\nrequire-digest = true\n' % registry.host)
    assert "without a digest" in pare("copy", name, "oci:%s:v3" % out, "--policy", policy, status=1).err
    pare("copy", "docker://%s/app@%s" % (registry.host, doc["digest"]), "oci:%s:v3" % out, "--policy", policy)
    policy.write_text('default = "deny"')
    assert "no rule" in pare("copy", name, "docker-archive:%s" % (tmp_path / "x.tar"), "--policy", policy, status=1).err and not (tmp_path / "x.tar").exists()


def test_in_the_store(pare, layout, keys):
    pare("copy", "oci:%s:v1" % layout, "pare:r.example/app:v1")
    pare("sign", "pare:r.example/app:v1", "--key", keys[0])
    doc = pare("verify", "r.example/app:v1", "--key", keys[1], "--format", "json").json()
    assert [(s["holds"], s["identity"]) for s in doc["signatures"]] == [(True, "r.example/app:v1")]


def skopeo(*args):
    if not shutil.which("skopeo"):
        pytest.skip("skopeo is not installed")
    r = subprocess.run(["skopeo", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120)
    if b"sigstore disabled" in r.stdout:  # as Debian 12 builds it
        pytest.skip("this skopeo knows no such signatures")
    return r


def test_skopeo_takes_what_was_signed(pare, layout, keys, registry, tmp_path):
    name = "docker://%s/app:v1" % registry.host
    pare("copy", "oci:%s:v1" % layout, name)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "r.yaml").write_text("docker:\n  %s:\n    use-sigstore-attachments: true\n" % registry.host)
    (tmp_path / "policy.json").write_text(json.dumps({"default": [{"type": "reject"}], "transports": {"docker": {registry.host: [{"type": "sigstoreSigned", "keyPath": str(keys[1])}]}}}))
    take = ("--policy", tmp_path / "policy.json", "--registries.d", tmp_path / "d", "copy", "--src-tls-verify=false", name, "dir:%s" % (tmp_path / "out"))
    assert skopeo(*take).returncode != 0
    pare("sign", name, "--key", keys[0])
    r = skopeo(*take)
    assert r.returncode == 0, r.stdout
    pare("sign", name, "--key", make_key(tmp_path, "other")[0])
    r = skopeo(*take)
    assert r.returncode == 0, r.stdout


def test_what_skopeo_signs(pare, layout, registry, tmp_path):
    """With a key made here, in cosign's encrypted form."""
    (tmp_path / "password").write_text("a password")
    pare("sign", "--generate-key", tmp_path / "k", "--password-file", tmp_path / "password")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "r.yaml").write_text("docker:\n  %s:\n    use-sigstore-attachments: true\n" % registry.host)
    (tmp_path / "policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    r = skopeo("--policy", tmp_path / "policy.json", "--registries.d", tmp_path / "d", "copy", "--dest-tls-verify=false", "--sign-by-sigstore-private-key", tmp_path / "k.key",
               "--sign-passphrase-file", tmp_path / "password", "oci:%s:v1" % layout, "docker://%s/app:v1" % registry.host)
    if b"SIGSTORE" in r.stdout:  # older ones know the key by its first name alone
        pytest.skip("this skopeo does not read the key")
    assert r.returncode == 0, r.stdout
    doc = pare("verify", "docker://%s/app:v1" % registry.host, "--key", tmp_path / "k.pub", "--format", "json").json()
    assert [s["identity"] for s in doc["signatures"]] == ["%s/app:v1" % registry.host]


def test_an_id_of_the_store_is_no_name(pare, layout, keys, tmp_path):
    """No rule about docker.io/library speaks of what the store is asked for by its digest or the beginning of that; and it is not signed under such a name."""
    file = tmp_path / "names.toml"
    file.write_text('default = "deny"\n[[rule]]\nmatch = ["docker.io/library/*"]\n')
    json_file = tmp_path / "names.json"
    json_file.write_text(json.dumps({"default": [{"type": "sigstoreSigned", "keyPath": str(keys[1]), "signedIdentity": {"type": "matchRepository"}}]}))
    digest = digest_of(layout)
    pare("copy", "oci:%s:v1" % layout, "pare:elsewhere.example/app:1")
    for word in digest, digest[7:], digest[:19], digest[7:19]:
        assert "no rule of" in pare("copy", "--policy", file, "pare:" + word, "oci:%s" % (tmp_path / "out"), status=1).err
        assert "say --identity" in pare("sign", "pare:" + word, "--key", keys[0], status=2).err
    pare("sign", "pare:elsewhere.example/app:1", "--key", keys[0], "--identity", "docker.io/library/%s:1" % digest[7:19])
    assert "no signature that it wants" in pare("copy", "--policy", json_file, "pare:" + digest[7:19], "oci:%s" % (tmp_path / "out"), status=1).err
    for word in digest, digest[7:19]:  # but what is there can be signed and verified by it, and gets no name by that
        pare("sign", "pare:" + word, "--key", keys[0], "--identity", "r.example/" + word[:6])
        said = pare("verify", "pare:" + word, "--key", keys[1], "--format", "json").json()
        assert said["holds"] and "r.example/" + word[:6] in [s["identity"] for s in said["signatures"]]
    assert not any(line.startswith(digest[7:19]) for line in pare("images").out.splitlines())
    pare("tag", "elsewhere.example/app:1", "cafe12")  # a name that could be an ID
    pare("copy", "--policy", file, "pare:cafe12", "oci:%s" % (tmp_path / "out"))


@pytest.mark.parametrize("silent", ["image", "index"])
def test_what_cannot_be_asked_is_no_refusal(pare, keys, tmp_path, silent):
    """An image of an index, neither of them signed; about one of them the registry does not say: that is status 4, not what a policy decides."""
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\nmatch = ["*"]\nkeys = ["%s"]\n' % keys[1])
    mt = "application/vnd.oci.image.manifest.v1+json"
    with Registry() as r:
        digest = arch(tmp_path / "l", "amd64", 1)
        pare("copy", "oci:%s" % (tmp_path / "l"), "docker://%s/x/app:amd64" % r.host)
        size = (tmp_path / "l" / "blobs" / digest.replace(":", "/")).stat().st_size
        kind = "application/vnd.oci.image.index.v1+json"
        text = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [{"mediaType": mt, "digest": digest, "size": size, "platform": {"os": "linux", "architecture": "amd64"}}]}).encode()
        assert r.request("PUT", "/v2/x/app/manifests/all", text, {"Content-Type": kind})[0] == 201
        of = {"image": digest, "index": "sha256:" + hashlib.sha256(text).hexdigest()}

        def act(method, path):
            if of[silent].replace(":", "-") in path or "/referrers/" + of[silent] in path:
                return 403, {}, b"{}"
        with Between(r, act) as between:
            name = "docker://%s/x/app:all" % between.host
            e = pare("copy", "--policy", policy, "--platform", "linux/amd64", name, "oci:%s" % (tmp_path / "out"), status=4).err
        assert "403" in e and len(e.splitlines()) == 1
        pare("copy", "--policy", policy, "--platform", "linux/amd64", "docker://%s/x/app:all" % r.host, "oci:%s" % (tmp_path / "out"), status=1)
