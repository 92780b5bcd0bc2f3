"""Transfers through the fault proxy (faultproxy.py), each a small story by a seed: who asks whom for what, how one logs in there, what fails. What must hold afterwards is the same for all:
correct by digest, or one line and the right status; nothing partial to be seen; no password where it is not meant to be; nothing sent or fetched twice."""
import base64
import json
import os
import random
import shutil
import ssl
import threading

from conftest import Runner
from faultproxy import FAULTS, FaultProxy, Plan, Tokens, credentials_in, fetched_again, sent_again, text_of
from imagelib import File, Image, index_layout, layer, sha256, write_files
from netlib import Registry as Fake

CHUNK = 32 << 10   # of a download: what the program may have had on its way when a connection broke
PIECE = 16 << 20   # of an upload
PATIENT = ["--timeout", "2", "--attempts", "5"]
OCI = "application/vnd.oci.image."
MANIFEST, INDEX = OCI + "manifest.v1+json", OCI + "index.v1+json"
HARMLESS = {"delay", "trickle", "redirect", "no-range", "no-mount"}  # however often
LASTS = sorted((f, k) for f in FAULTS for k in FAULTS[f] if k != "ping")
UPSTREAM = ("me", "secret-of-the-registry")


def basic(user, password):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


class Figures:
    def __init__(self):
        self.lock = threading.Lock()
        self.transfers = self.correct = self.failed = self.requests = self.headers = self.faults = self.fetched = self.sent = self.known = self.breaks = 0

    def add(self, **more):
        with self.lock:
            for k, n in more.items():
                setattr(self, k, max(getattr(self, k), n) if k in ("fetched", "sent", "known") else getattr(self, k) + n)

    def __str__(self):
        return ("%d transfers: %d correct, %d failed with one clear line; %d requests with %d headers seen and %d faults done, no credential at the wrong host; re-sent at most: %d bytes of a "
                "resumed download, %d of a piece of an upload, %d that the registry had said it has (%d breaks gone on from)" %
                (self.transfers, self.correct, self.failed, self.requests, self.headers, self.faults, self.fetched, self.sent, self.known, self.breaks))


# --- images ---
class Pictures:
    """Layouts that are copied from, made once."""

    def __init__(self, root):
        def rng(name):
            return random.Random(name).randbytes
        self.root = root
        self.small = self.one("small", [layer(File("f%d" % i, rng("s%d" % i)(n))) for i, n in enumerate((1000, 300000, 700000))])
        self.large = self.one("large", [layer(File("f%d" % i, rng("l%d" % i)(n))) for i, n in enumerate((1000, 20 << 20))])
        self.old = self.one("old", [layer(File("old", b"old" * 1000))])
        base = layer(File("base", rng("base")(200000)))
        self.arch = [self.one(a, [base, layer(File(a, rng(a)(50000)))], arch=a) for a in ("amd64", "arm64", "s390x")]
        self.aged = [self.one("aged%d" % i, [base, layer(File("own", rng("aged%d" % i)(20000)))], extra={"created": "2024-01-0%dT00:00:00Z" % i}) for i in (1, 2, 3, 4)]
        where = root / "index"
        index_layout(where, [Image([base, layer(File(a, rng(a)(90000)))], arch=a) for a in ("amd64", "arm64", "s390x")], nested=True, compression="none")
        self.index = (where, self.top(where))
        self.signed = self.with_referrers("signed", *self.small)

    @staticmethod
    def top(where):
        digest = json.loads((where / "index.json").read_text())["manifests"][0]["digest"]
        return (where / "blobs" / "sha256" / digest[7:]).read_bytes()

    def one(self, name, layers, **kw):
        where = self.root / name
        Image(layers, **kw).oci(where, compression="none")
        return where, self.top(where)

    def with_referrers(self, name, of, manifest):
        """The image with two documents that refer to it."""
        where = self.root / name
        shutil.copytree(of, where)
        index = json.loads((where / "index.json").read_text())
        for i in range(2):
            files = {"blobs/sha256/" + sha256(b): b for b in (b"{}", b"statement %d" % i * 5000)}
            (config, _), (blob, data) = sorted(files.items(), key=lambda f: len(f[1]))
            doc = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/x-statement", "config": {
                "mediaType": "application/vnd.oci.empty.v1+json", "digest": "sha256:" + config[13:], "size": 2},
                "layers": [{"mediaType": "text/plain", "digest": "sha256:" + blob[13:], "size": len(data)}],
                "subject": {"mediaType": MANIFEST, "digest": "sha256:" + sha256(manifest), "size": len(manifest)}}).encode()
            files["blobs/sha256/" + sha256(doc)] = doc
            write_files(where, files)
            index["manifests"].append({"mediaType": MANIFEST, "digest": "sha256:" + sha256(doc), "size": len(doc)})
        (where / "index.json").write_text(json.dumps(index))
        return where, manifest, [m["digest"] for m in index["manifests"][1:]]


# --- what is in a place ---
def manifest_in(real, repo, tag="1"):
    status, headers, body = real.request("GET", "/v2/%s/manifests/%s" % (repo, tag), headers={"Accept": ", ".join((MANIFEST, INDEX))})
    return body if status == 200 else None


def whole_in(real, repo, manifest):
    m = json.loads(manifest)
    if "manifests" in m:
        parts = [manifest_in(real, repo, d["digest"]) for d in m["manifests"]]
        return all(p is not None and sha256(p) == d["digest"][7:] and whole_in(real, repo, p) for p, d in zip(parts, m["manifests"]))
    return all(real.request("HEAD", "/v2/%s/blobs/%s" % (repo, b["digest"]))[0] == 200 for b in [m["config"], *m["layers"]])


def whole_layout(where):
    """Every blob has its digest, every document that is listed is whole, and nothing else lies about. The digests that are listed."""
    if not where.exists():
        return []
    assert {p.name for p in where.iterdir()} <= {"index.json", "oci-layout", "blobs"}, list(where.rglob("*"))
    have = {}
    for p in (where / "blobs").rglob("*"):
        if p.is_file():
            have["sha256:" + p.name] = data = p.read_bytes()
            assert sha256(data) == p.name, p
    def whole(digest):
        m = json.loads(have[digest])
        for d in m.get("manifests", []):
            whole(d["digest"])
        assert "manifests" in m or all(b["digest"] in have for b in [m["config"], *m["layers"]]), m
    index = where / "index.json"
    listed = [m["digest"] for m in json.loads(index.read_text())["manifests"]] if index.exists() else []
    for digest in listed:
        whole(digest)
    return listed


# --- one story ---
class Site:
    """A registry behind a proxy, and how one logs in there: "none", "basic", "real" (the registry itself asks), "token" (a server on another port, with a password of its own), "refresh" (an
    identity token for that)."""

    def __init__(self, case, plan, auth, tls, pages=0, api=False, upstream=None, header=None):
        world = case.world
        self.auth, self.secrets, self.tokens = auth, {}, None
        if auth in ("token", "refresh"):
            own = Plan(plan.seed, plan.faults, plan.rate, plan.most, plan.lasting) if plan else None
            self.tokens = Tokens({"someone": "x"}, own, world.tls if tls else None, uses=case.rng.choice((25, 60, 1 << 30)))
            self.tokens.other = None
        self.proxy = FaultProxy(upstream or world.real.host, plan, [("Authorization", header or basic(*UPSTREAM))], world.tls if tls else None, self.tokens, pages, own=auth != "real")
        self.host, self.tls = self.proxy.host, tls
        self.password = {"real": UPSTREAM[1], "none": None}.get(auth, "password-of-%d" % self.proxy.port)
        if auth == "basic":
            self.proxy.basic = basic("me", self.password)
        if api:
            self.proxy.subjects = world.subjects
        if self.tokens:
            secret = "secret-of-tokens-%d" % self.tokens.port
            self.tokens.users = {None: secret} if auth == "refresh" else {"me": secret}
            self.secret = secret

    def logins(self):
        d = {self.host: {"auth": basic("me", self.password)[6:]}} if self.password else {}
        if self.auth == "token":
            d[self.tokens.host] = {"auth": basic("me", self.secret)[6:]}
        elif self.auth == "refresh":
            d[self.tokens.host] = {"auth": "", "identitytoken": self.secret}
        return d

    def listeners(self):
        return [self.proxy, self.proxy.other] + ([self.tokens] if self.tokens else [])

    def close(self):
        self.proxy.__exit__()
        if self.tokens:
            self.tokens.close()


class World:
    """What all stories share."""

    def __init__(self, real, root):
        self.real, self.root, self.subjects = real, root, {}
        self.pictures, self.figures = Pictures(root), Figures()
        self.ca = None

    def database(self):
        """Does not compress well, so that it takes several packets."""
        with self.figures.lock:
            path = self.root / "database" / "a.db"
            if not path.exists():
                path.parent.mkdir()
                number = random.Random(1).random
                (self.root / "epss.csv").write_text("#model_version:v2023.03.01,score_date:2024-03-02T00:00:00+0000\ncve,epss,percentile\n" +
                                                    "".join("CVE-2023-%d,%.9f,%.9f\n" % (10000 + i, number(), number()) for i in range(20000)))
                (self.root / "run").mkdir()
                Runner(self.root / "run")("db", "build", "-o", path, "--from", "epss:%s" % (self.root / "epss.csv"))
            return path

    def authority(self, directory):
        self.ca = directory
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(os.path.join(directory, "server.pem"), os.path.join(directory, "server.key"))


class Case:
    def __init__(self, world, seed, root):
        self.world, self.seed, self.rng, self.sites = world, seed, random.Random(seed), []
        root.mkdir(parents=True)
        self.root, self.run = root, Runner(root)
        self.plan, self.must, self.statuses, want = self.choose()
        self.story = STORIES[want]
        kind = self.plan.lasting[1] if self.plan.lasting else None
        self.tls = kind == "connection" or self.rng.random() < 0.35
        self.auth = self.rng.choice(("token", "refresh")) if kind == "token" else self.rng.choice(("none", "basic", "real", "token", "token", "refresh"))
        self.repo = "f/s%d" % seed

    def choose(self):
        """(plan, whether it must come through, the statuses that are right when it does not, which story)."""
        seed, rng, turn = self.seed, self.rng, self.seed % 4
        # every third story is the plain one, there and back
        name = "image" if seed // 4 % 3 == 0 else sorted(STORIES)[seed // 4 % len(STORIES)]
        if turn < 2:
            return Plan(seed, rate=rng.choice((0.1, 0.3, 0.6, 1.0)), most=rng.choice((1, 2))), True, (), name
        if turn == 2:
            return Plan(seed, faults=sorted(FAULTS), rate=rng.choice((0.1, 0.3)), most=2), False, (3, 4), name
        fault, kind = LASTS[seed // 4 * 37 % len(LASTS)]
        fits = [s for s in sorted(STORIES) if kind in ASKS[s]]
        # what is missing may make what names it damaged; all else is the network's or the registry's fault
        return Plan(seed, rate=0.1, most=1, lasting=(fault, kind)), fault in HARMLESS, (3, 4) if fault == "404" else (4,), rng.choice(fits) if fits else name

    def site(self, faulty=True, **kw):
        s = Site(self, self.plan if faulty else None, self.auth if faulty else "none", self.tls and faulty, **kw)
        self.sites.append(s)
        home = self.run.root / "home"
        (home / ".docker").mkdir(exist_ok=True)
        logins = {"127.0.0.1:1": {"auth": basic("me", "somebody-elses")[6:]}}
        for x in self.sites:
            logins.update(x.logins())
        (home / ".docker" / "config.json").write_text(json.dumps({"auths": logins}))
        if s.tls:
            for host in [s.host] + ([s.tokens.host] if s.tokens else []):
                d = home / ".config" / "containers" / "certs.d" / host
                d.mkdir(parents=True)
                shutil.copy(os.path.join(self.world.ca, "ca.pem"), d / "ca.crt")
        return s

    def clean(self, *args):
        """Without a fault, to set the scene."""
        return self.run(*args)

    def put(self, picture, repo, tag="1"):
        clean = next((s for s in self.sites if s.proxy.plan.rate == 0 and not s.proxy.plan.lasting), None) or self.site(faulty=False)
        self.clean("copy", "--all", "oci:%s:latest" % picture[0], "docker://%s/%s:%s" % (clean.host, repo, tag))

    def __call__(self, *args, again=CHUNK):
        """A transfer: whether it came through. again: how many bytes of a download may come again: what goes on to another registry is read again with the piece of the upload that broke."""
        before = {id(p): len(p.exchanges) for s in self.sites for p in s.listeners()}
        out = self.run(*args, *PATIENT, status=None)
        new = [x for s in self.sites for p in s.listeners() for x in p.exchanges[before[id(p)]:]]
        story = (out, self, [repr(x) for x in new])
        assert out.status == 0 or not self.must, story
        if out.status:
            lines = out.err.splitlines()
            assert out.status in self.statuses and len(lines) == 1 and lines[0].startswith("pare: "), story
        twice = fetched_again(new)
        assert not any(n > again for _, n in twice), (twice, story)
        known, most = sent_again(new)
        assert known == 0 and most <= PIECE, (known, most, story)
        assert not [s for s in self.secrets() if s in out.out + out.err], story
        self.world.figures.add(transfers=1, correct=out.status == 0, failed=out.status != 0, requests=len(new), headers=sum(len(x.headers) for x in new), faults=sum(bool(x.fault) for x in new),
                               fetched=max([n for _, n in twice if again == CHUNK], default=0), sent=most, known=known, breaks=sum(x.kind == "blob" and x.asked > 0 for x in new) + sum(x.kind == "state" for x in new))
        self.out, self.new = out, new
        return out.status == 0

    # --- what holds for all of it ---
    def secrets(self):
        """Each secret, in each form, and the listeners that may see it."""
        s = {"somebody-elses": [], basic("me", "somebody-elses")[6:]: []}
        for x in self.sites:
            if x.password:
                s[x.password], s[basic("me", x.password)[6:]] = [], [x.proxy]  # its own, should it ask for it
            if x.tokens:
                s[x.secret] = [x.tokens] if x.auth == "refresh" else []
                s[basic("me", x.secret)[6:]] = [x.tokens] if x.auth == "token" else []
                s.update((t, [x.proxy]) for t in x.tokens.issued)
        for x in self.sites:  # the same password at several of them
            if x.auth == "real":
                s[basic("me", x.password)[6:]].append(x.proxy)
        return s

    def end(self):
        secrets = self.secrets()
        for x in self.sites:
            for p in x.listeners():
                assert not p.errors, p.errors
                for e in p.exchanges:
                    text = text_of(e)
                    stray = [k for k, may in secrets.items() if k in text and p not in may]
                    assert not stray, (stray, text, self)
            assert credentials_in(x.proxy.other.exchanges, list(secrets)) == []
        self.run("store", "check")

    def close(self):
        for x in self.sites:
            x.close()

    def __repr__(self):
        return "Case(%d): %s, %s%s, %r" % (self.seed, self.story.__name__, self.auth, " by TLS" if self.tls else "", self.plan)


# --- the stories ---
def there(c, site, picture, *how):
    """From a layout into a registry; `how` of the copy. It is there then, in the end by a way without faults."""
    real, manifest = c.world.real, picture[1]
    old = c.rng.random() < 0.3
    if old:
        c.put(c.world.pictures.old, c.repo)
    done = c("copy", *how, "oci:%s:latest" % picture[0], "docker://%s/%s:1" % (site.host, c.repo))
    have = manifest_in(real, c.repo)
    if done:
        assert have == manifest, c.new
    else:
        assert have == (c.world.pictures.old[1] if old else None) or (have == manifest and any(x.kind == "put" and x.fault for x in c.new)), c.new
    assert have is None or whole_in(real, c.repo, have), c.new
    if have != manifest:
        c.put(picture, c.repo)
    return done


def back(c, site, picture, *how):
    """Out of the registry, into the store or a layout."""
    out, name = c.root / "out", "%s/%s:1" % (site.host, c.repo)
    target = c.rng.choice(("pare:%s:1" % c.repo, "oci:%s:1" % out, "pull"))
    done = c(*(("pull", *how, "docker://" + name) if target == "pull" else ("copy", *how, "docker://" + name, target)))
    where = "pare:" + name if target == "pull" else target
    if done:
        assert c.run("manifest", "show", "--raw", where).out_bytes == picture[1]
    else:
        assert c.run("manifest", "show", "--raw", where, status=None).status != 0
    listed = whole_layout(out)
    assert done or not listed
    return done, target, listed


def image(c):
    site, p = c.site(), c.world.pictures
    picture = p.large if c.seed % 5 == 4 else p.small
    there(c, site, picture)
    back(c, site, picture)


def index(c):
    """Every platform."""
    site = c.site()
    there(c, site, c.world.pictures.index, "--all")
    back(c, site, c.world.pictures.index, "--all")


def referrers(c):
    """What refers to the image goes along: listed by the registry, or by the fallback tag."""
    api = c.rng.random() < 0.5
    site, picture = c.site(api=api), c.world.pictures.signed
    done = there(c, site, picture, "--referrers")
    if done:
        subject = "sha256:" + sha256(picture[1])
        listed = c.world.subjects.get((c.repo, subject), []) if api else json.loads(manifest_in(c.world.real, c.repo, subject.replace(":", "-")))["manifests"]
        assert sorted(d["digest"] for d in listed) == sorted(picture[2]), c.new
        assert all(whole_in(c.world.real, c.repo, manifest_in(c.world.real, c.repo, d)) for d in picture[2])
        done, target, listed = back(c, site, picture, "--referrers")
        # a registry that answers 404 has no list, and the tag is not there either where it lists them itself
        astray = any(x.kind in ("referrers", "manifest") and x.fault == "404" for x in c.new)
        assert not done or not target.startswith("oci:") or astray or set(picture[2]) <= set(listed), (target, listed, c.new)


def across(c):
    """From one registry to another, or from one repository of a registry to another, where things can be mounted."""
    a = c.site()
    same = c.rng.random() < 0.4
    if not same:
        c.auth = c.rng.choice(("none", "basic", "token", "refresh"))
    b, picture, to = a if same else c.site(), c.rng.choice((c.world.pictures.small, c.world.pictures.index)), c.repo + "/to"
    c.put(picture, c.repo)
    done = c("copy", "--all", "docker://%s/%s:1" % (a.host, c.repo), "docker://%s/%s:1" % (b.host, to), again=PIECE)
    have = manifest_in(c.world.real, to)
    assert have == picture[1] if done else have is None or any(x.kind == "put" and x.fault for x in c.new), c.new
    assert have is None or whole_in(c.world.real, to, have), c.new


def tags(c):
    site, names = c.site(pages=c.rng.choice((1, 4, 0))), ["t%02d" % i for i in range(c.rng.randrange(1, 12))]
    c.put(c.world.pictures.old, c.repo)
    for t in names:
        assert c.world.real.request("PUT", "/v2/%s/manifests/%s" % (c.repo, t), c.world.pictures.old[1], {"Content-Type": MANIFEST})[0] == 201
    for how in ((), ("--digests",)):
        if c("tags", *how, "docker://%s/%s" % (site.host, c.repo)):
            assert [line.split()[0] for line in c.out.out.splitlines()] == ["1"] + names, c.out


def gone_or_whole(c, repo, digest):
    have = manifest_in(c.world.real, repo, digest)
    assert have is None or whole_in(c.world.real, repo, have)
    return have is None


def delete(c):
    site, p = c.site(pages=2), c.world.pictures
    c.put(p.old, c.repo, "stays")
    c.put(p.small, c.repo, "goes")
    digest = "sha256:" + sha256(p.small[1])
    done = c("delete", "--yes", "--force-digest", "docker://%s/%s@%s" % (site.host, c.repo, digest))
    gone = gone_or_whole(c, c.repo, digest)
    assert gone or not done, c.new
    assert "was gone" not in c.out.out, (c.out, c.new)
    assert manifest_in(c.world.real, c.repo, "stays") == p.old[1] and whole_in(c.world.real, c.repo, p.old[1])


def create(c):
    """An index of images that are there, and of one that is in another repository."""
    site, arch = c.site(), c.world.pictures.arch
    c.put(arch[0], c.repo, "a")
    c.put(arch[1], c.repo + "/other", "b")
    name = "%s/%s" % (site.host, c.repo)
    done = c("manifest", "create", name + ":1", name + ":a", name + "/other:b", "oci:%s" % arch[2][0], again=PIECE)
    have = manifest_in(c.world.real, c.repo)
    if done:
        assert [m["digest"] for m in json.loads(have)["manifests"]] == ["sha256:" + sha256(a[1]) for a in arch], c.new
    else:
        assert have is None or any(x.kind == "put" and x.fault for x in c.new), c.new
    assert have is None or whole_in(c.world.real, c.repo, have), c.new


def prune(c):
    """The newest two stay, and what an index that stays needs, whatever happens."""
    site, p = c.site(pages=2), c.world.pictures
    for i, picture in enumerate(p.aged):
        c.put(picture, c.repo, "v%d" % i)
    done = c("prune", "--registry", "%s/%s" % (site.host, c.repo), "--keep", "2", "--yes")
    for i, picture in enumerate(p.aged):
        gone = gone_or_whole(c, c.repo, "sha256:" + sha256(picture[1]))
        assert gone == (i < 2) if done else i < 2 or not gone, (i, c.out, c.new)
    for i in (2, 3):
        assert manifest_in(c.world.real, c.repo, "v%d" % i) == p.aged[i][1]


def database(c):
    """`db push` and `db update`: what db_push sends whole is sent again whole."""
    auth = c.rng.choice((None, "basic", "bearer"))
    with Fake(auth=auth, users=dict([UPSTREAM]) if auth else None) as r:
        r.tokens.add("of-the-other-host")
        c.auth = "real" if auth else "none"
        site = c.site(upstream=r.host, header="Bearer of-the-other-host" if auth == "bearer" else basic(*UPSTREAM))
        r.url = site.proxy.url  # where its tokens are
        db, name = c.world.database(), "%s/security/advisories:latest" % site.host
        if not c("db", "push", "--db", db, name):
            assert ("security/advisories", "latest") not in r.manifests or any(x.kind == "put" and x.fault for x in c.new), c.new
            r.auth = None
            c.clean("db", "push", "--db", db, "%s/security/advisories:latest" % r.host)
            r.auth = auth
        done, have = c("db", "update", "--from", "oci://" + name), c.run.store / "advisories.db"
        assert have.read_bytes() == db.read_bytes() if done else not have.exists()


STORIES = {f.__name__: f for f in (image, index, referrers, across, tags, delete, create, prune, database)}
PUSHES = {"has", "start", "part", "finish", "put", "state"}
PULLS = {"manifest", "blob"}
ASKS = {"image": PUSHES | PULLS | {"token", "connection"}, "index": PUSHES | PULLS, "referrers": PUSHES | PULLS | {"referrers"}, "across": (PUSHES - {"part"}) | PULLS | {"token", "connection"},
        "tags": {"tags", "manifest", "connection"}, "delete": {"tags", "delete", "manifest"}, "create": PUSHES - {"part"} | PULLS, "prune": {"tags", "manifest", "blob", "delete", "referrers"}, "database": (PUSHES - {"part", "state"}) | PULLS | {"token"}}


def tell(world, seed, root):
    """The story of that seed."""
    c = Case(world, seed, root)
    try:
        c.story(c)
        c.end()
    finally:
        c.close()
        shutil.rmtree(root, ignore_errors=True)
