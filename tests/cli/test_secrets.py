"""pare scan --kinds secret: secrets of every layer, of environment, labels, history and build arguments; what is recoverable; rules of the user's. Look-alikes are made here, none is written down."""
import json
import random
import string

import pytest

from imagelib import Dir, File, Image, Whiteout, layer


def made(prefix, n, chars=string.ascii_letters + string.digits, seed=1):
    r = random.Random("%s %d" % (prefix, seed))
    return "".join(prefix.split()) + "".join(r.choice(chars) for _ in range(n))


HEX = "0123456789abcdef"
DO = made("dop _v1_", 64, HEX)
DO2 = made("dop _v1_", 64, HEX, 2)
DO3 = made("dop _v1_", 64, HEX, 3)
NPM = made("np m_", 36)
GL = made("gl pat-", 20)


@pytest.fixture
def secrets(pare, tmp_path):
    def run(image, *args, **kw):
        path = tmp_path / "image.tar"
        image.docker_archive(path)
        r = pare("scan", "--kinds", "secret", "--format", "json", *args, path, **kw)
        for token in (DO, DO2, DO3, NPM, GL):
            assert token not in r.out and token[-20:] not in r.out and token not in r.err
        return r.json()["findings"]
    return run


def test_files_of_every_layer(secrets):
    one = layer(Dir("srv"), File("srv/a.env", "X=1\nTOKEN=%s\n" % DO), File("srv/b.env", "TOKEN=%s\n" % DO2), File("srv/c.env", "TOKEN=%s\n" % DO3))
    two = layer(Whiteout("srv/b.env"), File("srv/c.env", "TOKEN=none\n"))
    found = {f["path"]: f for f in secrets(Image([one, two], history=["COPY . /srv", "RUN rm /srv/b.env"]))}
    assert {p: f["presence"] for p, f in found.items()} == {"/srv/a.env": "live", "/srv/b.env": "deleted", "/srv/c.env": "shadowed"}
    assert all(f["id"] == "digitalocean-pat" and f["kind"] == "secret" and f["layer"] == 0 for f in found.values())
    assert found["/srv/a.env"]["line"] == 2 and found["/srv/a.env"]["match"].startswith("dop_")
    assert "--mount=type=secret" in found["/srv/a.env"]["remedy"] and "still readable in layer 0" in found["/srv/b.env"]["remedy"]


def test_the_same_content_again_is_told_once(secrets):
    one = layer(File("a.env", "TOKEN=%s\n" % DO))
    assert [(f["layer"], f["presence"]) for f in secrets(Image([one, layer(File("a.env", "TOKEN=%s\n" % DO, mode=0o600))]))] == [(1, "live")]


def test_configuration(secrets):
    config = {"Env": ["PATH=/bin", "TOKEN=" + NPM, "DB_PASSWORD=hunter17", "EMPTY_TOKEN=", "REF_PASSWORD=$OTHER"], "Labels": {"a": "x " + GL, "b": "nothing"}, "Cmd": ["app", "--token", DO2]}
    history = ["|1 BUILD_TOKEN=%s /bin/sh -c make" % DO, "ENV TOKEN=" + NPM, "RUN curl -H 'X-Key: 1' https://deploy:%s@git.test/x" % made("q W", 14)]
    got = sorted((f["path"], f["id"]) for f in secrets(Image([layer(File("a", "x"))] * 3, config=config, history=history)))
    assert got == [("ARG BUILD_TOKEN", "digitalocean-pat"), ("CMD", "digitalocean-pat"), ("ENV DB_PASSWORD", "secret-env"), ("ENV TOKEN", "npm-access-token"), ("history 2", "url-password"), ("label a", "gitlab-pat")]


def test_own_rules(secrets, pare, tmp_path):
    rules = tmp_path / "rules.toml"
    rules.write_text("[extend]\nuseDefault = true\ndisabledRules = ['npm-access-token']\n[[rules]]\nid = 'acme'\ndescription = \"Acme's token\"\nregex = '''acme-[0-9]{6}'''\nkeywords = ['acme']\n")
    image = Image([layer(File("a.txt", "acme-123456 %s\n" % NPM), File("b.env", "X=" + DO))])
    assert sorted(f["id"] for f in secrets(image, "--secret-rules", rules)) == ["acme", "digitalocean-pat"]
    assert sorted(f["id"] for f in secrets(image)) == ["digitalocean-pat", "npm-access-token"]  # nothing of the other run was kept
    rules.write_text("[[rules]]\nid = 'x'\nregex = '('\n")
    r = pare("scan", "--kinds", "secret", "--secret-rules", rules, tmp_path / "image.tar", status=2)
    assert "x: regex" in r.err


def test_silence(secrets):
    files = [File("srv/README.md", "password = \"q8W3e4R5t6Z7\"\n"), File("usr/share/doc/x/example", "TOKEN=%s\n" % DO), File("srv/node_modules/a/test/key.js", "x = '%s'" % DO), File("srv/app.conf", "password = ${PASSWORD}\napi_key = xxxxxxxxxxxxxxxxxxxxxxxx\n")]
    assert secrets(Image([layer(*files)])) == []
