#include "trust/key.h"
#include "base/crypto.h"
#include "base/file.h"
#include <sys/stat.h>
#include <unistd.h>

struct key {
	EVP_PKEY *pkey;
	int id;      /* EVP_PKEY_EC, … */
	int bits;    /* of the hash that goes with it: 256, 384 of P-384, 512 of P-521; 0 of Ed25519, which hashes by itself */
	bool secret;
	char *name;
	u8 *der;     /* the public half, PKIX: what tells one key from another */
	int n_der;
};

const char *key_file(const struct key *k) { return k->name; }

void key_free(struct key *k)
{
	if (!k)
		return;
	crypto_keys()->pkey_free(k->pkey);
	free(k->name);
	if (k->der)
		crypto_keys()->free(k->der, "", 0);
	free(k);
}

bool key_same(const struct key *a, const struct key *b) { return str_eq(str_n(a->der, (size_t)a->n_der), str_n(b->der, (size_t)b->n_der)); }

/* Takes pkey. Only what is strong enough, and of a curve that is named: parameters of its own make a key that was never tried. */
static int take(EVP_PKEY *pkey, const char *name, bool secret, struct key **ret, struct error *err)
{
	const struct crypto_keys *c = crypto_keys();
	char group[64] = "";
	size_t n = 0;
	int id = c->pkey_id(pkey), bits = c->pkey_bits(pkey);
	bool ec = id == EVP_PKEY_EC && c->pkey_group(pkey, group, sizeof group, &n) == 1;
	int hash = id == EVP_PKEY_ED25519 ? 0 : ec && strcmp(group, "secp384r1") == 0 ? 384 : ec && strcmp(group, "secp521r1") == 0 ? 512 : 256;
	bool rsa = id == EVP_PKEY_RSA || id == EVP_PKEY_RSA_PSS;
	struct key *k = NULL;
	if (rsa && (bits < 2048 || bits > 16384))
		error_set(err, ERR_USAGE, "%s: RSA of %d bits: 2048 to 16384 are taken", name, bits);
	else if (!rsa && hash == 256 && !(ec && strcmp(group, "prime256v1") == 0))
		error_set(err, ERR_USAGE, "%s: a key of a kind that is not taken: ECDSA on P-256, P-384 or P-521, Ed25519 and RSA are", name);
	else
		k = xcalloc(1, sizeof *k);
	if (k) {
		*k = (struct key){ .pkey = pkey, .id = id, .bits = hash, .secret = secret, .name = xstrdup(name) };
		k->n_der = c->public_der(pkey, &k->der);
		if (k->n_der > 0) {
			*ret = k;
			return 0;
		}
		key_free(k);
		return error_set(err, ERR_USAGE, "%s: the public key in it cannot be used", name);
	}
	c->pkey_free(pkey);
	return -1;
}

/* --- reading --- */
int key_parse_public(struct str pem, const char *name, struct key **ret, struct error *err)
{
	const struct crypto_keys *c = crypto_keys();
	if (str_contains(pem, STR("PRIVATE KEY-----")))
		return error_set(err, ERR_USAGE, "%s: is a private key: what verifies is the public one", name);
	BIO *bio = pem.n && pem.n <= KEY_FILE_MAX ? c->bio_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey = bio ? c->pem_read_public(bio, NULL, NULL, NULL) : NULL;
	c->bio_free(bio);
	return pkey ? take(pkey, name, false, ret, err) : error_set(err, ERR_USAGE, "%s: no public key in PEM (BEGIN PUBLIC KEY)", name);
}

struct asked {
	const char *password;
	bool asked, fits;
};

static int give(char *to, int size, int writing, void *ctx)
{
	struct asked *a = ctx;
	(void)writing;
	a->asked = true;
	size_t n = a->password ? strlen(a->password) : 0;
	if (!a->password || size < 0 || n > (size_t)size)
		return -1;
	memcpy(to, a->password, n);
	return (int)n;
}

int key_parse_private(struct str pem, const char *name, const char *password, struct key **ret, struct error *err)
{
	const struct crypto_keys *c = crypto_keys();
	EVP_PKEY *pkey = NULL;
	struct asked a = { .password = password };
	if (!password)
		a.password = getenv("COSIGN_PASSWORD");
	if (cosign_key_is(pem)) {
		struct buf der = BUF(KEY_FILE_MAX);
		int status = cosign_key_open(pem, name, a.password, &der, err);
		const u8 *p = (const u8 *)buf_str(&der).p;
		if (status == 0)
			pkey = c->der_private(NULL, &p, (long)der.n);
		if (der.p)
			c->cleanse(der.p, der.n);
		buf_free(&der);
		if (status < 0)
			return -1;
	} else if (pem.n && pem.n <= KEY_FILE_MAX) {
		BIO *bio = c->bio_new_mem_buf(pem.p, (int)pem.n);
		pkey = bio ? c->pem_read_private(bio, NULL, give, &a) : NULL;
		c->bio_free(bio);
	}
	if (pkey)
		return take(pkey, name, true, ret, err);
	if (a.asked && !a.password)
		return error_set(err, ERR_USAGE, "%s: is encrypted: say its password with --password-file, or in COSIGN_PASSWORD", name);
	if (a.asked)
		return error_set(err, ERR_USAGE, "%s: the password does not open it", name);
	return error_set(err, ERR_USAGE, "%s: no private key in PEM (PKCS#8, SEC1, or cosign's)", name);
}

static int read_file(const char *file, struct buf *text, struct error *err)
{
	if (file_read(file, KEY_FILE_MAX, text, err) == 0)
		return 0;
	if (err && err->kind == ERR_INPUT) /* a key that is none is a wrong option, not a damaged image */
		err->kind = ERR_USAGE;
	return -1;
}

int key_public(const char *file, struct key **ret, struct error *err)
{
	struct buf text = BUF(KEY_FILE_MAX);
	int status = read_file(file, &text, err);
	if (status == 0)
		status = key_parse_public(buf_str(&text), file, ret, err);
	buf_free(&text);
	return status;
}

int key_private(const char *file, const char *password, struct key **ret, struct error *err)
{
	struct buf text = BUF(KEY_FILE_MAX);
	int status = read_file(file, &text, err);
	if (status == 0)
		status = key_parse_private(buf_str(&text), file, password, ret, err);
	if (text.p)
		crypto_keys()->cleanse(text.p, text.n);
	buf_free(&text);
	return status;
}

/* --- signatures --- */
static const EVP_MD *hash_of(const struct key *k)
{
	const struct crypto *c = crypto();
	return !k->bits ? NULL : k->bits == 512 ? c->sha512() : k->bits == 384 ? c->sha384() : c->sha256();
}

static bool holds(const struct key *k, const EVP_MD *md, int padding, struct str message, struct str signature)
{
	const struct crypto *c = crypto();
	const struct crypto_keys *s = crypto_keys();
	EVP_PKEY_CTX *params = NULL;
	EVP_MD_CTX *ctx = c->md_ctx_new();
	bool ok = ctx && s->verify_init(ctx, &params, md, NULL, k->pkey) == 1 && (!padding || s->set_rsa_padding(params, padding) == 1) &&
		  s->verify(ctx, (const u8 *)signature.p, signature.n, (const u8 *)message.p, message.n) == 1;
	c->md_ctx_free(ctx);
	return ok;
}

bool key_holds(const struct key *k, struct str message, struct str signature)
{
	if (!signature.n || signature.n > KEY_SIGNATURE_MAX || !message.p)
		return false;
	if (k->id == EVP_PKEY_RSA && holds(k, hash_of(k), RSA_PKCS1_PADDING, message, signature))
		return true;
	if (k->id == EVP_PKEY_RSA || k->id == EVP_PKEY_RSA_PSS)
		return holds(k, hash_of(k), RSA_PKCS1_PSS_PADDING, message, signature);
	if (holds(k, hash_of(k), 0, message, signature))
		return true;
	return k->bits > 256 && holds(k, crypto()->sha256(), 0, message, signature); /* which cosign took for every curve at first */
}

int key_sign(const struct key *k, struct str message, struct buf *signature, struct error *err)
{
	const struct crypto *c = crypto();
	const struct crypto_keys *s = crypto_keys();
	EVP_PKEY_CTX *params = NULL;
	u8 out[KEY_SIGNATURE_MAX];
	size_t n = sizeof out;
	int padding = k->id == EVP_PKEY_RSA ? RSA_PKCS1_PADDING : k->id == EVP_PKEY_RSA_PSS ? RSA_PKCS1_PSS_PADDING : 0;
	if (!k->secret)
		return error_set(err, ERR_USAGE, "%s: is no private key", k->name);
	EVP_MD_CTX *ctx = c->md_ctx_new();
	bool ok = ctx && s->sign_init(ctx, &params, hash_of(k), NULL, k->pkey) == 1 && (!padding || s->set_rsa_padding(params, padding) == 1) &&
		  s->sign(ctx, out, &n, (const u8 *)message.p, message.n) == 1;
	c->md_ctx_free(ctx);
	if (!ok)
		return error_set(err, ERR_USAGE, "%s: does not sign", k->name);
	buf_add(signature, str_n(out, n));
	return 0;
}

/* --- a new pair --- */
static void pem(struct buf *out, const char *label, struct str der)
{
	struct buf word = BUF(0);
	base64_write(der, &word);
	buf_printf(out, "-----BEGIN %s-----\n", label);
	for (struct str rest = buf_str(&word); rest.n; rest = str_from(rest, 64))
		buf_printf(out, "%.*s\n", STR_FMT(str_head(rest, 64)));
	buf_printf(out, "-----END %s-----\n", label);
	if (word.p)
		crypto_keys()->cleanse(word.p, word.n);
	buf_free(&word);
}

static int write_new(const char *path, mode_t mode, struct str text, struct error *err)
{
	struct outfile o;
	if (access(path, F_OK) == 0)
		return error_set(err, ERR_USAGE, "%s: is there already: a key is not written over", path);
	if (outfile_open(&o, path, err) < 0)
		return -1;
	if (fchmod(o.fd, mode) < 0 || file_write_all(o.fd, text.p, text.n) < 0) {
		error_errno(err, "%s", path);
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit(&o, err);
}

/* PKCS#8, in cosign's envelope with a password. */
static int private_text(EVP_PKEY *pkey, const char *password, struct buf *out, struct error *err)
{
	const struct crypto_keys *c = crypto_keys();
	PKCS8_PRIV_KEY_INFO *p8 = c->to_pkcs8(pkey);
	u8 *der = NULL;
	int n = p8 ? c->pkcs8_der(p8, &der) : -1, status = 0;
	if (n <= 0)
		status = error_set(err, ERR_ENV, "no key could be made");
	else if (password)
		status = cosign_key_seal(str_n(der, (size_t)n), password, out, err);
	else
		pem(out, "PRIVATE" " KEY", str_n(der, (size_t)n));
	if (der) {
		c->cleanse(der, (size_t)MAX(n, 0));
		c->free(der, "", 0);
	}
	c->pkcs8_free(p8);
	return status;
}

int key_generate(const char *prefix, const char *password, struct error *err)
{
	const struct crypto_keys *c = crypto_keys();
	EVP_PKEY *pkey = c->pkey_generate(NULL, NULL, "EC", "P-256");
	struct key *k = NULL;
	struct buf secret = BUF(0), public = BUF(0), file = BUF(0), pub = BUF(0);
	buf_printf(&file, "%s.key", prefix);
	buf_printf(&pub, "%s.pub", prefix);
	int status = pkey ? private_text(pkey, password, &secret, err) : error_set(err, ERR_ENV, "no key could be made");
	if (status < 0)
		c->pkey_free(pkey);
	else if ((status = take(pkey, file.p, true, &k, err)) == 0)
		pem(&public, "PUBLIC KEY", str_n(k->der, (size_t)k->n_der));
	if (status == 0 && access(pub.p, F_OK) == 0)
		status = error_set(err, ERR_USAGE, "%s: is there already: a key is not written over", pub.p);
	if (status == 0 && (status = write_new(file.p, 0600, buf_str(&secret), err)) == 0 && (status = write_new(pub.p, 0644, buf_str(&public), err)) < 0)
		unlink(file.p);
	key_free(k);
	if (secret.p)
		c->cleanse(secret.p, secret.n);
	buf_free(&secret);
	buf_free(&public);
	buf_free(&file);
	buf_free(&pub);
	return status;
}
