/* CSAF 2.0 (https://docs.oasis-open.org/csaf/csaf/v2.0/): VEX documents and advisories of Red Hat and SUSE.
 *
 * A product status names products by id; a product of two parts is a relationship, which leads to the package (its purl) and to what it is a component of (a CPE),
 * sometimes over a module in between: "AppStream-8.6:httpd:2.4:8060…:httpd-0:2.4.37-47.x86_64". What one document says of the builds of one package for several
 * architectures becomes one record. */
#include "advisory/feed_job.h"
#include "base/hash.h"
#include "base/json.h"
#include "package/purl.h"

enum { HOPS = 4, CVSS_MAX = 8 };

struct product {
	struct str id, name, cpe, purl;
	struct str part, of; /* of a relationship: what is a component of what; empty for others */
	u32 next;            /* in its bucket: 1 + index */
};

struct tree {
	struct product *v;
	u32 n, cap;
	u32 *buckets, mask;
};

struct status { /* what one product status says of one product */
	struct str product; /* its id */
	struct str package, version, module, arch, cpe, ecosystem;
	enum fix_state state;
	struct str severity, reason, advisory;
	bool binary;
	u8 kind;  /* index into kinds */
	u32 next;
};

struct statuses {
	struct status *v;
	u32 n, cap;
	u32 *buckets, mask;
};

struct csaf {
	struct feed_job *j;
	const json_t *doc;
	struct str tracking, severity;
	bool advisory; /* the document is one: its id is what the records name */
	struct tree tree;
};

/* --- the product tree --- */
static void tree_add(struct tree *t, const struct product *p)
{
	if (p->id.n)
		VEC_PUSH(t->v, t->n, t->cap, *p);
}

static void add_product(struct tree *t, const json_t *p)
{
	const json_t *helper = json_obj(p, "product_identification_helper");
	tree_add(t, &(struct product){ .id = json_view(p, "product_id"), .name = json_view(p, "name"), .cpe = json_view(helper, "cpe"), .purl = json_view(helper, "purl") });
}

/* Branches in branches: json_read has bounded how deep. */
static void add_branches(struct tree *t, const json_t *top)
{
	struct {
		const json_t *list;
		size_t i;
	} stack[JSON_NESTED];
	u32 depth = 0;
	stack[depth++] = (__typeof__(stack[0])){ top, 0 };
	while (depth) {
		const json_t *b = json_array_get(stack[depth - 1].list, stack[depth - 1].i++);
		if (!b) {
			depth--;
			continue;
		}
		add_product(t, json_obj(b, "product"));
		const json_t *below = json_arr(b, "branches");
		if (below && depth < JSON_NESTED)
			stack[depth++] = (__typeof__(stack[0])){ below, 0 };
	}
}

static u32 *new_buckets(u32 n, u32 *mask)
{
	u32 size = 16;
	while (size < n)
		size *= 2;
	*mask = size - 1;
	return xcalloc(size, sizeof(u32));
}

static void read_tree(struct tree *t, const json_t *doc)
{
	const json_t *tree = json_obj(doc, "product_tree"), *list = json_arr(tree, "full_product_names");
	add_branches(t, json_arr(tree, "branches"));
	for (size_t i = 0; i < json_array_size(list); i++)
		add_product(t, json_array_get(list, i));
	list = json_arr(tree, "relationships");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i), *full = json_obj(r, "full_product_name");
		tree_add(t, &(struct product){ .id = json_view(full, "product_id"), .name = json_view(full, "name"), .part = json_view(r, "product_reference"),
			.of = json_view(r, "relates_to_product_reference") });
	}
	t->buckets = new_buckets(t->n, &t->mask);
	for (u32 i = t->n; i-- > 0;) { /* backwards: the first of a name is found first */
		u32 *b = &t->buckets[hash64(t->v[i].id, hash_seed) & t->mask];
		t->v[i].next = *b;
		*b = i + 1;
	}
}

static const struct product *find_product(const struct tree *t, struct str id)
{
	for (u32 k = t->buckets[hash64(id, hash_seed) & t->mask]; k; k = t->v[k - 1].next)
		if (str_eq(t->v[k - 1].id, id))
			return &t->v[k - 1];
	return NULL;
}

/* --- what a product is --- */
/* "httpd:2.4" of "httpd:2.4:8060020…:ab12". */
static struct str module_of(struct str label)
{
	struct str rest = label, name = str_cut(&rest, ':');
	if (!rest.p)
		return str_n("", 0);
	struct str stream = str_cut(&rest, ':');
	return name.n && stream.n ? str_head(label, name.n + 1 + stream.n) : str_n("", 0);
}

/* "libfoo-1.2-3.1.x86_64": the two last dashes and the last dot. */
static bool split_nevra(struct str text, struct status *s)
{
	static const char *const arches[] = { "noarch", "x86_64", "i586", "i686", "aarch64", "aarch64_ilp32", "armv7hl", "ppc64le", "ppc64", "s390x", "s390", "ia64", "riscv64",
		"src", "nosrc", NULL };
	size_t dot = text.n, dashes[2] = { 0, 0 };
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '.')
			dot = i;
	if (dot < text.n && str_listed(str_from(text, dot + 1), arches)) {
		s->arch = str_from(text, dot + 1);
		text.n = dot;
	}
	for (size_t i = 1; i < text.n; i++)
		if (text.p[i] == '-') {
			dashes[0] = dashes[1];
			dashes[1] = i;
		}
	if (!dashes[0])
		return false;
	s->package = str_head(text, dashes[0]);
	s->version = str_from(text, dashes[0] + 1);
	return true;
}

static struct str qualifier(struct str purl, struct str name)
{
	struct str rest = purl;
	str_cut(&rest, '?');
	while (rest.p) {
		struct str pair = str_cut(&rest, '&'), value = pair;
		if (str_eq(str_cut(&value, '='), name) && value.p)
			return value;
	}
	return str_n("", 0);
}

static bool read_purl(struct feed_job *j, struct str text, struct status *s)
{
	struct purl u;
	if (!text.n || purl_parse(&j->arena, text, &u) < 0)
		return false;
	s->package = str_of(u.name);
	s->version = str_of(u.version);
	s->arch = str_of(u.arch);
	if (u.module[0])
		s->module = module_of(str_of(u.module));
	if (strcmp(u.type, "oci") == 0) { /* an image: its repository, and the tag that has the fix */
		struct str repository = qualifier(text, STR("repository_url"));
		const char *slash = str_chr(repository, '/');
		if (u.name_space[0])
			s->package = str_of(arena_printf(&j->arena, "%s/%s", u.name_space, u.name));
		else if (slash)
			s->package = str_from(repository, (size_t)(slash - repository.p) + 1);
		s->version = qualifier(text, STR("tag"));
		return true;
	}
	if (strcmp(u.type, "rpm") != 0)
		return false;
	if (u.epoch[0] && strcmp(u.epoch, "0") != 0 && s->version.n)
		s->version = str_of(arena_printf(&j->arena, "%s:%s", u.epoch, u.version));
	return true;
}

/* "SUSE Linux Enterprise Server 15 SP3" → "SUSE:Linux Enterprise Server 15 SP3", "openSUSE Leap 15.5" → "openSUSE:Leap 15.5". Else Red Hat's: its releases are CPEs. */
static struct str ecosystem_of(struct feed_job *j, const struct product *platform)
{
	struct str rest = platform->name, first = str_cut(&rest, ' ');
	if (rest.p && (str_is(first, "SUSE") || str_is(first, "openSUSE")))
		return str_of(arena_printf(&j->arena, "%.*s:%.*s", STR_FMT(first), STR_FMT(rest)));
	return STR("Red Hat");
}

/* What stands between a package and its platform is a module, by its purl or by a name like its label; or an image, which tells nothing. */
static void take_module(struct feed_job *j, const struct product *p, struct status *s)
{
	struct purl u;
	if (p->purl.n) {
		if (purl_parse(&j->arena, p->purl, &u) == 0 && strcmp(u.type, "rpmmod") == 0)
			s->module = module_of(str_of(arena_printf(&j->arena, "%s:%s", u.name, u.version)));
	} else if (!str_chr(p->name, '@') && !str_chr(p->name, '/')) {
		s->module = module_of(p->name);
	}
}

/* "nodejs:18/nodejs-docs": a component of a module that has no fix. */
static void split_module(struct str name, struct status *s)
{
	const char *slash = str_chr(name, '/'), *colon = str_chr(name, ':');
	if (!slash || !colon || colon > slash || str_chr(name, '@'))
		return;
	s->module = module_of(str_head(name, (size_t)(slash - name.p)));
	s->package = str_from(name, (size_t)(slash - name.p) + 1);
}

/* Follows the relationships of a product to its package and its platform. False when it has none: middleware that is no package. */
static bool resolve(struct csaf *c, struct str id, struct status *s)
{
	const struct product *p = find_product(&c->tree, id), *package, *platform = NULL;
	if (!p || !p->of.n)
		return false;
	package = find_product(&c->tree, p->part);
	for (int i = 0; i < HOPS && package && package->of.n; i++) /* the part itself may be a part of a module */
		package = find_product(&c->tree, package->part);
	for (int i = 0; i < HOPS; i++) {
		platform = find_product(&c->tree, p->of);
		if (!platform || !platform->of.n)
			break;
		const struct product *between = find_product(&c->tree, platform->part);
		if (between)
			take_module(c->j, between, s);
		p = platform;
	}
	if (!package || !platform || platform->of.n)
		return false;
	s->cpe = platform->cpe;
	s->ecosystem = ecosystem_of(c->j, platform);
	if (package->purl.n ? !read_purl(c->j, package->purl, s) : !split_nevra(package->name, s)) {
		if (package->purl.n || !package->name.n)
			return false; /* of another kind: maven, generic … */
		s->package = package->name;
	}
	if (!s->module.n)
		split_module(package->name, s);
	s->binary = !str_is(s->arch, "src") && !str_is(s->arch, "nosrc");
	return s->package.n != 0;
}

/* --- what is said of it --- */
static const struct {
	const char *name;
	enum fix_state state;
} kinds[] = {
	{ "fixed", FIX_FIXED },
	{ "first_fixed", FIX_FIXED },
	{ "recommended", FIX_FIXED },
	{ "known_affected", FIX_AFFECTED },
	{ "first_affected", FIX_AFFECTED },
	{ "last_affected", FIX_AFFECTED },
	{ "under_investigation", FIX_UNDER_INVESTIGATION },
	{ "known_not_affected", FIX_NOT_AFFECTED },
};

static u32 *status_bucket(const struct statuses *s, struct str product) { return &s->buckets[hash64(product, hash_seed) & s->mask]; }

/* The same of the same product twice is once: else what is said of a product would be told to any number of entries. */
static void add_status(struct csaf *c, struct statuses *out, struct str product, u8 kind)
{
	u32 *b = status_bucket(out, product);
	for (u32 k = *b; k; k = out->v[k - 1].next)
		if (out->v[k - 1].kind == kind && str_eq(out->v[k - 1].product, product))
			return;
	struct status s = { .product = product, .kind = kind, .state = kinds[kind].state, .next = *b };
	if (!product.n || !resolve(c, product, &s)) {
		c->j->passed++;
		return;
	}
	VEC_PUSH(out->v, out->n, out->cap, s);
	*b = out->n;
}

static void read_statuses(struct csaf *c, const json_t *vuln, struct statuses *out)
{
	const json_t *all = json_obj(vuln, "product_status");
	size_t n = 0;
	for (size_t k = 0; k < countof(kinds); k++)
		n += json_array_size(json_arr(all, kinds[k].name));
	out->buckets = new_buckets((u32)MIN(n, (size_t)FEED_DOCUMENT), &out->mask);
	for (size_t k = 0; k < countof(kinds); k++) {
		const json_t *list = json_arr(all, kinds[k].name);
		for (size_t i = 0; i < json_array_size(list); i++) {
			const json_t *v = json_array_get(list, i);
			add_status(c, out, str_n(json_string_value(v), json_string_length(v)), (u8)k);
		}
	}
}

/* Calls f with the status of each product that `list` names. */
static void each_status(struct statuses *s, const json_t *list, void (*f)(struct status *s, const json_t *said), const json_t *said)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		struct str id = str_n(json_string_value(v), json_string_length(v));
		for (u32 k = *status_bucket(s, id); k; k = s->v[k - 1].next)
			if (str_eq(s->v[k - 1].product, id))
				f(&s->v[k - 1], said);
	}
}

/* "RHSA-2023:5763" of ".../errata/RHSA-2023:5763". */
static struct str advisory_of(struct str url)
{
	struct str base = str_base(url);
	return base.n > 5 && base.n < 64 && base.p[0] >= 'A' && base.p[0] <= 'Z' && str_chr(base, '-') ? base : str_n("", 0);
}

static void take_remediation(struct status *s, const json_t *said)
{
	struct str category = json_view(said, "category"), details = json_view(said, "details");
	if (s->state == FIX_FIXED) {
		if (str_is(category, "vendor_fix") && !s->advisory.n)
			s->advisory = advisory_of(json_view(said, "url"));
		return;
	}
	if (s->state != FIX_AFFECTED || s->reason.n)
		return;
	bool none = str_is(category, "none_available"), never = str_is(category, "no_fix_planned");
	if (!none && !never)
		return; /* a workaround; a fix for other builds */
	s->reason = feed_cut(details, FEED_TITLE);
	if (str_ieq(details, STR("Out of support scope")))
		s->state = FIX_END_OF_LIFE;
	else if (never)
		s->state = FIX_WILL_NOT_FIX;
	else if (str_ieq(details, STR("Fix deferred")))
		s->state = FIX_DEFERRED;
	else if (str_ieq(details, STR("Under investigation")))
		s->state = FIX_UNDER_INVESTIGATION;
}

static void take_threat(struct status *s, const json_t *said)
{
	if (!s->severity.n)
		s->severity = json_view(said, "details");
}

static void take_flag(struct status *s, const json_t *said)
{
	if (s->state == FIX_NOT_AFFECTED && !s->reason.n)
		s->reason = json_view(said, "label");
}

static void read_said(const json_t *vuln, struct statuses *s)
{
	const json_t *list = json_arr(vuln, "remediations");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *r = json_array_get(list, i);
		each_status(s, json_arr(r, "product_ids"), take_remediation, r);
	}
	list = json_arr(vuln, "threats");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *t = json_array_get(list, i);
		if (str_is(json_view(t, "category"), "impact"))
			each_status(s, json_arr(t, "product_ids"), take_threat, t);
	}
	list = json_arr(vuln, "flags");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *f = json_array_get(list, i);
		each_status(s, json_arr(f, "product_ids"), take_flag, f);
	}
}

/* --- records --- */
static int by_record(const void *pa, const void *pb)
{
	const struct status *a = pa, *b = pb;
	int r = str_cmp(a->ecosystem, b->ecosystem);
	r = r ? r : str_cmp(a->cpe, b->cpe);
	r = r ? r : str_cmp(a->package, b->package);
	r = r ? r : str_cmp(a->module, b->module);
	r = r ? r : str_cmp(a->version, b->version);
	r = r ? r : (int)a->state - (int)b->state;
	r = r ? r : (int)a->binary - (int)b->binary;
	r = r ? r : str_cmp(a->reason, b->reason);
	r = r ? r : str_cmp(a->severity, b->severity);
	r = r ? r : str_cmp(a->advisory, b->advisory);
	return r;
}

/* What is not affected matters where somebody would ask: of the distribution itself. Which build was looked at does not. */
static bool worth(struct status *s)
{
	if (s->state == FIX_FIXED)
		return s->version.n != 0;
	s->version.n = 0;
	s->arch.n = 0;
	return s->state != FIX_NOT_AFFECTED || !str_is(s->ecosystem, "Red Hat") || str_find(s->cpe, STR(":enterprise_linux:")) || str_find(s->cpe, STR(":rhel_"));
}

static int add_records(struct csaf *c, struct str id, struct statuses *s, struct error *err)
{
	u32 n = 0;
	for (u32 i = 0; i < s->n; i++)
		if (worth(&s->v[i]))
			s->v[n++] = s->v[i];
	if (n)
		qsort(s->v, n, sizeof *s->v, by_record);
	for (u32 i = 0, end; i < n; i = end) {
		struct status *a = &s->v[i];
		struct feed_list arches = { 0 };
		for (end = i; end < n && by_record(a, &s->v[end]) == 0; end++)
			if (s->v[end].arch.n)
				feed_push_once(c->j, &arches, s->v[end].arch);
		const struct db_record r = {
			.id = id, .ecosystem = a->ecosystem, .package = a->package, .fixed = a->version, .state = a->state, .reason = a->reason, .module = a->module, .cpe = a->cpe,
			.severity = a->severity.n ? a->severity : c->severity, .advisory = a->advisory.n ? a->advisory : c->advisory ? c->tracking : STR(""),
			.arches = feed_join(c->j, &arches), .binary = a->binary,
		};
		if (feed_record(c->j, &r, err) < 0)
			return -1;
	}
	return 0;
}

static struct str note(const json_t *list, const char *category)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_is(json_view(json_array_get(list, i), "category"), category))
			return json_view(json_array_get(list, i), "text");
	return str_n("", 0);
}

static int add_vuln(struct csaf *c, struct str id, const json_t *vuln, struct error *err)
{
	static const char *const scores[] = { "cvss_v4", "cvss_v3", "cvss_v2" };
	struct feed_list references = { 0 };
	struct db_cvss cvss[CVSS_MAX];
	const json_t *document = json_obj(c->doc, "document"), *list = json_arr(vuln, "scores");
	struct str title = json_view(vuln, "title"), cwe = json_view(json_obj(vuln, "cwe"), "id");
	struct db_vuln v = { .id = id, .severity = c->severity, .cvss = cvss, .cwes = &cwe, .n_cwes = cwe.n != 0 };
	v.title = feed_cut(str_trim(title.n ? title : json_view(document, "title")), FEED_TITLE);
	v.description = feed_cut(note(json_arr(vuln, "notes"), "description"), FEED_DESCRIPTION);
	v.published = feed_date(json_view(vuln, "release_date"));
	v.modified = feed_date(json_view(json_obj(document, "tracking"), "current_release_date"));
	struct str source = str_find(json_view(json_obj(document, "publisher"), "namespace"), STR("suse")) ? STR("suse") : STR("redhat");
	for (size_t i = 0; i < json_array_size(list); i++)
		for (size_t k = 0; k < countof(scores); k++) {
			const json_t *s = json_obj(json_array_get(list, i), scores[k]);
			struct str vector = json_view(s, "vectorString");
			bool seen = !vector.n || v.n_cvss == CVSS_MAX;
			for (u32 m = 0; m < v.n_cvss; m++)
				seen |= str_eq(cvss[m].vector, vector);
			if (!seen)
				cvss[v.n_cvss++] = (struct db_cvss){ source, json_view(s, "version"), vector, feed_score(json_object_get(s, "baseScore")) };
		}
	list = json_arr(vuln, "references");
	for (size_t i = 0; i < json_array_size(list) && references.n < FEED_REFERENCES; i++)
		if (json_view(json_array_get(list, i), "url").n)
			feed_push_once(c->j, &references, json_view(json_array_get(list, i), "url"));
	v.references = references.v, v.n_references = references.n;
	return feed_vuln(c->j, &v, err);
}

static int one_vulnerability(struct csaf *c, const json_t *vuln, struct error *err)
{
	struct statuses s = { 0 };
	struct str id = json_view(vuln, "cve");
	if (!id.n)
		id = c->tracking;
	read_statuses(c, vuln, &s);
	read_said(vuln, &s);
	int r = add_vuln(c, id, vuln, err);
	if (r == 0)
		r = add_records(c, id, &s, err);
	free(s.v);
	free(s.buckets);
	return r;
}

int feed_csaf_document(struct feed_job *j, const char *name, json_t *doc, struct error *err)
{
	const json_t *document = json_obj(doc, "document"), *tracking = json_obj(document, "tracking"), *list = json_arr(doc, "vulnerabilities");
	struct csaf c = { .j = j, .doc = doc, .tracking = json_view(tracking, "id"), .severity = json_view(json_obj(document, "aggregate_severity"), "text") };
	if (!c.tracking.n)
		return error_set(err, ERR_INPUT, "%s: no CSAF document: it has no tracking id", name);
	feed_newest(j, json_view(tracking, "current_release_date"));
	if (str_is(json_view(tracking, "status"), "deleted")) {
		j->passed++;
		return 0;
	}
	c.advisory = !str_is(json_view(document, "category"), "csaf_vex");
	if (!c.severity.p)
		c.severity = str_n("", 0);
	read_tree(&c.tree, doc);
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		r = one_vulnerability(&c, json_array_get(list, i), err);
	free(c.tree.v);
	free(c.tree.buckets);
	return r;
}

int feed_redhat(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	json_t *doc;
	if (feed_json(j, name, s, &doc, err) < 0)
		return -1;
	int r = json_object_get(doc, "document") ? feed_csaf_document(j, name, doc, err) : feed_osv_document(j, name, doc, err);
	json_decref(doc);
	return r;
}

static int import(const char *path, struct db_writer *w, struct error *err) { return feed_run("redhat-csaf-vex", path, ".json", feed_redhat, w, err); }

const struct feed feed_kind_redhat = {
	"redhat-csaf-vex",
	"Red Hat's VEX documents, CSAF 2.0: a file a CVE (Red Hat)",
	"https://security.access.redhat.com/data/csaf/v2/vex/",
	import,
};
