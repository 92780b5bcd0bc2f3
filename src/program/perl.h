/* perl.h — Perl: what its sources refer to (source_perl.c), and which modules, extensions and data its programs can need (perl.c). */
#ifndef PARE_PROGRAM_PERL_H
#define PARE_PROGRAM_PERL_H
#include "program/graph.h"
#include "program/source.h"

extern const struct source_language source_perl;
extern const struct graph_kind graph_perl;
#endif
