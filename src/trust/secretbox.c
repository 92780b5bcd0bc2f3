#include "trust/secretbox.h"
#include "base/crypto.h"

#define ROUNDS 20

static u32 load(const u8 *p) { return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24; }

static void store(u8 *p, u32 v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (u8)(v >> 8 * i);
}

static u32 turn(u32 v, int n) { return v << n | v >> (32 - n); }

static void quarter(u32 *a, u32 *b, u32 *c, u32 *d)
{
	*b ^= turn(*a + *d, 7);
	*c ^= turn(*b + *a, 9);
	*d ^= turn(*c + *b, 13);
	*a ^= turn(*d + *c, 18);
}

/* The square of 16 words: constants on the diagonal, the key around it, `in` in the middle. */
static void fill(u32 x[16], const u8 in[16], const u8 key[32])
{
	static const u32 sigma[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }; /* "expand 32-byte k" */
	for (int i = 0; i < 4; i++) {
		x[5 * i] = sigma[i];
		x[1 + i] = load(key + 4 * i);
		x[6 + i] = load(in + 4 * i);
		x[11 + i] = load(key + 16 + 4 * i);
	}
}

static void rounds(u32 x[16])
{
	for (int i = 0; i < ROUNDS; i += 2) {
		for (int c = 0; c < 4; c++) /* columns, each from its diagonal down */
			quarter(&x[5 * c], &x[(5 * c + 4) % 16], &x[(5 * c + 8) % 16], &x[(5 * c + 12) % 16]);
		for (int r = 0; r < 4; r++) /* rows, each from its diagonal to the right */
			quarter(&x[5 * r], &x[4 * r + (r + 1) % 4], &x[4 * r + (r + 2) % 4], &x[4 * r + (r + 3) % 4]);
	}
}

void secretbox_hsalsa20(u8 out[32], const u8 in[16], const u8 key[32])
{
	u32 x[16];
	fill(x, in, key);
	rounds(x);
	for (int i = 0; i < 4; i++) {
		store(out + 4 * i, x[5 * i]);
		store(out + 16 + 4 * i, x[6 + i]);
	}
}

/* Block `n` of XSalsa20's stream. `sub`: what secretbox_hsalsa20 makes of the key and the nonce's first 16 bytes. */
static void block(u8 out[64], const u8 sub[32], const u8 nonce_end[8], u64 n)
{
	u8 in[16];
	u32 from[16], x[16];
	memcpy(in, nonce_end, 8);
	store(in + 8, (u32)n);
	store(in + 12, (u32)(n >> 32));
	fill(from, in, sub);
	memcpy(x, from, sizeof x);
	rounds(x);
	for (int i = 0; i < 16; i++)
		store(out + 4 * i, x[i] + from[i]);
}

/* The stream's first 32 bytes are the key of the tag; the text begins behind them. */
static void mix(u8 *out, struct str text, const u8 nonce[SECRETBOX_NONCE], const u8 sub[32])
{
	u8 stream[64];
	for (size_t i = 0; i < text.n; i++) {
		if (i == 0 || (i + 32) % 64 == 0)
			block(stream, sub, nonce + 16, (i + 32) / 64);
		out[i] = (u8)text.p[i] ^ stream[(i + 32) % 64];
	}
}

static bool tag(u8 out[SECRETBOX_TAG], struct str cipher, const u8 nonce[SECRETBOX_NONCE], const u8 sub[32])
{
	u8 stream[64];
	size_t n = 0;
	block(stream, sub, nonce + 16, 0);
	return crypto_keys()->mac(NULL, "POLY1305", NULL, NULL, NULL, stream, 32, (const u8 *)cipher.p, cipher.n, out, SECRETBOX_TAG, &n) && n == SECRETBOX_TAG;
}

bool secretbox_open(u8 *out, struct str box, const u8 nonce[SECRETBOX_NONCE], const u8 key[SECRETBOX_KEY])
{
	u8 sub[32], want[SECRETBOX_TAG], differs = 0;
	if (box.n <= SECRETBOX_TAG)
		return false;
	struct str cipher = str_from(box, SECRETBOX_TAG);
	secretbox_hsalsa20(sub, nonce, key);
	if (!tag(want, cipher, nonce, sub))
		return false;
	for (size_t i = 0; i < sizeof want; i++)
		differs |= want[i] ^ (u8)box.p[i];
	if (differs)
		return false;
	mix(out, cipher, nonce, sub);
	return true;
}

bool secretbox_seal(u8 *out, struct str plain, const u8 nonce[SECRETBOX_NONCE], const u8 key[SECRETBOX_KEY])
{
	u8 sub[32];
	secretbox_hsalsa20(sub, nonce, key);
	mix(out + SECRETBOX_TAG, plain, nonce, sub);
	return tag(out, str_n(out + SECRETBOX_TAG, plain.n), nonce, sub);
}
