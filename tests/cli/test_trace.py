"""What runs touch: pare run --trace-dir, as root and as an ordinary user, and the lock-down that slim --profile makes of it."""
import json
import os
import re
import shutil
import tempfile

import pytest
from imagelib import Dir, File, Image, Symlink, layer
import schemalib
from test_run import World, able, ordinary

BUSYBOX = shutil.which("busybox")
pytestmark = pytest.mark.skipif(able() is not None or not BUSYBOX, reason="no runtime or no busybox")


def image(path, command):
    binary = open(BUSYBOX, "rb").read()
    names = [Symlink("bin/" + n, "busybox") for n in ("sh", "cat", "ls", "mkdir", "mv", "rm", "touch", "stat", "chroot")]
    Image([layer(Dir("bin"), File("bin/busybox", binary, 0o755), *names, Dir("etc"), File("etc/passwd", b"root:x:0:0::/:/bin/sh\n"), File("etc/seen", b"1"), Symlink("etc/link", "../data/real"),
                 Symlink("alias", "/data"), Dir("data"), File("data/real", b"2"), File("data/other", b"3"), Dir("tmp", 0o1777), File("bin/script", b"#!/alias/interpreter -x\n", 0o755),
                 File("data/interpreter", b"#!/bin/sh\nexit 0\n", 0o755), Dir("jail"), Dir("jail/bin"), File("jail/bin/busybox", binary, 0o755), File("jail/inner", b"4"))],
          {"Entrypoint": ["/bin/sh", "-c", command]}).docker_archive(path)


@pytest.fixture(params=["as it is", "another user"])
def traced(request, pare_binary):
    user = None
    if request.param == "another user":
        if os.geteuid() != 0:
            pytest.skip("not root")
        user = ordinary()
    root = tempfile.mkdtemp(prefix="pare-trace-", dir="/var/tmp")
    binary = os.path.join(root, "pare")
    shutil.copy(pare_binary, binary)
    os.chmod(root, 0o755)
    w = World(binary, root, user)
    for d in ("store", "home", "traces"):
        os.mkdir(os.path.join(root, d), 0o700)
        if user:
            os.chown(os.path.join(root, d), user.pw_uid, user.pw_gid)
    w.traces = os.path.join(root, "traces")

    def run(command, status=0):
        image(os.path.join(root, "image.tar"), command)
        w("--trace-dir", w.traces, os.path.join(root, "image.tar"), status=status)
        files = os.listdir(w.traces)
        assert len(files) == 1
        assert re.fullmatch(r"sha256-[0-9a-f]{64}\.sha256-[0-9a-f]{64}\.json", files[0])
        trace = json.load(open(os.path.join(w.traces, files[0])))
        os.unlink(os.path.join(w.traces, files[0]))
        schemalib.check(trace, "trace")
        return {p["path"]: set(p["what"]) for p in trace["paths"]}

    yield run
    shutil.rmtree(root, ignore_errors=True)


def test_opened_listed_missing_and_made(traced):
    seen = traced("cat /etc/seen; ls /data >/dev/null; cat /nowhere/at/all; cd /tmp; mkdir a; touch a/b; mv a/b a/c; rm a/c; cat ../data/other >/dev/null; exit 3", status=3)
    assert "opened" in seen["/etc/seen"]
    assert {"opened", "listed"} <= seen["/data"]
    assert seen["/nowhere/at/all"] == {"missing"}
    assert "made" in seen["/tmp/a"]
    assert {"made", "written", "deleted"} <= seen["/tmp/a/b"]
    assert {"made", "deleted"} <= seen["/tmp/a/c"]
    assert "opened" in seen["/data/other"]
    assert "executed" in seen["/bin/busybox"]
    assert not any(p.startswith(("/proc", "/dev", "/sys")) for p in seen)


def test_links_are_told_under_their_name_and_where_they_lead(traced):
    seen = traced("cat /etc/link /alias/other >/dev/null")
    assert "opened" in seen["/etc/link"]
    assert "opened" in seen["/data/real"]
    assert "/alias" in seen
    assert "opened" in seen["/data/other"]
    assert "/alias/other" not in seen


def test_what_the_kernel_opens_to_start_a_script(traced):
    seen = traced("/bin/script; true")
    assert "executed" in seen["/bin/script"]
    assert "executed" in seen["/data/interpreter"]
    assert "/alias" in seen


def test_names_in_a_root_of_its_own(traced):
    seen = traced("chroot /jail /bin/busybox cat /inner /../../inner >/dev/null")
    assert "opened" in seen["/jail/inner"]
    assert "/inner" not in seen
    assert "executed" in seen["/jail/bin/busybox"]


def test_locked_down(pare_binary, tmp_path):
    """What is written was run under; a program that needs little gets little."""
    import subprocess
    image(tmp_path / "image.tar", "cat /etc/seen; touch /tmp/x")
    env = dict(os.environ, PARE_STORE=str(tmp_path / "store"), PARE_OFFLINE="1")
    r = subprocess.run([pare_binary, "slim", "docker-archive:%s" % (tmp_path / "image.tar"), "-o", "docker-archive:%s" % (tmp_path / "out.tar"), "--profile", str(tmp_path / "profile")], env=env,
                       capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    assert sorted(os.listdir(tmp_path / "profile")) == ["apparmor.profile", "compose.yaml", "docker-run.txt", "kubernetes.yaml", "seccomp-steady.json", "seccomp.json"]
    profile = json.load(open(tmp_path / "profile" / "seccomp.json"))
    allowed = {n for s in profile["syscalls"] if s["action"] == "SCMP_ACT_ALLOW" and "args" not in s for n in s["names"]}
    assert {"openat", "execve", "write"} <= allowed
    assert not {"mount", "bpf", "ptrace", "reboot", "init_module", "keyctl", "clock_settime", "swapon", "kexec_load"} & allowed
    docker = open(tmp_path / "profile" / "docker-run.txt").read()
    assert "--read-only" in docker and "--tmpfs '/tmp'" in docker and "--user 65532:65532" in docker
    assert "readOnlyRootFilesystem: true" in open(tmp_path / "profile" / "kubernetes.yaml").read()
