#include "base/crypto.h"
#include "base/library.h"
#include <pthread.h>

static struct crypto loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const sonames[] = { "libcrypto.so.3", "libcrypto.so.1.1", NULL };
	static const struct library_function functions[] = {
		{ "EVP_MD_CTX_new", &loaded.md_ctx_new },
		{ "EVP_MD_CTX_free", &loaded.md_ctx_free },
		{ "EVP_DigestInit_ex", &loaded.digest_init },
		{ "EVP_DigestUpdate", &loaded.digest_update },
		{ "EVP_DigestFinal_ex", &loaded.digest_final },
		{ "EVP_Digest", &loaded.digest },
		{ "EVP_sha1", &loaded.sha1 },
		{ "EVP_sha256", &loaded.sha256 },
		{ "EVP_sha384", &loaded.sha384 },
		{ "EVP_sha512", &loaded.sha512 },
		{ "EVP_EncodeBlock", &loaded.base64_encode },
		{ "EVP_DecodeBlock", &loaded.base64_decode },
	};
	library_load(sonames, "libssl3", functions, countof(functions));
}

const struct crypto *crypto(void)
{
	pthread_once(&once, load);
	return &loaded;
}

static struct crypto_keys loaded_keys;
static pthread_once_t once_keys = PTHREAD_ONCE_INIT;

static void load_keys(void)
{
	static const char *const sonames[] = { "libcrypto.so.3", NULL };
	static const struct library_function functions[] = {
		{ "BIO_new_mem_buf", &loaded_keys.bio_new_mem_buf },
		{ "BIO_free", &loaded_keys.bio_free },
		{ "PEM_read_bio_PUBKEY", &loaded_keys.pem_read_public },
		{ "PEM_read_bio_PrivateKey", &loaded_keys.pem_read_private },
		{ "d2i_AutoPrivateKey", &loaded_keys.der_private },
		{ "i2d_PUBKEY", &loaded_keys.public_der },
		{ "EVP_PKEY2PKCS8", &loaded_keys.to_pkcs8 },
		{ "i2d_PKCS8_PRIV_KEY_INFO", &loaded_keys.pkcs8_der },
		{ "PKCS8_PRIV_KEY_INFO_free", &loaded_keys.pkcs8_free },
		{ "EVP_PKEY_free", &loaded_keys.pkey_free },
		{ "EVP_PKEY_get_base_id", &loaded_keys.pkey_id },
		{ "EVP_PKEY_get_bits", &loaded_keys.pkey_bits },
		{ "EVP_PKEY_get_group_name", &loaded_keys.pkey_group },
		{ "EVP_PKEY_Q_keygen", &loaded_keys.pkey_generate },
		{ "EVP_PKEY_CTX_set_rsa_padding", &loaded_keys.set_rsa_padding },
		{ "EVP_DigestSignInit", &loaded_keys.sign_init },
		{ "EVP_DigestSign", &loaded_keys.sign },
		{ "EVP_DigestVerifyInit", &loaded_keys.verify_init },
		{ "EVP_DigestVerify", &loaded_keys.verify },
		{ "EVP_PBE_scrypt", &loaded_keys.scrypt },
		{ "EVP_Q_mac", &loaded_keys.mac },
		{ "RAND_bytes", &loaded_keys.random },
		{ "OPENSSL_cleanse", &loaded_keys.cleanse },
		{ "CRYPTO_free", &loaded_keys.free },
	};
	library_load(sonames, "libssl3", functions, countof(functions));
}

const struct crypto_keys *crypto_keys(void)
{
	pthread_once(&once_keys, load_keys);
	return &loaded_keys;
}

static struct crypto_certificates loaded_certificates;
static pthread_once_t once_certificates = PTHREAD_ONCE_INIT;

static void load_certificates(void)
{
	static const char *const sonames[] = { "libcrypto.so.3", NULL };
	static const struct library_function functions[] = {
		{ "PEM_read_bio_X509", &loaded_certificates.pem_read },
		{ "X509_subject_name_hash", &loaded_certificates.subject_name_hash },
		{ "X509_free", &loaded_certificates.free },
	};
	library_load(sonames, "libssl3", functions, countof(functions));
}

const struct crypto_certificates *crypto_certificates(void)
{
	pthread_once(&once_certificates, load_certificates);
	return &loaded_certificates;
}
