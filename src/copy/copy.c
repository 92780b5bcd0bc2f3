#include "copy/copy.h"
#include "copy/tree.h"
#include "store/load.h"
#include "transport/layout.h"

static bool of(const char *location, const char *transport)
{
	size_t n = strlen(transport);
	return strncmp(location, transport, n) == 0 && location[n] == ':';
}

static int check(const char *source, const char *target, const struct copy_options *o, struct error *err)
{
	bool converts = o->recompress || o->format != COPY_AS_IT_IS;
	if (o->all && o->platform)
		return error_set(err, ERR_USAGE, "all platforms, or one: not both");
	if (o->require_digest && !strstr(source, "@sha256:") && !strstr(source, "@sha384:") && !strstr(source, "@sha512:"))
		return error_set(err, ERR_USAGE, "%s: is not named by a digest (NAME@sha256:…), which --require-digest asks for", source);
	if (o->referrers && converts)
		return error_set(err, ERR_USAGE, "what refers to an image names its digest, which a conversion changes: --referrers goes without --format and --compression");
	if (o->recompress && !deflate_can(o->compression, o->level))
		return error_set(err, ERR_USAGE, "level %d: no level of %s", o->level, compression_name(o->compression));
	if (o->offline && of(target, "docker"))
		return error_set(err, ERR_USAGE, "%s: nothing is sent to a registry offline", target);
	return 0;
}

/* An image of a registry is asked of our store when no registry may be asked. */
static const char *place_of(struct copy_job *j, const char *source)
{
	bool registry = strncmp(source, "docker://", 9) == 0;
	return j->opt->offline && registry ? arena_printf(&j->own, "pare:%s", source + 9) : source;
}

/* 0: *ret; 1: the target keeps no digests. */
static int open_target(struct copy_job *j, const char *target, struct error *err)
{
	struct repo_options o = j->opt->target;
	struct error e = { 0 };
	o.write = !j->opt->dry_run;
	bool archive = of(target, "oci-archive");
	if (archive && !j->opt->dry_run)
		return archive_target_open(target, j->opt->name, j->opt->aliases, &j->to, err);
	int r = archive ? -1 : repo_open(target, &o, &j->to, &e);
	if (r < 0 && j->opt->dry_run && (archive || of(target, "oci")))
		return layout_could(target + strlen(archive ? "oci-archive:" : "oci:"), archive, err); /* it is not there yet: everything would be sent */
	if (r < 0)
		*err = e;
	return r;
}

/* To a place that keeps digests; `source` NULL: from one that is open. */
static int to_repo(struct copy_job *j, const char *source, struct error *err)
{
	int r = source ? repo_open(source, &j->opt->source, &j->from, err) : 0;
	if (r < 0)
		return -1;
	if (r > 0 && (j->opt->all || j->opt->referrers))
		return error_set(err, ERR_USAGE, "%s: holds one image by itself: %s has no meaning", source, j->opt->all ? "--all" : "--referrers");
	if (r > 0)
		r = make_image(j, source, err);
	else if (copy_gather(j, err) < 0 || (j->opt->referrers && copy_referrers(j, err) < 0))
		r = -1;
	else
		r = convert_all(j, err);
	if (r == 0 && j->opt->preserve && j->result->n_changes)
		r = error_set(err, ERR_USAGE, "digests would change (%s), which --preserve-digests forbids", j->result->changes[0].what);
	if (r == 0 && j->to && !j->opt->by_digest)
		r = repo_expects(j->to, buf_str(&j->docs[j->top].doc.bytes), err);
	if (r < 0 || copy_name_blobs(j, err) < 0)
		return -1;
	return transfer_all(j, err);
}

static int to_sink(struct copy_job *j, const char *source, const char *target, struct error *err)
{
	const struct copy_options *o = j->opt;
	struct sink *sink;
	if (o->all || o->referrers || o->format != COPY_AS_IT_IS)
		return error_set(err, ERR_USAGE, "%s: keeps one image and no manifest: %s has no meaning there", target, o->all ? "--all" : o->referrers ? "--referrers" : "--format");
	if (o->preserve)
		return error_set(err, ERR_USAGE, "%s: keeps no digests, which --preserve-digests asks for", target);
	if (o->recompress && o->compression != COMP_NONE)
		return error_set(err, ERR_USAGE, "%s: keeps plain layers: --compression has no meaning there", target);
	if (o->dry_run) /* what is written there is the whole image */
		return error_set(err, ERR_USAGE, "%s: keeps no digests: it cannot be said what it has", target);
	if (o->allowed) {
		int r = repo_open(source, &o->source, &j->from, err);
		if (r < 0 || (r == 0 && copy_gather(j, err) < 0))
			return -1;
		if (r == 0 && repo_registry(j->from) && !strchr(source, '@')) /* what was asked about is what is read, whatever the tag says by then */
			source = arena_printf(&j->own, "%s@%s", source, DIGEST_STR(&j->docs[j->top].before));
	}
	if (sink_open_with(target, NULL, &(struct repo_options){ .store = j->spool.dir }, &sink, err) < 0)
		return -1;
	int r = write_out(j, source, sink, err);
	sink_close(sink);
	return r;
}

static void begin(struct copy_job *j)
{
	hashtab_open(&j->known, 64);
	hashtab_open(&j->blob_of, 256);
}

static void end(struct copy_job *j)
{
	for (u32 i = 0; i < j->n_docs; i++)
		document_free(&j->docs[i].doc);
	free(j->docs);
	free(j->blobs);
	hashtab_free(&j->known);
	hashtab_free(&j->blob_of);
	spool_close(&j->spool);
	arena_free(&j->own);
}

static int spool_place(struct copy_job *j, struct error *err)
{
	const char *near = j->to && !j->opt->dry_run ? repo_dir(j->to) : NULL;
	j->spool.dir = near ? near : store_dir(&j->own, j->opt->target.store ? j->opt->target.store : j->opt->source.store, err);
	return j->spool.dir ? 0 : -1;
}

int copy_image(const char *source, const char *target, const struct copy_options *opt, struct arena *a, struct copy_result *ret, struct error *err)
{
	struct copy_result result = { 0 };
	struct copy_job j = { .opt = opt, .a = a, .result = &result };
	if (check(source, target, opt, err) < 0)
		return -1;
	begin(&j);
	source = place_of(&j, source);
	int r = open_target(&j, target, err);
	if (r >= 0 && spool_place(&j, err) < 0)
		r = -1;
	if (r >= 0)
		r = r == 0 ? to_repo(&j, source, err) : to_sink(&j, source, target, err);
	if (r < 0)
		repo_give_up(j.to);
	repo_close(j.from);
	repo_close(j.to);
	end(&j);
	if (r == 0)
		*ret = result;
	return r;
}

int copy_between(struct repo *from, struct repo *to, const struct copy_options *opt, struct arena *a, struct copy_result *ret, struct error *err)
{
	struct copy_result result = { 0 };
	struct copy_job j = { .opt = opt, .a = a, .result = &result, .from = from, .to = to };
	begin(&j);
	int r = spool_place(&j, err);
	if (r == 0)
		r = to_repo(&j, NULL, err);
	if (r < 0)
		repo_give_up(to);
	end(&j);
	if (r == 0)
		*ret = result;
	return r;
}
