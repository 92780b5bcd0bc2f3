/* Words of COPY and ADD: the first line is the URL of a file, the second a --chmod, the third a pattern, the fourth a name. */
#include "build/copy_inner.h"
#include "build/fetched.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct str rest = str_n(data, size), url = str_cut(&rest, '\n'), mode = str_cut(&rest, '\n'), pattern = str_cut(&rest, '\n'), name = str_cut(&rest, '\n');
	struct copy_mode m;
	const char *file;

	if (fetched_name(&a, url, &file, NULL) == 0 && (!*file || strchr(file, '/') || strcmp(file, ".") == 0 || strcmp(file, "..") == 0))
		abort();
	if (mode.p && copy_mode_parse(mode, &m, NULL) == 0 && (copy_mode_of(&m, 0644, false) > 07777u || copy_mode_of(&m, 0755, true) > 07777u))
		abort();
	if (pattern.p && name.p && pattern.n < 4096 && name.n < 256)
		copy_match(pattern, name);
	bool plain = true;
	for (size_t i = 0; i < pattern.n; i++)
		plain &= !strchr("*?[\\", pattern.p[i]);
	if (plain && name.p && pattern.n < 256 && name.n < 256 && copy_match(pattern, name) != str_eq(pattern, name))
		abort();
	arena_free(&a);
	return 0;
}
