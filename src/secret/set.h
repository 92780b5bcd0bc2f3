/* set.h — a set of rules made ready, as the room's files share it. */
#ifndef PARE_SECRET_SET_H
#define PARE_SECRET_SET_H
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/arena.h"
#include "base/hs.h"
#include "secret/scan.h"
#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>

/* Of a file of the user's: when a finding is none. A list with nothing in it is none. */
enum allow_target { ALLOW_SECRET, ALLOW_MATCH, ALLOW_LINE };
struct allowlist {
	const char **regexes, **paths, **stopwords; /* patterns of PCRE2; stop words in lower case */
	pcre2_code **regex_codes, **path_codes;
	u32 n_regexes, n_paths, n_stopwords;
	enum allow_target target;
	bool all; /* condition AND: each of the lists that are there */
	const char **rules; /* ids it is for; none: all */
	u32 n_rules;
};

struct ready_rule {
	const struct secret_rule *rule;
	_Atomic(pcre2_code *) code, path_code; /* compiled when they are first needed */
	_Atomic bool broken;
	u32 allow, n_allow; /* of set.allows */
	u32 group;          /* secretGroup; 0 none */
};

struct word {
	u32 first, n; /* rules of set.word_rules */
	struct str text;
	bool caseless;
};

/* Words that are looked for at once. Those of rules that are asked everywhere are few and long: looking for them alone takes half the time. */
struct words {
	struct word *v;
	u32 n, *rules;               /* indices into set.rules; word.first is a place in them */
	pthread_mutex_t lock;
	_Atomic(hs_database_t *) db; /* made when there is much to look through: secret_words_db() */
};

struct secret_set {
	struct arena arena;
	struct ready_rule *rules;
	u32 n_rules, cap_rules;
	struct words all, strong; /* strong: without the rules that are SECRET_WEAK */
	u32 *everywhere, n_everywhere; /* rules without a word */
	u32 *of_paths, n_of_paths;
	struct allowlist *allows; /* those of rules first, set-wide ones behind `n_own` */
	u32 n_allows, n_own;
	bool defaults;
};

#define SECRET_MATCH_LIMIT 100000u /* steps of one try */
#define SECRET_SMALL ((size_t)(8 * KiB))     /* a text that is looked through word by word while there is no database: a few lines of a configuration */
#define SECRET_SMALLS ((size_t)(256 * KiB)) /* of such texts: then a database is made */
/* The words as a database of vectorscan's; NULL when there are none. Takes up to a tenth of a second, once: a second thread that wants the same meanwhile makes the other ones. */
hs_database_t *secret_words_db(struct secret_set *s, struct words *w);
pcre2_code *secret_compile(const char *pattern, u32 options, struct error *err);
/* Reads a file in gitleaks' format into s: its rules and allowlists, and which of the built-in rules are left (gitleaks.c). */
int secret_gitleaks_read(struct secret_set *s, const char *path, struct error *err) must_check;
int secret_gitleaks_parse(struct secret_set *s, struct str text, struct error *err) must_check; /* the same of a text */
/* A set of a text instead of a file, for tests. */
int secret_set_of(struct str gitleaks, struct secret_set **ret, struct error *err) must_check;
struct ready_rule *secret_set_add(struct secret_set *s, const struct secret_rule *rule);
#endif
