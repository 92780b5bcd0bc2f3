/* store_refs.c — names, and index.json, which shows them to others. */
#include "base/file.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "store/db.h"
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define COLUMNS "name, digest, type, created, used"
#define TOUCH 60 /* seconds: that it was used is noted no more often */
#define TOUCH_WAIT 50 /* milliseconds */
#define PREFIX_MIN 6

static int take_ref(sqlite3_stmt *q, struct store_ref *ret, struct arena *a, struct error *err)
{
	struct store_ref r = { .created = sqlite()->column_int64(q, 3), .used = sqlite()->column_int64(q, 4) };
	if (db_digest(q, 1, &r.digest, err) < 0)
		return -1;
	r.name = arena_strdup(a, str_of(db_text(q, 0)));
	r.type = arena_strdup(a, str_of(db_text(q, 2)));
	*ret = r;
	return 0;
}

/* --- finding --- */
static int first_ref(struct store *s, sqlite3_stmt *q, struct store_ref *ret, struct arena *a, struct error *err)
{
	int r = q ? db_row(s, q, err) : -1;
	return r < 0 ? -1 : r == 0 ? 1 : take_ref(q, ret, a, err);
}

static int by_digest(struct store *s, const struct digest *d, struct store_ref *ret, struct arena *a, struct error *err)
{
	autoquery sqlite3_stmt *q = db_ask(s, err,
					   "SELECT " COLUMNS " FROM (SELECT " COLUMNS ", 0 AS last FROM refs WHERE digest = ?1 UNION ALL "
					   "SELECT '', digest, type, 0, 0, 1 FROM blobs WHERE digest = ?1 AND type IS NOT NULL) ORDER BY last, name = '', name LIMIT 1",
					   "d", d);
	return first_ref(s, q, ret, a, err);
}

static int by_name(struct store *s, const char *name, struct store_ref *ret, struct arena *a, struct error *err)
{
	autoquery sqlite3_stmt *q = db_ask(s, err, "SELECT " COLUMNS " FROM refs WHERE name = ? AND name <> ''", "t", name);
	return first_ref(s, q, ret, a, err);
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return s.n >= PREFIX_MIN && s.n <= 128;
}

static int by_prefix(struct store *s, struct str hex, struct store_ref *ret, struct arena *a, struct error *err)
{
	const char *from = arena_printf(a, "sha256:%.*s", STR_FMT(hex)), *to = arena_printf(a, "%sg", from);
	static const char *const where[] = { "SELECT DISTINCT digest FROM refs WHERE digest >= ? AND digest < ? LIMIT 2",
					     "SELECT digest FROM blobs WHERE digest >= ? AND digest < ? AND type IS NOT NULL LIMIT 2" };
	for (size_t i = 0; i < countof(where); i++) {
		autoquery sqlite3_stmt *q = db_ask(s, err, where[i], "tt", from, to);
		struct digest d;
		int r = q ? db_row(s, q, err) : -1;
		if (r == 0)
			continue;
		if (r < 0 || db_digest(q, 0, &d, err) < 0 || (r = db_row(s, q, err)) < 0)
			return -1;
		if (r == 1)
			return error_set(err, ERR_USAGE, "%.*s: more than one image in the store begins with that", STR_FMT(hex));
		return by_digest(s, &d, ret, a, err);
	}
	return 1;
}

/* Also by those who only read; where it can't be written, or somebody else is writing, it is left. */
static void touch(struct store *s, const struct store_ref *ref)
{
	s64 now = (s64)time(NULL);
	if (ref->used <= now && ref->used + TOUCH > now)
		return;
	sqlite()->busy_timeout(s->db, TOUCH_WAIT);
	if (db_soon(s, true, NULL) == 0 && db_run(s, NULL, "UPDATE refs SET used = ? WHERE name = ?", "it", now, ref->name) < 0) { /* the next time, then */
	}
	if (db_soon(s, false, NULL) < 0) { /* what comes fails as well, and says so */
	}
	sqlite()->busy_timeout(s->db, STORE_BUSY);
}

int store_resolve(struct store *s, const char *name, struct store_ref *ret, struct arena *a, struct error *err)
{
	LOCKED(s);
	struct reference ref;
	struct digest d;
	struct str text = str_of(name), hex = text;
	if (!s->db)
		return 1;
	if (digest_parse(text, &d, NULL) == 0)
		return by_digest(s, &d, ret, a, err);
	if (str_starts(text, STR("sha256:")) && is_hex(str_from(text, 7)))
		return by_prefix(s, str_from(text, 7), ret, a, err);
	if (hex.n == 64 && is_hex(hex))
		return by_prefix(s, hex, ret, a, err);
	if (reference_parse(a, text, &ref, err) < 0)
		return -1;
	if (ref.digest.alg)
		return by_digest(s, &ref.digest, ret, a, err);
	int r = by_name(s, reference_text(a, &ref), ret, a, err);
	if (r == 0)
		touch(s, ret);
	return r == 1 && is_hex(hex) ? by_prefix(s, hex, ret, a, err) : r;
}

/* Gathered first: f may change references. */
int store_each_ref(struct store *s, int (*f)(void *ctx, const struct store_ref *ref, struct error *err), void *ctx, struct error *err)
{
	struct arena a = { 0 };
	struct store_ref *v = NULL, one;
	u32 n = 0, cap = 0;
	int r = 0;
	if (s->db) {
		LOCKED(s);
		autoquery sqlite3_stmt *q = db_ask(s, err, "SELECT " COLUMNS " FROM refs ORDER BY name, digest", "");
		r = q ? 1 : -1;
		while (r == 1 && (r = db_row(s, q, err)) == 1) {
			r = take_ref(q, &one, &a, err) < 0 ? -1 : 1;
			if (r == 1)
				VEC_PUSH(v, n, cap, one);
		}
	}
	for (u32 i = 0; r == 0 && i < n; i++)
		r = f(ctx, &v[i], err);
	free(v);
	arena_free(&a);
	return r;
}

/* --- when an image was made --- */
/* Of an index: of the first of its manifests that is there. */
static s64 created(struct store *s, const struct digest *d)
{
	struct digest at = *d;
	for (int depth = 0; depth < OCI_NESTED_MAX; depth++) {
		struct buf bytes = BUF(STORE_DOCUMENT_MAX);
		autojson json_t *doc = store_document(s, &at, &bytes, NULL) == 0 ? json_read(buf_str(&bytes), "document", NULL) : NULL;
		buf_free(&bytes);
		json_t *list = doc ? json_arr(doc, "manifests") : NULL, *config = doc ? json_obj(doc, "config") : NULL;
		s64 t;
		if (doc && !list && !(config && json_text(config, "digest")))
			return text_parse_time(json_text(doc, "created"), &t) ? t : 0;
		bool found = false;
		for (size_t i = 0; !found && i < (list ? json_array_size(list) : config ? 1 : 0); i++) {
			struct str text = json_view(list ? json_array_get(list, i) : config, "digest");
			s64 size;
			found = text.p && digest_parse(text, &at, NULL) == 0 && db_number(s, &size, NULL, "SELECT size FROM blobs WHERE digest = ?", "d", &at) == 0;
		}
		if (!found)
			return 0;
	}
	return 0;
}

/* --- changing --- */
static int set_ref(struct store *s, const char *name, const struct digest *d, s64 made, struct error *err)
{
	s64 now = (s64)time(NULL), there;
	autoquery sqlite3_stmt *q = db_ask(s, err, "SELECT type FROM blobs WHERE digest = ? AND type IS NOT NULL", "d", d);
	int r = q ? db_row(s, q, err) : -1;
	if (r == 0)
		return error_set(err, ERR_INPUT, "%s is no image of the store", DIGEST_STR(d));
	if (r < 0)
		return r;
	autofree char *type = xstrdup(db_text(q, 0));
	if (!name[0])
		return db_run(s, err, "INSERT INTO refs SELECT '', ?1, ?2, ?3, ?4 WHERE NOT EXISTS(SELECT 1 FROM refs WHERE digest = ?1)", "dtii", d, type, made, now);
	/* What had the name stays without one, unless it has others. */
	r = db_number(s, &there, err, "SELECT 1 FROM refs WHERE name = ? AND digest = ?", "td", name, d);
	if (r == 1)
		r = db_run(s, err, "INSERT OR IGNORE INTO refs SELECT '', digest, type, created, used FROM refs r WHERE name = ?1 AND NOT EXISTS(SELECT 1 FROM refs o WHERE o.digest = r.digest AND o.name <> ?1)",
			   "t", name);
	r = r < 0 ? r : db_run(s, err, "DELETE FROM refs WHERE name = ?1 OR (name = '' AND digest = ?2)", "td", name, d);
	return r < 0 ? r : db_run(s, err, "INSERT INTO refs VALUES(?, ?, ?, ?, ?)", "tdtii", name, d, type, made, now);
}

int ref_put(struct store *s, const char *name, const struct digest *d, struct error *err) { return set_ref(s, name, d, created(s, d), err); }

/* Counts as a change, and shows it to others. `anyway`: where there is no room for index.json it is made later, so that something can be removed from a full disk. */
static int commit_refs(struct store *s, int r, bool anyway, struct error *err)
{
	struct ingest staged = { .fd = -1, .slot = -1 };
	if (r == 0)
		r = db_run(s, err, "UPDATE state SET changed = changed + 1", "");
	if (r == 0 && index_write(s, &staged, err) < 0) {
		r = anyway ? 0 : -1;
		ingest_drop(&staged, false);
	}
	r = db_commit(s, r, err);
	if (r == 0 && staged.path)
		index_publish(s, &staged);
	ingest_drop(&staged, false);
	return r;
}

int store_set_ref(struct store *s, const char *name, const struct digest *d, struct error *err)
{
	LOCKED(s);
	struct arena a = { 0 };
	struct reference ref;
	int r = 0;
	if (!s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	if (name[0])
		r = reference_parse(&a, str_of(name), &ref, err);
	if (r == 0 && name[0]) {
		ref.digest = (struct digest){ 0 };
		name = ref.tag ? reference_text(&a, &ref) : "";
	}
	s64 made = r < 0 ? 0 : created(s, d);
	r = r < 0 ? r : db_begin(s, err);
	if (r == 0)
		r = commit_refs(s, set_ref(s, name, d, made, err), false, err);
	arena_free(&a);
	return r;
}

int store_drop_ref(struct store *s, const char *name, struct error *err) { return store_drop_ref_if(s, name, NULL, err); }

int store_drop_ref_if(struct store *s, const char *name, const struct digest *is, struct error *err)
{
	LOCKED(s);
	struct arena a = { 0 };
	struct reference ref;
	struct digest d = { 0 };
	s64 there = 0;
	int r = 0;
	if (!s->write)
		return error_set(err, ERR_USAGE, "the store was opened to read only");
	if (digest_parse(str_of(name), &d, NULL) < 0) {
		r = reference_parse(&a, str_of(name), &ref, err);
		name = r < 0 ? NULL : reference_text(&a, &ref);
	}
	db_make_room(s);
	r = r < 0 ? r : db_begin(s, err);
	if (r == 0) {
		r = d.alg ? db_number(s, &there, err, "SELECT 1 FROM refs WHERE name = '' AND digest = ?", "d", &d) : is ? db_number(s, &there, err, "SELECT 1 FROM refs WHERE name = ? AND digest = ?", "td", name, is) :
			    db_number(s, &there, err, "SELECT 1 FROM refs WHERE name = ? AND name <> ''", "t", name);
		if (r == 0)
			r = d.alg ? db_run(s, err, "DELETE FROM refs WHERE name = '' AND digest = ?", "d", &d) : db_run(s, err, "DELETE FROM refs WHERE name = ?", "t", name);
		r = r == 0 ? commit_refs(s, 0, true, err) : db_commit(s, r, err);
	}
	arena_free(&a);
	return r;
}

/* --- index.json --- */
static int show(struct store *s, FILE *f, struct error *err)
{
	struct jsonw w;
	autoquery sqlite3_stmt *q = db_ask(s, err, "SELECT name, digest, r.type, size FROM refs r JOIN blobs b USING(digest) ORDER BY name, digest", "");
	int r = q ? 1 : -1;
	jsonw_init(&w, f, 2);
	jsonw_obj(&w);
	jsonw_ku(&w, "schemaVersion", 2);
	jsonw_kz(&w, "mediaType", MT_INDEX);
	jsonw_key(&w, "manifests");
	jsonw_arr(&w);
	while (r == 1 && (r = db_row(s, q, err)) == 1) {
		jsonw_obj(&w);
		jsonw_kz(&w, "mediaType", db_text(q, 2));
		jsonw_kz(&w, "digest", db_text(q, 1));
		jsonw_ku(&w, "size", (u64)sqlite()->column_int64(q, 3));
		if (db_text(q, 0)[0]) {
			jsonw_key(&w, "annotations");
			jsonw_obj(&w);
			jsonw_kz(&w, "io.containerd.image.name", db_text(q, 0));
			jsonw_kz(&w, "org.opencontainers.image.ref.name", db_text(q, 0));
			jsonw_end(&w);
		}
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	return r;
}

int index_write(struct store *s, struct ingest *staged, struct error *err)
{
	static u32 serial;
	struct buf path = BUF(0);
	s64 changed = 0;
	int r = db_number(s, &changed, err, "SELECT changed FROM state", "");
	if (r != 0)
		return r < 0 ? -1 : error_set(err, ERR_INPUT, "%s/store.db: its table state is empty", s->images);
	do {
		buf_clear(&path);
		buf_printf(&path, "%s/ingest/index-%ld-%u.json", s->images, (long)getpid(), __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
		staged->slot = file_unlink_at_exit(path.p);
		staged->fd = store_lock_file(path.p, O_RDWR | O_CREAT);
		int e = errno;
		if (staged->fd < 0)
			file_forget(staged->slot);
		errno = e;
	} while (staged->fd < 0 && errno == EWOULDBLOCK);
	staged->slot = staged->fd < 0 ? -1 : staged->slot;
	staged->path = path.p;
	if (staged->fd < 0 || ftruncate(staged->fd, 0) < 0) {
		error_errno(err, "%s", path.p);
		ingest_drop(staged, false);
		return -1;
	}
	staged->have = (u64)changed;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	r = f ? show(s, f, err) : error_errno(err, "memory");
	if (f && fclose(f) != 0 && r == 0)
		r = error_errno(err, "memory");
	if (r == 0 && (file_write_all(staged->fd, text, n) < 0 || fsync(staged->fd) < 0))
		r = error_errno(err, "%s/index.json", s->images);
	free(text);
	return r;
}

/* Under the lock of a change, so that an older one never comes over a newer. Where it can't be done now the next one to open the store does it. */
void index_publish(struct store *s, struct ingest *staged)
{
	s64 changed;
	struct buf path = BUF(0);
	buf_printf(&path, "%s/index.json", s->images);
	if (db_soon(s, true, NULL) == 0 && db_begin(s, NULL) == 0) {
		int r = db_number(s, &changed, NULL, "SELECT changed FROM state", "");
		if (r == 0 && (u64)changed == staged->have) {
			r = rename(staged->path, path.p);
			if (r == 0) {
				free(staged->path);
				staged->path = NULL;
				r = store_sync_dir(s->images, NULL);
			}
			r = r < 0 ? r : db_run(s, NULL, "UPDATE state SET shown = changed", "");
		}
		if (db_commit(s, r, NULL) < 0) { /* as above */
		}
	}
	if (db_soon(s, false, NULL) < 0) { /* as above */
	}
	buf_free(&path);
}

int index_heal(struct store *s, bool anyway, struct error *err)
{
	LOCKED(s);
	struct ingest staged = { .fd = -1, .slot = -1 };
	struct buf path = BUF(0);
	s64 behind = 1;
	buf_printf(&path, "%s/index.json", s->images);
	bool there = access(path.p, F_OK) == 0;
	buf_free(&path);
	int r = db_number(s, &behind, err, "SELECT changed <> shown FROM state", "");
	if (r != 0 || (there && !behind && !anyway))
		return r < 0 ? -1 : 0;
	if (db_begin(s, err) < 0)
		return -1;
	r = db_commit(s, index_write(s, &staged, err), err);
	if (r == 0)
		index_publish(s, &staged);
	ingest_drop(&staged, false);
	return r;
}
