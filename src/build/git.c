#include "build/git.h"
#include "base/file.h"
#include "base/process.h"
#include "build/secrets.h"
#include "build/within.h"
#include "transport/auth.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)(4 * MiB))

/* --- URLs --- */
static bool starts(struct str s, const char *z) { return str_starts(s, str_of(z)); }

/* "user@host:path", as scp(1) has it: no scheme, the ':' before any '/'. */
static bool is_scp(struct str s)
{
	const char *at = str_chr(s, '@'), *colon = str_chr(s, ':'), *slash = str_chr(s, '/');
	if (!at || at == s.p || !colon || colon < at + 2 || (slash && slash < colon) || str_find(s, STR("://")))
		return false;
	for (const char *p = s.p; p < colon; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("._-@", *p)))
			return false;
	return true;
}

static bool hexadecimal(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	return s.n == 40 || s.n == 64;
}

/* What git may be given as an argument: no option, nothing that is no name of a ref (git-check-ref-format(1)) or revision. */
static bool is_ref(struct str s)
{
	if (!s.n || s.n > 1024 || s.p[0] == '-' || s.p[0] == '+' || s.p[0] == '/' || str_find(s, STR("..")) || str_find(s, STR("//")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((u8)s.p[i] <= ' ' || s.p[i] == 0x7F || strchr("~^:?*[\\", s.p[i]))
			return false;
	return true;
}

/* "scheme://user:password@host/path" in pieces; no scheme: all of it is the rest. */
struct pieces {
	struct str scheme, user, host, path; /* scheme with its "://", host with its port; user p NULL: none */
};

static struct pieces take_apart(struct str remote)
{
	const char *scheme = str_find(remote, STR("://"));
	struct pieces p = { .path = remote };
	if (!scheme)
		return p;
	p.scheme = str_head(remote, (size_t)(scheme - remote.p) + 3);
	size_t from = p.scheme.n, end = from, at;
	while (end < remote.n && !strchr("/?#", remote.p[end]))
		end++;
	for (at = end; at > from && remote.p[at - 1] != '@';)
		at--;
	if (at > from)
		p.user = str_n(remote.p + from, at - 1 - from);
	p.host = str_n(remote.p + at, end - at);
	p.path = str_from(remote, end);
	return p;
}

/* RFC 3986 section 2.1. */
static const char *decoded(struct arena *a, struct str s)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(a, s.n + 1), *to = out;
	for (size_t i = 0; i < s.n; i++) {
		const char *high = s.p[i] == '%' && i + 2 < s.n ? strchr(digits, s.p[i + 1] | 0x20) : NULL, *low = high ? strchr(digits, s.p[i + 2] | 0x20) : NULL;
		*to++ = low && *high && *low ? (char)((high - digits) << 4 | (low - digits)) : s.p[i];
		i += low && *high && *low ? 2 : 0;
	}
	*to = '\0';
	return out;
}

static bool is_http(struct pieces p) { return str_is(p.scheme, "https://") || str_is(p.scheme, "http://"); }

struct parts {
	struct str ref, dir, commit;
};

static int query(struct str q, struct parts *p, struct str text, struct error *err)
{
	while (q.p) {
		struct str value = str_cut(&q, '&'), key = str_cut(&value, '=');
		if (!key.n)
			continue;
		if (str_among(key, "branch tag ref") && value.n && !p->ref.n)
			p->ref = value;
		else if (str_is(key, "commit") && value.n)
			p->commit = value;
		else if (str_is(key, "subdir") && value.n)
			p->dir = value;
		else
			return error_set(err, ERR_USAGE, "%.*s: what \"%.*s\" says of a git repository is not known", STR_FMT(text), STR_FMT(key));
	}
	return 0;
}

bool git_is_url(struct str text)
{
	struct str rest = text, path = str_cut(&rest, '#');
	rest = path;
	path = str_cut(&rest, '?');
	if (starts(text, "git://") || starts(text, "ssh://"))
		return true;
	return starts(text, "http://") || starts(text, "https://") ? str_ends(path, STR(".git")) : is_scp(path);
}

int git_parse(struct arena *a, struct str text, struct git_source *ret, struct error *err)
{
	struct parts p = { 0 };
	struct str fragment = text, remote = str_cut(&fragment, '#'), asked = remote, path = str_cut(&asked, '?');
	bool hub = starts(text, "github.com/");
	if (!hub && !git_is_url(text))
		return 0;
	for (size_t i = 0; i < text.n; i++)
		if ((u8)text.p[i] < ' ' || text.p[i] == 0x7F)
			return error_set(err, ERR_USAGE, "a git URL with control characters");
	struct pieces of = take_apart(path);
	const char *shown = of.user.p ? arena_printf(a, "%.*s%.*s%.*s", STR_FMT(of.scheme), STR_FMT(of.host), STR_FMT(of.path)) : arena_strdup(a, path);
	if (asked.p && query(asked, &p, str_of(shown), err) < 0)
		return -1;
	if (fragment.p) {
		struct str dir = fragment, ref = str_cut(&dir, ':');
		p.ref = ref.n ? ref : p.ref;
		p.dir = dir.p && dir.n ? dir : p.dir;
	}
	if (p.ref.n && !is_ref(p.ref))
		return error_set(err, ERR_USAGE, "%.300s: \"%.*s\" is no name of a branch, tag or commit", shown, STR_FMT(p.ref));
	if (p.commit.n && !hexadecimal(p.commit))
		return error_set(err, ERR_USAGE, "%.300s: commit=%.*s is no whole commit ID", shown, STR_FMT(p.commit));
	if (within_climbs(p.dir))
		return error_set(err, ERR_USAGE, "%.300s: %.*s leads out of the repository", shown, STR_FMT(p.dir));
	if (path.n > WITHIN_PATH || p.dir.n >= WITHIN_PATH || (path.n && path.p[0] == '-'))
		return error_set(err, ERR_USAGE, "%.300s: no URL of a repository", shown);
	*ret = (struct git_source){
		.remote = hub ? arena_printf(a, "https://%s", shown) : is_http(of) ? shown : arena_strdup(a, path),
		.shown = hub ? arena_printf(a, "https://%s", shown) : shown,
		.ref = p.ref.n ? arena_strdup(a, p.ref) : p.commit.n ? arena_strdup(a, p.commit) : NULL,
		.dir = p.dir.n ? arena_strdup(a, p.dir) : NULL,
		.commit = p.commit.n ? arena_strdup(a, p.commit) : p.ref.n && hexadecimal(p.ref) ? arena_strdup(a, p.ref) : NULL,
	};
	if (of.user.p && is_http(of)) {
		struct str password = of.user, user = str_cut(&password, ':');
		ret->header = auth_basic(a, decoded(a, user), decoded(a, password.p ? password : STR("")));
	}
	return 1;
}

/* --- credentials --- */
/* Of a host that is not this machine a secret is only told when nobody on the way can read it. */
static bool is_private(struct pieces p)
{
	struct str rest = p.host, name = str_cut(&rest, ':');
	bool number = strspn(name.p, "0123456789.") == name.n;
	return str_is(p.scheme, "https://") || str_is(name, "localhost") || (number && str_starts(name, STR("127."))) || str_starts(p.host, STR("[::1]"));
}

static struct str given(struct arena *a, const struct secrets *s, const char *id, struct str host, bool own)
{
	struct str v = secrets_value(s, arena_printf(a, "%s.%.*s", id, STR_FMT(host)));
	return str_trim(v.p || !own ? v : secrets_value(s, id));
}

int git_authorize(struct arena *a, const struct secrets *s, bool own, struct git_source *g, struct error *err)
{
	struct pieces p = take_apart(str_of(g->remote));
	if (!s || g->header || !is_http(p) || !is_private(p))
		return 0;
	struct str token = given(a, s, "GIT_AUTH_TOKEN", p.host, own), header = given(a, s, "GIT_AUTH_HEADER", p.host, own), any = header.p ? header : token;
	for (size_t i = 0; i < any.n; i++)
		if ((u8)any.p[i] < ' ' || any.p[i] == 0x7F)
			return error_set(err, ERR_USAGE, "the secret %s holds a control character", header.p ? "GIT_AUTH_HEADER" : "GIT_AUTH_TOKEN");
	if (header.n)
		g->header = arena_printf(a, "Authorization: %.*s", STR_FMT(header));
	else if (token.n)
		g->header = auth_basic(a, "x-access-token", arena_strdup(a, token));
	return 0;
}

const char *git_uri(struct arena *a, const struct git_source *g) { return g->ref ? arena_printf(a, "%s#%s", g->shown, g->ref) : g->shown; }
const char *git_digest(struct arena *a, const char *commit) { return arena_printf(a, "%s:%s", strlen(commit) == 40 ? "sha1" : "sha256", commit); }

/* --- git(1) --- */
/* The last line that says something. */
static int told(const struct git_source *g, const struct buf *out, struct error *err)
{
	struct str line = { NULL, 0 };
	for (struct str rest = buf_str(out); rest.p;) {
		struct str l = str_trim(str_cut(&rest, '\n'));
		if (starts(l, "fatal: ") || starts(l, "error: ") || !line.n)
			line = l.n ? str_from(l, starts(l, "fatal: ") || starts(l, "error: ") ? 7 : 0) : line;
	}
	if (!line.n)
		line = STR("git could not fetch it");
	return error_set(err, ERR_ENV, "%.300s: %.*s", g->shown, STR_FMT(line));
}

/* Silence ends what http and ssh do (fetch.h: FETCH_SILENCE). What a hook that started us has in its environment is of its own repository. */
#define GIT                                                                                                                                                                           \
	"git", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60", "-c", "core.hooksPath=/dev/null", "-c", "credential.helper=", "-c", "advice.detachedHead=false", "-c", "gc.auto=0", "-c",                         \
		"core.fsmonitor=false", "-c", "submodule.recurse=false"
#define SURROUNDINGS                                                                                                                                                                  \
	"sh", "-c", "umask 022; exec \"$@\"", "sh", "env", "-u", "GIT_DIR", "-u", "GIT_WORK_TREE", "-u", "GIT_INDEX_FILE", "-u", "GIT_OBJECT_DIRECTORY", "-u", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "-u",                       \
		"GIT_QUARANTINE_PATH", "-u", "GIT_COMMON_DIR", "-u", "GIT_NAMESPACE", "GIT_ALLOW_PROTOCOL=http:https:git:ssh", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",                \
		"GIT_ASKPASS=true", "SSH_ASKPASS=true", "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=60 -o ServerAliveInterval=20", "GIT_LFS_SKIP_SMUDGE=1", "GIT_TEMPLATE_DIR=", "LC_ALL=C"

/* 0: it went well; 1: not. `words`: behind "git -C DIR", NULL-terminated. */
static int git(const struct git_source *g, const char *dir, const char *const *words, struct buf *out, struct error *err)
{
	const char *argv[96] = { SURROUNDINGS, GIT, "-C", dir };
	u32 n = 0;
	while (argv[n])
		n++;
	for (u32 i = 0; words[i] && n + 1 < countof(argv); i++)
		argv[n++] = words[i];
	struct buf where = BUF(0);
	bool there = process_find("git", &where);
	buf_free(&where);
	if (!there)
		return error_set(err, ERR_ENV, "git is not installed");
	buf_clear(out);
	struct arena a = { 0 };
	struct pieces p = take_apart(str_of(g->remote));
	const char *const env[] = { g->header ? "GIT_CONFIG_COUNT=2" : "GIT_CONFIG_COUNT=0", arena_printf(&a, "GIT_CONFIG_KEY_0=http.%.*s%.*s/.extraHeader", STR_FMT(p.scheme), STR_FMT(p.host)),
		arena_printf(&a, "GIT_CONFIG_VALUE_0=%s", g->header ? g->header : ""), "GIT_CONFIG_KEY_1=http.followRedirects", "GIT_CONFIG_VALUE_1=false", NULL };
	int status = process_run_with(argv, env, out, err);
	arena_free(&a);
	return status < 0 ? -1 : status != 0;
}

struct str git_listed(struct str lines, const char *ref)
{
	static const char *const names[] = { "refs/heads/", "refs/tags/", "", "refs/" };
	struct str best = { NULL, 0 };
	u32 rank = UINT32_MAX;
	while (lines.p) {
		struct str name = str_cut(&lines, '\n'), id = str_cut(&name, '\t');
		bool is_peeled = str_ends(name, STR("^{}"));
		name.n -= is_peeled ? 3 : 0;
		for (u32 i = 0; name.p && i < countof(names) && hexadecimal(id); i++) {
			u32 mine = i * 2 + !is_peeled;
			if (mine < rank && str_starts(name, str_of(names[i])) && str_is(str_from(name, strlen(names[i])), ref)) {
				best = id;
				rank = mine;
			}
		}
	}
	return best;
}

int git_resolve(const struct git_source *g, char *commit, struct error *err)
{
	struct buf out = BUF(OUTPUT_MAX);
	if (g->commit && (!g->ref || strcmp(g->ref, g->commit) == 0)) {
		snprintf(commit, 65, "%s", g->commit);
		return 0;
	}
	struct arena a = { 0 };
	const char *ref = g->ref ? g->ref : "HEAD";
	const char *const peeled = arena_printf(&a, "%s^{}", ref);
	const char *const words[] = { "ls-remote", "--", g->remote, ref, peeled, NULL };
	int r = git(g, "/", words, &out, err);
	if (r == 1)
		r = told(g, &out, err);
	struct str best = r == 0 ? git_listed(buf_str(&out), ref) : (struct str){ NULL, 0 };
	if (r == 0 && !best.n)
		r = error_set(err, ERR_INPUT, "%.300s: it has no branch or tag %.300s", g->shown, ref);
	if (r == 0 && g->commit && !str_is(best, g->commit))
		r = error_set(err, ERR_INPUT, "%.300s: %.300s is %.*s, not %s", g->shown, ref, STR_FMT(best), g->commit);
	if (r == 0)
		snprintf(commit, 65, "%.*s", STR_FMT(best));
	buf_free(&out);
	arena_free(&a);
	return r;
}

/* The commit alone, where the server gives out what is asked for by its ID; then what the ref has; then everything. */
static int fetch(const struct git_source *g, const char *commit, const char *dir, struct buf *out, struct error *err)
{
	const char *ref = g->ref ? g->ref : "HEAD";
	const char *const ways[][9] = {
		{ "fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", g->remote, commit },
		{ "fetch", "-q", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", g->remote, ref },
		{ "fetch", "-q", "--tags", "--no-recurse-submodules", "--", g->remote, "+refs/*:refs/pare/*" },
	};
	const char *const check[] = { "cat-file", "-e", NULL, NULL };
	const char *words[4];
	struct arena a = { 0 };
	memcpy(words, check, sizeof words);
	words[2] = arena_printf(&a, "%s^{commit}", commit);
	struct buf first = BUF(OUTPUT_MAX);
	int r = 1;
	for (u32 i = 0; i < countof(ways) && r == 1; i++) {
		r = git(g, dir, ways[i], out, err);
		if (r == 1 && !first.n)
			buf_add(&first, buf_str(out));
		if (r == 0)
			r = git(g, dir, words, out, err);
	}
	if (r == 1)
		r = told(g, &first, err);
	buf_free(&first);
	arena_free(&a);
	return r;
}

/* What is named is moved to where the whole is. */
static int only(const struct git_source *g, const char *dir, struct error *err)
{
	char clean[WITHIN_PATH];
	struct within_names names;
	autofd int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofd int aside = -1;
	if (root < 0)
		return error_errno(err, "%.300s", dir);
	if (within_resolve(root, str_of(g->dir), true, false, clean) < 0 || (aside = within_open(root, clean, O_RDONLY | O_DIRECTORY)) < 0)
		return error_set(err, ERR_INPUT, "%.300s: it has no directory %.300s", g->shown, g->dir);
	if (!*clean)
		return 0;
	/* aside, since names in it may be those above it */
	if (mkdirat(root, ".git/pare-dir", 0700) < 0 || renameat(root, clean, root, ".git/pare-dir/it") < 0 || within_names(root, UINT32_MAX - 1, &names, err) < 0)
		return error_errno(err, "%.300s", dir);
	int r = 0;
	for (u32 i = 0; i < names.n && r == 0; i++)
		if (strcmp(names.v[i], ".git") != 0)
			r = within_remove(root, names.v[i]);
	within_names_free(&names);
	if (r < 0 || within_names(aside, UINT32_MAX - 1, &names, err) < 0)
		return error_errno(err, "%.300s", dir);
	for (u32 i = 0; i < names.n && r == 0; i++)
		if (strcmp(names.v[i], ".git") != 0)
			r = renameat(aside, names.v[i], root, names.v[i]);
	within_names_free(&names);
	return r < 0 || within_remove(root, ".git/pare-dir") < 0 ? error_errno(err, "%.300s", dir) : 0;
}

static int without_git(const char *dir, struct error *err)
{
	autofd int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root < 0 || within_remove(root, ".git") < 0 ? error_errno(err, "%.300s", dir) : 0;
}

/* URLs that are relative are so to the one without credentials: a configuration may stay. */
static int submodules(const struct git_source *g, const char *dir, struct buf *out, struct error *err)
{
	const char *const where[] = { "config", "remote.origin.url", g->shown, NULL };
	static const char *const ways[][8] = { { "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1" }, { "submodule", "--quiet", "update", "--init", "--recursive", "--no-recommend-shallow" } };
	struct arena a = { 0 };
	int r = access(arena_printf(&a, "%s/.gitmodules", dir), F_OK) == 0 ? git(g, dir, where, out, err) : 2;
	arena_free(&a);
	if (r == 2)
		return 0;
	for (u32 i = 0; i < countof(ways) && (i ? r == 1 : r == 0); i++)
		r = git(g, dir, ways[i], out, err);
	return r;
}

int git_fetch(const struct git_source *g, const char *commit, const char *dir, bool keep, struct error *err)
{
	static const char *const init[] = { "init", "-q", "--template=", NULL };
	const char *const checkout[] = { "checkout", "-q", "--force", "--detach", commit, NULL };
	struct buf out = BUF(OUTPUT_MAX);
	int r = git(g, dir, init, &out, err);
	r = r == 0 ? fetch(g, commit, dir, &out, err) : r;
	r = r == 0 ? git(g, dir, checkout, &out, err) : r;
	r = r == 0 ? submodules(g, dir, &out, err) : r;
	if (r == 1)
		r = told(g, &out, err);
	if (r == 0 && g->dir)
		r = only(g, dir, err);
	if (r == 0 && !keep)
		r = without_git(dir, err);
	buf_free(&out);
	return r;
}
