"""Help, man pages and completion: there for every command, saying the same, and sound in the eyes of those who read them."""
import os
import re
import shutil
import subprocess

import pytest
from conftest import TOP, binary
from imagelib import File, Image, layer


def call(*args, status=0):
    p = subprocess.run([binary(), *args], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    assert p.returncode == status, (args, p.returncode, p.stderr)
    return p.stdout if status == 0 else p.stderr


def commands():
    return call("manual", "list").split()


COMMANDS = commands()


def options(text):
    """(--name, takes a value) of the option lines of a help text."""
    return re.findall(r"^ {2}(?:-\w, | {4})--([\w-]+)( \S+)?", text, re.M)


def roff(page):
    """A page as a reader sees it, without the running heads, on one line."""
    p = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200"], input=page, capture_output=True, text=True, check=True)
    text = re.sub(r".\x08", "", p.stdout)
    return re.sub(r"\s+", " ", " ".join(text.split("\n")[1:-1]))


def test_there_are_commands():
    assert {"report", "inspect", "diff", "slim"} <= set(COMMANDS)
    assert "manual" not in COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name):
    text = call(name, "--help")
    assert text.startswith("Usage: pare %s " % name)
    for section in ("Options that work everywhere", "Exit status", "Examples"):
        assert "\n%s:\n" % section in text, section
    assert re.search(r"^  pare .*%s\b" % name, text, re.M) or name == "report", "no example of it"
    examples = text[text.index("\nExamples:\n"):text.index("\nExit status:\n")].split("\n  pare ")
    assert all("\n      " in e for e in examples[1:]), "an example that says nothing"
    assert max(len(line) for line in text.split("\n")) <= 100
    names = [n for n, _ in options(text)]
    assert len(names) == len(set(names)), "an option twice"
    for n in names:
        assert re.search(r"--%s( \S+|\[=\S+\])?(\s{2,}|\n\s+)\S" % n, text), "--%s says nothing" % n
    assert call("help", name) == text


def test_the_overview():
    text = call("--help")
    for name in COMMANDS:
        assert re.search(r"^  %s +\S" % name, text, re.M), name
    for section in ("Commands", "Options that work everywhere", "Where images come from", "Exit status", "Environment"):
        assert "\n%s:\n" % section in text, section
    for place in ("docker-archive:", "oci:", "oci-archive:", "rootfs:", "docker-daemon:", "containers-storage:"):
        assert "\n  " + place in text, place


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_tests(name):
    tests = [os.path.join(TOP, "tests", "cli", f) for f in os.listdir(os.path.join(TOP, "tests", "cli")) if re.fullmatch(r"test_\w+\.py", f)]
    files = [f for f in tests if os.path.basename(f).startswith("test_" + name)]
    assert files and any(re.search(r"^\s*def test_", open(f, encoding="utf-8").read(), re.M) for f in files)


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_man_page(name, tmp_path):
    page = call("manual", "man", *([name] if name else []))
    assert page.startswith(".TH PARE%s 1 " % ("\\-" + name.upper() if name else ""))
    path = tmp_path / "page.1"
    path.write_text(page)
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)], capture_output=True, text=True)
    assert lint.returncode == 0 and lint.stdout == "", lint.stdout
    groff = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", str(path)], capture_output=True, text=True)
    assert groff.returncode == 0 and groff.stderr == "", groff.stderr
    assert page.isascii()


@pytest.mark.parametrize("name", COMMANDS)
def test_man_page_and_help_say_the_same(name):
    page, text = roff(call("manual", "man", name)), call(name, "--help")
    for option, value in options(text):
        assert "--%s%s" % (option, value) in page, option
    for line in re.findall(r"^(?:  pare .*| {6}\S.*)$", text, re.M):
        assert re.sub(r"\s+", " ", line).strip() in page, line
    said = text.split("\n\n")[1]
    assert re.sub(r"\s+", " ", said).strip() in page


def test_pages_refer_to_each_other():
    overview = roff(call("manual", "man"))
    for name in COMMANDS:
        assert "pare-%s(1)" % name in overview
        assert "pare(1)" in roff(call("manual", "man", name))


def test_version():
    version = re.search(r"version\s*:\s*'([\d.]+)'", open(os.path.join(TOP, "meson.build"), encoding="utf-8").read())[1]
    assert call("--version") == "pare %s\n" % version
    assert '"pare %s"' % version in call("manual", "man").split("\n")[0]
    assert "## %s " % version in open(os.path.join(TOP, "CHANGELOG.md"), encoding="utf-8").read()
    changelog = open(os.path.join(TOP, "debian", "changelog"), encoding="utf-8").readline()
    assert changelog.startswith("pare (%s) " % version)


def test_unknown_things_are_refused():
    assert "no-such" in call("manual", "man", "no-such", status=2)
    assert "tcsh" in call("manual", "completion", "tcsh", status=2)
    call("manual", "completion", status=2)
    call("manual", "bake", status=2)


# ---------------------------------------------------------------- completion

@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_of_its_shell(shell, tmp_path):
    path = tmp_path / "completion"
    path.write_text(call("manual", "completion", shell))
    p = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True)
    assert p.returncode == 0 and p.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_option(shell):
    text = call("manual", "completion", shell)
    for name in COMMANDS:
        assert re.search(r"\b%s\b" % name, text)
        for option, _ in options(call(name, "--help")):
            assert ("-l %s " if shell == "fish" else "--%s") % option in text, (name, option)


def bash(tmp_path, *words):
    """What bash offers for the last of the words, split as bash splits a line at = and :."""
    script = tmp_path / "completion.bash"
    script.write_text(call("manual", "completion", "bash"))
    line = 'source "$1"; shift; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pare; printf "%s\\n" "${COMPREPLY[@]}"'
    p = subprocess.run(["bash", "--norc", "-uc", line, "bash", str(script), "pare", *words], capture_output=True, text=True, cwd=tmp_path)
    assert p.returncode == 0 and p.stderr == "", p.stderr
    return p.stdout.split()


def test_bash_offers(tmp_path):
    (tmp_path / "image.tar").write_text("")
    (tmp_path / "layout").mkdir()
    assert "inspect" in bash(tmp_path, "ins") and "diff" not in bash(tmp_path, "ins")
    assert "image.tar" in bash(tmp_path, "inspect", "im")
    assert "docker-archive:" in bash(tmp_path, "inspect", "docker")
    assert bash(tmp_path, "inspect", "oci", ":", "lay") == ["layout"]
    assert "--format" in bash(tmp_path, "inspect", "--fo")
    assert bash(tmp_path, "inspect", "--format", "js") == ["json"]
    assert bash(tmp_path, "inspect", "--format", "=", "js") == ["json"]
    assert bash(tmp_path, "inspect", "--format", "=") != []
    assert bash(tmp_path, "--store", "lay") == ["layout"]
    assert "--version" in bash(tmp_path, "--ver") and "--version" not in bash(tmp_path, "inspect", "--ver")
    assert "--strict" in bash(tmp_path, "diff", "--") and "--strict" not in bash(tmp_path, "inspect", "--")


def test_bash_offers_names_of_the_store(pare, tmp_path, monkeypatch):
    """Also behind a colon, where bash begins a word of its own."""
    Image([layer(File("a", b"a"))]).docker_archive(tmp_path / "a.tar")
    for name in ("web:1", "web:2", "r.example:5000/db:1"):
        pare("import", tmp_path / "a.tar", name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pare").symlink_to(pare.binary)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path / "bin", os.environ["PATH"]))
    monkeypatch.setenv("PARE_STORE", str(pare.store))
    assert sorted(bash(tmp_path, "rm", "")) == ["r.example:5000/db:1", "web:1", "web:2"]
    assert sorted(bash(tmp_path, "push", "we")) == ["web:1", "web:2"] and sorted(bash(tmp_path, "tag", "web", ":", "")) == ["1", "2"] == sorted(bash(tmp_path, "export", "web", ":"))
    assert bash(tmp_path, "images", "r.example", ":", "5000/d") == ["5000/db:1"] and bash(tmp_path, "rm", "none") == []
    assert "docker://" in bash(tmp_path, "copy", "dock")


def test_fish_offers(tmp_path):
    (tmp_path / "c.fish").write_text(call("manual", "completion", "fish"))
    p = subprocess.run(["fish", "--no-config", "-c", "source c.fish; complete -C 'pare inspect --format js'; complete -C 'pare ins'"],
                       capture_output=True, text=True, cwd=tmp_path, env=dict(os.environ, HOME=str(tmp_path)))
    offered = [line.split("\t")[0] for line in p.stdout.split("\n")]
    assert p.returncode == 0 and "json" in offered and "inspect" in offered, p.stdout + p.stderr


# ---------------------------------------------------------------- what is installed

@pytest.mark.parametrize("prefix, zsh", [("/usr", "zsh/vendor-completions"), ("/usr/local", "zsh/site-functions")])
def test_install_manual(tmp_path, prefix, zsh):
    env = dict(os.environ, MESON_INSTALL_PREFIX=prefix, MESON_INSTALL_DESTDIR_PREFIX=str(tmp_path) + prefix)
    subprocess.run([os.path.join(TOP, "tools", "install-manual"), binary()], env=env, check=True, umask=0o077)
    share = tmp_path / prefix.lstrip("/") / "share"
    pages = sorted(p.name for p in (share / "man" / "man1").iterdir())
    assert pages == sorted(["pare.1"] + ["pare-%s.1" % c for c in COMMANDS])
    assert (share / "man/man1/pare-inspect.1").read_text() == call("manual", "man", "inspect")
    assert (share / "bash-completion/completions/pare").read_text() == call("manual", "completion", "bash")
    assert (share / zsh / "_pare").read_text().startswith("#compdef pare\n")
    assert (share / "fish/vendor_completions.d/pare.fish").is_file()
    assert (share / "man/man1/pare.1").stat().st_mode & 0o777 == 0o644


def test_tools_are_there():
    """What the tests of this file read pages and scripts with; without them they would fail for another reason."""
    assert all(shutil.which(t) for t in ("mandoc", "groff", "bash", "zsh", "fish"))


def test_help_of_a_subcommand_tells_its_own_options(pare):
    out = pare("db", "push", "--help").out
    assert out.startswith("Usage: pare db push") and "--attempts" in out and "--from" not in out
    assert "--from" in pare("db", "--help").out


def test_a_missing_subcommand_is_told_by_name(pare):
    for words in (("store",), ("manifest", "bake"), ("db",)):
        r = pare(*words, status=2)
        assert r.err.count("\n") == 1 and "there are: " in r.err, r.err
    assert "show, create, annotate, rm" in pare("manifest", status=2).err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_once_that_an_option_may_be_repeated(name):
    text = re.sub(r"\s+", " ", call(name, "--help"))
    assert not re.search(r"given again[^.]*\. May be given several times", text)
