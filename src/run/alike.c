/* Texts that differ by nature: read token by token side by side, in constant memory; what runs of the original do not agree on may be another of its kind, in the same place. Where that cannot be
 * done (another number of words), what all of them have in common, how alike their words are, and their lengths decide. */
#include "run/alike.h"
#include "base/hash.h"

/* --- tokens --- */

enum token_kind { T_END, T_BLANK, T_RULE, T_MARK, T_WORD, T_TIME, T_DATE }; /* T_RULE: "-----" */
struct token {
	enum token_kind kind;
	struct str text;
	s64 value; /* T_TIME: milliseconds of the day; T_DATE: a number that grows by one a day; T_WORD: milliseconds since 1970 when it is such a number, else 0 */
	bool timed; /* a number with a unit of time behind it */
};

static bool digit(char c) { return c >= '0' && c <= '9'; }
static bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80; }
static bool hexdigit(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool blank(char c) { return c == ' ' || c == '\t'; }

/* A number that is too large is none. */
static bool number(struct str s, size_t at, size_t n, s64 *ret)
{
	if (at + n > s.n)
		return false;
	*ret = 0;
	for (size_t i = at; i < at + n; i++) {
		if (!digit(s.p[i]) || __builtin_mul_overflow(*ret, 10, ret) || __builtin_add_overflow(*ret, s.p[i] - '0', ret))
			return false;
	}
	return n > 0;
}

/* H:MM, HH:MM, with :SS and a fraction. */
static size_t read_time(struct str s, s64 *value)
{
	s64 h, m, sec = 0;
	size_t n = s.n > 1 && digit(s.p[1]) ? 2 : 1;
	if (!number(s, 0, n, &h) || h > 24 || n >= s.n || s.p[n] != ':' || !number(s, n + 1, 2, &m) || m > 59)
		return 0;
	n += 3;
	if (n < s.n && s.p[n] == ':' && number(s, n + 1, 2, &sec) && sec <= 60)
		n += 3;
	else
		sec = 0;
	*value = ((h * 60 + m) * 60 + sec) * 1000;
	if (n + 1 < s.n && (s.p[n] == '.' || s.p[n] == ',') && digit(s.p[n + 1]) && n > 5)
		for (n++; n < s.n && digit(s.p[n]);)
			n++;
	return n < s.n && (digit(s.p[n]) || s.p[n] == ':') ? 0 : n;
}

static s64 days(s64 y, s64 m, s64 d) /* of the proleptic Gregorian calendar */
{
	y -= m <= 2;
	s64 era = y / 400, yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* YYYY-MM-DD, YYYY/MM/DD */
static size_t read_date(struct str s, s64 *value)
{
	s64 y, m, d;
	if (s.n < 10 || !number(s, 0, 4, &y) || (s.p[4] != '-' && s.p[4] != '/') || s.p[7] != s.p[4] || !number(s, 5, 2, &m) || !number(s, 8, 2, &d) || m < 1 || m > 12 || d < 1 || d > 31)
		return 0;
	if (s.n > 10 && digit(s.p[10]))
		return 0;
	*value = days(y, m, d);
	return 10;
}

/* Seconds, milli-, micro- or nanoseconds since 1970, when they are within two days of the answer. */
static s64 epoch(struct str word, s64 when)
{
	s64 v;
	if ((word.n != 10 && word.n != 13 && word.n != 16 && word.n != 19) || !number(word, 0, word.n, &v)) /* longer ones fit no number here */
		return 0;
	v = word.n == 10 ? v * 1000 : word.n == 13 ? v : word.n == 16 ? v / 1000 : v / 1000000;
	s64 off = v - when;
	return off > -172800000 && off < 172800000 ? v : 0;
}

static bool unit_of_time(struct str rest)
{
	static const char *const units[] = { "ms", "s", "sec", "secs", "second", "seconds", "us", "µs", "ns", "msec", "usec", "milliseconds", "microseconds" };
	size_t i = 0;
	while (i < rest.n && (digit(rest.p[i]) || rest.p[i] == '.')) /* the fraction, whose units are those of the whole */
		i++;
	i += i < rest.n && rest.p[i] == ' ';
	rest = str_from(rest, i);
	for (i = 0; i < rest.n && i < 16 && letter(rest.p[i]);)
		i++;
	for (size_t k = 0; k < countof(units); k++)
		if (str_is(str_head(rest, i), units[k]))
			return i == rest.n || !digit(rest.p[i]);
	return false;
}

static bool ends_word(char c, bool coarse) { return blank(c) || c == '\n' || c == '\r' || (coarse ? strchr("\"'<>,;(){}[]", c) != NULL : !letter(c) && !digit(c)); }

/* Takes the next one. `coarse`: words go up to a blank, a quote or a bracket, so that IDs with marks in them are one. */
static struct token next(struct str *rest, s64 when, bool coarse)
{
	struct token t = { .kind = T_END, .text = str_head(*rest, 0) };
	size_t n = 0;
	if (!rest->n)
		return t;
	struct str s = *rest;
	if (blank(s.p[0])) {
		t.kind = T_BLANK;
		while (n < s.n && blank(s.p[n]))
			n++;
	} else if (ends_word(s.p[0], coarse)) {
		for (n = 1; !coarse && n < s.n && s.p[n] == s.p[0] && strchr("-=*#.~", s.p[0]);)
			n++;
		t.kind = n > 2 ? T_RULE : T_MARK;
		n = n > 2 ? n : 1;
	} else {
		if (digit(s.p[0]) && (n = read_date(s, &t.value)))
			t.kind = T_DATE;
		else if (digit(s.p[0]) && (n = read_time(s, &t.value)))
			t.kind = T_TIME;
		if (n && n < s.n && coarse && !ends_word(s.p[n], true)) /* a part of something longer */
			n = 0;
		if (!n) {
			t.kind = T_WORD;
			bool digits = true;
			while (n < s.n && !ends_word(s.p[n], coarse) && (coarse || !digits || digit(s.p[n]) || !n || !unit_of_time(str_from(s, n))))
				digits &= digit(s.p[n++]);
			if (!coarse && digits && n + 1 < s.n && s.p[n] == '.' && digit(s.p[n + 1])) /* its fraction */
				for (n++; n < s.n && digit(s.p[n]);)
					n++;
			t.value = epoch(str_head(s, n), when);
			t.timed = digits && unit_of_time(str_from(s, n));
		} else if (t.kind == T_DATE && n < s.n && s.p[n] == 'T') { /* the time behind it is one of its own */
			n++;
		}
	}
	t.text = str_head(s, n);
	*rest = str_from(s, n);
	return t;
}

/* --- one place in all texts --- */

enum charset { C_DIGITS, C_HEX, C_WORD, C_ANY };
static enum charset charset(struct str s)
{
	enum charset c = C_DIGITS;
	for (size_t i = 0; i < s.n; i++)
		c = MAX(c, digit(s.p[i]) || (s.p[i] == '.' && i && digit(s.p[i - 1]) && i + 1 < s.n && digit(s.p[i + 1])) ? C_DIGITS : hexdigit(s.p[i]) ? C_HEX : letter(s.p[i]) ? C_WORD : C_ANY);
	return c;
}

static bool word_fits(const struct token *v, u32 n, struct str is)
{
	enum charset c = C_DIGITS;
	size_t least = SIZE_MAX, most = 0;
	for (u32 i = 0; i < n; i++) {
		c = MAX(c, charset(v[i].text));
		least = MIN(least, v[i].text.n);
		most = MAX(most, v[i].text.n);
	}
	if (c == C_DIGITS && least == most && is.n == most && most >= 4) /* of hexadecimal ones some have digits only */
		c = C_HEX;
	return charset(is) <= c && is.n >= least / 2 && is.n <= most * 2 + 2;
}

static s64 gap(s64 a, s64 b) { return a > b ? a - b : b - a; }

/* A time of day, or since 1970, that may be another one: it went on as the clock did. Zones differ by a quarter of an hour at least, so that two minutes are no question. */
static bool time_fits(const struct token *v, const s64 *when, u32 n, const struct token *is, s64 is_when, s64 wrap)
{
	bool constant = true, moves = true, apart = false;
	for (u32 i = 0; i < n; i++) {
		s64 off = gap(is->value, v[i].value);
		if (MIN(off, wrap - off) <= 5000)
			return true;
		constant = constant && v[i].value == v[0].value;
		apart = apart || gap(when[i], when[0]) > 65000;
		off = gap(v[i].value - v[0].value, when[i] - when[0]) % wrap;
		moves = moves && MIN(off, wrap - off) <= 120000;
	}
	if (constant && apart)
		return false;
	if (!moves && !constant) /* neither stands nor goes: any of its kind */
		return true;
	s64 off = gap(is->value - v[0].value, is_when - when[0]) % wrap;
	return MIN(off, wrap - off) <= 120000;
}

static bool date_fits(const struct token *v, u32 n, const struct token *is, s64 when)
{
	bool constant = true;
	for (u32 i = 0; i < n; i++) {
		if (is->value == v[i].value)
			return true;
		constant = constant && v[i].value == v[0].value;
	}
	return !constant || (is->value == v[0].value + 1 && gap(is->value, when / 86400000) <= 1);
}

static bool token_fits(const struct token *v, const s64 *when, u32 n, const struct token *is, s64 is_when)
{
	bool equal = true, epochs = true, timed = is->timed;
	if (is->kind != v[0].kind)
		return false;
	for (u32 i = 0; i < n; i++) {
		if (str_eq(v[i].text, is->text))
			return true;
		equal = equal && str_eq(v[i].text, v[0].text);
		epochs = epochs && v[i].value != 0;
		timed = timed && v[i].timed;
	}
	switch (v[0].kind) {
	case T_TIME:
		return time_fits(v, when, n, is, is_when, 86400000);
	case T_DATE:
		return date_fits(v, n, is, is_when);
	case T_WORD:
		if (epochs)
			return is->value && time_fits(v, when, n, is, is_when, INT64_MAX);
		return timed || (!equal && word_fits(v, n, is->text));
	case T_BLANK:
		return !equal; /* columns, whose numbers are not as long */
	default:
		return false;
	}
}

/* --- aligned --- */

enum align { ALIGNED, APART, DIFFERENT }; /* APART: the given ones are so among themselves */

static bool same_kind(const struct token *v, u32 n)
{
	for (u32 i = 1; i < n; i++)
		if (v[i].kind != v[0].kind || (v[0].kind == T_MARK && !str_eq(v[i].text, v[0].text)) || (v[0].kind == T_RULE && v[i].text.p[0] != v[0].text.p[0]))
			return false;
	return true;
}

struct walked {
	u32 masked, numbers; /* places that the given ones do not agree on, and how many of them are numbers */
	struct str was, got;
};
#define MEASURED 5u /* so many of them: a text of measurements (memory, processors, counters), in which any number may be another next time */

static bool numbers(const struct token *v, u32 n)
{
	bool ret = true;
	for (u32 i = 0; i < n; i++)
		ret = ret && v[i].kind == T_WORD && charset(v[i].text) == C_DIGITS;
	return ret;
}

/* Columns, and the lines under their heads, are as wide as what is in them. */
static bool width_fits(const struct token *v, const struct token *is)
{
	return (v->kind == T_BLANK && is->kind == T_BLANK) || (v->kind == T_RULE && is->kind == T_RULE && is->text.p[0] == v->text.p[0]);
}

/* Walks all of them at once; `is` NULL: only counts the places that they do not agree on. */
static enum align walk(const struct given *v, u32 n, const struct given *is, bool coarse, struct walked *w)
{
	struct str rest[ALIKE_MAX] = { { 0 } }, other = is ? is->text : STR("");
	s64 when[ALIKE_MAX] = { 0 };
	for (u32 i = 0; i < n; i++) {
		rest[i] = v[i].text;
		when[i] = v[i].when;
	}
	bool varies = is && w->masked, measured = is && w->numbers >= MEASURED;
	w->masked = w->numbers = 0;
	for (;;) {
		struct token t[ALIKE_MAX];
		bool equal = true;
		t[0].kind = T_END;
		for (u32 i = 0; i < n; i++) {
			t[i] = next(&rest[i], v[i].when, coarse);
			equal = equal && str_eq(t[i].text, t[0].text);
		}
		if (!same_kind(t, n))
			return APART;
		w->masked += !equal;
		w->numbers += !equal && numbers(t, n);
		if (is) {
			struct token c = next(&other, is->when, coarse);
			bool fits = token_fits(t, when, n, &c, is->when) || (varies && width_fits(t, &c)) || (measured && numbers(t, n) && numbers(&c, 1) && word_fits(t, n, c.text));
			if (!fits && (t[0].kind != T_END || c.kind != T_END)) {
				w->was = t[0].text.n || rest[0].n ? str_n(t[0].text.p, t[0].text.n + rest[0].n) : t[0].text;
				w->got = str_n(c.text.p, c.text.n + other.n);
				return DIFFERENT;
			}
		}
		if (t[0].kind == T_END)
			return ALIGNED;
	}
}

/* --- not aligned: what they have in common --- */

/* Hashes of the pieces of a text (words or lines, without their numbers), sorted. */
struct bag {
	u64 *v;
	u32 n, cap;
};

static int by_hash(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;
	return (x > y) - (x < y);
}

#define BAG_MAX (1u << 20)

/* "BsGphL4PzK9T": how long an ID is that a word begins with, of letters of both cases with digits among them; 0: none. */
static size_t mixed_id(struct str s)
{
	size_t n = 0;
	bool upper = false, lower = false, digits = false;
	for (; n < s.n && (letter(s.p[n]) || digit(s.p[n]) || s.p[n] == '-') && (unsigned char)s.p[n] < 0x80; n++) {
		upper |= s.p[n] >= 'A' && s.p[n] <= 'Z';
		lower |= s.p[n] >= 'a' && s.p[n] <= 'z';
		digits |= digit(s.p[n]);
	}
	return n >= 10 && upper && lower && digits ? n : 0;
}

/* Numbers and what looks like an ID become '#', colours of terminals and blanks at the ends go, columns and the lines under their heads are of one width. */
static void plain(struct str line, struct buf *out)
{
	buf_clear(out);
	line = str_trim(line);
	for (size_t i = 0; i < line.n;) {
		size_t n = i;
		bool digits = false;
		if (line.p[i] == '\x1b' && i + 1 < line.n && line.p[i + 1] == '[') {
			for (i += 2; i < line.n && (digit(line.p[i]) || line.p[i] == ';');)
				i++;
			i += i < line.n;
			continue;
		}
		if (i >= (blank(line.p[i]) ? 1 : 3) && line.p[i] == line.p[i - 1] && (blank(line.p[i]) || (strchr("-=*~.", line.p[i]) && line.p[i - 2] == line.p[i] && line.p[i - 3] == line.p[i]))) {
			i++;
			continue;
		}
		if (i == 0 || (!letter(line.p[i - 1]) && !digit(line.p[i - 1]) && line.p[i - 1] != '-')) {
			size_t mixed = mixed_id(str_from(line, i));
			if (mixed) {
				buf_putc(out, '#');
				i += mixed;
				continue;
			}
		}
		while (n < line.n && hexdigit(line.p[n]))
			digits |= digit(line.p[n++]);
		bool id = digits && n - i >= 6 && (n == line.n || !letter(line.p[n])) && (i == 0 || !letter(line.p[i - 1]));
		if (!id)
			for (n = i; n < line.n && digit(line.p[n]);)
				n++;
		if (n > i) {
			buf_putc(out, '#');
			i = n;
		} else {
			buf_putc(out, line.p[i++]);
		}
	}
}

static struct bag bag_of(struct str text, bool lines, bool exact)
{
	struct bag b = { 0 };
	struct buf piece = BUF(0);
	while (text.p && text.n && b.n < BAG_MAX) {
		size_t n = 0;
		while (n < text.n && !(lines ? text.p[n] == '\n' : ends_word(text.p[n], true)))
			n++;
		if (exact) {
			buf_clear(&piece);
			buf_add(&piece, str_head(text, n));
		} else {
			plain(str_head(text, n), &piece);
		}
		if (piece.n)
			VEC_PUSH(b.v, b.n, b.cap, hash64(buf_str(&piece), 1));
		text = str_from(text, n + 1);
	}
	if (b.n)
		qsort(b.v, b.n, sizeof *b.v, by_hash);
	buf_free(&piece);
	return b;
}

/* How many are in both, each as often as in the one that has it less often. */
static u32 shared(const struct bag *a, const struct bag *b)
{
	u32 n = 0;
	for (u32 i = 0, k = 0; i < a->n && k < b->n;) {
		if (a->v[i] == b->v[k])
			n++, i++, k++;
		else if (a->v[i] < b->v[k])
			i++;
		else
			k++;
	}
	return n;
}

static u32 likeness(const struct bag *a, const struct bag *b) /* per mille */
{
	u32 n = MAX(a->n, b->n);
	return n ? (u32)((u64)shared(a, b) * 1000 / n) : 1000;
}

/* Words as alike as the given ones are among themselves. */
static bool words_alike(const struct given *v, u32 n, struct str is)
{
	struct bag bags[ALIKE_MAX] = { { 0 } }, other = bag_of(is, false, false);
	u32 least = 1000, best = 0;
	for (u32 i = 0; i < n; i++)
		bags[i] = bag_of(v[i].text, false, false);
	for (u32 i = 0; i < n; i++) {
		best = MAX(best, likeness(&bags[i], &other));
		for (u32 k = 0; k < i; k++)
			least = MIN(least, likeness(&bags[i], &bags[k]));
	}
	for (u32 i = 0; i < n; i++)
		free(bags[i].v);
	free(other.v);
	return best >= least - least / 10;
}

/* The original says the same each time in another order, and so does this. */
static bool another_order(const struct given *v, u32 n, struct str is)
{
	struct bag first = bag_of(v[0].text, false, true);
	bool same = true;
	for (u32 i = 1; i <= n && same; i++) {
		struct bag b = bag_of(i < n ? v[i].text : is, false, true);
		same = b.n == first.n && shared(&b, &first) == b.n;
		free(b.v);
	}
	free(first.v);
	return same;
}

static bool has(const struct bag *b, u64 h) { return b->n && bsearch(&h, b->v, b->n, sizeof *b->v, by_hash); }

/* A line of v[0] that all given ones have, but `is` has not. */
static bool common_lines(const struct given *v, u32 n, struct str is, struct str *missing)
{
	struct bag bags[ALIKE_MAX] = { { 0 } }, other = bag_of(is, true, false);
	struct buf piece = BUF(0);
	bool found = false;
	for (u32 i = 1; i < n; i++)
		bags[i] = bag_of(v[i].text, true, false);
	for (struct str rest = v[0].text; rest.p && !found;) {
		struct str line = str_cut(&rest, '\n');
		plain(line, &piece);
		u64 h = hash64(buf_str(&piece), 1);
		bool all = piece.n > 0;
		for (u32 i = 1; i < n && all; i++)
			all = has(&bags[i], h);
		if (all && !has(&other, h)) {
			*missing = line;
			found = true;
		}
	}
	for (u32 i = 1; i < n; i++)
		free(bags[i].v);
	free(other.v);
	buf_free(&piece);
	return !found;
}

static bool length_fits(const struct given *v, u32 n, size_t is)
{
	size_t least = SIZE_MAX, most = 0;
	for (u32 i = 0; i < n; i++) {
		least = MIN(least, v[i].text.n);
		most = MAX(most, v[i].text.n);
	}
	return is >= least - least / 4 && is <= most + most / 4 + 16;
}

/* Bytes that are no text: those that all agree on must be the same, when they are of one length. */
static bool binary_alike(const struct given *v, u32 n, struct str is)
{
	size_t first = 0;
	for (u32 i = 1; i < n; i++)
		if (v[i].text.n != v[0].text.n)
			return length_fits(v, n, is.n) && (first = str_same(v[0].text, v[1].text), str_eq(str_head(v[0].text, MIN(first, (size_t)16)), str_head(is, MIN(first, (size_t)16))));
	if (is.n != v[0].text.n)
		return false;
	for (size_t k = 0; k < is.n; k++) {
		bool agreed = true;
		for (u32 i = 1; i < n; i++)
			agreed = agreed && v[i].text.p[k] == v[0].text.p[k];
		if (agreed && is.p[k] != v[0].text.p[k])
			return false;
	}
	return true;
}

bool alike(const struct given *v, u32 n, const struct given *is, struct str *was, struct str *got)
{
	struct walked w = { 0 };
	*was = v[0].text;
	*got = is->text;
	bool binary = str_chr(is->text, '\0') != NULL, equal = true;
	for (u32 i = 0; i < n; i++) {
		if (str_eq(v[i].text, is->text))
			return true;
		binary = binary || str_chr(v[i].text, '\0');
		equal = equal && str_eq(v[i].text, v[0].text);
	}
	if (binary) {
		size_t at = str_same(v[0].text, is->text);
		*was = str_from(*was, at);
		*got = str_from(*got, at);
		return !equal && binary_alike(v, n, is->text);
	}
	if (!equal && another_order(v, n, is->text))
		return true;
	for (int coarse = 0; coarse < 2; coarse++) {
		if (walk(v, n, NULL, coarse, &w) != ALIGNED) /* whether this one is aligned, too, is asked only then */
			continue;
		if (walk(v, n, is, coarse, &w) == ALIGNED)
			return true;
		*was = w.was;
		*got = w.got;
		return false;
	}
	*got = str_head(is->text, 0);
	if (!common_lines(v, n, is->text, was))
		return false;
	*was = v[0].text;
	*got = is->text;
	struct str line;
	return length_fits(v, n, is->text.n) && words_alike(v, n, is->text) && !new_trouble(v, n, is->text, &line);
}

u32 alike_masked(const struct given *v, u32 n)
{
	struct walked w = { 0 };
	for (int coarse = 0; coarse < 2; coarse++)
		if (walk(v, n, NULL, coarse, &w) != APART)
			return w.masked;
	return UINT32_MAX;
}

/* --- logs --- */

static bool tells_of_error(struct str line)
{
	static const char *const signs[] = {
		"error", "no such file", "cannot", "can't", "could not", "couldn't", "unable", "fail", "exception", "traceback", "not found", "fatal", "panic", "warn", "denied", "missing", "segmentation", "segfault",
		"abort", "undefined symbol", "unknown", "unsupported", "not available", "unavailable", "invalid", "no module", "core dumped", "critical", "refused", "not supported", "does not exist", "not loaded",
		"unrecognized", "undefined", "no locale",
	};
	struct buf low = BUF(4096);
	bool found = false;
	for (size_t i = 0; i < line.n && i < 4096; i++)
		buf_putc(&low, line.p[i] >= 'A' && line.p[i] <= 'Z' ? (char)(line.p[i] + 32) : line.p[i]);
	for (size_t i = 0; i < countof(signs) && !found; i++)
		found = str_contains(buf_str(&low), str_of(signs[i]));
	buf_free(&low);
	return found;
}

bool new_trouble(const struct given *v, u32 n, struct str is, struct str *line)
{
	struct bag bags[ALIKE_MAX] = { { 0 } };
	struct buf piece = BUF(0);
	bool found = false;
	for (u32 i = 0; i < n; i++)
		bags[i] = bag_of(v[i].text, true, false);
	while (is.p && !found) {
		*line = str_trim(str_cut(&is, '\n'));
		if (!tells_of_error(*line))
			continue;
		plain(*line, &piece);
		bool known = false;
		for (u32 i = 0; i < n && !known; i++)
			known = has(&bags[i], hash64(buf_str(&piece), 1));
		found = !known;
	}
	for (u32 i = 0; i < n; i++)
		free(bags[i].v);
	buf_free(&piece);
	return found;
}
