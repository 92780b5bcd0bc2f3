/* Archives that pass by once. The manifest may come last, so every member that looks like a document is kept (inside a budget) and every
 * member that looks like a layer is read into facts as it passes. */
#include "base/file.h"
#include "base/hash.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define DOCUMENTS_MAX (64 * MiB) /* of one archive together */

struct passed {
	struct passed *next;
	char *name;
	char *link;     /* clean name of another member, or NULL */
	struct buf text; /* a document */
	bool is_text, is_layer, over, taken;
	u64 size;
	struct layer_read read;
};

struct streamed {
	struct bag base;
	struct passed *head; /* the latest first */
	u64 kept;
};

static struct passed *find_passed(struct streamed *s, const char *name)
{
	for (int i = 0; i <= BAG_LINKS_MAX; i++) {
		struct passed *p = s->head;
		while (p && strcmp(p->name, name) != 0)
			p = p->next;
		if (!p || !p->link)
			return p;
		name = p->link;
	}
	return NULL;
}

static bool find(struct bag *b, const char *name, u64 *size)
{
	struct passed *p = find_passed((struct streamed *)b, name);
	if (p)
		*size = p->size;
	return p != NULL;
}

static int read_member(struct bag *b, const char *name, u64 limit, struct buf *out, struct error *err)
{
	struct passed *p = find_passed((struct streamed *)b, name);
	if (!p || (!p->is_text && !p->over && p->size))
		return error_set(err, ERR_INPUT, "%s: %s", name, p ? "no document" : "not there");
	if (p->over || p->text.n > limit)
		return error_set(err, ERR_INPUT, "%s: %llu bytes: over the budget", name, (unsigned long long)p->size);
	buf_add(out, buf_str(&p->text));
	return 0;
}

static int open_member(struct bag *b, const char *name, struct stream **ret, struct error *err)
{
	(void)b;
	(void)ret;
	return error_set(err, ERR_INPUT, "%s: passed by already", name);
}

static bool take(struct bag *b, const char *name, struct layer_read *ret)
{
	struct passed *p = find_passed((struct streamed *)b, name);
	if (!p || !p->is_layer)
		return false;
	*ret = p->read; /* the same facts for each layer that names this member */
	p->taken = true;
	return true;
}

static void close_streamed(struct bag *b)
{
	struct streamed *s = (struct streamed *)b;
	for (struct passed *p = s->head, *next; p; p = next) {
		next = p->next;
		if (p->is_layer && !p->taken)
			facts_free(p->read.facts);
		buf_free(&p->text);
		free(p->name);
		free(p->link);
		free(p);
	}
	free((char *)(uintptr_t)b->name);
	free(s);
}

static const struct bag_ops ops = { find, read_member, open_member, take, NULL, close_streamed };

/* What a member's first bytes say. */
static bool looks_like_text(struct str head)
{
	head = str_trim(head);
	return head.n && (head.p[0] == '{' || head.p[0] == '[' || str_starts(head, STR("null")));
}

static bool looks_like_layer(struct str head, u64 size)
{
	if (size == 0 || compression_sniff(head) != COMP_NONE)
		return true;
	static const char zero[512];
	if (head.n < 512)
		return false;
	return memcmp(head.p, zero, 512) == 0 || memcmp(head.p + 257, "ustar", 5) == 0 || (head.p[156] <= '7' && head.p[0] && head.p[99] == '\0' && head.p[148 + 6] == '\0');
}

static void keep_text(struct streamed *s, struct passed *p, struct stream *content, struct error *err)
{
	struct str view;
	while (stream_next(content, &view, err) == 0 && view.n) {
		if (p->text.n + view.n > JSON_BYTES || s->kept + view.n > DOCUMENTS_MAX) {
			p->over = true;
			buf_free(&p->text);
			return; /* the archive passes over the rest */
		}
		s->kept += view.n;
		buf_add(&p->text, view);
	}
	p->is_text = true;
}

static enum digest_alg alg_of(const char *name)
{
	return strncmp(name, "blobs/sha512/", 13) == 0 ? DIGEST_SHA512 : strncmp(name, "blobs/sha384/", 13) == 0 ? DIGEST_SHA384 : DIGEST_SHA256;
}

static int read_one(struct streamed *s, struct tar *t, struct passed *p, const struct layer_options *opt, struct error *err)
{
	struct buf head = BUF(0);
	struct str view = str_n("", 0);
	struct stream *content = tar_stream(t);
	while (head.n < 512) {
		if (stream_next(content, &view, err) < 0) {
			stream_close(content);
			buf_free(&head);
			return -1;
		}
		if (view.n == 0)
			break;
		buf_add(&head, view);
	}
	struct stream *whole = stream_concat(buf_str(&head), content);
	int r = 0;
	if (looks_like_text(buf_str(&head))) {
		struct error e = { 0 };
		keep_text(s, p, whole, &e);
		if (e.kind != ERR_NONE) {
			*err = e;
			r = -1;
		}
		stream_close(whole);
	} else if (looks_like_layer(buf_str(&head), p->size)) {
		struct layer_options o = *opt;
		o.blob_alg = alg_of(p->name);
		r = layer_read(whole, &o, &p->read, err);
		p->is_layer = r == 0;
	} else {
		stream_close(whole);
	}
	buf_free(&head);
	return r;
}

static void link_name(struct passed *p, const struct tar_entry *e)
{
	char clean[TAR_PATH_MAX + 1];
	struct buf path = BUF(0);
	const char *slash = strrchr(p->name, '/');
	if (e->type == TAR_SYMLINK && slash && e->link.n && e->link.p[0] != '/')
		buf_add(&path, str_n(p->name, (size_t)(slash - p->name) + 1));
	buf_add(&path, e->link);
	p->link = xstrdup(tar_clean(buf_str(&path), clean) > 0 ? clean : "");
	buf_free(&path);
}

static int pass_by(struct streamed *s, struct stream *plain, const struct layer_options *opt, struct error *err)
{
	char clean[TAR_PATH_MAX + 1];
	struct tar *t = tar_open(plain);
	struct tar_entry e;
	int more;
	u32 n = 0;
	while ((more = tar_next(t, &e, err)) == 1) {
		bool link = e.type == TAR_SYMLINK || e.type == TAR_HARDLINK;
		if ((e.type != TAR_FILE && !link) || tar_clean(e.path, clean) <= 0)
			continue;
		if (++n > 16384) {
			more = error_set(err, ERR_INPUT, "more than 16384 members in an archive that passes by once: over the budget");
			break;
		}
		struct passed *p = xcalloc(1, sizeof *p);
		p->name = xstrdup(clean);
		p->size = e.stored;
		p->next = s->head;
		s->head = p;
		if (link)
			link_name(p, &e);
		else if (read_one(s, t, p, opt, err) < 0) {
			more = -1;
			break;
		}
	}
	tar_close(t);
	return more;
}

const char *archive_spool_dir(struct arena *a, const char *store)
{
	const char *tmp = getenv("TMPDIR");
	return store && access(store, W_OK) == 0 ? store : tmp && tmp[0] == '/' ? arena_strdup(a, str_of(tmp)) : "/var/tmp";
}

int archive_spool_file(const char *dir, struct error *err)
{
	int fd = file_nameless(dir);
	return fd < 0 ? error_errno(err, "%s", dir) : fd;
}

int archive_spool(struct stream *plain, const char *dir, struct error *err)
{
	if (!dir)
		return error_set(err, ERR_ENV, "no place to keep what passes by once");
	int fd = archive_spool_file(dir, err);
	struct str view = { NULL, 1 };
	while (fd >= 0 && view.n) {
		int r = stream_next(plain, &view, err);
		if (r == 0 && view.n && file_write_all(fd, view.p, view.n) < 0)
			r = error_errno(err, "%s", dir);
		if (r < 0) {
			close(fd);
			return -1;
		}
	}
	return fd;
}

static enum bag_form form_of(const char *transport)
{
	return transport && strcmp(transport, "oci-archive") == 0 ? BAG_OCI : transport && strcmp(transport, "docker-archive") == 0 ? BAG_DOCKER : BAG_ANY;
}

/* --- remembering ---
 * A record is a line of text for each member, in the order of their passing, and the documents' bytes behind their lines:
 *   L NAME\0 SIZE BLOB-DIGEST BLOB-SIZE COMPRESSION DIFF-ID\n      a layer; its facts are kept under the diff ID
 *   T NAME\0 SIZE\n BYTES\n                                     a document
 *   S NAME\0 SIZE TARGET\0\n                                     a link
 *   O NAME\0 SIZE\n                                             anything else */
static void record_one(const struct passed *p, struct buf *out)
{
	char kind = p->is_layer ? 'L' : p->is_text ? 'T' : p->link ? 'S' : 'O';
	buf_printf(out, "%c %s", kind, p->name);
	buf_putc(out, '\0');
	buf_printf(out, "%llu", (unsigned long long)p->size);
	if (kind == 'L')
		buf_printf(out, " %s %llu %d %s", DIGEST_STR(&p->read.blob), (unsigned long long)p->read.blob_size, (int)p->read.compression, DIGEST_STR(&p->read.facts->diff_id));
	if (kind == 'S') {
		buf_printf(out, " %s", p->link);
		buf_putc(out, '\0');
	}
	buf_putc(out, '\n');
	if (kind == 'T') {
		buf_add(out, buf_str(&p->text));
		buf_putc(out, '\n');
	}
}

static void record(const struct streamed *s, struct buf *out)
{
	u32 n = 0;
	for (const struct passed *p = s->head; p; p = p->next)
		n++;
	const struct passed **v = xcalloc(n, sizeof(void *));
	for (const struct passed *p = s->head; p; p = p->next)
		v[--n] = p;
	for (const struct passed *p = s->head; p; p = p->next)
		record_one(v[n++], out);
	free(v);
}

static bool recall_layer(struct passed *p, struct str words, const struct archive_memory *m)
{
	u64 kind;
	struct digest diff_id;
	struct str blob = str_cut(&words, ' '), size = str_cut(&words, ' '), compression = str_cut(&words, ' ');
	if (!words.p || digest_parse(blob, &p->read.blob, NULL) < 0 || !str_to_u64(size, &p->read.blob_size) || !str_to_u64(compression, &kind) || kind > COMP_BZIP2 || digest_parse(words, &diff_id, NULL) < 0)
		return false;
	p->read.compression = (enum compression)kind;
	p->read.facts = m->facts(m->ctx, &diff_id);
	p->is_layer = p->read.facts != NULL;
	return p->is_layer;
}

static bool recall_one(struct streamed *s, struct str *rest, const struct archive_memory *m)
{
	struct str line = *rest, name = str_cut(&line, '\0');
	if (name.n < 3 || !line.p)
		return false;
	struct passed *p = xcalloc(1, sizeof *p);
	p->name = strndup(name.p + 2, name.n - 2);
	p->next = s->head;
	s->head = p;
	if (name.p[0] == 'S') {
		struct str size = str_cut(&line, ' '), target = str_cut(&line, '\0');
		p->link = strndup(target.p ? target.p : "", target.n);
		*rest = line.p && line.n ? str_from(line, 1) : (struct str){ NULL, 0 };
		return line.p && str_to_u64(size, &p->size);
	}
	struct str words = str_cut(&line, '\n'), size = str_cut(&words, ' ');
	if (!line.p || !str_to_u64(size, &p->size))
		return false;
	if (name.p[0] == 'T') {
		if (line.n < p->size + 1)
			return false;
		buf_add(&p->text, str_head(line, (size_t)p->size));
		p->is_text = true;
		line = str_from(line, (size_t)p->size + 1);
	} else if (name.p[0] == 'L' && !recall_layer(p, words, m)) {
		return false;
	}
	*rest = line;
	return true;
}

static struct streamed *streamed_new(const char *name)
{
	struct streamed *s = xcalloc(1, sizeof *s);
	s->base.ops = &ops;
	s->base.name = xstrdup(name);
	return s;
}

/* The archive as it was when it passed by before; NULL when that is not known in full. */
static struct streamed *recall(const char *name, struct str identity, const struct archive_memory *m)
{
	struct buf text = BUF(0);
	struct streamed *s = NULL;
	if (m && identity.n && m->recall(m->ctx, identity, &text)) {
		s = streamed_new(name);
		struct str rest = buf_str(&text);
		while (rest.n && rest.p)
			if (!recall_one(s, &rest, m)) {
				close_streamed(&s->base);
				s = NULL;
				break;
			}
	}
	buf_free(&text);
	return s;
}

int source_recall(const char *transport, const char *name, const char *choice, struct str identity, const struct source_options *opt, struct source **ret, struct error *err)
{
	struct streamed *s = opt->need_content ? NULL : recall(name, identity, opt->memory);
	if (!s)
		return 0;
	return bag_source(&s->base, form_of(transport), transport, choice, opt, ret, err) < 0 ? -1 : 1;
}

int source_open_streamed(struct stream *archive, const char *transport, const char *name, const char *choice, struct str identity, const struct source_options *opt, struct source **ret, struct error *err)
{
	int known = source_recall(transport, name, choice, identity, opt, ret, err);
	if (known) {
		stream_close(archive);
		return known < 0 ? -1 : 0;
	}
	struct stream *plain;
	if (stream_inflate(archive, &plain, NULL, err) < 0)
		return error_wrap(err, "%s", name);
	if (opt->need_content) {
		int fd = archive_spool(plain, opt->spool_dir, err);
		stream_close(plain);
		if (fd < 0)
			return error_wrap(err, "%s", name);
		struct bag *b = bag_archive(fd, name, err);
		return b ? bag_source(b, form_of(transport), transport, choice, opt, ret, err) : -1;
	}
	static const struct layer_options defaults;
	struct streamed *s = streamed_new(name);
	struct error e = { 0 };
	if (pass_by(s, plain, opt->layer ? opt->layer : &defaults, &e) < 0 || stream_drain(plain, &e) < 0)
		problem_add(&s->base.problems, "%s", e.text);
	else if (opt->memory && identity.n && !(opt->layer && opt->layer->headers_only)) {
		struct buf text = BUF(0);
		record(s, &text);
		opt->memory->keep(opt->memory->ctx, identity, buf_str(&text));
		buf_free(&text);
	}
	stream_close(plain);
	return bag_source(&s->base, form_of(transport), transport, choice, opt, ret, err);
}
