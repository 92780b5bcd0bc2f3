/* allow.h — what is no secret although it looks like one: where it stands, what it is called, what it says.
 *
 * Three kinds of places. Nothing is looked for in pictures, fonts, lock files, public halves, documentation. Only forms that speak for themselves count in what
 * a system or somebody else's package brought, in tests and in minified code. Everywhere else, everything. */
#ifndef PARE_SECRET_ALLOW_H
#define PARE_SECRET_ALLOW_H
#include "base/common.h"
#include "base/str.h"

enum secret_place { PLACE_ANY, PLACE_STRONG_ONLY, PLACE_NOTHING };
enum secret_place secret_place(struct str path);
/* Names whose values are none: "credentialsId", "key_length", "publicToken", "author". `name` as it stands in the text, `word` the part of it that is a rule's. */
bool secret_harmless_name(struct str name, size_t word, size_t word_n);
/* Values that stand for another: variables, templates, "<token>", "changeme", "xxxx", numbers of versions, files, addresses. */
bool secret_stands_for(struct str value);
bool secret_said(struct str value);  /* is, as a whole, such a word ("changeme"), or a placeholder */
bool secret_says_password(struct str value); /* "CleartextPassword1": called what it should be */
bool secret_wordy(struct str value);  /* words that people use to build names */
bool secret_known(struct str value);  /* samples of manuals and emulators that everybody has */
#endif
