#include "build/cache.h"
#include "base/file.h"
#include "build/cache_in.h"
#include "oci/manifest.h"
#include "store/load.h"
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define VERSION 1
#define VALUE_MAX 4096u  /* of an input, kept for explanations; of a longer one its digest is */
#define LAST_MAX 2000u   /* steps that are remembered of a target's builds */
#define CLAIM_MS 20      /* between two looks whether another build is done with a step */
#define RECORD_MAX (64 * KiB)

/* --- keys --- */
void cache_key_add(struct cache_key *k, const char *name, struct str value)
{
	if (k->n == k->cap) {
		u32 cap = k->cap ? 2 * k->cap : 32;
		struct cache_input *v = arena_array(k->a, struct cache_input, cap);
		if (k->n)
			memcpy(v, k->v, k->n * sizeof *v);
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n++] = (struct cache_input){ arena_strdup(k->a, str_of(name)), str_n(arena_bytes(k->a, value), value.n) };
}

static void add_counted(struct buf *b, struct str s)
{
	u8 length[8];
	for (u32 i = 0; i < 8; i++)
		length[i] = (u8)((u64)s.n >> 8 * i);
	buf_add(b, str_n(length, 8));
	buf_add(b, s);
}

void cache_key_end(struct cache_key *k)
{
	struct buf all = BUF(0);
	buf_puts(&all, "pare build step 1\n");
	for (u32 i = 0; i < k->n; i++) {
		add_counted(&all, str_of(k->v[i].name));
		add_counted(&all, k->v[i].value);
	}
	k->digest = digest_bytes(DIGEST_SHA256, buf_str(&all));
	buf_free(&all);
}

/* --- records as text --- */
json_t *cache_layer_json(const struct cache_record *r)
{
	const struct build_layer *l = &r->layer;
	if (!r->changed)
		return json_null();
	json_t *j = json_object();
	json_object_set_new(j, "digest", json_string(DIGEST_STR(&l->digest)));
	json_object_set_new(j, "diffID", json_string(DIGEST_STR(&l->diff_id)));
	json_object_set_new(j, "size", json_integer((json_int_t)l->size));
	json_object_set_new(j, "plain", json_integer((json_int_t)l->plain));
	json_object_set_new(j, "compression", json_string(compression_name(l->compression)));
	if (l->kept_out) {
		json_object_set_new(j, "keptOut", json_integer((json_int_t)l->kept_out));
		json_object_set_new(j, "keptOf", json_integer((json_int_t)l->kept_of));
	}
	return j;
}

bool cache_layer_read(const json_t *j, struct cache_record *ret)
{
	struct build_layer l = { 0 };
	const char *kind = json_text(j, "compression");
	ret->changed = !json_is_null(j);
	ret->layer = l;
	if (!ret->changed)
		return true;
	for (enum compression c = COMP_NONE; c <= COMP_ZSTD; c++)
		if (kind && strcmp(kind, compression_name(c)) == 0)
			l.compression = c;
	if (digest_parse(json_view(j, "digest"), &l.digest, NULL) < 0 || digest_parse(json_view(j, "diffID"), &l.diff_id, NULL) < 0 || !json_u64(j, "size", &l.size) || !json_u64(j, "plain", &l.plain))
		return false;
	if (l.digest.alg != DIGEST_SHA256 || l.diff_id.alg != DIGEST_SHA256 || l.size > CACHE_LAYER_MAX || l.plain > CACHE_LAYER_MAX || !kind || strcmp(kind, compression_name(l.compression)) != 0)
		return false;
	if (!json_u64(j, "keptOut", &l.kept_out) || !json_u64(j, "keptOf", &l.kept_of))
		l.kept_out = l.kept_of = 0;
	ret->layer = l;
	return true;
}

/* Text that JSON can hold, else its digest. */
static json_t *value_json(struct str v)
{
	json_t *j = v.n <= VALUE_MAX ? json_stringn(v.n ? v.p : "", v.n) : NULL;
	if (j)
		return j;
	struct digest d = digest_bytes(DIGEST_SHA256, v);
	return json_string(DIGEST_STR(&d));
}

static char *dump(json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return text ? text : xstrdup("null");
}

static char *inputs_text(const struct cache_key *k)
{
	json_t *all = json_array();
	for (u32 i = 0; i < k->n; i++) {
		json_t *one = json_array();
		json_array_append_new(one, value_json(str_of(k->v[i].name)));
		json_array_append_new(one, value_json(k->v[i].value));
		json_array_append_new(all, one);
	}
	return dump(all);
}

static char *record_text(const struct cache_record *r)
{
	json_t *j = json_object();
	json_object_set_new(j, "version", json_integer(VERSION));
	json_object_set_new(j, "layer", cache_layer_json(r));
	json_object_set_new(j, "instruction", value_json(str_of(r->instruction)));
	return dump(j);
}

static bool record_read(struct str text, struct cache_record *ret)
{
	u64 version;
	autojson json_t *j = json_read_limit(text, RECORD_MAX, "record", &(struct error){ 0 });
	return j && json_u64(j, "version", &version) && version == VERSION && cache_layer_read(json_object_get(j, "layer"), ret);
}

/* --- a build's --- */
int cache_open(const char *store, struct store *s, const char *scope, struct build_cache **ret, struct error *err)
{
	struct build_cache *c = xcalloc(1, sizeof *c);
	struct digest d = digest_bytes(DIGEST_SHA256, str_of(scope));
	pthread_mutex_init(&c->lock, NULL);
	c->store = s;
	c->doing = -1;
	const char *dir = store_dir(&c->a, store, err);
	if (!dir) {
		cache_close(c);
		return -1;
	}
	c->dir = dir;
	c->opened = (s64)time(NULL);
	c->last_path = arena_printf(&c->a, "%s/build/last/%s", dir, strchr(DIGEST_STR(&d), ':') + 1);
	*ret = c;
	return 0;
}

const char *cache_scope(const struct build_cache *c) { return strrchr(c->last_path, '/') + 1; }

void cache_registries(struct build_cache *c, const struct repo_options *opt) { c->repo = *opt; }

json_t *cache_last(struct build_cache *c)
{
	struct buf text = BUF(JSON_BYTES);
	if (c->last)
		return c->last;
	if (access(c->last_path, F_OK) == 0 && file_read(c->last_path, JSON_BYTES, &text, NULL) == 0)
		c->last = json_read(buf_str(&text), "last", &(struct error){ 0 });
	buf_free(&text);
	if (!json_is_array(c->last)) {
		json_decref(c->last);
		c->last = json_array();
	}
	return c->last;
}

static struct cache_step *step_of(struct build_cache *c, const struct digest *key)
{
	for (u32 i = 0; i < c->n; i++)
		if (digest_eq(&c->v[i].r.key, key))
			return &c->v[i];
	return NULL;
}

static void note(struct build_cache *c, const struct cache_record *r)
{
	pthread_mutex_lock(&c->lock);
	struct cache_step *s = step_of(c, &r->key);
	if (!s) {
		VEC_PUSH(c->v, c->n, c->cap, (struct cache_step){ 0 });
		s = &c->v[c->n - 1];
	}
	s->r = *r;
	s->r.instruction = arena_strdup(&c->a, str_of(r->instruction));
	pthread_mutex_unlock(&c->lock);
}

static json_t *last_entry(const char *instruction, const char *key)
{
	json_t *j = json_array();
	json_array_append_new(j, value_json(str_of(instruction)));
	json_array_append_new(j, json_string(key));
	return j;
}

static const char *entry_text(const json_t *entry, size_t i)
{
	const char *z = json_string_value(json_array_get(entry, i));
	return z ? z : "";
}

/* This build's first, then what it did not come to. */
static void remember(struct build_cache *c)
{
	json_t *old = cache_last(c), *new = json_array();
	bool same = true;
	for (u32 i = 0; i < c->n && i < LAST_MAX; i++) {
		json_array_append_new(new, last_entry(c->v[i].r.instruction, DIGEST_STR(&c->v[i].r.key)));
		same = same && json_equal(json_array_get(new, i), json_array_get(old, i));
	}
	for (size_t i = 0; i < json_array_size(old) && json_array_size(new) < LAST_MAX; i++) {
		json_t *was = json_array_get(old, i);
		bool there = false;
		for (u32 k = 0; k < c->n && !there; k++)
			there = strcmp(c->v[k].r.instruction, entry_text(was, 0)) == 0;
		if (!there)
			json_array_append(new, was);
	}
	struct outfile o;
	struct buf dir = BUF(0);
	struct error e = { 0 };
	autofree char *text = dump(new);
	buf_printf(&dir, "%.*s", (int)(strrchr(c->last_path, '/') - c->last_path), c->last_path);
	if (!same && file_mkdirs(dir.p, &e) == 0 && outfile_open(&o, c->last_path, &e) == 0) {
		if (file_write_all(o.fd, text, strlen(text)) < 0)
			outfile_abort(&o);
		else if (outfile_commit_unsynced(&o, &e) < 0) { /* then the next build explains less */
		}
	}
	buf_free(&dir);
}

void cache_close(struct build_cache *c)
{
	if (!c)
		return;
	if (c->n) {
		struct digest *keys = xcalloc(c->n, sizeof *keys);
		for (u32 i = 0; i < c->n; i++)
			keys[i] = c->v[i].r.key;
		if (store_built_used(c->store, keys, c->n, NULL) < 0) { /* then they look older than they are */
		}
		free(keys);
		remember(c);
	}
	cache_imports_close(c);
	json_decref(c->last);
	free(c->v);
	if (c->doing >= 0)
		close(c->doing);
	pthread_mutex_destroy(&c->lock);
	arena_free(&c->a);
	free(c);
}

/* --- whose a step is --- */
/* By fcntl(2): such a lock is the process's alone, no child's, and needs no file of its own that would have to go. */
static struct flock byte_of(const struct cache_key *k, short how)
{
	u64 at = 0;
	for (u32 i = 0; i < 8; i++)
		at = at << 8 | k->digest.bytes[i];
	return (struct flock){ .l_type = how, .l_whence = SEEK_SET, .l_start = (off_t)(at >> 2), .l_len = 1 };
}

static int lock_byte(int fd, const struct cache_key *k, short how)
{
	struct flock f = byte_of(k, how);
	return fcntl(fd, F_SETLK, &f);
}

static pid_t whose(int fd, const struct cache_key *k)
{
	struct flock f = byte_of(k, F_WRLCK);
	return fcntl(fd, F_GETLK, &f) == 0 && f.l_type != F_UNLCK ? f.l_pid : 0;
}

static int doing(struct build_cache *c)
{
	struct buf path = BUF(0);
	pthread_mutex_lock(&c->lock);
	if (c->doing < 0) {
		buf_printf(&path, "%s/build", c->dir);
		if (file_mkdirs(path.p, &(struct error){ 0 }) == 0) {
			buf_puts(&path, "/doing");
			c->doing = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		}
	}
	pthread_mutex_unlock(&c->lock);
	buf_free(&path);
	return c->doing;
}

int cache_claim(struct build_cache *c, const struct cache_key *k, u32 seconds, const atomic_bool *stop, void (*waits)(void *ctx, pid_t process), void *ctx)
{
	int fd = doing(c);
	u64 waited = 0; /* milliseconds */
	while (fd >= 0 && (!seconds || waited < seconds * 1000ull) && lock_byte(fd, k, F_WRLCK) < 0 && (errno == EAGAIN || errno == EACCES)) { /* where there are no locks everybody does it */
		if (!waited)
			waits(ctx, whose(fd, k));
		waited += CLAIM_MS;
		if (atomic_load(stop))
			return 1;
		nanosleep(&(struct timespec){ 0, CLAIM_MS * 1000000L }, NULL);
	}
	return 0;
}

void cache_let_go(struct build_cache *c, const struct cache_key *k)
{
	if (c->doing >= 0 && lock_byte(c->doing, k, F_UNLCK) < 0) { /* with the process at the latest */
	}
}

int cache_find(struct build_cache *c, const struct cache_key *k, const char *instruction, bool *changed, struct build_layer *ret, struct error *err)
{
	struct buf text = BUF(RECORD_MAX);
	struct cache_record r = { .key = k->digest };
	int found = store_built_get(c->store, &k->digest, &text, NULL, err);
	if (found == 1)
		found = record_read(buf_str(&text), &r) ? 1 : 0;
	buf_free(&text);
	if (found == 1 && r.changed)
		found = store_has(c->store, &r.layer.digest, err);
	if (found == 0 && cache_import_find(c, &k->digest, &r)) {
		r.instruction = instruction;
		found = cache_put(c, k, instruction, r.changed ? &r.layer : NULL, err) < 0 ? -1 : 1;
	}
	if (found != 1)
		return found;
	r.key = k->digest;
	r.instruction = instruction;
	note(c, &r);
	*changed = r.changed;
	*ret = r.layer;
	return 1;
}

int cache_put(struct build_cache *c, const struct cache_key *k, const char *instruction, const struct build_layer *l, struct error *err)
{
	struct cache_record r = { .key = k->digest, .changed = l != NULL, .instruction = instruction };
	if (l)
		r.layer = *l;
	autofree char *record = record_text(&r), *inputs = inputs_text(k);
	if (store_built_put(c->store, &k->digest, l ? &l->digest : NULL, str_of(record), str_of(inputs), err) < 0)
		return -1;
	note(c, &r);
	return 0;
}

void cache_of_target(struct build_cache *c, const struct cache_key *k)
{
	pthread_mutex_lock(&c->lock);
	struct cache_step *s = step_of(c, &k->digest);
	if (s)
		s->ships = true;
	pthread_mutex_unlock(&c->lock);
}
