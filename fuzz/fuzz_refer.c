/* The first byte chooses how long the pieces are in which the rest passes as a file, the first of them apart, as a layer's reading sends it; the note does not depend on that, and can be read, whatever it is. */
#include "program/elf.h"
#include "program/refer.h"

static void note_of(struct str s, size_t piece, struct buf *note)
{
	const struct collector_stream *t = refer_collector.stream;
	struct tar_entry e = { 0 };
	size_t first = MIN(s.n, COLLECT_HEAD);
	void *state = t->open();
	t->begin(state, STR("usr/bin"), STR("x"), &e);
	if (s.n)
		t->feed(state, str_head(s, first));
	for (size_t at = first; at < s.n; at += piece)
		t->feed(state, str_head(str_from(s, at), piece));
	if (t->end(state, note, NULL) < 0)
		abort();
	t->close(state);
}

static void read_note(struct str note)
{
	struct str rest = note, text;
	char letter;
	while (refer_next(&rest, &letter, &text))
		if (text.n > note.n)
			abort();
	(void)refer_functions(note);
	(void)refer_says(note, STR("sh"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct str s = str_n(data + 1, size - 1);
	struct buf one = BUF(0), two = BUF(0);
	note_of(s, data[0] % 64u + 1, &one);
	note_of(s, (size_t)1 << 20, &two);
	if (!str_eq(buf_str(&one), buf_str(&two)))
		abort();
	read_note(buf_str(&one));
	read_note(s);
	buf_free(&one);
	buf_free(&two);
	return 0;
}
