"""`pare diff`: what changed between two images."""
import json
import re

import pytest

import schemalib
from imagelib import Device, Dir, File, Hardlink, Image, Opaque, Symlink, Whiteout, layer

STATUS = """Package: libc6
Status: install ok installed
Version: %s
Architecture: amd64

Package: tool
Status: install ok installed
Version: 1.0-1
Architecture: amd64
"""


def packages(version, *more):
    return [File("var/lib/dpkg/status", STATUS % version), File("var/lib/dpkg/info/libc6:amd64.list", "/usr/lib/libc.so\n"),
            File("var/lib/dpkg/info/tool.list", "/usr/bin/tool\n"), *more]


@pytest.fixture
def make(tmp_path):
    """Writes images; the same content differently kept counts as another file."""
    n = [0]

    def write(*layers, form="docker25", **kw):
        n[0] += 1
        return Image(layers, **kw).docker_archive(tmp_path / ("%d.tar" % n[0]), form=form)
    return write


def changes(doc):
    return {c["path"]: (c["change"], c["what"]) for c in doc["files"]["changes"]}


def diff(pare, a, b, *options, status=0):
    doc = pare("diff", a, b, "--format", "json", *options, status=status).json()
    schemalib.check(doc, "diff")
    return doc


def adds_up(doc):
    """Every byte of both images stands in exactly one of the four sums."""
    for side in ("before", "after"):
        assert sum(doc["files"][k][side] for k in ("same", "added", "removed", "changed")) == doc[side]["visible_size"]


def test_the_same_image(pare, make):
    a = make(layer(File("etc/motd", "hello")))
    doc = diff(pare, a, a, "--exit-code")
    assert doc["equal"] and doc["files"]["changes"] == [] and doc["config"] == [] and doc["directories"] == []
    assert doc["layers"]["equal"] and len(doc["layers"]["shared"]) == 1
    assert diff(pare, a, a, "--strict", "--exit-code")["equal"]
    assert "No difference" in pare("diff", a, a).out


def test_ways_to_keep_an_image_make_no_difference(pare, tmp_path):
    image = Image([layer(File("a", "1"), File("b", "2")), layer(Whiteout("a"))])
    places = [image.docker_archive(tmp_path / "a.tar"), image.docker_archive(tmp_path / "b.tar", form="legacy"), image.oci(tmp_path / "oci", compression="zstd"),
              image.oci_archive(tmp_path / "c.tar", compression="gzip")]
    for place in places[1:]:
        doc = diff(pare, places[0], place, "--strict", "--exit-code")
        assert doc["equal"] and doc["layers"]["equal"]


def test_times_order_and_layers_count_only_when_strict(pare, make):
    a = make(layer(File("a", "1"), File("b", "2"), Dir("d")), config={"Env": ["A=1", "B=2"]})
    b = make(layer(Dir("d", mtime=7), File("b", "2")), layer(File("a", "1", mtime=9), File("gone", "x")), layer(Whiteout("gone")), config={"Env": ["B=2", "A=1"]},
             extra={"created": "2024-01-01T00:00:00Z", "author": "me"})
    doc = diff(pare, a, b, "--exit-code")
    assert doc["equal"] and not doc["layers"]["equal"]
    doc = diff(pare, a, b, "--strict", "--exit-code", status=1)
    assert changes(doc) == {"/a": ("changed", ["mtime", "layer"]), "/d": ("changed", ["mtime"])}
    fields = [c["field"] for c in doc["config"]]
    assert fields[:3] == ["created", "author", "env_order"] and set(fields[3:]) == {"history"}
    pare("diff", a, b, "--strict", status=0)  # without --exit-code differing is no failure


def test_every_kind_of_change(pare, make):
    a = make(layer(Dir("etc"), File("etc/content", "one"), File("etc/mode", "x"), File("etc/owner", "x"), File("etc/type", "x"), Symlink("etc/target", "a"),
                   Device("etc/device", 1, 3), File("etc/xattr", "x"), File("etc/removed", "12345"), File("etc/same", "x")))
    b = make(layer(Dir("etc"), File("etc/content", "two"), File("etc/mode", "x", mode=0o4755), File("etc/owner", "x", uid=5), Symlink("etc/type", "x"), Symlink("etc/target", "b"),
                   Device("etc/device", 1, 5), File("etc/xattr", "x", xattrs={"user.a": b"1"}), File("etc/added", "123"), File("etc/same", "x")))
    doc = diff(pare, a, b)
    assert changes(doc) == {
        "/etc/added": ("added", []), "/etc/content": ("changed", ["content"]), "/etc/device": ("changed", ["device"]), "/etc/mode": ("changed", ["mode"]),
        "/etc/owner": ("changed", ["owner"]), "/etc/removed": ("removed", []), "/etc/target": ("changed", ["target"]), "/etc/type": ("changed", ["type"]),
        "/etc/xattr": ("changed", ["xattrs"])}
    by = {c["path"]: c for c in doc["files"]["changes"]}
    assert by["/etc/target"]["before"]["target"] == "a" and by["/etc/target"]["after"]["target"] == "b"
    assert by["/etc/mode"]["before"]["mode"] == 0o644 and by["/etc/mode"]["after"]["mode"] == 0o4755
    assert by["/etc/removed"]["delta"] == -5 and by["/etc/removed"]["after"] is None
    assert doc["files"]["what"] == {"type": 1, "content": 1, "target": 1, "device": 1, "mode": 1, "owner": 1, "xattrs": 1, "mtime": 0, "layer": 0, "links": 0}
    adds_up(doc)
    out = pare("diff", a, b).out
    assert re.search(r"~ .*/etc/mode +mode 0644 → 4755", out)
    assert out.index("/etc/mode") < out.index("/etc/owner")  # what lets somebody become root comes first
    assert "etc/same" not in out


def test_bytes_count_once_an_inode(pare, make):
    a = make(layer(File("b", "x" * 1000), Hardlink("c", "b"), Hardlink("d", "b")))
    b = make(layer(File("c", "x" * 1000), Hardlink("d", "c"), File("e", "x" * 1000)))
    doc = diff(pare, a, b)
    assert changes(doc) == {"/b": ("removed", []), "/e": ("added", [])}
    adds_up(doc)
    assert doc["before"]["visible_size"] == 1000 and doc["after"]["visible_size"] == 2000
    c = make(layer(File("b", "x" * 1000), Hardlink("c", "b"), File("d", "x" * 1000)))
    assert diff(pare, a, c)["equal"]
    assert changes(diff(pare, a, c, "--strict"))["/d"] == ("changed", ["links"])


def test_a_whole_directory_is_one_line(pare, make):
    keep = File("keep", "x")
    a = make(layer(keep, *[File("usr/share/doc/p%d/copyright" % i, "y" * 100) for i in range(30)]))
    b = make(layer(keep, Dir("usr/share")))
    out = pare("diff", a, b).out
    assert re.search(r"- +-3\.00 kB +/usr/share/doc/ +60 names", out)
    assert "copyright" not in out
    doc = diff(pare, a, b)
    assert doc["files"]["removed"] == {"count": 61, "before": 3000, "after": 0}
    assert {d["path"]: d["delta"] for d in doc["directories"]} == {"/usr": -3000, "/usr/share": -3000}


def test_largest_first(pare, make):
    a = make(layer(Dir("d")))
    b = make(layer(Dir("d"), *[File("d/f%02d" % i, "z" * (100 * i)) for i in range(1, 31)]))
    out = pare("diff", a, b, "--top", "3").out
    assert [int(n) for n in re.findall(r"/d/f(\d\d)", out)] == [30, 29, 28]
    assert "… 27 more changes" in out
    assert len(re.findall(r"/d/f\d\d", pare("diff", a, b, "--top", "0").out)) == 30
    doc = diff(pare, a, b, "--top", "2")
    assert [c["path"] for c in doc["files"]["changes"]] == ["/d/f30", "/d/f29"]
    assert doc["files"]["added"]["count"] == 30


def test_order_is_bytewise(pare, make):
    names = ["a", "a-b", "a/c", "a/d-e", "a/d/f", "a.b", "b"]
    a = make(layer(Dir("x")))
    b = make(layer(Dir("x"), Dir("a"), Dir("a/d"), *[File(n, "1") for n in names if n != "a"]))
    paths = [c["path"].encode() for c in diff(pare, a, b)["files"]["changes"]]
    assert paths == sorted(paths) and b"/a-b" in paths and paths.index(b"/a-b") < paths.index(b"/a/c")


def test_path(pare, make):
    a = make(layer(File("etc/a.conf", "1"), File("usr/b.conf", "1"), File("usr/c", "1")), config={"User": "x"})
    b = make(layer(File("etc/a.conf", "2"), File("usr/b.conf", "2"), File("usr/c", "2")), config={"User": "y"})
    doc = diff(pare, a, b, "--path", "/etc/**")
    assert list(changes(doc)) == ["/etc/a.conf"] and "config" not in doc and "packages" not in doc and "layers" not in doc and doc["path"] == "/etc/**"
    assert list(changes(diff(pare, a, b, "--path", "*.conf"))) == ["/etc/a.conf", "/usr/b.conf"]
    pare("diff", a, b, "--path", "nothing", "--exit-code", status=0)
    pare("diff", a, b, "--path", "c", "--exit-code", status=1)


def test_configuration(pare, make):
    files = layer(File("a", "1"))
    a = make(files, config={"Env": ["PATH=/bin", "OLD=1", "V=1"], "Cmd": ["a"], "User": "root", "Labels": {"l": "1"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}},
                            "Healthcheck": {"Test": ["NONE"]}, "StopSignal": "SIGTERM", "Hostname": "one"})
    b = make(files, config={"Env": ["V=2", "PATH=/bin", "NEW="], "Cmd": ["a", "b"], "Entrypoint": ["/e"], "User": "app", "WorkingDir": "/w", "Labels": {"l": "2"},
                            "Shell": ["/bin/bash"], "StopTimeout": 5, "Hostname": "two"}, arch="arm64")
    doc = diff(pare, a, b, "--exit-code", status=1)
    got = {(c["field"], c["key"]): (c["before"], c["after"]) for c in doc["config"]}
    assert got == {
        ("platform", None): ("linux/amd64", "linux/arm64"), ("entrypoint", None): ([], ["/e"]), ("cmd", None): (["a"], ["a", "b"]), ("user", None): ("root", "app"),
        ("workdir", None): (None, "/w"), ("env", "NEW"): (None, ""), ("env", "OLD"): ("1", None), ("env", "V"): ("1", "2"), ("ports", "80/tcp"): ("80/tcp", None),
        ("volumes", "/data"): ("/data", None), ("healthcheck", None): ('{"Test":["NONE"]}', None), ("stop_signal", None): ("SIGTERM", None),
        ("stop_timeout", None): (None, "5"), ("shell", None): ([], ["/bin/bash"]), ("labels", "l"): ("1", "2")}
    strict = diff(pare, a, b, "--strict")
    assert ("config", "Hostname") in {(c["field"], c["key"]) for c in strict["config"]}
    out = pare("diff", a, b).out
    assert "~ env V: 1 → 2" in out and '~ cmd: ["a"] → ["a", "b"]' in out and "- ports 80/tcp\n" in out


def test_packages(pare, make):
    a = make(layer(*packages("2.36-9+deb12u3", File("usr/lib/libc.so", "l" * 500), File("usr/bin/tool", "t" * 50))))
    b = make(layer(*packages("2.36-9+deb12u10", File("usr/lib/libc.so", "L" * 700), File("usr/bin/tool", "t" * 60), File("usr/bin/mine", "m" * 9))))
    doc = diff(pare, a, b)
    p = doc["packages"]
    assert [(c["name"], c["change"], c["delta"]) for c in p["changes"]] == [("libc6", "upgraded", 200), ("tool", "resized", 10)]
    assert p["changes"][0]["before"] == {"version": "2.36-9+deb12u3", "bytes": 500, "files": 1}
    owned = sum(c["delta"] for c in p["changes"])
    assert owned + doc["after"]["unowned_bytes"] - doc["before"]["unowned_bytes"] == doc["after"]["visible_size"] - doc["before"]["visible_size"]
    by = {c["path"]: c for c in doc["files"]["changes"]}
    assert by["/usr/lib/libc.so"]["after"]["package"] == "libc6" and by["/usr/bin/mine"]["after"]["package"] is None
    back = diff(pare, b, a)
    assert back["packages"]["downgraded"] == 1 and back["packages"]["upgraded"] == 0
    out = pare("diff", b, a).out
    assert re.search(r"libc6 +2\.36-9\+deb12u10 → 2\.36-9\+deb12u3  \(downgraded\)", out)


def test_shared_layers(pare, make):
    base, more = layer(File("base", "b" * 5000)), layer(File("x", "1"))
    doc = diff(pare, make(base, more), make(layer(File("first", "1")), base, layer(File("y", "2"))))
    shared = doc["layers"]["shared"]
    assert [(s["before"], s["after"], s["size"]) for s in shared] == [(0, 1, len(base))]
    assert doc["layers"]["shared_size"] == len(base) and doc["layers"]["shared_compressed_size"] == len(base)


def test_opaque_directories_and_type_changes(pare, make):
    a = make(layer(File("d/a", "1"), File("d/b", "2"), Dir("t"), File("t/x", "3")))
    b = make(layer(File("d/a", "1"), File("d/b", "2"), Dir("t"), File("t/x", "3")), layer(Opaque("d"), File("d/c", "4"), File("t", "now a file")))
    assert changes(diff(pare, a, b)) == {"/d/a": ("removed", []), "/d/b": ("removed", []), "/d/c": ("added", []), "/t": ("changed", ["type"]), "/t/x": ("removed", [])}


def test_incomplete_is_status_3(pare, tmp_path, make):
    good = make(layer(File("a", "1"), File("b", "2")))
    bad = tmp_path / "bad.tar"
    image = Image([layer(File("a", "1"), File("b", "2" * 4000))[:2048]])
    bad = image.docker_archive(bad)
    doc = diff(pare, good, bad, status=3)
    assert doc["incomplete"] and doc["incomplete"][0].startswith("second image: ")
    assert "Incomplete" in pare("diff", bad, good, "--exit-code", status=3).out


def test_hostile_names_do_nothing_to_a_terminal(pare, make):
    a = make(layer(Dir("d")))
    name = "d/\x1b[31mred\u202etxt\nline\x7f"
    b = make(layer(Dir("d"), File(name, "1"), Symlink("d/link", "\x1b]0;title\x07")), config={"User": "\x1b[2J", "Env": ["\x1b[1mA=\x1b[2m"], "Labels": {"\x1b": "\x1b"}})
    out = pare("diff", a, b).out  # the fixture looks for raw control bytes
    assert r"\x1b[31mred" in out and r"\n" in out and "\u202e" not in out
    assert name in {c["path"][1:] for c in json.loads(pare("diff", a, b, "--format", "json").out_bytes)["files"]["changes"]}


def test_the_same_twice(pare, make):
    a = make(layer(*[File("d%d/f%d" % (i % 7, i), "x" * i) for i in range(100)]))
    b = make(layer(*[File("d%d/f%d" % (i % 5, i), "y" * i) for i in range(100)]))
    for options in ([], ["--format", "json"], ["--strict"]):
        assert pare("diff", a, b, *options).out_bytes == pare("diff", a, b, *options, env={"PARE_THREADS": "1"}).out_bytes


def test_wrong_command_lines(pare, make):
    a = make(layer(File("a", "1")))
    assert "--top" in pare("diff", a, a, "--top", "x", status=2).err
    pare("diff", a, a, "--top", "-1", status=2)
    pare("diff", a, a, "--format", "xml", status=2)
    pare("diff", a, status=2)
    assert pare("diff", a, "docker-archive:/nonexistent.tar", status=None).status in (3, 4)


def test_the_schema_is_checked_for_real(pare, make):
    """schemalib finds what is wrong, or the tests above would prove nothing."""
    a = make(layer(File("a", "1")))
    doc = diff(pare, a, make(layer(File("a", "2"))))
    for spoil in (lambda d: d.pop("files"), lambda d: d["files"].update(extra=1), lambda d: d["files"]["changes"][0].update(change="moved"),
                  lambda d: d["before"].update(size=-1), lambda d: d["before"].update(size=True), lambda d: d["config"].append({})):
        copy = json.loads(json.dumps(doc))
        spoil(copy)
        with pytest.raises(AssertionError):
            schemalib.check(copy, "diff")
