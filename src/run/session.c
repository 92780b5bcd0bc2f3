/* A workload from start to end in a box: what is ready is told by ports and by processor time, never by sleeping for long enough. */
#include "run/session.h"
#include <dirent.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 50
#define BUSY_US 10000 /* of processor time, which a program that waits may use meanwhile */

struct run {
	struct run_box *b;
	const struct config *config;
	const struct session_options *opt;
	struct session *s;
	struct run_container *c;
	struct tracer *t;
	struct run_spec spec; /* of the container, with the tracer in it */
	u16 wanted[SESSION_PORTS]; /* exposed, ascending */
	u32 n_wanted;
	struct probe_place place;
	u16 candidates[SESSION_PORTS];
};

static s64 now_ms(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (s64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int by_number(const void *a, const void *b) { return (int)*(const u16 *)a - (int)*(const u16 *)b; }

/* "8080", "8080/tcp", "8000-8010/tcp". */
static void add_exposed(struct run *r, struct str text)
{
	struct str proto = text, range = str_cut(&proto, '/'), last = range, first = str_cut(&last, '-');
	u64 from, to;
	if ((proto.p && proto.n && !str_ieq(proto, STR("tcp"))) || !str_to_u64(first, &from))
		return;
	if (!last.p || !str_to_u64(last, &to))
		to = from;
	for (; from && from <= to && from <= 65535 && r->n_wanted < SESSION_PORTS; from++)
		r->wanted[r->n_wanted++] = (u16)from;
}

static void find_wanted(struct run *r)
{
	for (u32 i = 0; i < r->opt->n_ports && r->n_wanted < SESSION_PORTS; i++)
		r->wanted[r->n_wanted++] = r->opt->ports[i];
	for (u32 i = 0; !r->opt->n_ports && r->config->ports[i]; i++)
		add_exposed(r, str_of(r->config->ports[i]));
	if (r->n_wanted)
		qsort(r->wanted, r->n_wanted, sizeof *r->wanted, by_number);
}

static bool among(const u16 *v, u32 n, u16 port)
{
	for (u32 i = 0; i < n; i++)
		if (v[i] == port)
			return true;
	return false;
}

/* How many of those that are waited for somebody listens on. */
static u32 listening(struct run *r)
{
	struct session *s = r->s;
	u32 n = 0;
	s->n_ports = run_ports(r->b, s->ports, SESSION_PORTS);
	for (u32 i = 0; i < s->n_ports; i++)
		n += !r->n_wanted || among(r->wanted, r->n_wanted, s->ports[i]);
	return n;
}

/* Those exposed first, then the others. */
static void find_candidates(struct run *r)
{
	u32 n = 0;
	for (u32 i = 0; i < r->s->n_ports; i++)
		if (among(r->wanted, r->n_wanted, r->s->ports[i]))
			r->candidates[n++] = r->s->ports[i];
	for (u32 i = 0; i < r->s->n_ports; i++)
		if (!among(r->wanted, r->n_wanted, r->s->ports[i]))
			r->candidates[n++] = r->s->ports[i];
	r->place = (struct probe_place){ .ports = r->candidates, .n_ports = n };
}

static int start(struct run *r, const char *const *argv, struct run_container **c, struct tracer **t, struct error *err)
{
	r->spec = r->opt->spec ? *r->opt->spec : (struct run_spec){ .listener = -1 };
	if (argv)
		r->spec.argv = argv;
	if (r->opt->observed && tracer_open(r->b, r->opt->trace, r->opt->observed, &r->spec, t, err) < 0)
		return -1;
	return run_start(r->b, &r->spec, c, err);
}

static int ended(struct run *r, int ms, bool *ret, struct error *err)
{
	const struct run_result *result;
	if (run_wait(r->c, ms, &result, err) < 0)
		return -1;
	*ret = result->ended;
	return 0;
}

#define TASKS 1024u /* that are looked at */

/* Whether a thread of this process runs, or would if a processor were free, or waits for the disk. */
static bool process_works(u32 pid, u32 *budget)
{
	char path[64], text[512];
	bool works = false;
	snprintf(path, sizeof path, "/proc/%u/task", pid);
	DIR *d = opendir(path);
	for (struct dirent *e; d && !works && *budget && (e = readdir(d));) {
		snprintf(path, sizeof path, "/proc/%u/task/%.20s/stat", pid, e->d_name);
		autofile FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		const char *behind = f && fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL; /* of the name, which may be any */
		works = behind && behind[1] == ' ' && (behind[2] == 'R' || behind[2] == 'D');
		--*budget;
	}
	if (d)
		closedir(d);
	return works;
}

/* No processor time alone does not say that it waits: on a machine with much to do it may just not get any. */
static bool works(const struct run *r)
{
	u32 pids[256], n = 0, budget = TASKS;
	if (run_pid(r->c) > 0)
		pids[n++] = (u32)run_pid(r->c);
	for (u32 i = 0; i < n && budget; i++) {
		char path[64], text[4096];
		if (process_works(pids[i], &budget))
			return true;
		snprintf(path, sizeof path, "/proc/%u/task/%u/children", pids[i], pids[i]);
		autofile FILE *f = fopen(path, "re");
		struct str rest = f && fgets(text, sizeof text, f) ? str_of(text) : (struct str){ NULL, 0 };
		for (u64 pid; rest.p && n < countof(pids);)
			if (str_to_u64(str_trim(str_cut(&rest, ' ')), &pid))
				pids[n++] = (u32)pid;
	}
	return false;
}

/* Runs until it ends, listens, or only waits. */
static int await_ready(struct run *r, bool *done, struct error *err)
{
	s64 begin = now_ms(CLOCK_MONOTONIC), quiet = begin, heard = 0;
	s64 limit = begin + (s64)(r->opt->ready_seconds ? r->opt->ready_seconds : SESSION_READY) * 1000;
	u64 busy = 0;
	for (;;) {
		if (ended(r, STEP_MS, done, err) < 0)
			return -1;
		s64 now = now_ms(CLOCK_MONOTONIC);
		r->s->ready_ms = (u32)(now - begin);
		if (*done)
			return 0;
		u64 used = run_busy(r->c);
		if (used > busy + BUSY_US || used < busy || works(r)) {
			busy = used;
			quiet = now;
		}
		u32 n = listening(r);
		if (!n)
			heard = 0;
		else if (!heard)
			heard = now;
		if (n && (now - heard >= 10 * STEP_MS || (n >= r->n_wanted && now - heard >= 2 * STEP_MS))) /* it stays */
			break;
		if (now - quiet >= (r->n_wanted ? 10 : 1) * SESSION_QUIET && !n) {
			r->s->waits = r->n_wanted > 0;
			break;
		}
		if (now >= limit) {
			r->s->waits = true;
			break;
		}
	}
	r->s->service = true;
	return 0;
}

static void no_answer(struct answer *a, enum probe_kind kind, const char *why)
{
	*a = (struct answer){ .failed = true, .http = kind == PROBE_HTTP, .when = now_ms(CLOCK_REALTIME) };
	snprintf(a->error, sizeof a->error, "%s", why);
}

static int do_probe(struct run *r, const struct probe *p, struct answer *ret, struct error *err)
{
	bool done = false;
	if (r->s->service) {
		if (ended(r, 0, &done, err) < 0)
			return -1;
		if (done) {
			no_answer(ret, p->kind, "the program has ended before");
			return 0;
		}
		struct run_spec inside = r->opt->spec ? *r->opt->spec : (struct run_spec){ .listener = -1 };
		return probe_do(r->b, r->c, &inside, p, &r->place, ret, err);
	}
	if (p->kind == PROBE_HTTP) {
		no_answer(ret, p->kind, "the program ends by itself");
		return 0;
	}
	struct tracer *t = NULL;
	struct run_spec spec = r->opt->spec ? *r->opt->spec : (struct run_spec){ .listener = -1 };
	if (r->opt->observed && tracer_open(r->b, r->opt->trace, r->opt->observed, &spec, &t, err) < 0)
		return -1;
	int status = probe_do(r->b, NULL, &spec, p, NULL, ret, err);
	tracer_close(t);
	return status;
}

/* The health check until it says healthy. */
static int check_health(struct run *r, struct error *err)
{
	const char *const *test = r->opt->health ? r->opt->health : r->config->healthcheck ? (const char *const *)r->config->health : NULL;
	const char **words = NULL;
	u32 n = 0, cap = 0;
	if (!test || !test[0] || !test[1] || strcmp(test[0], "NONE") == 0)
		return 0;
	if (strcmp(test[0], "CMD-SHELL") == 0) { /* by the image's own shell, when it says one */
		static const char *const usual[] = { "/bin/sh", "-c", NULL };
		for (const char *const *w = r->config->shell[0] ? (const char *const *)r->config->shell : usual; *w; w++)
			VEC_PUSH(words, n, cap, *w);
		VEC_PUSH(words, n, cap, test[1]);
	} else {
		for (u32 i = 1; test[i]; i++)
			VEC_PUSH(words, n, cap, test[i]);
	}
	VEC_PUSH(words, n, cap, NULL);
	struct probe p = { .kind = PROBE_EXEC, .argv = words };
	s64 end = now_ms(CLOCK_MONOTONIC) + SESSION_HEALTH * 1000;
	bool done = false;
	int status = 0;
	r->s->has_health = true;
	do {
		struct answer a = { 0 };
		status = do_probe(r, &p, &a, err);
		r->s->healthy = status == 0 && !a.failed && a.status == 0;
		answer_free(&a);
		if (status == 0 && !r->s->healthy)
			status = ended(r, 500, &done, err);
	} while (status == 0 && !r->s->healthy && !done && now_ms(CLOCK_MONOTONIC) < end);
	free(words);
	return status;
}

/* Runs on: for a time, or until somebody says so. */
static int linger(struct run *r, struct error *err)
{
	s64 end = now_ms(CLOCK_MONOTONIC) + (s64)r->opt->duration * 1000;
	bool done = false;
	while (!done && r->opt->by_hand) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		char c = 0;
		if (ended(r, 200, &done, err) < 0)
			return -1;
		if (poll(&in, 1, 0) > 0 && (read(STDIN_FILENO, &c, 1) <= 0 || c == '\n'))
			break;
	}
	while (!done && !r->opt->by_hand && now_ms(CLOCK_MONOTONIC) < end)
		if (ended(r, 200, &done, err) < 0)
			return -1;
	return 0;
}

static void take_end(struct run *r, const struct run_result *result)
{
	struct answer *a = &r->s->start;
	a->when = a->when ? a->when : now_ms(CLOCK_REALTIME);
	a->status = result->status;
	buf_add(&a->out, buf_str(&result->out));
	buf_add(&a->err, buf_str(&result->err));
	if (result->over) {
		snprintf(r->s->over_text, sizeof r->s->over_text, "%s", result->over);
		r->s->over = r->s->over_text;
	}
}

/* The stop signal, and what it ends with. */
static int stop(struct run *r, struct error *err)
{
	const struct run_result *result;
	const char *signal = r->config->stop_signal && r->config->stop_signal[0] ? r->config->stop_signal : "SIGTERM";
	bool done = false;
	if (ended(r, 0, &done, err) < 0)
		return -1;
	bool before = done;
	if (!done && run_signal(r->c, signal, err) < 0)
		*err = (struct error){ 0 }; /* it ended meanwhile */
	r->s->stop_seconds = before ? 0 : r->opt->deaf ? SESSION_DEAF : SESSION_STOP;
	if (run_wait(r->c, (int)r->s->stop_seconds * 1000, &result, err) < 0)
		return -1;
	r->s->start.log = true;
	take_end(r, result);
	if (before && !r->s->over)
		buf_puts(&r->s->start.err, "\nthe program ended before it was told to: an error\n");
	if (!result->ended) {
		r->s->start.failed = r->s->deaf = true;
		snprintf(r->s->start.error, sizeof r->s->start.error, "%s does not end it", signal);
	}
	return 0;
}

static int add_written(void *ctx, char kind, struct str path, u64 size)
{
	(void)size;
	observed_add(ctx, path, kind == 'd' ? SEEN_DELETED : SEEN_WRITTEN, STR(""), false);
	return 0;
}

static int steps(struct run *r, struct error *err)
{
	const struct session_options *opt = r->opt;
	struct session *s = r->s;
	bool done = false;
	s->start.when = now_ms(CLOCK_REALTIME);
	if (start(r, NULL, &r->c, &r->t, err) < 0 || await_ready(r, &done, err) < 0)
		return -1;
	if (r->t)
		tracer_ready(r->t);
	find_candidates(r);
	if (s->service && opt->ready)
		opt->ready(opt->ctx, r->b, s->ports, s->n_ports);
	for (u32 i = 0; i < opt->n_probes; i++, s->n_answers++)
		if (do_probe(r, &opt->probes[i], &s->answers[i], err) < 0)
			return -1;
	if (s->service && (check_health(r, err) < 0 || linger(r, err) < 0 || stop(r, err) < 0))
		return -1;
	if (!s->service) {
		const struct run_result *result;
		if (run_wait(r->c, 0, &result, err) < 0)
			return -1;
		take_end(r, result);
	}
	if (opt->written && run_written(r->c, add_written, s->written, err) < 0)
		return -1;
	return 0;
}

int session_run(struct run_box *b, const struct config *config, const struct session_options *opt, struct session *ret, struct error *err)
{
	struct run r = { .b = b, .config = config, .opt = opt, .s = ret };
	*ret = (struct session){ 0 };
	ret->answers = xcalloc(MAX(opt->n_probes, 1), sizeof *ret->answers);
	if (opt->written)
		ret->written = observed_new(&(struct digest){ 0 });
	find_wanted(&r);
	int status = steps(&r, err);
	run_remove(r.c);
	tracer_close(r.t);
	if (opt->observed)
		observed_settle(opt->observed);
	if (status == 0 && ret->written)
		observed_settle(ret->written);
	if (status < 0)
		session_free(ret);
	return status;
}

void session_free(struct session *s)
{
	for (u32 i = 0; i < s->n_answers; i++)
		answer_free(&s->answers[i]);
	free(s->answers);
	answer_free(&s->start);
	if (s->written)
		observed_free(s->written);
	*s = (struct session){ 0 };
}
