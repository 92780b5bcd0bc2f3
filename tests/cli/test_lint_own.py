"""The rules that neither hadolint nor BuildKit have, as a user meets them: naive Dockerfiles, what COPY takes from the context, fixes, names of other tools."""

import pytest

NOW = ["--now", "2025-12-01"]


@pytest.fixture
def cwd(pare):
    return pare.root / "cwd"


def rules(pare, text, *more, name="Dockerfile", status=None):
    (pare.root / "cwd" / name).write_text(text)
    r = pare("lint", "-f", "json", *NOW, *more, name, status=status)
    return [(x["line"], x["rule"]) for x in r.json()], r


def test_a_beginner_s_file(pare):
    got, _ = rules(pare, """FROM node:18
ENV DATABASE_URL=postgres://app:hunter2@db/app
WORKDIR /app
COPY . .
RUN apt-get update
RUN apt-get install -y gcc make
RUN npm install
RUN curl -sSL http://example.org/install.sh | bash
RUN echo root:hunter2 | chpasswd && chmod -R 777 /app
RUN rm -rf /app/.git
EXPOSE 22
CMD node server.js
""")
    for want in [(1, "base-out-of-support"), (1, "base-has-smaller-variant"), (1, "runs-as-root"), (2, "secret-value"), (4, "copy-before-install"), (5, "update-alone"), (5, "apt-lists-kept"),
                 (6, "build-tools-kept"), (7, "package-cache-kept"), (8, "pipe-to-shell"), (8, "download-without-tls"), (9, "account-password"), (9, "world-writable"), (9, "owner-copies-layer"),
                 (10, "deleted-later"), (11, "ssh-port"), (11, "service-without-healthcheck")]:
        assert want in got, (want, got)


def test_a_good_file(pare):
    got, r = rules(pare, """# syntax=docker/dockerfile:1
FROM golang:1.25-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build go build -o /app .
FROM scratch
COPY --from=build /app /app
USER 65532:65532
ENTRYPOINT ["/app"]
""")
    assert not [g for g in got if g[1] not in ("base-without-digest", "user-by-name")], r


def test_values_are_never_shown(pare):
    text = "FROM debian:12\nENV U=postgres://app:hunter2@db/app\nRUN mysql -phunter2 && curl -fu me:hunter2 https://example.org && export API_TOKEN=hunter2\n"
    (pare.root / "cwd" / "Dockerfile").write_text(text)
    for f in ["json", "table", "tty", "markdown", "github"]:
        assert "hunter2" not in pare("lint", "-f", f, "Dockerfile", status=1).out


# --- the context ---
KEY = "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"
TOKEN = "glpat-" + "Zx8vQm2kLw9RtYbNc4Df"


@pytest.mark.parametrize("path, text, want", [
    (".env", "API_KEY=hunter2\n", True),
    (".env", "PORT=80\n", False),
    (".env.example", "API_KEY=hunter2\n", False),
    ("deploy/ci.yml", "token: %s\n" % TOKEN, True),
    ("deploy/ci.yml", "token: $TOKEN\n", False),
    ("a/b/c/key.txt", KEY, True),
    (".npmrc", "//registry.npmjs.org/:_authToken=x1\n", True),
    (".npmrc", "fund=false\n", False),
    ("node_modules/x/.env", "API_KEY=hunter2\n", False),
])
def test_what_copy_takes(pare, cwd, path, text, want):
    (cwd / path).parent.mkdir(parents=True, exist_ok=True)
    (cwd / path).write_text(text)
    got, r = rules(pare, "FROM debian:12\nCOPY . /app\n")
    assert ((2, "secret-file-copied") in got) == want, r
    assert "hunter2" not in r.out and TOKEN not in r.out
    (cwd / ".dockerignore").write_text("**/" + path.split("/")[-1] + "\n")
    assert (2, "secret-file-copied") not in rules(pare, "FROM debian:12\nCOPY . /app\n")[0]


def test_the_context_can_be_elsewhere(pare, cwd):
    (cwd / "ctx").mkdir()
    (cwd / "ctx" / ".env").write_text("API_KEY=hunter2\n")
    assert (2, "secret-file-copied") not in rules(pare, "FROM debian:12\nCOPY src /app\n")[0]
    assert (2, "secret-file-copied") in rules(pare, "FROM debian:12\nCOPY . /app\n", "--context", "ctx")[0]


def test_links_lead_nowhere(pare, cwd):
    outside = pare.root / "secret"
    outside.mkdir()
    (outside / ".env").write_text("API_KEY=hunter2\n")
    (cwd / "app").mkdir()
    (cwd / "app" / "link").symlink_to(outside)
    (cwd / "app" / ".env").symlink_to(outside / ".env")
    assert (2, "secret-file-copied") not in rules(pare, "FROM debian:12\nCOPY app /app\n")[0]
    assert (2, "secret-file-copied") not in rules(pare, "FROM debian:12\nCOPY ../secret /app\n")[0]


# --- dates ---
def test_out_of_support_by_date(pare, cwd):
    text = "FROM debian:11-slim\nUSER 1\nCMD [\"a\"]\n"
    (cwd / "Dockerfile").write_text(text)
    assert "base-out-of-support" not in pare("lint", "-f", "json", "--now", "2026-08-31", "Dockerfile", status=None).out
    assert "base-out-of-support" in pare("lint", "-f", "json", "--now", "2026-09-01", "Dockerfile", status=1).out
    assert "base-out-of-support" in pare("lint", "-f", "json", "Dockerfile", env={"SOURCE_DATE_EPOCH": "1800000000"}, status=1).out
    assert "no date" in pare("lint", "--now", "tomorrow", "Dockerfile", status=2).err


# --- fixes ---
def fixed(pare, cwd, text, kind="suggested", only=None):
    (cwd / "Dockerfile").write_bytes(text.encode())
    pare("lint", "--fix=" + kind, "Dockerfile", status=None)
    once = (cwd / "Dockerfile").read_bytes().decode()
    pare("lint", "--fix=" + kind, "Dockerfile", status=None)
    assert (cwd / "Dockerfile").read_bytes().decode() == once
    return once


def test_owner_where_it_is_copied(pare, cwd):
    out = fixed(pare, cwd, "FROM debian:12-slim\nCOPY app /app\nRUN chown -R 1000:1000 /app\nUSER 1000\n")
    assert "COPY --chown=1000:1000 app /app\nUSER 1000\n" in out
    named = "FROM debian:12-slim\nCOPY app /app\nRUN chown -R app:app /app\nUSER 1000\n"
    assert fixed(pare, cwd, named) == named  # who is app when the COPY runs?


def test_update_and_install_in_one(pare, cwd):
    out = fixed(pare, cwd, "FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends curl=1\nUSER 1000\n", "safe")
    assert out.count("RUN ") == 1 and "apt-get update" in out and "&& apt-get install" in out
    for apart in ["FROM debian:12-slim\nRUN apt-get update\n# why\nRUN apt-get install -y --no-install-recommends curl=1\nUSER 1000\n",
                  "FROM debian:12-slim\nRUN apt-get update\nRUN apt-get install -y --no-install-recommends curl=1 || true\nUSER 1000\n"]:
        assert fixed(pare, cwd, apart, "safe").count("RUN ") == 2


def test_smaller_variant(pare, cwd):
    assert fixed(pare, cwd, "FROM python:3.13-bookworm\nUSER 1000\n").startswith("FROM python:3.13-slim-bookworm\n")
    assert fixed(pare, cwd, "FROM python:3.13-bookworm\nUSER 1000\n", "safe").startswith("FROM python:3.13-bookworm\n")


# --- the names that other tools have for them ---
@pytest.mark.parametrize("comment, line, rule", [
    ("#trivy:ignore:AVD-DS-0004", "EXPOSE 22", "ssh-port"),
    ("#trivy:ignore:DS004", "EXPOSE 22", "ssh-port"),
    ("# kics-scan ignore-line", "EXPOSE 22", "ssh-port"),
    ("# hadolint ignore=ssh-port", "EXPOSE 22", "ssh-port"),
    ("# checkov:skip=CKV2_DOCKER_2: our own proxy", "RUN curl -fk https://example.org/a -o a", "tls-check-off"),
])
def test_ignored_by_another_tool_s_name(pare, comment, line, rule):
    assert (2, rule) in rules(pare, "FROM debian:12\n%s\n" % line)[0]
    assert (3, rule) not in rules(pare, "FROM debian:12\n%s\n%s\n" % (comment, line))[0]


def test_only_under_all(pare):
    text = "FROM debian:12\nCOPY . /app\nRUN chown -R 1:1 /app\nEXPOSE 22\n"
    for codes in ["hadolint", "buildkit"]:
        assert not [r for r in rules(pare, text, "--codes", codes)[0] if r[1] in ("owner-copies-layer", "ssh-port")]
