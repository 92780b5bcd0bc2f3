/* What a user writes as a probe, read: requests, command lines, files of both. */
#include "run/probe.h"
#include "base/file.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* --- words --- */

static int open_quote(struct str line, struct error *err) { return error_set(err, ERR_USAGE, "%.*s: a quote is not closed", STR_FMT(str_head(line, 200))); }

/* One word, from line.p[i] on; the position behind it, or SIZE_MAX. */
static size_t read_word(struct str line, size_t i, struct buf *word)
{
	for (char quote = '\0'; i < line.n; i++) {
		char c = line.p[i];
		if (!quote && (is_blank(c) || c == '\n'))
			return i;
		if (c == quote) {
			quote = '\0';
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else if (c == '\\' && quote != '\'' && i + 1 < line.n) {
			char next = line.p[++i];
			if (quote && next != '"' && next != '\\' && next != '$' && next != '`' && next != '\n')
				buf_putc(word, '\\');
			if (next != '\n')
				buf_putc(word, next);
		} else {
			buf_putc(word, c);
		}
		if (i + 1 == line.n && quote)
			return SIZE_MAX;
	}
	return i;
}

int probe_words(struct arena *a, struct str line, const char *const **ret, u32 *n, struct error *err)
{
	const char **v = NULL;
	u32 cap = 0;
	struct buf word = BUF(0);
	int r = 0;
	*n = 0;
	if (str_chr(line, '\0'))
		return error_set(err, ERR_USAGE, "a command line with a NUL byte in it");
	for (size_t i = 0;;) {
		while (i < line.n && (is_blank(line.p[i]) || line.p[i] == '\n'))
			i++;
		if (i == line.n)
			break;
		buf_clear(&word);
		i = read_word(line, i, &word);
		if (i == SIZE_MAX || *n == PROBE_WORDS) {
			r = i == SIZE_MAX ? open_quote(line, err) : error_set(err, ERR_USAGE, "a command line of more than %u words", PROBE_WORDS);
			break;
		}
		VEC_PUSH(v, *n, cap, arena_strdup(a, buf_str(&word)));
	}
	if (r == 0 && !*n)
		r = error_set(err, ERR_USAGE, "a command line without a word");
	if (r == 0) {
		const char **words = arena_array(a, const char *, (size_t)*n + 1);
		memcpy(words, v, *n * sizeof *v);
		*ret = words;
	}
	buf_free(&word);
	free(v);
	return r;
}

int probe_exec(struct arena *a, const char *text, struct probe *ret, struct error *err)
{
	u32 n = 0;
	*ret = (struct probe){ .kind = PROBE_EXEC };
	if (probe_words(a, str_of(text), &ret->argv, &n, err) < 0)
		return -1;
	struct str rest = str_of(text);
	ret->text = arena_strdup(a, str_trim(str_cut(&rest, '\n')));
	return 0;
}

/* --- requests --- */

static bool is_method(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 'A' || s.p[i] > 'Z')
			return false;
	return s.n > 0 && s.n <= 32;
}

static bool is_token(struct str s) /* RFC 9110 section 5.6.2 */
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] > '~' || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
			return false;
	return s.n > 0;
}

/* "https://host:port/path": scheme and port are taken, the host goes into the field Host. */
static int read_url(struct arena *a, struct str url, struct probe *p, const char **host, struct str *path, struct error *err)
{
	struct str rest = str_from(url, str_starts(url, STR("https:")) ? 8 : 7), whole = rest;
	p->tls = str_starts(url, STR("https:"));
	size_t n = 0;
	while (n < rest.n && !strchr("/?#", rest.p[n]))
		n++;
	*path = str_from(whole, n);
	struct str where = str_head(whole, n), port = where;
	u64 number = p->tls ? 443 : 80;
	bool v6 = str_starts(where, STR("["));
	const char *end = v6 ? str_chr(where, ']') : where.p;
	if (!end)
		return error_set(err, ERR_USAGE, "--http-probe %.*s: no address", STR_FMT(str_head(url, 200)));
	port = str_from(where, (size_t)(end - where.p));
	str_cut(&port, ':');
	if (port.p && (!str_to_u64(port, &number) || !number || number > 65535))
		return error_set(err, ERR_USAGE, "--http-probe %.*s: no port", STR_FMT(str_head(url, 200)));
	p->port = (u16)number;
	for (size_t i = 0; i < where.n; i++)
		if ((unsigned char)where.p[i] <= ' ' || (unsigned char)where.p[i] > '~' || where.p[i] == '@')
			return error_set(err, ERR_USAGE, "--http-probe %.*s: no host", STR_FMT(str_head(url, 200)));
	if (!where.n || where.p[0] == ':')
		return error_set(err, ERR_USAGE, "--http-probe %.*s: no host", STR_FMT(str_head(url, 200)));
	*host = arena_strdup(a, where);
	return 0;
}

/* What stands behind '#' is the browser's; bytes beyond ASCII are sent as browsers send them. */
static int read_path(struct arena *a, struct str s, struct probe *p, struct error *err)
{
	struct buf out = BUF(0);
	struct str rest = s;
	if (s.n == 0 || s.p[0] == '?')
		buf_putc(&out, '/');
	s = str_cut(&rest, '#');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c <= ' ' || c == 0x7f) {
			buf_free(&out);
			return error_set(err, ERR_USAGE, "--http-probe %.*s: a blank in a path is written %%20", STR_FMT(str_head(s, 200)));
		}
		if (c < 0x80)
			buf_putc(&out, (char)c);
		else
			buf_printf(&out, "%%%02X", c);
	}
	p->path = arena_strdup(a, buf_str(&out));
	buf_free(&out);
	return 0;
}

static int read_first(struct arena *a, struct str line, struct probe *p, const char **host, struct error *err)
{
	struct str rest = line, first = str_cut(&rest, ' '), path = line;
	p->method = "GET";
	if (rest.p && str_is(first, "crawl")) {
		p->crawl = true;
		path = str_trim(rest);
	} else if (rest.p && is_method(first)) {
		p->method = arena_strdup(a, first);
		path = str_trim(rest);
	}
	if (str_starts(path, STR("http://")) || str_starts(path, STR("https://"))) {
		if (read_url(a, path, p, host, &path, err) < 0)
			return -1;
	} else if (!str_starts(path, STR("/"))) {
		return error_set(err, ERR_USAGE, "--http-probe %.*s: wants \"[METHOD ]PATH\" with a path that begins with a slash, or a URL of http or https", STR_FMT(str_head(line, 200)));
	}
	return read_path(a, path, p, err);
}

int probe_http(struct arena *a, const char *text, struct probe *ret, struct error *err)
{
	struct str rest = str_of(text), first = str_trim(str_cut(&rest, '\n'));
	const char **fields = NULL, *host = NULL;
	u32 n = 0, cap = 0;
	bool named = false;
	*ret = (struct probe){ .kind = PROBE_HTTP, .text = arena_strdup(a, first) };
	int r = read_first(a, first, ret, &host, err);
	while (r == 0 && rest.p) {
		struct str line = str_cut(&rest, '\n'), value, name;
		line.n -= line.n && line.p[line.n - 1] == '\r';
		if (!line.n) {
			if (rest.p && rest.n)
				ret->body = str_of(arena_strdup(a, rest));
			break;
		}
		value = line;
		name = str_cut(&value, ':');
		if (!value.p || !is_token(name) || str_chr(value, '\r'))
			r = error_set(err, ERR_USAGE, "--http-probe %s: no header field: %.*s", ret->text, STR_FMT(str_head(line, 200)));
		value = str_trim(value);
		named |= str_ieq(name, STR("Host"));
		VEC_PUSH(fields, n, cap, arena_printf(a, value.n ? "%.*s: %.*s" : "%.*s;%.*s", (int)name.n, name.p, (int)value.n, value.n ? value.p : "")); /* libcurl's way of an empty one */
	}
	if (r == 0 && !named)
		VEC_PUSH(fields, n, cap, arena_printf(a, "Host: %s", host ? host : "localhost"));
	if (r == 0) {
		const char **v = arena_array(a, const char *, (size_t)n + 1);
		memcpy(v, fields, n * sizeof *v);
		ret->fields = v;
	}
	free(fields);
	return r;
}

/* --- files of them --- */

/* A request of a file: its first line, then those that begin with a blank; takes them from *rest. */
static int read_request(struct arena *a, struct str first, struct str *rest, struct probe *p, struct error *err)
{
	struct buf text = BUF(0), body = BUF(0);
	buf_add(&text, str_trim(first));
	while (rest->p && rest->n && is_blank(rest->p[0])) {
		struct str line = str_trim(str_cut(rest, '\n'));
		if (str_starts(line, STR(">"))) {
			if (body.n)
				buf_putc(&body, '\n');
			buf_add(&body, str_from(line, line.n > 1 && line.p[1] == ' ' ? 2 : 1));
		} else if (line.n) {
			buf_putc(&text, '\n');
			buf_add(&text, line);
		}
	}
	if (body.n) {
		buf_puts(&text, "\n\n");
		buf_add(&text, buf_str(&body));
	}
	int r = probe_http(a, text.p, p, err);
	buf_free(&text);
	buf_free(&body);
	return r;
}

int probe_lines(struct arena *a, struct str text, const char *name, struct probe **v, u32 *n, u32 *cap, struct error *err)
{
	if (str_chr(text, '\0'))
		return error_set(err, ERR_USAGE, "%s: a NUL byte: no text", name);
	for (u32 number = 1; text.p; number++) {
		const char *from = text.p;
		struct str raw = str_cut(&text, '\n'), line = str_trim(raw);
		struct probe p;
		if (!line.n || line.p[0] == '#')
			continue;
		if (*n >= PROBE_MAX)
			return error_set(err, ERR_USAGE, "%s: more than %u probes", name, PROBE_MAX);
		int r = str_starts(line, STR("http ")) ? read_request(a, str_from(line, 5), &text, &p, err) : probe_exec(a, arena_strdup(a, line), &p, err);
		if (r < 0)
			return error_wrap(err, "%s:%u", name, number);
		VEC_PUSH(*v, *n, *cap, p);
		for (const char *at = from + raw.n + 1; text.p && at < text.p; at++) /* lines that the request took */
			number += *at == '\n';
	}
	return 0;
}

int probe_file(struct arena *a, const char *path, struct probe **v, u32 *n, u32 *cap, struct error *err)
{
	struct buf text = BUF(PROBE_FILE);
	int r = file_read(path, PROBE_FILE, &text, err);
	if (r == 0)
		r = probe_lines(a, buf_str(&text), path, v, n, cap, err);
	buf_free(&text);
	return r;
}
