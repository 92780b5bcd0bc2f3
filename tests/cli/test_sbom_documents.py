"""Bills of materials as documents: written as CycloneDX and SPDX, read back, found in images."""
import hashlib
import json
import re
import subprocess

import pytest

from imagelib import Dir, File, Image, layer
from schemalib import check

RELEASE = b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
STATUS = (b"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1+b1\nSource: bash (5.2-1)\nPre-Depends: libc6 (>= 2.36)\nDepends: editor | bash-doc\nDescription: the <text>shell\n\n"
          b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\nSource: glibc\n\n"
          b"Package: nano\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.2-1\nDepends: libc6\nProvides: editor, x (= 1)\n")
COPYRIGHT = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: GPL-3+ and Curious words\n"
FORMATS = ["cyclonedx", "spdx", "spdx-tv"]


def modules(*names):
    return [File("app/node_modules/%s/package.json" % n, json.dumps(d).encode()) for n, d in names]


@pytest.fixture
def image(tmp_path):
    base = layer(Dir("etc"), File("etc/os-release", RELEASE), File("usr/bin/bash", b"b" * 1000), File("var/lib/dpkg/status", STATUS),
                 File("var/lib/dpkg/info/bash.list", b"/usr/bin/bash\n/usr/share/doc/bash/copyright\n"), File("usr/share/doc/bash/copyright", COPYRIGHT))
    app = layer(*modules(("@a/b", {"name": "@a/b", "version": "2.0.0", "license": "MIT", "dependencies": {"c": "1"}}),
                         ("c", {"name": "c", "version": "1.0.0", "license": "MIT OR ISC"}),
                         ("@a/b/node_modules/c", {"name": "c", "version": "1.1.0", "license": "see LICENSE"})))
    path = tmp_path / "image.tar"
    Image([base, app]).docker_archive(path)
    return path


def unique(v):
    assert len(v) == len(set(v))
    return set(v)


def test_cyclonedx(pare, image):
    doc = pare("sbom", "-f", "cyclonedx", image).json()
    assert (doc["bomFormat"], doc["specVersion"], doc["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", doc["serialNumber"])
    refs = unique([c["bom-ref"] for c in doc["components"]] + [doc["metadata"]["component"]["bom-ref"]])
    by = {(c.get("group", ""), c["name"], c["version"]): c for c in doc["components"]}
    assert by["", "debian", "12"]["type"] == "operating-system"
    bash, ab = by["", "bash", "5.2-1+b1"], by["@a", "b", "2.0.0"]
    assert ab["purl"] == "pkg:npm/%40a/b@2.0.0" and ab["licenses"] == [{"license": {"id": "MIT"}}]
    assert bash["licenses"] == [{"license": {"id": "GPL-3.0-or-later"}}, {"license": {"name": "Curious words"}}]
    assert by["", "c", "1.0.0"]["licenses"] == [{"expression": "MIT OR ISC"}]
    properties = {p["name"]: p["value"] for p in bash["properties"]}
    assert (properties["pare:layer"], properties["pare:bytes"], properties["pare:source_version"]) == ("0", str(1000 + len(COPYRIGHT)), "5.2-1")
    assert {d["ref"] for d in doc["dependencies"]} == refs - {by["", "debian", "12"]["bom-ref"]}
    needs = {d["ref"]: d.get("dependsOn", []) for d in doc["dependencies"]}
    assert all(x in refs for v in needs.values() for x in v)
    libc, nano, near = by["", "libc6", "2.36-9"]["bom-ref"], by["", "nano", "7.2-1"]["bom-ref"], by["", "c", "1.1.0"]["bom-ref"]
    assert sorted(needs[bash["bom-ref"]]) == sorted([libc, nano])  # nano provides editor
    assert needs[ab["bom-ref"]] == [near]  # as Node.js would find it
    reached, todo = set(), [doc["metadata"]["component"]["bom-ref"]]
    while todo:
        at = todo.pop()
        if at not in reached:
            reached.add(at)
            todo += needs.get(at, [])
    assert reached == refs


def test_spdx(pare, image):
    doc = pare("sbom", "-f", "spdx", image).json()
    assert (doc["spdxVersion"], doc["dataLicense"], doc["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT") and "#" not in doc["documentNamespace"]
    ids = unique([p["SPDXID"] for p in doc["packages"]])
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", i) for i in ids)
    assert all(p["downloadLocation"] == "NOASSERTION" and p["filesAnalyzed"] is False for p in doc["packages"])
    known = ids | {"SPDXRef-DOCUMENT"}
    relations = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in doc["relationships"]]
    assert all(a in known and b in known for a, _, b in relations) and unique(relations)
    assert [b for a, r, b in relations if r == "DESCRIBES"] == ["SPDXRef-Image"]
    assert {b for a, r, b in relations if r == "CONTAINS"} == ids - {"SPDXRef-Image"}
    name = {p["SPDXID"]: p["name"] + " " + p.get("versionInfo", "") for p in doc["packages"]}
    assert sorted((name[a], name[b]) for a, r, b in relations if r == "DEPENDS_ON") == [
        ("@a/b 2.0.0", "c 1.1.0"), ("bash 5.2-1+b1", "libc6 2.36-9"), ("bash 5.2-1+b1", "nano 7.2-1"), ("nano 7.2-1", "libc6 2.36-9")]
    bash = next(p for p in doc["packages"] if p["name"] == "bash")
    assert bash["externalRefs"][0]["referenceLocator"].startswith("pkg:deb/debian/bash@5.2-1%2Bb1")
    terms = {x["licenseId"]: x["extractedText"] for x in doc["hasExtractedLicensingInfos"]}
    assert set(terms.values()) == {"Curious words", "see LICENSE"}
    assert bash["licenseDeclared"] == "GPL-3.0-or-later AND " + next(k for k, v in terms.items() if v == "Curious words")


def test_tag_value(pare, image):
    text = pare("sbom", "-f", "spdx-tv", image).out
    for need in ("SPDXVersion: SPDX-2.3\n", "DataLicense: CC0-1.0\n", "Created: 20", "Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-Image\n", "PackageName: @a/b\n"):
        assert need in text
    assert text.count("<text>") == text.count("</text>")
    assert all(not l or re.match(r"[A-Za-z-]+: ?.", l) for l in text.split("\n"))


@pytest.mark.parametrize("fmt", ["json"] + FORMATS)
def test_nothing_is_lost(pare, image, fmt):
    """What is read back of any format gives every format, byte for byte."""
    text = pare("sbom", "-f", fmt, image).out_bytes
    for other in ["json", "purl"] + FORMATS:
        back = pare("sbom", "-f", other, "-", stdin=text)
        assert back.out == pare("sbom", "-f", other, image).out
        if other == "json":
            check(back.json(), "sbom")


@pytest.mark.parametrize("fmt", FORMATS)
def test_dates(pare, image, fmt):
    """No clock: the image's own date, or the one that is asked for; and another date is another document."""
    plain, epoch = pare("sbom", "-f", fmt, image).out, pare("sbom", "-f", fmt, image, env={"SOURCE_DATE_EPOCH": "86400"}).out
    assert "1970-01-02T00:00:00Z" in epoch and "1970-01-02T00:00:00Z" not in plain
    uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f-]{21}")
    assert uuid.search(plain)[0] != uuid.search(epoch)[0]


def test_files(pare, image):
    doc = pare("sbom", "--files", "-f", "cyclonedx", image).json()
    bash = next(c for c in doc["components"] if c["name"] == "bash")
    assert [c["name"] for c in bash["components"]] == ["/usr/bin/bash", "/usr/share/doc/bash/copyright"]
    assert "/etc/os-release" in [c["name"] for c in doc["components"] if c["type"] == "file"]
    doc = pare("sbom", "--files", "-f", "spdx", image).json()
    files = {f["fileName"]: f for f in doc["files"]}
    sums = {n: hashlib.sha1(b).hexdigest() for n, b in (("./usr/bin/bash", b"b" * 1000), ("./usr/share/doc/bash/copyright", COPYRIGHT))}
    assert {n: files[n]["checksums"] for n in sums} == {n: [{"algorithm": "SHA1", "checksumValue": v}] for n, v in sums.items()}
    bash = next(p for p in doc["packages"] if p["name"] == "bash")
    assert bash["filesAnalyzed"] and bash["packageVerificationCode"]["packageVerificationCodeValue"] == hashlib.sha1("".join(sorted(sums.values())).encode()).hexdigest()
    contained = [r["relatedSpdxElement"] for r in doc["relationships"] if r["spdxElementId"] == bash["SPDXID"] and r["relationshipType"] == "CONTAINS"]
    assert sorted(contained) == sorted(files[n]["SPDXID"] for n in sums)
    assert sums["./usr/bin/bash"] in pare("sbom", "--files", "-f", "spdx-tv", "-", stdin=image.read_bytes()).out


# --- what others write ---
def brief(doc):
    return [(p["type"], p["name"], p["version"], p["source_name"], p["origin"]) for p in doc["packages"]]


SYFT = {"artifacts": [
    {"name": "openssl-libs", "version": "1:1.1.1k-4.el8", "type": "rpm", "locations": [{"path": "/var/lib/rpm/Packages"}], "licenses": [{"value": "OpenSSL", "spdxExpression": "OpenSSL"}],
     "purl": "pkg:rpm/redhat/openssl-libs@1.1.1k-4.el8?arch=x86_64&epoch=1&upstream=openssl-1.1.1k-4.el8.src.rpm&distro=rhel-8.4", "metadata": {"sourceRpm": "openssl-1.1.1k-4.el8.src.rpm", "files": [{"path": "/x"}]}},
    {"name": "PyYAML", "version": "6.0", "type": "python", "licenses": ["MIT"], "purl": "pkg:pypi/pyyaml@6.0", "locations": [{"path": "/usr/lib/x"}]}],
    "source": {"type": "image", "target": {"userInput": "ubi8:latest", "manifestDigest": "sha256:" + "1" * 64}}, "distro": {"id": "rhel", "versionID": "8.4", "prettyName": "RHEL 8.4"}}


def test_syft(pare):
    doc = pare("sbom", "-f", "json", "-", stdin=json.dumps(SYFT).encode()).json()
    check(doc, "sbom")
    assert brief(doc) == [("pypi", "PyYAML", "6.0", "PyYAML", "document"), ("rpm", "openssl-libs", "1:1.1.1k-4.el8", "openssl", "document")]
    rpm = doc["packages"][1]
    assert (rpm["source_version"], rpm["arch"], rpm["licenses"], rpm["path"], rpm["layer"]) == ("1.1.1k-4.el8", "x86_64", ["OpenSSL"], "/var/lib/rpm/Packages", None)
    assert (doc["os"]["id"], doc["os"]["version"], doc["image"]["reference"]) == ("rhel", "8.4", "ubi8:latest")


def test_cyclonedx_of_others(pare, tmp_path):
    """Components in components; the image, files and what has neither version nor package URL are no packages; the system by the component that says so."""
    bom = {"$schema": "x", "bomFormat": "CycloneDX", "specVersion": "1.4", "metadata": {"component": {"type": "container", "name": "app:1", "purl": "pkg:oci/app@sha256%3A1"}}, "components": [
        {"type": "operating-system", "name": "amazon", "version": "2 (Karoo)"},
        {"type": "application", "name": "app/package-lock.json", "properties": [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}]},
        {"type": "library", "name": "libc6", "version": "2.31-13", "purl": "pkg:deb/debian/libc6@2.31-13?distro=debian-11.1", "properties": [
            {"name": "aquasecurity:trivy:SrcName", "value": "glibc"}, {"name": "aquasecurity:trivy:SrcVersion", "value": "2.31"}, {"name": "aquasecurity:trivy:SrcRelease", "value": "13"}]},
        {"type": "framework", "name": "outer", "version": "1", "components": [{"type": "library", "group": "org.x", "name": "y", "version": "3", "purl": "pkg:maven/org.x/y@3"}, {"type": "file", "name": "/z", "version": "9"}]}]}
    path = tmp_path / "anything"
    path.write_text(json.dumps(bom))
    doc = pare("sbom", "-f", "json", path).json()
    assert brief(doc) == [("deb", "libc6", "2.31-13", "glibc", "document"), ("generic", "outer", "1", "outer", "document"), ("maven", "org.x:y", "3", "org.x:y", "document")]
    assert doc["packages"][0]["source_version"] == "2.31-13" and (doc["os"]["id"], doc["os"]["version"]) == ("amzn", "2")
    assert pare("sbom", "-f", "json", "sbom:%s" % path).json()["packages"] == doc["packages"]


@pytest.mark.parametrize("distro,want", [("?distro=debian-12", ("debian", "12")), ("?distro=opensuse-leap-15.5", ("opensuse-leap", "15.5")), ("?distro=3.19.1", ("debian", "3.19.1")), ("", ("debian", ""))])
def test_system_out_of_package_urls(pare, distro, want):
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "x", "version": "1", "purl": "pkg:deb/debian/x@1" + distro}, {"name": "z", "version": "1", "purl": "pkg:npm/z@1"}]}
    doc = pare("sbom", "-f", "json", "-", stdin=json.dumps(bom).encode()).json()
    assert (doc["os"]["id"], doc["os"]["version"]) == want


BITNAMI = {"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3", "name": "SPDX document for PostgreSQL", "packages": [
    {"SPDXID": "SPDXRef-postgresql", "name": "postgresql", "versionInfo": "16.2.0", "licenseDeclared": "LicenseRef-p", "licenseConcluded": "MIT",
     "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:bitnami/postgresql@16.2.0-1?arch=amd64&distro=debian-12"}]}],
    "hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-p", "extractedText": "PostgreSQL"}]}


def wolfi(name, version):
    return {"SPDXID": "SPDXRef-DOCUMENT", "spdxVersion": "SPDX-2.3", "name": "apk", "packages": [
        {"SPDXID": "SPDXRef-Package-1", "name": name, "versionInfo": version, "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": "pkg:apk/wolfi/%s@%s?arch=x86_64" % (name, version)}]},
        {"SPDXID": "SPDXRef-Package-2", "name": name + ".yaml", "versionInfo": "c0ffee", "externalRefs": [{"referenceCategory": "PACKAGE_MANAGER", "referenceType": "purl", "referenceLocator": "pkg:github/wolfi-dev/os@c0ffee"}]}]}


def test_in_an_image(pare, tmp_path):
    """By content and the names that such documents have. What the system's database tells is told once, and the SBOM of a package is that package's."""
    installed = b"P:zlib\nV:1.3-r0\nA:x86_64\nF:var/lib/db/sbom\nR:zlib-1.3-r0.spdx.json\n\n"
    top = layer(File("etc/os-release", b"ID=wolfi\nVERSION_ID=20230201\n"), File("lib/apk/db/installed", installed), File("var/lib/db/sbom/zlib-1.3-r0.spdx.json", json.dumps(wolfi("zlib", "1.3-r0")).encode()),
                File("opt/bitnami/postgresql/.spdx-postgresql.spdx", json.dumps(BITNAMI).encode()), File("app/bom.json", b'{"bomFormat": "no"}'), File("app/notes.json", json.dumps(BITNAMI).encode()),
                File("app/sbom.json", b"{}"))
    path = tmp_path / "image.tar"
    Image([top]).docker_archive(path)
    r = pare("sbom", "-f", "json", path, status=3)
    assert [(p["type"], p["name"], p["version"], p["origin"], p["path"]) for p in r.json()["packages"]] == [
        ("apk", "zlib", "1.3-r0", "database", "/lib/apk/db/installed"),
        ("bitnami", "postgresql", "16.2.0-1", "document", "/opt/bitnami/postgresql/.spdx-postgresql.spdx")]
    bitnami = r.json()["packages"][1]
    assert bitnami["purl"] == "pkg:bitnami/postgresql@16.2.0-1?arch=amd64&distro=debian-12" and bitnami["licenses"] == ["PostgreSQL"] and bitnami["layer"] == 0
    assert len(r.json()["incomplete"]) == 1 and "/app/bom.json" in r.json()["incomplete"][0]
    names = [p["name"] for p in pare("sbom", "--all", "-f", "json", path, status=3).json()["packages"]]
    assert "wolfi-dev/os" in names


# --- hostile ones ---
def nested(depth):
    return b'{"bomFormat":"CycloneDX","components":[' + b'{"name":"a","version":"1","components":[' * depth + b"]}" * depth + b"]}"


@pytest.mark.parametrize("what,text,says", [
    ("deep", nested(40), "over 16 deep"),
    ("very deep", nested(20000), "over 16 deep"),
    ("brackets", b'{"bomFormat":"CycloneDX","components":[' + b"[" * 500000, "no JSON"),
    ("cut", json.dumps(BITNAMI).encode()[:-30], "no JSON"),
    ("no object", b'{"bomFormat":"CycloneDX","components":[1,"x",{"name":"a","version":"1"}]}', "no object"),
    ("large", b'{"bomFormat":"CycloneDX","components":[{"name":"a","version":"1","x":"' + b"x" * (3 << 20) + b'"}]}', "over 2 MiB"),
    ("no name", b'{"bomFormat":"CycloneDX","components":[{"purl":"pkg:npm/a%0Ab@1"}]}', "no name"),
    ("open text", b"SPDXVersion: SPDX-2.3\nPackageName: x\nPackageComment: <text>never\nends", "without its end"),
], ids=lambda v: v if isinstance(v, str) and len(v) < 20 else "")
def test_damage(pare, tmp_path, what, text, says):
    path = tmp_path / "x.spdx.json"
    path.write_bytes(text)
    r = pare("sbom", "-f", "json", path, status=3)
    assert says in r.err and any(says in x for x in r.json()["incomplete"])
    for fmt in FORMATS:
        pare("sbom", "-f", fmt, path, status=3)
    image = tmp_path / "image.tar"
    Image([layer(File("x.spdx.json", text))]).docker_archive(image)
    assert any(says in x for x in pare("sbom", "-f", "json", image, status=3).json()["incomplete"])


def test_no_sbom(pare, tmp_path):
    path = tmp_path / "x"
    path.write_text('{"bomFormat": "Something"}')
    assert "no SBOM" in pare("sbom", path, status=3).err
    path.write_text("{}")
    pare("sbom", path, status=3)
    pare("sbom", "sbom:%s" % (tmp_path / "absent"), status=4)


def test_control_bytes(pare, tmp_path):
    path = tmp_path / "x"
    path.write_text(json.dumps({"bomFormat": "CycloneDX", "components": [{"name": "a", "version": "1", "description": "\x1b[31m\n</text>\nPackageName: evil", "licenses": [{"license": {"name": "<text>\x07</text>"}}]}]}))
    text = pare("sbom", "-f", "spdx-tv", path).out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", text) and "\nPackageName: evil" not in text and text.count("\nPackageName: ") == 2
    pare("sbom", path)


def test_a_slow_pipe(pare, tmp_path):
    """What comes in pieces is an SBOM all the same."""
    script = "import sys,time\nfor x in ('{\"artifacts\"', ': [', '], \"distro\": {\"id\": \"x\"}}'):\n sys.stdout.write(x); sys.stdout.flush(); time.sleep(0.05)\n"
    with subprocess.Popen(["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE) as p:
        assert pare("sbom", "-f", "json", "-", stdin=p.stdout).json()["os"]["id"] == "x"


@pytest.mark.parametrize("fmt", ["json"] + FORMATS)
def test_scan_takes_it(pare, image, tmp_path, fmt):
    """The same vulnerabilities of the document as of the image, with the layer that they are in."""
    tracker = {"glibc": {"CVE-2023-0001": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "2.36-9"}, "fixed_version": "2.36-10", "urgency": "high"}}}}}
    (tmp_path / "tracker.json").write_text(json.dumps(tracker))
    pare("db", "build", "-o", tmp_path / "x.db", "--from", "debian-tracker:%s" % (tmp_path / "tracker.json"))
    path = tmp_path / "bom"
    path.write_bytes(pare("sbom", "-f", fmt, image).out_bytes)
    a, b = (pare("scan", "--db", tmp_path / "x.db", "--kinds", "vulnerability", "-f", "json", where).json() for where in (image, path))
    assert [(f["id"], f["package"], f["fixed_version"], f["layer"]) for f in b["findings"]] == [("CVE-2023-0001", "libc6", "2.36-10", 0)]
    assert [(f["purl"], f["path"], f["severity"]) for f in a["findings"]] == [(f["purl"], f["path"], f["severity"]) for f in b["findings"]] and a["os"] == b["os"]
