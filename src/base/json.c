#include "base/json.h"
#include "base/buf.h"
#include "base/text.h"

void json_decref_p(json_t **j) { json_decref(*j); }

/* jansson recurses: the depth is bounded before it sees the text. */
static bool too_deep(struct str s)
{
	int depth = 0;
	bool in = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (in) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in = false;
		} else if (c == '"') {
			in = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_NESTED)
				return true;
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return false;
}

static bool valid_utf8(struct str s)
{
	while (s.n) {
		u32 c;
		u64 word;
		if (s.n >= sizeof word) { /* nearly all of a document is ASCII: eight at once */
			memcpy(&word, s.p, sizeof word);
			if (!(word & 0x8080808080808080u)) {
				s = str_from(s, sizeof word);
				continue;
			}
		}
		size_t n = text_utf8(s, &c);
		if (n == 0)
			return false;
		s = str_from(s, n);
	}
	return true;
}

json_t *json_read(struct str text, const char *name, struct error *err) { return json_read_limit(text, JSON_BYTES, name, err); }

json_t *json_read_limit(struct str text, size_t limit, const char *name, struct error *err)
{
	struct buf fixed = BUF(0);
	if (text.n > limit) {
		error_set(err, ERR_INPUT, "%s: over %llu MiB", name, (unsigned long long)(limit / MiB));
		return NULL;
	}
	if (too_deep(text)) {
		error_set(err, ERR_INPUT, "%s: nested more than %d deep", name, JSON_NESTED);
		return NULL;
	}
	if (!valid_utf8(text)) {
		for (struct str s = text; s.n;) {
			u32 c;
			size_t n = text_utf8(s, &c);
			if (n)
				buf_add(&fixed, str_head(s, n));
			else
				buf_puts(&fixed, "\xef\xbf\xbd");
			s = str_from(s, n ? n : 1);
		}
		text = buf_str(&fixed);
	}
	json_error_t e;
	json_t *j = json_loadb(text.p, text.n, JSON_ALLOW_NUL, &e);
	buf_free(&fixed);
	if (!j)
		error_set(err, ERR_INPUT, "%s: not JSON: %s (line %d, column %d)", name, e.text, e.line, e.column);
	return j;
}

const char *json_text(const json_t *obj, const char *key) { return json_string_value(json_object_get(obj, key)); }

struct str json_view(const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	return json_is_string(v) ? str_n(json_string_value(v), json_string_length(v)) : (struct str){ NULL, 0 };
}

bool json_u64(const json_t *obj, const char *key, u64 *out)
{
	const json_t *v = json_object_get(obj, key);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return false;
	*out = (u64)json_integer_value(v);
	return true;
}

json_t *json_arr(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);
	return json_is_array(v) ? v : NULL;
}

json_t *json_obj(const json_t *obj, const char *key)
{
	json_t *v = json_object_get(obj, key);
	return json_is_object(v) ? v : NULL;
}
