/* copy_fetch.c — sources of ADD that are not of this machine: what they are for the key, and when they come.
 *
 * A file of which the digest is known (--checksum) and a commit are known without their bytes: those come when the step is done, if at all. */
#include "build/copy_inner.h"
#include "build/fetched.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int stage(struct copy_fetched *f, struct error *err)
{
	if (f->stage.path)
		return 0;
	return file_mkdirs(f->dir, err) < 0 ? -1 : stage_make(&f->stage, arena_printf(&f->a, "%s/fetch-", f->dir), err);
}

static int file_digest(const char *path, u8 alg, struct digest *ret, struct error *err)
{
	struct str v;
	struct digester *d = digester_new(alg);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		digester_finish(d);
		return error_errno(err, "%.300s", path);
	}
	struct stream *s = stream_file(fd, false, 0, UINT64_MAX, 0);
	int r = 0;
	while ((r = stream_next(s, &v, err)) == 0 && v.n)
		digester_add(d, v);
	stream_close(s);
	*ret = digester_finish(d);
	return r;
}

static int checksum(const struct copy_spec *c, struct digest *want, struct error *err)
{
	*want = (struct digest){ 0 };
	if (c->checksum.p && digest_parse(c->checksum, want, NULL) < 0)
		return error_set(err, ERR_USAGE, "--checksum=%.*s: a digest like sha256:… is wanted", STR_FMT(c->checksum));
	return 0;
}

static int fetch_url(const struct copy_spec *c, u32 item, struct copy_fetched *f, struct error *err)
{
	struct copy_part *p = &f->parts[item];
	struct digest want, got;
	const char *url = arena_strdup(&f->a, c->items[item].source);
	if (p->path)
		return 0;
	if (checksum(c, &want, err) < 0 || stage(f, err) < 0)
		return -1;
	const char *path = arena_printf(&f->a, "%s/%u", f->stage.path, item);
	if (fetched_file(url, path, &got, err) < 0)
		return -1;
	p->digest = got;
	if (want.alg && want.alg != DIGEST_SHA256 && file_digest(path, want.alg, &got, err) < 0)
		return -1;
	if (want.alg && !digest_eq(&want, &got))
		return error_set(err, ERR_INPUT, "%.300s: its digest is %s, not %s", url, DIGEST_STR(&got), DIGEST_STR(&want));
	p->path = path;
	return 0;
}

static int fetch_git(const struct copy_spec *c, u32 item, struct copy_fetched *f, struct error *err)
{
	struct copy_part *p = &f->parts[item];
	if (p->path)
		return 0;
	if (stage(f, err) < 0)
		return -1;
	const char *path = arena_printf(&f->a, "%s/%u", f->stage.path, item);
	if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0)
		return error_errno(err, "%.300s", path);
	if (git_fetch(&p->git, p->commit, path, c->keep_git_dir, err) < 0)
		return -1;
	p->path = path;
	return 0;
}

int copy_fetch_now(const struct copy_spec *c, u32 item, struct copy_fetched *f, struct error *err)
{
	enum copy_kind kind = c->items[item].kind;
	return kind == COPY_URL ? fetch_url(c, item, f, err) : kind == COPY_GIT ? fetch_git(c, item, f, err) : 0;
}

bool copy_origin(const struct copy_fetched *f, u32 item, const char **uri, const char **digest)
{
	*uri = f->parts[item].uri;
	*digest = f->parts[item].known;
	return *uri;
}

int copy_fetch_key(const struct copy_spec *c, const struct copy_from *from, u32 item, struct copy_fetched *f, struct cache_key *k, struct error *err)
{
	struct copy_part *p = &f->parts[item];
	const struct copy_item *i = &c->items[item];
	struct digest want;
	if (i->kind == COPY_URL) {
		if (checksum(c, &want, err) < 0 || fetched_name(&f->a, i->source, &p->name, err) < 0)
			return -1;
		if (!want.alg && fetch_url(c, item, f, err) < 0)
			return -1;
		const struct digest *d = want.alg ? &want : &p->digest;
		p->known = arena_strdup(&f->a, str_of(DIGEST_STR(d)));
		p->uri = arena_strdup(&f->a, i->source);
		cache_key_add(k, arena_printf(k->a, "file %.*s", STR_FMT(i->source)), str_of(arena_strdup(k->a, str_of(p->known))));
		return 0;
	}
	int r = git_parse(&f->a, i->source, &p->git, err);
	if (r <= 0)
		return r < 0 ? -1 : error_set(err, ERR_USAGE, "%.*s: no git URL", STR_FMT(i->source));
	if (git_authorize(&f->a, from->secrets, false, &p->git, err) < 0)
		return -1;
	if (c->checksum.p) { /* of a commit: its ID, or how it begins */
		bool whole = p->git.commit && str_starts(str_of(p->git.commit), c->checksum);
		if (git_resolve(&p->git, p->commit, err) < 0)
			return -1;
		if (!c->checksum.n || (!whole && !str_starts(str_of(p->commit), c->checksum)))
			return error_set(err, ERR_INPUT, "%.300s: its commit is %s, not %.*s", p->git.shown, p->commit, STR_FMT(c->checksum));
	} else if (git_resolve(&p->git, p->commit, err) < 0) {
		return -1;
	}
	p->uri = git_uri(&f->a, &p->git);
	p->known = git_digest(&f->a, p->commit);
	cache_key_add(k, arena_printf(k->a, "commit of %s", p->git.shown), str_of(arena_strdup(k->a, str_of(p->commit))));
	cache_key_add(k, "directory", str_of(arena_strdup(k->a, str_of(p->git.dir ? p->git.dir : "/"))));
	return 0;
}
