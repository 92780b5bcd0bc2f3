/* Answers compared: status first, then the fields that matter, then the texts (alike.h). */
#include "base/text.h"
#include "run/alike.h"

struct answer_mask {
	struct answer v[ANSWER_RUNS];
	u32 n;
};

void answer_free(struct answer *a)
{
	buf_free(&a->fields);
	buf_free(&a->out);
	buf_free(&a->err);
}

void answer_copy(struct answer *to, const struct answer *from)
{
	*to = *from;
	to->fields = to->out = to->err = BUF(0);
	buf_add(&to->fields, buf_str(&from->fields));
	buf_add(&to->out, buf_str(&from->out));
	buf_add(&to->err, buf_str(&from->err));
}

void answer_mask_add(struct answer_mask *m, const struct answer *more)
{
	if (m->n < ANSWER_RUNS)
		answer_copy(&m->v[m->n++], more);
}

struct answer_mask *answer_mask_new(const struct answer *a, const struct answer *b)
{
	struct answer_mask *m = xcalloc(1, sizeof *m);
	answer_mask_add(m, a);
	answer_mask_add(m, b);
	return m;
}

void answer_mask_free(struct answer_mask *m)
{
	for (u32 i = 0; m && i < m->n; i++)
		answer_free(&m->v[i]);
	free(m);
}

enum part { P_FIELDS, P_OUT, P_ERR };
static const char *const part_name[] = { "header fields", "output", "error output" };

static struct str part_of(const struct answer *a, enum part p) { return buf_str(p == P_FIELDS ? &a->fields : p == P_OUT ? &a->out : &a->err); }

/* A piece of a text for a line: from its line's beginning or some way before the place, at most 60 bytes. */
static void piece(char out[128], struct str s)
{
	struct buf safe = BUF(0);
	struct str rest = str_n(s.p, MIN(s.n, (size_t)60));
	while (rest.n && s.n > rest.n && ((unsigned char)s.p[rest.n] & 0xc0) == 0x80)
		rest.n--;
	text_safe(&safe, rest);
	if (safe.n > 100) {
		safe.n = 100;
		while (safe.n && ((unsigned char)safe.p[safe.n] & 0xc0) == 0x80)
			safe.n--;
	}
	snprintf(out, 128, "%.*s%s", (int)safe.n, safe.n ? safe.p : "", s.n > rest.n ? "…" : "");
	buf_free(&safe);
}

/* The place with some of what stands before it on its line. */
static struct str with_context(struct str whole, struct str at)
{
	size_t back = 0;
	if (!at.p || at.p < whole.p || at.p > whole.p + whole.n)
		return at;
	while (back < 24 && at.p - back > whole.p && at.p[-(ptrdiff_t)back - 1] != '\n')
		back++;
	while (back && ((unsigned char)at.p[-(ptrdiff_t)back] & 0xc0) == 0x80)
		back--;
	return str_n(at.p - back, at.n + back);
}

static const char *status_text(const struct answer *a, char out[60])
{
	if (a->failed)
		snprintf(out, 60, "no answer (%.40s)", a->error);
	else
		snprintf(out, 60, a->http ? "status %d" : "exit status %d", a->status);
	return out;
}

/* The last line of an error output tells most. */
static struct str last_line(struct str s)
{
	s = str_trim(s);
	const char *nl = s.n ? memrchr(s.p, '\n', s.n) : NULL;
	return nl ? str_n(nl + 1, (size_t)(s.p + s.n - nl - 1)) : s;
}

static u32 givens(const struct answer_mask *m, const struct answer *before, enum part p, struct given *v)
{
	u32 n = 0;
	for (; m && n < m->n; n++)
		v[n] = (struct given){ part_of(&m->v[n], p), m->v[n].when };
	if (!n)
		v[n++] = (struct given){ part_of(before, p), before->when };
	return n;
}

static bool same_part(const struct answer_mask *m, const struct answer *before, const struct answer *after, enum part p, char why[300])
{
	struct given v[ANSWER_RUNS], is = { part_of(after, p), after->when };
	struct str was, got;
	char a[128], b[128];
	u32 n = givens(m, before, p, v);
	if (alike(v, n, &is, &was, &got))
		return true;
	piece(a, with_context(v[0].text, was));
	piece(b, with_context(is.text, got));
	snprintf(why, 300, "%s: \"%s\", then \"%s\"", part_name[p], a, b);
	return false;
}

static bool same_log(const struct answer_mask *m, const struct answer *before, const struct answer *after, char why[300])
{
	struct given v[2 * ANSWER_RUNS];
	struct str line;
	char text[128];
	u32 n = givens(m, before, P_OUT, v);
	n += givens(m, before, P_ERR, v + n);
	if (!new_trouble(v, n, part_of(after, P_OUT), &line) && !new_trouble(v, n, part_of(after, P_ERR), &line))
		return true;
	piece(text, line);
	snprintf(why, 300, "its log says what it did not: \"%s\"", text);
	return false;
}

/* Statuses that the original itself gave. */
static bool same_status(const struct answer_mask *m, const struct answer *before, const struct answer *after)
{
	bool same = before->failed == after->failed && (after->failed || before->status == after->status);
	for (u32 i = 0; m && i < m->n && !same; i++)
		same = m->v[i].failed == after->failed && (after->failed || m->v[i].status == after->status);
	return same;
}

bool answer_same(const struct answer_mask *m, const struct answer *before, const struct answer *after, char why[300])
{
	char a[60], b[60], text[128] = "";
	why[0] = '\0';
	if (!same_status(m, before, after)) {
		struct str line = after->http ? STR("") : last_line(part_of(after, P_ERR));
		if (!line.n && !after->http)
			line = last_line(part_of(after, P_OUT));
		piece(text, line);
		snprintf(why, 300, "%s, then %s%s%s", status_text(before, a), status_text(after, b), text[0] ? ": " : "", text);
		return false;
	}
	if (after->failed)
		return true;
	if (after->log)
		return same_log(m, before, after, why);
	if (before->http && (before->port != after->port || before->tls != after->tls)) {
		snprintf(why, 300, "port %u%s, then %u%s", before->port, before->tls ? " (TLS)" : "", after->port, after->tls ? " (TLS)" : "");
		return false;
	}
	return same_part(m, before, after, P_FIELDS, why) && same_part(m, before, after, P_OUT, why) && same_part(m, before, after, P_ERR, why);
}

const char *answer_masked(const struct answer_mask *m, char out[120])
{
	size_t at = 0;
	out[0] = '\0';
	for (enum part p = P_FIELDS; m && p <= P_ERR; p++) {
		struct given v[ANSWER_RUNS];
		u32 n = givens(m, &m->v[0], p, v), words = alike_masked(v, n);
		if (!words || (m->v[0].log && p != P_OUT))
			continue;
		const char *comma = at ? ", " : "";
		int k = words == UINT32_MAX || m->v[0].log ? snprintf(out + at, 120 - at, "%s%s as a whole", comma, part_name[p]) : snprintf(out + at, 120 - at, "%s%u word%s of the %s", comma, words, words == 1 ? "" : "s", part_name[p]);
		at += k > 0 ? MIN((size_t)k, 119 - at) : 0;
	}
	return out;
}

const char *answer_brief(const struct answer *a, char out[120])
{
	char status[60];
	status_text(a, status);
	if (a->failed || a->log)
		snprintf(out, 120, "%s", status);
	else if (a->err.n)
		snprintf(out, 120, "%s, %s bytes, %s bytes of errors", status, TEXT_COUNT(a->out.n), TEXT_COUNT(a->err.n));
	else
		snprintf(out, 120, "%s, %s bytes", status, TEXT_COUNT(a->out.n));
	return out;
}
