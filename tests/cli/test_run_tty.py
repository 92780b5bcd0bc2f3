"""pare run -t: a terminal of the container's own, as the user's own terminal shows it; and -i alone, a conversation."""
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest
from buildlib import base_image, runtime

PROMPT = b"ready> "


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    runtime()
    path = tmp_path_factory.mktemp("image") / "image.tar"
    base_image({"Env": ["PATH=/bin", "PS1=" + PROMPT.decode()]}).docker_archive(path)
    return str(path)


def environment(tmp_path):
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(tmp_path), "PARE_STORE": str(tmp_path / "store"), "PARE_OFFLINE": "1", "LC_ALL": "C.UTF-8",
            **{k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")}}


class Terminal:
    """`pare run …` on a terminal of 33 rows and 77 columns."""

    def __init__(self, pare_binary, tmp_path, *args):
        self.seen = b""
        ours, theirs = pty.openpty()
        self.ours, self.theirs = ours, theirs
        self.resize(33, 77)
        self.before = termios.tcgetattr(ours)

        def child():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # a shell that starts the tests in the background has some ignored
                signal.signal(how, signal.SIG_DFL)

        self.p = subprocess.Popen([pare_binary, "run", *args], stdin=theirs, stdout=theirs, stderr=theirs, env=environment(tmp_path), preexec_fn=child)

    def resize(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.ours, text)

    def until(self, text, seconds=60):
        """All that came to the end of `text`."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, (text, self.seen)
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.ours, 65536)
                except OSError as e:
                    assert e.errno == errno.EIO
                    break
            elif self.p.poll() is not None:
                break
        assert text in self.seen, (text, self.seen)
        at = self.seen.index(text) + len(text)
        got, self.seen = self.seen[:at], self.seen[at:]
        return got

    def raw(self):
        return not termios.tcgetattr(self.ours)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def end(self):
        status = self.p.wait(timeout=60)
        assert termios.tcgetattr(self.ours) == self.before
        return status


@pytest.fixture
def terminal(pare_binary, tmp_path):
    made = []

    def make(*args):
        made.append(Terminal(pare_binary, tmp_path, *args))
        return made[-1]
    yield make
    for t in made:
        if t.p.poll() is None:
            t.p.kill()
            t.p.wait()
        os.close(t.ours)
        os.close(t.theirs)


@pytest.fixture
def shell(terminal, image):
    t = terminal("-it", image)
    t.until(PROMPT)
    return t


def test_it_is_a_terminal_of_the_size_of_ours(shell):
    assert shell.raw()
    shell.type(b"test -t 0 && test -t 1 && test -t 2 && readlink /proc/self/fd/0; echo T=$TERM; stat -c %t /dev/tty\n")
    got = shell.until(b"T=xterm")
    assert b"/dev/pts/0" in got
    shell.until(PROMPT)
    shell.type(b"busybox stty size\n")
    shell.until(b"33 77")
    shell.until(PROMPT)
    shell.resize(44, 111)
    shell.type(b"busybox stty size\n")
    shell.until(b"44 111")
    shell.type(b"exit 7\n")
    assert shell.end() == 7


def test_ctrl_c_is_for_what_runs_in_front(shell):
    shell.type(b"sleep 1000\n")
    shell.until(b"sleep 1000\r\n")
    time.sleep(0.5)
    shell.type(b"\x03")
    shell.until(PROMPT)
    shell.type(b"echo was $?\n")
    shell.until(b"was 130")
    shell.type(b"\x04")  # the end of input
    assert shell.end() in (0, 130)


def test_jobs_are_controlled(shell):
    shell.type(b"sleep 1000\n")
    shell.until(b"sleep 1000\r\n")
    time.sleep(0.5)
    shell.type(b"\x1a")
    shell.until(PROMPT)
    shell.type(b"jobs\n")
    shell.until(b"Stopped")
    shell.type(b"kill %1; exit 3\n")
    shell.until(PROMPT)
    shell.type(b"exit 4\n")
    assert shell.end() in (3, 4)


def test_what_it_writes_is_not_changed_and_not_cut(terminal, image):
    t = terminal("-t", image, "--", "printf", "a\\033[31mb\\007c\\n")
    t.until(b"a\x1b[31mb\x07c\r\n")
    assert t.end() == 0
    t = terminal("-it", "--network", "host", image, "--", "sh", "-c", "seq 300000; echo end of it")
    got = t.until(b"end of it\r\n")
    assert got.split()[:300000] == [b"%d" % i for i in range(1, 300001)]
    assert t.end() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_the_terminal_is_put_back_when_a_signal_ends_it(shell, how, tmp_path):
    assert shell.raw()
    shell.p.send_signal(how)
    assert shell.end() == -how
    run = tmp_path / "store" / "run"
    end = time.monotonic() + 30
    while os.path.isdir(run) and any(n.startswith("box-") for n in os.listdir(run)):
        assert time.monotonic() < end, os.listdir(run)
        time.sleep(0.1)


def test_a_budget_of_seconds_still_ends_it(terminal, image):
    t = terminal("-it", "--seconds", "2", image)
    t.until(PROMPT)
    assert t.end() == 3
    t.until(b"pare: run: ended by a budget: 2 seconds\r\n")


def test_a_program_that_is_not_there(terminal, image):
    t = terminal("-it", "--entrypoint", "/bin/nothing", image)
    t.until(b"nothing")
    assert t.end() == 127


def test_a_user_has_it_too(terminal, image):
    t = terminal("-it", "--user", "app", image)
    t.until(PROMPT)
    t.type(b"echo x > /dev/tty && echo user $(id -u)\n")
    t.until(b"user 1000")
    t.type(b"exit\n")
    assert t.end() == 0


def test_the_terminal_hangs_up(pare_binary, tmp_path, image):
    """Nobody is there any more: the program ends, too."""
    t = Terminal(pare_binary, tmp_path, "-it", image)
    t.until(PROMPT)
    os.close(t.theirs)
    os.close(t.ours)
    assert t.p.wait(timeout=60) != 0


def test_no_terminal_on_our_side(pare_binary, tmp_path, image):
    for word in ("-t", "-it", "--tty"):
        r = subprocess.run([pare_binary, "run", word, image, "true"], stdin=subprocess.DEVNULL, capture_output=True, env=environment(tmp_path), timeout=60)
        assert (r.returncode, r.stdout) == (2, b"")
        assert r.stderr == b"pare: run: --tty: the input device is not a TTY; --interactive alone takes what is not a terminal\n"


def test_a_conversation_without_a_terminal(pare_binary, tmp_path, image):
    p = subprocess.Popen([pare_binary, "run", "-i", image, "--", "sh", "-c", "while read x; do echo got $x; done; echo end; exit 5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(tmp_path))
    for word in (b"one", b"two"):  # each is answered before the next is said
        p.stdin.write(word + b"\n")
        p.stdin.flush()
        assert p.stdout.readline() == b"got " + word + b"\n"
    assert p.communicate(timeout=60)[0] == b"end\n"
    assert p.returncode == 5


def test_input_that_nobody_reads_or_has_no_end(pare_binary, tmp_path, image):
    with open("/dev/zero", "rb") as zero:
        r = subprocess.run([pare_binary, "run", "-i", image, "--", "sh", "-c", "exec <&-; sleep 0.2; echo done"], stdin=zero, capture_output=True, env=environment(tmp_path), timeout=60)
        assert (r.returncode, r.stdout) == (0, b"done\n")
        r = subprocess.run([pare_binary, "run", "-i", image, "--", "head", "-c", "5"], stdin=zero, capture_output=True, env=environment(tmp_path), timeout=60)
        assert (r.returncode, r.stdout) == (0, bytes(5))


def test_a_file_as_input_cannot_be_written_to(pare_binary, tmp_path, image):
    path = tmp_path / "given"
    path.write_text("content")
    with open(path, "rb") as f:
        r = subprocess.run([pare_binary, "run", "-i", image, "--", "sh", "-c", "cat; echo other > /proc/self/fd/0"], stdin=f, capture_output=True, env=environment(tmp_path), timeout=60)
    assert r.stdout == b"content"
    assert path.read_text() == "content"
