#include "build/context.h"
#include "build/context_inner.h"
#include "build/git.h"
#include "build/within.h"
#include "run/root.h"
#include "store/load.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOCKERFILE "Dockerfile"

/* --- .dockerignore --- */
bool context_ignored(struct context *c, struct str path)
{
	struct dockerignore own = c->ignore;
	if (!own.n)
		return false;
	own.steps = context_over(c) ? 0 : CONTEXT_STEPS;
	u64 before = own.steps;
	bool hit = dockerignore_matches(&own, path);
	c->steps += MAX(before - own.steps, 1); /* one that took none is over, too */
	return hit;
}

bool context_over(struct context *c) { return c->steps >= CONTEXT_STEPS; }

bool context_ignored_below(struct context *c, struct str path)
{
	return context_ignored(c, path) && (!c->ignore.exceptions || !dockerignore_below(&c->ignore, path, true));
}

/* A regular file, read: 1: there is none; what is no regular file is none. */
static int read_regular(int fd, size_t limit, const char *name, struct buf *out, struct error *err)
{
	struct stat st;
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV ? 1 : error_errno(err, "%.300s", name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 1;
	return file_read_fd(fd, limit, name, out, err);
}

/* A file of the context: links in it lead nowhere else. */
static int read_own(struct context *c, const char *path, size_t limit, struct buf *out, struct error *err)
{
	autofd int fd = root_open(c->root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	return read_regular(fd, limit, path, out, err);
}

static int read_plain(const char *path, size_t limit, struct buf *out, struct error *err)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return read_regular(fd, limit, path, out, err);
}

static bool is_directory_context(const struct context *c) { return !c->stage.path && !c->has_text; }

static int read_ignore(struct context *c, struct error *err)
{
	struct buf text = BUF(0);
	const char *name = ".dockerignore", *file = c->opt.dockerfile;
	int r = 1;
	if (!c->opt.named && !(file && strcmp(file, "-") == 0)) {
		name = arena_printf(&c->a, "%s.dockerignore", file ? file : DOCKERFILE);
		if (file && is_directory_context(c))
			r = read_plain(name, CONTEXT_IGNORE_MAX, &text, err);
		if (r == 1)
			r = read_own(c, name, CONTEXT_IGNORE_MAX, &text, err);
	}
	if (r == 1)
		r = read_own(c, name = ".dockerignore", CONTEXT_IGNORE_MAX, &text, err);
	if (r == 0) {
		dockerignore_read(&c->a, str_n(arena_bytes(&c->a, buf_str(&text)), text.n), &c->ignore);
		if (c->ignore.bad || c->ignore.over)
			r = error_set(err, ERR_INPUT, c->ignore.bad ? "%s: a pattern that is none" : "%s: more than %u patterns", name, DOCKERIGNORE_PATTERNS);
	}
	buf_free(&text);
	return r < 0 ? -1 : 0;
}

/* --- open and close --- */
static const char *known_path(struct context *c, struct error *err)
{
	char hex[DIGEST_TEXT];
	const char *store = store_dir(&c->a, c->opt.store, err);
	if (!store)
		return NULL;
	struct digest d = digest_bytes(DIGEST_SHA256, str_of(c->name));
	const char *dir = arena_printf(&c->a, "%s/build/contexts", store);
	if (file_mkdirs(dir, err) < 0)
		return NULL;
	return arena_printf(&c->a, "%s/%.32s", dir, strchr(digest_text(&d, hex), ':') + 1);
}

static int open_directory(struct context *c, const char *where, struct error *err)
{
	struct error none;
	char *real = realpath(where, NULL);
	struct stat st;
	if (!real || stat(real, &st) < 0) {
		free(real);
		return errno == ENOENT || errno == ENOTDIR ? error_set(err, ERR_USAGE, "%.300s: no such directory", where) : error_errno(err, "%.300s", where);
	}
	c->name = arena_strdup(&c->a, str_of(real));
	free(real);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERR_USAGE, "%.300s is no directory", where);
	if ((c->root = open(c->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return error_errno(err, "%.300s", where);
	c->known = known_open(known_path(c, &none)); /* without a place for it all is read anew */
	return 0;
}

static int open_it(struct context *c, const char *where, struct error *err)
{
	struct stat st;
	if (strcmp(where, "-") == 0)
		return context_stdin(c, err);
	if (stat(where, &st) == 0)
		return open_directory(c, where, err);
	int r = context_clone(c, where, err);
	if (r == 1 && (str_starts(str_of(where), STR("http://")) || str_starts(str_of(where), STR("https://"))))
		return context_fetch(c, where, err);
	return r == 1 ? open_directory(c, where, err) : r;
}

int context_open(const char *where, const struct context_options *opt, struct context **ret, struct error *err)
{
	struct context *c = xcalloc(1, sizeof *c);
	c->opt = *opt;
	c->root = -1;
	c->text = BUF(CONTEXT_DOCKERFILE_MAX);
	c->stage = (struct stage){ NULL, -1, -1 };
	pthread_mutex_init(&c->lock, NULL);
	int r = open_it(c, where, err);
	if (r == 0 && !c->known)
		c->known = known_open(NULL);
	if (r == 0)
		r = read_ignore(c, err);
	if (r < 0) {
		context_close(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void context_close(struct context *c)
{
	if (!c)
		return;
	known_close(c->known);
	if (c->root >= 0)
		close(c->root);
	if (c->stage.path)
		stage_remove(&c->stage);
	buf_free(&c->text);
	pthread_mutex_destroy(&c->lock);
	arena_free(&c->a);
	free(c);
}

bool context_origin(const struct context *c, const char **uri, const char **digest)
{
	*uri = c->uri;
	*digest = c->digest;
	return c->uri;
}

const char *context_name(const struct context *c) { return c->name; }
int context_root(const struct context *c) { return c->root; }

/* --- the Dockerfile --- */
int context_dockerfile(struct context *c, struct buf *out, const char **name, struct error *err)
{
	const char *file = c->opt.dockerfile;
	int r = 1;
	if (file && strcmp(file, "-") == 0) {
		*name = DOCKERFILE;
		return file_read_fd(STDIN_FILENO, CONTEXT_DOCKERFILE_MAX, "standard input", out, err);
	}
	if (c->has_text) {
		*name = DOCKERFILE;
		buf_add(out, buf_str(&c->text));
		return 0;
	}
	*name = file ? file : DOCKERFILE;
	if (file && is_directory_context(c))
		r = read_plain(file, CONTEXT_DOCKERFILE_MAX, out, err);
	if (r == 1)
		r = read_own(c, *name, CONTEXT_DOCKERFILE_MAX, out, err);
	if (r == 1 && !file)
		r = read_own(c, *name = "dockerfile", CONTEXT_DOCKERFILE_MAX, out, err);
	if (r == 1)
		return error_set(err, ERR_USAGE, "%.300s: there is no such Dockerfile%s", file ? file : DOCKERFILE, file ? "" : " in the build context");
	return r;
}
