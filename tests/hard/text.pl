# text.pl: what Perl knows of characters, asked for in ways that are chosen while it runs.
use strict;
use warnings;
binmode STDOUT, ':utf8';
print "plain\n" if !@ARGV;
while (my ($how, $what) = splice @ARGV, 0, 2) {
	if ($how eq 'ucd') {
		require Unicode::UCD;
		my $c = Unicode::UCD::charinfo(hex $what);
		print join(' ', $c->{name}, $c->{category}, $c->{script}, Unicode::UCD::charblock(hex $what), Unicode::UCD::num("\x{0664}")), "\n";
	} elsif ($how eq 'property') {
		my $text = join '', map { chr hex } qw(41 3a9 6f22 5d0 3b1 10a0 430);
		my @found = $text =~ /\p{$what}/g;
		print scalar(@found), ' ', lc($text), uc($text), CORE::fc($text), "\n";
	} elsif ($how eq 'name') {
		require charnames;
		printf "%s %x\n", charnames::viacode(hex $what), charnames::vianame('GREEK SMALL LETTER ALPHA');
	} elsif ($how eq 'normal') {
		require Unicode::Normalize;
		print length(Unicode::Normalize::NFD("\x{1e9b}\x{323}")), length(Unicode::Normalize::NFKC("\x{fb01}")), "\n";
	} else {
		require Encode;
		print unpack('H*', Encode::encode($what, "\x{6f22}\x{e9}")), "\n";
	}
}
