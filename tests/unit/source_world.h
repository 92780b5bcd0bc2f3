/* source_world.h — what a scanner of sources tells of a text, through the collector as a layer's reading sends it. */
#ifndef PARE_TESTS_SOURCE_WORLD_H
#define PARE_TESTS_SOURCE_WORLD_H
#include "program/source.h"
#include <setjmp.h>
#include <cmocka.h>

static struct buf told;

static void tell_of(const char *dir, const char *name, const char *text)
{
	const struct collector_stream *s = source_collector.stream;
	struct tar_entry e = { 0 };
	struct error err = { 0 };
	void *state = s->open();
	buf_clear(&told);
	s->begin(state, str_of(dir), str_of(name), &e);
	s->feed(state, str_of(text));
	assert_int_equal(s->end(state, &told, &err), 0);
	s->close(state);
}

static bool has(const char *line)
{
	struct str rest = buf_str(&told);
	while (rest.p)
		if (str_is(str_cut(&rest, '\n'), line))
			return true;
	return false;
}
#define assert_told(line) do { if (!has(line)) fail_msg("not told: %s\nbut:\n%s", line, told.p); } while (0)
#define assert_untold(line) do { if (has(line)) fail_msg("told: %s", line); } while (0)
#endif
