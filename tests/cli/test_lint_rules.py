"""Rules on Dockerfiles that are not about packages: where each speaks and stays silent, what the stage graph knows, hadolint's own reading, and what fixes make."""
import json

import pytest


@pytest.fixture
def lint(pare, tmp_path):
    def run(text, *args, config=None):
        f = tmp_path / "Dockerfile"
        f.write_bytes(text if isinstance(text, bytes) else text.encode())
        if config is not None:
            (tmp_path / "config.yaml").write_text(config)
            args += ("-c", tmp_path / "config.yaml")
        return pare("lint", "--format", "json", *args, f, status=None).json()
    return run


@pytest.fixture
def found(lint):
    """lines on which a code is found"""
    return lambda code, text, *args, **kw: [x["line"] for x in lint(text, *args, **kw) if x["code"] == code]


@pytest.fixture
def fixed(pare, tmp_path):
    """what --fix makes of a text"""
    def run(text, how):
        f = tmp_path / "fix" / "Dockerfile"
        f.parent.mkdir(exist_ok=True)
        f.write_bytes(text if isinstance(text, bytes) else text.encode())
        pare("lint", how, f, status=None)
        return f.read_bytes() if isinstance(text, bytes) else f.read_bytes().decode()
    return run


D = "FROM debian:12\n"
# code, where it speaks (text, lines), where it is silent
SPEAKS = [
    ("DL3006", "FROM debian\nFROM node AS x\nFROM x\n", [1, 2]),
    ("DL3006", "ARG BASE=debian\nFROM $BASE\n", [2]),
    ("DL3007", "ARG TAG=latest\nFROM debian:${TAG}\n", [2]),
    ("DL3029", "FROM --platform=linux/arm64 debian:12 AS build\n", [1]),
    ("DL3065", "FROM --platform=${TARGETPLATFORM} debian:12\n", [1]),
    ("DL3022", "FROM debian:12 AS a\nCOPY --from=b /x /x\nFROM debian:12 AS b\n", [2]),
    ("DL3022", "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=7 /x /x\n", [3]),
    ("DL3022", "FROM golang:1.22 AS builder\nFROM debian:12\nCOPY --from=bulider /x /x\n", [3]),
    ("DL3023", "FROM debian:12 AS a\nCOPY --from=A /x /x\n", [2]),
    ("DL3024", "FROM debian:12 AS a\nFROM debian:12 AS A\n", [2]),
    ("DL3067", "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a / /\n", [3]),
    ("DL3020", D + "ADD a.txt dir/ /x/\nADD [\"b c.txt\", \"/x/\"]\n", [2, 3]),
    ("DL3021", D + "COPY a b \"/c\"\n", [2]),
    ("DL3045", D + "COPY a b\n", [2]),
    ("DL3010", D + "COPY --chown=1 a.tar.gz b.txt /tmp/\nRUN cd /opt && tar xzf /tmp/a.tar.gz\n", [2]),
    ("DL3002", "FROM debian:12 AS base\nUSER 0:0\nFROM base\nRUN true\n", [2]),
    ("DL3002", "FROM debian:12\nARG U=root\nUSER $U\n", [3]),
    ("DL3066", D + "USER app\n", [2]),
    ("DL3004", D + "RUN true && sudo -u x ls; sudo y\nUSER x\nRUN sudo z\n", [2, 4]),
    ("DL3046", D + "RUN useradd --uid 1234567 x\n", [2]),
    ("DL3048", D + "LABEL a..b=c\nLABEL com.docker.x=y\nLABEL Big=x\n", [2, 3, 4]),
    ("DL3025", D + "CMD a b\nENTRYPOINT cd /x && a\n", [2, 3]),
    ("DL4003", D + "CMD [\"a\"]\nRUN true\nCMD [\"b\"]\n", [4]),
    ("DL4004", D + "ENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n", [3]),
    ("DL3012", D + "HEALTHCHECK NONE\nHEALTHCHECK CMD b\n", [3]),
    ("DL3000", D + "WORKDIR a\n", [2]),
    ("DL3011", D + "EXPOSE 80 65536 1-70000/udp\n", [2, 2]),
    ("DL4000", D + "MAINTAINER x\n", [2]),
    ("DL3044", D + "ENV A=1 B=${A}2\n", [2]),
    ("DL3064", D + "ARG DB_PASSWORD\nENV API_TOKEN=4e2f9a\n", [2, 3]),
    ("DL3061", "RUN true\nFROM debian:12\n", [1]),
    ("DL3001", D + "RUN service ssh start\nRUN top -b\n", [2, 3]),
    ("DL3003", D + "RUN make && cd /x\nRUN cd /y && make\n", [2, 3]),
    ("DL3059", D + "RUN a\n# why\nRUN b\n", [4]),
    ("DL4005", D + "RUN rm /bin/sh && ln -s bash /bin/sh\n", [2]),
    ("DL4006", D + "RUN curl x | sh\nRUN a && x=$(b | c)\n", [2, 3]),
]
SILENT = [
    ("DL3006", "ARG BASE=debian:12\nARG V\nFROM $BASE AS base-amd64\nFROM debian:$V\nFROM $V\nFROM base-${TARGETARCH}\nFROM scratch\nFROM debian@sha256:" + "0" * 64 + "\n"),
    ("DL3006", "ARG src=1\nFROM a:1 AS img1\nFROM img${src}\n"),
    ("DL3007", "FROM debian:latest@sha256:" + "0" * 64 + "\nARG X\nFROM debian:$X\n"),
    ("DL3029", "FROM --platform=$BUILDPLATFORM debian:12\nFROM --platform=linux/arm64 debian:12 AS build-arm64\nFROM --platform=$P debian:12\n"),
    ("DL3065", "ARG TARGETPLATFORM=linux/amd64\nFROM --platform=$TARGETPLATFORM debian:12\n"),
    ("DL3022", "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a /x /x\nCOPY --from=0 /x /x\nCOPY --from=hello-world /x /x\nCOPY --from=r.example/uv:1 /x /x\nCOPY --from=A /x /y\n"),
    ("DL3067", "FROM debian:12 AS a\nFROM scratch\nCOPY --from=a / /\nCOPY --from=tonistiigi/xx / /\n"),
    ("DL3020", D + "ARG SRC\nADD a.tar.gz /\nADD https://example.com/x /x\nADD git@example.com:a/b.git /b\nADD $SRC /x\nADD --checksum=sha256:" + "0" * 64 + " http://x/y /y\n"),
    ("DL3021", D + "ARG D=/x/\nWORKDIR /w\nCOPY a b .\nCOPY a b ./\nCOPY a b $D\nCOPY a b $UNKNOWN\n"),
    ("DL3045", "FROM debian:12 AS a\nWORKDIR /x\nFROM a\nCOPY a b\nCOPY a /b\nCOPY a $X\nONBUILD COPY a b\n"),
    ("DL3045", D + "ONBUILD WORKDIR /x\nONBUILD COPY a b\n"),
    ("DL3010", D + "COPY a.tar.gz /tmp/\nRUN tar --strip-components=1 -xzf /tmp/a.tar.gz\nCOPY b.sql.gz /tmp/\nRUN gunzip /tmp/b.sql.gz\n"),
    ("DL3010", "FROM debian:12 AS a\nCOPY a.tar /tmp/\nFROM debian:12\nRUN tar xf /tmp/a.tar\n"),
    ("DL3002", "FROM debian:12 AS build\nUSER root\nFROM debian:12\nUSER root\nRUN a\nUSER 1000\n"),
    ("DL3066", "FROM debian:12 AS b\nUSER app\nFROM debian:12\nARG UID\nUSER ${UID}:${UID}\n"),
    ("DL3066", "FROM mcr.microsoft.com/windows/servercore:ltsc2022\nUSER ContainerUser\n"),
    ("DL3046", D + "RUN useradd -u 1000 a && useradd -l -u 1234567 b && useradd -u ${BIG_USER_ID} c\n"),
    ("DL3048", D + "LABEL org.example.a_b/c=d com.docker.extension.icon=x $K=v\n"),
    ("DL3025", D + "ENTRYPOINT exec a $B\nHEALTHCHECK CMD curl x || exit 1\nCMD [\"a\"]\n"),
    ("DL3025", D + "SHELL [\"/bin/bash\", \"-c\"]\nCMD a b\n"),
    ("DL4003", "FROM debian:12 AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n"),
    ("DL3000", D + "WORKDIR /a\nWORKDIR b\nWORKDIR $X\nWORKDIR \"C:/x\"\n"),
    ("DL3011", D + "EXPOSE 65535 1-65535 $P\n"),
    ("DL3044", D + "ARG A\nENV A=1 B=$A\nENV C=1 D=\\$C E='$C' F=${C:-x} G=$CC\nENV PATH=/a:$PATH M=$PATH\n"),
    ("DL3064", D + "ENV GOPRIVATE=x AWS_WEB_IDENTITY_TOKEN_FILE=/x DB_PASSWORD= CF_USERNAME=me TRAVIS_OS_NAME=linux\nARG PUBLIC_KEY=x\n"),
    ("DL3001", D + "RUN service mysql start && mysql < a.sql && service mysql stop\nRUN server & sleep 1; kill $!\nRUN --mount=type=ssh ssh -T git@x\nRUN vim +PlugInstall +qall\n"),
    ("DL3003", D + "RUN git clone x && cd x && make && cd .. && rm -rf x\nRUN (cd /x && make)\nRUN cd \"$(mktemp -d)\" && a\nRUN cd /tmp/x && make && rm -rf /tmp/x\nRUN for i in a b; do cd $i; make; done\n"),
    ("DL3059", D + "RUN a && b\nRUN c\nRUN --network=none d\nRUN e\nCOPY a /b\nRUN f\n"),
    ("DL3059", "FROM debian:12 AS build\nRUN a\nRUN b\nFROM debian:12\n"),
    ("DL4005", D + "RUN ln -s /bin/sh /usr/local/bin/x\n"),
    ("DL4006", D + "RUN set -o pipefail && a | b\nRUN set -eux -o pipefail; a | b\nRUN yes | a; echo x | b\nRUN if a | b; then c; fi\nRUN a | b || true\nRUN ! a | b\nRUN c \"$(a | b)\"\n"),
    ("DL4006", "FROM debian:12 AS base\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nFROM base\nRUN a | b\nRUN [\"sh\", \"-c\", \"c\"]\n"),
    ("DL4006", D + "RUN <<EOF\nset -eo pipefail\na | b\nEOF\nRUN bash -o pipefail <<EOF\na | b\nEOF\n"),
]


@pytest.mark.parametrize("code,text,lines", SPEAKS)
def test_speaks(found, code, text, lines):
    assert found(code, text) == lines


@pytest.mark.parametrize("code,text", SILENT)
def test_silent(found, code, text):
    assert found(code, text) == []


# What hadolint says where ours knows better, and once an instruction.
HADOLINT = [
    ("DL3006", "ARG BASE=debian\nFROM img${BASE}\nFROM $BASE\n", [2]),
    ("DL3007", "ARG TAG=latest\nFROM debian:${TAG}\n", []),
    ("DL3022", "FROM debian:12\nCOPY --from=hello-world /x /x\n", [2]),
    ("DL3067", "FROM scratch\nCOPY --from=a / /\n", [2]),
    ("DL3021", D + "COPY a b .\n", [2]),
    ("DL3002", "FROM debian:12 AS build\nUSER root\nFROM debian:12\nUSER 1\n", [2]),
    ("DL3004", D + "RUN sudo a && sudo b\nONBUILD RUN sudo c\n", [2, 3]),
    ("DL3003", D + "RUN (cd /x && cd y)\n", [2]),
    ("DL3025", D + "HEALTHCHECK CMD a\nENTRYPOINT exec a\nCMD [\"b\"]\n", [2, 3]),
    ("DL3059", "FROM debian:12 AS build\nRUN a\nRUN b\nFROM debian:12\n", [3]),
    ("DL4006", D + "RUN set -o pipefail && a | b\nRUN yes | a\nSHELL [\"/bin/bash\", \"-euxo\", \"pipefail\", \"-c\"]\nRUN a | b\n", [2, 3]),
    ("DL4006", D + "SHELL [\"/bin/sh\", \"-o\", \"pipefail\", \"-c\"]\nRUN a | b\nSHELL [\"pwsh\", \"-c\"]\nRUN a | b\n", [3]),
    ("DL3048", D + "LABEL a_b=c d/e=f\n", [2]),
    ("DL3061", "LABEL a=b\nRUN x\n", [1, 2]),
    ("DL3043", D + "ONBUILD MAINTAINER x\n", [2]),
    ("DL3044", "FROM a:1\nENV A=1\nFROM b:1\nENV A=2 B=$A\nENV C=1 D=\\$C\n", [5]),
    ("DL3064", D + "ENV GOPRIVATE=x\n", [2]),
    ("DL3045", "COPY a b\n", [1]),
    ("DL4005", D + "RUN ln -s /bin/sh /x\n", [2]),
]


@pytest.mark.parametrize("code,text,lines", HADOLINT)
def test_hadolint(found, code, text, lines):
    assert found(code, text, "--codes", "hadolint") == lines


def test_trusted_registries(found):
    text = "ARG R=ok.example\nFROM ${R}/a:1 AS a\nFROM debian:12\nFROM x.ok.example:5000/b:1\nFROM $UNKNOWN/b:1\nFROM a\nCOPY --from=bad.example/c:1 /x /x\nCOPY --from=a /y /y\nRUN --mount=from=bad.example/d,target=/d true\n"
    config = "trustedRegistries:\n  - '*ok.example'\n"
    assert found("DL3026", text, config=config) == [3, 4, 7, 9]
    assert found("DL3026", text, config="trustedRegistries: ['*']\n") == []
    assert found("DL3026", text) == []


SCHEMA = "label-schema:\n  when: rfc3339\n  rev: hash\n  ver: semver\n  home: url\n  lic: spdx\n  who: email\n  what: text\nstrict-labels: true\n"
GOOD = dict(when="2026-01-31T12:00:00.5+01:00", rev="0123abc", ver="1.2.3-rc.1+b", home="https://u@[::1]:80/a%20b?q#f", lic="Apache-2.0", who="a.b+c@example.com", what="x")
BAD = dict(when="2026-02-30T12:00:00Z", rev="0123ABC", ver="1.02.3", home="example.com/a b", lic="Apache 2", who="a@b@", what="")
CODES = dict(when="DL3053", rev="DL3055", ver="DL3056", home="DL3052", lic="DL3054", who="DL3058", what="DL3051")


def labels(values):
    return D + "".join('LABEL %s="%s"\n' % kv for kv in values.items())


@pytest.mark.parametrize("mode", ["all", "hadolint"])
def test_label_schema(found, mode):
    for key, code in CODES.items():
        assert found(code, labels(GOOD), "--codes", mode, config=SCHEMA) == []
        assert len(found(code, labels({**GOOD, key: BAD[key]}), "--codes", mode, config=SCHEMA)) == 1, key
    assert found("DL3049", labels(GOOD), "--codes", mode, config=SCHEMA) == []
    assert found("DL3049", D, "--codes", mode, config=SCHEMA) == [1] * 7
    assert found("DL3050", labels({**GOOD, "other": "x"}), "--codes", mode, config=SCHEMA) == [9]


def test_label_schema_and_stages(found):
    text = "FROM debian:12 AS base\nLABEL a=b\nFROM golang:1.22 AS build\nFROM base\nCOPY --from=build /x /x\n"
    assert found("DL3049", text, config="label-schema: {a: text}\n") == []
    licence = D + 'LABEL lic="(MIT OR GPL-2.0+ WITH Classpath-exception-2.0) AND LicenseRef-x"\nLABEL lic="$L"\n'
    assert found("DL3054", licence, config="label-schema: {lic: spdx}\n") == []
    assert found("DL3054", licence, "--codes", "hadolint", config="label-schema: {lic: spdx}\n") == [2, 3]


def test_healthcheck_missing(found):
    on = "override: {info: [DL3057]}\n"
    assert found("DL3057", D) == []
    assert found("DL3057", "FROM debian:12 AS a\nFROM debian:12\n", config=on) == [2]
    assert found("DL3057", "FROM debian:12 AS a\nHEALTHCHECK NONE\nFROM a\n", config=on) == []
    assert found("DL3057", "FROM debian:12 AS a\nFROM debian:12\n", "--codes", "hadolint", config=on) == [1, 2]


# --- fixes ---
SAFE = [
    (D + "MAINTAINER \"Jo $X <jo@x>\"\n", D + "LABEL org.opencontainers.image.authors=\"Jo \\$X <jo@x>\"\n"),
    ("# escape=`\n" + D + "maintainer a\"b`c\n", "# escape=`\n" + D + "LABEL org.opencontainers.image.authors=\"a`\"b``c\"\n"),
    (D + "MAINTAINER a \\\n# keep\n b\n", D + "MAINTAINER a \\\n# keep\n b\n"),
    (D + "MAINTAINER a\nLABEL org.opencontainers.image.authors=b\n", D + "MAINTAINER a\nLABEL org.opencontainers.image.authors=b\n"),
    (D + "ADD --chown=1:1 a.py \\\n  # why\n  b/ /x/\n", D + "COPY --chown=1:1 a.py \\\n  # why\n  b/ /x/\n"),
    (D + "ADD rootfs /x\nADD a.tar b.txt /x/\nADD http://x/y /y\n", D + "ADD rootfs /x\nADD a.tar b.txt /x/\nADD http://x/y /y\n"),
    (D + "COPY a b \"/c\"\n", D + "COPY a b \"/c/\"\n"),
    (D + "CMD [\"a\"]\n# note\nHEALTHCHECK NONE\nENTRYPOINT [\"x\"]\nCMD [\"b\"]\nHEALTHCHECK CMD c\nENTRYPOINT [\"y\"]", D + "# note\nCMD [\"b\"]\nHEALTHCHECK CMD c\nENTRYPOINT [\"y\"]"),
    (D + "CMD [\"a\", \\\n# kept\n\"b\"]\nCMD [\"c\"]\n", D + "CMD [\"a\", \\\n# kept\n\"b\"]\nCMD [\"c\"]\n"),
    ("FROM --platform=$TARGETPLATFORM debian:12 AS a\n", "FROM debian:12 AS a\n"),
]


@pytest.mark.parametrize("before,after", SAFE)
def test_safe_fix(fixed, before, after):
    assert fixed(before, "--fix") == after
    crlf = lambda s: s.encode().replace(b"\n", b"\r\n")
    assert fixed(crlf(before), "--fix") == crlf(after)
    assert fixed(b"\xef\xbb\xbf" + before.encode(), "--fix") == b"\xef\xbb\xbf" + after.encode()


# code, before, after: the finding is gone then
SUGGESTED = [
    ("DL3025", D + "CMD nginx -g 'daemon \"off\";'\n", D + 'CMD ["nginx", "-g", "daemon \\"off\\";"]\n'),
    ("DL3025", D + "ENTRYPOINT cd /x && A=1 run $B\n", D + "ENTRYPOINT cd /x && A=1 exec run $B\n"),
    ("DL3004", D + "RUN sudo a && \\\n    sudo -E b\n", D + "RUN a && \\\n    b\n"),
    ("DL3066", D + "RUN useradd -l -u 1000 app && b\nUSER app:app\n", D + "RUN useradd -l -u 1000 app && b\nUSER 1000:app\n"),
    ("DL3046", D + "RUN useradd -u 1234567 a\n", D + "RUN useradd -l -u 1234567 a\n"),
    ("DL3003", D + "# why\nRUN cd /x \\\n  && make\n", D + "WORKDIR /x\n# why\nRUN make\n"),
    ("DL3059", D + "RUN a\n\n# why\nRUN b c\n", D + "RUN a && \\\n# why\n    b c\n"),
    ("DL4005", D + "RUN rm /bin/sh && ln -s bash /bin/sh\n", D + 'SHELL ["/bin/bash", "-c"]\n'),
    ("DL4006", D + "RUN curl -f x | tar x\n", D + 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN curl -f x | tar x\n'),
    ("DL4006", D + "RUN a | b\nCOPY x /x\nRUN c | d\n", D + 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]\nRUN a | b\nCOPY x /x\nRUN c | d\n'),
    ("DL4006", "FROM alpine:3.20\nRUN wget -O- x | tar x\n", "FROM alpine:3.20\nRUN set -o pipefail && wget -O- x | tar x\n"),
    ("DL4006", "FROM alpine:3.20\nRUN <<EOF\na | b\nEOF\n", "FROM alpine:3.20\nRUN <<EOF\nset -o pipefail\na | b\nEOF\n"),
    ("DL3022", "FROM golang:1.22 AS builder\nFROM debian:12\nCOPY --from=bulider /x /x\n", "FROM golang:1.22 AS builder\nFROM debian:12\nCOPY --from=builder /x /x\n"),
    ("DL3020", D + "ADD rootfs /x\n", D + "COPY rootfs /x\n"),
]


def apply(text, fix):
    """the edits of one finding's fix, made"""
    lines = text.splitlines(keepends=True) + [""]
    at = lambda line, column: sum(len(x) for x in lines[:line - 1]) + column - 1
    for e in sorted(fix["edits"], key=lambda e: (e["line"], e["column"]), reverse=True):
        text = text[:at(e["line"], e["column"])] + e["text"] + text[at(e["end_line"], e["end_column"]):]
    return text


@pytest.mark.parametrize("code,before,after", SUGGESTED)
def test_suggested_fix(lint, found, code, before, after):
    fixes = [x["fix"] for x in lint(before) if x["code"] == code]
    for fix in fixes:  # each alone is enough
        assert fix["safety"] == "suggested"
        assert apply(before, fix) == after
    assert found(code, after) == []


# No fix where it would change what is run.
NONE = [
    ("DL3025", D + "CMD cd /x\n"), ("DL3025", D + "CMD a || b\n"), ("DL3025", D + "CMD a &\n"), ("DL3025", D + "CMD a | b\n"),
    ("DL3004", D + "RUN sudo -u x a\n"), ("DL3004", D + "USER x\nRUN sudo a\n"),
    ("DL3059", D + "RUN a\nRUN b || c\n") , ("DL3059", D + "RUN cd /x\nRUN b\n"), ("DL3059", D + "RUN a\nRUN <<EOF\nb\nEOF\n"),
    ("DL3003", D + "RUN cd /x; make\n"), ("DL4005", D + "RUN ln -sf bash /bin/sh && a\n"),
    ("DL3066", D + "USER app\n"),
]


@pytest.mark.parametrize("code,text", NONE)
def test_no_fix(lint, code, text):
    for x in lint(text):
        if x["code"] == code:
            assert x["fix"] is None, x


def test_fixes_are_json(lint):
    assert json.dumps([x["fix"] for x in lint(D + "CMD a 'b\tc\"'\n") if x["code"] == "DL3025"])
