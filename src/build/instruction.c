#include "build/instruction.h"
#include "base/text.h"
#include "build/instruction_parts.h"

#define NAME_MAX_BYTES 2000 /* of a step's name for people */

int applied_expand(struct applied *x, struct str word, struct str *ret)
{
	struct word_env env = df_state_env(x->state);
	struct word_options o = { .escape = x->escape };

	if (!word.n) {
		*ret = STR("");
		return 0;
	}
	if (word_expand(x->a, word, &o, &env, ret, x->err) < 0)
		return -1;
	return str_chr(*ret, '\0') ? error_set(x->err, ERR_INPUT, "a NUL byte in \"%.*s\"", STR_FMT(str_head(word, 80))) : 0;
}

char *applied_z(struct applied *x, const struct buf *b)
{
	char *z = arena_strdup(x->a, buf_str(b));

	free(b->p);
	return z;
}

/* Where so much has been said that only a hostile file can be meant, entries are short. */
void applied_created_by(struct applied *x, struct buf *b)
{
	size_t max = x->im && x->im->said > SAID_MAX ? 256 : CREATED_BY_MAX;

	if (b->n > max) {
		while (max && ((u8)b->p[max] & 0xC0) == 0x80)
			max--;
		b->n = max;
		buf_puts(b, "…");
	}
	if (x->im)
		x->im->said += b->n;
	x->ret->created_by = applied_z(x, b);
}

struct str applied_build_arg(const struct applied *x, struct str name)
{
	for (u32 i = x->opt->n_build_args; i-- > 0;) {
		struct str value = x->opt->build_args[i], key = str_cut(&value, '=');
		if (str_eq(key, name) && value.p)
			return value;
	}
	return (struct str){ 0 };
}

/* "RUN make -j4": the line as written, variables that are set put in; of a here-document its first line, too. */
static void name(struct applied *x)
{
	struct word_env env = df_state_env(x->state);
	struct word_options o = { .escape = x->escape, .raw_quotes = true, .raw_escapes = true, .skip_unset = true };
	struct str rest = str_trim(str_from(x->i->text.s, x->i->word.s.n)), text;
	struct buf b = { 0 };

	if (rest.n > NAME_MAX_BYTES)
		rest = str_head(rest, NAME_MAX_BYTES);
	if (word_expand(x->a, rest, &o, &env, &text, NULL) < 0)
		text = rest;
	buf_puts(&b, df_keyword_text[x->i->keyword]);
	buf_putc(&b, ' ');
	buf_add(&b, str_head(text, NAME_MAX_BYTES));
	if (x->i->keyword == DF_RUN && x->i->n_heredocs == 1) {
		struct str doc = str_trim(x->i->heredocs[0].content), first = str_cut(&doc, '\n');
		buf_printf(&b, " (%.*s%s)", STR_FMT(str_head(str_trim(first), 200)), doc.p ? "..." : "");
	}
	for (size_t k = 0; k < b.n; k++)
		if (b.p[k] == '\n' || b.p[k] == '\r' || b.p[k] == '\0')
			b.p[k] = ' ';
	struct buf shown = { 0 };
	text_hide_passwords(&shown, buf_str(&b));
	buf_free(&b);
	x->ret->name = applied_z(x, &shown);
}

/* FROM: graph.h resolves it; what cannot be expanded, or is nothing, is refused here. */
static int from(struct applied *x)
{
	const struct df_flag *platform = df_flag(x->i, "platform");
	struct str image, p;

	if (!x->i->n_args || applied_expand(x, x->i->args[0].s, &image) < 0)
		return -1;
	if (!image.n)
		return error_set(x->err, ERR_INPUT, "base name (%.*s) should not be blank", STR_FMT(x->i->args[0].s));
	if (!platform || !platform->value.n)
		return 0;
	if (applied_expand(x, platform->value, &p) < 0)
		return -1;
	return p.n ? 0 : error_set(x->err, ERR_INPUT, "FROM --platform=%.*s is nothing when it is expanded", STR_FMT(platform->value));
}

/* ARG: graph.h sets it; the history says what to. */
static int arg(struct applied *x)
{
	struct buf b = { 0 };

	buf_puts(&b, "ARG");
	for (u32 k = 0; k < x->i->n_pairs; k++) {
		const struct df_pair *p = &x->i->pairs[k];
		struct str key = p->name.s, value;

		if (x->im && applied_expand(x, key, &key) < 0)
			goto fail;
		value = applied_build_arg(x, key);
		if (!value.p && p->value.s.p && applied_expand(x, p->value.s, &value) < 0)
			goto fail;
		const struct df_var *up = !value.p && x->im && x->opt->globals ? df_state_var(x->opt->globals, key) : NULL;
		if (up)
			value = up->value;
		if (str_chr(value, '\0')) {
			error_set(x->err, ERR_INPUT, "a NUL byte in the argument %.*s", STR_FMT(key));
			goto fail;
		}
		buf_putc(&b, ' ');
		buf_add(&b, key);
		if (value.p) {
			buf_putc(&b, '=');
			buf_add(&b, value);
		}
	}
	applied_created_by(x, &b);
	return 0;
fail:
	buf_free(&b);
	return -1;
}

int instruction_apply(struct stage_image *im, const struct df_instruction *i, const struct df_state *state, char escape, const struct instruction_options *opt, struct action *ret, struct error *err)
{
	struct arena own = { 0 }; /* of what is only checked */
	struct applied x = { im, im ? im->a : &own, i, state, escape ? escape : '\\', opt, ret, err };
	int r;

	*ret = (struct action){ .kind = ACTION_NONE };
	switch (i->keyword) {
	case DF_FROM: r = from(&x); break;
	case DF_ARG: r = arg(&x); break;
	case DF_RUN: r = apply_run(&x); break;
	case DF_COPY:
	case DF_ADD: r = apply_copy(&x); break;
	case DF_UNKNOWN:
	case DF_KEYWORDS: r = error_set(err, ERR_INPUT, "unknown instruction: %.*s", STR_FMT(str_head(i->word.s, 80))); break;
	default: r = apply_config(&x); break;
	}
	if (r == 0 && im)
		name(&x);
	if (!im) {
		*ret = (struct action){ .kind = ACTION_NONE };
		arena_free(&own);
	}
	return r;
}

void instruction_platforms(struct arena *a, const struct platform *build, const struct platform *target, struct df_graph_options *opt)
{
	const struct platform *both[] = { build, target };
	static const char *const of[] = { "BUILD", "TARGET" };
	struct str *v = arena_array(a, struct str, 8);

	for (u32 i = 0; i < countof(both); i++) {
		struct platform p = *both[i];
		char text[100];

		platform_normalise(&p);
		v[4 * i] = str_of(arena_printf(a, "%sPLATFORM=%s", of[i], platform_text(&p, text)));
		v[4 * i + 1] = str_of(arena_printf(a, "%sOS=%s", of[i], p.os));
		v[4 * i + 2] = str_of(arena_printf(a, "%sARCH=%s", of[i], p.arch));
		v[4 * i + 3] = str_of(arena_printf(a, "%sVARIANT=%s", of[i], p.variant));
	}
	opt->platform = v;
	opt->n_platform = 8;
	opt->exact = true;
}
