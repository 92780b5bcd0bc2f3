/* The first byte chooses how long the pieces are in which the rest passes as a file; what is read of it does not depend on that, and can be kept and read back. */
#include "program/elf.h"

static bool read_in(struct elf_reader *r, struct str s, size_t piece, struct buf *kept)
{
	struct elf_facts f;
	elf_begin(r);
	for (size_t at = 0; at < s.n; at += piece)
		elf_feed(r, str_head(str_from(s, at), piece));
	if (!elf_end(r, &f))
		return false;
	if (f.n_needed > ELF_NEEDED_MAX)
		abort();
	elf_encode(&f, kept);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct elf_reader *r = elf_reader_new();
	struct str s = str_n(data + 1, size - 1);
	struct buf one = BUF(0), two = BUF(0), again = BUF(0);
	struct arena a = { 0 };
	struct elf_facts f;
	bool is = read_in(r, s, data[0] % 64u + 1, &one);
	if (is != read_in(r, s, (size_t)1 << 20, &two) || !str_eq(buf_str(&one), buf_str(&two)))
		abort();
	if (is) {
		if (!elf_decode(buf_str(&one), &a, &f))
			abort();
		elf_encode(&f, &again);
		if (!str_eq(buf_str(&one), buf_str(&again)))
			abort();
	}
	if (elf_decode(s, &a, &f))
		elf_encode(&f, &again);
	arena_free(&a);
	buf_free(&one);
	buf_free(&two);
	buf_free(&again);
	elf_reader_free(r);
	return 0;
}
