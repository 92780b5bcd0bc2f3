#!/usr/bin/python3
"""make-db: writes corpus/db/, small inputs of fuzz_db: a whole database that PARE builds from a few feeds, values of records, a vulnerability.

    make-db PARE
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def string(b):
    return bytes([len(b) * 2 + 1]) + b if b else b"\0"


def record(strings, state=0, binary=0, versions=()):
    mask = sum(1 << i for i, s in enumerate(strings) if s) | binary << 12 | state << 13
    return struct.pack("<H", mask) + b"".join(string(s) for s in strings if s) + bytes([len(versions)]) + b"".join(map(string, versions))


def whole(pare):
    with tempfile.TemporaryDirectory() as d:
        os.mkdir(d + "/osv")
        for i in range(3):
            doc = {"id": "CVE-2024-000%d" % i, "modified": "2024-01-0%dT00:00:00Z" % (i + 1), "summary": "s%d" % i, "aliases": ["GHSA-%d" % i],
                   "affected": [{"package": {"ecosystem": e, "name": "A_b"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.%d" % i}]}], "versions": ["1", "2"]} for e in ("PyPI", "Debian:12")]}
            json.dump(doc, open("%s/osv/%d.json" % (d, i), "w"))
        json.dump({"vulnerabilities": [{"cveID": "CVE-2024-0001", "dateAdded": "2024-01-01", "dueDate": "2024-01-22", "knownRansomwareCampaignUse": "Known"}]}, open(d + "/kev.json", "w"))
        open(d + "/epss.csv", "w").write("#model_version:v1,score_date:2024-01-01T00:00:00+0000\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n")
        subprocess.run([pare, "db", "build", "--quiet", "-o", d + "/db", "--from", "osv:" + d + "/osv", "--from", "kev:" + d + "/kev.json", "--from", "epss:" + d + "/epss.csv"], check=True)
        return open(d + "/db", "rb").read()


def main():
    out = os.path.join(HERE, "db")
    os.makedirs(out, exist_ok=True)
    simple = record([b"CVE-2024-0001", b"A_b", b"", b"1.0", b"", b"high", b"", b"DSA-1 DSA-2", b"", b"x86_64", b"", b"osv"], 1, 1, [b"1", b"2"])
    inputs = {
        "file": b"\0" + whole(sys.argv[1]),
        "records": b"\1" + simple + record([b"CVE-2"], 7) + record([b""] * 12),
        "shared": b"\1" + record([b"CVE-1", b"", b"", b"", b"", b"", b"reason"]) + struct.pack("<H", 1) + bytes([2 * 2, 0]),
        "forward": b"\1" + struct.pack("<H", 1) + bytes([2 * 40, 0]),
        "vuln": b"\2\0" + string(b"t") + string(b"d") + string(b"2024") + string(b"") + string(b"low") + bytes([1]) + string(b"GHSA-1") + bytes([0, 0, 1]) + string(b"nvd") + string(b"3.1") + string(b"CVSS:3.1/AV:N") + bytes([0x80 | 85, 7]),
    }
    for name, data in inputs.items():
        with open(os.path.join(out, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
