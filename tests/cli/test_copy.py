"""pare copy, pull, push: between every two kinds of places, with the digests that were there, and read by others."""
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tarfile

import pytest

import engines
from engines import docker  # noqa: F401 (a fixture)
from imagelib import Dir, File, Image, index_layout, layer, sha256
from registrylib import Registry
from schemalib import check


def image(n=3, **more):
    layers = [layer(Dir("d%d" % i), *[File("d%d/f%d" % (i, k), (b"%d %d " % (i, k)) * 3000) for k in range(4)]) for i in range(n)]
    return Image(layers, {"Cmd": ["/d0/f0"]}, **more)


def raw(layout, tag):
    """(digest, document) under a tag of a layout."""
    index = json.loads((layout / "index.json").read_text())
    found = [d for d in index["manifests"] if d.get("annotations", {}).get("org.opencontainers.image.ref.name") == tag]
    assert len(found) == 1, index
    digest = found[0]["digest"]
    body = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert "sha256:" + sha256(body) == digest
    return digest, json.loads(body)


def whole(layout, digest):
    """Every blob that is named is there, under its own digest."""
    body = (layout / "blobs" / digest.replace(":", "/")).read_bytes()
    assert "sha256:" + hashlib.sha256(body).hexdigest() == digest
    doc = json.loads(body)
    for d in doc.get("manifests", []):
        whole(layout, d["digest"])
    for d in [doc[k] for k in ("config",) if k in doc] + doc.get("layers", []):
        assert "sha256:" + sha256((layout / "blobs" / d["digest"].replace(":", "/")).read_bytes()) == d["digest"]


def test_round(pare, tmp_path, registry):
    """docker-archive → store → registry → layout → registry → store: one digest all the way."""
    source = image().docker_archive(tmp_path / "a.tar")
    name = registry.host + "/round/app"
    digest = pare("copy", source, "pare:%s:1" % name).out.strip()
    assert digest.startswith("sha256:") and len(digest) == 71
    assert pare("push", name + ":1").out.strip() == digest
    assert pare("copy", "docker://%s:1" % name, "oci:%s:x" % (tmp_path / "lay")).out.strip() == digest
    assert raw(tmp_path / "lay", "x")[0] == digest
    whole(tmp_path / "lay", digest)
    assert pare("copy", "oci:%s:x" % (tmp_path / "lay"), "docker://%s:2" % name).out.strip() == digest
    assert pare("--store", tmp_path / "other", "pull", name + ":2").out.strip() == "%s@%s" % (name, digest)
    assert pare("--store", tmp_path / "other", "copy", "pare:%s:2" % name, "oci-archive:%s" % (tmp_path / "b.tar")).out.strip() == digest
    assert pare("copy", "oci-archive:%s" % (tmp_path / "b.tar"), "oci:%s:y" % (tmp_path / "lay")).out.strip() == digest
    pare("copy", "oci:%s:y" % (tmp_path / "lay"), "docker-archive:%s:round:1" % (tmp_path / "c.tar"))
    assert pare("copy", "docker-archive:%s" % (tmp_path / "c.tar"), "oci:%s:z" % (tmp_path / "lay")).out.strip() == digest


@pytest.mark.parametrize("form", ["docker25", "legacy", "kaniko"])
def test_same_input_same_digest(pare, tmp_path, form):
    source = image().docker_archive(tmp_path / "a.tar", form)
    one = pare("copy", source, "oci:%s:1" % (tmp_path / "one")).out
    assert one == pare("copy", source, "oci:%s:1" % (tmp_path / "two"), env={"PARE_THREADS": "1"}).out
    doc = raw(tmp_path / "one", "1")[1]
    assert [d["mediaType"] for d in doc["layers"]] == ["application/vnd.oci.image.layer.v1.tar+gzip"] * 3


def test_what_is_there_is_not_sent(pare, tmp_path, registry):
    source = image(4).oci(tmp_path / "lay")
    one = pare("copy", "--json", source, "docker://%s/there/a:1" % registry.host).json()
    check(one, "copy")
    assert (one["sent"], one["there"], one["mounted"]) == (5, 0, 0) and one["changes"] == []
    two = pare("copy", "--json", source, "docker://%s/there/a:2" % registry.host).json()
    assert (two["sent"], two["there"], two["bytes_sent"]) == (0, 5, 0) and two["digest"] == one["digest"]
    other = pare("copy", "--json", "docker://%s/there/a:1" % registry.host, "docker://%s/there/b:1" % registry.host).json()
    assert (other["sent"], other["mounted"]) == (0, 5)
    dry = pare("copy", "--json", "--dry-run", source, "docker://%s/there/c:1" % registry.host).json()
    assert dry["dry_run"] and dry["sent"] == 5 and registry.get("/v2/there/c/tags/list") is None


def test_platforms(pare, tmp_path, registry):
    images = [image(1, arch="amd64"), image(2, arch="arm64", variant="v8"), image(3, arch="s390x")]
    index_layout(tmp_path / "lay", images)
    source = "oci:%s" % (tmp_path / "lay")
    target = "docker://%s/platforms/a" % registry.host
    r = pare("copy", "--platform", "linux/s390x", source, target + ":s")
    assert "only linux/s390x of 3 platforms" in r.err
    manifest = registry.get("/v2/platforms/a/manifests/s", Accept="application/vnd.oci.image.manifest.v1+json")
    assert len(manifest["layers"]) == 3
    r = pare("copy", "--platform", "linux/riscv64", source, target + ":r", status=2)
    assert "linux/s390x" in r.err
    assert registry.get("/v2/platforms/a/tags/list")["tags"] == ["s"]
    every = pare("copy", "--all", "--json", source, target + ":all").json()
    assert every["manifests"] == 4
    back = pare("copy", "--all", "--json", target + ":all", "oci:%s:b" % (tmp_path / "back")).json()
    assert back["digest"] == every["digest"]
    whole(tmp_path / "back", back["digest"])
    pare("copy", "--all", target + ":all", "oci-archive:%s:c" % (tmp_path / "back.tar"))
    again = pare("copy", "--all", "oci-archive:%s:c" % (tmp_path / "back.tar"), "oci:%s:c" % (tmp_path / "again")).out.strip()
    assert again == every["digest"]
    pare("copy", "--all", "--platform", "linux/amd64", source, target, status=2)


def test_conversions(pare, tmp_path):
    source = image().oci(tmp_path / "lay")
    plain = [("sha256:" + sha256(d)) for d in image().layers]
    r = pare("copy", "--format", "docker", source, "oci:%s:d" % (tmp_path / "out"))
    assert "media types of Docker" in r.err
    docker = raw(tmp_path / "out", "d")[1]
    assert docker["mediaType"].endswith("manifest.v2+json") and docker["config"]["mediaType"] == "application/vnd.docker.container.image.v1+json"
    pare("copy", "--format", "oci", "oci:%s:d" % (tmp_path / "out"), "oci:%s:o" % (tmp_path / "out"))
    assert [d["digest"] for d in raw(tmp_path / "out", "o")[1]["layers"]] == [d["digest"] for d in docker["layers"]]
    assert "from gzip to none" in pare("copy", "--compression", "none", source, "oci:%s:n" % (tmp_path / "out")).err
    assert [d["digest"] for d in raw(tmp_path / "out", "n")[1]["layers"]] == plain
    pare("copy", "--compression", "zstd", source, "oci:%s:z" % (tmp_path / "out"))
    zstd = raw(tmp_path / "out", "z")
    whole(tmp_path / "out", zstd[0])
    assert zstd[1]["config"]["digest"] == docker["config"]["digest"]
    assert "zstd" in pare("copy", "--compression", "zstd", "--format", "docker", source, "oci:%s:x" % (tmp_path / "out"), status=2).err
    assert "preserve" in pare("copy", "--preserve-digests", "--compression", "zstd", source, "oci:%s:x" % (tmp_path / "out"), status=2).err
    best = pare("copy", "--json", "--compression-level", "best", source, "oci:%s:best" % (tmp_path / "best")).json()
    fast = pare("copy", "--json", "--compression-level", "1", source, "oci:%s:fast" % (tmp_path / "fast")).json()
    assert best["bytes_sent"] <= fast["bytes_sent"]
    for bad in (["--compression-level", "13"], ["--compression", "none", "--compression-level", "1"], ["--compression", "xz"], ["--format", "x"], ["--parallel", "0"]):
        pare("copy", *bad, source, "oci:%s:x" % (tmp_path / "out"), status=2)


def test_names_and_digests(pare, tmp_path, registry):
    source = image(1).oci(tmp_path / "lay")
    name = "%s/names/a" % registry.host
    digest = pare("copy", source, "docker://%s:1" % name, "--digestfile", tmp_path / "digest").out.strip()
    assert (tmp_path / "digest").read_text() == digest + "\n"
    assert "--require-digest" in pare("pull", "--require-digest", name + ":1", status=2).err
    assert pare("pull", "--require-digest", "%s@%s" % (name, digest)).out.strip() == "%s@%s" % (name, digest)
    pare("copy", source, "docker://%s:2" % name)
    assert len(pare("pull", "--all-tags", name).out.split()) == 2
    assert "no such image" in pare("pull", name + ":3", status=4).err
    pare("pull", "Not A Name", status=2)
    pare("copy", source, "nowhere", status=2)
    pare("copy", tmp_path / "absent.tar", "oci:%s:x" % (tmp_path / "out"), status=None)
    assert not (tmp_path / "out").exists() or not (tmp_path / "out" / "index.json").exists()


def test_referrers(pare, tmp_path, registry):
    def put(path, type, doc):
        body = json.dumps(doc).encode()
        status, _, answer = registry.request("PUT", "/v2/refer/a/manifests/" + (path or "sha256:" + sha256(body)), body, {"Content-Type": type})
        assert status == 201, answer
        return {"mediaType": type, "digest": "sha256:" + sha256(body), "size": len(body)}

    digest = pare("copy", image(1).oci(tmp_path / "lay"), "docker://%s/refer/a:1" % registry.host).out.strip()
    mt = "application/vnd.oci.image.manifest.v1+json"
    manifest = registry.get("/v2/refer/a/manifests/1", Accept=mt)
    put("sha256-%s.sig" % digest[7:], mt, {"schemaVersion": 2, "mediaType": mt, "config": manifest["config"], "layers": [], "annotations": {"a": "signature"}})
    r = pare("copy", "--referrers", "--json", "docker://%s/refer/a:1" % registry.host, "docker://%s/refer/b:1" % registry.host).json()
    assert r["referrers"] == 1 and r["digest"] == digest
    assert "sha256-%s.sig" % digest[7:] in registry.get("/v2/refer/b/tags/list")["tags"]
    pare("copy", "--referrers", "--format", "docker", "docker://%s/refer/a:1" % registry.host, "docker://%s/refer/c:1" % registry.host, status=2)


def test_damage(pare, tmp_path):
    image(2).oci(tmp_path / "lay")
    lay = tmp_path / "lay"
    digest, doc = json.loads((lay / "index.json").read_text())["manifests"][0]["digest"], None
    doc = json.loads((lay / "blobs" / digest.replace(":", "/")).read_text())
    blob = lay / "blobs" / doc["layers"][1]["digest"].replace(":", "/")
    good = blob.read_bytes()
    for bad in (good[:-1] + bytes([good[-1] ^ 1]), good[:-3], good + b"x"):
        blob.write_bytes(bad)
        pare("copy", "oci:%s" % lay, "oci:%s:1" % (tmp_path / "out"), status=3)
        pare("copy", "oci:%s" % lay, "oci-archive:%s" % (tmp_path / "out.tar"), status=3)
        pare("copy", "oci:%s" % lay, "docker-archive:%s" % (tmp_path / "out.tar"), status=3)
        assert not (tmp_path / "out.tar").exists() and [f for f in os.listdir(tmp_path) if "part" in f] == []
        index = tmp_path / "out" / "index.json"
        assert not index.exists() or json.loads(index.read_text())["manifests"] == []


def test_a_layout_is_as_it_was(pare, tmp_path):
    """What a copy that fails brought goes again; but for a writer who may rely on it."""
    image(2).oci(tmp_path / "lay")
    lay, out = tmp_path / "lay", tmp_path / "out"
    pare("copy", "-q", image(1).docker_archive(tmp_path / "a.tar"), "oci:%s:first" % out)
    digest = json.loads((lay / "index.json").read_text())["manifests"][0]["digest"]
    doc = json.loads((lay / "blobs" / digest.replace(":", "/")).read_text())
    bad = lay / "blobs" / doc["layers"][1]["digest"].replace(":", "/")
    bad.write_bytes(bad.read_bytes()[:-1] + b"?")

    def everything():
        return {str(f): f.read_bytes() for f in out.rglob("*") if f.is_file()}
    before = everything()
    pare("copy", "--parallel", "1", "oci:%s" % lay, "oci:%s:1" % out, status=3)
    assert everything() == before
    fd = os.open(out / "blobs", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    pare("copy", "--parallel", "1", "oci:%s" % lay, "oci:%s:1" % out, status=3)
    os.close(fd)
    more = everything()
    assert len(more) > len(before) and more.items() >= before.items()
    pare("copy", "--parallel", "1", "oci:%s" % lay, "oci:%s:1" % out, status=3)
    assert everything() == more  # not of this run
    (tmp_path / "empty").mkdir()
    for source in ("oci:%s" % lay, "oci:%s" % (tmp_path / "nothing")):
        assert pare("copy", "--parallel", "1", source, "oci:%s:1" % (tmp_path / "empty"), status=None).status in (3, 4)
        assert os.listdir(tmp_path / "empty") == []
    pare("copy", "-q", image(2).docker_archive(tmp_path / "b.tar"), "oci:%s:1" % out)
    whole(out, raw(out, "1")[0])


def test_diff_ids_are_held(pare, tmp_path):
    other = image(2)
    other.doc["rootfs"]["diff_ids"][1] = "sha256:" + "0" * 64
    r = pare("copy", other.docker_archive(tmp_path / "a.tar", "legacy"), "oci:%s:1" % (tmp_path / "out"), status=3)
    assert "diff ID" in r.err or "diff_id" in r.err


def test_rootfs_and_compressed_archives(pare, tmp_path):
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "a").write_text("a")
    one = pare("copy", "rootfs:%s" % tree, "oci:%s:1" % (tmp_path / "out")).out.strip()
    whole(tmp_path / "out", one)
    image(2).oci_archive(tmp_path / "a.tar")
    subprocess.run(["gzip", "-k", str(tmp_path / "a.tar")], check=True)
    digest = pare("copy", "oci-archive:%s" % (tmp_path / "a.tar"), "oci:%s:2" % (tmp_path / "out")).out
    assert pare("copy", "oci-archive:%s" % (tmp_path / "a.tar.gz"), "oci:%s:3" % (tmp_path / "out")).out == digest


def test_others_read_it(pare, tmp_path, registry):
    """skopeo, podman: what we push they take, what they push we take, by digest."""
    skopeo = shutil.which("skopeo", path=engines.PATH) or pytest.skip("skopeo is not installed")
    source = image(2).docker_archive(tmp_path / "a.tar")
    for options in ([], ["--format", "docker"], ["--compression", "zstd"]):
        name = "%s/others/a:%d" % (registry.host, len(options) + ("zstd" in options))
        digest = pare("copy", *options, source, "docker://" + name).out.strip()
        seen = json.loads(subprocess.run([skopeo, "inspect", "--tls-verify=false", "docker://" + name], check=True, capture_output=True).stdout)
        assert seen["Digest"] == digest
        subprocess.run([skopeo, "--insecure-policy", "copy", "-q", "--preserve-digests", "--src-tls-verify=false", "docker://" + name, "oci:%s:1" % (tmp_path / ("sk" + digest[7:12]))], check=True)
    subprocess.run([skopeo, "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", source, "docker://%s/others/theirs:1" % registry.host], check=True)
    seen = json.loads(subprocess.run([skopeo, "inspect", "--tls-verify=false", "docker://%s/others/theirs:1" % registry.host], check=True, capture_output=True).stdout)
    assert pare("pull", "%s/others/theirs:1" % registry.host).out.strip().endswith(seen["Digest"])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_podman(pare, tmp_path, registry):
    store = engines.Storage("vfs")
    try:
        name = "%s/podman/a:1" % registry.host
        pare("copy", image(2).docker_archive(tmp_path / "a.tar"), "docker://" + name)
        store.podman("pull", "-q", "--tls-verify=false", name)
        pushed = "%s/podman/b:1" % registry.host
        store.podman("push", "-q", "--tls-verify=false", name, pushed)
        pare("pull", pushed)
        digest = pare("copy", store.location(name), "oci:%s:1" % (tmp_path / "out")).out.strip()
        whole(tmp_path / "out", digest)
    finally:
        store.stop()


def test_docker(pare, tmp_path, docker):  # noqa: F811
    source = image(2, tags=["copied:1"]).docker_archive(tmp_path / "a.tar")
    env = docker.env
    digest = pare("copy", source, "oci:%s:1" % (tmp_path / "one")).out.strip()
    pare("copy", "oci:%s:1" % (tmp_path / "one"), "docker-daemon:copied:2", env=env)
    assert pare("copy", "docker-daemon:copied:2", "oci:%s:2" % (tmp_path / "one"), env=env).out.strip() == digest


def test_what_a_policy_saw_is_what_is_read(pare, registry, tmp_path):
    (tmp_path / "policy.toml").write_text('default = "deny"\n[[rule]]\nmatch = ["%s/ok/*"]\naction = "allow"\n' % registry.host)
    source = image().docker_archive(tmp_path / "in.tar")
    for repo in ("ok", "other"):
        pare("copy", "-q", source, "docker://%s/%s/app:1" % (registry.host, repo))
    out = tmp_path / "out.tar"
    pare("copy", "-q", "--policy", tmp_path / "policy.toml", "docker://%s/other/app:1" % registry.host, "docker-archive:%s" % out, status=1)
    assert not out.exists()
    pare("copy", "-q", "--policy", tmp_path / "policy.toml", "docker://%s/ok/app:1" % registry.host, "docker-archive:%s" % out)
    with tarfile.open(out) as t:
        assert json.load(t.extractfile("manifest.json"))[0]["RepoTags"] == ["%s/ok/app:1" % registry.host]


def test_credentials_of_either_side(pare, tmp_path):
    source = image().oci(tmp_path / "l")
    with Registry(auth=("one", "first")) as a, Registry(auth=("two", "second")) as b:
        x, y = "docker://%s/app:1" % a.host, "docker://%s/app:1" % b.host
        pare("copy", "-q", source, x, "--dest-creds", "one:wrong", status=4)
        pare("copy", "-q", source, x, "--dest-creds", "one:first")
        pare("copy", "-q", x, y, "--src-creds", "one:first", status=4)
        pare("copy", "-q", x, y, "--src-creds", "two:second", "--dest-creds", "one:first", status=4)
        out = pare("copy", "-q", x, y, "--src-creds", "one:first", "--dest-creds", "two:second").out
        assert out == pare("copy", "-q", y, "oci:%s" % (tmp_path / "back"), "--src-creds", "two:second").out


def test_platform_of_one_image(pare, tmp_path, registry):
    """An image that is no part of an index is not taken for another platform's."""
    where = image(1, arch="amd64").oci(tmp_path / "lay")
    pare("copy", where, "docker://%s/one/a:1" % registry.host)
    for source in (where, "docker://%s/one/a:1" % registry.host):
        e = pare("copy", "--platform", "linux/arm64", source, "oci:%s:1" % (tmp_path / "out"), status=2).err
        assert "nothing for linux/arm64; there is: linux/amd64" in e
        pare("copy", "--platform", "linux/amd64", source, "oci:%s:1" % (tmp_path / "out"))
        shutil.rmtree(tmp_path / "out")


def test_target_with_a_digest(pare, tmp_path, registry):
    """NAME:TAG@DIGEST as a target: the tag is put, and nothing else than what has that digest."""
    where, wrong = image(1).oci(tmp_path / "lay"), "sha256:" + "0" * 64
    digest = pare("copy", where, "oci:%s:x" % (tmp_path / "other")).out.strip()
    pare("copy", where, "docker://%s/both/a:7@%s" % (registry.host, digest))
    assert registry.get("/v2/both/a/tags/list")["tags"] == ["7"]
    pare("copy", where, "pare:both:7@" + digest)
    assert "both" in pare("images").out
    for target in ("docker://%s/both/b:7@%s" % (registry.host, wrong), "docker://%s/both/b@%s" % (registry.host, wrong), "pare:other:7@" + wrong, "oci:%s:@%s" % (tmp_path / "third", wrong)):
        e = pare("copy", where, target, status=2).err
        assert "what would stand there is " + digest in e
    assert registry.get("/v2/both/b/tags/list") is None and "other" not in pare("images").out and not (tmp_path / "third").exists()


def test_pull_of_a_platform_by_the_index(pare, tmp_path, registry):
    """The digest is the index's, and what is kept is one platform's image: with a tag under it, without one under its digest."""
    index_layout(tmp_path / "lay", [image(1, arch="amd64"), image(2, arch="s390x")])
    name = "%s/byindex/a" % registry.host
    index = pare("copy", "--all", "oci:%s" % (tmp_path / "lay"), "docker://%s:1" % name).out.strip()
    one = pare("pull", "--platform", "linux/s390x", "%s:1@%s" % (name, index)).out.strip()
    assert one.startswith(name + "@sha256:") and index not in one
    two = pare("pull", "--platform", "linux/amd64", "%s@%s" % (name, index)).out.strip()
    assert two != one and len(pare("images", "--format", "json").json()["images"]) == 2


def test_dry_run_fails_where_it_would(pare, tmp_path):
    where = image(1).oci(tmp_path / "lay")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "x").write_text("")
    pare("copy", "-n", where, "oci:%s:1" % (tmp_path / "new"))
    pare("copy", "-n", where, "oci-archive:%s:1" % (tmp_path / "new.tar"))
    assert not (tmp_path / "new").exists() and not (tmp_path / "new.tar").exists()
    for target, status in (("oci:%s:1" % (tmp_path / "foreign"), 2), ("oci:%s:1" % (tmp_path / "no/where"), 4), ("oci-archive:%s:1" % (tmp_path / "no/where.tar"), 4)):
        assert pare("copy", "-n", where, target, status=status).err == pare("copy", where, target, status=status).err


def test_docker_save_by_its_path(pare, tmp_path):
    """What is an archive of Docker and a layout, layers plain, is not sent plain: as docker-archive: is not."""
    path = tmp_path / "a.tar"
    where = image().docker_archive(path)
    named = pare("copy", where, "oci:%s:1" % (tmp_path / "lay")).out
    r = pare("copy", path, "oci:%s:2" % (tmp_path / "lay"))
    assert r.out == named and "made anew" in r.err
    assert pare("copy", "-q", "-", "oci:%s:3" % (tmp_path / "lay"), stdin=path.read_bytes()).out == named


def test_credentials_to_an_archive(pare, tmp_path):
    """What is said of the source holds where its image is read, not only copied."""
    with Registry(auth=("me", "secret")) as r:
        where = "docker://%s/a/b:1" % r.host
        pare("copy", "-q", "--dest-creds", "me:secret", image(1).oci(tmp_path / "lay"), where)
        pare("copy", "-q", "--src-creds", "me:secret", where, "docker-archive:%s" % (tmp_path / "out.tar"))
        assert "secret" not in pare("copy", "-q", "--src-creds", "me:wrong-secret", where, "docker-archive:%s" % (tmp_path / "no.tar"), status=4).err
        assert not (tmp_path / "no.tar").exists()


def test_index_with_a_subject_in_dockers_format(pare, tmp_path):
    """Docker's lists have no subject: it goes, and is said."""
    index_layout(tmp_path / "lay", [image(1, arch="amd64"), image(2, arch="s390x")], nested=True)
    path = tmp_path / "lay" / "index.json"
    top = json.loads(path.read_text())
    entry = top["manifests"][0]
    doc = json.loads((tmp_path / "lay/blobs" / entry["digest"].replace(":", "/")).read_text())
    doc.update(subject={"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + "1" * 64, "size": 3}, artifactType="a/b")
    body = json.dumps(doc).encode()
    (tmp_path / "lay/blobs/sha256" / sha256(body)).write_bytes(body)
    path.write_text(json.dumps({**top, "manifests": [{**entry, "digest": "sha256:" + sha256(body), "size": len(body)}]}))
    r = pare("copy", "--all", "--format", "docker", "oci:%s" % (tmp_path / "lay"), "oci:%s:d" % (tmp_path / "out"))
    made = raw(tmp_path / "out", "d")[1]
    assert "what it refers to dropped" in r.err and made["mediaType"].endswith("manifest.list.v2+json") and not {"subject", "artifactType"} & made.keys()


def test_gzip_is_the_same_on_every_processor(pare, tmp_path):
    """The default's speed comes from vector instructions; which of them a processor has must not be seen in the bytes."""
    words = [b"%x" % (k * 2654435761 % 2 ** 32) for k in range(4000)]
    text = b" ".join(words[k * k * 7919 % 4000] for k in range(300000))
    Image([layer(File("text", text), File("noise", bytes(k * k * 31 >> 7 & 255 for k in range(200000))), File("zeros", bytes(70000)))]).docker_archive(tmp_path / "image.tar")
    digests = set()
    for cpu in (None, "Nehalem", "Haswell"):  # this one, which may have more; SSE 4.2; AVX2
        emulator = ["qemu-x86_64-static", "-cpu", cpu] if cpu and os.uname().machine == "x86_64" else []
        p = subprocess.run([*emulator, pare.binary, "copy", "docker-archive:%s" % (tmp_path / "image.tar"), "oci-archive:%s" % (tmp_path / "out.tar")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=300, env={**os.environ, "PARE_STORE": str(tmp_path / "store")})
        assert p.returncode == 0, p.stderr
        digests.add(p.stdout)
    assert len(digests) == 1, digests


def test_several_images_in_it(pare, tmp_path):
    """Which of several is meant is for who asks to say: neither the first nor any other is taken, whatever the form, and nothing is written."""
    a, b = image(1, tags=("a:1",)), image(2, tags=("b:2",))
    two = tmp_path / "two.tar"
    a.docker_archive(two, form="legacy", others=[b])
    lay = tmp_path / "lay"
    for k, x in (("1", a), ("2", b)):
        pare("copy", x.docker_archive(tmp_path / "one.tar"), "oci:%s:%s" % (lay, k))
    for k, tag in (("1", "lay1"), ("2", "lay2")):
        pare("copy", "oci:%s:%s" % (lay, k), "oci-archive:%s:%s" % (tmp_path / (tag + ".tar"), tag))
    with tarfile.open(tmp_path / "both.tar", "w") as t:
        t.add(lay, arcname=".")
    where = {"docker-archive:%s" % two: ("a:1", "b:2"), str(two): ("a:1", "b:2"), "oci:%s" % lay: ("1", "2"), str(lay): ("1", "2"), "oci-archive:%s" % (tmp_path / "both.tar"): ("1", "2"),
             str(tmp_path / "both.tar"): ("1", "2")}
    for source, names in where.items():
        for target in ("oci:%s" % (tmp_path / "out"), "oci-archive:%s" % (tmp_path / "out.tar"), "docker-archive:%s" % (tmp_path / "out.tar"), "pare:out:1"):
            r = pare("copy", "-q", source, target, status=2)
            assert r.err.count("\n") == 1 and "several images" in r.err and ", ".join(names) in r.err, (source, target, r.err)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.tar").exists()
    pare("copy", "-q", "docker-archive:%s:b:2" % two, "oci:%s:x" % (tmp_path / "out"))
    pare("copy", "-q", "docker-archive:%s:@1" % two, "oci:%s:y" % (tmp_path / "out"))
    assert raw(tmp_path / "out", "x")[0] == raw(tmp_path / "out", "y")[0] == raw(lay, "2")[0]
    nameless = tmp_path / "nameless.tar"  # they are told apart by their place
    image(1, tags=()).docker_archive(nameless, form="legacy", others=[image(2, tags=())])
    assert "@0, @1" in pare("copy", "-q", "docker-archive:%s" % nameless, "oci:%s" % (tmp_path / "no"), status=2).err


def test_names_alone_and_paths_keep_digests(pare, tmp_path, registry):
    env = {"DOCKER_HOST": "unix://%s" % (tmp_path / "none.sock")}
    index_layout(tmp_path / "many", [Image([layer(File("a", a.encode()))], arch=a) for a in ("amd64", "arm64", "arm")])
    stored = pare("copy", "-q", Image([layer(File("b", b"b"))]).oci(tmp_path / "one"), "pare:%s/bare:store" % registry.host).out
    name = registry.host + "/bare"
    every = pare("copy", "-q", "--all", "oci:%s" % (tmp_path / "many"), "docker://%s:all" % name).out
    assert pare("copy", "-q", name + ":store", "oci:%s" % (tmp_path / "o1"), env=env).out == stored
    assert pare("copy", "-q", "--all", name + ":all", "oci:%s:x" % (tmp_path / "o2"), env=env).out == every
    assert pare("copy", "-q", "--all", "%s:x" % (tmp_path / "o2"), "oci:%s" % (tmp_path / "o3"), env=env).out == every
    (tmp_path / "policy.toml").write_text('[[rule]]\nmatch = "%s"\nkeys = ["k.pub"]\n' % name)
    pare("sign", "--generate-key", tmp_path / "k")
    pare("sign", "docker://%s:all" % name, "--key", tmp_path / "k.key")
    pare("copy", "-q", "--all", name + ":all", "oci:%s:x" % (tmp_path / "o4"), "--policy", tmp_path / "policy.toml", env=env)
    assert "there is no signature" in pare("copy", name + ":store", "oci:%s:x" % (tmp_path / "o4"), "--policy", tmp_path / "policy.toml", env=env, status=1).err
    assert "docker://mine:1" in pare("copy", name + ":store", "mine:1", env=env, status=2).err
    assert "linux/amd64, linux/arm64, linux/arm " in pare("copy", "--platform", "linux/mips", name + ":all", "oci:%s" % (tmp_path / "o5"), env=env, status=2).err
    assert "linux/amd64, linux/arm64, linux/arm " in pare("inspect", "--platform", "linux/mips", "oci:%s" % (tmp_path / "many"), env=env, status=2).err


def test_a_layer_without_a_byte(pare, tmp_path):
    """Made here, it has a file of its own as any other: what comes after it is not written into the same."""
    empty = Image([b"", layer(File("a", b"1" * 5000)), b"", layer(File("b", b"2"))]).docker_archive(tmp_path / "a.tar")
    digest = pare("copy", "-q", "--compression", "none", empty, "oci:%s:x" % (tmp_path / "lay")).out.strip()
    whole(tmp_path / "lay", digest)
    assert pare("copy", "-q", "--compression", "none", empty, "pare:empty:1").out.strip() == digest
    pare("store", "check")


def test_no_file_for_a_digest_that_is_not_kept(pare, tmp_path):
    lay = image(1).oci(tmp_path / "lay")
    for target in ("docker-archive:%s" % (tmp_path / "o.tar"), str(tmp_path / "o.tar"), "docker-daemon:x:1"):
        assert "--digestfile has no meaning" in pare("copy", lay, target, "--digestfile", tmp_path / "digest", status=2).err
    assert not (tmp_path / "digest").exists() and not (tmp_path / "o.tar").exists()
