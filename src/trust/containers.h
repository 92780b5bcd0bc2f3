/* containers.h — policy.json of podman, skopeo and buildah: containers-policy.json(5).
 *
 * The default, or what its transport says: under the scope that names most of the image (docker: HOST/PATH:TAG or @DIGEST, HOST/PATH, HOST/…, HOST, *.DOMAIN; oci: DIR:TAG, DIR, and the directories
 * above), else under "". Of what is found there every requirement has to hold: insecureAcceptAnything, reject, sigstoreSigned with keys and a signedIdentity. What this program cannot
 * check (signedBy, which is GPG's; fulcio, pki, rekor, in sigstoreSigned; scopes of other transports) refuses the images that it is asked for, and says so.
 * A word that is not known makes the whole file wrong, as a name that stands twice does. */
#ifndef PARE_TRUST_CONTAINERS_H
#define PARE_TRUST_CONTAINERS_H
#include "trust/trust.h"

#define CONTAINERS_SCOPES_MAX 10000u
#define CONTAINERS_REQUIREMENTS_MAX 32u /* of one scope */
#define CONTAINERS_KEYS_MAX 64u         /* of one requirement */

struct containers;
/* *ret lives in the arena. ERR_USAGE. */
int containers_parse(struct arena *a, struct str text, const char *file, struct containers **ret, struct error *err) must_check;
/* As policy_allows(). */
int containers_allows(const struct containers *p, struct repo *from, const char *name, const struct digest *d, struct arena *a, struct error *err) must_check;
#endif
