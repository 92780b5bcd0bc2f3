"""What a step sees is the same whether the steps before it ran, came from the cache, or their trees were made again from layers; and it is what the image adds up to. Random operations on files over five layers; PARE_SEEDS=100 for
more of them."""
import os
import random
import shutil
import tarfile

from buildlib import build  # noqa: F401

SEEDS = int(os.environ.get("PARE_SEEDS", "2"))
NAMES = ["a", "b", "c", "d d", ".h", "\u00e9"]
LIST = "RUN mkdir /out; find /w /home /root -print0 | sort -z | xargs -0 stat -c '%%N|%%F|%%a|%%u|%%g|%%s|%%Y' | sed 's/|directory|\\([^|]*|[^|]*|[^|]*\\)|[0-9]*|/|directory|\\1|0|/' >/out/l; " \
       "find /w -type f -print0 | sort -z | xargs -0 -r sha256sum >/out/s; true # %d\n"


def place(r):
    return "'/w/" + "/".join(r.choice(NAMES) for _ in range(r.randint(1, 4))) + "'"


def operation(r):
    a, b, n = place(r), place(r), r.randint(0, 9999)
    return r.choice([
        "mkdir -p %s" % a, "mkdir -p %s" % a, "mkdir -p %s" % a, "echo %d >%s" % (n, a), "echo %d >>%s" % (n, a), "rm -rf %s" % a, "rm -f %s" % a, "mv %s %s" % (a, b), "mv %s %s" % (a, b), "mv -T %s %s" % (a, b),
        "cp -a %s %s" % (a, b), "ln %s %s" % (a, b), "ln %s %s" % (a, b), "ln -s %s %s" % (a, b), "ln -sfn %s %s" % (a, b), "chmod %o %s" % (r.choice([0o644, 0o4755, 0o2755, 0o1777, 0, 0o700]), a),
        "chown %d:%d %s" % (r.randint(0, 60000), r.randint(0, 3000), a), "chown -h %d:%d %s" % (r.randint(0, 9), r.randint(0, 9), a), "touch -d '2001-02-03 04:05:0%d' %s" % (n % 10, a), "touch %s" % a, "mkfifo /w/pipe%d" % (n % 3),
        "mv /home /w/home%d" % (n % 3), "rm -rf /w/*", "rm -rf /w; mkdir /w", "D=%s; test -d \"$D\" && rm -rf \"$D\" && mkdir \"$D\" && echo %d >\"$D\"/n" % (a, n), "D=%s; test -d \"$D\" && rm -rf \"$D\" && echo 1 >\"$D\"" % a,
        "D=%s; test -f \"$D\" && rm \"$D\" && mkdir \"$D\" && echo 2 >\"$D\"/c" % a, "find /w -type d | tail -n 1 | xargs -I{} mv {} /w/moved", "find /w -type f | head -n 3 | xargs -I{} ln {} {}.l", "mkdir -m 0 %s" % a,
        "sed -i s/1/2/ %s" % a, "dd if=/dev/zero of=%s bs=1k seek=%d count=1 conv=notrunc" % (a, n % 200)])


def listed(build, tmp_path, text, name):
    out = tmp_path / name
    d = build.context(text)
    build.pare("build", "-o", "type=tar,dest=%s" % out, d)
    with tarfile.open(out) as t:
        return t.extractfile("out/l").read().decode(), t.extractfile("out/s").read(), {"/" + e.name.rstrip("/") for e in t}


def test_a_step_sees_the_same_in_every_way(build, tmp_path):
    for seed in range(SEEDS):
        r = random.Random(seed + int(os.environ.get("PARE_SEED", "0")))
        steps = ["FROM base\nRUN mkdir /w\n"] + ["RUN cd /w; (%s) >/dev/null 2>&1; true\n" % "; ".join(operation(r) for _ in range(r.randint(3, 20))) for _ in range(5)]
        text, trees = "".join(steps), build.pare.store / "build" / "trees"
        ran = listed(build, tmp_path, text + LIST % 1, "ran%d" % seed)
        shutil.rmtree(trees)
        assert listed(build, tmp_path, text + LIST % 2, "made%d" % seed) == ran, (seed, text)
        shutil.rmtree(trees)
        listed(build, tmp_path, "".join(steps[:4]) + LIST % 3, "some%d" % seed)  # a whole tree in the middle
        assert listed(build, tmp_path, text + LIST % 4, "mixed%d" % seed) == ran, (seed, text)
        seen = {line.split("|")[0].split(" -> ")[0].strip("'`") for line in ran[0].splitlines()}
        assert seen == {n for n in ran[2] if n.split("/")[1] in ("w", "home", "root")}, (seed, text)
        d = build.context(text)
        assert build.pare("build", d).out == build.pare("build", "--no-cache", d).out, (seed, text)
