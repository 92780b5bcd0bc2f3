"""pare sign by two at once: cosign's tag is read and then written, and neither signature may be lost."""
import http.server
import json
import threading

from tagslib import push
from trustlib import SIGNATURE, make_key


class Between:
    """In front of a registry: `act` is called once, when the first manifest is on its way to a tag of signatures."""

    def __init__(self, registry, act):
        todo = [act]

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command == "PUT" and self.path.endswith(".sig") and todo:
                    todo.pop()()
                code, headers, body = registry.request(self.command, self.path.replace(self.headers["Host"], registry.host), body, {**dict(self.headers), "Host": registry.host})
                self.send_response(code)
                for k, v in headers.items():
                    if k.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(k, v.replace(registry.host, self.headers["Host"]))
                self.send_header("Content-Length", headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = answer

            def log_message(self, *args):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = "127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_the_tag_is_written_by_another_meanwhile(pare, registry, tmp_path):
    digest = push(pare, registry, "two/app:1", 1, tmp_path / "a")
    (mine, _), (theirs, _) = keys = make_key(tmp_path, "mine"), make_key(tmp_path, "theirs")

    def sign(host, key):
        pare("sign", "docker://%s/two/app@%s" % (host, digest), "--key", key, "--identity", "r.example/app:1")

    with Between(registry, lambda: sign(registry.host, theirs)) as between:
        sign(between.host, mine)
    tag = "/v2/two/app/manifests/%s.sig" % digest.replace(":", "-")
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    before = registry.request("GET", tag, headers=accept)[2]
    assert len({e["annotations"][SIGNATURE] for e in json.loads(before)["layers"]}) == 2
    for key in mine, theirs:  # nothing is left to be done
        sign(registry.host, key)
    assert registry.request("GET", tag, headers=accept)[2] == before
    for _, pub in keys:
        assert pare("verify", "docker://%s/two/app:1" % registry.host, "--key", pub, "--format", "json").json()["holds"]
