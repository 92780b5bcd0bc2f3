#include "build/exec.h"
#include "build/leak.h"
#include "build/mounts.h"
#include "build/secrets.h"
#include "run/disorder.h"
#include "store/load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>

#define HOSTNAME "buildkitsandbox" /* what a step finds under BuildKit: files that it writes with its name in them are the same */
#define ELSEWHERE "elsewhere"
#define STOPPED 137
#define PROCESSES 32768u /* and threads of a step, at most */

struct exec {
	struct arena arena;
	struct exec_options opt;
	struct secrets *secrets;
	const char *mounts;          /* STORE/build/mounts */
	struct run_ulimit *ulimits;
	u32 n_ulimits;
	const char **hosts;          /* lines of /etc/hosts; NULL-terminated */
	pthread_mutex_t lock;        /* of what follows */
	struct run_box *box;
	struct disorder *disorder;   /* NULL: directories are read in their own order */
	struct values {              /* lists that were lent */
		struct values *next;
		struct str v[];
	} *lent;
};

/* --- options --- */
static bool limit_value(struct str s, u64 *ret)
{
	if (str_is(s, "-1") || str_is(s, "unlimited")) {
		*ret = UINT64_MAX;
		return true;
	}
	return str_to_u64(s, ret);
}

static int read_ulimit(struct exec *x, const char *text, struct error *err)
{
	static const struct {
		const char *name, *type;
	} known[] = { { "core", "RLIMIT_CORE" }, { "cpu", "RLIMIT_CPU" }, { "data", "RLIMIT_DATA" }, { "fsize", "RLIMIT_FSIZE" }, { "locks", "RLIMIT_LOCKS" }, { "memlock", "RLIMIT_MEMLOCK" },
		      { "msgqueue", "RLIMIT_MSGQUEUE" }, { "nice", "RLIMIT_NICE" }, { "nofile", "RLIMIT_NOFILE" }, { "nproc", "RLIMIT_NPROC" }, { "rss", "RLIMIT_RSS" }, { "rtprio", "RLIMIT_RTPRIO" },
		      { "rttime", "RLIMIT_RTTIME" }, { "sigpending", "RLIMIT_SIGPENDING" }, { "stack", "RLIMIT_STACK" } };
	struct str rest = str_of(text), name = str_cut(&rest, '='), soft = rest.p ? str_cut(&rest, ':') : STR("");
	struct run_ulimit *l = &x->ulimits[x->n_ulimits];
	*l = (struct run_ulimit){ 0 };
	for (size_t i = 0; i < countof(known) && !l->type; i++)
		if (str_is(name, known[i].name))
			l->type = known[i].type;
	if (!l->type || !limit_value(soft, &l->soft) || !(rest.p ? limit_value(rest, &l->hard) : limit_value(soft, &l->hard)))
		return error_set(err, ERR_USAGE, "--ulimit %.200s: not TYPE=SOFT[:HARD]", text);
	if (l->soft > l->hard)
		return error_set(err, ERR_USAGE, "--ulimit %.200s: the soft limit is over the hard one", text);
	for (u32 i = 0; i < x->n_ulimits; i++)
		if (strcmp(x->ulimits[i].type, l->type) == 0) { /* the last one counts */
			x->ulimits[i] = *l;
			return 0;
		}
	x->n_ulimits++;
	return 0;
}

static int read_host(struct exec *x, const char *text, u32 n, struct error *err)
{
	struct str rest = str_of(text);
	size_t k = strcspn(text, ":=");
	struct str name = str_head(rest, k), ip = str_from(rest, k + 1);
	unsigned char bytes[16];
	char z[64];
	if (ip.n > 2 && ip.p[0] == '[' && ip.p[ip.n - 1] == ']')
		ip = str_n(ip.p + 1, ip.n - 2);
	if (str_is(ip, "host-gateway"))
		ip = STR("127.0.0.1"); /* a step is on the machine's own network */
	snprintf(z, sizeof z, "%.*s", (int)MIN(ip.n, sizeof z - 1), ip.p);
	bool good = name.n && ip.n < sizeof z && (inet_pton(AF_INET, z, bytes) == 1 || inet_pton(AF_INET6, z, bytes) == 1);
	for (size_t i = 0; i < name.n && good; i++)
		good = (u8)name.p[i] > ' ' && name.p[i] != 127;
	if (!good)
		return error_set(err, ERR_USAGE, "--add-host %.200s: not NAME:IP", text);
	x->hosts[n] = arena_printf(&x->arena, "%s\t%.*s", z, (int)name.n, name.p);
	return 0;
}

static u32 count(const char *const *v)
{
	u32 n = 0;
	while (v && v[n])
		n++;
	return n;
}

int exec_open(const struct exec_options *opt, struct exec **ret, struct error *err)
{
	struct exec *x = xcalloc(1, sizeof *x);
	u32 limits = count(opt->ulimits), hosts = count(opt->hosts);
	x->opt = *opt;
	pthread_mutex_init(&x->lock, NULL);
	x->ulimits = arena_array(&x->arena, struct run_ulimit, limits + 1);
	x->hosts = arena_array(&x->arena, const char *, hosts + 1);
	const char *dir = store_dir(&x->arena, opt->store, err);
	int r = dir ? 0 : -1;
	x->mounts = arena_printf(&x->arena, "%s/build/mounts", dir ? dir : "");
	for (u32 i = 0; i < limits && r == 0; i++)
		r = read_ulimit(x, opt->ulimits[i], err);
	for (u32 i = 0; i < hosts && r == 0; i++)
		r = read_host(x, opt->hosts[i], i, err);
	r = r < 0 ? r : secrets_open(opt, &x->secrets, err);
	if (r < 0) {
		exec_close(x);
		return -1;
	}
	*ret = x;
	return 0;
}

void exec_close(struct exec *x)
{
	if (!x)
		return;
	run_box_close(x->box);
	disorder_close(x->disorder);
	secrets_close(x->secrets);
	for (struct values *v = x->lent, *next; v; v = next) {
		next = v->next;
		free(v);
	}
	pthread_mutex_destroy(&x->lock);
	arena_free(&x->arena);
	free(x);
}

const struct secrets *exec_secrets(const struct exec *x) { return x->secrets; }

u32 exec_secret_values(struct exec *x, const struct run_step *step, const struct str **ret)
{
	struct values *v = xcalloc(1, sizeof *v + step->n_mounts * sizeof *v->v);
	u32 n = 0;
	for (u32 i = 0; i < step->n_mounts; i++) {
		struct str s = step->mounts[i].type == MOUNT_SECRET ? secrets_value(x->secrets, step->mounts[i].id) : str_n(NULL, 0);
		if (s.n)
			v->v[n++] = s;
	}
	*ret = v->v;
	pthread_mutex_lock(&x->lock);
	v->next = x->lent;
	x->lent = v;
	pthread_mutex_unlock(&x->lock);
	return n;
}

/* --- a step --- */
struct job {
	struct exec *x;
	struct arena *a;
	const struct exec_job *job;
	struct box_mount *mounts; /* as the step has them, then sorted */
	u32 n;
	struct run_root *roots;   /* of bind mounts, as many */
	struct cache_mount *caches;
	u32 n_caches;
	struct wanted {
		const char *name;
		u32 mount;
	} *wanted;                /* caches, by name */
	u32 n_wanted;
	const char **env;
	u32 n_env;
};

static const struct snapshot *source_of(const struct job *j, u32 i) { return j->job->sources ? j->job->sources[i] : NULL; }

static int take_secret(struct job *j, const struct run_mount *m, struct error *err)
{
	struct str value = secrets_value(j->x->secrets, m->id);
	if (!value.p && m->required)
		return error_set(err, ERR_USAGE, "secret %.200s: not found: it has to be given with --secret id=%.200s,src=FILE (or env=NAME)", m->id, m->id);
	if (!value.p)
		return 0; /* the step goes without */
	if (m->env) {
		if (memchr(value.p, '\0', value.n + 1) != value.p + value.n)
			return error_set(err, ERR_USAGE, "secret %.200s: a NUL byte in it: it can be no variable", m->id);
		j->env[j->n_env++] = arena_printf(j->a, "%s=%s", m->env, value.p);
	}
	if (m->target)
		j->mounts[j->n++] = (struct box_mount){ .kind = BOX_FILE, .target = m->target, .content = value, .mode = m->mode, .uid = m->uid, .gid = m->gid };
	return 0;
}

static int take_agent(struct job *j, const struct run_mount *m, struct error *err)
{
	const char *socket = secrets_agent(j->x->secrets, m->id);
	if (!socket && m->required)
		return error_set(err, ERR_USAGE, "ssh %.200s: no agent: it has to be given with --ssh %.200s", m->id, m->id);
	if (socket)
		j->mounts[j->n++] = (struct box_mount){ .kind = BOX_SOCKET, .target = m->target, .source = socket, .mode = m->mode, .uid = m->uid, .gid = m->gid };
	return 0;
}

static int take_mount(struct job *j, u32 i, struct error *err)
{
	const struct run_mount *m = &j->job->step->mounts[i];
	const struct snapshot *from = source_of(j, i);
	switch (m->type) {
	case MOUNT_BIND:
		if (!from)
			return error_set(err, ERR_ENV, "mount %.300s: there is no tree that it comes from", m->target);
		j->roots[i] = (struct run_root){ .lowers = from->dirs, .n_lowers = from->n };
		j->mounts[j->n++] = (struct box_mount){ .kind = BOX_TREE, .target = m->target, .root = &j->roots[i], .source = m->source, .writable = m->writable };
		return 0;
	case MOUNT_CACHE:
		j->wanted[j->n_wanted++] = (struct wanted){ mount_cache_name(j->a, j->x->opt.ids, m, from), i };
		return 0;
	case MOUNT_TMPFS:
		j->mounts[j->n++] = (struct box_mount){ .kind = BOX_MEMORY, .target = m->target, .mode = 01777, .size = m->size, .writable = m->writable };
		return 0;
	case MOUNT_SECRET:
		return take_secret(j, m, err);
	case MOUNT_SSH:
		return take_agent(j, m, err);
	default:
		j->mounts[j->n++] = (struct box_mount){ .kind = BOX_FILE, .target = m->target, .content = m->text, .mode = m->mode, .uid = m->uid, .gid = m->gid };
		return 0;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;
	int r = strcmp(x->name, y->name);
	return r ? r : x->mount < y->mount ? -1 : x->mount > y->mount;
}

/* Once each, however often the step mounts it. 1: it was to stop meanwhile. */
static int take_caches(struct job *j, struct error *err)
{
	const struct run_step *step = j->job->step;
	if (j->n_wanted)
		qsort(j->wanted, j->n_wanted, sizeof *j->wanted, by_name);
	const struct mount_wait wait = { j->job->stop, j->x->opt.seconds };
	for (u32 i = 0; i < j->n_wanted; i++) {
		const struct wanted *w = &j->wanted[i];
		const struct run_mount *m = &step->mounts[w->mount];
		if (!i || strcmp(w->name, w[-1].name) != 0) {
			int r = mount_cache_take(j->a, j->x->mounts, w->name, j->x->opt.ids, m, source_of(j, w->mount), &wait, &j->caches[j->n_caches], err);
			if (r != 0)
				return r;
			j->n_caches++;
		}
		j->mounts[j->n++] = (struct box_mount){ .kind = BOX_HOST, .target = m->target, .source = j->caches[j->n_caches - 1].data, .writable = m->writable };
	}
	return 0;
}

/* What lies above comes before what lies below, whatever order they are written in; of the same place the last one is seen. */
static int by_target(const void *a, const void *b)
{
	const struct box_mount *const *x = a, *const *y = b;
	int r = strcmp((*x)->target, (*y)->target);
	return r ? r : *x < *y ? -1 : *x > *y;
}

static struct box_mount *sorted(const struct job *j)
{
	struct box_mount *v = arena_array(j->a, struct box_mount, j->n + 1);
	struct box_mount **order = arena_array(j->a, struct box_mount *, j->n + 1);
	for (u32 i = 0; i < j->n; i++)
		order[i] = &j->mounts[i];
	qsort(order, j->n, sizeof *order, by_target);
	for (u32 i = 0; i < j->n; i++)
		v[i] = *order[i];
	return v;
}

/* Of one step: half of what the machine has numbers for, so that a fork bomb leaves room for everybody else. */
static u32 most_processes(void)
{
	static const char *const files[] = { "/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max" };
	u64 most = PROCESSES, n;
	for (size_t i = 0; i < countof(files); i++) {
		struct buf text = BUF(64);
		if (file_read(files[i], 64, &text, NULL) == 0 && str_to_u64(str_trim(buf_str(&text)), &n) && n >= 1024)
			most = MIN(most, n / 2);
		buf_free(&text);
	}
	return (u32)most;
}

static int get_box(struct exec *x, struct run_box **ret, struct error *err)
{
	struct run_box_options o = { .runtime = x->opt.runtime, .store = x->opt.store, .network = RUN_HOST, .later = x->opt.elsewhere,
				     .limits = { .seconds = x->opt.seconds ? x->opt.seconds : UINT32_MAX, .written = UINT64_MAX, .processes = most_processes() } };
	pthread_mutex_lock(&x->lock);
	int r = x->disorder || !x->opt.elsewhere ? 0 : disorder_open(&x->disorder, err);
	if (r == 0 && !x->box)
		r = run_box_open(NULL, x->opt.ids, &o, &x->box, err);
	*ret = x->box;
	pthread_mutex_unlock(&x->lock);
	return r;
}

static int run(struct job *j, struct exec_told *ret, struct error *err)
{
	const struct exec_job *job = j->job;
	const struct run_step *step = job->step;
	enum step_network network = step->network == STEP_DEFAULT ? j->x->opt.network : step->network;
	struct run_root root = { .lowers = job->below->dirs, .n_lowers = job->below->n, .upper = job->upper->upper, .work = job->upper->work };
	struct run_build build = { .root = &root, .mounts = sorted(j), .n_mounts = j->n, .ulimits = j->x->ulimits, .n_ulimits = j->x->n_ulimits, .hosts = j->x->hosts, .hostname = j->x->opt.elsewhere ? ELSEWHERE : HOSTNAME,
				   .shm = j->x->opt.shm, .alone = network == STEP_NONE, .arch = job->arch, .insecure = step->insecure };
	struct run_spec spec = { .argv = step->argv, .env = j->env, .user = step->user, .cwd = step->cwd, .listener = -1, .listener_path = disorder_path(j->x->disorder), .build = &build, .follow = true };
	const struct run_result *is = NULL;
	struct run_container *c = NULL;
	struct run_box *box;
	if (get_box(j->x, &box, err) < 0 || run_start(box, &spec, &c, err) < 0)
		return -1;
	int r = run_follow(c, job->stop, job->output, job->ctx, &is, err);
	if (r == 0) {
		const char *const *made = run_made(c);
		ret->status = is->status;
		ret->over = is->over ? arena_strdup(j->a, str_of(is->over)) : NULL;
		ret->forget = arena_array(j->a, const char *, count(made) + 1);
		for (u32 i = 0, n = 0; made[i]; i++)
			if (!str_among(str_of(made[i]), "/dev /proc /sys")) /* those stay in the tree, as BuildKit leaves them */
				ret->forget[n++] = arena_strdup(j->a, str_of(made[i]));
	}
	run_remove(c);
	return r;
}

/* Whatever came of the step: a value of a secret is in no cache afterwards. */
static int clean_caches(struct job *j, s64 since, struct exec_told *ret, struct error *err)
{
	struct buf paths = BUF(MiB);
	int r = 0;
	for (u32 i = 0; r == 0 && i < j->n_caches && j->job->leak; i++)
		r = leak_clean(j->job->leak, j->x->opt.ids, j->caches[i].fd, "data", since, &paths, err);
	if (paths.n)
		ret->cleaned = arena_strdup(j->a, buf_str(&paths));
	buf_free(&paths);
	return r;
}

int exec_run(struct exec *x, struct arena *a, const struct exec_job *job, struct exec_told *ret, struct error *err)
{
	const struct run_step *step = job->step;
	u32 n = step->n_mounts, n_env = count(step->env);
	struct job j = { .x = x, .a = a, .job = job, .n_env = n_env };
	*ret = (struct exec_told){ .forget = arena_array(a, const char *, 1) };
	if (step->insecure && !x->opt.insecure)
		return error_set(err, ERR_USAGE, "--security=insecure: has to be allowed with --allow security.insecure");
	j.mounts = arena_array(a, struct box_mount, n + 1);
	j.roots = arena_array(a, struct run_root, n + 1);
	j.caches = arena_array(a, struct cache_mount, n + 1);
	j.wanted = arena_array(a, struct wanted, n + 1);
	j.env = arena_array(a, const char *, n_env + n + 1);
	if (n_env)
		memcpy(j.env, step->env, n_env * sizeof *j.env);
	int r = 0;
	for (u32 i = 0; i < n && r == 0; i++)
		r = take_mount(&j, i, err);
	r = r < 0 ? r : take_caches(&j, err);
	struct error second = { 0 };
	s64 since = (s64)time(NULL) - 1;
	if (r == 0) {
		r = run(&j, ret, err);
		if (clean_caches(&j, since, ret, r < 0 ? &second : err) < 0)
			r = -1;
	} else if (r > 0) {
		*ret = (struct exec_told){ .status = STOPPED, .over = job->stop && atomic_load(job->stop) ? "stopped" : arena_printf(a, "%u seconds", x->opt.seconds), .forget = ret->forget };
	}
	for (u32 i = 0; i < j.n_caches; i++)
		mount_cache_release(&j.caches[i]);
	return r < 0 ? -1 : 0;
}
