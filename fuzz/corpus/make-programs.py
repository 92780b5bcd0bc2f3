#!/usr/bin/python3
"""make-programs.py: writes the seeds of the fuzzers elf, refer, binary, source and lock into the directories beside it: ELF files of the least that is one, notes, and texts behind bytes that choose."""
import os
import struct
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))


def write(kind, name, data):
    os.makedirs(os.path.join(HERE, kind), exist_ok=True)
    with open(os.path.join(HERE, kind, name), "wb") as f:
        f.write(data)


def elf(parts, wide=True, order="<"):
    """Parts of a file behind its headers: type of the program header (0: none), flags, address, bytes; of bytes None the header covers the whole file."""
    shown = [p for p in parts if p[0]]
    head, size = (64, 56) if wide else (52, 32)
    body, table, word = b"", b"", "Q" if wide else "I"
    whole = head + size * len(shown) + sum(len(p[3] or b"") for p in parts)
    for kind, flags, address, data in parts:
        at, n = (0, whole) if data is None else (head + size * len(shown) + len(body), len(data))
        body += data or b""
        if kind:
            table += struct.pack(order + "2I6Q", kind, flags, at, address, 0, n, n, 0) if wide else struct.pack(order + "8I", kind, at, address, 0, n, n, flags, 0)
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + b"\0" * 9
    return ident + struct.pack(order + "2HI3%sI6H" % word, 3, 62, 1, 0, head, 0, 0, head, size, len(shown), 0, 0, 0) + table + body


def library(wide, order):
    """With an interpreter, a build ID, two libraries that it needs, a name, where to look."""
    at = 0x10000 + (64 + 4 * 56 if wide else 52 + 4 * 32)
    linker, strings = b"/lib/ld\0", b"\0libone.so.1\0libtwo.so.2\0libme.so.3\0/opt/lib:$ORIGIN\0"
    note = struct.pack(order + "3I", 4, 4, 3) + b"GNU\0\xde\xad\xbe\xef"
    text = at + len(linker) + len(note)
    rows = [(1, 1), (1, 13), (14, 25), (29, 36), (5, text), (10, len(strings)), (0x6FFFFFFB, 0x8000000), (0, 0)]
    dynamic = b"".join(struct.pack(order + "2" + ("Q" if wide else "I"), *r) for r in rows)
    return elf([(1, 6, 0x10000, None), (3, 6, at, linker), (4, 6, at + len(linker), note), (0, 0, 0, strings), (2, 6, text + len(strings), dynamic)], wide, order)


def programs():
    for name, wide, order in (("narrow", False, "<"), ("narrow-big", False, ">"), ("wide", True, "<"), ("wide-big", True, ">")):
        write("elf", name, b"\x05" + library(wide, order))
    write("elf", "long", b"\x3f" + library(True, "<") + b"\0" * 5000)


def strings():
    text = b"\0libc.so.6\0libssl.so.3\0execvp\0popen\0Perl_my_popen\0iconv_open\0_ZNSt6localeC1EPKc\0GLIBC_2.2.5\0\0/usr/share/app/%s.conf\0/etc/a:/etc/b\0libx-%s.so\0gzip -dc %s | tar xf -\0sendmail\0"
    write("refer", "dynamic", b"\x07" + elf([(1, 4, 0x78, text)]))
    write("refer", "segments", b"\x01" + elf([(1, flags, 0xe8, text * 14) for flags in (4, 5, 4)]))
    write("refer", "row", b"\x20" + elf([(1, 4, 0x78, b"".join(b"/usr/share/zoneinfo/Local /etc/ssl/certs/x templates/%d.html" % i for i in range(120)) + b"\0")]))
    write("refer", "note", b"\x10f4c\np/etc/x\nllibx.so\nxcut\nh\n" + bytes(range(32)))


def versions():
    """The first byte chooses a name, the second how long the pieces are; the mark of ELF files is put before the rest."""
    info = b"path\texample.org/t\nmod\texample.org/t\t(devel)\t\ndep\texample.org/a\tv1.2.3\th1:x=\n=>\texample.org/b\tv1.2.4\th1:y=\nbuild\t-ldflags=\"-X main.version=1.2.3\"\n" \
           b"build\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2023-04-05T06:07:08Z\n"
    info = bytes.fromhex("3077af0c9274080241e1c107e6d618e6") + info + bytes.fromhex("f932433186182072008242104116d8f2")
    write("binary", "go", b"\x00\x10" + b"\0" * 12 + b"\xff Go buildinf:\x08\x02" + b"\0" * 16 + b"\x08go1.21.3" + bytes([len(info) & 127 | 128, len(info) >> 7]) + info)
    write("binary", "go-old", b"\x00\x01\0go1.17.1\0" + info)
    crates = b'{"packages":[{"name":"serde","version":"1.0.2","source":"crates.io"},{"name":"t","version":"0.1.0","source":"local","root":true}]}'
    for level in (1, 6, 9):
        write("binary", "rust%d" % level, b"\x00 xx" + zlib.compress(crates, level) + b"behind")
    write("binary", "envoy", b"\x01\x07\0" b"1.20.7\0Unable to\0envoy_quic_\0" b"1.28.7\0")
    write("binary", "java", b"\x02\x07\0openjdk\0java\0" b"0.0\0" b"21+35-LTS\0" b"17.0.3+7-jvmci-22.1-b06\0")
    write("binary", "python", b"\x03\x07\0" b"3.11.4\0")
    write("binary", "postgres", b"\x04\x07\0PostgreSQL 17beta1 ")
    write("binary", "grafana", b"\x05\x07HEAD\0\0" b"9.2.1\0/usr/local/go release-12.3.1\0\0go1.21.8\0\0" b"11.0.0-preview\0")
    write("binary", "mysqld", b"\x07\x07cluster-gpl\0" b"5.7.1-ndb-7.5.2/mysql-8.0.1/")


def sources():
    """The first byte chooses a language for names that are nobody's, the second a name."""
    names = ["a.py", "a.pyc", "a.pth", "entry_points.txt", "RECORD", "METADATA", "requires.txt", "top_level.txt", "pyvenv.cfg", "a.js", "package.json", "a.rb", "a.gemspec", "a.pm", "a.php", "A.class", "a.conf",
             "a.lua", "a.yaml", "a"]
    texts = {
        "python": ("a.py", b"import a.b as c, d\nfrom .x import (y,\n z as w)\nif TYPE_CHECKING:\n    import t\ntry:\n    import q\nexcept ImportError:\n    import r\nm = importlib.import_module(f'a.{n}')\n"
                           b"subprocess.run(['git', *x, sys.executable], shell=True)\nos.system('''ls\nwc''')\nx = '/usr/share/%s' % n\n"),
        "python_calls": ("a.py", b"__import__('a' 'b')\nexec('import z')\neval(x)\nentry_points()['g']\nentry_points().get('h')\nload_entry_point('a==1','b','c')\nctypes.CDLL('l.so')\nsys.path.insert(0, '/x')\n"
                                 b"lazy.attach_stub(n, f)\ndef __getattr__(n): pass\n"),
        "python_open": ("a.py", b"x = ((('''\nimport a\n"),
        "pyc": ("a.pyc", b"\xa7\r\r\n" + b"0" * 16 + b"\xe3\xda\x03a.b\xfa\x06/etc/xu\x04\0\0\0name"),
        "pth": ("a.pth", b"/opt/x\nimport q; q.z()\n"),
        "entry_points": ("entry_points.txt", b"[console_scripts]\nx = x.y:z [e]\n[g]\na=b\n"),
        "record": ("RECORD", b"x/__init__.py,sha256=a,1\n../../../bin/x,,\n"),
        "metadata": ("METADATA", b"Name: x\nRequires-Dist: A.b (>=2)\nRequires-Dist: c; extra == 'z'\n\nRequires-Dist: t\n"),
        "pyvenv": ("pyvenv.cfg", b"home = /usr/bin\ninclude-system-site-packages = false\n"),
        "javascript": ("a.js", b"const a = require('./a'); import b from 'b';\n"),
        "package_json": ("package.json", b'{"name":"x","main":"a.js"}'),
        "ruby": ("a.rb", b"require 'a'\nrequire_relative \"b\"\n"),
        "perl": ("a.pm", b"use Foo::Bar;\nrequire 'x.pl';\n"),
        "quoted": ("a.pm", b"my @l = qw(/etc/a b::c); `ls $x`; system 'a', \"b $y\"; s{x}{require z}e; print <<~'E' . q(((;\n  x\n  E\n"),
        "ruby_quoted": ("a.rb", b"x = %w[a/b c] + %x(ls #{a \"}\"}) ; system 'a', \"#{b}c\"; puts <<~E\n  y\n  E\nload \"#{__dir__}/z.rb\"\n"),
        "php": ("a.php", b"<?php require __DIR__ . '/a.php'; ?>"),
        "conf": ("a.conf", b"include /etc/a.d/*.conf;\nroot /srv;\n"),
        "lua": ("a.lua", b"local a = require 'a.b'\n"),
        "yaml": ("a.yaml", b"a: /etc/b\nc:\n  - d.e:f\n"),
        "shell": ("a", b"#!/bin/sh\n. /etc/profile\nexec nginx -g x\n"),
    }
    for kind, (name, text) in texts.items():
        write("source", kind, bytes([0, names.index(name)]) + text)


def linked(text, functions, slot, section=0):
    """A program of this text that imports functions (has them itself, in a section): its symbols, and where the address of the one of this number is put (0x3018), by sections as a linker leaves them."""
    names, symbols = b"\0", b"\0" * 24
    for f in functions:
        symbols += struct.pack("<IBBHQQ", len(names), 0x12, 0, section, 0, 0)
        names += f.encode() + b"\0"
    base, body, table = 64 + 56, text, b"\0" * 64
    for kind, data, link in ((3, names, 0), (11, symbols, 1), (4, struct.pack("<3Q", 0x3018, slot << 32 | 7, 0), 2), (3, b"\0.gopclntab\0", 0)):
        table += struct.pack("<2I4Q2I2Q", 0, kind, 0, 0, base + len(body), len(data), link, 0, 0, 0)
        body += data
    head = b"\x7fELF\2\1\1" + b"\0" * 9 + struct.pack("<2HI3QI6H", 3, 62, 1, 0, 64, base + len(body), 0, 64, 56, 1, 64, 5, 4)
    return head + struct.pack("<2I6Q", 1, 5, base, 0x1000, 0x1000, len(text), len(text), 0x1000) + body + table


def calls():
    """The first byte says whether something that is there calls functions by their names."""
    idle = b"\x90" * 16
    # mov $165, %eax; syscall; push $41; pop %rax; syscall; movl $105, 8(%rsp)
    write("lock", "static", b"\0" + linked(bytes.fromhex("b8a5000000 0f05 6a29 58 0f05 c744240869000000") + idle, ["ffi_call"], 0, 1))
    # endbr64; jmp *0x200e(%rip), which is 0x3018; mov $318, %edi; call to its beginning
    write("lock", "syscall", b"\0" + linked(bytes.fromhex("f30f1efa ff250e200000 bf3e010000 e8ecffffff") + idle, ["syscall", "timerfd_create"], 1))
    write("lock", "dlsym", b"\0" + linked(b"\0inotify_init1\0mlock\0", ["dlsym"], 0))
    write("lock", "script", b"\1import ctypes\nlibc = ctypes.CDLL(None)\nlibc.inotify_init1(0)\nlibc.syscall(318, b, 8, 0)\n")
    write("lock", "compiled", b"\1\xa7\r\r\n\xda\x08mlockallZ\x05splic")


programs()
strings()
versions()
sources()
calls()
