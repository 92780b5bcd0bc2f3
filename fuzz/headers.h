/* headers.h — for fuzzers of archives: makes the check sums of tar headers right, so that what is behind them is reached. Layers stand in
 * archives at multiples of 512 bytes too, so theirs are found in the same pass. */
#ifndef PARE_FUZZ_HEADERS_H
#define PARE_FUZZ_HEADERS_H
#include "base/common.h"

static inline void headers_repair(u8 *p, size_t n)
{
	for (; n >= 512; p += 512, n -= 512) {
		if (memcmp(p + 257, "ustar", 5) != 0)
			continue;
		u32 sum = 8 * ' ';
		for (size_t i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0 : p[i];
		char text[16];
		snprintf(text, sizeof text, "%06o", sum);
		memcpy(p + 148, text, 7);
		p[155] = ' ';
	}
}
#endif
