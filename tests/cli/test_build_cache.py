"""The build cache as users meet it: on another machine, in the way of `pare prune`, after a kill; and that the same inputs give the same image."""
import io
import json
import os
import struct
import tarfile

import pytest

from buildlib import Builder, base_image, build  # noqa: F401
from imagelib import File

STAMP = "cat /proc/sys/kernel/random/uuid > %s"
TWO = "FROM base AS one\nRUN " + STAMP % "/a" + "\nFROM base\nCOPY f /f\nRUN " + STAMP % "/b" + "\nCOPY --from=one /a /a\n"


def elsewhere(build, tmp_path, name):
    """The same base image in a store of another machine."""
    store = tmp_path / name
    build.pare("copy", "oci:%s:latest" % (tmp_path / "base"), "pare:base", env={"PARE_STORE": str(store)})
    return {"env": {"PARE_STORE": str(store)}}


def ran(r):
    return [line for line in r.err.splitlines() if line.endswith("CACHED")]


@pytest.mark.parametrize("mode, hits", [("max", 4), ("min", 2)])
def test_a_cache_goes_to_another_machine(build, tmp_path, mode, hits):
    cache = tmp_path / "cache"
    first = build(TWO, {"f": "1"}, args=["--cache-to", "type=local,mode=%s,dest=%s" % (mode, cache)])
    there = elsewhere(build, tmp_path, "there")
    again = build(None, context=first.context, args=["--progress", "plain", "--cache-from", "type=local,src=%s" % cache], **there)
    assert len(ran(again.result)) == hits
    assert again.read("b") == first.read("b") and (again.read("a") == first.read("a")) == (mode == "max")
    if mode == "max":
        assert again.digest == first.digest
    own = build(None, context=first.context, **there)  # what came is its own now
    assert own.digest == again.digest


def test_cache_mounts_go_along(build, tmp_path):
    """With mounts=true what is in a cache mount is there on the other machine, with its owners and modes; without it is not."""
    cache = tmp_path / "cache"
    text = "FROM base\nARG N\nRUN --mount=type=cache,target=/k,mode=0750,uid=8 echo $N >> /k/log; mkdir -p /k/d; echo 1 > /k/d/f; chown 1000:1001 /k/d/f; chmod 600 /k/d/f; ln -sf d/f /k/l; cat /k/log > /n; stat -c '%a %u %g' /k /k/d/f /k/l > /s\n"
    first = build(text, args=["--build-arg", "N=1", "--cache-to", "type=local,mode=max,mounts=true,dest=%s" % cache])
    for mounts in (True, False):
        there = elsewhere(build, tmp_path, "there-%d" % mounts)
        again = build(None, context=first.context, args=["--build-arg", "N=2", "--cache-from", "type=local,src=%s%s" % (cache, ",mounts=true" if mounts else "")], **there)
        assert again.read("n") == (b"1\n2\n" if mounts else b"2\n") and again.read("s") == first.read("s")


def test_a_cache_that_is_not_there_is_said(build, tmp_path):
    r = build("FROM base\nRUN true\n", args=["--progress", "plain", "--cache-from", "type=local,src=%s" % (tmp_path / "nowhere")]).result
    assert "nowhere" in r.err


@pytest.mark.parametrize("spec", ["type=inline", "type=gha", "type=local", "type=local,dest=x,mode=most"])
def test_caches_that_there_are_not(build, tmp_path, spec):
    d = build.context("FROM base\nRUN true\n")
    r = build.pare("build", "--cache-to", spec, d, status=2, cwd=tmp_path)
    assert len([line for line in r.err.splitlines() if line.startswith("pare: --cache-to")]) == 1


def test_a_cache_in_a_registry(build, tmp_path, registry):
    ref = registry.ref("cache") if hasattr(registry, "ref") else "%s/build/cache:main" % registry.host
    first = build(TWO, {"f": "1"}, args=["--cache-to", "type=registry,mode=max,ref=" + ref])
    there = elsewhere(build, tmp_path, "there")
    assert build(None, context=first.context, args=["--cache-from", ref], **there).digest == first.digest


def test_words_of_buildkit_for_a_cache_in_a_registry(build, tmp_path, registry):
    """What Actions and scripts say of BuildKit's form of a cache is taken where ours is that."""
    ref = "%s/build/words:main" % registry.host
    first = build(TWO, {"f": "1"}, args=["--cache-to", "type=registry,mode=max,image-manifest=true,oci-mediatypes=true,compression=gzip,ignore-error=false,ref=" + ref])
    again = build(None, context=first.context, args=["--progress", "plain", "--cache-from", "type=registry,registry.insecure=true,ref=" + ref], **elsewhere(build, tmp_path, "there"))
    assert len(ran(again.result)) == 4 and again.digest == first.digest
    nowhere = "type=registry,ref=127.0.0.1:1/x/y%s"
    assert build(None, context=first.context, args=["--attempts", "1", "--cache-to", nowhere % ",ignore-error=true"]).ok
    assert "127.0.0.1:1" in build.pare("build", "--attempts", "1", "--cache-to", nowhere % "", first.context, status=4).err


def test_what_was_changed_on_the_way_is_not_taken(build, tmp_path):
    """A record that names another content than its blob has: the step runs."""
    cache = tmp_path / "cache"
    first = build("FROM base\nRUN " + STAMP % "/a" + "\n", args=["--cache-to", "type=local,mode=max,dest=%s" % cache])
    index = json.loads((cache / "index.json").read_text())
    blob = lambda d: cache / "blobs" / d.replace(":", "/")
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    layer = blob(manifest["layers"][0]["digest"])
    layer.write_bytes(b"x" * layer.stat().st_size)
    again = build(None, context=first.context, args=["--progress", "plain", "--cache-from", "type=local,src=%s" % cache], **elsewhere(build, tmp_path, "there"))
    assert not ran(again.result) and again.read("a") != first.read("a")


# --- why not ---
def text(*lines):
    return "".join(x + "\n" for x in lines)


MISSES = {  # what is there at first; what changes; arguments of the first build, of the second; why the first step that misses does
    "content": ({"Dockerfile": "FROM base\nCOPY . /s\n", "a/b": "1", "c": "1"}, {"a/b": "2"}, [], [], "file a/b changed"),
    "added": ({"Dockerfile": "FROM base\nCOPY d /s\n", "d/a": "1"}, {"d/b": "2"}, [], [], "file d/b is new"),
    "removed": ({"Dockerfile": "FROM base\nCOPY d /s\n", "d/a": "1", "d/b": "2"}, {"d/b": None}, [], [], "file d/b is gone"),
    "many": ({"Dockerfile": "FROM base\nCOPY d /s\n", **{"d/%d" % i: "1" for i in range(6)}}, {"d/%d" % i: "2" for i in range(6)}, [], [], "file d/0 changed; file d/1 changed; file d/2 changed; and 3 more files"),
    "ignored": ({"Dockerfile": "FROM base\nCOPY d /s\n", "d/a": "1", "d/b": "1"}, {".dockerignore": "d/b\n"}, [], [], "file d/b is gone"),
    "destination": ({"Dockerfile": "FROM base\nCOPY d /s\n", "d": "1"}, {"Dockerfile": "FROM base\nCOPY d /t\n"}, [], [], 'destination was "/s", is "/t"'),
    "argument": ({"Dockerfile": "FROM base\nARG V=1\nRUN true\n"}, {}, [], ["--build-arg", "V=2"], 'variable V was "1", is "2"'),
    "environment": ({"Dockerfile": "FROM base\nENV V=1\nRUN true\n"}, {"Dockerfile": "FROM base\nRUN true\n"}, [], [], 'variable V "1" is gone'),
    "command": ({"Dockerfile": "FROM base\nRUN echo 1\n"}, {"Dockerfile": "FROM base\nRUN echo 2\n"}, [], [], 'command was "echo 1", is "echo 2"'),
    "shell": ({"Dockerfile": "FROM base\nRUN echo 1\n"}, {"Dockerfile": 'FROM base\nSHELL ["sh", "-e", "-c"]\nRUN echo 1\n'}, [], [], 'command was "/bin/sh", is "sh -e"'),
    "user": ({"Dockerfile": "FROM base\nRUN echo 1\n"}, {"Dockerfile": "FROM base\nUSER app\nRUN echo 1\n"}, [], [], 'user was "", is "app"'),
    "script": ({"Dockerfile": text("FROM base", "RUN <<E", "echo 1", "echo 2", "E")}, {"Dockerfile": text("FROM base", "RUN <<E", "echo 1", "echo 3", "E")}, [], [], 'command, line 2, was "echo 2", is "echo 3"'),
    "text": ({"Dockerfile": text("FROM base", "COPY <<E /e", "1", "2", "E")}, {"Dockerfile": text("FROM base", "COPY <<E /e", "1", "E")}, [], [], 'text E, line 2, was "2", is ""'),
    "mount": ({"Dockerfile": "FROM base\nRUN --mount=target=/m cat /m/f\n", "f": "1"}, {"f": "2"}, [], [], "file f changed"),
    "cache mount": ({"Dockerfile": "FROM base\nRUN --mount=type=cache,id=a,target=/c true\n"}, {"Dockerfile": "FROM base\nRUN --mount=type=cache,id=b,target=/c true\n"}, [], [], 'mount id was "a", is "b"'),
    "network": ({"Dockerfile": "FROM base\nRUN true\n"}, {}, [], ["--network", "none"], 'network was "host", is "none"'),
    "hosts": ({"Dockerfile": "FROM base\nRUN true\n"}, {}, [], ["--add-host", "a:10.0.0.1"], '--add-host "a:10.0.0.1" is new'),
    "stage": ({"Dockerfile": "FROM base AS a\nCOPY f /f\nFROM a\nRUN true\n", "f": "1"}, {"f": "2"}, [], [], "file f changed"),
    "another step": ({"Dockerfile": "FROM base\nRUN echo 1\n"}, {"Dockerfile": "FROM base\nWORKDIR /w\nRUN echo 1\n"}, [], [], "RUN echo 1 stood in its place"),
    "not asked": ({"Dockerfile": "FROM base\nRUN true\n"}, {}, [], ["--no-cache"], "it was not asked: --no-cache"),
    "not asked of a stage": ({"Dockerfile": "FROM base AS x\nRUN true\n"}, {}, [], ["--no-cache-filter", "x"], "it was not asked: --no-cache-filter"),
}


def why(r):
    return [line[len("   not in the cache: "):] for line in r.err.splitlines() if line.startswith("   not in the cache: ")]


def write(d, files):
    for name, content in files.items():
        (d / name).unlink() if content is None else (d / name).write_text(content)


@pytest.mark.parametrize("kind", MISSES)
def test_why_it_missed(build, pare, kind):
    """In one line, and a dry run says the same."""
    before, after, first, second, reason = MISSES[kind]
    d = build.context(None, before)
    pare("build", *first, d)
    write(d, after)
    dry = why(pare("build", "--dry-run", *second, d))
    assert why(pare("build", "--explain-cache", "--progress=plain", *second, d))[0] == dry[0] == reason


def test_another_base_is_why_it_missed(build, pare, tmp_path):
    """What the step stands on is told apart from steps before it."""
    base_image(extra=[File("other", b"1")]).oci(tmp_path / "other")
    d = build.context("FROM b AS a\nRUN echo 1 >/a\nFROM a\nRUN echo 2 >/b\nRUN echo 3\n")
    pare("build", "--build-context", "b=oci-layout://%s" % (tmp_path / "base"), d)
    r = pare("build", "--explain-cache", "--progress=plain", "--build-context", "b=oci-layout://%s" % (tmp_path / "other"), d)
    assert why(r) == ["the base image changed", "the stage that it is built on changed", "a step before it changed"]


def test_no_time_of_files_is_not_that_time(build):
    """SOURCE_DATE_EPOCH of the time that files have without it: it cuts those that are later, and no step without it does."""
    d = build.context("FROM base\nRUN touch -d '2001-01-01 00:00:00' /f\n")
    assert build(None, context=d).entries()["f"].mtime == 978307200
    assert build(None, context=d, env={"SOURCE_DATE_EPOCH": "499162500"}).entries()["f"].mtime == 499162500


# --- pruning ---
def test_prune_takes_the_cache_and_leaves_the_image(build, pare):
    text = "FROM base\nRUN --mount=type=cache,target=/k " + STAMP % "/k/f" + "\nRUN " + STAMP % "/a" + "\n"
    first = build(text)
    pare("build", "-t", "kept", first.context)
    kept = pare("run", "pare:kept", "--", "cat", "/a").out
    stays = pare("prune", "--dry-run", "--no-cache").out
    assert "cache" not in stays
    goes = pare("prune", "--dry-run", "--format", "json").out
    kinds = [(i["kind"], i["name"]) for i in json.loads(goes)["items"] if i["goes"]]
    assert any("tree of a build" in n for k, n in kinds) and any("cache mount /k" in n for k, n in kinds) and any("RUN" in n for k, n in kinds)
    assert "Freed" in pare("prune").out
    assert pare("run", "pare:kept", "--", "cat", "/a").out == kept
    assert not [i for i in json.loads(pare("prune", "--dry-run", "--format", "json").out)["items"] if i["kind"] == "cache"]
    pare("store", "check")
    again = build(None, context=first.context, args=["--progress", "plain"])
    assert not ran(again.result) and again.read("a") != first.read("a")


def test_layers_of_the_cache_outlive_their_image(build, pare):
    d = build.context("FROM base\nRUN " + STAMP % "/a" + "\n")
    pare("build", "-t", "gone", d)
    first = build(None, context=d)
    pare("rm", "gone")
    pare("prune", "--no-cache")
    assert build(None, context=d).digest == first.digest


def test_keep_storage_takes_the_cache_before_images(build, pare):
    d = build.context("FROM base\nRUN dd if=/dev/urandom of=/big bs=1024 count=300\nRUN rm /big\n")
    pare("build", "-t", "app", d)
    goes = json.loads(pare("prune", "--dry-run", "--all", "--keep-storage", "1GB", "--format", "json").out)["items"]
    assert not [i for i in goes if i["goes"] and i["kind"] == "cache"]
    goes = json.loads(pare("prune", "--dry-run", "--keep-storage", "1kB", "--format", "json").out)["items"]
    assert [i for i in goes if i["goes"] and i["kind"] == "cache"] and not [i for i in goes if i["goes"] and i["kind"] == "image"]


def test_du_names_what_builds_left(build, pare):
    build("FROM base\nRUN echo 1 > /a\n")
    places = {p["name"] for p in json.loads(pare("du", "--format", "json").out)["places"]}
    assert "build/trees" in places and "build/last" in places


def test_what_a_killed_build_left_goes(build, pare):
    first = build("FROM base\nRUN " + STAMP % "/a" + "\n")
    trees = pare.store / "build" / "trees"
    (ids,) = trees.iterdir()
    left = ids / "new-abcdefgh"
    (left / "tree" / "x").mkdir(parents=True)
    stale = trees / "root-000000000000" / "full-" / "tree"
    stale.mkdir(parents=True)
    assert build("FROM base\nRUN echo 2 > /b\n").ok
    assert not left.exists() and not stale.parent.parent.exists()
    assert build(None, context=first.context).digest == first.digest


# --- the same bytes ---
def test_byte_code_stays_valid(build):
    """Python's byte code names the time of its source, which is not the clock's in the image."""
    head = "".join("\\%03o" % b for b in b"\xa7\r\r\n\0\0\0\0")
    script = "mkdir -p /m/__pycache__; echo pass > /m/a.py; t=$(stat -c %Y /m/a.py); "
    script += "h=$(printf %08x $t); printf '" + head + "' > /m/__pycache__/a.cpython-311.pyc; "
    script += "for i in 7 5 3 1; do printf \"\\\\x$(echo $h | cut -c$i-$((i+1)))\" >> /m/__pycache__/a.cpython-311.pyc; done; printf 'xxxxcode' >> /m/__pycache__/a.cpython-311.pyc"
    b = build(None, context=build.context(None, {"s.sh": script, "Dockerfile": "FROM base\nCOPY s.sh /\nRUN sh /s.sh\n"}))
    code, source = b.read("m/__pycache__/a.cpython-311.pyc"), b.entries()["m/a.py"]
    assert code[:4] == b"\xa7\r\r\n" and struct.unpack("<I", code[8:12])[0] == source.mtime == 499162500


def test_times_are_no_clock(build):
    b = build("FROM base\nRUN true\nRUN echo 1 > /a && mkdir /d && ln -s a /l && touch -t 200001010000 /old\n")
    assert {n: e.mtime for n, e in b.entries().items()} == {"a": 499162500, "d": 499162500, "l": 499162500, "old": 946684800}
    b = build(None, context=b.context, env={"SOURCE_DATE_EPOCH": "900000000"})
    assert {n: e.mtime for n, e in b.entries().items()} == {"a": 900000000, "d": 900000000, "l": 900000000, "old": 900000000}


def test_what_is_as_it_was_is_in_no_layer(build):
    b = build("FROM base\nRUN echo 0 > /0\nRUN chmod 600 /etc/passwd && chmod 644 /etc/passwd && echo x > /etc/tmp && rm /etc/tmp\nRUN echo 1 > /a\n")
    assert len(b.manifest["layers"]) == 3
    history = [h for h in b.config["history"] if "chmod" in h["created_by"]]
    assert history[0]["empty_layer"] is True


def test_a_name_that_no_layer_can_hold(build):
    d = build.context("FROM base\nRUN echo 1 > /.wh.a\n")
    r = build.pare("build", d, status=3)
    assert "/.wh.a" in r.err


def test_squash_leaves_nothing_hidden(build):
    b = build("FROM base\nRUN echo secret > /s && mkdir /d && echo 1 > /d/f\nRUN rm /s && rm -r /home && ln /d/f /g\n", args=["--squash"])
    assert len(b.manifest["layers"]) == 2
    e = b.entries()
    assert "s" not in e and ".wh.home" in e and b.read("d/f") == b"1\n" and e["g"].islnk()


def test_why_is_only_told_who_asks(build):
    d = build.context("FROM base\nRUN true\n")
    for args in (("--no-cache",), ()):
        assert "not in the cache" not in build.pare("build", "--progress=plain", *args, d).err
    assert "not in the cache: it was not asked" in build.pare("build", "--progress=plain", "--no-cache", "--explain-cache", d).err
