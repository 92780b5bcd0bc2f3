/* Two versions, or a version and a range, on two lines. Of every scheme: a version equals itself, and what stands before the other the other stands behind. */
#include "version/version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str b = str_n(data, size), a = str_cut(&b, '\n');
	if (!b.p)
		b = a;
	for (const struct version_scheme *const *s = version_schemes; *s; s++) {
		int ab = 0, ba = 0, self = 1;
		int r = (*s)->compare(a, b, &ab), back = (*s)->compare(b, a, &ba);
		if (r != back || (r == 0 && (ab > 0) - (ab < 0) != (ba < 0) - (ba > 0)))
			abort();
		if (r == 0 && ((*s)->compare(a, a, &self) < 0 || self != 0))
			abort();
		int in = version_in_range(*s, a, b);
		if (in < -1 || in > 1)
			abort();
	}
	return 0;
}
