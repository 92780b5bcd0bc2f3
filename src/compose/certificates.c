/* Certificate authorities, as update-ca-certificates(8) and `openssl rehash` leave them: every certificate of ca-certificates in one bundle, and a link by the hash of each subject.
 *
 * The links lead to the bundle, in which OpenSSL finds the certificate as well as in a file of its own, so that no certificate is in the image twice. Where SPEC keeps usr/share/ca-certificates, its files stay, and the links
 * are those of a Debian system: HASH.0 to NAME.pem, that to the file. */
#include "compose/effect.h"
#include "base/crypto.h"

#define FROM "usr/share/ca-certificates/"
#define TO "etc/ssl/certs/"
#define BUNDLE "ca-certificates.crt"
#define CERTIFICATES_MAX 10000u

struct certificate {
	const char *pem; /* name in TO */
	u32 hash, version;
};

static const char *pem_name(struct arena *a, struct str base)
{
	struct buf b = BUF(4096);
	base.n -= 4; /* ".crt" */
	for (size_t i = 0; i < base.n; i++)
		buf_putc(&b, base.p[i] == ' ' || base.p[i] == ',' ? '_' : base.p[i] == '(' || base.p[i] == ')' ? '=' : base.p[i]);
	buf_puts(&b, ".pem");
	const char *ret = arena_strdup(a, buf_str(&b));
	buf_free(&b);
	return ret;
}

/* The hash that OpenSSL looks certificates up by; false: it holds no certificate. */
static bool subject_hash(struct str pem, u32 *ret)
{
	const struct crypto_keys *k = crypto_keys();
	const struct crypto_certificates *x = crypto_certificates();
	if (!pem.n || pem.n > INT32_MAX)
		return false;
	BIO *b = k->bio_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = b ? x->pem_read(b, NULL, NULL, NULL) : NULL;
	if (cert)
		*ret = (u32)x->subject_name_hash(cert);
	if (cert)
		x->free(cert);
	if (b)
		k->bio_free(b);
	return cert != NULL;
}

static int one(struct composition *c, struct str path, bool kept, struct buf *bundle, struct buf *conf, struct certificate *ret, struct error *err)
{
	struct buf b = BUF(COMPOSE_MADE_MAX);
	struct arena *a = &c->arena;
	int r = ctree_read(&c->tree, path, MiB, &b, err);
	if (r == 0) {
		ret->pem = pem_name(a, str_base(path));
		if (kept)
			ctree_make_link(&c->tree, arena_printf(a, TO "%s", ret->pem), arena_printf(a, "/%.*s", STR_FMT(path)));
		buf_add(bundle, buf_str(&b));
		if (b.n && b.p[b.n - 1] != '\n')
			buf_putc(bundle, '\n');
		buf_printf(conf, "%.*s\n", STR_FMT(str_from(path, strlen(FROM))));
		if (!subject_hash(buf_str(&b), &ret->hash)) {
			problem_add(&c->notes, "%.*s: no certificate is in it", STR_FMT(path));
			ret->pem = NULL;
		}
	}
	buf_free(&b);
	return r;
}

static int by_name(const void *x, const void *y) { return strcmp(((const struct certificate *)x)->pem, ((const struct certificate *)y)->pem); }

/* HASH.0, HASH.1 …, in the order of the names. */
static void links(struct composition *c, struct certificate *v, u32 n, bool kept)
{
	qsort(v, n, sizeof *v, by_name);
	for (u32 i = 0; i < n; i++) {
		u32 k = 0;
		for (u32 before = 0; before < i; before++)
			k += v[before].hash == v[i].hash;
		ctree_make_link(&c->tree, arena_printf(&c->arena, TO "%08x.%u", v[i].hash, k), kept ? v[i].pem : BUNDLE);
	}
}

int effect_certificates(struct composition *c, struct error *err)
{
	struct buf bundle = BUF(COMPOSE_MADE_MAX), conf = BUF(COMPOSE_MADE_MAX);
	u32 n, count = 0;
	if (!effect_package(c, "ca-certificates"))
		return 0;
	u32 *sorted = ctree_sorted(&c->tree, &n);
	bool kept = compose_kept(c->recipe, STR(FROM "mozilla/NAME.crt")) || compose_kept(c->recipe, STR(FROM));
	struct certificate *v = xcalloc(MIN(n, CERTIFICATES_MAX) + 1u, sizeof *v);
	int r = 0;
	for (u32 i = 0; r == 0 && i < n && count < CERTIFICATES_MAX; i++) {
		struct str path = c->tree.v[sorted[i]].path;
		if (c->tree.v[sorted[i]].type != TAR_FILE || !str_starts(path, STR(FROM)) || !str_ends(path, STR(".crt")))
			continue;
		r = one(c, path, kept, &bundle, &conf, &v[count], err);
		count += r == 0 && v[count].pem;
	}
	for (u32 i = 0; r == 0 && !kept && i < n; i++)
		if (str_starts(c->tree.v[sorted[i]].path, STR(FROM)))
			c->tree.v[sorted[i]].gone = true;
	free(sorted);
	if (r == 0) {
		links(c, v, count, kept);
		r = bundle.over ? error_set(err, ERR_INPUT, "certificates over the budget") : ctree_replace_file(&c->tree, TO BUNDLE, 0644, buf_str(&bundle), err);
	}
	if (r == 0 && kept)
		r = ctree_replace_file(&c->tree, "etc/ca-certificates.conf", 0644, buf_str(&conf), err);
	free(v);
	buf_free(&bundle);
	buf_free(&conf);
	return r;
}
