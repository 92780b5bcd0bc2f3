/* The collector: files piece by piece through one buffer a thread.
 *
 * A note is the findings of one file, each: the rule's id with its NUL, a byte of flags, then LEB128 at, end and line, then the masked value with its NUL. */
#include "secret/scanner.h"
#include <pthread.h>

#define BUFFER ((size_t)(256 * KiB))
#define NOTE_DOUBT 1

static struct secret_set *chosen, *standard;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_standard(void)
{
	struct error err;
	if (secret_set_new(NULL, &standard, &err) < 0)
		abort(); /* no memory: the built-in rules are sound, a test holds us to it */
}

struct secret_set *secret_collector_set(void)
{
	if (chosen)
		return chosen;
	pthread_once(&once, make_standard);
	return standard;
}

void secret_collector_use(struct secret_set *s) { chosen = s; }

struct reading {
	struct scanner *scanner;
	char *buffer;
	size_t n, from; /* bytes in it; where the next words are tried */
	u64 base;
	bool first, skip;
};

static void *open_state(void)
{
	struct reading *r = xcalloc(1, sizeof *r);
	r->scanner = scanner_new(secret_collector_set());
	r->buffer = xmalloc(BUFFER);
	return r;
}

static void close_state(void *state)
{
	struct reading *r = state;
	scanner_free(r->scanner);
	free(r->buffer);
	free(r);
}

static struct str path_of(struct str dir, struct str name, char *out, size_t max)
{
	size_t n = MIN(dir.n, max - 2), m;
	if (n) {
		memcpy(out, dir.p, n);
		out[n++] = '/';
	}
	m = MIN(name.n, max - n);
	if (m)
		memcpy(out + n, name.p, m);
	return str_n(out, n + m);
}

static void begin(void *state, struct str dir, struct str name, const struct tar_entry *e)
{
	(void)e;
	struct reading *r = state;
	char path[4096];
	scanner_begin(r->scanner, path_of(dir, name, path, sizeof path));
	r->n = r->from = 0;
	r->base = 0;
	r->first = true;
}

/* Looks at what is in the buffer; keeps what the next words may look back at, and the words that have too little behind them. */
static void look(struct reading *r, bool last)
{
	size_t until = last ? r->n : r->n > SECRET_AFTER ? r->n - SECRET_AFTER : 0;
	if (until <= r->from)
		return;
	scanner_text(r->scanner, str_n(r->buffer, r->n), r->base, r->from, until);
	size_t keep = until > SECRET_BEFORE ? until - SECRET_BEFORE : 0;
	memmove(r->buffer, r->buffer + keep, r->n - keep);
	r->n -= keep;
	r->base += keep;
	r->from = until - keep;
}

static void feed(void *state, struct str piece)
{
	struct reading *r = state;
	if (r->first) {
		r->scanner->binary = piece.n && memchr(piece.p, '\0', MIN(piece.n, COLLECT_HEAD)) != NULL;
		r->first = false;
	}
	while (piece.n) {
		size_t n = MIN(piece.n, BUFFER - r->n);
		memcpy(r->buffer + r->n, piece.p, n);
		r->n += n;
		piece = str_from(piece, n);
		if (r->n == BUFFER)
			look(r, false);
	}
}

static void put_number(struct buf *b, u64 v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(b, (char)(v | 0x80));
	buf_putc(b, (char)v);
}

static int end(void *state, struct buf *note, struct error *err)
{
	struct reading *r = state;
	look(r, true);
	scanner_end(r->scanner);
	for (u32 i = 0; i < r->scanner->n_hits; i++) {
		const struct secret_found *f = &r->scanner->hits[i].found;
		buf_add(note, str_n(f->rule->id, strlen(f->rule->id) + 1));
		buf_putc(note, f->doubt ? NOTE_DOUBT : 0);
		put_number(note, f->at);
		put_number(note, f->end);
		put_number(note, f->line);
		buf_add(note, str_n(f->masked, strlen(f->masked) + 1));
	}
	if (r->scanner->full)
		return error_set(err, ERR_INPUT, "more than %u secrets: the rest is not told", SECRET_FOUND_MAX);
	if (r->scanner->gave_up)
		return error_set(err, ERR_INPUT, "some places look so much like secrets that looking for them was given up");
	return 0;
}

static bool wants(struct str dir, struct str name)
{
	char path[4096];
	return (chosen && !chosen->defaults) || secret_place(path_of(dir, name, path, sizeof path)) != PLACE_NOTHING;
}

static const struct collector_stream stream = { open_state, begin, feed, end, close_state };
/* The version goes up with every change of the rules, too: kept facts hold what the older ones found. */
const struct collector secret_collector = { COLLECT_SECRET, 3, "secrets", 1024 * GiB, wants, NULL, NULL, &stream };

static bool get_number(struct str *s, size_t *ret)
{
	u64 v = 0;
	for (u32 shift = 0; s->n && shift < 63; shift += 7) {
		u8 c = (u8)s->p[0];
		*s = str_from(*s, 1);
		v |= (u64)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = (size_t)v;
			return true;
		}
	}
	return false;
}

static const struct secret_rule *rule_of(struct str id)
{
	for (u32 i = 0; chosen && i < chosen->n_rules; i++)
		if (str_is(id, chosen->rules[i].rule->id))
			return chosen->rules[i].rule;
	for (u32 i = 0; i < secret_rules_n; i++)
		if (str_is(id, secret_rules[i].id))
			return &secret_rules[i];
	return NULL;
}

bool secret_note_next(struct str *note, struct secret_found *ret)
{
	while (note->n) {
		const char *nul = str_chr(*note, '\0');
		size_t line;
		if (!nul)
			return false;
		struct str id = str_n(note->p, (size_t)(nul - note->p));
		*note = str_from(*note, id.n + 1);
		if (!note->n)
			return false;
		*ret = (struct secret_found){ .rule = rule_of(id), .doubt = note->p[0] & NOTE_DOUBT };
		*note = str_from(*note, 1);
		if (!get_number(note, &ret->at) || !get_number(note, &ret->end) || !get_number(note, &line) || !(nul = str_chr(*note, '\0')))
			return false;
		ret->line = (u32)line;
		size_t n = MIN((size_t)(nul - note->p), sizeof ret->masked - 1);
		if (n)
			memcpy(ret->masked, note->p, n);
		*note = str_from(*note, (size_t)(nul - note->p) + 1);
		if (ret->rule)
			return true;
	}
	return false;
}
