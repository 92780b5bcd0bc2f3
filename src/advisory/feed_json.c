/* One JSON document of any size, value by value. The containers above the values are read here, byte by byte; each value is
 * collected and given to jansson, which says whether it is well-formed. */
#include "advisory/feed.h"
#include "base/json.h"

#define KEY_BYTES ((size_t)4096)
enum { DEPTH_MAX = 8 };

struct reader {
	struct stream *s;
	const char *name;
	struct str view;
	size_t at;
	u64 before;        /* bytes of earlier views */
	u32 depth, level;  /* containers wanted, open */
	char open[DEPTH_MAX];
	struct buf key[DEPTH_MAX], value;
	const char *keys[DEPTH_MAX];
	struct error *err;
};

/* The next byte without taking it; -1 at the end, -2 on a failure. */
static int peek(struct reader *r)
{
	while (r->at == r->view.n) {
		r->before += r->view.n;
		r->at = 0;
		r->view.n = 0;
		if (stream_next(r->s, &r->view, r->err) < 0) {
			error_wrap(r->err, "%s", r->name);
			return -2;
		}
		if (!r->view.n)
			return -1;
	}
	return (u8)r->view.p[r->at];
}

static int damaged(struct reader *r, const char *what)
{
	return error_set(r->err, ERR_INPUT, "%s: not JSON: %s at byte %llu", r->name, what, (unsigned long long)(r->before + r->at));
}

static int blank(struct reader *r)
{
	int c;
	while ((c = peek(r)) == ' ' || c == '\n' || c == '\r' || c == '\t')
		r->at++;
	return c;
}

/* A string with its quotes, into `to` (NULL: passed over). */
static int string(struct reader *r, struct buf *to)
{
	bool in = false;
	for (int c; (c = peek(r)) >= 0;) {
		const char *from = r->view.p + r->at, *end = r->view.p + r->view.n, *p = from;
		bool done = false;
		if (!in)
			p++; /* the first quote */
		in = true;
		while (p < end && !done && *p != '\\')
			done = *p++ == '"';
		if (!done && p < end && p == from) { /* a backslash: it and what it quotes */
			if (to)
				buf_putc(to, '\\');
			r->at++;
			if ((c = peek(r)) < 0)
				break;
			if (to)
				buf_putc(to, (char)c);
			r->at++;
			continue;
		}
		if (to)
			buf_add(to, str_n(from, (size_t)(p - from)));
		r->at += (size_t)(p - from);
		if (to && to->over)
			return damaged(r, "too long a string");
		if (done)
			return 0;
	}
	return r->err->kind ? -1 : damaged(r, "an end inside a string");
}

/* A container with everything in it, into r->value (or passed over). */
static int container(struct reader *r, bool keep)
{
	u64 nested = 0;
	buf_clear(&r->value);
	for (int c; (c = peek(r)) >= 0;) {
		if (c == '"') {
			if (string(r, keep ? &r->value : NULL) < 0)
				return -1;
			continue;
		}
		nested += c == '{' || c == '[';
		nested -= c == '}' || c == ']';
		const char *from = r->view.p + r->at, *end = r->view.p + r->view.n, *p = from + 1;
		while (nested && p < end && *p != '"' && *p != '{' && *p != '[' && *p != '}' && *p != ']')
			p++;
		if (keep)
			buf_add(&r->value, str_n(from, (size_t)(p - from)));
		r->at += (size_t)(p - from);
		if (r->value.over)
			return error_set(r->err, ERR_INPUT, "%s: a value of over %llu MiB", r->name, (unsigned long long)(FEED_VALUE / MiB));
		if (!nested)
			return 0;
	}
	return r->err->kind ? -1 : damaged(r, "an end inside a value");
}

static int scalar(struct reader *r)
{
	int c = peek(r);
	if (c == '"')
		return string(r, NULL);
	u32 n = 0;
	for (; (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E'; c = peek(r), n++)
		r->at++;
	return c == -2 ? -1 : n ? 0 : damaged(r, "no value");
}

static int key(struct reader *r)
{
	struct buf *k = &r->key[r->level - 1];
	buf_clear(k);
	if (peek(r) != '"')
		return damaged(r, "no name of a member");
	if (string(r, k) < 0)
		return -1;
	if (str_chr(buf_str(k), '\\')) { /* escapes: jansson's to read */
		json_t *j = json_loadb(k->p, k->n, JSON_DECODE_ANY, NULL);
		if (!j)
			return damaged(r, "no name of a member");
		buf_clear(k);
		buf_add(k, str_n(json_string_value(j), json_string_length(j)));
		json_decref(j);
	} else {
		k->n -= 2;
		memmove(k->p, k->p + 1, k->n);
		k->p[k->n] = '\0';
	}
	if (blank(r) != ':')
		return damaged(r, "no colon");
	r->at++;
	return blank(r) == -2 ? -1 : 0;
}

static int give(struct reader *r, feed_value *f, void *ctx)
{
	if (container(r, true) < 0)
		return -1;
	json_t *j = json_read(buf_str(&r->value), r->name, r->err);
	if (!j)
		return error_wrap(r->err, "the value that ends at byte %llu", (unsigned long long)(r->before + r->at));
	for (u32 i = 0; i < r->depth; i++)
		r->keys[i] = r->open[i] == '{' ? buf_str(&r->key[i]).p : "";
	int ret = f(ctx, r->keys, j, r->err);
	json_decref(j);
	return ret;
}

static int push(struct reader *r, int c)
{
	r->open[r->level++] = (char)c;
	r->at++;
	return 0;
}

/* One member of the innermost container, or its end. */
static int member(struct reader *r, bool *first, feed_value *f, void *ctx)
{
	char open = r->open[r->level - 1];
	int c = blank(r);
	if (c < 0)
		return c == -2 ? -1 : damaged(r, "an end inside a container");
	if (c == (open == '{' ? '}' : ']')) {
		r->level--;
		r->at++;
		*first = false;
		return 0;
	}
	if (!*first) {
		if (c != ',')
			return damaged(r, "no comma");
		r->at++;
		if (blank(r) == -2)
			return -1;
	}
	*first = false;
	if (open == '{' && key(r) < 0)
		return -1;
	c = peek(r);
	if (c != '{' && c != '[')
		return scalar(r);
	if (r->level == r->depth)
		return give(r, f, ctx);
	*first = true;
	return push(r, c);
}

int feed_json_stream(struct stream *s, const char *name, u32 depth, feed_value *f, void *ctx, struct error *err)
{
	struct error own = { 0 }; /* err may hold an older message: whether something failed is asked of this one */
	struct reader r = { .s = s, .name = name, .depth = MIN(MAX(depth, 1u), (u32)DEPTH_MAX), .value = BUF(FEED_VALUE), .err = &own };
	bool first = true;
	int ret = 0, c;
	for (u32 i = 0; i < DEPTH_MAX; i++)
		r.key[i] = BUF(KEY_BYTES);
	if (peek(&r) == 0xef && r.view.n - r.at >= 3 && memcmp(r.view.p + r.at, "\xef\xbb\xbf", 3) == 0)
		r.at += 3; /* a byte order mark */
	c = blank(&r);
	ret = c == '{' || c == '[' ? push(&r, c) : c == -2 ? -1 : damaged(&r, "neither an object nor an array");
	while (ret == 0 && r.level)
		ret = member(&r, &first, f, ctx);
	if (ret == 0 && (c = blank(&r)) != -1)
		ret = c == -2 ? -1 : damaged(&r, "something behind the document");
	for (u32 i = 0; i < DEPTH_MAX; i++)
		buf_free(&r.key[i]);
	buf_free(&r.value);
	if (ret < 0 && err)
		*err = own;
	return ret;
}
