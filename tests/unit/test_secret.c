/* secret/: every rule finds what it is for and stays silent about placeholders; values are masked; pieces make no difference; rules of the user's. */
#include "base/crypto.h"
#include "layer/read.h"
#include "secret/allow.h"
#include "secret/assign.h"
#include "secret/check.h"
#include "secret/scan.h"
#include "secret/set.h"
#include <libdeflate.h>
#include <setjmp.h>
#include <cmocka.h>

static struct secret_set *rules;

/* ---- examples, made when they are needed ---- */

static u32 seed;

static u32 next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* "<A36>": random characters of a class; `dull` makes the same text of x and 0 alone. */
static void expand(struct buf *out, const char *recipe, bool dull)
{
	static const struct {
		char name;
		const char *chars;
	} classes[] = { { 'd', "0123456789" }, { 'h', "0123456789abcdef" }, { 'a', "abcdefghijklmnopqrstuvwxyz0123456789" }, { 'U', "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" }, { 'l', "abcdefghijklmnopqrstuvwxyz" },
			{ 'A', "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" }, { 'w', "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-" },
			{ 'q', "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" }, { 'b', "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" } };
	for (const char *p = recipe; *p;) {
		const char *chars = NULL;
		for (size_t i = 0; p[0] == '<' && i < countof(classes); i++)
			if (p[1] == classes[i].name && p[2] >= '0' && p[2] <= '9')
				chars = classes[i].chars;
		if (!chars) {
			buf_putc(out, *p++);
			continue;
		}
		char *end;
		unsigned long n = strtoul(p + 2, &end, 10);
		for (unsigned long i = 0; i < n; i++)
			buf_putc(out, dull ? (strchr("dh", p[1]) ? '0' : p[1] == 'U' ? 'X' : 'x') : chars[next_random() % strlen(chars)]);
		p = end + 1;
	}
}

static void base64_of(struct buf *out, const char *text, bool url)
{
	char enc[1024];
	int n = crypto()->base64_encode((unsigned char *)enc, (const unsigned char *)text, (int)strlen(text));
	for (int i = 0; i < n; i++)
		if (!url || enc[i] != '=')
			buf_putc(out, url && enc[i] == '+' ? '-' : url && enc[i] == '/' ? '_' : enc[i]);
}

static void token_of(struct buf *out, bool dull)
{
	base64_of(out, dull ? "xxxxxxxxxxxxxxxxxxxxx" : "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", true);
	buf_putc(out, '.');
	base64_of(out, "{\"sub\":\"app-17\",\"scope\":\"all\"}", true);
	buf_putc(out, '.');
	expand(out, "<A43>", dull);
}

static void built(struct buf *out, const char *what, bool dull)
{
	struct buf part = BUF(0);
	if (strcmp(what, "@jwt") == 0) {
		token_of(out, dull);
	} else if (strcmp(what, "@jwt-base64") == 0) {
		token_of(&part, dull);
		base64_of(out, part.p, false);
	} else if (strcmp(what, "@sentry") == 0) {
		buf_puts(out, "token sntr" "ys_");
		base64_of(out, dull ? "{xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" : "{\"iat\":1687336543.69,\"url\":null,\"region_url\":\"https://us.test\",\"org\":\"acme\"}", true);
		expand(out, "_<A43> ", dull);
	} else if (strcmp(what, "@docker-auth") == 0) {
		expand(&part, "deploy:<A14>", dull);
		buf_puts(out, "{\"auths\":{\"r.test\":{\"auth\":\"");
		base64_of(out, part.p, false);
		buf_puts(out, "\"}}}");
	} else if (strcmp(what, "@docker-config") == 0) {
		buf_puts(out, "data:\n  .dockerconfigjson: ");
		base64_of(out, dull ? "xxxxxxxxxxxxxxxx" : "{\"auths\":{\"registry.test\":{}}}", false);
		buf_putc(out, '\n');
	} else {
		buf_puts(out, "{\"type\": \"service_account\",\n \"project_id\": \"p\",\n \"private_key\": \"-----BEGIN PRIVATE " "KEY-----\\n");
		expand(out, dull ? "<b400>" : "MIIEvQIBADANBgkq<b400>", dull);
		buf_puts(out, "\\n-----END PRIVATE " "KEY-----\\n\"}");
	}
	buf_free(&part);
}

static const struct {
	const char *rule, *path, *recipe;
} examples[] = {
#include "secret_examples.h"
};

static void example(struct buf *out, size_t i, bool dull)
{
	seed = (u32)i * 7919u + 17;
	buf_clear(out);
	if (examples[i].recipe[0] == '@')
		built(out, examples[i].recipe, dull);
	else
		expand(out, examples[i].recipe, dull);
}

/* ---- what was found ---- */

struct results {
	u32 n;
	struct secret_found v[64];
};

static void keep(void *ctx, const struct secret_found *f)
{
	struct results *r = ctx;
	if (r->n < countof(r->v))
		r->v[r->n++] = *f;
}

static struct results scan_with(struct secret_set *s, const char *path, struct str text)
{
	struct results r = { 0 };
	assert_true(secret_scan(s, str_of(path), text, keep, &r));
	return r;
}

static struct results scan(const char *path, const char *text) { return scan_with(rules, path, str_of(text)); }

static bool has(const struct results *r, const char *rule)
{
	for (u32 i = 0; i < r->n; i++)
		if (strcmp(r->v[i].rule->id, rule) == 0)
			return true;
	return false;
}

/* Rules whose values another rule takes as well, and says more of it. */
static bool shares(const char *rule)
{
	static const char *const names[] = { "aws-access-token", NULL };
	return str_listed(str_of(rule), names);
}

static void every_rule(void **state)
{
	(void)state;
	struct buf text = BUF(0);
	u32 failed = 0;
	assert_int_equal(countof(examples), secret_rules_n);
	for (size_t i = 0; i < countof(examples); i++) {
		assert_string_equal(examples[i].rule, secret_rules[i].id);
		example(&text, i, false);
		struct results r = scan_with(rules, *examples[i].path ? examples[i].path : "srv/app/config.txt", buf_str(&text));
		if (r.n == 0)
			failed++, print_error("%s: nothing found in: %s\n", examples[i].rule, text.p);
		if (r.n && !has(&r, examples[i].rule) && !shares(examples[i].rule) && getenv("TELL"))
			print_message("%s: told as %s\n", examples[i].rule, r.v[0].rule->id);
		for (u32 k = 0; k < r.n; k++) { /* never the value */
			assert_true(strlen(r.v[k].masked) < sizeof r.v[k].masked);
			if (r.v[k].end - r.v[k].at > 8)
				assert_null(str_find(str_of(r.v[k].masked), str_n(text.p + r.v[k].at + (str_starts(str_of(text.p + r.v[k].at), STR("-----")) ? 40 : 0), 8)));
		}
		if (secret_rules[i].shape == SECRET_PATH)
			continue;
		example(&text, i, true);
		r = scan_with(rules, *examples[i].path ? examples[i].path : "srv/app/config.txt", buf_str(&text));
		if (r.n)
			failed++, print_error("%s: a placeholder is taken by %s: %s\n", examples[i].rule, r.v[0].rule->id, text.p);
	}
	buf_free(&text);
	assert_int_equal(failed, 0);
}

/* Ids are unique, patterns compile, words are of a useful length, and whoever has a finding is told what to do. */
static void table(void **state)
{
	(void)state;
	assert_true(secret_rules_n >= 220);
	for (u32 i = 0; i < secret_rules_n; i++) {
		const struct secret_rule *r = &secret_rules[i];
		struct error err;
		for (u32 k = 0; k < i; k++)
			assert_string_not_equal(r->id, secret_rules[k].id);
		pcre2_code *code = secret_compile(r->pattern, 0, &err);
		if (!code)
			fail_msg("%s: %s", r->id, err.text);
		pcre2_code_free(code);
		code = r->paths ? secret_compile(r->paths, 0, &err) : NULL;
		assert_true(!r->paths || code);
		pcre2_code_free(code);
		assert_true(strlen(r->title) > 5 && strlen(r->rotate) > 10);
		struct str rest = str_of(r->keywords), word;
		while (rest.p && *r->keywords) {
			word = str_cut(&rest, strchr(r->keywords, '\n') ? '\n' : ' ');
			if (word.n < 3)
				fail_msg("%s: the word '%.*s' is too short", r->id, STR_FMT(word));
		}
		assert_ptr_equal(secret_rule_get(r->id), r);
	}
}

static void silence(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"password = ${DB_PASSWORD}", "password: <your password>", "api_key = \"xxxxxxxxxxxxxxxxxxxxxxxx\"", "token = os.environ[\"TOKEN\"]", "secret: {{ .Values.secret }}", "author = \"3f5c9a7d1b2e4f60\"",
		"key_length = 4096bits256bits", "keyboard: \"a8f3k2l9d0s7g6h5\"", "password = changeme", "-----BEGIN PRIVATE " "KEY-----\nanything\n-----END PRIVATE " "KEY-----", "postgres://user:password@localhost/db",
		"postgres://app:$PW@db/app", "https://example.org/a:b@c", "access_token_url = \"https://login.test/oauth2/v2.0/token\"", "UserSecretsId = \"5f2b7c1e-9d3a-4e8f-b6a0-c1d2e3f40516\"",
		"passwordEncryption: scram-sha-256", "token: Optional[str] = None", "key = frozenset_1234_shuffle (x)", "tokenizer: \"bert-base-uncased-v2.0.1\"", "curl -u \"$USER:$PASS\" https://x.test", "curl -H \"Authorization: Bearer $TOKEN\" https://x.test",
	};
	for (size_t i = 0; i < countof(texts); i++) {
		struct results r = scan("srv/app/config.py", texts[i]);
		if (r.n)
			fail_msg("%s: %s", r.v[0].rule->id, texts[i]);
	}
}

/* Text that forms could be tried on in very many ways is passed in few: nothing is given up (scan_with asserts it). */
static void ordinary(void **state)
{
	(void)state;
	static const char *const begins[] = { "data:\n", "kind: Secret\ndata:\n", "if not data:\n", "curl -X GET \\\n", "-----BEGIN RSA PRIVATE " "KEY-----\n", "machine " };
	for (size_t i = 0; i < countof(begins); i++) {
		struct buf text = BUF(0);
		for (u32 k = 0; k < 20; k++) {
			buf_puts(&text, begins[i]);
			for (u32 line = 0; line < 12; line++)
				buf_puts(&text, "                                call (a, b) # c: d\n");
		}
		assert_int_equal(scan_with(rules, "srv/app/x.yml", buf_str(&text)).n, 0);
		buf_free(&text);
	}
	struct buf map = BUF(0); /* a source map: one long line of short words, among them what tokens begin with */
	for (u32 i = 0; i < 9000; i++)
		buf_printf(&map, "EAA%c,SAAS,%s", 'A' + (int)(i % 3), i % 7 ? "" : "AACA;");
	assert_int_equal(scan_with(rules, "srv/app/x.js.map", buf_str(&map)).n, 0);
	buf_free(&map);
}

static void assignments(void **state)
{
	(void)state;
	static const struct {
		const char *text, *word, *name, *value;
	} of[] = {
		{ "export API_KEY=abc123 # x", "KEY", "API_KEY", "abc123" }, { "\"apiKey\" : \"a b\",", "api", "apiKey", "a b" }, { "api_key: 'v'", "api", "api_key", "v" }, { "apiKey := `v`", "api", "apiKey", "v" },
		{ "<token>v</token>", "token", "token", "v" }, { "'token' => 'v',", "token", "token", "v" }, { "token: string = \"v\";", "token", "token", "v" }, { "var token string = \"v\"", "token", "token", "v" },
		{ "{\\\"token\\\": \\\"v\\\"}", "token", "token", "v" }, { "setenv(\"TOKEN\", \"v\")", "TOKEN", "TOKEN", "v" }, { "- name: TOKEN\n  value: \"v\"", "TOKEN", "TOKEN", "v" }, { "<add key=\"token\" value=\"v\" />", "token", "token", "v" },
		{ "Authorization-Token: Bearer v", "Token", "Authorization-Token", "v" }, { "x?token=v&y=1", "token", "token", "v" }, { "token = b\"v\"", "token", "token", "v" },
		{ "token", "token", NULL, NULL }, { "token=", "token", NULL, NULL }, { "token = \"open", "token", NULL, NULL }, { "token = f (x)", "token", NULL, NULL }, { "token, other", "token", NULL, NULL }, { "", "", NULL, NULL },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct str t = str_of(of[i].text);
		struct assignment a;
		size_t at = (size_t)(strstr(of[i].text, of[i].word) - of[i].text);
		bool found = secret_assignment(t, at, at + strlen(of[i].word), &a);
		if (found != (of[i].name != NULL))
			fail_msg("%s", of[i].text);
		if (found && (!str_is(str_n(t.p + a.name, a.name_end - a.name), of[i].name) || !str_is(str_n(t.p + a.at, a.end - a.at), of[i].value)))
			fail_msg("%s: %.*s", of[i].text, STR_FMT(str_n(t.p + a.at, a.end - a.at)));
	}
}

static void places(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum secret_place place;
	} of[] = {
		{ "srv/app/config.yml", PLACE_ANY }, { "etc/app.conf", PLACE_ANY }, { "", PLACE_ANY }, { "root/.ssh/id_rsa", PLACE_ANY }, { "root/.ssh/id_rsa.pub", PLACE_NOTHING }, { "srv/app/package-lock.json", PLACE_NOTHING }, { "srv/logo.PNG", PLACE_NOTHING },
		{ "usr/share/doc/curl/README", PLACE_NOTHING }, { "usr/lib/python3/dist-packages/x.py", PLACE_STRONG_ONLY }, { "srv/app/node_modules/x/index.js", PLACE_STRONG_ONLY }, { "srv/app/node_modules/x/test/key.pem", PLACE_NOTHING },
		{ "opt/py/lib/python3.12/test/keycert.pem", PLACE_NOTHING }, { "srv/app/tests/key.pem", PLACE_STRONG_ONLY }, { "srv/app/app.min.js", PLACE_STRONG_ONLY }, { "srv/app/README.md", PLACE_STRONG_ONLY },
	};
	for (size_t i = 0; i < countof(of); i++)
		if (secret_place(str_of(of[i].path)) != of[i].place)
			fail_msg("%s", of[i].path);
}

static void check_sums(void **state)
{
	(void)state;
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	struct buf text = BUF(0);
	seed = 5;
	buf_puts(&text, "g" "hp_");
	expand(&text, "<A30>", false);
	u32 crc = libdeflate_crc32(0, text.p + 4, 30);
	char sum[7] = "";
	for (int i = 5; i >= 0; i--, crc /= 62)
		sum[i] = digits[crc % 62];
	buf_puts(&text, sum);
	struct results r = scan("srv/x", text.p);
	assert_int_equal(r.n, 1);
	assert_false(r.v[0].doubt);
	text.p[10] = text.p[10] == 'a' ? 'b' : 'a';
	r = scan("srv/x", text.p);
	assert_int_equal(r.n, 1);
	assert_true(r.v[0].doubt); /* told, but as what it is */
	buf_free(&text);
	u8 out[8];
	size_t used;
	assert_int_equal(secret_base64(STR("aGVs\\nbG8 !"), out, sizeof out, &used), 5);
	assert_memory_equal(out, "hello", 5);
	char masked[64];
	secret_mask(STR("abcdefghijklmnopqrstuvwxyz"), masked);
	assert_string_equal(masked, "abcd…(26 characters)");
	secret_mask(STR("abc"), masked);
	assert_string_equal(masked, "…(3 characters)");
}

/* ---- the collector ---- */

static u32 notes_of(const char *path, struct str bytes, size_t piece, struct secret_found *ret, u32 max)
{
	const struct collector_stream *s = secret_collector.stream;
	struct str name = str_base(str_of(path)), dir = str_n(path, name.p > path ? (size_t)(name.p - path) - 1 : 0), rest = bytes;
	struct tar_entry e = { .type = TAR_FILE, .stored = bytes.n };
	struct buf note = BUF(0);
	struct error err = { 0 };
	void *state = s->open();
	s->begin(state, dir, name, &e);
	while (rest.n) {
		s->feed(state, str_head(rest, piece));
		rest = str_from(rest, piece);
	}
	assert_int_equal(s->end(state, &note, &err), 0);
	s->close(state);
	struct str n = buf_str(&note);
	u32 count = 0;
	for (struct secret_found f; secret_note_next(&n, &f); count++)
		if (count < max)
			ret[count] = f;
	buf_free(&note);
	return count;
}

/* A long file with tokens at every kind of border of the buffer: whole or in pieces, the same is found at the same places. */
static void pieces(void **state)
{
	(void)state;
	struct buf text = BUF(0);
	size_t at[40];
	u32 n = 0;
	seed = 9;
	for (size_t to = 100; text.n < 900000 && n < countof(at); to = n % 2 ? (text.n / 245248 + 1) * 245248 + 512 - 40 + n : text.n + 30000 + next_random() % 3000) {
		while (text.n < to)
			buf_puts(&text, next_random() % 9 ? "lorem " : "ipsum\n");
		at[n++] = text.n;
		buf_puts(&text, "dop" "_v1_");
		expand(&text, "<h64> ", false);
	}
	static const size_t sizes[] = { SIZE_MAX, 1000, 4096, 65536, 131071, 262144 };
	struct secret_found first[64], v[64];
	for (size_t k = 0; k < countof(sizes); k++) {
		assert_int_equal(notes_of("srv/big.log", buf_str(&text), sizes[k], v, countof(v)), n);
		for (u32 i = 0; i < n; i++) {
			u32 line = 1;
			for (size_t j = 0; j < at[i]; j++)
				line += text.p[j] == '\n';
			assert_int_equal(v[i].at, at[i]);
			assert_int_equal(v[i].line, line);
			assert_string_equal(v[i].rule->id, "digitalocean-pat");
			if (k)
				assert_string_equal(v[i].masked, first[i].masked);
		}
		memcpy(first, v, sizeof first);
	}
	buf_free(&text);
}

static void binaries(void **state)
{
	(void)state;
	struct buf text = BUF(0);
	struct secret_found v[4];
	seed = 3;
	buf_add(&text, STR("\x7f" "ELF\0\0\0\0 api_key = \""));
	expand(&text, "<A40>\" dop" "_v1_<h64>", false);
	assert_int_equal(notes_of("srv/program", buf_str(&text), SIZE_MAX, v, 4), 1); /* what speaks for itself, not what is merely called so */
	assert_string_equal(v[0].rule->id, "digitalocean-pat");
	assert_false(secret_collector.wants(STR("srv"), STR("x.png")));
	assert_true(secret_collector.wants(STR("srv"), STR("x.txt")));
	buf_free(&text);
}

/* Texts that want to cost: every word over and over, beginnings without ends. What is given up is said. */
static void hostile(void **state)
{
	(void)state;
	static const char *const units[] = { "eyJ", "-eyJ", " eyJhbGciOiJIUzI1NiJ9.", "key=", "api_key: \"", "-----BEGIN PRIVATE " "KEY-----\n", "curl -H ", "curl\n", "https://a:", "kind: Secret\ndata:\n a: ", "AKIA", " SG.", "machine x login y password ", "T3BlbkFJ", "\"auth\":\"", "data: " };
	for (size_t i = 0; i < countof(units); i++) {
		struct buf text = BUF(0), note = BUF(0);
		const struct collector_stream *s = secret_collector.stream;
		struct error err = { 0 };
		while (text.n < 600000)
			buf_puts(&text, units[i]);
		void *st = s->open();
		s->begin(st, STR("srv"), STR("x.yml"), NULL);
		s->feed(st, buf_str(&text));
		if (s->end(st, &note, &err) < 0)
			assert_true(err.text[0]);
		s->close(st);
		buf_free(&text);
		buf_free(&note);
	}
}

/* ---- rules of the user's ---- */

static struct secret_set *set_of(const char *toml)
{
	struct secret_set *s = NULL;
	struct error err = { 0 };
	if (secret_set_of(str_of(toml), &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

static void own_rules(void **state)
{
	(void)state;
	struct secret_set *s = set_of("[[rules]]\nid = \"acme\"\ndescription = \"Acme's token\"\nregex = '''acme-([a-z]{4})-(?P<x>[0-9]{6})'''\nsecretGroup = 2\nkeywords = [\"ACME-\"]\nentropy = 1.5\n"
				      "[[rules.allowlists]]\nregexes = ['''^99''']\n[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''\\.md$''']\nregexTarget = \"match\"\nregexes = ['''acme-demo''']\n"
				      "[[rules]]\nid = \"everywhere\"\nregex = '''zz[0-9]{3}$'''\n[[rules]]\nid = \"file\"\npath = '''\\.secret$'''\n[[allowlists]]\ntargetRules = [\"everywhere\"]\nstopwords = [\"ZZ777\"]\n");
	struct results r = scan_with(s, "a.txt", STR("x Acme-abcd-123 acme-abcd-123456 y"));
	assert_int_equal(r.n, 1);
	assert_string_equal(r.v[0].rule->id, "acme");
	assert_int_equal(r.v[0].end - r.v[0].at, 6);
	assert_int_equal(scan_with(s, "a.txt", STR("acme-abcd-111111")).n, 0); /* entropy */
	assert_int_equal(scan_with(s, "a.txt", STR("acme-abcd-991234")).n, 0); /* allowed */
	assert_int_equal(scan_with(s, "a.txt", STR("acme-demo-123456")).n, 1);
	assert_int_equal(scan_with(s, "a.md", STR("acme-demo-123456")).n, 0);
	assert_int_equal(scan_with(s, "a.txt", STR("zz123")).n, 1);
	assert_int_equal(scan_with(s, "a.txt", STR("zz123\n")).n, 0); /* Go's $ is the very end */
	assert_int_equal(scan_with(s, "a.txt", STR("zz777")).n, 0);
	assert_int_equal(scan_with(s, "x.secret", STR("q")).n, 1);
	secret_set_free(s);

	struct buf text = BUF(0);
	seed = 1;
	expand(&text, "dop" "_v1_<h64> ", false);
	s = set_of("[extend]\nuseDefault = true\ndisabledRules = [\"digitalocean-access-token\"]\n[[rules]]\nid = \"digitalocean-pat\"\n[[rules.allowlists]]\npaths = ['''^ok/''']\n");
	assert_int_equal(s->n_rules, secret_rules_n - 1);
	assert_int_equal(scan_with(s, "srv/x", buf_str(&text)).n, 1);
	assert_int_equal(scan_with(s, "ok/x", buf_str(&text)).n, 0);
	secret_set_free(s);
	buf_free(&text);
}

static void own_rules_refused(void **state)
{
	(void)state;
	static const struct {
		const char *toml, *says;
	} of[] = {
		{ "", "no rules" }, { "[[rules]]\nregex = 'x'\n", "without an id" }, { "[[rules]]\nid = 'a'\n", "neither regex nor path" }, { "[[rules]]\nid = 'a'\nregex = '('\n", "a: regex" }, { "[[rules]]\nid = 'a'\nregex = '\\C'\n", "a: regex" },
		{ "[[rules]]\nid = 'a'\nregex = '\\x{100}'\n", "a: regex" }, { "[[rules]]\nid = 'a'\nregex = 'x'\n[[rules]]\nid = 'a'\nregex = 'x'\n", "two rules" }, { "[extend]\npath = 'x'\n", "one file" }, { "x", "line 1" },
		{ "[[rules]]\nid = 'a'\nregex = 'x'\nkeywords = [1]\n", "keywords" }, { "[[rules]]\nid = 'a'\nregex = 'x'\n[[rules.required]]\nid = 'b'\n", "require" }, { "[[rules]]\nid = 'a'\nregex = 'x'\n[rules.allowlist]\nregexes = ['(']\n", "allowlist" },
		{ "[[rules]]\nid = 'a'\nregex = 'x'\n[rules.allowlist]\nregexTarget = 'all'\n", "regexTarget" }, { "[[rules]]\nid = 'a'\nregex = 'x'\nsecretGroup = 99\n", "secretGroup" },
	};
	for (size_t i = 0; i < countof(of); i++) {
		struct secret_set *s;
		struct error err = { 0 };
		assert_int_equal(secret_set_of(str_of(of[i].toml), &s, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		if (!strstr(err.text, of[i].says))
			fail_msg("%s: %s", of[i].toml, err.text);
	}
}

/* ---- docs/secrets.md ---- */

static const char *const intro =
	"# Secrets\n\n"
	"`pare scan` looks for secrets in the files of every layer (what a later layer hides or deletes is still in the image, and told as such), in environment, labels, history, commands and build\n"
	"arguments. All rules' words are looked for in one pass; where one stands, the rule's form, its randomness and, where tokens carry one, its check sum or structure decide. A value is never\n"
	"shown: the first characters and the length are. What has the form but a check sum that does not hold, or letters in their order, is told with low severity.\n\n"
	"Nothing is looked for in pictures, fonts, lock files, public keys, the system's documentation, and tests of other people's packages. In what systems and packages brought, in tests, in\n"
	"Markdown and minified files, and in programs, only forms that speak for themselves count. Placeholders, variables, samples of manuals and emulators are none.\n\n"
	"    pare scan --kinds secret IMAGE\n"
	"    pare scan --kinds secret --fail-on secret IMAGE\n\n"
	"## Rules of your own\n\n"
	"`--secret-rules FILE` reads gitleaks' format. Without `[extend]` they replace the built-in ones.\n\n"
	"```toml\n[extend]\nuseDefault = true\ndisabledRules = [\"jwt\"]\n\n[[rules]]\nid = \"acme-token\"\ndescription = \"Acme's token\"\nregex = '''acme-[0-9a-f]{32}'''\nkeywords = [\"acme-\"]\nentropy = 3\n\n"
	"[[rules.allowlists]]\npaths = ['''\\.example$''']\n\n[[rules]]\nid = \"github-pat\" # one of the built-in ones: changed, not replaced, as there is no regex\n[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''not a secret''']\n```\n\n"
	"Understood: `regex`, `path`, `keywords`, `entropy`, `secretGroup`, `tags`; allowlists (of a rule and of all, with `targetRules`) with `condition`, `regexTarget`, `regexes`, `paths`, `stopwords`. Refused: `extend.path`,\n"
	"`required`. A pattern is tried from 512 bytes in front of a keyword to 4096 behind it; one without keywords everywhere, which costs more.\n\n"
	"## The built-in rules\n\n| rule | what it finds | severity | what to do |\n|---|---|---|---|\n";

static void page_of(struct buf *out)
{
	buf_puts(out, intro);
	for (u32 i = 0; i < secret_rules_n; i++)
		buf_printf(out, "| `%s` | %s | %s | %s |\n", secret_rules[i].id, secret_rules[i].title, severity_text[secret_rules[i].severity], secret_rules[i].rotate);
}

/* The page is the table's: PARE_WRITE=1 build/test_secret writes it. */
static void page(void **state)
{
	(void)state;
	static const char *const places[] = { "../docs/secrets.md", "docs/secrets.md" };
	struct buf want = BUF(0), have = BUF(0);
	page_of(&want);
	for (size_t i = 0; i < countof(places); i++) {
		FILE *f = fopen(places[i], getenv("PARE_WRITE") ? "w" : "r");
		if (!f)
			continue;
		if (getenv("PARE_WRITE")) {
			fwrite(want.p, 1, want.n, f);
		} else {
			buf_reserve(&have, want.n + 4096);
			have.n = fread(have.p, 1, want.n + 4096, f);
			if (!str_eq(buf_str(&want), buf_str(&have)))
				fail_msg("docs/secrets.md is not current: PARE_WRITE=1 build/test_secret");
		}
		fclose(f);
		break;
	}
	buf_free(&want);
	buf_free(&have);
}

int main(void)
{
	struct error err;
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_rule), cmocka_unit_test(table), cmocka_unit_test(silence), cmocka_unit_test(ordinary), cmocka_unit_test(assignments), cmocka_unit_test(places), cmocka_unit_test(check_sums), cmocka_unit_test(pieces),
		cmocka_unit_test(binaries), cmocka_unit_test(hostile), cmocka_unit_test(own_rules), cmocka_unit_test(own_rules_refused), cmocka_unit_test(page) };
	if (secret_set_new(NULL, &rules, &err) < 0)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_set_free(rules);
	return failed;
}
