#include "dockerfile/parse.h"
#include "dockerfile/parser.h"
#include "base/buf.h"

static const char *const directive_names[] = { "syntax", "escape", "check" };

bool df_error_add(struct df_parser *p, struct df_instruction *in, u32 line, bool fatal, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof text - 1);
	struct df_error e = { .line = line, .message = arena_bytes(p->a, str_n(text, len)), .fatal = fatal, .late = p->late };
	VEC_PUSH(p->f->errors, p->f->n_errors, p->cap_errors, e);
	p->f->refused |= fatal;
	if (in)
		in->bad = true;
	return false;
}

/* Line i (from 0) without the characters that end it. */
static struct df_span line_span(const struct df_file *f, u32 i)
{
	struct df_span l = { f->lines[i], i + 1 < f->n_lines ? f->lines[i + 1] : (u32)f->text.n };
	while (l.end > l.at && (f->text.p[l.end - 1] == '\n' || f->text.p[l.end - 1] == '\r'))
		l.end--;
	if (i == 0 && f->bom)
		l.at = 3;
	return l;
}

static void skip_space(const struct df_file *f, struct df_span *l)
{
	size_t n;
	while (l->at < l->end && (n = word_space(f->text.p + l->at, l->end - l->at)))
		l->at += (u32)n;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }
static bool is_alpha(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

/* `# name = value` among the first lines. Returns whether the line is one. */
static bool directive(struct df_parser *p, struct df_span l, u32 line)
{
	if (p->directives_done)
		return false;
	p->directives_done = true; /* unless this is one */
	const char *s = p->f->text.p;
	if (l.at == l.end || s[l.at] != '#')
		return false;
	struct df_span body = { l.at + 1, l.end };
	skip_space(p->f, &body);
	u32 k = body.at;
	while (k < l.end && (is_alpha(s[k]) || (k > body.at && s[k] >= '0' && s[k] <= '9')))
		k++;
	struct str name = str_n(s + body.at, k - body.at);
	while (k < l.end && is_blank(s[k]))
		k++;
	if (name.n == 0 || k == l.end || s[k] != '=')
		return false;
	for (k++; k < l.end && is_blank(s[k]);)
		k++;
	u32 end = l.end;
	while (end > k && is_blank(s[end - 1]))
		end--;
	if (k == end)
		return false;
	u32 which = 0;
	while (which < countof(directive_names) && !str_ieq(name, str_of(directive_names[which])))
		which++;
	if (which == countof(directive_names))
		return false;
	struct str value = str_n(s + k, end - k);
	if (p->seen >> which & 1) {
		df_error_add(p, NULL, line, true, "only one %s parser directive can be used", directive_names[which]);
		return false;
	}
	p->seen |= 1u << which;
	p->directives_done = false;
	struct df_directive d = { str_of(directive_names[which]), value, line, l };
	VEC_PUSH(p->f->directives, p->f->n_directives, p->cap_directives, d);
	if (which == 1 && !str_is(value, "\\") && !str_is(value, "`"))
		df_error_add(p, NULL, line, true, "invalid escape token '%.*s': it must be ` or \\", (int)MIN(value.n, (size_t)40), value.p);
	else if (which == 1)
		p->f->escape = value.p[0];
	return true;
}

static void comment(struct df_parser *p, struct df_span l, u32 line, bool inside)
{
	struct df_comment c = { .line = line, .span = l, .instruction = p->f->n_instructions, .inside = inside };
	VEC_PUSH(p->f->comments, p->f->n_comments, p->cap_comments, c);
}

/* Takes the escape character at the end off *l; whether the line goes on. Two of them are an escaped one. */
static bool continues(const struct df_file *f, struct df_span *l)
{
	u32 end = l->end;
	while (end > l->at && (f->text.p[end - 1] == ' ' || f->text.p[end - 1] == '\t'))
		end--;
	if (end == l->at || f->text.p[end - 1] != f->escape || (end - 1 > l->at && f->text.p[end - 2] == f->escape))
		return false;
	l->end = end - 1;
	return true;
}

/* The logical line from the parts that were gathered, trimmed: a view of the file where it is one. */
static struct df_text joined(struct df_parser *p)
{
	struct df_text t = { .s = str_n("", 0) };
	if (p->n_parts == 0)
		return t;
	struct df_piece *v = arena_alloc(p->a, sizeof *v * p->n_parts);
	u32 n = 0;
	for (u32 i = 0; i < p->n_parts; i++) {
		v[i] = (struct df_piece){ n, p->parts[i].at };
		n += p->parts[i].end - p->parts[i].at;
	}
	const char *file = p->f->text.p;
	if (p->n_parts == 1) {
		t.s = str_n(file + p->parts[0].at, n);
	} else {
		char *s = arena_alloc(p->a, n + 1u);
		for (u32 i = 0; i < p->n_parts; i++)
			memcpy(s + v[i].text, file + p->parts[i].at, p->parts[i].end - p->parts[i].at);
		t.s = str_n(s, n);
	}
	t.pieces = v;
	t.n_pieces = p->n_parts;
	u32 at = 0, end = n;
	df_trim(t.s, &at, &end);
	if (at == end)
		return (struct df_text){ .s = str_n(t.s.p, 0) };
	return df_text_slice(p->a, &t, at, end);
}

/* The bodies of the here-documents that the line announced, from line *i on. */
static void bodies(struct df_parser *p, struct df_instruction *in, struct df_heredoc *h, u32 n, u32 *i)
{
	struct df_file *f = p->f;
	for (u32 k = 0; k < n; k++) {
		u32 from = *i;
		bool closed = false;
		while (*i < f->n_lines && !closed) {
			struct df_span l = line_span(f, (*i)++);
			while (h[k].chomp && l.at < l.end && f->text.p[l.at] == '\t')
				l.at++;
			closed = str_eq(str_n(f->text.p + l.at, l.end - l.at), h[k].name);
		}
		u32 last = closed ? *i - 1 : *i;
		u32 at = from < f->n_lines ? f->lines[from] : (u32)f->text.n, end = last < f->n_lines ? f->lines[last] : (u32)f->text.n;
		h[k].body = (struct df_span){ at, end };
		h[k].content = str_n(f->text.p + at, end - at);
		h[k].line = from + 1;
		if (!closed) {
			df_error_add(p, in, in->line, true, "unterminated heredoc: no line is \"%.*s\"", (int)MIN(h[k].name.n, (size_t)80), h[k].name.p);
			n = k + 1;
		}
	}
	in->heredocs = h;
	in->n_heredocs = n;
}

/* RUN, COPY and ADD in shell form take here-documents, behind ONBUILD too. */
static void heredocs(struct df_parser *p, struct df_instruction *in, u32 *i)
{
	struct df_instruction *t = in;
	if (in->keyword == DF_ONBUILD && in->trigger)
		t = (struct df_instruction *)in->trigger; /* made a moment ago, by us */
	if ((t->keyword != DF_RUN && t->keyword != DF_COPY && t->keyword != DF_ADD) || t->json || !str_contains(in->text.s, STR("<<")))
		return;
	struct df_heredoc *h;
	u32 n;
	if (!df_heredocs_find(p, in, &h, &n) || n == 0)
		return;
	bodies(p, in, h, n, i);
	t->heredocs = in->heredocs;
	t->n_heredocs = in->n_heredocs;
	t->bad |= in->bad;
}

/* What starts on line i (from 0): nothing, a comment, an instruction with all its lines. Returns the line behind it. */
static u32 statement(struct df_parser *p, u32 i)
{
	struct df_file *f = p->f;
	struct df_span l = line_span(f, i);
	u32 first = i + 1;
	skip_space(f, &l);
	if (directive(p, l, first))
		return i + 1;
	if (l.at < l.end && f->text.p[l.at] == '#') {
		comment(p, l, first, false);
		return i + 1;
	}
	struct df_span whole = l;
	bool more = continues(f, &l), blank = false;
	if (!more && l.at == l.end)
		return i + 1;
	p->n_parts = 0;
	VEC_PUSH(p->parts, p->n_parts, p->cap_parts, l);
	for (i++; more && i < f->n_lines; i++) {
		struct df_span c = line_span(f, i), s = c;
		skip_space(f, &s);
		whole.end = c.end;
		if (s.at == s.end) {
			blank = true;
		} else if (f->text.p[s.at] == '#') {
			comment(p, s, i + 1, true);
		} else {
			more = continues(f, &c);
			if (c.end > c.at)
				VEC_PUSH(p->parts, p->n_parts, p->cap_parts, c);
		}
	}
	if (p->n_parts > 1 && p->parts[0].at == p->parts[0].end) {
		p->n_parts--;
		memmove(p->parts, p->parts + 1, p->n_parts * sizeof *p->parts);
	}
	struct df_instruction in = { .index = f->n_instructions, .line = first, .end_line = i, .head_end = i, .blank_inside = blank, .span = whole, .text = joined(p) };
	if (df_instruction_parse(p, &in, 0)) {
		heredocs(p, &in, &i);
		if (i > in.end_line) {
			in.end_line = i;
			in.span.end = line_span(f, i - 1).end;
			if (in.trigger) {
				((struct df_instruction *)in.trigger)->end_line = i;
				((struct df_instruction *)in.trigger)->span.end = in.span.end;
			}
		}
		p->late = true;
		df_check(p, &in, true);
		p->late = false;
	}
	VEC_PUSH(f->instructions, f->n_instructions, p->cap_instructions, in);
	return i;
}

static int index_lines(struct df_file *f, struct error *err)
{
	const char *s = f->text.p, *end = s + f->text.n;
	u32 n = 0, crlf = 0, cr = 0, k = 0;
	for (const char *q = s; q < end && (q = memchr(q, '\n', (size_t)(end - q))); q++) {
		n++;
		crlf += q > s && q[-1] == '\r';
	}
	for (const char *q = s; q < end && (q = memchr(q, '\r', (size_t)(end - q))); q++)
		cr++;
	f->eol = cr == 0 ? DF_EOL_LF : crlf == n && cr == crlf ? DF_EOL_CRLF : DF_EOL_MIXED;
	f->final_newline = f->text.n && end[-1] == '\n';
	if ((u64)n + 1 > DF_BYTES)
		return error_set(err, ERR_INPUT, "too many lines");
	u32 *lines = arena_alloc(&f->arena, sizeof *lines * (n + 1u));
	if (f->text.n)
		lines[k++] = 0;
	for (const char *q = s; q < end && (q = memchr(q, '\n', (size_t)(end - q))); q++)
		if (q + 1 < end)
			lines[k++] = (u32)(q + 1 - s);
	f->lines = lines;
	f->n_lines = k;
	df_mark_characters(f);
	return 0;
}

/* Moves a vector into the arena. */
#define KEEP(f, v, n)                                                                        \
	do {                                                                                 \
		void *kept = arena_alloc(&(f)->arena, sizeof *(f)->v * ((f)->n + 1u));       \
		if ((f)->n)                                                                  \
			memcpy(kept, (f)->v, sizeof *(f)->v * (f)->n);                       \
		free((f)->v);                                                                \
		(f)->v = kept;                                                               \
	} while (0)

int df_parse(struct str text, struct df_file *ret, struct error *err)
{
	if (text.n > DF_BYTES)
		return error_set(err, ERR_INPUT, "a Dockerfile of more than %llu bytes", (unsigned long long)DF_BYTES);
	struct df_file f = { .text = text.n ? text : str_n("", 0), .escape = '\\' };
	if (index_lines(&f, err) < 0)
		return -1;
	f.bom = str_starts(f.text, STR("\xEF\xBB\xBF"));
	struct df_parser p = { .f = &f, .a = &f.arena };
	bool stage = false, orphan = false;
	for (u32 i = 0; i < f.n_lines;) {
		u32 had = f.n_instructions;
		if (had >= DF_INSTRUCTIONS) {
			df_error_add(&p, NULL, i + 1, true, "more than %d instructions", DF_INSTRUCTIONS);
			break;
		}
		i = statement(&p, i);
		if (f.n_instructions == had)
			continue;
		const struct df_instruction *in = &f.instructions[had];
		stage |= in->keyword == DF_FROM;
		if (!stage && !orphan && in->keyword != DF_ARG && in->keyword != DF_UNKNOWN) {
			df_error_add(&p, NULL, in->line, false, "no build stage in current context: %s stands before the first FROM", df_keyword_text[in->keyword]);
			f.errors[f.n_errors - 1].order = true;
			orphan = true;
		}
	}
	if (f.n_instructions == 0)
		df_error_add(&p, NULL, MAX(f.n_lines, 1u), true, "file with no instructions");
	free(p.parts);
	free(p.words);
	KEEP(&f, directives, n_directives);
	KEEP(&f, comments, n_comments);
	KEEP(&f, instructions, n_instructions);
	KEEP(&f, errors, n_errors);
	*ret = f;
	return 0;
}

void df_free(struct df_file *f)
{
	arena_free(&f->arena);
	*f = (struct df_file){ 0 };
}
