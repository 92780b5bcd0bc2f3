"""pare login: what is checked, what is kept where, and helpers that keep passwords elsewhere."""
import base64
import json
import os
import pty
import stat
import subprocess
import termios

import pytest
from registrylib import Registry
from test_registry import image, login, password_file


def test_login(pare, tmp_path):
    with Registry(auth=("me", "secret")) as r:
        name = "docker://%s/a/b:1" % r.host
        e = pare("tags", name, status=4).err
        assert "pare login %s" % r.host in e and e.count("\n") == 1
        e = login(pare, r, password="wrong", status=4).err
        assert "401" in e and "wrong" not in e and "that were given" in e and "pare login" not in e  # which is what he did
        assert not password_file(pare, ".config").exists()
        login(pare, r)
        f = password_file(pare, ".config", "containers", "auth.json")
        assert json.loads(f.read_text()) == {"auths": {r.host: {"auth": base64.b64encode(b"me:secret").decode()}}} and stat.S_IMODE(f.stat().st_mode) == 0o600
        assert pare("login", "--get-login", r.host).out == "me\n"
        pare("copy", image(tmp_path), name)
        assert "forgotten" in pare("logout", r.host).out and json.loads(f.read_text()) == {"auths": {}}
        assert "no login" in pare("logout", r.host).out
        pare("login", "--get-login", r.host, status=4)
        pare("tags", name, status=4)
        assert pare("tags", "--creds", "me:secret", name).out == "1\n"
        e = pare("tags", "--creds", "me:hidden", name, status=4).err
        assert "hidden" not in e and base64.b64encode(b"me:hidden").decode() not in e


def test_login_keeps_what_else_is_there(pare):
    f = password_file(pare, ".docker", "config.json")
    f.parent.mkdir()
    f.write_text(json.dumps({"HttpHeaders": {"a": "b"}, "auths": {"other.example": {"auth": "eDp5"}}, "detachKeys": "ctrl-a"}))
    with Registry(auth=("me", "secret")) as r:
        assert "config.json" in login(pare, r).out
        doc = json.loads(f.read_text())
        assert doc["HttpHeaders"] == {"a": "b"} and doc["auths"]["other.example"] == {"auth": "eDp5"} and r.host in doc["auths"]
        assert pare("logout", "--all").out.startswith("2 ") and json.loads(f.read_text())["auths"] == {}
        named = pare.root / "named.json"
        login(pare, r, env={"REGISTRY_AUTH_FILE": named})
        assert r.host in json.loads(named.read_text())["auths"] and json.loads(f.read_text())["auths"] == {}
        f.write_text("{")
        assert "config.json" in login(pare, r, status=2).err and f.read_text() == "{"


def test_an_older_login_does_not_come_first(pare):
    """Under another spelling of the same registry."""
    with Registry(auth=("me", "secret")) as r:
        f = password_file(pare, ".docker", "config.json")
        f.parent.mkdir()
        f.write_text(json.dumps({"auths": {"http://%s/v1/" % r.host: {"auth": "eDp5"}, "other.example": {"auth": "eDp5"}}}))
        login(pare, r)
        assert list(json.loads(f.read_text())["auths"]) == ["other.example", r.host]
        assert pare("login", "--get-login", r.host).out == "me\n"


@pytest.mark.parametrize("keys, status", [("secret\n", 0), ("secr\x03", 4), ("wrong\n", 4)])
def test_on_a_terminal(pare, keys, status):
    """What is typed is not shown, and the terminal is afterwards what it was."""
    with Registry(auth=("me", "secret")) as r:
        ours, theirs = pty.openpty()
        before = termios.tcgetattr(theirs)
        env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "PARE_STORE": str(pare.store)}
        p = subprocess.Popen([pare.binary, "login", r.host, "-u", "me"], stdin=theirs, stderr=theirs, stdout=subprocess.PIPE, env=env)
        seen = b""
        while b"Password: " not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, keys.encode())
        assert p.wait(60) == status and termios.tcgetattr(theirs) == before
        os.write(theirs, b"end")
        while b"end" not in seen:
            seen += os.read(ours, 1000)
        out = p.stdout.read()
        p.stdout.close()
        os.close(ours)
        os.close(theirs)
        assert b"secr" not in seen.replace(b"Password", b"") and b"wrong" not in seen
        assert (b"interrupted" in seen) == ("\x03" in keys) and (b"logged in" in out) == (status == 0)


@pytest.mark.parametrize("args", [["a/b"], ["x"], ["https://x.example"], [""], ["x.example", "-u", "a:b", "--password-stdin"], ["x.example"], ["x.example", "-u", "a"]])
def test_login_refuses(pare, args):
    assert pare("login", *args, stdin=b"p\n", status=2).err.count("\n") == 1


HELPER = """#!/bin/sh
read -r line
echo "$1 $line" >>"$HOME/asked"
case $1 in
get) [ -f "$HOME/kept" ] && cat "$HOME/kept" || { echo "credentials not found in native keychain"; exit 1; } ;;
store) echo "$line" >"$HOME/kept" ;;
erase) rm -f "$HOME/kept" ;;
esac
"""


def helper(pare, text=HELPER, **conf):
    d = pare.root / "bin"
    d.mkdir(exist_ok=True)
    (d / "docker-credential-test").write_text(text)
    (d / "docker-credential-test").chmod(0o755)
    password_file(pare, ".docker").mkdir(exist_ok=True)
    password_file(pare, ".docker", "config.json").write_text(json.dumps(conf or {"credsStore": "test"}))
    return {"PATH": "%s:%s" % (d, os.environ["PATH"])}


def test_credential_helper(pare):
    with Registry(auth=("me", "secret")) as r:
        name = "docker://%s/a/b:1" % r.host
        env = helper(pare, credHelpers={r.host: "test"})
        assert "docker-credential-test" in pare("tags", name, status=4, env=env).err
        assert "docker-credential-test" in login(pare, r, env=env).out
        assert json.loads(password_file(pare, "kept").read_text()) == {"ServerURL": r.host, "Username": "me", "Secret": "secret"}
        assert "secret" not in password_file(pare, ".docker", "config.json").read_text()
        assert "404" in pare("tags", name, status=4, env=env).err or "no such repository" in pare("tags", name, status=4, env=env).err
        assert pare("login", "--get-login", r.host, env=env).out == "me\n"
        pare("logout", r.host, env=env)
        assert not password_file(pare, "kept").exists() and "erase %s" % r.host in password_file(pare, "asked").read_text()


def test_helpers_are_named_for_docker_hub(pare):
    env = helper(pare, credHelpers={"https://index.docker.io/v1/": "test"})
    password_file(pare, "kept").write_text('{"Username":"me","Secret":"x"}')
    assert pare("login", "--get-login", env=env).out == "me\n" and password_file(pare, "asked").read_text() == "get https://index.docker.io/v1/\n"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 3\n", "#!/bin/sh\nyes\n", "#!/bin/sh\necho '{'\n", "#!/bin/sh\necho '[]'\n", "#!/bin/sh\nexec 0<&-\necho '{\"Username\":1,\"Secret\":{}}'\n", "no program"])
def test_helpers_that_do_not_help(pare, text):
    with Registry(auth=("me", "secret")) as r:
        e = pare("tags", "docker://%s/a/b:1" % r.host, status=4, env=helper(pare, text)).err
        assert "docker-credential-test" in e and e.count("\n") == 1


def test_names_of_helpers_are_no_paths(pare):
    bad = pare.root / "home" / "x"
    with Registry(auth=("me", "secret")) as r:
        for name in ("../x", "a;touch %s" % bad, "a b", ""):
            env = helper(pare, credsStore=name)
            pare("tags", "docker://%s/a/b:1" % r.host, status=4, env=env)
        assert not bad.exists()


LONG = "x" * 40


@pytest.mark.parametrize("says, shown", [("echo '{\"Secret\":\"pa55word\"}'", ""), ("echo oops pa55word", ""), ("echo no pa55word for you >&2", ""), ("cat >&2", ""), ("echo '{' >&2", ""),
                                         ("echo %s >&2" % LONG, ""), ("printf 'the safe is \\033[1mlocked\\nthe second line\\n' >&2", ": the safe is "), ("yes '{' >&2 & kill -9 $$", "")])
def test_helpers_that_fail_are_not_quoted(pare, says, shown):
    """Nothing of their standard output, and of their standard error the first line when no secret can be in it."""
    with Registry(auth=("me", "pa55word")) as r:
        e = login(pare, r, env=helper(pare, "#!/bin/sh\n%s\nexit 7\n" % says), status=4).err
        assert e.count("\n") == 1 and "pa55word" not in e and LONG not in e and "Secret" not in e and "second" not in e
        end = "docker-credential-test store: it ended with " + ("signal 9" if "kill" in says else "status 7")
        assert end in e and (end + shown in e if shown else e.rstrip().endswith(end))
