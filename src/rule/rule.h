/* rule.h — what a rule is: its name, what other tools call it, how bad a finding is, why it matters, and a bad and a good example.
 *
 * The same table prints `--explain`, docs/rules/, SARIF's rule metadata and the language server's hover; a test runs both examples.
 * What a rule *does* stands beside its metadata in the room that asks the question (lint/lint.h: struct lint_rule). */
#ifndef PARE_RULE_RULE_H
#define PARE_RULE_RULE_H
#include "base/common.h"
#include "base/str.h"

enum level { LEVEL_IGNORE, LEVEL_STYLE, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };
extern const char *const level_text[]; /* "ignore" "style" "info" "warning" "error" */
bool level_parse(struct str s, enum level *ret) must_check; /* hadolint's names; "none" is ignore */

struct rule {
	const char *name;       /* ours, stable, "apt-lists-kept" */
	const char *hadolint;   /* "DL3009", "SC2086"; NULL */
	const char *buildkit;   /* "MaintainerDeprecated"; NULL */
	const char *aliases;    /* the other tools' names, separated by blanks: "trivy:DS017 checkov:CKV_DOCKER_7 kics:<id> tally:…"; NULL */
	enum level level;       /* by default; LEVEL_IGNORE: off unless asked for */
	const char *since;      /* first rule set that has it, "2026.1" */
	const char *topic;      /* "packages", "security", "size", "cache", "shell", "base-image", "metadata", "correctness", "style" */
	const char *summary;    /* one line, present tense: what is found */
	const char *why;        /* a paragraph or two: what goes wrong, and what it costs */
	const char *bad, *good; /* whole Dockerfiles; the first makes the rule speak, the second doesn't */
	const char *yields_to;  /* names or hadolint codes of rules, separated by blanks: where one of them speaks of the same instruction this one is silent */
};
/* Walks `aliases`: *rest starts as str_of(r->aliases); false at the end. A name without a tool's prefix has an empty tool. */
bool rule_alias_next(struct str *rest, struct str *tool, struct str *name);
bool rule_yields(const struct rule *r, const char *to); /* whether `to` is one of yields_to */
#endif
