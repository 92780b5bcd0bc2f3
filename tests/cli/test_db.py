"""pare db: which of two versions is later."""
import subprocess

import pytest
from conftest import binary

SCHEMES = "dpkg apk rpm semver npm pep440 gem maven go nuget composer".split()


def db(*args, status=0, data=b""):
    p = subprocess.run([binary(), "db", *args], input=data, capture_output=True, timeout=60)
    assert p.returncode == status, (args, p.returncode, p.stderr)
    return p.stdout.decode() if status in (0, 3) else p.stderr.decode()


# --- compare ---

@pytest.mark.parametrize("scheme", SCHEMES)
def test_compare(scheme):
    lines = b"1.0.0\t1.0.1\n1.0.1\t1.0.0\n1.0.1\t1.0.1\nno tab\n1\t2\t3\n1.9.0\t1.10.0"
    assert db("compare", scheme, data=lines).split("\n") == ["-1", "1", "0", "error", "error", "-1", ""]


def test_compare_says_error_for_what_is_no_version():
    assert db("compare", "dpkg", data=b"a:1\t1\n\t\n") == "error\nerror\n"
    assert db("compare", "semver", data=b"1.0.0\t" + b"1" * 100000 + b"\n1.0.0\t2.0.0\n") == "error\n-1\n"
    assert db("compare", "semver", data=b"") == ""


def test_compare_over_many_reads():
    n = 30000
    assert db("compare", "rpm", data=b"1:1.0-1.el8\t1.1-1.el8\n" * n) == "1\n" * n


def test_compare_refuses_what_it_does_not_know():
    text = db("compare", "debian", status=2)
    assert all(s in text for s in SCHEMES) and text.count("\n") == 1
    assert "usage: pare db compare SCHEME" in db("compare", status=2)
    assert "too many operands" in db("compare", "a", "b", status=2)


def test_subcommands():
    assert "no such subcommand" in db("frobnicate", status=2)
    assert "an operand is missing" in db(status=2)
    for word in ("compare SCHEME", "Subcommands:"):
        assert word in db("--help")
