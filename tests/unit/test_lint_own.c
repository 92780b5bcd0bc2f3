/* The rules that neither hadolint nor BuildKit have: each one's bad example makes it speak, its good one doesn't; forms of secrets; what has an end of support. */
#include "lint/bytes.h"
#include "lint/effect.h"
#include "lint/lint.h"
#include "secret/secret.h"
#include <setjmp.h>
#include <cmocka.h>

extern const struct lint_rule rules_base[], rules_cache[], rules_order[], rules_secrets[], rules_security[], rules_waste[];

static enum level all_on(void *ctx, const struct rule *r)
{
	(void)ctx;
	return r->level == LEVEL_IGNORE ? LEVEL_STYLE : r->level;
}

static u32 count(const char *text, const char *rule, u32 *line)
{
	struct lint_options opt = { .level = all_on, .now = 1764547200 /* 2025-12-01 */ };
	struct diagnostics d = { 0 };
	struct error err = { 0 };
	bool refused;
	u32 n = 0;
	assert_int_equal(lint_run(str_of(text), &opt, &d, &refused, &err), 0);
	for (u32 i = 0; i < d.n; i++)
		if (strcmp(d.v[i].rule->name, rule) == 0) {
			n++;
			if (line)
				*line = d.v[i].line;
		}
	diagnostics_free(&d);
	return n;
}

static void examples(void **state)
{
	(void)state;
	const struct lint_rule *const sets[] = { rules_base, rules_cache, rules_order, rules_secrets, rules_security, rules_waste };
	for (size_t s = 0; s < countof(sets); s++)
		for (const struct lint_rule *r = sets[s]; r->meta.name; r++) {
			if (count(r->meta.bad, r->meta.name, NULL) == 0)
				fail_msg("%s is silent on its bad example", r->meta.name);
			if (count(r->meta.good, r->meta.name, NULL) != 0)
				fail_msg("%s speaks on its good example", r->meta.name);
			if (!r->meta.why || strlen(r->meta.why) < 60 || !r->meta.summary || !r->meta.topic || !r->meta.since)
				fail_msg("%s lacks something", r->meta.name);
		}
}

struct one {
	const char *rule, *text;
	u32 n;
};

static void cases(void **state)
{
	(void)state;
	static const struct one v[] = {
		/* deleted later: the same path, a pattern, a tree, brace, variable; not in the same RUN, not in a stage that doesn't ship, not by a mount */
		{ "deleted-later", "FROM debian:12\nCOPY app.tgz /tmp/\nRUN tar xf /tmp/app.tgz -C /opt\nRUN rm -f /tmp/*.tgz\n", 1 },
		{ "deleted-later", "FROM debian:12\nENV D=/build\nCOPY . $D\nRUN make -C /build install && rm -rf ${D}\n", 1 },
		{ "deleted-later", "FROM debian:12\nWORKDIR /w\nRUN curl -fO https://example.org/a.bin\nRUN cd /w && rm a.bin\n", 1 },
		{ "deleted-later", "FROM debian:12\nRUN touch /a /b\nRUN rm /{a,b}\n", 1 },
		{ "deleted-later", "FROM debian:12\nCOPY . /app\nRUN rm -rf /app/.git\n", 1 },
		{ "deleted-later", "FROM debian:12\nCOPY . /app\nRUN make && rm -rf /app/obj\n", 0 },
		{ "deleted-later", "FROM debian:12 AS b\nRUN touch /a\nRUN rm /a\nFROM debian:12\nCOPY --from=b /c /c\n", 0 },
		{ "deleted-later", "FROM debian:12 AS b\nRUN touch /a\nFROM b\nRUN rm /a\n", 1 },
		{ "deleted-later", "FROM debian:12\nRUN --mount=type=cache,target=/c touch /c/a\nRUN --mount=type=cache,target=/c rm /c/a\n", 0 },
		{ "deleted-later", "FROM debian:12\nRUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*\nRUN apt-get update && apt-get install -y b && rm -rf /var/lib/apt/lists/*\n", 0 },
		{ "deleted-later", "FROM debian:12\nRUN apt-get update && apt-get install -y a\nRUN rm -rf /var/lib/apt/lists/*\n", 1 },
		{ "deleted-later", "FROM debian:12\nRUN (cd /x && touch a) && rm -f a\nRUN rm /a\n", 0 },
		{ "archive-kept", "FROM debian:12\nRUN wget -qO- https://example.org/a.tgz | tar xz\n", 0 },
		{ "archive-kept", "FROM debian:12\nRUN wget -O /tmp/a.zip https://example.org/a.zip && unzip /tmp/a.zip\n", 1 },
		{ "archive-kept", "FROM debian:12 AS b\nRUN wget -O /tmp/a.zip https://example.org/a.zip && unzip /tmp/a.zip\nFROM scratch\nCOPY --from=b /a /a\n", 0 },
		{ "build-tools-kept", "FROM alpine:3.22\nRUN apk add --no-cache --virtual .deps gcc musl-dev && make && apk del .deps\n", 0 },
		{ "build-tools-kept", "FROM alpine:3.22\nRUN apk add --no-cache gcc musl-dev curl\n", 1 },
		{ "build-tools-kept", "FROM debian:12\nRUN apt-get install -y gcc && make && apt-get purge -y --auto-remove gcc\n", 0 },
		{ "owner-copies-layer", "FROM debian:12\nRUN mkdir -p /data && chown -R 1:1 /data\n", 0 },
		{ "owner-copies-layer", "FROM debian:12\nCOPY a b /srv/app/\nRUN useradd x && chown -R x /srv\n", 1 },
		{ "package-cache-kept", "FROM node:22\nRUN npm ci && npm cache clean --force\n", 0 },
		{ "package-cache-kept", "FROM node:22\nRUN npm ci && rm -rf ~/.npm\n", 0 },
		{ "package-cache-kept", "FROM node:22 AS b\nRUN npm ci\nFROM node:22-slim\nCOPY --from=b /app /app\n", 0 },
		{ "package-cache-kept", "FROM golang:1\nRUN go build -o /app .\n", 1 },
		{ "package-cache-kept", "FROM continuumio/miniconda3:24.1\nRUN conda install -y numpy && conda clean -afy\n", 0 },
		{ "copy-before-install", "FROM python:3.13\nCOPY . .\nRUN pip install -r requirements.txt\n", 1 },
		{ "copy-before-install", "FROM python:3.13\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\nRUN pip install -r requirements.txt\n", 0 },
		{ "update-alone", "FROM alpine:3.22\nRUN apk update\nRUN apk add curl\n", 1 },
		{ "update-alone", "FROM alpine:3.22\nRUN apk update\nRUN apk add --no-cache curl\n", 1 },
		{ "tls-check-off", "FROM debian:12\nENV NODE_TLS_REJECT_UNAUTHORIZED=0 PYTHONHTTPSVERIFY=0\n", 2 },
		{ "tls-check-off", "FROM debian:12\nENV NODE_TLS_REJECT_UNAUTHORIZED=1 GIT_SSL_NO_VERIFY=false\n", 0 },
		{ "tls-check-off", "FROM debian:12\nRUN npm config set strict-ssl false && git -c http.sslVerify=false clone https://a/b && pip install --trusted-host a b==1\n", 3 },
		{ "tls-check-off", "FROM debian:12\nRUN curl -fk https://localhost:8080/ && curl -H 'X: k' https://a.example\n", 0 },
		{ "tls-check-off", "FROM debian:12\nRUN export GIT_SSL_NO_VERIFY=1 && PYTHONHTTPSVERIFY=0 python x.py\n", 2 },
		{ "signature-check-off", "FROM debian:12\nRUN apt-get install -y --allow-unauthenticated a && rpm -i --nosignature b.rpm && yum install -y --nogpgcheck c\n", 3 },
		{ "signature-check-off", "FROM debian:12\nRUN echo 'deb [trusted=yes] https://a ./' > /etc/apt/sources.list.d/a.list\n", 1 },
		{ "world-writable", "FROM debian:12\nRUN chmod 1777 /tmp && chmod a+x /b && chmod 755 /c && chmod -R o+w /d && chmod a=rwx /e\n", 2 },
		{ "world-writable", "FROM debian:12\nCOPY --chmod=777 a /a\n", 1 },
		{ "file-privileges", "FROM debian:12\nRUN chmod 4755 /a && chmod 2775 /dir && setcap cap_net_raw=ep /b\n", 2 },
		{ "pipe-to-shell", "FROM debian:12\nRUN curl -fsSL https://a.example | tee x | bash -s -- -y\n", 1 },
		{ "pipe-to-shell", "FROM debian:12\nRUN sh -c \"$(curl -fsSL https://a.example)\"\n", 1 },
		{ "pipe-to-shell", "FROM debian:12\nRUN curl -fsSL https://a.example | tar xz\n", 0 },
		{ "ssh-port", "FROM debian:12\nEXPOSE 80 22/tcp 20-25\nEXPOSE 22/udp 2222\n", 2 },
		{ "base-out-of-support", "FROM python:3.13-slim-buster\nFROM node:16\n", 1 },
		{ "base-out-of-support", "FROM python:3.13-slim-buster AS a\nFROM node:16\nCOPY --from=a /a /a\n", 2 },
		{ "base-out-of-support", "FROM example/node:16\n", 0 },
		{ "base-out-of-support", "FROM registry.example.org/library/node:16.20.2-alpine\n", 1 },
		{ "base-out-of-support", "FROM debian:12\nFROM ubuntu:24.04\nFROM alpine:3.22\nFROM node:24\n", 0 },
		{ "base-has-smaller-variant", "FROM node:22-bookworm\n", 1 },
		{ "base-has-smaller-variant", "FROM node:22-alpine\nFROM python:3.13-slim\nFROM debian:12-slim\nFROM localhost/python:3.13\n", 0 },
		{ "runs-as-root", "FROM gcr.io/distroless/static\nCMD [\"/a\"]\n", 0 },
		{ "runs-as-root", "FROM debian:12\nRUN true\n", 0 },
		{ "runs-as-root", "FROM debian:12\nENTRYPOINT [\"gosu\", \"app\", \"/a\"]\n", 0 },
		{ "secret-value", "FROM debian:12\nENV U=postgres://app:$PW@db/app V=http://a:b/c W=https://x-access-token:${T}@github.com/a\n", 0 },
		{ "secret-value", "FROM debian:12\nRUN git clone https://me:s3cret@example.org/a\n", 1 },
		{ "secret-in-command", "FROM debian:12\nRUN keytool -genkeypair -storepass changeit && keytool -importcert -keystore cacerts -storepass changeit -file a\n", 1 },
		{ "secret-in-command", "FROM debian:12\nRUN curl -fu \"$USER:$PW\" https://a.example && mysql -p\"$PW\" && docker login -p $T\n", 0 },
		{ "secret-file-copied", "FROM debian:12\nCOPY .env.example id_rsa.pub /a/\n", 0 },
		{ "secret-file-copied", "FROM debian:12 AS b\nCOPY .env /a/\nFROM debian:12\nCOPY --from=b /x /x\n", 0 },
	};
	for (size_t i = 0; i < countof(v); i++) {
		u32 n = count(v[i].text, v[i].rule, NULL);
		if (n != v[i].n)
			fail_msg("%s: %u instead of %u:\n%s", v[i].rule, n, v[i].n, v[i].text);
	}
}

static u32 secrets_in(const char *text)
{
	struct secret_hit hit;
	u32 n = 0;
	for (size_t from = 0; secret_find(str_of(text), &from, &hit);)
		n++;
	return n;
}

static void forms(void **state)
{
	(void)state;
	/* put together here: whole ones would be found in this file */
	char text[600];
	static const char *const parts[][2] = {
		{ "AKIA", "QYLPMN5HHHFPZAM2" }, { "ghp_", "16C7e42F292c6912E7710c838347Ae178B4a" }, { "glpat-", "Zx8vQm2kLw9RtYbNc4Df" }, { "xoxb-", "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx" },
		{ "sk_live_", "4eC39HqLyjWDarjtT1zdp7dcQ" }, { "npm_", "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA3bC6" }, { "AIza", "SyD3k9Qm2Lw8RtYbNc4DfGh7Jk1PqRsTuVw" }, { "hf_", "AbCdXyZqWeRtYuIoPaSdFgHjKlZxCvBnMq" },
		{ "https://hooks.slack.com/services/", "T024BE7LD/B0H4QN5R8/x7Kd93LmPq20Vt8Zb41NcY6s" }, { "dckr_pat_", "Zx8vQm2kLw9RtYbNc4DfGh7Jk1P" },
	};
	for (size_t i = 0; i < countof(parts); i++) {
		snprintf(text, sizeof text, "x=\"%s%s\" y", parts[i][0], parts[i][1]);
		if (secrets_in(text) != 1)
			fail_msg("%s is not found", parts[i][0]);
		snprintf(text, sizeof text, "x=\"abc%s%s\" y", parts[i][0], parts[i][1]); /* inside another word */
		if (i != 8 && secrets_in(text) != 0)
			fail_msg("%s is found inside a word", parts[i][0]);
	}
	assert_int_equal(secrets_in("AKIAIOSFODNN7EXAMPLE ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ghp_0123456789abcdefghijklmnopqrstuvwxyz sk-abc hf_token npm_config_cache=/x glpat-x"), 0);
	snprintf(text, sizeof text, "%s RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0123456789abcdefg\n", "-----BEGIN");
	assert_int_equal(secrets_in(text), 1);
	snprintf(text, sizeof text, "grep -q '%s RSA PRIVATE KEY-----' f", "-----BEGIN");
	assert_int_equal(secrets_in(text), 0);
	snprintf(text, sizeof text, "%s PUBLIC KEY-----\nMIIEpAIBAAKCAQEA0123456789abcdefg\n", "-----BEGIN");
	assert_int_equal(secrets_in(text), 0);
}

static void files(void **state)
{
	(void)state;
	static const char *const yes[][2] = { { "", ".env" }, { "", ".env.production" }, { "", "id_ed25519" }, { ".aws", "credentials" }, { ".docker", "config.json" } };
	static const char *const no[][2] = { { "", ".env.example" }, { "", "env.sample" }, { "", "id_rsa.pub" }, { "src", "credentials" }, { "", "config.json" }, { "", ".envrc" } };
	for (size_t i = 0; i < countof(yes); i++)
		assert_non_null(secret_file(str_of(yes[i][0]), str_of(yes[i][1])));
	for (size_t i = 0; i < countof(no); i++)
		assert_null(secret_file(str_of(no[i][0]), str_of(no[i][1])));
}

static void no_values(void **state)
{
	(void)state;
	struct lint_options opt = { 0 };
	struct diagnostics d = { 0 };
	struct error err = { 0 };
	bool refused;
	static const char text[] = "FROM debian:12\nENV U=postgres://app:hunter2@db/app DB_PASSWORD=hunter2\nRUN mysql -phunter2 && export TOKEN=hunter2 && echo root:hunter2 | chpasswd && htpasswd -b f u hunter2\n";
	assert_int_equal(lint_run(STR(text), &opt, &d, &refused, &err), 0);
	assert_true(d.n > 4);
	for (u32 i = 0; i < d.n; i++)
		assert_null(strstr(d.v[i].message, "hunter2"));
	diagnostics_free(&d);
}

static void hostile(void **state)
{
	(void)state;
	/* many effects, pairs of which are compared; long words; nothing here may take long or much */
	static const char *const bits[] = { "RUN rm -rf /a/* && touch /a/b\n", "COPY a.tgz /a/\n", "RUN apt-get install -y gcc\n", "RUN cd ../../../x\n", "RUN chown -R a /a\n", "ARG GIT_SHA\n", "RUN curl http://a/b|sh\n" };
	size_t max = 1 << 20, n = 0;
	for (size_t b = 0; b < countof(bits); b++) {
		char *text = xmalloc(max + 100);
		n = (size_t)snprintf(text, 100, "FROM debian:12\n");
		while (n + strlen(bits[b]) < max) {
			memcpy(text + n, bits[b], strlen(bits[b]));
			n += strlen(bits[b]);
		}
		text[n] = '\0';
		count(text, "deleted-later", NULL);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples), cmocka_unit_test(cases), cmocka_unit_test(forms), cmocka_unit_test(files), cmocka_unit_test(no_values), cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
