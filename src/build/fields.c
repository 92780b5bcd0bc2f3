/* fields.c — lists of key=value. */
#include "build/fields.h"
#include "base/buf.h"

/* One field, without its quotes ("" in them is one). */
static struct str cut(struct arena *a, struct str *rest)
{
	if (!rest->n || rest->p[0] != '"')
		return str_trim(str_cut(rest, ','));
	char *out = arena_alloc(a, rest->n);
	size_t n = 0, i = 1;
	for (; i < rest->n && (rest->p[i] != '"' || (i + 1 < rest->n && rest->p[i + 1] == '"')); i++) {
		i += rest->p[i] == '"';
		out[n++] = rest->p[i];
	}
	*rest = str_from(*rest, MIN(i + 1, rest->n));
	str_cut(rest, ','); /* nothing stands between the quote and the comma */
	return str_n(out, n);
}

bool field_next(struct arena *a, struct str *rest, struct field *ret)
{
	while (rest->p) {
		struct str value = cut(a, rest), key = str_trim(str_cut(&value, '='));
		if (!key.n && !value.p)
			continue;
		value = value.p ? str_trim(value) : value;
		*ret = (struct field){ key, value, arena_strdup(a, value.p ? value : STR("")) };
		return true;
	}
	return false;
}

int field_true(const struct field *f, bool *ret, struct error *err)
{
	if (f->value.p && !str_among(f->value, "true 1 false 0"))
		return error_set(err, ERR_USAGE, "%.*s=%.60s: true or false", STR_FMT(f->key), f->text);
	*ret = !f->value.p || str_among(f->value, "true 1");
	return 0;
}

const char *const *field_words(struct arena *a, const char *const *texts, u32 n)
{
	const char **v = NULL, **ret;
	u32 many = 0, cap = 0;
	for (u32 i = 0; i < n; i++)
		for (struct str rest = str_of(texts[i]); rest.p;) {
			struct str one = str_trim(str_cut(&rest, ','));
			if (one.n)
				VEC_PUSH(v, many, cap, arena_strdup(a, one));
		}
	ret = arena_array(a, const char *, many + 1u);
	if (many)
		memcpy(ret, v, many * sizeof *ret);
	free(v);
	return many ? ret : NULL;
}
