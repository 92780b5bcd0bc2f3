#!/usr/bin/python3
"""make-packages.py: writes the seeds of the fuzzers dpkg, apk, rpm and rpm_rewrite into the directories beside it, and those of pacman and chisel that are no text.

rpm's databases are built from nothing, by the formats' descriptions in src/package/rpm_*.c: each holds a small package and one with files.
"""
import gzip
import os
import sqlite3
import struct
import subprocess
import tempfile
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))


def write(kind, name, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as f:
        f.write(data)


def header(*tags):
    index, data = b"", b""
    for tag, type_, count, value in tags:
        if type_ == 4:
            data += b"\0" * (-len(data) % 4)
        index += struct.pack(">4I", tag, type_, len(data), count)
        data += value
    return struct.pack(">2I", len(tags), len(data)) + index + data


def text(tag, value, type_=6):
    return tag, type_, 1, value.encode() + b"\0"


def numbers(tag, *values):
    return tag, 4, len(values), struct.pack(">%dI" % len(values), *values)


def texts(tag, *values):
    return tag, 8, len(values), b"".join(v.encode() + b"\0" for v in values)


SMALL = header(text(1000, "b"), text(1001, "2"), text(1002, "1"))
LARGE = header((63, 7, 16, b"0123456789abcdef"), text(1000, "a"), text(1001, "1.5"), text(1002, "3"), numbers(1003, 7), text(1004, "one", 9),
               numbers(1009, 9), text(1014, "MIT"), text(1016, "g", 9), text(1022, "noarch"), (1029, 1, 3, b"\0\0\1"), numbers(1037, 0, 64, 0),
               text(1044, "s-1.5-3.src.rpm"), numbers(1048, 0, 12), texts(1049, "/bin/sh", "c"), texts(1050, "", "2"), numbers(1116, 0, 1, 1),
               texts(1117, "a", "one", "two"), texts(1118, "/usr/bin/", "/opt/alpha/"))
OLD = header(text(1000, "o"), text(1001, "1"), text(1002, "1"), texts(1027, "/usr/lib/b", "/etc/passwd"))


def sqlite(blobs, wal):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "db")
        c = sqlite3.connect(path, isolation_level=None)
        c.execute("PRAGMA page_size = 512")
        c.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        if wal:
            c.execute("PRAGMA journal_mode = WAL")
        for b in blobs:
            c.execute("INSERT INTO Packages (blob) VALUES (?)", (b,))
        log = open(path + "-wal", "rb").read() if wal else b""
        c.execute("PRAGMA wal_checkpoint")
        data = open(path, "rb").read()
        c.close()
        return data, log


def ndb(blobs):
    slots, body = b"", b""
    for i, b in enumerate(blobs, 1):
        head = b"BlbS" + struct.pack("<3I", i, 1, len(b)) + b
        head += b"\0" * ((4 - len(head)) % 16)
        blob = head + struct.pack("<2I", zlib.adler32(head), len(b)) + b"BlbE"
        slots += b"Slot" + struct.pack("<3I", i, (4096 + len(body)) // 16, len(blob) // 16)
        body += blob
    slots += (b"Slot" + b"\0" * 12) * ((4096 - 32 - len(slots)) // 16)
    return b"RpmP" + struct.pack("<7I", 0, 1, 1, len(blobs) + 1, 0, 0, 0) + slots + body


def bdb(blobs, order):
    size, pages, items = 512, [], [b"\1" + struct.pack(order + "I", 0), b"\1" + struct.pack(order + "I", 9)]
    for i, b in enumerate(blobs, 1):
        items.append(b"\1" + struct.pack(order + "I", i))
        if len(b) < 120:
            items.append(b"\1" + b)
            continue
        items.append(b"\3\0\0\0" + struct.pack(order + "2I", 2 + len(pages), len(b)))
        parts = [b[k : k + size - 26] for k in range(0, len(b), size - 26)]
        for k, part in enumerate(parts):
            here = 2 + len(pages)
            pages.append((struct.pack(order + "8x3I2HBB", here, 0, here + 1 if k + 1 < len(parts) else 0, 1, len(part), 0, 7) + part).ljust(size, b"\0"))
    at, index, body = size, b"", b""
    for item in items:
        at -= len(item)
        index += struct.pack(order + "H", at)
        body = item + body
    page = struct.pack(order + "8x3I2HBB", 1, 0, 0, len(items), at, 0, 13) + index
    page += b"\0" * (at - len(page)) + body
    meta = struct.pack(order + "8x4IBBBBII", 0, 0x061561, 9, size, 0, 8, 0, 0, 0, len(pages) + 1).ljust(size, b"\0")
    return meta + page + b"".join(pages)


def tables():
    """A database with tables of names beside that of packages, whose rows go with their package."""
    with tempfile.TemporaryDirectory() as d:
        c = sqlite3.connect(os.path.join(d, "db"), isolation_level=None)
        c.execute("PRAGMA page_size = 512")
        c.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        for table, keys in (("Name", ["b", "a"]), ("Basenames", ["", "one", "two"])):
            c.execute("CREATE TABLE %s (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)" % table)
            for i, key in enumerate(keys):
                c.execute("INSERT INTO %s VALUES (?, ?, 0)" % table, (key, min(i, 1) + 1))
        for b in (SMALL, LARGE):
            c.execute("INSERT INTO Packages (blob) VALUES (?)", (b,))
        c.close()
        with open(os.path.join(d, "db"), "rb") as f:
            return f.read()


def rpm():
    blobs = [SMALL, LARGE, OLD]
    wal, log = sqlite(blobs, True)
    for kind in ("rpm", "rpm_rewrite"):
        write(kind, "sqlite", sqlite(blobs, False)[0])
        write(kind, "sqlite-in-wal-mode", wal)
        write(kind, "ndb", ndb(blobs))
        write(kind, "bdb-little-endian", bdb(blobs, "<"))
        write(kind, "bdb-big-endian", bdb(blobs, ">"))
    write("rpm_rewrite", "tables", tables())
    write("rpm", "log", b"WAL" + log)
    write("rpm", "note", b"NOTE\1\0\2\1a\3\1b\x0d\x0a\0usr/lib/b\x0d\x02\x08c\x0e\3bad")


def dpkg():
    files = {
        "0-status": "Package: a\nEssential: yes\nStatus: install ok installed\nSection: libs\nInstalled-Size: 10\nArchitecture: amd64\nSource: s (1)\n"
                    "Version: 1:2-3\nDepends: x,\n y (>= 1)\nPre-Depends: z\nDescription: first\n second\n .\nConffiles:\n /etc/a.conf 00 obsolete\n\n"
                    "Package: c\nStatus: deinstall ok config-files\n\n# note\nPackage: d\nStatus: install ok half-installed\n",
        "0-status-damaged": " x\nPackage: a\nPackage: b\nnonsense\nVersion: 1\n\nStatus: what\n",
        "1-list": "/.\n/bin\n/bin/a\n/usr/lib/b\n/loop/x\n/etc/../etc/passwd\n",
        "2-md5sums": "d41d8cd98f00b204e9800998ecf8427e  usr/lib/b\nd41d8cd98f00b204e9800998ecf8427e *./opt/alpha/one\nxx\n",
        "3-diversions": "/bin/a\n/opt/alpha/one\nb\n/usr/lib/b\n/etc/passwd\n:\n/x\n",
        "4-extended_states": "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nAuto-Installed: 0\n",
        "4-nothing-automatic": "Pack\0re: amd64\nAuto-Installed: 1\n\nPackage: b\nAuto-Installed: 0\n",
        "5-single": "Package: c\nVersion: 3\nArchitecture: all\n",
        "6-single-md5sums": "d41d8cd98f00b204e9800998ecf8427e  etc/passwd\n",
        "7-os-release": "ID=\"a b\"\nVERSION_ID='1'\nPRETTY_NAME=a\\ b\n#\n",
    }
    for name, s in files.items():
        write("dpkg", name, bytes([int(name[0])]) + s.encode())


def apk():
    write("apk", "two", b"C:Q1=\nP:a\nV:1-r0\nA:x86_64\nI:10\nT:t\nL:MIT\no:s\nD:b !c\nF:usr/bin\nM:0:0:1777\nR:a\na:0:0:755\nZ:Q1=\nF:\nR:bin\n\nP:b\nV:2\n\n")
    write("apk", "damaged", b"V:1\nF:etc\nR:passwd\n\nP:a\nV:1\nF:x\nP:b\n\nxx\n\0:\nP:c\nV:\n")
    write("apk", "not-ended", b"P:a\nV:1\nF:etc\nR:passwd")



def pacman():
    about = b"".join(b"%%%s%%\n%s\n\n" % x for x in ((b"NAME", b"bash"), (b"VERSION", b"5.2-1"), (b"BASE", b"shells"), (b"DESC", b"sh"), (b"ARCH", b"x86_64"), (b"LICENSE", b"GPL-3.0-or-later\nMIT OR ISC"),
                                                   (b"SIZE", b"99"), (b"REASON", b"1"), (b"DEPENDS", b"glibc>=2")))
    write("pacman", "whole", about + b"\0%FILES%\nusr/\nusr/bin/\nusr/bin/a\nusr/lib/b\n\n%BACKUP%\netc/a.conf\tx\n")
    write("pacman", "dots", about + b"\0%FILES%\n../usr/bin/a\n/usr/bin/a\nloop/x\n")


def chisel():
    with open(os.path.join(HERE, "chisel", "plain"), "rb") as f:
        plain = f.read()
    write("chisel", "gzip", gzip.compress(plain, 6, mtime=0))
    write("chisel", "zstd", subprocess.run(["zstd", "-c", "-3"], input=plain, stdout=subprocess.PIPE, check=True).stdout)


rpm()
dpkg()
apk()
pacman()
chisel()
