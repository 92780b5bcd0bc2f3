/* crypto.h — OpenSSL's libcrypto, loaded when something is hashed and not before: it is the largest of the libraries by far, and linting, help and
 * whatever else reads no image is over before it would be there. */
#ifndef PARE_BASE_CRYPTO_H
#define PARE_BASE_CRYPTO_H
#include "base/common.h"
#include <openssl/evp.h>

struct crypto {
	__typeof__(EVP_MD_CTX_new) *md_ctx_new;
	__typeof__(EVP_MD_CTX_free) *md_ctx_free;
	__typeof__(EVP_DigestInit_ex) *digest_init;
	__typeof__(EVP_DigestUpdate) *digest_update;
	__typeof__(EVP_DigestFinal_ex) *digest_final;
	__typeof__(EVP_Digest) *digest;
	__typeof__(EVP_sha1) *sha1;
	__typeof__(EVP_sha256) *sha256;
	__typeof__(EVP_sha384) *sha384;
	__typeof__(EVP_sha512) *sha512;
	__typeof__(EVP_EncodeBlock) *base64_encode;
	__typeof__(EVP_DecodeBlock) *base64_decode;
};
/* Ends the program with a line on standard error (status 4) where the library is missing: a package of the system is not installed. */
const struct crypto *crypto(void) __attribute__((returns_nonnull));
#endif
