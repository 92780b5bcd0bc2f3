"""pare lint: the rules about package managers and downloads: where they speak, where they don't, and what their fixes make of a file."""
import pytest


def codes(pare, text, *args):
    """[(line, code)] of the findings."""
    if not text.startswith(("FROM", "ARG", "#")):
        text = "FROM debian:12\n" + text
    found = pare("lint", "--format", "json", "--no-fail", *args, "-", stdin=text.encode(), status=None)
    return [(f["line"], f["code"]) for f in found.json()]


def speaks(pare, code, text, *args):
    return [line for line, c in codes(pare, text, *args) if c == code]


def fixed(pare, text, kind="safe"):
    """The file after --fix; nothing is left for a second one to do."""
    once = pare("lint", "--fix=" + kind, "--no-fail", "-", stdin=text.encode(), status=None, clean=False).out
    twice = pare("lint", "--fix=" + kind, "--no-fail", "-", stdin=once.encode(), status=None, clean=False).out
    assert twice == once
    return once


CACHE = "--mount=type=cache,target="

# code, what makes it speak, what doesn't
CASES = [
    ("DL3008", ["RUN apt-get update && apt-get install -y curl", "RUN sudo /usr/bin/apt-get install -y curl=1 git", "RUN apt install -y curl",
                "ENV P='curl git=1'\nRUN apt-get install -y $P", "RUN apt-get install -y -t bookworm-backports curl"],
               ["RUN apt-get install -y curl=7.88.1-10", "RUN apt-get install -y ./x.deb", "RUN apt-get install -y $PACKAGES", "RUN apt-get install -y -o Dpkg::Use-Pty=0 curl=1",
                "RUN apt-get install -y $(cat list)", "ENV V=1\nRUN apt-get install -y curl=$V", "RUN apt-get install -y curl/bookworm", "RUN apt-get install -s curl",
                "RUN echo deb http://snapshot.debian.org/archive/debian/20240101T000000Z bookworm main > /etc/apt/sources.list\nRUN apt-get install -y curl", "RUN echo apt-get install curl"]),
    ("DL3009", ["RUN apt-get update && apt-get install -y curl=1", "RUN rm -rf /var/lib/apt/lists/* && apt-get update", "RUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*",
                "RUN %s/var/cache/apt apt-get update" % CACHE, "RUN apt-get update && rm -rf /tmp/x", "ONBUILD RUN apt-get update && apt-get install -y curl=1",
                "FROM debian:12 AS base\nRUN apt-get update\nFROM base\nRUN true"],
               ["RUN apt-get update && rm -rf /var/lib/apt/lists/*", "RUN apt-get update && rm -fr /var/lib/apt/lists", "RUN %s/var/lib/apt/lists apt-get update" % CACHE,
                "RUN %s/var/lib/apt,sharing=locked %s/var/cache/apt apt-get update" % (CACHE, CACHE), "RUN --mount=type=tmpfs,target=/var/lib/apt apt-get update",
                "FROM debian:12 AS build\nRUN apt-get update\nFROM debian:12\nCOPY --from=build /x /x", "RUN apt-get update && rm -rf /var/cache/apt/* /var/lib/apt/lists/*",
                "RUN apt-get update && rm -rf /var/{cache,lib/apt/lists}/*", "RUN apt-get update && find /var/lib/apt/lists -type f -delete", "RUN apt-get update && /usr/local/bin/cleanup.sh"]),
    ("DL3014", ["RUN apt-get install curl=1", "RUN apt-get install -q curl=1", "RUN apt install curl=1"],
               ["RUN apt-get install -y curl=1", "RUN apt-get -yq install curl=1", "RUN apt-get install -qq curl=1", "RUN apt-get install --assume-yes curl=1", "RUN yes | apt-get install curl=1",
                "RUN apt-get -o APT::Get::Assume-Yes=true install curl=1", "RUN echo 'APT::Get::Assume-Yes \"true\";' > /etc/apt/apt.conf.d/y\nRUN apt-get install curl=1",
                "ARG APT_OPTS\nRUN apt-get install $APT_OPTS curl=1", "ENV O=-y\nRUN apt-get install $O curl=1"]),
    ("DL3015", ["RUN apt-get install -y curl=1"],
               ["RUN apt-get install -y --no-install-recommends curl=1", "RUN apt-get install -y -o APT::Install-Recommends=false curl=1", "RUN apt-get -o APT::Install-Recommends=0 install -y curl=1",
                "RUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/r\nRUN apt-get install -y curl=1", "FROM debian:12 AS build\nRUN apt-get install -y gcc=1\nFROM debian:12\nRUN true"]),
    ("DL3027", ["RUN apt update", "RUN sudo apt update"], ["RUN apt-get update", "RUN apt-cache policy", "RUN echo apt", "RUN apt-key list"]),
    ("apt-dist-upgrade", ["RUN apt-get dist-upgrade -y", "RUN apt full-upgrade -y"], ["RUN apt-get upgrade -y", "RUN apt-get install -y dist-upgrade=1"]),
    ("DL3018", ["RUN apk add --no-cache curl", "RUN apk add --no-cache curl=8 git", "RUN apk add --no-cache -t .deps gcc"],
               ["RUN apk add --no-cache curl=8.9.1-r1", "RUN apk add --no-cache nodejs~20", "RUN apk add --no-cache -t .deps gcc=1", "RUN apk add --no-cache ./x.apk", "RUN apk add --no-cache $DEPS",
                "RUN apk add --no-cache --virtual=.deps gcc=1", "RUN apk add --no-cache -X https://example.com/edge flow=1", "RUN apk add --no-cache 'curl>8'"]),
    ("DL3019", ["RUN apk add curl=8", "RUN apk add --update curl=8", "RUN rm -rf /var/cache/apk/* && apk add curl=8", "RUN apk update", "RUN apk update && apk add --no-cache curl=8"],
               ["RUN apk add --no-cache curl=8", "RUN apk --no-cache add curl=8", "RUN %s/var/cache/apk apk add curl=8" % CACHE, "RUN apk add -U curl=8 && rm -rf /var/cache/apk/*",
                "FROM alpine:3.20 AS build\nRUN apk add gcc=1\nFROM alpine:3.20\nRUN true", "ENV F='--no-cache -q'\nRUN apk add $F curl=8"]),
    ("DL3030", ["RUN yum install httpd-2.4"], ["RUN yum install -y httpd-2.4", "RUN yum -y install httpd-2.4", "RUN yum install --assumeyes httpd-2.4", "RUN yes | yum install httpd-2.4", "RUN yum list httpd"]),
    ("DL3032", ["RUN yum install -y httpd-2.4", "RUN yum clean all && yum install -y httpd-2.4", "RUN yum -y update"],
               ["RUN yum install -y httpd-2.4 && yum clean all", "RUN yum install -y httpd-2.4 && rm -rf /var/cache/yum", "RUN yum install -y httpd-2.4 && dnf clean all",
                "RUN %s/var/cache/yum yum install -y httpd-2.4" % CACHE, "FROM rockylinux:9 AS build\nRUN yum install -y gcc-13\nFROM rockylinux:9\nRUN true", "RUN yum clean all && yum install -y httpd-2.4 && yum clean all"]),
    ("DL3033", ["RUN yum install -y httpd", "RUN yum install -y httpd-devel", "RUN yum module install -y nodejs"],
               ["RUN yum install -y httpd-2.4.57", "RUN yum install -y gcc-c++-11.4", "RUN yum install -y https://example.com/x.rpm", "RUN yum install -y @development", "RUN yum module install -y nodejs:20",
                "ARG V\nRUN yum install -y httpd-$V", "RUN yum install -y --enablerepo epel httpd-2.4", "RUN yum install -y $PACKAGES", "RUN yum install -y /usr/bin/make"]),
    ("DL3034", ["RUN zypper install git=2", "RUN zypper update"], ["RUN zypper -n install git=2", "RUN zypper install -y git=2", "RUN zypper --non-interactive in git=2", "RUN zypper refresh"]),
    ("DL3035", ["RUN zypper -n dist-upgrade", "RUN zypper -n dup"], ["RUN zypper -n update", "RUN zypper -n install dup=1"]),
    ("DL3036", ["RUN zypper -n install git=2", "RUN zypper clean && zypper -n install git=2"], ["RUN zypper -n install git=2 && zypper clean --all", "RUN %s/var/cache/zypp zypper -n install git=2" % CACHE, "RUN zypper -n in git=2 && zypper cc"]),
    ("DL3037", ["RUN zypper -n install git"], ["RUN zypper -n install git=2", "RUN zypper -n install 'git>=2'", "RUN zypper -n install ./x.rpm", "RUN zypper -n install -t pattern devel_basis", "RUN zypper -n install --from repo git=2"]),
    ("DL3038", ["RUN dnf install git-2", "RUN dnf upgrade"], ["RUN dnf install -y git-2", "RUN dnf --setopt=assumeyes=True install git-2", "RUN microdnf install git-2"]),
    ("DL3040", ["RUN dnf install -y git-2", "RUN dnf clean all && dnf install -y git-2", "RUN microdnf install git-2", "RUN dnf -y upgrade"],
               ["RUN dnf install -y git-2 && dnf clean all", "RUN dnf install -y git-2 && rm -rf /var/cache/dnf", "RUN %s/var/cache/dnf dnf install -y git-2" % CACHE, "RUN microdnf install git-2 && microdnf clean all",
                "RUN rm -rf /foo && dnf install -y git-2 && dnf clean all", "RUN dnf clean all && dnf -y update && dnf -y install git-2 && dnf clean all", "RUN dnf install -y git-2 && rm -rf /var/cache/*"]),
    ("DL3041", ["RUN dnf install -y git", "RUN microdnf install -y git-core"], ["RUN dnf install -y git-2.49.0", "RUN dnf group install -y 'Development Tools'", "RUN dnf install -y @c-development", "ARG V=2.49.0\nRUN dnf install -y git-core-${V}"]),
    ("DL3013", ["RUN pip install requests", "RUN python3 -m pip install requests", "RUN pip install -r r.txt requests", "RUN pip install git+https://user@example.com/x.git", "RUN pip3.12 install -i https://u@example.com x",
                "RUN pip install --root-user-action=ignore x"],
               ["RUN pip install requests==2", "RUN pip install 'requests>=2'", "RUN pip install -r r.txt", "RUN pip install .", "RUN pip install -e '.[dev]'", "RUN pip install -c c.txt requests", "RUN pip install ./x.whl", "RUN pip install $X",
                "RUN pip install git+https://example.com/x.git@1.0", "ENV PIP_CONSTRAINT=/c.txt\nRUN pip install requests", "RUN pipx install x", "RUN pip install --target /x requests==2", "RUN pip install https://example.com/x.zip"]),
    ("DL3042", ["RUN pip install requests==2", "RUN python -m pip install -r r.txt", "ENV PIP_NO_CACHE_DIR=off\nRUN pip install x==1", "RUN rm -rf /root/.cache && pip install x==1"],
               ["RUN pip install --no-cache-dir requests==2", "ENV PIP_NO_CACHE_DIR=1\nRUN pip install x==1", "RUN PIP_NO_CACHE_DIR=1 pip install x==1", "RUN %s/root/.cache/pip pip install x==1" % CACHE,
                "RUN %s/root/.cache pip install x==1" % CACHE, "ENV PIP_CACHE_DIR=/c\nRUN %s/c pip install x==1" % CACHE, "RUN pip install x==1 && rm -rf ~/.cache/pip", "RUN pip install x==1 && pip cache purge",
                "FROM python:3.12 AS build\nRUN pip install x==1\nFROM python:3.12\nRUN true", "RUN pipenv install x", "FROM python:3.12 AS b\nENV PIP_NO_CACHE_DIR=1\nFROM b\nRUN pip install x==1"]),
    ("DL3016", ["RUN npm install -g pm2", "RUN npm i pm2", "RUN npm install -g pm2@latest", "RUN yarn global add pm2", "RUN pnpm add pm2", "RUN npm install --registry https://example.com pm2", "RUN npm install git+https://example.com/x.git"],
               ["RUN npm install", "RUN npm ci", "RUN npm install -g pm2@5", "RUN npm install @scope/x@1", "RUN npm install ./x", "RUN npm install --loglevel verbose", "RUN npm run install", "RUN npm install git+https://example.com/x.git#abc",
                "RUN npm install --prefix /opt x@1", "RUN npm install $X", "RUN yarn install"]),
    ("DL3060", ["RUN yarn install", "RUN yarn", "RUN yarn cache clean && yarn install", "RUN %s/foo yarn install" % CACHE],
               ["RUN yarn install && yarn cache clean", "RUN %s/usr/local/share/.cache/yarn yarn install" % CACHE, "FROM node:22 AS build\nRUN yarn install\nFROM node:22\nRUN true", "RUN yarn --version", "RUN yarn build"]),
    ("DL3028", ["RUN gem install bundler", "RUN gem install --no-document bundler"], ["RUN gem install bundler:2", "RUN gem install bundler -v 2", "RUN gem install nokogiri:1 -- --with-xml2", "RUN gem install ./x.gem"]),
    ("DL3062", ["RUN go install example.com/x@latest", "RUN go get example.com/x", "RUN go install example.com/x", "RUN go run example.com/x@latest y"],
               ["RUN go install example.com/x@v1", "RUN go install ./...", "RUN go run main.go", "RUN go run example.com/x@v1 add y", "RUN go install tool", "COPY go.mod .\nRUN go install example.com/x",
                "RUN go install -ldflags '-s -w' example.com/x@v1", "RUN go install -tags netgo example.com/x@v1", "RUN go build example.com/x"]),
    ("DL3047", ["RUN wget https://example.com/x", "RUN sudo wget https://example.com/x"],
               ["RUN wget -q https://example.com/x", "RUN wget -qO- https://example.com/x", "RUN wget -nv https://example.com/x", "RUN wget --progress=dot:giga https://example.com/x", "RUN wget -o /l https://example.com/x",
                "ARG WGET_ARGS=--progress=dot:giga\nRUN wget ${WGET_ARGS} https://example.com/x", "RUN echo wget x", "RUN wget https://example.com/x 2>/dev/null", "RUN wget --spider https://example.com/x"]),
    ("DL4001", ["RUN wget -q x\nRUN curl y", "RUN wget -q x && curl y", "FROM debian:12 AS b\nRUN wget -q x\nFROM b\nRUN curl y"],
               ["RUN curl x\nRUN curl y", "FROM debian:12 AS b\nRUN wget -q x\nFROM debian:12\nRUN curl y", "FROM debian:12 AS b\nRUN wget -q x && curl y\nFROM debian:12\nRUN true", "RUN apt-get install -y curl=1 wget=1"]),
]


@pytest.mark.parametrize("code,bad,good", CASES, ids=[c[0] for c in CASES])
def test_speaks_and_is_silent(pare, code, bad, good):
    for text in bad:
        assert speaks(pare, code, text + "\n"), (code, text)
    for text in good:
        assert not speaks(pare, code, text + "\n"), (code, text)


def test_hadolint_reads_words_alone(pare):
    """What --codes hadolint says differs where hadolint knows less."""
    both = [("DL3042", "FROM python:3.12 AS b\nRUN pip install x==1\nFROM python:3.12\nRUN true\n"), ("DL3008", "FROM debian:12\nRUN apt-get install -y $X\n"),
            ("DL3016", "FROM node:22\nRUN npm install --prefix opt x@1\n"), ("DL3062", "FROM golang:1.23\nRUN go run main.go\n")]
    for code, text in both:
        assert not speaks(pare, code, text), code
        assert speaks(pare, code, text, "--codes", "hadolint"), code
    mine = [("DL3008", "FROM debian:12\nRUN sudo apt-get install -y curl\n"), ("DL3014", "FROM debian:12\nRUN apt install curl\n"), ("DL3016", "FROM node:22\nRUN npm i x\n")]
    for code, text in mine:
        assert speaks(pare, code, text), code
        assert not speaks(pare, code, text, "--codes", "hadolint"), code


def test_hadolint_speaks_once_an_instruction(pare):
    text = "FROM debian:12\nRUN true && \\\n  apt-get install -y a && \\\n  apt-get install -y b\n"
    assert speaks(pare, "DL3008", text, "--codes", "hadolint") == [2]
    assert speaks(pare, "DL3008", text) == [3, 4]


FIXES = [
    ("apk add gets --no-cache", "FROM alpine:3.20\nRUN apk add curl=8\n", "RUN apk add --no-cache curl=8\n"),
    ("in the place of --update", "FROM alpine:3.20\nRUN apk add --update curl=8\n", "RUN apk add --no-cache curl=8\n"),
    ("apk update is of no use", "FROM alpine:3.20\nRUN apk update && apk add curl=8\n", "RUN apk add --no-cache curl=8\n"),
    ("-y", "FROM debian:12\nRUN apt-get install --no-install-recommends curl=1\n", "RUN apt-get install -y --no-install-recommends curl=1\n"),
    ("yum -y", "FROM rockylinux:9\nRUN yum install httpd-2.4 && yum clean all\n", "RUN yum install -y httpd-2.4 && yum clean all\n"),
    ("zypper", "FROM opensuse/leap:15.6\nRUN zypper install git=2\n", "RUN zypper --non-interactive install git=2 && zypper clean --all\n"),
    ("dnf clean all", "FROM fedora:42\nRUN dnf install -y git-2 \\\n && echo done\n", "RUN dnf install -y git-2 \\\n && echo done \\\n && dnf clean all\n"),
    ("pip", "FROM python:3.12\nRUN pip install x==1 && python3 -m pip install y==1\n", "RUN pip install --no-cache-dir x==1 && python3 -m pip install --no-cache-dir y==1\n"),
    ("GNU wget", "FROM debian:12\nRUN wget https://example.com/x\n", "RUN wget --progress=dot:giga https://example.com/x\n"),
    ("BusyBox' wget", "FROM alpine:3.20\nRUN wget https://example.com/x\n", "RUN wget -q https://example.com/x\n"),
    ("apt", "FROM debian:12\nRUN apt install -y --no-install-recommends curl=1\n", "RUN apt-get install -y --no-install-recommends curl=1\n"),
    ("apt upgrade takes new packages in", "FROM debian:12\nRUN apt upgrade -y\n", "RUN apt-get upgrade --with-new-pkgs -y\n"),
    ("lists, in a chain", "FROM debian:12\nRUN apt-get update && apt-get install -y --no-install-recommends curl=1\n", "RUN apt-get update && apt-get install -y --no-install-recommends curl=1 && rm -rf /var/lib/apt/lists/*\n"),
    ("lists, where sudo is needed", "FROM debian:12\nUSER app\nRUN sudo apt-get update\n", "RUN sudo apt-get update && sudo rm -rf /var/lib/apt/lists/*\n"),
    ("lists, behind a list of ;", "FROM debian:12\nRUN set -e; apt-get update; apt-get install -y --no-install-recommends curl=1;\n", "install -y --no-install-recommends curl=1 && rm -rf /var/lib/apt/lists/*;\n"),
    ("lists, in a here-document", "FROM debian:12\nRUN <<EOF\nset -e\napt-get update\nEOF\n", "RUN <<EOF\nset -e\napt-get update && rm -rf /var/lib/apt/lists/*\nEOF\n"),
    ("comments stay", "FROM debian:12\nRUN apt-get update && \\\n    # why\n    apt-get install -y --no-install-recommends curl=1\n", "    # why\n    apt-get install -y --no-install-recommends curl=1 && rm -rf /var/lib/apt/lists/*\n"),
    ("CR LF stays", "FROM debian:12\r\nRUN apt-get update \\\r\n && true\r\n", "RUN apt-get update \\\r\n && true \\\r\n && rm -rf /var/lib/apt/lists/*\r\n"),
    ("the escape character stays", "# escape=`\nFROM debian:12\nRUN apt-get update `\n && true\n", "RUN apt-get update `\n && true `\n && rm -rf /var/lib/apt/lists/*\n"),
]


@pytest.mark.parametrize("what,before,after", FIXES, ids=[f[0] for f in FIXES])
def test_fix(pare, what, before, after):
    assert after in fixed(pare, before)


LEFT = [
    ("a later RUN installs by these lists", "FROM debian:12\nRUN apt-get update && true\nRUN true && apt-get install -y --no-install-recommends curl=1\n"),
    ("so does a stage built on it", "FROM debian:12 AS b\nRUN apt-get update && true\nFROM b\nRUN true && apt-get install -y --no-install-recommends curl=1\n"),
    ("a script may", "FROM debian:12\nRUN apt-get update && true\nCOPY x.sh /\nRUN /x.sh\n"),
    ("nothing runs behind exec", "FROM debian:12\nRUN apt-get update && exec true\n"),
    ("words of a JSON form", 'FROM debian:12\nRUN ["apt-get", "update"]\n'),
]


@pytest.mark.parametrize("what,text", LEFT, ids=[f[0] for f in LEFT])
def test_lists_are_left_where_they_may_be_needed(pare, what, text):
    assert speaks(pare, "DL3009", text)
    assert "rm -rf" not in fixed(pare, text)


def test_suggested_fixes(pare):
    text = "FROM debian:12\nRUN apt-get update && apt-get install -y git=1 && rm -rf /var/lib/apt/lists/*\n"
    assert "--no-install-recommends" not in fixed(pare, text)
    assert "apt-get install -y --no-install-recommends git=1" in fixed(pare, text, "suggested").replace("install --no-install-recommends -y", "install -y --no-install-recommends")
    assert "yarn install && yarn cache clean" in fixed(pare, "FROM node:22\nRUN yarn install\n", "suggested")


def test_long_scripts_are_read_in_one_go(pare):
    """Many commands, arguments and stages: each of them costs the same."""
    pare("lint", "--no-fail", "-", stdin=b"FROM debian:12\nRUN true" + b" && apt-get install a" * 2000 + b"\n", status=None, timeout=60)
    pare("lint", "--no-fail", "-", stdin=b"FROM debian:12\nRUN apt-get install" + b" a" * 20000 + b"\n", status=None, timeout=60)
    pare("lint", "--no-fail", "--codes", "hadolint", "-", stdin=b"FROM debian:12\nRUN true" + b" && apt-get install a" * 2000 + b"\n", status=None, timeout=60)
    pare("lint", "--no-fail", "-", stdin=b"".join(b"FROM debian:12 AS s%d\nRUN apt-get update\nRUN yarn install\n" % i for i in range(1000)), status=None, timeout=60)
