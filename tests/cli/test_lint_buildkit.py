"""BuildKit's checks as a user meets them: `--codes buildkit` to the letter, all rules together without saying anything twice, .dockerignore, build arguments, repairs."""
import json

import pytest

CHECKS = """StageNameCasing FromAsCasing NoEmptyContinuation ConsistentInstructionCasing DuplicateStageName ReservedStageName JSONArgsRecommended MaintainerDeprecated
UndefinedArgInFrom WorkdirRelativePath UndefinedVar MultipleInstructionsDisallowed LegacyKeyValueFormat InvalidBaseImagePlatform RedundantTargetPlatform SecretsUsedInArgOrEnv
InvalidDefaultArgInFrom FromPlatformFlagConstDisallowed CopyIgnoredFile InvalidDefinitionDescription ExposeProtoCasing ExposeInvalidFormat""".split()


@pytest.fixture
def lint(pare, tmp_path):
    def run(text, *args, status=None, ignore=None):
        (tmp_path / "Dockerfile").write_bytes(text.encode())
        if ignore is not None:
            (tmp_path / ".dockerignore").write_text(ignore)
        return pare("lint", "--format", "json", *args, "Dockerfile", cwd=tmp_path, status=status).json()
    return run


@pytest.fixture
def exact(lint):
    """(check, line) of BuildKit's"""
    return lambda text, *args, **kw: [(x["code"], x["line"]) for x in lint(text, "--codes", "buildkit", *args, **kw)]


@pytest.fixture
def repaired(pare, tmp_path):
    def run(text, *args):
        f = tmp_path / "Repair" / "Dockerfile"
        f.parent.mkdir(exist_ok=True)
        f.write_bytes(text.encode())
        pare("lint", "--fix", "--codes", "buildkit", *args, f, status=None)
        once = f.read_bytes()
        pare("lint", "--fix", "--codes", "buildkit", *args, f, status=None)
        assert f.read_bytes() == once  # a second time changes nothing
        return once.decode()
    return run


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_is_there(pare, check):
    assert "Good\n" in pare("lint", "--explain", check).out


def test_order_and_lines(exact):
    assert exact("FROM debian:12 AS Build\nENV A b\nRUN a \\\n\n  b\n\nFROM build\nWORKDIR x\nEXPOSE 1:80/TCP\nCMD x\nCMD y\n") == [
        ("StageNameCasing", 1), ("LegacyKeyValueFormat", 2), ("NoEmptyContinuation", 5), ("WorkdirRelativePath", 8), ("ExposeInvalidFormat", 9), ("ExposeProtoCasing", 9),
        ("JSONArgsRecommended", 10), ("MultipleInstructionsDisallowed", 10), ("JSONArgsRecommended", 11)]


def test_only_its_own(lint):
    found = lint("FROM debian\nRUN apt-get install curl\nRUN cd /x && sudo y\nMAINTAINER me\n", "--codes", "buildkit")
    assert [x["code"] for x in found] == ["MaintainerDeprecated"]


def test_build_arguments(exact):
    f = "ARG TAG\nFROM busybox:${TAG}\nARG WHERE\nCOPY a ${WHERE}\nCOPY a ${WHERE2}\n"
    assert exact(f) == [("InvalidDefaultArgInFrom", 2)]
    assert exact(f, "--build-arg", "TAG=1") == [("InvalidDefaultArgInFrom", 2), ("UndefinedVar", 5)]


def test_where_buildkit_stops(exact):
    assert exact("FROM scratch as a\nFROM --platform=$NOPE scratch\nCMD x\n") == [("FromAsCasing", 1), ("UndefinedArgInFrom", 2)]
    assert exact("FROM scratch\nEXPOSE 80/foo\nCMD x\n") == []
    assert exact("FROM scratch as a\nFOO x\nFROM scratch as b\n")[0] == ("FromAsCasing", 1)


def test_dockerignore(exact):
    f = "FROM scratch\nCOPY secret.txt src/app /\n"
    assert exact(f) == []
    assert exact(f, ignore="*.txt\n**/app\n") == [("CopyIgnoredFile", 2)] * 2
    assert exact(f, ignore="*\n!src\n") == []


def test_comments_and_directives(exact, lint):
    assert exact("# check=skip=JSONArgsRecommended\nFROM scratch as a\nCMD x\n") == [("FromAsCasing", 2)]
    assert exact("FROM scratch\n# check=skip=JSONArgsRecommended\nCMD x\nENTRYPOINT y\n") == [("JSONArgsRecommended", 4)]
    assert exact("# check=experimental=InvalidDefinitionDescription\n# other\nFROM scratch AS a\n") == [("InvalidDefinitionDescription", 3)]
    lint("# check=error=true\nFROM scratch as a\n", "--codes", "buildkit", status=1)


@pytest.mark.parametrize("text", [
    "FROM debian:12\nCMD sleep 1\n",
    "FROM debian:12\nCMD [\"a\"]\nCMD [\"b\"]\n",
    "FROM debian:12 AS a\nFROM debian:12 AS a\n",
    "FROM --platform=linux/amd64 debian:12\n",
    "FROM --platform=$TARGETPLATFORM debian:12\n",
    "FROM debian:12\nWORKDIR a\n",
    "FROM debian:12\nENV API_TOKEN=abcdef\n",
    "FROM debian:12\nMAINTAINER me\n",
    "FROM debian:12 AS scratch\n",
])
def test_nothing_is_said_twice(lint, text):
    """where hadolint asks the same question"""
    said = {}
    for x in lint(text):
        said.setdefault(x["line"], []).append(x["code"])
    pairs = [{"DL3025", "JSONArgsRecommended"}, {"DL4003", "MultipleInstructionsDisallowed"}, {"DL3024", "DuplicateStageName"}, {"DL3029", "FromPlatformFlagConstDisallowed"},
             {"DL3065", "RedundantTargetPlatform"}, {"DL3000", "WorkdirRelativePath"}, {"DL3064", "SecretsUsedInArgOrEnv"}, {"DL4000", "MaintainerDeprecated"},
             {"DL3063", "ReservedStageName"}]
    assert any(p & set(codes) for p in pairs for codes in said.values())
    for p in pairs:
        assert sum(c in p for codes in said.values() for c in codes) <= 1


def test_repairs(repaired):
    assert repaired("from debian:12 as Build\nENV A b c\nenv D e\nRUN x \\\n# why\n\n  y\nEXPOSE 80/TCP\nMAINTAINER Jo \"J\" <$jo>\nFROM scratch\nCOPY --from=Build /a /b\n") == (
        "FROM debian:12 AS build\nENV A=\"b c\"\nENV D=e\nRUN x \\\n# why\n  y\nEXPOSE 80/tcp\nLABEL org.opencontainers.image.authors=\"Jo \\\"J\\\" <\\$jo>\"\nFROM scratch\nCOPY --from=build /a /b\n")


def test_repairs_keep_bytes(repaired):
    assert repaired("\ufeffFROM debian:12 as x\r\n\r\n# c\r\nENV A b c \\\r\n    # d\r\n    e") == "\ufeffFROM debian:12 AS x\r\n\r\n# c\r\nENV A=\"b c \\\r\n    # d\r\n    e\""
    assert repaired("FROM debian:12 as x\nRUM y\n") == "FROM debian:12 as x\nRUM y\n"  # BuildKit refuses it: it is not touched


def test_suggested_only_when_asked(repaired):
    f = "FROM debian:12\nARG TARGET=x\nCOPY a $TRAGET/\nWORKDIR sub\n"
    assert repaired(f) == f
    assert repaired(f, "--fix=suggested") == "FROM debian:12\nARG TARGET=x\nCOPY a $TARGET/\nWORKDIR /sub\n"


def test_document(pare, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch as a\nCMD x\n")
    d = pare("lint", "--codes", "buildkit", "--format", "buildkit", "Dockerfile", cwd=tmp_path, status=None).json()
    assert [w["ruleName"] for w in d["warnings"]] == ["FromAsCasing", "JSONArgsRecommended"]
    assert json.dumps(d)
