/* What a login leaves on this machine, and a logout takes away. */
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "transport/auth.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void print(FILE *f, void *ctx)
{
	struct stat st;
	if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) /* never a device */
		(void)fchmod(fileno(f), 0600);
	json_dumpf(ctx, f, JSON_INDENT(4));
	fputc('\n', f);
}

/* Where links lead, so that they stay. */
static int write_file(struct arena *a, const char *path, json_t *doc, struct error *err)
{
	autofree char *real = realpath(path, NULL);
	const char *slash = strrchr(path, '/');
	if (!real && slash && slash != path && file_mkdirs(arena_printf(a, "%.*s", (int)(slash - path), path), err) < 0)
		return -1;
	return outfile_write(real ? real : path, print, doc, err);
}

/* NULL and 0: there is no such file. */
static int read_json(const char *path, json_t **ret, struct error *err)
{
	struct buf text = BUF(0);
	*ret = NULL;
	if (access(path, F_OK) < 0)
		return 0;
	int r = file_read(path, AUTH_FILE_MAX, &text, err);
	if (r == 0 && str_trim(buf_str(&text)).n) {
		*ret = json_read_limit(buf_str(&text), AUTH_FILE_MAX, path, err);
		if (!*ret) {
			err->kind = ERR_USAGE;
			r = -1;
		} else if (!json_is_object(*ret)) {
			json_decref(*ret);
			*ret = NULL;
			r = error_set(err, ERR_USAGE, "%s: it is no object", path);
		}
	}
	buf_free(&text);
	return r;
}

static const char *key_of(const char *path, const char *host)
{
	bool docker = str_ends(str_of(path), STR("/config.json"));
	return docker && strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host;
}

/* Whatever is kept there for the host; how many there were. */
static u32 drop(json_t *auths, const char *host)
{
	u32 n = 0;
	const char *key;
	void *next;
	json_t *entry;
	json_object_foreach_safe(auths, next, key, entry)
		if (auth_speaks_for(str_of(key), host, STR("")) || strcmp(key, host) == 0) { /* the latter: with a path */
			n += json_object_size(entry) > 0;
			json_object_del(auths, key);
		}
	return n;
}

static int give_to_helper(const char *helper, const char *host, const char *user, const char *password, struct error *err)
{
	struct buf out = BUF(AUTH_FILE_MAX);
	autojson json_t *doc = json_pack("{s:s, s:s, s:s}", "ServerURL", auth_helper_url(host), "Username", user, "Secret", password);
	autofree char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	int r = text ? auth_helper(helper, "store", str_of(text), &out, err) : error_set(err, ERR_USAGE, "the name or the password is not UTF-8");
	buf_free(&out);
	return r;
}

int auth_keep(struct arena *a, const char *host, const char *user, const char *password, const char **where, struct error *err)
{
	const char *files[AUTH_FILES], *path = NULL;
	u32 n = auth_files(a, files);
	for (u32 i = 0; i < n && !path; i++)
		path = access(files[i], F_OK) == 0 ? files[i] : NULL;
	if (!n)
		return error_set(err, ERR_ENV, "there is no place to keep them: neither HOME nor REGISTRY_AUTH_FILE is set");
	path = path ? path : files[0];
	json_t *read = NULL;
	if (read_json(path, &read, err) < 0)
		return -1;
	autojson json_t *doc = read ? read : json_object();
	if (!json_obj(doc, "auths"))
		json_object_set_new(doc, "auths", json_object());
	const char *helper = auth_helper_of(doc, host), *basic = auth_basic(a, user, password);
	*where = helper ? arena_printf(a, "docker-credential-%s", helper) : path;
	if (helper && give_to_helper(helper, host, user, password, err) < 0)
		return -1;
	json_t *entry = helper ? json_object() : json_pack("{s:s}", "auth", strrchr(basic, ' ') + 1);
	drop(json_obj(doc, "auths"), host); /* under another spelling it would be found first */
	json_object_set_new(json_obj(doc, "auths"), key_of(path, host), entry);
	return write_file(a, path, doc, err);
}

static void ask_to_forget(const char *helper, const char *host, u32 *n)
{
	struct buf out = BUF(AUTH_FILE_MAX), had = BUF(AUTH_FILE_MAX);
	struct error ignored = { 0 };
	bool there = auth_helper(helper, "get", str_of(auth_helper_url(host)), &had, &ignored) == 0;
	*n += auth_helper(helper, "erase", str_of(auth_helper_url(host)), &out, &ignored) == 0 && there;
	buf_free(&had);
	buf_free(&out);
}

static u32 drop_all(const json_t *doc, json_t *auths)
{
	json_t *entry, *helpers = json_obj(doc, "credHelpers");
	const char *key;
	u32 n = 0;
	json_object_foreach(helpers, key, entry)
		if (json_string_length(entry))
			ask_to_forget(json_string_value(entry), key, &n);
	json_object_foreach(auths, key, entry) {
		if (json_text(doc, "credsStore") && !json_object_get(helpers, key))
			ask_to_forget(json_text(doc, "credsStore"), key, &n);
		n += json_object_size(entry) > 0;
	}
	json_object_clear(auths);
	return n;
}

static int forget_in(struct arena *a, const char *path, const char *host, u32 *n, struct error *err)
{
	json_t *read;
	if (read_json(path, &read, err) < 0)
		return -1;
	autojson json_t *doc = read;
	json_t *auths = json_obj(doc, "auths");
	const char *helper = doc && host ? auth_helper_of(doc, host) : NULL;
	size_t had = json_object_size(auths);
	if (helper)
		ask_to_forget(helper, host, n);
	*n += host ? drop(auths, host) : drop_all(doc, auths);
	return json_object_size(auths) != had ? write_file(a, path, doc, err) : 0;
}

int auth_forget(struct arena *a, const char *host, u32 *n, struct error *err)
{
	const char *files[AUTH_FILES];
	u32 count = auth_files(a, files);
	*n = 0;
	for (u32 i = 0; i < count; i++)
		if (forget_in(a, files[i], host, n, err) < 0)
			return -1;
	return 0;
}
