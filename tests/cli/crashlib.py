"""What the tests of crashes and full disks share: a scene with images in archives, layouts and a registry; what a store holds, as a reader sees it that is no pare; what nobody may leave."""
import hashlib
import json
import os
import random
import re
import shutil
import subprocess

from imagelib import File, Image, layer

PART = re.compile(r"\.part-[a-z2-7]{8}$")
RESUMED = re.compile(r"^sha(256|384|512)-[0-9a-f]+\.part$")  # what a transfer that broke off is continued from


class Scene:
    """`n` images of one base with a layer each; every odd one is plain and compressed only when it is stored."""

    def __init__(self, root, n=4, size=200_000, registry=None, pare=None):
        rng = random.Random(5)
        base = layer(File("base", rng.randbytes(size)))
        self.n, self.root, self.registry = n, root, registry
        self.images = [Image([base, layer(File("own%d" % i, rng.randbytes(size)), File("text", b"%d\n" % i * (size // 4)))], tags=("docker.io/library/app:%d" % i,)) for i in range(n)]
        self.docker = [i.docker_archive(str(root / ("docker%d.tar" % k))).split(":", 1)[1] for k, i in enumerate(self.images)]
        self.oci = [i.oci_archive(str(root / ("oci%d.tar" % k))).split(":", 1)[1] for k, i in enumerate(self.images)]
        if registry:
            for k in range(n):
                pare("copy", "oci-archive:" + self.oci[k], "docker://%s/app:%d" % (registry.host, k))


def start(pare, *args, **env):
    full = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store), "LC_ALL": "C.UTF-8", **env}
    return subprocess.Popen([pare.binary, *map(str, args)], env=full, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=str(pare.root / "cwd"))


def check(pare):
    doc = pare("store", "check", "--format", "json", status=0).json()
    assert doc["bad"] == doc["missing"] == 0, doc
    return doc


def manifests(layout):
    try:
        with open(layout / "index.json") as f:
            return json.load(f)["manifests"]
    except FileNotFoundError:
        return []


def name_of(entry):
    return entry.get("annotations", {}).get("org.opencontainers.image.ref.name", "")


def names(pare):
    return sorted(name_of(m) for m in manifests(pare.store / "images"))


def read_blob(layout, descriptor):
    algorithm, digits = descriptor["digest"].split(":")
    data = (layout / "blobs" / algorithm / digits).read_bytes()
    assert len(data) == descriptor["size"] and hashlib.new(algorithm, data).hexdigest() == digits, descriptor
    return data


def closure(layout):
    """Every blob that the list of images stands on, each of them read and compared with its digest."""
    found, todo = set(), manifests(layout)
    while todo:
        d = todo.pop()
        if d["digest"] in found:
            continue
        found.add(d["digest"])
        data = read_blob(layout, d)
        if "manifest" in d["mediaType"] or "index" in d["mediaType"]:
            doc = json.loads(data)
            todo += [*doc.get("manifests", []), *doc.get("layers", []), *([doc["config"]] if "config" in doc else [])]
    return found


def blobs(layout):
    return {"%s:%s" % (d.name, p.name) for d in (layout / "blobs").glob("*") for p in d.iterdir()}


def files(root):
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if not p.is_dir()) if root.exists() else []


def leaks(pare):
    """What no store has that nobody is using."""
    wrong = [p for p in files(pare.store) if PART.search(p) or p.startswith(("leases/", "images/ingest/", "pare-image-", "spool-", "export-"))]
    wrong += [str(p) for p in pare.store.iterdir() if p.name.startswith("pare-image-")]
    return wrong + ["$TMPDIR/" + p for p in files(pare.root / "tmp")]


def assert_pruned(pare):
    """After a prune: the blobs are those that the images stand on, and nothing was left that somebody began."""
    assert leaks(pare) == [], leaks(pare)
    images = pare.store / "images"
    assert blobs(images) == closure(images), blobs(images) ^ closure(images)


def begun(directory):
    """What a writer of an OCI layout, or of an archive, has begun beside its place."""
    return [p for p in files(directory) if PART.search(p) or ".pare-" in p] + [str(p) for p in directory.rglob(".pare-*")]


def copy_store(pare, template):
    shutil.rmtree(pare.store)
    shutil.copytree(template, pare.store)
