#include "package/note.h"

static void leb(struct buf *b, u64 v)
{
	while (v >= 0x80) {
		buf_putc(b, (char)(u8)(v | 0x80));
		v >>= 7;
	}
	buf_putc(b, (char)(u8)v);
}

bool note_leb(struct str *rest, u64 *v)
{
	u64 x = 0;
	for (u32 i = 0; i < 9 && i < rest->n; i++) {
		u8 c = (u8)rest->p[i];
		x |= (u64)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			*rest = str_from(*rest, i + 1);
			*v = x;
			return true;
		}
	}
	return false;
}

void note_begin(struct note_writer *w, struct buf *out) { *w = (struct note_writer){ .out = out }; }

/* Room for DAMAGE is kept beyond the ceiling, so that being full can be told. */
static void emit(struct note_writer *w, u8 tag, struct str a, struct str b)
{
	if (w->full && tag != NOTE_DAMAGE)
		return;
	if (tag != NOTE_DAMAGE && w->out->n + a.n + b.n + 16 > NOTE_MAX) {
		w->full = true;
		note_damage(w, "holds over %llu MiB of packages and paths: the rest is left out", (unsigned long long)(NOTE_MAX / MiB));
		return;
	}
	buf_clear(&w->item);
	buf_putc(&w->item, (char)tag);
	leb(&w->item, a.n + b.n);
	buf_add(&w->item, a);
	buf_add(&w->item, b);
	buf_add(w->out, buf_str(&w->item));
}

void note_put(struct note_writer *w, u8 tag, struct str bytes)
{
	w->packages += tag == NOTE_PACKAGE;
	emit(w, tag, bytes, STR(""));
}

void note_text(struct note_writer *w, u8 tag, struct str text)
{
	const char *zero = text.n ? memchr(text.p, '\0', text.n) : NULL;
	if (zero)
		text.n = (size_t)(zero - text.p);
	text = str_trim(text);
	if (text.n > NOTE_FIELD_MAX) {
		note_damage(w, "a field is over %zu bytes and was cut", NOTE_FIELD_MAX);
		text.n = NOTE_FIELD_MAX;
	}
	if (text.n)
		note_put(w, tag, text);
}

void note_number(struct note_writer *w, u8 tag, u64 n)
{
	char bytes[10];
	size_t len = 0;
	do {
		bytes[len++] = (char)(u8)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
		n >>= 7;
	} while (n && len < 9);
	note_put(w, tag, str_n(bytes, len));
}

static struct str relative(struct str s)
{
	for (;;) {
		if (s.n && s.p[0] == '/')
			s = str_from(s, 1);
		else if (s.n >= 2 && s.p[0] == '.' && s.p[1] == '/')
			s = str_from(s, 2);
		else
			return s;
	}
}

static bool zero(struct str s) { return s.n && memchr(s.p, '\0', s.n); }

void note_path(struct note_writer *w, struct str dir, struct str base)
{
	char path[NOTE_PATH_MAX];
	if (w->full)
		return;
	if (++w->paths > NOTE_PATHS_MAX || (w->path_bytes += dir.n + base.n) > NOTE_PATH_BYTES) {
		w->full = true;
		note_damage(w, "names over %u files, or %llu MiB of paths: the rest is left out", NOTE_PATHS_MAX, (unsigned long long)(NOTE_PATH_BYTES / MiB));
		return;
	}
	dir = relative(dir);
	if (dir.n == 0)
		base = relative(base);
	size_t slash = dir.n && dir.p[dir.n - 1] != '/', n = dir.n + slash + base.n;
	if (n == 0 || (n == 1 && base.n == 1 && base.p[0] == '.'))
		return; /* the root */
	if (n > sizeof path || zero(base) || zero(dir)) {
		note_damage(w, "a path of %zu bytes can't be one", n);
		return;
	}
	if (dir.n) {
		memcpy(path, dir.p, dir.n);
		path[dir.n] = '/';
	}
	if (base.n)
		memcpy(path + dir.n + slash, base.p, base.n);
	size_t common = 0, most = MIN(n, w->last.n);
	while (common < most && path[common] == w->last.p[common])
		common++;
	struct buf head = BUF(0);
	leb(&head, common);
	emit(w, NOTE_PATH, buf_str(&head), str_n(path + common, n - common));
	buf_free(&head);
	buf_clear(&w->last);
	buf_add(&w->last, str_n(path, n));
}

void note_damage(struct note_writer *w, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (++w->damages > NOTE_DAMAGES)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	emit(w, NOTE_DAMAGE, str_of(text), STR(""));
}

int note_end(struct note_writer *w, struct error *err)
{
	if (w->damages > NOTE_DAMAGES) {
		u32 more = w->damages - NOTE_DAMAGES;
		w->damages = 0;
		note_damage(w, "%u more of the kind", more);
	}
	buf_free(&w->item);
	buf_free(&w->last);
	if (w->out->over)
		return error_set(err, ERR_INPUT, "over a budget: its packages don't fit into %zu bytes", w->out->max);
	return 0;
}

bool note_next(struct note_reader *n, u8 *tag, struct str *bytes)
{
	u64 len, common;
	if (n->rest.n == 0)
		return false;
	n->bad = true;
	u8 t = (u8)n->rest.p[0];
	n->rest = str_from(n->rest, 1);
	if (!note_leb(&n->rest, &len) || len > n->rest.n)
		return false;
	struct str item = str_head(n->rest, (size_t)len);
	n->rest = str_from(n->rest, (size_t)len);
	if (t == NOTE_PATH) {
		if (!note_leb(&item, &common) || common > n->path.n || common + item.n > NOTE_PATH_MAX)
			return false;
		n->path.n = (size_t)common;
		buf_add(&n->path, item);
		item = buf_str(&n->path);
	}
	n->bad = false;
	*tag = t;
	*bytes = item;
	return true;
}

void note_close(struct note_reader *n) { buf_free(&n->path); }
