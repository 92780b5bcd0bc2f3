/* Compose files: one service of them, as far as it says how the image is started. */
#include "run/compose.h"
#include "base/file.h"
#include "run/probe.h"
#include <unistd.h>
#include <yaml.h>

#define MERGES 8 /* of mappings into one another */

struct reader {
	struct arena *a;
	yaml_document_t *doc;
	const char *name;
	struct problems *notes;
	struct error *err;
};
struct words {
	const char **v;
	u32 n, cap;
};

static int wrong(const struct reader *r, const yaml_node_t *at, const char *what) { return error_set(r->err, ERR_USAGE, "%s:%zu: %s", r->name, at ? at->start_mark.line + 1 : 1, what); }

static bool is_map(const yaml_node_t *n) { return n && n->type == YAML_MAPPING_NODE; }
static bool is_list(const yaml_node_t *n) { return n && n->type == YAML_SEQUENCE_NODE; }
static bool is_scalar(const yaml_node_t *n) { return n && n->type == YAML_SCALAR_NODE; }
static struct str raw(const yaml_node_t *n) { return is_scalar(n) ? str_n(n->data.scalar.value, n->data.scalar.length) : STR(""); }
static bool is_null(const yaml_node_t *n) { return !n || (is_scalar(n) && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (raw(n).n == 0 || str_among(raw(n), "null ~ Null NULL"))); }
static bool is_true(const yaml_node_t *n) { return is_scalar(n) && (str_ieq(raw(n), STR("true")) || str_ieq(raw(n), STR("yes")) || str_ieq(raw(n), STR("on"))); }

/* The value of a key, also of mappings that are merged in. */
static const yaml_node_t *get_merged(const struct reader *r, const yaml_node_t *map, const char *key, u32 depth)
{
	const yaml_node_t *merged = NULL, *found = NULL;
	if (!is_map(map) || depth > MERGES)
		return NULL;
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key), *v = yaml_document_get_node(r->doc, p->value);
		if (is_scalar(k) && str_is(raw(k), key))
			return v;
		if (is_scalar(k) && str_is(raw(k), "<<"))
			merged = v;
	}
	if (is_map(merged))
		return get_merged(r, merged, key, depth + 1);
	if (is_list(merged))
		for (const yaml_node_item_t *i = merged->data.sequence.items.start; i < merged->data.sequence.items.top && !found && depth < 2; i++)
			found = get_merged(r, yaml_document_get_node(r->doc, *i), key, depth + 1);
	return found;
}
static const yaml_node_t *get(const struct reader *r, const yaml_node_t *map, const char *key) { return get_merged(r, map, key, 0); }

/* --- variables --- */

static bool name_char(char c, bool first) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && c >= '0' && c <= '9'); }

/* Behind a '$' at s.p[0]; how much of s it took, 0: it is wrong. */
static size_t variable(const struct reader *r, struct str s, const yaml_node_t *at, struct buf *out)
{
	bool braced = s.n > 1 && s.p[1] == '{';
	size_t n = braced ? 2 : 1, from = n;
	while (n < s.n && name_char(s.p[n], n == from))
		n++;
	if (n == from) {
		buf_putc(out, '$');
		if (!braced)
			return 1;
		(void)wrong(r, at, "${ without a name");
		return 0;
	}
	const char *value = getenv(arena_strdup(r->a, str_n(s.p + from, n - from)));
	if (!braced) {
		buf_puts(out, value ? value : "");
		return n;
	}
	const char *end = str_chr(str_from(s, n), '}');
	if (!end)
		return (void)wrong(r, at, "${ without its end"), 0;
	struct str rest = str_n(s.p + n, (size_t)(end - s.p) - n);
	bool colon = str_starts(rest, STR(":")), unset = !value || (colon && !value[0]);
	rest = str_from(rest, colon);
	if (str_starts(rest, STR("-")))
		buf_add(out, unset ? str_from(rest, 1) : str_of(value));
	else if (str_starts(rest, STR("+")))
		buf_add(out, unset ? STR("") : str_from(rest, 1));
	else if (str_starts(rest, STR("?")) && unset)
		return (void)error_set(r->err, ERR_USAGE, "%s:%zu: %.*s is not set: %.*s", r->name, at->start_mark.line + 1, (int)MIN(n - from, (size_t)100), s.p + from, STR_FMT(str_head(str_from(rest, 1), 200))), 0;
	else if (str_starts(rest, STR("?")) || !rest.n)
		buf_puts(out, value ? value : "");
	else
		return (void)wrong(r, at, "${ with what is no operator"), 0;
	return (size_t)(end - s.p) + 1;
}

/* A scalar with its variables replaced; NULL: wrong. */
static const char *text(const struct reader *r, const yaml_node_t *n)
{
	struct buf out = BUF(COMPOSE_BYTES);
	struct str s = raw(n);
	if (!is_scalar(n) || str_chr(s, '\0')) {
		(void)wrong(r, n, "a text is wanted here");
		return NULL;
	}
	for (size_t i = 0; i < s.n;) {
		size_t took = 1;
		if (s.p[i] != '$')
			buf_putc(&out, s.p[i]);
		else if (i + 1 < s.n && s.p[i + 1] == '$')
			took = (buf_putc(&out, '$'), 2);
		else
			took = variable(r, str_from(s, i), n, &out);
		if (!took) {
			buf_free(&out);
			return NULL;
		}
		i += took;
	}
	const char *ret = arena_strdup(r->a, buf_str(&out));
	buf_free(&out);
	return ret;
}

/* --- lists --- */

static int add(const struct reader *r, const yaml_node_t *at, struct words *w, const char *s)
{
	if (!s)
		return -1;
	if (w->n == COMPOSE_WORDS)
		return wrong(r, at, "too many words");
	VEC_PUSH(w->v, w->n, w->cap, s);
	return 0;
}

static const char *const *finished(const struct reader *r, struct words *w)
{
	const char **v = arena_array(r->a, const char *, (size_t)w->n + 1);
	if (w->n)
		memcpy(v, w->v, w->n * sizeof *v);
	return v;
}

/* A list of texts, or one that is split as a shell does (`split`) or stands for itself. */
static int read_list(const struct reader *r, const yaml_node_t *n, bool split, struct words *w)
{
	if (is_scalar(n)) {
		const char *s = text(r, n);
		const char *const *v = NULL;
		u32 count = 0;
		if (!split || !s || !s[0])
			return s && !s[0] ? 0 : add(r, n, w, s);
		if (probe_words(r->a, str_of(s), &v, &count, r->err) < 0)
			return error_wrap(r->err, "%s:%zu", r->name, n->start_mark.line + 1);
		for (u32 i = 0; i < count; i++)
			if (add(r, n, w, v[i]) < 0)
				return -1;
		return 0;
	}
	if (!is_list(n))
		return wrong(r, n, "a text or a list is wanted here");
	for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		if (add(r, n, w, text(r, item)) < 0)
			return -1;
	}
	return 0;
}

/* --- environment --- */

static int add_variable(const struct reader *r, const yaml_node_t *at, struct words *w, const char *name, const char *value)
{
	value = value ? value : getenv(name); /* handed through */
	return value ? add(r, at, w, arena_printf(r->a, "%s=%s", name, value)) : 0;
}

static int read_environment(const struct reader *r, const yaml_node_t *n, struct words *w)
{
	if (is_list(n)) {
		struct words all = { 0 };
		int status = read_list(r, n, false, &all);
		for (u32 i = 0; status == 0 && i < all.n; i++)
			status = strchr(all.v[i], '=') ? add(r, n, w, all.v[i]) : add_variable(r, n, w, all.v[i], NULL);
		free(all.v);
		return status;
	}
	if (!is_map(n))
		return wrong(r, n, "environment: a list or names with values are wanted here");
	for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key), *v = yaml_document_get_node(r->doc, p->value);
		if (is_scalar(k) && str_is(raw(k), "<<")) {
			for (const yaml_node_pair_t *q = is_map(v) ? v->data.mapping.pairs.start : NULL; q && q < v->data.mapping.pairs.top; q++) {
				const yaml_node_t *qk = yaml_document_get_node(r->doc, q->key), *qv = yaml_document_get_node(r->doc, q->value);
				if (is_scalar(qk) && is_scalar(qv) && add_variable(r, v, w, text(r, qk), text(r, qv)) < 0)
					return -1;
			}
			continue;
		}
		const char *name = text(r, k), *value = is_null(v) ? NULL : text(r, v);
		if (!name || (!value && !is_null(v)) || add_variable(r, k, w, name, value) < 0)
			return -1;
	}
	return 0;
}

static int read_env_file(const struct reader *r, const yaml_node_t *at, const char *file, struct words *w)
{
	const char *slash = strrchr(r->name, '/');
	const char *path = file[0] == '/' || !slash ? file : arena_printf(r->a, "%.*s/%s", (int)(slash - r->name), r->name, file);
	struct buf body = BUF(COMPOSE_BYTES);
	int status = file_read(path, COMPOSE_BYTES, &body, r->err);
	for (struct str rest = buf_str(&body); status == 0 && rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		const char *eq = str_chr(line, '=');
		if (!eq || line.p[0] == '#' || str_chr(line, '\0'))
			continue;
		struct str value = str_from(line, (size_t)(eq - line.p) + 1);
		if (value.n > 1 && (value.p[0] == '"' || value.p[0] == '\'') && value.p[value.n - 1] == value.p[0])
			value = str_n(value.p + 1, value.n - 2);
		status = add(r, at, w, arena_printf(r->a, "%.*s=%.*s", (int)(eq - line.p), line.p, (int)value.n, value.p));
	}
	buf_free(&body);
	return status;
}

static int read_env_files(const struct reader *r, const yaml_node_t *n, struct words *w)
{
	struct words files = { 0 };
	int status = 0;
	if (is_list(n)) {
		for (const yaml_node_item_t *i = n->data.sequence.items.start; status == 0 && i < n->data.sequence.items.top; i++) {
			const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
			status = add(r, n, &files, text(r, is_map(item) ? get(r, item, "path") : item));
		}
	} else {
		status = add(r, n, &files, text(r, n));
	}
	for (u32 i = 0; status == 0 && i < files.n; i++)
		status = read_env_file(r, n, files.v[i], w);
	free(files.v);
	return status;
}

/* --- ports, health --- */

/* "80", "8080:80", "127.0.0.1:8080:80/tcp", "8000-8002:8000-8002", {target: 80}: those inside. */
static int read_ports(const struct reader *r, const yaml_node_t *n, u16 **v, u32 *n_ports, u32 *cap)
{
	if (!is_list(n))
		return wrong(r, n, "ports: a list is wanted here");
	for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		const char *z = text(r, is_map(item) ? get(r, item, "target") : item);
		if (!z)
			return -1;
		struct str proto = str_of(z), range = str_cut(&proto, '/');
		const char *colon = range.n ? memrchr(range.p, ':', range.n) : NULL;
		if (colon)
			range = str_from(range, (size_t)(colon - range.p) + 1);
		struct str last = range, first = str_cut(&last, '-');
		u64 from, to;
		if (!str_to_u64(first, &from) || (last.p && !str_to_u64(last, &to)) || !from || from > 65535)
			return wrong(r, item, "no port");
		to = last.p ? MIN(to, (u64)65535) : from;
		for (; from <= to && *n_ports < 64 && (!proto.p || str_is(proto, "tcp")); from++)
			VEC_PUSH(*v, *n_ports, *cap, (u16)from);
	}
	return 0;
}

static int read_health(const struct reader *r, const yaml_node_t *n, struct compose *ret)
{
	const yaml_node_t *test = get(r, n, "test");
	struct words w = { 0 };
	int status = 0;
	if (is_true(get(r, n, "disable")))
		status = add(r, n, &w, "NONE");
	else if (is_scalar(test))
		status = add(r, n, &w, "CMD-SHELL") < 0 ? -1 : add(r, n, &w, text(r, test));
	else if (test)
		status = read_list(r, test, false, &w);
	if (status == 0 && w.n)
		ret->health = finished(r, &w);
	free(w.v);
	return status;
}

/* --- the service --- */

static int read_command(const struct reader *r, const yaml_node_t *s, const struct config *config, struct compose *ret)
{
	const yaml_node_t *entry = get(r, s, "entrypoint"), *command = get(r, s, "command");
	struct words w = { 0 };
	int status = 0;
	if (is_null(entry) && is_null(command))
		return 0;
	if (!is_null(entry))
		status = read_list(r, entry, true, &w);
	for (u32 i = 0; is_null(entry) && status == 0 && config->entrypoint[i]; i++)
		status = add(r, s, &w, config->entrypoint[i]);
	if (status == 0 && !is_null(command))
		status = read_list(r, command, true, &w);
	for (u32 i = 0; is_null(entry) && is_null(command) && status == 0 && config->cmd[i]; i++)
		status = add(r, s, &w, config->cmd[i]);
	if (status == 0 && w.n)
		ret->spec.argv = finished(r, &w);
	free(w.v);
	return status;
}

static int read_text(const struct reader *r, const yaml_node_t *s, const char *key, const char **ret)
{
	const yaml_node_t *n = get(r, s, key);
	if (is_null(n))
		return 0;
	*ret = text(r, n);
	return *ret ? 0 : -1;
}

static int read_lists(const struct reader *r, const yaml_node_t *s, struct compose *ret)
{
	const yaml_node_t *files = get(r, s, "env_file"), *env = get(r, s, "environment"), *tmpfs = get(r, s, "tmpfs");
	struct words w = { 0 };
	int status = is_null(files) ? 0 : read_env_files(r, files, &w);
	if (status == 0 && !is_null(env))
		status = read_environment(r, env, &w);
	if (status == 0 && w.n)
		ret->spec.env = finished(r, &w);
	w.n = 0;
	if (status == 0 && !is_null(tmpfs))
		status = read_list(r, tmpfs, false, &w);
	for (u32 i = 0; status == 0 && i < w.n; i++) { /* "/run:size=64m" */
		struct str rest = str_of(w.v[i]);
		w.v[i] = arena_strdup(r->a, str_cut(&rest, ':'));
	}
	if (status == 0 && w.n)
		ret->spec.tmpfs = finished(r, &w);
	free(w.v);
	return status;
}

static int read_service(const struct reader *r, const yaml_node_t *s, const struct config *config, struct compose *ret)
{
	static const char *const missing[] = { "volumes", "depends_on", "secrets", "configs" };
	u32 cap = 0;
	u16 *ports = NULL;
	int status = 0;
	if (read_command(r, s, config, ret) < 0 || read_lists(r, s, ret) < 0 || read_text(r, s, "user", &ret->spec.user) < 0 || read_text(r, s, "working_dir", &ret->spec.cwd) < 0)
		return -1;
	ret->spec.read_only = is_true(get(r, s, "read_only"));
	const yaml_node_t *health = get(r, s, "healthcheck"), *published = get(r, s, "ports"), *expose = get(r, s, "expose");
	if (is_map(health))
		status = read_health(r, health, ret);
	if (status == 0 && !is_null(published))
		status = read_ports(r, published, &ports, &ret->n_ports, &cap);
	if (status == 0 && !is_null(expose))
		status = read_ports(r, expose, &ports, &ret->n_ports, &cap);
	if (status == 0 && ret->n_ports) {
		ret->ports = arena_array(r->a, u16, ret->n_ports);
		memcpy(ret->ports, ports, ret->n_ports * sizeof *ports);
	}
	free(ports);
	for (u32 i = 0; status == 0 && i < countof(missing); i++)
		if (!is_null(get(r, s, missing[i])))
			problem_add(r->notes, "%s: service %s has %s, which a run of the image by itself has not", r->name, ret->service, missing[i]);
	return status;
}

/* The one that is named, the only one of this image, or the only one. */
static const yaml_node_t *find_service(const struct reader *r, const yaml_node_t *services, const char *service, const char *image, struct compose *ret)
{
	const yaml_node_t *only = NULL, *ours = NULL, *name = NULL, *our_name = NULL;
	u32 n = 0, n_ours = 0;
	for (const yaml_node_pair_t *p = services->data.mapping.pairs.start; p < services->data.mapping.pairs.top; p++) {
		const yaml_node_t *k = yaml_document_get_node(r->doc, p->key), *v = yaml_document_get_node(r->doc, p->value);
		if (!is_scalar(k) || !is_map(v) || str_is(raw(k), "<<"))
			continue;
		if (service && str_is(raw(k), service)) {
			ret->service = arena_strdup(r->a, raw(k));
			return v;
		}
		n++;
		only = v;
		name = k;
		if (image && str_is(raw(get(r, v, "image")), image)) {
			n_ours++;
			ours = v;
			our_name = k;
		}
	}
	if (service || (n_ours != 1 && n != 1)) {
		error_set(r->err, ERR_USAGE, service ? "%s: no service %s" : n ? "%s: several services: say which, FILE:SERVICE" : "%s: no service", r->name, service ? service : "");
		return NULL;
	}
	ret->service = arena_strdup(r->a, raw(n_ours == 1 ? our_name : name));
	return n_ours == 1 ? ours : only;
}

int compose_parse(struct arena *a, struct str body, const char *name, const char *service, const char *image, const struct config *config, struct compose *ret, struct problems *notes, struct error *err)
{
	yaml_parser_t p;
	yaml_document_t doc;
	struct reader r = { a, &doc, name, notes, err };
	int status = 0;
	*ret = (struct compose){ .spec.listener = -1 };
	if (!yaml_parser_initialize(&p))
		return error_set(err, ERR_ENV, "YAML: no memory");
	yaml_parser_set_input_string(&p, (const unsigned char *)body.p, body.n);
	if (!yaml_parser_load(&p, &doc)) {
		status = error_set(err, ERR_USAGE, "%s:%zu: not YAML: %s", name, p.problem_mark.line + 1, p.problem ? p.problem : "damaged");
	} else {
		const yaml_node_t *root = yaml_document_get_root_node(&doc), *services = get(&r, root, "services"), *s = NULL;
		if (!is_map(services))
			status = wrong(&r, root, "no services");
		else if (!(s = find_service(&r, services, service, image, ret)))
			status = -1;
		else
			status = read_service(&r, s, config, ret);
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&p);
	return status;
}

int compose_read(struct arena *a, const char *arg, const char *image, const struct config *config, struct compose *ret, struct problems *notes, struct error *err)
{
	const char *colon = access(arg, F_OK) < 0 ? strrchr(arg, ':') : NULL, *file = colon ? arena_strdup(a, str_n(arg, (size_t)(colon - arg))) : arg;
	struct buf body = BUF(COMPOSE_BYTES);
	int status = file_read(file, COMPOSE_BYTES, &body, err);
	if (status == 0)
		status = compose_parse(a, buf_str(&body), file, colon ? colon + 1 : NULL, image, config, ret, notes, err);
	buf_free(&body);
	return status;
}
