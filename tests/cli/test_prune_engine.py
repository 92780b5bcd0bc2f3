"""What a real Docker engine has on its disk, what pruning says it will free, what it frees, and what the engine says of its disk afterwards: the same to the byte."""
import http.server
import io
import json
import os
import shutil
import socket
import socketserver
import subprocess
import tarfile
import tempfile
import threading
import time

import pytest

import imagelib as im
from conftest import Runner
from engines import PATH, Docker, Storage, static_busybox, tool
from schemalib import check

MANY = 50 if os.environ.get("PARE_MANY") else 10


def told(line):
    if os.environ.get("PARE_MANY"):
        print(line)


BASE = im.layer(im.File("base", b"b" * 200000))
MIDDLE = im.layer(im.File("middle", b"m" * 70000))


@pytest.fixture(scope="module")
def engine():
    e = Docker()
    yield e
    e.stop()


@pytest.fixture
def pare(tmp_path):
    (tmp_path / "run").mkdir()
    return Runner(tmp_path / "run")


def on_disk(engine):
    """What `docker system df` adds up: layers each once, what containers wrote, volumes, and cache that is no image's layer."""
    df = json.loads(engine.ask("GET", "/v1.41/system/df"))
    return (df["LayersSize"] + sum(c.get("SizeRw") or 0 for c in df["Containers"] or ()) + sum(v["UsageData"]["Size"] for v in df["Volumes"] or ()) +
            sum(c["Size"] for c in df["BuildCache"] or () if not c["Shared"]))


def empty(engine):
    for c in json.loads(engine.ask("GET", "/containers/json?all=1")):
        engine.ask("DELETE", f"/containers/{c['Id']}?force=1&v=1")
    for i in json.loads(engine.ask("GET", "/images/json")):
        engine.ask("DELETE", f"/images/{i['Id']}?force=1")
    for v in json.loads(engine.ask("GET", "/volumes"))["Volumes"] or ():
        engine.ask("DELETE", f"/volumes/{v['Name']}")
    for n in json.loads(engine.ask("GET", "/networks")):
        if n["Name"] not in ("host", "none", "bridge"):
            engine.ask("DELETE", f"/networks/{n['Id']}")
    engine.ask("POST", "/build/prune?all=1")
    assert on_disk(engine) == 0


def load(engine, tmp_path, tag, layers, **kw):
    path = tmp_path / "image.tar"
    im.Image(layers, tags=[tag], **kw).docker_archive(path, form="legacy")
    engine.load(path)


def create(engine, name, image, start=False, **body):
    host = {"NetworkMode": "none", **body.pop("HostConfig", {})}
    engine.ask("POST", f"/containers/create?name={name}", json.dumps({"Image": image, "HostConfig": host, **body}))
    if start:
        engine.ask("POST", f"/containers/{name}/start")


def tar_of(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(engine, container, directory, **files):
    engine.ask("PUT", f"/containers/{container}/archive?path={directory}", tar_of(files), "application/x-tar")


def build(engine, tag, **files):
    """By BuildKit, which fetches the context itself."""
    context = tar_of(files)

    class Context(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/x-tar")
            self.send_header("Content-Length", str(len(context)))
            self.end_headers()
            self.wfile.write(context)

        def log_message(self, *args):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        answer = engine.ask("POST", f"/v1.41/build?version=2&t={tag}&buildid={tag}&remote=http://127.0.0.1:{server.server_port}/context.tar")
        assert b"Successfully tagged" in answer, answer
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def full(engine, tmp_path):
    """Images that share layers, two of them with a name in common use, containers of every state, volumes with content, networks, build cache."""
    empty(engine)
    busybox = im.layer(im.Dir("bin"), im.File("bin/busybox", static_busybox(), mode=0o755), im.Dir("data"))
    for n in range(MANY):
        layers = [BASE, MIDDLE, im.layer(im.File("top", b"t" * (3000 + n)))] if n % 2 else [BASE, im.layer(im.File("top", b"t" * (5000 + n)))]
        load(engine, tmp_path, f"app{n}:1", layers, config={"Cmd": ["/x"], "Labels": {"n": str(n)}}, history=["ADD", ("ENV a=b", True)] + ["RUN"] * (len(layers) - 1))
    engine.ask("POST", "/images/app0:1/tag?repo=also&tag=2")
    load(engine, tmp_path, "app1:1", [BASE, MIDDLE, im.layer(im.File("newer", b"n" * 4000))])  # what app1:1 was has no name now
    load(engine, tmp_path, "box:1", [busybox], config={"Cmd": ["/bin/busybox", "sleep", "10000"]})
    create(engine, "running", "box:1", True, HostConfig={"Binds": ["kept:/data"]})
    create(engine, "made", "app2:1", Volumes={"/vol": {}})
    create(engine, "wrote", "app3:1")
    put(engine, "wrote", "/", scribble=b"s" * 12345)
    put(engine, "running", "/data", inside=b"i" * 2222)
    engine.ask("POST", "/volumes/create", json.dumps({"Name": "named"}))
    create(engine, "filler", "box:1", HostConfig={"Binds": ["named:/data"]}, Volumes={"/other": {}})
    put(engine, "filler", "/data", inside=b"v" * 3333)
    put(engine, "filler", "/other", inside=b"a" * 4444)
    build(engine, "kit:1", Dockerfile=b"FROM app4:1\nCOPY a /a\nENV x=y\nCOPY b /b\n", a=b"A" * 51000, b=b"B" * 72000)
    build(engine, "scratch:1", Dockerfile=b"FROM scratch\nCOPY c /c\n", c=b"C" * 33000)
    return engine


def prune(pare, engine, *args):
    return pare("prune", "--engine", "docker", "--format", "json", *args, env=engine.env).json()


def both(pare, engine, *args):
    """The dry run, then the same in earnest: what was said is what was freed and what the engine's own figures lost."""
    before = on_disk(engine)
    said = prune(pare, engine, "--dry-run", *args)
    assert on_disk(engine) == before
    done = prune(pare, engine, "--yes", *args)
    assert said["bytes"] == done["bytes"] == done["freed"] == before - on_disk(engine)
    told("%s: %d things go of %d: said %d, freed %d, df %d - %d" % (" ".join(args) or "(plain)", said["go"], said["go"] + said["stay"], said["bytes"], done["freed"], before, on_disk(engine)))
    return {(i["kind"], i["name"]): i for i in said["items"]}


def test_dry_run_freed_and_df_agree(pare, full):
    what = both(pare, full)
    assert not what["container", "running"]["goes"] and all(what["container", c]["goes"] for c in ("made", "wrote", "filler"))
    assert what["container", "wrote"]["bytes"] >= 12345
    gone = [n for (k, n), i in what.items() if k == "image" and i["goes"]]
    assert len(gone) == 1 and gone[0].startswith("<none>")
    assert not any(k == "volume" for k, n in what)
    what = both(pare, full, "--all", "--volumes")
    assert what["image", "box:1"]["why"] == "used by container running" and not what["volume", "kept"]["goes"]
    assert not what["volume", "named"]["goes"], "only what has no name"
    assert any(i["goes"] and i["bytes"] >= 4444 for (k, n), i in what.items() if k == "volume")
    assert [i["RepoTags"] for i in json.loads(full.ask("GET", "/images/json"))] == [["box:1"]]
    assert json.loads(full.ask("GET", "/v1.41/system/df"))["BuildCache"] in (None, [])
    assert both(pare, full, "--all", "--volumes") and prune(pare, full, "--dry-run", "--all", "--volumes")["go"] == 0


def test_cache_that_stays_keeps_its_bytes(pare, full):
    """An image whose layers the build cache has, too, frees nothing as long as that stays."""
    what = both(pare, full, "--all", "--no-cache", "--match", "scratch:1", "--match", "kit:1")
    assert what["image", "scratch:1"]["goes"] and what["image", "scratch:1"]["bytes"] == 0
    what = both(pare, full, "--match", "nothing")
    assert sum(i["bytes"] for (k, n), i in what.items() if k == "cache" and i["goes"]) >= 33000 + 51000 + 72000


def test_filters(pare, full):
    what = both(pare, full, "--all", "--filter", "label=n=4", "--no-cache")
    assert {n for (k, n), i in what.items() if i["goes"]} == {"app4:1", "kit:1"}  # its labels are those it was built on
    what = prune(pare, full, "--dry-run", "--all", "--filter", "until=24h")
    assert {i["kind"] for i in what["items"] if i["goes"]} == {"image"}, "containers and cache are of today, the images of a day long ago"
    what = both(pare, full, "--match", "nothing", "--keep-storage", "100kB")
    left = sum(c["Size"] for c in json.loads(full.ask("GET", "/v1.41/system/df"))["BuildCache"] or () if not c["Shared"])
    assert left <= 100000 and any(i["goes"] for (k, n), i in what.items() if k == "cache")
    what = both(pare, full, "--all", "--protect", "app*", "--protect", "also*")
    assert not any(i["goes"] for (k, n), i in what.items() if k == "image" and n.startswith(("app", "also")))


def test_names_go_one_by_one(pare, full):
    """An image of two names is there until the second goes."""
    what = both(pare, full, "--match", "also:2")
    assert what["image", "also:2"]["bytes"] == 0 and ["app0:1"] in [i["RepoTags"] for i in json.loads(full.ask("GET", "/images/json"))]
    assert both(pare, full, "--match", "app0:1")["image", "app0:1"]["bytes"] == 5000


def test_what_the_classic_builder_left(pare, engine, tmp_path):
    """Its steps are images of their own; they go with what was built on them, and are counted nowhere else."""
    empty(engine)
    load(engine, tmp_path, "base:1", [BASE])
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in ("Dockerfile", b"FROM base:1\nENV a=b\nCOPY one /\nLABEL x=y\nCOPY two /\n"), ("one", b"1" * 1111), ("two", b"2" * 2222):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    engine.ask("POST", "/build?t=built:1&version=1", out.getvalue(), "application/x-tar")
    assert len(engine.images()) > 2
    assert {n for k, n in both(pare, engine)} == {"base:1", "built:1"}
    what = both(pare, engine, "--match", "built:1")
    assert what["image", "built:1"]["bytes"] == 3333 and [tags for _, tags in engine.images()] == [("base:1",)]


def test_du_item_by_item(pare, full):
    """What `docker system df -v` prints of each thing, and what we say of it."""
    df = json.loads(full.ask("GET", "/v1.41/system/df"))
    doc = pare("du", "--engine", "docker", "--format", "json", env=full.env).json()
    ours = {i["id"]: (i["size"], i["shared"], i["unique"]) for i in doc["images"] if not i["step"]}
    assert ours == {i["Id"]: (i["Size"], i["SharedSize"], i["Size"] - i["SharedSize"]) for i in df["Images"]}
    assert {c["id"]: c["size"] for c in doc["containers"]} == {c["Id"]: c.get("SizeRw") or 0 for c in df["Containers"]}
    assert {v["name"]: (v["size"], len(v["containers"])) for v in doc["volumes"]} == {v["Name"]: (v["UsageData"]["Size"], v["UsageData"]["RefCount"]) for v in df["Volumes"]}
    assert {c["id"]: (c["size"], c["shared"], c["in_use"]) for c in doc["cache"]} == {c["ID"]: (c["Size"], c["Shared"], c["InUse"]) for c in df["BuildCache"]}
    told("du and system df agree on %d images, %d containers, %d volumes, %d records of the build cache" % tuple(len(df[k]) for k in ("Images", "Containers", "Volumes", "BuildCache")))


def test_du_explains(pare, full):
    doc = pare("du", "--engine", "docker", "--format", "json", env=full.env).json()
    check(doc, "du-engine")
    assert doc["size"] == on_disk(full) == sum(g["size"] for g in doc["groups"])
    named = {n: i for i in doc["images"] for n in i["names"]}
    assert named["app4:1"]["unique"] == 0 and named["app5:1"]["unique"] == 3005 and named["app5:1"]["shared"] == 270000
    assert named["box:1"]["containers"] == ["filler", "running"] and named["box:1"]["frees"] == 0 and named["box:1"]["command"] is None
    assert named["app5:1"]["command"] == "docker rmi app5:1"
    assert doc["shared_layers"][0]["size"] == 200000 and len(doc["shared_layers"][0]["images"]) == MANY + 2
    volumes = {v["name"]: v for v in doc["volumes"]}
    assert volumes["named"]["containers"] == ["filler"] and volumes["kept"]["size"] >= 2222
    frees = {g["kind"]: (g["frees"], g["frees_all"]) for g in doc["groups"]}
    shown = pare("du", "--engine", "docker", "--verbose", env=full.env).out
    assert "pare prune --engine docker --all" in shown and "used by container filler, running" in shown and "docker rmi app5:1" in shown
    assert (sum(f[0] for k, f in frees.items() if k != "volumes"), sum(f[1] for k, f in frees.items() if k != "volumes")) == (
        prune(pare, full, "--dry-run")["bytes"], prune(pare, full, "--dry-run", "--all")["bytes"])


# --- podman's service answers the same requests ---

@pytest.fixture
def service(tmp_path):
    storage = Storage("vfs")
    sock = storage.dir + "/sock"
    process = subprocess.Popen([tool("podman"), *storage.store_options(), "--cgroup-manager", "cgroupfs", "--tmpdir", storage.dir + "/tmp", "system", "service", "--time=0", "unix://" + sock],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PATH": PATH})
    for _ in range(300):
        if os.path.exists(sock):
            break
        time.sleep(0.1)
    storage.socket, storage.ask = sock, lambda *a: Docker.ask(storage, *a)
    yield storage
    process.terminate()
    process.wait()
    storage.stop()


def test_podman(pare, service, tmp_path):
    for n in range(2):
        path = tmp_path / "image.tar"
        im.Image([BASE, im.layer(im.File("top", b"t" * 3000 * (n + 1)))], tags=[f"localhost/app{n}:1"]).docker_archive(path, form="legacy")
        with open(path, "rb") as f:
            service.ask("POST", "/images/load?quiet=1", f.read(), "application/x-tar")
    env = {"CONTAINER_HOST": "unix://" + service.socket}
    doc = pare("du", "--engine", "podman", "--format", "json", env=env).json()
    check(doc, "du-engine")
    assert doc["engine"].startswith("Podman ") and len(doc["images"]) == 2 and len(doc["shared_layers"]) == 1
    assert prune_podman(pare, env, "--dry-run")["go"] == 0
    done = prune_podman(pare, env, "--match", "localhost/app1*", "--yes")
    assert [i["name"] for i in done["items"] if i["goes"]] == ["localhost/app1:1"] and done["freed"] == done["bytes"] > 0
    assert [i["RepoTags"] for i in json.loads(service.ask("GET", "/images/json"))] == [["localhost/app0:1"]]


def test_podman_agrees_with_itself(pare, service, tmp_path):
    """Images that share layers, one of two names and one of none, containers and volumes: what is said is what is freed, and what `du` has less afterwards. (Podman's own sums tell nothing.)"""
    for n in range(MANY):
        path = tmp_path / "image.tar"
        layers = [BASE, MIDDLE, im.layer(im.File("top", b"t" * (3000 + n)))] if n % 2 else [BASE, im.layer(im.File("top", b"t" * (5000 + n)))]
        for layers in [layers] + ([[BASE, im.layer(im.File("newer", b"n" * 9000))]] if n == 1 else []):
            im.Image(layers, config={"Cmd": ["/x"]}, tags=[f"localhost/app{n}:1"]).docker_archive(path, form="legacy")
            with open(path, "rb") as f:
                service.ask("POST", "/images/load?quiet=1", f.read(), "application/x-tar")
    service.ask("POST", "/images/localhost/app0:1/tag?repo=localhost/also&tag=2")
    create(service, "made", "localhost/app2:1", Volumes={"/vol": {}}, HostConfig={"Binds": ["kept:/data"]})
    create(service, "also-made", "localhost/app3:1")
    service.ask("POST", "/volumes/create", json.dumps({"Name": "named"}))
    env = {"CONTAINER_HOST": "unix://" + service.socket}

    def size():
        return pare("du", "--engine", "podman", "--format", "json", env=env).json()["size"]
    for args in (), ("--match", "localhost/app1*"), ("--all", "--protect", "localhost/app3*", "--protect", "also-made"), ("--all", "--volumes"):
        before, said = size(), prune_podman(pare, env, "--dry-run", *args)
        done = prune_podman(pare, env, "--yes", *args)
        assert said["bytes"] == done["bytes"] == done["freed"] == before - size() and said["go"] > 0
        told("podman %s: %d things go: said %d, freed %d, du %d - %d" % (" ".join(args), said["go"], said["bytes"], done["freed"], before, size()))
    assert json.loads(service.ask("GET", "/images/json")) == [] and size() == 0
    assert [v["Name"] for v in json.loads(service.ask("GET", "/volumes"))["Volumes"]] == ["kept", "named"]


def prune_podman(pare, env, *args):
    return pare("prune", "--engine", "podman", "--format", "json", *args, env=env).json()


# --- an engine that says what it likes ---

class Fake:
    """Answers by a table; what is not in it is not there. Records what it is asked."""

    def __init__(self, directory, answers):
        self.asked, self.path = [], str(directory / "fake")
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                path = self.path.split("/", 2)[-1] if self.path.startswith("/v1.") else self.path[1:]
                fake.asked.append((self.command, path))
                status, body = answers.get(f"{self.command} {path}", (404, {"message": "no such thing"}))
                body = next(body) if hasattr(body, "__next__") else body
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Api-Version", "1.41")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            do_GET = do_DELETE = do_POST = answer

            def log_message(self, *args):
                pass

            def address_string(self):
                return "fake"
        answers.setdefault("GET _ping", (200, b"OK"))
        answers.setdefault("GET version", (200, {"Version": "99.1"}))
        self.server = socketserver.ThreadingUnixStreamServer(self.path, Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.env = {"DOCKER_HOST": "unix://" + self.path}


@pytest.fixture
def fake(tmp_path):
    made = []

    def start(answers):
        made.append(Fake(tmp_path, answers))
        return made[-1]
    yield start
    for f in made:
        f.server.shutdown()
        f.server.server_close()


def world(**more):
    ids = ["sha256:" + c * 64 for c in "12"]
    return {
        "GET system/df": (200, {"LayersSize": 0}), "GET containers/json?all=1&size=1": (200, [
            {"Id": "c1", "Names": ["/stopped"], "State": "exited", "SizeRw": 100, "ImageID": ids[0], "NetworkSettings": {"Networks": {"mine": {}}}},
            {"Id": "c2", "Names": ["/paused"], "State": "paused", "SizeRw": 7, "ImageID": ids[1], "NetworkSettings": {"Networks": {"theirs": {}}}}]),
        "GET networks": (200, [{"Id": "n1", "Name": "mine"}, {"Id": "n2", "Name": "theirs"}, {"Id": "n3", "Name": "bridge"}, {"Id": "n4", "Name": "swarm", "Scope": "swarm"}]),
        "GET images/json?all=1": (200, [{"Id": ids[0], "RepoTags": ["one:1"], "Size": 1000}, {"Id": ids[1], "RepoTags": ["two:1"], "Size": 2000}]), **more}


def test_order_and_what_is_refused(pare, fake):
    """In the order it has to go; what is gone already is no failure, what is refused leaves the rest to go; nothing is forced."""
    e = fake(world(**{"DELETE containers/c1": (204, b""), "DELETE networks/n1": (404, {"message": "gone"}), "DELETE images/one:1": (409, {"message": "conflict: is \x1b[31mbusy"})}))
    said = prune(pare, e, "--dry-run", "--all")
    assert [(i["kind"], i["name"], i["goes"]) for i in said["items"]] == [
        ("container", "stopped", True), ("container", "paused", False), ("network", "mine", True), ("network", "theirs", False), ("image", "one:1", True), ("image", "two:1", False)]
    r = pare("prune", "--engine", "docker", "--all", "--yes", env=e.env, status=4)
    assert [a for a in e.asked if a[0] != "GET"] == [("DELETE", "containers/c1"), ("DELETE", "networks/n1"), ("DELETE", "images/one:1")]
    assert "conflict: is \\x1b[31mbusy" in r.err and "Freed 100 B before it failed" in r.out


def test_an_image_is_not_removed_before_its_container(pare, fake):
    """Filters that let the container stay keep what it stands on."""
    said = prune(pare, fake(world()), "--dry-run", "--all", "--protect", "stopped")
    assert [i["name"] for i in said["items"] if i["goes"]] == [] and {i["name"]: i["why"] for i in said["items"]}["one:1"] == "used by container stopped"


def test_names_that_came_to_mean_something_else(pare, fake):
    """Between the question and the answer an image is built anew under its name, and one without a name is given one: both stay."""
    old, new, bare, gone = ("sha256:" + c * 64 for c in "1234")

    def image(id, *names):
        return {"Id": id, "RepoTags": list(names), "Size": 1000}
    e = fake({"GET system/df": (200, {}), "GET containers/json?all=1&size=1": (200, []), "GET networks": (200, []),
              "GET images/json?all=1": (200, iter([[image(old, "app:1"), image(bare), image(gone, "gone:1")], [image(old), image(new, "app:1"), image(bare, "kept:1"), image(gone, "gone:1")]])),
              "DELETE images/gone:1": (200, []), "DELETE images/app:1": (200, []), "DELETE images/" + bare: (200, [])})
    assert prune(pare, e, "--yes", "--all")["freed"] == 1000
    assert [p for m, p in e.asked if m == "DELETE"] == ["images/gone:1"]


@pytest.mark.parametrize("answers", [
    {"GET images/json?all=1": (200, b"[{")}, {"GET system/df": (500, {"message": "\x1b]0;title\x07"})}, {"GET networks": (200, b"x" * (33 << 20))}, {"GET containers/json?all=1&size=1": (301, b"")},
], ids=["cut", "refused", "endless", "elsewhere"])
def test_answers_that_are_none(pare, fake, answers):
    e = fake(world(**answers))
    for args in ("du",), ("prune", "--yes"):
        r = pare(*args, "--engine", "docker", env=e.env, status=None)
        assert r.status in (3, 4) and r.err.count("\n") == 1 and not r.out
    assert all(a[0] == "GET" for a in e.asked)


def test_names_that_ask_for_something_else(pare, fake):
    """An id that would be another path is never sent, and no name reaches a terminal as it is, nor a command to be pasted."""
    e = fake(world(**{"GET images/json?all=1": (200, [{"Id": "../containers/c1?force=1", "RepoTags": ["x\x1b[2J; rm -rf /"], "Size": 5}]), "GET networks": (200, []),
                      "GET containers/json?all=1&size=1": (200, [])}))
    pare("prune", "--engine", "docker", "--all", "--yes", env=e.env, status=3)
    assert all(a[0] == "GET" and ".." not in a[1] for a in e.asked)
    assert "\\x1b[2J" in pare("du", "--engine", "docker", env=e.env).out
    assert pare("du", "--engine", "docker", "--format", "json", env=e.env).json()["images"][0]["command"] is None


# --- newer engines, by their documents ---

def containerd(**more):
    """API 1.48 with containerd's image store: an image once a name, sizes with the packed layers in them, a sum of all snapshots, what is not unpacked without a history."""
    ids = ["sha256:" + c * 64 for c in "123"]

    def told(id, *sizes):
        return {f"GET images/{id}/json": (200, {"Id": id, "RootFS": {"Type": "layers", "Layers": ["sha256:%064d" % n for n in sizes]}, "Size": 1}),
                f"GET images/{id}/history": (200, [{"Id": id, "CreatedBy": "RUN x", "Size": n} for n in reversed(sizes)])}

    def image(id, names, size, digests=()):
        return {"Id": id, "RepoTags": names, "RepoDigests": list(digests), "Size": size, "SharedSize": -1, "Containers": -1, "Labels": None, "Created": 1700000000, "ParentId": "",
                "Descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": id, "size": 855}}
    return {
        "GET info": (200, {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}),
        "GET system/df": (200, {"LayersSize": 987654321, "Images": None, "Containers": None, "Volumes": None, "BuildCache": [
            {"ID": "aaa", "Type": "regular", "Description": "RUN make", "InUse": False, "Size": 70, "CreatedAt": "2025-01-01T00:00:00.5Z", "LastUsedAt": None, "UsageCount": 1},
            {"ID": "bbb", "Parents": ["aaa"], "Type": "regular", "Description": "COPY x", "InUse": False, "Size": 7, "CreatedAt": "2025-01-01T00:00:00Z", "UsageCount": 1}]}),
        "GET containers/json?all=1&size=1": (200, [{"Id": "c1", "Names": ["/stopped"], "State": "exited", "SizeRw": 100, "ImageID": ids[1], "ImageManifestDescriptor": {"digest": ids[0]}}]),
        "GET networks": (200, []),
        "GET images/json?all=1": (200, [image(ids[0], ["docker.io/library/one:1"], 1500, ["one@" + ids[0]]), image(ids[1], ["two:1"], 900), image(ids[0], ["one:2"], 1500),
                                        image(ids[2], ["other-platform:1"], 444)]),
        **told(ids[0], 600, 400), **told(ids[1], 600, 30), f"GET images/{ids[2]}/json": (200, {"Id": ids[2], "RootFS": {}}),
        f"GET images/{ids[2]}/history": (500, {"message": "snapshot sha256:0 does not exist: not found"}), **more}


def test_containerd_store(pare, fake):
    e = fake(containerd())
    doc = pare("du", "--engine", "docker", "--format", "json", env=e.env).json()
    check(doc, "du-engine")
    assert {g["kind"]: g["size"] for g in doc["groups"]} == {"images": 600 + 400 + 30 + 444, "containers": 100, "volumes": 0, "cache": 77}
    images = {tuple(i["names"]): (i["size"], i["unique"], i["shared"]) for i in doc["images"]}
    assert images == {("docker.io/library/one:1", "one:2"): (1000, 400, 600), ("two:1",): (630, 30, 600), ("other-platform:1",): (444, 444, 0)}
    said = prune(pare, e, "--dry-run", "--all")
    assert said["bytes"] == 600 + 400 + 30 + 444 + 100 + 77
    assert [i["name"] for i in said["items"] if i["kind"] == "cache"] == ["COPY x", "RUN make"]
    assert "containerd's image store" in pare("du", "--engine", "docker", env=e.env).out and "containerd's image store" in pare("prune", "--engine", "docker", "-n", env=e.env).out


@pytest.mark.parametrize("kind", ["gzip", "zstd", "none"])
def test_containerd_gives_what_it_pulled(pare, fake, tmp_path, kind):
    """`docker save` of an engine that keeps layers packed has the manifest that was pulled, beside Docker's own; one that keeps them unpacked makes a manifest of plain layers, which is nobody's."""
    one, other = im.Image([BASE, MIDDLE], tags=["x:1"]), im.Image([BASE], arch="s390x", tags=["x:1"])
    lay = im.index_layout(tmp_path / "lay", [one, other], nested=True, compression=kind, attestation=True)
    top = json.loads((tmp_path / "lay" / "index.json").read_text())["manifests"][0]["digest"]
    members = {str(p.relative_to(tmp_path / "lay")): p.read_bytes() for p in sorted((tmp_path / "lay").rglob("*")) if p.is_file()}
    body, blobs = one.manifest(kind)
    for gone in other.manifest(kind)[1] + [other.manifest(kind)[0]]:
        if gone not in blobs:
            members.pop("blobs/sha256/" + im.sha256(gone))  # never pulled
    members["manifest.json"] = json.dumps([{"Config": "blobs/sha256/" + im.sha256(blobs[0]), "RepoTags": ["x:1"], "Layers": ["blobs/sha256/" + im.sha256(b) for b in blobs[1:]]}]).encode()
    im.write_tar(tmp_path / "saved.tar", members.items())
    e = fake({"GET images/x:1/json": (200, {"Id": top, "RepoTags": ["x:1"]}), "GET images/x:1/get": (200, (tmp_path / "saved.tar").read_bytes())})
    shown = pare("inspect", "docker-daemon:x:1", "--platform", "linux/amd64", "--format", "json", env=e.env).json()
    assert [d["diff_id"] for d in shown["layers"]] == one.doc["rootfs"]["diff_ids"] and not shown["incomplete"]
    got = pare("copy", "--json", "--platform", "linux/amd64", "docker-daemon:x:1", "pare:got:1", env=e.env).json()
    assert (got["digest"] == "sha256:" + im.sha256(body)) == (kind != "none") and bool(got["changes"]) == (kind == "none")
    assert lay and pare("inspect", "pare:got:1", "--format", "json").json()["image"]["config_digest"] == "sha256:" + im.sha256(blobs[0])
    again = pare("copy", "--platform", "linux/s390x", "docker-daemon:x:1", "pare:other:1", env=e.env, status=None)
    assert again.status in (2, 3) and again.err.count("\n") == 1, again


def test_what_a_proxy_lets_through(pare, fake):
    """Sockets are often behind one that answers only some requests: what is needed less is done without."""
    e = fake(containerd(**{"GET info": (403, b"<html>Forbidden</html>")}))
    assert pare("du", "--engine", "docker", "--format", "json", env=e.env).json()["groups"][0]["size"] == 987654321
    e.server.shutdown()


def test_pulled_by_digest_from_several_repositories(pare, fake):
    """What the ID is refused for, since several names lead there, goes name by name."""
    id, refs = "sha256:" + "4" * 64, ["a.example/x@sha256:" + "5" * 64, "b.example:5000/x@sha256:" + "5" * 64]
    e = fake({"GET system/df": (200, {"LayersSize": 50}), "GET containers/json?all=1&size=1": (200, []), "GET networks": (200, []),
              "GET images/json?all=1": (200, [{"Id": id, "RepoTags": [], "RepoDigests": refs, "Size": 50}]),
              f"GET images/{id}/json": (200, {"RootFS": {"Layers": ["sha256:" + "6" * 64]}}), f"GET images/{id}/history": (200, [{"Size": 50}]),
              f"DELETE images/{id}": (409, {"message": "conflict: unable to delete 444444444444 (must be forced) - image is referenced in multiple repositories"}),
              **{"DELETE images/" + r: (200, [{"Untagged": r}]) for r in refs}})
    assert prune(pare, e, "--yes")["freed"] == 50
    assert [p for m, p in e.asked if m == "DELETE"] == ["images/" + id, *["images/" + r for r in refs]]


# --- nobody there ---

def test_no_engine(pare, tmp_path):
    for args in ("du",), ("prune", "--dry-run"):
        assert "no Docker engine at" in pare(*args, "--engine", "docker", env={"DOCKER_HOST": f"unix://{tmp_path}/none"}, status=4).err
        assert "Podman" in pare(*args, "--engine", "podman", env={"CONTAINER_HOST": f"unix://{tmp_path}/none"}, status=4).err
        with socket.socket(socket.AF_UNIX) as dead:
            (tmp_path / "dead").unlink(missing_ok=True)
            dead.bind(str(tmp_path / "dead"))
        r = pare(*args, "--engine", "docker", env={"DOCKER_HOST": f"unix://{tmp_path}/dead"}, status=4)
        assert "nobody answers there" in r.err and r.err.count("\n") == 1
        assert "want docker, podman" in pare(*args, "--engine", "other", status=2).err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_a_socket_of_somebody_else(pare_binary):
    """What users meet first: their engine is there, and not theirs."""
    program, where = shutil.which("setpriv"), tempfile.mkdtemp(dir="/tmp")
    if not program:
        pytest.skip("setpriv is not installed")
    try:
        os.chmod(where, 0o755)
        shutil.copy(pare_binary, where + "/pare")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(where + "/s")
            s.listen(1)
            os.chmod(where + "/s", 0o600)
            r = subprocess.run([program, "--reuid=65534", "--regid=65534", "--clear-groups", where + "/pare", "du", "--engine", "docker"], capture_output=True, text=True,
                               env={"DOCKER_HOST": f"unix://{where}/s", "HOME": where, "PARE_STORE": where + "/store"})
        assert r.returncode == 4 and "be root, or of the group that owns it" in r.stderr and r.stderr.count("\n") == 1
    finally:
        shutil.rmtree(where)
