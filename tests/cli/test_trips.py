"""Round trips: docker-archive or layout, store, registry, layout, another registry, another store, with one digest all the way, for images of every shape; and the real programs on what was pushed.

PARE_TRIPS=DIR makes the same journey with every image file of DIR (archives, and directories that are layouts), PARE_TRIPS_WORK a directory with room for it.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile

import pytest

import engines
from engines import docker  # noqa: F401 (a fixture)
from imagelib import DOCKER, OCI, Dir, File, Image, _json, compress, index_layout, layer, sha256, write_files
from registrylib import Registry
from triplib import Files, Trip, archive_images, contents, take

URLS = {"REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW": '["^https?://"]'}
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + sha256(b"{}"), "size": 2}


@pytest.fixture(scope="module")
def registries():
    with Registry(env=URLS) as one, Registry(env=URLS) as two:
        yield one, two


@pytest.fixture
def trip(pare, tmp_path, registries):
    t = Trip(pare, tmp_path / "trip", registries)
    yield t
    t.clean()


BASE = layer(Dir("etc"), File("etc/base", bytes(range(256)) * 900))


def image(n=3, **more):
    own = [layer(Dir("d%d" % i), *[File("d%d/f%d" % (i, k), b"%d %d " % (i, k) * 2500) for k in range(3)]) for i in range(n)]
    return Image([BASE, *own], {"Cmd": ["/d0/f0"], "Labels": {"a": "\u00fc\u2028"}}, **more)


# --- from docker-archive ---

@pytest.mark.parametrize("form", ["docker25", "legacy", "kaniko"])
def test_archives(trip, tmp_path, form):
    one = image(tags=["example.com/a:1", "b:2"])
    where = one.docker_archive(tmp_path / "a.tar", form)
    digest = trip.run(where, form, config=one.config_bytes)
    assert trip.layers == 4
    if form == "kaniko":
        return
    made = trip.copy("pare:%s:1" % form, "docker-archive:%s:back:1" % (tmp_path / "back.tar"))
    assert archive_images(tmp_path / "back.tar") == [(["docker.io/library/back:1"], one.config_bytes)] or archive_images(tmp_path / "back.tar")[0][1] == one.config_bytes
    assert trip.copy("docker-archive:%s" % (tmp_path / "back.tar"), "pare:back:1")["digest"] == digest, made


def test_archive_of_several(trip, tmp_path):
    """By place and by name; what they share is stored once."""
    images = [image(n, tags=["several:%d" % n]) for n in range(3)]
    where = images[0].docker_archive(tmp_path / "a.tar", "legacy", images[1:])
    got = [trip.run("%s:@%d" % (where, n), "several%d" % n, config=images[n].config_bytes) for n in range(3)]
    assert len(set(got)) == 3
    for n in range(3):
        assert trip.copy("%s:several:%d" % (where, n), "pare:named:%d" % n)["digest"] == got[n]
    assert len(os.listdir(os.path.join(trip.dir, "a", "images", "blobs", "sha256"))) == 3 + 3 + 3


SHAPES = {
    "no-layers": dict(layers=[]),
    "empty-layer": dict(layers=[BASE, layer(), layer(File("x", b"x"))]),
    "zero-bytes": dict(layers=[BASE, b"", layer(File("x", b"x"))]),
    "twice": dict(layers=[BASE, layer(File("x", b"x")), BASE, BASE]),
    "no-history": dict(layers=[BASE], history=()),
    "history-without-layers": dict(layers=[BASE], history=["ADD x /", ("ENV a=b", True), ("CMD x", True)]),
    "big-config": dict(layers=[BASE], config={"Labels": {"l%d" % i: "x" * 1000 for i in range(2500)}}),
    "odd-config": dict(layers=[BASE], extra={"x-unknown": [1e300, -0.0, 1e-7, True, None, "\ud83d\ude00"], "moby.buildkit.buildinfo.v1": "e30="}),
    "many": dict(layers=[layer(File("f%d" % i, b"%d" % i)) for i in range(120)]),
    "trailing": dict(layers=[BASE + b"\0" * 9000, layer(File("x", b"x")) + b"trail" * 100, layer(File("y", b"y"))[:1024]]),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(trip, tmp_path, shape):
    how = dict(SHAPES[shape])
    one = Image(how.pop("layers"), how.pop("config", {"Cmd": ["/x"]}), **how)
    trip.run(one.docker_archive(tmp_path / "a.tar", "legacy"), "a-" + shape, config=one.config_bytes)
    body, _ = one.manifest("gzip")
    one.oci(tmp_path / "lay")
    assert trip.run("oci:%s" % (tmp_path / "lay"), "l-" + shape, config=one.config_bytes) == "sha256:" + sha256(body)
    assert trip.layers == 2 * len(one.layers)


# --- from layouts ---

@pytest.mark.parametrize("media", ["oci", "docker"])
@pytest.mark.parametrize("kind", ["none", "gzip", "zstd", "xz", "bzip2", "mixed"])
def test_compressions(trip, tmp_path, kind, media):
    if media == "docker" and kind not in ("gzip", "none"):
        pytest.skip("Docker's format has none such")
    one = image()
    kinds = ["none", "gzip", "zstd", "gzip"] if kind == "mixed" else kind
    for place in (one.oci(tmp_path / "lay", kinds, media), one.oci_archive(tmp_path / "a.tar", kinds, media)):
        trip.run(place, "%s-%s" % (kind, media), config=one.config_bytes, digest="sha256:" + sha256(one.manifest(kinds, media)[0]))


def layout(directory, documents, blobs, top, tag="1"):
    """A layout with one name; what it names last of the documents."""
    files = {"blobs/%s" % d.replace(":", "/"): b for d, b in [*blobs.items(), *documents.items()]}
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    files["index.json"] = _json({"schemaVersion": 2, "manifests": [dict(top, annotations={"org.opencontainers.image.ref.name": tag})]})
    write_files(directory, files)
    return "oci:%s:%s" % (directory, tag)


def named(type, body, alg="sha256", **more):
    return {"mediaType": type, "digest": "%s:%s" % (alg, hashlib.new(alg, body).hexdigest()), "size": len(body), **more}


def one_manifest(directory, doc, blobs, type=OCI + "manifest.v1+json", alg="sha256", indent=None):
    body = json.dumps(doc, indent=indent).encode()
    top = named(type, body, alg)
    return layout(directory, {top["digest"]: body}, blobs, top), top["digest"]


@pytest.mark.parametrize("nested", [False, True])
def test_platforms(trip, tmp_path, nested):
    """The whole index, attestations too, and each of its images alone."""
    images = [image(1, arch="amd64"), image(2, arch="arm64", variant="v8"), image(1, arch="arm", variant="v7"), Image([BASE], os="windows", extra={"os.version": "10.0.1"})]
    index_layout(tmp_path / "lay", images, nested=nested, attestation=True)
    where = "oci:%s" % (tmp_path / "lay")
    if nested:
        where += ":latest"
        top = json.loads((tmp_path / "lay" / "index.json").read_text())["manifests"][0]["digest"]
    else:
        top = "sha256:" + sha256((tmp_path / "lay" / "index.json").read_bytes())
    name = "index%d" % nested
    trip.run(where, name, digest=top, keep=True)
    assert trip.layers == sum(len(i.layers) for i in images) + 1
    for i in images:
        platform = "/".join([i.os, i.arch] + ([i.variant] if i.variant else []))
        trip.run("pare:%s:1" % name, "%s-%s" % (name, i.arch + i.os), ("--platform", platform), i.config_bytes, "sha256:" + sha256(i.manifest("gzip")[0]))


def test_docker_list(trip, tmp_path):
    images = [image(1, arch="amd64"), image(1, arch="s390x")]
    manifests, blobs, parts = [], {}, {}
    for i in images:
        body, stored = i.manifest("gzip", "docker")
        manifests.append(named(DOCKER + "distribution.manifest.v2+json", body, platform={"architecture": i.arch, "os": "linux"}))
        parts[manifests[-1]["digest"]] = body
        blobs.update({"sha256:" + sha256(b): b for b in stored})
    body = json.dumps({"schemaVersion": 2, "mediaType": DOCKER + "distribution.manifest.list.v2+json", "manifests": manifests}, indent=3).encode()
    top = named(DOCKER + "distribution.manifest.list.v2+json", body)
    assert trip.run(layout(tmp_path / "lay", {**parts, top["digest"]: body}, blobs, top), "list", digest=top["digest"])


def test_annotations_and_unknown_fields(trip, tmp_path):
    """A document is its bytes: spaces, order, fields nobody knows."""
    _, blobs = image(1).manifest()
    doc = json.loads(image(1).manifest()[0])
    doc.update(annotations={"org.opencontainers.image.created": "2020-01-01T00:00:00Z", "x": "\u00fc\U0001f600"}, zzz=[1.0, {"a": None}])
    doc["layers"][0]["annotations"] = {"io.github.containers.zstd-chunked.manifest-position": "1:2:3:4"}
    doc["config"]["data"] = "e30="
    where, digest = one_manifest(tmp_path / "lay", dict(reversed(doc.items())), {"sha256:" + sha256(b): b for b in blobs}, indent=5)
    trip.run(where, "annotated", digest=digest)


def test_foreign_layers(trip, tmp_path):
    """What has urls need not be anywhere, and isn't asked for; where it is there it goes along."""
    body, (config, *stored) = image(1).manifest("gzip", "docker")
    doc = json.loads(body)
    doc["layers"][0].update(mediaType=DOCKER + "image.rootfs.foreign.diff.tar.gzip", urls=["https://example.invalid/layer"])
    blobs = {"sha256:" + sha256(b): b for b in (config, stored[1])}
    where, digest = one_manifest(tmp_path / "lay", doc, blobs, DOCKER + "distribution.manifest.v2+json")
    trip.run(where, "foreign", digest=digest)


def test_no_image(trip, tmp_path):
    """Artifacts: with the empty configuration, with one of their own type, with a subject, without layers."""
    chart = b"chart bytes" * 1000
    blobs = {EMPTY["digest"]: b"{}", "sha256:" + sha256(chart): chart}
    base = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json"}
    subject = named(OCI + "manifest.v1+json", b"elsewhere")
    for n, doc in enumerate([
            {**base, "artifactType": "application/x.y", "config": EMPTY, "layers": [named("application/x.blob", chart)]},
            {**base, "config": named("application/vnd.cncf.helm.config.v1+json", b"{}"), "layers": [named("application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)]},
            {**base, "artifactType": "application/x.y", "config": EMPTY, "layers": [EMPTY], "annotations": {"only": "these"}},
            {**base, "artifactType": "application/x.y", "config": EMPTY, "layers": [], "subject": subject}]):
        where, digest = one_manifest(tmp_path / ("lay%d" % n), doc, blobs)
        trip.run(where, "artifact%d" % n, digest=digest)


@pytest.mark.parametrize("which", ["layers", "all"])
def test_sha512(trip, tmp_path, which):
    one = image(1)
    _, (config, *stored) = one.manifest()
    alg = "sha512" if which == "all" else "sha256"
    doc = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": named(OCI + "image.config.v1+json".replace("image.", ""), config, alg),
           "layers": [named(OCI + "layer.v1.tar+gzip", b, "sha512") for b in stored]}
    blobs = {d["digest"]: b for d, b in zip([doc["config"], *doc["layers"]], [config, *stored])}
    where, digest = one_manifest(tmp_path / "lay", doc, blobs)
    trip.run(where, "sha512-" + which, digest=digest)


def test_shared_layers_go_once(trip, tmp_path):
    """Three images on one base: the base is sent to each place once, and mounted within a registry."""
    for n in range(3):
        one = Image([BASE, layer(File("own", b"%d" % n))])
        trip.run(one.oci(tmp_path / str(n)), "shared%d" % n, digest="sha256:" + sha256(one.manifest()[0]))
        again = trip.copy("pare:shared%d:1" % n, "docker://%s/one/shared%d:1" % (trip.registries[0].host, n), "--dry-run")
        assert again["sent"] == 0
        other = trip.copy("docker://%s/one/shared%d:1" % (trip.registries[0].host, n), "docker://%s/one/mounted:%d" % (trip.registries[0].host, n))
        assert other["sent"] == 0 and other["mounted"] + other["there"] == 3


# --- every image file of a directory ---

def layout_places(kind, path, index):
    """(location, digest) of what a layout names: each of its names, or all of it."""
    found = index.get("manifests") or []
    named_ = {d["annotations"]["org.opencontainers.image.ref.name"]: d["digest"] for d in found if "org.opencontainers.image.ref.name" in d.get("annotations", {})}
    if len(found) == 1:
        return [("%s:%s" % (kind, path), found[0]["digest"])]
    if named_:
        return [("%s:%s:%s" % (kind, path, n), d) for n, d in named_.items()]
    return [("%s:%s" % (kind, path), None)]


def places_of(path):
    """(location, bytes of its configuration or None, digest or None) of each image in a file or directory; empty: there is none."""
    if os.path.isdir(path):
        try:
            with open(os.path.join(path, "index.json")) as f:
                return [(where, None, digest) for where, digest in layout_places("oci", path, json.load(f))]
        except FileNotFoundError:
            return []
    with open(path, "rb") as f:
        head = f.read(512)
    if head[:2] == b"\x1f\x8b" or head[:4] == b"\x28\xb5\x2f\xfd":
        return [(path, None, None)]
    if head[257:262] != b"ustar":
        return []
    images = archive_images(path)
    out = [("docker-archive:%s:@%d" % (path, n), config, None) for n, (_, config) in enumerate(images or ())]
    with tarfile.open(path, "r:") as tar:
        index = next((m for m in tar if m.name in ("index.json", "./index.json")), None)
        if index:
            out += [(where, None, digest) for where, digest in layout_places("oci-archive", path, json.load(tar.extractfile(index)))]
    return out or [(path, None, None)]


DIRECTORY = os.environ.get("PARE_TRIPS")
ENTRIES = sorted(os.listdir(DIRECTORY)) if DIRECTORY else []


@pytest.fixture(scope="module")
def totals():
    t = {"places": 0, "steps": 0, "digests": 0, "layers": 0, "docker": 0, "podman": 0, "skopeo": 0, "refused": 0}
    yield t
    if t["places"] or t["refused"]:
        print("\nround trips: %(places)d images, %(steps)d copies, %(digests)d documents and blobs compared, %(layers)d diff IDs computed: all equal; "
              "read by skopeo %(skopeo)d, docker %(docker)d, podman %(podman)d; refused as damaged %(refused)d" % t)


@pytest.mark.skipif(not DIRECTORY, reason="PARE_TRIPS=DIR: every image file there")
@pytest.mark.parametrize("entry", ENTRIES)
def test_directory(pare, entry, totals, request):
    path = os.path.join(DIRECTORY, entry)
    places = places_of(path)
    if not places:
        pytest.skip("no image")
    work = tempfile.mkdtemp(prefix="trip-", dir=os.environ.get("PARE_TRIPS_WORK"))
    try:
        with Registry(dir=os.path.join(work, "one"), env=URLS) as one, Registry(dir=os.path.join(work, "two"), env=URLS) as two:
            trip = Trip(pare, os.path.join(work, "trip"), (one, two))
            for n, (where, config, digest) in enumerate(places):
                top = trip.run(where, "t%d" % n, config=config, digest=digest, may_refuse=True)
                for program in real_programs(request) if top and os.environ.get("PARE_TRIPS_ENGINES") else ():
                    totals[program.__name__] += program(two, "two/t%d" % n, top)
            for k in ("steps", "digests", "layers"):
                totals[k] += getattr(trip, k)
            totals["places"] += trip.images
            totals["refused"] += len(trip.refused)
            if trip.refused and not trip.images:
                pytest.skip("; ".join(trip.refused))
    finally:
        shutil.rmtree(work, ignore_errors=True)


# --- the real programs on what was pushed ---

MANIFESTS = OCI + "manifest.v1+json, " + DOCKER + "distribution.manifest.v2+json, " + OCI + "index.v1+json, " + DOCKER + "distribution.manifest.list.v2+json"


def manifest_of(registry, name, which):
    return registry.get("/v2/%s/manifests/%s" % (name, which), Accept=MANIFESTS)


def real_programs(request):
    """Functions (registry, repository, digest) that have tag 1 there read by a program, and say 1, or 0 where it can't be asked for such a thing."""
    storage, engine = request.getfixturevalue("podman_store"), request.getfixturevalue("docker")
    version = int(json.loads(engine.ask("GET", "/version"))["Version"].split(".")[0])

    def skopeo(registry, name, top):
        assert json.loads(storage.skopeo("inspect", "--tls-verify=false", "docker://%s/%s:1" % (registry.host, name)))["Digest"] == top
        return 1

    def podman(registry, name, top):
        ref = "%s/%s:1" % (registry.host, name)
        id = storage.podman("pull", "-q", "--tls-verify=false", ref).split()[-1]
        seen = json.loads(storage.podman("image", "inspect", id))[0]
        storage.podman("rmi", "-f", id)
        assert "sha256:" + id == manifest_of(registry, name, top)["config"]["digest"] and seen["Digest"] == top
        return 1

    def docker(registry, name, top):
        ref, manifest = "%s/%s" % (registry.host, name), manifest_of(registry, name, top)
        if version < 23 and any("zstd" in d["mediaType"] for d in manifest["layers"]):
            return 0  # it inflates none before
        answer = engine.ask("POST", "/images/create?fromImage=%s&tag=1" % ref)
        assert b'"error"' not in answer, answer
        seen = json.loads(engine.ask("GET", "/images/%s:1/json" % ref))
        engine.remove(ref + ":1")
        assert seen["Id"] == manifest["config"]["digest"] and seen["RepoDigests"] == ["%s@%s" % (ref, top)]
        return 1
    return skopeo, podman, docker


@pytest.fixture(scope="module")
def podman_store():
    store = engines.Storage("overlay")
    yield store
    store.stop()


def runnable(**more):
    """An image that runs, of two layers."""
    box = layer(Dir("bin"), File("bin/busybox", engines.static_busybox(), mode=0o755), File("etc/base", b"base\n"))
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    return Image([box, layer(File("etc/own", b"ran\n"))], {"Cmd": ["/bin/busybox", "cat", "/etc/own"]}, arch=arch, **more)


@pytest.fixture(scope="module")
def programs(request):
    return dict(zip(("skopeo", "podman", "docker"), real_programs(request)))


FORMS = [("oci", "gzip", ()), ("docker", "gzip", ("--format", "docker")), ("zstd", "zstd", ("--compression", "zstd")), ("plain", "none", ("--compression", "none"))]


@pytest.mark.parametrize("form,kind,options", FORMS, ids=[f[0] for f in FORMS])
def test_programs_take_what_was_pushed(trip, tmp_path, programs, podman_store, docker, form, kind, options):  # noqa: F811
    one, registry = runnable(), trip.registries[1]
    top = trip.run(one.docker_archive(tmp_path / "a.tar", "legacy"), "run-" + form, options, one.config_bytes)
    took = {name: program(registry, "two/run-" + form, top) for name, program in programs.items()}
    assert took["skopeo"] and took["podman"] and (took["docker"] or form == "zstd")
    ref = "%s/two/run-%s:1" % (registry.host, form)
    podman_store.podman("pull", "-q", "--tls-verify=false", ref)
    assert podman_store.run(ref).strip() == "ran"
    podman_store.podman("rmi", ref)
    if took["docker"]:
        docker.ask("POST", "/images/create?fromImage=%s&tag=1" % ref.rsplit(":", 1)[0])
        assert docker.run(ref) == (0, "ran\n")
        docker.remove(ref)
    podman_store.skopeo("copy", "-q", "--preserve-digests", "--src-tls-verify=false", "docker://" + ref, "oci:%s:1" % (tmp_path / "theirs"))
    assert trip.copy("oci:%s:1" % (tmp_path / "theirs"), "pare:theirs:" + form)["digest"] == top


def test_programs_take_an_index(trip, tmp_path, programs, podman_store, docker):  # noqa: F811
    """They choose their own platform from it; the whole goes through skopeo and comes back the same."""
    images, registry = [runnable(), image(1, arch="s390x")], trip.registries[1]
    index_layout(tmp_path / "lay", images, attestation=True)
    top = trip.run("oci:%s" % (tmp_path / "lay"), "run-index")
    ref = "%s/two/run-index" % registry.host
    assert programs["skopeo"](registry, "two/run-index", top)
    podman_store.podman("pull", "-q", "--tls-verify=false", ref + ":1")
    assert podman_store.run(ref + ":1").strip() == "ran"
    podman_store.podman("rmi", ref + ":1")
    docker.ask("POST", "/images/create?fromImage=%s&tag=1" % ref)
    assert docker.run(ref + ":1") == (0, "ran\n")
    assert json.loads(docker.ask("GET", "/images/%s:1/json" % ref))["RepoDigests"] == ["%s@%s" % (ref, top)]
    docker.remove(ref + ":1")
    podman_store.skopeo("copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false", "docker://%s:1" % ref, "oci:%s:1" % (tmp_path / "theirs"))
    assert trip.copy("oci:%s:1" % (tmp_path / "theirs"), "pare:theirs:index", "--all")["digest"] == top


def served(registry, name, tag="1"):
    """(digest, media type) of what a registry has under a tag, the digest computed here."""
    status, headers, body = registry.request("GET", "/v2/%s/manifests/%s" % (name, tag), headers={"Accept": MANIFESTS})
    assert status == 200, body
    return "sha256:" + sha256(body), headers["Content-Type"]


PUSHERS = {
    "podman": lambda s, d, ref, to: s.podman("push", "-q", "--tls-verify=false", ref, to),
    "podman-docker": lambda s, d, ref, to: s.podman("push", "-q", "--tls-verify=false", "--format", "v2s2", ref, to),
    "podman-plain": lambda s, d, ref, to: s.podman("push", "-q", "--tls-verify=false", "--compress=false", ref, to),
    "buildah": lambda s, d, ref, to: s.buildah("push", "-q", "--tls-verify=false", ref, "docker://" + to),
    "buildah-docker": lambda s, d, ref, to: s.buildah("push", "-q", "--tls-verify=false", "--format", "docker", ref, "docker://" + to),
    "skopeo": lambda s, d, ref, to: s.skopeo("copy", "-q", "--dest-tls-verify=false", s.location(ref), "docker://" + to),
    "skopeo-oci": lambda s, d, ref, to: s.skopeo("copy", "-q", "--dest-tls-verify=false", "--format", "oci", s.location(ref), "docker://" + to),
    "skopeo-docker": lambda s, d, ref, to: s.skopeo("copy", "-q", "--dest-tls-verify=false", "--format", "v2s2", s.location(ref), "docker://" + to),
    "skopeo-zstd": lambda s, d, ref, to: s.skopeo("copy", "-q", "--dest-tls-verify=false", "--format", "oci", "--dest-compress-format", "zstd", s.location(ref), "docker://" + to),
}


@pytest.fixture(scope="module")
def loaded(podman_store, docker, tmp_path_factory):  # noqa: F811
    """An image that podman and docker have, built by each: its name."""
    one = runnable(tags=["localhost/theirs:1"])
    path = tmp_path_factory.mktemp("loaded") / "a.tar"
    one.docker_archive(path, "legacy")
    podman_store.podman("load", "-q", "-i", str(path))
    docker.load(path)
    return one


def check_read_back(trip, tmp_path, one, name):
    """By pull, copy and inspect: the registry's own digest, and the layers that were pushed."""
    registry = trip.registries[0]
    digest, _ = served(registry, name)
    ref = "%s/%s:1" % (registry.host, name)
    assert trip.pare("pull", ref).out.strip() == "%s/%s@%s" % (registry.host, name, digest)
    assert trip.copy("docker://" + ref, "oci:%s:1" % (tmp_path / "back"))["digest"] == digest
    contents(Files(tmp_path / "back"), digest)
    for where in "docker://" + ref, "pare:" + ref, "oci:%s:1" % (tmp_path / "back"):
        shown = trip.pare("inspect", where, "--format", "json").json()
        assert shown["image"]["digest"] == digest and not shown["incomplete"]
        assert [d["diff_id"] for d in shown["layers"]] == one.doc["rootfs"]["diff_ids"]
    trip.run("docker://" + ref, "back-" + name.replace("/", "-"), digest=digest)


@pytest.mark.parametrize("pusher", PUSHERS)
def test_what_they_push_reads_back(trip, tmp_path, podman_store, docker, loaded, pusher):  # noqa: F811
    name = "theirs/" + pusher
    PUSHERS[pusher](podman_store, docker, "localhost/theirs:1", "%s/%s:1" % (trip.registries[0].host, name))
    check_read_back(trip, tmp_path, loaded, name)


def test_what_docker_pushes_reads_back(trip, tmp_path, docker, loaded):  # noqa: F811
    name = "theirs/docker"
    ref = "%s/%s" % (trip.registries[0].host, name)
    docker.ask("POST", "/images/localhost/theirs:1/tag?repo=%s&tag=1" % ref)
    status = docker.ask("POST", "/images/%s/push?tag=1" % ref, headers={"X-Registry-Auth": "e30="})
    assert b'"error"' not in status, status
    assert json.loads(re.search(rb'{"progressDetail":\{\},"aux":(\{.*?\})\}', status)[1])["Digest"] == served(trip.registries[0], name)[0]
    check_read_back(trip, tmp_path, loaded, name)


def test_what_is_no_longer_written(trip, tmp_path):
    """Manifests of schema 1: one clear line, by whichever command, and nothing is kept."""
    doc = {"schemaVersion": 1, "name": "old", "tag": "1", "architecture": "amd64", "fsLayers": [{"blobSum": "sha256:" + sha256(BASE)}], "history": [{"v1Compatibility": "{}"}], "signatures": []}
    where, _ = one_manifest(tmp_path / "lay", doc, {"sha256:" + sha256(BASE): BASE}, DOCKER + "distribution.manifest.v1+prettyjws")
    for command in ("copy", where, "pare:old:1"), ("copy", "--all", where, "oci:%s:x" % (tmp_path / "out")), ("inspect", where):
        r = trip.pare(*command, status=3)
        assert r.err.count("\n") == 1 and "schema 1" in r.err, r
    assert trip.pare("images").out.count("old") == 0
