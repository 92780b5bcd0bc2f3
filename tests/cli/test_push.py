"""pare push: what the store has under a name, to where the name says or elsewhere."""
from imagelib import Dir, File, Image, index_layout, layer


def test_push(pare, tmp_path, registry):
    name = registry.host + "/pushed/a:1"
    digest = pare("copy", Image([layer(Dir("d"), File("d/f", b"text" * 9000))]).oci(tmp_path / "lay"), "pare:" + name).out
    assert pare("push", "--dry-run", name).out == digest and registry.get("/v2/pushed/a/tags/list") is None
    assert pare("push", name).out == digest
    assert pare("push", name, registry.host + "/pushed/b:2").out == digest
    assert registry.get("/v2/pushed/b/tags/list")["tags"] == ["2"]
    assert "copied 0 blobs" in pare("push", name).err
    pare("push", name, registry.host + "/pushed/b@" + digest.strip(), status=2)
    pare("push", registry.host + "/pushed/none:1", status=None, clean=True)
    assert registry.get("/v2/pushed/none/tags/list") is None


def test_all_platforms_that_are_there(pare, tmp_path, registry):
    name = registry.host + "/pushed/all:1"
    index_layout(tmp_path / "lay", [Image([layer(File("a", a.encode()))], arch=a) for a in ("amd64", "arm64")])
    digest = pare("copy", "--all", "oci:%s" % (tmp_path / "lay"), "pare:" + name).out
    assert pare("push", name).out == digest
    assert pare("push", "--platform", "linux/arm64", name, registry.host + "/pushed/all:arm").out != digest


def test_other_places_are_not_taken_for_names(pare, tmp_path):
    """oci:out is no image of Docker Hub that is called oci."""
    pare("copy", Image([layer(File("a", b"a"))]).oci(tmp_path / "lay"), "pare:app:1")
    for words in (("push", "app:1", "oci:out"), ("push", "app:1", "docker-daemon:app:1"), ("pull", "oci:lay"), ("pull", "pare:app:1"), ("prune", "--all", "--dry-run", "--registry", "oci:lay")):
        assert "is no registry's; `pare copy`" in pare(*words, status=2, env={"PARE_OFFLINE": "1"}).err, words
