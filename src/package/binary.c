/* binary.c — the collector of programs, and the reader of its notes. */
#include "package/binary.h"
#include "package/package.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define PACKAGES_MAX (1u << 20) /* of all files together */
#define CHUNK ((size_t)(64 * KiB))
#define ROOM (BINARY_BACK + CHUNK + BINARY_AHEAD)

struct binary {
	char dir[1024], name[256];
	bool begun, elf, program; /* something was fed; it is an ELF file; it is one or another kind of program */
	struct elf_reader *headers;
	struct binary_match *match;
	struct rust_list *rust;
	bool rust_found;
	struct { bool on, whole, sure; struct buf text; } modules; /* Go's list; `sure`: it stood where Go's version says */
	char go[BINARY_VERSION_MAX];
	u64 at;      /* offset in the file of buf[0], a multiple of 16 */
	size_t n, done; /* bytes in buf; those that were looked at */
	char buf[ROOM + 64];
};

static void *binary_open(void)
{
	struct binary *b = xcalloc(1, sizeof *b);
	b->headers = elf_reader_new();
	b->match = binary_match_new();
	b->rust = rust_list_new();
	return b;
}

static void binary_close(void *state)
{
	struct binary *b = state;
	elf_reader_free(b->headers);
	binary_match_free(b->match);
	rust_list_free(b->rust);
	buf_free(&b->modules.text);
	free(b);
}

static void begin(struct binary *b, struct str dir, struct str name)
{
	snprintf(b->dir, sizeof b->dir, "%.*s", STR_FMT(dir));
	snprintf(b->name, sizeof b->name, "%.*s", STR_FMT(name));
	b->elf = b->begun = false;
	elf_begin(b->headers);
	rust_list_begin(b->rust);
	b->rust_found = false;
	b->modules.on = b->modules.whole = b->modules.sure = false;
	buf_clear(&b->modules.text);
	b->modules.text.max = GO_MODULES_MAX;
	b->modules.text.over = false;
	b->go[0] = '\0';
	b->at = b->n = b->done = 0;
}

/* Windows' programs begin with DOS' mark and an offset of their own, macOS' with one of four numbers, or several of them in a wrapper. Go and Rust write
 * the same into all of them. */
static bool other_program(struct str h)
{
	static const char apple[5][4] = { "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe" };
	if (h.n < 64)
		return false;
	if (h.p[0] == 'M' && h.p[1] == 'Z') {
		size_t at = (u8)h.p[60] | (size_t)(u8)h.p[61] << 8;
		return at + 4 <= h.n && !h.p[62] && !h.p[63] && memcmp(h.p + at, "PE\0", 4) == 0;
	}
	for (u32 i = 0; i < countof(apple); i++)
		if (memcmp(h.p, apple[i], 4) == 0) /* the wrapper's number is that of Java's classes, too: there a version stands where the number of programs is */
			return i < 4 || (!h.p[4] && !h.p[5] && !h.p[6] && h.p[7] && (u8)h.p[7] < 20);
	return false;
}

static void modules_feed(struct binary *b, struct str piece)
{
	struct buf *t = &b->modules.text;
	size_t from = t->n > 15 ? t->n - 15 : 0;
	buf_add(t, piece);
	const char *end = str_find(str_from(buf_str(t), from), str_n(go_modules_end, 16));
	if (end) {
		t->n = (size_t)(end - t->p);
		b->modules.whole = true;
	}
	b->modules.on = !end && !t->over;
}

static void modules_begin(struct binary *b, size_t at, bool sure)
{
	buf_clear(&b->modules.text);
	b->modules.text.over = false;
	b->modules.whole = false;
	b->modules.sure = sure;
	b->modules.on = true;
	modules_feed(b, str_from(str_n(b->buf, b->n), at + 16));
}

/* The list begins with the path of the main package. Programs that read such lists have the mark in them, too, without one behind it. */
static void on_modules(struct binary *b, size_t at)
{
	struct str s = str_from(str_n(b->buf, b->n), at);
	if (b->modules.on || b->modules.whole || s.n < 24 || memcmp(s.p, go_modules_begin, 16) != 0)
		return;
	s = str_from(s, 16);
	if (str_starts(s, STR("path\t")) || str_starts(s, STR("mod\t")) || str_starts(s, STR("dep\t")) || str_starts(s, STR("build\t")))
		modules_begin(b, at, false);
}

static bool varint(struct str *s, u64 *v)
{
	*v = 0;
	for (u32 shift = 0; s->n && shift < 35; shift += 7) {
		u8 c = (u8)s->p[0];
		*s = str_from(*s, 1);
		*v |= (u64)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

/* debug/buildinfo: 14 bytes of mark, size of a pointer, flags; since Go 1.18 (flag 2) at 32 the version, then the list, each behind its length. The last one counts: what
 * a program carries inside of itself stands before its own data. */
static void on_go(struct binary *b, size_t at)
{
	struct str s = str_from(str_n(b->buf, b->n), at);
	u64 n;
	if (s.n < 34 || memcmp(s.p, go_info_mark, 14) != 0)
		return;
	if (!b->go[0])
		memcpy(b->go, "go", 3); /* a Go program: of which version, is told elsewhere */
	if (!(s.p[15] & 2))
		return;
	s = str_from(s, 32);
	if (!varint(&s, &n) || n > s.n || n >= sizeof b->go || n < 3)
		return;
	snprintf(b->go, sizeof b->go, "%.*s", (int)n, s.p);
	s = str_from(s, (size_t)n);
	if (varint(&s, &n) && n >= 33 && s.n >= 16 && memcmp(s.p, go_modules_begin, 16) == 0)
		modules_begin(b, (size_t)(s.p - b->buf), true);
}

static void on_zlib(struct binary *b, size_t at)
{
	u8 next = (u8)b->buf[at + 1];
	if (b->rust_found || !b->program || (next != 0x01 && next != 0x5e && next != 0x9c && next != 0xda))
		return;
	b->rust_found = rust_list_try(b->rust, str_n(b->buf, b->n), at);
}

/* ".so" stands here: the text around it may be a library's name. */
static void on_library(struct binary *b, size_t at)
{
	size_t from = at, to = at;
	while (from && at - from < 200 && b->buf[from - 1] > ' ')
		from--;
	while (to < b->n && to - at < 64 && b->buf[to] > ' ')
		to++;
	if (b->elf && from && !b->buf[from - 1] && to < b->n && !b->buf[to])
		elf_library(b->headers, b->at + from, str_n(b->buf + from, to - from));
}

#ifdef __SSE2__
#define LOAD(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
#define EQUAL(v, c) _mm_cmpeq_epi8(v, _mm_set1_epi8(c))
#define MASK(v) (u32)_mm_movemask_epi8(v)

static __m128i digits(const char *p)
{
	__m128i d = _mm_sub_epi8(LOAD(p), _mm_set1_epi8('0'));
	return _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
}

/* Something may be in these 16 bytes; only those of `keep` are meant. */
static __attribute__((noinline)) void block(struct binary *b, size_t i, u32 keep)
{
	__m128i a = LOAD(b->buf + i), c = LOAD(b->buf + i + 1);
	for (u32 m = MASK(_mm_and_si128(_mm_and_si128(EQUAL(c, '.'), digits(b->buf + i)), digits(b->buf + i + 2))) & keep; m; m &= m - 1)
		binary_match_version(b->match, str_n(b->buf, b->n), i + (size_t)__builtin_ctz(m) + 1);
	for (u32 m = MASK(_mm_and_si128(EQUAL(c, '.'), EQUAL(LOAD(b->buf + i + 2), 's'))) & keep; m; m &= m - 1)
		if (b->buf[i + (size_t)__builtin_ctz(m) + 3] == 'o')
			on_library(b, i + (size_t)__builtin_ctz(m) + 1);
	for (u32 m = MASK(EQUAL(a, 'x')) & keep; m; m &= m - 1)
		on_zlib(b, i + (size_t)__builtin_ctz(m));
	for (u32 m = MASK(_mm_and_si128(EQUAL(a, '0'), EQUAL(c, 'w'))) & keep; m; m &= m - 1)
		on_modules(b, i + (size_t)__builtin_ctz(m));
	if (memcmp(b->buf + i, go_info_mark, 8) == 0)
		on_go(b, i);
}

/* Blocks of 16 stand at multiples of 16 in the file; reads beyond `to` stay inside the buffer, which has room behind its end. Few blocks hold anything
 * of interest: a point, an x, the beginnings of Go's marks. */
static void scan(struct binary *b, size_t from, size_t to)
{
	const char *p = b->buf;
	size_t i = from;
	for (; i + 16 <= to; i += 16) {
		__m128i a = LOAD(p + i), c = LOAD(p + i + 1);
		__m128i any = _mm_or_si128(_mm_or_si128(EQUAL(c, '.'), EQUAL(a, 'x')), _mm_and_si128(EQUAL(a, '0'), EQUAL(c, 'w')));
		u64 first, mark;
		memcpy(&first, p + i, sizeof first);
		memcpy(&mark, go_info_mark, sizeof mark);
		if (MASK(any) || first == mark)
			block(b, i, 0xffff);
	}
	if (i < to)
		block(b, i, (1u << (to - i)) - 1);
}
#else
static bool digit(char c) { return c >= '0' && c <= '9'; }

static void scan(struct binary *b, size_t from, size_t to)
{
	const char *p = b->buf;
	for (size_t i = from; i < to; i++) {
		if (p[i + 1] == '.' && digit(p[i]) && digit(p[i + 2]))
			binary_match_version(b->match, str_n(p, b->n), i + 1);
		else if (p[i + 1] == '.' && p[i + 2] == 's' && p[i + 3] == 'o')
			on_library(b, i + 1);
		else if (p[i] == 'x')
			on_zlib(b, i);
		else if (p[i] == '0' && p[i + 1] == 'w')
			on_modules(b, i);
		else if (p[i] == go_info_mark[0] && ((b->at + i) & 15) == 0)
			on_go(b, i);
	}
}
#endif

static void look(struct binary *b, size_t to)
{
	memset(b->buf + b->n, 0, 64);
	binary_match_words(b->match, str_n(b->buf, b->n), b->done, to);
	scan(b, b->done, to);
	b->done = to;
}

static void slide(struct binary *b)
{
	size_t drop = b->done > BINARY_BACK ? (b->done - BINARY_BACK) & ~(size_t)15 : 0;
	memmove(b->buf, b->buf + drop, b->n - drop);
	b->at += drop;
	b->n -= drop;
	b->done -= drop;
}

static void feed(struct binary *b, struct str piece)
{
	if (b->elf)
		elf_feed(b->headers, piece);
	while (piece.n) {
		struct str part = str_head(piece, ROOM - b->n);
		memcpy(b->buf + b->n, part.p, part.n);
		if (b->modules.on)
			modules_feed(b, part);
		if (rust_list_on(b->rust))
			rust_list_feed(b->rust, part);
		b->n += part.n;
		piece = str_from(piece, part.n);
		if (b->n < ROOM)
			return;
		look(b, (b->n - BINARY_AHEAD) & ~(size_t)15);
		slide(b);
	}
}

/* A Go version begins with "v". */
void binary_put(struct note_writer *w, const char *type, struct str name, struct str version)
{
	char text[BINARY_VERSION_MAX + 2];
	if (w->packages >= BINARY_PACKAGES_MAX) {
		if (w->packages++ == BINARY_PACKAGES_MAX)
			note_damage(w, "over a budget: holds more than %u packages", BINARY_PACKAGES_MAX);
		return;
	}
	if (strcmp(type, "golang") == 0 && version.n && version.p[0] >= '0' && version.p[0] <= '9') {
		snprintf(text, sizeof text, "v%.*s", (int)MIN(version.n, (size_t)BINARY_VERSION_MAX), version.p);
		version = str_of(text);
	}
	note_put(w, NOTE_PACKAGE, STR(""));
	note_put(w, BINARY_TYPE, str_of(type));
	note_text(w, NOTE_NAME, name);
	note_text(w, NOTE_VERSION, version);
}

/* Go's version: as the program's header tells; in programs before Go 1.18 the header points to it, and it is the word by itself. */
static void end_go(struct binary *b, struct note_writer *w)
{
	struct str old = binary_match_go(b->match);
	bool damaged = b->modules.on || b->modules.text.over;
	if (!b->go[0] && !b->modules.whole && !damaged)
		return;
	if (!b->go[2] && old.n)
		snprintf(b->go, sizeof b->go, "go%.*s", STR_FMT(old));
	if (damaged)
		note_damage(w, b->modules.on ? "its list of Go modules has no end" : "its list of Go modules is over the budget of %zu MiB", (size_t)(GO_MODULES_MAX / MiB));
	go_packages(b->modules.whole ? buf_str(&b->modules.text) : STR(""), str_of(b->go[2] ? b->go : ""), b->match, w);
}

static int end(struct binary *b, struct buf *note, struct error *err)
{
	struct elf_facts facts;
	struct note_writer w;
	struct buf kept = BUF(0), packages = BUF(note->max);
	if (!b->begun)
		return 0;
	look(b, b->n);
	note_begin(&w, &packages);
	bool elf = b->elf && elf_end(b->headers, &facts);
	bool rust = rust_packages(b->rust, &w);
	end_go(b, &w);
	binary_match_end(b->match, &w);
	int status = note_end(&w, err);
	if (elf) {
		struct note_writer head;
		facts.is_go = b->go[0] != '\0' || b->modules.whole;
		facts.is_rust = rust;
		elf_encode(&facts, &kept);
		note_begin(&head, note);
		note_put(&head, BINARY_ELF, buf_str(&kept));
		if (note_end(&head, err) < 0)
			status = -1;
	}
	buf_add(note, buf_str(&packages));
	buf_free(&kept);
	buf_free(&packages);
	return status;
}

static void stream_begin(void *state, struct str dir, struct str name, const struct tar_entry *e)
{
	(void)e;
	begin(state, dir, name);
}

static void stream_feed(void *state, struct str piece)
{
	struct binary *b = state;
	if (!b->begun) {
		b->begun = true;
		b->elf = elf_magic(piece);
		b->program = b->elf || other_program(piece);
		binary_match_begin(b->match, str_of(b->dir), str_of(b->name), b->program);
	}
	feed(b, piece);
}

static int stream_end(void *state, struct buf *note, struct error *err) { return end(state, note, err); }

static bool sniff(struct str dir, struct str name, const struct tar_entry *e, struct str head)
{
	(void)e;
	return elf_magic(head) || other_program(head) || binary_match_wants(dir, name);
}

static const struct collector_stream stream = { .open = binary_open, .begin = stream_begin, .feed = stream_feed, .end = stream_end, .close = binary_close };

const struct collector binary_collector = { .id = COLLECT_BINARY, .version = 2, .name = "binary", .limit = UINT64_MAX, .sniff = sniff, .stream = &stream };

/* --- reading --- */

bool binary_elf(const struct rootfs *r, u32 node, struct arena *a, struct elf_facts *ret)
{
	struct note_reader n = { .rest = packages_note(r, node, COLLECT_BINARY) };
	struct str s;
	u8 tag;
	bool there = n.rest.p && note_next(&n, &tag, &s) && tag == BINARY_ELF && elf_decode(s, a, ret);
	note_close(&n);
	return there;
}

/* The packages that one file's note tells of. */
static void read_note(const struct rootfs *r, struct packages *p, node_id node, struct str note)
{
	struct note_reader n = { .rest = note };
	struct buf path = BUF(0);
	const char *where = NULL;
	u32 at = UINT32_MAX;
	struct str s;
	u8 tag;
	while (note_next(&n, &tag, &s)) {
		if (tag == NOTE_DAMAGE) {
			packages_problem(p, r, node, s);
		} else if (tag == NOTE_PACKAGE) {
			if (p->n >= PACKAGES_MAX) {
				packages_problem(p, r, node, STR("over a budget: more packages than an image may have"));
				break;
			}
			if (!where)
				where = arena_bytes(&p->arena, rootfs_path(r, node, &path));
			at = packages_add(p, "generic");
			p->v[at].database = node;
			p->v[at].origin = ORIGIN_BINARY;
			p->v[at].path = where;
		} else if (at != UINT32_MAX && tag == BINARY_TYPE) {
			p->v[at].type = arena_bytes(&p->arena, s);
		} else if (at != UINT32_MAX && (tag == NOTE_NAME || tag == NOTE_VERSION)) {
			*(tag == NOTE_NAME ? &p->v[at].name : &p->v[at].version) = arena_bytes(&p->arena, s);
		}
	}
	if (n.bad)
		packages_problem(p, r, node, STR("its kept facts are damaged"));
	if (at != UINT32_MAX)
		packages_own(p, r, at, str_of(where));
	note_close(&n);
	buf_free(&path);
}

static void read_binaries(const struct rootfs *r, struct packages *p)
{
	autofree u8 *seen = xcalloc(r->inodes.n ? r->inodes.n : 1, 1);
	node_id *files;
	u32 n = packages_noted(p, r, COLLECT_BINARY, &files);
	for (u32 i = 0; i < n; i++) {
		inode_id inode = rootfs_node(r, files[i])->inode;
		if (!seen[inode])
			read_note(r, p, files[i], packages_note(r, files[i], COLLECT_BINARY));
		seen[inode] = 1; /* a hard link is the same file */
	}
	free(files);
}

const struct ecosystem binary_ecosystem = { .type = "generic", .collector = &binary_collector, .set = COLLECT_PACKAGES, .read = read_binaries };
