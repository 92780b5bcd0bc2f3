"""`pare build` as its users see it: what it makes, where it goes, what it says."""
import json
import shutil
import struct
import subprocess
import tarfile

import pytest

from buildlib import Builder, base_image, build  # noqa: F401
from engines import docker  # noqa: F401
from registrylib import Registry

STAMP = "cat /proc/sys/kernel/random/uuid > %s"


def test_an_image_of_two_stages(build):
    b = build("FROM base AS one\nRUN echo made > /made\nFROM base\nENV A=1\nCOPY --from=one /made /got\nCOPY f /f\nCMD [\"cat\", \"/got\"]\n", {"f": "file\n"})
    assert b.read("got") == b"made\n" and b.read("f") == b"file\n" and b.read("made") is None
    c = b.config
    assert c["config"]["Env"] == ["PATH=/bin", "A=1"] and c["config"]["Cmd"] == ["cat", "/got"]
    assert [h["created_by"].split()[0] for h in c["history"] if not h.get("empty_layer")][1:] == ["COPY", "COPY"]
    assert len(c["rootfs"]["diff_ids"]) == len(b.manifest["layers"]) == 3


def test_standard_output_is_the_digest_and_the_store_has_the_name(build, pare):
    d = build.context("FROM base\nRUN echo 1 > /f\n")
    r = pare("build", "-t", "my/app:v1", "-t", "other", d)
    assert r.out.startswith("sha256:") and len(r.out) == 72
    listed = pare("images").out
    assert "my/app" in listed and "other" in listed
    assert pare("run", "pare:my/app:v1", "--", "cat", "/f").out == "1\n"


def test_a_second_build_runs_nothing(build):
    text = "FROM base\nRUN " + STAMP % "/a" + "\nCOPY f /f\nRUN " + STAMP % "/b" + "\n"
    first = build(text, {"f": "1"})
    again = build(None, context=first.context)
    assert again.digest == first.digest and again.read("a") == first.read("a")
    (first.context / "f").write_text("2")
    changed = build(None, context=first.context)
    assert changed.read("a") == first.read("a") and changed.read("b") != first.read("b") and changed.read("f") == b"2"
    assert build(None, args=["--no-cache"], context=first.context).read("a") != first.read("a")


def test_why_a_step_missed(build, pare):
    d = build.context("FROM base\nARG V=1\nCOPY src /src\nRUN echo $V > /v\n", {"src/main.c": "a", "src/other.c": "b"})
    pare("build", "-t", "x", d)
    (d / "src/main.c").write_text("changed")
    r = pare("build", "--explain-cache", "-t", "x", d)
    assert "src/main.c" in r.err and "src/other.c" not in r.err
    r = pare("build", "--explain-cache", "--build-arg", "V=2", "-t", "x", d)
    assert "V" in r.err and "not in the cache" in r.err


def test_a_dry_run_says_what_would_run(build, pare):
    d = build.context("FROM base\nRUN echo 1 > /a\nCOPY f /f\nRUN echo 2 > /b\n", {"f": "1"})
    pare("build", "-t", "x", d)
    r = pare("build", "--dry-run", d)
    assert r.err.count("CACHED") == 3
    (d / "f").write_text("2")
    r = pare("build", "--dry-run", d)
    assert r.err.count("CACHED") == 1 and "file f" in r.err and r.out == ""
    assert pare("build", "--dry-run", d).err == r.err


def test_a_dry_run_of_stages_that_begin_alike_ends(build, pare):
    d = build.context("FROM base AS a\nRUN echo 1 >/x\nFROM base AS b\nRUN echo 1 >/x\nFROM base\nCOPY --from=a /x /a\nCOPY --from=b /x /b\n")
    assert pare("build", "--dry-run", d, timeout=30).err.count("RUN echo 1 >/x") == 2


def test_triggers_of_a_base_run_behind_from(build, pare):
    pare("build", "-t", "parent", build.context("FROM base\nONBUILD WORKDIR /app\nONBUILD WORKDIR sub\nONBUILD COPY . .\nONBUILD RUN pwd > /where\n"))
    b = build("FROM parent\nRUN cat f > /copied\n", {"f": "here"})
    assert b.read("app/sub/f") == b"here" and b.read("where") == b"/app/sub\n" and b.read("copied") == b"here"
    assert not b.config["config"].get("OnBuild") and b.config["config"]["WorkingDir"] == "/app/sub"


def test_a_failing_step_shows_its_line_its_output_and_its_status(build, pare):
    d = build.context("FROM base\nRUN true\nRUN echo the-reason; \\\n  exit 3\n")
    r = pare("build", "-t", "x", d, status=1)
    assert "the-reason" in r.err and r.err.splitlines()[-1].startswith("pare: Dockerfile:3: RUN") and "exit status 3" in r.err.splitlines()[-1]
    assert "x" not in pare("images").out.split()


@pytest.mark.parametrize("text,status,words", [
    ("FROM scratch\nCOPY nothere /\n", 3, ["Dockerfile:2", "nothere"]),
    ("FROM scratch\n\nBOGUS x\n", 3, ["Dockerfile:3", "BOGUS"]),
    ("ARG X\nFROM $X\nLABEL a=b\n", 3, ["Dockerfile:2"]),
    ("", 3, ["Dockerfile"]),
])
def test_what_is_wrong_is_named(build, pare, text, status, words):
    r = pare("build", "-t", "x", build.context(text), status=None)
    last = r.err.splitlines()[-1]
    assert r.status == status and last.startswith("pare: ") and all(w in last for w in words), r


def test_progress_plain_and_records(build, pare):
    d = build.context("FROM base\nRUN echo shown-$((40+2))\n")
    r = pare("build", "--progress=plain", "-t", "x", d)
    assert "] RUN echo shown" in r.err and "shown-42" in r.err and "DONE" in r.err
    assert "CACHED" in pare("build", "--progress=plain", "-t", "x", d).err
    records = [json.loads(line) for line in pare("build", "--no-cache", "--progress=rawjson", "-t", "x", d).err.splitlines()]
    assert any("logs" in r for r in records) and any(v.get("completed") for r in records for v in r.get("vertexes", []))


def test_control_characters_of_a_step_reach_no_terminal(build, pare):
    pare("build", "--progress=plain", "-t", "x", build.context("FROM base\nRUN printf '\\033]0;evil\\007'; exit 1\n"), status=1)


def test_outputs_agree(build, pare, tmp_path):
    d = build.context("FROM base\nRUN mkdir /o && echo data > /o/f && chmod 640 /o/f && ln -s f /o/l && ln /o/f /o/h\n")
    pare("build", "-o", "type=tar,dest=%s" % (tmp_path / "t.tar"), "-o", tmp_path / "local", d)
    with tarfile.open(tmp_path / "t.tar") as t:
        names = {e.name.rstrip("/"): e for e in t}
    assert names["o/f"].mode == 0o640 and names["o/l"].linkname == "f" and "bin/busybox" in names
    assert (tmp_path / "local/o/f").read_text() == "data\n" and (tmp_path / "local/o/f").stat().st_nlink == 2
    out = pare("build", "-o", "-", d, clean=False)
    assert out.out_bytes == (tmp_path / "t.tar").read_bytes()
    pare("build", "-o", "type=docker,dest=%s" % (tmp_path / "d.tar"), "-t", "my/app:v1", d)
    with tarfile.open(tmp_path / "d.tar") as t:
        assert json.load(t.extractfile("manifest.json"))[0]["RepoTags"] == ["my/app:v1"]


def test_files_of_local_outputs_follow_no_link(build, pare, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "local").mkdir()
    (tmp_path / "local/o").symlink_to(tmp_path / "outside")
    pare("build", "-o", tmp_path / "local", build.context("FROM base\nRUN mkdir /o && echo x > /o/f\n"))
    assert not list((tmp_path / "outside").iterdir()) and (tmp_path / "local/o/f").read_text() == "x\n"


def test_two_platforms_in_one_index(build, pare, tmp_path):
    d = build.context("FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH/a\n", {"a": "a"})
    pare("build", "--platform", "linux/amd64,linux/arm64", "-o", "type=oci,tar=false,dest=%s" % (tmp_path / "i"), d)
    index = json.loads((tmp_path / "i/index.json").read_text())["manifests"]
    assert len(index) == 1 and "index" in index[0]["mediaType"]
    inner = json.loads((tmp_path / "i/blobs" / index[0]["digest"].replace(":", "/")).read_text())["manifests"]
    assert [m["platform"]["architecture"] for m in inner] == ["amd64", "arm64"]


def test_an_image_for_another_platform_is_refused(build, pare):
    r = pare("build", "--platform", "linux/s390x", build.context("FROM base\nRUN true\n"), status=None, env={"PARE_OFFLINE": "1"})
    assert r.status in (3, 4) and "s390x" in r.err and "base" in r.err


def test_the_same_inputs_give_the_same_image(build, pare, tmp_path):
    text = "FROM base\nRUN mkdir /d && for i in 1 2 3; do echo $i > /d/$i; done; touch /d\nWORKDIR /w\nCOPY . /src\n"
    a = build(text, {"x": "1", "z/y": "2"})
    other = tmp_path / "other"
    other.mkdir()
    pare.store = tmp_path / "store2"
    fresh = Builder(pare, other)
    b = fresh(text, {"z/y": "2", "x": "1"}, args=["--no-cache"], env={"TZ": "Asia/Tokyo"})
    assert a.digest == b.digest
    late = [e.name for t in a.layers()[1:] for e in t if e.mtime > 600000000]
    assert not late
    c = fresh(None, args=["--no-cache"], context=b.context, env={"SOURCE_DATE_EPOCH": "1600000000"})
    assert c.config["created"].startswith("2020-09-13T12:26:40") and {e.mtime for e in c.layers()[-1]} == {1600000000}


def test_squash_leaves_the_base_alone(build):
    b = build("FROM base\nRUN echo 1 > /a; echo 2 > /b\nRUN rm /a\nRUN echo 3 > /c\n", args=["--squash"])
    assert len(b.manifest["layers"]) == 2 and b.read("a") is None and b.read("b") == b"2\n" and b.read("c") == b"3\n"
    assert sum(not h.get("empty_layer") for h in b.config["history"]) == 2


def test_what_stands_beside_an_image(build, pare, tmp_path):
    d = build.context("FROM base\nRUN echo 1 > /f\n")
    pare("build", "--provenance=max", "--sbom", "-o", "type=oci,tar=false,dest=%s" % (tmp_path / "o"), d)
    found = {}
    for m in json.loads((tmp_path / "o/index.json").read_text())["manifests"]:
        doc = json.loads((tmp_path / "o/blobs" / m["digest"].replace(":", "/")).read_text())
        if "artifactType" in doc:
            found[doc["artifactType"]] = json.loads((tmp_path / "o/blobs" / doc["layers"][0]["digest"].replace(":", "/")).read_text())
        else:
            image = m["digest"]
    statement = found["application/vnd.in-toto+json"]
    assert statement["subject"][0]["digest"]["sha256"] == image.split(":")[1] and statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["uri"].startswith("pkg:docker/base")
    assert found["application/spdx+json"]["spdxVersion"].startswith("SPDX-")


def test_digests_in_files(build, pare, tmp_path):
    r = pare("build", "--iidfile", tmp_path / "iid", "--metadata-file", tmp_path / "meta", "-t", "app:1", build.context("FROM scratch\nLABEL a=b\n"))
    meta = json.loads((tmp_path / "meta").read_text())
    assert (tmp_path / "iid").read_text() == r.out.strip() == meta["containerimage.digest"] and meta["image.name"] == "app:1"


def test_a_failed_build_leaves_no_digest_of_the_one_before(build, pare, tmp_path):
    (tmp_path / "iid").write_text("sha256:old")
    pare("build", "--iidfile", tmp_path / "iid", build.context("FROM base\nRUN exit 3\n"), status=1)
    assert not (tmp_path / "iid").exists()
    (tmp_path / "link").symlink_to("/proc/self/fd/2")  # as /dev/stderr is
    d = build.context("FROM scratch\nLABEL a=b\n")
    r = pare("build", "--iidfile", tmp_path / "link", d)
    assert (tmp_path / "link").is_symlink() and r.out.strip() in r.err
    assert str(tmp_path) in pare("build", "--iidfile", tmp_path, d, status=4).err and tmp_path.is_dir()


def test_checks_run_nothing(build, pare):
    r = pare("build", "--check", build.context("FROM nosuch/none\nMAINTAINER me\nRUN exit 3\n"), status=None)
    assert r.status in (0, 1) and "MaintainerDeprecated" in r.out


@pytest.mark.parametrize("args,words", [
    (["-o", "type=bogus"], "type=bogus"), (["-o", "dest=x"], "type="), (["-o", "type=oci,push=true"], "push"), (["-o", "type=oci,tar=maybe"], "tar=maybe"), (["-o", "type=image,compression=estargz"], "gzip, zstd"),
    (["-o", "type=image,compression=zstd,compression-level=20"], "level"), (["-o", "type=image,compression-level=13"], "level"), (["-o", "type=image,annotation.a=b"], "--annotation"), (["-o", "type=image,context=x"], "context"),
    (["-o", "type=local"], "dest"), (["-o", "type=oci,tar=false"], "dest"), (["-o", "-", "-o", "type=oci"], "standard output"), (["--push"], "--tag"), (["--load"], "--tag"), (["-o", "type=registry,name=UPPER"], "UPPER"),
    (["-t", "../evil"], "evil"), (["-t", "a@sha256:" + "0" * 64], "digest"), (["--platform", "linux/amd64,linux/arm64", "-o", "type=docker,dest=x"], "one platform"), (["--platform", "linux/amd64,linux/arm64", "-o", "-"], "one platform"),
    (["--platform", "linux/"], "--platform"), (["--platform", "foo"], "--platform foo"), (["--target", "zzz"], "--target zzz"), (["--build-context", "x"], "--build-context"), (["--build-arg", "=x"], "--build-arg"), (["--label", "=x"], "--label"),
    (["--annotation", "x"], "--annotation"), (["--annotation", "index:a=b"], "in no index"), (["--annotation", "index-descriptor:a=b"], "index-descriptor"), (["--cache-to", "type=local,src=x"], "src"),
    (["--cache-to", "type=registry,ref=x,image-manifest=false"], "image-manifest"), (["--cache-to", "type=registry,ref=x,ignore-error=perhaps"], "perhaps"), (["--cache-from", "type=local,src=x,digest=y"], "digest"), (["--cache-from", "type=gha"], "gha"),
    (["--secret", "src=/x"], "id="), (["--secret", "id=x,type=y"], "type=y"), (["--attest", "type=x"], "--attest"), (["--attest", "type=provenance,mode=most"], "mode="), (["--sbom=x"], "--sbom"), (["--provenance=x"], "--provenance"),
    (["--shm-size", "x"], "--shm-size"), (["--shm-size", "0"], "--shm-size"), (["--allow", "all"], "--allow"), (["--network", "x"], "--network"), (["--timeout", "0"], "--timeout 0"), (["--registry-timeout", "x"], "--registry-timeout"),
    (["--ulimit", "nofile"], "--ulimit"), (["--add-host", "x"], "--add-host"), (["--progress", "x"], "--progress"), (["--call", "outline"], "--call"), (["--blame=x"], "--blame"), (["-f", "/not/there"], "/not/there"), (["--pull=maybe"], "--pull"),
    (["--memory=1g"], "--memory"), (["--builder", "x"], "--builder"), (["--isolation=x"], "--isolation"), (["--no-such"], "--no-such"),
])
def test_wrong_options_say_so_before_anything_runs(build, pare, args, words):
    r = pare("build", *args, build.context("FROM base\nRUN exit 9\n"), status=2)
    (line,) = r.err.splitlines()
    assert line.startswith("pare: ") and words in line and r.out == "", r


def test_options_of_docker_that_ask_for_nothing_else(build, pare):
    """What is so anyway is taken; flags may have a value."""
    d = build.context("FROM base\nRUN " + STAMP % "/a" + "\n")
    first = pare("build", "--rm", "--force-rm=true", "--compress", "--pull=false", "--call=build", d).out
    assert pare("build", "--no-cache=false", d).out == first != pare("build", "--no-cache=true", d).out


def archive(path):
    with tarfile.open(path) as t:
        return {e.name: t.extractfile(e).read() for e in t if e.isfile()}


def test_every_name_is_in_the_archive(build, pare, tmp_path):
    d = build.context("FROM base\nRUN echo 1 > /f\n")
    pare("build", "-t", "my/app:v1", "-t", "other", "-o", "type=docker,dest=%s" % (tmp_path / "d.tar"), "-o", "type=oci,dest=%s" % (tmp_path / "o.tar"), "-o", "type=oci,tar=false,dest=%s" % (tmp_path / "o"), d)
    assert json.loads(archive(tmp_path / "d.tar")["manifest.json"])[0]["RepoTags"] == ["my/app:v1", "other:latest"]
    for index in json.loads(archive(tmp_path / "o.tar")["index.json"]), json.loads((tmp_path / "o/index.json").read_text()):
        assert len({m["digest"] for m in index["manifests"]}) == 1
        assert sorted(m["annotations"]["org.opencontainers.image.ref.name"] for m in index["manifests"]) == ["latest", "v1"]
    pare("build", "-t", "no", "-o", 'type=docker,dest=%s,"name=a:1,b/c:2"' % (tmp_path / "n.tar"), d)
    assert json.loads(archive(tmp_path / "n.tar")["manifest.json"])[0]["RepoTags"] == ["a:1", "b/c:2"]
    pare("build", "-o", 'type=image,"name=a:1,b/c:2"', d)
    assert {"a", "b/c"} <= set(pare("images").out.split())


def test_an_engine_gets_every_name_and_knows_the_image_by_its_id(build, pare, tmp_path, docker):
    d = build.context("FROM base\nRUN echo made > /made\nCMD [\"cat\", \"/made\"]\n")
    pare("build", "--load", "-t", "loaded/app:v1", "-t", "loaded", "--iidfile", tmp_path / "iid", "--provenance", d, env=docker.env)
    iid = (tmp_path / "iid").read_text()
    assert (iid, ("loaded/app:v1", "loaded:latest")) in [(i, tuple(sorted(names))) for i, names in docker.images()]
    assert docker.run(iid) == docker.run("loaded") == (0, "made\n")
    pare("build", "-t", "archived:1", "-t", "archived:2", "-o", "type=docker,dest=%s" % (tmp_path / "a.tar"), d)
    assert "archived:1" in docker.load(tmp_path / "a.tar")
    assert [names for i, names in docker.images() if i == iid and {"archived:1", "archived:2"} <= set(names)]
    pare("build", "-o", "type=docker,name=plain:1", d, env=docker.env)
    assert docker.run("plain:1") == (0, "made\n")


def test_names_in_registries(build, pare, registry, tmp_path):
    """Each -t, each platform, what stands beside it; and under no name at all."""
    host, d = registry.host, build.context("FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\n")
    digest = pare("build", "--push", "--platform", "linux/amd64,linux/arm64", "-t", host + "/names:1", "-t", host + "/names:2", "-t", host + "/other:3", "--sbom", d).out.strip()
    for name in "names:1", "names:2", "other:3":
        shown = json.loads(pare("manifest", "show", "--format", "json", "docker://%s/%s" % (host, name)).out)
        assert shown["digest"] == digest and [m["platform"]["architecture"] for m in shown["document"]["manifests"]] == ["amd64", "arm64"]
    alone = pare("build", "-o", "type=image,name=%s/alone,push=true,push-by-digest=true,name-canonical=true" % host, d).out.strip()
    assert not registry.get("/v2/alone/tags/list") or not registry.get("/v2/alone/tags/list")["tags"]
    assert json.loads(pare("manifest", "show", "--format", "json", "docker://%s/alone@%s" % (host, alone)).out)["digest"] == alone


def test_what_is_put_otherwise_has_its_own_digest(build, pare, tmp_path):
    """An output with other layers, or other media types: what is told is what is there."""
    d = build.context("FROM base\nRUN echo 1 > /f\n")
    plain = pare("build", d).out
    for how, what in (("compression=zstd", "layer.v1.tar+zstd"), ("oci-mediatypes=false", "docker.image.rootfs.diff.tar.gzip"), ("compression=uncompressed", "layer.v1.tar")):
        r = pare("build", "--metadata-file", tmp_path / "m", "-o", "type=oci,tar=false,dest=%s,%s" % (tmp_path / how, how), d)
        (entry,) = json.loads((tmp_path / how / "index.json").read_text())["manifests"]
        meta = json.loads((tmp_path / "m").read_text())
        assert entry["digest"] == r.out.strip() == meta["containerimage.digest"] != plain.strip() and meta["containerimage.descriptor"] == {k: entry[k] for k in ("mediaType", "digest", "size")}
        layers = json.loads((tmp_path / how / "blobs" / entry["digest"].replace(":", "/")).read_text())["layers"]
        assert layers[1]["mediaType"].endswith(what) and layers[0]["mediaType"].endswith(what if "oci" in how else "layer.v1.tar+gzip"), layers  # the base's is as it was
    pare("build", "-o", "type=image,name=z:1,compression=zstd,force-compression=true", d)
    assert all(one["media_type"].endswith("+zstd") for one in json.loads(pare("inspect", "--format", "json", "pare:z:1").out)["layers"])


def test_annotations_stand_where_they_are_asked_for(build, pare, tmp_path):
    d = build.context("FROM scratch\nARG TARGETARCH\nLABEL a=$TARGETARCH\n")
    pare("build", "--platform", "linux/amd64,linux/arm64", "--annotation", "k=http://x", "--annotation", "index,manifest-descriptor:i=1", "--annotation", "manifest[linux/arm64]:only=arm", "-o", "type=oci,tar=false,dest=%s" % (tmp_path / "i"), d)
    blob = lambda m: json.loads((tmp_path / "i/blobs" / m["digest"].replace(":", "/")).read_text())
    index = blob(json.loads((tmp_path / "i/index.json").read_text())["manifests"][0])
    assert index["annotations"] == {"i": "1"} and [m["annotations"] for m in index["manifests"]] == [{"i": "1"}] * 2
    assert [blob(m)["annotations"] for m in index["manifests"]] == [{"k": "http://x"}, {"k": "http://x", "only": "arm"}]


def test_files_of_several_platforms(build, pare, tmp_path):
    d = build.context("FROM scratch\nARG TARGETARCH\nCOPY a /$TARGETARCH\n", {"a": "a"})
    pare("build", "--platform", "linux/amd64,linux/arm64", "-o", tmp_path / "l", d)
    assert sorted(str(p.relative_to(tmp_path / "l")) for p in (tmp_path / "l").rglob("*") if p.is_file()) == ["linux_amd64/amd64", "linux_arm64/arm64"]


def test_only_what_the_target_needs_is_built(build):
    b = build("FROM base AS bad\nRUN exit 9\nFROM nosuch/image:never AS worse\nRUN true\nFROM base AS good\nRUN echo 1 > /f\nFROM good\n")
    assert b.read("f") == b"1\n"


def test_a_base_of_a_layout_by_a_named_context(build, tmp_path):
    base_image(config={"User": "app"}).oci(tmp_path / "other")
    digest = json.loads((tmp_path / "other/index.json").read_text())["manifests"][0]["digest"]
    for which in ":latest", "@" + digest, ":any@" + digest:
        b = build("FROM other\nUSER root\nRUN echo 1 > /f\n", args=["--build-context", "other=oci-layout://%s%s" % (tmp_path / "other", which)])
        assert b.read("f") == b"1\n"
    assert "0000" in build.pare("build", "--build-context", "other=oci-layout://%s@sha256:%s" % (tmp_path / "other", "0" * 64), build.context("FROM other\n"), status=None).err


def test_a_base_of_files_by_a_named_context(build, tmp_path):
    files = tmp_path / "files"
    (files / "etc").mkdir(parents=True)
    (files / "etc/x").write_text("from files\n")
    b = build("FROM files AS one\nCOPY f /f\nFROM one\nLABEL a=b\n", {"f": "1"}, args=["--build-context", "files=%s" % files])
    assert b.read("etc/x") == b"from files\n" and b.read("f") == b"1" and len(b.manifest["layers"]) == 2


def test_a_named_context_stands_for_the_image_however_it_is_spelled(build, tmp_path):
    base_image(config={"User": "app"}).oci(tmp_path / "other")
    args = ["--build-context", "nosuch=%s" % tmp_path, "--build-context", "docker.io/library/nosuch:latest=oci-layout://%s:latest" % (tmp_path / "other")]
    assert build("FROM nosuch\nLABEL a=b\n", args=args).config["config"]["User"] == "app"
    files = tmp_path / "files"
    files.mkdir()
    (files / "f").write_text("theirs")
    b = build("FROM scratch\nCOPY --from=docker.io/nosuch f /f\n", {"f": "ours"}, args=["--build-context", "nosuch:latest=%s" % files])
    assert b.read("f") == b"theirs"


def test_a_named_context_stands_for_a_stage(build, tmp_path):
    base_image(config={"Labels": {"is": "theirs"}}).oci(tmp_path / "other")
    text = "FROM nosuch/image AS lower\nFROM lower AS Mid\nRUN exit 9\nENV GONE=1\nFROM mid\nCOPY --from=1 /etc/passwd /copied\n"
    b = build(text, args=["--build-context", "mid=oci-layout://%s:latest" % (tmp_path / "other")])
    assert b.config["config"]["Labels"] == {"is": "theirs"} and b.read("copied") and "GONE" not in "".join(b.config["config"]["Env"])
    files = tmp_path / "files"
    files.mkdir()
    (files / "f").write_text("theirs")
    assert build(text.replace("/etc/passwd", "/f"), args=["--build-context", "mid=%s" % files]).read("copied") == b"theirs"


def test_a_killed_build_leaves_nothing_that_runs(build, pare):
    d = build.context("FROM base\nRUN sleep 54321.5\n")
    with pytest.raises(subprocess.TimeoutExpired):
        pare("build", "-t", "x", d, timeout=3)
    assert subprocess.run(["pgrep", "-f", "^sleep 54321[.]5"], stdout=subprocess.PIPE).stdout == b""
    assert "x" not in pare("images").out.split()


def test_what_is_not_reproducible_is_named(build, pare):
    good = build.context("FROM base\nRUN date > /dev/null; echo 1 > /f; mkdir /d; touch /d/x\nCOPY f /g\n", {"f": "f"})
    pare("build", "--verify-reproducible", "-t", "good", good)
    assert "good" in pare("images").out
    for step, what in (("echo same > /a; hostname > /var/h", "/var/h"), ("date +%N-%s > /stamp", "/stamp"), ("cat /proc/sys/kernel/random/uuid > /id; ln -s x /l", "/id"), ("umask > /u; nproc > /n || true; date +%s > /z", "/z")):
        r = pare("build", "--verify-reproducible", "-t", "bad", build.context("FROM base\nRUN echo fine > /fine\nRUN %s\nRUN cat /fine > /more\n" % step), status=1)
        assert what + ":" in r.err.splitlines()[-1] and "Dockerfile:3" in r.err.splitlines()[-1], r
    assert "bad" not in pare("images").out


def test_the_order_of_directories_and_the_age_of_the_machine(build, pare):
    """Of the second build they are others, and all is there all the same: in any order, in as many pieces as it takes, and once."""
    good = build.context("FROM base\nRUN mkdir /d && cd /d && seq 5000 | xargs touch && find . | wc -l > /n && find . | sort > /s && ls > /l && rm -rf 1 2* && ls | sha256sum > /m && cp -r /d /e && rm -rf /d/*\n"
                         "COPY --from=base /bin /b\nRUN find /b /e | sort | sha256sum > /t\n")
    pare("build", "--verify-reproducible", "-t", "good", good)
    assert pare("run", "pare:good", "cat", "/n").out == "5001\n"
    assert pare("run", "pare:good", "sh", "-c", "wc -l < /s; cat /n").out == "5001\n5001\n"
    for step, what in (("cd /d; find . > /o", "/o"), ("tar cf /a.tar /d", "/a.tar"), ("awk '{ print int($1 / 1000000) }' /proc/uptime > /up", "/up")):
        r = pare("build", "--verify-reproducible", build.context("FROM base\nRUN mkdir /d; for i in $(seq 30); do echo $i > /d/$i; done\nRUN %s\n" % step), status=1)
        assert what + ":" in r.err.splitlines()[-1] and "Dockerfile:3" in r.err.splitlines()[-1], r


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d/%m/%Y", "%b %e %Y", "%Y%m%d"])
def test_the_day_of_a_build_is_told_of(build, pare, form):
    """Two builds of one day agree in it; a word says that another day's may not."""
    r = pare("build", "--verify-reproducible", "-t", "x", build.context("FROM base\nRUN echo 1 > /one\nRUN echo fine > /a; date +'built %s.' > /b\n" % form))
    assert "pare: not found to differ, but Dockerfile:3: RUN echo fine" in r.err and r.err.splitlines()[0].endswith(": /b names the day of this build") and "x" in pare("images").out, r


def test_which_line_wrote_what(build, pare):
    d = build.context("FROM base\nRUN head -c 300000 /dev/zero > /big; head -c 1000 /dev/zero > /small\nCOPY f /f\nRUN rm /big\n", {"f": "12345"})
    r = pare("build", "--blame", "-t", "x", d)
    rows = {line.split("Dockerfile:")[1].split()[0]: line.split() for line in r.out.splitlines() if "Dockerfile:" in line}
    assert rows["2"][:5] == ["301", "kB", "1.00", "kB", "1"] and rows["3"][:4] == ["5", "B", "5", "B"], r
    assert "base image" in r.out
    doc = json.loads(pare("build", "--blame=json", "-t", "x", d).out)
    files = {f["path"]: f for f in doc["files"]}
    assert files["/f"]["place"] == "Dockerfile:3" and files["/small"]["place"] == "Dockerfile:2" and files["/bin/busybox"]["place"] is None and "/big" not in files


def arm64_program(path, text):
    """Linux, arm64: writes `text` to the file `path` and ends."""
    name, at = path.encode() + b"\0", 14 * 4
    name += b"\0" * (-len(name) % 4)

    def adr(register, here, there):
        return 0x10000000 | ((there - here) >> 2 & 0x7FFFF) << 5 | register

    def mov(register, value):
        return 0xD2800000 | value << 5 | register

    code = [0x92800000 | 99 << 5, adr(1, 4, at), mov(2, 0o101), mov(3, 0o644), mov(8, 56), 0xD4000001,  # openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0644)
            adr(1, 24, at + len(name)), mov(2, len(text)), mov(8, 64), 0xD4000001, mov(0, 0), mov(8, 93), 0xD4000001, 0xD503201F]  # write, exit(0)
    body = struct.pack("<14I", *code) + name + text
    start, size = 64 + 56, 64 + 56 + len(body)
    return (b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0x400000 + start, 64, 0, 0, 64, 56, 1, 64, 0, 0) +
            struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, size, size, 0x10000) + body)


def test_steps_for_another_architecture_are_emulated(build, pare, tmp_path):
    if not shutil.which("qemu-aarch64-static"):
        pytest.skip("no qemu (Debian: qemu-user-static)")
    d = build.context("FROM scratch\nCOPY --chmod=755 hello /hello\nRUN [\"/hello\"]\nCMD [\"/hello\"]\n", {"hello": arm64_program("/made", b"on arm64\n")})
    r = pare("build", "--platform", "linux/arm64", "-t", "foreign", "-o", tmp_path / "o", d, status=None)
    if r.status == 4 and "kernel" in r.err:
        pytest.skip("neither the machine nor its kernel has a handler")
    assert r.status == 0 and (tmp_path / "o/made").read_text() == "on arm64\n", r


def test_an_archive_is_the_same_file_each_time(build, pare, tmp_path):
    d = build.context("FROM base\n" + "".join("RUN seq %d > /f%d\n" % (n * 1000, n) for n in range(1, 5)))
    for n in range(3):
        pare("build", "-o", "type=oci,dest=%s" % (tmp_path / ("a%d.tar" % n)), d)
    assert (tmp_path / "a0.tar").read_bytes() == (tmp_path / "a1.tar").read_bytes() == (tmp_path / "a2.tar").read_bytes()


def test_layers_of_zeros_can_be_read_again(build, pare, tmp_path):
    """What a step may well make (an empty file of more than a gigabyte) is no bomb, however small it becomes."""
    d = build.context("FROM base\nRUN dd of=/f bs=1 count=0 seek=1500000000 2>/dev/null\nRUN stat -c %s /f >/s\n")
    for compression in ("gzip", "zstd"):
        pare("build", "-o", "type=oci,compression=%s,dest=%s" % (compression, tmp_path / "o.tar"), d)
        shown = json.loads(pare("inspect", "--format", "json", "oci-archive:%s" % (tmp_path / "o.tar")).out)
        assert shown["incomplete"] == [] and shown["layers"][1]["size"] > 1500000000


def test_a_registry_with_certificates_and_passwords(build, pare, tmp_path):
    """Bases, results and the cache: all of them go by the same options."""
    with Registry(auth=("me", "secret"), tls=True) as r:
        certs = ["--cert-dir", "%s/%s" % (r.certs_d(tmp_path / "certs"), r.host)]
        pare("copy", *certs, "--creds", "me:secret", "oci:%s:latest" % (tmp_path / "base"), "docker://%s/base:1" % r.host)
        d = build.context("FROM %s/base:1\nRUN " % r.host + STAMP % "/a" + "\n")
        assert "401" in pare("build", *certs, d, status=4).err or r.host in pare("build", *certs, d, status=4).err
        assert r.host in pare("build", "--creds", "me:secret", "--attempts", "1", d, status=4).err  # nobody knows who signed that
        pushed = pare("build", *certs, "--creds", "me:secret", "--push", "-t", r.host + "/app:1", "--cache-to", "type=registry,ref=%s/cache:1" % r.host, d).out
        there = {"PARE_STORE": tmp_path / "there"}
        again = pare("build", "--tls-verify=false", "--creds", "me:secret", "--cache-from", "type=registry,ref=%s/cache:1" % r.host, "--progress=plain", d, env=there)
        assert again.out == pushed and "CACHED" in again.err
        assert json.loads(pare("manifest", "show", *certs, "--creds", "me:secret", "--format", "json", "docker://%s/app:1" % r.host).out)["digest"] == pushed.strip()


def test_a_policy_says_which_bases_may_be_used(build, pare, registry, tmp_path):
    for name in "ok", "other":
        pare("copy", "oci:%s:latest" % (tmp_path / "base"), "docker://%s/%s/base:1" % (registry.host, name))
    (tmp_path / "policy.toml").write_text('default = "deny"\n[[rule]]\nmatch = ["%s/ok/*"]\naction = "allow"\n' % registry.host)
    for name, status in ("other", 1), ("ok", 0):
        r = pare("build", "--policy", tmp_path / "policy.toml", build.context("FROM %s/%s/base:1\nRUN echo 1 > /f\n" % (registry.host, name)), status=status)
        assert status == 0 or "%s/other/base" % registry.host in r.err.splitlines()[-1], r
