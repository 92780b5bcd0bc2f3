"""`pare lint --lsp`: what an editor sends and gets. The client here speaks the protocol's framing, counts UTF-16 units, and applies edits as editors do."""
import json
import os
import re
import select
import subprocess
import time

import pytest
from conftest import binary

URI = "file:///work/Dockerfile"
PLENTY = "FROM debian\nMAINTAINER somebody\nRUN apt-get update && apt-get install -y curl\nCMD echo hi\n"


class Editor:
    """A client of the server: requests are answered in order, notifications are kept."""

    def __init__(self, tmp_path, *args, capabilities=None, start=True):
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        self.p = subprocess.Popen([binary(), "lint", "--lsp", *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=tmp_path)
        self.buffer, self.id, self.notes, self.text = b"", 0, [], {}
        if start:
            self.capabilities = self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": capabilities or {}})["capabilities"]
            self.tell("initialized", {})

    def raw(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def send(self, message):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def tell(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params})})

    def receive(self, timeout=30):
        """The next message, whatever it is."""
        end = time.monotonic() + timeout
        while True:
            m = re.match(rb"Content-Length: (\d+)\r\n\r\n", self.buffer)
            if m and len(self.buffer) >= m.end() + int(m[1]):
                body, self.buffer = self.buffer[m.end():m.end() + int(m[1])], self.buffer[m.end() + int(m[1]):]
                message = json.loads(body)
                assert message["jsonrpc"] == "2.0"
                return message
            assert select.select([self.p.stdout], [], [], max(0, end - time.monotonic()))[0], "the server is silent"
            chunk = os.read(self.p.stdout.fileno(), 65536)
            assert chunk, "the server is gone: %r" % self.p.stderr.read()
            self.buffer += chunk

    def answer(self, id):
        while True:
            message = self.receive()
            if message.get("id") == id and "method" not in message:
                return message
            self.notes.append(message)

    def ask(self, method, params=None, error=None):
        self.id += 1
        self.send({"jsonrpc": "2.0", "id": self.id, "method": method, **({} if params is None else {"params": params})})
        message = self.answer(self.id)
        if error is not None:
            assert message["error"]["code"] == error and message["error"]["message"], message
            return message["error"]
        assert "error" not in message, message
        return message["result"]

    def note(self, method, where=lambda params: True):
        """The next notification of that method."""
        while True:
            for i, m in enumerate(self.notes):
                if m.get("method") == method and where(m["params"]):
                    return self.notes.pop(i)["params"]
            self.notes.append(self.receive())

    def open(self, text, uri=URI, version=1):
        self.text[uri] = text
        self.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "dockerfile", "version": version, "text": text}})
        return self.published(uri, version)

    def change(self, changes, uri=URI, version=2):
        self.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": changes})
        return self.published(uri, version)

    def published(self, uri=URI, version=None):
        return self.note("textDocument/publishDiagnostics", lambda p: p["uri"] == uri and (version is None or p.get("version") == version))["diagnostics"]

    def actions(self, span=None, only=None, uri=URI):
        context = {"diagnostics": [], **({"only": only} if only else {})}
        return self.ask("textDocument/codeAction", {"textDocument": {"uri": uri}, "range": span or range_(0, 0, 9999, 0), "context": context})

    def end(self, status=0):
        if self.p.poll() is None:
            self.ask("shutdown")
            self.tell("exit")
        assert self.p.wait(30) == status, self.p.stderr.read()
        assert self.p.stderr.read() == b""


def range_(a, b, c, d):
    return {"start": {"line": a, "character": b}, "end": {"line": c, "character": d}}


def cut(text, place, unit="utf-16"):
    """Index into text of a position, as an editor finds it."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n|\Z)", text)
    before = sum(len(x) for x in lines[:place["line"]])
    line = lines[place["line"]] if place["line"] < len(lines) else ""
    units = 0
    for i, c in enumerate(line):
        if units >= place["character"]:
            assert units == place["character"], "inside a character"
            return before + i
        units += len(c.encode("utf-16-le")) // 2 if unit == "utf-16" else len(c.encode())
    return before + len(line)


def apply(text, edits, unit="utf-16"):
    spans = sorted((cut(text, e["range"]["start"], unit), cut(text, e["range"]["end"], unit), e["newText"]) for e in edits)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), "edits overlap"
    for at, end, new in reversed(spans):
        text = text[:at] + new + text[end:]
    return text


def piece(text, span, unit="utf-16"):
    return text[cut(text, span["start"], unit):cut(text, span["end"], unit)]


@pytest.fixture
def editor(tmp_path):
    started = []

    def start(*args, **kw):
        started.append(Editor(tmp_path, *args, **kw))
        return started[-1]
    yield start
    for e in started:
        e.p.kill()
        e.p.wait()
        for f in (e.p.stdin, e.p.stdout, e.p.stderr):
            f.close()


def by_code(diagnostics, code):
    found = [d for d in diagnostics if d["code"] == code]
    assert found, "no %s in %s" % (code, [d["code"] for d in diagnostics])
    return found[0]


# ---------------------------------------------------------------- the life of a server

def test_a_session(editor):
    e = editor()
    assert e.capabilities["positionEncoding"] == "utf-16"
    assert e.capabilities["textDocumentSync"]["openClose"] and e.capabilities["textDocumentSync"]["change"] == 2
    assert e.capabilities["hoverProvider"] and {"quickfix", "source.fixAll.pare"} <= set(e.capabilities["codeActionProvider"]["codeActionKinds"])
    assert e.open(PLENTY)
    e.end()


def test_requests_have_their_time(editor):
    e = editor(start=False)
    e.ask("textDocument/hover", {}, error=-32002)
    assert e.ask("initialize", {"capabilities": {}})["serverInfo"]["name"] == "pare"
    e.ask("initialize", {"capabilities": {}}, error=-32600)
    assert e.ask("shutdown") is None
    e.ask("textDocument/hover", {}, error=-32600)
    e.tell("exit")
    assert e.p.wait(30) == 0


@pytest.mark.parametrize("how", ["exit", "end of input"])
def test_ending_without_shutdown(editor, how):
    e = editor()
    e.tell("exit") if how == "exit" else e.p.stdin.close()
    assert e.p.wait(30) == 1


def test_everything_at_once(tmp_path):
    """A client that writes all it has to say and then reads."""
    def frame(**m):
        body = json.dumps({"jsonrpc": "2.0", **m}).encode()
        return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    document = {"uri": URI, "languageId": "dockerfile", "version": 1, "text": PLENTY}
    everything = (frame(id=1, method="initialize", params={"capabilities": {}}) + frame(method="initialized", params={}) +
                  frame(method="textDocument/didOpen", params={"textDocument": document}) + frame(id=2, method="shutdown") + frame(method="exit"))
    p = subprocess.run([binary(), "lint", "--lsp"], input=everything, capture_output=True, cwd=tmp_path, env={"HOME": str(tmp_path)}, timeout=60)
    assert p.returncode == 0 and p.stderr == b""
    assert b'"method":"textDocument/publishDiagnostics"' in p.stdout and p.stdout.count(b"Content-Length: ") == 3


def test_a_byte_at_a_time(editor):
    e = editor()
    e.id += 1
    body = json.dumps({"jsonrpc": "2.0", "id": e.id, "method": "shutdown"}).encode()
    for b in b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n%s" % (len(body), body):
        e.raw(bytes([b]))
    assert e.answer(e.id)["result"] is None


# ---------------------------------------------------------------- what is wrong

@pytest.mark.parametrize("body, code, id", [
    (b'{"jsonrpc":"2.0","id":7,', -32700, None), (b"", -32700, None), (b"null", -32700, None), (b"[]", -32600, None), (b"{}", -32600, None), (b'{"id":7}', -32600, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":5}', -32600, 7), (b'{"jsonrpc":"2.0","id":7,"method":"no/such"}', -32601, 7),
    (b'{"jsonrpc":"2.0","id":"seven","method":"textDocument/hover"}', -32602, "seven"), (b'{"jsonrpc":"2.0","id":[7],"method":"shutdown"}', -32600, None),
    (b'{"jsonrpc":"2.0","id":7,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///other"},"position":{"line":0,"character":0}}}', -32602, 7),
    (b'{"jsonrpc":"2.0","id":7,"method":"textDocument/codeAction","params":[]}', -32602, 7), (b"[" * 100000, -32700, None)], ids=range(13))
def test_messages_that_are_none(editor, body, code, id):
    e = editor()
    e.send(body)
    message = e.receive()
    assert message["error"]["code"] == code and message["id"] == id and message["error"]["message"]
    assert e.open(PLENTY), "and it goes on"
    e.end()


@pytest.mark.parametrize("data", ids=range(6), argvalues=[b"Content-Type: x\r\n\r\n", b"Content-Length: many\r\n\r\n", b"Content-Length: -5\r\n\r\n", b"hello\r\n\r\n", b"x" * 4096 + b"\r\n\r\n",
                                  b"Content-Length: 40000000\r\n\r\n" + b" " * 40000000])
def test_frames_that_are_none(editor, data):
    e = editor()
    e.raw(data)
    message = e.receive()
    assert message["error"]["code"] == -32700 and message["id"] is None
    while not e.notes:
        e.id += 1
        e.send({"jsonrpc": "2.0", "id": e.id, "method": "no/such"})
        if e.answer(e.id)["error"]["code"] == -32601:
            break
    assert e.open(PLENTY), "and it goes on"


@pytest.mark.parametrize("method, params", [
    ("textDocument/didOpen", {}), ("textDocument/didOpen", {"textDocument": {"uri": URI}}), ("textDocument/didChange", {"textDocument": {"uri": URI}}),
    ("textDocument/didChange", {"textDocument": {"uri": "file:///none"}, "contentChanges": []}), ("textDocument/didClose", {"textDocument": {"uri": "file:///none"}}),
    ("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [{"range": range_(1, 5, 1, 2), "text": ""}]}),
    ("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": [{"range": range_(0, 0, 0, 1)}]})])
def test_notifications_that_make_no_sense_are_logged(editor, method, params):
    e = editor()
    e.open(PLENTY)
    e.tell(method, params)
    assert e.note("window/logMessage")["type"] == 2
    e.end()


def test_unknown_notifications_are_passed_over(editor):
    e = editor()
    e.tell("$/setTrace", {"value": "off"})
    e.tell("$/cancelRequest", {"id": 99})
    e.tell("workspace/noSuchThing", {})
    e.open("FROM scratch\n")
    assert not [n for n in e.notes if n.get("method") == "window/logMessage"]
    e.end()


def test_a_document_that_is_too_long(editor):
    e = editor()
    found = e.open("# %s\nFROM a\n" % ("x" * (9 << 20)))
    assert len(found) == 1 and "MiB" in found[0]["message"] and found[0]["severity"] == 1
    assert e.change([{"range": range_(0, 0, 0, 1), "text": ""}], version=2) == found
    assert "MiB" not in str(e.change([{"text": PLENTY}], version=3))
    e.end()


# ---------------------------------------------------------------- diagnostics

def test_diagnostics(editor):
    e = editor()
    found = e.open(PLENTY)
    d = by_code(found, "DL4000")
    assert piece(PLENTY, d["range"]).startswith("MAINTAINER")
    assert d["source"] == "pare" and d["message"] and 2 in d["tags"]
    assert d["codeDescription"]["href"] == "https://github.com/hadolint/hadolint/wiki/DL4000"
    assert {x["severity"] for x in found} <= {1, 2, 3, 4} and by_code(found, "DL3006")["severity"] == 2


def test_they_are_what_the_command_line_says(editor, pare, tmp_path):
    path = tmp_path / "Dockerfile"
    path.write_text(PLENTY)
    want = [(f["line"] - 1, f["column"] - 1, f["code"]) for f in pare("lint", "--format", "json", path, status=1).json()]
    got = [(d["range"]["start"]["line"], d["range"]["start"]["character"], d["code"]) for d in editor().open(PLENTY, path.as_uri())]
    assert got == want


def test_a_file_that_does_not_parse(editor):
    d = by_code(editor().open("FROM a\nFOO x\n"), "DL1000")
    assert d["severity"] == 1 and d["range"]["start"]["line"] == 1


def test_closing_takes_them_away(editor):
    e = editor()
    assert e.open(PLENTY)
    e.tell("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert e.published() == []
    assert e.open(PLENTY, version=5)
    e.end()


def test_two_documents(editor):
    e = editor()
    assert by_code(e.open(PLENTY), "DL4000")
    other = e.open("FROM scratch\n", uri="untitled:Untitled-1")
    assert not [d for d in other if d["code"] == "DL4000"]
    assert by_code(e.change([{"text": PLENTY}], uri="untitled:Untitled-1"), "DL4000")
    e.end()


@pytest.mark.parametrize("unit", ["utf-16", "utf-8"])
def test_incremental_changes(editor, unit):
    """Random edits: what the server has must be what the editor has, in either unit; judged by where it finds the same things."""
    e = editor(capabilities={"general": {"positionEncodings": [unit]}})
    assert e.capabilities["positionEncoding"] == unit
    text = "FROM debian # \u00e9\U0001f600\r\nMAINTAINER \U0001f600\U0001f600 x\rRUN true\nLABEL \u4e2d=\u6587\n"
    e.open(text)

    def place(index):
        lines = re.split(r"\r\n|\r|\n", text[:index])
        return {"line": len(lines) - 1, "character": len(lines[-1].encode("utf-16-le")) // 2 if unit == "utf-16" else len(lines[-1].encode())}
    version = 1
    for at, end, new in [(5, 11, "alpine"), (16, 18, "\n"), (len(text) - 1, len(text) - 1, "\nMAINTAINER \U0001f600"), (0, 0, "# \u00e9\n"), (3, 9, ""), (10, 10, "\r\nRUN x\r\n\U0001f600")]:
        version += 1
        change = {"range": {"start": place(at), "end": place(end)}, "text": new}
        text = text[:at] + new + text[end:]
        got = e.change([change], version=version)
        e.tell("textDocument/didOpen", {"textDocument": {"uri": "file:///fresh", "languageId": "dockerfile", "version": version, "text": text}})
        assert got == e.published("file:///fresh", version), repr(text)
    e.end()


def test_several_changes_at_once(editor):
    e = editor()
    e.open("FROM a:1\n")
    got = e.change([{"text": "FROM scratch\n"}, {"range": range_(1, 0, 1, 0), "text": "MAINTAINER x\n"}, {"range": range_(0, 0, 0, 0), "text": "# one\n"}])
    assert by_code(got, "DL4000")["range"]["start"]["line"] == 2


@pytest.mark.parametrize("unit, width", [("utf-16", 2), ("utf-8", 4)])
def test_columns_are_in_the_agreed_unit(editor, unit, width):
    e = editor(capabilities={"general": {"positionEncodings": ["utf-16", "utf-8"] if unit == "utf-8" else ["utf-16"]}})
    text = "FROM debian:12\nRUN echo \U0001f600\U0001f600 && apt-get install -y curl\n"
    action = [a for a in e.open(text)]
    assert action
    hover = e.ask("textDocument/hover", {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 9 + 2 * width + 5}})
    assert hover and all(cut(text, p, unit) >= 0 for p in hover["range"].values())


# ---------------------------------------------------------------- hover

def hover(e, line, character, uri=URI):
    return e.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}})


def test_hover_says_why(editor):
    e = editor()
    e.open(PLENTY)
    h = hover(e, 1, 3)
    assert h["contents"]["kind"] == "markdown"
    assert "DL4000" in h["contents"]["value"] and "https://github.com/hadolint/hadolint/wiki/DL4000" in h["contents"]["value"]
    assert h["range"]["start"]["line"] == 1


def test_hover_says_what_a_stage_is_for(editor):
    e = editor()
    e.open("ARG V=12\nFROM debian:${V} AS build\nWORKDIR /src\nRUN make\nFROM debian:12 AS other\nFROM scratch\nCOPY --from=build /src/x /x\n")
    assert "Before the first stage" in hover(e, 0, 1)["contents"]["value"]
    build, other, last = (hover(e, line, 1)["contents"]["value"] for line in (3, 4, 6))
    assert "Stage 1 of 3, `build`, from `debian:12`" in build and "only builds" in build and "`/src`" in build
    assert "nothing of it is in the image" in other
    assert "the image that is built" in last


def test_hover_on_nothing(editor):
    e = editor()
    e.open("\n\n# only this\n\nFROM scratch\n")
    assert hover(e, 0, 0) is None
    assert hover(e, 4000, 4000) is None or hover(e, 4000, 4000)["contents"]


def test_hover_in_plain_text(editor):
    e = editor(capabilities={"textDocument": {"hover": {"contentFormat": ["plaintext"]}}})
    e.open(PLENTY)
    h = hover(e, 1, 3)
    assert h["contents"]["kind"] == "plaintext" and "**" not in h["contents"]["value"] and "](" not in h["contents"]["value"]


def test_a_file_cannot_forge_a_hover(editor):
    e = editor()
    e.open("FROM `a](http://evil) AS <b>\nF[x](http://evil)`<img> y\n")
    for line in (0, 1):
        h = hover(e, line, 1)
        text = re.sub(r"(?<!\\)`[^`]*`", "", h["contents"]["value"] if h else "")
        assert not re.search(r"(?<!\\)\]\(http://evil", text) and not re.search(r"(?<!\\)<(img|b)", text), text


# ---------------------------------------------------------------- fixes

FIXABLE = "FROM debian:12\nMAINTAINER somebody <me@example.org>\nENV KEY value\n"


def test_quick_fixes(editor):
    e = editor()
    found = e.open(FIXABLE)
    actions = [a for a in e.actions() if a["kind"] == "quickfix"]
    assert actions
    for a in actions:
        assert a["title"] and a["diagnostics"][0] in found
        (uri, edits), = a["edit"]["changes"].items()
        assert uri == URI and apply(FIXABLE, edits) != FIXABLE


def test_quick_fixes_are_of_the_range(editor):
    e = editor()
    e.open(FIXABLE)
    everywhere, second = e.actions(only=["quickfix"]), e.actions(range_(1, 0, 1, 5), ["quickfix"])
    assert {a["diagnostics"][0]["range"]["start"]["line"] for a in second} == {1}
    assert len(second) < len(everywhere)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("only", [None, ["source.fixAll"], ["source.fixAll.pare"], ["source"], [""]])
def test_fix_all(editor, pare, tmp_path, only, ends):
    """One edit; its result is what `--fix` writes."""
    text = FIXABLE.replace("\n", ends)
    e = editor()
    e.open(text)
    actions = e.actions(only=only)
    if only and only != [""]:
        assert {a["kind"] for a in actions} == {"source.fixAll.pare"}
    action, = [a for a in actions if a["kind"] == "source.fixAll.pare"]
    result = apply(text, action["edit"]["changes"][URI])
    path = tmp_path / "Dockerfile"
    path.write_bytes(text.encode())
    pare("lint", "--fix", path, status=None)
    assert result.encode() == path.read_bytes() != text.encode()


def test_kinds_that_are_not_offered(editor):
    e = editor()
    e.open(FIXABLE)
    assert e.actions(only=["refactor"]) == e.actions(only=["source.organizeImports"]) == []


def test_nothing_to_fix(editor):
    e = editor()
    e.open("FROM scratch\n")
    assert e.actions(only=["source.fixAll"]) == []


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_ignoring_here(editor, ends):
    """The comment that is offered takes the finding away, and only that."""
    text = PLENTY.replace("\n", ends)
    e = editor()
    before = {d["code"] for d in e.open(text)}
    offers = [a for a in e.actions(only=["quickfix"]) if a["title"].startswith("Ignore ")]
    assert {a["diagnostics"][0]["code"] for a in offers} == before
    for i, a in enumerate(offers):
        result = apply(text, a["edit"]["changes"][URI])
        assert len(result.split(ends)) == len(text.split(ends)) + 1
        after = {d["code"] for d in e.change([{"text": result}], version=i + 2)}
        assert before - after == {a["diagnostics"][0]["code"]}, a["title"]


def test_edits_name_their_version(editor):
    e = editor(capabilities={"workspace": {"workspaceEdit": {"documentChanges": True}}})
    e.open(FIXABLE, version=41)
    for a in e.actions():
        change, = a["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": URI, "version": 41} and change["edits"]


def test_edits_in_utf8(editor):
    text = "FROM debian:12\nLABEL \U0001f600=x\nMAINTAINER \U0001f600 \u00e9\n"
    for unit in ("utf-8", "utf-16"):
        e = editor(capabilities={"general": {"positionEncodings": [unit]}})
        e.open(text)
        action, = [a for a in e.actions() if a["kind"] == "source.fixAll.pare"]
        result = apply(text, action["edit"]["changes"][URI], unit)
        assert "MAINTAINER" not in result and result.startswith("FROM debian:12\nLABEL \U0001f600=x\n")


# ---------------------------------------------------------------- configuration

def test_options_of_the_command_line(editor):
    assert {d["code"] for d in editor("--codes", "buildkit").open(PLENTY)} == {"MaintainerDeprecated", "JSONArgsRecommended"}


def test_configuration_beside_the_document(editor, tmp_path):
    d = tmp_path / "a b" / "deep"
    d.mkdir(parents=True)
    uri = (d / "Dockerfile").as_uri()
    e = editor()
    assert by_code(e.open(PLENTY, uri), "DL4000")
    (tmp_path / "a b" / ".hadolint.yaml").write_text("ignored: [DL4000]\n")
    e.tell("workspace/didChangeWatchedFiles", {"changes": []})
    found = e.published(uri)
    assert found and not [x for x in found if x["code"] == "DL4000"]
    (tmp_path / "a b" / ".hadolint.yaml").write_text("override: {error: [DL4000]}\n")
    e.tell("workspace/didChangeConfiguration", {"settings": None})
    assert by_code(e.published(uri), "DL4000")["severity"] == 1
    (tmp_path / "a b" / ".hadolint.yaml").write_text("ignored: 5: 6\n")
    e.tell("workspace/didChangeConfiguration", {"settings": None})
    found = e.published(uri)
    assert len(found) == 1 and "hadolint.yaml" in found[0]["message"]
    e.end()


def test_comments_in_the_document(editor):
    found = editor().open("FROM debian:12\n# hadolint ignore=DL4000\nMAINTAINER x\n")
    assert "DL4000" not in {d["code"] for d in found}


def test_files_to_watch_are_asked_for(editor):
    e = editor(capabilities={"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}}})
    request = e.receive()
    assert request["method"] == "client/registerCapability"
    registration, = request["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"
    assert any("hadolint" in w["globPattern"] for w in registration["registerOptions"]["watchers"])
    e.send({"jsonrpc": "2.0", "id": request["id"], "result": None})
    assert e.open(PLENTY)
    e.end()
