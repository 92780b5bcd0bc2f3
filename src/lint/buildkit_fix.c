#include "lint/buildkit.h"
#include "base/buf.h"

/* A word that stands in the file as it is can be edited by its offsets; one that was put together of continued lines cannot. */
bool bk_plain(const struct lint *l, struct df_span span, struct str s)
{
	return span.end - span.at == s.n && str_eq(str_n(l->file.text.p + span.at, s.n), s);
}

static bool has_newline(const struct lint *l, u32 at, u32 end) { return end > at && memchr(l->file.text.p + at, '\n', end - at); }

/* Whether a comment stands among bytes [at, end). */
static bool has_comment(const struct lint *l, u32 at, u32 end)
{
	u32 low = 0, high = l->file.n_comments;

	while (low < high) {
		u32 mid = (low + high) / 2;
		if (l->file.comments[mid].span.at < at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < l->file.n_comments && l->file.comments[low].span.at < end;
}

static struct str cased(struct arena *a, struct str s, bool lower)
{
	char *p = arena_strdup(a, s);

	for (size_t i = 0; i < s.n; i++)
		if (lower ? p[i] >= 'A' && p[i] <= 'Z' : p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] ^ 32);
	return str_n(p, s.n);
}

void bk_fix_word_case(struct lint *l, struct diagnostic *d, const struct df_word *w, bool lower, const char *title)
{
	if (bk_plain(l, w->span, w->s))
		lint_fix(l, d, FIX_SAFE, title, w->span, cased(l->arena, w->s, lower));
}

/* --- names of stages --- */
#define REFERENCES 200 /* that are renamed: the others work as they are */

static void rename_at(struct lint *l, struct diagnostic *d, u32 at, struct str name)
{
	if (d->fix && d->fix->n_edits < REFERENCES)
		lint_fix_add(l, d, (struct df_span){ at, at + (u32)name.n }, cased(l->arena, name, true));
}

/* `from=NAME` of a mount; the value's place in the file is `at`. */
static void rename_mount(struct lint *l, struct diagnostic *d, const struct df_flag *f, u32 at, struct str name)
{
	for (struct str rest = f->value; rest.p;) {
		struct str value = str_cut(&rest, ','), key = str_cut(&value, '=');
		if (value.p && str_ieq(key, STR("from")) && str_ieq(value, name))
			rename_at(l, d, at + (u32)(value.p - f->value.p), value);
	}
}

static void rename_in(struct lint *l, struct diagnostic *d, const struct df_instruction *in, struct str name)
{
	if (in->bad)
		return;
	if (in->keyword == DF_FROM && in->n_args && str_eq(in->args[0].s, name) && bk_plain(l, in->args[0].span, name))
		rename_at(l, d, in->args[0].span.at, name);
	for (u32 i = 0; i < in->n_flags && (in->keyword == DF_COPY || in->keyword == DF_ADD || in->keyword == DF_RUN); i++) {
		const struct df_flag *f = &in->flags[i];
		u32 at = f->span.end - (u32)f->value.n;
		if (!f->value.n || !bk_plain(l, f->span, f->raw) || !bk_plain(l, (struct df_span){ at, f->span.end }, f->value))
			continue;
		if (in->keyword == DF_RUN && str_is(f->name, "mount"))
			rename_mount(l, d, f, at, name);
		else if (in->keyword != DF_RUN && str_is(f->name, "from") && str_ieq(f->value, name))
			rename_at(l, d, at, f->value);
	}
}

/* BuildKit keeps names of stages in lower case and finds them whatever their case, except in FROM: so this changes no build that works. */
void bk_fix_stage_name(struct lint *l, struct diagnostic *d, const struct df_stage *st)
{
	const struct df_instruction *from = &l->file.instructions[st->from];
	const struct df_word *w = &from->args[2];

	if (!bk_plain(l, w->span, w->s))
		return;
	lint_fix(l, d, FIX_SAFE, "Write the stage's name in lower case", w->span, cased(l->arena, w->s, true));
	for (u32 i = st->from + 1; d->fix && i < l->file.n_instructions && i < st->from + 2000; i++) {
		const struct df_instruction *in = &l->file.instructions[i];
		if (in->keyword == DF_FROM && l->graph.stages[l->graph.stage_of[i]].name.n && str_ieq(l->graph.stages[l->graph.stage_of[i]].name, st->name)) {
			rename_in(l, d, in, w->s); /* FROM Name AS Name */
			break;
		}
		rename_in(l, d, in->keyword == DF_ONBUILD && in->trigger ? in->trigger : in, w->s);
	}
}

/* --- empty lines --- */
#define RUNS 200 /* of empty lines in one instruction: with more it is left alone */

void bk_fix_empty_lines(struct lint *l, struct diagnostic *d, const struct df_instruction *in)
{
	const struct df_file *f = &l->file;
	struct df_span run[RUNS];
	u32 n = 0;

	for (u32 line = in->line; line < in->head_end; line++) { /* from 0: those behind the first */
		struct df_span s = { f->lines[line], line + 1 < f->n_lines ? f->lines[line + 1] : (u32)f->text.n };
		struct str text = str_n(f->text.p + s.at, s.end - s.at);
		if (str_trim(text).n || !text.n || text.p[text.n - 1] != '\n')
			continue;
		if (n && run[n - 1].end == s.at)
			run[n - 1].end = s.end;
		else if (n == RUNS)
			return;
		else
			run[n++] = s;
	}
	for (u32 i = 0; i < n; i++)
		if (!i)
			lint_fix(l, d, FIX_SAFE, "Take the empty lines out", run[i], STR(""));
		else
			lint_fix_add(l, d, run[i], STR(""));
}

/* --- NAME VALUE --- */
static bool name_char(char c) { return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_'; }

/* Where the `${…}` that starts at i ends (behind the brace), 0 when it holds quotes, escapes or others of its kind, or doesn't end. */
static size_t braces(struct str s, size_t i, char escape)
{
	for (i += 2; i < s.n; i++) {
		if (s.p[i] == '}')
			return i + 1;
		if (s.p[i] == '"' || s.p[i] == '\'' || s.p[i] == escape || s.p[i] == '{')
			return 0;
	}
	return 0;
}

static void literal(struct buf *b, char c, char escape)
{
	if (c == '"' || c == '$' || c == escape)
		buf_putc(b, escape);
	buf_putc(b, c);
}

/* The value as one double-quoted word that comes to the same text. False when that is not plain to see. */
static bool requote(struct buf *b, struct str s, char escape)
{
	enum { BARE, SINGLE, DOUBLE } in = BARE;

	buf_putc(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (in == SINGLE) {
			if (c == '\'')
				in = BARE;
			else
				literal(b, c, escape);
		} else if (c == '"') {
			in = in == BARE ? DOUBLE : BARE;
		} else if (c == '\'' && in == BARE) {
			in = SINGLE;
		} else if (c == escape) {
			if (i + 1 == s.n)
				return false;
			if (in == BARE || s.p[i + 1] == '"' || s.p[i + 1] == '$' || s.p[i + 1] == escape)
				literal(b, s.p[++i], escape);
			else
				literal(b, c, escape);
		} else if (c == '$') {
			size_t end = i + 1;
			if (end < s.n && s.p[end] == '{') {
				if (!(end = braces(s, i, escape)))
					return false;
				buf_add(b, str_n(s.p + i, end - i));
			} else {
				while (end < s.n && name_char(s.p[end]))
					end++;
				if (end == i + 1 || (s.p[i + 1] >= '0' && s.p[i + 1] <= '9'))
					return false;
				buf_puts(b, "${"); /* what is behind it may not become part of the name */
				buf_add(b, str_n(s.p + i + 1, end - i - 1));
				buf_putc(b, '}');
			}
			i = end - 1;
		} else {
			buf_putc(b, c);
		}
	}
	buf_putc(b, '"');
	return in == BARE && !b->over;
}

/* Variables as themselves, so that texts with different ones differ. */
static bool mirror(void *ctx, struct str name, struct str *ret)
{
	struct buf *b = ctx;

	buf_clear(b);
	buf_putc(b, '\1');
	buf_add(b, name);
	buf_putc(b, '\1');
	*ret = buf_str(b);
	return true;
}

/* Whether `KEYWORD NAME=value` is read as that one assignment, and the value comes to what the old one came to, with variables set and unset. */
static bool same_meaning(const struct lint *l, const struct df_instruction *in, const struct df_pair *p, struct str value)
{
	struct buf line = BUF(256 * KiB), name = BUF(64 * KiB);
	struct arena a = { 0 };
	struct df_file f = { 0 };
	struct word_options opt = { .escape = l->file.escape };
	bool same = false;

	buf_printf(&line, "%sFROM scratch\n%s ", l->file.escape == '`' ? "# escape=`\n" : "", df_keyword_text[in->keyword]);
	buf_add(&line, p->name.s);
	buf_putc(&line, '=');
	buf_add(&line, value);
	buf_putc(&line, '\n');
	if (!line.over && df_parse(buf_str(&line), &f, NULL) == 0) {
		const struct df_instruction *i = f.n_instructions == 2 && !f.refused ? &f.instructions[1] : NULL;
		same = i && i->n_pairs == 1 && i->pairs[0].eq && str_eq(i->pairs[0].value.s, value) && str_eq(i->pairs[0].name.s, p->name.s);
		for (u32 set = 0; set < 2 && same; set++) {
			struct word_env env = { .lookup = set ? mirror : NULL, .ctx = &name };
			struct str x, y;
			same = word_expand(&a, p->value.s, &opt, &env, &x, NULL) == 0 && word_expand(&a, value, &opt, &env, &y, NULL) == 0 && str_eq(x, y);
		}
		df_free(&f);
	}
	arena_free(&a);
	buf_free(&line);
	buf_free(&name);
	return same;
}

/* Whether blanks or quotes make more of a value than one word as it stands. */
static bool bare_blanks(struct str s, char escape, bool *special)
{
	char quote = 0;
	bool blank = false;

	*special = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		*special |= c == '"' || c == '\'' || c == escape;
		if (c == escape && quote != '\'')
			i++;
		else if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else
			blank |= c == ' ' || (c >= 9 && c <= 13);
	}
	return blank;
}

/* Three ways, the one that changes least first: `=` in place of the blank; quotes around the value as it stands, continued lines and comments inside included;
 * the value quoted anew, on one line. */
void bk_fix_key_value(struct lint *l, struct diagnostic *d, const struct df_instruction *in, const struct df_pair *p)
{
	static const char title[] = "Write = between name and value";
	struct df_span gap = { p->name.span.end, p->value.span.at };
	struct str v = p->value.s;
	struct buf b = BUF(64 * KiB);
	bool special, blank = bare_blanks(v, l->file.escape, &special);

	if (!v.p || gap.end < gap.at || has_comment(l, gap.at, gap.end) || !bk_plain(l, p->name.span, p->name.s))
		return;
	if (!blank) {
		if (same_meaning(l, in, p, v))
			lint_fix(l, d, FIX_SAFE, title, gap, STR("="));
		return;
	}
	if (!special) {
		buf_putc(&b, '"');
		buf_add(&b, v);
		buf_putc(&b, '"');
		if (same_meaning(l, in, p, buf_str(&b))) {
			lint_fix(l, d, FIX_SAFE, title, gap, STR("=\""));
			lint_fix_add(l, d, (struct df_span){ p->value.span.end, p->value.span.end }, STR("\""));
		}
	} else if (!has_comment(l, p->value.span.at, p->value.span.end) && requote(&b, v, l->file.escape) && same_meaning(l, in, p, buf_str(&b))) {
		lint_fix(l, d, FIX_SAFE, title, gap, STR("="));
		lint_fix_add(l, d, p->value.span, buf_str(&b));
	}
	buf_free(&b);
}

/* --- the rest --- */
void bk_fix_platform(struct lint *l, struct diagnostic *d, const struct df_instruction *in, const struct df_flag *f)
{
	struct df_span s = f->span;

	(void)in;
	if (has_newline(l, s.at, s.end))
		return;
	while (s.end < l->file.text.n && (l->file.text.p[s.end] == ' ' || l->file.text.p[s.end] == '\t'))
		s.end++;
	lint_fix(l, d, FIX_SAFE, "Take the flag out", s, STR(""));
}

void bk_fix_protocol(struct lint *l, struct diagnostic *d, const struct df_word *w)
{
	const char *slash = str_chr(w->s, '/');

	if (!slash || !bk_plain(l, w->span, w->s))
		return;
	u32 at = w->span.at + (u32)(slash - w->s.p);
	lint_fix(l, d, FIX_SAFE, "Write the protocol in lower case", (struct df_span){ at, w->span.end }, cased(l->arena, str_n(slash, w->span.end - at), true));
}

void bk_fix_workdir(struct lint *l, struct diagnostic *d, const struct df_word *w, bool scratch)
{
	if (bk_plain(l, w->span, w->s) && w->s.n && w->s.p[0] != '"' && w->s.p[0] != '\'' && w->s.p[0] != '.' && w->s.p[0] != '$')
		lint_fix(l, d, scratch ? FIX_SAFE : FIX_SUGGESTED, "Write an absolute path", (struct df_span){ w->span.at, w->span.at }, STR("/"));
}

void bk_fix_variable(struct lint *l, struct diagnostic *d, u32 at, struct str wrong, struct str right)
{
	at += l->file.text.p[at + 1] == '{' ? 2u : 1u;
	if (bk_plain(l, (struct df_span){ at, at + (u32)wrong.n }, wrong))
		lint_fix(l, d, FIX_SUGGESTED, "Write the name that is set", (struct df_span){ at, at + (u32)wrong.n }, right);
}
