/* check/config.h: what sounds like a secret, and what is found in a configuration, a history, a tree and files about accounts. check/license.h: policies. */
#include "check/accounts.h"
#include "check/config.h"
#include "check/license.h"
#include "report/subject.h"
#include "secret/secret.h"
#include "image_of.h"
#include "layer/read.h"
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

#define TODAY "2026-01-31"

static const struct scan_finding *find(const struct scan *s, const char *id)
{
	for (u32 i = 0; i < s->n; i++)
		if (strcmp(s->v[i].id, id) == 0)
			return &s->v[i];
	return NULL;
}

static u32 count(const struct scan *s, const char *id)
{
	u32 n = 0;
	for (u32 i = 0; i < s->n; i++)
		n += strcmp(s->v[i].id, id) == 0;
	return n;
}

static void add_file(struct facts *f, const char *path, const char *text)
{
	struct tar_entry e = { .path = str_of(path), .type = TAR_FILE, .mode = 0644, .size = strlen(text), .stored = strlen(text) };
	u32 id;
	assert_int_equal(facts_add(f, &e, e.path, &id, NULL), 0);
	layer_collect(f, id, collector_sets[COLLECT_ALL], &e, e.path, str_of(text));
}

/* files: pairs of path and content, for the collectors; may be NULL. */
static void faults_of(const char *config, const char *layer, const char *const *files, const char *today, struct scan *ret)
{
	struct image_of w;
	image_of(&w, (const char *const[]){ layer, NULL });
	struct error err = { 0 };
	*ret = (struct scan){ 0 };
	for (u32 i = 0; files && files[i]; i += 2)
		add_file(w.facts[0], files[i], files[i + 1]);
	if (config) {
		w.img.config_doc = json_read(str_of(config), "configuration", &err);
		assert_non_null(w.img.config_doc);
		assert_int_equal(config_parse(&w.img.arena, w.img.config_doc, &w.img.config, &err), 0);
	}
	struct rootfs *r = rootfs_build(&w.img, NULL);
	config_find(&w.img, r, NULL, today, ret);
	for (u32 i = 0; i < ret->n; i++)
		if (ret->v[i].kind != KIND_CONFIG || !config_check_get(ret->v[i].id) || !*ret->v[i].title || !*ret->v[i].remedy || !*ret->v[i].reason || !ret->v[i].count)
			fail_msg("%s says too little", ret->v[i].id);
	rootfs_free(r);
	json_decref(w.img.config_doc);
	arena_free(&w.img.arena);
	image_of_free(&w);
}

/* Every check has what a person wants to know, and a name of its own. */
static void table(void **state)
{
	(void)state;
	for (u32 i = 0; i < CONFIG_CHECKS; i++) {
		const struct config_check *c = &config_checks[i];
		if (!c->id || !c->aliases || !c->why || !c->remedy || !c->one != !c->many || config_check_get(c->id) != c)
			fail_msg("check %u", i);
	}
	assert_null(config_check_get("no-such-check"));
}

static void configuration(void **state)
{
	(void)state;
	struct scan s;
	faults_of("{\"config\":{\"ExposedPorts\":{\"80/tcp\":{},\"22/tcp\":{}},\"Volumes\":{\"/etc/\":{},\"/data\":{}}},\"created\":\"2024-01-31T00:00:00Z\"}", "f a 1", NULL, TODAY, &s);
	static const char *const ids[] = { "root-user", "no-healthcheck", "exposed-ssh", "sensitive-volume", "missing-labels", "old-image" };
	for (size_t i = 0; i < countof(ids); i++)
		if (count(&s, ids[i]) != 1)
			fail_msg("no %s", ids[i]);
	assert_int_equal(s.n, countof(ids));
	assert_string_equal(find(&s, "sensitive-volume")->path, "VOLUME /etc");
	assert_int_equal(find(&s, "old-image")->severity, SEV_MEDIUM);
	assert_non_null(strstr(find(&s, "root-user")->aliases, "CIS-DI-0001"));
	scan_free(&s);
	static const char *const users[] = { "0", "root", "0:0", "root:wheel", "" }, *const others[] = { "1000", "app", "rooty", "0x", "1000:0" };
	char config[200];
	for (size_t i = 0; i < countof(users) + countof(others); i++) {
		bool root = i < countof(users);
		snprintf(config, sizeof config, "{\"config\":{\"User\":\"%s\",\"Labels\":{\"org.opencontainers.image.source\":\"x\"}},\"created\":\"2026-01-01T00:00:00Z\"}", root ? users[i] : others[i - countof(users)]);
		faults_of(config, "", NULL, TODAY, &s);
		if (!find(&s, "root-user") == root || s.n != root) /* nothing listens, it is new, it has a label */
			fail_msg("%s", config);
		scan_free(&s);
	}
	faults_of(NULL, "", NULL, TODAY, &s); /* a directory has no user */
	assert_int_equal(s.n, 0);
	static const struct {
		const char *made, *today;
		bool old;
	} ages[] = { { "2025-08-04T00:00:00Z", TODAY, true }, { "2025-08-05T00:00:00Z", TODAY, false }, { "1970-01-01T00:00:00Z", TODAY, false }, { "0001-01-01T00:00:00Z", TODAY, false }, { "2024-01-01", "", false },
		{ "2024-02-29T00:00:00Z", "2024-08-27", true }, { "2027-01-01T00:00:00Z", TODAY, false }, { "soon", TODAY, false } };
	for (size_t i = 0; i < countof(ages); i++) {
		snprintf(config, sizeof config, "{\"config\":{\"User\":\"1\"},\"created\":\"%s\"}", ages[i].made);
		faults_of(config, "", NULL, ages[i].today, &s);
		if (!find(&s, "old-image") == ages[i].old)
			fail_msg("%s", ages[i].made);
		scan_free(&s);
	}
}

static void history(void **state)
{
	(void)state;
	static const struct {
		const char *by, *id; /* id NULL: nothing is wrong */
	} rows[] = {
		{ "ADD https://example.org/a.tar /a # buildkit", "remote-add" }, { "/bin/sh -c #(nop) ADD https://example.org/a /a ", "remote-add" }, { "ADD --checksum=sha256:00 https://example.org/a /a", NULL },
		{ "ADD a.tar /a # buildkit", NULL }, { "COPY https: /a", NULL }, { "RUN /bin/sh -c apk add --allow-untrusted x.apk # buildkit", "unverified-packages" },
		{ "/bin/sh -c apt-get install -y --allow-unauthenticated x", "unverified-packages" }, { "RUN /bin/sh -c apt-get update # buildkit", "update-alone" }, { "RUN apt-get update && apt-get install -y x", NULL },
		{ "|1 A=b /bin/sh -c apt-get update && apt-get dist-upgrade -y && apt-get install x", "dist-upgrade" }, { "RUN /bin/sh -c make && sudo make install", "sudo-in-build" }, { "RUN /bin/sh -c apt-get install -y sudo", NULL },
		{ "RUN echo 'do not pseudo sudoku'", NULL }, { "|", NULL }, { "RUN ", NULL }, { "/bin/sh -c ", NULL }, { "ADD ", NULL },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		char config[400];
		struct scan s;
		snprintf(config, sizeof config, "{\"config\":{\"User\":\"1\",\"Labels\":{\"org.opencontainers.image.version\":\"x\"}},\"history\":[{\"created_by\":\"%s\"}]}", rows[i].by);
		faults_of(config, "", NULL, TODAY, &s);
		if (rows[i].id ? s.n != 1 || strcmp(s.v[0].id, rows[i].id) || strcmp(s.v[0].path, "history 0") : s.n != 0)
			fail_msg("%s: %s", rows[i].by, s.n ? s.v[0].id : "nothing");
		scan_free(&s);
	}
	struct scan s;
	faults_of("{\"config\":{\"User\":\"1\"},\"history\":[{\"created_by\":\"ADD https://user:hunter2@example.org/a /a\"}]}", "", NULL, TODAY, &s);
	assert_null(strstr(find(&s, "remote-add")->title, "hunter2"));
	scan_free(&s);
}

static void tree(void **state)
{
	(void)state;
	struct scan s;
	faults_of(NULL, "d a\nf a/su 1 4755\nf a/sg 1 2755\nf a/locked 1 2644\nf a/open 1 0666\nd a/tmp 1777\nd a/share 0777\nf a/.env X=1\nf a/id_rsa k\nf a/id_rsa.pub k\nd a/.git\nd a/.git/objects\n"
		       "f a/.netrc x\nf a/.aws/credentials x\nf b/credentials x\nf a/.bash_history x\nf a/empty/.env -\nf n/.env 1\nl a/link id_rsa\nf a/node_modules/x/.env 1\nf a/node_modules/x/Dockerfile 1\n"
		       "f a/Dockerfile x\nf usr/local/lib/open x 0666\nf usr/lib/open x 0666\nd usr/bin 0777\nf bin/sh x 0755\nf usr/bin/apt-get x 0755\nf usr/sbin/sshd x 0755\nf var/lib/apt/lists/x_Packages x\nf var/lib/apt/lists/lock -", NULL, TODAY, &s);
	static const struct {
		const char *id, *path;
		u32 count;
	} want[] = { { "setuid", "/a/su", 1 }, { "setgid", "/a/sg", 1 }, { "world-writable-file", "/a/open", 2 }, { "world-writable-directory", "/a/share", 1 }, { "env-file", "/a/.env", 2 }, { "private-key-file", "/a/id_rsa", 1 },
		     { "git-directory", "/a/.git", 1 }, { "credentials-file", "/a/.netrc", 2 }, { "shell-history", "/a/.bash_history", 1 }, { "build-file", "/a/Dockerfile", 1 }, { "writable-system-path", "/usr/lib/open", 2 },
		     { "shell", "/bin/sh", 1 }, { "package-manager", "/usr/bin/apt-get", 1 }, { "ssh-server", "/usr/sbin/sshd", 1 }, { "cache-kept", "/var/lib/apt/lists/x_Packages", 1 } };
	u32 all = 0;
	for (size_t i = 0; i < countof(want); i++) {
		const struct scan_finding *x = find(&s, want[i].id);
		all += want[i].count;
		if (!x || count(&s, want[i].id) != want[i].count || (strcmp(x->path, want[i].path) != 0 && want[i].count == 1) || x->layer != 0)
			fail_msg("%s: %s, %u", want[i].id, x ? x->path : "not found", count(&s, want[i].id));
	}
	assert_int_equal(s.n, all);
	scan_free(&s);
	/* What belongs to the user it runs as. */
	faults_of("{\"config\":{\"User\":\"app\",\"Labels\":{\"org.opencontainers.image.version\":\"x\"}}}", "d usr/lib/app\nf usr/lib/app/x 1 0644 1000\nf app/x 1 0644 1000\nf etc/c 1 0644 1000\nf etc/d 1 0644 2",
		  (const char *const[]){ "etc/passwd", "root:x:0:0::/:\napp:x:1000:1000::/:\n", NULL }, TODAY, &s);
	assert_int_equal(s.n, 2);
	assert_int_equal(count(&s, "user-owns-system-path"), 2);
	scan_free(&s);
}

/* Very many places are told together. */
static void many(void **state)
{
	(void)state;
	struct buf text = BUF(0);
	struct scan s;
	for (u32 i = 0; i < CONFIG_PLACES + 7; i++)
		buf_printf(&text, "f x/%03u 1 0666\n", i);
	faults_of(NULL, text.p, NULL, TODAY, &s);
	assert_int_equal(s.n, CONFIG_PLACES + 1);
	assert_int_equal(s.v[CONFIG_PLACES].count, 7);
	assert_string_equal(s.v[CONFIG_PLACES].title, "7 more world-writable files");
	scan_free(&s);
	buf_free(&text);
}

/* A secret that was found in a file is not told of again for the file's name. */
static void known_secret(void **state)
{
	(void)state;
	struct image_of w;
	struct scan s = { 0 };
	image_of(&w, (const char *const[]){ "f a/id_rsa k\nf b/id_rsa k", NULL });
	struct rootfs *r = rootfs_build(&w.img, NULL);
	scan_add(&s, KIND_SECRET, "private-key", SEV_HIGH)->path = "/a/id_rsa";
	config_find(&w.img, r, NULL, TODAY, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[1].path, "/b/id_rsa");
	scan_free(&s);
	rootfs_free(r);
	arena_free(&w.img.arena);
	image_of_free(&w);
}

static void accounts(void **state)
{
	(void)state;
	static const char *const files[] = {
		"etc/passwd", "root:x:0:0:root:/root:/bin/bash\n# a comment\ntoor:x:0:0::/:\na:x:5:5::/:\nb:x:5:5::/:\na:x:6:6::/:\n+::::::\nlast::9:9::/:",
		"etc/shadow", "root:*:1:\na:!:1:\nnobody::1:\nold:$1$salt$abcdefghijklmnop:1\nnew:$y$j9T$abcdefghij$klmnopqrstuvwxyz:1\nlocked:!$6$abc$abcdefghijk:1\n",
		"etc/group", "root:x:0:\nx:x:1:\ny:x:1:\nx:x:2:a\n",
		"etc/sudoers", "root ALL=(ALL:ALL) ALL\n# app ALL = NOPASSWD: ALL\nDefaults env_reset\n@includedir /etc/sudoers.d\n",
		"etc/sudoers.d/app", "app ALL=(ALL) \\\n\tNOPASSWD: ALL\nDefaults:app !authenticate\n",
		"etc/doas.conf", "permit persist :wheel\npermit nopass app as root\n",
		"etc/ssh/sshd_config", "#PermitRootLogin no\nPermitRootLogin yes\nPermitRootLogin no\nPasswordAuthentication no\npermitemptypasswords YES # really\n",
		"etc/ssh/sshd_config.d/x.conf", "PasswordAuthentication=yes\n",
		NULL };
	static const struct {
		const char *id, *path;
		u32 line, count;
	} want[] = { { "second-root", "/etc/passwd", 3, 1 }, { "duplicate-uid", "/etc/passwd", 5, 1 }, { "duplicate-user", "/etc/passwd", 6, 1 }, { "empty-password", "/etc/passwd", 8, 2 }, { "weak-password-hash", "/etc/shadow", 4, 1 },
		{ "password-hash", "/etc/shadow", 5, 1 }, { "duplicate-gid", "/etc/group", 3, 1 }, { "duplicate-group", "/etc/group", 4, 1 }, { "sudo-without-password", "/etc/doas.conf", 2, 3 }, { "sshd-root-login", "/etc/ssh/sshd_config", 2, 1 },
		{ "sshd-empty-passwords", "/etc/ssh/sshd_config", 5, 1 }, { "sshd-passwords", "/etc/ssh/sshd_config.d/x.conf", 1, 1 } };
	struct scan s;
	u32 all = 0;
	faults_of(NULL, "d etc", files, TODAY, &s);
	for (size_t i = 0; i < countof(want); i++) {
		const struct scan_finding *x = find(&s, want[i].id);
		all += want[i].count;
		if (!x || count(&s, want[i].id) != want[i].count || strcmp(x->path, want[i].path) || x->line != want[i].line)
			fail_msg("%s: %s:%u, %u", want[i].id, x ? x->path : "not found", x ? x->line : 0, count(&s, want[i].id));
	}
	assert_int_equal(s.n, all);
	for (u32 i = 0; i < s.n; i++) /* no hash is ever shown */
		if (strstr(s.v[i].title, "abcdefghij"))
			fail_msg("%s", s.v[i].title);
	scan_free(&s);
}

/* Notes hold no password, and a damaged one ends. */
static void account_notes(void **state)
{
	(void)state;
	struct buf note = BUF(MiB);
	struct error err = { 0 };
	struct account_fact f;
	assert_int_equal(accounts_collector.take(STR("etc"), STR("shadow"), STR("root:$6$hunter2hunter2:1\n"), &note, &err), 0);
	assert_false(str_contains(buf_str(&note), STR("hunter2")));
	struct str rest = buf_str(&note);
	assert_true(account_note_next(&rest, &f));
	assert_int_equal(f.what, ACCOUNT_HASH);
	assert_true(str_is(f.name, "root"));
	assert_false(account_note_next(&rest, &f));
	for (size_t n = 1; n < note.n; n++) {
		rest = str_n(note.p, n);
		assert_false(account_note_next(&rest, &f));
	}
	buf_clear(&note);
	struct buf big = BUF(4 * MiB);
	for (u32 i = 0; i < 20000; i++)
		buf_printf(&big, "u%u::%u:0::/:\n", i, i % 3);
	assert_int_equal(accounts_collector.take(STR("etc"), STR("passwd"), buf_str(&big), &note, &err), -1);
	assert_true(note.n < MiB);
	buf_free(&note);
	buf_free(&big);
	assert_false(accounts_collector.wants(STR("etc"), STR("passwd-")));
	assert_false(accounts_collector.wants(STR("app/etc"), STR("passwd")));
}

/* --- licences --- */
static void policies(void **state)
{
	(void)state;
	static const struct {
		const char *policy, *expression;
		enum license_verdict verdict;
		bool unknown;
	} rows[] = {
		{ "allow: [MIT]", "MIT", LICENSE_ALLOW, false }, { "allow: [MIT]", "ISC", LICENSE_DENY, false }, { "deny: [GPL-3.0-only]", "ISC", LICENSE_ALLOW, false }, { "deny: [\"GPL-*\"]", "GPL-2.0-or-later", LICENSE_DENY, false },
		{ "deny: [\"GPL-*\"]", "MIT OR GPL-2.0-only", LICENSE_ALLOW, false }, { "deny: [\"GPL-*\"]", "MIT AND GPL-2.0-only", LICENSE_DENY, false }, { "deny: [\"GPL-*\"]", "MIT AND (ISC OR GPL-2.0-only)", LICENSE_ALLOW, false },
		{ "deny: [\"GPL-*\"]", "MIT OR ISC AND GPL-2.0-only", LICENSE_ALLOW, false }, { "deny: [\"GPL-*\"]", "(MIT OR ISC) AND GPL-2.0-only", LICENSE_DENY, false },
		{ "deny: [\"GPL-*\"]\nallow: [GPL-2.0-only WITH Classpath-exception-2.0]\ndefault: allow", "GPL-2.0-only WITH Classpath-exception-2.0", LICENSE_ALLOW, false },
		{ "deny: [\"GPL-*\"]", "GPL-2.0-only WITH Classpath-exception-2.0", LICENSE_DENY, false }, { "allow: [\"*\"]\ndeny: [AGPL-3.0-only]", "AGPL-3.0-only", LICENSE_DENY, false },
		{ "allow: [LGPL-2.1-only]\ndeny: [\"LGPL-*\"]", "LGPL-2.1-only", LICENSE_ALLOW, false }, { "allow: [permissive]\nwarn: [weak-copyleft]", "MPL-2.0", LICENSE_WARN, false },
		{ "allow: [permissive]\nwarn: [weak-copyleft]", "BSD-3-Clause", LICENSE_ALLOW, false }, { "allow: [permissive]\nwarn: [weak-copyleft]", "GPL-3.0-only", LICENSE_DENY, false },
		{ "deny: [network-copyleft]", "AGPL-3.0-or-later", LICENSE_DENY, false }, { "deny: [GPL-2.0]", "GPL-2.0-only", LICENSE_DENY, false }, { "deny: [GPL-2.0-or-later]", "GPL-2.0+", LICENSE_DENY, false },
		{ "allow: [MIT]", "", LICENSE_WARN, true }, { "allow: [MIT]\nunknown: deny", "", LICENSE_DENY, true }, { "allow: [MIT]\nunknown: allow", "who knows", LICENSE_ALLOW, true },
		{ "allow: [MIT, \"who knows\"]", "who knows", LICENSE_ALLOW, false }, { "deny: [BSD]", "BSD", LICENSE_DENY, false }, { "allow: [MIT]\nunknown: warn", "MIT AND BSD", LICENSE_WARN, true },
		{ "allow: [MIT]\ndefault: warn", "ISC", LICENSE_WARN, false }, { "deny: [MIT]", "((MIT", LICENSE_WARN, true }, { "deny: [MIT]", "MIT AND", LICENSE_WARN, true }, { "deny: MIT", "MIT", LICENSE_DENY, false },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct license_policy p = { 0 };
		struct error err = { 0 };
		struct str which;
		const char *by;
		bool unknown;
		assert_int_equal(license_policy_read(str_of(rows[i].policy), "p", &p, &err), 0);
		license_policy_done(&p);
		enum license_verdict v = license_policy_ask(&p, str_of(rows[i].expression), &which, &by, &unknown);
		if (v != rows[i].verdict || unknown != rows[i].unknown)
			fail_msg("%s: %s: %d %d", rows[i].policy, rows[i].expression, (int)v, (int)unknown);
		license_policy_free(&p);
	}
	static const char *const wrong[] = { "", "- MIT", "allow: {a: b}", "allow: [[MIT]]", "unknown: maybe", "forbid: [MIT]", "exceptions: [{reason: x}]", "exceptions: x", "exceptions: [{package: [a]}]", "a: [", "allow: ['']" };
	for (size_t i = 0; i < countof(wrong); i++) {
		struct license_policy p = { 0 };
		struct error err = { 0 };
		if (license_policy_read(str_of(wrong[i]), "p", &p, &err) == 0 || err.kind != ERR_USAGE)
			fail_msg("%s", wrong[i]);
		license_policy_free(&p);
	}
}

static void license_depth(void **state)
{
	(void)state;
	struct buf deep = BUF(MiB);
	struct license_policy p = { 0 };
	struct str which;
	const char *by;
	bool unknown;
	for (u32 i = 0; i < 2000; i++)
		buf_putc(&deep, '(');
	license_policy_done(&p);
	assert_int_equal(license_policy_ask(&p, buf_str(&deep), &which, &by, &unknown), LICENSE_WARN);
	assert_true(unknown);
	buf_clear(&deep);
	for (u32 i = 0; i < 300; i++)
		buf_printf(&deep, "%sMIT", i ? " AND " : "");
	assert_int_equal(license_policy_ask(&p, buf_str(&deep), &which, &by, &unknown), LICENSE_ALLOW);
	assert_false(unknown);
	buf_free(&deep);
	license_policy_free(&p);
}

static void categories(void **state)
{
	(void)state;
	static const struct {
		const char *expression;
		enum license_category category;
	} rows[] = { { "MIT", LICENSE_PERMISSIVE }, { "GPL-2.0-or-later", LICENSE_COPYLEFT }, { "GPL-2.0-only WITH Classpath-exception-2.0", LICENSE_WEAK }, { "AGPL-3.0-only", LICENSE_NETWORK }, { "MIT OR GPL-3.0-only", LICENSE_PERMISSIVE },
		{ "MIT AND GPL-3.0-only", LICENSE_COPYLEFT }, { "", LICENSE_UNKNOWN }, { "BSD", LICENSE_UNKNOWN }, { "CC-BY-NC-4.0", LICENSE_RESTRICTED }, { "CC-BY-SA-4.0", LICENSE_COPYLEFT }, { "LicenseRef-own", LICENSE_OTHER } };
	for (size_t i = 0; i < countof(rows); i++)
		if (license_category_of(str_of(rows[i].expression)) != rows[i].category)
			fail_msg("%s: %s", rows[i].expression, license_category_text[license_category_of(str_of(rows[i].expression))]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(urls), cmocka_unit_test(table), cmocka_unit_test(configuration), cmocka_unit_test(history), cmocka_unit_test(tree), cmocka_unit_test(many),
		cmocka_unit_test(known_secret), cmocka_unit_test(accounts), cmocka_unit_test(account_notes), cmocka_unit_test(policies), cmocka_unit_test(license_depth), cmocka_unit_test(categories) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
