#include "transport/tarsplit.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/json.h"
#include "layer/tar.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tarsplit {
	struct stream base;
	struct stream *lines;
	struct str text;    /* what is left of the view of lines */
	bool text_end;
	struct buf line;    /* a line that spans views */
	int tree;
	bool lazy;
	struct buf segment; /* decoded bytes, given out up to segment_at */
	size_t segment_at;
	struct buf name;    /* of the file being given out */
	u64 file_size, file_at;
	int fd;             /* -1: not opened yet */
	u32 turn;
	char *ring;
};

/* --- lines --- */

/* The next line without its newline; *ret empty with p NULL at the end. Good until the next call. */
static int next_line(struct tarsplit *t, struct str *ret, struct error *err)
{
	buf_clear(&t->line);
	for (;;) {
		const char *nl = t->text.n ? memchr(t->text.p, '\n', t->text.n) : NULL;
		if (nl) {
			struct str head = str_head(t->text, (size_t)(nl - t->text.p));
			t->text = str_from(t->text, head.n + 1);
			if (t->line.n == 0) {
				*ret = head;
				return 0;
			}
			buf_add(&t->line, head);
			*ret = buf_str(&t->line);
			return t->line.over ? error_set(err, ERR_INPUT, "tar-split: a line over %llu MiB", (unsigned long long)(TARSPLIT_LINE_MAX / MiB)) : 0;
		}
		buf_add(&t->line, t->text);
		if (t->line.over)
			return error_set(err, ERR_INPUT, "tar-split: a line over %llu MiB", (unsigned long long)(TARSPLIT_LINE_MAX / MiB));
		t->text.n = 0;
		if (t->text_end) {
			*ret = t->line.n ? buf_str(&t->line) : (struct str){ NULL, 0 };
			return 0;
		}
		if (stream_next(t->lines, &t->text, err) < 0)
			return error_wrap(err, "tar-split");
		t->text_end = t->text.n == 0;
	}
}

static int decode(struct str text, struct buf *out, struct error *err)
{
	buf_clear(out);
	if (text.n == 0)
		return 0;
	if (text.n % 4 || text.n > TARSPLIT_LINE_MAX)
		return error_set(err, ERR_INPUT, "tar-split: bad base64");
	buf_reserve(out, text.n / 4 * 3);
	int n = crypto()->base64_decode((unsigned char *)out->p, (const unsigned char *)text.p, (int)text.n);
	size_t pad = (size_t)(text.p[text.n - 1] == '=') + (size_t)(text.p[text.n - 2] == '=');
	if (n < (int)pad)
		return error_set(err, ERR_INPUT, "tar-split: bad base64");
	out->n = (size_t)n - pad;
	out->p[out->n] = '\0';
	return 0;
}

static int set_file(struct tarsplit *t, const json_t *doc, struct error *err)
{
	struct str name = json_view(doc, "name"), raw = json_view(doc, "name_raw");
	const json_t *size = json_object_get(doc, "size");
	t->file_at = t->file_size = 0;
	if (!size)
		return 0; /* a directory, a link, an empty file */
	if (!json_u64(doc, "size", &t->file_size) || t->file_size > INFLATE_MAX)
		return error_set(err, ERR_INPUT, "tar-split: a file of impossible size");
	if (raw.p && raw.n) {
		if (decode(raw, &t->name, err) < 0)
			return -1;
	} else {
		buf_clear(&t->name);
		buf_add(&t->name, name);
	}
	if (t->file_size && (!t->name.n || t->name.n >= TAR_PATH_MAX || memchr(t->name.p, '\0', t->name.n)))
		return error_set(err, ERR_INPUT, "tar-split: a file with an impossible name");
	return 0;
}

/* Segments are most of the lines and of fixed shape, as Go's encoder writes them; they need no parser:
 * {"type":2,"payload":"…","position":N} */
static bool plain_segment(struct str line, struct str *payload)
{
	struct str head = STR("{\"type\":2,\"payload\":\"");
	if (!str_starts(line, head))
		return false;
	struct str rest = str_from(line, head.n);
	*payload = str_cut(&rest, '"');
	return rest.p && str_starts(rest, STR(",\"position\":")) && memchr(payload->p, '\\', payload->n) == NULL;
}

/* Reads lines until there is something to give out. 1: there is; 0: the end. */
static int advance(struct tarsplit *t, struct error *err)
{
	while (t->segment_at == t->segment.n && t->file_at == t->file_size) {
		struct str line, payload;
		if (next_line(t, &line, err) < 0)
			return -1;
		if (!line.p)
			return 0;
		line = str_trim(line);
		if (line.n == 0)
			continue;
		t->segment_at = 0;
		if (plain_segment(line, &payload)) {
			if (decode(payload, &t->segment, err) < 0)
				return -1;
			continue;
		}
		autojson json_t *doc = json_read(line, "tar-split", err);
		u64 type;
		if (!doc)
			return -1;
		buf_clear(&t->segment);
		if (!json_u64(doc, "type", &type) || type < 1 || type > 2)
			return error_set(err, ERR_INPUT, "tar-split: a line of unknown type");
		if (type == 2 ? decode(json_view(doc, "payload"), &t->segment, err) < 0 : set_file(t, doc, err) < 0)
			return -1;
	}
	return 1;
}

/* --- files of the tree --- */

static int open_file(struct tarsplit *t, struct error *err)
{
	char clean[TAR_PATH_MAX + 1];
	ssize_t n = tar_clean(buf_str(&t->name), clean);
	if (n <= 0)
		return error_set(err, ERR_INPUT, "tar-split: a file with an impossible name");
	clean[n] = '\0';
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, t->tree, clean, &how, sizeof how);
	if (fd < 0 && errno == EACCES && geteuid() != 0)
		return error_set(err, ERR_ENV, "%.300s: permission denied in the engine's storage; `podman unshare` gives the right", clean);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == EMFILE || errno == ENFILE))
		return error_errno(err, "%.300s", clean);
	if (fd < 0)
		return error_set(err, ERR_INPUT, "%.300s: not in the engine's storage: %s", clean, strerror(errno));
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (u64)st.st_size != t->file_size) {
		close(fd);
		return error_set(err, ERR_INPUT, "%.300s: not what the engine's storage unpacked: changed since", clean);
	}
	t->fd = fd;
	return 0;
}

static void finish_file(struct tarsplit *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static int read_file(struct tarsplit *t, char *to, size_t room, size_t *got, struct error *err)
{
	if (t->fd < 0 && open_file(t, err) < 0)
		return -1;
	size_t want = (size_t)MIN((u64)room, t->file_size - t->file_at);
	ssize_t n = file_pread(t->fd, to, want, t->file_at);
	if (n < 0)
		return error_errno(err, "%.300s", t->name.p);
	if ((size_t)n != want)
		return error_set(err, ERR_INPUT, "%.300s: became shorter while it was read", t->name.p);
	t->file_at += want;
	if (t->file_at == t->file_size)
		finish_file(t);
	*got = want;
	return 0;
}

/* --- the stream --- */

static int tarsplit_next(struct stream *s, struct str *view, struct error *err)
{
	struct tarsplit *t = (struct tarsplit *)s;
	if (!t->ring)
		t->ring = xmalloc(STREAM_RING * STREAM_CHUNK);
	char *to = t->ring + (size_t)(t->turn++ % STREAM_RING) * STREAM_CHUNK;
	size_t have = 0;
	while (have < STREAM_CHUNK) {
		int more = advance(t, err);
		if (more < 0)
			return -1;
		if (more == 0)
			break;
		size_t left = t->segment.n - t->segment_at, got = MIN(left, STREAM_CHUNK - have);
		if (got) {
			memcpy(to + have, t->segment.p + t->segment_at, got);
			t->segment_at += got;
		} else {
			if (t->lazy && have && t->file_at == 0)
				break;
			if (read_file(t, to + have, STREAM_CHUNK - have, &got, err) < 0)
				return -1;
		}
		have += got;
	}
	*view = str_n(to, have);
	return 0;
}

static int tarsplit_skip(struct stream *s, u64 n, struct error *err)
{
	struct tarsplit *t = (struct tarsplit *)s;
	while (n) {
		int more = advance(t, err);
		if (more < 0)
			return -1;
		if (more == 0)
			return error_set(err, ERR_INPUT, "ends early");
		size_t left = t->segment.n - t->segment_at;
		u64 k = MIN(n, left ? (u64)left : t->file_size - t->file_at);
		if (left) {
			t->segment_at += (size_t)k;
		} else {
			t->file_at += k;
			if (t->file_at == t->file_size)
				finish_file(t);
		}
		n -= k;
	}
	return 0;
}

static void tarsplit_close(struct stream *s)
{
	struct tarsplit *t = (struct tarsplit *)s;
	finish_file(t);
	close(t->tree);
	stream_close(t->lines);
	buf_free(&t->line);
	buf_free(&t->segment);
	buf_free(&t->name);
	free(t->ring);
	free(t);
}

static const struct stream_ops tarsplit_ops = { tarsplit_next, tarsplit_skip, tarsplit_close };

struct stream *tarsplit_stream(struct stream *lines, int tree, bool lazy)
{
	struct tarsplit *t = xcalloc(1, sizeof *t);
	t->base.ops = &tarsplit_ops;
	t->lines = lines;
	t->tree = tree;
	t->lazy = lazy;
	t->fd = -1;
	t->line = t->segment = t->name = BUF(TARSPLIT_LINE_MAX);
	return &t->base;
}
