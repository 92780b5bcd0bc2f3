/* zip_of.h — zips made in memory: entries that are stored, each with its checksum, and a directory at the end. */
#ifndef PARE_TESTS_ZIP_OF_H
#define PARE_TESTS_ZIP_OF_H
#include "base/buf.h"

struct zip_of {
	struct buf bytes, directory;
	u32 n;
};

static inline u32 zip_crc(struct str s)
{
	u32 c = ~0u;
	for (size_t i = 0; i < s.n; i++) {
		c ^= (u8)s.p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
	}
	return ~c;
}

static inline void zip_le(struct buf *b, u64 v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_putc(b, (char)(u8)(v >> 8 * i));
}

/* `claims`: the size that the headers tell, whatever there is. */
static inline void zip_add_claiming(struct zip_of *z, const char *name, struct str content, u64 claims)
{
	u32 at = (u32)z->bytes.n, crc = zip_crc(content);
	for (int i = 0; i < 2; i++) {
		struct buf *b = i ? &z->directory : &z->bytes;
		buf_add(b, i ? str_n("PK\1\2\24\0", 6) : str_n("PK\3\4", 4));
		zip_le(b, 20, 2); /* version that is needed */
		zip_le(b, 0, 2);
		zip_le(b, 0, 2); /* stored */
		zip_le(b, 0, 4);
		zip_le(b, crc, 4);
		zip_le(b, claims, 4);
		zip_le(b, claims, 4);
		zip_le(b, strlen(name), 2);
		zip_le(b, 0, 2);
		if (i) {
			zip_le(b, 0, 6);
			zip_le(b, (u64)0100644 << 16, 4);
			zip_le(b, at, 4);
		}
		buf_puts(b, name);
	}
	buf_add(&z->bytes, content);
	z->n++;
}

static inline void zip_add(struct zip_of *z, const char *name, struct str content) { zip_add_claiming(z, name, content, content.n); }

/* The whole of it, good until zip_of_free(). */
static inline struct str zip_done(struct zip_of *z)
{
	u32 at = (u32)z->bytes.n;
	buf_add(&z->bytes, buf_str(&z->directory));
	buf_add(&z->bytes, str_n("PK\5\6\0\0\0\0", 8));
	zip_le(&z->bytes, z->n, 2);
	zip_le(&z->bytes, z->n, 2);
	zip_le(&z->bytes, z->directory.n, 4);
	zip_le(&z->bytes, at, 4);
	zip_le(&z->bytes, 0, 2);
	return buf_str(&z->bytes);
}

static inline void zip_of_free(struct zip_of *z)
{
	buf_free(&z->bytes);
	buf_free(&z->directory);
}
#endif
