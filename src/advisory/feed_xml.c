/* OVAL definitions (Oracle, SUSE) and updateinfo (Amazon), read with expat as they come: one definition or update at a time.
 *
 * An OVAL definition is a tree of criteria whose leaves are sentences: "Oracle Linux 8 is installed", "Oracle Linux arch is x86_64", "Module nodejs:18 is enabled",
 * "curl is earlier than 0:7.61.1-14.el8", "libcurl4-7.66.0-4.27.1 is installed". A sentence about a package holds under what its branch and those above it say of
 * release, architecture and module. */
#include "advisory/feed_job.h"
#include <expat.h>

#define XML_TEXT ((size_t)(64 * KiB))
enum { XML_DEPTH = 64, LIST_MAX = 4096, ARCHES_MAX = 64, NODES_MAX = 1 << 16, LEAVES_MAX = 1 << 17 };
#define XML_RECORDS ((u32)1 << 20) /* of one definition */

struct node { /* criteria */
	u32 up;
	bool either; /* OR */
	struct feed_list platforms;
	struct str arch, module;
};

struct leaf {
	u32 node;
	struct str package, version, arch;
	enum fix_state state;
};

struct xml {
	struct feed_job *j;
	const char *name;
	XML_Parser p;
	struct error *err;
	int failed;
	u32 depth;
	bool inside;           /* a definition or an update */
	bool sought;           /* any of them was there */
	struct buf text;
	/* of the one at hand, in the job's arena */
	struct str id, title, description, severity, issued, updated, kind;
	struct feed_list cves, advisories, references;
	struct node *nodes;
	struct leaf *leaves;
	u32 n_nodes, cap_nodes, n_leaves, cap_leaves, at;
};

static struct str keep(struct xml *x, struct str s) { return str_n(arena_bytes(&x->j->arena, s), s.n); }

static void fail(struct xml *x, const char *what)
{
	if (!x->failed)
		x->failed = error_set(x->err, ERR_INPUT, "%s: line %lu: %s", x->name, (unsigned long)XML_GetCurrentLineNumber(x->p), what);
	XML_StopParser(x->p, XML_FALSE);
}

static const char *attribute(const char **v, const char *name)
{
	for (; *v; v += 2)
		if (strcmp(*v, name) == 0)
			return v[1];
	return "";
}

/* --- sentences --- */
static bool cut_before(struct str *s, struct str words, struct str *behind)
{
	const char *at = str_find(*s, words);
	if (!at)
		return false;
	*behind = str_from(*s, (size_t)(at - s->p) + words.n);
	s->n = (size_t)(at - s->p);
	return true;
}

static bool is_platform(struct str s)
{
	static const char *const makers[] = { "Oracle Linux ", "SUSE ", "openSUSE ", "Red Hat Enterprise Linux ", "Amazon Linux " };
	for (size_t i = 0; i < countof(makers); i++)
		if (str_starts(s, str_of(makers[i])))
			return true;
	return false;
}

/* "Oracle Linux 8" → "Oracle Linux:8", "SUSE Linux Enterprise Server 15 SP3" → "SUSE:Linux Enterprise Server 15 SP3", "openSUSE Leap 15.5" → "openSUSE:Leap 15.5". */
static struct str platform(struct xml *x, struct str s)
{
	char *v = arena_bytes(&x->j->arena, s);
	size_t at = str_starts(s, STR("Oracle Linux ")) ? 12 : str_starts(s, STR("Amazon Linux ")) ? 12 : str_starts(s, STR("openSUSE ")) ? 8 : str_starts(s, STR("SUSE ")) ? 4 : 0;
	if (at)
		v[at] = ':';
	return str_n(v, s.n);
}

static void add_leaf(struct xml *x, struct str package, struct str version, struct str arch, enum fix_state state)
{
	if (x->n_leaves == LEAVES_MAX) {
		fail(x, "too many packages in one definition");
		return;
	}
	const struct leaf l = { x->at, keep(x, package), keep(x, version), arch, state };
	VEC_PUSH(x->leaves, x->n_leaves, x->cap_leaves, l);
}

/* "libcurl4-7.66.0-4.27.1", "kernel-default 4.12.14-150.66.1" */
static void installed(struct xml *x, struct str s)
{
	size_t at[2] = { 0, 0 }; /* of the last two dashes */
	const char *blank = str_chr(s, ' ');
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == '-') {
			at[0] = at[1];
			at[1] = i;
		}
	if (blank)
		at[0] = (size_t)(blank - s.p);
	if (at[0])
		add_leaf(x, str_head(s, at[0]), str_from(s, at[0] + 1), STR(""), FIX_FIXED);
}

static void sentence(struct xml *x, struct str s)
{
	struct node *n = &x->nodes[x->at];
	struct str behind;
	s = str_trim(s);
	if (cut_before(&s, STR(" is earlier than "), &behind) || cut_before(&s, STR(" less than "), &behind)) {
		behind = str_trim(behind);
		if (str_is(behind, "0"))
			x->j->passed++; /* no version is */
		else
			add_leaf(x, s, str_cut(&behind, ' '), STR(""), FIX_FIXED);
	} else if (cut_before(&s, STR(" arch is "), &behind)) {
		n->arch = keep(x, str_trim(behind));
	} else if (str_starts(s, STR("Module ")) && cut_before(&s, STR(" is enabled"), &behind)) {
		n->module = keep(x, str_from(s, 7));
	} else if (cut_before(&s, STR(" is not affected"), &behind)) {
		add_leaf(x, s, STR(""), STR(""), FIX_NOT_AFFECTED);
	} else if (cut_before(&s, STR(" is affected"), &behind)) {
		add_leaf(x, s, STR(""), STR(""), FIX_AFFECTED);
	} else if (cut_before(&s, STR(" is installed"), &behind)) {
		if (is_platform(s)) { /* one of several: they speak for what stands beside them */
			struct feed_list *l = &x->nodes[n->either && x->at ? n->up : x->at].platforms;
			if (l->n < LIST_MAX)
				feed_push_once(x->j, l, platform(x, s));
			else
				fail(x, "too many releases in one definition");
			return;
		}
		installed(x, s);
	}
}

/* --- elements --- */
static void push_node(struct xml *x, const char **attributes)
{
	if (x->n_nodes == NODES_MAX) {
		fail(x, "too many criteria in one definition");
		return;
	}
	const struct node n = { .up = x->n_nodes ? x->at : 0, .either = strcmp(attribute(attributes, "operator"), "OR") == 0 };
	VEC_PUSH(x->nodes, x->n_nodes, x->cap_nodes, n);
	x->at = x->n_nodes - 1;
}

static bool is_advisory(struct str s)
{
	static const char *const makers[] = { "ELSA-", "ELBA-", "SUSE-", "openSUSE-", "RHSA-", "RHBA-", "ALAS" };
	for (size_t i = 0; i < countof(makers); i++)
		if (str_starts(s, str_of(makers[i])))
			return true;
	return false;
}

/* "CVE-2021-1234", "CVE-2021-1234 at NVD", "ELSA-2020-3916: curl security update". */
static void take_id(struct xml *x, struct str s)
{
	struct str rest = str_trim(s), word = str_cut(&rest, ' ');
	if (word.n && word.p[word.n - 1] == ':')
		word.n--;
	if (x->cves.n == LIST_MAX || x->advisories.n == LIST_MAX)
		fail(x, "too many CVEs in one definition");
	else if (feed_is_cve(word))
		feed_push_once(x->j, &x->cves, keep(x, word));
	else if (is_advisory(word))
		feed_push_once(x->j, &x->advisories, keep(x, word));
}

static void begin(struct xml *x, const char **attributes)
{
	arena_free(&x->j->arena);
	x->inside = x->sought = true;
	x->id = x->title = x->description = x->severity = x->issued = x->updated = str_n("", 0);
	x->cves = x->advisories = x->references = (struct feed_list){ 0 };
	x->n_nodes = x->n_leaves = x->at = 0;
	const char *class = attribute(attributes, "class");
	x->kind = keep(x, str_of(class[0] ? class : attribute(attributes, "type")));
}

static void take_package(struct xml *x, const char **a)
{
	struct str arch = str_of(attribute(a, "arch")), epoch = str_of(attribute(a, "epoch")), package = str_of(attribute(a, "name"));
	if (!package.n || str_is(arch, "src"))
		return;
	bool has = epoch.n && !str_is(epoch, "0");
	struct str version = str_of(arena_printf(&x->j->arena, "%s%s%s-%s", has ? epoch.p : "", has ? ":" : "", attribute(a, "version"), attribute(a, "release")));
	add_leaf(x, package, version, keep(x, arch), FIX_FIXED);
}

static const char *local(const char *name)
{
	const char *colon = strchr(name, ':');
	return colon ? colon + 1 : name;
}

static void XMLCALL on_start(void *ctx, const char *full, const char **a)
{
	struct xml *x = ctx;
	const char *name = local(full);
	if (++x->depth > XML_DEPTH) {
		fail(x, "nested too deep");
		return;
	}
	buf_clear(&x->text);
	if (!x->inside) {
		if (strcmp(name, "definition") == 0 || strcmp(name, "update") == 0)
			begin(x, a);
	} else if (strcmp(name, "criteria") == 0) {
		push_node(x, a);
	} else if (strcmp(name, "criterion") == 0) {
		if (!x->n_nodes)
			push_node(x, (const char *[]){ NULL });
		if (!x->failed && strcmp(attribute(a, "negate"), "true") != 0)
			sentence(x, str_of(attribute(a, "comment")));
	} else if (strcmp(name, "reference") == 0) {
		const char *id = attribute(a, "ref_id"), *url = attribute(a, "ref_url"), *href = attribute(a, "href");
		take_id(x, str_of(id[0] ? id : attribute(a, "id")));
		url = url[0] ? url : href;
		if (url[0] && x->references.n < FEED_REFERENCES)
			feed_push_once(x->j, &x->references, keep(x, str_of(url)));
	} else if (strcmp(name, "issued") == 0) {
		x->issued = keep(x, feed_date(str_of(attribute(a, "date"))));
	} else if (strcmp(name, "updated") == 0) {
		x->updated = keep(x, feed_date(str_of(attribute(a, "date"))));
	} else if (strcmp(name, "package") == 0) {
		take_package(x, a);
	}
}

/* --- records --- */
static int by_leaf(const void *pa, const void *pb)
{
	const struct leaf *a = pa, *b = pb;
	int r = str_cmp(a->package, b->package);
	r = r ? r : str_cmp(a->version, b->version);
	r = r ? r : (int)a->state - (int)b->state;
	r = r ? r : a->node < b->node ? -1 : a->node > b->node;
	return r;
}

/* ALAS2023-…, ALAS2-…, ALAS2LIVEPATCH-…, ALAS-…: the release is in the id. */
static struct str amazon_release(struct xml *x)
{
	struct str rest = x->id;
	if (!str_starts(rest, STR("ALAS")))
		return str_n("", 0);
	size_t n = 4;
	while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
		n++;
	struct str number = str_n(rest.p + 4, n - 4);
	return str_of(arena_printf(&x->j->arena, "Amazon Linux:%.*s", STR_FMT(number.n ? number : STR("1"))));
}

/* What the criteria above a leaf say: the nearest that says something. */
static const struct feed_list *platforms_of(const struct xml *x, u32 node)
{
	for (;; node = x->nodes[node].up)
		if (x->nodes[node].platforms.n || node == 0)
			return &x->nodes[node].platforms;
}

static void branch_of(const struct xml *x, u32 node, struct str *arch, struct str *module)
{
	for (;; node = x->nodes[node].up) {
		if (!arch->n)
			*arch = x->nodes[node].arch;
		if (!module->n)
			*module = x->nodes[node].module;
		if (node == 0)
			return;
	}
}

struct writing {
	struct db_record r;
	struct feed_list ids;
	u32 records;
};

static int put(struct xml *x, struct writing *w, struct str ecosystem)
{
	w->r.ecosystem = ecosystem;
	for (u32 i = 0; i < w->ids.n; i++) {
		if (++w->records > XML_RECORDS)
			return error_set(x->err, ERR_INPUT, "%s: over %u packages and CVEs in one definition", x->name, XML_RECORDS);
		w->r.id = w->ids.v[i];
		if (feed_record(x->j, &w->r, x->err) < 0)
			return -1;
	}
	return 0;
}

/* Leaves that differ in their architecture alone are one record. */
static int put_leaves(struct xml *x, struct writing *w)
{
	struct str amazon = amazon_release(x);
	const struct feed_list own = { &amazon, 1, 1 };
	if (x->n_leaves)
		qsort(x->leaves, x->n_leaves, sizeof *x->leaves, by_leaf);
	for (u32 i = 0, end; i < x->n_leaves; i = end) {
		const struct leaf *l = &x->leaves[i];
		const struct feed_list *platforms = x->n_nodes ? platforms_of(x, l->node) : amazon.n ? &own : &(struct feed_list){ 0 };
		struct feed_list arches = { 0 };
		struct str module = { "", 0 };
		for (end = i; end < x->n_leaves; end++) {
			const struct leaf *o = &x->leaves[end];
			struct str arch = o->arch, other = { "", 0 };
			if (x->n_nodes)
				branch_of(x, o->node, &arch, &other);
			if (end > i && (!str_eq(o->package, l->package) || !str_eq(o->version, l->version) || o->state != l->state || !str_eq(other, module) ||
			                (x->n_nodes && platforms_of(x, o->node) != platforms)))
				break;
			module = other;
			if (arch.n && arches.n == ARCHES_MAX)
				return error_set(x->err, ERR_INPUT, "%s: over %d architectures in one definition", x->name, ARCHES_MAX);
			if (arch.n)
				feed_push_once(x->j, &arches, arch);
		}
		w->r.package = l->package;
		w->r.fixed = l->version;
		w->r.state = l->state;
		w->r.module = module;
		w->r.arches = feed_join(x->j, &arches);
		if (!platforms->n)
			x->j->passed++;
		for (u32 k = 0; k < platforms->n; k++)
			if (put(x, w, platforms->v[k]) < 0)
				return -1;
	}
	return 0;
}

static int finish(struct xml *x)
{
	static const char *const security[] = { "security", "patch", "vulnerability", NULL };
	take_id(x, x->id);
	take_id(x, x->title);
	struct writing w = { .r = { .severity = x->severity, .advisory = feed_join(x->j, &x->advisories), .binary = true }, .ids = x->cves };
	feed_newest(x->j, x->issued);
	feed_newest(x->j, x->updated);
	if (str_is(x->kind, "vulnerability") && feed_is_cve(str_trim(x->title))) /* what it refers to besides is not what it is about */
		w.ids = (struct feed_list){ &x->title, 1, 1 };
	struct str about = w.ids.n == 1 ? w.ids.v[0] : w.r.advisory;
	if (!w.ids.n && w.r.advisory.n && str_listed(x->kind, security) && !str_find(w.r.advisory, STR("BA-")))
		w.ids = (struct feed_list){ &w.r.advisory, 1, 1 };
	if (!w.ids.n) {
		x->j->passed++; /* a bug fix, an inventory */
		return 0;
	}
	const struct db_vuln v = {
		.id = about, .title = feed_cut(x->title, FEED_TITLE), .description = feed_cut(x->description, FEED_DESCRIPTION), .published = x->issued, .modified = x->updated,
		.severity = x->severity, .references = x->references.v, .n_references = x->references.n,
	};
	if (about.n && feed_vuln(x->j, &v, x->err) < 0)
		return -1;
	return put_leaves(x, &w);
}

static void XMLCALL on_end(void *ctx, const char *full)
{
	struct xml *x = ctx;
	const char *name = local(full);
	x->depth--;
	if (x->failed || !x->inside)
		return;
	struct str text = str_trim(buf_str(&x->text));
	if (strcmp(name, "definition") == 0 || strcmp(name, "update") == 0) {
		x->inside = false;
		if (finish(x) < 0) {
			x->failed = -1;
			XML_StopParser(x->p, XML_FALSE);
		}
	} else if (strcmp(name, "criteria") == 0) {
		x->at = x->n_nodes ? x->nodes[x->at].up : 0;
	} else if (strcmp(name, "id") == 0) {
		x->id = keep(x, text);
	} else if (strcmp(name, "title") == 0) {
		x->title = keep(x, text);
	} else if (strcmp(name, "description") == 0) {
		x->description = keep(x, text);
	} else if (strcmp(name, "severity") == 0) {
		x->severity = keep(x, text);
	} else if (strcmp(name, "cve") == 0) {
		take_id(x, text);
	}
	buf_clear(&x->text);
}

static void XMLCALL on_text(void *ctx, const char *s, int n)
{
	struct xml *x = ctx;
	if (x->inside && n > 0)
		buf_add(&x->text, str_n(s, (size_t)n)); /* more than XML_TEXT: the rest is left out */
}

/* No feed has one; what entities can do is not worth having. */
static void XMLCALL on_doctype(void *ctx, const char *name, const char *system, const char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	fail(ctx, "a document type, which no feed has");
}

int feed_xml(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	struct error own = { 0 };
	struct xml x = { .j = j, .name = name, .err = &own, .text = BUF(XML_TEXT), .p = XML_ParserCreate(NULL) };
	if (!x.p)
		return error_set(err, ERR_ENV, "%s: expat gives nothing", name);
	XML_SetUserData(x.p, &x);
	XML_SetElementHandler(x.p, on_start, on_end);
	XML_SetCharacterDataHandler(x.p, on_text);
	XML_SetStartDoctypeDeclHandler(x.p, on_doctype);
	int r = 0;
	for (struct str view = { "", 1 }; r == 0 && view.n;) {
		r = feed_next(j, s, &view, &own);
		if (r < 0)
			error_wrap(&own, "%s", name);
		else if (XML_Parse(x.p, view.n ? view.p : "", (int)view.n, view.n == 0) == XML_STATUS_ERROR)
			r = x.failed ? -1 : error_set(&own, ERR_INPUT, "%s: line %lu: %s", name, (unsigned long)XML_GetCurrentLineNumber(x.p), XML_ErrorString(XML_GetErrorCode(x.p)));
	}
	if (r == 0 && !x.sought)
		j->passed++;
	XML_ParserFree(x.p);
	buf_free(&x.text);
	free(x.nodes);
	free(x.leaves);
	if (r < 0 && err)
		*err = own;
	return r;
}

/* XML, CSAF or OSV: by content. */
static int by_content(struct feed_job *j, const char *name, struct stream *s, struct error *err)
{
	int first;
	if (feed_peek(j, s, &first, err) < 0)
		return error_wrap(err, "%s", name);
	return first == '<' ? feed_xml(j, name, s, err) : feed_redhat(j, name, s, err);
}

int feed_suse(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return by_content(j, name, s, err); }
int feed_amazon(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return by_content(j, name, s, err); }
int feed_oracle(struct feed_job *j, const char *name, struct stream *s, struct error *err) { return by_content(j, name, s, err); }

static int import_suse(const char *path, struct db_writer *w, struct error *err) { return feed_run("suse", path, ".xml .json", feed_suse, w, err); }
static int import_amazon(const char *path, struct db_writer *w, struct error *err) { return feed_run("amazon", path, ".xml .json", feed_amazon, w, err); }
static int import_oracle(const char *path, struct db_writer *w, struct error *err) { return feed_run("oracle", path, ".xml .json", feed_oracle, w, err); }

const struct feed feed_kind_suse = {
	"suse",
	"SUSE's and openSUSE's OVAL definitions, CSAF or OSV documents (SUSE)",
	"https://ftp.suse.com/pub/projects/security/oval/",
	import_suse,
};
const struct feed feed_kind_amazon = {
	"amazon",
	"Amazon Linux's updateinfo.xml, or OSV documents (Amazon)",
	NULL,
	import_amazon,
};
const struct feed feed_kind_oracle = {
	"oracle",
	"Oracle Linux's OVAL definitions, or OSV documents (Oracle)",
	"https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2",
	import_oracle,
};
