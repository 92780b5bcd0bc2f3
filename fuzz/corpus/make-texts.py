#!/usr/bin/python3
"""make-texts.py: writes the seeds that are text behind a byte that chooses what it is, or with such bytes in between, into the directories beside it."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))

TEXTS = {
    "accounts/passwd": b'\x00root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:\na:x:5:5::/:\nb:x:5:5::/:\na::7:7::/:\n',
    "buildkit/stages": b'T=1\x00ARG T\nARG U=$T-x\nFROM a:${T} AS Base\nONBUILD ENV X=$U\nFROM base\nARG U\nCOPY --from=BASE $U ${X:-d} /\nUSER $V\nWORKDIR a\nWORKDIR ../b\n',
    "probe/answers-apart": b'a\n12 ms 1.5 s 2023-11-14T22:13:20Z 1700000000\n2\n\x1e2\n13 ms 1700000100\x1e\x00\x01',
    "secret/assign": b'\x00API_KEY = "\nkind: Secret\ndata:\n  a: aGVsbG8td29ybGQtMTIzNDU2\n',
    "secret/curl": b'\x00curl -u "deploy:q8W3e4R5t6" \\\n -H "Authorization: Bearer q8W3e4R5t6Z7u8I9o0" https://x.test',
    "secret/docker": b'\x00"auth":"ZGVwbG95OnE4VzNlNFI1dDY="',
    "secret/urls": b'\x00postgres://app:q8W3e4R5t6@db/x https://u:q8W3e4R5t6Y7@h.test machine h login u password q8W3e4R5t6\n',
    "feed_json/osv-1": b'\x00{"id":"GHSA-aaaa-bbbb-cccc","modified":"2024-05-01T00:00:00Z","summary":"It breaks","aliases":["CVE-2024-1","CVE-2024-11111"],'
                       b'"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],"database_specific":{"severity":"HIGH"},'
                       b'"affected":[{"package":{"ecosystem":"npm","name":"left"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.3"},'
                       b'{"introduced":"2.0.0"},{"last_affected":"2.1.0"},{"introduced":"3.0.0"}]}],"versions":["1.0.0","1.9.0","3.1.0"]},{"package":{"ecosystem":"bitnami",'
                       b'"name":"right"},"ranges":[{"type":"GIT","repo":"https://example.org/x","events":[{"introduced":"0"}]}],"versions":["4.4"]},{"ranges":[{"type":"GIT",'
                       b'"repo":"https://example.org/x","events":[{"introduced":"0"}]}]}]}',
    "feed_json/osv-2": b'\x00{"id":"RUSTSEC-1","modified":"2024-05-01T00:00:00Z","affected":[{"package":{"ecosystem":"crates.io","name":"c"},"ranges":[{"type":"SEMVER",'
                       b'"events":[{"fixed":"0.2.0"},{"introduced":"0.1.0"}]},{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"introduced":"1.1.0"},{"limit":"1.5.0"},'
                       b'{"limit":"*"}]},{"type":"SEMVER","events":[{"fixed":"0.0.5"}]}]}]}',
    "feed_json/osv-3": b'\x00{"id":"ALSA-2024:1","modified":"2024-05-01T00:00:00Z","summary":"Moderate: xz security update","related":["CVE-2024-1111","CVE-2024-2222","other"],'
                       b'"affected":[{"package":{"ecosystem":"AlmaLinux:9","name":"xz-libs"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},'
                       b'{"fixed":"5.2-1.el9"}]}],"versions":["5.1"]}]}',
    "feed_json/osv-4": b'\x00{"id":"RHSA-2024:1","modified":"2024-05-01T00:00:00Z","aliases":["CVE-2024-5555"],'
                       b'"affected":[{"package":{"ecosystem":"Red Hat:enterprise_linux:9::appstream","name":"x"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},'
                       b'{"fixed":"1:2-3"}]}]}]}',
    "feed_json/osv-5": b'\x00{"id":"ALBA-2024:1","modified":"2024-05-01T00:00:00Z","affected":[{"package":{"ecosystem":"AlmaLinux:9","name":"x"},"ranges":[{"type":"ECOSYSTEM",'
                       b'"events":[{"introduced":"0"},{"fixed":"2-3"}]}]}]}',
    "feed_json/osv-6": b'\x00{"id":"GHSA-1","modified":"2024-05-02T00:00:00Z","withdrawn":"2024-05-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},'
                       b'"versions":["1"]}]}',
    "feed_json/osv-7": b'\x00{"id":"GHSA-1","modified":"2024-05-02T00:00:00Z","withdrawn":"2999-05-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"x"},'
                       b'"versions":["1"]}]}',
}

for name, data in TEXTS.items():
    os.makedirs(os.path.join(HERE, os.path.dirname(name)), exist_ok=True)
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)
