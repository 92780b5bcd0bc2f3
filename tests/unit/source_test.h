/* source_test.h — a text through the collector of sources, and whether its note has a line. */
#ifndef PARE_TESTS_SOURCE_TEST_H
#define PARE_TESTS_SOURCE_TEST_H
#include "program/source.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The note that a file of this name and text gets. */
static inline struct str source_test(const char *dir, const char *name, const char *text, struct buf *note)
{
	const struct collector_stream *c = source_collector.stream;
	struct error err = { 0 };
	void *state = c->open();
	buf_clear(note);
	c->begin(state, str_of(dir), str_of(name), NULL);
	c->feed(state, str_of(text));
	assert_int_equal(c->end(state, note, &err), 0);
	c->close(state);
	return buf_str(note);
}

static inline bool source_has(struct str note, const char *line)
{
	while (note.p)
		if (str_is(str_cut(&note, '\n'), line))
			return true;
	return false;
}
#endif
