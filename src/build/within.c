#include "build/within.h"
#include "base/buf.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REMOVE_DEPTH 2048u /* more names do not fit into a path */

int within_open(int root, const char *clean, int flags)
{
	struct open_how how = { .flags = (u64)(u32)(flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NOCTTY)), .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	return (int)syscall(SYS_openat2, root, *clean ? clean : ".", &how, sizeof how);
}

int within_stat(int root, const char *clean, struct stat *st)
{
	autofd int fd = within_open(root, clean, O_PATH | O_NOFOLLOW);
	return fd < 0 ? -1 : fstat(fd, st);
}

bool within_climbs(struct str path)
{
	u32 depth = 0;
	while (path.p) {
		struct str part = str_cut(&path, '/');
		if (str_is(part, "..")) {
			if (!depth--)
				return true;
		} else if (part.n && !str_is(part, ".")) {
			depth++;
		}
	}
	return false;
}

int within_join(struct str dir, struct str name, char *out)
{
	size_t n = dir.n + (dir.n && name.n ? 1 : 0) + name.n;
	if (n >= WITHIN_PATH)
		return -1;
	if (dir.n)
		memmove(out, dir.p, dir.n);
	if (dir.n && name.n)
		out[dir.n] = '/';
	if (name.n)
		memmove(out + n - name.n, name.p, name.n);
	out[n] = '\0';
	return 0;
}

static void drop_last(char *out, size_t *n)
{
	while (*n && out[*n - 1] != '/')
		(*n)--;
	if (*n)
		(*n)--;
	out[*n] = '\0';
}

/* Where the link at `out` leads, into `to`: 1; 0: it is no link; -1 with errno. */
static int link_at(int root, const char *out, char to[WITHIN_PATH])
{
	struct stat st;
	autofd int fd = within_open(root, out, O_PATH | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISLNK(st.st_mode))
		return 0;
	ssize_t k = readlinkat(fd, "", to, WITHIN_PATH);
	if (k < 0)
		return -1;
	if (k == 0 || k >= (ssize_t)WITHIN_PATH) {
		errno = ENAMETOOLONG;
		return -1;
	}
	to[k] = '\0';
	return 1;
}

int within_resolve(int root, struct str path, bool follow, bool missing, char *out)
{
	char ahead[2][WITHIN_PATH], to[WITHIN_PATH];
	u32 now = 0, links = 0;
	size_t n = 0;
	bool gone = false;
	struct str rest = path;
	out[0] = '\0';
	while (rest.p) {
		struct str part = str_cut(&rest, '/');
		if (!part.n || str_is(part, "."))
			continue;
		if (str_is(part, "..")) {
			drop_last(out, &n);
			gone = false;
			continue;
		}
		if (memchr(part.p, '\0', part.n)) {
			errno = EINVAL;
			return -1;
		}
		size_t before = n;
		if (within_join(str_n(out, n), part, out) < 0) {
			errno = ENAMETOOLONG;
			return -1;
		}
		n = strlen(out);
		bool last = true; /* but for slashes and dots */
		for (struct str r = rest; r.p && last;) {
			struct str p = str_cut(&r, '/');
			last = !p.n || str_is(p, ".");
		}
		if (gone || (last && !follow && !missing))
			continue;
		int is = link_at(root, out, to);
		if (is < 0 && errno == ENOENT && missing) {
			gone = true;
			continue;
		}
		if (is < 0)
			return -1;
		if (!is || (last && !follow))
			continue;
		size_t k = strlen(to), more = rest.p ? rest.n + 1 : 0;
		if (++links > WITHIN_LINKS || k + more >= WITHIN_PATH) {
			errno = links > WITHIN_LINKS ? ELOOP : ENAMETOOLONG;
			return -1;
		}
		now = !now;
		memcpy(ahead[now], to, k);
		if (more) {
			ahead[now][k] = '/';
			memcpy(ahead[now] + k + 1, rest.p, rest.n);
		}
		rest = str_n(ahead[now], k + more);
		n = to[0] == '/' ? 0 : before;
		out[n] = '\0';
	}
	return 0;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

int within_names(int fd, u32 max, struct within_names *ret, struct error *err)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct buf b = BUF(0);
	struct within_names names = { NULL, NULL, 0 };
	if (!d) {
		if (own >= 0)
			close(own);
		return error_errno(err, "reading the directory");
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(d)); errno = 0) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (names.n++ >= max)
			break;
		buf_add(&b, str_n(e->d_name, strlen(e->d_name) + 1));
	}
	int e = errno;
	closedir(d);
	if (e || names.n > max) {
		buf_free(&b);
		errno = e;
		return e ? error_errno(err, "reading the directory") : error_set(err, ERR_INPUT, "more than %u files", max);
	}
	names.bytes = b.p;
	names.v = xcalloc((size_t)names.n + 1, sizeof *names.v);
	const char *at = b.p;
	for (u32 i = 0; i < names.n; i++, at += strlen(at) + 1)
		names.v[i] = at;
	qsort(names.v, names.n, sizeof *names.v, by_name);
	*ret = names;
	return 0;
}

void within_names_free(struct within_names *n)
{
	free(n->bytes);
	free(n->v);
	*n = (struct within_names){ NULL, NULL, 0 };
}

int within_chown(int dir, const char *name, u32 uid, u32 gid)
{
	if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) == 0)
		return 0;
	errno = errno == EINVAL ? EOVERFLOW : errno;
	return -1;
}

bool within_attribute(struct str name) { return str_is(name, "security.capability") || (str_starts(name, STR("user.")) && !str_starts(name, STR("user.overlay."))); }

int within_error(struct error *err, const char *path)
{
	bool shape = errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG || errno == EISDIR;
	if (errno == EOVERFLOW)
		return error_set(err, ERR_ENV, "%.300s: its owner is none of the IDs that this user has: /etc/subuid and /etc/subgid give more", path);
	error_errno(err, "%.300s", path);
	if (shape && err)
		err->kind = ERR_INPUT;
	return -1;
}

int within_changed(struct error *err, const char *path)
{
	bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
	return gone ? error_set(err, ERR_INPUT, "%.300s: it changes while it is read", path) : error_errno(err, "%.300s", path);
}

static int remove_at(int dir, const char *name, u32 depth)
{
	struct within_names names;
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (depth > REMOVE_DEPTH) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (within_names(fd, UINT32_MAX - 1, &names, NULL) < 0)
		return -1;
	int r = 0, e = 0;
	for (u32 i = 0; i < names.n && r == 0; i++)
		if ((r = remove_at(fd, names.v[i], depth + 1)) < 0)
			e = errno;
	within_names_free(&names);
	if (r == 0)
		return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -1 : 0;
	errno = e;
	return r;
}

int within_remove(int dir, const char *name) { return remove_at(dir, name, 0); }
