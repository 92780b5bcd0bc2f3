/* Words: literal text, quotes, substitutions, patterns. */
#include "base/text.h"
#include "shell/parser.h"

enum mode {
	IN_WORD,
	IN_REGEX,        /* behind =~ : ( ) | belong to the word */
	IN_DOUBLE,       /* "…" */
	IN_OPERAND,      /* ${x:-…} outside quotes */
	IN_QUOTED_OPERAND, /* the same inside "…": ' is a character */
	IN_TEXT,         /* up to the limit: here-documents, arithmetic */
	IN_BRACE,        /* up to the limit, otherwise as a word */
};

static void read_parts(struct sh_parser *p, enum mode m, u32 flags);

static struct sh_part *push(struct sh_parser *p, enum sh_part_kind kind, u32 from)
{
	struct sh_part part = { .kind = kind, .at = sh_pos(p, from), .end = sh_pos(p, p->i), .text = sh_slice(p, from, p->i) };
	VEC_PUSH(p->parts, p->n_parts, p->cap_parts, part);
	return &p->parts[p->n_parts - 1];
}

static void literal(struct sh_parser *p, u32 from)
{
	if (p->i > from)
		push(p, SH_LITERAL, from);
}

static const struct sh_part *take_parts(struct sh_parser *p, size_t mark, u32 *n)
{
	*n = (u32)(p->n_parts - mark);
	struct sh_part *v = NULL;
	if (*n) {
		v = arena_alloc(p->arena, sizeof *v * *n);
		memcpy(v, p->parts + mark, sizeof *v * *n);
	}
	p->n_parts = mark;
	return v;
}

bool sh_is_name(struct str s)
{
	if (s.n == 0 || !sh_name_start((unsigned char)s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!sh_name_char((unsigned char)s.p[i]))
			return false;
	return true;
}

/* Looking ahead costs; when hostile text has used up what there is, nothing more is recognised. */
static bool pay(struct sh_parser *p)
{
	if (p->budget == 0)
		return false;
	p->budget--;
	return true;
}

bool sh_scan_arithmetic(struct sh_parser *p, u32 from, u32 *end)
{
	u32 depth = 0;
	for (u32 k = from; k < p->n && pay(p); k++) {
		char c = p->s[k];
		if (c == '\\') {
			k++;
		} else if (c == '\'' || c == '"') {
			u32 q = k + 1;
			while (q < p->n && p->s[q] != c && pay(p))
				q += c == '"' && p->s[q] == '\\' ? 2 : 1;
			if (q >= p->n)
				return false;
			k = q;
		} else if (c == '(') {
			depth++;
		} else if (c == ')' && depth) {
			depth--;
		} else if (c == ')') {
			*end = k;
			return k + 1 < p->n && p->s[k + 1] == ')';
		}
	}
	return false;
}

/* --- substitutions --- */

static void read_dollar_single(struct sh_parser *p)
{
	static const char from[] = "abeEfnrtv\\'\"?", to[] = "\a\b\033\033\f\n\r\t\v\\'\"?";
	u32 start = p->i;
	p->i += 2;
	u32 k = p->i;
	while (k < p->n && p->s[k] != '\'')
		k += p->s[k] == '\\' ? 2 : 1;
	if (k >= p->n) {
		sh_fail(p, start, "a quote $' is not closed");
		k = p->n;
	}
	char *out = arena_alloc(p->arena, (size_t)(k - p->i) * 2 + 1);
	size_t n = 0;
	for (u32 i = p->i; i < k; i++) {
		char c = p->s[i];
		if (c != '\\' || i + 1 >= k) {
			out[n++] = c;
			continue;
		}
		c = p->s[++i];
		const char *simple = c ? strchr(from, c) : NULL;
		u32 max = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0, v = 0, got = 0;
		if (simple) {
			out[n++] = to[simple - from];
		} else if (max) {
			for (; got < max && i + 1 < k; got++, i++) {
				char h = p->s[i + 1];
				u32 d = sh_digit(h) ? (u32)(h - '0') : (h | 32) >= 'a' && (h | 32) <= 'f' ? (u32)((h | 32) - 'a' + 10) : 16;
				if (d == 16)
					break;
				v = v << 4 | d;
			}
			if (got == 0) {
				out[n++] = '\\';
				out[n++] = c;
			} else if (c == 'x' || v < 0x80) {
				out[n++] = (char)v;
			} else if (v < 0x800) {
				out[n++] = (char)(0xc0 | v >> 6);
				out[n++] = (char)(0x80 | (v & 63));
			} else {
				if (v >= 0x10000)
					out[n++] = (char)(0xf0 | (v >> 18 & 7));
				out[n++] = (char)(v >= 0x10000 ? 0x80 | (v >> 12 & 63) : 0xe0 | v >> 12);
				out[n++] = (char)(0x80 | (v >> 6 & 63));
				out[n++] = (char)(0x80 | (v & 63));
			}
		} else if (c >= '0' && c <= '7') {
			for (v = (u32)(c - '0'), got = 1; got < 3 && i + 1 < k && p->s[i + 1] >= '0' && p->s[i + 1] <= '7'; got++)
				v = v << 3 | (u32)(p->s[++i] - '0');
			out[n++] = (char)v;
		} else if (c == 'c' && i + 1 < k) {
			out[n++] = (char)(p->s[++i] & 31);
		} else {
			out[n++] = '\\';
			out[n++] = c;
		}
	}
	p->i = MIN(k + 1, p->n);
	push(p, SH_DOLLAR_SINGLE, start)->text = str_n(out, n);
}

static void read_single(struct sh_parser *p)
{
	u32 start = p->i++;
	const char *q = p->i < p->n ? memchr(p->s + p->i, '\'', p->n - p->i) : NULL;
	u32 end = q ? (u32)(q - p->s) : p->n;
	if (!q)
		sh_fail(p, start, "a quote ' is not closed");
	struct str text = sh_slice(p, start + 1, end);
	p->i = q ? end + 1 : end;
	push(p, SH_SINGLE, start)->text = text;
}

static void read_double(struct sh_parser *p, bool dollar)
{
	u32 start = p->i;
	if (!sh_enter(p))
		return;
	p->i += dollar ? 2 : 1;
	size_t mark = p->n_parts;
	read_parts(p, IN_DOUBLE, 0);
	if (sh_cur(p) == '"')
		p->i++;
	else if (!p->stopped)
		sh_fail(p, start, "a quote \" is not closed");
	u32 n;
	const struct sh_part *inside = take_parts(p, mark, &n);
	struct sh_part *part = push(p, dollar ? SH_DOLLAR_DOUBLE : SH_DOUBLE, start);
	part->parts = inside;
	part->n_parts = n;
	sh_leave(p);
}

/* The list of a substitution belongs to the node whose word is read. */
static const struct sh_node *owned(struct sh_parser *p, struct sh_node *list, struct sh_node *owner)
{
	p->owner = owner;
	if (list) {
		list->parent = owner;
		list->substituted = true;
	}
	return list;
}

static void read_command_sub(struct sh_parser *p, enum sh_part_kind kind)
{
	u32 start = p->i;
	if (!sh_enter(p))
		return;
	p->i += 2;
	struct sh_node *owner = p->owner;
	const struct sh_node *child = owned(p, sh_parse_list(p), owner);
	if (sh_cur(p) == ')')
		p->i++;
	else if (!p->stopped)
		sh_fail(p, start, kind == SH_COMMAND ? "$( is not closed" : "a process substitution is not closed");
	push(p, kind, start)->child = child;
	sh_leave(p);
}

/* Inside of `…` a backslash quotes `, \ and $ (and " when it all stands in quotes): without them, the text is a copy. */
static void read_backquote(struct sh_parser *p, bool quoted)
{
	u32 start = p->i, from = start + 1, k = from;
	bool copied = false;
	for (; k < p->n && p->s[k] != '`'; k++)
		if (p->s[k] == '\\' && k + 1 < p->n) {
			char c = p->s[++k];
			copied |= c == '`' || c == '\\' || c == '$' || (quoted && c == '"');
		}
	bool closed = k < p->n;
	k = MIN(k, p->n);
	if (!closed)
		sh_fail(p, start, "a backquote is not closed");
	if (!sh_enter(p))
		return;
	const char *s = p->s;
	const u32 *map = p->map;
	u32 n = p->n;
	struct sh_node *owner = p->owner;
	p->i = from;
	p->n = k;
	if (copied) {
		char *text = arena_alloc(p->arena, k - from + 1);
		u32 *back = arena_alloc(p->arena, sizeof *back * (k - from + 1)), len = 0;
		for (u32 i = from; i < k; i++) {
			if (s[i] == '\\' && i + 1 < k && (strchr("`\\$", s[i + 1]) || (quoted && s[i + 1] == '"')))
				i++;
			back[len] = sh_pos(p, i);
			text[len++] = s[i];
		}
		back[len] = sh_pos(p, k);
		p->s = text;
		p->map = back;
		p->i = 0;
		p->n = len;
	}
	const struct sh_node *child = owned(p, sh_parse_script(p), owner);
	p->s = s;
	p->map = map;
	p->i = closed ? k + 1 : k;
	sh_widen(p, n);
	struct sh_part *part = push(p, SH_COMMAND, start);
	part->child = child;
	part->backquote = true;
	sh_leave(p);
}

static void read_arithmetic(struct sh_parser *p, u32 open, u32 end, u32 close)
{
	u32 start = p->i;
	if (!sh_enter(p))
		return;
	p->i += open;
	struct sh_word inside;
	sh_read_text(p, end, true, &inside);
	p->i = p->stopped ? p->i : end + close;
	struct sh_part *part = push(p, SH_ARITHMETIC, start);
	part->parts = inside.parts;
	part->n_parts = inside.n_parts;
	sh_leave(p);
}

/* --- parameters --- */

/* Operators of ${NAME…}, longer ones first. */
static const char *const operators[] = { ":-", ":=", ":?", ":+", "##", "%%", "//", "/#", "/%", "^^", ",,", "-", "=", "?", "+", "#", "%", "/", "^", ",", ":", "@" };

static struct str read_param_name(struct sh_parser *p)
{
	u32 start = p->i;
	int c = sh_cur(p);
	if (sh_name_start(c))
		while (sh_name_char(sh_cur(p)))
			p->i++;
	else if (sh_digit(c))
		while (sh_digit(sh_cur(p)))
			p->i++;
	else if (c > 0 && strchr("@*#?-$!", c))
		p->i++;
	return sh_slice(p, start, p->i);
}

static void read_index(struct sh_parser *p, struct str *index)
{
	u32 depth = 0, k = p->i;
	for (; k < p->n && pay(p); k++) {
		if (p->s[k] == '\\')
			k++;
		else if (p->s[k] == '[')
			depth++;
		else if (p->s[k] == ']' && --depth == 0)
			break;
		else if (p->s[k] == '}' && depth == 0)
			break;
	}
	if (k < p->n && p->s[k] == ']') {
		*index = sh_slice(p, p->i + 1, k);
		p->i = k + 1;
	}
}

static void read_braced(struct sh_parser *p, bool quoted)
{
	u32 start = p->i;
	struct str name, op = STR(""), index = { 0 };
	if (!sh_enter(p))
		return;
	p->i += 2;
	int c = sh_cur(p), next = sh_peek(p, 1);
	if (c == '#' && (sh_name_char(next) || (next > 0 && strchr("@*?$!-", next) && sh_peek(p, 2) == '}') || (next == '#' && sh_peek(p, 2) == '}'))) {
		op = STR("#len");
		p->i++;
	} else if (c == '!' && (sh_name_char(next) || (next > 0 && strchr("@*#", next) && sh_peek(p, 2) == '}'))) {
		op = STR("!");
		p->i++;
	}
	name = read_param_name(p);
	if (sh_cur(p) == '[' && name.n)
		read_index(p, &index);
	size_t mark = p->n_parts;
	bool pattern = false;
	if (name.n && sh_cur(p) != '}') {
		for (u32 k = 0; k < countof(operators); k++) {
			struct str o = str_of(operators[k]);
			if (str_starts(sh_slice(p, p->i, p->n), o)) {
				op = op.n ? op : o; /* ${!x:-…} stays indirect */
				pattern = strchr("#%/^,", o.p[0]) != NULL;
				p->i += (u32)o.n;
				break;
			}
		}
		/* ${!prefix*} */
		if (str_is(op, "!") && sh_cur(p) == '*')
			p->i++;
	}
	if (name.n == 0 || (op.n == 0 && sh_cur(p) >= 0 && sh_cur(p) != '}'))
		sh_fail(p, start, "a bad substitution");
	read_parts(p, quoted && !pattern ? IN_QUOTED_OPERAND : IN_OPERAND, 0);
	if (sh_cur(p) == '}')
		p->i++;
	else if (!p->stopped)
		sh_fail(p, start, "${ is not closed");
	u32 n;
	const struct sh_part *inside = take_parts(p, mark, &n);
	struct sh_part *part = push(p, SH_PARAM, start);
	part->name = name;
	part->op = op;
	part->index = index;
	part->braces = true;
	part->parts = inside;
	part->n_parts = n;
	sh_leave(p);
}

/* At `$`: what it begins; false when it is a character like others. */
static bool read_dollar(struct sh_parser *p, bool quoted)
{
	int c = sh_peek(p, 1);
	u32 end, start = p->i;
	if (c == '(') {
		if (sh_peek(p, 2) == '(' && sh_scan_arithmetic(p, p->i + 3, &end))
			read_arithmetic(p, 3, end, 2);
		else
			read_command_sub(p, SH_COMMAND);
		return true;
	}
	if (c == '{') {
		read_braced(p, quoted);
		return true;
	}
	if (c == '[') {
		for (u32 k = p->i + 2; k < p->n && p->s[k] != '\n' && pay(p); k++)
			if (p->s[k] == ']') {
				read_arithmetic(p, 2, k, 1);
				return true;
			}
		return false;
	}
	if (!quoted && c == '\'') {
		read_dollar_single(p);
		return true;
	}
	if (!quoted && c == '"') {
		read_double(p, true);
		return true;
	}
	if (!sh_name_char(c) && (c < 0 || !strchr("@*#?-$!", c)))
		return false;
	p->i++;
	struct str name;
	if (sh_digit(c)) {
		name = sh_slice(p, p->i, p->i + 1);
		p->i++;
	} else {
		name = read_param_name(p);
	}
	push(p, SH_PARAM, start)->name = name;
	return true;
}

/* --- patterns --- */

static bool bracket_end(struct sh_parser *p, u32 *end)
{
	u32 k = p->i + 1;
	if (k < p->n && (p->s[k] == '!' || p->s[k] == '^'))
		k++;
	if (k < p->n && p->s[k] == ']')
		k++;
	for (; k < p->n && pay(p); k++) {
		char c = p->s[k];
		if (c == ']') {
			*end = k + 1;
			return true;
		}
		if (c == '[' && k + 1 < p->n && strchr(":.=", p->s[k + 1])) {
			for (k += 2; k + 1 < p->n && p->s[k + 1] != ']' && !sh_meta((unsigned char)p->s[k]) && pay(p); k++)
				;
			k++;
		} else if (c == '\\') {
			k++;
		} else if (sh_meta((unsigned char)c) || c == '\'' || c == '"' || c == '`') {
			return false;
		}
	}
	return false;
}

/* ?(…) *(…) +(…) @(…) !(…) */
static bool group_end(struct sh_parser *p, u32 *end)
{
	u32 depth = 0;
	for (u32 k = p->i + 1; k < p->n && pay(p); k++) {
		char c = p->s[k];
		if (c == '\\')
			k++;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0) {
			*end = k + 1;
			return true;
		} else if (c == '\n') {
			return false;
		}
	}
	return false;
}

/* {a,b} or {x..y}, without blanks outside of quotes */
static bool brace_end(struct sh_parser *p, u32 *end)
{
	u32 depth = 0;
	bool list = false;
	for (u32 k = p->i; k < p->n && pay(p); k++) {
		char c = p->s[k];
		if (c == '\\') {
			k++;
		} else if (c == '\'' || c == '"') {
			for (k++; k < p->n && p->s[k] != c && pay(p); k++)
				if (c == '"' && p->s[k] == '\\')
					k++;
		} else if (c == '{') {
			depth++;
		} else if (c == '}' && --depth == 0) {
			*end = k;
			return list;
		} else if (depth == 1 && (c == ',' || (c == '.' && k + 1 < p->n && p->s[k + 1] == '.'))) {
			list = true;
		} else if (sh_meta((unsigned char)c)) {
			return false;
		}
	}
	return false;
}

static void read_brace(struct sh_parser *p, u32 end)
{
	u32 start = p->i, limit = p->n;
	if (!sh_enter(p))
		return;
	size_t mark = p->n_parts;
	p->i++;
	p->n = end;
	read_parts(p, IN_BRACE, 0);
	if (!p->stopped)
		p->i = end + 1;
	sh_widen(p, limit);
	u32 n;
	const struct sh_part *inside = take_parts(p, mark, &n);
	struct sh_part *part = push(p, SH_BRACE, start);
	part->parts = inside;
	part->n_parts = n;
	sh_leave(p);
}

/* At one of the characters of patterns; true when it was read. */
static bool read_pattern(struct sh_parser *p, int c)
{
	u32 start = p->i, end;
	if (c == '{') {
		if (!brace_end(p, &end))
			return false;
		read_brace(p, end);
		return true;
	}
	if (c == '[') {
		if (!bracket_end(p, &end))
			return false;
		p->i = end;
	} else if (sh_peek(p, 1) == '(') {
		if (!group_end(p, &end))
			return false;
		p->i = end;
	} else if (c == '*' || c == '?') {
		p->i++;
	} else {
		return false;
	}
	push(p, SH_GLOB, start);
	return true;
}

/* --- the loop --- */

static bool at_tilde(const struct sh_parser *p, u32 start, u32 flags)
{
	if (p->i == start)
		return true;
	return (flags & SH_WORD_VALUE) && p->s[p->i - 1] == ':';
}

static void read_tilde(struct sh_parser *p)
{
	u32 start = p->i++;
	while (sh_name_char(sh_cur(p)) || sh_cur(p) == '-' || sh_cur(p) == '.' || sh_cur(p) == '+')
		p->i++;
	push(p, SH_TILDE, start);
}

/* NAME= in front of ( : an array given to declare and the like */
static bool array_follows(const struct sh_parser *p, u32 start, u32 flags)
{
	if (!(flags & SH_WORD_DECL) || p->i == start || p->s[p->i - 1] != '=')
		return false;
	u32 end = p->i - 1;
	if (end > start && p->s[end - 1] == '+')
		end--;
	return sh_is_name(sh_slice(p, start, end));
}

static void read_array_part(struct sh_parser *p)
{
	u32 start = p->i++;
	if (!sh_enter(p))
		return;
	size_t mark = p->n_parts;
	const struct sh_word *items;
	u32 n;
	sh_read_array(p, &items, &n);
	for (u32 i = 0; i < n; i++)
		for (u32 k = 0; k < items[i].n_parts; k++)
			VEC_PUSH(p->parts, p->n_parts, p->cap_parts, items[i].parts[k]);
	const struct sh_part *inside = take_parts(p, mark, &n);
	struct sh_part *part = push(p, SH_ARRAY, start);
	part->parts = inside;
	part->n_parts = n;
	sh_leave(p);
}

static bool ends(const struct sh_parser *p, enum mode m, int c, u32 depth)
{
	switch (m) {
	case IN_WORD:
		if (c == '\r')
			return sh_peek(p, 1) == '\n' || sh_peek(p, 1) < 0;
		return sh_meta(c) && !((c == '<' || c == '>') && sh_peek(p, 1) == '(');
	case IN_REGEX:
		return c == '\n' || (sh_blank(c) && depth == 0);
	case IN_DOUBLE:
		return c == '"';
	case IN_OPERAND:
	case IN_QUOTED_OPERAND:
		return c == '}';
	case IN_TEXT:
	case IN_BRACE:
		return false;
	}
	return false;
}

/* A backslash: true when it was more than a character. */
static bool read_backslash(struct sh_parser *p, enum mode m)
{
	int next = sh_peek(p, 1);
	bool quotes = m == IN_WORD || m == IN_REGEX || m == IN_OPERAND || m == IN_BRACE;
	if (next < 0 || (!quotes && !strchr(m == IN_TEXT ? "$`\\\n" : m == IN_DOUBLE ? "$`\\\"\n" : "$`\\\"\n}", next)) || (!quotes && next == 0))
		return false;
	u32 start = p->i;
	p->i += 2;
	if (next != '\n')
		push(p, SH_QUOTED_CHAR, start)->text = sh_slice(p, start + 1, start + 2);
	return true;
}

/* Reads what begins at c, a character that is not always itself. */
static bool read_special(struct sh_parser *p, enum mode m, int c, u32 start, u32 flags)
{
	bool quoted = m == IN_DOUBLE || m == IN_QUOTED_OPERAND || m == IN_TEXT;
	switch (c) {
	case '\\':
		return read_backslash(p, m);
	case '$':
		return read_dollar(p, quoted);
	case '`':
		read_backquote(p, quoted);
		return true;
	case '\'':
		if (quoted)
			return false;
		read_single(p);
		return true;
	case '"':
		if (m == IN_TEXT)
			return false;
		read_double(p, false);
		return true;
	case '<':
	case '>':
		if (quoted || m == IN_REGEX || sh_peek(p, 1) != '(')
			return false;
		read_command_sub(p, SH_PROCESS);
		return true;
	case '(':
		return false;
	case '~':
		if (m != IN_WORD || !at_tilde(p, start, flags))
			return false;
		read_tilde(p);
		return true;
	case '{':
		return (m == IN_WORD || m == IN_BRACE) && !(flags & SH_WORD_VALUE) && read_pattern(p, c);
	default: /* * ? [ + @ ! */
		return (m == IN_WORD || m == IN_BRACE || m == IN_OPERAND) && read_pattern(p, c);
	}
}

static void read_parts(struct sh_parser *p, enum mode m, u32 flags)
{
	static const char special[256] = { ['\\'] = 1, ['$'] = 1, ['`'] = 1, ['\''] = 1, ['"'] = 1, ['<'] = 1, ['>'] = 1, ['('] = 1, ['~'] = 1,
		['{'] = 1, ['*'] = 1, ['?'] = 1, ['['] = 1, ['+'] = 1, ['@'] = 1, ['!'] = 1 };
	u32 start = p->i, from = p->i, depth = 0;
	for (int c; (c = sh_cur(p)) >= 0;) {
		if (c == '(' && m == IN_WORD && array_follows(p, start, flags)) {
			literal(p, from);
			read_array_part(p);
			from = p->i;
			continue;
		}
		if (ends(p, m, c, depth))
			break;
		if (m == IN_REGEX && c == '(')
			depth++;
		else if (m == IN_REGEX && c == ')' && depth)
			depth--;
		if (!special[c]) {
			p->i++;
			continue;
		}
		/* The text before it becomes a part first: parts are in order. It is taken back when c was only a character. */
		u32 here = p->i;
		size_t mark = p->n_parts;
		literal(p, from);
		if (read_special(p, m, c, start, flags)) {
			from = p->i;
		} else {
			p->n_parts = mark;
			p->i = here + 1;
		}
		if (p->stopped)
			from = MIN(from, p->i);
	}
	literal(p, from);
}

/* --- words --- */

static size_t fill(char *out, const struct sh_part *v, u32 n)
{
	size_t len = 0;
	for (u32 i = 0; i < n; i++) {
		if (v[i].kind == SH_DOUBLE || v[i].kind == SH_DOLLAR_DOUBLE) {
			len += fill(out + len, v[i].parts, v[i].n_parts);
		} else if (v[i].text.n) {
			memcpy(out + len, v[i].text.p, v[i].text.n);
			len += v[i].text.n;
		}
	}
	return len;
}

static bool literal_parts(const struct sh_part *v, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (v[i].kind > SH_DOLLAR_DOUBLE)
			return false;
		if (v[i].n_parts && !literal_parts(v[i].parts, v[i].n_parts))
			return false;
	}
	return true;
}

static void finish_word(struct sh_parser *p, u32 start, size_t mark, struct sh_word *ret)
{
	struct sh_word w = { .at = sh_pos(p, start), .end = sh_pos(p, p->i), .source = sh_slice(p, start, p->i) };
	w.parts = take_parts(p, mark, &w.n_parts);
	size_t covered = 0;
	for (u32 i = 0; i < w.n_parts; i++) {
		w.quoted |= w.parts[i].kind >= SH_QUOTED_CHAR && w.parts[i].kind <= SH_DOLLAR_DOUBLE;
		covered += w.parts[i].text.n;
	}
	w.literal = literal_parts(w.parts, w.n_parts);
	w.text = w.source;
	if (w.quoted || covered != w.source.n) {
		char *text = arena_alloc(p->arena, w.source.n * 2 + 1);
		w.text = str_n(text, fill(text, w.parts, w.n_parts));
	}
	*ret = w;
}

bool sh_read_word(struct sh_parser *p, u32 flags, struct sh_word *ret)
{
	u32 start = p->i;
	size_t mark = p->n_parts;
	read_parts(p, flags & SH_WORD_REGEX ? IN_REGEX : IN_WORD, flags);
	bool any = p->i > start;
	finish_word(p, start, mark, ret);
	return any;
}

void sh_read_text(struct sh_parser *p, u32 end, bool arithmetic, struct sh_word *ret)
{
	u32 limit = p->n, start = p->i;
	size_t mark = p->n_parts;
	(void)arithmetic;
	p->n = end;
	read_parts(p, IN_TEXT, 0);
	finish_word(p, start, mark, ret);
	sh_widen(p, limit);
}

void sh_read_array(struct sh_parser *p, const struct sh_word **items, u32 *n)
{
	size_t mark = p->n_words;
	u32 start = p->i;
	for (;;) {
		sh_skip_newlines(p);
		struct sh_word w;
		if (sh_cur(p) == ')') {
			p->i++;
			break;
		}
		if (sh_cur(p) < 0 || !sh_read_word(p, SH_WORD_PLAIN, &w)) {
			if (!p->stopped)
				sh_fail(p, start, "an array ( is not closed");
			break;
		}
		VEC_PUSH(p->words, p->n_words, p->cap_words, w);
	}
	*n = (u32)(p->n_words - mark);
	struct sh_word *v = *n ? arena_alloc(p->arena, sizeof *v * *n) : NULL;
	if (*n)
		memcpy(v, p->words + mark, sizeof *v * *n);
	*items = v;
	p->n_words = mark;
}
