"""What runs touch: pare run --trace-dir, as root and as an ordinary user, and the lock-down that slim --profile makes of it."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import pytest
from imagelib import Dir, File, Image, Symlink, layer
import schemalib
from test_run import World, able, ordinary

BUSYBOX = shutil.which("busybox")
APPARMOR = shutil.which("apparmor_parser", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
pytestmark = pytest.mark.skipif(able() is not None or not BUSYBOX, reason="no runtime or no busybox")


def image(path, command, more=(), **config):
    binary = open(BUSYBOX, "rb").read()
    names = [Symlink("bin/" + n, "busybox") for n in ("sh", "cat", "ls", "mkdir", "mv", "rm", "touch", "stat", "chroot", "httpd")]
    Image([layer(Dir("bin"), File("bin/busybox", binary, 0o755), *names, Dir("etc"), File("etc/passwd", b"root:x:0:0::/:/bin/sh\n"), File("etc/seen", b"1"), Symlink("etc/link", "../data/real"),
                 Symlink("alias", "/data"), Dir("data"), File("data/real", b"2"), File("data/other", b"3"), Dir("tmp", 0o1777), File("bin/script", b"#!/alias/interpreter -x\n", 0o755),
                 File("data/interpreter", b"#!/bin/sh\nexit 0\n", 0o755), Dir("jail"), Dir("jail/bin"), File("jail/bin/busybox", binary, 0o755), File("jail/inner", b"4"), *more)],
          {"Entrypoint": ["/bin/sh", "-c", command], **config}).docker_archive(path)


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


def locked_down(pare_binary, tmp_path, command, *options, **config):
    """What slim --profile writes for an image: names and texts of its files."""
    image(tmp_path / "image.tar", command, **config)
    env = dict(os.environ, PARE_STORE=str(tmp_path / "store"), PARE_OFFLINE="1")
    r = subprocess.run([pare_binary, "slim", "docker-archive:%s" % (tmp_path / "image.tar"), "-o", "docker-archive:%s" % (tmp_path / "out.tar"), "--profile", str(tmp_path / "profile"), *options],
                       env=env, capture_output=True, text=True)
    assert r.returncode == 0, r.stdout + r.stderr
    files = {n: open(tmp_path / "profile" / n).read() for n in os.listdir(tmp_path / "profile")}
    assert sorted(files) == ["apparmor.profile", "compose.yaml", "docker-run.txt", "kubernetes.yaml", "runtime.json", "seccomp-steady.json", "seccomp.json"]
    return files


def allowed(text):
    return {n for s in json.loads(text)["syscalls"] if s["action"] == "SCMP_ACT_ALLOW" and "args" not in s for n in s["names"]}


def test_locked_down(pare_binary, tmp_path):
    """What is written was run under; a program that needs little gets little. A command works on files of whoever calls it, as whom the image says."""
    files = locked_down(pare_binary, tmp_path, "cat /etc/seen; touch /tmp/x")
    names, steady = allowed(files["seccomp.json"]), allowed(files["seccomp-steady.json"])
    assert {"openat", "execve", "write"} <= names
    assert not {"mount", "bpf", "ptrace", "reboot", "init_module", "keyctl", "clock_settime", "swapon", "kexec_load", "socket", "clone", "personality"} & names
    assert steady < names
    socket = [s["args"][0]["value"] for s in json.loads(files["seccomp.json"])["syscalls"] if "socket" in s["names"]]
    assert socket == [1, 2, 10, 16]
    docker = files["docker-run.txt"]
    assert "--read-only" in docker and "--tmpfs '/tmp'" in docker and "--user" not in docker
    assert "readOnlyRootFilesystem: true" in files["kubernetes.yaml"]
    runtime = json.loads(files["runtime.json"])
    assert runtime["root"]["readonly"] is True and [m["destination"] for m in runtime["mounts"]] == ["/tmp"]
    capabilities = re.findall(r"--cap-add (\S+)", docker.split("docker run")[1])
    assert runtime["process"]["capabilities"] == {k: ["CAP_" + c for c in capabilities] for k in ("bounding", "effective", "permitted")}


def test_a_service_is_locked_down_further(pare_binary, tmp_path):
    files = locked_down(pare_binary, tmp_path, "httpd -f -p 8080 -h /data", "--http-probe", "/real", ExposedPorts={"8080/tcp": {}}, Volumes={"/kept": {}})
    assert "--user 65532:65532" in files["docker-run.txt"] and "--volume '/kept'" in files["docker-run.txt"]
    assert "--cap-add" not in files["docker-run.txt"].split("docker run")[1]
    runtime = json.loads(files["runtime.json"])
    assert runtime["process"] == {"capabilities": {"bounding": []}, "noNewPrivileges": True, "user": {"uid": 65532, "gid": 65532}}
    assert runtime["linux"]["seccomp"] == json.loads(files["seccomp.json"]) and runtime["root"]["readonly"] is False


@pytest.fixture(scope="module", params=["cc", "cc -static", "musl-gcc", "musl-gcc -static"])
def calls(request, tmp_path_factory):
    """A program that calls most of its C library, and the libraries that it takes."""
    if not shutil.which(request.param.split()[0]):
        pytest.skip("no " + request.param)
    program = str(tmp_path_factory.mktemp("calls") / "calls")
    built = subprocess.run([*request.param.split(), "-D_GNU_SOURCE", "-O1", "-w", "-pthread", "-o", program, os.path.join(os.path.dirname(__file__), "calls.c")], capture_output=True)
    if built.returncode:
        pytest.skip("does not build with " + request.param)
    names = [] if "-static" in request.param else [n for n in ("/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/lib/x86_64-linux-gnu/librt.so.1", "/lib/x86_64-linux-gnu/libpthread.so.0",
                                                               "/lib/ld-musl-x86_64.so.1") if os.path.exists(n)]
    return program, names


def test_what_no_run_did_works_locked_down(pare_binary, tmp_path, calls):
    """Trained with nothing, a profile has what the program could call all the same; and it is not the one that has all."""
    program, libraries = calls
    read = lambda n: open(n, "rb").read()
    Image([layer(Dir("lib"), Dir("lib64"), Dir("lib/x86_64-linux-gnu"), File("calls", read(program), 0o755), *[File(n[1:], read(n), 0o755) for n in libraries], Dir("tmp", 0o1777), Dir("etc"),
                 File("etc/passwd", b"root:x:0:0::/:/bin/sh\n"))], {"Entrypoint": ["/calls"]}).docker_archive(tmp_path / "image.tar")
    (tmp_path / "verify").write_text("/calls all\n")
    env = dict(os.environ, PARE_STORE=str(tmp_path / "store"), PARE_OFFLINE="1")
    r = subprocess.run([pare_binary, "slim", "docker-archive:%s" % (tmp_path / "image.tar"), "-o", "docker-archive:%s" % (tmp_path / "out.tar"), "--profile", str(tmp_path / "profile"),
                        "--verify", str(tmp_path / "verify"), "--evidence", str(tmp_path / "evidence.json")], env=env, capture_output=True, text=True)
    assert r.returncode == 0 and "locked down, the result does not answer" not in r.stderr, r.stdout + r.stderr
    names = allowed(open(tmp_path / "profile" / "seccomp.json").read())
    assert "timerfd_create" in names and "listmount" not in names and len(names) < 280
    assert [r["name"] for r in json.load(open(tmp_path / "evidence.json"))["trial"]["checks"] if r["name"].startswith("locked down")] == ["locked down"]
    assert "--read-only" in open(tmp_path / "profile" / "docker-run.txt").read()


KUBERNETES = {  # names of fields, by what holds them (v1.PodSpec and below)
    "": {"spec"},
    "spec": {"containers", "volumes"},
    "spec.containers": {"name", "image", "securityContext", "volumeMounts"},
    "spec.containers.securityContext": {"allowPrivilegeEscalation", "privileged", "readOnlyRootFilesystem", "runAsNonRoot", "runAsUser", "runAsGroup", "capabilities", "seccompProfile", "appArmorProfile"},
    "spec.containers.securityContext.capabilities": {"add", "drop"},
    "spec.containers.securityContext.seccompProfile": {"type", "localhostProfile"},
    "spec.containers.securityContext.appArmorProfile": {"type", "localhostProfile"},
    "spec.containers.volumeMounts": {"name", "mountPath"},
    "spec.volumes": {"name", "emptyDir"},
    "spec.volumes.emptyDir": {"medium"},
}
COMPOSE = {
    "": {"services"},
    "services": {"app"},
    "services.app": {"image", "cap_drop", "cap_add", "security_opt", "read_only", "tmpfs", "volumes", "user"},
}


def fields(doc, known, where=""):
    if isinstance(doc, list):
        for d in doc:
            fields(d, known, where)
    elif isinstance(doc, dict):
        assert set(doc) <= known[where], where
        for k, v in doc.items():
            fields(v, known, (where + "." + k).lstrip("."))


@pytest.mark.parametrize("service", [False, True])
def test_snippets_are_read_by_whom_they_are_for(pare_binary, tmp_path, service):
    yaml = pytest.importorskip("yaml")
    command, options = ("httpd -f -p 8080 -h /data", ["--http-probe", "/real"]) if service else ("cat /etc/seen; touch /tmp/x", [])
    files = locked_down(pare_binary, tmp_path, command, *options, Volumes={"/kept": {}}, **({"ExposedPorts": {"8080/tcp": {}}} if service else {}))
    pod, compose = yaml.safe_load(files["kubernetes.yaml"]), yaml.safe_load(files["compose.yaml"])
    fields(pod, KUBERNETES)
    fields(compose, COMPOSE)
    container = pod["spec"]["containers"][0]
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["spec"]["volumes"]}
    assert "/kept" in {m["mountPath"] for m in container["volumeMounts"]} and "/kept" in compose["services"]["app"]["volumes"]
    assert container["securityContext"].get("runAsUser") == (65532 if service else None)
    assert compose["services"]["app"]["read_only"] is container["securityContext"]["readOnlyRootFilesystem"] is True
    add = container["securityContext"]["capabilities"].get("add", [])
    assert add == compose["services"]["app"].get("cap_add", []) == re.findall(r"--cap-add (\S+)", files["docker-run.txt"].split("docker run")[1])


@pytest.mark.skipif(not APPARMOR, reason="no apparmor_parser")
def test_the_apparmor_profile_is_read(pare_binary, tmp_path):
    """As AppArmor's own compiler reads it, whatever a program is called."""
    odd = ["odd [name] *", "quo\"te", "comma, space", "back\\slash", "@{var}", "{a,b}", "^#"]
    files = locked_down(pare_binary, tmp_path, "cat /etc/seen; touch /tmp/x" + "".join("; '/bin/%s'" % n for n in odd), more=[File("bin/" + n, b"#!/bin/sh\nexit 0\n", 0o755) for n in odd])
    assert files["apparmor.profile"].count(" ix,\n") >= len(odd)
    r = subprocess.run([APPARMOR, "-Q", "-K", "-S", str(tmp_path / "profile" / "apparmor.profile")], capture_output=True)
    assert r.returncode == 0, r.stderr.decode() + files["apparmor.profile"]
