#include "transport/auth.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include <unistd.h>

/* --- challenges --- */
static bool token_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct str skip(struct str s, const char *chars)
{
	while (s.n && s.p[0] && strchr(chars, s.p[0]))
		s = str_from(s, 1);
	return s;
}

static struct str take_token(struct str *s)
{
	size_t n = 0;
	while (n < s->n && token_char(s->p[n]))
		n++;
	struct str t = str_head(*s, n);
	*s = str_from(*s, n);
	return t;
}

/* What stands behind '=': a token, or a quoted string without its quotes. Control characters make it "". */
static const char *take_value(struct arena *a, struct str *s)
{
	struct buf out = BUF(AUTH_VALUE_MAX);
	struct str v = *s;
	bool bad = false;
	if (v.n && v.p[0] == '"') {
		for (v = str_from(v, 1); v.n && v.p[0] != '"'; v = str_from(v, 1)) {
			if (v.p[0] == '\\' && v.n > 1)
				v = str_from(v, 1);
			bad = bad || (unsigned char)v.p[0] < ' ' || v.p[0] == 0x7f;
			buf_putc(&out, v.p[0]);
		}
		v = str_from(v, 1);
	} else {
		size_t n = 0;
		while (n < v.n && !strchr(", \t", v.p[n]))
			n++;
		struct str word = str_head(v, n);
		for (size_t i = 0; i < n; i++)
			bad = bad || (unsigned char)word.p[i] < ' ' || word.p[i] == 0x7f;
		buf_add(&out, word);
		v = n ? str_from(v, n) : str_from(v, v.n != 0);
	}
	*s = v;
	const char *text = out.over || bad ? "" : arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return text;
}

struct auth_challenge auth_challenge(struct arena *a, struct str value)
{
	struct auth_challenge best = { AUTH_NONE, "", "" }, now = best;
	while (value.n) {
		value = skip(value, ", \t\r\n");
		struct str name = take_token(&value), rest = skip(value, " \t");
		if (!name.n) {
			value = str_from(value, 1);
			continue;
		}
		if (rest.n && rest.p[0] == '=') { /* a parameter of the challenge before it */
			value = skip(str_from(rest, 1), " \t");
			const char *text = take_value(a, &value);
			if (str_ieq(name, STR("realm")))
				now.realm = text;
			else if (str_ieq(name, STR("service")))
				now.service = text;
		} else {
			if (now.kind > best.kind)
				best = now;
			now = (struct auth_challenge){ str_ieq(name, STR("bearer")) ? AUTH_BEARER : str_ieq(name, STR("basic")) ? AUTH_BASIC : AUTH_NONE, "", "" };
		}
	}
	return now.kind > best.kind ? now : best;
}

/* --- credentials --- */
size_t auth_speaks_for(struct str key, const char *host, struct str path)
{
	static const struct str schemes[] = { { "https://", 8 }, { "http://", 7 } }, versions[] = { { "/v1", 3 }, { "/v2", 3 } };
	for (size_t i = 0; i < countof(schemes); i++)
		if (str_starts(key, schemes[i]))
			key = str_from(key, schemes[i].n);
	while (str_ends(key, STR("/")))
		key.n--;
	for (size_t i = 0; i < countof(versions); i++)
		if (str_ends(key, versions[i]) && str_chr(key, '/') == key.p + key.n - versions[i].n)
			key.n -= versions[i].n;
	struct str rest = key, name = str_cut(&rest, '/');
	bool hub = strcmp(host, "docker.io") == 0;
	if (!str_is(name, host) && !(hub && (str_is(name, "index.docker.io") || str_is(name, "registry-1.docker.io"))))
		return 0;
	if (!rest.p)
		return 1;
	return str_starts(path, rest) && (path.n == rest.n || path.p[rest.n] == '/') ? 1 + rest.n : 0;
}

/* "USER:PASSWORD" in base64. */
static bool decode(struct arena *a, struct str text, struct auth_credentials *ret)
{
	text = str_trim(text);
	if (!text.n || text.n % 4 || text.n > 64 * KiB)
		return false;
	char *out = arena_alloc(a, text.n + 1);
	int n = crypto()->base64_decode((unsigned char *)out, (const unsigned char *)text.p, (int)text.n);
	if (n < 0)
		return false;
	for (size_t i = text.n; i && text.p[i - 1] == '=' && n; i--)
		n--;
	while (n && out[n - 1] == '\0')
		n--;
	out[n] = '\0';
	char *colon = memchr(out, ':', (size_t)n);
	if (!colon || strlen(out) != (size_t)n)
		return false;
	*colon = '\0';
	ret->user = out;
	ret->password = colon + 1;
	return true;
}

const char *auth_helper_of(const json_t *doc, const char *host)
{
	const char *key, *all = json_text(doc, "credsStore");
	json_t *name;
	json_object_foreach(json_obj(doc, "credHelpers"), key, name)
		if (json_string_length(name) && auth_speaks_for(str_of(key), host, STR("")))
			return json_string_value(name);
	return all && all[0] ? all : NULL;
}

const char *auth_helper_url(const char *host) { return strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host; }

static const char *copy(struct arena *a, const json_t *o, const char *key)
{
	struct str s = json_view(o, key);
	return s.p && s.n && s.n < 64 * KiB && !str_chr(s, '\0') ? arena_strdup(a, s) : NULL;
}

int auth_read(struct arena *a, struct str text, const char *name, const char *host, const char *path, struct auth_credentials *ret, struct error *err)
{
	autojson json_t *doc = json_read_limit(text, AUTH_FILE_MAX, name, err);
	const char *key;
	json_t *entry, *best = NULL;
	size_t most = 0;
	if (!doc) {
		if (err)
			err->kind = ERR_USAGE;
		return -1;
	}
	json_object_foreach(json_obj(doc, "auths"), key, entry) {
		size_t n = auth_speaks_for(str_of(key), host, str_of(path));
		if (n > most) {
			most = n;
			best = entry;
		}
	}
	if (best) {
		struct auth_credentials c = { .identity = copy(a, best, "identitytoken") };
		if (!decode(a, json_view(best, "auth"), &c)) {
			c.user = copy(a, best, "username");
			c.password = copy(a, best, "password");
		}
		if (c.identity || (c.user && c.password))
			*ret = c;
	}
	if (!ret->user && !ret->identity) {
		const char *helper = auth_helper_of(doc, host);
		ret->helper = helper ? arena_strdup(a, str_of(helper)) : NULL;
	}
	return 0;
}

/* What the helper keeps, which may be nothing. */
static void ask_helper(struct arena *a, const char *host, struct auth_credentials *ret)
{
	struct buf out = BUF(AUTH_FILE_MAX);
	struct error ignored = { 0 };
	autojson json_t *doc = auth_helper(ret->helper, "get", str_of(auth_helper_url(host)), &out, &ignored) == 0 ? json_read_limit(buf_str(&out), AUTH_FILE_MAX, "helper", &ignored) : NULL;
	const char *user = doc ? copy(a, doc, "Username") : NULL, *secret = doc ? copy(a, doc, "Secret") : NULL;
	if (user && secret && strcmp(user, "<token>") == 0)
		*ret = (struct auth_credentials){ .identity = secret };
	else if (user && secret)
		*ret = (struct auth_credentials){ .user = user, .password = secret };
	buf_free(&out);
}

u32 auth_files(struct arena *a, const char *ret[AUTH_FILES])
{
	const char *home = getenv("HOME"), *docker = getenv("DOCKER_CONFIG"), *config = getenv("XDG_CONFIG_HOME"), *named = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");
	bool at_home = home && home[0];
	u32 n = 0;
	if (named && named[0]) {
		ret[n++] = named;
		return n;
	}
	if (run && run[0])
		ret[n++] = arena_printf(a, "%s/containers/auth.json", run);
	if (config && config[0])
		ret[n++] = arena_printf(a, "%s/containers/auth.json", config);
	else if (at_home)
		ret[n++] = arena_printf(a, "%s/.config/containers/auth.json", home);
	if (docker && docker[0])
		ret[n++] = arena_printf(a, "%s/config.json", docker);
	else if (at_home)
		ret[n++] = arena_printf(a, "%s/.docker/config.json", home);
	return n;
}

int auth_find(struct arena *a, const char *host, const char *path, struct auth_credentials *ret, struct error *err)
{
	struct auth_credentials c = { 0 };
	const char *files[AUTH_FILES], *helper = NULL;
	u32 n = auth_files(a, files);
	int r = 0;
	for (u32 i = 0; i < n && r == 0 && !c.user && !c.identity; i++) {
		struct buf text = BUF(0);
		if (access(files[i], R_OK) < 0)
			continue;
		c = (struct auth_credentials){ 0 };
		r = file_read(files[i], AUTH_FILE_MAX, &text, err);
		r = r < 0 ? r : auth_read(a, buf_str(&text), files[i], host, path, &c, err);
		buf_free(&text);
		if (r == 0 && c.helper)
			ask_helper(a, host, &c);
		helper = helper ? helper : c.helper;
	}
	if (r < 0)
		return -1;
	c.helper = c.user || c.identity ? NULL : helper;
	*ret = c;
	return 0;
}

const char *auth_basic(struct arena *a, const char *user, const char *password)
{
	const char *both = arena_printf(a, "%s:%s", user, password);
	size_t n = strlen(both);
	char *out = arena_alloc(a, n / 3 * 4 + 8);
	crypto()->base64_encode((unsigned char *)out, (const unsigned char *)both, (int)n);
	return arena_printf(a, "Authorization: Basic %s", out);
}

const char *auth_escape(struct arena *a, const char *text)
{
	char *out = arena_alloc(a, strlen(text) * 3 + 1), *to = out;
	for (; *text; text++) {
		char c = *text;
		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-._~", c)) {
			*to++ = c;
		} else {
			*to++ = '%';
			*to++ = "0123456789ABCDEF"[(unsigned char)c >> 4];
			*to++ = "0123456789ABCDEF"[(unsigned char)c & 15];
		}
	}
	*to = '\0';
	return out;
}
