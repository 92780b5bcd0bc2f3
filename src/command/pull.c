#include "command/copying.h"
#include "command/trusted.h"
#include "base/buf.h"
#include "oci/reference.h"

#define TAGS_MAX REPO_TAGS_MAX

enum { O_ALL, O_ALL_TAGS, O_PLATFORM, O_REFERRERS, O_REQUIRE, O_POLICY, O_PARALLEL, O_JSON, O_PLACE };
static const struct option options[] = {
	[O_ALL] = { "all", 'a', OPT_FLAG, NULL, "The index with every platform in it, not one platform's image.", NULL },
	[O_ALL_TAGS] = { "all-tags", 0, OPT_FLAG, NULL, "Every tag of the repository.", NULL },
	[O_PLATFORM] = { "platform", 0, OPT_VALUE, "OS/ARCH[/VARIANT]", "The image for this platform. Default: this machine's.", NULL },
	[O_REFERRERS] = { "referrers", 0, OPT_FLAG, NULL, "What refers to the image comes along: signatures, SBOMs, attestations.", NULL },
	[O_REQUIRE] = { "require-digest", 0, OPT_FLAG, NULL, "Refuse a REF that is not named by its digest (NAME@sha256:…).", NULL },
	[O_POLICY] = TRUSTED_POLICY_OPTION,
	[O_PARALLEL] = { "parallel", 0, OPT_VALUE, "N", "Transfers at once. Default: 4.", NULL },
	[O_JSON] = { "json", 0, OPT_FLAG, NULL, "A JSON document for each (docs/schema/copy.schema.json).", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_PLACE + PLACE_COUNT] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct pull {
	const struct option_value *opt;
	struct copy_options o;
	struct trusted_policy policy;
	struct arena a; /* of all of it */
};

static int named(struct pull *p, const char *word, struct reference *ret, struct error *err)
{
	const char *name = place_registry(word, err);
	return name ? reference_parse(&p->a, str_of(name), ret, err) : -1;
}

static int pull(struct pull *p, const struct reference *ref, struct error *err)
{
	const char *name = reference_text(&p->a, ref);
	struct reference kept = *ref;
	if (kept.tag) /* the digest may be an index's, and what is kept one platform's image */
		kept.digest = (struct digest){ 0 };
	const char *from = arena_printf(&p->a, "docker://%s", name), *to = arena_printf(&p->a, "pare:%s", reference_text(&p->a, &kept));
	struct arena a = { 0 };
	struct copy_result r;
	double start = copying_now();
	int status = trusted_guard(&p->policy, from, &p->o, err);
	if (status == 0)
		status = copy_image(from, to, &p->o, &a, &r, err);
	if (status == 0) {
		double seconds = copying_now() - start;
		copying_told(&r, &p->o, seconds);
		if (p->opt[O_JSON].count)
			copying_json(stdout, from, to, &r, &p->o, seconds);
		else
			printf("%s/%s@%s\n", ref->domain, ref->path, DIGEST_STR(&r.digest));
		if (fflush(stdout) != 0) {
		} /* command_done() says so */
	}
	arena_free(&a);
	return status;
}

struct tags {
	const char **v;
	u32 n, cap;
	struct arena *a;
};

static int add_tag(void *ctx, const char *tag, struct error *err)
{
	struct tags *t = ctx;
	if (t->n == TAGS_MAX)
		return error_set(err, ERR_INPUT, "over %u tags", TAGS_MAX);
	const char *copy = arena_strdup(t->a, str_of(tag));
	VEC_PUSH(t->v, t->n, t->cap, copy);
	return 0;
}

/* Tags that cosign made are no images: they come with --referrers. */
static bool is_image_tag(const char *tag)
{
	struct str s = str_of(tag);
	return !(str_starts(s, STR("sha256-")) && (s.n == 71 || str_ends(s, STR(".sig")) || str_ends(s, STR(".att")) || str_ends(s, STR(".sbom"))));
}

static int pull_tags(struct pull *p, struct reference *ref, struct error *err)
{
	struct repo *r;
	struct tags t = { .a = &p->a };
	const char *name = arena_printf(&p->a, "%s/%s", ref->domain, ref->path);
	if (ref->digest.alg)
		return error_set(err, ERR_USAGE, "--all-tags: %s: a repository is meant, without a digest", name);
	int status = repo_open(arena_printf(&p->a, "docker://%s", name), &p->o.source, &r, err);
	if (status != 0)
		return -1;
	status = repo_tags(r, add_tag, &t, err);
	repo_close(r);
	for (u32 i = 0; status == 0 && i < t.n; i++) {
		ref->tag = t.v[i];
		if (is_image_tag(t.v[i]))
			status = pull(p, ref, err);
	}
	free(t.v);
	return status;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct pull p = { .opt = opt };
	const struct copying c = { .platform = &opt[O_PLATFORM], .all = &opt[O_ALL], .referrers = &opt[O_REFERRERS], .require_digest = &opt[O_REQUIRE], .parallel = &opt[O_PARALLEL] };
	if (copying_options(&c, &p.o, &err) < 0 || place_options(opt + O_PLACE, &p.o.source, &err) < 0 || trusted_policy(&opt[O_POLICY], &p.policy, &err) < 0)
		return command_fail(&err);
	p.o.target = (struct repo_options){ .store = globals.store };
	int status = 0;
	for (int i = 0; i < n_args && status == 0; i++) { /* all names first: a slip in the third is no reason to fetch two */
		struct reference ref;
		if (named(&p, args[i], &ref, &err) < 0)
			status = command_fail(&err);
	}
	for (int i = 0; i < n_args && status == 0; i++) {
		struct reference ref;
		if (named(&p, args[i], &ref, &err) < 0 || (opt[O_ALL_TAGS].count ? pull_tags(&p, &ref, &err) : pull(&p, &ref, &err)) < 0)
			status = p.policy.refused && err.kind == ERR_INPUT ? command_fail(&err), 1 : command_fail(&err);
	}
	policy_free(p.policy.policy);
	arena_free(&p.a);
	return command_done(status);
}

const struct command command_pull = {
	.name = "pull",
	.summary = "images of a registry into the store",
	.synopsis = "[OPTIONS] REF...",
	.description = "Fetches each REF from its registry into the store, verified as it comes; layers that are there are not fetched again, and what broke off is continued. Without a registry in it a name is "
		       "Docker Hub's, as everywhere: alpine is docker.io/library/alpine:latest.\n\n"
		       "Of an index the image for one platform is fetched; --all fetches every one.\n\n"
		       "Standard output is a line an image: its name with its digest, good for every other command.",
	.options = options,
	.examples = "pare pull alpine:3.20 # for this machine\n"
		    "pare pull --all --referrers quay.io/app/web:1 # every platform, and signatures\n"
		    "pare pull --all-tags registry.example/app # all of a repository\n"
		    "pare pull --platform linux/arm64 alpine debian:12 # two images for another machine",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.run = run,
};
