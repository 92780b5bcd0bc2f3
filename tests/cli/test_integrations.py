"""What is offered to other programs: hooks, an action, a pipeline's template, settings of editors. They are well-formed, and what they call exists."""
import json
import os
import re
import shlex
import subprocess

import pytest
import yaml
from conftest import TOP, binary

OPTIONS = re.compile(r"^ {2}(?:-(\w), | {4})--([\w-]+)(?:[ =\[](\S+))?", re.M)


def text(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as f:
        return f.read()


@pytest.fixture(scope="module")
def manual():
    return subprocess.run([binary(), "lint", "--help"], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def options(manual):
    found = {"--" + long for _, long, _ in OPTIONS.findall(manual)} | {"-" + short for short, _, _ in OPTIONS.findall(manual) if short}
    assert {"--format", "--config", "--lsp"} <= found
    return found


@pytest.fixture(scope="module")
def formats():
    """The names that --format takes, as it says itself when it gets another."""
    p = subprocess.run([binary(), "lint", "--format", "no-such-format", os.devnull], capture_output=True, text=True)
    assert p.returncode == 2 and "no-such-format" in p.stderr, p.stderr
    return set(re.findall(r"[a-z_]+", p.stderr.split("no-such-format", 1)[1]))


def calls(where):
    """Every `pare lint …` in a text, as words; also as a list of JSON, Lua or Lisp strings."""
    for m in re.finditer(r"pare lint((?: +(?:\"?\$\{?\w+(?:\[@\])?\}?\"?|[\w./,:=-]+))*)", where):
        yield [w for w in shlex.split(m[1]) if not w.startswith("$")]
    for m in re.finditer(r"['\"]pare['\"],? +['\"]lint['\"]((?:,? *['\"][^'\"]*['\"])*)", where):
        yield re.findall(r"['\"]([^'\"]+)['\"]", m[1])


FILES = [".pre-commit-hooks.yaml", "action.yml", "docs/ci/gitlab.yml", "docs/ci.md", "docs/editors.md", "README.md"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_called_exists(name, options, formats):
    seen = 0
    for words in calls(text(name)):
        seen += 1
        for i, word in enumerate(words):
            if word.startswith("-"):
                assert word.split("=")[0] in options, (name, words)
            if word in ("--format", "-f"):
                assert words[i + 1] in formats, (name, words)
    assert seen, "%s calls nothing" % name


def test_the_reader_of_calls_reads():
    assert list(calls('x; pare lint "${a[@]}" --no-fail -f sarif $P >x')) == [["--no-fail", "-f", "sarif"]]
    assert list(calls("cmd = { 'pare', 'lint', '--lsp' }")) == [["--lsp"]]
    assert list(calls('("pare" "lint" "--lsp")')) == [["--lsp"]]


def test_hooks():
    hooks = yaml.safe_load(text(".pre-commit-hooks.yaml"))
    assert [h["id"] for h in hooks] == ["pare-lint", "pare-lint-fix"]
    for h in hooks:
        assert {"id", "name", "description", "entry", "language"} <= set(h)
        assert h["language"] == "system" and h["types"] == ["dockerfile"]


def test_action():
    action = yaml.safe_load(text("action.yml"))
    assert action["runs"]["using"] == "composite"
    assert all("description" in i and "default" in i for i in action["inputs"].values())
    for step in action["runs"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        if "run" in step:
            assert step["shell"] == "bash"
            assert "${{" not in step["run"], "an input is data, not a piece of a script"
            p = subprocess.run(["bash", "-n"], input=step["run"], capture_output=True, text=True)
            assert p.returncode == 0, p.stderr
    used = set(re.findall(r"inputs\.([\w-]+)", text("action.yml")))
    assert used == set(action["inputs"])


def run_step(tmp_path, path, **inputs):
    """The action's step that lints, as a runner runs it: inputs in the environment. The program is found on the path."""
    action = yaml.safe_load(text("action.yml"))
    step = next(s for s in action["runs"]["steps"] if s["name"] == "pare lint")
    values = {**{k: v["default"] for k, v in action["inputs"].items()}, **inputs}
    env = {"PATH": os.path.dirname(binary()) + ":" + os.environ["PATH"], "HOME": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    for name, value in step["env"].items():
        env[name] = re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], value)
    return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=path, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("threshold, status", [("none", 0), ("error", 0), ("style", 1)])
def test_the_action_lints(tmp_path, threshold, status):
    d = tmp_path / "work dir"
    d.mkdir()
    (d / "Dockerfile").write_text("FROM debian\nMAINTAINER me\n")
    (d / "cfg.yaml").write_text("override:\n  warning: [DL4000]\n  style: [DL3006]\n")
    p = run_step(tmp_path, d, **{"failure-threshold": threshold, "config": "cfg.yaml", "codes": "hadolint"})
    assert p.returncode == status, p
    assert "::warning file=Dockerfile,line=2" in p.stdout
    run = json.loads((d / "pare-lint.sarif").read_text())["runs"][0]
    assert {"DL4000", "DL3006"} <= {r["ruleId"] for r in run["results"]}
    assert "DL4000" in (tmp_path / "summary.md").read_text()


def test_gitlab():
    template = yaml.safe_load(text("docs/ci/gitlab.yml"))
    job = template["pare-lint"]
    assert job["artifacts"]["reports"]["codequality"] == "gl-code-quality-report.json"
    used = set(re.findall(r"\$(PARE_\w+)", text("docs/ci/gitlab.yml")))
    assert used == set(template["variables"])
    for line in job["before_script"] + job["script"]:
        p = subprocess.run(["sh", "-n"], input=line, capture_output=True, text=True)
        assert p.returncode == 0, p.stderr


def test_settings_of_editors():
    page = text("docs/editors.md")
    blocks = re.findall(r"^```json\n(.*?)^```", page, re.M | re.S)
    assert len(blocks) >= 3
    for b in blocks:
        json.loads(b)
    for language in ("lua", "elisp", "toml"):
        assert "```%s\n" % language in page


def test_the_files_that_are_named_are_there():
    for name in ("docs/ci.md", "docs/editors.md"):
        for path in re.findall(r"`((?:docs|src|tools)/[\w./-]+|action\.yml)`", text(name)):
            assert os.path.exists(os.path.join(TOP, path)), (name, path)
