#include "rule/scanignore.h"
#include "base/file.h"
#include "rule/ignore.h"
#include <yaml.h>

struct reader {
	struct scan_ignores *out;
	const char *file;
	yaml_document_t *doc;
	struct error *err;
};

static struct scan_ignore blank(const char *file, u32 line)
{
	return (struct scan_ignore){ .id = "", .package = "", .version = "", .type = "", .path = "", .purl = "", .state = "", .reason = "", .expires = "", .file = file, .line = line };
}

static int add(struct reader *r, const struct scan_ignore *e)
{
	if (r->out->n >= SCANIGNORE_ENTRIES)
		return error_set(r->err, ERR_USAGE, "%s: over %d entries", r->file, SCANIGNORE_ENTRIES);
	VEC_PUSH(r->out->v, r->out->n, r->out->cap, *e);
	return 0;
}

/* --- a line an id --- */
static int read_lines(struct reader *r, struct str text)
{
	u32 line = 0;
	while (text.p) {
		struct str s = str_cut(&text, '\n'), word;
		const char *hash = str_chr(s, '#');
		line++;
		s = str_trim(hash ? str_head(s, (size_t)(hash - s.p)) : s);
		if (!s.n)
			continue;
		struct scan_ignore e = blank(r->file, line);
		word = str_cut(&s, ' ');
		e.id = arena_strdup(&r->out->arena, word);
		while (s.p) {
			word = str_trim(str_cut(&s, ' '));
			if (str_starts(word, STR("exp:")))
				e.expires = arena_strdup(&r->out->arena, str_from(word, 4));
		}
		if (add(r, &e) < 0)
			return -1;
	}
	return 0;
}

/* --- YAML --- */
static struct str scalar(const yaml_node_t *n) { return n && n->type == YAML_SCALAR_NODE ? str_n(n->data.scalar.value, n->data.scalar.length) : str_n(NULL, 0); }

static int wrong(const struct reader *r, const yaml_node_t *at, const char *what)
{
	return error_set(r->err, ERR_USAGE, "%s: line %zu: %s", r->file, at ? at->start_mark.line + 1 : 1, what);
}

/* A pattern out of a regular expression as people write them there: "^lib.*$" is "lib*". */
static const char *pattern_of(struct arena *a, struct str s)
{
	struct buf out = BUF(1000);
	for (size_t i = 0; i < s.n; i++) {
		if ((s.p[i] == '^' && i == 0) || (s.p[i] == '$' && i + 1 == s.n))
			continue;
		if (s.p[i] == '.' && i + 1 < s.n && (s.p[i + 1] == '*' || s.p[i + 1] == '+')) {
			buf_putc(&out, '*');
			i++;
		} else if (s.p[i] != '\\' || i + 1 == s.n || s.p[i + 1] != '.') {
			buf_putc(&out, s.p[i]);
		}
	}
	const char *z = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return z;
}

/* grype's {name, version, type, location, …}. */
static void read_package(struct reader *r, const yaml_node_t *n, struct scan_ignore *e)
{
	struct arena *a = &r->out->arena;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		struct str key = scalar(yaml_document_get_node(r->doc, p->key)), v = scalar(yaml_document_get_node(r->doc, p->value));
		if (!v.p)
			continue;
		if (str_is(key, "name"))
			e->package = pattern_of(a, v);
		else if (str_is(key, "version"))
			e->version = arena_strdup(a, v);
		else if (str_is(key, "type"))
			e->type = arena_strdup(a, str_is(v, "python") ? STR("pypi") : str_is(v, "go-module") ? STR("golang") : str_is(v, "java-archive") ? STR("maven") : v);
		else if (str_is(key, "location"))
			e->path = arena_strdup(a, v);
	}
}

static u32 kind_of(struct str s)
{
	for (u32 k = 0; k <= KIND_LICENSE; k++)
		if (str_is(s, finding_kind_text[k]))
			return 1u << k;
	return 0;
}

static const char *state_of(struct str s)
{
	return str_is(s, "wont-fix") ? "will_not_fix" : str_is(s, "not-fixed") ? "affected" : str_is(s, "fixed") ? "fixed" : str_is(s, "unknown") ? "unknown" : "-";
}

/* An entry a value of the list; without a list one of `e`. */
static int add_each(struct reader *r, const yaml_node_t *list, struct scan_ignore *e, const char **at)
{
	if (!list || list->type != YAML_SEQUENCE_NODE || list->data.sequence.items.start == list->data.sequence.items.top)
		return add(r, e);
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
		struct str v = scalar(yaml_document_get_node(r->doc, *i));
		if (!v.p)
			continue;
		*at = arena_strdup(&r->out->arena, v);
		if (add(r, e) < 0)
			return -1;
	}
	return 0;
}

static int read_entry(struct reader *r, const yaml_node_t *n, u32 kinds, bool trivy)
{
	struct scan_ignore e = blank(r->file, n ? (u32)n->start_mark.line + 1 : 0);
	const yaml_node_t *paths = NULL, *purls = NULL;
	struct arena *a = &r->out->arena;
	bool grype = false, named = false;
	if (!n || n->type != YAML_MAPPING_NODE)
		return wrong(r, n, "wants an entry of keys and values");
	e.kinds = kinds;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *value = yaml_document_get_node(r->doc, p->value);
		struct str key = scalar(yaml_document_get_node(r->doc, p->key)), v = scalar(value);
		static const struct {
			const char *key;
			size_t at;
		} texts[] = { { "id", offsetof(struct scan_ignore, id) }, { "vulnerability", offsetof(struct scan_ignore, id) }, { "package", offsetof(struct scan_ignore, package) },
			{ "version", offsetof(struct scan_ignore, version) }, { "path", offsetof(struct scan_ignore, path) }, { "purl", offsetof(struct scan_ignore, purl) }, { "reason", offsetof(struct scan_ignore, reason) },
			{ "statement", offsetof(struct scan_ignore, reason) }, { "expires", offsetof(struct scan_ignore, expires) }, { "expired_at", offsetof(struct scan_ignore, expires) } };
		for (size_t i = 0; i < countof(texts) && v.p; i++)
			if (str_is(key, texts[i].key)) {
				*(const char **)((char *)&e + texts[i].at) = arena_strdup(a, v);
				named |= texts[i].at != offsetof(struct scan_ignore, reason) && texts[i].at != offsetof(struct scan_ignore, expires) && v.n;
			}
		grype |= str_is(key, "vulnerability") || str_is(key, "fix-state") || str_is(key, "namespace") || str_is(key, "vex-status") || str_is(key, "match-type") || (str_is(key, "package") && !v.p);
		if (str_is(key, "package") && value && value->type == YAML_MAPPING_NODE)
			read_package(r, value, &e);
		else if (str_is(key, "kind") && !(e.kinds = kind_of(v)))
			return wrong(r, value, "kind: one of vulnerability, secret, config, license");
		else if (str_is(key, "fix-state"))
			e.state = state_of(v);
		else if (str_is(key, "paths"))
			paths = value;
		else if (str_is(key, "purls"))
			purls = value;
		else if ((str_is(key, "namespace") || str_is(key, "vex-status") || str_is(key, "match-type")) && v.n)
			e.state = "-"; /* what we don't tell apart would ignore more than was meant */
	}
	e.ours = !grype && !trivy;
	if (e.ours && !named)
		return wrong(r, n, "an entry says nothing: it wants an id");
	if (e.ours && !*str_trim(str_of(e.reason)).p)
		return wrong(r, n, "an entry wants a reason");
	if (*e.expires && strlen(e.expires) > 10 && e.expires[10] == 'T') /* a time: its day */
		e.expires = arena_strdup(a, str_head(str_of(e.expires), 10));
	if (*e.expires && !ignore_is_date(str_of(e.expires)))
		return wrong(r, n, "expires: wants a day, as 2026-12-31");
	return purls ? add_each(r, purls, &e, &e.purl) : add_each(r, paths, &e, &e.path);
}

static int read_list(struct reader *r, const yaml_node_t *list, u32 kinds, bool trivy)
{
	if (list && list->type == YAML_SCALAR_NODE && !scalar(list).n)
		return 0;
	if (!list || list->type != YAML_SEQUENCE_NODE)
		return wrong(r, list, "wants a list of entries");
	for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++)
		if (read_entry(r, yaml_document_get_node(r->doc, *i), kinds, trivy) < 0)
			return -1;
	return 0;
}

static int read_top(struct reader *r)
{
	static const struct {
		const char *key;
		u32 kinds;
	} lists[] = { { "vulnerabilities", 1u << KIND_VULNERABILITY }, { "misconfigurations", 1u << KIND_CONFIG }, { "secrets", 1u << KIND_SECRET }, { "licenses", 1u << KIND_LICENSE } };
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);
	if (!root)
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return wrong(r, root, "wants a list \"ignore\"");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top; p++) {
		const yaml_node_t *value = yaml_document_get_node(r->doc, p->value);
		struct str key = scalar(yaml_document_get_node(r->doc, p->key));
		if (str_is(key, "ignore") && read_list(r, value, 0, false) < 0)
			return -1;
		for (size_t i = 0; i < countof(lists); i++)
			if (str_is(key, lists[i].key) && read_list(r, value, lists[i].kinds, true) < 0)
				return -1;
	}
	return 0;
}

static int read_yaml(struct reader *r, struct str text)
{
	yaml_parser_t p;
	yaml_document_t doc;
	int status = 0;
	if (!yaml_parser_initialize(&p))
		return error_set(r->err, ERR_ENV, "YAML: no memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)text.p, text.n);
	if (!yaml_parser_load(&p, &doc)) {
		status = error_set(r->err, ERR_USAGE, "%s: line %zu: not YAML: %s", r->file, p.problem_mark.line + 1, p.problem ? p.problem : "damaged");
	} else {
		r->doc = &doc;
		status = read_top(r);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&p);
	return status;
}

/* A file of lines has no colon with a blank, or the end, behind it. */
static bool is_yaml(struct str text)
{
	while (text.p) {
		struct str line = str_trim(str_cut(&text, '\n'));
		if (line.n && line.p[0] != '#')
			return str_ends(line, STR(":")) || str_contains(line, STR(": ")) || line.p[0] == '{' || str_is(line, "---");
	}
	return false;
}

int scan_ignores_read(struct str text, const char *file, struct scan_ignores *ret, struct error *err)
{
	struct reader r = { ret, arena_strdup(&ret->arena, str_of(file)), NULL, err };
	return is_yaml(text) ? read_yaml(&r, text) : read_lines(&r, text);
}

int scan_ignores_load(const char *file, struct scan_ignores *ret, struct error *err)
{
	struct buf text = BUF(SCANIGNORE_BYTES);
	int status = file_read(file, SCANIGNORE_BYTES, &text, err);
	if (status < 0)
		err->kind = ERR_USAGE;
	else
		status = scan_ignores_read(buf_str(&text), file, ret, err);
	buf_free(&text);
	return status;
}

/* --- matching --- */
static bool like(const char *pattern, const char *z)
{
	return !*pattern || strcmp(pattern, z) == 0 || (strpbrk(pattern, "*?[") && str_glob(str_of(pattern), str_of(z)));
}

static bool named(const struct scan_ignore *e, const struct scan_finding *f)
{
	if (like(e->id, f->id))
		return true;
	for (u32 k = 0; k < 2; k++)
		for (struct str rest = str_of(k ? f->advisories : f->aliases); rest.n;)
			if (str_is(str_cut(&rest, ' '), e->id))
				return true;
	return false;
}

/* A package URL with or without its version; what follows '?' doesn't count. */
static bool same_purl(const char *pattern, const char *z)
{
	struct str p = str_of(pattern), s = str_of(z), rest = p;
	p = str_cut(&rest, '?');
	rest = s;
	s = str_cut(&rest, '?');
	return str_eq(p, s) || (str_starts(s, p) && s.n > p.n && s.p[p.n] == '@');
}

static bool type_is(const char *type, const char *purl)
{
	size_t n = strlen(type);
	return !n || (strncmp(purl, "pkg:", 4) == 0 && strncmp(purl + 4, type, n) == 0 && purl[4 + n] == '/');
}

static bool matches(const struct scan_ignore *e, const struct scan_finding *f)
{
	const char *path = f->path + (f->path[0] == '/' && e->path[0] != '/');
	if (e->kinds && !(e->kinds & 1u << f->kind))
		return false;
	if (*e->state && strcmp(e->state, f->state))
		return false;
	return named(e, f) && like(e->package, f->package) && like(e->version, f->version) && like(e->path, path) && type_is(e->type, f->purl) && (!*e->purl || same_purl(e->purl, f->purl));
}

void scan_ignores_apply(struct scan_ignores *l, struct scan *s, const char *today)
{
	for (u32 i = 0; i < l->n; i++)
		l->v[i].expired = *l->v[i].expires && strcmp(l->v[i].expires, today) < 0;
	for (u32 i = 0; i < s->n; i++) {
		struct scan_finding *f = &s->v[i];
		for (u32 k = 0; k < l->n; k++) {
			struct scan_ignore *e = &l->v[k];
			if (e->used && *f->suppressed)
				continue;
			if (!matches(e, f))
				continue;
			e->used = true;
			if (!e->expired && !*f->suppressed)
				f->suppressed = arena_printf(&s->arena, "ignored by %s:%u%s%s", e->file, e->line, *e->reason ? ": " : "", e->reason);
		}
	}
}

bool scan_ignore_stale(const struct scan_ignore *i) { return i->ours && (!i->used || i->expired); }

void scan_ignores_free(struct scan_ignores *i)
{
	free(i->v);
	arena_free(&i->arena);
	*i = (struct scan_ignores){ 0 };
}
