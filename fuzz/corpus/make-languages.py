#!/usr/bin/python3
"""make-languages.py: writes the seeds of the fuzzers java, packages_json and packages_text into the directories beside it."""
import io
import os
import struct
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
STAMP = (2020, 1, 1, 0, 0, 0)


def write(kind, name, first, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as f:
        f.write(bytes([first]) + data)


def archive(*files, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in files:
            z.writestr(zipfile.ZipInfo(name, STAMP), content, compress_type=method)
    return out.getvalue()


def properties(group, artifact, version):
    return "groupId=%s\nartifactId=%s\nversion=%s\n" % (group, artifact, version)


def java():
    manifest = "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.acme.acme-core;singleton:=true\r\nBundle-Version: 1.\r\n 2\r\nBundle-License: MIT\r\n\r\nName: x\r\nImplementation-Version: 3\r\n"
    pom = "<project><parent><groupId>g</groupId><version>1</version></parent><artifactId>a</artifactId><licenses><license><name>MIT</name></license></licenses></project>"
    plain = archive(("META-INF/MANIFEST.MF", manifest), ("META-INF/maven/g/a/pom.properties", properties("g", "a", "1.0")), ("META-INF/maven/g/a/pom.xml", pom), ("a/A.class", "x" * 40))
    nested = archive(("WEB-INF/lib/plain-1.0.jar", plain), ("META-INF/MANIFEST.MF", manifest), method=zipfile.ZIP_STORED)
    deep = plain
    for _ in range(9):
        deep = archive(("n.jar", deep), method=zipfile.ZIP_STORED)
    claims = bytearray(archive(("huge.jar", plain), method=zipfile.ZIP_STORED))
    at = claims.rfind(b"PK\1\2")
    struct.pack_into("<II", claims, at + 20, 0xFFFFFFF0, 0xFFFFFFF0)
    struct.pack_into("<II", claims, 18, 0xFFFFFFF0, 0xFFFFFFF0)
    write("java", "jar", 0, plain)
    write("java", "war-nested", 1, nested)
    write("java", "nested-too-deep", 0, deep)
    write("java", "claims-4-GiB", 0, bytes(claims))
    write("java", "cut", 0, plain[: len(plain) // 2])
    write("java", "script-in-front", 0, b"#!/bin/sh\nexec java -jar $0\n" + plain)
    write("java", "doctype", 0, archive(("META-INF/maven/g/a/pom.xml", "<!DOCTYPE p [<!ENTITY a 'b'>]><project>&a;</project>")))
    write("java", "egg", 2, archive(("EGG-INFO/PKG-INFO", "Name: x\nVersion: 1\n")))
    write("java", "unpacked", 3, properties("g", "a", "1").encode())


def documents():
    write("packages_json", "npm", 0, b'{"name": "@s/x", "version": "1", "license": [{"type": "MIT"}, "ISC"], "dependencies": {"a": "1"}, "optionalDependencies": {"b": "1"}, "description": "a\\nb"}')
    write("packages_json", "npm-broken", 0, b'{"name": "@s/x", "version": ')
    write("packages_json", "application", 1, b'\xef\xbb\xbf{"name": "x", "version": "1", "licenses": {"type": "MIT"}}')
    write("packages_json", "composer-2", 2, b'{"packages": [{"name": "a/b", "version": "v1", "license": ["MIT"], "require": {"c/d": "1", "php": "8"}, "install-path": "../a/b"}, {"name": "r/r", "version": "1", "install-path": "../.."}]}')
    write("packages_json", "composer-1", 2, b'[{"name": "a/b", "version": "v1", "license": "MIT"}, {"name": 5}, 6]')
    write("packages_json", "nuget", 3, b'{"runtimeTarget": {"name": "t"}, "targets": {"t": {"x/1": {"dependencies": {"y": "1"}, "runtime": {"lib/x.dll": {}}, "resources": {"de/x.dll": {"locale": "../de"}}, "runtimeTargets": {"a/b": {}}}}}, "libraries": {"x/1": {"type": "package"}, "runtimepack.z/2": {"type": "runtimepack"}}}')
    write("packages_json", "conda", 4, b'{"name": "x", "version": "1", "build": "0", "license": "MIT", "depends": ["y >=1"], "files": ["bin/x", "../../etc/passwd"], "size": 5}')


def texts():
    gem = b"# stub: g 1 ruby lib\nGem::Specification.new do |s|\n s.name = \"g\".freeze\n s.version = Gem::Version.new('1.0')\n s.licenses = [\"MIT\".freeze,\n %q<a(b)>]\n s.files = [\"lib/d.rb\"]\n" \
          b" s.summary = %Q{a {b} \\n}\n s.add_development_dependency(%q<r>, [\">= 0\"])\n s.add_dependency \"r\"\n s.add_dependency(\"t#{x}\")\nend\n"
    write("packages_text", "0-gem", 0, gem)
    write("packages_text", "0-gem-unclosed", 0, b"s.name = \"g\ns.version = '1' # \"\n")
    write("packages_text", "1-gem-default", 1, gem)
    write("packages_text", "2-metadata", 2, b"Name: a\nVersion: 1\nLicense: long\n text\nClassifier: License :: OSI Approved :: MIT License\nRequires-Dist: b>=1; extra == 'x'\nRequires-Dist: c\nLicense-Expression: MIT\n\nbody\n")
    write("packages_text", "2-metadata-nothing", 2, b"Metadata-Version: 2.1\n")
    write("packages_text", "3-record", 3, b"a/a.py,sha256=x,3\r\n\"a/\"\"b.py\",,\n../../../bin/a,,\n/usr/bin/b,,\n")
    write("packages_text", "5-top-level", 5, b"b\n../etc\n")
    write("packages_text", "7-installed-files", 7, b"../c.py\n../../../../../../etc/passwd\n")
    write("packages_text", "8-distutils", 8, b"Name: Python\nVersion: 3\n")


java()
documents()
texts()
