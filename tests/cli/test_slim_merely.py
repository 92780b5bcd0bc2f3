"""`pare slim --level package`: what goes although its package stays, for nobody misses it there; and what looks like it and stays."""
from test_scan_reach import elf
from test_slim import tree
from test_slim_level import files, slim, stanza
from test_slim_scripts import ELF

from imagelib import Symlink, layer

LIB = "usr/lib/x86_64-linux-gnu/"


def left(pare, tmp_path, packages, others=(), links=(), cmd=("/bin/run",)):
    """What stays of packages (name -> path -> content), other files, and links (place -> (target, package))."""
    contents, status = {"etc/os-release": b"ID=debian\nVERSION_ID=12\n", "bin/sh": b"shell", **dict(others)}, b""
    for name, own in packages.items():
        contents.update(own)
        status += stanza(name)
        contents["var/lib/dpkg/info/%s.list" % name] = "".join("/%s\n" % p for p in [*own, *(p for p, (_, of) in dict(links).items() if of == name)]).encode()
    contents["var/lib/dpkg/status"] = status
    entries = files({p: c.encode() if isinstance(c, str) else c for p, c in contents.items()}, mode=0o755) + [Symlink(p, to) for p, (to, _) in dict(links).items()]
    _, out = slim(pare, tmp_path, [layer(*entries)], level="package", config={"Cmd": list(cmd)})
    return {p.lstrip("/") for p in tree(pare, f"docker-archive:{out}")}


def run(*paths):
    return "#!/bin/sh\n" + "".join("cat /%s\n" % p for p in paths)


def test_libraries_that_nothing_needs_go(pare, tmp_path):
    def lib(name, *needed):
        return {LIB + name: elf(needed, soname=name)}
    many = {**lib("libmain.so.1"), **lib("libidle.so.1"), **lib("libmiddle.so.1", "libdeep.so.1"), **lib("libdeep.so.1"), **lib("libtold.so.1"), **lib("libpthread.so.0"), "usr/bin/tool": elf(["libmiddle.so.1"]),
            LIB + "many/libplugin.so": elf(soname="libplugin.so"), LIB + "libnamed.so.1.2.3": elf(soname="libnamed.so.1")}
    stay = left(pare, tmp_path, {"many": many}, {"bin/run": run(LIB + "libmain.so.1", "opt/find.py"), "opt/find.py": "import ctypes, ctypes.util\nctypes.CDLL(ctypes.util.find_library('told'))\n"}, {LIB + "libidle.so": ("libidle.so.1", "many")})
    assert {LIB + "libmain.so.1", LIB + "libmiddle.so.1", LIB + "libdeep.so.1", "usr/bin/tool"} <= stay  # needed, if only by what merely stays
    assert {LIB + "libtold.so.1", LIB + "libpthread.so.0", LIB + "many/libplugin.so"} <= stay  # a name in a source, everybody's, not the loader's
    assert not stay & {LIB + "libidle.so.1", LIB + "libidle.so", LIB + "libnamed.so.1.2.3"}


def test_a_bare_word_is_no_librarys_name(pare, tmp_path):
    many = {LIB + "libmain.so.1": elf(soname="libmain.so.1"), LIB + "libtold.so.1": elf(soname="libtold.so.1")}
    assert LIB + "libtold.so.1" not in left(pare, tmp_path, {"many": many}, {"bin/run": run(LIB + "libmain.so.1", "opt/find.py"), "opt/find.py": "print('told')\n"})


def test_a_needed_library_by_a_links_name(pare, tmp_path):
    many = {LIB + "libmain.so.1": elf(soname="libmain.so.1"), LIB + "libother.so.1.2.3": elf(soname="other"), "usr/bin/tool": elf(["libother.so.1"])}
    stay = left(pare, tmp_path, {"many": many}, {"bin/run": run(LIB + "libmain.so.1")}, {LIB + "libother.so.1": ("libother.so.1.2.3", "many")})
    assert {"usr/bin/tool", LIB + "libother.so.1", LIB + "libother.so.1.2.3"} <= stay


def test_scripts_without_their_interpreter_go(pare, tmp_path):
    used = {"usr/share/used/data": "d", "usr/bin/a": "#!/usr/bin/lang\n", "usr/bin/b": "#! /usr/bin/env lang\n", "usr/bin/c": "#!/bin/sh\n", "usr/bin/d": "#!/usr/bin/nowhere\n"}
    stay = left(pare, tmp_path, {"used": used, "lang": {"usr/bin/lang": elf()}}, {"bin/run": run("usr/share/used/data")})
    assert not stay & {"usr/bin/a", "usr/bin/b", "usr/bin/lang"} and {"usr/bin/c", "usr/bin/d"} <= stay


def test_links_bring_nothing(pare, tmp_path):
    packages = {"used": {"usr/share/used/data": "d"}, "idle": {"usr/bin/idle": "i"}}
    stay = left(pare, tmp_path, packages, {"bin/run": run("usr/share/used/data")}, {"usr/bin/link": ("idle", "used"), "usr/bin/own": ("../share/used/data", "used")})
    assert "usr/bin/own" in stay and not stay & {"usr/bin/link", "usr/bin/idle"}


def test_data_of_a_family_speaks_for_itself_alone(pare, tmp_path):
    tables = {"usr/share/zoneinfo/Europe/Prague": "z", "usr/share/zoneinfo/right/Europe/Prague": "z", "usr/sbin/zic": elf()}
    libc = {LIB + "libc.so.6": elf(soname="libc.so.6"), LIB + "gconv/IBM500.so": elf(soname="IBM500.so"), "usr/lib/locale/C.utf8/LC_CTYPE": "l", "usr/bin/tool": elf()}
    stay = left(pare, tmp_path, {"tables": tables, "libc6": libc}, {"bin/run": run("usr/share/zoneinfo/Europe/Prague", LIB + "libc.so.6")})
    assert {"usr/share/zoneinfo/Europe/Prague", LIB + "libc.so.6", "usr/bin/tool"} <= stay
    assert not stay & {"usr/share/zoneinfo/right/Europe/Prague", "usr/sbin/zic", LIB + "gconv/IBM500.so", "usr/lib/locale/C.utf8/LC_CTYPE"}


def test_a_library_that_is_not_there_is_not_brought_by_its_module(pare, tmp_path):
    core = {"usr/bin/perl": ELF, "usr/share/perl/5.36.0/strict.pm": "1;", "usr/share/perl/5.36.0/DB_File.pm": "package DB_File; require XSLoader; XSLoader::load(); 1;", "usr/share/perl/5.36.0/auto/DB_File/DB_File.so": elf(["libdb.so.5"])}
    stay = left(pare, tmp_path, {"perl": core, "db": {LIB + "libdb.so.5": elf(soname="libdb.so.5")}}, {"app/x.pl": "use strict;"}, cmd=["perl", "/app/x.pl"])
    assert "usr/share/perl/5.36.0/DB_File.pm" in stay and not stay & {"usr/share/perl/5.36.0/auto/DB_File/DB_File.so", LIB + "libdb.so.5"}


def perl(app):
    core = "usr/share/perl/5.36.0/"
    own = {core + p: t for p, t in {"strict.pm": "1;", "Idle.pm": "package Idle; use Test::More; 1;", "Test/More.pm": "1;", "CPAN.pm": "1;", "ExtUtils/Embed.pm": "1;", "CORE/perl.h": "h", "unicore/To/Sc.pl": "1;", "Idle.pod": "=head1",
                                    "pod/perldiag.pod": "=head1", "diagnostics.pm": "1;"}.items()}
    return own, core, {"perl": {"usr/bin/perl": ELF, **own}}, {"app/x.pl": app}


def test_perls_tools_stay_for_who_names_them(pare, tmp_path):
    own, core, packages, app = perl("use strict;\n")
    stay = left(pare, tmp_path, packages, app, cmd=["perl", "/app/x.pl"])
    assert {p[len(core):] for p in own if p in stay} == {"strict.pm", "Idle.pm", "diagnostics.pm", "pod/perldiag.pod"}
    own, core, packages, app = perl("use strict; use ExtUtils::Embed; use Test::More;\n")
    stay = left(pare, tmp_path, packages, app, cmd=["perl", "/app/x.pl"])
    assert {"ExtUtils/Embed.pm", "Test/More.pm"} <= {p[len(core):] for p in own if p in stay} and core + "CPAN.pm" not in stay


def ruby(app):
    base, lib = "usr/lib/ruby/gems/3.1.0/", "usr/lib/ruby/3.1.0/"
    own = {"usr/bin/ruby": ELF, lib + "set.rb": "X = 1\n", lib + "idle.rb": "require 'rdoc'\n", lib + "rdoc.rb": "X = 1\n", lib + "rdoc/text.rb": "X = 1\n", lib + "bundler/cli.rb": "X = 1\n"}
    for name in ("used", "idle"):
        own[base + "specifications/%s-1.gemspec" % name] = 'Gem::Specification.new do |s|\n  s.name = "%s".freeze\n  s.version = "1"\nend\n' % name
        own[base + "gems/%s-1/lib/%s.rb" % (name, name)] = "X = 1\n"
        own[base + "gems/%s-1/sig/%s.rbs" % (name, name)] = "x"
        own[base + "extensions/x86_64-linux/3.1.0/%s-1/%s.so" % (name, name)] = ELF
    return base, lib, {"libruby": own}, {"app/x.rb": app}


def test_gems_of_an_interpreters_package_stay_each_by_itself(pare, tmp_path):
    base, lib, packages, app = ruby("require 'set'\nrequire 'used'\n")
    stay = left(pare, tmp_path, packages, app, cmd=["ruby", "/app/x.rb"])
    assert {base + "gems/used-1/lib/used.rb", base + "gems/used-1/sig/used.rbs", base + "extensions/x86_64-linux/3.1.0/used-1/used.so", lib + "idle.rb"} <= stay
    assert not [p for p in stay if "/idle-1/" in p or "rdoc" in p or "bundler" in p]


def test_rubys_tools_stay_for_who_names_them(pare, tmp_path):
    base, lib, packages, app = ruby("require 'rdoc'\nrequire 'rdoc/text'\nrequire 'idle'\n")
    stay = left(pare, tmp_path, packages, app, cmd=["ruby", "/app/x.rb"])
    assert {lib + "rdoc.rb", lib + "rdoc/text.rb"} <= stay and lib + "bundler/cli.rb" not in stay


def test_a_program_of_a_gem_that_merely_stays_asks_for_no_gem(pare, tmp_path):
    base, lib, packages, app = ruby("require 'set'\n")
    packages["libruby"]["usr/lib/ruby/tools/erb"] = "#!/usr/bin/env ruby\nrequire ARGV[0]\n"
    stay = left(pare, tmp_path, packages, app, cmd=["ruby", "/app/x.rb"])
    assert "usr/lib/ruby/tools/erb" in stay and not [p for p in stay if "/gems/idle-1" in p]


def test_documentation_and_maps_of_sources(pare, tmp_path):
    used = {"usr/share/javascript/used/a.js": "a", "usr/share/javascript/used/a.js.map": "m", "usr/share/javascript/used/b.js": "b", "usr/share/perl5/Used.pod": "=head1", "usr/share/used/town.map": "m"}
    stay = left(pare, tmp_path, {"used": used}, {"bin/run": run("usr/share/javascript/used/a.js")})
    assert {"usr/share/javascript/used/b.js", "usr/share/used/town.map"} <= stay
    assert not stay & {"usr/share/javascript/used/a.js.map", "usr/share/perl5/Used.pod"}
