"""pare db push and pare db update --from oci://: a database as an artifact of a registry, and who is told which password."""
import base64
import gzip
import hashlib
import json
import os
import random

import pytest
from netlib import Registry, answer, cut
from test_db_update import KEV, tls  # noqa: F401

TYPE, LAYER = "application/vnd.pare.advisories.v1", "application/vnd.pare.advisories.db.v1+zstd"
EPSS = "#model_version:v2023.03.01,score_date:2024-03-02T00:00:00+0000\ncve,epss,percentile\n"


@pytest.fixture
def db(pare, tmp_path):
    """A database that does not compress well, so that it takes several packets."""
    r = random.Random(1)
    (tmp_path / "kev.json").write_bytes(KEV)
    (tmp_path / "epss.csv").write_text(EPSS + "".join("CVE-2023-%d,%.9f,%.9f\n" % (10000 + i, r.random(), r.random()) for i in range(20000)))
    pare("db", "build", "-o", tmp_path / "a.db", "--from", "kev:%s" % (tmp_path / "kev.json"), "--from", "epss:%s" % (tmp_path / "epss.csv"))
    return tmp_path / "a.db"


def login(pare, host, user="me", password="secret", **more):
    d = pare.root / "home" / ".docker"
    d.mkdir(exist_ok=True)
    entry = more or {"auth": base64.b64encode(("%s:%s" % (user, password)).encode()).decode()}
    (d / "config.json").write_text(json.dumps({"auths": {host: entry}}))


def leaked(server, secret="secret"):
    """Whether a server was told the password, in any form that we send it in."""
    coded = base64.b64encode(("me:%s" % secret).encode()).decode()
    return any(secret in str(a) or coded in str(a) for a in server.asked)


def test_there_and_back(pare, db):
    with Registry() as r:
        name = "%s/security/advisories:latest" % r.host
        assert "pushed" in pare("db", "push", "--db", db, name).out
        mime, text = r.manifests["security/advisories", "latest"]
        m = json.loads(text)
        assert mime == m["mediaType"] == "application/vnd.oci.image.manifest.v1+json" and m["artifactType"] == TYPE and m["schemaVersion"] == 2
        assert m["config"] == {"mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + hashlib.sha256(b"{}").hexdigest(), "size": 2}
        assert [layer["mediaType"] for layer in m["layers"]] == [LAYER] and m["layers"][0]["size"] == len(r.blobs[m["layers"][0]["digest"]])
        assert m["annotations"]["vnd.pare.advisories.newest.kev"] == "2024-03-01" and m["annotations"]["org.opencontainers.image.created"] == "2024-03-02T00:00:00Z"
        out = pare("db", "update", "--from", "oci://" + name).out
        assert "pulled" in out and "sha256:" + hashlib.sha256(text).hexdigest() in out
        assert (pare.store / "advisories.db").read_bytes() == db.read_bytes()
        assert not list(pare.store.rglob("*.part-*"))
        n = len(r.asked)
        assert "nothing new" in pare("db", "update", "--from", "docker://" + name).out
        assert len(r.asked) == n + 2 and "/blobs/" not in r.asked[-1][1]
        pare("db", "update", "--from", "oci://%s/security/advisories@sha256:%s" % (r.host, hashlib.sha256(text).hexdigest()), "--db", db.parent / "b.db")
        assert (db.parent / "b.db").read_bytes() == db.read_bytes()


def test_the_same_is_not_sent_again(pare, db):
    with Registry() as r:
        name = "%s/a/b:1" % r.host
        pare("db", "push", "--db", db, name)
        first, n = r.manifests["a/b", "1"], r.uploads
        assert n == 2 and "was there" in pare("db", "push", "--db", db, name).out
        assert r.uploads == n and r.manifests["a/b", "1"] == first


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_passwords(pare, db, auth):
    with Registry(auth=auth, users={"me": "secret"}) as r:
        name = "%s/a/b:1" % r.host
        e = pare("db", "push", "--db", db, name, status=4).err
        assert ("credentials" in e) and e.count("\n") == 1
        login(pare, r.host, password="wrong")
        assert "401" in pare("db", "push", "--db", db, name, status=4).err
        login(pare, r.host)
        pare("db", "push", "--db", db, name)
        pare("db", "update", "--from", "oci://" + name)
        if auth == "bearer":  # what we want is asked for, not what the registry would have us ask for
            assert {t.split("-", 1)[1] for t in r.tokens} == {"repository:a/b:pull,push", "repository:a/b:pull"}
            assert all(h.get("Authorization", "").startswith("Bearer") or p.startswith("/token") or "Authorization" not in h for _, p, h in r.asked)


def test_without_a_password(pare, db):
    with Registry(auth="bearer") as r:
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        assert "Authorization" not in [h for _, p, h in r.asked if p.startswith("/token")][0]


def test_busy_where_the_tokens_are(pare, db):
    with Registry(auth="bearer") as r:
        r.before["GET", "token"] = answer(503, Retry_After="0")
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)


def test_identity_token(pare, db):
    with Registry(auth="bearer", users={"": "refresh me"}) as r:
        login(pare, r.host, identitytoken="refresh me", auth=base64.b64encode(b"00000000:").decode())
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        assert [m for m, p, _ in r.asked if p == "/token"] == ["POST"]


@pytest.mark.parametrize("env,file,key", [("XDG_RUNTIME_DIR", "containers/auth.json", "%s/a"), ("DOCKER_CONFIG", "config.json", "https://%s/v1/"), ("REGISTRY_AUTH_FILE", "", "%s/a/b"),
                                          ("XDG_CONFIG_HOME", "containers/auth.json", "%s")])
def test_where_passwords_are_kept(pare, db, tmp_path, env, file, key):
    with Registry(auth="basic", users={"me": "secret"}) as r:
        login(pare, r.host, password="wrong") if env in ("XDG_RUNTIME_DIR", "REGISTRY_AUTH_FILE") else None
        at = tmp_path / "cfg" / (file or "x.json")
        at.parent.mkdir(parents=True)
        wrong = base64.b64encode(b"me:wrong").decode()
        at.write_text(json.dumps({"auths": {"%s/a/bc" % r.host: {"auth": wrong}, key % r.host: {"username": "me", "password": "secret"}, "other.example": {"auth": wrong}}}))
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host, env={env: tmp_path / "cfg" if file else at})


def test_a_damaged_file_of_passwords(pare, db):
    (pare.root / "home" / ".docker").mkdir()
    (pare.root / "home" / ".docker" / "config.json").write_text("{")
    with Registry(auth="basic") as r:
        assert "config.json" in pare("db", "push", "--db", db, "%s/a/b:1" % r.host, status=2).err


def test_a_realm_elsewhere_is_not_told_the_password(pare, db):
    with Registry(auth="bearer", users={"me": "secret"}) as tokens, Registry(auth="bearer", realm=tokens.url + "/token") as r:
        r.tokens = tokens.tokens
        login(pare, r.host)
        assert "without credentials" in pare("db", "push", "--db", db, "%s/a/b:1" % r.host, status=4).err
        assert tokens.asked and not leaked(tokens) and not leaked(r)
        login(pare, tokens.host)  # what is kept for that host goes there, and nowhere else
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        assert leaked(tokens) and not leaked(r)


def test_a_registry_gets_no_token_of_who_is_no_kin_of_it(pare, db):
    """What is kept for the host that it names as its realm would be turned into a token for what is there."""
    with Registry(auth="bearer", users={"me": "secret"}) as tokens, Registry(auth="bearer", realm=tokens.url + "/token") as r:
        r.tokens = tokens.tokens
        login(pare, tokens.host)
        e = pare("db", "push", "--db", db, "localhost:%d/a/b:1" % r.server.port, status=4).err
        assert "without credentials: those of the registry are not told to another host" in e and e.count("\n") == 1
        assert tokens.asked and not leaked(tokens) and not leaked(r) and not tokens.tokens


@pytest.mark.parametrize("realm", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/x", "", "x"])
def test_realms_that_are_none(pare, db, realm):
    with Registry(auth="bearer", realm=realm or " ") as r:
        login(pare, r.host)
        assert pare("db", "push", "--db", db, "%s/a/b:1" % r.host, status=4).err.count("\n") == 1


def test_uploads_and_redirects_elsewhere_go_without_the_password(pare, db):
    with Registry() as other, Registry(auth="basic", users={"me": "secret"}, location=other.url) as r:
        login(pare, r.host)
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        assert len(other.blobs) == 2 and not leaked(other)
        r.blobs.update(other.blobs)
        layer = json.loads(r.manifests["a/b", "1"][1])["layers"][0]["digest"]
        other.blobs = {layer: r.blobs[layer]}
        r.before["GET", "blobs"] = answer(307, Location="%s/v2/a/b/blobs/%s" % (other.url, layer))
        pare("db", "update", "--from", "oci://%s/a/b:1" % r.host)
        assert any(m == "GET" for m, _, _ in other.asked) and not leaked(other)


def test_continued_where_it_broke_off(pare, db):
    with Registry() as r:
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        blob = max(r.blobs.values(), key=len)
        r.before["GET", "blobs"] = cut(blob, len(blob) // 2)
        pare("db", "update", "--from", "oci://%s/a/b:1" % r.host)
        assert "Range" in r.asked[-1][2] and (pare.store / "advisories.db").read_bytes() == db.read_bytes()
        os.unlink(pare.store / "advisories.db")
        r.before["GET", "blobs"] = lambda h: (r.before.update({("GET", "blobs"): answer(200, blob)}), cut(blob, len(blob) // 2)(h))  # all of it again
        pare("db", "update", "--from", "oci://%s/a/b:1" % r.host)
        assert (pare.store / "advisories.db").read_bytes() == db.read_bytes()


def test_busy_registries_are_asked_again(pare, db):
    with Registry() as r:
        for key in (("POST", "uploads"), ("PUT", "uploads"), ("PUT", "manifests"), ("HEAD", "blobs")):
            r.before[key] = answer(503, Retry_After="0")
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        for key in (("GET", "manifests"), ("GET", "blobs")):
            r.before[key] = answer(429, Retry_After="0")
        pare("db", "update", "--from", "oci://%s/a/b:1" % r.host)


def put(r, manifest, name="a/b", tag="1", mime="application/vnd.oci.image.manifest.v1+json"):
    r.manifests[name, tag] = (mime, manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode())
    return "oci://%s/%s:%s" % (r.host, name, tag)


def layer_of(r, body, **more):
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    r.blobs[digest] = body
    return {"mediaType": LAYER, "digest": digest, "size": len(body), **more}


def test_gzip_plain_and_an_index(pare, db):
    body = db.read_bytes()
    with Registry() as r:
        pare("db", "update", "--from", put(r, {"layers": [{"mediaType": "x/readme", "digest": "sha256:" + "0" * 64, "size": 1}, layer_of(r, gzip.compress(body))]}))
        assert (pare.store / "advisories.db").read_bytes() == body
        inner = json.dumps({"layers": [layer_of(r, body, mediaType="text/anything")]}).encode()
        digest = "sha256:" + hashlib.sha256(inner).hexdigest()
        put(r, inner, tag=digest)
        word = put(r, {"manifests": [{"digest": "sha256:" + "0" * 64, "size": 1}, {"artifactType": TYPE, "digest": digest, "size": len(inner)}]}, mime="application/vnd.oci.image.index.v1+json")
        assert "pulled" in pare("db", "update", "--from", word).out


@pytest.mark.parametrize("manifest,text", [
    (b"{", "manifest"), (b"[]", "no advisory database"), ({}, "no advisory database"), ({"layers": []}, "no advisory database"), ({"layers": [1]}, "damaged"),
    ({"layers": [{"mediaType": LAYER, "digest": "sha256:../../x", "size": 1}]}, "damaged"), ({"layers": [{"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": -1}]}, "damaged"),
    ({"layers": [{"mediaType": LAYER, "digest": "sha256:" + "0" * 64, "size": 1 << 60}]}, "damaged"), ({"layers": [{"mediaType": "a"}, {"mediaType": "b"}]}, "no advisory database"),
    (b"[" * 100000, "manifest"), (b" " * (5 << 20), "budget"),
], ids=range(11))
def test_damaged_manifests(pare, manifest, text):
    with Registry() as r:
        e = pare("db", "update", "--from", put(r, manifest), status=4 if text == "budget" else 3).err  # a body without an end
        assert text in e and e.count("\n") == 1


def test_wrong_bytes(pare, db):
    with Registry() as r:
        pare("db", "push", "--db", db, "%s/a/b:1" % r.host)
        pare("db", "update", "--from", "oci://%s/a/b:1" % r.host)
        before = (pare.store / "advisories.db").read_bytes()
        for body, text in ((b"nothing of the kind", "advisories"), (gzip.compress(db.read_bytes())[:-9], ""), (b"", ""), (bytes(1 << 20), "")):
            e = pare("db", "update", "--from", put(r, {"layers": [layer_of(r, body)]}, tag="2"), status=3).err
            assert text in e and e.count("\n") == 1
        good = layer_of(r, db.read_bytes())
        r.blobs[good["digest"]] = db.read_bytes()[:-1] + b"x"
        assert "its bytes have the digest" in pare("db", "update", "--from", put(r, {"layers": [good]}, tag="2"), status=4).err
        r.blobs[good["digest"]] = db.read_bytes() + b"x"
        assert "more came" in pare("db", "update", "--from", put(r, {"layers": [good]}, tag="2"), status=4).err
        r.before["GET", "manifests"] = answer(200, b"{}", Docker_Content_Digest="sha256:" + "0" * 64)
        assert "should be" in pare("db", "update", "--from", "oci://%s/a/b:1" % r.host, status=4).err
        assert "manifest unknown" in pare("db", "update", "--from", "oci://%s/a/b:none" % r.host, status=4).err
        assert (pare.store / "advisories.db").read_bytes() == before and not list(pare.store.rglob("*.part-*"))


def test_plain_http_is_what_was_said(pare, db, tls):  # noqa: F811
    with Registry() as r:
        pare("db", "push", "--plain-http", "--db", db, "%s/a/b:1" % r.host)
        pare("db", "update", "--plain-http", "--from", "oci://%s/a/b:1" % r.host, "--db", db.parent / "back.db")
        assert (db.parent / "back.db").read_bytes() == db.read_bytes()
    with Registry(tls=tls[0]) as r:
        pare("db", "push", "--plain-http", "--tls-verify=false", "--attempts", 1, "--db", db, "%s/a/b:1" % r.host, status=4)
        assert not r.blobs


def test_plain_http(pare, db, tls):  # noqa: F811
    context, cert = tls
    with Registry() as r:  # not this machine by its name: a proxy stands for the world
        env = {"http_proxy": r.url, "https_proxy": r.url, "no_proxy": ""}
        pare("db", "push", "--db", db, "registry.example/a/b:1", "--attempts", 1, env=env, status=4)
        assert not any("/v2/" in p for _, p, _ in r.asked)
    with Registry(tls=context) as r:
        name = "%s/a/b:1" % r.host
        assert "certificate" in pare("db", "push", "--db", db, name, "--attempts", 1, status=4).err
        pare("db", "push", "--db", db, name, env={"SSL_CERT_FILE": cert})
        pare("db", "update", "--from", "oci://" + name, "--tls-verify=false")


@pytest.mark.parametrize("args,text", [(["push", "advisories"], "REGISTRY/REPOSITORY"), (["push", "h.example/A:1"], ""), (["update", "--from", "oci://x"], "REGISTRY/REPOSITORY"),
                                       (["update", "--from", "oci://h.example/a/b:1", "--from", "kev"], "alone"), (["update", "--from", "oci://h.example/a/b:1", "--offline"], "offline"),
                                       (["push", "h.example/a@sha256:" + "0" * 64], "tag")])
def test_what_is_refused(pare, db, args, text):
    more = ["--db", db] if args[0] == "push" else []
    assert text in pare("db", *args, *more, status=2).err


def test_pushing_what_is_no_database(pare, tmp_path):
    (tmp_path / "x.db").write_bytes(b"x" * 100000)
    with Registry() as r:
        pare("db", "push", "--db", tmp_path / "x.db", "%s/a/b:1" % r.host, status=3)
        pare("db", "push", "--db", tmp_path / "none.db", "%s/a/b:1" % r.host, status=4)
        assert not r.blobs
