"""pare history: each step of an image with what it did to the tree."""
import pytest

from imagelib import Dir, File, Image, Whiteout, layer
from schemalib import check


@pytest.fixture
def image(tmp_path):
    base = layer(Dir("app"), File("app/old", b"x" * 5000), File("app/kept", b"k" * 10))
    top = layer(Dir("app"), Whiteout("app/old"), File("app/new", b"n" * 100))
    img = Image([base, top])
    img.doc["history"] = [
        {"created": "2024-01-02T03:04:05Z", "created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
        {"created": "2024-01-02T03:04:06Z", "created_by": "/bin/sh -c #(nop)  CMD [\"sh\"]", "empty_layer": True},
        {"created": "2024-01-02T03:04:07Z", "created_by": "RUN |1 A=b /bin/sh -c rm app/old && make # buildkit", "comment": "buildkit.dockerfile.v0\x1b[31m"},
    ]
    path = tmp_path / "image.tar"
    img.docker_archive(path)
    return path


def test_json(pare, image):
    doc = pare("history", "--format", "json", image).json()
    check(doc, "history")
    add, cmd, run = doc["history"]
    assert add["instruction"] == "ADD file:1 in /" and cmd["instruction"] == 'CMD ["sh"]' and run["instruction"] == "RUN rm app/old && make"
    assert cmd["empty_layer"] and cmd["layer"] is None
    assert add["layer"]["added_bytes"] == 5010 and add["layer"]["removed_bytes"] == 0
    assert run["layer"]["added_bytes"] == 100 and run["layer"]["removed_bytes"] == 5000 and run["layer"]["index"] == 1


def test_table(pare, image):
    lines = pare("history", image).out.splitlines()
    assert lines[0].split() == ["LAYER", "CREATED", "SIZE", "ADDED", "REMOVED", "CREATED", "BY", "COMMENT"]
    assert lines[1].startswith("1 ") and "+100 B" in lines[1] and "-5.00 kB" in lines[1] and "RUN rm app/old && make" in lines[1]
    assert lines[2].startswith("- ") and lines[3].startswith("0 ") and len(lines) == 4
    assert "sha256:" in pare("history", "--no-trunc", image).out


def test_no_such_image(pare, tmp_path):
    assert pare("history", tmp_path / "none.tar", status=None).status in (2, 4)
