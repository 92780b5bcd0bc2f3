/* elf_of.h — small ELF files made by hand: x86-64 (or what else is asked), headers and a dynamic section, nothing that runs. */
#ifndef PARE_TESTS_ELF_OF_H
#define PARE_TESTS_ELF_OF_H
#include "base/buf.h"
#include "program/elf.h"

struct elf_of {
	const char *interpreter, *soname, *rpath, *runpath; /* NULL: none */
	const char *needed[8];
	const char *symbols[8], *texts[8]; /* names in the table of dynamic strings; what is among the data */
	bool narrow, fixed; /* 32 bits, i386; a program at a fixed address */
};

static __attribute__((unused)) void elf_number(struct buf *b, u64 v, u32 n)
{
	for (u32 i = 0; i < n; i++)
		buf_putc(b, (char)(u8)(i < 8 ? v >> 8 * i : 0));
}

static __attribute__((unused)) void elf_segment(struct buf *b, bool narrow, u32 type, u64 at, u64 size)
{
	u32 w = narrow ? 4 : 8;
	elf_number(b, type, 4);
	if (!narrow)
		elf_number(b, 6, 4);
	for (u32 i = 0; i < 3; i++)
		elf_number(b, at, w);
	for (u32 i = 0; i < 2; i++)
		elf_number(b, size, w);
	if (narrow)
		elf_number(b, 6, 4);
	elf_number(b, 0, w);
}

static __attribute__((unused)) struct buf elf_of(struct elf_of e)
{
	struct buf b = BUF(0), strings = BUF(0), dynamic = BUF(0), data = BUF(0);
	u32 w = e.narrow ? 4 : 8, head = e.narrow ? 52 : 64, entry = e.narrow ? 32 : 56;
	const struct { u32 tag; const char *text; } more[] = { { 14, e.soname }, { 15, e.rpath }, { 29, e.runpath } };
	buf_putc(&strings, 0);
	for (size_t i = 0; i < countof(e.needed) + countof(more); i++) {
		u32 tag = i < countof(e.needed) ? 1 : more[i - countof(e.needed)].tag;
		const char *text = i < countof(e.needed) ? e.needed[i] : more[i - countof(e.needed)].text;
		if (!text)
			continue;
		elf_number(&dynamic, tag, w);
		elf_number(&dynamic, strings.n, w);
		buf_add(&strings, str_n(text, strlen(text) + 1));
	}
	for (size_t i = 0; i < countof(e.symbols) && e.symbols[i]; i++)
		buf_add(&strings, str_n(e.symbols[i], strlen(e.symbols[i]) + 1));
	for (size_t i = 0; i < countof(e.texts) && e.texts[i]; i++)
		buf_add(&data, str_n(e.texts[i], strlen(e.texts[i]) + 1));
	struct str interp = e.interpreter ? str_n(e.interpreter, strlen(e.interpreter) + 1) : STR("");
	u64 at = head + 3 * entry, text = at + interp.n, dyn = text + strings.n;
	bool alone = !dynamic.n;
	elf_number(&dynamic, 5, w);
	elf_number(&dynamic, text, w);
	elf_number(&dynamic, 10, w);
	elf_number(&dynamic, strings.n, w);
	elf_number(&dynamic, 0, 2 * w);
	u8 ident[16] = { 0x7f, 'E', 'L', 'F', e.narrow ? 1 : 2, 1, 1 };
	buf_add(&b, str_n(ident, 16));
	elf_number(&b, e.fixed ? ELF_EXEC : ELF_DYN, 2);
	elf_number(&b, e.narrow ? 3 : 62, 2);
	elf_number(&b, 1, 4);
	elf_number(&b, 0, w);
	elf_number(&b, head, w);
	elf_number(&b, 0, w);
	elf_number(&b, 0, 4);
	elf_number(&b, head, 2);
	elf_number(&b, entry, 2);
	elf_number(&b, 3, 2);
	elf_number(&b, 0, 6);
	elf_segment(&b, e.narrow, 1, 0, dyn + dynamic.n + data.n);
	elf_segment(&b, e.narrow, 3, at, interp.n);
	elf_segment(&b, e.narrow, alone ? 0 : 2, dyn, dynamic.n);
	buf_add(&b, interp);
	buf_add(&b, buf_str(&strings));
	buf_add(&b, buf_str(&dynamic));
	buf_add(&b, buf_str(&data));
	buf_free(&strings);
	buf_free(&dynamic);
	buf_free(&data);
	return b;
}
#endif
