#include "report/inventory.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "package/document.h"
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x32766e6965726170ull /* "pareinv2", as this machine has numbers */
#define INVENTORY_MAX (256 * MiB)
#define PACKAGES_MAX (1u << 20)

static const size_t texts[] = { offsetof(struct package, type), offsetof(struct package, name), offsetof(struct package, version), offsetof(struct package, arch), offsetof(struct package, purl),
	offsetof(struct package, path), offsetof(struct package, module), offsetof(struct package, vendor), offsetof(struct package, source_name), offsetof(struct package, source_version),
	offsetof(struct package, license), offsetof(struct package, summary), offsetof(struct package, section), offsetof(struct package, depends), offsetof(struct package, provides) };
static const size_t os_texts[] = { offsetof(struct packages, os_id), offsetof(struct packages, os_version), offsetof(struct packages, os_pretty), offsetof(struct packages, os_codename),
	offsetof(struct packages, os_branch), offsetof(struct packages, os_content_sets) };

struct head {
	u64 magic, sum; /* sum: of all behind it */
	u64 bytes, executable_bytes, identified_bytes;
	u32 n, n_texts, n_unidentified, zero;
};
struct row {
	u64 installed_size, bytes;
	u32 within, layer, files, flags; /* flags: origin, essential << 8, automatic << 9, placed << 10, reach << 11 */
};

static const char *text_at(const void *base, size_t offset) { return *(const char *const *)((const char *)base + offset); }

static void put_text(struct buf *b, const char *z) { buf_add(b, str_n(z, strlen(z) + 1)); }

/* head, rows, then the texts one after the other, each ended by a zero: the system's, each package's, the paths. */
void inventory_write(const struct subject *s, struct buf *out)
{
	const struct packages *p = s->packages;
	struct head h = { .magic = MAGIC, .n_unidentified = s->n_unidentified, .bytes = p->bytes, .executable_bytes = p->executable_bytes, .identified_bytes = p->identified_bytes, .n = p->n, .n_texts = countof(texts) };
	size_t start = out->n;
	buf_add(out, str_n(&h, sizeof h));
	for (u32 i = 0; i < p->n; i++) {
		const struct package *k = &p->v[i];
		const struct row r = { k->installed_size, k->bytes, k->within, k->layer, k->files, (u32)k->origin | (u32)k->essential << 8 | (u32)k->automatic << 9 | (u32)package_placed(k) << 10 | (u32)k->reach << 11 };
		buf_add(out, str_n(&r, sizeof r));
	}
	for (size_t i = 0; i < countof(os_texts); i++)
		put_text(out, text_at(p, os_texts[i]));
	for (u32 i = 0; i < p->n; i++)
		for (size_t k = 0; k < countof(texts); k++)
			put_text(out, text_at(&p->v[i], texts[k]));
	for (u32 i = 0; i < s->n_unidentified; i++)
		put_text(out, s->unidentified[i]);
	if (out->over)
		return;
	const size_t skip = offsetof(struct head, bytes);
	u64 sum = hash64(str_n(out->p + start + skip, out->n - start - skip), MAGIC);
	memcpy(out->p + start + offsetof(struct head, sum), &sum, sizeof sum);
}

static bool take_text(struct str *rest, const char **ret)
{
	const char *end = str_chr(*rest, '\0');
	if (!end)
		return false;
	*ret = rest->p;
	*rest = str_from(*rest, (size_t)(end - rest->p) + 1);
	return true;
}

int inventory_read(struct str bytes, struct subject *ret)
{
	struct head h;
	const size_t skip = offsetof(struct head, bytes);
	if (bytes.n < sizeof h)
		return -1;
	memcpy(&h, bytes.p, sizeof h);
	if (h.magic != MAGIC || h.n_texts != countof(texts) || h.n > PACKAGES_MAX || h.n_unidentified > INVENTORY_UNIDENTIFIED || (bytes.n - sizeof h) / sizeof(struct row) < h.n || hash64(str_from(bytes, skip), MAGIC) != h.sum)
		return -1;
	struct packages *p = xcalloc(1, sizeof *p);
	/* The texts stay where they are in one copy of the file. */
	struct str copy = { arena_bytes(&p->arena, bytes), bytes.n }, rest = str_from(copy, sizeof h + h.n * sizeof(struct row));
	bool good = true;
	p->bytes = h.bytes;
	p->executable_bytes = h.executable_bytes;
	p->identified_bytes = h.identified_bytes;
	p->v = xcalloc(h.n + 1, sizeof *p->v);
	p->n = p->cap = h.n;
	for (size_t i = 0; i < countof(os_texts) && good; i++)
		good = take_text(&rest, (const char **)((char *)p + os_texts[i]));
	for (u32 i = 0; i < h.n && good; i++) {
		struct package *k = &p->v[i];
		struct row r;
		memcpy(&r, copy.p + sizeof h + i * sizeof r, sizeof r);
		*k = (struct package){ .installed_size = r.installed_size, .bytes = r.bytes, .within = r.within, .layer = r.layer, .files = r.files, .origin = r.flags & 3, .essential = r.flags >> 8 & 1,
			.automatic = r.flags >> 9 & 1, .placed = r.flags >> 10 & 1, .reach = r.flags >> 11 & 3 };
		good = r.within <= h.n && (r.flags >> 11 & 3) <= REACH_NO;
		for (size_t t = 0; t < countof(texts) && good; t++)
			good = take_text(&rest, (const char **)((char *)k + texts[t]));
	}
	const char **paths = arena_alloc(&p->arena, (h.n_unidentified + 1) * sizeof *paths);
	for (u32 i = 0; i < h.n_unidentified && good; i++)
		good = take_text(&rest, &paths[i]);
	if (!good || rest.n) {
		packages_free(p);
		return -1;
	}
	ret->packages = p;
	ret->unidentified = paths;
	ret->n_unidentified = h.n_unidentified;
	return 0;
}

/* --- where it is kept --- */
static u64 this_program(void)
{
	struct stat st;
	if (stat("/proc/self/exe", &st) < 0)
		return 0;
	const u64 v[] = { (u64)st.st_size, (u64)st.st_mtim.tv_sec, (u64)st.st_mtim.tv_nsec, (u64)st.st_ino };
	return hash64(str_n(v, sizeof v), MAGIC);
}

/* What is started is a matter of the configuration. */
static void hash_start(struct hasher *h, const struct image *img)
{
	const char *const *lists[] = { (const char *const *)img->config.entrypoint, (const char *const *)img->config.cmd, (const char *const *)img->config.shell, (const char *const *)img->config.env };
	for (size_t i = 0; i < countof(lists); i++) {
		for (u32 k = 0; lists[i] && lists[i][k]; k++)
			hasher_add(h, str_n(lists[i][k], strlen(lists[i][k]) + 1));
		hasher_add(h, str_n("\1", 2));
	}
	if (img->config.workdir)
		hasher_add(h, str_of(img->config.workdir));
	char *check = json_dumps(json_obj(json_obj(img->config_doc, "config"), "Healthcheck"), JSON_COMPACT | JSON_SORT_KEYS);
	if (check)
		hasher_add(h, str_of(check));
	free(check);
}

/* NULL: nothing of it can be kept. */
static const char *place_of(const struct image *img, const struct load_options *load, struct arena *a)
{
	const char *dir = load->no_cache || load->headers_only ? NULL : store_dir(a, load->store, NULL);
	u64 program = this_program();
	struct hasher *h;
	if (!dir || !program || img->problems.n || img->problems.more || !img->n_layers)
		return NULL;
	dir = arena_printf(a, "%s/packages", dir);
	if (file_mkdirs(dir, NULL) < 0)
		return NULL;
	h = hasher_new();
	hasher_add(h, str_n(&program, sizeof program));
	for (const struct collector *const *c = collector_sets[COLLECT_PACKAGES]; *c; c++) {
		const u32 v[2] = { (*c)->id, (*c)->version };
		hasher_add(h, str_n(v, sizeof v));
	}
	hash_start(h, img);
	bool known = true;
	for (u32 i = 0; i < img->n_layers && known; i++) {
		const struct facts *f = img->layers[i].facts;
		known = f && f->diff_id.alg && f->problems.n == 0;
		if (known)
			hasher_add(h, str_n(&f->diff_id, sizeof f->diff_id));
	}
	struct hash128 v = hasher_value(h);
	hasher_free(h);
	return known ? arena_printf(a, "%s/%016llx%016llx", dir, (unsigned long long)v.hi, (unsigned long long)v.lo) : NULL;
}

static void recall(const char *path, struct subject *s)
{
	struct buf bytes = BUF(INVENTORY_MAX);
	if (access(path, F_OK) == 0 && file_read(path, INVENTORY_MAX, &bytes, NULL) == 0)
		(void)!inventory_read(buf_str(&bytes), s); /* what does not hold is read anew */
	buf_free(&bytes);
}

static void name_unidentified(struct subject *s)
{
	struct packages *p = s->packages;
	struct buf path = BUF(0);
	u32 n = MIN(p->n_unidentified, INVENTORY_UNIDENTIFIED);
	s->unidentified = arena_alloc(&p->arena, (n + 1) * sizeof *s->unidentified);
	for (u32 i = 0; i < n; i++)
		s->unidentified[s->n_unidentified++] = arena_strdup(&p->arena, rootfs_path(s->rootfs, p->unidentified[i], &path));
	buf_free(&path);
}

static void keep(const char *path, const struct subject *s)
{
	struct buf bytes = BUF(INVENTORY_MAX);
	struct outfile o;
	inventory_write(s, &bytes);
	if (!bytes.over && outfile_open(&o, path, NULL) == 0) {
		if (file_write_all(o.fd, bytes.p, bytes.n) < 0 || outfile_commit_unsynced(&o, NULL) < 0)
			outfile_abort(&o);
	}
	buf_free(&bytes);
}

int inventory_open(const char *location, const struct load_options *load, struct subject *ret, struct error *err)
{
	struct subject s = { 0 };
	struct load_options o = *load;
	struct arena a = { 0 };
	if (document_named(location))
		return subject_open(location, load, SUBJECT_INSIDE, ret, err);
	o.collectors = collector_sets[COLLECT_PACKAGES];
	o.sets = collector_sets;
	o.content_only = true;
	if (image_load(location, &o, &s.image, err) < 0)
		return -1;
	const char *path = place_of(s.image, load, &a);
	if (path)
		recall(path, &s);
	if (!s.packages) {
		s.rootfs = rootfs_build(s.image, NULL);
		s.packages = packages_read_set(s.rootfs, COLLECT_PACKAGES, false);
		problems_merge(&s.problems, &s.image->problems, NULL);
		problems_merge(&s.problems, &s.rootfs->problems, NULL);
		problems_merge(&s.problems, &s.packages->problems, NULL);
		packages_reach(s.packages, s.rootfs);
		name_unidentified(&s);
		if (path && !s.problems.n && !s.problems.more)
			keep(path, &s);
	}
	arena_free(&a);
	*ret = s;
	return 0;
}
