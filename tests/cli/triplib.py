"""A round trip: an image goes from where it is to the store, a registry, a layout, another registry, another store, and is looked at in each of them by the hands of these tests: every document
and blob is read where it lies and hashed here.

    trip = Trip(pare, directory, registries)
    trip.run("docker-archive:a.tar", "name")   # the digest that stayed
    trip.steps, trip.digests                   # how many copies were made, how many digests compared
"""
import bz2
import hashlib
import http.client
import json
import lzma
import os
import shutil
import subprocess
import tarfile
import zlib

CHUNK = 1 << 20
EMPTY_TYPES = ("application/vnd.oci.empty.v1+json",)


def chunks(f):
    while True:
        data = f.read(CHUNK)
        if not data:
            return
        yield data


def inflated(data):
    """The pieces of a layer's tar, however it is compressed; of zstd none (the tool may not be there)."""
    first = next(data, b"")

    def joined():
        yield first
        yield from data
    if first[:2] == b"\x1f\x8b":
        z = zlib.decompressobj(31)
        for piece in joined():
            while piece:
                yield z.decompress(piece)
                piece = z.unused_data
                if z.eof:
                    z = zlib.decompressobj(31)
                    if not piece.startswith(b"\x1f\x8b"):
                        break
    elif first[:3] == b"BZh" or first[:6] == b"\xfd7zXZ\0":
        z = bz2.BZ2Decompressor() if first[:3] == b"BZh" else lzma.LZMADecompressor()
        for piece in joined():
            yield z.decompress(piece)
    elif first[:4] == b"\x28\xb5\x2f\xfd" or (0x50 <= first[:1][0] < 0x60 if first[1:4] == b"\x2a\x4d\x18" else False):
        program = shutil.which("zstd")
        if program:
            p = subprocess.Popen([program, "-dcq", "--long=31"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            whole = p.communicate(b"".join(joined()))[0]  # zstd layers of the tests are small, those of a directory fit into memory
            yield whole
    else:
        yield from joined()


class Files:
    """Blobs that lie under their digest: a layout, a store."""

    def __init__(self, top):
        self.top = str(top)

    def read(self, digest):
        try:
            with open(os.path.join(self.top, "blobs", digest.replace(":", "/")), "rb") as f:
                yield from chunks(f)
        except FileNotFoundError:
            raise AssertionError("%s is not in %s" % (digest, self.top))


class Remote:
    """A repository of a registry, asked over HTTP."""

    def __init__(self, registry, name):
        self.registry, self.name = registry, name

    def read(self, digest, kinds=("blobs", "manifests")):
        for kind in kinds:
            c = http.client.HTTPConnection("127.0.0.1", self.registry.port, timeout=120)
            try:
                c.request("GET", "/v2/%s/%s/%s" % (self.name, kind, digest), headers={"Accept": "*/*" if kind == "blobs" else ", ".join(
                    "application/vnd." + t for t in ("oci.image.manifest.v1+json", "oci.image.index.v1+json", "docker.distribution.manifest.v2+json", "docker.distribution.manifest.list.v2+json"))})
                r = c.getresponse()
                if r.status == 200:
                    yield from chunks(r)
                    return
                r.read()
            finally:
                c.close()
        raise AssertionError("%s is not in %s" % (digest, self.name))

    def document(self, digest):
        return self.read(digest, ("manifests",))


def take(place, digest, document=False):
    """(bytes of a document or None, size), the content having that digest."""
    h, size, kept = hashlib.new(digest.split(":")[0]), 0, []
    for piece in getattr(place, "document", place.read)(digest) if document else place.read(digest):
        h.update(piece)
        size += len(piece)
        if document:
            kept.append(piece)
    assert h.hexdigest() == digest.split(":")[1], "content of %s" % digest
    return b"".join(kept), size


def contents(place, top):
    """{digest: size} of a document and of all it names, every one read and hashed; layers that are somewhere else (urls) left out."""
    found, todo = {}, [(top, None, True)]
    while todo:
        digest, size, document = todo.pop()
        if digest in found:
            continue
        body, found[digest] = take(place, digest, document)
        assert size is None or size == found[digest], digest
        if not document:
            continue
        doc = json.loads(body)
        todo += [(d["digest"], d["size"], True) for d in doc.get("manifests") or ()]
        todo += [(d["digest"], d["size"], False) for d in [doc[k] for k in ("config",) if k in doc] + (doc.get("layers") or doc.get("blobs") or []) if not d.get("urls")]
    return found


def images_of(place, top):
    """(manifest, configuration) of every image below."""
    doc = json.loads(take(place, top, True)[0])
    for d in doc.get("manifests") or ():
        yield from images_of(place, d["digest"])
    config = doc.get("config") or {}
    if config.get("mediaType") in ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"):
        yield doc, json.loads(take(place, config["digest"], True)[0] if not isinstance(place, Remote) else b"".join(place.read(config["digest"])))


def check_diff_ids(place, top):
    """The layers, inflated here, are what the configuration says; how many."""
    n = 0
    for doc, config in images_of(place, top):
        for d, diff_id in zip(doc["layers"], config["rootfs"]["diff_ids"]):
            if d.get("urls") or not ("layer" in d["mediaType"] or "rootfs.diff" in d["mediaType"]):
                continue
            h, any_ = hashlib.new(diff_id.split(":")[0]), False
            for piece in inflated(place.read(d["digest"])):
                h.update(piece)
                any_ = True
            if any_:
                assert h.hexdigest() == diff_id.split(":")[1], (d, diff_id)
                n += 1
    return n


def archive_images(path):
    """(RepoTags, configuration's bytes) of each image of a docker-archive; None: it is none, or one that is compressed as a whole."""
    try:
        with tarfile.open(path, "r:") as tar:
            members = {m.name[2:] if m.name.startswith("./") else m.name: m for m in tar}
            if "manifest.json" not in members:
                return None
            return [(i.get("RepoTags") or [], tar.extractfile(members[i["Config"]]).read()) for i in json.load(tar.extractfile(members["manifest.json"])) or ()]
    except (tarfile.ReadError, KeyError):
        return None


class Trip:
    def __init__(self, pare, directory, registries):
        self.pare, self.dir, self.registries = pare, str(directory), registries
        self.refused = []
        self.images = self.steps = self.digests = self.layers = 0
        os.makedirs(self.dir, exist_ok=True)

    def copy(self, source, target, *options, store="a", may_refuse=False):
        """What it says of the copy. may_refuse: None when the source is damaged, which is said in one line."""
        r = self.pare("--store", os.path.join(self.dir, store), "copy", "--json", *options, source, target, status=None if may_refuse else 0)
        if r.status:
            assert r.status in (2, 3) and r.err.count("\n") == 1, r
            self.refused.append(r.err.strip())
            return None
        self.steps += 1
        return r.json()

    def same(self, place, top, expected):
        got = contents(place, top)
        assert got == expected
        self.digests += len(got)

    def run(self, source, name, options=None, config=None, digest=None, keep=False, may_refuse=False):
        """The digest that the image has in each of the places. config: the bytes its configuration has in the source; digest: what its document has there."""
        if options is None:
            options = ("--all",) if source.startswith(("oci", "pare:", "docker:")) else ()
        one, two = self.registries
        here, there, again = "pare:%s:1" % name, "docker://%s/one/%s:1" % (one.host, name), "docker://%s/two/%s:1" % (two.host, name)
        lay = os.path.join(self.dir, "layout")
        first = self.copy(source, here, *options, may_refuse=may_refuse)
        if not first:
            return None
        top = first["digest"]
        if digest:
            assert top == digest and not first["changes"], first
        store = Files(os.path.join(self.dir, "a", "images"))
        expected = contents(store, top)
        self.digests += len(expected)
        self.layers += check_diff_ids(store, top)
        if config is not None:
            manifest = json.loads(take(store, top, True)[0])
            assert manifest["config"]["digest"] == "sha256:" + hashlib.sha256(config).hexdigest()
            assert len(manifest["layers"]) == len(json.loads(config)["rootfs"]["diff_ids"])
        for at, to, place, also in ((here, there, Remote(one, "one/" + name), "a"), (there, "oci:%s:x" % lay, Files(lay), "a"), ("oci:%s:x" % lay, again, Remote(two, "two/" + name), "a"),
                                    (again, here, Files(os.path.join(self.dir, "b", "images")), "b")):
            done = self.copy(at, to, "--all", "--preserve-digests", store=also)
            assert done["digest"] == top and not done["changes"], done
            assert done["sent"] + done["there"] + done["mounted"] == done["blobs"]
            self.same(place, top, expected)
        self.images += 1
        if not keep:
            shutil.rmtree(lay)
        return top

    def clean(self):
        shutil.rmtree(self.dir, ignore_errors=True)
