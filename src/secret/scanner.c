#include "secret/scanner.h"
#include "secret/assign.h"
#include "secret/check.h"
#include <ctype.h>

#define TRIES_MAX 1024u          /* of one costly rule in one buffer, in vain */
#define AROUND ((size_t)128)     /* how far a form may begin in front of its word */
#define SEARCH_AFTER ((size_t)4096)
#define LINE_MAX_LOOK ((size_t)2000)

struct scanner *scanner_new(struct secret_set *set)
{
	struct scanner *s = xcalloc(1, sizeof *s);
	s->set = set;
	s->match = pcre2_match_data_create(64, NULL);
	s->context = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(s->context, SECRET_MATCH_LIMIT);
	pcre2_set_depth_limit(s->context, SECRET_MATCH_LIMIT);
	s->fits = xcalloc(set->n_rules + 1, sizeof *s->fits);
	s->tries = xcalloc(set->n_rules + 1, sizeof *s->tries);
	s->after = xcalloc(set->n_rules + 1, sizeof *s->after);
	return s;
}

void scanner_free(struct scanner *s)
{
	if (!s)
		return;
	if (s->scratch)
		hs()->free_scratch(s->scratch);
	pcre2_match_data_free(s->match);
	pcre2_match_context_free(s->context);
	free(s->fits);
	free(s->tries);
	free(s->after);
	free(s->hits);
	free(s);
}

/* ---- patterns ---- */

static pcre2_code *compiled(struct ready_rule *r, bool path)
{
	_Atomic(pcre2_code *) *slot = path ? &r->path_code : &r->code;
	pcre2_code *have = atomic_load(slot), *none = NULL;
	if (have || atomic_load(&r->broken))
		return have;
	u32 options = 0;
	switch (r->rule->shape) {
	case SECRET_TOKEN: options = PCRE2_ANCHORED; break;
	case SECRET_AROUND: options = PCRE2_USE_OFFSET_LIMIT; break;
	case SECRET_TEXT: options = PCRE2_ANCHORED | PCRE2_CASELESS; break;
	case SECRET_ASSIGNED: options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_CASELESS; break;
	case SECRET_PATH: break;
	case SECRET_SEARCHED: options = PCRE2_USE_OFFSET_LIMIT; break;
	}
	struct error err;
	pcre2_code *mine = secret_compile(path ? r->rule->paths : r->rule->pattern, path ? 0 : options, &err);
	if (!mine) {
		atomic_store(&r->broken, true); /* a built-in one never is: a test tries them all */
		return NULL;
	}
	if (!atomic_compare_exchange_strong(slot, &none, mine)) {
		pcre2_code_free(mine);
		return none;
	}
	return mine;
}

/* Whether it matches in t from `start` on, beginning at `last` at the latest; the ovector tells where. A limit that is met is remembered. */
static bool matches_until(struct scanner *s, const pcre2_code *code, struct str t, size_t start, PCRE2_SIZE last)
{
	if (!code)
		return false;
	pcre2_set_offset_limit(s->context, last);
	int r = pcre2_match(code, (PCRE2_SPTR)(t.p ? t.p : ""), t.n, start, PCRE2_NOTEMPTY, s->match, s->context);
	s->gave_up |= r < 0 && r != PCRE2_ERROR_NOMATCH;
	return r >= 0;
}

static bool matches(struct scanner *s, const pcre2_code *code, struct str t, size_t start) { return matches_until(s, code, t, start, PCRE2_UNSET); }

enum { FITS_UNKNOWN, FITS_YES, FITS_NO };

static bool path_fits(struct scanner *s, u32 index)
{
	struct ready_rule *r = &s->set->rules[index];
	if (!r->rule->paths || !*r->rule->paths)
		return true;
	if (s->fits[index] == FITS_UNKNOWN)
		s->fits[index] = matches(s, compiled(r, true), str_of(s->path), 0) ? FITS_YES : FITS_NO;
	return s->fits[index] == FITS_YES;
}

/* ---- allowlists of the user's ---- */

static bool any_code(struct scanner *s, pcre2_code *const *codes, u32 n, struct str t)
{
	for (u32 i = 0; i < n; i++)
		if (matches(s, codes[i], t, 0))
			return true;
	return false;
}

static bool any_stopword(const struct allowlist *a, struct str value)
{
	char low[512];
	size_t n = MIN(value.n, sizeof low);
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((u8)value.p[i]);
	for (u32 i = 0; i < a->n_stopwords; i++)
		if (str_contains(str_n(low, n), str_of(a->stopwords[i])))
			return true;
	return false;
}

static struct str line_around(struct str t, size_t at, size_t end)
{
	size_t from = at, to = end;
	while (from && at - from < LINE_MAX_LOOK && t.p[from - 1] != '\n')
		from--;
	while (to < t.n && to - end < LINE_MAX_LOOK && t.p[to] != '\n')
		to++;
	return str_n(t.p + from, to - from);
}

static bool listed_for(const struct allowlist *a, const char *id)
{
	for (u32 i = 0; i < a->n_rules; i++)
		if (strcmp(a->rules[i], id) == 0)
			return true;
	return a->n_rules == 0;
}

static bool allowed_by(struct scanner *s, const struct allowlist *a, struct str value, struct str match, size_t at, size_t end)
{
	struct str target = a->target == ALLOW_SECRET ? value : a->target == ALLOW_MATCH ? match : line_around(s->text, at, end);
	bool regex = a->n_regexes && any_code(s, a->regex_codes, a->n_regexes, target);
	bool path = a->n_paths && any_code(s, a->path_codes, a->n_paths, str_of(s->path));
	bool word = a->n_stopwords && any_stopword(a, value);
	if (!a->all)
		return regex || path || word;
	return (!a->n_regexes || regex) && (!a->n_paths || path) && (!a->n_stopwords || word) && (a->n_regexes || a->n_paths || a->n_stopwords);
}

static bool allowed(struct scanner *s, const struct ready_rule *r, size_t at, size_t end, size_t from, size_t to)
{
	struct str value = str_n(s->text.p + at, end - at), match = str_n(s->text.p + from, to - from);
	for (u32 i = 0; i < r->n_allow; i++)
		if (allowed_by(s, &s->set->allows[r->allow + i], value, match, at, end))
			return true;
	for (u32 i = s->set->n_own; i < s->set->n_allows; i++)
		if (listed_for(&s->set->allows[i], r->rule->id) && allowed_by(s, &s->set->allows[i], value, match, at, end))
			return true;
	return false;
}

/* ---- hits ---- */

/* Line ends: all of the text is counted, so in blocks that the compiler makes vectors of. */
static u32 line_ends(const char *p, size_t n)
{
	u32 lines = 0;
	for (; n >= 128; p += 128, n -= 128) {
		u8 some = 0;
		for (u32 i = 0; i < 128; i++)
			some = (u8)(some + (p[i] == '\n'));
		lines += some;
	}
	for (; n; p++, n--)
		lines += *p == '\n';
	return lines;
}

static u32 line_of(struct scanner *s, size_t at)
{
	if (at > s->counted) {
		s->lines += line_ends(s->text.p + s->counted, at - s->counted);
		s->counted = at;
	}
	return s->lines - line_ends(s->text.p + at, s->counted - at) + 1;
}

static void put(struct scanner *s, u32 index, struct secret_found found)
{
	if (s->n_hits >= SECRET_FOUND_MAX * 4) {
		s->full = true;
		return;
	}
	struct hit h = { found, index, s->set->rules[index].rule->flags & SECRET_WEAK };
	VEC_PUSH(s->hits, s->n_hits, s->cap_hits, h);
}

/* A value that has the form: the rest of the rule's questions. The value is text[at, end), the whole match text[from, to). */
static bool accept(struct scanner *s, u32 index, size_t at, size_t end, size_t from, size_t to)
{
	struct ready_rule *r = &s->set->rules[index];
	const struct secret_rule *rule = r->rule;
	struct str value = str_n(s->text.p + at, end - at);
	bool own = rule->shape == SECRET_SEARCHED;
	if ((rule->entropy > 0 && secret_entropy(value) < rule->entropy) || value.n == 0)
		return false;
	if (!own && (secret_known(value) || (rule->shape != SECRET_TEXT && !(rule->flags & SECRET_BLOCK) && secret_made_up(value))))
		return false;
	enum secret_trust trust = rule->check ? rule->check(value) : SECRET_FIRM;
	bool doubt = trust == SECRET_DOUBT || (!own && !(rule->flags & SECRET_BLOCK) && secret_sequence(value));
	if (doubt && rule->flags & SECRET_NAMES)
		return false; /* no form speaks for it */
	if (trust == SECRET_NONE || allowed(s, r, at, end, from, to))
		return false;
	struct secret_found f = { .rule = rule, .at = (size_t)s->base + at, .end = (size_t)s->base + end, .line = line_of(s, at), .doubt = doubt };
	secret_mask(value, f.masked);
	put(s, index, f);
	return true;
}

static bool wordly(char c) { return isalnum((u8)c) || c == '_'; }

/* Whether a word may begin here: at the text's beginning, behind what is no letter, behind an escape ("\n", "%3D"). */
static bool begins(struct str t, size_t at)
{
	if (at == 0 || (!wordly(t.p[at - 1]) && t.p[at - 1] != '+'))
		return true;
	if (at >= 2 && t.p[at - 2] == '\\' && strchr("nrt", t.p[at - 1]))
		return true;
	return at >= 3 && t.p[at - 3] == '%' && isxdigit((u8)t.p[at - 2]) && isxdigit((u8)t.p[at - 1]);
}

static bool ends(struct str t, size_t end) { return end >= t.n || !wordly(t.p[end]); }

/* The value's group of a match: "secret", the user's, the first that took part, all of it. */
static void value_of(struct scanner *s, const struct ready_rule *r, const pcre2_code *code, size_t *at, size_t *end)
{
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->match);
	int named = pcre2_substring_number_from_name(code, (PCRE2_SPTR) "secret");
	u32 n = pcre2_get_ovector_count(s->match), group = named > 0 ? (u32)named : r->group;
	if (group && group < n && o[2 * group] != PCRE2_UNSET) {
		*at = o[2 * group];
		*end = o[2 * group + 1];
		return;
	}
	u32 captures = 0;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &captures);
	*at = o[0];
	*end = o[1];
	for (u32 i = 1; !r->group && i <= captures && i < n; i++)
		if (o[2 * i] != PCRE2_UNSET && o[2 * i + 1] > o[2 * i]) {
			*at = o[2 * i];
			*end = o[2 * i + 1];
			return;
		}
}

/* ---- shapes ---- */

/* Whether a try in vain may have cost much: the rule says so, or the word stands in a very long one. */
static bool costly(const struct scanner *s, const struct secret_rule *r, size_t at)
{
	size_t end = at, most = MIN(s->text.n, at + 256);
	if (r->flags & SECRET_COSTLY)
		return true;
	while (end < most && s->text.p[end] > ' ' && !strchr("\",;", s->text.p[end])) /* source maps are long, but their words are short */
		end++;
	return end - at >= 200;
}

static void try_token(struct scanner *s, u32 index, size_t at)
{
	struct ready_rule *r = &s->set->rules[index];
	bool open = r->rule->flags & SECRET_OPEN || r->rule->shape == SECRET_TEXT;
	if (!open && !begins(s->text, at))
		return;
	if (s->base + at < s->after[index])
		return; /* inside of the one before */
	pcre2_code *code = compiled(r, false);
	size_t lo = at > 64 ? at - 64 : 0;
	struct str t = str_n(s->text.p + lo, MIN(s->text.n, at + SECRET_AFTER) - lo);
	if (!matches(s, code, t, at - lo)) {
		s->tries[index] += costly(s, r->rule, at);
		return;
	}
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->match);
	size_t from = lo + o[0], to = lo + o[1], v, e;
	if (!open && !ends(s->text, to))
		return;
	value_of(s, r, code, &v, &e);
	if (accept(s, index, lo + v, lo + e, from, to))
		s->after[index] = (size_t)s->base + to;
	else
		s->tries[index] += costly(s, r->rule, at);
}

static void try_around(struct scanner *s, u32 index, size_t at)
{
	struct ready_rule *r = &s->set->rules[index];
	pcre2_code *code = compiled(r, false);
	size_t lo = at > AROUND + 8 ? at - AROUND - 8 : 0, start = at > AROUND ? at - AROUND : 0;
	struct str t = str_n(s->text.p + lo, MIN(s->text.n, at + SECRET_AFTER) - lo);
	if (s->base + at < s->after[index])
		return;
	for (u32 i = 0; i < 4 && start <= at; i++) {
		if (!matches_until(s, code, t, start - lo, at - lo))
			break;
		const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->match);
		size_t from = lo + o[0], to = lo + o[1], v, e;
		start = from + 1;
		if (to <= at || (!(r->rule->flags & SECRET_OPEN) && (!begins(s->text, from) || !ends(s->text, to))))
			continue;
		value_of(s, r, code, &v, &e);
		if (accept(s, index, lo + v, lo + e, from, to)) {
			s->after[index] = (size_t)s->base + to;
			break;
		}
	}
}

/* All matches that begin in [from, to]. */
static void search(struct scanner *s, u32 index, size_t from, size_t to)
{
	struct ready_rule *r = &s->set->rules[index];
	pcre2_code *code = compiled(r, false);
	if (s->base + from < s->after[index])
		from = (size_t)(s->after[index] - s->base);
	while (from <= to && from < s->text.n) {
		size_t lo = from > 64 ? from - 64 : 0;
		struct str t = str_n(s->text.p + lo, MIN(s->text.n, to + SECRET_AFTER) - lo);
		if (!matches_until(s, code, t, from - lo, to - lo))
			break;
		const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->match);
		size_t a = lo + o[0], b = lo + o[1], v, e;
		value_of(s, r, code, &v, &e);
		accept(s, index, lo + v, lo + e, a, b);
		from = MAX(b, a + 1);
		if (++s->tries[index] > TRIES_MAX * 16) {
			s->gave_up = true;
			break;
		}
	}
	s->after[index] = (size_t)s->base + MAX(to + 1, from);
}

static bool long_line(struct str t, size_t at)
{
	size_t from = at > LINE_MAX_LOOK ? at - LINE_MAX_LOOK : 0, to = MIN(t.n, at + LINE_MAX_LOOK);
	return at - from == LINE_MAX_LOOK && to - at == LINE_MAX_LOOK && !memchr(t.p + from, '\n', to - from);
}

static void try_assigned(struct scanner *s, u32 index, const struct assignment *a, size_t at, size_t end)
{
	struct ready_rule *r = &s->set->rules[index];
	if (s->after[index] > s->base + a->at)
		return;
	struct str value = str_n(s->text.p + a->at, a->end - a->at);
	if (!matches(s, compiled(r, false), value, 0))
		return;
	size_t v, e;
	bool digit = false;
	for (size_t i = 0; i < value.n && !digit; i++)
		digit = isdigit((u8)value.p[i]);
	if (!digit && !(r->rule->flags & SECRET_BARE) && secret_wordy(value))
		return;
	value_of(s, r, r->code, &v, &e);
	if (r->rule->flags & SECRET_NAMES) {
		struct str name = str_n(s->text.p + a->name, a->name_end - a->name);
		if (secret_harmless_name(name, at - a->name, end - at) || long_line(s->text, at))
			return;
	}
	if (accept(s, index, a->at + v, a->at + e, a->name, a->end))
		s->after[index] = (size_t)s->base + a->end;
}

static bool asked(struct scanner *s, u32 index)
{
	const struct secret_rule *r = s->set->rules[index].rule;
	if (s->place == PLACE_STRONG_ONLY && s->binary && (r->shape == SECRET_TEXT || r->flags & SECRET_BLOCK))
		return false; /* a library that tries itself has keys in it */
	return (!(r->flags & SECRET_WEAK) || (s->place == PLACE_ANY && !s->binary)) && path_fits(s, index);
}

static int word_found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)from, (void)flags;
	struct scanner *s = ctx;
	const struct word *w = &s->words->v[id];
	size_t end = (size_t)to, at = end - w->text.n;
	struct assignment a;
	int parsed = -1;
	if (at < s->from || at >= s->until)
		return 0;
	for (u32 i = 0; i < w->n; i++) {
		u32 index = s->words->rules[w->first + i];
		if (!asked(s, index))
			continue;
		if (s->tries[index] > TRIES_MAX) {
			s->gave_up = true;
			continue;
		}
		switch (s->set->rules[index].rule->shape) {
		case SECRET_TOKEN:
		case SECRET_TEXT: try_token(s, index, at); break;
		case SECRET_AROUND: try_around(s, index, at); break;
		case SECRET_SEARCHED: search(s, index, at > SECRET_BEFORE ? at - SECRET_BEFORE : 0, MIN(at + SEARCH_AFTER, s->text.n)); break;
		case SECRET_ASSIGNED:
			if (parsed < 0) {
				parsed = s->base + at >= s->no_value && secret_assignment(s->text, at, end, &a);
				if (!parsed && s->base + at >= s->no_value)
					s->no_value = a.over ? s->base + a.over : 0;
			}
			if (parsed)
				try_assigned(s, index, &a, at, end);
			break;
		case SECRET_PATH: break;
		}
	}
	return 0;
}

/* ---- texts ---- */

struct place_of_word {
	u32 word;
	size_t end;
};

static int by_end(const void *a, const void *b)
{
	const struct place_of_word *x = a, *y = b;
	return x->end != y->end ? (x->end < y->end ? -1 : 1) : x->word < y->word ? -1 : x->word > y->word;
}

/* What vectorscan does, for a text so small that making its database would take longer. */
static void find_words(struct scanner *s)
{
	char low[SECRET_SMALL];
	struct place_of_word *v = NULL;
	u32 n = 0, cap = 0;
	for (size_t i = 0; i < s->text.n; i++)
		low[i] = (char)tolower((u8)s->text.p[i]);
	for (u32 w = 0; w < s->words->n; w++) {
		const struct word *word = &s->words->v[w];
		char lower[256];
		struct str want = word->text, rest = word->caseless ? str_n(low, s->text.n) : s->text;
		for (size_t i = 0; word->caseless && i < MIN(want.n, sizeof lower); i++)
			lower[i] = (char)tolower((u8)want.p[i]);
		if (want.n > sizeof lower)
			continue;
		if (word->caseless)
			want.p = lower;
		for (const char *p; (p = str_find(rest, want)); rest = str_from(rest, (size_t)(p - rest.p) + 1)) {
			struct place_of_word at = { w, (size_t)(p - (word->caseless ? low : s->text.p)) + want.n };
			VEC_PUSH(v, n, cap, at);
		}
	}
	if (n)
		qsort(v, n, sizeof *v, by_end);
	for (u32 i = 0; i < n; i++)
		word_found(v[i].word, 0, v[i].end, 0, s);
	free(v);
}

void scanner_begin(struct scanner *s, struct str path)
{
	size_t n = MIN(path.n, sizeof s->path - 1);
	if (n)
		memcpy(s->path, path.p, n);
	s->path[n] = '\0';
	s->place = s->set->defaults ? secret_place(str_of(s->path)) : PLACE_ANY;
	s->binary = s->gave_up = s->full = false;
	s->n_hits = 0;
	s->no_value = 0;
	s->base = 0;
	s->counted = 0;
	s->lines = 0;
	memset(s->fits, FITS_UNKNOWN, (s->set->n_rules + 1) * sizeof *s->fits);
	memset(s->after, 0, (s->set->n_rules + 1) * sizeof *s->after);
	for (u32 i = 0; n && i < s->set->n_of_paths; i++) {
		struct ready_rule *r = &s->set->rules[s->set->of_paths[i]];
		s->text = str_n("", 0);
		if (asked(s, s->set->of_paths[i]) && matches(s, compiled(r, false), str_of(s->path), 0) && !allowed(s, r, 0, 0, 0, 0))
			put(s, s->set->of_paths[i], (struct secret_found){ .rule = r->rule });
	}
}

void scanner_text(struct scanner *s, struct str text, u64 base, size_t from, size_t until)
{
	if (text.n == 0)
		return;
	size_t gone = (size_t)(base - s->base); /* at most what was tried, which is counted */
	s->counted = s->counted > gone ? s->counted - gone : 0;
	s->text = text;
	s->base = base;
	s->from = from;
	s->until = until;
	memset(s->tries, 0, (s->set->n_rules + 1) * sizeof *s->tries);
	bool strong = s->place == PLACE_STRONG_ONLY || s->binary;
	s->words = strong ? &s->set->strong : &s->set->all;
	if (text.n <= SECRET_SMALL && !s->words->db && (s->smalls += text.n) <= SECRET_SMALLS)
		find_words(s);
	else if (secret_words_db(s->set, s->words)) {
		if (!s->made_for[strong] && hs()->alloc_scratch(s->words->db, &s->scratch) != HS_SUCCESS)
			abort(); /* no memory */
		s->made_for[strong] = true;
		hs()->scan(s->words->db, text.p, (unsigned)text.n, 0, s->scratch, word_found, s);
	}
	for (u32 i = 0; i < s->set->n_everywhere && until; i++)
		if (asked(s, s->set->everywhere[i]))
			search(s, s->set->everywhere[i], from, until - 1);
	(void)line_of(s, until);
}

static u32 rank(const struct hit *h) { return (u32)(h->weak ? 4 : 0) + (u32)(h->found.doubt ? 1 : 0); }

static int by_place(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	if (x->found.at != y->found.at)
		return x->found.at < y->found.at ? -1 : 1;
	if (rank(x) != rank(y))
		return rank(x) < rank(y) ? -1 : 1;
	if (x->found.end != y->found.end)
		return x->found.end > y->found.end ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

void scanner_end(struct scanner *s)
{
	u32 n = 0;
	if (s->n_hits)
		qsort(s->hits, s->n_hits, sizeof *s->hits, by_place);
	for (u32 i = 0; i < s->n_hits; i++) {
		struct hit *h = &s->hits[i], *last = n ? &s->hits[n - 1] : NULL;
		if (last && h->found.end && h->found.at < last->found.end) { /* one on top of the other: what says more stays */
			if (rank(h) < rank(last))
				*last = *h;
			continue;
		}
		if (n == SECRET_FOUND_MAX) {
			s->full = true;
			break;
		}
		s->hits[n++] = *h;
	}
	s->n_hits = n;
}
