"""Contexts, COPY and ADD as users see them: where files come from, which, what they become, and what is refused."""
import base64
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import threading

import pytest

from buildlib import base_image, build  # noqa: F401
from imagelib import File

FILES = {"a.txt": "a\n", "sub/s.txt": "s\n", "sub/deep/x.txt": "x\n", "sub/deep/y.md": "y\n"}


def tree(b, n=-1):
    """name -> (type, mode, uid, gid) of one layer."""
    return {name: (e.type.decode(), e.mode, e.uid, e.gid) for name, e in b.entries(n).items()}


def archive(*members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, data, about in members:
            i = tarfile.TarInfo(name)
            i.mtime = 1234
            for k, v in about.items():
                setattr(i, k, v)
            if i.isreg():
                i.size = len(data)
            t.addfile(i, io.BytesIO(data) if i.isreg() else None)
    return out.getvalue()


def test_files_become_root_s_of_one_time(build):
    d = build.context("FROM scratch\nCOPY . /all/\n", FILES)
    os.chmod(d / "sub" / "deep", 0o711)
    os.chmod(d / "a.txt", 0o4755)
    b = build(None, context=d)
    assert tree(b)["all/a.txt"] == ("0", 0o4755, 0, 0) and tree(b)["all/sub/deep"] == ("5", 0o711, 0, 0) and tree(b)["all"][1] == 0o755
    assert len({e.mtime for e in b.entries().values()}) == 1


def test_hard_links_and_holes_stay(build):
    d = build.context("FROM scratch\nCOPY . /all/\n", FILES)
    os.link(d / "a.txt", d / "twin")
    with open(d / "sparse", "wb") as f:
        f.seek(5 << 20)
        f.write(b"end")
    b = build(None, context=d)
    e = b.entries()
    assert sorted((e["all/a.txt"].type, e["all/twin"].type)) == [b"0", b"1"]
    assert hashlib.sha256(b.read("all/sparse")).hexdigest() == hashlib.sha256(bytes(5 << 20) + b"end").hexdigest()


def test_owners_are_looked_up_in_the_image(build):
    b = build("FROM base\nRUN echo 'made:x:77:88::/:/bin/sh' >>/etc/passwd\nCOPY --chown=made:staff a.txt /n/\nCOPY --chown=made a.txt /m\nCOPY --chown=5 --chmod=u=rwx,go= a.txt /five\n", FILES)
    assert tree(b, -3)["n/a.txt"][2:] == (77, 50) and tree(b, -2)["m"][2:] == (77, 88) and tree(b)["five"] == ("0", 0o700, 5, 5)


def test_sources_from_a_stage_stay_what_they_are(build):
    text = "FROM base AS one\nRUN mkdir -m 750 /d && echo 1 >/d/f && chown 5:6 /d/f && chmod 2755 /d/f && ln -s /d/f /l && mkfifo /d/p\nFROM scratch\nCOPY --from=one /d /d/\nCOPY --from=one /../../l /followed\n"
    b = build(text)
    assert tree(b, -2)["d/f"] == ("0", 0o2755, 5, 6) and tree(b, -2)["d/p"][0] == "6" and tree(b)["followed"] == ("0", 0o2755, 5, 6)


def test_capabilities_and_attributes_of_a_stage_stay(build, pare, tmp_path):
    cap = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    base_image(extra=[File("bin/capped", b"x", mode=0o755, xattrs={"security.capability": cap, "user.note": b"n"})]).oci(tmp_path / "caps")
    pare("copy", "oci:%s:latest" % (tmp_path / "caps"), "pare:caps")
    e = build("FROM caps AS a\nFROM scratch\nCOPY --from=a --chown=3:4 /bin/capped /c\n").entries()["c"]
    assert e.pax_headers["SCHILY.xattr.security.capability"].encode("utf-8", "surrogateescape") == cap and e.pax_headers["SCHILY.xattr.user.note"] == "n" and (e.uid, e.gid) == (3, 4)


def test_links_of_a_context_lead_nowhere_else(build, pare, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    for source in ("link", "dir/secret", "up/secret"):
        d = build.context("FROM scratch\nCOPY %s /x\n" % source, FILES)
        (d / "link").symlink_to(secret)
        (d / "dir").symlink_to(tmp_path)
        (d / "up").symlink_to("..")
        r = pare("build", d, status=3)
        assert "Dockerfile:2" in r.err and source in r.err and "not found in the build context" in r.err
    d = build.context("FROM scratch\nCOPY . /x\n", FILES)
    (d / "link").symlink_to(secret)
    assert build(None, context=d).entries()["x/link"].issym()


@pytest.mark.parametrize("source, says", [("../x", "leads out of the build context"), ("sub/../../x", "leads out"), ("nope", "nope: not found in the build context"), ("ignored", "ignored: not found")])
def test_what_is_not_in_the_context_is_named(build, pare, source, says):
    d = build.context("FROM scratch\n\nCOPY %s /x\n" % source, {**FILES, "ignored": "i", ".dockerignore": "ignored\n"})
    r = pare("build", d, status=3)
    assert "Dockerfile:3" in r.err and says in r.err


def test_sockets_are_left_out(build):
    d = build.context("FROM scratch\nCOPY . /x\n", FILES)
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(d)
    s.bind("s")
    os.chdir(here)
    os.mkfifo(d / "pipe")
    (d / "new\nline").write_text("n")
    b = build(None, context=d)
    assert "x/s" not in b.entries() and b.entries()["x/pipe"].isfifo() and b.read("x/new\nline") == b"n"
    s.close()


def test_what_touches_nothing_runs_nothing(build, pare):
    d = build.context("FROM base\nCOPY sub /sub\nRUN cat /proc/sys/kernel/random/uuid >/u\n", FILES)
    first = build(None, context=d).read("u")
    os.utime(d / "sub" / "s.txt", (1, 1))
    (d / "a.txt").write_text("other")
    assert build(None, context=d).read("u") == first
    (d / "sub" / "s.txt").write_text("t\n")
    os.utime(d / "sub" / "s.txt", (1, 1))
    assert build(None, context=d).read("u") != first
    r = pare("build", "--explain-cache", "--progress=plain", d)
    (d / "sub" / "s.txt").write_text("u\n")
    r = pare("build", "--explain-cache", "--progress=plain", d)
    assert "sub/s.txt" in r.err


def test_ten_thousand_files_are_more_than_a_key_names(build):
    d = build.context("FROM scratch\nCOPY many /many\n")
    for i in range(101):
        (d / "many" / ("d%d" % i)).mkdir(parents=True)
        for j in range(100):
            (d / "many" / ("d%d" % i) / ("f%d" % j)).write_bytes(b"")
    a, b = build(None, context=d), build(None, context=d)
    assert a.digest == b.digest and len(a.entries()) == 102 + 10100
    (d / "many" / "d7" / "f7").write_text("x")
    assert build(None, context=d).read("many/d7/f7") == b"x"


def test_archives_are_unpacked_by_content(build):
    members = [("top", b"", {"type": tarfile.DIRTYPE, "mode": 0o750, "uid": 3, "gid": 4}), ("top/f", b"f", {"mode": 0o6755, "uid": 5, "gid": 6}), ("top/l", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
               ("dev", b"", {"type": tarfile.CHRTYPE})]
    files = {"plain.tar": archive(*members), "called.txt": archive(*members, mode="w:gz"), "no.tar": "no archive\n"}
    b = build("FROM scratch\nADD plain.tar /p\nADD called.txt no.tar /c/\nADD --unpack=false plain.tar /n/\nCOPY plain.tar /k/\n", files)
    assert tree(b, 0)["p/top/f"] == ("0", 0o6755, 5, 6) and tree(b, 0)["p/top"] == ("5", 0o750, 3, 4) and b.entries(0)["p/top/f"].mtime == 1234 and "p/dev" not in tree(b, 0)
    assert b.read("c/top/f") == b"f" and b.read("c/no.tar") == b"no archive\n" and b.read("n/plain.tar") and b.read("k/plain.tar")


@pytest.mark.parametrize("member", [("../evil", b"x", {}), ("a/../../evil", b"x", {}), ("h", b"", {"type": tarfile.LNKTYPE, "linkname": "../../etc/passwd"})])
def test_archives_that_lead_out_are_refused(build, pare, member):
    r = pare("build", build.context("FROM base\nADD e.tar /x/\n", {"e.tar": archive(("ok", b"", {}), member)}), status=3)
    assert "e.tar" in r.err and "leads out" in r.err


def test_links_in_an_archive_lead_within_it(build, tmp_path):
    e = archive(("l", b"", {"type": tarfile.SYMTYPE, "linkname": str(tmp_path)}), ("l/in", b"x", {}))
    b = build("FROM scratch\nADD e.tar /x/\n", {"e.tar": e})
    assert not (tmp_path / "in").exists() and b.read("x" + str(tmp_path) + "/in") == b"x"


def test_a_damaged_archive_is_no_image(build, pare):
    whole = archive(("f", os.urandom(100000), {}), mode="w:gz")
    r = pare("build", "-t", "t", build.context("FROM scratch\nADD e.tgz /\n", {"e.tgz": whole[:50000]}), status=3)
    assert "e.tgz" in r.err


def test_contexts_on_standard_input(build, pare, tmp_path):
    files = [("Dockerfile", b"FROM scratch\nCOPY . /x\n", {}), ("f", b"f", {}), ("out", b"o", {}), (".dockerignore", b"out\n", {})]
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        b = build(None, context="-", stdin=archive(*files, mode=mode))
        assert b.read("x/f") == b"f" and "x/out" not in b.entries()
    pare("build", "-", stdin=b"FROM scratch\nLABEL a=b\n")
    assert "not found" in pare("build", "-", stdin=b"FROM scratch\nCOPY a /\n", status=3).err
    assert pare("build", "-", stdin=b"", status=3).err
    assert pare("build", "-", stdin=archive(*files, mode="w:gz")[:-30], status=3).err
    assert "leads out" in pare("build", "-", stdin=archive(*files, ("../evil", b"", {})), status=3).err
    assert not list((tmp_path / "run" / "tmp").iterdir())


def test_a_setgid_directory_hands_on_what_is_made_in_it(build):
    top = "FROM base\nRUN mkdir /s && chgrp 50 /s && chmod 2775 /s\n"
    b = build(top + "WORKDIR /s/w\nCOPY a.txt x/y/\nCOPY --chown=app a.txt o/\nUSER app\nWORKDIR u\n", FILES)
    made = {n: (e.mode, e.uid, e.gid) for k in range(-4, 0) for n, e in b.entries(k).items() if e.isdir()}
    assert made["s/w"] == made["s/w/x"] == made["s/w/x/y"] == (0o2755, 0, 50)
    assert made["s/w/o"] == made["s/w/u"] == (0o2755, 1000, 1001)
    b = build(top + "ADD a.tar /s/\n", {"a.tar": archive(("p/q/f", b"x", {"gid": 8}))}) # what an archive doesn't name is root's
    assert tree(b)["s/p"] == tree(b)["s/p/q"] == ("5", 0o2755, 0, 0)


def test_parents_asks_for_what_no_pattern_names(build, pare):
    files = {"x/a.txt": "1", "y/a.txt": "2", "z/q": "3"}
    assert build("FROM scratch\nCOPY --parents ./[x-z]/./a.txt /o/\n", files).read("o/a.txt") == b"2"
    r = pare("build", build.context("FROM scratch\nCOPY --parents ./z/./a.txt /o/\n", files), status=3)
    assert "./z/./a.txt: not found in the build context" in r.err


def test_a_link_with_modes_is_a_plain_copy(build):
    b = build("FROM base\nRUN mkdir -m 711 /real && ln -s real /way\nCOPY --link --chmod=600 a.txt /way/\n", FILES)
    assert b.entries()["real/a.txt"].mode == 0o600 and not any(n.startswith("way") for n in b.entries())


def test_nothing_is_what_scratch_gives(build):
    b = build("FROM base\nCOPY --from=scratch / /n/\nRUN --mount=from=scratch,target=/m test -d /m && ls -A /m > /o\n")
    assert b.read("o") == b"" and tree(b, -2) == {"n": ("5", 0o755, 0, 0)}


def test_named_contexts(build, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "f").write_text("other's")
    (other / "out").write_text("out")
    (other / ".dockerignore").write_text("out\n")
    b = build("FROM scratch\nCOPY --from=o . /o\n", args=["--build-context", "o=%s" % other])
    assert b.read("o/f") == b"other's" and "o/out" not in b.entries()


@pytest.fixture
def served(tmp_path):
    top = tmp_path / "served"
    top.mkdir()
    handler = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *a: None, "__init__": lambda self, *a, **k: http.server.SimpleHTTPRequestHandler.__init__(self, *a, directory=str(top), **k)})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield top, "http://127.0.0.1:%d" % server.server_port
    server.shutdown()
    server.server_close()


def test_files_of_urls(build, pare, served):
    top, url = served
    (top / "file.bin").write_bytes(b"bytes")
    (top / "a.tar").write_bytes(archive(("f", b"f", {})))
    sha = hashlib.sha256(b"bytes").hexdigest()
    b = build("FROM scratch\nADD %s/file.bin /d/\nADD --checksum=sha256:%s --chmod=755 %s/file.bin?x=y /e\nADD %s/a.tar /t/\nADD --unpack %s/a.tar /u/\n" % (url, sha, url, url, url))
    assert tree(b, 0)["d/file.bin"] == ("0", 0o600, 0, 0) and tree(b, 1)["e"][1] == 0o755 and "t/a.tar" in tree(b, 2) and b.read("u/f") == b"f"
    r = pare("build", build.context("FROM scratch\nADD --checksum=sha256:%s %s/file.bin /e\n" % ("0" * 64, url)), status=3)
    assert sha in r.err and "Dockerfile:2" in r.err
    r = pare("build", build.context("FROM scratch\nADD %s/not.there /e\n" % url), status=4)
    assert "not.there" in r.err
    (top / "file.bin").write_bytes(b"other")  # what is known by its digest is not asked for again
    d = build.context("FROM scratch\nADD --checksum=sha256:%s %s/file.bin /e\n" % (sha, url))
    assert pare("build", d, status=3).err
    (top / "file.bin").write_bytes(b"bytes")
    build(None, context=d)
    (top / "file.bin").unlink()
    assert build(None, context=d).read("e") == b"bytes"


def test_contexts_from_urls(build, served):
    top, url = served
    (top / "c.tgz").write_bytes(archive(("Dockerfile", b"FROM scratch\nCOPY f /\n", {}), ("f", b"f", {}), mode="w:gz"))
    assert build(None, context=url + "/c.tgz").read("f") == b"f"
    (top / "D").write_text("FROM scratch\nCOPY <<x /t\ntext\nx\n")
    assert build(None, context=url + "/D").read("t") == b"text\n"


@pytest.fixture
def repository(served):
    """(url, commit of main, commit of dev)"""
    if not shutil.which("git"):
        pytest.skip("no git")
    top, url = served
    work = top / "work"
    work.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(top), "GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "e", "GIT_COMMITTER_NAME": "n", "GIT_COMMITTER_EMAIL": "e"}

    def git(*args):
        return subprocess.run(["git", "-c", "init.defaultBranch=main", *args], cwd=work, env=env, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.decode().strip()

    git("init", "-q")
    (work / "Dockerfile").write_text("FROM scratch\nCOPY . /x\n")
    (work / "dir").mkdir()
    (work / "dir" / "f").write_text("main")
    (work / "tool").write_text("#!/bin/sh\n")
    (work / "tool").chmod(0o755)
    git("add", "-A")
    git("commit", "-qm", "one")
    git("tag", "-a", "v1", "-m", "v1")
    main = git("rev-parse", "HEAD")
    git("checkout", "-qb", "dev")
    (work / "dir" / "f").write_text("dev")
    git("commit", "-qam", "two")
    dev = git("rev-parse", "HEAD")
    git("checkout", "-q", "main")
    git("clone", "-q", "--bare", ".", "../r.git")
    git("-C", "../r.git", "update-server-info")
    return url + "/r.git", main, dev


def test_contexts_from_git(build, repository, tmp_path):
    url, main, dev = repository
    before = os.umask(0o077)
    b = build(None, context=url)
    os.umask(before)
    assert b.read("x/dir/f") == b"main" and not any(n.startswith("x/.git") for n in b.entries()) and tree(b)["x/tool"][1] == 0o755 and tree(b)["x/dir/f"][1] == 0o644
    assert build(None, context=url + "#" + dev).read("x/dir/f") == b"dev"
    b = build("FROM scratch\nADD %s#dev:dir /d\nADD --keep-git-dir %s#v1 /v1/\n" % (url, url))
    assert tree(b, 0).keys() >= {"d", "d/f"} and b.read("d/f") == b"dev" and b.read("v1/dir/f") == b"main" and any(n.startswith("v1/.git/") for n in b.entries(1))
    assert not list((tmp_path / "run" / "tmp").iterdir())


def test_submodules_come_along(build, pare, repository, served, tmp_path):
    top, url = served
    git = ["git", "-c", "protocol.file.allow=always", "-c", "user.name=n", "-c", "user.email=e", "-C", str(top / "work")]
    for where, name in (("../r.git", "relative"), (str(top / "r.git"), "local")):
        subprocess.run(git + ["checkout", "-q", "-b", name, "main"], check=True)
        (top / "work" / ".gitmodules").write_text('[submodule "m"]\n\tpath = m\n\turl = %s\n' % where)
        subprocess.run(git + ["update-index", "--add", "--cacheinfo", "160000", repository[1], "m"], check=True)
        subprocess.run(git + ["add", ".gitmodules"], check=True)
        subprocess.run(git + ["commit", "-qm", name], check=True)
    subprocess.run(["git", "clone", "-q", "--bare", str(top / "work"), str(top / "s.git")], check=True)
    subprocess.run(["git", "-C", str(top / "s.git"), "update-server-info"], check=True)
    assert build(None, context=url + "/s.git#relative").read("x/m/dir/f") == b"main"
    r = pare("build", url + "/s.git#local", status=4)  # a path of this machine
    assert "s.git" in r.err


@pytest.fixture
def private(served):
    """Serves what `served` does to those who say who they are; /away/ leads to another host, which is asked what came."""
    top, _ = served
    told = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        want = None

        def __init__(self, *a, **k):
            super().__init__(*a, directory=str(top), **k)

        def log_message(self, *a):
            pass

        def do_GET(self):
            told.append((self.headers["Host"].split(":")[0], self.headers.get("Authorization")))
            if self.path.startswith("/away/"):
                self.send_response(302)
                self.send_header("Location", "http://localhost:%d/%s" % (self.server.server_port, self.path[6:]))
                self.end_headers()
            elif self.headers.get("Authorization") != Handler.want:
                self.send_error(401)
            else:
                super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Handler, told, "127.0.0.1:%d" % server.server_port
    server.shutdown()
    server.server_close()


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


def test_private_git(build, pare, repository, private, tmp_path):
    """Tokens as BuildKit names them, and what stands in a URL: to the host that it is for, and in no list of processes."""
    handler, told, host = private
    url = "http://%s/r.git" % host
    (tmp_path / "token").write_text("geheim\n")
    given = ("--secret", "id=GIT_AUTH_TOKEN,src=%s" % (tmp_path / "token"))
    handler.want = basic("x-access-token", "geheim")
    assert build(None, context=url, args=given).read("x/dir/f") == b"main"
    adds = "FROM scratch\nADD %s /x\n" % url
    r = pare("build", *given, build.context(adds), status=4)  # whoever wrote the Dockerfile would say to whom it goes
    assert "r.git" in r.err and "geheim" not in r.err
    for_host = ("--secret", "id=GIT_AUTH_TOKEN.%s,src=%s" % (host, tmp_path / "token"))
    assert build(adds, args=for_host).read("x/dir/f") == b"main"
    (tmp_path / "header").write_text("Bearer other")
    handler.want = "Bearer other"
    assert build(adds, args=("--no-cache", "--secret", "id=GIT_AUTH_HEADER.%s,src=%s" % (host, tmp_path / "header"))).read("x/dir/f") == b"main"
    handler.want = basic("me", "ge@heim:x")
    assert build(None, context="http://me:ge%%40heim:x@%s/r.git" % host).read("x/dir/f") == b"main"
    del told[:]
    away = "http://%s/away/r.git" % host
    assert pare("build", *given, away, status=4).err.count("\n") == 1
    assert told and all(h != "localhost" or a is None for h, a in told), told
    (tmp_path / "token").write_text("one\ntwo\n")
    assert "control character" in pare("build", *given, url, status=2).err


def test_credentials_are_no_argument(build, pare, tmp_path):
    """A git that is asked for what it was given: arguments of processes can be read by everybody on a machine."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text('#!/bin/sh\necho "$@" >>%s\necho "$GIT_CONFIG_KEY_0 $GIT_CONFIG_VALUE_0" >>%s\nexit 1\n' % (tmp_path / "args", tmp_path / "env"))
    (tmp_path / "bin" / "git").chmod(0o755)
    path = {"PATH": "%s:%s" % (tmp_path / "bin", os.environ["PATH"])}
    pare("build", "https://me:geheim@host.test/r.git", env=path, status=4)
    assert "geheim" not in (tmp_path / "args").read_text() and (tmp_path / "env").read_text().split("\n")[0] == "http.https://host.test/.extraHeader Authorization: " + basic("me", "geheim")
    (tmp_path / "env").unlink()
    pare("build", "--secret", "id=GIT_AUTH_TOKEN", "http://host.test/r.git", env={**path, "GIT_AUTH_TOKEN": "geheim"}, status=4)  # in the clear to another machine: never
    assert "geheim" not in (tmp_path / "env").read_text() + (tmp_path / "args").read_text()


def test_provenance_names_what_was_fetched(build, pare, repository, served, tmp_path):
    top, url = served
    git, main, dev = repository
    (top / "file").write_bytes(b"bytes")
    sha = hashlib.sha256(b"bytes").hexdigest()
    (top / "work" / "Dockerfile").write_text("FROM scratch\nADD %s#dev /d\nADD %s/file /a\nADD --checksum=sha256:%s %s/file /b\n" % (git.replace("://", "://me:word@"), url, sha, url))
    pare("build", "--provenance", "-f", "-", "-o", "type=oci,tar=false,dest=%s" % (tmp_path / "o"), git, stdin=(top / "work" / "Dockerfile").read_bytes())
    for m in json.loads((tmp_path / "o/index.json").read_text())["manifests"]:
        doc = json.loads((tmp_path / "o/blobs" / m["digest"].replace(":", "/")).read_text())
        if "artifactType" in doc:
            found = json.loads((tmp_path / "o/blobs" / doc["layers"][0]["digest"].replace(":", "/")).read_text())
    wanted = [(git, {"sha1": main}), (git + "#dev", {"sha1": dev}), (url + "/file", {"sha256": sha})]
    assert [(d["uri"], d["digest"]) for d in found["predicate"]["buildDefinition"]["resolvedDependencies"]] == sorted(wanted, key=lambda w: w[0])


@pytest.mark.parametrize("fragment, says", [("#nosuch", "nosuch"), ("#main:nosuch", "nosuch"), ("#--upload-pack=x", "no name of a branch"), ("#main:../..", "leads out"), ("?what=x", "not known")])
def test_git_that_is_not_there(build, pare, repository, fragment, says):
    r = pare("build", repository[0].replace("http://", "http://user:secret@") + fragment, status=None)
    assert r.status in (2, 3) and says in r.err and "secret" not in r.err


def test_git_takes_no_file_of_this_machine(build, pare, served, repository):
    r = pare("build", build.context("FROM scratch\nADD git@localhost:%s/r.git /x\n" % served[0]), status=None, timeout=60)
    assert r.status in (3, 4)
    assert pare("build", "file://%s/r.git" % served[0], status=2).err


def test_interrupted_while_it_copies_nothing_stays(build, pare, tmp_path):
    d = build.context("FROM scratch\nCOPY big /big\n")
    with open(d / "big", "wb") as f:
        f.truncate(1 << 20)
        for i in range(64):
            f.write(os.urandom(1 << 20))
    p = subprocess.Popen([pare.binary, "build", "-t", "cut", str(d)], env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path / "run" / "tmp"), "PARE_STORE": str(pare.store), "PARE_OFFLINE": "1"}, stderr=subprocess.PIPE)
    try:
        p.wait(0.15)
    except subprocess.TimeoutExpired:
        p.send_signal(signal.SIGINT)
        p.wait(20)
    assert not list((tmp_path / "run" / "tmp").iterdir())
    assert build(None, context=d).read("big")
