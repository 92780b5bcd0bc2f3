#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "report/columns.h"
#include "transport/repo.h"

enum { O_MATCH, O_DIGESTS, O_LIMIT, O_FORMAT, O_PLACE, O_END = O_PLACE + PLACE_COUNT };

static const struct option options[] = {
	[O_MATCH] = { "match", 0, OPT_LIST, "PATTERN", "Only tags that fall under this pattern (`*`, `?`, `[a-z]`), or one of these.", NULL },
	[O_DIGESTS] = { "digests", 0, OPT_FLAG, NULL, "With what each stands for: its manifest's digest and whether that is an image or an index. One request a tag.", NULL },
	[O_LIMIT] = { "limit", 0, OPT_VALUE, "N", "At most the first N.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "text (the default): a line each; or json: docs/schema/tags describes it.", "text json" },
	PLACE_OPTIONS(O_PLACE),
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct tag {
	const char *name;
	struct digest digest; /* with --digests */
	const char *type;
};
struct listing {
	const struct option_value *opt;
	struct arena a;
	struct tag *v;
	u32 limit, n, cap, more;
};

static bool wanted(const struct listing *l, const char *tag)
{
	const struct option_value *match = &l->opt[O_MATCH];
	for (u32 i = 0; i < match->count; i++)
		if (str_glob(str_of(match->list[i]), str_of(tag)))
			return true;
	return match->count == 0;
}

static int each(void *ctx, const char *tag, struct error *err)
{
	(void)err;
	struct listing *l = ctx;
	struct tag t = { 0 };
	if (!wanted(l, tag))
		return 0;
	if (l->limit && l->n >= l->limit) {
		l->more++;
		return 0;
	}
	t.name = arena_strdup(&l->a, str_of(tag));
	VEC_PUSH(l->v, l->n, l->cap, t);
	return 0;
}

/* What each stands for; those that are gone meanwhile are left out. */
static int look(struct listing *l, struct repo *r, struct error *err)
{
	u32 n = 0;
	for (u32 i = 0; i < l->n; i++) {
		struct document d = { 0 };
		struct tag t = l->v[i];
		int e = repo_document(r, t.name, &d, err);
		if (e < 0)
			return -1;
		if (e == 0) {
			t.digest = d.digest;
			t.type = arena_strdup(&l->a, str_of(d.type));
			l->v[n++] = t;
		}
		document_free(&d);
	}
	l->n = n;
	return 0;
}

static void put_text(const struct listing *l, bool digests)
{
	struct columns c = { .n = digests ? 3 : 1 };
	for (u32 i = 0; i < l->n; i++) {
		columns_add(&c, l->v[i].name);
		if (digests) {
			columns_add(&c, DIGEST_STR(&l->v[i].digest));
			columns_add(&c, media_type_is_index(l->v[i].type) ? "index" : "image");
		}
	}
	columns_write(stdout, &c);
	columns_free(&c);
}

static void put_json(const struct listing *l, const struct repo *r, bool digests)
{
	struct jsonw w;
	jsonw_init(&w, stdout, 2);
	jsonw_obj(&w);
	jsonw_kz(&w, "repository", repo_path(r) ? repo_path(r) : repo_name(r));
	jsonw_kz(&w, "registry", repo_registry(r));
	jsonw_key(&w, "tags");
	jsonw_arr(&w);
	for (u32 i = 0; i < l->n; i++) {
		jsonw_obj(&w);
		jsonw_kz(&w, "name", l->v[i].name);
		jsonw_kz(&w, "digest", digests ? DIGEST_STR(&l->v[i].digest) : NULL);
		jsonw_kz(&w, "media_type", l->v[i].type);
		jsonw_end(&w);
	}
	jsonw_end(&w);
	jsonw_ku(&w, "more", l->more);
	jsonw_end(&w);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct repo_options o;
	struct repo *repo = NULL;
	struct listing l = { .opt = opt };
	bool json = option_is(&opt[O_FORMAT], "json"), digests = opt[O_DIGESTS].count > 0;
	int r = place_options(opt + O_PLACE, &o, &err);
	r = r < 0 ? r : place_number(&opt[O_LIMIT], "limit", REPO_TAGS_MAX, &l.limit, &err);
	r = r < 0 ? r : place_open(args[0], &o, &repo, &err);
	r = r < 0 ? r : repo_tags(repo, each, &l, &err);
	if (r == 0 && digests)
		r = look(&l, repo, &err);
	if (r == 0 && json)
		put_json(&l, repo, digests);
	else if (r == 0)
		put_text(&l, digests);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	if (status == 0 && !json && l.more && !globals.quiet)
		fprintf(stderr, "pare: %s more; --limit is %u\n", TEXT_COUNT(l.more), l.limit);
	repo_close(repo);
	free(l.v);
	arena_free(&l.a);
	return status;
}

const struct command command_tags = {
	.name = "tags",
	.summary = "the tags of a repository",
	.synopsis = "[OPTIONS] REPOSITORY",
	.description = "Every tag of a registry's repository, sorted bytewise, however many pages the registry makes of them. REPOSITORY is a name as in docker://quay.io/app/web (docker:// may be left out), "
		       "a layout (oci:DIR) or a name in our store (pare:app).\n"
		       "\n"
		       "A tag in REPOSITORY is not looked at.",
	.options = options,
	.examples = "pare tags quay.io/app/web # all of them\n"
		    "pare tags alpine --match '3.*' --digests # and what each stands for\n"
		    "pare tags oci:layout --format json # for programs\n",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
