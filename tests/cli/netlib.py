"""A small HTTP server for tests: each path has a list of things to do, one a request, the last one from then on; what was asked is remembered."""
import contextlib
import http.server
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
