/* scan.h — secrets in the bytes of every file of every layer, and in texts: hundreds of rules in one pass.
 *
 * A rule is what an issuer publishes about its tokens: words that stand in or near it, its form, the randomness it has, a check sum it carries. All rules' words are
 * looked for at once (vectorscan); only where one stands is the rule's form tried. What is an example, a placeholder, a public key, a test's or a document's known
 * sample is none (allow rules). Values are masked before they leave this room: the first characters and the length, never the rest. */
#ifndef PARE_SECRET_SCAN_H
#define PARE_SECRET_SCAN_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/collect.h"
#include "rule/finding.h"

struct secret_rule {
	const char *id;       /* stable: "github-pat", "aws-access-key-id"; where gitleaks has the rule, its name */
	const char *title;    /* "GitHub personal access token" */
	const char *keywords; /* separated by blanks, lower case: one of them is in every match */
	const char *pattern;  /* PCRE2; group "secret", else group 1, else all is the value */
	double entropy;       /* least Shannon entropy of the value, bits a character; 0 any */
	bool (*check)(struct str value); /* structure or check sum; NULL none */
	const char *allow;    /* pattern of values that are none; NULL */
	const char *paths;    /* pattern of paths it is looked for in; NULL all */
	enum severity severity;
	const char *rotate;   /* where and how to replace it, one line */
};
extern const struct secret_rule secret_rules[];
extern const u32 secret_rules_n;

struct secret_found {
	const struct secret_rule *rule;
	size_t at, end;   /* of the value in the text; offsets in the file for streams */
	u32 line;
	char masked[64];
};

/* A set of rules made ready: the built-in ones, with or without those of a file in gitleaks' format (TOML; its [extend], [[rules]], allowlists). */
struct secret_set;
int secret_set_new(const char *gitleaks_file, struct secret_set **ret, struct error *err) must_check; /* NULL: built-in only */
void secret_set_free(struct secret_set *s);
/* All secrets of a text, in order; path "" for none. */
void secret_scan(struct secret_set *s, struct str path, struct str text, void (*f)(void *ctx, const struct secret_found *found), void *ctx);

extern const struct collector secret_collector; /* stream; its note holds rule, offset, line, masked value of each */
/* Walks the note: false at the end. */
bool secret_note_next(struct str *note, struct secret_found *ret);
#endif
