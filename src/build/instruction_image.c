#include "base/text.h"
#include "build/instruction_parts.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

json_t *image_text(struct str s)
{
	json_t *j = json_stringn(s.n ? s.p : "", s.n);

	if (j)
		return j;
	struct buf b = { 0 };
	for (u32 c; s.n;) {
		size_t n = text_utf8(s, &c);
		if (n)
			buf_add(&b, str_head(s, n));
		else
			buf_puts(&b, "\xEF\xBF\xBD");
		s = str_from(s, n ? n : 1);
	}
	j = json_stringn(b.p, b.n);
	buf_free(&b);
	return j;
}

json_t *image_config(struct stage_image *im) { return json_object_get(im->doc, "config"); }

static const char *config_text(const struct stage_image *im, const char *key, const char *otherwise)
{
	const char *z = json_string_value(json_object_get(json_object_get(im->doc, "config"), key));
	return z && *z ? z : otherwise;
}

const char *image_workdir(const struct stage_image *im) { return config_text(im, "WorkingDir", "/"); }
const char *image_user(const struct stage_image *im) { return config_text(im, "User", ""); }

const char **image_shell(struct stage_image *im, struct arena *a, const char *line, u32 *n)
{
	const json_t *shell = json_object_get(image_config(im), "Shell");
	bool windows = strcmp(im->platform.os, "windows") == 0;
	size_t words = json_array_size(shell);
	const char **v = arena_array(a, const char *, words + 5);

	*n = 0;
	for (size_t i = 0; i < words; i++)
		v[(*n)++] = arena_strdup(a, str_of(json_string_value(json_array_get(shell, i))));
	if (!words) {
		v[(*n)++] = windows ? "cmd" : "/bin/sh";
		v[(*n)++] = windows ? "/S" : "-c";
		if (windows)
			v[(*n)++] = "/C";
	}
	v[(*n)++] = line;
	return v;
}

void buf_list(struct buf *b, const char *const *v, u32 n)
{
	buf_putc(b, '[');
	for (u32 i = 0; i < n; i++)
		buf_printf(b, "%s%s", i ? " " : "", v[i]);
	buf_putc(b, ']');
}

/* As Go quotes a string. */
static void quoted(struct buf *b, struct str s)
{
	static const char from[] = "\a\b\f\n\r\t\v\"\\", to[] = "abfnrtv\"\\";

	buf_putc(b, '"');
	while (s.n) {
		u32 c;
		size_t n = text_utf8(s, &c);
		const char *at = strchr(from, s.p[0]);

		if (at && *at)
			buf_printf(b, "\\%c", to[at - from]);
		else if (!n || (u8)s.p[0] < 0x20 || s.p[0] == 0x7F)
			buf_printf(b, "\\x%02x", (u8)s.p[0]);
		else
			buf_add(b, str_head(s, n));
		s = str_from(s, n ? n : 1);
	}
	buf_putc(b, '"');
}

void buf_quoted(struct buf *b, const char *const *v, u32 n)
{
	buf_putc(b, '[');
	for (u32 i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ' ');
		quoted(b, str_of(v[i]));
	}
	buf_putc(b, ']');
}

/* ---- the base's document ---- */

static int wrong(const char *key, struct error *err) { return error_set(err, ERR_INPUT, "the base image's configuration: \"%s\" is of the wrong kind", key); }

/* An array of strings; one string is a list of it, null is none. */
static int list(json_t *in, const char *key, struct error *err)
{
	json_t *v = json_object_get(in, key), *one;
	size_t i;

	if (json_is_string(v) && (one = json_array())) {
		json_array_append(one, v);
		json_object_set_new(in, key, one);
		return 0;
	}
	if (!json_is_array(v))
		return wrong(key, err);
	json_array_foreach(v, i, one)
		if (!json_is_string(one) || strlen(json_string_value(one)) != json_string_length(one))
			return wrong(key, err);
	return 0;
}

/* Everything below can trust the kinds that are looked at. */
static int kinds(json_t *doc, struct error *err)
{
	static const struct { const char *key; char kind; } in_config[] = { { "Env", '[' }, { "Cmd", '[' }, { "Entrypoint", '[' }, { "Shell", '[' }, { "OnBuild", '[' }, { "Labels", '{' },
		{ "Volumes", '{' }, { "ExposedPorts", '{' }, { "Healthcheck", '{' }, { "User", '"' }, { "WorkingDir", '"' }, { "StopSignal", '"' } };
	static const char *const stale[] = { "id", "parent", "parent_id", "container", "container_config", "throwaway", "layer_id", "created" };
	json_t *config = json_object_get(doc, "config"), *rootfs = json_object_get(doc, "rootfs"), *history = json_object_get(doc, "history"), *h;
	size_t i;

	for (i = 0; i < countof(stale); i++) /* said of the base, not of what is built on it */
		json_object_del(doc, stale[i]);
	if (!config || json_is_null(config))
		json_object_set_new(doc, "config", config = json_object());
	if (!rootfs || json_is_null(rootfs))
		json_object_set_new(doc, "rootfs", rootfs = json_object());
	if (!history || json_is_null(history))
		json_object_set_new(doc, "history", history = json_array());
	if (!json_is_object(config) || !json_is_object(rootfs) || !json_is_array(history))
		return wrong(!json_is_object(config) ? "config" : !json_is_object(rootfs) ? "rootfs" : "history", err);
	json_array_foreach(history, i, h)
		if (!json_is_object(h))
			return wrong("history", err);
	for (i = 0; i < countof(in_config); i++) {
		const char *key = in_config[i].key;
		const json_t *v = json_object_get(config, key);

		if (json_is_null(v))
			json_object_del(config, key);
		else if (v && in_config[i].kind == '[' && list(config, key, err) < 0)
			return -1;
		else if (v && ((in_config[i].kind == '{' && !json_is_object(v)) || (in_config[i].kind == '"' && !json_is_string(v))))
			return wrong(key, err);
	}
	return 0;
}

static const char *kind_text(const json_t *doc, const char *key, char *out, size_t size)
{
	const char *z = json_text(doc, key);

	if (z && *z && strlen(z) < size)
		snprintf(out, size, "%s", z);
	return out;
}

static void platform(struct stage_image *im)
{
	bool said = json_text(im->doc, "architecture") && *json_text(im->doc, "architecture");

	kind_text(im->doc, "os", im->platform.os, sizeof im->platform.os);
	if (said) {
		im->platform.variant[0] = '\0';
		kind_text(im->doc, "architecture", im->platform.arch, sizeof im->platform.arch);
		kind_text(im->doc, "variant", im->platform.variant, sizeof im->platform.variant);
	}
}

void stage_image_platform(struct stage_image *im, const struct platform *p)
{
	im->platform = *p;
	json_object_set_new(im->doc, "os", json_string(p->os));
	json_object_set_new(im->doc, "architecture", json_string(p->arch));
	if (p->variant[0])
		json_object_set_new(im->doc, "variant", json_string(p->variant));
	else
		json_object_del(im->doc, "variant");
}

static bool is_empty(const json_t *h) { return json_is_true(json_object_get(h, "empty_layer")); }

/* As many entries of layers as there are layers: entries too many are of none, those that lack are added at the end. */
static void fit(json_t *doc, size_t layers, const char *created)
{
	json_t *history = json_object_get(doc, "history"), *h;
	size_t i, n = 0;

	json_array_foreach(history, i, h) {
		if (is_empty(h))
			continue;
		if (n == layers)
			json_object_set_new(h, "empty_layer", json_true());
		else
			n++;
	}
	for (; n < layers; n++) {
		h = json_object();
		if (created)
			json_object_set_new(h, "created", json_string(created));
		json_object_set_new(h, "created_by", json_string(""));
		json_array_append_new(history, h);
	}
}

/* BuildKit sees to it that there always is a PATH. */
static void path(struct stage_image *im)
{
	json_t *config = image_config(im), *env = json_object_get(config, "Env"), *one;
	size_t i;

	if (strcmp(im->platform.os, "windows") == 0)
		return;
	json_array_foreach(env, i, one)
		if (str_starts(str_of(json_string_value(one)), STR("PATH=")) || str_is(STR("PATH"), json_string_value(one)))
			return;
	if (!env)
		json_object_set_new(config, "Env", env = json_array());
	json_array_append_new(env, json_string(DEFAULT_PATH));
}

static json_t *read_document(struct str base, struct error *err)
{
	json_t *doc = json_read(base, "the base image's configuration", err);

	if (doc && !json_is_object(doc))
		error_set(err, ERR_INPUT, "the base image's configuration is no object");
	else if (doc && kinds(doc, err) == 0)
		return doc;
	json_decref(doc);
	return NULL;
}

int stage_image_begin(struct arena *a, struct str base, const struct platform *p, struct stage_image *ret, struct error *err)
{
	*ret = (struct stage_image){ .a = a, .platform = *p };
	ret->doc = base.n ? read_document(base, err) : json_object();
	if (!ret->doc)
		return -1;
	if (!base.n && kinds(ret->doc, err) < 0)
		return -1;
	json_t *config = image_config(ret), *rootfs = json_object_get(ret->doc, "rootfs");
	platform(ret);
	stage_image_platform(ret, &ret->platform);
	json_object_del(config, "OnBuild");
	fit(ret->doc, json_array_size(json_object_get(rootfs, "diff_ids")), NULL);
	json_object_set_new(rootfs, "type", json_string("layers"));
	path(ret);
	const char *dir = config_text(ret, "WorkingDir", NULL); /* of scratch none is said, which is "/" */
	if (dir && strcmp(ret->platform.os, "windows") != 0)
		json_object_set_new(config, "WorkingDir", image_text(df_path_join(a, STR("/"), str_of(dir))));
	return 0;
}

void stage_image_copy(struct arena *a, struct stage_image *from, bool last, struct stage_image *ret)
{
	*ret = (struct stage_image){ .a = a, .platform = from->platform, .doc = last ? json_incref(from->doc) : json_deep_copy(from->doc), .said = from->said };
	if (last)
		stage_image_free(from);
	json_object_del(image_config(ret), "OnBuild");
	path(ret);
}

void stage_image_free(struct stage_image *im)
{
	json_decref(im->doc);
	*im = (struct stage_image){ 0 };
}

static const struct str *strings(struct arena *a, const json_t *list, u32 *n)
{
	struct str *v = arena_array(a, struct str, json_array_size(list) + 1);

	for (*n = 0; *n < json_array_size(list); ++*n)
		v[*n] = str_of(arena_strdup(a, str_of(json_string_value(json_array_get(list, *n)))));
	return v;
}

int stage_image_base(struct arena *a, struct str config, struct df_base *ret, struct error *err)
{
	struct stage_image im = { .a = a };
	struct platform none = { 0 };
	json_t *doc = read_document(config, err), *in = json_object_get(doc, "config");

	if (!doc)
		return -1;
	im = (struct stage_image){ .a = a, .doc = doc, .platform = none };
	*ret = (struct df_base){ .os = str_of(arena_strdup(a, json_view(doc, "os"))), .arch = str_of(arena_strdup(a, json_view(doc, "architecture"))) };
	ret->user = str_of(arena_strdup(a, str_of(image_user(&im))));
	ret->workdir = df_path_join(a, STR("/"), str_of(arena_strdup(a, str_of(image_workdir(&im)))));
	ret->env = strings(a, json_object_get(in, "Env"), &ret->n_env);
	ret->shell = strings(a, json_object_get(in, "Shell"), &ret->n_shell);
	ret->onbuild = strings(a, json_object_get(in, "OnBuild"), &ret->n_onbuild);
	json_decref(doc);
	return 0;
}

/* ---- the document that comes of it ---- */

void stage_image_history(struct stage_image *im, const char *created_by, bool empty, s64 created)
{
	json_t *h = json_object();

	if (created >= 0)
		json_object_set_new(h, "created", json_string(text_time(created, (char[40]){ 0 })));
	json_object_set_new(h, "created_by", image_text(str_of(created_by)));
	json_object_set_new(h, "comment", json_string("buildkit.dockerfile.v0")); /* says how created_by is to be read */
	if (empty)
		json_object_set_new(h, "empty_layer", json_true());
	json_array_append_new(json_object_get(im->doc, "history"), h);
}

void stage_image_drop_layer(struct stage_image *im, u32 index)
{
	json_t *h;
	size_t i;

	json_array_foreach(json_object_get(im->doc, "history"), i, h)
		if (!is_empty(h) && index-- == 0) {
			json_object_set_new(h, "empty_layer", json_true());
			return;
		}
}

static int add(const char *bytes, size_t n, void *out)
{
	buf_add(out, str_n(bytes, n));
	return ((struct buf *)out)->over ? -1 : 0;
}

int stage_image_finish(const struct stage_image *im, const struct chain *c, const char *const *labels, s64 created, struct buf *out, struct error *err)
{
	struct stage_image done = { .doc = json_deep_copy(im->doc) };
	json_t *ids = json_array(), *config = image_config(&done), *l = json_object_get(config, "Labels");
	char when[40];
	struct buf text = BUF(JSON_BYTES);

	text_time(created, when);
	for (u32 i = 0; i < c->n; i++)
		json_array_append_new(ids, json_string(DIGEST_STR(&c->v[i].diff_id)));
	json_object_set_new(json_object_get(done.doc, "rootfs"), "diff_ids", ids);
	fit(done.doc, c->n, when);
	json_object_set_new(done.doc, "created", json_string(when));
	for (; labels && *labels; labels++) {
		struct str value = str_of(*labels), key = str_cut(&value, '=');
		json_t *k = image_text(key);

		if (!l)
			json_object_set_new(config, "Labels", l = json_object());
		json_object_set_new(l, json_string_value(k), image_text(value));
		json_decref(k);
	}
	int r = json_dump_callback(done.doc, add, &text, JSON_COMPACT | JSON_SORT_KEYS);
	stage_image_free(&done);
	if (r < 0)
		error_set(err, ERR_INPUT, "the image's configuration would be over %u MiB", (unsigned)(JSON_BYTES / MiB));
	else
		buf_add(out, buf_str(&text));
	buf_free(&text);
	return r < 0 ? -1 : 0;
}
