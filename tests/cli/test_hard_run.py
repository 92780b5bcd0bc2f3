"""What no run shows and only knowledge keeps, run: programs of this machine in images made here, trained with a command that stays away from the hard part, slimmed, and then asked for it."""
import glob
import os
import shutil
import struct
import subprocess

import pytest

from imagelib import Dir, File, Image, Symlink, layer
from test_run import able

HARD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "hard")
LIBRARIES = "/usr/lib/%s-linux-gnu" % os.uname().machine
pytestmark = pytest.mark.skipif(able() is not None or os.geteuid() != 0 or not shutil.which("cc"), reason=str(able() or "not root, or no compiler"))


class Tree:
    """Files of an image: made up, compiled, or this machine's, programs with their libraries."""

    def __init__(self, tmp):
        self.tmp, self.have = tmp, {}
        for d in ("tmp", "proc", "sys", "dev", "etc", "usr/bin", "usr/lib"):
            self.have[d] = Dir(d)
        for link in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink("/" + link):
                self.have[link] = Symlink(link, os.readlink("/" + link))
        self.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nlocal:x:5:5::/home/local:/bin/sh\n").file("/etc/group", "root:x:0:\nlocals:x:55:\n")

    def put(self, path, entry):
        self.have.setdefault(path.strip("/"), entry)
        return self

    def file(self, path, data, mode=0o644):
        return self.put(path, File(path.strip("/"), data, mode=mode))

    def link(self, path, target):
        return self.put(path, Symlink(path.strip("/"), target))

    def source(self, name, path):
        with open(os.path.join(HARD, name), "rb") as f:
            return self.file(path, f.read())

    def compiled(self, name, path, *options):
        out = self.tmp / ("built%d" % len(self.have))
        subprocess.run(["cc", "-O1", "-o", out, os.path.join(HARD, name), *options], check=True)
        self.file(path, out.read_bytes(), 0o755)
        return self.libraries(str(out))

    def machine(self, *patterns, without=()):
        """This machine's files, and all below its directories; where links lead to, too."""
        for pattern in patterns:
            for path in sorted(glob.glob(pattern)):
                path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
                if os.path.islink(path):
                    self.link(path, os.readlink(path))
                    self.machine(os.path.realpath(path), without=without)
                elif os.path.isdir(path):
                    self.put(path, Dir(path.strip("/")))
                    self.machine(*[os.path.join(path, e) for e in os.listdir(path) if e not in without], without=without)
                elif path.strip("/") not in self.have:
                    with open(path, "rb") as f:
                        data = f.read()
                    self.file(path, data, os.stat(path).st_mode & 0o777)
                    if data.startswith(b"\x7fELF"):
                        self.libraries(path)
        return self

    def libraries(self, path):
        said = subprocess.run(["ldd", path], capture_output=True, text=True).stdout
        return self.machine(*[w for w in said.split() if w.startswith("/")])

    def image(self, path, **config):
        Image([layer(*[self.have[k] for k in sorted(self.have)])], config={"Env": ["PATH=/usr/bin:/bin"], **config}).docker_archive(path)
        return path


def decoys(tree):
    """What nothing asks for: a program with its data, and an application beside."""
    return tree.compiled("report.c", "/usr/bin/decoy").file("/usr/share/decoy/data", "decoy\n").file("/opt/decoy/bin/x", "decoy\n")


GONE = ["usr/bin/decoy", "usr/share/decoy/data", "opt/decoy/bin/x"]


@pytest.fixture
def prove(pare, tmp_path):
    """Slims at both levels, trained only with `train`; every one of `hard` must then answer as before, and what is `gone` be gone (at level `file` also `files`). Returns what the tool said."""
    def run(tree, command, train, hard, gone=GONE, files=(), said=(), env=()):
        image = decoys(tree).image(tmp_path / "before.tar", Cmd=command, Env=["PATH=/usr/bin:/bin", *env])
        answers = []
        for line in hard:
            r = pare("run", image, "--", *line, status=None, clean=False)
            answers.append((r.status, r.out_bytes))
        assert len(set(answers)) > 1 or len(hard) == 1
        for level in ("file", "package"):
            after = tmp_path / (level + ".tar")
            r = pare("slim", "--level", level, image, "-o", "docker-archive:%s" % after, *[x for t in train for x in ("--exec", t)], timeout=300)
            for text in said:
                assert text in r.out + r.err
            left = {line.split("\t")[0].strip("/") for line in pare("inspect", "--files", "--format", "tsv", after).out.splitlines()}
            assert left, "no list of files"
            assert not [p for p in [*gone, *(files if level == "file" else ())] if p in left]
            for line, (status, out) in zip(hard, answers):
                r = pare("run", after, "--", *line, status=None, clean=False)
                assert (r.status, r.out_bytes) == (status, out), "%s at level %s: %s" % (" ".join(line), level, r)
        return answers
    return run


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def library(tree, path, word):
    return tree.compiled("says.c", path, "-shared", "-fPIC", '-DWORD="%s"' % word)


def test_libraries_by_names_that_are_made_up(tree, prove):
    tree.compiled("plugins.c", "/usr/bin/hardhost")
    for word in ("small", "big"):
        library(tree, LIBRARIES + "/libhardcodec_%s.so.1" % word, word)
    library(tree, LIBRARIES + "/libdecoy.so.1", "decoy")
    answers = prove(tree, ["hardhost"], ["hardhost codec small"], [["hardhost", "codec", "big"], ["hardhost", "codec", "none"]], GONE, [LIBRARIES[1:] + "/libdecoy.so.1"])
    assert answers == [(0, b"big\n"), (1, b"missing\n")]


def test_a_directory_of_plugins(tree, prove):
    tree.compiled("plugins.c", "/usr/bin/hardhost")
    library(tree, LIBRARIES + "/libhardbase.so", "base")
    for place in ("/usr/lib/hardhost/plugins", "/srv/plugins"):
        for word in ("one", "two"):
            library(tree, "%s/%s.so" % (place, word), place + word)
    library(tree, "/usr/lib/decoyhost/plugins/x.so", "x")
    answers = prove(tree, ["hardhost"], ["hardhost"], [["hardhost", "all"], ["hardhost", "codec", "none"]], [*GONE, "usr/lib/decoyhost/plugins/x.so", "srv/plugins/one.so"])
    assert answers[0] == (0, b"/usr/lib/hardhost/pluginsone\n/usr/lib/hardhost/pluginstwo\n")


def test_a_directory_of_plugins_that_the_environment_names(tree, prove):
    tree.compiled("plugins.c", "/usr/bin/hardhost")
    library(tree, "/srv/plugins/one.so", "one")
    answers = prove(tree, ["hardhost"], ["hardhost"], [["hardhost", "all"], ["hardhost", "codec", "none"]], env=["PLUGINS=/srv/plugins"])
    assert answers[0] == (0, b"one\n")


def test_the_name_service(tree, prove):
    tree.compiled("names.c", "/usr/bin/names").compiled("nss.c", LIBRARIES + "/libnss_hard.so.2", "-shared", "-fPIC")
    tree.machine(LIBRARIES + "/libnss_files.so.2", LIBRARIES + "/libnss_dns.so.2")
    tree.file("/etc/nsswitch.conf", "passwd: files hard\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n")
    tree.file("/etc/services", "hardly\t4242/tcp\n").file("/etc/protocols", "hardest\t142\n").file("/etc/decoy.conf", "x\n")
    answers = prove(tree, ["names"], ["names"], [["names", *a.split()] for a in ("user elsewhere", "user local", "user nobody-here", "group locals", "service hardly", "protocol hardest", "host localhost", "host no.such.host")],
                    GONE)
    assert [a[1] for a in answers[:2]] == [b"/home/elsewhere\n", b"/home/local\n"]


def test_encodings_that_no_run_asked_for(tree, prove):
    wanted = ("gconv-modules*", "ISO8859-[125].so", "KOI8-R.so", "EUC-JP.so", "libJIS*.so", "SJIS.so", "UTF-16.so", "ISO-2022-JP.so", "libKSC.so", "libGB.so", "libCNS.so")
    tree.compiled("words.c", "/usr/bin/words").machine(*[LIBRARIES + "/gconv/" + w for w in wanted], without=("gconv-modules.cache",))
    answers = prove(tree, ["words"], ["words"], [["words", "encoding", e] for e in ("ISO-8859-2", "KOI8-R", "EUC-JP", "SHIFT_JIS", "ISO-2022-JP", "NOT-ONE")])
    assert answers[0][0] == 0 and answers[-1] == (1, b"no such encoding\n")


def catalogue(words):
    """A .mo file."""
    pairs, at, table, text = sorted(words.items()), 28 + 16 * len(words), [], b""
    for column in (0, 1):
        for pair in pairs:
            word = pair[column].encode()
            table.append(struct.pack("<II", len(word), at + len(text)))
            text += word + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0) + b"".join(table) + text


def test_locales_chosen_while_it_runs(tree, prove, tmp_path):
    if not shutil.which("localedef") or not os.path.exists("/usr/share/i18n/locales/de_DE"):
        pytest.skip("no sources of locales")
    tree.compiled("words.c", "/usr/bin/words")
    for name in ("de_DE", "cs_CZ"):
        subprocess.run(["localedef", "--no-archive", "-i", name, "-f", "UTF-8", tmp_path / (name + ".UTF-8")], check=True, capture_output=True)
        for path in sorted(glob.glob("%s/%s.UTF-8/**" % (tmp_path, name), recursive=True)):
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    tree.file("/usr/lib/locale/%s" % os.path.relpath(path, tmp_path), f.read())
    tree.file("/usr/share/locale/de/LC_MESSAGES/hardwords.mo", catalogue({"": "Content-Type: text/plain; charset=UTF-8\n", "hello": "hallo"}))
    tree.file("/usr/share/locale/de/LC_MESSAGES/decoy.mo", catalogue({"hello": "x"}))
    answers = prove(tree, ["words"], ["words"], [["words", "locale", n] for n in ("de_DE.UTF-8", "cs_CZ.UTF-8", "C", "xx_XX")], files=["usr/share/locale/de/LC_MESSAGES/decoy.mo"])
    assert answers[0] == (0, b"Sonntag September , UTF-8 hallo\n") and answers[1][0] == 0


def test_files_of_the_error_path(tree, prove):
    tree.compiled("errors.c", "/usr/bin/errors").compiled("report.c", "/usr/libexec/hard-report").file("/etc/hard-report.conf", "configured\n")
    for place, codes in (("/var/lib/harderrors/pages", (404, 410)), ("/opt/harderrors/fatal", (500, 503)), ("/var/lib/decoyerrors", (404,))):
        for code in codes:
            tree.file("%s/%d.txt" % (place, code), "page %d\n" % code)
    answers = prove(tree, ["errors"], ["errors 404"], [["errors", e] for e in ("404", "410", "500", "503", "600", "444")], [*GONE, "var/lib/decoyerrors/404.txt"])
    assert [a[0] for a in answers] == [0, 0, 0, 0, 3, 2]
