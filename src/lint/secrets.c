/* Secrets that a Dockerfile, or what it copies, gives away: by the form of a value wherever it stands, by the option it is given to, by the file's name.
 * No value is ever part of a message. */
#include "secret/secret.h"
#include "base/buf.h"
#include "base/file.h"
#include "dockerfile/dockerignore.h"
#include "lint/effect.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- values, anywhere in the file --- */
static const struct df_instruction *instruction_at(const struct df_file *f, u32 at)
{
	u32 lo = 0, hi = f->n_instructions;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		if (f->instructions[mid].span.end <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n_instructions && f->instructions[lo].span.at <= at ? &f->instructions[lo] : NULL;
}

static bool comment_at(const struct df_file *f, u32 at)
{
	u32 lo = 0, hi = f->n_comments;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		if (f->comments[mid].span.end <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < f->n_comments && f->comments[lo].span.at <= at;
}

static const char *where_of(enum df_keyword k)
{
	switch (k) {
	case DF_ENV: return "everybody who has the image reads it in its configuration; give it at run time";
	case DF_ARG: return "it stays readable in the image's history; RUN --mount=type=secret leaves no trace";
	case DF_LABEL: return "everybody who has the image reads it in its configuration";
	case DF_RUN: return "it stays readable in the image's history; RUN --mount=type=secret leaves no trace";
	case DF_COPY:
	case DF_ADD: return "it is a file of the image";
	default: return "it is part of the image";
	}
}

/* "://user:password@" around the "://" at offset `at` of the text: the span of the URL's beginning, or false. */
static bool url_with_password(struct str t, size_t at, size_t *from, size_t *end)
{
	size_t a = at, n = 0;
	while (a > 0 && at - a < 20 && ((t.p[a - 1] >= 'a' && t.p[a - 1] <= 'z') || (t.p[a - 1] >= 'A' && t.p[a - 1] <= 'Z') || (t.p[a - 1] >= '0' && t.p[a - 1] <= '9') || t.p[a - 1] == '+'))
		a--;
	size_t b = at + 3;
	while (b + n < t.n && n < 400 && !strchr(" \t\r\n\"'`/\\<>(){}|;,", t.p[b + n]))
		n++;
	struct str authority = str_n(t.p + b, n);
	const char *host = memrchr(authority.p, '@', authority.n), *colon = str_chr(authority, ':');
	if (a == at || !host || !colon || colon > host || colon + 1 == host || host + 1 == authority.p + authority.n)
		return false;
	struct str user = str_n(authority.p, (size_t)(colon - authority.p)), password = str_n(colon + 1, (size_t)(host - colon) - 1);
	if (secret_placeholder(password) || str_chr(password, '$') || lint_word_in(user, "anonymous ftp") || lint_word_in(password, "password PASSWORD pass x-oauth-basic") || str_chr(password, '*'))
		return false;
	*from = a;
	*end = b + (size_t)(host - authority.p);
	return true;
}

static void say_value(struct lint *l, size_t at, size_t end, const char *what)
{
	const struct df_instruction *i = instruction_at(&l->file, (u32)at);
	if (comment_at(&l->file, (u32)at))
		lint_add_at(l, i, (struct df_span){ (u32)at, (u32)end }, "%s in a comment: whoever has the file has it", what);
	else if (i)
		lint_add_at(l, i, (struct df_span){ (u32)at, (u32)end }, "%s in %s: %s", what, df_keyword_text[i->keyword], where_of(i->keyword == DF_ONBUILD && i->trigger ? i->trigger->keyword : i->keyword));
}

static void values(struct lint *l)
{
	struct str t = l->file.text;
	struct secret_hit hit;
	for (size_t from = 0; secret_find(t, &from, &hit);)
		say_value(l, hit.at, hit.end, hit.what);
	for (size_t from = 0; from < t.n;) {
		const char *at = str_find(str_from(t, from), STR("://"));
		size_t a, end;
		if (!at)
			break;
		size_t n = (size_t)(at - t.p);
		from = n + 3;
		if (url_with_password(t, n, &a, &end)) {
			say_value(l, a, end, "a URL with a password");
			from = end;
		}
	}
}

/* --- values that are given to an option, or to a variable whose name says it all --- */
static bool told(const struct sh_word *w)
{
	struct str v = w->text;
	return w->literal && v.n >= 3 && !secret_placeholder(v) && v.p[0] != '/' && v.p[0] != '-' && !lint_word_in(v, "true false yes no none null 0 1 undefined");
}

static bool told_str(const struct sh_word *w, struct str v)
{
	(void)w;
	return v.n >= 3 && !secret_placeholder(v) && !str_chr(v, '$') && v.p[0] != '/' && !lint_word_in(v, "true false yes no none null undefined");
}

static const char *const secret_options[] = {
	"--password", "--passwd", "--pass", "--token", "--secret", "--api-key", "--apikey", "--access-token", "--auth-token", "--secret-key", "--private-token", "--http-password", "--ftp-password", "--proxy-password", "--client-secret", "--admin-password",
	"--admin_password", "--db-password", "--dbpass", "--root-password", "-storepass", "-keypass", "-srcstorepass", "-deststorepass", "-destkeypass", "-srckeypass",
};

static bool secret_option(struct str t)
{
	for (size_t i = 0; i < countof(secret_options); i++)
		if (str_is(t, secret_options[i]))
			return true;
	return false;
}

/* Of programs that have an option of their own for it: -u user:password, -pPASSWORD, -passout pass:x */
static const struct sh_word *own_option(const struct sh_command *c, const char **option)
{
	bool mysql = sh_is(c, "mysql") || sh_is(c, "mysqladmin") || sh_is(c, "mysqldump") || sh_is(c, "mariadb") || sh_is(c, "mariadb-admin");
	bool login = (sh_is(c, "docker") || sh_is(c, "podman") || sh_is(c, "skopeo") || sh_is(c, "buildah") || sh_is(c, "helm") || sh_is(c, "oc") || sh_is(c, "az")) && c->n_args && str_contains(c->args[0].text, STR("login"));
	for (u32 k = 0; k < c->n_args; k++) {
		const struct sh_word *w = &c->args[k], *next = k + 1 < c->n_args ? w + 1 : NULL;
		struct str t = w->text;
		if (mysql && str_starts(t, STR("-p")) && t.n > 3 && told_str(w, str_from(t, 2)))
			return *option = "-p", w;
		if (next && (login || sh_is(c, "sshpass")) && str_is(t, "-p") && told(next))
			return *option = "-p", next;
		if (next && sh_is(c, "redis-cli") && str_is(t, "-a") && told(next))
			return *option = "-a", next;
		if (next && (sh_is(c, "curl") || sh_is(c, "wget")) && lint_word_in(t, "-u --user") && next->literal) {
			struct str p = next->text, user = str_cut(&p, ':');
			if (p.p && user.n && told_str(next, p))
				return *option = "--user", next;
		}
		if (next && sh_is(c, "curl") && lint_word_in(t, "-H --header") && next->literal && (str_starts(next->text, STR("Authorization:")) || str_starts(next->text, STR("PRIVATE-TOKEN:")) || str_starts(next->text, STR("X-Api-Key:"))))
			return *option = "--header", next;
		if (next && sh_is(c, "openssl") && lint_word_in(t, "-passout -passin -pass") && str_starts(next->text, STR("pass:")) && told_str(next, str_from(next->text, 5)))
			return *option = "-pass…", next;
		if ((sh_is(c, "npm") || sh_is(c, "yarn")) && str_contains(t, STR(":_authToken"))) {
			const char *eq = str_chr(t, '=');
			if (eq ? told_str(w, str_from(t, (size_t)(eq - t.p) + 1)) : next && told(next))
				return *option = "_authToken", w;
		}
	}
	if (sh_is(c, "htpasswd")) {
		struct operands o = { .c = c, .valued = "-C" };
		const struct sh_word *file = operand_next(&o), *user = file ? operand_next(&o) : NULL, *password = user ? operand_next(&o) : NULL;
		if (c->n_args && c->args[0].text.n > 1 && str_chr(c->args[0].text, 'b')) {
			if (str_chr(c->args[0].text, 'n'))
				password = user;
			if (password && told(password))
				return *option = "-b", password;
		}
	}
	return NULL;
}

static void in_command(struct lint *l, const struct lint_script *s, const struct sh_command *c)
{
	const char *option = NULL;
	const struct sh_word *w = own_option(c, &option);
	if (w) {
		lint_add_word(l, s, w, "the secret that %.*s is given with %s is written in the file, and in the image's history", STR_FMT(str_head(c->base, 60)), option);
		return;
	}
	/* "changeit" opens a store of public certificates, and everybody knows it: only what makes keys is meant. */
	bool public_store = sh_is(c, "keytool");
	for (u32 k = 0; k < c->n_args && public_store; k++)
		public_store = !str_starts(c->args[k].text, STR("-gen")) && !lint_word_in(c->args[k].text, "-importkeystore -importpass");
	for (u32 k = 0; k < (public_store ? 0 : c->n_args); k++) {
		struct str value = c->args[k].text, name = str_cut(&value, '=');
		const struct sh_word *next = k + 1 < c->n_args ? &c->args[k + 1] : NULL;
		bool said = false;
		if (value.p && name.n && name.p[0] == '-' && secret_option(name) && told_str(&c->args[k], value))
			said = true;
		else if (!value.p && next && secret_option(name) && told(next) && !sh_is(c, "echo"))
			said = true;
		else if (value.p && sh_is(c, "export") && secret_name(name) && told_str(&c->args[k], value)) {
			lint_add_word(l, s, &c->args[k], "the value of %.*s is written in the file, and in the image's history", STR_FMT(str_head(name, 60)));
			continue;
		}
		if (said)
			lint_add_word(l, s, value.p ? &c->args[k] : next, "the secret that %.*s is given with %.*s is written in the file, and in the image's history", STR_FMT(str_head(c->base, 60)), STR_FMT(str_head(name, 60)));
	}
}

static bool secret_mount(const struct df_instruction *i)
{
	for (const struct df_flag *f = NULL; (f = df_flags_next(i, "mount", f));)
		if (f->value.p && str_contains(f->value, STR("type=secret")))
			return true;
	return false;
}

static void commands(struct lint *l)
{
	enum { WRITTEN, LOGIN };
	const struct lint_rule *group = l->rule;
	lint_each_command(l, s, c) {
		l->rule = group + WRITTEN;
		in_command(l, s, c);
		for (u32 k = 0; k < (c->wrapped ? 0 : c->node->n_assigns); k++) {
			const struct sh_assign *a = &c->node->assigns[k];
			if (!a->array && secret_name(a->name) && told(&a->value))
				lint_add_at(l, s->in, lint_span(s, a->at, a->end), "the value of %.*s is written in the file, and in the image's history", STR_FMT(str_head(a->name, 60)));
		}
		l->rule = group + LOGIN;
		if (secret_mount(s->in))
			continue;
		if ((sh_is(c, "aws") && c->n_args > 2 && str_is(c->args[0].text, "configure") && str_is(c->args[1].text, "set") && str_starts(c->args[2].text, STR("aws_"))) ||
		    (sh_is(c, "gcloud") && c->n_args > 1 && str_is(c->args[0].text, "auth") && lint_word_in(c->args[1].text, "activate-service-account login")) || (sh_is(c, "az") && c->n_args && str_is(c->args[0].text, "login")))
			lint_add_cmd(l, s, c, "%.*s leaves credentials in the layer: RUN --mount=type=secret, or give them at run time", STR_FMT(c->base));
	}
}

/* --- files --- */
#define NAMES_MAX 500        /* of one file's COPYs that are looked at; and of those that are opened: */
#define FILES_MAX 100
#define FILE_BYTES 262144    /* of one; larger ones are data */
#define DEPTH_MAX 8

struct context {
	struct lint *l;
	const struct df_instruction *in;
	struct dockerignore ignore;
	struct arena a;
	struct buf text;
	u32 *names, *files; /* still allowed */
	u32 said;
};

static struct str base_of(struct str p)
{
	while (p.n > 1 && p.p[p.n - 1] == '/')
		p.n--;
	const char *slash = p.n ? memrchr(p.p, '/', p.n) : NULL;
	return slash ? str_from(p, (size_t)(slash - p.p) + 1) : p;
}

static struct str dir_of(struct str p)
{
	struct str b = base_of(p);
	return b.p > p.p ? base_of(str_n(p.p, (size_t)(b.p - p.p) - 1)) : str_n("", 0);
}

/* What a file holds: a form that is known, a variable whose name says it; NULL. */
static const char *holds(struct str text, u32 *line)
{
	struct secret_hit hit;
	size_t from = 0, at = 0;
	const char *what = NULL;
	if (memchr(text.p ? text.p : "", 0, MIN(text.n, 4096)))
		return NULL;
	if (secret_find(text, &from, &hit)) {
		what = hit.what;
		at = hit.at;
	}
	u32 n = 1;
	for (size_t i = 0; i < at; i++)
		n += text.p[i] == '\n';
	*line = n;
	return what;
}

static const char *variables_in(struct str text)
{
	struct str rest = text;
	while (rest.p) {
		struct str value = str_trim(str_cut(&rest, '\n')), name;
		if (!value.n || value.p[0] == '#')
			continue;
		name = str_cut(&value, '=');
		if (str_starts(name, STR("export ")))
			name = str_from(name, 7);
		if (value.p && secret_name(str_trim(name)) && !secret_placeholder(str_trim(value)))
			return "secrets by their names";
		if (value.p && secret_url(value))
			return "a URL with a password";
	}
	return NULL;
}

/* Files of settings and of code: where secrets are written by hand. */
static bool worth_reading(struct str name)
{
	static const char ends[] = "env pem key json yml yaml toml ini conf cfg config properties xml sh bash py js mjs cjs ts jsx tsx rb php go java kt cs tf tfvars txt sql ps1 npmrc pypirc netrc";
	const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
	return dot && lint_word_in(str_from(name, (size_t)(dot - name.p) + 1), ends);
}

static void look_at_file(struct context *x, int dir, const char *name, struct str path, bool named)
{
	struct str base = str_of(name);
	const char *kind = secret_file(dir_of(path), base);
	if (!*x->files || (!kind && !named && !worth_reading(base)))
		return;
	--*x->files;
	buf_clear(&x->text);
	x->text.over = false;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	if (fd < 0)
		return;
	bool readable = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= FILE_BYTES && file_read_fd(fd, FILE_BYTES, name, &x->text, NULL) == 0;
	close(fd);
	if (!readable)
		return;
	u32 line = 0;
	const char *what = holds(buf_str(&x->text), &line);
	bool settings = str_is(base, ".env") || str_starts(base, STR(".env.")) || str_ends(base, STR(".env")) || str_ends(base, STR(".properties"));
	if (!what && kind && (str_is(base, ".npmrc") || str_is(base, ".pypirc")) && !str_contains(buf_str(&x->text), STR("_auth")) && !str_contains(buf_str(&x->text), STR("password")))
		return;
	if (!what && settings && (kind || !str_starts(base, STR(".env")))) {
		what = variables_in(buf_str(&x->text));
		if (!what)
			return; /* an environment file without secrets */
		line = 0;
	}
	if (!what && !kind)
		return;
	if (x->said++ >= 5)
		return;
	if (line)
		lint_add(x->l, x->in, "copies %.*s into the image: %s (its line %u)", STR_FMT(str_head(path, 200)), what, line);
	else
		lint_add(x->l, x->in, "copies %.*s into the image: %s", STR_FMT(str_head(path, 200)), what ? what : kind);
}

static void look_into(struct context *x, int parent, const char *name, struct str path, u32 depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; *x->names && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || strcmp(e->d_name, ".git") == 0 || strcmp(e->d_name, "node_modules") == 0)
			continue;
		struct str p = path.n ? str_of(arena_printf(&x->a, "%.*s/%s", STR_FMT(path), e->d_name)) : str_of(arena_strdup(&x->a, str_of(e->d_name)));
		--*x->names;
		/* of a directory that is kept out an exception may take something in again */
		if (dockerignore_matches(&x->ignore, p) && !(e->d_type == DT_DIR && x->ignore.exceptions))
			continue;
		if (e->d_type == DT_DIR) {
			if (depth < DEPTH_MAX)
				look_into(x, fd, e->d_name, p, depth + 1);
		} else if (e->d_type == DT_REG || e->d_type == DT_UNKNOWN) {
			look_at_file(x, fd, e->d_name, p, false);
		}
	}
	closedir(d);
}

static void copied(struct lint *l, const struct df_instruction *i, int context, u32 *names, u32 *files)
{
	if (df_flag(i, "from") || i->n_args < 2)
		return;
	struct context x = { .l = l, .in = i, .names = names, .files = files, .text = BUF(FILE_BYTES + 1) };
	if (context >= 0)
		dockerignore_read(&x.a, l->opt->ignored_files, &x.ignore);
	for (u32 k = 0; k + 1 < i->n_args; k++) {
		struct str src = i->args[k].s;
		if (str_chr(src, '$') || str_contains(src, STR("://")))
			continue;
		while (src.n && src.p[0] == '/')
			src = str_from(src, 1);
		struct str path = dockerignore_clean(&x.a, src), name = base_of(path);
		u32 said = x.said;
		if (context >= 0 && !str_chr(src, '*') && !str_starts(path, STR(".."))) {
			bool top = str_is(path, ".") || path.n == 0;
			struct stat st;
			const char *z = top ? "." : arena_strdup(&x.a, path);
			struct error err = { 0 };
			if (fstatat(context, z, &st, 0) == 0 && S_ISDIR(st.st_mode)) {
				look_into(&x, context, z, top ? str_n("", 0) : path, 0);
				continue;
			}
			int fd = top || dockerignore_matches(&x.ignore, path) ? -1 : file_open_beneath(context, z, &err);
			if (fd >= 0) {
				close(fd);
				look_at_file(&x, context, z, path, true);
				continue;
			}
		}
		/* The context is not at hand, or a pattern names it: the name tells. */
		while (name.n && (name.p[name.n - 1] == '*' || name.p[name.n - 1] == '?'))
			name.n--;
		const char *kind = said == x.said ? secret_file(dir_of(path), name) : NULL;
		if (kind && !lint_word_in(name, ".npmrc .htpasswd wp-config.php"))
			lint_add_at(l, i, i->args[k].span, "copies %.*s into the image: %s", STR_FMT(str_head(src, 200)), kind);
	}
	arena_free(&x.a);
	buf_free(&x.text);
}

static void files(struct lint *l)
{
	autofd int context = l->opt->context ? open(l->opt->context, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	u32 names = NAMES_MAX, most = FILES_MAX;
	for (const struct df_instruction *i = lint_next(l, NULL); i; i = lint_next(l, i))
		if ((i->keyword == DF_COPY || i->keyword == DF_ADD) && lint_ships(l, i))
			copied(l, i, context, &names, &most);
}

#define RULE(n, lvl, t) .name = n, .level = lvl, .since = "2026.1", .topic = t
const struct lint_rule rules_secrets[] = {
	{ .meta = { RULE("secret-value", LEVEL_ERROR, "security"), .aliases = "kics:a88baa34-e2ad-44ea-ad6f-8cac87bc7c71", .summary = "a token, a private key or a URL with a password stands in the file",
		.why = "Whatever the instruction, the value is in the image's configuration, history or layers, and in whatever keeps the Dockerfile: deleting it later does not take it out. Revoke it. "
		       "For the build there is RUN --mount=type=secret, for the running container its environment or a mounted file.",
		.bad = "FROM debian:12\nENV DB=postgres://app:hunter2@db/app\n", .good = "FROM debian:12\nENV DB=postgres://db/app\n" }, .check = values },
	{ .meta = { RULE("secret-in-command", LEVEL_WARNING, "security"), .summary = "a RUN has a password or token written in it",
		.why = "The text of every RUN is in the image's history, for everybody who has the image. RUN --mount=type=secret,env=NAME gives a secret to one RUN and leaves no trace.",
		.bad = "FROM debian:12\nRUN mysqladmin --password=hunter2 create app\n", .good = "FROM debian:12\nRUN --mount=type=secret,id=db,env=PW mysqladmin --password=\"$PW\" create app\n" }, .check = commands },
	{ .meta = { RULE("credentials-in-layer", LEVEL_WARNING, "security"), .aliases = "trivy:DS-0031 trivy:DS031 trivy:AVD-DS-0031", .summary = "a RUN logs in to a cloud without a secret mount",
		.why = "aws configure, gcloud auth and az login write credentials to files of the layer, where everybody who has the image finds them.",
		.bad = "FROM amazonlinux:2023\nRUN aws configure set aws_secret_access_key $KEY\n", .good = "FROM amazonlinux:2023\nRUN --mount=type=secret,id=aws,target=/root/.aws/credentials aws s3 cp s3://bucket/file /file\n" } },
	{ .meta = { RULE("secret-file-copied", LEVEL_ERROR, "security"), .summary = "a file that holds secrets is copied into the image",
		.why = "Who has the image has the file, also when a later layer deletes it. Name it in .dockerignore, and mount it where it is needed: RUN --mount=type=secret at build time, a volume at run time. "
		       "Files are looked at when the build context is at hand.",
		.bad = "FROM debian:12\nCOPY .env /app/.env\n", .good = "FROM debian:12\nCOPY app /app\n" }, .check = files },
	{ .meta = { 0 } },
};
