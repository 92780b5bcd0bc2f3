"""What every command has that asks a registry: who to be there, whom to believe, what is shown of oneself; in registries that insist on each."""
import http.server
import os
import shutil
import ssl
import threading

import pytest

from imagelib import Dir, File, Image, layer
from netlib import Registry as Fake, answer
from registrylib import Registry, authority

IMAGE = Image([layer(Dir("d"), File("d/f", b"text" * 900))])


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    """Takes only who knows its authority, has a certificate of it, and the password."""
    with Registry(auth=("me", "secret"), tls=True, client_certs=True) as r:
        r.place = os.path.join(r.certs_d(tmp_path_factory.mktemp("certs"), client=True), r.host)
        yield r


@pytest.fixture(scope="module")
def trusting(tmp_path_factory):
    """TLS by an authority that nobody knows, and a password."""
    with Registry(auth=("you", "other"), tls=True) as r:
        r.place = os.path.join(r.certs_d(tmp_path_factory.mktemp("certs")), r.host)
        yield r


READ = {"inspect": ["inspect"], "report": ["report"], "history": ["history"], "sbom": ["sbom"], "scan": ["scan", "--kinds", "config"], "slim": ["slim", "--level", "safe", "--dry-run"], "tags": ["tags"],
        "manifest": ["manifest", "show"], "pull": ["pull"]}


@pytest.mark.parametrize("words", READ.values(), ids=READ.keys())
def test_commands_that_read(pare, strict, tmp_path, words):
    name = "docker://%s/read/%s:1" % (strict.host, words[0])
    who, known = ["--creds", "me:secret"], ["--cert-dir", strict.place]
    pare("copy", "-q", IMAGE.oci(tmp_path / "l"), name, *who, *known)
    pare(*words, name, *who, *known)
    for more in (who, known, ["--creds", "me:wrong", *known], [*who, "--tls-verify=false"]):  # the last shows no certificate
        r = pare(*words, name, "--attempts", "1", *more, status=4)
        assert r.err.count("\n") == 1 and "secret" not in r.err and "wrong" not in r.err, r


def test_diff_and_lint(pare, strict, tmp_path):
    name = "docker://%s/read/two:1" % strict.host
    open_ = ["--creds", "me:secret", "--cert-dir", strict.place]
    pare("copy", "-q", IMAGE.oci(tmp_path / "l"), name, *open_)
    pare("diff", "--exit-code", name, "oci:%s" % (tmp_path / "l"), *open_)
    pare("diff", name, name, "--attempts", "1", status=4)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY x /x\n")
    assert "history holds none" in pare("lint", "--no-fail", "--image", name, tmp_path / "Dockerfile", *open_, status=3).err  # it was read
    assert "401" in pare("lint", "--no-fail", "--image", name, tmp_path / "Dockerfile", *open_[2:], status=4).err


def test_commands_that_write(pare, strict, tmp_path):
    open_ = ["--creds", "me:secret", "--cert-dir", strict.place]
    first, second = ("docker://%s/written/%s:1" % (strict.host, w) for w in "ab")
    digest = pare("copy", "-q", IMAGE.oci(tmp_path / "l"), first, *open_).out
    for more in (open_[:2], open_[2:]):
        pare("slim", "--level", "safe", first, "-o", second, "--attempts", "1", *more, status=4)
        pare("push", "--attempts", "1", "%s/written/c:1" % strict.host, *more, status=4)
    assert strict.get("/v2/written/b/tags/list") is None
    pare("slim", "--level", "safe", first, "-o", second, *open_)
    assert strict.get("/v2/written/b/tags/list")["tags"] == ["1"]
    pare("pull", "-q", first, *open_)
    assert pare("push", "-q", "%s/written/a:1" % strict.host, "%s/written/c:1" % strict.host, *open_).out == digest
    pare("sign", "--generate-key", tmp_path / "k")
    pare("sign", first, "--key", tmp_path / "k.key", "--attempts", "1", *open_[:2], status=4)
    pare("sign", first, "--key", tmp_path / "k.key", *open_)
    pare("verify", first, "--key", tmp_path / "k.pub", *open_)
    pare("delete", "docker://%s/written/b:1" % strict.host, "--yes", "--attempts", "1", *open_[:2], status=4)


def test_either_side_of_a_copy(pare, strict, trusting, tmp_path):
    """What is said of one side is not said to the other."""
    source, target = "docker://%s/side/a:1" % strict.host, "docker://%s/side/b:1" % trusting.host
    digest = pare("copy", "-q", IMAGE.oci(tmp_path / "l"), source, "--dest-creds", "me:secret", "--dest-cert-dir", strict.place).out
    src, dest = ["--src-creds", "me:secret", "--src-cert-dir", strict.place], ["--dest-creds", "you:other", "--dest-cert-dir", trusting.place]
    for missing in range(0, 4, 2):
        pare("copy", "-q", "--attempts", "1", source, target, *src[missing:missing + 2], *dest, status=4)
        pare("copy", "-q", "--attempts", "1", source, target, *src, *dest[missing:missing + 2], status=4)
    pare("copy", "-q", "--attempts", "1", source, target, *src[:2], "--src-cert-dir", trusting.place, *dest, status=4)
    pare("copy", "-q", "--attempts", "1", source, target, *src, *dest[:2], "--dest-cert-dir", strict.place, status=4)
    assert trusting.get("/v2/side/b/tags/list") is None
    assert pare("copy", "-q", source, target, *src, *dest).out == digest
    assert pare("copy", "-q", source, "docker://%s/side/c:1" % trusting.host, *src, *dest[:2], "--dest-tls-verify=false").out == digest
    assert pare("copy", "-q", target, "oci:%s" % (tmp_path / "back"), "--creds", "you:other", "--cert-dir", trusting.place).out == digest


@pytest.mark.parametrize("change, says", [({"client.key": None}, "client.key"), ({"client.cert": None}, "client.cert"), ({"ca.crt": "no certificate\n"}, "certificate")], ids=["no key", "no certificate", "no authority"])
def test_directories_of_certificates(pare, strict, tmp_path, change, says):
    place = tmp_path / "certs"
    place.mkdir()
    for name in os.listdir(strict.place):
        with open(os.path.join(strict.place, name)) as f:
            (place / name).write_text(f.read())
    name = ["docker://%s/none:1" % strict.host, "--creds", "me:secret", "--attempts", "1", "--cert-dir"]
    assert "no such repository" in pare("tags", *name, place, status=4).err
    for f, text in change.items():
        (place / f).write_text(text) if text else (place / f).unlink()
    r = pare("tags", *name, place, status=None)
    assert r.status in (2, 4) and says in r.err and r.err.count("\n") == 1, r
    assert "not there" in pare("tags", *name, tmp_path / "absent", status=4).err or "No such file" in pare("tags", *name, tmp_path / "absent", status=4).err


class Plain(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer(200, b'{"name":"a/b","tags":["1"]}' if self.path.startswith("/v2/a/b/tags") else b"{}")(self)

    def log_message(self, *_):
        pass


def speaker(directory):
    """TLS by an authority of its own, in `directory`."""
    directory.mkdir()
    authority(directory)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "server.pem", directory / "server.key")
    return tls


class Forgets(Fake):
    """Once a manifest was asked for, the file of authorities is gone; blobs are at another server."""
    file = other = None

    def any(self, h):
        if self.file and h.command == "GET" and "/manifests/" in h.path:
            self.file.unlink(missing_ok=True)
        if self.other and h.command == "GET" and "/blobs/" in h.path:
            return answer(307, Location=self.other.url + h.path)(h)
        return super().any(h)


def test_authorities_are_read_once(pare, tmp_path):
    """However many connections there are. Those of --cert-dir are for its registry alone."""
    one, another = speaker(tmp_path / "one"), speaker(tmp_path / "another")
    layout = Image([layer(File("f%d" % i, b"%d" % i)) for i in range(3)]).oci(tmp_path / "l")
    bundle, own = tmp_path / "bundle.pem", tmp_path / "own"
    own.mkdir()
    shutil.copy(tmp_path / "another" / "ca.pem", own / "ca.crt")
    with Forgets(tls=one) as r, Fake(tls=one) as other, Fake(tls=another) as strange:
        def run(*args, **kw):
            shutil.copy(tmp_path / "one" / "ca.pem", bundle)
            return pare("copy", "-q", "--attempts", "1", *args, env={"SSL_CERT_FILE": bundle}, **kw)

        run(layout, "docker://%s/a/b:1" % r.host)
        r.file, r.other, other.blobs = bundle, other, r.blobs
        run("docker://%s/a/b:1" % r.host, "oci:%s" % (tmp_path / "out"))
        assert not bundle.exists() and any("/blobs/" in p for _, p, _ in other.asked)
        r.file = None
        run("--dest-cert-dir", own, "docker://%s/a/b:1" % r.host, "docker://%s/a/b:1" % strange.host)
        asked = len(strange.asked)
        for more in ([], ["--src-cert-dir", own]):  # those of the one side say nothing of the other
            assert "does not hold" in run(*more, "docker://%s/a/b:1" % r.host, "docker://%s/a/b:2" % strange.host, status=4).err
        assert len(strange.asked) == asked


def test_a_registry_is_the_same_however_it_is_written(pare, strict):
    """Its client certificate is shown there, too."""
    name = "docker://LocalHost:%d/a/b" % strict.port
    pare("copy", "--creds", "me:secret", "--dest-cert-dir", strict.place, IMAGE.oci(pare.root / "l"), name + ":written")
    assert "written" in pare("tags", "--creds", "me:secret", "--cert-dir", strict.place, name).out


def test_a_registry_without_tls_and_without_a_port(pare, tmp_path):
    """Plain HTTP has another port than TLS."""
    try:
        plain = http.server.HTTPServer(("127.80.80.80", 80), Plain)
    except OSError:
        pytest.skip("port 80 is not to be had")
    with plain:
        threading.Thread(target=plain.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            assert pare("tags", "--attempts", "1", "docker://127.80.80.80/a/b").out == "1\n"
        finally:
            plain.shutdown()


def test_whose_certificate_does_not_hold(pare, tmp_path):
    """Not the registry's, when it is that of the place where it keeps its blobs."""
    layout = Image([layer(File("f", b"f"))]).oci(tmp_path / "l")
    with Forgets(tls=speaker(tmp_path / "one")) as r, Fake(tls=speaker(tmp_path / "another")) as other:
        env = {"SSL_CERT_FILE": tmp_path / "one" / "ca.pem"}
        pare("copy", layout, "docker://%s/a/b:1" % r.host, env=env)
        r.other = other
        e = pare("copy", "-q", "docker://%s/a/b:1" % r.host, "oci:%s" % (tmp_path / "out"), env=env, status=4).err
        assert "%s: SSL certificate problem" % other.host in e and "its certificate" not in e
