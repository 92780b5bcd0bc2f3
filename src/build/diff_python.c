/* diff_python.c — byte code of Python that is valid only while its source has the time that it names (PEP 552: 4 bytes magic, flags, then of the source the time and the size, little-endian; with
 * flags 0 these count). "pkg/__pycache__/mod.cpython-311.opt-1.pyc" is of "pkg/mod.py", "pkg/mod.pyc" too. A source in a tree below keeps its time, and needs nothing. */
#include "build/diff_in.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER 16u

struct timespec diff_time(const struct diff_clock *c, struct timespec t)
{
	bool stamped = t.tv_sec >= c->began && t.tv_sec <= c->ended;
	if (stamped)
		return (struct timespec){ (time_t)(c->epoch >= 0 ? c->epoch : DIFF_TIME), 0 };
	return c->epoch >= 0 && t.tv_sec >= c->epoch ? (struct timespec){ (time_t)c->epoch, 0 } : t;
}

bool python_is_code(const char *name) { return str_ends(str_of(name), STR(".pyc")); }

/* "mod.cpython-311.opt-1.pyc" → "mod.py"; false: it has no such name. */
static bool source_name(const char *name, bool pycache, char out[256])
{
	struct str s = str_of(name);
	s.n -= 4; /* .pyc */
	for (int parts = 0; pycache && parts < 2; parts++) {
		const char *dot = s.n ? memrchr(s.p, '.', s.n) : NULL;
		if (!dot)
			return false;
		bool opt = str_starts(str_from(s, (size_t)(dot + 1 - s.p)), STR("opt-"));
		s.n = (size_t)(dot - s.p);
		if (!opt)
			break;
	}
	if (!s.n || s.n > 250)
		return false;
	memcpy(out, s.p, s.n);
	memcpy(out + s.n, ".py", 4);
	return true;
}

static u32 little(const u8 *p) { return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }

int python_follow(const struct diff_clock *c, int dir, bool pycache, const char *name, int fd, bool *changed)
{
	u8 head[HEADER];
	char source[256], path[260];
	struct stat st;
	ssize_t n = pread(fd, head, sizeof head, 0);
	*changed = false;
	if (n < 0)
		return -1;
	if (n < (ssize_t)sizeof head || head[2] != '\r' || head[3] != '\n' || little(head + 4) != 0 || !source_name(name, pycache, source))
		return 0;
	snprintf(path, sizeof path, "%s%s", pycache ? "../" : "", source);
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	u32 says = little(head + 8), was = (u32)st.st_mtim.tv_sec;
	u32 becomes = (u32)diff_time(c, st.st_mtim).tv_sec, then = (u32)diff_time(c, (struct timespec){ (time_t)says, 0 }).tv_sec;
	if (!S_ISREG(st.st_mode) || (says != was && then != was) || says == becomes) /* the source may have got its time before: then the byte code has that of the clock still */
		return 0;
	for (u32 i = 0; i < 4; i++)
		head[8 + i] = (u8)(becomes >> 8 * i);
	*changed = true;
	return pwrite(fd, head + 8, 4, 8) == 4 ? 0 : -1;
}
