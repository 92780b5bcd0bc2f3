"""pare inspect: every option, every format, every way to fail."""
import gzip
import json
import os
import random
import signal
import subprocess
import time

import pytest

import schemalib
from imagelib import (Device, Dir, Fifo, File, Hardlink, Image, Opaque, Symlink, Whiteout, compress, index_layout, layer, sha256, write_files, write_tar)

BASE = layer(Dir("etc"), File("etc/motd", b"hello\n"), Dir("tmp", 0o1777), File("tmp/cache", b"x" * 5000), Dir("usr"), Dir("usr/lib"), Symlink("lib", "usr/lib"),
             File("usr/lib/a.so", b"y" * 3000, mode=0o755), Hardlink("usr/lib/b.so", "usr/lib/a.so"))
TOP = layer(Whiteout("tmp/cache"), File("lib/c.so", b"z" * 100, uid=7, gid=8), File("etc/motd", b"bye\n"), Dir("usr/lib", 0o700))
LAST = layer(File("etc/motd", b"bye\n", mode=0o600), Opaque("tmp"), File("tmp/own", b"1"))
TREE = """\
d	0755	0	0	0	0	/etc
f	0600	0	0	4	2	/etc/motd
l	0777	0	0	0	0	/lib	-> usr/lib
d	1777	0	0	0	0	/tmp
f	0644	0	0	1	2	/tmp/own
d	0755	0	0	0	0	/usr
d	0700	0	0	0	1	/usr/lib
f	0755	0	0	3000	0	/usr/lib/a.so
f	0755	0	0	3000	0	/usr/lib/b.so
f	0644	7	8	100	1	/usr/lib/c.so
"""
WASTE = [("/tmp/cache", 5000, 0, 1, "deleted"), ("/etc/motd", 6, 0, 1, "overwritten"), ("/etc/motd", 4, 1, 2, "metadata-only")]


def example():
    return Image([BASE, TOP, LAST], history=["ADD rootfs /", ("CMD [\"sh\"]", True), "RUN /bin/sh -c rm /tmp/cache # buildkit", "COPY own /tmp/"])


@pytest.fixture
def archive(tmp_path):
    example().docker_archive(tmp_path / "image.tar", form="legacy")
    return tmp_path / "image.tar"


def waste_of(doc):
    return [(i["path"], i["bytes"], i["layer"], i["by_layer"], i["reason"]) for i in doc["waste"]["items"]]


# ---------------------------------------------------------------- formats

def test_json(pare, archive):
    doc = pare("inspect", "--format", "json", archive).json()
    schemalib.check(doc, "inspect")
    assert doc["image"]["reference"] == "example:latest" and doc["image"]["platform"] == "linux/amd64" and doc["image"]["size"] == 8115
    assert doc["image"]["config_digest"] == "sha256:" + sha256(example().config_bytes)
    assert [(x["index"], x["diff_id"], x["size"], x["empty"]) for x in doc["layers"]] == [(i, "sha256:" + sha256(d), len(d), False) for i, d in enumerate((BASE, TOP, LAST))]
    assert [x["command"] for x in doc["layers"]] == ["ADD rootfs /", "RUN /bin/sh -c rm /tmp/cache # buildkit", "COPY own /tmp/"]
    assert [(x["added"], x["changed"], x["removed"]) for x in doc["layers"]] == [(9, 0, 0), (1, 2, 1), (1, 1, 0)]
    assert waste_of(doc) == WASTE and doc["waste"]["bytes"] == 5010 and doc["waste"]["efficiency"] == pytest.approx(3105 / 8115)
    assert doc["waste"]["stored"] == 8115 and doc["waste"]["visible"] == 3105
    assert doc["dive"]["size"] == 8115 and doc["incomplete"] == []
    assert "files" not in doc and "packages" not in doc


def test_json_with_files(pare, archive):
    doc = pare("inspect", "-f", "json", "--files", archive).json()
    schemalib.check(doc, "inspect")
    got = ["%s\t%04o\t%d\t%d\t%d\t%d\t%s%s\n" % (f["type"], f["mode"], f["uid"], f["gid"], f["size"], f["layer"], f["path"], "\t-> " + f["target"] if "target" in f else "") for f in doc["files"]]
    assert "".join(got) == TREE
    assert [f["path"] for f in pare("inspect", "-f", "json", "--files", "--path", "*.so", "--top", "2", archive).json()["files"]] == ["/usr/lib/a.so", "/usr/lib/b.so"]


def test_tsv(pare, archive):
    assert pare("inspect", "--files", "--format", "tsv", archive).out == TREE
    assert pare("inspect", "--files", "--format=tsv", "--layer", "1", archive).out == "".join(x for x in TREE.splitlines(True) if x.split("\t")[5] == "1")
    assert pare("inspect", "--files", "-ftsv", "--path", "/usr/**", archive).out == "".join(TREE.splitlines(True)[6:])
    assert pare("inspect", "--files", "-f", "tsv", "-n3", archive).out == "".join(TREE.splitlines(True)[:3])
    assert pare("inspect", "--files", "--format", "tsv", "--path", "nothing", archive).out == ""


def test_table(pare, archive):
    out = pare("inspect", archive).out
    for part in ("example:latest", "8.12 kB stored", "3 layers", "RUN rm /tmp/cache", "COPY own /tmp/", "5.00 kB", "/tmp/cache", "deleted", "metadata-only", "as dive counts"):
        assert part in out, part
    assert "\x1b" not in out  # no terminal, no colours
    shorter = pare("inspect", "--top", "1", archive).out
    assert "/tmp/cache" in shorter and "/etc/motd" not in shorter and "2 more" in shorter
    assert "/etc/motd" in pare("inspect", "--path", "/etc/*", archive).out


def test_files_table(pare, archive):
    out = pare("inspect", "--files", archive).out
    assert "drwxrwxrwt" in out and "lrwxrwxrwx" in out and "/lib -> usr/lib" in out and "7:8" in out


def test_layer_table(pare, archive):
    out = pare("inspect", "--layer", "1", archive).out
    assert [x.split() for x in out.splitlines() if x.endswith(("cache", "c.so", "motd"))][1:] == [
        ["5.00", "kB", "removed", "/tmp/cache"], ["100", "B", "added", "/usr/lib/c.so"], ["4", "B", "changed", "/etc/motd"]]
    assert "sha256:" + sha256(TOP) in out
    assert "added" not in pare("inspect", "--layer", "1", "--path", "/etc/*", archive).out.split("WHAT")[1]
    r = pare("inspect", "--layer", "3", archive, status=2)
    assert "3 layers" in r.err and r.out == ""


def test_dive_document(pare, archive):
    doc = pare("inspect", "--format", "dive", archive).json()
    assert set(doc) == {"layer", "image"} and [x["index"] for x in doc["layer"]] == [0, 1, 2]
    assert [f["path"] for f in doc["layer"][1]["fileList"]] == ["etc/motd", "", "lib/c.so", "", "tmp/.wh.cache", "", "usr/lib", ""]
    assert doc["layer"][1]["command"] == "RUN /bin/sh -c rm /tmp/cache # buildkit" and doc["layer"][0]["sizeBytes"] == 8006
    assert doc["image"]["sizeBytes"] == 8115 and doc["image"]["fileReference"][0] == {"count": 2, "sizeBytes": 5000, "file": "/tmp/cache"}


def test_html(pare, archive):
    out = pare("inspect", "--format", "html", archive).out
    assert out.lower().startswith("<!doctype html>") and "/tmp/cache" in out


def test_packages(pare, tmp_path):
    apk = layer(File("lib/apk/db/installed", b"P:musl\nV:1.2-r0\nA:x86_64\nF:lib\nR:ld-musl.so\n\nP:busybox\nV:1.36\nF:bin\nR:busybox\n\n"),
                File("lib/ld-musl.so", b"m" * 700), File("bin/busybox", b"b" * 900), File("app", b"a" * 50))
    Image([apk]).docker_archive(tmp_path / "a.tar")
    rows = [x.split("\t") for x in pare("inspect", "--packages", "--format", "tsv", tmp_path / "a.tar").out.splitlines()]
    flat = "\n".join("\t".join(r) for r in rows)
    assert "busybox" in flat and "900" in flat and "musl" in flat and "700" in flat and len(rows) == 2
    assert "busybox" in rows[0] and "musl" in rows[1]  # most bytes first
    assert len(pare("inspect", "--packages", "--format", "tsv", "--top", "1", tmp_path / "a.tar").out.splitlines()) == 1
    assert "busybox" in pare("inspect", "--packages", tmp_path / "a.tar").out
    doc = pare("inspect", "--packages", "--format", "json", "--files", tmp_path / "a.tar").json()
    assert {p["name"]: p["bytes"] for p in doc["packages"]} == {"musl": 700, "busybox": 900}
    assert {f["path"]: f.get("package") for f in doc["files"] if f["type"] == "f"}["/bin/busybox"] == "busybox"


def test_types_and_escapes(pare, tmp_path):
    odd = [b"tab\tnew\nline", b"back\\slash", b"bell\x07del\x7f", b"latin\xe9", b"c1\xc2\x9b", "grün-世界".encode(), b"sur\xed\xa0\x80"]
    entries = [Fifo("p"), Device("c", 1, 3), Device("b", 8, 1, block=True), Symlink("l", "to\tand\nback\\")] + [File(n.decode("utf-8", "surrogateescape"), b"1") for n in odd]
    Image([layer(*entries, format=1)]).docker_archive(tmp_path / "odd.tar")
    out = pare("inspect", "--files", "--format", "tsv", tmp_path / "odd.tar").out
    rows = {line.split("\t")[6]: line.split("\t") for line in out.splitlines()}
    assert set(rows) == {"/p", "/c", "/b", "/l", "/tab\\tnew\\nline", "/back\\\\slash", "/bell\\x07del\\x7f", "/latin\\xe9", "/c1\\xc2\\x9b", "/grün-世界", "/sur\\xed\\xa0\\x80"}
    assert [rows["/" + t][0] for t in "pcbl"] == list("pcbl") and rows["/l"][7] == "-> to\\tand\\nback\\\\"
    pare("inspect", "--files", tmp_path / "odd.tar")
    pare("inspect", tmp_path / "odd.tar")
    pare("inspect", "--layer", "0", tmp_path / "odd.tar")
    pare("inspect", "--format", "json", "--files", tmp_path / "odd.tar").json()


# ---------------------------------------------------------------- gates

def gates(r):
    return {line.split()[1]: line.split()[0] for line in r.out.splitlines()}


def test_ci(pare, archive, tmp_path):
    assert gates(pare("inspect", "--ci", archive, status=1)) == {"lowestEfficiency": "FAIL", "highestWastedBytes": "SKIP", "highestUserWastedPercent": "FAIL"}
    loose = ["--lowestEfficiency", "0.1", "--highestUserWastedPercent", "disabled"]
    assert set(gates(pare("inspect", "--ci", *loose, archive)).values()) == {"PASS", "SKIP"}
    assert gates(pare("inspect", "--ci", *loose, "--highestWastedBytes", "5000", archive, status=1))["highestWastedBytes"] == "FAIL"
    wasted = pare("inspect", "-f", "json", archive).json()["dive"]["wasted_bytes"]
    pare("inspect", "--ci", *loose, "--highestWastedBytes", wasted, archive)  # strictly more fails
    pare("inspect", "--ci", *loose, "--highestWastedBytes", wasted - 1, archive, status=1)
    assert "waste" in pare("inspect", "--ci", "--format", "json", archive, status=1).json()


def test_ci_config(pare, archive, tmp_path):
    def config(text):
        (tmp_path / "ci.yaml").write_text(text)
        return tmp_path / "ci.yaml"
    off = config("rules:\n  lowestEfficiency: disabled\n  highestUserWastedPercent: \"off\"\n")
    assert set(gates(pare("inspect", "--ci", "--ci-config", off, archive)).values()) == {"SKIP"}
    config("# a comment\nother:\n  lowestEfficiency: 0.99\nrules:\n  highestWastedBytes: 1kB\n  lowestEfficiency: '0.1'\n  highestUserWastedPercent: disabled\n  later: [1, {lowestEfficiency: 1}]\n")
    assert gates(pare("inspect", "--ci", "--ci-config", off, archive, status=1)) == {"lowestEfficiency": "PASS", "highestWastedBytes": "FAIL", "highestUserWastedPercent": "SKIP"}
    pare("inspect", "--ci", "--ci-config", off, "--highestWastedBytes", "1MB", archive)  # the command line is over the file
    (pare.root / "cwd" / ".dive-ci").write_text("rules:\n  lowestEfficiency: 0.1\n  highestUserWastedPercent: disabled\n")
    pare("inspect", "--ci", archive)
    pare("inspect", archive)  # no gate was asked for
    for bad in ("rules: [", "rules:\n  lowestEfficiency: x\n", "rules:\n  highestWastedBytes: 20 apples\n", "rules:\n  lowestEfficiency: 1.5\n", "rules:\n  highestUserWastedPercent: -1\n"):
        r = pare("inspect", "--ci", "--ci-config", config(bad), archive, status=2)
        assert "ci.yaml" in r.err and r.out == ""
    r = pare("inspect", "--ci", "--ci-config", tmp_path / "nowhere.yaml", archive, status=2)
    assert "nowhere.yaml" in r.err
    pare("inspect", "--ci", "--lowestEfficiency", "nan", archive, status=2)
    pare("inspect", "--ci", "--highestWastedBytes", "-5", archive, status=2)


def test_ci_without_waste(pare, tmp_path):
    Image([layer(File("a", b"1"))]).docker_archive(tmp_path / "one.tar")
    assert gates(pare("inspect", "--ci", tmp_path / "one.tar")) == {"lowestEfficiency": "PASS", "highestWastedBytes": "SKIP", "highestUserWastedPercent": "PASS"}  # 0/0
    doc = pare("inspect", "-f", "json", tmp_path / "one.tar").json()
    assert doc["dive"]["user_wasted_percent"] is None and doc["dive"]["efficiency"] == 1


# ---------------------------------------------------------------- the command line

@pytest.mark.parametrize("args", [["inspect"], ["inspect", "a", "b"], ["inspect", "--nonsense", "x"], ["inspect", "--format", "xml", "x"], ["inspect", "--format"], ["inspect", "--files=yes", "x"],
                                  ["inspect", "-z", "x"], ["inspect", "--layer", "one", "x"], ["inspect", "--layer", "-1", "x"], ["inspect", "--top", "", "x"], ["inspect", "--format", "tsv", "x"],
                                  ["inspect", "--platform", "a/b/c/d", "x"], ["inspect", "docker-archive:"]])
def test_wrong_words(pare, args):
    r = pare(*args, status=2)
    assert r.out == "" and r.err.startswith("pare: ") and r.err.count("\n") == 1


def test_missing_file(pare, tmp_path):
    for name in (str(tmp_path / "nowhere.tar"), "docker-archive:%s/nowhere.tar" % tmp_path, "oci:%s/nowhere" % tmp_path, "rootfs:%s/nowhere" % tmp_path):
        r = pare("inspect", name, status=4)
        assert "nowhere" in r.err and r.err.count("\n") == 1 and r.out == ""
    r = pare("inspect", tmp_path, status=3)
    assert "rootfs:" in r.err  # the remedy


def test_double_dash(pare, archive, tmp_path):
    os.rename(archive, pare.root / "cwd" / "--files")
    assert "example:latest" in pare("inspect", "--", "--files").out


# ---------------------------------------------------------------- where images come from

@pytest.mark.parametrize("form", ["legacy", "docker25", "kaniko"])
@pytest.mark.parametrize("whole", [None, "gzip", "zstd", "xz", "bzip2"])
def test_docker_archives(pare, tmp_path, form, whole):
    path = tmp_path / "image"
    example().docker_archive(path, form=form)
    if whole:
        path.write_bytes(compress(path.read_bytes(), whole))
    assert pare("inspect", "--files", "--format", "tsv", path).out == TREE
    doc = pare("inspect", "--format", "json", "docker-archive:%s" % path).json()
    assert waste_of(doc) == WASTE and doc["image"]["config_digest"] == "sha256:" + sha256(example().config_bytes)
    assert pare("inspect", "--files", "--format", "tsv", "-", stdin=path.read_bytes()).out == TREE
    with open(path, "rb") as f:
        assert pare("inspect", "--files", "--format", "tsv", "-", stdin=f).out == TREE


@pytest.mark.parametrize("kind", ["none", "gzip", "zstd", "xz", "bzip2"])
def test_oci(pare, tmp_path, kind):
    place = example().oci(tmp_path / "layout", compression=kind)
    archive = example().oci_archive(tmp_path / "archive", compression=kind)
    for where in (place, place + ":latest", str(tmp_path / "layout"), str(tmp_path / "layout") + ":latest", archive, str(tmp_path / "archive"), archive + ":latest"):
        assert pare("inspect", "--files", "--format", "tsv", where).out == TREE, where
    doc = pare("inspect", "--format", "json", place).json()
    assert [x["compression"] for x in doc["layers"]] == [kind] * 3 and doc["layers"][0]["compressed_size"] == len(compress(BASE, kind)) and doc["layers"][0]["size"] == len(BASE)
    pare("inspect", place + ":nope", status=2)


def test_docker_media_types(pare, tmp_path):
    assert pare("inspect", "--files", "--format", "tsv", example().oci(tmp_path / "d", media="docker")).out == TREE


def test_several_images(pare, tmp_path):
    a, b = Image([BASE], tags=("a:1", "a:2")), Image([layer(File("b", b"2"))], tags=("b:latest",))
    a.docker_archive(tmp_path / "two.tar", form="legacy", others=[b])
    path = "docker-archive:%s" % (tmp_path / "two.tar")
    assert pare("inspect", "-f", "json", path).json()["image"]["reference"] == "a:1"
    assert pare("inspect", "-f", "json", path + ":a:2").json()["image"]["reference"] == "a:2"
    for choice in (":b:latest", ":b", ":@1"):
        assert pare("inspect", "--files", "-f", "tsv", path + choice).out == "f\t0644\t0\t0\t1\t0\t/b\n"
    for choice in (":c", ":@2", ":@x"):
        pare("inspect", path + choice, status=2)


@pytest.mark.parametrize("nested", [False, True])
def test_platforms(pare, tmp_path, nested):
    images = [Image([layer(File(name, b"1"))], os=o, arch=a, variant=v, tags=()) for name, o, a, v in
              (("amd", "linux", "amd64", None), ("arm", "linux", "arm64", "v8"), ("v6", "linux", "arm", "v6"), ("v7", "linux", "arm", "v7"), ("win", "windows", "amd64", None))]
    place = index_layout(tmp_path / "i", images, nested=nested, attestation=True)

    def only(platform):
        return pare("inspect", "--files", "-f", "tsv", "--platform", platform, place).out.split("/")[-1].strip()
    assert [only(p) for p in ("linux/amd64", "arm64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7", "linux/arm", "windows/amd64", "linux/x86_64")] == ["amd", "arm", "arm", "v6", "v7", "v7", "win", "amd"]
    r = pare("inspect", "--platform", "linux/s390x", place, status=2)
    assert "linux/arm/v6" in r.err and "unknown" not in r.err


@pytest.mark.parametrize("nested", [False, True])
def test_the_only_image_is_taken(pare, tmp_path, nested):
    """An index with one image for another machine leaves no choice, unless a platform was asked for."""
    place = index_layout(tmp_path / "i", [Image([layer(File("a", b"1"))], arch="s390x", tags=())], nested=nested, attestation=True)
    assert pare("inspect", "--format", "json", place).json()["image"]["platform"] == "linux/s390x"
    pare("inspect", "--platform", "linux/amd64", place, status=2)


def test_only_one_platform_is_there(pare, tmp_path):
    """What `docker save --platform` leaves: the index of all platforms, the blobs of one."""
    images = [Image([layer(File(name, b"1"))], arch=name, tags=()) for name in ("amd64", "arm64", "s390x")]
    place = index_layout(tmp_path / "i", images, nested=True)
    for image in images[:2]:
        digest = image.descriptors()[0]["digest"].replace(":", "/")
        (tmp_path / "i" / "blobs" / digest).unlink()
    assert pare("inspect", "--format", "json", place).json()["image"]["platform"] == "linux/s390x"
    assert "manifest: blobs/sha256/" in pare("inspect", "--platform", "linux/arm64", place, status=3).err


def test_a_manifest_that_was_changed_is_reported(pare, tmp_path):
    image = Image([layer(File("a", b"1"))])
    image.oci(tmp_path / "i")
    manifest = tmp_path / "i" / "blobs" / image.descriptors()[0]["digest"].replace(":", "/")
    manifest.write_bytes(manifest.read_bytes() + b" ")
    doc = pare("inspect", "--files", "--format", "json", "oci:%s" % (tmp_path / "i"), status=3).json()
    assert [f["path"] for f in doc["files"]] == ["/a"] and "its digest is" in " ".join(doc["incomplete"])


def test_rootfs(pare, tmp_path):
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d" / "file").write_bytes(b"12345")
    os.chmod(root / "d" / "file", 0o751)
    os.chmod(root / "d", 0o755)
    os.link(root / "d" / "file", root / "other")
    os.symlink("/etc/passwd", root / "abs")
    os.mkfifo(root / "pipe")
    (root / ("n" * 200)).write_bytes(b"")
    rows = [x.split("\t") for x in pare("inspect", "--files", "-f", "tsv", "rootfs:%s" % root).out.splitlines()]
    assert [(r[0], r[6], r[4]) for r in rows] == [("l", "/abs", "0"), ("d", "/d", "0"), ("f", "/d/file", "5"), ("f", "/" + "n" * 200, "0"), ("f", "/other", "5"), ("p", "/pipe", "0")]
    assert rows[0][7] == "-> /etc/passwd" and rows[2][1] == "0751"
    doc = pare("inspect", "-f", "json", "rootfs:%s" % root).json()
    assert doc["waste"]["stored"] == 5 and doc["image"]["config_digest"] is None
    assert not list(pare.store.glob("facts/*"))


# ---------------------------------------------------------------- damage

def test_wrong_bytes(pare, tmp_path):
    example().oci(tmp_path / "l", compression="gzip")
    stored = compress(TOP, "gzip")
    blob = tmp_path / "l" / "blobs" / "sha256" / sha256(stored)
    for damage in (stored[:-20], stored[:40] + b"\x55" + stored[41:], compress(LAST, "gzip"), b"", stored + b"junk"):
        blob.write_bytes(damage)
        r = pare("inspect", "-f", "json", "oci:%s" % (tmp_path / "l"), status=3)
        doc = r.json()
        assert doc["incomplete"] and "layer 1" in doc["incomplete"][0] and "incomplete: layer 1" in r.err
        assert doc["layers"][0]["size"] == len(BASE)
        assert "/usr/lib/a.so" in pare("inspect", "--files", "-f", "tsv", "oci:%s" % (tmp_path / "l"), status=3).out  # sound layers are there
    blob.unlink()
    assert "not there" in pare("inspect", "oci:%s" % (tmp_path / "l"), status=3).err
    blob.write_bytes(stored)
    pare("inspect", "oci:%s" % (tmp_path / "l"))


def test_wrong_diff_id(pare, tmp_path):
    image = example()
    image.doc["rootfs"]["diff_ids"][1] = "sha256:" + "0" * 64
    doc = pare("inspect", "-f", "json", image.oci(tmp_path / "l"), status=3).json()
    assert len(doc["incomplete"]) == 1 and "diff ID" in doc["incomplete"][0]
    image.doc["rootfs"]["diff_ids"].pop()
    pare("inspect", image.oci(tmp_path / "m"), status=3)


def test_truncated_archives(pare, tmp_path):
    example().docker_archive(tmp_path / "i.tar", form="docker25")
    whole = (tmp_path / "i.tar").read_bytes()
    for n in list(range(0, len(whole) - 1024, 4777)) + [100, 511, 513]:
        (tmp_path / "cut.tar").write_bytes(whole[:n])
        for args in (["-f", "json", tmp_path / "cut.tar"], ["-f", "json", "-"], ["-f", "json", "--no-verify", tmp_path / "cut.tar"]):
            r = pare("inspect", *args, stdin=whole[:n] if args[-1] == "-" else None, status=3)
            if r.out:
                assert r.json()["incomplete"]
            assert r.err
    packed = gzip.compress(whole, 1, mtime=0)
    for n in range(1, len(packed), 997):
        r = pare("inspect", "-", stdin=packed[:n], status=3)
        assert r.err


def test_truncated_layer_shows_what_came_before(pare, tmp_path):
    big = layer(File("first", b"1" * 100), File("second", random.Random(1).randbytes(50000)), File("third", b"3"))
    stored = compress(big, "gzip")
    image = Image([big])
    image.oci(tmp_path / "l")
    (tmp_path / "l" / "blobs" / "sha256" / sha256(stored)).write_bytes(stored[:20000])
    r = pare("inspect", "--files", "-f", "tsv", "oci:%s" % (tmp_path / "l"), status=3)
    assert "/first" in r.out and "/third" not in r.out and "incomplete" in r.err


def test_no_image(pare, tmp_path):
    for data in (b"", b"\0" * 1024, b"hello world\n" * 100, b"\x7fELF" + b"\0" * 600, gzip.compress(b"nothing"), b"{}", b"\x1f\x8b\x08"):
        (tmp_path / "x").write_bytes(data)
        r = pare("inspect", tmp_path / "x", status=3)
        assert r.out == "" and r.err.count("\n") == 1
        pare("inspect", "-", stdin=data, status=3)
    write_tar(tmp_path / "plain.tar", [("a", b"1")])
    assert "neither index.json nor manifest.json" in pare("inspect", tmp_path / "plain.tar", status=3).err


def test_damaged_documents(pare, tmp_path):
    layout = example()._layout("gzip")
    for name in ["index.json"] + [k for k in layout if k.startswith("blobs/") and layout[k][:1] == b"{"]:
        for text in (b"", b"{", b"[]", b"null", b"{}", layout[name][:-1], layout[name].replace(b"sha256", b"sha257"), b"[" * 100000):
            files = dict(layout)
            files[name] = text
            write_files(tmp_path / "l", files)
            r = pare("inspect", "-f", "json", "oci:%s" % (tmp_path / "l"), status=3)
            assert r.err
        write_files(tmp_path / "l", layout)
        pare("inspect", "oci:%s" % (tmp_path / "l"))


# ---------------------------------------------------------------- the surroundings

def raw(pare, *args, **kw):
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "PARE_STORE": str(pare.store), "LC_ALL": "C.UTF-8"}
    env.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")})
    return subprocess.Popen([pare.binary, *map(str, args)], env=env, cwd=pare.root / "cwd", **kw)


@pytest.mark.parametrize("args", [[], ["--format", "json"], ["--files", "--format", "tsv"], ["--format", "html"], ["--format", "dive"], ["--ci"], ["--packages"], ["--help"]])
def test_full_disk(pare, archive, args):
    with open("/dev/full", "wb") as full:
        p = raw(pare, "inspect", *args, archive, stdout=full, stderr=subprocess.PIPE)
        err = p.communicate(timeout=60)[1].decode()
    assert p.returncode == 4 and "No space left on device" in err and err.count("\n") == 1, err


def test_reader_goes_away(pare, tmp_path):
    Image([layer(*[File("dir/file-%d" % i, b"1") for i in range(20000)])]).docker_archive(tmp_path / "many.tar")
    p = raw(pare, "inspect", "--files", "--format", "tsv", tmp_path / "many.tar", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    p.stdout.close()
    err = p.stderr.read()
    assert p.wait(timeout=60) >= 0 and err == b""


def test_unwritable_store(pare, archive, tmp_path):
    (tmp_path / "file").write_text("")
    for store in (tmp_path / "file" / "below", "/proc/nowhere/store", tmp_path / "file"):
        assert pare("inspect", "--files", "-f", "tsv", "--store", store, archive).out == TREE
        assert pare("inspect", "--files", "-f", "tsv", "-", stdin=archive.read_bytes(), env={"PARE_STORE": store}).out == TREE
    assert pare("inspect", "--files", "-f", "tsv", archive, env={"PARE_STORE": None, "HOME": None, "XDG_DATA_HOME": None}).out == TREE
    pare("inspect", archive, env={"PARE_STORE": None, "XDG_DATA_HOME": tmp_path / "data"})
    assert list((tmp_path / "data" / "pare").iterdir())


# ---------------------------------------------------------------- what is kept

def settle():
    time.sleep(0.06)  # files that changed a moment ago are not trusted


def bytes_read(run):
    """Bytes that the program read, as the kernel counts them for children that were waited for."""
    def count():
        with open("/proc/self/io") as f:
            return int(f.readline().split()[1])
    try:
        before = count()
    except OSError:
        pytest.skip("/proc/self/io cannot be read here")
    r = run()
    return count() - before - len(r.out_bytes) - len(r.err_bytes)


@pytest.mark.parametrize("place", ["oci", "archive", "whole"])
def test_second_run_reads_no_layer(pare, tmp_path, place):
    image = Image([layer(File("big", random.Random(5).randbytes(8 << 20))), TOP])
    if place == "oci":
        where = image.oci(tmp_path / "l")
    else:
        where = image.docker_archive(tmp_path / "i.tar")
        if place == "whole":
            (tmp_path / "i.tar").write_bytes(gzip.compress((tmp_path / "i.tar").read_bytes(), 1))
    settle()
    first = pare("inspect", "-f", "json", where)
    second = []
    assert bytes_read(lambda: second.append(pare("inspect", "-f", "json", where)) or second[0]) < 1 << 20
    assert second[0].out == first.out
    assert bytes_read(lambda: pare("inspect", "-f", "json", "--no-cache", where)) > 8 << 20
    for f in pare.store.glob("facts/*"):
        f.unlink()
    assert bytes_read(lambda: pare("inspect", "-f", "json", where)) > 8 << 20


@pytest.mark.parametrize("place", ["oci", "archive"])
def test_changed_bytes_are_noticed(pare, tmp_path, place):
    where = example().oci(tmp_path / "l", compression="none") if place == "oci" else example().oci_archive(tmp_path / "i.tar", compression="none")
    path = tmp_path / "l" / "blobs" / "sha256" / sha256(TOP) if place == "oci" else tmp_path / "i.tar"
    settle()
    pare("inspect", where)
    pare("inspect", where)
    data, when = path.read_bytes(), os.stat(path)
    at = data.index(b"bye\n")
    with open(path, "r+b") as f:  # the same size, the same time of change
        f.seek(at)
        f.write(b"BYE")
    os.utime(path, ns=(when.st_atime_ns, when.st_mtime_ns))
    r = pare("inspect", where, status=3)
    assert "layer 1" in r.err
    path.write_bytes(data)
    pare("inspect", where)


def test_damaged_cache(pare, tmp_path, archive):
    settle()
    want = pare("inspect", "-f", "json", archive).out
    kept = sorted(pare.store.glob("facts/*"))
    assert len(kept) >= 6
    for f in kept:
        good = f.read_bytes()
        for bad in (b"", good[:len(good) // 2], good[:20] + bytes([good[20] ^ 255]) + good[21:], good[:-1] + bytes([good[-1] ^ 1]), b"\0" * len(good)):
            f.write_bytes(bad)
            assert pare("inspect", "-f", "json", archive).out == want
            assert f.read_bytes() == good  # and repaired


def test_unverified_is_not_kept(pare, tmp_path, archive):
    settle()
    doc = pare("inspect", "-f", "json", "--no-verify", archive).json()
    assert not list(pare.store.glob("facts/*"))
    assert waste_of(doc) == WASTE  # contents are compared where nothing was hashed
    assert pare("inspect", "--files", "-f", "tsv", "--no-verify", archive).out == TREE
    sure = pare("inspect", "--format", "json", "--no-cache", archive).json()
    assert [(x["size"], x["compressed_size"]) for x in doc["layers"]] == [(x["size"], x["compressed_size"]) for x in sure["layers"]] and doc["dive"] == sure["dive"]
    assert not list(pare.store.glob("facts/*"))
    image = example()
    image.doc["rootfs"]["diff_ids"][1] = "sha256:" + "0" * 64
    where = image.oci(tmp_path / "l")
    settle()
    pare("inspect", where, status=3)
    pare("inspect", where, status=3)  # what could not be verified is not remembered as sound


def test_killed(pare, tmp_path):
    image = Image([layer(*[File("d%d/f%d" % (i % 50, i), b"%d" % i) for i in range(30000)])])
    where = image.oci(tmp_path / "l")
    settle()
    for delay in [0.005 * i for i in range(1, 25)]:
        for sig in (signal.SIGTERM, signal.SIGINT):
            p = raw(pare, "inspect", where, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(delay)
            p.send_signal(sig)
            assert p.wait(timeout=60) in (0, -sig)
            assert not list(pare.store.glob("facts/*.part*"))
    assert pare("inspect", "-f", "json", where).out == pare("inspect", "-f", "json", "--no-cache", where).out
    assert not list((pare.root / "tmp").iterdir())


def test_nothing_is_left_behind(pare, archive):
    pare("inspect", archive)
    pare("inspect", "--files", "-", stdin=gzip.compress(archive.read_bytes()))
    assert not list((pare.root / "tmp").iterdir()) and not list((pare.root / "cwd").iterdir()) and not list((pare.root / "home").iterdir())
    assert {p.name for p in pare.store.iterdir()} <= {"facts"}


def test_threads_change_nothing(pare, tmp_path):
    layers = [layer(File("f%d" % i, random.Random(i).randbytes(30000)), Whiteout("f%d" % (i - 2)) if i > 2 else File("x", b"1")) for i in range(12)]
    where = Image(layers).oci(tmp_path / "l")
    out = {pare("inspect", "-f", "json", "--no-cache", where, env={"PARE_THREADS": n}).out for n in (1, 2, 7)}
    assert len(out) == 1
    assert json.loads(out.pop())["incomplete"] == []


def test_quiet_and_store_option(pare, tmp_path, archive):
    settle()
    assert pare("inspect", "--quiet", "--store", tmp_path / "elsewhere", archive).err == ""
    assert list((tmp_path / "elsewhere" / "facts").iterdir()) and not (pare.store / "facts").exists()


def test_an_image_for_another_platform(pare, tmp_path):
    """Where no index chooses, the configuration tells: what was asked for is had or refused."""
    path = tmp_path / "arm.tar"
    Image([layer(File("a", b"1"))], arch="arm64").docker_archive(path, "legacy")
    assert pare("inspect", "--platform", "linux/arm64", path).out
    assert "linux/arm64" in pare("inspect", path).out
    assert "not for linux/amd64" in pare("inspect", "--platform", "linux/amd64", path, status=2).err
