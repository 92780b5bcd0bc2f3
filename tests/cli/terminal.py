"""A terminal for tests: runs a program in a pseudo-terminal and keeps what its screen shows.

Understands what ncurses sends to an xterm: characters (wide ones take two cells), SGR attributes and colours, cursor movement, erasing,
insertion and deletion, scroll regions, repeated characters. Everything else that looks like a control sequence is recorded in
`unknown`, so that a test can see that nothing odd came out.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import unicodedata

TIOCGPTN = 0x80045430  # ioctl_tty(2): the number of the pseudo-terminal


class Cell:
    __slots__ = ("ch", "fg", "bg", "bold", "dim", "reverse")

    def __init__(self, ch=" ", fg=None, bg=None, bold=False, dim=False, reverse=False):
        self.ch, self.fg, self.bg, self.bold, self.dim, self.reverse = ch, fg, bg, bold, dim, reverse


class Screen:
    def __init__(self, rows, cols):
        self.rows, self.cols = rows, cols
        self.y = self.x = 0
        self.top, self.bottom = 0, rows - 1
        self.pen = Cell()
        self.last = " "
        self.alternate = False
        self.cursor = True
        self.unknown = []
        self.cells = [self._line() for _ in range(rows)]
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def _line(self):
        return [Cell() for _ in range(self.cols)]

    def resize(self, rows, cols):
        self.rows, self.cols = rows, cols
        self.top, self.bottom = 0, rows - 1
        self.cells = [self._line() for _ in range(rows)]
        self.y, self.x = min(self.y, rows - 1), min(self.x, cols - 1)

    def text(self):
        return "\n".join("".join(c.ch for c in line).rstrip() for line in self.cells)

    def lines(self):
        return self.text().split("\n")

    SEQUENCE = re.compile(r"\x1b(?:\[([<=>?]?)([0-9;:]*)([ -/]*)([@-~])|\]([^\x07\x1b]*)(?:\x07|\x1b\\)|([()*+])(.)|([=>78DEHMNOZc]))")
    PARTIAL = re.compile(r"\x1b(?:\[[<=>?]?[0-9;:]*[ -/]*|\][^\x07\x1b]*\x1b?|[()*+])?$")

    def feed(self, data):
        s = self._rest + self._decode.decode(data)
        self._rest = ""
        i = 0
        while i < len(s):
            c = s[i]
            if c == "\x1b":
                m = self.SEQUENCE.match(s, i)
                if m:
                    self._sequence(m)
                    i = m.end()
                    continue
                if self.PARTIAL.match(s, i):
                    self._rest = s[i:]
                    return
                self.unknown.append(repr(s[i:i + 8]))
            elif c == "\r":
                self.x = 0
            elif c == "\n":
                self._index()
            elif c == "\b":
                self.x = max(self.x - 1, 0)
            elif c == "\t":
                self.x = min((self.x // 8 + 1) * 8, self.cols - 1)
            elif c < " " or "\x7f" <= c < "\xa0":
                if c not in "\x07\x0e\x0f":
                    self.unknown.append(repr(c))
            else:
                self._put(c)
            i += 1

    def _put(self, c):
        if unicodedata.combining(c):
            at = max(self.x - 1, 0)
            self.cells[self.y][at].ch += c
            return
        width = 2 if unicodedata.east_asian_width(c) in "WF" else 1
        if self.x + width > self.cols:
            self.x = 0
            self._index()
        p = self.pen
        self.cells[self.y][self.x] = Cell(c, p.fg, p.bg, p.bold, p.dim, p.reverse)
        if width == 2:
            self.cells[self.y][self.x + 1] = Cell("", p.fg, p.bg, p.bold, p.dim, p.reverse)
        self.x += width
        self.last = c

    def _index(self):
        if self.y == self.bottom:
            self._scroll(1)
        else:
            self.y = min(self.y + 1, self.rows - 1)

    def _scroll(self, n):
        for _ in range(abs(n)):
            if n > 0:
                del self.cells[self.top]
                self.cells.insert(self.bottom, self._line())
            else:
                del self.cells[self.bottom]
                self.cells.insert(self.top, self._line())

    def _blank(self, y, a, b):
        for x in range(a, min(b, self.cols)):
            self.cells[y][x] = Cell(" ", None, self.pen.bg)

    def _sequence(self, m):
        if m.group(8):
            if m.group(8) == "M":
                if self.y == self.top:
                    self._scroll(-1)
                else:
                    self.y -= 1
            return
        if not m.group(4):
            return
        private, final = m.group(1), m.group(4)
        p = [int(v) if v.isdigit() else 0 for v in m.group(2).split(";")] if m.group(2) else []
        n = max(p[0], 1) if p else 1
        if private:
            if private == "?" and final in "hl":
                if 1049 in p:
                    self.alternate = final == "h"
                if 25 in p:
                    self.cursor = final == "h"
            return
        if final == "m":
            self._sgr(p or [0])
        elif final in "Hf":
            self.y = min(n - 1, self.rows - 1)
            self.x = min((max(p[1], 1) if len(p) > 1 else 1) - 1, self.cols - 1)
        elif final == "A":
            self.y = max(self.y - n, 0)
        elif final == "B":
            self.y = min(self.y + n, self.rows - 1)
        elif final == "C":
            self.x = min(self.x + n, self.cols - 1)
        elif final == "D":
            self.x = max(min(self.x, self.cols - 1) - n, 0)
        elif final == "G":
            self.x = min(n - 1, self.cols - 1)
        elif final == "d":
            self.y = min(n - 1, self.rows - 1)
        elif final == "J":
            how = p[0] if p else 0
            for y in range(self.rows):
                a, b = 0, self.cols
                if how == 0:
                    a = self.cols if y < self.y else self.x if y == self.y else 0
                elif how == 1:
                    b = self.cols if y < self.y else self.x + 1 if y == self.y else 0
                self._blank(y, a, b)
        elif final == "K":
            how = p[0] if p else 0
            self._blank(self.y, self.x if how == 0 else 0, self.x + 1 if how == 1 else self.cols)
        elif final == "X":
            self._blank(self.y, self.x, self.x + n)
        elif final == "P":
            line = self.cells[self.y]
            del line[self.x:self.x + n]
            line.extend(Cell() for _ in range(self.cols - len(line)))
        elif final == "@":
            line = self.cells[self.y]
            line[self.x:self.x] = [Cell() for _ in range(n)]
            del line[self.cols:]
        elif final == "L" or final == "M":
            top, self.top = self.top, self.y
            self._scroll(n if final == "M" else -n)
            self.top = top
        elif final == "S" or final == "T":
            self._scroll(n if final == "S" else -n)
        elif final == "b":
            for _ in range(n):
                self._put(self.last)
        elif final == "r":
            self.top = n - 1
            self.bottom = (p[1] if len(p) > 1 and p[1] else self.rows) - 1
            self.y = self.x = 0
        elif final not in "htlcngq":
            self.unknown.append(m.group(0))

    def _sgr(self, p):
        pen = self.pen
        i = 0
        while i < len(p):
            v = p[i]
            if v == 0:
                self.pen = pen = Cell()
            elif v == 1:
                pen.bold = True
            elif v == 2:
                pen.dim = True
            elif v == 7:
                pen.reverse = True
            elif v == 22:
                pen.bold = pen.dim = False
            elif v == 27:
                pen.reverse = False
            elif 30 <= v <= 37:
                pen.fg = v - 30
            elif v == 39:
                pen.fg = None
            elif 40 <= v <= 47:
                pen.bg = v - 40
            elif v == 49:
                pen.bg = None
            elif v in (38, 48) and i + 2 < len(p) and p[i + 1] == 5:
                if v == 38:
                    pen.fg = p[i + 2]
                else:
                    pen.bg = p[i + 2]
                i += 2
            i += 1


KEYS = {
    "up": "\x1bOA", "down": "\x1bOB", "right": "\x1bOC", "left": "\x1bOD", "pgup": "\x1b[5~", "pgdn": "\x1b[6~", "home": "\x1bOH", "end": "\x1bOF",
    "enter": "\r", "tab": "\t", "esc": "\x1b", "space": " ", "ctrl-space": "\0", "backspace": "\x7f",
}


def key(name):
    if name.startswith("ctrl-") and len(name) == 6:
        return chr(ord(name[5]) & 31)
    return KEYS.get(name, name)


class Terminal:
    """A program in a pseudo-terminal. wait(...) returns once the screen shows what is asked for, or fails with a picture of it."""

    def __init__(self, argv, rows=30, cols=120, env=None, cwd=None, stdin=None):
        self.screen = Screen(rows, cols)
        self.raw = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                if stdin is not None:
                    os.dup2(os.open(stdin, os.O_RDONLY), 0)
                if cwd:
                    os.chdir(cwd)
                os.execvpe(argv[0], argv, env or os.environ)
            finally:
                os._exit(127)
        number = struct.unpack("I", fcntl.ioctl(self.fd, TIOCGPTN, b"\0\0\0\0"))[0]
        self.slave = os.open("/dev/pts/%d" % number, os.O_RDWR | os.O_NOCTTY)  # to ask how much it has not read yet
        self.size(rows, cols)

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        if (rows, cols) != (self.screen.rows, self.screen.cols):
            self.screen.resize(rows, cols)

    def read(self, seconds):
        """Takes what comes within so many seconds; False when the program has closed the terminal."""
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                return False
            self.raw += data
            self.screen.feed(data)
        return True

    def _busy(self):
        """Whether the program has keys to read, or works. It is idle when it sleeps with no input waiting."""
        try:
            if struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, b"\0\0\0\0"))[0]:
                return True
            states = []
            for task in os.listdir("/proc/%d/task" % self.pid):  # the one that reads keys may be waiting for one that works
                with open("/proc/%d/task/%s/stat" % (self.pid, task)) as f:
                    states.append(f.read().rsplit(")", 1)[1].split()[0])
            return any(s in "RD" for s in states)
        except OSError:
            return False

    def settle(self, limit=30):
        """Until the program waits for keys and nothing more comes."""
        end = time.monotonic() + limit
        quiet = 0
        while quiet < 5 and time.monotonic() < end:
            n = len(self.raw)
            if not self.read(0.015):
                return
            quiet = 0 if len(self.raw) != n or self._busy() else quiet + 1

    def wait(self, want, limit=20):
        """Until the screen contains the text, or the function of it says so."""
        ok = want if callable(want) else lambda text: want in text
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if ok(self.screen.text()):
                return self.screen.text()
            if not self.read(0.05) and not ok(self.screen.text()):
                break
        raise AssertionError("the screen never showed %r:\n%s" % (want, self.screen.text()))

    def send(self, *names):
        for name in names:
            os.write(self.fd, key(name).encode())
            if name == "esc":
                time.sleep(0.12)  # so that what follows is no part of an escape sequence
        return self

    def press(self, *names):
        """Sends keys, each one after the screen has become quiet."""
        for name in names:
            self.send(name)
            self.settle()
        return self.screen.text()

    def signal(self, sig):
        os.kill(self.pid, sig)

    def end(self, limit=20):
        """Waits for the end of the program; its exit status, negative for a signal."""
        stop = time.monotonic() + limit
        while self.status is None and time.monotonic() < stop:
            if not self.read(0.05):
                time.sleep(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        assert self.status is not None, "the program does not end:\n" + self.screen.text()
        while self.read(0) and select.select([self.fd], [], [], 0)[0]:
            pass
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.status = -9
        os.close(self.slave)
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
