"""Probes of `pare slim`: how they are written, and that a result that differs is not written. Images are made here, of one static program."""
import json
import shutil
import subprocess

import pytest

from imagelib import Dir, File, Image, layer
from schemalib import check

PROGRAM = r"""
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>
static void stop(int s) { (void)s; _exit(0); }
static int cat(const char *path)
{
	char b[4096];
	FILE *f = fopen(path, "r");
	if (!f) { fprintf(stderr, "cannot open %s\n", path); return 1; }
	size_t n = fread(b, 1, sizeof b, f);
	fwrite(b, 1, n, stdout);
	fclose(f);
	return 0;
}
static void answer(int fd)
{
	char q[4096], b[4096], path[300] = "/data";
	ssize_t n = read(fd, q, sizeof q - 1);
	if (n <= 0) return;
	q[n] = 0;
	char *p = strchr(q, ' '), *e = p ? strchr(p + 1, ' ') : NULL;
	if (!e) return;
	*e = 0;
	strncat(path, p + 1, 200);
	FILE *f = fopen(path, "r");
	size_t k = f ? fread(b, 1, sizeof b, f) : 0;
	dprintf(fd, "HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", f ? "200 OK" : "404 Not Found", k);
	if (write(fd, b, k) < 0) return;
	if (f) fclose(f);
}
int main(int n, char **v)
{
	if (n > 2 && !strcmp(v[1], "cat")) return cat(v[2]);
	if (n > 2 && !strcmp(v[1], "size")) { FILE *f = fopen(v[2], "r"); puts(f ? "there" : "not there"); return !f; }
	if (n > 2 && !strcmp(v[1], "env")) { printf("%s\n", getenv(v[2]) ? getenv(v[2]) : "-"); return 0; }
	if (n > 1 && !strcmp(v[1], "pid")) { printf("pid %d\n", (int)getpid() + 1000 + (int)(((unsigned long)&n >> 4) % 1000)); return 0; }
	if (n < 2 || strcmp(v[1], "serve")) { puts("usage: tool cat|env|pid|serve"); return 0; }
	signal(SIGTERM, stop);
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(8080) };
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 16)) return 2;
	for (;;) {
		int c = accept(s, NULL, NULL);
		answer(c);
		close(c);
	}
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    if not shutil.which("runc") and not shutil.which("crun"):
        pytest.skip("no runtime for containers")
    d = tmp_path_factory.mktemp("tool")
    (d / "tool.c").write_text(PROGRAM)
    subprocess.run(["cc", "-O1", "-static", "-o", d / "tool", d / "tool.c"], check=True)
    return (d / "tool").read_bytes()


def image(path, program, cmd, **config):
    files = [Dir("bin"), File("bin/tool", program, mode=0o755), Dir("data"), Dir("data/sub"), File("data/index.html", b'<a href="/sub/page.html">x</a>'), File("data/sub/page.html", b"<p>page</p>"),
             File("data/only", b"only\n"), Dir("junk")] + [File("junk/%d" % i, b"j" * 1000) for i in range(20)]
    Image([layer(*files)], config={"Cmd": cmd, "Env": ["PATH=/bin"], **config}).docker_archive(path)
    return path


def slim(pare, img, tmp_path, *args, status=0):
    out, evidence = tmp_path / "out.tar", tmp_path / "evidence.json"
    r = pare("slim", "--level", "file", "--store", tmp_path / "store", img, "-o", "docker-archive:%s" % out, "--evidence", evidence, *args, status=status)
    if not evidence.exists():
        return r, None, out
    doc = json.loads(evidence.read_text())
    check(doc, "slim-evidence")
    return r, doc["trial"], out


def test_service(pare, program, tmp_path):
    img = image(tmp_path / "i.tar", program, ["/bin/tool", "serve"], ExposedPorts={"8080/tcp": {}})
    verify = tmp_path / "verify"
    verify.write_text("# more\nhttp /sub/page.html\n")
    _, t, out = slim(pare, img, tmp_path, "--http-probe", "crawl /index.html", "--exec", "tool cat /data/only", "--verify", verify)
    assert t["kind"] == "service" and out.exists() and all(c["pass"] for c in t["checks"])
    assert [c["name"] for c in t["checks"]] == ["start", "crawl /index.html", "tool cat /data/only", "verify: /sub/page.html"]
    assert [c["before"].split(",")[0] for c in t["checks"]] == ["exit status 0", "status 200", "exit status 0", "status 200"]


def test_command(pare, program, tmp_path):
    img = image(tmp_path / "i.tar", program, ["/bin/tool"])
    probes = tmp_path / "probes"
    probes.write_text("tool pid\ntool cat '/data/only'\ntool cat /nowhere\n")
    _, t, out = slim(pare, img, tmp_path, "--exec-file", probes)
    assert t["kind"] == "command" and out.exists() and all(c["pass"] for c in t["checks"])
    assert [c["before"].split(",")[0] for c in t["checks"]] == ["exit status 0", "exit status 0", "exit status 0", "exit status 1"]


def test_compose(pare, program, tmp_path):
    img = image(tmp_path / "i.tar", program, ["/bin/tool"])
    f = tmp_path / "compose.yaml"
    f.write_text("services:\n  web:\n    image: x\n    command: tool serve\n    environment: {WHO: me}\n    healthcheck: {test: [CMD, tool, cat, /data/only]}\n    ports: ['80:8080']\n  db: {image: y}\n")
    _, t, out = slim(pare, img, tmp_path, "--compose", "%s:web" % f, "--http-probe", "/index.html", "--exec", "tool env WHO")
    assert t["kind"] == "service" and out.exists() and all(c["pass"] for c in t["checks"])
    assert [(c["name"], c["before"]) for c in t["checks"]][1:] == [("health", "healthy"), ("/index.html", "status 200, 30 bytes"), ("tool env WHO", "exit status 0, 3 bytes")]


@pytest.mark.parametrize("args, says", [(["--http-probe", "x"], "begins with a slash"), (["--exec", "a 'b"], "quote is not closed"), (["--exec-file", "FILE"], "FILE:2: "), (["--compose", "FILE"], "no services"),
                                        (["--verify", "/nowhere/at/all"], "No such file")])
def test_wrong(pare, program, tmp_path, args, says):
    img = image(tmp_path / "i.tar", program, ["/bin/tool"])
    f = tmp_path / "f"
    f.write_text("a: b\nx 'y\n" if "--compose" not in args else "a: b\n")
    args = [str(f) if a == "FILE" else a for a in args]
    r, _, out = slim(pare, img, tmp_path, *args, status=4 if "nowhere" in args[1] else 2)
    assert says.replace("FILE", str(f)) in r.err and r.err.count("\n") == 1 and not out.exists()


# --- a program that reads what its package manager says ---

def packaged(path, program, cmd):
    """Two packages, of which one is used."""
    installed = b"P:idle\nV:2-r0\nA:x86_64\nF:junk\nR:0\n\nP:used\nV:1-r0\nA:x86_64\nF:bin\nR:tool\n\n"
    files = [Dir("bin"), File("bin/tool", program, mode=0o755), Dir("junk"), File("junk/0", b"j" * 1000), Dir("lib"), Dir("lib/apk"), Dir("lib/apk/db"), File("lib/apk/db/installed", installed)]
    Image([layer(*files)], config={"Cmd": cmd, "Env": ["PATH=/bin"]}).docker_archive(path)


def apks(pare, path):
    return {p["name"] for p in pare("sbom", "--format", "json", path).json()["packages"] if p["type"] == "apk"}


def test_a_database_that_is_told_stays_as_it_is(pare, program, tmp_path):
    src, out, said = tmp_path / "in.tar", tmp_path / "out.tar", tmp_path / "report.json"
    packaged(src, program, ["tool", "cat", "/lib/apk/db/installed"])
    r = pare("slim", "--level", "file", src, "-o", out, "--report", said)
    assert apks(pare, out) == {"used", "idle"} and "kept as it is" in r.out
    report = json.loads(said.read_text())
    assert any("/lib/apk/db/installed is kept as it is" in d for d in report["doubts"]) and all(c["pass"] for c in report["verification"])
    assert "/junk/0" in {x["path"] for x in report["removed"]}


def test_a_database_that_is_only_looked_at_is_written_anew(pare, program, tmp_path):
    src, out = tmp_path / "in.tar", tmp_path / "out.tar"
    packaged(src, program, ["tool", "size", "/lib/apk/db/installed"])
    pare("slim", "--level", "file", src, "-o", out)
    assert apks(pare, out) == {"used"}
