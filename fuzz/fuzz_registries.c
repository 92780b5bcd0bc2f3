/* registries.conf, and headers of registries: the first byte says which. What comes of them leads nowhere but to hosts and paths, and from no origin to another. */
#include "transport/answer.h"
#include "transport/fetch.h"
#include "transport/registries.h"

#define FROM "https://r.example:5000/v2/a/b/tags/list?n=1"

static void name_ok(const char *domain, const char *path)
{
	if (!domain[0] || !path[0] || strchr(domain, '/') || strchr(domain, '@') || path[0] == '/' || strstr(path, "..") || strchr(path, '?'))
		abort();
}

static void conf(struct arena *a, struct str s)
{
	static const char *const names[][2] = { { "docker.io", "library/x" }, { "a.example", "x/y" }, { "h", "x" }, { "localhost:5000", "a" } };
	struct registries all = { 0 };
	struct error err = { 0 };
	struct registries_way w;
	if (s.n <= REGISTRIES_FILE_MAX && registries_read(a, s, "x.conf", &all, &err) < 0 && (err.kind != ERR_USAGE || !err.text[0]))
		abort();
	for (size_t i = 0; i < countof(names); i++) {
		if (registries_choose(a, &all, names[i][0], names[i][1], i & 1 ? "1" : NULL, &w, &err) < 0)
			continue;
		if (!w.n || w.n > REGISTRIES_MIRRORS_MAX + 1)
			abort();
		for (u32 k = 0; k < w.n; k++)
			name_ok(w.place[k].domain, w.place[k].path);
	}
	free(all.v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct buf out = BUF(0);
	struct str s = str_n(size ? data + 1 : data, size ? size - 1 : 0);
	const char *url;
	u64 n, m;
	bool elsewhere = false;
	switch (size ? data[0] : 0) {
	case 'l':
		url = answer_next(&a, FROM, s, &elsewhere);
		if (url && !str_is(fetch_origin(url, &out), "https://r.example:5000"))
			abort();
		break;
	case 'p':
		url = answer_place(&a, FROM, s);
		if (url && (fetch_check_url(url, NULL) < 0 || !str_starts(fetch_origin(url, &out), STR("https://"))))
			abort();
		break;
	case 'r':
		if (answer_held(s, &n) && !n)
			abort();
		(void)!answer_first(s, &n);
		if (answer_limit(s, &n, &m) && !m)
			abort();
		break;
	default:
		conf(&a, s);
	}
	buf_free(&out);
	arena_free(&a);
	return 0;
}
