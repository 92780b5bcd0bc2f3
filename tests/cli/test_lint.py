"""`pare lint` as a whole: which files, which options and configuration, what comments switch off, baselines, fixes in place, exit statuses."""
import json
import os
import stat
import subprocess

import pytest
from conftest import TOP
from schemalib import check

CLEAN = "FROM scratch\nCOPY app /app\nUSER 1000\nENTRYPOINT [\"/app\"]\n"
MAINTAINER = "FROM scratch\nMAINTAINER me\n"  # one error, DL4000
SUDO = "FROM debian:12-slim\nRUN sudo true\nUSER 1000\n"


@pytest.fixture
def cwd(pare):
    return pare.root / "cwd"


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def codes(result):
    return sorted(x["code"] for x in result.json())


def files(result):
    seen = []
    for x in result.json():
        if x["file"] not in seen:
            seen.append(x["file"])
    return seen


# --- which files ---
def test_directories_are_searched_by_name_and_in_order(pare, cwd):
    yes = ["Dockerfile", "a/Dockerfile.dev", "a/b/web.dockerfile", "c/Containerfile", "c/d.Containerfile", "node_modules/x/Dockerfile"]
    no = ["Dockerfile.md", "a/dockerfile.go", "a/Makefile", ".git/Dockerfile", "c/.dockerignore"]
    write(cwd, dict.fromkeys(yes + no, MAINTAINER))
    assert files(pare("lint", "-f", "json", status=1)) == yes
    assert files(pare("lint", "-f", "json", ".", status=1)) == yes
    assert files(pare("lint", "-f", "json", "c", "Dockerfile", "./a/", "a/Dockerfile.dev", status=1)) == ["c/Containerfile", "c/d.Containerfile", "Dockerfile", "a/Dockerfile.dev", "a/b/web.dockerfile"]
    assert files(pare("lint", "-f", "json", cwd / "c", status=1)) == ["%s/c/Containerfile" % cwd, "%s/c/d.Containerfile" % cwd]


def test_a_file_is_taken_whatever_its_name(pare, cwd):
    write(cwd, {"x.md": MAINTAINER, ".gitignore": "x.md\n"})
    assert codes(pare("lint", "-f", "json", "x.md", status=1)) == ["DL4000"]


def git_says(root, names):
    """which of the names git would ignore, or None without git"""
    try:
        subprocess.run(["git", "init", "-q", str(root)], check=True, capture_output=True)
        p = subprocess.run(["git", "-C", str(root), "check-ignore", "--no-index", "--stdin"], input="\n".join(names), capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return set(p.stdout.split("\n")) - {""}


def test_gitignore_as_git_reads_it(pare, cwd):
    names = ["Dockerfile", "out/Dockerfile", "a/out/Dockerfile", "top/Dockerfile", "a/top/Dockerfile", "gen/x/Dockerfile", "gen/keep/Dockerfile", "b/x.Dockerfile", "b/y.Dockerfile", "b/deep/z.Dockerfile",
             "c/Dockerfile.tmp1", "c/Dockerfile.tmp#", "d/e/f/Dockerfile", "d/f/Dockerfile", "w/q/Dockerfile", "w/q/r/Dockerfile", "file/Dockerfile", "file2/out/Dockerfile"]
    write(cwd, dict.fromkeys(names, MAINTAINER))
    write(cwd, {".gitignore": "# comment\nout/\n/top\ngen/*\n!gen/keep\n\nDockerfile.tmp?\r\nd/**/f\n**/q/r\nfile2/*  \n!file2/out\n", "b/.gitignore": "*.Dockerfile\n!y.Dockerfile\ndeep/\n",
                "file2/.gitignore": "!out/\n"})
    got = set(files(pare("lint", "-f", "json", status=1)))
    ignored = git_says(cwd, names)
    if ignored is not None:
        assert got == set(names) - ignored
    assert got == {"Dockerfile", "a/top/Dockerfile", "gen/keep/Dockerfile", "b/y.Dockerfile", "w/q/Dockerfile", "file/Dockerfile", "file2/out/Dockerfile"}


def test_gitignore_above_counts_inside_a_repository(pare, cwd):
    write(cwd, {".gitignore": "skip\n/sub/only\n", "sub/skip/Dockerfile": MAINTAINER, "sub/only/Dockerfile": MAINTAINER, "sub/x/Dockerfile": MAINTAINER})
    assert files(pare("lint", "-f", "json", "sub", status=1)) == ["sub/only/Dockerfile", "sub/skip/Dockerfile", "sub/x/Dockerfile"]
    (cwd / ".git" / "info").mkdir(parents=True)
    (cwd / ".git" / "info" / "exclude").write_text("x\n")
    assert files(pare("lint", "-f", "json", "sub", status=0)) == []
    (cwd / ".git" / "info" / "exclude").write_text("")
    assert files(pare("lint", "-f", "json", "sub", status=1)) == ["sub/x/Dockerfile"]
    assert files(pare("lint", "-f", "json", cwd=cwd / "sub", status=1)) == ["x/Dockerfile"]


def test_links_to_files_are_followed_and_loops_are_not(pare, cwd):
    write(cwd, {"a/Dockerfile": MAINTAINER})
    (cwd / "a" / "loop").symlink_to("..")
    (cwd / "link.Dockerfile").symlink_to("a/Dockerfile")
    (cwd / "dangling.Dockerfile").symlink_to("nowhere")
    assert files(pare("lint", "-f", "json", status=1)) == ["a/Dockerfile", "link.Dockerfile"]


def test_standard_input(pare):
    r = pare("lint", "-f", "json", "-", stdin=MAINTAINER.encode(), status=1)
    assert files(r) == ["-"] and codes(r) == ["DL4000"]


def test_nothing_to_lint_is_said(pare):
    r = pare("lint", "-f", "json")
    assert r.json() == [] and "no Dockerfile" in r.err
    assert pare("-q", "lint", "-f", "json").err == ""


def test_thousands_of_operands(pare, cwd):
    names = ["d%d.Dockerfile" % i for i in range(1500)]
    write(cwd, dict.fromkeys(names, MAINTAINER))
    assert files(pare("lint", "-f", "json", *names, status=1)) == names
    one = pare("lint", "-f", "json", "--jobs", "1", *names, status=1)
    assert one.out == pare("lint", "-f", "json", "-j", "4", *names, status=1).out


# --- exit statuses ---
def test_one_bad_file_hides_no_other(pare, cwd):
    write(cwd, {"a.Dockerfile": MAINTAINER, "b.Dockerfile": "FROM scratch\nNONSENSE x\n", "c.Dockerfile": MAINTAINER, "e.Dockerfile": b"\xff\xfe\x00"})
    r = pare("lint", "-f", "json", "a.Dockerfile", "b.Dockerfile", "missing", "c.Dockerfile", status=3)
    assert [(x["file"], x["code"]) for x in r.json()] == [("a.Dockerfile", "DL4000"), ("b.Dockerfile", "DL1000"), ("c.Dockerfile", "DL4000")]
    assert "missing" in r.err
    pare("lint", "e.Dockerfile", status=3)
    pare("lint", ".", "--no-fail", status=3)
    assert "is a directory" not in pare("lint", "-f", "json", cwd, status=3).err


def test_gates(pare, cwd):
    write(cwd, {"clean": CLEAN, "style": "FROM debian:12-slim\nCOPY a /a\nUSER 1000\n# pare ignore=no-such-rule\nRUN true\n", "error": MAINTAINER})
    pare("lint", "clean", status=0)
    pare("lint", "style", status=0)
    pare("lint", "-t", "style", "style", status=1)
    pare("lint", "-t", "none", "style", status=1)
    pare("lint", "error", status=1)
    pare("lint", "--failure-threshold", "error", "error", status=1)
    pare("lint", "--warning", "DL4000", "-t", "error", "error", status=0)
    pare("lint", "--no-fail", "error", status=0)
    pare("lint", "-f", "codeclimate", "error", status=0, clean=False)  # it ends entries with NUL
    pare("lint", "--fail-over", "1GB", "-t", "error", "-", stdin=b"FROM debian:12\nRUN apt-get update && apt-get install -y curl\nUSER 1000\n", status=0)
    r = pare("lint", "--fail-over", "1MB", "-t", "error", "-", stdin=b"FROM debian:12\nRUN apt-get update && apt-get install -y curl\nUSER 1000\n", status=1)
    assert "more than 1.00 MB" in r.err


@pytest.mark.parametrize("args", [["-f", "nonsense"], ["--codes", "x"], ["-t", "bad"], ["-c", "/nowhere/c.yaml"], ["--baseline", "/nowhere/b"], ["--update-baseline"], ["--ruleset", "1999.1"],
                                  ["--fail-over", "lots"], ["--require-label", "a:colour"], ["--explain", "nonsense"], ["--fix=unsafe"], ["--nonsense"]])
def test_wrong_command_lines(pare, args):
    r = pare("lint", *args, "-", stdin=CLEAN.encode(), status=2)
    assert r.out == "" and r.err.startswith("pare: ") and r.err.count("\n") == 1


# --- levels, lists, sets ---
def test_levels(pare):
    def level(*args):
        return {x["rule"]: x["level"] for x in pare("lint", "-f", "json", *args, "-", stdin=SUDO.encode(), status=None).json()}.get("run-sudo")
    assert level() == "error"
    assert level("--info", "run-sudo") == "info" and level("--style", "DL3004") == "style" and level("--warning", "hadolint/DL3004") == "warning"
    assert level("--style", "DL3004", "--error", "DL3004") == "error"  # the worst wins, as with hadolint
    assert level("--ignore", "DL3004") is None and level("--ignore", "run-sudo", "--error", "DL3004") is None


def test_a_rule_that_is_off_is_asked_for(pare):
    text = b"FROM debian:12-slim\n# hadolint ignore=DL3004\nRUN sudo true\nUSER 1000\n"
    assert "DL1001" not in codes(pare("lint", "-f", "json", "-", stdin=text, status=0))
    assert "DL1001" in codes(pare("lint", "-f", "json", "--info", "DL1001", "-", stdin=text, status=1))


def test_codes(pare):
    text = b"FROM debian:12 as build\nRUN cd /x && make\n"
    everything = codes(pare("lint", "-f", "json", "-", stdin=text, status=1))
    hadolint = pare("lint", "-f", "json", "--codes", "hadolint", "-", stdin=text, status=1)
    assert all(c.startswith(("DL", "SC")) for c in codes(hadolint)) and {x["column"] for x in hadolint.json()} == {1}
    assert codes(pare("lint", "-f", "json", "--codes", "buildkit", "-", stdin=text, status=1)) == ["FromAsCasing"]
    assert set(everything) >= {"FromAsCasing", "DL3003"}


def test_labels_and_registries(pare, cwd):
    text = b"FROM quay.io/a:1@sha256:" + b"0" * 64 + b"\nLABEL version=x other=y\nUSER 1000\n"
    args = ["-f", "json", "--codes", "hadolint", "--trusted-registry", "docker.io", "--require-label", "version:semver", "--require-label", "maintainer:email", "--strict-labels"]
    assert {"DL3026", "DL3056", "DL3049", "DL3050"} <= set(codes(pare("lint", *args, "-", stdin=text, status=1)))
    write(cwd, {".hadolint.yaml": "trustedRegistries: [docker.io]\nlabel-schema: {version: semver, maintainer: email}\nstrict-labels: true\n"})
    assert {"DL3026", "DL3056", "DL3049", "DL3050"} <= set(codes(pare("lint", "-f", "json", "--codes", "hadolint", "-", stdin=text, status=1)))


def test_dockerignore_beside_the_file_and_build_arguments(pare, cwd):
    write(cwd, {"x/Dockerfile": "FROM scratch\nCOPY secret.txt /\n", "x/.dockerignore": "*.txt\n"})
    args = ("lint", "-f", "json", "--codes", "buildkit")
    assert codes(pare(*args, "x/Dockerfile", status=1)) == ["CopyIgnoredFile"]
    write(cwd, {"x/Dockerfile.dockerignore": "nothing\n"})
    assert codes(pare(*args, "x/Dockerfile", status=0)) == []
    text = b"#check=skip=all\nFROM scratch as a\ncopy a /\n"
    assert codes(pare(*args, "-", stdin=text, status=0)) == []
    assert codes(pare(*args, "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=FromAsCasing;error=true", "-t", "error", "-", stdin=text, status=1)) == ["ConsistentInstructionCasing"]


# --- configuration ---
def test_configuration_is_searched_as_hadolint_does(pare, cwd):
    home = pare.root / "home"
    places = [(cwd, ".pare.yaml"), (cwd, ".hadolint.yaml"), (cwd, ".hadolint.yml"), (home, ".config/pare.yaml"), (home, ".config/hadolint.yaml"), (home, ".hadolint/hadolint.yaml"), (home, ".hadolint/config.yml"),
              (home, ".hadolint.yaml")]
    for root, name in reversed(places):
        write(root, {name: "ignored: [DL4000]\n"})
        r = pare("lint", "-V", "-", stdin=MAINTAINER.encode(), status=0)
        assert name in r.err
        write(root, {name: "failure-threshold: error\n"})  # the first of them alone counts
        assert name in pare("lint", "-V", "-", stdin=MAINTAINER.encode(), status=1).err
    write(pare.root, {"xdg/hadolint.yaml": "ignored: [DL4000]\n"})
    for _, name in places[:3]:
        (cwd / name).unlink()
    pare("lint", "-", stdin=MAINTAINER.encode(), status=0, env={"XDG_CONFIG_HOME": pare.root / "xdg"})
    pare("lint", "-c", "/dev/null", "-", stdin=MAINTAINER.encode(), status=1, env={"XDG_CONFIG_HOME": pare.root / "xdg"})


def test_environment_and_precedence(pare, cwd):
    write(cwd, {".hadolint.yaml": "override: {info: [DL4000]}\nformat: gnu\nfailure-threshold: error\n"})
    text = MAINTAINER.encode()
    assert pare("lint", "-", stdin=text, status=0).out.startswith("hadolint:-:2:")
    assert pare("lint", "-", stdin=text, status=1, env={"HADOLINT_FORMAT": "json", "HADOLINT_FAILURE_THRESHOLD": "info"}).json()[0]["level"] == "info"
    assert pare("lint", "-f", "json", "-", stdin=text, status=0, env={"HADOLINT_IGNORE": "DL3000,DL4000"}).json() == []
    assert pare("lint", "-f", "json", "-t", "error", "-", stdin=text, status=1, env={"HADOLINT_OVERRIDE_ERROR": "DL4000"}).json()[0]["level"] == "error"
    pare("lint", "-t", "info", "-", stdin=text, status=0, env={"HADOLINT_NOFAIL": "yes"})


@pytest.mark.parametrize("text", ["ignored: {a: b}\n", "failure-threshold: high\n", "a: [\n", "no-fail: maybe\n"])
def test_a_wrong_configuration_file(pare, cwd, text):
    write(cwd, {".hadolint.yaml": text})
    r = pare("lint", "-", stdin=CLEAN.encode(), status=2)
    assert ".hadolint.yaml: line " in r.err and r.out == ""


def test_a_misspelt_rule_in_the_configuration_is_said(pare, cwd):
    write(cwd, {".pare.yaml": "ignored: [DL9999, SC2999, apt-list-kept]\n"})
    r = pare("lint", "-", stdin=CLEAN.encode())
    assert "apt-list-kept" in r.err and "DL9999" not in r.err


# --- comments ---
IGNORED = [
    "FROM debian:12-slim\n# hadolint ignore=DL3004 # why\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# hadolint ignore=DL3004\n# and another\nRUN sudo true\nUSER 1000\n",
    "# hadolint global ignore=DL3004\nFROM debian:12-slim\n\nRUN sudo true\nUSER 1000\n",
    "# hadolint stage ignore=DL3004\nFROM debian:12-slim\nRUN true\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# pare ignore=run-sudo reason=x\n\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\nRUN true && \\\n  # pare ignore=run-sudo\n  sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# pare ignore=all until=9999-12-31\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# tally ignore=hadolint/DL3004;reason=x\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\nRUN true\n# tally global ignore=all\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n#trivy:ignore:DS010\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# kics-scan ignore-block\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\nRUN sudo true\nUSER 1000\n# checkov:skip=CKV2_DOCKER_1: why\n",
]
NOT_IGNORED = [
    "FROM debian:12-slim\n# hadolint ignore=DL3004\n\nRUN sudo true\nUSER 1000\n",  # nothing may be between
    "FROM debian:12-slim\n# hadolint ignore=DL3004\nRUN true\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim AS a\n# pare stage ignore=DL3004\nRUN true\nFROM a\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# pare ignore=run-sudo until=2020-01-01\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# kics-scan ignore-line\nRUN true\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\n# hadolint ignore=DL3003\nRUN sudo true\nUSER 1000\n",
    "FROM debian:12-slim\nRUN echo '# hadolint ignore=DL3004' && sudo true\nUSER 1000\n",
]


@pytest.mark.parametrize("text", IGNORED)
def test_comments_that_ignore(pare, text):
    assert "DL3004" not in codes(pare("lint", "-f", "json", "-", stdin=text.encode(), status=None))
    for option in ("--no-ignore", "--disable-ignore-pragma"):
        assert "DL3004" in codes(pare("lint", "-f", "json", option, "-", stdin=text.encode(), status=1))


@pytest.mark.parametrize("text", NOT_IGNORED)
def test_comments_that_dont(pare, text):
    assert "DL3004" in codes(pare("lint", "-f", "json", "-", stdin=text.encode(), status=1))


def test_comments_as_hadolint_reads_them(pare):
    def lines(text):
        return [x["line"] for x in pare("lint", "-f", "json", "--codes", "hadolint", "-", stdin=text.encode(), status=None).json() if x["code"] == "DL3004"]
    assert lines("FROM a:1\n# hadolint ignore=DL3004\nRUN sudo x\n") == []
    assert lines("FROM a:1\n# hadolint ignore=DL3004,run-sudo\nRUN sudo x\n") == [3]  # no name of ours is in its alphabet
    assert lines("FROM a:1\n# pare ignore=DL3004\nRUN sudo x\n") == [3]
    assert lines("FROM a:1\n# hadolint ignore=DL3004\n# more\nRUN sudo x\n") == [4]
    # of a stage: from the second line below it to the next FROM
    assert lines("# hadolint stage ignore=DL3004\nFROM a:1\nRUN sudo x\nFROM b:1\nRUN sudo x\n") == [5]
    assert lines("FROM a:1\n# hadolint stage ignore=DL3004\nRUN sudo x\nRUN sudo y\n") == [3]


def test_what_comments_say_of_themselves(pare):
    text = "FROM debian:12-slim\n# pare ignore=DL3004,DL3003\nRUN sudo true\n# pare ignore=no-such\n# hadolint ignore=DL9999,SC9999\nRUN true\n# pare ignore=DL3004 until=2020-01-31\nRUN sudo x\nUSER 1000\n"
    found = [(x["rule"], x["line"], x["level"]) for x in pare("lint", "-f", "json", "-", stdin=text.encode(), status=1).json()]
    assert ("ignore-unused", 2, "style") in found and ("ignore-unknown", 4, "style") in found and ("ignore-expired", 7, "info") in found
    assert len([r for r in found if r[0].startswith("ignore-")]) == 3
    # they can be ignored too, and what is switched off elsewhere is no mistake of a comment
    r = pare("lint", "-f", "json", "--ignore", "DL3003", "-", stdin=("# pare global ignore=ignore-unknown,ignore-expired\n" + text).encode(), status=1)
    assert [x for x in r.json() if x["rule"].startswith("ignore-")] == []


# --- baseline ---
def test_baseline(pare, cwd):
    write(cwd, {"Dockerfile": SUDO, "b/Dockerfile": MAINTAINER})
    r = pare("lint", "--baseline", "known.json", "--update-baseline")
    assert r.out == ""
    known = json.loads((cwd / "known.json").read_text())
    check(known, "lint-baseline")
    assert [(f["file"], f["rule"]) for f in known["findings"]] == sorted((f["file"], f["rule"]) for f in known["findings"])
    r = pare("lint", "-f", "json", "--baseline", "known.json")
    assert r.json() == [] and "not shown" in r.err
    # moved lines and white space change nothing; a second one of the kind is new
    write(cwd, {"Dockerfile": SUDO.replace("RUN sudo true", "\n# moved\n\nRUN   sudo \\\n   true")})
    assert pare("lint", "-f", "json", "--baseline", "known.json").json() == []
    write(cwd, {"Dockerfile": SUDO.replace("RUN sudo true", "RUN sudo true\nRUN sudo true")})
    r = pare("lint", "-f", "json", "--baseline", "known.json", status=1)
    assert [x["line"] for x in r.json() if x["code"] == "DL3004"] == [3]
    write(cwd, {"Dockerfile": CLEAN})
    assert "gone" in pare("lint", "--baseline", "known.json").err
    first = (cwd / "known.json").read_bytes()
    pare("lint", "--baseline", "known.json", "--update-baseline")
    assert (cwd / "known.json").read_bytes() != first


# --- fixes ---
def test_fix_in_place_keeps_the_file_what_it_was(pare, cwd):
    write(cwd, {"Dockerfile": "\ufeff# top\r\nFROM debian:12-slim as x\r\nMAINTAINER me\r\nUSER 1000", "bad.Dockerfile": "FROM debian:12-slim as x\nNONSENSE\n"})
    (cwd / "Dockerfile").chmod(0o640)
    (cwd / "link.Dockerfile").symlink_to("Dockerfile")
    bad = (cwd / "bad.Dockerfile").read_bytes()
    r = pare("lint", "-f", "json", "--fix", status=3)
    text = (cwd / "Dockerfile").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf# top\r\nFROM debian:12-slim AS x\r\n") and b"\r\n" in text and not text.endswith(b"\n") and text.count(b"\r\n") == text.count(b"\n")
    assert stat.S_IMODE((cwd / "Dockerfile").stat().st_mode) == 0o640
    assert (cwd / "link.Dockerfile").is_symlink() and (cwd / "bad.Dockerfile").read_bytes() == bad
    assert "FromAsCasing" not in [x["code"] for x in r.json() if x["file"] == "Dockerfile"]
    assert sorted(os.listdir(cwd)) == ["Dockerfile", "bad.Dockerfile", "link.Dockerfile"]
    before = text
    pare("lint", "--fix", "Dockerfile", status=None)
    assert (cwd / "Dockerfile").read_bytes() == before


def test_diff_writes_nothing_and_is_a_gate(pare, cwd):
    write(cwd, {"Dockerfile": "FROM debian:12-slim as x\nUSER 1000\n"})
    before = (cwd / "Dockerfile").read_bytes()
    r = pare("lint", "--diff", "Dockerfile", status=1)
    assert r.out.startswith("--- a/Dockerfile\n+++ b/Dockerfile\n@@ ") and "+FROM debian:12-slim AS x\n" in r.out
    assert (cwd / "Dockerfile").read_bytes() == before
    p = subprocess.run(["patch", "-p1"], input=r.out_bytes, cwd=cwd, capture_output=True)
    assert p.returncode == 0, p
    assert pare("lint", "--diff", "Dockerfile", status=0).out == ""


def test_fix_of_standard_input_is_printed(pare):
    assert pare("lint", "--fix", "-", stdin=b"FROM debian:12-slim as x\nUSER 1000\n", status=None).out == "FROM debian:12-slim AS x\nUSER 1000\n"
    assert pare("lint", "--fix", "-", stdin=b"FROM debian:12-slim as x\nNONSENSE\n", status=3).out == "FROM debian:12-slim as x\nNONSENSE\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_written(pare, cwd):
    write(cwd, {"d/Dockerfile": "FROM debian:12-slim as x\nUSER 1000\n", "Dockerfile": "FROM debian:12-slim as x\nUSER 1000\n"})
    (cwd / "d").chmod(0o555)
    try:
        r = pare("lint", "--fix", "d/Dockerfile", "Dockerfile", status=4)
    finally:
        (cwd / "d").chmod(0o755)
    assert "d/Dockerfile" in r.err and b"AS x" in (cwd / "Dockerfile").read_bytes()


# --- what it says ---
def test_the_table(pare, cwd):
    write(cwd, {"Dockerfile": SUDO, "evil\x1b[31m.Dockerfile": "FROM debian:12-slim\nLABEL \x1b[31m\u202e=x\nNONSENSE\x07 \x1b]0;x\n"})
    r = pare("lint", status=3)
    lines = r.out.split("\n")
    assert lines[0].startswith("Dockerfile:2  error  ") and "DL3004" in lines[0]
    assert "1 does not parse" in r.out and "in 2 of 2 files" in r.out
    assert "\u202e" not in r.out
    assert pare("lint", "-", stdin=CLEAN.encode()).out == "1 file, no findings\n"


def test_explain_and_list(pare):
    text = pare("lint", "--explain", "DL3004").out
    assert text.startswith("run-sudo  DL3004\n") and "\n  Bad\n    FROM" in text and "\n  Good\n" in text and "CKV2_DOCKER_1" in text
    assert pare("lint", "--explain", "run-sudo").out == text
    rules = pare("lint", "--list-rules", "-f", "json").json()
    table = pare("lint", "--list-rules").out
    assert table.endswith("\n%d rules\n" % len(rules)) and all("  %s " % r["rule"] in table for r in rules)
    assert pare("lint", "--version").out.startswith("pare ")


def test_the_pages_of_the_rules_are_current(pare_binary):
    p = subprocess.run([os.path.join(TOP, "tools", "rule-pages"), "--check", pare_binary], capture_output=True, text=True)
    assert p.returncode == 0, "run tools/rule-pages:\n" + p.stdout + p.stderr


# --- hostile input ---
@pytest.mark.parametrize("text", [
    b"FROM a\nRUN " + b"a && " * 200000 + b"b\n",
    b"FROM a\nENV x=" + b"${" * 300000 + b"\n",
    b"FROM a\nRUN " + b"(" * 500000 + b"\n",
    b"FROM a\nRUN x \\\n" * 1 + b" \\\n" * 400000,
    b"FROM a\n" + b"# pare ignore=DL3004,DL3003\n" * 60000 + b"RUN x\n",
    b"FROM a\n" + b"# trivy:ignore:DS002 " * 50000 + b"\nRUN x\n",
    b"FROM a\nRUN <<" + b"A <<" * 100000 + b"A\n",
    b"\x00" * 1000000,
    b"FROM a\nRUN [" + b'"a",' * 250000 + b'"a"]\n',
    b"FROM a\n" + b"# hadolint stage ignore=DL3004\nRUN sudo x\n" * 20000,
], ids=["lists", "expansions", "parentheses", "continuations", "ignores", "ignores-in-one", "heredocs", "zeros", "json", "stages"])
def test_large_and_hostile(pare, text):
    pare("lint", "-f", "json", "-", stdin=text, status=None, timeout=60)
