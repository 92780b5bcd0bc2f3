#include "base/file.h"
#include "base/text.h"
#include "command/command.h"
#include "command/terminal.h"
#include "layer/tar.h"
#include "run/box.h"
#include "report/subject.h"
#include "run/tracer.h"
#include <errno.h>
#include <unistd.h>

enum { O_READ_ONLY, O_TMPFS, O_NETWORK, O_USER, O_ENV, O_WORKDIR, O_ENTRYPOINT, O_SECONDS, O_RUNTIME, O_HIDE, O_WRITTEN, O_INPUT, O_TTY, O_TRACE, O_PLATFORM };
static const struct option options[] = {
	[O_READ_ONLY] = { "read-only", 0, OPT_FLAG, NULL, "The root file system cannot be written to; volumes and --tmpfs can.", NULL },
	[O_TMPFS] = { "tmpfs", 0, OPT_LIST, "DIR", "An empty, writable directory in memory.", NULL },
	[O_NETWORK] = { "network", 0, OPT_VALUE, "NETWORK", "loopback (the default): a network of its own, which leads nowhere; host: this machine's.", "loopback host" },
	[O_USER] = { "user", 'u', OPT_VALUE, "USER[:GROUP]", "Run as this user. Default: the image's.", NULL },
	[O_ENV] = { "env", 'e', OPT_LIST, "NAME[=VALUE]", "Set a variable, or change one of the image's; without =VALUE to what it is here.", NULL },
	[O_WORKDIR] = { "workdir", 'w', OPT_VALUE, "DIR", "Run in this directory, a path from the root. Default: the image's.", NULL },
	[O_ENTRYPOINT] = { "entrypoint", 0, OPT_VALUE, "PROGRAM", "In place of the image's entry point; empty: the command alone.", NULL },
	[O_SECONDS] = { "seconds", 0, OPT_VALUE, "N", "End it after so long. Default: 600; with --tty never.", NULL },
	[O_RUNTIME] = { "runtime", 0, OPT_VALUE, "RUNTIME", "runc, crun or a path. Default: the one that is installed, runc first.", NULL },
	[O_HIDE] = { "hide", 0, OPT_LIST, "PATH", "A file or directory of the image that is not to be there.", NULL },
	[O_WRITTEN] = { "written", 0, OPT_FLAG, NULL, "Afterwards, list on standard error what it made or changed (C) and deleted (D).", NULL },
	[O_INPUT] = { "interactive", 'i', OPT_FLAG, NULL, "What comes on standard input is the program's, as it comes. Default: it has none.", NULL },
	[O_TTY] = { "tty", 't', OPT_FLAG, NULL, "A terminal of its own, which ours (standard input) becomes: shells, editors, Ctrl-C. What it writes, escape sequences too, goes there as it is. With -i or without.", NULL },
	[O_TRACE] = { "trace-dir", 0, OPT_VALUE, "DIR", "Keep a trace of the files it touches there, for pare slim --trace-dir.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Of an image for several platforms, this one.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};
#define OUTPUT_MAX (16 * MiB) /* of a conversation without a terminal */

static const char *const *list_of(struct arena *a, const char *first, const char *const *v, u32 n)
{
	const char **ret = arena_array(a, const char *, (size_t)n + 2);
	u32 k = 0;
	if (first && first[0])
		ret[k++] = first;
	for (u32 i = 0; i < n; i++)
		ret[k++] = v[i];
	return ret;
}

/* "/tmp", nothing that the container cannot be without. */
static bool is_place(const char *path, bool system)
{
	char clean[TAR_PATH_MAX];
	ssize_t n = path[0] == '/' ? tar_clean(str_of(path), clean) : -1;
	struct str first = str_n(clean, n < 0 ? 0 : (size_t)n);
	first = str_cut(&first, '/');
	return n > 0 && (system || !(str_among(first, "proc sys") || strcmp(clean, "dev") == 0));
}

static int read_seconds(const struct option_value *opt, u64 *ret, struct error *err)
{
	if (opt[O_SECONDS].value && (!str_to_u64(str_of(opt[O_SECONDS].value), ret) || !*ret || *ret > 30 * 86400))
		return error_set(err, ERR_USAGE, "run: --seconds %s: a number of seconds", opt[O_SECONDS].value);
	return 0;
}

static int check_options(const struct option_value *opt, struct error *err)
{
	for (u32 i = 0; i < opt[O_TMPFS].count; i++)
		if (!is_place(opt[O_TMPFS].list[i], false) || strchr(opt[O_TMPFS].list[i], ':'))
			return error_set(err, ERR_USAGE, "run: --tmpfs %.200s: a directory below /, without options; not /proc, /sys or /dev", opt[O_TMPFS].list[i]);
	for (u32 i = 0; i < opt[O_HIDE].count; i++)
		if (!is_place(opt[O_HIDE].list[i], true))
			return error_set(err, ERR_USAGE, "run: --hide %.200s: a path below /", opt[O_HIDE].list[i]);
	for (u32 i = 0; i < opt[O_ENV].count; i++)
		if (!opt[O_ENV].list[i][0] || opt[O_ENV].list[i][0] == '=')
			return error_set(err, ERR_USAGE, "run: --env %.200s: NAME=VALUE, or NAME", opt[O_ENV].list[i]);
	if (opt[O_WORKDIR].value && opt[O_WORKDIR].value[0] && opt[O_WORKDIR].value[0] != '/')
		return error_set(err, ERR_USAGE, "run: --workdir %.200s: a path from the root", opt[O_WORKDIR].value);
	return read_seconds(opt, &(u64){ 0 }, err);
}

/* Those that have no value are this program's own, where it has them. */
static const char *const *variables(struct arena *a, const struct option_value *v)
{
	const char **ret = arena_array(a, const char *, (size_t)v->count + 1);
	u32 n = 0;
	for (u32 i = 0; i < v->count; i++) {
		const char *value = strchr(v->list[i], '=') ? NULL : getenv(v->list[i]);
		if (value)
			ret[n++] = arena_printf(a, "%s=%s", v->list[i], value);
		else if (strchr(v->list[i], '='))
			ret[n++] = v->list[i];
	}
	return ret;
}

static int make_spec(struct arena *a, const struct option_value *opt, const struct config *config, char **args, int n_args, struct run_spec *s)
{
	*s = (struct run_spec){ .user = opt[O_USER].value, .cwd = opt[O_WORKDIR].value, .read_only = opt[O_READ_ONLY].count > 0 };
	s->env = opt[O_ENV].count ? variables(a, &opt[O_ENV]) : NULL;
	s->tmpfs = opt[O_TMPFS].count ? list_of(a, NULL, opt[O_TMPFS].list, opt[O_TMPFS].count) : NULL;
	if (!n_args && !opt[O_ENTRYPOINT].count)
		return 0;
	u32 n = 0, most = (u32)n_args;
	const char **e = config->entrypoint, **c = config->cmd;
	while (e[n])
		n++;
	most += n;
	for (u32 i = 0; c[i]; i++)
		most++;
	const char **argv = arena_array(a, const char *, (size_t)most + 2);
	u32 k = 0;
	if (opt[O_ENTRYPOINT].count) {
		if (opt[O_ENTRYPOINT].value[0])
			argv[k++] = opt[O_ENTRYPOINT].value;
	} else {
		for (u32 i = 0; i < n; i++)
			argv[k++] = e[i];
	}
	for (int i = 0; i < n_args; i++)
		argv[k++] = args[i];
	s->argv = argv;
	return 0;
}

static int print_written(void *ctx, char kind, struct str path, u64 size)
{
	struct buf line = BUF(0);
	(void)ctx;
	buf_puts(&line, kind == 'd' ? "D " : "C ");
	text_safe(&line, path);
	if (size)
		buf_printf(&line, " %llu", (unsigned long long)size);
	fprintf(stderr, "%s\n", line.p);
	buf_free(&line);
	return 0;
}

/* What came since the last look. */
static void pass_on(const struct run_result *r, size_t *out, size_t *err)
{
	if (r->out.n > *out)
		fwrite(r->out.p + *out, 1, r->out.n - *out, stdout);
	if (r->err.n > *err)
		fwrite(r->err.p + *err, 1, r->err.n - *err, stderr);
	*out = r->out.n;
	*err = r->err.n;
	fflush(stdout);
}

/* --- a conversation: what either side says is passed on as it comes --- */
struct talk {
	bool terminal;
	u64 room, dropped;
	atomic_bool stop;
	int failed; /* errno: nobody reads it any more */
};

static void say(void *ctx, int stream, struct str bytes)
{
	struct talk *t = ctx;
	size_t n = t->terminal ? bytes.n : (size_t)MIN((u64)bytes.n, t->room);
	t->room -= t->terminal ? 0 : n;
	t->dropped += bytes.n - n;
	FILE *f = stream == 2 ? stderr : stdout;
	if (n && !t->failed && (fwrite(bytes.p, 1, n, f) < n || fflush(f) != 0) && f == stdout) {
		t->failed = errno;
		atomic_store(&t->stop, true);
	}
}

static int converse(struct run_box *b, const struct run_spec *spec, struct run_container **ret, const struct run_result **res, int *failed, struct error *err)
{
	struct talk t = { .terminal = spec->terminal, .room = OUTPUT_MAX };
	if (run_start(b, spec, ret, err) < 0)
		return -1;
	int inner = run_terminal(*ret), r = inner >= 0 ? terminal_take_over(STDIN_FILENO, inner, err) : 0;
	r = r < 0 ? r : run_converse(*ret, STDIN_FILENO, &t.stop, say, &t, res, err);
	if (inner >= 0)
		terminal_give_back();
	if (t.dropped)
		command_note("run: %llu bytes of output over the budget are not shown", (unsigned long long)t.dropped);
	*failed = t.failed;
	return r;
}

static int wait_for(struct run_container *c, const struct run_result **ret, int *failed, struct error *err)
{
	const struct run_result *res = NULL;
	size_t out = 0, errors = 0;
	int r = 0, ms = 5; /* what it prints is passed on soon, and waiting costs nothing */
	do {
		r = run_wait(c, ms, &res, err);
		ms = MIN(ms * 2, 200);
		if (r == 0 && (res->out.n > out || res->err.n > errors))
			ms = 5;
		if (r == 0)
			pass_on(res, &out, &errors);
		if (ferror(stdout)) { /* nobody reads it any more */
			*failed = errno;
			break;
		}
	} while (r == 0 && !res->ended);
	*ret = res;
	if (r == 0 && res->dropped)
		command_note("run: %llu bytes of output over the budget are not shown", (unsigned long long)res->dropped);
	return r;
}

/* errno: why standard output could not be written to, if it could not. */
static int run_it(struct run_box *b, const struct option_value *opt, const struct run_spec *spec, int *status, struct error *err)
{
	struct run_container *c = NULL;
	const struct run_result *res = NULL;
	int failed = 0, r = spec->converse ? converse(b, spec, &c, &res, &failed, err) : run_start(b, spec, &c, err);
	if (r == 0 && !spec->converse)
		r = wait_for(c, &res, &failed, err);
	if (r == 0) {
		*status = res->status;
		if (res->over && !(spec->converse && strcmp(res->over, "stopped") == 0)) /* it was us */
			r = error_set(err, ERR_INPUT, "run: ended by a budget: %s", res->over);
	}
	if (opt[O_WRITTEN].count && res && res->ended && run_written(c, print_written, NULL, err) < 0)
		r = -1;
	run_remove(c);
	errno = failed;
	return r;
}

/* The same, watched. */
static int run_traced(struct run_box *b, const struct option_value *opt, struct run_spec spec, const struct image *img, int *status, struct error *err)
{
	struct tracer *t = NULL;
	struct observed *o = observed_new(&img->config_digest);
	int r = tracer_open(b, NULL, o, &spec, &t, err);
	r = r < 0 ? r : run_it(b, opt, &spec, status, err);
	int failed = errno;
	tracer_close(t);
	observed_run(o);
	r = r < 0 ? r : observed_save(o, opt[O_TRACE].value, err);
	observed_free(o);
	errno = failed;
	return r;
}

static int run_image(struct arena *a, const struct option_value *opt, const struct image *img, const struct rootfs *tree, char **args, int n_args, int *status, struct error *err)
{
	struct run_ids ids;
	struct run_tree *t = NULL;
	struct run_box *b = NULL;
	struct run_spec spec;
	u64 seconds = 0;
	if (read_seconds(opt, &seconds, err) < 0 || make_spec(a, opt, &img->config, args, n_args, &spec) < 0 || run_ids_find(&ids, err) < 0)
		return -1;
	spec.terminal = opt[O_TTY].count > 0;
	spec.follow = spec.converse = spec.terminal || opt[O_INPUT].count;
	if (spec.terminal)
		terminal_size(STDIN_FILENO, &spec.rows, &spec.columns);
	if (spec.terminal && !seconds)
		seconds = UINT32_MAX;
	struct run_box_options o = { .runtime = opt[O_RUNTIME].value, .store = globals.store, .config = &img->config, .network = option_is(&opt[O_NETWORK], "host") ? RUN_HOST : RUN_LOOPBACK, .limits.seconds = (u32)seconds,
				     .hide = opt[O_HIDE].list, .n_hide = opt[O_HIDE].count };
	int r = run_tree_open(img, tree, globals.store, &ids, &t, err);
	r = r < 0 ? r : run_box_open(t, &ids, &o, &b, err);
	r = r < 0 ? r : opt[O_TRACE].value ? run_traced(b, opt, spec, img, status, err) : run_it(b, opt, &spec, status, err);
	int failed = errno;
	run_box_close(b);
	run_tree_close(t);
	errno = failed;
	return r;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct arena a = { 0 };
	struct subject s;
	struct load_options lo = { .platform = opt[O_PLATFORM].value, .need_content = true, .store = globals.store };
	int status = 0;
	if (opt[O_TTY].count && !isatty(STDIN_FILENO)) {
		error_set(&err, ERR_USAGE, "run: --tty: the input device is not a TTY; --interactive alone takes what is not a terminal");
		return command_fail(&err);
	}
	if (check_options(opt, &err) < 0 || subject_open(args[0], &lo, 0, &s, &err) < 0)
		return command_fail(&err);
	int problems = command_problems(&s.problems);
	if (problems)
		status = problems; /* a tree with holes is not run */
	else if (run_image(&a, opt, s.image, s.rootfs, args + 1, n_args - 1, &status, &err) < 0)
		status = command_fail(&err);
	int failed = errno;
	subject_close(&s);
	arena_free(&a);
	errno = failed;
	return command_done(status);
}

const struct command command_run = {
	.name = "run",
	.summary = "a command in an image, in a container that leaves nothing behind",
	.synopsis = "[OPTIONS] IMAGE [--] [COMMAND [ARG...]]",
	.description = "Starts the image's entry point, with its command or the one given, under runc or crun, and ends with its status. As root or as an ordinary user; no daemon, no cgroup, no engine. What it writes is thrown "
		       "away.\n\n"
		       "It sees a network of its own that leads nowhere, and ends by budget: after --seconds, or when it has written 4 GiB, has 4096 processes, or prints more than 16 MiB (which is only cut). With --tty there is a terminal of "
		       "its own, and no budget of time or output: what it writes there, escape sequences too, goes to ours unchanged. Whatever it starts, however it ends, no process, mount or directory of it stays.\n\n"
		       "The exit status is the program's, 128 and the signal that ended it; 3 when a budget did, 4 when containers cannot be run here.",
	.options = options,
	.examples = "pare run app.tar # what it does by itself\n"
		    "pare run --read-only --tmpfs /tmp app.tar # does it need to write?\n"
		    "pare run app.tar sh -c 'id; ls /' # something else in it\n"
		    "pare run --entrypoint /bin/sh app.tar -- -c id # an argument that looks like an option of pare, first\n"
		    "pare run -it --entrypoint /bin/sh app.tar # look around in it\n"
		    "pare run --hide /usr/bin/perl app.tar # would it miss it?",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.program = 2,
	.run = run,
};
