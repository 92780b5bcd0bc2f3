"""What no run shows and only knowledge keeps: programs whose needs are made up while they run. Each image is small and made here; `pare graph` must reach the part that a training run would not touch."""
import pytest

from imagelib import Dir, File, Image, Symlink, layer

BASE = [Dir("etc"), File("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n"), File("bin/sh", b"#!none\n", mode=0o755), Dir("tmp", mode=0o1777)]


def reached(pare, tmp_path, entries, **config):
    image = tmp_path / "image.tar"
    Image([layer(*(BASE + list(entries)))], config=config).docker_archive(image)
    lines = pare("graph", image).out.splitlines()
    return {line.split("\t")[1] for line in lines if line.count("\t") >= 3}


def program(path, text=b"\n"):
    return File(path, b"#!/bin/sh\n" + text, mode=0o755)


CASES = {
    "patterns of includes": (
        [program("usr/sbin/nginx"), File("etc/nginx/nginx.conf", b"include conf.d/*.conf;\n"), File("etc/nginx/conf.d/a.conf", b"root /srv/www;\nssl_certificate certs/a.pem;\n"), File("etc/nginx/certs/a.pem", b"x"),
         File("srv/www/errors/50x.html", b"x"), File("srv/other/x", b"x")],
        ["/usr/sbin/nginx"], ["/etc/nginx/conf.d/a.conf", "/etc/nginx/certs/a.pem", "/srv/www/errors/50x.html"], ["/srv/other/x"]),
    "files of the error path": (
        [program("usr/sbin/haproxy"), File("opt/lb/lb.cfg", b"errorfile 503 /opt/e/503.http\nlua-load /opt/l/x.lua\n"), File("opt/e/503.http", b"x"), File("opt/l/x.lua", b"local j = require 'deep.er'\n"),
         File("opt/l/deep/er.lua", b"return 1\n"), File("var/lib/unrelated/z", b"x")],
        ["/usr/sbin/haproxy", "-f", "/opt/lb/lb.cfg"], ["/opt/e/503.http", "/opt/l/x.lua", "/opt/l/deep/er.lua"], ["/var/lib/unrelated/z"]),
    "a daemon nobody knows": (
        [program("usr/sbin/xyzd"), File("etc/xyzd/main.conf", b"plugin = /usr/lib/plug/a.so\n"), File("usr/lib/plug/a.so", b"x"), File("usr/share/xyzd/table", b"x"), File("usr/share/abcd/table", b"x")],
        ["/usr/sbin/xyzd"], ["/etc/xyzd/main.conf", "/usr/lib/plug/a.so", "/usr/share/xyzd/table"], ["/usr/share/abcd/table"]),
    "commands of tables": (
        [program("usr/sbin/cron"), File("etc/cron.d/job", b"5 4 * * * root /usr/local/bin/nightly --all\n"), program("usr/local/bin/nightly"), program("usr/local/bin/never")],
        ["/usr/sbin/cron"], ["/usr/local/bin/nightly"], ["/usr/local/bin/never"]),
    "supervised programs": (
        [program("usr/bin/supervisord"), File("etc/supervisor/supervisord.conf", b"[include]\nfiles = conf.d/*.ini\n"), File("etc/supervisor/conf.d/w.ini", b"[program:w]\ncommand=/opt/w/bin/work -q\n"), program("opt/w/bin/work"),
         program("usr/local/bin/never")],
        ["/usr/bin/supervisord"], ["/opt/w/bin/work"], ["/usr/local/bin/never"]),
    "a database's extensions, not its compiler": (
        [program("usr/lib/postgresql/15/bin/postgres"), File("usr/lib/postgresql/15/lib/hstore.so", b"x"), File("usr/lib/postgresql/15/lib/llvmjit.so", b"x"), File("usr/lib/postgresql/15/lib/bitcode/a.bc", b"x"),
         File("usr/share/postgresql/15/extension/hstore.control", b"x"), File("usr/share/postgresql/15/timezonesets/Default", b"x")],
        ["/usr/lib/postgresql/15/bin/postgres"], ["/usr/lib/postgresql/15/lib/hstore.so", "/usr/share/postgresql/15/extension/hstore.control", "/usr/share/postgresql/15/timezonesets/Default"],
        ["/usr/lib/postgresql/15/lib/llvmjit.so", "/usr/lib/postgresql/15/lib/bitcode/a.bc"]),
    "a class path with providers": (
        [program("usr/lib/jvm/x/bin/java"), File("usr/lib/jvm/x/lib/modules", b"x"), File("usr/lib/jvm/x/lib/tzdb.dat", b"x"), File("usr/lib/jvm/x/jmods/a.jmod", b"x"), program("usr/lib/jvm/x/bin/javac"),
         File("srv/classes/META-INF/services/p.P", b"q.Q\n"), File("srv/lib/q.jar", b"x"), File("srv/other/z.jar", b"x")],
        ["/usr/lib/jvm/x/bin/java", "-cp", "/srv/classes:/srv/lib/*", "Main"], ["/usr/lib/jvm/x/lib/tzdb.dat", "/srv/classes/META-INF/services/p.P", "/srv/lib/q.jar"],
        ["/usr/lib/jvm/x/jmods/a.jmod", "/usr/lib/jvm/x/bin/javac"]),
}


@pytest.mark.parametrize("case", CASES)
def test_reached_without_a_run(pare, tmp_path, case):
    entries, command, needed, not_needed = CASES[case]
    paths = reached(pare, tmp_path, entries, Cmd=command)
    assert not [p for p in needed if p not in paths]
    assert not [p for p in not_needed if p in paths]


def test_directories_for_what_is_made_while_it_runs(pare, tmp_path):
    paths = reached(pare, tmp_path, [program("usr/sbin/xyzd"), File("etc/xyzd.conf", b"pid = /var/xyz/run/x.pid\nsocket /var/none/x\n"), Dir("var/xyz/run")], Cmd=["/usr/sbin/xyzd"])
    assert "/var/xyz/run" in paths


def test_configuration_that_leads_in_circles_ends(pare, tmp_path):
    paths = reached(pare, tmp_path, [program("usr/sbin/xyzd"), File("etc/xyzd.conf", b"include /etc/b.conf\n"), File("etc/b.conf", b"include /etc/xyzd.conf /etc/loop/x\ninclude /etc/*/*/*/*.conf\n"), Symlink("etc/loop", "loop")],
                    Cmd=["/usr/sbin/xyzd"])
    assert "/etc/b.conf" in paths


def test_directories_that_the_environment_names(pare, tmp_path):
    entries = [program("usr/sbin/xyzd"), *(Dir(d) for d in ("srv", "srv/plugins", "srv/gems", "opt", "opt/tool")), File("srv/plugins/a.so", b"x"), File("srv/gems/b", b"x"), File("opt/tool/c", b"x")]
    paths = reached(pare, tmp_path, entries, Cmd=["/usr/sbin/xyzd"], Env=["PLUGINS=/none:/srv/plugins", "GEM_DIR=/srv/gems", "TOOL_HOME=/opt/tool", "BASE=/opt"])
    assert "/srv/plugins/a.so" in paths
    assert not paths & {"/srv/gems/b", "/opt/tool/c"}  # a language's, a tool's; everybody's
