"""pare prune --registry, on a registry as Debian ships it."""
import http.server
import json
import threading

from tagslib import image, tags_of


def test_prune_registry(pare, registry, tmp_path):
    """Old tags go with what only they need; what a tag that stays needs, stays; what refers to an image is of its fate."""
    digests = {}
    for n in range(1, 5):
        made = "2020-01-0%dT00:00:00Z" % n
        image(n, extra={"created": made}).oci(tmp_path / str(n))
        pare("copy", "oci:%s" % (tmp_path / str(n)), "docker://%s/p/app:%d" % (registry.host, n))
        digests[n] = json.loads((tmp_path / str(n) / "index.json").read_text())["manifests"][0]["digest"]
    name = "%s/p/app" % registry.host
    pare("copy", "oci:%s" % (tmp_path / "2"), "docker://%s:stable" % name)
    image(9).oci(tmp_path / "sig")
    pare("copy", "oci:%s" % (tmp_path / "sig"), "docker://%s:%s.sig" % (name, digests[1].replace(":", "-")))
    pare("copy", "oci:%s" % (tmp_path / "sig"), "docker://%s:sha256-%s.sig" % (name, "0" * 64))
    everything = tags_of(registry, "p/app")
    out = pare("prune", "--registry", name, "--keep", "2", "--protect", "stable", "--dry-run")
    assert tags_of(registry, "p/app") == everything, out
    pare("prune", "--registry", name, "--keep", "2", "--protect", "stable", "--yes", status=None)
    left = tags_of(registry, "p/app")
    assert "1" not in left and digests[1].replace(":", "-") + ".sig" not in left, left
    assert {"3", "4", "stable"} <= set(left)
    for n in (2, 3, 4):
        assert registry.request("GET", "/v2/p/app/manifests/" + digests[n], headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[0] == 200
    assert registry.request("GET", "/v2/p/app/manifests/" + digests[1], headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[0] == 404


def test_what_is_said_to_be_freed_is_what_went(pare, registry, tmp_path):
    """A manifest of which only the signature has a tag gets one itself after it was listed: both stay, and nothing was freed."""
    for n in 1, 2:
        image(n).oci(tmp_path / str(n))
    digest = json.loads((tmp_path / "1" / "index.json").read_text())["manifests"][0]["digest"]
    text = (tmp_path / "1" / "blobs" / digest.replace(":", "/")).read_bytes()
    name, kind = "f/app", {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}

    def put(which):
        assert registry.request("PUT", "/v2/%s/manifests/%s" % (name, which), text, kind)[0] == 201
    pare("copy", "oci:%s" % (tmp_path / "1"), "docker://%s/%s@%s" % (registry.host, name, digest))
    pare("copy", "oci:%s" % (tmp_path / "2"), "docker://%s/%s:%s.sig" % (registry.host, name, digest.replace(":", "-")))
    with Listed(registry, {2: lambda: put("new")}) as between:
        r = pare("prune", "--registry", "%s/%s" % (between.host, name), "--yes", "--format", "json").json()
    assert r["freed"] == 0 and [i["goes"] for i in r["items"]] == [True]
    assert tags_of(registry, name) == ["new", digest.replace(":", "-") + ".sig"]
    assert pare("prune", "--registry", "%s/%s" % (registry.host, name), "--all", "--dry-run", "--format", "json").json()["items"][0]["bytes"] > 0
    said = pare("prune", "--registry", "%s/%s" % (registry.host, name), "--all", "--yes", "--format", "json").json()
    assert said["freed"] == sum(i["bytes"] for i in said["items"]) > 1000 and tags_of(registry, name) == []


class Listed:
    """In front of a registry: `acts` by how many times its tags were asked for, called before they are answered."""

    def __init__(self, registry, acts):
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                if "/tags/list" in self.path:
                    asked.append(self.path)
                    acts.get(len(asked), lambda: None)()
                code, headers, body = registry.request(self.command, self.path, b"", {**dict(self.headers), "Host": registry.host})
                self.send_response(code)
                for k, v in headers.items():
                    if k.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(k, v)
                self.send_header("Content-Length", headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
            do_GET = do_HEAD = do_DELETE = answer

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
