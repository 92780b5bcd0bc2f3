#include "base/crypto.h"
#include <dlfcn.h>
#include <pthread.h>

static struct crypto loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fail(const char *what)
{
	fprintf(stderr, "pare: libcrypto: %s (Debian: libssl3)\n", what);
	_Exit(4);
}

static void load(void)
{
	static const struct {
		const char *name;
		void *to;
	} functions[] = {
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
	void *lib = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		lib = dlopen("libcrypto.so.1.1", RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		fail("libcrypto.so.3 is not installed");
	for (size_t i = 0; i < countof(functions); i++) {
		void *f = dlsym(lib, functions[i].name);
		if (!f)
			fail(functions[i].name);
		memcpy(functions[i].to, &f, sizeof f);
	}
}

const struct crypto *crypto(void)
{
	pthread_once(&once, load);
	return &loaded;
}
