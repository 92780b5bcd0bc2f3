/* Files of publishers: asked for when they changed, continued where they broke off, verified before they appear. */
#include "base/arena.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "transport/fetch.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_MAX (16 * KiB)

/* --- notes: what a server said of a file, so that it can be asked whether that still holds --- */
struct note {
	json_t *doc;
	const char *etag, *modified, *sha256;
	u64 size;
};

static void note_free(struct note *n) { json_decref(n->doc); }

/* All absent when there is none, or it is of another URL. */
static struct note note_read(const char *path, const char *url)
{
	struct note n = { 0 };
	struct buf text = BUF(0);
	if (access(path, R_OK) == 0 && file_read(path, NOTE_MAX, &text, NULL) == 0)
		n.doc = json_read(buf_str(&text), path, NULL);
	buf_free(&text);
	const char *of = n.doc ? json_text(n.doc, "url") : NULL;
	if (of && strcmp(of, url) == 0) {
		n.etag = json_text(n.doc, "etag");
		n.modified = json_text(n.doc, "modified");
		n.sha256 = json_text(n.doc, "sha256");
		if (!json_u64(n.doc, "size", &n.size))
			n.size = UINT64_MAX;
	}
	return n;
}

static bool plain(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || (unsigned char)value.p[i] >= 0x7f)
			return false;
	return value.n && value.n < 1024;
}

static int note_write(const char *path, const char *url, const struct http *h, const struct note *known, const struct digest *sha256, u64 size, struct error *err)
{
	struct str etag = known ? str_of(known->etag) : http_header(h, "ETag", 0), modified = known ? str_of(known->modified) : http_header(h, "Last-Modified", 0);
	json_t *doc = json_object();
	json_object_set_new(doc, "url", json_string(url));
	if (etag.p && plain(etag))
		json_object_set_new(doc, "etag", json_stringn(etag.p, etag.n));
	if (modified.p && plain(modified))
		json_object_set_new(doc, "modified", json_stringn(modified.p, modified.n));
	if (sha256) {
		json_object_set_new(doc, "sha256", json_string(DIGEST_STR(sha256)));
		json_object_set_new(doc, "size", json_integer((json_int_t)size));
	}
	char *text = json_dumps(doc, JSON_INDENT(1));
	struct outfile o;
	int r = outfile_open(&o, path, err);
	if (r == 0 && (file_write_all(o.fd, text, strlen(text)) < 0 || file_write_all(o.fd, "\n", 1) < 0)) {
		r = error_errno(err, "%s", path);
		outfile_abort(&o);
	} else if (r == 0) {
		r = outfile_commit_unsynced(&o, err);
	}
	free(text);
	json_decref(doc);
	return r;
}

int fetch_noted(const char *path, const char *note, const char *url, struct digest *sha256)
{
	struct stat st;
	struct note n = note_read(note, url);
	struct error ignored = { 0 };
	int r = n.sha256 && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (u64)st.st_size == n.size ? digest_parse(str_of(n.sha256), sha256, &ignored) : -1;
	note_free(&n);
	return r;
}

/* --- one file under way --- */
struct job {
	struct http *h;
	const struct fetch_file *f;
	char *part_note;
	int fd;             /* of the part */
	u64 at;             /* bytes of it */
	struct digester *sum;
	struct note served; /* of the part */
	bool resumed;
};

/* The part's bytes so far, digested; what is of another version, or cannot be asked for by If-Range, is dropped. */
static int part_open(struct job *j, struct error *err)
{
	struct stat st;
	note_free(&j->served);
	j->served = note_read(j->part_note, j->f->url);
	bool usable = (j->served.etag && strncmp(j->served.etag, "W/", 2) != 0) || j->served.modified;
	if (j->fd < 0)
		j->fd = open(j->f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd < 0 || fstat(j->fd, &st) < 0 || (!usable && ftruncate(j->fd, 0) < 0) || lseek(j->fd, 0, SEEK_SET) < 0)
		return error_errno(err, "%s", j->f->part);
	if (!j->sum)
		j->sum = digester_new(DIGEST_SHA256);
	else if (usable && j->at == (u64)st.st_size)
		return lseek(j->fd, 0, SEEK_END) < 0 ? error_errno(err, "%s", j->f->part) : 0;
	(void)digester_finish(j->sum);
	j->sum = digester_new(DIGEST_SHA256);
	j->at = 0;
	autofree char *piece = xmalloc(64 * KiB);
	for (ssize_t n; usable && (n = read(j->fd, piece, 64 * KiB)) != 0; j->at += (u64)n) {
		if (n < 0)
			return error_errno(err, "%s", j->f->part);
		digester_add(j->sum, str_n(piece, (size_t)n));
	}
	return 0;
}

static int part_restart(struct job *j, struct error *err)
{
	if (ftruncate(j->fd, 0) < 0 || lseek(j->fd, 0, SEEK_SET) < 0)
		return error_errno(err, "%s", j->f->part);
	(void)digester_finish(j->sum);
	j->sum = digester_new(DIGEST_SHA256);
	j->at = 0;
	return 0;
}

/* "bytes FIRST-LAST/ALL" that begins where we are. */
static bool continues(struct str range, u64 at)
{
	u64 first;
	if (!range.p || !str_starts(range, STR("bytes ")))
		return false;
	range = str_from(range, 6);
	return str_to_u64(str_cut(&range, '-'), &first) && first == at;
}

static int ask(struct job *j, const struct note *kept, u32 *status, struct stream **body, struct error *err)
{
	struct arena a = { 0 };
	const char *headers[4];
	u32 n = 0;
	if (j->at) {
		headers[n++] = arena_printf(&a, "Range: bytes=%llu-", (unsigned long long)j->at);
		headers[n++] = arena_printf(&a, "If-Range: %s", j->served.etag && strncmp(j->served.etag, "W/", 2) != 0 ? j->served.etag : j->served.modified);
	} else {
		if (kept->etag)
			headers[n++] = arena_printf(&a, "If-None-Match: %s", kept->etag);
		if (kept->modified)
			headers[n++] = arena_printf(&a, "If-Modified-Since: %s", kept->modified);
	}
	if (j->f->pack)
		headers[n++] = "Accept-Encoding: gzip";
	int r = fetch_open(j->h, &(struct fetch_ask){ .url = j->f->url, .headers = headers, .n_headers = n }, status, body, err);
	arena_free(&a);
	return r;
}

/* Takes the body in. 1: it broke off, and *err says why. */
static int take(struct job *j, u32 status, struct stream *body, struct error *err)
{
	u64 length = 0;
	struct str view = { NULL, 0 };
	struct error why = { 0 };
	int r = 0;
	if (status == 206 && !continues(http_header(j->h, "Content-Range", 0), j->at)) /* the next time all of it is asked for: else it would go on like this */
		r = part_restart(j, err) < 0 ? -1 : error_set(err, ERR_ENV, "another part came than was asked for");
	else if (status == 200)
		r = part_restart(j, err) < 0 ? -1 : note_write(j->part_note, j->f->url, j->h, NULL, NULL, 0, err);
	struct str said = http_header(j->h, "Content-Length", 0);
	if (r == 0 && said.p && str_to_u64(said, &length) && length > FETCH_FILE_MAX - MIN(j->at, FETCH_FILE_MAX))
		r = error_set(err, ERR_INPUT, "over %s", "16 GiB");
	progress_begin(j->f->title, length ? j->at + length : 0);
	progress_add(j->at);
	while (r == 0) {
		r = stream_next(body, &view, &why) < 0 ? 1 : 0;
		if (r || !view.n)
			break;
		if (view.n > FETCH_FILE_MAX - j->at)
			r = error_set(err, ERR_INPUT, "over %s", "16 GiB");
		else if (file_write_all(j->fd, view.p, view.n) < 0)
			r = error_errno(err, "%s", j->f->part);
		digester_add(j->sum, view);
		j->at += view.n;
		progress_add(view.n);
	}
	progress_end();
	stream_close(body);
	if (r == 1)
		*err = why;
	return r;
}

/* RFC 9530's Repr-Digest and the older Digest, when the server sends one of SHA-256. */
static int check_header(const struct job *j, const struct digest *sha256, struct error *err)
{
	static const char *const names[] = { "Repr-Digest", "Digest" };
	char want[64];
	crypto()->base64_encode((unsigned char *)want, sha256->bytes, 32);
	for (size_t i = 0; i < countof(names); i++)
		for (struct str rest = http_header(j->h, names[i], 0); rest.p;) {
			struct str value = str_trim(str_cut(&rest, ',')), alg = str_cut(&value, '=');
			if (!value.p || !str_ieq(alg, STR("sha-256")))
				continue;
			if (value.n > 2 && value.p[0] == ':' && value.p[value.n - 1] == ':')
				value = str_head(str_from(value, 1), value.n - 2);
			if (!str_is(value, want))
				return error_set(err, ERR_INPUT, "the digest of what came is not the one that its server sent with it");
		}
	return 0;
}

static int appear(struct job *j, struct digest *sha256, struct error *err)
{
	*sha256 = digester_finish(j->sum);
	j->sum = NULL;
	int r = check_header(j, sha256, err);
	struct note served = note_read(j->part_note, j->f->url); /* the verifier may ask for more with the same connection */
	if (r == 0 && j->f->verify)
		r = j->f->verify(j->f->ctx, j->fd, sha256, err);
	if (r < 0 && err->kind == ERR_INPUT)
		unlink(j->f->part);
	if (r == 0 && (fsync(j->fd) < 0 || rename(j->f->part, j->f->path) < 0))
		r = error_errno(err, "%s", j->f->path);
	r = r < 0 ? r : note_write(j->f->note, j->f->url, j->h, &served, sha256, j->at, err);
	if (r == 0 || err->kind == ERR_INPUT)
		unlink(j->part_note);
	note_free(&served);
	return r;
}

/* One attempt. 1: broke off, 2: refused with *status. */
static int attempt(struct job *j, const struct note *kept, enum fetch_result *ret, u32 *status, struct error *err)
{
	struct stream *body;
	*status = 0;
	if (part_open(j, err) < 0)
		return -1;
	int r = ask(j, kept, status, &body, err);
	if (r < 0)
		return err->kind == ERR_ENV ? 1 : -1;
	if (*status == 200 || *status == 206) {
		r = take(j, *status, body, err);
		*status = 0;
		*ret = FETCH_FRESH;
		return r;
	}
	stream_close(body);
	if (*status == 416 && j->at) { /* it became shorter */
		*status = 0;
		return part_restart(j, err) < 0 || (unlink(j->part_note) < 0 && errno != ENOENT) ? -1 : 1;
	}
	*ret = *status == 304 ? FETCH_UNCHANGED : FETCH_ABSENT;
	return (*status == 304 && !j->at && (kept->etag || kept->modified)) || *status == 404 || *status == 410 ? 0 : 2;
}

static int fetch_with(struct job *j, const struct fetch_options *opt, const struct note *kept, enum fetch_result *ret, struct digest *sha256, struct error *err)
{
	struct fetch_patience p = { .attempts = opt->attempts };
	for (u32 i = 0; i < FETCH_RESUMES; i++) {
		struct error why = { 0 };
		u32 status;
		u64 before = j->at;
		int r = attempt(j, kept, ret, &status, &why);
		if (r == 0 && *ret == FETCH_FRESH)
			return appear(j, sha256, err);
		if (r == 0)
			return 0;
		if (r == 1 && !why.kind) /* 416 */
			continue;
		if (j->at > before) /* something came: patience begins anew */
			p.tried = 0;
		if (r < 0 || !fetch_again(&p, j->h, status, &why)) {
			if (!why.kind)
				error_set(&why, ERR_ENV, "%s", FETCH_STATUS(status));
			*err = why;
			return -1;
		}
	}
	return error_set(err, ERR_ENV, "broke off %d times", FETCH_RESUMES);
}

int fetch_file(struct http *h, const struct fetch_options *opt, const struct fetch_file *f, enum fetch_result *ret, struct digest *sha256, struct error *err)
{
	struct job j = { .h = h, .f = f, .fd = -1 };
	struct digest had;
	struct note kept = fetch_noted(f->path, f->note, f->url, &had) == 0 ? note_read(f->note, f->url) : (struct note){ 0 };
	struct buf name = BUF(0);
	buf_printf(&name, "%s.json", f->part);
	j.part_note = name.p;
	int r = fetch_with(&j, opt, &kept, ret, sha256, err);
	if (r == 0 && *ret == FETCH_UNCHANGED)
		*sha256 = had;
	if (j.sum)
		(void)digester_finish(j.sum);
	if (j.fd >= 0)
		close(j.fd);
	if (j.at == 0 || (r == 0 && *ret != FETCH_FRESH)) {
		unlink(f->part);
		unlink(j.part_note);
	}
	note_free(&j.served);
	note_free(&kept);
	buf_free(&name);
	return r < 0 && !strstr(err->text, f->url) ? error_wrap(err, "%.300s", f->url) : r;
}
