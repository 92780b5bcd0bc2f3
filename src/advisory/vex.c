#include "advisory/vex.h"
#include "base/file.h"
#include "base/json.h"

struct reader {
	struct vex *out;
	const char *file;
	struct error *err;
	struct named *names;       /* of CycloneDX and CSAF: what their own references stand for; sorted by name */
	u32 n_names, cap_names;
};
struct named {
	const char *name;
	const char *purl;          /* "" none */
	const char *of;            /* CSAF: the product that it is a component of; "" */
};

static const char *keep(struct reader *r, const char *z) { return arena_strdup(&r->out->arena, str_of(z ? z : "")); }

static int add(struct reader *r, const char *id, const char *product, const char *part, enum vex_status status, const char *why)
{
	struct arena *a = &r->out->arena;
	struct vex_statement s = { .id = id, .status = status, .why = why, .file = r->file, .order = r->out->n };
	if (r->out->n >= VEX_STATEMENTS)
		return error_set(r->err, ERR_USAGE, "%s: over %u statements", r->file, VEX_STATEMENTS);
	if (purl_parse(a, str_of(product), &s.product) < 0)
		s.product = (struct purl){ .type = "", .name_space = "", .name = arena_strdup(a, str_of(product)), .version = "", .subpath = "", .arch = "", .distro = "", .epoch = "", .upstream = "", .module = "" };
	s.part.type = "";
	if (*part && purl_parse(a, str_of(part), &s.part) < 0)
		return 0; /* a part that is named in no way we know: nothing can be said of it */
	VEC_PUSH(r->out->v, r->out->n, r->out->cap, s);
	return 0;
}

static bool status_of(const char *z, enum vex_status *ret)
{
	static const struct {
		const char *word;
		enum vex_status status;
	} words[] = { { "not_affected", VEX_NOT_AFFECTED }, { "affected", VEX_AFFECTED }, { "fixed", VEX_FIXED }, { "under_investigation", VEX_UNDER_INVESTIGATION }, { "false_positive", VEX_NOT_AFFECTED },
		{ "resolved", VEX_FIXED }, { "resolved_with_pedigree", VEX_FIXED }, { "exploitable", VEX_AFFECTED }, { "in_triage", VEX_UNDER_INVESTIGATION }, { "known_not_affected", VEX_NOT_AFFECTED },
		{ "known_affected", VEX_AFFECTED }, { "first_fixed", VEX_FIXED } };
	for (size_t i = 0; z && i < countof(words); i++)
		if (strcmp(z, words[i].word) == 0) {
			*ret = words[i].status;
			return true;
		}
	return false;
}

static const char *text_of(const json_t *v, const char *key) { return json_is_string(v) ? json_string_value(v) : json_text(v, key); }

/* --- OpenVEX --- */
static const char *product_id(const json_t *p)
{
	if (json_is_string(p))
		return json_string_value(p);
	const json_t *ids = json_obj(p, "identifiers");
	const char *purl = ids ? json_text(ids, "purl") : NULL, *id = json_text(p, "@id");
	return purl ? purl : id;
}

static int openvex_products(struct reader *r, const char *id, const json_t *statement, enum vex_status status, const char *why)
{
	const json_t *products = json_arr(statement, "products"), *subs = json_arr(statement, "subcomponents"); /* version 0.0.1 has them beside the products */
	for (size_t i = 0; products && i < json_array_size(products); i++) {
		const json_t *p = json_array_get(products, i), *own = json_is_object(p) ? json_arr(p, "subcomponents") : NULL;
		const char *product = product_id(p);
		own = own ? own : subs;
		if (!product)
			continue;
		if (!own || json_array_size(own) == 0) {
			if (add(r, id, product, "", status, why) < 0)
				return -1;
			continue;
		}
		for (size_t k = 0; k < json_array_size(own); k++) {
			const char *part = product_id(json_array_get(own, k));
			if (part && add(r, id, product, part, status, why) < 0)
				return -1;
		}
	}
	return 0;
}

static int read_openvex(struct reader *r, const json_t *doc)
{
	const json_t *list = json_arr(doc, "statements");
	for (size_t i = 0; list && i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i), *v = json_object_get(s, "vulnerability"), *aliases = json_is_object(v) ? json_arr(v, "aliases") : NULL;
		const char *name = text_of(v, "name"), *why = json_text(s, "justification"), *impact = json_text(s, "impact_statement");
		enum vex_status status;
		if (!json_is_object(s) || !status_of(json_text(s, "status"), &status))
			continue;
		if (!name && json_is_object(v))
			name = json_text(v, "@id");
		why = arena_printf(&r->out->arena, "%s%s%s", why ? why : "", why && impact ? ": " : "", impact ? impact : "");
		if (name && openvex_products(r, keep(r, str_base(str_of(name)).p), s, status, why) < 0)
			return -1;
		for (size_t k = 0; aliases && k < json_array_size(aliases) && k < 100; k++) {
			const char *alias = json_string_value(json_array_get(aliases, k));
			if (alias && openvex_products(r, keep(r, alias), s, status, why) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- references within a document --- */
static void name_it(struct reader *r, const char *name, const char *purl, const char *of)
{
	struct named n = { keep(r, name), keep(r, purl), keep(r, of) };
	if (name && r->n_names < VEX_STATEMENTS)
		VEC_PUSH(r->names, r->n_names, r->cap_names, n);
}

static int by_name(const void *a, const void *b) { return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name); }

static const struct named *look_up(const struct reader *r, const char *name)
{
	const struct named key = { .name = name };
	return r->n_names ? bsearch(&key, r->names, r->n_names, sizeof *r->names, by_name) : NULL;
}

/* Trees of components or branches: what is in `list` and below, without recursion. */
static void walk(struct reader *r, const json_t *list, const char *below, void (*visit)(struct reader *r, const json_t *node))
{
	struct {
		const json_t *list;
		size_t at;
	} stack[JSON_NESTED];
	u32 depth = 0;
	if (!list)
		return;
	stack[depth].list = list;
	stack[depth++].at = 0;
	while (depth) {
		const json_t *node = json_array_get(stack[depth - 1].list, stack[depth - 1].at++);
		if (!node) {
			depth--;
			continue;
		}
		if (!json_is_object(node))
			continue;
		visit(r, node);
		const json_t *children = json_arr(node, below);
		if (children && depth < countof(stack)) {
			stack[depth].list = children;
			stack[depth++].at = 0;
		}
	}
}

/* --- CycloneDX --- */
static void component(struct reader *r, const json_t *node) { name_it(r, json_text(node, "bom-ref"), json_text(node, "purl"), NULL); }

static int affects(struct reader *r, const char *id, const json_t *v, enum vex_status status, const char *why)
{
	const json_t *list = json_arr(v, "affects");
	for (size_t i = 0; list && i < json_array_size(list); i++) {
		const char *ref = json_text(json_array_get(list, i), "ref");
		if (!ref)
			continue;
		const char *hash = strncmp(ref, "urn:cdx:", 8) == 0 ? strchr(ref, '#') : NULL;
		const struct named *n = look_up(r, hash ? hash + 1 : ref);
		const char *product = n && *n->purl ? n->purl : hash ? hash + 1 : ref;
		if (add(r, id, product, "", status, why) < 0)
			return -1;
	}
	return 0;
}

static int read_cyclonedx(struct reader *r, const json_t *doc)
{
	const json_t *list = json_arr(doc, "vulnerabilities"), *meta = json_obj(doc, "metadata"), *root = meta ? json_obj(meta, "component") : NULL;
	walk(r, json_arr(doc, "components"), "components", component);
	if (root)
		component(r, root);
	if (r->n_names)
		qsort(r->names, r->n_names, sizeof *r->names, by_name);
	for (size_t i = 0; list && i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i), *a = json_obj(v, "analysis"), *refs = json_arr(v, "references");
		enum vex_status status;
		const char *id = json_text(v, "id");
		if (!a || !status_of(json_text(a, "state"), &status))
			continue;
		const char *why = json_text(a, "justification"), *detail = json_text(a, "detail");
		why = arena_printf(&r->out->arena, "%s%s%s", why ? why : "", why && detail ? ": " : "", detail ? detail : "");
		if (id && affects(r, keep(r, id), v, status, why) < 0)
			return -1;
		for (size_t k = 0; refs && k < json_array_size(refs) && k < 100; k++) {
			const char *alias = json_text(json_array_get(refs, k), "id");
			if (alias && affects(r, keep(r, alias), v, status, why) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- CSAF --- */
static void csaf_name(struct reader *r, const json_t *product, const char *of, const char *fallback)
{
	const json_t *helper = json_obj(product, "product_identification_helper");
	const char *purl = helper ? json_text(helper, "purl") : NULL;
	name_it(r, json_text(product, "product_id"), purl ? purl : fallback, of);
}

static void branch(struct reader *r, const json_t *node)
{
	const json_t *product = json_obj(node, "product");
	if (product)
		csaf_name(r, product, NULL, NULL);
}

static void product_tree(struct reader *r, const json_t *tree)
{
	const json_t *list = json_arr(tree, "full_product_names");
	walk(r, json_arr(tree, "branches"), "branches", branch);
	for (size_t i = 0; list && i < json_array_size(list); i++)
		csaf_name(r, json_array_get(list, i), NULL, NULL);
	if (r->n_names)
		qsort(r->names, r->n_names, sizeof *r->names, by_name);
	list = json_arr(tree, "relationships");
	u32 n = r->n_names;
	for (size_t i = 0; list && i < json_array_size(list); i++) {
		const json_t *rel = json_array_get(list, i), *product = json_obj(rel, "full_product_name");
		const char *part = json_text(rel, "product_reference"), *whole = json_text(rel, "relates_to_product_reference");
		if (!product || !part)
			continue;
		u32 all = r->n_names;
		r->n_names = n; /* those that are sorted */
		const struct named *p = look_up(r, part), *w = whole ? look_up(r, whole) : NULL;
		const char *part_purl = p ? p->purl : "", *whole_purl = w ? w->purl : "";
		r->n_names = all;
		csaf_name(r, product, whole_purl, part_purl);
	}
	if (r->n_names)
		qsort(r->names, r->n_names, sizeof *r->names, by_name);
}

/* The flag ("vulnerable_code_not_present") that a product has. */
static const char *flag_of(const json_t *v, const char *product)
{
	const json_t *flags = json_arr(v, "flags");
	size_t steps = 0;
	for (size_t i = 0; flags && i < json_array_size(flags); i++) {
		const json_t *f = json_array_get(flags, i), *ids = json_arr(f, "product_ids");
		for (size_t k = 0; ids && k < json_array_size(ids) && steps < 10000; k++, steps++) {
			const char *id = json_string_value(json_array_get(ids, k));
			if (id && strcmp(id, product) == 0)
				return json_text(f, "label") ? json_text(f, "label") : "";
		}
	}
	return "";
}

static int csaf_status(struct reader *r, const char *id, const json_t *v, const char *key, const json_t *products)
{
	enum vex_status status;
	if (!status_of(key, &status) || !json_is_array(products))
		return 0;
	for (size_t i = 0; i < json_array_size(products); i++) {
		const char *name = json_string_value(json_array_get(products, i));
		const struct named *n = name ? look_up(r, name) : NULL;
		if (!n || !*n->purl)
			continue; /* no package of ours can be meant by what is named by no package URL */
		const char *why = status == VEX_NOT_AFFECTED ? keep(r, flag_of(v, name)) : "";
		/* A component of an image is meant in that image; of any other product (an operating system, by its CPE) wherever it stands. */
		bool image = strncmp(n->of, "pkg:oci/", 8) == 0 || strncmp(n->of, "pkg:docker/", 11) == 0;
		if (add(r, id, image ? n->of : n->purl, image ? n->purl : "", status, why) < 0)
			return -1;
	}
	return 0;
}

static int read_csaf(struct reader *r, const json_t *doc)
{
	const json_t *list = json_arr(doc, "vulnerabilities"), *tree = json_obj(doc, "product_tree");
	if (tree)
		product_tree(r, tree);
	for (size_t i = 0; list && i < json_array_size(list); i++) {
		json_t *v = json_array_get(list, i), *status = json_obj(v, "product_status"), *products;
		const json_t *ids = json_arr(v, "ids");
		const char *id = json_text(v, "cve"), *key;
		if (!id && ids)
			id = json_text(json_array_get(ids, 0), "text");
		if (!id || !status)
			continue;
		id = keep(r, id);
		json_object_foreach(status, key, products)
			if (csaf_status(r, id, v, key, products) < 0)
				return -1;
	}
	return 0;
}

/* --- all three --- */
static int by_id(const void *a, const void *b)
{
	const struct vex_statement *x = a, *y = b;
	int c = strcmp(x->id, y->id);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

int vex_read(struct str text, const char *file, struct vex *ret, struct error *err)
{
	struct reader r = { .out = ret, .file = arena_strdup(&ret->arena, str_of(file)), .err = err };
	autojson json_t *doc = json_read(text, file, err);
	int status;
	if (!doc) {
		if (err)
			err->kind = ERR_USAGE;
		return -1;
	}
	const char *format = json_text(doc, "bomFormat");
	if (json_arr(doc, "statements"))
		status = read_openvex(&r, doc);
	else if (format && strcmp(format, "CycloneDX") == 0)
		status = read_cyclonedx(&r, doc);
	else if (json_obj(doc, "document"))
		status = read_csaf(&r, doc);
	else
		status = error_set(err, ERR_USAGE, "%s: neither OpenVEX, nor CycloneDX, nor CSAF", file);
	free(r.names);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_id);
	return status;
}

int vex_load(const char *file, struct vex *ret, struct error *err)
{
	struct buf text = BUF(JSON_BYTES);
	int status = file_read(file, JSON_BYTES, &text, err);
	if (status < 0)
		err->kind = ERR_USAGE;
	else
		status = vex_read(buf_str(&text), file, ret, err);
	buf_free(&text);
	return status;
}

/* --- applying --- */
static bool same_package(const struct purl *a, const struct purl *b)
{
	if (strcmp(a->type, b->type) || strcmp(a->name, b->name) || (*a->name_space && strcmp(a->name_space, b->name_space)))
		return false;
	if (*a->version && strcmp(a->version, b->version))
		return false;
	return (!*a->arch || !*b->arch || strcmp(a->arch, b->arch) == 0) && (!*a->distro || !*b->distro || strcmp(a->distro, b->distro) == 0);
}

static bool is_image(const struct purl *p) { return strcmp(p->type, "oci") == 0 || strcmp(p->type, "docker") == 0 || !*p->type; }

/* Without its tag and digest. */
static struct str repository(const char *image)
{
	struct str s = str_of(image);
	const char *at = str_chr(s, '@');
	if (at)
		s.n = (size_t)(at - s.p);
	for (size_t i = s.n; i-- > 0 && s.p[i] != '/';)
		if (s.p[i] == ':') {
			s.n = i;
			break;
		}
	return s;
}

static bool same_image(const struct purl *p, const char *image, const char *digest)
{
	struct str repo = repository(image);
	if (!*p->type)
		return *p->name && (strcmp(p->name, image) == 0 || str_is(repo, p->name) || (*digest && strcmp(p->name, digest) == 0));
	if (strncmp(p->version, "sha256:", 7) == 0)
		return *digest && strcmp(p->version, digest) == 0;
	return str_ieq(str_base(repo), str_of(p->name));
}

static const struct vex_statement *find(const struct vex *v, struct str id, const struct purl *package, const char *image, const char *digest)
{
	const struct vex_statement *best = NULL;
	size_t lo = 0, hi = v->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (str_cmp(str_of(v->v[mid].id), id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < v->n && str_is(id, v->v[lo].id); lo++) {
		const struct vex_statement *s = &v->v[lo];
		bool whole = is_image(&s->product) ? same_image(&s->product, image, digest) : !*s->part.type && same_package(&s->product, package);
		/* A part of a product that is no image: the part alone is known here. */
		if (!whole && *s->part.type && !is_image(&s->product))
			whole = true;
		if (whole && (!*s->part.type || same_package(&s->part, package)))
			best = s;
	}
	return best;
}

void vex_apply(const struct vex *v, struct scan *scan, const char *image, const char *digest)
{
	static const char *const words[] = { [VEX_NOT_AFFECTED] = "not_affected", [VEX_FIXED] = "fixed" };
	struct arena tmp = { 0 };
	for (u32 i = 0; i < scan->n; i++) {
		struct scan_finding *f = &scan->v[i];
		struct purl p;
		if (f->kind != KIND_VULNERABILITY || *f->suppressed || purl_parse(&tmp, str_of(f->purl), &p) < 0)
			continue;
		const struct vex_statement *s = find(v, str_of(f->id), &p, image, digest), *other;
		for (struct str rest = str_of(f->aliases); rest.n;)
			if ((other = find(v, str_cut(&rest, ' '), &p, image, digest)) && (!s || other->order > s->order))
				s = other;
		if (!s)
			continue;
		if (s->status == VEX_UNDER_INVESTIGATION) {
			f->state = "under_investigation";
		} else if (s->status != VEX_AFFECTED) {
			f->state = s->status == VEX_NOT_AFFECTED ? "not_affected" : f->state;
			f->suppressed = arena_printf(&scan->arena, "%s%s%s%s, says %s", words[s->status], *s->why ? " (" : "", s->why, *s->why ? ")" : "", s->file);
		}
		arena_free(&tmp);
	}
	arena_free(&tmp);
}

void vex_free(struct vex *v)
{
	free(v->v);
	arena_free(&v->arena);
	*v = (struct vex){ 0 };
}
