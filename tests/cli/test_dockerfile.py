"""`pare dockerfile`: what it prints of a Dockerfile, and of strings."""
import json

import pytest

from schemalib import check

FILE = b"""# syntax=docker/dockerfile:1
FROM --platform=linux/amd64 debian:12 AS base
# why
ENV A=1 B="2 3"
ENV OLD the rest
ARG X
RUN --mount=type=cache,target=/c apt-get update && \\
    # inside
    apt-get install -y curl
COPY <<-'EOF' <<two /etc/
\thello $A
\tEOF
there
two
ONBUILD RUN ["a", "b\\u00e9"]
HEALTHCHECK --interval=5s CMD curl localhost
"""


@pytest.fixture
def write(tmp_path):
    def f(data):
        path = tmp_path / "Dockerfile"
        path.write_bytes(data)
        return path
    return f


def test_json(pare, write):
    doc = pare("dockerfile", write(FILE), "--format", "json").json()
    check(doc, "dockerfile")
    assert doc["directives"] == {"syntax": "docker/dockerfile:1"} and doc["escape"] == "\\" and not doc["refused"] and doc["errors"] == []
    ins = doc["instructions"]
    assert [(i["keyword"], i["line"], i["end_line"]) for i in ins] == [("FROM", 2, 2), ("ENV", 4, 4), ("ENV", 5, 5), ("ARG", 6, 6), ("RUN", 7, 9), ("COPY", 10, 14),
                                                                       ("ONBUILD", 15, 15), ("HEALTHCHECK", 16, 16)]
    assert ins[0]["flags"] == ["--platform=linux/amd64"] and ins[0]["args"] == ["debian:12", "AS", "base"]
    assert ins[1]["args"] == ["A=1", 'B="2 3"'] and ins[1]["pairs"] == [{"name": "A", "value": "1"}, {"name": "B", "value": '"2 3"'}]
    assert ins[2]["args"] == ["OLD", "the rest"]
    assert ins[3]["pairs"] == [{"name": "X", "value": None}]
    assert ins[4]["args"] == ["apt-get update &&     apt-get install -y curl"] and ins[4]["original"].startswith("RUN --mount=type=cache,target=/c apt-get")
    assert ins[5]["heredocs"] == [{"name": "EOF", "fd": 0, "expand": False, "chomp": True, "line": 11, "content": "\thello $A\n"},
                                  {"name": "two", "fd": 0, "expand": True, "chomp": False, "line": 13, "content": "there\n"}]
    assert ins[6]["args"] == [] and ins[6]["onbuild"]["args"] == ["a", "b\u00e9"] and ins[6]["onbuild"]["json"]
    assert ins[7]["args"] == ["CMD", "curl localhost"]
    assert doc["comments"] == [{"line": 3, "text": "# why", "inside": False}, {"line": 8, "text": "# inside", "inside": True}]


def test_table(pare, write):
    out = pare("dockerfile", write(FILE)).out.split("\n")
    assert out[0].split() == ["LINES", "INSTRUCTION", "ARGUMENTS"]
    assert any(line.split()[:2] == ["7-9", "RUN"] for line in out)
    assert "<<EOF: 10 bytes from line 11 on, not expanded" in "\n".join(out)
    assert max(map(len, out)) < 140


def test_standard_input(pare):
    assert pare("dockerfile", "-", "--format", "json", stdin=b"FROM a\n").json()["instructions"][0]["args"] == ["a"]


def test_what_is_refused_is_named_and_the_rest_is_there(pare, write):
    r = pare("dockerfile", write(b"FROM a\nRUM x\nUSER b\nRUN <<EOF\nnever\n"), "--format", "json", status=3)
    doc = r.json()
    check(doc, "dockerfile")
    assert doc["refused"] and [e["line"] for e in doc["errors"]] == [2, 4]
    assert [i["keyword"] for i in doc["instructions"]] == ["FROM", "RUM", "USER", "RUN"]
    assert len(r.err.splitlines()) == 2 and all(line.startswith("pare: ") and "Dockerfile:" in line for line in r.err.splitlines())
    many = pare("dockerfile", write(b"FROM a\n" + b"X\n" * 100), status=3)
    assert len(many.err.splitlines()) == 21 and "80 more" in many.err


def test_an_instruction_before_from_is_no_refusal(pare, write):
    doc = pare("dockerfile", write(b"RUN x\nFROM a\n"), "--format", "json").json()
    assert not doc["refused"] and not doc["errors"][0]["fatal"]


def test_hostile_bytes_stay_off_the_terminal(pare, write):
    path = write(b"# syntax=\x1b[31m\nFROM \x1b]0;x\x07 \xff\nRUM\x1b \x07\nRUN <<\x1bE\n\x1bE\n")
    pare("dockerfile", path, status=3)
    doc = pare("dockerfile", path, "--format", "json", status=3).json()
    assert doc["instructions"][2]["heredocs"][0]["name"] == "\x1bE"


def lines(r):
    return [json.loads(line) for line in r.out.splitlines()]


def test_words(pare):
    r = pare("dockerfile", "--words", "--env", "S=a  b", "--env", "S2", stdin=b"x $S 'y z'\n\n\"$S\"$S2\n")
    assert lines(r) == [["x", "a", "b", "y z"], [], ["a  b"]]


def test_expand(pare):
    r = pare("dockerfile", "--expand", "-e", "P=/a/b.tar.gz", "-e", "P=/c/d.tar.gz", stdin=b"${P##*/}\n${Q:-none}\n${Q?}\nlast", status=3)
    got = lines(r)
    assert got[:2] == ["d.tar.gz", "none"] and "unset" in got[2]["error"] and got[3] == "last"
    assert lines(pare("dockerfile", "--expand", "--escape", "`", stdin=b"C:\\x`$y\n")) == ["C:\\x$y"]


@pytest.mark.parametrize("args", [[], ["--words", "--expand"], ["--words", "x"], ["--expand", "--escape", "x"], ["a", "b"]])
def test_command_line(pare, args):
    assert pare("dockerfile", *args, status=2).err.startswith("pare: ")


def test_a_file_that_is_not_there(pare, tmp_path):
    pare("dockerfile", tmp_path / "none", status=4)


def test_too_large(pare, write):
    assert "bytes" in pare("dockerfile", write(b"#" * (8 * 1024 * 1024 + 1)), status=3).err
