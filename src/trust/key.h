/* key.h — one key, public or private, and what is done with it: PEM, ECDSA on P-256, P-384 and P-521, Ed25519, RSA from 2048 bits.
 *
 * ECDSA signatures are DER (SEQUENCE of r and s) over the hash that is as long as the curve: SHA-256, -384, -512; RSA's are PKCS#1 version 1.5 or PSS over SHA-256; Ed25519's are of the message itself. */
#ifndef PARE_TRUST_KEY_H
#define PARE_TRUST_KEY_H
#include "trust/trust.h"

#define KEY_FILE_MAX ((size_t)(64 * KiB))
#define KEY_SIGNATURE_MAX 2048u  /* bytes: RSA of 16384 bits */
#define KEY_SCRYPT_N (1u << 20)  /* ceilings of an encrypted key's parameters: together at most … */
#define KEY_SCRYPT_WORK (1u << 22) /* … N * r * p, and so 512 MiB and some seconds */

/* From memory; `name` is what messages and reports call it. */
int key_parse_public(struct str pem, const char *name, struct key **ret, struct error *err) must_check;
int key_parse_private(struct str pem, const char *name, const char *password, struct key **ret, struct error *err) must_check;

bool key_holds(const struct key *k, struct str message, struct str signature); /* is it this key's signature of the message */
int key_sign(const struct key *k, struct str message, struct buf *signature, struct error *err) must_check;
bool key_same(const struct key *a, const struct key *b); /* the same public key */

/* cosign's encrypted form, in PEM and without it (cosign_key.c). */
bool cosign_key_is(struct str pem);
int cosign_key_open(struct str pem, const char *name, const char *password, struct buf *der, struct error *err) must_check;
int cosign_key_seal(struct str der, const char *password, struct buf *pem, struct error *err) must_check;

/* Base64 with its padding, as one word (blanks and line ends at its ends are no matter). False for anything else. */
bool base64_read(struct str text, struct buf *out) must_check;
void base64_write(struct str bytes, struct buf *out);
#endif
