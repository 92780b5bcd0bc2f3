"""The proof of `pare slim`: what only the deny run shows, what only an answer shows, what never becomes equal; probes of --verify; traces of several machines; watching for a time and by hand."""
import json
import os
import shutil
import socket
import subprocess
import urllib.request

import pytest

from imagelib import Dir, File, Image, layer
from schemalib import check
from test_run import able
from test_slim import tree

pytestmark = pytest.mark.skipif(able() is not None or not shutil.which("cc"), reason=str(able() or "no compiler"))

# Names of files are made up of pieces, so that nothing but a run can know them; names in /srv are listed, and opened by nobody.
PROGRAM = r"""
#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static int show(const char *dir, const char *name)
{
	char path[300], b[4096];
	snprintf(path, sizeof path, "%c%s%c%s", '/', dir, '/', name);
	FILE *f = fopen(path, "r");
	if (!f) return printf("%s is gone\n", name), 1;
	fwrite(b, 1, fread(b, 1, sizeof b, f), stdout);
	return fclose(f);
}
static int names(void)
{
	int n = 0;
	DIR *d = opendir("/srv");
	for (struct dirent *e; d && (e = readdir(d));) n += e->d_name[0] != '.';
	return n;
}
static int chain(void) /* a link leads to the next, once something is gone */
{
	char name[20];
	for (int i = 0; i < 12 && names() < 3; i++) {
		sprintf(name, "link%d", i);
		if (show("opt", name)) return 1;
	}
	return puts("whole"), 0;
}
static int layers(void) /* what nobody looks for */
{
	char line[4096];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	int n = 0;
	while (f && fgets(line, sizeof line, f))
		for (char *p = strstr(line, " / / ") ? line : ""; (p = strstr(p, "/fd/")); p++) n++;
	return puts(n > 3 ? "many layers" : "few layers"), 0;
}
static void stop(int s) { (void)s; _exit(0); }
static void later(int s) { (void)s; show("srv", "late"); fflush(stdout); }
static int serve(int port, const char *how)
{
	if (strcmp(how, "deaf")) signal(SIGTERM, stop);
	if (!strcmp(how, "later")) { signal(SIGALRM, later); siginterrupt(SIGALRM, 0); alarm(1); }
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 16)) return 2;
	for (;;) {
		char q[4096] = "", path[200] = "";
		int c = accept(s, NULL, NULL);
		if (read(c, q, sizeof q - 1) > 0) sscanf(q, "GET /%199[^ ]", path);
		FILE *f = path[0] && chdir("/srv") == 0 ? fopen(path, "r") : NULL;
		size_t n = f ? fread(q, 1, sizeof q, f) : 0;
		dprintf(c, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%.*s", f ? "200 OK" : "404 Not Found", n, (int)n, q);
		if (f) fclose(f);
		close(c);
	}
}
int main(int n, char **v)
{
	const char *what = n > 1 ? v[1] : "";
	if (!strcmp(what, "spare")) return names() < 3 ? show("opt", "spare") : puts("ok") < 0;
	if (!strcmp(what, "count")) return printf("%d names\n", names()) < 0;
	if (!strcmp(what, "chain")) return chain();
	if (!strcmp(what, "layers")) return layers();
	if (!strcmp(what, "show")) return show("srv", v[2]);
	if (!strcmp(what, "serve")) return serve(atoi(v[2]), n > 3 ? v[3] : "");
	return puts("nothing") < 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    d = tmp_path_factory.mktemp("tool")
    (d / "tool.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O1", "-w", "-static", "-o", d / "tool", d / "tool.c"], check=True)
    return (d / "tool").read_bytes()


@pytest.fixture
def image(program, tmp_path):
    def make(*command, **config):
        files = [Dir("bin"), File("bin/tool", program, mode=0o755), Dir("opt"), Dir("proc"), Dir("srv"), File("opt/spare", b"ok\n"), File("srv/late", b"late\n")]
        files += [File("opt/link%d" % i, b"-\n") for i in range(12)] + [File("srv/%d" % i, b"%d\n" % i) for i in range(3)] + [File("opt/idle", b"i" * 5000)]
        Image([layer(*files)], config={"Cmd": ["/bin/tool", *command], "Env": ["PATH=/bin"], **config}).docker_archive(tmp_path / "in.tar")
        return tmp_path / "in.tar"
    return make


@pytest.fixture
def slim(pare, tmp_path):
    """(the result, what was run and what came of it, the names of its files: None when there is none)"""
    def run(place, *args, status=0, out="out.tar"):
        said = tmp_path / "evidence.json"
        r = pare("slim", "--level", "file", place, "-o", "docker-archive:%s" % (tmp_path / out), "--evidence", said, *args, status=status, timeout=300)
        doc = json.loads(said.read_text())
        check(doc, "slim-evidence")
        return r, doc["trial"], {p[1:] for p in tree(pare, tmp_path / out)} if (tmp_path / out).exists() else None
    return run


def missed(trial):
    return [[m["path"] for m in d["misses"]] for d in trial["deny"]]


def test_a_file_that_only_the_deny_run_looks_for(image, slim):
    _, t, left = slim(image("spare"))
    assert missed(t) == [["/opt/spare"], []]
    assert t["deny"][0]["misses"][0]["by"] == "/bin/tool"
    assert "opt/spare" in left and not left & {"srv/0", "srv/1", "opt/idle", "opt/link0"}


def test_an_answer_that_differs_without_a_look(image, slim):
    _, t, left = slim(image("count"))
    assert missed(t) == [["/srv/0", "/srv/1", "/srv/2", "/srv/late"], []]
    assert t["deny"][0]["differences"] and not t["deny"][1]["differences"]
    assert {"srv/0", "srv/1", "srv/2", "srv/late"} <= left and not left & {"opt/spare", "opt/idle"}


def test_one_that_is_never_the_same_is_not_written(image, slim):
    r, t, left = slim(image("layers"), status=1)
    assert left is None and missed(t) == [[]]
    assert "start: before exit status 0, 11 bytes, after exit status 0, 12 bytes" in r.err and "nothing was written" in r.err
    assert "few layers" in t["deny"][0]["differences"][0]["why"]


def test_looking_for_more_each_time_ends(image, slim):
    r, t, left = slim(image("chain"), status=1)
    assert left is None and missed(t) == [["/opt/link%d" % i] for i in range(8)]
    assert r.err.count("nothing was written") == 1


def test_a_probe_that_only_verifies(image, slim, tmp_path):
    probes = tmp_path / "verify"
    probes.write_text("tool show 1\n")
    r, t, left = slim(image(), "--verify", probes, status=1)
    assert left is None and [(c["name"], c["pass"]) for c in t["checks"]] == [("start", True), ("verify: tool show 1", False)]
    assert "verify: tool show 1: before exit status 0, 2 bytes, after exit status 1" in r.err and "nothing was written" in r.err
    _, t, left = slim(image(), "--verify", probes, "--exec", "tool show 1")
    assert all(c["pass"] for c in t["checks"]) and "srv/1" in left and "srv/2" not in left


def test_traces_add_up_in_any_order(image, slim, pare, tmp_path):
    """Of two machines: each has a directory of traces of its own; a third gets both, whatever they are called there."""
    place, made = image(), []
    for n in "12":
        where = tmp_path / ("machine" + n)
        where.mkdir()
        pare("run", "--trace-dir", where, place, "--", "/bin/tool", "show", n)
        made += [where / f for f in os.listdir(where)]
    assert len(made) == 2
    results = []
    for order in (made, made[::-1]):
        where = tmp_path / ("both%d" % len(results))
        where.mkdir()
        for i, f in enumerate(order):
            shutil.copy(f, where / f.name)
            os.utime(where / f.name, (i, i))
        out = where.name + ".tar"
        _, _, left = slim(place, "--trace-dir", where, out=out)
        assert {"srv/1", "srv/2"} <= left and "srv/0" not in left
        results.append((tmp_path / out).read_bytes())
    assert results[0] == results[1]
    _, _, left = slim(place, "--trace-dir", tmp_path / "machine1")
    assert "srv/1" in left and "srv/2" not in left


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_watched_for_a_time(image, slim):
    _, t, left = slim(image("serve", "8080", "later", ExposedPorts={"8080/tcp": {}}), "--for", "3")
    assert t["kind"] == "service" and "srv/late" in left and "srv/1" not in left


@pytest.mark.skipif(os.geteuid() != 0, reason="the network of the host is root's")
def test_used_by_hand(image, pare, tmp_path):
    port, out = free_port(), tmp_path / "out.tar"
    place = image("serve", str(port), ExposedPorts={"%d/tcp" % port: {}})
    env = {**os.environ, "PARE_STORE": str(pare.store), "TMPDIR": str(tmp_path), "PARE_OFFLINE": "1", "LC_ALL": "C.UTF-8"}
    p = subprocess.Popen([pare.binary, "slim", "--level", "file", place, "-o", "docker-archive:%s" % out, "--by-hand", "--network", "host"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, env=env)
    try:
        said = []
        while not said or "Enter ends it" not in said[-1]:
            said.append(p.stderr.readline())
            assert said[-1], said
        assert "on port " in said[-1] and str(port) in said[-1]
        assert urllib.request.urlopen("http://127.0.0.1:%d/2" % port, timeout=60).read() == b"2\n"
        _, err = p.communicate("\n", timeout=300)
    finally:
        p.kill()
    assert p.returncode == 0, (said, err)
    left = {p[1:] for p in tree(pare, out)}
    assert "srv/2" in left and "srv/1" not in left


def test_what_no_signal_ends_is_waited_for_once(image, slim):
    """A first process that ignores the stop signal, as a shell does: the first run shows it, and none of the others waits for as long."""
    _, t, _ = slim(image("serve", "8080", "deaf", ExposedPorts={"8080/tcp": {}}), "--http-probe", "/2")
    assert len(t["stops"]) >= 5 and t["stops"][0] > 10 and set(t["stops"][1:]) == {1}
    _, t, _ = slim(image("serve", "8080", ExposedPorts={"8080/tcp": {}}), "--http-probe", "/2")
    assert len(t["stops"]) >= 5 and min(t["stops"]) > 10
