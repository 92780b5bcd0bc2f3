#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "command/command.h"
#include "command/place.h"
#include "transport/repo.h"
#include <unistd.h>

#define USERS_SHOWN 5u

enum { O_YES, O_FORCE, O_DRY_RUN, O_PLACE, O_END = O_PLACE + PLACE_COUNT };

static const struct option options[] = {
	[O_YES] = { "yes", 'y', OPT_FLAG, NULL, "Do not ask. Needed where nobody can be asked: when standard input is no terminal.", NULL },
	[O_FORCE] = { "force-digest", 0, OPT_FLAG, NULL, "Delete a manifest that is named by its digest although tags stand for it, or an index that has a tag names it. These tags go with it.", NULL },
	[O_DRY_RUN] = { "dry-run", 'n', OPT_FLAG, NULL, "Only say what would be deleted.", NULL },
	PLACE_OPTIONS(O_PLACE),
	[O_END] = { NULL, 0, OPT_FLAG, NULL, NULL, NULL },
};

struct target {
	const char *word, *which;
	struct repo *r;
	struct digest digest; /* of the manifest */
	struct buf users;     /* tags that use it, or may, besides the one that is named */
	u32 n_users;
	bool unread;          /* some of these could not be read */
};

/* Whether a tag's document is the manifest, or an index that names it. */
static bool uses(const struct document *d, const struct digest *digest)
{
	struct arena a = { 0 };
	struct index x;
	bool yes = digest_eq(&d->digest, digest);
	if (!yes && media_type_is_index(d->type)) {
		autojson json_t *doc = json_read_limit(buf_str(&d->bytes), REPO_DOCUMENT_MAX, "index", NULL);
		if (doc && index_parse(&a, doc, &x, NULL) == 0)
			for (u32 i = 0; i < x.n && !yes; i++)
				yes = digest_eq(&x.manifests[i].digest, digest);
	}
	arena_free(&a);
	return yes;
}

static int note_user(void *ctx, const char *tag, struct error *err)
{
	struct target *t = ctx;
	struct document d = { 0 };
	if (strcmp(tag, t->which) == 0)
		return 0;
	(void)err;
	struct error ignored = { 0 };
	int r = repo_document(t->r, tag, &d, &ignored);
	if (r > 0)
		return 0;
	t->unread |= r < 0; /* damaged, or kept back: it may be this manifest, or name it */
	if ((r < 0 || uses(&d, &t->digest)) && t->n_users++ < USERS_SHOWN)
		buf_printf(&t->users, "%s%s%s", t->users.n ? ", " : "", tag, r < 0 ? " (cannot be read)" : "");
	document_free(&d);
	return 0;
}

/* What the name stands for, whole or damaged: who deletes by a digest need not have read it. */
static int find(struct target *t, struct error *err)
{
	struct document d = { 0 };
	struct error why = { 0 };
	bool tag = !strchr(t->which, ':');
	int r = repo_document(t->r, t->which, &d, &why);
	t->digest = d.digest;
	document_free(&d);
	if (r > 0)
		return error_set(err, ERR_ENV, "%s: there is no %s", repo_name(t->r), t->which);
	if (r < 0 && !tag)
		return digest_parse(str_of(t->which), &t->digest, err);
	if (r < 0 && why.kind != ERR_INPUT) {
		*err = why;
		return -1;
	}
	return 0;
}

/* What the name stands for, and, of a digest, who else needs that. */
static int look(struct arena *a, struct target *t, const struct option_value *opt, const struct repo_options *o, struct error *err)
{
	t->which = place_which(a, t->word, err);
	if (!t->which || place_open(t->word, o, &t->r, err) < 0)
		return -1;
	if (strcmp(repo_transport(t->r), "pare") == 0)
		return error_set(err, ERR_USAGE, "%s: names in our store are removed by pare rm", t->word);
	if (find(t, err) < 0)
		return -1;
	if (!strchr(t->which, ':'))
		return 0;
	if (repo_tags(t->r, note_user, t, err) < 0)
		return -1;
	if (t->n_users && !opt[O_FORCE].count)
		return error_set(err, ERR_USAGE, "%s: %sused by %s%s: delete tags by their names, or all of it with --force-digest", t->word, t->unread ? "perhaps " : "", t->users.p,
				 t->n_users > USERS_SHOWN ? " and more" : "");
	return 0;
}

static void say(const struct target *t, const char *what)
{
	struct buf out = BUF(0);
	text_safe(&out, str_of(t->word));
	if (!strchr(t->which, ':'))
		buf_printf(&out, " (%s)", t->digest.alg ? DIGEST_STR(&t->digest) : "damaged");
	if (t->n_users) {
		buf_printf(&out, " with %u %s: ", t->n_users, t->n_users == 1 ? "tag" : "tags");
		text_safe(&out, buf_str(&t->users));
		buf_puts(&out, t->n_users > USERS_SHOWN ? ", …" : "");
	}
	printf("%s %s\n", what, buf_str(&out).p);
	buf_free(&out);
}

/* 0: yes; -1 with *err: nobody could be asked; 1: no. */
static int ask(u32 n, struct error *err)
{
	char answer[16];
	if (!isatty(STDIN_FILENO))
		return error_set(err, ERR_USAGE, "delete: nobody can be asked whether this is meant: say --yes");
	fflush(stdout);
	fprintf(stderr, "Delete %s? [y/N] ", n == 1 ? "it" : "these");
	return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y') ? 0 : 1;
}

static int delete_all(struct arena *a, struct target *t, u32 n, const struct option_value *opt, struct error *err)
{
	struct repo_options o;
	bool dry = opt[O_DRY_RUN].count > 0;
	if (place_options(opt + O_PLACE, &o, err) < 0)
		return -1;
	o.write = o.erase = !dry;
	for (u32 i = 0; i < n; i++)
		if (look(a, &t[i], opt, &o, err) < 0)
			return -1;
	for (u32 i = 0; i < n && (dry || !opt[O_YES].count); i++)
		say(&t[i], dry ? "would delete" : "to delete:");
	int r = dry ? 1 : opt[O_YES].count ? 0 : ask(n, err);
	for (u32 i = 0; i < n && r == 0; i++) {
		r = repo_delete(t[i].r, t[i].which, err);
		if (r >= 0 && !globals.quiet)
			say(&t[i], r == 0 ? "deleted" : "was gone already:");
		r = MIN(r, 0);
	}
	return MIN(r, 0);
}

static int run(const struct option_value *opt, char **args, int n_args)
{
	struct arena a = { 0 };
	struct error err = { 0 };
	struct target *t = arena_array(&a, struct target, (u32)n_args);
	for (int i = 0; i < n_args; i++)
		t[i] = (struct target){ .word = args[i], .users = BUF(0) };
	int r = delete_all(&a, t, (u32)n_args, opt, &err);
	int status = r < 0 ? command_fail(&err) : command_done(0);
	for (int i = 0; i < n_args; i++) {
		repo_close(t[i].r);
		buf_free(&t[i].users);
	}
	arena_free(&a);
	return status;
}

const struct command command_delete = {
	.name = "delete",
	.summary = "remove a tag or a manifest from a registry or a layout",
	.synopsis = "[OPTIONS] REF...",
	.description = "Removes a tag (REPOSITORY:TAG), or a manifest with all of its tags (REPOSITORY@DIGEST). docker:// may be left out; a layout is oci:DIR:TAG. Names in our store are removed by `pare rm`.\n"
		       "\n"
		       "A tag that is named takes nothing with it: the manifest stays, and so do its other tags. Many registries delete no tags, only manifests; that is said then, and nothing is deleted in the tag's "
		       "place. A manifest that is named by its digest is deleted when no tag stands for it and no index that has a tag names it; else only with --force-digest. Everything that is named is looked at before "
		       "anything is deleted. A damaged manifest goes by its digest, too; a tag that cannot be read counts as one that stands for it.\n"
		       "\n"
		       "What this frees is the registry's affair: most of them do so when they next collect garbage. `pare prune --registry` removes by age, number and pattern.",
	.options = options,
	.examples = "pare delete quay.io/app/web:old # a tag, after asking\n"
		    "pare delete --yes quay.io/app/web:1.0 quay.io/app/web:1.1 # without\n"
		    "pare delete --yes --force-digest localhost:5000/web@$DIGEST # a manifest and its tags\n",
	.min_args = 1,
	.max_args = ARGS_MANY,
	.run = run,
};
