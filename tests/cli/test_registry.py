"""What a registry is asked and told, with a real one: passwords, certificates, mirrors, uploads that break off, referrers, deleting; and what a login keeps where."""
import hashlib
import json
import os
import re
import socket
import threading

import pytest
from imagelib import File, Image, layer
from netlib import Registry as Fake, answer
from registrylib import Registry


def image(tmp_path, size=1000, name="a"):
    path = tmp_path / ("%s-%d.tar" % (name, size))
    Image([layer(File("etc/x", b"x\n"), File("data", os.urandom(size)))]).docker_archive(path)
    return "docker-archive:%s" % path


def digest(r, repository, tag):
    return r.request("HEAD", "/v2/%s/manifests/%s" % (repository, tag), headers={"Accept": "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"})[1][
        "Docker-Content-Digest"]


def password_file(pare, *names):
    return pare.root.joinpath("home", *names)


def login(pare, r, *args, **kw):
    return pare("login", r.host, "-u", r.auth[0], "--password-stdin", *args, stdin=kw.pop("password", r.auth[1]).encode() + b"\n", **kw)


@pytest.mark.parametrize("kw", [{}, {"auth": ("me", "secret:1")}, {"auth": ("me", "secret"), "tls": True}, {"tls": True, "client_certs": True}], ids=["plain", "password", "tls", "client"])
def test_there_and_back(pare, tmp_path, kw):
    with Registry(**kw) as r:
        more = ["--cert-dir", os.path.join(r.certs_d(tmp_path / "certs", "client_certs" in kw), r.host)] if r.tls else []
        if r.auth:
            login(pare, r, *more)
        name = "docker://%s/a/b:1" % r.host
        pare("copy", *more, image(tmp_path), name)
        pare("copy", *more, name, "oci:%s:1" % (tmp_path / "out"))
        index = json.loads((tmp_path / "out" / "index.json").read_text())
        assert index["manifests"][0]["digest"] == digest(r, "a/b", "1")
        assert pare("tags", *more, name).out == "1\n"


def test_certs_d(pare, tmp_path):
    with Registry(tls=True) as r:
        name = "docker://%s/a/b:1" % r.host
        e = pare("copy", image(tmp_path), name, status=4).err
        assert "certificate" in e and "certs.d/%s" % r.host in e and "--tls-verify=false" in e and e.count("\n") == 1
        r.certs_d(password_file(pare, ".config", "containers", "certs.d"))
        pare("copy", image(tmp_path), name)
        assert pare("tags", name).out == "1\n"
        place = password_file(pare, ".config", "containers", "certs.d", r.host)
        (place / "ca.crt").unlink()
        pare("tags", name, status=4)
        assert pare("tags", "--tls-verify=false", name).out == "1\n"
        (place / "x.cert").write_text("")
        assert "x.key" in pare("tags", name, status=2).err


def conf(pare, text):
    f = pare.root / "registries.conf"
    f.write_text(text)
    return {"CONTAINERS_REGISTRIES_CONF": f}


def test_mirrors(pare, tmp_path):
    with Registry() as up, Registry(proxy=up.url) as mirror:
        pare("copy", image(tmp_path), "docker://%s/a/b:1" % up.host)
        env = conf(pare, '[[registry]]\nprefix = "example.org/team"\nlocation = "127.0.0.1:1/a"\n[[registry.mirror]]\nlocation = "127.0.0.1:2/a"\n[[registry.mirror]]\nlocation = "%s/a"\n'
                         '[[registry]]\nprefix = "blocked.example"\nblocked = true\n[[registry]]\nprefix = "*.wild.example"\nlocation = "%s"\n' % (mirror.host, up.host))
        pare("copy", "docker://example.org/team/b:1", "oci:%s:1" % (tmp_path / "out"), env=env)
        assert json.loads((tmp_path / "out" / "index.json").read_text())["manifests"][0]["digest"] == digest(up, "a/b", "1")
        assert "blocked" in pare("tags", "docker://blocked.example/a/b", status=4, env=env).err
        assert pare("tags", "docker://x.wild.example/a/b", env=env).out == "1\n"
        assert "127.0.0.1:1" in pare("copy", "--attempts", 1, image(tmp_path), "docker://example.org/team/b:2", status=4, env=env).err  # what is pushed goes to no mirror
        assert "registries.conf" in pare("tags", "docker://x.example/a", status=2, env=conf(pare, "[[registry]]\nblocked = 1\n")).err


def test_passwords_stay_with_their_registry_when_a_mirror_is_asked(pare, tmp_path):
    with Fake(auth="basic", users={"other": "x"}) as mirror, Registry(auth=("me", "secret")) as r:
        pare("copy", "--creds", "me:secret", image(tmp_path), "docker://%s/a/b:1" % r.host)
        env = conf(pare, '[[registry]]\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\n' % (r.host, mirror.host))
        for more in ([], ["--creds", "me:secret"]):
            if not more:
                login(pare, r)
            pare("copy", *more, "docker://%s/a/b:1" % r.host, "oci:%s:1" % (tmp_path / ("out%d" % len(more))), env=env)
        assert mirror.asked and not any("Authorization" in h for _, _, h in mirror.asked)


class Cut:
    """In front of a registry: the connection of the n-th request of a method ends after so many bytes of it."""

    def __init__(self, port, method, cuts):
        self.up, self.method, self.cuts, self.log, self.sent = port, method, list(cuts), [], 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
                u = socket.create_connection(("127.0.0.1", self.up))
            except OSError:
                return
            threading.Thread(target=self.back, args=(u, c), daemon=True).start()
            threading.Thread(target=self.forth, args=(c, u), daemon=True).start()

    def back(self, u, c):
        try:
            while piece := u.recv(65536):
                c.sendall(piece)
        except OSError:
            pass
        self.hang_up(u, c)

    def forth(self, c, u):
        left = None
        try:
            while piece := c.recv(65536):
                for m in re.finditer(rb"(GET|HEAD|PUT|POST|PATCH) (\S+) HTTP/1.1\r\n((?:[^\r]+\r\n)*)", piece):
                    self.log.append((m[1].decode(), m[2].decode(), m[3].decode("latin-1")))
                    if m[1].decode() == self.method and self.cuts:
                        left = self.cuts.pop(0)
                if left is not None and left < len(piece):
                    u.sendall(piece[:left])
                    break
                left = None if left is None else left - len(piece)
                self.sent += len(piece)
                u.sendall(piece)
        except OSError:
            pass
        self.hang_up(c, u)

    @staticmethod
    def hang_up(*sockets):
        for s in sockets:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.mark.parametrize("method,cuts", [("PATCH", [5 << 20]), ("PATCH", [100]), ("PUT", [20])], ids=["piece", "head", "end"])
def test_uploads_that_break_off(pare, tmp_path, method, cuts):
    with Registry() as r, Cut(r.port, method, cuts) as cut:
        pare("copy", "--compression", "none", image(tmp_path, 40 << 20), "docker://%s/a/b:1" % cut.host)
        assert not cut.cuts and any(m == "PATCH" for m, _, _ in cut.log)
        pare("copy", "docker://%s/a/b:1" % r.host, "oci:%s:1" % (tmp_path / "out"))  # verifies every byte


class Slices(Fake):
    """Takes blobs in pieces; what it got of one that broke off stays, and may be asked for."""

    def __init__(self, **kw):
        self.parts, self.hang_up, self.received = {}, [], 0
        super().__init__(**kw)

    def any(self, h):
        path = h.path.split("?")[0]
        if h.command == "PATCH":
            part, n = self.parts.setdefault(path, bytearray()), int(h.headers["Content-Length"])
            first = int(h.headers["Content-Range"].split("-")[0])
            if first != len(part):
                h.rfile.read(n)
                return answer(416, Location=h.path, Range="0-%d" % max(0, len(part) - 1))(h)
            if self.hang_up:
                n = self.hang_up.pop(0)
                part += h.rfile.read(n)
                self.received += n
                h.close_connection = True
                return None
            part += h.rfile.read(n)
            self.received += n
            return answer(202, Location=h.path, Range="0-%d" % (len(part) - 1))(h)
        if h.command == "GET" and "/uploads/" in path:
            return answer(204, Location=h.path, Range="0-%d" % max(0, len(self.parts.get(path, b"")) - 1))(h)
        if h.command == "PUT" and path in self.parts:
            body = bytes(self.parts[path])
            self.blobs["sha256:" + hashlib.sha256(body).hexdigest()] = body
            return answer(201)(h)
        return super().any(h)


def test_uploads_go_on_where_they_broke_off(pare, tmp_path):
    with Slices() as r:
        r.hang_up = [5 << 20, 1, 0, 9 << 20]
        pare("copy", "--compression", "none", image(tmp_path, 40 << 20), "docker://%s/a/b:1" % r.host)
        assert not r.hang_up
        blob = max(r.blobs.values(), key=len)
        assert r.received == len(blob)  # each byte once
        assert sum(m == "POST" for m, _, _ in r.asked) == 2


def test_pages_of_tags(pare):
    with Fake() as r:
        r.server.routes["/v2/a/b/tags/list"] = [answer(200, b'{"tags":["b","a","a"]}', Link='</v2/a/b/tags/list?last=b&n=2>; rel="next"'),
                                                answer(200, b'{"tags":["c\\u001b",1,null]}')]
        assert pare("tags", "docker://%s/a/b" % r.host).out.split("\n")[:2] == ["a", "b"]
        r.server.routes["/v2/a/b/tags/list"] = answer(200, b'{"tags":null}')
        assert pare("tags", "docker://%s/a/b" % r.host).out == ""
        for body in (b"{", b"[" * 1000):
            r.server.routes["/v2/a/b/tags/list"] = answer(200, body)
            assert pare("tags", "docker://%s/a/b" % r.host, status=4).err.count("\n") == 1
        for where in ("http://other.example/v2/a/b/tags/list", "?n=1000", "file:///x"):  # half of a list does not pass for all of it
            r.server.routes["/v2/a/b/tags/list"] = answer(200, b'{"tags":["a"]}', Link="<%s>; rel=next" % where)
            out = pare("tags", "docker://%s/a/b" % r.host, status=4)
            assert out.out == "" and "next page" in out.err and out.err.count("\n") == 1
        r.server.routes["/v2/a/b/tags/list"] = answer(429, RateLimit_Limit="100;w=21600", Retry_After="0")
        e = pare("tags", "docker://%s/a/b" % r.host, status=4).err
        assert "100 in 6 hours" in e and e.count("\n") == 1


def test_schema_1_is_refused(pare, tmp_path):
    with Fake() as r:
        r.manifests["a/b", "1"] = ("application/vnd.docker.distribution.manifest.v1+prettyjws", b"{}")
        assert "schema 1" in pare("copy", "docker://%s/a/b:1" % r.host, "oci:%s:1" % (tmp_path / "out"), status=3).err


def test_deleting(pare, tmp_path):
    with Registry() as r:
        name = "%s/a/b" % r.host
        pare("copy", image(tmp_path), "docker://%s:1" % name)
        d = digest(r, "a/b", "1")
        e = pare("delete", "--yes", "docker://%s:1" % name, status=4).err  # this one deletes no tags: nothing goes in the tag's place
        assert "digest" in e and e.count("\n") == 1 and digest(r, "a/b", "1") == d
        pare("delete", "--yes", "--force-digest", "docker://%s@%s" % (name, d))
        assert r.request("GET", "/v2/a/b/manifests/" + d)[0] == 404
    with Registry(delete=False) as r:
        pare("copy", image(tmp_path), "docker://%s/a/b:1" % r.host)
        d = digest(r, "a/b", "1")
        assert "switched off" in pare("delete", "--yes", "--force-digest", "docker://%s/a/b@%s" % (r.host, d), status=4).err


def test_tokens_that_expire_on_the_way(pare, tmp_path):
    with Fake(auth="bearer", users={"me": "secret"}) as r:
        def expire(h):
            r.tokens.clear()
            answer(401, WWW_Authenticate='Bearer realm="%s/token",service="x"' % r.url)(h)

        alone = ("--parallel", "1")  # else a request may meet two that expire, and twice is a refusal
        for key in (("PUT", "uploads"), ("PUT", "manifests"), ("POST", "uploads")):
            r.before[key] = expire
        pare("copy", *alone, "--creds", "me:secret", image(tmp_path), "docker://%s/a/b:1" % r.host)
        for key in (("GET", "blobs"), ("GET", "manifests")):
            r.before[key] = expire
        pare("copy", *alone, "--creds", "me:secret", "docker://%s/a/b:1" % r.host, "oci:%s:1" % (tmp_path / "out"))
        assert not r.before
        told = [p for _, p, h in r.asked if h.get("Authorization", "").startswith("Basic ")]
        assert told and all(p.startswith("/token") for p in told)
        r.users = {"me": "changed"}
        r.tokens.clear()
        e = pare("copy", "--creds", "me:secret", "docker://%s/a/b:1" % r.host, "oci:%s:2" % (tmp_path / "out"), status=4).err
        assert "401" in e and "secret" not in e and e.count("\n") == 1


def test_what_another_repository_has_is_mounted(pare, tmp_path):
    with Registry(auth=("me", "secret")) as r:
        login(pare, r)
        pare("copy", image(tmp_path, 3 << 20), "docker://%s/a/b:1" % r.host)
        with Cut(r.port, "", []) as between:
            # the same registry by another name: what is mounted is not sent
            pare("copy", "--creds", "me:secret", "docker://%s/a/b:1" % between.host, "docker://%s/c/d:1" % between.host)
            assert any("mount=" in p for _, p, _ in between.log) and between.sent < 1 << 20
        assert digest(r, "c/d", "1") == digest(r, "a/b", "1")


class Drips(Fake):
    """Sends a few bytes of a blob, from where it was asked to, and hangs up."""

    def any(self, h):
        last = h.path.rsplit("/", 1)[1]
        if h.command != "GET" or "/blobs/" not in h.path or len(self.blobs[last]) < 10000:
            return super().any(h)
        blob, first = self.blobs[last], int(h.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        h.send_response(206 if first else 200)
        h.send_header("Content-Range", "bytes %d-%d/%d" % (first, len(blob) - 1, len(blob)))
        h.send_header("Content-Length", str(len(blob) - first))
        h.end_headers()
        h.wfile.write(blob[first:first + 9000])
        h.close_connection = True
        return None


def test_a_way_that_holds_for_a_few_bytes(pare, tmp_path):
    with Drips() as r:
        pare("copy", "--compression", "none", image(tmp_path, 50000), "docker://%s/a/b:1" % r.host)
        pare("copy", "--attempts", "2", "docker://%s/a/b:1" % r.host, "oci:%s:1" % (tmp_path / "out"))  # verifies every byte
        ranges = [int(h["Range"][6:-1]) for m, p, h in r.asked if "Range" in h]
        assert ranges == list(range(9000, ranges[-1] + 1, 9000))  # no byte twice


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_what_is_redirected_is_there(pare, tmp_path, status):
    with Fake() as r:
        r.before["HEAD", "blobs"] = answer(status, Location="http://127.0.0.1:1/x")
        pare("copy", "--attempts", "1", image(tmp_path), "docker://%s/a/b:1" % r.host)
        assert r.uploads == 1  # of two: the configuration and a layer
