"""A proxy on loopback that stands in front of a registry and does what networks and bad servers do, by a seed: what it did, and every header and byte range, is recorded.

    with FaultProxy(registry_host, Plan(seed=7)) as proxy:
        pare("copy", "docker://%s/app:1" % proxy.host, "oci:out")
        proxy.exchanges          # what was asked, what was done to it, how many bytes went each way
        proxy.other.exchanges    # what reached the host that redirects, realms and upload locations name: no credential may

It is asked as if it were the registry (programs ask no proxy for this machine); the name in Host goes through, so that the registry's locations lead here again. With `tls` it speaks TLS, with
`tokens` it wants tokens of that server, for the repository and what is done there; with `pages` a list of tags comes in pages of so many.
The same seed does the same to the same requests: which fault, if any, depends on the method, the path and how often that was asked, never on the order of threads.
"""
import base64
import hashlib
import http.client
import itertools
import json
import random
import re
import select
import socket
import socketserver
import threading
import time
import urllib.parse

MiB = 1 << 20
NUMBERS = itertools.count()
UNREAD = MiB  # that buffers hold on the way
ENDLESS = 64 * MiB  # where even an endless body ends: a client that takes that much has no limit
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "trailer", "upgrade"}

READS = {"manifest", "blob", "tags", "referrers", "token"}
WRITES = {"start", "part", "finish", "put", "delete"}
ANY = READS | WRITES | {"has", "state"}
SOON = ANY | {"ping"}
# name → the kinds of requests it can happen to
PASSING = {  # what another attempt gets over
    "drop": SOON,             # hangs up without a word
    "cut": READS,             # hangs up within the body
    "cut-request": {"part", "finish", "put"},  # hangs up within the body of the request; the registry gets as much of it
    "lost": {"part", "finish", "put", "delete"},  # the registry has it, and its answer gets lost
    "delay": SOON,
    "trickle": READS,
    "silence": READS,         # says nothing more until the other side hangs up
    "429": SOON, "500": SOON, "503": SOON,
    "429-date": ANY,          # a moment by the server's clock, which is years ahead
    "longer": READS,          # promises more bytes than there are
    "no-range": {"blob"},     # sends all of it, whatever range was asked for
    "redirect": {"blob"},     # to the other host, which has it
    "no-mount": {"start"},    # nothing is mounted: the blob is to be sent
    "handshake": {"connection"},  # hangs up before TLS is spoken
}
LASTING = {  # what a client may fail of
    "401": ANY, "403": ANY, "404": ANY,
    "realm": ANY,             # tokens are to be had at the other host
    "429-long": ANY,          # come back in an hour
    "loop": {"blob", "manifest"},
    "scheme": {"blob", "manifest"},  # a redirect to a file
    "astray": {"blob"},       # a redirect to the other host, which wants to know who asks
    "next": {"tags"},         # the next page is at the other host
    "circle": {"tags"},       # the next page is this one
    "kept-as": {"finish", "put"},  # it says that it keeps something else
    "elsewhere": {"start"},   # the upload goes to the other host
    "bad-range": {"blob"},    # another range than was asked for
}
CONTENT = {  # what was sent is wrong: status 3 is right, too
    "shorter": READS,         # fewer bytes, and says so
    "flip": {"manifest", "blob"},
    "truncated": {"manifest", "tags", "referrers", "token"},
    "endless": READS,
    "garbage": {"manifest", "tags", "referrers", "token"},
}
FAULTS = {**PASSING, **LASTING, **CONTENT}


def kind_of(method, path):
    path = path.split("?")[0]
    if "/blobs/uploads" in path:
        return {"POST": "start", "PATCH": "part", "PUT": "finish"}.get(method, "state")
    if "/blobs/" in path or "/manifests/" in path:
        if method == "GET":
            return "blob" if "/blobs/" in path else "manifest"
        return {"HEAD": "has", "PUT": "put", "DELETE": "delete"}.get(method, "other")
    if path.endswith("/tags/list"):
        return "tags"
    if "/referrers/" in path:
        return "referrers"
    return "ping" if path == "/v2/" else "token" if "token" in path else "other"


class Plan:
    """What to do to which request. faults: names that may happen; rate: how likely; most: how often at most to one method and path. lasting: (fault, kind): from the first on, always."""

    def __init__(self, seed=0, faults=tuple(PASSING), rate=0.3, most=2, lasting=None):
        self.seed, self.faults, self.rate, self.most, self.lasting = seed, sorted(faults), rate, most, lasting
        self.lock, self.asked, self.done = threading.Lock(), {}, {}

    def choose(self, method, path, kind=None):
        """(fault or None, random numbers of this request)"""
        kind = kind or kind_of(method, path)
        key = method, kind if kind in ("part", "finish", "state") else path.split("?")[0]
        with self.lock:
            n = self.asked[key] = self.asked.get(key, -1) + 1
            rng = random.Random("%s %s %s %s" % (self.seed, *key, n))
            if self.lasting and self.lasting[1] == kind:
                return self.lasting[0], rng
            able = [f for f in self.faults if kind in FAULTS[f]]
            if not able or rng.random() >= self.rate or self.done.get(key, 0) >= self.most:
                return None, rng
            self.done[key] = self.done.get(key, 0) + 1
            return rng.choice(able), rng

    def __repr__(self):
        return "Plan(seed=%r, faults=%r, rate=%r, most=%r, lasting=%r)" % (self.seed, self.faults, self.rate, self.most, self.lasting)


class Exchange:
    def __init__(self, method, path, headers, fault):
        self.method, self.path, self.headers, self.fault = method, path, headers, fault
        self.kind, self.status, self.number = kind_of(method, path), None, next(NUMBERS)
        self.got, self.sent = 0, 0  # bytes of the bodies that came, that were sent
        self.asked = self.first = 0 # where the range begins that was asked for, that was sent
        m = re.match(r"bytes=(\d+)-", self.header("range") or "")
        if m:
            self.asked = int(m[1])
        self.answer, self.body, self.left = [], b"", False  # left: the client hung up

    def header(self, name):
        return next((v for k, v in self.headers if k.lower() == name), None)

    def answered(self, name):
        return next((v for k, v in self.answer if k.lower() == name), None)

    def __repr__(self):
        return "%s %s %s -> %s %s, %d bytes from %d, %d came" % (self.method, self.path, self.header("range") or self.header("content-range") or "", self.status, self.fault or "",
                                                             self.sent, self.first, self.got)


class HungUp(Exception):
    pass


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads, allow_reuse_address, request_queue_size = True, True, 64

    def handle_error(self, request, client_address):
        pass


class Listener:
    """A port that records what it is asked and passes it on, or answers it itself (`answers`: exchange and body → status, headers, body)."""
    pages, tokens, other, basic, subjects = 0, None, None, None, None

    def __init__(self, upstream, plan=None, headers=(), tls=None, answers=None):
        self.upstream, self.plan, self.headers, self.answers = upstream, plan, list(headers), answers
        self.exchanges, self.errors, self.lock = [], [], threading.Lock()
        self.scheme = "https" if tls else "http"
        if tls:  # where the registry says that things are
            self.headers.append(("X-Forwarded-Proto", "https"))
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self):
                if tls:
                    self.request.settimeout(10)
                    if plan and plan.choose("", "", "connection")[0]:
                        raise HungUp
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle(self):
                Connection(outer, self.connection, self.rfile).run()

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.host = "127.0.0.1:%d" % self.port
        self.url = "%s://%s" % (self.scheme, self.host)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Tokens(Listener):
    """Where tokens are to be had, for who is in users (name → password, or a refresh token under None); by a plan of its own. uses: how often each of them counts."""

    def __init__(self, users, plan=None, tls=None, uses=1 << 30):
        self.users, self.uses, self.issued = users, uses, {}
        super().__init__(None, plan, (), tls, self.issue)

    def issue(self, x, body):
        form = urllib.parse.parse_qs(body.decode() if x.method == "POST" else x.path.partition("?")[2])
        known = {"Basic " + base64.b64encode(("%s:%s" % u).encode()).decode() for u in self.users.items() if u[0]}
        allowed = form.get("refresh_token") == [self.users.get(None)] if x.method == "POST" else x.header("authorization") in known
        if not allowed:
            return 401, [], b'{"errors":[{"code":"UNAUTHORIZED","message":"nobody knows you"}]}'
        with self.lock:
            name = "token-" + hashlib.sha256(("%d %d" % (self.port, len(self.issued))).encode()).hexdigest()[:40]
            self.issued[name] = [form.get("scope", []), self.uses]
        return 200, [("Content-Type", "application/json")], json.dumps({"token": name, "expires_in": 300}).encode()

    def takes(self, x):
        """Whether the request has a token for what it wants."""
        name = (x.header("authorization") or "").removeprefix("Bearer ")
        repo = re.match(r"/v2/(.*?)/(?:blobs|manifests|tags|referrers)/", x.path)
        need = "delete" if x.method == "DELETE" and x.kind == "delete" else "pull" if x.method in ("GET", "HEAD") else "push"
        with self.lock:
            token = self.issued.get(name)
            if not token or token[1] <= 0:
                return False
            token[1] -= 1
            return not repo or any(t.startswith("repository:%s:" % repo[1]) and need in t.rsplit(":", 1)[1].split(",") for t in token[0])


class FaultProxy(Listener):
    """upstream: "host:port" of a registry by plain HTTP. headers: what the other host sends to the registry, to serve from it (the test's own Authorization); with `own` so does this one."""

    def __init__(self, upstream, plan=None, headers=(), tls=None, tokens=None, pages=0, own=False):
        self.tokens, self.pages = tokens, pages
        self.other = Listener(upstream, None, headers, tls)
        super().__init__(upstream, plan or Plan(rate=0), headers if own else (), tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self.other.close()

    def faults(self):
        return sorted({x.fault for x in self.exchanges if x.fault})


class Connection:
    def __init__(self, listener, sock, rfile):
        self.listener, self.sock, self.rfile = listener, sock, rfile
        self.up = None
        sock.settimeout(60)

    # --- the client's side ---
    def run(self):
        try:
            while self.one():
                pass
        except (HungUp, OSError):
            pass
        except Exception as e:  # of this file, not of the client: the test has to see it
            self.listener.errors.append(e)
        finally:
            if self.up:
                self.up.close()
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()

    def hang_up(self):
        """After what was sent has arrived: no reset."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        raise HungUp

    def one(self):
        line = self.rfile.readline(65536).decode("latin-1").split()
        if len(line) != 3 or not line[0].isalpha():  # the end, or TLS is tried
            return False
        headers = []
        while (h := self.rfile.readline(65536).decode("latin-1").rstrip("\r\n")):
            name, _, value = h.partition(":")
            headers.append((name.strip(), value.strip()))
        plan = self.listener.plan
        fault, rng = plan.choose(line[0], line[1]) if plan else (None, random.Random(0))
        x = Exchange(line[0], line[1], headers, fault)
        with self.listener.lock:
            self.listener.exchanges.append(x)
        if (x.header("expect") or "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.body(x, rng)
        self.serve(x, body, rng)
        return (x.header("connection") or "").lower() != "close"

    def body(self, x, rng):
        """The request's; with "cut-request" only some of it."""
        length, parts = x.header("content-length"), []
        if length is not None:
            length = int(length)
            want = rng.randrange(length) if x.fault == "cut-request" and length else length
            while x.got < want:
                piece = self.rfile.read(min(65536, want - x.got))
                if not piece:
                    raise HungUp
                parts.append(piece)
                x.got += len(piece)
            if want < length:
                self.pass_on_cut(x, b"".join(parts), length)
        elif (x.header("transfer-encoding") or "").lower() == "chunked":
            while True:
                n = int(self.rfile.readline(100).split(b";")[0] or b"0", 16)
                piece = self.rfile.read(n + 2)[:n]
                if x.fault == "cut-request" and x.got + n > MiB // 4:
                    raise HungUp
                if not n:
                    break
                parts.append(piece)
                x.got += n
        x.body = b"".join(parts) if x.kind in ("token", "start") else b""
        return b"".join(parts)

    def pass_on_cut(self, x, body, length):
        host, _, port = self.listener.upstream.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as s:
            head = ["%s %s HTTP/1.1" % (x.method, x.path)] + ["%s: %s" % h for h in self.forwarded(x)] + ["Content-Length: %d" % length, "", ""]
            s.sendall("\r\n".join(head).encode("latin-1") + body)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(2)
            try:
                while s.recv(65536):
                    pass
            except OSError:
                pass
        self.hang_up()

    # --- the registry's side ---
    def forwarded(self, x, drop=()):
        more = self.listener.headers
        own = {k.lower() for k, _ in more}
        return [(k, v) for k, v in x.headers if k.lower() not in HOP and k.lower() not in own and k.lower() not in drop] + more

    def ask(self, x, body, drop=()):
        """(status, headers, body) of the registry."""
        if self.listener.answers:
            status, headers, data = self.listener.answers(x, body)
            return status, headers, data, None
        for again in (True, False):
            try:
                if not self.up:
                    host, _, port = self.listener.upstream.rpartition(":")
                    self.up = http.client.HTTPConnection(host, int(port), timeout=60)
                self.up.putrequest(x.method, x.path.split("?")[0] if x.kind == "tags" or x.fault == "no-mount" else x.path, skip_host=True, skip_accept_encoding=True)
                for k, v in self.forwarded(x, drop):
                    self.up.putheader(k, v)
                if body or x.method in ("POST", "PUT", "PATCH"):
                    self.up.putheader("Content-Length", str(len(body)))
                self.up.endheaders(body or None)
                r = self.up.getresponse()
                data = r.read()
                return r.status, [(k, v) for k, v in r.getheaders() if k.lower() not in HOP], data, r.getheader("Content-Length")
            except (http.client.HTTPException, OSError):
                self.up.close()
                self.up = None
                if not again:
                    raise

    # --- answers ---
    def send(self, x, data):
        while data:
            piece = data[:65536]
            x.sent += len(piece)  # before the other side can have it
            try:
                n = self.sock.send(piece)
            except OSError:
                x.sent -= len(piece)
                x.left = True
                raise
            x.sent -= len(piece) - n
            data = data[n:]

    def head(self, x, status, headers, length):
        x.status, x.answer = status, headers
        m = re.match(r"bytes (\d+)-", x.answered("content-range") or "")
        x.first = int(m[1]) if m and status == 206 else 0
        lines = ["HTTP/1.1 %d %s" % (status, http.client.responses.get(status, "X"))] + ["%s: %s" % h for h in headers]
        if length is not None:
            lines.append("Content-Length: %s" % length)
        self.sock.sendall("\r\n".join(lines + ["", ""]).encode("latin-1"))

    def reply(self, x, status, headers=(), body=b"", length=None):
        self.head(x, status, list(headers), len(body) if length is None else length)
        if x.method != "HEAD":
            self.send(x, body)

    def refuse(self, x, status, *headers):
        self.reply(x, status, [("Content-Type", "application/json"), *headers], b'{"errors":[{"code":"X","message":"as the test wants it"}]}')

    def serve(self, x, body, rng):
        f = x.fault
        other, tokens = self.listener.other, self.listener.tokens
        if f == "drop":
            self.hang_up()
        elif f in ("500", "503", "403", "404"):
            return self.refuse(x, int(f))
        elif f == "429":
            return self.refuse(x, 429, ("Retry-After", "0"))
        elif f == "429-long":
            return self.refuse(x, 429, ("Retry-After", "3600"))
        elif f == "429-date":
            return self.refuse(x, 429, ("Date", "Fri, 01 Jan 2100 00:00:10 GMT"), ("Retry-After", "Fri, 01 Jan 2100 00:00:10 GMT"))
        elif f == "401":
            return self.refuse(x, 401, ("WWW-Authenticate", 'Basic realm="again"'))
        elif f == "realm":
            return self.refuse(x, 401, ("WWW-Authenticate", 'Bearer realm="%s/token",service="s"' % (other or self.listener).url))
        elif f == "loop":
            return self.reply(x, 307, [("Location", x.path)])
        elif f == "scheme":
            return self.reply(x, 307, [("Location", "file:///etc/hostname")])
        elif f == "redirect":
            return self.reply(x, 307, [("Location", other.url + x.path)])
        elif f == "astray":
            return self.reply(x, 307, [("Location", other.url + "/stranger")])
        elif f == "delay":
            time.sleep(rng.uniform(0.01, 0.1))
        if tokens and x.kind != "token" and not tokens.takes(x):
            x.fault = None
            return self.refuse(x, 401, ("WWW-Authenticate", 'Bearer realm="%s/token",service="test",scope="repository:other/thing:pull,push"' % tokens.url))
        if self.listener.basic and x.header("authorization") != self.listener.basic:
            x.fault = None
            return self.refuse(x, 401, ("WWW-Authenticate", 'Basic realm="test"'))
        if x.path == "/stranger":
            return self.refuse(x, 401, ("WWW-Authenticate", 'Bearer realm="%s/token",service="s"' % self.listener.url), ("WWW-Authenticate", 'Basic realm="s"'))
        status, headers, data, length = self.ask(x, body, ("range",) if f == "no-range" else ())
        if f == "lost":
            self.hang_up()
        if f == "kept-as" and status == 201:
            headers = [(k, "sha256:" + "5" * 64 if k.lower() == "docker-content-digest" else v) for k, v in headers]
        if self.listener.subjects is not None:
            status, headers, data = self.refer(x, body, status, headers, data)
        if x.kind == "tags" and status == 200:
            headers, data = self.page(x, headers, data)
        if f == "elsewhere":
            headers = [(k, urllib.parse.urljoin(other.url + "/", re.sub(r"^https?://[^/]+", "", v)) if k.lower() == "location" else v) for k, v in headers]
        if f == "bad-range" and status == 206:
            headers = [(k, re.sub(r"bytes \d+", "bytes 0", v) if k.lower() == "content-range" else v) for k, v in headers]
        if x.method == "HEAD" or status >= 300 or not data:
            return self.reply(x, status, headers, data, length if x.method == "HEAD" else None)
        self.damaged(x, status, headers, data, rng)

    def refer(self, x, body, status, headers, data):
        """Keeps the lists of referrers, which Debian's registry does not."""
        repo, subjects = re.match(r"/v2/(.*)/(?:manifests|referrers|blobs)/|", x.path)[1], self.listener.subjects
        if x.kind == "referrers":
            doc = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": subjects.get((repo, x.path.rsplit("/", 1)[1]), [])}
            return 200, [("Content-Type", doc["mediaType"])], json.dumps(doc).encode()
        subject = json.loads(body).get("subject") if x.kind == "put" and status == 201 else None
        if subject:
            one = {"mediaType": x.header("content-type"), "digest": "sha256:" + hashlib.sha256(body).hexdigest(), "size": len(body)}
            with self.listener.lock:
                of = subjects.setdefault((repo, subject["digest"]), [])
                if one not in of:
                    of.append(one)
            headers = headers + [("OCI-Subject", subject["digest"])]
        return status, headers, data

    def page(self, x, headers, data):
        """Of the tags: as many as a page has, and where the next one is."""
        doc, q = json.loads(data), dict(urllib.parse.parse_qsl(x.path.partition("?")[2]))
        tags = sorted(t for t in doc["tags"] or [] if t > q.get("last", ""))
        n = min(self.listener.pages or 1 << 30, int(q.get("n", 1 << 30)))
        doc["tags"] = tags[:n]
        where = x.path.split("?")[0]
        if x.fault == "next":
            headers = headers + [("Link", '<%s%s?n=1>; rel="next"' % (self.listener.other.url, where))]
        elif x.fault == "circle":
            headers = headers + [("Link", '<%s>; rel="next"' % x.path)]
        elif len(tags) > n:
            headers = headers + [("Link", '<%s?last=%s&n=%d>; rel="next"' % (where, tags[n - 1], n))]
        return headers, json.dumps(doc).encode()

    def damaged(self, x, status, headers, data, rng):
        f, n = x.fault, len(data)
        if f == "cut":
            self.reply(x, status, headers, data[:rng.randrange(n)], n)
            self.hang_up()
        if f == "longer":
            self.reply(x, status, headers, data, n + rng.randrange(1, 5000))
            self.hang_up()
        if f == "silence":
            self.reply(x, status, headers, data[:rng.randrange(n)], n)
            self.wait()
        if f == "trickle":
            self.head(x, status, headers, n)
            slow = min(n, 40)
            for i in range(slow):
                self.send(x, data[i:i + 1])
                time.sleep(0.002)
            return self.send(x, data[slow:])
        if f == "endless":
            return self.endless(x, status, headers, data)
        if f in ("shorter", "truncated"):
            data = data[:rng.randrange(n)]
        if f == "flip":
            at = rng.randrange(n)
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]
        if f == "garbage":
            data = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 200)))
        self.reply(x, status, headers, data)

    def wait(self):
        """Until the other side hangs up."""
        select.select([self.sock], [], [], 60)
        raise HungUp

    def endless(self, x, status, headers, data):
        self.head(x, status, headers + [("Transfer-Encoding", "chunked")], None)
        piece = (data * (65536 // len(data) + 1))[:65536]
        while x.sent < ENDLESS:
            self.sock.sendall(b"10000\r\n")
            self.send(x, piece)
            self.sock.sendall(b"\r\n")
        raise HungUp


# --- what the record must show ---
def fetched_again(exchanges):
    """(digest, bytes) of each break of a download: how many of those that were sent came again though the client had them. Where the server did not do as asked, or what it sent was
    wrong, the client is not to blame. When it hung up by itself (a machine so busy that it saw nothing come for too long), what was on its way it may not have."""
    have, again = {}, []
    for x in sorted(exchanges, key=lambda x: x.number):
        if x.kind != "blob" or x.status not in (200, 206):
            continue
        name = x.path.rsplit("/", 1)[1]
        if x.asked == x.first and have.get(name, 0) > x.first:
            again.append((name, have[name] - x.first))
        if x.fault in CONTENT or x.fault == "bad-range":
            have.pop(name, None)
        else:
            have[name] = max(have.get(name, 0), x.first + (max(0, x.sent - UNREAD) if x.left else x.sent))
    return again


def sent_twice(exchanges, chunk=0):
    """Of each blob that was asked for more than once: (digest, bytes) where that many, more than `chunk`, were sent again though the client had them."""
    twice = {}
    for name, n in fetched_again(exchanges):
        if n > chunk:
            twice[name] = twice.get(name, 0) + n
    return sorted(twice.items())


def sent_again(exchanges):
    """Of uploads: (bytes that were sent although the registry had said that it has them, the most that was sent again after a break, be it that the registry said it has them not)."""
    had, reached, known, most = {}, {}, 0, 0
    for x in sorted(exchanges, key=lambda x: x.number):
        upload = x.path.split("?")[0]
        if x.kind == "part" and x.header("content-range") and not x.header("content-range").startswith("*"):
            first = int(x.header("content-range").split("-")[0].split(" ")[-1])
            known += max(0, min(had.get(upload, 0), first + x.got) - first)
            most = max(most, min(reached.get(upload, 0), first + x.got) - first)
            reached[upload] = max(reached.get(upload, 0), first + x.got)
        if x.kind in ("part", "state") and x.status in (202, 204) and x.answered("range"):
            had[upload] = int(x.answered("range").split("-")[1]) + 1
            if x.answered("range") == "0-0":  # nothing, or one byte: it says the same of both
                had[upload] = 0
    return known, most


def text_of(x):
    """All of a request that could hold a secret."""
    return "\n".join([x.path] + ["%s: %s" % h for h in x.headers]) + "\n" + x.body.decode("latin-1")


def credentials_in(exchanges, secrets):
    """What reached a host that is not meant to have any."""
    return [text_of(x) for x in exchanges if x.header("authorization") or x.header("cookie") or any(s in text_of(x) for s in secrets)]
