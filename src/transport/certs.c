#include "transport/certs.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

struct found {
	struct buf authorities;
	const char *cert, *key;
};

static int add_file(const char *path, struct buf *out, struct error *err)
{
	struct buf text = BUF(0);
	if (file_read(path, CERTS_MAX, &text, err) < 0)
		return -1;
	buf_add(out, buf_str(&text));
	buf_putc(out, '\n');
	buf_free(&text);
	return out->over ? error_set(err, ERR_USAGE, "%s: over 1 MiB of authorities", path) : 0;
}

static int take(struct arena *a, const char *dir, const char *name, struct found *f, struct error *err)
{
	struct str s = str_of(name);
	const char *path = arena_printf(a, "%s/%s", dir, name);
	if (str_ends(s, STR(".crt")))
		return add_file(path, &f->authorities, err);
	if (str_ends(s, STR(".key"))) {
		const char *cert = arena_printf(a, "%.*s.cert", (int)strlen(path) - 4, path);
		return access(cert, F_OK) == 0 ? 0 : error_set(err, ERR_USAGE, "%s: its certificate, %s, is not there", path, cert);
	}
	if (!str_ends(s, STR(".cert")) || f->cert)
		return 0;
	const char *key = arena_printf(a, "%.*s.key", (int)strlen(path) - 5, path);
	if (access(key, F_OK) < 0)
		return error_set(err, ERR_USAGE, "%s: its key, %s, is not there", path, key);
	f->cert = path;
	f->key = key;
	return 0;
}

static int read_dir(struct arena *a, const char *dir, struct http_target *ret, struct error *err)
{
	struct dirent **names;
	struct found f = { .authorities = BUF(CERTS_MAX + 1) };
	const char *own = getenv("SSL_CERT_FILE");
	int n = scandir(dir, &names, NULL, alphasort), r = 0;
	if (n < 0)
		return error_errno(err, "%s", dir);
	for (int i = 0; i < n; i++) {
		r = r < 0 ? r : take(a, dir, names[i]->d_name, &f, err);
		free(names[i]);
	}
	free(names);
	if (r == 0 && f.authorities.n && own && own[0]) /* which would not count any more */
		r = add_file(own, &f.authorities, err);
	if (r == 0) {
		ret->authorities = str_n(arena_strdup(a, buf_str(&f.authorities)), f.authorities.n);
		ret->cert = f.cert;
		ret->key = f.key;
	}
	buf_free(&f.authorities);
	return r;
}

int certs_find(struct arena *a, const char *host, const char *dir, struct http_target *ret, struct error *err)
{
	const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
	if (dir)
		return read_dir(a, dir, ret, err);
	const char *places[] = { config && config[0] ? arena_printf(a, "%s/containers/certs.d/%s", config, host) : home && home[0] ? arena_printf(a, "%s/.config/containers/certs.d/%s", home, host) : "",
		arena_printf(a, "/etc/containers/certs.d/%s", host), arena_printf(a, "/etc/docker/certs.d/%s", host) };
	if (strchr(host, '/'))
		return 0;
	for (size_t i = 0; i < countof(places); i++)
		if (places[i][0] && access(places[i], R_OK | X_OK) == 0)
			return read_dir(a, places[i], ret, err);
	return 0;
}
