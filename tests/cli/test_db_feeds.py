"""pare db build from feeds as their publishers ship them: directories, compressed files and archives of the same documents say the same."""
import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest


def osv(cve, name="libx", eco="AlmaLinux:9"):
    return {"id": cve, "modified": "2024-02-0%sT00:00:00Z" % cve[-1], "affected": [
        {"package": {"ecosystem": eco, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2-3.el9"}]}]}]}


DOCUMENTS = {"a/CVE-2024-1001.json": osv("CVE-2024-1001"), "CVE-2024-1002.json": osv("CVE-2024-1002"), "a/b/CVE-2024-1003.json": osv("CVE-2024-1003", "Werk.zeug_x", "PyPI")}


def put(root, documents=DOCUMENTS, pack=lambda b: b, suffix=""):
    for name, doc in documents.items():
        p = root / (name + suffix)
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(pack(json.dumps(doc).encode()))
    return root


def tar_of(mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, doc in reversed(DOCUMENTS.items()):
            data = json.dumps(doc).encode()
            m = tarfile.TarInfo(name)
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))
    return out.getvalue()


def zip_of():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, doc in reversed(DOCUMENTS.items()):
            z.writestr(name, json.dumps(doc))
    return out.getvalue()


def build(pare, out, *feeds, status=0):
    return pare("db", "build", "-o", out, *[a for f in feeds for a in ("--from", f)], status=status)


FORMS = {"gz": lambda d: put(d, pack=gzip.compress, suffix=".gz"), "xz": lambda d: put(d, pack=lzma.compress, suffix=".xz"), "bz2": lambda d: put(d, pack=bz2.compress, suffix=".bz2"),
         "zip in a directory": lambda d: (d / "all.zip").write_bytes(zip_of())}


def test_forms_say_the_same(pare, tmp_path):
    plain = tmp_path / "feed"
    build(pare, tmp_path / "plain.db", "osv:%s" % put(plain))
    want = (tmp_path / "plain.db").read_bytes()
    for i, (name, make) in enumerate(FORMS.items()):
        d = tmp_path / str(i) / "feed"
        d.mkdir(parents=True)
        make(d)
        build(pare, tmp_path / "other.db", "osv:%s/" % d)
        assert (tmp_path / "other.db").read_bytes() == want, name
    for mode in "w", "w:gz", "w:xz":
        d = tmp_path / mode.replace(":", "-")
        d.mkdir()
        (d / "feed").write_bytes(tar_of(mode))
        build(pare, tmp_path / "other.db", "osv:%s" % (d / "feed"))
        assert (tmp_path / "other.db").read_bytes() == want, mode


def test_what_it_says(pare, tmp_path):
    build(pare, tmp_path / "x.db", "osv:%s" % put(tmp_path / "feed"))
    d = pare("db", "search", "CVE-2024-1003", "--format", "json", "--db", tmp_path / "x.db").json()
    assert [(r["package"], r["ecosystem"], r["fixed_version"]) for r in d["records"]] == [("Werk.zeug_x", "PyPI", "1.2-3.el9")]
    assert pare("db", "search", "werk-zeug-x", "--format", "json", "--db", tmp_path / "x.db").json()["records"]
    assert "2024-02-03" in pare("db", "status", "--db", tmp_path / "x.db").out


DAMAGED = {"cut.json": b'{"id":"CVE-2024-1009"', "no-id.json": b"{}", "deep.json": b"[" * 5000 + b"]" * 5000, "cut.json.gz": gzip.compress(b"{}" * 999)[:30], "cut.zip": zip_of()[:-30],
           "cut.tar": tar_of("w")[:700]}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_named_and_no_database_appears(pare, tmp_path, name):
    d = put(tmp_path / "feed")
    (d / name).write_bytes(DAMAGED[name])
    r = build(pare, tmp_path / "x.db", "osv:%s" % d, status=3)
    assert name in r.err and r.err.count("\n") == 1
    assert not (tmp_path / "x.db").exists()
    assert not [p.name for p in tmp_path.iterdir() if "db" in p.name]


def test_links_are_not_followed(pare, tmp_path):
    d = put(tmp_path / "feed")
    (tmp_path / "outside.json").write_text(json.dumps(osv("CVE-2024-1009")))
    (d / "link.json").symlink_to(tmp_path / "outside.json")
    (d / "dir").symlink_to(tmp_path)
    build(pare, tmp_path / "x.db", "osv:%s" % d)
    assert not pare("db", "search", "CVE-2024-1009", "--format", "json", "--db", tmp_path / "x.db").json()["records"]


def test_an_empty_directory_is_an_empty_database(pare, tmp_path):
    (tmp_path / "feed").mkdir()
    build(pare, tmp_path / "x.db", "osv:%s" % (tmp_path / "feed"))
    build(pare, tmp_path / "y.db", "osv:%s" % (tmp_path / "nothing"), status=4)


def test_manual_lists_the_kinds(pare):
    text = pare("db", "--help").out
    for kind in "osv alpine-secdb debian-tracker ubuntu-osv redhat-csaf-vex wolfi suse amazon oracle nvd kev epss eol".split():
        assert "\n  %s " % kind in text
