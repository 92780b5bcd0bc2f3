#include "layer/facts.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct fact_entry) == 80, "kept files hold it as it is");

static char *string_room(struct facts *f, size_t n)
{
	if (f->strings.n == 0 || f->strings.at + n > FACTS_STRING_SEG) {
		f->strings.seg = xrealloc(f->strings.seg, (f->strings.n + 1) * sizeof *f->strings.seg);
		f->strings.seg[f->strings.n++] = xcalloc(1, FACTS_STRING_SEG);
		f->strings.at = 0;
	}
	char *p = f->strings.seg[f->strings.n - 1] + f->strings.at;
	f->strings.at += (u32)n;
	return p;
}

static u32 last_offset(const struct facts *f, size_t n) { return ((f->strings.n - 1) << 20) + f->strings.at - (u32)n; }

/* Offset of a terminated copy; 0 for the empty string. Longer than a segment never comes here (TAR_PATH_MAX, TAR_EXTENDED_MAX are checked). */
static u32 string_add(struct facts *f, struct str s)
{
	if (s.n == 0)
		return 0;
	char *p = string_room(f, s.n + 1);
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return last_offset(f, s.n + 1);
}

struct facts *facts_new(void)
{
	struct facts *f = xcalloc(1, sizeof *f);
	string_room(f, 1); /* offset 0 is "" */
	return f;
}

void facts_free(struct facts *f)
{
	if (!f)
		return;
	SEG_FREE(&f->entries);
	for (u32 i = 0; !f->map && i < f->strings.n; i++)
		free(f->strings.seg[i]);
	free(f->strings.seg);
	for (u32 i = 0; !f->map && i < f->n_notes; i++)
		free((void *)(uintptr_t)f->notes[i].bytes.p);
	free(f->notes);
	free(f->dirs);
	problems_free(&f->problems);
	if (f->map)
		munmap(f->map, f->map_size);
	free(f);
}

/* Directories repeat: the ones used lately are found again. */
static u32 dir_add(struct facts *f, struct str dir)
{
	if (dir.n == 0)
		return 0;
	if (!f->dirs)
		f->dirs = xcalloc(FACTS_DIRS, sizeof *f->dirs);
	u32 *slot = &f->dirs[hash64(dir, 0) % FACTS_DIRS];
	if (*slot && str_is(dir, facts_string(f, *slot)))
		return *slot;
	return *slot = string_add(f, dir);
}

static u32 xattrs_add(struct facts *f, struct str x)
{
	if (x.n == 0)
		return 0;
	u32 n = (u32)x.n;
	char *p = string_room(f, x.n + sizeof n);
	memcpy(p, &n, sizeof n);
	memcpy(p + sizeof n, x.p, x.n);
	return last_offset(f, x.n + sizeof n);
}

int facts_add(struct facts *f, const struct tar_entry *e, struct str clean, u32 *ret, struct error *err)
{
	if (f->entries.n >= FACTS_ENTRIES_MAX)
		return error_set(err, ERR_INPUT, "more than %u entries: over the budget", FACTS_ENTRIES_MAX);
	if (f->strings.n >= FACTS_STRINGS_MAX >> 20)
		return error_set(err, ERR_INPUT, "more than %u bytes of names: over the budget", FACTS_STRINGS_MAX);
	char target[TAR_PATH_MAX + 1];
	struct str link = e->link;
	if (e->type == TAR_HARDLINK) {
		ssize_t n = tar_clean(e->link, target);
		if (n < 0)
			return error_set(err, ERR_INPUT, "%.*s: its link target is longer than %zu bytes", STR_FMT(str_head(clean, 200)), TAR_PATH_MAX);
		link = str_n(target, (size_t)n);
	}
	if (link.n > TAR_PATH_MAX || e->xattrs.n + 8 > FACTS_STRING_SEG)
		return error_set(err, ERR_INPUT, "%.*s: link target or extended attributes over the budget", STR_FMT(str_head(clean, 200)));
	const char *slash = clean.n ? memrchr(clean.p, '/', clean.n) : NULL;
	struct str dir = slash ? str_n(clean.p, (size_t)(slash - clean.p)) : str_n("", 0);
	struct str name = slash ? str_from(clean, dir.n + 1) : clean;
	struct fact_entry *x = SEG_PUSH(&f->entries);
	*x = (struct fact_entry){
		.start = e->start,
		.size = e->size,
		.mtime = e->mtime,
		.mtime_ns = e->mtime_ns,
		.head = (u32)(e->data - e->start),
		.dir = dir_add(f, dir),
		.name = string_add(f, name),
		.link = string_add(f, link),
		.xattrs = xattrs_add(f, e->xattrs),
		.uid = e->uid,
		.gid = e->gid,
		.rdev = e->major << 20 | e->minor,
		.mode = (u16)e->mode,
		.type = (u8)e->type,
		.flags = (u8)((e->type == TAR_FILE && e->size ? FACT_UNHASHED : 0) | (e->sparse ? FACT_SPARSE : 0) | (e->flag == '7' ? FACT_CONTIGUOUS : e->flag == 'S' ? FACT_GNU_SPARSE : 0)),
	};
	if (e->sparse) {
		x->link = (u32)e->stored;
		x->rdev = (u32)(e->stored >> 32);
	}
	*ret = f->entries.n - 1;
	return 0;
}

void facts_note(struct facts *f, u32 entry, u32 collector, struct str bytes)
{
	char *copy = xmalloc(bytes.n);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	struct note n = { .entry = entry, .collector = collector, .bytes = str_n(copy, bytes.n) };
	VEC_PUSH(f->notes, f->n_notes, f->cap_notes, n);
}

/* Copied when little is left, not shrunk where it is: an archive of many small members would hold a mapping for each. */
static void *trimmed(void *p, size_t n)
{
	if (n >= 128 * KiB)
		return xrealloc(p, n);
	void *q = xmalloc(n);
	if (n)
		memcpy(q, p, n);
	free(p);
	return q;
}

void facts_trim(struct facts *f)
{
	if (f->entries.segs) {
		struct fact_entry **last = &f->entries.seg[f->entries.segs - 1];
		*last = trimmed(*last, (f->entries.n - (f->entries.segs - 1) * SEG_SIZE) * sizeof **last);
	}
	char **strings = &f->strings.seg[f->strings.n - 1];
	*strings = trimmed(*strings, f->strings.at);
	free(f->dirs);
	f->dirs = NULL;
}

struct str facts_xattrs(const struct facts *f, const struct fact_entry *e)
{
	u32 n;
	if (!e->xattrs)
		return str_n("", 0);
	const char *p = facts_string(f, e->xattrs);
	memcpy(&n, p, sizeof n);
	return str_n(p + sizeof n, n);
}

struct str facts_path(const struct facts *f, const struct fact_entry *e, struct buf *out)
{
	buf_clear(out);
	if (e->dir) {
		buf_puts(out, facts_dir(f, e));
		buf_putc(out, '/');
	}
	buf_puts(out, facts_name(f, e));
	return buf_str(out);
}

struct str facts_get_note(const struct facts *f, u32 entry, u32 collector)
{
	u32 lo = 0, hi = f->n_notes;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		if (f->notes[mid].entry < entry)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < f->n_notes && f->notes[lo].entry == entry; lo++)
		if (f->notes[lo].collector == collector)
			return f->notes[lo].bytes;
	return str_n(NULL, 0);
}

/* --- the kept form ---
 *   header | entries (whole segments, the last one cut) | strings (likewise) | note table | note bytes
 * Every part begins at a multiple of 64. */
struct kept {
	char magic[8];
	u32 version, entry_size;
	u64 salt, check; /* check: see check_of() */
	u64 total;
	struct digest diff_id;
	u64 size;
	u32 n_entries, n_strings, strings_at, n_notes;
	u64 entries, strings, notes, note_bytes; /* offsets */
};
struct kept_note {
	u32 entry, collector;
	u64 offset, n; /* into the note bytes */
};

static const char MAGIC[8] = "pareFACT";

/* XXH3 of the header, its check left out, on top of that of everything behind it. */
static u64 check_of(const struct kept *k, u64 behind)
{
	struct kept copy;
	memcpy(&copy, k, sizeof copy);
	copy.check = 0;
	return hash64(str_n((const char *)&copy, sizeof copy), behind);
}

struct out {
	int fd;
	u64 at;
	struct hasher *hash;
	bool failed;
	struct buf pending;
};

static void put(struct out *o, const void *p, size_t n)
{
	hasher_add(o->hash, str_n(p, n));
	buf_add(&o->pending, str_n(p, n));
	if (o->pending.n > 256 * KiB) {
		o->failed |= file_write_all(o->fd, o->pending.p, o->pending.n) < 0;
		buf_clear(&o->pending);
	}
	o->at += n;
}

static u64 align(struct out *o)
{
	static const char zero[64];
	put(o, zero, (size_t)(-o->at & 63));
	return o->at;
}

int facts_save(const struct facts *f, const char *path, u64 salt, struct error *err)
{
	struct outfile file;
	if (outfile_open(&file, path, err) < 0)
		return -1;
	struct kept k = { .version = FACTS_VERSION, .entry_size = sizeof(struct fact_entry), .salt = salt, .diff_id = f->diff_id, .size = f->size,
			  .n_entries = f->entries.n, .n_strings = f->strings.n, .strings_at = f->strings.at, .n_notes = f->n_notes };
	memcpy(k.magic, MAGIC, sizeof k.magic);
	struct out o = { .fd = file.fd, .at = sizeof k, .hash = hasher_new() };
	o.failed = file_write_all(file.fd, &k, sizeof k) < 0;
	k.entries = align(&o);
	for (u32 i = 0; i < f->entries.n; i += SEG_SIZE)
		put(&o, SEG_AT(&f->entries, i), MIN(f->entries.n - i, SEG_SIZE) * sizeof(struct fact_entry));
	k.strings = align(&o);
	for (u32 i = 0; i < f->strings.n; i++)
		put(&o, f->strings.seg[i], i + 1 < f->strings.n ? FACTS_STRING_SEG : f->strings.at);
	k.notes = align(&o);
	u64 offset = 0;
	for (u32 i = 0; i < f->n_notes; i++) {
		struct kept_note n = { f->notes[i].entry, f->notes[i].collector, offset, f->notes[i].bytes.n };
		put(&o, &n, sizeof n);
		offset += n.n;
	}
	k.note_bytes = align(&o);
	for (u32 i = 0; i < f->n_notes; i++)
		put(&o, f->notes[i].bytes.p, f->notes[i].bytes.n);
	k.total = o.at;
	k.check = check_of(&k, hasher_value(o.hash).lo);
	o.failed |= file_write_all(file.fd, o.pending.p ? o.pending.p : "", o.pending.n) < 0;
	o.failed |= pwrite(file.fd, &k, sizeof k, 0) != (ssize_t)sizeof k;
	hasher_free(o.hash);
	buf_free(&o.pending);
	if (o.failed) {
		error_errno(err, "%s", path);
		outfile_abort(&file);
		return -1;
	}
	return outfile_commit_unsynced(&file, err);
}

/* Whether all parts lie inside the file, in order. Entries' offsets are not walked: the check sum says that they are as we wrote them. */
static bool kept_ok(const struct kept *k, u64 size, u64 salt)
{
	if (memcmp(k->magic, MAGIC, sizeof k->magic) != 0 || k->version != FACTS_VERSION || k->entry_size != sizeof(struct fact_entry) || k->salt != salt || k->total != size)
		return false;
	if (k->n_strings == 0 || k->n_strings > FACTS_STRINGS_MAX >> 20 || k->strings_at > FACTS_STRING_SEG || k->n_entries > FACTS_ENTRIES_MAX)
		return false;
	u64 strings = (u64)(k->n_strings - 1) * FACTS_STRING_SEG + k->strings_at;
	return k->entries >= sizeof *k && k->entries % 64 == 0 && k->entries + (u64)k->n_entries * sizeof(struct fact_entry) <= k->strings && k->strings + strings <= k->notes &&
	       k->notes + (u64)k->n_notes * sizeof(struct kept_note) <= k->note_bytes && k->note_bytes <= size;
}

static struct facts *unpack(char *map, size_t size, const struct kept *k)
{
	struct facts *f = xcalloc(1, sizeof *f);
	f->map = map;
	f->map_size = size;
	f->diff_id = k->diff_id;
	f->size = k->size;
	f->entries.mapped = true;
	f->entries.n = k->n_entries;
	f->entries.segs = (k->n_entries + SEG_SIZE - 1) / SEG_SIZE;
	f->entries.seg = xcalloc(f->entries.segs, sizeof *f->entries.seg);
	for (u32 i = 0; i < f->entries.segs; i++)
		f->entries.seg[i] = (struct fact_entry *)(void *)(map + k->entries) + (size_t)i * SEG_SIZE;
	f->strings.n = k->n_strings;
	f->strings.at = k->strings_at;
	f->strings.seg = xcalloc(k->n_strings, sizeof *f->strings.seg);
	for (u32 i = 0; i < k->n_strings; i++)
		f->strings.seg[i] = map + k->strings + (size_t)i * FACTS_STRING_SEG;
	f->notes = xcalloc(k->n_notes, sizeof *f->notes);
	f->n_notes = f->cap_notes = k->n_notes;
	const struct kept_note *n = (const void *)(map + k->notes);
	u64 room = size - k->note_bytes;
	for (u32 i = 0; i < k->n_notes; i++) {
		if (n[i].offset > room || n[i].n > room - n[i].offset) {
			facts_free(f);
			return NULL;
		}
		f->notes[i] = (struct note){ n[i].entry, n[i].collector, str_n(map + k->note_bytes + n[i].offset, (size_t)n[i].n) };
	}
	return f;
}

struct facts *facts_load(const char *path, u64 salt, struct error *err)
{
	if (err)
		err->kind = ERR_NONE;
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	struct stat st;
	if (fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct kept))
		return NULL;
	size_t size = (size_t)st.st_size;
	char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		error_errno(err, "%s", path);
		return NULL;
	}
	struct kept k;
	memcpy(&k, map, sizeof k);
	if (kept_ok(&k, size, salt) && check_of(&k, hash_bytes(str_n(map + sizeof k, size - sizeof k)).lo) == k.check) {
		struct facts *f = unpack(map, size, &k);
		if (f)
			return f;
	} else {
		munmap(map, size);
	}
	return NULL;
}
