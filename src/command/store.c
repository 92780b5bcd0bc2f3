#include "store/store.h"
#include "base/jsonw.h"
#include "base/text.h"
#include "command/command.h"
#include "store/load.h"

enum { O_REPAIR, O_FORMAT };
static const struct option options[] = {
	[O_REPAIR] = { "repair", 0, OPT_FLAG, NULL, "check: Take out what is damaged, drop the references that stood on it, and write index.json anew.", NULL },
	[O_FORMAT] = { "format", 'f', OPT_VALUE, "FORMAT", "table (the default), or json: docs/schema/store-check describes it.", "table json" },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct faults {
	bool json;
	char **v;
	u32 n, cap;
};

static void fault(void *ctx, const char *line)
{
	struct faults *f = ctx;
	if (f->json) {
		VEC_PUSH(f->v, f->n, f->cap, xstrdup(line));
		return;
	}
	struct buf safe = BUF(0);
	text_safe(&safe, str_of(line));
	puts(buf_str(&safe).p);
	buf_free(&safe);
}

static void as_json(const struct store_check *c, const struct faults *f)
{
	struct jsonw w;
	jsonw_init(&w, stdout, 2);
	jsonw_obj(&w);
	jsonw_ku(&w, "references", c->refs);
	jsonw_ku(&w, "blobs", c->blobs);
	jsonw_ku(&w, "bytes", c->bytes);
	jsonw_ku(&w, "bad", c->bad);
	jsonw_ku(&w, "missing", c->missing);
	jsonw_ku(&w, "stray", c->stray);
	jsonw_ku(&w, "dropped", c->dropped);
	jsonw_key(&w, "faults");
	jsonw_arr(&w);
	for (u32 i = 0; i < f->n; i++)
		jsonw_str(&w, str_of(f->v[i]));
	jsonw_end(&w);
	jsonw_end(&w);
}

static void as_text(const struct store_check *c, bool repaired)
{
	printf("%s reference%s, %s blob%s, %s: ", TEXT_COUNT(c->refs), c->refs == 1 ? "" : "s", TEXT_COUNT(c->blobs), c->blobs == 1 ? "" : "s", TEXT_SIZE(c->bytes));
	if (!c->bad && !c->missing)
		printf("all well");
	else
		printf("%u bad, %u missing", c->bad, c->missing);
	if (c->stray)
		printf("; %u stray, which `pare prune` removes", c->stray);
	if (repaired && (c->bad || c->missing))
		printf("; repaired, %u reference%s dropped", c->dropped, c->dropped == 1 ? "" : "s");
	putchar('\n');
}

static int run_check(const struct option_value *opt, char **args, int n_args)
{
	(void)args;
	(void)n_args;
	struct error err = { 0 };
	struct store *s;
	struct store_check c;
	bool repair = opt[O_REPAIR].count;
	struct faults f = { .json = option_is(&opt[O_FORMAT], "json") };
	if ((repair ? store_open_repair(globals.store, &s, &err) : store_open(globals.store, false, &s, &err)) < 0)
		return command_fail(&err);
	int r = store_check(s, repair, fault, &f, &c, &err);
	if (r == 0 && f.json)
		as_json(&c, &f);
	else if (r == 0)
		as_text(&c, repair);
	store_close(s);
	for (u32 i = 0; i < f.n; i++)
		free(f.v[i]);
	free(f.v);
	return r < 0 ? command_fail(&err) : command_done(c.bad || c.missing ? 3 : 0);
}

static int run_path(const struct option_value *opt, char **args, int n_args)
{
	(void)opt;
	(void)args;
	(void)n_args;
	struct arena a = { 0 };
	struct error err = { 0 };
	const char *dir = store_dir(&a, globals.store, &err);
	if (dir)
		printf("%s/images\n", dir);
	arena_free(&a);
	return dir ? command_done(0) : command_fail(&err);
}

static const struct subcommand subcommands[] = {
	{ "check", "[--repair]", "Read everything that is stored: is each blob what its digest says, and is all there that references and manifests name.", "repair format", 0, 0, run_check },
	{ "path", "", "Print the directory of the images, an OCI layout that other tools read.", "", 0, 0, run_path },
	{ NULL, NULL, NULL, NULL, 0, 0, NULL },
};

const struct command command_store = {
	.name = "store",
	.summary = "the images that are kept here: are they whole, where are they",
	.synopsis = "SUBCOMMAND",
	.description = "Images that were pulled, imported or built are kept in the store, an OCI image layout with an index beside it. Several processes use it at once, and any of them may be killed at any "
		       "moment: what they were writing is then not there, and what they left behind goes with the next prune.\n"
		       "\n"
		       "check reads every byte of it. A fault is a line: bad, content that has another digest than it was stored under; missing, what a reference or a manifest names and is not there; stray, "
		       "a file that the index does not know, which takes room and does no harm. It ends with 3 when something is bad or missing, also when --repair has taken it out: then the images that "
		       "stood on it are gone, to be pulled again. Where store.db itself is damaged --repair puts it aside and makes it anew from the layout's index.json; where it is lost, that happens by itself.\n"
		       "\n"
		       "path names the layout's directory. Other tools may read it (skopeo inspect oci:DIR:NAME) and must not write to it.",
	.options = options,
	.examples = "pare store check # read everything back\n"
		    "pare store check --repair # take out what is damaged\n"
		    "pare store check --format json # for programs\n"
		    "skopeo inspect oci:$(pare store path):docker.io/library/alpine:latest # with another tool\n",
	.subcommands = subcommands,
};
