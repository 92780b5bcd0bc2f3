"""Images in real engines, and what the engines write, read the same as the archive they came from."""
import base64
import gzip
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time

import pytest

from engines import (  # noqa: F401 (fixtures)
    BIG, LONG, PATH, TREE, TREE_LAYERS, Storage, check_tree, diff_ids_of, docker, docker_archive, entry, layer, pare, sha256, static_busybox, storage, tool, tree_of)


@pytest.fixture(scope="session")
def tree_archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "tree.tar"
    return path, docker_archive(path, TREE_LAYERS, "pare-test/tree:1")


def test_the_archive_itself(pare, tree_archive):
    path, diff_ids = tree_archive
    check_tree(pare, f"docker-archive:{path}", diff_ids)


# --- dockerd ---

@pytest.fixture(scope="session")
def loaded(docker, tree_archive):
    docker.load(tree_archive[0])
    return docker


def test_docker_daemon(pare, loaded, tree_archive):
    before = loaded.images()
    check_tree(pare, "docker-daemon:pare-test/tree:1", tree_archive[1], loaded.env)
    assert loaded.images() == before


def test_docker_daemon_by_other_names(pare, loaded, tree_archive):
    ids = json.loads(loaded.ask("GET", "/images/pare-test/tree:1/json"))["Id"]
    for name in "docker.io/pare-test/tree:1", ids, ids[7:], ids[7:19]:
        shown = pare("inspect", "docker-daemon:" + name, "--format", "json", env=loaded.env)
        assert diff_ids_of(shown) == tree_archive[1], name
        assert json.loads(shown.out)["image"]["reference"] == "pare-test/tree:1"
    bare = pare("inspect", "pare-test/tree:1", "--format", "json", env=loaded.env)
    assert diff_ids_of(bare) == tree_archive[1]


def test_docker_daemon_has_no_such_image(pare, loaded):
    for name in "pare-test/absent", "pare-test/tree:2", "0" * 64:
        ran = pare("inspect", "docker-daemon:" + name, env=loaded.env)
        assert (ran.status, ran.out) == (4, "") and "no such image" in ran.err


def test_docker_daemon_over_tls(pare, loaded, tree_archive, tmp_path):
    env = loaded.tls_env()
    check_tree(pare, "docker-daemon:pare-test/tree:1", tree_archive[1], env)
    check_tree(pare, "docker-daemon:pare-test/tree:1", tree_archive[1], {**env, "DOCKER_HOST": f"https://127.0.0.1:{loaded.port}"})
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    shutil.copy(loaded.certs + "/ca.pem", stranger)
    refused = {
        "a client without a certificate": {**env, "DOCKER_CERT_PATH": str(stranger)},
        "a server whom no known authority vouches for": {**env, "DOCKER_CERT_PATH": str(tmp_path / "none")},
        "a certificate for another name": {**env, "DOCKER_HOST": f"tcp://localhost:{loaded.port}"},
        "plain HTTP": {"DOCKER_HOST": env["DOCKER_HOST"]},
    }
    for why, wrong in refused.items():
        ran = pare("inspect", "docker-daemon:pare-test/tree:1", env=wrong)
        assert (ran.status, ran.out) == (4, ""), why


def context(directory, name, host, certs=None):
    """A Docker context as `docker context create` writes it."""
    place = sha256(name.encode())
    meta = directory / "contexts" / "meta" / place
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}))
    if certs:
        tls = directory / "contexts" / "tls" / place / "docker"
        tls.mkdir(parents=True)
        for pem in "ca.pem", "cert.pem", "key.pem":
            shutil.copy(f"{certs}/{pem}", tls)


def test_docker_contexts(pare, loaded, tree_archive, tmp_path):
    context(tmp_path, "near", loaded.env["DOCKER_HOST"])
    context(tmp_path, "far", f"tcp://127.0.0.1:{loaded.port}", loaded.certs)
    context(tmp_path, "dead", f"unix://{tmp_path}/nothing")
    def ids(**env):
        return pare("inspect", "docker-daemon:pare-test/tree:1", "--format", "json", env={"DOCKER_CONFIG": str(tmp_path), **env})
    (tmp_path / "config.json").write_text('{"currentContext": "far"}')
    assert diff_ids_of(ids()) == tree_archive[1]
    assert diff_ids_of(ids(DOCKER_CONTEXT="near")) == tree_archive[1]
    assert diff_ids_of(ids(DOCKER_CONTEXT="dead", **loaded.env)) == tree_archive[1]  # DOCKER_HOST comes first
    assert ids(DOCKER_CONTEXT="dead").status == 4
    absent = ids(DOCKER_CONTEXT="absent")
    assert absent.status == 4 and "absent" in absent.err
    (tmp_path / "config.json").write_text("{damaged")
    assert ids().status == 2


def test_docker_save(pare, loaded, tree_archive, tmp_path):
    saved = tmp_path / "saved.tar"
    loaded.save("pare-test/tree:1", saved)
    check_tree(pare, f"docker-archive:{saved}", tree_archive[1])
    check_tree(pare, str(saved), tree_archive[1])
    with open(saved, "rb") as f:
        assert diff_ids_of(pare("inspect", "-", "--format", "json", stdin=f)) == tree_archive[1]
    packed = tmp_path / "saved.tar.gz"
    packed.write_bytes(gzip.compress(saved.read_bytes(), 1))
    check_tree(pare, str(packed), tree_archive[1])


# --- containers-storage ---

@pytest.fixture(scope="session")
def stored(storage, tree_archive):
    storage.podman("load", "-q", "-i", str(tree_archive[0]))
    return storage


def test_containers_storage(pare, stored, tree_archive):
    check_tree(pare, stored.location("pare-test/tree:1"), tree_archive[1])
    image = json.loads(stored.podman("image", "inspect", "pare-test/tree:1"))[0]
    for name in "localhost/pare-test/tree:1", image["Id"], image["Id"][:12], "sha256:" + image["Id"], "pare-test/tree@" + image["Digest"], "pare-test/tree:1@" + image["Id"]:
        shown = pare("inspect", stored.location(name), "--format", "json")
        assert diff_ids_of(shown) == tree_archive[1], name
        facts = json.loads(shown.out)["image"]
        assert (facts["digest"], facts["config_digest"]) == (image["Digest"], "sha256:" + image["Id"])


def test_containers_storage_by_configuration(pare, stored, tree_archive, tmp_path):
    conf = tmp_path / "storage.conf"
    conf.write_text(f'# comment\n[storage]\n  driver = "{stored.driver}" # here too\n  graphroot = \'{stored.root}\'\n  runroot = "{stored.run_root}"\n[storage.options.overlay]\nmountopt = "nodev"\n')
    env = {"CONTAINERS_STORAGE_CONF": str(conf)}
    assert diff_ids_of(pare("inspect", "containers-storage:pare-test/tree:1", "--format", "json", env=env)) == tree_archive[1]
    conf.write_text(f'[storage]\ndriver = "{stored.driver}"\ngraphroot = "{tmp_path}/empty"\n[storage.options]\nadditionalimagestores = [\n  "/nonexistent", # gone\n  "{stored.root}",\n]\n')
    assert diff_ids_of(pare("inspect", "containers-storage:pare-test/tree:1", "--format", "json", env=env)) == tree_archive[1]
    other = "vfs" if stored.driver == "overlay" else "overlay"
    assert pare("inspect", "containers-storage:pare-test/tree:1", env={**env, "STORAGE_DRIVER": other}).status == 4
    conf.write_text("[storage]\ndriver = \"overlay\ngraphroot = 5\n")
    wrong = pare("inspect", "containers-storage:pare-test/tree:1", env=env)
    assert wrong.status == 2 and "line 2" in wrong.err


def test_containers_storage_has_no_such_image(pare, stored):
    ran = pare("inspect", stored.location("pare-test/absent"))
    assert (ran.status, ran.out) == (4, "") and "no such image" in ran.err


def test_podman_save(pare, stored, tree_archive, tmp_path):
    for form, place in ("docker-archive", "a.tar"), ("oci-archive", "b.tar"), ("oci-dir", "c"):
        stored.podman("save", "-q", "--format", form, "-o", str(tmp_path / place), "pare-test/tree:1")
    check_tree(pare, f"docker-archive:{tmp_path}/a.tar", tree_archive[1])
    check_tree(pare, f"oci-archive:{tmp_path}/b.tar", tree_archive[1])
    check_tree(pare, f"oci:{tmp_path}/c", tree_archive[1])
    for place in "a.tar", "b.tar", "c":
        assert diff_ids_of(pare("inspect", tmp_path / place, "--format", "json")) == tree_archive[1]


def test_podman_save_of_several(pare, stored, tree_archive, tmp_path):
    other = tmp_path / "other.tar"
    other_ids = docker_archive(other, TREE_LAYERS[:1] + [layer([entry("only-here", b"1")])], "pare-test/other:1")
    stored.podman("load", "-q", "-i", str(other))
    stored.podman("save", "-q", "-m", "-o", str(tmp_path / "both.tar"), "pare-test/tree:1", "pare-test/other:1")
    for tag, ids in ("tree", tree_archive[1]), ("other", other_ids):
        shown = pare("inspect", f"docker-archive:{tmp_path}/both.tar:localhost/pare-test/{tag}:1", "--format", "json")
        assert diff_ids_of(shown) == ids


def test_podman_answers_like_docker(pare, stored, tree_archive, tmp_path):
    podman, sock = tool("podman"), stored.dir + "/api.sock"
    with open(stored.dir + "/api.log", "w") as log:
        service = subprocess.Popen([podman, *stored.store_options(), "--cgroup-manager", "cgroupfs", "system", "service", "--time=0", "unix://" + sock],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PATH": PATH})
    try:
        for _ in range(300):
            if os.path.exists(sock) or service.poll() is not None:
                break
            time.sleep(0.1)
        check_tree(pare, "docker-daemon:pare-test/tree:1", tree_archive[1], {"DOCKER_HOST": "unix://" + sock})
        assert pare("inspect", "docker-daemon:pare-test/absent", env={"DOCKER_HOST": "unix://" + sock}).status == 4
    finally:
        service.terminate()
        service.wait()


def test_skopeo(pare, stored, tree_archive, tmp_path):
    source = f"docker-archive:{tree_archive[0]}"
    stored.skopeo("copy", "-q", source, f"oci:{tmp_path}/gzip:t")
    stored.skopeo("copy", "-q", "--dest-compress-format", "zstd", source, f"oci:{tmp_path}/zstd:t")
    stored.skopeo("copy", "-q", "--dest-oci-accept-uncompressed-layers", source, f"oci:{tmp_path}/plain:t")
    stored.skopeo("copy", "-q", "--format", "v2s2", source, f"docker-archive:{tmp_path}/v2s2.tar:pare-test/tree:1")
    stored.skopeo("copy", "-q", stored.location("localhost/pare-test/tree:1"), f"oci-archive:{tmp_path}/from-store.tar:t")
    for location in f"oci:{tmp_path}/gzip:t", f"oci:{tmp_path}/zstd:t", f"oci:{tmp_path}/plain:t", f"docker-archive:{tmp_path}/v2s2.tar", f"oci-archive:{tmp_path}/from-store.tar:t":
        check_tree(pare, location, tree_archive[1])
    stored.skopeo("copy", "-q", f"oci:{tmp_path}/zstd:t", stored.location("localhost/from-zstd:9"))
    check_tree(pare, stored.location("from-zstd:9"), tree_archive[1])


def test_buildah(pare, stored, tmp_path):
    """Layers that the engine itself packed."""
    payload = tmp_path / "payload"
    payload.mkdir()
    (payload / "a").write_bytes(BIG)
    (payload / "b").symlink_to("a")
    os.chmod(payload / "a", 0o4711)
    box = stored.buildah("from", "scratch")
    stored.buildah("copy", "--chown", "7:8", box, str(payload), "/opt/")
    stored.buildah("config", "--cmd", "/opt/a", box)
    stored.buildah("commit", "-q", "--rm", box, "localhost/built:1")
    inside = pare("inspect", stored.location("built:1"), "--files", "--format", "tsv")
    got = {line[6]: line for line in tree_of(inside)}
    assert got["/opt/a"][:5] == ("f", "4711", 7, 8, len(BIG)) and got["/opt/b"][0] == "l"
    stored.buildah("push", "-q", "localhost/built:1", f"oci:{tmp_path}/pushed:t")
    pushed, kept = pare("inspect", f"oci:{tmp_path}/pushed:t", "--format", "json"), pare("inspect", stored.location("built:1"), "--format", "json")
    assert diff_ids_of(pushed) == diff_ids_of(kept)


# --- what slim writes ---

@pytest.fixture(scope="session")
def runnable(tmp_path_factory):
    """An image with a program, and with litter that slim drops."""
    path = tmp_path_factory.mktemp("run") / "run.tar"
    base = layer([
        entry("bin/"), entry("bin/busybox", static_busybox(), mode=0o755), entry("bin/sh", type=tarfile.SYMTYPE, linkname="busybox"), entry("etc/"), entry("tmp/", mode=0o1777),
        entry("etc/motd", b"overwritten later\n" * 1000), entry("data/"), entry("data/twin", b"the same inode\n", mode=0o640, uid=12, gid=34),
        entry("data/other", type=tarfile.LNKTYPE, linkname="data/twin", mode=0o640, uid=12, gid=34), entry("var/"), entry("var/log/"), entry("var/log/dpkg.log", b"log\n" * 5000),
    ])
    top = layer([entry("etc/motd", b"still here\n"), entry("var/"), entry("var/log/"), entry("var/log/apt/"), entry("var/log/apt/history.log", b"more log\n" * 5000)])
    script = "cat /etc/motd; stat -c '%a %u %g %h' /data/other; echo $GREETING; id -u"
    docker_archive(path, [base, top], "pare-test/run:1", {"Cmd": ["/bin/busybox", "sh", "-c", script], "Env": ["PATH=/bin", "GREETING=hello"], "User": "12:34"})
    return path, "still here\n640 12 34 2\nhello\n12"


def slim(pare, source, target, env=None):
    ran = pare("slim", "--level", "safe", source, "-o", target, env=env)
    assert ran.status == 0, ran


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
def test_slim_runs_in_podman(pare, storage, runnable, tmp_path, form):
    target = f"{form}:{tmp_path}/slim" + ("" if form == "oci" else ".tar")
    slim(pare, runnable[0], target)
    storage.skopeo("copy", "-q", target, storage.location("localhost/slimmed:" + form))
    assert storage.run("localhost/slimmed:" + form) == runnable[1]
    names = {line[6] for line in tree_of(pare("inspect", storage.location("localhost/slimmed:" + form), "--files", "--format", "tsv"))}
    assert "/bin/busybox" in names and "/var/log/apt/history.log" not in names


def test_slim_of_a_stored_image(pare, storage, runnable, tmp_path):
    storage.podman("load", "-q", "-i", str(runnable[0]))
    slim(pare, storage.location("localhost/pare-test/run:1"), f"oci:{tmp_path}/from-store")
    slim(pare, runnable[0], f"oci:{tmp_path}/from-file")
    assert diff_ids_of(pare("inspect", f"oci:{tmp_path}/from-store", "--format", "json")) == diff_ids_of(pare("inspect", f"oci:{tmp_path}/from-file", "--format", "json"))


def test_slim_loads_in_podman(pare, storage, runnable, tmp_path):
    for form in "docker-archive", "oci-archive":
        slim(pare, runnable[0], f"{form}:{tmp_path}/{form}.tar")
        loaded_as = storage.podman("load", "-q", "-i", f"{tmp_path}/{form}.tar").split("Loaded image: ")[-1].split()[-1]
        assert storage.run(loaded_as) == runnable[1]


def test_slim_runs_in_docker(pare, docker, runnable, tmp_path):
    docker.load(runnable[0])
    status, out = docker.run("pare-test/run:1")
    assert (status, out.strip()) == (0, runnable[1])
    slim(pare, "docker-daemon:pare-test/run:1", f"docker-archive:{tmp_path}/from-engine.tar", docker.env)
    docker.remove("pare-test/run:1")
    slim(pare, runnable[0], f"docker-archive:{tmp_path}/slim.tar")
    assert diff_ids_of(pare("inspect", tmp_path / "from-engine.tar", "--format", "json")) == diff_ids_of(pare("inspect", tmp_path / "slim.tar", "--format", "json"))
    with tarfile.open(tmp_path / "slim.tar") as tar:
        tags = json.load(tar.extractfile("manifest.json"))[0]["RepoTags"]
    answer = docker.load(tmp_path / "slim.tar")
    ref = tags[0] if tags else answer.split("Loaded image ID: ")[1].split("\\n")[0]
    status, out = docker.run(ref)
    assert (status, out.strip()) == (0, runnable[1])
    docker.remove(ref)


# --- an engine that misbehaves; needs neither root nor an engine ---

class Fake:
    """Answers each request path with canned bytes, over a Unix socket."""

    def __init__(self, directory, answers):
        self.path, self.answers, self.asked = str(directory / "s"), answers, []
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()
        self.env = {"DOCKER_HOST": "unix://" + self.path}

    def serve(self):
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            with link:
                while True:
                    request = b""
                    while b"\r\n\r\n" not in request:
                        got = link.recv(65536)
                        if not got:
                            break
                        request += got
                    if not request:
                        break
                    path = request.split()[1].decode()
                    self.asked.append(path)
                    answer = next((a for end, a in self.answers.items() if path.endswith(end)), reply(404, b'{"message":"page not found"}'))
                    try:
                        link.sendall(answer)
                    except OSError:
                        break
                    if b"Connection: close" in answer:
                        break

    def stop(self):
        self.server.close()


def reply(status, body, *headers, length=None):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


@pytest.fixture
def fake(tmp_path):
    made = []

    def make(answers):
        made.append(Fake(tmp_path, answers))
        return made[-1]
    yield make
    for one in made:
        one.stop()


PING = {"/_ping": reply(200, b"OK", "Api-Version: 1.41")}
FOUND = {**PING, "/json": reply(200, b'{"RepoTags":["x:latest"]}')}


def test_fake_engine_serves_an_image(pare, fake, tree_archive):
    engine = fake({**FOUND, "/get": reply(200, tree_archive[0].read_bytes())})
    check_tree(pare, "docker-daemon:x", tree_archive[1], engine.env)
    assert engine.asked[:3] == ["/_ping", "/v1.41/images/x/json", "/v1.41/images/x/get"]


def test_the_version_that_both_know(pare, fake, tree_archive, tmp_path):
    for given, asked in ("1.24", "/v1.24"), ("1.99", "/v1.48"), ("2.0", "/v1.48"), ("odd", ""):
        place = tmp_path / given
        place.mkdir()
        engine = Fake(place, {**FOUND, "/_ping": reply(200, b"OK", "Api-Version: " + given), "/get": reply(200, tree_archive[0].read_bytes())})
        assert diff_ids_of(pare("inspect", "docker-daemon:x", "--format", "json", env=engine.env)) == tree_archive[1]
        assert engine.asked[1] == asked + "/images/x/json"
        engine.stop()
    old = tmp_path / "old"
    old.mkdir()
    engine = Fake(old, {**FOUND, "/_ping": reply(200, b"OK"), "/version": reply(200, b'{"ApiVersion":"1.30"}'), "/get": reply(200, tree_archive[0].read_bytes())})
    assert diff_ids_of(pare("inspect", "docker-daemon:x", "--format", "json", env=engine.env)) == tree_archive[1]
    assert engine.asked[:3] == ["/_ping", "/version", "/v1.30/images/x/json"]
    engine.stop()


@pytest.mark.parametrize("answers,word", [
    ({**PING, "/json": reply(500, b'{"message":"the disk \\u001b[31mburns"}')}, "burns"),
    ({**PING, "/json": reply(403, b"<html>")}, "403"),
    ({**PING, "/json": reply(301, b"", "Location: http://example.invalid/")}, "301"),
    ({**PING, "/json": reply(200, b"not json")}, "JSON"),
    ({**FOUND, "/get": reply(500, b'{"message":"no space left"}')}, "no space left"),
    ({**FOUND, "/get": reply(404, b'{"message":"gone"}')}, "no such image"),
    ({**PING, "/json": reply(200, b"", *[f"X-{i}: {'y' * 1000}" for i in range(99)])}, "budget"),
    ({**PING, "/json": b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 65535 + b"\r\n" + b"ffff\r\n" + b"x" * 65535 + b"\r\n0\r\n\r\n"}, "500"),
    ({**PING, "/json": b"this is no HTTP at all\r\nConnection: close\r\n\r\n"}, ""),
])
def test_engine_that_refuses(pare, fake, answers, word):
    engine = fake(answers)
    ran = pare("inspect", "docker-daemon:x", env=engine.env, timeout=30)
    assert ran.status in (3, 4) and ran.out == "" and len(ran.err.splitlines()) == 1
    assert word in ran.err and "\x1b" not in ran.err


def test_engine_that_stops_in_the_middle(pare, fake, tree_archive):
    data = tree_archive[0].read_bytes()
    engine = fake({**FOUND, "/get": reply(200, data[:len(data) // 2], "Connection: close", length=len(data))})
    ran = pare("inspect", "docker-daemon:x", "--format", "json", env=engine.env)
    assert ran.status in (3, 4) and (ran.out == "" or json.loads(ran.out)["incomplete"])


@pytest.mark.parametrize("host,status,word", [
    ("ssh://user@example.invalid", 4, "ssh"), ("npipe:////./pipe/docker", 2, "unix://"), ("unix:///nonexistent/socket", 4, "/nonexistent/socket"), ("tcp://127.0.0.1:1", 4, "127.0.0.1"),
    ("tcp://127.0.0.1:99999", 2, "port"), ("tcp://127.0.0.1@evil", 2, "address"), ("tcp://[::1", 2, "address"), ("127.0.0.1", 2, "tcp://"),
])
def test_no_engine_there(pare, host, status, word):
    ran = pare("inspect", "docker-daemon:x", env={"DOCKER_HOST": host})
    assert (ran.status, ran.out) == (status, "") and word in ran.err and len(ran.err.splitlines()) == 1


def test_names_that_are_none(pare, fake):
    engine = fake(FOUND)
    for name in "a/B", "x?force=1", "../containers/json", "x y", "x%2f", "a\nb":
        ran = pare("inspect", "docker-daemon:" + name, env=engine.env)
        assert ran.status == 2 and len(ran.err.splitlines()) == 1, name
    assert engine.asked == []


# --- a store written by hand; needs neither root nor an engine ---

def tar_split(data):
    """The lines that an engine keeps of a layer: everything of the tar but the contents of its files."""
    import io
    lines, at = [], 0

    def bytes_until(end):
        if end > at:
            lines.append({"type": 2, "payload": base64.b64encode(data[at:end]).decode(), "position": len(lines)})
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            bytes_until(member.offset_data)
            at = member.offset_data
            one = {"type": 1, "name": member.name, "payload": None, "position": len(lines)}
            if member.isreg() and member.size:
                one.update(size=member.size, payload="AAAAAAAAAAA=")
                at += member.size
            lines.append(one)
    bytes_until(len(data))
    return lines


class HandMade:
    """A vfs store with one image."""

    def __init__(self, root, files, name="localhost/hand:1"):
        self.root, self.data = root, layer([entry(n, c) for n, c in files.items()])
        self.id, self.diff = "ab" * 32, "sha256:" + sha256(self.data)
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [self.diff]}}).encode()
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + sha256(config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": self.diff, "size": len(self.data)}]}).encode()
        self.image_id, self.tree = sha256(config), root / "vfs" / "dir" / self.id
        self.images = [{"id": self.image_id, "digest": "sha256:" + sha256(manifest), "names": [name], "layer": self.id}]
        self.layers = [{"id": self.id, "diff-digest": self.diff, "diff-size": len(self.data)}]
        self.lines = tar_split(self.data)
        self.tree.mkdir(parents=True)
        place = root / "vfs-images" / self.image_id
        place.mkdir(parents=True)
        (root / "vfs-layers").mkdir()
        (place / "manifest").write_bytes(manifest)
        (place / ("=" + base64.b64encode(("sha256:" + self.image_id).encode()).decode())).write_bytes(config)
        for path, content in files.items():
            (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / path).write_bytes(content)
        self.write()

    def write(self):
        (self.root / "vfs-images" / "images.json").write_text(json.dumps(self.images))
        (self.root / "vfs-layers" / "layers.json").write_text(json.dumps(self.layers))
        text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in self.lines)
        (self.root / "vfs-layers" / f"{self.id}.tar-split.gz").write_bytes(gzip.compress(text.encode()))

    def location(self, ref="hand:1"):
        return f"containers-storage:[vfs@{self.root}]{ref}"


FILES = {"etc/passwd": b"root:x:0:0::/:/bin/sh\n", "big": BIG, "dir/small": b"s"}


@pytest.fixture
def hand(tmp_path):
    return HandMade(tmp_path / "graph", FILES)


def test_hand_made_store(pare, hand):
    shown = pare("inspect", hand.location(), "--format", "json")
    assert diff_ids_of(shown) == [hand.diff] and json.loads(shown.out)["layers"][0]["size"] == len(hand.data)
    assert json.loads(shown.out)["image"]["reference"] == "localhost/hand:1"
    fast = pare("inspect", hand.location(), "--no-verify", "--files", "--format", "tsv")
    assert {line[6] for line in tree_of(fast) if line[0] == "f"} == {"/" + name for name in FILES}


def test_a_users_own_store(pare, tmp_path):
    """Where everybody but root keeps images, and where root inside `podman unshare` looks for them."""
    hand = HandMade(tmp_path / "data" / "containers" / "storage", FILES)
    env = {"_CONTAINERS_ROOTLESS_UID": "1000", "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config"), "STORAGE_DRIVER": "vfs"}
    assert diff_ids_of(pare("inspect", "containers-storage:hand:1", "--format", "json", env=env)) == [hand.diff]
    shutil.move(tmp_path / "data", tmp_path / "moved-1000")
    assert pare("inspect", "containers-storage:hand:1", env=env).status == 4
    (tmp_path / "config" / "containers").mkdir(parents=True)
    (tmp_path / "config" / "containers" / "storage.conf").write_text(f'storage.graphroot = "{tmp_path}/moved-$UID/containers/storage"\n')
    assert diff_ids_of(pare("inspect", "containers-storage:hand:1", "--format", "json", env=env)) == [hand.diff]
    elsewhere = {**env, "XDG_CONFIG_HOME": str(tmp_path / "none"), "STORAGE_OPTS": f"vfs.imagestore={tmp_path}/moved-1000/containers/storage"}
    assert diff_ids_of(pare("inspect", "containers-storage:hand:1", "--format", "json", env=elsewhere)) == [hand.diff]


def test_ambiguous_names(pare, hand):
    hand.images[0]["names"] = ["quay.io/a/hand:1"]
    hand.images.append({**hand.images[0], "id": hand.image_id[:8] + "0" * 56, "names": ["ghcr.io/b/hand:1"]})
    hand.write()
    for ref in "hand:1", hand.image_id[:6]:
        ran = pare("inspect", hand.location(ref))
        assert ran.status == 2 and "could be" in ran.err
    for ref in "quay.io/a/hand:1", hand.image_id, hand.image_id[:12]:
        assert diff_ids_of(pare("inspect", hand.location(ref), "--format", "json")) == [hand.diff]


def spoil_shorter(hand):
    (hand.tree / "big").write_bytes(BIG[:-1])


def spoil_content(hand):
    (hand.tree / "big").write_bytes(b"?" + BIG[1:])


def spoil_missing(hand):
    (hand.tree / "big").unlink()


def spoil_fifo(hand):
    (hand.tree / "big").unlink()
    os.mkfifo(hand.tree / "big")


def spoil_link_outside(hand):
    secret = hand.root.parent / "secret"
    secret.write_bytes(BIG)
    (hand.tree / "big").unlink()
    (hand.tree / "big").symlink_to(secret)


def spoil_dir_link_outside(hand):
    secret = hand.root.parent / "secrets"
    secret.mkdir()
    (secret / "small").write_bytes(b"s")
    shutil.rmtree(hand.tree / "dir")
    (hand.tree / "dir").symlink_to(secret)


def spoil_name_outside(hand):
    secret = hand.root.parent / "secret"
    secret.write_bytes(BIG)
    (hand.tree / "big").unlink()
    next(line for line in hand.lines if line.get("name") == "big")["name"] = "../../../../secret"
    hand.write()


def spoil_base64(hand):
    hand.lines[0]["payload"] = "!!!!"
    hand.write()


def spoil_type(hand):
    hand.lines[1]["type"] = 9
    hand.write()


def spoil_size(hand):
    next(line for line in hand.lines if line.get("name") == "big")["size"] = 1 << 60
    hand.write()


def spoil_cut(hand):
    path = hand.root / "vfs-layers" / f"{hand.id}.tar-split.gz"
    path.write_bytes(path.read_bytes()[:-20])


def spoil_json(hand):
    path = hand.root / "vfs-layers" / f"{hand.id}.tar-split.gz"
    path.write_bytes(gzip.compress(b'{"type":2,'))


def spoil_no_split(hand):
    (hand.root / "vfs-layers" / f"{hand.id}.tar-split.gz").unlink()


def spoil_config(hand):
    name = "=" + base64.b64encode(("sha256:" + hand.image_id).encode()).decode()
    path = hand.root / "vfs-images" / hand.image_id / name
    path.write_bytes(path.read_bytes().replace(b"amd64", b"arm64"))


def spoil_loop(hand):
    hand.layers[0]["parent"] = hand.id
    hand.write()


def spoil_no_layer(hand):
    hand.layers = []
    hand.write()


def spoil_id(hand):
    hand.images[0]["layer"] = "../../../etc"
    hand.write()


def spoil_images(hand):
    (hand.root / "vfs-images" / "images.json").write_text('[{"id":')


def spoil_manifest(hand):
    (hand.root / "vfs-images" / hand.image_id / "manifest").write_text("[]")


@pytest.mark.parametrize("spoil", [value for name, value in sorted(globals().items()) if name.startswith("spoil_")], ids=lambda f: f.__name__[6:])
def test_damaged_store(pare, hand, spoil):
    """Never a quiet success: status 3, with what could be read or without."""
    spoil(hand)
    ran = pare("inspect", hand.location(), "--format", "json", timeout=30)
    assert ran.status == 3, ran
    if ran.out:
        assert json.loads(ran.out)["incomplete"]


def test_absolute_links_stay_inside(pare, tmp_path):
    """A link to /real in the tree means the tree's own /real, as it did when the engine unpacked."""
    hand = HandMade(tmp_path / "graph", {"real/file": b"inside", "link/other": b"also"})
    shutil.move(hand.tree / "link" / "other", hand.tree / "real" / "other")
    (hand.tree / "link").rmdir()
    (hand.tree / "link").symlink_to("/real")
    assert diff_ids_of(pare("inspect", hand.location(), "--format", "json")) == [hand.diff]
