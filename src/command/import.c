#include "base/buf.h"
#include "base/text.h"
#include "command/command.h"
#include "copy/copy.h"
#include "store/load.h"
#include "store/store.h"
#include "transport/bag.h"
#include "transport/places.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { O_PLATFORM };
static const struct option options[] = {
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Of images for several platforms only this one. Default: all, if all are there, else this machine's.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct found {
	const char *choice; /* behind the location: "@sha256:…", "@0" */
	const char *name;   /* whole; NULL: it has none */
	const char *tag;    /* NULL likewise */
	bool all;           /* an index whose every platform is there */
};
struct import {
	struct arena *a;
	const char *transport, *path;
	int fd; /* of a copy without a name; -1 */
	struct found *v;
	u32 n, cap;
};

/* Archives that cannot be sought (compressed, or on standard input) are copied first. */
static int open_file(struct import *x, const char *file, struct bag **ret, struct error *err)
{
	bool in = strcmp(file, "-") == 0;
	struct stat st;
	int fd = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "%s", in ? "standard input" : file);
	x->path = file;
	if (S_ISDIR(st.st_mode)) {
		x->transport = "oci";
		*ret = bag_directory(fd, file);
		return *ret ? 0 : -1;
	}
	if (in || !archive_is_plain(fd)) {
		struct stream *plain;
		enum compression kind;
		const char *dir = archive_spool_dir(x->a, globals.store);
		if (stream_inflate(stream_file(fd, true, 0, UINT64_MAX, 0), &plain, &kind, err) < 0)
			return error_wrap(err, "%s", in ? "standard input" : file);
		x->fd = archive_spool(plain, dir, err);
		stream_close(plain);
		if (x->fd < 0)
			return -1;
		x->path = arena_printf(x->a, "/proc/self/fd/%d", x->fd);
		fd = open(x->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, "%s", x->path);
	}
	*ret = bag_archive(fd, in ? "standard input" : file, err);
	return *ret ? 0 : -1;
}

static json_t *document(struct bag *b, const char *name, struct error *err)
{
	struct buf text = BUF(JSON_BYTES);
	json_t *doc = b->ops->read(b, name, JSON_BYTES, &text, err) < 0 ? NULL : json_read(buf_str(&text), name, err);
	buf_free(&text);
	return doc;
}

/* Docker's archives have indexes that name more than is in them. */
static bool whole_index(struct import *x, struct bag *b, const struct descriptor *d)
{
	char path[DIGEST_TEXT + 8];
	struct index index;
	u64 size;
	if (!media_type_is_index(d->media_type))
		return false;
	autojson json_t *doc = document(b, digest_path(&d->digest, path), &(struct error){ 0 });
	if (!doc || index_parse(x->a, doc, &index, &(struct error){ 0 }) < 0)
		return false;
	for (u32 i = 0; i < index.n; i++)
		if (index.manifests[i].bad || !b->ops->find(b, digest_path(&index.manifests[i].digest, path), &size))
			return false;
	return index.n > 0;
}

static void add(struct import *x, const char *choice, const char *name, const char *tag, bool all)
{
	struct reference ref;
	struct found f = { .choice = choice, .tag = tag, .all = all };
	if (name && reference_parse(x->a, str_of(name), &ref, &(struct error){ 0 }) == 0) {
		ref.digest = (struct digest){ 0 };
		f.name = ref.tag ? reference_text(x->a, &ref) : NULL;
		f.tag = ref.tag ? ref.tag : tag;
	}
	VEC_PUSH(x->v, x->n, x->cap, f);
}

static int find_oci(struct import *x, struct bag *b, struct error *err)
{
	struct index index;
	autojson json_t *doc = document(b, "index.json", err);
	if (!doc || index_parse(x->a, doc, &index, err) < 0)
		return -1;
	for (u32 i = 0; i < index.n; i++) {
		const struct descriptor *d = &index.manifests[i];
		if (d->bad || d->attestation)
			continue;
		bool whole = d->ref_name && strpbrk(d->ref_name, "/:");
		add(x, arena_printf(x->a, "@%s", DIGEST_STR(&d->digest)), d->image_name ? d->image_name : whole ? d->ref_name : NULL, d->ref_name && !whole ? d->ref_name : NULL, whole_index(x, b, d));
	}
	return 0;
}

static int find_docker(struct import *x, struct bag *b, struct error *err)
{
	autojson json_t *doc = document(b, "manifest.json", err);
	if (!doc)
		return -1;
	size_t i, k;
	json_t *item, *tag;
	json_array_foreach (doc, i, item) {
		const char *choice = arena_printf(x->a, "@%zu", i);
		json_t *tags = json_arr(item, "RepoTags");
		if (!tags || !json_array_size(tags))
			add(x, choice, NULL, NULL, false);
		json_array_foreach (tags, k, tag)
			if (json_is_string(tag))
				add(x, choice, arena_strdup(x->a, str_of(json_string_value(tag))), NULL, false);
	}
	return 0;
}

static int look(struct import *x, const char *file, struct error *err)
{
	struct bag *b = NULL;
	u64 size;
	int r = open_file(x, file, &b, err);
	if (r < 0 || !b)
		return -1;
	if (b->ops->find(b, "index.json", &size)) {
		x->transport = x->transport ? x->transport : "oci-archive";
		r = find_oci(x, b, err);
	} else if (!x->transport && b->ops->find(b, "manifest.json", &size)) {
		x->transport = "docker-archive";
		r = find_docker(x, b, err);
	} else {
		r = error_set(err, ERR_INPUT, "no docker-archive and no OCI layout: neither manifest.json nor index.json is there");
	}
	b->ops->close(b);
	if (r == 0 && !x->n)
		r = error_set(err, ERR_INPUT, "no image is in it");
	return r < 0 ? error_wrap(err, "%s", strcmp(file, "-") == 0 ? "standard input" : file) : 0;
}

/* NAME with the tag that the image has in it, or latest. */
static int name_under(struct import *x, const struct reference *name, struct found *f, struct error *err)
{
	struct reference ref = *name;
	if (f->tag)
		ref.tag = f->tag;
	f->name = reference_text(x->a, &ref);
	return reference_parse(x->a, str_of(f->name), &ref, err);
}

/* One image under a name twice is taken once; two under one name are a mistake: the first would be lost. */
static int tell_apart(struct import *x, struct error *err)
{
	u32 n = 0;
	for (u32 i = 0; i < x->n; i++) {
		bool again = false;
		for (u32 k = 0; k < n && !again; k++) {
			again = strcmp(x->v[k].name, x->v[i].name) == 0;
			if (again && strcmp(x->v[k].choice, x->v[i].choice) != 0)
				return error_set(err, ERR_USAGE, "import: two images would be %s; without NAME each keeps its own, and `pare copy` takes one", x->v[i].name);
		}
		if (!again)
			x->v[n++] = x->v[i];
	}
	x->n = n;
	return 0;
}

/* What each is going to be called, before anything is taken. */
static int give_names(struct import *x, const char *name, struct error *err)
{
	struct reference ref;
	if (name && reference_parse(x->a, str_of(name), &ref, err) < 0)
		return -1;
	bool one = true, whole = name && (ref.digest.alg || strchr(strrchr(name, '/') ? strrchr(name, '/') : name, ':'));
	for (u32 i = 1; i < x->n; i++)
		one = one && strcmp(x->v[i].choice, x->v[0].choice) == 0;
	if (whole && !one)
		return error_set(err, ERR_USAGE, "import: %u images are in it: one NAME is not enough; without its tag each keeps its own", x->n);
	if (whole)
		x->n = 1;
	for (u32 i = 0; i < x->n; i++) {
		struct found *f = &x->v[i];
		if (whole)
			f->name = reference_text(x->a, &ref);
		else if (name && !f->tag && !one)
			return error_set(err, ERR_USAGE, "import: %u images are in it, and not each has a tag: `pare copy` takes one of them, or --all of an index", x->n);
		else if (name && name_under(x, &ref, f, err) < 0)
			return -1;
		else if (!f->name)
			return error_set(err, ERR_USAGE, "import: an image in it has no whole name%s%s; say a NAME", f->tag ? ", only the tag " : "", f->tag ? f->tag : "");
	}
	return tell_apart(x, err);
}

static int take(struct import *x, const char *platform, struct error *err)
{
	for (u32 i = 0; i < x->n; i++) {
		const struct found *f = &x->v[i];
		struct copy_options o = { .platform = platform, .all = !platform && f->all, .source.store = globals.store, .target.store = globals.store };
		struct copy_result result;
		const char *from = arena_printf(x->a, "%s:%s:%s", x->transport, x->path, f->choice);
		if (copy_image(from, arena_printf(x->a, "pare:%s", f->name), &o, x->a, &result, err) < 0)
			return -1;
		struct buf safe = BUF(0);
		text_safe(&safe, str_of(f->name));
		printf("%s %s\n", safe.p, DIGEST_STR(&result.digest));
		buf_free(&safe);
	}
	return 0;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct arena a = { 0 };
	struct import x = { .a = &a, .fd = -1 };
	int r = look(&x, args[0], &err);
	r = r < 0 ? r : give_names(&x, n_args > 1 ? args[1] : NULL, &err);
	r = r < 0 ? r : take(&x, opt[O_PLATFORM].value, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	if (x.fd >= 0)
		close(x.fd);
	free(x.v);
	arena_free(&a);
	return status;
}

const struct command command_import = {
	.name = "import",
	.summary = "the images of an archive, or a layout, into the store",
	.synopsis = "[OPTIONS] FILE|DIR|- [NAME]",
	.description = "Reads what docker save, podman save, skopeo, buildx and pare export write (docker-archive, oci-archive, plain or compressed), and OCI layouts in directories. Every image in it is taken under "
		       "its own names. With a NAME that has a tag the only image in it gets that name; with one that has none each gets it with the tag that it has in there, or latest if it has none.\n\n"
		       "Every byte is verified. What the store has already is not written again. Standard output has a line for each name: the name and the digest.",
	.options = options,
	.examples = "pare import apps.tar # all of it\n"
		    "docker save app | pare import - # from the engine\n"
		    "pare import app.tar registry.example/app:2 # under another name\n"
		    "pare import oci/ registry.example/app # a layout's tags under that name",
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
