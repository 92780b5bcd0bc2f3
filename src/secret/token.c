#include "secret/secret.h"

/* Alphabets, one bit each in class_of[]. */
enum { UPPER = 1, LOWER = 2, DIGIT = 4, DASH = 8, UNDER = 16, DOT = 32, SLASH = 64, PLUS = 128, ALNUM = UPPER | LOWER | DIGIT, WORD = ALNUM | UNDER | DASH, BASE64 = ALNUM | SLASH | PLUS };

struct format {
	char prefix[24];
	char what[32];
	u8 alphabet;
	u16 min, max; /* characters behind the prefix; max 0: no end */
};

static const struct format formats[] = {
	{ "AKIA", "AWS access key ID", UPPER | DIGIT, 16, 16 },
	{ "ASIA", "AWS access key ID", UPPER | DIGIT, 16, 16 },
	{ "AGE-SECRET-KEY-1", "age private key", UPPER | DIGIT, 58, 58 },
	{ "AIza", "Google API key", WORD, 35, 35 },
	{ "ATATT3xFf", "Atlassian token", WORD, 150, 0 },
	{ "EAAC", "Facebook token", ALNUM, 60, 0 },
	{ "GOCSPX-", "Google client secret", WORD, 28, 28 },
	{ "NRAK-", "New Relic key", UPPER | DIGIT, 27, 27 },
	{ "PMAK-", "Postman key", WORD, 59, 59 },
	{ "SG.", "SendGrid key", WORD | DOT, 66, 66 },
	{ "dapi", "Databricks token", LOWER | DIGIT, 32, 34 },
	{ "dckr_oat_", "Docker token", WORD, 27, 0 },
	{ "dckr_pat_", "Docker token", WORD, 27, 0 },
	{ "dop_v1_", "DigitalOcean token", LOWER | DIGIT, 64, 64 },
	{ "dp.pt.", "Doppler token", ALNUM, 40, 44 },
	{ "figd_", "Figma token", WORD, 36, 0 },
	{ "ghp_", "GitHub token", ALNUM, 36, 36 },
	{ "gho_", "GitHub token", ALNUM, 36, 36 },
	{ "ghr_", "GitHub token", ALNUM, 36, 76 },
	{ "ghs_", "GitHub token", ALNUM, 36, 36 },
	{ "ghu_", "GitHub token", ALNUM, 36, 36 },
	{ "github_pat_", "GitHub token", ALNUM | UNDER, 82, 82 },
	{ "gldt-", "GitLab token", WORD, 20, 0 },
	{ "glpat-", "GitLab token", WORD | DOT, 20, 0 },
	{ "glrt-", "GitLab token", WORD, 20, 0 },
	{ "glsa_", "Grafana token", ALNUM | UNDER, 41, 41 },
	{ "hf_", "Hugging Face token", UPPER | LOWER, 34, 34 },
	{ "hvb.", "Vault token", WORD, 100, 0 },
	{ "hvs.", "Vault token", WORD, 24, 0 },
	{ "lin_api_", "Linear key", ALNUM, 40, 40 },
	{ "npm_", "npm token", ALNUM, 36, 36 },
	{ "ops_eyJ", "1Password token", WORD, 200, 0 },
	{ "pul-", "Pulumi token", LOWER | DIGIT, 40, 40 },
	{ "pypi-AgEIcHlwaS5vcmc", "PyPI token", WORD, 50, 0 },
	{ "rk_live_", "Stripe key", ALNUM, 24, 0 },
	{ "rubygems_", "RubyGems key", LOWER | DIGIT, 48, 48 },
	{ "shpat_", "Shopify token", ALNUM, 32, 32 },
	{ "shpca_", "Shopify token", ALNUM, 32, 32 },
	{ "shpss_", "Shopify secret", ALNUM, 32, 32 },
	{ "sk-ant-", "Anthropic key", WORD, 80, 0 },
	{ "sk-proj-", "OpenAI key", WORD, 40, 0 },
	{ "sk-svcacct-", "OpenAI key", WORD, 40, 0 },
	{ "sk-", "OpenAI key", ALNUM, 48, 48 },
	{ "sk_live_", "Stripe key", ALNUM, 24, 0 },
	{ "sntrys_", "Sentry token", BASE64 | UNDER, 60, 0 },
	{ "sntryu_", "Sentry token", LOWER | DIGIT, 64, 64 },
	{ "sq0atp-", "Square token", WORD, 22, 22 },
	{ "sq0csp-", "Square secret", WORD, 43, 43 },
	{ "tskey-", "Tailscale key", WORD, 24, 0 },
	{ "xapp-", "Slack token", WORD, 50, 0 },
	{ "xkeysib-", "Brevo key", WORD, 81, 81 },
	{ "xoxa-", "Slack token", WORD, 24, 0 },
	{ "xoxb-", "Slack token", WORD, 24, 0 },
	{ "xoxe.xoxp-", "Slack token", WORD, 24, 0 },
	{ "xoxp-", "Slack token", WORD, 24, 0 },
	{ "xoxr-", "Slack token", WORD, 24, 0 },
	{ "xoxs-", "Slack token", WORD, 24, 0 },
	{ "ya29.", "Google OAuth token", WORD, 60, 0 },
};

static bool in(u8 alphabet, char c)
{
	u8 k = c >= 'A' && c <= 'Z' ? UPPER : c >= 'a' && c <= 'z' ? LOWER : c >= '0' && c <= '9' ? DIGIT : c == '-' ? DASH : c == '_' ? UNDER : c == '.' ? DOT : c == '/' ? SLASH : c == '+' ? PLUS : 0;
	return k & alphabet;
}

/* Looks no further than `most`: a text of nothing but beginnings costs no more than that for each of them. */
static size_t run_most(struct str t, size_t at, u8 alphabet, size_t most)
{
	size_t n = at;
	while (n < t.n && n - at < most && in(alphabet, t.p[n]))
		n++;
	return n - at;
}

static size_t run(struct str t, size_t at, u8 alphabet) { return run_most(t, at, alphabet, 400); }

/* Made up: an example of a manual, a few letters over and over, a sequence. */
static bool made_up(struct str s)
{
	bool seen[256] = { false };
	u32 distinct = 0, steps = 0;
	for (size_t i = 0; i < s.n; i++) {
		distinct += !seen[(u8)s.p[i]];
		seen[(u8)s.p[i]] = true;
		steps += i && (s.p[i] == s.p[i - 1] || s.p[i] == s.p[i - 1] + 1);
	}
	/* A random text repeats or continues its last character seldom; "0123456789abcdef" does it all the time. */
	return distinct < MIN(s.n / 3 + 2, 9) || steps * 2 > s.n || str_contains(s, STR("EXAMPLE")) || str_contains(s, STR("example"));
}

static bool private_key(struct str t, size_t at, struct secret_hit *ret)
{
	struct str rest = str_head(str_from(t, at), 64);
	if (!str_starts(rest, STR("-----BEGIN ")))
		return false;
	const char *end = str_find(str_from(rest, 11), STR("-----"));
	struct str label = end ? str_n(rest.p + 11, (size_t)(end - rest.p) - 11) : str_n("", 0);
	if (!str_ends(label, STR("PRIVATE KEY")) && !str_is(label, "PRIVATE KEY BLOCK") && !str_is(label, "PGP PRIVATE KEY BLOCK"))
		return false;
	/* The marks alone are what scripts look for; a key has a body. */
	struct str body = str_from(t, at + 16 + label.n);
	size_t i = 0;
	while (i < body.n && (body.p[i] == '\n' || body.p[i] == '\r' || body.p[i] == '\\' || body.p[i] == 'n' || body.p[i] == ' '))
		i++;
	if (run(body, i, BASE64) < 16 && !str_starts(str_from(body, i), STR("Proc-Type:")) && !str_starts(str_from(body, i), STR("Version:")))
		return false;
	*ret = (struct secret_hit){ "private key", at, at + 16 + label.n };
	return true;
}

/* header.payload.signature, base64url, the header beginning with {" */
static bool jwt(struct str t, size_t at, struct secret_hit *ret)
{
	size_t a = run(t, at, WORD), b, c;
	if (a < 16 || at + a >= t.n || t.p[at + a] != '.' || !str_starts(str_from(t, at + a + 1), STR("eyJ")))
		return false;
	b = run_most(t, at + a + 1, WORD, 8000);
	if (b < 10 || at + a + 1 + b >= t.n || t.p[at + a + 1 + b] != '.')
		return false;
	c = run(t, at + a + b + 2, WORD);
	if (c < 20)
		return false;
	*ret = (struct secret_hit){ "JSON web token", at, at + a + b + c + 2 };
	return true;
}

static bool webhook(struct str t, size_t at, struct secret_hit *ret)
{
	static const struct { struct str prefix; const char *what; } hooks[] = {
		{ STR("hooks.slack.com/services/T"), "Slack webhook" },
		{ STR("discord.com/api/webhooks/"), "Discord webhook" },
		{ STR("discordapp.com/api/webhooks/"), "Discord webhook" },
	};
	struct str rest = str_from(t, at);
	for (size_t i = 0; i < countof(hooks); i++) {
		if (!str_starts(rest, hooks[i].prefix))
			continue;
		size_t n = run(t, at + hooks[i].prefix.n, WORD | SLASH);
		if (n < 35 || made_up(str_n(rest.p + hooks[i].prefix.n, n)))
			return false;
		*ret = (struct secret_hit){ hooks[i].what, at, at + hooks[i].prefix.n + n };
		return true;
	}
	return false;
}

static bool by_format(struct str t, size_t at, struct secret_hit *ret)
{
	struct str rest = str_from(t, at);
	for (size_t i = 0; i < countof(formats); i++) {
		const struct format *f = &formats[i];
		if (f->prefix[0] != rest.p[0] || !str_starts(rest, str_of(f->prefix)))
			continue;
		size_t head = strlen(f->prefix), n = run(t, at + head, f->alphabet);
		if (n < f->min || (f->max && n > f->max) || made_up(str_n(rest.p + head, n)))
			continue;
		/* "sk-" and the like end where the word ends: what goes on is something else */
		if (f->max && at + head + n < t.n && in(ALNUM | UNDER, t.p[at + head + n]))
			continue;
		*ret = (struct secret_hit){ f->what, at, at + head + n };
		return true;
	}
	return false;
}

static bool azure_key(struct str t, size_t at, struct secret_hit *ret)
{
	struct str rest = str_from(t, at);
	if (!str_starts(rest, STR("AccountKey=")))
		return false;
	size_t n = run(t, at + 11, BASE64);
	if (n != 86 || !str_starts(str_from(t, at + 11 + n), STR("==")))
		return false;
	*ret = (struct secret_hit){ "Azure storage key", at, at + 13 + n };
	return true;
}

bool secret_find(struct str t, size_t *from, struct secret_hit *ret)
{
	/* The bytes that anything here begins with; all others are passed at once. */
	static const char first[] = "-AEGNPSadefghlnoprstxyd";
	for (size_t i = *from; i < t.n; i++) {
		char c = t.p[i];
		if (!memchr(first, c, sizeof first - 1) || (c != '-' && i && in(ALNUM | UNDER, t.p[i - 1])))
			continue;
		bool hit = c == '-' ? private_key(t, i, ret) : by_format(t, i, ret) || (c == 'e' && str_starts(str_from(t, i), STR("eyJ")) && jwt(t, i, ret)) || ((c == 'h' || c == 'd') && webhook(t, i, ret)) ||
					 (c == 'A' && azure_key(t, i, ret));
		if (hit) {
			*from = ret->end;
			return true;
		}
	}
	*from = t.n;
	return false;
}
