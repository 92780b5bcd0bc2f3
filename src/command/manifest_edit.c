/* pare manifest create, annotate, rm: indexes that are written. */
#include "base/text.h"
#include "command/command.h"
#include "command/manifest.h"
#include "copy/copy.h"
#include "transport/bag.h"

#define CONFIG_MAX ((size_t)(4 * MiB))

/* --- writing --- */
static int put_index(struct repo *r, const char *tag, json_t *doc, const char *type, struct digest *ret, struct error *err)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (!text)
		return error_set(err, ERR_INPUT, "%s: the index cannot be written", repo_name(r));
	int e = repo_put_document(r, tag, type, str_of(text), ret, err);
	free(text);
	return e;
}

static void printed(const char *word, const struct digest *d)
{
	struct buf out = BUF(0);
	text_safe(&out, str_of(word));
	if (globals.quiet)
		printf("%s\n", DIGEST_STR(d));
	else
		printf("%s: %s\n", buf_str(&out).p, DIGEST_STR(d));
	buf_free(&out);
}

/* "KEY=VALUE" into *of[field]; "KEY=" takes it away when `erase`. */
static int annotate(json_t *of, const struct option_value *v, const char *option, bool erase, struct error *err)
{
	if (!v->count)
		return 0;
	json_t *all = json_obj(of, "annotations");
	if (!all) {
		json_object_set_new(of, "annotations", json_object());
		all = json_obj(of, "annotations");
	}
	for (u32 i = 0; i < v->count; i++) {
		struct str value = str_of(v->list[i]), key = str_cut(&value, '=');
		if (!value.p || !key.n)
			return error_set(err, ERR_USAGE, "--%s %.100s: it is KEY=VALUE", option, v->list[i]);
		if (erase && !value.n)
			(void)json_object_deln(all, key.p, key.n);
		else if (json_object_setn_new(all, key.p, key.n, json_stringn(value.p, value.n)) < 0)
			return error_set(err, ERR_USAGE, "--%s %.100s: is no text", option, v->list[i]);
	}
	if (!json_object_size(all))
		json_object_del(of, "annotations");
	return 0;
}

/* --- create --- */
struct making {
	struct arena *a;
	struct repo *to;
	struct copy_options copy;
	json_t *members; /* of the index */
};

static bool same_place(const struct repo *a, const struct repo *b)
{
	return a == b || (repo_registry(a) && repo_registry(b) && strcmp(repo_registry(a), repo_registry(b)) == 0 && strcmp(repo_path(a), repo_path(b)) == 0);
}

static void set_text(json_t *to, const char *name, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);
	if (v && (json_is_string(v) ? json_string_length(v) > 0 : json_array_size(v) > 0))
		json_object_set(to, name, v);
}

/* The platform that the image's configuration says. */
static json_t *platform_of(struct repo *r, const struct document *d, struct error *err)
{
	struct arena a = { 0 };
	struct manifest m;
	struct stream *s = NULL;
	struct buf text = BUF(CONFIG_MAX);
	struct str view = { "", 1 };
	json_t *out = NULL;
	autojson json_t *doc = json_read_limit(buf_str(&d->bytes), REPO_DOCUMENT_MAX, "manifest", err), *config = NULL;
	int e = doc ? manifest_parse(&a, doc, &m, err) : -1;
	if (e == 0 && m.config.size > CONFIG_MAX)
		e = error_set(err, ERR_INPUT, "a configuration of %llu bytes", (unsigned long long)m.config.size);
	e = e < 0 ? e : repo_blob(r, &m.config, 0, &s, err);
	while (e == 0 && view.n && (e = stream_next(s, &view, err)) == 0)
		buf_add(&text, view);
	stream_close(s);
	config = e == 0 ? json_read_limit(buf_str(&text), CONFIG_MAX, "configuration", err) : NULL;
	if (config && json_text(config, "os") && json_text(config, "architecture")) {
		out = json_object();
		set_text(out, "architecture", config, "architecture");
		set_text(out, "os", config, "os");
		set_text(out, "os.version", config, "os.version");
		set_text(out, "os.features", config, "os.features");
		set_text(out, "variant", config, "variant");
	} else if (config) {
		error_set(err, ERR_INPUT, "its configuration says no platform");
	}
	buf_free(&text);
	arena_free(&a);
	return out;
}

static int add_member(struct making *k, struct document *d, json_t *platform, const char *word, struct error *err)
{
	size_t i;
	json_t *other;
	json_array_foreach(k->members, i, other) {
		if (strcmp(json_text(other, "digest"), DIGEST_STR(&d->digest)) == 0) {
			json_decref(platform);
			return 0;
		}
		if (platform && json_equal(json_obj(other, "platform"), platform)) {
			json_decref(platform);
			return error_set(err, ERR_USAGE, "%s: an image for the same platform is in the index already: %s", word, json_text(other, "digest"));
		}
	}
	json_t *m = json_pack("{s:s, s:s, s:I}", "mediaType", d->type, "digest", DIGEST_STR(&d->digest), "size", (json_int_t)d->bytes.n);
	json_object_set_new(m, "platform", platform);
	json_array_append_new(k->members, m);
	return 0;
}

/* An image (by its digest in `from`) is brought to the target, if need be, and becomes a member. */
static int take_image(struct making *k, struct repo *from, const char *location, bool same, const char *word, struct error *err)
{
	struct document d = { 0 };
	struct copy_result done;
	struct digest digest;
	int r = 0;
	if (same && k->copy.format == COPY_AS_IT_IS) {
		r = repo_document(from, location, &d, err);
	} else {
		struct repo *one = NULL;
		r = place_open(location, &k->copy.source, &one, err);
		r = r < 0 ? r : copy_between(one, k->to, &k->copy, k->a, &done, err);
		repo_close(one);
		if (r == 0) {
			digest = done.digest;
			r = repo_document(k->to, DIGEST_STR(&digest), &d, err);
		}
	}
	if (r == 1)
		r = error_set(err, ERR_ENV, "%s: is gone", location);
	json_t *platform = r == 0 ? platform_of(same ? from : k->to, &d, err) : NULL;
	r = platform ? add_member(k, &d, platform, word, err) : error_wrap(err, "%s", word);
	document_free(&d);
	return r;
}

/* The location of a document by its digest at the place that a word names. */
static const char *by_digest(struct arena *a, struct repo *r, const char *word, const struct digest *d)
{
	if (repo_registry(r))
		return arena_printf(a, "docker://%s/%s@%s", repo_registry(r), repo_path(r), DIGEST_STR(d));
	if (strcmp(repo_transport(r), "pare") == 0)
		return arena_printf(a, "pare:%s", DIGEST_STR(d));
	autofree char *where = strdup(word);
	size_t n = strlen(repo_transport(r)) + 1;
	if (strncmp(where, repo_transport(r), n - 1) == 0 && where[n - 1] == ':') {
		autofree char *file = NULL;
		const char *choice;
		bag_split(where + n, &file, &choice);
		return arena_printf(a, "%s:%s:%s", repo_transport(r), file, DIGEST_STR(d));
	}
	return arena_printf(a, "%s:%s:%s", repo_transport(r), where, DIGEST_STR(d));
}

static int take_source(struct making *k, const char *word, struct error *err)
{
	struct opened m = { 0 };
	struct index x = { 0 };
	if (manifest_open(word, &k->copy.source, &m, err) < 0)
		return -1;
	bool same = same_place(m.r, k->to);
	int r = media_type_is_index(m.d.type) ? index_parse(k->a, m.doc, &x, err) : 0;
	if (!media_type_is_index(m.d.type)) {
		const char *at = same && k->copy.format == COPY_AS_IT_IS ? arena_strdup(k->a, str_of(DIGEST_STR(&m.d.digest))) : by_digest(k->a, m.r, word, &m.d.digest);
		r = take_image(k, m.r, at, same, word, err);
	}
	for (u32 i = 0; r == 0 && i < x.n; i++) {
		const struct descriptor *d = &x.manifests[i];
		if (d->bad || d->attestation || !media_type_is_manifest(d->media_type))
			continue;
		const char *at = same && k->copy.format == COPY_AS_IT_IS ? arena_strdup(k->a, str_of(DIGEST_STR(&d->digest))) : by_digest(k->a, m.r, word, &d->digest);
		r = take_image(k, m.r, at, same, word, err);
	}
	manifest_close(&m);
	return r;
}

int manifest_run_create(const struct option_value *opt, char **args, int n_args)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct repo_options o;
	struct digest digest;
	const char *format = opt[O_FORMAT].value;
	bool docker = format && strcmp(format, "docker") == 0;
	const char *type = docker ? MT_DOCKER_LIST : MT_INDEX;
	struct making k = { .a = &a, .members = json_array() };
	int r = place_options(opt + O_PLACE, &o, &err);
	if (r == 0 && format && !docker && strcmp(format, "oci") != 0)
		r = error_set(&err, ERR_USAGE, "manifest create --format %s: oci or docker", format);
	if (r == 0 && docker && opt[O_ANNOTATION].count)
		r = error_set(&err, ERR_USAGE, "manifest create --format docker: has no annotations");
	k.copy = (struct copy_options){ .source = o, .target = o, .by_digest = true, .format = docker ? COPY_DOCKER : format ? COPY_OCI : COPY_AS_IT_IS };
	k.copy.target.write = true;
	r = r < 0 ? r : place_open(args[0], &k.copy.target, &k.to, &err);
	for (int i = 1; i < n_args && r == 0; i++)
		r = take_source(&k, args[i], &err);
	json_t *doc = json_pack("{s:i, s:s, s:O}", "schemaVersion", 2, "mediaType", type, "manifests", k.members);
	if (r == 0 && !json_array_size(k.members))
		r = error_set(&err, ERR_USAGE, "manifest create: there are no images in what was named");
	r = r < 0 ? r : annotate(doc, &opt[O_ANNOTATION], "annotation", false, &err);
	r = r < 0 ? r : put_index(k.to, NULL, doc, type, &digest, &err);
	if (r == 0)
		printed(args[0], &digest);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	json_decref(doc);
	json_decref(k.members);
	repo_close(k.to);
	arena_free(&a);
	return status;
}

/* --- annotate, rm --- */
static bool is_member(const json_t *m, const char *word)
{
	const char *digest = json_text(m, "digest");
	const json_t *p = json_obj(m, "platform");
	struct platform want, have = { 0 };
	size_t n = strlen(word);
	if (!digest)
		return false;
	if (strncmp(word, "sha", 3) == 0 && strchr(word, ':'))
		return n >= 7 + 6 && strncmp(digest, word, n) == 0;
	const char *hex = strchr(digest, ':');
	if (n >= 6 && strspn(word, "0123456789abcdef") == n)
		return hex && strncmp(hex + 1, word, n) == 0;
	if (!p || platform_parse(str_of(word), &want, NULL) < 0)
		return false;
	const char *os = json_text(p, "os"), *arch = json_text(p, "architecture"), *variant = json_text(p, "variant");
	snprintf(have.os, sizeof have.os, "%s", os ? os : "");
	snprintf(have.arch, sizeof have.arch, "%s", arch ? arch : "");
	snprintf(have.variant, sizeof have.variant, "%s", variant ? variant : "");
	platform_normalise(&have);
	return strcmp(want.os, have.os) == 0 && strcmp(want.arch, have.arch) == 0 && (!want.variant[0] || strcmp(want.variant, have.variant) == 0);
}

static int find_member(const struct opened *m, const char *word, size_t *ret, struct error *err)
{
	json_t *list = json_arr(m->doc, "manifests");
	u32 found = 0;
	if (!media_type_is_index(m->d.type) || !list)
		return error_set(err, ERR_INPUT, "%s: is an image, no index", repo_name(m->r));
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (is_member(json_array_get(list, i), word)) {
			*ret = i;
			found++;
		}
	}
	if (found == 1)
		return 0;
	return error_set(err, ERR_USAGE, found ? "%s: several of its members are %s: name one by its digest" : "%s: none of its members is %s", repo_name(m->r), word);
}

/* Where the changed index goes: under its tag again, or, when it was named by a digest, by the new one alone. */
static int put_again(const struct opened *m, const char *word, struct error *err)
{
	struct digest digest;
	struct error ignored = { 0 };
	struct arena a = { 0 };
	const char *which = place_which(&a, word, &ignored);
	int r = put_index(m->r, which && strchr(which, ':') ? "" : NULL, m->doc, m->d.type, &digest, err);
	arena_free(&a);
	if (r == 0)
		printed(word, &digest);
	return r;
}

static int change(json_t *index, size_t i, const struct option_value *opt, struct error *err)
{
	static const struct { u32 option; const char *key; } fields[] = { { O_OS, "os" }, { O_ARCH, "architecture" }, { O_VARIANT, "variant" }, { O_OS_VERSION, "os.version" } };
	json_t *member = json_array_get(json_arr(index, "manifests"), i);
	for (u32 f = 0; f < countof(fields); f++) {
		const char *value = opt[fields[f].option].value;
		json_t *p = json_obj(member, "platform");
		if (!value)
			continue;
		if (!p) {
			json_object_set_new(member, "platform", json_object());
			p = json_obj(member, "platform");
		}
		if (value[0] && json_object_set_new(p, fields[f].key, json_string(value)) < 0)
			return error_set(err, ERR_USAGE, "--%s: is no text", fields[f].key);
		if (!value[0])
			json_object_del(p, fields[f].key);
	}
	if (annotate(member, &opt[O_ANNOTATION], "annotation", true, err) < 0)
		return -1;
	return annotate(index, &opt[O_INDEX_ANNOTATION], "index-annotation", true, err);
}

static int edit(const struct option_value *opt, char **args, bool rm)
{
	struct error err = { 0 };
	struct opened m = { 0 };
	struct repo_options o;
	size_t i = 0;
	int r = place_options(opt + O_PLACE, &o, &err);
	o.write = true;
	if (r == 0 && !rm && !opt[O_OS].value && !opt[O_ARCH].value && !opt[O_VARIANT].value && !opt[O_OS_VERSION].value && !opt[O_ANNOTATION].count && !opt[O_INDEX_ANNOTATION].count)
		r = error_set(&err, ERR_USAGE, "manifest annotate: nothing to change was named");
	r = r < 0 ? r : manifest_open(args[0], &o, &m, &err);
	r = r < 0 ? r : find_member(&m, args[1], &i, &err);
	if (r == 0 && !rm)
		r = change(m.doc, i, opt, &err);
	if (r == 0 && rm && json_array_size(json_arr(m.doc, "manifests")) == 1)
		r = error_set(&err, ERR_USAGE, "%s: it is the only one; pare delete removes the index", args[0]);
	if (r == 0 && rm)
		json_array_remove(json_arr(m.doc, "manifests"), i);
	r = r < 0 ? r : put_again(&m, args[0], &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	manifest_close(&m);
	return status;
}

int manifest_run_annotate(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	return edit(opt, args, false);
}

int manifest_run_rm(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	return edit(opt, args, true);
}
