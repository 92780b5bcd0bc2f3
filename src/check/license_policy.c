/* Reads licence policies. */
#include "base/file.h"
#include "check/license.h"
#include <yaml.h>

struct reader {
	struct license_policy *out;
	const char *file;
	yaml_document_t *doc;
	struct error *err;
};

static struct str scalar(const yaml_node_t *n) { return n && n->type == YAML_SCALAR_NODE ? str_n(n->data.scalar.value, n->data.scalar.length) : str_n(NULL, 0); }

static int wrong(const struct reader *r, const yaml_node_t *at, const char *what)
{
	return error_set(r->err, ERR_USAGE, "%s: line %zu: %s", r->file, at ? at->start_mark.line + 1 : 1, what);
}

static int add(struct license_policy *p, struct str pattern, enum license_verdict v, const char *file, struct error *err)
{
	struct license_entry e = { arena_strdup(&p->arena, pattern), v };
	if (!pattern.n || pattern.n > 100)
		return error_set(err, ERR_USAGE, "%s: \"%.*s\" is no licence", file, STR_FMT(str_head(pattern, 60)));
	if (p->n >= POLICY_ENTRIES)
		return error_set(err, ERR_USAGE, "%s: over %u licences", file, POLICY_ENTRIES);
	VEC_PUSH(p->v, p->n, p->cap, e);
	return 0;
}

int license_policy_list(struct str list, enum license_verdict verdict, struct license_policy *p, struct error *err)
{
	while (list.p) {
		struct str one = str_trim(str_cut(&list, ','));
		if (one.n && add(p, one, verdict, verdict == LICENSE_DENY ? "--license-deny" : "--license-allow", err) < 0)
			return -1;
	}
	return 0;
}

static int read_list(struct reader *r, const yaml_node_t *n, enum license_verdict v)
{
	if (n && n->type == YAML_SCALAR_NODE)
		return scalar(n).n ? add(r->out, scalar(n), v, r->file, r->err) : 0;
	if (!n || n->type != YAML_SEQUENCE_NODE)
		return wrong(r, n, "wants a list of licences");
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		if (!scalar(item).p)
			return wrong(r, item, "wants the name of a licence");
		if (add(r->out, str_trim(scalar(item)), v, r->file, r->err) < 0)
			return -1;
	}
	return 0;
}

static int read_verdict(struct reader *r, const yaml_node_t *n, enum license_verdict *ret)
{
	static const char *const words[] = { "allow", "warn", "deny" };
	for (u32 i = 0; i < countof(words); i++)
		if (str_is(scalar(n), words[i])) {
			*ret = (enum license_verdict)i;
			return 0;
		}
	return wrong(r, n, "one of allow, warn, deny");
}

static int read_exception(struct reader *r, const yaml_node_t *n)
{
	struct license_exception e = { "", "", "", "" };
	const struct {
		const char *key, **at;
	} keys[] = { { "package", &e.package }, { "version", &e.version }, { "license", &e.license }, { "reason", &e.reason } };
	if (scalar(n).n) { /* a mere name */
		e.package = arena_strdup(&r->out->arena, scalar(n));
	} else if (!n || n->type != YAML_MAPPING_NODE) {
		return wrong(r, n, "wants a package");
	} else {
		for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
			const yaml_node_t *value = yaml_document_get_node(r->doc, p->value);
			size_t i = 0;
			while (i < countof(keys) && !str_is(scalar(yaml_document_get_node(r->doc, p->key)), keys[i].key))
				i++;
			if (i == countof(keys) || !scalar(value).p)
				return wrong(r, value, "an exception has package, version, license and reason");
			*keys[i].at = arena_strdup(&r->out->arena, scalar(value));
		}
	}
	if (!*e.package && !*e.license)
		return wrong(r, n, "an exception wants a package");
	if (r->out->n_except >= POLICY_ENTRIES)
		return wrong(r, n, "too many exceptions");
	VEC_PUSH(r->out->except, r->out->n_except, r->out->cap_except, e);
	return 0;
}

static int read_key(struct reader *r, struct str key, const yaml_node_t *at, const yaml_node_t *value)
{
	struct license_policy *p = r->out;
	if (str_is(key, "allow"))
		return read_list(r, value, LICENSE_ALLOW);
	if (str_is(key, "warn"))
		return read_list(r, value, LICENSE_WARN);
	if (str_is(key, "deny"))
		return read_list(r, value, LICENSE_DENY);
	if (str_is(key, "unknown")) {
		p->unknown_given = true;
		return read_verdict(r, value, &p->unknown);
	}
	if (str_is(key, "default")) {
		p->other_given = true;
		return read_verdict(r, value, &p->other);
	}
	if (!str_is(key, "exceptions"))
		return wrong(r, at, "a policy has allow, warn, deny, unknown, default and exceptions");
	if (!value || value->type != YAML_SEQUENCE_NODE)
		return wrong(r, value, "wants a list of exceptions");
	for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++)
		if (read_exception(r, yaml_document_get_node(r->doc, *i)) < 0)
			return -1;
	return 0;
}

static int read_top(struct reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);
	if (!root || root->type != YAML_MAPPING_NODE)
		return wrong(r, root, "a policy has keys: allow, warn, deny, unknown, default, exceptions");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(r->doc, p->key);
		if (read_key(r, scalar(key), key, yaml_document_get_node(r->doc, p->value)) < 0)
			return -1;
	}
	return 0;
}

int license_policy_read(struct str text, const char *file, struct license_policy *ret, struct error *err)
{
	struct reader r = { ret, file, NULL, err };
	yaml_parser_t p;
	yaml_document_t doc;
	int status = 0;
	if (!yaml_parser_initialize(&p))
		return error_set(err, ERR_ENV, "YAML: no memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)(text.n ? text.p : ""), text.n);
	if (!yaml_parser_load(&p, &doc)) {
		status = error_set(err, ERR_USAGE, "%s: line %zu: not YAML: %s", file, p.problem_mark.line + 1, p.problem ? p.problem : "damaged");
	} else {
		r.doc = &doc;
		status = read_top(&r);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&p);
	return status;
}

int license_policy_load(const char *file, struct license_policy *ret, struct error *err)
{
	struct buf text = BUF(POLICY_BYTES);
	int status = file_read(file, POLICY_BYTES, &text, err);
	if (status < 0)
		err->kind = ERR_USAGE;
	else
		status = license_policy_read(buf_str(&text), file, ret, err);
	buf_free(&text);
	return status;
}

void license_policy_done(struct license_policy *p)
{
	bool allows = false;
	for (u32 i = 0; i < p->n; i++)
		allows |= p->v[i].verdict == LICENSE_ALLOW;
	if (!p->other_given)
		p->other = allows ? LICENSE_DENY : LICENSE_ALLOW;
	if (!p->unknown_given)
		p->unknown = LICENSE_WARN;
}

void license_policy_free(struct license_policy *p)
{
	free(p->v);
	free(p->except);
	arena_free(&p->arena);
	*p = (struct license_policy){ 0 };
}
