"""pare export: images of the store in an archive."""
import errno
import json
import os
import subprocess
import tarfile

from storelib import archives, listed, store  # noqa: F401


def test_several(store, tmp_path):
    before = listed(store)
    out = tmp_path / "out.tar"
    assert store("export", "web:1", "web:2", "db:1", "-o", out).out == ""
    with tarfile.open(out) as t:
        names = t.getnames()
        index = json.load(t.extractfile("index.json"))
    assert len(names) == len(set(names))  # what they share is there once
    assert {m["annotations"]["io.containerd.image.name"]: m["digest"] for m in index["manifests"]} == {n: i["digest"] for n, i in before.items()}
    assert [m["annotations"]["io.containerd.image.name"] for m in index["manifests"]] == ["docker.io/library/" + n for n in ("web:1", "web:2", "db:1")]
    store("rm", "--all", "--prune")
    assert len(store("import", out).out.splitlines()) == 3
    assert {n: i["digest"] for n, i in listed(store).items()} == {n: i["digest"] for n, i in before.items()}


def test_standard_output(store, tmp_path):
    store("export", "web:1", "-o", tmp_path / "file.tar")
    assert store("export", "web:1", "-o", "-", clean=False).out_bytes == (tmp_path / "file.tar").read_bytes()
    for n, words in enumerate((["--output", tmp_path / "long0.tar"], ["--output=%s" % (tmp_path / "long1.tar")])):  # by its long name
        store("export", "web:1", *words)
        assert (tmp_path / ("long%d.tar" % n)).read_bytes() == (tmp_path / "file.tar").read_bytes()
    assert not [p for p in store.store.iterdir() if p.name.startswith("export")]


def test_standard_output_that_takes_no_more(store):
    """Half an archive is none: also for a pipe that nobody reads."""
    env = dict(os.environ, PARE_STORE=str(store.store))
    with open("/dev/full", "wb") as full:
        r = subprocess.run([store.binary, "export", "web:1", "-o", "-"], stdout=full, stderr=subprocess.PIPE, env=env)
    assert r.returncode == 4 and r.stderr.decode() == "pare: standard output: %s\n" % os.strerror(errno.ENOSPC)
    reading, writing = os.pipe()
    os.close(reading)
    r = subprocess.run([store.binary, "export", "web:1", "-o", "-"], stdout=writing, stderr=subprocess.PIPE, env=env)
    os.close(writing)
    assert r.returncode == 4 and r.stderr.decode() == "pare: standard output: %s\n" % os.strerror(errno.EPIPE)


def test_a_name_twice_is_there_once(store, tmp_path):
    store("export", "web:1", "web:1", "docker.io/library/web:1", "-o", tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as t:
        assert len(json.load(t.extractfile("index.json"))["manifests"]) == 1


def test_docker_archive(store, tmp_path):
    out = tmp_path / "out.tar"
    store("export", "--format", "docker-archive", "web:1", "-o", out)
    with tarfile.open(out) as t:
        (entry,) = json.load(t.extractfile("manifest.json"))
    assert entry["RepoTags"] == ["web:1"] and len(entry["Layers"]) == 2
    store("export", "--format", "docker-archive", "web:1", "web:2", "-o", out, status=2)


def test_failures(store, tmp_path):
    out = tmp_path / "out.tar"
    assert "is not in the store" in store("export", "web:1", "none", "-o", out, status=4).err
    store("export", "web:1", status=2)
    store("export", "web:1", "-o", tmp_path / "none" / "out.tar", status=4)
    assert not out.exists() and list(tmp_path.glob("out*")) == []
