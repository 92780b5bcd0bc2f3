#!/usr/bin/python3
"""make-debs.py: writes the seeds of the fuzzers deb and unpack into the directories beside it. Always the same bytes, but for what a compressor of another version makes of them.

Those of debindex, recipe and lock are texts, written by hand. What fuzzers found is beside them under names that say what it is; of these three nothing is.
"""
import gzip
import io
import lzma
import os
import subprocess
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
DIR, LINK, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def write(kind, name, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as f:
        f.write(data)


def entry(name, content=b"", type=tarfile.REGTYPE, link="", mode=None, owner="", size=None):
    e = tarfile.TarInfo(name)
    e.type, e.linkname, e.uname, e.gname = type, link, owner, owner
    e.size = len(content) if size is None else size
    e.mode = mode or (0o755 if type == DIR else 0o644)
    return e, content


def tar(*entries, format=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as t:
        for e, content in entries:
            t.addfile(e, io.BytesIO(content))
    return out.getvalue()


# ---------------------------------------------------------------- unpack: what would lead out of a directory, and what stands in its own way

def unpack():
    write("unpack", "absolute-link", tar(entry("l", type=LINK, link="/tmp"), entry("l/evil", b"x"), entry("/tmp/evil2", b"x")))
    write("unpack", "directory-becomes-file", tar(entry("a", type=DIR), entry("a/b", b"x"), entry("a", b"x"), entry("a/c", b"x")))
    write("unpack", "dotdot", tar(entry("ok", b"x"), entry("../evil", b"x")))
    write("unpack", "file-becomes-directory", tar(entry("a", b"x"), entry("a", type=DIR), entry("a/c", type=LINK, link="loop"), entry("a/loop", type=LINK, link="c"), entry("a/loop/x", b"x")))
    write("unpack", "hard-links", tar(entry("a", b"x"), entry("b", type=HARD, link="a"), entry("c", type=HARD, link="../x")))
    write("unpack", "through-link", tar(entry("l", type=LINK, link=".."), entry("l/evil", b"x")))


# ---------------------------------------------------------------- deb

CONTROL = b"Package: a\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: a\n"
SCRIPT = b"#!/bin/sh\nfor i in a b; do update-alternatives --install /usr/bin/$i $i /usr/bin/x 5; done\nadduser --system --home /x a\n"


def ar(*members):
    out = b"!<arch>\n"
    for name, data in members:
        out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(data)) + data + b"\n" * (len(data) % 2)
    return out


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, check=True, stdout=subprocess.PIPE).stdout


def deb():
    of = {"owner": "root"}
    top = entry("./", type=DIR, **of)
    control = tar(top, entry("./control", CONTROL, **of), entry("./postinst", SCRIPT, mode=0o755, **of), format=tarfile.GNU_FORMAT)
    data = tar(top, entry("./usr", type=DIR, **of), entry("./usr/bin", type=DIR, **of), entry("./usr/bin/x", b"#!/bin/sh\n", **of), entry("./usr/bin/y", type=HARD, link="./usr/bin/x", **of),
               entry("./usr/bin/z", type=LINK, link="x", mode=0o777, **of), format=tarfile.GNU_FORMAT)
    plain = ("debian-binary", b"2.0\n")
    for name, end, how in (("none", "", bytes), ("gzip", ".gz", lambda d: gzip.compress(d, mtime=0)), ("xz", ".xz", lzma.compress), ("zstd", ".zst", zstd)):
        write("deb", name, ar(plain, ("control.tar" + end, how(control)), ("data.tar" + end, how(data))))
    write("deb", "script", SCRIPT)
    lies = entry("./a", size=20 << 30)[0].tobuf(tarfile.GNU_FORMAT)
    write("deb", "size-that-lies", ar(plain, ("control.tar", tar(entry("./control", CONTROL))), ("data.tar", lies)))
    write("deb", "in-its-own-way", ar(plain, ("control.tar/", tar(entry("./control", CONTROL))), ("_extra", b"x"),
                                      ("data.tar/", tar(entry("./a", type=DIR), entry("./a/b", b"x"), entry("./a", b"x"), entry("./../c", type=HARD, link="./../../d"), entry("./e", type=tarfile.CHRTYPE)))))


unpack()
deb()
