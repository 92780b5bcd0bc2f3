#include "secret/secret.h"

static bool has_word(struct str name, const char *word)
{
	/* A word is bounded by '_', '-', '.' or the ends; compared without case. */
	size_t n = strlen(word);
	for (size_t i = 0; i + n <= name.n; i++) {
		bool starts = i == 0 || strchr("_-.", name.p[i - 1]), ends = i + n == name.n || strchr("_-.", name.p[i + n]);
		if (starts && ends && str_ieq(str_n(name.p + i, n), str_n(word, n)))
			return true;
	}
	return false;
}

bool secret_name(struct str name)
{
	static const char *const words[] = { "password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "credentials", "pwd" };
	static const char *const pairs[] = { "api_key", "access_key", "private_key", "secret_key", "auth_key", "encryption_key", "signing_key", "client_secret" };
	static const char *const not_these[] = { "file", "path", "dir", "public", "url", "uri", "length", "expire", "expires", "expiry", "ttl", "type", "name", "header", "endpoint", "min", "max" };
	bool hit = false;
	for (size_t i = 0; i < countof(words); i++)
		hit |= has_word(name, words[i]);
	for (size_t i = 0; i < countof(pairs); i++)
		hit |= has_word(name, pairs[i]);
	hit |= name.n > 8 && str_ieq(str_from(name, name.n - 8), STR("password")); /* PGPASSWORD */
	for (size_t i = 0; i < countof(not_these); i++)
		hit &= !has_word(name, not_these[i]);
	return hit && !str_is(name, "PWD") && !str_is(name, "OLDPWD");
}

bool secret_url(struct str value)
{
	const char *at = str_find(value, STR("://"));
	if (!at)
		return false;
	struct str rest = str_from(value, (size_t)(at - value.p) + 3);
	const char *slash = str_chr(rest, '/'), *host = str_chr(rest, '@');
	if (!host || (slash && slash < host))
		return false;
	const char *colon = memchr(rest.p, ':', (size_t)(host - rest.p));
	return colon && colon + 1 < host && !secret_placeholder(str_n(colon + 1, (size_t)(host - colon) - 1)) && !memchr(rest.p, ' ', (size_t)(host - rest.p));
}

bool secret_placeholder(struct str v)
{
	if (v.n >= 2 && (v.p[0] == '"' || v.p[0] == '\'') && v.p[v.n - 1] == v.p[0])
		v = str_n(v.p + 1, v.n - 2);
	if (v.n == 0 || strchr("$<{%[`", v.p[0]) || str_contains(v, STR("${")) || str_contains(v, STR("$(")))
		return true;
	bool same = true;
	for (size_t i = 1; i < v.n; i++)
		same &= v.p[i] == v.p[0];
	return same && strchr("xX*.-_?", v.p[0]);
}

const char *secret_file(struct str dir, struct str name)
{
	static const struct { const char *dir, *name, *what; } files[] = {
		{ NULL, "id_rsa", "an SSH private key" }, { NULL, "id_dsa", "an SSH private key" }, { NULL, "id_ecdsa", "an SSH private key" }, { NULL, "id_ed25519", "an SSH private key" },
		{ NULL, ".env", "an environment file" }, { NULL, ".netrc", "passwords of hosts" }, { NULL, ".pgpass", "database passwords" }, { NULL, ".git-credentials", "git's passwords" },
		{ NULL, ".pypirc", "PyPI's token" }, { NULL, ".npmrc", "npm's token" }, { NULL, ".htpasswd", "password hashes" }, { NULL, ".dockercfg", "registry passwords" },
		{ NULL, "privkey.pem", "a private key" }, { NULL, "key.pem", "a private key" }, { NULL, "server.key", "a private key" }, { NULL, "wp-config.php", "database passwords" },
		{ NULL, "terraform.tfstate", "Terraform's state" }, { NULL, "kubeconfig", "a cluster's credentials" }, { NULL, "master.key", "Rails' master key" },
		{ ".aws", "credentials", "AWS credentials" }, { ".docker", "config.json", "registry passwords" }, { ".kube", "config", "a cluster's credentials" }, { ".ssh", "identity", "an SSH private key" },
	};
	for (size_t i = 0; i < countof(files); i++)
		if (str_is(name, files[i].name) && (!files[i].dir || str_is(dir, files[i].dir)))
			return files[i].what;
	if (str_starts(name, STR(".env."))) {
		static const char *const harmless[] = { "example", "sample", "template", "dist", "defaults", "schema", "test", "ci" };
		for (size_t i = 0; i < countof(harmless); i++)
			if (has_word(name, harmless[i]))
				return NULL;
		return "an environment file";
	}
	return NULL;
}
