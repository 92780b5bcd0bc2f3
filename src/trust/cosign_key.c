/* Private keys as cosign keeps them: PEM around JSON that names scrypt's parameters, a salt, a nonce, and holds PKCS#8 in a secretbox. */
#include "base/crypto.h"
#include "base/json.h"
#include "trust/key.h"
#include "trust/secretbox.h"

static const char *const labels[] = { "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY" }; /* the first is written */
#define SALT 32

/* What stands between the lines of a label; p NULL: none of them. */
static struct str body(struct str pem)
{
	for (size_t i = 0; i < countof(labels); i++) {
		char begin[64], end[64];
		snprintf(begin, sizeof begin, "-----BEGIN %s-----", labels[i]);
		snprintf(end, sizeof end, "-----END %s-----", labels[i]);
		const char *from = str_find(pem, str_of(begin));
		if (!from)
			continue;
		struct str rest = str_from(pem, (size_t)(from - pem.p) + strlen(begin));
		const char *to = str_find(rest, str_of(end));
		if (to)
			return str_n(rest.p, (size_t)(to - rest.p));
	}
	return str_n(NULL, 0);
}

bool cosign_key_is(struct str pem) { return body(pem).p != NULL; }

/* Lines of base64 as one word. */
static bool unwrap(struct str text, struct buf *out)
{
	struct buf word = BUF(KEY_FILE_MAX);
	for (struct str rest = text; rest.p;)
		buf_add(&word, str_trim(str_cut(&rest, '\n')));
	bool ok = base64_read(buf_str(&word), out);
	buf_free(&word);
	return ok;
}

static bool derive(const char *password, struct str salt, u64 n, u64 r, u64 p, u8 key[SECRETBOX_KEY])
{
	if (n < 2 || n > KEY_SCRYPT_N || (n & (n - 1)) || r < 1 || r > 64 || p < 1 || p > 64 || n * r * p > KEY_SCRYPT_WORK)
		return false;
	return crypto_keys()->scrypt(password, strlen(password), (const u8 *)salt.p, salt.n, n, r, p, 1024 * MiB, key, SECRETBOX_KEY) == 1;
}

struct sealed {
	struct buf salt, nonce, cipher;
	u64 n, r, p;
};

static bool sealed_read(const json_t *doc, struct sealed *s)
{
	json_t *kdf = json_obj(doc, "kdf"), *params = json_obj(kdf, "params"), *cipher = json_obj(doc, "cipher");
	return str_is(json_view(kdf, "name"), "scrypt") && str_is(json_view(cipher, "name"), "nacl/secretbox") && json_u64(params, "N", &s->n) && json_u64(params, "r", &s->r) &&
	       json_u64(params, "p", &s->p) && base64_read(json_view(kdf, "salt"), &s->salt) && base64_read(json_view(cipher, "nonce"), &s->nonce) &&
	       base64_read(json_view(doc, "ciphertext"), &s->cipher) && s->nonce.n == SECRETBOX_NONCE && s->cipher.n > SECRETBOX_TAG;
}

static int sealed_open(const struct sealed *s, const char *name, const char *password, struct buf *der, struct error *err)
{
	u8 key[SECRETBOX_KEY];
	if (!derive(password, buf_str(&s->salt), s->n, s->r, s->p, key))
		return error_set(err, ERR_USAGE, "%s: scrypt with N %llu, r %llu, p %llu: no parameters, or more than this program spends on a password", name, (unsigned long long)s->n,
				 (unsigned long long)s->r, (unsigned long long)s->p);
	size_t n = s->cipher.n - SECRETBOX_TAG;
	u8 *plain = xmalloc(n);
	bool ok = secretbox_open(plain, buf_str(&s->cipher), (const u8 *)s->nonce.p, key);
	if (ok)
		buf_add(der, str_n(plain, n));
	crypto_keys()->cleanse(plain, n);
	crypto_keys()->cleanse(key, sizeof key);
	free(plain);
	return ok ? 0 : error_set(err, ERR_USAGE, "%s: the password does not open it", name);
}

int cosign_key_open(struct str pem, const char *name, const char *password, struct buf *der, struct error *err)
{
	struct buf text = BUF(KEY_FILE_MAX);
	struct sealed s = { .salt = BUF(1024), .nonce = BUF(1024), .cipher = BUF(KEY_FILE_MAX) };
	autojson json_t *doc = unwrap(body(pem), &text) ? json_read(buf_str(&text), name, NULL) : NULL;
	int status;
	if (!doc || !sealed_read(doc, &s))
		status = error_set(err, ERR_USAGE, "%s: no encrypted key that is understood: scrypt and nacl/secretbox are", name);
	else if (!password)
		status = error_set(err, ERR_USAGE, "%s: is encrypted: say its password with --password-file, or in COSIGN_PASSWORD", name);
	else
		status = sealed_open(&s, name, password, der, err);
	buf_free(&text);
	buf_free(&s.salt);
	buf_free(&s.nonce);
	buf_free(&s.cipher);
	return status;
}

/* "key":"base64" of bytes, for the few lines below. */
static void put(struct buf *out, const char *before, struct str bytes)
{
	buf_puts(out, before);
	base64_write(bytes, out);
}

int cosign_key_seal(struct str der, const char *password, struct buf *pem, struct error *err)
{
	const struct crypto_keys *c = crypto_keys();
	u8 salt[SALT], nonce[SECRETBOX_NONCE], key[SECRETBOX_KEY];
	const u64 n = 65536, r = 8, p = 1;
	autofree u8 *box = xmalloc(der.n + SECRETBOX_TAG);
	if (c->random(salt, sizeof salt) != 1 || c->random(nonce, sizeof nonce) != 1)
		return error_set(err, ERR_ENV, "no random numbers are to be had");
	bool ok = derive(password, str_n(salt, sizeof salt), n, r, p, key) && secretbox_seal(box, der, nonce, key);
	c->cleanse(key, sizeof key);
	if (!ok)
		return error_set(err, ERR_ENV, "the key cannot be encrypted: no memory for scrypt");
	struct buf text = BUF(0), word = BUF(0);
	buf_printf(&text, "{\"kdf\":{\"name\":\"scrypt\",\"params\":{\"N\":%llu,\"r\":%llu,\"p\":%llu}", (unsigned long long)n, (unsigned long long)r, (unsigned long long)p);
	put(&text, ",\"salt\":\"", str_n(salt, sizeof salt));
	put(&text, "\"},\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"", str_n(nonce, sizeof nonce));
	put(&text, "\"},\"ciphertext\":\"", str_n(box, der.n + SECRETBOX_TAG));
	buf_puts(&text, "\"}");
	base64_write(buf_str(&text), &word);
	buf_printf(pem, "-----BEGIN %s-----\n", labels[0]);
	for (struct str rest = buf_str(&word); rest.n; rest = str_from(rest, 64)) {
		buf_add(pem, str_head(rest, 64));
		buf_putc(pem, '\n');
	}
	buf_printf(pem, "-----END %s-----\n", labels[0]);
	buf_free(&text);
	buf_free(&word);
	return 0;
}
