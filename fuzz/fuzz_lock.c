/* What can be told of an ELF file's system calls, or of a script's: in bounds, in time, and the same twice. The first byte chooses what is there already. */
#include "slim/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lock_words *words;
	struct lock_tree one = { 0 }, two = { 0 };
	if (size < 1)
		return 0;
	if (!words)
		words = lock_words_make();
	one.imports[GROUP_FFI] = two.imports[GROUP_FFI] = data[0] & 1;
	struct str s = str_n(data + 1, size - 1);
	lock_elf(words, s, &one);
	lock_script(words, s, &one);
	lock_elf(words, s, &two);
	lock_script(words, s, &two);
	for (u32 g = 0; g < GROUPS; g++)
		if (one.imports[g] != two.imports[g] || lock_can(&one, g) != lock_can(&two, g))
			abort();
	return 0;
}
