#include "dockerfile/word.h"
#include "base/buf.h"
#include "base/text.h"
#include "dockerfile/pattern.h"

struct lex {
	struct arena *arena;
	const char *s;
	u32 n, pos, depth;
	const struct word_options *opt;
	const struct word_env *env;
	bool raw_escapes;
	struct error *err;
};

/* The words of the outermost level, split while the result is put together. */
struct words {
	struct word_place *v;
	u32 n, cap;
	struct buf word;
	u32 at, end;
	bool in_word;
	struct arena *arena;
};

static void word_end(struct words *w)
{
	if (w->word.n == 0)
		return;
	struct word_place p = { str_n(arena_bytes(w->arena, buf_str(&w->word)), w->word.n), w->at, w->end };
	VEC_PUSH(w->v, w->n, w->cap, p);
	buf_clear(&w->word);
	w->in_word = false;
}

/* Adds s, made of the source's [at, end), unsplit. */
static void add_raw(struct words *w, struct str s, u32 at, u32 end)
{
	if (!w)
		return;
	if (w->word.n == 0)
		w->at = at;
	buf_add(&w->word, s);
	w->end = end;
	w->in_word = true;
}

/* The same, but white space in it ends words. */
static void add_split(struct words *w, struct str s, u32 at, u32 end)
{
	if (!w)
		return;
	for (size_t i = 0; i < s.n;) {
		size_t k = i, space = 0;
		while (k < s.n && !(space = word_space(s.p + k, s.n - k)))
			k++;
		if (k > i)
			add_raw(w, str_n(s.p + i, k - i), at, end);
		if (space && w->in_word)
			word_end(w);
		i = k + space;
	}
}

static char peek(const struct lex *l) { return l->s[l->pos]; }
static bool at_end(const struct lex *l) { return l->pos >= l->n; }

/* Bytes of the character at the scanner. */
static u32 width(const struct lex *l)
{
	size_t n = text_utf8(str_n(l->s + l->pos, l->n - l->pos), &(u32){ 0 });
	return n ? (u32)n : 1;
}

static int fail(struct lex *l, const char *why) { return error_set(l->err, ERR_INPUT, "%s", why); }

static bool look_up(struct lex *l, struct str name, u32 at, bool provided, struct str *value)
{
	*value = str_n("", 0);
	bool set = l->env && l->env->lookup && l->env->lookup(l->env->ctx, name, value);
	if (l->env && l->env->used)
		l->env->used(l->env->ctx, name, at, set, provided);
	return set;
}

/* Letters beyond ASCII, near enough to Unicode's: everything but the blocks of punctuation, symbols and spaces. */
static bool letter(u32 c)
{
	if (c < 0x80)
		return (c | 32) >= 'a' && (c | 32) <= 'z';
	if (c < 0xC0)
		return c == 0xAA || c == 0xB5 || c == 0xBA;
	return c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c < 0x2C00) && !(c >= 0x2E00 && c < 0x3005) && !(c >= 0x3008 && c < 0x3021) && c != 0x3030 && c != 0x30FB &&
	       !(c >= 0xE000 && c < 0xF900) && !(c >= 0xFE00 && c < 0xFE70) && !(c >= 0xFF00 && c < 0xFF21) && c < 0x1D000;
}

/* A name, digits only, one special parameter, or nothing. */
static struct str name_of(struct lex *l)
{
	u32 from = l->pos;
	if (at_end(l))
		return str_n(l->s + from, 0);
	char c = peek(l);
	if (c >= '0' && c <= '9') {
		while (!at_end(l) && peek(l) >= '0' && peek(l) <= '9')
			l->pos++;
		return str_n(l->s + from, l->pos - from);
	}
	if (c && strchr("@*#?-$!", c)) {
		l->pos++;
		return str_n(l->s + from, 1);
	}
	while (!at_end(l)) {
		u32 code = 0;
		size_t n = text_utf8(str_n(l->s + l->pos, l->n - l->pos), &code);
		if (n == 0 || !(letter(code) || (code >= '0' && code <= '9') || code == '_'))
			break;
		l->pos += (u32)n;
	}
	return str_n(l->s + from, l->pos - from);
}

static int until(struct lex *l, char stop, bool raw_escapes, struct buf *out, struct words *w);

/* ${NAME/pattern/with} and ${NAME//pattern/with}; the scanner is behind the first slash. */
static int substitute(struct lex *l, struct str name, u32 at, struct buf *out)
{
	struct buf pattern = BUF(WORD_BYTES), with = BUF(WORD_BYTES);
	bool all = !at_end(l) && peek(l) == '/';
	l->pos += all;
	int r = until(l, '/', true, &pattern, NULL);
	if (r < 0 && at_end(l))
		r = fail(l, "syntax error: missing '/' in ${}");
	else if (r == 0 && (r = until(l, '}', true, &with, NULL)) < 0 && at_end(l))
		r = fail(l, "syntax error: missing '}'");
	if (r == 0) {
		struct str value;
		if (!look_up(l, name, at, false, &value) && l->opt->skip_unset) {
			buf_puts(out, "${");
			buf_add(out, name);
			buf_putc(out, '/');
			buf_add(out, buf_str(&pattern));
			buf_putc(out, '/');
			buf_add(out, buf_str(&with));
			buf_putc(out, '}');
		} else {
			r = pattern_replace(buf_str(&pattern), value, buf_str(&with), all, out, l->err);
		}
	}
	buf_free(&pattern);
	buf_free(&with);
	return r;
}

/* ${NAME op word}; op is one of + - ? # %, the scanner behind it. `null`: a colon stood before. */
static int apply(struct lex *l, struct str name, u32 at, char op, bool null, struct buf *out)
{
	struct buf word = BUF(WORD_BYTES);
	bool cut = op == '#' || op == '%';
	int r = until(l, '}', cut, &word, NULL);
	if (r < 0) {
		if (at_end(l))
			r = fail(l, "syntax error: missing '}'");
		goto done;
	}
	struct str value, w = buf_str(&word);
	bool set = look_up(l, name, at, !cut, &value), empty = !set || (null && value.n == 0);
	if (l->opt->skip_unset && !set) {
		buf_puts(out, "${");
		buf_add(out, name);
		buf_puts(out, null ? ":" : "");
		buf_putc(out, op);
		buf_add(out, w);
		buf_putc(out, '}');
	} else if (op == '-') {
		buf_add(out, empty ? w : value);
	} else if (op == '+') {
		buf_add(out, empty ? str_n("", 0) : w);
	} else if (op == '?') {
		if (empty)
			r = error_set(l->err, ERR_INPUT, "%.*s: %.*s", STR_FMT(name), STR_FMT(w.n ? w : set ? STR("is not allowed to be empty") : STR("is not allowed to be unset")));
		else
			buf_add(out, value);
	} else {
		bool longest = w.n && w.p[0] == op;
		r = pattern_cut(str_from(w, longest), &value, op == '%', longest, l->err);
		if (r == 0)
			buf_add(out, value);
	}
done:
	buf_free(&word);
	return r;
}

/* $NAME and ${…}: the scanner is at the dollar. */
static int dollar(struct lex *l, struct buf *out)
{
	u32 at = l->pos++;
	struct str value;
	if (at_end(l) || peek(l) != '{') {
		struct str name = name_of(l);
		if (name.n == 0)
			buf_putc(out, '$');
		else if (!look_up(l, name, at, false, &value) && l->opt->skip_unset)
			buf_add(out, str_n(l->s + at, l->pos - at));
		else
			buf_add(out, value);
		return 0;
	}
	l->pos++;
	if (at_end(l))
		return fail(l, "syntax error: missing '}'");
	if (peek(l) == '{' || peek(l) == '}' || peek(l) == ':')
		return fail(l, "syntax error: bad substitution");
	struct str name = name_of(l);
	char op = at_end(l) ? '\0' : l->s[l->pos++];
	if (op == '}') {
		if (!look_up(l, name, at, false, &value) && l->opt->skip_unset)
			buf_add(out, str_n(l->s + at, l->pos - at));
		else
			buf_add(out, value);
		return 0;
	}
	if (l->depth >= WORD_DEPTH)
		return fail(l, "substitutions are nested too deep");
	bool null = op == ':';
	if (null)
		op = at_end(l) ? '\0' : l->s[l->pos++];
	int r = -1;
	l->depth++;
	if (op && (strchr("+-?", op) || (strchr("#%", op) && !null)))
		r = apply(l, name, at, op, null, out);
	else if (op == '/' && !null)
		r = substitute(l, name, at, out);
	else
		error_set(l->err, ERR_INPUT, "unsupported modifier (%s%.*s) in substitution", null ? ":" : "", op != '\0', &op);
	l->depth--;
	return r;
}

static int single_quote(struct lex *l, struct buf *out)
{
	u32 from = l->pos;
	const char *close = memchr(l->s + from + 1, '\'', l->n - from - 1);
	if (!close) {
		l->pos = l->n;
		return fail(l, "unexpected end of statement while looking for matching single-quote");
	}
	u32 end = (u32)(close - l->s), keep = l->opt->raw_quotes;
	buf_add(out, str_n(l->s + from + 1 - keep, end - from - 1 + 2 * keep));
	l->pos = end + 1;
	return 0;
}

static int double_quote(struct lex *l, struct buf *out)
{
	if (l->opt->raw_quotes)
		buf_putc(out, '"');
	for (l->pos++; !at_end(l);) {
		char c = peek(l);
		if (c == '"') {
			l->pos++;
			if (l->opt->raw_quotes)
				buf_putc(out, '"');
			return 0;
		}
		if (c == '$') {
			if (dollar(l, out) < 0)
				return -1;
			continue;
		}
		l->pos++;
		if (c == l->opt->escape) {
			if (l->raw_escapes)
				buf_putc(out, c);
			if (at_end(l))
				continue;
			if (peek(l) == '"' || peek(l) == '$' || peek(l) == l->opt->escape)
				c = l->s[l->pos++];
		}
		buf_putc(out, c);
	}
	return fail(l, "unexpected end of statement while looking for matching double-quote");
}

/* "<<" keeps the blanks behind it in the word: `<< EOF` is one. */
static void less_than(struct lex *l)
{
	l->pos++;
	if (at_end(l) || peek(l) != '<')
		return;
	l->pos++;
	while (!at_end(l) && (peek(l) == ' ' || peek(l) == '\t' || peek(l) == '\r'))
		l->pos++;
}

/* One step of until(): what stands at the scanner goes to *out and to the words. */
static int step(struct lex *l, struct buf *out, struct words *w)
{
	u32 at = l->pos;
	size_t had = out->n;
	char c = peek(l);
	int r = 0;
	if (c == '$' || (!l->opt->skip_quotes && (c == '\'' || c == '"'))) {
		r = c == '$' ? dollar(l, out) : c == '\'' ? single_quote(l, out) : double_quote(l, out);
		if (r < 0)
			return r;
		(c == '$' ? add_split : add_raw)(w, str_from(buf_str(out), had), at, l->pos);
	} else if (c == '<') {
		less_than(l);
		buf_add(out, str_n(l->s + at, l->pos - at));
		add_raw(w, str_n(l->s + at, l->pos - at), at, l->pos);
	} else if (c == l->opt->escape) {
		l->pos++;
		if (l->raw_escapes) {
			add_raw(w, str_n(&c, 1), at, l->pos);
			buf_putc(out, c);
		}
		if (at_end(l))
			return 0;
		u32 from = l->pos;
		l->pos += width(l);
		buf_add(out, str_n(l->s + from, l->pos - from));
		add_raw(w, str_n(l->s + from, l->pos - from), at, l->pos);
	} else {
		l->pos += width(l);
		buf_add(out, str_n(l->s + at, l->pos - at));
		add_split(w, str_n(l->s + at, l->pos - at), at, l->pos);
	}
	return 0;
}

/* Takes all up to `stop` (0: the end), which is consumed. */
static int until(struct lex *l, char stop, bool raw_escapes, struct buf *out, struct words *w)
{
	bool before = l->raw_escapes;
	int r = 0;
	l->raw_escapes = raw_escapes;
	for (;;) {
		if (at_end(l)) {
			if (stop)
				r = error_set(l->err, ERR_INPUT, "unexpected end of statement while looking for matching %c", stop);
			break;
		}
		if (stop && peek(l) == stop) {
			l->pos++;
			break;
		}
		if ((r = step(l, out, w)) < 0)
			break;
		if (out->over || (w && w->word.over)) {
			r = fail(l, "the expansion is too long");
			break;
		}
	}
	l->raw_escapes = before;
	return r;
}

static struct lex lex_of(struct arena *a, struct str text, const struct word_options *opt, const struct word_env *env, struct error *err)
{
	struct lex l = { .arena = a, .s = text.n ? text.p : "", .n = (u32)text.n, .opt = opt, .env = env, .raw_escapes = opt->raw_escapes, .err = err };
	if (str_starts(text, STR("\xEF\xBB\xBF")))
		l.pos = 3;
	return l;
}

int word_expand(struct arena *a, struct str word, const struct word_options *opt, const struct word_env *env, struct str *ret, struct error *err)
{
	if (word.n > WORD_BYTES)
		return error_set(err, ERR_INPUT, "the word is too long");
	struct lex l = lex_of(a, word, opt, env, err);
	struct buf out = BUF(WORD_BYTES);
	int r = until(&l, '\0', opt->raw_escapes, &out, NULL);
	if (r == 0)
		*ret = str_n(arena_bytes(a, buf_str(&out)), out.n);
	buf_free(&out);
	return r;
}

int word_split_places(struct arena *a, struct str text, const struct word_options *opt, const struct word_env *env, struct word_place **ret, u32 *n, struct error *err)
{
	if (text.n > UINT32_MAX / 2)
		return error_set(err, ERR_INPUT, "the text is too long");
	struct lex l = lex_of(a, text, opt, env, err);
	struct words w = { .arena = a, .word = BUF(WORD_BYTES) };
	struct buf out = BUF(WORD_BYTES + text.n);
	int r = until(&l, '\0', opt->raw_escapes, &out, &w);
	if (r == 0) {
		word_end(&w);
		*ret = arena_alloc(a, sizeof **ret * w.n);
		if (w.n)
			memcpy(*ret, w.v, sizeof **ret * w.n);
		*n = w.n;
	}
	free(w.v);
	buf_free(&w.word);
	buf_free(&out);
	return r;
}

int word_split(struct arena *a, struct str text, const struct word_options *opt, const struct word_env *env, struct str **ret, u32 *n, struct error *err)
{
	struct word_place *places;
	u32 many;
	if (word_split_places(a, text, opt, env, &places, &many, err) < 0)
		return -1;
	*ret = arena_array(a, struct str, many);
	for (u32 i = 0; i < many; i++)
		(*ret)[i] = places[i].s;
	*n = many;
	return 0;
}
