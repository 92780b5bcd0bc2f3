"""pare run: a command in an image, in a container that leaves nothing behind; as root and as an ordinary user. Hostile programs are ended, and nothing of them stays."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest
from imagelib import Device, Dir, Fifo, File, Hardlink, Image, Opaque, Symlink, Whiteout, layer

HERE = os.path.dirname(os.path.abspath(__file__))
SBIN = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
PASSWD = b"root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv/web:/bin/sh\n"
GROUP = b"root:x:0:\nweb:x:34:\nextra:x:40:other,web\nalone:x:41:\n"


def able():
    if not shutil.which("runc", path=SBIN):
        return "no runc"
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode:
        return "no namespaces"
    return None


pytestmark = pytest.mark.skipif(able() is not None, reason=str(able()))


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no compiler")
    path = tmp_path_factory.mktemp("inside") / "inside"
    subprocess.run([compiler, "-static", "-pthread", "-o", str(path), os.path.join(HERE, "inside.c")], check=True)
    return path.read_bytes()


def tree(program):
    return [layer(Dir("bin"), File("bin/inside", program, 0o755), Dir("etc"), File("etc/passwd", PASSWD), File("etc/group", GROUP), File("etc/there", b"there"), File("etc/gone", b"gone"),
                  File("etc/moved", b"moved"), Dir("srv"), Dir("srv/web", 0o750, uid=33, gid=34), File("srv/web/page", b"page", 0o640, uid=33, gid=34), Dir("tmp", 0o1777),
                  Dir("lib"), File("lib/one", b"1"), File("lib/two", b"2"), Dir("old"), File("old/a"), File("old/b"), Dir("data"), File("data/seed", b"seed")),
            layer(Whiteout("old/a"), Opaque("lib"), File("lib/three", b"3"), File("bin/set", b"s", 0o4755, uid=33), Hardlink("bin/again", "bin/set"), Symlink("bin/link", "inside"),
                  Symlink("out", "/../../../etc/there"), Symlink("escape", "/proc/self/fd/7"), Fifo("pipe"), Device("null", 1, 3), File("attr", b"", xattrs={"user.colour": "blue", "user.overlay.opaque": "y"}))]


class World:
    """The program, an image, a store that can be looked at."""

    def __init__(self, binary, root, user=None):
        self.binary, self.root, self.user, self.store = binary, root, user, os.path.join(root, "store")

    def start(self, *args, **kw):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.path.join(self.root, "home"), "PARE_STORE": self.store, "PARE_OFFLINE": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        env.update({k: v for k, v in os.environ.items() if k in ("ASAN_OPTIONS", "UBSAN_OPTIONS")})
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        chosen = ["--runtime", os.environ["PARE_TEST_RUNTIME"]] if "PARE_TEST_RUNTIME" in os.environ else []
        return subprocess.Popen([self.binary, "run", *chosen, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=kw.pop("stdin", subprocess.DEVNULL), env=env, cwd=self.root, **who, **kw)

    def __call__(self, *args, status=0, input=None, left=True):
        p = self.start(*args, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL)
        out, err = p.communicate(input, timeout=200)
        out, err = out.decode(), err.decode()
        assert p.returncode == status, (p.returncode, out[-2000:], err[-2000:])
        if left:
            self.nothing_left()
        return out, err

    def processes(self):
        """All that names the store, or was started in it."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                line = open("/proc/%s/cmdline" % pid, "rb").read()
                root = os.readlink("/proc/%s/root" % pid)
            except OSError:
                continue
            if (b"/bin/inside" in line or self.root.encode() in line) and int(pid) != os.getpid():
                found.append((pid, line, root))
        return found

    def nothing_left(self):
        run = os.path.join(self.store, "run")
        assert not os.path.isdir(run) or os.listdir(run) == []
        assert self.processes() == []
        assert self.store not in open("/proc/self/mountinfo").read()


@pytest.fixture(params=["as it is", "another user"])
def world(request, pare_binary, program):
    """Who runs the tests, and, when that is root, an ordinary user: one with IDs of its own when there is one."""
    user = None
    if request.param == "another user":
        if os.geteuid() != 0:
            pytest.skip("not root")
        user = ordinary()
    root = tempfile.mkdtemp(prefix="pare-run-", dir="/var/tmp")
    try:
        binary = os.path.join(root, "pare")
        shutil.copy(pare_binary, binary)
        os.chmod(root, 0o755)
        w = World(binary, root, user)
        w.single = user is not None and not ranges(user)
        for d in ("store", "home"):
            os.mkdir(os.path.join(root, d), 0o700)
            if user:
                os.chown(os.path.join(root, d), user.pw_uid, user.pw_gid)
        w.image = os.path.join(root, "image.tar")
        Image(tree(program), {"Entrypoint": ["/bin/inside"], "Cmd": ["say", "by itself", "complaint"], "Env": ["A=1", "B=2"], "WorkingDir": "/srv", "Volumes": {"/data": {}, "/more/data": {}}}).docker_archive(w.image)
        yield w
    finally:
        shutil.rmtree(root, ignore_errors=True)


def ranges(user):
    def has(path):
        try:
            return any(l.split(":")[0] in (user.pw_name, str(user.pw_uid)) for l in open(path))
        except OSError:
            return False
    return has("/etc/subuid") and has("/etc/subgid") and shutil.which("newuidmap", path=SBIN)


def ordinary():
    users = [u for u in pwd.getpwall() if 1000 <= u.pw_uid < 60000]
    return next((u for u in users if ranges(u)), pwd.getpwnam("nobody"))


def test_the_image_runs_by_itself(world):
    out, err = world(world.image)
    assert (out, err) == ("by itself\n", "complaint\n")


@pytest.mark.parametrize("status", [0, 1, 77, 255])
def test_its_status_is_the_programs(world, status):
    world(world.image, "exit", status, status=status)


def test_a_signal_is_its_status(world):
    world(world.image, "die", status=139)  # one that the first process of a namespace cannot ignore


def test_what_it_sees_of_itself(world):
    out, _ = world("--env", "B=3", "--env", "C=4", world.image, "who")
    lines = out.splitlines()
    assert lines[0] == "uid=0 gid=0 groups=0 cwd=/srv" or lines[0] == "uid=0 gid=0 groups= cwd=/srv"
    assert lines[1:] == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=pare", "A=1", "B=3", "C=4", "HOME=/root"]


def test_a_user_has_groups_and_a_home(world):
    if world.single:
        _, err = world("--user", "web", world.image, "who", status=4)
        assert "usermod --add-subuids" in err
        return
    assert world("--user", "web", "--workdir", "/tmp", world.image, "who")[0].splitlines()[0] == "uid=33 gid=34 groups=40 cwd=/tmp"
    assert world("--user", "web:alone", world.image, "who")[0].splitlines()[0] == "uid=33 gid=41 groups= cwd=/srv"
    assert world("--user", "33", world.image, "show", "/srv/web/page")[0] == "page"
    assert "HOME=/srv/web" in world("--user", "33", world.image, "who")[0]
    assert world("--user", "1234:55", world.image, "who")[0].splitlines()[0] == "uid=1234 gid=55 groups= cwd=/srv"


def test_what_the_image_does_not_have_is_an_answer(world):
    _, err = world("--user", "nobody-here", world.image, status=126)
    assert "no such user" in err
    world("--entrypoint", "", world.image, "/bin/absent", status=127)
    world("--entrypoint", "", world.image, "absent", status=127)
    world("--entrypoint", "", world.image, "/etc/passwd", status=126)


def test_the_tree_is_the_images(world):
    s = not world.single

    def about(path):
        return world(world.image, "about", path, left=False)[0].strip()
    own = "33:34" if s else "0:0"
    assert about("/srv/web").startswith("/srv/web 40750 %s 0 " % own)
    assert about("/srv/web/page").startswith("/srv/web/page 100640 %s 4 " % own)
    assert about("/bin/set").startswith("/bin/set 104755 %s:0 1 " % ("33" if s else "0"))
    assert about("/bin/again").split()[5] == "2" and about("/bin/again").split()[1] == "104755"
    assert about("/bin/link").endswith(" inside")
    assert about("/pipe").startswith("/pipe 10644 ")
    assert about("/tmp").startswith("/tmp 41777 ")
    assert about("/attr").endswith(" user.colour")
    assert world(world.image, "list", "/lib")[0] == "three\n"
    assert world(world.image, "list", "/old")[0] == "b\n"
    assert "null" not in world(world.image, "list", "/")[0].split()
    assert world(world.image, "show", "/out")[0] == "there"


def test_sparse_files(world, tmp_path, program):
    place = tmp_path / "tree"
    place.mkdir()
    with open(place / "holes", "wb") as f:
        f.seek(300000)
        f.write(b"middle")
        f.seek(5 << 20)
        f.write(b"end")
    with open(place / "holes", "rb") as f:
        want = f.read()
    for form in (["--format=gnu"], ["--format=pax", "--sparse-version=0.0"], ["--format=pax", "--sparse-version=0.1"], ["--format=pax", "--sparse-version=1.0"]):
        subprocess.run(["tar", "--sparse", *form, "-C", str(place), "-cf", str(tmp_path / "l.tar"), "holes"], check=True)
        image = os.path.join(world.root, "sparse.tar")
        Image([layer(File("inside", program, 0o755)), (tmp_path / "l.tar").read_bytes()], {"Entrypoint": ["/inside"]}).docker_archive(image)
        assert (tmp_path / "l.tar").stat().st_size < 1 << 20
        assert world(image, "show", "/holes")[0].encode() == want


def test_compressed_layers(world, program):
    for kind in ("gzip", "zstd"):
        path = os.path.join(world.root, kind + ".tar")
        Image(tree(program), {"Entrypoint": ["/bin/inside"]}).oci_archive(path, kind)
        assert world(path, "list", "/lib")[0] == "three\n"


def test_hidden_paths_are_not_there(world):
    hide = ["--hide", "/etc/gone", "--hide", "/srv", "--hide", "/srv/web", "--hide", "/nowhere/at/all", "--hide", "/bin/link/x"]
    before = world(world.image, "about", "/")[0]
    assert world(*hide, world.image, "about", "/")[0].split()[:3] == before.split()[:3]
    before = world(world.image, "about", "/bin")[0]
    assert world("--hide", "/bin/link", "--hide", "/bin/set", world.image, "about", "/bin")[0] == before  # as it was, but for what is gone
    assert world(*hide, world.image, "list", "/etc")[0].split() == ["group", "hostname", "hosts", "moved", "passwd", "resolv.conf", "there"]
    assert "No such file" in world(*hide, "--workdir", "/", world.image, "about", "/srv", status=1)[0]
    assert world(*hide, world.image, "list", "/bin")[0].split() == ["again", "inside", "link", "set"]


def test_what_it_wrote(world):
    _, err = world("--written", world.image, "change")
    lines = sorted(l for l in err.splitlines())
    assert lines == ["C /etc/here 5", "C /etc/there 7", "C /made", "C /made/in 1", "C /new 5", "D /etc/gone", "D /etc/moved"]
    assert world("--written", world.image)[1] == "complaint\n"
    assert world(world.image, "show", "/etc/there")[0] == "there"  # and the next one starts afresh


def test_volumes_are_writable_and_have_what_the_image_has(world):
    out, _ = world("--read-only", world.image, "put", "/new", "x", status=1)
    assert "Read-only" in out
    world("--read-only", world.image, "put", "/data/new", "x")
    world("--read-only", world.image, "put", "/more/data/new", "x")
    assert world("--read-only", world.image, "list", "/data")[0] == "seed\n"
    world("--read-only", "--tmpfs", "/tmp", world.image, "put", "/tmp/new", "x")
    assert "Read-only" in world("--read-only", world.image, "put", "/tmp/new", "x", status=1)[0]


def test_the_directory_it_starts_in(world):
    out, err = world("--workdir", "/not/there/yet", "--written", world.image, "who")
    assert out.splitlines()[0].endswith("cwd=/not/there/yet") and err == ""  # made for it, not by it
    assert world("--workdir", "/bin/../srv//web/.", world.image, "who")[0].splitlines()[0].endswith("cwd=/srv/web")
    for bad in ("/proc/self/fd/7", "/srv/../proc/self/fd/8/..", "/etc/passwd", "/escape"):
        assert world("--workdir", bad, world.image, "who", status=126)[0] == ""


def test_standard_input(world):
    assert world(world.image, "show", "-", input=b"unread")[0] == ""
    assert world("-i", world.image, "show", "-", input=b"read" * 50000)[0] == "read" * 50000


def test_the_network_leads_nowhere_unless_it_is_the_hosts(world):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        assert world(world.image, "connect", "127.0.0.1", port)[0] == "Connection refused\n"
        assert world(world.image, "connect", "192.0.2.1", port)[0] == "Network is unreachable\n"
        assert world("--network", "host", world.image, "connect", "127.0.0.1", port)[0] == "connected\n"


def test_it_cannot_reach_the_machine(world):
    st = os.stat("/")
    out, _ = world(world.image, "device", os.major(st.st_dev), os.minor(st.st_dev))
    assert out == "-1 -1\n"
    assert world(world.image, "mount")[0] == "-1\n"
    world(world.image, "put", "/proc/sys/kernel/core_pattern", "|x", status=1)
    world(world.image, "put", "/sys/kernel/uevent_helper", "x", status=1)


# ---------------------------------------------------------------- hostile programs

def test_one_that_never_ends_and_hears_nothing(world):
    out, err = world("--seconds", "1", world.image, "deaf", status=3)
    assert out == "deaf\n" and err == "pare: run: ended by a budget: 1 seconds\n"


def test_what_it_leaves_running_ends_with_it(world):
    world(world.image, "daemon")


def test_a_fork_bomb(world):
    _, err = world("--seconds", "60", world.image, "bomb", status=3)
    assert "ended by a budget" in err


def test_threads_are_counted_too(world):
    _, err = world("--seconds", "60", world.image, "threads", status=3)
    assert "ended by a budget" in err


def test_one_that_fills_the_disk(world):
    room = shutil.disk_usage(world.root).free
    _, err = world("--seconds", "100", world.image, "fill", "/tmp", status=3)
    assert "bytes written" in err or "room on the disk" in err
    assert shutil.disk_usage(world.root).free > room / 2


def test_output_beyond_the_budget_is_dropped_and_said(world):
    out, err = world(world.image, "flood", 200000)
    assert len(out) == 16 << 20
    assert err == "pare: run: %d bytes of output over the budget are not shown\n" % (200000 * 128 - (16 << 20))


def test_directories_deeper_than_a_path_can_say(world):
    world("--workdir", "/tmp", world.image, "deep", 300)
    _, err = world("--workdir", "/tmp", world.image, "deep", 20000, status=3)
    assert err == "pare: run: ended by a budget: 400 levels of directories\n"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_survives_the_program(world, how):
    p = world.start(world.image, "deaf")
    assert p.stdout.readline() == b"deaf\n"
    assert world.processes()
    p.send_signal(how)
    p.wait(30)
    p.stdout.read()  # to its end: nobody holds it open any more
    for _ in range(200):
        if not world.processes():
            break
        time.sleep(0.05)
    assert world.processes() == []
    assert world.store not in open("/proc/self/mountinfo").read()
    world(world.image)  # and what is left of directories goes with the next


def test_prune_takes_what_a_killed_run_left_and_nothing_of_a_living_one(world, program):
    path = os.path.join(world.root, "named.tar")
    Image([layer(File("inside", program, 0o755), File("x.part-abcdefgh", b"a name like one of our own"))], {"Entrypoint": ["/inside"]}).docker_archive(path)
    p = world.start(path, "deaf")
    assert p.stdout.readline() == b"deaf\n"
    left = os.path.join(world.store, "run", "tree-aaaaaaaa")
    os.makedirs(os.path.join(left, "root", "bin"))
    if world.user:
        os.chown(left, world.user.pw_uid, world.user.pw_gid)
        for d in ("root", "root/bin"):
            os.chown(os.path.join(left, d), world.user.pw_uid, world.user.pw_gid)
    who = {"user": world.user.pw_uid, "group": world.user.pw_gid, "extra_groups": []} if world.user else {}
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": os.path.join(world.root, "home"), "PARE_STORE": world.store}
    subprocess.run([world.binary, "prune", "--force"], env=env, cwd=world.root, check=True, capture_output=True, **who)
    assert not os.path.exists(left)
    trees = [d for d in os.listdir(os.path.join(world.store, "run")) if d.startswith("tree-")]
    assert len(trees) == 1
    assert sorted(os.listdir(os.path.join(world.store, "run", trees[0], "root"))) == ["inside", "x.part-abcdefgh"]
    p.kill()
    p.communicate()


def test_nobody_reads_what_it_prints(world):
    p = world.start(world.image, "flood", 1 << 40)
    p.stdout.read(1000)
    p.stdout.close()
    assert p.wait(60) == 0
    world.nothing_left()


# ---------------------------------------------------------------- what cannot be

def test_no_runtime(world):
    _, err = world("--runtime", "/nowhere/runc", world.image, status=4)
    assert err == "pare: /nowhere/runc: no OCI runtime that can be started\n"
    _, err = world("--runtime", "/bin/false", world.image, status=4)
    assert "no OCI runtime" in err


def test_a_runtime_that_is_broken_is_passed_over(world, monkeypatch):
    place = os.path.join(world.root, "bin")
    os.mkdir(place)
    real = shutil.which("runc", path=SBIN)
    for name, says, then in (("runc", "runc version 0", "exit 1"), ("crun", "another version 0", 'exec %s "$@"' % real)):
        with open(os.path.join(place, name), "w") as f:
            f.write("#!/bin/sh\n[ \"$1\" = --version ] && { echo '%s'; exit; }\n%s\n" % (says, then))
        os.chmod(os.path.join(place, name), 0o755)
    monkeypatch.setenv("PATH", place + ":" + os.environ["PATH"])
    monkeypatch.delenv("PARE_TEST_RUNTIME", raising=False)
    assert world(world.image)[0] == "by itself\n"
    with open(os.path.join(place, "crun"), "w") as f:
        f.write("#!/bin/sh\n[ \"$1\" = --version ] && { echo 'crun version 0'; exit; }\necho no luck >&2\nexit 1\n")
    _, err = world(world.image, status=4)
    assert err.startswith("pare: runc: ") and "; crun: " in err


def test_no_command(world, program):
    path = os.path.join(world.root, "none.tar")
    Image(tree(program)).docker_archive(path)
    _, err = world(path, status=2)
    assert "no command" in err


def test_an_image_with_holes_is_not_run(world):
    path = os.path.join(world.root, "cut.tar")
    with open(world.image, "rb") as f:
        whole = f.read()
    with open(path, "wb") as f:
        f.write(whole[:len(whole) // 2])
    world(path, status=3)


def test_usage(world):
    for bad in (["--seconds", "0"], ["--seconds", "x"], ["--network", "other"]):
        world(*bad, world.image, status=2)


@pytest.mark.parametrize("args", [["--tmpfs", "relative"], ["--tmpfs", "/.."], ["--tmpfs", "/proc/x"], ["--tmpfs", "/dev"], ["--tmpfs", "/tmp:size=1m"], ["--env", "=x"], ["--env", ""], ["--workdir", "relative"], ["--hide", "relative"], ["--hide", "/"],
                                  ["--seconds", "0"], ["--platform", "foo"], ["--read-only=maybe"]])
def test_wrong_options_are_seen_before_the_image_is(world, args):
    _, err = world(*args, "/no/such/image", status=2)
    (line,) = err.splitlines()
    assert line.startswith("pare: ") and args[0].split("=")[0] in line or "platform" in line


def test_a_variable_without_a_value_is_ours(world):
    out, _ = world("-e", "LC_ALL", "-e", "NOT_HERE", "-e", "B=3", world.image, "who")  # LC_ALL is what World.start() has
    assert "LC_ALL=C.UTF-8" in out.split("\n") and "B=3" in out and "NOT_HERE" not in out
