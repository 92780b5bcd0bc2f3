"""pare scan: how an image is set up, and the licences of what is in it. Ignores, baselines and gates hold for both."""
import json

import pytest

from imagelib import Dir, File, Image, Symlink, Whiteout, layer
from schemalib import check

EPOCH = {"SOURCE_DATE_EPOCH": "1609459200"}
RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
STATUS = b"Package: login\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"


def base():
    return layer(Dir("etc"), File("etc/os-release", RELEASE), File("etc/passwd", PASSWD), File("etc/shadow", b"root:*:1:\napp:!:1:\n"), File("var/lib/dpkg/status", STATUS),
                 File("var/lib/dpkg/info/login.list", b"/bin/mount\n/bin/su\n"), File("bin/su", b"s" * 50, mode=0o4755), File("bin/mount", b"l" * 50, mode=0o4755), File("bin/sh", b"h" * 50, mode=0o755))


def risky():
    app = layer(File("etc/shadow", b"root::1:\napp:$6$saltsalt$hunter2hunter2hunter2:1:\n"), File("etc/sudoers.d/app", b"app ALL=(ALL) NOPASSWD: ALL\n"), File("app/rootme", b"r" * 20, mode=0o4755),
                File("app/open", b"o", mode=0o666), File("etc/app.conf", b"o", mode=0o666), File("app/.env", b"A=1\n"), File("app/Dockerfile", b"FROM x\n"), Symlink("app/link", "open"))
    return Image([base(), app], config={"User": "", "ExposedPorts": {"22/tcp": {}}}, history=["/bin/sh -c #(nop) ADD file:1 in / ", "RUN /bin/sh -c apk add --allow-untrusted x # buildkit"])


@pytest.fixture
def image(tmp_path):
    return risky().docker_archive(tmp_path / "image.tar")


@pytest.fixture
def scan(pare, image):
    def run(*args, **kw):
        return pare("scan", "--kinds", "config", *args, image, **{"env": EPOCH, **kw})
    return run


def by_id(doc):
    found = {}
    for f in doc["findings"]:
        found.setdefault(f["id"], []).append(f)
    return found


def test_json(scan):
    doc = scan("--format", "json").json()
    check(doc, "scan")
    found = by_id(doc)
    assert set(found) == {"root-user", "no-healthcheck", "exposed-ssh", "missing-labels", "latest-tag", "unverified-packages", "setuid", "privileged-files", "world-writable-file", "writable-system-path", "env-file",
                          "build-file", "shell", "empty-password", "password-hash", "sudo-without-password"}
    assert {f["kind"] for f in doc["findings"]} == {"config"} and doc["counts"]["config"] == len(doc["findings"])
    for id, path, where in (("setuid", "/app/rootme", 1), ("empty-password", "/etc/shadow", 1), ("privileged-files", "/bin/su", 0), ("writable-system-path", "/etc/app.conf", 1), ("sudo-without-password", "/etc/sudoers.d/app", 1),
                            ("unverified-packages", "history 1", 1)):
        assert (found[id][0]["path"], found[id][0]["layer"]) == (path, where), id
    assert found["empty-password"][0]["line"] == 1 and found["root-user"][0]["layer"] is None and "CIS-DI-0001" in found["root-user"][0]["aliases"]
    assert all(f["remedy"] and f["title"] and f["reason"] for f in doc["findings"])
    assert found["privileged-files"][0]["count"] == 2 and found["privileged-files"][0]["severity"] == "info"
    assert "hunter2" not in json.dumps(doc)


def test_later_layers_count(pare, tmp_path):
    """What a later layer repairs or removes is no fault of the image."""
    good = layer(File("etc/shadow", b"root:*:1:\n"), File("app/rootme", b"r" * 20, mode=0o755), Whiteout("etc/sudoers.d/app"), Whiteout("app/.env"))
    image = risky()
    repaired = Image([base(), risky().layers[1], good], config={"User": "1000"}).docker_archive(tmp_path / "r.tar")
    found = by_id(pare("scan", "--kinds", "config", "-f", "json", repaired, env=EPOCH).json())
    assert not {"empty-password", "password-hash", "setuid", "sudo-without-password", "env-file", "root-user"} & set(found)
    assert "world-writable-file" in found and len(image.layers) == 2


def test_kept_facts_say_the_same(pare, image):
    first = pare("scan", "--kinds", "config", "-f", "json", image, env=EPOCH).out
    assert first == pare("scan", "--kinds", "config", "-f", "json", image, env=EPOCH).out == pare("scan", "--kinds", "config", "-f", "json", "--no-cache", image, env=EPOCH).out


def test_ignores_gates_baseline(pare, scan, image, tmp_path):
    (tmp_path / "own.yaml").write_text("ignore:\n  - id: CIS-DI-0001\n    kind: config\n    reason: behind a user namespace\n  - id: setuid\n    path: app/rootme\n    reason: wanted\n")
    doc = scan("--ignore-file", tmp_path / "own.yaml", "-f", "json").json()
    assert not {"root-user", "setuid"} & set(by_id(doc)) and doc["counts"]["suppressed"] == 2
    scan("--fail-on", "critical", status=0)
    scan("--fail-on", "high+config", status=1)
    scan("--write-baseline", tmp_path / "b.json", status=0)
    assert scan("--baseline", tmp_path / "b.json", "--only-new", "-f", "json", "--fail-on", "info", status=0).json()["findings"] == []


def test_table(scan):
    out = scan().out
    assert "Configuration" in out and "account without a password: root" in out and "/etc/shadow:1  layer 1" in out and "Secrets" not in out and "Packages by licence" not in out


def test_many_places(pare, tmp_path):
    where = Image([layer(*[File("app/%03d" % i, b"1", mode=0o666) for i in range(100)])], config={"User": "1"}).docker_archive(tmp_path / "m.tar")
    doc = pare("scan", "--kinds", "config", "-f", "json", where, env=EPOCH).json()
    found = by_id(doc)["world-writable-file"]
    assert sum(f["count"] for f in found) == 100 and len(found) == 21
    out = pare("scan", "--kinds", "config", where, env=EPOCH).out
    assert "80 more world-writable files" in out and out.count("chmod o-w") <= 3
    assert "100 world-writable files: /app/000, /app/001, /app/002, …" in pare("report", where, env=EPOCH).out


def test_hostile_files(pare, tmp_path):
    where = Image([layer(File("etc/passwd", b":" * 5000 + b"\n\x00\xff:\x1b[2J:0:\n" * 50), File("etc/shadow", b"\x1b]0;x\x07::\n"), File("etc/sudoers", b"a=NOPASSWD \\\n" * 3000), File("etc/group", b""),
                         File("etc/ssh/sshd_config", b"PermitRootLogin\nMatch\n=\nPermitRootLogin \x1b[31myes"), Symlink("etc/sudoers.d", "/etc/sudoers.d"))], config={"User": "\x1b[2J"}).docker_archive(tmp_path / "h.tar")
    for form in ("table", "json", "sarif", "html"):
        r = pare("scan", "--kinds", "config", "-f", form, where, env=EPOCH, status=None)
        assert r.status in (0, 3) and "\x1b" not in r.out


def test_too_many_accounts(pare, tmp_path):
    where = Image([layer(File("etc/passwd", b"".join(b"u%d:x:%d:0::/:\n" % (i, i + 1) for i in range(9000))))], config={"User": "1"}).docker_archive(tmp_path / "p.tar")
    assert "etc/passwd" in pare("scan", "--kinds", "config", where, env=EPOCH, status=3).err


# --- licences ---
def dist(name, text):
    at = "usr/lib/python3/site-packages/%s-1.dist-info/" % name
    return [File(at + "METADATA", ("Metadata-Version: 2.1\nName: %s\nVersion: 1\n%s" % (name, text)).encode()), File(at + "RECORD", b"")]


@pytest.fixture
def licences(pare, tmp_path):
    files = dist("free", "License-Expression: MIT\n") + dist("choice", "License-Expression: MIT OR GPL-3.0-only\n") + dist("both", "License-Expression: MIT AND AGPL-3.0-only\n") + dist("strict", "License-Expression: GPL-3.0-or-later\n") + dist("silent", "")
    where = Image([layer(*files)], config={"User": "1"}).docker_archive(tmp_path / "l.tar")

    def run(*args, policy=None, **kw):
        if policy is not None:
            (tmp_path / "policy.yaml").write_text(policy)
            args = ("--license-policy", tmp_path / "policy.yaml", *args)
        return pare("scan", "--kinds", "license", *args, where, **kw)
    return run


def names(r):
    doc = r.json()
    check(doc, "scan")
    return {(f["package"], f["id"]) for f in doc["findings"]}


def test_policy(licences):
    policy = "allow: [permissive]\ndeny: [network-copyleft]\nwarn: ['GPL-*']\n"
    r = licences("-f", "json", policy=policy)
    assert names(r) == {("both", "license-denied"), ("strict", "license-warned"), ("silent", "license-unknown")}
    denied = [f for f in r.json()["findings"] if f["id"] == "license-denied"][0]
    assert denied["kind"] == "license" and denied["severity"] == "high" and denied["path"].endswith("both-1.dist-info/METADATA") and denied["layer"] == 0
    assert denied["aliases"] == ["AGPL-3.0-only"] and denied["reason"] == "deny: network-copyleft" and denied["match"] == "MIT AND AGPL-3.0-only" and denied["purl"] == "pkg:pypi/both@1"
    assert names(licences("-f", "json", policy=policy + "unknown: allow\nexceptions: [{package: both, reason: a service of our own}]\n")) == {("strict", "license-warned")}
    licences("--fail-on", "license+high", policy=policy, status=1)
    licences("--fail-on", "license+high", policy=policy + "exceptions: [both]\n", status=0)
    assert "Licences" in licences(policy=policy).out and "both is under AGPL-3.0-only, which the policy denies" in licences(policy=policy).out


def test_lists(licences):
    assert names(licences("-f", "json", "--license-deny", "AGPL-*,GPL-3.0-or-later")) == {("both", "license-denied"), ("strict", "license-denied"), ("silent", "license-unknown")}
    assert names(licences("-f", "json", "--license-allow", "MIT")) == {("both", "license-denied"), ("strict", "license-denied"), ("silent", "license-unknown")}


def test_without_a_policy(licences):
    r = licences("-f", "json")
    assert names(r) == set()
    assert {x["category"]: x["packages"] for x in r.json()["licenses"]} == {"permissive": 2, "copyleft": 1, "network-copyleft": 1, "unknown": 1}
    out = licences().out
    assert "Packages by licence" in out and "network-copyleft" in out and "nothing found" in out


@pytest.mark.parametrize("text", ["", "allow: {}", "unknown: maybe", "forbid: [MIT]", "exceptions: [{reason: x}]", "a: ["])
def test_wrong_policies(licences, text):
    r = licences(policy=text, status=2)
    assert "policy.yaml" in r.err and not r.out


def test_no_policy_file(licences, tmp_path):
    licences("--license-policy", tmp_path / "no", status=2)


# --- the report ---
def test_report_joins(pare, image, tmp_path):
    doc = pare("report", "-f", "json", image, env=EPOCH).json()
    check(doc, "report")
    rules = {x["rule"]: x for x in doc["risks"]}
    assert rules["empty-password"]["kind"] == "config" and rules["empty-password"]["path"] == "/etc/shadow" and "shell" not in rules  # what is merely told is for scan
    assert doc["counts"]["high"] >= 4 and "vulnerability" not in doc["counts"]
    assert [x["kind"] for x in doc["first"]] and all(x["fix"] for x in doc["first"])
    out = pare("report", image, env=EPOCH).out
    assert "vulnerabilities were not looked for" in out and "account without a password: root" in out.split("What to do")[0]


def test_report_with_a_database(pare, tmp_path):
    tracker = {"login": {"CVE-2023-9": {"releases": {"bookworm": {"status": "resolved", "repositories": {"bookworm": "1"}, "fixed_version": "2", "urgency": "high"}}},
                         "CVE-2023-8": {"releases": {"bookworm": {"status": "open", "repositories": {"bookworm": "1"}, "urgency": "low"}}}}}
    (tmp_path / "t.json").write_text(json.dumps(tracker))
    pare("db", "build", "-o", tmp_path / "x.db", "--from", "debian-tracker:%s" % (tmp_path / "t.json"))
    where = Image([base(), layer(Dir("var/cache/apt/archives"), File("var/cache/apt/archives/x.deb", b"d" * 100))], config={"User": "1"}, history=["/bin/sh -c #(nop) ADD file:1 in / ", "RUN apt-get install x"]).docker_archive(tmp_path / "i.tar")
    doc = pare("report", "--db", tmp_path / "x.db", "-f", "json", where, env=EPOCH).json()
    check(doc, "report")
    assert doc["counts"]["vulnerability"] == 2
    risk = [x for x in doc["risks"] if x["kind"] == "vulnerability"][0]
    assert risk["count"] == 2 and risk["rule"] == "CVE-2023-9" and risk["severity"] == "high"
    action = [x for x in doc["first"] if x["kind"] == "vulnerability"][0]
    assert action["count"] == 1 and "apt-get install --only-upgrade login" in action["fix"]
    assert {"bytes", "vulnerability"} <= {x["kind"] for x in doc["first"]}
    out = pare("report", "--db", tmp_path / "x.db", where, env=EPOCH).out
    assert "login 1: 2 vulnerabilities (1 high, 1 low), CVE-2023-9; some have a fix" in out and "removes 1 vulnerability: 1 high" in out and "not looked for" not in out
    pare("report", "--db", tmp_path / "no.db", where, status=4)


def test_what_is_shown_first_has_bytes_and_risks(pare, tmp_path):
    """Many risks do not push what saves bytes off the screen."""
    files = [File("etc/shadow", b"root::1:\n"), File("etc/open", b"1", mode=0o666), File("app/.env", b"A=1\n"), File("app/id_rsa", b"k"), File("app/s", b"s", mode=0o4755), File("app/.netrc", b"n"), Dir("app/w", 0o777), Dir("app/.git"), Dir("app/.git/objects")]
    where = Image([layer(*files, File("x/big", b"b" * 20000)), layer(Dir("var/cache/apt/archives"), File("var/cache/apt/archives/a.deb", b"d" * 900)), layer(Whiteout("x/big"))], history=["COPY a /", "RUN a", "RUN b"]).docker_archive(tmp_path / "m.tar")
    out = pare("report", where, env=EPOCH).out.split("What to do")[1]
    assert "20.0 kB" in out and "a.deb" in out and "account without a password" in out and out.count("->") == 6


def test_every_check_is_documented():
    import pathlib
    import re
    top = pathlib.Path(__file__).resolve().parents[2]
    table = (top / "src/check/config.c").read_text().split("config_checks[CONFIG_CHECKS] = {")[1].split("\n};\n")[0]
    ids = re.findall(r'\[C_\w+\] = \{ "([a-z-]+)"', table)
    documented = re.findall(r"^\| `([a-z-]+)` \|", (top / "docs/configuration.md").read_text(), re.M)
    assert ids == documented and len(ids) > 30
