#include "secret/check.h"
#include "secret/allow.h"
#include "secret/secret.h"
#include <ctype.h>
#include <libdeflate.h>
#include <math.h>

double secret_entropy(struct str s)
{
	u32 count[256] = { 0 };
	double bits = 0;
	for (size_t i = 0; i < s.n; i++)
		count[(u8)s.p[i]]++;
	for (u32 i = 0; i < 256; i++)
		if (count[i])
			bits -= (double)count[i] / (double)s.n * log2((double)count[i] / (double)s.n);
	return bits;
}

static bool alphabet(struct str s)
{
	u32 run = 1;
	for (size_t i = 1; i < s.n; i++) {
		run = (s.p[i] | 32) == (s.p[i - 1] | 32) + 1 && isalpha((u8)s.p[i]) ? run + 1 : 1;
		if (run >= 20)
			return true;
	}
	return false;
}

bool secret_made_up(struct str s)
{
	bool seen[256] = { false };
	u32 distinct = 0, same = 0, longest = 0;
	for (size_t i = 0; i < s.n; i++) {
		distinct += !seen[(u8)s.p[i]];
		seen[(u8)s.p[i]] = true;
		same = i && s.p[i] == s.p[i - 1] ? same + 1 : 1;
		longest = MAX(longest, same);
	}
	return distinct < MIN(s.n / 4 + 2, 8) || (longest >= 9 && longest * 2 > s.n) || str_contains(s, STR("EXAMPLE")) || str_contains(s,
	  STR("example")) || str_contains(s, STR("xxxxx")) || str_contains(s, STR("XXXXX")) || alphabet(s);
}

bool secret_sequence(struct str s)
{
	u32 steps = 0;
	for (size_t i = 1; i < s.n; i++)
		steps += s.p[i] == s.p[i - 1] + 1 || s.p[i] == s.p[i - 1] || (s.p[i] == '0' && s.p[i - 1] == '9');
	return s.n > 8 && steps * 5 > s.n * 2;
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

size_t secret_base64(struct str s, u8 *out, size_t max, size_t *used)
{
	size_t n = 0, i = 0;
	u32 bits = 0, have = 0;
	for (; i < s.n && n < max; i++) {
		char c = s.p[i];
		if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
			continue;
		if (c == '\\' && i + 1 < s.n && strchr("nrt\n", s.p[i + 1])) {
			i++;
			continue;
		}
		int d = base64_digit(c);
		if (d < 0)
			break;
		bits = bits << 6 | (u32)d;
		if ((have += 6) >= 8) {
			have -= 8;
			out[n++] = (u8)(bits >> have);
		}
	}
	if (used)
		*used = i;
	return n;
}

void secret_mask(struct str v, char masked[64])
{
	size_t shown = MIN(v.n / 5, 4);
	if (str_starts(v, STR("-----BEGIN "))) { /* what it is, is no secret */
		const char *end = str_find(str_from(v, 11), STR("-----"));
		shown = end ? MIN((size_t)(end - v.p) + 5, 40) : 11;
	}
	size_t n = 0;
	for (; n < shown && v.p[n] > ' ' - (shown > 4) && v.p[n] < 127; n++)
		masked[n] = v.p[n];
	snprintf(masked + n, 64 - n, "…(%zu characters)", v.n);
}

enum secret_trust check_crc62(struct str v)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *under = str_chr(v, '_');
	struct str body = under ? str_from(v, (size_t)(under - v.p) + 1) : v;
	if (body.n != 36)
		return SECRET_DOUBT;
	u32 crc = libdeflate_crc32(0, body.p, 30);
	for (u32 i = 0; i < 6; i++, crc /= 62)
		if (body.p[35 - i] != digits[crc % 62])
			return SECRET_DOUBT;
	return SECRET_FIRM;
}

/* Whether decoded bytes begin as a JSON object with a name in it does. */
static bool json_begins(const u8 *p, size_t n)
{
	size_t i = 0;
	if (n < 4 || p[i++] != '{')
		return false;
	while (i < n && (p[i] == ' ' || p[i] == '\n' || p[i] == '\r' || p[i] == '\t'))
		i++;
	return i + 1 < n && p[i] == '"' && p[i + 1] >= ' ' && p[i + 1] < 127;
}

enum secret_trust check_jwt(struct str v)
{
	u8 out[512];
	struct str rest = v, header = str_cut(&rest, '.'), claims = str_cut(&rest, '.');
	size_t n = secret_base64(header, out, sizeof out, NULL);
	if (!json_begins(out, n))
		return SECRET_NONE;
	n = secret_base64(claims, out, sizeof out, NULL);
	if (!json_begins(out, n))
		return SECRET_DOUBT; /* encrypted ones have no claims to read */
	struct str c = str_n(out, n);
	return str_contains(c, STR("John Doe")) || str_contains(c, STR("1234567890\"")) ? SECRET_DOUBT : SECRET_FIRM;
}

enum secret_trust check_jwt_base64(struct str v)
{
	u8 out[4096];
	size_t n = secret_base64(v, out, sizeof out, NULL);
	struct str inner = str_n(out, n), rest = inner;
	str_cut(&rest, '.');
	u8 head[256];
	return json_begins(head, secret_base64(inner, head, sizeof head, NULL)) && rest.p && str_starts(rest, STR("ey")) ? SECRET_FIRM : SECRET_DOUBT;
}

/* SEQUENCE { INTEGER … or, of an encrypted one, SEQUENCE …; with a length that is one. */
static bool der_key(const u8 *p, size_t n)
{
	if (n < 8 || p[0] != 0x30)
		return false;
	size_t at = p[1] < 0x80 ? 2 : p[1] <= 0x83 ? 2 + (size_t)(p[1] & 0x7f) : 0;
	return at && at + 2 < n && ((p[at] == 0x02 && p[at + 1] <= 3) || p[at] == 0x30);
}

/* RFC 1421's and OpenPGP's lines in front of the body. */
static struct str pem_body(struct str v, bool *encrypted)
{
	struct str rest = v;
	for (u32 i = 0; i < 8; i++) {
		struct str line = rest;
		const char *nl = str_chr(line, '\n'), *esc = str_find(line, STR("\\n"));
		size_t skip = 1;
		if (esc && (!nl || esc < nl)) {
			nl = esc;
			skip = 2;
		}
		if (!nl)
			break;
		line.n = (size_t)(nl - line.p);
		if (!str_contains(line, STR(": ")) && str_trim(line).n)
			break;
		*encrypted |= str_contains(line, STR("ENCRYPTED"));
		rest = str_from(rest, line.n + skip);
	}
	return rest;
}

enum secret_trust check_private_key(struct str v)
{
	u8 out[96];
	bool encrypted = false;
	const char *dashes = str_starts(v, STR("-----BEGIN")) ? str_find(str_from(v, 10), STR("-----")) : NULL;
	struct str body = pem_body(dashes ? str_from(v, (size_t)(dashes - v.p) + 5) : v, &encrypted);
	size_t used = 0, n = secret_base64(body, out, sizeof out, &used);
	if (n < 24 || secret_made_up(str_head(body, MIN(used, 64))))
		return SECRET_NONE;
	if (encrypted || der_key(out, n) || memcmp(out, "openssh-key-v1", 14) == 0 || (dashes && str_contains(str_head(v, 40), STR("PGP")) && out[0] & 0x80))
		return SECRET_FIRM;
	return n >= 48 && secret_entropy(str_head(body, used)) >= 4 ? SECRET_DOUBT : SECRET_NONE;
}

enum secret_trust check_pypi(struct str v)
{
	u8 out[32];
	size_t n = secret_base64(str_from(v, 5), out, sizeof out, NULL); /* behind "pypi-": version 2, location (1), its length */
	return n >= 12 && out[0] == 2 && out[1] == 1 && out[2] == 8 && memcmp(out + 3, "pypi.org", 8) == 0 ? SECRET_FIRM : SECRET_DOUBT;
}

static bool printable(const u8 *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > 126)
			return false;
	return true;
}

enum secret_trust check_docker_auth(struct str v)
{
	u8 out[512];
	size_t n = secret_base64(v, out, sizeof out, NULL);
	const u8 *colon = n ? memchr(out, ':', n) : NULL;
	if (!colon || colon + 1 >= out + n || !printable(out, n))
		return SECRET_NONE;
	struct str pw = str_n(colon + 1, (size_t)(out + n - colon) - 1);
	return secret_stands_for(pw) || secret_made_up(pw) ? SECRET_NONE : SECRET_FIRM;
}

enum secret_trust check_docker_config(struct str v)
{
	u8 out[256];
	size_t n = secret_base64(v, out, sizeof out, NULL);
	return json_begins(out, n) ? SECRET_FIRM : SECRET_NONE;
}

struct kinds {
	u32 upper, lower, digit, other, n;
};

static struct kinds kinds_of(struct str v)
{
	struct kinds k = { 0 };
	for (size_t i = 0; i < v.n; i++) {
		k.upper += v.p[i] >= 'A' && v.p[i] <= 'Z';
		k.lower += v.p[i] >= 'a' && v.p[i] <= 'z';
		k.digit += v.p[i] >= '0' && v.p[i] <= '9';
	}
	k.other = (u32)v.n - k.upper - k.lower - k.digit;
	k.n = (u32)!!k.upper + !!k.lower + !!k.digit + !!k.other;
	return k;
}

enum secret_trust check_password(struct str v)
{
	struct kinds k = kinds_of(v);
	if (v.n < 6 || v.n > 200 || secret_stands_for(v) || secret_says_password(v) || secret_made_up(v) || !k.digit || k.n < 2 || str_chr(v, ' ') || strchr("/.-@#(=",
	  v.p[0]))
		return SECRET_NONE;
	if (k.other * 2 > v.n || str_contains(v, STR("://")) || str_chr(v, '(') || str_chr(v, '{') || str_contains(v, STR("->")) || str_contains(v, STR("::")))
		return SECRET_NONE; /* a program's text */
	return secret_entropy(v) >= (k.n >= 3 ? 2.5 : 3) ? SECRET_FIRM : SECRET_NONE;
}

enum secret_trust check_url_password(struct str v)
{
	static const char *const usual[] = { "pass", "password", "passwd", "pwd", "pw", "secret", "user", "username", "test", "token", "guest", "admin", "root",
	  "postgres", "mysql", "redis", "foo", "bar", "abc", "123", "p", "x", "git", "oauth2", "x-oauth-basic", "anonymous", "", NULL };
	struct kinds k = kinds_of(v);
	if (secret_stands_for(v) || str_listed(v, usual) || str_chr(v, '$') || str_chr(v, '<') || str_chr(v, '{') || str_chr(v, '*') || str_chr(v, '%') == v.p)
		return SECRET_NONE;
	return v.n >= 6 && secret_entropy(v) >= 2.2 && (k.n >= 2 || v.n >= 12) ? SECRET_FIRM : SECRET_NONE;
}

enum secret_trust check_basic_auth(struct str v)
{
	const char *colon = str_chr(v, ':');
	if (!colon)
		return SECRET_NONE;
	struct str user = str_n(v.p, (size_t)(colon - v.p)), pw = str_from(v, user.n + 1);
	if (user.n >= 2 && strchr("'\"", user.p[0]) && user.p[user.n - 1] == user.p[0])
		user = str_n(user.p + 1, user.n - 2);
	if (pw.n >= 2 && strchr("'\"", pw.p[0]) && pw.p[pw.n - 1] == pw.p[0])
		pw = str_n(pw.p + 1, pw.n - 2);
	struct str it = pw.n ? pw : user;
	if (str_contains(v, STR("$")) || str_contains(v, STR("{{")) || str_chr(v, '<') || str_chr(it, '[') || it.n < 3)
		return SECRET_NONE;
	return secret_stands_for(it) || secret_entropy(it) < 2 ? SECRET_NONE : SECRET_FIRM;
}

enum secret_trust check_header_value(struct str v)
{
	struct kinds k = kinds_of(v);
	return secret_stands_for(v) || secret_made_up(v) || v.n < 8 || k.other * 2 > v.n || (!k.digit && !(k.upper && k.lower)) ? SECRET_NONE : SECRET_FIRM;
}

enum secret_trust check_aws_id(struct str v)
{
	for (size_t i = 4; i < v.n; i++)
		if ((v.p[i] < 'A' || v.p[i] > 'Z') && (v.p[i] < '2' || v.p[i] > '7'))
			return SECRET_DOUBT;
	return SECRET_FIRM;
}

enum secret_trust check_aws_secret(struct str v)
{
	struct kinds k = kinds_of(v);
	if (str_contains(v, STR("policy")) || str_contains(v, STR("Amazon")) || str_contains(v, STR("service-role")))
		return SECRET_NONE; /* names of roles and policies */
	return k.upper >= 3 && k.lower >= 3 && k.digit >= 2 ? SECRET_FIRM : SECRET_NONE;
}

enum secret_trust check_mixed(struct str v)
{
	struct kinds k = kinds_of(v);
	return k.digit >= 2 && k.upper + k.lower >= 2 && !secret_stands_for(v) ? SECRET_FIRM : SECRET_NONE;
}

/* "a.b-c.D": names of packages, hosts, members. */
static bool dotted_name(struct str v)
{
	u32 dots = 0, digits = 0, n = 0;
	for (size_t i = 0; i < v.n; i++) {
		digits += isdigit((u8)v.p[i]) != 0;
		n++;
		if (v.p[i] == '.') {
			dots++;
			if (n == 1 || digits + 1 >= n)
				return false;
			n = digits = 0;
		}
	}
	return dots && n && digits * 3 <= n;
}

/* "CKK_RSA_2": a constant of a program. */
static bool constant(struct str v)
{
	u32 unders = 0;
	for (size_t i = 0; i < v.n; i++) {
		unders += v.p[i] == '_';
		if (!isupper((u8)v.p[i]) && !isdigit((u8)v.p[i]) && v.p[i] != '_')
			return false;
	}
	return unders && unders * 12 >= v.n;
}

enum secret_trust check_generic(struct str v)
{
	struct kinds k = kinds_of(v);
	const char *eq = str_chr(v, '=');
	if (!k.digit || k.n < 2 || secret_stands_for(v) || secret_wordy(v) || secret_made_up(v))
		return SECRET_NONE;
	while (eq && eq < v.p + v.n && *eq == '=')
		eq++;
	if (eq && eq < v.p + v.n)
		return SECRET_NONE; /* an assignment, no padding */
	if (dotted_name(v) || constant(v) || str_contains(v, STR("..")) || v.p[0] == '.' || v.p[0] == '-' || k.other * 3 > v.n)
		return SECRET_NONE;
	return k.upper + k.lower < 2 ? SECRET_NONE : SECRET_FIRM;
}

enum secret_trust check_told(struct str v) { return secret_said(v) || secret_made_up(v) ? SECRET_NONE : SECRET_FIRM; }

enum secret_trust check_plain_password(struct str v) { return secret_stands_for(v) || secret_made_up(v) ? SECRET_NONE : SECRET_FIRM; }

/* BIP 173, which age follows: the polynomial over the prefix and the data has to come out as 1. */
enum secret_trust check_age(struct str v)
{
	static const char digits[] = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
	static const u32 generator[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3 };
	const char *one = v.n ? memrchr(v.p, '1', v.n) : NULL;
	u32 sum = 1;
	if (!one)
		return SECRET_DOUBT;
	size_t prefix = (size_t)(one - v.p), total = prefix * 2 + 1 + (v.n - prefix - 1);
	for (size_t i = 0; i < total; i++) {
		u32 value = 0, top = sum >> 25;
		if (i < prefix)
			value = (u32)tolower((u8)v.p[i]) >> 5;
		else if (i > prefix && i <= prefix * 2)
			value = (u32)tolower((u8)v.p[i - prefix - 1]) & 31;
		else if (i > prefix * 2) {
			const char *d = strchr(digits, v.p[i - prefix]);
			value = d ? (u32)(d - digits) : 0;
		}
		sum = (sum & 0x1ffffff) << 5 ^ value;
		for (u32 k = 0; k < 5; k++)
			sum ^= top >> k & 1 ? generator[k] : 0;
	}
	return sum == 1 ? SECRET_FIRM : SECRET_DOUBT;
}

enum secret_trust check_sentry(struct str v)
{
	u8 out[512];
	size_t n = secret_base64(str_from(v, 7), out, sizeof out, NULL);
	return json_begins(out, n) && str_contains(str_n(out, n), STR("region_url")) ? SECRET_FIRM : SECRET_NONE;
}

enum secret_trust check_letters(struct str v)
{
	struct kinds k = kinds_of(v);
	return !k.digit && secret_wordy(v) ? SECRET_NONE : SECRET_FIRM;
}

enum secret_trust check_azure_key(struct str v)
{
	u8 out[80];
	return secret_base64(v, out, sizeof out, NULL) == 64 ? SECRET_FIRM : SECRET_NONE;
}

enum secret_trust check_kubernetes(struct str v)
{
	u8 out[256];
	size_t n = secret_base64(v, out, sizeof out, NULL);
	return n >= 6 && !secret_said(str_n(out, n)) && !secret_made_up(v) ? SECRET_FIRM : SECRET_NONE;
}
