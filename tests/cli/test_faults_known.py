"""What once went wrong when networks and registries failed, each by its name."""
import hashlib
import json
import shutil
import socket
import ssl
import threading

import pytest
from faultcases import MANIFEST, Pictures, manifest_in, whole_in
from faultproxy import FaultProxy, Plan
from imagelib import sha256
from netlib import Registry as Fake
from netlib import Server, answer
from registrylib import Registry, authority
from test_registry import Slices, image

QUICK = ["--attempts", "2", "--timeout", "2"]


class On(Plan):
    """A fault to what has `match` in its method and path ("connection": before TLS), so many times."""

    def __init__(self, fault, match, times=1 << 30):
        super().__init__(rate=0)
        self.fault, self.match, self.left = fault, match, times

    def choose(self, method, path, kind=None):
        fault, rng = super().choose(method, path, kind)
        with self.lock:
            if self.left and self.match in "%s %s %s" % (kind, method, path):
                self.left -= 1
                fault = self.fault
        return fault, rng


@pytest.fixture(scope="module")
def real():
    with Registry() as r:
        yield r


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return Pictures(tmp_path_factory.mktemp("pictures"))


def put(pare, real, picture, name):
    pare("copy", "--all", "oci:%s:latest" % picture[0], "docker://%s/%s" % (real.host, name))


def digest_of(picture):
    return "sha256:" + sha256(picture[1])


def test_what_was_deleted_was_not_gone_already(pare, real, pictures):
    """The answer to the first DELETE gets lost; the second one finds nothing."""
    put(pare, real, pictures.old, "known/lost:1")
    with FaultProxy(real.host, On("lost", "DELETE", 1)) as p:
        out = pare("delete", "--yes", "--force-digest", "docker://%s/known/lost@%s" % (p.host, digest_of(pictures.old))).out
        assert out.startswith("deleted ") and p.faults() == ["lost"]
    assert manifest_in(real, "known/lost") is None


@pytest.mark.parametrize("fault", ["drop", "503", "flip"])
def test_an_image_whose_age_could_not_be_asked_for_is_not_the_oldest(pare, real, pictures, fault):
    for i, picture in enumerate(pictures.aged):
        put(pare, real, picture, "known/age-%s:v%d" % (fault, i))
    config = json.loads(pictures.aged[-1][1])["config"]["digest"]
    with FaultProxy(real.host, On(fault, config)) as p:
        assert pare("prune", "--registry", "%s/known/age-%s" % (p.host, fault), "--keep", "3", "--yes", *QUICK, status=4).err.count("\n") == 1
        assert p.faults() == [fault]
    for i, picture in enumerate(pictures.aged):
        assert manifest_in(real, "known/age-%s" % fault, "v%d" % i) == picture[1]


def test_what_an_index_needs_that_came_damaged_is_not_pruned(pare, real, pictures):
    """The index stays; that it could not be read does not mean that it needs nothing."""
    put(pare, real, pictures.index, "known/index:stays")
    one = json.loads(pictures.index[1])["manifests"][0]["digest"]
    pare("copy", "docker://%s/known/index@%s" % (real.host, one), "docker://%s/known/index:goes" % real.host)
    with FaultProxy(real.host, On("flip", "GET /v2/known/index/manifests/stays")) as p:
        assert pare("prune", "--registry", p.host + "/known/index", "--match", "goes", "--older", "1d", "--yes", *QUICK, status=4).err.count("\n") == 1
    assert whole_in(real, "known/index", manifest_in(real, "known/index", "stays"))
    pare("prune", "--registry", real.host + "/known/index", "--match", "goes", "--older", "1d", "--yes", status=None)
    assert whole_in(real, "known/index", manifest_in(real, "known/index", "stays"))


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    d = tmp_path_factory.mktemp("authority")
    authority(d)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(d / "server.pem", d / "server.key")
    certs = d / "certs"
    certs.mkdir()
    shutil.copy(d / "ca.pem", certs / "ca.crt")
    return context, certs


@pytest.mark.parametrize("times", [1, 2])
def test_a_handshake_that_breaks_is_tried_again(pare, real, pictures, tls, times):
    """Nor is a registry that speaks TLS taken for one that speaks none."""
    put(pare, real, pictures.old, "known/tls:1")
    with FaultProxy(real.host, On("handshake", "connection", times), tls=tls[0]) as p:
        assert pare("tags", "--cert-dir", tls[1], "docker://%s/known/tls" % p.host).out == "1\n"


def test_a_registry_with_tls_says_400_to_plain_http(pare, pictures, tmp_path):
    """As Go's servers do. Another port is that of one which breaks the first handshake."""
    with Registry(tls=True) as r:

        listener = socket.create_server(("127.0.0.1", 0))

        def run():
            listener.accept()[0].close()
            while True:
                try:
                    c, _ = listener.accept()
                except OSError:
                    return
                u = socket.create_connection(("127.0.0.1", r.port))
                for a, b in ((c, u), (u, c)):
                    threading.Thread(target=pump, args=(a, b), daemon=True).start()

        def pump(a, b):
            try:
                while piece := a.recv(65536):
                    b.sendall(piece)
                b.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        with listener:
            certs = tmp_path / "c"
            certs.mkdir()
            shutil.copy(r.ca, certs / "ca.crt")
            pare("copy", "--cert-dir", certs, "oci:%s:latest" % pictures.old[0], "docker://%s/known/go:1" % r.host)
            assert pare("tags", "--cert-dir", certs, "docker://127.0.0.1:%d/known/go" % listener.getsockname()[1]).out == "1\n"
            listener.shutdown(socket.SHUT_RDWR)


def test_who_we_are_is_no_affair_of_where_a_redirect_leads(pare, real, pictures, tmp_path):
    """It wants to know; nobody logs in anywhere for that."""
    put(pare, real, pictures.old, "known/stray:1")
    with FaultProxy(real.host, On("astray", "GET /v2/known/stray/blobs/")) as p:
        e = pare("copy", "--creds", "me:secret", "docker://%s/known/stray:1" % p.host, "oci:%s" % (tmp_path / "out"), *QUICK, status=4).err
        assert "401" in e and e.count("\n") == 1
        assert p.other.exchanges and all(x.path == "/stranger" and not x.header("authorization") for x in p.other.exchanges)
        assert not any(x.header("authorization") for x in p.exchanges)


@pytest.mark.parametrize("match", ["PUT /v2/known/kept/blobs", "PUT /v2/known/kept/manifests"], ids=["blob", "manifest"])
def test_a_registry_that_keeps_something_else(pare, real, pictures, match):
    with FaultProxy(real.host, On("kept-as", match)) as p:
        assert "it says that it keeps" in pare("copy", "oci:%s:latest" % pictures.old[0], "docker://%s/known/kept:1" % p.host, status=4).err


class Forgets(Slices):
    """Loses the end of what it said it has."""
    lost = 0

    def any(self, h):
        part = self.parts.get(h.path.split("?")[0])
        if h.command == "PATCH" and part and not self.lost:
            self.lost = 1 << 20
            del part[-self.lost:]
        return super().any(h)


def test_uploads_go_on_from_where_a_registry_stands(pare, tmp_path):
    """416: it says where, and not all of it is sent again."""
    with Forgets() as r:
        pare("copy", "--compression", "none", image(tmp_path, 40 << 20), "docker://%s/a/b:1" % r.host)
        assert r.lost and r.received == len(max(r.blobs.values(), key=len)) + r.lost
        assert sum(m == "POST" for m, _, _ in r.asked) == 2


class Late(Slices):
    """Does not take what it has."""
    refused = 0

    def any(self, h):
        if h.command == "PUT" and h.path.split("?")[0] in self.parts and not self.refused:
            self.refused += 1
            return answer(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"digest invalid"}]}')(h)
        return super().any(h)


def test_uploads_that_went_on_and_do_not_hold_begin_again(pare, tmp_path):
    """A registry may still write when it says how far it got. Once; and what never broke off is refused."""
    source = image(tmp_path, 40 << 20)
    with Late() as r:
        r.hang_up = [5 << 20]
        pare("copy", "--compression", "none", source, "docker://%s/a/b:1" % r.host)
        assert r.refused == 1 and sum(m == "POST" for m, _, _ in r.asked) == 3
    with Late() as r:
        assert "digest invalid" in pare("copy", "--compression", "none", source, "docker://%s/a/b:1" % r.host, status=4).err


def test_an_upload_that_is_refused_is_given_up(pare, real, pictures):
    """The registry need not keep what it has of it."""
    with FaultProxy(real.host, On("403", "PATCH")) as p:
        pare("copy", "oci:%s:latest" % pictures.large[0], "docker://%s/known/refused:1" % p.host, status=4)
        assert [x.status for x in p.exchanges if x.method == "DELETE"] == [204]


def test_addresses_that_let_one_in_are_not_told(pare, tmp_path):
    """What a registry signs for us to fetch a blob from elsewhere is a credential."""
    with Fake() as r:
        other = Server({"/signed": answer(307, Location="file:///x")})
        try:
            pare("copy", image(tmp_path), "docker://%s/a/b:1" % r.host)
            for d in r.blobs:
                r.server.routes["/v2/a/b/blobs/" + d] = answer(307, Location=other.url + "/signed?X-Signature=letmein")
            e = pare("copy", "docker://%s/a/b:1" % r.host, "oci:%s" % (tmp_path / "out"), status=4).err
            assert "letmein" not in e and "/signed" in e and e.count("\n") == 1
        finally:
            other.close()


def test_a_registry_that_repeats_our_secrets(pare):
    """In its words, which are told otherwise; on one line."""
    with Fake(auth="basic", users={"me": "the-password"}) as r:
        for says, told in (("no, the-password will not do", False), ("Basic bWU6dGhlLXBhc3N3b3Jk", False), ("no\n\u001b[31mway", True)):
            r.server.routes["/v2/a/b/tags/list"] = [answer(401, WWW_Authenticate="Basic"), answer(403, json.dumps({"errors": [{"message": says}]}).encode())]
            r.server.turn.clear()
            e = pare("tags", "--creds", "me:the-password", "docker://%s/a/b" % r.host, status=4).err
            assert e.count("\n") == 1 and "403" in e and ("way" in e) == told and "the-password" not in e and "bWU6" not in e, e


def test_half_a_manifest_that_nothing_proves(pare, tmp_path):
    """By its tag, and without a digest: it is the way that fails."""
    with Fake() as r:
        pare("copy", image(tmp_path), "docker://%s/a/b:1" % r.host)
        mime, text = r.manifests["a/b", "1"]
        r.server.routes["/v2/a/b/manifests/1"] = answer(200, text[:-20], Content_Type=mime)
        assert pare("copy", "docker://%s/a/b:1" % r.host, "oci:%s" % (tmp_path / "out"), status=4).err.count("\n") == 1


def test_where_tokens_are_counted(pare):
    with Fake(auth="bearer") as r:
        r.before["GET", "token"] = answer(429, Retry_After="3600")
        e = pare("tags", "docker://%s/a/b" % r.host, status=4).err
        assert "left alone for 3600 seconds" in e and "login" not in e and e.count("\n") == 1


class Crowd(Fake):
    """Another one writes the list of referrers right after us, from what it had read before."""
    others = None

    def any(self, h):
        super().any(h)
        if h.command == "PUT" and "/manifests/sha256-" in h.path and self.others is None:
            self.others = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
                {"mediaType": MANIFEST, "digest": "sha256:" + "7" * 64, "size": 7}]}).encode()
            key = ("a/b", h.path.rsplit("/", 1)[1])
            threading.Timer(0.03, lambda: self.manifests.__setitem__(key, ("application/vnd.oci.image.index.v1+json", self.others))).start()


def test_lists_of_referrers_that_others_write_too(pare, pictures):
    """Where the registry keeps none; theirs and ours are in it."""
    with Crowd() as r:
        pare("copy", "--referrers", "oci:%s:latest" % pictures.signed[0], "docker://%s/a/b:1" % r.host)
        tag = digest_of(pictures.signed).replace(":", "-")
        listed = [d["digest"] for d in json.loads(r.manifests["a/b", tag][1])["manifests"]]
        assert r.others and set(listed) == {"sha256:" + "7" * 64, *pictures.signed[2]}
        assert all(hashlib.sha256(r.manifests["a/b", d][1]).hexdigest() == d[7:] for d in pictures.signed[2])
