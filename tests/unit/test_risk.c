/* check/risk.h: what sounds like a secret, and what is found in a configuration and a tree. */
#include "check/risk.h"
#include "secret/secret.h"
#include "image_of.h"
#include <setjmp.h>
#include <cmocka.h>

static void names(void **state)
{
	(void)state;
	static const char *const secret[] = { "PASSWORD", "DB_PASSWORD", "db.password", "MYSQL_ROOT_PASSWORD", "API_KEY", "STRIPE_API_KEY", "AWS_SECRET_ACCESS_KEY", "SECRET", "GITHUB_TOKEN", "token", "APIKEY", "PRIVATE_KEY",
					      "CLIENT_SECRET", "REDIS_PASSWD", "GIT_CREDENTIALS", "DB_PWD", "KEY_PASSPHRASE" };
	static const char *const not[] = { "PATH", "PWD", "OLDPWD", "PASSWORD_FILE", "SECRET_PATH", "PUBLIC_KEY", "TOKEN_TTL", "TOKENIZER", "KEYBOARD", "MONKEY", "PASSWORDLESS", "GPG_KEY", "COMPASS", "API_KEY_FILE", "TOKEN_URL", "SECRETARY",
					   "PASSWORD_MIN_LENGTH", "" };
	for (size_t i = 0; i < countof(secret); i++)
		if (!secret_name(str_of(secret[i])))
			fail_msg("%s", secret[i]);
	for (size_t i = 0; i < countof(not); i++)
		if (secret_name(str_of(not[i])))
			fail_msg("%s", not[i]);
}

static void urls(void **state)
{
	(void)state;
	static const char *const secret[] = { "postgres://app:pw@db/app", "https://u:p@host", "redis://:pw@cache:6379/0", "amqp://guest:guest@mq" };
	static const char *const not[] = { "https://example.org/a", "https://user@example.org", "http://host:80/a@b:c", "postgres://app:$PW@db", "postgres://app:@db", "no url", "", "a:b@c", "http://", "mailto:a:b@c" };
	for (size_t i = 0; i < countof(secret); i++)
		if (!secret_url(str_of(secret[i])))
			fail_msg("%s", secret[i]);
	for (size_t i = 0; i < countof(not); i++)
		if (secret_url(str_of(not[i])))
			fail_msg("%s", not[i]);
}

static const struct finding *find(const struct findings *f, const char *rule)
{
	for (u32 i = 0; i < f->n; i++)
		if (strcmp(f->v[i].rule, rule) == 0)
			return &f->v[i];
	return NULL;
}

static void risks_of(const char *config, const char *layer, struct findings *ret)
{
	struct image_of w;
	image_of(&w, (const char *const[]){ layer, NULL });
	struct error err = { 0 };
	*ret = (struct findings){ 0 };
	if (config) {
		w.img.config_doc = json_read(str_of(config), "configuration", &err);
		assert_non_null(w.img.config_doc);
		assert_int_equal(config_parse(&w.img.arena, w.img.config_doc, &w.img.config, &err), 0);
	}
	struct rootfs *r = rootfs_build(&w.img, NULL);
	risk_find(&w.img, r, ret);
	rootfs_free(r);
	json_decref(w.img.config_doc);
	arena_free(&w.img.arena);
	image_of_free(&w);
}

static void configuration(void **state)
{
	(void)state;
	struct findings f;
	risks_of("{\"config\":{\"Env\":[\"DB_PASSWORD=hunter2\",\"PATH=/bin\",\"U=https://a:hunter2@h\",\"TOKEN=\"],\"ExposedPorts\":{\"80/tcp\":{}}},"
		 "\"history\":[{\"created_by\":\"|2 API_TOKEN=hunter2 X=1 /bin/sh -c make\"}]}", "f a 1", &f);
	static const char *const rules[] = { "root-user", "no-healthcheck", "secret-env", "secret-arg" };
	for (size_t i = 0; i < countof(rules); i++)
		if (!find(&f, rules[i]))
			fail_msg("no %s", rules[i]);
	assert_int_equal(f.n, 5);
	for (u32 i = 0; i < f.n; i++) { /* what is secret is never shown */
		assert_null(strstr(f.v[i].message, "hunter2"));
		assert_non_null(f.v[i].fix);
	}
	findings_free(&f);
	static const char *const users[] = { "0", "root", "0:0", "root:wheel", "" }, *const others[] = { "1000", "app", "rooty", "0x", "1000:0" };
	char config[100];
	for (size_t i = 0; i < countof(users) + countof(others); i++) {
		bool root = i < countof(users);
		snprintf(config, sizeof config, "{\"config\":{\"User\":\"%s\"}}", root ? users[i] : others[i - countof(users)]);
		risks_of(config, "", &f);
		if (!find(&f, "root-user") == root)
			fail_msg("%s", config);
		assert_null(find(&f, "no-healthcheck")); /* nothing listens */
		findings_free(&f);
	}
	risks_of(NULL, "", &f); /* a directory has no user */
	assert_int_equal(f.n, 0);
}

static void tree(void **state)
{
	(void)state;
	struct findings f;
	risks_of(NULL, "d a\nf a/su 1 4755\nf a/sg 1 2755\nf a/locked 1 2644\nf a/open 1 0666\nd a/tmp 1777\nd a/share 0777\nf a/.env X=1\nf a/id_rsa k\nf a/id_rsa.pub k\nd a/.git\nd a/.git/objects\n"
		       "f a/.netrc x\nf a/.aws/credentials x\nf b/credentials x\nf a/.bash_history x\nf a/empty/.env -\nf n/.env 1\nl a/link id_rsa", &f);
	static const struct {
		const char *rule, *path;
		u32 count;
	} want[] = { { "setuid", "/a/su", 1 }, { "setgid", "/a/sg", 1 }, { "world-writable-file", "/a/open", 1 }, { "world-writable-directory", "/a/share", 1 }, { "env-file", "/a/.env", 2 }, { "private-key-file", "/a/id_rsa", 1 },
		     { "git-directory", "/a/.git", 1 }, { "credentials-file", "/a/.netrc", 2 }, { "shell-history", "/a/.bash_history", 1 } };
	assert_int_equal(f.n, countof(want));
	for (size_t i = 0; i < countof(want); i++) {
		const struct finding *x = find(&f, want[i].rule);
		if (!x || x->count != want[i].count || strcmp(x->path, want[i].path) != 0 || x->layer != 0 || !x->fix)
			fail_msg("%s: %s", want[i].rule, x ? x->message : "not found");
	}
	findings_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(urls), cmocka_unit_test(configuration), cmocka_unit_test(tree) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
