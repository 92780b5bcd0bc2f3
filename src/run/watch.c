#include "run/watch.h"
#include "base/json.h"
#include "run/calls.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>

#define ONE(name, kind, dir, path, flags) { name, kind, dir, path, flags, 0, { 0, -1, -1 } }
#define TWO(name, kind, dir, path, kind2, dir2, path2) { name, kind, dir, path, -1, 0, { kind2, dir2, path2 } }
#define STAT(name, flags) { name, WATCH_LOOK, 0, 1, flags, 1, { 0, -1, -1 } }

const struct watch_call watch_calls[] = {
	ONE("open", WATCH_OPEN, -1, 0, 1), ONE("openat", WATCH_OPEN, 0, 1, 2), ONE("openat2", WATCH_OPENAT2, 0, 1, 2), ONE("creat", WATCH_OPEN, -1, 0, -1),
	ONE("stat", WATCH_LOOK, -1, 0, -1), ONE("stat64", WATCH_LOOK, -1, 0, -1), ONE("lstat", WATCH_LLOOK, -1, 0, -1), ONE("lstat64", WATCH_LLOOK, -1, 0, -1),
	ONE("oldstat", WATCH_LOOK, -1, 0, -1), ONE("oldlstat", WATCH_LLOOK, -1, 0, -1), STAT("newfstatat", 3), STAT("fstatat64", 3), STAT("statx", 2),
	ONE("access", WATCH_LOOK, -1, 0, -1), ONE("faccessat", WATCH_LOOK, 0, 1, -1), ONE("faccessat2", WATCH_LOOK, 0, 1, 3),
	ONE("readlink", WATCH_LLOOK, -1, 0, -1), ONE("readlinkat", WATCH_LLOOK, 0, 1, -1), ONE("execve", WATCH_EXEC, -1, 0, -1), ONE("execveat", WATCH_EXEC, 0, 1, 4),
	ONE("chdir", WATCH_LOOK, -1, 0, -1), ONE("chroot", WATCH_LOOK, -1, 0, -1), ONE("statfs", WATCH_LOOK, -1, 0, -1), ONE("statfs64", WATCH_LOOK, -1, 0, -1),
	ONE("getxattr", WATCH_LOOK, -1, 0, -1), ONE("lgetxattr", WATCH_LLOOK, -1, 0, -1), ONE("listxattr", WATCH_LOOK, -1, 0, -1), ONE("llistxattr", WATCH_LLOOK, -1, 0, -1),
	ONE("inotify_add_watch", WATCH_LOOK, -1, 1, -1), ONE("fanotify_mark", WATCH_LOOK, 3, 4, -1), ONE("name_to_handle_at", WATCH_LOOK, 0, 1, -1), ONE("open_tree", WATCH_LOOK, 0, 1, 2),
	ONE("quotactl", WATCH_LOOK, -1, 1, -1), ONE("acct", WATCH_CHANGE, -1, 0, -1), ONE("swapon", WATCH_LOOK, -1, 0, -1),
	ONE("truncate", WATCH_CHANGE, -1, 0, -1), ONE("truncate64", WATCH_CHANGE, -1, 0, -1), ONE("chmod", WATCH_CHANGE, -1, 0, -1), ONE("fchmodat", WATCH_CHANGE, 0, 1, -1),
	ONE("fchmodat2", WATCH_CHANGE, 0, 1, 3), ONE("chown", WATCH_CHANGE, -1, 0, -1), ONE("chown32", WATCH_CHANGE, -1, 0, -1), ONE("lchown", WATCH_LCHANGE, -1, 0, -1),
	ONE("lchown32", WATCH_LCHANGE, -1, 0, -1), ONE("fchownat", WATCH_CHANGE, 0, 1, 4), ONE("utime", WATCH_CHANGE, -1, 0, -1), ONE("utimes", WATCH_CHANGE, -1, 0, -1),
	ONE("futimesat", WATCH_CHANGE, 0, 1, -1), ONE("utimensat", WATCH_CHANGE, 0, 1, 3), ONE("utimensat_time64", WATCH_CHANGE, 0, 1, 3),
	ONE("setxattr", WATCH_CHANGE, -1, 0, -1), ONE("lsetxattr", WATCH_LCHANGE, -1, 0, -1), ONE("removexattr", WATCH_CHANGE, -1, 0, -1), ONE("lremovexattr", WATCH_LCHANGE, -1, 0, -1),
	ONE("mkdir", WATCH_MAKE, -1, 0, -1), ONE("mkdirat", WATCH_MAKE, 0, 1, -1), ONE("mknod", WATCH_MAKE, -1, 0, -1), ONE("mknodat", WATCH_MAKE, 0, 1, -1),
	ONE("symlink", WATCH_MAKE, -1, 1, -1), ONE("symlinkat", WATCH_MAKE, 1, 2, -1), ONE("bind", WATCH_BIND, -1, 1, 2),
	ONE("unlink", WATCH_DELETE, -1, 0, -1), ONE("unlinkat", WATCH_DELETE, 0, 1, -1), ONE("rmdir", WATCH_DELETE, -1, 0, -1),
	TWO("rename", WATCH_DELETE, -1, 0, WATCH_MAKE, -1, 1), TWO("renameat", WATCH_DELETE, 0, 1, WATCH_MAKE, 2, 3), TWO("renameat2", WATCH_DELETE, 0, 1, WATCH_MAKE, 2, 3),
	TWO("link", WATCH_LLOOK, -1, 0, WATCH_MAKE, -1, 1), TWO("linkat", WATCH_LLOOK, 0, 1, WATCH_MAKE, 2, 3),
	TWO("mount", WATCH_LOOK, -1, 0, WATCH_LOOK, -1, 1), TWO("pivot_root", WATCH_LOOK, -1, 0, WATCH_LOOK, -1, 1), TWO("move_mount", WATCH_LOOK, 0, 1, WATCH_LOOK, 2, 3),
	ONE("umount2", WATCH_LOOK, -1, 0, -1), ONE("umount", WATCH_LOOK, -1, 0, -1),
};
const u32 watch_calls_n = countof(watch_calls);
_Static_assert(countof(watch_calls) < 255, "indices are bytes");

/* connect(2) is not among them: what it leads to was made by a bind(2). What io_uring does no filter sees: programs that find it missing do without. */
static const char *const absent[] = { "io_uring_setup", "io_uring_enter", "io_uring_register", NULL };

/* What a runtime's own start may call between putting the filter in place and handing its listener over: stopped, it would wait for itself. */
static const char *const early[] = { "write", "read", "futex", "epoll_wait", "epoll_pwait", "epoll_ctl", "epoll_create1", "mmap", "munmap", "madvise", "mprotect", "brk", "rt_sigreturn",
	"rt_sigprocmask", "rt_sigaction", "sigaltstack", "sched_yield", "nanosleep", "clock_nanosleep", "close", "fcntl", "getpid", "gettid", "tgkill", "clone", "clone3", "exit", "exit_group",
	"clock_gettime", "gettimeofday", "sendmsg", "recvmsg", "restart_syscall", "pselect6", "timer_settime", "timer_create", "timer_delete", "setitimer", "set_robust_list", "rseq", NULL };

#if defined(__x86_64__)
#define ARCHS { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 }
#elif defined(__aarch64__)
#define ARCHS { AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM }
#else
#define ARCHS { 0, 0 }
#endif

void watch_table_make(struct watch_table *t)
{
	static const u32 archs[WATCH_ARCHS] = ARCHS;
	memset(t, 0, sizeof *t);
	for (u32 a = 0; a < WATCH_ARCHS; a++) {
		t->arch[a] = archs[a];
		for (u32 i = 0; i < watch_calls_n; i++) {
			int n = a ? call_number_32(str_of(watch_calls[i].name)) : call_number(str_of(watch_calls[i].name));
			if (n >= 0 && n < (int)OBSERVED_CALLS)
				t->index[a][n] = (u8)(i + 1);
		}
	}
}

static void rule(json_t *rules, const char *name, const char *action, json_t *arg)
{
	json_t *r = json_pack("{s[s]ss}", "names", name, "action", action);
	if (strcmp(action, "SCMP_ACT_ERRNO") == 0)
		json_object_set_new(r, "errnoRet", json_integer(ENOSYS));
	if (arg)
		json_object_set_new(r, "args", json_pack("[o]", arg));
	json_array_append_new(rules, r);
}

/* The bits of `mask` in an argument are `value`. */
static json_t *bits(int arg, int mask, int value)
{
	return json_pack("{sisisiss}", "index", arg, "value", mask, "valueTwo", value, "op", "SCMP_CMP_MASKED_EQ");
}

static void named(json_t *rules, const struct watch_call *w, bool opened, bool descriptors)
{
	if (w->pointless && !descriptors) {
		rule(rules, w->name, "SCMP_ACT_NOTIFY", bits(w->flags, AT_EMPTY_PATH, 0));
	} else if (w->kind == WATCH_OPEN && w->flags >= 0 && opened) { /* any of these */
		rule(rules, w->name, "SCMP_ACT_NOTIFY", bits(w->flags, O_NONBLOCK, 0));
		rule(rules, w->name, "SCMP_ACT_NOTIFY", bits(w->flags, O_DIRECTORY, O_DIRECTORY));
		rule(rules, w->name, "SCMP_ACT_NOTIFY", bits(w->flags, O_CREAT, O_CREAT));
		rule(rules, w->name, "SCMP_ACT_NOTIFY", bits(w->flags, O_WRONLY, O_WRONLY));
		rule(rules, w->name, "SCMP_ACT_NOTIFY", bits(w->flags, O_RDWR, O_RDWR));
	} else {
		rule(rules, w->name, "SCMP_ACT_NOTIFY", NULL);
	}
}

char *watch_filter(bool all, bool opened, bool descriptors)
{
	json_t *rules = json_array(), *archs = json_array();
	char text[CALL_NAME];
	for (const char *const *a = absent; *a; a++)
		rule(rules, *a, "SCMP_ACT_ERRNO", NULL);
	if (all) {
		for (u32 n = 0; n < OBSERVED_CALLS; n++)
			if (call_name(n, text) && !str_listed(str_of(text), early) && !str_listed(str_of(text), absent))
				rule(rules, text, "SCMP_ACT_NOTIFY", NULL);
	} else {
		for (u32 i = 0; i < watch_calls_n; i++)
			if (call_number(str_of(watch_calls[i].name)) >= 0 || call_number_32(str_of(watch_calls[i].name)) >= 0)
				named(rules, &watch_calls[i], opened, descriptors);
	}
#if defined(__x86_64__)
	json_array_append_new(archs, json_string("SCMP_ARCH_X86_64"));
	json_array_append_new(archs, json_string("SCMP_ARCH_X86"));
#elif defined(__aarch64__)
	json_array_append_new(archs, json_string("SCMP_ARCH_AARCH64"));
	json_array_append_new(archs, json_string("SCMP_ARCH_ARM"));
#endif
	json_t *j = json_pack("{ssso}", "defaultAction", "SCMP_ACT_ALLOW", "syscalls", rules);
	if (json_array_size(archs))
		json_object_set(j, "architectures", archs);
	json_decref(archs);
	char *ret = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return ret;
}
