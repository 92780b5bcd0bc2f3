#include "program/source.h"
#include "base/hash.h"
#include "base/hashtab.h"
#include "program/native.h"
#include "program/node.h"
#include "program/conf.h"
#include "program/java.h"
#include "program/lua.h"
#include "program/php.h"
#include "program/perl.h"
#include "program/python.h"
#include "program/ruby.h"
#include "program/script.h"

/* Each language: one line. */
const struct source_language *const source_languages[] = {
	&source_shell,
	&source_archive,
	&source_javascript,
	&source_php,
	&source_php_ini,
	&source_perl,
	&source_python,
	&source_ruby,
	&source_java,
	&source_lua,
	&source_tcl,
	&source_conf, /* the last: its net is wide */
	NULL,
};

/* --- telling --- */
struct source_note {
	struct buf out;
	struct hashtab lines; /* of what is there already: 1 + where in `at` */
	u32 *at, n, cap;      /* where each line begins */
	bool cut;
};

static bool is_there(const struct source_note *n, struct str line, u32 hash)
{
	for (u32 at = hash, id; (id = hashtab_next(&n->lines, hash, &at));) {
		struct str old = str_from(buf_str(&n->out), n->at[id - 1]);
		if (old.n > line.n && memcmp(old.p, line.p, line.n) == 0 && old.p[line.n] == '\n')
			return true;
	}
	return false;
}

static bool printable(char letter, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		u8 c = (u8)s.p[i];
		if ((c < ' ' && !((c == SCRIPT_US || c == SCRIPT_RS) && letter == 'c') && !(c == '\t' && letter != 's')) || c == 0x7f)
			return false;
	}
	return true;
}

void source_tell(struct source_note *n, char letter, struct str text)
{
	if (letter == 's')
		text = str_trim(text);
	if (!text.n || text.n > (letter == 's' ? SOURCE_STRING : TAR_PATH_MAX) || !printable(letter, text))
		return;
	if (n->out.n + text.n + 2 > SOURCE_NOTE) {
		n->cut = true;
		return;
	}
	size_t at = n->out.n;
	buf_putc(&n->out, letter);
	buf_add(&n->out, text);
	struct str line = str_from(buf_str(&n->out), at);
	u32 hash = (u32)hash64(line, hash_seed);
	if (is_there(n, line, hash)) {
		n->out.n = at;
		return;
	}
	VEC_PUSH(n->at, n->n, n->cap, (u32)at);
	hashtab_add(&n->lines, hash, n->n);
	buf_putc(&n->out, '\n');
}

bool source_is_file(struct str t)
{
	size_t i = t.n;
	while (i && t.p[i - 1] != '.' && t.p[i - 1] != '/')
		i--;
	return i > 1 && t.p[i - 1] == '.' && t.p[i - 2] != '/' &&
	       str_among(str_from(t, i), "rb rake ru erb haml slim pl pm al so conf cnf cfg ini yml yaml json toml xml xsd xsl html htm css js txt csv tsv sql db sqlite sqlite3 tt tt2 ep dat bin gz pem crt key lua py sh php "
					 "properties mo po dic tmpl tpl template map md");
}

char source_letter(struct str note) { return note.n ? note.p[0] : 0; }

bool source_next(struct str *rest, char *letter, struct str *text)
{
	for (;;) {
		struct str line;
		if (!rest->p)
			return false;
		line = str_cut(rest, '\n');
		if (line.n < 2) /* the language's letter stands by itself */
			continue;
		*letter = line.p[0];
		*text = str_from(line, 1);
		return true;
	}
}

u32 source_unknowns(struct str note, const char *words)
{
	char letter;
	struct str text;
	u32 bits = 0;
	while (source_next(&note, &letter, &text)) {
		struct str rest = str_of(words);
		for (u32 bit = 1; letter == 'x' && rest.p; bit <<= 1)
			if (str_eq(str_cut(&rest, ' '), text))
				bits |= bit;
	}
	return bits;
}

bool source_runs(struct str interpreter, const char *name)
{
	if (!str_starts(interpreter, str_of(name)))
		return false;
	struct str version = str_from(interpreter, strlen(name));
	while (version.n && (version.p[0] == '.' || (version.p[0] >= '0' && version.p[0] <= '9')))
		version = str_from(version, 1);
	return !version.n;
}

/* --- the collector --- */
struct source {
	struct buf dir, name, text;
	const struct source_language *language;
	u64 size, most; /* of it, how much is kept */
};

static const struct source_language *by_name(struct str dir, struct str name)
{
	for (u32 i = 0; source_languages[i]; i++)
		if (source_languages[i]->is && source_languages[i]->is(dir, name))
			return source_languages[i];
	return NULL;
}

static const struct source_language *by_head(struct str dir, struct str name, struct str head)
{
	struct str rest = head, words[SCRIPT_WORDS];
	u32 n = str_starts(head, STR("#!")) ? script_line(str_trim(str_head(str_cut(&rest, '\n'), SCRIPT_LINE)), words) : 0;
	for (u32 k = 0; k < n; k++) { /* "env -S python3 -u": the first word that is some language's */
		if (words[k].p[0] == '-' || str_chr(words[k], '='))
			continue;
		for (u32 i = 0; source_languages[i]; i++)
			if (source_languages[i]->runs && source_languages[i]->runs(str_base(words[k])))
				return source_languages[i];
	}
	for (u32 i = 0; source_languages[i]; i++)
		if (source_languages[i]->looks && source_languages[i]->looks(dir, name, head))
			return source_languages[i];
	return NULL;
}

static bool wants(struct str dir, struct str name) { return by_name(dir, name) != NULL; }

static bool sniff(struct str dir, struct str name, const struct tar_entry *e, struct str head)
{
	(void)e;
	return by_head(dir, name, head) != NULL;
}

static void *open_source(void) { return xcalloc(1, sizeof(struct source)); }

static void begin(void *state, struct str dir, struct str name, const struct tar_entry *e)
{
	(void)e;
	struct source *s = state;
	buf_clear(&s->dir);
	buf_clear(&s->name);
	buf_clear(&s->text);
	buf_add(&s->dir, dir);
	buf_add(&s->name, name);
	s->size = 0;
	s->language = NULL;
}

static void feed(void *state, struct str piece)
{
	struct source *s = state;
	if (!s->size) {
		struct str dir = buf_str(&s->dir), name = buf_str(&s->name);
		s->language = by_name(dir, name);
		if (!s->language)
			s->language = by_head(dir, name, str_head(piece, COLLECT_HEAD));
		s->most = s->language && s->language->bytes ? s->language->bytes : SOURCE_BYTES;
	}
	s->size += piece.n;
	if (s->language && s->text.n < s->most)
		buf_add(&s->text, str_head(piece, (size_t)(s->most - s->text.n)));
}

void source_take(const struct source_language *l, struct str dir, struct str name, struct str text, bool cut, struct buf *note)
{
	struct source_note n = { .cut = cut };
	hashtab_open(&n.lines, 64);
	buf_putc(&n.out, l->letter);
	buf_putc(&n.out, '\n');
	l->read(dir, name, text, &n);
	if (n.cut)
		buf_puts(&n.out, "xcut\n");
	buf_add(note, buf_str(&n.out));
	buf_free(&n.out);
	hashtab_free(&n.lines);
	free(n.at);
}

static int end(void *state, struct buf *note, struct error *err)
{
	(void)err;
	struct source *s = state;
	struct str dir = buf_str(&s->dir), name = buf_str(&s->name), text = buf_str(&s->text);
	const struct source_language *l = s->language ? s->language : by_name(dir, name); /* an empty file: nothing was fed */
	if (l)
		source_take(l, dir, name, text, s->size > text.n, note);
	if (s->text.cap > MiB) /* one large file keeps no memory */
		buf_free(&s->text);
	return 0;
}

static void close_source(void *state)
{
	struct source *s = state;
	buf_free(&s->dir);
	buf_free(&s->name);
	buf_free(&s->text);
	free(s);
}

static const struct collector_stream stream = { .open = open_source, .begin = begin, .feed = feed, .end = end, .close = close_source };

const struct collector source_collector = { .id = COLLECT_SOURCE, .version = 5, .name = "source", .limit = UINT64_MAX, .wants = wants, .sniff = sniff, .stream = &stream };
