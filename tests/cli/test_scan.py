"""pare scan: what is found in small images by small databases; formats, gates, what is suppressed, what was not judged, reasons."""
import json
import re
import struct
import xml.etree.ElementTree as ET

import pytest

from imagelib import Dir, File, Image, Whiteout, layer
from schemalib import check

EPOCH = {"SOURCE_DATE_EPOCH": "1706659200"}  # 2024-01-31
RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def status(*packages):
    return "".join("Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n%s\n" % (name, version, "Source: %s\n" % source if source else "")
                   for name, version, source in packages).encode()


def dpkg(*packages):
    return [Dir("var"), Dir("var/lib"), Dir("var/lib/dpkg"), File("var/lib/dpkg/status", status(*packages))]


BASE = [("libssl3", "3.0.11-1", "openssl"), ("bash", "5.2.15-2", None), ("curl", "7.88.1-10", None)]
TRACKER = {
    "openssl": {"CVE-2023-0001": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.11-1"}, "fixed_version": "3.0.13-1", "urgency": "high"}}},
                "CVE-2023-0002": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.11-1"}, "fixed_version": "3.0.1-1", "urgency": "low"}}},
                "CVE-2023-0003": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.11-1"}, "fixed_version": "0", "urgency": "unimportant"}}}},
    "bash": {"CVE-2023-0004": {"releases": {"bookworm": {"status": "open", "repositories": {"bookworm": "5.2.15-2"}, "urgency": "low", "nodsa": "Minor issue", "nodsa_reason": ""}}}},
    "curl": {"CVE-2023-0005": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "7.88.1-10"}, "fixed_version": "7.88.1-11", "urgency": "not yet assigned"}}}},
}
KEV = {"title": "x", "catalogVersion": "1", "dateReleased": "2024-01-01T00:00:00Z", "count": 1, "vulnerabilities": [
    {"cveID": "CVE-2023-0005", "vendorProject": "x", "product": "y", "vulnerabilityName": "z", "dateAdded": "2024-01-02", "shortDescription": "d", "requiredAction": "r", "dueDate": "2024-02-02",
     "knownRansomwareCampaignUse": "Known"}]}
EPSS = "#model_version:v1,score_date:2024-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2023-0001,0.25,0.9\n"


@pytest.fixture
def db(pare, tmp_path):
    (tmp_path / "tracker.json").write_text(json.dumps(TRACKER))
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    (tmp_path / "epss.csv").write_text(EPSS)
    out = tmp_path / "x.db"
    pare("db", "build", "-o", out, "--from", "debian-tracker:%s" % (tmp_path / "tracker.json"), "--from", "kev:%s" % (tmp_path / "kev.json"), "--from", "epss:%s" % (tmp_path / "epss.csv"))
    return out


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image.tar"
    base = layer(Dir("etc"), File("etc/os-release", RELEASE), *dpkg(*BASE, ("telnet", "0.17-1", None)))
    top = layer(*dpkg(*BASE))
    Image([base, top]).docker_archive(path)
    return path


@pytest.fixture
def scan(pare, db, image):
    def run(*args, **kw):
        return pare("scan", "--db", db, "--kinds", "vulnerability", *args, image, **{"env": EPOCH, **kw})
    return run


def ids(doc):
    return [f["id"] for f in doc["findings"]]


def test_json(scan):
    doc = scan("--format", "json").json()
    check(doc, "scan")
    assert doc["os"]["id"] == "debian" and doc["os"]["version"] == "12" and not doc["os"]["is_eol"]
    assert sorted(ids(doc)) == ["CVE-2023-0001", "CVE-2023-0004", "CVE-2023-0005"]
    assert ids(doc)[0] == "CVE-2023-0005"  # exploited: first
    by = {f["id"]: f for f in doc["findings"]}
    one = by["CVE-2023-0001"]
    assert (one["package"], one["version"], one["fixed_version"], one["state"], one["severity"], one["epss"]) == ("libssl3", "3.0.11-1", "3.0.13-1", "fixed", "high", 0.25)
    assert one["match"] == "3.0.11-1 < 3.0.13-1 (dpkg)" and one["presence"] == "live" and one["purl"].startswith("pkg:deb/debian/libssl3@3.0.11-1")
    assert "apt-get install --only-upgrade libssl3" in one["remedy"]
    assert by["CVE-2023-0004"]["fixed_version"] is None and "no-dsa" in by["CVE-2023-0004"]["reason"]
    assert by["CVE-2023-0005"]["kev"] == "2024-01-02" and by["CVE-2023-0005"]["ransomware"] and by["CVE-2023-0005"]["severity"] == "unknown"
    assert doc["coverage"]["incomplete"] == [] and doc["counts"]["vulnerability"] == 3


def test_table(scan):
    out = scan().out
    assert "What to do first" in out and out.index("CVE-2023-0005") < out.index("CVE-2023-0001")
    assert "apt-get install --only-upgrade" in out and "KEV" in out and "1 unrated" in out
    assert not any(line.endswith(" ") for line in out.split("\n"))


def test_the_same_bytes(scan):
    for f in ("json", "sarif", "cyclonedx", "junit", "gitlab", "html", "markdown", "table"):
        assert scan("--format", f).out == scan("--format", f, "--no-cache").out


@pytest.mark.parametrize("gate, fails", [("critical", 0), ("high", 1), ("kev", 1), ("epss>0.2", 1), ("epss>0.3", 0), ("fixable", 1), ("high+fixable", 1), ("high+kev", 0), ("eol", 0), ("secret", 0),
                                         ("critical,kev", 1)])
def test_gates(scan, gate, fails):
    scan("--fail-on", gate, status=fails)


def test_gates_are_refused(scan):
    assert "--fail-on severe" in scan("--fail-on", "severe", status=2).err
    assert "--kinds" in scan("--kinds", "bugs", status=2).err
    assert "--only-new" in scan("--only-new", status=2).err


def test_choices(scan):
    assert ids(scan("--format", "json", "--severity", "high").json()) == ["CVE-2023-0001"]
    assert "CVE-2023-0004" not in ids(scan("--format", "json", "--ignore-unfixed").json())


def test_ignore_file(scan, tmp_path):
    f = tmp_path / "ignore.yaml"
    f.write_text("ignore:\n  - id: CVE-2023-0001\n    reason: never called\n    expires: 2024-01-31\n")
    assert "CVE-2023-0001" not in ids(scan("--format", "json", "--ignore-file", f, "--fail-on", "high").json())
    shown = {x["id"]: x for x in scan("--format", "json", "--ignore-file", f, "--show-suppressed").json()["findings"]}
    assert "never called" in shown["CVE-2023-0001"]["suppressed"]
    f.write_text("ignore:\n  - id: CVE-2023-0001\n    reason: never called\n    expires: 2024-01-30\n")
    r = scan("--format", "json", "--ignore-file", f, status=1)
    assert "CVE-2023-0001" in ids(r.json()) and "has expired" in r.err
    f.write_text("ignore:\n  - {id: CVE-1999-1, reason: gone}\n")
    assert "matches nothing" in scan("--ignore-file", f, status=1).err
    f.write_text("ignore:\n  - {id: CVE-1999-1}\n")
    assert "wants a reason" in scan("--ignore-file", f, status=2).err
    scan("--ignore-file", tmp_path / "none", status=2)


def test_ignore_files_of_others(pare, scan, tmp_path):
    (pare.root / "cwd" / ".trivyignore").write_text("# known\nCVE-2023-0001\nCVE-1999-1\n")
    assert "CVE-2023-0001" not in ids(scan("--format", "json").json())
    assert "CVE-2023-0001" in ids(scan("--format", "json", "--no-ignore-file").json())
    (pare.root / "cwd" / ".trivyignore").unlink()
    f = tmp_path / "grype.yaml"
    f.write_text("ignore:\n  - vulnerability: CVE-2023-0004\n    package: {name: bash, type: deb}\n")
    assert "CVE-2023-0004" not in ids(scan("--format", "json", "--ignore-file", f).json())


def test_baseline(scan, tmp_path):
    known = tmp_path / "known.json"
    scan("--write-baseline", known)
    assert len(json.loads(known.read_text())["findings"]) == 3
    scan("--baseline", known, "--fail-on", "info")
    doc = scan("--baseline", known, "--only-new", "--fail-on", "info", "--format", "json").json()
    assert ids(doc) == [] and doc["counts"]["suppressed"] == 3
    less = json.loads(known.read_text())
    less["findings"] = [f for f in less["findings"] if f["rule"] != "CVE-2023-0004"]
    known.write_text(json.dumps(less))
    assert ids(scan("--baseline", known, "--only-new", "--fail-on", "info", "--format", "json", status=1).json()) == ["CVE-2023-0004"]


def test_vex(scan, tmp_path):
    f = tmp_path / "vex.json"
    f.write_text(json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [
        {"vulnerability": {"name": "CVE-2023-0001"}, "products": [{"@id": "pkg:deb/debian/libssl3"}], "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"}]}))
    assert "CVE-2023-0001" not in ids(scan("--format", "json", "--vex", f, "--fail-on", "high").json())
    out = tmp_path / "out.json"
    scan("--vex", f, "--vex-out", out, "-o", tmp_path / "table.txt")
    doc = json.loads(out.read_text())
    said = {s["vulnerability"]["name"]: s["status"] for s in doc["statements"]}
    assert said == {"CVE-2023-0001": "not_affected", "CVE-2023-0004": "affected", "CVE-2023-0005": "affected"}
    assert all(s.get("action_statement") or s.get("impact_statement") for s in doc["statements"])
    assert "CVE-2023-0001" not in ids(scan("--format", "json", "--vex", out).json())  # what was written is read
    f.write_text("{}")
    assert "neither OpenVEX" in scan("--vex", f, status=2).err


def test_why(scan):
    assert re.search(r"^affected +CVE-2023-0001 +libssl3 3.0.11-1 .*3.0.11-1 < 3.0.13-1 \(dpkg\)$", scan("--why", "CVE-2023-0001").out, re.M)
    assert "3.0.11-1 >= 3.0.1-1" in scan("--why", "CVE-2023-0002").out
    assert "never affected" in scan("--why", "CVE-2023-0003").out
    assert "does not know it" in scan("--why", "CVE-1999-1").out


def test_layers(scan, tmp_path, pare, db):
    path = tmp_path / "two.tar"
    old = layer(Dir("etc"), File("etc/os-release", RELEASE), *dpkg(("bash", "5.2.15-2", None), ("curl", "7.88.1-9", None)))
    new = layer(*dpkg(("curl", "7.88.1-11", None)))
    Image([old, new]).docker_archive(path)
    assert ids(pare("scan", "--db", db, "--kinds", "vulnerability", "--format", "json", path, env=EPOCH).json()) == []
    doc = pare("scan", "--db", db, "--kinds", "vulnerability", "--all-layers", "--format", "json", path, env=EPOCH).json()
    assert {(f["id"], f["presence"], f["layer"]) for f in doc["findings"]} == {("CVE-2023-0004", "deleted", 0), ("CVE-2023-0005", "shadowed", 0)}
    check(doc, "scan")


def test_without_a_database(pare, image):
    r = pare("scan", image, status=3, env=EPOCH)
    assert "no advisory database" in r.err and r.err.count("\n") == 1
    pare("scan", "--kinds", "config,license", image, env=EPOCH)


def test_what_is_not_covered_is_told(pare, db, tmp_path):
    path = tmp_path / "old.tar"
    Image([layer(Dir("etc"), File("etc/os-release", b"ID=debian\nVERSION_ID=9\n"), *dpkg(("bash", "4.4-5", None)))]).docker_archive(path)
    doc = pare("scan", "--db", db, "--kinds", "vulnerability", "--format", "json", path, env=EPOCH).json()
    assert set(ids(doc)) == {"os-not-covered", "os-end-of-life"} and doc["os"]["is_eol"] and doc["os"]["eol"] == "2022-06-30"
    assert "no advisories for Debian:9" in doc["coverage"]["notes"][0]
    pare("scan", "--db", db, "--kinds", "vulnerability", "--fail-on", "eol", path, status=1, env=EPOCH)


@pytest.mark.parametrize("form", ["json", "cyclonedx", "spdx", "spdx-tv"])
def test_a_bill_of_materials_is_scanned_like_its_image(scan, pare, db, image, tmp_path, form):
    sbom = tmp_path / "sbom"
    sbom.write_bytes(pare("sbom", "--format", form, image, env=EPOCH).out_bytes)
    want = {(f["id"], f["package"], f["version"], f["fixed_version"], f["state"]) for f in scan("--format", "json").json()["findings"]}
    doc = pare("scan", "--db", db, "--kinds", "vulnerability", "--format", "json", sbom, env=EPOCH).json()
    check(doc, "scan")
    assert {(f["id"], f["package"], f["version"], f["fixed_version"], f["state"]) for f in doc["findings"]} == want and doc["os"]["id"] == "debian"
    assert pare("scan", "--db", db, sbom, env=EPOCH).out  # all kinds


def test_several_images(pare, db, image, tmp_path):
    clean = tmp_path / "clean.tar"
    Image([layer(Dir("etc"), File("etc/os-release", RELEASE), *dpkg(("bash", "9-1", None)))]).docker_archive(clean)
    args = ["scan", "--db", db, "--kinds", "vulnerability"]
    one, two = (pare(*args, "--format", "json", i, env=EPOCH).out for i in (image, clean))
    assert pare(*args, "--format", "json", image, clean, image, env=EPOCH).out == one + two + one
    pare(*args, "--fail-on", "high", clean, image, clean, status=1, env=EPOCH)
    pare(*args, clean, tmp_path / "none", clean, status=None, env=EPOCH)
    assert "of one image" in pare(*args, "-o", tmp_path / "x", clean, image, status=2, env=EPOCH).err
    f = tmp_path / "ignore.yaml"
    f.write_text("ignore:\n  - {id: CVE-2023-0001, reason: never called}\n")
    pare(*args, "--ignore-file", f, "--fail-on", "high", clean, image, env=EPOCH)  # not stale: one of them has it


def test_a_package_database_that_was_removed(pare, db, tmp_path):
    """Programs, a system's name, and nothing that tells what is installed: never a quiet zero."""
    path = tmp_path / "gone.tar"
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0) + bytes(5000)
    Image([layer(Dir("etc"), File("etc/os-release", RELEASE), Dir("usr"), Dir("usr/bin"), File("usr/bin/tool", elf, mode=0o755))]).docker_archive(path)
    r = pare("scan", "--db", db, "--kinds", "vulnerability", "--format", "json", path, status=3, env=EPOCH)
    doc = r.json()
    assert ids(doc) == ["package-database-missing"] and "package database" in doc["coverage"]["incomplete"][0] and doc["coverage"]["unidentified"] == ["/usr/bin/tool"]


def test_an_old_database_is_told(scan):
    assert scan("--format", "json").json()["coverage"]["notes"] == []
    assert "40 days old" in scan("--format", "json", env={"SOURCE_DATE_EPOCH": "1707609600"}).json()["coverage"]["notes"][0]


def test_damaged_database(pare, image, tmp_path):
    bad = tmp_path / "bad.db"
    bad.write_bytes(b"no database" * 1000)
    pare("scan", "--db", bad, image, status=3)
    pare("scan", "--db", tmp_path / "none", image, status=None)


def test_sarif(scan):
    doc = scan("--format", "sarif").json()
    run = doc["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert doc["version"] == "2.1.0" and len(run["results"]) == 3 and len(rules) == 3
    for r in run["results"]:
        assert rules[r["ruleIndex"]]["id"] == r["ruleId"] and r["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1 and r["message"]["text"]
    assert {r["properties"]["security-severity"] for r in rules} <= {"8.0", "5.5", "2.5"}
    assert len({json.dumps(r["partialFingerprints"]) for r in run["results"]}) == 3


def test_cyclonedx(scan):
    doc = scan("--format", "cyclonedx").json()
    refs = [c["bom-ref"] for c in doc["components"]]
    assert doc["specVersion"] == "1.6" and len(refs) == len(set(refs)) == 3
    assert [v["id"] for v in doc["vulnerabilities"]] == ["CVE-2023-0001", "CVE-2023-0004", "CVE-2023-0005"]
    assert all(a["ref"] in refs for v in doc["vulnerabilities"] for a in v["affects"])


def test_junit(scan):
    root = ET.fromstring(scan("--format", "junit").out)
    cases = list(root.iter("testcase"))
    assert len(cases) == 3 == int(root.get("failures")) and all(c.find("failure") is not None for c in cases)
    clean = ET.fromstring(scan("--format", "junit", "--severity", "critical").out)
    assert clean.get("failures") == "0" and clean.get("tests") == "1"


def test_gitlab(scan):
    doc = scan("--format", "gitlab").json()
    assert doc["scan"]["type"] == "container_scanning" and doc["scan"]["status"] == "success" and doc["scan"]["start_time"] == "2024-01-31T00:00:00"
    v = doc["vulnerabilities"]
    assert len({x["id"] for x in v}) == 3 and all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", x["id"]) for x in v)
    assert {x["severity"] for x in v} == {"High", "Low", "Unknown"} and all(x["identifiers"][0]["type"] == "cve" for x in v)


def test_html_and_markdown(scan):
    page = scan("--format", "html").out
    assert page.startswith("<!doctype html>") and "CVE-2023-0001" in page and "<script" not in page and "default-src 'none'" in page
    md = scan("--format", "markdown").out
    assert "| libssl3 3.0.11" in md and "### What to do first" in md


def test_a_package_in_several_places(pare, tmp_path):
    osv = tmp_path / "osv"
    osv.mkdir()
    (osv / "GHSA-1.json").write_text(json.dumps({"id": "GHSA-1", "modified": "2024-01-01T00:00:00Z", "summary": "Bad thing", "aliases": ["CVE-2024-1"], "database_specific": {"severity": "HIGH"}, "affected": [
        {"package": {"ecosystem": "npm", "name": "lodash"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}]}]}))
    pare("db", "build", "-o", tmp_path / "x.db", "--from", "osv:%s" % osv)
    entries = []
    for d in ("a", "b"):
        entries += [Dir(d), Dir(d + "/node_modules"), Dir(d + "/node_modules/lodash"), File(d + "/node_modules/lodash/package.json", b'{"name": "lodash", "version": "4.17.20"}')]
    Image([layer(*entries)]).docker_archive(tmp_path / "i.tar")
    args = ["scan", "--db", tmp_path / "x.db", "--kinds", "vulnerability"]
    doc = pare(*args, "--format", "json", tmp_path / "i.tar", env=EPOCH).json()
    assert [(f["id"], f["path"], f["severity"], f["fixed_version"], f["aliases"]) for f in doc["findings"]] == [
        ("CVE-2024-1", "/%s/node_modules/lodash/package.json" % d, "high", "4.17.21", ["GHSA-1"]) for d in "ab"]
    out = pare(*args, tmp_path / "i.tar", env=EPOCH).out
    assert out.count("CVE-2024-1") == 1 and "[2 places] Bad thing" in out and "npm install lodash@4.17.21" in out


def test_hostile_names(pare, db, tmp_path):
    """Names of packages end up in every format, and mean nothing there."""
    path = tmp_path / "evil.tar"
    evil = "<script>alert(1)</script>\\|`x`\"&"
    package = File("app/node_modules/x/package.json", json.dumps({"name": evil, "version": "1.0.0\x1b[31m"}).encode())
    Image([layer(Dir("app"), Dir("app/node_modules"), Dir("app/node_modules/x"), package, Dir("etc"), File("etc/os-release", b'ID=debian\nVERSION_ID=9\nPRETTY_NAME="<b>\x1b[31m"\n'),
                 *dpkg(("bash", "4.4-5", None)))]).docker_archive(path)
    for f in ("table", "html", "markdown", "junit", "json", "sarif", "cyclonedx", "gitlab"):
        out = pare("scan", "--db", db, "--kinds", "vulnerability", "--format", f, path, status=None, env=EPOCH).out
        if f == "html":
            assert "<script" not in out and "<b>" not in out
        if f == "junit":
            ET.fromstring(out)


def test_output_file(scan, tmp_path):
    out = tmp_path / "x.json"
    assert scan("--format", "json", "-o", out).out == ""
    check(json.loads(out.read_text()), "scan")


def test_no_system(pare, db, tmp_path):
    path = tmp_path / "empty.tar"
    Image([layer(Dir("app"), File("app/x", b"hello"), Whiteout("app/y"))]).docker_archive(path)
    doc = pare("scan", "--db", db, "--kinds", "vulnerability", "--format", "json", path, env=EPOCH).json()
    assert doc["findings"] == [] and doc["os"]["id"] is None
