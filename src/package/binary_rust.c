/* binary_rust.c — crates out of what cargo-auditable writes into programs: zlib, inside a JSON document
 * {"packages":[{"name":…,"version":…,"source":…,"kind":"build","dependencies":[…],"root":true}]}.
 *
 * It has a section of its own, but the table of sections passes by last. So every pair of bytes that may begin a zlib stream is looked at: first by rule,
 * then by inflating a few bytes. */
#include "base/json.h"
#include "package/binary.h"
#include <isa-l/igzip_lib.h>

#define LIST_MAX ((size_t)MiB) /* inflated */
#define TRIES_MAX 200000u            /* streams that were begun in one file; some thousand in the largest programs */

static const char first[] = "{\"packages\":[";

struct rust_list {
	struct inflate_state z;
	struct buf text;
	u32 tries;
	bool on, found, bad;
};

struct rust_list *rust_list_new(void)
{
	struct rust_list *l = aligned_alloc(64, (sizeof *l + 63) & ~(size_t)63);
	if (!l)
		abort();
	memset(l, 0, sizeof *l);
	l->text.max = LIST_MAX;
	return l;
}

void rust_list_free(struct rust_list *l)
{
	if (l)
		buf_free(&l->text);
	free(l);
}

void rust_list_begin(struct rust_list *l)
{
	buf_clear(&l->text);
	l->text.over = false;
	l->tries = 0;
	l->on = l->found = l->bad = false;
}

bool rust_list_on(const struct rust_list *l) { return l->on; }

/* Little-endian bits. */
static u32 bits(const u8 *p, u32 at, u32 n)
{
	u32 v = (u32)p[at >> 3] | (u32)p[(at >> 3) + 1] << 8 | (u32)p[(at >> 3) + 2] << 16;
	return v >> (at & 7) & ((1u << n) - 1);
}

/* Whether a deflate block can begin here that begins with '{' (RFC 1951, 3.2). A block with codes of its own begins with the lengths of a code for them: it has to
 * be complete, which is true of one in hundreds by chance. */
static bool block_may_begin(struct str s)
{
	const u8 *p = (const u8 *)s.p;
	if (s.n < 24)
		return false;
	switch (bits(p, 1, 2)) {
	case 0: return (p[1] ^ p[3]) == 0xff && (p[2] ^ p[4]) == 0xff && p[5] == '{';
	case 1: return bits(p, 3, 8) == 0xd5; /* '{' in the fixed code, its bits turned round */
	case 2: break;
	default: return false;
	}
	u32 sum = 0, n = bits(p, 13, 4) + 4;
	if (bits(p, 3, 5) > 29 || bits(p, 8, 5) > 29)
		return false;
	for (u32 i = 0; i < n; i++) {
		u32 length = bits(p, 17 + 3 * i, 3);
		sum += length ? 128u >> length : 0;
	}
	return sum == 128;
}

bool rust_list_try(struct rust_list *l, struct str text, size_t at)
{
	struct str s = str_from(text, at);
	u8 out[sizeof first - 1];
	if (!block_may_begin(str_from(s, 2)) || l->tries > TRIES_MAX)
		return false;
	if (++l->tries > TRIES_MAX)
		return false;
	isal_inflate_init(&l->z);
	l->z.crc_flag = ISAL_ZLIB;
	l->z.next_in = (u8 *)(uintptr_t)s.p;
	l->z.avail_in = (u32)s.n;
	l->z.next_out = out;
	l->z.avail_out = sizeof out;
	int status = isal_inflate(&l->z);
	if (status < 0 || l->z.avail_out || memcmp(out, first, sizeof out) != 0)
		return false;
	l->found = l->on = true;
	buf_add(&l->text, str_n(out, sizeof out));
	if (l->z.block_state == ISAL_BLOCK_FINISH)
		l->on = false;
	else
		rust_list_feed(l, str_n(l->z.next_in, l->z.avail_in));
	return true;
}

void rust_list_feed(struct rust_list *l, struct str piece)
{
	u8 out[4096];
	l->z.next_in = (u8 *)(uintptr_t)piece.p;
	l->z.avail_in = (u32)piece.n;
	do {
		l->z.next_out = out;
		l->z.avail_out = sizeof out;
		if (isal_inflate(&l->z) < 0) {
			l->bad = true;
			l->on = false;
			return;
		}
		buf_add(&l->text, str_n(out, sizeof out - l->z.avail_out));
		if (l->text.over)
			l->on = false;
		if (l->z.block_state == ISAL_BLOCK_FINISH)
			l->on = false;
	} while (l->on && l->z.avail_out == 0);
}

bool rust_packages(struct rust_list *l, struct note_writer *w)
{
	struct error err = { 0 };
	if (l->tries > TRIES_MAX)
		note_damage(w, "over a budget: more than %u places look like a list of crates", TRIES_MAX);
	if (!l->found)
		return false;
	autojson json_t *doc = l->bad || l->on || l->text.over ? NULL : json_read(buf_str(&l->text), "list of crates", &err);
	if (!doc) {
		note_damage(w, "its list of crates is damaged%s%s", err.text[0] ? ": " : l->text.over ? ": over a budget" : "", err.text);
		return true;
	}
	const json_t *list = json_arr(doc, "packages");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		const char *kind = json_text(p, "kind");
		struct str name = json_view(p, "name"), version = json_view(p, "version");
		if (name.p && name.n && version.p && (!kind || (strcmp(kind, "build") != 0 && strcmp(kind, "development") != 0)))
			binary_put(w, "cargo", name, version);
	}
	return true;
}
