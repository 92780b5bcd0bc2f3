#include "layer/tarout.h"

#define OCTAL_7 07777777ull      /* most that an 8-byte field holds */
#define OCTAL_11 077777777777ull /* most that a 12-byte field holds */

struct ustar { /* POSIX.1-1988, 512 bytes */
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], flag, link[100], magic[6], version[2];
	char uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK_SIZE, "a header is one block");

static void octal(char *field, size_t width, u64 v)
{
	field[width - 1] = '\0';
	for (size_t i = width - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static void finish(struct ustar *h, struct buf *out)
{
	u32 sum = 0;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->sum, ' ', sizeof h->sum);
	for (size_t i = 0; i < sizeof *h; i++)
		sum += ((const u8 *)h)[i];
	octal(h->sum, 7, sum);
	h->sum[7] = ' ';
	buf_add(out, str_n(h, sizeof *h));
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts its own digits. */
static void record(struct buf *out, struct str key1, struct str key2, struct str value)
{
	size_t rest = 1 + key1.n + key2.n + 1 + value.n + 1, n = rest, digits = 0;
	for (;;) {
		digits = 0;
		for (size_t v = n; v; v /= 10)
			digits++;
		if (rest + digits == n)
			break;
		n = rest + digits;
	}
	buf_printf(out, "%zu ", n);
	buf_add(out, key1);
	buf_add(out, key2);
	buf_putc(out, '=');
	buf_add(out, value);
	buf_putc(out, '\n');
}

static void record_number(struct buf *out, const char *key, u64 v)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	record(out, str_of(key), STR(""), str_n(text, (size_t)n));
}

static void record_mtime(struct buf *out, s64 sec, u32 ns)
{
	char text[48];
	/* The reader's seconds are rounded down: -0.5 s is sec -1 and ns 500000000. */
	bool negative = sec < 0;
	u64 whole = negative ? (u64)-(sec + 1) + 1 : (u64)sec;
	if (negative && ns) {
		whole--;
		ns = 1000000000u - ns;
	}
	int n = snprintf(text, sizeof text, "%s%llu", negative ? "-" : "", (unsigned long long)whole);
	if (ns) {
		n += snprintf(text + n, sizeof text - (size_t)n, ".%09u", ns);
		while (text[n - 1] == '0')
			n--;
	}
	record(out, STR("mtime"), STR(""), str_n(text, (size_t)n));
}

/* Splits at a '/' into prefix and name; false when no place fits. */
static bool split(struct str path, struct ustar *h)
{
	if (path.n <= sizeof h->name) {
		memcpy(h->name, path.p, path.n);
		return true;
	}
	for (size_t i = path.n - 1; i-- > 0;) { /* not at the end: that '/' belongs to a directory's name */
		if (path.p[i] != '/' || i == 0 || i > sizeof h->prefix)
			continue;
		if (path.n - i - 1 > sizeof h->name)
			return false;
		memcpy(h->prefix, path.p, i);
		memcpy(h->name, path.p + i + 1, path.n - i - 1);
		return true;
	}
	return false;
}

static char flag_of(enum tar_type t)
{
	switch (t) {
	case TAR_DIR:
		return '5';
	case TAR_SYMLINK:
		return '2';
	case TAR_HARDLINK:
		return '1';
	case TAR_CHAR:
		return '3';
	case TAR_BLOCK:
		return '4';
	case TAR_FIFO:
		return '6';
	default:
		return '0';
	}
}

/* A number into its field, or, when it is too large, into a record. */
static void number(struct buf *pax, char *field, size_t width, u64 limit, const char *key, u64 v)
{
	octal(field, width, v <= limit ? v : 0);
	if (v > limit)
		record_number(pax, key, v);
}

static void extended(struct str path, const struct buf *pax, struct buf *out)
{
	struct ustar x = { .flag = 'x' };
	const char *slash = path.n ? memrchr(path.p, '/', path.n - 1) : NULL;
	struct str base = slash ? str_from(path, (size_t)(slash - path.p) + 1) : path;
	memcpy(x.name, "PaxHeaders/", 11);
	memcpy(x.name + 11, base.p, MIN(base.n, (size_t)80));
	octal(x.mode, 8, 0644);
	octal(x.uid, 8, 0);
	octal(x.gid, 8, 0);
	octal(x.size, 12, pax->n);
	octal(x.mtime, 12, 0);
	finish(&x, out);
	static const char zero[TAR_BLOCK_SIZE];
	buf_add(out, buf_str(pax));
	buf_add(out, str_n(zero, tarout_padding(pax->n)));
}

int tarout_header(const struct tarout_entry *e, struct buf *out, struct error *err)
{
	struct ustar h = { .flag = flag_of(e->type) };
	struct buf pax = BUF(TAR_EXTENDED_MAX), name = BUF(TAR_PATH_MAX + 8);
	buf_add(&name, e->path);
	if (e->type == TAR_DIR)
		buf_puts(&name, e->path.n ? "/" : "./");
	struct str path = buf_str(&name);
	if (!split(path, &h)) {
		memcpy(h.name, path.p, sizeof h.name);
		record(&pax, STR("path"), STR(""), path);
	}
	bool is_link = e->type == TAR_SYMLINK || e->type == TAR_HARDLINK, device = e->type == TAR_CHAR || e->type == TAR_BLOCK;
	if (is_link) {
		memcpy(h.link, e->link.p, MIN(e->link.n, sizeof h.link));
		if (e->link.n > sizeof h.link)
			record(&pax, STR("linkpath"), STR(""), e->link);
	}
	octal(h.mode, 8, e->mode & 07777);
	number(&pax, h.uid, 8, OCTAL_7, "uid", e->uid);
	number(&pax, h.gid, 8, OCTAL_7, "gid", e->gid);
	number(&pax, h.size, 12, OCTAL_11, "size", e->type == TAR_FILE ? e->size : 0);
	bool plain_time = e->mtime >= 0 && (u64)e->mtime <= OCTAL_11;
	octal(h.mtime, 12, plain_time ? (u64)e->mtime : 0);
	if (!plain_time || e->mtime_ns)
		record_mtime(&pax, e->mtime, e->mtime_ns);
	if (device) {
		octal(h.major, 8, e->major & OCTAL_7);
		octal(h.minor, 8, e->minor & OCTAL_7);
	}
	bool odd = false;
	for (struct str rest = e->xattrs, key, value; tar_xattr_next(&rest, &key, &value);) {
		odd |= key.n && memchr(key.p, '=', key.n); /* where the name of a record ends */
		record(&pax, STR("SCHILY.xattr."), key, value);
	}
	int r = 0;
	if (pax.over || name.over || path.n == 0)
		r = error_set(err, ERR_INPUT, "%.*s: too long for a tar header", STR_FMT(str_head(e->path, 200)));
	else if (device && (e->major > OCTAL_7 || e->minor > OCTAL_7))
		r = error_set(err, ERR_INPUT, "%.*s: device %u:%u does not fit a tar header", STR_FMT(str_head(e->path, 200)), e->major, e->minor);
	else if (odd)
		r = error_set(err, ERR_INPUT, "%.*s: an extended attribute with '=' in its name does not fit a tar header", STR_FMT(str_head(e->path, 200)));
	if (r == 0) {
		if (pax.n)
			extended(path, &pax, out);
		finish(&h, out);
	}
	buf_free(&pax);
	buf_free(&name);
	return r;
}
