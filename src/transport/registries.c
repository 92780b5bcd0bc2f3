#include "transport/registries.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/toml.h"
#include "oci/reference.h"
#include <dirent.h>
#include <unistd.h>

/* --- one file --- */
static int yes(const json_t *o, const char *key, const char *file, bool *ret, struct error *err)
{
	const json_t *v = json_object_get(o, key);
	if (v && !json_is_boolean(v))
		return error_set(err, ERR_USAGE, "%s: %s is true or false", file, key);
	*ret = v ? json_is_true(v) : *ret;
	return 0;
}

/* A host, or a host and the beginning of a path, without what a URL has besides. NULL when absent. */
static int place(struct arena *a, const json_t *o, const char *key, const char *file, const char **ret, struct error *err)
{
	struct str s = json_view(o, key);
	*ret = NULL;
	if (!json_object_get(o, key) || (s.p && !s.n))
		return 0;
	while (str_ends(s, STR("/")))
		s.n--;
	bool bad = !s.n || s.n > 1000 || str_find(s, STR("://")) || s.p[0] == '/';
	for (size_t i = 0; i < s.n && !bad; i++)
		bad = (unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f || strchr("?#@\\\"<>", s.p[i]);
	if (bad)
		return error_set(err, ERR_USAGE, "%s: %s = \"%.*s\": it is HOST[:PORT][/PATH]", file, key, (int)MIN(s.n, (size_t)200), s.n ? s.p : "");
	*ret = arena_strdup(a, s);
	return 0;
}

static int read_mirrors(struct arena *a, const json_t *o, const char *file, bool digests, struct registries_table *t, struct error *err)
{
	const json_t *list = json_arr(o, "mirror");
	size_t i;
	json_t *m;
	if (json_array_size(list) > REGISTRIES_MIRRORS_MAX)
		return error_set(err, ERR_USAGE, "%s: over %u mirrors of one registry", file, REGISTRIES_MIRRORS_MAX);
	t->mirrors = arena_array(a, struct registries_mirror, json_array_size(list) + 1);
	json_array_foreach(list, i, m) {
		struct registries_mirror *to = &t->mirrors[t->n++];
		struct str pull = json_view(m, "pull-from-mirror");
		if (place(a, m, "location", file, &to->location, err) < 0 || yes(m, "insecure", file, &to->insecure, err) < 0)
			return -1;
		if (!to->location)
			return error_set(err, ERR_USAGE, "%s: a mirror without a location", file);
		if (pull.n && !str_is(pull, "all") && !str_is(pull, "digest-only") && !str_is(pull, "tag-only"))
			return error_set(err, ERR_USAGE, "%s: pull-from-mirror is all, digest-only or tag-only", file);
		to->pull = str_is(pull, "digest-only") || digests ? PULL_DIGEST : str_is(pull, "tag-only") ? PULL_TAG : PULL_ALL;
	}
	return 0;
}

static struct str untagged(struct str name)
{
	const char *slash = str_chr(name, '/'), *colon = slash ? memrchr(slash, ':', (size_t)(name.p + name.n - slash)) : NULL;
	return colon ? str_n(name.p, (size_t)(colon - name.p)) : name;
}

static int read_table(struct arena *a, const json_t *o, const char *file, struct registries_table *t, struct error *err)
{
	bool digests = false;
	*t = (struct registries_table){ .file = file };
	if (place(a, o, "prefix", file, &t->prefix, err) < 0 || place(a, o, "location", file, &t->location, err) < 0 || yes(o, "insecure", file, &t->insecure, err) < 0 ||
	    yes(o, "blocked", file, &t->blocked, err) < 0 || yes(o, "mirror-by-digest-only", file, &digests, err) < 0)
		return -1;
	bool wild = t->prefix && str_starts(str_of(t->prefix), STR("*."));
	if (!t->prefix && !t->location)
		return error_set(err, ERR_USAGE, "%s: a registry without a prefix or a location", file);
	if (!t->prefix)
		t->prefix = t->location;
	if (!t->location && !wild) /* without the tag that a prefix may have */
		t->location = arena_strdup(a, untagged(str_of(t->prefix)));
	return read_mirrors(a, o, file, digests, t, err);
}

static int add(struct registries *to, const struct registries_table *t, struct error *err)
{
	if (to->n >= REGISTRIES_MAX)
		return error_set(err, ERR_USAGE, "%s: over %u registries", t->file, REGISTRIES_MAX);
	VEC_PUSH(to->v, to->n, to->cap, *t);
	return 0;
}

/* [registries.insecure] and [registries.block] of version 1: lists of hosts. What is blocked comes last, and so counts. */
static int read_first_version(struct arena *a, const json_t *doc, const char *file, struct registries *to, struct error *err)
{
	static const char *const kinds[] = { "insecure", "block" };
	for (size_t k = 0; k < countof(kinds); k++) {
		const json_t *list = json_arr(json_obj(json_obj(doc, "registries"), kinds[k]), "registries");
		for (size_t i = 0; i < json_array_size(list); i++) {
			autojson json_t *one = json_pack("{s:O}", "location", json_array_get(list, i));
			struct registries_table t;
			if (read_table(a, one, file, &t, err) < 0)
				return -1;
			t.insecure = k == 0;
			t.blocked = k == 1;
			if (add(to, &t, err) < 0)
				return -1;
		}
	}
	return 0;
}

int registries_read(struct arena *a, struct str text, const char *file, struct registries *to, struct error *err)
{
	autojson json_t *doc = NULL;
	size_t i;
	json_t *o;
	if (toml_parse(text, &doc, err) < 0)
		return error_wrap(err, "%s", file);
	file = arena_strdup(a, str_of(file));
	if (json_object_get(doc, "registry") && !json_arr(doc, "registry"))
		return error_set(err, ERR_USAGE, "%s: registries are tables [[registry]]", file);
	json_array_foreach(json_arr(doc, "registry"), i, o) {
		struct registries_table t;
		if (read_table(a, o, file, &t, err) < 0 || add(to, &t, err) < 0)
			return -1;
	}
	return read_first_version(a, doc, file, to, err);
}

/* --- choosing --- */
/* How much of HOST/PATH stands for the prefix, which may go on with the tag; 0: it is not its. */
static size_t covers(const char *prefix, struct str name, const char *tag)
{
	struct str p = str_of(prefix), rest = name, host = str_cut(&rest, '/');
	if (str_starts(p, STR("*."))) {
		p = str_from(p, 1);
		return host.n > p.n && str_ends(host, p) ? host.n : 0;
	}
	if (tag && str_eq(untagged(p), name) && p.n > name.n)
		return str_is(str_from(p, name.n + 1), tag) ? name.n : 0;
	return str_starts(name, p) && (name.n == p.n || name.p[p.n] == '/') ? p.n : 0;
}

/* `name` with its first n bytes replaced. */
static int settle(struct arena *a, const char *location, struct str name, size_t n, const char *file, struct registries_place *ret, struct error *err)
{
	struct str rest = str_of(location ? arena_printf(a, "%s%s", location, arena_strdup(a, str_from(name, n))) : arena_strdup(a, name)), host = str_cut(&rest, '/');
	struct reference ref;
	const char *domain = arena_strdup(a, host), *path = rest.p ? arena_strdup(a, rest) : "";
	if (!path[0] || reference_parse(a, str_of(arena_printf(a, "%s/%s", strchr(domain, '.') || strchr(domain, ':') || strcmp(domain, "localhost") == 0 ? domain : "", path)), &ref, err) < 0 ||
	    strcmp(ref.path, path) != 0)
		return error_set(err, ERR_USAGE, "%s: %.200s/%.200s: no name of a repository comes of that", file, domain, path);
	ret->domain = domain;
	ret->path = path;
	return 0;
}

int registries_choose(struct arena *a, const struct registries *all, const char *domain, const char *path, const char *tag, struct registries_way *ret, struct error *err)
{
	struct str name = str_of(arena_printf(a, "%s/%s", domain, path));
	const struct registries_table *best = NULL;
	for (u32 i = 0; i < all->n; i++)
		if (covers(all->v[i].prefix, name, tag) && (!best || strlen(all->v[i].prefix) >= strlen(best->prefix)))
			best = &all->v[i];
	*ret = (struct registries_way){ .n = 1, .place[0] = { .domain = domain, .path = path } };
	if (!best)
		return 0;
	if (best->blocked)
		return error_set(err, ERR_ENV, "%s: %s is blocked in %s", name.p, best->prefix, best->file);
	size_t n = covers(best->prefix, name, tag);
	for (u32 i = 0; i <= best->n; i++) {
		const struct registries_mirror own = { best->location, best->insecure, PULL_ALL }, *m = i < best->n ? &best->mirrors[i] : &own;
		ret->place[i] = (struct registries_place){ .insecure = m->insecure, .pull = m->pull };
		if (settle(a, m->location, name, n, best->file, &ret->place[i], err) < 0)
			return -1;
	}
	ret->n = best->n + 1;
	return 0;
}

/* --- files --- */
static int read_file(struct arena *a, const char *path, struct registries *to, struct error *err)
{
	struct buf text = BUF(0);
	int r = file_read(path, REGISTRIES_FILE_MAX, &text, err);
	r = r < 0 ? r : registries_read(a, buf_str(&text), path, to, err);
	buf_free(&text);
	return r;
}

static int read_dir(struct arena *a, const char *dir, struct registries *to, struct error *err)
{
	struct dirent **names;
	int n = dir[0] ? scandir(dir, &names, NULL, alphasort) : -1, r = 0;
	if (n < 0)
		return 0;
	for (int i = 0; i < n; i++) {
		if (r == 0 && str_ends(str_of(names[i]->d_name), STR(".conf")))
			r = read_file(a, arena_printf(a, "%s/%s", dir, names[i]->d_name), to, err);
		free(names[i]);
	}
	free(names);
	return r;
}

int registries_find(struct arena *a, const char *domain, const char *path, const char *tag, struct registries_way *ret, struct error *err)
{
	const char *named = getenv("CONTAINERS_REGISTRIES_CONF"), *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
	const char *own = config && config[0] ? config : home && home[0] ? arena_printf(a, "%s/.config", home) : "";
	const char *user = own[0] ? arena_printf(a, "%s/containers/registries.conf", own) : "", *system = "/etc/containers/registries.conf";
	struct registries all = { 0 };
	int r = 0;
	if (named && named[0]) {
		r = read_file(a, named, &all, err);
	} else {
		const char *file = user[0] && access(user, R_OK) == 0 ? user : access(system, R_OK) == 0 ? system : NULL;
		r = file ? read_file(a, file, &all, err) : 0;
		r = r < 0 ? r : read_dir(a, "/etc/containers/registries.conf.d", &all, err);
		r = r < 0 || !user[0] ? r : read_dir(a, arena_printf(a, "%s.d", user), &all, err);
	}
	r = r < 0 ? r : registries_choose(a, &all, domain, path, tag, ret, err);
	free(all.v);
	return r;
}
