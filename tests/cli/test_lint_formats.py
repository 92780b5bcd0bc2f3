"""Output formats of `pare lint`: each is read by the kind of program it is for, and each says what `--format json` says. Names and messages are hostile."""
import base64
import hashlib
import json
import os
import re
import urllib.parse
import xml.etree.ElementTree as xml

import pytest
from schemalib import check

LEVELS = ["error", "warning", "info", "style"]
# a bit of everything: findings at several levels, two the same, some with fixes, one at the end of a file without a newline
PLENTY = b"""FROM debian
MAINTAINER somebody
RUN apt-get update && apt-get install -y curl
RUN cd /tmp
RUN cd /tmp
ADD local.txt /x
CMD echo hi"""
BROKEN = b"FROM debian:12\nF\x1b[31m\"'<b>]]>&\xff|`%,: x\n"
HOSTILE = os.fsdecode(b"a \x1b[31m\"'<&>]]>,:%|`\xff\xc3\xa9\n#?.Dockerfile")
ALL = ["json", "tty", "gnu", "checkstyle", "codeclimate", "gitlab_codeclimate", "codacy", "sonarqube", "sarif", "junit", "buildkit", "github", "markdown", "table"]


@pytest.fixture
def folder(tmp_path):
    """Dockerfiles: much to say, nothing to say, one that does not parse under a hostile name."""
    d = tmp_path / "files"
    d.mkdir()
    (d / "plenty.Dockerfile").write_bytes(PLENTY)
    (d / "quiet.Dockerfile").write_bytes(b"FROM scratch\n")
    with open(os.path.join(str(d), HOSTILE), "wb") as f:
        f.write(BROKEN)
    return d


@pytest.fixture
def lint(pare, folder):
    """Runs a format over the folder's files; returns the result. The status is that of a file that does not parse."""
    def run(fmt, *args, files=None, status=3, **kw):
        return pare("lint", "--format", fmt, *args, *(files or sorted(os.listdir(folder))), cwd=folder, status=status, clean=fmt != "codeclimate", **kw)
    return run


@pytest.fixture
def findings(lint):
    found = lint("json").json()
    assert len(found) > 4 and {f["code"] for f in found} >= {"DL1000"}
    return found


def rule_findings(found):
    return [f for f in found if f["code"] != "DL1000"]


def shown(name):
    """A name as text_safe() shows it."""
    out = ""
    for c in os.fsencode(name).decode("utf-8", "surrogateescape"):
        if "\udc80" <= c <= "\udcff":
            out += "\\x%02x" % (ord(c) - 0xdc00)
        else:
            out += {"\t": "\\t", "\n": "\\n"}.get(c, "\\x%02x" % ord(c) if ord(c) < 32 or ord(c) == 127 else c)
    return out


def name_of(f):
    """The file of a finding of --format json, as a format for terminals or XML shows it."""
    return shown(HOSTILE) if f["file"] == replaced(HOSTILE) else f["file"]


def replaced(name):
    """A name as JSON has it: what is no UTF-8 is replaced."""
    return os.fsencode(name).decode("utf-8", "replace")


def offset(text, line, column):
    """Characters before a place (a file of valid UTF-8)."""
    lines = text.split("\n")
    return sum(len(x) + 1 for x in lines[:line - 1]) + column - 1


# ---------------------------------------------------------------- json

def test_json(findings, folder):
    check(findings, "lint")
    assert {f["file"] for f in findings} == {"plenty.Dockerfile", replaced(HOSTILE)}
    text = PLENTY.decode()
    for f in rule_findings(findings):
        assert (f["line"], f["column"]) <= (f["end_line"], f["end_column"])
        assert offset(text, f["end_line"], f["end_column"]) <= len(text)
        for e in (f["fix"] or {"edits": []})["edits"]:
            assert offset(text, e["line"], e["column"]) <= offset(text, e["end_line"], e["end_column"]) <= len(text)
    same = [f for f in findings if f["file"] == "plenty.Dockerfile"]
    assert [(f["line"], f["column"]) for f in same] == sorted((f["line"], f["column"]) for f in same)


@pytest.mark.parametrize("fmt", ALL)
def test_the_same_twice(lint, fmt):
    assert lint(fmt).out_bytes == lint(fmt).out_bytes


@pytest.mark.parametrize("fmt, want", [
    ("json", "[]\n"), ("tty", ""), ("gnu", ""), ("codeclimate", ""), ("codacy", ""), ("github", ""), ("gitlab_codeclimate", "[]"), ("sonarqube", '{"issues":[]}'),
    ("checkstyle", '<?xml version="1.0" encoding="UTF-8"?><checkstyle version="4.3"/>'), ("markdown", "No findings.\n")])
def test_nothing_found(lint, fmt, want):
    assert lint(fmt, "--codes", "buildkit", files=["quiet.Dockerfile"], status=0).out == want


@pytest.mark.parametrize("fmt", ALL)
def test_status(lint, fmt):
    """Findings fail a run, but not where hadolint leaves the judgement to who reads its document."""
    never = fmt in ("codeclimate", "codacy")
    lint(fmt, files=["plenty.Dockerfile"], status=0 if never else 1)


# ---------------------------------------------------------------- lines

@pytest.mark.parametrize("fmt, prefix, parse", [("tty", "", "%s:%d:%d %s"), ("gnu", "hadolint:", "%s:%d:%d: %s")])
def test_lines(lint, findings, fmt, prefix, parse):
    want = []
    for f in findings:
        name = name_of(f)
        if f["code"] == "DL1000":
            want.append(prefix + parse % (name, f["line"], f["column"], shown(f["message"])))
        else:
            want.append(prefix + ("%s:%d: %s %s: %s" if fmt == "gnu" else "%s:%d %s %s: %s") % (name, f["line"], f["code"], f["level"], f["message"]))
    got = lint(fmt).out.splitlines()
    assert len(got) == len(want)
    for g, w, f in zip(got, want, findings):
        if f["code"] == "DL1000":  # bytes that JSON had to replace are still told apart here
            assert re.sub(r"\\x[0-9a-f]{2}", "", g) == re.sub(r"\\x[0-9a-f]{2}|\ufffd", "", w)
        else:
            assert g == w


def test_github(lint, findings):
    def decode(s, prop):
        for a, b in ([("%2C", ","), ("%3A", ":")] if prop else []) + [("%0A", "\n"), ("%0D", "\r"), ("%25", "%")]:
            s = s.replace(a, b)
        return s
    got = []
    for line in lint("github").out.splitlines():
        m = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        props = {k: decode(v, True) for k, v in (p.split("=", 1) for p in m[2].split(","))}
        got.append((m[1], props, decode(m[3], False)))
    assert len(got) == len(findings)
    for (kind, props, text), f in zip(got, findings):
        assert kind == {"error": "error", "warning": "warning"}.get(f["level"], "notice")
        assert props["line"] == str(f["line"]) and props["title"] == f["code"]
        assert ("col" in props) == (f["line"] == f["end_line"])
        assert props["file"] == name_of(f)
        if f["code"] != "DL1000":
            assert text.startswith(f["message"])


def test_markdown(lint, findings):
    lines = lint("markdown").out.splitlines()
    assert lines[0].startswith("| Where |") and set(lines[1]) <= set("|-:")
    rows = [x for x in lines[2:] if x.startswith("| ")]
    assert len(rows) == len(findings)
    for row, f in zip(rows, findings):
        cells = re.split(r"(?<!\\)(?:\\\\)*\|", row)
        assert len(cells) == 8, row
        assert cells[3].strip() == f["code"] or f["code"] in cells[3].replace("\\", "")
        assert not re.search(r"(?<!\\)<", row)
    assert re.fullmatch(r"\d+ errors?, \d+ warnings?, \d+ others?\.", lines[-1])


# ---------------------------------------------------------------- XML

def test_checkstyle(lint, findings):
    r = lint("checkstyle")
    root = xml.fromstring(r.out_bytes)
    assert (root.tag, root.attrib) == ("checkstyle", {"version": "4.3"})
    assert [f.get("name") for f in root] == list(dict.fromkeys(name_of(f) for f in findings))
    errors = [(file.get("name"), e.attrib) for file in root for e in file]
    assert len(errors) == len(findings)
    for (_, e), f in zip(errors, findings):
        assert (e["line"], e["severity"], e["source"]) == (str(f["line"]), f["level"], f["code"])
        if f["code"] != "DL1000":
            assert e["message"] == f["message"] and e["column"] == "1"
    assert r.out.startswith('<?xml version="1.0" encoding="UTF-8"?><checkstyle version="4.3"><file name="')
    assert re.search(r'<error column="1" line="\d+" message="[^"]*" severity="\w+" source="\w+"/>', r.out)


def test_junit(lint, findings, folder):
    root = xml.fromstring(lint("junit").out_bytes)
    assert root.tag == "testsuites"
    suites = list(root)
    assert len(suites) == len(os.listdir(folder)), "every file is a suite"
    for s in suites:
        cases = list(s)
        assert s.tag == "testsuite" and int(s.get("failures")) == int(s.get("tests")) == len(cases)
        assert int(s.get("errors")) == sum(c.get("name") == "DL1000" for c in cases)
    cases = [c for s in suites for c in s]
    assert len(cases) == len(findings)
    for c, f in zip(cases, findings):
        failure = c.find("failure")
        assert c.get("name") == f["code"] and failure.get("type") == f["level"]
        if f["code"] == "DL1000":
            assert c.get("id") == "hadolint.error" and c.get("file") == name_of(f)
        else:
            assert c.get("id") == "hadolint.rule." + f["code"] and failure.get("message") == f["message"]
            assert failure.text.split("\n")[:2] == ["File: " + name_of(f), "Line: %d" % f["line"]]


# ---------------------------------------------------------------- hadolint's JSON

def compact(value):
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def issue(f):
    severity = dict(zip(LEVELS, ["blocker", "major", "info", "minor"]))[f["level"]]
    if f["code"] == "DL1000":
        at = {"line": f["line"], "column": f["column"]}
        location = {"path": f["file"], "positions": {"begin": at, "end": at}}
    else:
        location = {"path": f["file"], "lines": {"begin": f["line"], "end": f["line"]}}
    return {"type": "issue", "check_name": f["code"], "description": f["message"], "categories": ["Bug Risk"], "location": location, "severity": severity}


def test_codeclimate(lint, findings):
    parts = lint("codeclimate").out_bytes.split(b"\0")
    assert parts.pop() == b""
    assert [json.loads(p) for p in parts] == [issue(f) for f in findings]
    for p, f in zip(parts, findings):
        if f["code"] != "DL1000":
            assert p.decode().replace("\\u001b", "\x1b") == compact(issue(f)).replace("\\u001b", "\x1b")


def test_gitlab_codeclimate(lint, findings):
    out = lint("gitlab_codeclimate").out
    got = json.loads(out)
    prints = [g.pop("fingerprint") for g in got]
    assert got == [issue(f) for f in findings]
    for p, f in zip(prints, findings):
        assert re.fullmatch("[0-9a-f]{40}", p)
        if f["code"] != "DL1000":
            assert p == hashlib.sha1(compact(issue(f)).encode()).hexdigest()
    quiet = [{**issue(f), "fingerprint": p} for f, p in zip(findings, prints) if f["file"] == "plenty.Dockerfile"]
    assert lint("gitlab_codeclimate", files=["plenty.Dockerfile"], status=1).out == compact(quiet)


def test_codacy(lint, findings):
    lines = lint("codacy").out.splitlines()
    want = [{"filename": f["file"], "patternId": f["code"], "message": f["message"], "line": f["line"]} for f in findings]
    assert [json.loads(x) for x in lines] == want
    assert [x for x, f in zip(lines, findings) if f["code"] != "DL1000"] == [compact(w) for w in want if w["patternId"] != "DL1000"]


def test_sonarqube(lint, findings):
    out = lint("sonarqube").out
    want = []
    for f in findings:
        parse = f["code"] == "DL1000"
        text_range = {"startLine": f["line"], "endLine": f["line"], "startColumn": f["column"] if parse else 0, "endColumn": f["column"] if parse else 1}
        want.append({"engineId": "Hadolint", "ruleId": f["code"], "severity": "BLOCKER" if parse else dict(zip(LEVELS, ["CRITICAL", "MAJOR", "MINOR", "INFO"]))[f["level"]],
                     "type": "BUG" if f["level"] == "error" else "CODE_SMELL",
                     "primaryLocation": {"message": f["message"], "filePath": f["file"], "textRange": text_range}})
    assert json.loads(out) == {"issues": want}
    assert out.startswith('{"issues":[{"engineId":"Hadolint","primaryLocation":{"filePath":"') and out.endswith("}]}")


# ---------------------------------------------------------------- SARIF

def test_sarif(lint, findings, folder):
    doc = lint("sarif").json()
    assert doc["version"] == "2.1.0" and doc["$schema"].endswith("sarif-2.1.0.json") and len(doc["runs"]) == 1
    run = doc["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "pare" and run["columnKind"] == "unicodeCodePoints"
    assert len({r["id"] for r in rules}) == len(rules) == len({f["code"] for f in findings})
    for r in rules:
        assert r["shortDescription"]["text"] and r["fullDescription"]["text"] and r["help"]["markdown"] and r["defaultConfiguration"]["level"] in ("error", "warning", "note")
        assert re.fullmatch(r"[a-z0-9-]+", r["name"])
        if r["id"].startswith("DL"):
            assert r["helpUri"] == "https://github.com/hadolint/hadolint/wiki/" + r["id"]
    assert len(run["results"]) == len(findings)
    for r, f in zip(run["results"], findings):
        assert rules[r["ruleIndex"]]["id"] == r["ruleId"] == f["code"]
        assert r["level"] == {"error": "error", "warning": "warning"}.get(f["level"], "note")
        place = r["locations"][0]["physicalLocation"]
        uri = place["artifactLocation"]["uri"]
        assert re.fullmatch(r"(?:[\w.~!$&'()*+,;=@/-]|%[0-9A-F]{2})+", uri), uri
        assert os.fsdecode(urllib.parse.unquote_to_bytes(uri)) in os.listdir(folder)
        assert place["region"] == {"startLine": f["line"], "startColumn": f["column"], "endLine": f["end_line"], "endColumn": f["end_column"]}
        if f["code"] != "DL1000":
            assert r["message"]["text"] == f["message"]
        edits = [{"line": x["deletedRegion"]["startLine"], "column": x["deletedRegion"]["startColumn"], "end_line": x["deletedRegion"]["endLine"],
                  "end_column": x["deletedRegion"]["endColumn"], "text": x.get("insertedContent", {}).get("text", "")}
                 for fix in r.get("fixes", []) for change in fix["artifactChanges"] for x in change["replacements"]]
        assert edits == (f["fix"]["edits"] if f["fix"] else [])


def test_sarif_fingerprints_follow_the_text(pare, tmp_path):
    """They stay when lines are added above, and tell the same finding on the same text apart."""
    def prints(text):
        (tmp_path / "Dockerfile").write_bytes(text)
        run = pare("lint", "--format", "sarif", "--codes", "hadolint", "Dockerfile", cwd=tmp_path, status=None).json()["runs"][0]
        got = [(r["ruleId"], r["partialFingerprints"]["primaryLocationLineHash"]) for r in run["results"]]
        assert len(set(got)) == len(got) > 3
        return got
    before = prints(PLENTY)
    assert set(prints(PLENTY.replace(b"RUN apt-get", b"# one more line\n\nRUN apt-get"))) == set(before)
    assert set(prints(PLENTY.replace(b"curl", b"curl wget"))) != set(before)
    twice = [p for code, p in before if code == "DL3003"]
    assert len(twice) == 2 and twice[0].split(":")[0] == twice[1].split(":")[0] and {p.split(":")[1] for p in twice} == {"1", "2"}


def test_sarif_of_a_file_that_cannot_be_read(lint):
    run = lint("sarif", files=["absent.Dockerfile", "quiet.Dockerfile"], status=None).json()["runs"][0]
    note = run["invocations"][0]["toolExecutionNotifications"][0]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert note["level"] == "error" and note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "absent.Dockerfile"


@pytest.mark.parametrize("path, uri", [("a:b/Dockerfile", "a%3Ab/Dockerfile"), ("a b/c%d/Dockerfile", "a%20b/c%25d/Dockerfile"), ("\u00e9.Dockerfile", "%C3%A9.Dockerfile")])
def test_sarif_uri(pare, tmp_path, path, uri):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_bytes(PLENTY)
    for given, want in ((path, uri), (str(tmp_path / path), "file://" + urllib.parse.quote(str(tmp_path)) + "/" + uri)):
        run = pare("lint", "--format", "sarif", given, cwd=tmp_path, status=1).json()["runs"][0]
        assert {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]} == {want}


# ---------------------------------------------------------------- BuildKit

def test_buildkit(lint):
    found = lint("json", "--codes", "buildkit").json()
    doc = lint("buildkit", "--codes", "buildkit").json()
    sources = [(s["filename"], base64.b64decode(s["data"]), s["language"]) for s in doc["sources"]]
    assert sorted(s[1] for s in sources) == sorted([BROKEN, PLENTY, b"FROM scratch\n"]) and {s[2] for s in sources} == {"Dockerfile"}
    rules = [f for f in found if f["code"] != "DL1000"]
    assert len(doc["warnings"]) == len(rules) > 0
    for w, f in zip(doc["warnings"], rules):
        assert (w["ruleName"], w["detail"]) == (f["code"], f["message"]) and w["description"]
        assert re.fullmatch(r"https://docs\.docker\.com/go/dockerfile/rule/[a-z-]+/", w["url"])
        where = w["location"]
        assert sources[where["sourceIndex"]][0] == f["file"]
        assert where["ranges"][0]["start"]["line"] == f["line"] <= where["ranges"][0]["end"]["line"]
    assert {"MaintainerDeprecated": "maintainer-deprecated", "JSONArgsRecommended": "json-args-recommended"}.items() <= {
        w["ruleName"]: w["url"].split("/")[-2] for w in doc["warnings"]}.items()
    error = doc["buildError"]
    assert sources[error["location"]["sourceIndex"]][1] == BROKEN and error["location"]["ranges"][0]["start"]["line"] == 2 and error["message"]


def test_buildkit_without_an_error(lint):
    doc = lint("buildkit", "--codes", "buildkit", files=["quiet.Dockerfile"], status=0).json()
    assert doc == {"warnings": [], "sources": [{"filename": "quiet.Dockerfile", "data": base64.b64encode(b"FROM scratch\n").decode(), "language": "Dockerfile"}]}


# ---------------------------------------------------------------- another name in the report

@pytest.mark.parametrize("fmt", ["checkstyle", "codeclimate", "gitlab_codeclimate", "sonarqube", "junit", "sarif", "github", "markdown"])
def test_file_path_in_report(lint, fmt):
    out = lint(fmt, "--file-path-in-report", "other/Dockerfile.x", files=["plenty.Dockerfile"], status=None).out
    assert "other/Dockerfile.x" in out and "plenty" not in out
