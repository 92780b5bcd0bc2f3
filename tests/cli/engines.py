"""Real engines for the tests: dockerd, podman, buildah and skopeo, each with everything it writes below one temporary directory, and the small
images that they are given. Nothing needs a network.

What the engines need, as found out by running them:
  dockerd   root with CAP_SYS_ADMIN; absolute paths for --data-root and --exec-root (containerd is given a socket below the latter, and a
            relative or long one is refused); --bridge=none and --iptables=false, so that the host's network stays as it is; /usr/sbin in PATH.
            overlay2 where the file system allows it, else vfs.
  podman    --cgroup-manager cgroupfs (there may be no systemd), runc where it is installed (crun refuses hosts that mount both versions of cgroups),
            and explicit --ulimit: its defaults are above what a host without CAP_SYS_RESOURCE may grant.
"""
import http.client
import io
import json
import hashlib
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tarfile
import tempfile
import time
import urllib.parse

import pytest

PARE = os.path.abspath(os.environ.get("PARE", "build/pare"))
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def tool(name):
    """The path of an engine's program; skips the test when it is not installed."""
    path = shutil.which(name, path=PATH)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def need_root():
    """Engines mount file systems: root in name alone, as in most containers, is not enough."""
    with open("/proc/self/status") as f:
        caps = next(int(line.split()[1], 16) for line in f if line.startswith("CapEff:"))
    if os.geteuid() != 0 or not caps >> 21 & 1:
        pytest.skip("needs root with CAP_SYS_ADMIN")


# --- small images ---

def entry(name, content=None, **fields):
    """One entry of a layer: (name, content, TarInfo's fields). Without content: a directory when the name ends with '/', else what `type` says."""
    if content is None and name.endswith("/"):
        fields.setdefault("type", tarfile.DIRTYPE)
        fields.setdefault("mode", 0o755)
    return name, content, fields


def layer(entries, form=tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for name, content, fields in entries:
            info = tarfile.TarInfo(name)
            info.mtime = 1700000000
            for key, value in fields.items():
                setattr(info, key, value)
            info.size = len(content) if content is not None else 0
            tar.addfile(info, io.BytesIO(content) if content is not None else None)
    return out.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def docker_archive(path, layers, tag, run=None):
    """Writes the legacy docker-archive that every engine loads; returns the diff IDs."""
    diff_ids = ["sha256:" + sha256(data) for data in layers]
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    config = json.dumps({
        "architecture": arch, "os": "linux", "created": "2023-11-14T22:13:20Z", "config": run or {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": f"step {i}"} for i in range(len(layers))],
    }).encode()
    name = sha256(config) + ".json"
    members = [(f"{i}/layer.tar", data) for i, data in enumerate(layers)]
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": [m[0] for m in members]}]
    with tarfile.open(path, "w") as tar:
        for member, data in members + [(name, config), ("manifest.json", json.dumps(manifest).encode())]:
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return diff_ids


BIG = bytes(i * 7 % 251 for i in range(300000))  # longer than two of the buffers that files are read through
LONG = "long/" + "n" * 180
CAPABILITY = struct.pack("<5I", 0x02000001, 0x400, 0, 0, 0)  # security.capability: cap_net_bind_service+ep

TREE_LAYERS = [
    layer([
        entry("usr/"), entry("usr/lib/", mode=0o711), entry("long/"), entry("opq/"), entry("dir with space/", mode=0o1777),
        entry("lib", type=tarfile.SYMTYPE, linkname="usr/lib"), entry("abs", type=tarfile.SYMTYPE, linkname="/usr"),
        entry("lib/through-link", b"through a link\n"), entry("usr/lib/deep", b"through no link at all\n\n"),
        entry("big", BIG, mode=0o640, uid=33, gid=44), entry("also-big", type=tarfile.LNKTYPE, linkname="big", mode=0o640, uid=33, gid=44),
        entry("setuid", b"#!/bin/sh\n", mode=0o4755), entry("empty", b""), entry("becomes-a-dir", b"file\n"), entry("opq/old", b"old\n"),
        entry(LONG, b"long\n"), entry("\u00fcn\u00ef", b"utf-8\n"), entry("raw\udcff", b"raw\n"), entry("fifo", type=tarfile.FIFOTYPE, mode=0o600),
    ], tarfile.GNU_FORMAT),
    layer([
        entry(".wh.empty", b""), entry("usr/"), entry("usr/lib/", mode=0o711), entry("usr/lib/.wh.through-link", b""),
        entry("opq/"), entry("opq/.wh..wh..opq", b""), entry("opq/new", b"new\n", mtime=1700000000.25),
        entry("becomes-a-dir/", mode=0o750, uid=5), entry("becomes-a-dir/inside", b"in\n", mode=0o600, uid=70000, gid=70001),
        entry("capable", b"cap\n", mode=0o755, pax_headers={"SCHILY.xattr.security.capability": CAPABILITY.decode("latin-1")}),
    ]),
    layer([entry("big", BIG[:1000], mode=0o600)]),
]

# What those three layers add up to (OCI image specification, layer.md), by hand; `also-big` keeps the inode that `big` lost.
TREE = sorted([
    ("d", "0755", 0, 0, 0, 1, "/usr"), ("d", "0711", 0, 0, 0, 1, "/usr/lib"), ("d", "0755", 0, 0, 0, 0, "/long"), ("d", "0755", 0, 0, 0, 1, "/opq"),
    ("d", "1777", 0, 0, 0, 0, "/dir with space"), ("l", None, 0, 0, 0, 0, "/lib", "-> usr/lib"), ("l", None, 0, 0, 0, 0, "/abs", "-> /usr"),
    ("f", "0644", 0, 0, 24, 0, "/usr/lib/deep"), ("f", "0600", 0, 0, 1000, 2, "/big"), ("f", "0640", 33, 44, 300000, 0, "/also-big"),
    ("f", "4755", 0, 0, 10, 0, "/setuid"), ("f", "0644", 0, 0, 5, 0, "/" + LONG), ("f", "0644", 0, 0, 6, 0, "/\u00fcn\u00ef"), ("f", "0644", 0, 0, 4, 0, "/raw\\xff"),
    ("p", "0600", 0, 0, 0, 0, "/fifo"), ("f", "0644", 0, 0, 4, 1, "/opq/new"), ("d", "0750", 5, 0, 0, 1, "/becomes-a-dir"),
    ("f", "0600", 70000, 70001, 3, 1, "/becomes-a-dir/inside"), ("f", "0755", 0, 0, 4, 1, "/capable"),
], key=lambda line: line[6])


def static_busybox():
    """A program that runs without any other file: Debian's busybox-static."""
    path = shutil.which("busybox", path=PATH)
    if path:
        with open(path, "rb") as f:
            data = f.read()
        at, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        if data[:5] == b"\x7fELF\x02" and all(struct.unpack_from("<I", data, at + i * size)[0] != 3 for i in range(count)):  # PT_INTERP
            return data
    pytest.skip("no statically linked busybox (Debian: busybox-static)")


# --- pare ---

class Ran:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")

    def __repr__(self):
        return f"status {self.status}\n{self.out[-2000:]}\n{self.err[-2000:]}"


@pytest.fixture
def pare(tmp_path):
    """Runs pare with a store of its own and none of the caller's engine settings."""
    def run(*args, env=None, stdin=None, timeout=120):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "CONTAINER", "STORAGE_", "PARE_", "XDG_"))}
        clean.update({"PARE_STORE": str(tmp_path / "store"), "HOME": str(tmp_path / "home"), "LC_ALL": "C.UTF-8"}, **(env or {}))
        return Ran(subprocess.run([PARE, *map(str, args)], env=clean, stdin=stdin or subprocess.DEVNULL, capture_output=True, timeout=timeout))
    return run


def tree_of(ran):
    """The lines of --files --format tsv, as TREE has them."""
    assert ran.status == 0, ran
    lines = []
    for line in ran.out.splitlines():
        kind, mode, uid, gid, size, index, path, *target = line.split("\t")
        lines.append((kind, None if kind == "l" else mode, int(uid), int(gid), int(size), int(index), path, *target))
    return lines


def diff_ids_of(ran):
    assert ran.status == 0, ran
    return [one["diff_id"] for one in json.loads(ran.out)["layers"]]


def check_tree(pare, location, diff_ids, env=None, tree=TREE):
    """The whole of an image as pare reads it there: the tree, and digests that were computed, not copied."""
    shown = pare("inspect", location, "--format", "json", env=env)
    assert diff_ids_of(shown) == diff_ids
    assert json.loads(shown.out)["incomplete"] == []
    assert sorted(tree_of(pare("inspect", location, "--files", "--format", "tsv", env=env)), key=lambda line: line[6]) == tree


# --- Docker ---

class Docker:
    """A dockerd of our own, and the few requests the tests make of it."""

    def __init__(self):
        need_root()
        self.program = tool("dockerd")
        tool("containerd")
        self.dir = tempfile.mkdtemp(prefix="pare-docker-", dir="/tmp")
        self.socket, self.certs = self.dir + "/sock", self.dir + "/certs"
        self.env = {"DOCKER_HOST": "unix://" + self.socket}
        self.make_certificates()
        log = ""
        for driver in "overlay2", "vfs":
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            if self.start(driver):
                return
            with open(self.dir + "/log") as f:
                log += f.read()[-3000:]
        self.stop()
        pytest.fail("dockerd does not start:\n" + log)

    def start(self, driver):
        data = f"{self.dir}/{driver}"
        with open(self.dir + "/log", "w") as log:
            self.process = subprocess.Popen([
                self.program, "--log-level=warn", f"--data-root={data}", f"--exec-root={data}-exec", f"--pidfile={data}.pid", f"--storage-driver={driver}",
                "--bridge=none", "--iptables=false", "--ip6tables=false", "--host=unix://" + self.socket, f"--host=tcp://127.0.0.1:{self.port}",
                "--tlsverify", f"--tlscacert={self.certs}/ca.pem", f"--tlscert={self.certs}/server.pem", f"--tlskey={self.certs}/server-key.pem",
            ], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "PATH": PATH}, start_new_session=True)
        for _ in range(600):
            if self.process.poll() is not None:
                return False
            try:
                return self.ask("GET", "/_ping") == b"OK"
            except OSError:
                time.sleep(0.1)
        return False

    def make_certificates(self):
        """ca.pem, cert.pem and key.pem as DOCKER_CERT_PATH wants them, and the server's own."""
        os.mkdir(self.certs)
        openssl = tool("openssl")

        def run(*args):
            subprocess.run([openssl, *args], cwd=self.certs, check=True, capture_output=True)
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca-key.pem", "-out", "ca.pem")
        for name, key, use in ("server", "server-key", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth"), ("cert", "key", "extendedKeyUsage=clientAuth"):
            with open(f"{self.certs}/{name}.ext", "w") as f:
                f.write(use + "\n")
            run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key + ".pem", "-out", name + ".csr")
            run("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", name + ".ext", "-out", name + ".pem")

    def tls_env(self):
        return {"DOCKER_HOST": f"tcp://127.0.0.1:{self.port}", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": self.certs}

    def ask(self, method, path, body=None, content="application/json", headers=None):
        link = http.client.HTTPConnection("docker", timeout=120)
        link.sock = socket.socket(socket.AF_UNIX)
        link.sock.settimeout(120)
        link.sock.connect(self.socket)
        try:
            link.request(method, path, body, {"Content-Type": content, **(headers or {})})
            reply = link.getresponse()
            data = reply.read()
        finally:
            link.close()
        if reply.status >= 300:
            raise RuntimeError(f"{method} {path}: {reply.status} {data[:500]}")
        return data

    def load(self, path):
        with open(path, "rb") as f:
            answer = self.ask("POST", "/images/load?quiet=1", f.read(), "application/x-tar")
        assert b"error" not in answer.lower(), answer
        return answer.decode()

    def save(self, ref, path):
        with open(path, "wb") as f:
            f.write(self.ask("GET", f"/images/{ref}/get"))

    def images(self):
        return sorted((image["Id"], tuple(image["RepoTags"] or ())) for image in json.loads(self.ask("GET", "/images/json?all=1")))

    def remove(self, ref):
        self.ask("DELETE", f"/images/{urllib.parse.quote(ref, safe=':/@')}?force=1")

    def run(self, ref):
        """What the image's own command prints, without a network; the exit status first."""
        box = json.loads(self.ask("POST", "/containers/create", json.dumps({"Image": ref, "HostConfig": {"NetworkMode": "none"}})))["Id"]
        try:
            self.ask("POST", f"/containers/{box}/start")
            status = json.loads(self.ask("POST", f"/containers/{box}/wait"))["StatusCode"]
            frames, out = self.ask("GET", f"/containers/{box}/logs?stdout=1&stderr=1"), b""
            while frames:
                size = struct.unpack(">I", frames[4:8])[0]
                out, frames = out + frames[8:8 + size], frames[8 + size:]
            return status, out.decode()
        finally:
            self.ask("DELETE", f"/containers/{box}?force=1")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # its own session: containerd, when that is still there
        except ProcessLookupError:
            pass
        self.process.wait()
        remove_tree(self.dir)


def remove_tree(path):
    """With whatever is still mounted below it."""
    with open("/proc/self/mountinfo") as f:
        mounts = [line.split()[4] for line in f]
    for mount in sorted((m for m in mounts if m.startswith(path + "/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def docker():
    engine = Docker()
    yield engine
    engine.stop()


# --- podman, buildah, skopeo ---

class Storage:
    """A containers/storage store of our own, and the programs that use it."""

    def __init__(self, driver):
        need_root()
        self.driver = driver
        self.dir = tempfile.mkdtemp(prefix=f"pare-{driver}-", dir="/tmp")
        self.root, self.run_root = self.dir + "/root", self.dir + "/run"

    def location(self, ref):
        return f"containers-storage:[{self.driver}@{self.root}+{self.run_root}]{ref}"

    def call(self, program, *args, check=True, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("CONTAINER", "STORAGE_"))}
        done = subprocess.run([program, *args], capture_output=True, stdin=subprocess.DEVNULL, timeout=180, env={**clean, "PATH": PATH, **(env or {})})
        if check and done.returncode:
            text = done.stderr.decode()
            if self.driver == "overlay" and "overlay" in text and "not supported" in text:
                pytest.skip("overlay is not possible on this file system: " + text.strip()[-200:])
            pytest.fail(f"{program} {' '.join(args)}: {text[-2000:]}")
        return done.stdout.decode().strip()

    def store_options(self):
        return ["--root", self.root, "--runroot", self.run_root, "--storage-driver", self.driver]

    def podman(self, *args, **more):
        runtime = ["--runtime", "runc"] if shutil.which("runc", path=PATH) else []
        return self.call(tool("podman"), *self.store_options(), "--cgroup-manager", "cgroupfs", "--tmpdir", self.dir + "/tmp", *runtime, *args, **more)

    def buildah(self, *args, **more):
        return self.call(tool("buildah"), *self.store_options(), *args, **more)

    def skopeo(self, *args, **more):
        return self.call(tool("skopeo"), "--insecure-policy", *args, **more)

    def run(self, ref):
        return self.podman("run", "--rm", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096", ref)

    def stop(self):
        remove_tree(self.dir)


@pytest.fixture(scope="session", params=["overlay", "vfs"])
def storage(request):
    engine = Storage(request.param)
    yield engine
    engine.stop()
