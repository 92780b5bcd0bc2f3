#include "lint/edit.h"

static bool is_quote(char c) { return c == '"' || c == '\''; }

struct str lint_unquote(struct str s)
{
	while (s.n && is_quote(s.p[0]))
		s = str_from(s, 1);
	while (s.n && is_quote(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct look {
	const struct df_state *s;
	bool unknown;
};

static bool look(void *ctx, struct str name, struct str *ret)
{
	struct look *k = ctx;
	const struct df_var *v = k->s ? df_state_var(k->s, name) : NULL;
	if (!v || !v->known || !v->value.p) {
		k->unknown = true;
		return false;
	}
	*ret = v->value;
	return true;
}

/* A file whose arena is larger than that has words that are made to grow: nothing more is expanded. */
#define EXPANDED (64 * MiB)

struct str lint_expand(const struct lint *l, const struct df_instruction *i, struct str word, bool *known)
{
	const struct df_state *s = i->keyword == DF_FROM ? l->graph.global_state : l->graph.state ? l->graph.state[i->index] : NULL;
	struct look k = { .s = s };
	struct word_env env = { .lookup = look, .ctx = &k };
	struct word_options o = { .escape = l->file.escape };
	struct arena *a = (struct arena *)&l->file.arena; /* goes with the file */
	struct str r;
	*known = a->total < EXPANDED && word_expand(a, word, &o, &env, &r, NULL) == 0 && !k.unknown;
	return *known ? r : lint_unquote(word);
}

struct lint_image_name lint_image_name(struct str s)
{
	struct lint_image_name r = { 0 };
	size_t first = 0, last = 0, colon = 0; /* 1 + offset: of the first and last slash, of the last colon behind the last slash */
	u32 depth = 0;                         /* of ${…}, whose operators are no separators */
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '{')
			depth++;
		else if (c == '}' && depth)
			depth--;
		else if (depth)
			continue;
		else if (c == '/') {
			last = i + 1;
			first = first ? first : last;
			colon = 0;
		} else if (c == ':') {
			colon = i + 1;
		} else if (c == '@') {
			r.digest = str_from(s, i + 1);
			s.n = i;
		}
	}
	if (colon) {
		r.tag = str_from(s, colon);
		s.n = colon - 1;
	}
	struct str host = str_head(s, first ? first - 1 : 0);
	if (host.n && (str_chr(host, '.') || str_chr(host, ':') || str_is(host, "localhost")) && host.p[0] != '$') {
		r.registry = host;
		s = str_from(s, first);
	}
	r.path = s;
	return r;
}

const struct df_stage *lint_stage(const struct lint *l, const struct df_instruction *i)
{
	u32 k = l->graph.stage_of ? l->graph.stage_of[i->index] : DF_NONE;
	return k == DF_NONE ? NULL : &l->graph.stages[k];
}

const struct df_instruction *lint_outer(const struct lint *l, const struct df_instruction *i) { return &l->file.instructions[i->index]; }

bool lint_holds_comment(const struct lint *l, const struct df_instruction *i)
{
	u32 lo = 0, hi = l->file.n_comments;
	while (lo < hi) {
		u32 m = (lo + hi) / 2;
		if (l->file.comments[m].span.at < i->span.at)
			lo = m + 1;
		else
			hi = m;
	}
	return lo < l->file.n_comments && l->file.comments[lo].span.at < i->span.end && l->file.comments[lo].inside;
}

const struct df_instruction *lint_last(const struct lint *l, u32 stage, enum df_keyword k)
{
	for (u32 n = 0; stage != DF_NONE && n <= l->graph.n_stages; stage = l->graph.stages[stage].base, n++) {
		const struct df_stage *s = &l->graph.stages[stage];
		for (u32 i = s->end; i > s->first; i--)
			if (l->file.instructions[i - 1].keyword == k && !l->file.instructions[i - 1].bad)
				return &l->file.instructions[i - 1];
	}
	return NULL;
}

/* --- edits --- */
static u32 line_start(const struct lint *l, u32 offset)
{
	u32 at = offset;
	while (at > 0 && l->file.text.p[at - 1] != '\n')
		at--;
	return at == 0 && l->file.bom ? 3 : at;
}

void lint_fix_remove(struct lint *l, struct diagnostic *d, enum fix_safety safety, const char *title, const struct df_instruction *i)
{
	if (lint_holds_comment(l, i))
		return;
	struct df_span s = { line_start(l, i->span.at), i->span.end };
	while (s.end < l->file.text.n && l->file.text.p[s.end - 1] != '\n')
		s.end++;
	if (s.end && l->file.text.p[s.end - 1] != '\n')
		return; /* the last line, without a newline: what ends before it would lose its own */
	if (d->fix)
		lint_fix_add(l, d, s, str_n("", 0));
	else
		lint_fix(l, d, safety, title, s, str_n("", 0));
}

struct df_span lint_line_before(const struct lint *l, const struct df_instruction *i)
{
	u32 at = line_start(l, lint_outer(l, i)->span.at);
	while (at > 0) {
		u32 above = line_start(l, at - 1);
		struct str line = str_trim(str_n(l->file.text.p + above, at - above));
		if (above >= at || !line.n || line.p[0] != '#')
			break;
		at = above;
	}
	return (struct df_span){ at, at };
}
