"""`pare slim`: the layers of the result. By how often they change (the form at levels package and file), one (`--flatten`), each in its place (`--keep-layers`): the tree is the same."""
import io
import json
import random
import tarfile

import pytest

from imagelib import Device, Dir, Fifo, File, Hardlink, Image, Opaque, Symlink, Whiteout, layer, sha256
from test_slim import archive, names, random_layers, tree
from test_slim_level import RUN, debian, files

KEEP = "--keep-layers"


def image(tmp_path, *layers, name="in.tar", config=None, **kw):
    return Image(layers, config=config or {"Cmd": ["/bin/run"]}, **kw).docker_archive(tmp_path / name), None


def slim(pare, location, out, *args, level="file", status=0):
    """(the report, the configuration, the layers)."""
    said = out.with_suffix(".json")
    r = pare("slim", "--no-run", "--level", level, location, "-o", out, "--report", said, *args, status=status)
    if status is None and r.status:
        return None, r, None
    report = json.loads(said.read_text())
    assert report["before"]["size"] - report["after"]["size"] == sum(x["bytes"] for x in report["removed"]) - sum(x["bytes"] for x in report["added"])
    _, config, layers, _ = archive(out)
    assert config["rootfs"]["diff_ids"] == ["sha256:" + sha256(d) for d in layers] and len(layers) == report["after"]["layers"]
    return report, config, layers


def whatever_it_is(tar, m):
    xattrs = {k: v for k, v in m.pax_headers.items() if "xattr" in k}
    return {"what": (m.type, m.mode, m.uid, m.gid, m.mtime, m.linkname, m.devmajor, m.devminor, sorted(xattrs.items())), "content": tar.extractfile(m).read() if m.isfile() else None}


def union(layers):
    """path -> what it is, its content, the names that share its inode: of layers whose paths lead through no links."""
    found = {}

    def drop(path, itself=True, of=None):
        for p in [p for p in found if (p == path and itself) or p.startswith(path + "/" if path else "")]:
            if of is None or found[p] is of.get(p):
                del found[p]
    for data in layers:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            members, below = tar.getmembers(), dict(found)
            for m in members:
                up, _, name = m.name.rpartition("/")
                if name == ".wh..wh..opq":
                    drop(up, False, below)
                elif name.startswith(".wh."):
                    drop((up + "/" if up else "") + name[4:], True, below)
            for m in members:
                if "/.wh." in "/" + m.name:
                    continue
                for i in [i for i, c in enumerate(m.name) if c == "/"]:
                    found.setdefault(m.name[:i], {"what": (tarfile.DIRTYPE, 0o755, 0, 0, 0, "", 0, 0, []), "content": None})
                if not m.isdir() or m.name in found and found[m.name]["what"][0] != tarfile.DIRTYPE:
                    drop(m.name)
                found[m.name] = found.get(m.linkname, below.get(m.linkname)) if m.islnk() else whatever_it_is(tar, m)
    shared = {}
    for path, v in found.items():
        shared.setdefault(id(v), []).append(path)
    return {path: (v["what"], v["content"], sorted(shared[id(v)])) for path, v in found.items() if path not in ("", ".")}


def created(config):
    return [h.get("created_by") for h in config["history"] if not h.get("empty_layer")]


# --- by rate of change ---

def app(*more, **kw):
    """What lies on a Debian base: a run script, packages of a language, configuration."""
    return layer(*files({"bin/run": RUN}, mode=0o755), *files({"etc/app.conf": b"name = app\n", "app/node_modules/dep/index.js": b"module.exports = 1\n", "srv/data": b"d" * 300, "srv/junk": b"j" * 900}), *more)


def test_three_layers(pare, tmp_path):
    location, _ = image(tmp_path, debian(), app(), layer(Dir("srv"), Whiteout("srv/junk")), history=["ADD base /", ("ENV A=b", True), "COPY app /", "RUN rm /srv/junk"])
    report, config, layers = slim(pare, location, tmp_path / "out.tar", "--keep", "app", "--keep", "srv")
    assert [x["name"] for x in report["new_layers"]] == ["runtime", "dependencies", "application"]
    runtime, deps, top = map(names, layers)
    assert "usr/share/used/data" in runtime and not any(n.startswith(("app", "srv", "etc", "bin/run")) for n in runtime)
    assert deps == ["app", "app/node_modules", "app/node_modules/dep", "app/node_modules/dep/index.js"]
    assert {"bin/run", "srv/data", "var/lib/db/sbom/image.spdx.json"} <= set(top)
    assert not any(".wh." in n for d in layers for n in names(d)) and all(names(d) == sorted(names(d)) for d in layers)
    files_of = [n for d in layers for n, v in union([d]).items() if v[0][0] != tarfile.DIRTYPE]
    assert len(files_of) == len(set(files_of))
    assert created(config) == ["pare slim: runtime", "pare slim: dependencies", "pare slim: application"]
    assert [h["created_by"] for h in config["history"]][:4] == ["ADD base /", "ENV A=b", "COPY app /", "RUN rm /srv/junk"]
    assert [h.get("comment") for h in config["history"]][4:] == ["of the instructions 1", "of the instructions 3", "of the instructions 1, 3"] or \
        [h.get("comment") for h in config["history"]][4:] == ["of the instructions 1", "of the instructions 3", "of the instructions 3"]
    assert [x["of"] for x in report["new_layers"]][:2] == [[0], [1]]
    again = slim(pare, location, tmp_path / "again.tar", "--keep", "app", "--keep", "srv")[2]
    assert again == layers


def test_images_of_one_base_share_the_runtime(pare, tmp_path):
    # The application changes directories of the base (their times), adds to them, brings configuration of its own.
    made = []
    for i, when in enumerate((1700000000, 1700009999)):
        own = files({"bin/run": RUN + b"# %d\n" % i, "bin/own%d" % i: b"own"}, mode=0o755, mtime=when)
        own += [Dir("usr", mtime=when), Dir("usr/share", mtime=when + i), File("etc/app.conf", b"%d" % i), File("usr/lib/own%d" % i, b"o" * 100), Dir("usr/share/used", mtime=when)]
        location, _ = image(tmp_path, debian(), layer(*own), name="in%d.tar" % i)
        _, _, layers = slim(pare, location, tmp_path / ("out%d.tar" % i))
        made.append(layers)
        keep = slim(pare, location, tmp_path / ("keep%d.tar" % i), KEEP)
        assert tree(pare, tmp_path / ("out%d.tar" % i)) == tree(pare, tmp_path / ("keep%d.tar" % i)) and keep[0]["new_layers"] == []
        assert union(layers) == union(keep[2])
    assert made[0][0] == made[1][0] and "usr/share/used/data" in names(made[0][0]) and made[0][-1] != made[1][-1]


def test_what_the_application_did_to_a_package_is_the_application(pare, tmp_path):
    location, _ = image(tmp_path, debian(), layer(*files({"bin/run": RUN}, mode=0o755), File("usr/share/used/data", b"other")))
    _, _, layers = slim(pare, location, tmp_path / "out.tar")
    assert [n for n in ("usr/share/used/data",) if n in names(layers[-1])] and not any("usr/share/used/data" in names(d) for d in layers[:-1])


def test_interpreters_and_their_packages(pare, tmp_path):
    tree_of = {"usr/local/bin/python3.12": b"p" * 50, "usr/local/lib/python3.12/os.py": b"o" * 50, "usr/local/lib/python3.12/site-packages/flask/app.py": b"f" * 50, "usr/local/bin/own": b"w" * 50,
               "opt/venv/pyvenv.cfg": b"home = x\n", "opt/venv/bin/tool": b"t" * 50, "opt/java/release": b"JAVA\n", "opt/java/bin/java": b"j" * 50, "opt/java/lib/modules": b"m" * 50, "app/vendor/autoload.php": b"<?php\n",
               "app/index.php": b"<?php\n", "var/cache/apt/x.deb": b"d" * 999}
    location, _ = image(tmp_path, layer(*files(tree_of)), layer(*files({"bin/run": RUN}, mode=0o755)))
    report, _, layers = slim(pare, location, tmp_path / "out.tar", "--keep", "usr/**", "--keep", "opt/**", "--keep", "app/**")
    found = {x["name"]: {n for n in names(d) if n in tree_of} for x, d in zip(report["new_layers"], layers)}
    assert found["runtime"] == {"usr/local/bin/python3.12", "usr/local/lib/python3.12/os.py", "opt/java/release", "opt/java/bin/java", "opt/java/lib/modules"}
    assert found["dependencies"] == {"usr/local/lib/python3.12/site-packages/flask/app.py", "opt/venv/pyvenv.cfg", "opt/venv/bin/tool", "app/vendor/autoload.php"}
    assert found["application"] == {"usr/local/bin/own", "app/index.php"}


def test_layers_that_stay_whole_stay(pare, tmp_path):
    whole = layer(*files({"bin/run": RUN}, mode=0o755))
    cut = layer(*files({"srv/a": b"a" * 400, "tmp/x": b"x" * 900}))
    top = layer(*files({"srv/b": b"b" * 400}))
    location, _ = image(tmp_path, whole, cut, top, history=["COPY run /", "RUN make", ("ENV A=b", True), "COPY b /"])
    report, config, layers = slim(pare, location, tmp_path / "out.tar", "--keep", "srv")
    assert layers[0] == whole and layers[-1] == top and len(layers) == 3
    assert [x["fate"] for x in report["layers"]] == ["kept", "rewritten", "kept"]
    assert created(config) == ["COPY run /", "pare slim: application", "COPY b /"]
    assert [h.get("created_by") for h in config["history"]] == ["COPY run /", "RUN make", "ENV A=b", "pare slim: application", "COPY b /"]
    untouched, _ = image(tmp_path, whole, top, name="whole.tar")
    _, _, layers = slim(pare, untouched, tmp_path / "same.tar", "--keep", "srv")
    assert layers == [whole, top]


def test_a_layer_that_is_changed_later_is_no_whole_one(pare, tmp_path):
    # Its directory is listed again with another mode by a layer that is cut: above that it would undo it.
    location, _ = image(tmp_path, layer(*files({"bin/run": RUN}, mode=0o755), *files({"tmp/x": b"x" * 900})), layer(Dir("srv"), File("srv/a", b"a" * 400)), layer(Dir("srv", mode=0o700), File("srv/b", b"b"), Dir("tmp"), File("tmp/y", b"y" * 900)))
    report, _, layers = slim(pare, location, tmp_path / "out.tar", "--keep", "srv")
    assert [x["fate"] for x in report["layers"]] == ["rewritten"] * 3 and tree(pare, tmp_path / "out.tar")["/srv"][1] == "0700"


def test_a_base_that_is_kept(pare, tmp_path):
    base = layer(*files({"etc/motd": b"hello\n", "old/data": b"o" * 700, "old/more": b"m" * 700, "swap/x": b"x", "link": b"l" * 40}), Hardlink("link2", "link"))
    top = layer(*files({"bin/run": RUN}, mode=0o755), Whiteout("old/data"), File("swap", b"now a file"), Dir("etc", mode=0o711), Hardlink("link3", "link"), Dir("srv"), File("srv/junk", b"j" * 5000))
    location, _ = image(tmp_path, base, top, layer(Whiteout("srv/junk")), history=["ADD file:0 in / ", ('CMD ["sh"]', True), "RUN x", "RUN y"])
    args = ("--keep-base", "--keep", "swap", "--keep", "link*", "--keep", "etc")
    _, _, layers = slim(pare, location, tmp_path / "out.tar", *args)
    assert layers[0] == base and [n for n in names(layers[-1]) if ".wh." in n] == ["old/.wh.data"]
    keep = slim(pare, location, tmp_path / "keep.tar", KEEP, *args)[2]
    assert tree(pare, tmp_path / "out.tar") == tree(pare, tmp_path / "keep.tar") and union(layers) == union(keep)


# --- one layer ---

def everything():
    """Layers in which each kind of entry is made, hidden, replaced and linked across them."""
    base = layer(Dir("a", uid=5, mode=0o750), File("a/one", b"1" * 700, mode=0o4755, mtime=1234567890), Hardlink("a/two", "a/one"), Dir("a/gone"), File("a/gone/x", b"x" * 300), Dir("becomes"), File("becomes/x", b"y" * 200),
                 File("file", b"f" * 100), Symlink("ln", "a/one"), Fifo("fifo"), Device("dev", 1, 3), File("cap", b"c" * 80, xattrs={"security.capability": b"\1\0\0\2\0\4\0\0"}), Dir("lib"), Symlink("lib64", "lib"),
                 Dir("op"), File("op/a", b"a" * 90), File("old/implied", b"o"))
    top = layer(Hardlink("b/three", "a/one"), Whiteout("a/gone"), File("becomes", b"no directory"), Dir("file"), File("file/in", b"i"), File("lib64/so", b"s" * 50), Opaque("op"), File("op/b", b"b" * 91), Whiteout("old/implied"))
    last = layer(Dir("a", mode=0o711, uid=6), File("b/long" + "g" * 150, b"l" * 60, mtime=-5), File("junk", b"j" * 100))
    return [base, top, last, layer(Whiteout("junk"))]


@pytest.mark.parametrize("level", ["safe", "package", "file"])
def test_flatten(pare, tmp_path, level):
    location, _ = image(tmp_path, *everything(), layer(*files({"bin/run": RUN}, mode=0o755)), config={"Cmd": ["/bin/run"]}, history=["A", "B", "C", "D", ("ENV A=b", True), "E"])
    keep = [x for p in ("a", "b", "becomes", "file", "ln", "fifo", "dev", "cap", "lib*", "op", "old") for x in ("--keep", p)]
    _, config, layers = slim(pare, location, tmp_path / "flat.tar", "--flatten", *keep, level=level)
    slim(pare, location, tmp_path / "keep.tar", KEEP, *keep, level=level)
    assert len(layers) == 1 and created(config) == ["pare slim: all in one layer"] and [h["created_by"] for h in config["history"]][:6] == ["A", "B", "C", "D", "ENV A=b", "E"]
    found = union(layers)
    assert not any(".wh." in n for n in names(layers[0])) and names(layers[0]) == sorted(names(layers[0]))
    assert tree(pare, tmp_path / "flat.tar") == tree(pare, tmp_path / "keep.tar")
    assert found["a"][0][1:4] == (0o711, 6, 0) and found["a/one"][0][1] == 0o4755 and found["a/one"][0][4] == 1234567890 and found["cap"][0][8]
    assert found["b/three"][2] == ["a/one", "a/two", "b/three"] and found["lib/so"][1] == b"s" * 50 and found["op/b"] and "op/a" not in found
    assert found["becomes"][1] == b"no directory" and found["file/in"] and found["old"][0][1:4] == (0o755, 0, 0) and found["b/long" + "g" * 150][0][4] == -5
    again = slim(pare, tmp_path / "flat.tar", tmp_path / "twice.tar", "--flatten", *keep, level=level)[2]
    assert level != "safe" or again == layers  # what is flat already stays byte for byte


def test_nothing_left_is_one_layer(pare, tmp_path):
    location, _ = image(tmp_path, layer(File("tmp/x", b"x" * 600)))
    assert len(slim(pare, location, tmp_path / "out.tar", "--flatten", level="safe")[2]) == 1


@pytest.mark.parametrize("other", [KEEP, "--keep-base"])
def test_flatten_leaves_nothing_to_keep(pare, tmp_path, other):
    location, _ = image(tmp_path, layer(File("a", b"a")))
    r = pare("slim", "--level", "safe", "--flatten", other, location, "-o", tmp_path / "out.tar", status=2)
    assert other in r.err and not (tmp_path / "out.tar").exists()


def test_a_sparse_file(pare, tmp_path):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        sparse = tarfile.TarInfo("sparse")
        sparse.type = tarfile.GNUTYPE_SPARSE
        block = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
        block[124:136] = b"%011o\0" % 512
        block[386:398], block[398:410] = b"%011o\0" % 4096, b"%011o\0" % 512
        block[483:495] = b"%011o\0" % 8192
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        tar.fileobj.write(bytes(block) + b"s" * 512)
        tar.offset += 1024
    location, _ = image(tmp_path, layer(*files({"bin/run": RUN}, mode=0o755), File("tmp/x", b"x" * 600)), out.getvalue())
    slim(pare, location, tmp_path / "out.tar", "--flatten", level="safe")
    assert tree(pare, tmp_path / "out.tar")["/sparse"][4] == "8192"
    with tarfile.open(fileobj=io.BytesIO(archive(tmp_path / "out.tar")[2][0])) as tar:
        assert tar.extractfile("sparse").read() == b"\0" * 4096 + b"s" * 512 + b"\0" * 3584


# --- any layers ---

@pytest.mark.parametrize("seed", range(4))
def test_any_layers_give_the_same_tree_in_every_form(pare, tmp_path, seed):
    rng, done = random.Random(100 + seed), 0
    for turn in range(2000):
        if done == 6:
            break
        layers = random_layers(rng)
        layers.insert(rng.randrange(len(layers) + 1), layer(*files({"bin/run": b"#!/bin/sh\ncat /a/x /b/x /c\n"}, mode=0o755)))
        location, _ = image(tmp_path, *layers, config={"Cmd": ["/bin/run"]})
        args, level = ("--keep", rng.choice("abcz")), rng.choice(["safe", "package", "file"])
        if slim(pare, location, tmp_path / "keep.tar", KEEP, *args, level=level, status=None)[0] is None:
            continue  # its layers contradict themselves
        want = tree(pare, tmp_path / "keep.tar")
        flat = slim(pare, location, tmp_path / "flat.tar", "--flatten", *args, level=level)[2]
        assert len(flat) == 1 and tree(pare, tmp_path / "flat.tar") == want and names(flat[0]) == sorted(names(flat[0]))
        report, _, rate = slim(pare, location, tmp_path / "rate.tar", *args, level=level)
        assert tree(pare, tmp_path / "rate.tar") == want
        if not any(x["fate"] == "kept" for x in report["layers"]):  # they may lead through links
            assert union(rate) == union(flat)
        done += 1
    assert done == 6


def test_the_root_is_listed(pare, tmp_path):
    location, _ = image(tmp_path, layer(Dir("./", mode=0o755), *files({"bin/run": RUN, "usr/share/used/data": b"u"}, mode=0o755), *files({"tmp/x": b"x" * 900})), layer(Dir("./", mode=0o711, uid=3), File("own", b"o")))
    for args in ([], ["--flatten"]):
        _, _, layers = slim(pare, location, tmp_path / "out.tar", "--keep", "own", *args)
        with tarfile.open(fileobj=io.BytesIO(layers[-1])) as tar:
            root = tar.getmembers()[0]
        assert root.name in (".", "") and (root.mode, root.uid) == (0o711, 3)
    other, _ = image(tmp_path, layer(Dir("./", mode=0o711), *files({"bin/run": RUN}, mode=0o755)), layer(File("tmp/x", b"x" * 900), Dir("srv"), File("srv/a", b"a")), name="other.tar")
    _, _, layers = slim(pare, other, tmp_path / "out.tar", "--keep", "srv")
    assert not {".", ""} & set(names(layers[-1]))  # it is in the layer below, as it is


def test_layers_that_come_out_no_smaller_stay(pare, tmp_path):
    rng = random.Random(3)
    built = Image([layer(*files({"bin/run": RUN, "srv/text": b"".join(b"%d: all work and no play\n" % rng.randrange(9000) for _ in range(20000))}, mode=0o755), Dir("tmp"), File("tmp/x", b"x"))], config={"Cmd": ["/bin/run"]})
    built.oci(tmp_path / "in", compression="gzip")
    out = tmp_path / "out"
    pare("slim", "--no-run", "--level", "file", f"oci:{tmp_path / 'in'}", "-o", f"oci:{out}:x", "--keep", "srv", "--compression-level", "1")
    shown = pare("inspect", f"oci:{out}", "--format", "json").json()
    assert [x["digest"] for x in shown["layers"]] == [x["digest"] for x in json.loads(built.manifest("gzip")[0])["layers"]]


def test_a_directory_that_is_listed_again_as_it_was_changes_nothing(pare, tmp_path):
    whole = layer(Dir("srv"), File("srv/a", b"a" * 400))
    location, _ = image(tmp_path, layer(*files({"bin/run": RUN}, mode=0o755), *files({"tmp/x": b"x" * 900})), whole, layer(Dir("srv"), File("srv/b", b"b"), Dir("tmp"), File("tmp/y", b"y" * 900)))
    report, _, layers = slim(pare, location, tmp_path / "out.tar", "--keep", "srv")
    assert [x["fate"] for x in report["layers"]] == ["rewritten", "kept", "rewritten"] and layers[-1] == whole
