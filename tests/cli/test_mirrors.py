"""registries.conf: which mirror answers, who is blocked, what a short name means. Each place has another image under the same tag, so that the digest tells who was asked; skopeo
reads the same file and has to come to the same place."""
import hashlib
import random
import shutil
import subprocess

import pytest

from imagelib import File, Image, layer
from netlib import Registry as Fake, answer, cut, serving
from registrylib import Registry

DOWN = "127.0.0.1:1"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Three registries, each with an image of its own as hub/b:1, and one that all have as hub/all:1."""
    with Registry() as a, Registry() as b, Registry() as c:
        yield {"A": a, "B": b, "C": c}


@pytest.fixture
def held(pare, places, tmp_path):
    """{letter: digest of its hub/b:1, "all": that of hub/all:1}"""
    out = {}
    for letter, r in places.items():
        mine = Image([layer(File(letter, letter.encode()))]).oci(tmp_path / ("l" + letter))
        every = Image([layer(File("all", b"the same"))]).oci(tmp_path / ("all" + letter))
        for path in ("hub/b", "library/app"):
            out[letter] = pare("copy", "-q", mine, "docker://%s/%s:1" % (r.host, path)).out.strip()
        out["all"] = pare("copy", "-q", every, "docker://%s/hub/all:1" % r.host).out.strip()
    return out


def conf(pare, text, places):
    for letter, r in places.items():
        text = text.replace("$" + letter, r.host)
    (pare.root / "registries.conf").write_text(text.replace("$DOWN", DOWN))
    return {"CONTAINERS_REGISTRIES_CONF": pare.root / "registries.conf"}


def skopeo(name, env):
    """The digest that skopeo finds; None without it, or when it fails."""
    if not shutil.which("skopeo"):
        return None
    r = subprocess.run(["skopeo", "--registries-conf", str(env["CONTAINERS_REGISTRIES_CONF"]), "inspect", "--raw", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
    return "sha256:" + hashlib.sha256(r.stdout).hexdigest() if r.returncode == 0 else "none"


def asked(pare, env, held, name, want):
    out = pare.root / "out"
    shutil.rmtree(out, ignore_errors=True)
    r = pare("copy", "-q", "--attempts", "1", name, "oci:%s" % out, env=env, status=0 if want else 4)
    letters = [k for k, v in held.items() if v == r.out.strip()]
    assert letters == ([want] if want else []), r
    assert skopeo(name, env) in (held.get(want, "none"), None)


def registry(mirrors, location="$C/hub", more=""):
    """example.org/team with its mirrors: (host, more lines)."""
    text = '[[registry]]\nprefix = "example.org/team"\nlocation = "%s"\ninsecure = true\n%s' % (location, more)
    for host, lines in mirrors:
        text += '[[registry.mirror]]\nlocation = "%s/hub"\ninsecure = true\n%s' % (host, lines)
    return text


NAME = "docker://example.org/team/b:1"
ORDER = [([("$A", ""), ("$B", "")], "$C/hub", "A"), ([("$B", ""), ("$A", "")], "$C/hub", "B"), ([("$DOWN", ""), ("$B", "")], "$C/hub", "B"), ([("$DOWN", ""), ("$DOWN", "")], "$C/hub", "C"),
         ([("$A/none", ""), ("$B", "")], "$C/hub", "B"), ([("$DOWN", ""), ("$A", "")], DOWN + "/hub", "A"), ([("$DOWN", "")], DOWN + "/hub", None)]


@pytest.mark.parametrize("mirrors, location, want", ORDER)
def test_order(pare, places, held, mirrors, location, want):
    asked(pare, conf(pare, registry(mirrors, location), places), held, NAME, want)


TAG, DIGEST = 'pull-from-mirror = "tag-only"\n', 'pull-from-mirror = "digest-only"\n'


@pytest.mark.parametrize("lines, more, by_tag, by_digest", [("", "", "A", "all"), (TAG, "", "A", None), (DIGEST, "", "C", "all"), ('pull-from-mirror = "all"\n', "", "A", "all"),
                                                            ("", "mirror-by-digest-only = true\n", "C", "all")])
def test_what_a_mirror_is_for(pare, places, held, lines, more, by_tag, by_digest):
    asked(pare, conf(pare, registry([("$A", lines)], "$C/hub", more), places), held, NAME, by_tag)
    asked(pare, conf(pare, registry([("$A", lines)], DOWN + "/hub", more), places), held, "docker://example.org/team/all@" + held["all"], by_digest)


def test_a_mirror_for_tags_has_all_of_the_image(pare, places, held):
    """Its layers, too, which are asked for by their digests: the registry itself is down."""
    asked(pare, conf(pare, registry([("$A", TAG)], DOWN + "/hub"), places), held, NAME, "A")


@pytest.mark.parametrize("insecure", [True, False])
def test_insecure(pare, places, held, tmp_path, insecure):
    """A mirror whose authority nobody knows."""
    with Registry(tls=True) as r:
        pare("copy", "-q", "--tls-verify=false", Image([layer(File("A", b"A"))]).oci(tmp_path / "l"), "docker://%s/hub/b:1" % r.host)
        text = registry([(r.host, "")]).replace("/hub\"\ninsecure = true\n", "/hub\"\ninsecure = %s\n" % str(insecure).lower()).replace("$C/hub\"\ninsecure = false", "$C/hub\"\ninsecure = true")
        asked(pare, conf(pare, text, places), held, NAME, "A" if insecure else "C")


@pytest.mark.parametrize("prefix, name, want", [("*.wild.example", "a.wild.example/hub/b:1", "A"), ("*.wild.example", "b.a.wild.example/hub/b:1", "A"), ("*.wild.example", "wild.example/hub/b:1", None),
                                                ("*.example", "a.wild.example/hub/b:1", "A")])
def test_wildcards(pare, places, held, prefix, name, want):
    env = conf(pare, '[[registry]]\nprefix = "%s"\nlocation = "$A"\ninsecure = true\n[[registry]]\nprefix = "wild.example"\nlocation = "$DOWN"\n' % prefix, places)
    asked(pare, env, held, "docker://" + name, want)


@pytest.mark.parametrize("table", ['prefix = "blocked.example"', 'prefix = "blocked.example/hub"', 'prefix = "blocked.example/hub/b"', 'prefix = "*.example"', 'location = "blocked.example"'])
def test_blocked(pare, places, held, tmp_path, table):
    env = conf(pare, '[[registry]]\n%s\nblocked = true\n[[registry.mirror]]\nlocation = "$A"\ninsecure = true\n' % table, places)
    e = pare("pull", "blocked.example/hub/b:1", env=env, status=4).err
    assert "is blocked in %s" % env["CONTAINERS_REGISTRIES_CONF"] in e and e.count("\n") == 1
    pare("copy", Image([layer(File("x", b"x"))]).oci(tmp_path / "l"), "docker://blocked.example/hub/b:2", env=env, status=4)


def test_files(pare, places, held):
    """The user's file, and what lies over it, by name."""
    home = pare.root / "home" / ".config" / "containers"
    (home / "registries.conf.d").mkdir(parents=True)

    def put(name, letter):
        (home / name).write_text('[[registry]]\nprefix = "example.org"\nlocation = "%s/hub"\ninsecure = true\n' % places[letter].host)

    for name, letter in (("registries.conf", "A"), ("registries.conf.d/20-b.conf", "B"), ("registries.conf.d/10-c.conf", "C"), ("registries.conf.d/30-a.txt", "A")):
        put(name, letter)
        assert pare("copy", "-q", "docker://example.org/b:1", "oci:%s" % (pare.root / letter)).out.strip() == held["B" if "20" in name or "30" in name or "10" in name else letter]


def test_an_image_that_is_called_like_a_transport(pare, places, held, tmp_path):
    """docker:1 is Docker's image of Docker, not one called 1."""
    env = conf(pare, '[[registry]]\nprefix = "docker.io"\nlocation = "$A"\ninsecure = true\n', places)
    pare("copy", "-q", "docker://app:1", "docker://docker:1", env=env)
    want = "docker.io/library/docker@%s\n" % held["A"]
    assert pare("pull", "-q", "docker:1", env=env).out == want and pare("pull", "-q", "docker://docker:1", env=env).out == want
    assert pare("tags", "docker", env=env).out == "1\n"
    assert held["A"] in pare("manifest", "show", "--format", "json", "docker:1", env=env).out
    assert pare("copy", "-q", "pare:docker:1", "oci:%s" % (tmp_path / "out")).out.strip() == held["A"]
    pare("history", "docker:1")
    assert "deletes no tags" in pare("delete", "--yes", "docker:1", env=env, status=4).err
    pare("sign", "--generate-key", tmp_path / "k")
    assert "is not signed" in pare("verify", "docker:1", "--key", tmp_path / "k.pub", env=env, status=1).err


SHORT = 'unqualified-search-registries = ["$B", "$A"]\n[aliases]\n"app" = "$B/hub/b"\n[[registry]]\nprefix = "docker.io"\nlocation = "$A"\ninsecure = true\n'


def test_short_names(pare, places, held):
    """Docker Hub's, whatever podman would look for: one name means one image everywhere, as it does behind skopeo's docker://."""
    env = conf(pare, SHORT, places)
    asked(pare, env, held, "docker://app:1", "A")
    assert pare("pull", "-q", "app:1", env=env).out == "docker.io/library/app@%s\n" % held["A"]
    assert "docker.io/library/app" in pare("images", "--format", "json").out
    assert pare("tags", "app", env=env).out == "1\n"


def test_a_policy_is_about_names(pare, places, held, tmp_path):
    """Where registries.conf leads a name is nothing that a rule has to know, and no way around one."""
    env = conf(pare, registry([("$A", "")]), places)
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\nmatch = "example.org/team/*"\naction = "deny"\n')
    for words in (("copy", NAME, "oci:%s" % (tmp_path / "out")), ("pull", NAME), ("verify", NAME)):
        assert "refused by rule 1" in pare(*words, "--policy", policy, env=env, status=1).err
    policy.write_text('default = "deny"\n[[rule]]\nmatch = "example.org/team/b"\n')
    assert pare("copy", "-q", NAME, "oci:%s" % (tmp_path / "out"), "--policy", policy, env=env).out.strip() == held["A"]


class Breaks(Fake):
    """A mirror that has the image, and sends the first bytes of its larger blobs, and then no more."""

    def any(self, h):
        path, last = h.path.split("?")[0], h.path.rsplit("/", 1)[1]
        if h.command != "GET" or "/blobs/" not in path or len(self.blobs[last]) < 100000:
            return super().any(h)
        first = int(h.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        if first:
            return answer(500)(h)
        cut(self.blobs[last], 70000)(h)
        return None


def test_where_a_mirror_breaks_off_the_next_goes_on(pare, tmp_path):
    """In the middle of a blob; it is not asked for the other ones then. When nobody can, the line says so of both."""
    image = Image([layer(File("f%d" % i, random.Random(i).randbytes(300000))) for i in range(3)]).oci(tmp_path / "l")
    with Breaks() as bad, Fake() as good, Fake() as own:
        for r in (bad, good, own):
            pare("copy", "-q", "--compression", "none", image, "docker://%s/hub/b:1" % r.host)
            r.asked.clear()
        env = conf(pare, registry([(bad.host, ""), (DOWN, ""), (good.host, "")], own.host + "/hub"), {})
        pare("copy", "-q", NAME, "oci:%s" % (tmp_path / "out"), env={**env, "PARE_THREADS": "1"})  # verifies every byte
        ranges = [int(h["Range"][6:-1]) for _, p, h in good.asked if "/blobs/" in p and "Range" in h]
        assert ranges and all(0 < first <= 70000 for first in ranges)
        assert not own.asked  # not even whether it is there
        env = conf(pare, registry([(bad.host, "")], DOWN + "/hub"), {})
        e = pare("copy", "-q", "--attempts", "1", NAME, "oci:%s" % (tmp_path / "none"), env=env, status=4).err
        assert DOWN in e and "its mirror: %s" % bad.host in e and e.count("\n") == 1 and not (tmp_path / "none" / "index.json").exists()


def test_attempts_are_those_of_a_mirror_too(pare, places, held):
    with serving(fallback=answer(500)) as mirror:
        asked(pare, conf(pare, registry([(mirror.host, "")]), places), held, NAME, "C")
        mine = [p for _, p, h in mirror.asked if p.startswith("/v2/hub/b/manifests/") and h["User-Agent"] == "pare"]
        assert mine == ["/v2/hub/b/manifests/1"]
