/* Boxes as rooms above them use them: containers, more processes in them, sockets, ports, what was written, all at once. Skipped where there is no runtime, or no busybox to run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/process.h"
#include "base/file.h"
#include "run/box.h"
#include "run/inner.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char place[64], store[128], root[128];
static struct run_tree tree = { .path = root };
static struct run_ids ids;
static bool can;

static void copy_program(const char *from, const char *to)
{
	struct buf bytes = BUF(64 * MiB);
	struct error err = { 0 };
	assert_int_equal(file_read(from, 64 * MiB, &bytes, &err), 0);
	int fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, bytes.p, bytes.n), 0);
	close(fd);
	buf_free(&bytes);
}

static int setup(void **state)
{
	(void)state;
	struct buf runtime = BUF(0), busybox = BUF(0);
	struct error err = { 0 };
	char path[256];
	can = process_find("runc", &runtime) && process_find("busybox", &busybox) && run_ids_find(&ids, &err) == 0;
	snprintf(place, sizeof place, "/var/tmp/pare-test-XXXXXX");
	if (can) {
		assert_non_null(mkdtemp(place));
		snprintf(store, sizeof store, "%s/store", place);
		snprintf(root, sizeof root, "%s/root", place);
		assert_int_equal(mkdir(root, 0755), 0);
		snprintf(path, sizeof path, "%s/bin", root);
		assert_int_equal(mkdir(path, 0755), 0);
		snprintf(path, sizeof path, "%s/bin/busybox", root);
		copy_program(busybox.p, path);
		snprintf(path, sizeof path, "%s/bin/sh", root);
		assert_int_equal(symlink("busybox", path), 0);
		struct run_box *b;
		struct run_box_options o = { .store = store };
		can = run_box_open(&tree, &ids, &o, &b, &err) == 0; /* not in a container without rights */
		if (can)
			run_box_close(b);
	}
	buf_free(&runtime);
	buf_free(&busybox);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (root[0])
		clean_dir(place, &ids);
	return 0;
}

static struct run_box *open_box(const struct run_box_options *more)
{
	struct run_box *b = NULL;
	struct error err = { 0 };
	struct run_box_options o = more ? *more : (struct run_box_options){ 0 };
	o.store = store;
	if (!can)
		skip();
	int r = run_box_open(&tree, &ids, &o, &b, &err);
	if (r < 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return b;
}

static struct run_container *start(struct run_box *b, const char *script)
{
	struct run_container *c = NULL;
	struct error err = { 0 };
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct run_spec s = { .argv = argv };
	int r = run_start(b, &s, &c, &err);
	if (r < 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return c;
}

static const struct run_result *wait_end(struct run_container *c)
{
	const struct run_result *r = NULL;
	struct error err = { 0 };
	assert_int_equal(run_wait(c, -1, &r, &err), 0);
	assert_true(r->ended);
	return r;
}

static void closed(struct run_box *b)
{
	char path[256];
	run_box_close(b);
	snprintf(path, sizeof path, "%s/run", store);
	assert_int_equal(rmdir(path), 0); /* nothing is in it */
}

static void test_result(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct run_container *c = start(b, "echo out; echo err >&2; exit 7");
	const struct run_result *r = wait_end(c);
	assert_int_equal(r->status, 7);
	assert_string_equal(buf_str(&r->out).p, "out\n");
	assert_string_equal(buf_str(&r->err).p, "err\n");
	assert_null(r->over);
	assert_int_equal(run_pid(c), -1);
	assert_memory_equal(run_runtime(b), "runc ", 5);
	run_remove(c);
	closed(b);
}

static void test_output_comes_while_it_runs(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct run_container *c = start(b, "echo first; read x; echo never");
	const struct run_result *r;
	struct error err = { 0 };
	wait_end(c); /* it has no standard input */
	run_remove(c);
	c = start(b, "echo first; while :; do busybox sleep 100; done");
	do
		assert_int_equal(run_wait(c, 10, &r, &err), 0);
	while (r->out.n < 6);
	assert_false(r->ended);
	assert_true(run_pid(c) > 0);
	assert_int_equal(run_signal(c, "KILL", &err), 0);
	assert_int_equal(wait_end(c)->status, 137);
	assert_int_equal(run_signal(c, "SIGTERM", &err), -1);
	assert_int_equal(run_signal(c, "SIGNONE", &err), -1);
	closed(b); /* the container goes with it */
}

static void test_more_processes_in_it(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct error err = { 0 };
	static const char *const env[] = { "X=of the container", NULL };
	const char *argv[] = { "/bin/sh", "-c", "trap 'exit 3' TERM; while :; do busybox sleep 1; done", NULL };
	struct run_spec s = { .argv = argv, .env = env, .user = ids.single ? "0" : "12:13", .cwd = "/bin" };
	struct run_container *c;
	assert_int_equal(run_start(b, &s, &c, &err), 0);
	const char *ask[] = { "/bin/sh", "-c", "echo $X; busybox pwd; busybox cat; exit 5", NULL };
	struct run_spec e = { .argv = ask, .input = STR("given") };
	struct run_result r;
	assert_int_equal(run_exec(c, &e, &r, &err), 0);
	assert_int_equal(r.status, 5);
	assert_string_equal(buf_str(&r.out).p, "of the container\n/bin\ngiven");
	buf_free(&r.out);
	buf_free(&r.err);
	e.argv = (const char *const[]){ "/nowhere", NULL };
	assert_int_equal(run_exec(c, &e, &r, &err), 0); /* an answer, too */
	assert_int_equal(r.status, 127);
	buf_free(&r.out);
	buf_free(&r.err);
	/* What it leaves in the background does not hold it. */
	e.argv = (const char *const[]){ "/bin/sh", "-c", "busybox sleep 1000 & echo left", NULL };
	assert_int_equal(run_exec(c, &e, &r, &err), 0);
	assert_string_equal(buf_str(&r.out).p, "left\n");
	buf_free(&r.out);
	buf_free(&r.err);
	assert_int_equal(run_signal(c, "SIGTERM", &err), 0);
	assert_int_equal(wait_end(c)->status, 3);
	assert_int_equal(run_exec(c, &e, &r, &err), -1);
	run_remove(c);
	closed(b);
}

static int gather(void *ctx, char kind, struct str path, u64 size)
{
	buf_printf(ctx, "%c %.*s %llu\n", kind, STR_FMT(path), (unsigned long long)size);
	return 0;
}

static void test_once_more_on_what_it_wrote(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct error err = { 0 };
	struct buf list = BUF(0);
	struct run_container *c = start(b, "[ -e /mark ] && { busybox cat /mark; exit 4; }; echo 12345 > /mark; busybox rm /bin/sh");
	assert_int_equal(wait_end(c)->status, 0);
	assert_int_equal(run_written(c, gather, &list, &err), 0);
	assert_non_null(strstr(buf_str(&list).p, "c /mark 6\n"));
	assert_non_null(strstr(list.p, "d /bin/sh 0\n"));
	assert_null(strstr(list.p, "/proc"));
	assert_int_equal(run_again(c, &err), 0); /* its shell is gone */
	assert_int_equal(wait_end(c)->status, 127);
	run_remove(c);
	c = start(b, "[ -e /mark ] && { busybox cat /mark; exit 4; }; echo 12345 > /mark");
	assert_int_equal(wait_end(c)->status, 0);
	assert_int_equal(run_again(c, &err), 0);
	const struct run_result *r = wait_end(c);
	assert_int_equal(r->status, 4);
	assert_string_equal(buf_str(&r->out).p, "12345\n");
	buf_free(&list);
	run_remove(c);
	closed(b);
}

static void test_ports_and_sockets(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct error err = { 0 };
	u16 ports[8];
	assert_int_equal(run_ports(b, ports, 8), 0);
	struct run_container *c = start(b, "busybox nc -l -p 4711 -e busybox echo answer & exec busybox nc -l -p 80 -e busybox echo other");
	u32 n = 0;
	while (n < 2)
		n = run_ports(b, ports, 8);
	assert_int_equal(ports[0], 80);
	assert_int_equal(ports[1], 4711);
	int s = run_socket(b, AF_INET, SOCK_STREAM, &err);
	assert_true(s >= 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(4711), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(connect(s, (struct sockaddr *)&a, sizeof a), 0);
	char text[16] = "";
	assert_int_equal(recv(s, text, sizeof text, MSG_WAITALL), 7);
	assert_memory_equal(text, "answer\n", 7);
	close(s);
	run_remove(c);
	assert_int_equal(run_ports(b, ports, 8), 0);
	closed(b);
}

static void test_ports_on_the_machines_network(void **state)
{
	(void)state;
	struct run_box_options o = { .network = RUN_HOST };
	struct run_box *b = open_box(&o);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	u16 ports[8];
	char script[100];
	int ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), free_one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(ours, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(ours, 1), 0);
	assert_int_equal(bind(free_one, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(free_one, (struct sockaddr *)&a, &n), 0);
	close(free_one);
	snprintf(script, sizeof script, "exec busybox nc -l -p %d", ntohs(a.sin_port));
	struct run_container *c = start(b, script);
	u32 have;
	while ((have = run_ports(b, ports, 8)) == 0) {
	}
	assert_int_equal(have, 1); /* others listen here, too, and are none of it */
	assert_int_equal(ports[0], ntohs(a.sin_port));
	run_remove(c);
	close(ours);
	closed(b);
}

static void test_busy(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct run_container *idle = start(b, "while :; do busybox sleep 100; done"), *busy = start(b, "while :; do :; done");
	u64 used;
	do
		used = run_busy(busy);
	while (used < 200000);
	assert_true(run_busy(idle) < 100000);
	run_remove(busy);
	closed(b);
}

static void test_budgets(void **state)
{
	(void)state;
	struct run_box_options o = { .limits = { .seconds = 1, .written = 4 * MiB, .processes = 20, .output = 10 } };
	struct run_box *b = open_box(&o);
	struct run_container *c = start(b, "while :; do busybox sleep 100; done");
	assert_string_equal(wait_end(c)->over, "1 seconds");
	run_remove(c);
	c = start(b, "for i in 1 2 3 4 5 6 7 8 9; do busybox dd if=/dev/zero of=/f$i bs=1M count=1; done; busybox sleep 100");
	assert_string_equal(wait_end(c)->over, "4194304 bytes written");
	run_remove(c);
	c = start(b, "echo 0123456789abcdef");
	const struct run_result *r = wait_end(c);
	assert_string_equal(buf_str(&r->out).p, "0123456789");
	assert_int_equal(r->dropped, 7);
	run_remove(c);
	closed(b);
}

static void test_hidden(void **state)
{
	(void)state;
	const char *hide[] = { "/bin/sh" };
	struct run_box_options o = { .hide = hide, .n_hide = 1 };
	struct run_box *b = open_box(&o);
	struct run_container *c = start(b, "echo not here");
	assert_int_equal(wait_end(c)->status, 127);
	run_remove(c);
	closed(b);
}

/* Somebody who says no to every call that is brought before them. */
static void *refuse(void *arg)
{
	int *listener = arg, s = accept4(*listener, NULL, NULL, SOCK_CLOEXEC), fd = -1;
	char text[4096];
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec io = { text, sizeof text };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
	if (recvmsg(s, &m, MSG_CMSG_CLOEXEC) <= 0 || !CMSG_FIRSTHDR(&m))
		return NULL;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	for (;;) {
		struct seccomp_notif n = { 0 };
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n) < 0)
			break;
		struct seccomp_notif_resp r = { .id = n.id, .error = -EXDEV };
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0)
			break;
	}
	close(fd);
	close(s);
	return arg;
}

static void test_calls_brought_before_somebody(void **state)
{
	(void)state;
	struct run_box *b = open_box(NULL);
	struct error err = { 0 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "%s/listener", place);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listener, 4), 0);
	pthread_t t;
	assert_int_equal(pthread_create(&t, NULL, refuse, &listener), 0);
	const char *argv[] = { "/bin/sh", "-c", "busybox mkdir /made || exit 6", NULL };
	struct run_spec s = { .argv = argv, .listener_path = a.sun_path, .listener = listener };
	s.seccomp = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\",\"mkdirat\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}";
	struct run_container *c = NULL;
	int r = run_start(b, &s, &c, &err);
	if (r < 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	const struct run_result *res = wait_end(c);
	assert_int_equal(res->status, 6);
	assert_non_null(strstr(buf_str(&res->err).p, "Invalid cross-device link"));
	run_remove(c);
	pthread_cancel(t);
	pthread_join(t, NULL);
	close(listener);
	unlink(a.sun_path);
	closed(b);
}

static void *one_box(void *arg)
{
	struct error err = { 0 };
	struct run_box *b = NULL;
	struct run_box_options o = { .store = store };
	const char *argv[] = { "/bin/sh", "-c", "echo $$; exit 9", NULL };
	struct run_spec s = { .argv = argv };
	struct run_container *c = NULL;
	const struct run_result *r = NULL;
	bool *good = arg;
	*good = run_box_open(&tree, &ids, &o, &b, &err) == 0;
	for (int i = 0; i < 3 && *good; i++) {
		*good = run_start(b, &s, &c, &err) == 0 && run_wait(c, -1, &r, &err) == 0 && r->status == 9 && str_is(buf_str(&r->out), "1\n");
		run_remove(c);
	}
	run_box_close(b);
	return NULL;
}

static void test_many_at_once(void **state)
{
	(void)state;
	pthread_t t[6];
	bool good[6];
	if (!can)
		skip();
	for (int i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&t[i], NULL, one_box, &good[i]), 0);
	for (int i = 0; i < 6; i++) {
		pthread_join(t[i], NULL);
		assert_true(good[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result),
		cmocka_unit_test(test_output_comes_while_it_runs),
		cmocka_unit_test(test_more_processes_in_it),
		cmocka_unit_test(test_once_more_on_what_it_wrote),
		cmocka_unit_test(test_ports_and_sockets),
		cmocka_unit_test(test_ports_on_the_machines_network),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_calls_brought_before_somebody),
		cmocka_unit_test(test_many_at_once),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
