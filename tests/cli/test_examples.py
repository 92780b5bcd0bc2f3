"""The examples of commands that move, keep and sign images, in their help and in docs/, done as they are written: every name leads to a registry here, by registries.conf."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import TOP, Runner
from imagelib import Dir, File, Image, index_layout, layer

COMMANDS = ["copy", "pull", "push", "tag", "images", "rm", "store", "du", "tags", "delete", "manifest", "sign", "verify", "logout", "import", "export", "slim", "history", "diff", "prune"]
PAGES = ["README.md", "docs/copy.md", "docs/manifest.md", "docs/trust.md", "docs/registries.md", "docs/store.md", "docs/prune.md"]
HOSTS = ["docker.io", "quay.io", "registry.example", "registry.example:5000", "a.example", "b.example", "localhost:5000"]
ELSEWHERE = re.compile(r"docker-daemon|/etc/|\[DEST\]|--engine|docker (save|load|build)|\bssh\b|pare login|pare db|pare scan|pare lint|pare sbom|\bmake\b|build/|\bman\b|lint --lsp|apps\.tar \||SRC|DST|REF…|image\.tar|\bA B$")


def examples():
    for page in PAGES:
        with open(os.path.join(TOP, page)) as f:
            fenced = False
            for line in f:
                fenced ^= line.startswith("```")
                m = re.match(r"    (pare .*?|skopeo .*?)(\s+# .*|\s{2,}.*)?$", line.rstrip())
                if m and not fenced:
                    yield page, m[1]
    for name in COMMANDS:
        text = subprocess.run([os.environ.get("PARE") or os.path.join(TOP, "build", "pare"), name, "--help"], stdout=subprocess.PIPE).stdout.decode()
        for line in text.partition("\nExamples:\n")[2].splitlines():
            if line.startswith("  pare") or line.startswith("  skopeo") or re.match(r"  \S", line):
                yield name, line.strip()
            if not line:
                break


def image(n, arch="amd64"):
    base = layer(Dir("bin"), File("bin/sh", b"#!" * 900, mode=0o755))
    return Image([base, layer(File("own", b"%d" % n * 1000))], arch=arch, config={"Cmd": ["/bin/sh"]})


def fill_registry(pare, env, images):
    """Again after what removes things."""
    for name in ("alpine:3.20", "alpine:latest", "debian:12", "quay.io/app/web:1"):
        pare("copy", "-q", "--all", "oci:%s" % images["many"], "docker://" + name, env=env)
    for name in ("quay.io/app/web:1-amd64", "quay.io/app/web:old", "quay.io/app/web:1.0", "registry.example/app:1", "a.example/app:1", "registry.example/app:pr-1", "localhost:5000/web:1"):
        pare("copy", "-q", images["one"], "docker://" + name, env=env)
    pare("copy", "-q", images["other"], "docker://quay.io/app/web:1.1", env=env)


def fill_store(pare, env, images):
    for name in ("app:latest", "app:old", "app:1", "app:1.0", "registry.example/app:2", "alpine:3.20", "alpine:latest", "web:1"):
        pare("copy", "-q", images["one"], "pare:" + name, env=env)
    for name in ("app:1.1", "app:2"):
        pare("copy", "-q", images["other"], "pare:" + name, env=env)


def fill_directory(pare, env, images, cwd):
    pare("sign", "--generate-key", "release", env=env)
    (cwd / "build").mkdir()
    pare("copy", "-q", images["one"], "oci:build/image:v1", env=env)
    pare("sign", "oci:build/image:v1", "--key", "release.key", "--identity", "registry.example/app:v1", "--annotation", "build=42", env=env)
    for n, name in enumerate(("build-arm64", "layout", "oci")):
        image(7 + n, "arm" if n == 0 else "amd64").oci(cwd / name)
    for n, name in enumerate(("app.tar", "old.tar", "new.tar")):
        image(10 + n).docker_archive(cwd / name)
    pare("export", "app:1", "app:2", "-o", "apps.tar", env=env)
    (cwd / "tests.txt").write_text("app --help\n")
    (cwd / "policy.toml").write_text('[[rule]]\nmatch = "registry.example/**"\nkeys = ["release.pub"]\n')


@pytest.fixture(scope="module")
def template(registry, tmp_path_factory):
    top = tmp_path_factory.mktemp("examples")
    pare = Runner(top)
    text = "".join('[[registry]]\nprefix = "%s"\nlocation = "%s/%s"\ninsecure = true\n' % (h, registry.host, re.sub("[.:]", "-", h)) for h in HOSTS)
    (top / "registries.conf").write_text(text)
    (top / "bin").mkdir()
    (top / "bin" / "pare").symlink_to(pare.binary)
    env = {"CONTAINERS_REGISTRIES_CONF": str(top / "registries.conf"), "PATH": "%s:%s" % (top / "bin", os.environ["PATH"]), "COSIGN_PASSWORD": ""}
    index_layout(top / "many", [image(1), image(2, "arm64"), image(3, "arm"), image(4, "s390x")])
    images = {"many": top / "many", "one": image(5).oci(top / "one"), "other": image(6).oci(top / "other")}
    fill_registry(pare, env, images)
    fill_store(pare, env, images)
    fill_directory(pare, env, images, top / "cwd")
    pare("sign", "registry.example/app:1", "--key", "release.key", env=env)
    return pare, env, images, top, re.search(r"sha256:[0-9a-f]{64}", pare("copy", "-q", images["one"], "pare:web:1").out)[0]


@pytest.mark.parametrize("where, command", [pytest.param(w, c, id="%s: %s" % (w, c)) for w, c in examples() if not ELSEWHERE.search(c)])
def test_example(template, tmp_path, where, command):
    pare, env, images, top, digest = template
    if re.match("pare (delete|manifest (create|annotate|rm)|prune)", command):
        fill_registry(pare, env, images)
    for name in ("cwd", "store", "home"):
        shutil.copytree(top / name, tmp_path / name, symlinks=True)
    if "--generate-key" in command:
        for end in ("key", "pub"):
            (tmp_path / "cwd" / ("release." + end)).unlink()
    text = command.replace("sha256:…", digest).replace("$DIGEST", digest).replace("9b1f44aa4e2c", digest[7:19])
    if re.match("pare (delete|prune)", command) and "--yes" not in command:  # it asks, on a terminal
        text += " --yes"
    env = {**env, "HOME": str(tmp_path / "home"), "PARE_STORE": str(tmp_path / "store"), "PARE_OFFLINE": "1", "LC_ALL": "C.UTF-8", "TMPDIR": str(tmp_path)}
    r = subprocess.run(["sh", "-c", text], cwd=tmp_path / "cwd", env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
    if re.search(r"delete .*:[a-z0-9.]+$", command):  # Debian's registry deletes no tags
        assert r.returncode == 4 and "deletes no tags" in r.stdout.decode()
    else:
        assert r.returncode == (1 if "--exit-code" in command else 0), r.stdout.decode()
