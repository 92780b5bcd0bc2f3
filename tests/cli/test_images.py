"""pare images: what the store has."""
from storelib import archives, listed, store  # noqa: F401


def test_no_store(pare):
    assert pare("images").out.split() == ["NAME", "TAG", "DIGEST", "PLATFORM", "CREATED", "SIZE", "UNIQUE"]
    assert pare("images", "--format", "json").json() == {"images": []}


def test_images(store):
    all_ = listed(store)
    assert sorted(all_) == ["docker.io/library/db:1", "docker.io/library/web:1", "docker.io/library/web:2"]
    one = all_["docker.io/library/web:1"]
    assert one["platforms"] == ["linux/amd64"] and one["repository"] == "web" and one["tag"] == "1" and 0 < one["unique"] < one["size"]
    assert sorted(listed(store, "web")) == ["docker.io/library/web:1", "docker.io/library/web:2"]
    assert list(listed(store, "docker.io/library/web:2")) == list(listed(store, "web:2")) == list(listed(store, "--filter", "reference=*:2")) == ["docker.io/library/web:2"]
    assert list(listed(store, one["digest"][7:20])) == ["docker.io/library/web:1"]
    assert list(listed(store, "--filter", "label=team=a")) == ["docker.io/library/web:1"]
    assert len(listed(store, "--filter", "label!=team=a")) == 2
    assert listed(store, "--filter", "dangling=true") == {}
    assert store("images", "-q", "web:1").out == one["digest"][7:19] + "\n"
    assert sorted(store("images", "--format", "names").out.split()) == ["db:1", "web:1", "web:2"]
    assert one["digest"] in store("images", "--digests").out and one["digest"] not in store("images").out
    store("images", "--filter", "colour=red", status=2)


def test_what_every_digest_begins_with_names_none(store):
    digest = next(iter(listed(store).values()))["digest"]
    assert listed(store, "sha256") == listed(store, "sha256:") == listed(store, digest[:12]) == {}
    assert listed(store, digest[:13]) and listed(store, digest[7:13])


def test_a_filter_that_is_none_names_those_there_are(pare):
    for words in ("foo", "foo=bar", "label="):
        r = pare("images", "--filter", words, status=2)
        assert r.err.count("\n") == 1 and "reference=PATTERN" in r.err and "until=AGE" in r.err
