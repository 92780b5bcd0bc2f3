#include "slim/config.h"
#include "base/json.h"

/* The text was parsed before: here only strings and brackets need to be told apart. */
static size_t blank(struct str s, size_t i)
{
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\n' || s.p[i] == '\r'))
		i++;
	return i;
}

static size_t after_string(struct str s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return MIN(i + 1, s.n);
}

/* End of the value that starts at i. */
static size_t after_value(struct str s, size_t i)
{
	u32 depth = 0;
	while (i < s.n) {
		char c = s.p[i];
		if (c == '"') {
			i = after_string(s, i);
		} else {
			if ((c == ',' || c == '}' || c == ']') && depth == 0)
				return i;
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			i++;
		}
		if (depth == 0 && (c == '"' || c == '}' || c == ']'))
			return i;
	}
	return i;
}

struct span {
	size_t from, to; /* of a value; to 0: not found */
};

/* The member of the object at `object`; of several the last, as in the parser. */
static struct span member(struct str s, struct span object, const char *key)
{
	struct span found = { 0, 0 };
	size_t i = blank(s, object.from + 1);
	while (i < object.to && s.p[i] == '"') {
		size_t end = after_string(s, i);
		struct str name = str_n(s.p + i + 1, end - i - 2);
		i = blank(s, end);
		if (i >= object.to || s.p[i] != ':')
			break;
		size_t from = blank(s, i + 1), to = after_value(s, from);
		while (to > from && strchr(" \t\r\n", s.p[to - 1]))
			to--;
		if (str_is(name, key))
			found = (struct span){ from, to };
		i = blank(s, to);
		if (i < object.to && s.p[i] == ',')
			i = blank(s, i + 1);
	}
	return found;
}

static struct span element(struct str s, struct span array, s32 n)
{
	size_t i = blank(s, array.from + 1);
	for (s32 k = 0; i < array.to && s.p[i] != ']'; k++) {
		size_t to = after_value(s, i);
		if (k == n)
			return (struct span){ i, to };
		i = blank(s, to);
		if (i < array.to && s.p[i] == ',')
			i = blank(s, i + 1);
	}
	return (struct span){ 0, 0 };
}

static json_t *new_ids(const struct config_change *c)
{
	json_t *ids = json_array();
	for (u32 i = 0; i < c->n; i++)
		json_array_append_new(ids, json_string(DIGEST_STR(&c->diff_ids[i])));
	return ids;
}

static json_t *wanted(const struct image *img, const struct config_change *c)
{
	json_t *doc = img->config_doc ? json_deep_copy(img->config_doc) : json_object();
	if (!img->config_doc) {
		struct platform p = platform_host();
		json_object_set_new(doc, "architecture", json_string(p.arch));
		json_object_set_new(doc, "os", json_string(p.os));
		json_object_set_new(doc, "config", json_object());
	}
	json_t *rootfs = json_obj(doc, "rootfs");
	if (!rootfs) {
		rootfs = json_object();
		json_object_set_new(rootfs, "type", json_string("layers"));
		json_object_set_new(doc, "rootfs", rootfs);
	}
	json_object_set_new(rootfs, "diff_ids", new_ids(c));
	json_t *history = json_arr(doc, "history");
	for (u32 i = 0; i < c->n_emptied; i++)
		json_object_set_new(json_array_get(history, (size_t)c->emptied[i]), "empty_layer", json_true());
	for (u32 i = 0; history && i < c->n_added; i++) {
		json_t *h = json_pack("{ss ss*}", "created_by", c->added[i].created_by, "comment", c->added[i].comment);
		json_array_insert_new(history, c->before < 0 ? json_array_size(history) : (size_t)c->before + i, h);
	}
	return doc;
}

/* Copies text up to `to`, then what stands there instead. */
static void upto(struct buf *out, struct str text, size_t *at, size_t to, const char *instead)
{
	buf_add(out, str_n(text.p + *at, to - *at));
	buf_puts(out, instead);
	*at = to;
}

static void put_added(struct buf *out, const struct config_change *c, const char *between, const char *behind)
{
	for (u32 i = 0; i < c->n_added; i++) {
		buf_printf(out, "%s{\"created_by\":\"%s\"", i ? "," : between, c->added[i].created_by);
		if (c->added[i].comment)
			buf_printf(out, ",\"comment\":\"%s\"", c->added[i].comment);
		buf_puts(out, "}");
	}
	buf_puts(out, behind);
}

static void edit_history(struct str text, struct span history, const struct config_change *c, size_t *at, struct buf *out)
{
	bool put = !c->n_added || !history.to;
	for (u32 i = 0; history.to && i <= c->n_emptied; i++) {
		if (!put && c->before >= 0 && (i == c->n_emptied || c->emptied[i] > c->before)) {
			struct span h = element(text, history, c->before);
			if (!h.to)
				return;
			upto(out, text, at, h.from, "");
			put_added(out, c, "", ",");
			put = true;
		}
		if (i == c->n_emptied)
			break;
		struct span h = element(text, history, c->emptied[i]);
		if (!h.to || text.p[h.from] != '{')
			return;
		struct span empty = member(text, h, "empty_layer");
		if (empty.to) {
			upto(out, text, at, empty.from, "true");
			*at = empty.to;
		} else {
			bool none = text.p[blank(text, h.from + 1)] == '}';
			upto(out, text, at, h.to - 1, none ? "\"empty_layer\":true" : ",\"empty_layer\":true");
		}
	}
	if (!put) {
		upto(out, text, at, history.to - 1, "");
		put_added(out, c, text.p[blank(text, history.from + 1)] == ']' ? "" : ",", "");
	}
}

static void edit(struct str text, const struct config_change *c, struct buf *out)
{
	size_t start = blank(text, 0), at = 0;
	struct span doc = { start, text.n }, rootfs = member(text, doc, "rootfs"), history = member(text, doc, "history");
	struct span ids = rootfs.to ? member(text, rootfs, "diff_ids") : rootfs;
	if (history.to && history.from < ids.from)
		edit_history(text, history, c, &at, out);
	if (ids.to) {
		autojson json_t *list = new_ids(c);
		char *dump = json_dumps(list, JSON_COMPACT);
		upto(out, text, &at, ids.from, dump ? dump : "");
		at = ids.to;
		free(dump);
	}
	if (history.to && history.from >= ids.to)
		edit_history(text, history, c, &at, out);
	buf_add(out, str_from(text, at));
}

void config_rewrite(const struct image *img, struct str text, const struct config_change *c, struct buf *out)
{
	autojson json_t *want = wanted(img, c);
	if (img->config_doc && text.n) {
		edit(text, c, out);
		autojson json_t *got = json_read(buf_str(out), "configuration", NULL);
		if (got && json_equal(got, want))
			return;
	}
	/* An odd spelling (escaped or repeated keys): written anew, its values and their order as they were. */
	char *dump = json_dumps(want, JSON_COMPACT);
	buf_clear(out);
	buf_puts(out, dump ? dump : "{}");
	free(dump);
}

bool config_same(const json_t *a, const json_t *b)
{
	if (!a || !b)
		return false;
	autojson json_t *x = json_copy((json_t *)(uintptr_t)a), *y = json_copy((json_t *)(uintptr_t)b);
	static const char *const own[] = { "rootfs", "history" };
	for (size_t i = 0; i < countof(own); i++) {
		json_object_del(x, own[i]);
		json_object_del(y, own[i]);
	}
	return json_equal(x, y);
}
