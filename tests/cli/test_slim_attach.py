"""`pare slim --attach`: documents about the result as OCI referrers of it, that appear with it or not at all."""
import json
import shutil
import subprocess
import tarfile

import pytest

from imagelib import File, Image, layer
from netlib import Registry, answer
from test_run import able
from test_slim_level import debian

VEX, SBOM, EVIDENCE = "application/openvex+json", "application/spdx+json", "application/vnd.pare.slim.evidence.v1+json"


def source(tmp_path, layers=None, config=None):
    return Image(layers or [debian()], config=config or {"Cmd": ["/bin/run"]}, tags=("app:1",)).docker_archive(tmp_path / "in.tar")


def attached(read, entries):
    """artifact type -> its document, of those that refer to the one image among the entries; and the image's digest."""
    image = [e for e in entries if "artifactType" not in e]
    assert len(image) == 1
    found = {}
    for e in entries:
        m = json.loads(read(e["digest"]))
        if e is image[0]:
            continue
        assert len(read(e["digest"])) == e["size"] and m["artifactType"] == e["artifactType"] == m["layers"][0]["mediaType"]
        assert m["subject"] == {k: image[0][k] for k in ("mediaType", "digest", "size")}
        assert m["config"]["mediaType"] == "application/vnd.oci.empty.v1+json" and read(m["config"]["digest"]) == b"{}"
        found[m["artifactType"]] = json.loads(read(m["layers"][0]["digest"]))
    return found, image[0]["digest"]


def layout(path):
    return attached(lambda d: (path / "blobs/sha256" / d[7:]).read_bytes(), json.loads((path / "index.json").read_text())["manifests"])


def says(found, digest):
    assert set(found) == {VEX, SBOM}
    products = {p["@id"] for s in found[VEX]["statements"] for p in s["products"]}
    assert products == {"pkg:oci/app@sha256%3A" + digest[7:]} and {p["subcomponents"][0]["@id"] for s in found[VEX]["statements"] for p in s["products"]} == {"pkg:deb/debian/idle@1?arch=amd64&distro=debian-12"}
    names = {p["name"] for p in found[SBOM]["packages"]}
    assert "used" in names and "idle" not in names


def test_a_layout(pare, tmp_path):
    location, out = source(tmp_path), tmp_path / "out"
    pare("slim", "--no-run", "--level", "file", location, "-o", f"oci:{out}:small", "--attach", "vex,sbom")
    says(*layout(out))
    first = {p.name: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    pare("slim", "--no-run", "--level", "file", location, "-o", f"oci:{out}:small", "--attach", "vex", "--attach", "sbom")
    assert {p.name: p.read_bytes() for p in out.rglob("*") if p.is_file()}.keys() == first.keys() and len(json.loads((out / "index.json").read_text())["manifests"]) == 3
    other = tmp_path / "other"
    pare("slim", "--no-run", "--level", "file", location, "-o", f"oci:{other}:small", "--attach", "sbom, vex")
    assert {p.name: p.read_bytes() for p in other.rglob("*") if p.is_file()} == first
    for place in (f"oci:{out}", f"oci:{out}:small"):  # what refers to it is no other image
        assert pare("inspect", place, "--format", "json").json()["image"]["platform"] == "linux/amd64"


def test_an_archive_of_a_layout(pare, tmp_path):
    out = tmp_path / "out.oci"
    pare("slim", "--no-run", "--level", "file", source(tmp_path), "-o", f"oci-archive:{out}:small", "--attach", "vex,sbom")
    with tarfile.open(out) as tar:
        names = tar.getnames()
        assert len(names) == len(set(names)) and {"index.json", "oci-layout"} <= set(names)
        read = lambda d: tar.extractfile("blobs/sha256/" + d[7:]).read()
        says(*attached(read, json.loads(tar.extractfile("index.json").read())["manifests"]))
    assert pare("inspect", f"oci-archive:{out}", "--format", "json").json()["image"]["platform"] == "linux/amd64"


def test_the_store_and_a_registry(pare, tmp_path, registry):
    location = source(tmp_path)
    for i, to in enumerate(("pare:small", f"docker://{registry.host}/attach/small:1")):
        pare("slim", "--no-run", "--level", "file", location, "-o", to, "--attach", "vex,sbom", *(["--tls-verify=false"] if i else []))
        back = tmp_path / ("back%d" % i)
        pare("copy", "--referrers", to, f"oci:{back}:x", *(["--tls-verify=false"] if i else []))
        says(*layout(back))


@pytest.mark.parametrize("args, said", [
    (["-o", "out.tar", "--attach", "vex"], "nothing can be attached"), (["-o", "docker-archive:out", "--attach", "vex"], "nothing can be attached"), (["-o", "docker-daemon:x:1", "--attach", "sbom"], "nothing can be attached"),
    (["-o", "out", "--format", "docker-archive", "--attach", "vex"], "nothing can be attached"), (["-o", "oci:out", "--attach", "vex,vax"], "choose from"), (["-o", "oci:out", "--no-run", "--attach", "evidence"], "nothing is run"),
    (["-o", "oci:out", "--level", "safe", "--attach", "vex"], "nothing to tell"),
])
def test_refused_before_anything_is_done(pare, tmp_path, args, said):
    r = pare("slim", source(tmp_path), *args, status=2, cwd=tmp_path)
    assert said in r.err and not list(tmp_path.glob("out*"))


def test_no_name_leads_to_what_came_without_it(pare, tmp_path):
    with Registry() as registry:  # takes the image by its digest, and then not what refers to it
        def first(h):
            registry.before["PUT", "manifests"] = answer(400)
            answer(201)(h)
        registry.before["PUT", "manifests"] = first
        pare("slim", "--no-run", "--level", "file", source(tmp_path), "-o", f"docker://{registry.host}/app:small", "--attach", "vex", "--plain-http", "--attempts", "1", status=4)
        assert [(n, t) for n, t in registry.manifests] == [] and ("PUT", "manifests") not in registry.before


@pytest.mark.skipif(able() is not None, reason=str(able()))
def test_evidence(pare, tmp_path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no compiler")
    (tmp_path / "hi.c").write_text('#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n')
    subprocess.run([compiler, "-static", "-o", str(tmp_path / "hi"), str(tmp_path / "hi.c")], check=True)
    location = source(tmp_path, [layer(File("bin/hi", (tmp_path / "hi").read_bytes(), mode=0o755), File("usr/share/doc/x/README", b"r" * 500))], {"Cmd": ["/bin/hi"]})
    said, out = tmp_path / "evidence.json", tmp_path / "out"
    pare("slim", location, "-o", f"oci:{out}:small", "--evidence", said, "--attach", "evidence,vex")
    found, _ = layout(out)
    assert set(found) == {VEX, EVIDENCE} and found[EVIDENCE] == json.loads(said.read_text()) and found[EVIDENCE]["trial"]
