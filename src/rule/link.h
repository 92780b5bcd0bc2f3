/* link.h — where other tools explain the rules that carry their names. */
#ifndef PARE_RULE_LINK_H
#define PARE_RULE_LINK_H
#include "rule/rule.h"

#define RULE_LINK 160
/* The page of the tool whose name `code` is: hadolint's wiki for DL…, ShellCheck's for SC…, Docker's reference for BuildKit's. Into out; NULL when no tool but ours
 * has that name. */
const char *rule_link(const struct rule *r, const char *code, char out[RULE_LINK]);
#endif
