#include "update/feeds.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "update/place.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_MAX ((size_t)(8 * MiB))
#define PAGE_MAX ((size_t)(16 * MiB)) /* a directory in HTML */
#define SMALL_MAX ((size_t)(64 * KiB))
#define YEARS_MAX 200u

int update_lock(struct arena *a, const char *store, int *ret_fd, struct error *err)
{
	const char *dir = arena_printf(a, "%s/feeds", store);
	if (file_mkdirs(dir, err) < 0)
		return -1;
	int fd = open(arena_printf(a, "%s/lock", dir), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(err, "%s", dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int r = errno == EWOULDBLOCK ? error_set(err, ERR_ENV, "%s: another pare is updating it", dir) : error_errno(err, "%s", dir);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int update_place_read(struct arena *a, const char *word, struct update_place *ret, struct error *err)
{
	struct str rest = str_of(word), kind = str_cut(&rest, ':');
	struct update_place p = { .feed = feed_named(kind) };
	if (!p.feed) {
		struct buf names = BUF(0);
		for (const struct feed *const *f = feeds; *f; f++)
			buf_printf(&names, " %s", (*f)->kind);
		error_set(err, ERR_USAGE, "--from %.100s: it is KIND, KIND:URL or oci://REGISTRY/REPOSITORY:TAG, with a KIND of:%s", word, names.p);
		buf_free(&names);
		return -1;
	}
	if (rest.p) {
		const char *hash = str_chr(rest, '#');
		struct str url = hash ? str_head(rest, (size_t)(hash - rest.p)) : rest;
		p.url = arena_strdup(a, url);
		if (fetch_check_url(p.url, err) < 0 || (hash && digest_parse(str_of(hash + 1), &p.digest, err) < 0)) {
			err->kind = ERR_USAGE;
			return error_wrap(err, "--from %.100s", p.feed->kind);
		}
		if (hash && (p.digest.alg != DIGEST_SHA256 || str_ends(url, STR("/"))))
			return error_set(err, ERR_USAGE, "--from %.200s: a digest is sha256:HEX, of one file", word);
	} else if (!p.feed->url && !place_of(p.feed->kind)) {
		return error_set(err, ERR_USAGE, "--from %s: its publisher has no one place for it: name one, %s:URL", p.feed->kind, p.feed->kind);
	}
	*ret = p;
	return 0;
}

/* --- one place --- */
struct job {
	struct arena *a;
	struct http *h;
	const struct update_options *opt;
	struct update_place *p;
	const struct place *place;
	const char *base, *host; /* base: what names stand behind */
	struct buf list;         /* names, a line each */
	struct digester *state;
	const char *file_url;    /* of the file under way, for the verifier */
};

/* A name of one part for any text, not of it alone. */
static const char *slug(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, str_head(str_of(text), 120));
	for (char *c = s; *c; c++)
		if (!place_name_ok(str_n(c, 1)) && *c != '.')
			*c = '_';
	if (s[0] == '.')
		s[0] = '_';
	return s;
}

/* Of a URL, and of it alone. */
static const char *room_name(struct arena *a, const char *url)
{
	struct digest d = digest_bytes(DIGEST_SHA256, str_of(url));
	return arena_printf(a, "%s-%.8s", slug(a, strstr(url, "://") + 3), DIGEST_STR(&d) + 7);
}

static const char *below(const struct job *j, const char *room, const char *name) { return arena_printf(j->a, "%s/%s/%s", j->p->dir, room, name); }

static int make_room(const struct job *j, const char *path, struct error *err)
{
	char *dir = arena_strdup(j->a, str_of(path));
	*strrchr(dir, '/') = '\0';
	return file_mkdirs(dir, err);
}

static int content_digest(int fd, struct digest *ret, struct error *err)
{
	struct stream *s;
	struct str view;
	int r = stream_inflate(stream_file(fd, false, 0, UINT64_MAX, 0), &s, NULL, err);
	if (r < 0)
		return r;
	struct digester *d = digester_new(DIGEST_SHA256);
	while ((r = stream_next(s, &view, err)) == 0 && view.n)
		digester_add(d, view);
	*ret = digester_finish(d);
	stream_close(s);
	return r;
}

/* What the user or the publisher says that the file's digest is. */
static int verify(void *ctx, int fd, const struct digest *sha256, struct error *err)
{
	struct job *j = ctx;
	struct digest want = j->p->digest, have = *sha256;
	struct buf text = BUF(0);
	int r = 0;
	if (want.alg == DIGEST_NONE && j->place && j->place->digest != DIGEST_OF_NOTHING) {
		bool content = j->place->digest == DIGEST_OF_CONTENT;
		struct str url = str_of(j->file_url);
		u32 status;
		if (content && str_ends(url, STR(".json.gz")))
			url.n -= 8;
		r = fetch_document(j->h, &j->opt->fetch, arena_printf(j->a, "%.*s%s", STR_FMT(url), content ? ".meta" : ".sha256"), SMALL_MAX, &status, &text, err);
		struct str hex = r == 0 && status == 200 ? place_digest_of(j->place->digest, buf_str(&text)) : (struct str){ NULL, 0 };
		if (hex.p) {
			char *low = arena_printf(j->a, "sha256:%.*s", STR_FMT(hex));
			for (char *c = low; *c; c++)
				*c = *c >= 'A' && *c <= 'F' ? (char)(*c | 0x20) : *c;
			r = digest_parse(str_of(low), &want, err);
		} else if (r == 0 && status == 200) {
			r = error_set(err, ERR_INPUT, "there is no SHA-256 in the document that its publisher has beside it");
		}
		if (r == 0 && content && want.alg)
			r = content_digest(fd, &have, err);
	}
	if (r == 0 && want.alg && !digest_eq(&want, &have))
		r = error_set(err, ERR_INPUT, "what came is %s, and it should be %s", DIGEST_STR(&have), DIGEST_STR(&want));
	buf_free(&text);
	return r;
}

static bool packed(const char *name)
{
	static const char *const ends[] = { ".gz", ".zst", ".xz", ".bz2", ".zip", ".tgz" };
	for (size_t i = 0; i < countof(ends); i++)
		if (str_ends(str_of(name), str_of(ends[i])))
			return true;
	return false;
}

static int add_name(struct job *j, const char *name, const struct digest *sha256, struct error *err)
{
	struct stat st = { 0 };
	if (++j->p->n_files > UPDATE_FILES)
		return error_set(err, ERR_INPUT, "%.200s: more than %u files", j->base, UPDATE_FILES);
	(void)!stat(below(j, j->host, name), &st);
	j->p->bytes += (u64)st.st_size;
	buf_printf(&j->list, "%s\n", name);
	digester_add(j->state, str_of(name));
	digester_add(j->state, str_n(sha256, sizeof *sha256));
	return 0;
}

/* The file of that name at that URL. 1: there is none. */
static int one(struct job *j, const char *name, const char *url, struct error *err)
{
	struct digest sha256;
	enum fetch_result got;
	const char *path = below(j, j->host, name), *note = below(j, "notes", arena_printf(j->a, "%s.json", name)), *part = below(j, "parts", name);
	if (!place_name_ok(str_of(name)))
		return error_set(err, ERR_INPUT, "%.300s: not a name for a file", url);
	if (make_room(j, path, err) < 0 || make_room(j, note, err) < 0 || make_room(j, part, err) < 0)
		return -1;
	j->file_url = url;
	struct fetch_file f = { .url = url, .path = path, .part = part, .note = note, .title = j->p->feed->kind, .pack = !packed(name) && !j->p->digest.alg, .verify = verify, .ctx = j };
	int r = fetch_file(j->h, &j->opt->fetch, &f, &got, &sha256, err);
	if (r < 0)
		return r;
	if (got == FETCH_ABSENT)
		return 1;
	if (j->p->digest.alg && !digest_eq(&j->p->digest, &sha256)) /* it did not change, and the user names another one now */
		return error_set(err, ERR_INPUT, "%.300s: it is %s, and it should be %s", url, DIGEST_STR(&sha256), DIGEST_STR(&j->p->digest));
	j->p->n_fresh += got == FETCH_FRESH;
	return add_name(j, name, &sha256, err);
}

static int absent(const char *url, struct error *err) { return error_set(err, ERR_ENV, "%.300s: %s", url, FETCH_STATUS(404)); }

static int needed(struct job *j, const char *name, const char *url, struct error *err)
{
	int r = one(j, name, url, err);
	return r == 1 ? absent(url, err) : r;
}

static int fetch_list(struct job *j, struct error *err)
{
	int r = 0;
	for (struct str rest = str_of(j->place->names); r == 0 && rest.p;) {
		const char *name = arena_strdup(j->a, str_cut(&rest, ' ')), *url = arena_printf(j->a, "%s%s", j->base, name);
		r = one(j, name, url, err);
		if (r == 1 && j->opt->keep_going) { /* one of many moved */
			j->p->failed = arena_printf(j->a, "%.300s: %s", url, FETCH_STATUS(404));
			r = 0;
		} else if (r == 1) {
			r = absent(url, err);
		}
	}
	if (r == 0 && !j->p->n_files)
		r = error_set(err, ERR_ENV, "%s", j->p->failed);
	return r;
}

static int fetch_years(struct job *j, struct error *err)
{
	struct str behind = str_of(j->place->names), before = str_cut(&behind, '%');
	for (u32 year = j->place->first; year < j->place->first + YEARS_MAX; year++) {
		const char *name = arena_printf(j->a, "%.*s%u%.*s", STR_FMT(before), year, STR_FMT(behind));
		const char *url = arena_printf(j->a, "%s%s", j->base, name);
		int r = year == j->place->first ? needed(j, name, url, err) : one(j, name, url, err);
		if (r)
			return r == 1 ? 0 : r;
	}
	return 0;
}

static int document(struct job *j, const char *url, size_t limit, struct buf *out, struct error *err)
{
	u32 status;
	int r = fetch_document(j->h, &j->opt->fetch, url, limit, &status, out, err);
	return r == 0 && status != 200 ? error_set(err, ERR_ENV, "%.300s: %s", url, FETCH_STATUS(status)) : r;
}

static int fetch_pointer(struct job *j, struct error *err)
{
	struct buf text = BUF(0);
	const char *url = arena_printf(j->a, "%s%s", j->base, j->place->names);
	int r = document(j, url, SMALL_MAX, &text, err);
	struct str name = r == 0 ? place_pointed(buf_str(&text)) : (struct str){ NULL, 0 };
	if (r == 0 && !name.p)
		r = error_set(err, ERR_INPUT, "%.300s: it names no file", url);
	const char *copy = r == 0 ? arena_strdup(j->a, name) : NULL;
	buf_free(&text);
	return r < 0 ? r : needed(j, copy, arena_printf(j->a, "%s%s", j->base, copy), err);
}

/* --- directories in HTML --- */
struct names {
	struct arena *a;
	const char *patterns;
	const char **v; /* in their order by bytes, each once */
	u32 n, cap;
};

static int take_link(void *ctx, struct str name)
{
	struct names *l = ctx;
	bool dir = name.p[name.n - 1] == '/';
	struct str bare = str_head(name, name.n - dir);
	bool wanted = false;
	for (struct str rest = str_of(l->patterns); !wanted && rest.p;) {
		struct str pattern = str_cut(&rest, ' ');
		bool of_dir = str_ends(pattern, STR("/"));
		wanted = dir == of_dir && str_glob(str_head(pattern, pattern.n - of_dir), bare);
	}
	if (wanted)
		VEC_PUSH(l->v, l->n, l->cap, arena_strdup(l->a, name));
	return 0;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int links_of(struct job *j, const char *dir, struct names *ret, struct error *err)
{
	struct buf html = BUF(0);
	int r = document(j, arena_printf(j->a, "%s%s", j->base, dir), PAGE_MAX, &html, err);
	if (r == 0)
		r = place_links(buf_str(&html), take_link, ret);
	buf_free(&html);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof *ret->v, by_bytes);
	u32 n = 0;
	for (u32 i = 0; i < ret->n; i++)
		if (!n || strcmp(ret->v[i], ret->v[n - 1]) != 0)
			ret->v[n++] = ret->v[i];
	ret->n = n;
	return r;
}

static int fetch_index(struct job *j, struct error *err)
{
	struct names top = { .a = j->a, .patterns = j->place->names };
	int r = links_of(j, "", &top, err);
	for (u32 i = 0; r == 0 && i < top.n; i++) {
		if (!str_ends(str_of(top.v[i]), STR("/"))) {
			r = needed(j, top.v[i], arena_printf(j->a, "%s%s", j->base, top.v[i]), err);
			continue;
		}
		struct names inner = { .a = j->a, .patterns = j->place->names };
		r = links_of(j, top.v[i], &inner, err);
		for (u32 k = 0; r == 0 && k < inner.n; k++)
			if (!str_ends(str_of(inner.v[k]), STR("/"))) {
				const char *name = arena_printf(j->a, "%s%s", top.v[i], inner.v[k]);
				r = needed(j, name, arena_printf(j->a, "%s%s", j->base, name), err);
			}
		free(inner.v);
	}
	free(top.v);
	if (r == 0 && !j->p->n_files)
		r = error_set(err, ERR_INPUT, "%.300s: it lists no file of this feed", j->base);
	return r;
}

/* --- a place as a whole --- */
static int fetch_place(struct job *j, struct error *err)
{
	if (!j->place) {
		const char *base = arena_strdup(j->a, str_head(str_of(j->base), strcspn(j->base, "?")));
		const char *name = slug(j->a, strrchr(base, '/') + 1);
		return needed(j, name[0] ? name : "feed", j->base, err);
	}
	switch (j->place->form) {
	case PLACE_LIST:
		return fetch_list(j, err);
	case PLACE_YEARS:
		return fetch_years(j, err);
	case PLACE_POINTER:
		return fetch_pointer(j, err);
	default:
		return fetch_index(j, err);
	}
}

static int read_list(struct job *j, struct buf *out, struct error *err)
{
	const char *path = arena_printf(j->a, "%s/list", j->p->dir);
	return access(path, R_OK) < 0 && errno == ENOENT ? 0 : file_read(path, LIST_MAX, out, err);
}

/* What was fetched before. */
static int known_place(struct job *j, struct error *err)
{
	struct buf list = BUF(0);
	int r = read_list(j, &list, err);
	if (r == 0 && !list.n)
		r = error_set(err, ERR_ENV, "%s: it was not fetched from %.200s yet, and --offline says not to", j->p->feed->kind, j->base);
	for (struct str rest = buf_str(&list); r == 0 && rest.p;) {
		struct str line = str_cut(&rest, '\n');
		struct digest sha256 = { 0 };
		if (!line.n)
			continue;
		if (!place_name_ok(line)) {
			r = error_set(err, ERR_INPUT, "%s/list: not a list of names", j->p->dir);
			break;
		}
		const char *name = arena_strdup(j->a, line), *path = below(j, j->host, name);
		autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		struct stream *s = fd < 0 ? NULL : stream_file(fd, false, 0, UINT64_MAX, 0);
		struct str view;
		if (!s) {
			r = error_errno(err, "%s", path);
			break;
		}
		struct digester *d = digester_new(DIGEST_SHA256);
		while ((r = stream_next(s, &view, err)) == 0 && view.n)
			digester_add(d, view);
		sha256 = digester_finish(d);
		stream_close(s);
		r = r < 0 ? r : add_name(j, name, &sha256, err);
	}
	buf_free(&list);
	return r;
}

static void remove_old(struct job *j, struct str old)
{
	const char **now = NULL;
	u32 n = 0, cap = 0;
	for (struct str rest = buf_str(&j->list); rest.p;)
		VEC_PUSH(now, n, cap, arena_strdup(j->a, str_cut(&rest, '\n')));
	qsort(now, n, sizeof *now, by_bytes);
	while (old.p) {
		struct str line = str_cut(&old, '\n');
		const char *name = arena_strdup(j->a, line);
		if (!place_name_ok(line) || bsearch(&name, now, n, sizeof *now, by_bytes))
			continue;
		unlink(below(j, j->host, name));
		unlink(below(j, "notes", arena_printf(j->a, "%s.json", name)));
	}
	free(now);
}

/* Keeps the list of what belongs to the place, and removes what no longer does. */
static int settle(struct job *j, struct error *err)
{
	struct buf old = BUF(0);
	struct outfile o;
	if (read_list(j, &old, NULL) < 0)
		buf_clear(&old);
	bool same = str_eq(buf_str(&old), buf_str(&j->list));
	int r = same ? 0 : outfile_open(&o, arena_printf(j->a, "%s/list", j->p->dir), err);
	if (!same && r == 0) {
		if (file_write_all(o.fd, j->list.p, j->list.n) < 0) {
			r = error_errno(err, "%s/list", j->p->dir);
			outfile_abort(&o);
		} else {
			r = outfile_commit(&o, err);
		}
	}
	if (r == 0 && !same)
		remove_old(j, buf_str(&old));
	buf_free(&old);
	return r;
}

/* Nothing of it is there yet. */
static void start(struct job *j)
{
	j->p->n_files = j->p->n_fresh = 0;
	j->p->bytes = 0;
	buf_clear(&j->list);
	digester_finish(j->state);
	j->state = digester_new(DIGEST_SHA256);
}

static int update_one(struct job *j, struct error *err)
{
	struct update_place *p = j->p;
	const struct place *known = place_of(p->feed->kind);
	bool dir = p->url && str_ends(str_of(p->url), STR("/"));
	j->place = !p->url || dir ? known ? known : dir ? &place_listed : NULL : NULL;
	j->base = p->url ? p->url : known ? known->url : p->feed->url;
	struct str rest = str_of(strstr(j->base, "://") + 3), host = str_cut(&rest, '/');
	if (!rest.p)
		return error_set(err, ERR_USAGE, "--from %s:%.200s: a URL of a file, or of a directory with a slash behind it", p->feed->kind, j->base);
	j->host = slug(j->a, arena_strdup(j->a, host));
	p->dir = arena_printf(j->a, "%s/feeds/%s/%s", j->opt->store, p->feed->kind, room_name(j->a, j->base));
	p->failed = NULL;
	p->left_out = false;
	if (file_mkdirs(p->dir, err) < 0)
		return -1;
	int r = j->opt->offline ? known_place(j, err) : fetch_place(j, err);
	if (r == 0 && !j->opt->offline)
		r = settle(j, err);
	if (r < 0 && j->opt->keep_going) {
		p->failed = arena_strdup(j->a, str_of(err->text));
		p->left_out = j->opt->offline || (start(j), known_place(j, err)) < 0;
		r = 0;
	}
	if (r < 0)
		return error_wrap(err, "%s", p->feed->kind);
	if (p->left_out)
		return 0;
	struct str list = buf_str(&j->list), first = str_cut(&list, '\n');
	p->files = j->place ? arena_printf(j->a, "%s/%s", p->dir, j->host) : below(j, j->host, arena_strdup(j->a, first));
	return 0;
}

int update_fetch(struct arena *a, struct update_place *places, u32 n, const struct update_options *opt, struct error *err)
{
	struct http *h = opt->offline ? NULL : fetch_client(&opt->fetch, err);
	int r = h || opt->offline ? 0 : -1;
	bool some = false;
	for (u32 i = 0; r == 0 && i < n; i++) {
		struct job j = { .a = a, .h = h, .opt = opt, .p = &places[i], .list = BUF(LIST_MAX), .state = digester_new(DIGEST_SHA256) };
		places[i].n_files = places[i].n_fresh = 0;
		places[i].bytes = 0;
		r = update_one(&j, err);
		places[i].state = digester_finish(j.state);
		buf_free(&j.list);
		some |= r == 0 && !places[i].left_out;
	}
	http_close(h);
	return r == 0 && !some ? error_set(err, ERR_ENV, "%s%s", places[0].failed, n > 1 ? "; nor could any other feed be had" : "") : r;
}

/* --- the database --- */
/* What is damaged is fetched anew the next time, whether its server says that it changed or not: it may have been damaged on its way. */
static void forget(const struct update_place *p)
{
	struct buf list = BUF(0);
	struct arena a = { 0 };
	if (file_read(arena_printf(&a, "%s/list", p->dir), LIST_MAX, &list, NULL) == 0)
		for (struct str rest = buf_str(&list); rest.p;) {
			struct str name = str_cut(&rest, '\n');
			if (place_name_ok(name))
				unlink(arena_printf(&a, "%s/notes/%.*s.json", p->dir, STR_FMT(name)));
		}
	buf_free(&list);
	arena_free(&a);
}

int update_build(struct update_place *places, u32 n, const char *db, struct error *err)
{
	struct db_writer *w;
	int r = db_writer_open(db, &w, err);
	if (r < 0)
		return r;
	for (u32 i = 0; i < n; i++) {
		struct update_place *p = &places[i];
		struct str newest;
		if (p->left_out)
			continue;
		progress_begin(p->feed->kind, 0);
		r = p->feed->import(p->files, w, err);
		progress_end();
		if (r < 0) {
			db_writer_abort(w);
			if (err->kind == ERR_INPUT)
				forget(p);
			return error_wrap(err, "%s", p->feed->kind);
		}
		db_writer_since(w, &p->records, &p->others, &newest);
		snprintf(p->newest, sizeof p->newest, "%.*s", (int)MIN(newest.n, (size_t)10), newest.n ? newest.p : "");
	}
	progress_begin("writing", 0);
	r = db_writer_commit(w, err);
	progress_end();
	return r;
}

const char *update_state(struct arena *a, const struct update_place *places, u32 n)
{
	struct digester *d = digester_new(DIGEST_SHA256);
	for (u32 i = 0; i < n; i++) {
		if (places[i].left_out)
			continue;
		digester_add(d, str_of(places[i].feed->kind));
		digester_add(d, str_n(&places[i].state, sizeof places[i].state));
	}
	struct digest all = digester_finish(d);
	return arena_printf(a, "feeds %s %u %s", PARE_VERSION, DB_VERSION, DIGEST_STR(&all));
}

static json_t *built(struct arena *a, const char *db, const char *of)
{
	struct stat st;
	char *real = realpath(db, NULL);
	json_t *doc = real && stat(real, &st) == 0 ? json_object() : NULL;
	if (doc) {
		json_object_set_new(doc, "database", json_string(real));
		json_object_set_new(doc, "of", json_string(of));
		json_object_set_new(doc, "file", json_string(arena_printf(a, "%llu %llu %lld.%09ld", (unsigned long long)st.st_ino, (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
									 st.st_mtim.tv_nsec)));
	}
	free(real);
	return doc;
}

bool update_is_built(struct arena *a, const char *store, const char *db, const char *of)
{
	struct buf text = BUF(0);
	const char *path = arena_printf(a, "%s/feeds/built.json", store);
	autojson json_t *now = built(a, db, of);
	autojson json_t *then = access(path, R_OK) == 0 && file_read(path, SMALL_MAX, &text, NULL) == 0 ? json_read(buf_str(&text), path, NULL) : NULL;
	buf_free(&text);
	return now && then && json_equal(now, then);
}

int update_set_built(struct arena *a, const char *store, const char *db, const char *of, struct error *err)
{
	struct outfile o;
	autojson json_t *doc = built(a, db, of);
	autofree char *text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
	if (!text)
		return 0;
	if (outfile_open(&o, arena_printf(a, "%s/feeds/built.json", store), err) < 0)
		return -1;
	if (file_write_all(o.fd, text, strlen(text)) < 0) {
		error_errno(err, "%s", o.path);
		outfile_abort(&o);
		return -1;
	}
	return outfile_commit_unsynced(&o, err);
}
