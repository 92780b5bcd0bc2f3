#include "compose/sources.h"
#include "base/buf.h"
#include "base/file.h"
#include "compose/deb822.h"
#include "compose/recipe.h"
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define SOURCES_BYTES ((size_t)MiB)

static const char *const *words_of(struct arena *a, struct str s) { return recipe_words(a, arena_strdup(a, s)); }

static void add(struct arena *a, struct apt_sources *to, const struct apt_source *s)
{
	if (to->n == SOURCES_MAX || str_starts(str_of(s->uri), STR("cdrom:"))) /* nobody puts in a disc */
		return;
	if (to->n % 16 == 0) {
		struct apt_source *v = arena_array(a, struct apt_source, to->n + 16);
		if (to->n)
			memcpy(v, to->v, to->n * sizeof *v);
		to->v = v;
	}
	to->v[to->n++] = *s;
}

/* As apt reads them. */
static bool says_yes(struct str s) { return str_among(s, "yes true with on enable 1"); }
static bool says_no(struct str s) { return str_among(s, "no false without off disable 0"); }

/* "[arch=amd64,arm64 signed-by=FILE trusted=yes]" */
static void options(struct arena *a, struct str text, struct apt_source *s)
{
	for (struct str word; deb822_word(&text, &word);) {
		struct str value = word, name = str_cut(&value, '=');
		if (str_is(name, "arch"))
			s->archs = words_of(a, value);
		else if (str_is(name, "signed-by"))
			s->signed_by = words_of(a, value);
		else if (str_is(name, "trusted"))
			s->trusted = says_yes(value);
		else if (str_is(name, "check-valid-until"))
			s->any_date = says_no(value);
	}
}

void sources_list(struct str text, struct arena *a, struct apt_sources *ret)
{
	for (struct str rest = text; rest.p;) {
		struct str line = str_cut(&rest, '\n'), word;
		struct apt_source s = { 0 };
		line = str_cut(&line, '#');
		if (!deb822_word(&line, &word) || !str_is(word, "deb"))
			continue;
		line = str_trim(line);
		if (line.n && line.p[0] == '[') {
			struct str in = str_from(line, 1);
			options(a, str_cut(&in, ']'), &s);
			line = in.p ? in : STR("");
		}
		struct str uri, suite;
		if (!deb822_word(&line, &uri) || !deb822_word(&line, &suite) || str_ends(suite, STR("/")))
			continue;
		s.uri = arena_strdup(a, uri);
		s.suite = arena_strdup(a, suite);
		s.components = words_of(a, line);
		add(a, ret, &s);
	}
}

/* A key in the sources: its lines begin with a blank, and an empty one is " .". */
static struct str inline_key(struct arena *a, struct str value)
{
	struct buf b = BUF(SOURCES_BYTES);
	for (struct str rest = value; rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (!str_is(line, "."))
			buf_add(&b, line);
		buf_putc(&b, '\n');
	}
	struct str ret = str_n(arena_strdup(a, buf_str(&b)), b.n);
	buf_free(&b);
	return ret;
}

void sources_deb822(struct str text, struct arena *a, struct apt_sources *ret)
{
	enum { TYPES, URIS, SUITES, COMPONENTS, ARCHS, SIGNED_BY, TRUSTED, ENABLED, CHECK, FIELDS };
	static const char *const names[] = { "Types", "URIs", "Suites", "Components", "Architectures", "Signed-By", "Trusted", "Enabled", "Check-Valid-Until" };
	for (struct str p; deb822_next(&text, &p);) {
		struct str v[FIELDS], uri, suite;
		if (deb822_fields(p, names, v, FIELDS, &(struct error){ 0 }) < 0)
			continue;
		bool deb = false;
		for (struct str rest = v[TYPES], word; deb822_word(&rest, &word);)
			deb |= str_is(word, "deb");
		if (!deb || says_no(v[ENABLED]))
			continue;
		struct apt_source s = { .components = words_of(a, v[COMPONENTS]), .trusted = says_yes(v[TRUSTED]), .any_date = says_no(v[CHECK]) };
		s.archs = v[ARCHS].n ? words_of(a, v[ARCHS]) : NULL;
		if (str_contains(v[SIGNED_BY], STR("BEGIN PGP")))
			s.key = inline_key(a, v[SIGNED_BY]);
		else if (v[SIGNED_BY].n)
			s.signed_by = words_of(a, v[SIGNED_BY]);
		for (struct str rest = v[URIS]; deb822_word(&rest, &uri);)
			for (struct str suites = v[SUITES]; deb822_word(&suites, &suite);) {
				s.uri = arena_strdup(a, uri);
				s.suite = arena_strdup(a, suite);
				if (!str_ends(suite, STR("/")))
					add(a, ret, &s);
			}
	}
}

static int read_one(const char *path, struct arena *a, struct apt_sources *ret, struct error *err)
{
	struct buf b = BUF(SOURCES_BYTES);
	int r = access(path, F_OK) < 0 ? 0 : file_read(path, SOURCES_BYTES, &b, err);
	if (r == 0 && str_ends(str_of(path), STR(".sources")))
		sources_deb822(buf_str(&b), a, ret);
	else if (r == 0)
		sources_list(buf_str(&b), a, ret);
	buf_free(&b);
	return r < 0 ? error_wrap(err, "%s", path) : 0;
}

static int is_source(const struct dirent *d) { return d->d_name[0] != '.' && (str_ends(str_of(d->d_name), STR(".list")) || str_ends(str_of(d->d_name), STR(".sources"))); }
static int is_conf(const struct dirent *d) { return d->d_name[0] != '.'; }
static int bytewise(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

static int each_file(const char *dir, int (*filter)(const struct dirent *), int (*f)(void *ctx, const char *path, struct error *err), void *ctx, struct error *err)
{
	struct dirent **v = NULL;
	int n = scandir(dir, &v, filter, bytewise), r = 0;
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", dir, v[i]->d_name);
		r = r < 0 ? r : f(ctx, path, err);
		free(v[i]);
	}
	free(v);
	return r;
}

struct reading {
	struct arena *a;
	struct apt_sources *to;
	bool any_date;
};
static int source_file(void *ctx, const char *path, struct error *err)
{
	struct reading *r = ctx;
	return read_one(path, r->a, r->to, err);
}

/* A value with its `;`, and perhaps between quotes. */
static struct str unquoted(struct str s)
{
	s = str_trim(str_cut(&s, ';'));
	return s.n > 1 && s.p[0] == '"' && s.p[s.n - 1] == '"' ? str_n(s.p + 1, s.n - 2) : s;
}

/* Acquire::Check-Valid-Until "false"; */
static int conf_file(void *ctx, const char *path, struct error *err)
{
	struct reading *r = ctx;
	struct buf b = BUF(SOURCES_BYTES);
	(void)err;
	if (file_read(path, SOURCES_BYTES, &b, &(struct error){ 0 }) == 0)
		for (struct str rest = buf_str(&b); rest.p;) {
			struct str line = str_trim(str_cut(&rest, '\n')), word;
			if (deb822_word(&line, &word) && str_ieq(word, STR("Acquire::Check-Valid-Until")))
				r->any_date = says_no(unquoted(line));
		}
	buf_free(&b);
	return 0;
}

int sources_host(const char *dir, struct arena *a, struct apt_sources *ret, struct error *err)
{
	struct reading r = { a, ret, false };
	if (read_one(arena_printf(a, "%s/sources.list", dir), a, ret, err) < 0 || each_file(arena_printf(a, "%s/sources.list.d", dir), is_source, source_file, &r, err) < 0 ||
	    each_file(arena_printf(a, "%s/apt.conf.d", dir), is_conf, conf_file, &r, err) < 0)
		return -1;
	for (u32 i = 0; i < ret->n; i++)
		ret->v[i].any_date |= r.any_date;
	return 0;
}

/* --- those of a recipe --- */

static bool rolling(struct str s) { return str_among(s, "sid unstable testing experimental stable oldstable devel rc-buggy"); }

/* The suites that are wanted: as they are said, or the release with its updates. */
static const char *const *suites_of(const struct recipe *r, struct arena *a)
{
	const char **v = arena_array(a, const char *, 4);
	if (r->only_suites || r->mirror || rolling(str_of(r->suites[0])))
		return r->suites;
	v[0] = r->suites[0];
	v[1] = arena_printf(a, "%s-updates", v[0]);
	v[2] = arena_printf(a, "%s-security", v[0]);
	return v;
}

static const char *const *only(const char *const *have, const char *const *want, struct arena *a)
{
	u32 n = 0, k = 0;
	if (!want)
		return have;
	while (have[n])
		n++;
	const char **v = arena_array(a, const char *, n + 1u);
	for (u32 i = 0; i < n; i++)
		if (str_listed(str_of(have[i]), want))
			v[k++] = have[i];
	return v;
}

static void from_host(const struct recipe *r, const char *arch, const struct apt_sources *host, const char *const *suites, struct arena *a, struct apt_sources *ret)
{
	bool fits = false;
	for (u32 i = 0; i < host->n; i++)
		fits |= strcmp(host->v[i].suite, suites[0]) == 0 && str_listed(STR("main"), host->v[i].components);
	for (u32 i = 0; fits && i < host->n; i++) {
		struct apt_source s = host->v[i];
		s.components = only(s.components, r->components, a);
		if (str_listed(str_of(s.suite), suites) && (!s.archs || str_listed(str_of(arch), s.archs)) && s.components[0])
			add(a, ret, &s);
	}
}

static const char *own_mirror(const struct recipe *r, const char *arch, bool security, struct arena *a)
{
	bool ubuntu = strcmp(r->distribution, "ubuntu") == 0;
	if (r->snapshot)
		return ubuntu ? arena_printf(a, "https://snapshot.ubuntu.com/ubuntu/%s", r->snapshot) : arena_printf(a, "https://snapshot.debian.org/archive/debian%s/%s", security ? "-security" : "", r->snapshot);
	if (ubuntu)
		return strcmp(arch, "amd64") != 0 && strcmp(arch, "i386") != 0 ? "http://ports.ubuntu.com/ubuntu-ports" : security ? "http://security.ubuntu.com/ubuntu" : "http://archive.ubuntu.com/ubuntu";
	return security ? "http://deb.debian.org/debian-security" : "http://deb.debian.org/debian";
}

int sources_of(const struct recipe *r, const char *arch, struct arena *a, struct apt_sources *ret, struct error *err)
{
	static const char *const main_only[] = { "main", NULL };
	struct apt_sources host = { 0 };
	if (!r->suites || !r->suites[0])
		return error_set(err, ERR_USAGE, "no suite is said: `suite: bookworm`, or --suite");
	const char *const *suites = suites_of(r, a);
	if (!r->mirror && !r->snapshot) {
		if (sources_host(r->apt ? r->apt : "/etc/apt", a, &host, err) < 0)
			return -1;
		from_host(r, arch, &host, suites, a, ret);
		if (ret->n)
			return 0;
	}
	for (u32 i = 0; suites[i]; i++) {
		bool security = str_ends(str_of(suites[i]), STR("-security"));
		struct apt_source s = { .suite = suites[i], .components = r->components ? r->components : main_only, .any_date = r->snapshot };
		s.uri = !r->mirror ? own_mirror(r, arch, security, a) : security && r->security_mirror ? r->security_mirror : r->mirror;
		add(a, ret, &s);
	}
	return 0;
}
