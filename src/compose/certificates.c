/* Certificate authorities, as update-ca-certificates(8) and `openssl rehash` leave them: every certificate of ca-certificates in one bundle, and a link by the hash of each subject.
 *
 * The links lead to the bundle, in which OpenSSL finds the certificate as well as in a file of its own, so that no certificate is in the image twice. Where SPEC keeps usr/share/ca-certificates, its files stay, and the links
 * are those of a Debian system: HASH.0 to NAME.pem, that to the file. */
#include "compose/effect.h"
#include "base/crypto.h"
#include "trust/key.h"

#define FROM "usr/share/ca-certificates/"
#define TO "etc/ssl/certs/"
#define BUNDLE "ca-certificates.crt"
#define CERTIFICATES_MAX 10000u

/* Java's keystore of them ("JKS"), as ca-certificates-java has it made. */
#define KEYSTORE "java/cacerts"
#define PASSWORD "changeit" /* known to everybody: nothing is secret in it */

struct keystore {
	struct buf entries;
	u32 n;
};
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

/* --- Java --- */

static void put(struct buf *b, u64 v, u32 bytes)
{
	while (bytes-- > 0)
		buf_putc(b, (char)(v >> 8 * bytes));
}

static void put_text(struct buf *b, struct str s)
{
	put(b, s.n, 2);
	buf_add(b, s);
}

static void add_trusted(struct keystore *k, struct str pem, const char *name, s64 time)
{
	struct buf text = BUF(MiB), der = BUF(MiB), alias = BUF(4096);
	bool inside = false;
	for (struct str rest = pem; rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		bool mark = str_starts(line, STR("-----"));
		if (mark && inside)
			break;
		inside |= mark;
		if (inside && !mark)
			buf_add(&text, line);
	}
	buf_puts(&alias, "debian:");
	for (; *name; name++)
		buf_putc(&alias, *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name);
	if (base64_read(buf_str(&text), &der) && der.n) {
		struct buf *b = &k->entries;
		put(b, 2, 4); /* of somebody else, trusted */
		put_text(b, buf_str(&alias));
		put(b, (u64)time * 1000, 8);
		put_text(b, STR("X.509"));
		put(b, der.n, 4);
		buf_add(b, buf_str(&der));
		k->n++;
	}
	buf_free(&text);
	buf_free(&der);
	buf_free(&alias);
}

/* The digest is of the password, each letter with a zero in front, some words, and all that is before it. */
static int write_keystore(struct composition *c, const struct keystore *k, struct error *err)
{
	struct buf out = BUF(0), all = BUF(0);
	u8 sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	put(&out, 0xfeedfeed, 4);
	put(&out, 2, 4);
	put(&out, k->n, 4);
	buf_add(&out, buf_str(&k->entries));
	for (const char *p = PASSWORD; *p; p++)
		put(&all, (u8)*p, 2);
	buf_puts(&all, "Mighty Aphrodite");
	buf_add(&all, buf_str(&out));
	int r = crypto()->digest(all.p, all.n, sum, &n, crypto()->sha1(), NULL) == 1 ? 0 : error_set(err, ERR_ENV, TO KEYSTORE ": it cannot be hashed");
	buf_add(&out, str_n(sum, n));
	r = r < 0 ? r : ctree_make_file(&c->tree, TO KEYSTORE, 0644, buf_str(&out), err);
	buf_free(&out);
	buf_free(&all);
	return r;
}

static int one(struct composition *c, struct str path, bool kept, struct buf *bundle, struct buf *conf, struct keystore *java, struct certificate *ret, struct error *err)
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
		} else if (java) {
			add_trusted(java, buf_str(&b), ret->pem, c->time);
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
	struct keystore java = { BUF(COMPOSE_MADE_MAX), 0 };
	bool for_java = effect_package(c, "ca-certificates-java");
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
		r = one(c, path, kept, &bundle, &conf, for_java ? &java : NULL, &v[count], err);
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
	if (r == 0 && for_java)
		r = write_keystore(c, &java, err);
	free(v);
	buf_free(&java.entries);
	buf_free(&bundle);
	buf_free(&conf);
	return r;
}
