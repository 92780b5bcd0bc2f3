"""pare prune --registry: old tags of a repository, and what only they stand on."""
import pytest

from imagelib import Dir, File, Image, layer
from registrylib import Registry
from schemalib import check


@pytest.fixture
def registry(pare, tmp_path):
    base = layer(Dir("etc"), File("etc/big", bytes(range(256)) * 500))
    with Registry() as r:
        for i in range(1, 6):
            path = tmp_path / "image.tar"
            Image([base, layer(File("own", bytes([i]) * 100 * i))], extra={"created": "2024-01-0%dT00:00:00Z" % i}).docker_archive(path)
            pare("copy", path, "docker://%s/app:%s%d" % (r.host, "pr-" if i < 4 else "v", i))
        yield r


def tags(registry):
    return sorted(registry.get("/v2/app/tags/list")["tags"] or [])


def test_keep_and_match(pare, registry):
    at = ("prune", "--registry", registry.host + "/app")
    plan = pare(*at, "--match", "pr-*", "--keep", "1", "--dry-run", "--format", "json").json()
    check(plan, "prune")
    assert sorted(i["name"].rsplit(":")[-1] for i in plan["items"] if i["goes"]) == ["pr-1", "pr-2"] and plan["bytes"] > 0
    assert len(tags(registry)) == 5
    out = pare(*at, "--match", "pr-*", "--keep", "1", "--yes").out
    assert "not of the newest 1" in out and "Freed " in out
    assert tags(registry) == ["pr-3", "v4", "v5"]
    pare(*at, "--older", "2024-01-05", "--protect", "pr-3", "--yes")
    assert tags(registry) == ["pr-3", "v5"]


def test_nothing_without_rules(pare, registry):
    assert "Nothing goes; 5 stay." in pare("prune", "--registry", registry.host + "/app", "--yes").out
    assert len(tags(registry)) == 5
    pare("prune", "--registry", registry.host + "/none", "--all", "--yes", status=None)
    assert len(pare("prune", "--registry", "127.0.0.1:1/x", "--yes", status=4).err.splitlines()) == 1


def test_whole_names_match(pare, registry, tmp_path):
    """As docs/prune.md has it: with the registry, without it, or the tag alone; and by the name that was asked for, when registries.conf keeps it elsewhere."""
    for tag in ("pr-1", "pr-2", "1"):
        Image([layer(File(tag, tag.encode()))]).docker_archive(tmp_path / "a.tar")
        pare("copy", "-q", tmp_path / "a.tar", "docker://%s/whole/app:%s" % (registry.host, tag))
    (tmp_path / "registries.conf").write_text('[[registry]]\nprefix = "r.example"\nlocation = "%s/whole"\ninsecure = true\n' % registry.host)
    env = {"CONTAINERS_REGISTRIES_CONF": tmp_path / "registries.conf"}
    for repository, whole in (("%s/whole/app" % registry.host, "%s/whole/app:pr-*" % registry.host), ("%s/whole/app" % registry.host, "whole/app:pr-*"), ("r.example/app", "r.example/app:pr-*"), ("r.example/app", "pr-*")):
        def goes(*rules):
            plan = pare("prune", "--registry", repository, "--dry-run", "--format", "json", *rules, env=env).json()
            assert all(i["name"].startswith(repository + ":") for i in plan["items"])
            return sorted(i["name"].rsplit(":")[-1] for i in plan["items"] if i["goes"])
        assert goes("--all", "--protect", whole) == ["1"] and goes("--match", whole) == ["pr-1", "pr-2"]
