#include "base/zip.h"
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
	if (++budget->archives > ZIP_ARCHIVES_MAX) {
		budget->over = true;
		return error_set(err, ERR_INPUT, "over the budget of %u archives in one file", ZIP_ARCHIVES_MAX);
	}
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
		if (++z->budget->entries > ZIP_ENTRIES_MAX) {
			z->budget->over = true;
			return error_set(err, ERR_INPUT, "over the budget of %u entries", ZIP_ENTRIES_MAX);
		}
		if (l->filetype(ae) != AE_IFREG)
			continue;
		const char *name = l->pathname(ae);
		if (!name)
			name = l->pathname_utf8(ae); /* converted: dear, and seldom needed */
		*e = (struct zip_entry){ str_of(name ? name : ""), l->size_is_set(ae) && l->size(ae) >= 0 ? (u64)l->size(ae) : UINT64_MAX };
		return 1;
	}
}

static bool within(struct str s, const void *p) { return (uintptr_t)p >= (uintptr_t)s.p && (uintptr_t)p - (uintptr_t)s.p < s.n; }

static int too_much(struct zip *z, bool all, u64 size, struct error *err)
{
	z->budget->over |= all;
	if (all)
		return error_set(err, ERR_INPUT, "over the budget of %llu MiB taken out of one file", (unsigned long long)(ZIP_BYTES_MAX / MiB));
	return size == UINT64_MAX ? error_set(err, ERR_INPUT, "its size is over the budget") : error_set(err, ERR_INPUT, "%llu bytes: over the budget", (unsigned long long)size);
}

int zip_read(struct zip *z, const struct zip_entry *e, u64 limit, bool cut, struct buf *out, struct str *content, struct error *err)
{
	const struct libarchive *l = libarchive();
	u64 left = z->budget->bytes >= ZIP_BYTES_MAX ? 0 : ZIP_BYTES_MAX - z->budget->bytes;
	bool all = limit > left;
	limit = MIN(limit, left);
	buf_clear(out);
	if (!cut && e->size != UINT64_MAX && e->size > limit)
		return too_much(z, all, e->size, err);
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
			return too_much(z, all, e->size, err);
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
