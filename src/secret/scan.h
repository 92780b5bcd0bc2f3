/* scan.h — secrets in the bytes of every file of every layer, and in texts: hundreds of rules in one pass.
 *
 * A rule is what an issuer publishes about its tokens: words that stand in or near it, its form, the randomness it has, a check sum it carries. All rules' words are
 * looked for at once (vectorscan); only where one stands is the rule's form tried, in a window of bounded size. What is an example, a placeholder, a public key, a
 * test's or a document's known sample is none (allow.h). Values are masked before they leave this room: the first characters and the length, never the rest.
 *
 *      text  … export GITHUB_TOKEN=ghp_16C7e42F292c6912E7710c838347Ae178B4a …
 *                     ^ SECRET_BEFORE      ^ a rule's word                    ^ SECRET_AFTER: no form is longer
 */
#ifndef PARE_SECRET_SCAN_H
#define PARE_SECRET_SCAN_H
#include "base/buf.h"
#include "base/common.h"
#include "base/error.h"
#include "layer/collect.h"
#include "rule/finding.h"

#define SECRET_BEFORE ((size_t)512)  /* bytes in front of a word that a rule may look at */
#define SECRET_AFTER ((size_t)16384) /* bytes from the word on */
#define SECRET_FOUND_MAX 200u        /* of one file; more are counted as a problem */

enum secret_shape {
	SECRET_TOKEN,    /* begins with the word, written exactly so: "ghp_" */
	SECRET_AROUND,   /* holds the word, written exactly so, up to 128 bytes behind its beginning: "T3BlbkFJ" */
	SECRET_TEXT,     /* text that begins with the word, in any case: "-----BEGIN" … */
	SECRET_ASSIGNED, /* the value of a name that holds the word: adafruit_key = "…"; the pattern is all of the value */
	SECRET_PATH,     /* the file itself: the pattern is one of its path */
	SECRET_SEARCHED, /* of a file of the user's: the pattern is searched around the word, in any case, or everywhere when there is no word */
};
#define SECRET_CASED 1  /* the word of an assignment stands written exactly so */
#define SECRET_OPEN 2   /* letters and digits may stand in front of it and behind it */
#define SECRET_WEAK 4   /* form alone says little: not in binaries, systems' and other people's files */
#define SECRET_NAMES 8  /* names that are harmless by custom don't count (allow.h), nor does what stands in minified lines */
#define SECRET_BARE 64   /* the value of an assignment may be of letters and words alone */
#define SECRET_BLOCK 32  /* a block of text, or a form with a check sum: what is made up is its check's matter */
#define SECRET_COSTLY 16 /* looks at much text, in vain mostly: tried so often in one buffer and no more */

/* What a check sum or a structure says of a value that has the form. What is doubtful (a check sum that doesn't hold, "0123456789…") is told with low severity. */
enum secret_trust { SECRET_NONE, SECRET_DOUBT, SECRET_FIRM };

struct secret_rule {
	const char *id;       /* stable: "github-pat", "aws-access-token"; where gitleaks has the rule, its name */
	const char *title;    /* "GitHub personal access token" */
	const char *keywords; /* separated by blanks (by line ends where there are any): one of them is in every match */
	const char *pattern;  /* PCRE2; group "secret", else group 1, else all is the value */
	enum secret_shape shape;
	u32 flags;
	double entropy;       /* least Shannon entropy of the value, bits a character; 0 any */
	enum secret_trust (*check)(struct str value); /* structure or check sum; NULL none */
	const char *paths;    /* pattern of paths it is looked for in; NULL all */
	enum severity severity;
	const char *rotate;   /* where and how to replace it, one line */
};
extern const struct secret_rule secret_rules[];
extern const u32 secret_rules_n;
const struct secret_rule *secret_rule_get(const char *id); /* a built-in one; NULL */

struct secret_found {
	const struct secret_rule *rule;
	size_t at, end;   /* of the value in the text; offsets in the file for streams */
	u32 line;         /* from 1; 0 of a rule on paths */
	bool doubt;       /* form, but something speaks against it */
	char masked[64];
};

/* A set of rules made ready: the built-in ones, with or without those of a file in gitleaks' format (gitleaks.c says what it takes). May be used by several threads. */
struct secret_set;
int secret_set_new(const char *gitleaks_file, struct secret_set **ret, struct error *err) must_check; /* NULL: built-in only */
void secret_set_free(struct secret_set *s);
/* All secrets of a text, in order; path "" for none. False when something was not looked at (a rule's ceiling). */
bool secret_scan(struct secret_set *s, struct str path, struct str text, void (*f)(void *ctx, const struct secret_found *found), void *ctx);

extern const struct collector secret_collector; /* stream; its note holds rule, offset, line, masked value of each */
/* The rules that the collector asks from now on: NULL the built-in ones. To be set before layers are read, with facts that are not kept: the cache knows nothing of it. */
void secret_collector_use(struct secret_set *s);
struct secret_set *secret_collector_set(void); /* those; never NULL */
/* Walks the note: false at the end. A rule that is no longer known is passed over. */
bool secret_note_next(struct str *note, struct secret_found *ret);
#endif
