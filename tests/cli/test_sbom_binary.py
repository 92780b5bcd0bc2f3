"""`pare sbom` of programs that no package manager knows: what their bytes say, by hand-made files and by one that a compiler made."""
import os
import struct
import subprocess
import zlib

import pytest

BEGIN = bytes.fromhex("3077af0c92740802 41e1c107e6d618e6")
END = bytes.fromhex("f932433186182072 00824210 4116d8f2")


def elf(content):
    """A program of one segment that holds `content`."""
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 120 + len(content), 120 + len(content), 4096) + content


def go(modules, version):
    text = BEGIN + modules.encode() + END
    lead = b"\xff Go buildinf:\x08\x02" + bytes(16)
    return bytes(8) + lead + bytes([len(version)]) + version.encode() + bytes([len(text) & 0x7F | 0x80, len(text) >> 7]) + text


def put(root, path, content):
    path = root / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def packages(pare, root, *options, status=0):
    r = pare("sbom", "rootfs:%s" % root, "--format", "json", *options, status=status)
    return {(p["type"], p["name"], p["version"]): p for p in r.json()["packages"]}


@pytest.fixture
def root(tmp_path):
    d = tmp_path / "root"
    put(d, "etc/os-release", b"ID=debian\nVERSION_ID=12\n")
    return d


def test_words(pare, root):
    put(root, "opt/nginx/sbin/nginx", elf(b"\0nginx version: nginx/9.8.7\n\0"))
    put(root, "opt/other/tool", elf(b"\0nginx version: nginx/9.8.7\n\0"))  # merely mentions it
    put(root, "opt/doc/nginx", b"nginx version: nginx/1.2.3\n")  # a text
    put(root, "usr/lib/libpython3.11.so.1.0", elf(b"\0" b"3.10.9\0" b"3.11.4\0"))
    put(root, "bin/gzip", elf(b"\0" b"1.12\0BusyBox v1.36.1 (2023-01-01) multi-call\0"))
    got = packages(pare, root)
    assert set(got) == {("generic", "nginx", "9.8.7"), ("generic", "python", "3.11.4"), ("generic", "busybox", "1.36.1")}
    nginx = got["generic", "nginx", "9.8.7"]
    assert nginx["path"] == "/opt/nginx/sbin/nginx" and nginx["origin"] == "binary" and nginx["purl"] == "pkg:generic/nginx@9.8.7"
    assert nginx["bytes"] == os.path.getsize(root / "opt/nginx/sbin/nginx")


def test_owned_by_the_system(pare, root):
    put(root, "usr/sbin/nginx", elf(b"\0nginx version: nginx/9.8.7\n\0"))
    put(root, "var/lib/dpkg/status", b"Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 9.8.7-1\n")
    put(root, "var/lib/dpkg/info/nginx.list", b"/usr/sbin/nginx\n")
    assert set(packages(pare, root)) == {("deb", "nginx", "9.8.7-1")}


def test_go(pare, root):
    modules = "path\texample.org/tool\nmod\texample.org/tool\t(devel)\t\ndep\texample.org/a\tv1.2.3\th1:x=\ndep\texample.org/b\tv1.0.0\n=>\texample.org/c\tv2.0.0\th1:y=\n"
    put(root, "srv/tool", elf(go(modules + 'build\t-ldflags="-s -w -X main.version=4.5.6"\n', "go1.21.3")))
    got = packages(pare, root)
    assert set(got) == {("golang", "example.org/tool", "v4.5.6"), ("golang", "example.org/a", "v1.2.3"), ("golang", "example.org/c", "v2.0.0"), ("golang", "stdlib", "v1.21.3")}
    assert got["golang", "example.org/a", "v1.2.3"]["purl"] == "pkg:golang/example.org/a@v1.2.3"
    put(root, "srv/tool", elf(go(modules, "go1.21.3")[:-16]))  # cut off
    r = pare("sbom", "rootfs:%s" % root, "--format", "json", status=3)
    assert any("/srv/tool" in x and "Go modules" in x for x in map(str, r.json()["incomplete"]))


def test_rust(pare, root):
    crates = b'{"packages":[{"name":"cc","version":"1.0.1","source":"crates.io","kind":"build"},{"name":"serde","version":"1.0.2","source":"crates.io"},{"name":"tool","version":"0.1.0","source":"local","root":true}]}'
    put(root, "srv/tool", elf(b"abc" + zlib.compress(crates, 7) + b"behind it"))
    assert set(packages(pare, root)) == {("cargo", "serde", "1.0.2"), ("cargo", "tool", "0.1.0")}


def test_compiled(pare, root, tmp_path):
    source = tmp_path / "redis.c"
    source.write_text('#include <stdio.h>\nint main(void) { puts("Server started, Redis version 2.8.99"); return 0; }\n')
    (root / "usr/local/bin").mkdir(parents=True)
    target = root / "usr/local/bin/redis-server"
    subprocess.run(["cc", "-o", str(target), str(source)], check=True)
    assert ("generic", "redis", "2.8.99") in packages(pare, root)
    assert pare("sbom", "rootfs:%s" % root).out.count("redis") == 2  # the package and its path
