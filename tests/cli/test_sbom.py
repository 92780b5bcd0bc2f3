"""`pare sbom`: what is inside, the same bytes each time, never a quiet nothing."""
import time

import pytest

from imagelib import Dir, File, Image, Whiteout, layer
from schemalib import check

RELEASE = b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
STATUS = (b"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1+b1\nSource: bash (5.2-1)\nDepends: libc6\nDescription: the shell\n\n"
          b"Package: node-x\nStatus: install ok installed\nArchitecture: all\nVersion: 1.0-1\n\n"
          b"Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 2\n")
COPYRIGHT = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-3+ and Expat\n"


def example():
    base = layer(Dir("etc"), File("etc/os-release", RELEASE), File("usr/bin/bash", b"b" * 1000), File("var/lib/dpkg/status", STATUS),
                 File("var/lib/dpkg/info/bash.list", b"/usr/bin/bash\n/usr/share/doc/bash/copyright\n"),
                 File("var/lib/dpkg/info/node-x.list", b"/usr/share/nodejs/x/package.json\n"),
                 File("usr/share/doc/bash/copyright", COPYRIGHT), File("usr/share/nodejs/x/package.json", b'{"name": "x", "version": "1.0.0"}'))
    app = layer(File("app/node_modules/@a/b/package.json", b'{"name": "@a/b", "version": "2.0.0", "license": "MIT"}'),
                File("app/node_modules/old/package.json", b'{"name": "old", "version": "0.1.0"}'))
    top = layer(Whiteout("app/node_modules/old"))
    return Image([base, app, top])


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.tar"
    example().docker_archive(path)
    return path


def brief(doc):
    return [(p["type"], p["name"], p["version"], p["layer"], p["origin"]) for p in doc["packages"]]


def test_json(pare, image):
    doc = pare("sbom", "--format", "json", image).json()
    check(doc, "sbom")
    assert brief(doc) == [("deb", "bash", "5.2-1+b1", 0, "database"), ("deb", "node-x", "1.0-1", 0, "database"), ("npm", "@a/b", "2.0.0", 1, "installed")]
    bash, _, ab = doc["packages"]
    assert bash["purl"] == "pkg:deb/debian/bash@5.2-1%2Bb1?arch=amd64&distro=debian-12&upstream=bash%405.2-1"
    assert (bash["source_name"], bash["source_version"], bash["licenses"]) == ("bash", "5.2-1", ["GPL-3.0-or-later", "MIT"])
    assert (bash["path"], bash["bytes"], bash["files"]) == ("/var/lib/dpkg/status", 1000 + len(COPYRIGHT), 2)
    assert (ab["purl"], ab["licenses"], ab["path"]) == ("pkg:npm/%40a/b@2.0.0", ["MIT"], "/app/node_modules/@a/b/package.json")
    assert doc["os"] == {"id": "debian", "version": "12", "codename": "bookworm", "name": "Debian GNU/Linux 12 (bookworm)"}
    assert doc["incomplete"] == doc["unverified"] == []


def test_all_counts_what_the_system_owns(pare, image):
    doc = pare("sbom", "--all", "--format", "json", image).json()
    check(doc, "sbom")
    owned = [p for p in doc["packages"] if "within" in p]
    assert [(p["name"], p["path"]) for p in owned] == [("x", "/usr/share/nodejs/x/package.json")]
    assert owned[0]["within"].startswith("pkg:deb/debian/node-x@1.0-1")


def test_files(pare, image):
    doc = pare("sbom", "--files", "-f", "json", image).json()
    check(doc, "sbom")
    files = {f["path"]: f for f in doc["files"]}
    assert list(files) == sorted(files) and "/app/node_modules/old/package.json" not in files
    assert files["/usr/bin/bash"]["package"].startswith("pkg:deb/debian/bash@") and files["/usr/bin/bash"]["size"] == 1000
    assert files["/etc/os-release"]["package"] is None
    assert "no place for files" in pare("sbom", "--files", image, status=2).err


def test_types(pare, image):
    assert [p["name"] for p in pare("sbom", "-f", "json", "-t", "npm", image).json()["packages"]] == ["@a/b"]
    assert pare("sbom", "-f", "purl", "--type", "npm,gem", "--type", "deb", image).out.count("\n") == 3
    doc = pare("sbom", "--files", "-f", "json", "-t", "npm", image).json()
    assert {f["path"]: f["package"] for f in doc["files"]}["/usr/bin/bash"] is None


def test_purl(pare, image):
    out = pare("sbom", "--format", "purl", image).out
    assert out.splitlines() == sorted(out.splitlines()) and "pkg:npm/%40a/b@2.0.0\n" in out


def test_table(pare, image):
    out = pare("sbom", image).out
    assert "Debian packages: 2" in out and "Node.js packages: 1" in out and "GPL-3.0-or-later AND MIT" in out and "/app/node_modules/@a/b/package.json" in out
    lines = [l for l in out.splitlines() if "bash" in l or "node-x" in l]
    assert len({l.index("5.2-1+b1") if "bash" in l else l.index("1.0-1") for l in lines}) == 1  # aligned


@pytest.mark.parametrize("fmt", ["json", "cyclonedx", "spdx", "spdx-tv", "purl", "table"])
def test_same_bytes(pare, image, tmp_path, fmt):
    """Cold, warm, without a cache, from other places, to a file: the same."""
    runs = [pare("sbom", "-f", fmt, "--no-cache", image).out, pare("sbom", "-f", fmt, image).out, pare("sbom", "-f", fmt, image).out]
    assert len(set(runs)) == 1 and runs[0]
    out = tmp_path / "out"
    assert pare("sbom", "-f", fmt, "-o", out, image).out == ""
    assert out.read_text() == runs[0]


def test_what_a_larger_set_kept_changes_nothing(pare, image):
    """Facts with more notes than were asked for answer, and are kept instead of those with fewer."""
    time.sleep(0.05)
    want = pare("inspect", "--packages", "-f", "tsv", "--no-cache", image).out
    plain = pare("inspect", "-f", "json", "--no-cache", image).out
    assert pare("inspect", "-f", "json", image).out == plain
    few = {p.name for p in pare.store.glob("facts/*")}
    pare("sbom", image)
    many = {p.name for p in pare.store.glob("facts/*")}
    assert len(many) == len(few) and many != few
    assert pare("inspect", "-f", "json", image).out == plain
    assert pare("inspect", "--packages", "-f", "tsv", image).out == want
    assert {p.name for p in pare.store.glob("facts/*")} == many


def test_output_whole_or_absent(pare, image, tmp_path):
    out = tmp_path / "out.json"
    out.write_text("before")
    pare("sbom", "-f", "json", "-o", out, tmp_path / "absent.tar", status=None)
    assert out.read_text() == "before"
    pare("sbom", "-f", "json", "-o", tmp_path / "no" / "such" / "dir", image, status=4)
    assert "--format" in pare("sbom", "-f", "xml", image, status=2).err


def test_damage_is_said(pare, tmp_path):
    damaged = layer(File("etc/os-release", RELEASE), File("var/lib/dpkg/status", STATUS + b"\nPackage: bad\nStatus: install ok installed\n"))
    path = tmp_path / "image.tar"
    Image([damaged]).docker_archive(path)
    r = pare("sbom", "-f", "json", path, status=3)
    assert len(r.json()["incomplete"]) == 1 and "no version" in r.err
    cut = tmp_path / "cut.tar"
    cut.write_bytes(path.read_bytes()[:2048])
    pare("sbom", cut, status=3)


def test_claims_that_do_not_hold(pare, tmp_path):
    """What the bytes hold is told, and that they are not what the documents say; inspect does not let it pass."""
    image = example()
    image.doc["rootfs"]["diff_ids"][1] = "sha256:" + "0" * 64
    where = image.oci(tmp_path / "l")
    r = pare("sbom", "-f", "json", where)
    check(r.json(), "sbom")
    assert len(r.json()["packages"]) == 3 and len(r.json()["unverified"]) == 1 and "diff ID" in r.err
    assert pare("sbom", "--quiet", "-f", "purl", where).err == ""
    pare("inspect", where, status=3)


def test_names_are_data(pare, tmp_path):
    nasty = b'{"name": "a\\u001b[31m\\u0000b", "version": "1\\u202e"}'
    path = tmp_path / "image.tar"
    Image([layer(File("app/node_modules/n/package.json", nasty), File("var/lib/dpkg/status", b"Package: x\x1b]0;y\x07\nStatus: install ok installed\nVersion: 1\n"))]).docker_archive(path)
    for fmt in ("json", "cyclonedx", "spdx", "spdx-tv", "purl", "table"):
        pare("sbom", "-f", fmt, path, status=None)  # the fixture looks for raw control bytes


def test_directory(pare, tmp_path):
    root = tmp_path / "root"
    for name, data in (("etc/os-release", b"ID=arch\n"), ("var/lib/pacman/local/bash-5-1/desc", b"%NAME%\nbash\n\n%VERSION%\n5-1\n\n%ARCH%\nx86_64\n")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    for where in ("rootfs:%s" % root, root):
        assert pare("sbom", "-f", "purl", where).out == "pkg:alpm/arch/bash@5-1?arch=x86_64&distro=arch\n"
    assert "rootfs:" in pare("inspect", root, status=3).err
    assert pare("sbom", "-f", "purl", example().oci(tmp_path / "layout")).out.count("\n") == 3


def elf(n):
    """As little of a program as its reader takes for one."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00\x01\x00\x00\x00" + bytes(40) + b"\0" * n


def test_coverage(pare, tmp_path):
    """Programs are known when a package owns them, whatever name they have; what nobody knows is named, the largest first."""
    base = layer(File("usr/bin/owned", elf(1000), mode=0o755), File("opt/large", elf(5000), mode=0o755), File("opt/small", elf(100), mode=0o755), File("etc/text", b"x" * 9000),
                 File("var/lib/dpkg/status", STATUS), File("var/lib/dpkg/info/bash.list", b"/usr/bin/owned\n"))
    path = tmp_path / "image.tar"
    Image([base]).docker_archive(path)
    doc = pare("sbom", "-f", "json", path).json()
    check(doc, "sbom")
    n = len(elf(0))
    assert doc["coverage"] == {"executable_bytes": 6100 + 3 * n, "identified_bytes": 1000 + n, "unidentified": ["/opt/large", "/opt/small"]}
    assert "programs and libraries" in pare("sbom", path).out
