"""A small HTTP server for tests: each path has a list of things to do, one a request, the last one from then on; what was asked is remembered. And a registry."""
import base64
import contextlib
import hashlib
import http.server
import json
import threading
import urllib.parse


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Server:
    """routes: path → list of functions of a handler, or one. `asked`: (method, path, headers) in their order."""

    def __init__(self, routes=None, fallback=None, tls=None):
        self.routes, self.fallback, self.asked, self.turn = dict(routes or {}), fallback, [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def any(self):
                outer.asked.append((self.command, self.path, dict(self.headers)))
                path = self.path.split("?")[0]
                todo = outer.routes.get(path, outer.fallback)
                if todo is None:
                    return answer(404)(self)
                if isinstance(todo, list):
                    n = outer.turn.get(path, 0)
                    outer.turn[path] = n + 1
                    todo = todo[min(n, len(todo) - 1)]
                todo(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = any

        self.http = Quiet(("127.0.0.1", 0), Handler)
        if tls:
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.host = "127.0.0.1:%d" % self.port
        self.url = "%s://%s" % ("https" if tls else "http", self.host)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def gets(self, path):
        return [h for m, p, h in self.asked if p.split("?")[0] == path]

    def close(self):
        self.http.shutdown()
        self.http.server_close()


@contextlib.contextmanager
def serving(*args, **kw):
    s = Server(*args, **kw)
    try:
        yield s
    finally:
        s.close()


def answer(status, body=b"", **headers):
    def f(h):
        h.send_response(status)
        for k, v in headers.items():
            h.send_header(k.replace("_", "-"), v)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        if h.command != "HEAD":
            h.wfile.write(body)
    return f


def document(body, etag=None, modified=None, **headers):
    """As a publisher serves it: validators, 304, ranges."""
    def f(h):
        more = dict(headers)
        if etag:
            more["ETag"] = etag
        if modified:
            more["Last-Modified"] = modified
        asked = h.headers
        if (etag and asked.get("If-None-Match") == etag) or (not etag and modified and asked.get("If-Modified-Since") == modified):
            return answer(304, **more)(h)
        if asked.get("Range") and asked.get("If-Range") in (etag, modified):
            first = int(asked["Range"][6:].rstrip("-"))
            if first >= len(body):
                return answer(416, Content_Range="bytes */%d" % len(body))(h)
            return answer(206, body[first:], Content_Range="bytes %d-%d/%d" % (first, len(body) - 1, len(body)), **more)(h)
        answer(200, body, **more)(h)
    return f


def cut(body, at, **headers):
    """Promises all of it and hangs up after `at` bytes."""
    def f(h):
        h.send_response(200)
        for k, v in headers.items():
            h.send_header(k.replace("_", "-"), v)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body[:at])
        h.wfile.flush()
        h.close_connection = True
    return f


def query(path):
    return dict(urllib.parse.parse_qsl(path.partition("?")[2]))


class Registry:
    """A registry that keeps blobs and manifests in memory. auth: None, "basic" or "bearer" (its realm is `realm`, by default a path of its own); users: name → password.
    before: (method, kind of path) → function of the handler that answers instead, once."""

    def __init__(self, auth=None, users=None, realm=None, location=None, tls=None):
        self.blobs, self.manifests, self.auth, self.users, self.before, self.location = {}, {}, auth, users or {}, {}, location
        self.realm, self.tokens, self.uploads = realm, set(), 0
        self.server = Server(fallback=self.any, tls=tls)
        self.host, self.url, self.asked = self.server.host, self.server.url, self.server.asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def authorized(self, h):
        given = h.headers.get("Authorization", "")
        if self.auth == "basic":
            return given in {"Basic " + base64.b64encode(("%s:%s" % u).encode()).decode() for u in self.users.items()}
        return self.auth is None or given.removeprefix("Bearer ") in self.tokens

    def token(self, h):
        """Who has a password, or nobody when no users are known, gets one for what is asked."""
        given = h.headers.get("Authorization", "")
        q = query(h.path)
        if h.command == "POST":
            q = dict(urllib.parse.parse_qsl(h.rfile.read(int(h.headers["Content-Length"])).decode()))
            allowed = q.get("grant_type") == "refresh_token" and q.get("refresh_token") in self.users.values()
        else:
            allowed = not self.users or given in {"Basic " + base64.b64encode(("%s:%s" % u).encode()).decode() for u in self.users.items()}
        if not allowed:
            return answer(401)(h)
        token = "t%d-%s" % (len(self.tokens), q["scope"])
        self.tokens.add(token)
        answer(200, json.dumps({"access_token" if h.command == "POST" else "token": token}).encode())(h)

    def any(self, h):
        path = h.path.split("?")[0]
        body = h.rfile.read(int(h.headers.get("Content-Length") or 0)) if h.command in ("PUT", "PATCH") or (h.command == "POST" and path != "/token") else b""
        if path == "/token":
            return self.before.pop((h.command, "token"), self.token)(h)
        kind = "uploads" if "/blobs/uploads/" in path else "blobs" if "/blobs/" in path else "manifests" if "/manifests/" in path else "v2"
        special = self.before.pop((h.command, kind), None)
        if special:
            return special(h)
        if not self.authorized(h):
            if self.auth == "basic":
                return answer(401, WWW_Authenticate='Basic realm="test"')(h)
            return answer(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}',
                          WWW_Authenticate='Bearer realm="%s",service="test, \\"x\\"",scope="repository:other/thing:pull,push,delete"' % (self.realm or self.url + "/token"))(h)
        if kind == "v2":
            return answer(200, b"{}")(h)
        name = path.split("/blobs/")[0].split("/manifests/")[0].removeprefix("/v2/")
        last = path.rsplit("/", 1)[1]
        if kind == "manifests" and h.command == "PUT":
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            self.manifests[name, last] = self.manifests[name, digest] = (h.headers["Content-Type"], body)
            return answer(201, Docker_Content_Digest=digest)(h)
        if kind == "manifests":
            if (name, last) not in self.manifests:
                return answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')(h)
            mime, text = self.manifests[name, last]
            return answer(200, text, Content_Type=mime + "; charset=utf-8", Docker_Content_Digest="sha256:" + hashlib.sha256(text).hexdigest())(h)
        if kind == "uploads" and h.command == "POST":
            self.uploads += 1
            where = "/v2/%s/blobs/uploads/%d?state=x" % (name, self.uploads)
            return answer(202, Location=(self.location or "") + where)(h)
        if kind == "uploads" and h.command == "PUT":
            digest = query(h.path)["digest"]
            if digest != "sha256:" + hashlib.sha256(body).hexdigest():
                return answer(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"digest invalid"}]}')(h)
            self.blobs[digest] = body
            return answer(201, Docker_Content_Digest=digest)(h)
        if last not in self.blobs:
            return answer(404)(h)
        blob, asked = self.blobs[last], h.headers.get("Range")
        if asked:
            first = int(asked[6:].rstrip("-"))
            return answer(206, blob[first:], Content_Range="bytes %d-%d/%d" % (first, len(blob) - 1, len(blob)))(h)
        answer(200, blob)(h)
