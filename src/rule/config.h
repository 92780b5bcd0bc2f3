/* config.h — how a linter is to judge: configuration file, environment, command line, in that order; what comes later wins, lists add up.
 *
 * `.hadolint.yaml` is understood unchanged (hadolint's README, "Configure"); `.pare.yaml` has the same keys and those marked with *:
 *
 *     failure-threshold: warning        # error warning info style ignore none
 *     format: json
 *     ignored: [DL3008, apt-lists-kept]
 *     override: { error: […], warning: […], info: […], style: […], ignore*: […] }
 *     trustedRegistries: docker.io      # or a list; trusted-registries too
 *     label-schema: { maintainer: email }
 *     strict-labels, no-fail, no-color, verbose, disable-ignore-pragma: true
 *     codes*: hadolint   ruleset*: "2026.1"   baseline*: FILE   fail-over*: 20MB   target*: STAGE   build-args*: { NAME: VALUE }
 *
 * Unknown keys are other programs', or other versions'. What is wrong with a known one is an error (ERR_USAGE). */
#ifndef PARE_RULE_CONFIG_H
#define PARE_RULE_CONFIG_H
#include "base/arena.h"
#include "base/error.h"
#include "rule/rule.h"

#define CONFIG_BYTES (1 * MiB)

struct config_list {
	struct str *v;
	u32 n, cap;
};
struct config_label {
	struct str name, type; /* type: text url semver hash rfc3339 spdx email */
};
enum config_switch { CONFIG_NO_FAIL, CONFIG_NO_COLOR, CONFIG_VERBOSE, CONFIG_STRICT_LABELS, CONFIG_NO_IGNORE, CONFIG_SWITCHES };
enum config_text { CONFIG_FORMAT, CONFIG_CODES, CONFIG_RULESET, CONFIG_BASELINE, CONFIG_FAIL_OVER, CONFIG_TARGET, CONFIG_TEXTS };

struct config {
	struct arena arena;
	const char *file;                            /* that was read; NULL: none */
	bool on[CONFIG_SWITCHES];
	const char *text[CONFIG_TEXTS];              /* NULL: not said */
	enum level threshold;                        /* LEVEL_INFO unless said */
	struct config_list ignored, level[LEVEL_ERROR + 1]; /* names of rules; level[LEVEL_IGNORE] is override.ignore. What is ignored is, else error wins, then warning, info, style */
	struct config_list trusted, build_args;
	struct config_label *labels;
	u32 n_labels, cap_labels;
};

/* Reads `file`, or, when it is NULL, the first there is of: .pare.yaml and .hadolint.yaml in the working directory, pare.yaml and hadolint.yaml in
 * $XDG_CONFIG_HOME (else ~/.config), ~/.hadolint/{hadolint,config}.yaml, ~/.hadolint.yaml; each also as .yml. None is no error. */
int config_load(const char *file, struct config *ret, struct error *err) must_check;
/* The .pare.yaml or .hadolint.yaml (.yml) nearest to a file: in its directory, else in the one above, and so on. Owned by the caller; NULL when there is none. `path` is absolute. */
char *config_near(const char *path);
void config_environment(struct config *c);      /* HADOLINT_…; what is wrong in it is not heard, as hadolint has it */
/* "NAME:TYPE". */
int config_add_label(struct config *c, const char *text, struct error *err) must_check;
void config_list_add(struct config *c, struct config_list *l, struct str s); /* copied */
void config_free(struct config *c);
#endif
