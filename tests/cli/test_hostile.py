"""Images that mean no good: each ends soon, in little memory, with a status of its own, and says what is wrong."""
import gzip
import json
import os
import struct
import subprocess
import time

import pytest

from conftest import RAW
from imagelib import OCI, Dir, File, Hardlink, Image, Opaque, Symlink, Whiteout, compress, layer, sha256, write_files, write_tar

SECONDS, MEMORY = 20, 1 << 30
COMMANDS = (["inspect", "--format", "json"], ["inspect", "--files", "--format", "tsv"], ["report"])


def bounded(pare, *args, status, stdin=None):
    """Runs it in 20 seconds and, where no sanitizer wants more, in 1 GiB of address space: when that is not enough it ends with 4."""
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "PARE_STORE": str(pare.store), "TMPDIR": str(pare.root / "tmp"), "LC_ALL": "C.UTF-8"}
    env.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")})
    limit = [] if "ASAN_OPTIONS" in os.environ else ["/bin/sh", "-c", "ulimit -v %d && exec \"$@\"" % (MEMORY >> 10), "sh"]
    start = time.monotonic()
    p = subprocess.Popen([*limit, pare.binary, *map(str, args)], env=env, cwd=pare.root / "cwd", stdin=subprocess.PIPE if stdin else subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = p.communicate(stdin, timeout=SECONDS * 5)
    assert p.returncode == status, (p.returncode, err[-2000:])
    assert time.monotonic() - start < SECONDS
    assert not RAW.search(out) and not RAW.search(err)
    assert not list((pare.root / "tmp").iterdir()) and not list((pare.root / "cwd").iterdir())
    return out, err


def every(pare, where, status):
    for args in COMMANDS:
        out, err = bounded(pare, *args, where, status=status)
        if args[-1] == "json" and out:
            assert bool(json.loads(out)["incomplete"]) == (status == 3)
        if status == 3:
            assert err.startswith(b"pare: ")
    return out, err


def header(name, size=0, flag=b"0", link=b"", raw=None):
    h = bytearray(512)
    h[0:len(name)] = name
    h[100:108], h[108:116], h[116:124], h[124:136], h[136:148] = b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size, b"00000000000\0"
    h[156:157], h[157:157 + len(link)], h[257:265] = flag, link, b"ustar\x0000"
    for at, b in (raw or {}).items():
        h[at:at + len(b)] = b
    h[148:156] = b" " * 8
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


END = b"\0" * 1024


def test_escaping_names(pare, tmp_path):
    out = tmp_path / "outside"
    names = ["../../../../outside", "/../outside", "a/../../outside", str(out), "./../outside"]
    evil = layer(*[File(n, b"1") for n in names], Symlink("up", "../../../../.."), File("up/outside", b"1"), Symlink("abs", str(tmp_path)), File("abs/outside", b"1"), Hardlink("h", "../../etc/passwd2"))
    where = Image([evil]).docker_archive(tmp_path / "i.tar")
    every(pare, where, 3)  # the hard link leads to nothing
    assert not out.exists() and not (tmp_path.parent / "outside").exists()
    tree = bounded(pare, "inspect", "--files", "-f", "tsv", where, status=3)[0]
    assert b"\t/outside\n" in tree and b".." not in tree.replace(b"-> ../../../../..", b"")


def test_escaping_blobs(pare, tmp_path):
    """Digests and names of documents that would lead out of the layout."""
    (tmp_path / "secret").write_text('{"config":{}}')
    image = Image([layer(File("a", b"1"))])
    layout = image._layout("gzip")
    for digest in ("sha256:../../secret", "sha256:/etc/passwd", "../../secret", "sha256:" + "../" * 20 + "abcd", "sha256:" + "A" * 64):
        index = json.loads(layout["index.json"])
        index["manifests"][0]["digest"] = digest
        write_files(tmp_path / "l", dict(layout, **{"index.json": json.dumps(index).encode()}))
        every(pare, "oci:%s" % (tmp_path / "l"), 3)
    write_files(tmp_path / "l", layout)
    blob = tmp_path / "l" / "blobs" / "sha256" / sha256(compress(image.layers[0], "gzip"))
    blob.unlink()
    os.symlink("/etc/passwd", blob)
    out = every(pare, "oci:%s" % (tmp_path / "l"), 3)[0]
    assert b"root:" not in out
    blob.unlink()
    os.mkfifo(blob)
    every(pare, "oci:%s" % (tmp_path / "l"), 3)
    for name in ("../../../etc/passwd", "/etc/passwd", "", ".", None, 5, "x" * 40000, {}):
        members = dict(image.docker_members("legacy")[0])
        entry = dict(image.docker_members("legacy")[1], Layers=[name])
        write_tar(tmp_path / "d.tar", [*members.items(), ("manifest.json", json.dumps([entry]).encode())])
        every(pare, "docker-archive:%s" % (tmp_path / "d.tar"), 3)


def test_bombs(pare, tmp_path):
    zeros = gzip.compress(bytes(16 << 20), 9, mtime=0)
    plain = header(b"zeros", 0, raw={124: b"\x80" + b"\0" * 3 + struct.pack(">Q", 6 << 30)})
    bomb = gzip.compress(plain, mtime=0) + zeros * 384
    files = Image([b""])._layout("none")
    config = json.loads(Image([b""]).config_bytes)
    config_bytes = json.dumps(config).encode()
    manifest = json.dumps({"schemaVersion": 2, "config": {"mediaType": OCI + "config.v1+json", "digest": "sha256:" + sha256(config_bytes), "size": len(config_bytes)},
                           "layers": [{"mediaType": OCI + "layer.v1.tar+gzip", "digest": "sha256:" + sha256(bomb), "size": len(bomb)}]}).encode()
    index = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": OCI + "manifest.v1+json", "digest": "sha256:" + sha256(manifest), "size": len(manifest)}]}).encode()
    files = {"oci-layout": files["oci-layout"], "index.json": index, "blobs/sha256/" + sha256(manifest): manifest, "blobs/sha256/" + sha256(config_bytes): config_bytes, "blobs/sha256/" + sha256(bomb): bomb}
    write_files(tmp_path / "l", files)
    out, err = bounded(pare, "inspect", "-f", "json", "oci:%s" % (tmp_path / "l"), status=3)
    assert b"budget" in err
    # the whole archive is one
    (tmp_path / "whole").write_bytes(bomb)
    assert b"budget" in bounded(pare, "inspect", tmp_path / "whole", status=3)[1]
    assert b"budget" in bounded(pare, "inspect", "-", stdin=bomb, status=3)[1]


@pytest.mark.parametrize("middle", [pytest.param(b, id=name) for name, b in [
    ("size", header(b"x", raw={124: b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"})), ("negative", header(b"x", raw={124: b"\xff" * 12})), ("mode", header(b"x", raw={100: b"zzzzzzz\0"})),
    ("checksum", header(b"x")[:148] + b"0000000\0" + header(b"x")[156:]), ("no name", header(b"")), ("extended", header(b"x", 0o77777777777, b"x")), ("long link", header(b"x", 5 << 20, b"L")),
    ("pax", header(b"x", 12, b"x") + b"99999 a=b\nxx".ljust(512, b"\0")), ("pax nul", header(b"x", 12, b"x") + b"12 path=a\0b\n".ljust(512, b"\0")), ("sparse", header(b"s", 512, b"S", raw={482: b"\1", 483: b"77777777777\0"}) + b"\1" * 512),
    ("type", header(b"x", 0, b"~")), ("junk", b"junk" * 128)]])
def test_headers(pare, tmp_path, middle):
    data = header(b"before", 5) + b"hello".ljust(512, b"\0") + middle + header(b"after", 0) + END
    where = Image([data, layer(File("sound", b"1"))]).docker_archive(tmp_path / "i.tar", form="legacy")
    every(pare, where, 3)
    tree = bounded(pare, "inspect", "--files", "-f", "tsv", where, status=3)[0]
    assert b"/before\n" in tree and b"/sound\n" in tree


def test_the_outer_archive(pare, tmp_path):
    image = Image([layer(File("a", b"1"))])
    image.docker_archive(tmp_path / "i.tar", form="legacy")
    good = (tmp_path / "i.tar").read_bytes()
    loops = [("a/layer.tar", ("link", "../b/layer.tar")), ("b/layer.tar", ("link", "../a/layer.tar")), ("c", image.config_bytes), ("manifest.json", json.dumps([{"Config": "c", "RepoTags": None, "Layers": ["a/layer.tar"]}]).encode())]
    write_tar(tmp_path / "loop.tar", loops)
    every(pare, str(tmp_path / "loop.tar"), 3)
    for damage in (b"\xff" * 512, header(b"x", raw={124: b"\xff" * 12})):
        (tmp_path / "d.tar").write_bytes(good[:1024] + damage + good[1536:])
        every(pare, str(tmp_path / "d.tar"), 3)
    many = b"".join(header(b"%d" % i) for i in range(300000))
    (tmp_path / "many.tar").write_bytes(many + END)
    assert b"budget" in bounded(pare, "inspect", tmp_path / "many.tar", status=3)[1]
    assert b"budget" in bounded(pare, "inspect", "-", stdin=gzip.compress(many, 1), status=3)[1]


def test_documents(pare, tmp_path):
    image = Image([layer(File("a", b"1"))])
    layout = image._layout("none")
    huge = b'{"manifests":[' + b'{"digest":"x"},' * 70000 + b"{}]}"
    for text in (b"[" * 5000000, b'{"a":' * 1000000, huge, b'{"manifests":[' + b"0," * 20000000 + b"0]}", b'"' + b"x" * (40 << 20) + b'"'):
        write_files(tmp_path / "l", dict(layout, **{"index.json": text}))
        bounded(pare, "inspect", "oci:%s" % (tmp_path / "l"), status=3)
        write_tar(tmp_path / "d.tar", [("manifest.json", text)])
        bounded(pare, "inspect", tmp_path / "d.tar", status=3)
        bounded(pare, "inspect", "-", stdin=gzip.compress((tmp_path / "d.tar").read_bytes(), 1), status=3)
    # an index that holds itself, or another of its kind, without end
    inner = json.dumps({"manifests": []}).encode()
    files = dict(layout)
    for _ in range(30):
        files["blobs/sha256/" + sha256(inner)] = inner
        inner = json.dumps({"manifests": [{"mediaType": OCI + "index.v1+json", "digest": "sha256:" + sha256(inner), "size": len(inner)}]}).encode()
    write_files(tmp_path / "n", dict(files, **{"index.json": inner}))
    assert b"deep" in bounded(pare, "inspect", "oci:%s" % (tmp_path / "n"), status=3)[1]
    # more layers than an image has
    one = {"mediaType": OCI + "layer.v1.tar", "digest": "sha256:" + sha256(image.layers[0]), "size": len(image.layers[0])}
    manifest = json.dumps({"config": {"digest": "sha256:" + sha256(image.config_bytes), "size": len(image.config_bytes)}, "layers": [one] * 16385}).encode()
    index = json.dumps({"manifests": [{"mediaType": OCI + "manifest.v1+json", "digest": "sha256:" + sha256(manifest), "size": len(manifest)}]}).encode()
    write_files(tmp_path / "m", dict(layout, **{"index.json": index, "blobs/sha256/" + sha256(manifest): manifest}))
    assert b"more than 16384" in bounded(pare, "inspect", "oci:%s" % (tmp_path / "m"), status=3)[1]


def test_the_same_layer_many_times(pare, tmp_path):
    image = Image([layer(File("a", b"1" * 1000), Dir("d"))] * 3000, history=[])
    where = image.oci(tmp_path / "l")
    out, _ = bounded(pare, "inspect", "-f", "json", where, status=0)
    assert json.loads(out)["waste"]["bytes"] == 2999 * 1000
    image.docker_archive(tmp_path / "i.tar", form="docker25")
    bounded(pare, "inspect", "-f", "json", "-", stdin=gzip.compress((tmp_path / "i.tar").read_bytes()), status=0)


N = 100000
DEEP = b"/".join([b"a"] * 16000)


def links(n, *rest):
    return b"".join(header(b"l%d" % i, 0, b"2", b"l%d" % (i + 1)) for i in range(n)) + b"".join(rest) + END


def nested(i):
    path = b"/".join([b"d"] * (i + 1))
    return header(b"x", len(path) + 1, b"L") + path.ljust((len(path) + 512) // 512 * 512, b"\0") + header(b"x", flag=b"5")


TREES = {  # name: (status, layers)
    "emptied again and again": (0, lambda: [layer(Dir("d"), *[File("d/%x" % i) for i in range(N)]), header(b"d/.wh..wh..opq") * N + END]),
    "replaced again and again": (0, lambda: [layer(Dir("d"), *[File("d/%x" % i) for i in range(N)]), (header(b"d") + header(b"d/", flag=b"5")) * N + END]),
    "deep behind a link": (3, lambda: [header(b"././@LongLink", len(DEEP) + 1, b"K") + DEEP.ljust((len(DEEP) + 512) // 512 * 512, b"\0") + header(b"s", 0, b"2", b"x") + header(b"z/", flag=b"5")
                                       + (header(b"s/x") + header(b"z/x")) * N + END]),
    "a chain of links": (0, lambda: [links(39, header(b"l39/", flag=b"5"), header(b"z/", flag=b"5"), (header(b"l0/x") + header(b"z/x")) * N)]),
    "a chain too long": (3, lambda: [links(50, header(b"l0/x") * 50000)]),
    "a loop": (3, lambda: [header(b"a", 0, b"2", b"b/c") + header(b"b", 0, b"2", b"a/d") + header(b"a/x") * 50000 + END]),
    "one file with many names": (0, lambda: [header(b"f", 5) + b"12345".ljust(512, b"\0") + b"".join(header(b"n%d" % i, 0, b"1", b"f") for i in range(N)) + END, header(b".wh..wh..opq") + END]),
    "nested deep": (0, lambda: [b"".join(nested(i) for i in range(3000)) + END, header(b".wh.d") + END]),
    "a file is a directory": (3, lambda: [header(b"f") + b"".join(header(b"f/%d" % i) for i in range(1000)) + END]),
    "a whiteout a layer": (0, lambda: [layer(*[File("w%d" % i) for i in range(2000)])] + [layer(Whiteout("w%d" % i), Opaque("gone%d" % i)) for i in range(500)]),
}


@pytest.mark.parametrize("name", TREES)
def test_trees(pare, tmp_path, name):
    status, make = TREES[name]
    where = Image(make(), history=[]).oci(tmp_path / "l", compression="gzip")
    for args in COMMANDS:
        bounded(pare, *args, where, status=status)
