"""pare store check: what is told, and what a repair leaves."""
import sqlite3

from storelib import archives, listed, store  # noqa: F401


def test_what_is_no_blob_is_left_alone(store):
    """A sweep does not touch it, so nobody is told that it would."""
    mine = store.store / "images" / "blobs" / "sha256" / "notes"
    mine.write_text("mine")
    out = store("store", "check").out
    assert "foreign: %s: " % mine in out and "stray" not in out and "all well" in out
    store("store", "check", "--repair")
    store("prune", "--force")
    assert mine.read_text() == "mine"


def test_one_repair_is_enough(store):
    """What documents name is read from the documents; who lacks what only they say goes in the same repair."""
    db = sqlite3.connect(store.store / "images" / "store.db")
    digest, = db.execute("SELECT digest FROM refs WHERE name LIKE '%db:1'").fetchone()
    layer, = db.execute("SELECT child FROM names JOIN blobs ON digest = child WHERE parent = ? AND child NOT IN (SELECT child FROM names WHERE parent <> ?) ORDER BY size DESC", (digest, digest)).fetchone()
    db.execute("DELETE FROM names WHERE child = ?", (layer,))
    db.execute("DELETE FROM blobs WHERE digest = ?", (layer,))
    db.commit()
    db.close()
    (store.store / "images" / "blobs" / layer.replace(":", "/")).unlink()
    store("store", "check", "--repair")
    assert "all well" in store("store", "check").out
    assert listed(store) and not any("db" in name for name in listed(store))
