#include "program/ruby.h"
const struct graph_kind graph_ruby = { .name = "ruby" };
