"""pare scan: whether what the image starts reaches a vulnerable package, and packages that a later layer replaced or removed."""
import json
import struct

import pytest

from imagelib import Dir, File, Image, Symlink, Whiteout, layer

EPOCH = {"SOURCE_DATE_EPOCH": "1706659200"}  # 2024-01-31
RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
LD = "/lib64/ld-linux-x86-64.so.2"


def elf(needed=(), interpreter="", soname="", runpath=""):
    """An x86-64 ELF file of headers and a dynamic section; nothing that runs."""
    strings, dynamic = b"\0", b""
    for tag, text in [(1, n) for n in needed] + [(14, soname), (29, runpath)]:
        if text:
            dynamic += struct.pack("<QQ", tag, len(strings))
            strings += text.encode() + b"\0"
    interp = interpreter.encode() + b"\0" if interpreter else b""
    at = 64 + 3 * 56
    text, dyn = at + len(interp), at + len(interp) + len(strings)
    dynamic += struct.pack("<QQQQQQ", 5, text, 10, len(strings), 0, 0)

    def segment(kind, at, size):
        return struct.pack("<IIQQQQQQ", kind, 6, at, at, at, size, size, 0)
    return (struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0) + segment(1, 0, dyn + len(dynamic)) + segment(3, at, len(interp)) + segment(2, dyn, len(dynamic))
            + interp + strings + dynamic)


def program(path, *needed):
    return File(path, elf([*needed, "libc.so.6"], LD), mode=0o755)


def library(name, *needed):
    return File("usr/lib/x86_64-linux-gnu/" + name, elf(needed, soname=name))


PACKAGES = {"libc6": ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"], "server": ["/usr/bin/server"], "libused": ["/usr/lib/x86_64-linux-gnu/libused.so.1"],
            "libidle": ["/usr/lib/x86_64-linux-gnu/libidle.so.1"], "curl": ["/usr/bin/curl"], "data": ["/usr/share/data/table"]}
TRACKER = {name: {"CVE-2023-%04d" % i: {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "1"}, "fixed_version": "2", "urgency": "high"}}}}
           for i, name in enumerate(PACKAGES, 1)}


def status(*packages):
    return File("var/lib/dpkg/status", "".join("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n" % p for p in packages))


def tree(*more):
    lists = [File("var/lib/dpkg/info/%s.list" % name, "\n".join(["/.", *files]) + "\n") for name, files in PACKAGES.items()]
    return layer(Dir("etc"), File("etc/os-release", RELEASE), Symlink("lib64", "usr/lib/x86_64-linux-gnu"), Symlink("bin", "usr/bin"), library("libc.so.6"), library("ld-linux-x86-64.so.2"),
                 library("libused.so.1"), library("libidle.so.1"), program("usr/bin/server", "libused.so.1"), program("usr/bin/curl"), program("usr/bin/dash"), Symlink("usr/bin/sh", "dash"),
                 program("usr/bin/python3.11"), File("usr/share/data/table", b"x"), status(*((name, "1") for name in PACKAGES)), *lists, *more)


@pytest.fixture
def db(pare, tmp_path):
    (tmp_path / "tracker.json").write_text(json.dumps(TRACKER))
    (tmp_path / "osv").mkdir()
    for eco, name in (("PyPI", "flask"), ("Maven", "org.x:y")):
        (tmp_path / "osv" / ("%s.json" % eco)).write_text(json.dumps({"id": "GHSA-%s" % eco, "modified": "2024-01-01T00:00:00Z", "affected": [
            {"package": {"ecosystem": eco, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9"}]}]}]}))
    out = tmp_path / "x.db"
    pare("db", "build", "-o", out, "--from", "debian-tracker:%s" % (tmp_path / "tracker.json"), "--from", "osv:%s" % (tmp_path / "osv"))
    return out


@pytest.fixture
def scan(pare, db, tmp_path):
    def run(layers, config, *args, **kw):
        path = tmp_path / "image.tar"
        Image(layers, config=config).docker_archive(path)
        return pare("scan", "--db", db, "--kinds", "vulnerability", "--format", "json", *args, path, **{"env": EPOCH, **kw})
    return run


def reached(doc):
    return {f["package"]: f["reachable"] for f in doc["findings"]}


def test_libraries(scan):
    doc = scan([tree()], {"Entrypoint": ["server"], "Cmd": ["--port", "80"]}).json()
    assert reached(doc) == {"libc6": True, "server": True, "libused": True, "libidle": False, "curl": False, "data": None}
    table = scan([tree()], {"Entrypoint": ["server"]}, "--format", "table").out
    assert [("[not reached]" in line) for line in table.splitlines() if "libidle" in line and "CVE-" in line][-1] and not any("[not reached]" in line for line in table.splitlines() if "libused" in line)
    risk = {f["package"]: f["risk"] for f in doc["findings"]}
    assert risk["server"] > risk["libidle"] and [f["reachable"] for f in doc["findings"]][-1] is False


def test_a_script_starts_what_follows(scan):
    entry = File("entry.sh", "#!/bin/sh\nset -e\n[ -n \"$X\" ] || curl -s http://x\nexec \"$@\"\n", mode=0o755)
    assert reached(scan([tree(entry)], {"Entrypoint": ["/entry.sh"], "Cmd": ["server"]}).json()) == {"libc6": True, "server": True, "libused": True, "libidle": False, "curl": True, "data": None}
    computed = File("entry.sh", "#!/bin/sh\nexec \"$SERVER\"\n", mode=0o755)
    assert reached(scan([tree(computed)], {"Entrypoint": ["/entry.sh"]}).json()) == {"libc6": True, "server": None, "libused": None, "libidle": None, "curl": None, "data": None}
    assert reached(scan([tree(computed)], {"Entrypoint": ["/entry.sh"], "Env": ["SERVER=/bin/server"]}).json())["libused"] is True


def test_the_kept_packages_know_what_is_started(scan):
    """Two images of the same layers: what is kept of the one does not answer for the other."""
    layers = [tree()]
    for cmd, want in ((["server"], False), (["sh", "-c", "curl x | server"], True), (["sh"], None)):
        for _ in range(2):
            assert reached(scan(layers, {"Cmd": cmd}).json())["curl"] is want
    healthy = {"Cmd": ["server"], "Healthcheck": {"Test": ["CMD", "curl", "-f", "http://localhost"]}}
    assert reached(scan(layers, healthy).json())["curl"] is True


def test_languages(scan):
    flask = File("usr/lib/python3/dist-packages/flask-2.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: flask\nVersion: 2.0\n")
    assert reached(scan([tree(flask)], {"Cmd": ["server"]}).json())["flask"] is False
    doc = reached(scan([tree(flask)], {"Cmd": ["python3.11", "-m", "app"]}).json())
    assert doc["flask"] is None and doc["server"] is None and doc["libc6"] is True


def test_gate(scan):
    layers = [tree(Whiteout("usr/bin/none"))]
    scan(layers, {"Cmd": ["server"]}, "--fail-on", "high+reachable", status=1)
    scan([layer(Dir("etc"), File("etc/os-release", RELEASE), library("libc.so.6"), library("ld-linux-x86-64.so.2"), Symlink("lib64", "usr/lib/x86_64-linux-gnu"), program("usr/bin/server"), program("usr/bin/curl"),
                status(("curl", "1")), File("var/lib/dpkg/info/curl.list", "/usr/bin/curl\n"))], {"Cmd": ["server"]}, "--fail-on", "high+reachable")


# ---------------------------------------------------------------- what later layers hide

def test_a_package_that_a_later_layer_removed(scan):
    """Its files are deleted, dpkg's list is written again; the bytes are still there."""
    rest = [(name, "1") for name in PACKAGES if name != "curl"]
    layers = [tree(), layer(Whiteout("usr/bin/curl"), Whiteout("var/lib/dpkg/info/curl.list"), status(*rest))]
    assert "curl" not in reached(scan(layers, {"Cmd": ["server"]}).json())
    doc = scan(layers, {"Cmd": ["server"]}, "--all-layers").json()
    gone = [f for f in doc["findings"] if f["package"] == "curl"]
    assert len(gone) == 1 and (gone[0]["presence"], gone[0]["layer"], gone[0]["reachable"]) == ("deleted", 0, False)
    assert "still ships" in gone[0]["remedy"] and "pare slim" in gone[0]["remedy"] and "layer 0" in gone[0]["remedy"]
    assert all(f["presence"] == "live" for f in doc["findings"] if f["package"] != "curl")
    assert doc["findings"][-1]["package"] == "curl"  # last: nobody runs it


def test_a_package_that_a_later_layer_upgraded(scan):
    packages = [(name, "2" if name == "curl" else "1") for name in PACKAGES]
    doc = scan([tree(), layer(program("usr/bin/curl"), status(*packages))], {"Cmd": ["server"]}, "--all-layers").json()
    assert [(f["presence"], f["version"]) for f in doc["findings"] if f["package"] == "curl"] == [("shadowed", "1")]


def test_a_jar_that_a_later_layer_replaced(scan, tmp_path):
    import io
    import zipfile

    def jar(version):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr("META-INF/maven/org.x/y/pom.properties", "groupId=org.x\nartifactId=y\nversion=%s\n" % version)
        return out.getvalue()
    base = tree(File("opt/app.jar", jar("1")))
    new = scan([base, layer(File("opt/app.jar", jar("9")))], {"Cmd": ["server"]}, "--all-layers").json()
    assert [(f["presence"], f["version"], f["layer"], f["path"]) for f in new["findings"] if f["package"] == "org.x:y"] == [("shadowed", "1", 0, "/opt/app.jar")]
    gone = scan([base, layer(Whiteout("opt/app.jar"))], {"Cmd": ["server"]}, "--all-layers").json()
    assert [f["presence"] for f in gone["findings"] if f["package"] == "org.x:y"] == ["deleted"]
    both = scan([base, layer(File("opt/other.jar", jar("1")), Whiteout("opt/app.jar"))], {"Cmd": ["server"]}, "--all-layers").json()
    assert [(f["presence"], f["path"]) for f in both["findings"] if f["package"] == "org.x:y"] == [("live", "/opt/other.jar")]  # it is there all the same
