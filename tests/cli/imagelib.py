"""imagelib: small images for the tests, byte for byte under control.

    base = layer(Dir("etc"), File("etc/motd", b"hello\\n"))
    top = layer(Whiteout("etc/motd"), File("app/run", b"#!/bin/sh\\n", mode=0o755, uid=1000))
    image = Image([base, top], config={"User": "1000"}, history=["ADD rootfs /", "COPY run /app/"])
    image.docker_archive(path, form="docker25")     # or "legacy", "kaniko"
    image.oci(directory, compression="zstd")         # an OCI layout
    image.oci_archive(path)

A layer is the bytes of a plain tar archive; whatever makes such bytes can be used in its place. Everything is deterministic.
"""
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import struct
import tarfile

WHEN = 1600000000
CREATED = "2020-09-13T12:26:40Z"
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."


# ---------------------------------------------------------------- entries

def _entry(kind, path, mode, uid=0, gid=0, mtime=WHEN, xattrs=None, link="", data=None, device=(0, 0), pax=None):
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname = kind, mode, uid, gid, mtime, link
    info.devmajor, info.devminor = device
    info.pax_headers = dict(pax or {})
    for name, value in (xattrs or {}).items():
        info.pax_headers["SCHILY.xattr." + name] = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    if data is not None:
        info.size = len(data)
    return info, data


def File(path, data=b"", mode=0o644, **kw):
    return _entry(tarfile.REGTYPE, path, mode, data=data if isinstance(data, bytes) else data.encode(), **kw)


def Dir(path, mode=0o755, **kw):
    return _entry(tarfile.DIRTYPE, path, mode, **kw)


def Symlink(path, target, mode=0o777, **kw):
    return _entry(tarfile.SYMTYPE, path, mode, link=target, **kw)


def Hardlink(path, target, mode=0o644, **kw):
    return _entry(tarfile.LNKTYPE, path, mode, link=target, **kw)


def Fifo(path, mode=0o644, **kw):
    return _entry(tarfile.FIFOTYPE, path, mode, **kw)


def Device(path, major, minor, block=False, mode=0o600, **kw):
    return _entry(tarfile.BLKTYPE if block else tarfile.CHRTYPE, path, mode, device=(major, minor), **kw)


def Whiteout(path, **kw):
    """Hides what lower layers have at `path`."""
    return File(os.path.join(os.path.dirname(path), ".wh." + os.path.basename(path)), mode=0, **kw)


def Opaque(path, **kw):
    """Hides what lower layers have in the directory `path`."""
    return File(os.path.join(path, ".wh..wh..opq"), mode=0, **kw)


def layer(*entries, format=tarfile.PAX_FORMAT):
    """A plain tar archive of the entries, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, encoding="utf-8", errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


# ---------------------------------------------------------------- compression

def zstd(data):
    """A zstd frame of raw blocks (RFC 8878): no compressor needed, and every decoder reads it."""
    out = [struct.pack("<IBQ", 0xFD2FB528, 0xE0, len(data))]  # single segment, 8 bytes of content size
    for at in range(0, len(data), 1 << 17) or [0]:
        block = data[at:at + (1 << 17)]
        out.append(struct.pack("<I", len(block) << 3 | (at + len(block) >= len(data)))[:3] + block)
    return b"".join(out)


COMPRESSIONS = {
    "none": lambda d: d,
    "gzip": lambda d: gzip.compress(d, 6, mtime=0),
    "zstd": zstd,
    "xz": lambda d: lzma.compress(d, preset=0),
    "bzip2": lambda d: bz2.compress(d, 1),
}
SUFFIX = {"none": "", "gzip": "+gzip", "zstd": "+zstd", "xz": "+xz", "bzip2": "+bzip2"}


def compress(data, kind):
    return COMPRESSIONS[kind](data)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def _json(doc):
    return json.dumps(doc, separators=(",", ":")).encode()


def write_tar(path, members):
    """An archive of (name, bytes), or (name, ("link", target)), in this order."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.mtime = WHEN
            if isinstance(data, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, data[1]
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


# ---------------------------------------------------------------- images

class Image:
    """Layers (plain tars, lowest first) and a configuration.

    history: an instruction a layer, or None for none at all; an item ("ENV A=b", True) is an entry without a layer.
    tags:    names the image is stored under.
    extra:   merged into the top level of the configuration document.
    """

    def __init__(self, layers, config=None, history=None, tags=("example:latest",), os="linux", arch="amd64", variant=None, extra=None):
        self.layers, self.tags, self.arch, self.os, self.variant = list(layers), list(tags), arch, os, variant
        self.doc = {"created": CREATED, "architecture": arch, "os": os, "config": dict(config or {}),
                    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha256(d) for d in self.layers]}}
        if variant:
            self.doc["variant"] = variant
        if history is None:
            history = ["RUN /bin/sh -c step%d # buildkit" % i for i in range(len(self.layers))]
        if history:
            self.doc["history"] = [dict({"created": CREATED, "created_by": h if isinstance(h, str) else h[0]}, **({} if isinstance(h, str) else {"empty_layer": True}))
                                   for h in history]
        self.doc.update(extra or {})

    @property
    def config_bytes(self):
        return _json(self.doc)

    # docker-archive

    def docker_members(self, form="docker25"):
        """(members, the image's entry of manifest.json)."""
        config = self.config_bytes
        if form == "docker25":  # an OCI layout and manifest.json in one, layers plain
            members = {"blobs/sha256/" + sha256(d): d for d in self.layers}
            name, layers = "blobs/sha256/" + sha256(config), ["blobs/sha256/" + sha256(d) for d in self.layers]
        elif form == "legacy":  # a directory a layer; the same layer again is a link to the first
            members, layers, first = {}, [], {}
            for i, d in enumerate(self.layers):
                where = sha256(b"%d" % i + d)
                members[where + "/VERSION"] = b"1.0"
                members[where + "/json"] = _json({"id": where})
                members[where + "/layer.tar"] = ("link", "../" + first[d]) if d in first else d
                first.setdefault(d, where + "/layer.tar")
                layers.append(where + "/layer.tar")
            name = sha256(config) + ".json"
        elif form == "kaniko":  # gzip layers named by their digest, the configuration by its own
            stored = [compress(d, "gzip") for d in self.layers]
            members = {sha256(d) + ".tar.gz": d for d in stored}
            name, layers = "sha256:" + sha256(config), [sha256(d) + ".tar.gz" for d in stored]
        else:
            raise ValueError(form)
        members[name] = config
        return members, {"Config": name, "RepoTags": self.tags, "Layers": layers}

    def docker_archive(self, path, form="docker25", others=()):
        """`docker save` of this image and `others`."""
        members, entries = {}, []
        for image in (self, *others):
            more, entry = image.docker_members(form)
            members.update(more)
            entries.append(entry)
        if form == "docker25":
            layout = {}
            for image in (self, *others):
                layout.update(image._layout("none"))
            layout.pop("index.json")
            members = {**layout, **members}
            members["index.json"] = _json({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
                d for image in (self, *others) for d in image.descriptors("none")]})
        if form == "legacy":
            members["repositories"] = _json({t.rsplit(":", 1)[0]: {t.rsplit(":", 1)[1]: "0" * 64} for i in (self, *others) for t in i.tags})
        members["manifest.json"] = _json(entries)
        write_tar(path, members.items())
        return "docker-archive:%s" % path

    # OCI

    def manifest(self, compression="gzip", media="oci"):
        """(manifest bytes, the blobs it names)."""
        kinds = [compression] * len(self.layers) if isinstance(compression, str) else list(compression)
        stored = [compress(d, k) for d, k in zip(self.layers, kinds)]
        config = self.config_bytes
        if media == "oci":
            types = (OCI + "manifest.v1+json", OCI + "config.v1+json", [OCI + "layer.v1.tar" + SUFFIX[k] for k in kinds])
        else:
            types = (DOCKER + "distribution.manifest.v2+json", DOCKER + "container.image.v1+json",
                     [DOCKER + "image.rootfs.diff.tar" + (".gzip" if k == "gzip" else "") for k in kinds])
        doc = {"schemaVersion": 2, "mediaType": types[0], "config": {"mediaType": types[1], "digest": "sha256:" + sha256(config), "size": len(config)},
               "layers": [{"mediaType": t, "digest": "sha256:" + sha256(d), "size": len(d)} for t, d in zip(types[2], stored)]}
        return _json(doc), [config, *stored]

    def descriptors(self, compression="gzip", media="oci"):
        """What an index says of the image: one a tag, or one without a name."""
        body, _ = self.manifest(compression, media)
        platform = {"os": self.os, "architecture": self.arch, **({"variant": self.variant} if self.variant else {})}
        one = {"mediaType": json.loads(body)["mediaType"], "digest": "sha256:" + sha256(body), "size": len(body), "platform": platform}
        return [dict(one, annotations={"org.opencontainers.image.ref.name": t.rsplit(":", 1)[-1], "io.containerd.image.name": t}) for t in self.tags] or [one]

    def _layout(self, compression="gzip", media="oci"):
        body, blobs = self.manifest(compression, media)
        files = {"blobs/sha256/" + sha256(b): b for b in [*blobs, body]}
        files["index.json"] = _json({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": self.descriptors(compression, media)})
        files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        return files

    def oci(self, directory, compression="gzip", media="oci"):
        """An OCI layout. compression: one for all layers, or a list."""
        write_files(directory, self._layout(compression, media))
        return "oci:%s" % directory

    def oci_archive(self, path, compression="gzip", media="oci"):
        write_tar(path, sorted(self._layout(compression, media).items()))
        return "oci-archive:%s" % path


def index_layout(directory, images, nested=False, compression="gzip", attestation=False):
    """An OCI layout of one multi-platform image: an index of `images`, inside another one with `nested`."""
    files, manifests = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}, []
    for image in images:
        files.update({k: v for k, v in image._layout(compression).items() if k.startswith("blobs/")})
        one = image.descriptors(compression)[0]
        one.pop("annotations", None)
        manifests.append(one)
    if attestation:
        statement = Image([layer(File("statement.json", b"{}"))], tags=(), os="unknown", arch="unknown")
        files.update({k: v for k, v in statement._layout("none").items() if k.startswith("blobs/")})
        manifests.append(dict(statement.descriptors("none")[0], annotations={
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": manifests[0]["digest"]}))
    index = _json({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": manifests})
    if nested:
        files["blobs/sha256/" + sha256(index)] = index
        index = _json({"schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [
            {"mediaType": OCI + "index.v1+json", "digest": "sha256:" + sha256(index), "size": len(index),
             "annotations": {"org.opencontainers.image.ref.name": "latest"}}]})
    files["index.json"] = index
    write_files(directory, files)
    return "oci:%s" % directory


def write_files(directory, files):
    for name, data in files.items():
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
