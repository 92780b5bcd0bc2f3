/* pare login: checks a name and a password against a registry, and keeps them. */
#include "base/buf.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "transport/auth.h"
#include "transport/registry.h"
#include <termios.h>
#include <unistd.h>

#define INTERRUPT 3 /* Ctrl-C */
#define PASSWORD_MAX ((size_t)(32 * KiB))

enum { O_USER, O_STDIN, O_GET, O_CERTS, O_TLS_VERIFY, O_PLAIN, O_END };
static const struct option options[] = {
	[O_USER] = { "username", 'u', OPT_VALUE, "USER", "Who to be. Without it it is asked for, on a terminal.", NULL },
	[O_STDIN] = { "password-stdin", 0, OPT_FLAG, NULL, "Read the password from standard input. Without it it is asked for, on a terminal; it is not taken on the command line, where others would see it.", NULL },
	[O_GET] = { "get-login", 0, OPT_FLAG, NULL, "Only print the name that is kept for the registry.", NULL },
	[O_CERTS] = PLACE_CERT_DIR_OPTION,
	[O_TLS_VERIFY] = PLACE_TLS_VERIFY_OPTION,
	[O_PLAIN] = PLACE_PLAIN_HTTP_OPTION,
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

/* One line of standard input: of a terminal with a question, and without its echo for a secret. */
static int line_of(const char *question, bool secret, bool terminal, struct buf *out, struct error *err)
{
	struct termios was, quiet;
	bool hide = terminal && secret && tcgetattr(0, &was) == 0;
	int r = 0;
	if (hide) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG); /* a signal would leave the terminal without its echo: the key for it ends the line instead */
		quiet.c_cc[VEOL] = INTERRUPT;
		tcsetattr(0, TCSAFLUSH, &quiet);
	}
	if (terminal)
		fprintf(stderr, "%s: ", question);
	out->max = PASSWORD_MAX;
	for (char c; r == 0;) {
		ssize_t n = read(0, &c, 1);
		if (n < 0)
			r = error_errno(err, "standard input");
		if (n <= 0 || c == '\n')
			break;
		if (hide && c == INTERRUPT)
			r = error_set(err, ERR_ENV, "%s: interrupted", question);
		buf_putc(out, c);
	}
	if (hide) {
		tcsetattr(0, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (r == 0 && out->n && out->p[out->n - 1] == '\r')
		out->p[--out->n] = '\0';
	if (r == 0 && (!out->n || out->over || str_chr(buf_str(out), '\0')))
		r = error_set(err, ERR_USAGE, "%s: %s", question, out->over ? "too long" : "there is none");
	return r;
}

static int ask(const struct option_value *opt, struct buf *user, struct buf *password, struct error *err)
{
	bool terminal = isatty(0) && isatty(2);
	if (!terminal && (!opt[O_USER].value || !opt[O_STDIN].count))
		return error_set(err, ERR_USAGE, "login: without a terminal, -u USER and --password-stdin say who");
	if (opt[O_USER].value)
		buf_puts(user, opt[O_USER].value);
	else if (line_of("User", false, terminal, user, err) < 0)
		return -1;
	if (!user->n || str_chr(buf_str(user), ':'))
		return error_set(err, ERR_USAGE, "login: a user's name is not empty and has no colon");
	return line_of("Password", true, terminal && !opt[O_STDIN].count, password, err);
}

static int log_in(struct arena *a, const char *host, const struct option_value *opt, const char **where, struct error *err)
{
	struct buf user = BUF(0), password = BUF(0);
	struct registry *r = NULL;
	struct registry_options o = { .plain_http = opt[O_PLAIN].count > 0, .certs = opt[O_CERTS].value };
	o.fetch.unverified = option_is(&opt[O_TLS_VERIFY], "false");
	int e = ask(opt, &user, &password, err);
	if (e == 0) {
		o.user = arena_printf(a, "%s:%s", user.p, password.p);
		e = registry_open(&(struct reference){ .domain = host, .path = "" }, &o, &r, err);
		e = e < 0 ? e : registry_ping(r, err);
		e = e < 0 ? e : auth_keep(a, host, user.p, password.p, where, err);
	}
	registry_close(r);
	if (password.p)
		explicit_bzero(password.p, password.cap);
	buf_free(&user);
	buf_free(&password);
	return e;
}

static int who(struct arena *a, const char *host, struct buf *name, struct error *err)
{
	struct auth_credentials c = { 0 };
	if (auth_find(a, host, "", &c, err) < 0)
		return -1;
	if (!c.user && !c.identity)
		return error_set(err, ERR_ENV, "%s: no login is kept for it", host);
	text_safe(name, str_of(c.user ? c.user : "<token>"));
	return 0;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct buf out = BUF(0);
	struct reference ref = { 0 };
	const char *host = n_args ? args[0] : "docker.io", *where = "";
	int e = reference_parse(&a, str_of(arena_printf(&a, "%s/x", host)), &ref, &err);
	if (e < 0 || strchr(host, '/') || strcmp(ref.domain, host) != 0)
		e = error_set(&err, ERR_USAGE, "%.200s: a registry is HOST[:PORT]", host);
	else if (opt[O_GET].count)
		e = who(&a, host, &out, &err);
	else
		e = log_in(&a, host, opt, &where, &err);
	if (e == 0 && opt[O_GET].count) {
		printf("%s\n", buf_str(&out).p);
	} else if (e == 0 && !globals.quiet) {
		text_safe(&out, str_of(where));
		printf("%s: logged in; kept in %s\n", host, buf_str(&out).p);
	}
	int status = e < 0 ? command_fail(&err) : command_done(0);
	buf_free(&out);
	arena_free(&a);
	return status;
}

const struct command command_login = {
	.name = "login",
	.summary = "who to be at a registry: checked there, and kept",
	.synopsis = "[OPTIONS] [REGISTRY]",
	.description = "Asks for a name and a password (or a token), checks them against the registry, and keeps them for every command that asks it. Without REGISTRY it is Docker Hub, docker.io.\n"
		       "\n"
		       "They are kept where docker and podman keep theirs: in $REGISTRY_AUTH_FILE, or the first of $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json and "
		       "~/.docker/config.json that is there; readable for you alone. Where that file names a credential helper (credHelpers, credsStore), the helper keeps them instead. What docker login "
		       "or podman login left is used as well.",
	.options = options,
	.examples = "pare login quay.io # asks for both\n"
		    "pare login registry.example:5000 -u ci --password-stdin <token # in a script\n"
		    "pare login --get-login quay.io # who am I there?\n",
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
