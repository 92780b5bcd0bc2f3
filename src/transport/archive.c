/* Plain archives in files that can be sought: a table of their members, made from the headers alone. */
#include "base/file.h"
#include "base/hash.h"
#include "base/seg.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <sys/stat.h>
#include <unistd.h>

struct member {
	const char *name;
	u64 data, size;
	const char *link; /* clean name of another member, or NULL */
	u32 next;         /* in its bucket: 1 + index */
};

struct archive {
	struct bag base;
	int fd;
	struct stat st;
	struct arena arena;
	SEG(struct member) members;
	u32 buckets[4096]; /* 1 + index */
};

static const struct member *find_member(const struct archive *a, const char *name)
{
	for (int i = 0; i <= BAG_LINKS_MAX; i++) {
		const struct member *m = NULL;
		for (u32 k = a->buckets[hash64(str_of(name), hash_seed) % countof(a->buckets)]; k; k = m->next) {
			m = SEG_AT(&a->members, k - 1);
			if (strcmp(m->name, name) == 0)
				break;
			if (!m->next)
				return NULL;
		}
		if (!m || !m->link)
			return m;
		name = m->link;
	}
	return NULL;
}

static bool find(struct bag *b, const char *name, u64 *size)
{
	const struct member *m = find_member((struct archive *)b, name);
	if (m)
		*size = m->size;
	return m != NULL;
}

static int read_member(struct bag *b, const char *name, u64 limit, struct buf *out, struct error *err)
{
	struct archive *a = (struct archive *)b;
	const struct member *m = find_member(a, name);
	if (!m)
		return error_set(err, ERR_INPUT, "%s: not there", name);
	if (m->size > limit)
		return error_set(err, ERR_INPUT, "%s: %llu bytes: over the budget", name, (unsigned long long)m->size);
	if (m->data + m->size > (u64)a->st.st_size)
		return error_set(err, ERR_INPUT, "%s: ends early", name);
	buf_reserve(out, (size_t)m->size);
	ssize_t n = file_pread(a->fd, out->p, (size_t)m->size, m->data);
	if (n < 0)
		return error_errno(err, "%s", b->name);
	out->n = (size_t)n;
	out->p[n] = '\0';
	return 0;
}

static int open_member(struct bag *b, const char *name, struct stream **ret, struct error *err)
{
	struct archive *a = (struct archive *)b;
	const struct member *m = find_member(a, name);
	if (!m)
		return error_set(err, ERR_INPUT, "%s: not there", name);
	*ret = stream_file(a->fd, false, m->data, m->size, b->chunk);
	return 0;
}

static void identity(struct bag *b, const char *name, struct buf *out)
{
	struct archive *a = (struct archive *)b;
	const struct member *m = find_member(a, name);
	if (!m)
		return;
	transport_identity(&a->st, m->data, m->size, out);
}

static void close_archive(struct bag *b)
{
	struct archive *a = (struct archive *)b;
	close(a->fd);
	SEG_FREE(&a->members);
	arena_free(&a->arena);
	free(a);
}

static const struct bag_ops ops = { find, read_member, open_member, NULL, identity, close_archive };

/* Where a link of the archive leads, as a clean name: symbolic ones from their own directory, hard ones from the top. */
static const char *link_target(struct archive *a, const struct tar_entry *e, struct str name)
{
	char clean[TAR_PATH_MAX + 1];
	struct buf path = BUF(0);
	const char *slash = memrchr(name.p, '/', name.n);
	if (e->type == TAR_SYMLINK && slash && e->link.n && e->link.p[0] != '/')
		buf_add(&path, str_n(name.p, (size_t)(slash - name.p) + 1));
	buf_add(&path, e->link);
	ssize_t n = tar_clean(buf_str(&path), clean);
	buf_free(&path);
	return n > 0 ? arena_bytes(&a->arena, str_n(clean, (size_t)n)) : NULL;
}

static int add(struct archive *a, const struct tar_entry *e, struct error *err)
{
	char clean[TAR_PATH_MAX + 1];
	ssize_t n = tar_clean(e->path, clean);
	bool link = e->type == TAR_SYMLINK || e->type == TAR_HARDLINK;
	if (n <= 0 || (e->type != TAR_FILE && !link))
		return 0;
	if (a->members.n >= BAG_MEMBERS_MAX)
		return error_set(err, ERR_INPUT, "more than %u members: over the budget", BAG_MEMBERS_MAX);
	struct member *m = SEG_PUSH(&a->members);
	m->name = arena_bytes(&a->arena, str_n(clean, (size_t)n));
	m->data = e->data;
	m->size = e->stored;
	if (link)
		m->link = link_target(a, e, str_n(clean, (size_t)n));
	u32 *bucket = &a->buckets[hash64(str_n(clean, (size_t)n), hash_seed) % countof(a->buckets)];
	m->next = *bucket; /* the later of two members of one name counts */
	*bucket = a->members.n;
	return 0;
}

struct bag *bag_archive(int fd, const char *name, struct error *err)
{
	struct archive *a = xcalloc(1, sizeof *a);
	a->base.ops = &ops;
	a->fd = fd;
	if (fstat(fd, &a->st) < 0) {
		error_errno(err, "%s", name);
		close(fd);
		free(a);
		return NULL;
	}
	a->base.name = arena_strdup(&a->arena, str_of(name));
	struct stream *s = stream_file(fd, false, 0, UINT64_MAX, 4096);
	struct tar *t = tar_open(s);
	struct tar_entry e;
	struct error e1 = { 0 };
	int more;
	while ((more = tar_next(t, &e, &e1)) == 1)
		if (add(a, &e, &e1) < 0) {
			more = -1;
			break;
		}
	if (more < 0)
		problem_add(&a->base.problems, "%s", e1.text);
	tar_close(t);
	stream_close(s);
	return &a->base;
}
