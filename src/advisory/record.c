#include "advisory/record.h"
#include "base/hash.h"

const char *const fix_state_text[] = { "affected", "fixed", "under_investigation", "will_not_fix", "fix_deferred", "end_of_life", "not_affected", "unknown" };

#define RECORD_STRINGS 12u
#define BIT_BINARY (1u << 12)
#define STATE_SHIFT 13u /* three bits */
_Static_assert(FIX_UNKNOWN < 8, "a state takes three bits");

static void record_strings(const struct db_record *r, const struct str *package, const struct str *ret[RECORD_STRINGS])
{
	const struct str *all[RECORD_STRINGS] = { &r->id, package, &r->introduced, &r->fixed, &r->last_affected, &r->severity, &r->reason, &r->advisory, &r->module, &r->arches, &r->cpe, &r->source };
	memcpy(ret, all, sizeof all);
}

/* --- writing --- */
void encode_number(struct encoder *e, u64 n)
{
	while (n >= 0x80) {
		buf_putc(&e->out, (char)(0x80 | (n & 0x7f)));
		n >>= 7;
	}
	buf_putc(&e->out, (char)n);
}

static void put_string(struct encoder *e, struct str s)
{
	encode_number(e, s.n ? s.n * 2 + 1 : 0);
	buf_add(&e->out, s);
}

static u32 slot(const struct encoder *e, struct str s)
{
	u32 i = (u32)hash64(s, 1) & (e->cap - 1);
	while (e->table[i].n && !str_eq(str_n(e->out.p + e->table[i].at, e->table[i].n), s))
		i = (i + 1) & (e->cap - 1);
	return i;
}

static void grow(struct encoder *e)
{
	struct encoder old = *e;
	e->cap = e->cap ? e->cap * 2 : 256;
	e->table = xcalloc(e->cap, sizeof *e->table);
	for (u32 i = 0; i < old.cap; i++)
		if (old.table[i].n)
			e->table[slot(e, str_n(e->out.p + old.table[i].at, old.table[i].n))] = old.table[i];
	free(old.table);
}

void encode_string(struct encoder *e, struct str s, bool share)
{
	if (!share || s.n < 3 || s.n > UINT16_MAX) {
		put_string(e, s);
		return;
	}
	if (e->n * 2 >= e->cap)
		grow(e);
	u32 i = slot(e, s);
	if (e->table[i].n) {
		encode_number(e, (u64)e->table[i].token * 2);
		return;
	}
	u32 token = (u32)e->out.n;
	if (token == 0) { /* 2 * 0 is "": what begins the value cannot be named again */
		put_string(e, s);
		return;
	}
	put_string(e, s);
	e->table[i].token = token;
	e->table[i].at = (u32)(e->out.n - s.n);
	e->table[i].n = (u32)s.n;
	e->n++;
}

void encoder_clear(struct encoder *e)
{
	buf_clear(&e->out);
	if (e->n)
		memset(e->table, 0, e->cap * sizeof *e->table);
	e->n = 0;
}

void encoder_free(struct encoder *e)
{
	buf_free(&e->out);
	free(e->table);
	*e = (struct encoder){ 0 };
}

void encode_record(struct encoder *e, const struct db_record *r, struct str normal, bool share)
{
	const struct str *s[RECORD_STRINGS];
	struct str package = str_eq(r->package, normal) ? STR("") : r->package;
	record_strings(r, &package, s);
	u32 mask = (u32)r->state << STATE_SHIFT | (r->binary ? BIT_BINARY : 0);
	for (u32 i = 0; i < RECORD_STRINGS; i++)
		if (s[i]->n)
			mask |= 1u << i;
	buf_putc(&e->out, (char)(mask & 0xff));
	buf_putc(&e->out, (char)(mask >> 8));
	for (u32 i = 0; i < RECORD_STRINGS; i++)
		if (s[i]->n)
			encode_string(e, *s[i], share);
	encode_number(e, r->n_versions);
	for (u32 i = 0; i < r->n_versions; i++)
		encode_string(e, r->versions[i], share);
}

static void encode_list(struct encoder *e, const struct str *v, u32 n)
{
	encode_number(e, n);
	for (u32 i = 0; i < n; i++)
		encode_string(e, v[i], false);
}

void encode_vuln(struct encoder *e, const struct db_vuln *v)
{
	buf_putc(&e->out, (char)v->withdrawn);
	const struct str *const text[] = { &v->title, &v->description, &v->published, &v->modified, &v->severity };
	for (size_t i = 0; i < countof(text); i++)
		encode_string(e, *text[i], false);
	encode_list(e, v->aliases, v->n_aliases);
	encode_list(e, v->references, v->n_references);
	encode_list(e, v->cwes, v->n_cwes);
	encode_number(e, v->n_cvss);
	for (u32 i = 0; i < v->n_cvss; i++) {
		encode_string(e, v->cvss[i].source, true);
		encode_string(e, v->cvss[i].version, true);
		encode_string(e, v->cvss[i].vector, true);
		double score = v->cvss[i].score;
		encode_number(e, score > 0 && score <= 10 ? (u64)(score * 100 + 0.5) : 0);
	}
}

/* --- reading --- */
u64 decode_number(struct decoder *d)
{
	u64 n = 0;
	for (u32 shift = 0; shift < 63; shift += 7) {
		if (d->at >= d->all.n)
			break;
		u8 b = (u8)d->all.p[d->at++];
		n |= (u64)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return n;
	}
	d->bad = true;
	return 0;
}

static struct str bytes(struct decoder *d, u64 n)
{
	if (n > d->all.n - d->at)
		d->bad = true;
	if (d->bad)
		return STR("");
	struct str s = str_n(d->all.p + d->at, (size_t)n);
	d->at += (size_t)n;
	return s;
}

struct str decode_string(struct decoder *d)
{
	size_t from = d->at;
	u64 n = decode_number(d);
	if (d->bad || n == 0)
		return STR("");
	if (n & 1)
		return bytes(d, n >> 1);
	struct decoder there = { d->all, 0, false };
	if (n >> 1 >= from) {
		d->bad = true;
		return STR("");
	}
	there.at = (size_t)(n >> 1);
	n = decode_number(&there);
	struct str s = n & 1 ? bytes(&there, n >> 1) : STR(""); /* one that names another is none */
	d->bad = there.bad || !(n & 1);
	return s;
}

int decode_record(struct decoder *d, struct str ecosystem, struct str package, struct version_list *versions, struct db_record *ret)
{
	if (d->at == d->all.n)
		return 0;
	if (d->all.n - d->at < 3)
		return -1;
	u32 mask = (u32)(u8)d->all.p[d->at] | (u32)(u8)d->all.p[d->at + 1] << 8;
	d->at += 2;
	struct str s[RECORD_STRINGS];
	for (u32 i = 0; i < RECORD_STRINGS; i++)
		s[i] = mask & 1u << i ? decode_string(d) : STR("");
	u64 n = decode_number(d);
	if (d->bad || n > RANGE_MAX || n > d->all.n - d->at)
		return -1;
	if (n > versions->cap) {
		versions->cap = RANGE_MAX;
		versions->v = xrealloc(versions->v, RANGE_MAX * sizeof *versions->v);
	}
	for (u32 i = 0; i < n; i++)
		versions->v[i] = decode_string(d);
	if (d->bad)
		return -1;
	*ret = (struct db_record){
		.id = s[0], .ecosystem = ecosystem, .package = s[1].n ? s[1] : package, .introduced = s[2], .fixed = s[3], .last_affected = s[4], .severity = s[5],
		.reason = s[6], .advisory = s[7], .module = s[8], .arches = s[9], .cpe = s[10], .source = s[11], .versions = versions->v, .n_versions = (u32)n,
		.state = (enum fix_state)(mask >> STATE_SHIFT), .binary = mask & BIT_BINARY,
	};
	return 1;
}

static const struct str *decode_list(struct decoder *d, struct arena *a, u32 *n)
{
	u64 many = decode_number(d);
	*n = 0;
	if (d->bad || many > RANGE_MAX || many > d->all.n - d->at) {
		d->bad = true;
		return NULL;
	}
	struct str *v = many ? arena_array(a, struct str, (size_t)many) : NULL;
	for (u32 i = 0; i < many; i++)
		v[i] = decode_string(d);
	*n = (u32)many;
	return v;
}

bool decode_vuln(struct str value, struct arena *a, struct db_vuln *ret)
{
	struct decoder d = { value, 0, value.n == 0 };
	struct db_vuln v = { .withdrawn = value.n && value.p[0] };
	d.at = 1;
	struct str *const text[] = { &v.title, &v.description, &v.published, &v.modified, &v.severity };
	for (size_t i = 0; i < countof(text); i++)
		*text[i] = d.bad ? STR("") : decode_string(&d);
	if (d.bad)
		return false;
	v.aliases = decode_list(&d, a, &v.n_aliases);
	v.references = d.bad ? NULL : decode_list(&d, a, &v.n_references);
	v.cwes = d.bad ? NULL : decode_list(&d, a, &v.n_cwes);
	u64 n = d.bad ? 0 : decode_number(&d);
	if (d.bad || n > RANGE_MAX || n > d.all.n - d.at)
		return false;
	struct db_cvss *cvss = n ? arena_array(a, struct db_cvss, (size_t)n) : NULL;
	for (u32 i = 0; i < n && !d.bad; i++) {
		cvss[i].source = decode_string(&d);
		cvss[i].version = decode_string(&d);
		cvss[i].vector = decode_string(&d);
		cvss[i].score = (double)(decode_number(&d) % 1001) / 100;
	}
	v.cvss = cvss;
	v.n_cvss = (u32)n;
	if (!d.bad)
		*ret = v;
	return !d.bad;
}

/* --- keys --- */
void key_name(struct buf *key, struct str name)
{
	if (name.n <= DB_NAME_MAX) {
		buf_add(key, name);
		return;
	}
	struct hash128 h = hash_bytes(name);
	buf_add(key, str_head(name, DB_NAME_MAX - 33));
	buf_printf(key, "\x01%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
}

static bool ecosystem_in(struct str ecosystem, const char *const *names)
{
	const char *colon = str_chr(ecosystem, ':');
	return str_listed(colon ? str_head(ecosystem, (size_t)(colon - ecosystem.p)) : ecosystem, names);
}

void key_normal_name(struct buf *key, struct str ecosystem, struct str package)
{
	static const char *const lower[] = { "PyPI", "NuGet", "Packagist", "Go", "Hex", "Pub", "GitHub Actions", "Bitnami", NULL }, *const pypi[] = { "PyPI", NULL };
	if (!ecosystem_in(ecosystem, lower)) {
		key_name(key, package);
		return;
	}
	bool python = ecosystem_in(ecosystem, pypi), dash = false;
	struct buf name = BUF(0);
	for (size_t i = 0; i < package.n; i++) {
		char c = package.p[i];
		bool separates = python && (c == '-' || c == '_' || c == '.');
		if (!separates || !dash)
			buf_putc(&name, separates ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
		dash = separates;
	}
	key_name(key, buf_str(&name));
	buf_free(&name);
}
