#include "oci/digest.h"
#include "base/crypto.h"

static const struct {
	const char *name;
	size_t bytes;
} algs[] = {
	[DIGEST_NONE] = { "", 0 }, [DIGEST_SHA256] = { "sha256", 32 }, [DIGEST_SHA384] = { "sha384", 48 }, [DIGEST_SHA512] = { "sha512", 64 },
};

static int nibble(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

int digest_parse(struct str text, struct digest *ret, struct error *err)
{
	struct str rest = text, name = str_cut(&rest, ':');
	for (u8 a = DIGEST_SHA256; a < countof(algs); a++) {
		if (!str_is(name, algs[a].name))
			continue;
		struct digest d = { .alg = a };
		if (!rest.p || rest.n != 2 * algs[a].bytes)
			return error_set(err, ERR_INPUT, "digest %.*s: not %zu hexadecimal digits", STR_FMT(str_head(text, 100)), 2 * algs[a].bytes);
		for (size_t i = 0; i < algs[a].bytes; i++) {
			int h = nibble(rest.p[2 * i]), l = nibble(rest.p[2 * i + 1]);
			if (h < 0 || l < 0)
				return error_set(err, ERR_INPUT, "digest %.*s: not lower-case hexadecimal", STR_FMT(str_head(text, 100)));
			d.bytes[i] = (u8)(h << 4 | l);
		}
		*ret = d;
		return 0;
	}
	return error_set(err, ERR_INPUT, "digest %.*s: unknown algorithm", STR_FMT(str_head(text, 100)));
}

static char *put_hex(char *o, const struct digest *d)
{
	for (size_t i = 0; i < algs[d->alg].bytes; i++) {
		*o++ = "0123456789abcdef"[d->bytes[i] >> 4];
		*o++ = "0123456789abcdef"[d->bytes[i] & 15];
	}
	*o = '\0';
	return o;
}

const char *digest_text(const struct digest *d, char out[DIGEST_TEXT])
{
	out[0] = '\0';
	if (d->alg != DIGEST_NONE)
		put_hex(out + snprintf(out, DIGEST_TEXT, "%s:", algs[d->alg].name), d);
	return out;
}

const char *digest_path(const struct digest *d, char out[DIGEST_TEXT + 8])
{
	put_hex(out + snprintf(out, DIGEST_TEXT + 8, "blobs/%s/", algs[d->alg].name), d);
	return out;
}

struct digester {
	EVP_MD_CTX *ctx;
	enum digest_alg alg;
};

struct digester *digester_new(enum digest_alg alg)
{
	struct digester *d = xmalloc(sizeof *d);
	d->ctx = crypto()->md_ctx_new();
	d->alg = alg;
	const EVP_MD *md = alg == DIGEST_SHA512 ? crypto()->sha512() : alg == DIGEST_SHA384 ? crypto()->sha384() : crypto()->sha256();
	if (!d->ctx || crypto()->digest_init(d->ctx, md, NULL) != 1)
		abort();
	return d;
}

void digester_add(struct digester *d, struct str s)
{
	if (s.n && crypto()->digest_update(d->ctx, s.p, s.n) != 1)
		abort();
}

struct digest digester_finish(struct digester *d)
{
	struct digest r = { .alg = (u8)d->alg };
	if (crypto()->digest_final(d->ctx, r.bytes, NULL) != 1)
		abort();
	crypto()->md_ctx_free(d->ctx);
	free(d);
	return r;
}

struct digest digest_bytes(enum digest_alg alg, struct str s)
{
	struct digester *d = digester_new(alg);
	digester_add(d, s);
	return digester_finish(d);
}
