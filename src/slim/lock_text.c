/* System calls that machine code makes itself: the numbers that it loads. Nothing is disassembled: a constant that stands where an instruction could load it counts, so that what is found is never less
 * than what is there, as long as numbers are constants. */
#include "run/observe.h"
#include "slim/lock.h"

#define NEAR 64u   /* bytes before an instruction that makes a call */
#define FAR 256u   /* before a call of syscall(2), whose other arguments are evaluated in between */
#define STUBS 8u

static u32 word_at(const u8 *p) { return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }

static void found(u64 *numbers, u32 n)
{
	if (n < OBSERVED_CALLS)
		numbers[n / 64] |= (u64)1 << n % 64;
}

#if defined(__aarch64__)
#define NUMBER (1u << 8) /* X8 */
#define FIRST 1u
#define ANY (~0u)

static bool loads(struct str text, u32 registers, u64 *numbers)
{
	bool any = false;
	for (size_t at = 0; at + 4 <= text.n; at += 4) {
		u32 i = word_at((const u8 *)text.p + at);
		if ((i & 0x7fe00000u) != 0x52800000u || !(registers >> (i & 31) & 1)) /* MOVZ */
			continue;
		found(numbers, i >> 5 & 0xffff);
		any = true;
	}
	return any;
}

void lock_text_calls(struct str text, bool all, u64 *numbers)
{
	for (size_t at = 0; at + 4 <= text.n; at += 4)
		if (word_at((const u8 *)text.p + at) == 0xd4000001u) { /* SVC #0 */
			loads(text, all ? ANY : NUMBER, numbers);
			return;
		}
}

void lock_text_syscall(struct str text, u64 address, u64 slot, bool all_else, u64 *numbers)
{
	(void)address, (void)slot;
	if (all_else)
		loads(text, FIRST, numbers);
}

#else
enum { AX = 1, SI = 1 << 6, DI = 1 << 7, ANY = 0x1ff };

/* The constant that an instruction beginning here would load, into one of `registers` (bit 8: the stack). */
static bool load_at(const u8 *p, const u8 *end, u32 registers, u32 *n)
{
	size_t left = (size_t)(end - p);
	if (left < 7)
		return false;
	if (*p >= 0xb8 && *p <= 0xbf) { /* mov $N, reg */
		*n = word_at(p + 1);
		return registers >> (*p & 7) & 1;
	}
	if (*p == 0x6a) { /* push $N; pop reg */
		*n = p[1];
		return p[1] < 0x80 && (registers >> (p[2] >= 0x58 && p[2] <= 0x5f ? p[2] & 7 : 8) & 1);
	}
	if (*p != 0xc7 || (p[1] & 0x38)) /* mov $N, reg or memory */
		return false;
	u32 mode = p[1] >> 6, reg = p[1] & 7, at = 2 + (mode < 3 && reg == 4 ? 1u : 0u) + (mode == 1 ? 1u : mode == 2 ? 4u : 0u);
	if (left < at + 4)
		return false;
	*n = word_at(p + at);
	return registers >> (mode == 3 ? reg : 8) & 1;
}

static bool loads(const u8 *p, const u8 *end, u32 registers, u64 *numbers)
{
	bool any = false;
	u32 n;
	for (; p < end; p++)
		if ((*p >= 0xb8 || *p == 0x6a) && load_at(p, end, registers, &n) && n < OBSERVED_CALLS) {
			found(numbers, n);
			any = true;
		}
	return any;
}

void lock_text_calls(struct str text, bool all, u64 *numbers)
{
	const u8 *begin = (const u8 *)text.p, *end = begin + text.n;
	for (const u8 *p = begin; p + 2 <= end && (p = memchr(p, 0x0f, (size_t)(end - p - 1))); p++) {
		if (p[1] != 0x05)
			continue;
		if (all) {
			loads(begin, end, ANY, numbers);
			return;
		}
		loads(p - MIN((size_t)(p - begin), NEAR), p + MIN((size_t)(end - p), 7u), AX, numbers);
	}
}

/* Where a jump or call with a 32-bit distance at `at` leads. */
static u64 target(struct str text, u64 address, size_t at, size_t opcode)
{
	return address + at + opcode + 4 + (u64)(s64)(s32)word_at((const u8 *)text.p + at + opcode);
}

void lock_text_syscall(struct str text, u64 address, u64 slot, bool all_else, u64 *numbers)
{
	const u8 *p = (const u8 *)text.p;
	u64 stubs[STUBS];
	u32 n_stubs = 0;
	bool unknown = !slot, any = false;
	for (size_t at = 0; at + 6 <= text.n && slot; at++)
		if (p[at] == 0xff && p[at + 1] == 0x25 && target(text, address, at, 2) == slot && n_stubs < STUBS)
			stubs[n_stubs++] = address + at;
	for (size_t at = 0; at + 6 <= text.n && slot; at++) {
		bool call = p[at] == 0xff && p[at + 1] == 0x15 && target(text, address, at, 2) == slot;
		if (p[at] == 0xe8 || p[at] == 0xe9) {
			u64 to = target(text, address, at, 1);
			for (u32 i = 0; i < n_stubs; i++)
				call |= to <= stubs[i] && stubs[i] - to <= 5; /* before it may stand ENDBR64 and a prefix */
		}
		if (!call)
			continue;
		any = true;
		unknown |= !loads(p + at - MIN(at, FAR), p + MIN(at + 6, text.n), DI, numbers);
	}
	if ((unknown || !any) && all_else) /* a number that comes from elsewhere: one of those that the file passes to any function */
		loads(p, p + text.n, DI | SI, numbers);
}
#endif
