#include "dockerfile/parser.h"
#include "base/buf.h"

const char *const df_keyword_text[DF_KEYWORDS] = { "", "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
	"ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR" };

#define ONBUILD_DEPTH 8 /* BuildKit refuses the second level already */

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'; }
static bool byte_space(char c) { return blank(c) || c == '\n' || (u8)c == 0x85 || (u8)c == 0xA0; } /* flags are read byte by byte */

static enum df_keyword keyword_of(struct str s)
{
	for (u32 k = 1; k < DF_KEYWORDS; k++)
		if (str_ieq(s, str_of(df_keyword_text[k])))
			return (enum df_keyword)k;
	return DF_UNKNOWN;
}

static void push_word(struct df_parser *p, u32 at, u32 end)
{
	if (p->n_words < DF_WORDS)
		VEC_PUSH(p->words, p->n_words, p->cap_words, ((struct df_span){ at, end }));
	else
		p->too_many = true;
}

/* The arguments from the word spans (of in->text) that were gathered. */
static void take_words(struct df_parser *p, struct df_instruction *in)
{
	struct df_word *v = arena_alloc(p->a, sizeof *v * p->n_words);
	for (u32 i = 0; i < p->n_words; i++) {
		struct df_span w = p->words[i];
		v[i] = (struct df_word){ str_n(in->text.s.p + w.at, w.end - w.at), df_text_span(&in->text, w.at, w.end) };
	}
	in->args = v;
	in->n_args = p->n_words;
}

/* A flag's word without quotes and escapes; a view when it has none. */
static struct str unquote(struct arena *a, struct str s)
{
	bool plain = true;
	for (size_t i = 0; plain && i < s.n; i++)
		plain = s.p[i] != '"' && s.p[i] != '\'' && s.p[i] != '\\';
	if (plain)
		return s;
	char *out = arena_alloc(a, s.n + 1), quote = '\0';
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? '\0' : c;
		else if (c == '\\' && i + 1 == s.n)
			break;
		else
			out[n++] = c == '\\' ? s.p[++i] : c;
	}
	return str_n(out, n);
}

/* End of the flag's word that starts at `at`. */
static u32 flag_end(struct str s, u32 at)
{
	char quote = '\0';
	for (; at < s.n; at++) {
		char c = s.p[at];
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? '\0' : c;
		else if (c == '\\')
			at++;
		else if (!quote && byte_space(c))
			break;
	}
	return MIN(at, (u32)s.n);
}

/* Takes the flags from `at` on; returns where the arguments begin. */
static u32 take_flags(struct df_parser *p, struct df_instruction *in, u32 at)
{
	struct str s = in->text.s;
	struct df_flag *v = NULL;
	u32 n = 0, cap = 0;
	for (;;) {
		while (at < s.n && byte_space(s.p[at]))
			at++;
		if (at + 1 >= s.n || s.p[at] != '-' || s.p[at + 1] != '-')
			break;
		u32 end = flag_end(s, at);
		struct str raw = str_n(s.p + at, end - at), word = unquote(p->a, raw);
		struct df_span span = df_text_span(&in->text, at, end);
		at = end;
		if (str_is(word, "--"))
			break;
		struct str name = str_from(word, 2), value = { NULL, 0 };
		const char *eq = str_chr(name, '=');
		if (eq) {
			value = str_from(name, (size_t)(eq + 1 - name.p));
			name.n = (size_t)(eq - name.p);
		}
		if (n < DF_WORDS)
			VEC_PUSH(v, n, cap, ((struct df_flag){ name, value, raw, span }));
		else
			p->too_many = true;
	}
	if (n) {
		struct df_flag *kept = arena_alloc(p->a, sizeof *kept * n);
		memcpy(kept, v, sizeof *kept * n);
		in->flags = kept;
		in->n_flags = n;
	}
	free(v);
	return at;
}

/* Words at blanks. */
static void split_blanks(struct df_parser *p, struct str s, u32 at, u32 end)
{
	while (at < end) {
		u32 k = at;
		while (k < end && !blank(s.p[k]))
			k++;
		push_word(p, at, k);
		for (at = k; at < end && blank(s.p[at]);)
			at++;
	}
}

/* Words at white space outside quotes; quotes and escapes stay in them, but for an escape character at the very end. */
static void split_quoted(struct df_parser *p, struct str s, u32 at, u32 end)
{
	char escape = p->f->escape;
	while (at < end) {
		size_t space = word_space(s.p + at, end - at);
		if (space) {
			at += (u32)space;
			continue;
		}
		u32 from = at, stop = at;
		char quote = '\0';
		while (at < end) {
			char c = s.p[at];
			if (!quote && word_space(s.p + at, end - at))
				break;
			bool closes = quote && c == quote;
			if (!quote && (c == '"' || c == '\''))
				quote = c;
			else if (c == escape && quote != '\'') {
				if (at + 1 == end) {
					at++;
					break;
				}
				space = word_space(s.p + at + 1, end - at - 1);
				at += space ? (u32)space : 1;
			}
			if (closes)
				quote = '\0';
			stop = ++at;
		}
		stop = MIN(stop, end);
		if (stop > from)
			push_word(p, from, stop);
	}
}

static struct df_word word_at(const struct df_instruction *in, u32 at, u32 end)
{
	return (struct df_word){ str_n(in->text.s.p + at, end - at), df_text_span(&in->text, at, end) };
}

/* One assignment per word; without `=` a name only. */
static void take_pairs(struct df_parser *p, struct df_instruction *in)
{
	struct df_pair *v = arena_array(p->a, struct df_pair, p->n_words);
	for (u32 i = 0; i < p->n_words; i++) {
		struct df_span w = p->words[i];
		const char *s = in->text.s.p, *eq = memchr(s + w.at, '=', w.end - w.at);
		u32 cut = eq ? (u32)(eq - s) : w.end;
		v[i] = (struct df_pair){ .name = word_at(in, w.at, cut), .eq = eq != NULL, .span = df_text_span(&in->text, w.at, w.end) };
		if (eq)
			v[i].value = word_at(in, cut + 1, w.end);
		else
			v[i].value.span = (struct df_span){ v[i].span.end, v[i].span.end };
	}
	in->pairs = v;
	in->n_pairs = p->n_words;
}

/* ENV and LABEL: NAME=VALUE …, or the old NAME VALUE. */
static bool parse_pairs(struct df_parser *p, struct df_instruction *in, u32 at, u32 end)
{
	struct str s = in->text.s;
	split_quoted(p, s, at, end);
	take_words(p, in);
	if (p->n_words == 0)
		return true;
	const char *name = df_keyword_text[in->keyword];
	if (!str_chr(in->args[0].s, '=')) {
		u32 k = at, v;
		while (k < end && !blank(s.p[k]))
			k++;
		for (v = k; v < end && blank(s.p[v]);)
			v++;
		if (k == end)
			return df_error_add(p, in, in->line, true, "%s must have two arguments", name);
		struct df_pair *pair = arena_new(p->a, struct df_pair);
		*pair = (struct df_pair){ .name = word_at(in, at, k), .value = word_at(in, v, end), .span = df_text_span(&in->text, at, end) };
		in->pairs = pair;
		in->n_pairs = 1;
		return true;
	}
	for (u32 i = 0; i < in->n_args; i++)
		if (!str_chr(in->args[i].s, '='))
			return df_error_add(p, in, in->line, true, "%s: there is no = in \"%.*s\": it must be name=value", name, (int)MIN(in->args[i].s.n, (size_t)80), in->args[i].s.p);
	take_pairs(p, in);
	return true;
}

/* JSON form; otherwise words at blanks (list), or one word. */
static bool parse_maybe_json(struct df_parser *p, struct df_instruction *in, u32 at, u32 end, bool list)
{
	if (at == end)
		return true;
	const struct df_word *words = NULL;
	u32 n = 0;
	switch (df_json_read(p, &in->text, at, end, &words, &n)) {
	case DF_JSON_YES:
		in->json = true;
		in->args = words;
		in->n_args = n;
		return true;
	case DF_JSON_NOT_STRINGS:
		return df_error_add(p, in, in->line, true, "%s: a JSON array must hold nothing but strings", df_keyword_text[in->keyword]);
	case DF_JSON_NO:
		break;
	}
	if (list)
		split_blanks(p, in->text.s, at, end);
	else
		push_word(p, at, end);
	take_words(p, in);
	return true;
}

/* HEALTHCHECK NONE, HEALTHCHECK CMD …: the type, then as CMD. */
static bool parse_health(struct df_parser *p, struct df_instruction *in, u32 at, u32 end)
{
	struct str s = in->text.s;
	u32 k = at, v;
	while (k < end && !byte_space(s.p[k]))
		k++;
	for (v = k; v < end && byte_space(s.p[v]);)
		v++;
	if (k == at)
		return true;
	if (!parse_maybe_json(p, in, v, end, false))
		return false;
	struct df_word *args = arena_alloc(p->a, sizeof *args * (in->n_args + 1));
	args[0] = word_at(in, at, k);
	if (in->n_args)
		memcpy(args + 1, in->args, sizeof *args * in->n_args);
	in->args = args;
	in->n_args++;
	in->rest = df_text_slice(p->a, &in->text, v, end);
	return true;
}

static bool parse_trigger(struct df_parser *p, struct df_instruction *in, u32 at, u32 end, u32 depth)
{
	if (at == end)
		return true;
	if (depth >= ONBUILD_DEPTH)
		return df_error_add(p, in, in->line, true, "ONBUILD is nested too deep");
	struct df_instruction *t = arena_new(p->a, struct df_instruction);
	*t = (struct df_instruction){ .index = in->index, .line = in->line, .end_line = in->end_line, .head_end = in->head_end, .blank_inside = in->blank_inside, .text = in->rest };
	t->span = (struct df_span){ df_text_at(&in->text, at), in->span.end };
	bool ok = df_instruction_parse(p, t, depth + 1);
	in->trigger = t;
	in->bad |= t->bad;
	return ok;
}

static bool parse_arguments(struct df_parser *p, struct df_instruction *in, u32 at, u32 end, u32 depth)
{
	switch (in->keyword) {
	case DF_ADD:
	case DF_COPY:
	case DF_VOLUME:
		return parse_maybe_json(p, in, at, end, true);
	case DF_CMD:
	case DF_ENTRYPOINT:
	case DF_RUN:
	case DF_SHELL:
		return parse_maybe_json(p, in, at, end, false);
	case DF_ENV:
	case DF_LABEL:
		return parse_pairs(p, in, at, end);
	case DF_ARG:
		split_quoted(p, in->text.s, at, end);
		take_words(p, in);
		take_pairs(p, in);
		return true;
	case DF_EXPOSE:
	case DF_FROM:
		split_blanks(p, in->text.s, at, end);
		take_words(p, in);
		return true;
	case DF_HEALTHCHECK:
		return parse_health(p, in, at, end);
	case DF_ONBUILD:
		return parse_trigger(p, in, at, end, depth);
	case DF_MAINTAINER:
	case DF_STOPSIGNAL:
	case DF_USER:
	case DF_WORKDIR:
		if (end > at)
			push_word(p, at, end);
		take_words(p, in);
		return true;
	case DF_UNKNOWN:
	case DF_KEYWORDS:
		break;
	}
	return true;
}

bool df_instruction_parse(struct df_parser *p, struct df_instruction *in, u32 depth)
{
	struct str s = in->text.s;
	u32 k = 0, at, end = (u32)s.n;
	while (k < end && !blank(s.p[k]))
		k++;
	in->word = (struct df_word){ str_head(s, k), { in->span.at, in->span.at } };
	if (k)
		in->word.span = df_text_span(&in->text, 0, k);
	in->keyword = keyword_of(in->word.s);
	p->n_words = 0;
	p->too_many = false;
	for (at = k; at < end && blank(s.p[at]);)
		at++;
	at = take_flags(p, in, at);
	df_trim(s, &at, &end);
	in->rest = df_text_slice(p->a, &in->text, at, end);
	bool ok = parse_arguments(p, in, at, end, depth);
	if (p->too_many)
		ok = df_error_add(p, in, in->line, true, "more than %d words in one instruction", DF_WORDS);
	return ok;
}
