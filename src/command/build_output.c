#include "command/build_output.h"
#include "build/fields.h"
#include "layer/deflate.h"
#include <unistd.h>

static const struct {
	const char *name;
	unsigned type;
} types[] = { { "oci", OUTPUT_OCI }, { "docker", OUTPUT_DOCKER }, { "tar", OUTPUT_TAR }, { "local", OUTPUT_LOCAL }, { "registry", OUTPUT_REGISTRY }, { "image", OUTPUT_STORE } };

/* Which types take what. The last three say what is so anyway: times are SOURCE_DATE_EPOCH's, whatever is in the store can be found by its digest and be run. */
static const struct {
	const char *name, *of;
} keys[] = { { "dest", "oci docker tar local" }, { "tar", "oci" }, { "name", "oci docker registry image" }, { "push", "registry image" }, { "push-by-digest", "registry image" },
	     { "registry.insecure", "registry image" }, { "oci-mediatypes", "oci registry image" }, { "compression", "oci registry image" }, { "compression-level", "oci registry image" },
	     { "force-compression", "oci registry image" }, { "rewrite-timestamp", "oci docker tar local registry image" }, { "name-canonical", "registry image" }, { "store", "image" }, { "unpack", "image" } };

static int find_type(struct arena *a, const char *text, struct build_output *o, const char **ret, struct error *err)
{
	struct str rest = str_of(text);
	struct field f;
	*ret = NULL;
	while (field_next(a, &rest, &f))
		if (str_is(f.key, "type"))
			*ret = f.text;
	for (size_t i = 0; *ret && i < countof(types); i++)
		if (strcmp(*ret, types[i].name) == 0) {
			o->type = types[i].type;
			return 0;
		}
	return error_set(err, ERR_USAGE, *ret ? "type=%.60s: one of oci, docker, tar, local, registry, image" : "type=… is missing", *ret);
}

static int take(struct arena *a, const struct field *f, struct build_output *o, bool *push, struct error *err)
{
	bool on = false;
	u64 n = 0;
	if (str_is(f->key, "dest")) {
		o->dest = f->text;
	} else if (str_is(f->key, "name")) {
		o->names = field_words(a, (const char *const[]){ f->text }, 1);
	} else if (str_is(f->key, "compression")) {
		if (!str_among(f->value, "gzip zstd uncompressed"))
			return error_set(err, ERR_USAGE, "compression=%.60s: one of gzip, zstd, uncompressed", f->text);
		o->compression = str_is(f->value, "gzip") ? COMP_GZIP : str_is(f->value, "zstd") ? COMP_ZSTD : COMP_NONE;
		o->compression_set = true;
	} else if (str_is(f->key, "compression-level")) {
		if (!str_to_u64(f->value, &n) || !n || n > 22)
			return error_set(err, ERR_USAGE, "compression-level=%.60s: 1 to 12 of gzip, 1 to 19 of zstd", f->text);
		o->level = (int)n;
	} else if (field_true(f, &on, err) < 0) {
		return -1;
	} else if (str_is(f->key, "tar")) {
		o->tar = on;
	} else if (str_is(f->key, "push")) {
		*push = on;
	} else if (str_is(f->key, "push-by-digest")) {
		o->by_digest = on;
	} else if (str_is(f->key, "registry.insecure")) {
		o->insecure = on;
	} else if (str_is(f->key, "oci-mediatypes")) {
		o->docker_types = !on;
	} else if (str_is(f->key, "force-compression")) {
		o->force_compression = on;
	}
	return 0;
}

static int read_fields(struct arena *a, const char *text, struct build_output *o, bool *push, struct error *err)
{
	const char *type;
	struct str rest = str_of(text);
	struct field f;
	if (find_type(a, text, o, &type, err) < 0)
		return -1;
	while (field_next(a, &rest, &f)) {
		size_t i = 0;
		while (i < countof(keys) && !str_is(f.key, keys[i].name))
			i++;
		if (str_is(f.key, "type"))
			continue;
		if (i == countof(keys))
			return error_set(err, ERR_USAGE, str_starts(f.key, STR("annotation")) ? "%.*s: --annotation says it of the image" : "%.*s: no such key", STR_FMT(f.key));
		if (!str_among(str_of(type), keys[i].of))
			return error_set(err, ERR_USAGE, "%.*s: type=%s takes none", STR_FMT(f.key), type);
		if (take(a, &f, o, push, err) < 0)
			return -1;
	}
	if (o->level && !o->compression_set)
		o->compression_set = true, o->compression = COMP_GZIP;
	if (o->compression_set && !deflate_can(o->compression, o->level))
		return error_set(err, ERR_USAGE, "compression-level=%d: no level of %s", o->level, compression_name(o->compression));
	return 0;
}

int build_output_read(struct arena *a, const char *text, struct build_output *ret, bool *to_stdout, struct error *err)
{
	struct build_output o = { .tar = true };
	bool push = false;
	if (!strchr(text, '=')) { /* a path alone */
		o.type = strcmp(text, "-") == 0 ? OUTPUT_TAR : OUTPUT_LOCAL;
		o.dest = text;
	} else if (read_fields(a, text, &o, &push, err) < 0) {
		return error_wrap(err, "--output %s", text);
	}
	if (o.type == OUTPUT_STORE && push)
		o.type = OUTPUT_REGISTRY;
	if (o.type == OUTPUT_DOCKER && !o.dest)
		o.type = OUTPUT_DAEMON;
	bool file = o.type == OUTPUT_OCI || o.type == OUTPUT_TAR || o.type == OUTPUT_DOCKER;
	if (file && !o.dest)
		o.dest = "-";
	bool std = o.dest && strcmp(o.dest, "-") == 0, directory = o.type == OUTPUT_LOCAL || (o.type == OUTPUT_OCI && !o.tar);
	if (directory && (!o.dest || !o.dest[0] || std))
		return error_set(err, ERR_USAGE, "--output %s: dest=DIR is missing", text);
	if (file && std && isatty(STDOUT_FILENO))
		return error_set(err, ERR_USAGE, "--output %s: standard output is a terminal; dest=FILE says where to", text);
	if (file && std && *to_stdout)
		return error_set(err, ERR_USAGE, "--output %s: standard output has another one already", text);
	*to_stdout |= file && std;
	*ret = o;
	return 0;
}
