"""pare db: databases made of small feeds, what they say, what two of them differ in; which of two versions is later."""
import json
import os
import random
import subprocess

import pytest
from conftest import binary
from schemalib import check

SCHEMES = "dpkg apk rpm semver npm pep440 gem maven go nuget composer".split()


def db(*args, status=0, data=b""):
    p = subprocess.run([binary(), "db", *args], input=data, capture_output=True, timeout=60)
    assert p.returncode == status, (args, p.returncode, p.stderr)
    return p.stdout.decode() if status in (0, 3) else p.stderr.decode()


# --- compare ---

@pytest.mark.parametrize("scheme", SCHEMES)
def test_compare(scheme):
    lines = b"1.0.0\t1.0.1\n1.0.1\t1.0.0\n1.0.1\t1.0.1\nno tab\n1\t2\t3\n1.9.0\t1.10.0"
    assert db("compare", scheme, data=lines).split("\n") == ["-1", "1", "0", "error", "error", "-1", ""]


def test_compare_says_error_for_what_is_no_version():
    assert db("compare", "dpkg", data=b"a:1\t1\n\t\n") == "error\nerror\n"
    assert db("compare", "semver", data=b"1.0.0\t" + b"1" * 100000 + b"\n1.0.0\t2.0.0\n") == "error\n-1\n"
    assert db("compare", "semver", data=b"") == ""


def test_compare_over_many_reads():
    n = 30000
    assert db("compare", "rpm", data=b"1:1.0-1.el8\t1.1-1.el8\n" * n) == "1\n" * n


def test_compare_refuses_what_it_does_not_know():
    text = db("compare", "debian", status=2)
    assert all(s in text for s in SCHEMES) and text.count("\n") == 1
    assert "usage: pare db compare SCHEME" in db("compare", status=2)
    assert "too many operands" in db("compare", "a", "b", status=2)


def test_subcommands():
    assert "no such subcommand" in db("frobnicate", status=2)
    assert "a subcommand is missing" in db(status=2)
    for word in ("compare SCHEME", "Subcommands:"):
        assert word in db("--help")


# --- feeds, small ones ---

def advisory(name, ecosystem, package, fixed=None, introduced="0", **more):
    events = [{"introduced": introduced}] + ([{"fixed": fixed}] if fixed else [])
    return {"id": name, "modified": "2024-03-0%dT10:00:00Z" % (len(name) % 9 + 1), "published": "2024-01-01T00:00:00Z", "summary": "About %s" % package,
            "affected": [{"package": {"ecosystem": ecosystem, "name": package}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}], **more}


TRACKER = {
    "openssl": {
        "CVE-2024-0001": {"description": "Bad", "scope": "remote", "releases": {
            "bookworm": {"status": "resolved", "repositories": {"bookworm": "3.0.11-1"}, "fixed_version": "3.0.11-1~deb12u1", "urgency": "medium"},
            "bullseye": {"status": "open", "repositories": {"bullseye": "1.1.1n-0"}, "urgency": "not yet assigned", "nodsa": "Minor issue", "nodsa_reason": ""}}},
        "CVE-2024-0002": {"releases": {"bookworm": {"status": "resolved", "repositories": {}, "fixed_version": "0", "urgency": "unimportant"}}}},
    "zlib": {"CVE-2024-0003": {"releases": {"bookworm": {"status": "open", "repositories": {"bookworm": "1"}, "urgency": "low"}}}},
}
KEV = {"vulnerabilities": [{"cveID": "CVE-2024-0001", "dateAdded": "2024-05-01", "dueDate": "2024-05-22", "knownRansomwareCampaignUse": "Known"}]}
EPSS = "#model_version:v2023.03.01,score_date:2024-06-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-0001,0.97541,0.99987\n"


@pytest.fixture
def feeds(tmp_path):
    (tmp_path / "osv").mkdir()
    docs = [advisory("GHSA-aaaa-bbbb-cccc", "PyPI", "Werk_zeug", "2.0", aliases=["CVE-2024-0001"],
                     severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]),
            advisory("GHSA-dddd-eeee-ffff", "npm", "left-pad", None, "1.2.0"), advisory("GO-2024-0001", "Go", "example.org/x", "1.3.0")]
    for d in docs:
        (tmp_path / "osv" / (d["id"] + ".json")).write_text(json.dumps(d))
    (tmp_path / "debian.json").write_text(json.dumps(TRACKER))
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    (tmp_path / "epss.csv").write_text(EPSS)
    return tmp_path


def sources(feeds):
    return [x for k, p in (("osv", "osv"), ("debian-tracker", "debian.json"), ("kev", "kev.json"), ("epss", "epss.csv")) for x in ("--from", "%s:%s" % (k, feeds / p))]


@pytest.fixture
def built(pare, feeds):
    pare("db", "build", *sources(feeds))
    return pare.store / "advisories.db"


# --- build ---

def test_build_says_what_came_from_where(pare, feeds):
    out = pare("db", "build", "-o", feeds / "x.db", *sources(feeds)).out.split("\n")
    assert [line.split()[0] for line in out[:4]] == ["osv", "debian-tracker", "kev", "epss"]
    assert [line.split()[1] for line in out[:4]] == ["3", "4", "0", "0"]
    assert "2024-05-01" in out[2] and out[4].startswith(str(feeds / "x.db") + ": 7 records, ")
    assert pare("--quiet", "db", "build", "-o", feeds / "x.db", *sources(feeds)).out == ""


def test_the_same_feeds_make_the_same_bytes(pare, feeds, tmp_path):
    pare("db", "build", "-o", tmp_path / "a", *sources(feeds))
    other = tmp_path / "elsewhere"
    (other / "osv").mkdir(parents=True)
    names = os.listdir(feeds / "osv")
    random.Random(3).shuffle(names)
    for i, n in enumerate(names):  # other files, in another order, members in another order, too
        doc = json.loads((feeds / "osv" / n).read_text())
        (other / "osv" / ("%d.json" % i)).write_text(json.dumps(dict(reversed(list(doc.items())))))
    for n in ("debian.json", "kev.json", "epss.csv"):
        (other / n).write_text((feeds / n).read_text())
    args = sources(other)
    pare("db", "build", "-o", tmp_path / "b", *[x for i in range(len(args), 0, -2) for x in args[i - 2:i]])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_build_without_feeds(pare, tmp_path):
    (tmp_path / "empty").mkdir()
    pare("db", "build", "-o", tmp_path / "x", "--from", "osv:%s" % (tmp_path / "empty"))
    doc = pare("db", "status", "--db", tmp_path / "x", "--format", "json").json()
    assert doc["records"] == 0 and doc["ecosystems"] == [] and doc["newest"] is None and len(doc["sources"]) == 1
    assert pare("db", "search", "CVE-2024-0001", "--db", tmp_path / "x", "--format", "json").json()["records"] == []


def test_build_refuses(pare, feeds, tmp_path):
    out = tmp_path / "x"
    assert "--from KIND:PATH" in pare("db", "build", "-o", out, status=2).err
    for bad in ("nothing:x", "osv", "osv:"):
        r = pare("db", "build", "-o", out, "--from", bad, status=2)
        assert "debian-tracker" in r.err and r.err.count("\n") == 1
    assert "takes no --db" in pare("db", "build", "--db", out, status=2).err
    pare("db", "build", "-o", out, "--from", "kev:/nowhere", status=4)
    (tmp_path / "bad.json").write_text('{"vulnerabilities": [')
    r = pare("db", "build", "-o", out, "--from", "osv:%s" % (feeds / "osv"), "--from", "kev:%s" % (tmp_path / "bad.json"), status=3)
    assert "kev: " in r.err and "bad.json" in r.err and r.err.count("\n") == 1
    assert not out.exists() and not [f for f in os.listdir(tmp_path) if "x." in f or f.startswith(".")]


# --- search ---

def test_search_an_id(pare, built):
    doc = pare("db", "search", "CVE-2024-0001", "--format", "json").json()
    check(doc, "db-search")
    found = {(r["ecosystem"], r["package"]): r for r in doc["records"]}
    assert set(found) == {("Debian:12", "openssl"), ("Debian:11", "openssl"), ("PyPI", "Werk_zeug")}
    r = found["Debian:12", "openssl"]
    assert (r["release"], r["fixed_version"], r["state"], r["source"]) == ("12", "3.0.11-1~deb12u1", "fixed", "debian-tracker")
    assert found["Debian:11", "openssl"]["fixed_version"] is None and "Minor issue" in found["Debian:11", "openssl"]["reason"]
    assert found["PyPI", "Werk_zeug"]["fixed_version"] == "2.0" and found["PyPI", "Werk_zeug"]["release"] is None
    assert doc["kev"] == {"date_added": "2024-05-01", "due_date": "2024-05-22", "ransomware": True}
    assert doc["epss"] == {"score": 0.97541, "percentile": 0.99987}
    assert [c["vector"] for c in doc["cvss"]] == ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"]
    assert len(pare("db", "search", "cve-2024-0001", "--format", "json").json()["records"]) == 3
    alias = pare("db", "search", "GHSA-aaaa-bbbb-cccc", "--format", "json").json()
    assert {(r["ecosystem"], r["package"]) for r in alias["records"]} >= {("PyPI", "Werk_zeug")} and alias["kev"]


def test_search_a_package(pare, built):
    for name in ("werk-zeug", "Werk_zeug", "WERK.ZEUG"):
        doc = pare("db", "search", name, "--format", "json").json()
        check(doc, "db-search")
        assert [r["package"] for r in doc["records"]] == ["Werk_zeug"], name
    doc = pare("db", "search", "openssl", "--format", "json").json()
    assert doc["id"] is None and len(doc["records"]) == 3
    out = pare("db", "search", "openssl").out
    assert "never affected" in out and "fixed in 3.0.11-1~deb12u1" in out and "Minor issue" in out


def test_search_tables(pare, built):
    out = pare("db", "search", "CVE-2024-0001").out
    for text in ("known to be exploited since 2024-05-01, by ransomware", "97.54 %", "Debian:12", "fixed in 2.0", "CVSS:3.1/AV:N"):
        assert text in out, text
    assert "nothing is known" in pare("db", "search", "no-such-thing").out


# --- status ---

def test_status(pare, built):
    doc = pare("db", "status", "--format", "json", env={"SOURCE_DATE_EPOCH": "1714953600"}).json()  # 2024-05-06
    check(doc, "db-status")
    assert {e["name"]: (e["records"], e["packages"]) for e in doc["ecosystems"]} == {"Debian:11": (1, 1), "Debian:12": (3, 2), "Go": (1, 1), "PyPI": (1, 1), "npm": (1, 1)}
    kinds = {s["kind"]: s for s in doc["sources"]}
    assert set(kinds) == {"osv", "debian-tracker", "kev", "epss"} and doc["records"] == 7
    assert kinds["kev"]["newest"] == "2024-05-01" and kinds["kev"]["age_days"] == 5
    assert kinds["osv"]["records"] == 3 and kinds["osv"]["location"] == "osv" and doc["size"] == built.stat().st_size
    out = pare("db", "status", env={"SOURCE_DATE_EPOCH": "1714953600"}).out
    assert "2024-05-01, 5 days old" in out and "Debian:12" in out


# --- diff ---

def test_diff(pare, feeds, built, tmp_path):
    assert pare("db", "diff", built, built).out == "0 added, 0 removed, 0 changed\n"
    later = json.loads(json.dumps(TRACKER))
    later["zlib"]["CVE-2024-0003"]["releases"]["bookworm"] = {"status": "resolved", "fixed_version": "1:1.3-1", "urgency": "low"}
    later["zlib"]["CVE-2024-0009"] = {"releases": {"bookworm": {"status": "open", "urgency": "high"}}}
    del later["openssl"]["CVE-2024-0002"]
    (feeds / "debian.json").write_text(json.dumps(later))
    pare("db", "build", "-o", tmp_path / "new", *sources(feeds))
    doc = pare("db", "diff", built, tmp_path / "new", "--format", "json").json()
    check(doc, "db-diff")
    assert [(c["change"], c["id"], c["package"], c["ecosystem"]) for c in doc["changes"]] == [
        ("removed", "CVE-2024-0002", "openssl", "Debian:12"), ("changed", "CVE-2024-0003", "zlib", "Debian:12"), ("added", "CVE-2024-0009", "zlib", "Debian:12")]
    change = doc["changes"][1]
    assert change["before"]["fixed_version"] is None and change["after"]["fixed_version"] == "1:1.3-1" and doc["complete"]
    assert (doc["added"], doc["removed"], doc["changed"]) == (1, 1, 1)
    out = pare("db", "diff", built, tmp_path / "new").out
    assert "~ CVE-2024-0003  Debian:12  zlib  affected -> fixed in 1:1.3-1\n" in out and out.endswith("\n1 added, 1 removed, 1 changed\n")


# --- files that are none ---

@pytest.mark.parametrize("command", [["status", "--db"], ["search", "x", "--db"], ["diff", "{good}"]])
def test_a_file_that_is_no_database(pare, built, tmp_path, command):
    args = ["db"] + [c.format(good=built) for c in command]
    good = built.read_bytes()
    other = good.replace(b"pare advisories\x01", b"pare advisories\x07")
    assert other != good
    for data, status, text in ((b"", 3, "not an advisory database"), (b"x" * 9000, 3, "not an advisory database"), (good[:-1], 3, "cut off"), (good[:5000], 3, "cut off"),
                               (other, 3, "format 7"), (None, 4, "pare db update")):
        path = tmp_path / "bad"
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)
        r = pare(*args, path, status=status)
        assert text in r.err and str(path) in r.err and r.err.count("\n") == 1, (text, r)


def test_damage_inside(pare, built, tmp_path):
    good = bytearray(built.read_bytes())
    pages = [p for p in range(2 * 4096, len(good), 4096)]
    for p in pages:
        bad = bytearray(good)
        bad[p + 16:p + 200] = b"\xff" * 184
        (tmp_path / "bad").write_bytes(bad)
        for args in (["status", "--db"], ["diff", built], ["search", "CVE-2024-0001", "--db"], ["search", "openssl", "--format", "json", "--db"]):
            r = pare("db", *args, tmp_path / "bad", status=None)
            assert r.status in (0, 3) and (r.status == 0 or "damaged" in r.err or "not an advisory database" in r.err), r
        assert pare("db", "status", "--db", tmp_path / "bad", status=None).status == 3
