"""The documents of docs/schema/: what the program writes is what they describe, and their sums hold."""
import json
import re
import shutil

import pytest

from imagelib import Dir, File, Hardlink, Image, Symlink, Whiteout, layer
from schemalib import check
from test_run import able

BUSYBOX = shutil.which("busybox")


@pytest.fixture
def image(tmp_path):
    base = layer(Dir("etc"), File("etc/os-release", b'ID=debian\nPRETTY_NAME="Debian"\n'), Dir("app"), File("app/old", b"x" * 5000), File("app/tool", b"#!/bin/sh\n", mode=0o4755),
                 Hardlink("app/tool2", "app/tool"))
    lists = layer(Dir("var"), Dir("var/lib"), Dir("var/lib/apt"), Dir("var/lib/apt/lists"), File("var/lib/apt/lists/index", b"p" * 9000))
    top = layer(Dir("app"), Whiteout("app/old"), File("app/new", b"n" * 100))
    path = tmp_path / "image.tar"
    Image([base, lists, top]).docker_archive(path)
    return path


def test_report(pare, image):
    doc = pare("report", "--format", "json", image).json()
    check(doc, "report")
    assert sum(g["bytes"] for g in doc["bytes"]) == doc["image"]["size"] == 14141
    assert doc["slim_saves"] == 14000
    assert [t["rule"] for t in doc["todo"]] == ["package-lists", "deleted-later"] and [t["layer"] for t in doc["todo"]] == [1, 2]
    assert "setuid" in [r["rule"] for r in doc["risks"]]


def test_slim_report(pare, image, tmp_path):
    out = tmp_path / "report.json"
    pare("slim", "--level", "safe", image, "-o", "docker-archive:%s" % (tmp_path / "slim.tar"), "--report", out)
    doc = json.loads(out.read_text())
    check(doc, "slim")
    assert doc["before"]["size"] - doc["after"]["size"] == sum(r["bytes"] for r in doc["removed"]) == 14000
    assert doc["verification"] and all(v["pass"] for v in doc["verification"])


def test_slim_report_of_a_choice(pare, tmp_path):
    status = b"Package: tool\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n\nPackage: idle\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n\n"
    one = layer(Dir("bin"), File("bin/sh", b"\x7fELF", mode=0o755), File("bin/tool", b"#!/bin/tool2\necho /etc/tool.conf\n", mode=0o755), File("bin/idle", b"i" * 3000, mode=0o4755), Dir("var"), Dir("var/lib"), Dir("var/lib/dpkg"),
                File("var/lib/dpkg/status", status), Dir("var/lib/dpkg/info"), File("var/lib/dpkg/info/tool.list", b"/.\n/bin\n/bin/tool\n"), File("var/lib/dpkg/info/idle.list", b"/.\n/bin\n/bin/idle\n"))
    image, out, said = tmp_path / "choice.tar", tmp_path / "small.tar", tmp_path / "report.json"
    Image([one], config={"Cmd": ["/bin/tool"]}).docker_archive(image)
    docs = []
    for target in (["--dry-run"], ["-o", out]):
        pare("slim", "--no-run", "--level", "file", image, "--report", said, *target)
        docs.append(json.loads(said.read_text()))
    planned, doc = docs
    check(doc, "slim")
    check(planned, "slim")
    assert doc["before"]["size"] - doc["after"]["size"] == sum(r["bytes"] for r in doc["removed"]) - sum(a["bytes"] for a in doc["added"])
    for key in ("size", "files", "layers", "packages", "setuid", "shells"):
        assert planned["after"][key] == doc["after"][key], key
    assert (doc["before"]["packages"], doc["before"]["setuid"], doc["before"]["shells"]) == (2, 1, 1)
    assert (doc["after"]["packages"], doc["after"]["setuid"], doc["after"]["shells"]) == (1, 0, 0)
    assert len(doc["packages_gone"]) == 1 and "/idle@2" in doc["packages_gone"][0]


@pytest.mark.skipif(able() is not None or not BUSYBOX, reason="no runtime or no busybox")
def test_slim_evidence(pare, tmp_path):
    busybox = open(BUSYBOX, "rb").read()
    one = layer(Dir("bin"), File("bin/busybox", busybox, mode=0o755), *[Symlink("bin/" + n, "busybox") for n in ("sh", "cat", "date")], Dir("data"), File("data/one", b"1\n"), File("data/two", b"2\n"), File("data/idle", b"3" * 5000))
    image, out, said, report, page, checks = (tmp_path / n for n in ("in.tar", "out.tar", "evidence.json", "report.json", "page.html", "verify.txt"))
    Image([one], config={"Entrypoint": ["/bin/sh", "-c", "cat /data/one; f=tw; cat /data/${f}o"]}).docker_archive(image)
    checks.write_text("cat /data/two\n")
    pare("slim", "--level", "file", image, "-o", out, "--exec", "cat /data/one", "--verify", checks, "--evidence", said, "--report", report, "--html", page, timeout=300)
    doc = json.loads(said.read_text())
    check(doc, "slim-evidence")
    assert doc["trial"]["kind"] == "command" and doc["trial"]["checks"] and all(c["pass"] for c in doc["trial"]["checks"])
    told = json.loads(report.read_text())
    check(told, "slim")
    names = [c["name"] for c in doc["trial"]["checks"]]
    assert any(n.startswith("verify: ") for n in names)
    assert [v["name"] for v in told["verification"]][-len(names):] == names
    assert "/data/idle" in {r["path"] for r in told["removed"]}
    shown = json.loads(re.search(r'id="data">(.*?)</script>', page.read_text(), re.S).group(1))["slim"]
    assert shown["runtime"] == doc["trial"]["runtime"] and [c["name"] for c in shown["checks"]][-len(names):] == names


@pytest.mark.parametrize("args, name", [(["inspect"], "inspect"), (["inspect", "--files"], "inspect")])
def test_inspect(pare, image, args, name):
    check(pare(*args, "--format", "json", image).json(), name)


def test_store_check(pare, image):
    pare("import", image, "app:1")
    check(pare("store", "check", "--format", "json").json(), "store-check")
    blob = next(p for p in (pare.store / "images" / "blobs" / "sha256").iterdir() if p.stat().st_size > 1000)
    blob.chmod(0o644)
    blob.write_bytes(b"?" + blob.read_bytes()[1:])
    doc = pare("store", "check", "--format", "json", status=3, clean=False).json()
    check(doc, "store-check")
    assert doc["bad"] == 1 and len(doc["faults"]) == 1
