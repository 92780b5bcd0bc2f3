#include "run/resolve.h"
#include "base/hash.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN_SLOTS (1u << 20)

bool seen_has(const struct seen_set *s, u64 hash)
{
	hash |= hash == 0;
	for (u64 at = hash; s->slots; at++) {
		u64 v = s->v[at & (s->slots - 1)];
		if (v == hash || !v)
			return v == hash;
	}
	return false;
}

static void insert(struct seen_set *s, u64 hash)
{
	u64 at = hash;
	while (s->v[at & (s->slots - 1)])
		at++;
	s->v[at & (s->slots - 1)] = hash;
	s->n++;
}

void seen_add(struct seen_set *s, u64 hash)
{
	hash |= hash == 0;
	if (s->n >= s->slots / 2) {
		struct seen_set was = *s;
		s->slots = was.slots ? was.slots * 2 : 1024;
		s->n = 0;
		bool keep = s->slots <= SEEN_SLOTS;
		s->slots = MIN(s->slots, SEEN_SLOTS);
		s->v = xcalloc(s->slots, sizeof *s->v);
		for (u32 i = 0; keep && i < was.slots; i++)
			if (was.v[i])
				insert(s, was.v[i]);
		free(was.v);
	}
	if (!seen_has(s, hash))
		insert(s, hash);
}

void seen_forget(struct seen_set *s)
{
	free(s->v);
	*s = (struct seen_set){ 0 };
}

static int open_in(const struct resolver *r, u64 flags)
{
	struct open_how how = { .flags = flags | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	return (int)syscall(SYS_openat2, r->root, r->n ? r->at : "/", &how, sizeof how);
}

int resolved_open(const struct resolver *r) { return open_in(r, O_RDONLY | O_NONBLOCK | O_NOCTTY); }

static bool elsewhere(const struct resolver *r)
{
	struct str at = str_n(r->at, r->n);
	return str_is(at, "/proc") || str_is(at, "/sys") || str_is(at, "/dev");
}

static bool append(struct resolver *r, struct str name)
{
	if (r->n + name.n + 2 > sizeof r->at)
		return false;
	r->at[r->n++] = '/';
	memcpy(r->at + r->n, name.p, name.n);
	r->n += name.n;
	r->at[r->n] = '\0';
	return true;
}

static void up(struct resolver *r, size_t floor)
{
	while (r->n > floor && r->at[r->n - 1] != '/')
		r->n--;
	if (r->n > floor)
		r->n--;
	r->at[r->n] = '\0';
}

/* `text`, then "/", then what is left of the name. */
static bool push(struct resolver *r, struct str text, struct str left)
{
	if (text.n + left.n + 2 > sizeof r->rest)
		return false;
	if (left.n)
		memmove(r->rest + text.n + 1, left.p, left.n);
	r->rest[text.n] = '/';
	if (text.n)
		memcpy(r->rest, text.p, text.n);
	r->rest[text.n + 1 + left.n] = '\0';
	return true;
}

static bool only_slashes(struct str s)
{
	while (s.n && s.p[0] == '/')
		s = str_from(s, 1);
	return s.n == 0;
}

/* What is not there cannot be a link: the rest is as it is written. */
static enum resolved missing(struct resolver *r, struct str rest, size_t floor)
{
	while (rest.p) {
		struct str name = str_cut(&rest, '/');
		if (name.n == 0 || str_is(name, "."))
			continue;
		if (str_is(name, ".."))
			up(r, floor);
		else if (!append(r, name))
			return RESOLVED_ELSEWHERE;
	}
	return RESOLVED_MISSING;
}

enum step { STEP_ON, STEP_LINK, STEP_MISSING, STEP_STOPPED, STEP_BAD };

/* Looks at r->at, whose last component is new. A link that is to be followed is in `target` afterwards. */
static enum step look(struct resolver *r, bool last, bool follow, char *target, size_t *n)
{
	struct stat st;
	int fd = open_in(r, O_PATH);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? STEP_MISSING : errno == EACCES || errno == EPERM ? STEP_ON : STEP_BAD;
	enum step step = STEP_ON;
	if (fstat(fd, &st) < 0) {
		step = STEP_BAD;
	} else if (S_ISLNK(st.st_mode) && (!last || follow)) {
		ssize_t got = readlinkat(fd, "", target, RESOLVE_ROOM);
		*n = got > 0 && got < (ssize_t)RESOLVE_ROOM ? (size_t)got : 0;
		step = *n ? STEP_LINK : STEP_BAD;
	}
	close(fd);
	r->is_dir = step == STEP_ON && S_ISDIR(st.st_mode);
	r->is_file = step == STEP_ON && S_ISREG(st.st_mode);
	if ((step == STEP_LINK || (step == STEP_ON && last)) && !r->meet(r->ctx, str_n(r->at, r->n), last))
		return STEP_STOPPED;
	return step;
}

static bool begin(struct resolver *r, struct str prefix, struct str base, struct str path)
{
	bool absolute = path.n && path.p[0] == '/';
	r->n = 0;
	r->at[0] = '\0';
	r->is_dir = r->is_file = false;
	struct str from = absolute ? prefix : base;
	if (from.n + 1 > sizeof r->at || path.n >= RESOLVE_ROOM)
		return false;
	if (from.n && !str_is(from, "/"))
		memcpy(r->at, from.p, r->n = from.n);
	r->at[r->n] = '\0';
	return push(r, path, STR(""));
}

enum resolved resolve(struct resolver *r, struct str prefix, struct str base, struct str path, bool follow)
{
	char target[RESOLVE_ROOM];
	size_t n = 0, floor = str_is(prefix, "/") ? 0 : prefix.n;
	u32 links = 0;
	if (!begin(r, prefix, base, path))
		return RESOLVED_ELSEWHERE;
	struct str rest = str_of(r->rest);
	bool met = false;
	while (rest.p) {
		struct str name = str_cut(&rest, '/');
		if (name.n == 0 || str_is(name, "."))
			continue;
		met = false;
		if (str_is(name, "..")) {
			up(r, floor);
			continue;
		}
		bool last = !rest.p || only_slashes(rest);
		if (!append(r, name) || elsewhere(r))
			return RESOLVED_ELSEWHERE;
		u64 h = hash64(str_n(r->at, r->n), hash_seed);
		if (!last && seen_has(&r->dirs, h))
			continue;
		switch (look(r, last, follow, target, &n)) {
		case STEP_MISSING:
			return missing(r, rest, floor);
		case STEP_STOPPED:
			return RESOLVED_STOPPED;
		case STEP_BAD:
			return RESOLVED_ELSEWHERE;
		case STEP_ON:
			met = last;
			if (r->is_dir)
				seen_add(&r->dirs, h);
			break;
		case STEP_LINK:
			if (++links > RESOLVE_LINKS || !push(r, str_n(target, n), rest.p ? rest : STR("")))
				return RESOLVED_ELSEWHERE;
			up(r, floor);
			if (target[0] == '/')
				r->at[r->n = floor] = '\0';
			rest = str_of(r->rest);
		}
	}
	if (!met) { /* it ends in "." or "..": a directory */
		r->is_dir = true;
		if (elsewhere(r) || !r->meet(r->ctx, r->n ? str_n(r->at, r->n) : STR("/"), true))
			return elsewhere(r) ? RESOLVED_ELSEWHERE : RESOLVED_STOPPED;
	}
	if (!r->n) {
		r->at[r->n++] = '/';
		r->at[r->n] = '\0';
	}
	return RESOLVED_FOUND;
}
