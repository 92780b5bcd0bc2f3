#include "layer/tar.h"
#include "base/buf.h"

#define BLOCK 512

/* Extended headers, gathered until the entry that they describe. */
struct extended {
	struct buf path, link, xattrs; /* xattrs: unsorted records, see sort_xattrs() */
	bool has_path, has_link, has_size, has_uid, has_gid, has_mtime, has_sparse_name, has_sparse_size, sparse_1_0, sparse;
	u64 size, sparse_size, uid, gid;
	s64 mtime;
	u32 mtime_ns, n_xattrs;
	u64 bytes; /* of all of them */
};

struct tar {
	struct stream *s;
	struct str view;      /* of the stream, not used up */
	u64 at;               /* offset of view.p in the archive */
	char block[BLOCK];    /* a header that straddles two views */
	u64 content, padding; /* of the current entry, not passed yet */
	struct extended own, global;
	struct buf path, link, xattrs;
	struct buf body;      /* of the last extended header */
	struct buf map;       /* the own pax header's records, for a sparse map in them */
	struct tar_piece *pieces; /* of a sparse entry, when wanted */
	u32 n_pieces, cap_pieces;
	bool want_pieces, want_nameless;
	bool ended;
	bool failed;
};

struct tar *tar_open(struct stream *s)
{
	struct tar *t = xcalloc(1, sizeof *t);
	t->s = s;
	return t;
}

static void extended_clear(struct extended *x)
{
	struct buf path = x->path, link = x->link, xattrs = x->xattrs;
	buf_clear(&path);
	buf_clear(&link);
	buf_clear(&xattrs);
	*x = (struct extended){ .path = path, .link = link, .xattrs = xattrs };
}

static void extended_free(struct extended *x)
{
	buf_free(&x->path);
	buf_free(&x->link);
	buf_free(&x->xattrs);
}

void tar_close(struct tar *t)
{
	if (!t)
		return;
	extended_free(&t->own);
	extended_free(&t->global);
	buf_free(&t->path);
	buf_free(&t->link);
	buf_free(&t->xattrs);
	buf_free(&t->body);
	buf_free(&t->map);
	free(t->pieces);
	free(t);
}

/* --- bytes --- */
static int pull(struct tar *t, struct error *err)
{
	t->at += t->view.n; /* always 0 left here */
	return stream_next(t->s, &t->view, err);
}

static void use(struct tar *t, size_t n)
{
	t->view = str_from(t->view, n);
	t->at += n;
}

/* n bytes of content passed over. */
static int pass(struct tar *t, u64 n, struct error *err)
{
	while (n) {
		if (t->view.n) {
			size_t k = (size_t)MIN(n, (u64)t->view.n);
			use(t, k);
			n -= k;
			continue;
		}
		if (stream_can_seek(t->s)) {
			if (stream_skip(t->s, n, err) < 0)
				return error_wrap(err, "tar: an entry's content");
			t->at += n;
			return 0;
		}
		if (pull(t, err) < 0)
			return -1;
		if (t->view.n == 0)
			return error_set(err, ERR_INPUT, "tar: ends early, inside an entry's content");
	}
	return 0;
}

/* The next block in *ret: 1, 0 at the end of the stream, -1. */
static int block(struct tar *t, const char **ret, struct error *err)
{
	size_t have = 0;
	while (have < BLOCK) {
		if (t->view.n == 0) {
			if (pull(t, err) < 0)
				return -1;
			if (t->view.n == 0) {
				if (have == 0)
					return 0;
				return error_set(err, ERR_INPUT, "tar: ends early, inside a header");
			}
		}
		if (have == 0 && t->view.n >= BLOCK) {
			*ret = t->view.p;
			use(t, BLOCK);
			return 1;
		}
		size_t k = MIN(BLOCK - have, t->view.n);
		memcpy(t->block + have, t->view.p, k);
		use(t, k);
		have += k;
	}
	*ret = t->block;
	return 1;
}

/* n bytes and their padding into out. */
static int body(struct tar *t, u64 n, struct buf *out, struct error *err)
{
	buf_clear(out);
	u64 left = n;
	while (left) {
		if (t->view.n == 0) {
			if (pull(t, err) < 0)
				return -1;
			if (t->view.n == 0)
				return error_set(err, ERR_INPUT, "tar: ends early, inside an extended header");
		}
		size_t k = (size_t)MIN(left, (u64)t->view.n);
		buf_add(out, str_head(t->view, k));
		use(t, k);
		left -= k;
	}
	return pass(t, (BLOCK - n % BLOCK) % BLOCK, err);
}

/* --- numbers --- */
/* Octal with blanks or NULs around it, or GNU base-256; false when it is neither. *neg for a negative base-256 number. */
static bool number(const char *p, size_t width, u64 *ret, bool *neg)
{
	const u8 *b = (const u8 *)p;
	*neg = false;
	if (b[0] & 0x80) {
		bool minus = (b[0] & 0x40) != 0;
		u64 v = minus ? ~(u64)0 : 0;
		for (size_t i = 0; i < width; i++) {
			u8 c = i == 0 ? (u8)(minus ? b[0] : b[0] & 0x7f) : b[i];
			if (i + 8 < width ? c != (minus ? 0xff : 0) : false)
				return false;
			v = v << 8 | c;
		}
		if (minus) {
			*neg = true;
			*ret = ~v + 1;
			return v != 0 && *ret <= (u64)INT64_MAX;
		}
		if (v > (u64)INT64_MAX)
			return false;
		*ret = v;
		return true;
	}
	size_t i = 0;
	while (i < width && (b[i] == ' ' || b[i] == '\0'))
		i++;
	u64 v = 0;
	for (; i < width && b[i] >= '0' && b[i] <= '7'; i++)
		v = v << 3 | (u64)(b[i] - '0');
	for (; i < width && b[i] != '\0'; i++) /* what follows a NUL is nobody's */
		if (b[i] != ' ')
			return false;
	*ret = v;
	return true;
}

static int field(const char *h, size_t off, size_t width, const char *what, u64 max, u64 *ret, struct error *err)
{
	bool neg;
	u64 v;
	if (!number(h + off, width, &v, &neg) || neg || v > max)
		return error_set(err, ERR_INPUT, "tar: the %s field is no number in its range", what);
	*ret = v;
	return 0;
}

/* Of a block's bytes, eight at a time: 128 of them do not overflow a lane of 16 bits. */
static u32 sum_of(const char *h)
{
	const u64 low = 0x00ff00ff00ff00ff;
	u64 lanes = 0, w;
	for (size_t i = 0; i < BLOCK; i += sizeof w) {
		memcpy(&w, h + i, sizeof w);
		lanes += (w & low) + (w >> 8 & low);
	}
	return (u32)((lanes & 0xffff) + (lanes >> 16 & 0xffff) + (lanes >> 32 & 0xffff) + (lanes >> 48));
}

static bool checksum_ok(const char *h)
{
	u64 want;
	u32 sum = sum_of(h);
	s32 sign = 0;
	bool neg;
	if (!number(h + 148, 8, &want, &neg) || neg)
		return false;
	for (size_t i = 148; i < 156; i++)
		sum -= (u8)h[i];
	if (want == sum + 8 * ' ')
		return true;
	for (size_t i = 0; i < BLOCK; i++) /* old programs summed signed bytes */
		sign += i >= 148 && i < 156 ? ' ' : (signed char)h[i];
	return (s64)want == sign;
}

static bool all_zero(const char *p)
{
	static const char zero[BLOCK];
	return memcmp(p, zero, BLOCK) == 0;
}

/* --- pax --- */
/* "123.456", "-1.5": seconds rounded down and nanoseconds. */
static bool pax_time(struct str v, s64 *sec, u32 *ns)
{
	bool neg = v.n && v.p[0] == '-';
	struct str frac = neg ? str_from(v, 1) : v, whole = str_cut(&frac, '.');
	u64 s;
	if (!str_to_u64(whole, &s) || s > (u64)INT64_MAX / 2)
		return false;
	u32 n = 0, scale = 100000000;
	for (size_t i = 0; frac.p && i < frac.n; i++) {
		if (frac.p[i] < '0' || frac.p[i] > '9')
			return false;
		n += (u32)(frac.p[i] - '0') * scale;
		scale /= 10;
	}
	*sec = neg ? -(s64)s : (s64)s;
	*ns = n;
	if (neg && n) {
		*sec -= 1;
		*ns = 1000000000 - n;
	}
	return true;
}

static int pax_bad(struct str key, struct error *err) { return error_set(err, ERR_INPUT, "tar: pax record %.*s: damaged", STR_FMT(str_head(key, 80))); }

static int pax_number(struct str key, struct str value, u64 max, u64 *ret, bool *has, struct error *err)
{
	if (value.n == 0) { /* POSIX: an empty value takes the record back */
		*has = false;
		return 0;
	}
	if (!str_to_u64(value, ret) || *ret > max)
		return pax_bad(key, err);
	*has = true;
	return 0;
}

static int pax_path(struct str key, struct str value, struct buf *to, bool *has, struct error *err)
{
	if (memchr(value.p, '\0', value.n))
		return error_set(err, ERR_INPUT, "tar: pax record %.*s: holds a NUL", STR_FMT(key));
	buf_clear(to);
	buf_add(to, value);
	*has = value.n > 0;
	return 0;
}

static void pax_xattr(struct extended *x, struct str name, struct str value)
{
	u32 n[2] = { (u32)name.n, (u32)value.n };
	buf_add(&x->xattrs, str_n(n, sizeof n));
	buf_add(&x->xattrs, name);
	buf_add(&x->xattrs, value);
	x->n_xattrs++;
}

static int pax_record(struct extended *x, struct str key, struct str value, struct error *err)
{
	if (str_is(key, "path") && x->has_sparse_name) /* GNU tar writes both: then this is a name for readers that know no sparse files */
		return 0;
	if (str_is(key, "path"))
		return pax_path(key, value, &x->path, &x->has_path, err);
	if (str_is(key, "linkpath"))
		return pax_path(key, value, &x->link, &x->has_link, err);
	if (str_is(key, "size"))
		return pax_number(key, value, INT64_MAX, &x->size, &x->has_size, err);
	if (str_is(key, "uid"))
		return pax_number(key, value, UINT32_MAX, &x->uid, &x->has_uid, err);
	if (str_is(key, "gid"))
		return pax_number(key, value, UINT32_MAX, &x->gid, &x->has_gid, err);
	if (str_is(key, "mtime")) {
		x->has_mtime = value.n > 0;
		return !value.n || pax_time(value, &x->mtime, &x->mtime_ns) ? 0 : pax_bad(key, err);
	}
	if (str_starts(key, STR("SCHILY.xattr."))) {
		pax_xattr(x, str_from(key, 13), value);
		return 0;
	}
	if (str_starts(key, STR("GNU.sparse."))) {
		struct str what = str_from(key, 11);
		x->sparse = true;
		if (str_is(what, "name")) {
			x->has_sparse_name = value.n > 0;
			return pax_path(key, value, &x->path, &x->has_path, err);
		}
		if (str_is(what, "realsize") || str_is(what, "size"))
			return pax_number(key, value, INT64_MAX, &x->sparse_size, &x->has_sparse_size, err);
		if (str_is(what, "major"))
			x->sparse_1_0 = str_is(value, "1");
	}
	return 0;
}

/* "LENGTH KEY=VALUE\n", one after the other (pax(1), "pax Extended Header"). */
static int pax(struct extended *x, struct str s, struct error *err)
{
	while (s.n) {
		struct str rest = s, len = str_cut(&rest, ' ');
		u64 n;
		if (!rest.p || len.n > 10 || !str_to_u64(len, &n) || n > s.n || n < len.n + 3)
			return error_set(err, ERR_INPUT, "tar: pax header: a record's length is wrong");
		if (s.p[n - 1] != '\n')
			return error_set(err, ERR_INPUT, "tar: pax header: a record does not end with a newline");
		struct str value = str_n(rest.p, (size_t)n - len.n - 2), key = str_cut(&value, '=');
		if (!value.p || key.n == 0)
			return error_set(err, ERR_INPUT, "tar: pax header: a record without '='");
		if (pax_record(x, key, value, err) < 0)
			return -1;
		s = str_from(s, (size_t)n);
	}
	return 0;
}

/* --- sparse maps: read to check them, since the content that follows is only their pieces --- */
struct sparse {
	struct tar *tar;
	u64 end, sum; /* where the last piece ends, bytes of all pieces */
};

static int sparse_piece(struct sparse *m, u64 offset, u64 bytes, u64 real, struct error *err)
{
	u64 end;
	if (__builtin_add_overflow(offset, bytes, &end) || offset < m->end || end > real || __builtin_add_overflow(m->sum, bytes, &m->sum))
		return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
	m->end = end;
	struct tar_piece piece = { offset, bytes };
	if (m->tar->want_pieces)
		VEC_PUSH(m->tar->pieces, m->tar->n_pieces, m->tar->cap_pieces, piece);
	return 0;
}

void tar_want_pieces(struct tar *t) { t->want_pieces = true; }
void tar_want_nameless(struct tar *t) { t->want_nameless = true; }

u32 tar_pieces(const struct tar *t, const struct tar_piece **ret)
{
	*ret = t->pieces;
	return t->n_pieces;
}

static int sparse_pairs(struct sparse *m, const char *p, size_t n, u64 real, struct error *err)
{
	for (size_t i = 0; i < n; i++, p += 24) {
		u64 off, len;
		bool neg1, neg2;
		if (p[0] == '\0' && p[12] == '\0')
			continue;
		if (!number(p, 12, &off, &neg1) || !number(p + 12, 12, &len, &neg2) || neg1 || neg2)
			return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
		if (sparse_piece(m, off, len, real, err) < 0)
			return -1;
	}
	return 0;
}

/* GNU's old form: four pairs in the header, then blocks of 21 while the one before says so. */
static int gnu_sparse(struct tar *t, const char *h, struct tar_entry *e, struct error *err)
{
	struct sparse m = { .tar = t };
	u64 real = 0;
	if (field(h, 483, 12, "real size", INT64_MAX, &real, err) < 0 || sparse_pairs(&m, h + 386, 4, real, err) < 0)
		return -1;
	bool more = h[482] != '\0';
	u64 blocks = 0;
	while (more) {
		const char *b;
		int r = block(t, &b, err);
		if (r < 0)
			return -1;
		if (r == 0 || ++blocks > TAR_EXTENDED_MAX / BLOCK)
			return error_set(err, ERR_INPUT, "tar: sparse file: its map has no end");
		if (sparse_pairs(&m, b, 21, real, err) < 0)
			return -1;
		more = b[504] != '\0';
	}
	if (m.sum != e->stored)
		return error_set(err, ERR_INPUT, "tar: sparse file: its map and its content differ");
	e->size = real;
	e->sparse = true;
	return 0;
}

/* The pax 0.0 and 0.1 forms keep the map in records: s is a pax header that pax() has checked. */
static int pax_sparse_records(struct tar *t, struct str s, u64 real, u64 stored, struct error *err)
{
	struct sparse m = { .tar = t };
	u64 offset = 0, v, pieces = 0;
	while (s.n) {
		struct str rest = s, len = str_cut(&rest, ' ');
		u64 n;
		if (!str_to_u64(len, &n) || n > s.n)
			return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
		struct str value = str_n(rest.p, (size_t)n - len.n - 2), key = str_cut(&value, '=');
		s = str_from(s, (size_t)n);
		bool map = str_is(key, "GNU.sparse.map"), odd = false;
		if (map) {
			while (value.p) {
				struct str num = str_cut(&value, ',');
				if (num.n == 0 && !value.p)
					break;
				if (!str_to_u64(num, &v))
					return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
				if (odd && sparse_piece(&m, offset, v, real, err) < 0)
					return -1;
				pieces += odd;
				offset = v;
				odd = !odd;
			}
		} else if (str_is(key, "GNU.sparse.offset") || str_is(key, "GNU.sparse.numbytes")) {
			if (!str_to_u64(value, &v))
				return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
			if (str_ends(key, STR("offset")))
				offset = v;
			else if (sparse_piece(&m, offset, v, real, err) < 0)
				return -1;
			else
				pieces++;
		}
	}
	if (pieces && m.sum != stored)
		return error_set(err, ERR_INPUT, "tar: sparse file: its map and its content differ");
	return 0;
}

/* The pax 1.0 form keeps the map in front of the content: decimal lines, padded to a block. It is part of what is stored; reading it
 * here takes it from the content, so it is put back by counting it as content already passed. */
static int pax_sparse_map(struct tar *t, struct tar_entry *e, struct error *err)
{
	struct sparse m = { .tar = t };
	u64 v = 0, count = 0, have = 0, offset = 0, taken = 0;
	bool digits = false, counted = false;
	while (!counted || have < 2 * count) {
		const char *b;
		if (taken + BLOCK > ((e->stored + BLOCK - 1) & ~(u64)(BLOCK - 1)) || taken > TAR_EXTENDED_MAX)
			return error_set(err, ERR_INPUT, "tar: sparse file: its map has no end");
		int r = block(t, &b, err);
		if (r <= 0)
			return r < 0 ? -1 : error_set(err, ERR_INPUT, "tar: ends early, inside a sparse map");
		taken += BLOCK;
		for (size_t i = 0; i < BLOCK && (!counted || have < 2 * count); i++) {
			if (b[i] >= '0' && b[i] <= '9') {
				if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (u64)(b[i] - '0'), &v))
					return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
				digits = true;
				continue;
			}
			if (b[i] != '\n' || !digits)
				return error_set(err, ERR_INPUT, "tar: sparse file: its map is damaged");
			if (!counted) {
				counted = true;
				count = v;
				if (count > TAR_EXTENDED_MAX)
					return error_set(err, ERR_INPUT, "tar: sparse file: its map is too long");
			} else {
				if (have % 2 && sparse_piece(&m, offset, v, e->size, err) < 0)
					return -1;
				offset = v;
				have++;
			}
			v = 0;
			digits = false;
		}
	}
	if (taken > e->stored || m.sum != e->stored - taken)
		return error_set(err, ERR_INPUT, "tar: sparse file: its map and its content differ");
	t->content -= taken;
	return 0;
}

/* --- entries --- */
static enum tar_type type_of(char flag, struct str path)
{
	switch (flag) {
	case '\0': return path.n && path.p[path.n - 1] == '/' ? TAR_DIR : TAR_FILE; /* v7 knows directories by the slash */
	case '0':
	case '7':
	case 'S': return TAR_FILE;
	case '1': return TAR_HARDLINK;
	case '2': return TAR_SYMLINK;
	case '3': return TAR_CHAR;
	case '4': return TAR_BLOCK;
	case '5': return TAR_DIR;
	case '6': return TAR_FIFO;
	default: return TAR_OTHER;
	}
}

static struct str zfield(const char *p, size_t width) { return str_n(p, strnlen(p, width)); }

static void header_names(struct tar *t, const char *h)
{
	bool ustar = memcmp(h + 257, "ustar\0", 6) == 0; /* GNU's "ustar  " uses the prefix's place otherwise */
	struct str name = zfield(h, 100), prefix = ustar ? zfield(h + 345, 155) : str_n("", 0);
	buf_clear(&t->path);
	if (prefix.n) {
		buf_add(&t->path, prefix);
		buf_putc(&t->path, '/');
	}
	buf_add(&t->path, name);
	buf_clear(&t->link);
	buf_add(&t->link, zfield(h + 157, 100));
}

static int compare_xattrs(const void *a, const void *b)
{
	const struct str *x = a, *y = b;
	u32 nx, ny;
	memcpy(&nx, x->p, 4);
	memcpy(&ny, y->p, 4);
	int c = str_cmp(str_n(x->p + 8, nx), str_n(y->p + 8, ny));
	return c ? c : (x->p > y->p) - (x->p < y->p); /* of one name: in their order */
}

static bool same_xattr(struct str a, struct str b)
{
	u32 na, nb;
	memcpy(&na, a.p, 4);
	memcpy(&nb, b.p, 4);
	return str_eq(str_n(a.p + 8, na), str_n(b.p + 8, nb));
}

/* Records sorted by name; of those of one name the last counts. */
static void sort_xattrs(struct tar *t, const struct extended *x)
{
	buf_clear(&t->xattrs);
	if (!x->n_xattrs)
		return;
	struct str *v = xmalloc(x->n_xattrs * sizeof *v), rest = buf_str(&x->xattrs), name, value;
	u32 n = 0;
	while (rest.n) {
		const char *p = rest.p;
		if (!tar_xattr_next(&rest, &name, &value))
			break;
		v[n++] = str_n(p, 8 + name.n + value.n);
	}
	qsort(v, n, sizeof *v, compare_xattrs);
	for (u32 i = 0; i < n; i++)
		if (i + 1 == n || !same_xattr(v[i], v[i + 1]))
			buf_add(&t->xattrs, v[i]);
	free(v);
}

/* What the pax headers say over what the header itself says: global first, then the entry's own. */
static void overlay(struct tar *t, const struct extended *x, struct tar_entry *e)
{
	if (x->has_path) {
		buf_clear(&t->path);
		buf_add(&t->path, buf_str(&x->path));
	}
	if (x->has_link) {
		buf_clear(&t->link);
		buf_add(&t->link, buf_str(&x->link));
	}
	if (x->has_uid)
		e->uid = (u32)x->uid;
	if (x->has_gid)
		e->gid = (u32)x->gid;
	if (x->has_mtime) {
		e->mtime = x->mtime;
		e->mtime_ns = x->mtime_ns;
	}
	if (x->has_size)
		e->stored = x->size;
}

static int header_numbers(const char *h, struct tar_entry *e, const struct extended *x, struct error *err)
{
	u64 v = 0, mode = 0;
	bool neg;
	if (field(h, 100, 8, "mode", UINT32_MAX, &mode, err) < 0)
		return -1;
	e->mode = (u32)mode & 07777;
	e->raw_mode = mode;
	/* A number that a pax record replaces may be anything here. */
	if (!x->has_uid && field(h, 108, 8, "uid", UINT32_MAX, &v, err) < 0)
		return -1;
	e->uid = x->has_uid ? 0 : (u32)v;
	if (!x->has_gid && field(h, 116, 8, "gid", UINT32_MAX, &v, err) < 0)
		return -1;
	e->gid = x->has_gid ? 0 : (u32)v;
	if (!x->has_size && field(h, 124, 12, "size", INT64_MAX, &e->stored, err) < 0)
		return -1;
	if (!number(h + 136, 12, &v, &neg)) {
		if (!x->has_mtime)
			return error_set(err, ERR_INPUT, "tar: the mtime field is no number");
		v = 0;
	}
	e->mtime = neg ? -(s64)v : (s64)v;
	if (e->flag == '3' || e->flag == '4') {
		if (field(h, 329, 8, "device", 0xfff, &v, err) < 0)
			return -1;
		e->major = (u32)v;
		if (field(h, 337, 8, "device", 0xfffff, &v, err) < 0)
			return -1;
		e->minor = (u32)v;
	}
	return 0;
}

static int entry(struct tar *t, const char *h, struct tar_entry *e, struct error *err)
{
	e->flag = h[156];
	header_names(t, h);
	if (header_numbers(h, e, &t->own, err) < 0)
		return -1;
	overlay(t, &t->global, e);
	overlay(t, &t->own, e);
	e->path = buf_str(&t->path);
	if (e->path.n == 0 && !t->want_nameless)
		return error_set(err, ERR_INPUT, "tar: an entry without a name");
	e->type = type_of(e->flag, e->path);
	e->link = e->type == TAR_HARDLINK || e->type == TAR_SYMLINK ? buf_str(&t->link) : str_n("", 0);
	sort_xattrs(t, &t->own);
	e->xattrs = buf_str(&t->xattrs);
	if (e->type != TAR_FILE && e->type != TAR_OTHER)
		e->stored = 0;
	if (e->stored > (u64)INT64_MAX - BLOCK)
		return error_set(err, ERR_INPUT, "tar: an entry's size is out of range");
	e->size = e->type == TAR_FILE ? e->stored : 0;
	t->content = e->stored;
	t->padding = (BLOCK - e->stored % BLOCK) % BLOCK;
	if (e->flag == 'S' && e->type == TAR_FILE && gnu_sparse(t, h, e, err) < 0)
		return -1;
	e->data = t->at;
	if (e->type == TAR_FILE && t->own.sparse) {
		e->sparse = true;
		if (!t->own.has_sparse_size)
			return error_set(err, ERR_INPUT, "tar: sparse file: no size");
		e->size = t->own.sparse_size;
		if (t->own.sparse_1_0 ? pax_sparse_map(t, e, err) < 0 : pax_sparse_records(t, buf_str(&t->map), e->size, e->stored, err) < 0)
			return -1;
	}
	return 0;
}

/* One extended header at h: reads its body. */
static int extended(struct tar *t, char flag, const char *h, struct error *err)
{
	u64 n = 0;
	if (field(h, 124, 12, "size", INT64_MAX, &n, err) < 0)
		return -1;
	struct extended *x = flag == 'g' ? &t->global : &t->own;
	x->bytes += n;
	if (n > TAR_EXTENDED_MAX || x->bytes > TAR_EXTENDED_MAX)
		return error_set(err, ERR_INPUT, "tar: extended headers of more than %llu bytes: over the budget", (unsigned long long)TAR_EXTENDED_MAX);
	if (body(t, n, &t->body, err) < 0)
		return -1;
	if (flag == 'L' || flag == 'K') {
		struct buf *to = flag == 'L' ? &x->path : &x->link;
		*(flag == 'L' ? &x->has_path : &x->has_link) = true;
		buf_clear(to);
		buf_add(to, zfield(t->body.p ? t->body.p : "", t->body.n));
		return 0;
	}
	if (pax(x, buf_str(&t->body), err) < 0)
		return -1;
	if (x->sparse && flag != 'g') {
		buf_clear(&t->map);
		buf_add(&t->map, buf_str(&t->body));
	}
	return 0;
}

int tar_next(struct tar *t, struct tar_entry *e, struct error *err)
{
	if (t->failed)
		return error_set(err, ERR_INPUT, "tar: damaged");
	if (t->ended)
		return 0;
	t->failed = true; /* until this call has ended well */
	if (pass(t, t->content, err) < 0 || pass(t, t->padding, err) < 0)
		return -1;
	t->content = t->padding = 0;
	extended_clear(&t->own);
	t->n_pieces = 0;
	memset(e, 0, sizeof *e);
	bool have_start = false;
	for (;;) {
		const char *h;
		u64 here = t->at;
		int r = block(t, &h, err);
		if (r < 0)
			return -1;
		if (r == 0 || all_zero(h)) {
			if (have_start)
				return error_set(err, ERR_INPUT, "tar: an extended header without an entry");
			t->ended = true;
			t->failed = false;
			return 0;
		}
		if (!checksum_ok(h))
			return error_set(err, ERR_INPUT, "tar: header at byte %llu: wrong checksum", (unsigned long long)here);
		char flag = h[156];
		bool is_extended = flag == 'x' || flag == 'X' || flag == 'L' || flag == 'K';
		if (!have_start && flag != 'g') {
			e->start = here;
			have_start = true;
		}
		if (is_extended || flag == 'g') {
			if (extended(t, flag, h, err) < 0)
				return -1;
			continue;
		}
		if (entry(t, h, e, err) < 0)
			return -1;
		t->failed = false;
		return 1;
	}
}

int tar_content(struct tar *t, struct str *view, struct error *err)
{
	if (t->content == 0) {
		*view = str_n("", 0);
		return 0;
	}
	if (t->view.n == 0) {
		if (pull(t, err) < 0)
			return -1;
		if (t->view.n == 0) {
			t->failed = true;
			return error_set(err, ERR_INPUT, "tar: ends early, inside an entry's content");
		}
	}
	*view = str_head(t->view, (size_t)MIN(t->content, (u64)t->view.n));
	t->content -= view->n;
	use(t, view->n);
	return 0;
}

static int member_next(void *ctx, struct str *view, struct error *err) { return tar_content(ctx, view, err); }

struct stream *tar_stream(struct tar *t) { return stream_callback(member_next, NULL, t); }

bool tar_xattr_next(struct str *rest, struct str *name, struct str *value)
{
	u32 n[2];
	if (rest->n < sizeof n)
		return false;
	memcpy(n, rest->p, sizeof n);
	if ((u64)n[0] + n[1] > rest->n - sizeof n)
		return false;
	*name = str_n(rest->p + 8, n[0]);
	*value = str_n(rest->p + 8 + n[0], n[1]);
	*rest = str_from(*rest, 8 + (size_t)n[0] + n[1]);
	return true;
}

ssize_t tar_clean(struct str path, char *out)
{
	size_t n = 0;
	while (path.p) {
		struct str c = str_cut(&path, '/');
		if (c.n == 0 || (c.n == 1 && c.p[0] == '.'))
			continue;
		if (c.n == 2 && c.p[0] == '.' && c.p[1] == '.') {
			const char *slash = n ? memrchr(out, '/', n) : NULL;
			n = slash ? (size_t)(slash - out) : 0;
			continue;
		}
		if (n + c.n + 2 > TAR_PATH_MAX)
			return -1;
		if (n)
			out[n++] = '/';
		memcpy(out + n, c.p, c.n);
		n += c.n;
	}
	out[n] = '\0';
	return (ssize_t)n;
}
