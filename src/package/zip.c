#include "package/zip.h"
#include "base/archive.h"

struct zip {
	struct archive *a;
	struct zip_budget *budget;
	struct str bytes;
};

bool zip_is(struct str b)
{
	if (b.n < 22)
		return false;
	if (!memcmp(b.p, "PK\3\4", 4) || !memcmp(b.p, "PK\5\6", 4))
		return true;
	/* The record that ends a zip is 22 bytes and a comment of at most 64 KiB. */
	struct str tail = str_from(b, b.n > 65557 ? b.n - 65557 : 0);
	return str_find(tail, str_n("PK\5\6", 4)) != NULL;
}

int zip_open(struct str bytes, struct zip_budget *budget, struct zip **ret, struct error *err)
{
	const struct libarchive *l = libarchive();
	struct archive *a = l->read_new();
	if (!a)
		return error_set(err, ERR_ENV, "libarchive: out of memory");
	if (l->support_zip(a) < ARCHIVE_WARN || l->open_memory(a, bytes.p, bytes.n) < ARCHIVE_WARN) {
		const char *why = l->error_string(a);
		error_set(err, ERR_INPUT, "zip: %s", why ? why : "cannot be opened");
		l->read_free(a);
		return -1;
	}
	*ret = xcalloc(1, sizeof **ret);
	**ret = (struct zip){ .a = a, .budget = budget, .bytes = bytes };
	return 0;
}

int zip_next(struct zip *z, struct zip_entry *e, struct error *err)
{
	const struct libarchive *l = libarchive();
	struct archive_entry *ae;
	for (;;) {
		int status = l->next_header(z->a, &ae);
		if (status == ARCHIVE_EOF)
			return 0;
		if (status < ARCHIVE_WARN) {
			const char *why = l->error_string(z->a);
			return error_set(err, ERR_INPUT, "zip: %s", why ? why : "damaged");
		}
		if (++z->budget->entries > ZIP_ENTRIES_MAX)
			return error_set(err, ERR_INPUT, "over the budget of %u entries", ZIP_ENTRIES_MAX);
		if (l->filetype(ae) != AE_IFREG)
			continue;
		const char *name = l->pathname_utf8(ae);
		if (!name)
			name = l->pathname(ae);
		*e = (struct zip_entry){ str_of(name ? name : ""), l->size_is_set(ae) && l->size(ae) >= 0 ? (u64)l->size(ae) : UINT64_MAX };
		return 1;
	}
}

static bool within(struct str s, const void *p) { return (uintptr_t)p >= (uintptr_t)s.p && (uintptr_t)p - (uintptr_t)s.p < s.n; }

int zip_read(struct zip *z, const struct zip_entry *e, u64 limit, bool cut, struct buf *out, struct str *content, struct error *err)
{
	const struct libarchive *l = libarchive();
	u64 left = z->budget->bytes >= ZIP_BYTES_MAX ? 0 : ZIP_BYTES_MAX - z->budget->bytes;
	const char *over = limit <= left ? "its size is over the budget" : "over the budget of content in archives";
	limit = MIN(limit, left);
	buf_clear(out);
	if (!cut && e->size != UINT64_MAX && e->size > limit)
		return error_set(err, ERR_INPUT, "%llu bytes: %s", (unsigned long long)e->size, over);
	for (;;) {
		const void *p;
		size_t n;
		la_int64_t at;
		int status = l->data_block(z->a, &p, &n, &at);
		if (status == ARCHIVE_EOF)
			break;
		if (status < ARCHIVE_WARN || at < 0 || (u64)at != out->n) {
			const char *why = l->error_string(z->a);
			return error_set(err, ERR_INPUT, "%s", why ? why : "damaged");
		}
		/* What is stored and not compressed lies in the archive in one piece. */
		if (out->n == 0 && n == e->size && n <= limit && within(z->bytes, p)) {
			z->budget->bytes += n;
			*content = str_n(p, n);
			return 0;
		}
		bool more = n > limit - out->n;
		if (more && !cut)
			return error_set(err, ERR_INPUT, "%s", over);
		n = more ? (size_t)(limit - out->n) : n;
		if (n)
			buf_add(out, str_n(p, n));
		z->budget->bytes += n;
		if (more)
			break;
	}
	*content = buf_str(out);
	return 0;
}

void zip_close(struct zip *z)
{
	if (!z)
		return;
	libarchive()->read_free(z->a);
	free(z);
}
