/* ruby.h — Ruby: what its sources, gem specifications and Gemfiles refer to (source_ruby.c), and which features, gems and extensions its programs can need (ruby.c). */
#ifndef PARE_PROGRAM_RUBY_H
#define PARE_PROGRAM_RUBY_H
#include "program/graph.h"
#include "program/source.h"

extern const struct source_language source_ruby;
extern const struct graph_kind graph_ruby;
#endif
