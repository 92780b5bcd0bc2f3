#include "secret/allow.h"
#include "secret/check.h"
#include "secret/secret.h"
#include "secret/set.h"

/* Alphabets, one bit each in class_of[]. */
enum { UPPER = 1, LOWER = 2, DIGIT = 4, DASH = 8, UNDER = 16, DOT = 32, SLASH = 64, PLUS = 128, ALNUM = UPPER | LOWER | DIGIT, WORD = ALNUM | UNDER | DASH, BASE64 = ALNUM | SLASH | PLUS };

static bool in(u8 alphabet, char c)
{
	u8 k = c >= 'A' && c <= 'Z' ? UPPER : c >= 'a' && c <= 'z' ? LOWER : c >= '0' && c <= '9' ? DIGIT : c == '-' ? DASH : c == '_' ? UNDER : c == '.' ? DOT : c == '/' ? SLASH : c == '+' ? PLUS : 0;
	return k & alphabet;
}

/* Looks no further than `most`: a text of nothing but beginnings costs no more than that for each of them. */
static size_t run_most(struct str t, size_t at, u8 alphabet, size_t most)
{
	size_t n = at;
	while (n < t.n && n - at < most && in(alphabet, t.p[n]))
		n++;
	return n - at;
}

static size_t run(struct str t, size_t at, u8 alphabet) { return run_most(t, at, alphabet, 400); }

/* Made up: an example of a manual, a few letters over and over, a sequence. */
static bool made_up(struct str s)
{
	bool seen[256] = { false };
	u32 distinct = 0, steps = 0;
	for (size_t i = 0; i < s.n; i++) {
		distinct += !seen[(u8)s.p[i]];
		seen[(u8)s.p[i]] = true;
		steps += i && (s.p[i] == s.p[i - 1] || s.p[i] == s.p[i - 1] + 1);
	}
	/* A random text repeats or continues its last character seldom; "0123456789abcdef" does it all the time. */
	return distinct < MIN(s.n / 3 + 2, 9) || steps * 2 > s.n || str_contains(s, STR("EXAMPLE")) || str_contains(s, STR("example"));
}

static bool private_key(struct str t, size_t at, struct secret_hit *ret)
{
	struct str rest = str_head(str_from(t, at), 64);
	if (!str_starts(rest, STR("-----BEGIN ")))
		return false;
	const char *end = str_find(str_from(rest, 11), STR("-----"));
	struct str label = end ? str_n(rest.p + 11, (size_t)(end - rest.p) - 11) : str_n("", 0);
	if (!str_ends(label, STR("PRIVATE KEY")) && !str_is(label, "PRIVATE KEY BLOCK") && !str_is(label, "PGP PRIVATE KEY BLOCK"))
		return false;
	/* The marks alone are what scripts look for; a key has a body. */
	struct str body = str_from(t, at + 16 + label.n);
	size_t i = 0;
	while (i < body.n && (body.p[i] == '\n' || body.p[i] == '\r' || body.p[i] == '\\' || body.p[i] == 'n' || body.p[i] == ' '))
		i++;
	if (run(body, i, BASE64) < 16 && !str_starts(str_from(body, i), STR("Proc-Type:")) && !str_starts(str_from(body, i), STR("Version:")))
		return false;
	*ret = (struct secret_hit){ "private key", at, at + 16 + label.n };
	return true;
}

static bool webhook(struct str t, size_t at, struct secret_hit *ret)
{
	static const struct { struct str prefix; const char *what; } hooks[] = {
		{ STR("hooks.slack.com/services/T"), "Slack webhook" },
		{ STR("discord.com/api/webhooks/"), "Discord webhook" },
		{ STR("discordapp.com/api/webhooks/"), "Discord webhook" },
	};
	struct str rest = str_from(t, at);
	for (size_t i = 0; i < countof(hooks); i++) {
		if (!str_starts(rest, hooks[i].prefix))
			continue;
		size_t n = run(t, at + hooks[i].prefix.n, WORD | SLASH);
		if (n < 35 || made_up(str_n(rest.p + hooks[i].prefix.n, n)))
			return false;
		*ret = (struct secret_hit){ hooks[i].what, at, at + hooks[i].prefix.n + n };
		return true;
	}
	return false;
}

/* The rules' tokens (rules.c), by the first byte of their words: made once, some microseconds. */
#define WORDS_MAX 512u

static struct {
	struct word_of_rule {
		struct str word;
		const struct secret_rule *rule;
	} v[WORDS_MAX];
	u32 first[257]; /* words that begin with byte c: v[first[c], first[c + 1]) */
} words;
static pthread_once_t words_once = PTHREAD_ONCE_INIT;

static bool is_token(const struct secret_rule *r) { return r->shape == SECRET_TOKEN && r->severity >= SEV_MEDIUM && !strchr(r->keywords, '\n'); }

static void make_words(void)
{
	u32 at[256];
	for (u32 pass = 0; pass < 2; pass++) { /* count, then place */
		for (u32 i = 0; i < secret_rules_n; i++) {
			struct str rest = str_of(secret_rules[i].keywords);
			while (is_token(&secret_rules[i]) && rest.p) {
				struct str w = str_cut(&rest, ' ');
				u8 c = (u8)w.p[0];
				if (pass == 0)
					words.first[c + 1]++;
				else if (at[c] < WORDS_MAX)
					words.v[at[c]++] = (struct word_of_rule){ w, &secret_rules[i] };
			}
		}
		for (u32 c = 0; c < 256 && pass == 0; c++) {
			words.first[c + 1] = MIN(words.first[c + 1] + words.first[c], WORDS_MAX);
			at[c] = words.first[c];
		}
	}
}

/* The end of the rule's token at `at`; 0 when there is none. Patterns are compiled when their word stands in a text, which is seldom. */
static size_t token_end(const struct secret_rule *r, struct str t, size_t at)
{
	static _Atomic(pcre2_code *) codes[WORDS_MAX];
	size_t index = (size_t)(r - secret_rules), lo = at > 8 ? at - 8 : 0, end = 0;
	pcre2_code *code = index < WORDS_MAX ? atomic_load(&codes[index]) : NULL, *none = NULL;
	if (!code) {
		code = index < WORDS_MAX ? secret_compile(r->pattern, PCRE2_ANCHORED, NULL) : NULL;
		if (!code)
			return 0;
		if (!atomic_compare_exchange_strong(&codes[index], &none, code)) {
			pcre2_code_free(code);
			code = none;
		}
	}
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	if (pcre2_match(code, (PCRE2_SPTR)t.p + lo, MIN(t.n - lo, (size_t)8192), at - lo, PCRE2_NOTEMPTY, match, NULL) >= 0)
		end = lo + pcre2_get_ovector_pointer(match)[1];
	pcre2_match_data_free(match);
	return end;
}

static bool by_rule(struct str t, size_t at, struct secret_hit *ret)
{
	u8 c = (u8)t.p[at];
	for (u32 i = words.first[c]; i < words.first[c + 1]; i++) {
		const struct secret_rule *r = words.v[i].rule;
		size_t end = str_starts(str_from(t, at), words.v[i].word) ? token_end(r, t, at) : 0;
		if (!end || (end < t.n && in(ALNUM | UNDER, t.p[end])))
			continue;
		struct str value = str_n(t.p + at, end - at);
		if (made_up(str_from(value, words.v[i].word.n)) || secret_entropy(value) < r->entropy || secret_known(value) || (r->check && r->check(value) == SECRET_NONE))
			continue;
		*ret = (struct secret_hit){ r->title, at, end };
		return true;
	}
	return false;
}

static bool azure_key(struct str t, size_t at, struct secret_hit *ret)
{
	struct str rest = str_from(t, at);
	if (!str_starts(rest, STR("AccountKey=")))
		return false;
	size_t n = run(t, at + 11, BASE64);
	if (n != 86 || !str_starts(str_from(t, at + 11 + n), STR("==")))
		return false;
	*ret = (struct secret_hit){ "Azure storage key", at, at + 13 + n };
	return true;
}

bool secret_find(struct str t, size_t *from, struct secret_hit *ret)
{
	pthread_once(&words_once, make_words);
	for (size_t i = *from; i < t.n; i++) {
		u8 c = (u8)t.p[i];
		/* The bytes that anything here begins with; all others are passed at once. */
		if ((words.first[c] == words.first[c + 1] && c != '-' && c != 'h' && c != 'd') || (c != '-' && i && in(ALNUM | UNDER, t.p[i - 1])))
			continue;
		bool hit = c == '-' ? private_key(t, i, ret) : by_rule(t, i, ret) || ((c == 'h' || c == 'd') && webhook(t, i, ret)) ||
					 (c == 'A' && azure_key(t, i, ret));
		if (hit) {
			*from = ret->end;
			return true;
		}
	}
	*from = t.n;
	return false;
}
