"""pare compose: images from a small repository of packages that is made here, signed with a key of its own."""
import functools
import gzip
import hashlib
import http.server
import io
import json
import lzma
import os
import shutil
import ssl
import subprocess
import tarfile
import threading

import pytest

import schemalib
from registrylib import Registry

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb is not here")
EPOCH = 1700000000
COPYRIGHT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


class Repository:
    """A directory as a mirror has it: pool/, dists/SUITE/."""

    def __init__(self, top, gpg=None):
        self.top, self.gpg, self.packages = top, gpg, {}
        (top / "pool").mkdir(parents=True)

    def deb(self, name, version="1", files=None, links=None, hard=None, scripts=None, arch="all", kind="xz", modes=None, **fields):
        root = self.top.parent / ("build-%s-%s" % (name, version))
        files = dict(files or {})
        files.setdefault("usr/share/doc/%s/copyright" % name, COPYRIGHT)
        for path, content in files.items():
            p = root / path
            p.parent.mkdir(parents=True, exist_ok=True)
            p.write_bytes(content if isinstance(content, bytes) else content.encode())
            p.chmod((modes or {}).get(path, 0o644))
        for path, target in (links or {}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, root / path)
        for path, target in (hard or {}).items():
            os.link(root / target, root / path)
        (root / "DEBIAN").mkdir(parents=True)
        control = "Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: nobody <nobody@example.com>\n" % (name, version, arch)
        control += "".join("%s: %s\n" % (k.replace("_", "-"), v) for k, v in fields.items()) + "Description: %s\n" % name
        (root / "DEBIAN/control").write_text(control)
        sums = ["%s  %s\n" % (hashlib.md5((root / f).read_bytes()).hexdigest(), f) for f in sorted(files)]
        (root / "DEBIAN/md5sums").write_text("".join(sums))
        for script, text in (scripts or {}).items():
            (root / "DEBIAN" / script).write_text(text)
            (root / "DEBIAN" / script).chmod(0o755)
        for p in [root, *root.rglob("*")]:
            if p.is_dir():
                p.chmod(0o755)
        file = "pool/%s_%s_%s.deb" % (name, version, arch)
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Z" + kind, "-b", str(root), str(self.top / file)], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, SOURCE_DATE_EPOCH=str(EPOCH)))
        data = (self.top / file).read_bytes()
        self.packages.setdefault(arch, []).append(control + "Filename: %s\nSize: %d\nSHA256: %s\n" % (file, len(data), hashlib.sha256(data).hexdigest()))
        shutil.rmtree(root)

    def raw(self, name, data, version="1", arch="all"):
        """A file as it is, whatever is in it."""
        file = "pool/%s_%s_%s.deb" % (name, version, arch)
        (self.top / file).write_bytes(data)
        self.packages.setdefault(arch, []).append("Package: %s\nVersion: %s\nArchitecture: %s\nFilename: %s\nSize: %d\nSHA256: %s\n" % (name, version, arch, file, len(data), hashlib.sha256(data).hexdigest()))

    def publish(self, suite="test", arches=("amd64",), apart=False, valid_until=None, date="Sat, 01 Jan 2022 00:00:00 UTC", by_hash=True, sign=True, claim=None):
        dist = self.top / "dists" / suite
        shutil.rmtree(dist, ignore_errors=True)
        lines = []
        for arch in arches:
            text = "\n".join(self.packages.get(arch, []) + ([] if apart else self.packages.get("all", []))).encode()
            for name, data in (("Packages.xz", lzma.compress(text)), ("Packages.gz", gzip.compress(text, mtime=0))):
                digest = hashlib.sha256(data).hexdigest()
                where = dist / "main" / ("binary-" + arch)
                (where / "by-hash/SHA256").mkdir(parents=True, exist_ok=True)
                (where / ("by-hash/SHA256/" + digest) if by_hash else where / name).write_bytes(data)
                lines.append(" %s %d main/binary-%s/%s\n" % (digest, len(data), arch, name))
        release = "Origin: test\nSuite: %s\nCodename: %s\nDate: %s\n" % (claim or suite, claim or suite, date)
        release += "Valid-Until: %s\n" % valid_until if valid_until else ""
        release += "Acquire-By-Hash: yes\n" if by_hash else ""
        release += "Architectures: %s\nComponents: main\nSHA256:\n%s" % (" ".join(arches), "".join(lines))
        (dist / "Release").write_text(release)
        if sign and self.gpg:
            subprocess.run([*self.gpg, "--clearsign", "-o", str(dist / "InRelease"), str(dist / "Release")], check=True, capture_output=True)
            (dist / "Release").unlink()


@pytest.fixture(scope="session")
def gpg(tmp_path_factory):
    """A key of the test's own: the command that signs with it, and the files of its public half."""
    if not shutil.which("gpg") or not shutil.which("gpgv"):
        pytest.skip("gpg and gpgv are not here")
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    base = ["gpg", "--homedir", str(home), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*base, "--quick-generate-key", "test archive <archive@example.com>", "ed25519", "sign", "never"], check=True, capture_output=True)
    key = home / "key.gpg"
    key.write_bytes(subprocess.run([*base, "--export"], check=True, capture_output=True).stdout)
    (home / "key.asc").write_bytes(subprocess.run([*base, "--armor", "--export"], check=True, capture_output=True).stdout)
    yield base, key
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True)


CERTIFICATE = None


def certificate():
    global CERTIFICATE
    if CERTIFICATE is None:
        if not shutil.which("openssl"):
            pytest.skip("openssl is not here")
        CERTIFICATE = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=Test Root", "-days", "9000"],
                                     check=True, capture_output=True).stdout.decode()
    return CERTIFICATE


def fill(repo):
    """The packages that most tests compose."""
    repo.deb("base-files", "12", {"usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n', "etc/debian_version": "12\n", "usr/share/base-files/motd": "x\n"},
             {"etc/os-release": "../usr/lib/os-release"}, Pre_Depends="awk", Essential="yes")
    repo.deb("libgreet", "1.0", {"lib/libgreet.so.1": "old"})
    repo.deb("libgreet", "2.0", {"lib/libgreet.so.1": "library", "usr/share/man/man3/greet.3": "manual", "usr/share/locale/de/LC_MESSAGES/greet.mo": "de", "usr/share/doc/libgreet/changelog": "x"})
    repo.deb("greet", "2.0", {"usr/bin/greet-a": "#!/bin/sh\necho a\n", "usr/bin/greet-b": "b", "usr/lib/sysusers.d/greet.conf": 'u greet 777 "Greeter" /var/lib/greet\ng greeters -\nm greet greeters\n'},
             modes={"usr/bin/greet-a": 0o755, "usr/bin/greet-b": 0o755}, hard={"usr/bin/another-b": "usr/bin/greet-b"}, kind="zstd",
             scripts={"postinst": "#!/bin/sh\nset -e\nif [ \"$1\" = configure ]; then\n  for i in a b; do\n    update-alternatives --install /usr/bin/greet greet /usr/bin/greet-$i 1$i || true\n  done\n"
                                  "  update-alternatives --install /usr/bin/greet greet /usr/bin/greet-a 10 --slave /usr/bin/hello hello /usr/bin/greet-a\n"
                                  "  update-alternatives --install /usr/bin/greet greet /usr/bin/greet-b 20 --slave /usr/bin/hello hello /usr/bin/greet-b\n"
                                  "  adduser --system --group --home /var/lib/greetd --quiet greetd\n  frobnicate /etc/greet\n  if [ ! -d /var/lib/greet ]; then mkdir -p -m 750 /var/lib/greet; fi\n  chown greetd:adm /var/lib/greet\n"
                                  "  install -d -o www-data -g www-data -m 2755 /var/cache/greet/a\n  ln -s /usr/bin/greet-b /usr/local/bin/hi\n  if dpkg --compare-versions \"$2\" lt-nl 1; then rejuvenate; chmod 777 /etc; fi\nfi\n"},
             Depends="libgreet (>= 1.5), dpkg (>= 1), debconf | debconf-2.0")
    repo.deb("ca-certificates", "1", {"usr/share/ca-certificates/mozilla/Test_Root.crt": certificate()}, Depends="openssl, debconf")
    repo.deb("tzdata", "1", {"usr/share/zoneinfo/Etc/UTC": "TZif utc", "usr/share/zoneinfo/Europe/Berlin": "TZif berlin"}, Depends="debconf")
    for name in ("dpkg", "debconf", "openssl", "dash"):
        repo.deb(name, "1", {"usr/bin/" + name: "x"}, {"bin/sh": "dash"} if name == "dash" else None)


@pytest.fixture
def repo(tmp_path):
    r = Repository(tmp_path / "mirror")
    fill(r)
    r.publish()
    return r


def options(repo, *more):
    return ["--mirror", "file://%s" % repo.top, "--suite", "test", "--platform", "linux/amd64", "--allow-unsigned", *more]


def read(path):
    """The files of a docker-archive: what the layers add up to, by path; and its configuration."""
    tree, layers = {}, []
    with tarfile.open(path) as t:
        manifest = json.load(t.extractfile("manifest.json"))[0]
        config = json.load(t.extractfile(manifest["Config"]))
        for name in manifest["Layers"]:
            layer = tarfile.open(fileobj=io.BytesIO(t.extractfile(name).read()))
            names = []
            for e in layer:
                content = layer.extractfile(e).read() if e.isreg() or e.islnk() else None
                tree[e.name] = (e, content)
                names.append(e.name)
            layers.append(names)
    return tree, layers, config


def test_image(pare, repo, tmp_path):
    out = tmp_path / "out.tar"
    r = pare("compose", "greet", "ca-certificates", "tzdata", *options(repo), "-o", out)
    tree, layers, config = read(out)
    link = {k: e.linkname for k, (e, _) in tree.items() if e.issym()}
    # the merged /usr, whatever packages say
    assert link["lib"] == "usr/lib" and link["bin"] == "usr/bin" and tree["usr/lib/libgreet.so.1"][1] == b"library"
    assert link["var/run"] == "/run" and tree["tmp"][0].mode == 0o1777
    # what is for people stays out, licences stay
    assert "usr/share/doc/libgreet/copyright" in tree
    assert not [p for p in tree if p.startswith(("usr/share/man/", "usr/share/locale/")) or p.endswith("/changelog")]
    # neither a shell nor what packages are installed with
    assert not {"usr/bin/sh", "usr/bin/dpkg", "usr/bin/debconf", "usr/bin/openssl"} & set(tree)
    assert "no shell" in r.err and "dpkg (package manager)" in r.err and "openssl (tools of scripts)" in r.err
    # what scripts would have done
    assert link["etc/alternatives/greet"] == "/usr/bin/greet-b" and link["usr/bin/greet"] == "/etc/alternatives/greet" and link["etc/alternatives/hello"] == "/usr/bin/greet-b"
    passwd = tree["etc/passwd"][1].decode()
    assert "root:x:0:0:root:/root:/usr/sbin/nologin\n" in passwd and "greet:x:777:777:Greeter:/var/lib/greet:/usr/sbin/nologin\n" in passwd and "greetd:x:100:" in passwd and "nobody:x:65534:" in passwd
    group = tree["etc/group"][1].decode()
    assert "greeters:x:101:greet\n" in group or "greeters:x:100:greet\n" in group
    assert tree["etc/shadow"][0].mode == 0o640 and tree["etc/shadow"][0].gid == 42
    assert link["etc/localtime"] == "/usr/share/zoneinfo/Etc/UTC" and tree["etc/timezone"][1] == b"Etc/UTC\n"
    assert tree["etc/ssl/certs/ca-certificates.crt"][1].decode() == certificate()
    name = subprocess.run(["openssl", "x509", "-noout", "-subject_hash"], input=certificate(), capture_output=True, text=True, check=True).stdout.strip()
    assert link["etc/ssl/certs/%s.0" % name] == "ca-certificates.crt"
    assert b"hosts:" in tree["etc/nsswitch.conf"][1]
    at = {p: (tree[p][0].uid, tree[p][0].gid, tree[p][0].mode) for p in ("var/lib/greet", "var/cache/greet/a", "var/cache/greet", "etc")}
    assert at == {"var/lib/greet": (100, 4, 0o750), "var/cache/greet/a": (33, 33, 0o2755), "var/cache/greet": (0, 0, 0o755), "etc": (0, 0, 0o755)}
    assert link["usr/local/bin/hi"] == "/usr/bin/greet-b" and b"www-data:x:33:33:" in tree["etc/passwd"][1] and "rejuvenate" not in r.err
    # what they do that is not known, and what cannot run
    assert "greet: its postinst calls frobnicate" in r.err
    assert "1 script cannot run: /bin/sh is not in the image (first: /usr/bin/greet-a)" in r.err
    # a file with two names is one
    assert {tree["usr/bin/greet-b"][0].type, tree["usr/bin/another-b"][0].type} == {tarfile.REGTYPE, tarfile.LNKTYPE}
    # a layer a package and one for what was made; each path once
    assert len(layers) == 6 and len(config["rootfs"]["diff_ids"]) == 6
    everything = [p for names in layers for p in names]
    assert len(everything) == len(set(everything))
    assert [h["created_by"] for h in config["history"]][0] == "pare compose: base-files 12"
    assert config["history"][-1]["created_by"] == "pare compose: configuration"
    # what scanners read
    found = {(p["name"], p["version"]) for p in pare("sbom", out, "--format", "json").json()["packages"]}
    assert found == {("base-files", "12"), ("libgreet", "2.0"), ("greet", "2.0"), ("ca-certificates", "1"), ("tzdata", "1")}
    sums = tree["var/lib/dpkg/status.d/libgreet.md5sums"][1].decode()
    assert "lib/libgreet.so.1" in sums and "man3" not in sums


def test_reproducible(pare, repo, tmp_path):
    a, b, c, lock = (tmp_path / n for n in ("a.tar", "b.tar", "c.tar", "l.json"))
    pare("compose", "greet", "tzdata", *options(repo, "--lock=%s" % lock), "-o", a)
    schemalib.check(json.loads(lock.read_text()), "compose-lock")
    shutil.rmtree(repo.top / "dists")  # no index is asked
    pare("compose", "greet", "tzdata", *options(repo, "--locked=%s" % lock), "-o", b, env={"PARE_THREADS": "1", "TZ": "Asia/Tokyo"})
    assert a.read_bytes() == b.read_bytes()
    _, _, config = read(a)
    assert config["created"] == "2023-11-14T22:13:20Z"  # that of the newest file
    pare("compose", "greet", "tzdata", *options(repo, "--locked=%s" % lock), "-o", c, env={"SOURCE_DATE_EPOCH": "1000000000"})
    tree, _, config = read(c)
    assert config["created"] == "2001-09-09T01:46:40Z" and all(e.mtime <= 1000000000 for e, _ in tree.values())
    # a package that is not the one that was locked
    for deb in (repo.top / "pool").glob("greet_*"):
        deb.write_bytes(deb.read_bytes()[:-1] + b"x")
    shutil.rmtree(pare.store / "compose")
    r = pare("compose", "greet", "tzdata", *options(repo, "--locked=%s" % lock), "-o", tmp_path / "d.tar", status=3)
    assert "greet_2.0" in r.err and not (tmp_path / "d.tar").exists()
    r = pare("compose", "greet", "libgreet=1.0", *options(repo, "--locked=%s" % lock), "-o", tmp_path / "d.tar", status=2)
    assert "libgreet=1.0 is not in it" in r.err
    # it is of another question than this one
    locked = ["--locked=%s" % lock, "-n"]
    assert pare("compose", "greet", "tzdata", *options(repo), *locked, "--explain", "libgreet").out.startswith("libgreet 2.0: greet: Depends: libgreet (>= 1.5)\n")
    assert "tzdata was asked for, which SPEC does not name" in pare("compose", "greet", *options(repo), *locked, status=2).err
    assert "other is not its suite" in pare("compose", "greet", "tzdata", "--suite", "other", "--platform", "linux/amd64", *locked, status=2).err
    assert "ubuntu is not its distribution" in pare("compose", "greet", "tzdata", *options(repo, "--distribution", "ubuntu"), *locked, status=2).err
    assert "nothing for arm64 is in it" in pare("compose", "greet", "tzdata", "--suite", "test", "--platform", "linux/arm64", *locked, status=2).err
    assert "libgreet is in it, which SPEC excludes" in pare("compose", "greet", "tzdata", *options(repo, "--exclude", "libgreet"), *locked, status=2).err
    assert "one of them" in pare("compose", "greet", "tzdata", *options(repo), *locked, "--lock", status=2).err
    text = json.loads(lock.read_text())
    text["architectures"][0]["packages"][1]["url"] = "ftp://x/y.deb"
    lock.write_text(json.dumps(text))
    assert "package 2 of amd64 is damaged" in pare("compose", "greet", "tzdata", *options(repo), *locked, status=2).err


def test_spec(pare, repo, tmp_path):
    spec = tmp_path / "app.yaml"
    spec.write_text("mirror: file://%s\nsuite: test\narchitectures: amd64\npackages: [greet, tzdata, dash]\nexclude: [libgreet]\nentrypoint: [/usr/bin/greet]\ncmd: [now]\nenv: {GREETING: hi}\nuser: app\n"
                    "workdir: /srv\nlabels: {a: b}\nusers: ['app:1234']\ntimezone: Europe/Berlin\nlayers: one\nkeep: ['usr/share/doc/greet/**']\ndrop: [usr/bin/another-b]\nports: ['80']\n" % repo.top)
    out = tmp_path / "out.tar"
    r = pare("compose", spec, "--allow-unsigned", "--lock", "-o", out)
    assert (tmp_path / "compose.lock").exists() and "a shell: /usr/bin/sh" in r.err
    tree, layers, config = read(out)
    assert len(layers) == 1 and "usr/lib/libgreet.so.1" not in tree and "usr/bin/another-b" not in tree
    assert tree["etc/localtime"][0].linkname == "/usr/share/zoneinfo/Europe/Berlin"
    c = config["config"]
    assert (c["Entrypoint"], c["Cmd"], c["User"], c["WorkingDir"], c["Labels"], c["ExposedPorts"]) == (["/usr/bin/greet"], ["now"], "app", "/srv", {"a": "b"}, {"80/tcp": {}})
    assert c["Env"][0].startswith("PATH=") and c["Env"][1] == "GREETING=hi"
    assert b"app:x:1234:1234:" in tree["etc/passwd"][1] and b"root:/root:/bin/bash" in tree["etc/passwd"][1]
    spec.write_text("suite: test\npackages: [greet]\nlayer: one\n")
    r = pare("compose", spec, "-o", out, status=2)
    assert "app.yaml:3: no key of a SPEC: layer" in r.err


def test_spec_counts(pare, repo, tmp_path):
    """What SPEC says of users counts before what scripts would have done; what cannot be is refused."""
    spec, out = tmp_path / "app.yaml", tmp_path / "out.tar"
    text = "packages: [greet, tzdata]\nusers: ['greetd:1234:4321', 'www-data:33', other]\nuser: greetd\ndrop: [usr/bin/greet-b]\n"
    spec.write_text(text)
    pare("compose", spec, *options(repo), "-o", out)
    tree = read(out)[0]
    passwd = tree["etc/passwd"][1].decode()
    assert "greetd:x:1234:4321:" in passwd and passwd.count("greetd:") == 1 and "other:x:100:" in passwd and tree["var/lib/greet"][0].uid == 1234
    # the best alternative is one that is there
    assert tree["etc/alternatives/greet"][0].linkname == "/usr/bin/greet-a" and tree["etc/alternatives/hello"][0].linkname == "/usr/bin/greet-a"
    for line, says in (("users: ['www-data:1000']", "www-data is 33 on every system, not 1000"), ("user: nosuch", "nobody makes nosuch"), ("ports: 80 web", "ports: web is none"), ("ports: 80/foo", "ports: 80/foo is none"), ("workdir: srv", "workdir srv: it begins with a slash"), ("user: root:nosuch", "nobody makes the group nosuch"),
                       ("timezone: Europe", "tzdata has no Europe"), ("timezone: ../../x", "tzdata has no ../../x")):
        spec.write_text("packages: [greet, tzdata]\n%s\n" % line)
        assert says in pare("compose", spec, *options(repo), "-o", tmp_path / "no.tar", status=2).err
    spec.write_text("packages: [greet]\nuser: 1000:1000\nenv: {A: spec, B: spec}\n")
    pare("compose", spec, *options(repo), "-o", out, "-e", "A=line", "-e", "C=")
    assert read(out)[2]["config"]["Env"][1:] == ["B=spec", "A=line", "C="]
    for more, says in ((["-e", "FOO"], "env FOO: it is NAME=VALUE"), (["-e", os.fsdecode(b"A=\xff")], "--env: a text that is no UTF-8"), (["-w", os.fsdecode(b"/\xff")], "--workdir: a text that is no UTF-8"),
                       (["--platform", "linux/amd64"], "amd64: said twice")):
        assert says in pare("compose", spec, *options(repo), *more, "-o", tmp_path / "no.tar", status=2).err


def test_choice(pare, repo, tmp_path):
    r = pare("compose", "greet", *options(repo), "--explain", "libgreet")
    assert r.out == "libgreet 2.0: for greet (Depends: libgreet (>= 1.5))\ngreet 2.0: named\n"
    assert "left out (package manager)" in pare("compose", "greet", *options(repo), "--explain", "dpkg").out
    assert "libgreet\t2.0\tall" in pare("compose", "greet", *options(repo), "--dry-run").out
    r = pare("compose", "greet", "libgreet=1.0", *options(repo), "-n", status=3)
    assert "greet → libgreet (>= 1.5): libgreet is 1.0 already" in r.err
    assert "nosuch: no package of the index" in pare("compose", "nosuch", *options(repo), "-n", status=2).err
    assert "say -o OUT" in pare("compose", "greet", *options(repo), status=2).err
    assert "no suite" in pare("compose", "greet", "-n", "--mirror", "file://%s" % repo.top, status=2).err
    out = tmp_path / "two.tar"
    pare("compose", "greet", "tzdata", *options(repo, "--layers", "3"), "-o", out)
    assert len(read(out)[1]) == 3


def test_signed(pare, gpg, tmp_path):
    base, key = gpg
    r = Repository(tmp_path / "mirror", base)
    r.deb("base-files", "12", {"etc/debian_version": "12\n"})
    where = ["--mirror", "file://%s" % r.top, "--suite", "test", "--platform", "linux/amd64", "-n"]
    r.publish()
    for ring in (key, key.with_suffix(".asc")):
        assert "base-files" in pare("compose", "base-files", *where, "--keyring", ring).out
    inline = tmp_path / "apt"
    (inline / "sources.list.d").mkdir(parents=True)
    armored = "".join(" %s\n" % (line or ".") for line in key.with_suffix(".asc").read_text().splitlines())
    (inline / "sources.list.d/x.sources").write_text("Types: deb\nURIs: file://%s\nSuites: test\nComponents: main\nSigned-By:\n%s" % (r.top, armored))
    assert "base-files" in pare("compose", "base-files", "--apt-dir", inline, "--suite", "test", "--platform", "linux/amd64", "-n").out
    other = tmp_path / "other.gpg"
    other.write_bytes(b"")
    assert "no key of the keyring signed it" in pare("compose", "base-files", *where, "--keyring", other, status=3).err
    # a changed text
    signed = r.top / "dists/test/InRelease"
    good = signed.read_text()
    signed.write_text(good.replace("Origin: test", "Origin: evil"))
    assert "the signature is wrong" in pare("compose", "base-files", *where, "--keyring", key, status=3).err
    # what stands around the signed text counts for nothing
    signed.write_text("Origin: evil\n\n" + good)
    pare("compose", "base-files", *where, "--keyring", key, status=3)
    r.publish(sign=False)
    assert "nobody has signed it" in pare("compose", "base-files", *where, "--keyring", key, status=3).err
    # a signature of its own
    dist = r.top / "dists/test"
    subprocess.run([*base, "--detach-sign", "-o", str(dist / "Release.gpg"), str(dist / "Release")], check=True, capture_output=True)
    assert "base-files" in pare("compose", "base-files", *where, "--keyring", key).out
    r.publish(valid_until="Sun, 02 Jan 2022 00:00:00 UTC")
    assert "it was good until" in pare("compose", "base-files", *where, "--keyring", key, status=3).err
    pare("compose", "base-files", *where, "--keyring", key, "--any-date")
    r.publish(date="Sun, 02 Jan 2999 00:00:00 UTC")
    assert "of the future" in pare("compose", "base-files", *where, "--keyring", key, status=3).err
    r.publish(claim="other")
    assert "of the suite other" in pare("compose", "base-files", *where, "--keyring", key, status=3).err


def test_forged(pare, gpg, tmp_path):
    """What looks signed: by a digest that is weak, by another key than the source names, around or beside the text that counts."""
    base, key = gpg
    r = Repository(tmp_path / "mirror", base)
    r.deb("base-files", "12", {"etc/debian_version": "12\n"})
    where = ["--mirror", "file://%s" % r.top, "--suite", "test", "--platform", "linux/amd64", "-n"]
    r.publish()
    dist = r.top / "dists/test"
    good = (dist / "InRelease").read_bytes()
    home = tmp_path / "evil"
    home.mkdir(mode=0o700)
    evil = ["gpg", "--homedir", str(home), "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*evil, "--quick-generate-key", "evil <evil@example.com>", "rsa2048", "sign", "never"], check=True, capture_output=True)
    other = home / "key.gpg"
    other.write_bytes(subprocess.run([*evil, "--export"], check=True, capture_output=True).stdout)
    forged = subprocess.run([*evil, "--clearsign"], input=b"Suite: test\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n", check=True, capture_output=True).stdout
    (dist / "InRelease").write_bytes(forged + good)
    assert "no key of the keyring signed it" in pare("compose", "base-files", *where, "--keyring", key, status=3).err
    (dist / "InRelease").write_bytes(good + forged)
    assert "base-files" in pare("compose", "base-files", *where, "--keyring", key).out  # what is behind counts for nothing
    # a text that is signed is no signature of another
    (dist / "InRelease").unlink()
    (dist / "Release").write_bytes(b"Suite: test\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n")
    (dist / "Release.gpg").write_bytes(good)
    assert "no signature is good" in pare("compose", "base-files", *where, "--keyring", key, status=3).err
    (dist / "Release.gpg").unlink()
    # digests that are broken
    r.publish(sign=False)
    for digest in ("SHA1", "RIPEMD160"):
        subprocess.run([*evil, "--digest-algo", digest, "--clearsign", "-o", str(dist / "InRelease"), str(dist / "Release")], check=True, capture_output=True)
        assert "no signature is good" in pare("compose", "base-files", *where, "--keyring", other, status=3).err
    # a keyring with both, of which the source names one: by fingerprint, with commas
    both = tmp_path / "both.gpg"
    both.write_bytes(key.read_bytes() + other.read_bytes())
    said = subprocess.run([*base, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
    fingerprint = next(line.split(":")[9] for line in said.splitlines() if line.startswith("fpr"))
    apt = tmp_path / "apt"
    apt.mkdir()
    (apt / "sources.list").write_text("deb cdrom:[x]/ test main\ndeb [signed-by=%s,%s,%s] file://%s test main\n" % (key, both, fingerprint, r.top))
    where = ["--apt-dir", apt, "--suite", "test", "--platform", "linux/amd64", "-n"]
    (dist / "InRelease").write_bytes(good)
    assert "base-files" in pare("compose", "base-files", *where).out
    subprocess.run([*evil, "--clearsign", "-o", str(dist / "InRelease"), str(dist / "Release")], check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], capture_output=True)
    assert "is none that Signed-By names" in pare("compose", "base-files", *where, status=3).err


def test_served(pare, repo, tmp_path):
    """Over HTTP: each file once, by its hash; what the network changes is refused."""
    asked, spoil = [], []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            asked.append(self.path)
            if any(s in self.path for s in spoil):
                path = self.translate_path(self.path)
                data = bytearray(open(path, "rb").read())
                data[len(data) // 2] ^= 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            else:
                super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(repo.top)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    where = ["--mirror", "http://127.0.0.1:%d" % server.server_port, "--suite", "test", "--platform", "linux/amd64", "--allow-unsigned"]
    try:
        spoil.append("greet_2.0")
        r = pare("compose", "greet", *where, "-o", tmp_path / "x.tar", status=3)
        assert "greet_2.0" in r.err
        spoil[:] = ["by-hash"]
        shutil.rmtree(pare.store / "compose")
        pare("compose", "greet", *where, "-o", tmp_path / "x.tar", status=3)
        spoil.clear()
        pare("compose", "greet", *where, "-o", tmp_path / "x.tar")
        asked.clear()
        pare("compose", "greet", *where, "-o", tmp_path / "y.tar")
        assert asked == ["/dists/test/InRelease", "/dists/test/Release", "/dists/test/Release.gpg"]
        # a mirror that says that it has them by hash, and has not
        shutil.rmtree(pare.store / "compose")
        for f in list(repo.top.rglob("by-hash/SHA256/*")):
            data = f.read_bytes()
            f.rename(f.parents[2] / ("Packages.xz" if data[:1] == b"\xfd" else "Packages.gz"))
        pare("compose", "greet", *where, "-o", tmp_path / "y.tar")
        assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()
        # what was kept and has changed on the disk is fetched again
        for f in (pare.store / "compose").iterdir():
            f.write_bytes(b"x" * f.stat().st_size)
        pare("compose", "greet", *where, "-o", tmp_path / "z.tar")
        assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "z.tar").read_bytes()
    finally:
        server.shutdown()
        server.server_close()


def ar(*members):
    out = b"!<arch>\n"
    for name, data in members:
        out += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(data)) + data + b"\n" * (len(data) % 2)
    return out


def entry(name, content=b"", **more):
    e = tarfile.TarInfo(name)
    e.size = len(content)
    for k, v in more.items():
        setattr(e, k, v)
    return e, content


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as t:
        for e, content in entries:
            t.addfile(e, io.BytesIO(content))
    return out.getvalue()


CONTROL = b"Package: bad\nVersion: 1\nArchitecture: all\nDescription: x\n"


def raw_deb(data=(), control=CONTROL, more=()):
    return ar(("debian-binary", b"2.0\n"), ("control.tar", tar(*more, entry("./control", control))), ("data.tar", data if isinstance(data, bytes) else tar(*data)))


def header(name, size):
    """Of an entry whose content is not there, or is another one."""
    return entry(name, size=size)[0].tobuf(tarfile.GNU_FORMAT)


DIR, LINK, HARD = {"type": tarfile.DIRTYPE, "mode": 0o755}, tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE = {
    "a file in place of a directory": (raw_deb([entry("./a/", **DIR), entry("./a/b", b"x"), entry("./a", b"x")]), "a: a directory is there"),
    "below a file": (raw_deb([entry("./a", b"x"), entry("./a/b", b"x")]), "a is no directory"),
    "links without end": (raw_deb([entry("./a", type=LINK, linkname="b"), entry("./b", type=LINK, linkname="a"), entry("./a/x", b"x")]), "is no directory"),
    "a link to what is not there": (raw_deb([entry("./a", type=HARD, linkname="./etc/passwd")]), "which is no file of its package"),
    "a size that lies": (raw_deb(header("./a", 20 << 30) + bytes(1024)), "over the budget"),
    "a longer path than there is": (raw_deb([entry("./" + "/".join(["d" * 50] * 90), b"x")]), "no entry that a package has"),
    "another package": (raw_deb(control=CONTROL.replace(b"bad", b"good")), "it is good 1 for all, not 1 for all"),
    "another version": (raw_deb(control=CONTROL.replace(b": 1", b": 2")), "it is bad 2 for all"),
    "a long control file": (raw_deb(control=CONTROL + b" x\n" * 400000), "control file of"),
    "junk in control.tar": (raw_deb(more=[entry("./junk", bytes(33 << 20))]), "over the budget"),
    "a control file that is none": (raw_deb(control=b"\0\0\0"), "control"),
    "no tar": (raw_deb(data=b"x" * 3000), "data.tar"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile(pare, tmp_path, what):
    deb, says = HOSTILE[what]
    r = Repository(tmp_path / "mirror")
    r.raw("bad", deb)
    r.publish()
    e = pare("compose", "bad", "--exclude", "base-files", *options(r), "-o", tmp_path / "out.tar", status=3)
    assert e.err.startswith("pare: bad: ") and says in e.err and e.err.count("\n") == 1
    assert not (tmp_path / "out.tar").exists()


def test_patience(pare, tmp_path):
    """A script that asks for the same tree again and again is done with in time, and told."""
    r = Repository(tmp_path / "mirror")
    script = b"#!/bin/sh\nf() { :; }\n" + b"chown -R root:root /d\n" * 9000 + b"f\n" * 1000
    r.raw("bad", raw_deb([entry("./d/%d" % i) for i in range(6000)], more=[entry("./postinst", script, mode=0o755)]))
    r.publish()
    assert "bad: its postinst calls chown" in pare("compose", "bad", "--exclude", "base-files", *options(r), "-o", tmp_path / "out.tar").err


def test_configuration(pare, tmp_path):
    """What scripts copy into /etc, PHP's extensions, Java's certificates, and who a server runs as."""
    r = Repository(tmp_path / "mirror")
    r.deb("base-files", "12", {"etc/debian_version": "12\n"})
    r.deb("ca-certificates", "1", {"usr/share/ca-certificates/mozilla/Test_Root.crt": certificate()})
    r.deb("ca-certificates-java", "1", {}, Depends="ca-certificates")
    r.deb("php", "1", {"usr/lib/php/one.ini": "; priority=10\nextension=one\n", "usr/lib/php/two.ini": "extension=two\n", "usr/lib/php/php.ini": "x", "etc/php/8.2/fpm/pool.d/www.conf": "user = www-data\n",
                       "etc/php/8.2/cli/conf.d/README": "", "usr/lib/tmpfiles.d/php.conf": "# x\nd /var/run/php 2750 www-data adm -\nL+ /run/link - - - - ../target\nd /run/%b 0755\nd /run/who 0755 nosuch nosuch\nd /var/cache/new\n", "usr/share/doc/php/example": "x"},
          scripts={"postinst": "#!/bin/sh\nif [ \"$1\" = configure ]; then\n  to=/etc/php/8.2/mods-available\n  for m in one two; do ucf --three-way /usr/lib/php/$m.ini $to/$m.ini; ucfr php $to/$m.ini\n    if [ -f $to/$m.ini.dpkg-new ]; then mv $to/$m.ini.dpkg-new $to/$m.ini; fi\n  done\n"
                               "  ucf /usr/lib/php/nosuch.ini /etc/php/8.2/cli/php.ini\n  cp -p /usr/lib/php/php.ini /etc/php/8.2/cli/\n  mkdir -p /var/log/php; touch /var/log/php/log; chmod 640 /var/log/php/log; chown www-data.adm /var/log/php/log\n"
                               "  php_invoke enmod 8.2 ALL one\n  systemd-tmpfiles --create php.conf\n  install -D -m 600 -o www-data /usr/lib/php/php.ini /etc/deep/copied; install --mode 640 /dev/null /etc/empty\n  install -m 600 /usr/lib/php/php.ini /etc/php/8.2/fpm/pool.d/www.conf\n  dpkg-divert --remove /etc/x\n  chown www-data:adm /etc/php\n  ln -s /usr/lib/php/ /etc/php\n  ln -s .. /etc/php\n  adduser --system --group --home /var/run/php/../p p\n  ucf --purge /etc/old\nfi\n"})
    r.deb("odd", "1", {}, scripts={"postinst": "#!/bin/sh\nucf $(mktemp) /etc/odd\ncp /usr/share/doc/php/example /etc/example\n"})
    r.publish()
    out = tmp_path / "out.tar"
    e = pare("compose", "ca-certificates-java", "php", "odd", *options(r), "-o", out)
    tree = read(out)[0]
    link = {k: e.linkname for k, (e, _) in tree.items() if e.issym()}
    for sapi in ("cli", "fpm"):
        assert link["etc/php/8.2/%s/conf.d/10-one.ini" % sapi] == "/etc/php/8.2/mods-available/one.ini" and link["etc/php/8.2/%s/conf.d/20-two.ini" % sapi] == "/etc/php/8.2/mods-available/two.ini"
    assert tree["etc/php/8.2/mods-available/one.ini"][1] == b"; priority=10\nextension=one\n" and tree["etc/php/8.2/cli/php.ini"][1] == b"x"
    log = tree["var/log/php/log"][0]
    assert (log.mode, log.uid, log.gid, log.size) == (0o640, 33, 4, 0) and b"www-data:x:33:33" in tree["etc/passwd"][1]
    made = {p: (tree[p][0].mode, tree[p][0].uid, tree[p][1]) for p in ("etc/deep/copied", "etc/empty", "etc/php/8.2/fpm/pool.d/www.conf")}
    assert made == {"etc/deep/copied": (0o600, 33, b"x"), "etc/empty": (0o640, 0, b""), "etc/php/8.2/fpm/pool.d/www.conf": (0o644, 0, b"user = www-data\n")}
    run = tree["run/php"][0]
    assert (run.mode, run.uid, run.gid) == (0o2750, 33, 4) and link["run/link"] == "../target" and tree["var/cache/new"][0].mode == 0o755 and not {"run/who", "run/%b"} & set(tree)
    assert link["etc/php/php"] == "/usr/lib/php/" and tree["run/p"][0].isdir() and tree["run/p"][0].uid == 100
    assert "odd: its postinst calls ucf, cp: " in e.err and "php: its postinst calls ln: " in e.err
    # the keystore: its entry is the certificate, its digest that of the password and all before it
    store = tree["etc/ssl/certs/java/cacerts"][1]
    der = ssl.PEM_cert_to_DER_cert(certificate())
    assert store[:12] == bytes.fromhex("feedfeed0000000200000001") and b"debian:test_root.pem" in store and store.endswith(len(der).to_bytes(4, "big") + der + store[-20:])
    assert hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + store[:-20]).digest() == store[-20:]


@pytest.mark.skipif(not shutil.which("zstd"), reason="zstd is not here")
def test_hostile_index(pare, tmp_path):
    """Of few bytes on the way, without an end."""
    r = Repository(tmp_path / "mirror")
    r.publish()
    dist = r.top / "dists/test"
    file = dist / "main/binary-amd64/Packages.xz"
    with open(file, "wb") as f:  # what it is is seen by its bytes
        pack = subprocess.Popen(["zstd", "-1", "-c"], stdin=subprocess.PIPE, stdout=f, stderr=subprocess.DEVNULL)
        for _ in range(66):
            pack.stdin.write(b"\n" * (1 << 24))
        pack.stdin.close()
        assert pack.wait() == 0
    data = file.read_bytes()
    (dist / "Release").write_text("Suite: test\nDate: Sat, 01 Jan 2022 00:00:00 UTC\nSHA256:\n %s %d main/binary-amd64/Packages.xz\n" % (hashlib.sha256(data).hexdigest(), len(data)))
    e = pare("compose", "x", *options(r), "-n", status=3)
    assert "Packages.xz: more than 1073741824 bytes: over the budget" in e.err and e.err.count("\n") == 1


def test_odd(pare, tmp_path):
    """What is odd and no harm: a time of no year, a path that leads out, several paragraphs, a file whose names go one by one."""
    r = Repository(tmp_path / "mirror")
    r.raw("bad", raw_deb([entry("./../../x", b"x", mtime=1 << 60), entry("./out", type=LINK, linkname="../../../etc"), entry("./out/y", b"y"), entry("./z", b"zz"), entry("./z1", type=HARD, linkname="./z"),
                          entry("./z2", type=HARD, linkname="./z")], control=CONTROL + b"\nPackage: another\nVersion: 9\nStatus: install ok installed\n",
                         more=[entry("./postinst", b"#!/bin/sh\nchmod 4755 /z2\n", mode=0o755)]))
    r.publish()
    spec = tmp_path / "spec.yaml"
    spec.write_text("packages: [bad]\nexclude: [base-files]\ndrop: [z]\n")
    pare("compose", spec, *options(r), "-o", tmp_path / "out.tar")
    tree, _, config = read(tmp_path / "out.tar")
    assert config["created"] == "9999-12-31T23:59:59Z" and tree["x"][1] == b"x" and tree["etc/y"][1] == b"y" and "z" not in tree
    assert (tree["z1"][0].type, tree["z2"][0].type, tree["z2"][0].linkname) == (tarfile.REGTYPE, HARD, "z1") and tree["z1"][0].mode == 0o4755
    assert [p["name"] for p in pare("sbom", tmp_path / "out.tar", "--format", "json").json()["packages"]] == ["bad"]


def test_pruned(pare, repo, tmp_path):
    """What was fetched is listed and goes with the other caches, by the day it was last used; what was killed leaves nothing."""
    pare("compose", "greet", "tzdata", *options(repo), "-o", tmp_path / "a.tar")
    kept = sorted(f for f in (pare.store / "compose").iterdir())
    assert len(kept) == 5  # an index, four packages
    size = lambda files: sum(f.stat().st_size for f in files)
    for f in kept[:2]:
        os.utime(f, (EPOCH, EPOCH))
    (pare.store / "compose/stage-abcdefgh").mkdir()
    (pare.store / ("compose/%s.part-abcdefgh" % kept[0].name)).write_text("x")

    def fetched(*how):
        items = pare("prune", "--format", "json", "--verbose", *how).json()["items"]
        return [(i["goes"], i["bytes"]) for i in items if "compose" in i["name"]]

    both = [(True, size(kept[:2])), (True, size(kept[2:]))]
    assert fetched("-n") == both and fetched("-n", "--older", "30d") == [both[0], (False, both[1][1])]
    assert fetched("--no-cache") == [] and set(kept) == set((pare.store / "compose").iterdir())
    room = next(r for r in pare("du", "--format", "json").json()["places"] if r["name"] == "compose")
    assert (room["files"], room["bytes"]) == (5, size(kept))
    assert pare("prune", "--older", "30d", "--format", "json").json()["freed"] == both[0][1]
    assert set(kept[2:]) == set((pare.store / "compose").iterdir())
    pare("prune")
    assert not list((pare.store / "compose").iterdir())
    pare("compose", "greet", "tzdata", *options(repo), "-o", tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_conflicts(pare, tmp_path):
    r = Repository(tmp_path / "mirror")
    r.deb("base-files", "12", {"etc/debian_version": "12\n"})
    r.deb("one", "1", {"usr/lib/x": "one", "etc/tool": "one"})
    r.deb("two", "1", {"usr/lib/x": "two"})
    r.deb("three", "1", {"usr/lib/x": "three"}, Replaces="one (<< 2)")
    r.deb("four", "1", {"etc/tool": "four"}, scripts={"preinst": "#!/bin/sh\ndpkg-divert --package four --add --rename --divert /etc/tool.one /etc/tool\n"})
    r.deb("five", "1", {}, Conflicts="one")
    r.publish(by_hash=False)
    out = tmp_path / "out.tar"
    assert "two: one has usr/lib/x, too" in pare("compose", "one", "two", *options(r), "-o", out, status=3).err
    assert not out.exists()
    pare("compose", "one", "three", *options(r), "-o", out)
    assert read(out)[0]["usr/lib/x"][1] == b"three"
    pare("compose", "one", "four", *options(r), "-o", out)
    tree = read(out)[0]
    assert tree["etc/tool"][1] == b"four" and tree["etc/tool.one"][1] == b"one"
    assert "five: one does not go with five" in pare("compose", "one", "five", *options(r), "-o", out, status=3).err.replace("five does not go with one", "one does not go with five")


@pytest.mark.skipif(not shutil.which("gcc") or not os.path.exists("/sbin/ldconfig"), reason="no compiler")
def test_loader(pare, tmp_path):
    """A directory that only the configuration of the loader names, and a library that is missing."""
    build = tmp_path / "c"
    build.mkdir()
    (build / "a.c").write_text("int greet(void) { return 1; }\n")
    (build / "m.c").write_text("int greet(void); int main(void) { return greet(); }\n")
    for n in (9, 10):
        subprocess.run(["gcc", "-shared", "-nostdlib", "-Wl,-soname,libgreet.so.%d" % n, "-o", build / ("libgreet.so.%d.0" % n), build / "a.c"], check=True)
    os.symlink("libgreet.so.9.0", build / "libgreet.so")
    subprocess.run(["gcc", "-o", build / "main", build / "m.c", "-L", build, "-lgreet"], check=True)
    r = Repository(tmp_path / "mirror")
    r.deb("base-files", "12", {"etc/debian_version": "12\n"})
    r.deb("odd", "1", {"opt/odd/libgreet.so.9.0": (build / "libgreet.so.9.0").read_bytes(), "opt/odd/libgreet.so.10.0": (build / "libgreet.so.10.0").read_bytes(),
                       "etc/ld.so.conf.d/odd.conf": "# ours\n/opt/odd\n", "usr/bin/main": (build / "main").read_bytes()}, arch="amd64", modes={"usr/bin/main": 0o755})
    r.publish()
    out = tmp_path / "out.tar"
    told = pare("compose", "odd", *options(r), "-o", out)
    tree = read(out)[0]
    assert tree["opt/odd/libgreet.so.9"][0].linkname == "libgreet.so.9.0"
    (tmp_path / "cache").write_bytes(tree["etc/ld.so.cache"][1])
    listed = subprocess.run(["/sbin/ldconfig", "-p", "-C", tmp_path / "cache"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert [line.strip() for line in listed[1:3]] == ["libgreet.so.10 (libc6,x86-64) => /opt/odd/libgreet.so.10", "libgreet.so.9 (libc6,x86-64) => /opt/odd/libgreet.so.9"]
    assert "/usr/bin/main needs libc.so.6, which nothing in the image is" in told.err and "libgreet" not in told.err


def test_all_apart(pare, repo, tmp_path):
    """An archive whose packages for all architectures have an index of their own."""
    repo.deb("exact", "1", {"usr/bin/exact": "x"}, arch="amd64", Depends="libgreet:amd64 | nowhere")
    repo.publish(arches=("amd64", "all"), apart=True)
    assert [line.split("\t")[0] for line in pare("compose", "exact", "greet", *options(repo), "-n").out.splitlines()] == ["base-files", "libgreet", "exact", "greet"]


def test_platforms(pare, repo, tmp_path):
    repo.publish(arches=("amd64", "arm64"))
    out = tmp_path / "out.tar"
    r = pare("compose", "greet", *options(repo)[:4], "--allow-unsigned", "--platform", "linux/amd64,linux/arm64", "-o", "oci-archive:%s:1" % out)
    with tarfile.open(out) as t:
        index = json.load(t.extractfile("index.json"))
        top = json.load(t.extractfile("blobs/" + index["manifests"][0]["digest"].replace(":", "/")))
    assert index["manifests"][0]["digest"] == r.out.strip()
    assert [m["platform"]["architecture"] for m in top["manifests"]] == ["amd64", "arm64"]
    assert pare("compose", "greet", *options(repo)[:4], "--allow-unsigned", "--platform", "linux/amd64,linux/arm64", "-o", "pare:greet:1").out == r.out


@pytest.mark.parametrize("damage", [lambda d: b"", lambda d: b"!<arch>\n" + d[8:100], lambda d: d[:-200], lambda d: d.replace(b"data.tar", b"dxta.tar"), lambda d: d.replace(b"debian-binary", b"debian-banary")])
def test_damaged(pare, tmp_path, damage):
    r = Repository(tmp_path / "mirror")
    r.deb("base-files", "12", {"etc/debian_version": "12\n"})
    deb = next((r.top / "pool").iterdir())
    data = damage(deb.read_bytes()) or b"x"
    old = deb.read_bytes()
    deb.write_bytes(data)
    r.packages["all"] = [p.replace("Size: %d" % len(old), "Size: %d" % len(data)).replace(hashlib.sha256(old).hexdigest(), hashlib.sha256(data).hexdigest()) for p in r.packages["all"]]
    r.publish()
    e = pare("compose", "base-files", *options(r), "-o", tmp_path / "out.tar", status=3)
    assert e.err.startswith("pare: base-files: ") and e.err.count("\n") == 1
    assert not list((pare.store / "compose").glob("stage-*")) and not (tmp_path / "out.tar").exists()


@pytest.mark.parametrize("args, word", [
    (["--suite", "../x"], "../x"), (["--suite", "bookworm", "--snapshot", "yesterday"], "yesterday"), (["--suite", "bookworm", "-w", "relative"], "relative"), (["--suite", "bookworm", "-t", "UPPER"], "UPPER"),
    (["--suite", "bookworm", "--platform", "linux/amd64,linux/arm64"], "one platform"), (["--suite", "bookworm", "--platform", "foo"], "foo"), (["--suite", "bookworm", "--layers", "0"], "--layers"), (["--suite", "bookworm", "--compression", "bzip2"], "bzip2"),
    (["--suite", "bookworm", "--compression-level", "13"], "level"), (["--suite", "bookworm", "--label", "x"], "--label"), (["--suite", "bookworm", "--env", "=x"], "env"), (["--suite", "bookworm", "--mirror", "ftp://x"], "ftp://x"),
    (["--suite", "bookworm", "--distribution", "fedora"], "fedora"), (["--suite", "bookworm", "--lock", "--locked"], "--locked"), (["--suite", "bookworm", "--attempts", "0"], "--attempts"), (["--suite", "bookworm", "UPPER"], "UPPER")])
def test_what_is_wrong_is_seen_before_anything_is_fetched(pare, args, word, tmp_path):
    r = pare("compose", *args, "some-package", "-o", tmp_path / "o.tar", status=2)  # nothing of the network is there
    (line,) = r.err.splitlines()
    assert line.startswith("pare: ") and word in line, r


def test_what_the_image_starts_and_is_called(pare, tmp_path):
    repo = Repository(tmp_path / "mirror")
    fill(repo)
    repo.deb("extra", "1", {"usr/share/extra": "x"})
    repo.deb("wants", "1", {"usr/share/wants": "x"}, Recommends="extra")
    repo.publish()
    out = tmp_path / "o.tar"
    words = ["--entrypoint", "/usr/bin/greet-b", "--entrypoint", "-v", "--cmd", "a b", "--cmd", "c", "--user", "nonroot", "--workdir", "/srv", "-e", "A=1", "--label", "k=v", "--tag", "my/app:7"]
    pare("compose", "wants", "greet", *options(repo, *words), "-o", out)
    tree, _, config = read(out)
    assert config["config"] == {**config["config"], "Entrypoint": ["/usr/bin/greet-b", "-v"], "Cmd": ["a b", "c"], "WorkingDir": "/srv", "Labels": {"k": "v"}} and "A=1" in config["config"]["Env"] and config["config"]["User"] in ("nonroot", "65532", "65532:65532")
    assert b"nonroot:x:65532:" in tree["etc/passwd"][1] and "usr/share/extra" not in tree
    with tarfile.open(out) as t:
        assert json.load(t.extractfile("manifest.json"))[0]["RepoTags"] == ["my/app:7"]
    pare("compose", "wants", *options(repo, "--recommends"), "-o", out)
    assert "usr/share/extra" in read(out)[0]
    assert "contrib" in pare("compose", "wants", *options(repo, "--components", "main,contrib"), "-o", out, status=3).err
    pare("compose", "wants", *options(repo, "--components", "main", "--lock=%s" % (tmp_path / "lock")), "-o", out)
    locked = ["--locked=%s" % (tmp_path / "lock"), "--offline"]
    first = out.read_bytes()
    shutil.rmtree(repo.top)
    pare("compose", "wants", *options(repo, *locked), "-o", out)
    assert out.read_bytes() == first
    assert "not there" in pare("compose", "wants", *options(repo, *locked), "-o", out, env={"PARE_STORE": tmp_path / "empty"}, status=4).err


def test_to_a_registry_with_certificates_and_passwords(pare, repo, tmp_path):
    with Registry(auth=("me", "secret"), tls=True) as r:
        place = "docker://%s/made:1" % r.host
        certs = ["--cert-dir", "%s/%s" % (r.certs_d(tmp_path / "certs"), r.host)]
        assert r.host in pare("compose", "libgreet", *options(repo, *certs), "-o", place, status=4).err
        digest = pare("compose", "libgreet", *options(repo, *certs, "--creds", "me:secret"), "-o", place).out.strip()
        assert pare("compose", "libgreet", *options(repo, "--tls-verify=false", "--creds", "me:secret"), "-o", place).out.strip() == digest
        assert pare("manifest", "show", *certs, "--creds", "me:secret", "--format", "json", place).json()["digest"] == digest
