#include "rule/baseline.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/jsonw.h"

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }

/* Runs of white space, with the continuation before a line's end, become one blank. */
static void normalise(struct buf *out, struct str s)
{
	bool blank = false;
	for (size_t i = 0; i < s.n; i++) {
		size_t k = i + 1;
		if (s.p[i] == '\\' || s.p[i] == '`')
			while (k < s.n && (s.p[k] == ' ' || s.p[k] == '\t' || s.p[k] == '\r'))
				k++;
		if (is_blank(s.p[i]) || ((s.p[i] == '\\' || s.p[i] == '`') && k < s.n && s.p[k] == '\n')) {
			blank = out->n > 0;
			continue;
		}
		if (blank)
			buf_putc(out, ' ');
		blank = false;
		buf_putc(out, s.p[i]);
	}
}

static struct str clean_path(struct str s)
{
	while (str_starts(s, STR("./")))
		s = str_from(s, 2);
	return s;
}

static u64 fingerprint_of(struct str file, struct str rule, struct str text)
{
	struct buf b = BUF(0);
	buf_add(&b, file);
	buf_putc(&b, '\0');
	buf_add(&b, rule);
	buf_putc(&b, '\0');
	buf_add(&b, text);
	u64 h = hash64(buf_str(&b), 0);
	buf_free(&b);
	return h;
}

static u32 slot_of(const struct baseline *b, u64 fingerprint, struct str file, struct str rule)
{
	u32 at = (u32)hash64(str_n(&fingerprint, sizeof fingerprint), hash_seed) & (b->size - 1);
	for (; b->table[at]; at = (at + 1) & (b->size - 1)) {
		const struct baseline_entry *e = &b->v[b->table[at] - 1];
		if (e->fingerprint == fingerprint && str_eq(e->rule, rule) && str_eq(e->file, file))
			break;
	}
	return at;
}

static void grow(struct baseline *b)
{
	u32 size = b->size ? b->size * 2 : 256;
	free(b->table);
	b->table = xcalloc(size, sizeof *b->table);
	b->size = size;
	for (u32 i = 0; i < b->n; i++)
		b->table[slot_of(b, b->v[i].fingerprint, b->v[i].file, b->v[i].rule)] = i + 1;
}

static struct baseline_entry *entry(struct baseline *b, u64 fingerprint, struct str file, struct str rule, struct str text)
{
	if (b->n * 2 >= b->size)
		grow(b);
	u32 at = slot_of(b, fingerprint, file, rule);
	if (!b->table[at]) {
		struct baseline_entry e = { { arena_strdup(&b->arena, file), file.n }, { arena_strdup(&b->arena, rule), rule.n }, { arena_strdup(&b->arena, text), text.n }, fingerprint, 0, 0 };
		VEC_PUSH(b->v, b->n, b->cap, e);
		b->table[at] = b->n;
	}
	return &b->v[b->table[at] - 1];
}

/* --- the file --- */
static bool parse_hex(const char *s, u64 *ret)
{
	u64 v = 0;
	size_t n = 0;
	for (; s[n]; n++) {
		char c = s[n];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
		if (d < 0)
			return false;
		v = v << 4 | (u64)d;
	}
	*ret = v;
	return n == 16;
}

static int read_entries(const json_t *doc, struct baseline *b, struct error *err)
{
	u64 version;
	const json_t *list = json_arr(doc, "findings");
	if (!json_u64(doc, "pare_baseline", &version) || version != 1 || !list)
		return error_set(err, ERR_USAGE, "no baseline of version 1");
	size_t n = json_array_size(list);
	if (n > BASELINE_FINDINGS)
		return error_set(err, ERR_USAGE, "over %u findings", (u32)BASELINE_FINDINGS);
	for (size_t i = 0; i < n; i++) {
		const json_t *x = json_array_get(list, i);
		const char *hex = json_text(x, "fingerprint");
		struct str file = json_view(x, "file"), rule = json_view(x, "rule"), text = json_view(x, "text");
		u64 fingerprint, count = 1;
		if (!hex || !file.p || !rule.p || !parse_hex(hex, &fingerprint) || (json_object_get(x, "count") && !json_u64(x, "count", &count)))
			return error_set(err, ERR_USAGE, "finding %zu: wants file, rule and a fingerprint of 16 hexadecimal digits", i + 1);
		entry(b, fingerprint, file, rule, text.p ? text : STR(""))->count += (u32)MIN(count, (u64)BASELINE_FINDINGS);
	}
	return 0;
}

int baseline_load(const char *path, struct baseline *ret, struct error *err)
{
	struct buf text = BUF(JSON_BYTES);
	struct baseline b = { 0 };
	int status = file_read(path, JSON_BYTES, &text, err);
	if (status == 0) {
		autojson json_t *doc = json_read(buf_str(&text), path, err);
		status = !doc ? -1 : read_entries(doc, &b, err) < 0 ? error_wrap(err, "%s", path) : 0;
	}
	buf_free(&text);
	if (status < 0) {
		err->kind = ERR_USAGE;
		baseline_free(&b);
		return -1;
	}
	*ret = b;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct baseline_entry *x = a, *y = b;
	int c = str_cmp(x->file, y->file);
	if (!c)
		c = str_cmp(x->rule, y->rule);
	if (!c)
		c = str_cmp(x->text, y->text);
	return c ? c : (x->fingerprint > y->fingerprint) - (x->fingerprint < y->fingerprint);
}

void baseline_write(FILE *f, struct baseline *b)
{
	struct jsonw w;
	if (b->n)
		qsort(b->v, b->n, sizeof *b->v, by_place);
	free(b->table);
	b->table = NULL;
	b->size = 0;
	jsonw_init(&w, f, 1);
	jsonw_obj(&w);
	jsonw_ku(&w, "pare_baseline", 1);
	jsonw_key(&w, "findings");
	jsonw_arr(&w);
	for (u32 i = 0; i < b->n; i++) {
		char hex[17];
		snprintf(hex, sizeof hex, "%016llx", (unsigned long long)b->v[i].fingerprint);
		jsonw_obj(&w);
		jsonw_ks(&w, "file", b->v[i].file);
		jsonw_ks(&w, "rule", b->v[i].rule);
		jsonw_ks(&w, "text", b->v[i].text);
		jsonw_kz(&w, "fingerprint", hex);
		jsonw_ku(&w, "count", b->v[i].count);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
}

/* --- asking --- */
static struct baseline_entry *entry_of(struct baseline *b, struct str file, struct str rule, struct str text)
{
	struct buf n = BUF(0);
	normalise(&n, text);
	file = clean_path(file);
	struct str shown = buf_str(&n);
	if (shown.n > 100) { /* whole characters */
		shown.n = 100;
		while (shown.n && ((u8)shown.p[shown.n] & 0xc0) == 0x80)
			shown.n--;
	}
	struct baseline_entry *e = entry(b, fingerprint_of(file, rule, buf_str(&n)), file, rule, shown);
	buf_free(&n);
	return e;
}

bool baseline_take(struct baseline *b, struct str file, struct str rule, struct str text)
{
	struct baseline_entry *e = entry_of(b, file, rule, text);
	if (e->taken >= e->count)
		return false;
	e->taken++;
	return true;
}

void baseline_add(struct baseline *b, struct str file, struct str rule, struct str text) { entry_of(b, file, rule, text)->count++; }

u32 baseline_gone(const struct baseline *b)
{
	u32 n = 0;
	for (u32 i = 0; i < b->n; i++)
		n += b->v[i].count - MIN(b->v[i].taken, b->v[i].count);
	return n;
}

void baseline_free(struct baseline *b)
{
	free(b->v);
	free(b->table);
	arena_free(&b->arena);
	*b = (struct baseline){ 0 };
}
