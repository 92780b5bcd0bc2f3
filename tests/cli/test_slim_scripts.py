"""pare slim: what is known of Perl and Ruby, on trees that are made up."""
import struct

import pytest
from imagelib import File, Image, layer

ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0) + bytes(200)


@pytest.fixture
def stays(pare, tmp_path):
    """What of these files stays: a set of paths."""
    def ask(files, cmd, env=(), workdir="/app"):
        entries = [File(p, ELF if d is ELF else d, mode=0o755 if p.startswith(("usr/bin", "usr/local/bin")) else 0o644) for p, d in files.items()]
        image = tmp_path / "image.tar"
        Image([layer(*entries)], config={"Cmd": cmd, "WorkingDir": workdir, "Env": ["PATH=/usr/local/bin:/usr/bin"] + list(env)}).docker_archive(image)
        result = pare("graph", "--no-cache", image, clean=False)
        return {line.split("\t")[1].lstrip("/") for line in result.out.splitlines()}
    return ask


PERL = {
    "usr/bin/perl": ELF,
    "usr/share/perl/5.36.0/strict.pm": "package strict; 1;\n",
    "usr/share/perl/5.36.0/CPAN.pm": "package CPAN; 1;\n",
    "usr/share/perl/5.36.0/PerlIO.pm": "package PerlIO; 1;\n",  # perl asks for it to open a string
    "usr/share/perl5/Foo.pm": "package Foo; use Foo::Deep; eval { require Foo::Opt }; 1;\n",
    "usr/share/perl5/Foo/Deep.pm": "package Foo::Deep; use XSLoader; 1;\n",
    "usr/share/perl5/Foo/Deep.pod": "=head1 x\n",
    "usr/share/perl5/Foo/Opt.pm": "1;\n",
    "usr/share/perl5/Foo/Unused.pm": "1;\n",
    "usr/lib/x86_64-linux-gnu/perl5/5.36/auto/Foo/Deep/Deep.so": ELF,
    "usr/share/perl5/Plug.pm": "package Plug; sub load { my $c = \"Plug::Kind::$_[0]\"; eval \"require $c\" }\n",
    "usr/share/perl5/Plug/Kind/A.pm": "1;\n",
    "usr/share/perl5/Plug/Kind/B.pm": "1;\n",
    "usr/share/perl5/Other/C.pm": "1;\n",
}


def test_perl_modules_are_followed(stays):
    have = stays({**PERL, "app/x.pl": "use strict; use Foo;\n", "app/templates/a.html": "x"}, ["perl", "x.pl"])
    for path in ("app/x.pl", "app/templates/a.html", "usr/share/perl/5.36.0/strict.pm", "usr/share/perl/5.36.0/PerlIO.pm", "usr/share/perl5/Foo.pm", "usr/share/perl5/Foo/Deep.pm", "usr/share/perl5/Foo/Opt.pm",
                 "usr/lib/x86_64-linux-gnu/perl5/5.36/auto/Foo/Deep/Deep.so"):
        assert path in have
    for path in ("usr/share/perl/5.36.0/CPAN.pm", "usr/share/perl5/Foo/Unused.pm", "usr/share/perl5/Foo/Deep.pod", "usr/share/perl5/Plug.pm", "usr/share/perl5/Other/C.pm"):
        assert path not in have


def test_perl_names_that_are_made_up_keep_what_they_may_be(stays):
    have = stays({**PERL, "app/x.pl": "use Plug; Plug::load($ARGV[0]);\n"}, ["perl", "x.pl"])
    assert {"usr/share/perl5/Plug/Kind/A.pm", "usr/share/perl5/Plug/Kind/B.pm"} <= have
    assert "usr/share/perl5/Other/C.pm" not in have


def test_perl_options_and_environment(stays):
    assert "usr/share/perl5/Other/C.pm" in stays(PERL, ["perl", "-MOther::C", "-e", "1"])
    assert "usr/share/perl5/Foo/Unused.pm" in stays(PERL, ["perl", "-e", "require Foo::Unused; print 1"])
    assert "opt/lib/Mine.pm" in stays({**PERL, "opt/lib/Mine.pm": "1;\n", "app/x.pl": "use Mine;\n"}, ["perl", "x.pl"], env=["PERL5LIB=/opt/lib"])


SPEC = "Gem::Specification.new do |s|\n  s.name = \"%s\"\n  s.version = \"1.0\"\n  s.require_paths = [\"lib\"]\n%send\n"
GEMS = "usr/local/lib/ruby/gems/3.3.0/"
RUBY = {
    "usr/local/bin/ruby": ELF,
    "usr/local/lib/ruby/3.3.0/set.rb": "class Set; end\n",
    "usr/local/lib/ruby/3.3.0/csv.rb": "require 'set'\n",
    "usr/local/lib/ruby/3.3.0/drb.rb": "x = 1\n",
    "usr/local/lib/ruby/3.3.0/x86_64-linux/rbconfig.rb": "module RbConfig; end\n",
    "usr/local/lib/ruby/3.3.0/x86_64-linux/enc/euc_jp.so": ELF,
    GEMS + "specifications/one-1.0.gemspec": SPEC % ("one", "  s.add_runtime_dependency(%q<two>, [\">= 0\"])\n"),
    GEMS + "specifications/two-1.0.gemspec": SPEC % ("two", ""),
    GEMS + "specifications/three-1.0.gemspec": SPEC % ("three", ""),
    GEMS + "gems/one-1.0/lib/one.rb": "autoload :Part, 'one/part'\n",
    GEMS + "gems/one-1.0/lib/one/part.rb": "require 'csv'\n",
    GEMS + "gems/one-1.0/lib/one/data.yml": "a: 1\n",
    GEMS + "gems/one-1.0/spec/one_spec.rb": "require 'three'\n",
    GEMS + "gems/one-1.0/ext/one.c": "int x;\n",
    GEMS + "extensions/x86_64-linux/3.3.0/one-1.0/one.so": ELF,
    GEMS + "gems/two-1.0/lib/two.rb": "2\n",
    GEMS + "gems/three-1.0/lib/three.rb": "3\n",
}


def test_ruby_gems_stay_whole_with_what_they_need(stays):
    have = stays({**RUBY, "app/x.rb": "require 'one'\n", "app/views/a.erb": "x"}, ["ruby", "x.rb"])
    for path in ("app/views/a.erb", "usr/local/lib/ruby/3.3.0/csv.rb", "usr/local/lib/ruby/3.3.0/set.rb", "usr/local/lib/ruby/3.3.0/x86_64-linux/rbconfig.rb", "usr/local/lib/ruby/3.3.0/x86_64-linux/enc/euc_jp.so",
                 GEMS + "specifications/one-1.0.gemspec", GEMS + "specifications/two-1.0.gemspec", GEMS + "gems/one-1.0/lib/one/data.yml", GEMS + "gems/two-1.0/lib/two.rb",
                 GEMS + "extensions/x86_64-linux/3.3.0/one-1.0/one.so"):
        assert path in have
    for path in ("usr/local/lib/ruby/3.3.0/drb.rb", GEMS + "specifications/three-1.0.gemspec", GEMS + "gems/three-1.0/lib/three.rb", GEMS + "gems/one-1.0/spec/one_spec.rb", GEMS + "gems/one-1.0/ext/one.c"):
        assert path not in have


def test_ruby_that_requires_what_is_not_known_keeps_all_gems(stays):
    have = stays({**RUBY, "app/x.rb": "require ARGV[0]\n"}, ["ruby", "x.rb"])
    assert GEMS + "gems/three-1.0/lib/three.rb" in have


def test_ruby_options(stays):
    assert "usr/local/lib/ruby/3.3.0/drb.rb" in stays(RUBY, ["ruby", "-rdrb", "-e", "1"])
    assert GEMS + "gems/three-1.0/lib/three.rb" in stays(RUBY, ["ruby", "-e", "require 'three'"])


def test_hostile_trees_end(stays):
    files = {**PERL, **RUBY, "app/x.pl": "use A" + "::B" * 3000 + ";\nq{" * 2000, "app/y.rb": "require '" + "../" * 500 + "x'\n" + "\"#{" * 5000}
    assert "app/x.pl" in stays(files, ["perl", "x.pl"])
    assert "app/y.rb" in stays(files, ["ruby", "y.rb"])
