"""pare pull: names, tags, policies; what is there is not fetched."""
from imagelib import Dir, File, Image, layer


def test_pull(pare, tmp_path, registry):
    name = registry.host + "/pulled/a"
    source = Image([layer(Dir("d"), File("d/f", b"text" * 9000))]).oci(tmp_path / "lay")
    digest = pare("copy", source, "docker://%s:1" % name).out.strip()
    pare("copy", source, "docker://%s:2" % name)
    first = pare("pull", name + ":1")
    assert first.out == "%s@%s\n" % (name, digest) and "copied 2 blobs" in first.err
    assert "copied 0 blobs" in pare("pull", "docker://%s:1" % name).err
    assert pare("pull", "--all-tags", name).out == first.out * 2
    assert pare("pull", "-q", name + ":1", name + ":2").err == ""
    assert pare("pull", name + "@" + digest).out == first.out
    assert pare("pull", name + ":1", "Not A Name", status=2).out == ""  # before anything is fetched
    assert pare("pull", name + ":1", name + ":none", status=4).out == first.out
