/* The bytes are a Dockerfile; then each line of it is a text of words. */
#include "dockerfile/word.h"
#include "dockerfile_check.h"

static bool lookup(void *ctx, struct str name, struct str *ret)
{
	(void)ctx;
	if (name.n == 0 || name.p[0] == 'u')
		return false;
	*ret = name.p[0] == 'e' ? str_n("", 0) : name.p[0] == 's' ? STR(" a  b/c.d*") : name;
	return true;
}

static void words(struct str line, char escape)
{
	struct word_env env = { .lookup = lookup };
	static const struct word_options each[] = { { .escape = 0 }, { .raw_quotes = true, .raw_escapes = true, .skip_unset = true } };
	for (u32 k = 0; k < countof(each); k++) {
		struct word_options opt = each[k];
		opt.escape = escape;
		struct arena a = { 0 };
		struct error err = { 0 }, other = { 0 };
		struct str whole;
		struct word_place *v;
		u32 n;
		int r = word_expand(&a, line, &opt, &env, &whole, &err);
		int q = word_split_places(&a, line, &opt, &env, &v, &n, &other);
		HOLDS((r < 0) == (err.text[0] != 0) && (r < 0) == (q < 0));
		for (u32 i = 0; q == 0 && i < n; i++)
			HOLDS(v[i].s.n && v[i].at < v[i].end && v[i].end <= line.n && (i == 0 || v[i].at >= v[i - 1].at));
		arena_free(&a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct df_file f;
	struct error err = { 0 };
	struct str text = str_n(data, size);
	if (df_parse(text, &f, &err) < 0)
		return 0;
	check_file(&f);
	char escape = f.escape;
	df_free(&f);
	for (u32 i = 0; text.p && text.n && i < 50; i++)
		words(str_cut(&text, '\n'), escape);
	return 0;
}
