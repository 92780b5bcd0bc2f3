/* apk.c — apk-tools 2's order (its src/version.c), the one that Alpine's releases install: DIGIT{.DIGIT}…{LETTER}{_SUFFIX{NUMBER}}…{-rNUMBER}. A "~HASH" before the revision, of apk-tools 3,
 * is passed over. What is no version to apk is compared as far as it is one, as apk does: "6.0.2p1-r1" and "1.2.r3" are in its repositories. */
#include "version/token.h"

enum token { INVALID = -1, DIGIT_OR_ZERO, DIGIT, LETTER, SUFFIX, SUFFIX_NUMBER, REVISION, END };

struct value { /* of one token: a number of any length, or a small one */
	int small;
	struct str digits;
};

struct at {
	struct str rest;
	enum token token;
	struct value value;
};

static void next_kind(struct at *t)
{
	struct str *s = &t->rest;
	if (s->n && s->p[0] == '~') {
		*s = str_from(*s, 1);
		while (s->n && (version_digit(s->p[0]) || (s->p[0] >= 'a' && s->p[0] <= 'f')))
			*s = str_from(*s, 1);
	}
	enum token was = t->token, n = INVALID;
	char c = s->n ? s->p[0] : '\0';
	if (!s->n) {
		n = END;
	} else if ((was == DIGIT || was == DIGIT_OR_ZERO) && c >= 'a' && c <= 'z') {
		n = LETTER;
	} else if (was == LETTER && version_digit(c)) {
		n = DIGIT;
	} else if (was == SUFFIX && version_digit(c)) {
		n = SUFFIX_NUMBER;
	} else {
		bool revision = c == '-' && s->n > 1 && s->p[1] == 'r';
		n = c == '.' ? DIGIT_OR_ZERO : c == '_' ? SUFFIX : revision ? REVISION : INVALID;
		*s = str_from(*s, revision ? 2 : 1);
	}
	if (n < was && !(n == DIGIT_OR_ZERO && was == DIGIT) && !(n == SUFFIX && was == SUFFIX_NUMBER) && !(n == DIGIT && was == LETTER))
		n = INVALID;
	t->token = n;
}

static bool suffix(struct str *s, int *value)
{
	static const char *const names[] = { "alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p" };
	for (int i = 0; i < (int)countof(names); i++) {
		if (str_starts(*s, str_of(names[i]))) {
			*value = i - 4;
			*s = str_from(*s, strlen(names[i]));
			return true;
		}
	}
	return false;
}

/* Takes the value of the token that t stands at, and finds out what comes behind it. */
static void take(struct at *t)
{
	struct str *s = &t->rest;
	t->value = (struct value){ 0, STR("") };
	if (!s->n) {
		t->token = END;
		return;
	}
	if (t->token == DIGIT_OR_ZERO && s->p[0] == '0') { /* ".05" stands before ".5": as many zeros, so much earlier */
		while (s->n && s->p[0] == '0') {
			*s = str_from(*s, 1);
			t->value.small--;
		}
		t->token = s->n ? DIGIT : END;
		return;
	}
	if (t->token == LETTER) {
		t->value.small = s->p[0];
		*s = str_from(*s, 1);
	} else if (t->token == SUFFIX) {
		if (!suffix(s, &t->value.small)) {
			t->value.small = -1;
			t->token = INVALID;
			return;
		}
	} else {
		t->value.digits = version_digits(s);
	}
	if (s->n)
		next_kind(t);
	else
		t->token = END;
}

/* What is small is no number, and below one when it is negative; of two numbers both have nothing small. */
static int value_cmp(const struct value *a, const struct value *b)
{
	return a->small != b->small ? (a->small < b->small ? -1 : 1) : version_number_cmp(a->digits, b->digits);
}

/* Whether t stands at a suffix that comes before a release. */
static bool before_release(struct at *t)
{
	int v = -1;
	return t->token == SUFFIX && t->rest.n && (!suffix(&t->rest, &v) || v < 0);
}

static int compare(struct str a, struct str b, int *order)
{
	if (a.n > VERSION_MAX || b.n > VERSION_MAX)
		return -1;
	struct at x = { str_trim(a), DIGIT, { 0 } }, y = { str_trim(b), DIGIT, { 0 } };
	if (!x.rest.n || !y.rest.n)
		return -1;
	int c = 0;
	while (x.token == y.token && x.token != END && x.token != INVALID && !c) {
		take(&x);
		take(&y);
		c = value_cmp(&x.value, &y.value);
	}
	*order = c;
	if (c || x.token == y.token)
		return 0;
	/* apk-tools 2 stops behind zeros, and so takes "1.0_rc1" for later than "1.0"; apk-tools 3 does not. */
	if (x.token == DIGIT && y.token == END && x.rest.n && !version_digit(x.rest.p[0]))
		next_kind(&x);
	else if (y.token == DIGIT && x.token == END && y.rest.n && !version_digit(y.rest.p[0]))
		next_kind(&y);
	/* Equal as far as both go: the one that goes on is the later one, unless by a suffix that comes before a release. */
	if (before_release(&x))
		*order = -1;
	else if (before_release(&y))
		*order = 1;
	else
		*order = x.token > y.token ? -1 : 1;
	return 0;
}

const struct version_scheme version_apk = { "apk", compare };
