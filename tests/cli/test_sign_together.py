"""pare sign by two at once: cosign's tag is read and then written, and neither signature may be lost."""
import json

from registrylib import Between
from tagslib import push
from trustlib import SIGNATURE, make_key


def on_the_way(registry, act):
    """`act` is called once, when the first manifest is on its way to a tag of signatures."""
    todo = [act]

    def before(method, path):
        if method == "PUT" and path.endswith(".sig") and todo:
            todo.pop()()
    return Between(registry, before)


def test_the_tag_is_written_by_another_meanwhile(pare, registry, tmp_path):
    digest = push(pare, registry, "two/app:1", 1, tmp_path / "a")
    (mine, _), (theirs, _) = keys = make_key(tmp_path, "mine"), make_key(tmp_path, "theirs")

    def sign(host, key):
        pare("sign", "docker://%s/two/app@%s" % (host, digest), "--key", key, "--identity", "r.example/app:1")

    with on_the_way(registry, lambda: sign(registry.host, theirs)) as between:
        sign(between.host, mine)
    tag = "/v2/two/app/manifests/%s.sig" % digest.replace(":", "-")
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    before = registry.request("GET", tag, headers=accept)[2]
    assert len({e["annotations"][SIGNATURE] for e in json.loads(before)["layers"]}) == 2
    for key in mine, theirs:  # nothing is left to be done
        sign(registry.host, key)
    assert registry.request("GET", tag, headers=accept)[2] == before
    for _, pub in keys:
        assert pare("verify", "docker://%s/two/app:1" % registry.host, "--key", pub, "--format", "json").json()["holds"]
