#include "program/source.h"

/* Each language: one line. */
const struct source_language *const source_languages[] = { NULL };
