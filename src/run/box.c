/* box.c — this program's side of a box: asks the keeper, and gathers what containers print. */
#include "run/box.h"
#include "base/process.h"
#include "base/thread.h"
#include "run/keeper.h"
#include "run/root.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define STOP 100  /* ms between two looks at whether it is to stop */
#define DRAIN 500 /* ms that what a process left behind may hold its output open after its end */

/* One process's output on its way here, by a thread. */
struct gather {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	int out, err, tell;
	int in, terminal; /* of one that is conversed with: its standard input, our end of its terminal; -1 none */
	u64 most;
	struct buf text[2];
	u64 dropped;
	bool started, ended, drained, given_up;
	struct ended how;
};

struct run_container {
	struct run_box *box;
	struct run_container *next;
	u32 id;
	struct gather *g;
	struct run_result result; /* the caller's view of it */
	char over[80];
	int pidfd;
	char **made;   /* NULL-terminated, or NULL */
};

struct run_box {
	struct arena arena;
	struct run_ids ids;
	struct stage stage;
	struct keeper keeper;
	pthread_mutex_t lock; /* one request at a time */
	int sock;
	pid_t pid;
	u32 last;
	struct run_container *containers;
	char version[2][64]; /* of the runtimes */
	atomic_uint at;
};

/* --- requests --- */
/* Takes the request. give (NULL, or two): descriptors of the answer, or -1; of two the second is a terminal. */
static int ask_for(struct run_box *b, json_t *request, const int *fds, u32 n, json_t **reply, int give[2], struct error *err)
{
	int got[MESSAGE_FDS] = { -1, -1, -1, -1, -1 };
	u32 n_got = 0;
	json_t *j = NULL;
	u64 kind = ERR_ENV;
	pthread_mutex_lock(&b->lock);
	int r = !request ? error_set(err, ERR_USAGE, "an argument is no UTF-8") : keeper_send(b->sock, request, fds, n) < 0 ? error_set(err, ERR_ENV, "the container's keeper is gone") : 0;
	if (r == 0) {
		int k = keeper_receive(b->sock, &j, got, &n_got, err);
		r = k > 0 ? 0 : k < 0 ? -1 : error_set(err, ERR_ENV, "the container's keeper is gone");
	}
	pthread_mutex_unlock(&b->lock);
	json_decref(request);
	if (r == 0 && json_text(j, "error"))
		r = error_set(err, json_u64(j, "kind", &kind) ? (enum error_kind)kind : ERR_ENV, "%s", json_text(j, "error"));
	u32 taken = 0;
	for (u32 i = 0; give && i < 2; i++) {
		bool comes = r == 0 && taken < n_got && (i == 0 ? n_got > 1 || !json_is_true(json_object_get(j, "terminal")) : json_is_true(json_object_get(j, "terminal")));
		give[i] = comes ? got[taken++] : -1;
	}
	for (u32 i = taken; i < n_got; i++)
		close(got[i]);
	if (r == 0 && reply)
		*reply = j;
	else
		json_decref(j);
	return r;
}

static int ask(struct run_box *b, json_t *request, json_t **reply, int *give, struct error *err)
{
	int got[2] = { -1, -1 }, r = ask_for(b, request, NULL, 0, reply, give ? got : NULL, err);
	if (give)
		*give = got[0];
	return r;
}

/* --- output --- */
static bool take(struct gather *g, int i, int fd)
{
	char piece[32 * KiB];
	ssize_t n = read(fd, piece, sizeof piece);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n <= 0)
		return false;
	pthread_mutex_lock(&g->lock);
	u64 have = g->text[0].n + g->text[1].n, room = have < g->most ? g->most - have : 0;
	size_t keep = (size_t)MIN((u64)n, room);
	buf_add(&g->text[i], str_n(piece, keep));
	g->dropped += (u64)n - keep;
	pthread_cond_broadcast(&g->change);
	pthread_mutex_unlock(&g->lock);
	return true;
}

static void *gather_all(void *arg)
{
	struct gather *g = arg;
	bool open[3] = { true, true, true };
	while (open[0] || open[1] || open[2]) {
		struct pollfd p[3] = { { open[0] ? g->out : -1, POLLIN, 0 }, { open[1] ? g->err : -1, POLLIN, 0 }, { open[2] ? g->tell : -1, POLLIN, 0 } };
		int r = poll(p, 3, open[2] ? -1 : DRAIN);
		if (r == 0) { /* ended, and silent: whoever holds it open now is somebody else */
			pthread_mutex_lock(&g->lock);
			g->drained = true;
			pthread_cond_broadcast(&g->change);
			bool done = g->given_up;
			pthread_mutex_unlock(&g->lock);
			if (done)
				break;
			continue;
		}
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				open[i] = take(g, i, p[i].fd);
		if (!p[2].revents)
			continue;
		struct ended e = { .status = 137 };
		ssize_t n = read(g->tell, &e, sizeof e);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof e)
			e = (struct ended){ .status = 137 };
		open[2] = false;
		pthread_mutex_lock(&g->lock);
		g->how = e;
		g->ended = true;
		pthread_cond_broadcast(&g->change);
		pthread_mutex_unlock(&g->lock);
	}
	pthread_mutex_lock(&g->lock);
	g->drained = true;
	pthread_cond_broadcast(&g->change);
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static void gather_free(struct gather *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->given_up = true;
	pthread_mutex_unlock(&g->lock);
	if (g->started)
		pthread_join(g->thread, NULL);
	const int fds[] = { g->out, g->err, g->tell, g->in, g->terminal };
	for (size_t i = 0; i < countof(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	buf_free(&g->text[0]);
	buf_free(&g->text[1]);
	pthread_cond_destroy(&g->change);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* The pipes of a process to be started: give[0..3] are its ends, [4] is free, which the caller closes when they were sent. */
static int gather_open(const struct run_box *b, struct str input, bool converse, struct gather **ret, int give[MESSAGE_FDS], struct error *err)
{
	struct gather *g = xcalloc(1, sizeof *g);
	pthread_condattr_t attr;
	g->out = g->err = g->tell = g->in = g->terminal = -1;
	g->most = b->keeper.limits.output;
	pthread_mutex_init(&g->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&g->change, &attr);
	pthread_condattr_destroy(&attr);
	for (u32 i = 0; i < MESSAGE_FDS; i++)
		give[i] = -1;
	int *mine[] = { &g->out, &g->err, &g->tell }, r = 0;
	for (int i = 0; i < 3 && r == 0; i++) {
		int ends[2];
		r = pipe2(ends, O_CLOEXEC) < 0 ? error_errno(err, "pipe") : 0;
		if (r == 0) {
			*mine[i] = ends[0];
			give[i + 1] = ends[1];
		}
	}
	int ends[2];
	if (r == 0 && converse && pipe2(ends, O_CLOEXEC) == 0) { /* never ours itself: it could be opened anew for writing, or be a terminal */
		give[0] = ends[0];
		g->in = ends[1];
	} else if (r == 0 && !input.p)
		give[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (r == 0 && (give[0] = memfd_create("input", MFD_CLOEXEC)) >= 0 && (file_write_all(give[0], input.p, input.n) < 0 || lseek(give[0], 0, SEEK_SET) < 0))
		r = error_errno(err, "standard input");
	if (r == 0 && give[0] < 0)
		r = error_errno(err, "standard input");
	*ret = g;
	return r;
}

static void close_all(int fds[MESSAGE_FDS])
{
	for (u32 i = 0; i < MESSAGE_FDS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* --- containers --- */
static json_t *list(const char *const *v)
{
	json_t *a = json_array();
	for (; *v; v++)
		if (json_array_append_new(a, json_string(*v)) < 0) {
			json_decref(a);
			return NULL;
		}
	return a;
}

/* --- of a build's step --- */
static json_t *root_json(const struct run_root *r)
{
	json_t *j = json_object(), *lowers = json_array();
	int bad = 0;
	for (u32 i = 0; i < r->n_lowers; i++)
		bad |= json_array_append_new(lowers, json_string(r->lowers[i])) < 0;
	json_object_set_new(j, "lowers", lowers);
	if (r->upper)
		bad |= json_object_set_new(j, "upper", json_string(r->upper)) < 0 || json_object_set_new(j, "work", json_string(r->work)) < 0;
	if (bad) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* `at`: how many bytes of files there were before. */
static json_t *mount_json(const struct box_mount *m, u64 *at)
{
	static const char *const kinds[] = { [BOX_TREE] = "tree", [BOX_HOST] = "host", [BOX_MEMORY] = "memory", [BOX_FILE] = "file", [BOX_SOCKET] = "socket" };
	u64 length = m->kind == BOX_FILE ? m->content.n : 0;
	json_t *j = json_pack("{ssssss*sbsIsIsIsIsIsI}", "kind", kinds[m->kind], "target", m->target, "source", m->source, "writable", m->writable, "mode", (json_int_t)m->mode, "uid", (json_int_t)m->uid,
			      "gid", (json_int_t)m->gid, "size", (json_int_t)m->size, "at", (json_int_t)*at, "length", (json_int_t)length);
	if (j && m->source && !json_text(j, "source")) { /* no UTF-8 */
		json_decref(j);
		return NULL;
	}
	*at += length;
	if (j && m->root && json_object_set_new(j, "root", root_json(m->root)) < 0) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static json_t *build_json(const struct run_build *s)
{
	json_t *mounts = json_array(), *ulimits = json_array(), *hosts = s->hosts ? list(s->hosts) : json_array();
	json_t *j = json_pack("{sosososssIsbsbss*}", "mounts", mounts, "ulimits", ulimits, "hosts", hosts, "hostname", s->hostname ? s->hostname : "pare", "shm", (json_int_t)s->shm, "alone", s->alone,
			      "insecure", s->insecure, "arch", s->arch);
	int bad = !j || json_object_set_new(j, "root", root_json(s->root)) < 0;
	u64 at = 0;
	for (u32 i = 0; i < s->n_mounts && !bad; i++)
		bad |= json_array_append_new(mounts, mount_json(&s->mounts[i], &at)) < 0;
	for (u32 i = 0; i < s->n_ulimits && !bad; i++)
		bad |= json_array_append_new(ulimits, json_pack("{sssIsI}", "type", s->ulimits[i].type, "soft", (json_int_t)s->ulimits[i].soft, "hard", (json_int_t)s->ulimits[i].hard)) < 0;
	if (bad) {
		json_decref(j);
		return NULL;
	}
	return j;
}

/* What its files hold, one after the other. */
static int contents(const struct run_build *s, int *ret, struct error *err)
{
	bool any = false;
	for (u32 i = 0; i < s->n_mounts; i++)
		any |= s->mounts[i].kind == BOX_FILE;
	if (any && (*ret = memfd_create("files", MFD_CLOEXEC)) < 0)
		return error_errno(err, "files in memory");
	for (u32 i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].kind == BOX_FILE && s->mounts[i].content.n && file_write_all(*ret, s->mounts[i].content.p, s->mounts[i].content.n) < 0)
			return error_errno(err, "files in memory");
	return 0;
}

static json_t *spec_json(const struct run_spec *s)
{
	json_t *j = json_object();
	int bad = 0;
	const struct {
		const char *key;
		const char *const *v;
	} lists[] = { { "argv", s->argv }, { "env", s->env }, { "tmpfs", s->tmpfs }, { "volumes", s->volumes }, { "capabilities", s->capabilities } };
	const struct {
		const char *key, *text;
	} texts[] = { { "user", s->user }, { "cwd", s->cwd }, { "seccomp", s->seccomp }, { "apparmor", s->apparmor }, { "listener_path", s->listener_path } };
	for (size_t i = 0; i < countof(lists); i++)
		bad |= lists[i].v && json_object_set_new(j, lists[i].key, list(lists[i].v)) < 0;
	for (size_t i = 0; i < countof(texts); i++)
		bad |= texts[i].text && json_object_set_new(j, texts[i].key, json_string(texts[i].text)) < 0;
	bad |= s->build && json_object_set_new(j, "build", build_json(s->build)) < 0;
	json_object_set_new(j, "read_only", json_boolean(s->read_only));
	json_object_set_new(j, "no_new_privileges", json_boolean(s->no_new_privileges));
	if (s->terminal)
		bad |= json_object_update_new(j, json_pack("{sbsisi}", "terminal", 1, "rows", (int)s->rows, "columns", (int)s->columns)) < 0;
	if (bad) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static void take_made(const json_t *reply, struct run_container *c)
{
	json_t *v = json_arr(reply, "made"), *item;
	size_t i;
	if (!v)
		return;
	c->made = xcalloc(json_array_size(v) + 1, sizeof *c->made);
	json_array_foreach(v, i, item)
		c->made[i] = xstrdup(json_string_value(item));
}

/* op "start" or "exec"; spec NULL: once more. c NULL: nobody asks what was made. */
static int launch(struct run_box *b, const char *op, u32 id, const struct run_spec *spec, struct gather **ret, int *pidfd, struct run_container *c, struct error *err)
{
	int give[MESSAGE_FDS];
	struct gather *g = NULL;
	json_t *s = spec ? spec_json(spec) : json_true(), *request = s ? json_pack("{sssIso}", "op", op, "id", (json_int_t)id, spec ? "spec" : "again", s) : NULL;
	json_t *reply = NULL;
	u64 at = 0;
	int got[2] = { -1, -1 };
	bool terminal = spec && spec->terminal;
	int r = gather_open(b, spec ? spec->input : (struct str){ NULL, 0 }, spec && spec->converse && !terminal, &g, give, err);
	if (r == 0 && spec && spec->build)
		r = contents(spec->build, &give[4], err);
	if (r == 0)
		r = ask_for(b, request, give, give[4] < 0 ? 4 : 5, &reply, got, err);
	else
		json_decref(request);
	if (reply && json_u64(reply, "runtime", &at))
		b->at = (u32)at & 1;
	if (c && reply)
		take_made(reply, c);
	json_decref(reply);
	close_all(give);
	if (r < 0) {
		gather_free(g);
		return -1;
	}
	g->terminal = got[1];
	if (pidfd)
		*pidfd = got[0];
	else if (got[0] >= 0)
		close(got[0]);
	*ret = g;
	if (spec && spec->follow)
		return 0;
	g->thread = thread_start(gather_all, g);
	g->started = true;
	return 0;
}

int run_start(struct run_box *b, const struct run_spec *spec, struct run_container **ret, struct error *err)
{
	static const struct run_spec plain;
	struct run_container *c = xcalloc(1, sizeof *c);
	pthread_mutex_lock(&b->lock);
	c->id = ++b->last;
	pthread_mutex_unlock(&b->lock);
	c->box = b;
	c->pidfd = -1;
	int r = launch(b, "start", c->id, spec ? spec : &plain, &c->g, &c->pidfd, c, err);
	pthread_mutex_lock(&b->lock);
	c->next = b->containers;
	b->containers = c;
	pthread_mutex_unlock(&b->lock);
	if (r < 0) {
		run_remove(c);
		return -1;
	}
	*ret = c;
	return 0;
}

int run_again(struct run_container *c, struct error *err)
{
	struct gather *g;
	int pidfd = -1;
	if (launch(c->box, "start", c->id, NULL, &g, &pidfd, NULL, err) < 0)
		return -1;
	gather_free(c->g);
	c->g = g;
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = pidfd;
	buf_free(&c->result.out);
	buf_free(&c->result.err);
	c->result = (struct run_result){ 0 };
	return 0;
}

static bool wait_for(struct gather *g, int ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&g->lock);
	int r = 0;
	while (!(g->ended && g->drained) && r != ETIMEDOUT)
		r = ms < 0 ? pthread_cond_wait(&g->change, &g->lock) : pthread_cond_timedwait(&g->change, &g->lock, &t);
	bool done = g->ended && g->drained;
	pthread_mutex_unlock(&g->lock);
	return done;
}

int run_wait(struct run_container *c, int ms, const struct run_result **ret, struct error *err)
{
	(void)err;
	struct run_result *r = &c->result;
	struct gather *g = c->g;
	r->ended = wait_for(g, ms);
	pthread_mutex_lock(&g->lock);
	buf_add(&r->out, str_n(g->text[0].p ? g->text[0].p + r->out.n : "", g->text[0].n - r->out.n));
	buf_add(&r->err, str_n(g->text[1].p ? g->text[1].p + r->err.n : "", g->text[1].n - r->err.n));
	r->dropped = g->dropped;
	if (r->ended) {
		r->status = g->how.status;
		memcpy(c->over, g->how.over, sizeof c->over);
		c->over[sizeof c->over - 1] = '\0';
		r->over = c->over[0] ? c->over : NULL;
	}
	pthread_mutex_unlock(&g->lock);
	*ret = r;
	return 0;
}

/* --- following --- */
static bool pass_on(int fd, int stream, void (*output)(void *ctx, int stream, struct str bytes), void *ctx)
{
	char piece[32 * KiB];
	ssize_t n = read(fd, piece, sizeof piece);
	if (n > 0)
		output(ctx, stream, str_n(piece, (size_t)n));
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* What is on its way to the program: it takes it when it likes. */
struct passing {
	int from, to;
	char piece[16 * KiB];
	size_t n, at;
};

/* false: there is no more. */
static bool pass_in(struct passing *p, bool comes, bool goes)
{
	ssize_t n = comes ? read(p->from, p->piece, sizeof p->piece) : 1;
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return false;
	if (comes && n > 0) {
		p->n = (size_t)n;
		p->at = 0;
	} else if (goes) {
		n = write(p->to, p->piece + p->at, p->n - p->at);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		p->at += (size_t)MAX(n, 0);
		p->n = p->at == p->n ? 0 : p->n;
	}
	return true;
}

static void stop_passing(struct passing *p, struct gather *g)
{
	p->from = p->to = -1;
	if (g->in >= 0)
		close(g->in);
	g->in = -1;
}

int run_converse(struct run_container *c, int input, const atomic_bool *stop, void (*output)(void *ctx, int stream, struct str bytes), void *ctx, const struct run_result **ret, struct error *err)
{
	struct gather *g = c->g;
	struct run_result *r = &c->result;
	bool open[3] = { true, true, true }, stopped = false, hung_up = false;
	struct ended e = { .status = 137 };
	struct passing in = { .from = input, .to = g->terminal >= 0 ? g->terminal : g->in };
	if (in.to < 0 || input < 0 || fcntl(in.to, F_SETFL, fcntl(in.to, F_GETFL) | O_NONBLOCK) < 0)
		stop_passing(&in, g);
	while (open[0] || open[1] || open[2]) {
		struct pollfd p[5] = { { open[0] ? (g->terminal >= 0 ? g->terminal : g->out) : -1, POLLIN, 0 }, { open[1] ? g->err : -1, POLLIN, 0 }, { open[2] ? g->tell : -1, POLLIN, 0 },
				       { in.n ? -1 : in.from, POLLIN, 0 }, { in.n ? in.to : -1, POLLOUT, 0 } };
		int k = poll(p, countof(p), open[2] ? (stop ? STOP : -1) : DRAIN);
		if (k == 0 && !open[2]) /* ended, and silent: whoever holds it open now is somebody else */
			break;
		if (open[2] && !stopped && (hung_up || (stop && atomic_load(stop)))) {
			stopped = true;
			if (run_signal(c, "SIGKILL", err) < 0) { /* it has just ended */
			}
		}
		for (int i = 0; i < 2 && k > 0; i++)
			if (p[i].revents)
				open[i] = pass_on(p[i].fd, i + 1, output, ctx);
		if (k > 0 && (p[3].revents || p[4].revents) && !pass_in(&in, p[3].revents, p[4].revents)) {
			hung_up = g->terminal >= 0;
			stop_passing(&in, g);
		}
		if (k <= 0 || !p[2].revents)
			continue;
		ssize_t n = read(g->tell, &e, sizeof e);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof e)
			e = (struct ended){ .status = 137 };
		open[2] = false;
		stop_passing(&in, g);
	}
	memcpy(c->over, e.over, sizeof c->over);
	c->over[sizeof c->over - 1] = '\0';
	*r = (struct run_result){ .ended = true, .status = e.status, .over = c->over[0] ? c->over : stopped ? "stopped" : NULL };
	*ret = r;
	return 0;
}

int run_follow(struct run_container *c, const atomic_bool *stop, void (*output)(void *ctx, int stream, struct str bytes), void *ctx, const struct run_result **ret, struct error *err)
{
	return run_converse(c, -1, stop, output, ctx, ret, err);
}

int run_terminal(const struct run_container *c) { return c->g->terminal; }

const char *const *run_made(const struct run_container *c)
{
	static const char *const none[] = { NULL };
	return c->made ? (const char *const *)c->made : none;
}

int run_exec(struct run_container *c, const struct run_spec *spec, struct run_result *ret, struct error *err)
{
	static const char *const reasons[] = { "seconds", "processes", "bytes written", "the room on the disk" };
	struct gather *g;
	*ret = (struct run_result){ 0 };
	if (launch(c->box, "exec", c->id, spec, &g, NULL, NULL, err) < 0)
		return -1;
	wait_for(g, -1);
	pthread_mutex_lock(&g->lock);
	*ret = (struct run_result){ .ended = true, .status = g->how.status, .out = g->text[0], .err = g->text[1], .dropped = g->dropped };
	g->text[0] = g->text[1] = (struct buf){ 0 };
	for (size_t i = 0; i < countof(reasons) && g->how.over[0]; i++)
		if (strstr(g->how.over, reasons[i]))
			ret->over = reasons[i];
	pthread_mutex_unlock(&g->lock);
	gather_free(g);
	return 0;
}

static int signal_number(const char *text)
{
	u64 n;
	if (str_to_u64(str_of(text), &n))
		return n < NSIG ? (int)n : -1;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncmp(text, "RTMIN", 5) == 0)
		return SIGRTMIN + (text[5] == '+' && str_to_u64(str_of(text + 6), &n) && n < 31 ? (int)n : 0);
	for (int s = 1; s < NSIG; s++) {
		const char *name = sigabbrev_np(s);
		if (name && strcmp(name, text) == 0)
			return s;
	}
	return -1;
}

int run_signal(struct run_container *c, const char *signal, struct error *err)
{
	int n = signal_number(signal);
	if (n < 0)
		return error_set(err, ERR_INPUT, "%.100s: no signal of this name", signal);
	return ask(c->box, json_pack("{sssIsi}", "op", "signal", "id", (json_int_t)c->id, "signal", n), NULL, NULL, err);
}

static void forget(struct run_container *c)
{
	struct run_container **at = &c->box->containers;
	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
}

static void container_free(struct run_container *c)
{
	gather_free(c->g);
	if (c->pidfd >= 0)
		close(c->pidfd);
	buf_free(&c->result.out);
	buf_free(&c->result.err);
	for (char **m = c->made; m && *m; m++)
		free(*m);
	free(c->made);
	free(c);
}

void run_remove(struct run_container *c)
{
	struct error err = { 0 };
	if (!c)
		return;
	if (ask(c->box, json_pack("{sssI}", "op", "remove", "id", (json_int_t)c->id), NULL, NULL, &err) < 0) { /* it goes with the box */
	}
	pthread_mutex_lock(&c->box->lock);
	forget(c);
	pthread_mutex_unlock(&c->box->lock);
	container_free(c);
}

/* --- looking in --- */
int run_socket(struct run_box *b, int domain, int type, struct error *err)
{
	int fd = -1;
	if (ask(b, json_pack("{sssisi}", "op", "socket", "domain", domain, "type", type), NULL, &fd, err) < 0)
		return -1;
	return fd >= 0 ? fd : error_set(err, ERR_ENV, "socket: none came");
}

static int by_number(const void *a, const void *b) { return *(const u16 *)a - *(const u16 *)b; }

u32 run_ports(struct run_box *b, u16 *ports, u32 max)
{
	json_t *j = NULL, *v;
	struct error err = { 0 };
	size_t i;
	u32 n = 0;
	if (ask(b, json_pack("{ss}", "op", "ports"), &j, NULL, &err) < 0)
		return 0;
	json_array_foreach(json_arr(j, "ports"), i, v)
		if (n < max)
			ports[n++] = (u16)json_integer_value(v);
	json_decref(j);
	if (n)
		qsort(ports, n, sizeof *ports, by_number);
	return n;
}

u64 run_busy(struct run_container *c)
{
	json_t *j = NULL;
	struct error err = { 0 };
	u64 us = 0;
	if (ask(c->box, json_pack("{sssI}", "op", "busy", "id", (json_int_t)c->id), &j, NULL, &err) < 0)
		return 0;
	if (!json_u64(j, "us", &us))
		us = 0;
	json_decref(j);
	return us;
}

int run_pid(const struct run_container *c)
{
	char path[64];
	struct buf text = BUF(4096);
	int pid = -1;
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", c->pidfd);
	if (c->pidfd >= 0 && file_read(path, 4096, &text, NULL) == 0)
		for (struct str rest = buf_str(&text); rest.p;) {
			struct str line = str_cut(&rest, '\n'), key = str_cut(&line, ':');
			u64 n;
			if (str_is(key, "Pid") && str_to_u64(str_trim(line), &n) && n)
				pid = (int)n;
		}
	buf_free(&text);
	return pid;
}

const char *run_runtime(const struct run_box *b) { return b->version[b->at]; }

int run_written(struct run_container *c, int (*visit)(void *ctx, char kind, struct str path, u64 size), void *ctx, struct error *err)
{
	int fd = -1;
	if (ask(c->box, json_pack("{sssI}", "op", "written", "id", (json_int_t)c->id), NULL, &fd, err) < 0)
		return -1;
	autofd int own = fd;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set(err, ERR_ENV, "what was written: nothing came");
	size_t size = (size_t)st.st_size;
	const char *map = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	if (map == MAP_FAILED)
		return error_errno(err, "what was written");
	int r = 0;
	for (size_t at = 0; r == 0 && size - at >= sizeof(struct written_record);) {
		struct written_record rec;
		memcpy(&rec, map + at, sizeof rec);
		at += sizeof rec;
		if (rec.length > size - at)
			break;
		r = visit(ctx, rec.kind, str_n(map + at, rec.length), rec.size);
		at += rec.length;
	}
	if (size)
		munmap((void *)(uintptr_t)map, size);
	return r;
}

/* --- the box --- */
/* "runc version 1.1.5+ds1" and more lines → "runc 1.1.5+ds1"; false: no runtime that can be started. */
static bool about_runtime(const char *path, char version[64])
{
	struct buf out = BUF(4096);
	struct error err = { 0 };
	const char *argv[] = { path, "--version", NULL };
	bool good = process_run(argv, &out, &err) == 0 && out.n;
	struct str line = buf_str(&out);
	line = str_cut(&line, '\n');
	struct str name = str_cut(&line, ' ');
	if (line.p && str_starts(line, STR("version ")))
		line = str_from(line, 8);
	snprintf(version, 64, "%.*s %.*s", (int)MIN(name.n, 20), name.p, (int)MIN(line.n, 40), line.p ? line.p : "");
	buf_free(&out);
	return good;
}

/* The one that was asked for, or the first two of those that are known and here. */
static int find_runtime(struct run_box *b, const char *asked, struct error *err)
{
	static const char *const known[] = { "runc", "crun", NULL };
	const char *const one[] = { asked, NULL };
	struct buf path = BUF(0);
	const char *bad = asked;
	u32 n = 0;
	for (const char *const *name = asked ? one : known; *name && n < 2; name++)
		if (!process_find(*name, &path))
			continue;
		else if (!about_runtime(path.p, b->version[n]))
			bad = bad ? bad : *name;
		else {
			b->keeper.runtime[n] = arena_strdup(&b->arena, buf_str(&path));
			b->keeper.is_crun[n] = str_starts(str_of(b->version[n]), STR("crun "));
			n++;
		}
	buf_free(&path);
	if (n)
		return 0;
	return bad ? error_set(err, ERR_ENV, "%.300s: no OCI runtime that can be started", bad) : error_set(err, ERR_ENV, "running an image takes runc or crun: install the package runc");
}

static void set_limits(struct run_limits *to, const struct run_limits *asked, const char *dir, u64 *floor)
{
	struct statvfs v = { 0 };
	u64 room = statvfs(dir, &v) == 0 ? (u64)v.f_bavail * v.f_frsize : UINT64_MAX;
	to->seconds = asked->seconds ? asked->seconds : 600;
	to->written = asked->written ? asked->written : MIN(4 * GiB, room / 2);
	to->processes = asked->processes ? asked->processes : 4096;
	to->output = asked->output ? asked->output : 16 * MiB;
	*floor = MIN(room / 20, 256 * MiB);
}

static int open_keeper(struct run_box *b, struct error *err)
{
	int ends[2];
	u32 n = 0;
	json_t *hello = NULL;
	int fds[MESSAGE_FDS];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return error_errno(err, "socket");
	b->sock = ends[0];
	b->keeper.sock = ends[1];
	b->keeper.stage = b->stage.fd;
	ssize_t k = readlink("/proc/self/ns/user", b->keeper.user_ns, sizeof b->keeper.user_ns - 1);
	b->keeper.user_ns[MAX(k, 0)] = '\0';
	int r = ids_fork(&b->ids, keeper_run, &b->keeper, &b->pid, err);
	close(ends[1]);
	if (r < 0) {
		b->pid = 0;
		return -1;
	}
	int got = keeper_receive(b->sock, &hello, fds, &n, err);
	u64 kind = ERR_ENV;
	if (got <= 0)
		r = got < 0 ? -1 : error_set(err, ERR_ENV, "the container's keeper ended at once");
	else if (json_text(hello, "error"))
		r = error_set(err, json_u64(hello, "kind", &kind) ? (enum error_kind)kind : ERR_ENV, "%s", json_text(hello, "error"));
	json_decref(hello);
	return r;
}

int run_box_open(const struct run_tree *t, const struct run_ids *ids, const struct run_box_options *opt, struct run_box **ret, struct error *err)
{
	static const char *none[] = { NULL };
	static const struct config plain = { .env = none, .entrypoint = none, .cmd = none, .shell = none, .volumes = none, .ports = none, .onbuild = none };
	struct run_box *b = xcalloc(1, sizeof *b);
	b->sock = -1;
	b->stage.fd = -1;
	b->ids = ids ? *ids : (struct run_ids){ 0 };
	b->keeper = (struct keeper){ .tree = t, .ids = &b->ids, .config = opt->config ? opt->config : &plain, .host_network = opt->network == RUN_HOST, .hide = opt->hide, .n_hide = opt->n_hide, .later = opt->later };
	pthread_mutex_init(&b->lock, NULL);
	int r = find_runtime(b, opt->runtime, err);
	const char *dir = r < 0 ? NULL : run_dir(&b->arena, opt->store, &b->ids, err);
	r = dir ? stage_make(&b->stage, arena_printf(&b->arena, "%s/" RUN_BOX, dir), err) : -1;
	if (r == 0) {
		b->keeper.dir = b->stage.path;
		set_limits(&b->keeper.limits, &opt->limits, dir, &b->keeper.floor);
		r = open_keeper(b, err);
	}
	if (r < 0) {
		run_box_close(b);
		return -1;
	}
	*ret = b;
	return 0;
}

void run_box_close(struct run_box *b)
{
	if (!b)
		return;
	if (b->sock >= 0)
		close(b->sock); /* which ends it all */
	if (b->pid > 0)
		process_wait(b->pid);
	while (b->containers) {
		struct run_container *c = b->containers;
		b->containers = c->next;
		container_free(c);
	}
	if (b->stage.path && access(b->stage.path, F_OK) == 0)
		clean_dir(b->stage.path, &b->ids);
	stage_remove(&b->stage);
	pthread_mutex_destroy(&b->lock);
	arena_free(&b->arena);
	free(b);
}
