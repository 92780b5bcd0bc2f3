/* release.h — what an archive says of one of its suites: InRelease (or Release and Release.gpg), believed only when a key of the keyring signed it.
 *
 * The signature is checked by gpgv(1), and only the text that gpgv gives back as signed is read. At least one signature has to be good, none may be bad; MD5, SHA-1 and RIPE-MD/160 are no digests for that. The suite has
 * to be the one that was asked for, Date not of the future, Valid-Until not of the past. */
#ifndef PARE_COMPOSE_RELEASE_H
#define PARE_COMPOSE_RELEASE_H
#include "compose/mirror.h"
#include "compose/sources.h"

#define RELEASE_BYTES ((size_t)(32 * MiB))
#define RELEASE_FUTURE 86400 /* seconds that a clock may be behind */

struct release {
	struct buf text;      /* what was signed; all views below point into it */
	struct str suite, codename, origin, label, version, date;
	struct str sha256;    /* lines " HEX SIZE NAME" */
	struct digest digest; /* of the document as it was served */
	const char *signed_by; /* the key's fingerprint; NULL: nobody, and that was allowed */
	bool by_hash, late;
	bool has_all;         /* packages of architecture "all" have an index of their own */
};
struct release_trust {
	const char *keyring;   /* said by the user; NULL: the source's, else the distribution's */
	const char *distribution;
	bool allow_unsigned, any_date;
	s64 now;
};
int release_fetch(struct mirror *m, const struct apt_source *s, const struct release_trust *t, struct arena *a, struct release *ret, struct error *err) must_check;
void release_free(struct release *r);
/* Of a text that is believed already: its fields. */
int release_parse(struct release *r, struct error *err) must_check;
/* What it says of a file below the suite ("main/binary-amd64/Packages.xz"); false: it doesn't name it. */
bool release_file(const struct release *r, const char *name, struct digest *sha256, u64 *size) must_check;
/* Seconds since 1970 of "Sat, 11 Jul 2026 10:16:37 UTC"; false: none. */
bool release_date(struct str s, s64 *ret) must_check;
/* The bytes of an armored key block, or of several. ERR_INPUT. */
int release_dearmor(struct str text, struct buf *out, struct error *err) must_check;
#endif
