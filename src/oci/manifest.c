#include "oci/manifest.h"

static const char *copy(struct arena *a, struct str s)
{
	/* Texts of documents are C strings from here on: what follows a NUL is dropped. */
	return s.p ? arena_strdup(a, str_n(s.p, strnlen(s.p, s.n))) : NULL;
}

static const char *text(struct arena *a, const json_t *obj, const char *key) { return copy(a, json_view(obj, key)); }

/* NULL-terminated array of the strings at `key`, an array; entries that are no strings are left out. */
static const char **texts(struct arena *a, const json_t *obj, const char *key)
{
	json_t *list = json_arr(obj, key);
	size_t n = list ? json_array_size(list) : 0, k = 0;
	const char **v = arena_array(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		json_t *item = json_array_get(list, i);
		if (json_is_string(item))
			v[k++] = copy(a, str_n(json_string_value(item), json_string_length(item)));
	}
	return v;
}

/* The keys of the object at `key`, in the document's order; their values (strings) in *values when asked for. */
static const char **keys(struct arena *a, const json_t *obj, const char *key, const char ***values)
{
	json_t *map = json_obj(obj, key), *value;
	size_t n = map ? json_object_size(map) : 0, k = 0;
	const char **v = arena_array(a, const char *, n + 1), **w = arena_array(a, const char *, n + 1), *name;
	if (map)
		json_object_foreach (map, name, value) {
			w[k] = json_is_string(value) ? copy(a, str_n(json_string_value(value), json_string_length(value))) : "";
			v[k++] = copy(a, str_of(name));
		}
	if (values)
		*values = w;
	return v;
}

static void platform_read(const json_t *obj, struct platform *p)
{
	static const char *const field[] = { "os", "architecture", "variant" };
	char *const to[] = { p->os, p->arch, p->variant };
	for (size_t i = 0; i < 3; i++) {
		struct str s = json_view(obj, field[i]);
		if (s.p && s.n < 32)
			memcpy(to[i], s.p, s.n);
	}
}

static int descriptor_parse(struct arena *a, const json_t *doc, struct descriptor *d, struct error *err)
{
	*d = (struct descriptor){ .media_type = "" };
	if (!json_is_object(doc))
		return error_set(err, ERR_INPUT, "a descriptor is no object");
	struct str digest = json_view(doc, "digest");
	if (!digest.p)
		return error_set(err, ERR_INPUT, "a descriptor has no digest");
	if (digest_parse(digest, &d->digest, err) < 0)
		return -1;
	if (!json_u64(doc, "size", &d->size))
		return error_set(err, ERR_INPUT, "descriptor %s: its size is no number of bytes", DIGEST_STR(&d->digest));
	const char *mt = text(a, doc, "mediaType");
	d->media_type = mt ? mt : "";
	json_t *pf = json_obj(doc, "platform");
	if (pf)
		platform_read(pf, &d->platform);
	json_t *ann = json_obj(doc, "annotations");
	if (ann) {
		d->ref_name = text(a, ann, "org.opencontainers.image.ref.name");
		d->image_name = text(a, ann, "io.containerd.image.name");
		d->attestation = json_object_get(ann, "vnd.docker.reference.type") != NULL;
	}
	const char *artifact = json_text(doc, "artifactType");
	d->refers = artifact && strcmp(artifact, MT_CONFIG) != 0 && strcmp(artifact, MT_DOCKER_CONFIG) != 0 && !d->ref_name && !d->image_name;
	return 0;
}

static int descriptors(struct arena *a, const json_t *doc, const char *key, u32 max, struct descriptor **ret, u32 *ret_n, struct error *err)
{
	const json_t *list = json_object_get(doc, key);
	if (!json_is_array(list))
		return error_set(err, ERR_INPUT, "\"%s\" is no array", key);
	size_t n = json_array_size(list);
	if (n > max)
		return error_set(err, ERR_INPUT, "%zu %s: more than %u", n, key, max);
	struct descriptor *v = arena_array(a, struct descriptor, n);
	for (size_t i = 0; i < n; i++) {
		struct error e = { 0 };
		if (descriptor_parse(a, json_array_get(list, i), &v[i], &e) < 0)
			v[i] = (struct descriptor){ .media_type = "", .bad = arena_strdup(a, str_of(e.text)) };
	}
	*ret = v;
	*ret_n = (u32)n;
	return 0;
}

int index_parse(struct arena *a, const json_t *doc, struct index *ret, struct error *err)
{
	struct index x = { 0 };
	if (descriptors(a, doc, "manifests", OCI_MANIFESTS_MAX, &x.manifests, &x.n, err) < 0)
		return -1;
	*ret = x;
	return 0;
}

int manifest_parse(struct arena *a, const json_t *doc, struct manifest *ret, struct error *err)
{
	struct manifest m = { 0 };
	if (descriptor_parse(a, json_object_get(doc, "config"), &m.config, err) < 0)
		return error_wrap(err, "config");
	if (descriptors(a, doc, "layers", OCI_LAYERS_MAX, &m.layers, &m.n, err) < 0)
		return -1;
	const char *mt = text(a, doc, "mediaType");
	m.media_type = mt ? mt : "";
	m.annotations = json_obj(doc, "annotations");
	*ret = m;
	return 0;
}

static int diff_ids(struct arena *a, const json_t *doc, struct config *c, struct error *err)
{
	json_t *rootfs = json_obj(doc, "rootfs");
	json_t *list = rootfs ? json_arr(rootfs, "diff_ids") : NULL;
	/* An image without layers may leave them out; one with layers is then found to have too few. */
	size_t n = list ? json_array_size(list) : 0;
	if (n > OCI_LAYERS_MAX)
		return error_set(err, ERR_INPUT, "%zu diff_ids: more than %d", n, OCI_LAYERS_MAX);
	c->diff_ids = arena_array(a, struct digest, n);
	for (size_t i = 0; i < n; i++) {
		json_t *v = json_array_get(list, i);
		if (!json_is_string(v) || digest_parse(str_n(json_string_value(v), json_string_length(v)), &c->diff_ids[i], NULL) < 0)
			c->bad_diff_ids++;
	}
	c->n_diff_ids = (u32)n;
	return 0;
}

static void history_parse(struct arena *a, const json_t *doc, struct config *c)
{
	json_t *list = json_arr(doc, "history");
	size_t n = list ? MIN(json_array_size(list), (size_t)2 * OCI_LAYERS_MAX) : 0;
	c->history = arena_array(a, struct history, n);
	c->n_history = (u32)n;
	for (size_t i = 0; i < n; i++) {
		json_t *h = json_array_get(list, i);
		c->history[i] = (struct history){
			.created_by = text(a, h, "created_by"),
			.comment = text(a, h, "comment"),
			.created = text(a, h, "created"),
			.author = text(a, h, "author"),
			.empty_layer = json_is_true(json_object_get(h, "empty_layer")),
		};
	}
}

int config_parse(struct arena *a, const json_t *doc, struct config *ret, struct error *err)
{
	struct config c = { 0 };
	if (!json_is_object(doc))
		return error_set(err, ERR_INPUT, "the configuration is no object");
	platform_read(doc, &c.platform);
	c.created = text(a, doc, "created");
	c.author = text(a, doc, "author");
	json_t *run = json_obj(doc, "config");
	c.user = text(a, run, "User");
	c.workdir = text(a, run, "WorkingDir");
	c.stop_signal = text(a, run, "StopSignal");
	c.env = texts(a, run, "Env");
	c.entrypoint = texts(a, run, "Entrypoint");
	c.cmd = texts(a, run, "Cmd");
	c.shell = texts(a, run, "Shell");
	c.onbuild = texts(a, run, "OnBuild");
	c.volumes = keys(a, run, "Volumes", NULL);
	c.ports = keys(a, run, "ExposedPorts", NULL);
	c.label_keys = keys(a, run, "Labels", &c.label_values);
	json_t *health = json_obj(run, "Healthcheck");
	const char **test = texts(a, health, "Test");
	c.health = test;
	c.healthcheck = test[0] && strcmp(test[0], "NONE") != 0;
	if (diff_ids(a, doc, &c, err) < 0)
		return -1;
	history_parse(a, doc, &c);
	*ret = c;
	return 0;
}

bool media_type_is_index(const char *mt) { return strcmp(mt, MT_INDEX) == 0 || strcmp(mt, MT_DOCKER_LIST) == 0; }
bool media_type_is_manifest(const char *mt) { return strcmp(mt, MT_MANIFEST) == 0 || strcmp(mt, MT_DOCKER_MANIFEST) == 0; }
