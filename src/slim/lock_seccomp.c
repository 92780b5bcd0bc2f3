/* A profile of system calls. */
#include "base/buf.h"
#include "base/json.h"
#include "run/calls.h"
#include "slim/lock.h"

#if defined(__aarch64__)
#define ARCHITECTURES "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"
#else
#define ARCHITECTURES "SCMP_ARCH_X86_64", "SCMP_ARCH_X86"
#endif

/* What any program may do to itself and to files that it may open. */
static const char ordinary[] =
	"accept accept4 access adjtimex alarm arch_prctl arm_fadvise64_64 bind brk cachestat capget chdir clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
	"clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync "
	"fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake "
	"futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp "
	"getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr "
	"inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl ioprio_get kill lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lstat lstat64 madvise map_shadow_stack "
	"membarrier memfd_create memfd_secret mincore mkdir mkdirat mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap nanosleep newfstatat _newselect open openat "
	"openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 "
	"pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2 "
	"restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max "
	"sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_yield select send sendfile "
	"sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setitimer setpgid setrlimit setsid setsockopt shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn "
	"socket socketcall socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun "
	"timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask "
	"uname unlink unlinkat utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev chmod chown chown32 lchown lchown32 setxattr lsetxattr arm_sync_file_range "
	"breakpoint cacheflush set_tls sync_file_range2 lsm_get_self_attr listmount statmount execve execveat capset setgid setgid32 setgroups setgroups32 setuid setuid32 getpmsg _llseek";

static const struct {
	enum lock_group group;
	bool start; /* done before a program is ready, and then no more, unless it was seen */
	const char *calls;
} more[] = {
	{ GROUP_CHROOT, true, "chroot" },
	{ GROUP_IDS, true, "setegid setegid32 seteuid seteuid32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setfsuid setfsuid32 setfsgid setfsgid32" },
	{ GROUP_NODE, false, "mknod mknodat" },
	{ GROUP_IPC, false, "ipc shmat shmctl shmdt shmget semctl semget semop semtimedop semtimedop_time64 msgctl msgget msgrcv msgsnd" },
	{ GROUP_MQUEUE, false, "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink" },
	{ GROUP_AIO, false, "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit" },
	{ GROUP_NUMA, false, "mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages" },
	{ GROUP_PRIORITY, false, "setpriority nice sched_setscheduler sched_setparam sched_setattr ioprio_set" },
	{ GROUP_HANDLE, false, "name_to_handle_at" },
};

/* What only a start needs: the first program's own execve(2) comes under the profile, so that it is always there; after it only where something can start programs. */
static const char only_started[] = "execve execveat vfork setgid setgid32 setgroups setgroups32 setuid setuid32 capset";
/* Given only when a run made it and still refused by engines' own profiles: not even then. */
static const char never[] = "init_module finit_module delete_module kexec_load kexec_file_load bpf reboot swapon swapoff settimeofday clock_settime clock_settime64 stime mount umount umount2 pivot_root "
			    "move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr ptrace process_vm_readv process_vm_writev add_key request_key keyctl acct quotactl quotactl_fd syslog "
			    "perf_event_open userfaultfd open_by_handle_at setns unshare kcmp lookup_dcookie nfsservctl vm86 vm86old iopl ioperm fanotify_init fanotify_mark vhangup sethostname setdomainname "
			    "io_uring_setup io_uring_enter io_uring_register clone3 clone personality";

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

static void add_words(json_t *names, const char *words, const char *but)
{
	for (struct str rest = str_of(words); rest.p;) {
		struct str word = str_cut(&rest, ' ');
		if (word.n && !(but && str_among(word, but)))
			json_array_append_new(names, json_stringn(word.p, word.n));
	}
}

static json_t *allowed(const struct lock_tree *t, const struct observed *seen, bool steady)
{
	json_t *names = json_array();
	bool starts = t->imports[GROUP_EXEC] || t->imports[GROUP_SELF] || was_seen(seen, "execve", true);
	add_words(names, ordinary, steady && !starts && watched(seen) ? only_started : NULL);
	for (size_t i = 0; i < countof(more); i++) {
		bool can = t->imports[more[i].group] || t->imports[GROUP_SELF];
		if (steady && more[i].start && watched(seen) && !starts)
			can = false;
		for (struct str rest = str_of(more[i].calls); rest.p;) {
			char name[CALL_NAME];
			struct str word = str_cut(&rest, ' ');
			snprintf(name, sizeof name, "%.*s", STR_FMT(word));
			if (can || was_seen(seen, name, steady))
				json_array_append_new(names, json_string(name));
		}
	}
	for (u32 n = 0; seen && n < OBSERVED_CALLS; n++) { /* what a run made beyond all of these */
		char name[CALL_NAME];
		bool made = seen->calls_steady[n / 64] >> n % 64 & 1 || (!steady && seen->calls_start[n / 64] >> n % 64 & 1);
		if (made && call_name(n, name) && !str_among(str_of(name), ordinary) && !str_among(str_of(name), never))
			json_array_append_new(names, json_string(name));
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

const char *lock_seccomp(struct arena *a, const struct lock_tree *t, const struct observed *seen, bool steady, u32 *n)
{
	static const json_int_t personas[] = { 0, 8, 0x20000, 0x20008, 0x40000, 0xffffffff }; /* PER_LINUX, PER_LINUX32, with UNAME26, ADDR_NO_RANDOMIZE; asking */
	json_t *names = sorted(allowed(t, seen, steady)), *rules = json_array();
	*n = (u32)json_array_size(names);
	json_array_append_new(rules, json_pack("{soss}", "names", names, "action", "SCMP_ACT_ALLOW"));
	/* Threads and processes, but no namespaces; clone3 hides its flags behind a pointer, and libraries do without it. */
	json_array_append_new(rules, json_pack("{s[s]sss[{sisIsiss}]}", "names", "clone", "action", "SCMP_ACT_ALLOW", "args", "index", 0, "value", (json_int_t)0x7e020000, "valueTwo", 0, "op", "SCMP_CMP_MASKED_EQ"));
	json_array_append_new(rules, json_pack("{s[s]sssi}", "names", "clone3", "action", "SCMP_ACT_ERRNO", "errnoRet", 38));
	for (size_t i = 0; i < countof(personas); i++)
		json_array_append_new(rules, json_pack("{s[s]sss[{sisIss}]}", "names", "personality", "action", "SCMP_ACT_ALLOW", "args", "index", 0, "value", personas[i], "op", "SCMP_CMP_EQ"));
	json_t *doc = json_pack("{sssis[ss]so}", "defaultAction", "SCMP_ACT_ERRNO", "defaultErrnoRet", 1, "architectures", ARCHITECTURES, "syscalls", rules);
	char *text = json_dumps(doc, JSON_INDENT(1));
	const char *ret = arena_strdup(a, str_of(text ? text : "{}"));
	free(text);
	json_decref(doc);
	return ret;
}
