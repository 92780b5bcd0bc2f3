/* What weakens an image or its build: TLS and signature checks that are switched off, passwords of accounts, rights for everybody, downloads that nobody checks.
 * hadolint and BuildKit ask none of it; Trivy, Checkov, KICS and binnacle ask parts. */
#include "base/buf.h"
#include "lint/effect.h"

static bool word_has(const struct sh_command *c, const char *text)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (str_contains(c->args[i].text, str_of(text)))
			return true;
	return false;
}

static bool word_is(const struct sh_command *c, const char *words)
{
	for (u32 i = 0; i < c->n_args; i++)
		if (lint_word_in(c->args[i].text, words))
			return true;
	return false;
}

static bool off(struct str v) { return lint_word_in(v, "0 false False FALSE no off none") || str_is(v, "\"0\"") || str_is(v, "\"false\"") || str_is(v, "'0'") || str_is(v, "'false'"); }

static bool local(struct str url)
{
	const char *at = str_find(url, STR("://"));
	struct str host = at ? str_from(url, (size_t)(at - url.p) + 3) : url;
	return str_starts(host, STR("localhost")) || str_starts(host, STR("127.")) || str_starts(host, STR("0.0.0.0")) || str_starts(host, STR("[::1]")) || str_starts(host, STR("10.")) || str_starts(host, STR("192.168.")) ||
	       str_starts(host, STR("172.17.")) || str_starts(host, STR("host.docker.internal")) || str_starts(host, STR("metadata")) || str_starts(host, STR("169.254."));
}

static bool local_only(const struct sh_command *c)
{
	bool any = false;
	for (u32 i = 0; i < c->n_args; i++)
		if (str_contains(c->args[i].text, STR("://")) || str_starts(c->args[i].text, STR("localhost"))) {
			if (!local(c->args[i].text))
				return false;
			any = true;
		}
	return any;
}

/* --- variables that switch a check off --- */
enum { WHEN_OFF, WHEN_ON, WHEN_SET };
static const struct {
	const char *name;
	u8 when;       /* bad when the value is off (0, false), on (anything but off), or set at all */
	bool signature;
} variables[] = {
	{ "NODE_TLS_REJECT_UNAUTHORIZED", WHEN_OFF, false }, { "PYTHONHTTPSVERIFY", WHEN_OFF, false }, { "GIT_SSL_NO_VERIFY", WHEN_ON, false }, { "NPM_CONFIG_STRICT_SSL", WHEN_OFF, false }, { "npm_config_strict_ssl", WHEN_OFF, false },
	{ "YARN_STRICT_SSL", WHEN_OFF, false }, { "YARN_ENABLE_STRICT_SSL", WHEN_OFF, false }, { "PIP_TRUSTED_HOST", WHEN_SET, false }, { "UV_INSECURE_HOST", WHEN_SET, false }, { "GOINSECURE", WHEN_SET, false },
	{ "CONDA_SSL_VERIFY", WHEN_OFF, false }, { "MAMBA_SSL_VERIFY", WHEN_OFF, false }, { "BUNDLE_SSL_VERIFY_MODE", WHEN_OFF, false }, { "HOMEBREW_CURLRC_INSECURE", WHEN_ON, false }, { "ANSIBLE_GALAXY_IGNORE", WHEN_ON, false },
	{ "GOSUMDB", WHEN_OFF, true }, { "GONOSUMCHECK", WHEN_ON, true }, { "COSIGN_INSECURE_IGNORE_TLOG", WHEN_ON, true },
};

static s32 bad_variable(struct str name, struct str value)
{
	for (size_t i = 0; i < countof(variables); i++)
		if (str_is(name, variables[i].name)) {
			bool is_off = off(value);
			/* a variable's value is its own affair */
			if (!value.n || value.p[0] == '$' || str_is(value, "\"\"") || str_is(value, "''"))
				return -1;
			return (variables[i].when == WHEN_OFF ? is_off : variables[i].when == WHEN_ON ? !is_off : true) ? (s32)i : -1;
		}
	return -1;
}

/* --- options and commands that switch a check off --- */
static bool echo_like(const struct sh_command *c) { return sh_is(c, "echo") || sh_is(c, "printf") || sh_is(c, "sed") || sh_is(c, "tee"); }

/* What of a command switches TLS verification off; NULL. */
static const char *tls_off(const struct sh_command *c)
{
	static const char *const any_program[] = { "--no-check-certificate", "--insecure-skip-tls-verify", "--no-verify-ssl", "--trust-server-cert", "--tls-verify=false", "--trusted-host", "--insecure-skip-verify", "--strict-ssl=false", "--no-strict-ssl", "--allow-insecure-host" };
	if (local_only(c))
		return NULL;
	for (size_t i = 0; i < countof(any_program) && !echo_like(c); i++)
		for (u32 k = 0; k < c->n_args; k++)
			if (str_is(c->args[k].text, any_program[i]) || (str_starts(c->args[k].text, str_of(any_program[i])) && c->args[k].text.p[strlen(any_program[i])] == '=' && !str_ends(c->args[k].text, STR("=false"))))
				return any_program[i];
	if (sh_is(c, "curl")) {
		for (u32 k = 0; k < c->n_args; k++) {
			struct str t = c->args[k].text;
			if (lint_word_in(t, "--insecure --proxy-insecure"))
				return "--insecure";
			if (t.n > 1 && t.p[0] == '-' && t.p[1] != '-') {
				/* of a cluster like -fsSLk, not of the value in -Hkey or -okay */
				for (size_t j = 1; j < t.n && !strchr("AbcCdDeEFHhKmoPQrtTuUwxXyYz", t.p[j]); j++)
					if (t.p[j] == 'k')
						return "-k";
				if (strchr("AbcCdDeEFHhKmoPQrtTuUwxXyYz", t.p[t.n - 1]))
					k++;
			}
		}
		return NULL;
	}
	if (sh_is(c, "aria2c") || sh_is(c, "axel"))
		return word_is(c, "--check-certificate=false --insecure") ? "--check-certificate=false" : NULL;
	if (sh_is(c, "git"))
		return word_has(c, "http.sslVerify=false") || word_has(c, "http.sslverify=false") || ((word_is(c, "http.sslVerify http.sslverify")) && word_is(c, "false 0")) ? "http.sslVerify false" : NULL;
	if (sh_is(c, "npm") || sh_is(c, "yarn") || sh_is(c, "pnpm"))
		return (word_is(c, "strict-ssl enableStrictSsl") && word_is(c, "false")) || word_has(c, "strict-ssl=false") ? "strict-ssl false" : NULL;
	if (str_starts(c->base, STR("pip")))
		return word_has(c, "trusted-host") ? "trusted-host" : NULL;
	if (sh_is(c, "yum") || sh_is(c, "dnf") || sh_is(c, "yum-config-manager"))
		return word_has(c, "sslverify=0") || word_has(c, "sslverify=false") || (word_has(c, "sslverify") && word_is(c, "0 false")) ? "sslverify=0" : NULL;
	if (sh_is(c, "apt-get") || sh_is(c, "apt"))
		return word_has(c, "Verify-Peer=false") || word_has(c, "Verify-Host=false") ? "Verify-Peer=false" : NULL;
	if (sh_is(c, "conda") || sh_is(c, "mamba"))
		return word_is(c, "ssl_verify") && word_is(c, "no false False") ? "ssl_verify false" : word_is(c, "--insecure -k") ? "--insecure" : NULL;
	if (sh_is(c, "composer"))
		return word_is(c, "disable-tls") && word_is(c, "true") ? "disable-tls" : NULL;
	if (sh_is(c, "go"))
		return word_is(c, "-insecure") ? "-insecure" : NULL;
	if (sh_is(c, "mvn"))
		return word_has(c, "wagon.http.ssl.insecure=true") ? "ssl.insecure" : NULL;
	if (sh_is(c, "ansible-galaxy"))
		return word_is(c, "--ignore-certs -c") ? "--ignore-certs" : NULL;
	if (echo_like(c))
		return word_has(c, "sslverify=0") || word_has(c, "sslverify=false") ? "sslverify=0" : word_has(c, "Verify-Peer \"false\"") || word_has(c, "Verify-Peer false") || word_has(c, "Verify-Peer=false") ? "Verify-Peer false" :
		       word_has(c, "strict-ssl=false") ? "strict-ssl=false" : word_has(c, "check_certificate = off") || word_has(c, "check_certificate=off") ? "check_certificate=off" : word_has(c, ":ssl_verify_mode: 0") ? ":ssl_verify_mode: 0" : NULL;
	return NULL;
}

static const char *signature_off(const struct sh_command *c)
{
	if (sh_is(c, "apk"))
		return word_is(c, "--allow-untrusted") ? "--allow-untrusted" : NULL;
	if (sh_is(c, "apt-get") || sh_is(c, "apt") || sh_is(c, "aptitude") || sh_is(c, "apt-cache"))
		return word_is(c, "--allow-unauthenticated") ? "--allow-unauthenticated" : word_is(c, "--force-yes") && !word_is(c, "purge remove autoremove") ? "--force-yes" : word_is(c, "--allow-insecure-repositories") ? "--allow-insecure-repositories" :
		       word_has(c, "AllowUnauthenticated=true") || word_has(c, "AllowUnauthenticated=1") || word_has(c, "AllowInsecureRepositories=true") ? "AllowUnauthenticated=true" : NULL;
	if (sh_is(c, "yum") || sh_is(c, "dnf") || sh_is(c, "microdnf") || sh_is(c, "tdnf") || sh_is(c, "yum-config-manager"))
		return word_is(c, "--nogpgcheck") ? "--nogpgcheck" : word_has(c, "gpgcheck=0") || word_has(c, "gpgcheck=false") ? "gpgcheck=0" : NULL;
	if (sh_is(c, "rpm"))
		return word_is(c, "--nosignature") ? "--nosignature" : word_is(c, "--nodigest") ? "--nodigest" : word_is(c, "--noverify") ? "--noverify" : word_is(c, "--nofiledigest") ? "--nofiledigest" : word_is(c, "--nogpgcheck") ? "--nogpgcheck" : NULL;
	if (sh_is(c, "zypper"))
		return word_is(c, "--no-gpg-checks") ? "--no-gpg-checks" : word_is(c, "-G --no-gpgcheck") ? "--no-gpgcheck" : NULL;
	if (sh_is(c, "gpg") || sh_is(c, "gpg2"))
		return word_has(c, "--trust-model=always") && word_is(c, "--verify") ? "--trust-model=always" : NULL;
	if (echo_like(c))
		return word_has(c, "[trusted=yes]") || word_has(c, "trusted=yes]") ? "[trusted=yes]" : word_has(c, "gpgcheck=0") && !word_has(c, "repo_gpgcheck=0") ? "gpgcheck=0" : word_has(c, "AllowUnauthenticated \"true\"") ? "AllowUnauthenticated" :
		       word_has(c, "SigLevel = Never") || word_has(c, "SigLevel=Never") ? "SigLevel=Never" : NULL;
	return NULL;
}

enum { TLS, SIGNATURE };

static void say_variable(struct lint *l, const struct lint_rule *group, const struct df_instruction *i, struct df_span where, s32 v)
{
	l->rule = group + (variables[v].signature ? SIGNATURE : TLS);
	lint_add_at(l, i, where, variables[v].signature ? "%s switches the check of signatures off" : "%s switches the check of TLS certificates off", variables[v].name);
}

static void checks_off(struct lint *l)
{
	const struct lint_rule *group = l->rule;
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i))
		for (u32 k = 0; k < i->n_pairs && (i->keyword == DF_ENV || i->keyword == DF_ARG); k++) {
			s32 v = i->pairs[k].value.s.p ? bad_variable(i->pairs[k].name.s, i->pairs[k].value.s) : -1;
			if (v >= 0)
				say_variable(l, group, i, i->pairs[k].span, v);
		}
	lint_each_command(l, s, c) {
		for (u32 k = 0; k < (c->wrapped ? 0 : c->node->n_assigns); k++) {
			const struct sh_assign *a = &c->node->assigns[k];
			s32 v = bad_variable(a->name, a->value.text);
			if (v >= 0)
				say_variable(l, group, s->in, lint_span(s, a->at, a->end), v);
		}
		if (sh_is(c, "export") || sh_is(c, "env"))
			for (u32 k = 0; k < c->n_args; k++) {
				struct str value = c->args[k].text, name = str_cut(&value, '=');
				s32 v = value.p ? bad_variable(name, value) : -1;
				if (v >= 0)
					say_variable(l, group, s->in, lint_span(s, c->args[k].at, c->args[k].end), v);
			}
		const char *what = tls_off(c);
		if (what) {
			l->rule = group + TLS;
			lint_add_cmd(l, s, c, "%.*s doesn't check whose TLS certificate it is shown (%s)", STR_FMT(str_head(c->base, 60)), what);
		}
		what = signature_off(c);
		if (what) {
			l->rule = group + SIGNATURE;
			lint_add_cmd(l, s, c, "%s: signatures of packages are not checked", what);
		}
	}
	/* assignments without a command: GIT_SSL_NO_VERIFY=1; export GIT_SSL_NO_VERIFY is rare enough */
}

/* --- accounts --- */
static bool has_value(const struct sh_command *c, const char *names)
{
	for (u32 i = 0; i + 1 < c->n_args; i++)
		if (lint_word_in(c->args[i].text, names))
			return c->args[i + 1].text.n && c->args[i + 1].text.p[0] != '$' && !str_contains(c->args[i + 1].text, STR("$("));
	return false;
}

static void account_password(struct lint *l)
{
	lint_each_command(l, s, c) {
		if (sh_is(c, "chpasswd"))
			lint_add_cmd(l, s, c, "chpasswd gives an account a password that everybody who has the image can use");
		else if ((sh_is(c, "useradd") || sh_is(c, "usermod")) && has_value(c, "-p --password"))
			lint_add_cmd(l, s, c, "%.*s gives an account a password that everybody who has the image can use", STR_FMT(c->base));
		else if (sh_is(c, "passwd") && (sh_has_flag(c, "stdin") || sh_has_flag(c, "d") || sh_has_flag(c, "delete")))
			lint_add_cmd(l, s, c, sh_has_flag(c, "stdin") ? "passwd gives an account a password that everybody who has the image can use" : "passwd takes an account's password away: it is open to everybody");
		else if (sh_is(c, "htpasswd") && c->n_args && c->args[0].text.n > 1 && c->args[0].text.p[0] == '-' && str_chr(c->args[0].text, 'b'))
			lint_add_cmd(l, s, c, "htpasswd sets a password that is written in the file");
		else if (echo_like(c) && word_has(c, "NOPASSWD"))
			lint_add_cmd(l, s, c, "sudo without a password: whoever gets into the account is root");
	}
}

/* --- modes --- */
enum { WORLD, SETID };
static bool octal(struct str m)
{
	for (size_t i = 0; i < m.n; i++)
		if (m.p[i] < '0' || m.p[i] > '7')
			return false;
	return m.n >= 3 && m.n <= 5;
}

static bool world_writable(struct str m)
{
	if (octal(m))
		return (m.p[m.n - 1] & 2) && !(m.n > 3 && (m.p[m.n - 4] & 1));
	struct str rest = m;
	while (rest.p) {
		struct str who = str_cut(&rest, ',');
		bool all = false, gives = false;
		for (size_t i = 0; i < who.n; i++) {
			char c = who.p[i];
			if (c == '+' || c == '=')
				gives = true;
			else if (c == '-')
				gives = false;
			else if (!gives && (c == 'a' || c == 'o'))
				all = true;
			else if (gives && all && c == 'w')
				return true;
		}
	}
	return false;
}

static bool set_id(struct str m)
{
	if (octal(m))
		return m.n > 3 && (m.p[m.n - 4] & 4); /* setgid alone is what directories get */
	return str_contains(m, STR("u+s")) || str_is(m, "+s") || str_is(m, "a+s") || str_is(m, "ug+s") || str_contains(m, STR("u=rwxs")) || str_contains(m, STR("+rxs"));
}

static void modes(struct lint *l)
{
	const struct lint_rule *group = l->rule;
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i)) {
		const struct df_flag *f = i->keyword == DF_COPY || i->keyword == DF_ADD ? df_flag(i, "chmod") : NULL;
		if (f && f->value.p && lint_ships(l, i) && world_writable(f->value)) {
			l->rule = group + WORLD;
			lint_add_at(l, i, f->span, "everybody may write to what --chmod=%.*s copies", STR_FMT(str_head(f->value, 20)));
		}
	}
	lint_each_command(l, s, c) {
		if (!lint_ships(l, s->in))
			continue;
		if (sh_is(c, "setcap") && !sh_has_flag(c, "r")) {
			l->rule = group + SETID;
			lint_add_cmd(l, s, c, "setcap gives whoever runs the file capabilities");
			continue;
		}
		if (!sh_is(c, "chmod"))
			continue;
		struct operands o = { .c = c };
		const struct sh_word *m = operand_next(&o), *file = m ? operand_next(&o) : NULL;
		if (!file)
			continue;
		if (world_writable(m->text) && !(octal(m->text) && m->text.n > 3 && m->text.p[0] == '1') && !lint_word_in(file->text, "/tmp /var/tmp")) {
			l->rule = group + WORLD;
			lint_add_cmd(l, s, c, "chmod %.*s lets everybody write to %.*s", STR_FMT(str_head(m->text, 30)), STR_FMT(str_head(file->text, 100)));
		}
		if (set_id(m->text)) {
			l->rule = group + SETID;
			lint_add_cmd(l, s, c, "chmod %.*s: whoever runs %.*s becomes its owner", STR_FMT(str_head(m->text, 30)), STR_FMT(str_head(file->text, 100)));
		}
	}
}

/* --- downloads --- */
/* Of a node that holds the command at `i`: it stands before it in the list, not far. */
static const struct sh_command *command_of(const struct lint_script *s, const struct sh_node *n, u32 i)
{
	for (u32 k = i, steps = 0; k-- > 0 && steps < 64; steps++)
		if (s->commands.v[k].node == n)
			return &s->commands.v[k];
	return NULL;
}

static bool interprets(const struct sh_command *c)
{
	static const char shells[] = "sh bash dash ash zsh ksh fish";
	static const char others[] = "python python2 python3 perl ruby node php";
	if (lint_word_in(c->base, shells))
		return !sh_has_flag(c, "c");
	if (lint_word_in(c->base, others)) {
		struct operands o = { .c = c };
		const struct sh_word *w = operand_next(&o);
		return (!w || str_is(w->text, "-")) && !sh_has_flag(c, "c") && !sh_has_flag(c, "e") && !sh_has_flag(c, "m");
	}
	return c->wraps && interprets(c->wraps);
}

static bool downloads(const struct sh_command *c) { return sh_is(c, "curl") || sh_is(c, "wget"); }

static void pipe_to_shell(struct lint *l)
{
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		const struct sh_node *last = NULL;
		for (u32 i = 0; i < s->commands.n; i++) {
			const struct sh_command *c = &s->commands.v[i];
			const struct sh_node *pipe = c->node->parent;
			if (!downloads(c) || c->wrapped)
				continue;
			if (pipe && pipe->kind == SH_PIPELINE && pipe != last) {
				u32 steps = 0;
				for (const struct sh_node *n = c->node->next; n && steps++ < 16; n = n->next) {
					/* commands of one pipeline stand close together in the list */
					const struct sh_command *to = NULL;
					for (u32 k = i + 1; k < s->commands.n && k < i + 64 && !to; k++)
						to = s->commands.v[k].node == n && !s->commands.v[k].wrapped ? &s->commands.v[k] : NULL;
					if (to && interprets(to)) {
						lint_add_cmd(l, s, c, "what %.*s downloads is run unseen by %.*s", STR_FMT(c->base), STR_FMT(to->base));
						last = pipe;
						break;
					}
				}
			} else if (c->in_substitution && c->node->parent) {
				const struct sh_node *p = c->node->parent;
				while (p && p->kind != SH_SIMPLE)
					p = p->parent;
				const struct sh_command *to = p && p != last ? command_of(s, p, i) : NULL;
				if (to && (lint_word_in(to->base, "sh bash dash ash zsh ksh eval source .")) && (lint_word_in(to->base, "eval source .") || sh_has_flag(to, "c") || (to->n_args && str_starts(to->args[0].source, STR("<("))))) {
					lint_add_cmd(l, s, to, "what %.*s downloads is run unseen by %.*s", STR_FMT(c->base), STR_FMT(to->base));
					last = p;
				}
			}
		}
	}
}

static bool plain_http(struct str t)
{
	return (str_starts(t, STR("http://")) || str_starts(t, STR("git://")) || str_starts(t, STR("ftp://"))) && !local(t) && !str_starts(t, STR("http://$")) && !str_starts(t, STR("http://deb.debian.org")) &&
	       !str_starts(t, STR("http://archive.ubuntu.com")) && !str_starts(t, STR("http://security."));
}

static void unprotected(struct lint *l)
{
	enum { HTTP, CHECKSUM };
	const struct lint_rule *group = l->rule;
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i))
		for (u32 k = 0; i->keyword == DF_ADD && k + 1 < i->n_args; k++) {
			struct str u = i->args[k].s;
			bool http = str_starts(u, STR("http://")) || str_starts(u, STR("https://"));
			l->rule = group + HTTP;
			if (http && plain_http(u) && !df_flag(i, "checksum"))
				lint_add_at(l, i, i->args[k].span, "downloaded without TLS: anybody on the way can change it");
			l->rule = group + CHECKSUM;
			if (http && !df_flag(i, "checksum") && !str_contains(u, STR(".git")) && !str_contains(u, STR("://api.")))
				lint_add_at(l, i, i->args[k].span, "nothing checks what is downloaded: ADD --checksum=sha256:… does");
		}
	l->rule = group + HTTP;
	lint_each_command(l, s, c) {
		if (!downloads(c) && !sh_is_sub(c, "git", "clone"))
			continue;
		for (u32 k = 0; k < c->n_args; k++)
			if (plain_http(c->args[k].text)) {
				lint_add_word(l, s, &c->args[k], "downloaded without TLS: anybody on the way can change it");
				break;
			}
	}
}

static void curl_without_fail(struct lint *l)
{
	lint_each_command(l, s, c) {
		if (!sh_is(c, "curl") || local_only(c))
			continue;
		bool fails = false, looks = false, keeps = c->node->n_redirects > 0 || (c->node->parent && c->node->parent->kind == SH_PIPELINE && c->node->next), known = true;
		for (u32 k = 0; k < c->n_args; k++) {
			struct str t = c->args[k].text;
			bool cluster = t.n > 1 && t.p[0] == '-' && t.p[1] != '-';
			fails |= str_starts(t, STR("--fail")) || (cluster && str_chr(t, 'f'));
			looks |= lint_word_in(t, "-I --head -w --write-out -X --request -d --data -F --form --version -V -K --config --url-query");
			keeps |= lint_word_in(t, "-o --output --remote-name -O") || (cluster && (str_chr(t, 'O') || str_chr(t, 'o')));
			known &= t.p[0] != '$' || str_contains(t, STR("/"));
		}
		if (!fails && !looks && keeps && known && c->n_args)
			lint_add_cmd(l, s, c, "curl without --fail takes an error page for the file, and the build goes on with it");
	}
}

/* --- keys --- */
static void keys(struct lint *l)
{
	enum { SERVER, APT_KEY };
	const struct lint_rule *group = l->rule;
	for (const struct lint_script *s = lint_next_run(l, NULL); s; s = lint_next_run(l, s)) {
		const char *at = str_find(s->text.s, STR("sks-keyservers.net"));
		if (at) {
			u32 n = (u32)(at - s->text.s.p);
			l->rule = group + SERVER;
			lint_add_at(l, s->in, lint_span(s, n, n + 18), "the key servers of sks-keyservers.net are gone since 2021: nothing answers; keys.openpgp.org does");
		}
	}
	l->rule = group + APT_KEY;
	lint_each_command(l, s, c)
		if (sh_is(c, "apt-key") && !sh_is_sub(c, "apt-key", "del"))
			lint_add_cmd(l, s, c, "apt-key is gone from Debian 13 on, and its keys are trusted for every repository: put the key into /etc/apt/keyrings and name it with signed-by");
}

static void gpg_batch(struct lint *l)
{
	lint_each_command(l, s, c)
		if ((sh_is(c, "gpg") || sh_is(c, "gpg2")) && !word_is(c, "--batch --version --dearmor --no-tty --yes") && word_is(c, "--recv-keys --recv-key --recv --import --verify --keyserver --decrypt -d"))
			lint_add_cmd(l, s, c, "gpg may ask, and nobody is there to answer: --batch");
}

/* --- mistakes --- */
static void npm_clean(struct lint *l)
{
	lint_each_command(l, s, c) {
		struct operands o = { .c = c };
		const struct sh_word *sub = sh_is(c, "npm") ? operand_next(&o) : NULL, *what = sub ? operand_next(&o) : NULL;
		if (sub && what && str_is(sub->text, "cache") && lint_word_in(what->text, "clean clear") && !sh_has_flag(c, "force") && !sh_has_flag(c, "f")) {
			struct diagnostic *d = lint_add_cmd(l, s, c, "npm cache clean does nothing without --force");
			u32 end = lint_span(s, what->at, what->end).end;
			lint_fix(l, d, FIX_SUGGESTED, "Add --force", (struct df_span){ end, end }, STR(" --force"));
		}
	}
}

static bool hex(struct str s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (i >= s.n || !((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f') || (s.p[i] >= 'A' && s.p[i] <= 'F')))
			return false;
	return true;
}

static void checksum_space(struct lint *l)
{
	lint_each_command(l, s, c) {
		if (!sh_is(c, "echo") || !c->node->parent || c->node->parent->kind != SH_PIPELINE || !c->node->next || !c->n_args)
			continue;
		const struct sh_word *w = &c->args[c->n_args - 1];
		const struct sh_node *next = c->node->next;
		if (!next->n_words || !str_ends(next->words[0].text, STR("sum")))
			continue;
		const char *space = str_chr(w->text, ' ');
		size_t n = space ? (size_t)(space - w->text.p) : 0;
		bool digest = (n == 64 || n == 40 || n == 32 || n == 128) && hex(w->text, n);
		bool variable = n > 2 && w->text.p[0] == '$' && str_contains(str_head(w->text, n), STR("SHA"));
		if ((digest || variable) && n + 1 < w->text.n && w->text.p[n + 1] != ' ' && w->text.p[n + 1] != '*')
			lint_add_word(l, s, w, "%.*s wants two blanks between check sum and name; with one, busybox finds no file", STR_FMT(str_head(next->words[0].text, 40)));
	}
}

/* --- instructions --- */
static void instructions(struct lint *l)
{
	enum { SSH, SYSTEM_DIR, PRIVILEGED };
	static const char *const dirs[] = { "/proc", "/boot", "/dev", "/initrd", "/lost+found", "/sys" };
	const struct lint_rule *group = l->rule;
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i)) {
		for (u32 k = 0; i->keyword == DF_EXPOSE && k < i->n_args; k++) {
			struct str rest = i->args[k].s, port = str_cut(&rest, '/');
			struct str to = port, from = str_cut(&to, '-');
			u64 a, b;
			if (!str_to_u64(from, &a) || (rest.p && !str_ieq(rest, STR("tcp"))))
				continue;
			b = a;
			if (to.p && !str_to_u64(to, &b))
				continue;
			l->rule = group + SSH;
			if (a <= 22 && b >= 22)
				lint_add_at(l, i, i->args[k].span, "port 22 is SSH's: docker exec needs no server and no keys in the image");
		}
		l->rule = group + SYSTEM_DIR;
		for (size_t k = 0; i->keyword == DF_WORKDIR && i->n_args && k < countof(dirs); k++)
			if (lint_below(i->args[0].s, str_of(dirs[k])))
				lint_add_at(l, i, i->args[0].span, "%s belongs to the kernel: what is written there is lost, or the host's", dirs[k]);
		l->rule = group + PRIVILEGED;
		const struct df_flag *f = i->keyword == DF_RUN ? df_flag(i, "security") : NULL;
		if (f && str_is(f->value, "insecure"))
			lint_add_at(l, i, f->span, "the build runs this with all privileges of the host's root");
		f = i->keyword == DF_RUN ? df_flag(i, "network") : NULL;
		if (f && str_is(f->value, "host"))
			lint_add_at(l, i, f->span, "the build reaches everything that listens on the host");
	}
}

#define RULE(n, lvl, t) .name = n, .level = lvl, .since = "2026.1", .topic = t
const struct lint_rule rules_security[] = {
	{ .meta = { RULE("tls-check-off", LEVEL_WARNING, "security"),
		.aliases = "checkov:CKV2_DOCKER_2 checkov:CKV2_DOCKER_3 checkov:CKV2_DOCKER_4 checkov:CKV2_DOCKER_5 checkov:CKV2_DOCKER_6 checkov:CKV2_DOCKER_12 checkov:CKV2_DOCKER_13 checkov:CKV2_DOCKER_14 checkov:CKV2_DOCKER_15 checkov:CKV2_DOCKER_16",
		.summary = "the check of TLS certificates is switched off",
		.why = "Without it anybody on the way can put something else into the image: a mirror, a proxy, a name server. As an ENV it also holds for the running program. Install the certificate of the private authority instead "
		       "(ca-certificates and update-ca-certificates, NODE_EXTRA_CA_CERTS, PIP_CERT, SSL_CERT_FILE).",
		.bad = "FROM debian:12\nRUN curl -kfsSLo /usr/local/bin/tool https://example.org/tool\n", .good = "FROM debian:12\nRUN curl -fsSLo /usr/local/bin/tool https://example.org/tool\n" }, .check = checks_off },
	{ .meta = { RULE("signature-check-off", LEVEL_WARNING, "security"), .aliases = "checkov:CKV2_DOCKER_7 checkov:CKV2_DOCKER_8 checkov:CKV2_DOCKER_9 checkov:CKV2_DOCKER_10 checkov:CKV2_DOCKER_11",
		.summary = "packages are installed without a check of their signatures",
		.why = "A package manager's trust is in signatures, not in where a file came from. Without them whoever controls the mirror or the network controls the image. Add the repository's key instead.",
		.bad = "FROM alpine:3.22\nRUN apk add --no-cache --allow-untrusted ./tool.apk\n", .good = "FROM alpine:3.22\nCOPY key.rsa.pub /etc/apk/keys/\nRUN apk add --no-cache ./tool.apk\n" } },
	{ .meta = { RULE("account-password", LEVEL_WARNING, "security"), .aliases = "checkov:CKV2_DOCKER_17", .summary = "an account gets a password, or sudo without one",
		.why = "The password is the same in every container, is in the history for all to read, and only helps who is already inside. A container needs no passwords; a program that must become root briefly is started as root and gives it up.",
		.bad = "FROM debian:12\nRUN echo root:secret | chpasswd\n", .good = "FROM debian:12\nRUN useradd --no-log-init --create-home app\nUSER app\n" }, .check = account_password },
	{ .meta = { RULE("world-writable", LEVEL_WARNING, "security"), .summary = "files or directories that everybody may write to",
		.why = "Any process in the container, whatever user it runs as, can then change the program or its data. Give the directory to the user that needs it (COPY --chown, install -d -o USER).",
		.bad = "FROM debian:12\nRUN mkdir /data && chmod 777 /data\n", .good = "FROM debian:12\nRUN install -d -o www-data /data\n" }, .check = modes },
	{ .meta = { RULE("file-privileges", LEVEL_INFO, "security"), .summary = "a program gets setuid, setgid or capabilities",
		.why = "Such a program is a way from any user of the container to root or to a capability; a fault in it is a fault of the whole container. Run the one process that needs the right with it (docker run --cap-add) instead.",
		.bad = "FROM debian:12\nRUN chmod u+s /usr/local/bin/tool\n", .good = "FROM debian:12\nRUN chmod 755 /usr/local/bin/tool\n" } },
	{ .meta = { RULE("pipe-to-shell", LEVEL_INFO, "security"), .summary = "a script is downloaded and run unseen",
		.why = "What is run is what the server sends today: it is not reviewed, not pinned, and may stop in the middle. Download a release, check its SHA-256, and run that; or install the package.",
		.bad = "FROM debian:12\nRUN curl -fsSL https://example.org/install.sh | sh\n", .good = "FROM debian:12\nADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.org/install.sh /tmp/\nRUN sh /tmp/install.sh\n" }, .check = pipe_to_shell },
	{ .meta = { RULE("download-without-tls", LEVEL_INFO, "security"), .aliases = "binnacle:curlUseHttpsUrl binnacle:wgetUseHttpsUrl", .summary = "something is downloaded over plain HTTP",
		.why = "Anybody on the way can read and change it, and a check sum from the same place changes with it.",
		.bad = "FROM debian:12\nRUN curl -fsSLO http://example.org/app.jar\n", .good = "FROM debian:12\nRUN curl -fsSLO https://example.org/app.jar\n" }, .check = unprotected },
	{ .meta = { RULE("add-without-checksum", LEVEL_INFO, "security"), .summary = "ADD downloads without a check sum",
		.why = "The build takes whatever the server has that day. ADD --checksum=sha256:… makes another content an error.",
		.bad = "FROM debian:12\nADD https://example.org/app.jar /app.jar\n", .good = "FROM debian:12\nADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.org/app.jar /app.jar\n" } },
	{ .meta = { RULE("curl-without-fail", LEVEL_STYLE, "correctness"), .aliases = "binnacle:curlUseFlagF", .summary = "curl keeps an error page as if it were the file",
		.why = "Without -f curl ends with status 0 when the server answers 404 or 500, and what it stores is the error's text. The build fails later and elsewhere, or not at all.",
		.bad = "FROM debian:12\nRUN curl -sSLo app.jar https://example.org/app.jar\n", .good = "FROM debian:12\nRUN curl -fsSLo app.jar https://example.org/app.jar\n" }, .check = curl_without_fail },
	{ .meta = { RULE("keyserver-gone", LEVEL_WARNING, "correctness"), .summary = "keys are asked of servers that are gone",
		.why = "The pool of sks-keyservers.net was switched off in 2021: the build waits and fails. Ask keys.openpgp.org or keyserver.ubuntu.com, or keep the key beside the Dockerfile.",
		.bad = "FROM debian:12\nRUN gpg --batch --keyserver ha.pool.sks-keyservers.net --recv-keys 0123456789ABCDEF\n", .good = "FROM debian:12\nRUN gpg --batch --keyserver hkps://keys.openpgp.org --recv-keys 0123456789ABCDEF\n" }, .check = keys },
	{ .meta = { RULE("apt-key-used", LEVEL_INFO, "packages"), .summary = "apt-key is used",
		.why = "Keys added with apt-key are trusted for every repository, and the program is gone from Debian 13 and Ubuntu 24.10 on.",
		.bad = "FROM debian:12\nRUN curl -fsSL https://example.org/key.asc | apt-key add -\n", .good = "FROM debian:12\nADD https://example.org/key.asc /etc/apt/keyrings/example.asc\n" } },
	{ .meta = { RULE("gpg-without-batch", LEVEL_STYLE, "correctness"), .aliases = "binnacle:gpgUseBatchFlag", .summary = "gpg may ask questions in a build",
		.why = "gpg is made for a person at a terminal; with --batch it never asks and its exit status can be relied on.",
		.bad = "FROM debian:12\nRUN gpg --verify app.asc app\n", .good = "FROM debian:12\nRUN gpg --batch --verify app.asc app\n" }, .check = gpg_batch },
	{ .meta = { RULE("npm-cache-clean", LEVEL_WARNING, "cache"), .aliases = "binnacle:npmCacheCleanUseForce", .summary = "npm cache clean without --force does nothing",
		.why = "Since npm 5 the command refuses and ends with an error unless it is forced; a cache mount needs no cleaning at all.",
		.bad = "FROM node:22\nRUN npm install -g cowsay@1.6.0 && npm cache clean\n", .good = "FROM node:22\nRUN npm install -g cowsay@1.6.0 && npm cache clean --force\n" }, .check = npm_clean },
	{ .meta = { RULE("checksum-one-blank", LEVEL_INFO, "correctness"), .summary = "one blank between check sum and file name",
		.why = "The format is sum, two blanks (or a blank and a star), name. GNU's tools forgive one blank; busybox, that is Alpine, looks for another file and fails.",
		.bad = "FROM alpine:3.22\nRUN echo \"24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d app.jar\" | sha256sum -c -\n",
		.good = "FROM alpine:3.22\nRUN echo \"24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d  app.jar\" | sha256sum -c -\n" }, .check = checksum_space },
	{ .meta = { RULE("ssh-port", LEVEL_WARNING, "security"), .aliases = "trivy:DS-0004 trivy:DS004 trivy:AVD-DS-0004 checkov:CKV_DOCKER_1 kics:5907595b-5b6d-4142-b173-dbb0e73fbff8", .summary = "port 22 is exposed",
		.why = "An SSH server in a container is a second way in, with its own keys, users and faults. docker exec and kubectl exec do what it is for.",
		.bad = "FROM debian:12\nEXPOSE 22\n", .good = "FROM debian:12\nEXPOSE 8080\n" }, .check = instructions },
	{ .meta = { RULE("workdir-in-system-directory", LEVEL_WARNING, "security"), .aliases = "trivy:DS-0030 trivy:DS030 trivy:AVD-DS-0030", .summary = "WORKDIR is in a directory of the kernel",
		.why = "/proc, /sys and /dev are mounted anew in every container, and paths like /proc/self/fd/8 have been ways out of it.",
		.bad = "FROM debian:12\nWORKDIR /proc/self/fd/8\n", .good = "FROM debian:12\nWORKDIR /app\n" } },
	{ .meta = { RULE("build-privileges", LEVEL_WARNING, "security"), .summary = "a RUN gets the host's privileges or network",
		.why = "RUN --security=insecure runs as root of the host, --network=host reaches what listens there. What a dependency's install script does then concerns the machine that builds.",
		.bad = "# syntax=docker/dockerfile:1-labs\nFROM debian:12\nRUN --security=insecure make\n", .good = "FROM debian:12\nRUN make\n" } },
	{ .meta = { 0 } },
};
