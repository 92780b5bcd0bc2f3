#include "check/license.h"
#include "package/license.h"

const char *const license_category_text[] = { "permissive", "other", "unknown", "weak-copyleft", "copyleft", "network-copyleft", "restricted" };

/* --- what a licence asks of those who pass the program on --- */
static enum license_category category_of(struct str id, bool with_exception)
{
	static const struct {
		const char *pattern;
		enum license_category category;
	} families[] = {
		{ "AGPL-*", LICENSE_NETWORK }, { "SSPL-*", LICENSE_NETWORK }, { "EUPL-*", LICENSE_NETWORK }, { "OSL-*", LICENSE_NETWORK }, { "CPAL-*", LICENSE_NETWORK }, { "RPL-*", LICENSE_NETWORK },
		{ "CAL-*", LICENSE_NETWORK }, { "GPL-*", LICENSE_COPYLEFT }, { "CC-BY-SA-*", LICENSE_COPYLEFT }, { "CECILL-[12].*", LICENSE_COPYLEFT }, { "Sleepycat", LICENSE_COPYLEFT }, { "QPL-*", LICENSE_COPYLEFT },
		{ "GFDL-*", LICENSE_COPYLEFT }, { "CERN-OHL-S-*", LICENSE_COPYLEFT }, { "LGPL-*", LICENSE_WEAK }, { "LGPLLR", LICENSE_WEAK }, { "MPL-*", LICENSE_WEAK }, { "EPL-*", LICENSE_WEAK }, { "CDDL-*", LICENSE_WEAK },
		{ "CPL-*", LICENSE_WEAK }, { "IPL-*", LICENSE_WEAK }, { "MS-RL", LICENSE_WEAK }, { "CECILL-C", LICENSE_WEAK }, { "APSL-*", LICENSE_WEAK }, { "OFL-*", LICENSE_WEAK }, { "CERN-OHL-W-*", LICENSE_WEAK },
		{ "SPL-1.0", LICENSE_WEAK }, { "Nokia", LICENSE_WEAK }, { "NPL-*", LICENSE_WEAK }, { "*-NC-*", LICENSE_RESTRICTED }, { "*-ND-*", LICENSE_RESTRICTED }, { "BUSL-*", LICENSE_RESTRICTED },
		{ "Elastic-*", LICENSE_RESTRICTED }, { "FSL-*", LICENSE_RESTRICTED }, { "PolyForm-*", LICENSE_RESTRICTED }, { "JSON", LICENSE_RESTRICTED }, { "Aladdin", LICENSE_RESTRICTED }, { "MIT*", LICENSE_PERMISSIVE },
		{ "X11*", LICENSE_PERMISSIVE }, { "BSD-*", LICENSE_PERMISSIVE }, { "0BSD", LICENSE_PERMISSIVE }, { "Apache-*", LICENSE_PERMISSIVE }, { "ISC", LICENSE_PERMISSIVE }, { "Zlib", LICENSE_PERMISSIVE },
		{ "zlib-acknowledgement", LICENSE_PERMISSIVE }, { "Libpng", LICENSE_PERMISSIVE }, { "libpng-*", LICENSE_PERMISSIVE }, { "PSF-*", LICENSE_PERMISSIVE }, { "Python-*", LICENSE_PERMISSIVE },
		{ "CNRI-Python*", LICENSE_PERMISSIVE }, { "BSL-1.0", LICENSE_PERMISSIVE }, { "Unlicense", LICENSE_PERMISSIVE }, { "CC0-1.0", LICENSE_PERMISSIVE }, { "CC-BY-[1234].*", LICENSE_PERMISSIVE },
		{ "CC-PDDC", LICENSE_PERMISSIVE }, { "WTFPL", LICENSE_PERMISSIVE }, { "Artistic-*", LICENSE_PERMISSIVE }, { "ClArtistic", LICENSE_PERMISSIVE }, { "OpenSSL", LICENSE_PERMISSIVE },
		{ "curl", LICENSE_PERMISSIVE }, { "PHP-*", LICENSE_PERMISSIVE }, { "PostgreSQL", LICENSE_PERMISSIVE }, { "Ruby", LICENSE_PERMISSIVE }, { "TCL", LICENSE_PERMISSIVE }, { "FTL", LICENSE_PERMISSIVE },
		{ "IJG", LICENSE_PERMISSIVE }, { "ICU", LICENSE_PERMISSIVE }, { "Unicode-*", LICENSE_PERMISSIVE }, { "NCSA", LICENSE_PERMISSIVE }, { "OLDAP-*", LICENSE_PERMISSIVE }, { "W3C*", LICENSE_PERMISSIVE },
		{ "AFL-*", LICENSE_PERMISSIVE }, { "BlueOak-*", LICENSE_PERMISSIVE }, { "UPL-*", LICENSE_PERMISSIVE }, { "Vim", LICENSE_PERMISSIVE }, { "bzip2-*", LICENSE_PERMISSIVE }, { "HPND*", LICENSE_PERMISSIVE },
		{ "NTP*", LICENSE_PERMISSIVE }, { "FSF*", LICENSE_PERMISSIVE }, { "SSH-*", LICENSE_PERMISSIVE }, { "Beerware", LICENSE_PERMISSIVE }, { "MS-PL", LICENSE_PERMISSIVE }, { "SMLNJ", LICENSE_PERMISSIVE },
		{ "TCP-wrappers", LICENSE_PERMISSIVE }, { "ZPL-*", LICENSE_PERMISSIVE }, { "Latex2e", LICENSE_PERMISSIVE }, { "SGI-B-2.0", LICENSE_PERMISSIVE }, { "blessing", LICENSE_PERMISSIVE }, { "Info-ZIP", LICENSE_PERMISSIVE },
		{ "MulanPSL-*", LICENSE_PERMISSIVE }, { "CECILL-B", LICENSE_PERMISSIVE }, { "ECL-*", LICENSE_PERMISSIVE }, { "Intel", LICENSE_PERMISSIVE }, { "Spencer-*", LICENSE_PERMISSIVE }, { "EDL-*", LICENSE_PERMISSIVE },
	};
	for (size_t i = 0; i < countof(families); i++)
		if (str_glob(str_of(families[i].pattern), id))
			return families[i].category == LICENSE_COPYLEFT && with_exception ? LICENSE_WEAK : families[i].category; /* exceptions let others link */
	return LICENSE_OTHER;
}

/* --- expressions --- */
struct parsed {
	u32 value;       /* less is better */
	struct str name; /* the licence that made it so */
	const char *by;
	bool unknown;
};
/* Tells what one licence ("GPL-2.0-only", "X WITH Y") is worth. */
typedef struct parsed judge(const void *ctx, struct str id, struct str exception);

struct evaluation {
	struct parsed value[LICENSE_DEPTH * 2 + 4];
	char op[LICENSE_DEPTH * 2 + 4]; /* '(' '|' '&' */
	u32 n, n_op;
};

static void reduce(struct evaluation *e)
{
	char op = e->op[--e->n_op];
	struct parsed b = e->value[--e->n], *a = &e->value[e->n - 1];
	if (op == '&' ? b.value > a->value : b.value < a->value)
		*a = b;
}

static struct str word_of(struct str *rest)
{
	size_t i = 0;
	*rest = str_trim(*rest);
	if (rest->n && (rest->p[0] == '(' || rest->p[0] == ')'))
		i = 1;
	else
		while (i < rest->n && rest->p[i] != ' ' && rest->p[i] != '(' && rest->p[i] != ')' && rest->p[i] != '\t' && rest->p[i] != '\n')
			i++;
	struct str w = str_head(*rest, i);
	*rest = str_from(*rest, i);
	return w;
}

/* Operators by their binding, "X WITH Y" as one name; no recursion. False: it is no expression. */
static bool evaluate(struct str s, judge *ask, const void *ctx, struct parsed *ret)
{
	struct evaluation e;
	bool name = false; /* a name stands before */
	e.n = e.n_op = 0;
	for (struct str w = word_of(&s); w.n; w = word_of(&s)) {
		bool and = str_is(w, "AND"), or = str_is(w, "OR");
		if (e.n_op + 2 >= countof(e.op) || e.n + 2 >= countof(e.value))
			return false;
		if (and || or) {
			if (!name)
				return false;
			while (e.n_op && (e.op[e.n_op - 1] == '&' || (or && e.op[e.n_op - 1] == '|')))
				reduce(&e);
			e.op[e.n_op++] = and ? '&' : '|';
			name = false;
		} else if (str_is(w, "(")) {
			if (name)
				return false;
			e.op[e.n_op++] = '(';
		} else if (str_is(w, ")")) {
			while (name && e.n_op && e.op[e.n_op - 1] != '(')
				reduce(&e);
			if (!name || !e.n_op)
				return false;
			e.n_op--;
		} else {
			struct str after = s, exception = { NULL, 0 };
			if (name || str_is(w, "WITH"))
				return false;
			if (str_is(word_of(&after), "WITH")) {
				exception = word_of(&after);
				if (!exception.n || strchr("()", exception.p[0]))
					return false;
				s = after;
			}
			e.value[e.n++] = ask(ctx, w, exception);
			name = true;
		}
	}
	while (name && e.n_op && e.op[e.n_op - 1] != '(')
		reduce(&e);
	if (!name || e.n_op || e.n != 1)
		return false;
	*ret = e.value[0];
	return true;
}

static struct parsed judge_category(const void *ctx, struct str id, struct str exception)
{
	(void)ctx;
	bool known = license_valid(id) || str_starts(id, STR("LicenseRef-"));
	struct str bare = str_head(id, id.n && id.p[id.n - 1] == '+' ? id.n - 1 : id.n);
	enum license_category c = known ? category_of(bare, exception.n != 0) : LICENSE_UNKNOWN;
	return (struct parsed){ .value = c, .name = id };
}

enum license_category license_category_of(struct str expression)
{
	struct parsed p;
	return expression.n && expression.n <= LICENSE_MAX && evaluate(expression, judge_category, NULL, &p) ? (enum license_category)p.value : LICENSE_UNKNOWN;
}

/* --- a policy's answer --- */
/* "GPL-2.0" is "GPL-2.0-only", "GPL-2.0+" and "GPL-2.0-only+" are "GPL-2.0-or-later"; of others '+' stays away. Into out. */
static struct str modern(struct str id, char out[128])
{
	bool plus = id.n && id.p[id.n - 1] == '+', gnu = !str_chr(id, ' ') && (str_starts(id, STR("GPL-")) || str_starts(id, STR("LGPL-")) || str_starts(id, STR("AGPL-")));
	id = str_head(id, id.n - plus);
	if (gnu && plus && str_ends(id, STR("-only")))
		id.n -= 5;
	bool bare = gnu && !str_ends(id, STR("-only")) && !str_ends(id, STR("-or-later"));
	int n = snprintf(out, 128, "%.*s%s", STR_FMT(str_head(id, 100)), bare ? plus ? "-or-later" : "-only" : "");
	return str_n(out, (size_t)n);
}

/* How well an entry names it: 3 by its name, 2 by a pattern, 1 by its category, 0 not at all. */
static int names(const char *pattern, struct str id, const char *category)
{
	char wanted[128];
	if (strcmp(pattern, category) == 0)
		return 1;
	if (strpbrk(pattern, "*?["))
		return str_glob(str_of(pattern), id) ? 2 : 0;
	return str_ieq(modern(str_of(pattern), wanted), id) ? 3 : 0;
}

static const struct license_entry *entry_of(const struct license_policy *p, struct str id, const char *category)
{
	const struct license_entry *best = NULL;
	int how = 0;
	for (u32 i = 0; i < p->n; i++) {
		int k = names(p->v[i].pattern, id, category);
		if (k > how || (k && k == how && p->v[i].verdict > best->verdict)) {
			best = &p->v[i];
			how = k;
		}
	}
	return best;
}

static struct parsed judge_policy(const void *ctx, struct str id, struct str exception)
{
	const struct license_policy *p = ctx;
	char text[128], both[300];
	struct str name = modern(id, text);
	struct parsed known = judge_category(NULL, id, exception), r = { .name = id };
	const char *category = license_category_text[known.value];
	const struct license_entry *e = NULL;
	if (exception.n) {
		snprintf(both, sizeof both, "%.*s WITH %.*s", STR_FMT(str_head(name, 120)), STR_FMT(str_head(exception, 120)));
		e = entry_of(p, str_of(both), "");
	}
	e = e ? e : entry_of(p, name, known.value == LICENSE_UNKNOWN ? "" : category);
	r.unknown = !e && known.value == LICENSE_UNKNOWN;
	r.value = e ? e->verdict : r.unknown ? p->unknown : p->other;
	r.by = e ? e->pattern : "";
	return r;
}

enum license_verdict license_policy_ask(const struct license_policy *p, struct str expression, struct str *which, const char **by, bool *unknown)
{
	struct parsed r = { .value = p->unknown, .name = expression, .by = "", .unknown = true };
	struct parsed whole;
	expression = str_trim(expression);
	if (expression.n && (expression.n > LICENSE_MAX || !evaluate(expression, judge_policy, p, &r))) { /* words: one name, that a policy may list all the same */
		const struct license_entry *e = entry_of(p, str_head(expression, 200), "");
		whole = (struct parsed){ .value = e ? e->verdict : p->unknown, .name = expression, .by = e ? e->pattern : "", .unknown = !e };
		r = whole;
	}
	*which = r.name;
	*by = r.by;
	*unknown = r.unknown;
	return (enum license_verdict)r.value;
}

/* --- packages --- */
static bool like(const char *pattern, const char *z)
{
	return !*pattern || strcmp(pattern, z) == 0 || (strpbrk(pattern, "*?[") && str_glob(str_of(pattern), str_of(z)));
}

static bool excepted(const struct license_policy *p, const struct package *k)
{
	for (u32 i = 0; i < p->n_except; i++)
		if (like(p->except[i].package, k->name) && like(p->except[i].version, k->version) && like(p->except[i].license, k->license))
			return true;
	return false;
}

static void judge_package(const struct license_policy *p, const struct packages *all, u32 i, struct scan *out)
{
	const struct package *k = &all->v[i];
	static const char *const says[] = { "allows", "warns of", "denies" };
	struct str which;
	const char *by;
	bool unknown;
	enum license_verdict v = license_policy_ask(p, str_of(k->license), &which, &by, &unknown);
	if (v == LICENSE_ALLOW || excepted(p, k))
		return;
	struct arena *a = &out->arena;
	struct scan_finding *f = scan_add(out, KIND_LICENSE, unknown ? "license-unknown" : v == LICENSE_DENY ? "license-denied" : "license-warned", v == LICENSE_DENY ? SEV_HIGH : unknown ? SEV_LOW : SEV_MEDIUM);
	f->package = arena_strdup(a, str_of(k->name));
	f->version = arena_strdup(a, str_of(k->version));
	f->purl = arena_strdup(a, str_of(k->purl));
	f->path = arena_strdup(a, str_of(k->path));
	f->layer = package_placed(k) ? (s32)k->layer : -1;
	f->package_index = (s32)i;
	f->match = arena_strdup(a, str_of(k->license));
	if (which.n && which.n < 100 && !str_chr(which, ' '))
		f->aliases = arena_strdup(a, which);
	f->title = !which.n ? arena_printf(a, "%s does not say what its licence is", k->name) : unknown ? arena_printf(a, "%s is under %.*s, which is no licence that is known", k->name, STR_FMT(str_head(which, 100))) :
		arena_printf(a, "%s is under %.*s, which the policy %s", k->name, STR_FMT(str_head(which, 100)), says[v]);
	f->reason = unknown ? arena_printf(a, "unknown: %s", v == LICENSE_DENY ? "deny" : "warn") : *by ? arena_printf(a, "%s: %s", v == LICENSE_DENY ? "deny" : "warn", by) : "no list of the policy names it";
	f->remedy = unknown ? "find out, and name it in the policy or among its exceptions" : "replace the package, or name it among the policy's exceptions";
}

void license_judge(const struct license_policy *p, const struct packages *k, struct scan *out)
{
	for (u32 i = 0; k && i < k->n; i++)
		judge_package(p, k, i, out);
}

/* --- how many of which --- */
struct tally {
	const char *license;
	u32 n;
	enum license_category category;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct tally *)a)->license, ((const struct tally *)b)->license);
}

static int by_number(const void *a, const void *b)
{
	static const u8 place[] = { [LICENSE_PERMISSIVE] = 0, [LICENSE_WEAK] = 1, [LICENSE_COPYLEFT] = 2, [LICENSE_NETWORK] = 3, [LICENSE_RESTRICTED] = 4, [LICENSE_OTHER] = 5, [LICENSE_UNKNOWN] = 6 };
	const struct tally *x = a, *y = b;
	if (x->category != y->category)
		return (int)place[x->category] - (int)place[y->category];
	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->license, y->license);
}

static void summarize(const struct tally *v, u32 n, struct scan *out)
{
	struct buf names = BUF(4 * KiB);
	struct scan_license *l = arena_alloc(&out->arena, LICENSE_CATEGORIES * sizeof *l);
	out->licenses = l;
	out->n_licenses = 0;
	for (u32 i = 0; i < n;) {
		struct scan_license *c = &l[out->n_licenses++];
		u32 k = i;
		*c = (struct scan_license){ .category = license_category_text[v[i].category] };
		buf_clear(&names);
		for (; k < n && v[k].category == v[i].category; k++) {
			c->packages += v[k].n;
			if (k < i + 6 && *v[k].license)
				buf_printf(&names, "%s%.*s (%u)", names.n ? ", " : "", STR_FMT(str_head(str_of(v[k].license), 80)), v[k].n);
		}
		c->names = arena_strdup(&out->arena, buf_str(&names));
		i = k;
	}
	buf_free(&names);
}

void license_count(const struct packages *p, struct scan *out)
{
	if (!p || !p->n)
		return;
	struct tally *v = xcalloc(p->n, sizeof *v);
	u32 n = 0;
	for (u32 i = 0; i < p->n; i++)
		v[i].license = p->v[i].license;
	qsort(v, p->n, sizeof *v, by_text);
	for (u32 i = 0; i < p->n; i++) {
		if (n && strcmp(v[n - 1].license, v[i].license) == 0)
			v[n - 1].n++;
		else
			v[n++] = (struct tally){ v[i].license, 1, license_category_of(str_of(v[i].license)) };
	}
	qsort(v, n, sizeof *v, by_number);
	summarize(v, n, out);
	free(v);
}
