/* trusted.h — what the commands about signatures and policies share: the image they are about, and whether a policy lets it pass. */
#ifndef PARE_COMMAND_TRUSTED_H
#define PARE_COMMAND_TRUSTED_H
#include "command/command.h"
#include "copy/copy.h"
#include "transport/repo.h"
#include "trust/trust.h"

struct trusted {
	struct repo *r;
	struct document d;
};
/* `word`: a location that keeps digests; a bare name is our store's when it has it, else its registry's. */
int trusted_open(const char *word, struct repo_options *opt, struct trusted *ret, struct error *err) must_check;
void trusted_close(struct trusted *t);
bool trusted_by_digest(const char *word); /* NAME@sha256:… */
/* The first line of FILE; NULL when v was not given. *ret is malloc'ed. */
int trusted_password(const struct option_value *v, char **ret, struct error *err) must_check;

struct trusted_policy {
	struct policy *policy;
	bool tagged;  /* the image is named without a digest */
	bool refused; /* out: the policy said no: exit status 1 */
};
/* Reads --policy FILE, or the policy that is in force without it. policy_free(ret->policy). */
int trusted_policy(const struct option_value *v, struct trusted_policy *ret, struct error *err) must_check;
static inline bool trusted_has_policy(const struct trusted_policy *p) { return p->policy && policy_file(p->policy); } /* without one nothing has to be asked */
/* As copy_options.allowed; `ctx` is a struct trusted_policy. */
int trusted_allowed(void *ctx, struct repo *from, const struct document *d, struct error *err);
/* Makes the copy of `source` ask the policy, and asks itself where the source keeps no digests. */
int trusted_guard(struct trusted_policy *p, const char *source, struct copy_options *o, struct error *err) must_check;
#define TRUSTED_POLICY_OPTION                                                                                                                                                                   \
	{ "policy", 0, OPT_VALUE, "FILE", "Which registries and repositories may be used, and what must be signed by which key. Default: $PARE_POLICY, else $XDG_CONFIG_HOME/pare/policy.toml, "  \
	  "else /etc/pare/policy.toml; none of them: everything is allowed. A policy.json of podman and skopeo is taken, too.", NULL }
#endif
