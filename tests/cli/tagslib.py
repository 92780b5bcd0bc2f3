"""What the tests of commands on registries share: a registry as Debian ships it, small images, and what is in a repository."""
import json

from imagelib import File, Image, layer


def image(n, **more):
    return Image([layer(File("same", b"s" * 5000)), layer(File("own", b"%d" % n * 1000))], **more)


def push(pare, registry, name, n, directory):
    image(n).oci(directory)
    pare("copy", "oci:%s" % directory, "docker://%s/%s" % (registry.host, name))
    return registry.request("HEAD", "/v2/%s/manifests/%s" % tuple(name.split(":")), headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})[1]["Docker-Content-Digest"]


def tags_of(registry, repo):
    return sorted((registry.get("/v2/%s/tags/list" % repo) or {}).get("tags") or [])


def arch(directory, name, n):
    image(n, arch=name).oci(directory)
    return json.loads((directory / "index.json").read_text())["manifests"][0]["digest"]
