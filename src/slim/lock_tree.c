/* What the ELF files of a tree could ask of a kernel: the functions that they import. */
#include "base/buf.h"
#include "slim/lock.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *const functions[GROUPS] = {
	[GROUP_EXEC] = "execve execv execvp execvpe execl execlp execle execveat fexecve posix_spawn posix_spawnp system popen wordexp",
	[GROUP_CHROOT] = "chroot",
	[GROUP_OWNER] = "chown fchown lchown fchownat",
	[GROUP_MODE] = "chmod fchmod fchmodat lchmod utime utimes utimensat futimens futimesat futimes lutimes setxattr fsetxattr lsetxattr",
	[GROUP_IDS] = "setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups initgroups setfsuid setfsgid",
	[GROUP_KILL] = "kill killpg sigqueue pthread_kill tgkill pidfd_send_signal",
	[GROUP_BIND] = "bind",
	[GROUP_RAW] = "pcap_open_live if_nametoindex",
	[GROUP_NODE] = "mknod mknodat __xmknod __xmknodat",
	[GROUP_IPC] = "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv msgctl",
	[GROUP_MQUEUE] = "mq_open mq_send mq_receive mq_timedsend mq_timedreceive mq_notify mq_getattr mq_setattr",
	[GROUP_AIO] = "io_setup io_submit io_getevents io_queue_init io_uring_queue_init",
	[GROUP_NUMA] = "mbind set_mempolicy get_mempolicy migrate_pages move_pages numa_available",
	[GROUP_PRIORITY] = "setpriority nice sched_setscheduler sched_setparam pthread_setschedparam pthread_attr_setschedparam pthread_setschedprio",
	[GROUP_AUDIT] = "audit_open audit_log_user_message audit_log_acct_message pam_open_session",
	[GROUP_CAPABILITY] = "cap_set_proc capset cap_set_flag cap_drop_bound capng_apply prctl",
	[GROUP_HANDLE] = "name_to_handle_at open_by_handle_at",
	[GROUP_MODULE] = "setns unshare",
	[GROUP_SELF] = "syscall",
};

static struct str text_at(struct str file, u64 offset, u64 size, u64 at)
{
	if (offset > file.n || size > file.n - offset || at >= size)
		return STR("");
	struct str s = str_n(file.p + offset + at, size - at);
	return str_cut(&s, '\0');
}

static void import(struct lock_tree *t, struct str name)
{
	size_t n = name.n;
	if (n > 2 && n < 40 && memchr(name.p, '@', n))
		name = str_cut(&name, '@');
	for (int g = 0; g < GROUPS; g++)
		if (!t->imports[g] && str_among(name, functions[g]))
			t->imports[g] = true;
}

/* One symbol in seven is a function that anybody asks for here; the table of a large library is read once. */
static bool symbols_64(struct str f, struct lock_tree *t)
{
	Elf64_Ehdr e;
	bool any = false;
	memcpy(&e, f.p, sizeof e);
	for (u32 i = 0; i < e.e_shnum; i++) {
		Elf64_Shdr s, names;
		u64 at = e.e_shoff + (u64)i * sizeof s, to;
		if (e.e_shentsize != sizeof s || at > f.n || f.n - at < sizeof s)
			return any;
		memcpy(&s, f.p + at, sizeof s);
		to = e.e_shoff + (u64)s.sh_link * sizeof s;
		if (s.sh_type != SHT_DYNSYM || s.sh_offset > f.n || s.sh_size > f.n - s.sh_offset || to > f.n || f.n - to < sizeof names)
			continue;
		memcpy(&names, f.p + to, sizeof names);
		any = true;
		for (u64 k = 0; k + sizeof(Elf64_Sym) <= s.sh_size; k += sizeof(Elf64_Sym)) {
			Elf64_Sym y;
			memcpy(&y, f.p + s.sh_offset + k, sizeof y);
			if (y.st_shndx == SHN_UNDEF && y.st_name)
				import(t, text_at(f, names.sh_offset, names.sh_size, y.st_name));
		}
	}
	return any;
}

static void look_at(struct str f, struct lock_tree *t)
{
	if (f.n < sizeof(Elf64_Ehdr) || f.p[EI_CLASS] != ELFCLASS64 || !symbols_64(f, t))
		t->imports[GROUP_SELF] = true; /* static, stripped of its sections, or of 32 bits */
	for (size_t at = 0; at < MIN(f.n, (size_t)64 * KiB); at += 4) /* Go makes its calls by itself, also where it is linked with libc */
		if (f.n - at > 14 && memcmp(f.p + at, "\xff Go buildinf:", 14) == 0)
			t->imports[GROUP_SELF] = true;
}

static void capabilities(const char *path, struct lock_tree *t)
{
	u8 v[32];
	u32 word;
	ssize_t n = lgetxattr(path, "security.capability", v, sizeof v);
	for (ssize_t at = 4, i = 0; at + 4 <= n && i < 2; at += 8, i++) {
		memcpy(&word, v + at, sizeof word);
		t->capabilities |= (u64)word << 32 * i;
	}
}

static void file(const FTSENT *e, const char *base, struct arena *a, struct lock_tree *t)
{
	const struct stat *st = e->fts_statp;
	bool executed = st->st_mode & 0111;
	if (executed) {
		const char *path = arena_strdup(a, str_of(e->fts_path + strlen(base)));
		VEC_PUSH(t->programs, t->n_programs, t->cap_programs, path);
	}
	t->set_id |= executed && st->st_mode & (S_ISUID | S_ISGID);
	if (st->st_size < 16)
		return;
	capabilities(e->fts_accpath, t);
	int fd = open(e->fts_accpath, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char magic[4];
	if (fd >= 0 && pread(fd, magic, sizeof magic, 0) == sizeof magic && memcmp(magic, "\177ELF", 4) == 0) {
		void *p = (u64)st->st_size > LOCK_FILE ? MAP_FAILED : mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED) {
			t->imports[GROUP_SELF] = true;
		} else {
			look_at(str_n(p, (size_t)st->st_size), t);
			munmap(p, (size_t)st->st_size);
		}
	}
	if (fd >= 0)
		close(fd);
}

static int by_name(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

int lock_look(const char *tree, struct arena *a, struct lock_tree *ret, struct error *err)
{
	char *roots[] = { (char *)(uintptr_t)tree, NULL };
	u32 files = 0;
	*ret = (struct lock_tree){ 0 };
	FTS *f = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!f)
		return error_errno(err, "%s", tree);
	for (FTSENT *e; (e = fts_read(f));) {
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR)
			ret->imports[GROUP_SELF] = true;
		if (e->fts_info == FTS_F && ++files <= LOCK_FILES)
			file(e, tree, a, ret);
	}
	if (files > LOCK_FILES)
		ret->imports[GROUP_SELF] = true;
	fts_close(f);
	return 0;
}
