#include "command/manifest.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "transport/repo.h"

#define CONFIG_MAX ((size_t)(4 * MiB))

static const struct option options[] = {
	[O_RAW] = { "raw", 0, OPT_FLAG, NULL, "show: The bytes exactly as they are kept: their SHA-256 is the digest.", NULL },
	[O_CONFIG] = { "config", 0, OPT_FLAG, NULL, "show: The image's configuration instead of its manifest.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "show: The image for this platform out of an index, not the index.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "show: text (the default), or json: docs/schema/manifest describes it. create: oci (the default) or docker, what the index and its images are to be; images of the other kind are converted, which changes their digests.", "text json oci docker" },
	[O_OS] = { "os", 0, OPT_VALUE, "OS", "annotate: The system that the member is for.", NULL },
	[O_ARCH] = { "arch", 0, OPT_VALUE, "ARCH", "annotate: And the processor, as Go names it: amd64, arm64, …", NULL },
	[O_VARIANT] = { "variant", 0, OPT_VALUE, "VARIANT", "annotate: And which one of these: v7, v8, …", NULL },
	[O_OS_VERSION] = { "os-version", 0, OPT_VALUE, "VERSION", "annotate: The system's version, as Windows needs it.", NULL },
	[O_ANNOTATION] = { "annotation", 0, OPT_LIST, "KEY=VALUE", "create: An annotation of the index. annotate: one of the member; KEY= takes it away.", NULL },
	[O_INDEX_ANNOTATION] = { "index-annotation", 0, OPT_LIST, "KEY=VALUE", "annotate: One of the index itself.", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

void manifest_close(struct opened *m)
{
	json_decref(m->doc);
	document_free(&m->d);
	repo_close(m->r);
	*m = (struct opened){ 0 };
}

int manifest_open(const char *word, const struct repo_options *o, struct opened *ret, struct error *err)
{
	struct opened m = { 0 };
	int r = place_open(word, o, &m.r, err);
	r = r < 0 ? r : repo_document(m.r, NULL, &m.d, err);
	if (r == 1)
		r = error_set(err, ERR_ENV, "%s: there is no such manifest", repo_name(m.r));
	m.doc = r == 0 ? json_read_limit(buf_str(&m.d.bytes), REPO_DOCUMENT_MAX, word, err) : NULL;
	if (!m.doc) {
		manifest_close(&m);
		return -1;
	}
	*ret = m;
	return 0;
}

/* --- show --- */
/* Out of an index the image that was asked for, indexes inside it, too. */
static int choose(struct arena *a, struct opened *m, const struct platform *want, struct error *err)
{
	for (u32 deep = 0; media_type_is_index(m->d.type); deep++) {
		struct index x;
		const struct descriptor *best = NULL;
		int best_match = 0;
		char text[100];
		struct buf there = BUF(0);
		if (index_parse(a, m->doc, &x, err) < 0)
			return error_wrap(err, "%s", repo_name(m->r));
		for (u32 i = 0; i < x.n && deep < OCI_NESTED_MAX; i++) {
			const struct descriptor *d = &x.manifests[i];
			int match = d->bad || d->attestation ? 0 : media_type_is_index(d->media_type) && !d->platform.os[0] ? 1 : platform_match(want, &d->platform);
			if (match > best_match) {
				best = d;
				best_match = match;
			}
			if (!d->bad && !d->attestation && d->platform.os[0])
				platform_list(&d->platform, &there);
		}
		if (!best)
			error_set(err, ERR_USAGE, "%s: nothing for %s; there is: %s (--platform)", repo_name(m->r), platform_text(want, text), there.n ? there.p : "nothing");
		buf_free(&there);
		if (!best)
			return -1;
		const char *digest = arena_strdup(a, str_of(DIGEST_STR(&best->digest)));
		json_decref(m->doc);
		m->doc = NULL;
		document_free(&m->d);
		int r = repo_document(m->r, digest, &m->d, err);
		if (r == 1)
			r = error_set(err, ERR_INPUT, "%s: %s, which its index names, is not there", repo_name(m->r), digest);
		m->doc = r == 0 ? json_read_limit(buf_str(&m->d.bytes), REPO_DOCUMENT_MAX, digest, err) : NULL;
		if (!m->doc)
			return -1;
	}
	return 0;
}

static int read_config(struct arena *a, const struct opened *m, struct buf *out, struct error *err)
{
	struct manifest man;
	struct stream *s = NULL;
	struct str view = { "", 1 };
	if (manifest_parse(a, m->doc, &man, err) < 0)
		return error_wrap(err, "%s", repo_name(m->r));
	if (man.config.size > CONFIG_MAX)
		return error_set(err, ERR_INPUT, "%s: a configuration of %llu bytes", repo_name(m->r), (unsigned long long)man.config.size);
	int r = repo_blob(m->r, &man.config, 0, &s, err);
	while (r == 0 && view.n && (r = stream_next(s, &view, err)) == 0)
		buf_add(out, view);
	stream_close(s);
	return r;
}

static void put_safe(const char *text)
{
	struct buf out = BUF(0);
	text_safe(&out, str_of(text));
	fputs(buf_str(&out).p, stdout);
	buf_free(&out);
}

static void put_descriptor(const char *what, const struct descriptor *d)
{
	char text[100];
	if (d->bad) {
		printf("%-10s  ", what);
		put_safe(d->bad);
		putchar('\n');
		return;
	}
	printf("%-10s  %s  %9s  ", what, DIGEST_STR(&d->digest), TEXT_SIZE(d->size));
	put_safe(platform_text(&d->platform, text)[0] ? platform_text(&d->platform, text) : d->media_type);
	puts(d->attestation ? "  attestation" : "");
}

static void put_annotations(const json_t *of)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)of, key, value) {
		printf("%-10s  ", "annotation");
		put_safe(key);
		putchar('=');
		put_safe(json_is_string(value) ? json_string_value(value) : "");
		putchar('\n');
	}
}

static int show_text(struct arena *a, const struct opened *m, struct error *err)
{
	struct index x = { 0 };
	struct manifest man = { 0 };
	bool index = media_type_is_index(m->d.type);
	if ((index ? index_parse(a, m->doc, &x, err) : manifest_parse(a, m->doc, &man, err)) < 0)
		return error_wrap(err, "%s", repo_name(m->r));
	printf("%-10s  %s  %9s  ", index ? "index" : "manifest", DIGEST_STR(&m->d.digest), TEXT_SIZE(m->d.bytes.n));
	put_safe(m->d.type);
	putchar('\n');
	for (u32 i = 0; i < x.n; i++)
		put_descriptor("image", &x.manifests[i]);
	if (!index)
		put_descriptor("config", &man.config);
	for (u32 i = 0; i < man.n; i++)
		put_descriptor("layer", &man.layers[i]);
	struct digest subject;
	if (digest_parse(json_view(json_obj(m->doc, "subject"), "digest"), &subject, NULL) == 0)
		printf("%-10s  %s\n", "subject", DIGEST_STR(&subject));
	put_annotations(json_obj(m->doc, "annotations"));
	return 0;
}

static int dump(const char *text, size_t n, void *ctx) { return fwrite(text, 1, n, ctx) == n ? 0 : -1; }

static int show_json(const struct opened *m)
{
	json_t *out = json_pack("{s:s, s:s, s:s, s:I, s:O}", "reference", repo_name(m->r), "digest", DIGEST_STR(&m->d.digest), "media_type", m->d.type, "size", (json_int_t)m->d.bytes.n, "document", m->doc);
	(void)json_dump_callback(out, dump, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII); /* what cannot be written is seen by command_done() */
	putchar('\n');
	json_decref(out);
	return 0;
}

static int show_config(struct arena *a, const struct opened *m, bool raw, struct error *err)
{
	struct buf text = BUF(CONFIG_MAX);
	int r = read_config(a, m, &text, err);
	autojson json_t *doc = r == 0 && !raw ? json_read_limit(buf_str(&text), CONFIG_MAX, "configuration", err) : NULL;
	if (r == 0 && raw) {
		fwrite(buf_str(&text).p, 1, text.n, stdout);
	} else if (doc) {
		(void)json_dump_callback(doc, dump, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	} else {
		r = -1;
	}
	buf_free(&text);
	return r;
}

static int run_show(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	struct opened m = { 0 };
	struct repo_options o;
	struct platform want = platform_host();
	bool raw = opt[O_RAW].count > 0, json = option_is(&opt[O_FORMAT], "json");
	int r = place_options(opt + O_PLACE, &o, &err);
	if (r == 0 && opt[O_FORMAT].value && !json && strcmp(opt[O_FORMAT].value, "text") != 0)
		r = error_set(&err, ERR_USAGE, "manifest show --format %s: text or json", opt[O_FORMAT].value);
	if (r == 0 && opt[O_PLATFORM].value && (r = platform_parse(str_of(opt[O_PLATFORM].value), &want, &err)) < 0)
		error_wrap(&err, "--platform");
	r = r < 0 ? r : manifest_open(args[0], &o, &m, &err);
	if (r == 0 && (opt[O_PLATFORM].value || opt[O_CONFIG].count))
		r = choose(&a, &m, &want, &err);
	if (r == 0 && opt[O_CONFIG].count)
		r = show_config(&a, &m, raw, &err);
	else if (r == 0 && raw)
		fwrite(buf_str(&m.d.bytes).p, 1, m.d.bytes.n, stdout);
	else if (r == 0)
		r = json ? show_json(&m) : show_text(&a, &m, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	manifest_close(&m);
	arena_free(&a);
	return status;
}

static const struct subcommand subcommands[] = {
	{ "show", "REF", "What a manifest or an index is made of.", "raw config platform format " PLACE_NAMES, 1, 1, run_show },
	{ "create", "TARGET SOURCE...", "Make an index of images, of one or several platforms each, and put it under TARGET.", "format annotation " PLACE_NAMES, 2, ARGS_MANY, manifest_run_create },
	{ "annotate", "INDEX MEMBER", "Change what an index says of a member, or of itself.", "os arch variant os-version annotation index-annotation " PLACE_NAMES, 2, 2, manifest_run_annotate },
	{ "rm", "INDEX MEMBER", "Take a member out of an index.", PLACE_NAMES, 2, 2, manifest_run_rm },
	{ NULL, NULL, NULL, NULL, 0, 0, NULL },
};

const struct command command_manifest = {
	.name = "manifest",
	.summary = "show manifests; make indexes of images for several platforms",
	.synopsis = "SUBCOMMAND ARGUMENT...",
	.description = "A manifest says what an image is made of, an index which images it has for which platforms. They are looked at where they are: REF is a name in a registry (docker:// may be left out), oci:DIR[:TAG] or pare:NAME; "
		       "no layer is read.\n"
		       "\n"
		       "create puts images together to one of several platforms: each keeps its digest, its platform is that of its configuration, and what TARGET's repository does not have yet is copied there first "
		       "(from a repository of the same registry it is mounted, not sent). The tag appears last. Of a SOURCE that is an index all images are taken. Two images of the same platform are refused.\n"
		       "\n"
		       "annotate and rm write the index anew, under the same tag: it then has a new digest, which is printed. MEMBER is a digest, the beginning of one, or a platform when only one image has it. An index that "
		       "was named by its digest keeps it, and the new one is found under the digest that is printed.",
	.options = options,
	.examples = "pare manifest show alpine:3.20 # its platforms\n"
		    "pare manifest show alpine:3.20 --platform linux/arm64 --config # the configuration of one of them\n"
		    "pare manifest show --raw quay.io/app/web:1 | sha256sum # the digest\n"
		    "pare manifest create quay.io/app/web:1 quay.io/app/web:1-amd64 oci:build-arm64 # one name for two images\n"
		    "pare manifest annotate quay.io/app/web:1 linux/arm --variant v7 # what kind of arm\n"
		    "pare manifest rm quay.io/app/web:1 linux/s390x # no longer\n",
	.subcommands = subcommands,
};
