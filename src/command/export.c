#include "base/buf.h"
#include "base/file.h"
#include "command/command.h"
#include "copy/copy.h"
#include "transport/places.h"
#include "store/about.h"
#include "store/load.h"
#include "transport/layout.h"
#include "transport/sink.h"
#include <unistd.h>

enum { O_OUTPUT, O_FORMAT, O_PLATFORM };
static const struct option options[] = {
	[O_OUTPUT] = { "output", 'o', OPT_VALUE, "FILE", "The archive to write; - is standard output.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "oci-archive (the default: every digest stays), or docker-archive, for docker before version 25; that holds one image for one platform.", "oci-archive docker-archive" },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "Of one image for several platforms only this one. Default: all that is there; of a docker-archive this machine's.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct part {
	struct digest digest;
	u64 size;
};
struct exported {
	struct arena *a;
	struct store *s;
	struct store_ref *refs;
	u64 *sizes; /* of their documents; 0: not kept by a reference */
	u32 n_refs;
	struct part *parts;
	u32 n_parts, cap_parts;
	json_t *entries;
};

static int add_part(void *ctx, const struct digest *root, const struct digest *blob, u64 size, bool leased, struct error *err)
{
	(void)leased;
	(void)err;
	struct exported *x = ctx;
	for (u32 i = 0; i < x->n_refs; i++) {
		const struct store_ref *ref = &x->refs[i];
		if (!digest_eq(&ref->digest, root))
			continue;
		struct part one = { *blob, size };
		VEC_PUSH(x->parts, x->n_parts, x->cap_parts, one);
		if (digest_eq(root, blob))
			x->sizes[i] = size;
	}
	return 0;
}

/* Blobs that several images stand on are written once: the sink drops what it has. */
static int write_archive(struct exported *x, const char *path, struct error *err)
{
	struct sink *sink = NULL;
	int r = sink_open(arena_printf(x->a, "oci-archive:%s", path), NULL, &sink, err);
	for (u32 i = 0; r == 0 && i < x->n_parts; i++) {
		struct stream *bytes;
		u64 size;
		r = store_blob(x->s, &x->parts[i].digest, 0, &bytes, &size, err);
		r = r < 0 ? r : sink_copy(sink, bytes, &x->parts[i].digest, size, err);
	}
	r = r < 0 ? r : sink_seal(sink, &(struct sink_image){ .entries = x->entries }, err);
	r = r < 0 ? r : sink_commit(sink, err);
	sink_close(sink);
	return r;
}

static int export_oci(struct arena *a, char **names, int n, const char *path, struct error *err)
{
	struct exported x = { .a = a, .n_refs = (u32)n, .refs = arena_array(a, struct store_ref, (size_t)n), .sizes = arena_array(a, u64, (size_t)n), .entries = json_array() };
	int r = store_open(globals.store, true, &x.s, err);
	for (int i = 0; r == 0 && i < n; i++) {
		r = store_resolve(x.s, names[i], &x.refs[i], a, err);
		if (r == 1)
			r = error_set(err, ERR_ENV, "export: %.200s: is not in the store; `pare images` lists what is", names[i]);
		r = r < 0 ? r : store_lease(x.s, &x.refs[i].digest, err);
	}
	r = r < 0 ? r : store_each_part(x.s, add_part, &x, err);
	for (int i = 0; r == 0 && i < n; i++) { /* in the order they were asked for: the first is what readers take who are told no name */
		const struct store_ref *ref = &x.refs[i];
		bool again = false;
		for (int k = 0; k < i && !again; k++)
			again = digest_eq(&x.refs[k].digest, &ref->digest) && strcmp(x.refs[k].name, ref->name) == 0;
		if (again)
			continue;
		if (!x.sizes[i])
			r = error_set(err, ERR_ENV, "export: %.200s: is only a part of an image in the store", names[i]);
		else
			json_array_append_new(x.entries, json_pack("{sssssIso}", "mediaType", ref->type, "digest", DIGEST_STR(&ref->digest), "size", (json_int_t)x.sizes[i], "annotations",
								   layout_names(a, NULL, ref->name[0] ? ref->name : NULL)));
	}
	r = r < 0 ? r : write_archive(&x, path, err);
	store_close(x.s);
	json_decref(x.entries);
	free(x.parts);
	return r;
}

static int export_to(struct arena *a, const struct option_value *opt, char **names, int n, const char *path, struct error *err)
{
	const char *format = opt[O_FORMAT].value ? opt[O_FORMAT].value : "oci-archive";
	bool oci = strcmp(format, "oci-archive") == 0;
	if (n > 1 && (!oci || opt[O_PLATFORM].value))
		return error_set(err, ERR_USAGE, "export: several images go into an oci-archive, with all their platforms");
	if (oci && !opt[O_PLATFORM].value)
		return export_oci(a, names, n, path, err);
	struct copy_options o = { .platform = opt[O_PLATFORM].value, .source.store = globals.store, .target.store = globals.store, .name = strchr(names[0], '@') || !strpbrk(names[0], "/:") ? NULL : names[0] };
	struct copy_result result;
	return copy_image(arena_printf(a, "pare:%s", names[0]), arena_printf(a, "%s:%s", format, path), &o, a, &result, err);
}

/* An archive is written whole before its first byte goes out: a failure leaves nothing half said. */
static int export_out(struct arena *a, const struct option_value *opt, char **names, int n, struct error *err)
{
	const char *dir = store_dir(a, globals.store, err);
	if (!dir)
		return -1;
	struct stage stage;
	file_sweep(dir, "", PLACE_STAGE);
	if (stage_make(&stage, arena_printf(a, "%s/" PLACE_STAGE, dir), err) < 0)
		return -1;
	const char *path = arena_printf(a, "%s/export.tar", stage.path);
	int r = export_to(a, opt, names, n, path, err);
	FILE *f = r < 0 ? NULL : fopen(path, "rbe");
	if (r == 0 && !f)
		r = error_errno(err, "%s", path);
	char *piece = xmalloc(64 * KiB);
	for (size_t got; r == 0 && (got = fread(piece, 1, 64 * KiB, f)) > 0;)
		if (fwrite(piece, 1, got, stdout) != got)
			r = error_errno(err, "standard output"); /* also when nobody reads any more: half an archive is none */
	if (r == 0 && ferror(f))
		r = error_errno(err, "%s", path);
	if (r == 0 && fflush(stdout) != 0)
		r = error_errno(err, "standard output");
	free(piece);
	if (f)
		fclose(f);
	stage_remove(&stage);
	return r;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct arena a = { 0 };
	const char *to = opt[O_OUTPUT].value;
	int r = to ? 0 : error_set(&err, ERR_USAGE, "export: where to? Say -o FILE, or -o - for standard output");
	bool out = to && strcmp(to, "-") == 0;
	if (out && isatty(STDOUT_FILENO))
		r = error_set(&err, ERR_USAGE, "export: an archive is nothing for a terminal; say -o FILE");
	if (r == 0)
		r = out ? export_out(&a, opt, args, n_args, &err) : export_to(&a, opt, args, n_args, to, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	arena_free(&a);
	return status;
}

const struct command command_export = {
	.name = "export",
	.summary = "images of the store in an archive",
	.synopsis = "[OPTIONS] NAME... -o FILE",
	.description = "Writes images, with all their platforms and what refers to them, into one archive as they are stored: every digest stays, and what they share is in it once. docker load (since "
		       "version 25), podman load, skopeo and pare import read it. The file appears when it is whole.",
	.options = options,
	.examples = "pare export app:1 app:2 -o apps.tar # two images, their common layers once\n"
		    "pare export app:1 -o - | ssh host pare import - # onto another machine\n"
		    "pare export --format docker-archive app:1 -o app.tar # for an old docker",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.run = run,
};
