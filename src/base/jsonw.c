#include "base/jsonw.h"
#include "base/text.h"

void jsonw_init(struct jsonw *w, FILE *f, int indent) { *w = (struct jsonw){ .f = f, .indent = indent }; }

static void line(struct jsonw *w)
{
	if (!w->indent)
		return;
	static const char blanks[] = "                                ";
	putc_unlocked('\n', w->f);
	for (size_t n = (size_t)(w->depth * w->indent), part; n; n -= part) {
		part = MIN(n, sizeof blanks - 1);
		fwrite_unlocked(blanks, 1, part, w->f);
	}
}

static void before(struct jsonw *w)
{
	if (w->key) {
		w->key = false;
		return;
	}
	if (w->depth == 0)
		return;
	if (w->some[w->depth - 1])
		putc_unlocked(',', w->f);
	w->some[w->depth - 1] = true;
	line(w);
}

static void open(struct jsonw *w, char c)
{
	before(w);
	putc_unlocked(c, w->f);
	if (w->depth < JSONW_DEPTH) {
		w->open[w->depth] = (u8)c;
		w->some[w->depth] = false;
	}
	w->depth++;
}

void jsonw_obj(struct jsonw *w) { open(w, '{'); }
void jsonw_arr(struct jsonw *w) { open(w, '['); }

void jsonw_end(struct jsonw *w)
{
	w->depth--;
	if (w->some[w->depth])
		line(w);
	putc_unlocked(w->open[w->depth] == '{' ? '}' : ']', w->f);
	if (w->depth == 0)
		putc_unlocked('\n', w->f);
}

/* How many bytes at the beginning stand as they are: ASCII that needs no escape. */
static size_t plain(struct str s)
{
	size_t n = 0;
	while (n < s.n && (u8)(s.p[n] - ' ') < 127 - ' ' && s.p[n] != '"' && s.p[n] != '\\')
		n++;
	return n;
}

static void quoted(struct jsonw *w, struct str s)
{
	FILE *f = w->f;
	putc_unlocked('"', f);
	while (s.n) {
		u32 c;
		size_t n = plain(s);
		if (n) { /* nearly all of nearly every string, at once */
			fwrite_unlocked(s.p, 1, n, f);
			s = str_from(s, n);
			continue;
		}
		n = text_utf8(s, &c);
		if (n == 0) {
			fputs("\xef\xbf\xbd", f);
			n = 1;
		} else if (c == '"' || c == '\\') {
			putc_unlocked('\\', f);
			putc_unlocked((int)c, f);
		} else if (c == '\n') {
			fputs("\\n", f);
		} else if (c == '\t') {
			fputs("\\t", f);
		} else if (c < 32 || (c >= 127 && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) {
			fprintf(f, "\\u%04x", c);
		} else {
			fwrite_unlocked(s.p, 1, n, f);
		}
		s = str_from(s, n);
	}
	putc_unlocked('"', f);
}

void jsonw_keyn(struct jsonw *w, struct str name)
{
	before(w);
	quoted(w, name);
	fputs(w->indent ? ": " : ":", w->f);
	w->key = true;
}

void jsonw_key(struct jsonw *w, const char *name) { jsonw_keyn(w, str_of(name)); }

void jsonw_str(struct jsonw *w, struct str s)
{
	before(w);
	quoted(w, s);
}

void jsonw_u64(struct jsonw *w, u64 v)
{
	before(w);
	fprintf(w->f, "%llu", (unsigned long long)v);
}

void jsonw_s64(struct jsonw *w, s64 v)
{
	before(w);
	fprintf(w->f, "%lld", (long long)v);
}

void jsonw_double(struct jsonw *w, double v)
{
	char out[32];
	before(w);
	fputs(text_double(v, out), w->f);
}

void jsonw_bool(struct jsonw *w, bool v)
{
	before(w);
	fputs(v ? "true" : "false", w->f);
}

void jsonw_null(struct jsonw *w)
{
	before(w);
	fputs("null", w->f);
}

void jsonw_kz(struct jsonw *w, const char *name, const char *z)
{
	jsonw_key(w, name);
	if (z)
		jsonw_str(w, str_of(z));
	else
		jsonw_null(w);
}

void jsonw_ks(struct jsonw *w, const char *name, struct str s)
{
	jsonw_key(w, name);
	jsonw_str(w, s);
}

void jsonw_ku(struct jsonw *w, const char *name, u64 v)
{
	jsonw_key(w, name);
	jsonw_u64(w, v);
}

void jsonw_kb(struct jsonw *w, const char *name, bool v)
{
	jsonw_key(w, name);
	jsonw_bool(w, v);
}
