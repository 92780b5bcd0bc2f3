"""What a build says while it runs, on a terminal of any width, and as BuildKit's records."""
import base64
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
import time

import pytest

from buildlib import Builder, build  # noqa: F401

LONG = "a-long-line-of-output-that-is-wider-than-most-terminals-have-columns-to-show-it-in"


def on_terminal(pare, columns, *args, then=None, term="xterm"):
    """(status, what came). then(output so far, terminal): asked after each piece."""
    pid, fd = pty.fork()
    if pid == 0:
        time.sleep(0.1)  # until the terminal has its size
        env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store), "LC_ALL": "C.UTF-8", "TERM": term}
        os.execve(pare.binary, [pare.binary, *map(str, args)], env)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    out = b""
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
        if then:
            then(out, fd)
    os.close(fd)
    return os.waitpid(pid, 0)[1], out.decode()


def drawn(out):
    """The lines that were drawn, one over the other."""
    lines = [piece for line in out.split("\r\n") for piece in re.split("\r\x1b\\[[KJ]", line)]
    return [re.sub("\x1b\\[[0-9]+A", "", line) for line in lines if line]


@pytest.mark.parametrize("columns", [12, 20, 40, 80, 200])
def test_a_terminal_of_any_width(build, pare, columns):
    """Nothing that is to be wiped again is wider than it, the time is shown whatever the names are, and passes while a step is silent."""
    d = build.context("FROM base\nRUN echo %s; sleep 1.2; echo %s\n" % (LONG, LONG))
    status, out = on_terminal(pare, columns, "build", d)
    lines = drawn(out)
    steps = [line for line in lines if not line.startswith(("sha256:", "pare: "))]
    assert status == 0 and max(len(line) for line in steps) <= columns
    assert len({line for line in steps if columns < 20 or re.search(r" [01]\.[0-9]s", line)}) >= (1 if columns < 20 else 5), steps


def test_a_terminal_that_becomes_narrower(build, pare):
    """What was drawn takes more rows then, and all of them are wiped."""
    d = build.context("FROM base\nRUN echo %s; sleep 1.5\n" % LONG)

    def shrink(out, fd):
        if LONG[:20].encode() in out and not shrink.done:
            shrink.done = True
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 30, 0, 0))
    shrink.done = False
    status, out = on_terminal(pare, 120, "build", d, then=shrink)
    assert status == 0 and re.search("\x1b\\[[1-9]A\r\x1b\\[J", out)


def test_a_terminal_that_wipes_nothing(build, pare):
    status, out = on_terminal(pare, 80, "build", build.context("FROM base\nRUN echo said\n"), term="dumb")
    assert status == 0 and "\x1b" not in out and re.search("^#1 [0-9.]+ said\r\n#1 DONE", out, re.M)


def test_interrupted_on_a_terminal(build, pare):
    """The line that is not at its end ends: what comes next has one of its own."""
    d = build.context("FROM base\nRUN echo begun; sleep 30\n")

    def interrupt(out, fd):
        if b"begun" in out.split(b"s  ")[-1] and not interrupt.done:
            interrupt.done = True
            os.write(fd, b"\x03")
    interrupt.done = False
    status, out = on_terminal(pare, 80, "build", d, then=interrupt)
    assert os.WTERMSIG(status) == signal.SIGINT and out.endswith("^C\r\n")


def test_records_as_buildkit_has_them(build, pare):
    d = build.context("FROM base\nRUN printf '\\033[1mbold\\n'; sleep 0.3\nRUN false\n")
    r = pare("build", "--progress=rawjson", d, status=1)
    lines = r.err.splitlines()
    assert lines[-1] == "pare: Dockerfile:3: RUN false: exit status 1"
    records = [json.loads(line) for line in lines[:-1]]
    v = [x for rec in records for x in rec.get("vertexes", [])]
    log = [x for rec in records for x in rec.get("logs", [])]
    time_of = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z")
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", x["digest"]) and time_of.fullmatch(x["started"]) for x in v)
    first, done, second, failed = v
    assert first["digest"] == done["digest"] and first["started"] == done["started"] and "completed" not in first
    seconds = [float(re.search(":([0-9.]+)Z", done[k])[1]) for k in ("started", "completed")]
    assert 0.3 <= (seconds[1] - seconds[0]) % 60 < 30
    assert second["digest"] == failed["digest"] and failed["error"] == "exit status 1"
    assert base64.b64decode(log[0]["data"]) == b"\x1b[1mbold\n" and log[0]["vertex"] == first["digest"] and log[0]["stream"] == 1 and time_of.fullmatch(log[0]["timestamp"])


def test_a_step_that_prints_much(build, pare):
    """Lines by the hundred thousand, none at all for megabytes, and bytes of any kind: all of it is shown, in pieces, and of what failed the end."""
    d = build.context("FROM base\nRUN seq 200000; head -c 3000000 /dev/urandom | tr '\\n' x; echo; seq 99; exit 3\n")
    r = pare("build", "--progress=plain", d, status=1)
    lines = r.err.splitlines()
    assert sum(line.endswith(" 199999") for line in lines) == 1 and max(map(len, lines)) < 4 * 33000
    r = pare("build", d, status=1)
    assert [line for line in r.err.splitlines() if line.isdigit()] == [str(n) for n in range(70, 100)]
