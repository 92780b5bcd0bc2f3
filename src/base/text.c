#include "base/text.h"
#include <math.h>
#include <time.h>
#include <wchar.h>

const char *text_size(u64 bytes, char out[16])
{
	static const char *const unit[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t u = 0;
	while (v >= 999.5 && u + 1 < countof(unit))
		v /= 1000, u++;
	if (u == 0)
		snprintf(out, 16, "%d B", (int)bytes);
	else
		snprintf(out, 16, "%.*f %s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, unit[u]);
	return out;
}

const char *text_count(u64 n, char out[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	char *o = out;
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*o++ = ',';
		*o++ = digits[i];
	}
	*o = '\0';
	return out;
}

bool text_parse_size(struct str s, u64 *bytes)
{
	s = str_trim(s);
	char num[32];
	size_t n = 0, dots = 0;
	while (n < s.n && n < sizeof num - 1 && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.')) {
		dots += s.p[n] == '.';
		num[n] = s.p[n];
		n++;
	}
	num[n] = '\0';
	if (n == 0 || dots > 1 || (n == 1 && dots))
		return false;
	struct str unit = str_from(s, n);
	if (unit.n && unit.p[0] == ' ')
		unit = str_from(unit, 1);
	double mul = 1;
	if (unit.n) {
		static const char letters[] = "kmgtpe";
		char c = (char)(unit.p[0] | 32);
		const char *at = strchr(letters, c);
		if (c == 'b') {
			if (unit.n != 1)
				return false;
		} else if (!at || c == '\0') {
			return false;
		} else {
			struct str rest = str_from(unit, 1);
			bool binary = str_ieq(rest, STR("ib")) || str_ieq(rest, STR("i"));
			if (rest.n && !binary && !str_ieq(rest, STR("b")))
				return false;
			for (; at >= letters; at--)
				mul *= binary ? 1024 : 1000;
		}
	}
	double v = strtod(num, NULL) * mul;
	if (!(v < 9.2e18))
		return false;
	*bytes = (u64)v;
	return true;
}

size_t text_utf8(struct str s, u32 *code)
{
	if (s.n == 0)
		return 0;
	const u8 *p = (const u8 *)s.p;
	u8 c = p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	if (n == 0 || n > s.n)
		return 0;
	u32 v = n == 1 ? c : (u32)(c & (0xff >> (n + 1)));
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (v < 0x800 || (v >= 0xd800 && v < 0xe000))) || (n == 4 && (v < 0x10000 || v > 0x10ffff)))
		return 0;
	*code = v;
	return n;
}

static bool reorders(u32 c) { return c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069); }

static void hex(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_printf(out, "\\x%02x", (unsigned)(u8)s.p[i]);
}

static void escape(struct buf *out, struct str s, bool tsv)
{
	while (s.n) {
		u32 c;
		size_t n = text_utf8(s, &c);
		if (n == 0)
			n = 1, c = 0x80; /* a byte that is no UTF-8: as a C1 control */
		struct str one = str_head(s, n);
		if (c == '\t')
			buf_puts(out, "\\t");
		else if (c == '\n')
			buf_puts(out, "\\n");
		else if (c == '\\' && tsv)
			buf_puts(out, "\\\\");
		else if (c < 32 || c == 127 || (c >= 0x80 && c < 0xa0) || (!tsv && reorders(c)))
			hex(out, one);
		else
			buf_add(out, one);
		s = str_from(s, n);
	}
}

void text_safe(struct buf *out, struct str s) { escape(out, s, false); }

void text_hide_passwords(struct buf *out, struct str s)
{
	for (const char *at; (at = str_find(s, STR("://")));) {
		size_t from = (size_t)(at - s.p) + 3, end = from, host = from;
		for (; end < s.n && !strchr("/?# \t\r\n\"'<>", s.p[end]); end++)
			host = s.p[end] == '@' ? end : host;
		bool hide = host > from && (str_chr(str_n(s.p + from, host - from), ':') || !str_ends(str_head(s, from), STR("ssh://")));
		buf_add(out, str_head(s, from));
		buf_puts(out, hide ? "***" : "");
		s = str_from(s, hide ? host : from);
	}
	buf_add(out, s);
}

void text_markdown(struct buf *out, struct str s)
{
	struct buf safe = BUF(0);
	text_safe(&safe, s);
	for (size_t i = 0; i < safe.n; i++) {
		char c = safe.p[i];
		if (c == '<')
			buf_puts(out, "&lt;");
		else if (c == '&')
			buf_puts(out, "&amp;");
		else if (strchr("\\`*_[]|~#>@!", c))
			buf_printf(out, "\\%c", c);
		else
			buf_putc(out, c);
	}
	buf_free(&safe);
}

void text_xml(struct buf *out, struct str s, bool attribute)
{
	struct buf clean = BUF(0);
	text_safe(&clean, s);
	for (struct str rest = buf_str(&clean); rest.n;) {
		u32 c = 0;
		size_t n = text_utf8(rest, &c);
		n = n ? n : 1;
		if (c == '<')
			buf_puts(out, "&lt;");
		else if (c == '&')
			buf_puts(out, "&amp;");
		else if (c == '>' && !attribute)
			buf_puts(out, "&gt;");
		else if (c == '"' && attribute)
			buf_puts(out, "&quot;");
		else if (c == 0xfffe || c == 0xffff)
			buf_puts(out, "\xef\xbf\xbd");
		else
			buf_add(out, str_head(rest, n));
		rest = str_from(rest, n);
	}
	buf_free(&clean);
}

void text_tsv(struct buf *out, struct str s) { escape(out, s, true); }

static size_t columns(u32 c)
{
	if (c < 0x300)
		return 1;
	if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x1ab0 && c < 0x1b00) || (c >= 0x20d0 && c < 0x2100))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
	    (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
		return 2;
	return 1;
}

size_t text_width(struct str s)
{
	size_t w = 0;
	while (s.n) {
		u32 c;
		size_t n = text_utf8(s, &c);
		w += n ? columns(c) : 1;
		s = str_from(s, n ? n : 1);
	}
	return w;
}

void text_fit(struct buf *out, struct str safe, size_t width, bool tail)
{
	size_t w = text_width(safe);
	if (w <= width) {
		buf_add(out, safe);
		return;
	}
	if (width == 0)
		return;
	u32 c;
	if (tail) {
		while (safe.n && w > width - 1) {
			size_t n = text_utf8(safe, &c);
			w -= n ? columns(c) : 1;
			safe = str_from(safe, n ? n : 1);
		}
		buf_puts(out, "…");
		buf_add(out, safe);
		return;
	}
	size_t have = 0, i = 0;
	while (i < safe.n) {
		size_t n = text_utf8(str_from(safe, i), &c), k = n ? columns(c) : 1;
		if (have + k > width - 1)
			break;
		have += k;
		i += n ? n : 1;
	}
	buf_add(out, str_head(safe, i));
	buf_puts(out, "…");
}

void text_put(FILE *f, struct str s, size_t width, bool tail, bool pad)
{
	struct buf clean = BUF(0), fit = BUF(0);
	text_safe(&clean, s);
	text_fit(&fit, buf_str(&clean), width, tail);
	if (fit.n)
		fwrite(fit.p, 1, fit.n, f);
	for (size_t w = pad ? text_width(buf_str(&fit)) : width; w < width; w++)
		putc(' ', f);
	buf_free(&clean);
	buf_free(&fit);
}

const char *text_double(double v, char out[32])
{
	if (!isfinite(v)) {
		memcpy(out, "null", 5);
		return out;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, 32, "%.*g", digits, v);
		if (digits == 17 || strtod(out, NULL) == v) /* NOLINT: exact on purpose */
			break;
	}
	return out;
}

const char *text_time(s64 t, char out[40])
{
	struct tm tm;
	time_t tt = (time_t)t;
	if (!gmtime_r(&tt, &tm) || strftime(out, 40, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(out, 40, "%lld", (long long)t);
	return out;
}

static bool digits(const char *z, size_t n, int *v)
{
	*v = 0;
	for (size_t i = 0; i < n; i++) {
		if (z[i] < '0' || z[i] > '9')
			return false;
		*v = *v * 10 + (z[i] - '0');
	}
	return true;
}

bool text_parse_time(const char *z, s64 *ret)
{
	struct tm t = { 0 };
	int hours, minutes;
	if (!z || strlen(z) < 20 || !digits(z, 4, &t.tm_year) || z[4] != '-' || !digits(z + 5, 2, &t.tm_mon) || z[7] != '-' || !digits(z + 8, 2, &t.tm_mday) || (z[10] | 0x20) != 't' ||
	    !digits(z + 11, 2, &t.tm_hour) || z[13] != ':' || !digits(z + 14, 2, &t.tm_min) || z[16] != ':' || !digits(z + 17, 2, &t.tm_sec))
		return false;
	if (t.tm_year < 1970 || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	*ret = (s64)timegm(&t);
	z += 19;
	if (*z == '.')
		for (z++; *z >= '0' && *z <= '9';)
			z++;
	if ((*z == '+' || *z == '-') && digits(z + 1, 2, &hours) && z[3] == ':' && digits(z + 4, 2, &minutes))
		*ret -= (*z == '-' ? -1 : 1) * (s64)(hours * 3600 + minutes * 60);
	return *ret >= 0;
}
