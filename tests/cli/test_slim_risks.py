"""pare slim: vulnerabilities and secrets before and after, and VEX by name: as pare scan finds them."""
import json

import pytest

from imagelib import File, Image, Whiteout, layer
from test_html import Page
from test_secrets import DO, DO2, DO3, NPM
from test_slim_level import dirs, files, stanza

EPOCH = {"SOURCE_DATE_EPOCH": "1706659200"}
RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
TRACKER = {"used": {"CVE-2023-0001": "high", "CVE-2023-0002": "low"}, "idle": {"CVE-2023-0001": "high", "CVE-2023-0003": "medium"}}
OSV = {"npm": [("GHSA-aaaa-bbbb-cccc", "gone", ["CVE-2023-0009"]), ("GHSA-dddd-eeee-ffff", "twice", [])]}
SEVERITIES = ("critical", "high", "medium", "low", "info", "unknown")


@pytest.fixture
def db(pare, tmp_path):
    (tmp_path / "tracker.json").write_text(json.dumps({package: {cve: {"releases": {"bookworm": {"status": "resolved" if urgency != "low" else "open", "repositories": {"bookworm": "1"}, "urgency": urgency,
        **({"fixed_version": "2"} if urgency != "low" else {})}}} for cve, urgency in cves.items()} for package, cves in TRACKER.items()}))
    (tmp_path / "osv").mkdir()
    for name, package, aliases in OSV["npm"]:
        (tmp_path / "osv" / (name + ".json")).write_text(json.dumps({"id": name, "aliases": aliases, "modified": "2024-01-01T00:00:00Z", "affected": [
            {"package": {"ecosystem": "npm", "name": package}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "9.0.0"}]}]}]}))
    out = tmp_path / "advisories.db"
    pare("db", "build", "-o", out, "--from", "debian-tracker:%s" % (tmp_path / "tracker.json"), "--from", "osv:%s" % (tmp_path / "osv"))
    return out


def tree(run=b"cat /usr/share/used/data /app/node_modules/a/node_modules/twice/index.js /srv/kept.env\n", **more):
    t = {"etc/os-release": RELEASE, "bin/run": b"#!/bin/sh\n" + run, "bin/sh": b"shell", "usr/share/used/data": b"d" * 100, "usr/bin/idle": b"i" * 300,
         "var/lib/dpkg/status": stanza("used") + stanza("idle"), "var/lib/dpkg/info/used.list": b"/.\n/usr/share/used/data\n", "var/lib/dpkg/info/idle.list": b"/.\n/usr/bin/idle\n",
         "srv/kept.env": b"TOKEN=%s\n" % DO.encode(), "srv/unread.env": b"TOKEN=%s\n" % DO2.encode()}
    for place, name, version in (("node_modules/gone", "gone", "1.0.0"), ("node_modules/twice", "twice", "3.0.0"), ("node_modules/a/node_modules/twice", "twice", "3.0.0"), ("node_modules/a", "a", "1.0.0")):
        t["app/%s/package.json" % place] = json.dumps({"name": name, "version": version}).encode()
        t["app/%s/index.js" % place] = b"module.exports = 1\n"
    t.update(more)
    return t


def image(path, **kw):
    one = layer(*files(tree(), mode=0o755), File("srv/dropped.env", b"TOKEN=%s\n" % DO3.encode()))
    Image([one, layer(Whiteout("srv/dropped.env"), File("usr/share/used/data", b"e" * 100, mode=0o755))], config={"Cmd": ["/bin/run"], "Env": ["TOKEN=" + NPM]}, **kw).docker_archive(path)
    return path


def counts(findings, kind):
    of = [f for f in findings if f["kind"] == kind]
    return {"total": len(of), **{s: sum(f["severity"] == s for f in of) for s in SEVERITIES}, "fixable": sum(bool(f["fixed_version"]) for f in of)}


def found(pare, path, *args):
    return pare("scan", "--kinds", "vulnerability,secret", "--format", "json", *args, path, env=EPOCH).json()["findings"]


@pytest.mark.parametrize("level", ["safe", "package", "file"])
def test_the_report_counts_what_scans_find(pare, tmp_path, db, level):
    src, out, said = image(tmp_path / "in.tar"), tmp_path / "out.tar", tmp_path / "report.json"
    r = pare("slim", "--no-run", "--level", level, src, "-o", out, "--report", said, "--db", db, env=EPOCH)
    report = json.loads(said.read_text())
    for side, path in (("before", src), ("after", out)):
        findings = found(pare, path, "--db", db)
        assert report[side]["vulnerabilities"] == counts(findings, "vulnerability")
        assert report[side]["secrets"] == counts(findings, "secret")
    assert report["before"]["vulnerabilities"]["total"] == 7 and report["before"]["vulnerabilities"]["fixable"] == 6
    assert report["before"]["secrets"]["total"] == 4
    after = report["after"]
    assert after["vulnerabilities"]["total"] == (7 if level == "safe" else 3)
    assert after["secrets"]["total"] == (3 if level == "safe" else 2)  # the deleted one goes at every level; what the environment says stays
    assert ("vulnerabilities 7 → 3 (" in r.out) == (level != "safe") and "secrets 4 → " in r.out
    pare("slim", "--no-run", "--level", level, src, "--dry-run", "--report", tmp_path / "dry.json", "--db", db, env=EPOCH)
    dry = json.loads((tmp_path / "dry.json").read_text())
    assert [dry[s][k] for s in ("before", "after") for k in ("vulnerabilities", "secrets")] == [report[s][k] for s in ("before", "after") for k in ("vulnerabilities", "secrets")]


def test_with_a_base_image_that_stays(pare, tmp_path, db):
    src, out, said = tmp_path / "in.tar", tmp_path / "out.tar", tmp_path / "report.json"
    image(src, history=["ADD file:0 in / ", ('CMD ["sh"]', True), "RUN rm /srv/dropped.env"])
    pare("slim", "--no-run", "--level", "file", "--keep-base", src, "-o", out, "--report", said, "--db", db, env=EPOCH)
    assert json.loads(said.read_text())["after"]["secrets"] == counts(found(pare, out, "--db", db), "secret")


def test_without_a_database_nothing_is_said_of_vulnerabilities(pare, tmp_path):
    said, page = tmp_path / "report.json", tmp_path / "page.html"
    r = pare("slim", "--no-run", "--level", "file", image(tmp_path / "in.tar"), "--dry-run", "--report", said, "--html", page)
    report = json.loads(said.read_text())
    assert "vulnerabilities" not in report["before"] and "vulnerabilities" not in report["after"] and report["after"]["secrets"]["total"] == 2
    assert r.out.count("vulnerabilit") == 1 and "not looked for" in r.out
    s = json.loads(Page(page.read_text()).data)["slim"]
    assert "vulnerabilities" not in s["before"] and s["after"]["secrets"]["total"] == 2


def test_nobody_asked_for_secrets(pare, tmp_path):
    r = pare("slim", "--no-run", "--level", "file", image(tmp_path / "in.tar"), "--dry-run")
    assert "secrets" not in r.out


def test_the_stores_database_is_found_and_a_damaged_one_is_no_obstacle(pare, tmp_path, db):
    store, said = tmp_path / "store", tmp_path / "report.json"
    store.mkdir()
    (store / "advisories.db").write_bytes(db.read_bytes())
    args = ("slim", "--store", store, "--no-run", "--level", "file", image(tmp_path / "in.tar"), "--dry-run", "--report", said)
    pare(*args, env=EPOCH)
    assert json.loads(said.read_text())["before"]["vulnerabilities"]["total"] == 7
    (store / "advisories.db").write_bytes(b"no database")
    r = pare(*args, env=EPOCH)
    assert "vulnerabilities" not in json.loads(said.read_text())["before"] and r.err.count("\n") == 1 and "vulnerabilities were not looked for" in r.err
    pare("slim", "--no-run", tmp_path / "in.tar", "--dry-run", "--db", store / "advisories.db", status=3, env=EPOCH)
    pare("slim", "--no-run", tmp_path / "in.tar", "--dry-run", "--db", tmp_path / "absent", status=4, env=EPOCH)


def test_more_secrets_than_are_told_do_not_stop_it(pare, tmp_path):
    many = b"".join(b"T%d=%s\n" % (i, DO.encode()[:-4] + b"%04x" % i) for i in range(400))
    src, said = tmp_path / "in.tar", tmp_path / "report.json"
    Image([layer(*files(tree(**{"srv/many.env": many}), mode=0o755))], config={"Cmd": ["/bin/run"]}).docker_archive(src)
    r = pare("slim", "--no-run", "--level", "file", src, "--dry-run", "--report", said)
    assert "secrets were not looked for" in r.err and "secrets" not in json.loads(said.read_text())["before"]


def test_vex_names_vulnerabilities_of_what_went(pare, tmp_path, db):
    src, out, vex = image(tmp_path / "in.tar"), tmp_path / "out.tar", tmp_path / "vex.json"
    pare("slim", "--no-run", "--level", "file", src, "-o", out, "--vex", vex, "--db", db, env=EPOCH)
    doc = json.loads(vex.read_text())
    said = {s["vulnerability"]["name"]: (s["vulnerability"].get("aliases"), [c["@id"].split("?")[0] for c in s["products"][0]["subcomponents"]]) for s in doc["statements"] if s["vulnerability"]["name"] != "*"}
    assert said == {"CVE-2023-0001": ([], ["pkg:deb/debian/idle@1"]), "CVE-2023-0003": ([], ["pkg:deb/debian/idle@1"]), "CVE-2023-0009": (["GHSA-aaaa-bbbb-cccc"], ["pkg:npm/gone@1.0.0"])} or said == {
        "CVE-2023-0001": ([], ["pkg:deb/debian/idle@1"]), "CVE-2023-0003": ([], ["pkg:deb/debian/idle@1"]), "GHSA-aaaa-bbbb-cccc": (["CVE-2023-0009"], ["pkg:npm/gone@1.0.0"])}
    assert {(s["status"], s["justification"]) for s in doc["statements"]} == {("not_affected", "component_not_present")}
    every = [s["products"][0]["subcomponents"][0]["@id"].split("?")[0] for s in doc["statements"] if s["vulnerability"]["name"] == "*"]
    assert every == ["pkg:deb/debian/idle@1", "pkg:npm/a@1.0.0", "pkg:npm/gone@1.0.0"]  # twice is in one place still
    first = vex.read_bytes()
    pare("slim", "--no-run", "--level", "file", src, "-o", out, "--vex", vex, "--db", db, env=EPOCH)
    assert vex.read_bytes() == first


def test_vex_goes_round(pare, tmp_path, db):
    src, out, vex = image(tmp_path / "in.tar"), tmp_path / "out.tar", tmp_path / "vex.json"
    pare("slim", "--no-run", "--level", "file", src, "-o", out, "--vex", vex, "--db", db, env=EPOCH)

    def ids(path, *args):
        return sorted((f["id"], f["package"]) for f in found(pare, path, "--db", db, *args) if f["kind"] == "vulnerability")
    left = ids(out)
    assert left == ids(out, "--vex", vex) and {p for _, p in left} == {"used", "twice"}
    # each name is one that a scan knows: what the document says of the packages that went, where they still are, is taken
    assert {p for _, p in ids(src)} == {"used", "twice", "idle", "gone"} and {p for _, p in ids(src, "--vex", vex)} == {"used", "twice"}
