#include "base/buf.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
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

struct listing {
	const struct option_value *opt;
	struct repo *r;
	struct jsonw w;
	struct buf line;
	u32 limit, n, more;
	bool json;
};

static bool wanted(const struct listing *l, const char *tag)
{
	const struct option_value *match = &l->opt[O_MATCH];
	for (u32 i = 0; i < match->count; i++)
		if (str_glob(str_of(match->list[i]), str_of(tag)))
			return true;
	return match->count == 0;
}

static void put_text(struct listing *l, const char *tag, const struct document *d)
{
	buf_clear(&l->line);
	text_safe(&l->line, str_of(tag));
	if (d)
		printf("%-30s  %s  %s\n", buf_str(&l->line).p, DIGEST_STR(&d->digest), media_type_is_index(d->type) ? "index" : "image");
	else
		printf("%s\n", buf_str(&l->line).p);
}

static void put_json(struct listing *l, const char *tag, const struct document *d)
{
	jsonw_obj(&l->w);
	jsonw_kz(&l->w, "name", tag);
	jsonw_kz(&l->w, "digest", d ? DIGEST_STR(&d->digest) : NULL);
	jsonw_kz(&l->w, "media_type", d ? d->type : NULL);
	jsonw_end(&l->w);
}

static int each(void *ctx, const char *tag, struct error *err)
{
	struct listing *l = ctx;
	struct document d = { 0 };
	if (!wanted(l, tag))
		return 0;
	if (l->limit && l->n >= l->limit) {
		l->more++;
		return 0;
	}
	if (l->opt[O_DIGESTS].count) {
		int r = repo_document(l->r, tag, &d, err);
		if (r != 0)
			return r < 0 ? -1 : 0; /* gone meanwhile */
	}
	l->n++;
	(l->json ? put_json : put_text)(l, tag, l->opt[O_DIGESTS].count ? &d : NULL);
	document_free(&d);
	return 0;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)n_args;
	struct error err = { 0 };
	struct repo_options o;
	struct listing l = { .opt = opt, .line = BUF(0), .json = option_is(&opt[O_FORMAT], "json") };
	int r = place_options(opt + O_PLACE, &o, &err);
	r = r < 0 ? r : place_number(&opt[O_LIMIT], "limit", REPO_TAGS_MAX, &l.limit, &err);
	r = r < 0 ? r : place_open(args[0], &o, &l.r, &err);
	if (r == 0 && l.json) {
		jsonw_init(&l.w, stdout, 2);
		jsonw_obj(&l.w);
		jsonw_kz(&l.w, "repository", repo_path(l.r) ? repo_path(l.r) : repo_name(l.r));
		jsonw_kz(&l.w, "registry", repo_registry(l.r));
		jsonw_key(&l.w, "tags");
		jsonw_arr(&l.w);
	}
	if (r == 0)
		r = repo_tags(l.r, each, &l, &err);
	if (r == 0 && l.json) {
		jsonw_end(&l.w);
		jsonw_ku(&l.w, "more", l.more);
		jsonw_end(&l.w);
	}
	int status = r < 0 ? command_fail(&err) : command_done(0);
	if (status == 0 && !l.json && l.more && !globals.quiet)
		fprintf(stderr, "pare: %s more; --limit is %u\n", TEXT_COUNT(l.more), l.limit);
	repo_close(l.r);
	buf_free(&l.line);
	return status;
}

const struct command command_tags = {
	.name = "tags",
	.summary = "the tags of a repository",
	.synopsis = "REPOSITORY",
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
