#include "advisory/verdict.h"
#include "base/buf.h"

struct asked {
	const struct db_record *r;
	const struct package *k;
	struct str version;
	const struct version_scheme *scheme;
	const struct distro *d;
	const char *sets;
	bool explain;
	struct verdict *v;
};

static void __attribute__((format(printf, 3, 4))) say(const struct asked *q, enum verdict_kind kind, const char *fmt, ...)
{
	va_list ap;
	q->v->kind = kind;
	q->v->reason[0] = '\0';
	if (!q->explain && kind != VERDICT_AFFECTED)
		return;
	va_start(ap, fmt);
	vsnprintf(q->v->reason, sizeof q->v->reason, fmt, ap);
	va_end(ap);
}

/* --- what the record is about --- */
static bool listed(struct str list, struct str word)
{
	while (list.p)
		if (str_eq(str_cut(&list, ' '), word))
			return true;
	return false;
}

static bool of_this_arch(const struct asked *q)
{
	struct str arch = str_of(q->k->arch);
	if (!q->r->arches.n || !arch.n || str_is(arch, "noarch") || str_is(arch, "all") || listed(q->r->arches, arch) || listed(q->r->arches, STR("noarch")))
		return true;
	say(q, VERDICT_NOT_MEANT, "for %.*s only, installed is %s", STR_FMT(str_head(q->r->arches, 100)), q->k->arch);
	return false;
}

/* "nodejs:18" of "nodejs:18:8060020220523160029:ad008a3a". */
static struct str stream_of(struct str label)
{
	size_t colons = 0, n = 0;
	while (n < label.n && !(label.p[n] == ':' && ++colons == 2))
		n++;
	return str_head(label, n);
}

static bool of_this_stream(const struct asked *q)
{
	struct str stream = stream_of(str_of(q->k->module)), module = stream_of(q->r->module);
	bool built = str_contains(q->version, STR(".module")), fix_built = str_contains(q->r->fixed, STR(".module"));
	u32 rules = q->d ? q->d->rules : 0;
	if (module.n) {
		if (str_eq(module, stream))
			return true;
		say(q, VERDICT_NOT_MEANT, "module stream %.*s is not installed (%s)", STR_FMT(str_head(module, 80)), stream.n ? "another one is" : "the package is of no module");
	} else if (stream.n && rules & DISTRO_NO_STREAMS) {
		say(q, VERDICT_NOT_MEANT, "the package is of module stream %.*s, and these errata do not tell streams apart", STR_FMT(str_head(stream, 80)));
	} else if (built && !stream.n) {
		say(q, VERDICT_NOT_MEANT, "the package is of a module, but its stream is not known");
	} else if (rules & DISTRO_CPE ? stream.n > 0 : built != fix_built && q->r->fixed.n) {
		say(q, VERDICT_NOT_MEANT, built || stream.n ? "not for module streams, installed is of %.*s" : "for a module stream, the package is of none%.*s", STR_FMT(str_head(stream, 80)));
	} else {
		return true;
	}
	return false;
}

/* Oracle: "ksplice1" of "2:2.17-157.ksplice1.el7_3.4", "fips" of "10:3.6.16-4.0.1.el8_fips". */
static struct str kind_of_build(struct str v)
{
	while (v.p) {
		struct str part = str_cut(&v, '.');
		if (part.n >= 7 && str_ieq(str_head(part, 7), STR("ksplice")))
			return part;
		if (part.n >= 5 && str_ieq(str_from(part, part.n - 5), STR("_fips")))
			return STR("fips");
	}
	return STR("");
}

static bool of_this_kind(const struct asked *q)
{
	if (!q->d || !(q->d->rules & DISTRO_KINDS))
		return true;
	struct str a = kind_of_build(q->version), b = kind_of_build(q->r->fixed);
	if (str_ieq(a, b))
		return true;
	say(q, VERDICT_NOT_MEANT, "%.*s builds are compared with their own kind only", STR_FMT(a.n ? a : b));
	return false;
}

/* cpe:/o:redhat:enterprise_linux:8::baseos, or cpe:2.3:o:redhat:enterprise_linux:8:*:baseos:… */
static void cpe_parts(struct str cpe, struct str *product, struct str *version)
{
	bool v23 = str_starts(cpe, STR("cpe:2.3:"));
	for (int i = 0; i < (v23 ? 4 : 3) && cpe.p; i++)
		str_cut(&cpe, ':');
	*product = cpe.p ? str_cut(&cpe, ':') : STR("");
	*version = cpe.p ? str_cut(&cpe, ':') : STR("");
}

static bool within_release(struct str version, struct str release) { return str_starts(version, release) && (version.n == release.n || version.p[release.n] == '.'); }

/* The extended support that a content set is of: "rhel-8-for-x86_64-baseos-eus-rpms". */
static bool has_extended(const char *sets, struct str product)
{
	static const struct {
		const char *product, *part;
	} kinds[] = { { "rhel_eus", "-eus-" }, { "rhel_e4s", "-e4s-" }, { "rhel_aus", "-aus-" }, { "rhel_tus", "-tus-" }, { "rhel_els", "-els-" }, { "rhel_eus_long_life", "-eus-long-life-" } };
	for (size_t i = 0; i < countof(kinds); i++)
		if (str_is(product, kinds[i].product))
			return str_contains(str_of(sets), str_of(kinds[i].part));
	return false;
}

/* Middleware is built with a tag of its own, ".el8jbcs", ".el8ost": "el8jbcs" of "8.4.0-2.el8jbcs". Empty for a plain ".el8", which says nothing of the product. */
static struct str build_tag(struct str v)
{
	struct str tag = STR("");
	for (size_t i = 0; i + 3 < v.n; i++)
		if (memcmp(v.p + i, ".el", 3) == 0 && v.p[i + 3] >= '0' && v.p[i + 3] <= '9')
			tag = str_from(v, i + 1);
	size_t n = 2;
	while (n < tag.n && tag.p[n] >= '0' && tag.p[n] <= '9')
		n++;
	return n < tag.n && tag.p[n] >= 'a' && tag.p[n] <= 'z' ? tag : STR("");
}

static bool of_this_product(const struct asked *q)
{
	struct str product, version;
	if (!q->d || !(q->d->rules & DISTRO_CPE) || !q->r->cpe.n)
		return true;
	cpe_parts(q->r->cpe, &product, &version);
	struct str release = str_of(q->d->release), minor = str_of(q->d->minor);
	if ((str_is(product, "enterprise_linux") || str_starts(product, STR("rhel_extras")) || str_starts(product, STR("rhel_supplementary"))) && within_release(version, release)) {
		q->v->rank = 1;
		return true;
	}
	/* Software collections have names of their own ("rh-nodejs14-nodejs"): whoever has such a package means them. */
	if (str_is(product, "rhel_software_collections") && str_starts(str_of(q->k->name), STR("rh-"))) {
		q->v->rank = 1;
		return true;
	}
	struct str tag = build_tag(q->version);
	if (tag.n && str_eq(tag, build_tag(q->r->fixed))) {
		q->v->rank = 1;
		return true;
	}
	if (has_extended(q->sets, product) && (str_eq(version, minor) || str_eq(version, release))) {
		q->v->rank = 2;
		return true;
	}
	say(q, VERDICT_NOT_MEANT, "for %.*s, which this is not", STR_FMT(str_head(q->r->cpe, 120)));
	return false;
}

/* --- versions --- */
static int order(const struct asked *q, struct str other, int *ret)
{
	struct str a = q->version, b = other;
	if (q->scheme->compare(a, b, ret) == 0)
		return 0;
	/* "v1.2" and "1.2" of registries that write both; "go1.21.3". */
	for (int i = 0; i < 2; i++) {
		struct str *s = i ? &b : &a;
		if (str_starts(*s, STR("go")))
			*s = str_from(*s, 2);
		if (s->n > 1 && (s->p[0] == 'v' || s->p[0] == 'V') && s->p[1] >= '0' && s->p[1] <= '9')
			*s = str_from(*s, 1);
	}
	return q->scheme->compare(a, b, ret);
}

static void unclear(const struct asked *q, struct str other)
{
	say(q, VERDICT_UNCLEAR, "\"%.*s\" and \"%.*s\" cannot be compared (%s)", STR_FMT(str_head(q->version, 80)), STR_FMT(str_head(other, 80)), q->scheme->name);
}

static bool in_versions(const struct asked *q)
{
	for (u32 i = 0; i < q->r->n_versions && i < RANGE_MAX; i++) {
		int c;
		if (str_eq(q->r->versions[i], q->version) || (order(q, q->r->versions[i], &c) == 0 && c == 0))
			return true;
	}
	return false;
}

#define V(s) STR_FMT(str_head((s), 80))
static void by_version(const struct asked *q)
{
	const struct db_record *r = q->r;
	const char *name = q->scheme->name;
	int c;
	if (r->state == FIX_NOT_AFFECTED || (str_is(r->fixed, "0") && !r->last_affected.n)) {
		say(q, VERDICT_NOT, "never affected%s%.*s", r->reason.n ? ": " : "", STR_FMT(str_head(r->reason, 200)));
		return;
	}
	if (!q->version.n) {
		say(q, VERDICT_UNCLEAR, "its version is not known");
		return;
	}
	bool range = r->introduced.n || r->fixed.n || r->last_affected.n || !r->n_versions;
	if (r->n_versions && in_versions(q)) {
		say(q, VERDICT_AFFECTED, "%.*s is among the affected versions", V(q->version));
		return;
	}
	if (!range) {
		say(q, VERDICT_NOT, "%.*s is not among the %u affected versions", V(q->version), r->n_versions);
		return;
	}
	if (r->introduced.n && !str_is(r->introduced, "0")) {
		if (order(q, r->introduced, &c) < 0) {
			unclear(q, r->introduced);
			return;
		}
		if (c < 0) {
			say(q, VERDICT_NOT, "%.*s is before %.*s, which brought it (%s)", V(q->version), V(r->introduced), name);
			return;
		}
	}
	struct str limit = r->fixed.n ? r->fixed : r->last_affected;
	if (!limit.n) {
		say(q, VERDICT_AFFECTED, "no fixed version%s%.*s", r->reason.n ? ": " : "", STR_FMT(str_head(r->reason, 200)));
		return;
	}
	if (order(q, limit, &c) < 0) {
		unclear(q, limit);
		return;
	}
	if (r->fixed.n)
		say(q, c < 0 ? VERDICT_AFFECTED : VERDICT_FIXED_HERE, "%.*s %s %.*s (%s)", V(q->version), c < 0 ? "<" : ">=", V(limit), name);
	else
		say(q, c <= 0 ? VERDICT_AFFECTED : VERDICT_FIXED_HERE, "%.*s %s %.*s, the last affected one (%s)", V(q->version), c <= 0 ? "<=" : ">", V(limit), name);
}

void verdict_on(const struct db_record *r, const struct package *k, struct str version, const struct version_scheme *scheme, const struct distro *d, const char *sets, bool explain, struct verdict *ret)
{
	struct asked q = { r, k, version, scheme, d, sets, explain, ret };
	ret->rank = 0;
	if (of_this_product(&q) && of_this_arch(&q) && (!d || strcmp(d->type, "rpm") || of_this_stream(&q)) && of_this_kind(&q))
		by_version(&q);
}
