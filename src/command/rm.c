#include "base/buf.h"
#include "base/text.h"
#include "command/command.h"
#include "store/store.h"

enum { O_ALL, O_PRUNE };
static const struct option options[] = {
	[O_ALL] = { "all", 'a', OPT_FLAG, NULL, "Every image of the store.", NULL },
	[O_PRUNE] = { "prune", 0, OPT_FLAG, NULL, "Free at once what nothing needs any more, instead of leaving that to `pare prune`.", NULL },
	{ NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct refs {
	struct arena *a;
	struct store_ref *v;
	bool *gone;
	u32 n, cap;
};

static int add(void *ctx, const struct store_ref *ref, struct error *err)
{
	(void)err;
	struct refs *l = ctx;
	struct store_ref one = *ref;
	one.name = arena_strdup(l->a, str_of(ref->name));
	VEC_PUSH(l->v, l->n, l->cap, one);
	return 0;
}

static const char *shown(struct arena *a, const struct store_ref *r)
{
	struct reference name;
	if (!r->name[0])
		return arena_strdup(a, str_of(DIGEST_STR(&r->digest)));
	return reference_parse(a, str_of(r->name), &name, &(struct error){ 0 }) < 0 ? r->name : reference_familiar(a, &name);
}

/* Names that are left to the same image. */
static void other_names(struct refs *l, const struct digest *d, struct buf *out)
{
	buf_clear(out);
	for (u32 i = 0; i < l->n; i++)
		if (!l->gone[i] && l->v[i].name[0] && digest_eq(&l->v[i].digest, d))
			buf_printf(out, "%s%s", out->n ? ", " : "", shown(l->a, &l->v[i]));
}

static int drop(struct store *s, struct refs *l, u32 i, struct error *err)
{
	struct buf others = BUF(0), line = BUF(0);
	int r = store_drop_ref(s, l->v[i].name[0] ? l->v[i].name : DIGEST_STR(&l->v[i].digest), err);
	l->gone[i] = r >= 0;
	if (r == 0) {
		other_names(l, &l->v[i].digest, &others);
		buf_printf(&line, "Removed %s", shown(l->a, &l->v[i]));
		if (others.n)
			buf_printf(&line, "; the image stays as %s", others.p);
		struct buf safe = BUF(0);
		text_safe(&safe, buf_str(&line));
		puts(safe.p);
		buf_free(&safe);
	}
	buf_free(&others);
	buf_free(&line);
	return r < 0 ? -1 : 0;
}

/* The reference that an operand means: by its name that one, by a digest the only one the image has. */
static int find(struct store *s, struct refs *l, const char *word, u32 *ret, struct error *err)
{
	struct store_ref ref;
	struct reference as_name;
	struct buf names = BUF(0);
	int r = store_resolve(s, word, &ref, l->a, err);
	if (r < 0)
		return -1;
	u32 found = 0;
	bool exact = r == 0 && ref.name[0] && reference_parse(l->a, str_of(word), &as_name, &(struct error){ 0 }) == 0 && strcmp(reference_text(l->a, &as_name), ref.name) == 0;
	for (u32 i = 0; r == 0 && i < l->n; i++) {
		if (l->gone[i] || !digest_eq(&l->v[i].digest, &ref.digest) || (exact && strcmp(l->v[i].name, ref.name) != 0))
			continue;
		*ret = i;
		found++;
	}
	if (found == 1)
		return 0;
	if (!found)
		return error_set(err, ERR_ENV, "rm: %.200s: is not in the store; `pare images` lists what is", word);
	other_names(l, &ref.digest, &names);
	error_set(err, ERR_USAGE, "rm: %.200s: has several names, say which: %.600s", word, names.n ? names.p : "");
	buf_free(&names);
	return -1;
}

static int finish(struct store *s, bool prune, struct error *err)
{
	struct store_swept swept;
	if (store_sweep(s, !prune, &swept, err) < 0)
		return -1;
	if (prune)
		printf("Freed %s.\n", TEXT_SIZE(swept.bytes));
	else if (swept.bytes)
		printf("%s are not needed any more; `pare prune` frees them.\n", TEXT_SIZE(swept.bytes));
	return 0;
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct error err = { 0 };
	struct arena a = { 0 };
	struct refs l = { .a = &a };
	struct store *s = NULL;
	int r = 0;
	if (!opt[O_ALL].count == !n_args)
		r = error_set(&err, ERR_USAGE, "rm: %s; usage: pare rm NAME... or pare rm --all", n_args ? "names or --all, not both" : "what?");
	r = r < 0 ? r : store_open(globals.store, true, &s, &err);
	r = r < 0 ? r : store_each_ref(s, add, &l, &err);
	l.gone = xcalloc((size_t)l.n + 1, sizeof *l.gone);
	for (u32 i = 0; r == 0 && opt[O_ALL].count && i < l.n; i++)
		r = drop(s, &l, i, &err);
	for (int i = 0; r == 0 && i < n_args; i++) {
		u32 which = 0;
		r = find(s, &l, args[i], &which, &err);
		r = r < 0 ? r : drop(s, &l, which, &err);
	}
	r = r < 0 ? r : finish(s, opt[O_PRUNE].count > 0, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	store_close(s);
	free(l.gone);
	free(l.v);
	arena_free(&a);
	return status;
}

const struct command command_rm = {
	.name = "rm",
	.summary = "take names off images of the store",
	.synopsis = "[OPTIONS] NAME...|--all",
	.description = "NAME is a name in the store, or the digest (or its beginning) of an image that has no more than one. The name is gone at once; what the image stands on goes with the next prune, "
		       "unless another name, or a running process, still needs it.",
	.options = options,
	.examples = "pare rm app:old # its content goes with the next prune\n"
		    "pare rm --prune app:1.0 app:1.1 # and here at once\n"
		    "pare rm --all --prune # an empty store",
	.min_args = 0,
	.max_args = ARGS_MANY,
	.run = run,
};
