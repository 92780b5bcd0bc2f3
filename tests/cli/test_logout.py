"""pare logout: what was kept is forgotten, in every file."""
import json

import pytest


def keep(pare, where, *hosts, **more):
    f = pare.root.joinpath("home", where)
    f.parent.mkdir(parents=True, exist_ok=True)
    f.write_text(json.dumps({"auths": {h: {"auth": "bWU6cHc="} for h in hosts}, **more}))
    return f


def test_every_file(pare):
    one, other = keep(pare, ".docker/config.json", "h.example", "i.example", x=1), keep(pare, ".config/containers/auth.json", "h.example")
    assert pare("login", "--get-login", "h.example").out == "me\n"
    assert "forgotten" in pare("logout", "h.example").out
    assert list(json.loads(one.read_text())["auths"]) == ["i.example"] and json.loads(one.read_text())["x"] == 1 and json.loads(other.read_text())["auths"] == {}
    before = one.read_bytes()
    assert "no login" in pare("logout", "other.example").out and one.read_bytes() == before
    assert pare("--quiet", "logout", "--all").out == "" and json.loads(one.read_text()) == {"auths": {}, "x": 1}


def test_docker_hub(pare):
    f = keep(pare, ".docker/config.json", "https://index.docker.io/v1/")
    assert pare("login", "--get-login").out == "me\n"
    pare("logout")
    assert json.loads(f.read_text())["auths"] == {}


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_damaged_files_stay(pare, text):
    f = keep(pare, ".docker/config.json")
    f.write_text(text)
    assert pare("logout", "--all", status=2).err.count("\n") == 1 and f.read_text() == text
    pare("logout", "h.example", "--all", status=2)


@pytest.mark.parametrize("key", ["https://h.example", "http://h.example/", "https://h.example/v1/", "h.example/v2/"])
def test_other_spellings(pare, key):
    """As older docker wrote them: what is found by a login is taken away by a logout."""
    f = keep(pare, ".docker/config.json", key, "h.example.org", "h.example/team")
    assert pare("login", "--get-login", "h.example").out == "me\n"
    assert "forgotten" in pare("logout", "h.example").out
    assert list(json.loads(f.read_text())["auths"]) == ["h.example.org", "h.example/team"]
    pare("login", "--get-login", "h.example", status=4)
