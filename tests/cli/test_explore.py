"""`pare inspect -i`: the full-screen explorer, in a real pseudo-terminal."""
import os
import signal
import stat
import subprocess

import pytest
from imagelib import Device, Dir, File, Hardlink, Image, Symlink, Whiteout, layer
from terminal import Terminal

GREEN, YELLOW, RED = 2, 3, 1
TEXT = "".join("line %d of the notes\n" % i for i in range(2000)).encode()
BINARY = bytes(range(256)) * 40
NET_RAW = bytes.fromhex("0100000200200000000000000000000000000000")


def example():
    return Image(
        [
            layer(Dir("etc"), File("etc/motd", b"hello\n"), File("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"), Dir("srv"), File("srv/notes.txt", TEXT),
                  File("srv/blob", BINARY), Symlink("bin", "usr/bin"), Dir("usr/bin"), File("usr/bin/ping", b"\x7fELF\0ping", mode=0o4755, xattrs={"security.capability": NET_RAW}),
                  Device("dev/null", 1, 3, mode=0o666)),
            layer(Dir("etc"), File("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"), Whiteout("etc/motd"), Dir("app", uid=1000, gid=1000),
                  File("app/run", b"#!/bin/sh\necho run\n", mode=0o755, uid=1000, gid=1000), Hardlink("app/again", "app/run")),
            layer(File("srv/notes.txt", TEXT, mode=0o600)),
        ],
        history=["/bin/sh -c #(nop) ADD file:rootfs in / ", "RUN /bin/sh -c adduser app && rm /etc/motd # buildkit", "RUN /bin/sh -c chmod 600 /srv/notes.txt # buildkit"],
    )


@pytest.fixture
def explore(pare, tmp_path):
    """explore(image, …): a terminal with the explorer on its first screen."""
    open_ones = []

    def start(image, rows=30, cols=130, env=None, wait="Layers", form=None, args=(), **kw):
        if isinstance(image, Image):
            path = tmp_path / "image.tar"
            (form or Image.docker_archive)(image, path)
            image = path
        full = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store),
                "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "xterm-256color"}
        full.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")})
        full.update(env or {})
        t = Terminal([pare.binary, "inspect", "-i", *args, str(image)], rows, cols, full, cwd=str(pare.root / "cwd"), **kw)
        open_ones.append(t)
        if wait:
            t.wait(wait)
            t.settle()
        return t

    yield start
    for t in open_ones:
        t.close()


def row(t, name):
    """The tree's row of the name: where it is, and its text."""
    for y, line in enumerate(t.screen.lines()):
        if line.endswith(("─ " + name, "-- " + name, "⊕ " + name)):
            return y, line
    raise AssertionError("no row %r:\n%s" % (name, t.screen.text()))


def color_of(t, name):
    y, line = row(t, name)
    x = next(i for i in range(t.screen.cols - 1, -1, -1) if t.screen.cells[y][i].ch.strip())
    return t.screen.cells[y][x].fg


def shows(t, name):
    return any(line.endswith(("─ " + name, "-- " + name, "⊕ " + name)) for line in t.screen.lines())


def test_first_screen(explore):
    t = explore(example())
    s = t.screen.text()
    for part in ("● Layers", "Layer Details", "Image Details", "Current Layer Contents", "Total Image size:", "Potential wasted space:", "Image efficiency score:",
                 "ADD file:rootfs in /", "RUN ", "bin → usr/bin", "Permission", "1,3", "^C Quit"):
        assert part in s, part
    assert color_of(t, "motd") is None
    assert t.screen.alternate and not t.screen.cursor
    t.send("q")
    assert t.end() == 0
    assert not t.screen.alternate and t.screen.cursor
    assert not t.screen.unknown


def test_changes_of_a_layer(explore):
    t = explore(example())
    t.press("down")
    assert color_of(t, "run") == GREEN and color_of(t, "again") == GREEN
    assert color_of(t, "passwd") == YELLOW
    assert color_of(t, "motd") == RED
    assert color_of(t, "notes.txt") is None
    assert "1000:1000" in row(t, "run")[1] and "-rwxr-xr-x" in row(t, "run")[1]
    assert "3 added, 1 changed, 1 removed" in t.screen.text()
    t.press("down")
    assert color_of(t, "notes.txt") == YELLOW and color_of(t, "run") is None
    assert not shows(t, "motd")  # it went in the layer below
    t.press("ctrl-a")
    assert "Aggregated Layer Contents" in t.screen.text()
    assert color_of(t, "notes.txt") == YELLOW and color_of(t, "run") == GREEN and color_of(t, "motd") == RED
    t.press("ctrl-l")
    assert "Current Layer Contents" in t.screen.text() and not shows(t, "motd")


def test_hiding(explore):
    t = explore(example())
    t.press("down", "tab")
    assert "● Current Layer Contents" in t.screen.text()
    t.press("ctrl-u")
    assert not shows(t, "notes.txt") and shows(t, "passwd")
    t.press("ctrl-a")
    assert not shows(t, "run")
    t.press("ctrl-r")
    assert not shows(t, "motd")
    t.press("m")
    assert "all of it is hidden" in t.screen.text()
    t.press("\x1b[109;5u")  # Ctrl+M of a terminal that tells it from Enter
    assert shows(t, "passwd")
    t.press("ctrl-u", "ctrl-a", "ctrl-r")
    assert shows(t, "notes.txt") and shows(t, "run") and shows(t, "motd")
    t.press("ctrl-b")
    assert "Permission" not in t.screen.text()
    t.press("ctrl-b")
    assert "Permission" in t.screen.text()


def test_collapsing_and_moving(explore):
    t = explore(example())
    t.press("tab", "ctrl-space")
    assert not shows(t, "passwd") and "─⊕ etc" in t.screen.text()
    t.press("down", "down")  # bin, dev, etc
    assert "/etc" in t.screen.lines()[-2]
    t.press("space")
    assert shows(t, "passwd")
    t.press("right")
    assert "/etc/motd" in t.screen.lines()[-2]
    t.press("j", "j", "k")
    assert "/etc/passwd" in t.screen.lines()[-2]
    t.press("left", "space")
    assert not shows(t, "passwd")
    t.press("enter")
    assert shows(t, "passwd")
    t.press("ctrl-space", "end")
    t.press("ctrl-o")
    assert "by size" in t.screen.text()
    names = [line.rsplit("─ ", 1)[1] for line in t.screen.lines() if "── " in line]
    assert names.index("srv") < names.index("etc") < names.index("dev")
    t.press("ctrl-o")
    names = [line.rsplit("─ ", 1)[1] for line in t.screen.lines() if "── " in line]
    assert names.index("dev") < names.index("etc") < names.index("srv")


@pytest.mark.parametrize("typed, kind, there, gone", [
    ("notes", "text", ["notes.txt"], ["passwd", "blob"]),
    ("*.txt", "glob", ["notes.txt"], ["passwd", "blob"]),
    ("^/etc/.*d$", "regex", ["passwd", "motd"], ["notes.txt"]),
])
def test_filter(explore, typed, kind, there, gone):
    t = explore(example())
    t.press("ctrl-f", *typed)
    assert "Filter (%s): %s" % (kind, typed) in t.screen.text() and t.screen.cursor
    t.press("enter")
    assert all(shows(t, name) for name in there) and not any(shows(t, name) for name in gone)
    t.press("esc")
    assert all(shows(t, name) for name in there + gone)
    t.press("/", "(")
    assert "filter:" in t.screen.text()
    t.press("backspace", *"no such thing")
    assert "nothing matches" in t.screen.text()
    t.press("esc")
    assert shows(t, "passwd")
    t.send("ctrl-c")
    assert t.end() == 0


@pytest.mark.parametrize("form", ["docker", "gzip", "zstd"])
def test_view_and_extract(explore, pare, form):
    t = explore(example(), form=None if form == "docker" else lambda image, path: image.oci_archive(path, compression=form))
    cwd = pare.root / "cwd"
    t.press("/", *"notes.txt")
    t.press("enter", "down")
    t.press("v")
    assert "line 0 of the notes" in t.screen.text() and "/srv/notes.txt" in t.screen.lines()[0]
    t.press("end")
    assert "line 1999 of the notes" in t.screen.text()
    t.press("pgup")
    assert "line 1999 of the notes" not in t.screen.text()
    t.press("home", "x")
    assert "00000000  6c 69 6e 65" in t.screen.text()
    t.press("esc", "e")
    assert "extracted to ./notes.txt" in t.screen.text()
    t.press("e")
    assert "extracted to ./notes.txt.1" in t.screen.text()
    assert (cwd / "notes.txt").read_bytes() == TEXT == (cwd / "notes.txt.1").read_bytes()
    t.press("esc", "/", *"ping")
    t.press("enter", "end", "e")
    assert (cwd / "ping").read_bytes() == b"\x7fELF\0ping"
    assert stat.S_IMODE((cwd / "ping").stat().st_mode) & 0o7111 == 0
    t.press("v")
    assert "7f 45 4c 46 00 70 69 6e" in t.screen.text()
    t.press("q", "q")
    assert t.end() == 0


def test_large_file(explore):
    """More than the window holds: forward, to the end, and back to the beginning."""
    lines = 200000
    data = b"".join(b"%07d a line of a large file\n" % i for i in range(lines))
    t = explore(Image([layer(File("large.log", data), File("after", b"x"))]), form=lambda image, path: image.oci_archive(path, compression="gzip"))
    t.press("tab", "down", "v")
    t.wait("0000000 a line")
    t.press("G")
    t.wait("%07d a line" % (lines - 1))
    t.press("pgup", "up")
    assert "%07d a line" % (lines - 40) in t.screen.text()
    t.press("g")
    t.wait("0000000 a line")
    for _ in range(3):
        t.press("pgdn")
    assert "%07d a line" % (3 * 27) in t.screen.lines()[1]


def test_extract_is_safe(explore, pare):
    """Names of an image never choose a place, and nothing that is there is written over or followed."""
    cwd = pare.root / "cwd"
    os.symlink(str(pare.root / "elsewhere"), cwd / "link")
    (cwd / "kept").write_text("mine")
    t = explore(Image([layer(File("link", b"L"), File("kept", b"theirs"), File("-rf", b"r"), File("a\x1b]0;t\x07b", b"esc"), Symlink("sym", "/etc/passwd"), Dir("dir"))]))
    t.press("tab", "home", "e", "down", "e", "down", "down", "e", "down", "e", "down", "e")
    t.press("q")
    assert t.end() == 0
    assert not (pare.root / "elsewhere").exists()
    assert (cwd / "kept").read_text() == "mine" and (cwd / "kept.1").read_text() == "theirs" and (cwd / "link.1").read_text() == "L"
    assert sorted(os.listdir(cwd)) == ["_rf", "a_]0;t_b", "kept", "kept.1", "link", "link.1"]
    assert b"\x1b]0;" not in t.raw


def test_hostile_names_and_contents(explore):
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n\u202egpj.exe"
    t = explore(cols=240, image=Image([layer(File("e" + evil, b"text \x1b[31mred\x1b[0m \x1b]52;c;AAAA\x07 \x0e end\n"), File("w\u4e2d\u6587\u4e2d\u6587", b""), File("z\udcff\udcfe", b""),
                             Symlink("sym", evil), File("combining" + "e" + "\u0301" * 50, b""))], history=["RUN " + evil]))
    assert not t.screen.unknown
    s = t.screen.text()
    assert "e\\x1b[2J\\x1b]0;owned\\x07" in s and "w中文中文" in s and "z\\xff\\xfe" in s
    t.press("tab", "down", "v")
    assert "text \\x1b[31mred\\x1b[0m \\x1b]52;c;AAAA\\x07 \\x0e end" in t.screen.text()
    t.press("q", "d", "pgdn", "q", "tab", "d", "q", "w", "q", "?", "q", "ctrl-p")
    assert not t.screen.unknown
    for bad in (b"\x1b]0;", b"\x1b]52", b"\x9b31m", "\u202e".encode()):
        assert bad not in t.raw


def test_details(explore):
    t = explore(example())
    t.press("/", *"ping")
    t.press("enter", "end", "d")
    s = t.screen.text()
    for part in ("Details", "/usr/bin/ping", "4755 -rwsr-xr-x  set-user-ID", "Owner:      0:0", "security.capability = cap_net_raw=ep", "Package:    none owns it", "ADD file:rootfs in /"):
        assert part in s, part
    t.press("esc", "esc", "tab", "down", "tab", "/", *"passwd")
    t.press("enter", "end", "d")
    s = t.screen.text()
    assert "In view:    changed" in s and "hides 30 B of layer 0" in s and "adduser app && rm /etc/motd" in s
    t.press("esc", "esc", "tab", "d")
    assert "Diff ID:    sha256:" in t.screen.text() and "As the history has it:" in t.screen.text()


def test_owner_package(explore):
    status = b"Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\nMaintainer: x\nDescription: greets\n\n"
    t = explore(Image([layer(File("usr/bin/hello", b"hi"), File("var/lib/dpkg/status", status), File("var/lib/dpkg/info/hello.list", b"/.\n/usr\n/usr/bin\n/usr/bin/hello\n"))]))
    t.press("/", *"bin/hello")
    t.press("enter", "end", "d")
    assert "Package:    hello 2.10-3 (deb" in t.screen.text()


def test_waste(explore):
    t = explore(example())
    t.press("w")
    s = t.screen.text()
    assert "Waste: " in s and "metadata-only" in s and "/srv/notes.txt" in s and "deleted" in s and "overwritten" in s
    lines = t.screen.lines()
    assert "notes.txt" in lines[2]  # the largest first
    assert any(line.startswith("lost to layer 2:   RUN ") and line.endswith("chmod 600 /srv/notes.txt") for line in lines)
    t.press("enter")
    assert "/srv/notes.txt" in t.screen.lines()[-2] and color_of(t, "notes.txt") == YELLOW
    t.press("w", "d")
    assert "with the same content" in t.screen.text()
    t.press("esc", "esc")
    assert "● Current Layer Contents" in t.screen.text()


@pytest.mark.parametrize("rows, cols", [(5, 20), (6, 25), (7, 69), (8, 70), (12, 40), (16, 80), (24, 80), (60, 220), (40, 30)])
def test_sizes(explore, rows, cols):
    t = explore(example(), rows=rows, cols=cols, wait="L")
    for k in ("down", "tab", "down", "ctrl-p", "down", "ctrl-p", "d", "pgdn", "esc", "w", "down", "d", "esc", "esc", "?", "end", "esc", "/", "s", "enter", "v", "x", "esc", "esc", "end"):
        t.press(k)
        assert not t.screen.unknown
    t.press("q")
    assert t.end() == 0


def test_too_small_and_resize(explore):
    t = explore(example(), rows=4, cols=19, wait="too small")
    t.press("down", "tab")
    t.size(30, 130)
    t.wait("Image Details")
    for rows, cols in ((10, 40), (3, 10), (24, 80), (1, 1), (50, 200)):
        t.size(rows, cols)
        t.settle()
    t.wait("Image Details")
    t.press("q")
    assert t.end() == 0


def test_without_colors_and_utf8(explore):
    t = explore(example(), env={"LC_ALL": "C", "NO_COLOR": "1"})
    t.press("down")
    assert t.screen.text().isascii()
    assert all(c.fg is None and c.bg is None for line in t.screen.cells for c in line)
    assert "+ -rwxr-xr-x" in row(t, "run")[1] and "- -rw-r--r--" in row(t, "motd")[1] and "~ -rw-r--r--" in row(t, "passwd")[1]
    t = explore(example(), args=["--no-color"])
    t.press("down")
    assert all(c.fg is None and c.bg is None for line in t.screen.cells for c in line)


@pytest.mark.parametrize("term", ["vt100", "linux", "screen", "xterm"])
def test_terminals(explore, term):
    if subprocess.run(["infocmp", term], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no description of " + term)
    t = explore(example(), env={"TERM": term})
    t.send("\x1b[B")
    t.settle()
    t.press("tab", "q")
    assert t.end() == 0


def test_no_terminal(explore, pare, tmp_path):
    path = tmp_path / "image.tar"
    example().docker_archive(path)
    r = pare("inspect", "-i", path, status=2)
    assert "needs a terminal" in r.err and not r.out
    for term in ("dumb", "no-such-terminal"):
        t = explore(path, env={"TERM": term}, wait=None)
        assert t.end() == 4
        assert "the explorer needs a terminal" in t.screen.text().replace("\n", " ") and not t.screen.alternate


def test_image_on_standard_input(explore, tmp_path):
    path = tmp_path / "image.tar"
    example().docker_archive(path)
    t = explore("-", stdin=str(path))
    t.press("tab", "/", *"notes")
    t.press("enter", "end", "v")
    assert "line 0 of the notes" in t.screen.text()
    t.press("q", "q")
    assert t.end() == 0


def child_of(pid):
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name) as f:
                if f.read().rsplit(")", 1)[1].split()[1] == str(pid):
                    return int(name)
        except OSError:
            continue
    raise AssertionError("no child")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals(explore, pare, tmp_path, sig):
    """The terminal is as it was, and the program died of the signal: a shell around it sees both."""
    path = tmp_path / "image.tar"
    example().docker_archive(path)
    script = 'before=$(stty -g); "$0" inspect -i "$1"; echo "status $?"; [ "$(stty -g)" = "$before" ] && echo "as it was"; read line'
    t = Terminal(["bash", "-c", script, pare.binary, str(path)], 30, 130, {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "PARE_STORE": str(pare.store)})
    with t:
        t.wait("Layers")
        t.settle()
        os.kill(child_of(t.pid), sig)
        s = t.wait("as it was")
        assert "status %d" % (128 + sig) in s
        assert not t.screen.alternate and t.screen.cursor


def test_suspend(explore):
    t = explore(example())
    t.send("ctrl-z")
    pid, status = os.waitpid(t.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    t.settle()
    assert not t.screen.alternate
    t.signal(signal.SIGCONT)
    t.settle()
    assert t.screen.alternate
    t.press("down", "q")
    assert t.end() == 0


@pytest.mark.parametrize("n", [0, 1, 300])
def test_number_of_layers(explore, n):
    t = explore(Image([layer(File("file%d" % i, b"%d" % i)) for i in range(n)]))
    t.press("end", "pgup", "home", "down", "end", "tab", "end", "d", "esc", "w", "esc", "ctrl-o", "ctrl-o", "end", "tab", "d", "esc", "ctrl-a")
    if n == 0:
        assert "(no layers)" in t.screen.text() and "(empty)" in t.screen.text()
    if n == 300:
        assert " 299 " in t.screen.text() and color_of(t, "file99") == GREEN
    t.press("q")
    assert t.end() == 0


def test_incomplete(explore, tmp_path):
    """What could not be read is said on the screen, and by the exit status."""
    path = tmp_path / "cut.tar"
    Image([layer(File("a", b"a")), layer(File("b", b"b" * 5000), File("c", b"c" * 5000))[:6144]]).docker_archive(path)
    t = explore(path)
    assert "INCOMPLETE" in t.screen.text()
    t.press("!")
    assert "Not everything of this image could be read" in t.screen.text()
    t.press("esc", "q")
    assert t.end() == 3
    t = explore(path, rows=6, cols=30)
    assert "INCOMPLETE" in t.screen.text()


def test_unknown_keys_do_nothing(explore):
    t = explore(example())
    before = t.screen.text()
    t.press("\x1b[1;3P", "\x1b[200~", "\x1bOS", "\x1b[1;5A", "Z", "\x02", "\x1b[99;99;99;99z", "\u00e9")
    assert t.screen.text() == before
    t.send("q")
    assert t.end() == 0


def test_without_verifying(explore):
    """With headers alone contents are still there to look at."""
    t = explore(example(), args=["--no-verify"])
    t.press("/", *"notes")
    t.press("enter", "end", "v")
    assert "line 0 of the notes" in t.screen.text()
    t.press("e")
    assert "extracted to ./notes.txt" in t.screen.text()
    t.press("esc", "d")
    assert "/srv/notes.txt" in t.screen.text()
    t.press("q", "q")
    assert t.end() == 0
