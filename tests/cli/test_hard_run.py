"""What no run shows and only knowledge keeps, run: programs of this machine in images made here, trained with a command that stays away from the hard part, slimmed, and then asked for it."""
import glob
import os
import shutil
import struct
import subprocess

import pytest

from imagelib import Dir, File, Image, Symlink, layer
from test_run import able
from test_slim import tree as tree_of

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
        for name in list(self.have):  # a directory that no entry lists keeps the file that it is there for
            while (name := os.path.dirname(name)):
                self.put(name, Dir(name))
        Image([layer(*[self.have[k] for k in sorted(self.have)])], config={"Env": ["PATH=/usr/bin:/bin"], **config}).docker_archive(path)
        return path


def decoys(tree):
    """What nothing asks for: a program with its data, and an application beside."""
    return tree.compiled("report.c", "/usr/bin/decoy").file("/usr/share/decoy/data", "decoy\n").file("/opt/decoy/bin/x", "decoy\n")


GONE = ["usr/bin/decoy", "usr/share/decoy/data", "opt/decoy/bin/x"]


@pytest.fixture
def prove(pare, tmp_path):
    """Slims at both levels, trained only with `train`; every one of `hard` must then answer as before, and what is `gone` be gone (at level `file` also `files`). Returns what the original answered."""
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
            left = {p.strip("/") for p in tree_of(pare, after)}
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
    answers = prove(tree, ["hardhost"], ["hardhost"],
                    [["hardhost", "all"], ["hardhost", "codec", "none"]], [*GONE, "usr/lib/decoyhost/plugins/x.so", "srv/plugins/one.so"])
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
    answers = prove(tree, ["names"], ["names"],
                    [["names", *a.split()] for a in ("user elsewhere", "user local", "user nobody-here", "group locals", "service hardly", "protocol hardest", "host localhost", "host no.such.host")],
                    GONE)
    assert [a[1] for a in answers[:2]] == [b"/home/elsewhere\n", b"/home/local\n"]


def test_encodings_that_no_run_asked_for(tree, prove):
    wanted = ("gconv-modules*", "ISO8859-[125].so", "KOI8-R.so", "EUC-JP.so", "libJIS*.so", "SJIS.so", "UTF-16.so", "ISO-2022-JP.so",
              "libKSC.so", "libGB.so", "libCNS.so")
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
    for d in ("usr/share/locale/fr", "usr/share/locale/fr/LC_MESSAGES", "usr/share/locale/fr/LC_TIME"):
        tree.put(d, Dir(d))
    tree.file("/usr/share/locale/fr/LC_MESSAGES/hardwords.mo", catalogue({"hello": "bonjour"})).file("/usr/share/locale/fr/LC_TIME/hardwords.mo", catalogue({"hello": "bonjour"}))
    # of a language without a locale neither the translations nor their directories
    gone = ["usr/share/locale/fr", "usr/share/locale/fr/LC_MESSAGES", "usr/share/locale/fr/LC_MESSAGES/hardwords.mo", "usr/share/locale/fr/LC_TIME"]
    answers = prove(tree, ["words"], ["words"],
                    [["words", "locale", n] for n in ("de_DE.UTF-8", "cs_CZ.UTF-8", "C", "xx_XX")], files=gone)
    assert answers[0] == (0, b"Sonntag September , UTF-8 hallo\n") and answers[1][0] == 0


def test_files_of_the_error_path(tree, prove):
    tree.compiled("errors.c", "/usr/bin/errors").compiled("report.c", "/usr/libexec/hard-report").file("/etc/hard-report.conf", "configured\n")
    for place, codes in (("/var/lib/harderrors/pages", (404, 410)), ("/opt/harderrors/fatal", (500, 503)), ("/var/lib/decoyerrors", (404,))):
        for code in codes:
            tree.file("%s/%d.txt" % (place, code), "page %d\n" % code)
    answers = prove(tree, ["errors"], ["errors 404"], [["errors", e] for e in ("404", "410", "500", "503", "600", "444")], [*GONE, "var/lib/decoyerrors/404.txt"])
    assert [a[0] for a in answers] == [0, 0, 0, 0, 3, 2]


def test_perl_and_what_it_knows_of_characters(tree, prove):
    if not os.path.exists("/usr/bin/perl"):
        pytest.skip("no perl")
    inc = subprocess.run(["/usr/bin/perl", "-e", "print join qq{\\n}, @INC"], capture_output=True, text=True, check=True).stdout.split("\n")
    keep_out = ("pod", "CPAN", "Pod", "TAP", "Test", "Test2", "ExtUtils", "CORE", "unicore.orig", "perl5db.pl", "Module", "Archive", "encoding")
    tree.machine("/usr/bin/perl", *[d for d in inc if "/perl-base" in d or d.startswith(("/usr/share/perl/", LIBRARIES + "/perl/"))], without=keep_out)
    tree.source("text.pl", "/srv/text/text.pl").file("/usr/share/perl5/Decoy.pm", "package Decoy; 1;\n")
    share = next(d for d in inc if d.startswith("/usr/share/perl/"))
    wanted = ["ucd 6f22", "ucd 5d0", "property Han", "property Script=Hebrew", "property Lowercase_Letter", "property IDS_Binary_Operator",
              "property Line_Break=ID", "name 5d0", "normal -", "encode shiftjis", "encode cp1250", "encode big5-hkscs"]
    answers = prove(tree, ["perl", "/srv/text/text.pl"], ["perl -e 'print 1'"], [["perl", "/srv/text/text.pl", *" ".join(wanted).split()]],
                    files=["usr/share/perl5/Decoy.pm", os.path.realpath(share)[1:] + "/Math/BigRat.pm"])
    assert answers[0][0] == 0 and b"HEBREW LETTER ALEF" in answers[0][1]


def test_one_liners_of_perl_that_name_a_module(tree, prove):
    if not os.path.exists("/usr/bin/perl"):
        pytest.skip("no perl")
    inc = subprocess.run(["/usr/bin/perl", "-e", "print join qq{\\n}, @INC"], capture_output=True, text=True, check=True).stdout.split("\n")
    tree.machine("/usr/bin/perl", *[d for d in inc if "/perl-base" in d or d.startswith(("/usr/share/perl/", LIBRARIES + "/perl/"))],
                 without=("pod", "CPAN", "Pod", "TAP", "Test", "Test2", "ExtUtils", "CORE"))
    tree.file("/usr/share/perl5/Decoy.pm", "package Decoy; 1;\n")
    ask = ["perl", "-CS", "-MUnicode::UCD=charinfo", "-Mcharnames=:full", "-e", r'print "$ARGV[0] ", charinfo(hex $ARGV[0])->{name}, "\N{GREEK SMALL LETTER BETA}", "\x{6f22}" =~ /\p{Han}/ ? 1 : 0, lc("\x{130}")']
    prove(tree, ask + ["41"], [], [ask + ["6f22"], ask + ["1d15e"]], files=["usr/share/perl5/Decoy.pm"])


def test_python_entry_points_and_lazy_codecs(tree, prove):
    if not os.path.exists("/usr/bin/python3"):
        pytest.skip("no python3")
    lib = subprocess.run(["/usr/bin/python3", "-c", "import os; print(os.path.dirname(os.__file__))"], capture_output=True, text=True, check=True).stdout.strip()
    tree.machine("/usr/bin/python3", lib,
                 without=("__pycache__", "test", "idlelib", "lib2to3", "distutils", "ensurepip", "dist-packages", "site-packages", "tkinter", "pydoc_data") + tuple(
        os.path.basename(p) for p in glob.glob(lib + "/config-*")))
    at = "/usr/local/lib/%s/dist-packages/" % os.path.basename(lib)
    tree.source("app.py", "/srv/app/app.py")
    for name in ("first", "second", "unasked"):
        group = "decoy.other" if name == "unasked" else "hard.plugins"
        tree.file(at + "hard_%s/__init__.py" % name, "")
        tree.file(at + "hard_%s/plugin.py" % name, "from importlib import resources\ndef say():\n\treturn resources.files(__package__).joinpath('words.txt').read_text().strip()\n")
        tree.file(at + "hard_%s/words.txt" % name, "%s says\n" % name)
        tree.file(at + "hard_%s-1.0.dist-info/METADATA" % name, "Metadata-Version: 2.1\nName: hard-%s\nVersion: 1.0\n" % name)
        tree.file(at + "hard_%s-1.0.dist-info/entry_points.txt" % name, "[%s]\n%s = hard_%s.plugin:say\n" % (group, name, name))
    wanted = ["plugins -", "codec cp037", "codec idna", "codec shift_jisx0213", "codec utf-7", "decode rot13", "compress bz2", "compress lzma", "locale -", "zone -"]
    answers = prove(tree, ["python3", "/srv/app/app.py"], ["python3 /srv/app/app.py plain -"],
                    [["python3", "/srv/app/app.py", *w.split()] for w in (" ".join(wanted), "codec none-such", "broken -")], said=["imports"])
    assert [a[0] for a in answers] == [0, 1, 1] and answers[0][1].startswith(b"first says, second says\n")


def test_applets_of_busybox(tree, prove):
    box = shutil.which("busybox")
    if not box or b"INTERP" in subprocess.run(["readelf", "-l", box], capture_output=True).stdout:
        pytest.skip("no statically linked busybox")
    with open(box, "rb") as f:
        tree.file("/usr/bin/busybox", f.read(), 0o755)
    for applet in ("sh", "sha256sum", "awk", "tac", "cat", "sed", "env"):
        tree.link("/usr/bin/" + applet, "busybox")
    tree.source("applets.sh", "/srv/applets.sh").file("/srv/other/decoy", "x").file("/usr/share/hardsh/words.d/b.txt", "b\n").file("/usr/share/hardsh/words.d/a.txt", "a\n")
    wanted = [["sh", "/srv/applets.sh", "sum"], ["sh", "/srv/applets.sh", "words"], ["busybox", "tac", "/etc/passwd"], ["awk", "-F:",
              "{print $3}", "/etc/passwd"], ["sh", "/srv/applets.sh", "broken"]]
    answers = prove(tree, ["sh", "/srv/applets.sh"], ["sh /srv/applets.sh plain"], wanted, [*GONE, "srv/other/decoy"])
    assert [a[0] for a in answers] == [0, 0, 0, 0, 3] and answers[1][1] == b"a\nb\n"


def test_providers_of_a_java_class_path(tree, prove, tmp_path):
    if not all(shutil.which(p) for p in ("javac", "jlink", "jar")):
        pytest.skip("no tools of Java")
    for name, where in (("Host", "host"), ("One", "one")):
        subprocess.run(["javac", "-cp", tmp_path / "host", "-d", tmp_path / where, os.path.join(HARD, name + ".java")], check=True)
    for path, text in (("META-INF/services/Host$Speaker", "One\n"), ("words/one.txt", "one says\n")):
        (tmp_path / "one" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "one" / path).write_text(text)
    subprocess.run(["jar", "cf", tmp_path / "one.jar", "-C", tmp_path / "one", "."], check=True)
    if subprocess.run(["jlink", "--add-modules", "java.base,jdk.charsets", "--strip-java-debug-attributes", "--output", tmp_path / "jre"], capture_output=True).returncode:
        pytest.skip("jlink does not link")
    for path in sorted(p for p in glob.glob("%s/jre/**" % tmp_path, recursive=True) if os.path.isfile(p) and not os.path.islink(p)):
        with open(path, "rb") as f:
            data = f.read()
        tree.file("/opt/java/" + os.path.relpath(path, tmp_path / "jre"), data, os.stat(path).st_mode & 0o777)
        if data.startswith(b"\x7fELF"):
            libraries = subprocess.run(["ldd", path], capture_output=True, text=True).stdout.split()
            tree.machine(*[w for w in libraries if w.startswith("/") and not w.startswith(str(tmp_path))])
    for path in sorted(glob.glob("%s/host/*.class" % tmp_path)):
        with open(path, "rb") as f:
            tree.file("/srv/host/" + os.path.basename(path), f.read())
    tree.file("/srv/plugins/one.jar", (tmp_path / "one.jar").read_bytes()).file("/srv/decoy/one.jar", b"x").file("/opt/java/include/decoy.h", b"x").file("/etc/ssl/openssl.cnf", b"")
    run = ["/opt/java/bin/java", "-XX:TieredStopAtLevel=1", "-Xmx64m", "-cp", "/srv/host:/srv/plugins/*", "Host"]
    answers = prove(tree, run, [], [run + ["SJIS"], run + ["x-windows-iso2022jp"], run + ["none-such"]], [*GONE, "srv/decoy/one.jar"], ["opt/java/include/decoy.h"])
    assert answers[0][0] == 0 and answers[0][1].startswith(b"[one says]")


def test_what_cannot_be_known_is_kept_and_told(tree, prove):
    inc = subprocess.run(["perl", "-e", "print join qq{\\n}, @INC"], capture_output=True, text=True).stdout.split("\n")
    base = [d for d in inc if "/perl-base" in d]
    if not base:
        pytest.skip("no perl of Debian's")
    tree.machine("/usr/bin/perl", *base).source("anything.pl", "/srv/any/anything.pl")
    for name in ("Some/Thing", "Other"):
        tree.file("/usr/share/perl5/%s.pm" % name, "package %s;\nsub say { 'said' }\n1;\n" % name.replace("/", "::")).file("/usr/share/perl5/%s.pod" % name, "=head1 %s\n" % name)
    run = ["perl", "/srv/any/anything.pl"]
    answers = prove(tree, run, ["perl /srv/any/anything.pl Nothing"], [run + ["Some::Thing", "Other"], run + ["None"]],
                    files=["usr/share/perl5/Other.pod"], said=["/srv/any/anything.pl loads modules by names that are not known: all that are installed are kept"])
    assert answers[0][1] == b"Some::Thing said\nOther said\nplain\n"
