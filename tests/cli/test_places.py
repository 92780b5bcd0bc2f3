"""Every command reads images of a registry, of our store and of an engine, and `slim` writes there."""
import fcntl
import hashlib
import json
import os
import shutil

from engines import docker  # noqa: F401: a fixture
from imagelib import Dir, File, Image, Whiteout, index_layout, layer
from registrylib import Registry

INDEX, MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"


def image(text="one", arch="amd64"):
    return Image([layer(Dir("etc"), File("etc/motd", "hello\n"), File("var/log/x.log", "litter" * 1000)), layer(Dir("app"), File("app/run", text * 500, mode=0o755), Whiteout("etc/motd"))],
                 config={"Cmd": ["/app/run"]}, arch=arch)


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push_blob(registry, repo, data):
    status, headers, _ = registry.request("POST", f"/v2/{repo}/blobs/uploads/")
    assert status == 202
    where = headers["Location"].split(registry.host, 1)[-1]
    status, _, body = registry.request("PUT", where + ("&" if "?" in where else "?") + "digest=" + digest(data), data, {"Content-Type": "application/octet-stream"})
    assert status == 201, body


def push_layout(registry, repo, directory, tag):
    """All of an OCI layout, as it is: the only entry of its index under `tag`."""
    blobs = {}
    for folder, _, names in os.walk(os.path.join(directory, "blobs")):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                blobs["sha256:" + name] = f.read()
    documents, top = [], json.load(open(os.path.join(directory, "index.json")))["manifests"][0]

    def walk(d):
        doc = json.loads(blobs[d["digest"]])
        for inner in doc.get("manifests", []):
            walk(inner)
        for blob in [doc["config"], *doc["layers"]] if "layers" in doc else []:
            push_blob(registry, repo, blobs[blob["digest"]])
        documents.append(d)
    walk(top)
    for d in documents:
        status, _, body = registry.request("PUT", f"/v2/{repo}/manifests/" + (tag if d is top else d["digest"]), blobs[d["digest"]], {"Content-Type": d["mediaType"]})
        assert status == 201, body
    return top["digest"]


def same(pare, location, other, env=None):
    """The same image at both places: documents, layers and the tree."""
    files, bill = ["inspect", "--files", "--format", "tsv"], ["sbom", "--format", "json"]
    assert pare(*files, location, env=env).out == pare(*files, other).out
    assert pare(*bill, location, env=env).json()["packages"] == pare(*bill, other).json()["packages"]
    a, b = (pare("inspect", "--format", "json", x, env=env).json() for x in (location, other))
    assert [x["diff_id"] for x in a["layers"]] == [x["diff_id"] for x in b["layers"]]
    assert a["image"]["config_digest"] == b["image"]["config_digest"] and not a["incomplete"]
    return a


def test_registry(pare, registry, tmp_path):
    image().oci(tmp_path / "layout", compression="gzip")
    top = push_layout(registry, "team/app", tmp_path / "layout", "1")
    location = f"docker://{registry.host}/team/app:1"
    found = same(pare, location, tmp_path / "layout")
    assert found["image"]["digest"] == top and found["image"]["reference"] == f"{registry.host}/team/app:1"
    assert pare("inspect", "--format", "json", f"docker://{registry.host}/team/app@{top}").json()["image"]["digest"] == top
    assert pare("inspect", "--format", "json", f"{registry.host}/team/app:1").json()["image"]["digest"] == top  # a bare name
    absent = pare("inspect", f"docker://{registry.host}/team/app:2", status=4)
    assert "no such image" in absent.err and len(absent.err.splitlines()) == 1


def test_layers_are_not_fetched_twice(pare, registry, tmp_path):
    """What was read under its digest is known, wherever it is: the registry need not have it any more."""
    image("cached").oci(tmp_path / "layout", compression="gzip")
    push_layout(registry, "cache/app", tmp_path / "layout", "1")
    location = f"docker://{registry.host}/cache/app:1"
    first = pare("inspect", "--format", "json", location).json()
    for x in first["layers"]:
        assert registry.request("DELETE", f"/v2/cache/app/blobs/{x['digest']}")[0] == 202
    assert pare("inspect", "--format", "json", location).json() == first
    gone = pare("inspect", "--format", "json", "--no-cache", location, status=None)
    assert gone.status in (3, 4)


def test_platforms(pare, registry, tmp_path):
    images = {"linux/amd64": image("amd"), "linux/arm64": image("arm", "arm64")}
    index_layout(tmp_path / "many", list(images.values()), nested=True, attestation=True)
    push_layout(registry, "many", tmp_path / "many", "1")
    location = f"docker://{registry.host}/many:1"
    for name in images:
        found = same(lambda *args, **more: pare(*args, "--platform", name, **more), location, tmp_path / "many")
        assert found["image"]["platform"] == name
    assert pare("inspect", "--platform", "linux/s390x", location, status=2).err.count("linux/arm64") == 1


def test_slim_from_and_to_a_registry(pare, registry, tmp_path):
    image("slim").oci(tmp_path / "layout", compression="gzip")
    push_layout(registry, "slim/app", tmp_path / "layout", "1")
    source, target = f"docker://{registry.host}/slim/app:1", f"docker://{registry.host}/slim/app:small"
    killed, living = pare.store / "pare-image-abcdefgh", pare.store / "pare-image-ijklmnop"  # what a killed process left; what one that lives has locked
    for left in killed, living:
        (left / "image" / "blobs").mkdir(parents=True)
        (left / "image" / "blobs" / "x").write_text("x")
    lock = os.open(living, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    pare("slim", "--level", "safe", source, "-o", target)
    assert [x for x in os.listdir(pare.store) if x.startswith("pare-image-")] == [living.name]
    os.close(lock)
    shutil.rmtree(living)
    pare("slim", "--level", "safe", tmp_path / "layout", "-o", f"oci:{tmp_path}/small")
    after = same(pare, target, f"oci:{tmp_path}/small")
    assert after["image"]["digest"] == pare("inspect", "--format", "json", f"oci:{tmp_path}/small").json()["image"]["digest"]
    assert sorted(registry.get("/v2/slim/app/tags/list")["tags"]) == ["1", "small"]
    assert not [x for x in os.listdir(pare.store) if x != "facts" and x != "images" and x != "leases"], "nothing is left of the spool"


def test_a_password(pare, tmp_path):
    with Registry(auth=("me", "secret")) as r:
        image().oci(tmp_path / "layout", compression="gzip")
        push_layout(r, "app", tmp_path / "layout", "1")
        location = f"docker://{r.host}/app:1"
        assert "secret" not in pare("inspect", location, status=4).err
        (tmp_path / "auth.json").write_text(json.dumps({"auths": {r.host: {"auth": "bWU6c2VjcmV0"}}}))
        env = {"REGISTRY_AUTH_FILE": tmp_path / "auth.json"}
        same(pare, location, tmp_path / "layout", env=env)
        refused = pare("slim", "--level", "safe", tmp_path / "layout", "-o", f"docker://{r.host}/app:2", status=4)
        assert "secret" not in refused.err and r.get("/v2/app/tags/list")["tags"] == ["1"]
        pare("slim", "--level", "safe", tmp_path / "layout", "-o", f"docker://{r.host}/app:2", env=env)
        assert sorted(r.get("/v2/app/tags/list")["tags"]) == ["1", "2"]


def test_names(pare, tmp_path):
    """A bare name: each place that was asked stands in the one line; with PARE_OFFLINE no other machine is asked."""
    env = {"DOCKER_HOST": f"unix://{tmp_path}/none"}
    said = pare("inspect", "no-such-image", env=env, status=4).err
    assert len(said.splitlines()) == 1
    assert all(part in said for part in ("no such file", "not in the store", "no Docker engine", "docker.io", "PARE_OFFLINE"))
    assert "PARE_OFFLINE" not in pare("inspect", "0123456789abcdef", env=env, status=4).err  # an ID is no name of a registry
    assert len(pare("inspect", "docker:27", env=env, status=4).err.splitlines()) == 1
    assert "docker.io" in pare("inspect", "docker:27", env=env, status=4).err
    pare("inspect", "docker://", status=2)
    pare("inspect", "docker://Not A Name", status=2)
    pare("inspect", "pare:", status=2)
    image().docker_archive(tmp_path / "app.tar")
    storage = pare("slim", "--level", "safe", tmp_path / "app.tar", "-o", "containers-storage:x", status=2).err
    assert "podman pull oci:" in storage
    pare("slim", "--level", "safe", tmp_path / "app.tar", "-o", "docker-daemon:x", env=env, status=4)


def test_store(pare, tmp_path):
    image("kept").docker_archive(tmp_path / "app.tar")
    pare("slim", "--level", "safe", tmp_path / "app.tar", "-o", "pare:app:1")
    pare("slim", "--level", "safe", tmp_path / "app.tar", "-o", f"oci:{tmp_path}/small")
    assert same(pare, "pare:app:1", f"oci:{tmp_path}/small")["image"]["reference"] == "app:1"
    same(pare, "app:1", f"oci:{tmp_path}/small")  # before an engine is asked
    assert "no such image" in pare("inspect", "pare:app:2", status=4).err
    other = tmp_path / "elsewhere"
    pare("--store", other, "slim", "--level", "safe", "pare:app:1", "-o", "pare:x", status=4)
    pare("--store", other, "slim", "--level", "safe", tmp_path / "app.tar", "-o", "pare:x")
    pare("--store", other, "inspect", "pare:x")
    pare("inspect", "pare:x", status=4)


def test_docker_daemon(pare, docker, tmp_path):  # noqa: F811
    image("engine").docker_archive(tmp_path / "app.tar")
    pare("slim", "--level", "safe", tmp_path / "app.tar", "-o", "docker-daemon:pare-test/places:1", env=docker.env)
    try:
        pare("slim", "--level", "safe", tmp_path / "app.tar", "-o", f"docker-archive:{tmp_path}/small.tar")
        same(pare, "docker-daemon:pare-test/places:1", tmp_path / "small.tar", env=docker.env)
    finally:
        docker.remove("pare-test/places:1")
