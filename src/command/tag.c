#include "command/command.h"
#include "store/store.h"

static int run(const struct option_value *opt, char **args, int n_args)
{
	(void)opt;
	(void)n_args;
	struct error err = { 0 };
	struct arena a = { 0 };
	struct store *s = NULL;
	struct store_ref ref;
	struct reference name;
	int r = reference_parse(&a, str_of(args[1]), &name, &err);
	if (r == 0 && name.digest.alg)
		r = error_set(&err, ERR_USAGE, "tag %.200s: a name with a digest cannot be given", args[1]);
	r = r < 0 ? r : store_open(globals.store, true, &s, &err);
	r = r < 0 ? r : store_resolve(s, args[0], &ref, &a, &err);
	if (r == 1)
		r = error_set(&err, ERR_ENV, "tag: %.200s: is not in the store; `pare pull %.200s` gets it", args[0], args[0]);
	r = r < 0 ? r : store_set_ref(s, reference_text(&a, &name), &ref.digest, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	store_close(s);
	arena_free(&a);
	return status;
}

static const struct option options[] = { { NULL, 0, OPT_FLAG, NULL, NULL, NULL } };

const struct command command_tag = {
	.name = "tag",
	.summary = "give an image of the store another name",
	.synopsis = "IMAGE NAME",
	.description = "IMAGE is a name, a digest, or the beginning of one (6 digits or more), of the store. What had the new NAME before stays in the store without it, until a prune.",
	.options = options,
	.examples = "pare tag alpine:3.20 registry.example/base/alpine:3.20 # before a push\n"
		    "pare tag 9b1f44aa4e2c app:good # by the beginning of a digest",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
