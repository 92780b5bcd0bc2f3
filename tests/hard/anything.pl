# anything.pl: loads modules whose names nobody can know.
use strict;
use warnings;
for my $name (@ARGV) {
	my $found = eval "require $name; 1";
	print "$name ", $found ? $name->say : 'missing', "\n";
}
print "plain\n";
