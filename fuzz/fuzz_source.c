/* The first byte chooses a language, the rest is a file of it: what is told are lines as source.h has them, and reading on from any of them ends. */
#include "program/source.h"

static void require(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Names by which a language takes one of its several forms. */
	static const struct { const char *dir, *name; } files[] = { { "app", "a.py" }, { "app", "a.pyc" }, { "app", "a.pth" }, { "p/a-1.dist-info", "entry_points.txt" }, { "p/a-1.dist-info", "RECORD" },
		{ "p/a-1.dist-info", "METADATA" }, { "p/a.egg-info", "requires.txt" }, { "p/a.egg-info", "top_level.txt" }, { "v", "pyvenv.cfg" }, { "app", "a.js" }, { "app", "package.json" }, { "app", "a.rb" },
		{ "app", "a.gemspec" }, { "app", "a.pm" }, { "app", "a.php" }, { "app", "A.class" }, { "etc", "a.conf" }, { "app", "a.lua" }, { "app", "a.yaml" }, { "usr/bin", "a" } };
	u32 n = 0;
	while (source_languages[n])
		n++;
	if (size < 2 || size > MiB)
		return 0;
	const struct source_language *l = source_languages[data[0] % n];
	struct str dir = str_of(files[data[1] % countof(files)].dir), name = str_of(files[data[1] % countof(files)].name);
	for (u32 i = 0; i < n; i++) /* whose name it is */
		if (source_languages[i]->is && source_languages[i]->is(dir, name))
			l = source_languages[i];
	struct buf note = { 0 };
	source_take(l, dir, name, str_n(data + 2, size - 2), false, &note);
	require(note.n >= 2 && source_letter(buf_str(&note)) == l->letter && note.p[1] == '\n' && note.n <= SOURCE_NOTE + KiB);
	struct str rest = buf_str(&note), text;
	char letter;
	while (source_next(&rest, &letter, &text))
		require(text.n && !str_chr(text, '\n') && !str_chr(text, '\0') && (letter != 's' || text.n <= SOURCE_STRING));
	buf_free(&note);
	return 0;
}
