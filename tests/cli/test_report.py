"""pare IMAGE: one screen, and the same as JSON. Every byte is in one group; what to do adds up; nothing raw gets out."""
import re

import pytest

import schemalib
from imagelib import Dir, File, Hardlink, Image, Symlink, Whiteout, layer

EPOCH = {"SOURCE_DATE_EPOCH": "1609459200"}  # the images are some months old then

STATUS = b"""Package: base
Status: install ok installed
Architecture: amd64
Version: 1

"""
MORE = STATUS + b"""Package: gcc-12
Status: install ok installed
Section: devel
Architecture: amd64
Version: 12

Package: curl
Status: install ok installed
Architecture: amd64
Version: 8

"""


def rich():
    base = layer(Dir("etc"), File("etc/os-release", b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n'), File("var/lib/dpkg/status", STATUS), File("var/lib/dpkg/info/base.list", b"/bin/base\n"),
                 File("bin/base", b"b" * 20000, mode=0o4755), File("usr/share/doc/base/copyright", b"c" * 500))
    tools = layer(*[Dir(d) for d in ("var/lib/apt/lists", "var/cache/apt/archives", "var/log", "tmp", "usr/share/doc/curl")], File("var/lib/dpkg/status", MORE), File("var/lib/dpkg/info/gcc-12.list", b"/usr/bin/gcc-12\n"), File("var/lib/dpkg/info/curl.list", b"/usr/bin/curl\n/usr/share/doc/curl/README\n"),
                  File("usr/bin/gcc-12", b"g" * 90000, mode=0o755), File("usr/bin/curl", b"u" * 30000, mode=0o755), File("usr/share/doc/curl/README", b"d" * 700),
                  File("var/lib/apt/lists/x_Packages", b"l" * 8000), File("var/cache/apt/archives/curl.deb", b"a" * 6000), File("var/log/dpkg.log", b"o" * 400), File("tmp/build.o", b"t" * 12000))
    app = layer(Whiteout("tmp/build.o"), File("app/main", b"m" * 5000), File("app/copy", b"m" * 5000), Hardlink("app/link", "app/main"), File("app/.env", b"K=v\n"), File("app/open", b"w" * 10, mode=0o666),
                File("app/node_modules/left-pad/index.js", b"p" * 1500), Dir("app/data", 0o777), File("app/id_rsa", b"k" * 50), Symlink("app/l", "main"))
    return Image([base, tools, app], config={"Env": ["PATH=/bin", "DB_PASSWORD=hunter2"], "ExposedPorts": {"80/tcp": {}}, "User": ""},
                 history=["/bin/sh -c #(nop) ADD file:1 in / ", ("/bin/sh -c #(nop)  CMD [\"bash\"]", True), "|1 API_TOKEN=correcthorse /bin/sh -c apt-get install gcc curl", "COPY . /app # buildkit"])


@pytest.fixture
def image(tmp_path):
    return rich().docker_archive(tmp_path / "image.tar")


def test_json(pare, image):
    doc = pare("report", "--format", "json", image).json()
    schemalib.check(doc, "report")
    groups = {g["group"]: g for g in doc["bytes"]}
    assert sum(g["bytes"] for g in doc["bytes"]) == doc["image"]["size"]
    assert [g["bytes"] for g in doc["bytes"]] == sorted((g["bytes"] for g in doc["bytes"]), reverse=True)
    assert groups["hidden"]["bytes"] == 12000 + len(STATUS) == doc["image"]["size"] - doc["image"]["visible"]
    assert groups["build-tools"]["bytes"] == 90000 and groups["build-tools"]["largest"][0]["name"] == "gcc-12"
    assert groups["npm"]["bytes"] == 1500 and groups["duplicates"]["bytes"] == 5000
    assert groups["caches"]["bytes"] == 14000 and groups["base"]["bytes"] > 20000
    assert groups["deb"]["largest"][0] == {"name": "curl", "bytes": 30000}
    assert doc["image"]["base_layers"] == 1 and doc["image"]["layers"] == 3
    for g in doc["bytes"]:
        assert sum(x["bytes"] for x in g["largest"]) <= g["bytes"] and g["files"] > 0
    assert doc["incomplete"] == []


def test_risks(pare, image):
    r = pare("report", "--format", "json", image)
    risks = {x["rule"]: x for x in r.json()["risks"]}
    assert set(risks) == {"root-user", "no-healthcheck", "secret-env", "secret-arg", "setuid", "world-writable-file", "world-writable-directory", "env-file", "private-key-file", "old-image"}
    assert risks["setuid"]["path"] == "/bin/base" and risks["setuid"]["layer"] == 0 and risks["secret-arg"]["layer"] == 1
    assert all(x["fix"] and x["severity"] in ("info", "low", "medium", "high", "critical") for x in risks.values())
    for word in ("hunter2", "correcthorse"):
        assert word not in str(r.json()["risks"]) and word not in pare("report", image).out.split("What is risky")[1].split("What to do")[0]


def test_todo(pare, image):
    doc = pare("report", "-f", "json", image).json()
    todo = doc["todo"]
    assert [x["bytes"] for x in todo] == sorted((x["bytes"] for x in todo), reverse=True)
    assert sum(x["bytes"] for x in todo) <= doc["image"]["size"]
    assert all(x["bytes"] > 0 and x["fix"] and x["layer"] is not None and x["instruction"] and x["path"].startswith("/") for x in todo)
    by = {(x["path"], x["layer"]): x for x in todo}
    gone = by["/tmp/build.o", 2]
    assert gone["bytes"] == 12000 and gone["instruction"] == "COPY . /app"
    assert any(x["bytes"] == 90000 and x["layer"] == 1 and "apt-get install" in x["instruction"] for x in todo)
    assert 0 < doc["slim_saves"] <= doc["image"]["size"] and doc["slim_saves"] >= 12000 + 14000


def test_screen(pare, image):
    out = pare("report", image).out
    assert out == pare(image).out
    order = [out.index(x) for x in ("example:latest", "Where the bytes are", "What is risky", "What to do", "pare slim IMAGE")]
    assert order == sorted(order)
    for part in ("Debian 12", "3 layers", "build tools", "gcc-12 90.0 kB", "hidden by later layers", "runs as root", "1 setuid file: /bin/base", "layer 2: COPY . /app", "RUN apt-get install gcc curl"):
        assert part in out, part
    assert "\x1b" not in out and max(len(x) for x in out.splitlines()) <= 200


def test_nothing_to_do(pare, tmp_path):
    where = Image([layer(File("app", b"1" * 100))], config={"User": "1000"}).docker_archive(tmp_path / "a.tar")
    out = pare("report", where, env=EPOCH).out
    assert "nothing: every byte is in use" in out and "nothing that the configuration and the files tell" in out
    doc = pare("report", "-f", "json", where, env=EPOCH).json()
    assert doc["todo"] == [] and doc["risks"] == [] and doc["first"] == [] and doc["slim_saves"] == 0 and [g["group"] for g in doc["bytes"]] == ["app"]
    empty = Image([], config={"User": "1"}).docker_archive(tmp_path / "e.tar")
    doc = pare("report", "-f", "json", empty).json()
    assert doc["image"]["size"] == 0 and doc["bytes"] == []
    pare("report", empty)


def test_rootfs_has_no_user(pare, tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "f").write_bytes(b"1")
    assert pare("report", "-f", "json", "rootfs:%s" % (tmp_path / "root")).json()["risks"] == []


def test_nothing_raw(pare, tmp_path):
    bad = "e\x1b]0;owned\x07\x1b[2J\r\x7f\u202ex\x9b"
    image = Image([layer(File("a" + bad, b"1" * 5000), File(bad + "/.env", b"1"), File("z", b"2")), layer(Whiteout("a" + bad), File("q/.wh.x", b"1"))],
                  config={"User": "root", "Env": ["PASSWORD" + bad + "=x", "TOKEN=" + bad], "Labels": {bad: bad}}, history=["RUN " + bad, "RUN echo " + bad * 20],
                  tags=["x:" + bad])
    image.doc["os"] = "linux" + bad[:8]
    where = image.docker_archive(tmp_path / "bad.tar")
    for args in (["report"], ["report", "-f", "json"], ["inspect"], ["inspect", "--files"], ["inspect", "--layer", "1"], ["inspect", "-f", "json", "--files"], ["inspect", "-f", "dive"], ["inspect", "--packages"],
                 ["inspect", "--files", "-f", "tsv"], ["inspect", "-f", "html"]):
        r = pare(*args, where, status=None)  # the fixture looks for raw control characters
        assert r.status in (0, 3) and "\x9b" not in r.out + r.err and "\u202e" not in (r.out + r.err if "tsv" not in args else ""), args
    r = pare("report", tmp_path / bad.replace("/", ""), status=4)
    assert "owned" in r.err


def colours(pare, where, **env):
    """Through a terminal of our own."""
    import os
    import pty
    import subprocess
    master, slave = pty.openpty()
    full = {"PATH": os.environ["PATH"], "HOME": str(pare.root), "PARE_STORE": str(pare.store), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    full.update(env)
    p = subprocess.Popen([pare.binary, *where], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, env=full)
    os.close(slave)
    out = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    p.wait(timeout=60)
    os.close(master)
    return out


def test_colours(pare, image):
    assert re.search(rb"\x1b\[1m", colours(pare, [image]))
    assert b"\x1b[1m" not in colours(pare, [image], NO_COLOR="1")
    assert b"\x1b[1m" not in colours(pare, ["report", "--no-color", image])
    assert b"\x1b[1m" not in colours(pare, [image], TERM="dumb")
    assert re.search(rb"\x1b\[1m", colours(pare, [image], NO_COLOR=""))  # empty is not set (no-color.org)


def test_same_again(pare, image):
    first = pare("report", image).out
    assert first == pare("report", image).out == pare("report", "--no-cache", image).out


def test_incomplete(pare, tmp_path):
    image = rich()
    image.doc["rootfs"]["diff_ids"][0] = "sha256:" + "0" * 64
    where = image.docker_archive(tmp_path / "i.tar", form="legacy")
    r = pare("report", where, status=3)
    assert "incomplete: layer 0" in r.err and "Where the bytes are" in r.out
    doc = pare("report", "-f", "json", where, status=3).json()
    assert len(doc["incomplete"]) == 1
    schemalib.check(doc, "report")


@pytest.mark.parametrize("args", [[], ["report"], ["report", "--format", "xml", "x"], ["report", "--format", "table"]])
def test_wrong_words(pare, args):
    r = pare(*args, status=2)
    assert r.out == "" and r.err


def test_packages_of_languages_are_told_by_directory(pare, tmp_path):
    """Their package managers own no file here, as for pare slim: what it saves is said to the byte."""
    site = "usr/lib/python3/site-packages/"
    where = Image([layer(File("app/node_modules/on-headers/package.json", b'{"name":"on-headers","version":"1.0.2"}'), File("app/node_modules/on-headers/index.js", b"h" * 5000),
                         File(site + "a-1.dist-info/METADATA", b"Metadata-Version: 2.1\nName: a\nVersion: 1\n"), File(site + "a-1.dist-info/RECORD", b"a/__pycache__/x.cpython-311.pyc,,\na/x.py,,\n"),
                         File(site + "a/x.py", b"x" * 100), Dir(site + "a/__pycache__"), File(site + "a/__pycache__/x.cpython-311.pyc", b"c" * 3000))], config={"User": "1"}).docker_archive(tmp_path / "l.tar")
    assert {p["name"] for p in pare("sbom", "-f", "json", where).json()["packages"]} == {"on-headers", "a"}
    doc = pare("report", "-f", "json", where, env=EPOCH).json()
    groups = {g["group"]: g["bytes"] for g in doc["bytes"]}
    assert set(groups) <= {"npm", "pypi", "logs"} and groups["npm"] > 5000 and sum(groups.values()) == doc["image"]["size"]
    report = tmp_path / "r.json"
    pare("slim", "--level", "safe", where, "-o", tmp_path / "o.tar", "--report", report)
    import json
    assert doc["slim_saves"] == sum(x["bytes"] for x in json.loads(report.read_text())["removed"])
