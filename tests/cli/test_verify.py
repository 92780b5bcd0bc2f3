"""pare verify with policies; signatures in a registry, and what others make of them."""
import json

import pytest

from schemalib import check
from trustlib import make_key, make_layout, sign


@pytest.fixture
def layout(tmp_path):
    return make_layout(tmp_path / "layout")


@pytest.fixture
def keys(tmp_path):
    return make_key(tmp_path, "release")


def test_policy(pare, layout, keys, tmp_path):
    policy = tmp_path / "policy.toml"
    where = "oci:%s:v1" % layout

    def ask(text, status, says):
        policy.write_text(text)
        r = pare("verify", where, "--policy", policy, status=status)
        assert says in r.out + r.err, r

    ask('default = "deny"', 1, "no rule of %s allows it" % policy)
    ask("", 0, "allows it")
    ask('[[rule]]\nmatch = ["oci:%s*"]\naction = "deny"' % layout, 1, "refused by rule 1")
    ask('require-digest = true', 1, "without a digest")
    ask('[[rule]]\nmatch = "*"\nkeys = ["release.pub"]', 1, "there is no signature")
    sign(pare, layout, keys[0])
    ask('[[rule]]\nmatch = "*"\nkeys = ["release.pub"]', 0, "allows it")
    ask('[[rule]]\nmatch = "*"\nkeys = ["missing.pub"]', 4, "missing.pub")
    ask('[[rule]]\nmatch = "*"\nkey = ["release.pub"]', 2, "is not known")
    policy.write_text('default = "deny"')
    assert pare("verify", where, "--key", keys[1], env={"PARE_POLICY": policy}, status=1).err.count("refused") == 1
    config = tmp_path / "config" / "pare"
    config.mkdir(parents=True)
    (config / "policy.toml").write_text('default = "deny"')
    pare("verify", where, "--key", keys[1], env={"XDG_CONFIG_HOME": config.parent}, status=1)
    doc = json.loads(pare("verify", where, "--key", keys[1], "--format", "json", env={"XDG_CONFIG_HOME": config.parent}, status=1).out)
    check(doc, "verify")
    assert doc["signatures"][0]["holds"] and not doc["holds"] and not doc["policy"]["allows"]
