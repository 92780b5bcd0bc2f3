"""What instructions of a Dockerfile come to, whole: configuration, triggers, here-documents, environments; and images without package managers' caches."""
import json
import pytest

from buildlib import Builder, base_image, build  # noqa: F401


def test_the_configuration_is_the_base_s_with_what_changed(build):
    b = build("FROM base\nARG V=1\nENV A=$V B=\"x y\"\nENV A=2 C=$A\nLABEL l=$B\nEXPOSE 80 90-91/udp\nVOLUME /v\nUSER app\nWORKDIR a/b\nSTOPSIGNAL TERM\nSHELL [\"/bin/sh\", \"-e\", \"-c\"]\nCMD run $A\n"
              "HEALTHCHECK --interval=1m --retries=2 CMD test -e /x\nONBUILD RUN echo $A\nMAINTAINER me\n")
    c = b.config["config"]
    assert c["Env"] == ["PATH=/bin", "A=2", "B=x y", "C=1"] and c["Labels"] == {"l": "x y"}
    assert sorted(c["ExposedPorts"]) == ["80/tcp", "90/udp", "91/udp"] and c["Volumes"] == {"/v": {}}
    assert c["User"] == "app" and c["WorkingDir"] == "/a/b" and c["StopSignal"] == "TERM" and c["Shell"] == ["/bin/sh", "-e", "-c"]
    assert c["Cmd"] == ["/bin/sh", "-e", "-c", "run $A"] and c["OnBuild"] == ["RUN echo $A"]
    assert c["Healthcheck"] == {"Test": ["CMD-SHELL", "test -e /x"], "Interval": 60000000000, "Retries": 2}
    assert b.config["author"] == "me"


def test_triggers_run_where_they_are_built_on_and_only_there(build):
    b = build("FROM base AS a\nENV N=1\nONBUILD RUN echo $N$M >> /seen\nONBUILD ENV M=2\nFROM a AS b\nFROM b\nRUN echo $M >> /seen\n")
    assert b.read("seen") == b"1\n2\n" and "OnBuild" not in b.config["config"]


def test_a_trigger_that_cannot_be_read_names_itself(build, pare):
    r = build("FROM base AS a\nONBUILD COPY one\nFROM a\n", status=3).result
    assert "COPY one" in r.err and "Dockerfile:3" in r.err


def test_here_documents(build):
    b = build("FROM base\nENV A=1\nRUN <<EOF\necho $A > /shell\nEOF\nRUN <<-S\n\t#!/bin/sh -e\n\techo \"$0\" > /script\n\tS\nRUN cat > /both <<ONE && cat >> /both <<-'TWO'\n$A\nONE\n\t$A\n\tTWO\n"
              "COPY <<x <<'y' /d/\n$A ${B:-2}\nx\n$A\ny\n")
    assert b.read("shell") == b"1\n" and b.read("script") == b"/dev/pipes/S\n" and b.read("both") == b"1\n$A\n"
    assert b.read("d/x") == b"1 2\n" and b.read("d/y") == b"$A\n"


def test_what_a_step_s_environment_holds(build):
    text = "ARG G=g\nFROM base\nARG A=d\nARG G\nARG TARGETARCH\nENV E=$A\nRUN env | grep -v PATH > /e\n"
    b = build(text, args=["--build-arg", "A=given", "--build-arg", "OTHER=1", "--build-arg", "http_proxy=p:1"])
    seen = b.read("e").decode().split()
    assert "A=given" in seen and "G=g" in seen and "E=given" in seen and "http_proxy=p:1" in seen and "HTTP_PROXY=p:1" in seen
    assert not [e for e in seen if e.startswith("OTHER")] and [e for e in seen if e.startswith("TARGETARCH=")]
    assert "p:1" not in str(b.config)


@pytest.mark.parametrize("line,why", [
    ("ENV A=${B:?missing}", "missing"), ("EXPOSE 70000", "70000"), ("STOPSIGNAL NONE", "NONE"), ("RUN --mount=type=cache true", "target"), ("RUN --mount=type=bind,target=/x,mode=1 true", "mode"),
    ("COPY --from=$X a /", "--from"), ("RUN []", "at least one"), ("COPY --from=7 a /", "stage index 7"), ("RUN --mount=from=7,target=/x true", "stage index 7"), ("VOLUME $X", "empty"),
])
def test_what_is_refused_says_where_and_why(build, line, why):
    r = build("FROM base\n%s\n" % line, status=3).result
    assert "Dockerfile:2" in r.err and why in r.err and not r.out


def test_global_arguments_and_from_are_judged(build):
    assert "missing" in build("ARG A=${B:?missing}\nFROM base\n", status=3).result.err
    assert "Dockerfile:1" in build("FROM $NOTHING\n", status=3).result.err


def test_a_stage_takes_from_those_before_it(build):
    for text in ("FROM base AS a\nCOPY --from=a /etc /x\n", "FROM base AS a\nCOPY --from=b /etc /x\nFROM base AS b\nFROM a\n"):
        r = build(text, status=3).result
        assert "Dockerfile:2" in r.err and "before" in r.err


LISTS = "mkdir -p /var/lib/apt/lists && echo list > /var/lib/apt/lists/a_Packages && echo kept > /var/lib/kept"


def test_caches_are_in_no_layer_and_hidden_from_no_step(build):
    text = "FROM base AS one\nRUN " + LISTS + "\nRUN cat /var/lib/apt/lists/a_Packages > /seen && mkdir -p /root/.npm/_cacache && echo c > /root/.npm/_cacache/x\nRUN cp -r /root/.npm /copy\nFROM one\nCOPY --from=one /root/.npm/_cacache/x /brought\n"
    plain = ["--progress=plain"]
    lean, fat = build(text, args=plain), build(text, args=plain + ["--no-lean"])
    for b in (lean, fat):
        assert b.read("seen") == b"list\n" and b.read("copy/_cacache/x") == b"c\n" and b.read("brought") == b"c\n" and b.read("var/lib/kept") == b"kept\n"
    assert lean.read("var/lib/apt/lists/a_Packages") is None and fat.read("var/lib/apt/lists/a_Packages") == b"list\n"
    assert lean.read("root/.npm/_cacache/x") is None and fat.read("root/.npm/_cacache/x") == b"c\n"
    assert "kept out" in lean.result.err and "apt's lists" in lean.result.err and "kept out" not in fat.result.err
    again = build(text, args=plain)
    assert again.digest == lean.digest and again.result.err.count("CACHED") == fat.result.err.count("CACHED") == 4 # keys are the same


CACHES = """/var/lib/apt/lists/deb_Packages /var/cache/apt/pkgcache.bin /var/cache/apt/archives/a.deb /var/cache/apk/APKINDEX.1.tar.gz /var/cache/dnf/r/repodata/x.xml /var/cache/yum/z /var/cache/zypp/raw/q
/var/cache/pacman/pkg/p.zst /root/.cache/pip/http/a /home/u/.cache/pip/wheels/w /root/.cache/uv/x /root/.npm/_cacache/index/a /usr/local/share/.cache/yarn/v6/p /root/.local/share/pnpm/store/v3/a
/var/lib/gems/3.1.0/cache/b.gem /usr/local/bundle/cache/c.gem /root/.composer/cache/files/a /root/.cargo/registry/cache/x.crate /root/.cache/go-build/00/a /go/pkg/mod/cache/download/m/@v/v1.zip /opt/conda/pkgs/a/b
/root/.m2/repository/a/b.jar /root/.gradle/caches/modules-2/files-2.1/a.jar /home/u/.gradle/wrapper/dists/g.zip""".split()
MEANT = "/go/pkg/mod/cache/download/m/@v/v1.mod /root/.m2/settings.xml /root/.gradle/gradle.properties /root/.yarn/berry/cache/z.zip /var/log/apt/history.log /var/lib/gems/3.1.0/gems/b/lib.rb /usr/bin/program".split()


def test_what_is_kept_out_is_counted_to_the_byte(build, tmp_path):
    """Of each package manager; the image is what one without --lean is, minus exactly these, and the metadata tells their bytes."""
    fill = "".join("mkdir -p $(dirname %s); head -c %d /dev/zero > %s\n" % (f, 1000 + 7 * i, f) for i, f in enumerate(CACHES + MEANT))
    d = build.context("FROM base\nRUN --mount=target=/m sh /m/fill\n", {"fill": fill})
    trees = []
    for how in ("--lean", "--no-lean"):
        b = build(None, context=d, args=[how, "--metadata-file", tmp_path / how])
        trees.append({("/" + e.name, e.size) for layer in b.layers() for e in layer if e.isfile()})
    gone = {(f, 1000 + 7 * i) for i, f in enumerate(CACHES)}
    assert trees[0] < trees[1] and trees[1] - trees[0] == gone
    assert json.loads((tmp_path / "--lean").read_text())["pare.kept_out"] == sum(n for _, n in gone)
    assert "pare.kept_out" not in json.loads((tmp_path / "--no-lean").read_text())


def test_caches_that_are_meant_stay(build):
    copied = build("FROM base\nCOPY p /root/.cache/pip/p\nRUN " + LISTS + "\n", {"p": "1"})
    assert copied.read("root/.cache/pip/p") == b"1"
    assert build("FROM base\nRUN " + LISTS + "\nVOLUME /var/lib/apt\n").read("var/lib/apt/lists/a_Packages") == b"list\n"
    go = "FROM base\nRUN mkdir -p /root/.cache/go-build && echo 1 > /root/.cache/go-build/x\nCMD %s\n"
    assert build(go % '["go", "run", "."]').read("root/.cache/go-build/x") == b"1\n"
    assert build(go % '["/app"]').read("root/.cache/go-build/x") is None


def test_a_layer_of_nothing_but_caches_is_none(build):
    b = build("FROM base\nRUN mkdir -p /root/.cache/pip\nRUN echo 1 > /root/.cache/pip/x && touch -d @1 /root/.cache/pip\nRUN echo 2 > /f\n")
    entries = [h for h in b.config["history"] if not h.get("empty_layer")]
    assert len(entries) == len(b.manifest["layers"]) and b.read("root/.cache/pip/x") is None and b.read("f") == b"2\n"


@pytest.mark.parametrize("start, calls", [('["./start"]', True), ('["sh", "-e", "start"]', True), ("start-app", True), ('["./start"]', False), ('["./text"]', False)])
def test_what_the_start_script_calls_keeps_its_cache(build, start, calls):
    """A tool that runs what is in its cache: out of the image with it, the image would not start."""
    script = "#!/bin/sh\nset -e\ncd /app && %s -o exec:java\n" % ("mvn" if calls else "/usr/bin/true # no tool, nor mvn4j")
    files = {"start": script, "text": "mvn is what it was built with\n"}
    text = "FROM base\nENV PATH=/bin:/opt/bin\nWORKDIR /app\nCOPY --chmod=755 . .\nCOPY --chmod=755 start /opt/bin/start-app\n" \
           "RUN mkdir -p /root/.m2/repository/a && head -c 300000 /dev/zero > /root/.m2/repository/a/b.jar\nCMD %s\n" % start
    for _ in range(2):  # the second time from what was kept
        b = build(text, files)
        assert (b.read("root/.m2/repository/a/b.jar") is not None) == calls
