#include "compose/deb.h"
#include "base/file.h"
#include <sys/stat.h>

#define AR_HEADER 60u /* name 16, mtime 12, uid 6, gid 6, mode 8, size 10, then "`\n" */

static int member(int fd, u64 at, u64 end, struct str *name, char head[AR_HEADER], struct deb_span *ret, struct error *err)
{
	u64 size;
	if (end - at < AR_HEADER || file_pread(fd, head, AR_HEADER, at) != AR_HEADER || memcmp(head + 58, "`\n", 2) != 0 || !str_to_u64(str_trim(str_n(head + 48, 10)), &size) || size > end - at - AR_HEADER)
		return error_set(err, ERR_INPUT, "no member of an ar archive at byte %llu", (unsigned long long)at);
	*name = str_trim(str_n(head, 16));
	if (name->n && name->p[name->n - 1] == '/')
		name->n--;
	*ret = (struct deb_span){ at + AR_HEADER, size };
	return 0;
}

int deb_open(int fd, struct deb *ret, struct error *err)
{
	struct stat st;
	char magic[8], head[AR_HEADER], version[4];
	*ret = (struct deb){ .fd = fd };
	if (fstat(fd, &st) < 0)
		return error_errno(err, "package");
	u64 at = sizeof magic, end = (u64)st.st_size;
	if (file_pread(fd, magic, sizeof magic, 0) != sizeof magic || memcmp(magic, "!<arch>\n", sizeof magic) != 0)
		return error_set(err, ERR_INPUT, "no Debian package: it is no ar archive");
	for (u32 i = 0; i < DEB_MEMBERS && at < end; i++) {
		struct str name = STR("");
		struct deb_span span;
		if (member(fd, at, end, &name, head, &span, err) < 0)
			return -1;
		if (i == 0 && (!str_is(name, "debian-binary") || file_pread(fd, version, 4, span.at) != 4 || memcmp(version, "2.", 2) != 0))
			return error_set(err, ERR_INPUT, "no Debian package of format 2");
		if (str_starts(name, STR("control.tar")) && !ret->control.size)
			ret->control = span;
		else if (str_starts(name, STR("data.tar")) && !ret->data.size)
			ret->data = span;
		at = span.at + span.size + (span.size & 1);
	}
	if (!ret->control.size || !ret->data.size)
		return error_set(err, ERR_INPUT, "no control.tar, or no data.tar, is in it");
	return 0;
}

static int open_member(const struct deb *d, struct deb_span span, struct stream **ret, struct error *err)
{
	enum compression kind;
	return stream_inflate(stream_file(d->fd, false, span.at, span.size, 0), ret, &kind, err);
}

static struct str *wanted(struct deb_control *c, struct str name)
{
	const struct { const char *name; struct str *to; } files[] = { { "control", &c->control }, { "md5sums", &c->md5sums }, { "preinst", &c->preinst }, { "postinst", &c->postinst } };
	for (u32 i = 0; i < countof(files); i++)
		if (str_is(name, files[i].name))
			return files[i].to;
	return NULL;
}

static int take(struct tar *t, struct arena *a, struct str *ret, struct error *err)
{
	struct buf b = BUF(DEB_CONTROL_MAX);
	struct str view;
	int r;
	do {
		r = tar_content(t, &view, err);
		if (r >= 0)
			buf_add(&b, view);
	} while (r >= 0 && view.n);
	if (r >= 0)
		*ret = str_n(arena_strdup(a, buf_str(&b)), b.n);
	buf_free(&b);
	return r < 0 ? -1 : 0;
}

/* What is skipped was inflated, too: so it is the stream that has the budget, and an entry fits before it is read. */
static int next_entry(struct tar *t, const struct stream *s, u64 most, struct tar_entry *e, struct error *err)
{
	int r = tar_next(t, e, err);
	return r > 0 && (e->size > most || s->at > most - e->size) ? error_set(err, ERR_INPUT, "more than %llu bytes: over the budget", (unsigned long long)most) : r;
}

int deb_read_control(const struct deb *d, struct arena *a, struct deb_control *ret, struct error *err)
{
	struct stream *s;
	struct tar_entry e;
	autofree char *path = xmalloc(TAR_PATH_MAX);
	int r;
	*ret = (struct deb_control){ STR(""), STR(""), STR(""), STR("") };
	if (open_member(d, d->control, &s, err) < 0)
		return -1;
	struct tar *t = tar_open(s);
	while ((r = next_entry(t, s, DEB_CONTROL_MAX, &e, err)) > 0) {
		ssize_t len = tar_clean(e.path, path);
		struct str *to = len > 0 && e.type == TAR_FILE ? wanted(ret, str_n(path, (size_t)len)) : NULL;
		if (to && (r = take(t, a, to, err)) < 0)
			break;
	}
	tar_close(t);
	stream_close(s);
	if (r == 0 && !ret->control.n)
		r = error_set(err, ERR_INPUT, "no control file is in it");
	return r < 0 ? error_wrap(err, "control.tar") : 0;
}

int deb_each(const struct deb *d, deb_entry *f, void *ctx, struct error *err)
{
	struct stream *s;
	struct tar_entry e;
	autofree char *path = xmalloc(TAR_PATH_MAX);
	int r;
	if (open_member(d, d->data, &s, err) < 0)
		return -1;
	struct tar *t = tar_open(s);
	for (u32 n = 0; (r = next_entry(t, s, DEB_DATA_MAX, &e, err)) > 0; n++) {
		ssize_t len = tar_clean(e.path, path);
		if (len < 0 || len > (ssize_t)DEB_PATH_MAX || e.type == TAR_OTHER || e.sparse)
			r = error_set(err, ERR_INPUT, "%.*s: no entry that a package has", (int)MIN(e.path.n, (size_t)200), e.path.p);
		else if (n > DEB_ENTRIES_MAX)
			r = error_set(err, ERR_INPUT, "more than %u entries: over the budget", DEB_ENTRIES_MAX);
		else
			r = f(ctx, &e, str_n(path, (size_t)len), t, err);
		if (r < 0)
			break;
	}
	tar_close(t);
	stream_close(s);
	return r < 0 ? error_wrap(err, "data.tar") : 0;
}
