/* leftover.c — what is removed when something ends too early: by ourselves, by a signal, or, after a process was killed, by the next one. */
#include "base/leftover.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LETTERS 8
#define DEPTH 48   /* of directories below one that is removed: a stage holds "image/.pare-XXXXXXXX/blobs/sha256", or the tree of an image; what lies deeper is left */
#define ROUNDS 100 /* while another thread goes on making files in it */

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

int file_letters(struct buf *out)
{
	u8 bytes[LETTERS];
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return -1;
	for (size_t k = 0; k < sizeof bytes; k++)
		buf_putc(out, letters[bytes[k] & 31]);
	return 0;
}

bool file_lock_new(int fd)
{
	struct stat st;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno != EWOULDBLOCK;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* --- removing; all of it may be called in a signal handler --- */
struct entry { /* getdents64(2) */
	u64 ino;
	s64 off;
	u16 length;
	u8 type;
	char name[];
};

static bool remove_below(int fd, int depth, const char *const *only);

/* Whether anything went. What is another's stays, and is not tried again and again. */
static bool remove_at(int at, const char *name, int depth)
{
	if (unlinkat(at, name, 0) == 0)
		return true;
	if ((errno != EISDIR && errno != EPERM) || !depth)
		return false;
	bool any = false;
	for (int round = 0, idle = 0; round < ROUNDS && idle < (depth == DEPTH ? 3 : 1); round++) {
		int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return any;
		bool some = remove_below(fd, depth - 1, NULL);
		close(fd);
		any |= some;
		idle = some ? 0 : idle + 1;
		if (unlinkat(at, name, AT_REMOVEDIR) == 0)
			return true;
		if (errno != ENOTEMPTY)
			return any;
	}
	return any;
}

static bool begins(const char *name, const char *const *with)
{
	bool yes = !with;
	for (; !yes && *with; with++)
		yes = strncmp(name, *with, strlen(*with)) == 0;
	return yes;
}

static bool remove_below(int fd, int depth, const char *const *only)
{
	_Alignas(struct entry) char bytes[2048];
	bool any = false;
	long n;
	while ((n = syscall(SYS_getdents64, fd, bytes, sizeof bytes)) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *e = (const struct entry *)(const void *)(bytes + at);
			if (strcmp(e->name, ".") != 0 && strcmp(e->name, "..") != 0 && begins(e->name, only))
				any |= remove_at(fd, e->name, depth);
			at += e->length;
		}
	}
	return any;
}

static atomic_int own_locks;

void file_own_lock(int change) { atomic_fetch_add(&own_locks, change); }

void file_unmake(const char *dir, const struct unmake *what)
{
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if ((flock(fd, LOCK_EX | LOCK_NB) == 0 || atomic_load(&own_locks)) && fstatat(fd, what->mark, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		for (int round = 0; round < ROUNDS && lseek(fd, 0, SEEK_SET) == 0; round++) {
			remove_below(fd, DEPTH, what->ours);
			if (rmdir(dir) == 0 || errno != ENOTEMPTY)
				break;
		}
	close(fd);
}

/* --- signals --- */
/* The handler takes one out before it uses it, so nobody frees it meanwhile. */
#define SLOTS 96
struct doomed {
	const struct unmake *what; /* NULL: all of it */
	char path[];
};
static _Atomic(struct doomed *) doomed[SLOTS];
static atomic_bool ending;

int file_unmake_at_exit(const char *path, const struct unmake *what)
{
	size_t n = strlen(path) + 1;
	struct doomed *d = xmalloc(sizeof *d + n);
	int slot = -1;
	d->what = what;
	memcpy(d->path, path, n);
	for (int i = 0; i < SLOTS && slot < 0; i++) {
		struct doomed *none = NULL;
		if (atomic_compare_exchange_strong(&doomed[i], &none, d))
			slot = i;
	}
	if (slot < 0)
		free(d);
	while (atomic_load(&ending)) /* the handler may have passed this slot: nothing is begun any more */
		pause();
	return slot;
}

int file_unlink_at_exit(const char *path) { return file_unmake_at_exit(path, NULL); }

void file_forget(int slot)
{
	if (slot >= 0)
		free(atomic_exchange(&doomed[slot], NULL));
}

static const char *_Atomic said;

void file_say_at_signal(const char *text) { atomic_store(&said, text); }

static void on_signal(int sig)
{
	const char *text = atomic_load(&said);
	atomic_store(&ending, true);
	if (text && write(STDERR_FILENO, text, strlen(text)) < 0) { /* nobody reads it */
	}
	for (int i = 0; i < SLOTS; i++) {
		const struct doomed *d = atomic_exchange(&doomed[i], NULL);
		if (d && d->what)
			file_unmake(d->path, d->what);
		else if (d)
			remove_at(AT_FDCWD, d->path, DEPTH);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

void file_catch_signals(void)
{
	const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	for (size_t i = 0; i < countof(sigs); i++) {
		struct sigaction sa = { .sa_handler = on_signal };
		sigaction(sigs[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

/* --- stages --- */
int stage_make(struct stage *s, const char *prefix, struct error *err)
{
	struct buf path = BUF(0);
	*s = (struct stage){ .fd = -1, .slot = -1 };
	for (int i = 0; i < FILE_NAME_TRIES; i++) {
		buf_clear(&path);
		buf_puts(&path, prefix);
		if (file_letters(&path) < 0)
			break;
		int slot = file_unlink_at_exit(path.p);
		int made = mkdir(path.p, 0700), fd = made < 0 ? -1 : open(path.p, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && file_lock_new(fd)) {
			*s = (struct stage){ .path = path.p, .fd = fd, .slot = slot };
			return 0;
		}
		int e = errno;
		if (fd >= 0)
			close(fd);
		file_forget(slot);
		errno = e;
		if (made < 0 && e != EEXIST)
			break;
	}
	error_errno(err, "%s", prefix);
	buf_free(&path);
	return -1;
}

void stage_remove(struct stage *s)
{
	if (!s->path)
		return;
	remove_at(AT_FDCWD, s->path, DEPTH);
	file_forget(s->slot);
	close(s->fd);
	free(s->path);
	*s = (struct stage){ .fd = -1, .slot = -1 };
}

/* --- after a kill --- */
static bool ends_in_letters(struct str s, size_t before)
{
	if (s.n < before + LETTERS)
		return false;
	for (size_t i = s.n - LETTERS; i < s.n; i++)
		if (!memchr(letters, s.p[i], sizeof letters - 1))
			return false;
	return true;
}

static bool is_part(struct str name) { return ends_in_letters(name, 7) && str_ends(str_head(name, name.n - LETTERS), STR(".part-")); }
static bool is_stage(struct str name, const char *prefix) { return prefix && ends_in_letters(name, strlen(prefix)) && str_is(str_head(name, name.n - LETTERS), prefix); }

static u64 bytes_below(int fd, int depth)
{
	u64 sum = 0;
	int own = depth ? dup(fd) : -1;
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	if (!d && own >= 0)
		close(own);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			autofd int below = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			sum += below < 0 ? 0 : bytes_below(below, depth - 1);
		} else if (S_ISREG(st.st_mode)) {
			sum += (u64)st.st_size;
		}
	}
	if (d)
		closedir(d);
	return sum;
}

bool file_leftover(const char *path, const char *prefix, bool dry, u64 *bytes)
{
	struct str name = str_base(str_of(path));
	struct stat st;
	bool part = is_part(name);
	if (!part && !is_stage(name, prefix))
		return false;
	autofd int fd = open(path, (part ? O_RDWR : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || !(part ? S_ISREG(st.st_mode) : S_ISDIR(st.st_mode)) || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false;
	if (fstat(fd, &st) < 0 || st.st_nlink == 0) /* whoever had the lock has put it in its place, or taken it away */
		return false;
	u64 here = part ? (u64)st.st_size : bytes_below(fd, DEPTH);
	struct stat now;
	if (lstat(path, &now) < 0 || now.st_ino != st.st_ino || now.st_dev != st.st_dev)
		return false;
	if (!dry)
		remove_at(AT_FDCWD, path, DEPTH);
	if (bytes)
		*bytes += here;
	return true;
}

void file_sweep(const char *dir, const char *base, const char *prefix)
{
	struct buf path = BUF(0);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct str name = str_of(e->d_name);
		if (!is_stage(name, prefix) && !(is_part(name) && str_starts(name, str_of(base))))
			continue;
		buf_clear(&path);
		buf_printf(&path, "%s/%s", dir, e->d_name);
		if (file_leftover(path.p, prefix, false, NULL)) { /* one less */
		}
	}
	if (d)
		closedir(d);
	buf_free(&path);
}
