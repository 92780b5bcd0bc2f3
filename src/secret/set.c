#include "secret/set.h"

pcre2_code *secret_compile(const char *pattern, u32 options, struct error *err)
{
	int code;
	PCRE2_SIZE at;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(context, 100);
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, context);
	pcre2_compile_context_free(context);
	if (!re) {
		char why[128] = "";
		pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
		error_set(err, ERR_USAGE, "%s at character %zu of '%.200s'", why, (size_t)at, pattern);
		return NULL;
	}
	pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without it it is slower, no more */
	return re;
}

struct ready_rule *secret_set_add(struct secret_set *s, const struct secret_rule *rule)
{
	if (s->n_rules == s->cap_rules) {
		u32 cap = s->cap_rules ? s->cap_rules * 2 : 512;
		struct ready_rule *more = xcalloc(cap, sizeof *more);
		for (u32 i = 0; i < s->n_rules; i++)
			more[i] = s->rules[i];
		free(s->rules);
		s->rules = more;
		s->cap_rules = cap;
	}
	struct ready_rule *r = &s->rules[s->n_rules++];
	memset(r, 0, sizeof *r);
	r->rule = rule;
	return r;
}

/* One word of one rule, on the way to the table of words. */
struct pair {
	struct str word;
	bool caseless;
	u32 rule;
};

static int by_word(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int d = str_cmp(x->word, y->word);
	return d ? d : x->caseless != y->caseless ? (x->caseless ? 1 : -1) : x->rule < y->rule ? -1 : x->rule > y->rule;
}

static bool caseless(const struct secret_rule *r)
{
	return r->shape == SECRET_TEXT || r->shape == SECRET_SEARCHED || (r->shape == SECRET_ASSIGNED && !(r->flags & SECRET_CASED));
}

static hs_database_t *compile_words(const struct words *words)
{
	const char **texts = xcalloc(words->n, sizeof *texts);
	unsigned *flags = xcalloc(words->n, sizeof *flags), *ids = xcalloc(words->n, sizeof *ids);
	size_t *lens = xcalloc(words->n, sizeof *lens);
	for (u32 w = 0; w < words->n; w++) {
		texts[w] = words->v[w].text.p;
		lens[w] = words->v[w].text.n;
		flags[w] = words->v[w].caseless ? HS_FLAG_CASELESS : 0;
		ids[w] = w;
	}
	hs_database_t *db = NULL;
	hs_compile_error_t *why = NULL;
	if (hs()->compile_lit_multi(texts, flags, ids, lens, words->n, HS_MODE_BLOCK, NULL, &db, &why) != HS_SUCCESS)
		abort(); /* words of any bytes can be compiled: there is no memory */
	free(texts);
	free(flags);
	free(ids);
	free(lens);
	return db;
}

static void make_db(struct words *w)
{
	if (!w->db)
		w->db = compile_words(w);
	pthread_mutex_unlock(&w->lock);
}

hs_database_t *secret_words_db(struct secret_set *s, struct words *w)
{
	struct words *other = w == &s->all ? &s->strong : &s->all;
	if (w->db || !w->n)
		return w->db;
	if (pthread_mutex_trylock(&w->lock) != 0) {
		if (other->n && !other->db && pthread_mutex_trylock(&other->lock) == 0)
			make_db(other);
		pthread_mutex_lock(&w->lock);
	}
	make_db(w);
	return w->db;
}

static void gather_words(struct secret_set *s, const struct pair *pairs, u32 n_pairs, bool weak, struct words *ret)
{
	const struct pair *last = NULL;
	u32 n = 0;
	ret->v = arena_array(&s->arena, struct word, n_pairs + 1);
	ret->rules = arena_array(&s->arena, u32, n_pairs + 1);
	for (u32 i = 0; i < n_pairs; i++) {
		const struct pair *p = &pairs[i];
		if (!weak && s->rules[p->rule].rule->flags & SECRET_WEAK)
			continue;
		if (!last || !str_eq(p->word, last->word) || p->caseless != last->caseless)
			ret->v[ret->n++] = (struct word){ .first = n, .text = p->word, .caseless = p->caseless };
		ret->v[ret->n - 1].n++;
		ret->rules[n++] = p->rule;
		last = p;
	}
}

static void ready(struct secret_set *s)
{
	struct pair *pairs = NULL;
	u32 n = 0, cap = 0;
	s->everywhere = arena_array(&s->arena, u32, s->n_rules + 1);
	s->of_paths = arena_array(&s->arena, u32, s->n_rules + 1);
	for (u32 i = 0; i < s->n_rules; i++) {
		const struct secret_rule *r = s->rules[i].rule;
		struct str rest = str_of(r->keywords);
		if (r->shape == SECRET_PATH)
			s->of_paths[s->n_of_paths++] = i;
		else if (!r->keywords || !*r->keywords)
			s->everywhere[s->n_everywhere++] = i;
		while (r->shape != SECRET_PATH && r->keywords && rest.p) {
			struct str word = str_cut(&rest, strchr(r->keywords, '\n') ? '\n' : ' ');
			struct pair p = { word, caseless(r), i };
			if (word.n)
				VEC_PUSH(pairs, n, cap, p);
		}
	}
	if (n)
		qsort(pairs, n, sizeof *pairs, by_word);
	gather_words(s, pairs, n, true, &s->all);
	gather_words(s, pairs, n, false, &s->strong);
	free(pairs);
}

static struct secret_set *blank(void)
{
	struct secret_set *s = xcalloc(1, sizeof *s);
	pthread_mutex_init(&s->all.lock, NULL);
	pthread_mutex_init(&s->strong.lock, NULL);
	return s;
}

static int finish(struct secret_set *s, int status, struct secret_set **ret)
{
	if (status < 0) {
		secret_set_free(s);
		return -1;
	}
	ready(s);
	*ret = s;
	return 0;
}

int secret_set_new(const char *gitleaks_file, struct secret_set **ret, struct error *err)
{
	struct secret_set *s = blank();
	if (gitleaks_file)
		return finish(s, secret_gitleaks_read(s, gitleaks_file, err), ret);
	s->defaults = true;
	for (u32 i = 0; i < secret_rules_n; i++)
		secret_set_add(s, &secret_rules[i]);
	return finish(s, 0, ret);
}

int secret_set_of(struct str gitleaks, struct secret_set **ret, struct error *err)
{
	struct secret_set *s = blank();
	return finish(s, secret_gitleaks_parse(s, gitleaks, err), ret);
}

static void codes_free(pcre2_code **v, u32 n)
{
	for (u32 i = 0; v && i < n; i++)
		pcre2_code_free(v[i]);
}

static void words_free(struct words *w)
{
	if (w->db)
		hs()->free_database(w->db);
	pthread_mutex_destroy(&w->lock);
}

void secret_set_free(struct secret_set *s)
{
	if (!s)
		return;
	for (u32 i = 0; i < s->n_rules; i++) {
		pcre2_code_free(s->rules[i].code);
		pcre2_code_free(s->rules[i].path_code);
	}
	for (u32 i = 0; i < s->n_allows; i++) {
		codes_free(s->allows[i].regex_codes, s->allows[i].n_regexes);
		codes_free(s->allows[i].path_codes, s->allows[i].n_paths);
	}
	words_free(&s->all);
	words_free(&s->strong);
	free(s->rules);
	free(s->allows);
	arena_free(&s->arena);
	free(s);
}

const struct secret_rule *secret_rule_get(const char *id)
{
	for (u32 i = 0; i < secret_rules_n; i++)
		if (strcmp(secret_rules[i].id, id) == 0)
			return &secret_rules[i];
	return NULL;
}
