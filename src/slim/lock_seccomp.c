/* A profile of system calls. */
#include "base/buf.h"
#include "base/json.h"
#include "run/calls.h"
#include "slim/lock.h"

#if defined(__aarch64__)
#define ARCHITECTURE "SCMP_ARCH_AARCH64"
#define NARROW "SCMP_ARCH_ARM"
#else
#define ARCHITECTURE "SCMP_ARCH_X86_64"
#define NARROW "SCMP_ARCH_X86"
#endif
enum { UNIX = 1, INET = 2, INET6 = 10, NETLINK = 16, PACKET = 17 }; /* families of sockets; the same everywhere */

/* What the C library itself calls for nearly any program, and what harms nobody but the caller. */
static const char always[] =
	"access arch_prctl bind brk chdir clock_getres clock_gettime clock_nanosleep close close_range connect creat dup dup2 dup3 exit exit_group faccessat faccessat2 fchdir fcntl fdatasync fstat fstatfs "
	"fsync ftruncate flock futex futex_requeue futex_wait futex_waitv futex_wake get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getpeername getpgid getpgrp getpid "
	"getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid ioctl kill landlock_add_rule landlock_create_ruleset "
	"landlock_restrict_self lseek lstat madvise map_shadow_stack membarrier mkdir mkdirat mmap mprotect mremap mseal msync munmap nanosleep newfstatat open openat openat2 pause pipe pipe2 poll ppoll "
	"prctl pread64 preadv preadv2 prlimit64 pselect6 pwrite64 pwritev pwritev2 read readlink readlinkat readv recvfrom recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction "
	"rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getparam "
	"sched_getscheduler sched_rr_get_interval sched_yield seccomp select sendmmsg sendmsg sendto set_robust_list set_tid_address setpgid setrlimit setsid setsockopt shutdown sigaltstack stat "
	"statfs statx sysinfo tgkill time times tkill umask uname unlink unlinkat uretprobe wait4 waitid write writev";

/* What a runtime does under the profile between putting it in place and becoming the program. */
static const char launch[] = "capget capset epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd2 execve execveat fchown mincore sched_setaffinity setgid setgroups setitimer setresgid setresuid setuid "
			     "timer_create timer_delete timer_settime";

/* As programs of 32 bits call it. */
static const char narrow[] =
	"_llseek _newselect arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush chown32 clock_adjtime64 clock_getres_time64 clock_gettime64 clock_nanosleep_time64 fadvise64_64 fchown32 fcntl64 "
	"fstat64 fstatat64 fstatfs64 ftruncate64 futex_time64 get_thread_area getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 io_pgetevents_time64 ipc lchown32 lstat64 "
	"mmap2 mq_timedreceive_time64 mq_timedsend_time64 nice ppoll_time64 pselect6_time64 recv recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64 semtimedop_time64 send sendfile64 "
	"set_thread_area set_tls setfsgid32 setfsuid32 setgid32 setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 signal sigprocmask sigreturn sigsuspend socketcall stat64 statfs64 "
	"timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64 truncate64 ugetrlimit utimensat_time64 waitpid";

/* Refused whoever asks: engines' own profiles do. */
static const char never[] = "init_module finit_module delete_module kexec_load kexec_file_load bpf reboot swapon swapoff settimeofday clock_settime clock_settime64 stime mount umount umount2 pivot_root "
			    "move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr add_key request_key keyctl acct quotactl quotactl_fd syslog "
			    "perf_event_open userfaultfd open_by_handle_at setns unshare lookup_dcookie nfsservctl vm86 vm86old iopl ioperm fanotify_init fanotify_mark vhangup sethostname setdomainname "
			    "io_uring_setup io_uring_enter io_uring_register clone3 clone personality socket";

static bool was_seen(const struct observed *o, const char *name, bool steady)
{
	int n = o ? call_number(str_of(name)) : -1;
	if (n < 0 || n >= (int)OBSERVED_CALLS)
		return false;
	return o->calls_steady[n / 64] >> n % 64 & 1 || (!steady && o->calls_start[n / 64] >> n % 64 & 1);
}

static bool watched(const struct observed *o)
{
	for (u32 i = 0; o && i < OBSERVED_CALLS / 64; i++)
		if (o->calls_start[i] || o->calls_steady[i])
			return true;
	return false;
}

/* Those that this machine has, or may have for programs of 32 bits. */
static void add_word(json_t *names, struct str word, bool any_bits)
{
	if ((call_number(word) >= 0 || any_bits) && !str_among(word, never))
		json_array_append_new(names, json_stringn(word.p, word.n));
}

static void add_words(json_t *names, const char *words, bool any_bits)
{
	for (struct str rest = str_of(words); rest.n;)
		add_word(names, str_cut(&rest, ' '), any_bits);
}

/* What only a start does, when neither a program nor a process can begin later: becoming somebody else, somewhere else. */
static bool is_over(const struct lock_tree *t, const struct observed *seen, enum lock_group g)
{
	if ((g != GROUP_IDS && g != GROUP_CHROOT && g != GROUP_CAPABILITY) || !watched(seen) || lock_can(t, GROUP_EXEC) || lock_can(t, GROUP_FORK))
		return false;
	for (struct str rest = str_of(lock_rows[g].calls); rest.n;) {
		char name[CALL_NAME];
		struct str word = str_cut(&rest, ' ');
		snprintf(name, sizeof name, "%.*s", STR_FMT(word));
		if (was_seen(seen, name, true))
			return false;
	}
	return true;
}

static json_t *allowed(const struct lock_tree *t, const struct observed *seen, bool steady)
{
	json_t *names = json_array();
	add_words(names, always, false);
	add_words(names, t->narrow ? narrow : "", true);
	add_words(names, steady ? "" : launch, false);
	for (u32 g = 0; g < GROUPS; g++)
		for (struct str rest = str_of(steady && is_over(t, seen, g) ? "" : lock_rows[g].calls); rest.n;) {
			struct str word = str_cut(&rest, ' ');
			if (t->any || t->imports[g] || lock_calls(t, word))
				add_word(names, word, false);
		}
	for (u32 n = 0; seen && n < OBSERVED_CALLS; n++) {
		char name[CALL_NAME];
		bool made = seen->calls_steady[n / 64] >> n % 64 & 1 || (!steady && seen->calls_start[n / 64] >> n % 64 & 1);
		if (made && call_name(n, name))
			add_word(names, str_of(name), false);
	}
	return names;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

/* Sorted, each once. */
static json_t *sorted(json_t *names)
{
	size_t n = json_array_size(names);
	json_t **v = xcalloc(n + 1, sizeof *v), *ret = json_array();
	for (size_t i = 0; i < n; i++)
		v[i] = json_array_get(names, i);
	qsort(v, n, sizeof *v, by_text);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || by_text(&v[i - 1], &v[i]) != 0)
			json_array_append(ret, v[i]);
	free(v);
	json_decref(names);
	return ret;
}

/* One call, when argument `index` is `value` in the bits of `mask` (all: when it is that). */
static void only_when(json_t *rules, const char *name, int index, u64 mask, u64 value)
{
	json_t *arg = mask == ~0ULL ? json_pack("{sisIss}", "index", index, "value", (json_int_t)value, "op", "SCMP_CMP_EQ")
				    : json_pack("{sisIsIss}", "index", index, "value", (json_int_t)mask, "valueTwo", (json_int_t)value, "op", "SCMP_CMP_MASKED_EQ");
	json_array_append_new(rules, json_pack("{s[s]sss[o]}", "names", name, "action", "SCMP_ACT_ALLOW", "args", arg));
}

const char *lock_seccomp(struct arena *a, const struct lock_tree *t, const struct observed *seen, bool raw, bool steady, u32 *n)
{
	static const u64 personas[] = { 0, 8, 0x20000, 0x20008, 0x40000, 0xffffffff }; /* PER_LINUX, PER_LINUX32, with UNAME26, ADDR_NO_RANDOMIZE; asking */
	static const u64 families[] = { UNIX, INET, INET6, NETLINK, PACKET };
	json_t *names = sorted(allowed(t, seen, steady)), *rules = json_array();
	*n = (u32)json_array_size(names);
	json_array_append_new(rules, json_pack("{soss}", "names", names, "action", "SCMP_ACT_ALLOW"));
	/* Threads and processes, but no namespaces; clone3 hides its flags behind a pointer, and libraries do without it. */
	only_when(rules, "clone", 0, 0x7e020000, 0);
	json_array_append_new(rules, json_pack("{s[s]sssi}", "names", "clone3", "action", "SCMP_ACT_ERRNO", "errnoRet", 38));
	/* Those that reach beyond the container's own network or into parts of a kernel that nobody else uses are not among them. */
	for (size_t i = 0; i < countof(families) - !raw; i++)
		only_when(rules, "socket", 0, ~0ULL, families[i]);
	for (size_t i = 0; i < countof(personas) && (lock_can(t, GROUP_PERSONALITY) || was_seen(seen, "personality", steady)); i++)
		only_when(rules, "personality", 0, ~0ULL, personas[i]);
	json_t *archs = t->narrow ? json_pack("[ss]", ARCHITECTURE, NARROW) : json_pack("[s]", ARCHITECTURE);
	json_t *doc = json_pack("{sssisoso}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", 1, "architectures", archs, "syscalls", rules);
	char *text = json_dumps(doc, JSON_INDENT(1));
	const char *ret = arena_strdup(a, str_of(text ? text : "{}"));
	free(text);
	json_decref(doc);
	return ret;
}
