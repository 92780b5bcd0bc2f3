/* secretbox.h — NaCl's crypto_secretbox_xsalsa20poly1305 ("Cryptography in NaCl", sections 7 to 10): what cosign encrypts private keys with. */
#ifndef PARE_TRUST_SECRETBOX_H
#define PARE_TRUST_SECRETBOX_H
#include "base/buf.h"
#include "base/common.h"

#define SECRETBOX_KEY 32
#define SECRETBOX_NONCE 24
#define SECRETBOX_TAG 16 /* in front of the bytes */

/* out: box.n - SECRETBOX_TAG bytes. False, and out untouched, when the key is another or a byte was changed. */
bool secretbox_open(u8 *out, struct str box, const u8 nonce[SECRETBOX_NONCE], const u8 key[SECRETBOX_KEY]) must_check;
/* out: plain.n + SECRETBOX_TAG bytes. */
bool secretbox_seal(u8 *out, struct str plain, const u8 nonce[SECRETBOX_NONCE], const u8 key[SECRETBOX_KEY]) must_check;
/* For the vectors of the specification. */
void secretbox_hsalsa20(u8 out[32], const u8 in[16], const u8 key[32]);
#endif
