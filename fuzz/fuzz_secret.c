/* Any bytes as a file: whole and in pieces the same secrets are found, none is shown, and the note reads back. The first byte chooses the file's name and the pieces. */
#include "secret/scan.h"

static const char *const names[] = { "config.txt", "main.tf", "app.yaml", "settings.xml", "NuGet.config", ".htpasswd", ".npmrc", "x.php" };
static const size_t sizes[] = { 1, 7, 100, 4096, 65536, SIZE_MAX };

static void note_of(struct str bytes, const char *name, size_t piece, struct buf *note)
{
	static void *state; /* the database of words is made once */
	const struct collector_stream *s = secret_collector.stream;
	struct tar_entry e = { .type = TAR_FILE, .stored = bytes.n };
	struct error err;
	if (!state)
		state = s->open();
	s->begin(state, STR("srv/app"), str_of(name), &e);
	for (size_t head = MIN(bytes.n, COLLECT_HEAD); bytes.n; head = piece) { /* the first piece holds the head, as collect.h promises */
		s->feed(state, str_head(bytes, MAX(head, MIN(piece, bytes.n))));
		bytes = str_from(bytes, MAX(head, MIN(piece, bytes.n)));
	}
	if (s->end(state, note, &err) < 0 && !err.text[0])
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str bytes = str_n(data + 1, size - 1);
	const char *name = names[data[0] % countof(names)];
	struct buf whole = BUF(0), parts = BUF(0);
	note_of(bytes, name, SIZE_MAX, &whole);
	note_of(bytes, name, sizes[data[0] / countof(names) % countof(sizes)], &parts);
	if (!str_eq(buf_str(&whole), buf_str(&parts)))
		abort();
	struct str note = buf_str(&whole);
	for (struct secret_found f; secret_note_next(&note, &f);) {
		if (f.end > bytes.n || f.at > f.end || strlen(f.masked) >= sizeof f.masked)
			abort();
		if (f.end - f.at > 8 && f.rule->shape != SECRET_PATH && !(f.rule->flags & SECRET_BLOCK) && !str_starts(str_n(bytes.p + f.at, f.end - f.at), STR("-----BEGIN ")) &&
		    str_find(str_of(f.masked), str_n(bytes.p + f.at, 6)))
			abort();
	}
	note = str_n(data, size); /* a note that somebody else wrote */
	for (struct secret_found f; secret_note_next(&note, &f);)
		if (!f.rule)
			abort();
	buf_free(&whole);
	buf_free(&parts);
	return 0;
}
