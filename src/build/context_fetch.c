/* context_fetch.c — build contexts that are no directories: standard input, http(s), git. They are unpacked into a stage, which goes with the context. */
#include "build/context_inner.h"
#include "build/fetched.h"
#include "build/git.h"
#include "build/unpack.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int stage(struct context *c, struct error *err)
{
	char *prefix = arena_printf(&c->a, "%s/context-", c->opt.dir);
	if (file_mkdirs(c->opt.dir, err) < 0 || stage_make(&c->stage, prefix, err) < 0)
		return -1;
	const char *root = arena_printf(&c->a, "%s/root", c->stage.path);
	if (mkdir(root, 0755) < 0 || chmod(root, 0755) < 0 || (c->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return error_errno(err, "%.300s", root);
	return 0;
}

/* Its bytes are a tar, or the text of a Dockerfile alone. `head`: the first of them; `rest` is taken. */
static int take_bytes(struct context *c, struct str head, struct stream *rest, const char *name, struct error *err)
{
	struct stream *all = stream_concat(head, rest), *plain;
	enum compression kind;
	struct str v;
	int r = 0;
	if (unpack_looks_like(head)) {
		const struct unpack_options opt = { .name = name, .epoch = -1 };
		if (stream_inflate(all, &plain, &kind, err) < 0)
			return error_wrap(err, "%.300s", name);
		r = unpack(c->root, plain, &opt, err);
		stream_close(plain);
		return r;
	}
	while ((r = stream_next(all, &v, err)) == 0 && v.n && !c->text.over)
		buf_add(&c->text, v);
	stream_close(all);
	if (r == 0 && c->text.over)
		r = error_set(err, ERR_INPUT, "%.300s: neither a tar archive nor a Dockerfile", name);
	if (r == 0 && !c->text.n)
		r = error_set(err, ERR_INPUT, "%.300s is empty", name);
	c->has_text = true;
	return r;
}

static int take_fd(struct context *c, int fd, bool own, const char *name, struct error *err)
{
	char head[512];
	size_t n = 0;
	for (ssize_t k; n < sizeof head && (k = read(fd, head + n, sizeof head - n)) != 0;) {
		if (k < 0 && errno != EINTR) {
			int r = error_errno(err, "%.300s", name);
			if (own)
				close(fd);
			return r;
		}
		n += (size_t)MAX(k, 0);
	}
	off_t at = lseek(fd, 0, SEEK_CUR);
	return take_bytes(c, str_n(head, n), stream_file(fd, own, at < 0 ? 0 : (u64)at, UINT64_MAX, 0), name, err);
}

int context_stdin(struct context *c, struct error *err)
{
	if (c->opt.dockerfile && strcmp(c->opt.dockerfile, "-") == 0)
		return error_set(err, ERR_USAGE, "context and Dockerfile cannot both come from standard input");
	c->name = "-";
	return stage(c, err) < 0 ? -1 : take_fd(c, STDIN_FILENO, false, "standard input", err);
}

int context_fetch(struct context *c, const char *where, struct error *err)
{
	struct digest sha256;
	c->name = arena_strdup(&c->a, str_of(where));
	if (stage(c, err) < 0)
		return -1;
	const char *path = arena_printf(&c->a, "%s/download", c->stage.path);
	if (fetched_file(where, path, &sha256, err) < 0)
		return -1;
	c->uri = c->name;
	c->digest = arena_strdup(&c->a, str_of(DIGEST_STR(&sha256)));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_errno(err, "%.300s", path) : take_fd(c, fd, true, where, err);
}

int context_clone(struct context *c, const char *where, struct error *err)
{
	struct git_source g;
	char commit[65];
	int r = git_parse(&c->a, str_of(where), &g, err);
	if (r <= 0)
		return r < 0 ? -1 : 1;
	c->name = g.shown;
	if (git_authorize(&c->a, c->opt.secrets, !c->opt.named, &g, err) < 0 || stage(c, err) < 0 || git_resolve(&g, commit, err) < 0)
		return -1;
	c->uri = git_uri(&c->a, &g);
	c->digest = git_digest(&c->a, commit);
	return git_fetch(&g, commit, arena_printf(&c->a, "%s/root", c->stage.path), c->opt.keep_git, err);
}
