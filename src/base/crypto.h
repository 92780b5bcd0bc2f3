/* crypto.h — OpenSSL's libcrypto, loaded when something is hashed and not before: it is the largest of the libraries by far, and linting, help and
 * whatever else reads no image is over before it would be there. */
#ifndef PARE_BASE_CRYPTO_H
#define PARE_BASE_CRYPTO_H
#include "base/common.h"
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

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

/* Keys, signatures and passwords, of the same library: found when a key is first read. */
struct crypto_keys {
	__typeof__(BIO_new_mem_buf) *bio_new_mem_buf;
	__typeof__(BIO_free) *bio_free;
	__typeof__(PEM_read_bio_PUBKEY) *pem_read_public;
	__typeof__(PEM_read_bio_PrivateKey) *pem_read_private;
	__typeof__(d2i_AutoPrivateKey) *der_private;
	__typeof__(i2d_PUBKEY) *public_der;
	__typeof__(EVP_PKEY2PKCS8) *to_pkcs8;
	__typeof__(i2d_PKCS8_PRIV_KEY_INFO) *pkcs8_der;
	__typeof__(PKCS8_PRIV_KEY_INFO_free) *pkcs8_free;
	__typeof__(EVP_PKEY_free) *pkey_free;
	__typeof__(EVP_PKEY_get_base_id) *pkey_id;
	__typeof__(EVP_PKEY_get_bits) *pkey_bits;
	__typeof__(EVP_PKEY_get_group_name) *pkey_group;
	__typeof__(EVP_PKEY_Q_keygen) *pkey_generate;
	__typeof__(EVP_PKEY_CTX_set_rsa_padding) *set_rsa_padding;
	__typeof__(EVP_DigestSignInit) *sign_init;
	__typeof__(EVP_DigestSign) *sign;
	__typeof__(EVP_DigestVerifyInit) *verify_init;
	__typeof__(EVP_DigestVerify) *verify;
	__typeof__(EVP_PBE_scrypt) *scrypt;
	__typeof__(EVP_Q_mac) *mac;
	__typeof__(RAND_bytes) *random;
	__typeof__(OPENSSL_cleanse) *cleanse;
	__typeof__(CRYPTO_free) *free;
};
const struct crypto_keys *crypto_keys(void) __attribute__((returns_nonnull));

/* Certificates, likewise. */
struct crypto_certificates {
	__typeof__(PEM_read_bio_X509) *pem_read;
	__typeof__(X509_subject_name_hash) *subject_name_hash; /* what a directory of certificates is looked up by */
	__typeof__(X509_free) *free;
};
const struct crypto_certificates *crypto_certificates(void) __attribute__((returns_nonnull));
#endif
