"""What the tests of signatures share: keys made by openssl, an image to sign, pare sign and pare verify."""
import json
import subprocess

from imagelib import File, Image, layer
from schemalib import check

SIGNATURE = "dev.cosignproject.cosign/signature"
KINDS = {"p256": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "p521": ["EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ed25519": ["ed25519"], "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
         "pss": ["RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]}


def openssl(*args, **kw):
    return subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **kw).stdout


def make_key(directory, name, kind="p256"):
    openssl("genpkey", "-algorithm", *KINDS[kind], "-out", directory / (name + ".key"))
    openssl("pkey", "-in", directory / (name + ".key"), "-pubout", "-out", directory / (name + ".pub"))
    return directory / (name + ".key"), directory / (name + ".pub")


def make_layout(path):
    """An OCI layout with one image, "v1"."""
    Image([layer(File("app", b"x" * 1000))]).oci(path)
    doc = json.loads((path / "index.json").read_text())
    doc["manifests"][0]["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (path / "index.json").write_text(json.dumps(doc))
    return path


def index(layout):
    return json.loads((layout / "index.json").read_text())["manifests"]


def blob(layout, digest):
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def digest_of(layout):
    return next(m["digest"] for m in index(layout) if m.get("annotations", {}).get("org.opencontainers.image.ref.name") == "v1")


def sign(pare, layout, key, *more, **kw):
    return pare("sign", "oci:%s:v1" % layout, "--key", key, "--identity", "r.example/app:v1", *more, **kw)


def verify(pare, layout, *keys, status=0, more=()):
    doc = pare("verify", "oci:%s:v1" % layout, *[w for k in keys for w in ("--key", k)], "--format", "json", *more, status=status).json()
    check(doc, "verify")
    return doc
