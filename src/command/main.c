#include "base/buf.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "command/command.h"
#include "store/store.h"
#include <errno.h>
#include <malloc.h>
#include <unistd.h>

struct globals globals;

extern const struct command command_report, command_inspect, command_diff, command_lint, command_sbom, command_scan, command_slim, command_build, command_dockerfile, command_db, command_history, command_graph, command_manual;
extern const struct command command_images, command_tag, command_rm, command_export, command_import, command_du, command_prune;
extern const struct command command_login, command_logout;
extern const struct command command_tags, command_delete, command_manifest;
extern const struct command command_store;
extern const struct command command_compose, command_copy, command_pull, command_push;
extern const struct command command_sign, command_verify, command_run;
const struct command *const commands[] = {
	&command_report,
	&command_inspect,
	&command_diff,
	&command_lint,
	&command_sbom,
	&command_scan,
	&command_build,
	&command_slim,
	&command_run,
	&command_sign,
	&command_verify,
	&command_dockerfile,
	&command_db,
	&command_compose,
	&command_copy,
	&command_pull,
	&command_push,
	&command_images,
	&command_tag,
	&command_rm,
	&command_export,
	&command_import,
	&command_history,
	&command_du,
	&command_prune,
	&command_tags,
	&command_delete,
	&command_store,
	&command_manifest,
	&command_login,
	&command_logout,
	&command_graph,
	&command_manual,
	NULL,
};

const struct option global_options[] = {
	{ "store", 0, OPT_VALUE, "DIR", "Keep facts and images in DIR. Default: $PARE_STORE, else $XDG_DATA_HOME/pare, else ~/.local/share/pare.", NULL },
	{ "quiet", 'q', OPT_FLAG, NULL, "No progress and no notes; results and errors only.", NULL },
	{ "no-color", 0, OPT_FLAG, NULL, "No colours, as with NO_COLOR in the environment.", NULL },
	{ "help", 'h', OPT_FLAG, NULL, "Print this manual and end.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

static void line(const char *text)
{
	struct buf out = BUF(0);
	text_safe(&out, str_of(text));
	fflush(stdout);
	fprintf(stderr, "pare: %s\n", buf_str(&out).p);
	buf_free(&out);
}

int command_fail(const struct error *err)
{
	progress_end();
	line(err->text);
	return err->kind ? (int)err->kind : ERR_INPUT;
}

static void lines(const char *what, const struct problems *p)
{
	const u32 shown = 20;
	for (u32 i = 0; i < p->n && i < shown; i++) {
		char text[1200];
		snprintf(text, sizeof text, "%s: %s", what, p->v[i]);
		line(text);
	}
	if (p->n + p->more > shown)
		fprintf(stderr, "pare: %s: and %u more\n", what, p->n + p->more - shown);
}

void command_unverified(const struct problems *p)
{
	if (!globals.quiet)
		lines("unverified", p);
}

int command_problems(const struct problems *p)
{
	lines("incomplete", p);
	return p->n ? 3 : 0;
}

void command_note(const char *fmt, ...)
{
	char text[1200];
	va_list ap;
	if (globals.quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	line(text);
}

int command_done(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE) /* who read it has seen enough */
		return status;
	fprintf(stderr, "pare: standard output: %s\n", strerror(errno));
	return 4;
}

/* --- the command line --- */
static const struct command *find_command(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

struct parsed {
	const struct command *cmd;
	u32 n_options;
	struct option_value *values; /* the command's, then the global ones */
	char **args;
	int n_args;
};

static const struct option *option_at(const struct parsed *p, u32 i) { return i < p->n_options ? &p->cmd->options[i] : &global_options[i - p->n_options]; }

static u32 count_options(const struct option *o)
{
	u32 n = 0;
	while (o && o[n].name)
		n++;
	return n;
}

static int take_value(struct parsed *p, u32 i, const char *value, struct error *err)
{
	const struct option *o = option_at(p, i);
	struct option_value *v = &p->values[i];
	if (o->choices && !str_among(str_of(value), o->choices))
		return error_set(err, ERR_USAGE, "--%s %s: one of: %s", o->name, value, o->choices);
	if (o->kind == OPT_LIST) {
		v->list = xrealloc(v->list, (v->count + 1) * sizeof *v->list);
		v->list[v->count] = value;
	}
	v->value = value;
	v->count++;
	return 0;
}

static u32 find_option(const struct parsed *p, struct str name, char letter)
{
	u32 all = p->n_options + count_options(global_options);
	for (u32 i = 0; i < all; i++) {
		const struct option *o = option_at(p, i);
		if (letter ? o->letter == letter : str_is(name, o->name))
			return i;
	}
	return UINT32_MAX;
}

static const struct foreign_option *find_foreign(const struct command *c, struct str name)
{
	for (const struct foreign_option *f = c->foreign; f && f->name; f++)
		if (str_is(name, f->name))
			return f;
	return NULL;
}

/* "--name", "--name=value", "-x", "-xVALUE", "-xyz". `*at` is the index of the word; moves on when the next word is the value. */
static int take_option(struct parsed *p, int argc, char **argv, int *at, struct error *err)
{
	const char *word = argv[*at];
	if (word[1] == '-') {
		struct str value = str_of(word + 2), name = str_cut(&value, '=');
		u32 i = find_option(p, name, 0);
		const struct foreign_option *f = i == UINT32_MAX ? find_foreign(p->cmd, name) : NULL;
		if (f)
			return f->why ? error_set(err, ERR_USAGE, "--%s: %s", f->name, f->why) : 0;
		if (i == UINT32_MAX)
			return error_set(err, ERR_USAGE, "%.100s: no such option; `pare %s --help` lists them", word, p->cmd->name);
		if (option_at(p, i)->kind == OPT_FLAG) {
			if (value.p && !str_among(value, "true false"))
				return error_set(err, ERR_USAGE, "--%s: takes no value but true or false", option_at(p, i)->name);
			p->values[i].count = value.p && str_is(value, "false") ? 0 : p->values[i].count + 1;
			return 0;
		}
		if (!value.p && option_at(p, i)->kind == OPT_OPTIONAL) {
			p->values[i].count++;
			return 0;
		}
		if (!value.p) {
			if (*at + 1 >= argc)
				return error_set(err, ERR_USAGE, "%s: wants %s", word, option_at(p, i)->arg);
			return take_value(p, i, argv[++*at], err);
		}
		return take_value(p, i, value.p, err);
	}
	for (const char *c = word + 1; *c; c++) {
		u32 i = find_option(p, str_n("", 0), *c);
		if (i == UINT32_MAX)
			return error_set(err, ERR_USAGE, "-%c: no such option; `pare %s --help` lists them", *c, p->cmd->name);
		if (option_at(p, i)->kind == OPT_FLAG || option_at(p, i)->kind == OPT_OPTIONAL) {
			p->values[i].count++;
			continue;
		}
		if (c[1])
			return take_value(p, i, c + 1, err);
		if (*at + 1 >= argc)
			return error_set(err, ERR_USAGE, "-%c: wants %s", *c, option_at(p, i)->arg);
		return take_value(p, i, argv[++*at], err);
	}
	return 0;
}

static int parse(struct parsed *p, int argc, char **argv, struct error *err)
{
	p->n_options = count_options(p->cmd->options);
	p->values = xcalloc(p->n_options + count_options(global_options), sizeof *p->values);
	p->args = xcalloc((size_t)argc + 1, sizeof *p->args);
	bool operands = false;
	for (int i = 0; i < argc; i++) {
		const char *w = argv[i];
		if (!operands && strcmp(w, "--") == 0)
			operands = true;
		else if (operands || w[0] != '-' || !w[1])
			p->args[p->n_args++] = argv[i];
		else if (take_option(p, argc, argv, &i, err) < 0)
			return -1;
		operands |= p->cmd->program && (u32)p->n_args >= p->cmd->program;
	}
	return 0;
}

static void set_globals(const struct parsed *p)
{
	const struct option_value *g = p->values + p->n_options;
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	globals.store = g[0].value;
	globals.quiet = g[1].count > 0;
	globals.no_color = g[2].count > 0 || (no_color && no_color[0]);
	globals.color = !globals.no_color && isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	progress_enable(!globals.quiet && isatty(STDERR_FILENO));
}

static const struct subcommand *find_subcommand(const struct command *c, const char *name)
{
	for (const struct subcommand *s = c->subcommands; s && s->name; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

/* Of a command with subcommands: finds the one that the first operand names, and refuses options that are not its own. */
static const struct subcommand *choose(const struct parsed *p, struct error *err)
{
	const struct subcommand *s = p->n_args ? find_subcommand(p->cmd, p->args[0]) : NULL;
	if (!s) {
		char names[200] = "";
		for (const struct subcommand *c = p->cmd->subcommands; c->name; c++)
			snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "", c->name);
		error_set(err, ERR_USAGE, "%s%s%.100s: %s; there are: %s", p->cmd->name, p->n_args ? " " : "", p->n_args ? p->args[0] : "", p->n_args ? "no such subcommand" : "a subcommand is missing", names);
		return NULL;
	}
	for (u32 i = 0; i < p->n_options; i++) {
		if (p->values[i].count && !str_among(str_of(p->cmd->options[i].name), s->options)) {
			error_set(err, ERR_USAGE, "%s %s: takes no --%s; `pare %s %s --help` says what it takes", p->cmd->name, s->name, p->cmd->options[i].name, p->cmd->name, s->name);
			return NULL;
		}
	}
	if ((u32)p->n_args - 1 < s->min_args || (u32)p->n_args - 1 > s->max_args) {
		error_set(err, ERR_USAGE, "%s %s: %s; usage: pare %s %s %s", p->cmd->name, s->name, (u32)p->n_args - 1 < s->min_args ? "an operand is missing" : "too many operands",
			p->cmd->name, s->name, s->synopsis);
		return NULL;
	}
	return s;
}

static int run(const struct command *c, int argc, char **argv)
{
	struct parsed p = { .cmd = c };
	struct error err = { 0 };
	int status;
	if (parse(&p, argc, argv, &err) < 0) {
		status = command_fail(&err);
	} else if (p.values[p.n_options + 3].count) {
		const struct subcommand *s = p.n_args ? find_subcommand(c, p.args[0]) : NULL;
		if (s)
			manual_subcommand(stdout, c, s);
		else
			manual_help(stdout, c);
		status = command_done(0);
	} else if (c->subcommands) {
		const struct subcommand *s = choose(&p, &err);
		set_globals(&p);
		status = s ? s->run(p.values, p.args + 1, p.n_args - 1) : command_fail(&err);
	} else if ((u32)p.n_args < c->min_args || (u32)p.n_args > c->max_args) {
		error_set(&err, ERR_USAGE, "%s: %s; usage: pare %s %s", c->name, (u32)p.n_args < c->min_args ? "an operand is missing" : "too many operands", c->name, c->synopsis);
		status = command_fail(&err);
	} else {
		set_globals(&p);
		status = c->run(p.values, p.args, p.n_args);
	}
	for (u32 i = 0; i < p.n_options; i++)
		free(p.values[i].list);
	free(p.values);
	free(p.args);
	return status;
}

int command_call(const char *name, int argc, char **argv) { return run(find_command(name), argc, argv); }

int main(int argc, char **argv)
{
	/* What is freed goes back to the system, and threads share: memory is bounded by what is in use. */
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	mallopt(M_ARENA_MAX, 2);
	file_catch_signals();
	store_notice = line;
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (strcmp(argv[1], "help") == 0 && argc == 2)) {
		manual_help(argc < 2 ? stderr : stdout, NULL);
		return argc < 2 ? 2 : command_done(0);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("pare " PARE_VERSION);
		return command_done(0);
	}
	if (strcmp(argv[1], "help") == 0 && find_command(argv[2])) {
		manual_help(stdout, find_command(argv[2]));
		return command_done(0);
	}
	/* `pare --store DIR inspect IMAGE`: global options may stand in front of the command; it is then moved there. */
	int at = 1;
	while (at < argc && argv[at][0] == '-' && argv[at][1])
		at += strcmp(argv[at], "--store") == 0 ? 2 : 1;
	const struct command *c = at < argc ? find_command(argv[at]) : NULL;
	if (!c)
		return run(&command_report, argc - 1, argv + 1); /* pare IMAGE */
	memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
	return run(c, argc - 2, argv + 2);
}
