#include "build/fetched.h"
#include "transport/fetch.h"
#include <unistd.h>

int fetched_file(const char *url, const char *path, struct digest *sha256, struct error *err)
{
	struct arena a = { 0 };
	const struct fetch_options opt = { 0 };
	struct fetch_file f = { .url = url, .path = path, .part = arena_printf(&a, "%s.part", path), .note = arena_printf(&a, "%s.note", path), .title = url };
	enum fetch_result got = FETCH_ABSENT;
	int r = fetch_check_url(url, err);
	struct http *h = r < 0 ? NULL : fetch_client(&opt, err);
	r = h ? fetch_file(h, &opt, &f, &got, sha256, err) : -1;
	if (r == 0 && got == FETCH_ABSENT)
		r = error_set(err, ERR_ENV, "%.500s: there is no such file", url);
	http_close(h);
	unlink(f.note);
	arena_free(&a);
	return r;
}

static int hex_of(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

int fetched_name(struct arena *a, struct str url, const char **ret, struct error *err)
{
	const char *host = str_find(url, STR("://"));
	struct str path = host ? str_from(url, (size_t)(host - url.p) + 3) : url, rest = path;
	path = str_cut(&rest, '#');
	rest = path;
	path = str_cut(&rest, '?');
	const char *slash = str_chr(path, '/');
	path = slash ? str_from(path, (size_t)(slash - path.p)) : STR("");
	struct buf b = BUF(64 * KiB);
	for (size_t i = 0; i < path.n; i++) {
		int high = i + 2 < path.n && path.p[i] == '%' ? hex_of(path.p[i + 1]) : -1, low = high < 0 ? -1 : hex_of(path.p[i + 2]);
		buf_putc(&b, low < 0 ? path.p[i] : (char)(high * 16 + low));
		i += low < 0 ? 0 : 2;
	}
	struct str name = buf_str(&b);
	while (name.n && name.p[name.n - 1] == '/')
		name.n--;
	name = str_base(name);
	bool bad = str_is(name, "..") || name.n > 255 || (name.n && memchr(name.p, '\0', name.n));
	*ret = !name.n || str_is(name, ".") ? "__unnamed__" : arena_strdup(a, name);
	buf_free(&b);
	return bad ? error_set(err, ERR_USAGE, "%.*s: its last name is none for a file", STR_FMT(url)) : 0;
}
