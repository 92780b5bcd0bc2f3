#include "package/chisel.h"
#include "base/arena.h"
#include "base/json.h"
#include "layer/stream.h"

struct content { /* a file of a package */
	u32 order;
	const char *package, *path;
};

struct cut_package {
	const char *name, *version, *arch;
};

struct wall {
	struct note_writer *w;
	struct arena arena;
	struct content *files;
	struct cut_package *packages;
	u32 n_files, cap_files, n_packages, cap_packages;
	u64 line;
	bool right; /* the first line was right */
};

static void object(struct wall *m, const json_t *o)
{
	const char *kind = json_text(o, "kind"), *path = json_text(o, "path");
	struct str slice = json_view(o, "slice"), package = str_cut(&slice, '_');
	if (m->line == 1) {
		m->right = json_text(o, "jsonwall") != NULL;
		if (!m->right)
			note_damage(m->w, "does not begin as a manifest of chisel");
		return;
	}
	if (kind && strcmp(kind, "content") == 0) {
		if (!package.p || !package.n || !path || m->n_files >= NOTE_PATHS_MAX)
			note_damage(m->w, "line %llu names no file of a slice", (unsigned long long)m->line);
		else {
			const char *last = m->n_files ? m->files[m->n_files - 1].package : ""; /* lines are sorted by slice */
			struct content c = { m->n_files, str_is(package, last) ? last : arena_bytes(&m->arena, package), arena_bytes(&m->arena, str_of(path)) };
			VEC_PUSH(m->files, m->n_files, m->cap_files, c);
		}
	} else if (kind && strcmp(kind, "package") == 0) {
		const char *name = json_text(o, "name"), *version = json_text(o, "version"), *arch = json_text(o, "arch");
		if (!name || !*name || !version || !*version || m->n_packages >= CHISEL_PACKAGES)
			note_damage(m->w, "line %llu is no package", (unsigned long long)m->line);
		else {
			struct cut_package p = { arena_bytes(&m->arena, str_of(name)), arena_bytes(&m->arena, str_of(version)), arena_bytes(&m->arena, str_of(arch ? arch : "")) };
			VEC_PUSH(m->packages, m->n_packages, m->cap_packages, p);
		}
	}
}

static void line(struct wall *m, struct str l)
{
	struct error err = { 0 };
	m->line++;
	if (str_trim(l).n == 0 || (m->line > 1 && !m->right))
		return;
	autojson json_t *o = json_read(l, "line", &err);
	if (!o || !json_is_object(o)) {
		note_damage(m->w, "line %llu is no JSON object", (unsigned long long)m->line);
		return;
	}
	object(m, o);
}

/* Inflated piece by piece; only a line that lies across pieces is put together. */
static int lines(struct wall *m, struct stream *plain, struct error *err)
{
	struct buf held = BUF(CHISEL_LINE);
	struct str view;
	int r;
	while ((r = stream_next(plain, &view, err)) == 0 && view.n) {
		if (plain->at > CHISEL_PLAIN) {
			r = error_set(err, ERR_INPUT, "is over %llu MiB inflated: the rest is left out", (unsigned long long)(CHISEL_PLAIN / MiB));
			break;
		}
		while (view.n) {
			const char *end = str_chr(view, '\n');
			buf_add(&held, str_n(view.p, end ? (size_t)(end - view.p) : view.n));
			view = end ? str_from(view, (size_t)(end - view.p) + 1) : STR("");
			if (!end)
				break;
			if (held.over)
				note_damage(m->w, "line %llu is over %zu bytes", (unsigned long long)++m->line, CHISEL_LINE);
			else
				line(m, buf_str(&held));
			buf_clear(&held);
			held.over = false;
		}
	}
	if (held.n && !held.over)
		line(m, buf_str(&held));
	buf_free(&held);
	return r;
}

static int by_package(const void *a, const void *b)
{
	const struct content *x = a, *y = b;
	int c = strcmp(x->package, y->package);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void put(struct wall *m)
{
	if (m->n_files)
		qsort(m->files, m->n_files, sizeof *m->files, by_package);
	for (u32 i = 0; i < m->n_packages; i++) {
		const struct cut_package *k = &m->packages[i];
		u32 lo = 0, hi = m->n_files;
		note_put(m->w, NOTE_PACKAGE, STR(""));
		note_text(m->w, NOTE_NAME, str_of(k->name));
		note_text(m->w, NOTE_VERSION, str_of(k->version));
		note_text(m->w, NOTE_ARCH, str_of(k->arch));
		while (lo < hi) {
			u32 mid = lo + (hi - lo) / 2;
			if (strcmp(m->files[mid].package, k->name) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		/* Each file once: of a package that is named twice only the first has them. */
		for (; lo < m->n_files && strcmp(m->files[lo].package, k->name) == 0 && m->files[lo].path; lo++) {
			note_path(m->w, STR(""), str_of(m->files[lo].path));
			m->files[lo].path = NULL;
		}
	}
}

void chisel_take(struct note_writer *w, struct str content)
{
	struct wall m = { .w = w };
	struct error err = { 0 };
	struct stream *plain;
	if (stream_inflate(stream_memory(content), &plain, NULL, &err) < 0) {
		note_damage(w, "%s", err.text);
		return;
	}
	if (lines(&m, plain, &err) < 0)
		note_damage(w, "%s", err.text);
	stream_close(plain);
	put(&m);
	free(m.files);
	free(m.packages);
	arena_free(&m.arena);
}
