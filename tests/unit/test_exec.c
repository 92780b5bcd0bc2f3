/* Steps of a build as they run: what they see, what they leave, how they end; caches, secrets, agents. Skipped where there is no runtime, or no busybox to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk_of.h"
#include "base/process.h"
#include "build/exec.h"
#include "build/mounts.h"
#include "run/keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct disk_of disk;
static struct run_ids ids;
static bool can;
#define at(name) disk_place(&disk, name)
#define put(name, text) disk_file(&disk, name, str_of(text), 0644)
#define dir(name) disk_dir(&disk, name, 0755)

static int setup(void **state)
{
	(void)state;
	struct buf runtime = BUF(0), busybox = BUF(0), bytes = BUF(64 * MiB);
	struct error err = { 0 };
	can = process_find("runc", &runtime) && process_find("busybox", &busybox) && run_ids_find(&ids, &err) == 0;
	disk_open(&disk, "/var/tmp/pare-test-");
	if (can) {
		const char *dirs[] = { "root", "root/bin", "root/etc", "root/tmp", "source", "source/sub" };
		for (size_t i = 0; i < countof(dirs); i++)
			dir(dirs[i]);
		assert_int_equal(chmod(at("root/tmp"), 01777), 0);
		assert_int_equal(file_read(busybox.p, 64 * MiB, &bytes, &err), 0);
		disk_file(&disk, "root/bin/busybox", buf_str(&bytes), 0755);
		assert_int_equal(symlink("busybox", at("root/bin/sh")), 0);
		put("root/etc/passwd", "root:x:0:0::/root:/bin/sh\nmail:x:8:12::/var/mail:/bin/sh\n");
		put("root/etc/group", "root:x:0:\nmail:x:12:\n");
		put("source/a", "a\n");
		put("source/sub/b", "b\n");
		assert_int_equal(symlink("/etc/passwd", at("source/steal")), 0);
		struct run_box *b;
		struct run_box_options o = { .store = at("store"), .network = RUN_HOST };
		can = run_box_open(NULL, &ids, &o, &b, &err) == 0; /* not in a container without rights */
		if (can)
			run_box_close(b);
	}
	buf_free(&runtime);
	buf_free(&busybox);
	buf_free(&bytes);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	clean_dir(disk.dir, &ids);
	disk_close(&disk);
	return 0;
}

struct told {
	struct exec_told is;
	struct buf out, err, forget;
	char over[64];
	struct upper upper;
	int r;
	struct error error;
};

static void hear(void *ctx, int stream, struct str bytes)
{
	struct told *t = ctx;
	buf_add(stream == 1 ? &t->out : &t->err, bytes);
}

static struct exec *open_exec(const struct exec_options *more)
{
	struct exec *x = NULL;
	struct error err = { 0 };
	struct exec_options o = more ? *more : (struct exec_options){ 0 };
	if (!can)
		skip();
	o.store = at("store");
	o.ids = &ids;
	int r = exec_open(&o, &x, &err);
	if (r < 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return x;
}

static void make_upper(struct told *t)
{
	static _Atomic u32 uppers;
	u32 n = ++uppers;
	const char **made[] = { &t->upper.upper, &t->upper.work, &t->upper.root };
	for (u32 i = 0; i < countof(made); i++) {
		char name[32];
		snprintf(name, sizeof name, "store/u%u-%u", n, i); /* nothing else is to be written to */
		*made[i] = at(name);
		mkdir(*made[i], 0700);
	}
}

/* `step` without what it runs: a script. */
static void run_it(struct exec *x, struct told *t, struct run_step step, const char *script, const struct snapshot *const *sources, const atomic_bool *stop)
{
	static const char *const env[] = { "A=1", NULL };
	const char *argv[] = { "/bin/sh", "-c", script, NULL }, *dirs[] = { at("root") };
	struct snapshot below = { .dirs = dirs, .n = 1 };
	struct arena a = { 0 };
	*t = (struct told){ 0 };
	make_upper(t);
	if (!step.argv)
		step.argv = argv;
	if (!step.env)
		step.env = env;
	if (!step.user)
		step.user = "";
	if (!step.cwd)
		step.cwd = "/";
	struct exec_job job = { .step = &step, .below = &below, .upper = &t->upper, .sources = sources, .stop = stop, .output = hear, .ctx = t };
	t->r = exec_run(x, &a, &job, &t->is, &t->error);
	for (const char **f = t->is.forget; t->r == 0 && *f; f++)
		buf_printf(&t->forget, "%s\n", *f);
	buf_puts(&t->forget, "");
	if (t->r == 0 && t->is.over) /* which goes with the arena */
		snprintf(t->over, sizeof t->over, "%s", t->is.over);
	t->is.over = t->over[0] ? t->over : NULL;
	arena_free(&a);
	buf_putc(&t->out, '\0');
	buf_putc(&t->err, '\0');
}

static void run(struct exec *x, struct told *t, struct run_step step, const char *script)
{
	run_it(x, t, step, script, NULL, NULL);
	if (t->r < 0)
		print_error("%s\n", t->error.text);
	assert_int_equal(t->r, 0);
}

static void drop(struct told *t)
{
	buf_free(&t->out);
	buf_free(&t->err);
	buf_free(&t->forget);
}

static void says(struct exec *x, struct run_step step, const char *script, const char *want)
{
	struct told t;
	run(x, &t, step, script);
	assert_string_equal(t.err.p, "");
	assert_string_equal(t.out.p, want);
	assert_int_equal(t.is.status, 0);
	drop(&t);
}

static bool forgets(const struct told *t, const char *path)
{
	for (struct str rest = buf_str(&t->forget); rest.p;)
		if (str_is(str_cut(&rest, '\n'), path))
			return true;
	return false;
}

static void closed(struct exec *x)
{
	exec_close(x);
	assert_int_equal(rmdir(at("store/run")), 0); /* nothing is in it */
}

static void test_what_it_sees(void **state)
{
	(void)state;
	struct exec *x = open_exec(&(struct exec_options){ .insecure = true });
	static const char *const own[] = { "PATH=/bin:/usr/bin", "HOME=/h", NULL };
	says(x, (struct run_step){ 0 }, "busybox env | busybox sort", "A=1\nHOME=/root\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\nSHLVL=1\n" + 0);
	says(x, (struct run_step){ .env = own }, "echo $PATH $HOME", "/bin:/usr/bin /h\n");
	says(x, (struct run_step){ .user = "mail" }, "busybox id -u; busybox id -g; echo $HOME; umask", "8\n12\n/var/mail\n0022\n");
	says(x, (struct run_step){ .cwd = "/new/dir" }, "pwd; busybox test -d /proc/self && busybox grep -c buildkitsandbox /etc/hosts; busybox hostname", "/new/dir\n1\nbuildkitsandbox\n");
	says(x, (struct run_step){ .network = STEP_NONE }, "busybox grep -c : /proc/net/dev; busybox ip addr show lo | busybox grep -c UP", "1\n1\n");
	says(x, (struct run_step){ 0 }, "busybox ls /proc/self/fd | busybox wc -l; busybox df -k /dev/shm | busybox awk 'END{print $2}'", "4\n65536\n");
	for (u32 i = 0; i < 2; i++) { /* not even with all rights that a step can have */
		says(x, (struct run_step){ .insecure = i }, "busybox tr -d '\\0' </proc/1/cmdline | busybox wc -c; busybox ls /proc/1/root/ /proc/1/cwd/ 2>/dev/null || echo nothing; busybox cat /proc/1/environ 2>/dev/null || echo nothing",
		     "0\nnothing\nnothing\n");
		says(x, (struct run_step){ .insecure = i }, "busybox kill -9 1; busybox test -d /proc/1 && echo lives", "lives\n");
	}
	closed(x);
}

static void test_what_it_leaves(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	struct run_mount m[] = { { .type = MOUNT_TMPFS, .target = "/m/n", .writable = true, .size = 65536 }, { .type = MOUNT_TEXT, .target = "/etc/text", .text = STR("#!/bin/sh\necho text\n"), .mode = 0755 } };
	run(x, &t, (struct run_step){ .mounts = m, .n_mounts = 2 }, "/etc/text; echo x >/m/n/f; busybox df -k /m/n | busybox awk 'END{print $2}'; echo new >/etc/new; busybox rm /etc/group");
	assert_string_equal(t.out.p, "text\n64\n");
	const char *gone[] = { "/m", "/m/n", "/etc/text", "/etc/resolv.conf", "/etc/hosts" };
	for (size_t i = 0; i < countof(gone); i++)
		if (!forgets(&t, gone[i]))
			fail_msg("%s", gone[i]);
	assert_false(forgets(&t, "/etc"));
	assert_false(forgets(&t, "/proc")); /* stays where an image has none, as under BuildKit */
	struct stat st;
	assert_int_equal(lstat(arena_printf(&disk.a, "%s/etc/new", t.upper.upper), &st), 0);
	assert_int_equal(lstat(arena_printf(&disk.a, "%s/etc/group", t.upper.upper), &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(lstat(arena_printf(&disk.a, "%s/m/n/f", t.upper.upper), &st), -1);
	drop(&t);
	run(x, &t, (struct run_step){ .cwd = "/kept" }, "true");
	assert_false(forgets(&t, "/kept"));
	assert_int_equal(lstat(arena_printf(&disk.a, "%s/kept", t.upper.upper), &st), 0);
	drop(&t);
	closed(x);
}

/* Where a step works is a directory of its own tree: nothing leads to what a runtime may have open. */
static void test_ways_out(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	const char *dirs[] = { at("source") };
	struct snapshot from = { .dirs = dirs, .n = 1 };
	const struct snapshot *sources[] = { &from };
	struct run_mount m = { .type = MOUNT_BIND, .target = "/c" };
	if (symlink("/proc/self/fd/7", at("root/way")) < 0 || symlink("/proc/self/fd/7", at("source/way")) < 0 || symlink("/way", at("root/second")) < 0) {
	}
	static const char *const cwds[] = { "/way", "/second/x", "/dev/fd/7", "/proc/self/fd/7", "/../proc/1/cwd", "/c/way", "/c/way/../way" };
	for (size_t i = 0; i < countof(cwds); i++) {
		run_it(x, &t, (struct run_step){ .cwd = cwds[i], .mounts = &m, .n_mounts = 1 }, "echo here", sources, NULL);
		assert_string_equal(t.out.p, "");
		assert_true(t.r < 0 || t.is.status != 0);
		drop(&t);
	}
	run_it(x, &t, (struct run_step){ .cwd = "/c/sub", .mounts = &m, .n_mounts = 1 }, "pwd", sources, NULL);
	assert_string_equal(t.out.p, "/c/sub\n");
	drop(&t);
	closed(x);
}

static void test_how_it_ends(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	run(x, &t, (struct run_step){ 0 }, "echo out; echo err >&2; exit 7");
	assert_int_equal(t.is.status, 7);
	assert_string_equal(t.out.p, "out\n");
	assert_string_equal(t.err.p, "err\n");
	assert_null(t.is.over);
	drop(&t);
	run(x, &t, (struct run_step){ 0 }, "kill -9 $$");
	assert_int_equal(t.is.status, 137);
	drop(&t);
	run(x, &t, (struct run_step){ 0 }, "busybox date -s @1000000000 2>/dev/null; echo status $?"); /* the program itself says nothing of it */
	assert_string_equal(t.out.p, "status 159\n");
	drop(&t);
	static const char *const none[] = { "/no/such", NULL };
	run(x, &t, (struct run_step){ .argv = none }, "");
	assert_int_equal(t.is.status, 127);
	assert_non_null(strstr(t.err.p, "/no/such"));
	drop(&t);
	run(x, &t, (struct run_step){ .user = "nobody at all" }, "true");
	assert_true(t.is.status == 126 || t.is.status == 127);
	assert_non_null(strstr(t.err.p, "nobody at all"));
	drop(&t);
	run(x, &t, (struct run_step){ 0 }, "(busybox setsid busybox sleep 1000 &) ; echo here"); /* who holds its output open ends with it */
	assert_string_equal(t.out.p, "here\n");
	drop(&t);
	closed(x);
	x = open_exec(&(struct exec_options){ .seconds = 1 });
	run(x, &t, (struct run_step){ 0 }, "busybox sleep 1000");
	assert_string_equal(t.is.over, "1 seconds");
	drop(&t);
	closed(x);
}

static void *set_soon(void *arg)
{
	usleep(300000);
	atomic_store((atomic_bool *)arg, true);
	return NULL;
}

static void test_stop(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	atomic_bool stop = false;
	pthread_t thread;
	pthread_create(&thread, NULL, set_soon, &stop);
	run_it(x, &t, (struct run_step){ 0 }, "while :; do busybox sleep 1000; done", NULL, &stop);
	pthread_join(thread, NULL);
	assert_int_equal(t.r, 0);
	assert_string_equal(t.is.over, "stopped");
	drop(&t);
	closed(x);
}

static void test_binds(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	const char *dirs[] = { at("source") };
	struct snapshot from = { .dirs = dirs, .n = 1 };
	const struct snapshot *sources[] = { &from, &from, &from };
	struct run_mount m[] = { { .type = MOUNT_BIND, .target = "/c" }, { .type = MOUNT_BIND, .target = "/w", .writable = true }, { .type = MOUNT_BIND, .target = "/f", .source = "/sub/b" } };
	run_it(x, &t, (struct run_step){ .mounts = m, .n_mounts = 3 },
	       "busybox cat /c/a /f; echo new >/w/a && echo new >/w/new && busybox cat /w/a; echo no 2>/dev/null >/c/a || echo read-only; echo no 2>/dev/null >/f || echo read-only", sources, NULL);
	assert_string_equal(t.out.p, "a\nb\nnew\nread-only\nread-only\n");
	assert_int_equal(access(at("source/new"), F_OK), -1);
	drop(&t);
	run_it(x, &t, (struct run_step){ .mounts = m, .n_mounts = 1 }, "busybox cat /c/steal", sources, NULL); /* the step's own, if anything */
	assert_string_equal(t.out.p, "root:x:0:0::/root:/bin/sh\nmail:x:8:12::/var/mail:/bin/sh\n");
	drop(&t);
	m[0].source = "/steal";
	run_it(x, &t, (struct run_step){ .mounts = m, .n_mounts = 1 }, "true", sources, NULL); /* leads to nothing in there */
	assert_int_equal(t.r, -1);
	assert_int_equal(t.error.kind, ERR_INPUT);
	assert_non_null(strstr(t.error.text, "/steal"));
	drop(&t);
	closed(x);
}

static void test_caches(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	struct run_mount m[] = { { .type = MOUNT_CACHE, .id = "../../../../tmp/x", .target = "/k", .writable = true, .mode = 0750, .mode_set = true, .uid = 5, .gid = 6 },
				 { .type = MOUNT_CACHE, .id = "../../../../tmp/x", .target = "/l", .writable = true, .mode = 0750, .mode_set = true, .uid = 5, .gid = 6, .sharing = SHARING_LOCKED } };
	says(x, (struct run_step){ .mounts = m, .n_mounts = 1 }, "busybox stat -c '%a %u %g' /k; echo 1 >/k/f", "750 5 6\n");
	run(x, &t, (struct run_step){ .mounts = m, .n_mounts = 2 }, "busybox cat /l/f; echo 2 >>/k/f; exit 3");
	assert_string_equal(t.out.p, "1\n");
	drop(&t);
	says(x, (struct run_step){ .mounts = m, .n_mounts = 2 }, "busybox cat /k/f", "1\n2\n");
	m[0].id = "another";
	says(x, (struct run_step){ .mounts = m, .n_mounts = 1 }, "busybox ls /k", "");
	m[0].writable = false;
	says(x, (struct run_step){ .mounts = m, .n_mounts = 1 }, "echo x 2>/dev/null >/k/f || echo read-only", "read-only\n");
	closed(x);
	assert_int_equal(access(at("store/build/mounts"), F_OK), 0);
}

static void test_what_caches_begin_as(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct told t;
	dir("trees");
	dir("trees/full-12");
	if (symlink("../../source", at("trees/full-12/tree")) < 0) {
	}
	const char *dirs[] = { at("trees/full-12/tree") };
	struct snapshot from = { .dirs = dirs, .n = 1 };
	const struct snapshot *sources[] = { &from };
	struct run_mount m = { .type = MOUNT_CACHE, .id = "from", .target = "/k", .writable = true, .mode = 0755 };
	for (u32 i = 0; i < 2; i++) { /* once, and never again */
		run_it(x, &t, (struct run_step){ .mounts = &m, .n_mounts = 1 }, "busybox cat /k/a /k/sub/b; echo changed >/k/a; busybox rm -r /k/steal", sources, NULL);
		assert_string_equal(t.error.text, "");
		assert_string_equal(t.out.p, i ? "changed\nb\n" : "a\nb\n");
		drop(&t);
	}
	assert_int_equal(access(at("source/steal"), F_OK), 0);
	m.source = "/sub";
	run_it(x, &t, (struct run_step){ .mounts = &m, .n_mounts = 1 }, "busybox ls /k", sources, NULL);
	assert_string_equal(t.out.p, "b\n");
	drop(&t);
	m.source = "/not there";
	run_it(x, &t, (struct run_step){ .mounts = &m, .n_mounts = 1 }, "true", sources, NULL);
	assert_int_equal(t.r, -1);
	assert_non_null(strstr(t.error.text, "not there"));
	drop(&t);
	closed(x);
}

static void test_locks_of_caches(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct error err = { 0 };
	struct cache_mount a, b, c;
	struct run_mount m = { .type = MOUNT_CACHE, .id = "locks", .target = "/k", .mode = 0755, .sharing = SHARING_PRIVATE };
	atomic_bool stop = true;
	const struct mount_wait wait = { &stop, 0 };
	const char *name = mount_cache_name(&disk.a, &ids, &m, NULL), *where = at("store/build/mounts");
	assert_int_equal(mount_cache_take(&disk.a, where, name, &ids, &m, NULL, NULL, &a, &err), 0);
	assert_int_equal(mount_cache_take(&disk.a, where, name, &ids, &m, NULL, NULL, &b, &err), 0);
	assert_string_not_equal(a.data, b.data); /* of its own, while the first is in use */
	m.sharing = SHARING_LOCKED;
	assert_int_equal(mount_cache_take(&disk.a, where, name, &ids, &m, NULL, &wait, &c, &err), 1); /* has to wait */
	m.sharing = SHARING_SHARED;
	assert_int_equal(mount_cache_take(&disk.a, where, name, &ids, &m, NULL, &wait, &c, &err), 1);
	mount_cache_release(&a);
	mount_cache_release(&a);
	assert_int_equal(mount_cache_take(&disk.a, where, name, &ids, &m, NULL, &wait, &a, &err), 0);
	assert_int_equal(mount_cache_take(&disk.a, where, name, &ids, &m, NULL, &wait, &c, &err), 0); /* with others */
	assert_string_equal(a.data, c.data);
	mount_cache_release(&a);
	mount_cache_release(&b);
	mount_cache_release(&c);
}

static void test_secrets(void **state)
{
	(void)state;
	put("token", "value-of-it");
	setenv("PARE_TEST_SECRET", "of a variable", 1);
	const char *file = at("token");
	struct exec_secret s[] = { { .id = "tok", .file = file }, { .id = "var", .env = "PARE_TEST_SECRET" }, { .id = "unset", .env = "PARE_TEST_UNSET" } };
	struct exec *x = open_exec(&(struct exec_options){ .secrets = s, .n_secrets = 3 });
	struct run_mount m[] = { { .type = MOUNT_SECRET, .id = "tok", .target = "/run/secrets/tok", .mode = 0400 }, { .type = MOUNT_SECRET, .id = "var", .env = "VAR" },
				 { .type = MOUNT_SECRET, .id = "unset", .target = "/run/secrets/unset", .mode = 0400 }, { .type = MOUNT_SECRET, .id = "tok", .target = "/s/k", .mode = 0440, .uid = 7, .gid = 8 } };
	struct run_step step = { .mounts = m, .n_mounts = 4 };
	const struct str *values;
	says(x, step, "busybox cat /run/secrets/tok; echo \" $VAR\"; busybox stat -c '%a %u %g' /run/secrets/tok /s/k; busybox test -e /run/secrets/unset || echo none; echo 2>/dev/null >/s/k || echo no",
	     "value-of-it of a variable\n400 0 0\n440 7 8\nnone\nno\n");
	assert_int_equal(exec_secret_values(x, &step, &values), 3);
	assert_true(str_is(values[0], "value-of-it") && str_is(values[1], "of a variable"));
	struct told t;
	m[2].required = true;
	run_it(x, &t, step, "true", NULL, NULL);
	assert_int_equal(t.r, -1);
	assert_int_equal(t.error.kind, ERR_USAGE);
	assert_non_null(strstr(t.error.text, "unset"));
	drop(&t);
	closed(x);
	struct error err = { 0 };
	struct exec_secret none = { .id = "tok", .file = at("not there") };
	assert_int_equal(exec_open(&(struct exec_options){ .store = at("store"), .ids = &ids, .secrets = &none, .n_secrets = 1 }, &x, &err), -1);
	assert_int_equal(err.kind, ERR_USAGE);
}

/* Answers whoever calls, once each, with what it was told in capitals. */
static void *answer(void *arg)
{
	int fd = *(int *)arg;
	for (;;) {
		char text[64];
		int c = accept(fd, NULL, NULL);
		if (c < 0)
			return NULL;
		ssize_t n = read(c, text, sizeof text);
		for (ssize_t i = 0; i < n; i++)
			text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
		if (n > 0 && write(c, text, (size_t)n) < 0) {
		}
		close(c);
	}
}

static void test_agent(void **state)
{
	(void)state;
	if (!can)
		skip();
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "%s/agent", disk.dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	pthread_create(&thread, NULL, answer, &fd);
	struct exec_agent g = { .id = "default", .socket = a.sun_path };
	struct exec *x = open_exec(&(struct exec_options){ .agents = &g, .n_agents = 1 });
	struct run_mount m = { .type = MOUNT_SSH, .id = "default", .target = "/run/buildkit/ssh_agent.0", .mode = 0600, .uid = 8, .gid = 12 };
	says(x, (struct run_step){ .mounts = &m, .n_mounts = 1, .user = "mail" }, "busybox stat -c '%a %u %g' /run/buildkit/ssh_agent.0; busybox test -S /run/buildkit/ssh_agent.0 && echo socket", "600 8 12\nsocket\n");
	struct told t;
	m.id = "other";
	m.required = true;
	run_it(x, &t, (struct run_step){ .mounts = &m, .n_mounts = 1 }, "true", NULL, NULL);
	assert_int_equal(t.r, -1);
	assert_int_equal(t.error.kind, ERR_USAGE);
	drop(&t);
	closed(x);
	struct error err = { 0 };
	struct sockaddr_un own = { .sun_family = AF_UNIX };
	snprintf(own.sun_path, sizeof own.sun_path, "%s/relay", disk.dir);
	pid_t pid;
	assert_int_equal(relay_start(a.sun_path, own.sun_path, 0600, getuid(), getgid(), &pid, &err), 0);
	for (u32 i = 0; i < 40; i++) {
		char text[8] = "";
		int c = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(c, (struct sockaddr *)&own, sizeof own), 0);
		assert_int_equal(write(c, "hello", 5), 5);
		assert_int_equal(read(c, text, sizeof text), 5);
		assert_string_equal(text, "HELLO");
		close(c);
	}
	kill(pid, SIGKILL);
	process_wait(pid);
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(fd);
}

static void test_options(void **state)
{
	(void)state;
	const char *limits[] = { "nofile=100:200", NULL }, *hosts[] = { "one:10.1.2.3", "six=[fe80::1]", NULL };
	struct exec *x = open_exec(&(struct exec_options){ .ulimits = limits, .hosts = hosts, .shm = 8 * MiB, .network = STEP_NONE });
	says(x, (struct run_step){ 0 }, "ulimit -n; ulimit -Hn; busybox tail -n 2 /etc/hosts; busybox df -k /dev/shm | busybox awk 'END{print $2}'; busybox grep -c : /proc/net/dev",
	     "100\n200\n10.1.2.3\tone\nfe80::1\tsix\n8192\n1\n");
	struct told t;
	run_it(x, &t, (struct run_step){ .insecure = true }, "true", NULL, NULL);
	assert_int_equal(t.error.kind, ERR_USAGE);
	drop(&t);
	closed(x);
	x = open_exec(&(struct exec_options){ .insecure = true });
	says(x, (struct run_step){ .insecure = true }, "busybox mkdir /mnt && busybox mount -t tmpfs none /mnt && echo mounted", "mounted\n");
	closed(x);
	static const char *const bad[][2] = { { "nofile", NULL }, { "nofile=x", NULL }, { "what=1", NULL }, { "nofile=2:1", NULL }, { "nofile=1:", NULL } };
	struct error err = { 0 };
	for (size_t i = 0; i < countof(bad); i++) {
		assert_int_equal(exec_open(&(struct exec_options){ .store = at("store"), .ids = &ids, .ulimits = bad[i] }, &x, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
	}
	static const char *const bad_hosts[][2] = { { "one", NULL }, { ":1.2.3.4", NULL }, { "one:nowhere", NULL }, { "o\nne:1.2.3.4", NULL } };
	for (size_t i = 0; i < countof(bad_hosts); i++)
		assert_int_equal(exec_open(&(struct exec_options){ .store = at("store"), .ids = &ids, .hosts = bad_hosts[i] }, &x, &err), -1);
}

struct many {
	struct exec *x;
	struct told t;
};

static void *one_of_many(void *arg)
{
	struct many *m = arg;
	struct run_mount lock = { .type = MOUNT_CACHE, .id = "many", .target = "/k", .writable = true, .mode = 0755, .sharing = SHARING_LOCKED };
	run_it(m->x, &m->t, (struct run_step){ .mounts = &lock, .n_mounts = 1 }, "busybox test ! -e /k/busy && echo >/k/busy && busybox sleep 0.2 && busybox rm /k/busy && echo alone", NULL, NULL);
	return NULL;
}

static void test_several_at_once(void **state)
{
	(void)state;
	struct exec *x = open_exec(NULL);
	struct many m[4];
	pthread_t t[4];
	for (u32 i = 0; i < 4; i++) {
		m[i] = (struct many){ .x = x };
		pthread_create(&t[i], NULL, one_of_many, &m[i]);
	}
	for (u32 i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_string_equal(m[i].t.out.p, "alone\n");
		drop(&m[i].t);
	}
	closed(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_sees), cmocka_unit_test(test_what_it_leaves), cmocka_unit_test(test_ways_out), cmocka_unit_test(test_how_it_ends),	 cmocka_unit_test(test_stop),    cmocka_unit_test(test_binds),
		cmocka_unit_test(test_caches), cmocka_unit_test(test_what_caches_begin_as), cmocka_unit_test(test_locks_of_caches), cmocka_unit_test(test_secrets), cmocka_unit_test(test_agent), cmocka_unit_test(test_options),
		cmocka_unit_test(test_several_at_once),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
