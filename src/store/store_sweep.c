/* store_sweep.c — what nothing reaches goes; how much room what takes. */
#include "base/file.h"
#include "store/db.h"
#include "transport/places.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH 64 /* files removed in one change: others wait for it */

/* --- room --- */
#define FROM(from) "WITH RECURSIVE live(d) AS (" from " UNION SELECT child FROM names JOIN live ON parent = d) "

int store_usage(struct store *s, const struct store_ref *ref, struct store_usage *ret, struct error *err)
{
	LOCKED(s);
	*ret = (struct store_usage){ 0 };
	if (!s->db)
		return 0;
	s64 bytes = 0, blobs = 0, unique = 0;
	if (db_number(s, &bytes, err, FROM("SELECT ?") "SELECT coalesce(sum(size), 0) FROM blobs WHERE digest IN live", "d", &ref->digest) < 0 ||
	    db_number(s, &blobs, err, FROM("SELECT ?") "SELECT count(*) FROM blobs WHERE digest IN live", "d", &ref->digest) < 0 ||
	    db_number(s, &unique, err,
		      "WITH RECURSIVE live(d) AS (SELECT ?1 UNION SELECT child FROM names JOIN live ON parent = d), "
		      "others(d) AS (SELECT digest FROM refs WHERE digest <> ?1 OR name <> ?2 UNION SELECT child FROM names JOIN others ON parent = d) "
		      "SELECT coalesce(sum(size), 0) FROM blobs WHERE digest IN live AND digest NOT IN others",
		      "dt", &ref->digest, ref->name) < 0)
		return -1;
	*ret = (struct store_usage){ (u64)bytes, (u64)unique, (u32)blobs };
	return 0;
}

/* --- files --- */
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names in a directory, sorted; NULL-terminated. A directory that is not there has none. */
static char **list(const char *dir, struct error *err)
{
	char **v = NULL;
	size_t n = 0, cap = 0;
	DIR *d = opendir(dir);
	if (!d && errno != ENOENT) {
		error_errno(err, "%s", dir);
		return NULL;
	}
	for (struct dirent *e; d && (e = readdir(d));)
		if (e->d_name[0] != '.')
			VEC_PUSH(v, n, cap, xstrdup(e->d_name));
	if (d)
		closedir(d);
	if (n)
		qsort(v, n, sizeof *v, by_text);
	VEC_PUSH(v, n, cap, NULL);
	return v;
}

static void list_free(char **v)
{
	for (char **at = v; at && *at; at++)
		free(*at);
	free(v);
}

int store_each_blob_file(struct store *s, int (*f)(void *ctx, const char *path, const struct digest *d, struct error *err), void *ctx, struct error *err)
{
	static const char *const algs[] = { "sha256", "sha384", "sha512" };
	struct buf path = BUF(0);
	int r = 0;
	for (size_t i = 0; r == 0 && i < countof(algs); i++) {
		buf_clear(&path);
		buf_printf(&path, "%s/blobs/%s", s->images, algs[i]);
		char **names = list(path.p, err);
		r = names ? 0 : -1;
		for (char **n = names; r == 0 && *n; n++) {
			struct digest d = { 0 };
			buf_clear(&path);
			buf_printf(&path, "%s:%s", algs[i], *n);
			if (digest_parse(buf_str(&path), &d, NULL) < 0)
				d.alg = DIGEST_NONE;
			buf_clear(&path);
			buf_printf(&path, "%s/blobs/%s/%s", s->images, algs[i], *n);
			r = f(ctx, path.p, &d, err);
		}
		list_free(names);
	}
	buf_free(&path);
	return r;
}

/* --- leases of the dead --- */
int lease_reap(struct store *s, struct buf *gone, u32 *reaped, struct error *err)
{
	struct buf path = BUF(0);
	buf_printf(&path, "%s/leases", s->dir);
	char **names = list(path.p, err);
	int r = names ? db_run(s, err, "CREATE TEMP TABLE IF NOT EXISTS living(owner TEXT PRIMARY KEY)", "") : -1;
	r = r < 0 ? r : db_run(s, err, "DELETE FROM living", "");
	for (char **n = names; r == 0 && *n; n++) {
		buf_clear(&path);
		buf_printf(&path, "%s/leases/%s", s->dir, *n);
		int fd = store_lock_file(path.p, O_RDWR);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0) { /* locked; or it can't be told: then it lives */
			r = db_run(s, err, "INSERT INTO living VALUES(?)", "t", *n);
			continue;
		}
		buf_printf(gone, "%s\n", path.p);
		++*reaped;
		close(fd);
	}
	list_free(names);
	buf_free(&path);
	return r < 0 ? r : db_run(s, err, "DELETE FROM leases WHERE owner NOT IN (SELECT owner FROM living)", "");
}

/* Whoever takes a name of a dead one up in the meantime has it locked, and forgets what that one held. */
static void remove_leases(struct buf *gone)
{
	struct str rest = buf_str(gone);
	while (rest.p && rest.n) {
		autofree char *path = NULL;
		struct str line = str_cut(&rest, '\n');
		path = strndup(line.p, line.n);
		int fd = path ? store_lock_file(path, O_RDWR) : -1;
		if (fd < 0)
			continue;
		unlink(path);
		close(fd);
	}
}

/* --- what was begun and left --- */
static int sweep_ingest(struct store *s, bool dry, struct store_swept *ret, struct error *err)
{
	struct buf path = BUF(0);
	buf_printf(&path, "%s/ingest", s->images);
	char **names = list(path.p, err);
	for (char **n = names; n && *n; n++) {
		struct stat st;
		buf_clear(&path);
		buf_printf(&path, "%s/ingest/%s", s->images, *n);
		int fd = store_lock_file(path.p, O_RDWR);
		if (fd < 0) {
			if (errno != EWOULDBLOCK && !dry && lstat(path.p, &st) == 0 && !S_ISREG(st.st_mode) && unlink(path.p) == 0) /* nothing of ours */
				ret->partials++;
			continue; /* somebody writes it */
		}
		if (fstat(fd, &st) == 0 && (dry || unlink(path.p) == 0)) {
			ret->bytes += (u64)st.st_size;
			ret->partials++;
		}
		close(fd);
	}
	buf_free(&path);
	list_free(names);
	return names ? 0 : -1;
}

/* Parts and stages all over the store, but among the images, and in trees of images that run or are built (run/tree.h, build/snapshot.h), whose names mean nothing: of facts, feeds, databases, images on their way to elsewhere. */
static int sweep_parts(struct store *s, bool dry, struct store_swept *ret, struct error *err)
{
	char *paths[] = { s->dir, NULL };
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return error_errno(err, "%s", s->dir);
	for (FTSENT *e; (e = fts_read(walk));) { /* what can't be read, or vanishes, is passed over */
		if (e->fts_info != FTS_D && e->fts_info != FTS_F)
			continue;
		bool gone = e->fts_level && file_leftover(e->fts_path, PLACE_STAGE, dry, &ret->bytes);
		ret->partials += gone;
		if (e->fts_info == FTS_D && (gone || (e->fts_level == 2 && strcmp(e->fts_name, "blobs") == 0) || (e->fts_level == 1 && (strcmp(e->fts_name, "run") == 0 || strcmp(e->fts_name, "build") == 0))))
			fts_set(walk, e, FTS_SKIP);
	}
	fts_close(walk);
	return 0;
}

/* --- files without a row --- */
struct strays {
	struct store *s;
	struct digest *v;
	u32 n, cap;
};

static int stray(struct store *s, const struct digest *d, struct error *err)
{
	s64 one;
	LOCKED(s);
	return db_number(s, &one, err, "SELECT 1 FROM blobs WHERE digest = ?", "d", d);
}

static int gather(void *ctx, const char *path, const struct digest *d, struct error *err)
{
	struct strays *x = ctx;
	(void)path;
	int r = d->alg ? stray(x->s, d, err) : 0;
	if (r == 1)
		VEC_PUSH(x->v, x->n, x->cap, *d);
	return r < 0 ? -1 : 0;
}

/* A file appears and gets its row in one change: seen from inside of another, one without a row was left by somebody who died. */
static int remove_strays(struct store *s, bool dry, struct store_swept *ret, struct error *err)
{
	struct strays x = { .s = s };
	struct buf path = BUF(0);
	int r = store_each_blob_file(s, gather, &x, err);
	for (u32 i = 0; r == 0 && i < x.n;) {
		LOCKED(s);
		u32 end = MIN(i + BATCH, x.n);
		bool change = !db_still(s);
		r = change ? db_begin(s, err) : 0;
		if (r < 0)
			break;
		for (; r == 0 && i < end; i++) {
			struct stat st;
			r = stray(s, &x.v[i], err);
			if (r == 1 && lstat(store_path(s, &x.v[i], &path), &st) == 0 && (dry || unlink(path.p) == 0)) {
				ret->bytes += (u64)st.st_size;
				ret->blobs++;
			}
			r = r < 0 ? -1 : 0;
		}
		if (change && db_commit(s, -1, NULL) < 0) { /* nothing was changed */
		}
	}
	free(x.v);
	buf_free(&path);
	return r;
}

/* --- rows --- */
/* In a change: bytes of the files of what is about to go. */
static int count_dead(struct store *s, struct store_swept *ret, struct error *err)
{
	struct buf path = BUF(0);
	autoquery sqlite3_stmt *q = db_ask(s, err, WITH_LIVE "SELECT digest FROM blobs WHERE digest NOT IN live", "");
	int r = q ? 1 : -1;
	while (r == 1 && (r = db_row(s, q, err)) == 1) {
		struct digest d;
		struct stat st;
		if (db_digest(q, 0, &d, err) == 0 && lstat(store_path(s, &d, &path), &st) == 0) {
			ret->bytes += (u64)st.st_size;
			ret->blobs++;
		}
	}
	buf_free(&path);
	return r;
}

static int sweep_rows(struct store *s, bool dry, struct store_swept *ret, struct error *err)
{
	LOCKED(s);
	struct buf gone = BUF(0);
	u32 reaped = 0;
	if (db_still(s)) /* dry, then */
		return count_dead(s, ret, err);
	db_make_room(s);
	int r = db_begin(s, err);
	if (r < 0)
		return r;
	r = lease_reap(s, &gone, &reaped, err);
	if (r == 0 && dry)
		r = count_dead(s, ret, err);
	if (r == 0 && !dry)
		r = db_run(s, err, WITH_LIVE "DELETE FROM blobs WHERE digest NOT IN live", "");
	if (r == 0 && !dry) /* what a document names goes with the document */
		r = db_run(s, err, "DELETE FROM names WHERE (kind < 2 AND parent NOT IN (SELECT digest FROM blobs)) OR (kind = 2 AND child NOT IN (SELECT digest FROM blobs))", "");
	if (r == 0 && !dry)
		r = db_run(s, err, "DELETE FROM layers WHERE digest NOT IN (SELECT digest FROM blobs)", "");
	if (dry) {
		if (db_commit(s, -1, NULL) < 0) { /* nothing was meant to change */
		}
	} else {
		r = db_commit(s, r, err);
		if (r == 0)
			remove_leases(&gone);
	}
	if (r == 0)
		ret->leases = reaped;
	buf_free(&gone);
	return r;
}

/* Files that have no row go first: on a full disk they make the room that a change of rows needs. */
int store_sweep(struct store *s, bool dry, struct store_swept *ret, struct error *err)
{
	*ret = (struct store_swept){ 0 };
	if (!s->db)
		return 0;
	if (!s->write && !dry)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	if (sweep_ingest(s, dry, ret, err) < 0 || sweep_parts(s, dry, ret, err) < 0 || remove_strays(s, dry, ret, err) < 0 || sweep_rows(s, dry, ret, err) < 0)
		return -1;
	if (dry)
		return 0;
	/* Nothing goes that index.json still names, where somebody was killed before he wrote it. Where there is no room for it now there may be then. */
	if (index_heal(s, false, NULL) < 0) { /* see above */
	}
	return remove_strays(s, false, ret, err) < 0 ? -1 : index_heal(s, false, err);
}
