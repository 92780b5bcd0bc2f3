/* lint_rules.h — the rules themselves, for people: one explained, all listed, a page each for the documentation. All of the one table. */
#ifndef PARE_REPORT_LINT_RULES_H
#define PARE_REPORT_LINT_RULES_H
#include "rule/rule.h"

void lint_rule_explain(FILE *f, const struct rule *r, bool color);
void lint_rules_list(FILE *f, const char *format, bool color); /* "json"; anything else is a table */
void lint_rule_page(FILE *f, const struct rule *r);            /* Markdown: docs/rules/NAME.md */
void lint_rule_index(FILE *f);                                 /* docs/rules/README.md */
#endif
