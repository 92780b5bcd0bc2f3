#include "program/elf.h"

#define WINDOWS 12u
#define FIRST_WINDOW ((size_t)(640 * KiB)) /* of the first loaded segment: dynamic symbols and their names stand at its beginning */
#define NEXT_WINDOW ((size_t)(32 * KiB))   /* of the others: where tools that change RPATH put the strings they have made longer */
#define NOTES 4u
#define SMALL ((size_t)(64 * KiB))         /* a dynamic section */
#define NOTE_BYTES ((size_t)1024)
#define LIBRARIES 1024u
#define LIBRARY_BYTES ((size_t)(64 * KiB))

/* Bytes of the file to keep. */
struct window {
	u64 from, address;
	size_t want, got;
	char *to;
};

struct elf_reader {
	char head[ELF_HEAD];
	size_t head_n;
	bool headed, is;
	u64 at; /* fed so far */
	struct elf_facts f;
	struct window load[WINDOWS], note[NOTES], dynamic, interpreter;
	u32 n_load, n_note;
	u64 data, first_size; /* of the first loaded segment */
	u32 n_library;
	size_t library_bytes;
	char *keep, *library_text;
	size_t kept;
	struct { u64 at; u32 from, n; } library[LIBRARIES];
	struct str needed[ELF_NEEDED_MAX];
};

#define KEEP (ELF_STRINGS + SMALL + ELF_STRING_MAX + NOTES * NOTE_BYTES)

struct elf_reader *elf_reader_new(void)
{
	struct elf_reader *r = xcalloc(1, sizeof *r);
	r->keep = xmalloc(KEEP + LIBRARY_BYTES);
	r->library_text = r->keep + KEEP;
	return r;
}

void elf_reader_free(struct elf_reader *r)
{
	if (r)
		free(r->keep);
	free(r);
}

void elf_begin(struct elf_reader *r)
{
	memset(r, 0, offsetof(struct elf_reader, keep));
	r->kept = 0;
}

void elf_library(struct elf_reader *r, u64 at, struct str name)
{
	const struct window *w = &r->load[0];
	if (!r->n_load || at < w->from + w->want || at - w->from >= r->first_size || r->n_library == LIBRARIES || name.n > LIBRARY_BYTES - r->library_bytes)
		return;
	r->library[r->n_library].at = at;
	r->library[r->n_library].from = (u32)r->library_bytes;
	r->library[r->n_library++].n = (u32)name.n;
	memcpy(r->library_text + r->library_bytes, name.p, name.n);
	r->library_bytes += name.n;
}

u64 elf_data_offset(const struct elf_reader *r) { return r->data; }

/* `bytes` bytes at p in the file's order. */
static u64 number(const struct elf_reader *r, const char *p, u32 bytes)
{
	u64 v = 0;
	for (u32 i = 0; i < bytes; i++)
		v = v << 8 | (u8)p[r->f.data == ELF_BIG ? i : bytes - 1 - i];
	return v;
}

static struct window window(struct elf_reader *r, u64 from, u64 address, u64 size, size_t most)
{
	struct window w = { .from = from, .address = address, .want = (size_t)MIN(size, (u64)MIN(most, KEEP - r->kept)), .to = r->keep + r->kept };
	r->kept += w.want;
	return w;
}

enum { LOAD = 1, DYNAMIC = 2, INTERPRETER = 3, NOTE = 4, WRITABLE = 2 };

static void segment(struct elf_reader *r, u32 type, u32 flags, u64 from, u64 address, u64 size)
{
	if (size == 0 || from > UINT64_MAX - size)
		return;
	if (type == LOAD && r->n_load < WINDOWS) {
		r->first_size = r->n_load ? r->first_size : size;
		r->load[r->n_load] = window(r, from, address, size, r->n_load ? NEXT_WINDOW : FIRST_WINDOW);
		r->n_load++;
	} else if (type == DYNAMIC && !r->dynamic.want) {
		r->dynamic = window(r, from, address, size, SMALL);
		r->f.cut |= size > SMALL;
	} else if (type == INTERPRETER && !r->interpreter.want) {
		r->interpreter = window(r, from, address, size, ELF_STRING_MAX);
	} else if (type == NOTE && r->n_note < NOTES) {
		r->note[r->n_note++] = window(r, from, address, size, NOTE_BYTES);
	}
	if (type == LOAD && flags & WRITABLE && !r->data)
		r->data = from;
}

static void header(struct elf_reader *r)
{
	const char *h = r->head;
	r->headed = true;
	if (r->head_n < 52 || !elf_magic(str_n(h, r->head_n)) || h[4] < ELF_32 || h[4] > ELF_64 || h[5] < ELF_LITTLE || h[5] > ELF_BIG)
		return;
	bool wide = h[4] == ELF_64;
	r->f.class = (u8)h[4];
	r->f.data = (u8)h[5];
	if (wide && r->head_n < 64)
		return;
	r->is = true;
	r->f.type = (u16)number(r, h + 16, 2);
	r->f.machine = (u16)number(r, h + 18, 2);
	u64 at = wide ? number(r, h + 32, 8) : number(r, h + 28, 4);
	u64 size = number(r, h + (wide ? 54 : 42), 2), n = number(r, h + (wide ? 56 : 44), 2);
	if (size < (wide ? 56u : 32u) || at > r->head_n)
		return;
	for (u64 i = 0; i < n && at + size <= r->head_n; i++, at += size) {
		const char *p = h + at;
		u32 type = (u32)number(r, p, 4);
		if (wide)
			segment(r, type, (u32)number(r, p + 4, 4), number(r, p + 8, 8), number(r, p + 16, 8), number(r, p + 32, 8));
		else
			segment(r, type, (u32)number(r, p + 24, 4), number(r, p + 4, 4), number(r, p + 8, 4), number(r, p + 16, 4));
	}
}

static void fill(struct window *w, u64 at, struct str piece)
{
	u64 next = w->from + w->got; /* the first byte that is missing */
	if (w->got >= w->want || next < at || next >= at + piece.n)
		return;
	struct str part = str_head(str_from(piece, (size_t)(next - at)), w->want - w->got);
	memcpy(w->to + w->got, part.p, part.n);
	w->got += part.n;
}

static void pass(struct elf_reader *r, struct str piece)
{
	if (r->is && piece.n) {
		for (u32 i = 0; i < r->n_load; i++)
			fill(&r->load[i], r->at, piece);
		for (u32 i = 0; i < r->n_note; i++)
			fill(&r->note[i], r->at, piece);
		fill(&r->dynamic, r->at, piece);
		fill(&r->interpreter, r->at, piece);
	}
	r->at += piece.n;
}

void elf_feed(struct elf_reader *r, struct str piece)
{
	if (r->headed) {
		pass(r, piece);
		return;
	}
	struct str part = str_head(piece, ELF_HEAD - r->head_n);
	if (part.n)
		memcpy(r->head + r->head_n, part.p, part.n);
	r->head_n += part.n;
	if (r->head_n < ELF_HEAD)
		return;
	header(r);
	pass(r, str_n(r->head, r->head_n));
	pass(r, str_from(piece, part.n));
}

static struct str text_at(const struct elf_reader *r, u64 address)
{
	for (u32 i = 0; i < r->n_load; i++) {
		const struct window *w = &r->load[i];
		if (address < w->address || address - w->address >= w->got)
			continue;
		struct str s = str_head(str_n(w->to + (address - w->address), w->got - (size_t)(address - w->address)), ELF_STRING_MAX);
		const char *zero = str_chr(s, '\0');
		if (zero)
			return str_n(s.p, (size_t)(zero - s.p));
	}
	u64 at = address - r->load[0].address; /* names may be the end of longer ones */
	for (u32 i = 0; r->n_load && address >= r->load[0].address && i < r->n_library; i++)
		if (r->load[0].from + at >= r->library[i].at && r->load[0].from + at - r->library[i].at < r->library[i].n)
			return str_from(str_n(r->library_text + r->library[i].from, r->library[i].n), (size_t)(r->load[0].from + at - r->library[i].at));
	return (struct str){ NULL, 0 };
}

enum { DT_NEEDED = 1, DT_STRTAB = 5, DT_STRSZ = 10, DT_SONAME = 14, DT_RPATH = 15, DT_RUNPATH = 29, DT_FLAGS_1 = 0x6ffffffb, PIE = 0x08000000 };

/* Each entry is a tag and a value; strings are offsets into the table that another entry tells of. */
static bool dynamic(struct elf_reader *r)
{
	u32 w = r->f.class == ELF_64 ? 8 : 4;
	u64 strings = 0, size = 0, flags = 0;
	for (u32 turn = 0; turn < 2; turn++) {
		for (size_t at = 0; at + 2 * w <= r->dynamic.got; at += 2 * w) {
			u64 tag = number(r, r->dynamic.to + at, w), v = number(r, r->dynamic.to + at + w, w);
			if (tag == 0)
				break;
			if (turn == 0) {
				strings = tag == DT_STRTAB ? v : strings;
				size = tag == DT_STRSZ ? v : size;
				flags = tag == DT_FLAGS_1 ? v : flags;
				continue;
			}
			struct str *to = tag == DT_SONAME ? &r->f.soname : tag == DT_RPATH ? &r->f.rpath : tag == DT_RUNPATH ? &r->f.runpath : NULL;
			if (!to && tag != DT_NEEDED)
				continue;
			struct str s = v < size && strings <= UINT64_MAX - v ? text_at(r, strings + v) : (struct str){ NULL, 0 };
			if (!s.p || (!to && r->f.n_needed == ELF_NEEDED_MAX))
				r->f.cut = true;
			else if (to)
				*to = s;
			else
				r->needed[r->f.n_needed++] = s;
		}
	}
	r->f.needed = r->needed;
	return flags & PIE;
}

static void build_id(struct elf_reader *r, const struct window *w)
{
	for (size_t at = 0; at + 12 <= w->got;) {
		u64 name = number(r, w->to + at, 4), bytes = number(r, w->to + at + 4, 4), type = number(r, w->to + at + 8, 4);
		u64 from = at + 12 + ((name + 3) & ~(u64)3);
		if (from > w->got || bytes > w->got - from)
			return;
		if (type == 3 && name == 4 && memcmp(w->to + at + 12, "GNU", 4) == 0 && bytes && bytes <= 64) {
			r->f.build_id = str_n(w->to + from, (size_t)bytes);
			return;
		}
		at = (size_t)(from + ((bytes + 3) & ~(u64)3));
	}
}

bool elf_end(struct elf_reader *r, struct elf_facts *ret)
{
	if (!r->headed) {
		header(r);
		pass(r, str_n(r->head, r->head_n));
	}
	if (!r->is)
		return false;
	struct str s = str_n(r->interpreter.to, r->interpreter.got);
	const char *zero = str_chr(s, '\0');
	if (zero && zero > s.p)
		r->f.interpreter = str_n(s.p, (size_t)(zero - s.p));
	bool pie = dynamic(r);
	for (u32 i = 0; i < r->n_note && !r->f.build_id.p; i++)
		build_id(r, &r->note[i]);
	r->f.is_static = !r->f.interpreter.p && !r->f.n_needed && !r->f.cut && (r->f.type == ELF_EXEC || (r->f.type == ELF_DYN && pie));
	*ret = r->f;
	return true;
}

/* The kept form: class, data, machine and type (two bytes each, low first), flags, then strings: their length plus one as LEB128, 0 when there is none. */
enum { IS_STATIC = 1, IS_GO = 2, IS_RUST = 4, CUT = 8 };

static void put(struct buf *out, struct str s)
{
	u64 n = s.p ? s.n + 1 : 0;
	for (; n >= 0x80; n >>= 7)
		buf_putc(out, (char)(u8)(n | 0x80));
	buf_putc(out, (char)(u8)n);
	if (s.n)
		buf_add(out, s);
}

void elf_encode(const struct elf_facts *f, struct buf *out)
{
	u8 fixed[] = { f->class, f->data, (u8)f->machine, (u8)(f->machine >> 8), (u8)f->type, (u8)(f->type >> 8),
		       (u8)((f->is_static ? IS_STATIC : 0) | (f->is_go ? IS_GO : 0) | (f->is_rust ? IS_RUST : 0) | (f->cut ? CUT : 0)) };
	buf_add(out, str_n(fixed, sizeof fixed));
	put(out, f->interpreter);
	put(out, f->soname);
	put(out, f->rpath);
	put(out, f->runpath);
	put(out, f->build_id);
	for (u32 i = 0; i < f->n_needed; i++)
		put(out, f->needed[i]);
}

static bool get(struct str *rest, struct str *ret)
{
	u64 n = 0;
	for (u32 shift = 0;; shift += 7) {
		if (rest->n == 0 || shift > 28)
			return false;
		u8 c = (u8)rest->p[0];
		*rest = str_from(*rest, 1);
		n |= (u64)(c & 0x7f) << shift;
		if (c < 0x80)
			break;
	}
	if (n > (u64)rest->n + 1)
		return false;
	*ret = n ? str_n(rest->p, (size_t)n - 1) : (struct str){ NULL, 0 };
	*rest = str_from(*rest, ret->n);
	return true;
}

bool elf_decode(struct str from, struct arena *a, struct elf_facts *ret)
{
	struct elf_facts f = { 0 };
	struct str needed[ELF_NEEDED_MAX];
	const u8 *p = (const u8 *)from.p;
	if (from.n < 7)
		return false;
	f.class = p[0];
	f.data = p[1];
	f.machine = (u16)(p[2] | p[3] << 8);
	f.type = (u16)(p[4] | p[5] << 8);
	f.is_static = p[6] & IS_STATIC;
	f.is_go = p[6] & IS_GO;
	f.is_rust = p[6] & IS_RUST;
	f.cut = p[6] & CUT;
	from = str_from(from, 7);
	if (!get(&from, &f.interpreter) || !get(&from, &f.soname) || !get(&from, &f.rpath) || !get(&from, &f.runpath) || !get(&from, &f.build_id))
		return false;
	while (from.n) {
		if (f.n_needed == ELF_NEEDED_MAX || !get(&from, &needed[f.n_needed]))
			return false;
		f.n_needed++;
	}
	if (f.n_needed) {
		struct str *v = arena_alloc(a, f.n_needed * sizeof *v);
		memcpy(v, needed, f.n_needed * sizeof *v);
		f.needed = v;
	}
	*ret = f;
	return true;
}
