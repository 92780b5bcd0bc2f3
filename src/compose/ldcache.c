/* etc/ld.so.cache, as ldconfig(8) writes it, where it is needed: glibc's loader looks into the directories that are built into it without one, so it is made only when the configuration names others and
 * a library is in them. Besides, what programs and libraries need and nothing in the image has is told.
 *
 *	header (48 bytes)  "glibc-ld.so.cache" "1.1" | entries | bytes of strings | byte order | …
 *	entries            flags, offset of the name, offset of the path, 0, hwcap 0; names descending, numbers in them by value
 *	strings            each with its zero
 */
#include "compose/deb822.h"
#include "compose/effect.h"
#include "base/file.h"
#include "base/hash.h"
#include "program/elf.h"
#include <elf.h>

#define DIRS_MAX 256u
#define LIBRARIES_MAX 100000u
#define MISSING_MAX 32u

struct library {
	struct str soname, path; /* of a file, without the leading slash */
	u32 dir;
};
struct missing {
	struct str path, needed;
};
struct loader {
	struct composition *c;
	struct arena *a;
	struct str dirs[DIRS_MAX];    /* that the configuration names and the loader does not know itself */
	u32 n_dirs;
	struct library *v;
	u32 n, cap;
	struct hashtab names;         /* base names of everything in the image, by the tree's index */
	struct missing *missing;
	u32 n_missing, cap_missing;
	u16 machine;
};

/* --- which directories --- */

static const struct { const char *arch, *triplet; u32 flags; u16 machine; } machines[] = {
	{ "amd64", "x86_64-linux-gnu", 0x0303, EM_X86_64 },    { "arm64", "aarch64-linux-gnu", 0x0a03, EM_AARCH64 }, { "armhf", "arm-linux-gnueabihf", 0x0903, EM_ARM }, { "armel", "arm-linux-gnueabi", 0x0b03, EM_ARM },
	{ "i386", "i386-linux-gnu", 0x0003, EM_386 },          { "ppc64el", "powerpc64le-linux-gnu", 0x0503, EM_PPC64 }, { "s390x", "s390x-linux-gnu", 0x0403, EM_S390 }, { "riscv64", "riscv64-linux-gnu", 0x1003, EM_RISCV },
};

static int machine_of(const char *arch)
{
	for (u32 i = 0; i < countof(machines); i++)
		if (strcmp(machines[i].arch, arch) == 0)
			return (int)i;
	return -1;
}

static bool built_in(const struct composition *c, struct str dir)
{
	int m = machine_of(c->arch);
	if (str_is(dir, "usr/lib") || str_is(dir, "usr/lib64"))
		return true;
	return m >= 0 && str_starts(dir, STR("usr/lib/")) && str_is(str_from(dir, 8), machines[m].triplet);
}

static void add_dir(struct loader *l, struct str line)
{
	char path[TAR_PATH_MAX * 2];
	line = str_trim(str_cut(&line, '#'));
	if (!line.n || line.p[0] != '/' || line.n >= TAR_PATH_MAX / 2 || l->n_dirs == DIRS_MAX)
		return;
	ssize_t n = tar_clean(line, path);
	if (n <= 0)
		return;
	struct str dir = str_n(path, ctree_real(str_n(path, (size_t)n), path));
	for (u32 i = 0; i < l->n_dirs; i++)
		if (str_eq(l->dirs[i], dir))
			return;
	if (!built_in(l->c, dir))
		l->dirs[l->n_dirs++] = str_n(arena_strdup(l->a, dir), dir.n);
}

/* etc/ld.so.conf: directories, and patterns of files with more of them. */
static int read_conf(struct loader *l, const u32 *sorted, u32 n, struct str path, u32 depth, struct error *err)
{
	struct buf b = BUF(MiB);
	int r = ctree_follow(&l->c->tree, path) ? ctree_read(&l->c->tree, path, MiB, &b, err) : 0;
	for (struct str rest = buf_str(&b); r == 0 && rest.p;) {
		struct str line = str_trim(str_cut(&rest, '\n')), word, args = line;
		if (!deb822_word(&args, &word) || !str_is(word, "include")) {
			add_dir(l, line);
			continue;
		}
		for (; depth == 0 && r == 0 && deb822_word(&args, &word);)
			for (u32 i = 0; r == 0 && word.n > 1 && i < n; i++)
				if (str_glob(word.p[0] == '/' ? str_from(word, 1) : str_n(arena_printf(l->a, "etc/%.*s", STR_FMT(word)), 4 + MIN(word.n, (size_t)4096)), l->c->tree.v[sorted[i]].path))
					r = read_conf(l, sorted, n, l->c->tree.v[sorted[i]].path, 1, err);
	}
	buf_free(&b);
	return r;
}

/* --- which libraries --- */

static u32 dir_of(const struct loader *l, struct str path)
{
	struct str dir = str_head(path, path.n > str_base(path).n ? path.n - str_base(path).n - 1 : 0);
	u32 i = 0;
	while (i < l->n_dirs && !str_eq(l->dirs[i], dir))
		i++;
	return i;
}

static bool there(const struct loader *l, struct str name)
{
	u32 h = (u32)hash64(name, hash_seed);
	for (u32 at = h, id; (id = hashtab_next(&l->names, h, &at));)
		if (str_eq(str_base(l->c->tree.v[id].path), name))
			return true;
	return false;
}

static int feed(const struct ctree *t, const struct ctree_entry *e, struct elf_reader *elf, struct error *err)
{
	char piece[64 * 1024];
	elf_begin(elf);
	for (u64 at = 0; at < e->size;) {
		size_t n = (size_t)MIN(e->size - at, (u64)sizeof piece);
		if (file_pread(t->spool, piece, n, e->at + at) != (ssize_t)n)
			return error_errno(err, "the files of packages on their way");
		if (at == 0 && !elf_magic(str_n(piece, n)))
			return 1;
		elf_feed(elf, str_n(piece, n));
		at += n;
	}
	return 0;
}

static int look(struct loader *l, u32 id, struct elf_reader *elf, struct error *err)
{
	const struct ctree_entry *e = &l->c->tree.v[id];
	struct elf_facts f;
	struct str base = str_base(e->path);
	int r = e->size < 64 ? 1 : feed(&l->c->tree, e, elf, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (!elf_end(elf, &f) || (l->machine && f.machine != l->machine))
		return 0;
	for (u32 i = 0; i < f.n_needed && !str_contains(e->path, STR("/debug/")); i++)
		if (!there(l, f.needed[i]) && l->n_missing < 4096)
			VEC_PUSH(l->missing, l->n_missing, l->cap_missing, ((struct missing){ e->path, str_n(arena_strdup(l->a, f.needed[i]), f.needed[i].n) }));
	u32 dir = dir_of(l, e->path);
	if (dir < l->n_dirs && l->n < LIBRARIES_MAX && (str_starts(base, STR("lib")) || str_starts(base, STR("ld-"))) && str_contains(base, STR(".so"))) {
		struct str soname = f.soname.n && f.soname.n < 256 && !str_chr(f.soname, '/') && !str_is(f.soname, ".") && !str_is(f.soname, "..") ? str_n(arena_strdup(l->a, f.soname), f.soname.n) : base;
		VEC_PUSH(l->v, l->n, l->cap, ((struct library){ soname, e->path, dir }));
	}
	return 0;
}

static void tell_missing(struct loader *l)
{
	u32 told = 0;
	for (u32 i = 0; i < l->n_missing; i++) {
		const struct missing *m = &l->missing[i];
		bool made = false; /* a name that is going to be a link */
		for (u32 k = 0; k < l->n && !made; k++)
			made = str_eq(l->v[k].soname, m->needed);
		if (!made && told++ < MISSING_MAX)
			problem_add(&l->c->notes, "/%.*s needs %.*s, which nothing in the image is", STR_FMT(m->path), STR_FMT(m->needed));
	}
	if (told > MISSING_MAX)
		problem_add(&l->c->notes, "and %u more libraries that nothing in the image is", told - MISSING_MAX);
}

/* --- the file --- */

/* glibc's order: digits by their value, behind which everything else stands. */
static int compare(struct str a, struct str b)
{
	size_t i = 0, k = 0;
	while (i < a.n) {
		bool x = a.p[i] >= '0' && a.p[i] <= '9', y = k < b.n && b.p[k] >= '0' && b.p[k] <= '9';
		if (x != y)
			return x ? 1 : -1;
		if (x) {
			u64 m = 0, n = 0;
			for (; i < a.n && a.p[i] >= '0' && a.p[i] <= '9'; i++)
				m = m * 10 + (u64)(a.p[i] - '0');
			for (; k < b.n && b.p[k] >= '0' && b.p[k] <= '9'; k++)
				n = n * 10 + (u64)(b.p[k] - '0');
			if ((int)m != (int)n)
				return (int)m < (int)n ? -1 : 1;
		} else if (k >= b.n || a.p[i] != b.p[k]) {
			return (k < b.n ? (u8)b.p[k] : 0) < (u8)a.p[i] ? 1 : -1;
		} else {
			i++;
			k++;
		}
	}
	return k < b.n ? -1 : 0;
}

/* Names descending; of one name the directory that is configured first. */
static int by_name(const void *x, const void *y)
{
	const struct library *a = x, *b = y;
	int c = compare(b->soname, a->soname);
	return c ? c : a->dir != b->dir ? (a->dir < b->dir ? -1 : 1) : str_cmp(a->path, b->path);
}

static void put32(struct buf *b, u32 v, bool big)
{
	for (u32 i = 0; i < 4; i++)
		buf_putc(b, (char)(v >> 8 * (big ? 3 - i : i)));
}

static int write_cache(struct loader *l, int m, struct error *err)
{
	struct buf out = BUF(0), strings = BUF(0);
	bool big = strcmp(l->c->arch, "s390x") == 0;
	u32 n = 0;
	qsort(l->v, l->n, sizeof *l->v, by_name);
	for (u32 i = 0; i < l->n; i++) /* each name once */
		if (!i || !str_eq(l->v[i].soname, l->v[i - 1].soname))
			l->v[n++] = l->v[i];
	buf_add(&out, STR("glibc-ld.so.cache1.1"));
	put32(&out, n, big);
	u32 start = 48 + 24 * n;
	struct buf entries = BUF(0);
	for (u32 i = 0; i < n; i++) {
		struct library *v = &l->v[i];
		struct str dir = l->dirs[v->dir];
		const char *link = arena_printf(l->a, "%.*s/%.*s", STR_FMT(dir), STR_FMT(v->soname));
		ctree_make_link(&l->c->tree, link, arena_strdup(l->a, str_base(v->path))); /* when it has no such name yet */
		put32(&entries, machines[m].flags, big);
		put32(&entries, start + (u32)strings.n, big);
		buf_add(&strings, v->soname);
		buf_putc(&strings, '\0');
		put32(&entries, start + (u32)strings.n, big);
		buf_printf(&strings, "/%s", link);
		buf_putc(&strings, '\0');
		put32(&entries, 0, big);
		put32(&entries, 0, big);
		put32(&entries, 0, big);
	}
	put32(&out, (u32)strings.n, big);
	put32(&out, big ? 3u << 24 : 2, big); /* one byte: 2 little, 3 big */
	for (u32 i = 0; i < 4; i++)
		put32(&out, 0, big); /* no extension */
	buf_add(&out, buf_str(&entries));
	buf_add(&out, buf_str(&strings));
	int r = ctree_replace_file(&l->c->tree, "etc/ld.so.cache", 0644, buf_str(&out), err);
	buf_free(&entries);
	buf_free(&strings);
	buf_free(&out);
	return r;
}

int effect_loader(struct composition *c, struct error *err)
{
	struct loader *l = xcalloc(1, sizeof *l);
	struct elf_reader *elf = elf_reader_new();
	int m = machine_of(c->arch), r;
	u32 n;
	u32 *sorted = ctree_sorted(&c->tree, &n);
	l->c = c;
	l->a = &c->arena;
	l->machine = m < 0 ? 0 : machines[m].machine;
	hashtab_open(&l->names, n);
	for (u32 i = 0; i < n; i++)
		hashtab_add(&l->names, (u32)hash64(str_base(c->tree.v[sorted[i]].path), hash_seed), sorted[i]);
	r = read_conf(l, sorted, n, STR("etc/ld.so.conf"), 0, err);
	bool whole = ctree_find(&c->tree, STR("etc/ld.so.conf")); /* of libc-bin, whose only line includes these */
	for (u32 i = 0; r == 0 && !whole && i < n; i++)
		if (str_glob(STR("etc/ld.so.conf.d/*.conf"), c->tree.v[sorted[i]].path))
			r = read_conf(l, sorted, n, c->tree.v[sorted[i]].path, 1, err);
	for (u32 i = 0; r == 0 && i < n; i++)
		if (c->tree.v[sorted[i]].type == TAR_FILE)
			r = look(l, sorted[i], elf, err);
	if (r == 0)
		tell_missing(l);
	if (r == 0 && l->n && m >= 0)
		r = write_cache(l, m, err);
	else if (r == 0 && l->n)
		problem_add(&c->notes, "the loader of %s may want an ld.so.cache, which is not made for it", c->arch);
	elf_reader_free(elf);
	hashtab_free(&l->names);
	free(sorted);
	free(l->v);
	free(l->missing);
	free(l);
	return r;
}
