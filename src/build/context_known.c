/* context_known.c — digests of files that were read once, by what they look like from outside: STORE/build/contexts/, a file a context.
 *
 *	"pareknow"  version  how many  check sum (XXH3) of what follows  |  known_file … in order of device and inode
 *
 * Mapped, not read: a warm build looks up a few thousand of them in a table that is there. */
#include "base/file.h"
#include "base/hash.h"
#include "build/context_inner.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KNOWN_MAGIC "pareknow"
#define KNOWN_VERSION 1u
#define SWEEP_DAYS 30
#define SWEEP_MAX 4096u /* names that one build looks at */
#define KNOWN_KEPT 65536u /* of files that this build did not ask for, at least that many are kept */

struct known_head {
	char magic[8];
	u32 version, pad;
	u64 n, sum;
};
struct known {
	char *path;
	void *map;
	size_t size;
	const struct known_file *old; /* n_old of them, in the map */
	u32 n_old;
	struct known_file *new;
	u32 n_new, cap_new;
	u32 asked;
};

static int order(const void *x, const void *y)
{
	const struct known_file *a = x, *b = y;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return a->ino == b->ino ? 0 : a->ino < b->ino ? -1 : 1;
}

static void map_it(struct known *k)
{
	struct stat st;
	struct known_head h;
	autofd int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof h || !S_ISREG(st.st_mode))
		return;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return;
	memcpy(&h, map, sizeof h);
	size_t room = (size_t)st.st_size - sizeof h;
	struct str rest = { (const char *)map + sizeof h, room };
	if (memcmp(h.magic, KNOWN_MAGIC, sizeof h.magic) != 0 || h.version != KNOWN_VERSION || h.n != room / sizeof *k->old || room % sizeof *k->old || h.sum != hash64(rest, 0)) {
		munmap(map, (size_t)st.st_size);
		return;
	}
	k->map = map;
	k->size = (size_t)st.st_size;
	k->old = (const void *)rest.p;
	k->n_old = (u32)h.n;
}

struct known *known_open(const char *path)
{
	struct known *k = xcalloc(1, sizeof *k);
	k->path = path ? xstrdup(path) : NULL;
	if (path)
		map_it(k);
	return k;
}

const struct known_file *known_find(struct known *k, const struct known_file *like)
{
	const struct known_file *f = k->n_old ? bsearch(like, k->old, k->n_old, sizeof *f, order) : NULL;
	k->asked++;
	return f && f->size == like->size && f->mtime == like->mtime && f->ctime == like->ctime && f->mode == like->mode ? f : NULL;
}

void known_add(struct known *k, const struct known_file *f) { VEC_PUSH(k->new, k->n_new, k->cap_new, *f); }

/* Those of contexts that nobody built for long. */
static void sweep(const char *path)
{
	struct buf dir = BUF(0);
	buf_add(&dir, str_head(str_of(path), strlen(path) - str_base(str_of(path)).n));
	DIR *d = opendir(dir.p);
	u32 n = 0;
	time_t now = time(NULL);
	for (struct dirent *e; d && n++ < SWEEP_MAX && (e = readdir(d));) {
		struct stat st;
		if (e->d_name[0] != '.' && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && now - st.st_mtime > (time_t)SWEEP_DAYS * 86400)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
	file_sweep(dir.p, "", NULL);
	buf_free(&dir);
}

static void write_it(struct known *k)
{
	struct outfile o;
	struct known_head h = { KNOWN_MAGIC, KNOWN_VERSION, 0, 0, 0 };
	qsort(k->new, k->n_new, sizeof *k->new, order);
	u64 room = MAX((u64)k->asked * 2, KNOWN_KEPT);
	struct known_file *all = xmalloc(((size_t)k->n_old + k->n_new) * sizeof *all);
	for (u32 i = 0, j = 0; i < k->n_old || j < k->n_new;) { /* of two of a kind the newer one */
		int c = i >= k->n_old ? 1 : j >= k->n_new ? -1 : order(&k->old[i], &k->new[j]);
		if (c < 0) {
			if (h.n < room)
				all[h.n++] = k->old[i];
			i++;
			continue;
		}
		if (j + 1 == k->n_new || order(&k->new[j], &k->new[j + 1]) != 0)
			all[h.n++] = k->new[j];
		j++;
		i += c == 0 && (j == k->n_new || order(&k->new[j - 1], &k->new[j]) != 0);
	}
	sweep(k->path);
	h.sum = hash64(str_n(all, h.n * sizeof *all), 0);
	if (outfile_open(&o, k->path, NULL) == 0) {
		if (file_write_all(o.fd, &h, sizeof h) < 0 || file_write_all(o.fd, all, h.n * sizeof *all) < 0 || outfile_commit_unsynced(&o, NULL) < 0)
			outfile_abort(&o);
	}
	free(all);
}

void known_close(struct known *k)
{
	if (!k)
		return;
	if (k->path && k->n_new)
		write_it(k);
	if (k->map)
		munmap(k->map, k->size);
	free(k->new);
	free(k->path);
	free(k);
}
