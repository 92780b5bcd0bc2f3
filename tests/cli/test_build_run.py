"""RUN as its users see it: what a step finds, what it may, what it leaves, how it ends."""
import base64
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from buildlib import build  # noqa: F401

SECRET = "Sekret-9Zq17"


def test_nothing_but_what_the_step_did_is_in_its_layer(build):
    b = build("FROM base\nRUN --mount=type=tmpfs,target=/m/t --mount=type=cache,target=/c/k --mount=target=/src/ctx --mount=type=secret,id=s --mount=type=ssh true && cat /etc/hosts /etc/resolv.conf >/dev/null && echo 1 >/etc/new\n")
    assert set(b.entries()) - {"etc"} == {"etc/new", "dev", "proc", "sys"}  # which this base has not


def test_a_mount_point_that_the_step_used_stays(build):
    b = build("FROM base\nRUN --mount=type=tmpfs,target=/m/t echo 1 >/m/beside && echo 2 >/m/t/f\n")
    assert b.read("m/beside") == b"1\n" and not any(n.startswith("m/t") for n in b.entries())


def test_a_directory_to_work_in_that_is_gone_is_made_as_the_step_s_own(build):
    b = build("FROM base\nWORKDIR /a/b\nRUN rm -r /a\nUSER app\nRUN pwd && touch mine\n")
    assert {n: (e.uid, e.gid) for n, e in b.entries().items()} == {n: (1000, 1001) for n in ("a", "a/b", "a/b/mine")}


def test_the_environment_is_the_step_s_own(build):
    b = build("FROM base\nARG V=1\nENV E=2\nRUN env | sort | grep -v -e ^PWD -e ^SHLVL -e ^OLDPWD >/e\nUSER app\nRUN echo $HOME $(id -u) $(id -g) $(umask) >/tmp/u; hostname >>/tmp/u\n", env={"CANARY": "x", "TERM": "xterm"})
    assert b.read("e").decode().split() == ["E=2", "HOME=/root", "PATH=/bin", "V=1"]
    assert b.read("tmp/u") == b"/home/app 1000 1001 0022\nbuildkitsandbox\n"


def test_the_host_is_not_to_be_seen(build, tmp_path):
    canary = tmp_path / "canary-of-the-host"
    canary.write_text("canary-of")
    look = "for p in /proc/[0-9]*; do cat $p/root%s $p/environ $p/cmdline; done 2>/dev/null | tr '\\0' ' ' | grep -c -f /c/words >/n\nls /dev >/d; true\n" % canary
    b = build("FROM base\nRUN --mount=target=/c sh /c/look\n", {"look": look, "words": "canary-of\n%s\nbuild -o\n" % tmp_path.name})
    assert b.read("n") == b"0\n"
    assert set(b.read("d").decode().split()) <= {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}


@pytest.mark.parametrize("what", ["mount -t tmpfs none /mnt", "hostname other", "echo 1 >/proc/sys/kernel/panic", "touch /sys/x", "chroot /proc/1/root ls", "kill -9 1; kill -0 1 && false"])
def test_what_a_step_may_not(build, what):
    b = build("FROM base\nRUN mkdir -p /mnt; { %s; } 2>/dev/null && echo done >/r || echo refused >/r\n" % what)
    assert b.read("r") == b"refused\n"


def test_more_rights_have_to_be_allowed(build, pare):
    text = "FROM base\nRUN --security=insecure mkdir /mnt && mount -t tmpfs none /mnt && touch /mnt/x && echo 1 >/r\n"
    d = build.context(text)
    assert "security.insecure" in pare("build", d, status=2).err
    b = build(text, args=["--allow", "security.insecure"])
    assert b.read("r") == b"1\n" and b.read("mnt/x") is None


def test_options_of_all_steps(build):
    b = build("FROM base\nRUN ulimit -n >/r; ulimit -Hn >>/r; tail -n 1 /etc/hosts >>/r; df -k /dev/shm | awk 'END{print $2}' >>/r\n", args=["--ulimit", "nofile=100:200", "--add-host", "registry:10.9.8.7", "--shm-size", "8m"])
    assert b.read("r") == b"100\n200\n10.9.8.7\tregistry\n8192\n"


@pytest.mark.parametrize("option", [["--ulimit", "nofile=2:1"], ["--ulimit", "nothing=1"], ["--add-host", "x"], ["--ssh", "default=/not/there"], ["--secret", "id=s,src=/not/there"]])
def test_wrong_options_are_refused_before_anything_runs(build, pare, option):
    pare("build", *option, build.context("FROM base\nRUN exit 9\n"), status=2)


def test_no_network_is_a_loopback_alone(build):
    b = build("FROM base\nRUN --network=none grep -c : /proc/net/dev >/a\nRUN --network=host grep -c : /proc/net/dev >/b\n", args=["--network", "none"])
    host = sum(":" in line for line in open("/proc/net/dev"))
    assert b.read("a") == b"1\n" and int(b.read("b")) == host


# --- mounts
def test_binds_lead_nowhere_and_change_nothing(build, tmp_path):
    canary = tmp_path / "canary"
    canary.write_text("stolen")
    d = build.context("FROM base AS s\nRUN echo 1 >/f\nFROM base\nRUN --mount=target=/c,rw --mount=from=s,target=/s,rw echo evil >/c/a && echo 2 >/s/f && cat /c/a /s/f >/r; cat /c/steal >>/r 2>/dev/null; true\nCOPY --from=s /f /g\n", {"a": "a"})
    (d / "steal").symlink_to(canary)
    b = build(None, context=d)
    assert b.read("r") == b"evil\n2\n" and b.read("g") == b"1\n" and (d / "a").read_text() == "a"


def test_a_file_that_is_not_there_cannot_be_mounted(build, pare):
    r = pare("build", build.context("FROM base\nRUN --mount=source=nope,target=/c true\n"), status=3)
    assert "nope" in r.err.splitlines()[-1] and "Dockerfile:2" in r.err.splitlines()[-1]


def test_caches_outlive_builds_and_failures(build, pare):
    step = "FROM base\nARG N\nRUN --mount=type=cache,id=../../x,target=/k%s echo $N >>/k/log; cat /k/log >/n; exit %d\n"
    assert build(step % ("", 0), args=["--build-arg", "N=1"]).read("n") == b"1\n"
    pare("build", "--build-arg", "N=2", build.context(step % ("", 3)), status=1)
    assert build(step % ("", 0), args=["--no-cache", "--build-arg", "N=3"]).read("n") == b"1\n2\n3\n"
    assert build(step % (",uid=5", 0), args=["--build-arg", "N=4"]).read("n") == b"4\n"  # another owner: another cache
    assert len(list((pare.store / "build/mounts").iterdir())) == 2 and not (pare.store / "build/x").exists()


def test_a_cache_begins_as_what_it_is_from(build):
    text = "FROM base AS s\nRUN mkdir -p /d/e && echo 1 >/d/e/f\nFROM base\nARG N\nRUN --mount=type=cache,from=s,source=/d,target=/k echo $N >>/k/e/f; cat /k/e/f >/r\nCOPY --from=s /d/e/f /g\n"
    assert build(text, args=["--build-arg", "N=2"]).read("r") == b"1\n2\n"
    b = build(text, args=["--build-arg", "N=3"])
    assert b.read("r") == b"1\n2\n3\n" and b.read("g") == b"1\n"


def test_private_and_locked_caches(build):
    stage = "FROM base AS %s%d\nRUN --mount=type=cache,id=%s,target=/k,sharing=%s touch /k/%d; ls /k | wc -l >/%s%d; sleep 1; rm /k/%d\n"
    text = "".join(stage % (w, i, w, w, i, w, i, i) for w in ("private", "locked") for i in (1, 2))
    b = build(text + "FROM scratch\n" + "".join("COPY --from=%s%d /%s%d /\n" % (w, i, w, i) for w in ("private", "locked") for i in (1, 2)))
    assert [b.read(w + n) for w in ("private", "locked") for n in "12"] == [b"1\n"] * 4


# --- secrets
def leaks(top):
    return [p for p in top.rglob("*") if p.is_file() and not p.is_symlink() and SECRET.encode() in p.read_bytes()]


@pytest.mark.parametrize("end", [0, 7])
def test_a_secret_is_of_its_step_alone(build, pare, tmp_path, end):
    (tmp_path / "given").write_text(SECRET)
    d = build.context("FROM base\nRUN --mount=type=secret,id=f,mode=0440,gid=8 --mount=type=secret,id=v,env=V stat -c '%%a %%u %%g' /run/secrets/f; test \"$(cat /run/secrets/f)\" = \"$V\" || exit 9; exit %d\nRUN test ! -e /run/secrets && test -z \"$V\"\n" % end)
    r = pare("build", "--progress=plain", "--secret", "id=f,src=%s" % (tmp_path / "given"), "--secret", "id=v,env=GIVEN", "-t", "x", d, env={"GIVEN": SECRET}, status=1 if end else 0)
    assert "440 0 8" in r.err and SECRET not in r.err + r.out and "exit status 9" not in r.err
    assert leaks(pare.root) == []


def secret_step(build, pare, tmp_path, step, status=0, args=()):
    (tmp_path / "given").write_text(SECRET + "\n")
    d = build.context("FROM base\nRUN --mount=type=secret,id=s --mount=type=cache,target=/k %s\n" % step)
    return pare("build", "--progress=plain", "--secret", "id=s,src=%s" % (tmp_path / "given"), *args, d, status=status)


@pytest.mark.parametrize("how", [[], ["--progress=rawjson"]])
def test_a_secret_that_a_step_says(build, pare, tmp_path, how):
    """In one piece or in several, on either stream, as it is or in a header: never."""
    r = secret_step(build, pare, tmp_path, "cat /run/secrets/s; s=$(cat /run/secrets/s); printf %s ${s%????}; sleep 0.3; echo ${s#${s%????}}; echo to $s >&2; printf u:$s | base64; printf '%s' ${s%?}; exit 3", status=1, args=how)
    said = r.err if not how else b"".join(base64.b64decode(x["data"]) for line in r.err.splitlines() if line.startswith("{") for x in json.loads(line).get("logs", [])).decode()
    for text in (SECRET, base64.b64encode(b"u:" + SECRET.encode()).decode()[4:-4]):
        assert text not in said
    assert said.count("***") == 4 and SECRET[:-1] in said  # what was the beginning of one only


def test_a_secret_stays_in_no_cache_mount(build, pare, tmp_path):
    """Of any step's end; what is beside it does."""
    for end in (0, 3):
        r = secret_step(build, pare, tmp_path, "s=$(cat /run/secrets/s); mkdir -p /k/d/e /k/$s/x; echo a $s b > /k/d/e/f; base64 /run/secrets/s > /k/b; echo 1 > /k/$s/x/y; echo fine > /k/fine; exit %d" % end, status=1 if end else 0)
        told = sorted(line.rsplit(" ", 1)[1] for line in r.err.splitlines() if "removed from a cache mount" in line)
        assert told == ["/***", "/b", "/d/e/f"] and "ERROR" not in r.err.replace("ERROR exit status 3", "")
        assert leaks(pare.store) == []
    assert build("FROM base\nRUN --mount=type=cache,target=/k find /k | sort > /l\n").read("l") == b"/k\n/k/d\n/k/d/e\n/k/fine\n"


def test_a_secret_in_another_form(build, pare, tmp_path):
    r = secret_step(build, pare, tmp_path, "printf 'auth = %s' $(printf user:$(cat /run/secrets/s) | base64) > /npmrc", status=3)
    assert r.err.splitlines()[-1].endswith("the value of a secret is in /npmrc, which would be in the image")


def test_a_secret_that_is_required_is_named(build, pare):
    assert "tok" in pare("build", build.context("FROM base\nRUN --mount=type=secret,id=tok,required true\n"), status=2).err.splitlines()[-1]
    assert "ssh" in pare("build", build.context("FROM base\nRUN --mount=type=ssh,required true\n"), status=2, env={"SSH_AUTH_SOCK": None}).err.splitlines()[-1]


@pytest.mark.skipif(not shutil.which("ssh-agent") or not shutil.which("ssh-keygen"), reason="no ssh-agent (Debian: openssh-client)")
def test_an_agent_for_a_key_lives_as_long_as_the_build(build, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    b = build("FROM base\nUSER app\nRUN --mount=type=ssh,uid=1000,mode=0660 stat -c '%a %u %g %F' $SSH_AUTH_SOCK >/tmp/r\nRUN echo \"[$SSH_AUTH_SOCK]\" >/tmp/s\n", args=["--ssh", "default=%s" % (tmp_path / "key")])
    assert b.read("tmp/r") == b"660 1000 0 socket\n" and b.read("tmp/s") == b"[]\n"
    assert subprocess.run(["pgrep", "-f", "ssh-agent -D -a %s" % tmp_path], stdout=subprocess.PIPE).stdout == b""


# --- how it ends
@pytest.mark.parametrize("script,words", [("exit 3", "exit status 3"), ("kill -9 $$", "137"), ("/no/such", "exit status 127"), ("sleep 98761.5", "ended: 1 seconds"), ("(setsid sleep 98761.5 &); while :; do sleep 98761.5; done", "ended: 1 seconds")])
def test_a_step_that_fails(build, pare, script, words):
    r = pare("build", "--timeout", "1", "-t", "x", build.context("FROM base\nRUN %s\n" % script), status=1)
    assert words in r.err.splitlines()[-1]
    assert subprocess.run(["pgrep", "-f", "^sleep 98761[.]5"], stdout=subprocess.PIPE).stdout == b""
    assert list((pare.store / "run").iterdir()) == [] and not any(str(pare.store) in line for line in open("/proc/self/mounts"))


def test_what_a_step_leaves_running_ends_with_it(build):
    t = time.monotonic()
    assert build("FROM base\nRUN (setsid sleep 98762.5 &); echo 1 >/f\n").read("f") == b"1\n"
    assert time.monotonic() - t < 60 and subprocess.run(["pgrep", "-f", "^sleep 98762[.]5"], stdout=subprocess.PIPE).stdout == b""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_build_that_is_ended(build, pare, by):
    d = build.context("FROM base\nRUN --mount=type=cache,target=/k echo 1 >/k/f; sleep 98763.5\n")
    env = {"PATH": os.environ["PATH"], "HOME": str(pare.root / "home"), "TMPDIR": str(pare.root / "tmp"), "PARE_STORE": str(pare.store), "PARE_OFFLINE": "1"}
    p = subprocess.Popen([*([pare.binary] if isinstance(pare.binary, str) else [str(pare.binary)]), "build", "-t", "x", str(d)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = ["pgrep", "-f", "^sleep 98763[.]5"]
    for _ in range(600):
        if subprocess.run(seen, stdout=subprocess.PIPE).stdout:
            break
        time.sleep(0.05)
    p.send_signal(by)
    assert p.wait(30) != 0
    for _ in range(100):
        if not subprocess.run(seen, stdout=subprocess.PIPE).stdout:
            break
        time.sleep(0.05)
    assert subprocess.run(seen, stdout=subprocess.PIPE).stdout == b""
    assert build("FROM base\nRUN --mount=type=cache,target=/k cat /k/f >/n\n").read("n") == b"1\n"  # not kept from anybody
    assert list((pare.store / "run").iterdir()) == [] and not [p for p in (pare.store / "build/trees").glob("*/new-*")]


def test_a_limit_that_the_step_set_itself_is_its_own(build, pare):
    r = pare("build", build.context("FROM base\nRUN ulimit -f 10; dd if=/dev/zero of=/x bs=1k count=100 2>/dev/null\n"), status=1)
    assert "exit status 153" in r.err and "bytes written" not in r.err


def test_a_step_may_be_told_how_many_processes_it_has(build):
    assert build("FROM base\nRUN ulimit -u >/r\n", args=["--ulimit", "nproc=500:600"]).read("r") == b"500\n"


@pytest.mark.parametrize("how, reason", [
    ("mkdir /etc/passwd", "/etc/passwd of the image is no file"), ("mkfifo /etc/group", "/etc/group of the image is no file"), ("ln -s ../proc/self/fd/0 /etc/passwd", "/etc/passwd of the image is no file"),
    ("dd of=/etc/passwd bs=1 count=0 seek=100000000", "/etc/passwd: over"), ("ln -s passwd /etc/passwd", None)])
def test_accounts_that_are_none_fail_the_next_step_at_once(build, pare, how, reason):
    """The runtime reads them, too: it would wait for a pipe, and its complaint is no failure of this machine."""
    t = time.monotonic()
    r = pare("build", "--timeout", "50", build.context("FROM base\nRUN rm /etc/passwd /etc/group; %s 2>/dev/null\nRUN echo 1 >/f\n" % how), status=1 if reason else 0)
    assert time.monotonic() - t < 40
    if reason:
        assert r.err.splitlines()[-1].startswith("pare: Dockerfile:3: RUN") and reason in r.err


def test_what_a_runtime_cannot_read_of_accounts_is_the_image_s(build, pare):
    """runc refuses long lines, crun reads none of them: no failure of this machine either way."""
    r = pare("build", build.context("FROM base\nRUN dd of=/etc/passwd bs=1 count=0 seek=100000 2>/dev/null\nRUN echo 1 >/f\n"), status=None)
    assert r.status in (0, 1) and (r.status == 0 or "Dockerfile:3" in r.err.splitlines()[-1])


def test_the_runtime_is_told_what_may_not_be_written(build, pare, tmp_path):
    """crun mounts binds anew with what it is told: a step would write into what others see, too."""
    real = shutil.which("runc", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or shutil.which("crun")
    told = pare.store / "told.json"
    (tmp_path / "runtime").write_text("#!/bin/sh\nfor a; do [ \"$p\" = --bundle ] && cp \"$a/config.json\" %s; p=$a; done\nexec %s \"$@\"\n" % (told, real))
    (tmp_path / "runtime").chmod(0o755)
    (tmp_path / "given").write_text(SECRET)
    step = "--mount=target=/ro --mount=target=/rw,rw --mount=type=cache,target=/k --mount=type=cache,target=/kr,ro --mount=type=secret,id=s,target=/secret --mount=from=base,target=/tree"
    d = build.context("FROM base\nRUN %s touch /rw/x /k/x; touch /ro/x /kr/x /tree/x 2>/dev/null; ls /ro /kr /tree | grep -c x$ >/r; true\n" % step, {"f": "1"})
    assert build(None, context=d, args=["--runtime", str(tmp_path / "runtime"), "--secret", "id=s,src=%s" % (tmp_path / "given")]).read("r") == b"0\n"
    binds = {m["destination"]: m["options"] for m in json.loads(told.read_text())["mounts"] if m["type"] == "bind"}
    assert {p for p, o in binds.items() if "ro" in o} >= {"/ro", "/kr", "/secret", "/tree"} and not {"/rw", "/k"} & {p for p, o in binds.items() if "ro" in o}
