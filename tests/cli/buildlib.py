"""What tests of `pare build` share: a base image of a static busybox, contexts, and what came of a build."""
import io
import json
import shutil
import tarfile

import pytest

from engines import static_busybox
from imagelib import Dir, File, Image, Symlink, layer

NAMES = ("sh", "cat", "cp", "rm", "mv", "ls", "echo", "env", "id", "ln", "mkdir", "stat", "chmod", "chown", "touch", "sleep", "test", "[", "true", "false", "head", "tail", "wc", "find", "grep", "sed", "sort", "df", "awk", "dd",
         "printf", "date", "hostname", "mount", "mkfifo", "kill", "seq", "sha256sum", "tr", "setsid", "ps", "tar", "gzip", "readlink", "pwd", "cut", "xargs", "tee", "expr", "basename", "dirname", "mktemp", "whoami", "uname")
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nmail:x:8:8:mail:/var/mail:/bin/false\napp:x:1000:1001:app:/home/app:/bin/sh\n"
GROUP = b"root:x:0:\nmail:x:8:\napp:x:1001:\nstaff:x:50:app\n"


def runtime():
    """Steps need an OCI runtime, and root or ranges of IDs."""
    if not shutil.which("runc", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin") and not shutil.which("crun"):
        pytest.skip("no OCI runtime (Debian: runc)")


def base_image(config=None, extra=()):
    entries = [Dir("bin"), Dir("etc"), Dir("tmp", mode=0o1777), Dir("root", mode=0o700), Dir("var"), Dir("home"), File("bin/busybox", static_busybox(), mode=0o755), File("etc/passwd", PASSWD), File("etc/group", GROUP)]
    entries += [Symlink("bin/" + n, "busybox") for n in NAMES]
    entries += extra
    return Image([layer(*entries)], config={"Cmd": ["sh"], "Env": ["PATH=/bin"], **(config or {})}, tags=("latest",))


class Builder:
    """`build(text, files)` → Built: with the base image `base` in the store."""

    def __init__(self, pare, tmp_path):
        self.pare, self.top, self.count = pare, tmp_path, 0
        base_image().oci(tmp_path / "base")
        pare("copy", "oci:%s:latest" % (tmp_path / "base"), "pare:base")

    def context(self, text, files=None):
        self.count += 1
        d = self.top / ("context%d" % self.count)
        d.mkdir()
        if text is not None:
            (d / "Dockerfile").write_text(text)
        for name, data in (files or {}).items():
            path = d / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return d

    def __call__(self, text, files=None, args=(), context=None, **kw):
        d = context if context is not None else self.context(text, files)
        self.count += 1
        out = self.top / ("out%d" % self.count)
        r = self.pare("build", *args, "-o", "type=oci,tar=false,dest=%s" % out, d, **kw)
        return Built(r, out, d)


class Built:
    def __init__(self, result, out, context):
        self.result, self.out, self.context = result, out, context
        self.ok = result.status == 0
        if self.ok:
            index = json.loads((out / "index.json").read_text())
            self.descriptors = [d for d in index["manifests"] if "artifactType" not in d]
            self.digest = self.descriptors[0]["digest"]

    def blob(self, digest):
        return (self.out / "blobs" / digest.replace(":", "/")).read_bytes()

    @property
    def manifest(self):
        return json.loads(self.blob(self.digest))

    @property
    def config(self):
        return json.loads(self.blob(self.manifest["config"]["digest"]))

    def layers(self):
        return [tarfile.open(fileobj=io.BytesIO(self.blob(d["digest"]))) for d in self.manifest["layers"]]

    def entries(self, n=-1):
        """name -> TarInfo of one layer."""
        return {e.name.rstrip("/"): e for e in self.layers()[n]}

    def read(self, path):
        """Of the topmost layer that has it; None where it is gone, or was never there."""
        for tar in reversed(self.layers()):
            names = {e.name.lstrip("./").rstrip("/"): e for e in tar}
            head, _, name = path.strip("/").rpartition("/")
            if (head + "/" if head else "") + ".wh." + name in names:
                return None
            e = names.get(path.strip("/"))
            if e is not None and e.isfile():
                return tar.extractfile(e).read()
        return None


@pytest.fixture
def build(pare, tmp_path):
    runtime()
    return Builder(pare, tmp_path)
