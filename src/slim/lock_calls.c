/* Which functions of the C library make which system calls. What is not here every program may do (lock_seccomp.c). */
#include "base/buf.h"
#include "slim/lock.h"

/* Functions: all that make the call in glibc or musl, whatever else they do; names without "64" and leading underscores. A call without functions is made by its number only. */
const struct lock_row lock_rows[GROUPS] = {
	[GROUP_EXEC] = { "execve execv execvp execvpe execvP execl execlp execle execveat fexecve posix_spawn posix_spawnp pidfd_spawn pidfd_spawnp system popen wordexp", "execve execveat" },
	[GROUP_FORK] = { "fork vfork _Fork forkpty daemon posix_spawn posix_spawnp pidfd_spawn pidfd_spawnp system popen wordexp grantpt", "fork vfork" },
	[GROUP_LISTEN] = { "listen accept accept4", "listen accept accept4" },
	[GROUP_PAIR] = { "socketpair", "socketpair" },
	[GROUP_RECEIVE] = { "recvmmsg", "recvmmsg" },
	[GROUP_SENDFILE] = { "sendfile", "sendfile" },
	[GROUP_SPLICE] = { "splice tee vmsplice", "splice tee vmsplice" },
	[GROUP_COPY] = { "copy_file_range", "copy_file_range" },
	[GROUP_INOTIFY] = { "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch", "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch" },
	[GROUP_EPOLL] = { "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2", "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2" },
	[GROUP_EVENTFD] = { "eventfd", "eventfd eventfd2" },
	[GROUP_SIGNALFD] = { "signalfd", "signalfd signalfd4" },
	[GROUP_TIMERFD] = { "timerfd_create timerfd_settime timerfd_gettime", "timerfd_create timerfd_settime timerfd_gettime" },
	[GROUP_TIMER] = { "timer_create timer_settime timer_gettime timer_getoverrun timer_delete", "timer_create timer_settime timer_gettime timer_getoverrun timer_delete" },
	[GROUP_ALARM] = { "alarm ualarm setitimer getitimer login logout logwtmp updwtmp updwtmpx getutent getutxent getutid getutxid getutline getutxline pututline pututxline utmpname utmpxname "
			  "getlogin getlogin_r",
			  "alarm setitimer getitimer" },
	[GROUP_XATTR] = { "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr", "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr" },
	[GROUP_SETXATTR] = { "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr", "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr" },
	[GROUP_OWNER] = { "chown fchown lchown fchownat login_tty openpty forkpty grantpt", "chown fchown lchown fchownat" },
	[GROUP_MODE] = { "chmod fchmod fchmodat lchmod grantpt openpty forkpty", "chmod fchmod fchmodat fchmodat2" },
	[GROUP_TIMES] = { "utime utimes lutimes futimes futimesat utimensat futimens", "utime utimes futimesat utimensat" },
	[GROUP_LINK] = { "link linkat sem_open", "link linkat" },
	[GROUP_SYMLINK] = { "symlink symlinkat", "symlink symlinkat" },
	[GROUP_NODE] = { "mknod mknodat xmknod xmknodat mkfifo mkfifoat", "mknod mknodat" },
	[GROUP_TRUNCATE] = { "truncate", "truncate" },
	[GROUP_FALLOCATE] = { "fallocate posix_fallocate", "fallocate" },
	[GROUP_ADVISE] = { "posix_fadvise readahead", "fadvise64 readahead" },
	[GROUP_SYNC] = { "sync syncfs sync_file_range", "sync syncfs sync_file_range sync_file_range2" },
	[GROUP_LOCK] = { "mlock mlock2 mlockall munlock munlockall", "mlock mlock2 mlockall munlock munlockall" },
	[GROUP_MINCORE] = { "mincore", "mincore" },
	[GROUP_REMAP] = { "remap_file_pages", "remap_file_pages" },
	[GROUP_PKEY] = { "pkey_alloc pkey_free pkey_mprotect", "pkey_alloc pkey_free pkey_mprotect" },
	[GROUP_MEMFD] = { "memfd_create", "memfd_create" },
	[GROUP_PIDFD] = { "pidfd_open pidfd_send_signal pidfd_spawn pidfd_spawnp", "pidfd_open pidfd_send_signal" },
	[GROUP_IDS] = { "setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups initgroups setfsuid setfsgid posix_spawnattr_setflags",
			"setuid setgid setgroups setreuid setregid setresuid setresgid setfsuid setfsgid" },
	[GROUP_CHROOT] = { "chroot", "chroot" },
	[GROUP_CAPABILITY] = { "capset cap_set_proc cap_set_flag cap_drop_bound capng_apply", "capset" },
	[GROUP_CAPGET] = { "capget cap_get_proc cap_get_pid capng_get_caps_process", "capget" },
	[GROUP_PRIORITY] = { "setpriority nice sched_setscheduler sched_setparam pthread_setschedparam pthread_setschedprio pthread_attr_setschedparam pthread_attr_setschedpolicy "
			     "pthread_attr_setinheritsched posix_spawnattr_setschedpolicy posix_spawnattr_setschedparam posix_spawnattr_setflags",
			     "setpriority sched_setscheduler sched_setparam" },
	[GROUP_SCHEDULE] = { "sched_setattr sched_getattr", "sched_setattr sched_getattr ioprio_get ioprio_set" },
	[GROUP_AFFINITY] = { "sched_setaffinity pthread_setaffinity_np pthread_attr_setaffinity_np", "sched_setaffinity" },
	[GROUP_IPC] = { "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl", "shmat shmctl shmdt shmget semctl semget semop semtimedop msgctl msgget msgrcv msgsnd" },
	[GROUP_MQUEUE] = { "mq_open mq_send mq_receive mq_timedsend mq_timedreceive mq_notify mq_getattr mq_setattr mq_unlink",
			   "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink" },
	[GROUP_AIO] = { "io_setup io_submit io_getevents io_destroy io_cancel io_pgetevents io_queue_init", "io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit" },
	[GROUP_NUMA] = { "mbind set_mempolicy get_mempolicy migrate_pages move_pages numa_available", "mbind set_mempolicy get_mempolicy set_mempolicy_home_node migrate_pages move_pages" },
	[GROUP_HANDLE] = { "name_to_handle_at open_by_handle_at", "name_to_handle_at" },
	[GROUP_CLOCK] = { "adjtimex ntp_adjtime ntp_gettime ntp_gettimex clock_adjtime", "adjtimex clock_adjtime" },
	[GROUP_PERSONALITY] = { "personality", "personality" },
	[GROUP_RARE] = { "", "cachestat memfd_secret process_mrelease lsm_get_self_attr lsm_list_modules listmount statmount" },
	/* What only capabilities ask. */
	[GROUP_KILL] = { "kill killpg sigqueue pthread_kill tgkill pidfd_send_signal", "kill tkill tgkill" },
	[GROUP_BIND] = { "bind", "bind" },
	[GROUP_AUDIT] = { "audit_open audit_log_user_message audit_log_acct_message pam_open_session", "" },
	/* What leaves it to scripts which function or which number is called. */
	[GROUP_DLSYM] = { "dlsym dlvsym g_module_symbol", "" },
	[GROUP_FFI] = { "ffi_call luaopen_ffi _ctypes", "" },
	[GROUP_SYSCALL] = { "Perl_pp_syscall ruby_init", "" },
	[GROUP_UNSEEN] = { "JNI_CreateJavaVM", "" },
};

struct word {
	struct str text;
	u8 group;
};

struct lock_words {
	struct word *v;
	u32 n, cap;
};

static int by_text(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int c = str_cmp(x->text, y->text);
	return c ? c : (int)x->group - (int)y->group;
}

struct lock_words *lock_words_make(void)
{
	struct lock_words *w = xcalloc(1, sizeof *w);
	for (u32 g = 0; g < GROUPS; g++)
		for (struct str rest = str_of(lock_rows[g].functions); rest.n;) {
			struct word one = { str_cut(&rest, ' '), (u8)g };
			VEC_PUSH(w->v, w->n, w->cap, one);
		}
	qsort(w->v, w->n, sizeof *w->v, by_text);
	return w;
}

void lock_words_free(struct lock_words *w)
{
	free(w->v);
	free(w);
}

static bool look_up(const struct lock_words *w, struct str name, bool groups[GROUPS])
{
	u32 from = 0, to = w->n;
	while (from < to) {
		u32 mid = (from + to) / 2;
		if (str_cmp(w->v[mid].text, name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	u32 first = from;
	for (; from < w->n && str_eq(w->v[from].text, name); from++)
		groups[w->v[from].group] = true;
	return from > first;
}

void lock_function(const struct lock_words *w, struct str name, bool groups[GROUPS])
{
	if (name.n < 3 || name.n > 40 || look_up(w, name, groups))
		return;
	struct str s = name;
	if (str_starts(s, STR("__libc_")))
		s = str_from(s, 7);
	while (s.n && s.p[0] == '_')
		s = str_from(s, 1);
	if (str_ends(s, STR("64")))
		s.n -= 2;
	if (s.n >= 3 && s.n < name.n)
		look_up(w, s, groups);
}
