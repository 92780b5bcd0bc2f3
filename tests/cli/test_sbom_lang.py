"""`pare sbom` of languages: what package managers left where they installed; lock files, sources and caches count for nothing; bombs are told of."""
import io
import json
import struct
import zipfile

import pytest

from imagelib import File, Image, Whiteout, layer
from schemalib import check


def archive(*files, method=zipfile.ZIP_DEFLATED, prefix=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in files:
            z.writestr(name, content)
    return prefix + out.getvalue()


def properties(group, artifact, version):
    return "META-INF/maven/%s/%s/pom.properties" % (group, artifact), "groupId=%s\nartifactId=%s\nversion=%s\n" % (group, artifact, version)


@pytest.fixture
def root(tmp_path):
    """A function that makes a directory of {path: content} and returns its location."""
    def make(files):
        top = tmp_path / "root"
        for path, content in files.items():
            to = top / path
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(content if isinstance(content, bytes) else content.encode() if isinstance(content, str) else json.dumps(content).encode())
        return "rootfs:%s" % top
    return make


def found(doc):
    return [(p["type"], p["name"], p["version"]) for p in doc["packages"]]


def sbom(pare, where, *options, status=0):
    doc = pare("sbom", "--format", "json", *options, where, status=status).json()
    check(doc, "sbom")
    return doc


SITE = "usr/lib/python3/dist-packages/"
GEMS = "usr/lib/ruby/gems/3.1.0/"


def test_every_language(pare, root):
    doc = sbom(pare, root({
        "app/node_modules/@acme/x/package.json": {"name": "@acme/x", "version": "1.0.0", "license": "MIT"},
        SITE + "six-1.16.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n",
        GEMS + "specifications/rake-13.0.6.gemspec": 'Gem::Specification.new do |s|\n  s.name = "rake".freeze\n  s.version = "13.0.6"\nend\n',
        "opt/lib.jar": archive(properties("org.acme", "lib", "2.0")),
        "var/www/vendor/composer/installed.json": {"packages": [{"name": "acme/log", "version": "1.1.0"}]},
        "app/shop.deps.json": {"libraries": {"Acme.Json/3.0": {"type": "package"}, "Shop/1.0": {"type": "project"}}},
        "opt/conda/conda-meta/zlib-1.2-0.json": {"name": "zlib", "version": "1.2", "build": "0"},
    }))
    assert found(doc) == [("composer", "acme/log", "1.1.0"), ("conda", "zlib", "1.2"), ("gem", "rake", "13.0.6"), ("maven", "org.acme:lib", "2.0"), ("npm", "@acme/x", "1.0.0"),
                          ("nuget", "Acme.Json", "3.0"), ("pypi", "six", "1.16.0")]
    assert {p["origin"] for p in doc["packages"]} == {"installed"}
    assert [p["purl"] for p in doc["packages"]][3:5] == ["pkg:maven/org.acme/lib@2.0", "pkg:npm/%40acme/x@1.0.0"]


def test_what_is_not_installed_counts_for_nothing(pare, root):
    doc = sbom(pare, root({
        "app/package-lock.json": {"packages": {"node_modules/never": {"version": "1.0.0"}}},
        "app/yarn.lock": "never@^1:\n  version \"1.0.0\"\n",
        "app/requirements.txt": "never==1.0\n",
        "app/Gemfile.lock": "GEM\n  specs:\n    never (1.0)\n",
        "app/composer.lock": {"packages": [{"name": "acme/never", "version": "1"}]},
        "app/packages.lock.json": {"dependencies": {"net8.0": {"Never": {"resolved": "1.0"}}}},
        "app/pom.xml": "<project><groupId>never</groupId><artifactId>never</artifactId><version>1</version></project>",
        "app/gems/x-1/x.gemspec": 'Gem::Specification.new do |s|\n s.name = "never"\n s.version = "1"\nend\n',
        "app/node_modules/x/test/package.json": {"name": "never", "version": "1.0.0"},
        "app/web/package.json": {"private": True},
    }))
    assert found(doc) == [] and doc["incomplete"] == []


def test_upgraded_in_a_later_layer(pare, tmp_path):
    old = layer(File(SITE + "six-1.15.0.dist-info/METADATA", b"Name: six\nVersion: 1.15.0\n"), File("app/node_modules/x/package.json", b'{"name": "x", "version": "1.0.0"}'))
    new = layer(Whiteout(SITE + "six-1.15.0.dist-info"), File(SITE + "six-1.16.0.dist-info/METADATA", b"Name: six\nVersion: 1.16.0\n"),
                File("app/node_modules/x/package.json", b'{"name": "x", "version": "2.0.0"}'))
    path = tmp_path / "image.tar"
    Image([old, new]).docker_archive(path)
    for _ in range(2):  # read, then from what is kept
        assert [(p["name"], p["version"], p["layer"]) for p in sbom(pare, path)["packages"]] == [("x", "2.0.0", 1), ("six", "1.16.0", 1)]


def test_jars_in_jars(pare, root):
    library = archive(properties("org.acme", "library", "1.5"), ("META-INF/MANIFEST.MF", "Bundle-License: Apache-2.0\n"), ("A.class", b"\0" * 100000))
    war = archive(properties("org.shop", "shop", "3"), ("WEB-INF/lib/library-1.5.jar", library), ("WEB-INF/lib/spring-core-5.3.1.jar", archive(("a.class", "x"))))
    ear = archive(("shop.war", war), method=zipfile.ZIP_STORED, prefix=b"#!/bin/sh\nexec java -jar \"$0\"\n")
    doc = sbom(pare, root({"srv/shop.ear": ear, "srv/shaded.jar": archive(properties("org.a", "a", "1"), properties("org.b", "b", "2"))}))
    assert {(p["name"], p["version"], p["path"]) for p in doc["packages"]} == {
        ("org.a:a", "1", "/srv/shaded.jar"), ("org.b:b", "2", "/srv/shaded.jar"),
        ("org.shop:shop", "3", "/srv/shop.ear:shop.war"),
        ("org.acme:library", "1.5", "/srv/shop.ear:shop.war:WEB-INF/lib/library-1.5.jar"),
        ("org.springframework:spring-core", "5.3.1", "/srv/shop.ear:shop.war:WEB-INF/lib/spring-core-5.3.1.jar")}
    assert [p["licenses"] for p in doc["packages"] if p["name"] == "org.acme:library"] == [["Apache-2.0"]]


def test_damage_is_told_and_the_rest_is_there(pare, root):
    whole = archive(properties("org.a", "a", "1"), ("b.txt", bytes(i * i % 251 for i in range(2000))), method=zipfile.ZIP_STORED)
    doc = sbom(pare, root({"good.jar": whole, "cut.jar": whole[: len(whole) // 2], "node_modules/x/package.json": b'{"name": "x', "no.jar": "no zip", "empty.jar": b"",
                           SITE + "x.dist-info/METADATA": "nothing\n"}), status=3)
    assert {(p["name"], p["path"]) for p in doc["packages"]} == {("org.a:a", "/good.jar"), ("org.a:a", "/cut.jar")}
    assert sorted(m.split(":")[0] for m in doc["incomplete"]) == ["/cut.jar", "/node_modules/x/package.json", "/usr/lib/python3/dist-packages/x.dist-info/METADATA"]


def nested(levels):
    jar = archive(properties("org.a", "a", "1"))
    for _ in range(levels):
        jar = archive(("n.jar", jar))
    return jar


def quine(copies, levels):
    jar = archive(properties("org.a", "a", "1"))
    for _ in range(levels):
        jar = archive(*[("n%d.jar" % i, jar) for i in range(copies)])
    return jar


def claiming(size):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z, z.open(zipfile.ZipInfo("a.jar"), "w", force_zip64=True) as f:
        f.write(b"\0" * 100)
    data = bytearray(out.getvalue())
    struct.pack_into("<II", data, 18, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<QQ", data, 30 + len("a.jar") + 4, size, size)
    return bytes(data)


def swelling(mib):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z, z.open("a.jar", "w") as f:
        for _ in range(mib):
            f.write(b"\0" * (1 << 20))
    return out.getvalue()


@pytest.mark.parametrize("bomb,why", [(lambda: nested(40), "nested too deep"), (lambda: quine(16, 6), "over the budget of 8192 archives"), (lambda: claiming(1 << 40), "over the budget"),
                                      (lambda: swelling(200), "over the budget")], ids=["nested", "fan", "claim", "swell"])
def test_bombs(pare, root, bomb, why):
    r = pare("sbom", "--format", "json", root({"bomb.jar": bomb()}), status=3)
    doc = r.json()
    check(doc, "sbom")
    assert len(doc["incomplete"]) == 1 and why in doc["incomplete"][0] and doc["incomplete"][0].startswith("/bomb.jar: ")


def test_the_same_bytes(pare, root):
    where = root({"a.jar": quine(3, 3), "node_modules/x/package.json": {"name": "x", "version": "1", "dependencies": {"b": "1", "a": "1"}}})
    first = pare("sbom", "-f", "json", "--no-cache", where).out_bytes
    assert first == pare("sbom", "-f", "json", "--no-cache", where).out_bytes
    assert json.loads(first)["packages"][-1]["depends"] == "b, a"
