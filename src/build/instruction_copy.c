#include "base/text.h"
#include "build/git.h"
#include "build/instruction_parts.h"

static enum copy_kind kind(struct str s)
{
	return git_is_url(s) ? COPY_GIT : str_starts(s, STR("http://")) || str_starts(s, STR("https://")) ? COPY_URL : COPY_FILES;
}

static bool on(const struct df_instruction *i, const char *flag)
{
	const struct df_flag *f = df_flag(i, flag);
	return f && (!f->value.p || str_ieq(f->value, STR("true")));
}

/* A flag's value as expanded; p NULL: not given, or nothing. */
static int value(struct applied *x, const char *flag, struct str *ret)
{
	const struct df_flag *f = df_flag(x->i, flag);

	*ret = (struct str){ 0 };
	if (!f || !f->value.n)
		return 0;
	if (applied_expand(x, f->value, ret) < 0)
		return -1;
	if (!ret->n)
		*ret = (struct str){ 0 };
	return 0;
}

/* The here-document that a source is; NULL: it is none. Of several with one name the last counts, as for BuildKit. */
static const struct df_heredoc *heredoc(const struct df_instruction *i, const struct df_word *w)
{
	const struct df_heredoc *found = NULL;

	for (u32 k = 0; k < i->n_heredocs && !found; k++)
		if (i->heredocs[k].marker.at == w->span.at && i->heredocs[k].marker.end == w->span.end)
			found = &i->heredocs[k];
	for (u32 k = 0; found && k < i->n_heredocs; k++)
		if (str_eq(i->heredocs[k].name, found->name))
			found = &i->heredocs[k];
	return found;
}

static int text(struct applied *x, const struct df_heredoc *h, struct copy_item *ret)
{
	struct word_env env = df_state_env(x->state);
	struct word_options o = { .escape = '\\', .skip_quotes = true };
	struct str body = h->content;

	if (str_chr(h->name, '/') || str_is(h->name, ".") || str_is(h->name, ".."))
		return error_set(x->err, ERR_INPUT, "a here-document cannot be called \"%.*s\": it is a file's name", STR_FMT(h->name));
	if (h->chomp)
		body = applied_chomp(x, body);
	*ret = (struct copy_item){ .kind = COPY_TEXT, .source = h->name, .text = body };
	if (!h->expand || !body.n)
		return 0;
	return word_expand(x->a, body, &o, &env, &ret->text, x->err);
}

/* Files first, then texts. */
static int items(struct applied *x, struct buf *said)
{
	struct copy_spec *c = &x->ret->copy;
	const struct df_instruction *i = x->i;
	struct copy_item *v = arena_array(x->a, struct copy_item, i->n_args);

	c->items = v;
	for (u32 texts = 0; texts < 2; texts++)
		for (u32 k = 0; k + 1 < i->n_args; k++) {
			const struct df_heredoc *h = i->json ? NULL : heredoc(i, &i->args[k]);
			struct copy_item *item = &v[c->n];

			if ((h != NULL) != (texts != 0))
				continue;
			if (h && text(x, h, item) < 0)
				return -1;
			if (!h) {
				if (applied_expand(x, i->args[k].s, &item->source) < 0)
					return -1;
				item->kind = kind(item->source);
				if (!c->add && item->kind != COPY_FILES)
					return error_set(x->err, ERR_INPUT, "source can't be a %s for COPY: %.*s", item->kind == COPY_GIT ? "git ref" : "URL", STR_FMT(item->source));
				if (!item->source.n)
					item->source = STR(".");
			}
			buf_puts(said, h ? " <<" : " ");
			if (item->kind == COPY_GIT)
				text_hide_passwords(said, item->source);
			else
				buf_add(said, item->source);
			c->n++;
		}
	return 0;
}

static int exclude(struct applied *x)
{
	struct copy_spec *c = &x->ret->copy;
	struct str *v = NULL;

	for (const struct df_flag *f = NULL; (f = df_flags_next(x->i, "exclude", f));) {
		if (!v)
			v = arena_array(x->a, struct str, x->i->n_flags);
		if (applied_expand(x, f->value, &v[c->n_exclude++]) < 0)
			return -1;
	}
	c->exclude = v;
	return 0;
}

static int checksum(struct applied *x)
{
	const struct copy_spec *c = &x->ret->copy;
	struct digest d;

	if (!c->checksum.p)
		return 0;
	if (c->n != 1)
		return error_set(x->err, ERR_INPUT, "checksum can't be specified for multiple sources");
	if (c->items[0].kind != COPY_URL && c->items[0].kind != COPY_GIT)
		return error_set(x->err, ERR_INPUT, "checksum requires HTTP(S) or Git sources");
	return c->items[0].kind == COPY_GIT ? 0 : digest_parse(c->checksum, &d, x->err);
}

/* Named as written: what holds variables is no stage's name for BuildKit. */
static int from(struct applied *x)
{
	const struct df_flag *f = df_flag(x->i, "from");
	struct word_options o = { .escape = x->escape };
	struct str same;

	if (!f || !f->value.n)
		return 0;
	if (str_chr(f->value, '\0') || word_expand(x->a, f->value, &o, NULL, &same, x->err) < 0 || !str_eq(same, f->value))
		return error_set(x->err, ERR_INPUT, "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround");
	x->ret->copy_from = arena_strdup(x->a, f->value);
	return 0;
}

int apply_copy(struct applied *x)
{
	const struct df_instruction *i = x->i;
	struct copy_spec *c = &x->ret->copy;
	struct buf b = { 0 };
	const struct df_flag *unpack = df_flag(i, "unpack");

	*c = (struct copy_spec){ .add = i->keyword == DF_ADD, .workdir = arena_strdup(x->a, str_of(image_workdir(x->im))), .parents = on(i, "parents"),
		.keep_git_dir = on(i, "keep-git-dir"), .unpack = unpack ? on(i, "unpack") : -1, .time = x->opt->time, .epoch = x->opt->epoch, .text_mode = x->opt->text_mode };
	x->ret->kind = ACTION_COPY;
	x->ret->layer = true;
	if (i->n_args < 2)
		return error_set(x->err, ERR_INPUT, "%s requires at least two arguments", df_keyword_text[i->keyword]);
	if (from(x) < 0 || value(x, "chown", &c->chown) < 0 || value(x, "chmod", &c->chmod) < 0 || value(x, "checksum", &c->checksum) < 0 || exclude(x) < 0)
		return -1;
	c->link = on(i, "link") && !c->chmod.n; /* BuildKit merges no modes */
	buf_puts(&b, df_keyword_text[i->keyword]);
	buf_puts(&b, c->parents ? " --parents" : "");
	buf_printf(&b, "%s%.*s", c->chown.p ? " --chown=" : "", STR_FMT(c->chown));
	buf_printf(&b, "%s%.*s", c->chmod.p ? " --chmod=" : "", STR_FMT(c->chmod));
	if (items(x, &b) < 0 || checksum(x) < 0 || applied_expand(x, i->args[i->n_args - 1].s, &c->dest) < 0) {
		buf_free(&b);
		return -1;
	}
	buf_putc(&b, ' ');
	buf_add(&b, c->dest);
	buf_puts(&b, " # buildkit");
	if (!c->dest.n || str_is(c->dest, "."))
		c->dest = STR("./");
	applied_created_by(x, &b);
	return 0;
}
