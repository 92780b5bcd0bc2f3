#include "build/secrets.h"
#include "base/file.h"
#include "base/process.h"
#include "run/inner.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define AGENT_MS 5000 /* that an agent may take to be there */
#define ADDRESS_ROOM 80

struct agent {
	const char *id, *socket; /* the arena's */
	struct stage stage;      /* of one that was started here */
	pid_t pid;
	int alive;               /* it ends when this is closed */
};
struct secrets {
	struct arena arena;
	const char **ids;
	struct buf *values;      /* as many */
	u32 n, n_agents;
	struct agent *agents;
};

/* --- values --- */
/* 1: the variable is not set, or nothing was found under the ID alone: then there is none. */
static int read_one(const struct exec_secret *e, struct buf *out, struct error *err)
{
	const char *env = e->env ? e->env : e->file ? NULL : e->id, *text = env ? getenv(env) : NULL;
	if (text) {
		buf_puts(out, text);
		return out->over ? error_set(err, ERR_USAGE, "secret %.200s: over %llu bytes", e->id, (unsigned long long)SECRET_MAX) : 0;
	}
	if (e->env)
		return 1;
	const char *path = e->file ? e->file : e->id;
	struct stat st;
	if (stat(path, &st) < 0) {
		if (!e->file && errno == ENOENT)
			return 1;
		error_errno(err, "secret %.200s: %.300s", e->id, path);
		err->kind = ERR_USAGE;
		return -1;
	}
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERR_USAGE, "secret %.200s: %.300s is a directory", e->id, path);
	if (file_read(path, SECRET_MAX, out, err) < 0) {
		err->kind = err->kind == ERR_ENV ? ERR_ENV : ERR_USAGE;
		return error_wrap(err, "secret %.200s", e->id);
	}
	return 0;
}

static int read_all(struct secrets *s, const struct exec_options *opt, struct error *err)
{
	s->ids = arena_array(&s->arena, const char *, opt->n_secrets + 1);
	s->values = arena_array(&s->arena, struct buf, opt->n_secrets + 1);
	for (u32 i = 0; i < opt->n_secrets; i++) {
		s->values[s->n] = BUF(SECRET_MAX);
		int r = read_one(&opt->secrets[i], &s->values[s->n], err);
		if (r < 0)
			buf_free(&s->values[s->n]);
		if (r < 0)
			return -1;
		if (r == 0)
			s->ids[s->n++] = arena_strdup(&s->arena, str_of(opt->secrets[i].id));
	}
	return 0;
}

struct str secrets_value(const struct secrets *s, const char *id)
{
	for (u32 i = s->n; i--;) /* the last one that was given */
		if (strcmp(s->ids[i], id) == 0)
			return buf_str(&s->values[i]);
	return str_n(NULL, 0);
}

/* --- agents --- */
struct starting {
	const char *program, *socket;
	int alive; /* the other side of what the parent holds open */
};

static int run_agent(void *ctx)
{
	struct starting *s = ctx;
	const char *argv[] = { "ssh-agent", "-D", "-a", s->socket, NULL };
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char none;
	prctl(PR_SET_NAME, "pare-agent");
	pid_t pid = null < 0 ? -1 : process_spawn(s->program, argv, NULL, (const int[3]){ null, null, null });
	while (pid > 0 && read(s->alive, &none, 1) < 0 && errno == EINTR) {
	}
	return 0; /* the first process of its namespace: with it ends the agent */
}

/* In a PID namespace of its own, so that it ends when we do, however that comes about; as it may have rights of its own (setgid), no signal of a parent's death would reach it. */
static int keep_agent(void *ctx)
{
	struct starting *s = ctx;
	if (dup2(s->alive, 3) < 0 || syscall(SYS_close_range, 4u, ~0u, 0u) < 0) /* nobody else's pipe, nor the other end of this one */
		return 1;
	s->alive = 3;
	pid_t pid = unshare(CLONE_NEWPID) < 0 ? -1 : process_fork(run_agent, ctx);
	return pid > 0 && process_wait(pid) == 0 ? 0 : 1;
}

/* The line of what it said that is no banner. */
static struct str reason(struct str said)
{
	struct str line = STR("no reason given");
	for (struct str rest = said; rest.p;) {
		struct str l = str_trim(str_cut(&rest, '\n'));
		if (l.n && l.p[0] != '@')
			return l;
	}
	return line;
}

static int add_keys(const char *socket, const char *const *keys, struct error *err)
{
	struct buf out = BUF(4096), env = BUF(0);
	const char *argv[5] = { "env", NULL, "ssh-add", NULL, NULL };
	int r = 0;
	buf_printf(&env, "SSH_AUTH_SOCK=%s", socket);
	argv[1] = buf_str(&env).p;
	for (const char *const *k = keys; *k && r == 0; k++) {
		argv[3] = *k;
		buf_clear(&out);
		r = process_run(argv, &out, err);
		if (r > 0)
			r = error_set(err, ERR_USAGE, "%.300s: the key cannot be added to an agent: %.*s", *k, STR_FMT(reason(buf_str(&out))));
	}
	buf_free(&out);
	buf_free(&env);
	return r;
}

/* Where the next run finds what a killed one left; but the address of a socket has few bytes. */
static const char *place_of(struct secrets *s, const struct exec_options *opt, struct error *err)
{
	const char *dir = run_dir(&s->arena, opt->store, opt->ids, err), *tmp = getenv("TMPDIR");
	if (!dir)
		return NULL;
	if (strlen(dir) < ADDRESS_ROOM)
		return arena_printf(&s->arena, "%s/" RUN_BOX, dir);
	return arena_printf(&s->arena, "%s/pare-ssh-", tmp && tmp[0] && strlen(tmp) < ADDRESS_ROOM ? tmp : "/tmp");
}

static int start_agent(struct secrets *s, struct agent *g, const struct exec_options *opt, const char *const *keys, struct error *err)
{
	struct buf program = BUF(0);
	int ends[2];
	if (!process_find("ssh-agent", &program) || !process_find("ssh-add", &program)) {
		buf_free(&program);
		return error_set(err, ERR_ENV, "a key for --ssh takes ssh-agent: install the package openssh-client, or give the socket of an agent");
	}
	const char *prefix = place_of(s, opt, err);
	if (!prefix || !process_find("ssh-agent", &program) || stage_make(&g->stage, prefix, err) < 0) {
		buf_free(&program);
		return -1;
	}
	if (pipe2(ends, O_CLOEXEC) < 0) {
		buf_free(&program);
		return error_errno(err, "pipe");
	}
	g->socket = arena_printf(&s->arena, "%s/s", g->stage.path);
	struct starting st = { arena_strdup(&s->arena, buf_str(&program)), g->socket, ends[0] };
	buf_free(&program);
	g->alive = ends[1];
	int r = ids_fork(opt->ids, keep_agent, &st, &g->pid, err);
	close(ends[0]);
	for (u32 ms = 0; r == 0 && access(g->socket, F_OK) < 0; ms += 5) {
		if (ms >= AGENT_MS)
			r = error_set(err, ERR_ENV, "ssh-agent does not start");
		usleep(5000);
	}
	return r < 0 ? -1 : add_keys(g->socket, keys, err);
}

static int open_agent(struct secrets *s, const struct exec_agent *e, const struct exec_options *opt, struct error *err)
{
	struct agent *g = &s->agents[s->n_agents];
	struct stat st;
	*g = (struct agent){ .id = arena_strdup(&s->arena, str_of(e->id)), .stage = { .fd = -1 }, .alive = -1 };
	s->n_agents++;
	const char *one[] = { e->socket, NULL };
	const char *const *keys = e->keys && e->keys[0] ? e->keys : e->socket ? one : NULL;
	if (!keys) {
		one[0] = getenv("SSH_AUTH_SOCK");
		if (!one[0] || !one[0][0])
			return error_set(err, ERR_USAGE, "--ssh %.200s: no agent is known here (SSH_AUTH_SOCK is not set)", e->id);
		keys = one;
	}
	for (const char *const *k = keys; *k; k++) {
		if (stat(*k, &st) < 0) {
			error_errno(err, "--ssh %.200s: %.300s", e->id, *k);
			err->kind = ERR_USAGE;
			return -1;
		}
		if (S_ISSOCK(st.st_mode) && !keys[1]) {
			char *real = realpath(*k, NULL);
			g->socket = arena_strdup(&s->arena, str_of(real ? real : *k));
			free(real);
			return 0;
		}
		if (!S_ISREG(st.st_mode))
			return error_set(err, ERR_USAGE, "--ssh %.200s: %.300s is no key", e->id, *k);
	}
	return start_agent(s, g, opt, keys, err) < 0 ? error_wrap(err, "--ssh %.200s", e->id) : 0;
}

const char *secrets_agent(const struct secrets *s, const char *id)
{
	for (u32 i = s->n_agents; i--;)
		if (strcmp(s->agents[i].id, id) == 0)
			return s->agents[i].socket;
	return NULL;
}

int secrets_open(const struct exec_options *opt, struct secrets **ret, struct error *err)
{
	struct secrets *s = xcalloc(1, sizeof *s);
	int r = read_all(s, opt, err);
	s->agents = arena_array(&s->arena, struct agent, opt->n_agents + 1);
	for (u32 i = 0; i < opt->n_agents && r == 0; i++)
		r = open_agent(s, &opt->agents[i], opt, err);
	if (r < 0) {
		secrets_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void secrets_close(struct secrets *s)
{
	if (!s)
		return;
	for (u32 i = 0; i < s->n_agents; i++) {
		if (s->agents[i].alive >= 0)
			close(s->agents[i].alive);
		if (s->agents[i].pid > 0)
			process_wait(s->agents[i].pid);
		stage_remove(&s->agents[i].stage);
	}
	for (u32 i = 0; i < s->n; i++) {
		if (s->values[i].p)
			explicit_bzero(s->values[i].p, s->values[i].cap);
		buf_free(&s->values[i]);
	}
	arena_free(&s->arena);
	free(s);
}
