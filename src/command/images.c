#include "base/buf.h"
#include "command/command.h"
#include "prune/prune.h"
#include "report/images.h"
#include <time.h>

enum { O_DIGESTS, O_NO_TRUNC, O_FILTER, O_FORMAT };
static const struct option options[] = {
	[O_DIGESTS] = { "digests", 0, OPT_FLAG, NULL, "Whole digests.", NULL },
	[O_NO_TRUNC] = { "no-trunc", 0, OPT_FLAG, NULL, "The same.", NULL },
	[O_FILTER] = { "filter", 0, OPT_LIST, "FILTER", "dangling=true|false, reference=PATTERN, label=KEY[=VALUE], label!=KEY[=VALUE], until=AGE. All must hold.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default); json: docs/schema/images describes it; names: one a line.", "table json names" },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct wanted {
	char **names; /* operands */
	int n_names;
	struct prune_rules rules;
	const char *const *references;
	int dangling; /* -1: either */
};
struct listing {
	struct store *s;
	struct arena *a;
	const struct wanted *wanted;
	struct images_row *v;
	u32 n, cap;
};

static int read_filters(struct arena *a, const struct option_value *v, struct wanted *w, struct error *err)
{
	const char **references = arena_array(a, const char *, v->count + 1);
	u32 n = 0;
	for (u32 i = 0; i < v->count; i++) {
		const char *text = v->list[i];
		struct str value = str_of(text), key = str_cut(&value, '=');
		if (!str_among(key, "reference until label label! dangling") || !value.n)
			return error_set(err, ERR_USAGE, "--filter %.60s: want reference=PATTERN, label=KEY[=VALUE], label!=KEY[=VALUE], until=AGE or dangling=true|false", text);
		if (str_is(key, "reference")) {
			references[n++] = text + 10;
			continue;
		}
		if (prune_filter(a, text, (s64)time(NULL), &w->rules, err) < 0)
			return -1;
		if (strncmp(text, "dangling=", 9) == 0)
			w->dangling = !w->rules.dangling_off;
	}
	w->references = n ? references : NULL;
	return 0;
}

/* By the whole name, without its tag, as people write it, or by the beginning of the digest. */
static bool named(struct arena *a, const struct images_row *r, const char *pattern)
{
	struct str p = str_of(pattern);
	const char *digest = DIGEST_STR(&r->ref.digest), *hex = strchr(digest, ':') + 1;
	size_t front = (size_t)(hex - digest); /* "sha256:" says nothing yet */
	if ((p.n >= front + 6 && strncmp(digest, pattern, p.n) == 0) || (p.n >= 6 && strncmp(hex, pattern, p.n) == 0))
		return true;
	if (!r->ref.name[0])
		return false;
	struct str whole = str_of(r->ref.name), path = str_head(whole, whole.n - strlen(r->tag) - 1);
	return str_glob(p, str_of(arena_printf(a, "%s:%s", r->repository, r->tag))) || str_glob(p, str_of(r->repository)) || str_glob(p, whole) || str_glob(p, path);
}

static bool labels_hold(const struct images_row *r, struct arena *a, const struct prune_rules *rules)
{
	struct prune_item item = { .labels = r->about.labels, .created = r->ref.created, .used = r->ref.created };
	struct prune_rules only = { .labels = rules->labels, .not_labels = rules->not_labels, .until = rules->until };
	item.kind = PRUNE_CONTAINER; /* of which nothing but labels and age is asked */
	prune_decide(a, &item, 1, &only, (s64)time(NULL));
	return item.goes;
}

static bool is_wanted(struct listing *l, const struct images_row *r)
{
	const struct wanted *w = l->wanted;
	bool found = w->n_names == 0;
	for (int i = 0; i < w->n_names && !found; i++)
		found = named(l->a, r, w->names[i]);
	for (const char *const *p = w->references; found && p && *p; p++)
		found = named(l->a, r, *p);
	if (found && w->dangling >= 0)
		found = (r->ref.name[0] == '\0') == (w->dangling > 0);
	return found && labels_hold(r, l->a, &w->rules);
}

static int add(void *ctx, const struct store_ref *ref, struct error *err)
{
	struct listing *l = ctx;
	struct images_row row = { .ref = *ref, .repository = "<none>", .tag = "<none>" };
	struct reference name;
	row.ref.name = arena_strdup(l->a, str_of(ref->name));
	row.ref.type = arena_strdup(l->a, str_of(ref->type));
	if (ref->name[0] && reference_parse(l->a, str_of(ref->name), &name, err) == 0 && name.tag) {
		row.tag = name.tag;
		name.digest = (struct digest){ 0 };
		const char *text = reference_familiar(l->a, &name);
		row.repository = arena_strdup(l->a, str_head(str_of(text), strlen(text) - strlen(name.tag) - 1));
	}
	if (store_about(l->s, ref, l->a, &row.about, err) < 0)
		return -1;
	if (!is_wanted(l, &row))
		return 0;
	if (store_usage(l->s, ref, &row.usage, err) < 0)
		return -1;
	VEC_PUSH(l->v, l->n, l->cap, row);
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	const struct images_row *a = x, *b = y;
	if (a->ref.created != b->ref.created)
		return a->ref.created > b->ref.created ? -1 : 1;
	int c = strcmp(a->ref.name, b->ref.name);
	return c ? c : memcmp(&a->ref.digest, &b->ref.digest, sizeof a->ref.digest);
}

static void print(const struct option_value *opt, const struct images_row *v, u32 n)
{
	const char *format = opt[O_FORMAT].value ? opt[O_FORMAT].value : "table";
	bool whole = opt[O_DIGESTS].count || opt[O_NO_TRUNC].count;
	if (strcmp(format, "json") == 0) {
		images_json(stdout, v, n);
	} else if (strcmp(format, "names") == 0) {
		for (u32 i = 0; i < n; i++)
			v[i].ref.name[0] ? printf("%s:%s\n", v[i].repository, v[i].tag) : puts(DIGEST_STR(&v[i].ref.digest));
	} else if (globals.quiet) {
		for (u32 i = 0; i < n; i++) {
			bool again = false;
			for (u32 k = 0; k < i && !again; k++)
				again = digest_eq(&v[k].ref.digest, &v[i].ref.digest);
			const char *text = DIGEST_STR(&v[i].ref.digest);
			if (!again)
				printf("%.*s\n", whole ? DIGEST_TEXT : 12, whole ? text : strchr(text, ':') + 1);
		}
	} else {
		images_table(stdout, v, n, whole, (s64)time(NULL));
	}
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct arena a = { 0 };
	struct wanted wanted = { .names = args, .n_names = n_args, .dangling = -1 };
	struct listing l = { .a = &a, .wanted = &wanted };
	int r = read_filters(&a, &opt[O_FILTER], &wanted, &err);
	r = r < 0 ? r : store_open(globals.store, false, &l.s, &err);
	r = r < 0 ? r : store_each_ref(l.s, add, &l, &err);
	if (r == 0 && l.n)
		qsort(l.v, l.n, sizeof *l.v, newest_first);
	if (r == 0)
		print(opt, l.v, l.n);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	store_close(l.s);
	free(l.v);
	arena_free(&a);
	return status;
}

const struct command command_images = {
	.name = "images",
	.summary = "the images of the store",
	.synopsis = "[OPTIONS] [NAME...]",
	.description = "Lists the images that the store keeps, the newest first: their names, the platforms that are there, how large they are as stored (compressed), and how much of that nothing else "
		       "needs: what removing the image alone would free.\n\n"
		       "NAME is a repository, a whole name, a pattern of either, or the beginning of a digest; only what one of them names is listed. Images without a name are those whose name went to another.\n\n"
		       "-q, --quiet prints the digests alone, each once, for other commands.",
	.options = options,
	.examples = "pare images # all of them\n"
		    "pare images alpine 'registry.example/app:*' # some\n"
		    "pare images --filter dangling=true # what a prune would take\n"
		    "pare rm $(pare images --format names app) # all names of a repository\n"
		    "pare images --format json # for programs",
	.min_args = 0,
	.max_args = ARGS_MANY,
	.run = run,
};
