"""Debian's docker-registry for the tests, on a free loopback port: plain, with a password, with TLS by a test authority, as a mirror of another one.

    with Registry(auth=("me", "secret"), tls=True) as r:
        r.host   # "127.0.0.1:41234"
        r.ca     # the authority's certificate; certs_d(directory) writes it where clients look
        r.get("/v2/_catalog")
"""
import base64
import http.client
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

import pytest

OPENSSL = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]


def _tool(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    if not path:
        pytest.skip("%s is not installed" % name)
    return path


def authority(directory):
    """Makes ca.pem and, signed by it for 127.0.0.1 and localhost, server.pem, server.key, client.pem and client.key."""
    def run(*args):
        subprocess.run(args, check=True, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    _tool("openssl")
    run(*OPENSSL, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
        run(*OPENSSL, "-subj", "/CN=" + name, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", name + ".key", "-out", name + ".pem", "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-addext", "extendedKeyUsage=" + usage)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Registry:
    """auth: (user, password), or none. tls: by an authority made here; client_certs: who has none of it is refused. dir: where it keeps things (a new directory, removed at the
    end). delete: manifests and blobs may be deleted. proxy: URL of a registry that this one mirrors. env: more variables for the server."""

    def __init__(self, auth=None, tls=False, dir=None, delete=True, proxy=None, client_certs=False, env=None):
        program = _tool("docker-registry")
        self.auth, self.tls = auth, tls
        self.root = tempfile.mkdtemp(prefix="registry-")
        self.dir = str(dir or os.path.join(self.root, "data"))
        os.makedirs(self.dir, exist_ok=True)
        config = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}}, "storage": {"filesystem": {"rootdirectory": self.dir}, "delete": {"enabled": delete},
                  "maintenance": {"uploadpurging": {"enabled": False}}}, "http": {"secret": "test"}}
        self.process, self.ca = None, None
        try:
            if auth:
                line = subprocess.run([_tool("htpasswd"), "-niBC", "4", auth[0]], input=auth[1].encode(), check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
                with open(os.path.join(self.root, "htpasswd"), "wb") as f:
                    f.write(line)
                config["auth"] = {"htpasswd": {"realm": "test", "path": os.path.join(self.root, "htpasswd")}}
            if tls:
                authority(self.root)
                self.ca = os.path.join(self.root, "ca.pem")
                config["http"]["tls"] = {"certificate": os.path.join(self.root, "server.pem"), "key": os.path.join(self.root, "server.key")}
                if client_certs:
                    config["http"]["tls"]["clientcas"] = [self.ca]
            if proxy:
                config["proxy"] = {"remoteurl": proxy}
            self._start(program, config, env)
        except BaseException:
            self.stop()
            raise

    def _start(self, program, config, env):
        for _ in range(5):  # somebody else may have taken the port meanwhile
            self.port = free_port()
            self.host = "127.0.0.1:%d" % self.port
            self.url = "%s://%s" % ("https" if self.tls else "http", self.host)
            config["http"]["addr"] = self.host
            path = os.path.join(self.root, "config.yml")
            with open(path, "w") as f:
                json.dump(config, f)  # JSON is YAML
            self.log = os.path.join(self.root, "log")
            with open(self.log, "wb") as out:
                self.process = subprocess.Popen([program, "serve", path], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.root, env={**os.environ, **(env or {})})
            deadline = time.monotonic() + 60
            while self.process.poll() is None and time.monotonic() < deadline:
                try:
                    with socket.create_connection(("127.0.0.1", self.port), timeout=5):
                        return
                except OSError:
                    time.sleep(0.02)
            self._end()
        with open(self.log, errors="replace") as f:
            raise RuntimeError("docker-registry does not start: " + f.read()[-2000:])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) as the user of `auth`."""
        headers = dict(headers or {})
        if self.auth:
            headers["Authorization"] = "Basic " + base64.b64encode(("%s:%s" % self.auth).encode()).decode()
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca)
            context.load_cert_chain(os.path.join(self.root, "client.pem"), os.path.join(self.root, "client.key"))
            c = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        else:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request(method, path, body, headers)
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def get(self, path, **headers):
        status, _, body = self.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return json.loads(body) if status == 200 else None

    def certs_d(self, directory, client=False):
        """Writes the authority (and a client's certificate) below `directory`, as below /etc/containers/certs.d; returns it."""
        place = os.path.join(str(directory), self.host)
        os.makedirs(place, exist_ok=True)
        shutil.copy(self.ca, os.path.join(place, "ca.crt"))
        if client:
            shutil.copy(os.path.join(self.root, "client.pem"), os.path.join(place, "client.cert"))
            shutil.copy(os.path.join(self.root, "client.key"), os.path.join(place, "client.key"))
        return str(directory)

    def _end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self):
        self._end()
        shutil.rmtree(self.root, ignore_errors=True)


class Between:
    """In front of a registry, by plain HTTP: act(method, path) is called before each request goes on; what it returns, (status, headers, body), is the answer instead."""

    def __init__(self, registry, act):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body, me = self.rfile.read(int(self.headers.get("Content-Length") or 0)), self.headers["Host"]
                code, headers, body = act(self.command, self.path) or registry.request(self.command, self.path.replace(me, registry.host), body, {**dict(self.headers), "Host": registry.host})
                self.send_response(code)
                for k, v in headers.items():
                    if k.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(k, v.replace(registry.host, me))
                self.send_header("Content-Length", headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer

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
