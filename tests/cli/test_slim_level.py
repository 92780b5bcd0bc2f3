"""`pare slim --level package` and `file`: package databases say what is left, and pages and documents tell of what went."""
import io
import json
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import zlib

import pytest

from imagelib import Dir, File, Image, Symlink, layer
from test_html import Page, adds_up
from test_scan_reach import elf
from test_slim import archive, names, tree

RUN = b"#!/bin/sh\ncat /usr/share/used/data\n"


def dirs(*paths):
    found = sorted({p[:i] for p in paths for i, c in enumerate(p) if c == "/"})
    return [Dir(d) for d in found]


def files(contents, **kw):
    """With the directories that they lie in."""
    return dirs(*contents) + [File(p, c, **kw) for p, c in sorted(contents.items())]


def slim(pare, tmp_path, layers, *args, level="file", config=None, **kw):
    """(the report, the result's place) of the image with these layers."""
    image, out, said = tmp_path / "in.tar", tmp_path / "out.tar", tmp_path / "report.json"
    Image(layers, config=config or {"Cmd": ["/bin/run"]}, **kw).docker_archive(image)
    pare("slim", "--no-run", "--level", level, image, "-o", out, "--report", said, *args)
    return json.loads(said.read_text()), out


def packages(pare, image):
    """type -> the names that a bill of materials of it has."""
    doc = pare("sbom", image, "--format", "cyclonedx").json()
    found = {}
    for c in doc.get("components", []):
        purl = c.get("purl", "")
        if purl.startswith("pkg:"):
            found.setdefault(purl[4:].split("/")[0], set()).add(c["name"])
    return found


def content(out, path):
    for data in reversed(archive(out)[2]):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            if path in tar.getnames():
                return tar.extractfile(path).read()
    return None


def stanza(name, version="1"):
    return ("Package: %s\nStatus: install ok installed\nVersion: %s\nArchitecture: amd64\nDescription: %s\n of more than a line\n\n" % (name, version, name)).encode()


def debian(**more):
    """Two packages of which one is used, in part."""
    sums = b"0123456789abcdef0123456789abcdef  "
    tree = {
        "etc/os-release": b"ID=debian\nVERSION_ID=12\n", "bin/run": RUN, "bin/sh": b"shell", "usr/share/used/data": b"d" * 100, "usr/share/used/spare": b"s" * 200, "usr/bin/idle": b"i" * 300,
        "usr/share/doc/used/copyright": b"terms", "usr/share/doc/idle/copyright": b"terms",
        "var/lib/dpkg/status": stanza("used", "1.5-2") + stanza("idle") + stanza("shell"),
        "var/lib/dpkg/info/used.list": b"/.\n/usr\n/usr/share\n/usr/share/used\n/usr/share/used/data\n/usr/share/used/spare\n/usr/share/doc/used/copyright\n",
        "var/lib/dpkg/info/used.md5sums": sums + b"usr/share/used/data\n" + sums + b"usr/share/used/spare\n",
        "var/lib/dpkg/info/idle.list": b"/.\n/usr\n/usr/bin\n/usr/bin/idle\n/usr/share/doc/idle/copyright\n", "var/lib/dpkg/info/idle.md5sums": sums + b"usr/bin/idle\n",
        "var/lib/dpkg/info/shell.list": b"/.\n/bin\n/bin/sh\n",
    }
    tree.update(more)
    return layer(*files(tree, mode=0o755))


def test_dpkg_becomes_a_file_a_package(pare, tmp_path):
    report, out = slim(pare, tmp_path, [debian()])
    left = tree(pare, f"docker-archive:{out}")
    assert {p for p in left if p.startswith("/var/lib/dpkg")} == {"/var/lib/dpkg", "/var/lib/dpkg/status.d", "/var/lib/dpkg/status.d/used", "/var/lib/dpkg/status.d/used.md5sums", "/var/lib/dpkg/status.d/shell"}
    assert packages(pare, out) == {"deb": {"used", "shell"}}
    assert content(out, "var/lib/dpkg/status.d/used") == stanza("used", "1.5-2").rstrip(b"\n") + b"\n"
    assert content(out, "var/lib/dpkg/status.d/used.md5sums") == b"0123456789abcdef0123456789abcdef  usr/share/used/data\n"
    assert "/usr/share/doc/used/copyright" in left and "/usr/share/doc/idle/copyright" not in left and "/usr/share/used/spare" not in left
    assert report["before"]["packages"] == 3 and report["after"]["packages"] == 2
    again, _ = slim(pare, tmp_path, [debian()])
    assert again == report


def test_at_level_package_a_package_stays_whole(pare, tmp_path):
    _, out = slim(pare, tmp_path, [debian()], level="package")
    assert "/usr/share/used/spare" in tree(pare, f"docker-archive:{out}") and packages(pare, out) == {"deb": {"used", "shell"}}
    assert content(out, "var/lib/dpkg/status.d/used.md5sums").count(b"\n") == 2


def test_configuration_alone_keeps_no_package_whole(pare, tmp_path):
    more = {"bin/run": RUN + b"cat /etc/idle.conf\n", "etc/idle.conf": b"c", "var/lib/dpkg/info/idle.list": b"/.\n/etc\n/etc/idle.conf\n/usr\n/usr/bin\n/usr/bin/idle\n"}
    _, out = slim(pare, tmp_path, [debian(**more)], level="package")
    left = tree(pare, f"docker-archive:{out}")
    assert "/etc/idle.conf" in left and "/usr/bin/idle" not in left
    assert packages(pare, out) == {"deb": {"used", "idle", "shell"}}


def test_what_merely_stays_starts_nothing(pare, tmp_path):
    more = {"usr/share/used/tool": b"#!/bin/sh\n/usr/bin/idle\n"}
    more["var/lib/dpkg/info/used.list"] = b"/.\n/usr\n/usr/share\n/usr/share/used\n/usr/share/used/data\n/usr/share/used/spare\n/usr/share/used/tool\n"
    _, out = slim(pare, tmp_path, [debian(**more)], level="package")
    left = tree(pare, f"docker-archive:{out}")
    assert "/usr/share/used/tool" in left and "/usr/bin/idle" not in left


def test_what_merely_stays_brings_no_other_package(pare, tmp_path):
    lib = "usr/lib/x86_64-linux-gnu/"
    more = {"usr/share/used/tool": elf(["libidle.so.1"]), "usr/share/used/own.so": elf(["libown.so.1"], soname="own.so"), lib + "libown.so.1": elf(soname="libown.so.1"), lib + "libidle.so.1": elf(soname="libidle.so.1"),
            "usr/share/used/last.so": elf(["libmiddle.so.1"], soname="last.so"), lib + "libmiddle.so.1": elf(["libidle.so.1"], soname="libmiddle.so.1")}
    used = [p for p in more if p != lib + "libidle.so.1"]
    more["var/lib/dpkg/info/used.list"] = "".join("/%s\n" % p for p in [".", "usr", "usr/share", "usr/share/used", "usr/share/used/data", "usr/share/used/spare", *used]).encode()
    more["var/lib/dpkg/info/idle.list"] = ("/.\n/usr/bin/idle\n/%slibidle.so.1\n" % lib).encode()
    _, out = slim(pare, tmp_path, [debian(**more)], level="package")
    left = tree(pare, f"docker-archive:{out}")
    assert {"/usr/share/used/own.so", f"/{lib}libown.so.1", "/usr/share/used/spare"} <= set(left)
    assert not set(left) & {"/usr/share/used/tool", f"/{lib}libidle.so.1", "/usr/share/used/last.so", f"/{lib}libmiddle.so.1"}
    assert packages(pare, out) == {"deb": {"used", "shell"}}


def test_dpkg_stays_where_it_is_when_it_is_read_there(pare, tmp_path):
    _, out = slim(pare, tmp_path, [debian(**{"bin/run": RUN + b"cat /var/lib/dpkg/status\n"})])
    left = tree(pare, f"docker-archive:{out}")
    assert "/var/lib/dpkg/status" in left and not any("status.d" in p for p in left)
    assert content(out, "var/lib/dpkg/status") == stanza("used", "1.5-2") + stanza("shell")
    assert packages(pare, out) == {"deb": {"used", "shell"}}


def test_databases_of_kept_base_layers_are_hidden(pare, tmp_path):
    _, out = slim(pare, tmp_path, [debian(), layer(File("usr/bin/later", b"l" * 400))], "--keep-base", history=["ADD file:0 in / ", ('CMD ["sh"]', True), "COPY later /usr/bin/"])
    layers = archive(out)[2]
    assert layers[0] == debian()
    assert "var/lib/dpkg/.wh.status" in names(layers[-1])
    left = tree(pare, f"docker-archive:{out}")
    assert "/var/lib/dpkg/status" not in left and "/var/lib/dpkg/status.d/used" in left and "/usr/bin/idle" in left
    assert packages(pare, out)["deb"] >= {"used", "shell"}


def test_single_descriptions_go_with_their_packages(pare, tmp_path):
    one = layer(*files({"etc/os-release": b"ID=debian\n", "bin/run": RUN, "bin/sh": b"shell", "usr/share/used/data": b"d", "usr/bin/idle": b"i" * 300,
                        "var/lib/dpkg/status.d/used": stanza("used"), "var/lib/dpkg/status.d/used.md5sums": b"0123456789abcdef0123456789abcdef  usr/share/used/data\n",
                        "var/lib/dpkg/status.d/idle": stanza("idle"), "var/lib/dpkg/status.d/idle.md5sums": b"0123456789abcdef0123456789abcdef  usr/bin/idle\n"}, mode=0o755))
    _, out = slim(pare, tmp_path, [one])
    assert packages(pare, out) == {"deb": {"used"}}
    left = tree(pare, f"docker-archive:{out}")
    assert "/var/lib/dpkg/status.d/used.md5sums" in left and not any("idle" in p for p in left)


def test_apk(pare, tmp_path):
    installed = (b"C:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\nP:used\nV:1.2-r0\nA:x86_64\nT:used\nF:usr/share/used\nR:data\nZ:Q1bbbbbbbbbbbbbbbbbbbbbbbbbbb=\nR:spare\na:0:0:644\nZ:Q1ccccccccccccccccccccccccccc=\nF:usr/share/more\nM:0:0:755\nR:x\n\n"
                 b"P:idle\nV:2-r0\nA:x86_64\nF:usr/bin\nR:idle\n\nP:busybox\nV:3-r0\nA:x86_64\nF:bin\nR:sh\n\n")
    one = layer(*files({"etc/os-release": b"ID=alpine\nVERSION_ID=3.20.1\n", "etc/apk/repositories": b"https://a.example/v3.20/main\n", "bin/run": RUN, "bin/sh": b"shell", "usr/share/used/data": b"d" * 100,
                        "usr/share/used/spare": b"s" * 200, "usr/share/more/x": b"x" * 50, "usr/bin/idle": b"i" * 300, "lib/apk/db/installed": installed, "lib/apk/db/scripts.tar": b"t" * 1000}, mode=0o755))
    _, out = slim(pare, tmp_path, [one])
    assert packages(pare, out) == {"apk": {"used", "busybox"}}
    assert content(out, "lib/apk/db/installed") == (b"C:Q1aaaaaaaaaaaaaaaaaaaaaaaaaaa=\nP:used\nV:1.2-r0\nA:x86_64\nT:used\nF:usr/share/used\nR:data\nZ:Q1bbbbbbbbbbbbbbbbbbbbbbbbbbb=\n\n"
                                                    b"P:busybox\nV:3-r0\nA:x86_64\nF:bin\nR:sh\n\n")
    assert "/usr/share/used/spare" not in tree(pare, f"docker-archive:{out}")


def test_the_description_of_a_languages_package_goes_with_its_last_file(pare, tmp_path):
    record = b"used.py,,\nused-1.dist-info/METADATA,,\n"
    lib = "usr/lib/python3/dist-packages/"
    one = layer(*files({"bin/run": b"#!/bin/sh\ncat /" + lib.encode() + b"used.py\n", "bin/sh": b"shell", lib + "used.py": b"x = 1\n", lib + "used-1.dist-info/METADATA": b"Name: used\nVersion: 1\n",
                        lib + "used-1.dist-info/RECORD": record, lib + "idle.py": b"x = 2\n", lib + "idle-2.dist-info/METADATA": b"Name: idle\nVersion: 2\n",
                        lib + "idle-2.dist-info/RECORD": record.replace(b"used-1", b"idle-2").replace(b"used", b"idle")}, mode=0o755))
    report, out = slim(pare, tmp_path, [one])
    left = tree(pare, f"docker-archive:{out}")
    assert packages(pare, out) == {"pypi": {"used"}}
    assert not any("idle" in p for p in left) and report["packages_gone"] == ["pkg:pypi/idle@2"]


# --- facts: what a bill of materials of the result says is what has files left ---

VENDOR = "app/vendor/"


def composer(*more, dev=()):
    """vendor/composer of these packages: (name, version)."""
    v2 = [{"name": n, "version": v, "type": "library", "install-path": "../" + n, "extra": {"ratio": 0.5, "url": "https://x/y"}} for n, v in more]
    php = "<?php return array('root' => array('name' => 'app'), 'versions' => array(%s));\n" % ", ".join("'%s' => array('pretty_version' => '%s')" % p for p in more)
    return {VENDOR + "composer/installed.json": json.dumps({"packages": v2, "dev": True, "dev-package-names": list(dev)}).encode(), VENDOR + "composer/installed.php": php.encode(),
            VENDOR + "autoload.php": b"<?php require __DIR__ . '/composer/installed.php';\n"}


def php_app(**more):
    tree = {"bin/run": b"#!/bin/sh\ncat /app/vendor/a/used/src/U.php /app/vendor/composer/installed.json\n", "bin/sh": b"shell", VENDOR + "a/used/src/U.php": b"<?php class U {}\n",
            VENDOR + "b/idle/src/I.php": b"<?php class I {}\n", VENDOR + "b/tool/src/T.php": b"<?php class T {}\n"}
    tree.update(composer(("a/used", "1.0.0"), ("b/idle", "2.0"), ("b/tool", "3"), dev=["b/tool", "a/used"]))
    tree.update(more)
    return layer(*files(tree, mode=0o755, uid=33, gid=34))


def test_composers_list_names_what_is_left(pare, tmp_path):
    report, out = slim(pare, tmp_path, [php_app()])
    assert packages(pare, out) == {"composer": {"used"}} and report["after"]["packages"] == 1
    doc = json.loads(content(out, VENDOR + "composer/installed.json"))
    assert [p["name"] for p in doc["packages"]] == ["a/used"] and doc["packages"][0]["extra"] == {"ratio": 0.5, "url": "https://x/y"}
    assert doc["dev"] is True and doc["dev-package-names"] == ["a/used"]
    assert report["packages_gone"] == ["pkg:composer/b/idle@2.0", "pkg:composer/b/tool@3"]
    with tarfile.open(fileobj=io.BytesIO(archive(out)[2][-1])) as top:
        entry = top.getmember(VENDOR + "composer/installed.json")
    assert (entry.mode, entry.uid, entry.gid) == (0o755, 33, 34)
    again, second = slim(pare, tmp_path, [php_app()])
    assert content(second, VENDOR + "composer/installed.json") == content(out, VENDOR + "composer/installed.json") and again == report


def test_composers_list_that_says_the_truth_stays_as_it_is(pare, tmp_path):
    everything = b"#!/bin/sh\ncat /app/vendor/a/used/src/U.php /app/vendor/b/idle/src/I.php /app/vendor/b/tool/src/T.php /app/vendor/composer/installed.json\n"
    _, out = slim(pare, tmp_path, [php_app(**{"bin/run": everything})])
    assert content(out, VENDOR + "composer/installed.json") == composer(("a/used", "1.0.0"), ("b/idle", "2.0"), ("b/tool", "3"), dev=["b/tool", "a/used"])[VENDOR + "composer/installed.json"]


def test_composers_list_of_nothing_goes(pare, tmp_path):
    _, out = slim(pare, tmp_path, [php_app(**{"bin/run": b"#!/bin/sh\ncat /app/vendor/autoload.php\n"})])
    assert packages(pare, out) == {} and "/" + VENDOR + "composer/installed.json" not in tree(pare, f"docker-archive:{out}")


def node_app():
    tree = {"bin/run": b"#!/bin/sh\ncat /app/node_modules/used/index.js /app/node_modules/deep/node_modules/twice/index.js /app/package-lock.json\n", "bin/sh": b"shell",
            "app/package-lock.json": json.dumps({"lockfileVersion": 3, "packages": {"node_modules/used": {"version": "1.0.0"}, "node_modules/idle": {"version": "2.0.0"}}}).encode()}
    for name, version in (("used", "1.0.0"), ("idle", "2.0.0"), ("twice", "3.0.0"), ("deep", "4.0.0"), ("deep/node_modules/twice", "3.0.0"), ("@s/idle", "5.0.0")):
        short = name.rsplit("node_modules/", 1)[-1]
        tree["app/node_modules/%s/package.json" % name] = json.dumps({"name": short, "version": version}).encode()
        tree["app/node_modules/%s/index.js" % name] = b"module.exports = 1\n"
    return layer(*files(tree, mode=0o755))


def test_node_packages_are_those_with_files_left_and_lock_files_stay(pare, tmp_path):
    report, out = slim(pare, tmp_path, [node_app()])
    assert packages(pare, out) == {"npm": {"used", "twice"}}
    # what is left in one place is not gone for having gone from another
    assert sorted(report["packages_gone"]) == ["pkg:npm/%40s/idle@5.0.0", "pkg:npm/deep@4.0.0", "pkg:npm/idle@2.0.0"]
    assert b"node_modules/idle" in content(out, "app/package-lock.json")


def test_gems_are_those_with_files_left(pare, tmp_path):
    base = "usr/lib/ruby/gems/3.1.0/"
    tree = {"bin/run": ("#!/bin/sh\ncat /%sgems/used-1.0/lib/used.rb\n" % base).encode(), "bin/sh": b"shell", "app/Gemfile.lock": b"GEM\n  specs:\n    used (1.0)\n    idle (2.0)\n"}
    for name, version in (("used", "1.0"), ("idle", "2.0")):
        tree[base + "specifications/%s-%s.gemspec" % (name, version)] = ('Gem::Specification.new do |s|\n  s.name = "%s".freeze\n  s.version = "%s"\nend\n' % (name, version)).encode()
        tree[base + "gems/%s-%s/lib/%s.rb" % (name, version, name)] = b"X = 1\n"
    _, out = slim(pare, tmp_path, [layer(*files(tree, mode=0o755))])
    assert packages(pare, out) == {"gem": {"used"}}


# --- rpm ---

def rpm_header(name, files, version="1.0", release="2.fc40"):
    data, index = b"", []

    def put(tag, kind, value, count=1):
        nonlocal data
        data += b"\0" * (-len(data) % 4 if kind == 4 else 0)
        index.append((tag, kind, len(data), count))
        data += value
    for tag, value in ((1000, name), (1001, version), (1002, release), (1022, "x86_64"), (1044, "%s-%s-%s.src.rpm" % (name, version, release))):
        put(tag, 6, value.encode() + b"\0")
    places = sorted({f.rsplit("/", 1)[0] + "/" for f in files})
    put(1116, 4, b"".join(struct.pack(">I", places.index(f.rsplit("/", 1)[0] + "/")) for f in files), len(files))
    put(1117, 8, b"".join(f.rsplit("/", 1)[1].encode() + b"\0" for f in files), len(files))
    put(1118, 8, b"".join(p.encode() + b"\0" for p in places), len(places))
    return struct.pack(">II", len(index), len(data)) + b"".join(struct.pack(">IIII", *e) for e in index) + data


def rpm_database(path, packages, extra=()):
    """The bytes of an rpmdb.sqlite: hnum -> (name, files), from 1."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)")
    for table in ("Name", "Basenames", "Sigmd5"):
        db.execute("CREATE TABLE '%s' (key %s NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL, FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum))" % (table, "BLOB" if table == "Sigmd5" else "TEXT"))
    for number, (name, files) in enumerate(packages, 1):
        db.execute("INSERT INTO Packages VALUES (?, ?)", (number, rpm_header(name, files)))
        db.execute("INSERT INTO Name VALUES (?, ?, 0)", (name, number))
        db.execute("INSERT INTO Sigmd5 VALUES (?, ?, 0)", (bytes([number] * 16), number))
        for i, f in enumerate(files):
            db.execute("INSERT INTO Basenames VALUES (?, ?, ?)", (f.rsplit("/", 1)[1], number, i))
    for sql in extra:
        db.execute(sql)
    db.commit()
    db.close()
    return path.read_bytes()


RPMS = [("idle", ["/usr/bin/idle"]), ("used", ["/usr/share/used/data", "/usr/share/used/spare"]), ("shell", ["/bin/sh"]), ("lone", ["/usr/bin/lone"])]


def fedora(database, **more):
    tree = {"etc/os-release": b"ID=fedora\nVERSION_ID=40\n", "bin/run": RUN, "bin/sh": b"shell", "usr/share/used/data": b"d" * 100, "usr/share/used/spare": b"s" * 200, "usr/bin/idle": b"i" * 300, "usr/bin/lone": b"l" * 10,
            "usr/lib/sysimage/rpm/rpmdb.sqlite": database, "usr/lib/sysimage/rpm/rpmdb.sqlite-shm": b"\0" * 100, "usr/lib/sysimage/rpm/.rpm.lock": b""}
    tree.update(more)
    return layer(*files(tree, mode=0o755), Symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm"))


def rows(data, sql, tmp_path):
    place = tmp_path / "left.sqlite"
    place.write_bytes(data)
    db = sqlite3.connect(place)
    try:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute(sql).fetchall()
    finally:
        db.close()


# A trigger, a view, another table: nothing of that sort is carried out, or carried over.
HOSTILE = ["CREATE TABLE boo (x)", "CREATE TRIGGER t AFTER DELETE ON Packages BEGIN INSERT INTO boo VALUES (1); END", "CREATE VIEW Requirename AS SELECT 'k' AS key, 2 AS hnum, 0 AS idx"]


@pytest.mark.parametrize("extra", [[], HOSTILE], ids=["plain", "hostile"])
def test_rpm_without_what_went(pare, tmp_path, extra):
    report, out = slim(pare, tmp_path, [fedora(rpm_database(tmp_path / "db", RPMS, extra))])
    assert packages(pare, out) == {"rpm": {"used", "shell"}} and not report["doubts"]
    data = content(out, "usr/lib/sysimage/rpm/rpmdb.sqlite")
    assert [n for n, in rows(data, "SELECT hnum FROM Packages", tmp_path)] == [2, 3]
    assert rows(data, "SELECT key, hnum, idx FROM Basenames", tmp_path) == [("data", 2, 0), ("spare", 2, 1), ("sh", 3, 0)]
    assert rows(data, "SELECT key, hnum FROM Sigmd5", tmp_path) == [(b"\2" * 16, 2), (b"\3" * 16, 3)]
    assert [n for n, in rows(data, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1", tmp_path)] == ["Basenames", "Name", "Packages", "Sigmd5", "sqlite_sequence"]
    assert rows(data, "SELECT hnum FROM Packages WHERE hnum IN (SELECT hnum FROM Name WHERE key = 'used')", tmp_path) == [(2,)]
    left = tree(pare, f"docker-archive:{out}")
    assert "/usr/lib/sysimage/rpm/rpmdb.sqlite-shm" not in left and "/usr/lib/sysimage/rpm/.rpm.lock" in left


def test_rpm_of_which_all_is_left_stays_as_it_is(pare, tmp_path):
    database = rpm_database(tmp_path / "db", RPMS[1:3])
    _, out = slim(pare, tmp_path, [fedora(database)])
    assert content(out, "usr/lib/sysimage/rpm/rpmdb.sqlite") == database


def ndb(packages):
    """The bytes of a Packages.db (SUSE), as rpm_database() has them."""
    slots, body = b"", b""
    for i, (name, paths) in enumerate(packages, 1):
        header = rpm_header(name, paths)
        blob = b"BlbS" + struct.pack("<3I", i, 1, len(header)) + header
        blob += b"\0" * ((4 - len(blob)) % 16)
        blob += struct.pack("<2I", zlib.adler32(blob), len(header)) + b"BlbE"
        slots += b"Slot" + struct.pack("<3I", i, (4096 + len(body)) // 16, len(blob) // 16)
        body += blob
    slots += (b"Slot" + b"\0" * 12) * ((4096 - 32 - len(slots)) // 16)
    return b"RpmP" + struct.pack("<7I", 0, 7, 1, len(packages) + 1, 0, 0, 0) + slots + body


def bdb(packages):
    """The bytes of a Packages, a Berkeley DB hash of one bucket on page 1: long values on pages of their own."""
    size, pages, items = 4096, [], [b"\1" + struct.pack("<I", 0), b"\1" + struct.pack("<I", len(packages))]
    for i, (name, paths) in enumerate(packages, 1):
        header = rpm_header(name, paths)
        items.append(b"\1" + struct.pack("<I", i))
        if i % 2:  # of either kind
            items.append(b"\1" + header)
            continue
        items.append(b"\3\0\0\0" + struct.pack("<2I", 2 + len(pages), len(header)))
        pages.append((struct.pack("<8x3I2HBB", 2 + len(pages), 0, 0, 1, len(header), 0, 7) + header).ljust(size, b"\0"))
    at, index, body = size, b"", b""
    for item in items:
        at -= len(item)
        index += struct.pack("<H", at)
        body = item + body
    page = struct.pack("<8x3I2HBB", 1, 0, 0, len(items), at, 0, 13) + index
    page += b"\0" * (at - len(page)) + body
    meta = struct.pack("<8x4I4B2I", 0, 0x061561, 9, size, 0, 8, 0, 0, 0, len(pages) + 1).ljust(72, b"\0") + struct.pack("<7I", 0, 0, 0, 0, len(items) // 2, 0, 1)
    return meta.ljust(size, b"\0") + page + b"".join(pages)


def old_rpm(name, database, *indexes):
    tree = {"etc/os-release": b"ID=opensuse-leap\nVERSION_ID=15.6\n", "bin/run": RUN, "bin/sh": b"shell", "usr/share/used/data": b"d" * 100, "usr/share/used/spare": b"s" * 200, "usr/bin/idle": b"i" * 300, "usr/bin/lone": b"l" * 10,
            "usr/lib/sysimage/rpm/" + name: database, **{"usr/lib/sysimage/rpm/" + i: b"index" * 100 for i in indexes}}
    return layer(*files(tree, mode=0o755), Symlink("var/lib/rpm", "../../usr/lib/sysimage/rpm"))


def test_rpms_ndb_without_what_went(pare, tmp_path):
    report, out = slim(pare, tmp_path, [old_rpm("Packages.db", ndb(RPMS), "Index.db")])
    assert packages(pare, out) == {"rpm": {"used", "shell"}} and not report["doubts"]
    data = content(out, "usr/lib/sysimage/rpm/Packages.db")
    magic, version, generation, pages, following = struct.unpack("<4s4I", data[:20])
    assert (magic, version, generation, pages, following) == (b"RpmP", 0, 8, 1, 5)  # another generation: rpm sees that an index is old
    slots = [struct.unpack("<4s3I", data[at:at + 16]) for at in range(32, 4096, 16)]
    assert [s[1] for s in slots[:3]] == [2, 3, 0] and all(s[0] == b"Slot" for s in slots)
    assert slots[0][2] == 4096 // 16 and slots[1][2] == slots[0][2] + slots[0][3] and len(data) == 16 * (slots[1][2] + slots[1][3])
    assert not any(p.endswith("Index.db") for p in tree(pare, f"docker-archive:{out}"))


def test_rpms_berkeley_db_without_what_went(pare, tmp_path):
    report, out = slim(pare, tmp_path, [old_rpm("Packages", bdb(RPMS), "Name", "Basenames", "__db.001", ".dbenv.lock")])
    assert packages(pare, out) == {"rpm": {"used", "shell"}} and not report["doubts"]
    left = {p.rsplit("/", 1)[1] for p in tree(pare, f"docker-archive:{out}") if p.startswith("/usr/lib/sysimage/rpm/")}
    assert left == {"Packages", ".dbenv.lock"}


@pytest.mark.skipif(not shutil.which("rpm"), reason="no rpm")
@pytest.mark.parametrize("backend, name, make", [("sqlite", "rpmdb.sqlite", None), ("ndb", "Packages.db", ndb), ("bdb_ro", "Packages", bdb)])
def test_rpm_itself_reads_what_is_left(pare, tmp_path, backend, name, make):
    def installed(place):
        r = subprocess.run(["rpm", "--define", "_db_backend " + backend, "--dbpath", str(place), "-qa"], capture_output=True, text=True)
        return sorted(r.stdout.split()), r.stderr
    others = ["Group", "Requirename", "Providename", "Conflictname", "Obsoletename", "Triggername", "Dirnames", "Installtid", "Sha1header", "Filetriggername", "Transfiletriggername", "Recommendname", "Suggestname",
              "Supplementname", "Enhancename"]
    database = make(RPMS) if make else rpm_database(tmp_path / "db", RPMS, ["CREATE TABLE '%s' (key TEXT NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL)" % t for t in others])
    for place, data in (("before", database), ("after", None)):
        (tmp_path / place).mkdir()
        if data is None:
            _, out = slim(pare, tmp_path, [old_rpm(name, database)])
            data = content(out, "usr/lib/sysimage/rpm/" + name)
        (tmp_path / place / name).write_bytes(data)
    before, said = installed(tmp_path / "before")
    if "invalid %_db_backend" in said or "dummy" in said:
        pytest.skip("this rpm does not read " + backend)
    assert before == ["%s-1.0-2.fc40.x86_64" % n for n in ("idle", "lone", "shell", "used")]
    assert installed(tmp_path / "after")[0] == ["shell-1.0-2.fc40.x86_64", "used-1.0-2.fc40.x86_64"]


def test_a_damaged_rpm_database_is_not_written_anew(pare, tmp_path):
    image = tmp_path / "in.tar"
    broken = bytearray(ndb(RPMS))
    broken[4096 + 20] ^= 1
    Image([old_rpm("Packages.db", bytes(broken))], config={"Cmd": ["/bin/run"]}).docker_archive(image)
    pare("slim", "--no-run", image, "-o", tmp_path / "out.tar", status=3)
    assert not (tmp_path / "out.tar").exists()


# --- the page, and what scanners are told ---

def test_page(pare, tmp_path):
    page, vex = tmp_path / "page.html", tmp_path / "vex.json"
    evil = "usr/bin/</script><b>&"
    one = debian(**{evil: b"e" * 5000})
    report, out = slim(pare, tmp_path, [one], "--html", page, "--vex", vex)
    text = page.read_text()
    p = Page(text)
    data = json.loads(p.data)
    assert evil not in text and not any(tag == "b" for tag, _ in p.tags)
    (policy,) = [a["content"] for tag, a in p.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    for view in data["views"].values():
        adds_up(view)
    total = {k: v["bytes"][0] for k, v in data["views"].items()}
    assert total["before"] == total["after"] + total["went"] and total["stayed"] == total["after"]
    assert total["went"] == sum(r["bytes"] for r in report["removed"])
    s = data["slim"]
    assert s["level"] == "file" and s["written"] == str(out)
    assert {k: s["after"][k] for k in ("size", "files", "packages", "setuid", "shells")} == {k: report["after"][k] for k in ("size", "files", "packages", "setuid", "shells")}
    assert sum(r["bytes"] for r in s["went"]["rows"]) == total["went"] and s["went"]["more"] == 0
    idle = [r for r in s["went"]["rows"] if r["name"] == "idle"]
    assert len(idle) == 1 and idle[0]["bytes"] == idle[0]["of"] and idle[0]["why"]
    assert [c["name"] for c in s["checks"]] == [c["name"] for c in report["verification"]] and all(c["pass"] for c in s["checks"])
    first = page.read_bytes(), vex.read_bytes()
    slim(pare, tmp_path, [one], "--html", page, "--vex", vex)
    assert (page.read_bytes(), vex.read_bytes()) == first


def test_page_at_level_safe_and_of_a_dry_run(pare, tmp_path):
    image, page, vex = tmp_path / "in.tar", tmp_path / "page.html", tmp_path / "vex.json"
    Image([debian()], config={"Cmd": ["/bin/run"]}).docker_archive(image)
    pare("slim", "--level", "safe", image, "--dry-run", "--html", page, "--vex", vex)
    data = json.loads(Page(page.read_text()).data)
    assert data["slim"]["level"] == "safe" and data["slim"]["written"] == "" and json.loads(vex.read_text())["statements"] == []


def test_vex(pare, tmp_path):
    vex = tmp_path / "vex.json"
    report, _ = slim(pare, tmp_path, [debian()], "--vex", vex)
    doc = json.loads(vex.read_text())
    assert doc["@context"] == "https://openvex.dev/ns/v0.2.0" and doc["timestamp"] and doc["author"]
    said = {(s["status"], s["justification"], s["products"][0]["subcomponents"][0]["@id"]) for s in doc["statements"]}
    assert said == {("not_affected", "component_not_present", purl) for purl in report["packages_gone"]} and len(said) == 1


def test_a_report_that_cannot_be_written(pare, tmp_path):
    image = tmp_path / "in.tar"
    Image([debian()], config={"Cmd": ["/bin/run"]}).docker_archive(image)
    for option in ("--html", "--vex"):
        r = pare("slim", "--no-run", image, "--dry-run", option, tmp_path / "absent" / "file", status=4)
        assert r.err.count("\n") == 1 and "absent" in r.err
