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
