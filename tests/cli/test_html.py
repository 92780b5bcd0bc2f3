"""`pare inspect --format html`: one page that loads nothing, cannot be broken out of, and adds up."""
import base64
import hashlib
import html.parser
import json
import re

import pytest

import schemalib
from imagelib import Dir, File, Hardlink, Image, Opaque, Symlink, Whiteout, layer

STATUS = "Package: tool\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: amd64\n"


class Page(html.parser.HTMLParser):
    """The elements of a page, and what stands in its scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.blocks, self.inside = [], [], None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.inside = [tag, dict(attrs), ""]

    def handle_data(self, data):
        if self.inside:
            self.inside[2] += data

    def handle_endtag(self, tag):
        if self.inside and self.inside[0] == tag:
            self.blocks.append(tuple(self.inside))
            self.inside = None

    @property
    def data(self):
        (block,) = [b for b in self.blocks if b[1].get("id") == "data"]
        assert block[1]["type"] == "application/json"
        return block[2]


@pytest.fixture
def show(pare, tmp_path):
    """(the page's text, its parts, its data, what --format json says) of an image."""
    def run(image, *options, status=0):
        place = image if isinstance(image, str) else image.docker_archive(tmp_path / "image.tar")
        text = pare("inspect", place, "--format", "html", *options, status=status).out
        page = Page(text)
        doc = pare("inspect", place, "--format", "json", *options, status=status).json()
        schemalib.check(doc, "inspect")
        return text, page, json.loads(page.data), doc
    return run


def adds_up(view):
    """Everything below a node adds up to it, in bytes and in files."""
    n = len(view["name"])
    assert all(len(view[c]) == n for c in ("parent", "bytes", "files", "layer", "owner")) and n > 0
    bytes_, files = [0] * n, [0] * n
    for i in range(1, n):
        assert 0 <= view["parent"][i] < i
        bytes_[view["parent"][i]] += view["bytes"][i]
        files[view["parent"][i]] += view["files"][i]
    inner = set(view["parent"][1:])
    assert [i for i in inner if (bytes_[i], files[i]) != (view["bytes"][i], view["files"][i])] == []


def same_sums(data, doc):
    waste = doc["waste"]
    assert data["totals"]["stored"] == waste["stored"] and data["totals"]["visible"] == waste["visible"]
    assert data["totals"]["wasted"] == data["waste"]["bytes"] == waste["bytes"] and data["waste"]["efficiency"] == waste["efficiency"]
    assert data["waste"]["count"] == len(waste["items"])
    assert data["waste"]["more_bytes"] + sum(i["bytes"] for i in data["waste"]["items"]) == waste["bytes"]
    for key in ("reference", "digest", "config_digest", "platform", "created", "size"):
        assert data["image"][key] == doc["image"][key], key
    assert data["dive"] == {k: doc["dive"][k] for k in data["dive"]}
    for view in data["views"].values():
        adds_up(view)
    assert data["views"]["directory"]["bytes"][0] == data["views"]["package"]["bytes"][0] == waste["visible"]
    assert data["views"]["layer"]["bytes"][0] == waste["stored"]
    for mine, theirs in zip(data["layers"], doc["layers"]):
        assert (mine["index"], mine["size"], mine["compressed_size"]) == (theirs["index"], theirs["size"], theirs["compressed_size"])
        assert mine["wasted"] == sum(i["bytes"] for i in waste["items"] if i["layer"] == mine["index"])
    more = data["more_layers"] or {"count": 0, "bytes": 0, "wasted": 0}
    assert len(data["layers"]) + more["count"] == len(doc["layers"])
    assert sum(x["bytes"] for x in data["layers"]) + more["bytes"] == waste["stored"]
    assert sum(x["wasted"] for x in data["layers"]) + more["wasted"] == waste["bytes"]


def harmless(text, page):
    """Nothing is loaded, nothing leads elsewhere, and the policy allows exactly the page's own two pieces."""
    assert not re.search(r"https?:|//[a-z0-9-]+\.|\burl\(|@import|javascript:", text, re.I)
    assert not [t for t, a in page.tags if t in ("link", "img", "iframe", "object", "embed", "base", "form", "audio", "video", "svg")]
    assert not [(t, a) for t, a in page.tags if any(k.startswith("on") or k in ("src", "href", "style", "srcset", "action") for k in a)]
    assert [(b[0], b[1].get("type")) for b in page.blocks] == [("style", None), ("script", "application/json"), ("script", None)]
    (policy,) = [a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    hashed = {b[0]: "'sha256-%s'" % base64.b64encode(hashlib.sha256(b[2].encode()).digest()).decode() for b in page.blocks if b[1].get("type") is None}
    assert rules == {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "style-src": hashed["style"], "script-src": hashed["script"]}
    assert not re.search(r"[<>&\u2028\u2029]", page.data)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Function\(|setAttribute\(\"(on|style|src|href)", page.blocks[2][2])


def example():
    return Image([
        layer(Dir("etc"), File("etc/motd", "m" * 300), File("usr/bin/tool", "t" * 4000), File("usr/bin/old", "o" * 2500), File("empty", ""),
              File("var/lib/dpkg/status", STATUS), File("var/lib/dpkg/info/tool.list", "/usr/bin/tool\n/usr/bin/same\n")),
        layer(File("etc/motd", "n" * 200), Whiteout("usr/bin/old"), Hardlink("usr/bin/same", "usr/bin/tool"), Symlink("l", "etc")),
        layer(Opaque("etc"), File("app/run", "r" * 7000)),
    ], config={"User": "app"}, history=["ADD rootfs /", ("ENV A=b", True), "RUN update", "COPY run /app/"])


def test_sums_are_those_of_json(show):
    text, page, data, doc = show(example())
    same_sums(data, doc)
    harmless(text, page)
    assert data["totals"]["wasted"] == 300 + 2500 + 200
    assert [x["instruction"] for x in data["layers"]] == ["ADD rootfs /", "RUN update", "COPY run /app/"]
    assert data["incomplete"] == []


def test_views_say_where_a_file_is(show):
    _, _, data, _ = show(example())
    def paths(name):
        v, out = data["views"][name], {}
        for i, n in enumerate(v["name"]):
            out[i] = out[v["parent"][i]] + (n,) if i else ()
        return {"/".join(p): i for i, p in out.items()}
    view = data["views"]["directory"]
    tool = paths("directory")["usr/bin/tool"] if "usr/bin/tool" in paths("directory") else paths("directory")["usr/bin/same"]
    assert (view["bytes"][tool], view["files"][tool], view["layer"][tool]) == (4000, 1, 0)
    assert data["owners"][view["owner"][tool] - 1] == "tool 1.0-1"
    assert view["layer"][paths("directory")["app/run"]] == 2 and view["owner"][paths("directory")["app/run"]] == 0
    packages, by = paths("package"), data["views"]["package"]
    assert by["bytes"][packages["tool 1.0-1"]] == 4000
    assert by["bytes"][packages["(no package)"]] == data["totals"]["visible"] - 4000
    layers, by = paths("layer"), data["views"]["layer"]
    old = layers["0 · ADD rootfs //usr/bin/old"]
    assert old in by["wasted"] and by["bytes"][old] == 2500
    assert layers["1 · RUN update/etc/motd"] in by["wasted"] and layers["2 · COPY run /app//app/run"] not in by["wasted"]


EVIL = ["</script><script>alert(1)</script>", "<!--<script>", "]]>", "<img src=x onerror=alert(1)>", "a\u2028b\u2029c", "\"'`${x}", "&lt;&amp;", "\x1b[31m\x07\x7f",
        "http://example.com/x", "\u202egpj.exe", "\\u003c"]


def test_hostile_names_stay_data(show, pare, tmp_path):
    entries = [File("d/" + e.replace("/", "\\"), "x" * (i + 1)) for i, e in enumerate(EVIL)] + [File(b"raw\xff\xfe".decode("utf-8", "surrogateescape"), "y")]
    image = Image([layer(*entries), layer(Whiteout("d/" + EVIL[1]))], config={"User": EVIL[0], "Env": ["X=" + EVIL[0]]}, history=[EVIL[0], EVIL[4]],
                  extra={"created": EVIL[0], "author": EVIL[0]})
    text, page, data, doc = show(image)
    same_sums({**data, "image": doc["image"]}, doc)
    harmless(text.replace("http:", ""), page)  # the name of a file, and nothing else
    assert text.count("http:") == page.data.count("http:")
    assert data["layers"][0]["instruction"] == EVIL[0] and data["image"]["created"] == EVIL[0]
    names = set(data["views"]["directory"]["name"])
    assert {e.replace("/", "\\") for i, e in enumerate(EVIL) if i != 1} <= names and "raw\ufffd\ufffd" in names


def test_the_same_twice(pare, tmp_path):
    place = example().docker_archive(tmp_path / "image.tar")
    first = pare("inspect", place, "--format", "html").out_bytes
    assert first == pare("inspect", place, "--format", "html", env={"PARE_THREADS": "1", "TZ": "Asia/Tokyo"}).out_bytes


def test_many_files_stay_a_small_page(show):
    """More files than a page can hold: bounded, with the large ones there and the sums exact."""
    files = [File("usr/share/%s/%03d/<&%s-%04d" % ("x" * 40, i % 300, "n" * 60, i), b"s" * (i % 97)) for i in range(30000)]
    image = Image([layer(*files, File("usr/large", b"L" * 3000000)), layer(*[Whiteout("usr/share/%s/%03d" % ("x" * 40, i)) for i in range(20)])])
    text, page, data, doc = show(image)
    assert len(text.encode()) < 5000000
    same_sums(data, doc)
    view = data["views"]["directory"]
    assert view["files"][0] == 28001 and len(view["name"]) < 28001
    assert view["bytes"][view["name"].index("large")] == 3000000
    assert sum(f for n, f in zip(view["name"], view["files"]) if n == "") > 1000
    assert len(data["waste"]["items"]) == 300 and data["waste"]["more_bytes"] > 0


def test_many_layers(show):
    text, page, data, doc = show(Image([layer(File("f%d" % i, "x" * i)) for i in range(600)], history=["RUN " + "<" * 5000] * 600), "--no-cache")
    assert len(text.encode()) < 1500000
    same_sums(data, doc)
    assert data["more_layers"]["count"] == 600 - len(data["layers"]) > 0


def test_empty_images(show):
    for image in (Image([]), Image([layer(Dir("a"))]), Image([layer(File("empty", ""))])):
        text, page, data, doc = show(image)
        same_sums(data, doc)
        harmless(text, page)
        assert data["totals"]["visible"] == 0


def test_an_incomplete_image_says_so(show, tmp_path):
    image = Image([layer(File("a", "1" * 100), File("b", "2" * 9000))[:3000]])
    _, _, data, doc = show(image, status=3)
    assert data["incomplete"] == doc["incomplete"] != []


def test_what_the_page_needs_is_in_it(show):
    """Every element that the script looks for is there, and every view has its button."""
    _, page, data, _ = show(example())
    script, ids = page.blocks[2][2], {a["id"] for _, a in page.tags if "id" in a}
    wanted = set(re.findall(r"\$\(\"([a-z-]+)\"\)", script)) | set(re.findall(r"getElementById\(\"([a-z-]+)\"\)", script))
    assert len(wanted) > 8 and wanted <= ids
    assert set(re.findall(r'\["(directory|layer|package)", "', script)) == set(data["views"])
    assert "prefers-color-scheme: dark" in page.blocks[0][2]
