"""pare du: where the room of the store went."""
import os
import shutil
import subprocess
import tempfile

import pytest

from schemalib import check
from storelib import archives, store  # noqa: F401


def test_no_store(pare):
    check(pare("du", "--format", "json").json(), "du")


def test_du(store):
    store("rm", "web:2")
    doc = store("du", "--format", "json").json()
    check(doc, "du")
    blobs = {p["name"]: p for p in doc["places"]}["images/blobs"]
    assert sum(i["unique"] for i in doc["images"]) + doc["shared"] + doc["unneeded"] == blobs["bytes"]
    files = bytes_ = 0
    for top, _, names in os.walk(store.store):
        files += len(names)
        bytes_ += sum(os.lstat(os.path.join(top, n)).st_size for n in names)
    assert doc["total"]["files"] == files == sum(p["files"] for p in doc["places"]) and doc["total"]["bytes"] == bytes_
    (store.store / "mine").write_bytes(b"x" * 1000)
    doc = store("du", "--format", "json").json()
    assert {p["name"]: p for p in doc["places"]}["mine"]["bytes"] == 1000
    assert "can be freed: pare prune" in store("du").out


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to be somebody else, and setpriv")
def test_somebody_elses(store):
    """Who may only read a store is told as well where its room went."""
    where = tempfile.mkdtemp(dir="/tmp")
    try:
        shutil.copy(store.binary, where + "/pare")
        shutil.copytree(store.store, where + "/store")
        subprocess.run(["chmod", "-R", "a+rX", where], check=True)
        r = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", where + "/pare", "--store", where + "/store", "du"], capture_output=True, text=True, env={"HOME": where}, cwd="/")
        assert (r.returncode, r.stderr) == (0, "") and "web:1" in r.stdout, r
    finally:
        shutil.rmtree(where)
