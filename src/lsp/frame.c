#include "lsp/frame.h"

void frames_free(struct frames *f) { buf_free(&f->in); }

void frames_add(struct frames *f, struct str bytes)
{
	size_t skipped = (size_t)MIN(f->skip, (u64)bytes.n);
	f->skip -= skipped;
	bytes = str_from(bytes, skipped);
	if (f->at == f->in.n)
		buf_clear(&f->in), f->at = 0;
	if (f->at && bytes.n) { /* a message that was begun moves to the front once a read, not once a message */
		memmove(f->in.p, f->in.p + f->at, f->in.n - f->at);
		f->in.n -= f->at;
		f->at = 0;
	}
	buf_add(&f->in, bytes);
}

/* The header at the front of `in`: its length with the empty line, 0 while that is to come. *length is what Content-Length says, *known whether it does. */
static size_t header(struct str in, u64 *length, bool *known)
{
	struct str rest = in;
	*known = false;
	while (rest.p && rest.n) {
		const char *nl = str_chr(rest, '\n');
		if (!nl)
			return 0;
		struct str line = str_trim(str_n(rest.p, (size_t)(nl - rest.p)));
		rest = str_from(rest, (size_t)(nl - rest.p) + 1);
		if (line.n == 0)
			return (size_t)(rest.p - in.p);
		struct str value = line, name = str_cut(&value, ':');
		if (value.p && str_ieq(str_trim(name), STR("Content-Length")))
			*known = str_to_u64(str_trim(value), length);
	}
	return 0;
}

static enum frame bad(const char **why, const char *text)
{
	*why = text;
	return FRAME_BAD;
}

enum frame frames_next(struct frames *f, struct str *body, const char **why)
{
	struct str in = str_from(buf_str(&f->in), f->at);
	u64 length = 0;
	bool known;
	size_t head = header(str_head(in, FRAME_HEADER), &length, &known);
	if (head == 0) {
		if (in.n < FRAME_HEADER)
			return FRAME_MORE;
		f->at += FRAME_HEADER;
		return bad(why, "a header without an end");
	}
	if (!known) {
		f->at += head;
		return bad(why, "a header without Content-Length");
	}
	if (length > FRAME_BYTES) {
		size_t here = (size_t)MIN(length, (u64)(in.n - head));
		f->at += head + here;
		f->skip = length - here;
		return bad(why, "a message over 32 MiB");
	}
	if (in.n - head < length)
		return FRAME_MORE;
	*body = str_n(in.p + head, (size_t)length);
	f->at += head + (size_t)length;
	return FRAME_MESSAGE;
}
