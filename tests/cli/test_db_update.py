"""pare db update: feeds fetched from a server of the test's own; what changed, what broke, what is refused."""
import base64
import gzip
import hashlib
import json
import os
import time

import pytest
from netlib import answer, cut, document, serving


def kev(*ids, padding=0):
    return json.dumps({"title": "x" * padding, "vulnerabilities": [{"cveID": i, "dateAdded": "2024-03-01", "dueDate": "2024-04-01", "knownRansomwareCampaignUse": "Unknown"} for i in ids]}).encode()


def debian(*ids):
    return json.dumps({"openssl": {i: {"releases": {"bookworm": {"status": "resolved", "fixed_version": "3.0.1-1", "urgency": "low"}}} for i in ids}}).encode()


KEV = kev("CVE-2024-0001")


def known(pare, word):
    found = pare("db", "search", word, "--format", "json").json()
    return bool(found["records"] or found["kev"])


def test_feeds_become_a_database(pare):
    with serving({"/kev.json": document(KEV, etag='"1"'), "/data/json": document(debian("CVE-2024-0002"))}) as s:
        r = pare("db", "update", "--from", "kev:%s/kev.json" % s.url, "--from", "debian-tracker:%s/data/json" % s.url)
        assert "kev" in r.out and "1 records" in r.out and r.err == ""
    assert known(pare, "CVE-2024-0002")
    sources = pare("db", "status", "--format", "json").json()
    assert "debian-tracker" in json.dumps(sources)


def test_what_did_not_change_is_not_fetched_again(pare):
    with serving({"/kev.json": document(KEV, etag='"1"'), "/json": document(debian("CVE-2024-0002"), modified="Fri, 01 Mar 2024 10:00:00 GMT")}) as s:
        words = ["--from", "kev:%s/kev.json" % s.url, "--from", "debian-tracker:%s/json" % s.url]
        pare("db", "update", *words)
        db = pare.store / "advisories.db"
        before = os.stat(db)
        assert "nothing new" in pare("db", "update", *words).out
        assert s.gets("/kev.json")[1]["If-None-Match"] == '"1"' and s.gets("/json")[1]["If-Modified-Since"].startswith("Fri, 01 Mar")
        assert os.stat(db).st_mtime_ns == before.st_mtime_ns and os.stat(db).st_ino == before.st_ino
        s.routes["/kev.json"] = document(kev("CVE-2024-0009"), etag='"2"')
        out = pare("db", "update", *words).out
        assert [line.split()[1] for line in out.splitlines()[:2]] == ["new", "unchanged"]
        os.unlink(db)  # what was made of the same feeds is made again when it is gone
        assert "nothing new" not in pare("db", "update", *words).out and db.exists()
        assert pare("db", "update", *words, "-q").out == ""


def test_the_same_as_build(pare, tmp_path):
    (tmp_path / "kev.json").write_bytes(KEV)
    pare("db", "build", "-o", tmp_path / "a.db", "--from", "kev:%s" % (tmp_path / "kev.json"))
    with serving({"/kev.json": document(KEV)}) as s:
        pare("db", "update", "--db", tmp_path / "b.db", "--from", "kev:%s/kev.json" % s.url)
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()


def test_compressed_on_its_way(pare):
    def packed(h):
        assert h.headers["Accept-Encoding"] == "gzip"
        answer(200, gzip.compress(KEV), Content_Encoding="gzip")(h)
    with serving({"/kev.json": packed}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
    with serving({"/osv.json.gz": document(gzip.compress(b"{}"))}) as s:
        pare("db", "update", "--from", "osv:%s/osv.json.gz" % s.url, status=None)
        assert "Accept-Encoding" not in s.gets("/osv.json.gz")[0]


# --- breaks ---

@pytest.mark.parametrize("validator", [{"etag": '"v1"'}, {"modified": "Fri, 01 Mar 2024 10:00:00 GMT"}])
def test_resumed_where_it_broke_off(pare, validator):
    body = kev("CVE-2024-0001", padding=300000)
    head = {"ETag": validator["etag"]} if "etag" in validator else {"Last_Modified": validator["modified"]}
    with serving({"/kev.json": [cut(body, 100000, **head), document(body, **validator)]}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
        first, second = s.gets("/kev.json")
        assert "Range" not in first and second["Range"].startswith("bytes=") and 0 < int(second["Range"][6:-1]) <= 100000
        assert second["If-Range"] == list(validator.values())[0]


def test_resumed_by_the_next_run(pare):
    body = kev("CVE-2024-0001", padding=300000)
    with serving({"/kev.json": cut(body, 100000, ETag='"v1"')}) as s:
        r = pare("db", "update", "--attempts", 1, "--from", "kev:%s/kev.json" % s.url, status=4)
        assert r.err.count("\n") == 1 and "/kev.json" in r.err
        s.routes["/kev.json"] = document(body, etag='"v1"')
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
        assert "Range" in s.gets("/kev.json")[-1]


def test_another_version_begins_anew(pare):
    old, new = kev("CVE-2024-0001", padding=300000), kev("CVE-2024-0777", padding=200)
    with serving({"/kev.json": [cut(old, 100000, ETag='"v1"'), document(new, etag='"v2"')]}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
        assert list(pare.store.rglob("kev.json"))[0].read_bytes() == new


def test_without_a_validator_nothing_is_continued(pare):
    body = kev("CVE-2024-0001", padding=300000)
    with serving({"/kev.json": [cut(body, 100000), document(body)]}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
        assert "Range" not in s.gets("/kev.json")[1]


def test_another_part_than_was_asked_for(pare):
    body = kev("CVE-2024-0001", padding=300000)
    wrong = answer(206, body[:50], Content_Range="bytes 0-49/%d" % len(body))
    with serving({"/kev.json": [cut(body, 100000, ETag='"v1"'), wrong]}) as s:
        assert "another part" in pare("db", "update", "--from", "kev:%s/kev.json" % s.url, status=4).err
        s.routes["/kev.json"] = lambda h: (wrong if "Range" in h.headers else document(body))(h)
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)  # does not ask for the same part for ever


def test_busy_servers_are_asked_again(pare):
    with serving({"/kev.json": [answer(503, Retry_After="0"), answer(429, Retry_After="Fri, 01 Mar 2024 10:00:00 GMT"), document(KEV)]}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
        assert len(s.asked) == 3


def test_attempts_end(pare):
    with serving({"/kev.json": answer(503, Retry_After="0")}) as s:
        r = pare("db", "update", "--from", "kev:%s/kev.json" % s.url, "--attempts", 3, status=4)
        assert len(s.asked) == 3 and "503 Service Unavailable" in r.err and r.err.count("\n") == 1


def test_long_waits_are_refused(pare):
    with serving({"/kev.json": answer(429, Retry_After="86400")}) as s:
        assert "86400 seconds" in pare("db", "update", "--from", "kev:%s/kev.json" % s.url, status=4).err
        assert len(s.asked) == 1


def test_silence(pare):
    def silent(h):
        h.send_response(200)
        h.send_header("Content-Length", "100")
        h.end_headers()
        h.wfile.flush()
        h.rfile.read(1)  # until the other side gives up
    with serving({"/kev.json": silent}) as s:
        assert pare("db", "update", "--from", "kev:%s/kev.json" % s.url, "--timeout", 1, "--attempts", 1, status=4).err.count("\n") == 1


def test_slow_is_not_silent(pare):
    def slow(h):
        h.send_response(200)
        h.send_header("Content-Length", str(len(KEV)))
        h.end_headers()
        for i in range(0, len(KEV), 40):
            h.wfile.write(KEV[i:i + 40])
            h.wfile.flush()
            time.sleep(0.01)
    with serving({"/kev.json": slow}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)


def test_a_failure_leaves_the_old_database(pare):
    with serving({"/kev.json": [document(KEV), answer(500), answer(200, b"{ damaged")], "/json": document(debian("CVE-2024-0002"))}) as s:
        words = ["--from", "debian-tracker:%s/json" % s.url, "--from", "kev:%s/kev.json" % s.url, "--attempts", 1]
        pare("db", "update", *words)
        before = (pare.store / "advisories.db").read_bytes()
        assert "500" in pare("db", "update", *words, status=4).err
        assert (pare.store / "advisories.db").read_bytes() == before
        assert pare("db", "update", *words, status=3).err.startswith("pare: kev: ")
        assert (pare.store / "advisories.db").read_bytes() == before
        assert not list(pare.store.glob("*.part-*"))


def test_what_was_damaged_is_fetched_anew(pare):
    with serving({"/kev.json": [document(KEV[:-20], etag='"1"'), document(KEV, etag='"1"')]}) as s:
        word = "kev:%s/kev.json" % s.url
        pare("db", "update", "--from", word, status=3)
        pare("db", "update", "--from", word)
        assert "If-None-Match" not in s.gets("/kev.json")[1] and known(pare, "CVE-2024-0001")


def test_nobody_there(pare):
    with serving() as s:
        gone = s.url
    r = pare("db", "update", "--from", "kev:%s/kev.json" % gone, "--attempts", 1, status=4)
    assert r.err.count("\n") == 1 and "kev" in r.err
    assert "404 Not Found" in pare_404(pare)


def pare_404(pare):
    with serving() as s:
        return pare("db", "update", "--from", "kev:%s/kev.json" % s.url, status=4).err


# --- redirects, TLS, proxies ---

def test_redirects(pare):
    with serving({"/files/b.json": document(KEV)}) as other, serving({"/a": answer(302, Location="%s/files/b.json" % other.url), "/c": answer(301, Location="a")}) as s:
        pare("db", "update", "--from", "kev:%s/c" % s.url)
        assert [p for _, p, _ in s.asked] == ["/c", "/a"] and len(other.asked) == 1


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:secret@127.0.0.1/x", "/again"])
def test_redirects_that_are_not_followed(pare, to):
    with serving({"/a": answer(302, Location=to), "/again": answer(302, Location="/again")}) as s:
        r = pare("db", "update", "--from", "kev:%s/a" % s.url, status=4)
        assert "redirected" in r.err and len(s.asked) <= 7 and "secret" not in r.err


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    import ssl
    import subprocess
    d = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", str(d / "key.pem"), "-out", str(d / "cert.pem")], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(d / "cert.pem", d / "key.pem")
    return context, d / "cert.pem"


def test_certificates(pare, tls):
    context, cert = tls
    with serving({"/kev.json": document(KEV)}, tls=context) as s:
        word = "kev:%s/kev.json" % s.url
        r = pare("db", "update", "--from", word, status=4)
        assert "certificate" in r.err and r.err.count("\n") == 1 and not s.asked
        pare("db", "update", "--from", word, env={"SSL_CERT_FILE": cert})
        pare("db", "update", "--from", word, "--tls-verify=false")


def test_https_does_not_become_http(pare, tls):
    context, cert = tls
    with serving({"/b": document(KEV)}) as plain, serving({"/a": answer(302, Location="%s/b" % plain.url)}, tls=context) as s:
        assert "from https to http" in pare("db", "update", "--from", "kev:%s/a" % s.url, env={"SSL_CERT_FILE": cert}, status=4).err
        assert not plain.asked


def test_proxies_of_the_environment(pare):
    with serving({"http://feeds.example/kev.json": document(KEV)}) as s:
        pare("db", "update", "--from", "kev:http://feeds.example/kev.json", env={"http_proxy": s.url})
        assert s.asked[0][2]["Host"] == "feeds.example"


# --- digests, sizes ---

def test_a_digest_that_the_user_names(pare):
    good, bad = hashlib.sha256(KEV).hexdigest(), hashlib.sha256(b"").hexdigest()
    with serving({"/kev.json": document(KEV, etag='"1"')}) as s:
        r = pare("db", "update", "--from", "kev:%s/kev.json#sha256:%s" % (s.url, bad), status=3)
        assert good in r.err and bad in r.err and not (pare.store / "advisories.db").exists() and not list(pare.store.rglob("kev.json"))
        pare("db", "update", "--from", "kev:%s/kev.json#sha256:%s" % (s.url, good))
        pare("db", "update", "--from", "kev:%s/kev.json#sha256:%s" % (s.url, bad), status=3)
        assert "digest" in pare("db", "update", "--from", "kev:%s/kev.json#md5:1" % s.url, status=2).err


@pytest.mark.parametrize("header", ["Repr-Digest: sha-256=:%s:", "Digest: md5=x, SHA-256=%s"])
def test_a_digest_that_the_server_names(pare, header):
    name, value = header.split(": ")
    right, wrong = (base64.b64encode(hashlib.sha256(b).digest()).decode() for b in (KEV, b""))
    with serving({"/kev.json": [document(KEV, **{name: value % wrong}), document(KEV, **{name: value % right})]}) as s:
        assert "digest" in pare("db", "update", "--from", "kev:%s/kev.json" % s.url, status=3).err
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)


def nvd(year):
    return gzip.compress(json.dumps({"vulnerabilities": [{"cve": {"id": "CVE-%d-0001" % year, "descriptions": [{"lang": "en", "value": "x"}], "metrics": {}}}]}).encode())


def test_years_and_their_digests(pare):
    routes = {}
    for year in (2002, 2003):
        body = nvd(year)
        routes["/nvdcve-2.0-%d.json.gz" % year] = document(body, etag='"%d"' % year)
        routes["/nvdcve-2.0-%d.meta" % year] = document(b"size:3\r\nsha256:%s\r\n" % hashlib.sha256(gzip.decompress(body)).hexdigest().upper().encode())
    with serving(routes) as s:
        pare("db", "update", "--from", "nvd:%s/" % s.url)
        assert [p for _, p, _ in s.asked][-1] == "/nvdcve-2.0-2004.json.gz"
        s.asked.clear()
        assert "nothing new" in pare("db", "update", "--from", "nvd:%s/" % s.url).out
        assert not s.gets("/nvdcve-2.0-2002.meta")  # nothing came that it could be compared with
        s.routes["/nvdcve-2.0-2003.json.gz"] = document(nvd(1999), etag='"x"')
        assert "should be sha256:" in pare("db", "update", "--from", "nvd:%s/" % s.url, status=3).err


def test_too_long_is_refused_before_it_comes(pare):
    def endless(h):
        h.send_response(200)
        h.send_header("Content-Length", str(1 << 40))
        h.end_headers()
        h.wfile.write(b"x" * 1000)
    with serving({"/kev.json": endless}) as s:
        assert "over 16 GiB" in pare("db", "update", "--from", "kev:%s/kev.json" % s.url, status=3).err
        assert len(s.asked) == 1


# --- directories and pointers ---

def secdb(package, cve):
    return json.dumps({"distroversion": "v3.19", "reponame": "main", "urlprefix": "x", "apkurl": "x", "archs": [], "packages": [{"pkg": {"name": package, "secfixes": {"1.0-r0": [cve]}}}]}).encode()


INDEX = b"""<html><a href="../">up</a> <a href="v3.18/">v</a> <A HREF='v3.19/'>v</A> <a href=edge/>e</a> <a href="https://elsewhere.example/v9/">x</a>
<a href="/v8/">x</a> <a href="v3.19/">again</a> <a href="..%2f">x</a> <a href="other/">x</a> <a href="v7/../../x">x</a> <a href="last-update">x</a>"""


def test_a_directory(pare):
    page = b'<a href="main.json">m</a><a href="community.json?x=1">no name</a><a href="other.json">o</a>'
    routes = {"/": document(INDEX)}
    for v in ("v3.18", "v3.19", "edge"):
        routes["/%s/" % v] = document(page)
        routes["/%s/main.json" % v] = document(secdb("zlib", "CVE-2024-1%s" % v[-2:].replace("ge", "00")), etag='"%s"' % v)
    with serving(routes) as s:
        pare("db", "update", "--from", "alpine-secdb:%s/" % s.url)
        assert sorted(p for _, p, _ in s.asked) == sorted(routes)
        assert known(pare, "CVE-2024-118") and known(pare, "CVE-2024-119")
        routes["/"] = s.routes["/"] = document(b'<a href="v3.19/">')  # one release is gone
        pare("db", "update", "--from", "alpine-secdb:%s/" % s.url)
        assert not known(pare, "CVE-2024-118") and known(pare, "CVE-2024-119") and len(list(pare.store.rglob("main.json"))) == 1
        s.routes["/"] = document(b"<html>moved")
        assert "lists no file" in pare("db", "update", "--from", "alpine-secdb:%s/" % s.url, status=3).err


@pytest.mark.parametrize("name,status", [(b"csaf_vex_2024-06-01.zip\n", 0), (b"../../etc/passwd", 3), (b"http://elsewhere/x", 3), (b"", 3), (b".hidden", 3), (b"a\0b", 3), (b"x" * 300, 3)], ids=range(7))
def test_a_pointer(pare, name, status):
    import io
    import zipfile
    z = io.BytesIO()
    with zipfile.ZipFile(z, "w") as f:
        f.writestr("README", "none")
    body = z.getvalue()
    routes = {"/archive_latest.txt": document(name), "/csaf_vex_2024-06-01.zip": document(body), "/csaf_vex_2024-06-01.zip.sha256": document(b"%s  csaf.zip\n" % hashlib.sha256(body).hexdigest().encode())}
    with serving(routes) as s:
        r = pare("db", "update", "--from", "redhat-csaf-vex:%s/" % s.url, status=status)
        assert {p for _, p, _ in s.asked} <= set(routes)
        if status == 0:
            s.routes["/csaf_vex_2024-06-01.zip.sha256"] = document(b"0" * 64)
            s.routes["/csaf_vex_2024-06-01.zip"] = document(body, etag='"2"')
            assert "should be" in pare("db", "update", "--from", "redhat-csaf-vex:%s/" % s.url, status=3).err
        else:
            assert "names no file" in r.err


# --- without a network, what is refused ---

def test_offline(pare):
    with serving({"/kev.json": document(KEV)}) as s:
        word = "kev:%s/kev.json" % s.url
        assert "not fetched" in pare("db", "update", "--offline", "--from", word, status=4).err and not s.asked
        pare("db", "update", "--from", word)
        n = len(s.asked)
        assert "nothing new" in pare("db", "update", "--offline", "--from", word).out
        os.unlink(pare.store / "advisories.db")
        pare("db", "update", "--offline", "--from", word)
        assert len(s.asked) == n and (pare.store / "advisories.db").exists()


def test_a_file_of_feeds(pare, tmp_path):
    with serving({"/kev.json": document(KEV), "/json": document(debian("CVE-2024-0002"))}) as s:
        (tmp_path / "feeds").write_text("# ours\nkev:%s/kev.json\n\n debian-tracker:%s/json \n" % (s.url, s.url))
        assert len(pare("db", "update", "--from", "@%s" % (tmp_path / "feeds")).out.splitlines()) == 3
        (tmp_path / "feeds").write_text("# nothing\n")
        pare("db", "update", "--from", "@%s" % (tmp_path / "feeds"), status=2)


@pytest.mark.parametrize("word,text", [("nosuch", "with a KIND of"), ("amazon", "name one"), ("kev:/etc/passwd", "no URL"), ("kev:ftp://x/y", "no URL"), ("kev:http://user:secret@h/x", "a user or a password"),
                                       ("kev:http://h", "of a file, or of a directory"), ("kev:http://h/a b", "no URL"), ("kev:http:///x", "no URL")])
def test_words_that_are_refused(pare, word, text):
    r = pare("db", "update", "--from", word, status=2)
    assert text in r.err and "secret" not in r.err and r.err.count("\n") == 1


def test_options_that_are_refused(pare):
    assert "a number from 1" in pare("db", "update", "--timeout", "0", "--from", "kev", status=2).err
    assert "a number from 1" in pare("db", "update", "--attempts", "x", "--from", "kev", status=2).err


def test_two_at_once(pare):
    def slow(h):
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url, status=4)
        document(KEV)(h)
    with serving({"/kev.json": [slow, document(KEV)]}) as s:
        pare("db", "update", "--from", "kev:%s/kev.json" % s.url)
        assert len(s.asked) == 1


# --- what cannot be had ---

def test_keep_going_takes_what_was_there_before(pare):
    routes = {"/kev.json": document(KEV), "/json": document(debian("CVE-2024-0002"))}
    with serving(routes) as s:
        words = ["--keep-going", "--attempts", 1, "--from", "kev:%s/kev.json" % s.url, "--from", "debian-tracker:%s/json" % s.url]
        s.routes["/kev.json"] = answer(404)
        r = pare("db", "update", *words, status=4)
        assert "is without it" in r.err and "1 of 2 feeds" in r.err and "debian-tracker" in r.out and "kev " not in r.out
        assert known(pare, "CVE-2024-0002") and not known(pare, "CVE-2024-0001")
        s.routes["/kev.json"] = document(KEV)
        assert pare("db", "update", *words).err == "" and known(pare, "CVE-2024-0001")
        s.routes["/kev.json"] = answer(404)
        s.routes["/json"] = document(debian("CVE-2024-0003"))
        r = pare("db", "update", *words, status=4)
        assert "could be had of it" in r.err and "as before" in r.out
        assert known(pare, "CVE-2024-0001") and known(pare, "CVE-2024-0003")
        s.routes["/json"] = answer(404)
        gone = pare("db", "update", "--db", pare.store / "other.db", "--keep-going", "--from", "osv:%s/none.zip" % s.url, status=4)
        assert "404" in gone.err and gone.err.count("\n") == 1 and not (pare.store / "other.db").exists()


def test_keep_going_with_one_of_many_files_gone(pare):
    with serving({"/npm/all.zip": answer(404)}) as s:
        r = pare("db", "update", "--keep-going", "--attempts", 1, "--from", "osv:%s/" % s.url, status=4)
        assert r.err.count("\n") == 1 and "404" in r.err and len(s.asked) > 5  # all of them were asked for
